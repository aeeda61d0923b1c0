"""The command that shows how spots felt, diary; and what writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voiceguide.cli import say
from voiceguide.cli.app import command
from voiceguide.cli.flags import saying
from voiceguide.errors import UsageError, VoiceguideError

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDEST = 40


@command("Examples: voiceguide diary;  voiceguide diary --export csv > diary.csv")
@saying
def diary(
    export: Annotated[
        Literal["csv", "json"] | None,
        typer.Option("--export", help="Print it for other programs.", show_default=False),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Delete it.")] = False,
) -> None:
    """Show how spots felt, as you answered “play --ask”. The diary never leaves this machine."""
    from voiceguide import diary as kept

    if clear and export:
        raise UsageError("--clear and --export: first export, then clear")
    if clear:
        kept.clear()
        say.note("The diary is empty.")
        return
    entries = kept.entries()
    if export:
        typer.echo((kept.as_csv if export == "csv" else kept.as_json)(entries), nl=False)
        return
    if not entries:
        say.note("The diary is empty. “voiceguide play calf --ask” asks how each spot feels.")
    width = min(_WIDEST, max((len(entry.spot) for entry in entries), default=0))
    for entry in entries:
        when = entry.at[:16].replace("T", " ")
        typer.echo(f"{when}  {entry.answer:<6}  {entry.spot:<{width}}  {entry.session}")


def noting(session: str) -> Callable[[str, str], None]:
    """Return what adds the answers of a session to the diary; if it cannot, it warns."""
    from voiceguide import diary as kept

    def note(spot: str, answer: str) -> None:
        try:
            kept.note(session, spot, answer)
        except VoiceguideError as error:
            say.warn([str(error)])

    return note
