"""Who offers leases at a socket: strangers, boxes, and the evidence that there are none."""

from datetime import timedelta

import pytest

from probes.api import NoParameters
from probes.vlan.facts import LeaseFacts, Loss
from probes.vlan.lease import DhcpDeclared, NoBox
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.vlan.support import NOON, QUIET, evidence, topology, value

C, N, U = Value.CONFORME, Value.NON_CONFORME, Value.NON_VERIFIE
NONE = NoParameters()
DHCP, BOX = DhcpDeclared(), NoBox()
ROUTER_MAC, BOX_MAC = "02:00:00:00:00:01", "02:00:00:00:00:99"


def offer(server="10.0.30.1", *, router="10.0.30.1", address="10.0.30.130", mac=ROUTER_MAC):
    return {
        "source": server,
        "mac": mac,
        "server": server,
        "address": address,
        "prefix_length": 24,
        "router": router,
    }


def speaker(address, mac=BOX_MAC):
    return {"address": address, "mac": mac}


ROUTER = offer()
A_BOX = offer("192.168.1.1", router="192.168.1.1", address="192.168.1.100", mac=BOX_MAC)
SAME_NETWORK = offer("10.0.30.66", router="10.0.30.66", address="10.0.30.140", mac=BOX_MAC)
OTHER_WAY_OUT = offer(router="10.0.30.66")
OTHER_PREFIX = offer(address="192.168.1.100")
NAMELESS = offer() | {"server": None}
USURPER = offer(mac=BOX_MAC)
GATEWAY_OF_A_DWELLING = offer("10.0.30.101", router="10.0.30.1", mac=BOX_MAC)


def heard(*offers, speakers=(), **changes):
    base = {
        "frames_sent": 1,
        "frames_seen": 1,
        "listened_s": 4.0,
        "offers": offers,
        "speakers": speakers,
        "unlisted": 0,
        "unreadable": 0,
        "window_start": NOON,
        "window_end": NOON + timedelta(seconds=4),
        "loss": QUIET,
        "carrier_losses": 0,
    }
    return LeaseFacts.model_validate(base | changes)


def declared(servers=("10.0.30.1",)):
    vlans = [v.model_dump(mode="json") for v in topology().site.vlans]
    for vlan in vlans:
        if vlan["id"] == 30:
            vlan["dhcp_servers"] = list(servers)
    return topology(vlans=vlans)


def judged(check, top, what):
    one = next(s for s in check.subjects(top, NONE) if s.point == "P30")
    (asked,) = check.requests(top, one, NONE)
    return value(check, one, evidence(top, [(asked, what)]), NONE)


LOST = Loss(kernel=1, forwarding=0, interruptions=0)

# what was heard, the finding on DHCP servers, the finding on boxes
ROWS = [
    (heard(ROUTER), C, C),
    (heard(NAMELESS), C, C),  # told by its source address alone
    (heard(ROUTER, speakers=[speaker("10.0.30.77"), speaker("10.0.20.10"), speaker("169.254.7.7")]), C, C),
    (heard(A_BOX), N, N),
    (heard(ROUTER, A_BOX), N, N),
    (heard(ROUTER, SAME_NETWORK), N, N),
    (heard(ROUTER, GATEWAY_OF_A_DWELLING), N, N),  # declared equipment, but no declared server
    (heard(ROUTER, A_BOX, loss=LOST), N, N),  # a stranger that was heard is there
    (heard(ROUTER, A_BOX, frames_seen=0), N, N),
    (heard(OTHER_WAY_OUT), C, N),
    (heard(OTHER_PREFIX), C, N),
    (heard(ROUTER, speakers=[speaker("192.168.1.1")]), C, N),
    (heard(speakers=[speaker("192.168.1.1")]), U, N),
    (heard(), U, U),  # nobody offers: nothing shows that an offer would be heard
    (heard(ROUTER, loss=LOST), U, U),
    (heard(ROUTER, carrier_losses=1), U, U),
    (heard(ROUTER, frames_seen=0), U, U),
    (heard(ROUTER, unlisted=1), U, U),
    (heard(ROUTER, USURPER), U, U),  # two MAC addresses in the name of one server
    (Failure.MISSING_PRIVILEGE, U, U),
    (None, U, U),
]


@pytest.mark.parametrize(("what", "servers", "boxes"), ROWS)
def test_table(what, servers, boxes):
    assert judged(DHCP, declared(), what) is servers
    assert judged(BOX, declared(), what) is boxes


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (heard(), U),
        (heard(ROUTER), U),  # the site's own router: the declaration says too little
        (heard(A_BOX), N),
        (heard(SAME_NETWORK), N),
        (heard(GATEWAY_OF_A_DWELLING), N),
    ],
)
def test_without_a_declared_server_an_absence_is_not_verified(what, expected):
    assert judged(DHCP, declared([]), what) is expected
    assert judged(BOX, declared([]), what) is expected


def test_every_point_that_may_send_is_a_subject_and_asks_once():
    top = declared()
    for check in (DHCP, BOX):
        assert [s.key for s in check.subjects(top, NONE)] == ["S10@P10", "S20@P20", "S30@P30"]
    (first,), (second,) = (
        c.requests(top, next(s for s in c.subjects(top, NONE) if s.point == "P30"), NONE) for c in (DHCP, BOX)
    )
    assert first == second
