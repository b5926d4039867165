"""The dialogue, with terminals of each maker's habits; no network."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from probes.ssh.shell import DialogueError, Shell


class Typed:
    """A terminal that answers each piece typed; nothing else comes, and time passes by reads."""

    def __init__(self, hello: bytes, answer: Callable[[bytes], bytes]) -> None:
        self.waiting = [hello]
        self.answer = answer
        self.typed: list[bytes] = []
        self.clock = 0.0

    def recv(self, nbytes: int) -> bytes:
        self.clock += 0.1
        if self.waiting:
            return self.waiting.pop(0)
        raise TimeoutError

    def sendall(self, s: bytes) -> None:
        self.typed.append(s)
        if answer := self.answer(s):
            self.waiting.append(answer)

    def settimeout(self, timeout: float | None) -> None:
        assert timeout == 0.1


def shell_on(terminal: Typed) -> Shell:
    shell = Shell(terminal, now=lambda: terminal.clock)
    shell.find_prompt(5)
    return shell


def table(prompt: bytes, answers: dict[bytes, bytes]) -> Callable[[bytes], bytes]:
    def answer(typed: bytes) -> bytes:
        if typed in answers:
            return answers[typed]
        return typed.rstrip(b"\n") + b"\r\n" + prompt

    return answer


def test_pages_are_turned() -> None:
    pages = iter([b"\r        \rvlan 2\r\n--More--", b"\r        \rvlan 3\r\nsw#"])
    answers = {b"show vlan\n": b"show vlan\r\nvlan 1\r\n--More--"}

    def answer(typed: bytes) -> bytes:
        return next(pages) if typed == b" " else table(b"sw#", answers)(typed)

    shell = shell_on(Typed(b"sw#", answer))
    assert shell.ask("show vlan", 5) == "vlan 1\nvlan 2\nvlan 3"
    shell.finish(5)


def test_a_pause_before_the_first_prompt() -> None:
    """HP ProCurve: a copyright, then any key."""

    def answer(typed: bytes) -> bytes:
        return b"\x1b[2J\x1bEsw# " if typed == b" " else table(b"sw# ", {})(typed)

    terminal = Typed(b"Copyright\r\nPress any key to continue", answer)
    assert shell_on(terminal).prompt == "sw#"
    assert terminal.typed == [b" ", b"\n"]


def test_a_banner_that_ends_like_a_prompt() -> None:
    terminal = Typed(b"Acces reserve #", table(b"sw>", {}))
    assert shell_on(terminal).prompt == "sw>"


def test_an_echo_after_the_prompt_again() -> None:
    answers = {b"show vlan\n": b"\rsw#show vlan\r\nvlan 1\r\nsw#"}
    assert shell_on(Typed(b"sw#", table(b"sw#", answers))).ask("show vlan", 5) == "vlan 1"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"vlan 1\r\nvlan 2\r\nvlan 3\r\nvlan 4\r\nsw#", "out of step"),
        (b"show vlan\r\nvlan 1\r\nautre#", "no prompt"),
        (b"show vlan\r\nvlan 1\r\nsw# show", "no prompt"),
        (b"show vlan\r\n" + b"x" * 5000 + b"\r\nsw#", "too long"),
        (b"", "silent"),
    ],
)
def test_no_answer(answer: bytes, why: str) -> None:
    shell = shell_on(Typed(b"sw#", table(b"sw#", {b"show vlan\n": answer})))
    with pytest.raises(DialogueError) as refused:
        shell.ask("show vlan", 5)
    assert refused.value.why == why


def test_what_is_left_of_an_answer_is_noticed() -> None:
    terminal = Typed(b"sw#", table(b"sw#", {}))
    shell = shell_on(terminal)
    terminal.waiting.append(b"vlan 9\r\nsw#")
    with pytest.raises(DialogueError) as refused:
        shell.finish(5)
    assert refused.value.why == "out of step"
