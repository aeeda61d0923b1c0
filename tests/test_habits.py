"""What people expect of a command: quiet, verbose, careful with files, and resumable."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import FRAMES_PER_MS, decode, onset_ms, voiceguide
from test_plugins import install

BODY = """<mark name="chapter:One"/><s>One.</s><audio src="bell.wav"/><break time="1s"/>
<mark name="chapter:Two"/><s>Two.</s>"""
PIPE = '''
"""A device that takes what it plays as fast as a listener of the test wants, into a file."""
import os
import threading

class Pipe:
    def __init__(self, read, channels):
        self.file = open(os.environ["PAPER"], "ab")
        self.read, self.ended = read, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
    def start(self):
        self.thread.start()
    def run(self):
        while not self.ended.wait(0.001):
            self.file.write(self.read(480))
    def close(self):
        self.ended.set()
        self.thread.join()
        self.file.close()
'''


@pytest.fixture
def pipe(tmp_path, monkeypatch):
    """Install a device called pipe, which writes what is played into a file; return its path."""
    env = install(
        tmp_path / "package", "pipe", "[voiceguide.devices]\npipe = pipe:Pipe\n", pipe=PIPE
    )
    monkeypatch.setenv("PYTHONPATH", env["PYTHONPATH"])
    monkeypatch.setenv("PAPER", env["PAPER"])
    monkeypatch.setenv("VOICEGUIDE_DATA_DIR", str(tmp_path / "data"))
    return Path(env["PAPER"])


def heard_ms(paper: Path) -> int:
    """Return for how long something was loud, of what was played."""
    samples = np.frombuffer(paper.read_bytes(), "<i2")
    return int(np.count_nonzero(np.abs(samples[::48]) > 300))


# Quiet and verbose


def test_quiet_says_nothing_but_what_went_wrong(ssml, tmp_path):
    script = ssml('<lexicon uri="x"/>Hello.')
    path = tmp_path / "x.wav"
    assert "no lexicon" in voiceguide("render", script, "-o", path).stderr
    done = voiceguide("render", script, "-o", path, "-q")
    assert (done.stdout, done.stderr) == (f"{path}\n", "")
    assert "cannot be read" in voiceguide("render", "no.ssml", "--quiet").stderr


def test_verbose_says_what_takes_how_long(ssml, tmp_path):
    done = voiceguide("render", ssml("Hello."), "-o", tmp_path / "x.wav", "--verbose")
    for step in ("writing the script of", "reading", "speaking, mixing and writing"):
        assert re.search(rf"^voiceguide: {step} .*: \d+\.\d\d s$", done.stderr, re.MULTILINE)
    assert "phrases spoken" in done.stderr


# Care with files


def test_another_programs_file_is_only_replaced_if_that_is_said(ssml, tmp_path):
    path = tmp_path / "x.mp3"
    path.write_bytes(b"a song of mine")
    refused = voiceguide("render", ssml("Hello."), "-o", path)
    assert refused.returncode == 1
    says = (
        f"voiceguide: {path} exists, and voiceguide did not make it; use --force to overwrite it\n"
    )
    assert refused.stderr == says
    assert path.read_bytes() == b"a song of mine"
    assert voiceguide("render", ssml("Hello."), "-o", path, "--force").returncode == 0
    assert len(decode(path)) > 100 * FRAMES_PER_MS


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["mp3", "wav", "flac", "ogg"])
def test_our_own_files_are_replaced(ssml, tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    for body in ("Hello.", "Hello, and welcome to you all."):
        done = voiceguide("render", ssml(body), "-o", path)
        assert done.returncode == 0, done.stderr
    assert len(decode(path)) > 1000 * FRAMES_PER_MS


@pytest.mark.parametrize(("answer", "replaced"), [("y", True), ("n", False)])
def test_on_a_terminal_it_is_asked(ssml, tmp_path, answer, replaced):
    path = tmp_path / "x.wav"
    path.write_bytes(b"a song of mine")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "voiceguide", "render", ssml("Hello."), "-o", path]
    asking = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.write(ours, f"{answer}\n".encode())
    _, said = asking.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert b"Overwrite it?" in said
    assert (asking.returncode == 0) == replaced
    assert (path.read_bytes() != b"a song of mine") == replaced


# Without tones, and later


def test_without_tones_only_speech_is_heard_at_the_same_times(ssml, tmp_path):
    script = ssml(BODY)
    with_tones, without = tmp_path / "a.wav", tmp_path / "b.wav"
    assert voiceguide("render", script, "-o", with_tones).returncode == 0
    assert voiceguide("render", script, "-o", without, "--no-tones").returncode == 0
    heard, quiet = decode(with_tones), decode(without)
    assert len(heard) == len(quiet)
    different = np.flatnonzero(heard != quiet) / FRAMES_PER_MS
    assert different.size
    assert np.all(quiet[int(different[0]) * 48 : int(different[-1] + 1) * 48] == 0)


def test_a_start_delay_is_told_by_a_soft_tone_and_moves_the_chapters(ssml, tmp_path):
    script = ssml(BODY)
    plain, late = tmp_path / "a.mp3", tmp_path / "b.mp3"
    assert voiceguide("render", script, "-o", plain).returncode == 0
    done = voiceguide("render", script, "-o", late, "--start-delay", "5s")
    assert done.returncode == 0, done.stderr
    before, after = decode(plain), decode(late)
    assert len(after) == len(before) + 5000 * FRAMES_PER_MS
    tone_ms = onset_ms(after, 3500, 1500)
    assert 2000 < tone_ms < 5000
    assert np.abs(after[: 2000 * FRAMES_PER_MS]).max() < 0.001
    shown = subprocess.run(
        [sys.executable, "-c", CHAPTERS, late], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == ["5000", "One", *shown.stdout.split()[2:3], "Two"]


CHAPTERS = """import sys
from mutagen.id3 import ID3
for chapter in sorted(ID3(sys.argv[1]).getall("CHAP"), key=lambda one: one.start_time):
    print(chapter.start_time, chapter.sub_frames["TIT2"])
"""


# Playing several, and resuming


@pytest.mark.slow
def test_several_targets_are_played_one_after_another(ssml, pipe, tmp_path):
    first, second = ssml("Hello.", "a.ssml"), ssml("Good bye, and come again.", "b.ssml")
    audio = tmp_path / "c.wav"
    assert voiceguide("render", first, "-o", audio).returncode == 0
    alone = {}
    for target in (first, second, audio):
        pipe.unlink(missing_ok=True)
        done = voiceguide("play", target, "--device", "pipe", "-q")
        assert done.returncode == 0, done.stderr
        alone[target] = heard_ms(pipe)
        assert alone[target] > 150
    pipe.unlink()
    done = voiceguide("play", first, second, audio, "--device", "pipe", "-q")
    assert done.returncode == 0, done.stderr
    assert heard_ms(pipe) == pytest.approx(sum(alone.values()), abs=60)


@pytest.mark.slow
def test_a_playlist_file_is_played_entry_by_entry(ssml, pipe, tmp_path):
    folder = tmp_path / "list"
    folder.mkdir()
    for name in ("a", "b"):
        path = folder / f"{name}.wav"
        assert voiceguide("render", ssml(f"This is {name}."), "-o", path).returncode == 0
    (folder / "mine.m3u8").write_text("#EXTM3U\n#EXTINF:1,A\na.wav\n\nb.wav\n", "utf-8")
    pipe.unlink(missing_ok=True)
    voiceguide("play", folder / "a.wav", folder / "b.wav", "--device", "pipe", "-q")
    both = heard_ms(pipe)
    pipe.unlink()
    done = voiceguide("play", folder / "mine.m3u8", "--device", "pipe", "-q")
    assert done.returncode == 0, done.stderr
    assert heard_ms(pipe) == pytest.approx(both, abs=60)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("#EXTM3U\n", "the playlist is empty"),
        ("https://example.org/a.mp3\n", "URLs cannot be played; download it first"),
        ("gone.mp3\n", "gone.mp3"),
    ],
)
def test_a_playlist_that_cannot_be_played_is_an_error(tmp_path, text, says):
    path = tmp_path / "x.m3u8"
    path.write_text(text, "utf-8")
    done = voiceguide("play", path)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_what_was_stopped_is_resumed_there(ssml, pipe):
    script = ssml(f"{BODY}<break time='25s'/><s>Three, the last of all.</s>")
    command = [sys.executable, "-m", "voiceguide", "play", script, "--device", "pipe"]
    playing = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not (pipe.exists() and pipe.stat().st_size > 8 * 48_000 * 2):  # eight seconds of it
        time.sleep(0.05)
        assert playing.poll() is None
    playing.terminate()
    _, said = playing.communicate(timeout=60)
    stopped = re.search(
        r"Stopped at 0:(\d\d)\. To continue there: voiceguide play .* --resume\n", said
    )
    assert stopped, said
    assert 5 <= int(stopped[1]) <= 30
    pipe.unlink()
    done = voiceguide("play", script, "--device", "pipe", "--resume")
    assert done.returncode == 0, done.stderr
    assert "Three, the last of all." in done.stderr
    assert "One." not in done.stderr
    again = voiceguide("play", script, "--device", "pipe", "--resume", "-q")  # it has ended: anew
    assert again.returncode == 0
    clash = voiceguide("play", script, "--resume", "--from", "Two")
    assert clash.returncode == 2


@pytest.mark.usefixtures("pipe")
def test_what_ended_by_itself_begins_at_its_beginning(ssml):
    script = ssml("<s>One.</s>")
    for _ in range(2):
        done = voiceguide("play", script, "--device", "pipe", "--resume")
        assert done.returncode == 0
        assert "One." in done.stderr
        assert "Stopped" not in done.stderr


EAST, WEST = "EAST-14", "WEST12"
"""Time zones that are 26 hours apart: it is never the same date in both."""
TEMPLATE = """<speak xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en">
{% for _ in range(9) %}<s>{{ pick("exhale") }}</s>{% endfor %}<break time="25s"/><s>The end.</s>
</speak>"""


def lines(shown: str) -> list[str]:
    """Return the sentences that are shown as they are heard."""
    return [line.split(maxsplit=1)[1] for line in shown.splitlines() if line[:1].isdigit()]


@pytest.mark.slow
def test_the_words_change_with_the_local_date_unless_a_seed_is_given(pipe, tmp_path):
    template = tmp_path / "mine.ssml.jinja"
    template.write_text(TEMPLATE.replace("25s", "1s"), "utf-8")

    def run(zone: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "TZ": zone}
        done = voiceguide(*arguments, env=env, stdin=subprocess.DEVNULL)  # another process
        assert done.returncode == 0, done.stderr
        return done

    def heard(zone: str, *options: str) -> list[str]:
        pipe.unlink(missing_ok=True)
        return lines(run(zone, "play", template, "--device", "pipe", *options).stderr)

    east, west = heard(EAST), heard(WEST)
    assert east != west
    assert sorted(east) == sorted(west)
    assert len(set(east)) == 10
    assert heard(EAST, "--seed", "0") == heard(WEST, "--seed", "0")
    written = [run(zone, "script", template).stdout for zone in (EAST, WEST)]
    assert written[0] == written[1]


@pytest.mark.slow
def test_what_was_stopped_goes_on_in_the_same_words_on_another_day(pipe, tmp_path):
    template = tmp_path / "mine.ssml.jinja"
    template.write_text(TEMPLATE, "utf-8")
    command = [sys.executable, "-m", "voiceguide", "play", template, "--device", "pipe"]

    def begun(zone: str) -> subprocess.Popen[str]:
        env = {**os.environ, "TZ": zone}
        return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)

    _, shown = begun(WEST).communicate(timeout=120)
    words = lines(shown)
    pipe.unlink()
    playing = begun(WEST)
    while not (pipe.exists() and pipe.stat().st_size > 8 * 48_000 * 2):
        time.sleep(0.05)
        assert playing.poll() is None
    playing.terminate()
    playing.communicate(timeout=60)
    pipe.unlink()
    env = {**os.environ, "TZ": EAST}
    done = voiceguide(*command[3:], "--resume", env=env, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    rest = lines(done.stderr)
    assert 1 <= len(rest) < len(words)
    assert rest == words[-len(rest) :]
