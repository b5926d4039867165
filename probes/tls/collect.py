"""The collector ``tls.endpoint``: from a declared service to facts and stored certificates.

AIA, CRL and OCSP addresses are recorded and never followed (promise 4); nothing is sent but handshakes.
"""

from __future__ import annotations

from ipaddress import ip_address
from itertools import pairwise
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from probes.api import CollectFailure, Outcome
from probes.tls.certificates import MAX_TEXT, UnreadableCertificate, describe, digest, load
from probes.tls.facts import Chain, Negotiated, Path, TlsEndpoint
from probes.tls.path import find_path
from probes.tls.survey import HANDSHAKE_SECONDS, Dialogue, chosen_suite, survey_all, survey_once
from probes.tls.wire_hello import TLS13, VERSION_OF
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from datetime import datetime

    from probes.api import Access
    from probes.tls.facts import Certificate, VersionName
    from probes.tls.survey import Survey
    from r2s_audit.model.observation import BlobRef, Request
    from r2s_audit.model.site import Device, Service
    from r2s_audit.model.text import Message

MAX_CHAINS = 4
"""Distinct chains of one endpoint that are kept: a server may have one per key type."""
MAX_ANCHORS = 64


async def endpoint(access: Access, request: Request) -> Outcome:
    """Observe one service at one address.

    Raises:
        CollectFailure: the endpoint cannot be reached, or nothing that it says is TLS.
    """
    device = access.topology.devices[request.target]
    address = ip_address(str(request.param("address")))
    port = int(request.param("port"))
    name = str(dict(request.params).get("name", ""))
    anchors, unreadable = _anchors(access, device, port, name)
    at = access.now()
    dialogue = Dialogue(access, device, address, port, _sni(name), HANDSHAKE_SECONDS)
    survey = await (survey_once(dialogue) if device.tls_mode == "single" else survey_all(dialogue))
    _raise_if_nothing(survey, f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}")  # noqa: PLR2004 - IP version
    blobs: dict[str, BlobRef] = {}
    facts = TlsEndpoint(
        at=at,
        mode=device.tls_mode,
        handshakes=dialogue.handshakes,
        server_name=dialogue.server_name,
        negotiated=_negotiated(survey),
        versions=tuple(survey.versions),
        controls=survey.controls,
        suites=tuple(survey.suites),
        renegotiation_info=_renegotiation(survey),
        downgrade_sentinel=_sentinel(survey),
        chains=tuple(_chains(access, survey, [c for c, _ in anchors], at, blobs)),
        anchors=tuple(fact for _, fact in anchors),
        anchors_unreadable=unreadable,
    )
    evidence = [access.keep(raw, f"tls-answer-{version}") for version, raw in survey.evidence if raw]
    return Outcome(facts=facts, blobs=(*blobs.values(), *evidence), packets_sent=dialogue.packets)


def _sni(name: str) -> str:
    """The name for SNI: ASCII form; none for an address (RFC 6066, section 3) or for a name that has no such form."""
    try:
        ip_address(name)
    except ValueError:
        pass
    else:
        return ""
    try:
        return name.encode("idna").decode("ascii").removesuffix(".")
    except UnicodeError:
        return ""


def _service(device: Device, port: int, name: str) -> Service | None:
    found = [s for s in device.services if s.tls and s.port == port]
    return next((s for s in found if s.server_name == name), None)


def _anchors(
    access: Access, device: Device, port: int, name: str
) -> tuple[list[tuple[x509.Certificate, Certificate]], tuple[str, ...]]:
    """Declared trust anchors, each once, and the files that are none; an unreadable file costs the chain only."""
    service = _service(device, port, name)
    found: dict[str, tuple[x509.Certificate, Certificate]] = {}
    unreadable: list[str] = []
    for file in service.trust if service else ():
        try:
            for certificate in x509.load_pem_x509_certificates(access.declared_file(file)):
                der = certificate.public_bytes(Encoding.DER)
                found[digest(der)] = (load(der), describe(certificate, der))
        except (CollectFailure, UnreadableCertificate, ValueError, UnsupportedAlgorithm):
            unreadable.append(file[:MAX_TEXT])
    if len(found) > MAX_ANCHORS:
        raise CollectFailure(
            Failure.LIMIT_EXCEEDED,
            msg("{count} autorités déclarées pour un service, {limit} au plus", count=len(found), limit=MAX_ANCHORS),
        )
    return list(found.values()), tuple(unreadable)


def _raise_if_nothing(survey: Survey, where: str) -> None:
    """Turn a survey in which the endpoint said nothing in TLS into a failure with its reason."""
    if survey.answers or survey.first.flight.alert or any(v.alert is not None for v in survey.versions):
        return
    errors = {survey.first.error, *(v.error for v in survey.versions)}
    reasons = _reasons(where)
    failure, reason = next((reasons[e] for e in reasons if e in errors), reasons["tls"])
    raise CollectFailure(failure, reason)


def _reasons(where: str) -> dict[str, tuple[Failure, Message]]:
    """Failure and sentence by error, the one that says most first."""
    return {
        "not_tls": (Failure.NOT_SUPPORTED, msg("{where} répond, mais pas en TLS", where=where)),
        "limit": (
            Failure.LIMIT_EXCEEDED,
            msg("{where} envoie plus que ce qu'une négociation TLS peut contenir : lecture arrêtée", where=where),
        ),
        "malformed": (
            Failure.NOT_SUPPORTED,
            msg("{where} répond par des messages TLS qui se contredisent", where=where),
        ),
        "timeout": (
            Failure.TIMEOUT,
            msg("{where} accepte la connexion mais n'achève aucune réponse TLS dans le délai", where=where),
        ),
        "closed": (Failure.REFUSED, msg("{where} ferme la connexion sans répondre au ClientHello", where=where)),
        "reset": (Failure.REFUSED, msg("{where} coupe la connexion (RST) sans répondre au ClientHello", where=where)),
        "budget": (
            Failure.OVER_BUDGET,
            msg("{where} : budget de connexions ou de temps épuisé avant toute réponse TLS", where=where),
        ),
        "connect": (
            Failure.UNREACHABLE,
            msg("{where} n'accepte plus de connexion avant toute réponse TLS", where=where),
        ),
        "tls": (
            Failure.NOT_SUPPORTED,
            msg("{where} : négociation TLS impossible, sans alerte du serveur", where=where),
        ),
    }


def _negotiated(survey: Survey) -> Negotiated:
    answer = survey.first
    flight = answer.flight
    return Negotiated(
        completed=answer.completed,
        version=VERSION_OF[flight.server_hello.version] if flight.server_hello else None,
        suite=chosen_suite(answer),
        client_certificate_requested=flight.certificate_requested,
        alert=flight.alert.description if flight.alert else None,
        error=answer.error,
    )


def _renegotiation(survey: Survey) -> bool | None:
    hellos = [a.flight.server_hello for _, a in survey.answers if a.flight.server_hello]
    older = [h.renegotiation_info for h in hellos if h.version < TLS13]
    return all(older) if older else None


def _sentinel(survey: Survey) -> bool | None:
    """Only a server that has TLS 1.3 must write it, and only where something older was agreed."""
    if not any(v.version == "TLSv1.3" and v.status == "accepted" for v in survey.versions):
        return None
    hellos = [a.flight.server_hello for _, a in survey.answers if a.flight.server_hello]
    older = [h.sentinel for h in hellos if h.version < TLS13]
    return all(older) if older else None


def _chains(
    access: Access, survey: Survey, anchors: list[x509.Certificate], at: datetime, blobs: dict[str, BlobRef]
) -> list[Chain]:
    """Every distinct chain that was sent, with the versions under which it was seen."""
    seen: dict[tuple[bytes, ...], list[VersionName]] = {}
    for version, answer in survey.answers:
        if answer.chain and (answer.chain in seen or len(seen) < MAX_CHAINS):
            versions = seen.setdefault(answer.chain, [])
            if version not in versions:
                versions.append(version)
    for ders in seen:
        for der in ders:
            blobs.setdefault(digest(der), access.keep(der, "x509-certificate"))
    return [read_chain(ders, tuple(versions), anchors, at) for ders, versions in seen.items()]


def read_chain(
    ders: tuple[bytes, ...], seen_with: tuple[VersionName, ...], anchors: list[x509.Certificate], at: datetime
) -> Chain:
    """The facts of a chain as sent, its order, and the path to an anchor."""
    readable: list[tuple[x509.Certificate, bytes]] = []
    unreadable: list[int] = []
    for place, der in enumerate(ders):
        try:
            readable.append((load(der), der))
        except UnreadableCertificate:
            unreadable.append(place)
    parsed = [certificate for certificate, _ in readable]
    ordered = not unreadable and all(a.issuer == b.subject for a, b in pairwise(parsed))
    path = Path(result="broken" if anchors else "not_declared", problem="unreadable")
    if 0 not in unreadable:
        path = find_path(parsed[0], parsed[1:], anchors, at)
    return Chain(
        seen_with=seen_with,
        certificates=tuple(describe(certificate, der) for certificate, der in readable),
        unreadable=tuple(unreadable),
        ordered=ordered,
        path=path,
    )
