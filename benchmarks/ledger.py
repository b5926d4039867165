"""What keeping evidence costs: 10 000 observations with their raw bytes into a record, as a pass writes them.

The peer is the least that measuring them takes: one packet each at the 200 packets/s that a site file allows by default.
The goal is 5 % of it (C-1).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from r2s_audit.evidence.blobs import BlobStore
from r2s_audit.evidence.ledger import LedgerWriter, read_ledger
from r2s_audit.model.observation import Observation, request
from r2s_audit.model.record import Observed
from r2s_audit.model.site import Rates

OBSERVATIONS = 10_000
RAW = 400
"""Octets of raw bytes with each: an SNMP answer of a few columns."""
SHARE = 0.05


def seconds_to_keep(directory: Path) -> float:
    """Write the observations as a pass does, one by one, and check that all of them are there."""
    directory.mkdir()
    now = datetime.now(UTC)
    blobs = BlobStore(directory / "blobs")

    async def work() -> float:
        with LedgerWriter(directory / "ledger.jsonl") as ledger:
            start = time.perf_counter()
            for number in range(OBSERVATIONS):
                blob = blobs.put(number.to_bytes(4) * (RAW // 4), "snmp")
                seen = Observation(
                    request=request("snmp.system", "P-ADM", f"sw-{number}", address="192.0.2.1"),
                    pass_id="P01",
                    state="completed",
                    facts={"name": f"sw-{number}", "uptime": number, "columns": list(range(20))},
                    started=now,
                    ended=now,
                    collector_version="1",
                    blobs=(blob,),
                    packets_sent=1,
                )
                ledger.append(Observed(observation=seen))
        return time.perf_counter() - start

    spent = asyncio.run(work())
    if len(read_ledger(directory / "ledger.jsonl").entries) != OBSERVATIONS:
        raise AssertionError("the ledger lacks observations")
    return spent


def allowed_seconds() -> float:
    """How long measuring them takes at least."""
    return OBSERVATIONS / Rates().total


def results(scratch: Path) -> Iterator[tuple[str, float, float, float]]:
    """Name, ours, peer, goal."""
    spent = sorted(seconds_to_keep(scratch / f"ledger-{n}") for n in range(3))[1]
    yield "ledger-10000", spent, allowed_seconds(), SHARE * allowed_seconds()
