"""Recording through a microphone: the monitor of a null sink, into which the test plays speech."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

import numpy as np
import pytest
import soxr
from conftest import needs, voiceguide
from loudspeaker import Server
from pedalboard.io import AudioFile

from voiceguide.voices import Utterance
from voiceguide.voices.pyttsx3 import Pyttsx3
from voiceguide.voices.takes import read

termios = pytest.importorskip("termios", reason="a terminal of POSIX")

BODY = "<p>Sit down on the floor.</p><p>Breathe out.</p><p>Let the leg rest.</p>"
NAMES = ("sit-down-on-the-floor-", "breathe-out-", "let-the-leg-rest-")


class Terminal:
    """``voiceguide record`` on a terminal of its own."""

    def __init__(
        self, server: Server, *arguments: object, program: tuple[str, str] = ("-m", "voiceguide")
    ) -> None:
        self._ours, theirs = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, *program, "record", *map(str, arguments)],
            env={**server.env, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        os.set_blocking(self._ours, False)
        self.shown = ""

    def until(self, pattern: str, seconds: float = 20) -> str:
        """Read until something new is shown that matches; return what was new."""
        new = ""
        end = time.monotonic() + seconds
        while not re.search(pattern.replace(" ", r"\s+"), new):  # lines are broken at the edge
            if time.monotonic() > end:
                pytest.fail(f"{pattern!r} was not shown, but {new!r}")
            try:
                new += os.read(self._ours, 65536).decode()
            except OSError:  # nothing yet, or it has ended
                time.sleep(0.01)
        self.shown += new
        return new

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def end(self) -> int:
        """Wait for its end; return the exit status."""
        status = self.process.wait(20)
        os.close(self._ours)
        return status


@pytest.fixture(scope="module")
def server():
    needs("pulseaudio", "paplay", "pactl")
    with tempfile.TemporaryDirectory(prefix="vg") as folder:
        server = Server(Path(folder))
        yield server
        server.check()
        server.kill()


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody who speaks, at an ordinary level."""
    engine = Pyttsx3()
    spoken = engine.speak(Utterance("Lie down.", "en", "en-gb+m3", 163, 0.0))
    engine.close()
    samples = soxr.resample(spoken.samples, spoken.rate_hz, 48_000)
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    samples = samples[loud[0] : loud[-1]]
    return save(tmp_path_factory.mktemp("speech") / "x.wav", samples / np.abs(samples).max() * 0.3)


@pytest.fixture
def folder(ssml, tmp_path: Path) -> Path:
    done = voiceguide("phrases", ssml(BODY), "-o", tmp_path / "voice")
    assert done.returncode == 0, done.stderr
    return tmp_path / "voice"


def play(server: Server, path: Path) -> None:
    """Play a file to its end."""
    subprocess.run(["paplay", path], env=server.env, check=True)


def save(path: Path, samples: np.ndarray) -> Path:
    with AudioFile(str(path), "w", 48_000, 1) as file:
        file.write(samples.astype(np.float32))
    return path


def recordings(folder: Path) -> list[str]:
    """Return the files of a folder but for the list and the sheet; none is temporary."""
    names = [path.name for path in folder.iterdir() if not path.name.startswith("phrases.")]
    assert all(name.endswith(".wav") for name in names)
    return sorted(names)


def with_limit(name: str, value: int) -> tuple[str, str]:
    """Return the program with another limit: nobody waits for three minutes."""
    limit = f"import voiceguide.voices.takes as it; it.{name} = {value}"
    return "-c", f"{limit}; from voiceguide.cli import main; main()"


def record(terminal: Terminal, server: Server, path: Path) -> str:
    """Press Enter, speak, press Enter; return what is said of it."""
    terminal.type("\n")
    terminal.until("Recording")
    play(server, path)
    time.sleep(0.2)  # until the microphone has heard it
    terminal.type("\n")
    return terminal.until(r"> $")


def test_phrases_are_recorded_one_after_the_other_and_later_the_rest(server, speech, folder, ssml):
    terminal = Terminal(server, folder)
    shown = terminal.until("> $")
    assert "3 of 3 phrases to record" in shown
    assert "1 of 3" in shown
    assert "Sit down on the floor." in shown
    shown = record(terminal, server, speech)
    assert re.search(r"\[#{8,}", shown)  # the level was seen while it was recorded
    assert re.search(r"[\d.]+ s: good", shown), shown
    assert recordings(folder) == []  # it is not kept yet
    terminal.type("\n")
    assert "Breathe out." in terminal.until("> $")
    (name,) = recordings(folder)
    assert name.startswith(NAMES[0])
    terminal.type("s\n")
    assert "Let the leg rest." in terminal.until("> $")
    terminal.type("b\n")
    assert "Breathe out." in terminal.until("> $")
    terminal.type("q\n")
    assert "1 of 3 phrases are recorded" in terminal.until("Run the command again to continue")
    assert terminal.end() == 0

    with wave.open(str(folder / name)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (48_000, 1, 2)
    with AudioFile(str(speech)) as file:
        whole_s = file.frames / 48_000
    assert len(read(folder / name).samples) / 48_000 == pytest.approx(whole_s, abs=0.12)

    terminal = Terminal(server, folder)
    assert "2 of 3 phrases to record" in terminal.until("> $")
    for _ in range(2):
        record(terminal, server, speech)
        terminal.type("\n")
    assert "3 of 3 phrases are recorded" in terminal.until(r"recorded in .*\n")
    assert terminal.end() == 0
    assert [one.rpartition("-")[0] + "-" for one in recordings(folder)] == sorted(NAMES)
    done = voiceguide("script", ssml(BODY), "--check", "--voice", folder)
    assert done.stderr == f"voiceguide: {folder}: all 3 phrases are recorded\n"
    done = voiceguide("record", folder, env=server.env)
    assert done.stdout == "All 3 phrases are recorded.\n"


def test_a_take_can_be_played_and_made_again_in_place_of_an_older_one(
    server, speech, folder, tmp_path
):
    (name,) = re.findall(f"{NAMES[1]}[0-9a-f]{{8}}", (folder / "phrases.csv").read_text("utf-8"))
    older = save(folder / f"take 1 {name}.wav", np.zeros(48_000)).read_bytes()
    terminal = Terminal(server, folder, 2)
    assert "Breathe out." in terminal.until("> $")
    record(terminal, server, speech)
    heard = tmp_path / "heard.raw"
    with heard.open("wb") as file:
        command = ["parec", "-d", "one.monitor", "--latency-msec=20", "--rate=48000"]
        command += ["--channels=1", "--format=s16le"]
        listener = subprocess.Popen(command, env=server.env, stdout=file)
    time.sleep(0.5)
    terminal.type("p\n")
    terminal.until("> $")
    time.sleep(0.5)
    listener.terminate()
    listener.wait()
    samples = np.fromfile(heard, "<i2") / 32768
    assert (np.abs(samples) > 0.05).sum() > 2_000  # it was heard
    take = terminal.shown
    terminal.type("r\n")
    terminal.until("Recording")
    time.sleep(0.5)
    terminal.type("\n")  # nothing was said
    assert "silence; is it the right microphone" in terminal.until("> $")
    assert "good" in take
    assert (folder / f"take 1 {name}.wav").read_bytes() == older
    terminal.type("\n")  # once more
    terminal.until("Recording")
    play(server, speech)
    terminal.type("\n")
    terminal.until("keep")
    terminal.type("\n")
    terminal.until("1 of 3 phrases are recorded")
    assert terminal.end() == 0
    assert recordings(folder) == [f"take 1 {name}.wav"]
    assert read(folder / f"take 1 {name}.wav").samples.size > 10_000


def test_the_level_is_judged(server, speech, folder, tmp_path):
    with AudioFile(str(speech)) as file:
        samples = file.read(file.frames)[0]
    random = np.random.default_rng(1)
    noise = save(tmp_path / "noise.wav", random.normal(0, 0.02, 60 * 48_000))
    terminal = Terminal(server, folder)
    terminal.until("> $")
    loud, quiet = np.clip(samples * 30, -1, 1), samples * 0.04
    assert "too loud, and cut off" in record(terminal, server, save(tmp_path / "1.wav", loud))
    terminal.type("s\n")
    terminal.until("> $")
    assert "quiet: move closer" in record(terminal, server, save(tmp_path / "2.wav", quiet))
    terminal.type("s\n")
    terminal.until("> $")
    with subprocess.Popen(["paplay", noise], env=server.env) as room:
        time.sleep(0.5)
        assert "the room is loud" in record(terminal, server, speech)
        room.kill()
    terminal.type("s\n")
    terminal.until("0 of 3 phrases are recorded")
    assert terminal.end() == 0
    assert recordings(folder) == []


def test_a_take_ends_by_itself_before_it_is_too_long(server, speech, folder, tmp_path):
    with AudioFile(str(speech)) as file:
        pauses = np.tile(np.append(file.read(file.frames)[0], np.zeros(9_600)), 5)
    terminal = Terminal(server, folder, 2, program=with_limit("LONGEST_S", 2))
    terminal.until("> $")
    terminal.type("\n")
    terminal.until("Recording")
    with subprocess.Popen(["paplay", save(tmp_path / "long.wav", pauses)], env=server.env):
        terminal.until("Stopped: a phrase lasts at most 2 s")
        time.sleep(0.5)
    terminal.type("\n")
    assert "2.0 s: stopped after 2 s: speak faster" in terminal.until("> $")
    terminal.type("\n")
    terminal.until("1 of 3 phrases are recorded")
    assert terminal.end() == 0
    with wave.open(str(folder / recordings(folder)[0])) as file:
        assert file.getnframes() == 2 * 48_000


def test_a_take_that_is_too_short_is_not_kept(server, speech, folder):
    folder = folder.rename(folder.with_name("my[bold]"))  # what colours text elsewhere
    terminal = Terminal(server, folder, program=with_limit("SHORTEST_MS", 5000))
    terminal.until("> $")
    assert "too short for a phrase" in record(terminal, server, speech)
    terminal.type("\n\n")  # ended as soon as it began
    shown = terminal.until("> $")
    assert re.search(r"stops it 0\.\d s: silence", shown), shown
    terminal.type("q\n")
    shown = terminal.until("Run the command again to continue")
    assert "0 of 3 phrases are recorded" in shown
    assert "my[bold]." in re.sub(r"\s", "", shown)  # it may be on two lines
    assert terminal.end() == 0


def test_what_is_missing_is_said(folder, tmp_path):
    nowhere = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    nowhere["PULSE_SERVER"] = str(tmp_path / "none")
    if not Path("/dev/snd").exists():
        done = voiceguide("record", folder, env=nowhere)
        assert done.returncode == 1
        assert "no microphone can be opened" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    done = voiceguide("record", tmp_path)
    assert done.returncode == 1
    assert f"no such list of phrases; “voiceguide phrases calf -o {tmp_path}”" in done.stderr
    for name in ("4", "holiday", "x-00000000"):
        done = voiceguide("record", folder, name)
        assert done.returncode == 1
        assert f"{name} is not in the list" in done.stderr
