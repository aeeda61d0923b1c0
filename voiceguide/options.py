"""What a listener can choose: one model.

The command-line options, the keyword arguments of ``Session``, the settings file, the form on the
page and the names of files all come from it. To add an option, add a field here and the code that
uses it. A kind of session can have more options of its own (``variables``, see
``voiceguide.library.kinds``).

Annotations are not postponed in this file: they are evaluated at run time.
"""

import dataclasses
import functools
import inspect
import json
import math
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Concatenate, Literal, ParamSpec, TypeVar

from voiceguide import files
from voiceguide.clock import checked_pace, milliseconds
from voiceguide.errors import RequestError, UsageError, near, option, reason

BEDS = ("rain", "ocean", "drone")
"""The ambient beds of sounds/."""

_LONGEST_MS = 7 * 24 * 3_600_000
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Value = str | bool | int | float


@dataclass(frozen=True, slots=True)
class Option:
    """What describes an option, apart from its name, type and default."""

    help: str
    metavar: str | None = None
    """The placeholder for its value in help; None for the name of its type."""
    default: str | None = None
    """What help shows as the default, if the value itself says too little."""
    least: float | None = None
    """The smallest number that is valid; None for any, and for what is no number."""
    most: float | None = None
    """The largest; None if there is only a smallest."""
    of_kinds: bool = False
    """Whether it only applies to certain kinds of session."""
    of_words: bool = False
    """Whether it only decides what is said, as the script shows, and those of kinds do."""
    page: Literal["first", "more"] | None = None
    """Where the page's form shows it; None for never. What could be a path is no path there."""
    check: Callable[[Any], Any] | None = None
    """Returns the value as it is used, or raises ValueError that says what is valid."""
    named: Callable[[Any], str] | None = None
    """Its part of a file name; None for the value itself or, for a switch, its name."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> Any:
        """Let pydantic check the value."""
        from pydantic_core import core_schema

        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: Any) -> Any:
        if value is None:
            return None
        least, most = self.least, self.most
        if least is not None and not least <= value <= (math.inf if most is None else most):
            raise ValueError(f"must be {self.limits}")
        return self.check(value) if self.check else value

    @property
    def limits(self) -> str:
        """The limits of a number in words, for messages and help; empty for none."""
        if self.least is None:
            return ""
        some = f"{self.least:g} or more"
        return some if self.most is None else f"between {self.least:g} and {self.most:g}"


def _minutes(written: float | str) -> float | str:
    what = "must be minutes, such as 12, 7.5 or 12:30"
    try:
        ms = milliseconds(written, bare="min")
    except ValueError:
        raise ValueError(what) from None
    if not 0 < ms <= _LONGEST_MS:
        raise ValueError(f"{what}, and at most a week")
    return written


def _length(written: str) -> str:
    if not 0 < milliseconds(written, bare="min") <= _LONGEST_MS:
        raise ValueError("must be a length such as 24h or 90min, at most a week")
    return written


def _text(written: str) -> str:
    try:
        written.encode()
    except UnicodeEncodeError as error:
        raise ValueError("is not UTF-8") from error
    return written


def _variables(written: Mapping[str, Value]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, value in written.items():
        if not _NAME.fullmatch(name):
            what = f"“{_shown(name)}” is not the name of a variable"
            raise ValueError(f"{what}: use letters, digits and _")
        if isinstance(value, str):
            value = _text(value)  # noqa: PLW2901 (as it is used)
            if _NUMBER.fullmatch(value):
                value = float(value) if "." in value else int(value)  # noqa: PLW2901
        values[name] = value
    return values


def _slug(text: str) -> str:
    """Return the last part of a path in a form that suits a file name."""
    return re.sub(r"[^a-z0-9]+", "-", Path(text).absolute().name.lower()).strip("-")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a listener asks for; the names are the same everywhere."""

    method: Annotated[
        str | None,
        Option(
            "The method; see “voiceguide methods”.",
            default="the deepest that suits; with --level gentle, the fascia ball",
            of_kinds=True,
            page="first",
        ),
    ] = None
    area: Annotated[
        str | None,
        Option("An area of the region, or “all”.", default="the first", of_kinds=True, page="more"),
    ] = None
    side: Annotated[
        Literal["left", "right", "both"], Option("The side to treat.", of_kinds=True, page="first")
    ] = "both"
    level: Annotated[
        Literal["gentle", "standard", "deep"],
        Option(
            "Holds of 30, 45 or 60 s, and how hard to press; gentle is for beginners.",
            of_kinds=True, page="more",
        ),
    ] = "standard"  # fmt: skip
    pace: Annotated[
        str | None,
        Option(
            "How to breathe: box, 4-7-8, coherent, calm, or seconds in and out such as 4-6 or "
            "4-4-4-4.",
            metavar="PACE",
            default="calm",
            of_kinds=True,
            page="first",
            check=checked_pace,
        ),
    ] = None
    guidance: Annotated[
        Literal["full", "brief", "tones"],
        Option("Everything, cues for a spot you know, or tones only.", of_kinds=True, page="more"),
    ] = "full"
    explain: Annotated[
        bool, Option("Begin with a minute of background.", of_kinds=True, page="more")
    ] = False
    prepare: Annotated[
        bool, Option("Roll out the area with the foam roller first.", of_kinds=True, page="more")
    ] = False
    holds: Annotated[
        Literal["fixed", "open"],
        Option("As the level says; or, in “play”, until you say next, 30 to 90 s.", of_kinds=True),
    ] = "fixed"
    ask: Annotated[
        bool,
        Option("After each spot, ask how it feels, and follow that.", of_kinds=True, page="more"),
    ] = False
    language: Annotated[
        str, Option("The language of the texts.", of_words=True, page="more", check=_text)
    ] = "en"
    library: Annotated[
        str | Path | None,
        Option(
            "A folder of texts that override the built-in ones.", of_words=True, metavar="FOLDER",
            named=lambda _: "",
        ),
    ] = None  # fmt: skip
    bed: Annotated[
        str | None,
        Option(
            "A background: rain, ocean, drone, or your own music (WAV, FLAC, OGG, MP3).",
            metavar="NAME|FILE",
            default="none",
            page="more",
            named=lambda bed: Path(bed).stem,
        ),
    ] = None
    bed_level: Annotated[
        float,
        Option(
            "Bed volume relative to normal, in dB.",
            metavar="DB", default="0", least=-40, most=20,
            named=lambda db: f"{abs(db):g}-db-{'lower' if db < 0 else 'higher'}",
        ),
    ] = 0.0  # fmt: skip
    mono: Annotated[bool, Option("One channel, without left and right.")] = False
    minutes: Annotated[
        float | str | None,
        Option(
            "The exact length: 12, 7.5 or 12:30.",
            of_words=True,
            metavar="M|MM:SS",
            default="as long as it takes",
            page="first",
            check=_minutes,
            named=lambda minutes: f"{milliseconds(minutes, bare='min') / 60_000:.4g}-min",
        ),
    ] = None
    voice: Annotated[
        str | None,
        Option(
            "A voice of “voiceguide voices”, a Piper model (x.onnx), a folder of recordings, or "
            "“default”: the system's.",
            metavar="NAME|FILE|FOLDER",
            default="the best for the language",
            page="more",
            named=lambda voice: _slug(voice.removesuffix(".onnx")),
        ),
    ] = None
    rate: Annotated[
        int | None,
        Option(
            "Words per minute as heard.",
            metavar="WPM", default="the voice's calm pace", least=80, most=450, page="more",
            named=lambda rate: f"{rate}-wpm",
        ),
    ] = None  # fmt: skip
    seed: Annotated[
        int,
        Option(
            "Another seed gives another choice of words; “play” and the page take the date.",
            metavar="N", default="0", least=0, of_words=True, named=lambda seed: f"seed-{seed}",
        ),
    ] = 0  # fmt: skip
    max_length: Annotated[
        str,
        Option(
            "The longest session that is allowed.",
            of_words=True, metavar="TIME", check=_length, named=lambda _: "",
        ),
    ] = "12h"  # fmt: skip
    variables: Annotated[
        Mapping[str, Value],
        Option(
            "A variable of a template or kind; can be repeated.",
            of_words=True, metavar="NAME=VALUE", check=_variables, named=files.digest,
        ),
    ] = dataclasses.field(default_factory=dict)  # fmt: skip

    __pydantic_config__ = {"extra": "forbid", "arbitrary_types_allowed": True}  # noqa: RUF012

    @property
    def length_ms(self) -> int | None:
        """The requested length; None for as long as the parts take."""
        return None if self.minutes is None else milliseconds(self.minutes, bare="min")

    @property
    def max_ms(self) -> int:
        """The longest session that is allowed."""
        return milliseconds(self.max_length, bare="min")

    @property
    def library_path(self) -> Path | None:
        """The folder of the listener's own texts."""
        return None if self.library is None else Path(self.library)

    def chosen(self) -> dict[str, Any]:
        """Return what differs from the defaults."""
        return {name: value for name, value in vars(self).items() if value != DEFAULTS[name]}

    def names(self) -> Iterator[str]:
        """Return what was chosen, as parts of a file name."""
        for name, value in self.chosen().items():
            named = OPTIONS[name].named
            if part := named(value) if named else name if value is True else str(value):
                yield part


OPTIONS: dict[str, Option] = {
    name: next(one for one in typing.get_args(hint) if isinstance(one, Option))
    for name, hint in typing.get_type_hints(Options, include_extras=True).items()
    if any(isinstance(one, Option) for one in typing.get_args(hint))
}
"""Each option's name and description."""

DEFAULTS: dict[str, Any] = {name: getattr(Options(), name) for name in OPTIONS}

TYPES: dict[str, Any] = typing.get_type_hints(Options)
"""The type of each option's value."""


def choices(name: str) -> tuple[str, ...]:
    """Return the values of an option that has a fixed set; empty for any other."""
    values = typing.get_args(TYPES[name])
    return values if values and all(isinstance(value, str) for value in values) else ()


def chosen(given: Mapping[str, Any]) -> Options:
    """Return checked options; raises UsageError that names the wrong one and what is valid.

    “none” takes back what settings say of an option that need not be given.
    """
    from pydantic import ValidationError

    for name in given:
        if name not in OPTIONS:
            raise UsageError(f"unknown option “{name}”{near(name, OPTIONS)}")
    given = {
        name: None if value == "none" and DEFAULTS[name] is None else value
        for name, value in given.items()
    }
    try:
        options: Options = _checker().validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        wrong = given.get(name)
        flag = "--set" if name == "variables" else None
        raise UsageError(f"{option(name, flag)} {_shown(wrong)}: {reason(first)}") from error
    if options.bed_level and options.bed is None:
        raise UsageError(f"{option('bed_level')} needs {option('bed')}")
    return options


def bed_file(name: str) -> Path:
    """Return the file of a bed, one of ours or the listener's; raises RequestError."""
    shipped = files.find(f"{name}.flac", files.folders("sounds")) if name in BEDS else None
    path = shipped or Path(name)
    if not files.is_file(path):
        meant = near(name, BEDS)
        hint = meant if meant.endswith("?") else ";"
        beds = f"beds are {', '.join(BEDS)}, or a file of your own"
        raise RequestError(f"{option('bed')} {name}: no such file{hint} {beds}")
    return path


def _shown(value: object) -> str:
    if isinstance(value, bool | list | dict):  # as it is written in settings, and not in Python
        value = json.dumps(value, ensure_ascii=False, default=str, skipkeys=True)
    text = str(value)
    return text.encode("utf-8", "backslashreplace").decode() if text else "''"


@functools.cache
def _checker() -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(Options)


_P = ParamSpec("_P")
_SelfT = TypeVar("_SelfT")
_TargetT = TypeVar("_TargetT")


def taking(
    _options: Callable[_P, Options],
) -> Callable[
    [Callable[[_SelfT, _TargetT, Options], None]], Callable[Concatenate[_SelfT, _TargetT, _P], None]
]:
    """Let an ``__init__(self, target, /, options)`` take the options as keyword arguments.

    Editors and type checkers see every one of them. Unknown ones raise UsageError.
    """

    def decorate(
        init: Callable[[_SelfT, _TargetT, Options], None],
    ) -> Callable[Concatenate[_SelfT, _TargetT, _P], None]:
        def taken(self: _SelfT, target: _TargetT, /, *args: _P.args, **options: _P.kwargs) -> None:
            if args:
                raise TypeError("options are given by name")
            init(self, target, chosen(options))

        own, options = (inspect.signature(one).parameters for one in (init, _options))
        named = [one.replace(annotation=TYPES[name]) for name, one in options.items()]
        shown = inspect.Signature([*own.values()][:2] + named)
        taken.__signature__ = shown  # type: ignore[attr-defined]
        told = ("__module__", "__name__", "__qualname__", "__doc__")
        return functools.update_wrapper(taken, init, told)

    return decorate
