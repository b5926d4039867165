"""``report``: an audit as a document that people read."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r2s_audit.cli.session import Session
from r2s_audit.cli.wording import Command
from r2s_audit.errors import FileProblems, RecordError, UsageError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from r2s_audit.cli.label import Asked
    from r2s_audit.evidence.record import Record
    from r2s_audit.model.audit import Audit
    from r2s_audit.model.profile import Profile
    from reports.material import Material

_PACKAGED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""A name, and no path: what a document calls its profile is not to open any file."""
MAX_DOCUMENT = 1 << 30
"""Bytes of an audit document: a hundred thousand findings are a fifth of it."""


def register(app: typer.Typer, session: Session) -> None:
    """Add the command."""
    say = session.say

    @app.command(
        cls=Command,
        help=say(
            "Écrire le rapport d'un audit : d'un dossier de preuves, qui est alors rejugé, ou d'un document JSON, tel quel."
        ),
    )
    def report(
        source: Annotated[
            Path,
            typer.Argument(metavar="DOSSIER|AUDIT.JSON", help=say("Dossier de preuves, ou document JSON d'un audit.")),
        ],
        chosen: Annotated[str, typer.Option("--format", help=say("Format du rapport."))] = "html",
        output: Annotated[
            Path | None,
            typer.Option(metavar="FICHIER", help=say("Fichier à écrire ; par défaut à côté de la source.")),
        ] = None,
        as_of: Annotated[
            str | None,
            typer.Option(
                metavar="DATE", help=say("Date du jugement d'un dossier (AAAA-MM-JJ) ; par défaut maintenant.")
            ),
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
        stage: Annotated[
            list[str] | None,
            typer.Option(metavar="STADE=DATE", help=say("Stade du dossier et son jour, pour le suivi de l'évolution.")),
        ] = None,
        what_if: Annotated[
            bool,
            typer.Option("--what-if", help=say("Dire quelles exigences lèvent le niveau au moindre effort (exact).")),
        ] = False,
    ) -> None:
        from r2s_audit.cli.label import Asked
        from r2s_audit.cli.run import write
        from reports.formats import FORMATS

        if chosen not in FORMATS:
            raise UsageError(
                msg("format inconnu : {name}", name=chosen),
                expected=msg("un des formats : {names}", names=", ".join(FORMATS)),
            )
        form = FORMATS[chosen]
        asked = Asked(overlay or (), declarations or (), stage or (), what_if)
        if source.is_dir():
            material = from_record(source, as_of, session, asked)
        elif asked != Asked():
            raise UsageError(
                msg("--overlay, --declarations, --stage et --what-if : un document JSON est déjà noté"),
                remedy=msg("donner le dossier de preuves, qui est rejugé"),
            )
        else:
            material = from_document(source, as_of, session)
        reader = session.reading(material.profile) if material.profile else session
        where = output or beside(source, form.suffix)
        write(where, form.render(material, reader.translator))
        session.tell("rapport : {path}", path=str(where))


def beside(source: Path, suffix: str) -> Path:
    """``dossier`` gives ``dossier.html`` and ``audit.json`` gives ``audit.html``, in the directory of the source."""
    whole = source.resolve()
    return whole.with_name((whole.name if whole.is_dir() else whole.stem) + suffix)


def from_record(directory: Path, as_of: str | None, session: Session, asked: "Asked | None" = None) -> "Material":
    """Judge a record at a date, with its own site file and profile, and keep its observations at hand.

    ``asked``: overlays, declarations, stages and what-if; the declarations that lie beside the record by default.

    Raises:
        RecordError, UsageError: as ``judge`` does.
    """
    from r2s_audit.cli.judge import moment_of, profile_of
    from r2s_audit.cli.label import Asked, label_material
    from r2s_audit.cli.loading import catalogue
    from r2s_audit.engine.audit import Question, judge_record
    from r2s_audit.engine.label import with_stages
    from r2s_audit.evidence.record import Record
    from r2s_audit.files.site import parse_site
    from reports.material import Material

    moment = moment_of(as_of)
    record = Record.open(directory)
    known = catalogue()
    site = parse_site(record.site_bytes, f"{directory}/site.yaml", say=session.translator.say)
    loaded = profile_of(record, None, session)
    found = label_material(loaded.profile, asked or Asked(), session, building=site.building.id, source=directory)
    reader = session.reading(found.profile)
    question = Question(site, found.profile, loaded.digest, moment, found.inputs)
    audit = judge_record(record, question, known, reader.translator)
    audit = with_stages(audit, record, question, known, reader.translator, found.days)
    return Material(audit, found.profile, site, dict(record.observations()))


def from_document(path: Path, as_of: str | None, session: Session) -> "Material":
    """An audit document as it is, judged when it was made; with its profile and evidence where they are at hand.

    Raises:
        UsageError: no such file, no audit document, or one of a newer version.
    """
    from reports.material import Material

    if as_of is not None:
        raise UsageError(
            msg("--as-of : un document JSON est déjà jugé"),
            remedy=msg("donner le dossier de preuves, pour juger à une autre date"),
        )
    audit = read_document(path)
    record = _record_of(path.resolve().parent, audit)
    if record is None:
        return Material(audit, _packaged_profile(audit, session))
    from r2s_audit.files.site import parse_site

    site = parse_site(record.site_bytes, f"{record.directory}/site.yaml", say=session.translator.say)
    return Material(audit, _profile_in(record, audit, session), site, dict(record.observations()))


def read_document(path: Path) -> "Audit":
    """An audit document from its file.

    Raises:
        UsageError: no such file, no audit document, or one of a newer version.
    """
    remedy = msg("indiquer un dossier de preuves, ou l'audit.json que « run » ou « judge » a écrit")
    try:
        with path.open("rb") as handle:
            data = handle.read(MAX_DOCUMENT + 1)
    except OSError as error:
        raise UsageError(
            msg("illisible : {path} ({error})", path=str(path), error=str(error.strerror)), remedy=remedy
        ) from error
    if len(data) > MAX_DOCUMENT:
        raise UsageError(msg("trop grand pour un document d'audit : {path}", path=str(path)), remedy=remedy)
    return audit_of(data, str(path))


def audit_of(data: bytes, name: str) -> "Audit":
    """An audit document from its bytes.

    Raises:
        UsageError: no audit document, or one of a newer version.
    """
    from pydantic import ValidationError

    from r2s_audit.model.audit import AUDIT_FORMAT, Audit

    remedy = msg("indiquer un dossier de preuves, ou l'audit.json que « run » ou « judge » a écrit")
    try:
        audit = Audit.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"])) or "–"
        raise UsageError(
            msg("pas un document d'audit : {path} ({where} : {error})", path=name, where=where, error=first["msg"]),
            remedy=remedy,
        ) from error
    if audit.r2s_audit > AUDIT_FORMAT:
        raise UsageError(
            msg("{path} : format {found}, plus récent que ce programme", path=name, found=audit.r2s_audit),
            expected=msg("au plus le format {known}", known=AUDIT_FORMAT),
            remedy=msg("prendre un r2s-audit plus récent"),
        )
    return audit


def _record_of(directory: Path, audit: "Audit") -> "Record | None":
    """The record that a document lies in, where it is the one that the document was judged from."""
    from r2s_audit.evidence.record import LEDGER, Record

    if not (directory / LEDGER).exists():
        return None
    try:
        record = Record.open(directory)
    except RecordError:  # the document can be shown without; the page says that the evidence was not at hand
        return None
    number = audit.ledger_entries
    digests = record.reading.digests
    return record if 0 < number <= len(digests) and digests[number - 1] == audit.ledger_head else None


def _profile_in(record: "Record", audit: "Audit", session: Session) -> "Profile | None":
    """The record's own profile, unless the document was judged with another one."""
    from r2s_audit.cli.loading import catalogue, parameter_models
    from r2s_audit.files.profile import parse_profile

    if record.campaign.profile.digest != audit.profile_digest:
        return _packaged_profile(audit, session)
    models = parameter_models(catalogue())
    name = f"{record.directory}/profil.yaml"
    return parse_profile(record.profile_bytes, name, models, say=session.translator.say).profile


def _packaged_profile(audit: "Audit", session: Session) -> "Profile | None":
    """The profile of this program, where it is byte for byte the one that the document was judged with."""
    from r2s_audit.files.profile import load_profile

    if not _PACKAGED.fullmatch(audit.profile):
        return None
    try:
        loaded = load_profile(audit.profile, say=session.translator.say)
    except FileProblems:  # not one of ours: the page says which titles and sources it lacks
        return None
    return loaded.profile if loaded.digest == audit.profile_digest else None
