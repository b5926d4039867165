"""What every model class shares: frozen, closed to unknown keys, serialisable."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
"""A name that is written in files, on command lines and in URLs: no space, no slash, 64 characters at most."""

Count = Annotated[int, Field(ge=0, le=2**53)]
"""How many of something: more is no count, and would not survive every JSON reader."""

Port = Annotated[int, Field(ge=1, le=65535)]
"""A TCP or UDP port."""

SecretRef = Annotated[str, Field(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$")]
"""Where a secret is: ``env:NAME`` or ``file:PATH`` (relative to the site file). Never the secret itself."""


class Model(BaseModel):
    """Immutable data; an unknown key is an error, never ignored."""

    # Schemas are built at first use: a plan has no use for the facts of most families (import time is a feature).
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
