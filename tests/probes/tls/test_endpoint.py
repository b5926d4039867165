"""The collector against real OpenSSL servers: what they accept is what it says."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from probes.tls.facts import TlsEndpoint
from probes.tls.survey import CONNECTION_PACKETS, HELLO_PACKETS, MAX_HANDSHAKES, SHAKE_PACKETS
from tests.probes.tls.servers import openssl_server
from tests.probes.tls.support import FakeAccess, Issued, Pki, issue, make_pki, observe, rsa_key, topology

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make_pki(key=rsa_key())


def look(port: int, pki: Pki, **words: str) -> tuple[TlsEndpoint, FakeAccess]:
    access = FakeAccess(topology(port, trust=("ca.pem",), **words), files={"ca.pem": pki.root.pem})
    facts, outcome = asyncio.run(observe(access))
    assert access.connections == facts.handshakes
    assert outcome.packets_sent == access.paid + CONNECTION_PACKETS * access.connections
    return facts, access


def states(facts: TlsEndpoint) -> dict[str, str]:
    return {v.version: v.status for v in facts.versions}


MODERN = ["-no_tls1", "-no_tls1_1"]
VERSIONS = {
    "1.2 and 1.3": (MODERN, "accepted accepted refused refused refused", "TLSv1.3"),
    "1.3 only": (["-tls1_3"], "accepted refused refused refused refused", "TLSv1.3"),
    "1.2 only": (["-tls1_2"], "refused accepted refused refused refused", "TLSv1.2"),
    "1.0 only": (["-tls1", "-cipher", "ALL:@SECLEVEL=0"], "refused refused refused accepted refused", "TLSv1.0"),
    "1.0 to 1.3": (["-cipher", "AES128-SHA:@SECLEVEL=0"], "accepted accepted accepted accepted refused", "TLSv1.3"),
    "old ones enabled, barred by security level": ([], "accepted accepted refused refused refused", "TLSv1.3"),
}


@pytest.mark.parametrize("case", VERSIONS)
def test_versions_of_a_real_server(case: str, pki: Pki, tmp_path: Path) -> None:
    words, expected, newest = VERSIONS[case]
    with openssl_server(tmp_path, pki.leaf, *words, chain=(pki.intermediate,)) as port:
        facts, access = look(port, pki)
    assert list(states(facts).values()) == expected.split()
    assert facts.controls.before
    assert facts.controls.after
    assert facts.negotiated.completed
    assert facts.negotiated.version == newest
    (chain,) = facts.chains
    assert set(chain.seen_with) == {v for v, s in states(facts).items() if s == "accepted"}
    assert chain.path.result == "anchored"
    assert [access.blobs[c.sha256] for c in chain.certificates] == [pki.leaf.der, pki.intermediate.der]


@pytest.mark.parametrize("cipher", ["ECDHE+AESGCM", "ALL", "ECDHE+CHACHA20:DHE+AES:RSA+CAMELLIA", "kRSA+AES"])
def test_suites_are_those_of_the_server(cipher: str, pki: Pki, tmp_path: Path) -> None:
    listed = subprocess.run(
        ["openssl", "ciphers", "-s", "-V", "-tls1_2", cipher], capture_output=True, text=True, check=True
    ).stdout.split("\n")
    codes = {"0x" + line.split()[0].replace("0x", "").replace(",", "") for line in listed if line.strip()}
    names = {line.split()[0].replace("0x", "").replace(",", ""): line for line in listed if line.strip()}
    # A server with an RSA certificate alone cannot use the others; PSK needs a key; CCM needs no more than the rest.
    expected = {c for c in codes if "Au=RSA" in names[c[2:]] and "PSK" not in names[c[2:]]}
    assert expected
    with openssl_server(tmp_path, pki.leaf, "-tls1_2", "-cipher", cipher) as port:
        facts, _ = look(port, pki)
    (accepted,) = facts.suites
    assert accepted.complete
    assert {s.code for s in accepted.suites} == expected
    for suite in accepted.suites:
        assert (suite.dh_bits is not None) == suite.name.startswith("TLS_DHE")
        assert bool(suite.group) == suite.name.startswith("TLS_ECDHE")
        assert suite.encrypt_then_mac == ("_CBC_" in suite.name)


def test_tls13_suites_groups_and_the_sentinel(pki: Pki, tmp_path: Path) -> None:
    words = [*MODERN, "-ciphersuites", "TLS_AES_256_GCM_SHA384:TLS_AES_128_CCM_SHA256", "-groups", "P-384"]
    with openssl_server(tmp_path, pki.leaf, *words) as port:
        facts, _ = look(port, pki)
    new, old = facts.suites
    assert {s.code for s in new.suites} == {"0x1302", "0x1304"}
    assert {s.group for s in new.suites} == {"secp384r1"}
    assert {s.group for s in old.suites if "ECDHE" in s.name} == {"secp384r1"}
    assert facts.downgrade_sentinel is True
    assert facts.renegotiation_info is True
    assert {s.compression for a in facts.suites for s in a.suites} == {0}


GROUP_2 = """-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
"""
"""The 1024-bit group of RFC 2409, section 6.2."""


def test_a_small_dh_group_is_seen(pki: Pki, tmp_path: Path) -> None:
    (tmp_path / "dh.pem").write_text(GROUP_2)
    words = ["-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0", "-dhparam", "dh.pem"]
    with openssl_server(tmp_path, pki.leaf, *words) as port:
        facts, _ = look(port, pki)
    assert [(s.code, s.dh_bits) for s in facts.suites[0].suites] == [("0x009E", 1024)]


def test_a_single_mode_device_gets_one_handshake(pki: Pki, tmp_path: Path) -> None:
    with openssl_server(tmp_path, pki.leaf, *MODERN, chain=(pki.intermediate,)) as port:
        facts, access = look(port, pki, tls="single")
    assert access.connections == facts.handshakes == 1
    assert access.paid == SHAKE_PACKETS
    assert states(facts) == {
        "TLSv1.3": "accepted",
        "TLSv1.2": "untested",
        "TLSv1.1": "untested",
        "TLSv1.0": "untested",
        "SSLv3": "untested",
    }
    assert not facts.suites[0].complete
    assert facts.chains[0].path.result == "anchored"
    assert facts.downgrade_sentinel is None


def test_a_single_mode_device_with_tls_1_0_shows_it(pki: Pki, tmp_path: Path) -> None:
    with openssl_server(tmp_path, pki.leaf, "-tls1", "-cipher", "ALL:@SECLEVEL=0") as port:
        facts, access = look(port, pki, tls="single")
    assert access.connections == 1
    assert states(facts)["TLSv1.0"] == "accepted"
    assert [v.answered for v in facts.versions if v.status == "refused"] == ["TLSv1.0"] * 3
    assert states(facts)["SSLv3"] == "untested"


def test_a_very_permissive_server_stays_within_the_bound(pki: Pki, tmp_path: Path) -> None:
    with openssl_server(tmp_path, pki.leaf, "-cipher", "ALL:@SECLEVEL=0") as port:
        facts, access = look(port, pki)
    assert facts.handshakes == MAX_HANDSHAKES
    assert access.paid <= MAX_HANDSHAKES * max(HELLO_PACKETS, SHAKE_PACKETS)
    assert not all(s.complete for s in facts.suites)
    assert facts.controls.after


def test_a_client_certificate_wanted_hides_nothing(pki: Pki, tmp_path: Path) -> None:
    with openssl_server(
        tmp_path, pki.leaf, "-tls1_2", "-Verify", "1", "-verify_return_error", chain=(pki.intermediate,)
    ) as port:
        facts, _ = look(port, pki)
    assert states(facts)["TLSv1.2"] == "accepted"
    assert not facts.negotiated.completed
    assert facts.negotiated.client_certificate_requested
    assert facts.controls.before
    assert facts.controls.after
    assert len(facts.chains[0].certificates) == 2


def test_ipv6_and_a_service_declared_by_address(pki: Pki) -> None:
    topo = topology(443, name="", addresses=("127.0.0.1", "::1"))
    from probes.tls.checks import CHECKS  # noqa: PLC0415

    subjects = list(CHECKS[0].subjects(topo, None))
    assert [s.key for s in subjects] == ["sup address=127.0.0.1 port=443@P-ADM", "sup address=::1 port=443@P-ADM"]


def signed_with_sha1(folder: Path, pki: Pki) -> Issued:
    """What the library no longer signs, OpenSSL still does."""
    (folder / "ca.pem").write_bytes(pki.intermediate.pem)
    (folder / "ca.key").write_bytes(pki.intermediate.key_pem)
    request = "openssl req -newkey rsa:2048 -nodes -keyout leaf.key -subj /CN=sup -out leaf.csr"
    sign = "openssl x509 -req -sha1 -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial 7 -days 30 -out leaf.crt"
    for command in (request, sign):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    key = serialization.load_pem_private_key((folder / "leaf.key").read_bytes(), None)
    return Issued(x509.load_pem_x509_certificate((folder / "leaf.crt").read_bytes()), key)


def test_sha1_is_named_whether_or_not_it_can_be_verified(pki: Pki, tmp_path: Path) -> None:
    leaf = signed_with_sha1(tmp_path, pki)
    with openssl_server(tmp_path, leaf, "-tls1_2", "-cipher", "ALL:@SECLEVEL=0", chain=(pki.intermediate,)) as port:
        facts, _ = look(port, pki)
    (chain,) = facts.chains
    assert chain.certificates[0].signature_hash == "sha1"
    assert "SHA1" in chain.certificates[0].signature_algorithm.upper()
    assert chain.path.result == "anchored"


def chains(pki: Pki) -> dict[str, tuple[Issued, tuple[Issued, ...], dict[str, object]]]:
    plain = {"ordered": True, "result": "anchored", "stopped": ""}
    lone = issue("usine", dns=("supervision.residence.test",), ca=True, usage=("digital_signature", "key_cert_sign"))
    other = make_pki()
    inter = pki.intermediate
    return {
        "in order": (pki.leaf, (inter,), plain),
        "with its root": (pki.leaf, (inter, pki.root), plain),
        "reversed": (pki.leaf, (pki.root, inter), plain | {"ordered": False}),
        "missing intermediate": (pki.leaf, (), plain | {"result": "missing_issuer", "stopped": "CN=Intermediaire"}),
        "factory": (lone, (), plain | {"result": "broken"}),
        "self-signed leaf": (issue("usine", dns=("x.test",)), (), plain | {"result": "no_anchor"}),
        "another authority": (other.leaf, (other.intermediate, other.root), plain | {"result": "broken"}),
        "expired": (issue("sup", inter, days=(-30, -1)), (inter,), plain),
        "rsa 1024": (issue("sup", inter, key=rsa_key(1024)), (inter,), plain),
    }


CHAINS = (
    "in order",
    "with its root",
    "reversed",
    "missing intermediate",
    "factory",
    "self-signed leaf",
    "another authority",
    "expired",
    "rsa 1024",
)


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
@pytest.mark.parametrize("case", CHAINS)
def test_chains_as_sent(case: str, version: str, pki: Pki, tmp_path: Path) -> None:
    leaf, extra, expected = chains(pki)[case]
    words = [version, "-cipher", "ALL:@SECLEVEL=0"]
    with openssl_server(tmp_path, leaf, *words, chain=extra) as port:
        facts, _ = look(port, pki)
    (chain,) = facts.chains
    sent = [leaf, *extra]
    assert [c.subject for c in chain.certificates] == [c.certificate.subject.rfc4514_string() for c in sent]
    assert {"ordered": chain.ordered, "result": chain.path.result, "stopped": chain.path.stopped_at} == expected
