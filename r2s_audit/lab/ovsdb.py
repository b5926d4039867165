"""The live state of a switch, from its own sockets: configuration database (RFC 7047) and control channel.

Standard library only: the SNMP script imports it, and is started for each switch.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

CLOSED_VLANS = 4000
"""The VLAN of a port that goes nowhere (closed by 802.1X, or of a VLAN unknown here) is this plus its number."""
_TIMEOUT = 2.0
_ANSWER_LIMIT = 4 << 20


class SwitchError(Exception):
    """The switch does not answer, or refuses."""


@dataclass(frozen=True, slots=True)
class Port:
    """A bridge port as the switch has it now."""

    number: int
    name: str
    ifindex: int
    tag: int | None
    trunks: tuple[int, ...]
    mode: str
    control: str = ""
    """How 802.1X guards it, with the words of the description; empty where it does not."""
    configured: int | None = None
    """The VLAN that it would have if it were open."""
    protected: bool = False
    """Whether it reaches no other port of which this is so."""

    @property
    def closed(self) -> bool:
        """Whether it goes nowhere: in a VLAN of its own, which is nobody's business."""
        return self.tag is not None and self.tag > CLOSED_VLANS

    @property
    def native(self) -> int | None:
        """VLAN of frames that arrive untagged; None where they are dropped."""
        if self.closed:
            return self.configured
        return None if self.mode == "trunk" else self.tag

    @property
    def untagged(self) -> frozenset[int]:
        """VLANs that leave the port without a tag."""
        bare = self.mode in {"access", "native-untagged"} and self.tag is not None
        return frozenset({self.tag}) if bare and self.tag is not None else frozenset()

    def carries(self, vlan: int) -> bool:
        """Whether the port is a member of a VLAN."""
        if self.mode == "mirror":
            return False
        if self.mode == "access":
            return vlan == self.tag
        return not self.trunks or vlan in self.trunks or vlan == self.native


@dataclass(frozen=True, slots=True)
class Learned:
    """A line of the forwarding table."""

    port: int
    vlan: int
    mac: bytes
    age: int


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch at one moment."""

    address: bytes
    spanning_tree: str
    ageing: int
    names: dict[int, str]
    ports: tuple[Port, ...]
    learned: tuple[Learned, ...]

    @property
    def vlans(self) -> tuple[int, ...]:
        """VLANs that have a name or a member."""
        used = {vlan for port in self.ports for vlan in (port.tag, *port.trunks) if vlan and not port.closed}
        return tuple(sorted(used | set(self.names)))


def call(path: Path, method: str, parameters: list[Any]) -> Any:
    """One JSON-RPC request over a Unix socket; the result, or :class:`SwitchError`."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:  # noqa: TID251 - a local socket
            connection.settimeout(_TIMEOUT)
            connection.connect(str(path))
            connection.sendall(json.dumps({"method": method, "params": parameters, "id": 0}).encode())
            reply = _receive(connection)
    except OSError as error:
        raise SwitchError(f"{path}: {error}") from error
    if reply.get("error") is not None:
        raise SwitchError(f"{path}: {method}: {reply['error']}")
    return reply.get("result")


def _receive(connection: socket.socket) -> dict[str, Any]:  # noqa: TID251 - a local socket
    """Read the reply to request 0, past whatever the server says of its own accord."""
    decoder, text = json.JSONDecoder(), ""
    while len(text) < _ANSWER_LIMIT:
        chunk = connection.recv(65536)
        if not chunk:
            raise OSError("closed before the answer")
        text += chunk.decode()
        while text:
            try:
                message, end = decoder.raw_decode(text)
            except ValueError:
                break
            if message.get("id") == 0 and "result" in message:
                return cast("dict[str, Any]", message)
            text = text[end:].lstrip()
    raise OSError("answer too long")


def read(database: Path, control: Path, bridge: str) -> Switch:
    """Everything that the SNMP tables need, in one transaction and one command."""
    columns = {
        "Bridge": ["name", "ports", "external_ids", "other_config", "rstp_enable", "stp_enable"],
        "Port": ["_uuid", "name", "tag", "trunks", "vlan_mode", "interfaces", "external_ids", "protected"],
        "Interface": ["_uuid", "name", "ofport", "ifindex", "mac_in_use", "type"],
    }
    operations = [{"op": "select", "table": table, "where": [], "columns": names} for table, names in columns.items()]
    answer = call(database, "transact", ["Open_vSwitch", *operations])
    bridges, ports, interfaces = ([*map(_row, part["rows"])] for part in answer)
    own = next((row for row in bridges if row["name"] == bridge), None)
    if own is None:
        raise SwitchError(f"no bridge {bridge}")
    by_uuid = {row["_uuid"]: row for row in interfaces}
    found, address = [], b"\0" * 6
    for row in ports:
        interface = by_uuid[_list(row["interfaces"])[0]]
        if row["name"] == bridge:
            address = _mac(interface["mac_in_use"] or "")
            continue
        if row["_uuid"] in _list(own["ports"]) and (interface["ofport"] or -1) > 0:
            found.append(_port(row, interface))
    tree = "rstp" if own["rstp_enable"] else "stp" if own["stp_enable"] else ""
    prefix = "vlan-"
    names = {int(key[len(prefix) :]): name for key, name in own["external_ids"].items() if key.startswith(prefix)}
    return Switch(
        address=address,
        spanning_tree=tree,
        ageing=int(own["other_config"].get("mac-aging-time", "300")),
        names=names,
        ports=tuple(sorted(found, key=lambda port: port.number)),
        learned=_learned(str(call(control, "fdb/show", [bridge]))),
    )


def _port(row: dict[str, Any], interface: dict[str, Any]) -> Port:
    tag, trunks = row["tag"], tuple(sorted(_list(row["trunks"])))
    notes = row["external_ids"]
    mode = "mirror" if "mirror" in notes else row["vlan_mode"] or ("access" if tag is not None else "trunk")
    configured = int(notes["vlan"]) if "vlan" in notes else None
    place = (interface["ofport"], row["name"], interface["ifindex"] or 0)
    return Port(*place, tag, trunks, mode, notes.get("dot1x", ""), configured, bool(row["protected"]))


def _learned(text: str) -> tuple[Learned, ...]:
    """Read ``fdb/show``: port, VLAN, address, age; the bridge's own kernel port is no port of the switch."""
    lines = (line.split() for line in text.splitlines()[1:])
    return tuple(
        Learned(int(port), int(vlan), _mac(address), int(age))
        for port, vlan, address, age in (line for line in lines if len(line) == 4)
        if port.isdigit() and age.isdigit()
    )


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", "")) or b"\0" * 6


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    """Undo OVSDB's notation: an empty set is None, a set of one its member, a map a dictionary."""
    match value:
        case ["uuid", identifier]:
            return identifier
        case ["map", pairs]:
            return dict(pairs)
        case ["set", members]:
            return [_value(member) for member in members] or None
        case _:
            return value


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
