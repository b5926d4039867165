"""Every recorded Ethernet frame of R2S_CORPUS through the classifier, beside tshark's reading of the same frame.

Both readings are compared frame by frame: what the frame speaks, its tags, its length or type, its LLC, and what its
BPDU says. Frames of other link types are counted by name; a capture whose frames cannot be paired is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from probes.vlan.l2 import BPDUS, Kind, L2Frame, classify
from tests.probes.vlan.pcap import frames

CORPUS = os.environ.get("R2S_CORPUS", "")
pytestmark = [
    pytest.mark.skipif(not CORPUS, reason="R2S_CORPUS names no directory of recordings"),
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]
ETHERNET = "1"
FIELDS = (
    "frame.encap_type",
    "frame.protocols",
    "vlan.id",
    "vlan.priority",
    "ieee8021ad.id",
    "ieee8021ad.priority",
    "eth.type",
    "eth.len",
    "llc.dsap",
    "llc.ssap",
    "stp.version",
    "stp.type",
    "stp.flags",
    "stp.root.prio",
    "stp.root.ext",
    "stp.root.hw",
    "stp.root.cost",
    "stp.bridge.prio",
    "stp.bridge.ext",
    "stp.bridge.hw",
    "stp.port",
    "eth.dst",
    "eth.src",
    "_ws.malformed",
    "frame.cap_len",
    "frame.len",
)
PROTOCOLS = {
    "dtp": {Kind.DTP},
    "vtp": {Kind.VTP},
    "cdp": {Kind.CDP},
    "udld": {Kind.UDLD},
    "pagp": {Kind.PAGP},
    "stp": set(BPDUS),
    "gvrp": {Kind.GVRP},
    "gmrp": {Kind.GMRP},
    "mrp-mvrp": {Kind.MVRP},
    "mrp-mmrp": {Kind.MMRP},
    "lldp": {Kind.LLDP},
    "eapol": {Kind.EAPOL},
    "lacp": {Kind.LACP},
    "slow": {Kind.LACP, Kind.SLOW},
    "arp": {Kind.ARP},
    "ip": {Kind.IPV4},
    "ipv6": {Kind.IPV6},
}
LAYER_2 = {"eth", "ethertype", "vlan", "ieee8021ad", "llc", "lldp", "stp"}


@dataclass(frozen=True)
class Pair:
    """One frame as both read it."""

    capture: str
    number: int
    ours: L2Frame
    theirs: dict[str, str]
    cut: bool

    @property
    def layers(self) -> list[str]:
        return self.theirs["frame.protocols"].split(":")

    def first(self, name: str) -> str:
        return self.theirs[name].partition(",")[0]

    @property
    def where(self) -> str:
        return f"{self.capture} frame {self.number}: {self.ours} / {self.theirs}"


def said(path: Path) -> list[dict[str, str]]:
    words = [word for field in FIELDS for word in ("-e", field)]
    command = ["tshark", "-r", str(path), "-n", "-T", "fields", "-E", "occurrence=a", *words]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    return [dict(zip(FIELDS, line.split("\t"), strict=True)) for line in found.stdout.splitlines()]


@cache
def pairs() -> tuple[tuple[Pair, ...], Counter[str], tuple[str, ...]]:
    """Pairs of Ethernet frames; frames of other link types, by number of Wireshark's list; captures that do not pair."""
    found: list[Pair] = []
    others: Counter[str] = Counter()
    unpaired: list[str] = []
    paths = [p for p in sorted(Path(CORPUS, "captures").iterdir()) if {".pcap", ".pcapng", ".cap"} & set(p.suffixes)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        readings = list(pool.map(said, paths))
    for path, reading in zip(paths, readings, strict=True):
        theirs = [row for row in reading if row["frame.encap_type"]]  # else a block of the file that is no frame
        ours = list(frames(path))
        if len(ours) != len(theirs):
            unpaired.append(f"{path.name}: {len(ours)} frames read, {len(theirs)} by tshark")
            continue
        for number, (data, row) in enumerate(zip(ours, theirs, strict=True), start=1):
            if row["frame.encap_type"] != ETHERNET:
                others[row["frame.encap_type"]] += 1
                continue
            cut = int(row["frame.cap_len"]) < int(row["frame.len"])
            found.append(Pair(path.name, number, classify(data), row, cut))
    return tuple(found), others, tuple(unpaired)


def layer_2(pair: Pair) -> list[str]:
    """What tshark names up to the first layer above the link: a tunnel holds frames of its own."""
    found = []
    for name in pair.layers:
        found.append(name)
        if name not in LAYER_2:
            break
    return [name for name in found if name != "stp"] if "gvrp" in found or "gmrp" in found else found


def test_every_capture_is_paired():
    found, others, unpaired = pairs()
    print(f"{len(found)} Ethernet frames; other link types {dict(others)}; not paired: {unpaired}")
    assert len(found) > 0


def test_protocols_as_tshark_reads_them():
    compared: Counter[str] = Counter()
    wrong = []
    for pair in pairs()[0]:
        layers = layer_2(pair)
        for name, kinds in PROTOCOLS.items():
            if (name in layers) != (pair.ours.kind in kinds):
                wrong.append(f"{name}: {pair.where}")
            compared[name] += name in layers
    print(dict(sorted(compared.items())))
    assert wrong == []
    assert compared.total() > 0


def test_tags_as_tshark_reads_them():
    compared, wrong = 0, []
    for pair in pairs()[0]:
        layers = layer_2(pair)
        depth = sum(name in {"vlan", "ieee8021ad"} for name in layers)
        if not depth and not pair.ours.tags:
            continue
        lists = {name: pair.theirs[name].split(",") for name in FIELDS[2:6]}
        theirs = [
            (int(lists[f"{name}.id"].pop(0), 0), int(lists[f"{name}.priority"].pop(0), 0))
            for name in layers
            if name in {"vlan", "ieee8021ad"} and lists[f"{name}.id"][0]
        ]
        ours = [(tag.vid, tag.priority) for tag in pair.ours.tags]
        if ours != theirs:
            wrong.append(pair.where)
        compared += 1
    print(f"{compared} tagged frames compared")
    assert wrong == []
    assert compared > 0


def test_addresses_length_type_and_llc_as_tshark_reads_them():
    compared: Counter[str] = Counter()
    wrong = []
    for pair in pairs()[0]:
        ours = pair.ours
        values = {
            "eth.dst": ours.destination,
            "eth.src": ours.source,
            "eth.type": ours.ethertype if not ours.tags and ours.snap is None else None,
            "eth.len": ours.length if not ours.tags else None,
            "llc.dsap": ours.llc[0] if ours.llc else None,
            "llc.ssap": ours.llc[1] & ~1 if ours.llc else None,
        }
        for name, value in values.items():
            text = pair.first(name)
            if value is None or not text:
                continue
            compared[name] += 1
            if (text if isinstance(value, str) else int(text, 0)) != value:
                wrong.append(f"{name}: {pair.where}")
    print(dict(compared))
    assert wrong == []
    assert set(compared) == set(values)


def test_bpdus_as_tshark_reads_them():
    compared: Counter[str] = Counter()
    wrong = []
    for pair in pairs()[0]:
        bpdu = pair.ours.bpdu
        if bpdu is None:
            continue
        values: dict[str, str | int] = {"stp.version": bpdu.version, "stp.type": bpdu.type}
        if bpdu.root and bpdu.bridge and bpdu.flags is not None and bpdu.cost is not None and bpdu.port is not None:
            values |= {
                "stp.flags": bpdu.flags,
                "stp.root.prio": bpdu.root.priority & 0xF000,
                "stp.root.ext": bpdu.root.priority & 0x0FFF,
                "stp.root.hw": bpdu.root.mac,
                "stp.root.cost": bpdu.cost,
                "stp.bridge.prio": bpdu.bridge.priority & 0xF000,
                "stp.bridge.ext": bpdu.bridge.priority & 0x0FFF,
                "stp.bridge.hw": bpdu.bridge.mac,
                "stp.port": bpdu.port,
            }
        for name, value in values.items():
            text = pair.first(name)
            if not text:
                continue  # tshark gives up on a BPDU that contradicts itself before it shows this
            compared[name] += 1
            if (text if isinstance(value, str) else int(text, 0)) != value:
                wrong.append(f"{name}: {pair.where}")
    print(dict(compared))
    assert wrong == []
    assert compared["stp.root.hw"] > 0
