"""One session with a server of the tests' own: who is told what, in which order, and what is kept."""

from __future__ import annotations

import logging
import re
from typing import Any, get_args

import paramiko
import pytest

from probes.api import CollectFailure
from probes.ssh import collect
from probes.ssh.platforms import PLATFORMS, commands
from probes.switching.facts import SwitchFacts
from r2s_audit.model.administration import SshPlatform
from r2s_audit.model.observation import Failure
from tests.probes.ssh.server import (
    CLIENT_KEY_TEXT,
    HOST_KEY,
    PASSWORD,
    PINNED,
    USER,
    FakeAccess,
    Played,
    Server,
    command_line,
    ed25519,
    observe,
    topology,
)

ANSWERS = {command: f"answer to {command}\r\n".encode() for command in commands("cisco_ios")} | {
    "terminal length 0": b""
}


@pytest.fixture(autouse=True)
def parsed(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the parser was given; what it makes of it is another test's matter."""
    seen: dict[str, str] = {}

    def facts_of(platform: str, outputs: dict[str, str]) -> SwitchFacts:
        seen.update(outputs)
        return SwitchFacts(platform=platform)

    monkeypatch.setattr(collect, "facts_of", facts_of)
    monkeypatch.setattr(collect, "keepable", lambda platform, command, output: output)
    return seen


def failure(access: FakeAccess) -> CollectFailure:
    with pytest.raises(CollectFailure) as refused:
        observe(access)
    return refused.value


def test_every_platform_is_known_to_the_site_file_and_to_the_dialogue() -> None:
    assert set(get_args(SshPlatform)) == set(PLATFORMS) == set(collect.PAGING_OFF)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_commands_show_and_change_nothing(platform: str) -> None:
    assert all(
        re.match(r"(show|display) [a-z -]+( \| include [a-z ^|-]+)?$", command) for command in commands(platform)
    )


def test_a_whole_session(parsed: dict[str, str]) -> None:
    played = Played()
    with Server(command_line(ANSWERS), played) as server:
        access = FakeAccess(topology(server.port))
        outcome = observe(access)
    assert parsed == {command: f"answer to {command}" for command in commands("cisco_ios")}
    assert isinstance(outcome.facts, SwitchFacts)
    used = outcome.facts.used
    assert used is not None
    assert used.negotiated is not None
    assert used.commands == commands("cisco_ios")
    assert used.host_key.startswith("SHA256:")
    assert used.negotiated.model_dump() == {
        "server_version": "SSH-2.0-Essai_1.0",
        "key_exchange": used.negotiated.key_exchange,
        "host_key": "ssh-ed25519",
        "cipher": "aes128-gcm@openssh.com",
        "mac": "",
        "offered": ("publickey", "password"),
        "authenticated": "password",
    }
    assert used.negotiated.key_exchange in {"curve25519-sha256@libssh.org", "mlkem768x25519-sha256"}
    assert played.asked == [f"none {USER}", f"password {USER} {PASSWORD}"]
    assert server.connections == access.connections == 1
    assert access.paid >= outcome.packets_sent > 20
    assert access.redacted == [True]


@pytest.mark.parametrize(
    ("ssh", "played", "asked", "how"),
    [
        ({}, Played(), f"password {USER} {PASSWORD}", "password"),
        ({"password": None, "private_key": "env:CLE"}, Played(), f"publickey {USER}", "publickey"),
        ({}, Played(methods="keyboard-interactive"), f"answers {PASSWORD}", "keyboard-interactive"),
        ({}, Played(methods="none"), f"none {USER}", "none"),
    ],
)
def test_ways_in(ssh: dict[str, Any], played: Played, asked: str, how: str) -> None:
    with Server(command_line(ANSWERS), played) as server:
        outcome = observe(FakeAccess(topology(server.port, **ssh)))
    assert isinstance(outcome.facts, SwitchFacts)
    assert outcome.facts.used is not None
    assert outcome.facts.used.negotiated is not None
    assert outcome.facts.used.negotiated.authenticated == how
    assert played.asked[-1] == asked


def test_a_fingerprint_pins_as_well() -> None:
    with Server(command_line(ANSWERS)) as server:
        assert observe(FakeAccess(topology(server.port, host_key=HOST_KEY.fingerprint))).facts is not None


OTHER, _ = ed25519()


@pytest.mark.parametrize("pinned", [PINNED, HOST_KEY.fingerprint], ids=["whole key", "fingerprint"])
@pytest.mark.parametrize("credential", [{}, {"password": None, "private_key": "env:CLE"}], ids=["password", "key"])
def test_another_host_key_harvests_nothing(pinned: str, credential: dict[str, Any]) -> None:
    played = Played()
    with Server(command_line(ANSWERS), played, key=OTHER) as server:
        refused = failure(FakeAccess(topology(server.port, host_key=pinned, **credential)))
    assert played.asked == []
    assert refused.failure is Failure.ACCESS_DENIED
    text = str(refused.reason)
    assert HOST_KEY.fingerprint in text
    assert OTHER.fingerprint in text
    assert "aucun compte" in text


def test_a_server_without_a_key_of_the_pinned_type() -> None:
    played = Played()
    with Server(command_line(ANSWERS), played, key=paramiko.ECDSAKey.generate()) as server:
        refused = failure(FakeAccess(topology(server.port)))
    assert played.asked == []
    assert refused.failure is Failure.ACCESS_DENIED
    assert "ssh-ed25519" in str(refused.reason)
    assert "ecdsa-sha2-nistp256" in str(refused.reason)


@pytest.mark.parametrize(
    ("ssh", "played", "attempts", "words"),
    [
        ({}, Played(password="autre"), 1, "un seul essai"),
        ({"password": None, "private_key": "env:CLE"}, Played(methods="password"), 0, "il demande password"),
        ({}, Played(methods="publickey"), 0, "il demande publickey"),
        ({"password": None, "private_key": "env:AUTRE"}, Played(), 1, "un seul essai"),
        ({}, Played(methods="keyboard-interactive", password="autre"), 1, "un seul essai"),
    ],
)
def test_not_let_in(ssh: dict[str, Any], played: Played, attempts: int, words: str) -> None:
    with Server(command_line(ANSWERS), played) as server:
        access = FakeAccess(topology(server.port, **ssh))
        access.secrets["env:AUTRE"] = ed25519()[1]
        refused = failure(access)
    assert refused.failure is Failure.ACCESS_DENIED
    assert words in str(refused.reason)
    shown = [line for line in played.asked if line.startswith(("password", "publickey", "answers"))]
    assert len(shown) == attempts
    assert server.connections == 1
    assert PASSWORD not in str(refused.reason)


@pytest.mark.parametrize(
    ("questions", "rounds", "given"),
    [
        ((("One-time code: ", False),), 1, 0),
        ((("Password: ", True),), 1, 0),
        ((("Password: ", False), ("Code: ", False)), 1, 0),
        ((("Password: ", False),), 2, 1),
    ],
    ids=["another question", "shown on the screen", "two at once", "asked again"],
)
def test_no_answer_beyond_the_password(questions: tuple[tuple[str, bool], ...], rounds: int, given: int) -> None:
    played = Played(methods="keyboard-interactive", questions=questions, rounds=rounds)
    with Server(command_line(ANSWERS), played) as server:
        refused = failure(FakeAccess(topology(server.port)))
    assert refused.failure is Failure.ACCESS_DENIED
    assert [line for line in played.asked if PASSWORD in line] == [f"answers {PASSWORD}"] * given


def test_a_key_that_is_none_is_told_before_any_connection() -> None:
    access = FakeAccess(topology(1, password=None, private_key="env:CLE"))
    access.secrets["env:CLE"] = "-----BEGIN OPENSSH PRIVATE KEY-----\nTr0ub4dor\n-----END OPENSSH PRIVATE KEY-----\n"
    refused = failure(access)
    assert access.connections == 0
    assert refused.failure is Failure.ACCESS_DENIED
    assert "Tr0ub4dor" not in str(refused.reason)


def test_secrets_are_nowhere(parsed: dict[str, str], caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    caplog.set_level(logging.DEBUG)
    shown = f"user {USER} {PASSWORD}\r\nusername x secret 5 $1$abcd$efgh\r\n10 {PASSWORD}\r\n".encode()
    answers = ANSWERS | dict.fromkeys(commands("cisco_ios"), shown)
    with Server(command_line(answers), banner=f"SSH-2.0-{USER}") as server:
        access = FakeAccess(topology(server.port))
        outcome = observe(access)
    assert outcome.facts is not None
    out, err = capfd.readouterr()
    assert [record.name for record in caplog.records if record.name.startswith("paramiko")] == []
    said = [
        outcome.facts.model_dump_json(),
        *map(str, access.blobs.values()),
        out,
        err,
        *caplog.messages,
        *parsed.values(),
    ]
    for secret in (PASSWORD, "$1$abcd", *CLIENT_KEY_TEXT.split("\n")[1:-2]):
        assert not [text for text in said if secret in text]
    assert outcome.facts.used.redacted_lines == 3 * len(commands("cisco_ios"))  # type: ignore[attr-defined]


def test_nothing_of_the_machine_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """An agent, a known host and a key at hand: a client that looked at any of them would be let in."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/id_ed25519").write_text(CLIENT_KEY_TEXT)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
    played = Played(password="autre")
    with Server(command_line(ANSWERS), played) as server:
        failure(FakeAccess(topology(server.port)))
    assert not [line for line in played.asked if line.startswith("publickey")]
