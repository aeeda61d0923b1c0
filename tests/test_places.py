"""Where sessions were stopped, to go on there; and how keys steer a session without a device."""

from __future__ import annotations

import contextlib
import io
import json
import time

import numpy as np
import pytest
from conftest import FRAMES_PER_MS
from rich.console import Console

from voiceguide.mixer import Window
from voiceguide.player import loop
from voiceguide.player.places import Places
from voiceguide.player.player import Player
from voiceguide.player.screen import page
from voiceguide.player.source import LiveSession
from voiceguide.timeline import Began, End, Ended, Event, Opening
from voiceguide.voices import Utterance

# Places


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Where places are kept, in a folder of its own."""
    monkeypatch.setenv("VOICEGUIDE_DATA_DIR", str(tmp_path))
    return tmp_path / "stopped.json"


@pytest.mark.usefixtures("kept")
def test_where_a_session_was_stopped_is_known_to_the_next_command():
    Places().note("calf", 750_250)
    Places().note("neck", 1000)
    assert (Places().of("calf"), Places().of("neck"), Places().of("jaw")) == (750_250, 1000, 0)


def test_a_session_that_was_played_to_its_end_begins_at_its_beginning(kept):
    Places().note("calf", 750_250)
    Places().note("calf", None)
    assert Places().of("calf") == 0
    assert json.loads(kept.read_text("utf-8")) == {}


@pytest.mark.usefixtures("kept")
def test_one_that_was_stopped_in_its_start_delay_begins_at_its_beginning():
    Places().note("calf", -3000)
    assert Places().of("calf") == 0


@pytest.mark.usefixtures("kept")
def test_what_was_stopped_in_another_terminal_meanwhile_is_remembered_too():
    here = Places()
    Places().note("neck", 1000)
    here.note("calf", 750_250)
    assert (Places().of("neck"), Places().of("calf")) == (1000, 750_250)


def test_the_latest_200_are_remembered(kept):
    places = Places()
    for number in range(201):
        places.note(str(number), 1000 + number)
    places.note("1", 5)
    assert Places().of("0") == 0
    assert Places().of("1") == 5
    assert Places().of("200") == 1200
    assert len(json.loads(kept.read_text("utf-8"))) == 200


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"calf": "x"}', '{"calf": -1}', '{"calf": {"ms": 5}}', "\xff"]
)
def test_what_cannot_be_read_is_as_if_nothing_had_been_stopped(kept, text):
    kept.write_bytes(text.encode("latin-1"))
    assert Places().of("calf") == 0
    Places().note("neck", 7)
    assert Places().of("neck") == 7


def test_how_to_go_on_is_said():
    asked = ["play", "my neck.ssml", "--from", "4:30", "--mono", "--resume", "--from=5:00"]
    assert Places.said(750_900, asked) == (
        "Stopped at 12:30. To continue there: voiceguide play 'my neck.ssml' --mono --resume"
    )


def test_of_several_the_one_that_was_stopped_last_is_resumed(kept):
    assert kept
    assert Places().latest(["calf", "neck"]) == 0
    Places().note("neck", 7)
    Places().note("back", 9)
    assert Places().latest(["calf", "neck"]) == 1
    Places().note("calf", 5)
    assert Places().latest(["calf", "neck"]) == 0


def test_the_words_of_a_session_are_remembered_with_its_place(kept):
    kept.write_text('{"calf": 750250}', "utf-8")  # as 0.1 kept it
    assert (Places().of("calf"), Places().seed("calf"), Places().seed("neck")) == (750_250, 0, None)
    Places().note("calf", 1000, 20_261_129)
    assert (Places().of("calf"), Places().seed("calf")) == (1000, 20_261_129)


# Keys


class Said:
    """What a screen says."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def player():
    """A minute of silence in three chapters; a sentence from 3 s on, a hold from 20 to 50 s."""
    sentence = Utterance("One.", "en", None, 120, 0.0)
    items = [
        Opening("One", 0), Event(3000, 8000, sentence, 0.0), Opening("Two", 20_000),
        Began("hold", None, 20_000), Ended("hold", 50_000), Opening("Three", 50_000), End(60_000),
    ]  # fmt: skip
    window = Window(lambda _: np.zeros(5000 * FRAMES_PER_MS, np.int16), 1)
    with contextlib.closing(LiveSession("Silence", 3, lambda _: items, window)) as source:
        one = Player(source)
        one.wait(5)
        yield one
        one.close()


@pytest.mark.parametrize("width", [40, 60, 120])
def test_a_terminal_shows_the_countdown_large_and_fits(player, width):
    player.seek(29_000)
    settled_ms(player)
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(page(player, width, "The tones of a finished file cannot be muted."))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) <= 24
    assert lines[1].split() == ["2/3", "Two"]
    two_one = ["██████  ", "    ██  ", "██████  ", "██      ", "██████  "]  # of 21
    assert [line[:8] for line in lines[3:8]] == two_one
    assert "left of the hold, round 1" in "\n".join(lines)
    bar = next(line for line in lines if "━" in line)
    assert bar.startswith("0:29 ")
    assert bar.rstrip().endswith(" 1:00")
    assert bar.count("━") / (bar.count("━") + bar.count("─")) == pytest.approx(0.48, abs=0.03)


def test_a_terminal_shows_what_comes_next(player):
    player.seek(9000)
    settled_ms(player)
    console = Console(width=60, file=io.StringIO(), color_system=None)
    console.print(page(player, 60))
    assert "next: hold at 0:20" in console.file.getvalue()
    assert "left of the session" in console.file.getvalue()


def settled_ms(player: Player) -> int:
    """Return where it plays, once that can be heard."""
    until = time.monotonic() + 10
    while (player.seeking or player.waiting) and time.monotonic() < until:
        time.sleep(0.005)
    return player.position_ms


def press(player: Player, *keys: str) -> list[str]:
    said = Said()
    for key in keys:
        loop._press(player, key, said)
    return [line for line in said.lines if line]


def test_the_arrows_skip_10_seconds_and_never_before_the_beginning(player):
    press(player, "right")
    assert settled_ms(player) == 10_000
    press(player, "right", "left", "left")
    assert settled_ms(player) == 0
    press(player, "left")
    assert settled_ms(player) == 0


def test_what_is_played_is_counted(player):
    player.seek(12_000)
    settled_ms(player)
    player.read(250 * FRAMES_PER_MS)
    assert player.position_ms == 12_250


def test_n_and_p_go_to_the_chapters(player):
    press(player, "n")
    assert settled_ms(player) == 20_000
    press(player, "n")
    assert settled_ms(player) == 50_000
    player.seek(52_900)
    press(player, "p")  # it has just begun
    assert settled_ms(player) == 20_000
    player.seek(23_100)
    press(player, "p")
    assert settled_ms(player) == 20_000
    press(player, "p")
    assert settled_ms(player) == 0


def test_r_goes_back_to_the_begin_of_the_hold(player):
    player.seek(47_000)
    press(player, "r")
    assert settled_ms(player) == 20_000


def test_plus_makes_a_hold_15_seconds_longer_and_says_so(player):
    assert press(player, "+") == ["There is no hold to extend here."]
    player.seek(30_000)
    settled_ms(player)
    assert press(player, "+") == ["15 s more"]
    assert settled_ms(player) == 30_000
    assert player.source.live.end_ms == 75_000
    press(player, "n")
    assert settled_ms(player) == 65_000


def test_after_an_interruption_the_sentence_is_said_again_if_it_began_within_10_seconds(player):
    for at_ms, again_ms in ((7000, 3000), (12_900, 3000), (13_100, 13_100), (2000, 2000)):
        player.seek(at_ms)
        settled_ms(player)
        player.back_to_sentence()
        assert settled_ms(player) == again_ms


def test_q_ends_it_and_where_it_was_is_known(player):
    player.seek(12_000)
    settled_ms(player)
    press(player, "q")
    assert player.stopped_ms == 12_000
    player.read(2000 * FRAMES_PER_MS)
    assert player.ended.is_set()


def test_space_pauses_and_goes_on_where_it_was(player):
    player.seek(12_000)
    settled_ms(player)
    press(player, " ")
    player.read(1000 * FRAMES_PER_MS)
    assert (player.paused, player.position_ms) == (True, 12_000)
    press(player, " ")
    for _ in range(10):  # as a device does; a second at once may not be mixed yet
        settled_ms(player)
        player.read(100 * FRAMES_PER_MS)
    assert (player.paused, player.position_ms) == (False, 13_000)
