"""What the checks make of facts, row by row; and what they say where nothing was seen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.api import NotVerified
from r2s_audit.model.finding import Value
from r2s_audit.model.observation import Failure
from tests.probes.services.support import EVERYTHING, PROTOCOLS, device, judge, service, subjects, topology

ASKING = {"protocols": PROTOCOLS, "bacnet_instances": EVERYTHING, "outside": ["wan"]}
ANSWERS = ASKING | {"roles": ["controller"], "from_supervision": False, "foreign": "P", "refused": "P"}
CLASS = ASKING | {
    "clear_ports": {"mqtt": 1883, "http": 80, "rtsp": 554},
    "confined": "C",
    "exposed": "N",
    "undeclared": "N",
    "redirecting": "P",
}
MQTT = {"clear_port": 1883, "in_clear": "N", "over_tls": "P"}
RTSP = {"clear_port": 554, "in_clear": "N"}

TLS = {"layer": "tls", "tls_version": "TLSv1.3"}
CLEAR = {"layer": "clear"}
I_AM = CLEAR | {"answer": {"kind": "bacnet", "instance": 7, "vendor": 260, "segmentation": 3, "max_apdu": 480}}
KNX = CLEAR | {"answer": {"kind": "knx", "name": "x", "individual_address": "1.1.1"}}
KNX_SECURE = CLEAR | {"answer": {"kind": "knx", "secured": True}}
MODBUS = CLEAR | {"answer": {"kind": "modbus", "exception": 1}}
NOT_TLS = {"layer": "not_tls"}


def mqtt(code: int, layer: dict[str, Any]) -> dict[str, Any]:
    return layer | {"answer": {"kind": "mqtt", "code": code}}


def head(kind: str, layer: dict[str, Any], status: int = 200, location: str = "") -> dict[str, Any]:
    return layer | {"answer": {"kind": kind, "status": status, "location": location}}


BROKER = [service("mqtt", 8883, tls=True)]
DEVICES = {
    "bacnet": [service("bacnet", 47808, transport="udp")],
    "knx": [service("knx", 3671, transport="udp")],
    "modbus": [service("modbus", 502)],
    "broker": BROKER,
    "broker in clear": [service("mqtt", 1883)],
    "camera": [service("rtsp", 322, tls=True)],
    "camera in clear": [service("rtsp", 554)],
    "page": [service("https", 443, tls=True)],
    "two": [service("modbus", 502), service("bacnet", 47808, transport="udp")],
    "none": [service("ntp", 123, transport="udp")],
}


def topo(name: str, **more: Any) -> Any:
    return topology(device("ctl", *DEVICES[name], **{"tls": "full", **more}))


@pytest.mark.parametrize(
    ("name", "seen", "value"),
    [
        ("bacnet", {47808: I_AM}, "C"),
        ("knx", {3671: KNX}, "C"),
        ("modbus", {502: MODBUS}, "C"),  # an exception is spoken in the protocol
        ("broker", {8883: mqtt(5, TLS)}, "C"),  # a refusal is an answer
        ("two", {502: Failure.TIMEOUT, 47808: I_AM}, "C"),
        ("two", {502: Failure.NOT_SUPPORTED, 47808: Failure.TIMEOUT}, None),  # the other one may answer
        ("two", {502: Failure.NOT_SUPPORTED}, None),
        ("two", {502: Failure.ACCESS_DENIED, 47808: Failure.ACCESS_DENIED}, None),  # it said nothing
        ("two", {502: Failure.REFUSED, 47808: Failure.NOT_SUPPORTED}, "P"),
        ("broker", {8883: NOT_TLS}, "P"),
        ("modbus", {502: Failure.REFUSED}, "P"),  # the equipment is there, its service is not
        ("modbus", {502: Failure.TIMEOUT}, None),
        ("modbus", {502: Failure.UNREACHABLE}, None),
        ("modbus", {}, None),
        ("two", {47808: Failure.TIMEOUT}, None),
        ("none", {}, None),
    ],
)
def test_answers(name: str, seen: dict[int, Any], value: str | None):
    site = topo(name)
    (subject,) = subjects("services.answers", site, ANSWERS)
    if value is None:
        with pytest.raises(NotVerified):
            judge("services.answers", site, subject, ANSWERS, seen)
    else:
        assert judge("services.answers", site, subject, ANSWERS, seen).value == value


def test_a_refusal_across_a_router_may_be_the_routers():
    flows = [{"source": "adm", "destination": "ctl", "protocol": "tcp", "ports": [502]}]
    meter = device("ctl", *DEVICES["modbus"], zone="log", addresses=["127.0.1.2"])
    near = topology(meter, flows=flows)
    far = topology(meter, flows=flows, points=[{"id": "P-ADM", "socket": "PR-ADM", "interface": "lo"}])
    (subject,) = subjects("services.answers", near, ANSWERS)
    assert judge("services.answers", near, subject, ANSWERS, {502: Failure.REFUSED}).value is Value.PARTIEL
    with pytest.raises(NotVerified):
        judge("services.answers", far, subject, ANSWERS, {502: Failure.REFUSED})


class TestFromSupervision:
    parameters = ANSWERS | {"roles": ["gateway"], "from_supervision": True, "refused": "N"}

    def site(self, *, supervisor: bool, allowed: bool) -> Any:
        flows = [{"source": "adm", "destination": "gw", "protocol": "tcp", "ports": [443]}] if allowed else []
        devices = [device("gw", *DEVICES["page"], role="gateway", zone="log", addresses=["127.0.1.2"], tls="full")]
        if supervisor:
            devices.append(device("sup", role="supervisor"))
        return topology(*devices, flows=flows)

    def test_the_supervisors_zone_asks_first(self):
        site = self.site(supervisor=True, allowed=True)
        (subject,) = subjects("services.answers", site, self.parameters)
        assert (
            judge("services.answers", site, subject, self.parameters, {443: head("http", TLS)}).value is Value.CONFORME
        )

    @pytest.mark.parametrize(("supervisor", "allowed"), [(True, False), (False, True), (False, False)])
    def test_another_zone_does_not_count(self, supervisor: bool, allowed: bool):
        site = self.site(supervisor=supervisor, allowed=allowed)
        (subject,) = subjects("services.answers", site, self.parameters)
        with pytest.raises(NotVerified, match="superviseur"):
            judge("services.answers", site, subject, self.parameters, {443: head("http", TLS)})


@pytest.mark.parametrize(
    ("name", "port", "seen", "value"),
    [
        ("bacnet", 47808, I_AM, "C"),  # confined
        ("bacnet", 47808, Failure.TIMEOUT, None),
        ("knx", 3671, KNX_SECURE, "C"),
        ("broker", 8883, mqtt(5, TLS), "C"),
        ("broker", 8883, NOT_TLS, "N"),
        ("broker", 8883, Failure.NOT_SUPPORTED, None),
        ("broker", 1883, Failure.REFUSED, "C"),
        ("broker", 1883, Failure.TIMEOUT, None),
        ("broker", 1883, Failure.NOT_SUPPORTED, None),
        ("broker", 1883, mqtt(5, CLEAR), "N"),
        ("page", 80, head("http", CLEAR), "N"),
        ("page", 80, head("http", CLEAR, 301, "https://sup/"), "P"),
        ("page", 80, head("http", CLEAR, 301, "http://sup/login"), "N"),
        ("page", 80, Failure.REFUSED, "C"),
        ("page", 443, Failure.REFUSED, None),  # the declared service itself: nothing is known of it
        ("page", 443, None, None),
    ],
)
def test_class(name: str, port: int, seen: Any, value: str | None):
    site = topo(name)
    subject = next(s for s in subjects("services.class", site, CLASS) if s.get("port") == str(port))
    what = {} if seen is None else {port: seen}
    if value is None:
        with pytest.raises(NotVerified):
            judge("services.class", site, subject, CLASS, what)
    else:
        assert judge("services.class", site, subject, CLASS, what).value == value


@pytest.mark.parametrize(
    ("flow", "value"),
    [
        (None, "C"),
        ({"source": "log", "destination": "adm", "protocol": "udp", "ports": [47808]}, "N"),
        ({"source": "log", "destination": "ctl", "protocol": "udp", "ports": [47808]}, "N"),
        ({"source": "log", "destination": "ctl", "protocol": "udp", "ports": [47809]}, "C"),
        ({"source": "log", "destination": "ctl", "protocol": "tcp", "ports": [47808]}, "C"),
        ({"source": "log", "destination": "ctl", "protocol": "icmp"}, "C"),
    ],
)
def test_confined_means_that_no_other_zone_is_let_in(flow: dict[str, Any] | None, value: str):
    site = topology(device("ctl", *DEVICES["bacnet"]), flows=[flow] if flow else [])
    (subject,) = subjects("services.class", site, CLASS)
    assert judge("services.class", site, subject, CLASS, {47808: I_AM}).value == value


@pytest.mark.parametrize(
    ("name", "port", "seen", "value"),
    [
        ("broker", 8883, mqtt(5, TLS), "C"),
        ("broker", 8883, mqtt(0, TLS), "P"),
        ("broker", 1883, mqtt(0, CLEAR), "N"),
        ("broker", 1883, mqtt(4, CLEAR), "C"),
        ("broker", 1883, Failure.REFUSED, "C"),
        ("broker", 1883, Failure.TIMEOUT, None),
        ("broker", 8883, Failure.REFUSED, None),
        ("broker", 8883, NOT_TLS, None),
        ("broker in clear", 1883, mqtt(0, CLEAR), "N"),
        ("broker in clear", 1883, Failure.REFUSED, None),  # declared: its silence is no merit
    ],
)
def test_mqtt_anonymous(name: str, port: int, seen: Any, value: str | None):
    site = topo(name)
    subject = next(s for s in subjects("services.mqtt-anonymous", site, MQTT) if s.get("port") == str(port))
    if value is None:
        with pytest.raises(NotVerified):
            judge("services.mqtt-anonymous", site, subject, MQTT, {port: seen})
    else:
        assert judge("services.mqtt-anonymous", site, subject, MQTT, {port: seen}).value == value


@pytest.mark.parametrize(
    ("name", "port", "seen", "value"),
    [
        ("camera", 322, head("rtsp", TLS), "C"),
        ("camera", 322, NOT_TLS, "N"),
        ("camera", 554, Failure.REFUSED, "C"),
        ("camera", 554, head("rtsp", CLEAR, 401), "N"),  # who asks for a password in clear gets it in clear
        ("camera", 554, Failure.TIMEOUT, None),
        ("camera in clear", 554, head("rtsp", CLEAR), "N"),
        ("camera in clear", 554, Failure.REFUSED, None),
    ],
)
def test_rtsp_clear(name: str, port: int, seen: Any, value: str | None):
    site = topo(name)
    subject = next(s for s in subjects("services.rtsp-clear", site, RTSP) if s.get("port") == str(port))
    if value is None:
        with pytest.raises(NotVerified):
            judge("services.rtsp-clear", site, subject, RTSP, {port: seen})
    else:
        assert judge("services.rtsp-clear", site, subject, RTSP, {port: seen}).value == value


def test_a_declared_clear_port_has_no_twin():
    site = topology(device("ctl", service("mqtt", 8883, tls=True), service("mqtt", 1883)))
    assert [s.get("port") for s in subjects("services.mqtt-anonymous", site, MQTT)] == ["8883", "1883"]


def test_no_clear_port_in_the_profile_no_twin():
    site = topo("broker")
    assert [s.get("port") for s in subjects("services.mqtt-anonymous", site, MQTT | {"clear_port": None})] == ["8883"]


def test_what_stands_outside_the_building_is_none_of_its_services():
    zones = [{"id": "adm", "kind": "wan"}, {"id": "log", "kind": "logements"}]
    site = topology(device("ctl", *DEVICES["page"]), zones=zones)
    assert subjects("services.class", site, CLASS) == []
    assert subjects("services.answers", site, ANSWERS) == []
    assert len(subjects("services.class", site, CLASS | {"outside": []})) == 2


INTERVALS = {"C": {"C"}, "P": {"P"}, "N": {"N"}, None: {"N", "P", "C"}}
SEEN = st.sampled_from(
    [None, I_AM, MODBUS, NOT_TLS, Failure.TIMEOUT, Failure.REFUSED, Failure.NOT_SUPPORTED, Failure.UNREACHABLE]
)


@given(first=SEEN, second=SEEN, drop=st.sets(st.sampled_from([502, 47808])))
def test_fewer_observations_widen_and_never_narrow(first: Any, second: Any, drop: set[int]):
    site = topo("two")
    (subject,) = subjects("services.answers", site, ANSWERS)

    def interval(seen: dict[int, Any]) -> set[str]:
        try:
            return INTERVALS[judge("services.answers", site, subject, ANSWERS, seen).value.value]
        except NotVerified:
            return INTERVALS[None]

    whole = {port: what for port, what in ((502, first), (47808, second)) if what is not None}
    assert interval(whole) <= interval({port: what for port, what in whole.items() if port not in drop})
