"""Fewer observations never narrow a finding: checked on every check of the family, on made-up evidence."""

from hypothesis import given, settings
from hypothesis import strategies as st

from probes.api import Evidence
from probes.ipv6.checks import CHECKS
from probes.ipv6.declared import ADDRESS, DHCP, ECHO, NEIGHBOUR, ROUTER
from probes.ipv6.facts import Problem
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.ipv6 import support as s
from tests.probes.ipv6.frames import ROUGE_MAC

TOPOLOGY = s.topology()
CASES = [(check, one) for check in CHECKS for one in check.subjects(TOPOLOGY, s.PARAMETERS[check.id])]
HEARINGS = st.sampled_from(
    [
        s.hearing(),
        s.hearing(),
        s.hearing(loss=s.LOST),
        s.hearing(carrier_losses=1),
        s.hearing(s.asked(s.GATEWAY4), s.asked(s.GATEWAY, (), ())),
        s.hearing(s.asked(s.GATEWAY4, (), ()), s.asked(s.GATEWAY, (), ())),
    ]
)
HEARD = st.lists(
    st.sampled_from(
        [
            s.ra(),
            s.rogue(),
            s.ra(lifetime_s=0),
            s.ra(after_ms=900.0),
            s.ra(prefixes=()),
            s.ra(problems=(Problem.HOP_LIMIT,)),
            s.ra(resolvers=()),
            s.ra(managed=True),
            s.ra(prefixes=(s.prefix("2001:db8::/64"),)),
        ]
    ),
    max_size=3,
)
SERVED = st.lists(st.sampled_from([s.served(), s.served(), s.intruder(), s.intruder(s.SERVER_ID)]), max_size=3)
OWN = st.lists(
    st.sampled_from([s.own(), s.own(flags=0x40), s.own(flags=0x48), s.own("fd00:30::50", flags=0x80, protocol=None)]),
    max_size=2,
)
SIGHTS = st.sampled_from([(), (), (s.sight(),), (s.sight("2001:db8::9"),)])
ANSWERS = st.sampled_from([(), (s.answer(),), (s.answer(), s.answer(mac=ROUGE_MAC))])
FACTS = {
    ROUTER: st.builds(
        lambda heard, control, seen: s.router(*heard, control=control, sights=seen), HEARD, HEARINGS, SIGHTS
    ),
    ADDRESS: st.builds(lambda own, ra: s.addresses(*own, how=s.settings(accept_ra=ra)), OWN, st.sampled_from([0, 1])),
    NEIGHBOUR: st.builds(
        lambda first, again, alive: s.neighbour(
            s.solicited(*first), s.solicited(*again) if first else None, alive=alive
        ),
        ANSWERS,
        ANSWERS,
        st.booleans(),
    ),
    DHCP: st.builds(
        lambda answers, control, odd: s.dhcp(*answers, control=control, refuse=odd),
        SERVED,
        HEARINGS,
        st.sampled_from([(), (), (s.odd(),)]),
    ),
    ECHO: st.builds(lambda n, control: s.echo(n, control=control), st.integers(18, 20), HEARINGS),
}


@st.composite
def cases(draw):
    check, one = draw(st.sampled_from(CASES))
    requests = check.requests(TOPOLOGY, one, s.PARAMETERS[check.id])
    found = [(r, draw(st.one_of(FACTS[r.collector], FACTS[r.collector], st.just(Failure.TIMEOUT)))) for r in requests]
    return check, one, found


def interval(check, one, proof):
    return s.INTERVALS[s.value(check, one, proof, s.PARAMETERS[check.id])]


def test_every_check_has_cases():
    assert {check.id for check, _ in CASES} == set(s.PARAMETERS)


@settings(max_examples=400, deadline=None)
@given(cases(), st.data())
def test_removing_observations_only_widens(case, data):
    check, one, found = case
    whole = s.evidence(TOPOLOGY, found)
    kept = data.draw(st.sets(st.sampled_from(sorted(whole.observations)))) if whole.observations else set()
    low, high = interval(check, one, whole)
    less_low, less_high = interval(check, one, Evidence(TOPOLOGY, {key: whole.observations[key] for key in kept}))
    assert less_low <= low
    assert less_high >= high


@settings(max_examples=100, deadline=None)
@given(cases())
def test_expired_observations_count_as_none(case):
    check, one, found = case
    expired = Evidence(TOPOLOGY, {}, frozenset(s.evidence(TOPOLOGY, found).observations))
    assert s.value(check, one, expired, s.PARAMETERS[check.id]) is Value.NON_VERIFIE


@settings(max_examples=300, deadline=None)
@given(FACTS[DHCP], st.one_of(FACTS[ROUTER], st.none()))
def test_without_controls_no_silence_of_dhcpv6_servers_is_believed(facts, routers):
    check = next(c for c in CHECKS if c.id == "ipv6.dhcp-declared")
    (one,) = (x for x in check.subjects(TOPOLOGY, s.PARAMETERS[check.id]) if x.point == "P10")
    asked, announced = check.requests(TOPOLOGY, one, s.PARAMETERS[check.id])
    found = s.value(check, one, s.evidence(TOPOLOGY, [(asked, facts), (announced, routers)]), s.PARAMETERS[check.id])
    whole = facts.hearing.controlled and not facts.hearing.loss.total and not facts.refuse and routers is not None
    assert found is not Value.CONFORME or (whole and not facts.answers)
    assert (found is Value.NON_CONFORME) == bool(facts.answers), "nobody may serve there"


@settings(max_examples=300, deadline=None)
@given(HEARD, HEARINGS, SIGHTS)
def test_without_controls_no_absence_is_believed(heard, control, seen):
    """Whatever was heard: without both ends and a whole capture, nothing rests on what was not."""
    facts = s.router(*heard, control=control, sights=seen)
    whole = facts.complete
    for check in CHECKS:
        for one in check.subjects(TOPOLOGY, s.PARAMETERS[check.id]):
            requests = check.requests(TOPOLOGY, one, s.PARAMETERS[check.id])
            if one.point != "P30" or [r.collector for r in requests] != [ROUTER]:
                continue
            found = s.value(check, one, s.evidence(TOPOLOGY, [(requests[0], facts)]), s.PARAMETERS[check.id])
            absence = Value.CONFORME if check.id == "ipv6.ra-declared" else Value.NON_CONFORME
            assert whole or found is not absence
