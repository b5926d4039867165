"""Every VLAN advertises its prefix, hands out leases and resolves names; the Internet is where the operator answers."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from r2s_audit.lab import Building

pytestmark = pytest.mark.building

CLIENT = Path(__file__).with_name("client.py")
SOCKETS = {"adm": "prise-adm", "tech": "prise-tech", "log": "prise-log", "vis": "prise-vis", "video": "prise-video"}
GUEST = "02:52:32:53:00:01"


@pytest.fixture(scope="session")
def client(inside):
    """Ask from one socket of the laptop."""

    def run(interface: str, *words: str) -> Any:
        result = inside("auditeur", "/usr/bin/python3", "-I", str(CLIENT), interface, *words)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    return run


@pytest.fixture(scope="module")
def answers(building: Building, client) -> dict[tuple[str, str], Any]:
    """What each VLAN gives to a guest, all asked at once."""
    questions = [(vlan, what) for vlan in SOCKETS for what in ("ra", "dhcp4", "dhcp6")]

    def ask(question: tuple[str, str]) -> Any:
        vlan, what = question
        return client(SOCKETS[vlan], what, GUEST)

    with ThreadPoolExecutor(len(SOCKETS)) as pool:
        return dict(zip(questions, pool.map(ask, questions), strict=True))


@pytest.mark.parametrize("vlan", SOCKETS)
def test_one_router_advertises_the_prefix_of_the_vlan(building: Building, answers, vlan: str) -> None:
    subnet, address = _of(building, vlan)
    (heard,) = answers[vlan, "ra"]
    assert ip_address(heard["source"]).is_link_local
    assert heard["prefix"] == str(subnet.ipv6)
    assert heard["on_link"]
    assert heard["autonomous"]
    assert heard["lifetime"] == 1800
    assert heard["resolver"] == address[1]


@pytest.mark.parametrize("vlan", SOCKETS)
def test_a_vlan_hands_out_leases(building: Building, answers, vlan: str) -> None:
    subnet, address = _of(building, vlan)
    four, six = answers[vlan, "dhcp4"], answers[vlan, "dhcp6"]
    assert ip_address(four["address"]) in subnet.ipv4
    assert (four["router"], four["dns"]) == (address[0], address[0])
    assert ip_network(f"{four['address']}/{four['mask']}", strict=False) == subnet.ipv4
    assert ip_address(six["address"]) in subnet.ipv6
    assert six["dns"] == address[1]


def _of(building: Building, vlan: str):
    interface = building.sane.nodes["routeur"].interfaces[vlan]
    return building.sane.vlans[interface.vlan], building.address("routeur", vlan)


@pytest.mark.parametrize("vlan", SOCKETS)
@pytest.mark.parametrize(("name", "node"), [("supervision", "supervision"), ("essai.operateur.test", "operateur")])
def test_names_of_the_building_and_of_the_world_resolve(building, client, vlan: str, name: str, node: str) -> None:
    servers = building.address("routeur", vlan)
    full = name if "." in name else f"{name}.residence.r2s.test"
    assert client(SOCKETS[vlan], "dns", full, *servers) == {server: [*building.address(node)] for server in servers}


def test_a_router_answers_names_and_leases_to_no_stranger(building: Building, inside, reach) -> None:
    """From the Internet, and from another VLAN than the address's own, its resolver is not there."""
    outside = [("batiment", address, "53") for address in building.address("routeur", "wan")]
    assert set(reach("operateur", outside).values()) == {"silent"}
    other = [("prise-vis", address, "53") for address in building.address("routeur", "adm")]
    assert set(reach("auditeur", other).values()) == {"silent"}


@pytest.mark.parametrize(("socket", "allowed"), [("prise-vis", True), ("prise-log", True), ("prise-video", False)])
def test_http_leaves_from_where_it_may(building: Building, inside, socket: str, allowed: bool) -> None:
    for address in building.address("operateur"):
        host = f"[{address}]" if ":" in address else address
        result = inside("auditeur", "curl", "-gsS", "--max-time", "1", "--interface", socket, f"http://{host}/")
        assert (result.stdout == "r2s\n") == allowed, result.stderr


def test_the_world_sees_one_ipv4_address_and_no_translation_in_ipv6(building: Building, reach) -> None:
    opening = "dst port 80 and (tcp[13] == 2 or (ip6 and ip6[53] == 2))"
    command = ["tcpdump", "-nnlq", "--immediate-mode", "-i", "batiment", "-Q", "in", "-c", "2", opening]
    with subprocess.Popen(
        [*building.enter("operateur"), *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as capture:
        assert capture.stderr
        while "listening" not in capture.stderr.readline():
            pass
        questions = [("prise-vis", address, "80") for address in building.address("operateur")]
        assert set(reach("auditeur", questions).values()) == {"open"}
        out, _ = capture.communicate(timeout=5)
    sources = {line.split(" > ")[0].split()[-1].rpartition(".")[0] for line in out.splitlines() if " > " in line}
    ipv4, ipv6 = ([ip_address(s) for s in sources if (":" in s) == six] for six in (False, True))
    assert ipv4 == [ip_address(building.address("routeur", "wan")[0])]
    # The laptop's own: the declared address, or the one that it formed from the router's advertisement.
    assert len(ipv6) == 1
    assert ipv6[0] in ip_network(building.address("auditeur", "prise-vis")[1] + "/64", strict=False)
