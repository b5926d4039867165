"""``lab up|down|status|shell``: the reference building."""

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

from r2s_audit.cli.session import Session
from r2s_audit.cli.wording import Command, Group

if TYPE_CHECKING:
    from r2s_audit.lab.status import BuildingStatus

DEFAULT = "conforme"


def register(app: typer.Typer, session: Session) -> None:
    """Add the group."""
    say = session.say
    group = typer.Typer(
        help=say("Le bâtiment de référence : un vrai réseau sur cette machine."),
        cls=Group,
        rich_markup_mode=None,
    )
    app.add_typer(group, name="lab")
    name_option = typer.Option("--name", help=say("Nom du bâtiment ; plusieurs peuvent être debout."))

    @group.command("up", cls=Command, help=say("Construire le bâtiment ; il reste debout jusqu'à « lab down »."))
    def up(
        name: Annotated[str, name_option] = DEFAULT,
        fault: Annotated[list[str] | None, typer.Option(metavar="DEFAUT", help=say("Défaut à y mettre."))] = None,
    ) -> None:
        from r2s_audit.lab import Building, Fault

        faults = [Fault.load(item) for item in fault or ()]
        building = Building.up(name, keep=True)
        for item in faults:
            building.apply(item)
        site = building.state_dir / "site.yaml"
        building.write_site(site)
        session.tell("bâtiment « {name} » debout ; fichier de site : {site}", name=name, site=str(site))
        session.tell("portable de l'auditeur : r2s-audit lab shell --name {name}", name=name)

    @group.command("down", cls=Command, help=say("Démonter le bâtiment."))
    def down(name: Annotated[str, name_option] = DEFAULT) -> None:
        from r2s_audit.lab import Building

        if Building.demolish(name):
            session.tell("bâtiment « {name} » démonté", name=name)
        else:
            session.tell("aucun bâtiment « {name} » ici", name=name)

    @group.command("status", cls=Command, help=say("Ce qui est debout."))
    def status(
        name: Annotated[str, name_option] = DEFAULT,
        as_json: Annotated[bool, typer.Option("--json", help=say("Sortie pour un programme."))] = False,
    ) -> None:
        from r2s_audit.lab import Building

        found = Building.attach(name).status()
        if as_json:
            print(json.dumps(dataclasses.asdict(found), default=str, ensure_ascii=False, indent=2))
        else:
            print(_as_text(found, session))
        raise typer.Exit(0 if found.healthy else 1)

    @group.command(
        "shell",
        cls=Command,
        help=say("Un interpréteur dans un nœud du bâtiment, par défaut le portable de l'auditeur."),
    )
    def shell(
        node: Annotated[str, typer.Argument(metavar="NOEUD", help=say("Nœud du bâtiment."))] = "auditeur",
        name: Annotated[str, name_option] = DEFAULT,
    ) -> None:
        from r2s_audit.lab import Building

        command = [*Building.attach(name).enter(node), os.environ.get("SHELL", "/bin/sh")]
        os.execvp(command[0], command)  # noqa: S606 - a shell is what was asked for


def _as_text(status: "BuildingStatus", session: Session) -> str:
    say = session.say
    faults = ", ".join(status.faults) or say("aucun")
    lines = [
        say("bâtiment « {name} » (pid {pid}), défauts : {faults}", name=status.name, pid=status.pid, faults=faults),
        say("mémoire : {size} Mo", size=round(status.memory / 1e6)),
    ]
    for node in status.nodes:
        stopped = [d.name for d in node.daemons if not d.running]
        state = (
            say("éteint")
            if not node.powered
            else say("arrêtés : {names}", names=", ".join(stopped))
            if stopped
            else "ok"
        )
        lines.append(f"  {node.name:14} {node.role:12} {state:10} {' '.join(node.addresses)}")
    return "\n".join(lines)
