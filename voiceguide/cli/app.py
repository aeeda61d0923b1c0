"""The command line as a whole: its name and version, and how commands are added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from voiceguide import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

_HELP = {"help_option_names": ["-h", "--help"]}

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
    return app.command(epilog=example, context_settings=_HELP)


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
