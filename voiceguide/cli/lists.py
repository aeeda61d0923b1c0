"""The commands that list things: regions, methods, kinds, config, doctor."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from voiceguide import settings
from voiceguide.cli.app import command
from voiceguide.cli.flags import saying
from voiceguide.errors import VoiceguideError

if TYPE_CHECKING:
    from collections.abc import Collection

    from voiceguide.errors import LibraryError


Language = Annotated[str, typer.Option(help="The language of the texts.")]
Texts = Annotated[
    Path | None,
    typer.Option(
        "--library", help="A folder of texts that override the built-in ones.", metavar="FOLDER"
    ),
]
Listing = Annotated[
    Literal["text", "json", "markdown"],
    typer.Option("--format", help="To read, for programs, or for documents."),
]


@command("Example: voiceguide regions --language de")
@saying
def regions(language: Language = "en", texts: Texts = None, form: Listing = "text") -> None:
    """List body regions, how long a session of each lasts, and the complaints they help with."""
    from voiceguide import lengths, library
    from voiceguide.library import listing

    problems: list[LibraryError] = []
    read = library.load(language, texts or settings.library(language))
    found = read.regions(problems)
    lasting = {} if form == "markdown" else lengths.natural_ms(read)
    typer.echo(listing.regions(read, found, form, lasting), nl=False)
    _tell(problems)


@command("Example: voiceguide methods --format json")
@saying
def methods(language: Language = "en", texts: Texts = None, form: Listing = "text") -> None:
    """List the methods of treatment."""
    from voiceguide import library
    from voiceguide.library import listing

    found = library.load(language, texts or settings.library(language)).methods.values()
    typer.echo(listing.methods(found, form), nl=False)


@command("Example: voiceguide kinds")
@saying
def kinds(language: Language = "en", texts: Texts = None, form: Listing = "text") -> None:
    """List the kinds of session, and the options that suit each."""
    from voiceguide.library import kinds, listing

    problems: dict[str, LibraryError] = {}
    found = kinds.listed(language, texts or settings.library(language), problems)
    typer.echo(listing.kinds(found, form), nl=False)
    _tell(problems.values())


@command("Example: voiceguide config --edit")
@saying
def config(
    edit: Annotated[
        bool, typer.Option("--edit", help="Open the settings file in your editor.")
    ] = False,
    language: Annotated[
        str | None, typer.Option(help="Show the settings for sessions in this language.")
    ] = None,
) -> None:
    """Show your settings, and where each comes from.

    The settings file is TOML: a line for each option, such as side = "left", and a table such as
    [de] for what only applies to that language. Environment variables such as VOICEGUIDE_SIDE
    override the file, and options override both.
    """
    from voiceguide import options

    path = settings.path()
    if edit:
        _edit(path)
    typer.echo(f"# {path}{'' if path.exists() else '  (does not exist yet)'}")
    around = settings.in_environment()
    kept = settings.in_file(language or around.get("language"))
    found = options.chosen({"bed": options.BEDS[0], **kept, **around})
    for name in options.OPTIONS:
        if name in around or name in kept:
            where = settings.variable_of(name) if name in around else "settings file"
            typer.echo(f"{name} = {_toml(getattr(found, name))}  # {where}")


@command("Example: voiceguide doctor")
@saying
def doctor(
    language: Annotated[
        str | None, typer.Option(help="The language of the texts; without it, yours.")
    ] = None,
    texts: Texts = None,
) -> None:
    """Check that everything works on this machine, and explain how to fix what does not."""
    from voiceguide import doctor

    healthy = True
    for finding in doctor.examine(language, texts):
        healthy = healthy and finding.works
        typer.echo(f"{'ok  ' if finding.works else 'FAIL'}  {finding.part:<8}  {finding.says}")
    if not healthy:
        raise typer.Exit(1)


def _tell(problems: Collection[LibraryError]) -> None:
    """Print what is wrong in the library; end the command if anything is."""
    for problem in problems:
        typer.echo(f"voiceguide: {problem}", err=True)
    if problems:
        raise typer.Exit(1)


def _edit(path: Path) -> None:
    """Open the settings file in the user's editor; a new one lists every option as a comment."""
    import shlex
    import subprocess

    from voiceguide import files, options

    if not path.exists():
        lines = ["# Settings of voiceguide: remove the # to set an option.", ""]
        for name, option in options.OPTIONS.items():
            if name != "variables":
                limits = f"  [{option.limits}]" if option.limits else ""
                lines += [
                    f"# {option.help}{limits}",
                    f"# {name} = {_toml(options.DEFAULTS[name])}",
                    "",
                ]
        lines += ["# Only for sessions in German:", "# [de]", "# rate = 110", ""]
        files.write_bytes(path, "\n".join(lines).encode())
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not editor:
        if not _opened(path):
            cure = "name an editor, as in EDITOR=nano voiceguide config --edit"
            raise VoiceguideError(f"{path}: nothing here opens it; {cure}")
        return
    subprocess.run([*shlex.split(editor), str(path)], check=False)  # noqa: S603 (the user's own)


def _opened(path: Path) -> bool:
    """Open a file with whatever the system has for its kind; return whether that went well."""
    import shutil
    import subprocess

    opener = shutil.which("xdg-open")
    if opener is None:
        return typer.launch(str(path)) == 0
    done = subprocess.run([opener, str(path)], stderr=subprocess.DEVNULL, check=False)  # noqa: S603
    return done.returncode == 0


def _toml(value: object) -> str:
    """Return a value as TOML has it: as JSON does, except for tables."""
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{name} = {_toml(one)}' for name, one in value.items())} }}"
    return json.dumps("" if value is None else value, ensure_ascii=False)
