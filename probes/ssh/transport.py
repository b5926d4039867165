"""The SSH client: one key exchange, the pinned key, one proof of identity, one shell. Blocking; run in a thread.

Nothing of the machine is used: no agent, no known hosts, no key files, no configuration. The account's name leaves after
the server has shown that it holds the pinned key, and not before (promise 5).
"""

from __future__ import annotations

import io
import logging
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

import paramiko
from paramiko.kex_curve25519 import KexCurve25519

from probes.switching.facts import SshNegotiated

from .bounds import PastBoundsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .bounds import LentSocket

# Its logger repeats what a server says, and the last resort of logging is the terminal.
_LOGGER = logging.getLogger("paramiko")
_LOGGER.setLevel(logging.CRITICAL + 1)
_LOGGER.propagate = False

HELLO_SECONDS = 10.0
"""For the key exchange: old switches count for seconds."""
AUTH_SECONDS = 10.0
_NEVER = 3600.0
SHELL_SECONDS = 8.0
WIDTH, HEIGHT = 511, 1000
"""Of the terminal: wide enough that no command line is folded."""
MAX_COUNT = 64
"""Extensions of a protocol (RFC 8308), or questions of a server (RFC 4256): there are a handful."""
_RSA = ("rsa-sha2-512", "rsa-sha2-256")
_ALIAS = "curve25519-sha256"
"""RFC 8731's name for what the library knows by the one that came before."""
_UNWANTED = {"3des-cbc", "hmac-md5", "hmac-md5-96"}
_PASSWORD = re.compile(r"pass(?:word|wort|code|phrase)|mot de passe|contrase|senha", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9@.+_-]{1,64}", re.ASCII)
Stage = Literal["hello", "auth", "shell"]


class KeyDiffersError(Exception):
    """The server's key is not the pinned one; ``found`` is its type and fingerprint."""

    def __init__(self, found: str) -> None:
        """Keep what the server showed."""
        super().__init__(found)
        self.found = found


class NotLetInError(Exception):
    """The account was refused, or asked for something that it does not have; ``why`` names which."""

    def __init__(self, why: Literal["refused", "method", "more", "question"], offered: Sequence[str] = ()) -> None:
        """Keep what the server would have taken."""
        super().__init__(why)
        self.why = why
        self.offered = tuple(offered)


class NothingInCommonError(Exception):
    """No algorithm in common: ``what`` for, and what the server has."""

    def __init__(self, what: str, offered: Sequence[str]) -> None:
        """Keep both."""
        super().__init__(what)
        self.what = what
        self.offered = tuple(offered)


@dataclass(frozen=True, slots=True)
class Pin:
    """The declared host key."""

    kind: str
    """``ssh-ed25519`` and the like; empty where only a fingerprint is declared."""
    fingerprint: str
    """``SHA256:`` and unpadded base64, as ``ssh-keygen -l`` writes it."""

    @classmethod
    def of(cls, declared: str) -> Pin:
        """Read a declared key, whole or by its fingerprint."""
        kind, _, rest = declared.partition(" ")
        if not rest:
            return cls("", declared.rstrip("="))
        return cls(kind, fingerprint(b64decode(rest.partition(" ")[0])))

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The signatures that such a key makes, for the key exchange; empty: whatever the server likes."""
        return _RSA if self.kind == "ssh-rsa" else (self.kind,) if self.kind else ()


def fingerprint(blob: bytes) -> str:
    """SHA-256 of a public key as it is sent (RFC 4253 §6.6)."""
    return "SHA256:" + b64encode(sha256(blob).digest()).decode().rstrip("=")


def private_key(text: str) -> paramiko.PKey:
    """A client's key without a passphrase.

    Raises:
        ValueError: no such key.
    """
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(text))
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    raise ValueError("no private key without a passphrase")


class NonsenseError(paramiko.SSHException):
    """The library met something in a packet that it does not look for."""


class QuestionError(paramiko.SSHException):
    """The server asks what the account has no answer to."""


class _Packets(paramiko.packet.Packetizer):
    """Reads packets, and refuses those whose count of what follows the library would believe."""

    def read_message(self) -> tuple[int, paramiko.Message]:
        kind, message = super().read_message()
        if kind == paramiko.common.MSG_EXT_INFO:
            _bound(message.get_int())
        elif kind == paramiko.common.MSG_USERAUTH_INFO_REQUEST:
            for _ in range(3):  # name, instruction, language (RFC 4256 §3.2)
                message.get_string()
            _bound(message.get_int())
        message.rewind()
        return kind, message


def _bound(count: int) -> None:
    if count > MAX_COUNT:
        raise NonsenseError(f"{count} of them")


class _Client(paramiko.Transport):
    """The library's client with the registered name of a key exchange that it has, and without what nobody should need."""

    _kex_info = {**paramiko.Transport._kex_info, _ALIAS: KexCurve25519}  # type: ignore[attr-defined]  # noqa: SLF001 - the library has no other way

    server_lists: dict[str, Any] | None = None
    """What the server offered, by the library's own names."""

    def get_exception(self) -> Exception | None:
        """What ended the reading thread; whatever a packet made the library raise is the peer's doing, and told as such."""
        error = super().get_exception()
        if error is None or isinstance(error, paramiko.SSHException | EOFError | OSError | PastBoundsError):
            return error
        nonsense = NonsenseError(type(error).__name__)
        nonsense.__cause__ = error
        return nonsense

    @property
    def preferred_kex(self) -> Sequence[str]:
        return (_ALIAS, *super().preferred_kex)

    @property
    def preferred_ciphers(self) -> Sequence[str]:
        return sorted(
            (name for name in super().preferred_ciphers if name not in _UNWANTED), key=lambda name: "gcm" not in name
        )

    @property
    def preferred_macs(self) -> Sequence[str]:
        return sorted(
            (name for name in super().preferred_macs if name not in _UNWANTED), key=lambda name: "etm" not in name
        )

    def _really_parse_kex_init(self, m: paramiko.Message, ignore_first_byte: bool = False) -> dict[str, Any]:
        parsed: dict[str, Any] = super()._really_parse_kex_init(m, ignore_first_byte)  # type: ignore[misc]
        if not ignore_first_byte:
            self.server_lists = {name: list(words) for name, words in parsed.items() if isinstance(words, list)}
        return parsed


_LISTS = {
    "kex": "kex_algo_list",
    "host key": "server_key_algo_list",
    "ciphers": "server_encrypt_algo_list",
    "macs": "server_mac_algo_list",
}
"""What the library names in its refusal, and the server's list of it."""


class SshSession:
    """One connection with one server; every method blocks, and raises what is named, or PastBoundsError."""

    def __init__(self, line: LentSocket, pin: Pin) -> None:
        """Speak on a line that is connected; the pin is what counts."""
        self._line = line
        self._pin = pin
        self._client = _Client(line, packetizer_class=_Packets)  # type: ignore[arg-type]  # all that the library asks of a socket
        # The line itself ends in time, and says why; the library's own clocks would only say that nothing came.
        self._client.banner_timeout = self._client.handshake_timeout = self._client.auth_timeout = _NEVER
        self.stage: Stage = "hello"
        if pin.algorithms:
            self._client.get_security_options().key_types = pin.algorithms

    @property
    def spoke(self) -> bool:
        """Whether the server identified itself as one of SSH."""
        return bool(self._client.remote_version)

    def negotiate(self) -> None:
        """Exchange keys, and compare the server's with the pinned one.

        Raises:
            KeyDiffersError, NothingInCommonError: as they say. SSHException, EOFError, OSError: the exchange failed.
        """
        self._line.step(HELLO_SECONDS)
        try:
            self._client.start_client()
        except paramiko.ssh_exception.IncompatiblePeer as error:
            raise self._nothing_in_common(str(error)) from error
        shown = self._client.get_remote_server_key()
        found = fingerprint(shown.asbytes())
        if found != self._pin.fingerprint:
            raise KeyDiffersError(f"{shown.get_name()} {found}")
        self._line.trust()

    def _nothing_in_common(self, text: str) -> NothingInCommonError:
        lists = self._client.server_lists or {}
        what = next((word for word in _LISTS if word in text), "version")
        offered = [name for name in lists.get(_LISTS.get(what, ""), []) if _NAME.fullmatch(name)]
        return NothingInCommonError(what, offered[:8])

    def authenticate(self, user: str, *, password: str = "", key: paramiko.PKey | None = None) -> SshNegotiated:
        """Show who we are, once: a second attempt might lock the account.

        Raises:
            NotLetInError: refused, or asked for what the account does not have.
        """
        self.stage = "auth"
        self._line.step(2 * AUTH_SECONDS)
        offered = self._offered(user)
        if self._client.is_authenticated():
            return self._negotiated("none", offered)
        how: Literal["publickey", "password", "keyboard-interactive"]
        how = "publickey" if key else "password" if "password" in offered else "keyboard-interactive"
        if how not in offered:
            raise NotLetInError("method", offered)
        try:
            if key is not None:
                further = self._client.auth_publickey(user, key)
            elif how == "password":
                further = self._client.auth_password(user, password, fallback=False)
            else:
                further = self._client.auth_interactive(user, _Answers(password))
        except paramiko.BadAuthenticationType as error:
            raise NotLetInError("method", _names(error.allowed_types)) from None
        except QuestionError:
            raise NotLetInError("question", offered) from None
        except paramiko.AuthenticationException:
            self._raise_if_broken()
            raise NotLetInError("refused", offered) from None
        if further or not self._client.is_authenticated():
            raise NotLetInError("more", _names(further))
        return self._negotiated(how, offered)

    def _offered(self, user: str) -> tuple[str, ...]:
        """The methods that the server takes, which it names when it is asked for none (RFC 4252 §5.2)."""
        try:
            return _names(self._client.auth_none(user))
        except paramiko.BadAuthenticationType as error:
            return _names(error.allowed_types)
        except paramiko.AuthenticationException:
            self._raise_if_broken()
            raise NotLetInError("refused") from None

    def _raise_if_broken(self) -> None:
        """A line that ended is no answer to a proof."""
        if self._line.broken:
            raise PastBoundsError(self._line.broken)

    def _negotiated(
        self, how: Literal["publickey", "password", "keyboard-interactive", "none"], offered: tuple[str, ...]
    ) -> SshNegotiated:
        client: Any = self._client  # what was agreed has no public name
        cipher = str(client.remote_cipher)
        version = "".join(c if c.isprintable() else "\ufffd" for c in client.remote_version)
        return SshNegotiated(
            server_version=version[:255],
            key_exchange=_kex_name(client),
            host_key=str(client.host_key_type)[:64],
            cipher=cipher,
            mac="" if "gcm" in cipher else str(client.remote_mac),
            offered=offered,
            authenticated=how,
        )

    def shell(self) -> paramiko.Channel:
        """A terminal with the account's own command line.

        Raises:
            SSHException: refused.
        """
        self.stage = "shell"
        self._line.step(SHELL_SECONDS)
        channel = self._client.open_session(timeout=_NEVER)
        channel.set_combine_stderr(combine=True)
        channel.get_pty(term="vt100", width=WIDTH, height=HEIGHT)
        channel.invoke_shell()
        return channel

    def close(self) -> None:
        """End the connection at once; from any thread, at any stage, again and again."""
        self._client.packetizer.complete_handshake()  # type: ignore[no-untyped-call,unused-ignore]  # its timer would outlive us
        self._client.close()
        self._line.close()


def _kex_name(client: Any) -> str:
    """The key exchange by its registered name: the library's class is the same for both names of one."""
    lists = client.server_lists or {}
    theirs = set(lists.get("kex_algo_list", ()))
    return next((name for name in client.preferred_kex if name in theirs), "")


def _names(methods: Sequence[str]) -> tuple[str, ...]:
    return tuple(name[:40] for name in methods if _NAME.fullmatch(name))[:8]


class _Answers:
    """What is said to a server's questions (RFC 4256): the password, to one question that asks for it unseen, once."""

    def __init__(self, password: str) -> None:
        self._password = password

    def __call__(self, title: str, instructions: str, questions: list[tuple[str, bool]]) -> list[str]:
        """Answer a round of questions.

        Raises:
            QuestionError: anything else is asked.
        """
        del title, instructions
        if not questions:
            return []
        answer, self._password = self._password, ""
        if len(questions) != 1 or questions[0][1] or not _PASSWORD.search(questions[0][0][:200]) or not answer:
            raise QuestionError("no answer to that")
        return [answer]
