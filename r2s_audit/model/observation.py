"""Observations: one attempt to learn something about one target from one point in one window.

An observation is completed with facts, or failed with a reason. It never says what the facts mean.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Annotated, Literal, Self, TypeAlias
from urllib.parse import quote

from pydantic import AwareDatetime, Field, JsonValue, model_validator

from .base import Count, Model
from .text import Message

Param: TypeAlias = Annotated[str | int, Field(union_mode="left_to_right")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Request(Model):
    """What is to be learnt: the key under which every cell that needs it shares one observation.

    ``target`` is a device, zone or socket identifier; ``params`` are sorted pairs; ``order`` puts requests of one pass
    into consecutive rounds (controls before, attempts, controls after) and is part of the key only through ``params``.
    """

    collector: str
    point: str
    target: str
    params: tuple[tuple[str, Param], ...] = ()
    order: int = 0

    @cached_property
    def key(self) -> str:
        """Readable, unique and stable: ``snmp.system@P-ADM>sw-coeur?address=10.0.0.2``."""
        query = "&".join([f"{name}={_quoted(value)}" for name, value in self.params])
        base = f"{self.collector}@{self.point}>{self.target}"
        return f"{base}?{query}" if query else base

    def param(self, name: str) -> Param:
        """The value of a parameter; KeyError where the request does not have it."""
        return dict(self.params)[name]


_PLAIN = re.compile(r"[A-Za-z0-9:.,+_~-]*", re.ASCII).fullmatch


@lru_cache(maxsize=4096)  # the same addresses, ports and words, thousands of times
def _quoted(value: Param) -> str:
    """A value that cannot be taken for the end of another one; most need no quoting."""
    text = str(value)
    return text if _PLAIN(text) else quote(text, safe=":.,+-")


def request(collector: str, point: str, target: str, *, order: int = 0, **params: Param) -> Request:
    """A request with its parameters in canonical order."""
    return Request(collector=collector, point=point, target=target, params=tuple(sorted(params.items())), order=order)


class Failure(StrEnum):
    """Why an attempt taught nothing."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    REFUSED = "refused"
    ACCESS_DENIED = "access_denied"
    MISSING_PRIVILEGE = "missing_privilege"
    MISSING_TOOL = "missing_tool"
    MISSING_INTERFACE = "missing_interface"
    NOT_SUPPORTED = "not_supported"
    OUT_OF_SCOPE = "out_of_scope"
    OVER_BUDGET = "over_budget"
    LIMIT_EXCEEDED = "limit_exceeded"
    STOPPED = "stopped"
    INTERNAL_ERROR = "internal_error"


class BlobRef(Model):
    """Bytes kept with an observation, by digest; ``redacted`` says that the digest covers the redacted bytes."""

    digest: Digest
    kind: str
    size: Count
    redacted: bool = False


class Observation(Model):
    """One attempt and what came of it; times are UTC, the clock offset is in milliseconds against the stated source."""

    request: Request
    pass_id: str
    state: Literal["completed", "failed"]
    facts: dict[str, JsonValue] | None = None
    failure: Failure | None = None
    reason: Message | None = None
    trace: str | None = None
    started: AwareDatetime
    ended: AwareDatetime
    collector_version: str
    blobs: tuple[BlobRef, ...] = ()
    packets_sent: Count = 0

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.state == "completed") != (self.facts is not None):
            raise ValueError("a completed observation has facts, a failed one has none")
        if (self.state == "failed") != (self.failure is not None):
            raise ValueError("a failed observation has a reason, a completed one has none")
        return self
