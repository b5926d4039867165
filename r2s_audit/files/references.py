"""What the parts of a site file say of each other: every name that is used is declared, once, as the right kind.

Pure: parts in, faults out, all at once. Addresses and prefixes are in :mod:`r2s_audit.files.addressing`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import TYPE_CHECKING

from r2s_audit.files.addressing import addressing
from r2s_audit.files.faults import Fault, enumerated, near, printable
from r2s_audit.model.site import DeviceRole, Intrusiveness, ZoneKind
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from r2s_audit.files.faults import Document, Path
    from r2s_audit.files.parts import Parts

_DECLARED: dict[str, Message] = {
    "zones": msg("une zone déclarée sous « zones »"),
    "vlans": msg("un VLAN déclaré sous « vlans »"),
    "sockets": msg("une prise déclarée sous « sockets »"),
    "devices": msg("un équipement déclaré sous « devices »"),
}
_DECLARED_AS: dict[str, Message] = {
    "zones": msg("une zone porte ce nom"),
    "sockets": msg("une prise porte ce nom"),
    "devices": msg("un équipement porte ce nom"),
    "points": msg("un point de mesure porte ce nom"),
}


def cross_references(parts: Parts, document: Document) -> list[Fault]:
    """Every fault between the parts; the document gives the line of a first declaration."""
    return [
        *_unique(parts, document),
        *_places(parts),
        *_flow_ends(parts),
        *_ways_out(parts, document),
        *_points(parts),
        *_mandate(parts),
        *addressing(parts, document),
    ]


def _unique(parts: Parts, document: Document) -> Iterator[Fault]:
    for kind in ("zones", "vlans", "sockets", "devices", "points"):
        yield from repeated(document, (((kind, i, "id"), e.id) for i, e in getattr(parts, kind)), "id")
    yield from repeated(
        document, (((("not_applicable"), i, "criterion"), e.criterion) for i, e in parts.not_applicable), "criterion"
    )
    yield from repeated(
        document, ((("sockets", i, "port"), (s.switch, s.port)) for i, s in parts.sockets), "switch, port"
    )
    yield from repeated(document, ((("devices", i, "mac"), d.mac) for i, d in parts.devices if d.mac), "mac")
    for index, device in parts.devices:
        services = (
            (("devices", index, "services", i, "port"), (s.transport, s.port)) for i, s in enumerate(device.services)
        )
        yield from repeated(document, services, "transport, port")
    taken: dict[str, str] = dict.fromkeys(map(str, parts.written["zones"]), "zones")
    for kind in ("devices", "sockets"):  # a flow or a request names a target without its kind
        for index, element in getattr(parts, kind):
            other = taken.setdefault(element.id, kind)
            if other != kind:
                yield Fault(
                    path=(kind, index, "id"),
                    found=msg("l'identifiant « {id} », déjà pris sous « {kind} »", id=element.id, kind=other),
                    expected=msg("un identifiant différent pour chaque zone, équipement et prise"),
                )


def repeated(document: Document, named: Iterable[tuple[Path, Hashable]], what: str) -> Iterator[Fault]:
    """A fault for every value but the first of equal ones."""
    first: dict[Hashable, Path] = {}
    for path, value in named:
        earlier = first.setdefault(value, path)
        if earlier is not path:
            text = enumerated(value) if isinstance(value, tuple) else printable(str(value))
            yield Fault(
                path=path,
                found=msg(
                    "{what} : « {value} », déjà écrit ligne {line}", what=what, value=text, line=document.line(earlier)
                ),
                expected=msg("une valeur différente de celle de {other}", other=document.dotted(earlier)),
            )


def _places(parts: Parts) -> Iterator[Fault]:
    for index, vlan in parts.vlans:
        yield from _declared(parts, ("vlans", index, "zone"), vlan.zone, "zones")
    for index, device in parts.devices:
        yield from _declared(parts, ("devices", index, "zone"), device.zone, "zones")
        for place, attached in enumerate(device.attached_to):
            path: Path = ("devices", index, "attached_to", place)
            yield from _declared(parts, (*path, "switch"), attached.switch, "devices")
            if attached.vlan is not None:
                yield from _declared(parts, (*path, "vlan"), attached.vlan, "vlans")
        if device.other_ports is not None and device.role is not DeviceRole.SWITCH:
            yield Fault(
                path=("devices", index, "other_ports"),
                found=msg(
                    "des ports de commutateur, pour un équipement dont le rôle est {role}", role=device.role.value
                ),
                expected=msg("un équipement dont le rôle est switch"),
            )
    roles = {device.id: device.role for _, device in parts.devices}
    zones = {vlan.id: vlan.zone for _, vlan in parts.vlans}
    for index, socket in parts.sockets:
        yield from _declared(parts, ("sockets", index, "zone"), socket.zone, "zones")
        yield from _declared(parts, ("sockets", index, "vlan"), socket.vlan, "vlans")
        yield from _declared(parts, ("sockets", index, "switch"), socket.switch, "devices")
        if roles.get(socket.switch, DeviceRole.SWITCH) is not DeviceRole.SWITCH:
            yield Fault(
                path=("sockets", index, "switch"),
                found=msg(
                    "« {device} », dont le rôle est {role}", device=socket.switch, role=roles[socket.switch].value
                ),
                expected=msg("un équipement dont le rôle est switch"),
                near_miss=near(socket.switch, (name for name, role in roles.items() if role is DeviceRole.SWITCH)),
            )
        if zones.get(socket.vlan, socket.zone) != socket.zone:
            yield Fault(
                path=("sockets", index, "zone"),
                found=msg(
                    "la zone « {zone} », alors que le VLAN {vlan} est dans une autre",
                    zone=socket.zone,
                    vlan=socket.vlan,
                ),
                expected=msg("la zone du VLAN de la prise : {zone}", zone=zones[socket.vlan]),
            )


def _flow_ends(parts: Parts) -> Iterator[Fault]:
    known = [*parts.written["zones"], *parts.written["devices"]]
    declared = set(known)
    for index, flow in parts.flows:
        for end, name in (("source", flow.source), ("destination", flow.destination)):
            if name not in declared:
                yield Fault(
                    path=("flows", index, end),
                    found=msg("« {name} », qui n'est déclaré nulle part", name=name),
                    expected=msg("une zone ou un équipement déclaré"),
                    near_miss=near(name, known),
                )


def _ways_out(parts: Parts, document: Document) -> Iterator[Fault]:
    kinds = {zone.id: zone.kind for _, zone in parts.zones}
    zones = {device.id: device.zone for _, device in parts.devices}
    outside = [name for name, zone in zones.items() if kinds.get(zone) is ZoneKind.WAN]
    for index, way in parts.egress:
        yield from _declared(parts, ("egress", index, "endpoint"), way.endpoint, "devices")
        kind = kinds.get(zones.get(way.endpoint, ""), ZoneKind.WAN)
        if kind is not ZoneKind.WAN:
            yield Fault(
                path=("egress", index, "endpoint"),
                found=msg("« {device} », dont la zone est de type {kind}", device=way.endpoint, kind=kind.value),
                expected=msg("un équipement d'une zone de type wan, au-delà de l'opérateur"),
                near_miss=near(way.endpoint, outside),
            )
        for key in ("zones", "shared_with"):
            for i, zone in enumerate(getattr(way, key)):
                yield from _declared(parts, ("egress", index, key, i), zone, "zones")
    named = ((("egress", n, "zones", i), zone) for n, way in parts.egress for i, zone in enumerate(way.zones))
    yield from repeated(document, named, "zones")
    first, *others = [n for n, way in parts.egress if not way.zones] or [0]
    for index in others:
        yield Fault(
            path=("egress", index),
            found=msg(
                "une sortie sans « zones », après celle de la ligne {line}", line=document.line(("egress", first))
            ),
            expected=msg("« zones » sur toutes les sorties sauf une : celle de toutes les autres zones"),
        )


def _points(parts: Parts) -> Iterator[Fault]:
    for index, point in parts.points:
        yield from _declared(parts, ("points", index, "socket"), point.socket, "sockets")
        if point.vlan is not None:
            yield from _declared(parts, ("points", index, "vlan"), point.vlan, "vlans")


def _mandate(parts: Parts) -> Iterator[Fault]:
    intrusive = parts.scope is not None and parts.scope.intrusiveness is Intrusiveness.INTRUSIVE
    if intrusive and not parts.mandate_written:
        yield Fault(
            path=("scope", "intrusiveness"),
            found=msg("intrusive, sans mandat dans le fichier"),
            expected=msg("une section « mandate » (référence, signataire, dates, contrôles), ou safe"),
        )


def _declared(parts: Parts, path: Path, name: str | int, kind: str) -> Iterator[Fault]:
    if name in parts.written[kind]:
        return
    elsewhere = next((other for other in _DECLARED_AS if other != kind and name in parts.written[other]), None)
    yield Fault(
        path=path,
        found=msg("« {name} », qui n'est pas déclaré", name=name),
        expected=_DECLARED[kind],
        near_miss=_DECLARED_AS[elsewhere] if elsewhere else near(name, parts.written[kind]),
    )
