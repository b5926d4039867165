"""A peer of the sweep, as one writes it with asyncio: ``sweep_connect.py TARGETS FIRST_PORT PORTS WAIT ATTEMPTS``.

Connects to every pair, ``AT_ONCE`` at a time, and prints ``address port state`` lines as sweep_ours.py does.
"""

import asyncio
import socket
import sys
from ipaddress import IPv4Network

AT_ONCE = 100
"""Sockets at a time: with many more the loop is so busy that open ports miss their time to answer."""


async def ask(address: str, port: int, wait: float, attempts: int, turn: asyncio.Semaphore) -> str:
    loop = asyncio.get_running_loop()
    async with turn:
        for _ in range(attempts):
            with socket.socket() as sock:  # noqa: TID251 - what is compared with
                sock.setblocking(False)
                try:
                    async with asyncio.timeout(wait):
                        await loop.sock_connect(sock, (address, port))
                except ConnectionRefusedError:
                    return "closed"
                except TimeoutError:
                    continue
                return "open"
    return "silent"


async def main(arguments: list[str]) -> None:
    addresses = [str(address) for address in IPv4Network(arguments[0])]
    first, count, wait, attempts = int(arguments[1]), int(arguments[2]), float(arguments[3]), int(arguments[4])
    turn = asyncio.Semaphore(AT_ONCE)
    pairs = [(address, port) for port in range(first, first + count) for address in addresses]
    states = await asyncio.gather(*(ask(address, port, wait, attempts, turn) for address, port in pairs))
    lines = (f"{address} {port} {state}\n" for (address, port), state in zip(pairs, states, strict=True))
    sys.stdout.write("".join(lines))


asyncio.run(main(sys.argv[1:]))
