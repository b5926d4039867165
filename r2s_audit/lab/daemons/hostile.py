"""Peers that mean harm, by our own responders: what no daemon's configuration would let it do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field, field_validator

from r2s_audit.lab.description import InterfaceName, PortNumber, mac
from r2s_audit.lab.pki import certificate_file, key_file
from r2s_audit.lab.resources import Certificate, Exists, Listening, Resource
from r2s_audit.lab.responders.hostile import octets

from .base import Settings, Site, TypedFamily
from .responder import CIPHERS, addresses, responder


class HostileSettings(Settings):
    """What is said, and how: scripts of :func:`r2s_audit.lab.responders.hostile.octets`."""

    port: PortNumber
    transport: Literal["tcp", "udp"] = "tcp"
    ipv6: bool = True
    tls: bool = False
    """Through a TLS handshake that is as it should be."""
    listens: bool = False
    """Speaks when it has been spoken to."""
    first: str = ""
    again: str = ""
    """Said for ever after; empty: silence, and no end."""
    portion: int = Field(default=0, ge=0)
    """Octets at a time; 0: all of it."""
    pause: float = Field(default=0.0, ge=0)
    """Seconds between two portions."""

    @field_validator("first", "again")
    @classmethod
    def _readable(cls, value: str) -> str:
        octets(value)
        return value


class LldpFrameSettings(Settings):
    """Announcements by hand. ``ttl`` is short: two seconds after the last one the neighbours have forgotten."""

    interface: InterfaceName
    name: str
    port: str = "eth0"
    port_description: str = ""
    description: str = ""
    management: tuple[str, ...] = ()
    ttl: int = Field(default=3, ge=0, le=65535)


class DtpSettings(Settings):
    """A port that offers to become a trunk: on a switch, the port by its name."""

    interface: InterfaceName
    domain: str = Field(default="", max_length=32)
    interval: float = Field(default=30.0, gt=0)
    """Seconds between two frames: the makers' own by default."""


class ImpostorSettings(LldpFrameSettings):
    """``claims``: the addresses that it answers for, none of which is its own."""

    claims: tuple[str, ...]


def _hostile(site: Site, settings: HostileSettings) -> Iterator[Resource]:
    own = addresses(site)[: 2 if settings.ipv6 else 1]
    options = {"addresses": own, **settings.model_dump(exclude={"tls", "ipv6"})}
    certificates: tuple[Certificate, ...] = ()
    if settings.tls:
        certificate = Certificate(site.qualified, addresses(site))
        certificates = (certificate,)
        options["certificate"] = str(certificate_file(site.layout.pki, certificate))
        options["ciphers"] = CIPHERS
        options["key"] = str(key_file(site.layout.pki, certificate))
    ready = (Listening("tcp", settings.port), Listening("tcp6", settings.port))
    if settings.transport == "udp":
        ready = (Listening("udp", settings.port), Listening("udp6", settings.port))
    yield responder(site, "hostile", options, ready[: len(own)], certificates)


def _lldp_frame(site: Site, settings: LldpFrameSettings) -> Iterator[Resource]:
    yield responder(site, "lldp", {**settings.model_dump(), "mac": mac(site.node_name, settings.interface)}, ())


def _dtp(site: Site, settings: DtpSettings) -> Iterator[Resource]:
    yield responder(site, "dtp", {**settings.model_dump(), "mac": mac(site.node_name, settings.interface)}, ())


def _impostor(site: Site, settings: ImpostorSettings) -> Iterator[Resource]:
    heard = site.directory / HEARD
    own = {"mac": mac(site.node_name, settings.interface), "addresses": addresses(site), "heard": str(heard)}
    yield responder(site, "impostor", {**settings.model_dump(), **own}, (Exists(heard),))


HEARD = "heard.pcap"
"""What an impostor was told, in its service's directory."""
HOSTILE = TypedFamily(packages={}, settings=HostileSettings, make=_hostile)
LLDP_FRAME = TypedFamily(packages={}, settings=LldpFrameSettings, make=_lldp_frame)
DTP = TypedFamily(packages={}, settings=DtpSettings, make=_dtp)
IMPOSTOR = TypedFamily(packages={}, settings=ImpostorSettings, make=_impostor)
