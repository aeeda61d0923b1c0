"""The examples do what they say, from any folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import FRAMES_PER_MS, decode, voiceguide
from mutagen.mp3 import MP3

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, *arguments: str, folder: Path, text: str | None = None) -> str:
    """Run a program as its docstring says, in ``folder``; return what it prints."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        cwd=folder, input=text, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_calf_is_made_where_it_is_said(tmp_path):
    assert re.search(
        r"^output/calf\.mp3: Calf.*, \d+\.\d minutes$", run("calf.py", folder=tmp_path)
    )
    tags = MP3(tmp_path / "output/calf.mp3").tags
    assert str(tags["TIT2"]).startswith("Calf")
    assert len(tags.getall("CHAP")) > 5


def test_what_goes_wrong_is_said_in_a_line(tmp_path):
    (tmp_path / "file").touch()
    done = subprocess.run(
        [sys.executable, EXAMPLES / "calf.py", "file/calf.mp3"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "file/calf.mp3" in done.stderr


@pytest.mark.slow
def test_the_playlist_lasts_as_long_as_it_says(tmp_path):
    shown = run("playlist.py", folder=tmp_path)
    assert shown.splitlines()[0] == "output/hand/hand.m3u8"
    tracks = sorted((tmp_path / "output/hand").glob("*.mp3"))
    lengths_s = [float(line.split()[0]) for line in shown.splitlines()[1:]]
    assert len(tracks) == len(lengths_s) > 2
    assert sum(lengths_s) == pytest.approx(900)
    assert sum(MP3(track).info.length for track in tracks) == pytest.approx(900, abs=0.01)


def test_the_timeline_is_in_order_and_has_the_chapters_words(tmp_path):
    shown = run("timeline.py", "hand", folder=tmp_path)
    times = [float(line.split()[0]) for line in shown.splitlines()[:-1]]
    assert times == sorted(times)
    assert re.search(r"^ +0\.0 s  \w", shown)
    assert re.search(r"^ +\d+\.\d s      \w.+\.$", shown, re.MULTILINE)
    assert 10 < int(re.search(r"Speech takes (\d+)% of \d+ ms\.$", shown)[1]) < 90


def test_a_table_is_made_of_the_json(tmp_path):
    script = EXAMPLES / "my_session.ssml"
    document = voiceguide("script", script, "--format", "json").stdout
    lines = run("events.py", folder=tmp_path, text=document).splitlines()
    assert re.fullmatch(r"Shoulders at a desk \(en\), \d+ ms", lines[0])
    assert lines[1].split() == ["0", "2500", "sound", "bell.wav"]
    assert any(line.endswith("speech  Hold them there.") for line in lines)


def test_the_script_is_whole_and_its_hold_lasts_twenty_seconds(tmp_path):
    script = EXAMPLES / "my_session.ssml"
    checked = voiceguide("script", script, "--check")
    assert checked.returncode == 0, checked.stderr
    assert "warning" not in checked.stderr.lower()
    assert voiceguide("render", script, "-o", tmp_path / "my.flac").returncode == 0
    lines = run("events.py", folder=tmp_path, text=voiceguide(
        "script", script, "--format", "json").stdout)  # fmt: skip
    begins = {line.split()[-1]: int(line.split()[0]) for line in lines.splitlines()[1:]}
    assert begins["end.wav"] - begins["start.wav"] == 20_000
    duration_ms = int(re.search(r"(\d+) ms$", lines.splitlines()[0])[1])
    assert len(decode(tmp_path / "my.flac")) == duration_ms * FRAMES_PER_MS


@pytest.mark.parametrize(("breaths", "exhale"), [(6, 6), (2, 8)])
def test_the_template_has_as_many_and_as_long_breaths_as_asked(tmp_path, breaths, exhale):
    asked = [] if exhale == 6 else ["--set", f"breaths={breaths}", "--set", f"exhale={exhale}"]
    template = EXAMPLES / "breaths.ssml.jinja"
    done = voiceguide("script", template, *asked, "--format", "json")
    assert done.returncode == 0, done.stderr
    lines = run("events.py", folder=tmp_path, text=done.stdout).splitlines()
    inhales = [int(line.split()[0]) for line in lines if line.endswith("inhale.wav")]
    exhales = [int(line.split()[0]) for line in lines if line.endswith("exhale.wav")]
    assert len(inhales) == len(exhales) == breaths
    assert {out - into for into, out in zip(inhales, exhales, strict=True)} == {4_000}
    assert {into - out for out, into in zip(exhales, inhales[1:], strict=False)} == {exhale * 1000}


def test_each_example_has_a_line_in_the_readme():
    readme = (EXAMPLES / "README.md").read_text("utf-8")
    files = {path.name for path in EXAMPLES.iterdir() if path.is_file()} - {"README.md"}
    assert set(re.findall(r"^\| \[(.+?)\]\(\1\) \| \w", readme, re.MULTILINE)) == files
