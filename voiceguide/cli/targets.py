"""What commands are given: targets, positions in them, and where results go."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from voiceguide.cli.flags import suiting
from voiceguide.clock import milliseconds
from voiceguide.errors import UsageError, VoiceguideError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from voiceguide import Session
    from voiceguide.options import Options

Made = TypeVar("Made")

_LISTS = (".m3u8", ".m3u")


def complete(incomplete: str) -> list[str]:
    """Return the regions and kinds that complete what was typed in a shell."""
    from voiceguide import files

    names = {
        path.stem if path.suffix == ".toml" and path.stem != "kind" else path.parent.name
        for folder in files.folders("scripts")
        for path in [*folder.glob("en/regions/[!.]*.toml"), *folder.glob("kinds/[!.]*/kind.toml")]
    }
    return sorted(name for name in names if name.startswith(incomplete))


TARGETS = (
    "Regions, areas, complaints, kinds, scripts (my.ssml), templates (my.ssml.jinja), texts "
    "(my.txt, my.md), or - for one on standard input."
)
Target = Annotated[str, typer.Argument(help=TARGETS, autocompletion=complete)]
Targets = Annotated[list[str], typer.Argument(help=TARGETS, autocompletion=complete)]


StartDelay = Annotated[
    str, typer.Option(help="Time to get into position; a soft tone ends it.", metavar="TIME")
]


def session_of(target: str, options: Options) -> Session:
    """Return the session of a target, without settings that do not apply to it."""
    from voiceguide import Session

    return Session(target, **suiting(target, options))


def of_each(targets: Iterable[str], make: Callable[[str], Made]) -> list[Made]:
    """Return what is made of each target; raises VoiceguideError with a line for each that fails.

    What is wrong with all of them in the same way is said once.
    """
    made: list[Made] = []
    problems: dict[str, VoiceguideError] = {}
    for target in targets:
        try:
            made.append(make(target))
        except VoiceguideError as error:
            problems[target] = error
    said = {error.with_flags(): error for error in problems.values()}
    if len(said) == 1:
        raise next(iter(said.values()))
    if said:
        lines = [
            what if (what := error.with_flags()).startswith(target) else f"{target}: {what}"
            for target, error in problems.items()
        ]
        raise VoiceguideError("\n".join(["nothing was made:", *lines]))
    return made


def of_those_that_can(
    targets: Iterable[str], make: Callable[[str], Made], *, is_one: bool
) -> dict[str, Made]:
    """Return what is made of each target; print what is wrong with the others.

    The message names the target, unless there ``is_one`` only.
    """
    made: dict[str, Made] = {}
    for target in targets:
        try:
            made[target] = make(target)
        except VoiceguideError as error:
            where = "" if is_one else f"{target}: "
            typer.echo(f"voiceguide: {where}{error.with_flags()}", err=True)
    return made


def delay_ms(written: str) -> int:
    """Return the milliseconds of a start delay; raises UsageError."""
    try:
        return milliseconds(written, bare="s")
    except ValueError as error:
        raise UsageError(f"--start-delay {written}: {error}") from error


def files_of(targets: list[str]) -> Iterator[str]:
    """Return the targets, with each playlist replaced by its entries."""
    for target in targets:
        if Path(target).suffix.lower() not in _LISTS:
            yield target
            continue
        path = Path(target)
        try:
            lines = path.read_text("utf-8-sig").splitlines()
        except OSError as error:
            raise VoiceguideError(f"{path}: cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise VoiceguideError(f"{path}: is not UTF-8; save it as UTF-8") from error
        entries = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if not entries:
            raise VoiceguideError(f"{path}: the playlist is empty")
        for entry in entries:
            if "://" in entry:
                raise VoiceguideError(f"{path}: {entry}: URLs cannot be played; download it first")
            yield str(path.parent / entry)


def is_audio(target: str) -> bool:
    """Whether a target is an audio file."""
    suffix = Path(target).suffix.lower().removeprefix(".")
    if not suffix or suffix in ("ssml", "xml", "jinja"):
        return False
    from voiceguide import export  # slow to load, and not needed for regions

    return suffix in export.FORMATS


def destination(output: str | None, *, several: bool) -> Callable[[Session], Path]:
    """Return what says which file a session is written to: ``output``, or one in that folder.

    Raises VoiceguideError if ``output`` is a file that cannot be written, or one for several.
    """
    from voiceguide import export

    if output is None:
        return lambda session: session.default_path
    path = Path(output)
    if output.endswith(("/", os.sep)) or path.is_dir() or not path.suffix:
        return lambda session: path / session.default_path.name
    export.suffix(path)
    if several:
        raise VoiceguideError(f"{output} is one file; for several targets, give -o a folder")
    return lambda _: path


def may_replace(path: Path, *, force: bool) -> None:
    """Ask before overwriting another program's file; without a terminal, refuse.

    Files that voiceguide made are overwritten. Raises VoiceguideError.
    """
    from voiceguide import export

    if force or not path.is_file() or export.made_by_voiceguide(path):
        return
    what = f"{path} exists, and voiceguide did not make it"
    if sys.stdin is None or not sys.stdin.isatty():
        raise VoiceguideError(f"{what}; use --force to overwrite it")
    if not typer.confirm(f"{what}. Overwrite it?", err=True):
        raise VoiceguideError(f"{path} was left as it is")


def place(given: str | None) -> str | int:
    """Return the milliseconds of a time (4:30, 1:02:03 or 90s), or the title of a chapter."""
    if given is None:
        return 0
    try:
        return milliseconds(given)
    except ValueError:
        return given
