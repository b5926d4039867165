"""``judge``: the verdicts again, from a record alone."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from r2s_audit.cli.exits import exit_of
from r2s_audit.cli.run import show, write
from r2s_audit.cli.session import Session
from r2s_audit.cli.wording import Command
from r2s_audit.errors import UsageError
from r2s_audit.model.text import msg

if TYPE_CHECKING:
    from r2s_audit.evidence.record import Record
    from r2s_audit.files.profile import LoadedProfile


def register(app: typer.Typer, session: Session) -> None:
    """Add the command."""
    say = session.say

    @app.command(
        cls=Command,
        help=say("Rejuger un dossier de preuves, sans réseau, au besoin avec un autre profil ou à une autre date."),
    )
    def judge(
        record: Annotated[Path, typer.Argument(metavar="DOSSIER", help=say("Dossier de preuves."))],
        profile: Annotated[
            str | None, typer.Option(help=say("Profil (nom ou fichier) ; par défaut celui du dossier."))
        ] = None,
        as_of: Annotated[
            str | None, typer.Option(metavar="DATE", help=say("Date du jugement (AAAA-MM-JJ) ; par défaut maintenant."))
        ] = None,
        output: Annotated[Path | None, typer.Option(help=say("Écrire aussi le document JSON ici."))] = None,
        as_json: Annotated[bool, typer.Option("--json", help=say("Sortie pour un programme."))] = False,
    ) -> None:
        from r2s_audit.cli.loading import catalogue
        from r2s_audit.engine.audit import Question, judge_record, parse_as_of
        from r2s_audit.evidence.record import Record
        from r2s_audit.files.site import parse_site
        from reports.document import to_json

        try:
            moment = parse_as_of(as_of)
        except ValueError as error:
            raise UsageError(
                msg("--as-of {date} : pas une date", date=str(as_of)),
                remedy=msg("écrire AAAA-MM-JJ, ou AAAA-MM-JJTHH:MM:SS+00:00"),
            ) from error
        opened = Record.open(record)
        site = parse_site(opened.site_bytes, f"{record}/site.yaml", say=session.translator.say)
        chosen = _profile(opened, profile, session)
        reader = session.reading(chosen.profile)
        question = Question(site, chosen.profile, chosen.digest, moment)
        audit = judge_record(opened, question, catalogue(), reader.translator)
        if output is not None:
            write(output, to_json(audit, reader.translator))
        show(audit, reader, as_json=as_json)
        planned = {c.requirement for c in audit.cells.cells}
        raise typer.Exit(exit_of(audit, [r.id for r in chosen.profile.requirements if r.rule and r.id in planned]))


def _profile(record: "Record", wanted: str | None, session: Session) -> "LoadedProfile":
    from r2s_audit.cli.loading import catalogue, parameter_models
    from r2s_audit.files.profile import load_profile, parse_profile

    models = parameter_models(catalogue())
    say = session.translator.say
    if wanted is not None:
        return load_profile(wanted, models, say=say)
    return parse_profile(record.profile_bytes, f"{record.directory}/profil.yaml", models, say=say)
