"""``play --breath follow``: breathing is heard in noise, and the tones come closer to its pace.

Breathing is made here: noise that swells and fades, brighter in than out.
"""

from __future__ import annotations

import contextlib
import functools
import itertools

import numpy as np
import pytest
import sessions
from conftest import voiceguide

from voiceguide import script, ssml, timeline
from voiceguide.listen.breath import Breathing
from voiceguide.listen.hands_free import Follower
from voiceguide.listen.listener import Listener
from voiceguide.mixer import Window
from voiceguide.player.live import LiveTimeline
from voiceguide.player.player import Player
from voiceguide.player.source import LiveSession
from voiceguide.voices import Utterance

HZ = 16_000


def noise(begin_hz: float, end_hz: float, seconds: float, seed: int) -> np.ndarray:
    """Return noise in a band, at a root mean square of 1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(int(seconds * HZ)))
    hz = np.fft.rfftfreq(int(seconds * HZ), 1 / HZ)
    spectrum[(hz < begin_hz) | (hz > end_hz)] = 0
    sound = np.fft.irfft(spectrum, int(seconds * HZ))
    return sound / sound.std()


def breathing(
    per_minute: float, seconds: float, *, noise_db: float = 0, out_db: float = 3, seed: int = 1
) -> np.ndarray:
    """Return breathing in a room with noise, relative to the breath in at its loudest."""
    part = np.arange(int(seconds * HZ)) / HZ * per_minute / 60 % 1
    swells_in = np.where(part < 0.38, np.sin(np.pi * part / 0.38), 0)
    is_out = (part > 0.43) & (part < 0.93)
    swells_out = np.where(is_out, np.sin(np.pi * (part - 0.43) / 0.5), 0) * 10 ** (out_db / 20)
    sound = swells_in * noise(500, 3000, seconds, seed)
    sound += swells_out * noise(250, 1500, seconds, seed + 100)
    sound += 10 ** (noise_db / 20) * noise(50, 7000, seconds, seed + 200)
    return (0.01 * sound).astype(np.float32)


def heard(sound: np.ndarray, every_s: int) -> list[float | None]:
    """Return what is known of the pace, again and again, and at the end."""
    listener, found = Breathing(), []
    for begin in range(0, len(sound), HZ * every_s):
        part = sound[begin : begin + HZ * every_s]
        listener.take(part, 0 * part)
        found.append(listener.per_minute())
    return found


@pytest.mark.parametrize("per_minute", [4, 5, 6, 7.5, 9])
@pytest.mark.parametrize("noise_db", [-20, -6, 0])
def test_the_pace_is_known_within_three_breaths(per_minute, noise_db):
    breaths_s = 3 * 60 / per_minute
    for out_db in (3, -3):
        sound = breathing(per_minute, breaths_s, noise_db=noise_db, out_db=out_db)
        assert heard(sound, 60)[-1] == pytest.approx(per_minute, rel=0.05)


def test_without_breathing_it_stays_calm():
    steady = 0.01 * noise(50, 7000, 90, 1)
    hum = 0.05 * np.sin(2 * np.pi * 120 * np.arange(90 * HZ) / HZ) + 0.1 * steady
    bumps = steady.copy()
    for second in (3, 11, 13, 29, 31, 47, 60, 61, 78):
        bumps[second * HZ :][: HZ // 2] *= 30
    for sound in (steady, hum, bumps, 0 * steady):
        assert set(heard(sound.astype(np.float32), 5)) == {None}


@pytest.mark.parametrize(("per_minute", "known"), [(4.5, 4.5), (None, None)])
def test_the_session_that_breathes_too_is_not_taken_for_the_listener(per_minute, known):
    """Headphones leak, as loud as the room; tones swell six times a minute."""
    seconds = 40
    played = 10 * breathing(6, seconds, noise_db=-90, seed=9)
    near = np.roll(0.1 * played, HZ // 8) + (0.01 * noise(50, 7000, seconds, 3))
    if per_minute:
        near = near + 2 * breathing(per_minute, seconds, noise_db=-90)
    near = near.astype(np.float32)
    listener = Breathing()
    listens = Listener(lambda *_, **__: None, listener.take)
    assert not [one for one in listens.take(near, played) if one.command]
    assert listener.per_minute() == (known and pytest.approx(known, rel=0.05))


@functools.cache
def items() -> tuple[timeline.Item, ...]:
    """Return a session whose holds are paced at six breaths a minute, the first one led."""
    asked = sessions.request("calf", method="fascia-ball", area="upper-calf", side="left")
    root = sessions.made(asked).parsed.root
    return tuple(timeline.resolve(root, sessions.length_ms))


def live() -> LiveTimeline:
    found = LiveTimeline()
    for item in items():
        found.add(item)
    return found


def live_breathing(**options: str) -> LiveTimeline:
    asked = sessions.request("breathing", pace="4-6", **options)
    parsed = ssml.parse(script.write(asked).text, name="breathing", folders=[sessions.SOUNDS])
    found = LiveTimeline()
    for item in timeline.resolve(parsed.root, sessions.length_ms):
        found.add(item)
    return found


def breaths(found: LiveTimeline, begin_ms: int, end_ms: int) -> list[tuple[int, int]]:
    """Return begin and length of the tones of the breath in."""
    return [
        (event.begin_ms, event.end_ms - event.begin_ms)
        for event in found.between(begin_ms, end_ms)
        if event.source == "inhale.wav" and event.begin_ms >= begin_ms
    ]


def hold(found: LiveTimeline, number: int) -> tuple[int, int]:
    begins = [one.at_ms for one in items() if getattr(one, "kind", "") == "hold"]
    begins = [ms for ms in begins if found.hold_at(ms)]
    span = found.hold_at(begins[number])
    return span.begin_ms, span.end_ms


@pytest.mark.parametrize(("per_minute", "last_ms"), [(4, 6000), (9, 2667)])
def test_breaths_come_closer_by_a_tenth_and_a_hold_is_as_long_as_before(per_minute, last_ms):
    found = live()
    spans = [hold(found, number) for number in range(5)]
    found.pace(spans[0][0], per_minute)
    assert [hold(found, number) for number in range(5)] == spans
    lengths = [ms for span in spans for _, ms in breaths(found, *span)]
    assert lengths[0] == 4000, "the breath that is led changes"
    assert lengths[-1] == pytest.approx(last_ms, abs=2)
    changes = [other / one for one, other in itertools.pairwise(lengths)]
    assert max(changes) <= 1.101
    assert min(changes) >= 0.899
    for begin_ms, end_ms in spans:
        tones = [
            one
            for one in found.between(begin_ms, end_ms)
            if one.source in ("inhale.wav", "exhale.wav")
        ]
        assert tones == sorted(tones, key=lambda one: one.begin_ms)
        assert all(one.end_ms <= other.begin_ms + 1 for one, other in itertools.pairwise(tones))
        assert max(one.end_ms for one in tones) <= end_ms - 3000
        middle = tones[-1].begin_ms + 500
        assert found.breath_at(middle).way == "out"


def test_what_was_breathed_before_and_a_new_pace_are_kept():
    found = live()
    first, second = hold(found, 0), hold(found, 1)
    begin_ms = second[0] + 17_000
    before = breaths(found, first[0], begin_ms)
    found.pace(begin_ms, 4)
    found.pace(begin_ms, 4)
    assert breaths(found, first[0], begin_ms) == before
    once = breaths(found, begin_ms, second[1])
    assert [ms for _, ms in once] == [4400]
    found.pace(begin_ms, 9)
    assert [ms for _, ms in breaths(found, begin_ms, second[1])] == [3600]


def test_a_breathing_session_slows_down_after_its_words_and_ends_when_it_did():
    found = live_breathing()
    end_ms, usual = found.end_ms, breaths(found, 0, found.end_ms)
    found.pace(0, 5)
    paced = breaths(found, 0, end_ms)
    assert [ms for _, ms in paced[:6]] == [4000, 4000, 4000, 4400, 4800, 4800]
    assert {ms for _, ms in paced[6:]} <= {4799, 4800, 4801}
    assert len(paced) == 3 + (len(usual) - 3) * 10 // 12
    last_ms = max(one.end_ms for one in found.between(0, end_ms) if one.source == "exhale.wav")
    assert usual[-1][0] - 2000 <= last_ms <= usual[-1][0] + 10_000
    assert found.end_ms == end_ms


def test_a_breath_that_has_become_long_is_heard_to_its_end():
    found = live_breathing(guidance="tones")
    found.pace(0, 4)
    *_, (begin_ms, length_ms) = breaths(found, 0, found.end_ms)
    assert length_ms == pytest.approx(6000, abs=2), "15 s a breath: 6 in, 9 out"
    for second in range(9):
        at_ms = begin_ms + 6100 + 980 * second
        assert [one.source for one in found.between(at_ms, at_ms + 20)] == ["exhale.wav"]


def test_a_listener_who_breathes_slowly_is_followed_and_it_is_heard():
    def clip(speech: Utterance) -> np.ndarray:
        return np.zeros(48 * (200 + 80 * len(speech.text)), np.int16)

    with contextlib.closing(
        LiveSession("A session", 9, lambda _: iter(items()), Window(clip, 1))
    ) as source:
        player, listener = Player(source), Breathing()
        with contextlib.closing(player):
            begin_ms, end_ms = hold(live(), 1)
            source.wanted_ms = float("inf")
            while source.live.end_ms is None:
                source.wanted_ms = float("inf")
                player.wait(0.01)
            player.seek(begin_ms)
            while source.wanted_ms < begin_ms:
                player.wait(0.01)
            follower = Follower(player, listener)
            sound = breathing(5, 40)
            for second in range(40):
                part = sound[second * HZ : (second + 1) * HZ]
                listener.take(part, 0 * part)
                follower.tick(float(second))
            lengths = [ms for _, ms in breaths(source.live, begin_ms, end_ms)]
            assert lengths[-1] == pytest.approx(4800, abs=150), "five a minute are 4.8 s in"
            tone = [
                one for one in source.live.between(begin_ms, end_ms) if one.source == "exhale.wav"
            ]
            last = tone[-1]
            block = source.block(last.end_ms - 1000, last.end_ms, tones=True)
            assert np.abs(np.frombuffer(block, "<i2")[:24_000]).max() > 50, "it ends too early"


def test_following_needs_a_microphone_to_be_open():
    done = voiceguide("play", "calf", "--breath", "follow")
    assert done.returncode == 2
    assert "--breath follow needs --listen" in done.stderr
