"""The commands for voices: voices, and for recording your own: phrases, record."""

from __future__ import annotations

import itertools
import re
import sys
from pathlib import Path  # noqa: TC003 (commands are read at run time)
from typing import TYPE_CHECKING, Annotated

import typer

from voiceguide.cli import say
from voiceguide.cli.app import command
from voiceguide.cli.flags import saying, suiting, with_options
from voiceguide.cli.targets import Targets, of_each
from voiceguide.errors import UsageError, VoiceguideError
from voiceguide.options import Options  # noqa: TC001 (commands are read at run time)

if TYPE_CHECKING:
    from voiceguide import Session
    from voiceguide.voices import VoiceInfo


@command("Examples: voiceguide voices --language en;  voiceguide voices --sample all -o samples")
@saying
def voices(
    language: Annotated[
        str | None, typer.Option(help="Only voices of this language.  [default: all]")
    ] = None,
    sample: Annotated[
        str | None,
        typer.Option(
            help="Let a voice, or all, say a sentence of a session in --language (en).",
            metavar="NAME|all",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Write samples there instead of playing them: a file, or a folder for all.",
            metavar="FILE|FOLDER",
        ),
    ] = None,
    download: Annotated[
        str | None,
        typer.Option(
            help="Download kokoro, a Piper voice, such as en_US-amy-medium, or the best "
            "of Piper for --language; resumes an interrupted download. VOICEGUIDE_KOKORO_URL and "
            "VOICEGUIDE_PIPER_URL name mirrors.",
            metavar="NAME|best",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Download without asking.")] = False,
) -> None:
    """List the voices on this machine, let them speak, or download another.

    The one with a * speaks its language unless --voice names another; where none has it, the
    system's calm one.
    """
    from voiceguide import session
    from voiceguide.voices import best

    if output is not None and sample is None:
        raise UsageError("--output needs --sample: it is where samples are written")
    if download is not None:
        name = _recommended(language) if download == "best" else download
        typer.echo(_downloaded(name, sure=yes))
        return
    found = session.voices(language)
    if sample is not None:
        _sample(sample, language or "en", found, output)
        return
    if not found:
        raise VoiceguideError(f"no voice speaks “{language}”; “voiceguide voices” lists all voices")
    speaking = {voice.id for voice in best.voices().values()}
    for voice in found:
        mark = "*" if voice.id in speaking else " "
        size = f"{voice.size_bytes / 1e6:.0f} MB" if voice.size_bytes else ""
        about = (voice.name, ", ".join(voice.languages), voice.gender, size, voice.licence)
        typer.echo(f"{voice.id:<24} {mark} {voice.engine:<8}  {'; '.join(filter(None, about))}")


def _recommended(language: str | None) -> str:
    """Return the name of the voice that is the best to download for a language."""
    from voiceguide.languages import same_language
    from voiceguide.voices import piper

    for known, name in piper.RECOMMENDED.items():
        if language is not None and same_language(known, language):
            return name
    known = ", ".join(sorted(piper.RECOMMENDED))
    raise UsageError(f"--download best needs --language, one of {known}")


def _downloaded(name: str, *, sure: bool) -> Path:
    """Download a voice, after asking if it is large; return the path of its model."""
    from voiceguide.voices import kokoro, kokoro_download, piper_download

    if name != kokoro.NAME:
        with say.progress(name) as progress:
            return piper_download.download(name, progress)
    offer = kokoro_download.offer()
    if offer.files:
        say.note(str(offer))
        if not sure and sys.stdin.isatty() and sys.stderr.isatty():
            typer.confirm("Download?", abort=True, err=True)
    with say.progress(name) as progress:
        return kokoro_download.download(offer, progress)


def _sample(name: str, language: str, found: list[VoiceInfo], output: Path | None) -> None:
    """Let a voice say a sentence, or all that speak the language one after another."""
    from voiceguide import session

    names = [voice.id for voice in found] if name == "all" else [name]
    if output is not None and name == "all":
        output.mkdir(parents=True, exist_ok=True)
    for one in names:
        with session.sample(one, language) as saying:
            if output is None:
                say.note(one)
                saying.play(quiet=True)
            else:
                path = output / f"{_file_name(one)}.mp3" if name == "all" else output
                typer.echo(saying.export(path))


def _file_name(voice: str) -> str:
    return re.sub(r"[^\w.-]+", "-", voice)


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

    def needed_for(target: str) -> list[Session]:
        sessions: list[Session] = []
        for seed in range(options.seed, options.seed + seeds):
            given = {**suiting(target, options), "seed": seed}
            sessions.append(Session(target, **given))
            sessions[-1].prepare()
            if playlist:
                sessions += Playlist(target, **{**given, "minutes": length_total}).sessions
        return sessions

    needed = phrases.phrases_in(itertools.chain(*of_each(targets, needed_for)))
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
