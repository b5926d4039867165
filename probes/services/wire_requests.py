"""Questions in the manner of HTTP: RTSP OPTIONS, SIP OPTIONS, HTTP HEAD; none of them opens a session."""

from __future__ import annotations

import secrets

from probes.services.wire_text import host

_AGENT = "r2s-audit"


def rtsp_options(address: str, port: int, *, tls: bool) -> bytes:
    """OPTIONS of RTSP 1.0 (RFC 2326, 10.1): which methods there are, and no DESCRIBE or SETUP ever."""
    scheme = "rtsps" if tls else "rtsp"
    lines = [f"OPTIONS {scheme}://{host(address, port)}/ RTSP/1.0", "CSeq: 1", f"User-Agent: {_AGENT}"]
    return _request(lines)


def sip_options(address: str, port: int, own: tuple[str, int], transport: str) -> bytes:
    """OPTIONS of SIP (RFC 3261, 11.1): asks what a user agent can do, and does not ring.

    Args:
        address: the device's.
        port: the device's.
        own: our address and port, where the answer is to come.
        transport: ``UDP``, ``TCP`` or ``TLS``.
    """
    here = host(*own)
    scheme = "sips" if transport == "TLS" else "sip"
    lines = [
        f"OPTIONS {scheme}:{host(address, port)} SIP/2.0",
        f"Via: SIP/2.0/{transport} {here};branch=z9hG4bK{secrets.token_hex(8)};rport",
        "Max-Forwards: 0",  # a proxy on the way answers for itself and sends it nowhere
        f"From: <{scheme}:{_AGENT}@{here}>;tag={secrets.token_hex(4)}",
        f"To: <{scheme}:{host(address, port)}>",
        f"Call-ID: {secrets.token_hex(8)}",
        "CSeq: 1 OPTIONS",
        f"User-Agent: {_AGENT}",
        "Accept: application/sdp",
        "Content-Length: 0",
    ]
    return _request(lines)


def http_head(address: str, port: int, name: str) -> bytes:
    """HEAD of the root (RFC 9110, 9.3.2): no body is transferred."""
    return _request(
        ["HEAD / HTTP/1.1", f"Host: {name or host(address, port)}", f"User-Agent: {_AGENT}", "Connection: close"]
    )


def _request(lines: list[str]) -> bytes:
    return ("\r\n".join([*lines, "", ""])).encode("ascii")
