"""From the leaf to a declared anchor, by signatures: what makes an issuer (RFC 5280, section 6.1), dates and names apart.

A library's web profile refuses leaves that a building's own authority legitimately makes, and says one word for twenty
reasons. Here basicConstraints, keyUsage, path length, name constraints and unknown critical extensions are kept, each
with its own word; key sizes, digests, dates and names are items of the checks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from probes.tls.certificates import MAX_TEXT, digest, extension, read_extensions
from probes.tls.constraints import allows, names_of
from probes.tls.facts import Path
from probes.tls.signatures import signature_problem

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MAX_DEPTH = 8
MAX_VERIFICATIONS = 64

_UNDERSTOOD = {
    x509.BasicConstraints.oid,
    x509.KeyUsage.oid,
    x509.ExtendedKeyUsage.oid,
    x509.SubjectAlternativeName.oid,
    x509.NameConstraints.oid,
    x509.AuthorityKeyIdentifier.oid,
    x509.SubjectKeyIdentifier.oid,
    x509.CRLDistributionPoints.oid,
    x509.AuthorityInformationAccess.oid,
    x509.CertificatePolicies.oid,
    x509.IssuerAlternativeName.oid,
}
"""Critical extensions that are processed, or that only add information."""


@dataclass(slots=True)
class _Search:
    """Depth-first over candidates; keeps the dead end that went furthest."""

    anchors: Sequence[x509.Certificate]
    sent: Sequence[x509.Certificate]
    at: datetime
    verifications: int = 0
    dead_end: tuple[x509.Certificate, ...] = ()
    problem: str = ""
    problem_depth: int = field(default=-1)

    def walk(self, path: tuple[x509.Certificate, ...]) -> tuple[x509.Certificate, ...] | None:
        """The first whole path that begins like this one."""
        last = path[-1]
        if last in self.anchors:
            return path
        if len(path) > len(self.dead_end):
            self.dead_end = path
        if len(path) == MAX_DEPTH:
            self._note("limit", len(path))
            return None
        for issuer in self._candidates(path):
            problem = self._why_not(issuer, path)
            if problem:
                self._note(problem, len(path))
                continue
            found = self.walk((*path, issuer))
            if found:
                return found
        return None

    def _candidates(self, path: tuple[x509.Certificate, ...]) -> list[x509.Certificate]:
        """Whoever bears the issuer's name: valid ones first, declared ones first among them."""
        wanted = path[-1].issuer
        pool = [c for c in dict.fromkeys([*self.anchors, *self.sent]) if c.subject == wanted and c not in path]
        return sorted(pool, key=lambda c: not c.not_valid_before_utc <= self.at <= c.not_valid_after_utc)

    def _note(self, problem: str, depth: int) -> None:
        if depth > self.problem_depth:
            self.problem, self.problem_depth = problem, depth

    def _why_not(self, issuer: x509.Certificate, path: tuple[x509.Certificate, ...]) -> str:
        """Why the issuer may not have issued the last of the path; empty where it may."""
        self.verifications += 1
        if self.verifications > MAX_VERIFICATIONS:
            return "limit"
        return _issuer_problem(issuer, path) or signature_problem(path[-1], issuer)


def find_path(
    leaf: x509.Certificate, sent: Sequence[x509.Certificate], anchors: Sequence[x509.Certificate], at: datetime
) -> Path:
    """Look for signatures that lead from the leaf to an anchor.

    Args:
        leaf: the server's own certificate.
        sent: whatever else the server sent.
        anchors: what the site declares; empty: the result is ``not_declared``, with as much of a path as was sent.
        at: the time of the scan; only prefers valid issuers among equals.
    """
    search = _Search(anchors, sent, at)
    problem = _leaf_problem(leaf)
    found = search.walk((leaf,))
    if found and not problem:
        return Path(result="anchored", certificates=_digests(found))
    path = found or search.dead_end
    if not anchors:
        return Path(result="not_declared", certificates=_digests(path), stopped_at=_end(path[-1]), problem=problem)
    problem = problem or search.problem
    if problem:
        return Path(result="broken", certificates=_digests(path), problem=problem)
    if path[-1].subject == path[-1].issuer:
        return Path(result="no_anchor", certificates=_digests(path))
    return Path(result="missing_issuer", certificates=_digests(path), stopped_at=_end(path[-1]))


def _end(last: x509.Certificate) -> str:
    return "" if last.subject == last.issuer else last.issuer.rfc4514_string()[:MAX_TEXT]


def _digests(path: Sequence[x509.Certificate]) -> tuple[str, ...]:
    return tuple(digest(certificate.public_bytes(Encoding.DER)) for certificate in path)


def _leaf_problem(leaf: x509.Certificate) -> str:
    extensions = read_extensions(leaf)
    if extensions is None:
        return "unreadable"
    if any(e.critical and e.oid not in _UNDERSTOOD for e in extensions):
        return "critical_extension"
    basic = extension(extensions, x509.BasicConstraints)
    return "leaf_is_ca" if basic and basic.ca else ""


def _issuer_problem(issuer: x509.Certificate, path: tuple[x509.Certificate, ...]) -> str:
    """What in the issuer's own extensions forbids it to vouch for this path."""
    extensions = read_extensions(issuer)
    if extensions is None:
        return "unreadable"
    if any(e.critical and e.oid not in _UNDERSTOOD for e in extensions):
        return "critical_extension"
    basic = extension(extensions, x509.BasicConstraints)
    if not basic or not basic.ca:
        return "not_ca"
    usage = extension(extensions, x509.KeyUsage)
    between = sum(1 for c in path[1:] if c.subject != c.issuer)
    constraints = extension(extensions, x509.NameConstraints)
    problems = {
        "key_usage": usage is not None and not usage.key_cert_sign,
        "path_length": basic.path_length is not None and between > basic.path_length,
        "name_constraints": constraints is not None and not _names_allowed(constraints, path),
    }
    return next((word for word, found in problems.items() if found), "")


def _names_allowed(constraints: x509.NameConstraints, path: tuple[x509.Certificate, ...]) -> bool:
    """RFC 5280, 6.1.4 (g): self-issued intermediates are exempt, the leaf never is."""
    return all(allows(constraints, names_of(c)) for c in path if c is path[0] or c.subject != c.issuer)
