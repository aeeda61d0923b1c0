"""The commands that make sessions: script, render, playlist."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voiceguide.cli import say
from voiceguide.cli.app import command
from voiceguide.cli.flags import is_given, suiting, with_options
from voiceguide.cli.targets import (
    StartDelay,
    Target,
    Targets,
    complete,
    delay_ms,
    destination,
    may_replace,
    of_each,
    of_those_that_can,
    session_of,
)
from voiceguide.errors import VoiceguideError
from voiceguide.options import Options, chosen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from voiceguide import Playlist, Session

Id3 = Annotated[
    Literal["2.4", "2.3"],
    typer.Option("--id3", help="The version of the tags in MP3 and WAV; old players need 2.3."),
]
Force = Annotated[
    bool, typer.Option("-f", "--force", help="Overwrite files that another program made.")
]


@command("Example: voiceguide script calf --side left --format vtt")
@with_options
def script(
    target: Target,
    options: Options,
    form: Annotated[
        str,
        typer.Option("--format", help="The format: text, ssml, json, vtt, srt, lrc, svg or html."),
    ] = "text",
    check: Annotated[
        bool, typer.Option("--check", help="Only check the script and its times.")
    ] = False,
) -> None:
    """Print what a session says: as text, SSML, JSON, captions or a picture."""
    from voiceguide import export

    session = session_of(target, options)
    if form == "ssml" and not check:
        typer.echo(session.script)
        session.prepare()
        say.warn(session.warnings)
        return
    if check:
        session.check()
    else:
        export.CAPTIONS.load(form)  # before any work is done
    session.prepare()
    say.warn(session.warnings)
    if check:
        typer.echo(f"{session.title}: {export.summary(session.timeline)}; no mistakes")
    else:
        text = export.captions(
            session.timeline, form, title=session.title, language=session.language
        )
        typer.echo(text, nl=False)
        say.warn(session.cut_off)


@command("Examples: voiceguide render calf neck -o ~/Music;  voiceguide render neck jaw --as-one")
@with_options
def render(  # noqa: PLR0913 (each is an option)
    targets: Targets,
    options: Options,
    as_one: Annotated[
        bool, typer.Option("--as-one", help="Make one session of all targets.")
    ] = False,
    no_tones: Annotated[
        bool, typer.Option("--no-tones", help="Leave out the tones; everything else stays.")
    ] = False,
    start_delay: StartDelay = "0s",
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            help="A file (.mp3, .wav, .flac, .ogg, .opus, .m4b) or a folder.  [default: output/]",
            metavar="FILE|FOLDER",
        ),
    ] = None,
    id3: Id3 = "2.4",
    force: Force = False,
) -> None:
    """Render sessions to audio files and print their paths."""
    if targets.count("-") > 1:
        raise VoiceguideError("standard input can only be read once")
    lead_ms = delay_ms(start_delay)
    targets = [_joined(targets)] if as_one else targets
    path_of = destination(output, several=len(targets) > 1)  # before any work is done
    sessions = of_each(targets, lambda target: _prepared(target, options))
    paths = [path_of(one) for one in sessions]
    for session, path in zip(sessions, paths, strict=True):
        if paths.count(path) > 1:
            what = f"two sessions would both be written to {path}; render them one at a time"
            raise VoiceguideError(what)
        say.warn(session.warnings)
        may_replace(path, force=force)
    for session, path in zip(sessions, paths, strict=True):
        with say.progress(session.title) as progress:
            tags = replace(session.tags, id3=id3)
            session.export(path, progress, tags=tags, tones=not no_tones, start_delay_ms=lead_ms)
        say.warn(session.cut_off)
        typer.echo(path)
    say.advise(options)


def _joined(targets: list[str]) -> str:
    """Return several targets as one; raises VoiceguideError for a script among them."""
    from voiceguide.script import is_own

    for one in targets:
        if is_own(one):
            raise VoiceguideError(
                f"--as-one joins regions, areas and complaints only; {one} is a script"
            )
    return "+".join(targets)


def _prepared(target: str, options: Options) -> Session:
    session = session_of(target, options)
    session.prepare()
    return session


@command("Examples: voiceguide playlist neck;  voiceguide playlist all --to /media/card")
@with_options(
    names={"minutes": ("--minutes", "--length-total")},
    helps={
        "minutes": "The exact length of all tracks together: 30, 37.5 or 37:30.",
        "area": "Only this area of the region.",
        "prepare": "First roll out the areas that the foam roller suits.",
    },
)
def playlist(  # noqa: PLR0913 (each is an option)
    targets: Annotated[
        list[str],
        typer.Argument(help="Regions, complaints or kinds, or “all”.", autocompletion=complete),
    ],
    options: Options,
    url: Annotated[
        str | None,
        typer.Option(
            help="The web address of the output folder, for the links in the podcast feed; "
            "without it, there is no feed."
        ),
    ] = None,
    id3: Id3 = "2.4",
    to: Annotated[
        Path | None,
        typer.Option(help="Also copy them to a mounted phone or card.", metavar="FOLDER"),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Where each playlist gets its own folder.", metavar="FOLDER"
        ),
    ] = Path("output"),
) -> None:
    """Make playlists: for a region, a track to prepare, one for each area, one to close.

    Each gets a folder of its own, named after its options, with a cover, transcripts, M3U8, XSPF
    and, with --url, a podcast feed. When run again, only what has changed is made.
    """
    from voiceguide.playlist import copy
    from voiceguide.playlist.podcast import check_address

    if to is not None:
        copy([], to)  # raises if the folder is missing
    if url is not None:
        check_address(url)
    wanted = _regions(targets, options)
    is_one = len(wanted) == 1
    lists = of_those_that_can(wanted, lambda target: _playlist(target, options), is_one=is_one)
    if to is not None:
        _refuse_same_names(lists.values(), to)
    made = of_those_that_can(
        list(lists),
        lambda target: _exported(lists.pop(target), output, url, id3),  # none stays in memory
        is_one=is_one,
    )
    folders = [path.parent for path in made.values()]
    if to is not None:
        for copied in copy(folders, to):
            typer.echo(copied)
    if folders and url is None and to is None:
        say.note("For a podcast feed, say where the folder will be on the web: --url https://…")
    if len(folders) < len(wanted):
        raise typer.Exit(1)
    say.advise(options)


def _playlist(target: str, options: Options) -> Playlist:
    """Return the playlist of a target, without settings of which each track has its own."""
    from voiceguide import Playlist, script

    values = suiting(target, options)
    about = script.about(script.Request(target, chosen(values)))
    for name in about.fixed.intersection(values):
        if not is_given(name):
            del values[name]
    if "bed" not in values and not is_given("bed_level"):
        values.pop("bed_level", None)
    if "variables" in values and not is_given("variables"):
        variables = values["variables"].items()
        values["variables"] = {name: one for name, one in variables if name not in about.fixed}
    return Playlist(target, **values)


def _refuse_same_names(lists: Iterable[Playlist], to: Path) -> None:
    """Raise VoiceguideError if two playlists would be one folder on a card, before either is made.

    Cards do not tell capitals from small letters.
    """
    named: dict[str, Playlist] = {}
    for one in lists:
        other = named.setdefault(one.name.casefold(), one)
        if other is not one:
            what = f"{other.target} and {one.target} would both be copied to {to / other.name}"
            raise VoiceguideError(f"{what}; leave one out")


def _exported(one: Playlist, output: Path, url: str | None, id3: Literal["2.4", "2.3"]) -> Path:
    """Write a playlist into a folder of its name; print and return the path of its M3U8."""
    from urllib.parse import quote

    for session in one.sessions:
        say.warn(session.warnings)
    address = None if url is None else f"{url.rstrip('/')}/{quote(one.name)}"
    with say.progress(one.title) as progress:
        path = one.export(
            output / one.name,
            progress,
            url=address,
            id3=id3,
            waiting=lambda: say.note(say.WAITING),
        )
    say.warn(line for session in one.sessions for line in session.cut_off)
    typer.echo(path)
    return path


def _regions(targets: list[str], options: Options) -> list[str]:
    """Return each target once; every region for “all”."""
    if "all" not in targets:
        return list(dict.fromkeys(targets))
    from voiceguide import library

    return list(library.load(options.language, options.library_path).region_files)
