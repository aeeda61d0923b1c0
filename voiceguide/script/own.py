"""Scripts and templates of the listener's own: files, or standard input."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceguide import files
from voiceguide.errors import RequestError, ScriptError, option
from voiceguide.files import MAX_SCRIPT_BYTES
from voiceguide.library import REFERENCE, load
from voiceguide.options import OPTIONS
from voiceguide.script import kind
from voiceguide.script.request import Written
from voiceguide.script.template import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from voiceguide.script.request import Request

SUFFIXES = (".ssml", ".xml", ".jinja")
STANDARD_INPUT = "-"
_MARKERS = (b"{{", b"{%", b"{#")
"""Of Jinja; what comes on standard input is a template if it holds one of them."""


def path_of(target: str) -> Path | None:
    """Return the script's file, if the target is one; standard input is one too."""
    path = Path(target)
    is_script = path.suffix.lower() in SUFFIXES
    return path if is_script or target == STANDARD_INPUT else None


def write(request: Request, path: Path, fill: Callable[[str, str, Path], str]) -> Written:
    """Read a script, or fill in a template by ``fill`` (its text, its name, its folder).

    Raises ScriptError where it cannot be read, RequestError for options that it cannot have.
    """
    for name in request.options.chosen():
        if OPTIONS[name].of_kinds:
            what = f"{option(name)} only applies to regions and kinds; {path} is a script"
            raise RequestError(what)
    piped = str(path) == STANDARD_INPUT
    name = "standard input" if piped else str(path)
    stem = "script" if piped else path.name.removesuffix(".jinja").removesuffix(".ssml")
    stem = stem.removesuffix(".xml")
    folder = path.resolve().parent
    source = _read(path)
    text: str | bytes = source
    if path.suffix == ".jinja" or (piped and any(mark in source for mark in _MARKERS)):
        text = fill(_decoded(source, name), name, folder)
        name = f"what {name} renders to"
    elif request.options.variables:
        what = f"{option('variables', '--set')} only applies to templates; {name} is a script"
        raise RequestError(what)
    return Written(text, name, (folder, *files.folders("sounds")), None, stem, stem)


def fill_in(request: Request, source: str, name: str, folder: Path) -> str:
    """Fill in a template of the listener's own, here, without limits of time and memory.

    ``name`` stands in messages; beside the macros it may import what lies in ``folder``. It is
    given the variables of the request. Raises ScriptError where it fails.
    """
    options = request.options
    try:
        library = load(options.language, options.library_path)
    except RequestError:  # a template of its own words may be in any language
        library = load(REFERENCE, options.library_path)
    context: dict[str, Any] = {
        "language": options.language,
        **options.variables,
        "wording": library.wording.model_dump(),
        "pick": kind.phrases(library.wording.phrases, options.seed).pick,
        "region": lambda target: library.region(target).model_dump(),
    }
    folders = (folder, *files.script_folders(options.library_path))
    return render(name, context, folders, source)


def _read(path: Path) -> bytes:
    try:
        if str(path) == STANDARD_INPUT:
            return _standard_input()
        with path.open("rb") as file:
            return file.read(MAX_SCRIPT_BYTES + 1)
    except OSError as error:
        raise ScriptError(f"{path}: cannot be read: {error.strerror}") from error


def _standard_input() -> bytes:
    """Return what comes on standard input, which can be read only once; a session may ask twice."""
    if not _piped:
        _piped.append(sys.stdin.buffer.read(MAX_SCRIPT_BYTES + 1))
    return _piped[0]


_piped: list[bytes] = []


def _decoded(source: bytes, name: str) -> str:
    """Return the text of a template."""
    if len(source) > MAX_SCRIPT_BYTES:
        what = f"is longer than the {MAX_SCRIPT_BYTES:,} bytes that a script may have"
        raise ScriptError(f"{name}: {what}")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"is not UTF-8: byte 0x{source[error.start]:02x}; save it as UTF-8"
        raise ScriptError(f"{name}: {what}") from error
