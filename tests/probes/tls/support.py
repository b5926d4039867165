"""A fake Access that hands out loopback sockets, and certificates made on the spot."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from probes.api import CollectFailure, Outcome
from probes.tls.collect import endpoint
from probes.tls.facts import TlsEndpoint
from r2s_audit.model.observation import BlobRef, Failure, Request, request
from r2s_audit.model.site import Site
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology
from tests.builders import site_data

NOW = datetime.now(UTC).replace(microsecond=0)
DEFAULT_USAGE = ("digital_signature",)
NAME = "supervision.residence.test"


def topology(
    port: int,
    *,
    name: str = NAME,
    trust: tuple[str, ...] = (),
    addresses: tuple[str, ...] = ("127.0.0.1",),
    tls: str = "full",
) -> Topology:
    """One supervisor with one TLS service on loopback."""
    service: dict[str, Any] = {"protocol": "https", "port": port, "tls": True, "trust": list(trust)}
    if name:
        service["server_name"] = name
    device = {
        "id": "sup",
        "role": "supervisor",
        "zone": "adm",
        "addresses": list(addresses),
        "services": [service],
        "tls": tls,
    }
    return Topology(Site.model_validate(site_data(devices=[device])))


@dataclass
class FakeAccess:
    """Loopback sockets, no gate; counts what is paid and refuses two connections at once."""

    topology: Topology
    files: dict[str, bytes] = field(default_factory=dict)
    paid: int = 0
    connections: int = 0
    blobs: dict[str, bytes] = field(default_factory=dict)
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def point(self) -> Any:
        return self.topology.points["P-ADM"]

    async def pay(self, device: Any, packets: int = 1) -> None:
        self.paid += packets

    async def tcp(
        self, device: Any, address: Any, port: int, *, seconds: float = 2.0, packets: int = 0
    ) -> socket.socket:
        self.paid += packets
        assert all(s.fileno() == -1 for s in self._open), "two connections at once"
        sock = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (str(address), port))
        except ConnectionRefusedError as error:
            sock.close()
            raise CollectFailure(Failure.REFUSED, msg("refus")) from error
        self.connections += 1
        self._open.append(sock)
        return sock

    def declared_file(self, path: str) -> bytes:
        if path not in self.files:
            raise CollectFailure(Failure.MISSING_TOOL, msg("absent"))
        return self.files[path]

    def keep(self, data: bytes, kind: str, *, redacted: bool = False) -> BlobRef:
        digest = hashlib.sha256(data).hexdigest()
        self.blobs[digest] = data
        return BlobRef(digest=f"sha256:{digest}", kind=kind, size=len(data), redacted=redacted)

    def now(self) -> datetime:
        return NOW


def the_request(topo: Topology, address: str = "127.0.0.1") -> Request:
    service = topo.devices["sup"].services[0]
    params: dict[str, Any] = {"address": str(ip_address(address)), "port": service.port}
    if service.server_name:
        params["name"] = service.server_name
    return request("tls.endpoint", "P-ADM", "sup", **params)


async def observe(access: FakeAccess, address: str = "127.0.0.1") -> tuple[TlsEndpoint, Outcome]:
    outcome = await endpoint(access, the_request(access.topology, address))
    assert isinstance(outcome.facts, TlsEndpoint)
    return TlsEndpoint.model_validate(outcome.facts.model_dump(mode="json")), outcome


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def issue(
    subject: str,
    issuer: Issued | None = None,
    *,
    ca: bool | None = None,
    path_length: int | None = None,
    key: Any = None,
    days: tuple[int, int] = (-1, 365),
    dns: tuple[str, ...] = (),
    addresses: tuple[str, ...] = (),
    digest: Any = None,
    usage: tuple[str, ...] | None = DEFAULT_USAGE,
    usage_critical: bool = True,
    extended: tuple[x509.ObjectIdentifier, ...] | None = (ExtendedKeyUsageOID.SERVER_AUTH,),
    crl: str | None = "http://crl.residence.test/ca.crl",
    more: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> Issued:
    """A certificate as a building's own authority makes it, unless said otherwise; ``issuer`` None: self-signed."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.certificate.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + timedelta(days=days[0]))
        .not_valid_after(NOW + timedelta(days=days[1]))
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca, path_length if ca else None), critical=True)
    if ca and usage is DEFAULT_USAGE:
        usage, extended, crl = ("key_cert_sign", "crl_sign"), None, None
    if usage is not None:
        names = (
            "digital_signature",
            "content_commitment",
            "key_encipherment",
            "data_encipherment",
            "key_agreement",
            "key_cert_sign",
            "crl_sign",
        )
        flags = {n: n in usage for n in names}
        builder = builder.add_extension(
            x509.KeyUsage(**flags, encipher_only=False, decipher_only=False), critical=usage_critical
        )
    if extended is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    san = [x509.DNSName(d) for d in dns] + [x509.IPAddress(ip_address(a)) for a in addresses]
    if san:
        builder = builder.add_extension(x509.SubjectAlternativeName(san), critical=False)
    if crl:
        point = x509.DistributionPoint([x509.UniformResourceIdentifier(crl)], None, None, None)
        builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical=critical)
    return Issued(builder.sign(issuer.key if issuer else key, digest or hashes.SHA256()), key)


@dataclass(frozen=True)
class Pki:
    """root -> intermediate -> leaf, as it should be."""

    root: Issued
    intermediate: Issued
    leaf: Issued


def make_pki(**leaf: Any) -> Pki:
    root = issue("Racine", ca=True)
    intermediate = issue("Intermediaire", root, ca=True, path_length=0)
    return Pki(root, intermediate, issue("sup", intermediate, ca=False, **({"dns": (NAME,)} | leaf)))


def rsa_key(bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, bits)
