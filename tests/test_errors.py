"""What is said of a value that cannot be used, and of a name that nobody has."""

from __future__ import annotations

import enum
import math
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from voiceguide.errors import NAME, keys_at, match_name, near, reason, spellings


class Bed(enum.Enum):
    RAIN = "rain"
    OCEAN = "ocean"


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    side: str = ""
    steps: list[Table] = []
    by_name: dict[str, Table] = {}
    other: Annotated[Table | None, Field(alias="else")] = None


def _even(value: int) -> int:
    if value % 2:
        raise ValueError("is odd; take {an even} number")
    return value


REASONS = [
    (Literal["left", "right", "both"], "up", "must be left, right or both"),
    (Literal["left"], 3, "must be left"),
    (Literal[1, 2], 3, "must be 1 or 2"),
    (Bed, "wind", "must be rain or ocean"),
    (str, 3, "must be text, not a number"),
    (str, 1.5, "must be text, not a number"),
    (str, True, "must be text, not true"),
    (str, ["a"], "must be text, not a list"),
    (str, {"a": 1}, "must be text, not a table"),
    (str, None, "must be text"),
    (int, "many", "must be a whole number"),
    (int, 1.5, "must be a whole number"),
    (int, [1], "must be a whole number, not a list"),
    (int, "9" * 5000, "has too many digits"),
    (float, "loud", "must be a number"),
    (float, {}, "must be a number, not a table"),
    (Decimal, "loud", "must be a number"),
    (Annotated[float, Field(allow_inf_nan=False)], math.inf, "must be a finite number"),
    (bool, "both", "must be true or false"),
    (bool, [], "must be true or false, not a list"),
    (bool, 2, "must be true or false"),
    (list[str], "calf", "must be a list, not text"),
    (list[str], {"a": 1}, "must be a list, not a table"),
    (dict[str, str], "calf", "must be a table, not text"),
    (dict[str, str], [], "must be a table, not a list"),
    (Table, "calf", "must be a table, not text"),
    (Path, 3, "must be a path, not a number"),
    (Annotated[list[str], Field(min_length=1)], [], "needs at least 1 entry, but has none"),
    (Annotated[list[str], Field(min_length=3)], ["a"], "needs at least 3 entries, but has 1"),
    (Annotated[list[int], Field(max_length=1)], [1, 2], "may have at most 1 entry, but has 2"),
    (Annotated[list[int], Field(max_length=4)], [1] * 5, "may have at most 4 entries, but has 5"),
    (Annotated[str, Field(min_length=1)], "", "needs at least 1 character, but has none"),
    (Annotated[str, Field(min_length=9)], "ab", "needs at least 9 characters, but has 2"),
    (
        Annotated[str, Field(max_length=60)],
        "a" * 1067,
        "may have at most 60 characters, but has 1,067",
    ),
    (
        Annotated[str, Field(pattern=NAME)],
        "Upper Calf",
        "must be lower-case words joined by hyphens: upper-calf",
    ),
    (
        Annotated[str, Field(pattern=NAME)],
        "große_wade",
        "must be lower-case words joined by hyphens: grosse-wade",
    ),
    (
        Annotated[str, Field(pattern=NAME)],
        "",
        "must be lower-case words joined by hyphens, such as upper-calf",
    ),
    (Annotated[str, Field(pattern="^a+$")], "b", "does not have the right form"),
    (Annotated[int, Field(gt=0)], 0, "must be more than 0"),
    (Annotated[float, Field(ge=-40)], -41, "must be at least -40"),
    (Annotated[float, Field(ge=0.5)], 0, "must be at least 0.5"),
    (Annotated[int, Field(lt=7)], 7, "must be less than 7"),
    (Annotated[Decimal, Field(le=10_000)], 10_001, "must be at most 10,000"),
    (Annotated[int, Field(multiple_of=5)], 7, "must be a multiple of 5"),
    (Annotated[int, AfterValidator(_even)], 3, "is odd; take {an even} number"),
    (type, 3, "cannot be used here"),
]


@pytest.mark.parametrize(("kind", "value", "says"), REASONS)
def test_what_is_wrong_with_a_value_is_said_in_plain_english(kind: Any, value: object, says: str):
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(kind).validate_python(value)
    assert [reason(error) for error in raised.value.errors()] == [says]


def test_the_words_of_pydantic_are_in_no_reason():
    from pydantic_core._pydantic_core import list_all_errors

    kinds = list_all_errors()
    assert len(kinds) > 90
    for kind in kinds:
        context = {"pattern": "^x$", "min_length": 1, "max_length": 2, "actual_length": 3}
        context |= {"error": ValueError("is ours")} | (kind["example_context"] or {})
        error = {"type": kind["type"], "loc": ("a",), "ctx": context, "input": "b"}
        error["msg"] = kind["message_template_python"]
        assert not {"Input", "Extra", "Value", "String", "Field"} & set(reason(error).split())
        assert len(reason(error)) > 5


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"sied": 1}, "unknown key “sied”; did you mean “side”?"),
        ({"Side": 1}, "unknown key “Side”; did you mean “side”?"),
        ({"qqqq": 1}, "unknown key “qqqq”; available: “side”, “steps”, “by_name”, “else”"),
        ({"steps": [{}, {"stepps": []}]}, "unknown key “stepps”; did you mean “steps”?"),
        ({"by_name": {"steps": {"sied": 1}}}, "unknown key “sied”; did you mean “side”?"),
        ({"else": {"eles": 1}}, "unknown key “eles”; did you mean “else”?"),
    ],
)
def test_an_unknown_key_is_answered_with_the_one_that_may_be_meant(data, says):
    with pytest.raises(ValidationError) as raised:
        Table.model_validate(data)
    (error,) = raised.value.errors()
    assert reason(error, keys_at(Table, error["loc"][:-1])) == says


def test_a_key_is_missing():
    class Needs(BaseModel):
        name: str

    with pytest.raises(ValidationError) as raised:
        Needs.model_validate({})
    assert reason(raised.value.errors()[0]) == "is missing"


@pytest.mark.parametrize(
    ("wrong", "known", "says"),
    [
        ("calff", ["neck", "calf"], "; did you mean calf?"),
        ("CALFF", ["neck", "calf"], "; did you mean calf?"),
        ("uper arm", ["calf", "upper-arm"], "; did you mean upper-arm?"),
        ("uper arm", ["upper-arm", "upper-calf"], "; did you mean upper-arm or upper-calf?"),
        ("aaab", ["aaaa", "aaac", "aaad", "aaae"], "; did you mean aaae or aaad or aaac?"),
        ("toe", ["upper-calf", "lower-calf"], "; available: upper-calf, lower-calf"),
        ("x", ["aa", "bb", "cc", "dd", "ee", "ff"], "; available: aa, bb, cc, dd, ee, ff"),
        ("x", ["aa", "bb", "cc", "dd", "ee", "ff", "gg"], ""),
        ("x", [], ""),
        ("Hüffte", ["Hüfte", "Wade"], "; did you mean Hüfte?"),
        ("hueffte", ["Hüfte", "Wade"], "; did you mean Hüfte?"),
    ],
)
def test_an_unknown_name_is_answered_with_names_that_are_near(wrong, known, says):
    assert near(wrong, known) == says


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("Calf", {"calf"}), ("tennis  elbow", {"tennis-elbow"}),
        (" Tennis-Elbow", {"tennis-elbow"}),
        ("Golfer’s elbow", {"golfers-elbow"}), ("Fuß", {"fuss"}), ("Hüfte", {"huefte", "hufte"}),
        ("Hu\u0308fte", {"huefte", "hufte"}), ("Épaule", {"epaule"}), ("a - b", {"a-b"}),
        ("", set()), (" - ", set()), ("'", set()),
    ],
)  # fmt: skip
def test_a_name_is_the_same_in_any_of_its_spellings(name, ways):
    assert spellings(name) == ways


def test_a_name_means_what_is_written_so_before_what_is_spelled_so():
    assert match_name("Calf", ["calf", "Calf"]) == "Calf"
    assert match_name("CALF", ["calf", "Calf"]) == "calf"
    assert match_name("knee", ["calf", "Calf"]) is None
    assert match_name("", ["", "-"]) == ""
    assert match_name(" ", ["-"]) is None
