"""The collector ``ssh.switch``: one session with a declared command line, read and never written to."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import paramiko

from probes.api import CollectFailure, Outcome
from probes.switching.facts import CliUsed
from r2s_audit.model.observation import Failure
from r2s_audit.model.text import Message, msg

from .bounds import LentSocket, PastBoundsError
from .platforms import commands, facts_of, keepable
from .redact import redacted
from .shell import DialogueError, Shell
from .specs import SWITCH
from .transport import (
    HELLO_SECONDS,
    SHELL_SECONDS,
    KeyDiffersError,
    NothingInCommonError,
    NotLetInError,
    Pin,
    SshSession,
    private_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from probes.api import Access
    from r2s_audit.model.administration import SshAccess
    from r2s_audit.model.observation import BlobRef, Request
    from r2s_audit.model.site import AnyAddress, Device

EVIDENCE = "application/json; profile=ssh-answers"
PAGING_OFF: dict[str, tuple[str, ...]] = {
    "alcatel_aos": (),
    "allied_telesis_awplus": ("terminal length 0",),
    "arista_eos": ("terminal length 0",),
    "aruba_aoscx": ("no page",),
    "cisco_ios": ("terminal length 0",),
    "cisco_nxos": ("terminal length 0",),
    "cisco_s300": ("terminal datadump",),
    "cisco_xe": ("terminal length 0",),
    "eltex": ("terminal datadump",),
    "hp_comware": ("screen-length disable",),
    "hp_procurve": ("no page",),
    "huawei_vrp": ("screen-length 0 temporary",),
}
"""How a session's own terminal is told not to wait at each page; nothing of it is kept by the device."""
COMMAND_SECONDS = 20.0
"""A large switch builds its configuration for that long before it shows it."""
PAYING_SECONDS = 120.0
MARGIN = 1.0
"""Seconds that the line outlasts a dialogue, which tells more of how it ended."""
TCP_PACKETS = 3
SESSION_PACKETS = 45
"""Of ours in a short session, measured: identification, keys, two requests of an account, terminal, three commands and
acknowledgements. What a long answer needs beyond them is paid before the next command."""


@dataclass(slots=True)
class _Visit:
    """One session, its bill, and where it is."""

    access: Access
    device: Device
    address: AnyAddress
    port: int
    declared: SshAccess
    line: LentSocket
    session: SshSession
    paid: int = TCP_PACKETS + SESSION_PACKETS
    outputs: dict[str, str] = field(default_factory=dict)
    cut: int = 0

    @property
    def where(self) -> str:
        """For sentences."""
        return place(self.address, self.port)

    async def settle(self, ahead: int) -> None:
        """Pay for what was said beyond what was paid, and for what is about to be said.

        Raises:
            CollectFailure: more than the plan was told.
        """
        due = self.line.segments + ahead - self.paid
        if self.paid + due > SWITCH.packets:
            raise CollectFailure(
                Failure.LIMIT_EXCEEDED,
                msg("{where} : plus de {most} paquets pour une session", where=self.where, most=SWITCH.packets),
            )
        if due > 0:
            self.paid += due
            self.line.step(PAYING_SECONDS)  # the budget's time is not the device's
            await self.access.pay(self.device, due)


def place(address: AnyAddress, port: int) -> str:
    """An address and a port for a sentence."""
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"  # noqa: PLR2004 - IP version


async def switch(access: Access, request: Request) -> Outcome:
    """``ssh.switch``: what the platform's commands show.

    Raises:
        CollectFailure: no access is declared, the server is not the pinned one, the account is refused, or what
            answers is no such command line.
    """
    device = access.topology.devices[request.target]
    address, port = ip_address(str(request.param("address"))), int(request.param("port"))
    declared = device.admin.ssh
    if declared is None:
        raise CollectFailure(
            Failure.ACCESS_DENIED,
            msg("aucun accès SSH déclaré pour {device} (admin.ssh du fichier de site)", device=device.id),
        )
    account = _Account.of(access, device, address, declared)
    sock = await access.tcp(device, address, port, packets=SESSION_PACKETS)
    line = LentSocket(sock, HELLO_SECONDS)
    session = SshSession(line, Pin.of(declared.host_key))
    visit = _Visit(access, device, address, port, declared, line, session)
    try:
        with _told(visit):
            return await _visited(visit, account)
    finally:
        # A thread that still waits on the line wakes up and ends; so it does where this task is cancelled.
        session.close()


async def _visited(visit: _Visit, account: _Account) -> Outcome:
    session, declared = visit.session, visit.declared
    await asyncio.to_thread(session.negotiate)
    negotiated = await asyncio.to_thread(
        session.authenticate, declared.user, password=account.password, key=account.key
    )
    shell = Shell(await asyncio.to_thread(session.shell))
    visit.line.step(SHELL_SECONDS + MARGIN)
    await asyncio.to_thread(shell.find_prompt, SHELL_SECONDS)
    for command in PAGING_OFF[declared.platform]:
        await _asked(visit, shell.ask, command)
    for command in commands(declared.platform):
        output = await _asked(visit, shell.ask, command)
        visit.outputs[command], cut = redacted(command, output, account.secrets)
        visit.cut += cut
    visit.line.step(SHELL_SECONDS + MARGIN)
    await asyncio.to_thread(shell.finish, SHELL_SECONDS)
    await visit.settle(0)
    pin = Pin.of(declared.host_key)
    used = CliUsed(
        address=str(visit.address),
        port=visit.port,
        user=declared.user,
        platform=declared.platform,
        host_key=pin.fingerprint,
        commands=tuple(visit.outputs),
        negotiated=negotiated,
        redacted_lines=visit.cut,
    )
    # In a thread as well: long tables would make the loop deaf to the answers of others.
    facts = await asyncio.to_thread(facts_of, declared.platform, visit.outputs)
    facts = facts.model_copy(update={"used": used})
    return Outcome(facts, blobs=(_kept(visit),), packets_sent=visit.line.segments)


async def _asked(visit: _Visit, ask: Callable[[str, float], str], command: str) -> str:
    await visit.settle(4)
    visit.line.step(COMMAND_SECONDS + MARGIN)
    return await asyncio.to_thread(ask, command, COMMAND_SECONDS)


def _kept(visit: _Visit) -> BlobRef:
    """The answers as evidence: without secrets, and of a configuration only what is known to hold none."""
    platform = visit.declared.platform
    answers = {command: keepable(platform, command, output) for command, output in visit.outputs.items()}
    document: dict[str, Any] = {"target": visit.device.id, "platform": platform, "answers": answers}
    return visit.access.keep(json.dumps(document, ensure_ascii=True, indent=0).encode(), EVIDENCE, redacted=True)


@dataclass(frozen=True, slots=True, repr=False)
class _Account:
    """What the account shows; it never leaves this module but to the library."""

    password: str
    key: paramiko.PKey | None
    secrets: tuple[str, ...]

    @classmethod
    def of(cls, access: Access, device: Device, address: AnyAddress, declared: SshAccess) -> _Account:
        """Read the declared secret.

        Raises:
            CollectFailure: it is not there, or no key.
        """
        if declared.password is not None:
            password = access.secret(device, address, declared.password)
            return cls(password, None, (password,))
        assert declared.private_key is not None  # noqa: S101 - the model has one of the two
        text = access.secret(device, address, declared.private_key)
        try:
            return cls("", private_key(text), (text,))
        except ValueError:
            raise CollectFailure(
                Failure.ACCESS_DENIED,
                msg(
                    "secret {reference} : pas une clé privée sans phrase secrète (Ed25519, ECDSA ou RSA)",
                    reference=declared.private_key,
                ),
            ) from None


@contextmanager
def _told(visit: _Visit) -> Iterator[None]:
    """Everything that goes wrong in a session, as the failure that it is; the packets are paid all the same."""
    where = visit.where
    try:
        yield
    except KeyDiffersError as error:
        raise CollectFailure(
            Failure.ACCESS_DENIED,
            msg(
                "{where} montre une autre clé d'hôte que celle du fichier de site : {found}, au lieu de {expected} ; aucun compte ne lui a été présenté",
                where=where,
                found=error.found,
                expected=Pin.of(visit.declared.host_key).fingerprint,
            ),
        ) from None
    except NothingInCommonError as error:
        raise _nothing_in_common(where, error, Pin.of(visit.declared.host_key)) from None
    except NotLetInError as error:
        raise _not_let_in(where, error) from None
    except DialogueError as error:
        raise (_broken(visit) if visit.line.broken in {"bytes", "time"} else _no_dialogue(where, error)) from None
    except (PastBoundsError, paramiko.SSHException, EOFError, OSError, ValueError) as error:
        # ValueError: a packet that the library does not check before it deciphers it.
        raise _broken(visit) from (None if visit.line.broken else error)


def _nothing_in_common(where: str, error: NothingInCommonError, pin: Pin) -> CollectFailure:
    offered = ", ".join(error.offered) or "–"
    if error.what == "version":
        return CollectFailure(Failure.NOT_SUPPORTED, msg("{where} ne parle que SSH version 1", where=where))
    if error.what == "host key" and pin.kind:
        return CollectFailure(
            Failure.ACCESS_DENIED,
            msg(
                "{where} n'a pas de clé d'hôte {expected}, celle que le fichier de site annonce : il propose {offered} ; aucun compte ne lui a été présenté",
                where=where,
                expected=pin.kind,
                offered=offered,
            ),
        )
    whole = {
        "kex": msg(
            "{where} n'a en SSH aucun échange de clés accepté ici : il propose {offered}", where=where, offered=offered
        ),
        "host key": msg(
            "{where} n'a en SSH aucune clé d'hôte acceptée ici : il propose {offered}", where=where, offered=offered
        ),
        "ciphers": msg(
            "{where} n'a en SSH aucun chiffrement accepté ici : il propose {offered}", where=where, offered=offered
        ),
        "macs": msg(
            "{where} n'a en SSH aucun contrôle d'intégrité accepté ici : il propose {offered}",
            where=where,
            offered=offered,
        ),
    }
    return CollectFailure(Failure.NOT_SUPPORTED, whole[error.what])


def _not_let_in(where: str, error: NotLetInError) -> CollectFailure:
    offered = ", ".join(error.offered) or "–"
    reasons: dict[str, Message] = {
        "refused": msg("{where} refuse le compte déclaré ; un seul essai a été fait", where=where),
        "method": msg(
            "{where} n'accepte pas cette preuve d'identité : il demande {offered}", where=where, offered=offered
        ),
        "more": msg(
            "{where} demande encore autre chose que la preuve déclarée : {offered}", where=where, offered=offered
        ),
        "question": msg("{where} pose une question à laquelle le compte n'a pas de réponse", where=where),
    }
    return CollectFailure(Failure.ACCESS_DENIED, reasons[error.why])


def _no_dialogue(where: str, error: DialogueError) -> CollectFailure:
    known: dict[str, tuple[Failure, Message]] = {
        "silent": (Failure.TIMEOUT, msg("{where} laisse entrer le compte, puis se tait", where=where)),
        "no prompt": (Failure.NOT_SUPPORTED, msg("{where} ne montre pas d'invite de commande", where=where)),
        "configuring": (
            Failure.NOT_SUPPORTED,
            msg(
                "{where} ouvre la session en mode de configuration : elle est refermée sans rien demander", where=where
            ),
        ),
        "out of step": (
            Failure.NOT_SUPPORTED,
            msg("{where} ne répond pas aux commandes dans l'ordre : réponses écartées", where=where),
        ),
        "too long": (
            Failure.LIMIT_EXCEEDED,
            msg("{where} répond plus qu'une configuration : lecture arrêtée", where=where),
        ),
        "closed": (Failure.REFUSED, msg("{where} ferme la session avant la fin", where=where)),
    }
    return CollectFailure(*known[error.why])


def _broken(visit: _Visit) -> CollectFailure:
    """What became of the line, by how it ended and how far it had come."""
    where, line = visit.where, visit.line
    if line.broken == "bytes":
        return CollectFailure(
            Failure.LIMIT_EXCEEDED,
            msg("{where} envoie plus qu'une session SSH n'en demande : lecture arrêtée", where=where),
        )
    if line.received == 0 and line.broken in {"", "time"}:
        return CollectFailure(Failure.TIMEOUT, msg("{where} accepte la connexion mais ne dit rien en SSH", where=where))
    if not visit.session.spoke and line.received:
        return CollectFailure(Failure.NOT_SUPPORTED, msg("{where} répond, mais pas en SSH", where=where))
    if line.broken == "time":
        return CollectFailure(Failure.TIMEOUT, msg("{where} n'achève pas la session SSH dans le délai", where=where))
    if line.broken in {"closed", "reset"}:
        ended = {
            "hello": msg("{where} ferme la connexion avant la fin de l'échange de clés", where=where),
            "auth": msg("{where} ferme la connexion pendant l'authentification", where=where),
            "shell": msg("{where} ferme la session avant la fin", where=where),
        }
        return CollectFailure(Failure.REFUSED, ended[visit.session.stage])
    failed = {
        "hello": msg("{where} : échange de clés SSH impossible", where=where),
        "auth": msg("{where} : authentification SSH interrompue par le serveur", where=where),
        "shell": msg("{where} n'ouvre pas de ligne de commande", where=where),
    }
    return CollectFailure(Failure.NOT_SUPPORTED, failed[visit.session.stage])
