"""``merge``: records of one campaign, made on several laptops, joined into one."""

from pathlib import Path
from typing import Annotated

import typer

from r2s_audit.cli.exits import Exit
from r2s_audit.cli.session import Session, printable
from r2s_audit.cli.wording import Command

MAX_SHOWN = 20


def register(app: typer.Typer, session: Session) -> None:
    """Add the command."""
    say = session.say

    @app.command(
        cls=Command,
        help=say(
            "Réunir en une campagne les dossiers de plusieurs ordinateurs ou points ; les désaccords sont montrés."
        ),
        epilog=say("Code de fin : 0 réunis sans désaccord ; 3 réunis, avec des désaccords à lire ; 2 refusés."),
    )
    def merge(
        records: Annotated[
            list[Path], typer.Argument(metavar="DOSSIER...", help=say("Dossiers de preuves ou archives."))
        ],
        record: Annotated[Path, typer.Option(metavar="DOSSIER", help=say("Dossier à créer."))],
    ) -> None:
        from contextlib import ExitStack

        from r2s_audit.evidence.bundle import opened
        from r2s_audit.evidence.merge import merge as join

        with ExitStack() as stack:
            joined = join([stack.enter_context(opened(path)) for path in records], record)
        session.tell(
            "dossier réuni : {directory} ({sources} dossiers, {passes} passes)",
            directory=str(record),
            sources=joined.sources,
            passes=joined.passes,
        )
        for conflict in joined.conflicts:
            print(printable(session.translator.say(conflict.reason)))
            for request in conflict.requests[:MAX_SHOWN]:
                print(printable(f"  {request}"))
            if len(conflict.requests) > MAX_SHOWN:
                print(say("  et {count} autres, au registre", count=len(conflict.requests) - MAX_SHOWN))
        raise typer.Exit(Exit.NOT_EVALUATED if joined.conflicts else Exit.ATTEINT)
