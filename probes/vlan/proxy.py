"""Nobody answers ARP or ND for addresses of other VLANs: RFC 1027 makes one link of what the declaration keeps apart."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import Check, NoParameters, NotVerified, conforme, non_conforme
from probes.vlan.facts import ProxyFacts
from probes.vlan.matrix import matrix
from probes.vlan.truth import require_heard
from r2s_audit.model.finding import Subject
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from r2s_audit.model.finding import Judgement
    from r2s_audit.model.observation import Request
    from r2s_audit.model.topology import Topology

VERSIONS = (4, 6)


class NoProxy(Check[NoParameters]):
    """One subject per point and IP version in which its VLAN has a router.

    The router that would answer is shown alive and heard by the sender's control; it is the one that proxies where
    anybody does. One declared device of each other VLAN is asked for.
    """

    id = "vlan.no-proxy"
    title = msg("Aucune réponse ARP ou ND au nom d'un autre VLAN")
    reference = "RFC 1027; RFC 4389; ANSSI-PA-108 R101; exigence S1.3"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "le routeur du VLAN, qui répondrait à la place des autres, répond pour lui-même au début et à la fin de la"
        " fenêtre, lien jamais perdu ; capture sans aucune perte"
    )

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:
        for point in matrix(topology).points:
            for version in VERSIONS:
                if matrix(topology).proxying(point.id, version):
                    yield Subject(target=point.socket, point=point.id, detail=(("version", str(version)),))

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:
        return matrix(topology).proxying(subject.point, int(subject.get("version")))

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:
        (asked,) = self.requests(evidence.topology, subject, parameters)
        facts = evidence.facts(asked, ProxyFacts)
        expected = msg("personne ne répond au nom d'un autre VLAN à la prise {socket}", socket=subject.target)
        answered = [q for q in facts.questions if q.answer_mac]
        if answered:
            return non_conforme(
                expected,
                msg(
                    "{macs} répond pour {addresses}",
                    macs=", ".join(sorted({q.answer_mac or "" for q in answered})),
                    addresses=", ".join(str(q.address) for q in answered),
                ),
            )
        for question in facts.questions:
            if not question.frames_sent:
                raise NotVerified(
                    msg(
                        "question sur {address} non envoyée ({why})",
                        address=str(question.address),
                        why=question.note or "–",
                    ),
                    expected=expected,
                )
        if not facts.questions:
            raise NotVerified(msg("aucune adresse d'un autre VLAN à demander"), expected=expected)
        require_heard(facts.loss, facts.questions, facts.sender, facts.questions[0].address)
        return conforme(
            expected,
            msg(
                "silence à {n} trames sur {addresses}, le routeur {gateway} répondant pour lui-même",
                n=sum(q.frames_sent for q in facts.questions),
                addresses=", ".join(str(q.address) for q in facts.questions),
                gateway=str(facts.sender.gateway),
            ),
        )
