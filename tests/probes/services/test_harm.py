"""The harm rules (requirements, section 4), each by name; the engine's own gate and budget where they are theirs."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from probes.registry import checks, collectors
from probes.services import collect
from probes.services.declared import BacnetRange, services, twins
from r2s_audit.engine.access import PassTools, PointAccess, Secrets
from r2s_audit.engine.budget import Budget
from r2s_audit.engine.interfaces import Interface
from r2s_audit.engine.plan import Catalogue, make_plan
from r2s_audit.engine.scope import PointGate, Scope
from r2s_audit.errors import OutOfScope
from r2s_audit.evidence.blobs import BlobStore
from r2s_audit.files.profile import load_profile
from r2s_audit.model.observation import Request
from r2s_audit.model.topology import Topology
from tests.builders import site_data
from tests.probes.services.servers import answering, free_port, scripted
from tests.probes.services.support import FakeAccess, asked, device, service, topology
from tests.probes.services.test_codecs import device_id, i_am

FULL = {"low": 0, "high": 4194303}
PROFILE = "r2s-residentiel-2019"


def real_access(topo: Topology, folder: Path) -> PointAccess:
    """The engine's own access from the loopback interface, with its gate and its budget."""
    point = topo.points["P-ADM"]
    budget = Budget(topo.site.scope, time.monotonic)
    tools = PassTools(Secrets(folder, {}), BlobStore(folder / "blobs"), None)
    loopback = Interface(name="lo", mac="00:00:00:00:00:00", addresses=())
    return PointAccess(PointGate(Scope(topo), budget, point), loopback, tools)


def planned(topo: Topology) -> list[Request]:
    """Every request of the family that the label makes of a site."""
    profile = load_profile(PROFILE, {name: check.Parameters for name, check in checks().items()}).profile
    plan = make_plan(topo.site, profile, Catalogue(checks(), collectors()), ("sha256:" + "0" * 64,) * 2)
    return [p.request for p in plan.requests if p.request.collector.startswith("services.")]


BUILDING = [
    device("sup", service("https", 443, tls=True), service("mqtt", 8883, tls=True), role="supervisor", tls="full"),
    device("meter", service("modbus", 502), role="meter", addresses=["127.0.0.3", "::1"]),
    device(
        "ctl", service("bacnet", 47808, transport="udp"), service("knx", 3671, transport="udp"), addresses=["127.0.0.4"]
    ),
    device("cam", service("rtsp", 322, tls=True), role="camera", addresses=["127.0.0.5"], tls="full"),
    device("cam-single", service("rtsp", 322, tls=True), role="camera", addresses=["127.0.0.6"]),
    device("quiet", role="sensor", addresses=["127.0.0.7"]),
    device("odd", service("proprietary", 9999), service("knx", 3671), role="sensor", addresses=["127.0.0.8"]),
]


def test_harm_only_declared_devices_and_services():
    """And of a declared protocol, the profile's customary port in clear; nothing else, nobody else."""
    topo = topology(*BUILDING)
    found = {(r.target, r.param("port")) for r in planned(topo)}
    assert found == {
        ("sup", 443), ("sup", 80), ("sup", 8883), ("sup", 1883), ("meter", 502), ("ctl", 47808), ("ctl", 3671),
        ("cam", 322), ("cam", 554), ("cam-single", 554),
    }  # fmt: skip
    for each in planned(topo):
        assert str(each.param("address")) in map(str, topo.devices[each.target].addresses)


def test_harm_one_request_per_device_and_protocol():
    """Whichever criteria want it: one request a service, at one address, from one point."""
    requests = planned(topology(*BUILDING))
    asked_ports = [(r.target, r.collector, r.param("port"), r.param("layer")) for r in requests]
    assert len(asked_ports) == len(set(asked_ports))
    assert [r.param("address") for r in requests if r.target == "meter"] == ["127.0.0.3"]


def test_harm_one_tls_handshake_unless_more_are_declared():
    requests = planned(topology(*BUILDING))
    assert {r.target for r in requests if r.param("layer") == "tls"} == {"sup", "cam"}


def test_harm_one_session_per_controller():
    """The engine never runs two of these at one device at once, and a collector never opens a second connection."""
    specs = [spec for spec in collectors().values() if spec.id.startswith("services.")]
    assert len(specs) == 7
    assert all(spec.one_per_device and not spec.batch and not spec.needs_wire for spec in specs)
    assert {spec.intrusiveness.value for spec in specs} == {"safe"}


@pytest.mark.parametrize("port", range(9100, 9108))
def test_harm_printer_ports_never(port: int, tmp_path: Path):
    topo = topology(device("ctl", service("http", port)))
    with pytest.raises(OutOfScope):
        asyncio.run(collect.http(real_access(topo, tmp_path), asked("http", port)))  # type: ignore[arg-type]


def test_harm_an_undeclared_address_never(tmp_path: Path):
    topo = topology(device("ctl", service("modbus", 502)))
    with pytest.raises(OutOfScope):
        asyncio.run(collect.modbus(real_access(topo, tmp_path), asked("modbus", 502, address="127.0.0.9")))  # type: ignore[arg-type]


def test_harm_ten_packets_a_second_over_all_building_devices(tmp_path: Path):
    """A counting peer: three controllers asked at once, through the engine's own budget at the polite default rate."""
    rate = 10
    talk = collect.CONNECTION_PACKETS + collect.EXCHANGE_PACKETS
    arrivals: list[tuple[float, int]] = []

    async def scenario() -> int:
        async def meter(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            arrivals.append((time.monotonic(), talk))
            await reader.readexactly(11)
            writer.write(device_id(b"a", b"b", b"c"))
            await reader.read()

        def controller(data: bytes, source: Any) -> list[bytes]:
            arrivals.append((time.monotonic(), 1))
            return [i_am()]

        async with answering(controller) as (udp, _), scripted(meter) as tcp:
            devices = [
                device("ctl", service("bacnet", udp, transport="udp")),
                device("meter", service("modbus", tcp), role="meter"),
                device("other", service("modbus", tcp), role="meter"),
            ]
            scope = site_data()["scope"] | {"rates": {"total": 200, "per_target": 20, "building_devices": rate}}
            access = real_access(topology(*devices, scope=scope), tmp_path)
            asks = [
                collect.modbus(access, asked("modbus", tcp).model_copy(update={"target": "meter"})),  # type: ignore[arg-type]
                collect.modbus(access, asked("modbus", tcp).model_copy(update={"target": "other"})),  # type: ignore[arg-type]
                collect.bacnet(access, asked("bacnet", udp)),  # type: ignore[arg-type]
            ]
            outcomes = await asyncio.gather(*asks)
            return sum(o.packets_sent for o in outcomes)

    packets = asyncio.run(scenario())
    assert packets == 1 + 2 * talk
    assert len(arrivals) == 3, "each was asked once"
    # Whoever comes next waits for all packets of the one before; a fifth of a second for a busy machine.
    for (before, cost), (after, _) in pairwise(sorted(arrivals)):
        assert after - before >= cost / rate - 0.2


def test_harm_redirections_are_recorded_never_followed():
    """Two listeners: the one that is named in the answer hears nothing."""
    visits: list[str] = []

    async def scenario() -> None:
        async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            visits.append("elsewhere")

        async with scripted(elsewhere) as other:

            async def redirecting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                visits.append("asked")
                location = f"http://127.0.0.1:{other}/"
                writer.write(f"HTTP/1.1 302 Found\r\nLocation: {location}\r\n\r\n".encode())
                await reader.read()

            async with scripted(redirecting) as port:
                access = FakeAccess(topology(device("ctl", service("http", port))))
                outcome = await collect.http(access, asked("http", port))  # type: ignore[arg-type]
                assert outcome.facts is not None
                assert str(other) in outcome.facts.model_dump_json()
                await asyncio.sleep(0)

    asyncio.run(scenario())
    assert visits == ["asked"]


def test_a_who_is_without_a_range_is_not_made():
    topo = topology(device("ctl", service("bacnet", 47808, transport="udp")))
    (found,) = services(topo, topo.devices["ctl"])
    with pytest.raises(ValueError, match="range"):
        found.request()
    made = found.request(BacnetRange(low=3, high=9))
    assert made is not None
    assert (made.param("low"), made.param("high")) == (3, 9)


def test_a_twin_is_asked_from_the_devices_own_vlan_or_not_at_all():
    flows = [{"source": "adm", "destination": "cam", "protocol": "tcp", "ports": [322]}]
    cam = device("cam", service("rtsp", 322, tls=True), zone="log", addresses=["127.0.1.3"], role="camera", tls="full")
    near = topology(cam, device("sup", role="supervisor"), flows=flows)
    (own,) = services(near, near.devices["cam"])
    (twin,) = twins(near, near.devices["cam"], {"rtsp": 554})
    assert (own.point, twin.point) == ("P-ADM", "P-LOG")
    points = [{"id": "P-ADM", "socket": "PR-ADM", "interface": "lo"}]
    far = topology(cam, device("sup", role="supervisor"), flows=flows, points=points)
    (twin,) = twins(far, far.devices["cam"], {"rtsp": 554})
    assert twin.request() is None


def test_a_closed_port_costs_one_connection():
    access = FakeAccess(topology(device("ctl", service("modbus", 502))))
    from probes.api import CollectFailure  # noqa: PLC0415

    with pytest.raises(CollectFailure):
        asyncio.run(collect.modbus(access, asked("modbus", free_port())))  # type: ignore[arg-type]
    assert access.connections == 0
