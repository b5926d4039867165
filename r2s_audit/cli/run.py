"""``run``: one pass over the building, then the verdicts."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r2s_audit.cli.exits import exit_of
from r2s_audit.cli.loading import DEFAULT_PROFILE, load
from r2s_audit.cli.session import Session
from r2s_audit.cli.wording import Command
from r2s_audit.errors import RecordError, UsageError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from r2s_audit.cli.loading import Loaded
    from r2s_audit.engine.campaign import RunOptions, RunResult
    from r2s_audit.model.audit import Audit

AUDIT_FILE = "audit.json"


def register(app: typer.Typer, session: Session) -> None:
    """Add the command."""
    say = session.say

    @app.command(
        cls=Command, help=say("Mesurer depuis un ou plusieurs points, puis juger ; la preuve va dans un dossier.")
    )
    def run(
        site: Annotated[Path, typer.Argument(metavar="SITE", help=say("Fichier de site."))],
        point: Annotated[
            list[str] | None,
            typer.Option(metavar="POINT", help=say("Point de mesure ; par défaut ceux qui sont branchés.")),
        ] = None,
        record: Annotated[
            Path | None, typer.Option(help=say("Dossier de preuves ; par défaut audit-BATIMENT."))
        ] = None,
        resume: Annotated[bool, typer.Option("--resume", help=say("Reprendre la passe interrompue."))] = False,
        only: Annotated[
            list[str] | None, typer.Option(metavar="EXIGENCE", help=say("Limiter à ces exigences."))
        ] = None,
        profile: Annotated[str, typer.Option(help=say("Profil (nom ou fichier)."))] = DEFAULT_PROFILE,
        intrusive: Annotated[
            bool, typer.Option("--intrusive", help=say("Permettre ce que le mandat du site permet d'intrusif."))
        ] = False,
        operator: Annotated[str, typer.Option(help=say("Qui mesure (pour le PV)."))] = "",
        sign_key: Annotated[
            str,
            typer.Option(
                metavar="CLÉ",
                help=say("Signer le plan avant le premier paquet : un fichier, ou agent:NOM pour l'agent SSH."),
            ),
        ] = "",
        sign_cert: Annotated[
            Path | None, typer.Option(metavar="FICHIER", help=say("Certificats PEM, celui de la clé en tête."))
        ] = None,
        passphrase: Annotated[
            str, typer.Option(metavar="OÙ", help=say("Phrase de passe de la clé : env:NOM ou file:CHEMIN."))
        ] = "",
        tsa: Annotated[str, typer.Option(metavar="URL", help=say("Autorité d'horodatage (RFC 3161)."))] = "",
        as_json: Annotated[bool, typer.Option("--json", help=say("Sortie pour un programme."))] = False,
    ) -> None:
        from r2s_audit.cli.signing import notary_of
        from r2s_audit.engine.campaign import RunOptions

        loaded = load(site, profile, only or (), say=session.translator.say)
        reader = session.reading(loaded.profile.profile)
        directory = record or Path(f"audit-{loaded.site.site.building.id}")
        if (sign_cert or passphrase or tsa) and not sign_key:
            raise UsageError(
                msg("--sign-cert, --passphrase et --tsa vont avec --sign-key"),
                remedy=msg("ajouter --sign-key, ou retirer ces options : le plan ne serait pas signé"),
            )
        notary = notary_of(sign_key, sign_cert, tsa, passphrase) if sign_key else None
        options = RunOptions(directory, tuple(point or ()), resume, intrusive, operator, notary)
        result = measure(loaded, options, session)
        _tell_trouble(result, session)
        audit = conclude(directory, loaded, reader)
        show(audit, reader, as_json=as_json)
        session.tell("dossier de preuves : {directory}", directory=str(directory))
        raise typer.Exit(exit_of(audit, [r for r in loaded.plan.requirements if _has_rule(loaded, r)]))


def measure(loaded: "Loaded", options: "RunOptions", session: Session) -> "RunResult":
    """Make one pass.

    Raises:
        UsageError, RecordError: as :func:`r2s_audit.engine.campaign.run_campaign`.
    """
    from r2s_audit.cli.progress import TerminalProgress
    from r2s_audit.engine.campaign import RunInputs, choose_points, run_campaign
    from r2s_audit.engine.estimate import estimate
    from r2s_audit.evidence.record import CampaignFiles
    from r2s_audit.model.topology import Topology

    site = loaded.site
    points, _ = choose_points(site.site, options.points)
    asked = [p for p in loaded.plan.requests if p.request.point in points]
    cost = estimate(asked, Topology(site.site), loaded.catalogue.collectors)
    inputs = RunInputs(
        site=site.site,
        files=CampaignFiles(site.data, loaded.profile.data, loaded.plan),
        base=site.base,
        specs=loaded.catalogue.collectors,
    )
    return run_campaign(inputs, options, TerminalProgress(session, cost.seconds))


def conclude(directory: Path, loaded: "Loaded", session: Session) -> "Audit":
    """Judge the record as it is now, and keep the document beside it."""
    from r2s_audit.engine.audit import Question, judge_record, parse_as_of
    from r2s_audit.evidence.record import Record
    from reports.document import to_json

    question = Question(loaded.site.site, loaded.profile.profile, loaded.profile.digest, parse_as_of(None))
    audit = judge_record(Record.open(directory), question, loaded.catalogue, session.translator)
    write(directory / AUDIT_FILE, to_json(audit, session.translator))
    return audit


def write(path: Path, text: str) -> None:
    """Write a result whole or not at all; what is no regular file (``/dev/stdout``) is written into, never replaced.

    Raises:
        RecordError: the file system refuses.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise RecordError(
            msg("résultat impossible à écrire : {path} ({error})", path=str(path), error=str(error.strerror)),
            remedy=msg("choisir un dossier où l'on peut écrire"),
        ) from error


def show(audit: "Audit", session: Session, *, as_json: bool) -> None:
    """The verdicts on standard output: a table, or the document."""
    from reports.document import to_json
    from reports.terminal import render

    if as_json:
        sys.stdout.write(to_json(audit, session.translator))
    else:
        sys.stdout.write(render(audit, session.translator, colour=sys.stdout.isatty()))
    sys.stdout.flush()


def _tell_trouble(result: "RunResult", session: Session) -> None:
    if result.absent:
        session.tell(
            "points sans interface ici : {points} ; leurs cellules restent non évaluées",
            points=", ".join(result.absent),
        )
    if result.no_wire is not None:
        session.tell("sans trames brutes, une partie des contrôles reste non évaluée")
        session.advise(result.no_wire.reason, remedy=result.no_wire.remedy)
    if result.result.reason is not None:
        session.tell(
            "passe {name} incomplète : {reason} ; --resume la termine",
            name=result.result.pass_id,
            reason=session.translator.say(result.result.reason),
        )


def _has_rule(loaded: "Loaded", requirement: str) -> bool:
    return any(r.id == requirement and r.rule is not None for r in loaded.profile.profile.requirements)
