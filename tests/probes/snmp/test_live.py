"""Collectors against a real snmpd on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import signal

import pytest

from probes.api import CollectFailure
from probes.snmp import collect
from probes.snmp.checks import CHECKS
from probes.snmp.facts import LegacyFacts, SystemFacts
from probes.snmp.specs import COLLECTORS, LEGACY, LEVELS
from r2s_audit.model.observation import Failure, request
from tests.probes.snmp.conftest import USERS


def run(collector, access, request):
    return asyncio.run(getattr(collect, collector)(access, request))


@pytest.mark.parametrize(
    "algorithms", [("u256", "SHA-256", "AES-128"), ("u512", "SHA-512", "AES-256"), ("umd5", "MD5", "DES")]
)
def test_system_is_read_under_each_algorithm(snmpd, site, make_access, ask, usm, algorithms):
    user, auth, priv = algorithms
    port, _ = snmpd()
    access = make_access(site(port=port, snmp={**usm, "user": user, "auth_protocol": auth, "priv_protocol": priv}))
    outcome = run("system", access, ask("system", port))
    facts = outcome.facts
    assert isinstance(facts, SystemFacts)
    assert (facts.name.text, facts.location.text, facts.contact.text) == (
        "sw-coeur",
        "Local technique RDC",
        "exploitant",
    )
    assert (facts.used.level, facts.used.auth_protocol, facts.used.priv_protocol) == ("authPriv", auth, priv)
    loopback = next(i for i in facts.interfaces if i.descr.text == "lo")
    assert (loopback.name.text, loopback.type, loopback.oper) == ("lo", 24, 1)
    assert {"sysDescr", "sysUpTime", "ifName", "ifHighSpeed"} <= set(facts.provided)
    assert facts.gaps == ()
    assert outcome.packets_sent == access.paid > 3
    kept = json.loads(access.kept[0])
    assert kept["varbinds"]["1.3.6.1.2.1.1.5.0"] == "0x" + b"sw-coeur".hex()
    for secret in ("authpass12", "privpass12", user):
        assert secret.encode() not in access.kept[0]
        assert secret.encode().hex().encode() not in access.kept[0]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"auth_secret": "env:WRONG"}, "usmStatsWrongDigests"),
        ({"user": "personne"}, "usmStatsUnknownUserNames"),
        ({"priv_protocol": None, "priv_secret": None}, "authorizationError"),
        ({"auth_protocol": "SHA-512"}, "usmStatsWrongDigests"),
    ],
)
def test_refused_access_says_which(snmpd, site, make_access, ask, usm, change, word):
    port, _ = snmpd()
    access = make_access(site(port=port, snmp={**usm, **change}))
    with pytest.raises(CollectFailure) as caught:
        run("system", access, ask("system", port))
    assert caught.value.failure is Failure.ACCESS_DENIED
    assert word in str(caught.value.reason)


def test_closed_port_is_refused(site, make_access, ask, free_port):
    port = free_port()
    access = make_access(site(port=port))
    with pytest.raises(CollectFailure) as caught:
        run("system", access, ask("system", port))
    assert caught.value.failure is Failure.REFUSED


def test_no_declared_access_sends_nothing(site, make_access, ask, free_port):
    port = free_port()
    access = make_access(site(port=port, snmp={}))
    with pytest.raises(CollectFailure) as caught:
        run("system", access, ask("system", port))
    assert (caught.value.failure, access.paid) == (Failure.ACCESS_DENIED, 0)


def test_undeclared_address_gets_nothing(site, make_access, free_port):
    access = make_access(site())
    with pytest.raises(CollectFailure) as caught:
        run("legacy", access, request("snmp.legacy", "P-ADM", "sw-coeur", address="127.0.0.9", port=free_port()))
    assert caught.value.failure is Failure.OUT_OF_SCOPE
    assert (access.sockets, access.lent, access.paid) == ([], [], 0)


def test_legacy_silence_between_two_controls(snmpd, site, make_access, ask):
    port, _ = snmpd()
    access = make_access(site(port=port))
    outcome = run("legacy", access, ask("legacy", port))
    facts = outcome.facts
    assert isinstance(facts, LegacyFacts)
    assert facts.before.answered
    assert facts.after.answered
    assert [(a.version, a.community, a.answered) for a in facts.attempts] == [
        ("v1", "public", False), ("v2c", "public", False), ("v1", "private", False), ("v2c", "private", False)
    ]  # fmt: skip
    assert (facts.drops, facts.undecodable) == (0, 0)
    assert outcome.packets_sent == access.paid <= LEGACY.packets


@pytest.mark.usefixtures("quick")
def test_legacy_hears_an_accepted_default(snmpd, site, make_access, ask):
    port, _ = snmpd("rocommunity public")
    facts = run("legacy", make_access(site(port=port)), ask("legacy", port)).facts
    assert {(a.version, a.community, a.readable) for a in facts.attempts if a.answered} == {
        ("v1", "public", True), ("v2c", "public", True)
    }  # fmt: skip


@pytest.mark.usefixtures("quick")
def test_legacy_tries_the_declared_community_and_one_default_and_keeps_neither(snmpd, site, make_access, ask):
    port, _ = snmpd("rocommunity gestion-7")
    access = make_access(site(port=port, community="env:COMMUNITY"))
    facts = run("legacy", access, ask("legacy", port)).facts
    assert [(a.version, a.community, a.readable) for a in facts.attempts] == [
        ("v1", "declared", True), ("v2c", "declared", True), ("v1", "public", False), ("v2c", "public", False)
    ]  # fmt: skip
    assert all(b"gestion-7" not in kept for kept in access.kept)


@pytest.mark.usefixtures("quick")
def test_legacy_without_declared_access_uses_discovery_as_its_control(snmpd, site, make_access, ask):
    port, _ = snmpd()
    facts = run("legacy", make_access(site(port=port, snmp={})), ask("legacy", port)).facts
    assert (facts.before.kind, facts.before.answered, facts.after.answered) == ("discovery", True, True)


@pytest.mark.usefixtures("quick")
def test_legacy_with_a_wrong_password_has_no_control(snmpd, site, make_access, ask, usm):
    port, _ = snmpd()
    facts = run(
        "legacy", make_access(site(port=port, snmp={**usm, "auth_secret": "env:WRONG"})), ask("legacy", port)
    ).facts
    assert (facts.before.answered, facts.after.answered) == (False, False)
    assert "usmStatsWrongDigests" in str(facts.before.reason)


@pytest.mark.usefixtures("quick")
def test_agent_frozen_between_the_controls_gives_no_control_after(snmpd, site, make_access, ask):
    """The agent answers the control before, then hangs: all is silent, and that silence must not count."""
    port, process = snmpd()
    access = make_access(site(port=port))
    pay = access.pay

    async def pay_and_freeze(device, packets=1):
        if access.paid == 2:  # discovery and control before are through; the next packet is the first community GET
            os.kill(process.pid, signal.SIGSTOP)
        await pay(device, packets)

    access.pay = pay_and_freeze
    facts = run("legacy", access, ask("legacy", port)).facts
    assert (facts.before.answered, facts.after.answered) == (True, False)
    assert not any(a.answered for a in facts.attempts)


@pytest.mark.usefixtures("quick")
def test_agent_killed_between_the_controls_fails(snmpd, site, make_access, ask):
    port, process = snmpd()
    access = make_access(site(port=port))
    pay = access.pay

    async def pay_and_kill(device, packets=1):
        if access.paid == 2:
            process.kill()
            process.wait()
        await pay(device, packets)

    access.pay = pay_and_kill
    with pytest.raises(CollectFailure) as caught:
        run("legacy", access, ask("legacy", port))
    assert caught.value.failure is Failure.REFUSED


@pytest.mark.usefixtures("quick")
def test_answer_heard_before_the_agent_died_stands(snmpd, site, make_access, ask):
    port, process = snmpd("rocommunity public")
    access = make_access(site(port=port))
    pay = access.pay

    async def pay_and_kill(device, packets=1):
        if access.paid == 6:  # discovery, control, four community GETs: the next packet is the control after
            process.kill()
            process.wait()
        await pay(device, packets)

    access.pay = pay_and_kill
    facts = run("legacy", access, ask("legacy", port)).facts
    assert any(a.readable for a in facts.attempts)
    assert not facts.after.answered


LEAST = {"priv": "rouser u256 priv", "auth": "rouser u256 auth", "noauth": "rouser u256 noauth"}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("least", "outcomes"),
    [
        ("priv", [("denied", "authorizationError"), ("denied", "authorizationError")]),
        ("auth", [("denied", "authorizationError"), ("value", "")]),
        ("noauth", [("value", ""), ("value", "")]),
    ],
)
def test_levels_below_the_declared_one_are_tried(snmpd, site, make_access, ask, least, outcomes):
    port, _ = snmpd(users=USERS.replace(LEAST["priv"], LEAST[least]))
    access = make_access(site(port=port))
    outcome = run("levels", access, ask("levels", port))
    facts = outcome.facts
    assert (facts.declared, facts.before.answered, facts.after.answered) == ("authPriv", True, True)
    assert [a.level for a in facts.attempts] == ["noAuthNoPriv", "authNoPriv"]
    assert [(a.outcome, a.by) for a in facts.attempts] == outcomes
    assert outcome.packets_sent == access.paid <= LEVELS.packets
    for secret in (b"authpass12", b"privpass12", b"u256"):
        assert all(secret not in kept for kept in access.kept)


@pytest.mark.usefixtures("quick")
def test_levels_need_the_encryption_key_for_the_controls_only(snmpd, site, make_access, ask, usm):
    """With a wrong key of our own the controls fail; what is read without encryption is still read."""
    port, _ = snmpd(users=USERS.replace(LEAST["priv"], LEAST["auth"]))
    access = make_access(site(port=port, snmp={**usm, "priv_secret": "env:WRONG"}))
    facts = run("levels", access, ask("levels", port)).facts
    assert (facts.before.answered, facts.after.answered) == (False, False)
    assert [a.outcome for a in facts.attempts] == ["denied", "value"]


@pytest.mark.usefixtures("quick")
def test_levels_of_an_agent_that_hangs_are_silent(snmpd, site, make_access, ask):
    port, process = snmpd()
    access = make_access(site(port=port))
    pay = access.pay

    async def pay_and_freeze(device, packets=1):
        if access.paid == 2:
            os.kill(process.pid, signal.SIGSTOP)
        await pay(device, packets)

    access.pay = pay_and_freeze
    facts = run("levels", access, ask("levels", port)).facts
    assert (facts.before.answered, facts.after.answered) == (True, False)
    assert [a.outcome for a in facts.attempts] == ["silence", "silence"]


@pytest.mark.usefixtures("quick")
def test_levels_read_before_the_agent_died_stand(snmpd, site, make_access, ask):
    port, process = snmpd(users=USERS.replace(LEAST["priv"], LEAST["noauth"]))
    access = make_access(site(port=port))
    pay = access.pay

    async def pay_and_kill(device, packets=1):
        if access.paid == 4:  # two of the control before, discovery and read without protection
            process.kill()
            process.wait()
        await pay(device, packets)

    access.pay = pay_and_kill
    facts = run("levels", access, ask("levels", port)).facts
    assert [a.outcome for a in facts.attempts] == ["value"]
    assert not facts.after.answered


def test_levels_without_a_declared_access_send_nothing(site, make_access, ask, free_port):
    port = free_port()
    access = make_access(site(port=port, snmp={}))
    with pytest.raises(CollectFailure) as caught:
        run("levels", access, ask("levels", port))
    assert (caught.value.failure, access.paid) == (Failure.ACCESS_DENIED, 0)


def test_engine_needs_no_credentials(snmpd, site, make_access, ask):
    port, _ = snmpd()
    access = make_access(site(port=port, snmp={}))
    facts = run("engine", access, ask("engine", port)).facts
    assert (facts.enterprise, facts.report, access.lent) == (8072, "usmStatsUnknownEngineIDs", [])


BRIDGE_ROWS = """
override .1.3.6.1.2.1.17.7.1.1.1.0 integer 1
override .1.3.6.1.2.1.17.7.1.1.4.0 uinteger 2
override .1.3.6.1.2.1.17.7.1.4.3.1.1.10 octet_str ADMIN
override .1.3.6.1.2.1.17.7.1.4.3.1.1.20 octet_str GTB
override .1.3.6.1.2.1.17.7.1.4.3.1.2.10 octet_str @A
override .1.3.6.1.2.1.17.7.1.4.3.1.2.20 octet_str @
"""
"""Port lists that are printable: ``@`` is port 2, ``A`` ports 10 and 16."""


@pytest.fixture
def bridge_agent(snmpd):
    """An snmpd that serves a few Q-BRIDGE rows, and nothing of LLDP."""
    return snmpd(BRIDGE_ROWS)[0]


def test_bridge_reads_vlans_and_an_agent_without_lldp_is_no_failure(bridge_agent, site, make_access, ask):
    access = make_access(site(port=bridge_agent))
    facts = run("bridge", access, ask("bridge", bridge_agent)).facts
    assert (facts.version, facts.num_vlans, facts.gaps) == (1, 2, ())
    assert [(v.id, v.name.text, v.egress) for v in facts.static_vlans] == [
        (10, "ADMIN", (2, 10, 16)),
        (20, "GTB", (2,)),
    ]
    lldp = run("lldp", access, ask("lldp", bridge_agent)).facts
    assert (lldp.supported, lldp.neighbours, lldp.gaps) == (False, (), ())


def test_every_collector_named_exists():
    assert [spec.function.split(":")[1] for spec in COLLECTORS] == [
        "system",
        "lldp",
        "bridge",
        "legacy",
        "levels",
        "engine",
    ]
    assert all(asyncio.iscoroutinefunction(getattr(collect, s.function.split(":")[1])) for s in COLLECTORS)
    assert len({c.id for c in CHECKS}) == len(CHECKS)
