"""Points, levels and the rest of the label: what a score is, and what goes with it (declared, waived, corroborated)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from .base import Identifier, Model
from .declaration import Declaration, Waiver
from .profile import Bilingual, Fact
from .site import NotApplicable, Stage
from .text import Message
from .verdict import CriterionResult, VerdictValue

SCORE_FORMAT = 1
"""Version of the score document that this program writes."""


FINDINGS_FORMAT = 1
"""Version of the findings document that this program reads; a newer one is refused."""


class PointsInterval(Model):
    """Points, as exact decimal or fraction texts."""

    worst: str
    best: str
    maximum: str


class ThemeScore(Model):
    """One theme in its two scopes."""

    theme: str
    title: str
    logement: PointsInterval
    batiment: PointsInterval


class PrerequisiteState(Model):
    """How many prerequisites are met for certain, may be, cannot be, and lie outside what a probe sees."""

    total: int
    met: int
    possible: int
    outside_probe: int


class Score(Model):
    """Points and level as intervals; ``level_guaranteed`` is empty where none is certain."""

    total: PointsInterval
    themes: tuple[ThemeScore, ...]
    prerequisites: PrerequisiteState
    level_guaranteed: str
    level_possible: str
    statement: Message


class OverlayUse(Model):
    """A certifier's overlay that was applied: whose it is, by which bytes, how many figures it gave."""

    id: str
    version: str
    title: str
    issuer: str
    document: str
    dated: date
    digest: str
    figures: int


class ClaimStatus(StrEnum):
    """What became of a declaration or a waiver at the date of judgement."""

    RETAINED = "retained"
    """A declaration that settles what the evidence leaves open; a waiver in force."""
    AGREES = "agrees"
    """The evidence says the same by itself: nothing left to declare."""
    CONTRADICTED = "contradicted"
    """Outside of what the evidence leaves possible: without effect."""
    CONFLICTING = "conflicting"
    """Another one of the same day says otherwise: neither has an effect."""
    SUPERSEDED = "superseded"
    """A later one of the same target stands in its place."""
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    """Dated after the day of judgement."""
    WITHOUT_PROOF = "without_proof"
    """A service declared without any attached file: not counted."""


class DeclarationResult(Model):
    """A declaration and what became of it."""

    declaration: Declaration
    status: ClaimStatus
    said: Message
    digest: str
    """Of the file that it stands in."""


class WaiverResult(Model):
    """A waiver, whether it is in force; it never changes a verdict."""

    waiver: Waiver
    status: ClaimStatus
    said: Message
    digest: str


class DeclaredVerdict(Model):
    """A requirement whose open verdict a declaration settles, for the score « déclarations comprises » alone."""

    requirement: str
    value: VerdictValue
    declarations: tuple[str, ...]


class CorroborationState(StrEnum):
    """What the linked findings say together."""

    SUPPORTS = "supports"
    OPPOSES = "opposes"
    MIXED = "mixed"
    NOTHING = "nothing"
    """Nothing was verified: neither for nor against."""


class CorroborationResult(Model):
    """A link with the findings behind it: support for whoever decides, never points."""

    target: str
    """Identifier of the requirement or service."""
    kind: Literal["requirement", "service"]
    title: Bilingual
    state: CorroborationState
    conforme: int
    partiel: int
    non_conforme: int
    facts: tuple[str, ...] = ()
    links: tuple[str, ...]
    """Criteria, checks and facts that the profile names, as it names them."""
    source: str


class ServiceStatus(StrEnum):
    """What is declared of a service: the label body validates, this program only counts what is declared."""

    DECLARED = "declared"
    """Declared valide, with proof, by a declaration in force."""
    ABSENT = "absent"
    """Declared non_valide."""
    OPEN = "open"


class ServiceResult(Model):
    """One service of the catalogue; ``objective`` and ``description`` are null where the document has none."""

    id: str
    title: str
    objective: str | None
    description: str | None
    status: ServiceStatus
    declarations: tuple[str, ...] = ()
    corroboration: CorroborationState | None = None
    """None: nothing that the audit observes bears on it."""


class VignetteResult(Model):
    """A family's vignette under one reading of the document."""

    reading: Bilingual
    threshold: int
    source: str
    obtained: bool
    """Enough services are declared with proof."""
    possible: bool
    """Enough are, or may still be."""


class FamilyResult(Model):
    """A family: how many services are declared for certain, how many may still be."""

    id: str
    title: str
    services: tuple[ServiceResult, ...]
    declared: int
    possible: int
    points: PointsInterval
    """Of the family as a whole: the document shares them out among no services, hence 0 or all of them for certain."""
    vignettes: tuple[VignetteResult, ...]


class ServicesResult(Model):
    """All families, and the catalogue that they come from."""

    catalogue: str
    version: str
    digest: str
    document: str
    notes: tuple[Bilingual, ...]
    families: tuple[FamilyResult, ...]
    declared: int
    possible: int
    total: int


class Move(Model):
    """One requirement to bring to a state."""

    requirement: str
    title: str
    prerequisite: bool
    start: VerdictValue
    to: VerdictValue
    open: bool
    """The evidence leaves this state possible already: to be shown, or declared, not to be mended."""
    effort: str
    points: str


class Lift(Model):
    """The least effort to a level, proved to be the least."""

    level: str
    title: str
    reachable: bool
    moves: tuple[Move, ...] = ()
    effort: str = "0"
    points: str = "0"
    """Points for certain once the moves are made."""
    hypothesis: bool = True
    """Whether any effort that was weighed is a hypothesis."""
    states: int = 0
    """Combinations that were kept and compared."""
    said: Message


class StageTheme(Model):
    """One bar of the chart: shares of the theme's points as exact texts between 0 and 1."""

    theme: str
    title: str
    certain: str
    declared: str
    """With the declarations that were in force."""
    possible: str
    hypothesis: bool = False
    """The axis has no scale in the label's document: the share is ours."""


class StageResult(Model):
    """The dossier as it stood on one day."""

    stage: Stage
    dated: date
    themes: tuple[StageTheme, ...]
    level_guaranteed: str
    level_declared: str


class Label(Model):
    """What goes with a score: overlays, declarations, waivers, services, corroborations, what-if, stages."""

    overlays: tuple[OverlayUse, ...] = ()
    declared: tuple[DeclaredVerdict, ...] = ()
    declared_score: Score | None = None
    """Score with the retained declarations; None without any."""
    declarations: tuple[DeclarationResult, ...] = ()
    waivers: tuple[WaiverResult, ...] = ()
    corroborations: tuple[CorroborationResult, ...] = ()
    services: ServicesResult | None = None
    lifts: tuple[Lift, ...] = ()
    effort_unit: Bilingual | None = None
    stages: tuple[StageResult, ...] = ()


class GivenFinding(Model):
    """What another program found: one criterion of the profile, one subject, one value."""

    criterion: str
    subject: str
    value: Literal["C", "P", "N", "non_verifie", "sans_objet"]
    proof: bool = False
    """For ``sans_objet``: a completed observation shows it; else it counts as non vérifié."""


class GivenVerdict(Model):
    """A verdict that another program reached itself, with its bounds."""

    requirement: str
    worst: Literal["non_atteint", "partiellement_atteint", "atteint"]
    best: Literal["non_atteint", "partiellement_atteint", "atteint"]


class Findings(Model):
    """What ``score --json -`` reads: evidence of this or of another program, to be scored with a profile.

    A criterion or a requirement of which nothing is said is not verified. The population of a criterion is what is
    listed for it, the ``non_verifie`` included.
    """

    r2s_findings: Literal[1]
    program: str = ""
    """Who found it."""
    as_of: date | datetime | None = None
    """Date of judgement: needed where there are declarations."""
    findings: tuple[GivenFinding, ...] = ()
    verdicts: tuple[GivenVerdict, ...] = ()
    not_applicable: tuple[NotApplicable, ...] = ()
    facts: tuple[Fact, ...] = ()


class ScoredRequirement(Model):
    """One requirement in a score document."""

    requirement: Identifier
    title: str
    theme: str
    prerequisite: bool
    verdict: VerdictValue
    worst: VerdictValue
    best: VerdictValue
    declared: VerdictValue | None = None
    """*Déclaré*: the state that a declaration gives to an open verdict."""
    criteria: tuple[CriterionResult, ...] = ()


class ScoreDocument(Model):
    """What ``score`` writes: the label's words and numbers, without the evidence behind them."""

    r2s_score: int = SCORE_FORMAT
    title: str
    """« simulation – barème hypothétique » wherever a figure of the scale is a hypothesis."""
    simulation: bool
    language: str = "fr"
    program: str
    as_of: datetime | None
    profile: str
    profile_version: str
    profile_digest: str
    evidence_digest: str
    """Of the findings or of the audit document that was scored; of the ledger's head for a record."""
    verdicts: tuple[ScoredRequirement, ...]
    score: Score
    label: Label
