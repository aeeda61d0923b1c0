"""Times are read and written in one way everywhere."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceguide import clock


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("12:30", 750_000), ("0:05", 5_000), ("75:00", 4_500_000), ("1:02:03", 3_723_000),
        ("100:00:00", 360_000_000), ("12:30.5", 750_500), ("00:12:34.567", 754_567),
        ("1:2:03", 3_723_000), ("90s", 90_000), ("1h", 3_600_000), ("24h", 86_400_000),
        ("90min", 5_400_000), ("1h30min", 5_400_000), ("1h 30min 5s", 5_405_000),
        ("1h5s", 3_605_000), ("2min250ms", 120_250), ("250ms", 250), ("1.5s", 1_500),
        (".5s", 500), ("5.s", 5_000), ("0.25 min", 15_000), (" 90s ", 90_000), ("0s", 0),
        ("0.0015s", 2), ("0.0014s", 1), ("1.1s", 1_100), ("0.0005s", 1),
    ],
)  # fmt: skip
def test_a_time_is_read_to_the_millisecond(written, ms):
    assert clock.milliseconds(written) == ms
    assert clock.milliseconds(written, bare="min") == ms


@pytest.mark.parametrize(
    ("written", "minutes_ms", "seconds_ms"),
    [
        ("12", 720_000, 12_000), ("7.5", 450_000, 7_500), (".5", 30_000, 500), ("0", 0, 0),
        (12, 720_000, 12_000), (7.5, 450_000, 7_500), (Decimal("0.1"), 6_000, 100),
        ("0.000008", 0, 0), ("0.00001", 1, 0),
    ],
)  # fmt: skip
def test_a_bare_number_is_in_the_unit_that_the_option_has(written, minutes_ms, seconds_ms):
    assert clock.milliseconds(written, bare="min") == minutes_ms
    assert clock.milliseconds(written, bare="s") == seconds_ms


@pytest.mark.parametrize(
    "written",
    [
        "", " ", ":", "12", "12:", ":30", "12:3", "12:60", "1:60:00", "1:02:03:04", "12:30 min",
        "-5s", "+5s", "-1:00", "1e3s", "nan", "inf", "1,5s", "5m", "5 h 5", "s", "30min1h", "5s5s",
        "5d", "soon", "1:30h", "１２:３０", "٣s", "9" * 29 + "h", "12:30:", "0x10s", "1_000s",
    ],
)  # fmt: skip
def test_what_is_no_time_is_refused_with_examples(written):
    says = "^must be a time such as 12:30, 1:02:03, 90s, 1h30min or 250ms$"
    if written == "9" * 29 + "h":
        written += "0min"
    with pytest.raises(ValueError, match=says):
        clock.milliseconds(written)


def test_the_examples_name_the_unit_of_a_bare_number():
    with pytest.raises(ValueError, match=r"^must be minutes such as 12 or 7\.5, or a time such as"):
        clock.milliseconds("long", bare="min")
    with pytest.raises(ValueError, match=r"^must be seconds such as 12 or 7\.5, or a time such as"):
        clock.milliseconds(float("nan"), bare="s")


@pytest.mark.parametrize(
    ("ms", "text", "exact", "stamp"),
    [
        (0, "0:00", "0:00.000", "00:00:00.000"),
        (5_999, "0:05", "0:05.999", "00:00:05.999"),
        (754_567, "12:34", "12:34.567", "00:12:34.567"),
        (3_599_999, "59:59", "59:59.999", "00:59:59.999"),
        (3_600_000, "1:00:00", "1:00:00.000", "01:00:00.000"),
        (3_723_004, "1:02:03", "1:02:03.004", "01:02:03.004"),
        (604_800_000, "168:00:00", "168:00:00.000", "168:00:00.000"),
    ],
)
def test_a_time_is_written_for_people_and_for_programs(ms, text, exact, stamp):
    assert clock.text(ms) == text
    assert clock.exact(ms) == exact
    assert clock.stamp(ms) == stamp


@given(st.integers(0, 10**10))
def test_what_is_written_reads_as_what_it_was(ms):
    assert clock.milliseconds(clock.exact(ms)) == ms
    assert clock.milliseconds(clock.stamp(ms)) == ms
    assert clock.milliseconds(clock.text(ms)) == ms // 1000 * 1000
    assert clock.milliseconds(f"{ms}ms") == ms


@given(st.text(max_size=40))
def test_any_text_is_a_time_or_refused(written):
    try:
        assert clock.milliseconds(written, bare="min") >= 0
    except ValueError as error:
        assert str(error).startswith("must be ")  # noqa: PT017


@given(st.decimals(min_value=0, max_value=10_000, places=6))
def test_a_number_is_read_exactly(number):
    assert abs(clock.milliseconds(number, bare="min") - number * 60_000) <= Decimal("0.5")
