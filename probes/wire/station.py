"""Where we speak from on a link, and what is heard there that resembles an answer and is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from probes.wire.frames import VlanTag

MAX_FOREIGN = 64  # kept; all are counted


class Station(NamedTuple):
    """Where an exchange speaks from: the interface, our address on it, and the tag if the port is a trunk."""

    interface: str
    mac: str
    vlan: VlanTag | None = None

    @property
    def vlans(self) -> tuple[VlanTag, ...]:
        """Return the tags of a frame from here."""
        return () if self.vlan is None else (self.vlan,)


class Foreign(NamedTuple):
    """A frame that resembles an answer and is none: why, when (UTC nanoseconds), and its octets."""

    reason: str
    t_ns: int
    data: bytes
