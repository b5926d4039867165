"""What typer says of itself, in the reader's language: its help headings and its refusals."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, NamedTuple

from typer._click.exceptions import BadOptionUsage, BadParameter, MissingParameter, NoSuchOption
from typer.core import TyperCommand, TyperGroup

from r2s_audit.cli.session import Session
from r2s_audit.errors import UsageError
from r2s_audit.model.text import Message, msg

if TYPE_CHECKING:
    from typer._click.core import Command as AnyCommand
    from typer._click.core import Context
    from typer.exceptions import TyperException

HEADINGS = {
    "Usage: ": msg("Usage : "),
    "\nArguments:\n": msg("\nArguments :\n"),
    "\nOptions:\n": msg("\nOptions :\n"),
    "\nCommands:\n": msg("\nCommandes :\n"),
    "Show this message and exit.": msg("Cette aide, puis fin."),
    "[default:": msg("[défaut :"),  # no longer than theirs, or lines pass the width
    "[required]": msg("[obligatoire]"),
    " COMMAND [ARGS]...": msg(" COMMANDE [ARGS]..."),
}
"""Words of typer's help, and the same in a language of ours."""


def translated(text: str, session: object) -> str:
    """A help text of typer with its headings in the session's language."""
    if isinstance(session, Session):
        for theirs, ours in HEADINGS.items():
            text = text.replace(theirs, session.translator.say(ours))
    return text


class Command(TyperCommand):
    """A command whose help is in one language only."""

    def get_help(self, ctx: Context) -> str:
        """The help text."""
        return translated(super().get_help(ctx), ctx.find_root().obj)


class Group(TyperGroup):
    """A group whose help is in one language only, and which names the near miss of an unknown command."""

    def get_help(self, ctx: Context) -> str:
        """The help text."""
        return translated(super().get_help(ctx), ctx.find_root().obj)

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, AnyCommand | None, list[str]]:
        """The command that is meant.

        Raises:
            UsageError: there is none of this name.
        """
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            near = get_close_matches(name, self.commands, 1)
            raise UsageError(
                msg("commande inconnue : {name}", name=name),
                expected=msg("une des commandes : {names}", names=", ".join(self.commands)),
                remedy=msg("vouliez-vous dire {name} ?", name=near[0]) if near else None,
            )
        return super().resolve_command(ctx, args)


class Refusal(NamedTuple):
    """What typer refused, and what to do."""

    message: Message
    remedy: Message


def refusal(error: TyperException) -> Refusal | None:
    """A refusal of typer in words of ours; None where the help was shown instead."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "r2s-audit"
    remedy = msg("« {command} --help » donne les options", command=command)
    match error:
        case NoSuchOption():
            if near := get_close_matches(error.option_name, error.possibilities or (), 1):
                remedy = msg("vouliez-vous dire {name} ?", name=near[0])
            message = msg("option inconnue : {name}", name=error.option_name)
        case BadOptionUsage() if "does not take a value" in error.message:
            message = msg("l'option {name} n'attend pas de valeur", name=error.option_name)
        case BadOptionUsage():
            message = msg("l'option {name} attend une valeur", name=error.option_name)
        case MissingParameter():
            message = msg("il manque {name}", name=_name_of(error))
        case BadParameter():
            message = msg("valeur refusée pour {name} : {error}", name=_name_of(error), error=error.message)
        case _ if error.message.startswith("Got unexpected extra argument"):
            extra = error.message.partition("(")[2].partition("(")[2].removesuffix(")")
            message = msg("argument en trop : {words}", words=extra)
        case _ if error.message == "Missing command.":
            message = msg("il manque une commande")
        case _:
            text = error.format_message()
            if not text:
                return None
            message = msg("ligne de commande refusée : {error}", error=text)
    return Refusal(message, remedy)


def _name_of(error: BadParameter) -> str:
    parameter = error.param
    return parameter.get_error_hint().strip("'") if parameter is not None else str(error.param_hint or "")
