"""The command play."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voiceguide import clock
from voiceguide.cli import say
from voiceguide.cli.app import command
from voiceguide.cli.diary import noting
from voiceguide.cli.flags import is_set, with_options
from voiceguide.cli.targets import (
    TARGETS,
    StartDelay,
    complete,
    delay_ms,
    files_of,
    is_audio,
    place,
    session_of,
)
from voiceguide.errors import UsageError, VoiceguideError
from voiceguide.options import Options  # noqa: TC001 (commands are read at run time)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from voiceguide import Session
    from voiceguide.player.places import Places


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
    start_delay: StartDelay = "0s",
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

    The choice of words changes from day to day, unless --seed is given.
    Keys: space pauses and resumes; the arrows skip 10 s back and forward; n and p go to the next
    and the previous chapter, and n ends an open hold; r repeats the exercise; + makes a hold 15 s
    longer; 1, 2 and 3 answer better, the same and worse; m mutes or unmutes the tones; q ends.
    """
    from voiceguide.player.places import Places
    from voiceguide.player.play import check_breath, play_file

    if resume and begin is not None:
        raise UsageError("--resume and --from both say where to begin; leave one out")
    check_breath(breath, listen=listen)
    lead_ms = delay_ms(start_delay)
    places = Places()
    played = [
        (target, None if is_audio(target) else session_of(target, options))
        for target in files_of(targets)
    ]
    keys = [_key(target, session) for target, session in played]
    first = places.latest(keys) if resume else 0
    for (target, asked), key in list(zip(played, keys, strict=True))[first:]:
        session = asked and _in_words(asked, target, options, places.seed(key) if resume else None)
        if session is None:
            _only_for_playing(context, target)
            play_it: Callable[..., None] = functools.partial(play_file, target)
        else:
            play_it = functools.partial(_prepared(session), listen=listen, breath=breath)
        stopped: list[int] = []
        seed = session.request.options.seed if session else 0
        with _interrupted(), _remembered(places, key, stopped, seed):
            play_it(
                begin=places.of(key) if resume else place(begin),
                start_delay_ms=lead_ms,
                device=device or ("miniaudio-prompt" if listen else "miniaudio"),
                quiet=say.is_quiet(),
                stopped=stopped.append,
            )
        if session is not None:
            say.warn(session.cut_off)
        if stopped:
            return
        begin, lead_ms, resume = None, 0, False


def _key(target: str, session: Session | None) -> str:
    """Return what the place is remembered by at which something was stopped."""
    return repr(session) if session else os.path.abspath(target)  # noqa: PTH100 (of any name)


def _in_words(asked: Session, target: str, options: Options, seed: int | None) -> Session:
    """Return a session in the words of a seed, or else in those of the day; --seed overrides."""
    if is_set("seed"):
        return asked
    seed = clock.date_number() if seed is None else seed
    return session_of(target, replace(options, seed=seed))


def _prepared(session: Session) -> Callable[..., None]:
    """Prepare a session for playing, with its warnings; return what plays it."""
    options = session.request.options
    if options.minutes or options.holds == "open" or options.ask:
        say.note("It needs all speech first, to plan its length; this takes a moment.")
    session.prepare()
    say.warn(session.warnings)
    return functools.partial(session.play, answered=noting(session.title))


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
def _remembered(places: Places, key: str, stopped: list[int], seed: int) -> Iterator[None]:
    """Remember where playback was stopped, and print how to continue; an error changes nothing."""
    try:
        yield
    finally:
        if stopped:
            places.note(key, stopped[0], seed)
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
