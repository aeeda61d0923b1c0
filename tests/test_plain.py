"""Plain writing: text, Markdown and captions become sessions, without XML."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import voiceguide

from voiceguide import Session
from voiceguide.errors import ScriptError
from voiceguide.ssml import Mark, Pause, Sound, Speech, walk

ROOT = Path(__file__).parents[1]


def session(tmp_path: Path, text: str, name: str = "my.md") -> Session:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return Session(path)


def heard(one: Session) -> list[str | int]:
    """Return what is said, the names of sounds and marks, and exact pauses in milliseconds."""
    found: list[str | int] = []
    for cue in walk(one.plan.script.root):
        match cue:
            case Speech():
                found.append(cue.text)
            case Sound():
                found.append(cue.source)
            case Mark():
                found.append(cue.name)
            case Pause(elastic=False):
                found.append(cue.ms)
    return found


def speeches(one: Session) -> dict[str, Speech]:
    """Return what is spoken by its text."""
    return {cue.text: cue for cue in walk(one.plan.script.root) if isinstance(cue, Speech)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Lie down.\nBreathe.\n\nRest.", ["Lie down. Breathe.", "Rest."]),
        ("# Arrive\nHi.\n## Rest ##\nGood.", ["chapter:Arrive", "Hi.", "chapter:Rest", "Good."]),
        ("Press. [pause 5s] Let go.", ["Press.", 5000, "Let go."]),
        ("[pause:2]\n[pause 500ms]\n[2s]\n[pause 1min]", [2000, 500, 2000, 60_000]),
        ('One. [break:"3s"] Two.', ["One.", 3000, "Two."]),
        ("Listen. [bell] Now.", ["Listen.", "bell.wav", "Now."]),
        ("[chapter: Left & right]Go.", ["chapter:Left & right", "Go."]),
        ("Breathe in.;5\nBreathe out.; 6,5 s", ["Breathe in.", 5000, "Breathe out.", 6500]),
        ("- One\n- Two\n\n1. Three", ["One", "Two", "Three"]),
        ("> Say *this* **now**.", ["Say", "this", "now."]),
        ("See [the page](https://x.org), `here`.", ["See the page, here."]),
        ("A < B & C\r\n<!-- not\r\nthis -->\r\nD", ["A < B & C", "D"]),
        (r"\[sic\] and 2 * 3 * 4, my_long_name", ["[sic] and 2 * 3 * 4, my_long_name"]),
    ],
)
def test_what_is_written_is_heard(tmp_path, text, expected):
    assert heard(session(tmp_path, text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('A [250ms] B [break:"2s"] C', ["A", 250, "B", 2000, "C"]),
        ('Rest. [mark:"here"] Go.', ["Rest.", "here", "Go."]),
        ("A ++strong++ +word+, ~as~ -is-.", ["A", "strong", "word,", "as", "is."]),
        (
            "mother-in-law, a+b+c, -5 to -3, 2026-10-10",
            ["mother-in-law, a+b+c, -5 to -3, 2026-10-10"],
        ),
        (
            "(H2O)[chars] [250ms] (10/11/12)[date:'mdy']",
            ["H, 2, O", 250, "October eleventh twenty twelve"],
        ),
        ("((888) 555-1212)[phone]", ["8 8 8, 5 5 5, 1 2 1 2"]),
        (
            '(Al)[sub:"tin"] (Mg)["iron"], (C){gold}, (he)/she/they',
            ["tin iron, gold, (he)/she/they"],
        ),
        ("You said (word)[bleep].", ["You said", "tick.wav"]),
        ('!["bell.wav"] !(ding)["bell.wav"] ![ding](bell.wav)', ["bell.wav"] * 3),
        ("![A calf](calf.png) !(Ding)['https://x.org/a.mp3']", ["A calf Ding"]),
        (
            "(softly)[pause 5s] (softly)[bell] (all)[]",
            ["(softly)", 5000, "(softly)", "bell.wav", "all"],
        ),
        (r"\(a\)\[b\] \+c+ 2\-3-", ["(a)[b] +c+ 2-3-"]),
        ("(10 km)[unit] (1/2)[fraction] (Hi)[interjection;]", ["10 km 1/2 Hi"]),
    ],
)
def test_speech_markdown_is_heard_as_its_authors_mean_it(tmp_path, text, expected):
    one = session(tmp_path, text)
    assert heard(one) == expected
    assert [warning for warning in one.warnings if "https" not in warning] == []


def test_words_are_modified_as_speech_markdown_says(tmp_path):
    said = speeches(
        session(
            tmp_path,
            'Now (this)[rate:"slow";volume:"loud"], (ici)[lang:"fr-FR"], (hush)[whisper] '
            '++firmly++, (pecan)[ipa:"pɪˈkɑːn"] (data)[/ˈdeɪtə/].',
        )
    )
    assert (said["this,"].style.rate, said["this,"].style.gain_db) == (0.8, 4.0)
    assert said["ici,"].style.language == "fr-FR"
    assert (said["hush"].style.rate, said["hush"].style.gain_db) == (0.9, -6.0)
    assert (said["firmly,"].style.rate, said["firmly,"].style.gain_db) == (0.85, 3.0)
    assert said["pecan data."].phonemes == "[[pɪˈkɑːn]] [[ˈdeɪtə]]."


def test_a_section_changes_what_follows_until_the_next_one(tmp_path):
    text = """Mine.
#[voice:"Ann";lang:"en-GB"]
Hers.

- Hers too.
#[voice:"device"] Mine again.
#[defaults]
Mine still."""
    said = speeches(session(tmp_path, text))
    names = [cue.style.voice.names if cue.style.voice else () for cue in said.values()]
    assert list(said) == ["Mine.", "Hers.", "Hers too.", "Mine again.", "Mine still."]
    assert names == [(), ("Ann",), ("Ann",), (), ()]
    assert [cue.style.language for cue in said.values()] == ["en", "en-GB", "en-GB", "en", "en"]


def test_what_speech_markdown_does_not_know_is_told_and_its_words_are_kept(tmp_path):
    text = """Hi.
(Sad)[style:"sad";rate:"slow"] (no)[1]. [foo:"bar"]
#[dj]
(Go)[rat:"slow"] (on)[rate:"soon"]."""
    one = session(tmp_path, text)
    assert heard(one) == ["Hi.", "Sad", "no.", "Go on."]
    assert speeches(one)["Sad"].style.rate == 0.8
    kept = "the words are spoken as they are"
    assert [warning.split("my.md:")[1] for warning in one.warnings] == [
        f"2:6: [style] is not known here: {kept}",
        f"2:36: [1] is not known here: {kept}",
        '2:41: [foo:"bar"] is not known: it is ignored',
        "3:2: [dj] is not known here: it changes nothing",
        f"4:5: [rat] is not known here; did you mean rate?: {kept}",
        f"4:22: [rate:soon] is not known: {kept}",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\n<speak>Hi.</speak>", "“<speak” is spoken as it is: the name of a script ends in .ssml"),
        (
            "Hi.\nI am {{ name }}.",
            "“{{” is spoken as it is: the name of a template ends in .ssml.jinja",
        ),
    ],
)
def test_a_script_or_template_that_is_called_as_a_text_is_told(tmp_path, text, says):
    path = tmp_path / "my.ssml.txt"
    path.write_text(text, "utf-8")
    warnings = Session(path).warnings
    assert warnings == (f"{path}:2:{text.splitlines()[1].index(says[1:3]) + 1}: {says}",)


def test_commands_in_other_brackets_and_other_markdown_are_told(tmp_path):
    path = tmp_path / "my.md"
    text = "Arrive\n======\nRest. (pause 5s) {hold: 30s} <Breathe 4-6 x5>\n(hold 5 breaths)\n```"
    path.write_text(text, "utf-8")
    brackets = "is spoken: a command is in square brackets, as in [pause 5s]"
    other = "is spoken: a heading begins with #, code has no sign"
    assert Session(path).warnings == (
        f"{path}:2:1: “======” {other}",
        f"{path}:3:7: “(pause 5s)” {brackets}",
        f"{path}:3:18: “{{hold: 30s}}” {brackets}",
        f"{path}:3:30: “<Breathe 4-6 x5>” {brackets}",
        f"{path}:5:1: “```” {other}",
    )


def test_warnings_of_a_text_have_no_column_of_what_was_made_of_it(tmp_path):
    path = tmp_path / "my.txt"
    path.write_text('Hi.\n[bell] *You* and (Hello)[voice:"Ann"].', "utf-8")
    assert Session(path).warnings == (f"{path}:2:1: no voice matches Ann: another one speaks",)


def test_what_looks_like_a_command_and_is_spoken_is_told(tmp_path):
    text = "Lie down.\n[pause 5s\nHi.\n\nNow pause 5s]\n\n#Heading\n\n[bell] Go \\[pause 1s\\]."
    one = session(tmp_path, text)
    assert heard(one)[0] == "Lie down. [pause 5s Hi."
    assert [warning.split("my.md:")[1] for warning in one.warnings] == [
        "2:1: “[pause 5s” lacks a bracket: it is spoken",
        "5:5: “pause 5s]” lacks a bracket: it is spoken",
        "7:1: a heading needs a space after its #: this is spoken",
    ]


def test_words_of_speech_markdown_that_stand_alone_are_ignored_with_a_warning(tmp_path):
    one = session(tmp_path, 'Hi. [excited] You. [break:"huge"] All.')
    assert heard(one) == ["Hi. You. All."]
    assert [warning.split("my.md:")[1] for warning in one.warnings] == [
        "1:5: [excited] is not known: it is ignored",
        '1:20: [break:"huge"] is not known: it is ignored',
    ]


def test_a_hold_is_marked_counted_and_lasts_what_it_says(tmp_path):
    one = session(tmp_path, "[hold 45s: upper calf]\nGood.")
    timeline = one.timeline
    (hold,) = timeline.marks
    assert (hold.kind, hold.label, hold.end_ms - hold.begin_ms) == ("hold", "upper calf", 45_000)
    tones = [(event.source, event.begin_ms) for event in timeline.events if event.source]
    assert tones == [
        ("start.wav", 0), ("half.wav", 22_500), ("tick.wav", 42_000), ("tick.wav", 43_000),
        ("tick.wav", 44_000), ("end.wav", 45_000),
    ]  # fmt: skip


def test_breaths_are_paced(tmp_path):
    timeline = session(tmp_path, "[breathe 4-6 x5]").timeline
    assert timeline.duration_ms == 50_000
    breaths = [(mark.kind, mark.end_ms - mark.begin_ms) for mark in timeline.marks]
    assert breaths == [("inhale", 4000), ("exhale", 6000)] * 5


SRT = (
    "1\n00:00:01,000 --> 00:00:03,000\nLie <i>down</i>.\n\n"
    "2\n00:00:10,500 --> 00:00:12,000\nRest\nnow.\n"
)
VTT = "WEBVTT\n\n00:01.000 --> 00:03.000\nLie down.\n\n00:10.500 --> 00:12.000 line:0\nRest now."


@pytest.mark.parametrize(("name", "text"), [("my.srt", SRT), ("my.vtt", VTT), ("my.txt", SRT)])
def test_each_caption_is_said_at_its_time(tmp_path, name, text):
    timeline = session(tmp_path, text, name).timeline
    said = [(event.text, event.begin_ms) for event in timeline.events]
    assert said == [("Lie down.", 1000), ("Rest now.", 10_500)]


def test_a_caption_waits_until_the_one_before_it_has_been_said(tmp_path):
    text = (
        "1\n00:00:01,000 --> 00:00:01,200\nLie down on your back.\n\n"
        "2\n00:00:01,200 --> 00:00:02,000\nRest now.\n\n00:00:30,000 --> 00:00:31,000\nGood."
    )
    one = session(tmp_path, text, "my.srt")
    first, second, third = one.timeline.events
    assert second.begin_ms == first.end_ms > 2000
    assert third.begin_ms == 30_000
    late = "begins later than it says: what comes before it takes longer"
    assert [warning.rpartition("/")[2] for warning in one.warnings] == [f"my.srt:6:1: {late}"]


SPOILED = """1
00:00:01,000 --> 00:00:03,000
Lie down.

2
00:00:9,000 -> 00:00:10,000
Rest.

3
00:00:20,000 --> 00:00:21
00:00:xx,000 --> 00:00:30,000

Outside.

00:00:50,000 --> 00:00:40,000
Backwards.
6
00:00:60,000 --> 00:00:61,000
Sit up."""


def test_what_is_wrong_in_captions_is_told_with_its_line_and_nothing_is_dropped(tmp_path):
    with pytest.raises(ScriptError) as raised:
        _ = session(tmp_path, SPOILED, "my.srt").plan
    form = "must be two times, such as 00:00:01,000 --> 00:00:03,000"
    apart = "there must be an empty line before the next caption"
    assert str(raised.value).replace(f"{tmp_path}/", "").splitlines() == [
        f"my.srt:6:1: “00:00:9,000 -> 00:00:10,000” {form}",
        f"my.srt:10:1: “00:00:20,000 --> 00:00:21” {form}",
        f"my.srt:11:1: “00:00:xx,000 --> 00:00:30,000”: {apart}",
        "my.srt:13:1: “Outside.” is in no caption: a line with its times must come before it",
        "my.srt:15:1: “00:00:50,000 --> 00:00:40,000”: the caption ends before it begins",
        f"my.srt:18:1: “00:00:60,000 --> 00:00:61,000”: {apart}",
    ]


@pytest.mark.parametrize(
    "begin", ["WEBVTT\n", "WEBVTT - mine\nKind: captions\n", "\n\nWEBVTT\n\n", "\nWEBVTT\n"]
)
def test_the_first_caption_of_webvtt_is_said_whatever_is_above_it(tmp_path, begin):
    one = session(tmp_path, f"{begin}00:01.000 --> 00:02.000\nLie down.", "my.vtt")
    assert [(event.text, event.begin_ms) for event in one.timeline.events] == [("Lie down.", 1000)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("12:30 <b>noon</b> we eat", "12:30 noon we eat"),
        ("10:15 <i>x</i>", "10:15 x"),
        ("A -> B --> C", "A -> B --> C"),
        ("10:15 > 9:00", "10:15 > 9:00"),
    ],
)
def test_times_and_arrows_in_the_text_of_a_caption_are_said(tmp_path, line, said):
    text = f"1\n00:00:01,000 --> 00:00:03,000\n{line}\n"
    assert heard(session(tmp_path, text, "my.srt")) == [said]


def test_signs_that_webvtt_writes_by_their_names_are_read_as_signs(tmp_path):
    line = "In &amp; out,&nbsp;<b>3 &lt; 4</b> &#38; &foo; re&shy;st."
    vtt = f"WEBVTT\n\n00:01.000 --> 00:03.000\n{line}"
    assert heard(session(tmp_path, vtt, "my.vtt")) == ["In & out, 3 < 4 & &foo; rest."]
    odd = session(tmp_path, f"{vtt}&#12;&NewLine;\n\nnow", "my.vtt")
    with pytest.raises(ScriptError, match=r"my\.vtt:6:1: “now” is in no caption"):
        _ = odd.plan
    srt = "1\n00:00:01,000 --> 00:00:03,000\nIn &amp; out."
    assert heard(session(tmp_path, srt, "my.srt")) == ["In &amp; out."]


def test_a_file_of_captions_is_never_read_aloud_with_its_times(tmp_path):
    with pytest.raises(ScriptError, match=r"my\.srt:2:1: .* must be two times"):
        _ = session(tmp_path, "1\n00:00:01,000 -> 00:00:03,000\nLie down.", "my.srt").plan
    vtt = "WEBVTT - mine\n\nNOTE a\nnote\n\nSTYLE\n::cue {}\n\none\n00:01.000 --> 00:02.000\nGo."
    assert heard(session(tmp_path, vtt, "my.vtt")) == ["Go."]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("One.\n\nTwo [puase 5s]", r"my\.md:3:5: \[puase 5s\] is unknown; did you mean pause"),
        ("[pause soon]", r"my\.md:1:1: \[pause soon\] needs a time, such as 5s"),
        ("- [breathe 4]", r"my\.md:1:3: \[breathe 4\] needs seconds in and out"),
        ("[breathe 0-6]", r"needs seconds in and out"),
        ("[chapter]", r"does not say what it needs"),
        ("[puase 5s]", r"did you mean pause\? Otherwise, to have it spoken, write \\\["),
        ("[breathe 4-6 x0]", r"needs seconds in and out, and how often"),
        ("[hold 0s]", r"\[hold 0s\] needs a time of more than 0 s"),
        ("Ring [bell 3]", r"\[bell 3\] must be \[bell\]: a tone takes nothing else"),
        ("[bell.]", r"\[bell\.\] must be \[bell\]"),
        ("Hi\nPK\x03\x04", r"my\.md:2: is not text: it has a byte 0x03"),
        ("[gong]\n[sound: no.wav]", r"gong(.|\n)*my\.md:2:1: no sound 'no\.wav'"),
        ("**see [x y]**", r"my\.md:1:7: \[x y\] is unknown; .*to have it spoken, write \\\[ for"),
        ("Hi.\n[sound: no.wav]", r"my\.md:2:\d+: no sound 'no\.wav'"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path, text, says):
    with pytest.raises(ScriptError, match=says):
        _ = session(tmp_path, text).plan


def test_a_sound_without_a_name_is_told_once(tmp_path):
    with pytest.raises(ScriptError) as raised:
        _ = session(tmp_path, "Hi.\n[sound]").plan
    what = "[sound] does not say what it needs, as in [chapter: Rest] or [sound: my.wav]"
    assert str(raised.value) == f"{tmp_path}/my.md:2:1: {what}"


def test_the_page_about_plain_text_says_what_is_heard(tmp_path):
    """Its example plays, and what it names works."""
    page = (ROOT / "docs/plain-text.md").read_text("utf-8")
    example = re.search(r"```markdown\n(.*?)```", page, re.DOTALL)[1]
    whole = heard(session(tmp_path, example))
    assert whole[:2] == ["chapter:Arrive", "Lie on your back."]
    assert {"bell.wav", "hold:upper calf", 5000} <= set(whole)
    for command in re.findall(r"\| `(\[[^`]+\])` \|", page):
        if command not in ("[pause]", "[sound: my-sound.wav]"):
            assert heard(session(tmp_path, command)), command


@pytest.mark.slow
def test_a_text_is_rendered_and_shown_as_ssml(tmp_path):
    path = tmp_path / "evening.txt"
    path.write_text("# Rest\nLie down.\n[pause 1s]\nGood night.", "utf-8")
    done = voiceguide("render", path, "-o", f"{tmp_path}/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "evening.mp3")
    shown = voiceguide("script", path, "--format", "ssml").stdout
    assert '<mark name="chapter:Rest"/>\n<p>Lie down.\n<break time="1s"/>\n' in shown
    piped = voiceguide("script", "-", input="Lie down.\n\n[bell]")
    assert "Lie down." in piped.stdout
