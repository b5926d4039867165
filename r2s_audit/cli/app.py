"""The commands joined, and every way to end."""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer
from typer.exceptions import TyperException

from r2s_audit import __version__
from r2s_audit.cli.exits import Exit
from r2s_audit.cli.session import Session, language_of, printable
from r2s_audit.cli.wording import Group, refusal
from r2s_audit.errors import FileProblems, InternalError, R2SError, UsageError
from r2s_audit.i18n import LANGUAGES, Translator
from r2s_audit.model.text import msg

COMMANDS = ("plan", "run", "judge", "score", "declare", "report", "seal", "verify", "merge", "checks", "lab", "demo")
"""Modules of this package, in the order of the help."""
MAX_TRACE = 8000
"""Characters of a trace that are shown: the end says what happened."""


def build(session: Session, argv: Sequence[str] = ()) -> typer.Typer:
    """The application in the session's language; of a command line that names its command, only that one is loaded."""
    say = session.say
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        cls=Group,
        rich_markup_mode=None,
        help=say("Audit du Réseau Smart d'un bâtiment : des preuves pour le label R2S Résidentiel."),
    )

    @app.callback()
    def root(
        context: typer.Context,
        lang: Annotated[str, typer.Option(help=say("Langue : fr ou en."))] = "fr",
        version: Annotated[
            bool, typer.Option("--version", is_eager=True, callback=_show_version, help=say("Version, puis fin."))
        ] = False,
    ) -> None:
        del lang, version  # both were looked at before
        context.obj = session

    named = _command_of(argv)
    for name in (named,) if named in COMMANDS else COMMANDS:
        import_module(f"r2s_audit.cli.{name}").register(app, session)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"r2s-audit {__version__}")
        raise typer.Exit


def _command_of(argv: Sequence[str]) -> str:
    """The first word that is not the language: a command, if the line is right; never the value of an option."""
    words = iter(argv)
    for word in words:
        if word == "--lang":
            next(words, None)
        elif not word.startswith("--lang="):
            return word
    return ""


def run(argv: list[str]) -> int:
    """Run a command line and return its exit code; a user's mistake never shows a traceback."""
    language = language_of(argv)
    session = Session(Translator(language if language in LANGUAGES else LANGUAGES[0]))
    try:
        _check_words(argv, language)
        argv = _language_first(argv)
        command = typer.main.get_command(build(session, argv))
        # Not command.main(): it turns a stop from the keyboard and a reader that left into exit codes of its own.
        with command.make_context("r2s-audit", argv or ["--help"], obj=session) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as end:
        return _flushed(end.exit_code, session)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last door: every way to end has its code
        return _ended_by(error, session)
    return Exit.ATTEINT


def _language_first(argv: list[str]) -> list[str]:
    """The same line with the language where it is declared: it may be asked for after the command as well."""
    end = argv.index("--") if "--" in argv else len(argv)
    for position, word in enumerate(argv[:end]):
        taken = 2 if word == "--lang" else 1
        if word == "--lang" or word.startswith("--lang="):
            return [*argv[position : position + taken], *argv[:position], *argv[position + taken :]]
    return argv


def _flushed(code: int, session: Session) -> int:
    """The exit code, once everything has been handed over; that of a reader that has left where it cannot be."""
    try:
        sys.stdout.flush()
    except OSError as error:
        return _ended_by(error, session)
    return code


def _check_words(argv: list[str], language: str) -> None:
    """Refuse what no option could take.

    Raises:
        UsageError: a language that there is not; an argument with a NUL, or that is not UTF-8, and so no text.
    """
    if language not in LANGUAGES:
        raise UsageError(
            msg("langue inconnue : {language}", language=language),
            expected=msg("une des langues : {names}", names=", ".join(LANGUAGES)),
        )
    for word in argv:
        if "\0" in word or any("\ud800" <= character <= "\udfff" for character in word):
            raise UsageError(
                msg("argument qui n'est pas du texte UTF-8 : {word}", word=word),
                remedy=msg("écrire l'argument, ou renommer le fichier, en UTF-8"),
            )


def _ended_by(error: BaseException, session: Session) -> Exit:
    """Say what ended the command and give its exit code; only our own faults show a trace."""
    code = Exit.USAGE
    match error:
        case TyperException():
            if refused := refusal(error):
                session.complain(UsageError(refused.message, remedy=refused.remedy))
        case typer.Abort() | KeyboardInterrupt():
            session.tell("interrompu")
            code = Exit.NOT_EVALUATED
        case FileProblems():
            session.tell_message(error.message)
            for problem in error.problems:
                session.tell_message(problem.message)
        case R2SError() if not isinstance(error, InternalError):
            session.complain(error)
        case BrokenPipeError():
            # The reader of our output has left: give what is still buffered a place to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = Exit.NOT_EVALUATED
        case _:
            print(printable("".join(traceback.format_exception(error))[-MAX_TRACE:]), file=sys.stderr)
            session.tell("faute du programme ({error}) : ce rapport nous intéresse", error=type(error).__name__)
            code = Exit.INTERNAL
    return code
