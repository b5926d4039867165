"""``score``: points, levels, services and declarations, from a record, an audit document or another program's findings."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r2s_audit.cli.exits import Exit, exit_of_verdicts
from r2s_audit.cli.session import Session
from r2s_audit.cli.wording import Command
from r2s_audit.errors import UsageError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from r2s_audit.cli.label import Asked
    from r2s_audit.model.profile import Profile
    from r2s_audit.model.score import ScoreDocument

_FIRST_KEY = re.compile(rb'\s*\{\s*"(\w{1,40})"')
MAX_INPUT = 1 << 30


def register(app: typer.Typer, session: Session) -> None:
    """Add the command."""
    say = session.say

    @app.command(
        cls=Command,
        help=say(
            "Noter : points, prérequis, niveaux, services, déclarations. La source est un dossier de preuves, un document "
            "d'audit ou les constats d'un autre programme en JSON (« - » : entrée standard). Avec --target, le code de "
            "fin dit si ce niveau est établi, déclarations comprises."
        ),
    )
    def score(
        source: Annotated[
            str, typer.Argument(metavar="DOSSIER|FICHIER.JSON|-", help=say("Dossier, document JSON, ou « - »."))
        ],
        profile: Annotated[
            str | None,
            typer.Option(help=say("Profil (nom ou fichier) ; par défaut celui de la source.")),
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
        as_of: Annotated[
            str | None,
            typer.Option(
                metavar="DATE", help=say("Date du jugement d'un dossier (AAAA-MM-JJ) ; par défaut maintenant.")
            ),
        ] = None,
        what_if: Annotated[
            bool,
            typer.Option("--what-if", help=say("Dire quelles exigences lèvent le niveau au moindre effort (exact).")),
        ] = False,
        target: Annotated[str, typer.Option(metavar="NIVEAU", help=say("Niveau visé."))] = "",
        stage: Annotated[
            list[str] | None,
            typer.Option(metavar="STADE=DATE", help=say("Stade du dossier et son jour, pour le suivi de l'évolution.")),
        ] = None,
        output: Annotated[
            Path | None, typer.Option(metavar="FICHIER", help=say("Écrire aussi le document JSON ici."))
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help=say("Sortie pour un programme."))] = False,
    ) -> None:
        from r2s_audit.cli.label import Asked
        from r2s_audit.cli.run import write
        from reports.document import to_json
        from reports.score import render

        asked = Asked(overlay or (), declarations or (), stage or (), what_if, target)
        path = Path(source)
        if source != "-" and path.is_dir():
            scored = _of_record(path, profile, as_of, asked, session)
        else:
            if as_of is not None:
                raise UsageError(
                    msg("--as-of : la date du jugement est dans le document"),
                    remedy=msg("donner le dossier de preuves, ou écrire « as_of » dans les constats"),
                )
            if stage:
                raise UsageError(
                    msg("--stage : un document n'a qu'une date"),
                    remedy=msg("donner le dossier de preuves, qui se rejuge à chaque date"),
                )
            scored = _of_document(source, profile, asked, session)
        document, reader = scored.document, scored.reader
        text = to_json(document, reader.translator)
        if output is not None:
            write(output, text)
        if as_json:
            sys.stdout.write(text)
        else:
            sys.stdout.write(render(document, reader.translator, colour=sys.stdout.isatty()))
        sys.stdout.flush()
        raise typer.Exit(_exit(scored, target))


@dataclass(frozen=True, slots=True)
class Scored:
    """A score document, the profile behind it, our own faults on the way, and who reads it."""

    document: "ScoreDocument"
    profile: "Profile"
    errors: int
    reader: Session


def _of_record(directory: Path, profile: str | None, as_of: str | None, asked: "Asked", session: Session) -> Scored:
    """A record, judged again under the overlays at the date."""
    from r2s_audit.cli.judge import moment_of, profile_of
    from r2s_audit.cli.label import label_material
    from r2s_audit.cli.loading import catalogue
    from r2s_audit.engine.audit import Question, judge_record
    from r2s_audit.engine.label import with_stages
    from r2s_audit.evidence.record import Record
    from r2s_audit.files.site import parse_site
    from r2s_audit.scoring.door import Origin, document_of

    moment = moment_of(as_of)
    record = Record.open(directory)
    known = catalogue()
    site = parse_site(record.site_bytes, f"{directory}/site.yaml", say=session.translator.say)
    chosen = profile_of(record, profile, session)
    found = label_material(chosen.profile, asked, session, building=site.building.id, source=directory)
    reader = session.reading(found.profile)
    question = Question(site, found.profile, chosen.digest, moment, found.inputs)
    audit = judge_record(record, question, known, reader.translator)
    audit = with_stages(audit, record, question, known, reader.translator, found.days)
    origin = Origin(audit.as_of, audit.profile_digest, audit.ledger_head)
    document = document_of(found.profile, audit.verdicts, audit.score, audit.label, origin)
    return Scored(_in_language(document, reader), found.profile, audit.internal_errors, reader)


def _of_document(source: str, profile: str | None, asked: "Asked", session: Session) -> Scored:
    """An audit document, or findings of any program."""
    from r2s_audit.cli.label import label_material
    from r2s_audit.cli.loading import DEFAULT_PROFILE
    from r2s_audit.cli.report import audit_of
    from r2s_audit.files.findings import fitting, parse_findings
    from r2s_audit.files.profile import load_profile
    from r2s_audit.scoring.door import assess, digest_of, of_audit

    say = session.translator.say
    name = session.say("entrée standard") if source == "-" else source
    data = _bytes(source, session)
    first = _FIRST_KEY.match(data)
    if first is not None and first[1] == b"r2s_audit":
        audit = audit_of(data, name)
        loaded = load_profile(profile or audit.profile, say=say)
        found = label_material(loaded.profile, asked, session, building=audit.building.id, source=_path(source))
        reader = session.reading(found.profile)
        document = fitting(name, lambda: of_audit(audit, found.profile, found.inputs, digest_of(data)), say=say)
        return Scored(_in_language(document, reader), found.profile, audit.internal_errors, reader)
    loaded = load_profile(profile or DEFAULT_PROFILE, say=say)
    given = parse_findings(data, name, say=say)
    found = label_material(loaded.profile, asked, session)
    reader = session.reading(found.profile)

    def scored() -> "ScoreDocument":
        return assess(found.profile, given, found.inputs, profile_digest=loaded.digest, evidence_digest=digest_of(data))

    return Scored(_in_language(fitting(name, scored, say=say), reader), found.profile, 0, reader)


def _path(source: str) -> Path | None:
    return None if source == "-" else Path(source)


def _bytes(source: str, session: Session) -> bytes:
    if source == "-":
        data = sys.stdin.buffer.read(MAX_INPUT + 1)
    else:
        try:
            with Path(source).open("rb") as handle:
                data = handle.read(MAX_INPUT + 1)
        except OSError as error:
            raise UsageError(
                msg("illisible : {path} ({error})", path=source, error=str(error.strerror)),
                remedy=msg("indiquer un dossier de preuves, un document JSON, ou « - » pour l'entrée standard"),
            ) from error
    if len(data) > MAX_INPUT:
        raise UsageError(
            msg(
                "trop grand pour des constats : {path}",
                path=session.say("entrée standard") if source == "-" else source,
            )
        )
    return data


def _in_language(document: "ScoreDocument", reader: Session) -> "ScoreDocument":
    """The title in the reader's language; sentences get theirs when the document is written."""
    title = reader.say("simulation – barème hypothétique") if document.simulation else ""
    return document.model_copy(update={"title": title, "language": reader.translator.language})


def _exit(scored: Scored, target: str) -> Exit:
    """With a target: 0 where it is certain (declarations included), 1 where it is out of reach, 3 else."""
    if scored.errors:
        return Exit.INTERNAL
    document = scored.document
    if not target:
        return exit_of_verdicts(document.verdicts)
    reading = document.label.declared_score or document.score
    levels = ["", *(level.id for level in scored.profile.levels)]
    if levels.index(reading.level_guaranteed) >= levels.index(target):
        return Exit.ATTEINT
    if levels.index(reading.level_possible) < levels.index(target):
        return Exit.NOT_ATTEINT
    return Exit.NOT_EVALUATED
