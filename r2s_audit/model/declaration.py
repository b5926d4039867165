"""Declarations and waivers: what a person claims, when, why, with which files, until when. Nothing measured.

A declaration may settle what the evidence leaves open, inside its bounds, and is marked *déclaré* wherever it is shown.
A waiver says that a shortcoming is known and accepted: it changes no verdict, no point and no level.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .base import Identifier, Model
from .site import Stage

DECLARATIONS_FORMAT = 1
"""Version of the declarations file that this program reads; a newer one is refused."""

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Sentence = Annotated[str, Field(min_length=10, max_length=4000)]
RequirementState = Literal["atteint", "partiellement_atteint", "non_atteint"]
ServiceState = Literal["valide", "non_valide"]


class Author(Model):
    """Who signs for it."""

    name: Annotated[str, Field(min_length=2)]
    role: Literal["maitre_ouvrage", "amo", "integrateur", "auditeur", "exploitant", "certificateur"]


class Attachment(Model):
    """A file that supports it, by its digest; the name is relative to the declarations file."""

    file: Annotated[str, Field(min_length=1, max_length=255)]
    digest: Digest
    title: str = ""


class Declaration(Model):
    """A state claimed for one requirement or one service of the label."""

    id: Identifier
    requirement: Identifier | None = None
    service: Identifier | None = None
    state: RequirementState | ServiceState
    author: Author
    dated: date
    justification: Sentence
    attachments: list[Attachment] = []
    expires: date
    """The last day on which it still counts."""

    @property
    def target(self) -> str:
        """The requirement or the service."""
        return self.requirement or self.service or ""

    @model_validator(mode="after")
    def _of_one_thing(self) -> Self:
        if (self.requirement is None) == (self.service is None):
            raise ValueError("a declaration is of one requirement or of one service")
        if (self.service is not None) != (self.state in {"valide", "non_valide"}):
            raise ValueError("state: valide goes with a service, atteint with a requirement")
        if self.expires < self.dated:
            raise ValueError("expires is before dated")
        return self


class Waiver(Model):
    """A shortcoming of one requirement that is known and accepted by somebody, until a date."""

    id: Identifier
    requirement: Identifier
    author: Author
    dated: date
    justification: Sentence
    attachments: list[Attachment] = []
    expires: date

    @model_validator(mode="after")
    def _dates_in_order(self) -> Self:
        if self.expires < self.dated:
            raise ValueError("expires is before dated")
        return self


class Declarations(Model):
    """A whole declarations file, which goes with one building and one label."""

    r2s_declarations: Literal[1]
    building: Identifier
    profile: Identifier
    stages: dict[Stage, date] = {}
    """On which day each stage of the dossier was (or is to be) judged."""
    declarations: list[Declaration] = []
    waivers: list[Waiver] = []
