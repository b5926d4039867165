"""What trials with foreign tags mean: whether a socket, or a link's native VLAN, lets its user into another VLAN."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from probes.api import Check, NotVerified, conforme, non_conforme
from probes.vlan.heard_check import WindowParameters
from probes.vlan.tags_facts import TagsReceivedFacts, TagsSentFacts
from probes.vlan.tags_requests import NOBODY, ask_received, ask_trials, double_tags, permitted, sent_tags
from probes.wire.trials import DOUBLE_TAG, PRIORITY, SENT_TAG
from r2s_audit.model.finding import Subject
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from probes.vlan.facts import Loss, SenderControl
    from probes.vlan.tags_facts import Trial
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.text import Message
    from r2s_audit.model.topology import Topology

ARRIVAL = timedelta(seconds=0.25)
"""What a frame may take through the switches, many times over; a window that closes sooner may have missed it."""
_CONTROLS = msg(
    "dans la même fenêtre : l'émetteur et le récepteur joignent chacun la passerelle de leur VLAN au début et à la fin,"
    " chaque trame vue partir avec ses étiquettes, aucune trame perdue par les captures, liens jamais tombés"
)


class SentTag(Check[WindowParameters]):
    """One subject per access point and other VLAN, received by a point of ours in that VLAN."""

    id: ClassVar[str] = SENT_TAG
    title: ClassVar[Message] = msg("Aucune trame étiquetée envoyée d'une prise n'entre dans un autre VLAN")
    reference: ClassVar[str] = "IEEE 802.1Q-2022, 6.9, 8.6.2; exigence S1.3"
    intrusiveness: ClassVar[Intrusiveness] = Intrusiveness.INTRUSIVE
    controls: ClassVar[Message] = _CONTROLS

    def subjects(self, topology: Topology, parameters: WindowParameters) -> Iterable[Subject]:
        """The population; the building as a whole where its site file asks for no such trial."""
        return sent_tags(topology) if permitted(topology, self.id) else [_nobody_asked(topology)]

    def requests(self, topology: Topology, subject: Subject, parameters: WindowParameters) -> Sequence[Request]:
        """The trials, and the window that they are to arrive in."""
        return _requests(topology, self.id, subject, parameters)

    def judge(self, subject: Subject, evidence: Evidence, parameters: WindowParameters) -> Judgement:
        """What arrived is not conforme, whatever the controls; that nothing did needs all of them."""
        if not subject.detail:
            raise _not_asked(msg("aucune trame étiquetée d'un autre VLAN n'y entre"))
        expected = msg(
            "aucune trame étiquetée {vlan} envoyée de {socket} ne parvient dans ce VLAN",
            vlan=subject.get("vlan"),
            socket=subject.target,
        )
        return _judge(self.id, subject, evidence, parameters, expected)


class DoubleTag(Check[WindowParameters]):
    """One subject per VLAN with an access point, and pair of switches that it can be tried between."""

    id: ClassVar[str] = DOUBLE_TAG
    title: ClassVar[Message] = msg("Aucun saut de VLAN par double étiquetage")
    reference: ClassVar[str] = "DISA Layer 2 Switch SRG V3R1, L2S-000012, -000013; exigence S1.3"
    intrusiveness: ClassVar[Intrusiveness] = Intrusiveness.INTRUSIVE
    controls: ClassVar[Message] = _CONTROLS

    def subjects(self, topology: Topology, parameters: WindowParameters) -> Iterable[Subject]:
        """The population; the building as a whole where its site file asks for no such trial."""
        return double_tags(topology) if permitted(topology, self.id) else [_nobody_asked(topology)]

    def requests(self, topology: Topology, subject: Subject, parameters: WindowParameters) -> Sequence[Request]:
        """The trials, and the window that they are to arrive in."""
        return _requests(topology, self.id, subject, parameters)

    def judge(self, subject: Subject, evidence: Evidence, parameters: WindowParameters) -> Judgement:
        """What arrived is not conforme, whatever the controls; that nothing did needs all of them."""
        if not subject.detail:
            raise _not_asked(msg("aucune trame à deux étiquettes ne change de VLAN"))
        expected = msg(
            "aucune trame à deux étiquettes envoyée de {socket} ne parvient à {receiver}",
            socket=subject.target,
            receiver=subject.get("receiver"),
        )
        return _judge(self.id, subject, evidence, parameters, expected)


def _nobody_asked(topology: Topology) -> Subject:
    return Subject(target=topology.site.building.id)


def _not_asked(expected: Message) -> NotVerified:
    """What was not tried is not known: only a declaration in the site file takes the criterion out of the rule."""
    reason = msg("essai intrusif non planifié : le fichier de site ne le demande pas (scope.intrusiveness, mandate)")
    return NotVerified(reason, expected=expected)


def _requests(topology: Topology, trial: str, subject: Subject, parameters: WindowParameters) -> list[Request]:
    """Both sides; none where nobody asked, or nobody could receive."""
    if not subject.detail or subject.get("receiver") == NOBODY:
        return []
    vlan = int(subject.get("vlan"))
    stacks: list[tuple[int, ...]] = [(vlan,)]
    if trial == DOUBLE_TAG:
        own = topology.vlan_of(topology.points[subject.point])
        # A port that takes no tag of its own VLAN may take one of none: what is inside it is as good.
        stacks = [*([] if own is None else [(own.id, vlan)]), (PRIORITY, vlan)]
    return [
        ask_trials(topology, trial, subject, stacks),
        ask_received(topology, subject.get("receiver"), parameters.least_s, parameters.most_s),
    ]


def _judge(
    trial: str, subject: Subject, evidence: Evidence, parameters: WindowParameters, expected: Message
) -> Judgement:
    asked = _requests(evidence.topology, trial, subject, parameters)
    if not asked:
        raise NotVerified(_without_receiver(trial, subject), expected=expected)
    sent = evidence.facts(asked[0], TagsSentFacts)
    heard = evidence.facts(asked[1], TagsReceivedFacts)
    by_nonce = {each.nonce: each for each in sent.trials}
    arrived = [arrival for arrival in heard.arrivals if arrival.nonce in by_nonce]
    if arrived:
        return non_conforme(
            expected,
            msg(
                "{n} trames étiquetées {tags} parties de {point} reçues au point {receiver}, étiquettes restantes : {left}",
                n=sum(arrival.count for arrival in arrived),
                tags=_tags(by_nonce[arrival.nonce].vids for arrival in arrived),
                point=subject.point,
                receiver=sent.receiver,
                left=_tags(arrival.vids for arrival in arrived),
            ),
        )
    for each in sent.trials:
        _require_sent(each, heard, expected)
    _require_control(subject.point, sent.loss, sent.controls, expected)
    _require_control(sent.receiver, heard.loss, heard.controls, expected)
    if heard.unlisted:
        raise NotVerified(msg("plus de trames d'essai que la fenêtre n'en retient"), expected=expected)
    return conforme(
        expected,
        msg(
            "{n} trames étiquetées {tags} parties de {point}, aucune reçue au point {receiver} qui écoutait",
            n=sum(each.seen for each in sent.trials),
            tags=_tags(each.vids for each in sent.trials),
            point=subject.point,
            receiver=sent.receiver,
        ),
    )


def _without_receiver(trial: str, subject: Subject) -> Message:
    if trial == SENT_TAG:
        return msg("aucun point de mesure dans le VLAN {vlan} pour recevoir", vlan=subject.get("vlan"))
    return msg("aucun point de mesure d'un autre VLAN sur un autre commutateur pour recevoir")


def _require_sent(trial: Trial, heard: TagsReceivedFacts, expected: Message) -> None:
    """Every frame seen leaving, and one at least while the receiver listened.

    Raises:
        NotVerified: naming what is missing.
    """
    if trial.refusal is not None:
        raise NotVerified(msg("trame non envoyée : {why}", why=trial.refusal), expected=expected)
    if not trial.sent_at or trial.seen < len(trial.sent_at):
        raise NotVerified(
            msg(
                "{seen} trames étiquetées {tags} vues partir, sur {sent}",
                seen=trial.seen,
                tags=_tags([trial.vids]),
                sent=len(trial.sent_at),
            ),
            expected=expected,
        )
    if not any(heard.window_start <= at <= heard.window_end - ARRIVAL for at in trial.sent_at):
        raise NotVerified(msg("le récepteur n'écoutait pas quand les trames sont parties"), expected=expected)


def _require_control(point: str, loss: Loss, controls: Iterable[SenderControl], expected: Message) -> None:
    """Nothing lost, and the point was heard and heard its own VLAN at both ends of its window.

    Raises:
        NotVerified: naming what is missing.
    """
    if loss.total:
        raise NotVerified(msg("trames perdues par la capture du point {point}", point=point), expected=expected)
    if not any(control.holds for control in controls):
        raise NotVerified(
            msg("contrôle manquant : {point} n'a pas joint la passerelle de son VLAN", point=point), expected=expected
        )


def _tags(stacks: Iterable[tuple[int, ...]]) -> str:
    """Stacks of tags, each once: ``0+20, 30+20``; a dash for none."""
    return ", ".join(dict.fromkeys("+".join(map(str, stack)) or "–" for stack in stacks))
