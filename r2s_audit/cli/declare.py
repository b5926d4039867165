"""``declare``: an auditor walked through what the evidence leaves open; each answer is in the file at once."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from r2s_audit.cli.session import Session
from r2s_audit.cli.wording import Command
from r2s_audit.errors import UsageError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from r2s_audit.cli.interview import Interview
    from r2s_audit.files.declarations import Against
    from r2s_audit.model.declaration import Author, Declarations
    from r2s_audit.model.profile import Requirement
    from r2s_audit.model.score import CorroborationResult
    from r2s_audit.model.services import CatalogueService
    from r2s_audit.scoring.claims import Bounds

ROLES = ("maitre_ouvrage", "amo", "integrateur", "auditeur", "exploitant", "certificateur")
STATES = {"a": "atteint", "p": "partiellement_atteint", "n": "non_atteint"}
SERVICE_STATES = {"v": "valide", "n": "non_valide"}


@dataclass(frozen=True, slots=True)
class Walk:
    """What there is to walk through, and where the answers go."""

    path: Path
    against: "Against"
    bounds: "Mapping[str, Bounds]"
    corroborations: "tuple[CorroborationResult, ...]"
    author: "Author"
    day: date


def register(app: typer.Typer, session: Session) -> None:
    """Add the command."""
    say = session.say

    @app.command(
        cls=Command,
        help=say(
            "Déclarer ce que la mesure laisse ouvert, exigence par exigence, puis service par service. Chaque réponse est "
            "aussitôt au fichier ; « q », Ctrl-C ou la fin de l'entrée arrêtent, et la même commande reprend."
        ),
    )
    def declare(
        source: Annotated[
            Path,
            typer.Argument(
                metavar="DOSSIER|AUDIT.JSON|SITE.YAML",
                help=say("Dossier ou document d'audit ; un fichier de site, avant toute mesure."),
            ),
        ],
        author: Annotated[str, typer.Option(metavar="NOM", help=say("Qui déclare."))],
        role: Annotated[str, typer.Option(help=say("Rôle de qui déclare."))] = "auditeur",
        output: Annotated[
            Path | None,
            typer.Option(metavar="FICHIER", help=say("Fichier de déclarations ; par défaut à côté de la source.")),
        ] = None,
        only: Annotated[
            list[str] | None, typer.Option(metavar="EXIGENCE|SERVICE", help=say("Seulement celles-ci."))
        ] = None,
        waive: Annotated[
            list[str] | None,
            typer.Option(metavar="EXIGENCE", help=say("Demander une dérogation pour cette exigence, rien d'autre.")),
        ] = None,
        dated: Annotated[
            str | None, typer.Option(metavar="DATE", help=say("Date des déclarations ; par défaut aujourd'hui."))
        ] = None,
    ) -> None:
        from r2s_audit.cli.interview import Finished, Interview
        from r2s_audit.cli.label import declarations_beside

        path = output or declarations_beside(source)
        walk = _walk(source, path, _author(author, role), _day(dated), session)
        interview = Interview(session, path.parent, walk.day)
        wanted = frozenset(only or ())
        _refuse_unknown(walk, wanted | frozenset(waive or ()))
        written = 0
        try:
            for _ in _waivers(walk, interview, waive) if waive else _declarations(walk, interview, wanted):
                written += 1
        except Finished:
            pass
        except KeyboardInterrupt:
            session.tell(
                "interrompu : {count} au fichier {path} ; la même commande reprend", count=written, path=str(path)
            )
            raise
        session.tell("au fichier {path} : {count}", path=str(path), count=written)


def _author(name: str, role: str) -> "Author":
    from r2s_audit.model.declaration import Author

    if role not in ROLES:
        raise UsageError(
            msg("rôle inconnu : {role}", role=role), expected=msg("un des rôles : {roles}", roles=", ".join(ROLES))
        )
    if len(name.strip()) < 2:  # noqa: PLR2004 - as the file asks
        raise UsageError(msg("--author : un nom"), remedy=msg("écrire le nom de la personne qui déclare"))
    known = cast("Literal['maitre_ouvrage', 'amo', 'integrateur', 'auditeur', 'exploitant', 'certificateur']", role)
    return Author(name=name.strip(), role=known)


def _day(written: str | None) -> date:
    from r2s_audit.cli.label import today

    try:
        return date.fromisoformat(written) if written else today()
    except ValueError as error:
        raise UsageError(
            msg("--dated {date} : pas une date", date=str(written)), remedy=msg("écrire AAAA-MM-JJ")
        ) from error


def _walk(source: Path, path: Path, author: "Author", day: date, session: Session) -> Walk:
    """What is open: by the record or document, or everything where only a site file is there."""
    from r2s_audit.cli.label import Asked, label_material
    from r2s_audit.cli.loading import DEFAULT_PROFILE
    from r2s_audit.cli.report import from_record, read_document
    from r2s_audit.files.declarations import Against
    from r2s_audit.files.profile import load_profile
    from r2s_audit.files.services import services_of
    from r2s_audit.files.site import load_site
    from r2s_audit.model.verdict import VerdictValue
    from r2s_audit.scoring.claims import Bounds
    from r2s_audit.scoring.label import bounds_of

    say = session.translator.say
    if not source.is_dir() and source.suffix in {".yaml", ".yml"}:
        profile = load_profile(DEFAULT_PROFILE, say=say).profile
        services = services_of(profile, say=say)
        everything = Bounds(VerdictValue.NON_ATTEINT, VerdictValue.ATTEINT)
        against = Against(
            profile, services.catalogue if services else None, load_site(source, say=say).site.building.id
        )
        return Walk(path, against, {r.id: everything for r in profile.requirements}, (), author, day)
    if source.is_dir():
        material = from_record(source, None, session, Asked())
        audit, known = material.audit, material.profile
    else:
        audit, known = read_document(source), None
    profile = known or load_profile(audit.profile, say=say).profile
    catalogue = label_material(profile, Asked(), session).inputs.catalogue
    against = Against(profile, catalogue, audit.building.id)
    return Walk(path, against, bounds_of(audit.verdicts), audit.label.corroborations, author, day)


def _refuse_unknown(walk: Walk, wanted: frozenset[str]) -> None:
    services = {s.id for f in walk.against.catalogue.families for s in f.services} if walk.against.catalogue else set()
    unknown = wanted - walk.bounds.keys() - services
    if unknown:
        raise UsageError(
            msg("ni exigence ni service du label : {names}", names=", ".join(sorted(unknown))),
            remedy=msg("écrire un identifiant du profil, par exemple M1.2 ou 3.5"),
        )


def _filed(walk: Walk) -> "Declarations | None":
    from r2s_audit.files.declarations import load_declarations

    return load_declarations(walk.path, walk.against).declarations if walk.path.exists() else None


def _taken(walk: Walk) -> set[str]:
    filed = _filed(walk)
    return {d.id for d in filed.declarations} | {w.id for w in filed.waivers} if filed else set()


def _standing(walk: Walk) -> set[str]:
    """What a declaration that still counts on this day is about."""
    filed = _filed(walk)
    return {d.target for d in filed.declarations if d.dated <= walk.day <= d.expires} if filed else set()


def _declarations(walk: Walk, interview: "Interview", wanted: frozenset[str]) -> "Iterator[None]":
    done = _standing(walk)
    requirements = [
        requirement
        for requirement in walk.against.profile.requirements
        if walk.bounds[requirement.id].worst is not walk.bounds[requirement.id].best
        and requirement.id not in done
        and (not wanted or requirement.id in wanted)
    ]
    families = walk.against.catalogue.families if walk.against.catalogue else []
    services = [
        (family.title, service)
        for family in families
        for service in family.services
        if service.id not in done and (not wanted or service.id in wanted)
    ]
    interview.put(
        msg(
            "Exigences ouvertes : {requirements} ; services non déclarés : {services}. Rien pour passer, q pour arrêter.",
            requirements=len(requirements),
            services=len(services),
        )
    )
    for place, requirement in enumerate(requirements, 1):
        if _declare_requirement(walk, interview, requirement, f"{place}/{len(requirements)}"):
            yield
    for place, (family, service) in enumerate(services, 1):
        if _declare_service(walk, interview, family, service, f"{place}/{len(services)}"):
            yield


def _declare_requirement(walk: Walk, interview: "Interview", requirement: "Requirement", place: str) -> bool:
    from r2s_audit.scoring.claims import RANK
    from reports.claims import CORROBORATIONS, VERDICTS, in_language

    translator = interview.session.translator
    bounds = walk.bounds[requirement.id]
    interview.put(msg("\n{place} · {id} {title}", place=place, id=requirement.id, title=requirement.title))
    interview.put(msg("  {purpose}", purpose=requirement.purpose))
    if requirement.prerequisite.value:
        interview.put(msg("  prérequis"))
    interview.put(
        msg(
            "  la mesure laisse possible : de {worst} à {best}",
            worst=translator.say(VERDICTS[bounds.worst]),
            best=translator.say(VERDICTS[bounds.best]),
        )
    )
    for found in walk.corroborations:
        if found.kind == "requirement" and found.target == requirement.id:
            title = in_language(found.title, translator.language)
            interview.put(
                msg("  {title} : {state}", title=title, state=translator.say(CORROBORATIONS[found.state].word))
            )
    inside = {
        letter: state
        for letter, state in STATES.items()
        if RANK[bounds.worst] <= list(STATES.values())[::-1].index(state) <= RANK[bounds.best]
    }
    question = {
        ("a", "p", "n"): msg("État : a atteint, p partiellement atteint, n non atteint ?"),
        ("a", "p"): msg("État : a atteint, p partiellement atteint ?"),
        ("p", "n"): msg("État : p partiellement atteint, n non atteint ?"),
    }[tuple(inside)]
    state = interview.choice(question, inside)
    return state is not None and _write(walk, interview, {"requirement": requirement.id, "state": state})


def _declare_service(walk: Walk, interview: "Interview", family: str, service: "CatalogueService", place: str) -> bool:
    interview.put(
        msg("\n{place} · {family} · {id} {title}", place=place, family=family, id=service.id, title=service.title)
    )
    if service.description is not None:
        interview.put(msg("  {description}", description=service.description))
    state = interview.choice(msg("Service : v en place, n absent ?"), SERVICE_STATES)
    return state is not None and _write(walk, interview, {"service": service.id, "state": state})


def _write(walk: Walk, interview: "Interview", said: "dict[str, str]") -> bool:
    from r2s_audit.files.declaring import added, free_name
    from r2s_audit.model.declaration import Declaration

    justification = interview.justification()
    attachments = interview.attachments()
    entry = Declaration.model_validate(
        {
            "id": free_name(f"D-{said.get('requirement') or said['service']}", _taken(walk)),
            **said,
            "author": walk.author,
            "dated": walk.day,
            "justification": justification,
            "attachments": attachments,
            "expires": interview.expiry(),
        }
    )
    added(walk.path, entry, walk.against)
    interview.put(msg("au fichier : {id}", id=entry.id))
    if said["state"] == "valide" and not attachments:
        interview.put(msg("sans pièce jointe, ce service ne sera pas compté"))
    return True


def _waivers(walk: Walk, interview: "Interview", wanted: list[str]) -> "Iterator[None]":
    from r2s_audit.files.declaring import added, free_name
    from r2s_audit.model.declaration import Waiver

    titles = {requirement.id: requirement.title for requirement in walk.against.profile.requirements}
    for name in wanted:
        if name not in titles:
            raise UsageError(
                msg("une dérogation porte sur une exigence : {name}", name=name),
                remedy=msg("écrire un identifiant d'exigence, par exemple S1.4"),
            )
        interview.put(msg("\nDérogation · {id} {title}", id=name, title=titles[name]))
        interview.put(msg("  elle ne changera ni le verdict, ni les points, ni le niveau"))
        entry = Waiver(
            id=free_name(f"W-{name}", _taken(walk)),
            requirement=name,
            author=walk.author,
            dated=walk.day,
            justification=interview.justification(),
            attachments=interview.attachments(),
            expires=interview.expiry(),
        )
        added(walk.path, entry, walk.against)
        interview.put(msg("au fichier : {id}", id=entry.id))
        yield
