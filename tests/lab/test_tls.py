"""The building's HTTPS pages obey SDE-NT-35, and its authority vouches for them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from r2s_audit.lab import Building

pytestmark = pytest.mark.building

PAGES = ("supervision", "gw-101", "gw-102", "sw-coeur", "sw-acces")


def client(building: Building, inside, host: str, *words: str):
    target = ["-connect", f"{building.address(host)[0]}:443", "-servername", f"{host}.residence.r2s.test"]
    trust = [
        "-CAfile",
        str(building.authority),
        "-verify_return_error",
        "-verify_hostname",
        f"{host}.residence.r2s.test",
    ]
    return inside("auditeur", "openssl", "s_client", *target, *trust, *words, input="")


@pytest.mark.parametrize("host", PAGES)
@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_page_is_trusted_in_both_versions(building: Building, inside, host: str, version: str) -> None:
    result = client(building, inside, host, version)
    assert result.returncode == 0, result.stderr
    assert "Verify return code: 0 (ok)" in result.stdout


@pytest.mark.parametrize(
    "words", [["-tls1"], ["-tls1_1"], ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"]]
)
def test_old_versions_and_suites_are_refused(building: Building, inside, words: list[str]) -> None:
    old = words if "-cipher" in words else [*words, "-cipher", "ALL:@SECLEVEL=0"]
    assert client(building, inside, "supervision", *old).returncode != 0


def test_the_certificate_obeys_the_recommendations(building: Building, inside) -> None:
    for host in PAGES:
        leaf, issuer = x509.load_pem_x509_certificates(client(building, inside, host, "-showcerts").stdout.encode())
        (anchor,) = x509.load_pem_x509_certificates(building.authority.read_bytes())
        leaf.verify_directly_issued_by(issuer)
        issuer.verify_directly_issued_by(anchor)
        assert isinstance(leaf.signature_hash_algorithm, hashes.SHA256)
        assert leaf.not_valid_after_utc - leaf.not_valid_before_utc <= timedelta(days=825)
        key = leaf.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.key_size >= 256
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage)
        assert usage.critical
        assert usage.value.digital_signature
        extended = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(extended) == [ExtendedKeyUsageOID.SERVER_AUTH]
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [f"{host}.residence.r2s.test"]
        assert {str(a) for a in names.get_values_for_type(x509.IPAddress)} == set(building.address(host))
        assert leaf.extensions.get_extension_for_class(x509.CRLDistributionPoints)
