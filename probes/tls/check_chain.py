"""``tls.chain``: trust, order and completeness, dates, name, factory certificates, each for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from probes.api import Check, NotVerified
from probes.tls.items import Item, settle, unreadable_leaf
from probes.tls.names import names_host
from probes.tls.subjects import EndpointCheck, declared_host
from r2s_audit.model.base import Model
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from probes.tls.facts import Certificate, Chain, TlsEndpoint
    from r2s_audit.model.finding import Judgement, Subject

ChainRule: TypeAlias = Literal["trust", "R34", "dates", "name", "R53"]


class ChainParameters(Model):
    """``rules``: which of trust, R34, dates, name and R53 this criterion judges."""

    rules: Annotated[list[ChainRule], Field(min_length=1)]


class ChainRules(EndpointCheck[ChainParameters], Check[ChainParameters]):
    """Each selected rule on every chain that the server shows.

    ``trust``: signatures lead to an authority that the site file declares. ``R34``: sent in order, up to the declared
    authority. ``dates``: every certificate of the path is valid at the time of the scan. ``name``: the SAN holds the
    declared name, or the address where none is declared. ``R53``: not a self-signed certificate, whoever declares it.
    """

    id = "tls.chain"
    title = msg("Chaîne de certification présentée par chaque service chiffré")
    reference = "ANSSI SDE-NT-35 v1.2, R34; ANSSI-PA-108, R53; RFC 5280, 6.1; RFC 9525"
    controls: ClassVar[Message] = msg("sans objet : la chaîne est lue, son absence ne vaut pas conformité")
    Parameters = ChainParameters

    def expected(self, parameters: ChainParameters) -> Message:
        """The selected rules."""
        return msg("chaîne conforme aux règles {rules}", rules=", ".join(parameters.rules))

    def judge_endpoint(self, facts: TlsEndpoint, parameters: ChainParameters, subject: Subject) -> Judgement:
        """See the class."""
        expected = self.expected(parameters)
        items: list[Item] = []
        for chain in facts.chains:
            leaf = chain.leaf
            if leaf is None:
                items += unreadable_leaf(parameters.rules)
                continue
            items += [item for item in _items(leaf, chain, facts, subject) if item.rule in parameters.rules]
        if not items:
            raise NotVerified(msg("aucun certificat présenté"), expected=expected)
        return settle(items, expected)


def _items(leaf: Certificate, chain: Chain, facts: TlsEndpoint, subject: Subject) -> Iterator[Item]:
    yield _trust(leaf, chain, facts)
    yield _complete(chain, facts)
    known = {c.sha256: c for c in (*facts.anchors, *chain.certificates)}
    for digest in chain.path.certificates or (leaf.sha256,):
        yield _dates(known[digest], facts.at)
    yield _name(leaf, declared_host(subject, facts.server_name))
    yield _factory(leaf)


def _trust(leaf: Certificate, chain: Chain, facts: TlsEndpoint) -> Item:
    path = chain.path
    if path.result != "anchored" and facts.anchors_unreadable:
        files = ", ".join(facts.anchors_unreadable)
        return Item("trust", None, files, msg("fichiers « trust » illisibles : {files}", files=files))
    match path.result:
        case "anchored":
            known = {c.sha256: c for c in (*facts.anchors, *chain.certificates)}
            anchor = known[path.certificates[-1]].subject
            return Item(
                "trust", True, anchor, msg("signatures vérifiées jusqu'à l'autorité déclarée {anchor}", anchor=anchor)
            )
        case "not_declared":
            return Item(
                "trust",
                None,
                "trust=-",
                msg("aucune autorité déclarée pour ce service (clé « trust » du fichier de site)"),
            )
        case "missing_issuer":
            return Item(
                "trust",
                False,
                f"issuer={path.stopped_at}",
                msg(
                    "aucune chaîne jusqu'à une autorité déclarée : {issuer} n'est ni envoyé ni déclaré",
                    issuer=path.stopped_at,
                ),
            )
        case "no_anchor":
            return Item(
                "trust",
                False,
                f"issuer={leaf.issuer}",
                msg(
                    "la chaîne s'arrête à un certificat autosigné qui n'est pas déclaré (émetteur {issuer})",
                    issuer=leaf.issuer,
                ),
            )
        case "broken":
            known = {c.sha256: c for c in (*facts.anchors, *chain.certificates)}
            last = known[path.certificates[-1]].subject if path.certificates else leaf.subject
            ok = None if path.problem == "unsupported" else False
            return Item("trust", ok, path.problem, _broken(path.problem, last, leaf.subject))


def _broken(problem: str, subject: str, leaf: str) -> Message:
    """Why there is no path, in words; ``subject`` is the last certificate of what holds."""
    sentences = {
        "signature": msg("la signature de {subject} n'est pas celle de l'émetteur qu'il nomme", subject=subject),
        "not_ca": msg("l'émetteur de {subject} n'est pas une autorité (basicConstraints)", subject=subject),
        "key_usage": msg(
            "l'émetteur de {subject} n'a pas le droit de signer des certificats (keyUsage)", subject=subject
        ),
        "path_length": msg("une autorité au-dessus de {subject} interdit une chaîne aussi longue", subject=subject),
        "name_constraints": msg("une autorité au-dessus de {subject} ne peut pas garantir ce nom", subject=subject),
        "critical_extension": msg("une extension critique inconnue, à {subject} ou au-dessus", subject=subject),
        "leaf_is_ca": msg(
            "{subject} est présenté par un serveur mais se dit autorité (basicConstraints)", subject=leaf
        ),
        "unreadable": msg("les extensions de {subject}, ou de son émetteur, sont illisibles", subject=subject),
        "unsupported": msg(
            "la signature de {subject} emploie un algorithme que l'outil ne sait pas vérifier", subject=subject
        ),
        "limit": msg("chaîne trop longue ou trop ramifiée pour être suivie au-dessus de {subject}", subject=subject),
    }
    return sentences[problem]


def _complete(chain: Chain, facts: TlsEndpoint) -> Item:
    """R34."""
    path = chain.path
    if not chain.ordered:
        order = " < ".join(c.subject for c in chain.certificates)
        return Item("R34", False, order, msg("R34 : certificats envoyés dans le désordre : {order}", order=order))
    if path.result == "missing_issuer":
        return Item(
            "R34",
            False,
            f"-{path.stopped_at}",
            msg("R34 : chaîne incomplète, il manque le certificat de {issuer}", issuer=path.stopped_at),
        )
    known = {c.sha256: c for c in (*facts.anchors, *chain.certificates)}
    last = known.get(path.certificates[-1]) if path.certificates else None
    if path.result == "anchored" or (last is not None and (last.self_signed or last in facts.anchors)):
        count = len(chain.certificates)
        return Item(
            "R34", True, str(count), msg("R34 : chaîne ordonnée et complète de {count} certificats", count=count)
        )
    return Item("R34", None, "?", msg("R34 : chaîne ordonnée, mais rien ne dit si elle est complète"))


def _dates(certificate: Certificate, at: datetime) -> Item:
    span = f"{certificate.not_before:%Y-%m-%d}/{certificate.not_after:%Y-%m-%d}"
    return Item(
        "dates",
        certificate.not_before <= at <= certificate.not_after,
        f"{span} ({certificate.subject})",
        msg(
            "certificat {subject} valable du {start} au {end}, mesuré le {at}",
            subject=certificate.subject,
            start=f"{certificate.not_before:%Y-%m-%d}",
            end=f"{certificate.not_after:%Y-%m-%d}",
            at=f"{at:%Y-%m-%d}",
        ),
    )


def _name(leaf: Certificate, host: str) -> Item:
    found = names_host(host, leaf.dns_names, leaf.ip_addresses)
    entries = ", ".join([*leaf.dns_names, *leaf.ip_addresses]) or "-"
    if not found and not leaf.extensions_readable:
        return Item(
            "name",
            None,
            "?",
            msg("les extensions du certificat sont illisibles : nom de {host} non vérifiable", host=host),
        )
    if not found and leaf.truncated:
        return Item(
            "name",
            None,
            entries,
            msg("certificat à trop de noms pour tous les lire ; {host} n'est pas parmi les premiers", host=host),
        )
    return Item(
        "name",
        found,
        f"{host} / {entries}",
        msg("service déclaré {host}, certificat au nom de {entries}", host=host, entries=entries),
    )


def _factory(leaf: Certificate) -> Item:
    """R53 of the ANSSI video and access-control guide: certificates of the factory are replaced."""
    if leaf.self_signed:
        return Item("R53", False, leaf.subject, msg("R53 : certificat autosigné {subject}", subject=leaf.subject))
    return Item("R53", True, leaf.issuer, msg("R53 : certificat délivré par {issuer}", issuer=leaf.issuer))
