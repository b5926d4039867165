"""What a careful integrator writes of a node's services into the site file; services that serve nobody are not there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .daemons import FAMILIES
from .daemons.base import TypedFamily
from .description import Description
from .paths import Layout

_TLS = {"https": "https", "mqtt": "mqtt", "rtsp": "rtsp", "sip": "sip"}
_CLEAR = {"modbus": "modbus", "ssh": "ssh"}
_DATAGRAM = {"bacnet": "bacnet", "knx": "knx", "ntp": "ntp", "syslog": "syslog"}
"""Kind of service to the protocol's name in a site file."""


def declared_services(description: Description, name: str, layout: Layout) -> Iterator[dict[str, Any]]:
    """Each service of a node in the form of a site file, in the description's order."""
    for service in description.nodes[name].services.values():
        kind = service.kind
        if kind not in _TLS | _CLEAR | _DATAGRAM:
            continue
        family = FAMILIES[kind]
        assert isinstance(family, TypedFamily)  # noqa: S101 - those of the tables above are
        port = family.settings.model_validate(service.settings).model_dump()["port"]
        if kind in _TLS:
            yield {
                "protocol": _TLS[kind],
                "port": port,
                "tls": True,
                "server_name": f"{name}.{description.domain}",
                "trust": [str(layout.pki / "ca.pem")],
            }
        elif kind in _CLEAR:
            yield {"protocol": _CLEAR[kind], "port": port}
        else:
            yield {"protocol": _DATAGRAM[kind], "port": port, "transport": "udp"}
