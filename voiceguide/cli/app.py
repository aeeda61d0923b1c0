"""The command line as a whole: its name and version, and how commands are added."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from voiceguide import __version__
from voiceguide.errors import UsageError, reason

if TYPE_CHECKING:
    from collections.abc import Callable

_HELP = {"help_option_names": ["-h", "--help"]}

_NO_CHOICE = re.compile(r"'(?P<value>.*)' is not one of (?P<choices>'.*')\.?", re.DOTALL)
_NO_NUMBER = re.compile(r"'(?P<value>.*)' is not a valid int(eger)?( range)?\.?", re.DOTALL)

app = typer.Typer(
    name="voiceguide",
    help="Voice-guided audio sessions for trigger point self-massage, made offline.",
    epilog="Example: voiceguide render calf",
    context_settings=_HELP,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def command(example: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a command, with an example at the end of its help."""
    return app.command(epilog=example, context_settings=_HELP, cls=_Command)


class _Command(TyperCommand):
    """A command that says in plain English which value of an option is wrong."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Return the arguments that are left, as typer does; raises UsageError."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            if (plain := _in_plain_english(error)) is None:
                raise
            raise UsageError(plain) from error


def _in_plain_english(error: typer.BadParameter) -> str | None:
    """Return what is wrong with an option, as the model says it; None if that is not known.

    Some versions of typer read values by pydantic, and others by click.
    """
    if error.param is None or not error.param.opts:
        return None
    flag, what = error.param.opts[0], error.message
    mistakes = getattr(error.__cause__, "errors", None)
    if mistakes:
        first = mistakes()[0]
        what = reason(first)
        if first["type"] != "value_error":
            return f"{flag} {first['input']}: {what}"
    if found := _NO_CHOICE.fullmatch(what):
        *others, last = re.findall("'([^']*)'", found["choices"])
        there_are = f"{', '.join(others)} or {last}" if others else last
        return f"{flag} {found['value']}: must be {there_are}"
    if found := _NO_NUMBER.fullmatch(what):
        return f"{flag} {found['value']}: must be a whole number"
    return None


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"voiceguide {__version__}")
        raise typer.Exit


@app.callback()
def whole(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    """Voice-guided audio sessions for trigger point self-massage, made offline."""
