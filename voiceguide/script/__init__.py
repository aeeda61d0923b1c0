"""A request and the library -> SSML text, by a Jinja2 template in scripts/sessions/."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import random
import re
import secrets
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from voiceguide import errors, files
from voiceguide.errors import (
    LibraryError,
    RequestError,
    ScriptError,
    VoiceguideError,
    shortened,
)
from voiceguide.library import REFERENCE, Area, Library, Method, Region, Wording, for_side, load
from voiceguide.ssml.values import duration
from voiceguide.ssml.xml import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Side = Literal["left", "right"]

LIMIT_S = 3.0
"""How long a template that is not the package's own may take; the package's take 0.02 s."""

_TEMPLATES = ("*.jinja", "sessions/*.jinja")
"""Where those lie that a session begins with; these lead to all others."""
_MOST_MS = 7 * 24 * 3_600_000
_CLOCK = re.compile(r"(\d+):([0-5]\d(?:\.\d{1,3})?)")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?")
_PLACEHOLDER = re.compile(r"<([^>]*)>")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")
_DIGEST_BYTES = 32


DEFAULT_ROUNDS = {"gentle": 6, "standard": 5, "deep": 4}
"""Rounds of a hold and 10 s of mobilizing that take about five minutes (the domain's protocol)."""
ROUNDS = range(2, 11)
"""With a length to keep to: from the least that helps to ten minutes on one spot."""
BEDS = ("rain", "ocean", "drone")
"""The ambient beds of sounds/."""
ROLLER = "foam-roller"
"""The method that prepares for another."""
HANDS = "thumb"
"""The method that needs no tool."""
ROUNDS_FOR_MORE_AREAS = 3
"""Another area is only taken on if all get so many."""


def _minutes(written: object) -> Decimal:
    if isinstance(written, str) and (match := _CLOCK.fullmatch(written)):
        return (Decimal(match[1]) * 60_000 + Decimal(match[2]) * 1000) / 60_000
    try:
        return Decimal(str(written))
    except ArithmeticError:
        raise ValueError("must be minutes, such as 12, 7.5 or 12:30") from None


def _length(written: str) -> str:
    if not 0 < duration(written) <= _MOST_MS:
        raise ValueError("must be a length such as 24h or 90min, a week at most")
    return written


def _value(written: object) -> object:
    if isinstance(written, str) and _NUMBER.fullmatch(written):
        return float(written) if "." in written else int(written)
    if isinstance(written, str):
        try:
            written.encode()
        except UnicodeEncodeError as error:
            raise ValueError("is not UTF-8") from error
    return written


Part = Literal["whole", "prepare", "treat", "close"]
"""What a script is: a whole session, or a track of a playlist: to prepare for all areas, to treat
one of them, or to stretch all and close."""

Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Value = str | bool | int | float


class Request(BaseModel):
    """What a listener asks for. The words are those of the command line."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    target: str
    """A region or a complaint."""
    method: str | None = None
    """A method's id; None for the deepest that suits."""
    area: str | None = None
    """An area's id, "all", or None for the region's first, most useful one."""
    side: Literal["left", "right", "both"] = "both"
    level: Literal["gentle", "standard", "deep"] = "standard"
    minutes: Annotated[Decimal, BeforeValidator(_minutes), Field(gt=0, le=10_000)] | None = None
    """How long the session lasts: 12, 7.5 or "12:30"; None for as long as its parts need."""
    variables: dict[Variable, Annotated[Value, BeforeValidator(_value)]] = {}
    """What a template of the listener's own (my.ssml.jinja) is given; "3" and "1.5" are numbers."""
    max_length: Annotated[str, AfterValidator(_length)] = "12h"
    """The longest session that is made: "24h", "90min"."""
    guidance: Literal["full", "brief", "tones"] = "full"
    """Everything; or what leads through a place that is known; or tones and chapter names alone."""
    explain: bool = False
    """Whether a minute of background comes first."""
    prepare: bool = False
    """Whether the foam roller comes before another method, in areas that it suits."""
    language: str = "en"
    library: Path | None = None
    """A folder of texts that go before all others."""
    part: Part = "whole"
    """The whole session, or one track of a playlist."""
    seed: int = Field(default=0, ge=0)
    """Which variants of the phrases are said; the same seed gives the same session."""
    bed: str | None = None
    """What sounds under the session: one of BEDS, or a file."""
    bed_level: float = Field(default=0.0, ge=-40, le=20)
    """In dB, relative to the level that a bed has else."""
    mono: bool = False
    """Whether what is said for a side stays in the middle."""

    @property
    def length_ms(self) -> int | None:
        """How long the session is to last, to the millisecond."""
        return None if self.minutes is None else round(self.minutes * 60_000)

    @property
    def max_ms(self) -> int:
        """The longest session that is made, in milliseconds."""
        return duration(self.max_length)


def request(**options: object) -> Request:
    """Check the options of a request; raises RequestError naming the option that is wrong."""
    try:
        asked = Request.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise RequestError(f"{option} = {first['input']!r}: {reason}") from error
    if asked.bed_level and asked.bed is None:
        raise RequestError(f"bed_level = {asked.bed_level:g}: there is no bed; choose one (--bed)")
    return asked


class Treatment(NamedTuple):
    """What is treated, and how."""

    region: Region
    method: Method
    areas: list[Area]
    """Those among which a session of a given length may choose, the most useful first."""


def treatment(asked: Request, library: Library) -> Treatment:
    """Find what a request treats; raises RequestError where its parts do not go together."""
    region = library.region(asked.target)
    areas = region.areas_for(asked.target)
    if asked.area not in (None, "all"):
        areas = [region.area(asked.area)]
    if asked.part != "whole":
        return Treatment(region, by_area(asked, library, areas)[0], areas)
    if asked.method is None:
        suits = [area.place for area in (areas if asked.area == "all" else areas[:1])]
        by_depth = [name for name in library.methods if name in areas[0].place]
        for_all = [name for name in by_depth if all(name in place for place in suits)]
        method = library.method((for_all or by_depth or list(areas[0].place))[0])
    else:
        method = library.method(asked.method)
    suited = [area for area in areas if method.id in area.place]
    if not suited:
        there_are = sorted({name for area in areas for name in area.place})
        raise RequestError(
            f"{method.name} does not suit {areas[0].name}; what suits: {', '.join(there_are)}"
        )
    if asked.prepare and method.id == ROLLER:
        raise RequestError(f"prepare: {method.name} is the method already; leave it out")
    prepared = suited if asked.area == "all" else suited[:1]
    if asked.prepare and not any(ROLLER in area.place for area in prepared):
        raise RequestError(
            f"prepare: {library.method(ROLLER).name} does not suit {suited[0].name}; leave it out"
        )
    return Treatment(region, method, suited)


def by_area(asked: Request, library: Library, areas: list[Area]) -> list[Method]:
    """Return the method for each area of a playlist: the one asked for, or the deepest that suits.

    Raises RequestError where there is no such method, or the roller is to prepare for itself.
    """
    asked_for = None if asked.method is None else library.method(asked.method)
    if asked_for and asked_for.id == ROLLER and asked.prepare:
        raise RequestError(f"prepare: {asked_for.name} is the method already; leave it out")
    preferred = [asked_for.id] if asked_for else []
    names = [*preferred, *library.methods]
    return [
        library.method(next(name for name in [*names, *area.place] if name in area.place))
        for area in areas
    ]


def render(
    asked: Request,
    library: Library,
    *,
    areas: int | None = None,
    rounds: int | None = None,
    terse: bool = False,
) -> str:
    """Write the script of a session, or of its ``asked.part``.

    ``areas`` treats so many of the areas, the most useful first; ``rounds`` gives each side so
    many. Without them it is what was asked for, in about five minutes a side. ``terse`` leaves
    out what can be left out without harm. Templates other than the package's own are rendered in
    a process of its own, within limits of time and memory. Raises RequestError where region, area
    and method do not go together, LibraryError where a phrase is missing, ScriptError where the
    template fails or passes a limit.
    """
    own_folders = files.script_folders(asked.library)[:-1]
    if any(path for folder in own_folders for names in _TEMPLATES for path in folder.glob(names)):
        choice = {"areas": areas, "rounds": rounds, "terse": terse}
        return _in_child(asked, _template(treatment(asked, library).method), choice=choice)
    return render_region(asked, library, areas=areas, rounds=rounds, terse=terse)


def render_region(
    asked: Request, library: Library, *, areas: int | None, rounds: int | None, terse: bool
) -> str:
    """Do the work of ``render``, without its limits of time and memory."""
    region, method, suited = treatment(asked, library)
    one = asked.area != "all" and asked.part in ("whole", "treat")
    treated = suited[: areas or (1 if one else None)]
    sides = [(area.model_dump(), _sides(area, asked.side)) for area in treated]
    tools: list[Method] = []
    rolled: list[bool] = []
    if asked.part == "prepare":
        methods = by_area(asked, library, treated)
        rolled = [
            asked.prepare and method.id != ROLLER and ROLLER in area.place
            for area, method in zip(treated, methods, strict=True)
        ]
        tools = [one for one in library.methods.values() if one in methods and one.id != HANDS]
        if any(rolled) and library.method(ROLLER) not in tools:
            tools.append(library.method(ROLLER))
        method = (tools or methods)[0]
    environment = _environment(asked, library, files.script_folders(asked.library), method.id)
    # A template gets plain dictionaries: the methods of a model would lead out of the sandbox.
    return _rendered(
        environment,
        _template(method),
        {
            "region": region.model_dump(),
            "method": method.model_dump(),
            "other_tools": [tool.spoken for tool in tools[1:]],
            "treatments": sides,
            "rolled": list(itertools.compress(sides, rolled)),
            "roller": library.method(ROLLER).model_dump() if asked.prepare else None,
            "part": asked.part,
            "level": asked.level,
            "guidance": asked.guidance,
            "explain": asked.explain,
            "terse": terse,
            "rounds": rounds or DEFAULT_ROUNDS[asked.level],
            "language": asked.language,
        },
    )


def render_own(source: str, name: str, folder: Path, asked: Request) -> str:
    """Write the script of a template of the listener's own, which may come from a stranger.

    It is rendered in a process of its own, within limits of time and memory. ``name`` stands in
    messages; beside the macros it may import what lies in ``folder``. It is given the variables
    of ``asked``. Raises ScriptError where it fails or passes a limit.
    """
    return _in_child(asked, name, source=source, name=name, folder=str(folder))


def _in_child(asked: Request, called: str, **work: object) -> str:
    """Render in ``template_child``; ``called`` stands in messages."""
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-m", "voiceguide.script.child"],
            input=json.dumps({"asked": asked.model_dump_json(), **work}),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            timeout=LIMIT_S,
            check=False,
        )
        answer = json.loads(child.stdout)
    except subprocess.TimeoutExpired as error:
        what = f"takes longer than {LIMIT_S:g} s: look for a loop without end"
        raise ScriptError(f"{called}: {what}") from error
    except ValueError as error:
        what = f"its process ended with status {child.returncode}: did it need too much memory?"
        raise ScriptError(f"{called}: cannot be rendered: {what}") from error
    if "error" in answer:
        raise getattr(errors, answer["kind"])(answer["error"])
    return str(answer["script"])


def render_source(source: str, name: str, folder: Path, asked: Request) -> str:
    """Do the work of ``render_own``, without its limits of time and memory."""
    try:
        library = load(asked.language, asked.library)
    except RequestError:  # a template of its own words may be in any language
        library = load(REFERENCE, asked.library)
    folders = [folder, *files.script_folders(asked.library)]
    environment = _environment(asked, library, folders)
    environment.bytecode_cache = None  # nothing of a stranger's is kept
    loader = environment.loader
    environment.loader = jinja2.ChoiceLoader(
        [jinja2.FunctionLoader(lambda wanted: (source, name, None) if wanted == name else None)]
        + ([loader] if loader else [])
    )
    environment.globals["region"] = lambda target: library.region(target).model_dump()
    return _rendered(environment, name, {"language": asked.language, **asked.variables})


def _environment(
    asked: Request, library: Library, folders: list[Path], method_id: str | None = None
) -> jinja2.Environment:
    rng = random.Random(asked.seed)  # noqa: S311 (no secret)
    phrases = _Phrases(library.wording, rng, method_id)

    def find(name: str) -> tuple[str, str, None] | None:
        hidden = any(part.startswith(".") for part in name.split("/"))
        path = None if hidden or not name.endswith(".jinja") else files.find(name, folders)
        return None if path is None else (path.read_text(encoding="utf-8"), str(path), None)

    environment = ImmutableSandboxedEnvironment(
        loader=jinja2.FunctionLoader(find),
        undefined=jinja2.StrictUndefined,
        bytecode_cache=_COMPILED,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["sentences"] = sentences
    environment.globals |= {"pick": phrases.pick, "wording": library.wording.model_dump()}
    return environment


def _rendered(environment: jinja2.Environment, name: str, context: Mapping[str, object]) -> str:
    """Render a template; raises ScriptError with the line where it fails."""
    pieces: list[str] = []
    length = 0
    try:
        for piece in environment.get_template(name).generate(context):
            pieces.append(piece)
            length += len(piece)
            if length > MAX_BYTES:
                break
    except jinja2.TemplateNotFound as error:
        where = "" if error.name == name else f"{name}: "
        raise ScriptError(f"{where}template {error.name} is missing") from error
    except jinja2.TemplateSyntaxError as error:
        raise ScriptError(f"{error.filename or name}:{error.lineno}: {error.message}") from error
    except VoiceguideError:
        raise
    except MemoryError as error:
        raise ScriptError(f"{name}: needs more memory than a template may have") from error
    except Exception as error:  # a template may raise anything at all
        where = _template_line(error) or name
        raise ScriptError(
            f"{where}: {type(error).__name__}: {shortened(str(error), 300)}"
        ) from error
    if length > MAX_BYTES:
        raise ScriptError(f"{name}: writes more than the {MAX_BYTES:,} bytes of a script")
    return "".join(pieces)


def sentences(texts: str | Iterable[str], side: Side | None = None) -> list[str]:
    """Split one or several texts into sentences, worded for ``side``."""
    texts = [texts] if isinstance(texts, str) else texts
    return [part for text in texts for part in _SENTENCE_END.split(for_side(text, side).strip())]


class _Compiled(jinja2.BytecodeCache):
    """Keeps templates compiled, here and in the cache folder.

    To compile them takes longer than all else of a script, and fitting a session to a length
    renders the same ones many times. A file that is damaged does not match its digest: it is
    taken for missing, and written anew.
    """

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Return a template that was compiled before."""
        if bucket.key not in self._kept:
            with contextlib.suppress(OSError):
                data = self._path(bucket).read_bytes()
                if _digest(data[_DIGEST_BYTES:]) == data[:_DIGEST_BYTES]:
                    self._kept[bucket.key] = data[_DIGEST_BYTES:]
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: jinja2.bccache.Bucket) -> None:
        """Keep a template."""
        code = self._kept[bucket.key] = bucket.bytecode_to_string()
        path = self._path(bucket)
        temporary = path.with_suffix(f".{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(_digest(code) + code)
            temporary.replace(path)
        except OSError:  # then it is compiled again next time
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _path(self, bucket: jinja2.bccache.Bucket) -> Path:
        return files.cache_folder() / "templates" / f"{bucket.key}.compiled"


def _digest(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).digest()


_COMPILED = _Compiled()


class _Phrases:
    """Gives variants of phrases in random order, each once before any comes again."""

    def __init__(self, wording: Wording, rng: random.Random, method_id: str | None) -> None:
        self._phrases = wording.phrases
        self._suffix = f"_{method_id.replace('-', '_')}" if method_id else ""
        self._rng = rng
        self._bags: dict[str, list[str]] = {}
        self._last: dict[str, str] = {}

    def pick(self, key: str, **values: str | int) -> str:
        """Return a variant of the phrase ``key``, with ``<name>`` in it replaced by ``values``.

        Where the method has a phrase of its own (``release_thumb``), it is that.
        """
        if key + self._suffix in self._phrases:
            key += self._suffix
        if key not in self._phrases:
            raise LibraryError(
                f"phrases.toml: phrases.{key} is missing, but a template asks for it"
            )
        if not self._bags.get(key):
            self._bags[key] = self._shuffled(key)
        variant = self._last[key] = self._bags[key].pop()

        def fill(placeholder: re.Match[str]) -> str:
            if placeholder[1] not in values:
                what = f"nothing is known for {placeholder[0]}"
                raise LibraryError(f"phrases.toml: phrases.{key}: {what}")
            return str(values[placeholder[1]])

        return _PLACEHOLDER.sub(fill, variant)

    def _shuffled(self, key: str) -> list[str]:
        bag = list(self._phrases[key])
        self._rng.shuffle(bag)
        if len(bag) > 1 and bag[-1] == self._last.get(key):  # never the same twice in a row
            bag[0], bag[-1] = bag[-1], bag[0]
        return bag


def _template(method: Method) -> str:
    return f"sessions/{method.id}.ssml.jinja"


def _sides(area: Area, wanted: Literal["left", "right", "both"]) -> Sequence[Side | None]:
    if not area.two_sided:
        return (None,)
    return ("left", "right") if wanted == "both" else (wanted,)


def _template_line(error: Exception) -> str | None:
    """Return ``file:line`` of the innermost template frame that ``error`` came through."""
    place = None
    frame = error.__traceback__
    while frame is not None:
        if "__jinja_exception__" in frame.tb_frame.f_globals:
            place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
        frame = frame.tb_next
    return place
