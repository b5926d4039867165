"""A label as data: requirements, criteria, rules, points, levels.

No rule, threshold or label name lives in the code: a profile names checks and says how their findings combine. Every
number, prerequisite and weight is a :class:`Sourced` value: ``seed`` (the label's own document says it), ``standard``
(a cited document says it) or ``hypothesis`` (ours; the report is then titled a simulation).
"""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Generic, Literal, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, Field, JsonValue, model_validator

from .base import Identifier, Model

PROFILE_FORMAT = 1
"""Version of the profile file that this program reads; a newer one is refused."""

T = TypeVar("T")


class Source(StrEnum):
    """Who says so."""

    SEED = "seed"
    STANDARD = "standard"
    HYPOTHESIS = "hypothesis"
    CERTIFIER = "certifier"
    """The certifier's own figure, by an overlay file or by his own profile; named with its document."""


NAMED = frozenset({Source.STANDARD, Source.CERTIFIER})
"""Sources that a reference must name."""


class Sourced(Model, Generic[T]):
    """A value and who says it; a standard is named, with its clause."""

    value: T
    source: Source
    reference: str = ""

    @model_validator(mode="after")
    def _source_is_named(self) -> Self:
        if self.source in NAMED and not self.reference:
            raise ValueError(f"source: {self.source.value} needs a reference")
        return self


def _fraction(text: str) -> str:
    if not 0 <= Fraction(text) <= 1:
        raise ValueError("a share lies between 0 and 1")
    return text


Share = Annotated[str, Field(pattern=r"^\d+(/0*[1-9]\d*|\.\d+)?$"), AfterValidator(_fraction)]
"""An exact share: ``1``, ``4/5``, ``0.95``; compared as fractions, never as floating point."""


class Bilingual(Model):
    """A text of the profile in both languages; the French one is the label's."""

    fr: str
    en: str = ""


class ShareOver(Model):
    """Class of a population: the share of its members that are C must reach a threshold."""

    atteint: Sourced[Share]
    partiel: Sourced[Share]
    partial_weight: Sourced[Share] | None = None
    """What a member that is P weighs; 0 unless said."""

    @model_validator(mode="after")
    def _thresholds_in_order(self) -> Self:
        if Fraction(self.partiel.value) > Fraction(self.atteint.value):
            raise ValueError("partiel is above atteint: thresholds out of order")
        return self


class Criterion(Model):
    """One condition of a requirement: a check over its population, with its parameters.

    Without a ``check`` the criterion is one that no probe evidences yet; ``awaits`` says what is missing, and the
    criterion counts as *non vérifié*: it widens the verdict instead of disappearing.
    """

    id: Identifier
    title: Bilingual
    check: str | None = None
    awaits: str = ""
    over: Literal["all", "any"] | ShareOver = "all"
    parameters: dict[str, Sourced[JsonValue]] = Field(default={}, alias="with")
    worst: Literal["P"] | None = None
    """``P``: a failure here costs no more than *partiel* (grade)."""
    max_age_days: Sourced[Annotated[int, Field(ge=1)]] | None = None
    """Evidence older than this at the date of judgement counts as non vérifié."""
    source: Source
    reference: str = ""

    @model_validator(mode="after")
    def _check_or_reason(self) -> Self:
        if (self.check is None) != bool(self.awaits):
            raise ValueError("a criterion has either a check or an 'awaits' reason")
        if self.source in NAMED and not self.reference:
            raise ValueError(f"source: {self.source.value} needs a reference")
        return self


class AllRule(Model):
    """Component-wise minimum."""

    all: Annotated[list[Rule], Field(min_length=1)]


class AnyRule(Model):
    """Component-wise maximum."""

    any: Annotated[list[Rule], Field(min_length=1)]


class Tiers(Model):
    """Nested sets: atteint needs all of the larger, partiel all of the smaller."""

    atteint: Annotated[list[Rule], Field(min_length=1)]
    partiel: Annotated[list[Rule], Field(min_length=1)]


class TiersRule(Model):
    """See :class:`Tiers`."""

    tiers: Tiers


class Cap(Model):
    """``rule`` is limited to ``at`` unless ``unless`` is conforme."""

    rule: Rule
    unless: Rule
    at: Literal["P", "N"]


class CapRule(Model):
    """See :class:`Cap`."""

    cap: Cap


class Grade(Model):
    """A failure of ``rule`` costs no more than ``worst``."""

    rule: Rule
    worst: Literal["P"]


class GradeRule(Model):
    """See :class:`Grade`."""

    grade: Grade


Rule: TypeAlias = Identifier | AllRule | AnyRule | TiersRule | CapRule | GradeRule
"""A tree whose leaves are criterion identifiers of the same requirement."""


Amount = Annotated[str, Field(pattern=r"^\d{1,9}(/0*[1-9]\d{0,8}|\.\d{1,9})?$")]
"""An exact number that is not negative: ``3``, ``2.5``, ``4/3``; kept as a fraction, never as floating point."""


class Points(Model):
    """Points of one requirement in the two scopes of the label's table."""

    logement: Sourced[Amount]
    batiment: Sourced[Amount]


class Effort(Model):
    """What it takes to bring a requirement from *non atteint* to a state, in the profile's unit of effort.

    No document of the label says so: an order of magnitude for ``score --what-if``, and never more than that.
    """

    partiel: Sourced[Amount]
    atteint: Sourced[Amount]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if Fraction(self.partiel.value) > Fraction(self.atteint.value):
            raise ValueError("effort: partiel is above atteint")
        return self


Fact: TypeAlias = Literal["pass_complete", "sealed", "firmware_read"]
"""What a record shows beside its findings: a pass that ran to its end, a seal, versions read on the equipment."""


class Corroboration(Model):
    """A link from findings, or from what the record is, to a requirement or a service: support, never points.

    At least one of ``criteria``, ``checks`` and ``facts`` names what supports it.
    """

    title: Bilingual
    criteria: list[Identifier] = []
    """Criteria of the profile whose findings bear on it."""
    checks: list[str] = []
    """Checks whose findings bear on it, whatever the criterion."""
    roles: list[str] = []
    """Only findings on devices of these roles; empty: on any subject."""
    facts: list[Fact] = []
    source: Source
    reference: str = ""

    @model_validator(mode="after")
    def _links_something(self) -> Self:
        if not (self.criteria or self.checks or self.facts):
            raise ValueError("a corroboration names criteria, checks or facts")
        if self.source in NAMED and not self.reference:
            raise ValueError(f"source: {self.source.value} needs a reference")
        return self


class Requirement(Model):
    """One exigence of the label, in the label's own words."""

    id: Identifier
    printed_id: str = ""
    """How the source prints it, where that is a misprint (M1.1 is printed « M1.2 »)."""
    title: str
    theme: Identifier
    function: str
    function_source: Source = Source.SEED
    """Who says that the requirement serves this function: the label's document leaves some of them open."""
    purpose: str
    prerequisite: Sourced[bool]
    points: Points
    partial_weight: Sourced[Share]
    """What *partiellement atteint* is worth, as a share of the points."""
    effort: Effort | None = None
    """None: ``--what-if`` leaves the requirement as it is."""
    corroborated_by: list[Corroboration] = []
    criteria: list[Criterion] = []
    rule: Rule | None = None
    """How criteria combine; None: nothing that the agent does evidences this requirement."""


class Theme(Model):
    """One of the label's themes, with the figures of its table."""

    id: Identifier
    title: str
    points_logement: Sourced[int]
    points_batiment: Sourced[int]
    requirements: Sourced[int]
    prerequisites: Sourced[int]


class Level(Model):
    """A level of the label."""

    id: Identifier
    title: str
    points: Sourced[int]
    prerequisites: Sourced[int]


class Profile(Model):
    """A whole profile file."""

    r2s_profile: Literal[1]
    id: Identifier
    version: str
    title: str
    document: str
    """The label's own document, as cited in reports."""
    prerequisite_minimum: Sourced[Literal["atteint", "partiellement_atteint"]]
    themes: list[Theme]
    levels: list[Level]
    services: Identifier | None = None
    """Name of the label's catalogue of services (``profiles/services/NAME.yaml``); None: the label has none."""
    effort_unit: Bilingual | None = None
    requirements: list[Requirement]
