"""VLANs by VLAN, as most switches list them, turned into what each port carries. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from probes.switching.facts import Mode, SwitchPort
from probes.switching.names import port_key

from .answers import unreadable
from .lists import NAME, of


@dataclass(slots=True)
class _Port:
    name: str
    tagged: set[int] = field(default_factory=set)
    untagged: set[int] = field(default_factory=set)
    known: bool = True
    pvid: int | None = None
    mode: Mode | None = None
    negotiable: str = ""
    enabled: bool | None = None
    up: bool | None = None


class Members:
    """Ports as they are named in lists of VLANs; one in no list is in no VLAN, if the lists were read at all."""

    def __init__(self) -> None:
        """No port yet."""
        self._ports: dict[str, _Port] = {}

    def port(self, name: str) -> _Port:
        """The port of a name, under whatever spelling it came first.

        Raises:
            Unread: no name of a port is so long, or empty.
        """
        if not 0 < len(name) <= NAME:
            raise unreadable()
        return self._ports.setdefault(port_key(name), _Port(name))

    def knows(self, name: str) -> bool:
        """Whether a port of that name was named before."""
        return port_key(name) in self._ports

    def add(self, vlan: int, *, tagged: Iterable[str] = (), untagged: Iterable[str] = ()) -> None:
        """Members of one VLAN."""
        for name in tagged:
            self.port(name).tagged.add(vlan)
        for name in untagged:
            self.port(name).untagged.add(vlan)

    def ports(self, *, told: bool = True) -> tuple[SwitchPort, ...]:
        """All of them; ``told`` False where no list of VLANs was read, so that none says what it carries."""
        return tuple(self._fact(p, told=told and p.known) for p in self._ports.values())

    @staticmethod
    def _fact(port: _Port, *, told: bool) -> SwitchPort:
        return SwitchPort(
            name=port.name,
            enabled=port.enabled,
            up=port.up,
            mode=port.mode,
            pvid=port.pvid,
            tagged=of(port.tagged) if told else None,
            untagged=of(port.untagged) if told else None,
            negotiable=port.negotiable,
        )


def vid(text: str) -> int:
    """A VLAN's number.

    Raises:
        Unread: it is none.
    """
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 4094:  # noqa: PLR2004 - IEEE 802.1Q
        raise unreadable()
    return int(text)


def flag(words: Mapping[str, bool], text: str) -> bool | None:
    """What a word says; None for one that is not known."""
    return words.get(text.strip().lower())
