"""The collectors: one connection or one datagram, one question, one answer; never a second try, never a session.

What an answer names (a redirection, a control endpoint) is written down and not followed.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, ip_address
from typing import TYPE_CHECKING

from probes.api import CollectFailure, Outcome
from probes.services import wire_bacnet, wire_knx, wire_modbus, wire_mqtt, wire_requests, wire_text
from probes.services.exchange import ANSWER_SECONDS, HANDSHAKE_SECONDS, Line, NoHandshake, NotTls, PeerClosed, TlsLine
from probes.services.facts import ServiceFacts
from probes.services.wire_reader import Malformed
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from probes.api import Access
    from probes.services.facts import Answer
    from probes.services.wire_text import TextProtocol
    from r2s_audit.model.observation import BlobRef, Request
    from r2s_audit.model.site import AnyAddress, Device

CONNECTION_PACKETS = 3
"""SYN, ACK, FIN: paid where the connection is made (Access.tcp)."""
EXCHANGE_PACKETS = 4
"""Question, acknowledgement of the answer, farewell, and one to spare."""
TLS_PACKETS = 4
"""ClientHello in two segments, acknowledgement, Finished."""
MAX_DATAGRAM = 2048


@dataclass(frozen=True, slots=True)
class Target:
    """A request read once."""

    device: Device
    address: AnyAddress
    port: int
    tls: bool
    name: str

    @property
    def where(self) -> str:
        """Address and port for a sentence."""
        return wire_text.host(str(self.address), self.port)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is asked and how the answer is read."""

    kind: str
    question: Callable[[socket.socket], bytes]  # noqa: TID251 - lent by Access
    parse: Callable[[bytes], Answer]
    farewell: bytes = b""


async def bacnet(access: Access, request: Request) -> Outcome:
    """A ranged Who-Is to the declared device; an I-Am that it broadcasts instead of sending is not heard."""
    question = wire_bacnet.who_is(int(request.param("low")), int(request.param("high")))
    return await _datagram(
        access, _target(access, request), Dialect("bacnet", lambda _: question, wire_bacnet.parse_i_am)
    )


async def knx(access: Access, request: Request) -> Outcome:
    """A SEARCH_REQUEST to the declared device, never to the group."""

    def question(sock: socket.socket) -> bytes:  # noqa: TID251 - lent by Access.udp
        own, port = sock.getsockname()[:2]
        return wire_knx.search_request(IPv4Address(own), port)

    target = _target(access, request)
    if not isinstance(target.address, IPv4Address):
        raise CollectFailure(Failure.NOT_SUPPORTED, msg("KNXnet/IP ne connaît que l'IPv4"))
    return await _datagram(access, target, Dialect("knx", question, wire_knx.parse_search_response))


async def mqtt(access: Access, request: Request) -> Outcome:
    """CONNECT without credentials, CONNACK, DISCONNECT."""
    dialect = Dialect("mqtt", lambda _: wire_mqtt.connect(), wire_mqtt.parse_connack, wire_mqtt.DISCONNECT)
    return await _stream(access, _target(access, request), dialect)


async def modbus(access: Access, request: Request) -> Outcome:
    """Function 43 / 14, which reads the device's identity and no register."""
    dialect = Dialect("modbus", lambda _: wire_modbus.read_device_id(), wire_modbus.parse_response)
    return await _stream(access, _target(access, request), dialect)


async def rtsp(access: Access, request: Request) -> Outcome:
    """OPTIONS; never DESCRIBE or SETUP."""
    target = _target(access, request)
    question = wire_requests.rtsp_options(str(target.address), target.port, tls=target.tls)
    return await _stream(access, target, Dialect("rtsp", lambda _: question, _head("rtsp")))


async def http(access: Access, request: Request) -> Outcome:
    """HEAD of the root; a redirection is recorded."""
    target = _target(access, request)
    question = wire_requests.http_head(str(target.address), target.port, target.name)
    return await _stream(access, target, Dialect("http", lambda _: question, _head("http")))


async def sip(access: Access, request: Request) -> Outcome:
    """OPTIONS, which does not ring."""
    target = _target(access, request)
    over_udp = request.param("transport") == "udp"
    transport = "UDP" if over_udp else "TLS" if target.tls else "TCP"

    def question(sock: socket.socket) -> bytes:  # noqa: TID251 - lent by Access
        own, port = sock.getsockname()[:2]
        return wire_requests.sip_options(str(target.address), target.port, (own, port), transport)

    dialect = Dialect("sip", question, _head("sip"))
    return await (_datagram if over_udp else _stream)(access, target, dialect)


def _head(protocol: TextProtocol) -> Callable[[bytes], Answer]:
    return partial(wire_text.parse_head, protocol=protocol)


def _target(access: Access, request: Request) -> Target:
    return Target(
        device=access.topology.devices[request.target],
        address=ip_address(str(request.param("address"))),
        port=int(request.param("port")),
        tls=request.param("layer") == "tls",
        name=str(dict(request.params).get("name", "")),
    )


async def _datagram(access: Access, target: Target, dialect: Dialect) -> Outcome:
    """One datagram out, one in.

    Raises:
        CollectFailure: TIMEOUT, REFUSED (ICMP port unreachable) or NOT_SUPPORTED (something else was answered).
    """
    loop = asyncio.get_running_loop()
    with await access.udp(target.device, target.address, target.port) as sock:
        await access.pay(target.device)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await loop.sock_sendall(sock, dialect.question(sock))
                data = await loop.sock_recv(sock, MAX_DATAGRAM)
        except TimeoutError:
            raise _silent(target) from None
        except OSError as error:
            raise _refused(target) from error
    try:
        answer = dialect.parse(data)
    except Malformed as error:
        raise _foreign(target, dialect) from error
    facts = ServiceFacts(layer="clear", answer=answer)
    return Outcome(facts=facts, blobs=(_kept(access, data, dialect),), packets_sent=1)


async def _stream(access: Access, target: Target, dialect: Dialect) -> Outcome:
    """One connection, one question, one answer, the end.

    Raises:
        CollectFailure: as for :func:`_datagram`, ACCESS_DENIED (it hangs up, or refuses TLS), and what Access.tcp raises.
    """
    packets = EXCHANGE_PACKETS + (TLS_PACKETS if target.tls else 0)
    spent = packets + CONNECTION_PACKETS
    # Paid in one: two payments would let the connection leave at the end of the first and its talk right after it.
    with await access.tcp(target.device, target.address, target.port, seconds=ANSWER_SECONDS, packets=packets) as sock:
        line = Line(sock)
        try:
            if target.tls:
                async with asyncio.timeout(HANDSHAKE_SECONDS):
                    line = await TlsLine.over(sock, target.name)
            async with asyncio.timeout(ANSWER_SECONDS):
                await line.send(dialect.question(sock))
                answer = await line.read(dialect.parse)
                await _part(line, dialect.farewell)
        except NotTls:
            return Outcome(facts=ServiceFacts(layer="not_tls"), packets_sent=spent)
        except NoHandshake as error:
            # It may want a certificate of its client's: that is a lock, and no other protocol.
            reason = msg("{where} : négociation TLS impossible", where=target.where)
            raise CollectFailure(Failure.ACCESS_DENIED, reason) from error
        except TimeoutError:
            raise _silent(target) from None
        except (PeerClosed, OSError) as error:
            raise _hung_up(target, line) from error
        except Malformed as error:
            raise _foreign(target, dialect) from error
    facts = ServiceFacts(layer="tls" if target.tls else "clear", tls_version=line.version, answer=answer)
    blob = _kept(access, bytes(line.received), dialect)
    return Outcome(facts=facts, blobs=(blob,), packets_sent=spent)


async def _part(line: Line, farewell: bytes) -> None:
    """Say goodbye; a peer that has left already loses nothing by it, and neither do we."""
    if not farewell:
        return
    try:
        await line.send(farewell)
    except ConnectionError:
        return


def _kept(access: Access, data: bytes, dialect: Dialect) -> BlobRef:
    if dialect.kind not in {"rtsp", "sip", "http"}:
        return access.keep(data, f"services-{dialect.kind}")
    clean, changed = wire_text.redacted(data)
    return access.keep(clean, f"services-{dialect.kind}", redacted=changed)


def _silent(target: Target) -> CollectFailure:
    return CollectFailure(
        Failure.TIMEOUT,
        msg("{where} : aucune réponse entière en {seconds} s", where=target.where, seconds=ANSWER_SECONDS),
    )


def _refused(target: Target) -> CollectFailure:
    return CollectFailure(Failure.REFUSED, msg("{where} : port fermé (ICMP)", where=target.where))


def _hung_up(target: Target, line: Line) -> CollectFailure:
    """Without a word said it may guard itself, or have too much to do: only what was said can be another protocol."""
    failure = Failure.NOT_SUPPORTED if line.received else Failure.ACCESS_DENIED
    return CollectFailure(failure, msg("{where} accepte la connexion et la coupe sans répondre", where=target.where))


def _foreign(target: Target, dialect: Dialect) -> CollectFailure:
    return CollectFailure(
        Failure.NOT_SUPPORTED,
        msg("{where} répond autre chose que du {protocol}", where=target.where, protocol=dialect.kind.upper()),
    )
