"""A frame is given to the request that it belongs to, and to none where nothing fits."""

from __future__ import annotations

import struct
import time
from ipaddress import ip_address

import pytest

from probes.wire import build
from probes.wire.capture import CapturedFrame, Direction
from probes.wire.witness import record_of
from r2s_audit.engine.trail import Trail
from r2s_audit.model.observation import Request, request
from r2s_audit.model.site import Site
from r2s_audit.model.topology import Topology
from tests.builders import site_data

OURS, THEIRS = "02:00:00:00:00:0a", "02:00:00:00:00:0b"
HERE, THERE, ELSEWHERE = "192.0.2.7", "192.0.2.9", "192.0.2.33"


def asked(collector: str = "a.b", **params: str | int) -> Request:
    return request(collector, "P-ADM", "sw", **params)


def segment(source: str, destination: str, ports: tuple[int, int]) -> bytes:
    body = struct.pack("!HHIIBBHHH", *ports, 1, 2, 0x50, 2, 1000, 0, 0)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, 6, 0)
    link = bytes.fromhex((THEIRS + OURS).replace(":", "")) + b"\x08\x00"
    return link + head + ip_address(source).packed + ip_address(destination).packed + body


def frame(data: bytes, *, incoming: bool = False, interface: str = "lo", late: int = 0) -> CapturedFrame:
    way = Direction.INCOMING if incoming else Direction.OUTGOING
    return CapturedFrame(interface, time.time_ns() + late, 0, way, None, len(data), data)


def told(trail: Trail, captured: CapturedFrame) -> tuple[str, ...]:
    return trail.comments(captured, record_of(captured).header)


@pytest.fixture
def trail() -> Trail:
    return Trail(Topology(Site.model_validate(site_data())))


def test_address_and_port_tell_requests_apart(trail: Trail) -> None:
    web, mail = asked(address=THERE, port=443, protocol="tcp"), asked(address=THERE, port=25, protocol="tcp")
    with trail.under_way("lo", [web, mail]):
        assert told(trail, frame(segment(HERE, THERE, (40000, 443)))) == (f"request: {web.key}",)
        assert told(trail, frame(segment(THERE, HERE, (25, 40000)), incoming=True)) == (f"request: {mail.key}",)


def test_a_question_for_an_address_belongs_to_who_needs_it(trail: Trail) -> None:
    one = asked(address=THERE, port=443)
    data = build.arp_request(OURS, ip_address(HERE), ip_address(THERE), ())
    with trail.under_way("lo", [one]):
        assert told(trail, frame(data)) == (f"request: {one.key}",)


def test_several_that_fit_are_all_named_and_many_counted(trail: Trail) -> None:
    two = [asked(name, address=THERE, port=443) for name in ("a.b", "a.c")]
    many = [asked(f"b.{n}", address=ELSEWHERE) for n in range(9)]
    with trail.under_way("lo", [*two, *many]):
        assert told(trail, frame(segment(HERE, THERE, (1, 443)))) == tuple(f"request: {r.key}" for r in two)
        assert told(trail, frame(segment(HERE, ELSEWHERE, (1, 443))))[-1] == "request: one of 9"


@pytest.mark.parametrize(
    ("interface", "target", "late"),
    [("wan", THERE, 0), ("lo", ELSEWHERE, 0), ("lo", THERE, -(10**9)), ("lo", THERE, 10**9)],
)
def test_what_fits_nothing_says_so(trail: Trail, interface: str, target: str, late: int) -> None:
    with trail.under_way("lo", [asked(address=THERE, port=443)]):
        pass
    found = told(trail, frame(segment(HERE, target, (1, 443)), interface=interface, late=late))
    assert found == ("request: none",)


def test_the_end_of_a_connection_is_still_its_requests(trail: Trail) -> None:
    before, after = asked("a.before", address=THERE, port=443), asked("a.after", address=THERE, port=443)
    with trail.under_way("lo", [before]):
        pass
    assert told(trail, frame(segment(HERE, THERE, (1, 443)))) == (f"request: {before.key}",)
    with trail.under_way("lo", [after]):
        found = told(trail, frame(segment(HERE, THERE, (1, 443))))
    assert found == (f"request: {after.key}",), "who is running comes first"


def test_another_port_is_only_a_matter_of_time(trail: Trail) -> None:
    one = asked(address=THERE, port=443)
    with trail.under_way("lo", [one]):
        assert told(trail, frame(segment(HERE, THERE, (1, 80)))) == (f"during: {one.key}",)


def test_what_is_sent_on_the_way_is_a_matter_of_time(trail: Trail) -> None:
    """The question for a router, or a control of a collector's own; what comes in unasked is nobody's."""
    many = [asked(address=THERE, port=port) for port in (80, 443)]
    with trail.under_way("lo", many):
        assert told(trail, frame(segment(HERE, ELSEWHERE, (1, 443)))) == ("during: a.b@P-ADM, 2 requests",)
        assert told(trail, frame(segment(ELSEWHERE, HERE, (443, 1)), incoming=True)) == ("request: none",)


def test_a_window_hears_groups(trail: Trail) -> None:
    window = asked("a.window")
    with trail.under_way("lo", [window]):
        data = b"\x01\x80\xc2\x00\x00\x03" + bytes(6) + b"\x88\x8e\x02\x01\x00\x00"
        assert told(trail, frame(data)) == (f"during: {window.key}",)
        assert told(trail, frame(b"junk")) == (f"during: {window.key}",)


def test_what_is_over_is_let_go(trail: Trail) -> None:
    with trail.under_way("lo", [asked(address=THERE)]):
        pass
    trail.forget(time.time_ns() + 10**9)
    assert told(trail, frame(segment(HERE, THERE, (1, 443)))) == ("request: none",)
