"""Fewer observations never narrow a finding: checked on every check of the family, on made-up evidence."""

from hypothesis import given, settings
from hypothesis import strategies as st

from probes.api import Evidence, NoParameters
from probes.vlan.admin import AdminPlane
from probes.vlan.checks import CHECKS
from probes.vlan.facts import Loss
from probes.vlan.holes import FromPort
from probes.vlan.isolation import Directed, Tiers, Window
from probes.vlan.sentinels import Sentinels
from probes.vlan.udp_sentinels import UdpSentinels
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.vlan.support import INTERVALS, evidence, is_reach, proxied, reaching, sender, told, topology, value

PARAMETERS = {
    "vlan.icmp-isolated": Directed(control_window_s=60),
    "vlan.tcp-isolated": Directed(control_window_s=60),
    "vlan.udp-isolated": Directed(control_window_s=60),
    "vlan.no-return-hole": FromPort(control_window_s=60, source_port=53),
    "vlan.sentinels-isolated": Sentinels(control_window_s=60, ports=[22, 23]),
    "vlan.udp-sentinels-isolated": UdpSentinels(control_window_s=60, ports=[9, 33434]),
    "vlan.flows-open": Window(control_window_s=60),
    "vlan.admin-unreachable": AdminPlane(control_window_s=60, ports=[22], user_zones=["logements"]),
    "vlan.zones-count": Tiers(control_window_s=60, atteint=3, partiel=1),
    "vlan.point-alive": NoParameters(),
}
CLOCK = {"protocol": "ntp", "port": 123, "transport": "udp"}
TOPOLOGY = topology(
    devices=[
        d | {"services": [*d["services"], CLOCK]} if d["id"] == "sup" else d
        for d in (device.model_dump(mode="json") for device in topology().site.devices)
    ]
)
PROXY = proxied(("10.0.20.10", "02:00:00:00:00:01"), ("fd00:20::10", None))
CASES = [
    (check, subject)
    for check in CHECKS
    if check.id in PARAMETERS
    for subject in check.subjects(TOPOLOGY, PARAMETERS[check.id])
    if reaching(check.requests(TOPOLOGY, subject, PARAMETERS[check.id]))
]
TOKENS = ["open", "silence", "prohibited", "host-unreachable", "target-error", "unresolved", "failed", "missing"]
TCP_TOKENS = [*TOKENS, "rst", "rst-near"]
UDP_TOKENS = [*TOKENS, "closed", "closed-near"]
LIKELY = st.sampled_from(["open", "silence"])  # what makes decided findings, drawn as often as all the rest
HEARD = st.sampled_from(
    [
        {},
        {},
        {"loss": Loss(kernel=1, forwarding=0, interruptions=0)},
        {"control": sender(carrier_losses=1)},
        {"control": sender(resolved_after=False, echo_after=False)},
    ]
)


@st.composite
def cases(draw):
    check, subject = draw(st.sampled_from(CASES))
    requests = {r.key: r for r in check.requests(TOPOLOGY, subject, PARAMETERS[check.id])}.values()
    found = []
    for request in requests:
        if not is_reach(request):
            found.append((request, draw(st.sampled_from([None, Failure.TIMEOUT, PROXY]))))
            continue
        tokens = {"tcp": TCP_TOKENS, "udp": UDP_TOKENS}.get(str(request.param("protocol")), TOKENS)
        token = draw(st.one_of(LIKELY, st.sampled_from(tokens)))
        found.append((request, told(request, token, **draw(HEARD))))
    return check, subject, found


def test_every_check_has_cases():
    # Facts of their own, in their own tests.
    elsewhere = {
        "vlan.control-protocols",
        "vlan.dhcp-declared",
        "vlan.double-tag",
        "vlan.dwellings-isolated",
        "vlan.egress",
        "vlan.foreign-frames",
        "vlan.no-box",
        "vlan.no-proxy",
        "vlan.sent-tag",
    }
    assert {check.id for check in CHECKS} == set(PARAMETERS) | elsewhere
    assert {check.id for check, _ in CASES} == set(PARAMETERS) - {"vlan.point-alive"}


@settings(max_examples=400, deadline=None)
@given(cases(), st.data())
def test_removing_observations_only_widens(case, data):
    check, subject, found = case
    parameters = PARAMETERS[check.id]
    whole = evidence(TOPOLOGY, found)
    kept = data.draw(st.sets(st.sampled_from(sorted(whole.observations)))) if whole.observations else set()
    part = Evidence(TOPOLOGY, {key: whole.observations[key] for key in kept})
    low, high = INTERVALS[value(check, subject, whole, parameters)]
    less_low, less_high = INTERVALS[value(check, subject, part, parameters)]
    assert less_low <= low
    assert less_high >= high


@settings(max_examples=100, deadline=None)
@given(cases())
def test_expired_observations_count_as_none(case):
    check, subject, found = case
    whole = evidence(TOPOLOGY, found)
    expired = Evidence(TOPOLOGY, {}, frozenset(whole.observations))
    assert value(check, subject, expired, PARAMETERS[check.id]) is Value.NON_VERIFIE
