"""``plan``: what an audit would do, without doing any of it."""

import gc
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated

import typer

from r2s_audit.cli.loading import DEFAULT_PROFILE, load
from r2s_audit.cli.session import Session, printable
from r2s_audit.cli.wording import Command

if TYPE_CHECKING:
    from r2s_audit.cli.loading import Loaded
    from r2s_audit.engine.estimate import Estimate

WIDTH = 80


def register(app: typer.Typer, session: Session) -> None:
    """Add the command."""
    say = session.say

    @app.command(
        cls=Command, help=say("Ce que l'audit ferait : cellules, paquets, durée, intrusivité ; rien n'est envoyé.")
    )
    def plan(
        site: Annotated[Path, typer.Argument(metavar="SITE", help=say("Fichier de site."))],
        profile: Annotated[str, typer.Option(help=say("Profil (nom ou fichier)."))] = DEFAULT_PROFILE,
        only: Annotated[
            list[str] | None, typer.Option(metavar="EXIGENCE", help=say("Limiter à ces exigences."))
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help=say("Sortie pour un programme."))] = False,
    ) -> None:
        from r2s_audit.engine.estimate import estimate
        from r2s_audit.model.topology import Topology

        with _nothing_to_collect():
            loaded = load(site, profile, only or (), say=session.translator.say)
            cost = estimate(loaded.plan.requests, Topology(loaded.site.site), loaded.catalogue.collectors)
        print(_as_json(loaded, cost) if as_json else printable(_as_text(loaded, cost, session)))


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """A plan is made of objects that all live to the end of the command: no search for garbage among them."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.freeze()  # else it would be searched after all, as soon as the search is allowed again
            gc.enable()


def _as_json(loaded: "Loaded", cost: "Estimate") -> str:
    data = {"estimate": cost.model_dump(mode="json"), "plan": loaded.plan.model_dump(mode="json")}
    return json.dumps(data, ensure_ascii=False, indent=2)


def _as_text(loaded: "Loaded", cost: "Estimate", session: Session) -> str:
    say = session.say
    plan = loaded.plan
    cells = Counter(c.requirement for c in plan.cells)
    without = Counter(c.requirement for c in plan.cells if not c.check)
    named, counted, unmeasured = say("Exig."), say("cellules"), say("sans sonde")
    first = max(len(named), *(len(name) for name in plan.requirements))
    lines = [f"{named:{first}} {counted:>10} {unmeasured:>12}"]
    lines += [f"{name:{first}} {cells[name]:>10} {without[name]:>12}" for name in plan.requirements if cells[name]]
    outside = [name for name in plan.requirements if not cells[name]]
    if outside:
        text = say("hors de portée de la sonde : {names}", names=", ".join(outside))
        lines += ["", *wrap(text, WIDTH, break_long_words=False)]
    points = Counter(p.request.point for p in plan.requests)
    lines += ["", *(say("demandes au point {point} : {count}", point=p, count=n) for p, n in sorted(points.items()))]
    levels = ", ".join(f"{level} {count}" for level, count in cost.intrusiveness.items())
    lines += [
        say("cellules prévues : {cells} ; demandes : {requests}", cells=len(plan.cells), requests=cost.requests),
        say("intrusivité : {levels}", levels=levels or "-"),
        say(
            "au plus {packets} paquets (environ {kilobytes} ko), environ {seconds} s",
            packets=cost.packets,
            kilobytes=-(-cost.bytes // 1000),
            seconds=cost.seconds,
        ),
    ]
    if cost.needs_wire:
        lines.append(say("demandes qui ont besoin de trames brutes (CAP_NET_RAW) : {count}", count=cost.needs_wire))
    return "\n".join(lines)
