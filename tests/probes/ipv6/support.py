"""What the family's tests share: a small declared site, and observations made to measure."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

from probes.api import Evidence, NoParameters, NotVerified
from probes.ipv6.addresses import Formed
from probes.ipv6.dhcp_facts import DhcpAnswer, DhcpFacts, DhcpRefuse
from probes.ipv6.facts import (
    AddressFacts,
    Advertisement,
    Asked,
    Content,
    EchoFacts,
    Hearing,
    Loss,
    NeighbourAnswer,
    NeighbourFacts,
    OwnAddress,
    Prefix,
    Resolvers,
    RouterFacts,
    Settings,
    Sight,
    Solicited,
)
from probes.ipv6.reach import EchoParameters, NeighboursParameters
from probes.ipv6.routers import Announced
from probes.wire.dhcpv6 import Problem
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure, Observation
from r2s_audit.model.site import Site
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology
from tests.probes.ipv6.frames import POINT, ROUGE, ROUGE_MAC, ROUTER, ROUTER_MAC

NOON = datetime(2026, 6, 4, 12, 0, 0, tzinfo=UTC)
GATEWAY, GATEWAY4, SUPERVISOR, SUPERVISOR4 = "fd00:30::1", "10.0.30.1", "fd00:30::101", "10.0.30.101"
SERVER_ID, ROUGE_ID = "00:03:00:01:02:00:00:00:30:01", "00:03:00:01:02:00:00:00:66:66"
POINT_MAC, DEVICE_MAC = "02:00:00:00:30:50", "02:00:00:00:30:65"
QUIET = Loss(kernel=0, forwarding=0, interruptions=0)
LOST = Loss(kernel=1, forwarding=0, interruptions=0)
PARAMETERS = {
    "ipv6.ra-present": Announced(ra_seconds=0.4, prefix_length=64),
    "ipv6.ra-declared": NoParameters(),
    "ipv6.dhcp-declared": NoParameters(),
    "ipv6.address-formed": Formed(origins=["slaac", "dynamic"], prefix_length=64),
    "ipv6.rdnss-or-dhcp": NoParameters(),
    "ipv6.neighbours-answer": NeighboursParameters(roles=["supervisor"]),
    "ipv6.gateway-echo": EchoParameters(loss="0.01", count=20),
    "ipv6.in-use": NoParameters(),
}


def site(**changes) -> Site:
    """Two VLANs behind one router; the second one declares no IPv6, and that nobody serves DHCPv6 there."""
    document = {
        "r2s_site": 1,
        "building": {"id": "essai", "name": "Essai"},
        "scope": {"networks": ["10.0.0.0/8", "fd00::/8"], "rates": {"per_target": 200, "total": 1000}},
        "zones": [{"id": "logements", "kind": "logements"}, {"id": "adm", "kind": "administration"}],
        "vlans": [
            {
                "id": 30,
                "name": "logements",
                "zone": "logements",
                "subnets": [
                    {"prefix": "10.0.30.0/24", "gateway": GATEWAY4},
                    {"prefix": "fd00:30::/64", "gateway": GATEWAY},
                ],
                "dhcpv6_servers": [SERVER_ID],
            },
            {
                "id": 10,
                "name": "adm",
                "zone": "adm",
                "subnets": [{"prefix": "10.0.10.0/24", "gateway": "10.0.10.1"}],
                "dhcpv6_servers": [],
            },
        ],
        "sockets": [
            {"id": "S30", "zone": "logements", "vlan": 30, "switch": "sw", "port": "1"},
            {"id": "S10", "zone": "adm", "vlan": 10, "switch": "sw", "port": "2"},
        ],
        "points": [
            {"id": "P30", "socket": "S30", "interface": "p30"},
            {"id": "P10", "socket": "S10", "interface": "p10"},
        ],
        "devices": [
            {"id": "rt", "role": "router", "zone": "adm", "addresses": ["10.0.10.1", GATEWAY4]},
            {"id": "sup", "role": "supervisor", "zone": "logements", "addresses": [SUPERVISOR4, SUPERVISOR]},
            {"id": "capteur", "role": "sensor", "zone": "logements", "addresses": ["10.0.30.77"]},
            {"id": "camera", "role": "camera", "zone": "logements", "addresses": ["fd00:30::77"]},
        ],
        "flows": [],
    }
    document["devices"][0]["addresses"].append(GATEWAY)
    merged = document | changes
    return Site.model_validate(merged)


def topology(**changes) -> Topology:
    return Topology(site(**changes))


def asked(address, before=(ROUTER_MAC,), after=(ROUTER_MAC,)) -> Asked:
    return Asked(address=ip_address(address), before=tuple(before), after=tuple(after))


def hearing(*each, loss=QUIET, carrier_losses=0) -> Hearing:
    both = each or (asked(GATEWAY4), asked(GATEWAY))
    return Hearing(asked=tuple(both), carrier_losses=carrier_losses, loss=loss)


def prefix(text="fd00:30::/64", **changes) -> Prefix:
    base = {"prefix": ip_network(text), "on_link": True, "autonomous": True, "valid_s": 86400, "preferred_s": 14400}
    return Prefix.model_validate(base | changes)


def content(**changes) -> Content:
    base = {
        "hop_limit": 64,
        "managed": False,
        "other": False,
        "preference": "medium",
        "lifetime_s": 1800,
        "reachable_ms": 0,
        "retransmit_ms": 0,
        "prefixes": (prefix(),),
        "resolvers": (Resolvers(lifetime_s=1200, servers=(ip_address(GATEWAY),)),),
    }
    return Content.model_validate(base | changes)


def ra(*, after_ms=12.0, source=ROUTER, mac=ROUTER_MAC, problems=(), body=True, count=1, **changes) -> Advertisement:
    return Advertisement(
        heard=NOON,
        after_ms=after_ms,
        source=ip_address(source),
        mac=mac,
        destination=ip_address("ff02::1"),
        hop_limit=255,
        problems=problems,
        content=content(**changes) if body else None,
        count=count,
    )


def rogue(**how) -> Advertisement:
    return ra(source=ROUGE, mac=ROUGE_MAC, **how)


def sight(address="fd00:30::9", mac="02:00:00:00:00:09") -> Sight:
    return Sight(address=ip_address(address), mac=mac)


def router(*heard, control=None, **changes) -> RouterFacts:
    base = {
        "interface": "p30",
        "source": ip_address(POINT),
        "solicited": NOON,
        "window_start": NOON,
        "window_end": NOON + timedelta(seconds=5),
        "listened_s": 4.5,
        "advertisements": heard,
        "unkept": 0,
        "unreadable": 0,
        "sights": (),
        "hearing": control or hearing(),
    }
    return RouterFacts.model_validate(base | changes)


def served(duid=SERVER_ID, *, source=ROUTER, mac=ROUTER_MAC, **changes) -> DhcpAnswer:
    base = {
        "source": source,
        "mac": mac,
        "duid": duid,
        "preference": None,
        "status": None,
        "addresses": ("fd00:30::1000",),
        "prefixes": (),
        "resolvers": (GATEWAY,),
        "after_ms": 1.5,
    }
    return DhcpAnswer.model_validate(base | changes)


def intruder(duid=ROUGE_ID, **changes) -> DhcpAnswer:
    return served(duid, source=ROUGE, mac=ROUGE_MAC, **changes)


def odd(problem=Problem.OPTION) -> DhcpRefuse:
    return DhcpRefuse(source=ip_address(ROUGE), mac=ROUGE_MAC, problem=problem)


def dhcp(*answers, control=None, **changes) -> DhcpFacts:
    base = {
        "interface": "p30",
        "source": ip_address(POINT),
        "solicited": NOON,
        "window_start": NOON,
        "window_end": NOON + timedelta(seconds=3),
        "listened_s": 3.0,
        "answers": answers,
        "refuse": (),
        "unlisted": 0,
        "hearing": control or hearing(),
    }
    return DhcpFacts.model_validate(base | changes)


def own(address="fd00:30::5054:ff:fe00:1", flags=0, protocol=2, prefix_length=64, **changes) -> OwnAddress:
    return OwnAddress(
        address=ip_address(address), prefix_length=prefix_length, flags=flags, protocol=protocol, **changes
    )


def settings(**changes) -> Settings:
    base = {"disabled": False, "accept_ra": 1, "accept_prefix": True, "autoconf": True, "forwarding": False}
    return Settings.model_validate(base | changes)


def addresses(*each, how=None, **changes) -> AddressFacts:
    base = {
        "interface": "p30",
        "up": True,
        "carrier": True,
        "carrier_losses": 0,
        "mac": POINT_MAC,
        "addresses": (own("fe80::50", 0x80, 3), *each),
        "settings": how or settings(),
        "waited_s": 0.1,
    }
    return AddressFacts.model_validate(base | changes)


def answer(mac=DEVICE_MAC, **changes) -> NeighbourAnswer:
    base = {"mac": mac, "target_mac": mac, "router": False, "solicited": True, "override": True, "after_ms": 0.4}
    return NeighbourAnswer.model_validate(base | changes)


def solicited(*answers, seen=None) -> Solicited:
    sent = 1 if answers else 2
    return Solicited(frames_sent=sent, frames_seen=sent if seen is None else seen, answers=answers)


def neighbour(multicast, unicast=None, *, alive=True, control=None, **changes) -> NeighbourFacts:
    macs = (DEVICE_MAC,) if alive else ()
    base = {
        "address": ip_address(SUPERVISOR),
        "multicast": multicast,
        "unicast": unicast,
        "hearing": control or hearing(asked(SUPERVISOR4, macs, macs)),
        "window_start": NOON,
        "window_end": NOON,
    }
    return NeighbourFacts.model_validate(base | changes)


def echo(replies=20, *, left=20, mac=ROUTER_MAC, control=None, **changes) -> EchoFacts:
    base = {
        "address": ip_address(GATEWAY),
        "source": ip_address(POINT),
        "mac": mac,
        "wanted": 20,
        "left": left,
        "replies": replies,
        "errors": 0,
        "fastest_ms": 0.2 if replies else None,
        "slowest_ms": 0.9 if replies else None,
        "hearing": control or hearing(),
        "window_start": NOON,
        "window_end": NOON,
    }
    return EchoFacts.model_validate(base | changes)


def observation(request, what) -> Observation:
    common = {"request": request, "pass_id": "p1", "started": NOON, "ended": NOON, "collector_version": "1"}
    if isinstance(what, Failure):
        return Observation(**common, state="failed", failure=what, reason=msg("essai"))
    return Observation(**common, state="completed", facts=what.model_dump(mode="json"))


def evidence(top, found) -> Evidence:
    """``found``: pairs of request and facts, failure or None."""
    return Evidence(top, {r.key: observation(r, what) for r, what in found if what is not None})


def value(check, subject, proof, parameters) -> Value:
    try:
        judgement = check.judge(subject, proof, parameters)
    except NotVerified as error:
        sentences, found = [error.reason], Value.NON_VERIFIE
    else:
        sentences, found = [judgement.expected, judgement.measured], judgement.value
    for sentence in sentences:
        assert str(sentence)
        assert "{" not in str(sentence), sentence
    return found


INTERVALS = {
    Value.CONFORME: (2, 2),
    Value.PARTIEL: (1, 1),
    Value.NON_CONFORME: (0, 0),
    Value.NON_VERIFIE: (0, 2),
}
