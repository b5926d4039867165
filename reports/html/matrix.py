"""The map of accesses: what the filtering checks found from each measuring point towards each target."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from r2s_audit.model.finding import Value
from reports.words import VALUES, Mark

if TYPE_CHECKING:
    from collections.abc import Iterable

    from r2s_audit.model.finding import Finding
    from r2s_audit.model.network_map import NetworkMap
    from r2s_audit.model.site import Site

FAMILY = "vlan."
"""Checks of this family that name a target and a point are about what one reaches from the other."""
SEVERITY = (Value.NON_CONFORME, Value.PARTIEL, Value.NON_VERIFIE, Value.CONFORME, Value.SANS_OBJET)
"""What a cell shows is the first of these that it holds."""
COLUMNS = 6
"""Measuring points side by side: what a phone and an A4 page hold."""
MAX_TARGETS = 150
MAX_POINTS = 24
MAX_CHECKS = 20

Pairs = dict[tuple[str, str], Counter[Value]]
"""By point and target."""


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """The worst of one pair: ``some`` of its ``count`` findings have it; no mark where nothing was planned."""

    mark: Mark | None
    some: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """One target; ``name`` is its own where the site file gives one."""

    target: str
    name: str
    cells: tuple[MatrixCell, ...]


@dataclass(frozen=True, slots=True)
class ZoneRows:
    """The targets of one zone; an empty zone where the document does not say."""

    zone: str
    rows: tuple[MatrixRow, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A measuring point and the zone that it stands in."""

    point: str
    zone: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the map: up to COLUMNS points."""

    columns: tuple[Column, ...]
    zones: tuple[ZoneRows, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """The map for some checks, and how much of it is not shown."""

    checks: str
    tables: tuple[Table, ...]
    targets_cut: int
    points_cut: int


@dataclass(frozen=True, slots=True)
class Places:
    """Where points and devices are, as far as the site file is known."""

    points: dict[str, str]
    targets: dict[str, str]
    names: dict[str, str]


def matrices(
    findings: Iterable[Finding], site: Site | None, known: NetworkMap | None = None
) -> tuple[Matrix | None, tuple[Matrix, ...]]:
    """The map of all filtering checks together (None where there is nothing), then of each by itself."""
    whole, single = pairs_of(findings, site)
    if not whole:
        return None, ()
    places = places_of(site, known)
    separate = tuple(_matrix(check, pairs, places) for check, pairs in single.items())
    return _matrix("", whole, places), separate if len(separate) > 1 else ()


def pairs_of(findings: Iterable[Finding], site: Site | None) -> tuple[Pairs, dict[str, Pairs]]:
    """Values by point and target: of all filtering checks together, and of each by itself."""
    no_targets = {"", "-"} | ({socket.id for socket in site.sockets} if site else set())
    whole: Pairs = defaultdict(Counter)
    single: dict[str, Pairs] = {}
    for finding in findings:
        subject = finding.subject
        if not (finding.check.startswith(FAMILY) and subject.point) or subject.target in no_targets:
            continue
        value = Value.NON_VERIFIE if finding.value is Value.SANS_OBJET and not finding.proof else finding.value
        whole[subject.point, subject.target][value] += 1
        if len(single) < MAX_CHECKS or finding.check in single:
            pairs = single.setdefault(finding.check, defaultdict(Counter))
            pairs[subject.point, subject.target][value] += 1
    return whole, single


def places_of(site: Site | None, known: NetworkMap | None) -> Places:
    """From the site file, else from what the document itself says of the network."""
    if site is None:
        return _places_in(known) if known is not None else Places({}, {}, {})
    zones = {zone.id: zone.name or zone.id for zone in site.zones}
    sockets = {socket.id: zones.get(socket.zone, socket.zone) for socket in site.sockets}
    targets = {device.id: zones.get(device.zone, device.zone) for device in site.devices}
    return Places(
        points={point.id: sockets.get(point.socket, "") for point in site.points},
        targets=zones | targets,
        names={device.id: device.name for device in site.devices},
    )


def _places_in(known: NetworkMap) -> Places:
    zones = {zone.id: zone.name or zone.id for zone in known.zones}
    devices = [node for node in known.nodes if node.kind in {"equipment", "station"}]
    return Places(
        points={point.id: zones.get(point.zone, point.zone) for point in known.points},
        targets=zones | {node.id: zones.get(node.zone, node.zone) for node in devices},
        names={node.id: node.name for node in devices},
    )


def _matrix(checks: str, pairs: Pairs, places: Places) -> Matrix:
    points = list(dict.fromkeys(point for point, _ in pairs))
    severity: dict[str, int] = {}
    for (_, target), counts in pairs.items():
        rank = SEVERITY.index(_worst(counts))
        severity[target] = min(severity.get(target, rank), rank)
    # The gravest are kept where not all can be; what is kept stands in the order of the audit.
    kept = set(sorted(severity, key=lambda target: severity[target])[:MAX_TARGETS])
    targets = [target for target in severity if target in kept]
    shown = points[:MAX_POINTS]
    width = ceil(len(shown) / ceil(len(shown) / COLUMNS))  # tables of about one width: four and three, not six and one
    tables = tuple(
        Table(
            columns=tuple(Column(p, places.points.get(p, "")) for p in shown[at : at + width]),
            zones=_zones(targets, shown[at : at + width], pairs, places),
        )
        for at in range(0, len(shown), width)
    )
    return Matrix(checks, tables, len(severity) - len(targets), len(points) - len(shown))


def _zones(targets: list[str], points: list[str], pairs: Pairs, places: Places) -> tuple[ZoneRows, ...]:
    found: dict[str, list[MatrixRow]] = {}
    for target in targets:
        cells = tuple(cell(pairs.get((point, target))) for point in points)
        row = MatrixRow(target, places.names.get(target, ""), cells)
        found.setdefault(places.targets.get(target, ""), []).append(row)
    return tuple(ZoneRows(zone, tuple(rows)) for zone, rows in found.items())


def cell(counts: Counter[Value] | None) -> MatrixCell:
    """What one pair shows."""
    if not counts:
        return MatrixCell(None)
    worst = _worst(counts)
    return MatrixCell(VALUES[worst], counts[worst], counts.total())


def _worst(counts: Counter[Value]) -> Value:
    return next(value for value in SEVERITY if counts[value])
