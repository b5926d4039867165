"""The family's checks, row by row: one row per way to be wrong, one per control that is missing."""

from datetime import UTC, datetime
from itertools import combinations

import pytest

from probes.api import Evidence
from probes.dot1x.facts import (
    Advertised,
    AuthenticationFacts,
    Claim,
    ClosedFacts,
    Heard,
    Kind,
    Knock,
    LinkState,
    Listening,
    Loss,
    Offered,
    StartFacts,
)
from probes.dot1x.port import AUTHENTICATE, CLOSED, START
from r2s_audit.model.observation import Failure, Observation
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology
from tests.probes.dot1x.support import CHECK, PARAMETERS, C, N, P, U, credentials, judged, site

NOON = datetime(2026, 6, 4, 12, tzinfo=UTC)
TOPOLOGY = Topology(site(credentials()))
LINK = LinkState(interface="wa", up=True, carrier=True)
QUIET = Loss()
SWITCH, STRANGER = "02:00:00:00:00:99", "02:00:00:00:00:77"
ETHERTYPES = {Kind.EAPOL: 0x888E, Kind.LLDP: 0x88CC, Kind.ARP: 0x806, Kind.IPV4: 0x800, Kind.IPV6: 0x86DD}


def heard(*kinds, unlisted=0):
    rows = tuple(Heard(kind=kind, source=SWITCH, ethertype=ETHERTYPES.get(kind), count=2) for kind in kinds)
    return Listening(seconds=1, heard=rows, unlisted=unlisted)


def knock(*, claims=(), offers=(), prefixes=(), seen=3):
    return Knock(
        gateway="10.0.30.1",
        claims=tuple(Claim(address=a, mac=STRANGER) for a in claims),
        offers=tuple(Offered(address=a, prefix_length=24, router=None, server=None) for a in offers),
        advertisements=(Advertised(router="fe80::1", mac=STRANGER, prefixes=prefixes),) if prefixes else (),
        frames_sent=3,
        frames_seen=seen,
        seconds=1,
    )


LLDP, NOTHING = heard(Kind.LLDP), heard()


def closed(silent=LLDP, asked=NOTHING, answers=None, link=LINK, loss=QUIET):
    return ClosedFacts(
        link=link, silent=silent, asked=asked, knock=answers or knock(), loss=loss, started=NOON, ended=NOON
    )


def start(*, requested=True, starts=1, seen=2, link=LINK, loss=QUIET):
    return StartFacts(
        link=link,
        listening=heard(Kind.EAPOL),
        requested=requested,
        elapsed_ms=3.0 if requested else None,
        starts=starts,
        authenticator=SWITCH if requested else None,
        frames_seen=seen,
        loss=loss,
    )


OPEN = {"claims": ["10.0.30.1"], "offers": ["10.0.30.100"]}


def trial(result="success", *, before=None, opened=None, after=None, **changes):
    values = {
        "identity": "declared",
        "link": LINK,
        "before": before or knock(),
        "result": result,
        "requested": True,
        "method": 25,
        "validated": True,
        "elapsed_ms": 12.0,
        "opened": (opened or knock(**OPEN)) if result == "success" else None,
        "closed": after or knock(),
        "loss": QUIET,
    }
    return AuthenticationFacts.model_validate(values | changes)


NO_LINK = LINK.model_copy(update={"carrier": False})
FLAPPED = LINK.model_copy(update={"carrier_losses": 1})
OFF = LINK.model_copy(update={"up": False})
DROPPED = Loss(kernel=1)
DEAD = ClosedFacts(link=NO_LINK, silent=None, asked=None, knock=None, loss=QUIET, started=NOON, ended=NOON)
NOT_TRIED = trial("not_tried", link=NO_LINK).model_copy(update={"before": None, "closed": None})


def decide(name, found, top=TOPOLOGY):
    """``found``: facts by collector; None for an observation that failed."""
    check, given = CHECK[name], PARAMETERS[name]
    (subject,) = check.subjects(top, given)
    observations = {}
    for asked in check.requests(top, subject, given):
        if asked.collector in found:
            observations[asked.key] = _observed(asked, found[asked.collector])
    return judged(check, subject, Evidence(top, observations), given)


def _observed(asked, facts):
    common = {"request": asked, "pass_id": "p1", "started": NOON, "ended": NOON, "collector_version": "1"}
    if facts is None:
        return Observation(**common, state="failed", failure=Failure.TIMEOUT, reason=msg("essai"))
    return Observation(**common, state="completed", facts=facts.model_dump(mode="json"))


@pytest.mark.parametrize(
    ("facts", "value", "says"),
    [
        (closed(), C, "aucune réponse"),
        (closed(heard(), heard(Kind.EAPOL)), C, "aucune réponse"),
        (closed(heard(Kind.STP, Kind.LINK)), C, "aucune réponse"),
        (closed(heard(Kind.LINK)), U, "peut-être mort"),  # CDP alone is not among the controls asked for
        (closed(heard()), U, "peut-être mort"),
        (closed(answers=knock(claims=["10.0.30.1"])), N, "30 (logements)"),
        (closed(answers=knock(offers=["10.0.40.100"])), N, "40 (technique)"),
        (closed(answers=knock(offers=["10.0.50.100"])), P, "50 (visiteurs)"),
        (closed(answers=knock(offers=["10.0.50.100"], claims=["10.0.30.1"])), N, "30"),
        (closed(answers=knock(offers=["192.168.1.20"])), U, "non déclaré"),
        (closed(answers=knock(offers=["192.168.1.20", "10.0.50.100"])), U, "non déclaré"),  # not the visitors' alone
        (closed(answers=knock(prefixes=["fd00:99::/64"])), U, "non déclaré"),
        (closed(heard(Kind.LLDP, Kind.ARP)), P, "arp"),
        (closed(heard(Kind.LLDP, Kind.IPV6)), P, "ipv6"),
        (closed(heard(Kind.LLDP, Kind.OTHER)), P, "other"),
        (closed(heard(Kind.LLDP, unlisted=1)), P, "1 trames"),
        (closed(loss=DROPPED), U, "capture incomplète"),
        (closed(link=FLAPPED), U, "lien perdu"),
        (closed(link=OFF), U, "désactivée"),
        (closed(answers=knock(seen=2)), U, "jamais vues partir"),
        (closed(heard(), loss=DROPPED, answers=knock(claims=["10.0.30.1"])), N, "30"),  # a presence needs no control
        (DEAD, U, "aucun lien"),
        (None, U, "essai"),
    ],
)
def test_closed_port(facts, value, says):
    found, said = decide("port-closed", {CLOSED: facts})
    assert (found, says in said) == (value, True), said


@pytest.mark.parametrize(
    ("facts", "before", "value", "says"),
    [
        (start(), closed(), C, SWITCH),
        (start(loss=DROPPED), None, C, SWITCH),  # an answer needs no control
        (start(requested=False), closed(answers=knock(**OPEN)), N, "sans authentification"),
        (start(requested=False), closed(), U, "non tranché"),
        (start(requested=False), closed(answers=knock(offers=["192.168.1.20"])), U, "non tranché"),
        (start(requested=False), DEAD, U, "non tranché"),
        (start(requested=False), None, U, "essai"),
        (start(requested=False, loss=DROPPED), closed(answers=knock(**OPEN)), U, "capture"),
        (start(requested=False, link=NO_LINK), closed(answers=knock(**OPEN)), U, "aucun lien"),
        (start(requested=False, starts=2, seen=1), closed(answers=knock(**OPEN)), U, "jamais vu partir"),
        (None, closed(), U, "essai"),
    ],
)
def test_authenticator(facts, before, value, says):
    found, said = decide("authenticator-answers", {START: facts, CLOSED: before})
    assert (found, says in said) == (value, True), said


@pytest.mark.parametrize(
    ("facts", "value", "says"),
    [
        (trial(), C, "PEAP en 12"),
        (trial(opened=knock(claims=["10.0.30.1"])), C, "30"),  # no DHCP: the gateway alone says which VLAN
        (trial(opened=knock(offers=["10.0.30.9"])), C, "30"),
        (trial(opened=knock(offers=["10.0.40.9"])), N, "40 (technique)"),
        (trial(opened=knock(claims=["10.0.50.1"])), N, "50 (visiteurs)"),
        (trial(opened=knock()), U, "rien ne répond"),
        (trial(opened=knock(offers=["192.168.1.9"])), U, "rien ne répond"),
        (trial(before=knock(**OPEN)), U, "déjà avant"),
        (trial(before=knock(seen=1)), U, "jamais vues"),
        (trial(after=knock(**OPEN)), U, "après le Logoff"),
        (trial(loss=DROPPED), U, "capture"),
        (trial(link=FLAPPED), U, "lien perdu"),
        (trial("failure"), N, "identité déclarée refusée"),
        (trial("failure", validated=False, validation_error="Domain suffix mismatch"), N, "Domain suffix mismatch"),
        (trial("failure", validated=None), N, "avant que le serveur"),
        (trial("timeout"), U, "muet"),
        (trial("timeout", requested=False), U, "ne répond pas"),
        (NOT_TRIED, U, "aucun lien"),
        (None, U, "essai"),
    ],
)
def test_declared_identity(facts, value, says):
    found, said = decide("authentication-opens-port", {AUTHENTICATE: facts})
    assert (found, says in said) == (value, True), said


@pytest.mark.parametrize(
    ("facts", "value", "says"),
    [
        (trial("failure"), C, "refusée (PEAP)"),
        (trial("success"), N, "inventée"),
        (trial("failure", after=knock(**OPEN)), N, "30 (logements)"),
        (trial("failure", after=knock(offers=["10.0.50.9"])), P, "50 (visiteurs)"),
        (trial("failure", after=knock(offers=["192.168.1.9"])), U, "non déclaré"),
        (trial("failure", after=knock(offers=["192.168.1.9", "10.0.50.9"])), U, "non déclaré"),
        (trial("failure", after=knock(seen=0)), U, "jamais vues"),
        (trial("failure", validated=False), U, "pas été validé"),
        (trial("failure", validated=None), U, "pas été validé"),
        (trial("failure", loss=DROPPED), U, "capture"),
        (trial("failure", link=FLAPPED), U, "lien perdu"),
        (trial("timeout"), U, "muet"),
        (NOT_TRIED, U, "aucun lien"),
        (None, U, "essai"),
    ],
)
def test_false_identity(facts, value, says):
    found, said = decide("bad-credentials-refused", {AUTHENTICATE: facts})
    assert (found, says in said) == (value, True), said


@pytest.mark.parametrize("name", CHECK)
def test_nobody_asked(name):
    assert decide(name, {})[0] is U


def test_losing_evidence_never_turns_a_verdict_round():
    """Without the closed port's observation the authenticator's silence is no longer judged, never judged better."""
    whole = {START: start(requested=False), CLOSED: closed(answers=knock(**OPEN))}
    for size in range(2):
        for kept in combinations(whole, size):
            assert decide("authenticator-answers", {name: whole[name] for name in kept})[0] is U


def test_only_unauthenticated_points_are_subjects_and_one_false_identity_speaks_for_all():
    points = [
        {"id": "P0", "socket": "S1", "interface": "w0"},
        {"id": "P1", "socket": "S1", "interface": "w1", "kind": "unauthenticated"},
        {"id": "P2", "socket": "S1", "interface": "w2", "kind": "unauthenticated", "dot1x": credentials()},
        {"id": "P3", "socket": "S1", "interface": "w3", "kind": "unauthenticated", "dot1x": credentials()},
    ]
    top = Topology(site(points=points))
    found = {name: [s.point for s in CHECK[name].subjects(top, PARAMETERS[name])] for name in CHECK}
    assert found.pop("bad-credentials-refused") == ["P2"]
    assert set(map(tuple, found.values())) == {("P1", "P2", "P3")}


def test_rounds_come_before_every_other_familys():
    orders = {}
    for name, check in CHECK.items():
        (subject,) = check.subjects(TOPOLOGY, PARAMETERS[name])
        for asked in check.requests(TOPOLOGY, subject, PARAMETERS[name]):
            orders.setdefault((asked.collector, dict(asked.params).get("identity")), asked.order)
    assert sorted(orders, key=orders.__getitem__) == [
        (CLOSED, None),
        (START, None),
        (AUTHENTICATE, "declared"),
        (AUTHENTICATE, "fictitious"),
    ]
    assert max(orders.values()) < 0
