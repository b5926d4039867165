"""The collectors against independent implementations, each in a process of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from probes.api import CollectFailure
from probes.services.facts import BacnetAnswer, ModbusAnswer
from r2s_audit.model.observation import Failure
from tests.probes.services.servers import free_port
from tests.probes.services.support import ask

BACNET = """
import asyncio, sys
from bacpypes3.argparse import SimpleArgumentParser
from bacpypes3.app import Application

async def main():
    words = ["--name", "essai", "--instance", "2042", "--address", f"127.0.0.1/32:{sys.argv[1]}", "--vendoridentifier", "999"]
    app = Application.from_args(SimpleArgumentParser().parse_args(words))
    await asyncio.sleep(0.2)
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
MODBUS = """
import asyncio, sys
from pymodbus import ModbusDeviceIdentification
from pymodbus.simulator import DataType, SimData, SimDevice
from pymodbus.server import ModbusTcpServer

async def main():
    identity = ModbusDeviceIdentification(info_name={"VendorName": "R2S", "ProductCode": "M3", "MajorMinorRevision": "2.5"})
    context = SimDevice(0, simdata=[SimData(0, values=[1] * 8, datatype=DataType.REGISTERS)])
    server = ModbusTcpServer(context, identity=identity, address=("127.0.0.1", int(sys.argv[1])))
    task = asyncio.create_task(server.serve_forever())
    await asyncio.sleep(0.2)
    print("ready", flush=True)
    await task

asyncio.run(main())
"""


@contextmanager
def peer(code: str) -> Iterator[int]:
    """A program that takes its port as an argument and says when it is ready."""
    port = free_port()
    command = [sys.executable, "-c", code, str(port)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line == "ready\n", process.communicate()[1]
        yield port
    finally:
        process.kill()
        process.communicate()


def test_bacpypes3():
    with peer(BACNET) as port:
        facts, _, _ = asyncio.run(ask("bacnet", port))
        assert facts.answer == BacnetAnswer(instance=2042, vendor=999, segmentation=0, max_apdu=1024)
        narrow, _, _ = asyncio.run(ask("bacnet", port, low=2042, high=2042))
        assert narrow.answer == facts.answer
        with pytest.raises(CollectFailure) as raised:
            asyncio.run(ask("bacnet", port, low=0, high=2041))
        assert raised.value.failure is Failure.TIMEOUT, "nobody of this range is there"


def test_pymodbus():
    with peer(MODBUS) as port:
        facts, _, _ = asyncio.run(ask("modbus", port))
    assert facts.answer == ModbusAnswer(vendor="R2S", product="M3", revision="2.5")
