"""A run from end to end: privileged helper first, privileges dropped, record opened, pass made."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from probes.wire.channel import WireUnavailable
from probes.wire.client import Wire
from probes.wire.privilege import drop_all, sudo_identity
from probes.wire.supplicant import Supplicants
from r2s_audit.engine.access import PassTools, Secrets
from r2s_audit.engine.interfaces import interface_names
from r2s_audit.engine.passes import Pass, PassResult, PassSettings
from r2s_audit.engine.resume import last_interrupted, next_pass_id
from r2s_audit.errors import UsageError
from r2s_audit.evidence.record import CampaignFiles, create_record, is_begun, reopen_record
from r2s_audit.model.site import Site
from r2s_audit.model.text import msg
from r2s_audit.model.topology import Topology

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from probes.api import CollectorSpec
    from r2s_audit.engine.passes import Progress
    from r2s_audit.evidence.notary import Notary
    from r2s_audit.evidence.record import Record, RecordWriter

MEMORY_LIMIT = 2 << 30
"""Address space of the unprivileged part, in octets: several times what an audit maps, far less than a machine has."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the person asked for."""

    directory: Path
    points: tuple[str, ...] = ()
    resume: bool = False
    allow_intrusive: bool = False
    operator: str = ""
    notary: Notary | None = None
    """Who signs the plan before the first packet."""


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What is audited, and with what."""

    site: Site
    files: CampaignFiles
    base: Path
    """Directory of the site file: ``file:`` references are relative to it."""
    specs: Mapping[str, CollectorSpec]


@dataclass(frozen=True, slots=True)
class RunResult:
    """The pass that was made, and what stood in its way."""

    result: PassResult
    absent: tuple[str, ...]
    """Points whose interface this machine does not have."""
    no_wire: WireUnavailable | None
    """Why raw frames could not be sent, and what to do; None where they could."""


def choose_points(site: Site, wanted: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The points of this pass, and those that this machine has no interface for.

    Without a choice: every declared point whose interface is here. A point that somebody names is part of the pass
    even when its interface is missing: it is then reported as such.

    Raises:
        UsageError: a point that the site does not declare.
    """
    known = {p.id: p for p in site.points}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise UsageError(
            msg("point de mesure inconnu : {names}", names=", ".join(unknown)),
            remedy=msg("le site déclare : {names}", names=", ".join(known))
            if known
            else msg("déclarer un point de mesure sous « points » dans le fichier de site"),
        )
    here = interface_names()
    absent = tuple(p.id for p in site.points if p.interface not in here and (not wanted or p.id in wanted))
    chosen = tuple(dict.fromkeys(wanted)) or tuple(p.id for p in site.points if p.interface in here)
    return chosen, absent


def run_campaign(inputs: RunInputs, options: RunOptions, progress: Progress) -> RunResult:
    """Make one pass, in a new record or in an existing one.

    Raises:
        UsageError: an unknown point, or a record of another site, profile or plan.
        RecordError: the record cannot be created, opened, continued or written: said before the first packet.
    """
    return asyncio.run(_run(inputs, options, progress))


async def _run(inputs: RunInputs, options: RunOptions, progress: Progress) -> RunResult:
    points, absent = choose_points(inputs.site, options.points)
    async with AsyncExitStack() as stack:
        wire, no_wire = await _launch(stack, inputs.site, points)
        supplicants, no_supplicants = await _launch_supplicants(stack, inputs.site, points)
        # From here on nothing in this process can open a raw socket or change the network, whatever it is fed.
        drop_all(identity=sudo_identity(os.environ) if os.geteuid() == 0 else None, memory_limit=MEMORY_LIMIT)
        writer, settings = _open(inputs, options, points)
        stack.callback(writer.ledger.close)
        work = Pass(
            topology=Topology(inputs.site),
            plan=inputs.files.plan,
            specs=inputs.specs,
            writer=writer,
            tools=PassTools(
                Secrets(inputs.base, os.environ),
                writer.blobs,
                wire,
                no_wire.reason if no_wire else None,
                supplicants,
                no_supplicants.reason if no_supplicants else None,
            ),
            progress=progress,
        )
        return RunResult(await work.run(settings), absent, no_wire)


async def _launch(
    stack: AsyncExitStack, site: Site, points: Sequence[str]
) -> tuple[Wire | None, WireUnavailable | None]:
    """The privileged helper, limited to the interfaces of this pass; None with the reason where it cannot be had."""
    here = interface_names()
    names = sorted({p.interface for p in site.points if p.id in points and p.interface in here})
    scope = site.scope
    try:
        # The helper's own ceilings are a second lock: the gate paces more slowly and counts more strictly.
        wire = await Wire.launch(names, max_rate=2 * scope.rates.total, max_frames=scope.max_packets)
    except WireUnavailable as error:
        return None, error
    return await stack.enter_async_context(wire), None


async def _launch_supplicants(
    stack: AsyncExitStack, site: Site, points: Sequence[str]
) -> tuple[Supplicants | None, WireUnavailable | None]:
    """What authenticates (802.1X) on the points that declare how; None where none does, or with the reason."""
    here = interface_names()
    names = sorted({p.interface for p in site.points if p.id in points and p.dot1x is not None} & here)
    if not names:
        return None, None
    try:
        supplicants = await Supplicants.launch(names)
    except WireUnavailable as error:
        return None, error
    return await stack.enter_async_context(supplicants), None


def _open(inputs: RunInputs, options: RunOptions, points: tuple[str, ...]) -> tuple[RecordWriter, PassSettings]:
    if not is_begun(options.directory):
        if options.resume:
            raise UsageError(
                msg("rien à reprendre dans {directory}", directory=str(options.directory)),
                remedy=msg("lancer sans --resume"),
            )
        writer = create_record(options.directory, inputs.files)
        return writer, _settings(options, "P01", points)
    record, writer = reopen_record(options.directory)
    try:
        _same_campaign(record, inputs)
        interrupted = last_interrupted(record)
        if not options.resume:
            return writer, _settings(options, next_pass_id(record), points)
    except BaseException:
        writer.ledger.close()
        raise
    if interrupted is None:
        writer.ledger.close()
        raise UsageError(
            msg("la dernière passe de {directory} est complète", directory=str(options.directory)),
            remedy=msg("lancer sans --resume pour ouvrir une nouvelle passe"),
        )
    opened = interrupted.opened
    return writer, PassSettings(
        opened.pass_id,
        opened.points,
        opened.machine.operator,
        opened.intrusive and options.allow_intrusive,
        interrupted,
        options.notary,
    )


def _settings(options: RunOptions, pass_id: str, points: tuple[str, ...]) -> PassSettings:
    return PassSettings(pass_id, points, options.operator, options.allow_intrusive, notary=options.notary)


def _same_campaign(record: Record, inputs: RunInputs) -> None:
    """A campaign is one site file, one profile, one plan: another one belongs into another record."""
    directory = str(record.directory)
    for changed, kept, given in (
        (
            msg("le fichier de site n'est plus celui de la campagne ouverte dans {directory}", directory=directory),
            record.site_bytes,
            inputs.files.site,
        ),
        (
            msg("le profil n'est plus celui de la campagne ouverte dans {directory}", directory=directory),
            record.profile_bytes,
            inputs.files.profile,
        ),
        (
            msg("le plan n'est plus celui de la campagne ouverte dans {directory}", directory=directory),
            record.plan.model_dump_json().encode(),
            inputs.files.plan_bytes,
        ),
    ):
        if kept != given:
            remedy = msg("ouvrir un autre dossier (--record), ou revenir au fichier et aux options d'origine")
            raise UsageError(changed, remedy=remedy)
