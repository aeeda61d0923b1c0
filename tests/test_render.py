"""What a listener hears, and what a player shows, of a rendered session."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import mutagen
import numpy as np
import pytest
import webvtt
from conftest import FRAMES_PER_MS, decode, needs, onset_ms, voiceguide

from voiceguide import Session
from voiceguide.export import captions, made_by_voiceguide


def heard_alone(timeline: dict) -> list[dict]:
    """Return the phrases with no other event around their begin."""
    events = timeline["events"]
    return [
        event
        for event in events
        if event["kind"] == "speech"
        and not any(
            other is not event
            and other["begin_ms"] < event["begin_ms"] + 300
            and other["end_ms"] > event["begin_ms"] - 150
            for other in events
        )
    ]


def loudness_of(path: object) -> tuple[float, float]:
    """Let ffmpeg measure integrated loudness (LUFS) and true peak (dBTP)."""
    command = ["ffmpeg", "-hide_banner", "-nostats", "-i", str(path)]
    command += ["-af", "ebur128=peak=true", "-f", "null", "-"]
    log = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    summary = log[log.index("Summary:") :]
    lufs, peak = (re.search(rf"{name}:\s+(-?[\d.]+|-inf)", summary)[1] for name in ("I", "Peak"))
    return float(lufs), float(peak)


def test_the_mp3_is_as_long_as_its_timeline_to_the_sample(calf):
    assert len(calf.samples) == calf.timeline["duration_ms"] * FRAMES_PER_MS


@pytest.mark.parametrize("length_ms", [9, 36, 145, 284, 291])
def test_a_last_block_of_any_length_is_whole(ssml, tmp_path, length_ms):
    path = Session(ssml(f'<break time="{1000 + length_ms}ms"/>')).export(tmp_path / "x.wav")
    assert len(decode(path)) == (1000 + length_ms) * FRAMES_PER_MS


def test_phrases_that_are_known_are_not_encoded_again_in_another_length(
    ssml, tmp_path, monkeypatch
):
    monkeypatch.setenv("VOICEGUIDE_CACHE_DIR", str(tmp_path / "cache"))
    numbers = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    said = "".join(f"<s>This is number {number}.</s>" for number in numbers)
    script = ssml(f'<media vg:pan="-0.25"><speak>{said}</speak></media>')
    natural = Session(script).timeline.duration_ms / 60_000
    encoded = []
    for factor in (1.0, 1.03, 0.98):
        path = Session(script, minutes=natural * factor).export(tmp_path / "x.mp3")
        assert len(decode(path)) == round(natural * factor * 60_000) * FRAMES_PER_MS
        folder = tmp_path / "cache" / "encoded"
        encoded.append(sum(file.is_file() for file in folder.rglob("*")))
    assert encoded[0] == 10
    assert encoded[2] <= 12  # what comes after the last pause lies where the length wants it


def test_ffmpeg_decodes_as_many_samples(calf):
    needs("ffmpeg")
    command = ["ffmpeg", "-v", "error", "-i", str(calf.path), "-f", "s16le", "-ac", "1", "-"]
    pcm = subprocess.run(command, capture_output=True, check=True).stdout
    assert len(pcm) // 2 == calf.timeline["duration_ms"] * FRAMES_PER_MS


def test_every_phrase_is_heard_when_the_timeline_says(calf):
    phrases = heard_alone(calf.timeline)
    assert len(phrases) > 70
    for phrase in phrases:
        late_ms = onset_ms(calf.samples, phrase["begin_ms"]) - phrase["begin_ms"]
        assert abs(late_ms) < 15, (phrase["text"], late_ms)


def test_holds_last_exactly_what_the_script_says(calf):
    """From the onset of the start tone to that of the end tone, in the decoded file."""
    tones = [event for event in calf.timeline["events"] if event["kind"] == "sound"]
    starts = [tone["begin_ms"] for tone in tones if tone["source"] == "start.wav"]
    ends = [tone["begin_ms"] for tone in tones if tone["source"] == "end.wav"]
    lengths = [end - start for start, end in zip(starts, ends, strict=True)]
    assert lengths == ([45_000] * 2 + [60_000]) * 2
    for start, end in zip(starts, ends, strict=True):
        heard = onset_ms(calf.samples, end) - onset_ms(calf.samples, start)
        assert heard == pytest.approx(end - start, abs=5)


def test_the_last_three_seconds_of_a_hold_are_ticked(calf):
    sounds = [event for event in calf.timeline["events"] if event["kind"] == "sound"]
    ends = [event["begin_ms"] for event in sounds if event["source"] == "end.wav"]
    ticks = [event["begin_ms"] for event in sounds if event["source"] == "tick.wav"]
    assert ticks == [end - before for end in ends for before in (3000, 2000, 1000)]


@pytest.mark.slow
def test_loudness_is_that_of_speech(calf):
    needs("ffmpeg")
    lufs, peak = loudness_of(calf.path)
    assert lufs == pytest.approx(-16, abs=1)
    assert peak <= -1.0


@pytest.mark.slow
def test_tones_are_at_least_6_lu_below_speech(calf, tmp_path, ssml):
    needs("ffmpeg")
    tones = {event["source"] for event in calf.timeline["events"] if event["kind"] == "sound"}
    assert len(tones) == 8
    for tone in tones:
        body = f'<par><seq><media repeatCount="20"><audio src="{tone}"/></media></seq></par>'
        path = tmp_path / "tone.wav"
        Session(ssml(body)).export(path)
        assert loudness_of(path)[0] <= -22, tone


def test_there_is_silence_between_events_and_no_click_at_their_edges(ssml, tmp_path):
    path = tmp_path / "gap.wav"
    Session(ssml('One.<break time="1s"/>Two.')).export(path)
    samples = decode(path)
    quiet = np.flatnonzero(np.abs(samples) > 0)
    gaps = np.diff(quiet)
    assert gaps.max() >= 1000 * FRAMES_PER_MS
    edge = int(np.argmax(gaps))
    first_after, last_before = samples[quiet[edge + 1]], samples[quiet[edge]]
    assert abs(first_after) < 0.005
    assert abs(last_before) < 0.005


def test_a_player_sees_tags_chapters_and_words(calf):
    tags = mutagen.File(calf.path).tags
    assert str(tags["TIT2"]) == "Calf: Trigger tool"
    assert str(tags["TALB"]) == "Calf"
    assert str(tags["TPE1"]) == "voiceguide"
    for frame in ("TRCK", "TCON", "TLAN", "TDRC"):
        assert str(tags[frame])
    assert tags.getall("COMM")[0].text[0]
    chapters = [tags[f"CHAP:{name}"] for name in tags["CTOC:toc"].child_element_ids]
    assert [
        {
            "title": str(part.sub_frames["TIT2"]),
            "begin_ms": part.start_time,
            "end_ms": part.end_time,
        }
        for part in chapters
    ] == calf.timeline["chapters"]
    said = [(e["text"], e["begin_ms"]) for e in calf.timeline["events"] if e["kind"] == "speech"]
    words = tags.getall("SYLT")[0].text
    lines = "".join(text for text, _ in words).split("\n")[1:]
    begins = [ms for text, ms in words if text.startswith("\n")]
    assert list(zip(lines, begins, strict=True)) == said
    assert len(words) > 3 * len(said)
    assert tags.getall("USLT")[0].text.splitlines() == [text for text, _ in said]


def test_ffprobe_shows_what_a_phone_needs(calf):
    needs("ffprobe")
    command = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-show_chapters"]
    shown = json.loads(
        subprocess.run(
            [*command, "-of", "json", str(calf.path)], capture_output=True, check=True
        ).stdout
    )
    stream = shown["streams"][0]
    assert (stream["codec_name"], stream["sample_rate"]) == ("mp3", "48000")
    assert shown["format"]["tags"]["title"] == "Calf: Trigger tool"
    assert shown["format"]["tags"]["album"] == "Calf"
    assert [chapter["tags"]["title"] for chapter in shown["chapters"]] == [
        chapter["title"] for chapter in calf.timeline["chapters"]
    ]
    assert len(shown["chapters"]) >= 5


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_each_format_has_the_same_length_title_and_words(ssml, tmp_path, suffix):
    script = ssml(
        '<mark name="chapter:One"/>Hello there. <break time="333ms"/><audio src="bell.wav"/>'
        '<mark name="chapter:Two"/>Goodbye.'
    )
    session = Session(script)
    path = session.export(tmp_path / f"my.{suffix}")
    assert len(decode(path)) == session.timeline.duration_ms * FRAMES_PER_MS
    shown = mutagen.File(path)
    title, words = (
        (str(shown["TIT2"]), shown.tags.getall("USLT")[0].text)
        if suffix in ("mp3", "wav")
        else (shown["title"][0], shown["lyrics"][0])
    )
    assert title == "my"
    assert words == "Hello there.\nGoodbye."


def test_a_pan_is_heard_on_its_side_and_is_as_loud_as_without(ssml, tmp_path):
    from pedalboard.io import AudioFile

    script = (
        '<par><media vg:pan="{}"><speak>Left is left, and right is right.</speak></media></par>'
    )
    levels = {}
    for pan in ("-1", "0.0001", "1"):
        path = Session(ssml(script.format(pan))).export(tmp_path / f"{pan}.wav")
        with AudioFile(str(path)) as file:
            assert file.num_channels == 2
            levels[pan] = (file.read(file.frames) ** 2).mean(axis=1)
    left, right = levels["-1"]
    assert left > 1e4 * right
    assert levels["1"][1] > 1e4 * levels["1"][0]
    assert sum(levels["0.0001"]) == pytest.approx(left, rel=0.02)


def test_a_fade_and_a_level_are_heard(ssml, tmp_path):
    body = (
        '<par><media soundLevel="-6dB" fadeInDur="1s" fadeOutDur="1s">'
        '<audio src="inhale.wav"/></media></par>'
    )
    faded = decode(Session(ssml(body)).export(tmp_path / "faded.wav"))
    plain = decode(Session(ssml('<audio src="inhale.wav"/>')).export(tmp_path / "plain.wav"))
    middle = slice(1500 * FRAMES_PER_MS, 2500 * FRAMES_PER_MS)

    def level(samples: np.ndarray) -> float:
        return float(np.sqrt(np.mean(samples**2)))

    assert level(faded[middle]) == pytest.approx(level(plain[middle]) / 2, rel=0.02)
    begin, end = slice(0, 200 * FRAMES_PER_MS), slice(-200 * FRAMES_PER_MS, None)
    assert level(faded[begin]) < 0.1 * level(plain[begin])
    assert level(faded[end]) < 0.1 * level(plain[end])


def test_a_breath_tone_is_stretched_to_the_breath(ssml):
    script = Session(ssml('<audio src="inhale.wav" speed="80%"/><audio src="exhale.wav"/>'))
    lengths = [event.end_ms - event.begin_ms for event in script.timeline.events]
    assert lengths == [5000, 6000]


def test_a_prosody_changes_the_rate_and_the_pitch_that_is_heard(ssml, tmp_path):
    def spoken(body: str) -> np.ndarray:
        return decode(Session(ssml(body)).export(tmp_path / "spoken.wav"))

    def pitch_hz(samples: np.ndarray) -> float:
        part = samples[len(samples) // 4 :][: 300 * FRAMES_PER_MS]
        power = np.correlate(part, part, "full")[len(part) - 1 :]
        shortest, longest = 48_000 // 400, 48_000 // 90
        return 48_000 / (shortest + int(np.argmax(power[shortest:longest])))

    plain = spoken("Aaaaah, ooooh, aaaah.")
    slow = spoken('<prosody rate="60%">Aaaaah, ooooh, aaaah.</prosody>')
    high = spoken('<prosody pitch="+6st">Aaaaah, ooooh, aaaah.</prosody>')
    assert len(slow) > 1.3 * len(plain)
    assert pitch_hz(high) > 1.2 * pitch_hz(plain)


def test_another_seed_gives_other_words_and_the_same_seed_the_same():
    first, again = Session("neck", side="left"), Session("neck", side="left")
    other = Session("neck", side="left", seed=1)
    assert first.script == again.script != other.script


def test_several_targets_go_into_a_folder_under_their_names(tmp_path, ssml):
    first, second = ssml("One.", "one.ssml"), ssml("Two.", "two.ssml")
    done = voiceguide("render", first, second, "-o", tmp_path / "out")
    assert done.returncode == 0
    assert done.stdout.split() == [str(tmp_path / "out" / name) for name in ("one.mp3", "two.mp3")]
    advice = "pip install 'voiceguide[natural]' gives you a natural voice instead of the system's"
    assert done.stderr == f"{advice}\n"  # no bar where there is no terminal
    assert voiceguide("render", first, "-o", tmp_path / "one.mp3", "-q").stderr == ""
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["one.mp3", "two.mp3"]


def test_a_terminal_sees_a_progress_bar(ssml, tmp_path):
    pty = pytest.importorskip("pty")
    import os

    command = [sys.executable, "-m", "voiceguide", "render"]
    command += [str(ssml("Hello. " * 30)), "-o", str(tmp_path / "x.mp3")]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "TERM": "xterm"}
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end was closed
                break
            if not part:
                break
            shown += part
        assert process.wait() == 0
    os.close(ours)
    assert "my" in shown.decode()
    assert "━" in shown.decode()


def test_what_is_too_loud_together_is_limited_and_never_clips(ssml, tmp_path):
    needs("ffmpeg")
    speech = "<media><speak>Loud and loud and louder it gets.</speak></media>"
    other = "<media><speak>And this is said at the same time.</speak></media>"
    body = f'<par>{speech}{other}</par><prosody volume="x-loud">This is very loud.</prosody>'
    path = Session(ssml(body)).export(tmp_path / "loud.mp3")
    assert loudness_of(path)[1] <= -1.0


def test_a_script_that_is_not_utf_8_plays_and_is_shown(tmp_path):
    path = tmp_path / "latin.ssml"
    text = '<?xml version="1.0" encoding="iso-8859-1"?><speak xml:lang="de">Grüße.</speak>'
    path.write_bytes(text.encode("iso-8859-1"))
    assert "Grüße." in voiceguide("script", path, "--format", "ssml").stdout
    assert "Grüße." in voiceguide("script", path).stdout


# What is asked before, left out, and waited for


def test_another_programs_file_is_only_replaced_where_that_is_said(ssml, tmp_path):
    script, path = ssml('<break time="100ms"/><audio src="tick.wav"/>'), tmp_path / "x.mp3"
    path.write_bytes(b"mine")
    refused = voiceguide("render", script, "-o", path)
    assert refused.returncode == 1
    says = f"{path} exists, and voiceguide did not make it; use --force to overwrite it"
    assert refused.stderr == f"voiceguide: {says}\n"
    assert path.read_bytes() == b"mine"
    assert voiceguide("render", script, "-o", path, "--force").returncode == 0
    made = path.read_bytes()
    assert made[:3] == b"ID3"
    other = ssml('<break time="200ms"/><audio src="tick.wav"/>', "x.ssml")
    assert voiceguide("render", other, "-o", path).returncode == 0  # our own
    assert path.read_bytes() != made


@pytest.mark.parametrize(("language", "code"), [("en", "eng"), ("de-AT", "deu"), ("fr", "und")])
def test_an_mp3_says_what_a_phone_shows_and_when_each_chapter_begins(tmp_path, language, code):
    tick = '<audio src="tick.wav"/><break time="500ms"/>'
    body = f'<mark name="chapter:Öne"/>{tick}{tick}<mark name="chapter:Two"/>{tick}'
    script = tmp_path / "my.ssml"
    script.write_text(f'<speak xml:lang="{language}">{body}</speak>', "utf-8")
    session = Session(script)
    tags = mutagen.File(session.export(tmp_path / "x.mp3")).tags
    shown = {name: str(tags[name]) for name in ("TIT2", "TPE1", "TCON", "TLAN", "TRCK")}
    assert shown == {
        "TIT2": "my", "TPE1": "voiceguide", "TCON": "Health", "TLAN": code, "TRCK": "1",
    }  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(tags["TDRC"]))
    chapters = [
        (str(one.sub_frames["TIT2"]), one.start_time, one.end_time) for one in tags.getall("CHAP")
    ]
    first = session.timeline.events[2].begin_ms
    end = first + first // 2
    assert sorted(chapters, key=lambda one: one[1]) == [("Öne", 0, first), ("Two", first, end)]


def test_captions_hold_signs_of_markup_as_text(ssml):
    session = Session(ssml("Press &lt;firmly&gt; &amp; rest."))
    shown = captions(session.timeline, "vtt", title="my", language="en")
    words = r"\nPress <[\d:.]+>&lt;firmly&gt; &amp; <[\d:.]+>rest\.\n$"
    assert re.search(words, shown)
    plain = captions(session.timeline, "lrc", title="my", language="en")
    assert re.search(r"\]<[\d:.]+>Press <[\d:.]+><firmly> & <[\d:.]+>rest\.\n$", plain)


def test_captions_go_on_beyond_an_hour(ssml):
    session = Session(ssml('<break time="3723.04s"/>One.'))
    shown = captions(session.timeline, "vtt", title="my", language="en")
    assert "\n01:02:03.040 --> 01:02:0" in shown
    assert "\n[62:03.04]One.\n" in captions(session.timeline, "lrc", title="my", language="en")


def test_other_programs_read_subrip(ssml, tmp_path):
    script = ssml('<break time="3723.04s"/>One &amp; only.<break time="1s"/>Two.')
    done = voiceguide("script", script, "--format", "srt")
    assert done.stdout.startswith("1\n01:02:03,040 --> 01:02:0")
    path = tmp_path / "x.srt"
    path.write_text(done.stdout, "utf-8")
    assert [one.text for one in webvtt.from_srt(path)] == ["One & only.", "Two."]


@pytest.mark.parametrize("suffix", ["mp3", "wav", "flac", "ogg"])
def test_what_we_made_is_known_in_every_format(ssml, tmp_path, suffix):
    path = Session(ssml('<audio src="tick.wav"/>')).export(tmp_path / f"x.{suffix}")
    assert made_by_voiceguide(path)
    file = mutagen.File(path, easy=True)
    file.delete()
    assert not made_by_voiceguide(path)


def test_without_tones_what_is_said_is_heard_at_the_same_times(ssml, tmp_path):
    session = Session(ssml('One.<audio src="bell.wav"/><break time="1s"/>Two.'))
    whole = decode(session.export(tmp_path / "whole.wav"))
    said = decode(session.export(tmp_path / "said.wav", tones=False))
    assert len(said) == len(whole)
    for event in session.timeline.events:
        times = slice(event.begin_ms * FRAMES_PER_MS, event.end_ms * FRAMES_PER_MS)
        assert np.array_equal(said[times], whole[times]) == (event.kind == "speech")
        assert said[times].any() == (event.kind == "speech")


def test_a_start_delay_ends_with_a_soft_tone(ssml, tmp_path):
    session = Session(ssml("One."))
    plain = decode(session.export(tmp_path / "plain.wav"))
    delayed = decode(session.export(tmp_path / "delayed.wav", start_delay_ms=10_000))
    assert np.array_equal(delayed[10_000 * FRAMES_PER_MS :], plain)
    chime = decode(Session(ssml('<audio src="chime.wav"/>')).export(tmp_path / "chime.wav"))
    lead = delayed[: 10_000 * FRAMES_PER_MS]
    assert np.array_equal(lead[-len(chime) :], chime)
    assert not lead[: -len(chime)].any()
