"""The options model -> the fields of the page's form.

Every option that has a place on the page (``Option.page``) becomes a field, under the name that
texts.toml has for it, or else its help. So do a kind's own options. How a field looks follows from
the values that it may have; a few look otherwise in the page's template.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from voiceguide import settings
from voiceguide.options import BEDS, DEFAULTS, OPTIONS, TYPES, choices, chosen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from voiceguide.library.kinds import Kind
    from voiceguide.options import Options

VARIABLES = "variables"
"""The option that holds those of a kind's own."""
OFFERED = tuple(name for name, option in OPTIONS.items() if option.page)
"""The options that the page may choose; ``wanted`` takes no files of this machine in them."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the form."""

    name: str
    """The option's; of one of a kind's own “variables.” and its name."""
    place: Literal["first", "more"]
    """Whether it is always visible, or only with the others."""
    control: Literal["pills", "switch", "number", "text"]
    label: str
    hint: str
    values: dict[str, str]
    """What it may be, and what the page calls that; empty where it may be anything."""
    default: str | bool | float | None
    """What it is until it is chosen."""
    least: float | None = None
    most: float | None = None
    """The limits of a number; None for no limit."""
    kind: str | None = None
    """The kind whose own option it is."""


def fields(texts: Mapping[str, Any], kinds: Iterable[Kind]) -> Iterator[Field]:
    """Return the fields of the form, in the model's order; ``texts`` are the page's."""
    for name in OFFERED:
        option = OPTIONS[name]
        words = texts["options"].get(name, {})
        called = words.get("values", {})
        values = {value: called.get(value, value) for value in choices(name)}
        yield Field(
            name,
            option.page or "more",
            "pills" if values else _control(get_args(TYPES[name]) or (TYPES[name],)),
            words.get("label") or option.help.removesuffix("."),
            words.get("hint", ""),
            values or called,
            option.default if DEFAULTS[name] is None else DEFAULTS[name],
            option.least,
            option.most,
        )
    for kind in kinds:
        for name, variable in kind.variables.items():
            values = {str(value): str(value) for value in variable.choices or ()}
            control = "pills" if values else _control((type(variable.default),))
            help_ = variable.help.removesuffix(".")
            yield Field(
                f"{VARIABLES}.{name}", "more", control, help_, "", values, variable.default,
                variable.least, variable.most, kind.id,
            )  # fmt: skip


def suiting(kind: Kind) -> list[str]:
    """Return the names of the fields that suit a kind."""
    shared = (name for name in OFFERED if not OPTIONS[name].of_kinds or name in kind.options)
    return [*shared, *(f"{VARIABLES}.{name}" for name in kind.variables)]


def of_tracks(kind: Kind) -> list[str]:
    """Return the options that the tracks of a kind's playlist have each for themselves."""
    names = {name for track in kind.tracks for name in (*track.options, track.each) if name}
    return sorted(f"{VARIABLES}.{name}" if name in kind.variables else name for name in names)


def starting_values(language: str) -> dict[str, Any]:
    """Return what the fields hold at first by the listener's settings; raises UsageError."""
    given = settings.in_file(language)
    options = chosen({name: given[name] for name in OFFERED if name in given})
    values = {name: getattr(options, name) for name in OFFERED if name in given}
    if values.get("bed") not in BEDS:
        values.pop("bed", None)  # a file of this machine
    values.pop("voice", None)  # that may be one, too
    if options.length_ms is not None:
        values["minutes"] = options.length_ms / 60_000
    return values


def shown(options: Options) -> dict[str, str | int | float]:
    """Return what was chosen that the page shows, without what could name a file here."""
    return {
        name: value
        for name, value in options.chosen().items()
        if name in OFFERED
        and isinstance(value, str | int | float)
        and name not in ("voice", "language", "minutes")
        and (name != "bed" or value in BEDS)
    }


def _control(types: tuple[Any, ...]) -> Literal["switch", "number", "text"]:
    if bool in types:
        return "switch"
    return "number" if {int, float} & {*types} and str not in types else "text"
