"""Administration by OpenSSH: keys only, current algorithms only, on the management address only (ANSSI OpenSSH R25)."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from r2s_audit.lab.description import PortNumber, SwitchPort
from r2s_audit.lab.keeping import PACKAGE_ROOT
from r2s_audit.lab.paths import SSH_PUBLIC
from r2s_audit.lab.resources import File, Listening, Process, Resource

from . import openvswitch
from .base import Settings, Site, TypedFamily

SSHD = "/usr/sbin/sshd"
"""It starts itself anew for each connection, and wants its own path whole."""


class CommandLine(Settings):
    """What a switch's command line says that Open vSwitch does not do: lines of its configuration, shown and not obeyed."""

    switch: tuple[str, ...] = ()
    access: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    """Of the whole switch, of each port of an end device, of each port that leads to a switch or a router."""


class SshSettings(Settings):
    """Algorithms in OpenSSH's own words."""

    port: PortNumber = 22
    key_exchange: tuple[str, ...] = ("sntrup761x25519-sha512@openssh.com", "curve25519-sha256")
    ciphers: tuple[str, ...] = ("chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com")
    macs: tuple[str, ...] = ("hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com")
    passwords: bool = False
    addendum: str = ""
    """What the server adds to its version, before any key is exchanged."""
    command_line: CommandLine | None = None
    """On a switch: the administration account finds its command line here, by a key that the building draws."""


def _plan(site: Site, settings: SshSettings) -> Iterator[Resource]:
    here = site.directory
    description = site.description
    address4, address6 = description.addresses(site.node_name, description.management(site.node_name))
    key, configuration = host_key(site), here / "sshd_config"
    account = description.snmp.user
    answer = "yes" if settings.passwords else "no"
    lines = [
        f"Port {settings.port}",
        f"ListenAddress {address4.ip}",
        f"ListenAddress {address6.ip}",
        f"HostKey {key}",
        "HostKeyAlgorithms ssh-ed25519",
        f"KexAlgorithms {','.join(settings.key_exchange)}",
        f"Ciphers {','.join(settings.ciphers)}",
        f"MACs {','.join(settings.macs)}",
        f"PasswordAuthentication {answer}",
        "KbdInteractiveAuthentication no",
        "PubkeyAuthentication yes",
        f"AuthorizedKeysFile {_keys(site, settings)}",
        "PermitRootLogin prohibit-password",
        "DisableForwarding yes",
        "UsePAM no",
        "PidFile none",
        "LoginGraceTime 10",
        "LogLevel ERROR",
        *([f"VersionAddendum {settings.addendum}"] if settings.addendum else []),
        *(
            [f"AllowUsers {account}", f"ForceCommand /bin/sh {here / 'command_line.sh'}"]
            if settings.command_line
            else []
        ),
    ]
    # One shell line: the server needs its key, which only ssh-keygen makes, and which outlives a restart.
    serve = (
        f"test -e {key} || ssh-keygen -q -t ed25519 -N '' -C {site.qualified} -f {key} && "
        f"exec {SSHD} -D -e -f {configuration}"
    )
    if settings.command_line is not None:
        serve = _with_account(here / "passwd", account, serve)
    yield Process(
        name=site.unit,
        node=site.node_name,
        argv=("sh", "-c", serve),
        files=(
            File(configuration, "\n".join(lines) + "\n"),
            File(here / "authorized_keys", ""),
            *_command_line(site, settings),
        ),
        ready=(Listening("tcp", settings.port), Listening("tcp6", settings.port)),
        after=(f"wiring@{site.node_name}",),
    )


def host_key(site: Site) -> Path:
    """The server's own key; its public half stands beside it as soon as the server has started once."""
    return site.directory / "host_ed25519"


def _keys(site: Site, settings: SshSettings) -> Path:
    """Whom the server lets in: on a switch's command line the auditor, elsewhere nobody."""
    return site.layout.secret(SSH_PUBLIC) if settings.command_line else site.directory / "authorized_keys"


def _with_account(passwd: Path, account: str, serve: str) -> str:
    """The same server where the administration account exists: the machine's own accounts stay as they are."""
    inner = f"mount --bind {passwd} /etc/passwd && {serve}"
    return (
        f"{{ echo '{account}:x:0:0::/:/bin/sh'; cat /etc/passwd; }} > {passwd} && "
        f"exec unshare --mount sh -c {shlex.quote(inner)}"
    )


def _command_line(site: Site, settings: SshSettings) -> Iterator[File]:
    if settings.command_line is None:
        return
    here, switch = site.directory, openvswitch.directory_of(site)
    words = [openvswitch.database(switch), openvswitch.control(switch), openvswitch.BRIDGE, here / "command_line.json"]
    quoted = " ".join(shlex.quote(str(word)) for word in words)
    run = f"exec {shlex.quote(sys.executable)} -S -m r2s_audit.lab.command_line {quoted}"
    yield File(here / "command_line.sh", f"PYTHONPATH={shlex.quote(str(PACKAGE_ROOT))} {run}\n")
    shown = {
        "hostname": site.node_name,
        "labels": {name: port.label for name, port in site.node.ports.items() if port.label},
        "uplinks": [name for name, port in site.node.ports.items() if _leads_on(site, port)],
        **settings.command_line.model_dump(mode="json"),
    }
    yield File(here / "command_line.json", json.dumps(shown, ensure_ascii=False) + "\n")


def _leads_on(site: Site, port: SwitchPort) -> bool:
    far = port.to.split("/")[0]
    return far != site.node_name and site.description.nodes[far].role in {"switch", "router"}


FAMILY = TypedFamily(
    packages={SSHD: "openssh-server", "ssh-keygen": "openssh-client"}, settings=SshSettings, make=_plan
)
