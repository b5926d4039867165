"""A certifier's overlay: his own figures in place of a profile's hypotheses, with where they come from.

An overlay changes the scale (points, prerequisites, weights, levels, thresholds of populations, effort), never what is
measured: criteria, checks and their parameters stay those of the profile, so that one record and one plan serve both.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field

from .base import Identifier, Model
from .profile import Amount, Share

OVERLAY_FORMAT = 1
"""Version of the overlay file that this program reads; a newer one is refused."""

T = TypeVar("T")
Named = Annotated[str, Field(min_length=3)]


class Figure(Model, Generic[T]):
    """A value and the place in the certifier's document that gives it."""

    value: T
    reference: Named


class Issuer(Model):
    """Who gives the figures."""

    name: Named
    role: Literal["certificateur"]
    contact: str = ""


class OverlayPoints(Model):
    """Points in the two scopes; a scope that is not written keeps those of the profile."""

    logement: Figure[Amount] | None = None
    batiment: Figure[Amount] | None = None


class OverlayEffort(Model):
    """Effort to reach a state; both, since they are compared."""

    partiel: Figure[Amount]
    atteint: Figure[Amount]


class OverlayRequirement(Model):
    """What the certifier says of one requirement; what is not written stays the profile's."""

    prerequisite: Figure[bool] | None = None
    points: OverlayPoints | None = None
    partial_weight: Figure[Share] | None = None
    effort: OverlayEffort | None = None


class OverlayEach(Model):
    """What holds for every requirement that does not say otherwise itself."""

    partial_weight: Figure[Share] | None = None


class OverlayShare(Model):
    """Thresholds of a population (``over`` of the profile); what is not written stays the profile's."""

    atteint: Figure[Share] | None = None
    partiel: Figure[Share] | None = None
    partial_weight: Figure[Share] | None = None


class OverlayCriterion(Model):
    """What the certifier says of one criterion that counts a population, or of the age of its evidence."""

    over: OverlayShare | None = None
    max_age_days: Figure[Annotated[int, Field(ge=1)]] | None = None


class OverlayLevel(Model):
    """What a level needs."""

    points: Figure[int] | None = None
    prerequisites: Figure[int] | None = None


class OverlayFamily(Model):
    """What a family of services needs for its vignette: settles a figure that the label's document gives twice."""

    vignette: Figure[Annotated[int, Field(ge=1)]] | None = None


class Overlay(Model):
    """A whole overlay file."""

    r2s_overlay: Literal[1]
    id: Identifier
    version: str
    title: Named
    issuer: Issuer
    document: Named
    """The certifier's document, as cited in reports."""
    dated: date
    profile: Identifier
    """The profile that it is made for; another one is refused."""
    prerequisite_minimum: Figure[Literal["atteint", "partiellement_atteint"]] | None = None
    each: OverlayEach = OverlayEach()
    levels: dict[Identifier, OverlayLevel] = {}
    requirements: dict[Identifier, OverlayRequirement] = {}
    criteria: dict[Identifier, OverlayCriterion] = {}
    families: dict[Identifier, OverlayFamily] = {}
