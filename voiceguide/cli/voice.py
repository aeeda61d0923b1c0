"""The commands for recording your own voice: phrases, record."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (commands are read at run time)
from typing import TYPE_CHECKING, Annotated

import typer

from voiceguide.cli import say
from voiceguide.cli.app import command
from voiceguide.cli.flags import saying, suiting, with_options
from voiceguide.cli.targets import Targets  # noqa: TC001 (commands are read at run time)
from voiceguide.errors import UsageError
from voiceguide.options import Options  # noqa: TC001 (commands are read at run time)

if TYPE_CHECKING:
    from voiceguide import Session


@command("Example: voiceguide phrases calf neck -o my-voice")
@with_options(without=("bed", "bed_level", "mono"))
def phrases(  # noqa: PLR0913 (each is an option)
    targets: Targets,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="The folder for the recordings.",
            metavar="FOLDER",
            show_default=False,
        ),
    ],
    options: Options,
    seeds: Annotated[
        int,
        typer.Option(help="How many seeds to list, from --seed on: other choices of words.", min=1),
    ] = 1,
    playlist: Annotated[
        bool, typer.Option("--playlist", help="Also list what the playlists of the targets say.")
    ] = False,
    length_total: Annotated[
        str | None,
        typer.Option(help="The exact length of these playlists.", metavar="M|MM:SS"),
    ] = None,
) -> None:
    """List every phrase that sessions need, to record them in your own voice.

    FOLDER gets phrases.csv and phrases.html, a sheet to read from. If the list exists, new phrases
    are added to it. “voiceguide record FOLDER” records them, and --voice FOLDER uses the
    recordings.
    """
    from voiceguide import Playlist, Session
    from voiceguide.recording import phrases

    if length_total and not playlist:
        raise UsageError("--length-total needs --playlist: it is the length of the playlists")
    sessions: list[Session] = []
    for target in targets:
        for seed in range(options.seed, options.seed + seeds):
            given = {**suiting(target, options), "seed": seed}
            sessions.append(Session(target, **given))
            if playlist:
                sessions += Playlist(target, **{**given, "minutes": length_total}).sessions
    needed = phrases.phrases_in(sessions)
    listed = phrases.write(needed, output)
    new = len(needed)
    more = f", {len(listed)} with those that were listed before" if len(listed) > new else ""
    say.note(f"{new} phrases{more}")
    typer.echo(output / phrases.SHEET)


@command("Example: voiceguide record my-voice")
@saying
def record(
    folder: Annotated[
        Path, typer.Argument(help="A folder that “voiceguide phrases” made.", metavar="FOLDER")
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Phrases to record, by name or number.  [default: those not recorded yet]",
            metavar="[PHRASE]...",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Record phrases with the microphone, one by one.

    Enter starts and stops each recording. It is checked, and you can play it or record it again.
    Recordings are saved at once: quit any time, and continue later.
    """
    from voiceguide.recording import recorder

    recorder.run(folder, names or ())
