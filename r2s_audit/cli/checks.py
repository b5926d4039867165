"""``checks list|show``: the catalogue of what can be asked."""

import json
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from r2s_audit.cli.session import Session
from r2s_audit.cli.wording import Command, Group
from r2s_audit.errors import UsageError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from probes.api import AnyCheck


def register(app: typer.Typer, session: Session) -> None:
    """Add the group."""
    say = session.say
    group = typer.Typer(help=say("Les contrôles de cette version."), cls=Group, rich_markup_mode=None)
    app.add_typer(group, name="checks")

    @group.command("list", cls=Command, help=say("Tous les contrôles, une ligne chacun."))
    def list_checks(
        as_json: Annotated[bool, typer.Option("--json", help=say("Sortie pour un programme."))] = False,
    ) -> None:
        from probes.registry import checks

        known = checks()
        if as_json:
            print(json.dumps([describe(check, session) for check in known.values()], ensure_ascii=False, indent=2))
            return
        width = max(map(len, known))
        for name, check in sorted(known.items()):
            print(f"{name:{width}}  {check.intrusiveness:9}  {session.translator.say(check.title)}")

    @group.command(
        "show", cls=Command, help=say("Un contrôle : ce qu'il demande, ses témoins, ses paramètres, ses sources.")
    )
    def show_check(
        name: Annotated[str, typer.Argument(metavar="CONTROLE", help=say("Identifiant du contrôle."))],
        as_json: Annotated[bool, typer.Option("--json", help=say("Sortie pour un programme."))] = False,
    ) -> None:
        from probes.registry import checks

        known = checks()
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise UsageError(
                msg("contrôle inconnu : {name}", name=name),
                remedy=msg("vouliez-vous dire {name} ?", name=near[0])
                if near
                else msg("« r2s-audit checks list » les donne tous"),
            )
        data = describe(known[name], session)
        if as_json:
            print(json.dumps(data, ensure_ascii=False, indent=2))
            return
        labels = {
            "id": say("contrôle"),
            "title": say("question"),
            "reference": say("référence"),
            "intrusiveness": say("intrusivité"),
            "controls": say("témoins"),
        }
        for key, label in labels.items():
            print(f"{label} : {data[key]}")
        for parameter, about in data["parameters"].items():
            print(say("paramètre {name} : {about}", name=parameter, about=str(about)))


def describe(check: "AnyCheck", session: Session) -> dict[str, Any]:
    """A check as plain data."""
    translator = session.translator
    schema = check.Parameters.model_json_schema()
    return {
        "id": check.id,
        "title": translator.say(check.title),
        "reference": check.reference,
        "intrusiveness": str(check.intrusiveness),
        "controls": translator.say(check.controls),
        "parameters": {
            name: about.get("description") or about.get("title", "")
            for name, about in schema.get("properties", {}).items()
        },
    }
