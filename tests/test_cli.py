"""What a user reads."""

from __future__ import annotations

import itertools
import json
import re
import statistics
import subprocess
import sys
import time

import pytest
import webvtt
from conftest import voiceguide

COMMANDS = ["regions", "methods", "voices", "script", "render", "doctor"]


def test_help_is_there_at_once():
    times = []
    for _ in range(5):
        begin = time.monotonic()
        assert voiceguide("--help").returncode == 0
        times.append(time.monotonic() - begin)
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", "import numpy, pydantic, pedalboard"], check=True)
    heavy = time.monotonic() - begin
    assert statistics.median(times) < heavy  # the heavy libraries are not even imported


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    shown = voiceguide(command, "--help").stdout
    assert f"voiceguide {command}" in shown[shown.index("Example") :]


def test_wrong_usage_is_status_2():
    assert voiceguide("render").returncode == 2
    assert voiceguide("render", "calf", "--side", "up").returncode == 2
    assert voiceguide("sing").returncode == 2


def test_regions_lists_regions_areas_and_complaints_on_80_columns():
    done = voiceguide("regions")
    assert done.returncode == 0
    for word in ("calf", "neck", "lower-back", "upper-calf", "soleus", "neck-pain"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_methods_lists_the_trigger_tool():
    assert "trigger-tool" in voiceguide("methods").stdout


def test_voices_lists_those_of_a_language():
    shown = voiceguide("voices", "--language", "de").stdout
    assert "German" in shown
    assert "French" not in shown
    nobody = voiceguide("voices", "--language", "zxx")
    assert nobody.returncode == 1
    assert "zxx" in nobody.stderr


def test_doctor_finds_everything_well():
    done = voiceguide("doctor")
    assert done.returncode == 0, done.stdout
    parts = [line.split()[1] for line in done.stdout.splitlines()]
    assert parts == ["texts", "sounds", "voice", "encoder", "output", "cache"]
    assert re.search(r"espeak|nsss|sapi", done.stdout, re.IGNORECASE)


def test_doctor_says_what_does_not_work_and_how_to_mend_it(tmp_path):
    import os

    (tmp_path / "file").touch()
    environment = {**os.environ, "VOICEGUIDE_CACHE_DIR": str(tmp_path / "file")}
    done = voiceguide("doctor", env=environment)
    assert done.returncode == 1
    assert re.search(r"FAIL  cache .*set VOICEGUIDE_CACHE_DIR", done.stdout)


def test_script_as_ssml_plays_as_the_session_itself(tmp_path):
    path = tmp_path / "calf.ssml"
    path.write_text(voiceguide("script", "calf", "--format", "ssml").stdout, "utf-8")
    from_file = json.loads(voiceguide("script", path, "--format", "json").stdout)
    itself = json.loads(voiceguide("script", "calf", "--format", "json").stdout)
    assert from_file == {**itself, "title": from_file["title"]}


def test_script_as_json_has_what_other_programs_rely_on(calf):
    assert set(calf.timeline) == {"title", "language", "duration_ms", "chapters", "events"}
    assert calf.timeline["language"] == "en"
    for event in calf.timeline["events"]:
        assert set(event) == {"kind", "begin_ms", "end_ms", "text", "source", "gain_db"}
        assert event["kind"] in ("speech", "sound", "bed")
        assert (event["text"] is None) != (event["source"] is None)
        assert 0 <= event["begin_ms"] < event["end_ms"] <= calf.timeline["duration_ms"]
    begins = [event["begin_ms"] for event in calf.timeline["events"]]
    assert begins == sorted(begins)
    chapters = calf.timeline["chapters"]
    assert chapters[0]["begin_ms"] == 0
    assert chapters[-1]["end_ms"] == calf.timeline["duration_ms"]
    for before, after in itertools.pairwise(chapters):
        assert before["end_ms"] == after["begin_ms"]


def said(timeline: dict) -> list[str]:
    return [event["text"] for event in timeline["events"] if event["kind"] == "speech"]


def test_script_as_text_has_every_sentence_under_its_chapter(calf):
    shown = voiceguide("script", "calf").stdout
    assert [line.split("  ", 1)[1] for line in shown.splitlines() if "  " in line] == said(
        calf.timeline
    )
    for chapter in calf.timeline["chapters"]:
        assert f"\n\n{chapter['title']}\n" in shown


def test_script_as_vtt_is_read_by_a_library_made_for_it(calf, tmp_path):
    path = tmp_path / "calf.vtt"
    path.write_text(voiceguide("script", "calf", "--format", "vtt").stdout, "utf-8")
    captions = list(webvtt.read(path))
    assert [caption.text for caption in captions] == said(calf.timeline)
    speech = [event for event in calf.timeline["events"] if event["kind"] == "speech"]
    for caption, event in zip(captions, speech, strict=True):
        hours, minutes, seconds = caption.start.split(":")
        at_s = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        assert at_s == pytest.approx(event["begin_ms"] / 1000, abs=0.0005)


def test_script_as_lrc_has_every_sentence_with_its_time(calf):
    shown = voiceguide("script", "calf", "--format", "lrc").stdout
    lines = re.findall(r"^\[(\d+):(\d\d)\.(\d\d)\](.+)$", shown, re.MULTILINE)
    assert [text for *_, text in lines] == said(calf.timeline)
    begins = [event["begin_ms"] for event in calf.timeline["events"] if event["kind"] == "speech"]
    times = [int(m) * 60_000 + int(s) * 1000 + int(c) * 10 for m, s, c, _ in lines]
    assert times == [begin // 10 * 10 for begin in begins]
