"""Router advertisements (RFC 4861, 8106) by radvd: a /64 prefix for autoconfiguration, the resolver, the router's life."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Network
from typing import Annotated

from pydantic import Field

from r2s_audit.lab.resources import File, Process, Resource, Says

from .base import Settings, Site, TypedFamily

_LIFETIME = 1800


class RadvdSettings(Settings):
    """One advertisement every three to four seconds: the fastest that RFC 4861, section 6.2.1 allows.

    ``silent`` names the VLANs left without, ``lifetimes`` those with another router lifetime (seconds). ``prefix`` is
    what an advertiser that is no router of the building says instead of the VLAN's own.
    """

    silent: tuple[str, ...] = ()
    lifetimes: dict[str, Annotated[int, Field(ge=0, le=9000)]] = {}
    prefix: IPv6Network | None = None
    valid: Annotated[int, Field(ge=10)] = 86400
    """Seconds that the prefix stands for; what is heard of it goes as soon after a fault."""


def _plan(site: Site, settings: RadvdSettings) -> Iterator[Resource]:
    here = site.directory
    text = "".join(_interfaces(site, settings))
    if not text:
        return
    yield Process(
        name=site.unit,
        node=site.node_name,
        argv=("radvd", "-n", "-m", "stderr", "-C", str(here / "radvd.conf"), "-p", str(here / "pid")),
        files=(File(here / "radvd.conf", text),),
        ready=(Says("started"),),
        after=(f"wiring@{site.node_name}", f"filter@{site.node_name}"),
    )


def _interfaces(site: Site, settings: RadvdSettings) -> Iterator[str]:
    for name, interface in site.description.addressed(site.node_name).items():
        vlan = site.description.vlans.get(interface.vlan)
        if vlan is None or interface.vlan in settings.silent:
            continue
        lifetime = settings.lifetimes.get(interface.vlan, _LIFETIME)
        resolver = site.description.addresses(site.node_name, name)[1].ip
        # Whoever asks for a lease by DHCPv6 gets one as well: the router's own dnsmasq serves it.
        managed = "on" if site.units("dnsmasq") else "off"
        yield f"""\
interface {name} {{
  AdvSendAdvert on;
  MinRtrAdvInterval 3;
  MaxRtrAdvInterval 4;
  AdvDefaultLifetime {lifetime};
  AdvManagedFlag {managed};
  AdvOtherConfigFlag {managed};
  prefix {settings.prefix or vlan.ipv6} {{
    AdvValidLifetime {settings.valid};
    AdvPreferredLifetime {settings.valid // 2};
    AdvOnLink on;
    AdvAutonomous on;
  }};
  RDNSS {resolver} {{
    AdvRDNSSLifetime {_LIFETIME};
  }};
}};
"""


FAMILY = TypedFamily(packages={"radvd": "radvd"}, settings=RadvdSettings, make=_plan)
