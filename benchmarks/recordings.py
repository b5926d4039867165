"""Observations of the reference building, kept small: so that every fault's judgement is proven without a network.

A directory with, for each fault, ``<fault>.json.gz``: what its audit observed, as changes leaf by leaf against the audit
of the sane building that was made in the same building before it, ``sane-<digest>.json.gz``. Where several buildings
stood side by side, their sane audits are changes against the first one's. A fault that is recorded later brings the
sane audit of its own building: certificates, clocks and addresses of two buildings are never mixed.
Facts alone are kept: no raw bytes, no traceback, no path but that of a building that is gone.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from benchmarks.expected import Judged, standings_of
from r2s_audit.engine.judge import Judge
from r2s_audit.engine.plan import make_plan
from r2s_audit.errors import FileProblems
from r2s_audit.evidence.record import Record
from r2s_audit.files.site import parse_site
from r2s_audit.model.observation import Observation
from r2s_audit.model.topology import Topology
from r2s_audit.scoring.supersede import Counted, counted
from r2s_audit.scoring.verdicts import verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from benchmarks.audits import Result
    from r2s_audit.engine.plan import Catalogue
    from r2s_audit.files.profile import LoadedProfile

FORMAT = 1
SUFFIX = ".json.gz"
SANE = "sane-"
REMEDY = "make accuracy ACCURACY='--record tests/accuracy/recorded'"
"""Records everything again; with ``--fault NAME`` that fault alone."""

_LEFT_OUT = {"pass_id", "blobs", "trace"}


class StaleRecording(Exception):
    """A recording that this version cannot judge, or that is not there; says how to make it again."""

    def __init__(self, path: Path, why: object) -> None:
        super().__init__(f"{path}: {why}\nto record it again: {REMEDY}")


@dataclass(frozen=True)
class Recording:
    """What one audit observed, with the site file that it was made with."""

    site: bytes
    observations: Mapping[str, Observation]
    """By request key."""


# -- writing ------------------------------------------------------------------------------------------------------------


def write_sane(directory: Path, result: Result, base: str = "") -> str:
    """Keep the audit of a sane building, as changes against ``base`` where it is given; its name, for what follows."""
    record = Record.open(result.record)
    data = _encoded(_against(directory, base, _observed(record)) | {"site": record.site_bytes.decode()})
    name = f"{SANE}{sha256(data).hexdigest()[:12]}"
    _write(directory / f"{name}{SUFFIX}", data)
    return name


def write_fault(directory: Path, fault: str, sane: str, result: Result) -> None:
    """Keep the audit of a building with one fault, as changes against its sane audit."""
    now = _observed(Record.open(result.record))
    _write(directory / f"{fault}{SUFFIX}", _encoded(_against(directory, sane, now)))


def _against(directory: Path, base: str, now: Mapping[str, Any]) -> dict[str, Any]:
    before = _values(directory, base) if base else {}
    return {
        "format": FORMAT,
        "base": base,
        "changes": {
            key: change(before[key], value)
            for key, value in now.items()
            if key in before and not _same(before[key], value)
        },
        "added": {key: value for key, value in now.items() if key not in before},
        "missing": [key for key in before if key not in now],
    }


def tidy(directory: Path, faults: Iterable[str]) -> None:
    """Remove the recordings of faults that are no more, and the sane audits that none refers to."""
    for name in recorded(directory) - set(faults):
        (directory / f"{name}{SUFFIX}").unlink()
    for name in sane_audits(directory) - needed(directory):
        (directory / f"{name}{SUFFIX}").unlink()


def _observed(record: Record) -> dict[str, Any]:
    """What counts in a record, without what no check reads."""
    return {
        key: item.observation.model_dump(mode="json", exclude=_LEFT_OUT)
        for key, item in sorted(counted(record.reading.entries).items())
        if item.observation is not None
    }


def _encoded(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(gzip.compress(data, mtime=0))
    partial.replace(path)


# -- changes ------------------------------------------------------------------------------------------------------------


def change(before: Any, after: Any) -> Any:
    """What makes ``after`` of ``before``: ``[value]`` replaces; ``{name or index: change}`` goes into it."""
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() == after.keys():
        return {name: change(before[name], value) for name, value in after.items() if not _same(before[name], value)}
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return {str(index): change(old, new) for index, (old, new) in pairs if not _same(old, new)}
    return [after]


def changed(before: Any, how: Any) -> Any:
    """Undo :func:`change`."""
    if isinstance(how, list):
        return how[0]
    if isinstance(before, list):
        return [changed(value, how[str(i)]) if str(i) in how else value for i, value in enumerate(before)]
    return {name: changed(value, how[name]) if name in how else value for name, value in before.items()}


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: 1, 1.0 and true are three values."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


# -- reading ------------------------------------------------------------------------------------------------------------


def recorded(directory: Path) -> set[str]:
    """Names of the faults that there is a recording of."""
    return {name for name in _names(directory) if not name.startswith(SANE)}


def sane_audits(directory: Path) -> set[str]:
    """Names of the recorded audits of sane buildings."""
    return {name for name in _names(directory) if name.startswith(SANE)}


def sane_of(directory: Path, fault: str) -> str:
    """The sane audit that a fault was recorded against.

    Raises:
        StaleRecording: there is no recording of this fault, or not one of this version.
    """
    return str(_read(directory / f"{fault}{SUFFIX}")["base"])


def needed(directory: Path) -> set[str]:
    """The sane audits that the recorded faults refer to, directly or not."""
    found: set[str] = set()
    names = recorded(directory)
    while names:
        names = {base for name in names if (base := sane_of(directory, name))} - found
        found |= names
    return found


def read(directory: Path, name: str) -> Recording:
    """A sane audit, or that of a fault.

    Raises:
        StaleRecording: there is none, or its observations are no longer observations.
    """
    path = directory / f"{name}{SUFFIX}"
    try:
        sane = name if name.startswith(SANE) else sane_of(directory, name)
        site = _read(directory / f"{sane}{SUFFIX}")["site"].encode()
        values = _values(directory, name)
        observations = {key: Observation.model_validate({**value, "pass_id": "P1"}) for key, value in values.items()}
    except (ValidationError, KeyError, IndexError, TypeError) as error:
        raise StaleRecording(path, error) from error
    return Recording(site, observations)


def _values(directory: Path, name: str) -> dict[str, Any]:
    """Every observation of a recording, its bases' included."""
    document = _read(directory / f"{name}{SUFFIX}")
    values: dict[str, Any] = _values(directory, document["base"]) if document["base"] else {}
    for key in document["missing"]:
        del values[key]
    values |= {key: changed(values[key], how) for key, how in document["changes"].items()}
    values |= document["added"]
    return values


def _names(directory: Path) -> set[str]:
    return {path.name.removesuffix(SUFFIX) for path in directory.glob(f"*{SUFFIX}")}


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, ValueError, EOFError) as error:
        raise StaleRecording(path, error) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise StaleRecording(path, f"not of format {FORMAT}")
    return document


# -- judging ------------------------------------------------------------------------------------------------------------


def judge(recording: Recording, name: Path, profile: LoadedProfile, catalogue: Catalogue) -> Judged:
    """Judge a recording by the checks and the profile of today, at the moment of its last observation.

    Raises:
        StaleRecording: a site file that is none any more, facts that the collectors of today would not write, or on
            which a check crashes.
    """
    for observation in recording.observations.values():
        _validate(observation, name, catalogue)
    try:
        site = parse_site(recording.site, str(name))
    except FileProblems as error:
        raise StaleRecording(name, error) from error
    counting = {
        key: Counted(o.pass_id, o, number) for number, (key, o) in enumerate(recording.observations.items(), start=1)
    }
    last = max(o.ended for o in recording.observations.values())
    names = {number: str(number) for number in range(1, len(counting) + 1)}
    plan = make_plan(site, profile.profile, catalogue, ("", profile.digest))
    judged = tuple(Judge(Topology(site), catalogue, counting, names, last).judge(plan.cells, profile.profile))
    crashed = next((f for _, f in judged if f is not None and f.trace), None)
    if crashed is not None:
        raise StaleRecording(name, f"{crashed.check} on {crashed.subject.key}: {crashed.trace}")
    return Judged(judged, standings_of(verdicts(profile.profile, judged, site.not_applicable)))


def _validate(observation: Observation, name: Path, catalogue: Catalogue) -> None:
    key = observation.request.key
    spec = catalogue.collectors.get(observation.request.collector)
    if spec is None:
        raise StaleRecording(name, f"{key}: no such collector any more")
    if observation.facts is not None:
        try:
            spec.facts.model_validate(observation.facts)
        except ValidationError as error:
            raise StaleRecording(name, f"{key}: {error}") from error
