"""Who answers DHCPv6 at a socket: strangers, the declared server, and the evidence that there is nobody else."""

import pytest

from probes.api import NoParameters
from probes.ipv6.dhcp import DhcpDeclared
from probes.wire.dhcpv6 import Problem
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.ipv6 import support as s
from tests.probes.ipv6.frames import ROUGE_MAC

C, N, U = Value.CONFORME, Value.NON_CONFORME, Value.NON_VERIFIE
CHECK, NONE = DhcpDeclared(), NoParameters()
MUTE = s.hearing(s.asked(s.GATEWAY4, (), ()), s.asked(s.GATEWAY, (), ()))
HALF = s.hearing(s.asked(s.GATEWAY4, after=()), s.asked(s.GATEWAY, after=()))
SPOILT, CUT = s.hearing(loss=s.LOST), s.hearing(carrier_losses=1)
KEY = "dhcpv6_servers"


def declared(servers):
    """VLAN 30 with these servers; None: its declaration does not say."""
    vlans = [v.model_dump(mode="json", exclude={KEY}) | {KEY: v.dhcpv6_servers} for v in s.site().vlans]
    vlans[0][KEY] = servers
    return s.topology(vlans=vlans)


def judged(facts, servers, routers=None):
    top = declared(servers)
    one = next(x for x in CHECK.subjects(top, NONE) if x.point == "P30")
    asked = CHECK.requests(top, one, NONE)
    return s.value(CHECK, one, s.evidence(top, list(zip(asked, (facts, routers), strict=False))), NONE)


ROWS = [
    # what was heard, where the router's server is declared, where it is declared that nobody serves, where nothing is
    (s.dhcp(s.served()), C, N, U),
    (s.dhcp(s.served(), control=MUTE), C, N, U),  # the server's own answer is the control
    (s.dhcp(s.served(status=2, addresses=())), C, N, U),  # it has nothing to give, and is there
    (s.dhcp(s.served(), s.served(preference=255)), C, N, U),
    (s.dhcp(s.intruder()), N, N, U),
    (s.dhcp(s.served(), s.intruder()), N, N, U),
    (s.dhcp(s.served(), s.intruder(addresses=(), status=2)), N, N, U),  # resolvers are enough
    (s.dhcp(s.served(), s.intruder(), control=SPOILT), N, N, U),  # a stranger that was heard is there
    (s.dhcp(s.served(), s.intruder(), solicited=None), N, N, U),
    (s.dhcp(s.served(), s.intruder(s.SERVER_ID)), U, N, U),  # two MAC addresses in the name of one server
    (s.dhcp(s.served(), refuse=(s.odd(),)), U, N, U),  # somebody answers, and clients cannot read it
    (s.dhcp(s.served(), control=SPOILT), U, N, U),
    (s.dhcp(s.served(), control=CUT), U, N, U),
    (s.dhcp(s.served(), unlisted=1), U, N, U),
    (s.dhcp(s.served(), solicited=None), U, N, U),
    (s.dhcp(), U, C, U),  # the declared server is silent: nothing shows that another one would be heard
    (s.dhcp(refuse=(s.odd(Problem.SERVER),)), U, U, U),
    (s.dhcp(control=MUTE), U, U, U),
    (s.dhcp(control=HALF), U, U, U),
    (s.dhcp(control=SPOILT), U, U, U),
    (s.dhcp(control=CUT), U, U, U),
    (s.dhcp(solicited=None), U, U, U),
    (s.dhcp(unlisted=1), U, U, U),
    (Failure.MISSING_PRIVILEGE, U, U, U),
    (None, U, U, U),
]


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_table(row):
    facts, *expected = row
    found = [judged(facts, servers, s.router(s.ra())) for servers in ([s.SERVER_ID], [], None)]
    assert found == expected


@pytest.mark.parametrize(
    ("routers", "expected"),
    [
        (s.router(), C),
        (s.router(s.ra(other=True)), C),  # O: names by DHCPv6, that nobody has to serve
        (s.router(s.ra(managed=True)), U),  # the router sends hosts to a server that is silent
        (s.router(s.rogue(managed=True)), C),  # an intruder's word, which is another check's matter
        (s.router(s.ra(managed=True, mac=ROUGE_MAC), control=MUTE), U),  # whose it is cannot be told
        (Failure.TIMEOUT, U),
        (None, U),
    ],
)
def test_that_nobody_serves_is_not_believed_against_a_router(routers, expected):
    assert judged(s.dhcp(), [], routers) is expected


def test_what_routers_announce_is_asked_only_where_it_counts():
    for servers, asked in (([s.SERVER_ID], 1), (None, 1), ([], 2)):
        top = declared(servers)
        one = next(x for x in CHECK.subjects(top, NONE) if x.point == "P30")
        assert len(CHECK.requests(top, one, NONE)) == asked


def test_an_undeclared_server_is_named_for_whoever_declares_it():
    top = declared(None)
    one = next(x for x in CHECK.subjects(top, NONE) if x.point == "P30")
    (asked,) = CHECK.requests(top, one, NONE)
    with pytest.raises(Exception, match=s.ROUGE_ID) as caught:
        CHECK.judge(one, s.evidence(top, [(asked, s.dhcp(s.intruder()))]), NONE)
    assert KEY in str(caught.value)
