"""Promise 12 for conversations: two building devices asked at the same time do not get their bursts together."""

from __future__ import annotations

import asyncio
import socket
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from probes.api import CollectFailure
from r2s_audit.engine.access import TCP_PACKETS, PassTools, PointAccess, Secrets
from r2s_audit.engine.budget import Budget
from r2s_audit.engine.scope import PointGate, Scope
from r2s_audit.evidence.blobs import BlobStore
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology
from tests.builders import site, site_data

RATE, CONVERSATION = 100, 12


def test_conversations_at_the_same_time_are_spread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    devices = [
        *site_data()["devices"],
        {"id": "meter", "role": "meter", "zone": "log", "addresses": ["127.0.1.3"]},
    ]
    rates = {"total": 10000, "per_target": 10000, "building_devices": RATE}
    declared = site(devices=devices, scope={"networks": ["127.0.0.0/8"], "rates": rates})
    topology = Topology(declared)
    moments: list[float] = []

    def connected(self: Any, address: Any, kind: Any) -> socket.socket:
        del self, address
        moments.append(asyncio.get_running_loop().time())
        raise CollectFailure(Failure.UNREACHABLE, msg("essai"))

    monkeypatch.setattr(PointAccess, "_socket", connected)

    async def ask(access: PointAccess, name: str) -> None:
        device = topology.devices[name]
        for _ in range(3):
            with pytest.raises(CollectFailure):
                await access.tcp(device, device.addresses[0], 443, packets=CONVERSATION - TCP_PACKETS)

    async def both() -> None:
        budget = Budget(declared.scope, clock=asyncio.get_running_loop().time)
        tools = PassTools(Secrets(tmp_path, {}), BlobStore(tmp_path), None)
        access = PointAccess(PointGate(Scope(topology), budget, declared.points[0]), None, tools)
        await asyncio.gather(ask(access, "gw"), ask(access, "meter"))

    asyncio.run(both())
    assert len(moments) == 6
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert min(gaps) >= 0.99 * CONVERSATION / RATE, gaps
