"""``seal``: sign what a record holds, and put it into one file."""

from pathlib import Path
from typing import Annotated

import typer

from r2s_audit.cli.session import Session
from r2s_audit.cli.wording import Command
from r2s_audit.errors import UsageError
from r2s_audit.model.text import msg


def register(app: typer.Typer, session: Session) -> None:
    """Add the command."""
    say = session.say

    @app.command(
        cls=Command,
        help=say(
            "Sceller un dossier de preuves : signer son état final, au besoin l'horodater et le mettre en un fichier."
        ),
    )
    def seal(
        record: Annotated[Path, typer.Argument(metavar="DOSSIER", help=say("Dossier de preuves."))],
        key: Annotated[
            str, typer.Option(metavar="CLÉ", help=say("Clé privée : un fichier, ou agent:NOM pour l'agent SSH."))
        ] = "",
        cert: Annotated[
            Path | None, typer.Option(metavar="FICHIER", help=say("Certificats PEM, celui de la clé en tête."))
        ] = None,
        passphrase: Annotated[
            str, typer.Option(metavar="OÙ", help=say("Phrase de passe de la clé : env:NOM ou file:CHEMIN."))
        ] = "",
        tsa: Annotated[str, typer.Option(metavar="URL", help=say("Autorité d'horodatage (RFC 3161)."))] = "",
        role: Annotated[
            str, typer.Option(metavar="RÔLE", help=say("À quel titre : integrateur, auditeur, exploitant…"))
        ] = "",
        name: Annotated[str, typer.Option(help=say("Nom du signataire, tel que le sceau le dit."))] = "",
        bundle: Annotated[
            Path | None,
            typer.Option(
                metavar="FICHIER.TAR", help=say("Mettre le dossier en un fichier ; sans --key, sans sceller.")
            ),
        ] = None,
    ) -> None:
        if not key and bundle is None:
            raise UsageError(
                msg("il manque --key ou --bundle"),
                expected=msg("une clé pour sceller, un fichier où mettre le dossier, ou les deux"),
            )
        if key:
            _seal(session, record, (key, cert, tsa, passphrase), (role, name))
        if bundle is not None:
            from r2s_audit.evidence.bundle import write_bundle

            count = write_bundle(record, bundle)
            session.tell("archive : {path} ({count} fichiers)", path=str(bundle), count=count)


def _seal(session: Session, record: Path, signing: tuple[str, Path | None, str, str], who: tuple[str, str]) -> None:
    from r2s_audit.cli.signing import notary_of
    from r2s_audit.evidence.record import Record
    from r2s_audit.evidence.seal import Sealer, seal_record
    from r2s_audit.evidence.statements import ROLES

    role = next((known for known in ROLES if known == who[0]), None)
    if role is None:
        raise UsageError(
            msg("rôle inconnu : {role}", role=who[0]) if who[0] else msg("il manque --role"),
            expected=msg("un des rôles : {names}", names=", ".join(ROLES)),
        )
    path = seal_record(record, Sealer(notary_of(*signing), role, who[1]))
    reading = Record.open(record).reading
    session.tell("sceau : {path}", path=str(path))
    session.tell("{entries} entrées, état {head}", entries=len(reading.entries), head=reading.head)
    session.tell("noter cet état ailleurs (PV, courriel) : lui seul dévoile un retour à un dossier plus ancien")
