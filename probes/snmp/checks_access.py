"""Checks of the access to agents: what is readable, under which protection, and what is refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from probes.api import Check, Evidence, NotVerified, conforme, non_conforme, partiel
from probes.switching.words import listed
from r2s_audit.model.base import Model
from r2s_audit.model.finding import Judgement, Subject
from r2s_audit.model.observation import Request
from r2s_audit.model.profile import Share
from r2s_audit.model.site import Device, Intrusiveness, ZoneKind
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology

from .asking import administrable, no_gap, requests_for, subjects_for, the_request
from .facts import Attempt, LegacyFacts, SystemFacts
from .oids import IF_COLUMNS, IFX_COLUMNS, SYSTEM_SCALARS
from .specs import LEGACY, SYSTEM

_TABLE_OF = dict.fromkeys(IF_COLUMNS, "ifTable") | dict.fromkeys(IFX_COLUMNS, "ifXTable")
_CORE = {**SYSTEM_SCALARS, **IF_COLUMNS, **IFX_COLUMNS}
_IDENTITY = ("sysName", "sysLocation", "sysContact")
_LEVELS = ("noAuthNoPriv", "authNoPriv", "authPriv")
_REFUSALS = {6, 16}
"""noAccess and authorizationError (RFC 3416, section 3): the agent speaks the version, but does not accept the community."""


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [n for n in names if n not in _CORE]
    if unknown:
        raise ValueError(f"unknown SNMP objects: {', '.join(unknown)}; known: {', '.join(_CORE)}")
    return names


def _equipment(topology: Topology) -> list[Device]:
    return [d for d in topology.site.devices if d.role.is_network_equipment]


class CoreObjectsParameters(Model):
    """Which objects are the core, how well the reading must be protected, and what is still *partiel*."""

    objects: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_known)]
    minimum_level: Literal["noAuthNoPriv", "authNoPriv", "authPriv"]
    partial_share: Share
    """Share of the objects from which an incomplete reading is P rather than N."""


class CoreObjects(Check[CoreObjectsParameters]):
    """Expected: every core object has a value, read under the minimum USM level."""

    id = "snmp.core-objects"
    title = msg("Objets de base lisibles en SNMPv3")
    reference = "RFC 3418, RFC 2863 ; référentiel C3.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : seule une lecture authentifiée menée à bien est jugée")

    def subjects(self, topology: Topology, parameters: CoreObjectsParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches and routers."""
        return subjects_for(topology, _equipment(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: CoreObjectsParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The system observation, where there is an access to make it."""
        device = topology.devices[subject.target]
        return requests_for(topology, device, SYSTEM) if device.admin.snmp else ()

    def judge(self, subject: Subject, evidence: Evidence, parameters: CoreObjectsParameters) -> Judgement:
        """C for all objects, P from the partial share on, N below it or under too weak a level."""
        expected = msg(
            "les {count} objets {objects} ont chacun au moins une valeur, lue au niveau {level} ou mieux",
            count=len(parameters.objects),
            objects=listed(parameters.objects),
            level=parameters.minimum_level,
        )
        facts = evidence.facts(the_request(evidence.topology, subject, SYSTEM, expected), SystemFacts)
        level = facts.used.level
        if _LEVELS.index(level) < _LEVELS.index(parameters.minimum_level):
            return non_conforme(expected, msg("lecture acceptée au niveau {level} seulement", level=level))
        missing = [name for name in parameters.objects if name not in facts.provided]
        if not missing:
            return conforme(
                expected,
                msg("{count} objets sur {count} lus au niveau {level}", count=len(parameters.objects), level=level),
            )
        no_gap(facts.gaps, {_TABLE_OF.get(name, "") for name in missing}, expected)
        share = Fraction(len(parameters.objects) - len(missing), len(parameters.objects))
        verdict = partiel if share >= Fraction(parameters.partial_share) else non_conforme
        return verdict(
            expected,
            msg(
                "{found} objets sur {count} lus au niveau {level} ; sans valeur : {missing}",
                found=len(parameters.objects) - len(missing),
                count=len(parameters.objects),
                level=level,
                missing=listed(missing),
            ),
        )


class IdentityParameters(Model):
    """Which of the three must be filled in, and which texts are only a factory's."""

    objects: Annotated[tuple[Literal["sysName", "sysLocation", "sysContact"], ...], Field(min_length=1)]
    placeholders: tuple[str, ...]
    """Texts (whole, case ignored) that count as empty."""
    partial_share: Share


class IdentityFilled(Check[IdentityParameters]):
    """Expected: name, place and contact are filled in with something of the building's own."""

    id = "snmp.identity-filled"
    title = msg("Nom, emplacement et contact renseignés")
    reference = "RFC 3418 (sysName, sysLocation, sysContact) ; référentiel C3.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : seule une lecture authentifiée menée à bien est jugée")

    def subjects(self, topology: Topology, parameters: IdentityParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches and routers."""
        return subjects_for(topology, _equipment(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: IdentityParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The system observation, where there is an access to make it."""
        device = topology.devices[subject.target]
        return requests_for(topology, device, SYSTEM) if device.admin.snmp else ()

    def judge(self, subject: Subject, evidence: Evidence, parameters: IdentityParameters) -> Judgement:
        """C for all, P from the partial share on, else N."""
        expected = msg("{objects} renseignés, autrement que par une valeur d'usine", objects=listed(parameters.objects))
        facts = evidence.facts(the_request(evidence.topology, subject, SYSTEM, expected), SystemFacts)
        texts = dict(zip(_IDENTITY, (facts.name, facts.location, facts.contact), strict=True))
        factory = {p.strip().casefold() for p in parameters.placeholders} | {""}
        shown = {name: found.text if (found := texts[name]) else "" for name in parameters.objects}
        filled = [name for name, text in shown.items() if text.strip().casefold() not in factory]
        measured = msg(
            "{filled} renseignés sur {count} : {values}",
            filled=len(filled),
            count=len(shown),
            values=listed(f"{name} « {text} »" for name, text in shown.items()),
        )
        if len(filled) == len(shown):
            return conforme(expected, measured)
        share = Fraction(len(filled), len(shown))
        return (partiel if share >= Fraction(parameters.partial_share) else non_conforme)(expected, measured)


class LegacyParameters(Model):
    """Where an answer to a community that is not a default is only *partiel*."""

    admin_zones: Annotated[tuple[ZoneKind, ...], Field(min_length=1)]


def _accepted(attempt: Attempt) -> bool:
    return attempt.answered and attempt.error_status not in _REFUSALS


class LegacyRefused(Check[LegacyParameters]):
    """Expected: silence to v1 and v2c, proved by an agent that answers before and after on the same socket."""

    id = "snmp.legacy-refused"
    title = msg("SNMPv1 et SNMPv2c refusés")
    reference = "ANSSI PA-108 R153 ; référentiel C3.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg(
        "la même adresse et le même port répondent en SNMPv3 sur la même prise juste avant et juste après, sans datagramme perdu"
    )

    def subjects(self, topology: Topology, parameters: LegacyParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Declared switches and routers, and devices that declare an SNMP access."""
        return subjects_for(topology, administrable(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: LegacyParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The refusal test, its controls included."""
        return requests_for(topology, topology.devices[subject.target], LEGACY)

    def judge(self, subject: Subject, evidence: Evidence, parameters: LegacyParameters) -> Judgement:
        """An answer is believed at once; silence only between two controls."""
        expected = msg(
            "aucune réponse à un GET sysDescr.0 en v1 puis v2c, alors que l'agent répond en SNMPv3 avant et après"
        )
        topology = evidence.topology
        asked = the_request(topology, subject, LEGACY, expected, usm=False)
        facts = evidence.facts(asked, LegacyFacts)
        zone = topology.zone_of(topology.points[asked.point])
        answered = [a for a in facts.attempts if a.answered]
        if answered:
            measured = msg(
                "{answered} réponses sur {count} GET depuis la zone {zone} : {attempts}",
                answered=len(answered),
                count=len(facts.attempts),
                zone=zone.id,
                attempts=listed(f"{a.version} {a.community}" for a in answered),
            )
            default = any(_accepted(a) and a.community != "declared" for a in answered)
            if default or zone.kind not in parameters.admin_zones:
                return non_conforme(expected, measured)
            return partiel(expected, measured)
        self._silence_counts(facts, expected_count=len(facts.attempts))
        return conforme(
            expected,
            msg(
                "silence à {count} GET ({attempts}) pendant {seconds} s ; l'agent a répondu avant et après sur la même prise, aucun datagramme perdu",
                count=len(facts.attempts),
                attempts=listed(f"{a.version} {a.community}" for a in facts.attempts),
                seconds=facts.window_seconds,
            ),
        )

    @staticmethod
    def _silence_counts(facts: LegacyFacts, expected_count: int) -> None:
        """NotVerified unless the silence is worth something (promise 3)."""
        if not expected_count:
            raise NotVerified(msg("aucun GET n'a été envoyé en v1 ou v2c"))
        for when, control in (("avant", facts.before), ("après", facts.after)):
            if not control.answered:
                raise NotVerified(
                    msg(
                        "silence sans valeur : le témoin SNMPv3 ({when} l'essai) n'a pas répondu : {reason}",
                        when=when,
                        reason=str(control.reason or "–"),
                    )
                )
        if facts.drops:
            raise NotVerified(msg("silence sans valeur : {drops} datagrammes perdus par la prise", drops=facts.drops))
        if facts.undecodable:
            raise NotVerified(
                msg(
                    "silence sans valeur : {count} datagrammes indéchiffrables reçus de la cible",
                    count=facts.undecodable,
                )
            )


class UsmParameters(Model):
    """Algorithms by their names in the site file; one that is in no list is N."""

    strong_auth: Annotated[tuple[str, ...], Field(min_length=1)]
    strong_priv: Annotated[tuple[str, ...], Field(min_length=1)]
    weak_auth: tuple[str, ...]
    weak_priv: tuple[str, ...]


class UsmStrength(Check[UsmParameters]):
    """Expected: the agent accepted strong authentication and strong encryption."""

    id = "snmp.usm-strength"
    title = msg("Force de la protection SNMPv3 (USM)")
    reference = "RFC 7860, RFC 3826, RFC 3414 ; référentiel C3.2"
    intrusiveness = Intrusiveness.SAFE
    controls = msg("aucun : seule une lecture dont l'empreinte a été vérifiée est jugée")

    def subjects(self, topology: Topology, parameters: UsmParameters) -> Iterable[Subject]:  # noqa: ARG002 - contract
        """Switches, routers, and devices that declare an SNMP access."""
        return subjects_for(topology, administrable(topology))

    def requests(self, topology: Topology, subject: Subject, parameters: UsmParameters) -> Sequence[Request]:  # noqa: ARG002 - contract
        """The system observation, where there is an access to make it."""
        device = topology.devices[subject.target]
        return requests_for(topology, device, SYSTEM) if device.admin.snmp else ()

    def judge(self, subject: Subject, evidence: Evidence, parameters: UsmParameters) -> Judgement:
        """C when both are strong, P when both are at least weak, else N."""
        expected = msg(
            "authentification {auth} et chiffrement {priv} acceptés par l'agent",
            auth=" / ".join(parameters.strong_auth),
            priv=" / ".join(parameters.strong_priv),
        )
        facts = evidence.facts(the_request(evidence.topology, subject, SYSTEM, expected), SystemFacts)
        used = facts.used
        measured = msg(
            "lecture vérifiée au niveau {level}, authentification {auth}, chiffrement {priv}",
            level=used.level,
            auth=used.auth_protocol or "–",
            priv=used.priv_protocol or "–",
        )
        if used.auth_protocol in parameters.strong_auth and used.priv_protocol in parameters.strong_priv:
            return conforme(expected, measured)
        tolerated_auth = {*parameters.strong_auth, *parameters.weak_auth}
        tolerated_priv = {*parameters.strong_priv, *parameters.weak_priv}
        if used.auth_protocol in tolerated_auth and used.priv_protocol in tolerated_priv:
            return partiel(expected, measured)
        return non_conforme(expected, measured)
