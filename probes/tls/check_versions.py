"""``tls.versions``: which protocol versions an endpoint accepts (SDE-NT-35, R3 and R4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from probes.api import Check, NotVerified, conforme, non_conforme, partiel
from probes.tls.facts import VersionName
from probes.tls.subjects import EndpointCheck
from r2s_audit.model.base import Model
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from probes.tls.facts import TlsEndpoint
    from r2s_audit.model.finding import Judgement, Subject


class VersionLists(Model):
    """Versions that a policy allows; every other one is refused by it."""

    preferred: Annotated[list[VersionName], Field(min_length=1)]
    """One of them must be accepted for C."""
    acceptable: list[VersionName] = []
    """Allowed beside a preferred one; alone: P."""


class VersionsParameters(Model):
    """``versions: {preferred: ["TLSv1.3"], acceptable: ["TLSv1.2"]}``."""

    versions: VersionLists


class Versions(EndpointCheck[VersionsParameters], Check[VersionsParameters]):
    """C: a preferred version, nothing outside the lists; P: acceptable ones only; N: anything outside the lists.

    A refusal counts where the endpoint went through a handshake before and after it. A version whose test ended in an
    error, or was not made (one handshake only), is unknown and leaves the finding open unless another settles N.
    """

    id = "tls.versions"
    title = msg("Versions de TLS acceptées par chaque service chiffré")
    reference = "ANSSI SDE-NT-35 v1.2, R3, R4"
    controls: ClassVar[Message] = msg("poignée de main réussie avec le même service avant et après les refus")
    Parameters = VersionsParameters

    def expected(self, parameters: VersionsParameters) -> Message:
        """The allowed versions."""
        lists = parameters.versions
        return msg(
            "{preferred} accepté ; rien d'autre que {allowed}",
            preferred=_names(lists.preferred),
            allowed=_names([*lists.preferred, *lists.acceptable]),
        )

    def judge_endpoint(self, facts: TlsEndpoint, parameters: VersionsParameters, subject: Subject) -> Judgement:  # noqa: ARG002 - the contract's form
        """See the class."""
        expected = self.expected(parameters)
        preferred = set(parameters.versions.preferred)
        allowed = preferred | set(parameters.versions.acceptable)
        accepted = [v.version for v in facts.versions if v.status == "accepted"]
        barred = [v for v in accepted if v not in allowed]
        if barred:
            return non_conforme(
                expected,
                msg(
                    "accepte {barred} (versions acceptées : {accepted})",
                    barred=_names(barred),
                    accepted=_names(accepted),
                ),
            )
        if not accepted:
            raise NotVerified(
                msg("aucune version de TLS acceptée : {states}", states=_states(facts)), expected=expected
            )
        wanted = {"accepted"} if preferred & set(accepted) else set()
        controlled = facts.controls.before and facts.controls.after
        needed = [v for v in facts.versions if v.version not in allowed or (not wanted and v.version in preferred)]
        # One handshake: an older version that the server chose refuses those above it, and is its own control.
        controlled = facts.mode == "single" or (facts.controls.before and facts.controls.after)
        missing = [v.version for v in needed if v.status != "refused" or not controlled]
        if missing:
            raise NotVerified(_why_open(facts, accepted, missing, controlled=controlled), expected=expected)
        measured = msg("accepte {accepted} et refuse toute autre version", accepted=_names(accepted))
        return conforme(expected, measured) if wanted else partiel(expected, measured)


def _why_open(
    facts: TlsEndpoint, accepted: list[VersionName], missing: list[VersionName], *, controlled: bool
) -> Message:
    if facts.mode == "single":
        return msg(
            "une seule poignée de main permise sur cet équipement : {accepted} accepté, inconnu pour {missing}",
            accepted=_names(accepted),
            missing=_names(missing),
        )
    if not controlled:
        return msg("refus sans poignée de main témoin avant et après : inconnu pour {missing}", missing=_names(missing))
    return msg("essai sans réponse claire pour {missing} : {states}", missing=_names(missing), states=_states(facts))


def _names(versions: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(versions))


def _states(facts: TlsEndpoint) -> str:
    """Every version with what came back, in code words."""
    return ", ".join(
        f"{v.version}={v.status}"
        + (f"({v.alert if v.alert is not None else v.answered or v.error})" if v.status != "accepted" else "")
        for v in facts.versions
    )
