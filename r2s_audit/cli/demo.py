"""``demo``: building up, a real audit over its wires, building down."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r2s_audit.cli.exits import Exit
from r2s_audit.cli.run import AUDIT_FILE
from r2s_audit.cli.session import Session
from r2s_audit.cli.wording import Command
from r2s_audit.errors import InternalError, UsageError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from r2s_audit.lab import Building, Fault

MARK = ".r2s-demo"
"""Says that a directory is a demonstration's own, which the next one may write anew."""
LAPTOP = "auditeur"
AUTHORITY = "ca.pem"
CERTIFICATE = "auditeur.pem"
_ELSEWHERE = msg("choisir un autre --output")


def register(app: typer.Typer, session: Session) -> None:
    """Add the command."""
    say = session.say

    @app.command(
        cls=Command,
        help=say(
            "Construire le bâtiment de référence, l'auditer pour de vrai, le démonter. Code de fin : 0 si la "
            "démonstration montre ce qu'elle doit, 1 si un défaut n'a pas déplacé les verdicts annoncés."
        ),
    )
    def demo(
        fault: Annotated[
            list[str] | None, typer.Option(metavar="DEFAUT", help=say("Défaut à mettre dans le bâtiment."))
        ] = None,
        output: Annotated[Path, typer.Option(metavar="DOSSIER", help=say("Où écrire le résultat."))] = Path("resultat"),
        complete: Annotated[
            bool,
            typer.Option("--complete", help=say("Aussi la prise 802.1X : une minute de silence et demie de plus.")),
        ] = False,
    ) -> None:
        from r2s_audit.lab import Building, Fault

        faults = [Fault.load(name) for name in fault or ()]
        prepare(output)
        with Building.up(f"demo-{os.getpid()}") as building:
            for item in faults:
                building.apply(item)
            points = [] if complete else _ordinary_points(building, faults)
            code = audit_building(building, output, session, points)
        if code not in {Exit.ATTEINT, Exit.NOT_ATTEINT, Exit.NOT_EVALUATED}:
            raise typer.Exit(code)
        session.tell("résultat : {path}", path=str(output / AUDIT_FILE))
        raise typer.Exit(check_moves(output / AUDIT_FILE, faults, session))


def prepare(output: Path) -> None:
    """Make the directory of a demonstration, anew where it is one already.

    Raises:
        UsageError: somebody else's directory, or one that cannot be written; said before anything is built.
    """
    try:
        if output.exists() and any(output.iterdir()):
            if not (output / MARK).exists():
                raise UsageError(
                    msg("{output} n'est pas vide et ne vient pas d'une démonstration", output=str(output)),
                    remedy=_ELSEWHERE,
                )
            shutil.rmtree(output)
        output.mkdir(parents=True, exist_ok=True)
        (output / MARK).touch()
    except OSError as error:
        raise UsageError(
            msg("dossier impossible à écrire : {output} ({error})", output=str(output), error=str(error.strerror)),
            remedy=_ELSEWHERE,
        ) from error


def _ordinary_points(building: "Building", faults: "Sequence[Fault]") -> list[str]:
    """Points that need no long silence, and those from which the faults are seen."""
    kinds = {"access", "trunk"}.union(*(fault.seen_from for fault in faults))
    return [point["id"] for point in building.site_document()["points"] if point["kind"] in kinds]


def audit_building(building: "Building", output: Path, session: Session, points: "Sequence[str]" = ()) -> int:
    """Run the same command that anybody would run, on the auditor's laptop; its exit code."""
    site = (output / "site.yaml").resolve()
    record = (output / "dossier").resolve()
    write_site(building, site)
    # The laptop has no user to become: what sudo said is not for it. The audit still drops every capability.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SUDO_")}
    command = [sys.executable, "-m", "r2s_audit", "--lang", session.translator.language, "run", str(site)]
    chosen = [word for point in points for word in ("--point", point)]
    result = subprocess.run(  # noqa: S603 - our own program
        [*building.enter(LAPTOP), *command, "--record", str(record), "--operator", "démonstration", *chosen],
        check=False,
        env=environment,
    )
    if (record / AUDIT_FILE).exists():
        shutil.copyfile(record / AUDIT_FILE, output / AUDIT_FILE)
    _give_to_caller(output)
    return result.returncode


def write_site(building: "Building", path: Path) -> None:
    """The building's site file, with the authority's certificate beside it, so that it outlives the building."""
    from r2s_audit.lab.site import write_site as write

    document = building.site_document()
    shutil.copyfile(building.authority, path.with_name(AUTHORITY))
    for device in document["devices"]:
        for service in device.get("services", ()):
            service["trust"] = [AUTHORITY]
    for point in document["points"]:
        if credentials := point.get("dot1x"):
            credentials["trust"] = [AUTHORITY]
            if certificate := credentials.get("certificate"):
                shutil.copyfile(certificate, path.with_name(CERTIFICATE))
                credentials["certificate"] = CERTIFICATE
    write(document, path)


def _give_to_caller(output: Path) -> None:
    """Under sudo, what was made belongs to whoever called it."""
    uid, gid = os.environ.get("SUDO_UID"), os.environ.get("SUDO_GID")
    if uid is None or gid is None:
        return
    for path in [output, *output.rglob("*")]:
        os.chown(path, int(uid), int(gid), follow_symlinks=False)


def check_moves(path: Path, faults: "Sequence[Fault]", session: Session) -> Exit:
    """Whether the verdicts moved as the faults say that they must; 0 for a demonstration that shows what it should.

    Raises:
        InternalError: the audit left no document.
    """
    from r2s_audit.model.audit import Audit
    from r2s_audit.model.verdict import VerdictValue
    from reports.terminal import NAMES

    try:
        audit = Audit.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InternalError(msg("l'audit n'a pas laissé de document : {path}", path=str(path))) from error
    found = {v.requirement: v for v in audit.verdicts}
    worst = Exit.ATTEINT
    for fault in faults:
        title = fault.title.fr if session.translator.language == "fr" else fault.title.en
        session.tell("défaut {name} : {title}", name=fault.name, title=title)
        for move in fault.moves:
            verdict = found[move.requirement]
            as_stated = verdict.verdict == move.verdict and move.best in {"", verdict.best}
            named = {value: session.translator.say(name) for value, name in NAMES.items()}
            was, stated = named[verdict.verdict], named[VerdictValue(move.verdict)]
            if as_stated:
                session.tell("{requirement} : {verdict}, comme annoncé", requirement=move.requirement, verdict=was)
            else:
                session.tell(
                    "{requirement} : {verdict} au lieu de {stated}",
                    requirement=move.requirement,
                    verdict=was,
                    stated=stated,
                )
            worst = worst if as_stated else Exit.NOT_ATTEINT
    return worst
