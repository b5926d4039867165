"""The supplicant's launcher: what it may still do, what it refuses, what it leaves behind."""

import asyncio
import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.wire import helper, launcher
from probes.wire.channel import WireError
from probes.wire.supplicant import Credentials, LockoutSpent, SupplicantRefused, Supplicants
from tests.probes.wire.support import gone, python, status

PEM = b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"
PEAP = Credentials("peap", "auditeur", "anonyme", "batiment.example", PEM, password="secret-du-test")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: capabilities and network namespaces")


def fields(**changes):
    values = {"identity": b"qui", "outer": b"anonyme", "server_name": b"a.example", "authority": PEM}
    return dict.fromkeys(launcher.FIELDS, b"") | values | changes


def body(method=2, inner=0, **changes):
    values = fields(**changes)
    parts = b"".join(struct.pack("<I", len(values[name])) + values[name] for name in launcher.FIELDS)
    return bytes([method, inner]) + parts


@pytest.mark.parametrize("missing", launcher.REQUIRED)
def test_nothing_starts_without_what_validates_the_server(missing):
    with pytest.raises(launcher.RefusedError, match=missing):
        launcher.unpack_start(body(**{missing: b""}))


@pytest.mark.parametrize(
    "message", [b"", b"\x02", body(method=0), body(method=4), body(inner=2), body() + b"x", body()[:-1], body()[:9]]
)
def test_what_does_not_read_is_refused(message):
    with pytest.raises((launcher.RefusedError, struct.error)):
        launcher.unpack_start(message)


@given(st.binary(max_size=200))
def test_unpacking_is_total(data):
    try:
        method, inner, found = launcher.unpack_start(data)
    except (launcher.RefusedError, struct.error):
        return
    assert method in launcher.METHODS.values()
    assert inner in launcher.INNER.values()
    assert all(found[name] for name in launcher.REQUIRED)


ALLOWED = {
    "ctrl_interface", "ap_scan", "fast_reauth", "cert_in_cb", "network", "key_mgmt", "eapol_flags", "eap", "ca_cert",
    "identity", "anonymous_identity", "domain_suffix_match", "password", "phase2", "client_cert", "private_key",
}  # fmt: skip


@given(
    st.sampled_from(["TLS", "PEAP", "TTLS"]),
    st.sampled_from(["MSCHAPV2", "PAP"]),
    st.fixed_dictionaries({name: st.binary(min_size=1, max_size=60) for name in launcher.FIELDS}),
)
def test_no_field_becomes_a_setting(method, inner, values):
    """Whatever the texts hold, the settings are those of the shape, each once, and every value is opaque."""
    text = launcher.configuration("/x", method, inner, values).decode("ascii")
    settings, in_blob, blobs = [], False, []
    for line in text.splitlines():
        if line.startswith("blob-base64-"):
            in_blob, name = True, line
            blobs.append(name)
        elif in_blob:
            in_blob = line != "}"
            assert line == "}" or all(c.isalnum() or c in "+/=" for c in line)
        elif line != "}":
            settings.append(line.partition("=")[0])
    assert set(settings) <= ALLOWED
    assert len(settings) == len(set(settings))
    assert {"ca_cert", "domain_suffix_match"} <= set(settings)
    assert blobs == [f"blob-base64-{name}={{" for name in ("authority", "certificate", "key")]
    lines = dict(line.partition("=")[::2] for line in text.splitlines())
    assert bytes.fromhex(lines["identity"]) == values["identity"]
    assert bytes.fromhex(lines["domain_suffix_match"]) == values["server_name"]


def test_credentials_hide_their_secrets_and_pack_as_the_launcher_reads():
    assert "secret-du-test" not in repr(PEAP)
    method, inner, found = launcher.unpack_start(PEAP.packed())
    assert (method, inner) == ("PEAP", "MSCHAPV2")
    assert (found["identity"], found["password"], found["authority"]) == (b"auditeur", b"secret-du-test", PEM)


def child_of(pid):
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def of(pid, name):
    return Path(f"/proc/{pid}/{name}").read_bytes()


def run(work):
    async def inside():
        async with await Supplicants.launch(["wa"]) as supplicants:
            return await work(supplicants)

    return asyncio.run(inside())


@needs_root
def test_it_holds_two_capabilities_and_is_nobody(pair):
    async def work(supplicants):
        state = supplicants._by_interface["wa"].state
        return state, status(state.pid)

    state, seen = run(work)
    assert (state.permitted, state.effective, state.uid) == (helper.KEEP, helper.KEEP, 65534)
    assert int(seen["CapBnd"], 16) == helper.KEEP
    assert seen["NoNewPrivs"] == "1"
    assert seen["Groups"] == ""
    assert gone(state.pid, 2)


@needs_root
def test_the_supplicant_holds_no_more_and_ends_with_the_launcher(pair):
    async def work(supplicants):
        one = supplicants._by_interface["wa"]
        await one.start(PEAP)
        child = child_of(one.state.pid)
        assert await one.ask("PING") == "PONG"
        return child, status(child), of(child, "cmdline").split(b"\0")[:-1], of(child, "environ")

    child, seen, arguments, environment = run(work)
    assert arguments == [b"wpa_supplicant", b"-D", b"wired", b"-i", b"wa", b"-c", b"/proc/self/fd/3", b"-W"]
    assert environment == b""
    assert {int(seen[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {helper.KEEP}
    assert seen["Uid"].split() == ["65534"] * 4
    assert gone(child, 2)


@needs_root
def test_a_killed_launcher_takes_the_supplicant_with_it(pair):
    async def work(supplicants):
        one = supplicants._by_interface["wa"]
        await one.start(PEAP)
        child = child_of(one.state.pid)
        os.kill(one.state.pid, 9)
        assert gone(child, 2)
        with pytest.raises(WireError):
            await one.ask("PING")

    run(work)


@needs_root
def test_one_supplicant_at_a_time_and_again_after_it(pair):
    async def work(supplicants):
        one = supplicants._by_interface["wa"]
        await one.start(PEAP)
        with pytest.raises(SupplicantRefused, match="already"):
            await one.start(PEAP)
        await one.stop()
        await one.stop()
        with pytest.raises(SupplicantRefused, match="no supplicant"):
            await one.ask("PING")
        await one.start(PEAP)
        assert await one.ask("PING") == "PONG"

    run(work)


@needs_root
@pytest.mark.parametrize(
    "message",
    [
        bytes([launcher.OP_COMMAND, len(launcher.COMMANDS)]),
        bytes([launcher.OP_COMMAND]) + b"SET load_dynamic_eap /tmp/x.so",
        bytes([9]) + b"rm -rf",
        bytes([launcher.OP_START]) + b"\xff" * 40,
        bytes([launcher.OP_START]),
    ],
)
def test_junk_is_refused_and_survived(pair, message):
    async def work(supplicants):
        one = supplicants._by_interface["wa"]
        with pytest.raises(SupplicantRefused):
            await one._request(message[0], message[1:])
        await one.start(PEAP)
        assert await one.ask("PING") == "PONG"

    run(work)


@needs_root
def test_the_budget_is_shared_and_counts_what_was_not_told_harmless(pair):
    async def work(supplicants):
        async with supplicants.running("wa", PEAP, budget=1) as attempt:
            attempt.harmless = True
        assert supplicants.failures == 0
        async with supplicants.running("wa", PEAP, budget=1):
            assert supplicants.failures == 1
        assert supplicants.failures == 1
        with pytest.raises(LockoutSpent):
            async with supplicants.running("wa", PEAP, budget=1):
                raise AssertionError("nothing may start")
        with pytest.raises(SupplicantRefused, match="no launcher"):
            async with supplicants.running("wb", PEAP, budget=2):
                raise AssertionError("nothing may start")

    run(work)


@needs_root
def test_twenty_rounds_leave_nothing(pair):
    before = set(Path("/tmp").iterdir())

    async def work(supplicants):
        for _ in range(20):
            async with supplicants.running("wa", PEAP, budget=99):
                pass
        return supplicants._by_interface["wa"].state.pid

    assert gone(run(work), 2)
    assert not {path for path in set(Path("/tmp").iterdir()) - before if path.name.startswith("r2s-dot1x")}


@needs_root
def test_without_privilege_it_says_so():
    code = """
import asyncio, os
from probes.wire.channel import WireUnavailable
from probes.wire.privilege import drop_all
from probes.wire.supplicant import Supplicants
drop_all()
try:
    asyncio.run(Supplicants.launch(["lo"]))
except WireUnavailable as error:
    print("unavailable", error)
"""
    done = python(code)
    out, error = done.communicate(timeout=30)
    assert out.startswith("unavailable"), error
