"""How a session sounds: even, clean, on its side, and over a bed that never masks the voice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import FRAMES_PER_MS, needs, voiceguide
from pedalboard.io import AudioFile
from test_render import loudness_of

from voiceguide import Playlist, Session, mixer
from voiceguide.audio.reader import AudioReader
from voiceguide.errors import RequestError, SoundError
from voiceguide.mixer.bed import Loop
from voiceguide.plan import open_voice
from voiceguide.timeline import Bed
from voiceguide.voices.clip import integrated_lufs

ROOT = Path(__file__).parents[1]
BEDS = ("rain", "ocean", "drone")
RATE_HZ = 48_000
SPEECH = (
    "<p>Lie on your back, and let your shoulders sink.</p><p>Find the spot that hurts when you "
    "press it.</p><p>Breathe in, slowly and deeply. Now let go of it, and rest for a while.</p>"
)


def read(path: Path) -> np.ndarray:
    """Return the samples of a file, shape (channels, frames)."""
    with AudioFile(str(path)) as file:
        return file.read(file.frames)


def rms_db(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples**2) + 1e-20))


def together_lufs(samples: np.ndarray) -> float:
    """Return the loudness of all channels, each as loud throughout."""
    return float(10 * np.log10(sum(10 ** (integrated_lufs(one) / 10) for one in samples)))


def part(samples: np.ndarray, begin_ms: int, end_ms: int) -> np.ndarray:
    return samples[..., begin_ms * FRAMES_PER_MS : end_ms * FRAMES_PER_MS]


def shipped(name: str) -> Bed:
    return Bed(ROOT / "sounds" / f"{name}.flac", name, seamless=True)


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """Eleven seconds at 44.1 kHz in stereo, whose end does not lead on to its begin."""
    rate_hz, seconds = 44_100, 11
    time_s = np.arange(rate_hz * seconds) / rate_hz
    rng = np.random.default_rng(1)
    noise = rng.normal(0, 0.02, (2, len(time_s)))
    tone = 0.2 * np.sin(2 * np.pi * (220 + 10 * time_s) * time_s)
    path = tmp_path / "music.flac"
    with AudioFile(str(path), "w", rate_hz, 2) as file:
        file.write((noise + tone).astype(np.float32))
    return path


# Level


@pytest.mark.parametrize("mono", [True, False])
def test_the_tracks_of_a_playlist_are_alike_on_two_loudspeakers(tmp_path, mono):
    """A track of one channel was 3 dB louder than the next one, of two."""
    playlist = Playlist("neck", side="left", guidance="brief", level="gentle", mono=mono)
    levels = []
    for number, session in enumerate(playlist.sessions[:2]):
        heard = read(session.export(tmp_path / f"{number}.mp3"))
        assert len(heard) == (1 if mono else 2)
        levels.append(together_lufs(heard[[0, -1]]))  # one channel plays on both
    assert levels[0] == pytest.approx(levels[1], abs=1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("region", "language", "bed"),
    [("jaw", "en", "ocean"), ("hand", "de", None),
     ("foot", "de", "rain")],
)  # fmt: skip
def test_a_session_is_as_loud_as_speech_on_the_air(tmp_path, region, language, bed):
    needs("ffmpeg")
    session = Session(region, language=language, bed=bed, side="left", guidance="brief", minutes=5)
    lufs, peak = loudness_of(session.export(tmp_path / "x.mp3"))
    assert lufs == pytest.approx(-16, abs=1)
    assert peak <= -1.0


@pytest.mark.slow
@pytest.mark.parametrize("bed", [*BEDS, "music"])
def test_speech_over_a_bed_is_as_loud_as_speech(tmp_path, ssml, music, bed):
    needs("ffmpeg")
    script = ssml(f'{SPEECH}<break time="8s"/>{SPEECH}')
    path = Session(script, bed=str(music) if bed == "music" else bed).export(tmp_path / "x.mp3")
    lufs, peak = loudness_of(path)
    assert lufs == pytest.approx(-16, abs=1)
    assert peak <= -1.0


@pytest.fixture(scope="module", params=["en", "de"])
def sentences(tmp_path_factory, request, _own_folders):
    """All sentences of a session that are said alone, as they are heard."""
    session = Session("jaw", language=request.param, mono=True)
    samples = read(session.export(tmp_path_factory.mktemp("jaw") / "x.wav"))[0]
    events = session.timeline.events
    alone = [
        e
        for e in events
        if e.kind == "speech"
        and not any(o is not e and o.begin_ms < e.end_ms and o.end_ms > e.begin_ms for o in events)
    ]
    assert len(alone) > 30
    return [part(samples, e.begin_ms, e.end_ms) for e in alone]


@pytest.mark.slow
def test_the_sentences_of_a_session_are_alike_in_level(sentences):
    levels = [integrated_lufs(sentence) for sentence in sentences]
    assert max(levels) - min(levels) <= 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere espeak-ng does not speak")
def test_the_voice_is_no_harsher_than_people_are_and_has_no_rumble(sentences):
    """Between 2 and 5 kHz against 300 to 2,000 Hz; people: -13 to -14 dB (Byrne et al., 1994)."""
    heard = np.concatenate(sentences)
    size = 1 << len(heard).bit_length()
    power = np.abs(np.fft.rfft(heard, size)) ** 2
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    low, high, rumble = (
        10 * np.log10(power[(hz >= begin) & (hz < end)].sum())
        for begin, end in ((300, 2000), (2000, 5000), (0, 50))
    )
    assert -16 < high - low < -11
    assert rumble - low < -40
    assert max(abs(sentence.mean()) for sentence in sentences) < 1e-3


def test_edges_are_no_steps_and_between_events_is_silence(tmp_path, ssml):
    script = ssml(f'{SPEECH}<break time="1s"/><audio src="bell.wav"/><break time="1s"/>Good.')
    session = Session(script)
    samples = read(session.export(tmp_path / "x.wav"))[0]
    steps = np.abs(np.diff(samples, prepend=0, append=0))
    silent = np.ones(len(samples), dtype=bool)
    for event in session.timeline.events:
        begin, end = event.begin_ms * FRAMES_PER_MS, event.end_ms * FRAMES_PER_MS
        silent[begin:end] = False
        within = steps[begin + 480 : end - 480].max()
        for edge in (begin, end):
            assert steps[max(0, edge - 2) : edge + 3].max() <= within / 20
    assert silent.sum() > 2 * RATE_HZ
    assert not samples[silent].any()


# Space


@pytest.mark.parametrize("side", ["left", "right"])
def test_what_is_said_for_a_side_comes_a_little_from_there_and_tones_from_the_middle(
    tmp_path, side
):
    session = Session("calf", side=side, guidance="brief", level="gentle")
    left, right = read(session.export(tmp_path / "x.wav"))
    if side == "right":
        left, right = right, left
    chapters = {chapter.title: chapter for chapter in session.timeline.chapters}
    about_all = next(c for title, c in chapters.items() if title.startswith("Before"))
    of_side = next(c for title, c in chapters.items() if ": Press" in title)

    def difference_db(begin_ms: int, end_ms: int) -> float:
        return rms_db(part(left, begin_ms, end_ms)) - rms_db(part(right, begin_ms, end_ms))

    spoken = [e for e in session.timeline.events if e.kind == "speech"]
    tones = [e for e in session.timeline.events if e.kind == "sound" and "bell" in e.source]
    assert difference_db(about_all.begin_ms, about_all.end_ms) == pytest.approx(0, abs=0.1)
    assert difference_db(tones[0].begin_ms, tones[0].end_ms) == pytest.approx(0, abs=0.1)
    first = next(e for e in spoken if e.begin_ms >= of_side.begin_ms)
    assert 2 < difference_db(first.begin_ms, first.end_ms) < 6


@pytest.mark.slow
def test_mono_has_one_channel_and_is_as_loud(tmp_path):
    chosen = {"side": "left", "guidance": "brief", "level": "gentle"}
    both = read(Session("calf", **chosen).export(tmp_path / "both.wav"))
    mono = Session("calf", **chosen, mono=True)
    one = read(mono.export(tmp_path / "one.wav"))
    assert (len(both), len(one)) == (2, 1)
    assert "mono" in mono.default_path.name
    assert "rain" in Session("calf", bed="rain").default_path.name
    assert rms_db(one) == pytest.approx(rms_db(both) + 10 * np.log10(2), abs=0.1)


# Beds


@pytest.mark.slow
@pytest.mark.parametrize("bed", BEDS)
def test_a_bed_never_masks_the_voice(tmp_path, ssml, bed):
    from pystoi import stoi

    script = ssml(SPEECH)
    alone = read(Session(script).export(tmp_path / "alone.wav"))[0]
    over = read(Session(script, bed=bed).export(tmp_path / "over.wav"))[0]
    assert rms_db(over - alone) > -60
    assert stoi(alone, over, RATE_HZ) >= 0.95


def test_a_bed_fades_and_is_down_before_something_is_said(tmp_path, ssml):
    script = ssml(f'<break time="9s"/>{SPEECH}<break time="15s"/>And now.<break time="9s"/>')
    session = Session(script, bed="drone")
    over = read(session.export(tmp_path / "over.wav"))[0]
    alone = read(Session(script).export(tmp_path / "alone.wav"))[0]
    bed = over - alone
    speech = [e for e in session.timeline.events if e.kind == "speech"]
    end_ms = session.timeline.duration_ms

    def envelope(bed: np.ndarray) -> np.ndarray:
        whole = np.concatenate(
            [
                Loop(shipped("drone"), 1).part(at, 1000, [], None)[0]
                for at in range(8000, end_ms - 8000, 1000)
            ]
        )
        plain = np.sqrt(np.mean(whole.reshape(-1, 4800) ** 2, axis=1))
        heard = part(bed, 8000, 8000 + len(whole) // FRAMES_PER_MS).reshape(-1, 4800)
        return 20 * np.log10(np.sqrt(np.mean(heard**2, axis=1)) / plain)

    level_db = envelope(bed)  # each 100 ms, from 8 s on, against the bed alone

    def at(ms: int) -> float:
        return float(level_db[(ms - 8000) // 100])

    for event in speech:
        assert at(event.begin_ms + 100) == pytest.approx(-6, abs=0.5)
    assert at(8200) == pytest.approx(0, abs=0.5)
    assert at(speech[-1].begin_ms - 1000) == pytest.approx(0, abs=0.5)
    assert np.abs(np.diff(level_db)).max() < 2  # smooth
    assert not bed[:10].any()
    assert np.abs(part(bed, end_ms - 20, end_ms)).max() < 1e-4
    assert rms_db(part(bed, end_ms - 1500, end_ms)) < rms_db(bed) - 10


def noise_bed(path: Path) -> Bed:
    """Write 60 s of noise whose level is the same everywhere, as a bed of one's own."""
    return own(path, np.random.default_rng(1).normal(0, 0.1, (1, 60 * RATE_HZ)))


def test_a_bed_is_36_lufs_and_6_db_softer_while_something_is_said(tmp_path, ssml):
    """Measured in what is rendered: with speech, less the speech alone."""
    bed = noise_bed(tmp_path / "noise.wav")
    script = ssml(f'<break time="9s"/>{SPEECH}<break time="16s"/>')
    session = Session(script, bed=str(bed.path))
    heard = read(session.export(tmp_path / "over.wav"))[0]
    heard = heard - read(Session(script).export(tmp_path / "alone.wav"))[0]
    speech = [event for event in session.timeline.events if event.kind == "speech"]
    alone = part(heard, 5000, speech[0].begin_ms - 1000)
    assert integrated_lufs(alone) == pytest.approx(-36, abs=0.5)
    for event in speech:
        under = part(heard, event.begin_ms, event.end_ms)
        assert rms_db(under) == pytest.approx(rms_db(alone) - 6, abs=0.5)
    end_ms = speech[-1].end_ms  # it waits for 0.3 s, and comes back within 1.8 s
    assert rms_db(part(heard, end_ms, end_ms + 300)) == pytest.approx(rms_db(alone) - 6, abs=0.7)
    assert -5 < rms_db(part(heard, end_ms + 1000, end_ms + 1400)) - rms_db(alone) < -1
    again = part(heard, end_ms + 2200, end_ms + 4200)
    assert rms_db(again) == pytest.approx(rms_db(alone), abs=0.5)


def test_a_bed_is_faded_in_for_4_seconds_and_out_for_6(tmp_path, ssml):
    bed = noise_bed(tmp_path / "noise.wav")
    session = Session(ssml('<break time="30s"/>'), bed=str(bed.path))
    heard = read(session.export(tmp_path / "x.wav"))[0]
    full_db = rms_db(part(heard, 8000, 22_000))

    def level_db(at_ms: int) -> float:
        """Against the full level, within a tenth of a second around a time."""
        return rms_db(part(heard, at_ms - 50, at_ms + 50)) - full_db

    for ms in (4100, 23_900):
        assert level_db(ms) == pytest.approx(0, abs=0.7)
    for ms in (2000, 27_000):  # half the way: half the wave
        assert level_db(ms) == pytest.approx(-6, abs=0.7)
    for ms in (1000, 28_500):  # a quarter of it
        assert level_db(ms) == pytest.approx(-16.7, abs=1)


def test_the_bed_level_is_relative_and_a_timeline_tells_of_the_bed(tmp_path, ssml):
    script = ssml('<break time="12s"/>')
    levels = {}
    for level in (0, -6):
        path = tmp_path / f"{level}.wav"
        rendered = voiceguide("render", script, "--bed", "rain", "--bed-level", level, "-o", path)
        assert rendered.returncode == 0, rendered.stderr
        levels[level] = rms_db(read(path))
    assert levels[0] - levels[-6] == pytest.approx(6, abs=0.3)
    shown = voiceguide("script", script, "--bed", "rain", "--bed-level", -6, "--format", "json")
    assert json.loads(shown.stdout)["events"] == [
        {"kind": "bed", "begin_ms": 0, "end_ms": 12_000, "text": None, "source": "rain",
         "gain_db": -6.0, "words": None}
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("bed", [*BEDS, "music"])
def test_a_loop_shows_no_seam(music, bed):
    """Spectral flux where it begins again, among that of all other moments of eight loops."""
    loop = Loop(Bed(music, "music.flac") if bed == "music" else shipped(bed), 1)
    period_ms = round(loop._period / FRAMES_PER_MS)
    begin_ms, size = period_ms // 2, 2048
    whole = np.concatenate(
        [
            loop.part(at, 500, [], None)[0]
            for at in range(begin_ms + 4000, begin_ms + 4000 + 8 * period_ms, 500)
        ]
    )
    frames = whole[: len(whole) // size * size].reshape(-1, size) * np.hanning(size)
    spectra = np.log(np.abs(np.fft.rfft(frames)) + 1e-6)
    flux = np.abs(np.diff(spectra, axis=0)).mean(axis=1)
    steps = np.abs(np.diff(whole))
    begin = (begin_ms + 4000) * FRAMES_PER_MS
    for number in range(1, 9):
        seam = (number * loop._period - begin) % (8 * loop._period)
        at = min(seam // size, len(flux) - 1)
        assert flux[max(0, at - 2) : at + 2].max() <= np.quantile(flux, 0.999)
        assert steps[max(0, seam - 2) : seam + 2].max() <= steps.max() * 0.999


@pytest.mark.parametrize(("hz", "seconds"), [(300, 12), (300, 12.001), (None, 12)])
def test_music_is_as_loud_where_it_begins_again(tmp_path, hz, seconds):
    """A tone, in and out of step with its begin, and noise."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    noise = np.random.default_rng(1).normal(0, 0.1, time_s.size)
    samples = 0.2 * np.sin(2 * np.pi * hz * time_s) if hz else noise
    loop = Loop(own(tmp_path / "x.wav", samples[None, :]), 1)
    heard = np.concatenate([loop.part(at, 500, [], None)[0] for at in range(5000, 29_000, 500)])
    levels = 10 * np.log10(np.mean(heard.reshape(-1, RATE_HZ // 2) ** 2, axis=1))
    assert levels.max() - levels.min() < 0.6
    begun_again, twice = (loop.part(9000, 500, [], None) for _ in range(2))
    assert np.array_equal(begun_again, twice)


@pytest.mark.slow
def test_music_of_ones_own_goes_on_in_a_loop_at_the_level_of_a_bed(tmp_path, music, ssml):
    script = ssml('<break time="40s"/>')
    for suffix in ("mp3", "ogg", "wav"):
        with AudioFile(str(music)) as file:
            samples, rate_hz = file.read(file.frames), file.samplerate
        other = music.with_suffix(f".{suffix}")
        with AudioFile(str(other), "w", rate_hz, 2) as file:
            file.write(samples)
        session = Session(script, bed=str(other))
        heard = read(session.export(tmp_path / "x.wav"))
        seconds = np.split(part(heard, 5000, 33_000), 28, axis=1)
        levels = [together_lufs(second) for second in seconds]
        assert -39 < min(levels) <= max(levels) < -33


def own(path: Path, samples: np.ndarray) -> Bed:
    """Write samples, shape (channels, frames), at 48,000 Hz, as a bed of one's own."""
    with AudioFile(str(path), "w", RATE_HZ, len(samples)) as file:
        file.write(samples.astype(np.float32))
    return Bed(path, path.name)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["begins softly", "is sparse", "is soft"])
def test_a_bed_that_is_soft_or_sparse_stays_below_the_voice(tmp_path, what):
    time_s = np.arange(400 * RATE_HZ) / RATE_HZ
    tone = 0.5 * np.sin(2 * np.pi * 300 * time_s)
    if what == "begins softly":
        tone[time_s < 350] *= 0.003
    elif what == "is sparse":
        tone *= np.where(abs(time_s % 47 - 5) < 0.7, 1, 0.003)
    else:
        tone *= 0.003
    bed = own(tmp_path / "x.wav", tone[None, :])
    heard = [Loop(bed, 1).part(at, 3000, [], None)[0] for at in range(9000, 398_000, 3000)]
    levels = [integrated_lufs(one) for one in heard]
    limit = -60 + 12 if what == "is soft" else -25.4
    assert max(levels) < limit + 1
    assert max(levels) > (limit - 3 if what == "is soft" else -38)


def test_a_bed_that_is_too_loud_is_bent_and_not_cut_off(tmp_path, ssml):
    time_s = np.arange(12 * RATE_HZ) / RATE_HZ
    strokes = np.sin(2 * np.pi * 303 * time_s) * (time_s % 1 < 0.01)
    bed = own(tmp_path / "x.wav", strokes[None, :])
    script = ssml('<break time="16s"/>')
    heard = read(Session(script, bed=str(bed.path), bed_level=20).export(tmp_path / "y.wav"))[0]
    stroke = np.abs(part(heard, 7000, 7010))
    assert 0.5 < stroke.max() < 0.8
    assert (stroke == stroke.max()).sum() < 120  # of 480; cut off, 269


@pytest.mark.parametrize("channels", [1, 2])
def test_what_a_file_has_of_direct_current_is_not_raised_with_it(tmp_path, channels):
    """Soft music from a sound card with an offset; its level was right, and all else pushed up."""
    time_s = np.arange(12 * RATE_HZ) / RATE_HZ
    tone = 0.02 * np.sin(2 * np.pi * 300 * time_s)
    bed = own(tmp_path / "x.wav", np.array([tone + 0.3, tone - 0.2])[:channels])
    heard = Loop(bed, channels).part(5000, 3000, [], None)
    assert np.abs(heard.mean(axis=1)).max() < 1e-4
    assert np.abs(heard).max() < 0.05
    assert together_lufs(heard) == pytest.approx(-36, abs=0.2)


def test_channels_that_cancel_each_other_out_and_those_beyond_two_are_heard(tmp_path, ssml):
    time_s = np.arange(12 * RATE_HZ) / RATE_HZ
    tone = 0.2 * np.sin(2 * np.pi * 300 * time_s)
    files = {"apart.wav": [tone, -tone], "centre.wav": [0 * tone, 0 * tone, tone, 0 * tone]}
    for name, samples in files.items():
        bed = own(tmp_path / name, np.array(samples))
        for channels in (1, 2):
            heard = Loop(bed, channels).part(5000, 3000, [], None)
            assert together_lufs(heard) == pytest.approx(-36, abs=0.5)
        Session(ssml("Hello."), bed=str(bed.path)).prepare()
        script = ssml(f'<audio src="{name}"/>')
        heard = read(Session(script).export(tmp_path / "x.flac"))[0]
        assert rms_db(heard) == pytest.approx(rms_db(tone), abs=0.5)
        assert np.abs(np.diff(heard[480:-480])).max() < 0.01  # without a step


@pytest.mark.parametrize(
    "audio",
    [
        '<audio src="cos.wav"/>',
        '<audio src="cos.wav" clipBegin="250ms" clipEnd="753ms" repeatCount="3"/>',
        '<audio src="cos.wav" clipEnd="753ms" soundLevel="-6dB"/>',
        '<media dur="502ms" repeatCount="2"><audio src="cos.wav"/></media>',
        '<audio src="long.wav"/>',
        '<media end="1800ms"><audio src="cos.wav"/></media>',
        '<par dur="2s"><media repeatCount="3"><audio src="cos.wav"/></media></par>',
    ],
)
def test_no_sound_clicks_wherever_its_file_begins_and_ends(tmp_path, ssml, audio):
    time_s = np.arange(12 * RATE_HZ) / RATE_HZ
    wave = 0.5 * np.cos(2 * np.pi * 100 * time_s)[None, :]
    own(tmp_path / "cos.wav", wave[:, :RATE_HZ])
    own(tmp_path / "long.wav", wave)
    script = ssml(f'<break time="1s"/>{audio}<break time="1s"/>')
    heard = read(Session(script).export(tmp_path / "x.wav"))[0]
    assert np.abs(heard).max() > 0.2
    assert np.abs(np.diff(heard)).max() < 0.02  # 0.0065 within the wave, a click was 0.5


def test_speech_that_reaches_the_ceiling_is_heard_as_it_was_made(tmp_path, ssml):
    """It was bent by up to 0.055, for half a second around, as its peaks were rounded up."""
    session = Session(ssml(SPEECH))
    heard = read(session.export(tmp_path / "x.wav"))[0]
    peaks = []
    with open_voice(session.request.options) as voice:
        for event in session.timeline.events:
            clip = voice.clip(event.plays) / 32768
            assert np.abs(part(heard, event.begin_ms, event.end_ms) - clip).max() < 1e-4
            peaks.append(np.abs(clip).max())
    assert max(peaks) == pytest.approx(10 ** (-2 / 20), abs=1e-4)


@pytest.mark.parametrize("suffix", ["wav", "mp3"])
def test_what_is_too_loud_for_a_moment_is_limited_without_a_step(tmp_path, ssml, suffix):
    """Blocks were limited each for itself, and the wave jumped by 0.09 where the next was not."""
    time_s = np.arange(6 * RATE_HZ) / RATE_HZ
    swell = np.interp(time_s, [0, 0.1, 2.1, 2.2, 2.4, 5.9, 6], [0, 1, 1, 1.3, 1, 1, 0])
    own(tmp_path / "swell.wav", (0.75 * swell * np.cos(2 * np.pi * 100 * time_s))[None, :])
    script = ssml('<audio src="swell.wav" soundLevel="+1dB"/>')
    heard = read(Session(script).export(tmp_path / f"x.{suffix}"))[0]
    assert np.abs(heard).max() < 0.8
    assert np.abs(np.diff(heard)).max() < 0.016  # 0.0136 within the wave


def test_a_loop_is_not_faded_where_it_is_repeated(tmp_path, ssml):
    wave = 0.5 * np.cos(2 * np.pi * 100 * np.arange(RATE_HZ) / RATE_HZ)
    own(tmp_path / "cos.wav", wave[None, :])
    for repeated in (
        '<audio src="cos.wav" repeatCount="3"/>',
        '<media repeatDur="3s"><audio src="cos.wav"/></media>',
    ):
        heard = read(Session(ssml(repeated)).export(tmp_path / "x.wav"))[0]
        within = part(heard, 20, 2980)
        assert (
            np.abs(within - np.tile(wave, 3)[20 * FRAMES_PER_MS : 2980 * FRAMES_PER_MS]).max()
            < 1e-3
        )
        assert max(abs(heard[0]), abs(heard[-1])) < 0.001


@pytest.mark.parametrize("mono", [False, True])
def test_music_in_stereo_is_heard_in_stereo_whatever_the_session(tmp_path, mono):
    time_s = np.arange(12 * RATE_HZ) / RATE_HZ
    left, right = (0.2 * np.sin(2 * np.pi * hz * time_s) for hz in (300, 700))
    bed = own(tmp_path / "x.wav", np.array([left, right]))
    session = Session("breathing", minutes=3, guidance="tones", bed=str(bed.path), mono=mono)
    heard = read(session.export(tmp_path / "y.wav"))
    power = np.abs(np.fft.rfft(part(heard, 20_000, 21_000)))[:, [300, 700]]
    if mono:
        assert power.shape == (1, 2)
    else:
        assert power[0, 0] > 10 * power[0, 1]
        assert power[1, 1] > 10 * power[1, 0]


def test_both_channels_of_a_sound_are_heard_alike(tmp_path, ssml):
    time_s = np.arange(RATE_HZ) / RATE_HZ
    left, right = (0.4 * np.sin(2 * np.pi * hz * time_s) for hz in (300, 700))
    own(tmp_path / "both.wav", np.array([left, right]))
    heard = read(Session(ssml('<audio src="both.wav"/>')).export(tmp_path / "x.wav"))
    assert heard.shape == (1, RATE_HZ)
    power = np.abs(np.fft.rfft(heard[0])) * 2 / RATE_HZ
    assert power[300] == pytest.approx(0.2, abs=0.001)
    assert power[700] == pytest.approx(0.2, abs=0.001)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["mp3", "ogg", "flac", "wav"])
@pytest.mark.parametrize("rate_hz", [44_100, 48_000])
def test_a_file_is_the_same_in_whatever_order_it_is_read(tmp_path, suffix, rate_hz):
    rng = np.random.default_rng(1)
    path = tmp_path / f"sweeps.{suffix}"
    with AudioFile(str(path), "w", rate_hz, 2) as file:
        file.write(0.5 * np.sin(np.cumsum(rng.uniform(0, 0.3, (2, 12 * rate_hz)), axis=1)))
    whole = AudioReader(path).read(0, 12 * RATE_HZ)
    assert rms_db(whole) > -15
    windows = AudioReader(path)
    for begin in [0, *(48 * rng.integers(0, 11_000, 30)), 1152 * 7 - 1105]:
        samples = windows.read(int(begin), RATE_HZ)
        assert np.abs(samples - whole[:, begin : begin + RATE_HZ]).max() < 1e-4
    windows.close()


@pytest.mark.parametrize("bed", ["thunder", "x" * 5000, "missing.mp3"])
def test_a_bed_that_is_not_there_is_told(bed):
    with pytest.raises(RequestError, match="rain, ocean, drone"):
        Session("calf", bed=bed).prepare()


def test_beds_are_listed_once():
    beds = "beds are rain, ocean, drone, or a file of your own"
    for bed, says in [("thunder", "no such file;"), ("ran", "no such file; did you mean rain?")]:
        with pytest.raises(RequestError) as raised:
            Session("calf", bed=bed).prepare()
        assert str(raised.value) == f"bed {bed}: {says} {beds}"


def test_the_level_of_no_bed_is_told():
    with pytest.raises(RequestError, match=r"bed_level needs bed$") as raised:
        Session("calf", bed_level=-6)
    assert raised.value.with_flags() == "--bed-level needs --bed"


def test_a_bed_without_sound_is_told(tmp_path):
    (tmp_path / "text.mp3").write_text("This is no audio.")
    with AudioFile(str(tmp_path / "silent.wav"), "w", 44_100, 1) as file:
        file.write(np.zeros((1, 44_100), dtype=np.float32))
    with AudioFile(str(tmp_path / "empty.wav"), "w", 44_100, 1):
        pass
    with pytest.raises(SoundError, match=r"text\.mp3: .* WAV, FLAC, OGG .* MP3"):
        Session("calf", bed=str(tmp_path / "text.mp3")).prepare()
    for name in ("silent", "empty"):
        with pytest.raises(SoundError, match="the file is silent"):
            Session("calf", bed=str(tmp_path / f"{name}.wav")).prepare()


@pytest.mark.slow
def test_any_part_of_a_session_with_a_bed_can_be_had_by_itself(music):
    session = Session("jaw", guidance="brief", level="gentle", bed=str(music))
    timeline = session.timeline
    assert timeline.bed is not None
    with open_voice(session.request.options) as voice:
        blocks = list(mixer.Mix(timeline, voice, 2))
        window = mixer.Window(voice.clip, 2)
        window.lay(timeline.bed)
        rng = np.random.default_rng(1)
        for number in [*rng.integers(0, len(blocks), 30), len(blocks) - 1]:
            begin_ms = int(number) * mixer.BLOCK_MS
            end_ms = min(begin_ms + mixer.BLOCK_MS, timeline.duration_ms)
            near = [
                e
                for e in timeline.events
                if e.begin_ms < end_ms + window.ahead_ms and e.end_ms > begin_ms - window.behind_ms
            ]
            block = window.mix(near, begin_ms, end_ms, timeline.duration_ms)
            assert block == blocks[number]


MEMORY = """
import resource, sys
from voiceguide import Session
Session(sys.argv[1], bed=sys.argv[2]).export(sys.argv[3])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module")
def test_a_bed_costs_no_memory_however_long_it_plays(tmp_path, ssml):
    """Seven minutes of music under five, against a minute of it under one."""
    peaks = []
    for minutes, music_minutes in ((1, 1), (5, 7)):
        music = tmp_path / f"{music_minutes}.wav"
        with AudioFile(str(music), "w", 44_100, 2) as file:
            minute = np.random.default_rng(1).normal(0, 0.1, (2, 60 * 44_100)).astype(np.float32)
            for _ in range(music_minutes):
                file.write(minute)
        script = ssml(f'Hello.<break time="{minutes * 60}s"/>Goodbye.')
        command = [sys.executable, "-c", MEMORY, script, music, tmp_path / "x.wav"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
        music.unlink()
    assert peaks[1] < 1.1 * peaks[0]
