"""A TOML file -> a checked model; every mistake in it is reported with its line.

``tomllib`` does not say where a key is, so ``places`` scans the text again to find out.
"""

from __future__ import annotations

import contextlib
import functools
import re
import tomllib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from voiceguide.errors import NAME, LibraryError, keys_at, reason, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

_ModelT = TypeVar("_ModelT", bound=BaseModel)
_Loc = tuple[str | int, ...]

_MOST_BYTES = 1_000_000  # fifty times a region
_MOST_TOLD = 100  # mistakes of a file

_SYNTAX = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
_PLAINER = {
    r"Illegal character '\n'": "text must end with a quotation mark on the line where it begins",
    "Invalid value": 'this is not a value; put text in quotation marks: "…"',
    "Unclosed array": "a list is missing a comma or its final ]",
    "Cannot overwrite a value": "this key is already used",
    "Expected '=' after a key in a key/value pair": "there must be a = after a key",
    "Invalid statement": "a line must be KEY = VALUE or [TABLE]; a note begins with #",
    "Unescaped '\\' in a string": "a \\ in text is written twice: \\\\",
    "Expected newline or end of document after a statement": (
        "nothing may follow a value on its line; inside text, write “ ” for quotation marks"
    ),
}
"""The most frequent mistakes in plain English, by what tomllib says."""
_STRAIGHT = 'quotation marks around text must be straight: "…"'
_AT_PLACE = (
    ("Invalid", re.compile(r"[“”„‟‘’‚«»]"), _STRAIGHT),
    ("Invalid value", re.compile(r"(?i:true|false)\b"), "true and false are written in lower case"),
    (
        "Invalid value",
        re.compile(r"[\w.-]+\s*=|[\w.-]+\]+\s*(?:#|$)"),
        "the list above is missing its final ]",
    ),
    (
        "Expected '='",
        re.compile(r"[^\W\d_a-zA-Z]"),
        'a key with other letters than a to z is written "in quotes"',
    ),
)
"""The same, by how tomllib begins, and by what is where it says that."""
_TWICE = re.compile(r"Cannot declare .* twice")

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SIGN = re.compile(
    r"""
      \#[^\n]*                              # a comment
    | \n | [\[\]{},=.]
    | \"{3} (?: \\. | [^\\] )*? \"{3,5}     # up to two quotation marks may precede the last three
    | '{3} .*? '{3,5}
    | " (?: \\. | [^"\\] )* "
    | ' [^']* '
    | [^\s\[\]{},=."'\#]+                   # a bare key, or a part of a number or a date
    """,
    re.VERBOSE | re.DOTALL,
)


def validated(
    model: type[_ModelT], path: Path, *, context: object = None, **given: object
) -> _ModelT:
    """Return the ``model`` in the TOML file at ``path``.

    ``given`` are values that come from the file's name and must not be in the file; ``context`` is
    what the model's validators need to know of other files. Raises LibraryError with a line for
    each mistake: file, line, key, and what is wrong.
    """
    text = _text(path)
    data = parsed(text, path)
    whole = {**data, **given}
    if context is None and not given.keys() & data.keys():
        with contextlib.suppress(ValidationError):  # each mistake is told below
            return cast("_ModelT", _made(model, text, tuple(given.items())))
    mistakes: list[tuple[_Loc, str]] = [
        ((key,), f"{key}: is the name of the {_named(value, path)}; leave it out")
        for key, value in given.items()
        if key in data
    ]
    try:
        made = model.model_validate(whole, context=context)
        if not mistakes:
            return made
    except ValidationError as error:
        mistakes += [
            _mistake(one, model, whole, given, path) for one in error.errors(include_url=False)
        ]
    root = places(text)
    placed = [(line_of(root, loc), what) for loc, what in mistakes]
    placed.sort(key=lambda one: one[0])
    lines = list(dict.fromkeys(f"{path}:{line}: {_printable(what)}" for line, what in placed))
    if len(lines) > _MOST_TOLD:
        lines[_MOST_TOLD:] = [f"{path}: and {len(lines) - _MOST_TOLD:,} more mistakes"]
    raise LibraryError("\n".join(lines))


def _mistake(
    error: Mapping[str, Any],
    model: type[BaseModel],
    data: object,
    given: Mapping[str, object],
    path: Path,
) -> tuple[_Loc, str]:
    """Return the location of a mistake in the file at ``path``, and a message with its key."""
    loc = error["loc"]
    if error["type"] == "extra_forbidden":
        what = reason(error, keys_at(model, loc[:-1]))
        key = _key(loc[:-1], data)
    else:
        loc = loc[:-1] if loc[-1:] == ("[key]",) else loc  # how pydantic marks a key
        what = reason(error)
        key = _key(loc, data, missing=error["type"] == "missing")
    if loc and loc[0] in given:
        key = f"the name of the {_named(given[loc[0]], path)}"
    return loc, f"{key}: {what}" if key else what


def _named(value: object, path: Path) -> str:
    """Return what has a given value as its name: a file or, for a kind, its folder."""
    return "folder" if value == path.parent.name and value != path.stem else "file"


def _key(loc: _Loc, data: object, *, missing: bool = False) -> str:
    """Return a location as people write it: areas.upper-calf.find #1 (lists count from 1).

    Steps that exist only in the model, such as a member of a union, are left out.
    """
    key = ""
    for part in loc:
        if isinstance(data, dict) and part in data:
            data = data[part]
            key += f".{_quoted(str(part))}"
        elif isinstance(data, list) and isinstance(part, int):
            data = data[part]
            called = data.get("id") if isinstance(data, dict) else None
            is_name = isinstance(called, str) and re.fullmatch(NAME, called)
            key += f".{called}" if is_name else f" #{part + 1}"
    if missing:
        key += f".{_quoted(str(loc[-1]))}"
    return key.removeprefix(".")


def _quoted(key: str) -> str:
    """Return a key as it is written in TOML."""
    return shortened(key) if _BARE_KEY.fullmatch(key) else f'"{shortened(key)}"'


def _printable(text: str) -> str:
    """Return a message without control characters, which may come from the file."""
    return "".join(" " if one.isspace() else one if one.isprintable() else "�" for one in text)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise LibraryError(f"{path}: cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise LibraryError(f"{path}: is larger than {_MOST_BYTES:,} bytes; split it up")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        what = "is not UTF-8; save the file in that encoding"
        raise LibraryError(f"{path}:{line}: {what}") from error


def parsed(text: str, path: Path) -> dict[str, Any]:
    """Return what a text in TOML says; raises LibraryError with the line that is not TOML."""
    try:
        return _loads(text)
    except tomllib.TOMLDecodeError as error:
        match = _SYNTAX.fullmatch(str(error))
        what = match[1] if match else str(error)
        lines = text.removesuffix("\n").split("\n")
        line = int(match[2]) if match and match[2] else len(lines)
        if what == "Cannot overwrite a value":  # tomllib reports the end of the value
            line = _Reader("\n".join(lines[:line])).statement_line
        if _TWICE.fullmatch(what):
            what = "this table is already used"
        place = lines[line - 1][int(match[3]) - 1 :] if match and match[3] else ""
        plainer = (say for said, at, say in _AT_PLACE if what.startswith(said) and at.match(place))
        what = (
            next(plainer, None) or _PLAINER.get(what) or what[:1].lower() + shortened(what[1:], 200)
        )
        raise LibraryError(f"{path}:{line}: is not valid TOML: {what}") from error
    except RecursionError as error:
        raise LibraryError(f"{path}: has lists or tables nested too deeply") from error
    except ValueError as error:  # Python's limit for whole numbers
        raise LibraryError(f"{path}: has a number with too many digits") from error


@functools.lru_cache(maxsize=256)
def _loads(text: str) -> dict[str, Any]:
    """Return what a text says; a session that is fitted reads each file many times."""
    return tomllib.loads(text)


@functools.lru_cache(maxsize=256)
def _made(model: type[BaseModel], text: str, given: tuple[tuple[str, object], ...]) -> BaseModel:
    """Return what a valid text makes, which cannot be changed: a session may need it many times."""
    return model.model_validate({**_loads(text), **dict(given)})


@dataclass(slots=True)
class Node:
    """The place where a table, list or value begins in a file, with its parts."""

    line: int
    parts: dict[str | int, Node] = field(default_factory=dict)
    of_tables: bool = False
    """Whether it is a list written with [[ ]]: later references mean its last table."""

    def at(self, keys: Iterable[str], line: int) -> Node:
        """Return the place at the dotted ``keys``; new places begin on ``line``."""
        place = self
        for key in keys:
            place = place.parts.setdefault(key, Node(line))
            if place.of_tables:
                place = place.parts[len(place.parts) - 1]
        return place

    def append(self, line: int) -> Node:
        """Return the place of another entry of a list."""
        return self.parts.setdefault(len(self.parts), Node(line))


def line_of(root: Node, loc: Iterable[str | int]) -> int:
    """Return the line of ``loc``, or of the nearest existing thing around it."""
    place = root
    for part in loc:
        if part not in place.parts:
            break
        place = place.parts[part]
    return place.line


def places(text: str) -> Node:
    """Return the places of everything in a text that is valid TOML."""
    return _Reader(text).root


class _Reader:
    """Follows the keys and brackets of TOML, token by token, without recursion."""

    def __init__(self, text: str) -> None:
        self.root = Node(1)
        self.statement_line = 1
        """Where the last statement begins."""
        self._line = 1
        self._table = self.root
        """The table of the last header, to which statements belong."""
        self._open: list[tuple[Node, Callable[[str], None]]] = []
        """The open bracketed lists and tables, with the reader to continue after a comma."""
        self._place = self.root
        """The place whose value is being read."""
        self._keys: list[str] = []
        self._header_of_list = False
        self._read: Callable[[str], None] = self._key
        """The reader of the next token."""
        for match in _SIGN.finditer(text):
            if not match[0].startswith("#"):
                self._read(match[0])
            self._line += match[0].count("\n")

    def _key(self, sign: str) -> None:
        match sign:
            case "=":
                if not self._open:
                    self.statement_line = self._line
                table = self._open[-1][0] if self._open else self._table
                self._place = table.at(self._taken_keys(), self._line)
                self._read = self._value
            case "[":
                self._header_of_list = False
                self._read = self._header
            case "}":
                self._end(sign)
            case "\n" | "." | ",":
                pass
            case _:
                self._keys.append(_decoded(sign))

    def _header(self, sign: str) -> None:
        match sign:
            case "[":
                self._header_of_list = True
            case "]":
                self.statement_line = self._line
                self._table = self._headed()
                self._read = self._end
            case ".":
                pass
            case _:
                self._keys.append(_decoded(sign))

    def _headed(self) -> Node:
        *above, key = self._taken_keys()
        outer = self.root.at(above, self._line)
        place = outer.parts.setdefault(key, Node(self._line))
        if not self._header_of_list:
            place.line = self._line  # [a] goes before [a.b], wherever that is
            return place
        place.of_tables = True
        return place.append(self._line)

    def _taken_keys(self) -> list[str]:
        keys, self._keys = self._keys, []
        return keys

    def _value(self, sign: str) -> None:
        parts = {"[": self._entry, "{": self._key}.get(sign)
        if parts is not None:
            self._open.append((self._place, parts))
        self._read = parts or self._end

    def _entry(self, sign: str) -> None:
        if sign == "]":
            self._end(sign)
        elif sign != "\n":
            self._place = self._open[-1][0].append(self._line)
            self._value(sign)

    def _end(self, sign: str) -> None:
        """Read what follows a value or a header, including the rest of a number or a date."""
        self._read = self._end
        if self._open and sign in ("]", "}"):
            self._open.pop()
        elif self._open and sign == ",":
            self._read = self._open[-1][1]
        elif not self._open and sign == "\n":
            self._read = self._key


def _decoded(key: str) -> str:
    """Return the text of a key, which may be quoted."""
    return str(tomllib.loads(f"key = {key}")["key"]) if key[0] in "\"'" else key
