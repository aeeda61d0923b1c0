"""Where something stands in a TOML file, and how mistakes in it are told."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from voiceguide.errors import LibraryError
from voiceguide.library.toml import line_of, places, validated

SCRIPTS = Path(__file__).parents[1] / "scripts"

EXAMPLE = '''\
# a comment [with] = signs
name = "Calf # no comment"
"quoted.key" = 1
a.b.c = 1
a.b.d = """
one = 1
""\\" [two]
"""
a.e = [
    1, [2,
      3],

    # 4,
    { f = 5, g.h = [
        6] }, "]",
]

[[areas]]
id = 'one'
[areas.place]
thumb = ["Lay it.", "Press."]
[[areas.parts]]
x = 1
[[areas.parts]]
y = 2

[[areas]]
id = "two"
[areas.place.deep]
roller = []

[areas.other]
when = 1979-05-27 07:32:00
z = 1.5

[later.sub]
k = 1
[later]
m = 2
'''


@pytest.mark.parametrize(
    ("loc", "line"),
    [
        ((), 1), (("name",), 2), (("quoted.key",), 3), (("a",), 4), (("a", "b"), 4),
        (("a", "b", "c"), 4), (("a", "b", "d"), 5), (("a", "e"), 9), (("a", "e", 0), 10),
        (("a", "e", 1), 10), (("a", "e", 1, 0), 10), (("a", "e", 1, 1), 11),
        (("a", "e", 2), 14), (("a", "e", 2, "g", "h"), 14), (("a", "e", 2, "g", "h", 0), 15),
        (("a", "e", 3), 15), (("areas",), 18), (("areas", 0), 18), (("areas", 0, "id"), 19),
        (("areas", 0, "place"), 20), (("areas", 0, "place", "thumb", 1), 21),
        (("areas", 0, "parts", 0, "x"), 23), (("areas", 0, "parts", 1), 24),
        (("areas", 0, "parts", 1, "y"), 25), (("areas", 1), 27), (("areas", 1, "id"), 28),
        (("areas", 1, "place"), 29), (("areas", 1, "place", "deep", "roller"), 30),
        (("areas", 1, "other", "when"), 33), (("areas", 1, "other", "z"), 34),
        (("later", "sub", "k"), 37), (("later",), 38), (("later", "m"), 39),
    ],
)  # fmt: skip
def test_a_key_is_found_on_its_line(loc, line):
    assert line_of(places(EXAMPLE), loc) == line


@pytest.mark.parametrize(
    ("loc", "line"),
    [
        (("nothing",), 1), (("areas", 0, "name"), 18), (("areas", 1, "place", "thumb", 0), 29),
        (("areas", 2, "id"), 18), (("a", "b", "c", "d"), 4), (("later", "n", 0), 38),
        (("name", "str"), 2), (("a", "e", 2, "i"), 14), (("a", "e", "2"), 9),
    ],
)  # fmt: skip
def test_what_is_missing_is_told_where_it_is_missing(loc, line):
    assert line_of(places(EXAMPLE), loc) == line


class Document:
    """Writes TOML, and knows on which line everything is that it has written."""

    def __init__(self, draw) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[tuple, int] = {}
        self.count = 0
        self.lists: dict[tuple[str, ...], int] = {}
        """By the keys of its header: how many tables a list has."""
        self.tables: list[tuple[str, ...]] = [()]
        """The keys of the headers that there are."""
        self.written: dict[tuple[str, ...], str] = {(): ""}
        self.implicit: list[tuple[str, ...]] = []

    @property
    def line(self) -> int:
        return self.text.count("\n") + 1

    def choose(self, *choices):
        return self.draw(st.sampled_from(choices))

    def key(self) -> tuple[str, str]:
        """Return a key that is not there yet, as it is written and as it is read."""
        self.count += 1
        n = self.count
        return self.choose(
            (f"k{n}", f"k{n}"), (f"{n}", f"{n}"), (f"-{n}_", f"-{n}_"),
            (f'"a b{n}"', f"a b{n}"), (f"'c.d{n}'", f"c.d{n}"), (f"'[{n}] = \"'", f'[{n}] = "'),
            (f'"\\"#{n}\\\\"', f'"#{n}\\'), (f'"\\u00e4{n}"', f"ä{n}"), (f"'{{#{n}'", f"{{#{n}"),
            (f'"\'{n}"', f"'{n}"),
        )  # fmt: skip

    def space(self) -> str:
        return self.choose("", " ", "\t", "  ")

    def dotted(self, within: tuple, prefixes: list[tuple[list[str], tuple]]) -> tuple:
        """Write a dotted key; return its place."""
        if prefixes and self.draw(st.booleans()):
            written, place = self.draw(st.sampled_from(prefixes))
        else:
            written, place = [], within
        for step in range(self.choose(1, 1, 2, 3)):
            if step:
                prefixes.append((written, place))
            new, name = self.key()
            written, place = [*written, new], (*place, name)
            self.lines.setdefault(place, self.line)
        self.text += f"{self.space()}.{self.space()}".join(written)
        return place

    def statement(self, within: tuple, prefixes: list) -> None:
        self.text += self.space()
        place = self.dotted(within, prefixes)
        self.text += f"{self.space()}={self.space()}"
        self.value(place, 0)

    def value(self, place: tuple, depth: int) -> None:
        kind = self.choose("scalar", "scalar", "list", "table") if depth < 3 else "scalar"
        if kind == "scalar":
            self.text += self.choose(
                "1", "-1_000", "1.5", "6.02e-3", "inf", "0xff", "true", "1979-05-27",
                "1979-05-27 07:32:00", "1979-05-27T07:32:00.5-07:00", "07:32:00",
                '""', '"a # b"', '"]"', '"\\" = 1"', '"\\\\"', "'\\'", "''", "'\"#'", '"[[x]]"',
                '"""a"""', '"""\na = 1\n[b]\n"""', '"""two "" quotes"""', '"""ends"""""',
                '"""ends""""', "'''ends''''",
                '"""\\"""\\\n  x"""', "'''\n# [c]\n'''", "'''it's \"\"\" '' '''", "''''''",
                '""""""',
                "'''x'''''", '"""\\\\"""',
            )  # fmt: skip
        elif kind == "list":
            self.text += "["
            for index in range(self.draw(st.integers(0, 3))):
                self.text += self.gap()
                self.lines[*place, index] = self.line
                self.value((*place, index), depth + 1)
                self.text += self.gap() + ","
            if self.text.endswith(",") and self.draw(st.booleans()):
                self.text = self.text[:-1]
            self.text += self.gap() + "]"
        else:
            self.text += "{" + self.space()
            prefixes: list = []
            for index in range(self.draw(st.integers(0, 3))):
                self.text += f"{self.space()},{self.space()}" if index else ""
                place_of_key = self.dotted(place, prefixes)
                self.text += f"{self.space()}={self.space()}"
                self.value(place_of_key, depth + 1)
            self.text += self.space() + "}"

    def gap(self) -> str:
        return self.choose("", " ", "\n", "\n\n  ", " # ] , [ \" '\n", "\n# x = 1\n\t")

    def end(self) -> str:
        return self.choose("\n", "\n\n", "  # [no] = 'table\"\n", "\t\n# [[neither]]\n")

    def place_of(self, keys: tuple[str, ...]) -> tuple:
        place: tuple = ()
        for end in range(1, len(keys) + 1):
            place = (*place, keys[end - 1])
            if keys[:end] in self.lists:
                place = (*place, self.lists[keys[:end]] - 1)
        return place

    def section(self) -> None:
        """Write a header with its statements."""
        kind = self.choose("table", "deep table", "list", "again", "above")
        if kind == "again" and self.lists:
            keys = self.draw(st.sampled_from(sorted(self.lists)))
            self.tables = [one for one in self.tables if one[: len(keys)] != keys or one == keys]
            self.implicit = [one for one in self.implicit if one[: len(keys)] != keys]
            for one in [one for one in self.lists if len(one) > len(keys)]:
                if one[: len(keys)] == keys:
                    del self.lists[one]
        elif kind == "above" and self.implicit:
            keys = self.implicit.pop(self.draw(st.integers(0, len(self.implicit) - 1)))
            self.tables.append(keys)
        else:
            keys = self.draw(st.sampled_from(self.tables))
            for step in range(2 if kind == "deep table" else 1):
                if step:
                    self.implicit.append(keys)
                    self.lines[self.place_of(keys)] = self.line
                new, name = self.key()
                above = self.written[keys]
                keys = (*keys, name)
                self.written[keys] = f"{above}{self.space()}.{self.space()}{new}" if above else new
            self.tables.append(keys)
            if kind == "list":
                self.lists[keys] = 0
                self.lines[self.place_of(keys)[:-1]] = self.line
        if keys in self.lists:
            self.lists[keys] += 1
        opening, closing = ("[[", "]]") if keys in self.lists else ("[", "]")
        self.text += f"{self.space()}{opening}{self.space()}{self.written[keys]}{self.space()}"
        place = self.place_of(keys)
        self.lines[place] = self.line
        self.text += closing + self.end()
        self.statements(place)

    def statements(self, within: tuple) -> None:
        prefixes: list = []
        for _ in range(self.draw(st.integers(0, 3))):
            self.statement(within, prefixes)
            self.text += self.end()


@st.composite
def documents(draw) -> Document:
    made = Document(draw)
    made.text = draw(st.sampled_from(["", "\n", "# a = 1\n\n"]))
    made.statements(())
    for _ in range(draw(st.integers(0, 6))):
        made.section()
    if draw(st.booleans()):
        made.text = made.text.rstrip("\n")
    return made


def all_places(data: object, place: tuple = ()) -> set[tuple]:
    parts = data.items() if isinstance(data, dict) else ()
    parts = enumerate(data) if isinstance(data, list) else parts
    return {place}.union(*(all_places(part, (*place, key)) for key, part in parts))


@pytest.mark.slow
@settings(
    max_examples=300, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(documents())
def test_everything_in_any_document_is_found_on_its_line(document):
    assert all_places(tomllib.loads(document.text)) == {(), *document.lines}
    root = places(document.text)
    for place, line in document.lines.items():
        assert line_of(root, place) == line, (place, document.text)
        assert line_of(root, (*place, "nothing", 3)) == line
    assert line_of(root, ("nothing",)) == 1


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*/regions/c*.toml")), ids=str)
def test_every_text_of_a_shipped_region_is_found_on_its_line(path):
    lines = path.read_text("utf-8").splitlines()
    data = tomllib.loads(path.read_text("utf-8"))
    root = places(path.read_text("utf-8"))
    for place in all_places(data):
        value = data
        for part in place:
            value = value[part]
        if isinstance(value, str):
            assert f'"{value}"' in lines[line_of(root, place) - 1]


# Any model


class Step(BaseModel):
    model_config = ConfigDict(extra="forbid")

    say: str
    pause: Annotated[float, Field(gt=0, le=60)] = 1
    side: Literal["left", "right", "both"] = "both"


class Kind(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str
    title: str
    rounds: int = 3
    voice: str | int | None = None
    steps: list[Step] = []
    named: dict[str, Step] = {}
    first: Step | None = None


@pytest.fixture
def kind(tmp_path):
    def read(text: str) -> Kind:
        path = tmp_path / "kind.toml"
        path.write_text(text, "utf-8")
        return validated(Kind, path, id="breathing")

    return read


def test_a_file_becomes_a_model(kind):
    made = kind('title = "Breathe"\nrounds = 4\n[[steps]]\nsay = "In."\n')
    assert made == Kind(id="breathing", title="Breathe", rounds=4, steps=[Step(say="In.")])


def test_all_mistakes_of_any_model_are_told_with_line_and_key(kind, tmp_path):
    with pytest.raises(LibraryError) as raised:
        kind(
            """\
id = "other"
tittle = "Breathe"
rounds = 1.5
voice = []
first = { say = "In.", paus = 2 }

[[steps]]
say = "In."
pause = 0
side = "Left"

[[steps]]
pause = 61
[named.hold]
sied = "left"
say = 3
"""
        )
    assert str(raised.value).splitlines() == [
        f"{tmp_path / 'kind.toml'}:{line}"
        for line in [
            "1: id: is the name of the file; leave it out",
            "1: title: is missing",
            "2: unknown key “tittle”; did you mean “title”?",
            "3: rounds: must be a whole number",
            "4: voice: must be text, not a list",
            "4: voice: must be a whole number, not a list",
            "5: first: unknown key “paus”; did you mean “pause”?",
            "9: steps #1.pause: must be more than 0",
            "10: steps #1.side: must be left, right or both",
            "12: steps #2.say: is missing",
            "13: steps #2.pause: must be at most 60",
            "15: named.hold: unknown key “sied”; did you mean “side”?",
            "16: named.hold.say: must be text, not a number",
        ]
    ]
