"""Whether IPv6 is in use at all on a point's link."""

# ruff: noqa: ARG002 - the contract of probes.api.Check names arguments that not every check needs

from __future__ import annotations

from typing import TYPE_CHECKING

from probes.api import Check, NoParameters, NotVerified, conforme, non_conforme
from probes.ipv6.declared import ask_router, each_point, names
from probes.ipv6.facts import RouterFacts
from probes.ipv6.senders import Sender, Senders, believed, require_complete
from r2s_audit.model.site import Intrusiveness
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from probes.api import Evidence
    from r2s_audit.model.finding import Judgement, Subject
    from r2s_audit.model.observation import Request
    from r2s_audit.model.topology import Topology


class InUse(Check[NoParameters]):
    """Any sight of IPv6 in use: a declared router's advertisement, or an address of a declared prefix seen at work.

    What the auditor's own machine sends is no sight. Link-local chatter is none either: every laptop makes it, with
    or without a network that does IPv6.
    """

    id = "ipv6.in-use"
    title = msg("IPv6 vu en usage")
    reference = "exigence C3.3 (partiel)"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "aucun pour ce qui est vu ; pour une absence : la sollicitation est vue partir, un routeur déclaré répond au"
        " début et à la fin de la fenêtre, capture sans aucune perte"
    )

    def subjects(self, topology: Topology, parameters: NoParameters) -> Iterable[Subject]:
        return each_point(topology)

    def requests(self, topology: Topology, subject: Subject, parameters: NoParameters) -> Sequence[Request]:
        return [ask_router(subject)]

    def judge(self, subject: Subject, evidence: Evidence, parameters: NoParameters) -> Judgement:
        facts = evidence.facts(ask_router(subject), RouterFacts)
        senders = Senders(evidence.topology, subject, facts)
        expected = msg("annonce d'un routeur déclaré, ou adresse d'un préfixe déclaré en usage")
        for each in believed(facts):
            if senders.of(each) is Sender.DECLARED:
                return conforme(expected, msg("annonce de {source}", source=str(each.source)))
        declared = [s.prefix for v in evidence.topology.site.vlans for s in v.subnets]
        used = [s for s in facts.sights if any(s.address in prefix for prefix in declared)]
        if used:
            return conforme(expected, msg("{address} ({mac}) en usage", address=str(used[0].address), mac=used[0].mac))
        if facts.sights or believed(facts):
            raise NotVerified(
                msg("IPv6 vu, mais hors des routeurs et préfixes déclarés : {seen}", seen=_seen(facts)),
                expected=expected,
            )
        require_complete(facts)
        return non_conforme(expected, msg("rien en {seconds} s", seconds=facts.listened_s))


def _seen(facts: RouterFacts) -> str:
    return names([s.address for s in facts.sights] or [a.source for a in believed(facts)])
