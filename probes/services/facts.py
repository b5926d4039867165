"""What a service said to one read-only question; nothing here says what it means.

Texts come from devices: bounded where they are parsed, escaped where they are shown. Addresses and redirections that an
answer holds are recorded and never followed (promise 4).
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from r2s_audit.model.addresses import IPAddress
from r2s_audit.model.base import Model

MAX_TEXT = 200
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Octet = Annotated[int, Field(ge=0, le=255)]


class BacnetAnswer(Model):
    """An I-Am (ANSI/ASHRAE 135, 16.10)."""

    kind: Literal["bacnet"] = "bacnet"
    instance: Annotated[int, Field(ge=0, le=4194303)]
    vendor: Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
    """The vendor identifier that ASHRAE gave out."""
    segmentation: Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
    """0 both, 1 transmit, 2 receive, 3 none."""
    max_apdu: Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
    """Octets."""


class MqttAnswer(Model):
    """A CONNACK to a CONNECT without credentials (MQTT 3.1.1, 3.2)."""

    kind: Literal["mqtt"] = "mqtt"
    code: Octet
    """0: accepted; 1 to 5: refused, with the reason."""

    @property
    def accepted(self) -> bool:
        """Whether somebody without a name was let in."""
        return self.code == 0


class TextAnswer(Model):
    """A status line and the headers that matter (RFC 2326, 3261, 9110)."""

    kind: Literal["rtsp", "sip", "http"]
    status: Annotated[int, Field(ge=100, le=999)]
    server: Text = ""
    methods: tuple[Text, ...] = ()
    """``Public`` of RTSP, ``Allow`` of SIP and HTTP, in their order."""
    location: Text = ""
    """Where the answer would send us; never followed."""


class ModbusAnswer(Model):
    """A Read Device Identification response, or the exception in its place (Modbus V1.1b3, 6.21 and 7)."""

    kind: Literal["modbus"] = "modbus"
    exception: Octet | None = None
    vendor: Text = ""
    product: Text = ""
    revision: Text = ""


class KnxFamily(Model):
    """A service family of a KNXnet/IP server (ISO 22510); family 9 is security."""

    family: Octet
    version: Octet


class KnxAnswer(Model):
    """A SEARCH_RESPONSE (ISO 22510, KNXnet/IP core)."""

    kind: Literal["knx"] = "knx"
    name: Text = ""
    individual_address: Text = ""
    """``area.line.device``."""
    medium: Octet | None = None
    serial: Text = ""
    control: IPAddress | None = None
    """The control endpoint that the device names; never followed."""
    families: tuple[KnxFamily, ...] = ()
    secured: bool = False
    """Family 9, or a block of secured families."""


Answer: TypeAlias = BacnetAnswer | MqttAnswer | TextAnswer | ModbusAnswer | KnxAnswer


class ServiceFacts(Model):
    """One service, asked once."""

    layer: Literal["clear", "tls", "not_tls"]
    """How it spoke; ``not_tls``: TLS was asked for, and what came back is none."""
    tls_version: Text = ""
    answer: Annotated[Answer, Field(discriminator="kind")] | None = None
    """None with ``not_tls`` alone."""
