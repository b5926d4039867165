"""``judge``: the verdicts again, from a record alone."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r2s_audit.cli.exits import exit_of
from r2s_audit.cli.run import show, write
from r2s_audit.cli.session import Session, printable
from r2s_audit.cli.wording import Command
from r2s_audit.errors import UsageError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from datetime import datetime

    from r2s_audit.cli.label import Asked
    from r2s_audit.evidence.record import Record
    from r2s_audit.files.profile import LoadedProfile
    from r2s_audit.model.audit import Audit
    from r2s_audit.model.profile import Profile
    from r2s_audit.model.site import Site


def register(app: typer.Typer, session: Session) -> None:
    """Add the command."""
    say = session.say

    @app.command(
        cls=Command,
        help=say("Rejuger un dossier de preuves, sans réseau, au besoin avec un autre profil ou à une autre date."),
    )
    def judge(
        record: Annotated[Path, typer.Argument(metavar="DOSSIER|ARCHIVE", help=say("Dossier de preuves ou archive."))],
        profile: Annotated[
            str | None, typer.Option(help=say("Profil (nom ou fichier) ; par défaut celui du dossier."))
        ] = None,
        as_of: Annotated[
            str | None, typer.Option(metavar="DATE", help=say("Date du jugement (AAAA-MM-JJ) ; par défaut maintenant."))
        ] = None,
        overlay: Annotated[
            list[Path] | None,
            typer.Option(
                metavar="FICHIER", help=say("Surcouche d'un certificateur : ses chiffres, pas nos hypothèses.")
            ),
        ] = None,
        declarations: Annotated[
            list[Path] | None,
            typer.Option(metavar="FICHIER", help=say("Déclarations et dérogations (voir « declare »).")),
        ] = None,
        output: Annotated[Path | None, typer.Option(help=say("Écrire aussi le document JSON ici."))] = None,
        explained: Annotated[
            bool,
            typer.Option(
                "--explain",
                help=say("Dire quelle règle, quel paramètre ou quelle preuve change chaque verdict du dossier."),
            ),
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help=say("Sortie pour un programme."))] = False,
    ) -> None:
        from r2s_audit.cli.label import Asked
        from r2s_audit.evidence.bundle import opened
        from r2s_audit.evidence.record import Record
        from reports.document import to_json

        with opened(record) as directory:
            asked = Asked(overlay or (), declarations or ())
            judged = _judge(Record.open(directory), record, (profile, moment_of(as_of), asked), session)
            audit = judged.audit
            if output is not None:
                write(output, to_json(audit, judged.reader.translator))
            show(audit, judged.reader, as_json=as_json)
            if explained:
                text = _explained(judged, session)
                print(printable(text), file=sys.stderr if as_json else sys.stdout)
        planned = {c.requirement for c in audit.cells.cells}
        raise typer.Exit(exit_of(audit, [r.id for r in judged.profile.requirements if r.rule and r.id in planned]))


@dataclass(frozen=True, slots=True)
class _Judged:
    """A judgement, and what it was made from."""

    audit: "Audit"
    profile: "Profile"
    reader: Session
    record: "Record"
    site: "Site"


def _judge(record: "Record", source: Path, how: "tuple[str | None, datetime, Asked]", session: Session) -> _Judged:
    """Judge with a profile, at a date, under what was asked; errors name the path that the person gave."""
    from r2s_audit.cli.label import label_material
    from r2s_audit.cli.loading import catalogue
    from r2s_audit.engine.audit import Question, judge_record
    from r2s_audit.engine.label import with_stages
    from r2s_audit.files.site import parse_site

    profile, moment, asked = how
    site = parse_site(record.site_bytes, f"{source}/site.yaml", say=session.translator.say)
    chosen = profile_of(record, profile, session)
    found = label_material(chosen.profile, asked, session, building=site.building.id, source=source)
    reader = session.reading(found.profile)
    question = Question(site, found.profile, chosen.digest, moment, found.inputs)
    audit = judge_record(record, question, catalogue(), reader.translator)
    audit = with_stages(audit, record, question, catalogue(), reader.translator, found.days)
    return _Judged(audit, found.profile, reader, record, site)


def _explained(judged: _Judged, session: Session) -> str:
    """What this judgement changes against the record's own: its own profile, as of its last entry."""
    from r2s_audit.cli.loading import catalogue
    from r2s_audit.engine.audit import Question, judge_record
    from r2s_audit.engine.explain import Judged, explain

    own = profile_of(judged.record, None, session)
    reader = session.reading(own.profile)
    last = max(entry.at for entry in judged.record.reading.entries)
    question = Question(judged.site, own.profile, own.digest, last)
    before = judge_record(judged.record, question, catalogue(), reader.translator)
    translator = judged.reader.translator
    found = explain(Judged(before, own.profile), Judged(judged.audit, judged.profile), translator.say)
    lines = [
        "",
        translator.say(
            msg(
                "Jugement du dossier lui-même : profil {profile}, au {date}",
                profile=own.profile.id,
                date=last.isoformat(),
            )
        ),
    ]
    for item in found:
        lines += ["", translator.say(item.derivation), *(f"  - {translator.say(change)}" for change in item.changes)]
    if not any(item.changes for item in found):
        lines += ["", translator.say(msg("aucun verdict ne change"))]
    return "\n".join(lines)


def moment_of(as_of: str | None) -> "datetime":
    """The date of judgement that was asked for.

    Raises:
        UsageError: not a date.
    """
    from r2s_audit.engine.audit import parse_as_of

    try:
        return parse_as_of(as_of)
    except ValueError as error:
        raise UsageError(
            msg("--as-of {date} : pas une date", date=str(as_of)),
            remedy=msg("écrire AAAA-MM-JJ, ou AAAA-MM-JJTHH:MM:SS+00:00"),
        ) from error


def profile_of(record: "Record", wanted: str | None, session: Session) -> "LoadedProfile":
    """A profile by name or path, else the record's own; raises FileProblems."""
    from r2s_audit.cli.loading import catalogue, parameter_models
    from r2s_audit.files.profile import load_profile, parse_profile

    models = parameter_models(catalogue())
    say = session.translator.say
    if wanted is not None:
        return load_profile(wanted, models, say=say)
    return parse_profile(record.profile_bytes, f"{record.directory}/profil.yaml", models, say=say)
