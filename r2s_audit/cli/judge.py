"""``judge``: the verdicts again, from a record alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r2s_audit.cli.exits import exit_of
from r2s_audit.cli.run import show, write
from r2s_audit.cli.session import Session
from r2s_audit.cli.wording import Command
from r2s_audit.errors import UsageError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from datetime import datetime

    from r2s_audit.evidence.record import Record
    from r2s_audit.files.profile import LoadedProfile


def register(app: typer.Typer, session: Session) -> None:
    """Add the command."""
    say = session.say

    @app.command(
        cls=Command,
        help=say("Rejuger un dossier de preuves, sans réseau, au besoin avec un autre profil ou à une autre date."),
    )
    def judge(
        record: Annotated[Path, typer.Argument(metavar="DOSSIER", help=say("Dossier de preuves."))],
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
        as_json: Annotated[bool, typer.Option("--json", help=say("Sortie pour un programme."))] = False,
    ) -> None:
        from r2s_audit.cli.label import Asked, label_material
        from r2s_audit.cli.loading import catalogue
        from r2s_audit.engine.audit import Question, judge_record
        from r2s_audit.engine.label import with_stages
        from r2s_audit.evidence.record import Record
        from r2s_audit.files.site import parse_site
        from reports.document import to_json

        moment = moment_of(as_of)
        opened = Record.open(record)
        site = parse_site(opened.site_bytes, f"{record}/site.yaml", say=session.translator.say)
        chosen = profile_of(opened, profile, session)
        asked = Asked(overlay or (), declarations or ())
        found = label_material(chosen.profile, asked, session, building=site.building.id, source=record)
        reader = session.reading(found.profile)
        question = Question(site, found.profile, chosen.digest, moment, found.inputs)
        audit = judge_record(opened, question, catalogue(), reader.translator)
        audit = with_stages(audit, opened, question, catalogue(), reader.translator, found.days)
        if output is not None:
            write(output, to_json(audit, reader.translator))
        show(audit, reader, as_json=as_json)
        planned = {c.requirement for c in audit.cells.cells}
        raise typer.Exit(exit_of(audit, [r.id for r in chosen.profile.requirements if r.rule and r.id in planned]))


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
