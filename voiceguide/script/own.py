"""The listener's own scripts, templates and plain texts: files, or standard input."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceguide import files
from voiceguide.errors import RequestError, ScriptError, option
from voiceguide.files import MAX_SCRIPT_BYTES
from voiceguide.library import REFERENCE, load
from voiceguide.options import OPTIONS
from voiceguide.script.request import Written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from voiceguide.options import Value
    from voiceguide.script.request import Request

_PLAIN = (".txt", ".md", ".markdown", ".srt", ".vtt")
_FILLED_IN = (".ssml", ".xml", *_PLAIN)
SUFFIXES = (*_FILLED_IN, ".jinja")
_DOCUMENTS = (".doc", ".docx", ".odt", ".rtf", ".pdf", ".pages", ".html", ".htm")
"""Files of text that many write, and that are not read."""
_INCLUDES = re.compile(r"{%-?\s*(include|extends)\b|with context")
_ENDING = re.compile(rf"({'|'.join(map(re.escape, _FILLED_IN))})?(\.jinja)?$", re.IGNORECASE)
STANDARD_INPUT = "-"
_MARKERS = (b"{{", b"{%", b"{#")
"""Jinja's markers; text on standard input that has one of them is a template."""


def path_of(target: str) -> Path | None:
    """Return the path of a target that is a script, template or text; "-" counts as one."""
    path = Path(target)
    is_script = path.suffix.lower() in SUFFIXES
    return path if is_script or target == STANDARD_INPUT else None


def refuse_other_file(target: str) -> None:
    """Raise RequestError if a target is, or is called as, a file of a kind that is not read."""
    path = Path(target)
    if files.is_file(path) or (path.suffix.lower() in _DOCUMENTS and files.is_folder(path)):
        what = "is a file of a kind that is not read; save it as .txt or .md"
        raise RequestError(f"{target}: {what}")
    if path.suffix.lower() in _DOCUMENTS:
        raise RequestError(f"{target}: no such file")


def write(request: Request, path: Path, fill: Callable[[str, str, Path], str]) -> Written:
    """Read a script, or fill in a template with ``fill`` (text, name, folder).

    Raises ScriptError if it cannot be read, RequestError for options that do not apply to scripts.
    """
    for name in request.options.chosen():
        if OPTIONS[name].of_kinds:
            what = f"{option(name)} only applies to regions and kinds; {path} is a script"
            raise RequestError(what)
    piped = str(path) == STANDARD_INPUT
    name = _name(path)
    stem = "script" if piped else _ENDING.sub("", path.name)
    folder = path.resolve().parent
    folders = (folder, *files.sound_folders(request.options.library_path))
    source = _read(path)
    text: str | bytes = source
    warnings: tuple[str, ...] = ()
    is_plain = False
    if is_template(path):
        template = _decoded(source, name)
        text = fill(template, name, folder)
        unused = _unused(template, request.options.variables)
        warnings = tuple(f"{name} uses no variable “{one}”" for one in unused)
        name = f"what {name} renders to"
    elif request.options.variables:
        what = f"{option('variables', '--set')} only applies to templates; {name} is a script"
        raise RequestError(what)
    elif path.suffix.lower() in _PLAIN or (piped and _is_plain(source)):
        from voiceguide.script import plain  # its signs take a while to get ready

        is_plain = True
        text, warnings = plain.to_ssml(_decoded(source, name), name, folders)
    album = stem.encode("utf-8", "surrogateescape").decode("utf-8", "replace")  # as it is shown
    return Written(text, name, folders, None, album, stem, warnings=warnings, plain=is_plain)


def used(path: Path, variables: Mapping[str, Value]) -> dict[str, Value]:
    """Return the variables that a template may use; raises ScriptError if it cannot be read."""
    unused = _unused(_decoded(_read(path), _name(path)), variables)
    return {name: value for name, value in variables.items() if name not in unused}


def _unused(template: str, variables: Iterable[str]) -> list[str]:
    """Return the variables that a template, with what it includes, cannot use."""
    if _INCLUDES.search(template):
        return []
    return [one for one in variables if not re.search(rf"\b{re.escape(one)}\b", template)]


def _name(path: Path) -> str:
    """Return what a script is called in messages."""
    return "standard input" if str(path) == STANDARD_INPUT else str(path)


def is_template(path: Path) -> bool:
    """Whether a script is a template; raises ScriptError if standard input cannot be read."""
    if str(path) == STANDARD_INPUT:
        return any(mark in _read(path) for mark in _MARKERS)
    return path.suffix.lower() == ".jinja"


def _is_plain(source: bytes) -> bool:
    """Whether standard input is a text to be read aloud, rather than SSML in any encoding."""
    beginning = source.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return beginning not in (b"", b"<", b"\xff", b"\xfe", b"\0")


def fill_in(request: Request, source: str, name: str, folder: Path) -> str:
    """Fill in the listener's template in this process, without limits on time and memory.

    ``name`` is used in messages. Besides the macros, the template may import files in ``folder``.
    It gets the variables of the request. Raises ScriptError if it fails.
    """
    from voiceguide.script.template import Phrases, render

    options = request.options
    try:
        library = load(options.language, options.library_path)
    except RequestError:  # a template with its own words may be in any language
        library = load(REFERENCE, options.library_path)
    context: dict[str, Any] = {
        "language": options.language,
        **options.variables,
        "wording": library.wording.model_dump(),
        "pick": Phrases(
            library.wording.phrases, options.seed, lambda _: library.file("phrases.toml")
        ).pick,
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
    """Return what is on standard input; it is kept, since it can only be read once."""
    if not _piped:
        _piped.append(sys.stdin.buffer.read(MAX_SCRIPT_BYTES + 1))
    return _piped[0]


_piped: list[bytes] = []


def _decoded(source: bytes, name: str) -> str:
    """Return the text of a template, in the encoding that it declares, UTF-16 or UTF-8."""
    if len(source) > MAX_SCRIPT_BYTES:
        what = f"is larger than {MAX_SCRIPT_BYTES:,} bytes, the most for a script"
        raise ScriptError(f"{name}: {what}")
    declared = _DECLARED.match(source)
    encoding = declared[1].decode() if declared else "utf-8-sig"
    if source[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    try:
        return source.decode(encoding)
    except UnicodeDecodeError as error:
        what = f"is not {encoding.removesuffix('-sig').upper()}: byte 0x{source[error.start]:02x}"
        raise ScriptError(f"{name}: {what}; save it as UTF-8") from error
    except (LookupError, UnicodeError) as error:  # Python has one called “undefined”
        what = f"the encoding {encoding} is unknown"
        raise ScriptError(f"{name}: {what}; save it as UTF-8") from error


_DECLARED = re.compile(rb"""\s*<\?xml\s[^>]{0,100}encoding=["']([A-Za-z0-9._-]{1,40})["']""")
