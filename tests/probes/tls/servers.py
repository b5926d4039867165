"""Real OpenSSL servers and scripted peers, on loopback ports of the kernel's choice."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from tests.probes.tls.support import Issued

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextmanager
def openssl_server(folder: Path, leaf: Issued, *words: str, chain: tuple[Issued, ...] = ()) -> Iterator[int]:
    """An ``openssl s_server`` with this certificate; gives its port."""
    (folder / "leaf.pem").write_bytes(leaf.pem)
    (folder / "key.pem").write_bytes(leaf.key_pem)
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", "leaf.pem", "-key", "key.pem", *words]
    if chain:
        (folder / "chain.pem").write_bytes(b"".join(c.pem for c in chain))
        command += ["-cert_chain", "chain.pem"]
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            found = re.match(r"ACCEPT 127\.0\.0\.1:(\d+)", line)
            if found:
                yield int(found[1])
                return
        raise AssertionError((folder / "errors").read_text())
    finally:
        process.kill()
        process.communicate()


@asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[int]:
    """A peer that does what the script says on every connection; what it is still doing at the end is cancelled."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await script(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
