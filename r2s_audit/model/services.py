"""The label's catalogue of services: seven families, in the words of its document.

What the document does not say is null, never empty and never invented; what it says twice in two ways is kept twice.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .base import Identifier, Model
from .profile import Bilingual, Corroboration, Source, Sourced

SERVICES_FORMAT = 1
"""Version of the catalogue file that this program reads; a newer one is refused."""

Number = Annotated[int, Field(ge=0, le=10_000)]


class CatalogueService(Model):
    """One service. ``objective`` and ``description`` are None where the document has none."""

    id: Identifier
    title: str
    map_title: str | None = None
    """How the document's map of the families writes the title, where that differs from its tables."""
    objective: str | None
    description: str | None
    source: Source
    corroborated_by: list[Corroboration] = []


class Vignette(Model):
    """How many validated services a family needs: one reading of the label's document per figure and per place."""

    reading: Bilingual
    threshold: Sourced[Annotated[int, Field(ge=1, le=10_000)]]


class Family(Model):
    """One family: its services, its points as a whole (never shared out among services), its vignette."""

    id: Identifier
    title: str
    printed: list[str] = []
    """Other forms in which the document prints the title."""
    catalogue: Sourced[Number]
    """How many services the document announces for the family."""
    points_logement: Sourced[Number]
    points_batiment: Sourced[Number]
    points_total: Sourced[Number]
    vignette: Annotated[list[Vignette], Field(min_length=1)]
    services: list[CatalogueService]


class ServiceCatalogue(Model):
    """A whole catalogue file."""

    r2s_services: Literal[1]
    id: Identifier
    version: str
    title: str
    document: str
    notes: list[Bilingual] = []
    """Where the document leaves something open, or says it twice: printed with the services."""
    families: list[Family]
