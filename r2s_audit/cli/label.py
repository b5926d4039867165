"""What a command line gives beside the evidence: overlays, declarations, stages, levels to ask for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from r2s_audit.errors import UsageError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from r2s_audit.cli.session import Session
    from r2s_audit.model.profile import Profile
    from r2s_audit.model.site import Stage
    from r2s_audit.scoring.label import LabelInputs

SUFFIX = ".declarations.yaml"
"""Of the declarations file that lies beside a dossier: ``dossier`` has ``dossier.declarations.yaml``."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options say."""

    overlays: Sequence[Path] = ()
    declarations: Sequence[Path] = ()
    stages: Sequence[str] = ()
    what_if: bool = False
    target: str = ""


@dataclass(frozen=True, slots=True)
class LabelMaterial:
    """The profile under its overlays, what goes with the score, and the days of the stages."""

    profile: Profile
    inputs: LabelInputs
    days: Mapping[Stage, date]


def label_material(
    profile: Profile, asked: Asked, session: Session, *, building: str = "", source: Path | None = None
) -> LabelMaterial:
    """Everything loaded and checked; with a ``source``, the declarations that lie beside it count by default.

    Raises:
        FileProblems: everything wrong in one of the files.
        UsageError: a level or a stage that there is not.
    """
    from r2s_audit.files.declarations import Against, load_declarations
    from r2s_audit.files.overlay import load_overlay, under
    from r2s_audit.files.services import services_of
    from r2s_audit.scoring.claims import Filed
    from r2s_audit.scoring.label import LabelInputs

    say = session.translator.say
    services = services_of(profile, say=say)
    scale = under(
        profile,
        services.catalogue if services else None,
        [load_overlay(path, say=say) for path in asked.overlays],
        say=say,
    )
    against = Against(scale.profile, scale.catalogue, building)
    loaded = [load_declarations(path, against, say=say) for path in _files(asked, source, session)]
    days: dict[Stage, date] = {}
    for file in loaded:
        days.update(file.declarations.stages)
    days.update(_stages(asked.stages))
    inputs = LabelInputs(
        overlays=scale.overlays,
        filed=tuple(Filed(file.declarations, file.digest) for file in loaded),
        catalogue=scale.catalogue,
        catalogue_digest=services.digest if services else "",
        targets=_targets(scale.profile, asked),
    )
    return LabelMaterial(scale.profile, inputs, days)


def declarations_beside(source: Path) -> Path:
    """Where the declarations of a dossier, or of a document in it, lie unless somebody says otherwise."""
    whole = source.resolve()
    directory = whole if whole.is_dir() else whole.parent
    return directory.with_name(directory.name + SUFFIX)


def _files(asked: Asked, source: Path | None, session: Session) -> Sequence[Path]:
    if asked.declarations or source is None:
        return asked.declarations
    found = declarations_beside(source)
    if not found.is_file():
        return ()
    session.tell("déclarations prises en compte : {path}", path=str(found))
    return (found,)


def _targets(profile: Profile, asked: Asked) -> tuple[str, ...] | None:
    levels = [level.id for level in profile.levels]
    if asked.target and asked.target not in levels:
        raise UsageError(
            msg("niveau inconnu : {level}", level=asked.target),
            expected=msg("un des niveaux : {levels}", levels=", ".join(levels)),
        )
    if not asked.what_if:
        return ()
    return (asked.target,) if asked.target else None


def _stages(written: Sequence[str]) -> dict[Stage, date]:
    from r2s_audit.model.site import Stage

    found: dict[Stage, date] = {}
    for text in written:
        name, _, day = text.partition("=")
        try:
            found[Stage(name)] = datetime.fromisoformat(day).date()
        except ValueError as error:
            raise UsageError(
                msg("--stage {text} : pas un stade à une date", text=text),
                expected=msg(
                    "STADE=AAAA-MM-JJ, avec un des stades : {stages}", stages=", ".join(stage.value for stage in Stage)
                ),
            ) from error
    return found


def today() -> date:
    """The day of now, in UTC: an input of what is written, and said wherever it counts."""
    return datetime.now(UTC).date()
