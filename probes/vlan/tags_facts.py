"""What was sent with a foreign tag, and what a second point of ours heard of it.

Facts say what left and what arrived, never what should have. Times are UTC, MAC addresses lower-case text with colons.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from probes.vlan.facts import Count, Loss, SenderControl
from r2s_audit.model.base import Model

MAX_ARRIVALS = 512
"""Different trials that a window lists; an audit sends fewer, a hostile network may send more."""
Vid = Annotated[int, Field(ge=0, le=4095)]
Nonce = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]


class Trial(Model):
    """One form of frame, sent a few times; ``vids`` are its tags, from the outermost in."""

    vids: tuple[Vid, ...]
    nonce: Nonce
    sent_at: tuple[datetime, ...]
    """Just before each frame was handed to the interface."""
    seen: Count
    """Those that the capture saw leave, with their tags on."""
    refusal: str | None = None
    """Why the gate or the interface kept one back."""


class TagsSentFacts(Model):
    """Trials from one point to another one."""

    receiver: str
    """The point whose adapter they were addressed to."""
    trials: tuple[Trial, ...]
    window_start: datetime
    window_end: datetime
    loss: Loss
    controls: tuple[SenderControl, ...]
    """Whether the point could send and hear, by IP version that it has an address of."""


class Arrival(Model):
    """Frames of one trial, as they came: ``vids`` are the tags that were left on."""

    nonce: Nonce
    source: str
    vids: tuple[Vid, ...] = ()
    count: Count


class TagsReceivedFacts(Model):
    """One window at the point that trials were addressed to."""

    window_start: datetime
    window_end: datetime
    arrivals: tuple[Arrival, ...]
    unlisted: Count
    loss: Loss
    controls: tuple[SenderControl, ...]
    """Whether the point heard its own VLAN at both ends of the window, by IP version that it has an address of."""
