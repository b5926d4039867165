"""People who sign, with their keys and certificates, and a time-stamping authority: made for one test, known to nobody."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from r2s_audit.evidence.keys import FileSigner
from r2s_audit.evidence.notary import Notary

NOW = datetime.now(UTC)
KINDS: dict[str, Any] = {
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ecdsa-p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "rsa-pss": lambda: rsa.generate_private_key(65537, 2048),
}


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@dataclass
class Person:
    """A key, and a certificate where somebody issued one."""

    name: str
    key: Any
    certificate: x509.Certificate | None = None
    chain: tuple[x509.Certificate, ...] = ()

    def notary(self, authority: str = "") -> Notary:
        own = (self.certificate, *self.chain) if self.certificate else ()
        return Notary(FileSigner(self.key), own, authority)

    def write(self, directory: Path, passphrase: bytes | None = None, form: Any = PrivateFormat.PKCS8) -> Path:
        """Key, public key and certificates as files; the path of the key."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.name}.key"
        protection = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        path.write_bytes(self.key.private_bytes(Encoding.PEM, form, protection))
        public = self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (directory / f"{self.name}.pub").write_bytes(public)
        if self.certificate:
            pems = [c.public_bytes(Encoding.PEM) for c in (self.certificate, *self.chain)]
            (directory / f"{self.name}.pem").write_bytes(b"".join(pems))
        return path


def person(name: str = "auditrice", kind: str = "ed25519") -> Person:
    return Person(name, KINDS[kind]())


def certified(
    name: str,
    issuer: Person | None = None,
    *,
    kind: str = "ed25519",
    authority: bool = False,
    begin: datetime = NOW - timedelta(days=1),
    end: datetime = NOW + timedelta(days=30),
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    key: Any = None,
) -> Person:
    """Somebody with a certificate of an issuer, or of their own."""
    key = key or KINDS[kind]()
    by = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer.name if issuer else name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(by, None if isinstance(by, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    chain = (issuer.certificate, *issuer.chain) if issuer and issuer.certificate else ()
    return Person(name, key, certificate, chain)


TSA_CONFIG = """
oid_section = oids
[oids]
policy1 = 1.2.3.4.1
[req]
distinguished_name = dn
prompt = no
x509_extensions = ext
[dn]
CN = Horodateur d'essai
[ext]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = one
[one]
dir = {directory}
serial = {directory}/serial
crypto_device = builtin
signer_cert = {directory}/tsa.pem
certs = {directory}/tsa.pem
signer_key = {directory}/tsa.key
signer_digest = sha256
default_policy = policy1
digests = sha256, sha512
accuracy = secs:1
ordering = no
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """A time-stamping authority behind HTTP on the loopback interface; ``answers`` replaces what it would say."""

    directory: Path
    url: str = ""
    answers: Any = None
    asked: int = 0

    @property
    def certificate(self) -> Path:
        return self.directory / "tsa.pem"

    def stamp(self, query: bytes) -> bytes:
        (self.directory / "q.tsq").write_bytes(query)
        self.run("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq", "-out", "q.tsr")
        return (self.directory / "q.tsr").read_bytes()

    def run(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.directory, check=True, capture_output=True)


@contextmanager
def authority(directory: Path, kind: str = "rsa:2048") -> Iterator[Authority]:
    """``openssl ts`` behind an HTTP server for the length of the block."""
    directory.mkdir(parents=True)
    (directory / "tsa.cnf").write_text(TSA_CONFIG.format(directory=directory))
    (directory / "serial").write_text("01\n")
    made = Authority(directory)
    words = ("-newkey", kind) if ":" in kind else ("-newkey", "ec", "-pkeyopt", f"ec_paramgen_curve:{kind}")
    made.run(
        "req", "-x509", "-config", "tsa.cnf", *words, "-nodes", "-days", "30", "-keyout", "tsa.key", "-out", "tsa.pem"
    )

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.asked += 1
            query = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = made.answers(query) if made.answers else (200, made.stamp(query))
            self.send_response(status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
