"""Faults: small named changes of the description, each with the verdicts that it must move.

A fault is data: one YAML file with patches. Because a patch changes the description and everything is derived from
that, a fault needs no code to be applied, reverted, or combined with another; and what it changes is what the daemon,
the switch or the router is told, never only what SNMP says of it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from r2s_audit.model.text import msg

from .description import read_yaml
from .errors import LabError

FAULTS = Path(__file__).with_name("faults")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Title(_Model):
    """What the fault is, for a reader."""

    fr: str
    en: str


class Patch(_Model):
    """One change at one place of the description: ``set`` a value, or ``append`` to a list."""

    at: str
    set: Any = None
    append: tuple[Any, ...] = ()

    @model_validator(mode="after")
    def _one_verb(self) -> Self:
        if ("set" in self.model_fields_set) == bool(self.append):
            raise ValueError("a patch has either `set` or `append`")
        return self


class Move(_Model):
    """A verdict that the fault must move, and where to."""

    requirement: str
    verdict: str
    worst: str = ""
    best: str = ""


class Fault(_Model):
    """One fault. ``real``: a daemon, switch or router misbehaves; ``simulated``: only its answer says so."""

    version: Literal[1]
    name: str
    title: Title
    kind: Literal["real", "simulated"]
    note: str = ""
    change: tuple[Patch, ...] = Field(min_length=1)
    moves: tuple[Move, ...] = ()
    seen_from: tuple[Literal["unauthenticated", "mirror"], ...] = ()
    """Kinds of measuring points, beyond the ordinary ones, without which nothing of the fault is seen."""
    not_with: tuple[str, ...] = ()
    """Faults on which this one acts, so that the two together are a third one; the note says how."""
    unseen: bool = False
    """No check of this version sees it from where the laptop is plugged in, and the note says why: never counted as found."""

    @classmethod
    def names(cls) -> list[str]:
        """Every fault that there is."""
        return sorted(path.stem for path in FAULTS.glob("*.yaml"))

    @classmethod
    def load(cls, name: str) -> Fault:
        """Read a fault by its name."""
        known = cls.names()
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise LabError(
                msg("Défaut inconnu : « {name} ».", name=name),
                expected=msg("un des noms : {names}", names=", ".join(known)),
                remedy=msg("vouliez-vous dire {name} ?", name=near[0]) if near else None,
            )
        path = FAULTS / f"{name}.yaml"
        try:
            fault = cls.model_validate(read_yaml(path))
        except ValidationError as error:
            raise LabError(
                msg("{path} refusé : {error}", path=str(path), error=str(error)),
                expected=msg("un fichier de défaut valide"),
            ) from error
        if fault.name != name:
            raise LabError(
                msg("{path} : name: {name}", path=str(path), name=fault.name), expected=msg("name: {name}", name=name)
            )
        return fault


def changed(raw: Mapping[str, Any], faults: Sequence[Fault]) -> dict[str, Any]:
    """Give the description with the faults in it; two faults that set one place differently are refused."""
    taken: dict[str, tuple[str, Any]] = {}
    for fault in faults:
        for patch in fault.change:
            if "set" not in patch.model_fields_set:
                continue
            other, value = taken.setdefault(patch.at, (fault.name, patch.set))
            if value != patch.set:
                raise LabError(
                    msg("{one} et {other} changent tous deux {place}.", one=other, other=fault.name, place=patch.at),
                    expected=msg("des défauts qui se combinent"),
                )
    # A YAML anchor makes one object of two nodes' services: each has its own in the copy.
    result = {key: _unshared(value) for key, value in raw.items()}
    for fault in sorted(faults, key=lambda item: item.name):
        for patch in fault.change:
            _apply(result, patch, fault.name)
    return result


def _unshared(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _unshared(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_unshared(item) for item in value]
    return value


def _apply(raw: dict[str, Any], patch: Patch, fault: str) -> None:
    *path, last = patch.at.split("/")
    try:
        place = reduce(lambda where, key: where[key], path, raw)
        if patch.append:
            place[last] = [*place[last], *_unshared(patch.append)]
        else:
            place[last] = _unshared(patch.set)
    except (KeyError, TypeError) as error:
        raise LabError(
            msg(
                "{fault} : {place} n'est pas un endroit de la description ({error})",
                fault=fault,
                place=patch.at,
                error=str(error),
            )
        ) from error
