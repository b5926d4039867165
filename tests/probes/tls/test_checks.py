"""Facts to value and words."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

import pytest
from pydantic import ValidationError

from probes.api import Evidence, NotVerified
from probes.tls.checks import CHECKS, COLLECTORS
from probes.tls.facts import VERSION_NAMES, Certificate, Chain, Path, TlsEndpoint
from probes.tls.survey import CONNECTION_PACKETS, MAX_HANDSHAKES, SHAKE_PACKETS
from r2s_audit.model.finding import Judgement, Subject, Value
from r2s_audit.model.observation import Failure, Observation
from r2s_audit.model.text import msg
from tests.probes.tls.support import NAME, NOW, the_request, topology

VERSIONS = {"versions": {"preferred": ["TLSv1.3"], "acceptable": ["TLSv1.2"]}}
SUITES = {
    "suites": {"recommended": ["0x1301", "0x1302", "0xc02b", "0xc02f"], "tolerated": ["0xC027", "0x009C", "0x009e"]},
    "forward_secrecy": True,
    "groups": ["secp256r1", "x25519"],
    "dhe_bits": 2048,
    "cbc_needs_encrypt_then_mac": True,
}
CERTIFICATE = {
    "rules": ["R24", "R25", "R26", "R27", "R28", "R29", "R33"],
    "signature_hashes": ["sha256", "sha384", "sha512"],
    "lifetime": {"days": 825, "issued_since": "2018-03-01"},
    "key_bits": {"rsa": 2048, "ec": 256, "ed25519": 250},
    "rsa_exponent": 65537,
    "key_usage": {"required": ["digital_signature"], "allowed": ["digital_signature", "key_encipherment"]},
    "extended_key_usage": ["1.3.6.1.5.5.7.3.1"],
}
CHAIN = {"rules": ["trust", "R34", "dates", "name", "R53"]}


def judge_facts(check_id: str, parameters: dict[str, Any], facts: TlsEndpoint | None, *, name: str = NAME) -> Judgement:
    """The judgement as the engine would have it: NotVerified becomes its value."""
    check = {c.id: c for c in CHECKS}[check_id]
    topo = topology(443, name=name)
    values = check.Parameters.model_validate(parameters)
    (subject,) = check.subjects(topo, values)
    (needed,) = check.requests(topo, subject, values)
    assert needed == the_request(topo)
    observation = Observation(
        request=needed,
        pass_id="1",
        state="completed" if facts else "failed",
        facts=facts.model_dump(mode="json") if facts else None,
        failure=None if facts else Failure.TIMEOUT,
        reason=None if facts else msg("muet"),
        started=NOW,
        ended=NOW,
        collector_version="1",
    )
    try:
        return check.judge(subject, Evidence(topo, {needed.key: observation}), values)
    except NotVerified as missing:
        return Judgement(value=Value.NON_VERIFIE, expected=missing.expected or msg(""), measured=missing.reason)


def certificate(name: str = "sup", **changes: Any) -> Certificate:
    base: dict[str, Any] = {
        "sha256": hashlib.sha256(name.encode()).hexdigest(),
        "version": 3,
        "subject": f"CN={name}",
        "issuer": "CN=AC",
        "serial": "1",
        "not_before": NOW - timedelta(days=10),
        "not_after": NOW + timedelta(days=100),
        "key_type": "ec",
        "key_bits": 256,
        "curve": "secp256r1",
        "signature_algorithm": "ecdsa-with-SHA256",
        "signature_hash": "sha256",
        "dns_names": [NAME],
        "has_san": True,
        "key_usage": ["digital_signature"],
        "key_usage_critical": True,
        "extended_key_usage": ["1.3.6.1.5.5.7.3.1"],
        "crl_urls": ["http://crl.test/"],
        "self_signed": False,
    }
    return Certificate.model_validate(base | changes)


ANCHOR = certificate("AC", issuer="CN=AC", self_signed=True, dns_names=[], has_san=False)


def chain_of(leaf: Certificate, *more: Certificate, ordered: bool = True, **path: Any) -> Chain:
    digests = [c.sha256 for c in (leaf, *more)]
    default = {"result": "anchored", "certificates": [*digests, ANCHOR.sha256]}
    return Chain(
        seen_with=("TLSv1.2",),
        certificates=(leaf, *more),
        ordered=ordered,
        path=Path.model_validate(default | path),
    )


def facts_with(
    states: str = "a a r r r",
    suites: tuple[tuple[str, str, dict[str, Any]], ...] = (("0x1301", "TLS_AES_128_GCM_SHA256", {"group": "x25519"}),),
    *,
    complete: bool = True,
    chains: tuple[Chain, ...] | None = None,
    **changes: Any,
) -> TlsEndpoint:
    """``states``: one letter per version, newest first: accepted, refused, error, untested."""
    words = {"a": {"status": "accepted"}, "r": {"status": "refused", "alert": 70}, "u": {"status": "untested"}}
    words["e"] = {"status": "error", "error": "closed"}
    data: dict[str, Any] = {
        "at": NOW,
        "mode": "full",
        "handshakes": 9,
        "server_name": NAME,
        "negotiated": {"completed": True, "version": "TLSv1.3"},
        "versions": [{"version": v, **words[s]} for v, s in zip(VERSION_NAMES, states.split(), strict=True)],
        "controls": {"before": True, "after": True},
        "suites": [
            {
                "version": "TLSv1.3",
                "complete": complete,
                "suites": [{"code": code, "name": name, **more} for code, name, more in suites],
            }
        ],
        "chains": [c.model_dump() for c in (chains or (chain_of(certificate()),))],
        "anchors": [ANCHOR.model_dump()],
    }
    return TlsEndpoint.model_validate(data | changes)


NO_AFTER = {"controls": {"before": True, "after": False}}
SINGLE = {"mode": "single", "controls": {"before": True, "after": False}}
VERSION_TABLE: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "1.3 and 1.2": ("a a r r r", {}, "C", "accepte TLSv1.3, TLSv1.2 et refuse toute autre version"),
    "1.3 alone": ("a r r r r", {}, "C", "accepte TLSv1.3 et refuse toute autre version"),
    "1.3, 1.2 in error": ("a e r r r", {}, "C", "accepte TLSv1.3 et refuse toute autre version"),
    "1.2 alone": ("r a r r r", {}, "P", "accepte TLSv1.2 et refuse toute autre version"),
    "1.2, 1.3 in error": ("e a r r r", {}, "non_verifie", "essai sans réponse claire pour TLSv1.3"),
    "1.1 too": ("a a a r r", {}, "N", "accepte TLSv1.1 (versions acceptées : TLSv1.3, TLSv1.2, TLSv1.1)"),
    "ssl 3 and an error": ("a a e e a", {}, "N", "accepte SSLv3"),
    "1.0 in error": ("a a r e r", {}, "non_verifie", "essai sans réponse claire pour TLSv1.0"),
    "no control after": ("a a r r r", NO_AFTER, "non_verifie", "refus sans poignée de main témoin"),
    "no control, yet 1.0": ("a a r a r", NO_AFTER, "N", "accepte TLSv1.0"),
    "nothing accepted": ("r r r r r", {}, "non_verifie", "aucune version de TLS acceptée"),
    "one handshake, 1.3": ("a u u u u", SINGLE, "non_verifie", "inconnu pour TLSv1.1, TLSv1.0, SSLv3"),
    "one handshake, 1.2": ("r a u u u", SINGLE, "non_verifie", "inconnu pour TLSv1.1, TLSv1.0, SSLv3"),
    "one handshake, 1.0": ("r r r a u", SINGLE, "N", "accepte TLSv1.0"),
}


@pytest.mark.parametrize("case", VERSION_TABLE)
def test_versions(case: str) -> None:
    states, changes, value, words = VERSION_TABLE[case]
    judgement = judge_facts("tls.versions", VERSIONS, facts_with(states, **changes))
    assert (judgement.value, words in str(judgement.measured)) == (value, True), str(judgement.measured)
    assert str(judgement.expected) == "TLSv1.3 accepté ; rien d'autre que TLSv1.3, TLSv1.2"


def one(code: str, name: str, **more: Any) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    return ((code, name, more),)


GOOD = one("0xC02F", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", group="x25519")
SUITE_TABLE: dict[str, tuple[tuple[Any, ...], dict[str, Any], str, str]] = {
    "recommended": (GOOD, {}, "C", "suites acceptées (1) : TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    "tolerated": (
        one("0xC027", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", group="x25519", encrypt_then_mac=True),
        {},
        "P",
        "tolérées parmi celles acceptées : TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    ),
    "tolerated without encrypt_then_mac": (
        one("0xC027", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", group="x25519"),
        {},
        "N",
        "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 (R10-)",
    ),
    "listed, no forward secrecy": (one("0x009C", "TLS_RSA_WITH_AES_128_GCM_SHA256"), {}, "N", "(R6)"),
    "unlisted": (one("0x000A", "TLS_RSA_WITH_3DES_EDE_CBC_SHA"), {}, "N", "(R9/R10, R6, R10-)"),
    "anonymous": (one("0xC019", "TLS_ECDH_anon_WITH_AES_256_CBC_SHA"), {}, "N", "R6"),
    "group": (one("0xC02F", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", group="secp192r1"), {}, "N", "(R7 secp192r1)"),
    "small prime": (one("0x009E", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", dh_bits=1024), {}, "N", "(R7- 1024)"),
    "ffdhe in 1.3": (one("0x1301", "TLS_AES_128_GCM_SHA256", group="ffdhe3072", dh_bits=3072), {}, "C", "TLS_AES_128"),
    "incomplete": (GOOD, {"complete": False}, "non_verifie", "énumération incomplète pour TLSv1.3"),
    "incomplete but bad": (one("0x0005", "TLS_RSA_WITH_RC4_128_SHA"), {"complete": False}, "N", "RC4"),
    "a version in error": (GOOD, {"states": "a a e r r"}, "non_verifie", "énumération incomplète pour TLSv1.1"),
    "no control": (GOOD, NO_AFTER, "non_verifie", "sans poignée de main témoin"),
    "group unseen": (
        one("0x1301", "TLS_AES_128_GCM_SHA256"),
        {},
        "non_verifie",
        "groupe d'échange de clés non observé",
    ),
    "one handshake": (GOOD, SINGLE, "non_verifie", "une seule poignée de main permise"),
    "one handshake, bad": (
        one("0x0005", "TLS_RSA_WITH_RC4_128_SHA"),
        SINGLE,
        "N",
        "suites hors règle (1 sur 1 acceptées)",
    ),
    "none": ((), {}, "non_verifie", "aucune suite acceptée"),
}


@pytest.mark.parametrize("case", SUITE_TABLE)
def test_suites(case: str) -> None:
    suites, changes, value, words = SUITE_TABLE[case]
    judgement = judge_facts("tls.suites", SUITES, facts_with(suites=suites, **changes))
    assert (judgement.value, words in str(judgement.measured)) == (value, True), str(judgement.measured)


CERTIFICATE_TABLE: dict[str, tuple[dict[str, Any], str, str]] = {
    "good": ({}, "C", "règles respectées : R24 signature=ecdsa-with-SHA256"),
    "R24": (
        {"signature_hash": "sha1", "signature_algorithm": "sha1WithRSAEncryption"},
        "N",
        "R24 : certificat CN=sup signé",
    ),
    "R24 unknown digest": ({"signature_hash": ""}, "N", "R24"),
    "R25": ({"not_after": NOW + timedelta(days=900)}, "N", "valable 910 jours"),
    "R25 limit": ({"not_after": NOW + timedelta(days=815)}, "C", "R25"),
    "R25 old": ({"not_before": "2017-01-01T00:00:00Z", "not_after": "2030-01-01T00:00:00Z"}, "C", "R25"),
    "R26 rsa": (
        {"key_type": "rsa", "key_bits": 1024, "curve": "", "rsa_exponent": "65537"},
        "N",
        "clé rsa 1024 e=65537",
    ),
    "R26 exponent": ({"key_type": "rsa", "key_bits": 2048, "curve": "", "rsa_exponent": "3"}, "N", "clé rsa 2048 e=3"),
    "R26 rsa good": ({"key_type": "rsa", "key_bits": 2048, "curve": "", "rsa_exponent": "65537"}, "C", "R26 rsa 2048"),
    "R26 huge exponent": ({"key_type": "rsa", "key_bits": 2048, "rsa_exponent": "9" * 1000}, "C", "R26 rsa"),
    "R26 ec": ({"key_bits": 192, "curve": "secp192r1"}, "N", "clé ec 192 secp192r1"),
    "R26 ed25519": ({"key_type": "ed25519", "key_bits": 253, "curve": ""}, "C", "R26 ed25519 253"),
    "R26 dsa": ({"key_type": "dsa", "key_bits": 3072, "curve": ""}, "N", "clé dsa 3072"),
    "R26 unreadable": ({"key_type": "unreadable", "key_bits": None, "curve": ""}, "N", "clé unreadable"),
    "R27 absent": ({"key_usage": None}, "N", "R27 : extension KeyUsage absente"),
    "R27 not critical": ({"key_usage_critical": False}, "N", "R27 : KeyUsage (digital_signature) non critique"),
    "R27 authority": ({"key_usage": ["digital_signature", "key_cert_sign"]}, "N", "R27 : KeyUsage critique"),
    "R27 wrong": ({"key_usage": ["key_encipherment"]}, "N", "R27 : KeyUsage critique : key_encipherment"),
    "R27 both": ({"key_usage": ["digital_signature", "key_encipherment"]}, "C", "R27"),
    "extensions unreadable": ({"extensions_readable": False}, "non_verifie", "R27 ? ; R28 ? ; R29 ? ; R33 ?"),
    "R28 absent": ({"extended_key_usage": None}, "N", "R28 : extension ExtendedKeyUsage absente"),
    "R28 more": ({"extended_key_usage": ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]}, "N", "R28 : ExtendedKeyUsage"),
    "R29 absent": ({"has_san": False, "dns_names": []}, "N", "R29 : extension SubjectAlternativeName absente"),
    "R29 address for a name": ({"dns_names": [], "ip_addresses": ["127.0.0.1"]}, "N", "R29 : SubjectAlternativeName"),
    "R33 aia": ({"crl_urls": [], "ocsp_urls": ["http://ocsp.test/"]}, "C", "R33 http://ocsp.test/"),
    "R33": ({"crl_urls": []}, "N", "R33 : ni CRLDistributionPoints ni AuthorityInfoAccess"),
    "two": (
        {"crl_urls": [], "extended_key_usage": None},
        "N",
        "écarts (2) : R28 extendedKeyUsage=- ; R33 CRLDP=- AIA=-",
    ),
}


@pytest.mark.parametrize("case", CERTIFICATE_TABLE)
def test_certificate(case: str) -> None:
    changes, value, words = CERTIFICATE_TABLE[case]
    facts = facts_with(chains=(chain_of(certificate(**changes)),))
    judgement = judge_facts("tls.certificate", CERTIFICATE, facts)
    assert (judgement.value, words in str(judgement.measured)) == (value, True), str(judgement.measured)


def test_one_rule_at_a_time_speaks_in_a_sentence() -> None:
    facts = facts_with(chains=(chain_of(certificate(crl_urls=[], extended_key_usage=None)),))
    answers = {
        rule: judge_facts("tls.certificate", CERTIFICATE | {"rules": [rule]}, facts).value
        for rule in CERTIFICATE["rules"]
    }
    assert answers == {rule: "N" if rule in {"R28", "R33"} else "C" for rule in CERTIFICATE["rules"]}


def test_weak_links_above_the_leaf_count() -> None:
    weak = certificate("Inter", key_type="rsa", key_bits=1024, rsa_exponent="65537", curve="")
    judgement = judge_facts(
        "tls.certificate", CERTIFICATE | {"rules": ["R26"]}, facts_with(chains=(chain_of(certificate(), weak),))
    )
    assert (judgement.value, str(judgement.measured)) == ("N", "R26 : clé rsa 1024 e=65537 du certificat CN=Inter")
    anchor = ANCHOR.model_copy(
        update={"key_type": "rsa", "key_bits": 1024, "rsa_exponent": "65537", "signature_hash": "sha1"}
    )
    both = facts_with(anchors=[anchor.model_dump()])
    assert judge_facts("tls.certificate", CERTIFICATE | {"rules": ["R26"]}, both).value == "N"
    assert judge_facts("tls.certificate", CERTIFICATE | {"rules": ["R24"]}, both).value == "C", (
        "a root signs for nobody"
    )


CHAIN_TABLE: dict[str, tuple[Chain, dict[str, Any], str, str]] = {
    "good": (chain_of(certificate()), {}, "C", "règles respectées : trust CN=AC ; R34 1 ;"),
    "unordered": (chain_of(certificate(), ordered=False), {}, "N", "R34 : certificats envoyés dans le désordre"),
    "missing": (
        chain_of(certificate(), result="missing_issuer", stopped_at="CN=Inter", certificates=[certificate().sha256]),
        {},
        "N",
        "écarts (2) : trust issuer=CN=Inter ; R34 -CN=Inter",
    ),
    "undeclared": (
        chain_of(certificate(), result="not_declared", certificates=[certificate().sha256], stopped_at="CN=AC"),
        {},
        "non_verifie",
        "règles non vérifiables : trust trust=- ; R34 ?",
    ),
    "unreadable anchors": (
        chain_of(certificate(), result="not_declared", certificates=[certificate().sha256], stopped_at="CN=AC"),
        {"anchors_unreadable": ["ca.pem"]},
        "non_verifie",
        "ca.pem",
    ),
    "wrong signature": (
        chain_of(certificate(), ANCHOR, result="broken", problem="signature", certificates=[certificate().sha256]),
        {},
        "N",
        "la signature de CN=sup n'est pas celle de l'émetteur qu'il nomme",
    ),
    "cannot be computed": (
        chain_of(certificate(), result="broken", problem="unsupported", certificates=[certificate().sha256]),
        {},
        "non_verifie",
        "trust unsupported",
    ),
    "expired": (
        chain_of(certificate(not_after=NOW - timedelta(days=1))),
        {},
        "N",
        f"mesuré le {NOW:%Y-%m-%d}",
    ),
    "anchor expired": (
        chain_of(certificate()),
        {"anchors": [ANCHOR.model_copy(update={"not_after": NOW - timedelta(days=1)}).model_dump()]},
        "N",
        "certificat CN=AC valable du",
    ),
    "not yet": (chain_of(certificate(not_before=NOW + timedelta(days=1))), {}, "N", "certificat CN=sup valable du"),
    "name": (
        chain_of(certificate(dns_names=["autre.test"])),
        {},
        "N",
        f"service déclaré {NAME}, certificat au nom de autre.test",
    ),
    "too many names": (
        chain_of(certificate(dns_names=["autre.test"], truncated=True)),
        {},
        "non_verifie",
        "trop de noms",
    ),
    "factory": (
        chain_of(
            certificate(self_signed=True, issuer="CN=sup"), result="no_anchor", certificates=[certificate().sha256]
        ),
        {},
        "N",
        "écarts (2) : trust issuer=CN=sup ; R53 CN=sup",
    ),
    "pinned factory": (chain_of(certificate(self_signed=True)), {}, "N", "R53 : certificat autosigné CN=sup"),
}


@pytest.mark.parametrize("case", CHAIN_TABLE)
def test_chain(case: str) -> None:
    chain, changes, value, words = CHAIN_TABLE[case]
    judgement = judge_facts("tls.chain", CHAIN, facts_with(chains=(chain,), **changes))
    assert (judgement.value, words in str(judgement.measured)) == (value, True), str(judgement.measured)


def test_an_address_is_a_name_where_it_is_what_is_declared() -> None:
    by_address = facts_with(chains=(chain_of(certificate(dns_names=[], ip_addresses=["127.0.0.1"])),), server_name="")
    for check, parameters in (("tls.chain", CHAIN), ("tls.certificate", CERTIFICATE)):
        assert judge_facts(check, parameters, by_address, name="").value == "C"
    only_names = facts_with(server_name="")
    assert "service déclaré 127.0.0.1" in str(judge_facts("tls.chain", CHAIN, only_names, name="").measured)


def test_every_chain_that_the_server_has_is_judged() -> None:
    facts = facts_with(chains=(chain_of(certificate()), chain_of(certificate("deux", crl_urls=[]))))
    assert judge_facts("tls.certificate", CERTIFICATE, facts).value == "N"


@pytest.mark.parametrize("check", CHECKS, ids=lambda c: c.id)
def test_without_evidence_nothing_is_verified(check: Any) -> None:
    parameters = {"tls.versions": VERSIONS, "tls.suites": SUITES, "tls.certificate": CERTIFICATE, "tls.chain": CHAIN}[
        check.id
    ]
    failed = judge_facts(check.id, parameters, None)
    assert (failed.value, str(failed.measured)) == ("non_verifie", "muet")
    assert str(failed.expected)
    empty = facts_with("e e e e e", suites=(), chains=(), controls={"before": False, "after": False})
    assert judge_facts(check.id, parameters, empty.model_copy(update={"chains": ()})).value == "non_verifie"
    unreadable = Chain(
        seen_with=("TLSv1.3",),
        certificates=(),
        unreadable=(0,),
        ordered=False,
        path=Path(result="broken", problem="unreadable"),
    )
    if check.id in {"tls.certificate", "tls.chain"}:
        assert judge_facts(check.id, parameters, facts_with(chains=(unreadable,))).value == "non_verifie"
    values = check.Parameters.model_validate(parameters)
    for changes in ({"addresses": []}, {"zone": "log", "addresses": [ip_address("127.0.1.9")]}):
        topo = topology(443)
        device = topo.site.devices[0].model_copy(update=changes)
        topo = type(topo)(topo.site.model_copy(update={"devices": [device], "points": topo.site.points[:1]}))
        (subject,) = check.subjects(topo, values)
        assert isinstance(subject, Subject)
        assert check.requests(topo, subject, values) == []
        with pytest.raises(NotVerified, match="aucun"):
            check.judge(subject, Evidence(topo, {}), values)


@pytest.mark.parametrize(
    ("check_id", "wrong"),
    [
        ("tls.versions", {"versions": {"preferred": ["TLSv1.4"]}}),
        ("tls.versions", {}),
        ("tls.suites", SUITES | {"suites": {"recommended": ["AES"]}}),
        ("tls.certificate", CERTIFICATE | {"rules": ["R99"]}),
        ("tls.certificate", CERTIFICATE | {"lifetime": {"days": 0, "issued_since": "2018-03-01"}}),
        ("tls.chain", {"rules": []}),
        ("tls.chain", CHAIN | {"more": 1}),
    ],
)
def test_wrong_parameters_are_refused(check_id: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        {c.id: c for c in CHECKS}[check_id].Parameters.model_validate(wrong)


def test_the_plan_knows_what_the_collector_costs_at_most() -> None:
    (spec,) = COLLECTORS
    assert spec.packets == MAX_HANDSHAKES * (CONNECTION_PACKETS + SHAKE_PACKETS)


PROBLEMS = [
    "signature",
    "not_ca",
    "key_usage",
    "path_length",
    "name_constraints",
    "critical_extension",
    "leaf_is_ca",
    "unreadable",
    "unsupported",
    "limit",
]


@pytest.mark.parametrize("problem", PROBLEMS)
def test_every_broken_path_has_a_sentence_of_its_own(problem: str) -> None:
    chain = chain_of(certificate(), result="broken", problem=problem, certificates=[certificate().sha256])
    judgement = judge_facts("tls.chain", {"rules": ["trust"]}, facts_with(chains=(chain,)))
    assert judgement.value == ("non_verifie" if problem == "unsupported" else "N")
    assert "CN=sup" in str(judgement.measured)
    assert problem not in str(judgement.measured) or problem == "signature"
