"""The family's collectors and checks, as the registry wants them; light to import."""

from __future__ import annotations

from probes.api import AnyCheck

from .checks_access import CoreObjects, IdentityFilled, LegacyRefused, UsmStrength
from .checks_foreign import NoForeignEquipment
from .checks_ingress import IngressFiltered
from .checks_levels import LevelEnforced
from .checks_places import AdminVlan, LearntInPlace, TrunksDeclared
from .checks_ports import AccessPorts, NativeVlan
from .checks_switch import Dot1qVersion, LldpComplete, VlansDeclared
from .checks_unused import UnusedPorts
from .specs import COLLECTORS

CHECKS: tuple[AnyCheck, ...] = (
    CoreObjects(),
    IdentityFilled(),
    LegacyRefused(),
    UsmStrength(),
    LevelEnforced(),
    LldpComplete(),
    VlansDeclared(),
    Dot1qVersion(),
    AccessPorts(),
    NativeVlan(),
    IngressFiltered(),
    UnusedPorts(),
    AdminVlan(),
    TrunksDeclared(),
    LearntInPlace(),
    NoForeignEquipment(),
)

__all__ = ["CHECKS", "COLLECTORS"]
