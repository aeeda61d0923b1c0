"""A file of requests, or a grid of them -> requests, each with the place where it is written."""

from __future__ import annotations

import itertools
import json
import math
import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from voiceguide import files, library, script
from voiceguide.errors import RequestError, VoiceguideError, shortened
from voiceguide.library.toml import line_of, places
from voiceguide.options import BEDS, OPTIONS, Options, chosen
from voiceguide.script import Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from voiceguide.library.toml import Node

TARGET = "target"
ALL = "all"
"""In a grid: every region of the library."""
_MOST = 1_000_000  # combinations of a grid
_MOST_TOLD = 20  # wrong lines
_MOST_WRONG = 10_000  # what follows is not looked at
_TOO_MUCH = "has a number with too many digits, or is nested too deeply"
_Place: TypeAlias = Callable[[str | None], str]
"""Where a request has an option, or the whole request is: requests.jsonl:12."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request of a catalogue."""

    request: Request
    at: str
    """Where it is written, for messages: requests.jsonl:12; for a grid, with what it says."""


def read_requests(path: Path) -> list[Wanted]:
    """Return the requests in a file of JSON lines: {"target": "calf", "side": "left"}.

    Keys are ``target`` and the options of ``Session``. Raises RequestError that names every wrong
    line and what is wrong with it.
    """
    lines = enumerate(_text(path).splitlines(), 1)
    return _checked(
        path,
        ((partial(_on_line, path, number), line) for number, line in lines if line.strip()),
    )


def _on_line(path: Path, number: int, _option: str | None) -> str:
    return f"{path}:{number}"


def read_grid(path: Path) -> list[Wanted]:
    """Return every combination of the lists in a TOML file, in the order of its keys.

    What is in a table ``[[grid]]`` is combined with what is above all tables, and replaces it; a
    file without tables is one grid. The target “all” means every region. Raises RequestError.
    """
    text = _text(path)
    try:
        above = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestError(f"{path}: is not valid TOML: {error}") from error
    except (ValueError, RecursionError) as error:
        raise RequestError(f"{path}: {_TOO_MUCH}") from error
    grids = above.pop("grid", [{}])
    if not isinstance(grids, list) or not all(isinstance(grid, dict) for grid in grids):
        raise RequestError(f"{path}: write [[grid]] above each table, with two brackets")
    count = sum(_count(above | grid) for grid in grids)
    if count > _MOST:
        told = f"{count:,}" if count < _MOST**2 else "these"  # not with thousands of digits
        raise RequestError(f"{path}: {told} combinations are more than {_MOST:,}; split it up")
    root = places(text)
    tables = [((), above), *((("grid", number), grid) for number, grid in enumerate(grids))]
    found = (
        (line_of(root, (*table, *loc)), what)
        for table, grid in tables
        for loc, what in _wrong_options(grid)
    )
    wrong = sorted(itertools.islice(found, _MOST_WRONG))
    _raise_all(
        (f"{path}:{line}: {what}" for line, what in wrong),
        least="at least " if len(wrong) == _MOST_WRONG else "",
    )
    written = []
    for table, grid in tables[1:]:
        place = partial(_in_grid, path, root, above, table, grid)
        written += [(place, one) for one in _combinations(above | grid)]
    return _checked(path, written)


def _in_grid(  # noqa: PLR0913 (all are of the file)
    path: Path,
    root: Node,
    above: Mapping[str, Any],
    table: tuple[str | int, ...],
    grid: Mapping[str, Any],
    option: str | None,
) -> str:
    """Return where a table of a grid has an option: in it, or above all tables, or not at all."""
    within = (*table, option) if option in grid else (option,) if option in above else table
    return f"{path}:{line_of(root, [part for part in within if part is not None])}"


def _wrong_options(grid: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Return where each option of a grid that is wrong by itself is in it, and what is wrong."""
    for name, values in grid.items():
        listed = values if isinstance(values, list) and name in OPTIONS else [values]
        for index, value in enumerate(listed if name != TARGET else ()):
            try:
                _options({"bed": BEDS[0], name: value})  # the level is for whenever there is a bed
            except RequestError as error:
                yield (name, index), str(error)


def _count(grid: Mapping[str, Any]) -> int:
    return math.prod(len(values) for values in grid.values() if isinstance(values, list))


def _combinations(grid: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    lists = [values if isinstance(values, list) else [values] for values in grid.values()]
    for values in itertools.product(*lists):
        one = dict(zip(grid, values, strict=True))
        if one.get(TARGET) == ALL:
            yield from ({**one, TARGET: region} for region in _regions(one))
        else:
            yield one


def _regions(grid: Mapping[str, Any]) -> Iterable[str]:
    """Return every region of the library in which a grid's targets are."""
    try:
        options = chosen({name: grid[name] for name in ("language", "library") if name in grid})
        return library.load(options.language, options.library_path).region_files
    except VoiceguideError:
        return [ALL]  # what is wrong is said when this is checked


def _checked(path: Path, written: Iterable[tuple[_Place, Any]]) -> list[Wanted]:
    """Return the requests, each once, in the order in which they are written."""
    wanted: dict[str, Wanted] = {}
    wrong: dict[str, None] = {}
    failed = 0
    targets: dict[tuple[str, str, str], _WrongOptionError | None] = {}
    for at, what in written:
        try:
            request = _read(what, targets)
        except VoiceguideError as error:
            option = error.option if isinstance(error, _WrongOptionError) else None
            wrong[f"{at(option)}: {error}"] = None
            failed += 1
            if failed == _MOST_WRONG:
                break
        else:
            name = json.dumps(as_json(request), sort_keys=True)
            place = at(TARGET)
            if not isinstance(what, str):
                place += f": {json.dumps(what, ensure_ascii=False)}"
            wanted.setdefault(name, Wanted(request, place))
    _raise_all(wrong, least="at least " if failed == _MOST_WRONG else "")
    if not wanted:
        raise RequestError(f"{path}: there is no request in it")
    return list(wanted.values())


def _raise_all(wrong: Iterable[str], least: str) -> None:
    """Raise RequestError with the first of these lines, if there are any."""
    told = list(wrong)
    if more := len(told[_MOST_TOLD:]):
        told[_MOST_TOLD:] = [f"and {least}{more:,} more like these"]
    if told:
        raise RequestError("\n".join(told))


class _WrongOptionError(RequestError):
    """An option, or the target, is wrong."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


def _read(what: Any, targets: dict[tuple[str, str, str], _WrongOptionError | None]) -> Request:
    """Return a request, from JSON or read already; ``targets`` keeps what is wrong with each."""
    try:
        request = _request(json.loads(what) if isinstance(what, str) else what)
    except json.JSONDecodeError as error:
        raise RequestError(f"is not JSON: {error.msg} in column {error.colno}") from error
    except (ValueError, RecursionError) as error:
        raise RequestError(_TOO_MUCH) from error
    about = (request.target, request.options.language, str(request.options.library))
    if about not in targets:
        targets[about] = _unknown(request)
    if (wrong := targets[about]) is not None:
        raise wrong.with_traceback(None)
    return request


def _request(written: Any) -> Request:
    if not isinstance(written, dict):
        raise RequestError('must be a table, such as {"target": "calf", "side": "left"}')
    options = dict(written)
    target = options.pop(TARGET, None)
    if not isinstance(target, str):
        what = f"“{TARGET}” is missing: a region, a complaint or a kind"
        raise _WrongOptionError(TARGET, what)
    return Request(target, _plain(_options(options)))


def _options(given: Mapping[str, Any]) -> Options:
    """Return checked options that mean the same on every machine; raises RequestError."""
    found = chosen(given)
    if found.bed is not None and found.bed not in BEDS:
        what = f"bed {shortened(found.bed)}: files are not the same on every machine"
        raise RequestError(f"{what}; beds of a catalogue are {', '.join(BEDS)}")
    return found


def _plain(options: Options) -> Options:
    """Return options that are the same if they mean the same: 5, 5.0 and "5:00" minutes."""
    if options.length_ms is None:
        return options
    minutes = options.length_ms / 60_000
    return replace(options, minutes=int(minutes) if minutes.is_integer() else minutes)


def _unknown(request: Request) -> _WrongOptionError | None:
    """Return what is wrong with a target or where it is; None if it can be made anywhere."""
    own = request.options.library_path
    option = "library"
    try:
        files.script_folders(own)
        option = "language"
        library.load(request.options.language, own)
        option = TARGET
        if script.pictured(request) is None:
            what = f"{request.target} is a file; a catalogue is made of regions and kinds"
            return _WrongOptionError(TARGET, what)
    except VoiceguideError as error:
        return _WrongOptionError(option, str(error))
    return None


def as_json(request: Request) -> dict[str, Any]:
    """Return a request as it is written in a file of requests."""
    options = request.options.chosen()
    plain = {name: os.fspath(value) if name == "library" else value
             for name, value in options.items()}  # fmt: skip
    return {TARGET: request.target, **plain}


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"{path}: is not UTF-8; save it as UTF-8") from error
