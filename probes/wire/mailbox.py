"""The port that DHCPv6 servers answer to, held so that this machine's kernel does not refuse their answers by ICMP.

Servers answer to port 546 whatever the question came from (RFC 8415 §7.2), and to our own address: where nobody holds
that port, the kernel sends an ICMPv6 error to whoever answered, a frame that no gate has seen. Answers are read from
captures; nobody reads these sockets.
"""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

CLIENT_PORT = 546  # RFC 8415 §7.2


class Mailboxes:
    """One per interface, opened while this process may: the port is below 1024."""

    def __init__(self, interfaces: Iterable[str]) -> None:
        """Hold what can be held; an interface without IPv6 or a process without privilege holds nothing."""
        self._sockets: list[socket.socket] = []
        self._held: set[str] = set()
        for name in interfaces:
            if self._hold(name):
                self._held.add(name)

    def _hold(self, name: str) -> bool:
        try:
            mailbox = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        except OSError:
            return False
        try:
            mailbox.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode() + b"\0")
            mailbox.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            mailbox.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # the kernel's smallest: the rest is dropped
            mailbox.bind(("::", CLIENT_PORT))
        except OSError as error:
            mailbox.close()
            return error.errno == errno.EADDRINUSE  # a DHCPv6 client of this machine's own does
        self._sockets.append(mailbox)
        return True

    def holds(self, interface: str) -> bool:
        """Whether an answer to this interface finds somebody, and the kernel says nothing."""
        return interface in self._held

    def close(self) -> None:
        """Let go."""
        self._held.clear()
        for mailbox in self._sockets:
            mailbox.close()
        self._sockets.clear()
