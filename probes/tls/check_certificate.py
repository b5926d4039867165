"""``tls.certificate``: what the server's certificates are made of (SDE-NT-35, R24 to R29 and R33)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from probes.api import Check, NotVerified
from probes.tls.items import Item, settle, unreadable_leaf
from probes.tls.names import is_address, same_address
from probes.tls.subjects import EndpointCheck, declared_host
from r2s_audit.model.base import Model
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from probes.tls.facts import Certificate, Chain, TlsEndpoint
    from r2s_audit.model.finding import Judgement, Subject

RuleName: TypeAlias = Literal["R24", "R25", "R26", "R27", "R28", "R29", "R33"]
UsageName: TypeAlias = Literal[
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
]


class Lifetime(Model):
    """R25: certificates issued since a date live so many days at most."""

    days: Annotated[int, Field(ge=1)]
    issued_since: date


class KeyUsageLists(Model):
    """R27: usages (RFC 5280, 4.2.1.3) that must be there, and all that may."""

    required: list[UsageName]
    allowed: list[UsageName]


class CertificateParameters(Model):
    """What the policy says of certificates; ``rules`` selects what this criterion judges."""

    rules: Annotated[list[RuleName], Field(min_length=1)]
    signature_hashes: Annotated[list[str], Field(min_length=1)]
    """R24: ``sha256``…; Ed25519 counts as sha512, Ed448 as shake256."""
    lifetime: Lifetime
    key_bits: Annotated[dict[str, Annotated[int, Field(ge=1)]], Field(min_length=1)]
    """R26: smallest size by key type; a type that is not listed is refused. Edwards keys count their subgroup (253, 446)."""
    rsa_exponent: Annotated[int, Field(ge=3)]
    """R26: smallest public exponent."""
    key_usage: KeyUsageLists
    extended_key_usage: Annotated[list[str], Field(min_length=1)]
    """R28: exactly these, as dotted OIDs."""


class CertificateRules(EndpointCheck[CertificateParameters], Check[CertificateParameters]):
    """C: every selected rule is met by every certificate that the server shows; N: the finding names each that is not."""

    id = "tls.certificate"
    title = msg("Contenu du certificat présenté par chaque service chiffré")
    reference = "ANSSI SDE-NT-35 v1.2, R24-R29, R33"
    controls: ClassVar[Message] = msg("sans objet : le certificat est lu, son absence ne vaut pas conformité")
    Parameters = CertificateParameters

    def expected(self, parameters: CertificateParameters) -> Message:
        """The selected rules."""
        return msg("certificat conforme à {rules} de SDE-NT-35", rules=", ".join(parameters.rules))

    def judge_endpoint(self, facts: TlsEndpoint, parameters: CertificateParameters, subject: Subject) -> Judgement:
        """See the class."""
        expected = self.expected(parameters)
        items: list[Item] = []
        for chain in facts.chains:
            leaf = chain.leaf
            if leaf is None:
                items += unreadable_leaf(parameters.rules)
                continue
            items += [item for item in _items(leaf, chain, facts, parameters, subject) if item.rule in parameters.rules]
        if not items:
            raise NotVerified(msg("aucun certificat présenté"), expected=expected)
        return settle(items, expected)


def _items(
    leaf: Certificate, chain: Chain, facts: TlsEndpoint, parameters: CertificateParameters, subject: Subject
) -> Iterator[Item]:
    for certificate in chain.certificates:
        if not certificate.self_signed or certificate is leaf:
            yield _signature(certificate, parameters)
    yield _lifetime(leaf, parameters.lifetime)
    anchors = [c for c in facts.anchors if c.sha256 in chain.path.certificates and c not in chain.certificates]
    for certificate in [*chain.certificates, *anchors]:
        yield _key(certificate, parameters)
    if not leaf.extensions_readable:
        sentence = msg("les extensions du certificat {subject} sont illisibles", subject=leaf.subject)
        yield from (Item(rule, None, "?", sentence) for rule in ("R27", "R28", "R29", "R33"))
        return
    yield _key_usage(leaf, parameters.key_usage)
    yield _extended(leaf, parameters)
    yield _san(leaf, declared_host(subject, facts.server_name))
    yield _revocation(leaf)


def _signature(certificate: Certificate, parameters: CertificateParameters) -> Item:
    """R24; a root's own signature proves nothing and is not looked at."""
    return Item(
        "R24",
        certificate.signature_hash in parameters.signature_hashes,
        f"signature={certificate.signature_algorithm} ({certificate.subject})",
        msg(
            "R24 : certificat {subject} signé par {algorithm}",
            subject=certificate.subject,
            algorithm=certificate.signature_algorithm,
        ),
    )


def _lifetime(leaf: Certificate, rule: Lifetime) -> Item:
    """R25."""
    days = (leaf.not_after - leaf.not_before) / timedelta(days=1)
    return Item(
        "R25",
        leaf.not_before.date() < rule.issued_since or days <= rule.days,
        f"{leaf.not_before:%Y-%m-%d}/{leaf.not_after:%Y-%m-%d}",
        msg(
            "R25 : certificat émis le {issued}, valable {days} jours",
            issued=f"{leaf.not_before:%Y-%m-%d}",
            days=round(days, 1),
        ),
    )


def _key(certificate: Certificate, parameters: CertificateParameters) -> Item:
    """R26, for every certificate on which the chain rests."""
    minimum = parameters.key_bits.get(certificate.key_type)
    large = minimum is not None and certificate.key_bits is not None and certificate.key_bits >= minimum
    if certificate.key_type == "rsa":
        large = (
            large
            and certificate.rsa_exponent.isdecimal()
            and _at_least(certificate.rsa_exponent, parameters.rsa_exponent)
        )
    key = " ".join(
        part
        for part in (
            certificate.key_type,
            str(certificate.key_bits or ""),
            certificate.curve,
            f"e={certificate.rsa_exponent}" if certificate.rsa_exponent else "",
        )
        if part
    )
    return Item(
        "R26",
        large,
        f"{key} ({certificate.subject})",
        msg("R26 : clé {key} du certificat {subject}", key=key, subject=certificate.subject),
    )


def _at_least(decimal: str, minimum: int) -> bool:
    """Compare as texts of digits: a hostile exponent may have more digits than int() takes."""
    return (len(decimal), decimal) >= (len(str(minimum)), str(minimum))


def _key_usage(leaf: Certificate, lists: KeyUsageLists) -> Item:
    """R27."""
    if leaf.key_usage is None:
        return Item("R27", False, "keyUsage=-", msg("R27 : extension KeyUsage absente"))
    usages = set(leaf.key_usage)
    named = ", ".join(leaf.key_usage)
    if not leaf.key_usage_critical:
        return Item(
            "R27",
            False,
            f"keyUsage={named}, critical=false",
            msg("R27 : KeyUsage ({usages}) non critique", usages=named),
        )
    return Item(
        "R27",
        set(lists.required) <= usages <= set(lists.allowed) | set(lists.required),
        f"keyUsage={named}, critical=true",
        msg("R27 : KeyUsage critique : {usages}", usages=named),
    )


def _extended(leaf: Certificate, parameters: CertificateParameters) -> Item:
    """R28."""
    if leaf.extended_key_usage is None:
        return Item("R28", False, "extendedKeyUsage=-", msg("R28 : extension ExtendedKeyUsage absente"))
    named = ", ".join(leaf.extended_key_usage)
    return Item(
        "R28",
        set(leaf.extended_key_usage) == set(parameters.extended_key_usage),
        f"extendedKeyUsage={named}",
        msg("R28 : ExtendedKeyUsage : {usages}", usages=named),
    )


def _san(leaf: Certificate, name: str) -> Item:
    """R29; an iPAddress entry is right where the service is declared by its address."""
    if not leaf.has_san:
        return Item("R29", False, "subjectAltName=-", msg("R29 : extension SubjectAlternativeName absente"))
    by_address = is_address(name) and any(same_address(name, entry) for entry in leaf.ip_addresses)
    entries = ", ".join([*leaf.dns_names, *leaf.ip_addresses])
    return Item(
        "R29",
        bool(leaf.dns_names) or by_address,
        f"subjectAltName={entries}",
        msg("R29 : SubjectAlternativeName : {entries}", entries=entries),
    )


def _revocation(leaf: Certificate) -> Item:
    """R33."""
    urls = [*leaf.crl_urls, *leaf.ocsp_urls, *leaf.issuer_urls]
    if not urls:
        return Item("R33", False, "CRLDP=- AIA=-", msg("R33 : ni CRLDistributionPoints ni AuthorityInfoAccess"))
    return Item("R33", True, ", ".join(urls), msg("R33 : révocation annoncée à {urls}", urls=", ".join(urls)))
