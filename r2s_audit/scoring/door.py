"""Scoring by itself: findings of any program in, a score document out. No network, no record, no file.

``assess(profile, findings)`` is the whole of it; ``assess_json`` does the same from bytes to text, for a filter. Both
read and write what ``docs/schemas/findings.schema.json`` and ``score.schema.json`` describe.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import r2s_audit
from r2s_audit.model.audit import Audit
from r2s_audit.model.finding import Value
from r2s_audit.model.profile import Profile, Requirement
from r2s_audit.model.score import Findings, Label, Score, ScoreDocument, ScoredRequirement
from r2s_audit.model.text import Message, msg
from r2s_audit.model.verdict import Verdict, VerdictValue

from .corroboration import Seen
from .interval import Interval
from .label import NOTHING, LabelInputs, label
from .points import heading, is_simulation, score
from .population import Standing, standing
from .rules import conclude
from .verdicts import VERDICT_OF, criterion_result

Path = tuple[str | int, ...]


class Wrong(NamedTuple):
    """One thing in the findings that the profile cannot take: where, what, what instead, the names that there are."""

    path: Path
    found: Message
    expected: Message
    written: str = ""
    known: Sequence[str] = ()


class UnfitError(ValueError):
    """Findings that do not go with the profile; ``wrong`` lists everything, with its path in the document."""

    def __init__(self, wrong: Sequence[Wrong]) -> None:
        """Keep all of it."""
        super().__init__("; ".join(f"{'.'.join(map(str, w.path))}: {w.found}" for w in wrong[:10]))
        self.wrong = tuple(wrong)


def digest_of(data: bytes) -> str:
    """``sha256:…`` of bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def assess_json(profile: bytes, findings: bytes, inputs: LabelInputs = NOTHING) -> str:
    """A profile and findings as JSON in, a score document as JSON out; the same bytes for the same input.

    Raises pydantic's ValidationError for what is not of the schema, UnfitError for findings that do not go with it.
    """
    document = assess(
        Profile.model_validate_json(profile),
        Findings.model_validate_json(findings, strict=True),
        inputs,
        profile_digest=digest_of(profile),
        evidence_digest=digest_of(findings),
    )
    return document.model_dump_json(indent=2) + "\n"


def assess(
    profile: Profile,
    given: Findings,
    inputs: LabelInputs = NOTHING,
    *,
    profile_digest: str = "",
    evidence_digest: str = "",
) -> ScoreDocument:
    """Verdicts, points, levels and the rest of the label from findings.

    Raises:
        UnfitError: a name that the profile lacks, two values for one cell, a requirement judged twice; declarations
            without a date of judgement.
    """
    counts = _counted(profile, given)
    wrong = [*counts.wrong, *_unfit_verdicts(profile, given, counts.by_criterion), *_undated(given, inputs)]
    if wrong:
        raise UnfitError(wrong)
    direct = {v.requirement: Interval(_GRADE[v.worst], _GRADE[v.best]) for v in given.verdicts}
    without_object = {declaration.criterion for declaration in given.not_applicable}
    verdicts = tuple(
        _verdict(requirement, counts.by_criterion, without_object, direct.get(requirement.id))
        for requirement in profile.requirements
    )
    measured = score(profile, verdicts)
    moment = _moment(given.as_of)
    seen = Seen(_any_role(counts.by_criterion), _any_role(_by_check(profile, counts.by_criterion)), given.facts)
    day = moment.date() if moment else date.max
    return document_of(
        profile,
        verdicts,
        measured,
        label(profile, verdicts, measured, seen, day, inputs),
        Origin(moment, profile_digest, evidence_digest),
    )


class Origin(NamedTuple):
    """What a score document is of: the date of judgement, the digests of the profile and of the evidence."""

    as_of: datetime | None
    profile_digest: str
    evidence_digest: str


def document_of(
    profile: Profile, verdicts: Sequence[Verdict], measured: Score, found: Label, origin: Origin
) -> ScoreDocument:
    """A score document, in French; the title says whether any figure of the scale is a hypothesis."""
    simulation = is_simulation(profile)
    declared = {item.requirement: item.value for item in found.declared}
    return ScoreDocument(
        title=str(heading(profile)) if simulation else "",
        simulation=simulation,
        program=r2s_audit.__version__,
        as_of=origin.as_of,
        profile=profile.id,
        profile_version=profile.version,
        profile_digest=origin.profile_digest,
        evidence_digest=origin.evidence_digest,
        verdicts=tuple(
            ScoredRequirement(
                requirement=verdict.requirement,
                title=verdict.title,
                theme=verdict.theme,
                prerequisite=verdict.prerequisite,
                verdict=verdict.verdict,
                worst=verdict.worst,
                best=verdict.best,
                declared=declared.get(verdict.requirement),
                criteria=verdict.criteria,
            )
            for verdict in verdicts
        ),
        score=measured,
        label=found,
    )


def of_audit(audit: Audit, profile: Profile, inputs: LabelInputs, evidence_digest: str) -> ScoreDocument:
    """The score document of an audit document that was judged with this profile, or with another scale of it.

    Raises:
        UnfitError: its requirements are not those of the profile.
    """
    flags = {requirement.id: requirement.prerequisite.value for requirement in profile.requirements}
    if [verdict.requirement for verdict in audit.verdicts] != list(flags):
        raise UnfitError(
            [
                Wrong(
                    ("verdicts",),
                    msg("les exigences d'un autre profil ({profile})", profile=audit.profile),
                    msg("les exigences du profil {profile}, dans son ordre", profile=profile.id),
                )
            ]
        )
    verdicts = tuple(v.model_copy(update={"prerequisite": flags[v.requirement]}) for v in audit.verdicts)
    measured = score(profile, verdicts)
    day = audit.as_of.astimezone(UTC).date()
    found = label(profile, verdicts, measured, audit.label.corroborations, day, inputs)
    return document_of(profile, verdicts, measured, found, Origin(audit.as_of, audit.profile_digest, evidence_digest))


_GRADE = {value.value: grade for grade, value in VERDICT_OF.items()}


class _Counts(NamedTuple):
    by_criterion: dict[str, Counter[Value]]
    wrong: list[Wrong]


def _counted(profile: Profile, given: Findings) -> _Counts:
    """How many cells of each criterion have which value; a cell that is given again with the same value is one cell."""
    values: dict[str, dict[str, str]] = {c.id: {} for r in profile.requirements for c in r.criteria}
    wrong: list[Wrong] = []
    without_object = Value.SANS_OBJET.value
    for index, finding in enumerate(given.findings):
        cells = values.get(finding.criterion)
        if cells is None:
            wrong.append(
                Wrong(
                    ("findings", index, "criterion"),
                    msg("« {criterion} », inconnu", criterion=finding.criterion),
                    msg("un critère du profil {profile}", profile=profile.id),
                    finding.criterion,
                    tuple(values),
                )
            )
            continue
        value = finding.value
        if value == without_object and not finding.proof:
            value = Value.NON_VERIFIE.value
        if cells.setdefault(finding.subject, value) != value:
            wrong.append(
                Wrong(
                    ("findings", index, "value"),
                    msg(
                        "deux valeurs pour une même cellule : {first} et {second}",
                        first=cells[finding.subject],
                        second=value,
                    ),
                    msg("une seule valeur par critère et par sujet"),
                )
            )
    wrong += [
        Wrong(
            ("not_applicable", index, "criterion"),
            msg("« {criterion} », inconnu", criterion=item.criterion),
            msg("un critère du profil {profile}", profile=profile.id),
            item.criterion,
            tuple(values),
        )
        for index, item in enumerate(given.not_applicable)
        if item.criterion not in values
    ]
    counts = {name: Counter(cells.values()) for name, cells in values.items()}
    return _Counts(
        {name: Counter({Value(value): n for value, n in count.items()}) for name, count in counts.items()}, wrong
    )


def _unfit_verdicts(profile: Profile, given: Findings, counts: Mapping[str, Counter[Value]]) -> Iterable[Wrong]:
    criteria = {r.id: [c.id for c in r.criteria] for r in profile.requirements}
    seen: set[str] = set()
    for index, verdict in enumerate(given.verdicts):
        path: Path = ("verdicts", index, "requirement")
        found = msg("« {requirement} », inconnu", requirement=verdict.requirement)
        expected = msg("une exigence du profil {profile}", profile=profile.id)
        if verdict.requirement not in criteria:
            yield Wrong(path, found, expected, verdict.requirement, tuple(criteria))
            continue
        if _GRADE[verdict.worst].rank > _GRADE[verdict.best].rank:
            yield Wrong(
                ("verdicts", index, "worst"),
                msg("une borne basse au-dessus de la borne haute"),
                msg("worst au plus égal à best"),
            )
        if verdict.requirement in seen or any(counts[name] for name in criteria[verdict.requirement]):
            yield Wrong(
                path,
                msg("une exigence déjà jugée, par un autre verdict ou par ses constats"),
                msg("un seul verdict par exigence, ou ses constats"),
            )
        seen.add(verdict.requirement)


def _undated(given: Findings, inputs: LabelInputs) -> Iterable[Wrong]:
    if inputs.filed and given.as_of is None:
        yield Wrong(
            ("as_of",),
            msg("la date du jugement manque"),
            msg("« as_of » : des déclarations ne se jugent qu'à une date"),
        )


def _verdict(
    requirement: Requirement,
    counts: Mapping[str, Counter[Value]],
    without_object: Iterable[str],
    direct: Interval | None,
) -> Verdict:
    standings = {
        criterion.id: Standing(None, 0, counts[criterion.id].total())
        if criterion.id in without_object
        else standing(criterion, counts[criterion.id])
        for criterion in requirement.criteria
    }
    interval = direct or conclude(requirement.rule, standings)
    return Verdict(
        requirement=requirement.id,
        title=requirement.title,
        theme=requirement.theme,
        prerequisite=requirement.prerequisite.value,
        verdict=VERDICT_OF[interval.lo] if interval.settled else VerdictValue.NON_EVALUE,
        worst=VERDICT_OF[interval.lo],
        best=VERDICT_OF[interval.hi],
        criteria=()
        if direct
        else tuple(
            result
            for criterion in requirement.criteria
            if (result := criterion_result(criterion, standings[criterion.id])) is not None
        ),
    )


def _by_check(profile: Profile, counts: Mapping[str, Counter[Value]]) -> dict[str, Counter[Value]]:
    found: dict[str, Counter[Value]] = {}
    for requirement in profile.requirements:
        for criterion in requirement.criteria:
            if criterion.check is not None:
                found.setdefault(criterion.check, Counter()).update(counts[criterion.id])
    return found


def _any_role(counts: Mapping[str, Counter[Value]]) -> dict[tuple[str, str], Counter[Value]]:
    """Another program's subjects have no role that we know."""
    return {(name, ""): values for name, values in counts.items()}


def _moment(given: date | datetime | None) -> datetime | None:
    """A date alone means its last second, in UTC, as everywhere in this program."""
    if given is None:
        return None
    if isinstance(given, datetime):
        return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)
    return datetime(given.year, given.month, given.day, 23, 59, 59, tzinfo=UTC)
