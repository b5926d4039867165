"""What the family's tests share: a small declared site, and observations made to measure."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from probes.api import Evidence, NotVerified
from probes.vlan.facts import ForeignQuestion, Loss, ProxyFacts, ReachFacts, ReachState, SenderControl
from probes.vlan.matrix import REACH
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure, Observation
from r2s_audit.model.site import Site
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology

NOON = datetime(2026, 6, 4, 12, 0, 0, tzinfo=UTC)
START = {"before": 0.0, "attempt": 10.0, "after": 20.0}  # seconds after noon
QUIET = Loss(kernel=0, forwarding=0, interruptions=0)
ROUTERS = {4: "10.0.{vlan}.1", 6: "fd00:{vlan}::1"}


def site(**changes) -> Site:
    """Three zones behind one router; the supervisor serves 443 and 8443, of which technique may reach gw's 443."""
    vlans = {10: "administration", 20: "technique", 30: "logements"}
    document = {
        "r2s_site": 1,
        "building": {"id": "essai", "name": "Essai"},
        "scope": {"networks": ["10.0.0.0/8", "fd00::/8"]},
        "zones": [{"id": name, "kind": name} for name in vlans.values()],
        "vlans": [
            {
                "id": vid,
                "name": name,
                "zone": name,
                "subnets": [
                    {"prefix": f"10.0.{vid}.0/24", "gateway": f"10.0.{vid}.1"},
                    {"prefix": f"fd00:{vid}::/64", "gateway": f"fd00:{vid}::1"},
                ],
            }
            for vid, name in vlans.items()
        ],
        "sockets": [
            {"id": f"S{vid}", "zone": name, "vlan": vid, "switch": "sw", "port": f"ge{vid}"}
            for vid, name in vlans.items()
        ],
        "points": [{"id": f"P{vid}", "socket": f"S{vid}", "interface": f"p{vid}"} for vid in vlans],
        "devices": [
            _device("sw", "switch", "administration", ["10.0.10.2"], [443]),
            _device("rt", "router", "administration", [f"10.0.{vid}.1" for vid in vlans], []),
            _device("sup", "supervisor", "technique", ["10.0.20.10", "fd00:20::10"], [443, 8443]),
            _device("gw", "gateway", "logements", ["10.0.30.101"], [443]),
        ],
        "flows": [
            {"source": "technique", "destination": "logements", "protocol": "tcp", "ports": [443]},
            {"source": "administration", "destination": "technique", "protocol": "icmp"},
        ],
    }
    return Site.model_validate(document | changes)


def _device(name, role, zone, addresses, ports, **more):
    services = [{"protocol": "https", "port": port} for port in ports]
    return {"id": name, "role": role, "zone": zone, "addresses": addresses, "services": services} | more


def topology(**changes) -> Topology:
    return Topology(site(**changes))


def sender(version=4, **changes) -> SenderControl:
    base = {
        "gateway": ip_address("10.0.30.1" if version == 4 else "fd00:30::1"),
        "resolved_before": True,
        "resolved_after": True,
        "echo_before": True,
        "echo_after": True,
        "carrier_losses": 0,
    }
    return SenderControl.model_validate(base | changes)


def facts(request, state, *, at=None, loss=QUIET, control=None, **changes) -> ReachFacts:
    """Facts of a request, at its phase's usual time."""
    address = ip_address(request.param("address"))
    start = NOON + timedelta(seconds=START[request.param("phase")] if at is None else at)
    positive = state in {"reply", "syn_ack", "answer", "rst"}
    base = {
        "address": address,
        "protocol": request.param("protocol"),
        "port": request.param("port") or None,
        "source_port": dict(request.params).get("source_port"),
        "state": ReachState(state),
        "next_hop": address,
        "next_hop_mac": "02:00:00:00:00:01",
        "answered_by": address if positive else None,
        "answer_hop_limit": 63 if positive else None,
        "frames_sent": 1 if positive else 2,
        "frames_seen": 1 if positive else 2,
        "retries": 0 if positive else 1,
        "started": start,
        "ended": start + timedelta(seconds=2),
        "window_start": start - timedelta(seconds=1),
        "window_end": start + timedelta(seconds=3),
        "loss": loss,
        "sender": control or sender(address.version),
    }
    return ReachFacts.model_validate(base | changes)


ROUTER = {4: {"answered_by": "10.0.30.1", "icmp_type": 3}, 6: {"answered_by": "fd00:30::1", "icmp_type": 1}}
BESIDE = {
    version: {"answer_mac": "02:00:00:00:00:01", "next_hop": router["answered_by"]}
    for version, router in ROUTER.items()
}
"""Straight from the router that was asked."""


def told(request, token, *, at=None, **how):
    """Facts by a short name; None for an observation that nobody made, a Failure for one that failed."""
    version = ip_address(request.param("address")).version
    prohibited, port, host = {4: (13, 3, 1), 6: (1, 4, 3)}[version]
    table = {
        "open": ({"icmp": "reply", "tcp": "syn_ack", "udp": "answer"}[request.param("protocol")], {}),
        "rst": ("rst", {}),
        "rst-near": ("rst", {"answer_hop_limit": 64}),
        "rst-unknown": ("rst", {"answer_hop_limit": None}),
        "silence": ("silence", {}),
        "unresolved": ("arp_unresolved", {"frames_sent": 0, "frames_seen": 0, "next_hop_mac": None}),
        "prohibited": ("icmp_error", ROUTER[version] | {"icmp_code": prohibited}),
        "port-unreachable": ("icmp_error", ROUTER[version] | {"icmp_code": port}),
        "no-route": ("icmp_error", ROUTER[version] | {"icmp_code": 0}),
        "host-unreachable": ("icmp_error", ROUTER[version] | {"icmp_code": host}),
        "ttl": ("icmp_error", ROUTER[version] | {"icmp_type": 11 if version == 4 else 3, "icmp_code": 0}),
        "target-error": (
            "icmp_error",
            ROUTER[version] | {"icmp_code": port, "answered_by": request.param("address")},
        ),
    }
    refused = ROUTER[version] | {"icmp_code": port, "answered_by": request.param("address")}
    table |= {
        "closed": ("icmp_error", refused | {"answer_hop_limit": 63}),
        "closed-near": ("icmp_error", refused | {"answer_hop_limit": 64} | BESIDE[version]),
    }
    if token == "missing":
        return None
    if token == "failed":
        return Failure.UNREACHABLE
    state, changes = table[token]
    return facts(request, state, at=at, **(changes | how))


def proxied(*answers, version=4) -> ProxyFacts:
    """Facts of the question who answers for other VLANs: pairs of an address and the MAC that answers for it, or None."""
    return ProxyFacts(
        version=version,
        questions=tuple(
            ForeignQuestion(address=address, answer_mac=mac, frames_sent=1 if mac else 2, frames_seen=1 if mac else 2)
            for address, mac in answers
        ),
        window_start=NOON,
        window_end=NOON + timedelta(seconds=2),
        loss=QUIET,
        sender=sender(version),
    )


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


def subject(check, top, parameters, key):
    found = {s.key: s for s in check.subjects(top, parameters)}
    return found[key]


def reaching(requests):
    """Attempts and controls, without the question that only explains an open cell."""
    return [request for request in requests if is_reach(request)]


def is_reach(request):
    return request.collector == REACH
