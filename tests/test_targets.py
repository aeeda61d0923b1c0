"""Scripts and templates as targets: from a file, from standard input, with variables and limits."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import wave

import mutagen
import numpy as np
import pytest
import soxr
from conftest import FRAMES_PER_MS, decode, needs, voiceguide
from pedalboard.io import AudioFile

from voiceguide import Session
from voiceguide.errors import RequestError, ScriptError
from voiceguide.voices import takes

TEMPLATE = """{% import "cues.ssml.jinja" as cue with context %}
<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="{{ language }}">
{{ cue.chapter("Hold") }}
{{ cue.say("Hello " ~ name ~ ".") }}
{% for round in range(rounds) %}{{ cue.hold(30) }}{% endfor %}
</speak>
"""


def events(*arguments: object, **options: object) -> list[dict]:
    done = voiceguide("script", *arguments, "--format", "json", **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["events"]


@pytest.fixture
def template(tmp_path):
    path = tmp_path / "my.ssml.jinja"
    path.write_text(TEMPLATE, "utf-8")
    return path


def test_a_template_is_rendered_with_its_variables_and_the_shipped_macros(template):
    heard = events(template, "--set", "name=Anna", "--set", "rounds=2")
    assert heard[0]["text"] == "Hello Anna."
    starts = [event["begin_ms"] for event in heard if event["source"] == "start.wav"]
    ends = [event["begin_ms"] for event in heard if event["source"] == "end.wav"]
    assert [end - start for start, end in zip(starts, ends, strict=True)] == [30_000] * 2


def test_a_template_becomes_a_file_named_after_it(template, tmp_path):
    done = voiceguide("render", template, "--set=name=Bo", "--set=rounds=1", "-o", f"{tmp_path}/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "my.mp3")
    assert (tmp_path / "my.mp3").stat().st_size > 100_000


@pytest.mark.parametrize("suffix", ["mp3", "wav", "flac", "ogg"])
def test_a_file_says_its_seed(template, tmp_path, suffix):
    path = tmp_path / f"my.{suffix}"
    given = ("--set=name=Bo", "--set=rounds=0", "--seed=41")
    done = voiceguide("render", template, *given, "-o", path)
    assert done.returncode == 0, done.stderr
    tags = mutagen.File(path).tags
    said = tags["TXXX:voiceguide seed" if suffix in ("mp3", "wav") else "voiceguide seed"]
    assert str(said[0]) == "41"


def test_what_a_variable_holds_is_spoken_and_not_obeyed(template):
    heard = events(template, "--set", 'name=<break time="9s"/> & {{ 1 }}', "--set", "rounds=0")
    assert [event["text"] for event in heard] == ['Hello <break time="9s"/> & {{ 1 }}.']


def test_a_variable_that_is_a_number_counts(template):
    session = Session(template, variables={"name": "Anna", "rounds": 1})
    assert sum(event.kind == "sound" and event.source == "start.wav"
               for event in session.timeline.events) == 1  # fmt: skip


def test_a_template_may_take_texts_of_the_library_and_files_beside_it(tmp_path):
    (tmp_path / "part.jinja").write_text("<s>Now {{ region('calf').spoken }}.</s>", "utf-8")
    path = tmp_path / "my.ssml.jinja"
    path.write_text("<speak>{% include 'part.jinja' %}</speak>", "utf-8")
    assert events(path)[0]["text"] == "Now your calf."


@pytest.mark.parametrize("given", ["name", "=1", "a b=1", "1=2"])
def test_what_is_no_variable_is_refused(template, given):
    done = voiceguide("script", template, "--set", given)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_variables_are_for_templates_alone(ssml):
    for target in (ssml("Hello."), "calf"):
        done = voiceguide("script", target, "--set", "a=1")
        assert done.returncode == 1
        assert "--set only applies to templates" in done.stderr


@pytest.mark.parametrize("script", ["<speak>Hello.</speak>", "<speak>{{ 'Hello' }}.</speak>"])
def test_a_script_or_a_template_may_come_on_standard_input(script):
    assert events("-", input=script)[0]["text"] == "Hello."


def test_standard_input_is_fitted_to_a_length(tmp_path):
    script = "<speak><p>One.</p><p>Two.</p><p>Three.</p></speak>"
    path = tmp_path / "my.wav"
    done = voiceguide("render", "-", "--minutes", "0.1", "-o", path, input=script)
    assert done.returncode == 0, done.stderr
    assert len(decode(path)) == 6000 * FRAMES_PER_MS


def test_a_mistake_on_standard_input_has_its_place():
    done = voiceguide("script", "-", input="<speak>\n <break time='x'/></speak>")
    assert done.returncode == 1
    assert done.stderr.startswith("voiceguide: standard input:2:2: <break time='x'>")


def test_check_reads_and_times_and_writes_nothing_else(ssml, tmp_path):
    path = ssml('<mark name="chapter:A"/>One.<audio src="tick.wav"/><break time="3s"/>')
    before = sorted(tmp_path.iterdir())
    done = voiceguide("script", path, "--check", cwd=tmp_path)
    assert done.returncode == 0
    assert "1 chapter, 1 phrase, 1 sound; no mistakes" in done.stdout
    assert sorted(tmp_path.iterdir()) == before


def test_check_tells_all_mistakes_at_once_with_their_places(ssml):
    path = ssml(
        '<break time="x"/>\n <prosody rate="swift">a</prosody>\n  <media begin="no.end">b</media>'
        '\n<break tim="5s"/>'
    )
    done = voiceguide("script", path, "--check")
    assert done.returncode == 1
    places = [line.removeprefix("voiceguide: ").removeprefix(str(path))
              for line in done.stderr.splitlines()]  # fmt: skip
    assert [":".join(place.split(":")[1:3]) for place in places] == ["1:106", "2:2", "3:3"]


def test_check_tells_at_once_what_cannot_be_heard_and_what_does_not_fit(ssml, tmp_path):
    (tmp_path / "no.wav").write_text("no sound")
    done = voiceguide(
        "script", "--check",
        ssml('<par>\n<media><audio src="no.wav"/></media>\n<media dur="1s">'
             "This is too long for a second.</media></par>\n"
             '<audio src="tick.wav" clipBegin="9s"/>\n<s xml:lang="qqq">What?</s>\n'
             '<media xml:id="a" begin="a.end">Hello.</media>'),
    )  # fmt: skip
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.split("my.ssml:")[1].split(":")[0] for line in lines] == ["2", "3", "4", "5", "6"]
    for line, says in zip(
        lines,
        (
            "cannot be read as audio",
            "room for 1.000 s",
            "clipBegin is past the end",
            "qqq",
            "circular",
        ),
        strict=True,
    ):
        assert says in line


def test_check_tells_what_reading_and_what_timing_finds_together(ssml):
    done = voiceguide(
        "script", "--check",
        ssml('<brek/>\n<media xml:id="a" begin="a.end">Hello.</media>\n★\n'
             '<media begin="no.end">Hi.</media>\n<media dur="1s">This takes too long.</media>'),
    )  # fmt: skip
    assert done.returncode == 1
    lines = [line.split("my.ssml:")[1] for line in done.stderr.splitlines()]
    assert [line.split(":")[0] for line in lines] == ["1", "2", "3", "4", "5"]
    for line, says in zip(lines, ("<brek>", "circular", "★", "“no”", "room for"), strict=True):
        assert says in line


def test_check_invents_nothing_that_only_follows_from_what_is_wrong(ssml, tmp_path):
    (tmp_path / "no.wav").write_text("no sound")
    body = (
        '<par end="s.end"><media xml:id="s"><audio src="no.wav"/></media><media>Hi.</media></par>'
        '<par><media xml:id="a" end="b.end">One.</media><media xml:id="b" end="a.end">Two.</media>'
        "</par>"
    )
    done = voiceguide("script", "--check", ssml(body))
    assert done.returncode == 1
    assert ["room for" in line for line in done.stderr.splitlines()] == [False, False]


@pytest.mark.slow
def test_check_gives_up_on_a_script_of_which_nothing_can_be_spoken(ssml):
    done = voiceguide("script", "--check", ssml("".join(f"<s>{'★' * n}</s>" for n in range(1, 90))))
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) <= 22


def test_check_reads_on_in_what_is_wrong(ssml):
    done = voiceguide(
        "script", "--check",
        ssml('<emphasis level="huge">\n<brek/></emphasis><foo>\n<bar/></foo>\n<par><p>\n'
             '<break time="x"/><par xml:id="a"/></p></par><media begin="a.end">Hi.</media>'),
    )  # fmt: skip
    assert done.returncode == 1
    assert [line.split("my.ssml:")[1].split(": ")[1][:6] for line in done.stderr.splitlines()] == [
        "<empha", "<brek>", "<foo> ", "<bar> ", "<par> ", "<break"
    ]  # fmt: skip


def test_check_tells_all_that_does_not_fit_at_once(ssml):
    sentence = "This sentence is far too long for its place."
    path = ssml("\n".join(f'<par dur="{n}00ms"><media>{sentence}</media></par>' for n in (1, 2)))
    done = voiceguide("script", path, "--check")
    assert done.returncode == 1
    assert done.stderr.count("there is room for") == 2


@pytest.mark.slow
def test_what_an_end_cuts_off_is_told_and_the_rest_is_rendered(ssml, tmp_path):
    path = ssml('<media end="900ms">This sentence is far too long for it.</media>')
    warning = r"“This sentence .*” lasts 2\.\d{3} s, but the “end” .* cuts it off after 0\.900 s"
    for command in (("render", path, "-o", tmp_path / "my.wav"), ("script", path, "--check")):
        done = voiceguide(*command)
        assert done.returncode == 0, done.stderr
        assert len(re.findall(warning, done.stderr)) == 1
    with wave.open(str(tmp_path / "my.wav")) as file:
        assert file.getnframes() == 900 * 48


def test_the_ssml_of_a_template_is_shown_even_if_it_is_wrong(tmp_path):
    path = tmp_path / "my.ssml.jinja"
    path.write_text("<speak>\n{{ 1 }}<break time='x'/></speak>", "utf-8")
    done = voiceguide("script", path, "--format", "ssml")
    assert done.returncode == 1
    assert "1<break time='x'/>" in done.stdout
    assert f"what {path} renders to:2:2: <break" in done.stderr


def test_a_session_may_be_longer_than_twelve_hours_if_that_is_asked_for(ssml):
    path = ssml('<break time="13h"/>Hello.')
    done = voiceguide("script", path, "--format", "json")
    assert done.returncode == 1
    assert "--max-length" in done.stderr
    assert events(path, "--max-length", "14h")[0]["begin_ms"] == 13 * 3_600_000


def test_a_session_of_days_can_be_given_an_exact_length(ssml):
    path = ssml('<break time="100h"/><break time="30h"/>Hello.<break strength="x-strong"/>')
    session = Session(path, max_length="160h", minutes="7800:04")
    assert session.timeline.duration_ms == 468_004_000


@pytest.mark.parametrize("wrong", ["x", "0s", "-1h", "9999h"])
def test_what_is_no_longest_length_is_refused(wrong):
    with pytest.raises(RequestError, match="max_length"):
        Session("calf", max_length=wrong)


def test_more_minutes_than_the_longest_length_are_refused(ssml):
    with pytest.raises(RequestError, match="12:00 is more than 10min; max_length allows more"):
        Session(ssml("Hello."), minutes=12, max_length="10min").prepare()
    done = voiceguide("script", ssml("Hello."), "--minutes", 12, "--max-length", "10min")
    assert (
        done.stderr == "voiceguide: --minutes: 12:00 is more than 10min; --max-length allows more\n"
    )


@pytest.mark.parametrize(
    ("suffix", "rate_hz", "channels"),
    [("wav", 8000, 1), ("flac", 96_000, 2), ("ogg", 44_100, 2), ("mp3", 22_050, 1),
     ("aiff", 48_000, 6)],
)  # fmt: skip
def test_a_sound_beside_the_script_may_have_any_format(tmp_path, suffix, rate_hz, channels):
    times = np.arange(2 * rate_hz) / rate_hz
    tone = 0.3 * np.sin(2 * np.pi * 440 * times).astype(np.float32)
    with AudioFile(str(tmp_path / f"tone.{suffix}"), "w", rate_hz, channels) as file:
        file.write(np.tile(tone, (channels, 1)))
    script = tmp_path / "my.ssml"
    script.write_text(
        f'<speak><break time="1s"/><audio src="tone.{suffix}" clipBegin="0.5s" clipEnd="1.5s"/>'
        "<break time='1s'/></speak>"
    )
    Session(script).export(tmp_path / "my.wav")
    samples = decode(tmp_path / "my.wav")
    assert len(samples) == 3000 * FRAMES_PER_MS
    tone_heard = samples[1010 * FRAMES_PER_MS : 1990 * FRAMES_PER_MS]
    peak_hz = np.argmax(np.abs(np.fft.rfft(tone_heard))) * 48_000 / len(tone_heard)
    assert peak_hz == pytest.approx(440, abs=2)
    assert np.abs(samples[: 990 * FRAMES_PER_MS]).max() < 1e-4
    assert np.abs(samples[2010 * FRAMES_PER_MS :]).max() < 1e-4


def test_a_sound_that_cannot_be_read_is_named_with_its_place(tmp_path):
    (tmp_path / "no.wav").write_text("no sound")
    script = tmp_path / "my.ssml"
    script.write_text('<speak>\n<audio src="no.wav"/></speak>')
    with pytest.raises(ScriptError, match=r"my.ssml:2:1: .*no.wav: cannot be read as audio"):
        _ = Session(script).timeline
    script.write_text('<speak>\n<audio src="tick.wav" clipBegin="9s"/></speak>')
    with pytest.raises(ScriptError, match=r"my.ssml:2:1: .*clipBegin is past the end"):
        _ = Session(script).timeline


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "rate_hz"), [("wav", 44_100), ("flac", 22_050), ("mp3", 44_100), ("ogg", 48_000)]
)
def test_a_long_sound_is_read_in_windows_that_join_without_a_seam(tmp_path, suffix, rate_hz):
    times_s = np.arange(round(32.1 * rate_hz)) / rate_hz
    sweep = (0.3 * np.sin(2 * np.pi * (300 * times_s + 10 * times_s**2))).astype(np.float32)
    path = tmp_path / f"sweep.{suffix}"
    with AudioFile(str(path), "w", rate_hz, 2, quality=192 if suffix == "mp3" else None) as file:
        file.write(np.stack([sweep, sweep]))
    script = tmp_path / "my.ssml"
    script.write_text(f'<speak><audio src="{path.name}" clipBegin="100ms"/></speak>')
    Session(script).export(tmp_path / "my.wav")
    heard = decode(tmp_path / "my.wav")
    assert len(heard) == 32_000 * FRAMES_PER_MS
    whole = soxr.resample(sweep, rate_hz, 48_000)[100 * FRAMES_PER_MS :][: len(heard)]
    assert np.abs(heard[480:-480] - whole[480:-480]).max() < 0.02


def test_an_mp3_without_a_header_is_heard_to_its_end(tmp_path):
    """Its bit rate varies: it is longer than that of its begin tells."""
    needs("ffmpeg")
    times_s = np.arange(20 * 44_100) / 44_100
    noise = np.random.default_rng(1).normal(0, 0.1, times_s.size) * (times_s < 5)
    tone = 0.2 * np.sin(2 * np.pi * 300 * times_s)
    with AudioFile(str(tmp_path / "x.wav"), "w", 44_100, 1) as file:
        file.write((noise + tone).astype(np.float32)[None, :])
    encode = ["ffmpeg", "-v", "error", "-i", "x.wav", "-q:a", "5", "-write_xing", "0", "x.mp3"]
    subprocess.run(encode, cwd=tmp_path, check=True)
    script = tmp_path / "my.ssml"
    script.write_text('<speak><audio src="x.mp3"/></speak>')
    Session(script).export(tmp_path / "my.wav")
    heard = decode(tmp_path / "my.wav")
    assert len(heard) / FRAMES_PER_MS == pytest.approx(20_000, abs=60)
    for begin_ms in (12_000, 19_000, 19_900):
        part = heard[begin_ms * FRAMES_PER_MS : (begin_ms + 50) * FRAMES_PER_MS]
        assert np.abs(part).max() == pytest.approx(0.2, abs=0.02)
    found = takes.read(tmp_path / "x.mp3")
    assert len(found.samples) / found.rate_hz > 19.8


def test_a_script_is_text_whatever_its_encoding(tmp_path):
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        path = tmp_path / "my.ssml"
        declared = encoding.removesuffix("-sig")
        text = f'<?xml version="1.0" encoding="{declared}"?>\n<speak>Grüße.</speak>'
        path.write_bytes(text.encode(encoding))
        session = Session(path)
        assert session.script == "<speak>Grüße.</speak>"
        assert session.timeline.events[0].text == "Grüße."
    for unknown in ("nope", "undefined"):
        text = f'<?xml version="1.0" encoding="{unknown}"?>\n<speak>Grüße.</speak>'
        path.write_text(text, "utf-8")
        assert Session(path).script == "<speak>Grüße.</speak>"


def test_a_voice_that_is_not_there_is_warned_of_and_another_one_speaks(ssml):
    done = voiceguide("script", ssml('Hi. <voice name="Nobody-Here">Hello.</voice>'))
    assert done.returncode == 0
    assert "Hello." in done.stdout
    assert "no voice matches Nobody-Here: another one speaks" in done.stderr


def test_a_script_from_elsewhere_speaks_several_languages(ssml, tmp_path):
    path = ssml('Good morning. <lang xml:lang="de">Guten Morgen.</lang>')
    Session(path).export(tmp_path / "both.wav")
    Session(path, voice="en-gb").export(tmp_path / "british.wav")
    both, british = decode(tmp_path / "both.wav"), decode(tmp_path / "british.wav")
    last = 500 * FRAMES_PER_MS  # the German voice stays, whoever speaks the English
    assert np.array_equal(both[-last:], british[-last:])
    assert not np.array_equal(both[: len(british) // 3], british[: len(british) // 3])


def test_a_script_cannot_be_read_twice_from_standard_input():
    done = subprocess.run(
        [sys.executable, "-m", "voiceguide", "render", "-", "-"],
        input="<speak>Hi.</speak>", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "only be read once" in done.stderr


@pytest.mark.parametrize("command", ["render", "phrases"])
def test_all_targets_that_are_wrong_are_told_at_once(tmp_path, ssml, command):
    bad = ssml("<break time='x'/>", "bad.ssml")
    targets = (bad, "calf", "calff", tmp_path / "nothere.md")
    done = voiceguide(command, *targets, "-o", tmp_path / "made")
    assert (done.returncode, done.stdout) == (1, "")
    first, *lines = done.stderr.splitlines()
    assert first == "voiceguide: nothing was made:"
    assert lines[0].startswith(f"{bad}:1:106: <break time='x'>")
    assert lines[1:] == [
        "calff: no region or complaint “calff”; did you mean calf or scalp?",
        f"{tmp_path / 'nothere.md'}: cannot be read: No such file or directory",
    ]
    assert not (tmp_path / "made").exists()


def test_what_is_wrong_with_all_targets_alike_is_told_once(tmp_path):
    done = voiceguide("render", "calf", "neck", "--method", "fist", "-o", tmp_path)
    says = "voiceguide: no method “fist”; “voiceguide methods” lists them\n"
    assert (done.returncode, done.stderr) == (1, says)


@pytest.mark.parametrize("name", ["my.docx", "x.RTF", "notes", "talk.pdf"])
def test_a_file_that_is_not_read_is_told_with_those_that_are(tmp_path, name):
    (tmp_path / name).write_bytes(b"PK")
    (tmp_path / "calf").write_bytes(b"PK")
    says = f"voiceguide: {name}: is a file of a kind that is not read; save it as .txt or .md\n"
    for command in ("script", "render"):
        done = voiceguide(command, name, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", says)
    assert voiceguide("script", "calf", "--format", "ssml", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("target", "says"),
    [
        (["neck", "--language", "xx"], "no texts in language “xx”; available: de, en"),
        (["vertigo"], "“vertigo” belongs to a doctor, not to a session: it can have "),
        (["missing.docx"], "missing.docx: no such file\n"),
    ],
)
def test_a_file_that_is_not_read_hides_no_other_mistake(tmp_path, target, says):
    for name in ("neck", "vertigo"):
        (tmp_path / name).write_bytes(b"PK")
    done = voiceguide("script", *target, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"voiceguide: {says}")


def test_a_file_that_is_not_read_is_told_in_python_too(tmp_path):
    path = tmp_path / "my.docx"
    with pytest.raises(RequestError) as raised:
        Session(path).prepare()
    assert str(raised.value) == f"{path}: no such file"
    for name in ("my.docx", "my.json"):
        (tmp_path / name).write_bytes(b"PK")
        says = f"{tmp_path / name}: is a file of a kind that is not read; save it as .txt or .md"
        for given in ({}, {"minutes": 5}):
            with pytest.raises(RequestError) as raised:
                Session(tmp_path / name, **given).prepare()
            assert str(raised.value) == says


def test_scripts_are_not_joined(tmp_path, ssml):
    path = ssml("Hello.")
    done = voiceguide("render", "calf", path, "--as-one", "-o", tmp_path / "made")
    says = f"voiceguide: --as-one joins regions, areas and complaints only; {path} is a script\n"
    assert (done.returncode, done.stderr) == (1, says)


def test_a_template_with_a_wrong_variable_name_is_a_request_error():
    with pytest.raises(RequestError, match="variables"):
        Session("my.ssml.jinja", variables={"a-b": 1})


def test_a_missing_template_is_named():
    with pytest.raises(ScriptError, match=r"missing.ssml.jinja: cannot be read"):
        Session("missing.ssml.jinja").prepare()


def test_a_module_beside_a_template_is_not_run(template, tmp_path):
    for name in ("json", "jinja2", "babel"):
        (tmp_path / f"{name}.py").write_text("open('ran', 'w')", "utf-8")
    voiceguide_here = [sys.executable, "-P", "-m", "voiceguide"]
    done = subprocess.run(
        [*voiceguide_here, "script", template, "--set=name=A", "--set=rounds=0"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


def test_a_template_reads_templates_alone_and_none_that_is_hidden(tmp_path):
    (tmp_path / ".secret").mkdir()
    for name in ("note.txt", ".secret/part.jinja", ".part.jinja"):
        (tmp_path / name).write_text("secret", "utf-8")
        path = tmp_path / "my.ssml.jinja"
        path.write_text(f"<speak>{{% include '{name}' %}}</speak>", "utf-8")
        with pytest.raises(ScriptError, match="is missing"):
            Session(path).prepare()


def test_only_what_looks_like_a_number_is_one(tmp_path):
    path = tmp_path / "my.ssml.jinja"
    path.write_text("<speak>{% for one in (a, b, c, d) %}{{ one }}; {% endfor %}</speak>", "utf-8")
    given = {"a": "030", "b": "1_000", "c": "inf", "d": "2.50"}
    assert Session(path, variables=given).script == "<speak>030; 1_000; inf; 2.5; </speak>"


def test_a_template_may_be_in_a_language_without_texts(tmp_path):
    path = tmp_path / "my.ssml.jinja"
    path.write_text("<speak xml:lang='fr'>{{ 'Bonjour' }}.</speak>", "utf-8")
    assert events(path, "--language", "fr")[0]["text"] == "Bonjour."


def test_a_script_in_which_nothing_is_heard_does_not_pass_the_check(ssml):
    done = voiceguide("script", ssml(""), "--check")
    assert done.returncode == 1
    assert "the script is empty" in done.stderr


def test_pauses_in_what_is_repeated_are_stretched_too(ssml):
    path = ssml('<media repeatCount="3"><break/><audio src="tick.wav"/><break/></media>')
    for asked_ms in (3600, 4803, 7200):
        assert Session(path, minutes=asked_ms / 60_000).timeline.duration_ms == asked_ms


def test_a_par_of_fixed_length_may_hold_elastic_pauses(ssml):
    path = ssml(
        '<par dur="5s"><media>One.<break strength="x-strong"/>Two.</media></par>'
        'Three.<break strength="x-strong"/>Four.'
    )
    natural_ms = Session(path).timeline.duration_ms
    longer = Session(path, minutes=(natural_ms + 100) / 60_000)
    assert longer.timeline.duration_ms == natural_ms + 100


def test_a_day_comes_first_where_the_language_has_it_so(ssml):
    def said(language: str, date: str) -> str:
        body = f'<s xml:lang="{language}"><say-as interpret-as="date">{date}</say-as></s>'
        return Session(ssml(body)).timeline.events[0].text

    assert said("de", "10.09.2024").startswith("zehnter September")
    assert said("en-GB", "10/09/2024").startswith("September tenth")
    assert said("en", "10/09/2024").startswith("October ninth")


@pytest.mark.parametrize(
    "hostile",
    [
        '<s xml:lang="am"><say-as interpret-as="ordinal">123456789</say-as></s>',
        f'<say-as interpret-as="date" format="y">{"9" * 5000}</say-as>',
        '<s xml:lang="vi"><say-as interpret-as="date" format="y">1999</say-as></s>',
        '<s xml:lang="pl"><say-as interpret-as="ordinal">0</say-as></s>',
    ],
)
def test_what_cannot_be_put_into_words_is_spoken_as_it_is_written(ssml, hostile):
    Session(ssml(hostile)).prepare()


def test_text_in_a_tag_is_not_taken_for_the_header_of_an_mp3(tmp_path):
    from mutagen import id3

    path = tmp_path / "tone.mp3"
    tone = 0.3 * np.sin(np.arange(48_000) * 0.05).astype(np.float32)
    with AudioFile(str(path), "w", 48_000, 1) as file:
        file.write(tone[None, :])
    tags = id3.ID3()
    tags.add(id3.TIT2(3, "Information"))
    tags.add(id3.TSSE(3, "LAME in a studio"))
    tags.save(path)
    script = tmp_path / "my.ssml"
    script.write_text('<speak><audio src="tone.mp3"/></speak>')
    assert Session(script).timeline.duration_ms == 1000


def test_more_text_than_can_be_said_is_refused_before_it_is_spoken(ssml):
    with pytest.raises(ScriptError, match="characters are more than can be said in 12h"):
        Session(ssml("Breathe. " * 300_000)).prepare()
