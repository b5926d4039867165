"""Recorded agents (the directory that R2S_CORPUS names) as the rows that the live collector would have read."""

import gzip
import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from probes.snmp import bridging, oids, tables
from probes.snmp.facts import UsmUsed

CORPUS = os.environ.get("R2S_CORPUS", "")
READ = (
    "1.3.6.1.2.1.2.", "1.3.6.1.2.1.17.", "1.3.6.1.2.1.31.", "1.3.6.1.2.1.47.", "1.0.8802.",
    "1.3.111.2.802.1.1.", "1.3.6.1.4.1.9.9.46.", "1.3.6.1.4.1.9.9.68.",
)  # fmt: skip
"""Only what the family reads: the recordings hold whole agents."""
NUMBERS = {"2", "65", "66", "67", "70"}
LINE = 16
"""Octets that net-snmp prints on one line of a Hex-STRING."""
_REST = re.compile(rb"\n[0-9A-Fa-f \n]*")
_NOBODY = UsmUsed(level="noAuthNoPriv", address="", port=161)


def value(kind, raw):
    if kind.endswith("x"):
        return bytes.fromhex(raw)
    if kind in NUMBERS:
        return int(raw)
    if kind == "6":
        return oids.oid(raw)
    if kind == "64":
        return bytes(int(part) for part in raw.split("."))
    return raw.encode("utf-8", "surrogateescape")


def is_wrapped(octets):
    """The recorder printed sixteen octets, and kept what was on the following lines as text."""
    return isinstance(octets, bytes) and len(octets) > LINE and _REST.fullmatch(octets[LINE:]) is not None


def unwrapped(octets):
    """The octets that the agent sent; a pair that the recorder cut in two is lost."""
    if not is_wrapped(octets):
        return octets
    digits = re.sub(rb"\s", b"", octets[LINE:])
    return octets[:LINE] + bytes.fromhex(digits[: len(digits) // 2 * 2].decode())


def load(path):
    """Rows of one recording as recorded, and how many lines are no rows (broken by the recorder)."""
    rows, broken = {}, 0
    with gzip.open(path, "rt", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            if not line.startswith(READ):
                continue
            try:
                name, kind, raw = line.rstrip("\r\n").split("|", 2)
                rows[oids.oid(name)] = value(kind, raw)
            except ValueError:
                broken += 1
    return rows, broken


@dataclass(frozen=True)
class Agent:
    name: str
    rows: dict
    """As the agent sent them."""
    wrapped: bool
    """Some port list of the recording is text beyond its sixteenth octet, which whoever reads it as is takes for ports."""
    view: dict
    """What LibreNMS derives; {} where there is nothing."""
    facts: object
    neighbours: tuple


@lru_cache(maxsize=1)
def agents():
    base = Path(CORPUS) / "snmp"
    found = []
    for path in sorted((base / "snmprec").glob("*.snmprec.gz")):
        name = path.name.removesuffix(".snmprec.gz")
        expected = base / "expected" / f"{name}.json.gz"
        view = json.loads(gzip.decompress(expected.read_bytes())) if expected.exists() else {}
        recorded = load(path)[0]
        rows = {oid: unwrapped(octets) for oid, octets in recorded.items()}
        facts = bridging.bridge_facts(rows, _NOBODY)
        wrapped = any(is_wrapped(octets) for octets in recorded.values())
        found.append(Agent(name, rows, wrapped, view, facts, tables.neighbours(rows)[0]))
    assert found, "no recordings in R2S_CORPUS"
    return tuple(found)
