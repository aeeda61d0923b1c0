"""Everything that can go wrong. Each message says what is wrong, where, and what to do."""

from __future__ import annotations

import re
import types
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Union, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_MOST_SHOWN = 20

NAME = r"^[a-z0-9]+(-[a-z0-9]+)*$"
"""The pattern of a name in the library: upper-calf, trigger-tool."""

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
_MOST_NEAR = 3
_MOST_COMPARED = 12
_FEW = 6
"""If no name is near, up to this many are listed; more are not."""
_LONGEST_NAME = 100  # characters that are compared with other names


class Position(NamedTuple):
    """A position in a file; line and column count from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.line}:{self.column}"


class Findings:
    """The problems or warnings of a file, with their positions."""

    def __init__(self) -> None:
        self._places: dict[str, dict[Position, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._places)

    def add(self, what: str, at: Position) -> None:
        """Add a finding; the same one at the same place counts once."""
        self._places.setdefault(what, {})[at] = None

    def include(self, others: Findings) -> None:
        """Add everything in ``others``."""
        for what, places in others._places.items():
            for at in places:
                self.add(what, at)

    def report(self, name: str) -> Iterator[str]:
        """Return a line for each finding, in document order: its first place, and how often."""
        findings = sorted((min(places), what) for what, places in self._places.items())
        for at, what in findings[:_MOST_SHOWN]:
            more = len(self._places[what]) - 1
            yield f"{name}:{at}: {what}" + (f" (and {more} more like it)" if more else "")
        if len(findings) > _MOST_SHOWN:
            yield f"{name}: and {len(findings) - _MOST_SHOWN} more"


def shortened(text: str, most: int = 60) -> str:
    """Return the beginning of a long text, for a message."""
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"


def spellings(name: str) -> set[str]:
    """Return the ways to write ``name`` in lower case, with hyphens and without umlauts.

    For “Hüfte links” these are hufte-links and huefte-links.
    """
    plain = unicodedata.normalize("NFC", name).casefold().replace("'", "").replace("’", "")
    plain = "-".join(re.findall(r"[^\s_-]+", plain))
    return {_without_accents(way) for way in (plain, plain.translate(_UMLAUTS)) if way}


def _without_accents(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


def match_name(name: str, known: Iterable[str]) -> str | None:
    """Return the one of ``known`` that ``name`` means: as written, or in another spelling.

    Two names mean the same if they differ only in case, spaces, hyphens, accents or umlauts:
    “Tennis Elbow” and tennis-elbow, “Hüfte” and huefte, “lowerback” and lower-back.
    """
    names = list(known)
    if name in names:
        return name
    if len(name) > _LONGEST_NAME:
        return None
    wanted = _joined(name)
    return next((one for one in names if wanted & _joined(one)), None)


def _joined(name: str) -> set[str]:
    """Return the spellings of a name, written as one word."""
    return {way.replace("-", "") for way in spellings(name)}


def near(
    wrong: str,
    known: Iterable[str],
    meanings: Mapping[str, str] | None = None,
    shown: str = "{}",
) -> str:
    """Return the end of a message about an unknown name.

    "; did you mean X or Y?" names the three nearest at most; of names with the same of the
    ``meanings``, only the nearest. If none is near, "; available: " lists all of them if they are
    few; otherwise the text is empty. ``shown`` is how a name is written.
    """
    import difflib  # only where something is wrong

    meanings = meanings or {}
    names = list(dict.fromkeys(known))
    spelled = {spelling: name for name in reversed(names) for spelling in spellings(name)}
    alike: dict[str, str] = {}
    for spelling in sorted(spellings(wrong[:_LONGEST_NAME])):
        for match in difflib.get_close_matches(spelling, spelled, n=_MOST_COMPARED):
            name = spelled[match]
            alike.setdefault(meanings.get(name, name), name)
    if alike:
        nearest = list(alike.values())[:_MOST_NEAR]
        return f"; did you mean {' or '.join(map(shown.format, nearest))}?"
    if 0 < len(names) <= _FEW:
        return f"; available: {', '.join(map(shown.format, names))}"
    return ""


def reason(error: Mapping[str, Any], known: Iterable[str] = ()) -> str:
    """Return in plain English what is wrong with a value: "must be left, right or both".

    ``error`` is one of pydantic's ``errors()``; ``known`` are the valid keys, from which near ones
    are suggested for an unknown key (see ``keys_at``).
    """
    kind, context, value = error["type"], error.get("ctx", {}), error.get("input")
    match kind:
        case "value_error" | "assertion_error":
            return str(context.get("error") or error["msg"].partition(", ")[2])
        case "extra_forbidden":
            key = str(error["loc"][-1])
            return f"unknown key “{shortened(key)}”{near(key, known, shown='“{}”')}"
        case "string_pattern_mismatch":
            return _form(context["pattern"], value)
        case "too_short" | "too_long" | "string_too_short" | "string_too_long":
            return _size(kind, context, value)
    if kind not in _REASONS:
        return "cannot be used here"
    sentence = _REASONS[kind].format_map({key: _written(limit) for key, limit in context.items()})
    instead = _kind_of(value) if kind.endswith("_type") else ""
    wrong = instead and not sentence.endswith(instead)
    return f"{sentence}, not {instead}" if wrong else sentence


_REASONS = {
    "missing": "is missing",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_type": "must be text",
    "string_unicode": "must be valid UTF-8",
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("decimal_type", "decimal_parsing"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "iterable_type"), "must be a list"),
    **dict.fromkeys(("dict_type", "mapping_type"), "must be a table"),
    **dict.fromkeys(("model_type", "model_attributes_type"), "must be a table"),
    "path_type": "must be a path",
    "finite_number": "must be a finite number",
    **dict.fromkeys(("int_parsing_size", "decimal_max_digits"), "has too many digits"),
    **dict.fromkeys(("decimal_max_places", "decimal_whole_digits"), "has too many digits"),
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
    "multiple_of": "must be a multiple of {multiple_of}",
}
"""By pydantic's type of error: what the message says about the value."""


def _form(pattern: str, value: object) -> str:
    if pattern != NAME:
        return "does not have the right form"
    better = min(spellings(value), default="") if isinstance(value, str) else ""
    example = f": {better}" if re.fullmatch(NAME, better) else ", such as upper-calf"
    return f"must be lower-case words joined by hyphens{shortened(example)}"


def _size(kind: str, context: Mapping[str, Any], value: object) -> str:
    if kind.startswith("string"):
        one, several = "character", "characters"
        has = len(value) if isinstance(value, str) else None
    else:
        one, several, has = "entry", "entries", context.get("actual_length")
    least = kind.endswith("short")
    limit = context["min_length" if least else "max_length"]
    needs = f"{'needs at least' if least else 'may have at most'} {limit:,}"
    but = "" if has is None else f", but has {f'{has:,}' if has else 'none'}"
    return f"{needs} {one if limit == 1 else several}{but}"


def _written(limit: object) -> str:
    """Return a limit or a list of choices as text, without Python's quotes."""
    if isinstance(limit, float) and limit.is_integer():
        limit = int(limit)
    if isinstance(limit, int | float | Decimal):
        return f"{limit:,}"
    return re.sub(r"'([^']*)'", r"\1", str(limit))


def _kind_of(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case Mapping():
            return "a table"
    return ""


def keys_at(model: object, loc: Sequence[str | int]) -> list[str]:
    """Return the keys that a pydantic ``model`` accepts at the location ``loc`` of its data."""
    kinds = list(_concrete(model))
    for part in loc:
        kinds = [inner for kind in kinds for one in _inside(kind, part) for inner in _concrete(one)]
    fields = [getattr(kind, "model_fields", {}) for kind in kinds]
    return [field.alias or name for some in fields for name, field in some.items()]


def _concrete(kind: Any) -> Iterator[Any]:
    """Return the types in an annotation: the members of a union, the annotated type."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _concrete(get_args(kind)[0])
    elif origin in (Union, types.UnionType):
        for one in get_args(kind):
            yield from _concrete(one)
    else:
        yield kind


def _inside(kind: Any, part: str | int) -> Iterator[Any]:
    """Return the types that can be at ``part`` in a value of the type ``kind``."""
    origin = get_origin(kind)
    if hasattr(kind, "model_fields"):
        for name, field in kind.model_fields.items():
            if part in (name, field.alias):
                yield field.annotation
    elif isinstance(origin, type) and issubclass(origin, Mapping):
        yield get_args(kind)[1]
    elif isinstance(part, int) and get_args(kind):
        yield get_args(kind)[0]


_OPTION = re.compile("\x00([^\x00]+)\x00([^\x00]+)\x00")


def option(name: str, flag: str | None = None) -> str:
    """Return a placeholder for an option: the argument in Python, the flag on the command line.

    ``flag`` is needed if the command line does not call it --name.
    """
    return f"\0{name}\0{flag or '--' + name.replace('_', '-')}\0"


class VoiceguideError(Exception):
    """Anything a user can fix; the command line prints it without a traceback."""

    def __str__(self) -> str:
        """Return the message, with options as keyword arguments: bed_level."""
        return _OPTION.sub(lambda found: str(found[1]), super().__str__())

    def with_flags(self) -> str:
        """Return the message, with options as on the command line: --bed-level."""
        return _OPTION.sub(lambda found: str(found[2]), super().__str__())


class RequestError(VoiceguideError):
    """A request that the library cannot fulfil."""


class UnknownTargetError(RequestError):
    """No region, area, complaint or kind has that name."""


class UsageError(RequestError):
    """An option is unknown or has an invalid value."""


class LengthRequestError(RequestError):
    """A session cannot have the requested length."""

    def __init__(
        self, message: str, nearest_ms: tuple[int, ...] = (), one_side_ms: int | None = None
    ) -> None:
        super().__init__(message)
        self.nearest_ms = nearest_ms
        """The nearest possible lengths: one below, one above, or only one of them."""
        self.one_side_ms = one_side_ms
        """The nearest possible length of one side alone, if both take too long."""


class LibraryError(VoiceguideError):
    """A file of the library (regions, methods, phrases) is missing or wrong."""


class ScriptError(VoiceguideError):
    """A script, or the template that writes it, is wrong."""


class VoiceError(VoiceguideError):
    """An engine or a voice is missing, or cannot speak a phrase."""


class MissingVoiceError(VoiceError):
    """There is no such voice, or none for the language."""


class SilentError(VoiceError):
    """An engine works, but has no sound for a phrase."""


class SoundError(VoiceguideError):
    """An audio file cannot be read."""


class ExportError(VoiceguideError):
    """The result cannot be written."""


class CatalogueError(VoiceguideError):
    """A catalogue cannot go on: its place, its cluster or one of its workers is wrong."""


class DeviceError(VoiceguideError):
    """There is no loudspeaker, or it went away."""
