"""``play --listen``: what is said near a microphone, in a room where the session is heard too.

Rooms are made here: what is played, through a short reverberation, and a speaker near by.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import queue
import subprocess
import sys
import tempfile
import time
import wave
from concurrent.futures import Future
from pathlib import Path

import miniaudio
import numpy as np
import pytest
import soxr
from conftest import lacks, needs
from loudspeaker import Server, Terminal

from voiceguide import Session, settings
from voiceguide.errors import UsageError, VoiceError, VoiceguideError
from voiceguide.listen import foreign, hands_free
from voiceguide.listen.echo import EchoSuppressor
from voiceguide.listen.hands_free import HandsFree
from voiceguide.listen.listener import KNOCKS, Heard, Listener
from voiceguide.listen.microphone import Played
from voiceguide.listen.near import FRAME, Near
from voiceguide.listen.spotter import Guess, Spotter
from voiceguide.listen.words import words
from voiceguide.mixer import Window
from voiceguide.plan import open_voice
from voiceguide.player.player import Player
from voiceguide.player.screen import Nothing
from voiceguide.player.source import LiveSession
from voiceguide.timeline import Began, End, Ended, Event, Opening
from voiceguide.voices import Utterance

HZ = 16_000
BLOCK = HZ // 50


@pytest.fixture(autouse=True)
def _extra():
    if not importlib.util.find_spec("moonshine_voice"):
        lacks("needs moonshine-voice (the extra listen)")
    needs("espeak-ng")


def needs_phonemes():
    if not importlib.util.find_spec("pocketsphinx"):
        lacks("needs pocketsphinx (the extra listen), which Python 3.14 does not have")


@pytest.fixture(scope="module")
def english():
    known = words("en")
    return Spotter("en", known.commands, known.others)


@pytest.fixture(scope="module")
def german():
    needs_phonemes()
    known = words("de")
    return Spotter("de", known.commands, known.others)


@pytest.mark.parametrize("library", ["moonshine_voice", "onnxruntime"])
def test_without_a_library_it_says_what_to_install(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(VoiceguideError, match=r"pip install 'voiceguide\[listen\]'"):
        Spotter("en", {"pause": ["pause"]})


def speaker(text: str, voice: str = "en-us+m3", hz: int = HZ) -> np.ndarray:
    """Return what somebody says, without silence around it, at a root mean square of 0.05."""
    command = ["espeak-ng", "-v", voice, "-s", "140", "--stdout", text]
    spoken = subprocess.run(command, capture_output=True, check=True).stdout
    with wave.open(io.BytesIO(spoken)) as file:
        samples = np.frombuffer(file.readframes(10**7), "<i2").astype(np.float32)
        samples = soxr.resample(samples, file.getframerate(), hz)
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
    samples = samples[loud[0] : loud[-1] + 1]
    return samples * np.float32(0.05) / np.sqrt(np.mean(samples**2))


def close_by(text: str, voice: str) -> np.ndarray:
    """Return what somebody says close to a microphone, with a moment of the room around it."""
    said = speaker(text, voice)
    noise = np.random.default_rng(1).standard_normal(len(said) + 4800)
    return np.pad(said, (1600, 3200)) + (0.001 * noise).astype(np.float32)


def room(played: np.ndarray, *, seed: int = 1) -> np.ndarray:
    """Return what a microphone hears of what is played: late, reverberant, with a little noise."""
    random = np.random.default_rng(seed)
    echo = 0.05 * random.standard_normal(3200) * np.exp(-np.arange(3200) / 600)
    echo[:160], echo[160] = 0, 1
    size = len(played) + HZ // 2
    late = np.fft.rfft(played, size) * np.fft.rfft(np.pad(0.4 * echo, (HZ // 10, 0)), size)
    heard = np.fft.irfft(late, size)[: len(played)]
    return (heard + 0.0005 * random.standard_normal(len(played))).astype(np.float32)


def at(second: float, sound: np.ndarray, length_s: float) -> np.ndarray:
    """Return silence with a sound in it."""
    samples = np.zeros(int(length_s * HZ), np.float32)
    samples[int(second * HZ) :][: len(sound)] = sound
    return samples


def clap(second: float, *, apart_s: float, length_s: float, lasts_s: float = 0.01) -> np.ndarray:
    """Return two short bursts of noise."""
    noise = np.random.default_rng(5).standard_normal(int(HZ * 8 * lasts_s))
    burst = 0.3 * noise * np.exp(-np.arange(len(noise)) / (HZ * lasts_s))
    return at(second, burst, length_s) + at(second + apart_s, burst, length_s)


def spotted(spotter: Spotter, sound: np.ndarray) -> str | None:
    """Return what a spotter takes a sound for in a calm room, where it has to be sure."""
    guess = spotter.spot(sound)
    assert guess is None or guess.is_sure
    return guess and guess.command


def at_home(spotter: Spotter) -> Listener:
    """Return a listener that knows its room, where nothing was heard for 16 seconds."""
    listener = Listener(spotter.spot)
    noise = np.random.default_rng(7).standard_normal(16 * HZ)
    silence = np.zeros(16 * HZ, np.float32)
    assert not list(listener.take((0.0005 * noise).astype(np.float32), silence))
    return listener


def heard(near: np.ndarray, played: np.ndarray, spotter: Spotter) -> list[tuple[float, Heard]]:
    """Return what a listener hears, each with the end of its block in seconds."""
    listener = at_home(spotter)
    return [
        ((begin + BLOCK) / HZ, one)
        for begin in range(0, len(near) - BLOCK + 1, BLOCK)
        for one in listener.take(
            near[begin : begin + BLOCK].astype(np.float32), played[begin : begin + BLOCK]
        )
    ]


def conversation(
    said: np.ndarray, played: np.ndarray, spotter: Spotter
) -> list[tuple[float, Heard]]:
    """Return what a listener hears of somebody, if the session is soft 100 ms after it begins."""
    listener, found, soft_s = at_home(spotter), [], len(said)
    echo = room(played)
    for begin in range(0, len(said) - BLOCK + 1, BLOCK):
        block = slice(begin, begin + BLOCK)
        gain = np.float32(0.1 if begin / HZ > soft_s + 0.1 else 1)
        for one in listener.take(gain * echo[block] + said[block], gain * played[block]):
            found.append(((begin + BLOCK) / HZ, one))
            soft_s = min(soft_s, begin / HZ) if one.is_begin else soft_s
    return found


def asked(found: list[tuple[float, Heard]]) -> list[str]:
    return [one.command for _, one in found if one.command is not None]


def test_the_package_knows_the_same_commands_in_both_languages():
    names = {"pause", "go_on", "next", "back", "repeat", "longer", "shorter", "louder", "softer",
             "stop", "how_long", "better", "same", "worse"}  # fmt: skip
    assert set(words("en").commands) == set(words("de").commands) == names
    assert words("en-GB") == words("en")


@pytest.mark.parametrize(
    ("said", "command"),
    [("pause", "pause"), ("next", "next"), ("repeat", "repeat"), ("longer", "longer"),
     ("shorter", "shorter"), ("louder", "louder"), ("continue", "go_on"), ("stop", "stop")],
)  # fmt: skip
def test_an_english_command_is_understood(english, said, command):
    assert spotted(english, close_by(said, "en-us")) == command


@pytest.mark.parametrize(
    ("said", "command"),
    [("weiter", "go_on"), ("zurück", "back"), ("wiederholen", "repeat"), ("länger", "longer"),
     ("besser", "better"), ("lauter", "louder"), ("stopp", "stop"), ("wie lange", "how_long")],
)  # fmt: skip
def test_a_german_command_is_understood(german, said, command):
    assert spotted(german, close_by(said, "de+m3")) == command


def test_a_language_is_known_by_the_name_of_a_locale():
    known = words("de_AT")
    own = Spotter("de_AT", known.commands, known.others)
    assert spotted(own, close_by("zurück", "de+m3")) == "back"


def test_a_german_word_is_heard_and_spelled_as_in_english():
    ways = ["T S UW R IH K", "T S UW W IH K", "T S UW R Y UW K", "T S UW R IH G"]
    assert foreign.sounds("zurück", "de", 1) == ways[:1]
    assert foreign.sounds("zurück", "de", 4) == ways
    assert len(foreign.sounds("auf Wiederhören bis morgen Abend", "de", 12)) == 12
    assert (foreign.sounds("...", "de", 12), foreign.spelled("...", "de")) == ([], "")
    said = ["leiser", "weiter", "wie lange"]
    assert [foreign.spelled(one, "de") for one in said] == ["liza", "vita", "vee langa"]


def test_other_german_words_are_no_commands(german):
    said = ["Apfel", "natürlich", "Butterbrot", "vielleicht", "mal sehen"]
    assert [spotted(german, close_by(one, "de+m3")) for one in said] == [None] * len(said)


def test_other_words_are_no_commands(english):
    said = ["yes please", "computer", "something", "excuse me", "thank you", "tomorrow"]
    assert [spotted(english, close_by(one, "en-us+m3")) for one in said] == [None] * len(said)


def test_without_phonemes_english_is_understood(monkeypatch):
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    known = words("en")
    alone = Spotter("en", known.commands, known.others)
    said = ["pause", "softer", "longer", "again", "louder", "continue", "stop", "how long"]
    heard = [spotted(alone, close_by(one, "en-us")) for one in said]
    assert heard == ["pause", "softer", "longer", "repeat", "louder", "go_on", "stop", "how_long"]
    others = [spotted(alone, close_by(one, "en-us")) for one in ("computer", "tomorrow")]
    assert others == [None, None]


def test_sounds_that_are_hardly_there_and_lists_without_words_are_no_commands(english):
    assert english.spot(np.zeros(0, np.float32)) is None
    assert english.spot(np.full(20, 0.1, np.float32)) is None
    assert Spotter("en", {}).spot(close_by("stop", "en-us")) is None
    assert Spotter("en", {"pause": []}, ["hello"]).spot(close_by("stop", "en-us")) is None


def test_own_words_change_nothing_for_the_others(english):
    known = words("en")
    more = {**known.commands, "stop": [*known.commands["stop"], "that is quite enough for today"]}
    own = Spotter("en", more, known.others)
    for said in ("next", "louder", "computer"):
        sound = english._model.hear(close_by(said, "en-us"))
        assert [*map(sound.likely, known.commands["next"])] == [
            *map(own._model.hear(close_by(said, "en-us")).likely, known.commands["next"])
        ]
    assert spotted(own, close_by("that is quite enough for today", "en-us")) == "stop"


def test_in_a_busy_room_words_have_to_be_clear(english):
    needs_phonemes()
    once, twice = Guess("stop", is_sure=True), Guess("pause", is_sure=False)
    for said, calm, busy in (
        ("pause", "pause", twice),
        ("stop", "stop", once),
        ("pose", "pause", None),
    ):
        sound = close_by(said, "en-us")
        assert english.spot(sound) == Guess(calm, is_sure=True)
        assert english.spot(sound, is_busy=True) == busy


def test_a_room_is_busy_at_first_and_after_four_sounds_that_were_no_commands():
    told = []
    listener = Listener(lambda _, *, is_busy: told.append(is_busy))
    burst = 0.1 * np.random.default_rng(3).standard_normal(int(0.4 * HZ))
    near = sum(at(second, burst, 90) for second in (5, 18, 20, 22, 24, 26, 52, 66, 80))
    near = (near + 0.0005 * np.random.default_rng(4).standard_normal(90 * HZ)).astype(np.float32)
    list(listener.take(near, np.zeros_like(near)))
    assert told == [True, False, False, False, True, True, True, False, False]


def test_sounds_shorter_than_words_make_no_room_busy():
    told = []
    listener = Listener(lambda _, *, is_busy: told.append(is_busy))
    noise = 0.1 * np.random.default_rng(3).standard_normal(int(0.4 * HZ))
    near = sum(at(second, noise[: HZ // 12], 26) for second in (17, 18, 19, 20, 21)) + at(
        24, noise, 26
    )
    near = (near + 0.0005 * np.random.default_rng(4).standard_normal(26 * HZ)).astype(np.float32)
    found = list(listener.take(near, np.zeros_like(near)))
    assert (len([one for one in found if one.is_begin]), told) == (6, [False])


def test_a_german_stop_is_enough_once_in_a_busy_room(german):
    sound = close_by("stopp", "de+m3")
    assert german.spot(sound, is_busy=True) == Guess("stop", is_sure=True)


def test_what_is_not_sure_has_to_be_heard_twice_within_six_seconds():
    at_s = (2, 4, 6, 10, 18, 20, 22, 30, 34)
    said = ("next", None, "next", "next", "next", "back", "next", "back", "pause")
    guesses = iter(
        [one and Guess(one, is_sure=at == 30) for at, one in zip(at_s, said, strict=True)]
    )
    listener = Listener(lambda *_, **__: next(guesses))
    burst = 0.1 * np.random.default_rng(3).standard_normal(int(0.4 * HZ))
    near = sum(at(second, burst, 36) for second in at_s)
    near = (near + 0.0005 * np.random.default_rng(4).standard_normal(36 * HZ)).astype(np.float32)
    found = [
        (begin // HZ, one.command)
        for begin in range(0, len(near), BLOCK)
        for one in listener.take(near[begin : begin + BLOCK], np.zeros(BLOCK, np.float32))
        if one.command
    ]
    assert found == [(6, "next"), (22, "next"), (30, "back")]


def test_in_a_busy_room_nobody_claps():
    """Music does, to a microphone."""
    listener = Listener(lambda *_, **__: None)
    near = room(np.zeros(4 * HZ, np.float32)) + clap(1, apart_s=0.4, length_s=4)
    assert not asked([(0.0, one) for one in listener.take(near, np.zeros_like(near))])


def test_own_words_are_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path))
    file = tmp_path / "settings.toml"
    file.write_text('side = "left"\n[words]\nstop = ["enough of that"]\n', "utf-8")
    known = words("en")
    assert known.commands["stop"] == ["stop", "enough of that"]
    own = Spotter("en", known.commands, known.others)
    assert spotted(own, close_by("enough of that", "en-us")) == "stop"
    assert settings.in_file() == {"side": "left"}
    file.write_text('[words]\nhurry = ["faster"]\n', "utf-8")
    with pytest.raises(
        UsageError, match=r"toml:2: \[words\] unknown command “hurry”; available: pause, go_on"
    ):
        words("en")
    for wrong in ("", "...", "[[", "a" * 50, "\u200dstop", "stop\u200c", "a \u200db"):
        file.write_text(f'[words]\nstop = ["enough", "{wrong}"]\n', "utf-8")
        with pytest.raises(
            UsageError, match=r"settings\.toml:2: \[words\] stop: “.*” must be words"
        ):
            words("en")
    file.write_text(f"[words]\nstop = {['no'] * 90}\n", "utf-8")
    with pytest.raises(UsageError, match=r"toml:1: \[words\] more than 100 are not told apart"):
        words("en")
    file.write_text('[words]\nstop = "enough"\n', "utf-8")
    with pytest.raises(
        UsageError,
        match=r'toml:2: \[words\] stop: write lists of words, such as stop = \["enough"\]',
    ):
        words("en")


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("zuru\u0308ck", "zur\u00fcck"),
        ("रुको", "रुको"),
        ("หยุด", "หยุด"),
        ("पक्\u200dका", "पक्\u200dका"),
        ("می\u200cمانم", "می\u200cمانم"),
    ],
    ids=["German", "Hindi", "Thai", "Hindi, joined", "Persian, not joined"],
)
def test_own_words_may_have_marks_and_joiners(tmp_path, monkeypatch, written, known):
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path))
    (tmp_path / "settings.toml").write_text(f'[words]\nback = ["{written}"]\n', "utf-8")
    assert words("en").commands["back"][-1] == known


def test_a_command_is_heard_in_a_room_where_a_tone_plays(english):
    tone = 0.05 * np.sin(2 * np.pi * 220 * np.arange(6 * HZ) / HZ).astype(np.float32)
    found = conversation(at(4, speaker("longer"), 6), tone, english)
    assert asked(found) == ["longer"]
    [begin] = [second for second, one in found if one.is_begin and second > 3]
    assert begin - 4 < 0.17, "it is not soft soon enough"


def test_the_session_does_not_command_itself(english):
    said = [speaker(one) for one in ("Pause. Stop.", "Go on pressing, and stop.", "Next. Repeat.")]
    played = np.concatenate([*(at(0.5, one, 4) for one in said)])
    found = heard(room(played), played, english)
    assert asked(found) == []


def left_of(near: np.ndarray, played: np.ndarray, begin_s: int) -> np.ndarray:
    """Return what is left of what a microphone hears, without what is played."""
    echo = EchoSuppressor()
    frames = [
        echo.take(near[at : at + FRAME], played[at : at + FRAME], is_near=at >= begin_s * HZ)
        for at in range(0, len(near), FRAME)
    ]
    return np.concatenate([*frames[1:], np.zeros(FRAME, np.float32)])


def test_what_the_room_gives_back_is_taken_away():
    """By clocks that differ by 100 ppm, and not what somebody says meanwhile."""
    sentence = speaker("Put the ball under your calf, and let it rest there for a while.")
    played = np.resize(np.concatenate([sentence, np.zeros(HZ, np.float32)]), 30 * HZ)
    heard = room(soxr.resample(np.pad(played, (0, HZ)), HZ * (1 + 100e-6), HZ))[: len(played)]
    word = at(28.5, speaker("louder", "en-us"), 30)
    echo, both = left_of(heard, played, 28), left_of(heard + word, played, 28)
    speech = slice(int(28.5 * HZ), int(29.0 * HZ))
    assert np.square(echo[20 * HZ :]).mean() < np.square(heard[20 * HZ :]).mean() / 10
    assert np.corrcoef(both[speech], word[speech])[0, 1] > 0.9
    assert np.allclose(left_of(word, np.zeros_like(word), 28)[:-FRAME], word[:-FRAME], atol=1e-6)


def test_what_is_played_is_never_near_and_somebody_louder_is():
    """Not in bands that come late, after a clap, or when the microphone was muted meanwhile."""
    bell = 0.1 * np.sin(2 * np.pi * 440 * np.arange(10 * HZ) / HZ)
    played = np.concatenate([bell, noise(0.03, 30, 1)])
    heard = 0.3 * played + noise(0.0003, 40, 2)
    heard[2 * HZ :][: HZ // 50] += noise(0.3, 0.02, 3)
    heard[20 * HZ : 25 * HZ] = 0
    heard[30 * HZ : 32 * HZ] += noise(0.03, 2, 4)
    near = Near()
    bands = [
        near.bands(heard[begin:][:FRAME], played[begin:][:FRAME])
        for begin in range(0, len(played), FRAME)
    ]
    stood_out = np.array(bands).reshape(-1, 100).max(axis=1) >= 3
    assert np.flatnonzero(stood_out).tolist() in ([30, 31], [2, 30, 31])


def noise(level: float, seconds: float, seed: int) -> np.ndarray:
    samples = level * np.random.default_rng(seed).standard_normal(round(seconds * HZ))
    return samples.astype(np.float32)


@pytest.mark.parametrize("voice", ["en-us", "en-us+f1", "en-us+m3"])
def test_stop_is_heard_over_the_voice(english, voice):
    sentence = speaker("Lean in until you feel a gentle pressure, and keep breathing.", "en-us+f2")
    played = np.concatenate([at(0.2, sentence, 5), at(0.2, sentence, 5)])
    near = at(6.5, 2 * speaker("stop", voice), 10)
    assert asked(conversation(near, played, english)) == ["stop"]


@pytest.mark.parametrize("apart_s", [0.2, 0.4, 0.6])
def test_two_claps_are_heard(english, apart_s):
    silence = np.zeros(4 * HZ, np.float32)
    near = room(silence) + clap(1, apart_s=apart_s, length_s=4)
    assert asked(heard(near, silence, english)) == [KNOCKS]


def test_one_clap_three_claps_and_long_sounds_are_nothing(english):
    silence = np.zeros(6 * HZ, np.float32)
    one = at(1, clap(0, apart_s=1, length_s=2)[:HZ], 6)
    three = clap(1, apart_s=0.3, length_s=6) + clap(1.6, apart_s=0.3, length_s=6)
    humming = at(1, 0.1 * np.sin(np.arange(3 * HZ) * 0.1), 6)
    far_apart = clap(1, apart_s=1.5, length_s=6)
    for sound in (one, three, humming, far_apart):
        assert asked(heard(room(silence) + sound, silence, english)) == []


def test_what_waits_too_long_is_dropped_so_that_an_echo_never_comes_first():
    """Two clocks that differ by a thousandth stay in step within a tenth of a second."""
    played = Played()
    count, wanted = 0, 0
    for _ in range(1000):  # 20 s; the loudspeaker's clock is faster
        sound = np.full((961, 1), 16384, np.int32)
        played.add(sound)
        count += 961 / 3
        played.take(BLOCK)
        wanted += BLOCK
    assert count - wanted > 300
    left = played.take(HZ)
    assert np.count_nonzero(left) < HZ // 10


HOLD = [Opening("One", 0), Began("hold", None, 2000), Ended("hold", 42_000), Opening("Two", 50_000),
        End(60_000)]  # fmt: skip


@contextlib.contextmanager
def steered(*, aloud: bool = False, items=HOLD, coming=None):
    """Return a player of a hold, and what steers it; the voice answers with a constant, at once
    or once ``coming`` is done."""
    window = Window(lambda _: np.zeros(4 * 48_000, np.int16), 1)
    said: list[str] = []

    def say(text: str) -> Future:
        said.append(text)
        if coming is not None:
            return coming
        spoken: Future = Future()
        spoken.set_result(np.full(4800, 5000, np.int16))
        return spoken

    with contextlib.closing(LiveSession("Silence", 2, lambda _: iter(items), window)) as source:
        player = Player(source)
        player.wait(5)
        yield player, HandsFree(player, Nothing(), words("en"), say, aloud=aloud), said
        player.close()


def goes_to(player: Player, ms: int) -> bool:
    until = time.monotonic() + 3
    while player.position_ms != ms and time.monotonic() < until:
        time.sleep(0.01)
    return player.position_ms == ms


def test_commands_steer_the_player():
    with steered() as (player, hands_free, said):
        player.seek(10_000)
        hands_free.take(Heard("longer"), 0)
        assert player.source.live.end_ms == 75_000
        hands_free.take(Heard("shorter"), 0)
        assert goes_to(player, 25_000)
        hands_free.take(Heard("pause"), 0)
        assert player.paused
        hands_free.take(Heard("next"), 0)
        assert not player.paused
        assert goes_to(player, 65_000)
        hands_free.take(Heard("back"), 0)
        assert goes_to(player, 0)
        hands_free.take(Heard(KNOCKS), 0)
        assert player.paused
        hands_free.take(Heard(KNOCKS), 0)
        assert not player.paused
        hands_free.take(Heard("how_long"), 0)
        assert said == ["2 min left."]


def test_stop_ends_the_pressure_and_says_let_go():
    with steered() as (player, hands_free, said):
        player.seek(10_000)
        hands_free.take(Heard("stop"), 0)
        assert player.paused
        assert said == ["Let go slowly."]
        assert np.abs(np.frombuffer(player.read(4800), "<i2")).max() == 5000, "it is not heard"
        hands_free.take(Heard("go_on"), 0)
        assert goes_to(player, 42_000)


def heard_of(player: Player, ms: int) -> np.ndarray:
    """Return the loudest of each 10 ms that is played."""
    player.wait(5)
    return np.abs(np.frombuffer(player.read(48 * ms), "<i2")).reshape(ms // 10, -1).max(axis=1)


def test_what_is_understood_is_named_after_the_tone():
    with steered(aloud=True) as (player, hands_free, said):
        player.seek(10_000)
        hands_free.take(Heard("longer"), 100.0)
        assert said == ["Longer."]
        heard = heard_of(player, 260)
        assert 1500 < heard[:12].max() < 2500
        assert (heard[12:22] == 5000).all()
        assert heard[22:].max() == 0
        for command in ("go_on", "next", "back", "repeat", "better", KNOCKS):
            hands_free.take(Heard(command), 110.0)
        assert said == ["Longer."], "after these, the session speaks"
        hands_free.take(Heard("stop"), 120.0)
        assert said[1:] == ["Let go slowly."]


def test_the_word_that_the_voice_says_is_no_command():
    coming: Future = Future()
    with steered(aloud=True, coming=coming) as (player, hands_free, said):
        player.seek(10_000)
        hands_free.take(Heard("longer"), 100.0)
        hands_free.tick(103.0)  # a voice that is slow
        assert heard_of(player, 120).max() > 1500, "the tone waits for the voice"
        coming.set_result(np.full(4800, 5000, np.int16))
        hands_free.tick(103.1)
        assert heard_of(player, 200).max() == 5000
        hands_free.take(Heard(None, is_begin=True), 103.5)
        hands_free.take(Heard("longer"), 104.0)  # from the loudspeaker
        assert player.source.live.end_ms == 75_000
        assert not player.volume.ducked
        hands_free.take(Heard("louder"), 104.0)  # another one is heard at any time
        assert said == ["Longer.", "Louder."]
        hands_free.tick(104.1)
        heard_of(player, 400)
        hands_free.tick(105.2)
        hands_free.take(Heard("longer"), 105.3)
        assert player.source.live.end_ms == 90_000


def test_a_voice_that_fails_leaves_it_at_the_tone():
    coming: Future = Future()
    coming.set_exception(VoiceError("the engine has ended"))
    with steered(aloud=True, coming=coming) as (player, hands_free, _):
        player.seek(10_000)
        hands_free.take(Heard("longer"), 100.0)
        assert 1500 < heard_of(player, 100).max() < 2500
        hands_free.take(Heard("longer"), 102.0)
        assert player.source.live.end_ms == 90_000


def test_nothing_is_named_while_the_session_speaks():
    sentence = Event(0, 4000, Utterance("Press now.", "en", None, 0, 0.0), 0.0)
    with steered(aloud=True, items=[sentence, *HOLD]) as (_, hands_free, said):
        hands_free.take(Heard("louder"), 100.0)
        assert said == []
        hands_free.take(Heard("pause"), 101.0)
        assert said == ["Pause."]


@pytest.mark.parametrize(
    ("target", "guidance", "aloud"),
    [("breathing", "full", True), ("breathing", "brief", False), ("x.ssml", None, False)],
)
def test_with_full_guidance_it_names_what_it_understood(monkeypatch, ssml, target, guidance, aloud):
    given: dict[str, object] = {}
    monkeypatch.setattr(hands_free, "beside", lambda *_, **options: given.update(options))
    target = ssml("Hello.") if target == "x.ssml" else target
    session = Session(target, **({"guidance": guidance} if guidance else {}))
    session._listening(None, "fixed")
    assert given == {"aloud": aloud, "follow": False}


@pytest.mark.parametrize("body", ['<audio src="bell.wav"/>', '<s xml:lang="de">Gut.</s>'])
def test_it_answers_in_words_beside_a_script_that_says_none_in_its_language(
    monkeypatch, ssml, body
):
    says = []
    monkeypatch.setattr(hands_free, "beside", lambda _language, _own, say, **_: says.append(say))
    session = Session(ssml(body))
    with open_voice(session.request.options) as voice:
        session._listening(voice, "paced")
        (say,) = says
        assert np.abs(say("About 12 minutes left.").result(30)).max() > 1000


def test_a_near_sound_makes_it_soft_for_two_seconds():
    with steered() as (player, hands_free, _):
        sound = np.full((4800, 1), 10_000, np.int32)
        hands_free.take(Heard(None, is_begin=True), 100.0)
        soft = player.volume.applied(sound)
        assert abs(soft[-1, 0]) == 1000
        assert np.abs(np.diff(soft[:, 0])).max() < 30, "it clicks"
        hands_free.tick(101.9)
        assert player.volume.applied(sound)[-1, 0] == 1000
        hands_free.tick(102.1)
        assert player.volume.applied(sound)[-1, 0] == 10_000


def test_a_microphone_is_gone_too_if_it_ended_in_the_middle_of_a_frame(monkeypatch):
    class Device:
        """Sends 64 ms, which are no whole number of frames, and then nothing."""

        def __init__(self, **_: object) -> None:
            pass

        def start(self, generator):
            for _ in range(3):
                generator.send(bytes(2 * 341))

        def close(self) -> None:
            pass

    class Screen(Nothing):
        def say(self, message: str) -> None:
            told.put(message)

    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    monkeypatch.setattr(miniaudio, "CaptureDevice", Device)
    monkeypatch.setattr(hands_free, "_GONE_S", 0.3)
    listening = hands_free.beside("en", None, lambda _: Future())
    with steered() as (player, *_), listening(player, Screen()):
        assert told.get(timeout=5) == "the microphone is gone; the session goes on with keys"


def test_louder_and_softer_stay_within_limits():
    with steered() as (player, hands_free, _):
        sound = np.full((4800, 1), 10_000, np.int32)
        hands_free.take(Heard("softer"), 0)
        player.volume.applied(sound)  # and the tone that answers
        player.volume.applied(sound)
        assert player.volume.applied(sound)[-1, 0] == 7079
        for _ in range(20):
            hands_free.take(Heard("softer"), 0)
        player.volume.applied(np.repeat(sound, 4, axis=0))
        assert player.volume.applied(sound)[-1, 0] == 1259
        for _ in range(20):
            hands_free.take(Heard("louder"), 0)
        player.volume.applied(np.repeat(sound, 4, axis=0))
        assert player.volume.applied(sound)[-1, 0] == 19_953


SCRIPT = """<speak version="1.1" xml:lang="en" xmlns="http://www.w3.org/2001/10/synthesis">
<audio src="bell.wav"/><mark name="hold:"/><break time="90s"/><mark name="end:hold"/>
<s>This is how it ends.</s></speak>"""


@pytest.fixture
def place(tmp_path):
    """A server with a loudspeaker, and a room in which a microphone hears it and somebody near."""
    needs("pulseaudio", "pactl", "paplay", "parec")
    (tmp_path / "my.ssml").write_text(SCRIPT, "utf-8")
    with tempfile.TemporaryDirectory(prefix="vg") as folder:
        server = Server(Path(folder), ("one", "room"))
        server.env["PULSE_SOURCE"] = "room.monitor"
        loop = ["source=one.monitor", "sink=room", "latency_msec=60"]
        command = ["pactl", "load-module", "module-loopback", *loop]
        subprocess.run(command, env=server.env, check=True, capture_output=True)
        yield server, tmp_path
        server.kill()


def says(terminal: Terminal, server: Server, folder: Path, text: str, shown: str) -> None:
    """Say something near the microphone until it is answered: a busy machine may lose a part."""
    path = folder / "said.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48_000, 0, "NONE", ""))
        said = np.pad(2 * speaker(text, "en-us", 48_000), (4800, 9600))
        file.writeframes((np.clip(said, -1, 1) * 32767).astype("<i2").tobytes())
    command = ["paplay", "--device=room", str(path)]
    for _ in range(4):
        seen = len(terminal.shown)
        subprocess.run(command, env=server.env, check=True, timeout=30)
        terminal.watch(4)
        if shown.encode() in terminal.shown[seen:] or terminal.process.poll() is not None:
            return
    raise AssertionError(f"nobody listens to “{text}”: {terminal.shown[-500:]!r}")


@pytest.mark.slow
def test_live_it_obeys_until_the_end(place):
    server, folder = place
    terminal = Terminal(server, "--listen", folder / "my.ssml")
    terminal.until("left of the hold")
    terminal.watch(4)  # until the bell is over, and the room is known
    says(terminal, server, folder, "longer", "15 s more")
    says(terminal, server, folder, "stop", "Stopped. Say")
    says(terminal, server, folder, "go on", "left of the session")
    assert terminal.end() == 0


@pytest.mark.slow
def test_live_without_a_microphone_a_line_says_so_and_it_plays_on(place):
    server, folder = place
    server.env["PULSE_SOURCE"] = "nowhere"
    terminal = Terminal(server, "--listen", folder / "my.ssml")
    terminal.until("no microphone can be opened", 30)
    terminal.until("left of the hold")
    terminal.press("q")
    assert terminal.end() == 0


@pytest.mark.slow
def test_live_a_microphone_that_goes_away_is_told_and_it_plays_on(place):
    server, folder = place
    terminal = Terminal(server, "--listen", folder / "my.ssml")
    terminal.until("left of the hold")
    terminal.watch(3)
    command = ["pactl", "suspend-sink", "room", "1"]
    subprocess.run(command, env=server.env, check=True)
    terminal.until("the microphone is gone", 30)
    terminal.press("q")
    assert terminal.end() == 0
