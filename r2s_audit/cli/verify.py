"""``verify``: what of a record is intact, by whom it is sealed and since when; offline, against stated anchors."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r2s_audit.cli.exits import Exit
from r2s_audit.cli.session import Session, printable
from r2s_audit.cli.wording import Command
from r2s_audit.errors import UsageError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from r2s_audit.evidence.signatures import Signed
    from r2s_audit.evidence.verify import Verification
    from r2s_audit.model.text import Message


def register(app: typer.Typer, session: Session) -> None:
    """Add the command."""
    say = session.say

    @app.command(
        cls=Command,
        help=say("Vérifier un dossier de preuves ou son archive, hors ligne, d'après des ancres de confiance."),
        epilog=say(
            "Code de fin : 0 intègre et scellé jusqu'au bout par qui est de confiance ; 1 altéré ; 2 illisible ; "
            "3 intègre, mais d'auteur inconnu ou pas scellé jusqu'au bout."
        ),
    )
    def verify(
        record: Annotated[Path, typer.Argument(metavar="DOSSIER|ARCHIVE", help=say("Dossier de preuves ou archive."))],
        trust: Annotated[
            list[str] | None,
            typer.Option(
                metavar="[RÔLE=]CHEMIN",
                help=say("Certificat, autorité ou clé publique de confiance pour les signatures."),
            ),
        ] = None,
        trust_time: Annotated[
            list[str] | None,
            typer.Option(metavar="CHEMIN", help=say("Certificat de confiance pour les horodatages.")),
        ] = None,
        head: Annotated[
            list[str] | None,
            typer.Option(metavar="sha256:…", help=say("État que le dossier doit contenir (PV, rapport).")),
        ] = None,
        seal: Annotated[
            list[Path] | None,
            typer.Option(metavar="FICHIER", help=say("Sceau conservé ailleurs, que le dossier doit honorer.")),
        ] = None,
        role: Annotated[
            list[str] | None, typer.Option(metavar="RÔLE", help=say("Rôle dont le sceau est exigé."))
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help=say("Sortie pour un programme."))] = False,
    ) -> None:
        from r2s_audit.evidence.bundle import opened
        from r2s_audit.evidence.statements import ROLES
        from r2s_audit.evidence.trust import load_anchors
        from r2s_audit.evidence.verify import Expectations, verify_record

        for name in role or ():
            if name not in ROLES:
                raise UsageError(
                    msg("rôle inconnu : {role}", role=name),
                    expected=msg("un des rôles : {names}", names=", ".join(ROLES)),
                )
        known = Expectations(
            signers=load_anchors(trust or ()),
            authorities=load_anchors(trust_time or ()),
            heads=tuple(head or ()),
            seals=tuple(_kept(path) for path in seal or ()),
            roles=tuple(role or ()),
        )
        with opened(record) as directory:
            found = verify_record(directory, known)
        print(_as_json(found, session) if as_json else printable(_as_text(found, session)))
        raise typer.Exit(_exit_of(found))


def _kept(path: Path) -> bytes:
    from r2s_audit.evidence.dsse import MAX_ENVELOPE
    from r2s_audit.evidence.regular import read_regular

    try:
        return read_regular(path, MAX_ENVELOPE)
    except OSError as error:
        raise UsageError(msg("illisible : {path} ({error})", path=str(path), error=str(error.strerror))) from error


def _exit_of(found: "Verification") -> Exit:
    from r2s_audit.evidence.verify import State

    codes = {State.SEALED: Exit.ATTEINT, State.ALTERED: Exit.NOT_ATTEINT}
    return codes.get(found.state, Exit.NOT_EVALUATED)


def headline(found: "Verification") -> "Message":
    """The result in one sentence."""
    from r2s_audit.evidence.verify import State

    match found.state:
        case State.SEALED:
            return msg("INTÈGRE, scellé jusqu'à la dernière entrée par un signataire de confiance")
        case State.UNKNOWN_AUTHOR:
            return msg("INTÈGRE, AUTEUR INCONNU : aucune ancre de confiance ne répond du signataire")
        case State.UNSEALED:
            return msg("INTÈGRE DANS SA CHAÎNE, mais aucun sceau de confiance exigé n'en couvre la fin")
        case State.ALTERED:
            return msg("ALTÉRÉ : ce dossier n'est pas, ou n'est plus, ce qui a été enregistré")


def _as_text(found: "Verification", session: Session) -> str:
    lines = [session.translator.say(headline(found)), ""]
    lines += [f"- {session.translator.say(fault)}" for fault in found.faults]
    lines += ["", ""] if found.faults else []
    lines.append(
        session.say(
            "registre : {entries} entrées, passes {passes} ; pièces : {files} ; état {head}",
            entries=found.entries,
            passes=", ".join(found.passes) or "–",
            files=found.files,
            head=found.head,
        )
    )
    for signed in found.plans:
        lines += ["", *_signature(signed, session)]
    for signed in (*found.sources, *found.seals):
        lines += ["", *_signature(signed, session)]
    if found.remarks:
        lines += ["", session.say("À savoir :"), *(f"- {session.translator.say(r)}" for r in found.remarks)]
    return "\n".join(lines)


def _signature(signed: "Signed", session: Session) -> list[str]:
    say = session.say
    if signed.pass_id:
        lines = [say("plan signé avant la passe {name} ({file})", name=signed.pass_id, file=signed.file)]
    else:
        lines = [say("sceau {file}", file=signed.file)]
    if signed.role:
        lines.append(say("  à titre de : {role} ; nom déclaré : {name}", role=signed.role, name=signed.name or "–"))
    if signed.entries:
        lines.append(say("  couvre : les {entries} premières entrées", entries=signed.entries))
    if signed.signer and signed.why_not_trusted is None:
        lines.append(say("  signataire de confiance : {signer}", signer=signed.signer))
    elif signed.signer:
        why = session.translator.say(signed.why_not_trusted or msg("–"))
        lines.append(say("  signataire inconnu : {signer} ({why})", signer=signed.signer, why=why))
    lines += _time(signed, session)
    if signed.faults:
        lines.append(say("  ce sceau ne vaut rien : voir plus haut"))
    return lines


def _time(signed: "Signed", session: Session) -> list[str]:
    if signed.since is not None:
        when = signed.since.isoformat()
        return [
            session.say("  existe depuis : {when} au plus tard, selon {authority}", when=when, authority=signed.time_by)
        ]
    if signed.time_doubt is not None:
        why = session.translator.say(signed.time_doubt)
        return [
            session.say("  date non prouvée : horodatage de {authority} ({why})", authority=signed.time_by, why=why)
        ]
    if signed.claimed is not None:
        when = signed.claimed.isoformat()
        return [session.say("  date non prouvée : sans horodatage ; le signataire déclare {when}", when=when)]
    return [session.say("  date non prouvée : sans horodatage")] if signed.signer else []


def _as_json(found: "Verification", session: Session) -> str:
    translator = session.translator

    def signed(item: "Signed") -> dict[str, object]:
        return {
            "file": item.file,
            "pass": item.pass_id or None,
            "role": item.role or None,
            "name": item.name or None,
            "signer": item.signer,
            "key": item.key,
            "trusted": item.trusted,
            "why_not_trusted": translator.say(item.why_not_trusted) if item.why_not_trusted else None,
            "entries": item.entries,
            "since": item.since.isoformat() if item.since else None,
            "time_authority": item.time_by or None,
            "time_doubt": translator.say(item.time_doubt) if item.time_doubt else None,
            "claimed": item.claimed.isoformat() if item.claimed else None,
            "faults": [translator.say(f) for f in item.faults],
        }

    document = {
        "state": found.state.value,
        "headline": translator.say(headline(found)),
        "faults": [translator.say(f) for f in found.faults],
        "remarks": [translator.say(r) for r in found.remarks],
        "entries": found.entries,
        "files": found.files,
        "head": found.head,
        "passes": list(found.passes),
        "plans": [signed(s) for s in found.plans],
        "sources": [signed(s) for s in found.sources],
        "seals": [signed(s) for s in found.seals],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)
