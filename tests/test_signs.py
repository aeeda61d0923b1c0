"""Signs of a listener while a session plays: an open hold ends, a question is answered.

Sessions are of regions, with plausible lengths of speech; the player is the real one.
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
import io
import json
import random
from concurrent.futures import Future

import numpy as np
import pytest
import sessions
from conftest import decode, voiceguide
from loudspeaker import place_ms

from voiceguide import diary, timeline
from voiceguide.listen.hands_free import HandsFree
from voiceguide.listen.listener import Heard
from voiceguide.listen.words import words
from voiceguide.mixer import Window, tone
from voiceguide.player.player import Player
from voiceguide.player.screen import Nothing
from voiceguide.player.source import LiveSession
from voiceguide.timeline import Adaptive, Began, End, Event, Item, Measured, Replanned, Timeline
from voiceguide.voices import Utterance

CALF = {"method": "fascia-ball", "area": "upper-calf", "guidance": "brief"}
SESSIONS = [
    ("calf", CALF),
    ("calf", {**CALF, "side": "left"}),
    ("calf", {**CALF, "side": "right", "level": "gentle", "guidance": "full"}),
    ("calf", {"method": "thumb", "area": "lower-calf", "level": "deep", "side": "left"}),
    ("calf", {"method": "foam-roller", "area": "upper-calf", "guidance": "tones", "ask": False}),
]
BOTH, LEFT = 0, 1


@functools.cache
def script(number: int, *, holds: str = "open") -> Measured:
    """Return the script of a session whose listener is asked, and how long its clips last."""
    target, options = SESSIONS[number]
    asked = sessions.request(target, **{"ask": True, "holds": holds, **options})
    return Measured(sessions.made(asked).parsed.root, sessions.length_ms)


@functools.cache
def adaptive(number: int, part: float | None = 1.0, *, holds: str = "open") -> Adaptive:
    """Return a session of a part of its natural length; with None, of no fixed one."""
    measured = script(number, holds=holds)
    natural = timeline.collect(timeline.resolve(measured.script, measured.length_ms))
    length_ms = None if part is None else round(natural.duration_ms * part)
    stretch = 1.0 if length_ms is None else timeline.fit([measured], length_ms).stretch

    def replies(answer: str) -> list[Event]:
        return [Event(0, 1800, Utterance(f"Reply to {answer}.", "en", None, 0, 0.0), 0.0)]

    return Adaptive(
        measured,
        stretch=stretch,
        length_ms=length_ms,
        ready=tone("half.wav") if holds == "open" else None,
        replies=replies,
    )


@functools.cache
def length_ms(number: int, part: float) -> int:
    """Return how long a session of a part of its natural length is."""
    return adaptive(number, part).items()[-1].at_ms


def changed(items: list[Item], replanned: Replanned) -> list[Item]:
    """Return what is heard of a session that was replanned."""

    def is_before(item: Item) -> bool:
        end_ms = item.end_ms if isinstance(item, Event) else 0
        return (
            not isinstance(item, End)
            and item.at_ms < replanned.from_ms
            and end_ms <= replanned.over_ms
        )

    return [*filter(is_before, items), *replanned.items]


def begins(items: list[Item], kind: str, after_ms: int) -> list[int]:
    return sorted(
        item.at_ms
        for item in items
        if isinstance(item, Began) and item.kind == kind and item.at_ms > after_ms
    )


def listened(session: Adaptive, seed: int) -> Timeline:
    """Return a session to which somebody listened who gives signs at random."""
    chance = random.Random(seed)
    items, at_ms = session.items(), -1
    while True:
        coming = [
            (begin_ms, kind) for kind in ("hold", "ask") for begin_ms in begins(items, kind, at_ms)
        ]
        if not coming:
            return timeline.collect(items)
        at_ms, kind = min(coming)
        sign = "next" if kind == "hold" else chance.choice(["better", "same"])
        after_ms = chance.randrange(100_000) if kind == "hold" else chance.randrange(12_000)
        replanned = session.sign(at_ms + after_ms, sign)
        if replanned is not None:
            items = changed(items, replanned)
            at_ms += after_ms


def spans(made: Timeline, kind: str) -> list[int]:
    """Return how long each span of a kind lasts, in ms."""
    return [mark.end_ms - mark.begin_ms for mark in made.marks if mark.kind == kind]


@pytest.mark.slow
def test_in_500_sessions_the_length_is_exact_and_no_hold_is_under_30_or_over_90_s():
    lengths: set[int] = set()
    rounds: dict[int, set[int]] = {}
    for seed in range(500):
        number, part = seed % len(SESSIONS), (0.991, 1.0, 1.015)[seed // len(SESSIONS) % 3]
        made = listened(adaptive(number, part), seed)
        asked_ms = length_ms(number, part)
        assert made.duration_ms == asked_ms, seed
        assert max(event.end_ms for event in made.events) <= asked_ms
        assert made.events[-1].source == "bell.wav"
        holds = spans(made, "hold")
        assert min(holds) >= 30_000, seed
        assert max(holds) <= 90_000, seed
        lengths.update(holds)
        rounds.setdefault(number, set()).add(len(holds))
        assert all(ms >= 60_000 for ms in spans(made, "stretch")), "a stretch gave way"
    assert len(lengths) > 500, "the listener does not decide"
    assert sum(len(counts) > 2 for counts in rounds.values()) > 2, "there are always as many rounds"


def first(items: list[Item], kind: str) -> int:
    return begins(items, kind, -1)[0]


def sounds(items: list[Item], name: str, begin_ms: int, end_ms: int) -> list[int]:
    """Return when a sound begins, from ``begin_ms`` on, in ms from there."""
    return [
        item.begin_ms - begin_ms
        for item in items
        if isinstance(item, Event) and item.source == name and begin_ms <= item.begin_ms <= end_ms
    ]


def test_without_a_sign_a_hold_lasts_90_s_paced_and_counted_down():
    items = adaptive(LEFT).items()
    begin_ms = first(items, "hold")
    end_ms = begin_ms + 90_000
    assert spans(timeline.collect(items), "hold")[0] == 90_000
    assert sounds(items, "start.wav", begin_ms, end_ms) == [0]
    assert sounds(items, "half.wav", begin_ms, end_ms) == [30_000]
    assert sounds(items, "tick.wav", begin_ms, end_ms) == [87_000, 88_000, 89_000]
    assert sounds(items, "end.wav", begin_ms, end_ms) == [90_000]
    inhaled = sounds(items, "inhale.wav", begin_ms, end_ms)
    assert inhaled == [6000, 16_000, 26_000, 36_000, 46_000, 56_000, 66_000, 76_000]


def test_next_ends_a_hold_at_once_and_before_30_s_when_they_are_over():
    for after_ms, lasts_ms, ticks in ((41_234, 41_234, []), (12_000, 30_000, [27, 28, 29])):
        session = adaptive(LEFT)
        items = session.items()
        begin_ms = first(items, "hold")
        items = changed(items, session.sign(begin_ms + after_ms, "next"))
        end_ms = begin_ms + lasts_ms
        assert spans(timeline.collect(items), "hold")[0] == lasts_ms
        assert sounds(items, "end.wav", begin_ms, end_ms) == [lasts_ms]
        assert sounds(items, "tick.wav", begin_ms, end_ms) == [1000 * tick for tick in ticks]
        assert session.sign(end_ms + 1, "next") is None


def test_short_holds_make_room_for_rounds_and_long_ones_take_them():
    def rounds(after_ms: int) -> int:
        session, at_ms = adaptive(LEFT), -1
        items = session.items()
        while coming := begins(items, "hold", at_ms):
            at_ms = coming[0]
            replanned = session.sign(at_ms + after_ms, "next")
            items = items if replanned is None else changed(items, replanned)
        return len(begins(items, "hold", -1))

    assert (rounds(30_000), rounds(45_000), rounds(89_000)) == (6, 5, 3)


def test_without_a_fixed_length_all_rounds_are_had():
    session, at_ms = adaptive(LEFT, None), -1
    items = session.items()
    while coming := begins(items, "hold", at_ms):
        at_ms = coming[0]
        items = changed(items, session.sign(at_ms + 60_000, "next"))
    assert spans(timeline.collect(items), "hold") == [60_000] * 5


def after(items: list[Item], at_ms: int) -> list[str]:
    """Return which spans begin from ``at_ms`` on, without breaths and sides."""
    wanted = ("hold", "move", "stretch", "ask")
    return [
        item.kind
        for item in items
        if isinstance(item, Began) and item.at_ms >= at_ms and item.kind in wanted
    ]


def test_an_answer_gives_another_round_or_goes_on_or_leads_to_the_closing_words():
    for part in (1.02, None):
        session = adaptive(BOTH, part, holds="fixed")
        items = session.items()
        length_ms, asked_ms = items[-1].at_ms, first(items, "ask")
        at_ms = asked_ms + 4000
        way = {
            answer: (session.items(), session.sign(at_ms, answer).items)[1]
            for answer in ("better", "same", "worse")
        }
        usual = after(items, asked_ms + 1)
        assert after(way["better"], at_ms) == usual
        again = after(way["same"], at_ms)
        assert again[:3] == ["hold", "move", "ask"]
        assert len(again) - 3 == len(usual) - (2 if part else 0), "not one round less"
        assert after(way["worse"], at_ms) == []
        for answer, made in way.items():
            [said] = [one for one in made if isinstance(one, Event) and one.begin_ms == at_ms]
            assert said.text == f"Reply to {answer}."
            assert [one.source for one in made if isinstance(one, Event)][-1] == "bell.wav"
        assert way["worse"][-1].at_ms < length_ms - 180_000
        if part:
            assert way["better"][-1].at_ms == way["same"][-1].at_ms == length_ms


def test_an_answer_counts_while_it_is_asked_for():
    session = adaptive(BOTH, 1.0, holds="fixed")
    asked_ms = first(session.items(), "ask")
    assert session.sign(asked_ms - 1, "same") is None
    assert session.sign(asked_ms + 30_000, "same") is None
    assert session.sign(first(session.items(), "hold") + 40_000, "next") is None, "it is not open"


class Listening:
    """A player without a device, which is read as fast as it mixes."""

    def __init__(self, session: Adaptive) -> None:
        def clip(speech: Utterance) -> np.ndarray:
            return np.zeros(48 * (200 + 80 * len(speech.text)), np.int16)

        self.source = LiveSession(
            "A session", 9, lambda _: session.items(), Window(clip, 1), (), session
        )
        self.player = Player(self.source)
        self.heard: list[bytes] = []
        while self.source.live.end_ms is None:
            self.player.wait(1)

    def until(self, ms: float) -> None:
        while self.player.position_ms < ms and not self.player.ended.is_set():
            self.player.wait(10)
            self.heard.append(self.player.read(4800))

    def close(self) -> None:
        self.player.close()
        self.source.close()


@pytest.fixture
def listening():
    opened: list[Listening] = []

    def listen(session: Adaptive) -> Listening:
        opened.append(Listening(session))
        return opened[-1]

    yield listen
    for one in opened:
        one.close()


@pytest.mark.slow
def test_a_real_session_with_signs_is_heard_to_the_end_on_time(listening):
    """Holds end after 40 s, then after 75 s, then as they like."""
    session = adaptive(LEFT)
    length_ms = session.items()[-1].at_ms
    one, ends_ms = listening(session), []
    for after_ms in (40_000, 75_000):
        begin_ms = one.source.live.next_exercise(one.player.position_ms)[1]
        one.until(begin_ms + after_ms)
        assert one.source.live.hold_at(one.player.position_ms).kind == "hold"
        ends_ms.append(one.player.position_ms)
        one.player.go_on()
        one.until(ends_ms[-1] + 2000)
        assert one.source.live.hold_at(one.player.position_ms) is None
        assert one.source.live.end_ms == length_ms
    one.until(length_ms + 1)
    heard = np.frombuffer(b"".join(one.heard), "<i2") / 32768
    bell, end = (decode(sessions.SOUNDS / name) for name in ("bell.wav", "end.wav"))
    loud = np.flatnonzero(np.abs(bell) > 0.01)[-1]
    assert np.flatnonzero(np.abs(heard) > 0.01)[-1] == length_ms * 48 - len(bell) + loud
    for end_ms in ends_ms:
        around = heard[(end_ms - 300) * 48 : (end_ms + 1500) * 48]
        at_ms, match = place_ms(around, end)
        assert abs(at_ms - 300) < 10  # it is faded in
        assert match > 0.95


def test_signs_reach_the_session_through_the_player(listening):
    one = listening(adaptive(BOTH, None))
    noted: list[tuple[str, str]] = []
    one.player.answered = lambda *answer: noted.append(answer)
    hands_free = HandsFree(one.player, Nothing(), words("en"), lambda _: Future())
    one.player.wait(10)
    live = one.source.live
    hold_ms = first(adaptive(BOTH, None).items(), "hold")
    one.player.seek(hold_ms + 50_000)
    assert not one.player.extend(), "an open hold is as long as it may be"
    hands_free.take(Heard("next"), 0)
    assert live.hold_at(hold_ms + 1).end_ms == hold_ms + 50_000
    assert not one.player.answer("same"), "nothing is asked here"
    chapter = live.chapter_at(hold_ms)
    for number, answer in enumerate(("same", "better"), 1):
        asked_ms = next(
            ms for ms in range(hold_ms, live.end_ms, 500) if live.question_at(ms) is not None
        )
        one.player.seek(asked_ms + 1000)
        hands_free.take(Heard(answer), 0)
        assert noted[-1] == ("the upper calf, left", answer)
        assert len(noted) == number
        assert live.question_at(asked_ms + 1000) is None
        hold_ms = asked_ms + 1000
    assert live.chapter_at(hold_ms) == chapter
    one.player.go_on()
    assert live.begin_of(chapter + 1) is not None


def test_the_script_of_open_holds_promises_no_number_and_no_half():
    asked = {"method": "fascia-ball", "area": "upper-calf"}
    usual, opened = (
        sessions.made(sessions.request("calf", holds=holds, **asked)).text
        for holds in ("fixed", "open")
    )
    assert "Round 2 of 2." in usual
    assert "Round" not in opened
    assert usual.count('src="half.wav"') == 6
    assert opened.count('src="half.wav"') == 2, "only the stretches last as they are written"
    assert "say next" in opened


@pytest.mark.parametrize(
    ("language", "question"), [("en", "the same, or worse?"), ("de", "gleich oder schlechter?")]
)
def test_it_asks_after_each_spot_in_both_languages(language, question):
    asked = sessions.request(
        "calf", method="fascia-ball", area="upper-calf", language=language, ask=True
    )
    assert sessions.made(asked).text.count(question) == 2
    answers = words(language).answers
    assert all((answers.better, answers.same, answers.worse))


# The diary


@pytest.fixture
def diary_file(tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_DATA_DIR", str(tmp_path))
    return tmp_path / "diary.jsonl"


@pytest.mark.usefixtures("diary_file")
def test_the_diary_keeps_every_character_of_a_name():
    for spot in ("the calf\u2028left", "the calf\x85left"):  # where lines end for some
        diary.note("Calf", spot, "better")
        assert diary.entries()[-1].spot == spot


@pytest.mark.slow
def test_the_diary_is_shown_exported_and_deleted(diary_file):
    empty = voiceguide("diary")
    assert (empty.returncode, empty.stdout) == (0, "")
    assert "voiceguide play calf --ask" in empty.stderr
    diary.note("Calf: fascia ball", "the upper calf, left", "better")
    diary.note("Nacken: Daumen", "der Nacken", "worse")
    assert diary_file.stat().st_mode & 0o077 == 0, "others can read it"
    with diary_file.open("a", encoding="utf-8") as file:
        file.write('{"at": "half a li')
    today = dt.datetime.now().astimezone()
    shown = voiceguide("diary").stdout.splitlines()
    assert [line[16:] for line in shown] == [
        "  better  the upper calf, left  Calf: fascia ball",
        "  worse   der Nacken            Nacken: Daumen",
    ]
    assert abs(dt.datetime.fromisoformat(shown[0][:16]).astimezone() - today).total_seconds() < 120
    rows = list(csv.reader(io.StringIO(voiceguide("diary", "--export", "csv").stdout)))
    assert rows[0] == ["at", "session", "spot", "answer"]
    assert [row[1:] for row in rows[1:]] == [
        ["Calf: fascia ball", "the upper calf, left", "better"],
        ["Nacken: Daumen", "der Nacken", "worse"],
    ]
    exported = json.loads(voiceguide("diary", "--export", "json").stdout)
    assert exported[1]["answer"] == "worse"
    assert voiceguide("diary", "--clear").returncode == 0
    assert not diary_file.exists()


def test_a_line_that_was_cut_off_takes_no_other_with_it(diary_file):
    diary_file.write_text('{"at": "2026-', "utf-8")
    diary.note("Calf: thumb", "the upper calf", "same")
    assert [entry.answer for entry in diary.entries()] == ["same"]


@pytest.mark.slow
def test_a_file_says_that_it_waits_for_nobody(diary_file, ssml):
    del diary_file
    path = ssml('<break time="1s"/>').with_name("my.wav")
    done = voiceguide("render", "calf", "--method", "fascia-ball", "--guidance", "tones",
                      "--holds", "open", "--side", "left", "-o", path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "--holds open and --ask are for “play”: a file waits for nobody." in done.stderr
    played = voiceguide("play", path, "--holds", "open")
    assert played.returncode == 1
    assert "--holds only applies to sessions that are made as they play" in played.stderr
