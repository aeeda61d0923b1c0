"""The house: its stages in the order of the pipeline, and what one may import of another."""

from __future__ import annotations

import ast
import functools
import importlib
import itertools
import re
import textwrap
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "voiceguide"
STAGES = (
    "errors", "clock", "files", "child", "tables", "languages", "phonemes", "options", "diary",
    "library", "settings", "script", "ssml", "audio", "voices", "timeline", "mixer", "export",
    "player", "listen", "plan", "lengths", "session", "recording", "playlist", "catalogue", "phone",
    "doctor", "cli",
)  # fmt: skip
"""Left to right. Each is a folder or a file of ``voiceguide/``; it imports none to its right."""
DOOR = "voiceguide"
SHELL = (DOOR, "voiceguide.__main__")
"""Around all stages: what users import, and ``python -m voiceguide``."""
MOST_LINES = 400
REASON = re.compile(r"\blines: \S.{15}", re.IGNORECASE)
"""Stands in one of a long file's first lines, such as “More than 400 lines: one grammar, …”."""
FIRST_LINES = 20
LEAST_DOCSTRING_LINES = 6


@dataclass(frozen=True)
class Import:
    """A module that needs another."""

    importer: str
    imported: str
    line: int
    when: str
    """``at once``, ``in a function``, ``for types``, or ``by name`` where a text names a module."""

    def __str__(self) -> str:
        return f"{self.importer}:{self.line} imports {self.imported} {self.when}"


def sources(package: Path) -> dict[str, Path]:
    """Return the files of a package by the names of their modules."""
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@functools.cache
def imports(package: Path) -> list[Import]:
    """Return what the modules of a package import of one another, wherever it is written.

    What is imported from the front door counts as imported from where that has it. A text that
    begins as a module's name does, and goes on otherwise, is no module: “voiceguide.formats”, say,
    names a group of entry points.
    """
    modules = sources(package)
    behind_the_door: dict[str, str | None] = {}
    for node in ast.walk(ast.parse(modules[DOOR].read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            behind_the_door |= {alias.name: node.module for alias in node.names}
        elif isinstance(node, ast.Assign):
            behind_the_door |= {ast.unparse(name): None for name in node.targets}  # as __version__
    found: list[Import] = []
    for name, path in modules.items():
        is_folder = path.name == "__init__.py"
        for node, when in statements(ast.parse(path.read_text("utf-8"))):
            for target in targets(node, name, is_folder=is_folder):
                wanted = known(target, modules)
                if wanted == DOOR and target != DOOR:
                    nowhere = None if when == "by name" else DOOR
                    wanted = behind_the_door.get(target.partition(".")[2], nowhere)
                if wanted is not None and wanted != name:
                    found.append(Import(name, wanted, node.lineno, when))
    return found


def statements(tree: ast.AST) -> list[tuple[ast.AST, str]]:
    """Return imports and texts in the order of their lines, each with when it counts."""
    found, left = [], [(tree, "at once")]
    while left:
        node, when = left.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found.append((node, when))
        elif isinstance(node, ast.Constant):
            found.append((node, "by name"))
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            left += [(part, "for types") for part in node.body]
            left += [(part, when) for part in node.orelse]
        else:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                when = "in a function"
            left += [(part, when) for part in ast.iter_child_nodes(node)]
    return sorted(found, key=lambda one: one[0].lineno)


def targets(node: ast.AST, importer: str, *, is_folder: bool) -> Iterator[str]:
    """Yield the full names that a statement imports, or that a text is."""
    match node:
        case ast.Import(names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module, names, level):
            above = importer.split(".")
            above = above[: len(above) - level + is_folder] if level else []
            base = ".".join([*above, *([module] if module else [])])
            yield from (f"{base}.{alias.name}" for alias in names)
        case ast.Constant(str(text)) if re.fullmatch(r"\w+(\.\w+)+(:\w+)?", text):
            yield text.partition(":")[0]


def known(target: str, modules: Collection[str]) -> str | None:
    """Return the module that a name is of: the name itself, or the longest part that is one."""
    while target and target not in modules:
        target = target.rpartition(".")[0]
    return target or None


def stage_of(module: str) -> str:
    """Return the second part of a module's name."""
    return module.split(".")[1]


def unknown_stages(package: Path) -> list[str]:
    """Return the folders and files that are no stage; folders of data alone do not count."""
    stages = {stage_of(name) for name in sources(package) if "." in name} - {"__main__"}
    return sorted(stages - set(STAGES))


def later_imports(package: Path) -> list[str]:
    """Return the imports that lead from a stage to a later one, or back out of the front door."""
    return [
        str(one)
        for one in imports(package)
        if one.importer not in SHELL and is_later(one.imported, one.importer)
    ]


def is_later(imported: str, importer: str) -> bool:
    """Whether a module belongs to a later stage than another; the front door comes last."""
    if imported in SHELL:
        return True
    order = {stage: number for number, stage in enumerate(STAGES)}
    return order.get(stage_of(imported), -1) > order.get(stage_of(importer), len(order))


def circles(package: Path) -> list[str]:
    """Return the circles of modules that import one another, shortest first, each once.

    Imports for types count: two files that must know each other's types are one file. Texts do not:
    a table may name what it finds.
    """
    graph: dict[str, set[str]] = {}
    for one in imports(package):
        if one.when != "by name" and one.importer not in SHELL:
            graph.setdefault(one.importer, set()).add(one.imported)
    found = {}
    for start in sorted(graph):
        way = shortest_way(graph, start)
        if way and frozenset(way) not in found:
            found[frozenset(way)] = " → ".join(way)
    return sorted(found.values(), key=len)


def shortest_way(graph: dict[str, set[str]], start: str) -> list[str] | None:
    """Return the shortest way from a module back to itself."""
    ways, seen = [[start]], set()
    for way in ways:
        for following in sorted(graph.get(way[-1], ())):
            if following == start:
                return [*way, start]
            if following not in seen:
                seen.add(following)
                ways.append([*way, following])
    return None


def short_docstrings(package: Path) -> list[str]:
    """Return the folders whose ``__init__.py`` does not tell in a few lines what the stage does."""
    found = []
    for name, path in sources(package).items():
        if path.name == "__init__.py" and name != package.name:
            text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
            lines = [line for line in text.splitlines() if line.strip()]
            if len(lines) < LEAST_DOCSTRING_LINES:
                found.append(f"{path.relative_to(package.parent)}: {len(lines)} lines of docstring")
    return found


def long_files(package: Path) -> list[str]:
    """Return the files that are long and do not say why."""
    found = []
    for path in sources(package).values():
        lines = path.read_text("utf-8").splitlines()
        if len(lines) > MOST_LINES and not any(map(REASON.search, lines[:FIRST_LINES])):
            found.append(f"{path.relative_to(package.parent)}: {len(lines)} lines")
    return found


CLAIMS = {
    "every folder and file is a stage": unknown_stages,
    "no stage imports a later one": later_imports,
    "no module imports itself by way of others": circles,
    "every folder says what it takes and gives": short_docstrings,
    "no file is long without a reason": long_files,
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_in_the_house(claim):
    found = CLAIMS[claim](PACKAGE)
    assert not found, f"not so that {claim}:\n  " + "\n  ".join(found)


def test_every_stage_is_there_and_is_read():
    there = {stage_of(name) for name in sources(PACKAGE) if "." in name}
    assert there == {*STAGES, "__main__"}
    drawn = {(stage_of(one.importer), stage_of(one.imported)) for one in imports(PACKAGE)
             if "." in one.importer and "." in one.imported}  # fmt: skip
    assert {("ssml", "errors"), ("mixer", "audio"), ("session", "timeline")} <= drawn
    assert {"at once", "in a function", "for types"} <= {one.when for one in imports(PACKAGE)}


# That the claims are seen to be broken where they are

FRONT_DOOR = """
from voiceguide.errors import VoiceguideError
__version__ = "1.0"
def __getattr__(name):
    from voiceguide.session import Session
    return Session
"""


@pytest.fixture
def house(tmp_path: Path) -> Callable[..., Path]:
    """Build a package of files that are given by their names without suffix."""
    number = itertools.count()

    def build(**files: str) -> Path:
        package = tmp_path / str(next(number)) / "voiceguide"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(FRONT_DOOR, "utf-8")
        for name, text in files.items():
            path = package / f"{name.replace('__', '/', 1)}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(text), "utf-8")
        return package

    return build


LATER = {
    "from voiceguide.mixer import mix": "at once",
    "from voiceguide import mixer": "at once",
    "import voiceguide.mixer as m": "at once",
    "from . import mixer": "at once",
    "def f():\n    from voiceguide import mixer": "in a function",
    "class A:\n    async def f(self):\n        import voiceguide.mixer": "in a function",
    "if TYPE_CHECKING:\n    from voiceguide.mixer import Mix": "for types",
    "import typing\nif typing.TYPE_CHECKING:\n    import voiceguide.mixer": "for types",
    "try:\n    import voiceguide.mixer\nexcept ImportError:\n    pass": "at once",
    "run('-m', 'voiceguide.mixer')": "by name",
    "TABLE = {'a': 'voiceguide.mixer:mix'}": "by name",
}  # fmt: skip


@pytest.mark.parametrize("text", LATER)
def test_a_later_import_is_seen_however_it_is_written(house, text):
    [found] = later_imports(house(ssml=text, mixer=""))
    assert re.fullmatch(rf"voiceguide\.ssml:\d imports voiceguide\.mixer {LATER[text]}", found)


def test_the_front_door_is_open_to_those_who_come_after_what_they_take(house):
    taken = "from voiceguide import Session, VoiceguideError, __version__"
    assert later_imports(house(errors="", session="", cli=taken)) == []
    assert later_imports(house(errors="", session="", ssml=taken)) == [
        "voiceguide.ssml:1 imports voiceguide.session at once"
    ]
    assert later_imports(house(cli="import voiceguide")) == [
        "voiceguide.cli:1 imports voiceguide at once"
    ]


def test_a_text_that_names_no_module_is_no_import(house):
    package = house(errors="", export="GROUP = 'voiceguide.formats'", session="")
    assert later_imports(package) == []
    package = house(errors="", export="DEFAULT = 'voiceguide.Session'", session="")
    assert later_imports(package) == ["voiceguide.export:1 imports voiceguide.session by name"]


def test_earlier_stages_may_be_imported(house):
    package = house(errors="", ssml="from voiceguide.errors import A\nimport os", cli="import json")
    assert "voiceguide.ssml:1 imports voiceguide.errors at once" in map(str, imports(package))
    assert not any(claim(package) for claim in CLAIMS.values())


def test_a_circle_within_a_stage_is_seen(house):
    docstring = '"""' + "What it does.\n" * 6 + '"""\n'
    files = {
        "player____init__": docstring + "from voiceguide.player.device import open",
        "player__device": "def f():\n    from voiceguide.player import one",
        "player__one": "from voiceguide.player.two import A",
        "player__two": "if TYPE_CHECKING:\n    from voiceguide.player.device import B",
    }
    [found] = circles(house(**files))
    modules = [f"voiceguide.player.{name}" for name in ("device", "one", "two", "device")]
    assert found == " → ".join(modules)
    files["player__two"] = "A = 'voiceguide.player.device'"
    assert circles(house(**files)) == []


def test_unknown_stages_are_seen(house):
    package = house(helpers="", utils__misc="", ssml="")
    (package / "page").mkdir()
    (package / "page/index.html").touch()
    assert unknown_stages(package) == ["helpers", "utils"]


def test_long_files_and_short_docstrings_are_seen(house):
    long = "x = 1\n" * 400
    package = house(
        ssml____init__='"""SSML -> cues.\n\nTakes a script.\nGives cues.\n"""',
        audio____init__='"""Files -> samples.\n\nTakes.\nGives.\nOne\ntwo\nthree.\n"""',
        ssml__reader='"""Reads."""\n' + long,
        ssml__values='"""More than 400 lines: one grammar, told in one place."""\n' + long,
        ssml__why='"""More than 400 lines: why."""\n' + long,
        ssml__xml="x = 1\n" * 400,
    )
    assert long_files(package) == ["voiceguide/ssml/reader.py: 401 lines",
                                   "voiceguide/ssml/why.py: 401 lines"]  # fmt: skip
    assert short_docstrings(package) == ["voiceguide/ssml/__init__.py: 3 lines of docstring"]


BESIDE = [*ROOT.glob("tests/benchmarks/*.py"), *ROOT.glob("tests/fuzz/*.py")]
"""No test runs all of these."""


@pytest.mark.parametrize("path", BESIDE, ids=lambda path: path.stem)
def test_what_benchmarks_import_of_ours_is_there(path):
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == DOOR:
            for one in node.names:
                whole = f"{node.module}.{one.name}"
                is_there = hasattr(importlib.import_module(node.module), one.name)
                assert is_there or whole in sources(PACKAGE), f"{path.name}:{node.lineno}: {whole}"
