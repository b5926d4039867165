"""The parts of a site file that can be cross-checked, even where others are wrong in themselves.

A file with ten mistakes is told ten: an element that pydantic refuses must not hide what is wrong between the others,
and whatever it declares (its id) still counts as declared.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from r2s_audit.model.egress import Egress
from r2s_audit.model.site import (
    Device,
    Flow,
    Mandate,
    MeasuringPoint,
    NotApplicable,
    Scope,
    Site,
    Socket,
    Vlan,
    Zone,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from r2s_audit.files.faults import Path, Plain

M = TypeVar("M", bound=BaseModel)
Items = tuple[tuple[int, M], ...]
"""Elements with their index in the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What can be cross-checked, and every identifier that is written."""

    scope: Scope | None
    mandate: Mandate | None
    mandate_written: bool
    zones: Items[Zone]
    vlans: Items[Vlan]
    sockets: Items[Socket]
    devices: Items[Device]
    flows: Items[Flow]
    egress: Items[Egress]
    points: Items[MeasuringPoint]
    not_applicable: Items[NotApplicable]
    written: dict[str, dict[str | int, None]]
    """Sets in file order: identifiers by kind (``zones`` …) in file order, those of refused elements included."""


KINDS = ("zones", "vlans", "sockets", "devices", "points")


def whole(site: Site) -> Parts:
    """The parts of a site that is well formed."""
    return Parts(
        scope=site.scope,
        mandate=site.mandate,
        mandate_written=site.mandate is not None,
        zones=tuple(enumerate(site.zones)),
        vlans=tuple(enumerate(site.vlans)),
        sockets=tuple(enumerate(site.sockets)),
        devices=tuple(enumerate(site.devices)),
        flows=tuple(enumerate(site.flows)),
        egress=tuple(enumerate(site.egress)),
        points=tuple(enumerate(site.points)),
        not_applicable=tuple(enumerate(site.not_applicable)),
        written={kind: dict.fromkeys(element.id for element in getattr(site, kind)) for kind in KINDS},
    )


def salvage(data: dict[str, Plain], refused: Iterable[Path]) -> Parts:
    """The parts of a site file in which these paths were refused."""
    wrong: dict[tuple[str, int], set[str]] = {}
    for path in refused:
        match path:
            case (str() as kind, int() as index, str() as key, *_):
                wrong.setdefault((kind, index), set()).add(key)

    def items(kind: str, model: type[M]) -> Items[M]:
        elements = data.get(kind)
        found = (
            (index, _element(model, element, wrong.get((kind, index), set())))
            for index, element in enumerate(elements if isinstance(elements, list) else ())
        )
        return tuple((index, element) for index, element in found if element is not None)

    return Parts(
        scope=_element(Scope, data.get("scope"), _refused_keys(refused, "scope")),
        mandate=_element(Mandate, data.get("mandate"), set()),
        mandate_written=data.get("mandate") is not None,
        zones=items("zones", Zone),
        vlans=items("vlans", Vlan),
        sockets=items("sockets", Socket),
        devices=items("devices", Device),
        flows=items("flows", Flow),
        egress=items("egress", Egress),
        points=items("points", MeasuringPoint),
        not_applicable=items("not_applicable", NotApplicable),
        written={kind: _written(data.get(kind)) for kind in KINDS},
    )


def _refused_keys(refused: Iterable[Path], top: str) -> set[str]:
    return {str(path[1]) for path in refused if len(path) > 1 and path[0] == top}


def _element(model: type[M], element: Plain, wrong: set[str]) -> M | None:
    """The element without the keys that were refused; None where it does not stand without them."""
    if not isinstance(element, dict):
        return None
    kept = {key: value for key, value in element.items() if key not in wrong}
    try:
        return model.model_validate_json(json.dumps(kept), strict=True)
    except ValidationError:  # already reported, with its line, by whoever called
        return None


def _written(elements: Plain) -> dict[str | int, None]:
    if not isinstance(elements, list):
        return {}
    names = (element.get("id") for element in elements if isinstance(element, dict))
    return dict.fromkeys(name for name in names if isinstance(name, str | int) and not isinstance(name, bool))
