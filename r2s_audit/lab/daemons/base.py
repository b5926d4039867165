"""What a family of daemons has to say of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from r2s_audit.lab.description import Description, Node
from r2s_audit.lab.errors import LabError
from r2s_audit.lab.paths import Layout
from r2s_audit.lab.resources import Resource
from r2s_audit.model.text import msg


class Settings(BaseModel):
    """What a service of the description may say, beyond its kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")


SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass(frozen=True, slots=True)
class Site:
    """Where a daemon is planned: the building, the node, the name of the service, the directories."""

    description: Description
    node_name: str
    service: str
    layout: Layout

    @property
    def node(self) -> Node:
        """The node itself."""
        return self.description.nodes[self.node_name]

    @property
    def directory(self) -> Path:
        """Where the service keeps its files."""
        return self.layout.node(self.node_name) / self.service

    @property
    def unit(self) -> str:
        """The resource's name, unique in the building."""
        return f"{self.service}@{self.node_name}"

    def units(self, kind: str) -> tuple[str, ...]:
        """Give the names of this node's resources of a family."""
        services = self.node.services.items()
        return tuple(f"{name}@{self.node_name}" for name, service in services if service.kind == kind)

    @property
    def qualified(self) -> str:
        """The node's name in the building's domain."""
        return f"{self.node_name}.{self.description.domain}"


class Family(Protocol):
    """A family, whatever its settings."""

    @property
    def packages(self) -> dict[str, str]:
        """Commands that it runs, each with the Debian package that brings it."""

    def plan(self, site: Site, settings: dict[str, object]) -> list[Resource]:
        """Resources of one service in its sane or changed state."""


@dataclass(frozen=True, slots=True)
class TypedFamily(Generic[SettingsT]):
    """A family whose settings are validated by a model before its plan is made."""

    packages: dict[str, str]
    settings: type[SettingsT]
    make: Callable[[Site, SettingsT], Iterable[Resource]]

    def plan(self, site: Site, settings: dict[str, object]) -> list[Resource]:
        """Validate, then plan."""
        try:
            valid = self.settings.model_validate(settings)
        except ValidationError as error:
            raise LabError(
                msg("{node}/{service} refusé : {error}", node=site.node_name, service=site.service, error=str(error))
            ) from error
        return list(self.make(site, valid))
