"""Servers that mean harm, or are broken: each ends soon, as a failure of its own kind, and teaches nothing."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import paramiko
import pytest

from probes.api import CollectFailure
from probes.ssh import bounds, collect, shell, transport
from probes.ssh.platforms import commands
from probes.switching.facts import SwitchFacts
from r2s_audit.model.observation import Failure, request
from tests.probes.ssh.server import (
    PROMPT,
    FakeAccess,
    Played,
    Raw,
    Server,
    command_line,
    lines,
    observe,
    topology,
)

ANSWERS = dict.fromkeys(commands("cisco_ios"), b"rien\r\n") | {"terminal length 0": b""}
FIRST = commands("cisco_ios")[0]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience of a test."""
    monkeypatch.setattr(transport, "HELLO_SECONDS", 1.5)
    monkeypatch.setattr(transport, "AUTH_SECONDS", 1.5)
    monkeypatch.setattr(transport, "SHELL_SECONDS", 1.5)
    monkeypatch.setattr(collect, "HELLO_SECONDS", 1.5)
    monkeypatch.setattr(collect, "SHELL_SECONDS", 1.5)
    monkeypatch.setattr(collect, "COMMAND_SECONDS", 1.5)
    monkeypatch.setattr(collect, "facts_of", lambda platform, outputs: SwitchFacts(platform=platform))
    monkeypatch.setattr(collect, "keepable", lambda platform, command, output: output)


def refused_by(port: int, **ssh: Any) -> CollectFailure:
    started = time.monotonic()
    with pytest.raises(CollectFailure) as refused:
        observe(FakeAccess(topology(port, **ssh)))
    assert time.monotonic() - started < 8
    return refused.value


def endless(data: bytes) -> Callable[[socket.socket], None]:
    def play(sock: socket.socket) -> None:
        while True:
            sock.sendall(data)

    return play


def says(data: bytes, *, then: float = 4.0) -> Callable[[socket.socket], None]:
    def play(sock: socket.socket) -> None:
        sock.sendall(data)
        time.sleep(then)

    return play


def packet(payload: bytes) -> bytes:
    """A packet before any key (RFC 4253 §6)."""
    padding = 8 - (len(payload) + 5) % 8 + 8
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)


HELLO = b"SSH-2.0-Mechant\r\n"


@pytest.mark.parametrize(
    ("play", "failure", "words"),
    [
        (says(b""), Failure.TIMEOUT, "ne dit rien"),
        (says(b"", then=0), Failure.REFUSED, "ferme la connexion"),
        (says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Failure.NOT_SUPPORTED, "pas en SSH"),
        (endless(b"A" * 4096), Failure.LIMIT_EXCEEDED, "plus qu'une session"),
        (endless(b"Banniere\r\n"), Failure.NOT_SUPPORTED, "pas en SSH"),
        (says(b"SSH-1.5-Vieux\r\n"), Failure.NOT_SUPPORTED, "version 1"),
        (says(HELLO), Failure.TIMEOUT, "dans le délai"),
        (says(HELLO, then=0), Failure.REFUSED, "avant la fin de l'échange"),
        (says(HELLO + b"\xff" * 64), Failure.NOT_SUPPORTED, "échange de clés SSH impossible"),
        (says(HELLO + struct.pack(">I", 0xFFFFFFFC) + bytes(60)), Failure.TIMEOUT, "dans le délai"),
        (says(HELLO + bytes(64)), Failure.NOT_SUPPORTED, "échange de clés SSH impossible"),
        (says(HELLO + packet(b"\x14" + bytes(3))), Failure.NOT_SUPPORTED, "accepté"),
        (says(HELLO + packet(b"\x07\xff\xff\xff\xff")), Failure.NOT_SUPPORTED, "échange de clés SSH impossible"),
        (lambda sock: [sock.sendall(HELLO), endless(packet(b"\x02" + bytes(8)))(sock)], Failure.LIMIT_EXCEEDED, "plus"),
    ],
    ids=[
        "mute", "closes at once", "speaks HTTP", "endless line", "endless banner", "SSH 1", "stops after its name",
        "closes after its name", "garbage", "packet of 4 GiB", "empty packets", "empty lists", "a count of 4 thousand million",
        "nothing but crumbs",
    ],
)  # fmt: skip
def test_before_a_key(play: Callable[[socket.socket], None], failure: Failure, words: str) -> None:
    with Raw(play) as server:
        refused = refused_by(server.port)
    assert refused.failure is failure, refused.reason
    assert words in str(refused.reason)


def drips(sock: socket.socket) -> None:
    sock.sendall(HELLO)
    for byte in packet(b"\x02" + bytes(1000)):
        sock.sendall(bytes([byte]))
        time.sleep(0.05)


def test_a_drip_gains_no_time() -> None:
    with Raw(drips) as server:
        assert refused_by(server.port).failure is Failure.TIMEOUT


OLD = {
    "kex": [name for name in paramiko.Transport._preferred_kex if name != "diffie-hellman-group14-sha256"],
    "macs": [name for name in paramiko.Transport._preferred_macs if name != "hmac-md5"],
    "ciphers": [name for name in paramiko.Transport._preferred_ciphers if name != "3des-cbc"],
}


@pytest.mark.parametrize(("kind", "words"), [("macs", "hmac-md5"), ("ciphers", "3des-cbc")])
def test_old_algorithms_alone(kind: str, words: str) -> None:
    played = Played()
    with Server(command_line(ANSWERS), played, only={kind: OLD[kind]}) as server:
        refused = refused_by(server.port)
    assert refused.failure is Failure.NOT_SUPPORTED
    assert words in str(refused.reason)
    assert played.asked == []


def test_an_older_exchange_that_is_good_enough() -> None:
    with Server(command_line(ANSWERS), only={"kex": OLD["kex"]}) as server:
        outcome = observe(FakeAccess(topology(server.port)))
    assert outcome.facts.used.negotiated.key_exchange == "diffie-hellman-group14-sha256"  # type: ignore[union-attr]


def test_an_extension_count_after_the_keys() -> None:
    """The library would believe it, and count to four thousand million with everybody else waiting."""

    class Bad(paramiko.Transport):
        def _parse_newkeys(self, m: Any) -> None:
            super()._parse_newkeys(m)
            message = paramiko.Message()
            message.add_byte(b"\x07")
            message.add_int(0xFFFFFFFF)
            self._send_message(message)

    played = Played()
    original = paramiko.Transport
    with pytest.MonkeyPatch.context() as patch, Server(command_line(ANSWERS), played) as server:
        patch.setattr("tests.probes.ssh.server.paramiko.Transport", Bad)
        refused = refused_by(server.port)
    assert paramiko.Transport is original
    assert refused.failure is Failure.NOT_SUPPORTED


# -- behind the door


def prompt_then(play: Callable[[paramiko.Channel, bytes], None]) -> Callable[[paramiko.Channel], None]:
    """An invitation, then what a play makes of each line."""

    def run(channel: paramiko.Channel) -> None:
        channel.sendall(PROMPT)
        for line in lines(channel):
            if line in {b"", b"terminal length 0"}:
                channel.sendall(line + b"\r\n" + PROMPT)
            else:
                play(channel, line)

    return run


def forever(channel: paramiko.Channel, data: bytes) -> None:
    while True:
        channel.sendall(data)


def no_prompt(channel: paramiko.Channel) -> None:
    channel.sendall(b"login denied\r\n")
    time.sleep(4)


def changing(channel: paramiko.Channel) -> None:
    channel.sendall(b"a#")
    for n, _ in enumerate(lines(channel)):
        channel.sendall(f"\r\nb{n}#".encode())


def early(channel: paramiko.Channel, line: bytes) -> None:
    """An invitation in the middle of an answer, then a pause, then the rest."""
    channel.sendall(line + b"\r\n1 default\r\n" + PROMPT)
    time.sleep(0.4)
    channel.sendall(b"\r\n2 le reste\r\n" + PROMPT)


def forever_pages(channel: paramiko.Channel, line: bytes) -> None:
    channel.sendall(line + b"\r\n")
    while True:
        channel.sendall(b"vlan 1\r\n--More-- ")
        if not channel.recv(10):
            return


CLIS: dict[str, tuple[Callable[[paramiko.Channel], None], Failure, str]] = {
    "mute": (lambda channel: time.sleep(4), Failure.TIMEOUT, "puis se tait"),
    "no prompt": (no_prompt, Failure.NOT_SUPPORTED, "pas d'invite"),
    "a prompt that changes": (changing, Failure.NOT_SUPPORTED, "pas d'invite"),
    "closes": (lambda channel: channel.close(), Failure.REFUSED, "avant la fin"),
    "endless before the prompt": (lambda channel: forever(channel, b"x" * 1000), Failure.LIMIT_EXCEEDED, "lecture arrêtée"),
    "configuring": (command_line(ANSWERS, b"sw-acces(config)#"), Failure.NOT_SUPPORTED, "mode de configuration"),
    "endless answer": (prompt_then(lambda channel, line: forever(channel, b"vlan 1\r\n" * 100)), Failure.LIMIT_EXCEEDED, "lecture arrêtée"),
    "endless line": (prompt_then(lambda channel, line: channel.sendall(line + b"\r\n" + b"x" * 60000 + b"\r\n" + PROMPT)), Failure.LIMIT_EXCEEDED, "lecture arrêtée"),
    "endless pages": (prompt_then(forever_pages), Failure.NOT_SUPPORTED, "pas d'invite"),
    "no end": (prompt_then(lambda channel, line: channel.sendall(line + b"\r\nvlan 1\r\n")), Failure.NOT_SUPPORTED, "pas d'invite"),
    "no echo": (prompt_then(lambda channel, line: channel.sendall(b"vlan 1\r\nvlan 2\r\nvlan 3\r\nvlan 4\r\n" + PROMPT)), Failure.NOT_SUPPORTED, "dans l'ordre"),
    "closes in an answer": (prompt_then(lambda channel, line: [channel.sendall(line + b"\r\nvlan"), channel.close()]), Failure.REFUSED, "avant la fin"),
    "an invitation too early": (prompt_then(early), Failure.NOT_SUPPORTED, "dans l'ordre"),
}  # fmt: skip


@pytest.mark.parametrize("name", CLIS)
def test_behind_the_door(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell, "MAX_OUTPUT", 200_000)
    cli, failure, words = CLIS[name]
    with Server(cli) as server:
        refused = refused_by(server.port)
    assert refused.failure is failure, refused.reason
    assert words in str(refused.reason)


def test_no_terminal() -> None:
    with Server(command_line(ANSWERS), Played(pty=False)) as server:
        assert refused_by(server.port).failure is Failure.NOT_SUPPORTED


@pytest.mark.parametrize("most", [400, 12])
def test_a_flood_of_what_wants_an_answer(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each global request wants one (RFC 4254 §4): no more of our segments than stated leave."""
    monkeypatch.setattr(bounds, "MAX_WRITES", most)

    def cli(channel: paramiko.Channel) -> None:
        channel.sendall(PROMPT)
        message = paramiko.Message()
        message.add_byte(b"\x50")
        message.add_string("essai@exemple")
        message.add_boolean(True)
        transport_ = channel.get_transport()
        while transport_.is_active():
            transport_._send_message(message)

    with Server(cli) as server:
        access = FakeAccess(topology(server.port))
        with pytest.raises(CollectFailure) as refused:
            observe(access)
    assert refused.value.failure is Failure.LIMIT_EXCEEDED


def test_a_cancelled_session_ends_at_once() -> None:
    with Server(lambda channel: time.sleep(4)) as server:
        access = FakeAccess(topology(server.port))
        asked = request("ssh.switch", "P-ADM", "sw", address="127.0.0.1", port=server.port)

        async def run() -> float:
            task = asyncio.create_task(collect.switch(access, asked))  # type: ignore[arg-type]
            await asyncio.sleep(0.6)
            started = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return time.monotonic() - started

        started = time.monotonic()
        assert asyncio.run(run()) < 0.3
        assert time.monotonic() - started < 1.5  # the thread too: the loop's end waits for it
