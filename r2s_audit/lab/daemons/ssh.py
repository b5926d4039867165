"""Administration by OpenSSH: keys only, current algorithms only, on the management address only (ANSSI OpenSSH R25)."""

from __future__ import annotations

from collections.abc import Iterator

from r2s_audit.lab.description import PortNumber
from r2s_audit.lab.resources import File, Listening, Process, Resource

from .base import Settings, Site, TypedFamily

SSHD = "/usr/sbin/sshd"
"""It starts itself anew for each connection, and wants its own path whole."""


class SshSettings(Settings):
    """Algorithms in OpenSSH's own words."""

    port: PortNumber = 22
    key_exchange: tuple[str, ...] = ("sntrup761x25519-sha512@openssh.com", "curve25519-sha256")
    ciphers: tuple[str, ...] = ("chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com")
    macs: tuple[str, ...] = ("hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com")
    passwords: bool = False
    addendum: str = ""
    """What the server adds to its version, before any key is exchanged."""


def _plan(site: Site, settings: SshSettings) -> Iterator[Resource]:
    here = site.directory
    description = site.description
    address4, address6 = description.addresses(site.node_name, description.management(site.node_name))
    key, configuration = here / "host_ed25519", here / "sshd_config"
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
        f"AuthorizedKeysFile {here / 'authorized_keys'}",
        "PermitRootLogin prohibit-password",
        "DisableForwarding yes",
        "UsePAM no",
        "PidFile none",
        "LoginGraceTime 10",
        "LogLevel ERROR",
        *([f"VersionAddendum {settings.addendum}"] if settings.addendum else []),
    ]
    # One shell line: the server needs its key, which only ssh-keygen makes, and which outlives a restart.
    serve = (
        f"test -e {key} || ssh-keygen -q -t ed25519 -N '' -C {site.qualified} -f {key} && "
        f"exec {SSHD} -D -e -f {configuration}"
    )
    yield Process(
        name=site.unit,
        node=site.node_name,
        argv=("sh", "-c", serve),
        files=(File(configuration, "\n".join(lines) + "\n"), File(here / "authorized_keys", "")),
        ready=(Listening("tcp", settings.port), Listening("tcp6", settings.port)),
        after=(f"wiring@{site.node_name}",),
    )


FAMILY = TypedFamily(
    packages={SSHD: "openssh-server", "ssh-keygen": "openssh-client"}, settings=SshSettings, make=_plan
)
