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
_HARMLESS = {
    b"accept", b"allow", b"cache-control", b"connection", b"content-length", b"content-type", b"cseq", b"date",
    b"keep-alive", b"public", b"server", b"strict-transport-security", b"supported", b"transfer-encoding", b"user-agent",
}  # fmt: skip
"""Headers whose values are kept: any other one may carry a cookie, a token, a nonce, a session."""
_URI = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]{0,15}):)?(?://(?:[^/?#@]*@)?([^/?#@]*))?")
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
        location=_place(text(headers.get("location", b""))),
    )


def _place(uri: str) -> str:
    """Where a redirection leads: scheme and host; a path, a query or a user may carry a token (RFC 3986, 3)."""
    found = _URI.match(uri)
    scheme, host_name = (found[1], found[2]) if found else (None, None)
    if scheme and host_name is not None:
        return f"{scheme}://{host_name}/"
    return "/" if uri else ""


def redacted(data: bytes) -> tuple[bytes, bool]:
    """The head without what may stand for a credential, and whether anything was taken out; what follows it is left out.

    What is kept is named, not what is removed: a cookie has many names.
    """
    head = data[:MAX_HEAD]
    end = _END.search(head)
    body = end is not None and end.end() < len(data)
    lines = head[: end.start() if end else len(head)].replace(b"\r\n", b"\n").split(b"\n")
    kept, removed = lines[:1], body
    for line in lines[1:]:
        name, colon, value = line.partition(b":")
        if colon and name.strip().lower() in _HARMLESS and not name[:1].isspace():
            kept.append(line)
        elif line[:1].isspace() or not colon:  # the rest of the header above (RFC 9112, 5.2), or none at all
            removed = True
        else:
            kept.append(name[:MAX_TEXT] + b": [removed]")
            removed = removed or bool(value.strip())
    return b"\r\n".join(kept) + b"\r\n\r\n", removed


def host(address: str, port: int) -> str:
    """An address and a port as a URI has them (RFC 3986, 3.2.2)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


__all__ = ["MAX_HEAD", "MAX_LINES", "MAX_TEXT", "TextProtocol", "host", "parse_head", "redacted"]
