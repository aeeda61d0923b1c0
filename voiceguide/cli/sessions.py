"""The commands that make sessions: script, render, play, playlist."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voiceguide.cli import say
from voiceguide.cli.app import command
from voiceguide.cli.diary import noting
from voiceguide.cli.flags import suiting, with_options
from voiceguide.cli.targets import (
    TARGETS,
    Target,
    Targets,
    complete,
    destination,
    files_of,
    is_audio,
    may_replace,
    place,
)
from voiceguide.clock import milliseconds
from voiceguide.errors import UsageError, VoiceguideError
from voiceguide.options import Options  # noqa: TC001 (commands are read at run time)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voiceguide import Session
    from voiceguide.player.places import Places

_DELAY = "Time to get into position; a soft tone ends it."
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

    session = _session(target, options)
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
    start_delay: Annotated[str, typer.Option(help=_DELAY, metavar="TIME")] = "0s",
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
    delay_ms = _delay_ms(start_delay)
    targets = ["+".join(targets)] if as_one else targets
    sessions = [_session(target, options) for target in targets]
    paths = [destination(one, output, several=len(sessions) > 1) for one in sessions]
    for session, path in zip(sessions, paths, strict=True):
        if paths.count(path) > 1:
            what = f"two sessions would both be written to {path}; render them one at a time"
            raise VoiceguideError(what)
        session.prepare()
        say.warn(session.warnings)
        may_replace(path, force=force)
    for session, path in zip(sessions, paths, strict=True):
        with say.progress(session.title) as progress:
            tags = replace(session.tags, id3=id3)
            session.export(path, progress, tags=tags, tones=not no_tones, start_delay_ms=delay_ms)
        say.warn(session.cut_off)
        typer.echo(path)
    say.advise(options)


@command("Example: voiceguide play neck --start-delay 20s")
@with_options
def play(  # noqa: PLR0913 (each is an option)
    context: typer.Context,
    targets: Annotated[
        list[str],
        typer.Argument(
            help=f"{TARGETS} Also rendered files and playlists (x.m3u8).",
            autocompletion=complete,
        ),
    ],
    options: Options,
    start_delay: Annotated[str, typer.Option(help=_DELAY, metavar="TIME")] = "0s",
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Where to begin: 4:30, 90s, or the title of a chapter.",
            metavar="TIME|CHAPTER",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue where you stopped the last time.")
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(
            "--device",
            "--player",
            help="The audio backend.  [default: miniaudio; with --listen, miniaudio-prompt]",
            metavar="NAME",
        ),
    ] = None,
    listen: Annotated[
        bool,
        typer.Option("--listen", help="Obey what you say: pause, go on, next, stop and more."),
    ] = False,
    breath: Annotated[
        Literal["paced", "follow"],
        typer.Option(
            "--breath", help="With --listen, “follow”: the tones of the breath near your own pace."
        ),
    ] = "paced",
) -> None:
    """Play sessions through the loudspeaker; they are spoken while they play.

    Keys: space pauses and resumes; the arrows skip 10 s back and forward; n and p go to the next
    and the previous chapter, and n ends an open hold; r repeats the exercise; + makes a hold 15 s
    longer; 1, 2 and 3 answer better, the same and worse; m mutes or unmutes the tones; q ends.
    """
    from voiceguide.player.places import Places
    from voiceguide.player.play import play_file

    if resume and begin is not None:
        raise UsageError("--resume and --from both say where to begin; leave one out")
    if breath == "follow" and not listen:
        raise UsageError("--breath follow needs --listen: it hears how you breathe")
    delay_ms = _delay_ms(start_delay)
    places = Places()
    played = [
        (target, None if is_audio(target) else _session(target, options))
        for target in files_of(targets)
    ]
    keys = [repr(session) if session else os.path.abspath(target) for target, session in played]  # noqa: PTH100 (of any name)
    first = places.latest(keys) if resume else 0
    for (target, session), key in list(zip(played, keys, strict=True))[first:]:
        if session is None:
            _only_for_playing(context, target)
            play_it: Callable[..., None] = functools.partial(play_file, target)
        else:
            play_it = functools.partial(_prepared(session), listen=listen, breath=breath)
        stopped: list[int] = []
        with _interrupted(), _remembered(places, key, stopped):
            play_it(
                begin=places.of(key) if resume else place(begin),
                start_delay_ms=delay_ms,
                device=device or ("miniaudio-prompt" if listen else "miniaudio"),
                quiet=say.is_quiet(),
                stopped=stopped.append,
            )
        if session is not None:
            say.warn(session.cut_off)
        if stopped:
            return
        begin, delay_ms, resume = None, 0, False


@command("Examples: voiceguide playlist neck;  voiceguide playlist all --to /media/card")
@with_options(
    names={"minutes": ("--minutes", "--length-total")},
    helps={
        "minutes": "The exact length of all tracks together: 30, 37.5 or 37:30.",
        "area": "Only this area of the region.",
        "prepare": "First roll out the areas that the foam roller suits.",
    },
    without=("variables",),
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
    from urllib.parse import quote

    from voiceguide import Playlist
    from voiceguide.playlist import copy

    if to is not None:
        copy([], to)  # raises if the folder is missing
    wanted = _regions(targets, options)
    folders: list[Path] = []
    for target in wanted:
        try:
            one = Playlist(target, **suiting(target, options))
            folder = output / one.name
            for session in one.sessions:
                say.warn(session.warnings)
            address = None if url is None else f"{url.rstrip('/')}/{quote(one.name)}"
            with say.progress(one.title) as progress:
                path = one.export(
                    folder, progress, url=address, id3=id3, waiting=lambda: say.note(say.WAITING)
                )
            say.warn(line for session in one.sessions for line in session.cut_off)
        except VoiceguideError as error:
            where = "" if len(wanted) == 1 else f"{target}: "
            typer.echo(f"voiceguide: {where}{error.with_flags()}", err=True)
        else:
            typer.echo(path)
            folders.append(folder)
    if to is not None:
        for copied in copy(folders, to):
            typer.echo(copied)
    if folders and url is None and to is None:
        say.note("For a podcast feed, say where the folder will be on the web: --url https://…")
    if len(folders) < len(wanted):
        raise typer.Exit(1)
    say.advise(options)


def _prepared(session: Session) -> Callable[..., None]:
    """Prepare a session for playing, with its warnings; return what plays it."""
    options = session.request.options
    if options.minutes or options.holds == "open" or options.ask:
        say.note("It needs all speech first, to plan its length; this takes a moment.")
    session.prepare()
    say.warn(session.warnings)
    return functools.partial(session.play, answered=noting(session.title))


def _session(target: str, options: Options) -> Session:
    from voiceguide import Session

    return Session(target, **suiting(target, options))


def _regions(targets: list[str], options: Options) -> list[str]:
    """Return each target once; every region for “all”."""
    if "all" not in targets:
        return list(dict.fromkeys(targets))
    from voiceguide import library

    return list(library.load(options.language, options.library_path).region_files)


def _delay_ms(written: str) -> int:
    try:
        return milliseconds(written, bare="s")
    except ValueError as error:
        raise UsageError(f"--start-delay {written}: {error}") from error


def _only_for_playing(context: typer.Context, target: str) -> None:
    """Refuse session options for a finished file."""
    own = ("targets", "start_delay", "begin", "resume", "device", "quiet", "verbose")
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        given = source is not None and source.name == "COMMANDLINE"
        if given and option.name not in own:
            what = f"{option.opts[0]} only applies to sessions that are made as they play"
            raise VoiceguideError(f"{what}; {target} is a finished file")


@contextlib.contextmanager
def _remembered(places: Places, key: str, stopped: list[int]) -> Iterator[None]:
    """Remember where playback was stopped, and print how to continue; an error changes nothing."""
    try:
        yield
    finally:
        if stopped:
            places.note(key, stopped[0])
            say.note(places.said(stopped[0], sys.argv[1:]))
    if not stopped:
        places.note(key, None)


@contextlib.contextmanager
def _interrupted() -> Iterator[None]:
    """Exit with the status of SIGINT, without a message."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(128 + signal.SIGINT) from None
