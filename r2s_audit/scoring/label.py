"""The label whole: what goes with a score once the verdicts are there. Nothing here moves a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from r2s_audit.model.profile import Profile
from r2s_audit.model.score import CorroborationResult, Label, OverlayUse, Score, ServicesResult
from r2s_audit.model.services import ServiceCatalogue
from r2s_audit.model.verdict import Verdict

from .claims import Bounds, Claims, Filed, settled, weigh
from .corroboration import Seen, corroborations
from .points import score
from .services import services
from .whatif import lifts


@dataclass(frozen=True, slots=True)
class LabelInputs:
    """What is given beside the evidence: overlays that were applied, declarations, services, levels to ask for."""

    overlays: tuple[OverlayUse, ...] = ()
    filed: tuple[Filed, ...] = ()
    catalogue: ServiceCatalogue | None = None
    catalogue_digest: str = ""
    targets: tuple[str, ...] | None = ()
    """Levels of the what-if: none by default; None means every level that is not certain yet."""


NOTHING = LabelInputs()


def bounds_of(verdicts: Sequence[Verdict]) -> dict[str, Bounds]:
    """What the evidence leaves possible, by requirement."""
    return {verdict.requirement: Bounds(verdict.worst, verdict.best) for verdict in verdicts}


def label(
    profile: Profile,
    verdicts: Sequence[Verdict],
    measured: Score,
    seen: Seen | Sequence[CorroborationResult],
    day: date,
    inputs: LabelInputs = NOTHING,
) -> Label:
    """Declarations and waivers weighed on a day, services counted, corroborations listed, levels lifted.

    ``verdicts`` and ``measured`` are those of the evidence alone, and stay as they are. The what-if starts from what is
    certain with the declarations. ``seen`` is what was found, or the corroborations that an audit document already
    holds. Raises what :func:`~.claims.weigh`, :func:`~.services.services` and :func:`~.whatif.lifts` raise.
    """
    claims = weigh(inputs.filed, bounds_of(verdicts), day) if inputs.filed else Claims()
    final = settled(verdicts, claims)
    declared_score = score(profile, final) if claims.verdicts else None
    found = corroborations(profile, inputs.catalogue, seen) if isinstance(seen, Seen) else tuple(seen)
    targets = inputs.targets
    if targets is None:
        targets = above(profile, (declared_score or measured).level_guaranteed)
    return Label(
        overlays=inputs.overlays,
        declared=tuple(claims.verdicts[v.requirement] for v in verdicts if v.requirement in claims.verdicts),
        declared_score=declared_score,
        declarations=claims.declarations,
        waivers=claims.waivers,
        corroborations=found,
        services=_services(inputs, claims, found),
        lifts=lifts(profile, bounds_of(final), targets) if targets else (),
        effort_unit=profile.effort_unit,
    )


def _services(inputs: LabelInputs, claims: Claims, found: Sequence[CorroborationResult]) -> ServicesResult | None:
    if inputs.catalogue is None:
        if claims.services:
            raise ValueError("services are declared, and the label has no catalogue of services")
        return None
    return services(inputs.catalogue, inputs.catalogue_digest, claims.services, found)


def above(profile: Profile, guaranteed: str) -> tuple[str, ...]:
    """The levels above the one that is certain, in the profile's order."""
    levels = [level.id for level in profile.levels]
    return tuple(levels[levels.index(guaranteed) + 1 :] if guaranteed else levels)
