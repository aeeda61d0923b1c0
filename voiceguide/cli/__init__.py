"""The commands: one function each. The work is done by the stages; here it is asked for."""

from __future__ import annotations

import contextlib
import gc
import io
import os
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from voiceguide.errors import VoiceguideError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from voiceguide.session import Session

_GARBAGE = 50_000
"""Starting makes many objects that stay: to look through them every 700 takes a tenth of it."""

app = typer.Typer(
    name="voiceguide",
    help="Voice-guided audio sessions for trigger point self-massage, made offline.",
    epilog="Example: voiceguide render calf",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Side(StrEnum):
    """Sides of the body."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


class Level(StrEnum):
    """How long a hold lasts, and how hard it presses."""

    GENTLE = "gentle"
    STANDARD = "standard"
    DEEP = "deep"


class Guidance(StrEnum):
    """How much is said."""

    FULL = "full"
    BRIEF = "brief"
    TONES = "tones"


class Player(StrEnum):
    """What plays a session."""

    MINIAUDIO = "miniaudio"
    SIMPLEAUDIO = "simpleaudio"


class ListFormat(StrEnum):
    """What a list can be shown as."""

    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"


class Format(StrEnum):
    """What a script can be shown as."""

    TEXT = "text"
    SSML = "ssml"
    JSON = "json"
    VTT = "vtt"
    LRC = "lrc"


Target = Annotated[
    str,
    typer.Argument(
        help="A region, a complaint, a script (my.ssml), a template (my.ssml.jinja), "
        "or - for one on standard input."
    ),
]
Targets = Annotated[
    list[str],
    typer.Argument(
        help="Regions, complaints, scripts (my.ssml), templates (my.ssml.jinja), "
        "or - for one on standard input."
    ),
]
Regions = Annotated[list[str], typer.Argument(help="Regions or complaints, or “all”.")]
Method = Annotated[
    str | None,
    typer.Option(help="The method; see “voiceguide methods”.  [default: the deepest that suits]"),
]
Area = Annotated[
    str | None, typer.Option(help="An area of the region, or “all”.  [default: the first]")
]
OfSide = Annotated[Side, typer.Option(help="The side to treat.")]
OfLevel = Annotated[Level, typer.Option(help="Holds of 30, 45 or 60 s, and the words on pressure.")]
Minutes = Annotated[
    str | None,
    typer.Option(
        help="How long it lasts, exactly: 12, 7.5 or 12:30.  [default: as it needs]",
        metavar="M|MM:SS",
    ),
]
LengthTotal = Annotated[
    str | None,
    typer.Option(
        help="How long all tracks last together, exactly: 30, 37.5 or 37:30.  "
        "[default: as they need]",
        metavar="M|MM:SS",
    ),
]
OfGuidance = Annotated[
    Guidance, typer.Option(help="Everything, cues for a place that you know, or tones alone.")
]
Explain = Annotated[bool, typer.Option("--explain", help="Begin with a minute of background.")]
Prepare = Annotated[
    bool, typer.Option("--prepare", help="Roll out the area with the foam roller first.")
]
Texts = Annotated[
    Path | None,
    typer.Option(
        "--library", help="A folder of texts that go before all others.", metavar="FOLDER"
    ),
]
Listing = Annotated[
    ListFormat, typer.Option("--format", help="For reading, for programs, for documents.")
]
Language = Annotated[str, typer.Option(help="The language of the texts.")]
Voice = Annotated[
    str | None,
    typer.Option(
        help="A voice of “voiceguide voices”, a Piper model (x.onnx), or a folder of recordings.  "
        "[default: a calm one]",
        metavar="NAME|FILE|FOLDER",
    ),
]
Rate = Annotated[
    int | None, typer.Option(help="Words a minute, from 80 to 450.  [default: 120]", metavar="WPM")
]
Bed = Annotated[
    str | None,
    typer.Option(
        help="Under the session: rain, ocean, drone, or your own music (WAV, FLAC, OGG, MP3).",
        metavar="NAME|FILE",
    ),
]
BedLevel = Annotated[
    float, typer.Option(help="Louder or softer than a bed is else, in dB.", metavar="DB")
]
Mono = Annotated[
    bool, typer.Option("--mono", help="One channel: what is said for a side stays in the middle.")
]
Seed = Annotated[int, typer.Option(help="Another seed gives another choice of words.", min=0)]
Variables = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="A variable of a template; may be given again.", metavar="NAME=VALUE"
    ),
]
MaxLength = Annotated[str, typer.Option(help="The longest session that is made.", metavar="TIME")]
Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        help="A file (.mp3, .wav, .flac, .ogg) or a folder.  [default: output/]",
        metavar="FILE|FOLDER",
    ),
]


@app.command(epilog="Example: voiceguide regions --language de")
def regions(
    language: Language = "en", texts: Texts = None, form: Listing = ListFormat.TEXT
) -> None:
    """List the regions, their areas, and the complaints under which they are found."""
    from voiceguide import library
    from voiceguide.errors import LibraryError
    from voiceguide.library import listing

    problems: list[LibraryError] = []
    found = library.load(language, texts).regions(problems)
    typer.echo(listing.regions(found, form.value), nl=False)
    for problem in problems:
        typer.echo(f"voiceguide: {problem}", err=True)
    if problems:
        raise typer.Exit(1)


@app.command(epilog="Example: voiceguide methods --format json")
def methods(
    language: Language = "en", texts: Texts = None, form: Listing = ListFormat.TEXT
) -> None:
    """List the methods of treatment."""
    from voiceguide import library
    from voiceguide.library import listing

    found = library.load(language, texts).methods.values()
    typer.echo(listing.methods(found, form.value), nl=False)


@app.command(epilog="Example: voiceguide voices --language en")
def voices(
    language: Annotated[
        str | None, typer.Option(help="Only voices of this language.  [default: all]")
    ] = None,
    download: Annotated[
        str | None,
        typer.Option(
            help="Fetch a neural voice of Piper, such as en_US-amy-medium; what was broken off "
            "goes on. VOICEGUIDE_PIPER_URL names another place that has them.",
            metavar="NAME",
        ),
    ] = None,
) -> None:
    """List the voices of this machine, for --voice, or fetch another."""
    from voiceguide import session

    if download is not None:
        from voiceguide.voices import piper_download

        with _progress(download) as progress:
            path = piper_download.download(download, progress)
        typer.echo(path)
        return
    found = session.voices(language)
    for voice in found:
        typer.echo(f"{voice.id:<24}  {voice.name}  ({', '.join(voice.languages)})")
    if not found:
        raise VoiceguideError(f"no voice speaks “{language}”; “voiceguide voices” lists all")


@app.command(epilog="Example: voiceguide script calf --side left --format vtt")
def script(  # noqa: PLR0913 (a parameter an option)
    target: Target,
    method: Method = None,
    area: Area = None,
    side: OfSide = Side.BOTH,
    level: OfLevel = Level.STANDARD,
    minutes: Minutes = None,
    guidance: OfGuidance = Guidance.FULL,
    explain: Explain = False,
    prepare: Prepare = False,
    language: Language = "en",
    texts: Texts = None,
    voice: Voice = None,
    rate: Rate = None,
    bed: Bed = None,
    bed_level: BedLevel = 0.0,
    mono: Mono = False,
    seed: Seed = 0,
    variables: Variables = None,
    max_length: MaxLength = "12h",
    form: Annotated[
        Format, typer.Option("--format", help="Words with times, the script, or captions.")
    ] = Format.TEXT,
    check: Annotated[
        bool, typer.Option("--check", help="Read and time it, and only say whether it is right.")
    ] = False,
) -> None:
    """Print what a session says: as text, SSML, JSON, WebVTT or LRC."""
    from voiceguide import Session, export

    session = Session(
        target, method=method, area=area, side=side.value, level=level.value,
        minutes=minutes, guidance=guidance.value, explain=explain, prepare=prepare,
        language=language, library=texts, voice=voice, rate=rate,
        bed=bed, bed_level=bed_level, mono=mono, seed=seed,
        variables=_variables(variables), max_length=max_length,
    )  # fmt: skip
    if form is Format.SSML and not check:
        typer.echo(session.script)
        session.prepare()
        _warn(session)
        return
    if check:
        session.check()
    session.prepare()
    _warn(session)
    if check:
        typer.echo(f"{session.title}: {export.summary(session.timeline)}; no mistakes")
    else:
        text = export.captions(
            session.timeline, form.value, title=session.title, language=session.language
        )
        typer.echo(text, nl=False)


@app.command(epilog="Examples: voiceguide render calf;  voiceguide render calf neck -o ~/Music")
def render(  # noqa: PLR0913 (a parameter an option)
    targets: Targets,
    method: Method = None,
    area: Area = None,
    side: OfSide = Side.BOTH,
    level: OfLevel = Level.STANDARD,
    minutes: Minutes = None,
    guidance: OfGuidance = Guidance.FULL,
    explain: Explain = False,
    prepare: Prepare = False,
    language: Language = "en",
    texts: Texts = None,
    voice: Voice = None,
    rate: Rate = None,
    bed: Bed = None,
    bed_level: BedLevel = 0.0,
    mono: Mono = False,
    seed: Seed = 0,
    variables: Variables = None,
    max_length: MaxLength = "12h",
    output: Output = None,
) -> None:
    """Make sessions into audio files, and print where they are."""
    from voiceguide import Session

    if targets.count("-") > 1:
        raise VoiceguideError("standard input can only be read once")
    sessions = [
        Session(
            target, method=method, area=area, side=side.value, level=level.value,
            minutes=minutes, guidance=guidance.value, explain=explain, prepare=prepare,
        language=language, library=texts, voice=voice, rate=rate,
            bed=bed, bed_level=bed_level, mono=mono, seed=seed,
            variables=_variables(variables), max_length=max_length,
        )
        for target in targets
    ]  # fmt: skip
    paths = [_path(session, output, several=len(sessions) > 1) for session in sessions]
    for session, path in zip(sessions, paths, strict=True):
        if paths.count(path) > 1:
            raise VoiceguideError(f"{path} would be written more than once: render them apart")
        session.prepare()
        _warn(session)
    for session, path in zip(sessions, paths, strict=True):
        with _progress(session.title) as progress:
            session.export(path, progress)
        typer.echo(path)


@app.command(epilog="Example: voiceguide play neck --start-delay 20s")
def play(  # noqa: PLR0913 (a parameter an option)
    context: typer.Context,
    target: Target,
    method: Method = None,
    area: Area = None,
    side: OfSide = Side.BOTH,
    level: OfLevel = Level.STANDARD,
    minutes: Minutes = None,
    guidance: OfGuidance = Guidance.FULL,
    explain: Explain = False,
    prepare: Prepare = False,
    language: Language = "en",
    texts: Texts = None,
    voice: Voice = None,
    rate: Rate = None,
    bed: Bed = None,
    bed_level: BedLevel = 0.0,
    mono: Mono = False,
    seed: Seed = 0,
    variables: Variables = None,
    max_length: MaxLength = "12h",
    start_delay: Annotated[
        str, typer.Option(help="Time to get into position, told by a soft tone.", metavar="TIME")
    ] = "0s",
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Where to begin: 4:30, 90s, or the title of a chapter.",
            metavar="TIME|CHAPTER",
        ),
    ] = None,
    player: Annotated[Player, typer.Option(help="What plays it.")] = Player.MINIAUDIO,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show nothing.")] = False,
) -> None:
    """Play a session through the loudspeaker; it is spoken while it plays.

    TARGET may also be a file that “render” made.

    Keys: space pauses and goes on; the arrows go 10 s back and forward; n and p go to the next and
    the previous chapter; r repeats the exercise; + makes a hold 15 s longer; m mutes the tones, or
    lets them be heard again; q ends.
    """
    from voiceguide import Session, clock
    from voiceguide.session import play_file

    try:
        delay_ms = clock.milliseconds(start_delay)
    except ValueError as error:
        raise VoiceguideError(f"--start-delay {start_delay}: {error}") from error
    if _is_rendered(target):
        _only_for_playing(context)
        with _interrupted():
            play_file(
                target, begin=_place(begin), start_delay_ms=delay_ms,
                player=player.value, quiet=quiet,
            )  # fmt: skip
        return
    session = Session(
        target, method=method, area=area, side=side.value, level=level.value,
        minutes=minutes, guidance=guidance.value, explain=explain, prepare=prepare,
        language=language, library=texts, voice=voice, rate=rate,
        bed=bed, bed_level=bed_level, mono=mono, seed=seed,
        variables=_variables(variables), max_length=max_length,
    )  # fmt: skip
    if minutes and not quiet:
        typer.echo("To last exactly so long, it is all spoken before it begins.", err=True)
    with _interrupted():
        session.prepare()
        if not quiet:
            _warn(session)
        session.play(begin=_place(begin), start_delay_ms=delay_ms, player=player.value, quiet=quiet)


@app.command(epilog="Examples: voiceguide playlist neck;  voiceguide playlist all --to /media/card")
def playlist(  # noqa: PLR0913 (a parameter an option)
    regions: Regions,
    method: Method = None,
    area: Annotated[
        str | None, typer.Option(help="Only this area of the region.  [default: all]")
    ] = None,
    side: OfSide = Side.BOTH,
    level: OfLevel = Level.STANDARD,
    length_total: LengthTotal = None,
    guidance: OfGuidance = Guidance.FULL,
    explain: Explain = False,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Roll out the areas that the foam roller suits first.")
    ] = False,
    language: Language = "en",
    texts: Texts = None,
    voice: Voice = None,
    rate: Rate = None,
    bed: Bed = None,
    bed_level: BedLevel = 0.0,
    mono: Mono = False,
    seed: Seed = 0,
    max_length: MaxLength = "12h",
    url: Annotated[
        str | None,
        typer.Option(
            help="The address under which the output folder is served, for the links of the feed.  "
            "[default: the folder itself]"
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Then copy them to a mounted phone or card.", metavar="FOLDER"),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", help="Each region gets a folder of its own in it.", metavar="FOLDER"
        ),
    ] = Path("output"),
) -> None:
    """Make playlists of regions: a track to prepare, one for each area, one to stretch and close.

    Beside the MP3 files lie a cover, transcripts, M3U8, XSPF and a podcast feed. Run again, only
    what has changed is made.
    """
    from urllib.parse import quote

    from voiceguide import Playlist, library
    from voiceguide.playlist import copy

    if to is not None:
        copy([], to)  # is it there?
    if "all" in regions:
        regions = list(library.load(language, texts).region_files)
    folders: list[Path] = []
    for target in dict.fromkeys(regions):
        folder = output / target
        try:
            one = Playlist(
                target, method=method, area=area, side=side.value, level=level.value,
                minutes=length_total, guidance=guidance.value, explain=explain, prepare=prepare,
                language=language, library=texts, voice=voice, rate=rate,
                bed=bed, bed_level=bed_level, mono=mono, seed=seed,
                max_length=max_length,
            )  # fmt: skip
            for session in one.sessions:
                _warn(session)
            address = None if url is None else f"{url.rstrip('/')}/{quote(target)}"
            with _progress(one.title) as progress:
                path = one.export(folder, progress, url=address)
        except VoiceguideError as error:
            where = "" if len(regions) == 1 else f"{target}: "
            typer.echo(f"voiceguide: {where}{error}", err=True)
        else:
            typer.echo(path)
            folders.append(folder)
    if to is not None:
        for place in copy(folders, to):
            typer.echo(place)
    if len(folders) < len(dict.fromkeys(regions)):
        raise typer.Exit(1)


@app.command(epilog="Examples: voiceguide serve;  voiceguide serve ~/Music/voiceguide --port 8080")
def serve(
    folder: Annotated[
        Path,
        typer.Argument(help="Where sessions and playlists are made, and playlists are found."),
    ] = Path("output"),
    host: Annotated[
        str,
        typer.Option(
            help="The address to listen on: 127.0.0.1 for this machine alone, 0.0.0.0 for all."
        ),
    ] = "0.0.0.0",  # noqa: S104 (who comes from outside needs the key)
    port: Annotated[int, typer.Option(help="The port.", min=0, max=65535)] = 8765,
) -> None:
    """Serve a page for a phone in the same network: choose, listen, take along.

    The link and the QR code carry a key, without which nobody else may enter.
    """
    try:
        from voiceguide.phone import server
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing not in ("starlette", "uvicorn", "segno", "h11"):
            raise
        needs = f"the page needs {missing}: pip install 'voiceguide[phone]'"
        raise VoiceguideError(needs) from error
    signal.signal(signal.SIGINT, signal.default_int_handler)  # how it is to end: no failure
    server.serve(folder, host, port, sys.stdout)


@app.command(epilog="Example: voiceguide phrases calf neck -o my-voice")
def phrases(  # noqa: PLR0913 (a parameter an option)
    targets: Targets,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Where the recordings will lie.",
            metavar="FOLDER",
            show_default=False,
        ),
    ],
    method: Method = None,
    area: Area = None,
    side: OfSide = Side.BOTH,
    level: OfLevel = Level.STANDARD,
    minutes: Minutes = None,
    guidance: OfGuidance = Guidance.FULL,
    explain: Explain = False,
    prepare: Prepare = False,
    language: Language = "en",
    texts: Texts = None,
    voice: Voice = None,
    rate: Rate = None,
    seed: Seed = 0,
    seeds: Annotated[
        int,
        typer.Option(help="So many seeds from that one on: other choices of words too.", min=1),
    ] = 1,
    variables: Variables = None,
    max_length: MaxLength = "12h",
    playlist: Annotated[
        bool, typer.Option("--playlist", help="List also what the playlists of the regions say.")
    ] = False,
    length_total: LengthTotal = None,
) -> None:
    """List every phrase that sessions need, to record them in a voice of your own.

    FOLDER gets phrases.csv and phrases.html, a sheet to read from. A list that is there grows.
    “voiceguide record FOLDER” records them, and --voice FOLDER uses the recordings.
    """
    from voiceguide import Playlist, Session
    from voiceguide.recording import phrases

    if length_total and not playlist:
        raise VoiceguideError("--length-total is the length of a playlist: give --playlist too")
    sessions = []
    for target in targets:
        for one in range(seed, seed + seeds):
            options = {
                "method": method, "area": area, "side": side.value, "level": level.value,
                "guidance": guidance.value, "explain": explain, "prepare": prepare,
                "language": language, "library": texts, "seed": one, "max_length": max_length,
            }  # fmt: skip
            sessions.append(
                Session(
                    target, voice=voice, rate=rate, minutes=minutes,
                    variables=_variables(variables), **options,
                )
            )  # fmt: skip
            if playlist:
                made = Playlist(target, voice=voice, rate=rate, minutes=length_total, **options)
                sessions += made.sessions
    found = phrases.phrases_in(sessions)
    listed = phrases.write(found, output)
    new = len(found)
    more = f", {len(listed)} with those that were listed before" if len(listed) > new else ""
    typer.echo(f"{new} phrases{more}", err=True)
    typer.echo(output / phrases.SHEET)


@app.command(epilog="Example: voiceguide record my-voice")
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
    """Record phrases one after the other through the microphone.

    Enter begins and ends each; it is checked, and can be played and made again. What is kept is
    saved at once: quit when you like, and go on another time.
    """
    from voiceguide.recording import recorder

    recorder.run(folder, names or ())


@app.command(epilog="Example: voiceguide doctor")
def doctor(language: Language = "en", texts: Texts = None) -> None:
    """Try all that a session needs on this machine, and say how to mend what does not work."""
    from voiceguide import doctor

    healthy = True
    for finding in doctor.examine(language, texts):
        healthy = healthy and finding.works
        typer.echo(f"{'ok  ' if finding.works else 'FAIL'}  {finding.part:<8}  {finding.says}")
    if not healthy:
        raise typer.Exit(1)


def main() -> NoReturn:
    """Run the command line; a VoiceguideError is said on standard error, and the status is 1."""
    gc.set_threshold(_GARBAGE)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # else numpy starts threads for matrices
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _leave)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a pipe on Windows speaks a code page
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        app(standalone_mode=True)
    except VoiceguideError as error:
        typer.echo(f"voiceguide: {error}", err=True)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our output has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        what = error.filename or "standard output"
        typer.echo(f"voiceguide: {str(what)[:200]}: {error.strerror}", err=True)
        sys.exit(1)
    sys.exit(0)


def _leave(number: int, _: FrameType | None) -> NoReturn:
    """Clean up on the way out; unlike KeyboardInterrupt, this shows no traceback anywhere."""
    sys.exit(128 + number)


def _path(session: Session, output: str | None, *, several: bool) -> Path:
    """Return where a session goes: a file that was named, or a file in a folder."""
    from voiceguide import export

    if output is None:
        return session.default_path
    path = Path(output)
    if output.endswith(("/", os.sep)) or path.is_dir() or not path.suffix:
        return path / session.default_path.name
    export.suffix(path)
    if several:
        raise VoiceguideError(f"{output} is one file: for several targets, give a folder with -o")
    return path


def _is_rendered(target: str) -> bool:
    """Whether a target is an audio file."""
    suffix = Path(target).suffix.lower().removeprefix(".")
    if not suffix:
        return False
    from voiceguide import export

    return suffix in export.FORMATS


def _only_for_playing(context: typer.Context) -> None:
    """Refuse options of sessions: a file is what it is."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        given = source is not None and source.name == "COMMANDLINE"
        if given and option.name not in ("target", "start_delay", "begin", "player", "quiet"):
            what = f"{option.opts[0]} is for sessions that are made as they play"
            raise VoiceguideError(f"{what}; {context.params['target']} is a finished one")


@contextlib.contextmanager
def _interrupted() -> Iterator[None]:
    """Return SIGINT its exit status, without a message."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(128 + signal.SIGINT) from None


def _place(given: str | None) -> str | int:
    """Read a time as 4:30, 1:02:03 or 90s; all else is the title of a chapter."""
    from voiceguide import clock

    if given is None:
        return 0
    try:
        return clock.milliseconds(given)
    except ValueError:
        return given


def _variables(given: list[str] | None) -> dict[str, str]:
    """Take NAME=VALUE apart."""
    pairs = [one.partition("=") for one in given or ()]
    for name, equals, _ in pairs:
        if not equals:
            raise VoiceguideError(f"--set {name}: write NAME=VALUE, such as --set rounds=3")
    return {name: value for name, _, value in pairs}


def _warn(session: Session) -> None:
    for warning in session.warnings:
        typer.echo(f"voiceguide: {warning}", err=True)


@contextlib.contextmanager
def _progress(title: str) -> Iterator[Callable[[float], None]]:
    """Show a bar on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda done: bar.update(task, completed=done)
