"""Authentication by FreeRADIUS from a private directory: EAP-TLS, PEAP and TTLS for people, MAC addresses for things.

A request without a Message-Authenticator is not answered, and every answer bears one (CVE-2024-3596). Outside a tunnel
nobody's password is taken, and a MAC address is no identity for EAP.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Interface

from r2s_audit.lab.description import Description, mac
from r2s_audit.lab.paths import DOT1X_PASSWORD, RADIUS_SECRET
from r2s_audit.lab.pki import authorities_file, certificate_file, key_file
from r2s_audit.lab.resources import Certificate, File, Listening, Process, Resource

from .base import Settings, Site, TypedFamily

PORT = 1812


class RadiusSettings(Settings):
    """``running`` false: the server is up, and nobody answers there."""

    running: bool = True


def account(description: Description) -> str:
    """Give the name by which the auditor authenticates with a password."""
    return f"auditeur@{description.domain}"


def client_certificate(description: Description) -> Certificate:
    """Give the certificate by which the auditor authenticates without one."""
    return Certificate(f"auditeur.{description.domain}", (), usage="client")


def server_certificate(site: Site) -> Certificate:
    """Give the certificate that the server shows in every tunnel."""
    return Certificate(site.qualified, tuple(str(a.ip) for a in _addresses(site.description, site.node_name)))


def _addresses(description: Description, node: str) -> tuple[IPv4Interface, IPv6Interface]:
    return description.addresses(node, description.management(node))


def _plan(site: Site, settings: RadiusSettings) -> Iterator[Resource]:
    if not settings.running:
        return
    here = site.directory
    password = site.layout.secret(DOT1X_PASSWORD).read_text().strip()
    yield Process(
        name=site.unit,
        node=site.node_name,
        argv=("freeradius", "-f", "-l", "stdout", "-d", str(here)),
        files=(
            File(here / "radiusd.conf", _configuration(site)),
            File(here / "dictionary", ""),
            File(here / "people", f'{account(site.description)} Cleartext-Password := "{password}"\n'),
            File(here / "things", "".join(_things(site.description))),
        ),
        certificates=(server_certificate(site), client_certificate(site.description)),
        ready=(Listening("udp", PORT),),
        after=(f"wiring@{site.node_name}",),
    )


def _things(description: Description) -> Iterator[str]:
    """Equipment that knows no 802.1X, by its address; only a switch may ask for one (RFC 2865, Call-Check)."""
    for node in description.nodes.values():
        for port in node.ports.values():
            if port.dot1x and port.dot1x.mab:
                node_name, interface = port.to.split("/")
                name = mac(node_name, interface).replace(":", "")
                yield f'{name} Service-Type == Call-Check, Cleartext-Password := "{name}"\n'


def _clients(site: Site) -> Iterator[str]:
    secret = site.layout.secret(RADIUS_SECRET).read_text().strip()
    for name, node in site.description.nodes.items():
        if any(port.dot1x for port in node.ports.values()):
            address = _addresses(site.description, name)[0].ip
            yield f"""\
client {name} {{
  ipaddr = {address}
  secret = {secret}
  require_message_authenticator = yes
}}
"""


def _configuration(site: Site) -> str:
    here, pki = site.directory, site.layout.pki
    certificate = server_certificate(site)
    address = _addresses(site.description, site.node_name)[0].ip
    return f"""\
name = radius
prefix = /usr
libdir = /usr/lib/freeradius
run_dir = {here}
logdir = {here}
pidfile = {here}/pid
max_request_time = 5
cleanup_delay = 2
max_requests = 1024
hostname_lookups = no
log {{
  destination = stdout
  auth = no
}}
security {{
  allow_core_dumps = no
  max_attributes = 200
  reject_delay = 0
  status_server = no
}}
thread pool {{
  start_servers = 1
  max_servers = 2
  min_spare_servers = 1
  max_spare_servers = 2
  max_requests_per_server = 0
}}
{"".join(_clients(site))}
modules {{
  pap {{
  }}
  mschap {{
  }}
  always reject {{
    rcode = reject
  }}
  files people {{
    usersfile = {here}/people
  }}
  files things {{
    usersfile = {here}/things
  }}
  eap {{
    default_eap_type = tls
    timer_expire = 30
    ignore_unknown_eap_types = no
    max_sessions = 64
    tls-config common {{
      private_key_file = {key_file(pki, certificate)}
      certificate_file = {certificate_file(pki, certificate)}
      ca_file = {authorities_file(pki)}
      tls_min_version = "1.2"
      tls_max_version = "1.2"
      cipher_list = "ECDHE+AESGCM"
      cipher_server_preference = yes
      ecdh_curve = "prime256v1"
      check_crl = no
      cache {{
        enable = no
      }}
    }}
    tls {{
      tls = common
    }}
    peap {{
      tls = common
      default_eap_type = mschapv2
      virtual_server = inner
    }}
    ttls {{
      tls = common
      default_eap_type = mschapv2
      virtual_server = inner
    }}
  }}
  eap inner-eap {{
    default_eap_type = mschapv2
    timer_expire = 30
    max_sessions = 64
    mschapv2 {{
    }}
  }}
}}
server outer {{
  listen {{
    type = auth
    ipaddr = {address}
    port = {PORT}
  }}
  authorize {{
    if (&Service-Type == Call-Check && !&EAP-Message) {{
      things
      pap
    }}
    elsif (&EAP-Message) {{
      eap {{
        ok = return
      }}
    }}
    else {{
      reject
    }}
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
    eap
  }}
  post-auth {{
    update reply {{
      &Message-Authenticator := 0x00
    }}
    Post-Auth-Type REJECT {{
      update reply {{
        &Message-Authenticator := 0x00
      }}
    }}
  }}
}}
server inner {{
  authorize {{
    people
    mschap
    inner-eap {{
      ok = return
    }}
    pap
  }}
  authenticate {{
    Auth-Type PAP {{
      pap
    }}
    Auth-Type MS-CHAP {{
      mschap
    }}
    inner-eap
  }}
}}
"""


FAMILY = TypedFamily(packages={"freeradius": "freeradius"}, settings=RadiusSettings, make=_plan)
