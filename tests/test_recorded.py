"""A human voice: recordings as people make them, by another voice of espeak-ng."""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import loudness
import numpy as np
import pytest
import soxr
from conftest import FRAMES_PER_MS, decode, voiceguide
from pedalboard.io import AudioFile

from voiceguide import Playlist, Session, VoiceguideError
from voiceguide.recording import phrases
from voiceguide.voices import Spoken, Utterance
from voiceguide.voices.clip import finish
from voiceguide.voices.pyttsx3 import Pyttsx3
from voiceguide.voices.recordings import name_of
from voiceguide.voices.takes import read, take

BODY = """<mark name="chapter:One"/><p>Sit down on the floor, and lean back.</p><break time="1s"/>
<p>Let the leg rest on the ball.</p><break time="1s"/><p>Find the sore spot.</p><break time="1s"/>
<mark name="chapter:Two"/><p>Breathe out slowly, and stay where it is tender.</p><break time="1s"/>
<p>Now half of the time is over.</p><break time="1s"/><p>Find the sore spot.</p>"""
SUFFIXES = ("wav", "flac", "mp3", "ogg", "aiff")
LEVELS_DB = (-3.0, -20.0, -10.0, -15.0, -24.0)
"""Of the recordings' peaks: as far apart as when someone leans back and forth."""
NOISE_DBFS = -50.0


@pytest.fixture(scope="module")
def speaker():
    """Somebody else: a male British voice, as raw speech at 44,100 Hz."""
    engine = Pyttsx3()

    def speak(text: str, voice: str = "en-gb+m3") -> np.ndarray:
        spoken = engine.speak(Utterance(text, "en", voice, 157, 0.0))
        samples = soxr.resample(spoken.samples, spoken.rate_hz, 44_100)
        loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
        return samples[loud[0] : loud[-1] + 1]

    yield speak
    engine.close()


def in_a_room(speech: np.ndarray, peak_db: float, before_s: float, behind_s: float) -> np.ndarray:
    """Put speech into a room that is heard before, behind and in it; stereo, 44,100 Hz."""
    speech = speech / np.abs(speech).max() * 10 ** (peak_db / 20)
    mono = np.concatenate(
        [np.zeros(round(44_100 * before_s)), speech, np.zeros(round(44_100 * behind_s))]
    )
    noise = np.random.default_rng(len(speech)).normal(0, 10 ** (NOISE_DBFS / 20), (2, len(mono)))
    return (mono + noise).astype(np.float32)


def save(path: Path, samples: np.ndarray, rate_hz: int = 44_100) -> Path:
    with AudioFile(str(path), "w", rate_hz, len(samples), quality=None) as file:
        file.write(samples.astype(np.float32))
    return path


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "phrases.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(ssml, tmp_path: Path) -> Path:
    """The list of what BODY says, without recordings."""
    done = voiceguide("phrases", ssml(BODY), "-o", tmp_path / "voice")
    assert done.returncode == 0, done.stderr
    return tmp_path / "voice"


@pytest.fixture
def recorded(folder, speaker) -> Path:
    """All of BODY recorded, each phrase in another format, at another level."""
    for number, row in enumerate(rows(folder)):
        samples = in_a_room(speaker(row["text"]), LEVELS_DB[number], 0.3 + number / 4, 0.8)
        save(folder / f"{row['name']}.{SUFFIXES[number]}", samples)
    return folder


def lag_ms(heard: np.ndarray, speech: np.ndarray) -> float:
    """Return how much later than ``heard`` begins ``speech`` is heard; both at 48,000 Hz."""
    size = 1 << (len(heard) + len(speech)).bit_length()
    both = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(speech, size))
    at = int(np.abs(np.fft.irfft(both)).argmax())
    return (at - size if at > size / 2 else at) / FRAMES_PER_MS


def lufs(samples: np.ndarray) -> float:
    return float(loudness.integrated_loudness(samples.astype(np.float32), 48_000))


# The list and the sheet.


def test_every_phrase_is_listed_once_in_the_order_in_which_it_is_said(folder):
    listed = rows(folder)
    assert [row["text"] for row in listed] == [
        "Sit down on the floor, and lean back.",
        "Let the leg rest on the ball.",
        "Find the sore spot.",
        "Breathe out slowly, and stay where it is tender.",
        "Now half of the time is over.",
    ]
    assert [row["chapter"] for row in listed] == ["One"] * 3 + ["Two"] * 2
    assert [row["times"] for row in listed] == ["1", "1", "2", "1", "1"]
    assert {row["session"] for row in listed} == {"my"}
    for row in listed:
        assert re.fullmatch(r"[a-z0-9-]+-[0-9a-f]{8}", row["name"])
        assert row["name"].startswith("-".join(re.findall("[a-z]+", row["text"].lower())[:4]))


@pytest.mark.slow
def test_a_region_is_listed_whole_and_its_sheet_has_all_in_large_type(tmp_path):
    folder = tmp_path / "voice"
    done = voiceguide("phrases", "calf", "neck", "--level", "gentle", "-o", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(folder / "phrases.html")
    names = [row["name"] for row in rows(folder)]
    assert len(names) == len(set(names))
    said = {
        (utterance.text, utterance.language)
        for region in ("calf", "neck")
        for _, utterance in Session(region, level="gentle").utterances
    }
    assert {(row["text"], row["language"]) for row in rows(folder)} == said
    timeline = voiceguide("script", "neck", "--level", "gentle", "--format", "json")
    heard = {event["text"] for event in json.loads(timeline.stdout)["events"]} - {None}
    assert heard <= {text for text, _ in said}

    class Sheet(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.texts: list[str] = []

        def handle_data(self, data: str) -> None:
            self.texts.append(data.strip())

    sheet = Sheet()
    page = (folder / "phrases.html").read_text("utf-8")
    sheet.feed(page)
    assert [text for text in sheet.texts if text in names] == names
    assert {text for text, _ in said} <= set(sheet.texts)
    assert re.search(r"body \{ font: (\d+)pt", page)[1] == "20"


@pytest.mark.slow
def test_what_playlists_say_is_listed_too(tmp_path):
    folder = tmp_path / "voice"
    options = ("calf", "--side", "left", "--guidance", "brief", "-o", folder)
    done = voiceguide("phrases", *options, "--playlist")
    assert done.returncode == 0, done.stderr
    listed = {row["text"] for row in rows(folder)}
    options_of = {"side": "left", "guidance": "brief"}
    tracks = Playlist("calf", **options_of).sessions
    said = [{one.text for _, one in track.utterances} for track in tracks]
    alone = {one.text for _, one in Session("calf", **options_of).utterances}
    assert set.union(*said) - alone
    assert listed == set.union(alone, *said)
    longer = Playlist("calf", **options_of, minutes=30).sessions
    said_longer = {one.text for track in longer for _, one in track.utterances}
    assert said_longer - listed
    done = voiceguide("phrases", *options, "--length-total", 20)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--length-total needs --playlist" in done.stderr
    done = voiceguide("phrases", *options, "--playlist", "--length-total", 30)
    assert done.returncode == 0, done.stderr
    assert said_longer <= {row["text"] for row in rows(folder)}


def test_a_phrase_has_the_same_name_in_every_session_and_another_in_another_language():
    assert name_of("Breathe  in.", "en") == name_of("Breathe in.", "en-GB")
    assert name_of("Breathe in.", "en") == "breathe-in-" + name_of("Breathe in.", "en")[-8:]
    assert name_of("Breathe in.", "en") != name_of("Breathe in!", "en")
    assert name_of("Hand.", "en") != name_of("Hand.", "de")
    assert name_of("Drück fest, heißt es.", "de").startswith("druck-fest-heisst-es-")
    assert re.fullmatch("[0-9a-f]{8}", name_of("呼吸", "zh"))
    assert len(name_of("word " * 400, "en")) < 64


@pytest.mark.slow
def test_a_list_grows_and_other_seeds_add_other_words(folder, ssml):
    other = ssml('<p>Find the sore spot.</p><p xml:lang="de">Atme aus.</p>', "other.ssml")
    done = voiceguide("phrases", other, "-o", folder)
    assert done.stderr == "2 phrases, 6 with those that were listed before\n"
    assert [row["text"] for row in rows(folder)][-1] == "Atme aus."
    one, three = folder / "one", folder / "three"
    voiceguide("phrases", "calf", "-o", one)
    voiceguide("phrases", "calf", "--seeds", 3, "-o", three)
    names = {row["name"] for row in rows(three)}
    assert {row["name"] for row in rows(one)} < names
    for seed in (1, 2):
        said = Session("calf", seed=seed).utterances
        assert {name_of(utterance.text, utterance.language) for _, utterance in said} <= names


# What is made of recordings.


@pytest.mark.slow
def test_recordings_come_out_even_in_place_and_on_time(recorded, ssml, speaker, tmp_path):
    path = tmp_path / "x.wav"
    script = ssml(BODY)
    done = voiceguide("render", script, "--voice", recorded, "-o", path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"voiceguide: {recorded}: all 5 phrases are recorded\n"
    told = json.loads(voiceguide("script", script, "--voice", recorded, "--format", "json").stdout)
    samples = decode(path)
    assert len(samples) == told["duration_ms"] * FRAMES_PER_MS
    levels = []
    for event in told["events"]:
        heard = samples[event["begin_ms"] * FRAMES_PER_MS : event["end_ms"] * FRAMES_PER_MS]
        speech = soxr.resample(speaker(event["text"]), 44_100, 48_000)
        assert abs(lag_ms(heard, speech)) < 25, event
        length_ms = len(speech) / FRAMES_PER_MS
        assert -60 < event["end_ms"] - event["begin_ms"] - length_ms < 120, event
        levels.append(lufs(heard))
    assert len(levels) == 6
    assert max(levels) - min(levels) < 2
    assert lufs(samples) == pytest.approx(-16, abs=1)
    assert np.abs(samples).max() < 10 ** (-1 / 20)
    quiet = [
        (one["end_ms"], two["begin_ms"])
        for one, two in zip(told["events"], told["events"][1:], strict=False)
    ]
    for begin_ms, end_ms in quiet:
        assert end_ms - begin_ms == 1000
        assert not samples[begin_ms * FRAMES_PER_MS : end_ms * FRAMES_PER_MS].any()


@pytest.mark.slow
def test_the_rest_is_spoken_and_the_coverage_said_by_every_command(recorded, ssml, tmp_path):
    script = ssml(BODY)
    whole = Session(script, voice=str(recorded)).timeline.events
    missing = [row["name"] for row in rows(recorded)][1::2]
    for name in missing:
        next(recorded.glob(f"{name}.*")).unlink()
    says = f"{recorded}: 3 of 5 phrases are recorded; another voice speaks the rest"
    for arguments in (("script", script, "--check"), ("render", script, "-o", tmp_path / "x.wav")):
        done = voiceguide(*arguments, "--voice", recorded)
        assert done.returncode == 0, done.stderr
        assert says in done.stderr
        for name in missing:
            assert f"{name}.wav" in done.stderr
        assert f".wav; “voiceguide record {recorded}” records them\n" in done.stderr
    new = ssml("Turn over now.", "new.ssml")
    done = voiceguide("script", new, "--check", "--voice", recorded)
    assert f"; “voiceguide phrases … -o {recorded}” lists them, then “voice" in done.stderr
    mixed = Session(script, voice=str(recorded)).timeline.events
    lengths = [[one.end_ms - one.begin_ms for one in events] for events in (whole, mixed)]
    same = [one == two for one, two in zip(*lengths, strict=True)]
    assert same == [True, False, True, False, True, True]


def test_a_recording_that_cannot_be_used_is_named(recorded, ssml, speaker):
    script = ssml(BODY)
    files = [next(recorded.glob(f"{row['name']}.*")) for row in rows(recorded)]
    room = in_a_room(np.ones(1), -90, 1, 1)
    save(files[0], room)
    files[1].write_bytes(b"")
    files[2].write_bytes(b"ID3 this is no sound" * 50)
    loud = in_a_room(speaker(rows(recorded)[3]["text"]), 12, 0.5, 0.5)
    save(files[3].with_suffix(".wav"), np.clip(loud, -1, 1))
    save(recorded / "holiday.flac", loud)
    save(recorded / "holiday-20240131.wav", loud)
    (recorded / "notes.txt").write_text("not a sound")
    done = voiceguide("script", script, "--check", "--voice", recorded)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        f"voiceguide: {line}"
        for line in (
            f"{recorded}: 2 of 5 phrases are recorded; another voice speaks the rest",
            f"{files[0]} is silent; another voice speaks it",
            f"{files[1]} is empty; another voice speaks it",
            f"{files[2]} cannot be read; another voice speaks it",
            f"{files[3].with_suffix('.wav')} is clipped; record it again",
            f"{recorded}: not a recording of any phrase: holiday-20240131.wav, holiday.flac",
            f"{files[3]} is not used: {files[3].stem}.wav is the same phrase",
        )
    ]


def test_of_several_recordings_a_good_one_is_heard_and_the_broken_one_named(recorded, ssml):
    mp3 = recorded / f"{rows(recorded)[2]['name']}.mp3"
    broken, empty = mp3.with_suffix(".wav"), mp3.with_suffix(".ogg")
    before = Session(ssml(BODY), voice=str(recorded)).timeline.events
    broken.write_bytes(b"RIFF is no sound" * 50)
    empty.write_bytes(b"")
    after = Session(ssml(BODY), voice=str(recorded))
    assert after.timeline.events == before
    assert list(after.warnings) == [
        f"{recorded}: all 5 phrases are recorded",
        f"{broken} cannot be read: {mp3.name} is the same phrase",
        f"{empty} is empty: {mp3.name} is the same phrase",
    ]
    mp3.write_bytes(b"")
    assert (
        f"{broken} cannot be read; another voice speaks it"
        in Session(ssml(BODY), voice=str(recorded)).warnings
    )


@pytest.mark.slow
def test_a_recording_that_is_too_short_is_named_and_any_clip_is_faded(recorded, ssml):
    path = next(recorded.glob("sit-down*"))
    noise = np.random.default_rng(4).normal(0, 0.1, (1, 44_100))
    for length_ms in (12, 90):
        save(path, noise[:, : length_ms * 44_100 // 1000])
        done = voiceguide("script", ssml(BODY), "--check", "--voice", recorded)
        assert done.returncode == 0, done.stderr
        assert f"{path} is too short; another voice speaks it\n" in done.stderr
    for length_ms in (1, 4, 11):
        raw = noise[0, : length_ms * 48].astype(np.float32)
        clip = finish(Spoken(raw, 48_000)).samples
        assert clip.size == length_ms * 48
        assert np.abs(clip[[0, -1]]).max() < 2
        assert np.abs(clip).max() > 1000


@pytest.mark.slow
def test_recordings_of_other_sessions_are_no_strangers_and_prefixes_do_not_matter(recorded, ssml):
    first = next(recorded.glob("sit-down*"))
    first.rename(first.with_name(f"01 Take 2 {first.name}"))
    done = voiceguide(
        "script", ssml("Find the sore spot.", "x.ssml"), "--check", "--voice", recorded
    )
    assert done.stderr == f"voiceguide: {recorded}: all 1 phrases are recorded\n"
    done = voiceguide("script", ssml(BODY), "--check", "--voice", recorded)
    assert done.stderr == f"voiceguide: {recorded}: all 5 phrases are recorded\n"


def test_hidden_files_and_folders_take_no_recording_s_place(recorded, ssml):
    for path in list(recorded.glob("*-*")):
        hidden = path.with_name(f"._{path.name}").with_suffix(".wav")
        hidden.write_bytes(b"\0\5\x16\7" + bytes(4092))  # as macOS puts them on memory sticks
    (recorded / f"{rows(recorded)[1]['name']}.wav").mkdir()
    done = voiceguide("script", ssml(BODY), "--check", "--voice", recorded)
    assert done.stderr == f"voiceguide: {recorded}: all 5 phrases are recorded\n"


def test_one_that_is_recorded_again_is_heard_at_once(recorded, ssml, speaker):
    script = ssml(BODY)
    before = Session(script, voice=str(recorded)).timeline.events[0]
    (path,) = recorded.glob("sit-down*")
    save(path, in_a_room(speaker("Sit down on the floor, and lean back. Or do not."), -6, 0.5, 0.5))
    after = Session(script, voice=str(recorded)).timeline.events[0]
    assert after.end_ms - after.begin_ms > before.end_ms - before.begin_ms + 300


def test_a_pace_that_recordings_cannot_have_is_said(recorded, ssml):
    says = "recordings keep their own pace and pitch"
    for script, rate in (
        (ssml(BODY), 100),
        (ssml(f'<prosody pitch="+2st">{BODY}</prosody>', "p.ssml"), 120),
    ):
        slow = Session(script, voice=str(recorded), rate=rate)
        assert any(says in warning for warning in slow.warnings), slow.warnings
    assert not any(says in warning for warning in Session(ssml(BODY), voice=str(recorded)).warnings)


@pytest.mark.slow
def test_a_path_that_is_no_voice_is_told_apart(tmp_path, ssml):
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.wav").write_bytes(b"")
    (tmp_path / "en").mkdir()
    for voice, says in (
        ("empty", "empty: has no recordings; “voiceguide phrases … -o empty” lists"),
        ("./nofolder", "./nofolder: no such file, folder or voice"),
        ("x.wav", "x.wav: is not a voice; "),
        ("X.ONNX", "X.ONNX: no such file"),
        ("nobody", "no voice “nobody” here"),
    ):
        script = ("script", ssml("Hello."), "--voice", voice)
        done = voiceguide(*script, cwd=tmp_path)
        assert done.returncode == 1
        assert says in done.stderr, done.stderr
        assert len(done.stderr.splitlines()) == 1
    for voice in ("en", "gmw/en"):  # a voice, though a folder has its name; one with a slash
        done = voiceguide("script", ssml("Hello."), "--voice", voice, cwd=tmp_path)
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_list_that_a_spreadsheet_saved_with_semicolons_is_read(recorded, ssml):
    listed = rows(recorded)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";")
    writer.writerows([listed[0].keys(), *(row.values() for row in listed), [""] * 6])
    (recorded / "phrases.csv").write_bytes(b"\xef\xbb\xbf" + text.getvalue().encode())
    script = ssml("Find the sore spot.", "x.ssml")
    done = voiceguide("script", script, "--check", "--voice", recorded)
    assert done.stderr == f"voiceguide: {recorded}: all 1 phrases are recorded\n"
    done = voiceguide("record", recorded)
    assert done.returncode == 0, done.stderr
    done = voiceguide("phrases", ssml("<p>Atme aus; und ein, jetzt.</p>"), "-o", recorded)
    assert done.returncode == 0, done.stderr
    assert [row["text"] for row in rows(recorded)][1:] == [
        *(row["text"] for row in listed[1:]),
        "Atme aus; und ein, jetzt.",
    ]


@pytest.mark.slow
def test_a_broken_list_is_named_and_the_recordings_are_heard(recorded, ssml):
    anew = f"delete it, then “voiceguide phrases … -o {recorded}” creates it again"
    before = Session(ssml(BODY), voice=str(recorded)).timeline.events
    for content, says in (
        (b"\xff\xfe\xff", "cannot be read: "),
        (b"", "is not a list of phrases: it has no column “name”; "),
        (b"Name\tText\r\n", "is not a list of phrases: it has no column “name”; "),
    ):
        (recorded / "phrases.csv").write_bytes(content)
        session = Session(ssml(BODY), voice=str(recorded))
        assert session.timeline.events == before
        coverage, warning = session.warnings
        assert coverage == f"{recorded}: all 5 phrases are recorded"
        assert warning.startswith(f"{recorded / 'phrases.csv'}: {says}")
        for command in (("phrases", ssml("Hello."), "-o", recorded), ("record", recorded)):
            done = voiceguide(*command)
            assert (done.returncode, done.stdout) == (1, "")
            assert done.stderr == f"voiceguide: {warning}\n"
            assert anew in done.stderr
    (recorded / "phrases.csv").write_text("name,text,language\nhello-00000000,Hello.,en\n")
    done = voiceguide("phrases", ssml("Hello."), "-o", recorded)
    assert (done.returncode, done.stdout) == (1, "")
    assert "phrases.csv: row 2: the name does not match the text" in done.stderr
    assert "delete the list, then" in done.stderr


@pytest.mark.parametrize("times", ["9" * 5000, "-1", "often"])
def test_a_phrase_that_is_said_no_number_of_times_is_listed(tmp_path, times):
    row = f"{name_of('Hello.', 'en')},Hello.,en,{times}"
    (tmp_path / "phrases.csv").write_text(f"name,text,language,times\n{row}\n")
    assert [(one.text, one.times) for one in phrases.read(tmp_path)] == [("Hello.", 0)]


# Trimming, by itself.


def test_clicks_hum_and_an_offset_at_the_edges_are_cut_away(speaker):
    speech = speaker("Half of the time is over.")
    room = in_a_room(speech, -12, 1.0, 1.0)
    time_s = np.arange(room.shape[1]) / 44_100
    room += (0.02 * np.sin(2 * np.pi * 50 * time_s) + 0.1).astype(np.float32)
    for at_s in (0.2, len(time_s) / 44_100 - 0.15):  # the keys that began and ended it
        begin = round(at_s * 44_100)
        room[:, begin : begin + 900] += np.random.default_rng(2).normal(0, 0.2, 900)
    taken = take(room, 44_100)
    assert abs(len(taken.samples) - len(speech)) < 0.12 * 44_100
    assert not taken.clipped
    assert taken.floor_dbfs == pytest.approx(NOISE_DBFS - 3, abs=1)  # mixed to mono


def test_what_was_trimmed_before_is_left_whole(speaker, tmp_path):
    speech = speaker("Half of the time is over.") * 0.5
    assert abs(len(take(speech[None], 44_100).samples) - len(speech)) < 0.04 * 44_100
    tone = 0.3 * np.sin(np.arange(44_100) / 20)
    assert len(take(tone[None].astype(np.float32), 44_100).samples) == 44_100
    one_sided = np.stack([speech, -speech]).astype(np.float32)  # a plug that is wired wrongly
    found = read(save(tmp_path / "x.wav", one_sided))
    assert np.abs(found.samples).max() > 0.3


def test_a_click_in_a_quiet_room_is_no_phrase_and_a_soft_voice_there_is_one(speaker):
    quiet = np.random.default_rng(3).normal(0, 1e-4, (1, 3 * 44_100)).astype(np.float32)
    click = quiet.copy()
    click[:, 44_100:44_900] += 0.2
    assert take(click, 44_100).samples.size == 0
    speech = 0.01 * speaker("Half of the time is over.")
    quiet[:, 44_100 : 44_100 + len(speech)] += speech
    assert abs(len(take(quiet, 44_100).samples) - len(speech)) < 0.15 * 44_100


def test_a_soft_voice_keeps_all_its_words(speaker):
    speech = speaker("Stay with the spot.")
    speech *= 0.01 / np.abs(speech).max()  # 40 dB below full scale
    room = np.random.default_rng(3).normal(0, 1e-4, (1, len(speech) + 3 * 44_100))
    room[:, 44_100 : 44_100 + len(speech)] += speech
    trimmed = take(room.astype(np.float32), 44_100).samples
    assert abs(len(trimmed) - len(speech)) < 0.1 * 44_100


def test_a_recording_that_never_ends_is_refused(tmp_path):
    save(tmp_path / "x.flac", np.zeros((1, 8000 * 200)), 8000)
    with pytest.raises(VoiceguideError, match="longer than 180 s"):
        read(tmp_path / "x.flac")
