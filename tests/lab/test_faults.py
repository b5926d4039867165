"""Each fault has its real effect while it is in, and none once it is out."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from r2s_audit.lab import Building, Fault, LabError, changing, fault
from tests.lab import hostile_effects, network_effects, segmentation_effects

pytestmark = pytest.mark.building

Effect = Callable[[], bool]


@pytest.fixture
def effects(building: Building, inside, reach) -> dict[str, Effect]:
    def answers(*questions: tuple[str, str, str]) -> set[str]:
        return set(reach("auditeur", list(questions)).values())

    def community(version: str) -> bool:
        command = f"snmpget -v{version} -c public -t 0.3 -r 0 {building.address('sw-acces')[0]} 1.3.6.1.2.1.1.5.0"
        return inside("auditeur", *command.split()).returncode == 0

    def tls10() -> bool:
        words = f"s_client -connect {building.address('supervision')[0]}:443 -tls1 -cipher ALL:@SECLEVEL=0"
        return inside("auditeur", "openssl", *words.split(), input="").returncode == 0

    def administration() -> bool:
        targets = [a for name in ("sw-coeur", "sw-acces") for a in building.address(name)]
        found = reach("auditeur", [("prise-log", a, what) for a in targets for what in ("icmp", "443", "22")])
        return {what: {v for (_, _, w), v in found.items() if w == what} for what in ("icmp", "443", "22")} == {
            "icmp": {"open"},
            "443": {"open"},
            "22": {"open"},
        }

    def supervision_from_dwellings() -> bool:
        return answers(*(("prise-log", a, "443") for a in building.address("supervision"))) == {"open"}

    def supervision_off() -> bool:
        found = answers(*(("prise-tech", a, w) for a in building.address("supervision") for w in ("icmp", "443")))
        return found <= {"silent", "EHOSTUNREACH"}

    def broker_in_clear() -> bool:
        """A CONNECT without a name, accepted; asked by somebody else's hands (bash)."""
        packet = r"\x10\x0d\x00\x04MQTT\x04\x02\x00\x0a\x00\x01x"
        script = f"exec 3<>/dev/tcp/{building.address('supervision')[0]}/1883 && printf '{packet}' >&3 && head -c 4 <&3"
        found = inside("auditeur", "timeout", "3", "bash", "-c", f"{script} | od -An -tx1")
        return found.stdout.split() == ["20", "02", "00", "00"]

    def camera_in_clear() -> bool:
        script = (
            f"exec 3<>/dev/tcp/{building.address('camera-hall')[0]}/554 && "
            r"printf 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n' >&3 && head -n 1 <&3"
        )
        return inside("camera-hall", "timeout", "3", "bash", "-c", script).stdout.strip() == "RTSP/1.0 200 OK"

    def controller_off() -> bool:
        found = answers(*(("prise-tech", a, "icmp") for a in building.address("automate-cvc")))
        return found <= {"silent", "EHOSTUNREACH"}

    def unprotected() -> bool:
        """What both switches' own command lines show to somebody else's client."""
        key = building.state_dir / "secrets" / "ssh-auditeur"
        options = "-tt -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        typed = "terminal length 0\nshow running-config\nexit\n"
        shown = [
            inside(
                "auditeur",
                "ssh",
                *options.split(),
                "-i",
                str(key),
                f"auditeur@{building.address(name)[0]}",
                input=typed,
            ).stdout
            for name in ("sw-coeur", "sw-acces")
        ]
        return all("switchport mode access" in text and "bpduguard" not in text for text in shown)

    return {
        **hostile_effects.effects(building, inside, reach),
        **network_effects.effects(building, inside, reach),
        **segmentation_effects.effects(building, inside, reach),
        "bacnet-device-off": controller_off,
        "camera-rtsp-clear": camera_in_clear,
        "layer2-protections-missing": unprotected,
        "mqtt-anonymous-clear": broker_in_clear,
        "snmp-v2c-public": lambda: community("2c") and community("1"),
        "tls-1.0-enabled": tls10,
        "admin-reachable-from-logements": administration,
        "supervision-reachable-from-logements": supervision_from_dwellings,
        "target-off": supervision_off,
    }


def test_every_fault_is_tried(effects: dict[str, Effect]) -> None:
    assert sorted(effects) == Fault.names()


@pytest.mark.parametrize("name", Fault.names())
def test_a_fault_comes_and_goes(building, walk, forget, wait_for, effects: dict[str, Effect], name: str) -> None:
    fault = Fault.load(name)
    assert not effects[name]()
    start = time.monotonic()
    building.apply(fault)
    applied = time.monotonic()
    try:
        assert building.faults() == [name]
        assert Building.attach(building.name).faults() == [name]
        # Who asked in vain just before asks again a second later (RFC 1122, 2.3.2.1): what waits behind that waits too.
        wait_for(effects[name], 3)
        assert building.status().healthy
        # A change of one thing is no loss of another: the management of the switch stays whole.
        assert walk(building.address("sw-acces")[0], "1.0.8802.1.1.2.1.4.1.1.9")
    finally:
        middle = time.monotonic()
        building.revert(fault)
        # What a laptop believed of a foreign router it believes for half a minute more: the next test does not wait.
        forget("prise-log")
    print(f"\n{name}: applied {applied - start:.2f} s, reverted {time.monotonic() - middle:.2f} s")
    assert not effects[name]()
    assert building.faults() == []
    assert building.status().healthy


def test_faults_combine_and_leave_in_any_order(building: Building, effects: dict[str, Effect]) -> None:
    first, second = Fault.load("supervision-reachable-from-logements"), Fault.load("tls-1.0-enabled")
    building.apply(first)
    building.apply(second)
    try:
        assert effects[first.name]()
        assert effects[second.name]()
        building.revert(first)
        assert not effects[first.name]()
        assert effects[second.name]()
    finally:
        building.revert(first)
        building.revert(second)
    assert not effects[second.name]()


def test_an_unknown_fault_names_its_neighbour() -> None:
    with pytest.raises(LabError, match="inconnu") as caught:
        Fault.load("tls-1.0-enable")
    assert "tls-1.0-enabled" in str(caught.value.remedy)


def test_a_fault_that_fails_leaves_the_building_as_it_was(building: Building, inside, tmp_path, monkeypatch) -> None:
    text = (fault.FAULTS / "tls-1.0-enabled.yaml").read_text()
    broken = text.replace("tls-1.0-enabled", "broken").replace("ECDHE-ECDSA-AES128-SHA\n", "X\n")
    broken = broken.replace("set: 0", "set: 0\n  - {at: nodes/supervision/services/web/curves, set: [no-such-curve]}")
    (tmp_path / "broken.yaml").write_text(broken)
    monkeypatch.setattr(fault, "FAULTS", tmp_path)
    monkeypatch.setattr(changing, "DEADLINE", 0.5)
    with pytest.raises(LabError, match="web@supervision"):
        building.apply(Fault.load("broken"))
    assert building.faults() == []
    assert building.status().healthy
    words = f"s_client -connect {building.address('supervision')[0]}:443 -tls1_3"
    assert inside("auditeur", "openssl", *words.split(), input="").returncode == 0


def test_a_switch_that_was_off_comes_back_whole(building, walk, reach, wait_for, tmp_path, monkeypatch) -> None:
    text = (fault.FAULTS / "target-off.yaml").read_text()
    (tmp_path / "dark.yaml").write_text(
        text.replace("target-off", "dark").replace("nodes/supervision", "nodes/sw-acces")
    )
    monkeypatch.setattr(fault, "FAULTS", tmp_path)
    question = ("prise-tech", building.address("supervision")[0], "443")
    with building.fault(Fault.load("dark")):
        assert set(reach("auditeur", [question]).values()) != {"open"}
        assert building.status().healthy, "what is off is not expected to run"
    wait_for(lambda: reach("auditeur", [question])[question] == "open", 3)
    host = building.address("sw-acces")[0]
    assert walk(host, "1.3.6.1.2.1.17.7.1.4.3.1.1")
    names = {bytes.fromhex(value).decode() for value in walk(host, "1.3.6.1.2.1.31.1.1.1.1").values()}
    assert names >= {"lo", "mgmt", *building.sane.nodes["sw-acces"].ports}
    deadline = time.monotonic() + 5
    while not walk(host, "1.0.8802.1.1.2.1.4.1.1.9"):
        assert time.monotonic() < deadline
