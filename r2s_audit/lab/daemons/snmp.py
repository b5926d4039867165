"""Network management by net-snmp: SNMPv3 authPriv (SHA-256, AES-128) for one account, nothing else answers.

A switch also serves BRIDGE-MIB and Q-BRIDGE-MIB, read from the live Open vSwitch by a script that snmpd keeps running,
and LLDP-MIB, which lldpd brings over AgentX.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from r2s_audit.lab.keeping import PACKAGE_ROOT
from r2s_audit.lab.paths import AUTH_SECRET, PRIV_SECRET
from r2s_audit.lab.resources import Exists, File, Listening, Process, Reload, ReloadProof, Resource

from . import dot1x, openvswitch
from .base import Settings, Site, TypedFamily

BRIDGE_MIB, PAE_MIB = ".1.3.6.1.2.1.17", ".1.0.8802.1.1.1"
# system, interfaces, ip, icmp, EtherLike, bridge, IF-MIB extensions, entity, LLDP, engine, USM statistics. Without a
# view, a walk would show the processes and the file systems of the machine that the building runs on.
_VIEW = (
    "1.3.6.1.2.1.1", "1.3.6.1.2.1.2", "1.3.6.1.2.1.4", "1.3.6.1.2.1.5", "1.3.6.1.2.1.10.7", "1.3.6.1.2.1.17",
    "1.3.6.1.2.1.31", "1.3.6.1.2.1.47", "1.0.8802.1.1", "1.3.6.1.6.3.10.2.1", "1.3.6.1.6.3.15.1.1",
)  # fmt: skip


class SnmpSettings(Settings):
    """``communities`` is empty in the sane state: versions 1 and 2c are met with silence."""

    communities: tuple[str, ...] = ()
    level: Literal["auth", "priv"] = "priv"
    """The least that the account has to do: authenticate, or encrypt as well."""
    bridge: bool = True
    """Whether a switch's agent has BRIDGE-MIB and Q-BRIDGE-MIB: those of many small switches do not."""
    identity: dict[Literal["sysName", "sysDescr", "sysLocation", "sysContact"], str] = {}
    """What the system group says instead of the node's own."""
    plays: dict[str, str] = {}
    """Objects and tables that :mod:`r2s_audit.lab.hostile_mib` answers for, each with its play."""


def _plan(site: Site, settings: SnmpSettings) -> Iterator[Resource]:
    here = site.directory
    files = [File(here / "snmpd.conf", _configuration(site, settings))]
    files += [File(here / _play_file(oid), _play(play, oid)) for oid, play in settings.plays.items()]
    if site.node.role == "switch":
        files.append(File(here / "bridge.sh", _script(site, "bridge_mib")))
        guards = _guards(site)
        if guards:
            files.append(File(here / "pae.sh", _script(site, "pae_mib", str(guards))))
    yield Process(
        name=site.unit,
        node=site.node_name,
        # Log to stderr, up to the notice that a new configuration was read.
        argv=("snmpd", "-f", "-C", "-c", str(here / "snmpd.conf"), "-LE", "6", "-I", "-smux"),
        env=(("SNMP_PERSISTENT_DIR", str(here / "persistent")), ("MIBS", ""), *_restarted(settings)),
        files=tuple(files),
        ready=(Exists(here / "agentx"), Listening("udp", 161), Listening("udp6", 161)),
        after=(f"wiring@{site.node_name}", f"ovsdb@{site.node_name}"),
        reload=Reload(ReloadProof.LOG_GREW),
    )


def _restarted(settings: SnmpSettings) -> tuple[tuple[str, str], ...]:
    """What makes it another process: on a signal it would keep the scripts that it runs, and its port closes meanwhile.

    A fault that has the agent started anew changes the node's lldpd as well, which finds its master only at its start.
    """
    return (("R2S_PLAYS", "1"),) if settings.plays or settings.identity else ()


def _configuration(site: Site, settings: SnmpSettings) -> str:
    description, node, here = site.description, site.node, site.directory
    address4, address6 = description.addresses(site.node_name, description.management(site.node_name))
    auth, priv = (site.layout.secret(name).read_text().strip() for name in (AUTH_SECRET, PRIV_SECRET))
    identity: dict[str, str] = {
        "sysName": site.qualified,
        "sysDescr": node.title,
        "sysLocation": node.place,
        "sysContact": description.snmp.contact,
        **{str(key): text for key, text in settings.identity.items()},
    }
    lines = [
        f"agentaddress udp:{address4.ip}:161,udp6:[{address6.ip}]:161",
        "master agentx",
        "dontLogTCPWrappersConnects yes",
        f"agentXSocket unix:{here / 'agentx'}",
        "agentXPerms 0600 0700",
        *(f"{name} {text}" for name, text in identity.items()),
        f"sysServices {4 if node.role == 'router' else 2}",
        *(f"view vue included .{oid}" for oid in _VIEW),
        f'createUser {description.snmp.user} SHA-256 "{auth}" AES "{priv}"',
        f"rouser {description.snmp.user} {settings.level} -V vue",
    ]
    for community in settings.communities:
        lines += [f"rocommunity {community} default -V vue", f"rocommunity6 {community} default -V vue"]
    # Before the sane agent's own (priority 127).
    lines += [f"pass_persist -p 1 {oid} /bin/sh {here / _play_file(oid)}" for oid in settings.plays]
    if node.role == "switch":
        if settings.bridge:
            lines.append(f"pass_persist {BRIDGE_MIB} /bin/sh {here / 'bridge.sh'}")
        if _guards(site):
            lines.append(f"pass_persist {PAE_MIB} /bin/sh {here / 'pae.sh'}")
    return "\n".join(lines) + "\n"


def _guards(site: Site) -> Path | None:
    """Where the authenticators of this switch's ports listen, if it has some."""
    for name, service in site.node.services.items():
        if service.kind == "dot1x":
            return dot1x.sockets(site.layout.node(site.node_name) / name)
    return None


def _play_file(oid: str) -> str:
    return f"play{oid}.sh"


def _play(play: str, oid: str) -> str:
    words = " ".join(shlex.quote(word) for word in (sys.executable, "-S", "-m", "r2s_audit.lab.hostile_mib", play, oid))
    return f"PYTHONPATH={shlex.quote(str(PACKAGE_ROOT))} exec {words}\n"


def _script(site: Site, module: str, *further: str) -> str:
    switch = openvswitch.directory_of(site)
    words = [str(openvswitch.database(switch)), str(openvswitch.control(switch)), openvswitch.BRIDGE, *further]
    quoted = " ".join(f"'{word}'" for word in words)
    return f"PYTHONPATH='{PACKAGE_ROOT}' exec '{sys.executable}' -S -m r2s_audit.lab.{module} {quoted}\n"


FAMILY = TypedFamily(packages={"snmpd": "snmpd"}, settings=SnmpSettings, make=_plan)
