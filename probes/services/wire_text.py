"""The start of an answer in the manner of HTTP: a status line and headers, bounded (RFC 9112, 2326 and 3261)."""

from __future__ import annotations

import re
from typing import Literal

from probes.services.facts import MAX_TEXT, TextAnswer
from probes.services.wire_reader import Incomplete, Malformed, text

MAX_HEAD = 8192
MAX_LINES = 100
MAX_METHODS = 32
_STATUS = re.compile(rb"(RTSP|SIP|HTTP)/\d\.\d ([1-9]\d\d)(?: [^\r\n]*)?")
_SECRET = re.compile(rb"(?im)^(set-cookie2?|www-authenticate|proxy-authenticate|authentication-info|session)[ \t]*:.*$")
_END = re.compile(rb"\r?\n\r?\n")

TextProtocol = Literal["rtsp", "sip", "http"]


def parse_head(data: bytes, protocol: TextProtocol) -> TextAnswer:
    """Status and headers; what follows the empty line is left alone.

    Raises:
        Incomplete: the empty line has to come yet.
        Malformed: another protocol, too many or too long headers.
    """
    start = protocol.upper().encode() + b"/"
    if not data.startswith(start[: len(data)]):
        raise Malformed("no status line of the protocol")
    end = _END.search(data[:MAX_HEAD])
    if end is None:
        if len(data) >= MAX_HEAD:
            raise Malformed(f"{MAX_HEAD} octets without an empty line")
        raise Incomplete(f"{len(data)} octets, no empty line yet")
    lines = data[: end.start()].replace(b"\r\n", b"\n").split(b"\n")
    if len(lines) > MAX_LINES:
        raise Malformed(f"{len(lines)} lines")
    status = _STATUS.fullmatch(lines[0])
    if status is None:
        raise Malformed("no status line")
    headers: dict[str, bytes] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            headers.setdefault(name.strip().lower().decode("ascii", "replace"), value)
    methods = headers.get("public", headers.get("allow", b""))[:MAX_HEAD].split(b",")
    return TextAnswer(
        kind=protocol,
        status=int(status[2]),
        server=text(headers.get("server", headers.get("user-agent", b""))),
        methods=tuple(text(m) for m in methods if m.strip())[:MAX_METHODS],
        location=text(headers.get("location", b"")),
    )


def redacted(data: bytes) -> tuple[bytes, bool]:
    """The octets without what may stand for a credential, and whether any was taken out."""
    result, count = _SECRET.subn(lambda found: found[1] + b": [removed]", data[:MAX_HEAD])
    return result, bool(count)


def host(address: str, port: int) -> str:
    """An address and a port as a URI has them (RFC 3986, 3.2.2)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


__all__ = ["MAX_HEAD", "MAX_LINES", "MAX_TEXT", "TextProtocol", "host", "parse_head", "redacted"]
