"""What a window of listening means: which control protocols a socket speaks, and whether other VLANs are heard at it."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from probes.api import Check, NotVerified, conforme, non_conforme, partiel
from probes.vlan.heard_facts import HeardFacts
from probes.vlan.heard_requests import ask_controls, ask_heard, listening_points
from probes.vlan.l2 import BPDUS, Kind
from r2s_audit.model.base import Model
from r2s_audit.model.finding import Subject
from r2s_audit.model.site import DeviceRole, Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from probes.vlan.heard_facts import BpduSighting, Sender
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.site import Vlan
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology

Seconds = Annotated[int, Field(ge=1, le=600)]
Protocol = Literal["dtp", "vtp", "mvrp", "gvrp", "bpdu"]
KINDS: dict[str, frozenset[Kind]] = {
    "dtp": frozenset({Kind.DTP}),
    "vtp": frozenset({Kind.VTP}),
    "mvrp": frozenset({Kind.MVRP}),
    "gvrp": frozenset({Kind.GVRP}),
    "bpdu": BPDUS,
}
SHOWN = 8
"""Rows of a sentence."""
_FAMILY = 15
"""Characters of a MAC address that the ports of one device share with its base address: makers number the last octet."""


class WindowParameters(Model):
    """How long a window lasts: as long as the rest of the pass, within these bounds."""

    least_s: Seconds
    most_s: Seconds


class ControlParameters(WindowParameters):
    """Which protocols have no business at a host's socket, and how long one listens before their absence is believed."""

    listen_s: dict[Protocol, Seconds]
    """By protocol: longer than the longest pause that it makes."""


class ForeignParameters(WindowParameters):
    """What is heard of other VLANs."""

    listen_s: Seconds
    foreign_address: Literal["P", "N"]
    """What an address of no prefix of the VLAN costs: it may be a leak, or one station that is set up wrongly."""


class ControlProtocols(Check[ControlParameters]):
    """One subject per access point and protocol."""

    id: ClassVar[str] = "vlan.control-protocols"
    title: ClassVar[Message] = msg("Aucun protocole de contrôle des commutateurs à une prise")
    reference: ClassVar[str] = "DISA Layer 2 Switch SRG V3R1, L2S-000005; IEEE 802.1Q-2022, 11, 14; exigence S1.3"
    intrusiveness: ClassVar[Intrusiveness] = Intrusiveness.PASSIVE
    controls: ClassVar[Message] = msg(
        "dans la même fenêtre, plus longue que la période du protocole : une annonce LLDP ou une BPDU du commutateur"
        " entendue, aucune trame perdue par la capture, lien jamais tombé"
    )

    def subjects(self, topology: Topology, parameters: ControlParameters) -> Iterable[Subject]:
        """The population."""
        for point in listening_points(topology):
            for protocol in parameters.listen_s:
                yield Subject(target=point.socket, point=point.id, detail=(("protocol", protocol),))

    def requests(self, topology: Topology, subject: Subject, parameters: ControlParameters) -> Sequence[Request]:
        """One window, which all protocols share."""
        return [ask_heard(topology, subject.point, parameters.least_s, parameters.most_s)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: ControlParameters) -> Judgement:
        """Heard is not conforme, whatever the controls; silence needs all of them."""
        protocol = subject.get("protocol")
        facts = evidence.facts(self.requests(evidence.topology, subject, parameters)[0], HeardFacts)
        if protocol == "bpdu":
            return _judge_bpdus(evidence.topology, facts, parameters.listen_s["bpdu"])
        expected = msg("aucune trame {protocol}", protocol=protocol.upper())
        rows = [row for row in facts.control if row.kind in KINDS[protocol]]
        if rows:
            return non_conforme(
                expected,
                msg(
                    "{n} trames {protocol} de {sources} en {seconds} s",
                    n=sum(row.count for row in rows),
                    protocol=protocol.upper(),
                    sources=", ".join(sorted({row.source for row in rows})),
                    seconds=round(facts.seconds, 1),
                ),
            )
        needed = {str(name): seconds for name, seconds in parameters.listen_s.items()}[protocol]
        require_window(facts, needed, expected)
        _require_link_heard(facts, expected)
        return conforme(expected, _silence(facts))


class ForeignFrames(Check[ForeignParameters]):
    """One subject per access point."""

    id: ClassVar[str] = "vlan.foreign-frames"
    title: ClassVar[Message] = msg("Aucune trame d'un autre VLAN à une prise")
    reference: ClassVar[str] = "IEEE 802.1Q-2022, 6.9; DISA Layer 2 Switch SRG V3R1, L2S-000008; exigence S1.3"
    intrusiveness: ClassVar[Intrusiveness] = Intrusiveness.SAFE
    controls: ClassVar[Message] = msg(
        "dans la même fenêtre : une trame étiquetée reçue par cette interface, qu'un autre point du même VLAN y"
        " envoie ; aucune trame perdue par la capture, lien jamais tombé"
    )

    def subjects(self, topology: Topology, parameters: ForeignParameters) -> Iterable[Subject]:
        """The population."""
        return (Subject(target=point.socket, point=point.id) for point in listening_points(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: ForeignParameters) -> Sequence[Request]:
        """The window, and what other points send into it."""
        window = (parameters.least_s, parameters.most_s)
        return [ask_heard(topology, subject.point, *window), *ask_controls(topology, subject.point, *window)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: ForeignParameters) -> Judgement:
        """A foreign tag is not conforme; none is conforme only where tags are shown to be heard."""
        topology = evidence.topology
        facts = evidence.facts(ask_heard(topology, subject.point, parameters.least_s, parameters.most_s), HeardFacts)
        vlan = topology.vlan_of(topology.points[subject.point])
        if vlan is None:
            raise NotVerified(msg("aucun VLAN déclaré au point {point}", point=subject.point))
        expected = msg("aucune étiquette ni adresse étrangère au VLAN {vlan}", vlan=vlan.id)
        foreign = [row for row in facts.tagged if set(row.vids) - {0, vlan.id}]
        if foreign:
            return non_conforme(
                expected,
                msg(
                    "{n} trames étiquetées {tags} (première de {source})",
                    n=sum(row.count for row in foreign),
                    tags=", ".join("+".join(map(str, row.vids)) for row in foreign[:SHOWN]),
                    source=foreign[0].source,
                ),
            )
        strangers = [sender for sender in facts.senders if not belongs(sender, vlan)]
        if strangers:
            judged = partiel if parameters.foreign_address == "P" else non_conforme
            return judged(
                expected,
                msg(
                    "adresses d'aucun préfixe du VLAN : {addresses}",
                    addresses=", ".join(f"{sender.address} ({sender.mac})" for sender in strangers[:SHOWN]),
                ),
            )
        require_window(facts, parameters.listen_s, expected)
        if facts.unlisted_senders:
            raise NotVerified(msg("plus d'émetteurs que la fenêtre n'en retient"), expected=expected)
        if not facts.tagged:
            raise NotVerified(
                msg("aucune trame étiquetée reçue : rien ne montre que cette interface en livrerait une"),
                expected=expected,
            )
        return conforme(
            expected,
            msg(
                "en {seconds} s, {n} trames de contrôle étiquetées reçues et aucune étrangère sur {frames}",
                seconds=round(facts.seconds, 1),
                n=sum(row.count for row in facts.tagged),
                frames=facts.frames,
            ),
        )


def _judge_bpdus(topology: Topology, facts: HeardFacts, needed: int) -> Judgement:
    """BPDUs of the socket's own switch are normal; of anybody else, they are an attempt on the tree.

    A bridge is recognised by its address, or that of its port, being in the same numbering as a declared switch's
    address. One that is not recognised is foreign where a recognised one speaks on the same link, or where it bears the
    address of a declared device that is no switch; alone, it may be a switch whose base address the site file does not
    say: not verified.
    """
    expected = msg("aucune BPDU étrangère")
    devices = topology.site.devices
    switches = {device.mac[:_FAMILY] for device in devices if device.role is DeviceRole.SWITCH and device.mac}
    hosts = {device.mac for device in devices if not device.role.is_infrastructure and device.mac}
    ports = {row.source for row in facts.bpdus if _of(row, switches)}
    known = [row for row in facts.bpdus if row.source in ports]
    unknown = [row for row in facts.bpdus if row.source not in ports]
    speakers = {row.source for row in unknown}
    impostors = [row for row in facts.bpdus if {row.source, row.bridge_mac, row.root_mac} & hosts]
    if impostors or (unknown and known) or len(speakers) > 1:
        rows = impostors or unknown
        return non_conforme(
            expected,
            msg(
                "BPDU de {sources}, racine annoncée {roots}",
                sources=", ".join(sorted({row.source for row in rows})[:SHOWN]),
                roots=", ".join(sorted({_root(row) for row in rows})[:SHOWN]),
            ),
        )
    if unknown:
        raise NotVerified(
            msg(
                "BPDU de {source}, que le site ne déclare pas comme commutateur : vérifier l'adresse du commutateur",
                source=unknown[0].source,
            ),
            expected=expected,
        )
    unread = {row.source for row in facts.control if row.kind in BPDUS} - ports
    if unread:
        raise NotVerified(msg("BPDU illisible de {sources}", sources=", ".join(sorted(unread))), expected=expected)
    require_window(facts, needed, expected)
    if facts.unlisted_bpdus:
        raise NotVerified(msg("plus de BPDU différentes que la fenêtre n'en retient"), expected=expected)
    _require_link_heard(facts, expected)
    if not known:
        return conforme(expected, _silence(facts))
    return conforme(
        expected,
        msg(
            "BPDU du seul commutateur {source} en {seconds} s",
            source=known[0].source,
            seconds=round(facts.seconds, 1),
        ),
    )


def _of(row: BpduSighting, families: set[str]) -> bool:
    return row.source[:_FAMILY] in families or (row.bridge_mac or "")[:_FAMILY] in families


def _root(row: BpduSighting) -> str:
    return f"{row.root_priority}/{row.root_mac}" if row.root_mac else "–"


def belongs(sender: Sender, vlan: Vlan) -> bool:
    """Whether a station of the VLAN may say so: its own prefix, or an address that every link has."""
    address = sender.address
    ours = any(address in subnet.prefix for subnet in vlan.subnets)
    return ours or address.is_unspecified or address.is_link_local


def require_window(facts: HeardFacts, needed: int, expected: Message) -> None:
    """Nothing lost, the link never down, and long enough.

    Raises:
        NotVerified: naming what is missing.
    """
    if facts.loss.total:
        raise NotVerified(
            msg(
                "écoute incomplète : {kernel} trames perdues par le noyau, {forwarding} en aval,"
                " {interruptions} interruptions",
                kernel=facts.loss.kernel,
                forwarding=facts.loss.forwarding,
                interruptions=facts.loss.interruptions,
            ),
            expected=expected,
        )
    if facts.carrier_losses:
        raise NotVerified(
            msg("lien du point perdu {n} fois pendant l'écoute", n=facts.carrier_losses), expected=expected
        )
    if facts.seconds < needed:
        raise NotVerified(
            msg(
                "écoute de {seconds} s, trop courte pour conclure au silence : {needed} s au moins",
                seconds=round(facts.seconds, 1),
                needed=needed,
            ),
            expected=expected,
        )


def _require_link_heard(facts: HeardFacts, expected: Message) -> None:
    """What bridges do not forward reached this interface, so that the rest would have.

    Raises:
        NotVerified: nothing of the kind was heard.
    """
    if not any(row.kind is Kind.LLDP or row.kind in BPDUS for row in facts.control):
        raise NotVerified(
            msg("contrôle manquant : ni annonce LLDP ni BPDU entendue sur ce lien"),
            expected=expected,
        )


def _silence(facts: HeardFacts) -> Message:
    heard = sum(row.count for row in facts.control if row.kind is Kind.LLDP or row.kind in BPDUS)
    return msg(
        "silence en {seconds} s, {n} annonces LLDP ou BPDU entendues",
        seconds=round(facts.seconds, 1),
        n=heard,
    )
