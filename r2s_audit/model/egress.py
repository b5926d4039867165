"""The ways out of the building as declared, see :class:`~r2s_audit.model.site.Site`."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .addresses import IPAddress, IPNetwork
from .base import Identifier, Model


class EgressHop(Model):
    """A router of the way out beyond the gateways of the VLANs: a firewall, the operator's own box."""

    addresses: Annotated[list[IPAddress], Field(min_length=1)]
    """Every address by which it may answer, of both IP versions; none of a version: not on that version's way."""


class Egress(Model):
    """A way out to a wide area network, as it should be: who leaves by it, through which routers, to what end.

    Whether a line is dedicated by contract is nothing that a packet tells: it is declared here. What packets tell is
    whether traffic really takes this way.
    """

    kind: Literal["dedicated", "shared"]
    """Dedicated to the Réseau Smart, or shared with others that are to be kept apart."""
    endpoint: Identifier
    """The device beyond the operator's network that is asked: of a zone of kind wan, in the scope."""
    operator: Annotated[list[IPNetwork], Field(min_length=1)]
    """Prefixes of the operator's routers: where the first of them answers, the building's own way ends."""
    hops: list[EgressHop] = []
    """The routers between a VLAN's gateway and the operator's first, in order; none: the gateway is the operator's neighbour."""
    zones: list[Identifier] = []
    """Whose way out it is; empty: every zone that no other way out names."""
    shared_with: list[Identifier] = []
    """Zones of those who share the line and are not the Réseau Smart: what is in them must not be reached, and may not
    reach the rest."""

    @model_validator(mode="after")
    def _shared_with_somebody(self) -> Self:
        if (self.kind == "shared") != bool(self.shared_with):
            raise ValueError("shared_with goes with kind: shared")
        return self
