"""From the leaf to an anchor: what is refused, and with which word."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from cryptography import x509

from probes.tls.facts import Path
from probes.tls.names import names_host
from probes.tls.path import MAX_DEPTH, find_path
from tests.probes.tls.support import NOW, Issued, issue


def walk(leaf: Issued, sent: list[Issued], anchors: list[Issued]) -> Path:
    return find_path(leaf.certificate, [s.certificate for s in sent], [a.certificate for a in anchors], NOW)


def constraints(*, permitted: Any = None, excluded: Any = None) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    return ((x509.NameConstraints(permitted, excluded), True),)


ROOT = issue("Racine", ca=True)
INTER = issue("Inter", ROOT, ca=True)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")


def under(name: str = "sup", issuer: Issued = INTER, **words: Any) -> Issued:
    return issue(name, issuer, **({"dns": ("sup.test",)} | words))


def with_inter(**words: Any) -> tuple[Issued, list[Issued], list[Issued]]:
    inter = issue("Inter", ROOT, **({"ca": True} | words))
    return under(issuer=inter), [inter], [ROOT]


def deep(count: int) -> tuple[Issued, list[Issued], list[Issued]]:
    chain = [ROOT]
    for number in range(count):
        chain.append(issue(f"I{number}", chain[-1], ca=True))
    return under(issuer=chain[-1]), chain[1:], [ROOT]


OTHER_ROOT = issue("Racine", ca=True)
DNS = x509.DNSName
TABLE: dict[str, tuple[tuple[Issued, list[Issued], list[Issued]], str, str]] = {
    "whole": ((under(), [INTER], [ROOT]), "anchored", ""),
    "intermediate declared": ((under(), [], [INTER]), "anchored", ""),
    "root sent as well": ((under(), [ROOT, INTER], [ROOT]), "anchored", ""),
    "namesake first": ((under(), [INTER], [OTHER_ROOT, ROOT]), "anchored", ""),
    "namesake alone": ((under(), [INTER], [OTHER_ROOT]), "broken", "signature"),
    "missing": ((under(), [], [ROOT]), "missing_issuer", ""),
    "nothing declared": ((under(), [INTER], []), "not_declared", ""),
    "own root": ((under(), [INTER, ROOT], [issue("Autre", ca=True)]), "no_anchor", ""),
    "self-signed": ((issue("usine"), [], [ROOT]), "no_anchor", ""),
    "self-signed and declared": ((pinned := issue("usine"), [], [pinned]), "anchored", ""),
    "leaf is an authority": ((under(ca=True), [INTER], [ROOT]), "broken", "leaf_is_ca"),
    "issuer without basicConstraints": (with_inter(ca=None, usage=("key_cert_sign",)), "broken", "not_ca"),
    "issuer not an authority": (with_inter(ca=False, usage=("key_cert_sign",)), "broken", "not_ca"),
    "issuer may not sign": (with_inter(usage=("crl_sign",)), "broken", "key_usage"),
    "issuer without keyUsage": (with_inter(usage=None), "anchored", ""),
    "path length": (
        (
            under(issuer=(low := issue("Bas", (high := issue("Haut", ROOT, ca=True, path_length=0)), ca=True))),
            [low, high],
            [ROOT],
        ),
        "broken",
        "path_length",
    ),
    "critical unknown in the leaf": ((under(more=((UNKNOWN, True),)), [INTER], [ROOT]), "broken", "critical_extension"),
    "unknown, not critical": ((under(more=((UNKNOWN, False),)), [INTER], [ROOT]), "anchored", ""),
    "critical unknown in the issuer": (with_inter(more=((UNKNOWN, True),)), "broken", "critical_extension"),
    "name permitted": (with_inter(more=constraints(permitted=[DNS("test")])), "anchored", ""),
    "name not permitted": (with_inter(more=constraints(permitted=[DNS("autre.test")])), "broken", "name_constraints"),
    "name excluded": (with_inter(more=constraints(excluded=[DNS("sup.test")])), "broken", "name_constraints"),
    "address form alone": (
        with_inter(more=constraints(permitted=[x509.IPAddress(ip_network("10.0.0.0/8"))])),
        "anchored",
        "",
    ),
    "depth": (deep(MAX_DEPTH - 2), "anchored", ""),
    "too deep": (deep(MAX_DEPTH + 1), "broken", "limit"),
    "expired twin of the root": (
        (under(), [INTER], [issue("Racine", ca=True, key=ROOT.key, days=(-9, -1)), ROOT]),
        "anchored",
        "",
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_paths(case: str) -> None:
    (leaf, sent, anchors), result, problem = TABLE[case]
    path = walk(leaf, sent, anchors)
    assert (path.result, path.problem) == (result, problem)
    if case == "expired twin of the root":
        assert path.certificates[-1] == walk(leaf, sent, [ROOT]).certificates[-1], "the valid twin is preferred"
    if case == "missing":
        assert path.stopped_at == "CN=Inter"


def test_loops_and_crowds_end() -> None:
    one = issue("Un", ca=True)
    two = issue("Deux", one, ca=True)
    back = issue("Un", two, ca=True, key=one.key)
    crowd = [issue("Inter", ROOT, ca=True) for _ in range(15)]
    assert walk(under(issuer=two), [two, back, one], [ROOT]).result in {"no_anchor", "broken", "missing_issuer"}
    assert walk(under(), [*crowd, INTER], [ROOT]).result == "anchored"


def test_address_constraints() -> None:
    inside = issue("Inter", ROOT, ca=True, more=constraints(permitted=[x509.IPAddress(ip_network("10.0.0.0/8"))]))
    assert walk(under(issuer=inside, addresses=("10.1.2.3",)), [inside], [ROOT]).result == "anchored"
    assert walk(under(issuer=inside, addresses=("192.0.2.1",)), [inside], [ROOT]).problem == "name_constraints"
    directory = x509.DirectoryName(x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "autre")]))
    named = issue("Inter", ROOT, ca=True, more=constraints(permitted=[directory]))
    assert walk(under(issuer=named), [named], [ROOT]).problem == "name_constraints"
    wild = issue("Inter", ROOT, ca=True, more=constraints(excluded=[DNS("secret.test")]))
    assert walk(under(issuer=wild, dns=("*.test",)), [wild], [ROOT]).problem == "name_constraints"
    mail = issue("Inter", ROOT, ca=True, more=constraints(excluded=[x509.RFC822Name("a@test")]))
    assert walk(under(issuer=mail), [mail], [ROOT]).result == "anchored"


@pytest.mark.parametrize(
    ("host", "dns", "addresses", "expected"),
    [
        ("sup.test", ["sup.test"], [], True),
        ("SUP.test.", ["sup.TEST"], [], True),
        ("sup.test", ["autre.test"], [], False),
        ("a.residence.test", ["*.residence.test"], [], True),
        ("a.b.residence.test", ["*.residence.test"], [], False),
        ("residence.test", ["*.residence.test"], [], False),
        ("sup.test", ["*.test"], [], False),
        ("sup.a.test", ["s*.a.test"], [], False),
        ("a.sup.test", ["a.*.test"], [], False),
        ("test", ["*"], [], False),
        ("sup.test", ["*"], [], False),
        ("", [""], [], False),
        ("10.0.0.1", [], ["10.0.0.1"], True),
        ("10.0.0.1", ["10.0.0.1"], [], False),
        ("10.0.0.1", [], ["10.0.0.2"], False),
        ("fd00::1", [], ["fd00:0::1"], True),
        ("fd00::1", [], ["10.0.0.0/8"], False),
        ("sup.test", [], ["10.0.0.1"], False),
        ("sup.test", ["sup.tést"], [], False),
    ],
)
def test_names(host: str, dns: list[str], addresses: list[str], expected: bool) -> None:
    assert names_host(host, dns, addresses) is expected
