"""Agents that loop, flood, lie or send rubbish: bounded, named, never a crash and never a false success."""

from __future__ import annotations

import asyncio
import functools
import traceback

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pysnmp.proto.api import v2c
from pysnmp.proto.mpmod.rfc3412 import SNMPv3Message
from pysnmp.proto.secmod.rfc3414.service import UsmSecurityParameters

from probes.api import CollectFailure
from probes.snmp import collect, oids, tables
from probes.snmp.community import (
    NotSnmp,
    decode_answer,
    decode_report,
    encode_discovery,
    encode_get,
    enterprise,
    message_version,
)
from probes.snmp.facts import LegacyFacts
from probes.snmp.usm import MAX_STRAYS, AgentError, Binding, UsmSession
from probes.snmp.values import MAX_TEXT, port_list, text
from probes.snmp.walk import Reading, read_table, walk
from r2s_audit.model.administration import SnmpV3
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import msg

OPEN = {"user": "ouvert"}  # noAuthNoPriv, so that a scripted agent can answer without keys
ENGINE = b"\x80\x00\x1f\x88\x04agent"
UNKNOWN_ENGINE = (1, 3, 6, 1, 6, 3, 15, 1, 1, 4, 0)


def v3_reply(datagram, respond):
    """The answer of an open agent: a report to the discovery, ``respond(pdu) -> varbinds`` to the rest."""
    message, _ = decoder.decode(datagram, asn1Spec=SNMPv3Message())
    usm, _ = decoder.decode(bytes(message[2]), asn1Spec=UsmSecurityParameters())
    scoped = message[3].getComponent()
    asked = scoped[2].getComponent()
    if bytes(usm[0]) == ENGINE:
        reply, bindings = v2c.GetResponsePDU(), respond(asked)
    else:
        reply, bindings = v2c.ReportPDU(), [(UNKNOWN_ENGINE, v2c.Counter32(1))]
    v2c.apiPDU.set_defaults(reply)
    v2c.apiPDU.set_request_id(reply, v2c.apiPDU.get_request_id(asked))
    v2c.apiPDU.set_varbinds(reply, bindings)
    for position, value in enumerate((ENGINE, 1, 1, bytes(usm[3]), b"", b"")):
        usm.setComponentByPosition(position, value)
    message.setComponentByPosition(2, encoder.encode(usm))
    message[1].setComponentByPosition(2, b"\x00")
    scoped.setComponentByPosition(0, ENGINE)
    scoped.setComponentByPosition(2)
    scoped[2].setComponentByType(reply.tagSet, reply, verifyConstraints=False, matchTags=False, matchConstraints=False)
    return encoder.encode(message)


def asked_names(pdu):
    return [tuple(name) for name, _ in v2c.apiPDU.get_varbinds(pdu)]


def same_again(pdu):
    """Whatever was asked is sent back as its own successor: a walk without end."""
    return [(name, v2c.OctetString("encore")) for name in asked_names(pdu)]


def backwards(pdu):
    """A first row, then one with a smaller index."""
    return [
        (name[:-1] if len(name) > len(oids.IF_COLUMNS["ifDescr"]) else (*name, 9), v2c.OctetString("x"))
        for name in asked_names(pdu)
    ]


def flood(pdu):
    """Far more variables than were asked for."""
    return [((*name, row), v2c.Integer32(1)) for row in range(1, 200) for name in asked_names(pdu)[:1]]


def nothing(pdu):
    return []


def run_scripted(scripted, site, make_access, ask, collector, answer):
    async def play():
        port, script, transport = await scripted(answer)
        try:
            access = make_access(site(port=port, snmp=OPEN))
            return await getattr(collect, collector)(access, ask(collector, port)), script
        finally:
            transport.close()

    return asyncio.run(play())


@pytest.mark.parametrize("respond", [same_again, backwards, flood, nothing])
def test_agent_that_does_not_progress_ends_as_limit_exceeded(scripted, site, make_access, ask, respond):
    def answer(datagram):
        def reply(pdu):
            return same_again(pdu) if pdu.tagSet == v2c.GetRequestPDU.tagSet else respond(pdu)

        return [v3_reply(datagram, reply)]

    with pytest.raises(CollectFailure) as caught:
        run_scripted(scripted, site, make_access, ask, "system", answer)
    assert caught.value.failure is Failure.LIMIT_EXCEEDED


@pytest.mark.usefixtures("quick")
def test_rubbish_is_a_failure_with_a_reason(scripted, site, make_access, ask):
    with pytest.raises(CollectFailure) as caught:
        run_scripted(
            scripted, site, make_access, ask, "system", lambda _: [b"\x30\x82\xff\xff\x02\x01\x03rubbish"] * 40
        )
    assert caught.value.failure is Failure.LIMIT_EXCEEDED
    assert "sans rapport" in str(caught.value.reason)


@pytest.mark.usefixtures("quick")
def test_answer_without_authentication_is_not_believed(scripted, site, make_access, ask, usm):
    """The agent tells its engine, then answers an authPriv request in clear with the right message identifier."""
    request_ids = []

    def answer(datagram):
        message, _ = decoder.decode(datagram, asn1Spec=SNMPv3Message())
        if message[3].getName() == "plaintext":
            request_ids.append(int(v2c.apiPDU.get_request_id(message[3].getComponent()[2].getComponent())))
            return [v3_reply(datagram, same_again)]
        clear, _ = decoder.decode(encode_discovery(request_ids[0]), asn1Spec=SNMPv3Message())
        clear[1].setComponentByPosition(0, message[1][0])
        parameters, _ = decoder.decode(bytes(message[2]), asn1Spec=UsmSecurityParameters())
        clear.setComponentByPosition(2, encoder.encode(parameters))
        forged = functools.partial(
            v3_reply, respond=lambda _: [(oids.SYSTEM_SCALARS["sysName"], v2c.OctetString("faux"))]
        )
        return [forged(encoder.encode(clear))]

    with pytest.raises(CollectFailure) as caught:
        asyncio.run(_with_declared_access(scripted, site, make_access, ask, usm, answer))
    assert caught.value.failure is Failure.TIMEOUT
    assert request_ids


async def _with_declared_access(scripted, site, make_access, ask, usm, answer):
    port, _, transport = await scripted(answer)
    try:
        return await collect.system(make_access(site(port=port, snmp=usm)), ask("system", port))
    finally:
        transport.close()


@pytest.mark.usefixtures("quick")
def test_agent_that_only_reports_unknown_engines_is_not_asked_for_ever(scripted, site, make_access, ask):
    def answer(datagram):
        message, _ = decoder.decode(datagram, asn1Spec=SNMPv3Message())
        usm, _ = decoder.decode(bytes(message[2]), asn1Spec=UsmSecurityParameters())
        usm.setComponentByPosition(0, b"")
        message.setComponentByPosition(2, encoder.encode(usm))
        return [v3_reply(encoder.encode(message), same_again)]

    async def play():
        port, script, transport = await scripted(answer)
        access = make_access(site(port=port, snmp=OPEN))
        try:
            with pytest.raises(CollectFailure):
                await collect.system(access, ask("system", port))
        finally:
            transport.close()
        return len(script.seen)

    assert asyncio.run(play()) <= 5


def legacy_answer(datagram, community_reply):
    if message_version(datagram) == 3:
        return [v3_reply(datagram, same_again)]
    return community_reply(datagram)


def response_to(datagram, *, identifier=None, status=0):
    """The v1 or v2c answer to a GET."""
    message, _ = decoder.decode(datagram, asn1Spec=v2c.Message())
    asked = v2c.apiMessage.get_pdu(message)
    reply = v2c.GetResponsePDU()
    v2c.apiPDU.set_defaults(reply)
    v2c.apiPDU.set_request_id(reply, identifier or v2c.apiPDU.get_request_id(asked))
    v2c.apiPDU.set_error_status(reply, status)
    v2c.apiPDU.set_varbinds(reply, [(oids.SYSTEM_SCALARS["sysDescr"], v2c.OctetString("x"))])
    v2c.apiMessage.set_pdu(message, reply)
    return encoder.encode(message)


@pytest.mark.usefixtures("quick")
def test_legacy_answers_to_other_requests_are_not_ours(scripted, site, make_access, ask):
    outcome, _ = run_scripted(
        scripted, site, make_access, ask, "legacy",
        functools.partial(legacy_answer, community_reply=lambda d: [response_to(d, identifier=7)]),
    )  # fmt: skip
    assert not any(a.answered for a in outcome.facts.attempts)


@pytest.mark.usefixtures("quick")
def test_legacy_error_is_an_answer_without_a_value(scripted, site, make_access, ask):
    outcome, _ = run_scripted(
        scripted, site, make_access, ask, "legacy",
        functools.partial(legacy_answer, community_reply=lambda d: [response_to(d, status=16)]),
    )  # fmt: skip
    assert {(a.answered, a.readable, a.error_status) for a in outcome.facts.attempts} == {(True, False, 16)}


@pytest.mark.usefixtures("quick")
def test_legacy_late_answer_during_the_control_after_still_counts(scripted, site, make_access, ask):
    held = []

    def answer(datagram):
        if message_version(datagram) != 3:
            held.append(response_to(datagram))
            return []
        # Held answers go out just before the answer to the control after.
        return [*held, v3_reply(datagram, same_again)]

    outcome, _ = run_scripted(scripted, site, make_access, ask, "legacy", answer)
    assert isinstance(outcome.facts, LegacyFacts)
    assert outcome.facts.after.answered
    assert all(a.answered for a in outcome.facts.attempts)


@pytest.mark.usefixtures("quick")
def test_legacy_rubbish_is_counted(scripted, site, make_access, ask):
    outcome, _ = run_scripted(
        scripted, site, make_access, ask, "legacy",
        functools.partial(legacy_answer, community_reply=lambda _: [b"\x00rubbish"]),
    )  # fmt: skip
    assert outcome.facts.undecodable == 4
    assert not any(a.answered for a in outcome.facts.attempts)


class Listed:
    """A session that answers GETBULK from a list of instances, as an agent does; optionally fails."""

    def __init__(self, instances, failures=()):
        self.instances = sorted(instances)
        self.failures = list(failures)
        self.calls = 0
        self.asked = []

    async def get_bulk(self, names, repetitions):
        self.calls += 1
        self.asked.append(repetitions)
        if self.failures and (failure := self.failures.pop(0)) is not None:
            raise failure
        found, cursors = [], list(names)
        for _ in range(repetitions):
            for position, name in enumerate(cursors):
                following = next((i for i in self.instances if i > name), None)
                if following is None:
                    found.append(Binding(name, None, end=True))
                else:
                    cursors[position] = following
                    found.append(Binding(following, 1))
        return tuple(found)


COLUMNS = [(1, 3, 1), (1, 3, 2), (1, 3, 4)]


@given(
    st.sets(st.tuples(st.sampled_from([0, 1, 2, 3, 4, 5]), st.integers(0, 300), st.integers(0, 3)), max_size=120),
    st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_walk_gives_exactly_the_instances_of_its_columns(instances, width):
    agent = Listed([(1, 3, *i) for i in instances])
    columns = COLUMNS[:width]
    rows = asyncio.run(walk(agent, columns, max_rows=1000))
    assert set(rows) == {i for i in agent.instances if i[:3] in columns}


def test_walk_stops_at_its_bound_and_keeps_the_other_tables():
    agent = Listed([(1, 3, 1, n) for n in range(100)] + [(1, 3, 2, 1)])
    reading = Reading()

    async def play():
        await read_table(agent, reading, "long", {"a": (1, 3, 1)}, max_rows=50)
        await read_table(agent, reading, "short", {"b": (1, 3, 2)}, max_rows=50)

    asyncio.run(play())
    assert [(g.table, g.failure) for g in reading.gaps] == [("long", Failure.LIMIT_EXCEEDED)]
    assert reading.rows == {(1, 3, 2, 1): 1}


def test_second_silent_table_ends_the_reading():
    silence = CollectFailure(Failure.TIMEOUT, msg("silence"))
    reading = Reading()

    async def play():
        agent = Listed([(1, 3, 1, 1)], [silence, silence, None, silence, silence])
        await read_table(agent, reading, "one", {"a": (1, 3, 1)}, max_rows=5)
        await read_table(agent, reading, "two", {"a": (1, 3, 1)}, max_rows=5)
        with pytest.raises(CollectFailure):
            await read_table(agent, reading, "three", {"b": (1, 3, 2)}, max_rows=5)

    asyncio.run(play())
    assert [g.table for g in reading.gaps] == ["one"]


def test_walk_gives_a_slow_agent_one_try_with_small_questions():
    agent = Listed([(1, 3, 1, n) for n in range(5)], [CollectFailure(Failure.TIMEOUT, msg("silence"))])
    assert len(asyncio.run(walk(agent, [(1, 3, 1)], max_rows=50))) == 5
    assert agent.asked[:2] == [40, 5]


@pytest.mark.parametrize("status", [1, 5])  # tooBig, and the genErr that net-snmp says for it under encryption
def test_walk_asks_for_less_when_the_answer_is_too_big(status):
    agent = Listed([(1, 3, 1, n) for n in range(5)], [AgentError(status), AgentError(status), None])
    assert len(asyncio.run(walk(agent, [(1, 3, 1)], max_rows=50))) == 5
    assert agent.calls > 2


def test_walk_gives_up_on_an_agent_that_has_nothing_but_errors():
    agent = Listed([(1, 3, 1, n) for n in range(5)], [AgentError(5)] * 50)
    with pytest.raises(CollectFailure, match="5"):
        asyncio.run(walk(agent, [(1, 3, 1)], max_rows=50))
    assert agent.calls < 12


VALUES = st.one_of(
    st.integers(-(2**70), 2**70), st.binary(max_size=80), st.lists(st.integers(0, 2**32 - 1), max_size=6).map(tuple)
)
PREFIXES = [
    *oids.IF_COLUMNS.values(), *oids.IFX_COLUMNS.values(), *oids.ENTITY_COLUMNS.values(),
    *oids.VLAN_STATIC_COLUMNS.values(), *oids.VLAN_CURRENT_COLUMNS.values(), *oids.BASE_PORT_COLUMNS.values(),
    *oids.PORT_VLAN_COLUMNS.values(), *oids.FDB_COLUMNS.values(), *oids.LLDP_PORT_COLUMNS.values(),
    *oids.LLDP_REMOTE_COLUMNS.values(), *oids.LLDP_ADDRESS_COLUMNS.values(),
]  # fmt: skip
ROWS = st.dictionaries(
    st.tuples(st.sampled_from(PREFIXES), st.lists(st.integers(0, 5000), max_size=12)).map(lambda p: (*p[0], *p[1])),
    VALUES,
    max_size=40,
)


@given(ROWS)
@settings(max_examples=200, deadline=None)
def test_decoders_stand_any_rows_and_their_facts_survive_json(rows):
    current, _ = tables.current_vlans(rows)
    static, _ = tables.static_vlans(rows)
    found = [
        *tables.interfaces(rows), *tables.entities(rows), *static, *current, *tables.bridge_ports(rows),
        *tables.forwarding(rows, current)[0], *tables.lldp_ports(rows), *tables.neighbours(rows)[0],
    ]  # fmt: skip
    for fact in found:
        assert type(fact).model_validate_json(fact.model_dump_json()) == fact
    assert all(1 <= v.id <= 4094 for v in (*static, *current))


@given(st.binary(max_size=2000))
def test_text_is_printable_bounded_and_loses_nothing(data):
    found = text(data)
    assert len(found.text) <= MAX_TEXT
    assert found.text.isprintable()
    assert found.truncated == (len(data) > MAX_TEXT)
    if found.hex:
        assert bytes.fromhex(found.hex) == data[:MAX_TEXT]


@given(st.sets(st.integers(1, 300)))
def test_port_lists_round_trip(ports):
    octets = bytearray(40)
    for port in ports:
        octets[(port - 1) // 8] |= 0x80 >> (port - 1) % 8
    assert set(port_list(bytes(octets))) == ports


def mutated(seed):
    """A valid message with some octets changed, cut or added."""
    return st.tuples(
        st.lists(st.tuples(st.integers(0, len(seed) - 1), st.integers(0, 255)), max_size=6), st.integers(0, len(seed)), st.binary(max_size=10)
    ).map(lambda m: _mutate(seed, *m))  # fmt: skip


def _mutate(seed, changes, cut, tail):
    data = bytearray(seed)
    for position, value in changes:
        data[position] = value
    return bytes(data[:cut] if tail else data) + tail


SEEDS = [
    response_to(encode_get("v2c", "public", 5)),
    encode_get("v1", "public", 5),
    encode_discovery(9),
    v3_reply(encode_discovery(9), same_again),
]


@given(st.one_of(st.binary(max_size=200), *map(mutated, SEEDS)))
@settings(max_examples=300, deadline=None)
def test_message_decoders_give_an_answer_or_refuse(datagram):
    message_version(datagram)
    for decode in (decode_answer, decode_report):
        try:
            decode(datagram)
        except NotSnmp:
            continue


def test_enterprise_of_an_engine():
    assert (enterprise(ENGINE), enterprise(b"\x80")) == (8072, None)


class Replay:
    """A channel that returns given datagrams, then silence."""

    def __init__(self):
        self.datagrams = []
        self.sent = 0

    async def send(self, datagram):
        self.sent += 1

    async def receive(self, seconds):
        return self.datagrams.pop(0) if self.datagrams else None


@pytest.fixture(scope="module")
def session():
    channel = Replay()
    made = UsmSession(
        channel,
        SnmpV3(user="u256", auth_protocol="SHA-256", auth_secret="env:A", priv_protocol="AES-128", priv_secret="env:B"),
        "authpass12",
        "privpass12",
    )
    yield made, channel
    made.close()


@given(datagrams=st.lists(st.one_of(st.binary(max_size=200), *map(mutated, SEEDS)), max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_session_never_believes_what_is_not_authenticated(session, datagrams):
    made, channel = session
    channel.datagrams = list(datagrams)
    with pytest.raises(CollectFailure):
        asyncio.run(made.get([oids.SYSTEM_SCALARS["sysName"]]))


@pytest.mark.parametrize(
    ("user", "auth", "priv"),
    [
        ("u", "court", "privpass12"),
        ("u", "", "privpass12"),
        ("u", "authpass12", "p1"),
        ("é" * 40, "authpass12", "privpass12"),
        ("", "authpass12", "privpass12"),
    ],
)
def test_unusable_credentials_are_refused_without_being_quoted(user, auth, priv):
    """A refused passphrase must not reach the record by way of a traceback (promise 6)."""
    access = SnmpV3(
        user=user, auth_protocol="SHA-256", auth_secret="env:A", priv_protocol="AES-128", priv_secret="env:B"
    )
    with pytest.raises(CollectFailure) as caught:
        UsmSession(Replay(), access, auth, priv)
    assert caught.value.failure is Failure.ACCESS_DENIED
    # The lines of source are ours; only what an exception says could quote a value.
    said = [str(caught.value), *(line for line in traceback.format_exception(caught.value) if "File" not in line)]
    for secret in filter(None, (auth, priv)):
        assert not any(secret in line for line in said)


def test_passphrases_may_be_written_in_any_language():
    access = SnmpV3(
        user="ingénieur", auth_protocol="SHA-256", auth_secret="env:A", priv_protocol="AES-128", priv_secret="env:B"
    )
    UsmSession(Replay(), access, "clé très secrète", "一二三四五").close()


def test_session_stops_listening_to_a_babbler(session):
    made, channel = session
    channel.datagrams = [encode_get("v2c", "public", 5)] * (MAX_STRAYS + 1)
    with pytest.raises(CollectFailure) as caught:
        asyncio.run(made.get([oids.SYSTEM_SCALARS["sysName"]]))
    assert caught.value.failure is Failure.LIMIT_EXCEEDED
