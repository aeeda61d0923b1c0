"""Other people's audio files: their content says what they are, and none is decoded blindly."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import needs, voiceguide
from pedalboard.io import AudioFile

from voiceguide import Session
from voiceguide.audio.decoder import Source
from voiceguide.audio.reader import AudioReader
from voiceguide.errors import SoundError

ROOT = Path(__file__).parents[1]
TONE = 0.4 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
FORMS = ("wav", "aiff", "flac", "ogg", "mp3")


@pytest.fixture(scope="module")
def tones(tmp_path_factory) -> dict[str, bytes]:
    """Return a second of a tone in each format."""
    folder = tmp_path_factory.mktemp("tones")
    for form in FORMS:
        with AudioFile(str(folder / f"tone.{form}"), "w", 48_000, 1, bit_depth=16) as file:
            file.write(TONE.astype(np.float32))
    return {form: (folder / f"tone.{form}").read_bytes() for form in FORMS}


@pytest.mark.parametrize("form", FORMS)
def test_what_a_file_is_its_content_says_under_any_name(tmp_path, tones, form):
    for name in (*(f"x.{suffix}" for suffix in FORMS), "x.m4a", "x"):
        path = tmp_path / name
        path.write_bytes(tones[form])
        reader = AudioReader(path)
        assert reader.frames == pytest.approx(48_000, abs=1200), name
        heard = reader.read(0, 48_000)[0]
        assert np.abs(heard).max() == pytest.approx(0.4, abs=0.03), name
        power = np.abs(np.fft.rfft(heard))
        assert power.argmax() == 440, name


def test_a_tagged_mp3_with_a_picture_is_one(tmp_path, tones):
    path = tmp_path / "x.mp3"
    path.write_bytes(b"ID3\x04\0\0\0\0\x02\0" + b"\xff" * 256 + tones["mp3"])
    assert np.abs(AudioReader(path).read(0, 24_000)).max() == pytest.approx(0.4, abs=0.03)


def aiff(channels: int, frames: int, bits: int, rate: bytes = b"\x40\x0e\xbb\x80") -> bytes:
    """Return an AIFF file that says this of itself, with 100 kB of sound."""
    common = struct.pack(">4sIHIH", b"COMM", 18, channels, frames, bits) + rate.ljust(10, b"\0")
    chunks = common + struct.pack(">4sIII", b"SSND", 100_008, 0, 0) + bytes(100_000)
    return struct.pack(">4sI4s", b"FORM", len(chunks) + 4, b"AIFF") + chunks


def wav(codec: int, channels: int, rate_hz: int, bits: int) -> bytes:
    """Return a WAV file that says this of itself, with 100 kB of sound."""
    block = channels * bits // 8 % 65_536
    form = struct.pack("<HHIIHH", codec, channels, rate_hz, rate_hz * block % 2**32, block, bits)
    chunks = struct.pack("<4sI", b"fmt ", 16) + form
    chunks += struct.pack("<4sI", b"data", 100_000) + bytes(100_000)
    return struct.pack("<4sI4s", b"RIFF", len(chunks) + 4, b"WAVE") + chunks


MP4 = b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42isom" + bytes(5000)
OPUS = b"OggS\0\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x02" + bytes(5000)
REFUSED = {
    "3,585 channels": (aiff(3585, 12_928, 16), "has 3,585 channels, but may have 8 at most"),
    "9 channels": (wav(1, 9, 48_000, 16), "has 9 channels, but may have 8 at most"),
    "no channel": (wav(1, 0, 48_000, 16), "has 0 channels"),
    "no bits": (aiff(1, 10, 0), "0 bits a sample, not 8, 16, 24 or 32"),
    "7 bits": (wav(1, 1, 48_000, 7), "7 bits a sample"),
    "longer than it is": (aiff(1, 10_000_000, 16), "says that it is longer than the file"),
    "a rate of 0": (aiff(1, 10, 16, b""), "sample rate is 0 Hz"),
    "a rate of 4 GHz": (wav(1, 1, 4_000_000_000, 16), "sample rate is 4,000,000,000 Hz"),
    "compressed WAV": (wav(0x55, 1, 48_000, 16), "is WAV, but compressed .*convert it"),
    "WAV without a header": (b"RIFF\0\0\0\0WAVEdata\0\0\0\0" + bytes(900), "header is damaged"),
    "OGG that is cut off": (b"OggS\0\x02" + bytes(20) + b"\x01\x1e\x01vorbis", "has 0 channels"),
    "M4A": (MP4, r"it is MP4 or M4A; convert it to WAV, FLAC, OGG or MP3"),
    "Opus": (OPUS, "it is Opus; convert it"),
    "WMA": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(900), r"Windows Media \(WMA\); convert"),
    "AAC": (b"\xff\xf1\x50\x80" * 900, "it is AAC; convert"),
    "a film": (b"\x1a\x45\xdf\xa3" + bytes(900), "Matroska or WebM; convert"),
    "a text": (b"This is no sound.", r"not WAV, FLAC, OGG \(Vorbis\), MP3 or AIFF; convert"),
    "nothing": (b"", r"not WAV, FLAC, OGG \(Vorbis\), MP3 or AIFF"),
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["wav", "mp3", "aiff"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_before_it_is_decoded(tmp_path, name, suffix):
    content, says = REFUSED[name]
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(content)
    with pytest.raises(SoundError, match=rf"x\.{suffix}: cannot be read as audio: .*{says}"):
        AudioReader(path)


@pytest.mark.skipif(os.name != "posix", reason="bytes in names are of POSIX")
@pytest.mark.parametrize("name", [b"my\xff.wav", b"my\xff/bell.wav"])
def test_a_name_that_is_not_utf_8_is_told(tmp_path, tones, ssml, name):
    bed = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    bed.parent.mkdir(exist_ok=True)
    bed.write_bytes(tones["wav"])
    shown = name.decode("ascii", "backslashreplace").replace("xff", "udcff")
    for command in (["script", "--check"], ["render", "-o", tmp_path / "my.mp3"]):
        done = voiceguide(*command, ssml("Hi."), "--bed", bed)
        assert done.returncode == 1
        assert done.stderr == (
            f"voiceguide: {tmp_path}/{shown}: cannot be read as audio: "
            "its name, or that of its folder, is not UTF-8; rename it\n"
        )


def test_what_lies_within_the_limits_is_read(tmp_path):
    for name, content in (("a.aiff", aiff(8, 6000, 16)), ("b.wav", wav(1, 8, 8000, 16))):
        (tmp_path / name).write_bytes(content)
        assert AudioReader(tmp_path / name).channels == 8


@pytest.mark.slow
def test_checking_a_script_finds_what_rendering_would(tmp_path, ssml):
    (tmp_path / "x.wav").write_bytes(aiff(3585, 12_928, 16))
    scripts = [ssml('Hello.<audio src="x.wav"/>', "a.ssml"), ssml("Hello.", "b.ssml")]
    for script, options in zip(scripts, ([], ["--bed", tmp_path / "x.wav"]), strict=True):
        for arguments in (["script", "--check"], ["render", "-o", tmp_path / "x.flac"]):
            done = voiceguide(*arguments, script, *options)
            assert done.returncode == 1
            assert "3,585 channels" in done.stderr
            assert "Traceback" not in done.stderr


def test_a_recording_that_cannot_be_decoded_is_told(tmp_path, ssml):
    session = Session(ssml("Hello."))
    ((_, said),) = session.utterances
    from voiceguide.voices.recordings import name_of

    path = tmp_path / "mine" / f"{name_of(said.text, 'en')}.wav"
    path.parent.mkdir()
    path.write_bytes(aiff(3585, 12_928, 16))
    recorded = Session(ssml("Hello."), voice=str(path.parent))
    assert any("cannot be read; another voice speaks it" in one for one in recorded.warnings)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["mp3", "wav", "flac", "ogg"])
def test_every_chapter_is_kept_however_many(tmp_path, ssml, form):
    count = 300
    script = ssml(
        "".join(
            f'<mark name="chapter:Breath {number}"/><break time="1s"/>'
            for number in range(1, count + 1)
        )
    )
    path = tmp_path / f"x.{form}"
    done = voiceguide("render", script, "-o", path)
    assert done.returncode == 0, done.stderr
    from voiceguide.player.file import Rendered

    rendered = Rendered(path)
    titles = [chapter.title for chapter in rendered.live.chapters]
    rendered.close()
    assert titles == [f"Breath {number}" for number in range(1, count + 1)]


@pytest.mark.slow
def test_the_tables_of_contents_name_each_chapter_once_in_order(tmp_path, ssml):
    from mutagen.id3 import ID3

    body = "".join(f'<mark name="chapter:{n}"/><break time="1s"/>' for n in range(300))
    path = tmp_path / "x.mp3"
    assert voiceguide("render", ssml(body), "-o", path).returncode == 0
    tags = ID3(path)
    tables = {table.element_id: table.child_element_ids for table in tags.getall("CTOC")}
    assert all(1 <= len(children) <= 255 for children in tables.values())

    def chapters(name: str) -> list[str]:
        if name not in tables:
            return [str(tags[f"CHAP:{name}"].sub_frames["TIT2"])]
        return [title for child in tables[name] for title in chapters(child)]

    assert chapters("toc") == [str(number) for number in range(300)]


@pytest.mark.parametrize(
    "settings",
    [
        ("-ac", "1", "-b:a", "32k"),  # a frame leans on nine before it
        ("-ac", "1", "-ar", "11025", "-b:a", "16k"),
        ("-b:a", "320k"),
        ("-q:a", "9"),
        ("-q:a", "4", "-write_xing", "0"),
    ],
)
def test_any_place_of_an_mp3_is_what_the_whole_has_there(tmp_path, settings):
    needs("ffmpeg")
    path, random = tmp_path / "x.mp3", np.random.default_rng(1)
    make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "anoisesrc=d=60:a=0.5:c=pink"]
    subprocess.run([*make, *settings, path], check=True)
    source = Source(path)
    whole = source.read(0, source.facts.frames)
    assert whole.shape[1] == source.facts.frames
    for begin in map(int, random.integers(0, source.facts.frames - 2000, 50)):
        there = source.read(begin, 2000)
        assert np.abs(there - whole[:, begin : begin + 2000]).max() < 1e-6
    source.close()


def test_a_mended_mp3_is_heard_though_its_header_is_wrong_by_now(tmp_path):
    """Cut off, or with noise put in between: what can be decoded is."""
    needs("ffmpeg")
    path = tmp_path / "x.mp3"
    make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=440:d=20", "-b:a", "128k"]
    subprocess.run([*make, path], check=True)
    sound = path.read_bytes()
    half = len(sound) // 2
    for content in (sound[:half], sound[:half] + b"\0\1\2\3" * 2000 + sound[half:]):
        path.write_bytes(content)
        heard = AudioReader(path).read(0, 480_000)[0]
        assert np.abs(heard[430_000:]).max() > 0.05
