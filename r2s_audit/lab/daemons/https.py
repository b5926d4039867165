"""An HTTPS page by nginx: a supervisor, a gateway, a switch's administration."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from r2s_audit.lab.description import PortNumber
from r2s_audit.lab.pki import certificate_file, key_file
from r2s_audit.lab.resources import Certificate, File, Listening, Process, Reload, ReloadProof, Resource
from r2s_audit.lab.responders.hostile import octets

from .base import Settings, Site, TypedFamily


class HttpsSettings(Settings):
    """Defaults follow ANSSI SDE-NT-35: TLS 1.2 and 1.3, ECDSA with forward secrecy and AEAD, no session tickets."""

    title: str
    port: PortNumber = 443
    protocols: tuple[Literal["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"], ...] = ("TLSv1.2", "TLSv1.3")
    ciphers: tuple[str, ...] = (
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    )
    security_level: Annotated[int, Field(ge=0, le=5)] = 2
    """OpenSSL's floor: TLS 1.0 signs with SHA-1, which needs level 0."""
    curves: tuple[str, ...] = ("X25519", "prime256v1")
    days: Annotated[int, Field(ge=1)] = 397
    subject: str = ""
    """Script (see :func:`r2s_audit.lab.responders.hostile.octets`) of the certificate's common name; default: the node's own."""
    others: tuple[str, ...] = ()
    """Alternative names that are none."""


def _plan(site: Site, settings: HttpsSettings) -> Iterator[Resource]:
    here = site.directory
    addresses = site.description.addresses(site.node_name, site.description.management(site.node_name))
    certificate = Certificate(
        site.qualified,
        tuple(str(address.ip) for address in addresses),
        settings.days,
        "server",
        octets(settings.subject).decode(),
        settings.others,
    )
    listen = "\n".join(
        f"    listen {host}:{settings.port} ssl;" for host in (str(addresses[0].ip), f"[{addresses[1].ip}]")
    )
    yield Process(
        name=site.unit,
        node=site.node_name,
        argv=("nginx", "-e", "stderr", "-p", str(here), "-c", str(here / "nginx.conf")),
        files=(
            File(here / "nginx.conf", _configuration(site, settings, listen, certificate)),
            File(here / "html" / "index.html", _page(site, settings)),
        ),
        certificates=(certificate,),
        ready=(Listening("tcp", settings.port), Listening("tcp6", settings.port)),
        after=(f"wiring@{site.node_name}",),
        reload=Reload(ReloadProof.NEW_CHILDREN),
    )


def _configuration(site: Site, settings: HttpsSettings, listen: str, certificate: Certificate) -> str:
    here, pki = site.directory, site.layout.pki
    ciphers = ":".join((*settings.ciphers, f"@SECLEVEL={settings.security_level}"))
    temporary = "\n".join(
        f"  {kind}_temp_path {here / 'tmp'};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
daemon off;
user root;
worker_processes 1;
worker_shutdown_timeout 200ms;
pid {here / "nginx.pid"};
error_log stderr crit;
events {{ worker_connections 64; }}
http {{
{temporary}
  access_log off;
  server_tokens off;
  client_max_body_size 1k;
  keepalive_timeout 5s;
  client_header_timeout 5s;
  send_timeout 5s;
  default_type text/html;
  charset utf-8;
  ssl_protocols {" ".join(settings.protocols)};
  ssl_ciphers {ciphers};
  ssl_prefer_server_ciphers on;
  ssl_ecdh_curve {":".join(settings.curves)};
  ssl_session_cache off;
  ssl_session_tickets off;
  server {{
{listen}
    server_name {site.qualified};
    ssl_certificate {certificate_file(pki, certificate)};
    ssl_certificate_key {key_file(pki, certificate)};
    add_header Strict-Transport-Security "max-age=31536000";
    root {here / "html"};
  }}
}}
"""


def _page(site: Site, settings: HttpsSettings) -> str:
    title = escape(f"{settings.title} – {site.node.title}")
    body = escape(f"{site.qualified} – {site.description.title}")
    return f'<!doctype html><html lang="fr"><meta charset="utf-8"><title>{title}</title><p>{body}</p></html>\n'


def authority(pki: Path) -> Path:
    """Give the root certificate that vouches for every page of the building."""
    return pki / "ca.pem"


FAMILY = TypedFamily(packages={"nginx": "nginx-light"}, settings=HttpsSettings, make=_plan)
