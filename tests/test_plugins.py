"""Packages bring engines, devices, audio formats and caption formats, by entry points."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import FRAMES_PER_MS, decode, voiceguide

from voiceguide import Session, VoiceguideError, export

HUM = '''
"""An engine that sings a sine a word, 400 ms each: 400 Hz, 600 Hz, 800 Hz and so on."""
import numpy as np
from voiceguide.voices import Spoken, VoiceInfo

class Hum:
    id = "hum 1.0"
    def speak(self, utterance):
        assert utterance.voice == "hum-low"
        at_s = np.arange(22050 * 4 // 10) / 22050
        words = range(len(utterance.text.split()))
        sung = [0.3 * np.sin(2 * np.pi * (400 + 200 * word) * at_s) for word in words]
        return Spoken(np.concatenate(sung).astype(np.float32), 22050)
    def calm_wpm(self, language):
        return 100
    def choose(self, wanted, language):
        return "hum-low" if "hum-low" in wanted.names else None
    def remarks(self, utterances):
        return [f"hum sings {len(list(utterances))} phrases"]
    def restart(self):
        pass
    def close(self):
        pass

def voices():
    return [VoiceInfo("hum-low", "Hum", ("en", "de"))]

def find(voice):
    return Hum if voice == "hum-low" else None
'''
PAPER = '''
"""A device that writes what it is given into a file."""
import os
import threading

class Paper:
    def __init__(self, read, channels):
        self.file = open(os.environ["PAPER"], "wb")
        self.read, self.ended = read, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
    def start(self):
        self.thread.start()
    def run(self):
        while not self.ended.wait(0.01):
            self.file.write(self.read(480))
    def close(self):
        self.ended.set()
        self.thread.join()
        self.file.close()
'''
AU = '''
"""The audio format AU: a header of 24 bytes, a title of 64, and samples, big endian."""
import struct
import numpy as np

class Au:
    def __init__(self, file, channels):
        self.file = file
        file.write(struct.pack(">4sIIIII", b".snd", 88, 0xFFFFFFFF, 3, 48000, channels))
        file.write(bytes(64))
    def write(self, block):
        self.file.write(np.frombuffer(block, "<i2").astype(">i2").tobytes())
    def close(self):
        pass

class AuFormat:
    encoder = Au
    def tag(self, file, tags, timeline):
        file.seek(24)
        file.write(f"{tags.title}, {len(timeline.events)} events".encode())

AU = AuFormat()
'''
TSV = '''
"""Captions as a table."""

def tsv(timeline, title, language):
    yield f"{title}\\t{language}\\n"
    for event in timeline.events:
        if event.text is not None:
            yield f"{event.begin_ms}\\t{event.end_ms}\\t{event.text}\\n"
'''
OURS = '''
"""What is not to be found under a name of ours."""
raise SystemExit("loaded instead of ours")
'''
BODY = "<s>One two three.</s><break time='1s'/><s>Four.</s>"
ONE_TWO_THREE = [400, 600, 800]


def install(folder: Path, name: str, entry_points: str, **modules: str) -> dict[str, str]:
    """Put a package into a folder as pip would; return the environment in which it is there."""
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(entry_points)
    for module, content in modules.items():
        (folder / f"{module}.py").write_text(content)
    path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PAPER": str(folder / "paper.raw")}


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> dict[str, str]:
    entry_points = """
[voiceguide.engines]
hum = hum
[voiceguide.devices]
paper = paper:Paper
miniaudio = not_ours:miniaudio
[voiceguide.formats]
au = au:AU
wav = not_ours:wav
[voiceguide.captions]
tsv = tsv:tsv
vtt = not_ours:vtt
"""
    return install(
        tmp_path_factory.mktemp("package"), "concert", entry_points,
        hum=HUM, paper=PAPER, au=AU, tsv=TSV, not_ours=OURS,
    )  # fmt: skip


def python(program: str, *arguments: object, env: dict[str, str]) -> str:
    """Run a program of a user's, which must succeed; return what it prints."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def pcm(path: Path) -> np.ndarray:
    """Return the samples of a mono WAV file as they stand in it."""
    return np.rint(decode(path) * 32767).astype("<i2")


def pitches_hz(samples: np.ndarray, count: int) -> list[int]:
    """Return the loudest frequency of each of ``count`` equal parts of a sound."""
    found = []
    for part in np.array_split(samples, count):
        middle = part[len(part) // 4 : -len(part) // 4]
        spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), FRAMES_PER_MS * 1000))
        found.append(int(np.argmax(spectrum)))
    return found


def sung(samples: np.ndarray) -> list[int]:
    """Return the frequencies of the three words with which BODY begins."""
    return [round(pitch_hz, -1) for pitch_hz in pitches_hz(samples[: 1200 * FRAMES_PER_MS], 3)]


@pytest.mark.slow
def test_an_engine_speaks_with_its_voice(package, ssml, tmp_path):
    listed = voiceguide("voices", env=package)
    assert listed.returncode == 0, listed.stderr
    own = [line.split() for line in listed.stdout.splitlines() if line.startswith("hum-low ")]
    assert own == [["hum-low", "hum", "Hum;", "en,", "de"]]
    assert "en-gb" in listed.stdout

    script = ssml(BODY)
    done = voiceguide(
        "render", script, "--voice", "hum-low", "-o", tmp_path / "cli.wav", env=package
    )
    assert done.returncode == 0, done.stderr
    assert "hum sings 2 phrases" in done.stderr
    samples = decode(tmp_path / "cli.wav")
    assert len(samples) == (3 * 400 + 1000 + 400) * FRAMES_PER_MS
    assert sung(samples) == ONE_TWO_THREE

    program = "import sys; from voiceguide import Session\n"
    program += "Session(sys.argv[1], voice='hum-low').export(sys.argv[2])"
    python(program, script, tmp_path / "python.wav", env=package)
    assert (tmp_path / "python.wav").read_bytes() == (tmp_path / "cli.wav").read_bytes()


@pytest.mark.slow
def test_other_voices_speak_as_before_beside_it(package, ssml, tmp_path):
    script = ssml("<s>One two three.</s>")
    for name, env in ("with", package), ("without", dict(os.environ)):
        done = voiceguide(
            "render", script, "--voice", "en-gb", "-o", tmp_path / f"{name}.wav", env=env
        )
        assert done.returncode == 0, done.stderr
    with_it, without = (decode(tmp_path / f"{name}.wav") for name in ("with", "without"))
    assert np.array_equal(with_it, without)
    done = voiceguide("render", script, "--voice", "hum-high", "-o", tmp_path, env=package)
    assert done.returncode == 1
    assert "hum-high" in done.stderr
    assert "“voiceguide voices” lists all voices" in done.stderr


@pytest.mark.slow
def test_a_device_plays_every_sample(package, ssml, tmp_path):
    script = ssml(BODY)
    program = "import sys; from voiceguide import Session\n"
    program += "session = Session(sys.argv[1], voice='hum-low', mono=True)\n"
    program += "session.export(sys.argv[2]); session.play(device='paper')"
    python(program, script, tmp_path / "reference.wav", env=package)
    reference = pcm(tmp_path / "reference.wav")
    assert sung(reference) == ONE_TWO_THREE
    assert reference.tobytes() in Path(package["PAPER"]).read_bytes()


@pytest.mark.slow
def test_a_device_plays_a_file_that_was_rendered(package, ssml, tmp_path):
    script = ssml(BODY)
    program = (
        "import sys; from voiceguide import Session\nfrom voiceguide.player.play import play_file\n"
    )
    program += "path = Session(sys.argv[1], voice='hum-low', mono=True).export(sys.argv[2])\n"
    program += "play_file(path, device='paper')"
    python(program, script, tmp_path / "file.flac", env=package)
    heard = np.frombuffer(Path(package["PAPER"]).read_bytes(), "<i2").astype(float)
    loud = np.flatnonzero(np.abs(heard) > 1000)
    assert sung(heard[loud[0] :]) == ONE_TWO_THREE


def wait_for(path: Path, size: int) -> None:
    """Wait until a file is as large as that."""
    until = time.monotonic() + 60
    while not path.is_file() or path.stat().st_size < size:
        assert time.monotonic() < until, "nothing is played"
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_what_was_stopped_goes_on_where_it_was(package, ssml, tmp_path):
    """Played for a second or more and ended; then the rest is heard, and later all of it again."""
    script = ssml("<s>One two three.</s><break time='5s'/><s>Four five.</s>")
    env = {**package, "VOICEGUIDE_DATA_DIR": str(tmp_path), "PAPER": str(tmp_path / "paper.raw")}
    paper = Path(env["PAPER"])
    command = [sys.executable, "-m", "voiceguide", "play", str(script), "--device", "paper"]
    command += ["--voice", "hum-low", "--mono"]

    def heard() -> tuple[int, list[int]]:
        """Return for how many seconds something is heard, and its first two words."""
        samples = np.frombuffer(paper.read_bytes(), "<i2").astype(float)
        loud = np.flatnonzero(np.abs(samples) > 1000)
        words = samples[loud[0] : loud[0] + 800 * FRAMES_PER_MS]
        length_s = round((loud[-1] - loud[0]) / 48_000)
        return length_s, [round(pitch_hz, -1) for pitch_hz in pitches_hz(words, 2)]

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env) as playing:
        wait_for(paper, 2 * 2000 * FRAMES_PER_MS)
        playing.send_signal(signal.SIGTERM)
        said = playing.communicate(timeout=60)[1]
    assert playing.returncode == 128 + signal.SIGTERM
    assert re.search(
        r"Stopped at 0:0[1-6]\. To continue there: voiceguide play .* --resume\n", said
    )
    assert heard() == (1, [400, 600])
    for length_s in (1, 7):  # the second sentence, and as that has ended, all of it
        done = subprocess.run(
            [*command, "--resume"],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env=env,
        )
        assert done.returncode == 0, done.stderr
        assert heard() == (length_s, [400, 600])


@pytest.mark.slow
def test_an_audio_format_is_rendered_and_tagged(package, ssml, tmp_path):
    script = ssml(f"<p>{BODY}</p>", "Exercise.ssml")
    for name in ("x.wav", "x.AU"):
        done = voiceguide(
            "render", script, "--voice", "hum-low", "-o", tmp_path / name, env=package
        )
        assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / name)), done.stderr
    content = (tmp_path / "x.AU").read_bytes()
    assert content[:4] == b".snd"
    assert content[24:88].rstrip(b"\0") == b"Exercise, 2 events"
    assert np.array_equal(np.frombuffer(content[88:], ">i2"), pcm(tmp_path / "x.wav"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Exercise.ssml", "x.AU", "x.wav"]

    other = voiceguide("render", script, "-o", tmp_path / "x.aux", env=package)
    assert other.returncode == 1
    assert (
        "cannot write “.aux” files; use one of .mp3, .wav, .flac, .ogg, .opus, .m4b, .m4a, .au"
        in other.stderr
    )


def test_a_caption_format_is_written(package, ssml):
    program = "import sys; from voiceguide import Session, export\n"
    program += "session = Session(sys.argv[1], voice='hum-low')\n"
    program += "print(*export.CAPTIONS)\n"
    program += "for form in 'tsv', 'vtt':\n"
    program += "    print(export.captions(session.timeline, form, title='Title', language='de'))"
    names, *shown = python(program, ssml(BODY), env=package).splitlines()
    assert names == "text json vtt srt lrc svg html tsv"
    assert shown[:3] == ["Title\tde", "0\t1200\tOne two three.", "2200\t2600\tFour."]
    assert shown[4] == "WEBVTT - Title"  # ours, though the package has one of that name


@pytest.mark.slow
def test_a_package_that_is_broken_is_named_in_one_line(ssml, tmp_path):
    entry_points = """
[voiceguide.engines]
torn = torn
[voiceguide.devices]
torn = nowhere:Device
[voiceguide.formats]
torn = torn:FORMAT
[voiceguide.captions]
torn = whole:nothing
"""
    env = install(
        tmp_path / "site", "torn-things", entry_points,
        torn="raise RuntimeError('no sound\\ncard')", whole="",
    )  # fmt: skip
    script = ssml("<s>One.</s>")
    output = tmp_path / "x.torn"
    program = "import sys; from voiceguide import Session, VoiceguideError, export\n"
    program += "session = Session(sys.argv[1])\ntry:\n    {}\n"
    program += "except VoiceguideError as error:\n    sys.exit(f'voiceguide: {{error}}')"
    play, captions = (
        [sys.executable, "-c", program.format(what), script]
        for what in (
            "session.play(device='torn')",
            "export.captions(session.timeline, 'torn', title='', language='en')",
        )
    )
    command = [sys.executable, "-m", "voiceguide"]
    for arguments, says in {
        (*command, "voices"): "engine “torn” .* from “torn” .RuntimeError: no sound card.; update",
        (*command, "render", script, "--voice", "x"): "engine “torn” .*from “torn” .Runtime",
        (*play,): "device “torn” .*from “nowhere:Device” .*No module named 'nowhere'",
        (*command, "render", script, "-o", output): "audio format “torn” .*from “torn:FORMAT”",
        (*captions,): "caption format “torn” .*from “whole:nothing”",
    }.items():
        done = subprocess.run(
            arguments, capture_output=True, text=True, timeout=300, check=False, env=env
        )
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert re.match(f"voiceguide: the {says}", line), line
        assert "torn-things 1.0 cannot be loaded" in line
        assert line.endswith("update that package, or uninstall it")
        assert not output.exists()
    # What does not need it works.
    done = voiceguide("render", script, "-o", tmp_path / "x.mp3", env=env)
    assert done.returncode == 0, done.stderr


def test_an_unknown_name_is_told_with_those_that_are_near(ssml):
    session = Session(ssml("<s>One.</s>"))
    with pytest.raises(VoiceguideError, match="unknown device “minaudio”; did you mean miniaudio"):
        session.play(device="minaudio")
    with pytest.raises(
        VoiceguideError,
        match="“x”; available: miniaudio, miniaudio-prompt, simpleaudio",
    ):
        session.play(device="x")
    with pytest.raises(VoiceguideError, match="unknown caption format “jsn”; did you mean json"):
        export.captions(session.timeline, "jsn", title="", language="en")
