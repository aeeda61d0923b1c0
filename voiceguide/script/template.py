"""Jinja2 templates -> text, in a sandbox; and the functions that templates may call."""

from __future__ import annotations

import functools
import os
import random
import re
import threading
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from voiceguide import files
from voiceguide.errors import LibraryError, ScriptError, VoiceguideError, option, shortened
from voiceguide.files import MAX_SCRIPT_BYTES
from voiceguide.library import for_side

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from voiceguide.script.request import Side

_PLACEHOLDER = re.compile(r"<([^>]*)>")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
_UNDEFINED = re.compile(r"'(\w+)' is undefined$")
_NOT_IN = re.compile(r"'.*' has no attribute '(\w+)'$")
_NO_WHOLE_NUMBER = re.compile(r"'(\w+)' object cannot be interpreted as an integer$")
_KINDS = {"str": "text", "float": "a number with decimals"}
_RENDERING = threading.RLock()


class Missing(jinja2.StrictUndefined):
    """What is not defined, which says so wherever it is used: in range() too."""

    __slots__ = ()
    __index__ = jinja2.StrictUndefined.__int__


def render(
    name: str,
    context: Mapping[str, Any],
    folders: tuple[Path, ...],
    source: str | None = None,
) -> str:
    """Return the text of the template ``name``; it and its imports are found in ``folders``.

    ``source`` is its text if it is not a file in these folders. Raises ScriptError with the line
    where it fails, and whatever the functions in ``context`` raise.
    """
    functions = {key: value for key, value in context.items() if callable(value)}
    with _RENDERING:  # macros that were imported without context see the functions too
        environment = _environment(folders) if source is None else _own(folders, name, source)
        environment.globals.update(functions, wording=context["wording"])
        return _rendered(environment, name, context, is_own=source is not None)


def evaluate(expression: str, context: Mapping[str, Any], where: object) -> Any:
    """Return the value of a Jinja expression; raises LibraryError that names ``where`` it is."""
    try:
        value = _compiled(expression)(**context)
    except VoiceguideError:
        raise
    except Exception as error:  # an expression may raise anything at all
        is_name = isinstance(error, jinja2.UndefinedError)
        what = _reason(error, is_given=False) if is_name else shortened(str(error), 300)
        raise LibraryError(f"{where}: {what}") from error
    if isinstance(value, jinja2.Undefined):
        raise LibraryError(f"{where}: “{expression}” is unknown")
    return value


@functools.lru_cache(maxsize=256)
def _compiled(expression: str) -> Callable[..., Any]:
    return _environment(()).compile_expression(expression, undefined_to_none=False)


def filled(text: str, context: Mapping[str, Any], where: object) -> str:
    """Return a title, filled in; raises LibraryError that names ``where`` it is."""
    try:
        return _title(text).render(context)
    except jinja2.TemplateError as error:
        is_name = isinstance(error, jinja2.UndefinedError)
        what = _reason(error, is_given=False) if is_name else error.message
        raise LibraryError(f"{where}: {what}") from error


def sentences(texts: str | Iterable[str], side: Side | None = None) -> list[str]:
    """Split one or several texts into sentences, worded for ``side``."""
    texts = [texts] if isinstance(texts, str) else texts
    return [part for text in texts for part in _SENTENCE_END.split(for_side(text, side).strip())]


class Phrases:
    """Variants of phrases in random order; each is used once before any is repeated."""

    def __init__(
        self,
        phrases: Mapping[str, list[str]],
        seed: int,
        file_of: Callable[[str], object],
        method_id: str | None = None,
    ) -> None:
        """Take phrases by name; those of the method override the others.

        The seed decides their order. ``file_of`` returns the file that has a phrase, or would have
        it.
        """
        self._file_of = file_of
        self._phrases = phrases
        self._suffix = f"_{method_id.replace('-', '_')}" if method_id else ""
        self._rng = random.Random(seed)  # noqa: S311 (no secret)
        self._bags: dict[str, list[str]] = {}
        self._last: dict[str, str] = {}

    def pick(self, key: str, **values: str | int) -> str:
        """Return a variant of the phrase ``key``, with each ``<name>`` replaced from ``values``.

        If the method has its own version of the phrase (``release_thumb``), that one is used.
        """
        if key + self._suffix in self._phrases:
            key += self._suffix
        if key not in self._phrases:
            what = f"phrases.{key} is missing, but a template needs it"
            raise LibraryError(f"{self._file_of(key)}: {what}")
        if not self._bags.get(key):
            self._bags[key] = self._shuffled(key)
        variant = self._last[key] = self._bags[key].pop()

        def fill(placeholder: re.Match[str]) -> str:
            if placeholder[1] not in values:
                what = f"the template gives no value for {placeholder[0]}"
                raise LibraryError(f"{self._file_of(key)}: phrases.{key}: {what}")
            return str(values[placeholder[1]])

        return _PLACEHOLDER.sub(fill, variant)

    def _shuffled(self, key: str) -> list[str]:
        bag = list(self._phrases[key])
        self._rng.shuffle(bag)
        if len(bag) > 1 and bag[-1] == self._last.get(key):  # never the same twice in a row
            bag[0], bag[-1] = bag[-1], bag[0]
        return bag


@functools.lru_cache(maxsize=8)
def _environment(folders: tuple[Path, ...]) -> jinja2.Environment:
    """Return an environment that finds templates in ``folders`` and caches them compiled.

    Fitting a session to a length renders the same templates many times.
    """

    def find(name: str) -> tuple[str, str, Any] | None:
        hidden = any(part.startswith(".") for part in name.split("/"))
        path = None
        if not hidden and name.endswith(".jinja"):
            path = files.find(name, list(folders))
        if path is None:
            return None
        changed = _changed(path)
        return _text(path), str(path), lambda: _changed(path) == changed

    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FunctionLoader(find),
        undefined=Missing,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sentences"] = sentences
    return environment


def _text(path: Path) -> str:
    """Return the text of a template of a library; raises ScriptError with the line."""
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = "is not UTF-8; save the file in that encoding"
        raise ScriptError(f"{path}:{line}: {what}") from error


_TITLES = ImmutableSandboxedEnvironment(undefined=Missing)


@functools.lru_cache(maxsize=256)
def _title(text: str) -> jinja2.Template:
    return _TITLES.from_string(text)


def _own(folders: tuple[Path, ...], name: str, source: str) -> jinja2.Environment:
    """Return an environment with one more template."""
    environment = _environment(folders).overlay()
    given = jinja2.FunctionLoader(lambda wanted: (source, name, None) if wanted == name else None)
    environment.loader = jinja2.ChoiceLoader([given, *filter(None, [environment.loader])])
    environment.globals = dict(environment.globals)
    return environment


def _changed(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _rendered(
    environment: jinja2.Environment, name: str, context: Mapping[str, object], *, is_own: bool
) -> str:
    """Return the rendered template; raises ScriptError with the line where it fails.

    Variables can be given to one that is ``is_own``, not of the library.
    """
    pieces: list[str] = []
    length = 0
    try:
        for piece in environment.get_template(name).generate(context):
            pieces.append(piece)
            length += len(piece)
            if length > MAX_SCRIPT_BYTES:
                break
    except jinja2.TemplateNotFound as error:
        where = "" if error.name == name else f"{name}: "
        raise ScriptError(f"{where}template {error.name} is missing") from error
    except jinja2.TemplateSyntaxError as error:
        raise ScriptError(f"{error.filename or name}:{error.lineno}: {error.message}") from error
    except LibraryError as error:
        own_line = _own_line(error)
        raise LibraryError(f"{own_line}: {error}" if own_line else str(error)) from error
    except VoiceguideError:
        raise
    except MemoryError as error:
        raise ScriptError(f"{name}: needs more memory than a template may have") from error
    except Exception as error:  # a template may raise anything at all
        where = _own_line(error) or next(reversed(_lines(error)), name)
        given = is_own and where.startswith(name)
        raise ScriptError(f"{where}: {_reason(error, is_given=given)}") from error
    if length > MAX_SCRIPT_BYTES:
        raise ScriptError(f"{name}: writes more than the {MAX_SCRIPT_BYTES:,} bytes of a script")
    return "".join(pieces)


def _reason(error: Exception, *, is_given: bool) -> str:
    """Return what is wrong in a template, whose variables may be given by the listener."""
    said = str(error)
    if isinstance(error, jinja2.UndefinedError) and (name := _UNDEFINED.match(said)):
        cure = f"; values are given by {option('variables', f'--set {name[1]}=…')}"
        return f"“{name[1]}” is not defined{cure if is_given else ''}"
    if isinstance(error, jinja2.UndefinedError) and (name := _NOT_IN.match(said)):
        return f"“{name[1]}” is not defined"
    if isinstance(error, TypeError) and (kind := _NO_WHOLE_NUMBER.match(said)):
        cure = f"; check the values of {option('variables', '--set')}" if is_given else ""
        return f"needs a whole number, not {_KINDS.get(kind[1], 'this')}{cure}"
    return f"{type(error).__name__}: {shortened(said, 300)}"


def _own_line(error: Exception) -> str | None:
    """Return the innermost line of a template of the listener's where ``error`` was raised.

    A macro of ours fails by what it is given there.
    """
    shipped = str(files.folders("scripts")[-1]) + os.sep
    return next((line for line in reversed(_lines(error)) if not line.startswith(shipped)), None)


def _lines(error: Exception) -> list[str]:
    """Return ``file:line`` of each template frame in the traceback of ``error``."""
    lines = []
    frame = error.__traceback__
    while frame is not None:
        if "__jinja_exception__" in frame.tb_frame.f_globals:
            lines.append(f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}")
        frame = frame.tb_next
    return lines
