"""Whom a point authenticates as: secrets only where the point itself declares them, and never in a sentence."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key

from probes.api import CollectFailure
from probes.dot1x import identity
from r2s_audit.engine.access import PassTools, PointAccess, Secrets
from r2s_audit.engine.budget import Budget
from r2s_audit.engine.interfaces import Interface
from r2s_audit.engine.scope import PointGate, Scope
from r2s_audit.errors import OutOfScope
from r2s_audit.model.observation import Failure
from r2s_audit.model.topology import Topology
from tests.probes.dot1x.network import OUTER, PASSWORD, TLS_USER, USER, make_pki
from tests.probes.dot1x.support import credentials, site


@pytest.fixture
def pki(tmp_path):
    make_pki(tmp_path)
    return tmp_path


def access(directory, dot1x):
    topology = Topology(site(dot1x))
    gate = PointGate(Scope(topology), Budget(topology.site.scope, clock=lambda: 0.0), topology.points["P1"])
    return PointAccess(gate, Interface("wa", "02:00:00:00:10:01", ()), PassTools(Secrets(directory, {}), None, None))


def test_the_declared_identity(pki):
    found = identity.declared(access(pki, credentials()))
    assert (found.method, found.identity, found.outer, found.password) == ("peap", USER, OUTER, PASSWORD)
    assert (found.server_name, found.certificate, found.key) == ("batiment.example", b"", b"")
    assert len(x509.load_pem_x509_certificates(found.authority)) == 1


def test_the_declared_certificate(pki):
    found = identity.declared(access(pki, credentials("eap-tls")))
    assert (found.identity, found.password) == (TLS_USER, "")
    certificate = x509.load_der_x509_certificate(found.certificate)
    assert certificate.public_key() == load_der_private_key(found.key, None).public_key()


def test_several_authorities_and_nothing_else_of_their_files(pki):
    text = b"a comment\n" + (pki / "other.pem").read_bytes() + (pki / "other.key").read_bytes()
    (pki / "both.pem").write_bytes((pki / "ca.pem").read_bytes() + text)
    found = identity.declared(access(pki, credentials(trust=["both.pem"])))
    assert len(x509.load_pem_x509_certificates(found.authority)) == 2
    assert b"PRIVATE" not in found.authority


@pytest.mark.parametrize("method", ["peap", "eap-tls"])
def test_the_fictitious_identity_is_nobodys_and_another_each_time(pki, method):
    one, other = (
        identity.fictitious(access(pki, credentials(method, identity="auditeur@batiment.example"))) for _ in range(2)
    )
    assert one.identity != other.identity
    assert one.identity.startswith("r2s-inexistant-")
    assert one.identity.endswith("@batiment.example")  # the same realm, hence the same server
    assert one.password not in {other.password, PASSWORD, ""}
    assert one.method == method
    assert bool(one.certificate) == (method == "eap-tls")
    if one.certificate:
        certificate = x509.load_der_x509_certificate(one.certificate)
        assert certificate.issuer == certificate.subject
        assert one.key != identity.declared(access(pki, credentials("eap-tls"))).key


@pytest.mark.parametrize(
    ("dot1x", "breaks", "says"),
    [
        (credentials(), lambda d: (d / "password").chmod(0o644), "lisible par d'autres"),
        (credentials(), lambda d: (d / "password").unlink(), "illisible"),
        (credentials(), lambda d: (d / "ca.pem").write_text("not a certificate"), "pas un certificat PEM"),
        (credentials(), lambda d: (d / "ca.pem").unlink(), "illisible"),
        (credentials("eap-tls"), lambda d: (d / "client.pem").write_text("x"), "pas un certificat PEM"),
        (credentials("eap-tls"), lambda d: (d / "client.key").write_text("s3cret-key"), "pas une clé privée PEM"),
    ],
)
def test_what_cannot_be_read_is_a_failure_that_repeats_nothing(pki, dot1x, breaks, says):
    breaks(pki)
    with pytest.raises(CollectFailure, match=says) as refused:
        identity.declared(access(pki, dot1x))
    assert refused.value.failure is Failure.ACCESS_DENIED
    for hidden in (PASSWORD, "s3cret-key", "not a certificate"):
        assert hidden not in str(refused.value)


def test_without_declared_credentials(pki):
    for ask in (identity.declared, identity.fictitious):
        with pytest.raises(CollectFailure) as refused:
            ask(access(pki, None))
        assert refused.value.failure is Failure.NOT_SUPPORTED


def test_only_what_the_point_itself_declares(pki):
    one = access(pki, credentials())
    assert one.own_secret("file:password") == PASSWORD
    for reference in ("file:client.key", "env:HOME"):
        with pytest.raises(OutOfScope, match="ne le déclare pas"):
            one.own_secret(reference)
    with pytest.raises(CollectFailure) as refused:
        one.declared_file("client.key")
    assert refused.value.failure is Failure.OUT_OF_SCOPE
