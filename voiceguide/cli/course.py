"""The command that plans sessions over weeks: plan."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from voiceguide.cli import say
from voiceguide.cli.app import command
from voiceguide.cli.flags import suiting, with_options
from voiceguide.cli.targets import complete
from voiceguide.errors import UsageError
from voiceguide.options import Options, chosen

_MONDAY = 7  # days after a Monday is the next


@command("Example: voiceguide plan neck --weeks 4 -o ~/Music/neck")
@with_options(
    helps={
        "minutes": "The exact length of each session: 12, 12.5 or 12:30.",
        "level": "The same level in all weeks. Without it, it rises from week to week.",
    },
)
def plan(
    target: Annotated[
        str, typer.Argument(help="A region, complaint or kind.", autocompletion=complete)
    ],
    options: Options,
    weeks: Annotated[int, typer.Option(help="How many weeks, from 1 to 12.")] = 4,
    start: Annotated[
        str | None,
        typer.Option(
            help="The day of the first session.  [default: next Monday]", metavar="YYYY-MM-DD"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The folder of the plan.", metavar="FOLDER"),
    ] = None,
) -> None:
    """Plan two to three sessions a week: a playlist a week, a calendar, and a page to print.

    Sessions begin gently; holds and pressure grow from week to week. When run again, only what has
    changed is made.
    """
    from voiceguide.playlist.course import Course

    one = Course(target, chosen(suiting(target, options)), weeks, _day(start))
    for appointment in one.appointments[:1]:
        say.warn(appointment.session.warnings)
    with say.progress(one.title) as progress:
        made = one.export(
            output or Path("output") / one.name, progress, lambda: say.note(say.WAITING)
        )
    for path in made:
        typer.echo(path)
    say.advise(options)


def _day(written: str | None) -> dt.date:
    if written is None:
        today = dt.datetime.now().astimezone().date()
        return today + dt.timedelta(days=_MONDAY - today.weekday())
    try:
        return dt.date.fromisoformat(written)
    except ValueError as error:
        raise UsageError(f"--start {written}: must be a day, such as 2026-12-07") from error
