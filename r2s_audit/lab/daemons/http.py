"""A page over plain HTTP by nginx: what a test of egress expects at the operator's."""

from __future__ import annotations

from collections.abc import Iterator

from r2s_audit.lab.description import PortNumber
from r2s_audit.lab.resources import File, Listening, Process, Resource

from .base import Settings, Site, TypedFamily


class HttpSettings(Settings):
    """Every path answers the same text."""

    port: PortNumber = 80
    text: str = "r2s"


def _plan(site: Site, settings: HttpSettings) -> Iterator[Resource]:
    here = site.directory
    temporary = "\n".join(
        f"  {kind}_temp_path {here / 'tmp'};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = f"""\
daemon off;
user root;
worker_processes 1;
pid {here / "nginx.pid"};
error_log stderr crit;
events {{ worker_connections 64; }}
http {{
{temporary}
  access_log off;
  server_tokens off;
  default_type text/plain;
  server {{
    listen {settings.port};
    listen [::]:{settings.port};
    location / {{ return 200 "{settings.text}\\n"; }}
  }}
}}
"""
    yield Process(
        name=site.unit,
        node=site.node_name,
        argv=("nginx", "-e", "stderr", "-p", str(here), "-c", str(here / "nginx.conf")),
        files=(File(here / "nginx.conf", configuration),),
        ready=(Listening("tcp", settings.port), Listening("tcp6", settings.port)),
        after=(f"wiring@{site.node_name}",),
    )


FAMILY = TypedFamily(packages={"nginx": "nginx-light"}, settings=HttpSettings, make=_plan)
