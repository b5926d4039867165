"""The checks as tables: facts in, value and words out; the network is nowhere near."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from probes.api import Evidence, NoParameters, NotVerified
from probes.snmp.checks import CHECKS
from probes.snmp.facts import (
    Attempt,
    BridgeFacts,
    BridgePort,
    Control,
    CurrentVlan,
    Gap,
    Interface,
    LegacyFacts,
    LevelAttempt,
    LevelsFacts,
    LldpFacts,
    LldpPort,
    Neighbour,
    StaticVlan,
    SystemFacts,
    Text,
    UsmUsed,
)
from probes.snmp.topology_graph import Link, declared_links
from r2s_audit.model.observation import Failure, Observation
from r2s_audit.model.text import msg

BY_ID = {check.id: check for check in CHECKS}
NOW = datetime(2026, 1, 1, tzinfo=UTC)
USED = UsmUsed(level="authPriv", auth_protocol="SHA-256", priv_protocol="AES-128", address="127.0.0.1", port=161)
PARAMETERS = {
    "snmp.core-objects": {"objects": ["sysDescr", "sysName", "ifDescr", "ifHighSpeed"], "minimum_level": "authPriv", "partial_share": "1/2"},
    "snmp.identity-filled": {"objects": ["sysName", "sysLocation", "sysContact"], "placeholders": ["Unknown", "(none)"], "partial_share": "1/3"},
    "snmp.legacy-refused": {"admin_zones": ["administration"]},
    "snmp.level-enforced": {"required": "authPriv", "authenticated_only": "N"},
    "snmp.usm-strength": {
        "strong_auth": ["SHA-256", "SHA-384", "SHA-512"], "strong_priv": ["AES-128", "AES-256"], "weak_auth": ["SHA-1"], "weak_priv": []
    },
    "snmp.lldp-complete": {"disconnected": "P"},
    "snmp.vlans-declared": {"required_on": "every_switch", "partial_share": "1", "extra": "P", "ignored_extra": [1]},
    "snmp.dot1q-version": {"accepted": [1]},
    "snmp.access-ports": {},
    "snmp.native-vlan": {},
    "snmp.ingress-filtered": {},
    "snmp.unused-ports": {"atteint": "0.95", "partiel": "0.7"},
    "snmp.admin-vlan": {"forbidden": [1]},
    "snmp.trunks-declared": {},
    "snmp.learnt-in-place": {},
    "snmp.no-foreign-equipment": {},
}  # fmt: skip


def parameters(check, **changes):
    return BY_ID[check].Parameters.model_validate({**PARAMETERS[check], **changes})


def observed(request, facts):
    """A completed observation, or a failed one where ``facts`` is a failure."""
    failed = isinstance(facts, Failure)
    return Observation(
        request=request,
        pass_id="p1",
        state="failed" if failed else "completed",
        facts=None if failed else facts.model_dump(mode="json"),
        failure=facts if failed else None,
        reason=msg("échec de {what}", what=request.target) if failed else None,
        started=NOW,
        ended=NOW,
        collector_version="1",
    )


def judge(check, topology, facts, *, target="sw-coeur", **changes):
    """Judge one subject; ``facts`` for every request, or by device."""
    chosen = parameters(check, **changes)
    subject = next(s for s in BY_ID[check].subjects(topology, chosen) if s.target == target)
    requests = BY_ID[check].requests(topology, subject, chosen)
    by_device = facts if isinstance(facts, dict) else {r.target: facts for r in requests}
    found = {r.key: observed(r, by_device[r.target]) for r in requests if r.target in by_device}
    return BY_ID[check].judge(subject, Evidence(topology, found), chosen)


def T(text):  # noqa: N802 - a short name for a table
    return Text(text=text)


def system(**changes):
    return SystemFacts(used=USED, name=T("sw"), location=T("Local"), contact=T("x@y"), **changes)


def gap(table):
    return Gap(table=table, failure=Failure.TIMEOUT, reason=msg("silence"))


ALL = ("sysDescr", "sysName", "ifDescr", "ifHighSpeed")
AT = {"level": "authNoPriv", "auth_protocol": "SHA-256", "address": "127.0.0.1", "port": 161}


@pytest.mark.parametrize(
    ("facts", "value", "words"),
    [
        (system(provided=ALL), "C", "4 objets sur 4 lus au niveau authPriv"),
        (system(provided=ALL[:2]), "P", "2 objets sur 4 lus au niveau authPriv ; sans valeur : ifDescr, ifHighSpeed"),
        (system(provided=ALL[:1]), "N", "1 objets sur 4 lus au niveau authPriv ; sans valeur : sysName, ifDescr, ifHighSpeed"),
        (SystemFacts(used=UsmUsed(**AT), provided=ALL), "N", "lecture acceptée au niveau authNoPriv seulement"),
        (system(provided=ALL, gaps=(gap("entPhysicalTable"),)), "C", "4 objets sur 4 lus au niveau authPriv"),
    ],
)  # fmt: skip
def test_core_objects(site, facts, value, words):
    found = judge("snmp.core-objects", site(), facts)
    assert (found.value, str(found.measured)) == (value, words)
    assert str(found.expected) == (
        "les 4 objets sysDescr, sysName, ifDescr, ifHighSpeed ont chacun au moins une valeur, lue au niveau authPriv ou mieux"
    )


def test_core_objects_in_an_unread_table_are_not_verified(site):
    with pytest.raises(NotVerified, match=r"table ifTable non lue jusqu'au bout : silence"):
        judge("snmp.core-objects", site(), system(provided=("sysDescr", "sysName"), gaps=(gap("ifTable"),)))


@pytest.mark.parametrize(
    ("texts", "value", "words"),
    [
        (("sw", "Local", "x@y"), "C", "3 renseignés sur 3 : sysName « sw », sysLocation « Local », sysContact « x@y »"),
        (("sw", " ", None), "P", "1 renseignés sur 3 : sysName « sw », sysLocation «   », sysContact «  »"),
        (
            ("unknown", "(NONE)", ""),
            "N",
            "0 renseignés sur 3 : sysName « unknown », sysLocation « (NONE) », sysContact «  »",
        ),
    ],
)
def test_identity_filled(site, texts, value, words):
    name, location, contact = (None if t is None else T(t) for t in texts)
    found = judge("snmp.identity-filled", site(), SystemFacts(used=USED, name=name, location=location, contact=contact))
    assert (found.value, str(found.measured)) == (value, words)
    assert str(found.expected) == "sysName, sysLocation, sysContact renseignés, autrement que par une valeur d'usine"


@pytest.mark.parametrize(
    ("auth", "priv", "level", "value"),
    [
        ("SHA-256", "AES-128", "authPriv", "C"),
        ("SHA-512", "AES-256", "authPriv", "C"),
        ("SHA-1", "AES-128", "authPriv", "P"),
        ("SHA-1", "DES", "authPriv", "N"),
        ("MD5", "AES-128", "authPriv", "N"),
        ("SHA-256", "", "authNoPriv", "N"),
        ("", "", "noAuthNoPriv", "N"),
    ],
)
def test_usm_strength(site, auth, priv, level, value):
    used = UsmUsed(level=level, auth_protocol=auth, priv_protocol=priv, address="127.0.0.1", port=161)
    found = judge("snmp.usm-strength", site(), SystemFacts(used=used))
    assert found.value == value
    assert str(found.measured) == (
        f"lecture vérifiée au niveau {level}, authentification {auth or '–'}, chiffrement {priv or '–'}"
    )
    assert str(found.expected) == (
        "authentification SHA-256 / SHA-384 / SHA-512 et chiffrement AES-128 / AES-256 acceptés par l'agent"
    )


ANSWERS = Control(kind="usm_get", answered=True)
SILENT = Control(kind="usm_get", answered=False, reason=msg("silence"))


SOCKETS = [
    {"id": "s1", "zone": "adm", "vlan": 10, "switch": "sw-coeur", "port": "ge1"},
    {"id": "s2", "zone": "log", "vlan": 30, "switch": "sw-coeur", "port": "Ethernet 2"},
]


def switched(vlans, *, pvids=(), names=("ge1", "ge2", "tr1"), gaps=()):
    """A switch by its static VLANs ``{id: (egress, untagged)}``; port n has ifIndex 100 + n; ge2 is called otherwise too."""
    bridge = BridgeFacts(
        used=USED,
        static_vlans=tuple(StaticVlan(id=v, egress=e, untagged=u) for v, (e, u) in vlans.items()),
        ports=tuple(BridgePort(port=n, if_index=100 + n, pvid=dict(pvids).get(n)) for n in (1, 2, 3)),
        gaps=gaps,
    )
    interfaces = tuple(
        Interface(index=101 + n, name=T(name), descr=T("Ethernet 2") if name == "ge2" else None)
        for n, name in enumerate(names)
    )
    return {"snmp.bridge": bridge, "snmp.system": SystemFacts(used=USED, interfaces=interfaces)}


def judge_ports(check, topology, facts):
    subject = next(iter(BY_ID[check].subjects(topology, parameters(check))))
    requests = BY_ID[check].requests(topology, subject, parameters(check))
    found = {r.key: observed(r, facts[r.collector]) for r in requests}
    return BY_ID[check].judge(subject, Evidence(topology, found), parameters(check))


SANE_PORTS = {10: ((1, 3), (1,)), 20: ((3,), ()), 30: ((2, 3), (2,))}


@pytest.mark.parametrize(
    ("vlans", "value", "words"),
    [
        (SANE_PORTS, "C", "2 ports conformes : ge1, Ethernet 2"),
        (SANE_PORTS | {30: ((2, 3), ()), 20: ((2, 3), (2,))}, "N", "s2 (Ethernet 2) : 20 [30] ≠ 30"),
        (SANE_PORTS | {10: ((1, 2, 3), (1,))}, "N", "s2 (Ethernet 2) : 30 [10] ≠ 30"),  # a trunk handed out
        (SANE_PORTS | {10: ((1, 2, 3), (1, 2))}, "N", "s2 (Ethernet 2) : 10, 30 [–] ≠ 30"),
        ({10: ((1,), (1,)), 20: ((3,), ())}, "N", "s2 (Ethernet 2) : – [–] ≠ 30"),  # in no VLAN at all
    ],
)
def test_access_ports(site, vlans, value, words):
    found = judge_ports("snmp.access-ports", site(sockets=SOCKETS), switched(vlans))
    assert found.value == value
    assert words in str(found.measured)


def test_an_access_port_that_nobody_knows_is_not_verified(site):
    with pytest.raises(NotVerified, match="ports Ethernet 2 introuvables sur sw-coeur, qui connaît ge1, tr1"):
        judge_ports("snmp.access-ports", site(sockets=SOCKETS), switched(SANE_PORTS, names=("ge1", "", "tr1")))


@pytest.mark.parametrize("check", ["snmp.access-ports", "snmp.native-vlan"])
def test_ports_without_their_tables_are_not_verified(site, check):
    with pytest.raises(NotVerified, match="dot1qVlanStaticTable"):
        judge_ports(check, site(sockets=SOCKETS), switched({}))
    with pytest.raises(NotVerified, match="table dot1qVlanStaticTable non lue"):
        judge_ports(check, site(sockets=SOCKETS), switched(SANE_PORTS, gaps=(gap("dot1qVlanStaticTable"),)))


@pytest.mark.parametrize(
    ("vlans", "pvids", "value"),
    [
        (SANE_PORTS, (), "C"),
        (SANE_PORTS, ((3, 1),), "C"),  # VLAN 1, which the building does not use
        (SANE_PORTS | {999: ((3,), (3,))}, ((3, 999),), "C"),  # a VLAN kept for nothing else
        (SANE_PORTS, ((3, 20),), "N"),
        (SANE_PORTS | {20: ((3,), (3,))}, (), "N"),
        (SANE_PORTS, ((1, 10), (2, 30)), "C"),  # access ports have no tagged VLAN
    ],
)
def test_native_vlan(site, vlans, pvids, value):
    assert judge_ports("snmp.native-vlan", site(sockets=SOCKETS), switched(vlans, pvids=pvids)).value == value


def neighbour(name, *capabilities, chassis="02:00:00:00:99:99"):
    return Neighbour(local_port=7, index=1, chassis=chassis, sys_name=T(name), capabilities=capabilities)


@pytest.mark.parametrize(
    ("neighbours", "value"),
    [
        ((), "C"),
        ((neighbour("SW-COEUR.batiment.test", "bridge"),), "C"),  # declared
        ((neighbour("laptop", "stationOnly"),), "C"),
        ((neighbour("tp-link", "bridge"),), "N"),
        ((neighbour("box", "bridge", "router"), neighbour("sw-coeur", "bridge")), "N"),
    ],
)
def test_no_foreign_equipment(site, neighbours, value):
    facts = LldpFacts(used=USED, supported=True, neighbours=neighbours)
    found = judge("snmp.no-foreign-equipment", site(), facts)
    assert found.value == value
    assert ("(7)" in str(found.measured)) is (value == "N")


def test_foreign_equipment_in_a_table_that_was_cut_short_is_not_verified(site):
    facts = LldpFacts(used=USED, supported=True, gaps=(gap("lldpRemTable"),))
    with pytest.raises(NotVerified, match="table lldpRemTable non lue"):
        judge("snmp.no-foreign-equipment", site(), facts)


def levels(*outcomes, declared="authPriv", before=True, after=True, drops=0):
    """Outcomes for the levels from the weakest on; ``denied:WHO`` says who denied."""
    return LevelsFacts(
        address="127.0.0.1",
        port=161,
        declared=declared,
        before=Control(kind="usm_get", answered=before, reason=None if before else msg("silence")),
        attempts=tuple(
            LevelAttempt(
                level=level, outcome=outcome.partition(":")[0], by=outcome.partition(":")[2], reason=msg("raison")
            )
            for level, outcome in zip(("noAuthNoPriv", "authNoPriv"), outcomes, strict=False)
        ),
        after=Control(kind="usm_get", answered=after, reason=None if after else msg("silence")),
        drops=drops,
    )


NO = "denied:authorizationError"


@pytest.mark.parametrize(
    ("facts", "changes", "value"),
    [
        (levels(NO, NO), {}, "C"),
        (levels(NO, NO, before=False, after=False), {}, "C"),  # a refusal is an answer
        (levels("silence", "silence"), {}, "C"),
        (levels("denied:UnknownUserName", "silence"), {}, "C"),
        (levels(NO, "value"), {}, "N"),
        (levels("value", NO), {}, "N"),
        (levels(NO, "value", before=False, after=False, drops=9), {}, "N"),
        (levels(NO, declared="authNoPriv"), {}, "N"),  # the declared account itself does without encryption
        (levels(declared="noAuthNoPriv"), {}, "N"),
        (levels(NO, "value"), {"authenticated_only": "P"}, "P"),
        (levels("value", "value"), {"authenticated_only": "P"}, "N"),
        (levels(NO, "value"), {"required": "authNoPriv"}, "C"),
        (levels("value", "value"), {"required": "authNoPriv"}, "N"),
    ],
)
def test_level_enforced(site, facts, changes, value):
    assert judge("snmp.level-enforced", site(), facts, **changes).value == value


@pytest.mark.parametrize(
    ("facts", "changes", "words"),
    [
        (levels("silence", NO, before=False), {}, "témoin SNMPv3 (avant l'essai) n'a pas répondu : silence"),
        (levels("silence", NO, after=False), {}, "témoin SNMPv3 (après l'essai) n'a pas répondu : silence"),
        (levels("silence", NO, drops=2), {}, "2 datagrammes perdus"),
        (levels("denied:UnknownUserName", NO, before=False), {}, "témoin SNMPv3 (avant"),
        (levels("empty", NO), {}, "n'a pas de valeur dans la vue"),
        (levels("unclear", NO), {}, "ne tranche pas : raison"),
        (levels("denied:WrongDigest", NO).model_copy(update={"attempts": (LevelAttempt(level="noAuthNoPriv", outcome="unclear", by="WrongDigest", reason=msg("empreinte")),)}), {}, "ne tranche pas : empreinte"),
        (levels(NO), {}, "niveau authNoPriv non éprouvé"),
        (levels("silence", "value", before=False), {"authenticated_only": "P"}, "n'a pas pu être éprouvé"),
    ],
)  # fmt: skip
def test_level_enforced_without_its_evidence(site, facts, changes, words):
    with pytest.raises(NotVerified) as caught:
        judge("snmp.level-enforced", site(), facts, **changes)
    assert words in str(caught.value)


def legacy(*answers, before=ANSWERS, after=ANSWERS, community="public", drops=0, undecodable=0):
    """v1 then v2c to one community; ``answers`` gives for each None (silence) or the error-status."""
    attempts = tuple(
        Attempt(
            version=version, community=community, answered=answer is not None, readable=answer == 0, error_status=answer
        )
        for version, answer in zip(("v1", "v2c"), answers, strict=True)
    )
    return LegacyFacts(
        address="127.0.0.1", port=161, before=before, after=after, attempts=attempts, window_seconds=2.0, drops=drops, undecodable=undecodable
    )  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "facts", "value", "words"),
    [
        (
            "administration", legacy(None, None), "C",
            "silence à 2 GET (v1 public, v2c public) pendant 2 s ; l'agent a répondu avant et après sur la même prise, aucun datagramme perdu",
        ),
        ("administration", legacy(None, 0), "N", "1 réponses sur 2 GET depuis la zone adm : v2c public"),
        ("administration", legacy(0, 0, community="declared"), "P", "2 réponses sur 2 GET depuis la zone adm : v1 declared, v2c declared"),
        ("technique", legacy(0, None, community="declared"), "N", "1 réponses sur 2 GET depuis la zone adm : v1 declared"),
        ("administration", legacy(2, None), "N", "1 réponses sur 2 GET depuis la zone adm : v1 public"),
        ("administration", legacy(None, 16), "P", "1 réponses sur 2 GET depuis la zone adm : v2c public"),
        # An answer is believed without any control.
        ("administration", legacy(0, None, before=SILENT, after=SILENT, drops=9), "N", "1 réponses sur 2 GET depuis la zone adm : v1 public"),
    ],
)  # fmt: skip
def test_legacy_refused(site, zone, facts, value, words):
    found = judge("snmp.legacy-refused", site(zone_kind=zone), facts)
    assert (found.value, str(found.measured)) == (value, words)
    assert str(found.expected) == (
        "aucune réponse à un GET sysDescr.0 en v1 puis v2c, alors que l'agent répond en SNMPv3 avant et après"
    )


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (legacy(None, None, before=SILENT), "le témoin SNMPv3 (avant l'essai) n'a pas répondu : silence"),
        (legacy(None, None, after=SILENT), "le témoin SNMPv3 (après l'essai) n'a pas répondu : silence"),
        (legacy(None, None, drops=3), "3 datagrammes perdus par la prise"),
        (legacy(None, None, undecodable=1), "1 datagrammes indéchiffrables reçus de la cible"),
        (legacy(None, None).model_copy(update={"attempts": ()}), "aucun GET n'a été envoyé en v1 ou v2c"),
        (Failure.REFUSED, "échec de sw-coeur"),
    ],
)
def test_silence_without_its_controls_is_not_verified(site, facts, words):
    with pytest.raises(NotVerified) as caught:
        judge("snmp.legacy-refused", site(), facts)
    assert words in str(caught.value.reason)


def equipment(name, address, *, role="switch", snmp=True, mac=None):
    access = {
        "user": "u",
        "auth_protocol": "SHA-256",
        "auth_secret": "env:A",
        "priv_protocol": "AES-128",
        "priv_secret": "env:B",
    }
    return {
        "id": name, "role": role, "zone": "adm", "addresses": [address], "mac": mac, "admin": {"snmp": access if snmp else None}
    }  # fmt: skip


def building(site, *extra):
    return site(
        devices=[
            equipment("sw-coeur", "127.0.0.1"),
            equipment("sw-acces", "127.0.0.2", mac="02:00:00:00:00:02"),
            *extra,
        ]
    )


def hears(*neighbours, name="", chassis="", **changes):
    facts = {
        "used": USED,
        "supported": True,
        "chassis": chassis,
        "sys_name": T(name) if name else None,
        "neighbours": neighbours,
    }
    return LldpFacts(**{**facts, **changes})


def neighbour(name="", chassis="", addresses=()):
    return Neighbour(local_port=1, index=1, chassis=chassis, sys_name=T(name) if name else None, addresses=addresses)


ROUTER = equipment("routeur", "127.0.0.3", role="router", snmp=False)
SPEAKING_ROUTER = equipment("routeur", "127.0.0.3", role="router")
QUIET = LldpFacts(used=USED, supported=False)


@pytest.mark.parametrize(
    ("extra", "heard", "value", "words"),
    [
        # by name with a domain, by chassis of the declared MAC, by management address, by the other's own chassis
        ((), {"sw-coeur": hears(neighbour("SW-ACCES.lan")), "sw-acces": hears()}, "C", "voisins déclarés : sw-acces ; graphe de 2 équipements sur 2 ; hors du graphe : – ; sans LLDP : –"),
        ((), {"sw-coeur": hears(neighbour(chassis="02:00:00:00:00:02")), "sw-acces": hears()}, "C", "voisins déclarés : sw-acces ; graphe de 2 équipements sur 2 ; hors du graphe : – ; sans LLDP : –"),
        ((), {"sw-coeur": hears(neighbour(addresses=("127.0.0.2",))), "sw-acces": hears()}, "C", "voisins déclarés : sw-acces ; graphe de 2 équipements sur 2 ; hors du graphe : – ; sans LLDP : –"),
        ((), {"sw-coeur": hears(neighbour(chassis="aa:aa:aa:aa:aa:aa")), "sw-acces": hears(chassis="aa:aa:aa:aa:aa:aa")}, "C", "voisins déclarés : sw-acces ; graphe de 2 équipements sur 2 ; hors du graphe : – ; sans LLDP : –"),
        ((ROUTER,), {"sw-coeur": hears(neighbour("sw-acces")), "sw-acces": hears()}, "C", "voisins déclarés : sw-acces ; graphe de 2 équipements sur 3 ; hors du graphe : – ; sans LLDP : routeur"),
        ((SPEAKING_ROUTER,), {"sw-coeur": hears(neighbour("sw-acces")), "sw-acces": hears(), "routeur": QUIET}, "C", "voisins déclarés : sw-acces ; graphe de 2 équipements sur 3 ; hors du graphe : – ; sans LLDP : routeur"),
        ((SPEAKING_ROUTER,), {"sw-coeur": hears(neighbour("sw-acces")), "sw-acces": hears(), "routeur": hears(name="r")}, "P", "voisins déclarés : sw-acces ; graphe de 2 équipements sur 3 ; hors du graphe : routeur ; sans LLDP : –"),
        ((ROUTER,), {"sw-coeur": hears(neighbour("sw-acces")), "sw-acces": hears(neighbour("routeur"))}, "C", "voisins déclarés : sw-acces ; graphe de 3 équipements sur 3 ; hors du graphe : – ; sans LLDP : –"),
        ((), {"sw-coeur": hears(), "sw-acces": hears()}, "N", "0 voisins LLDP, aucun équipement réseau déclaré parmi eux : –"),
        ((), {"sw-coeur": hears(neighbour("pc-portable")), "sw-acces": hears()}, "N", "1 voisins LLDP, aucun équipement réseau déclaré parmi eux : pc-portable"),
        ((), {"sw-coeur": hears(neighbour("sw-coeur")), "sw-acces": hears()}, "N", "1 voisins LLDP, aucun équipement réseau déclaré parmi eux : sw-coeur"),
        ((), {"sw-coeur": QUIET, "sw-acces": hears()}, "N", "l'agent n'offre aucun objet de LLDP-MIB (1.0.8802.1.1.2)"),
        # the other one cannot be read, but it is heard: nothing that it could say takes the edge away
        ((), {"sw-coeur": hears(neighbour("sw-acces")), "sw-acces": Failure.TIMEOUT}, "C", "voisins déclarés : sw-acces ; graphe de 2 équipements sur 2 ; hors du graphe : – ; sans LLDP : –"),
    ],
)  # fmt: skip
def test_lldp_complete(site, extra, heard, value, words):
    found = judge("snmp.lldp-complete", building(site, *extra), heard)
    assert (found.value, str(found.measured)) == (value, words)
    assert "sw-coeur a au moins un équipement réseau déclaré pour voisin LLDP" in str(found.expected)


@pytest.mark.parametrize(
    ("extra", "heard", "words"),
    [
        ((SPEAKING_ROUTER,), {"sw-coeur": hears(neighbour("sw-acces")), "sw-acces": hears(), "routeur": Failure.TIMEOUT}, "rien n'est connu de routeur (échec de routeur)"),
        ((), {"sw-coeur": hears(neighbour("inconnu")), "sw-acces": Failure.TIMEOUT}, "voisins inconnu non reconnus, et identité illisible de sw-acces"),
        ((), {"sw-coeur": hears(gaps=(gap("lldpRemTable"),)), "sw-acces": hears()}, "table lldpRemTable non lue jusqu'au bout"),
        ((), {"sw-coeur": Failure.TIMEOUT, "sw-acces": hears()}, "échec de sw-coeur"),
        ((), {"sw-acces": hears()}, "aucune observation"),
    ],
)  # fmt: skip
def test_lldp_without_enough_evidence_is_not_verified(site, extra, heard, words):
    with pytest.raises(NotVerified) as caught:
        judge("snmp.lldp-complete", building(site, *extra), heard)
    assert words in str(caught.value.reason)


def test_lldp_alone_in_the_building_is_sans_objet_by_proof(site):
    found = judge("snmp.lldp-complete", site(), hears())
    assert (found.value, found.proof, str(found.measured)) == (
        "sans_objet",
        True,
        "aucun autre équipement réseau déclaré",
    )


def on(number, name, told="", local=""):
    return Neighbour(
        local_port=number, index=number, sys_name=T(name), port=told, port_descr=T(local) if local else None
    )


def table(*neighbours, names=("tr1", "ge2"), **changes):
    """What a switch hears, with the names of its ports."""
    ports = tuple(LldpPort(number=n, id=T(name)) for n, name in enumerate(names, start=1))
    return hears(*neighbours, ports=ports, **changes)


def linked(site, *extra):
    """Two switches, and the link between them as both ends declare it."""
    coeur, acces = equipment("sw-coeur", "127.0.0.1"), equipment("sw-acces", "127.0.0.2")
    acces["attached_to"] = [{"switch": "sw-coeur", "port": "tr1", "link": True}]
    coeur["attached_to"] = [{"switch": "sw-acces", "port": "tr1", "link": True}]
    return site(devices=[coeur, acces, *extra])


@pytest.mark.parametrize(
    ("coeur", "acces", "value"),
    [
        (table(on(1, "sw-acces")), table(on(1, "sw-coeur")), "C"),
        (table(on(1, "sw-acces")), Failure.TIMEOUT, "C"),  # one end that hears is enough
        (table(on(1, "sw-acces")), QUIET, "C"),
        (table(on(2, "sw-acces")), table(on(2, "sw-coeur", told="ge2")), "N"),  # a cable, and not the declared one
        (table(on(2, "sw-acces")), table(on(2, "sw-coeur", told="tr1")), "C"),  # the other end names the port
        (table(on(2, "sw-acces")), table(on(2, "sw-coeur", told="x", local="tr1")), "C"),
        (table(on(2, "sw-acces")), table(on(2, "sw-coeur", told="02:00:00:00:00:01")), None),  # which port is not said
        (table(on(2, "sw-acces")), table(), "N"),
        (table(on(2, "sw-acces")), Failure.TIMEOUT, None),
        (table(on(2, "sw-acces")), QUIET, None),  # it has no LLDP to hear with
        (table(on(2, "sw-acces")), table(gaps=(gap("lldpRemTable"),)), None),
        (table(on(2, "sw-acces"), names=("1", "2")), table(), "C"),  # the agent's names are not the declared ones
        (table(on(1, "pc")), table(), "N"),
        (table(), table(), "N"),
        (table(), Failure.TIMEOUT, "N"),  # a switch that hears nobody
    ],
)
def test_a_declared_link_is_heard_at_one_end_or_nowhere(site, coeur, acces, value):
    top = linked(site)
    if value is None:
        with pytest.raises(NotVerified, match="montre, ni n'infirme : tr1 – sw-acces"):
            judge("snmp.lldp-complete", top, {"sw-coeur": coeur, "sw-acces": acces})
        return
    found = judge("snmp.lldp-complete", top, {"sw-coeur": coeur, "sw-acces": acces})
    assert found.value == value
    assert "chaque liaison déclarée y est : tr1 – sw-acces" in str(found.expected)
    if value == "N" and isinstance(acces, LldpFacts):
        assert "liaison déclarée introuvable, d'un côté comme de l'autre : tr1 – sw-acces" in str(found.measured)


def test_a_link_to_what_is_no_switch_or_is_no_link_is_not_looked_for(site):
    camera = equipment("camera", "127.0.0.7", role="camera", snmp=False)
    camera["attached_to"] = [{"switch": "sw-coeur", "port": "tr1", "link": True}]
    router = equipment("routeur", "127.0.0.3", role="router", snmp=False)
    router["attached_to"] = [{"switch": "sw-coeur", "port": "ge2", "vlan": 10}]
    assert declared_links(building(site, camera, router).site.devices) == []
    links = declared_links(linked(site).site.devices)
    assert links == [Link("sw-acces", "tr1", "sw-coeur"), Link("sw-coeur", "tr1", "sw-acces")]


NAMES = ["sw-coeur", "sw-acces", "pc"]
WITH_PORTS = st.fixed_dictionaries(
    {
        name: st.one_of(
            st.just(QUIET),
            st.tuples(
                st.lists(st.tuples(st.integers(1, 2), st.sampled_from(NAMES), st.sampled_from(["tr1", "ge2", "?"])), max_size=2),
                st.sampled_from([("tr1", "ge2"), ("1", "2"), ()]),
                st.booleans(),
            ).map(
                lambda t: table(
                    *(on(*each) for each in t[0]), names=t[1], gaps=(gap("lldpRemTable"),) if t[2] else ()
                )
            ),
        )
        for name in ("sw-coeur", "sw-acces")
    }
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WITH_PORTS, st.sets(st.sampled_from(["sw-coeur", "sw-acces"])))
def test_a_link_judged_with_less_is_judged_alike_or_not(site, heard, lost):
    top, known = linked(site), []
    for kept in (heard, {k: v for k, v in heard.items() if k not in lost}):
        try:
            known.append(judge("snmp.lldp-complete", top, kept).value)
        except NotVerified:
            known.append(None)
    assert known[1] in {known[0], None}


TABLES = st.fixed_dictionaries(
    {
        name: st.one_of(
            st.just(QUIET),
            st.lists(
                st.sampled_from(["sw-coeur", "sw-acces", "routeur", "pc"]).map(neighbour), max_size=3
            ).map(lambda n: hears(*n, chassis="aa:bb:cc:dd:ee:0f")),
        )
        for name in ("sw-coeur", "sw-acces", "routeur")
    }
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TABLES, st.sets(st.sampled_from(["sw-coeur", "sw-acces", "routeur"])))
def test_lldp_judgement_never_contradicts_one_made_with_less(site, heard, lost):
    """Invariant of the algebra: with fewer observations the same value, or non vérifié."""
    topology = building(site, SPEAKING_ROUTER)
    whole = judge("snmp.lldp-complete", topology, heard)
    try:
        part = judge("snmp.lldp-complete", topology, {k: v for k, v in heard.items() if k not in lost})
    except NotVerified:
        return
    assert part.value == whole.value


def bridge(static=(), current=(), **changes):
    return BridgeFacts(
        used=USED, static_vlans=tuple(StaticVlan(id=v) for v in static), current_vlans=tuple(CurrentVlan(id=v, status=s) for v, s in current), **changes
    )  # fmt: skip


@pytest.mark.parametrize(
    ("facts", "changes", "value", "words"),
    [
        (bridge([10, 20, 30]), {}, "C", "3 VLAN requis sur 3 configurés ; manquants : – ; non déclarés : –"),
        (bridge([1, 10, 20, 30]), {}, "C", "3 VLAN requis sur 3 configurés ; manquants : – ; non déclarés : –"),
        (bridge([1, 10, 20, 30, 99]), {}, "P", "3 VLAN requis sur 3 configurés ; manquants : – ; non déclarés : 99"),
        (bridge([1, 10, 20, 30, 99]), {"extra": "N"}, "N", "3 VLAN requis sur 3 configurés ; manquants : – ; non déclarés : 99"),
        (bridge([10, 30]), {}, "N", "2 VLAN requis sur 3 configurés ; manquants : 20 ; non déclarés : –"),
        (bridge([10, 30]), {"partial_share": "2/3"}, "P", "2 VLAN requis sur 3 configurés ; manquants : 20 ; non déclarés : –"),
        (bridge([10]), {"partial_share": "2/3"}, "N", "1 VLAN requis sur 3 configurés ; manquants : 20, 30 ; non déclarés : –"),
        (bridge([10]), {"required_on": "sockets"}, "C", "1 VLAN requis sur 1 configurés ; manquants : – ; non déclarés : –"),
        (bridge([], [(10, 2), (20, 1), (30, 2)]), {}, "C", "3 VLAN requis sur 3 configurés ; manquants : – ; non déclarés : –"),
        (bridge([], [(10, 2), (20, 2), (30, 3)]), {}, "N", "2 VLAN requis sur 3 configurés ; manquants : 30 ; non déclarés : –"),
    ],
)  # fmt: skip
def test_vlans_declared(site, facts, changes, value, words):
    found = judge("snmp.vlans-declared", site(), facts, **changes)
    assert (found.value, str(found.measured)) == (value, f"{words} ; selon SNMP")
    required = "10" if changes.get("required_on") == "sockets" else "10, 20, 30"
    assert str(found.expected) == f"VLAN {required} configurés, aucun autre hors 1"


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (bridge(), "l'agent n'offre ni dot1qVlanStaticTable ni dot1qVlanCurrentTable (RFC 4363)"),
        (
            bridge([10], gaps=(gap("dot1qVlanStaticTable"),)),
            "table dot1qVlanStaticTable non lue jusqu'au bout : silence",
        ),
        (bridge(gaps=(gap("dot1qVlanCurrentTable"),)), "table dot1qVlanCurrentTable non lue jusqu'au bout : silence"),
    ],
)
def test_vlans_that_were_not_read_are_not_verified(site, facts, words):
    with pytest.raises(NotVerified) as caught:
        judge("snmp.vlans-declared", site(), facts)
    assert str(caught.value.reason) == words


def test_vlans_by_sockets_leave_out_a_switch_without_sockets(site):
    topology = building(site)
    chosen = parameters("snmp.vlans-declared", required_on="sockets")
    assert [s.target for s in BY_ID["snmp.vlans-declared"].subjects(topology, chosen)] == ["sw-coeur"]


@pytest.mark.parametrize(("version", "accepted", "value"), [(1, [1], "C"), (2, [1], "N"), (2, [1, 2], "C")])
def test_dot1q_version(site, version, accepted, value):
    found = judge("snmp.dot1q-version", site(), bridge(version=version), accepted=accepted)
    assert (found.value, str(found.measured)) == (value, f"dot1qVlanVersionNumber vaut {version}")
    assert str(found.expected) == f"dot1qVlanVersionNumber vaut {' ou '.join(map(str, accepted))}"


def test_dot1q_version_that_is_absent_is_not_verified(site):
    with pytest.raises(NotVerified, match="n'offre pas dot1qVlanVersionNumber"):
        judge("snmp.dot1q-version", site(), bridge())


USM_CHECKS = [c for c in BY_ID if c != "snmp.legacy-refused"]


@pytest.mark.parametrize("check", USM_CHECKS)
def test_without_declared_access_nothing_is_asked_and_the_remedy_is_told(site, check):
    topology = site(snmp={})
    with pytest.raises(NotVerified, match=r"aucun accès SNMPv3 déclaré pour sw-coeur : renseigner admin\.snmp"):
        judge(check, topology, system())


@pytest.mark.parametrize("check", list(BY_ID))
def test_without_a_point_nothing_is_asked_and_the_remedy_is_told(site, check):
    far = equipment("sw-coeur", "192.0.2.1")
    topology = site(devices=[far])
    chosen = parameters(check)
    (subject,) = BY_ID[check].subjects(topology, chosen)
    assert (subject.point, list(BY_ID[check].requests(topology, subject, chosen))) == ("", [])
    with pytest.raises(NotVerified, match=r"aucun point de mesure n'a le droit d'atteindre sw-coeur en udp/161"):
        BY_ID[check].judge(subject, Evidence(topology, {}), chosen)


@pytest.mark.parametrize("check", list(BY_ID))
def test_failed_observation_is_not_verified_with_its_reason(site, check):
    with pytest.raises(NotVerified, match="échec de sw-coeur"):
        judge(check, site(), Failure.ACCESS_DENIED)


@pytest.mark.parametrize("check", list(BY_ID))
def test_thresholds_come_from_the_profile_only(check):
    """No parameter has a default, and an unknown one is refused."""
    fields = BY_ID[check].Parameters.model_fields
    assert fields or BY_ID[check].Parameters is NoParameters
    assert all(field.is_required() for field in fields.values())
    with pytest.raises(ValidationError):
        parameters(check, seuil=1)


def test_unknown_core_object_is_refused_with_those_known():
    with pytest.raises(ValidationError, match=r"unknown SNMP objects: sysNom; known: sysDescr"):
        parameters("snmp.core-objects", objects=["sysNom"])


def test_requests_name_point_address_and_port(site):
    topology = site(port=1161)
    (subject,) = BY_ID["snmp.core-objects"].subjects(topology, parameters("snmp.core-objects"))
    (request,) = BY_ID["snmp.core-objects"].requests(topology, subject, parameters("snmp.core-objects"))
    assert request.key == "snmp.system@P-ADM>sw-coeur?address=127.0.0.1&port=1161"
