"""Scripts that were written for other services play here too, with a warning for what is unlike."""

from __future__ import annotations

import codecs
import shutil
import textwrap
from pathlib import Path

import pytest
from conftest import voiceguide

from voiceguide import Session, ssml
from voiceguide.errors import ScriptError
from voiceguide.ssml import Group, Pause, Script, Sound, Speech, walk

SOUNDS = Path(__file__).parents[1] / "sounds"


def parsed(text: str | bytes, *folders: Path) -> Script:
    return ssml.parse(text, name="my.ssml", folders=[*folders, SOUNDS])


def said(script: Script) -> list[str | int]:
    """Return what is said, and the pauses in milliseconds."""
    return [
        cue.text if isinstance(cue, Speech) else cue.ms
        for cue in walk(script.root)
        if isinstance(cue, Speech | Pause)
    ]


def gains_db(script: Script) -> list[float]:
    return [cue.style.gain_db for cue in walk(script.root) if isinstance(cue, Speech)]


@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0"?>\n<!-- <x:y/> -->\n'])
def test_a_prefix_that_is_not_declared_is_told_and_its_content_is_spoken(declaration):
    effect = '<amazon:effect name="whispered">Let it go.</amazon:effect>'
    script = parsed(f"{declaration}<speak>Rest. {effect} <alexa:x/> Good.</speak>")
    assert said(script) == ["Rest.", "Let it go.", "Good."]
    assert gains_db(script) == [0, -6, 0]
    line = declaration.count("\n") + 1
    told = [
        'my.ssml:1:1: the prefix “alexa” is not declared: write xmlns:alexa="…" in <speak>',
        'my.ssml:1:1: the prefix “amazon” is not declared: write xmlns:amazon="…" in <speak>',
        f"my.ssml:{line}:73: <alexa:x> is not supported: it is ignored",
    ]
    assert list(script.warnings) == told


def test_places_in_messages_are_those_of_the_file():
    with pytest.raises(ScriptError) as raised:
        parsed(
            '<speak\n xml:lang="en"\n><a:b>Hi.</a:b><break time="x"/>\n<break time="y"/></speak>'
        )
    assert "my.ssml:3:16: <break time='x'>" in str(raised.value)
    assert "my.ssml:4:1: <break time='y'>" in str(raised.value)


def test_an_undeclared_pan_is_heard_on_its_side():
    script = parsed('<speak><media vg:pan="-0.5"><speak>Left.</speak></media></speak>')
    (group,) = [c for c in walk(script.root) if isinstance(c, Group) and c.timing.pan]
    assert group.timing.pan == -0.5


@pytest.mark.parametrize(
    "space",
    [
        "https://www.w3.org/2001/10/synthesis", "http://www.w3.org/2001/10/synthesis/",
        "http://www.w3.org/TR/speech-synthesis", "HTTP://www.w3.org/2001/10/synthesis",
    ],
)  # fmt: skip
def test_a_namespace_that_is_nearly_right_is_told(space):
    script = parsed(f'<speak xmlns="{space}"><p>One.</p><p>Two.</p></speak>')
    assert said(script) == ["One.", 1500, "Two."]
    (warning,) = script.warnings
    assert 'write xmlns="http://www.w3.org/2001/10/synthesis"' in warning


@pytest.mark.parametrize(
    ("element", "what"),
    [
        ('<mstts:silence type="Leading" value="3000ms"/>', ["Hold.", 3000, "Rest."]),
        ('<mstts:silence type="Tailing-exact" value="2s"/>', ["Hold.", 2000, "Rest."]),
        ('<mstts:silence type="Sentenceboundary" value="2s"/>', ["Hold. Rest."]),
        ('<amazon:breath duration="long" volume="x-loud"/>', ["Hold.", 800, "Rest."]),
        ("<amazon:breath/>", ["Hold.", 500, "Rest."]),
        ('<bookmark:bookmark mark="x"/>', ["Hold. Rest."]),
        ('<bookmark mark="x"/>', ["Hold. Rest."]),
        ('<express-as type="GoodNews">Stay. </express-as>', ["Hold.Stay. Rest."]),
        ('<break time="0.5"/>', ["Hold.", 500, "Rest."]),
        ("<x:y/>", ["Hold. Rest."]),
        ("<x:y>Stay.</x:y>", ["Hold.Stay.Rest."]),
        ('<mstts:express-as style="sad">Stay. </mstts:express-as>', ["Hold.Stay. Rest."]),
    ],
)
def test_elements_of_others_do_what_they_can_and_glue_nothing_together(element, what):
    assert said(parsed(f"<speak>Hold.{element}Rest.</speak>")) == what


def test_what_cannot_be_done_is_told():
    told = {
        '<amazon:emotion name="excited">Hi.</amazon:emotion>': "<amazon:emotion> is not supported",
        '<google:style name="lively">Hi.</google:style>': "<google:style> is not supported",
        '<amazon:domain name="news">Hi.</amazon:domain>': "<amazon:domain> is not supported",
        '<mstts:backgroundaudio src="a.mp3"/>Hi.': "lay a bed under the session with --bed",
        '<mstts:silence type="Leading" value="-3s"/>Hi.': "<mstts:silence> must be a time",
        "<amazon:breath/>Hi.": "<amazon:breath> is a pause here",
        '<break time=".5"/>Hi.': "<break time='.5'> has no unit: it is read as seconds",
        '<express-as type="Apology">Hi.</express-as>': "<express-as> is not supported",
    }
    for body, warning in told.items():
        script = parsed(f"<speak>{body}</speak>")
        assert said(script)[-1] == "Hi."
        assert warning in script.warnings[-1]


@pytest.mark.parametrize(
    ("volume", "gain_db"),
    [("50", -6.0), ("100", 0.0), ("+20%", 1.6), ("-20.00%", -1.9), ("0", -120.0), ("+10", 0.8)],
)
def test_a_volume_of_ssml_1_0_is_turned_into_decibels(volume, gain_db):
    script = parsed(f'<speak><prosody volume="{volume}">Hi.</prosody></speak>')
    assert gains_db(script) == [pytest.approx(gain_db, abs=0.05)]
    assert f"<prosody volume='{volume}'> is of SSML 1.0: it is read as" in script.warnings[0]


@pytest.mark.parametrize(("rate", "factor"), [("1.5", 1.5), ("0.5", 0.5), ("+0.5", 1.5), ("2", 2)])
def test_a_rate_of_ssml_1_0_is_a_factor(rate, factor):
    script = parsed(f'<speak><prosody rate="{rate}">Hi.</prosody></speak>')
    (speech,) = [cue for cue in walk(script.root) if isinstance(cue, Speech)]
    assert speech.style.rate == pytest.approx(factor)
    assert f"it is read as {factor:.0%}" in script.warnings[0]


@pytest.mark.parametrize("value", ["101", "-101%", "x", "0x10"])
def test_what_is_no_volume_is_still_refused(value):
    with pytest.raises(ScriptError, match=f"<prosody volume='{value}'>: must be"):
        parsed(f'<speak><prosody volume="{value}">Hi.</prosody></speak>')


def test_a_plus_before_a_time_is_that_time():
    assert said(parsed('<speak>A<break time="+1s"/>B</speak>')) == ["A", 1000, "B"]


def test_ticks_that_are_repeated_for_ever_end_with_what_they_wait_for(tmp_path):
    path = tmp_path / "my.ssml"
    path.write_text(
        '<speak><par><media repeatCount="indefinite" end="w.end"><audio src="tick.wav"/></media>'
        '<media xml:id="w"><audio src="bell.wav"/></media></par></speak>'
    )
    timeline = Session(path).timeline
    ticks = [event.begin_ms for event in timeline.events if event.source == "tick.wav"]
    assert ticks == list(range(0, 2500, 100))
    assert timeline.duration_ms == 2500
    for body in ("<media {}><audio src='tick.wav'/></media>", "<audio src='tick.wav' {}/>"):
        with pytest.raises(ScriptError, match=r"is repeated for ever: give it .*repeatDur"):
            parsed("<speak>" + body.format("repeatCount='indefinite'") + "</speak>")


def test_a_source_is_a_uri_or_a_name(tmp_path):
    for name in ("my tick.wav", "100%25.wav"):
        shutil.copy(SOUNDS / "tick.wav", tmp_path / name)
    script = parsed(
        '<speak><audio src="my%20tick.wav"/><audio src="100%25.wav"/></speak>', tmp_path
    )
    names = [cue.path.name for cue in walk(script.root) if isinstance(cue, Sound)]
    assert names == ["my tick.wav", "100%25.wav"]
    with pytest.raises(ScriptError, match="no sound"):
        parsed('<speak><audio src="%2e%2e/tick.wav"/></speak>', SOUNDS / "none")


def test_that_nothing_is_fetched_is_told_with_what_to_do():
    with pytest.raises(
        ScriptError, match=r"https://x\.org/b\.ogg' is not fetched: save it beside the script"
    ):
        parsed('<speak><audio src="https://x.org/b.ogg"/>Rest.</speak>')
    script = parsed('<speak><audio src="https://x.org/b.ogg">Ding.</audio></speak>')
    assert said(script) == ["Ding."]
    assert "(nothing is fetched): its text is spoken instead" in script.warnings[0]


def test_a_language_may_be_written_as_systems_do():
    script = parsed('<speak xml:lang="en_US">Hi. <lang xml:lang="de_DE">Hallo.</lang></speak>')
    assert script.language == "en-US"
    assert [c.style.language for c in walk(script.root) if isinstance(c, Speech)] == [
        "en-US", "de-DE",
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8-sig"])
def test_a_template_may_be_in_the_encoding_that_it_declares(tmp_path, encoding):
    path = tmp_path / "my.SSML.jinja"
    declared = encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{declared}"?><speak>Größe {{{{ n }}}}.</speak>'
    path.write_bytes(text.encode(encoding))
    session = Session(path, variables={"n": 3})
    assert [one.text for _, one in session.utterances] == ["Größe 3."]
    assert session.default_path.name == "my.mp3"


def test_a_template_says_how_its_variables_are_given(tmp_path):
    path = tmp_path / "my.ssml.jinja"
    path.write_text("<speak>\n{{ name }}</speak>")
    with pytest.raises(ScriptError) as raised:
        _ = Session(path).script
    told = f"{path}:2: “name” is not defined; values are given by "
    assert str(raised.value) == f"{told}variables"
    assert raised.value.with_flags() == f"{told}--set name=…"


def test_a_template_that_is_not_what_it_declares_is_told(tmp_path):
    path = tmp_path / "my.ssml.jinja"
    for declared, content, says in (
        ("", b"\xf6", "is not UTF-8: byte 0xf6; save it as UTF-8"),
        ("<?xml version='1.0' encoding='nope'?>", b"", "the encoding nope is unknown; save it as"),
        ("<?xml version='1.0' encoding='undefined'?>", b"", "the encoding undefined is unknown"),
        ("", codecs.BOM_UTF16_LE + b"a", "is not UTF-16: byte 0x61"),
    ):
        path.write_bytes(declared.encode() + content)
        with pytest.raises(ScriptError, match=says):
            _ = Session(path).script


@pytest.mark.slow
def test_a_script_of_another_service_is_rendered(tmp_path):
    path = tmp_path / "X.SSML"
    path.write_text('<speak>Hold.<mstts:silence type="Leading" value="1s"/>Rest.</speak>')
    done = voiceguide("render", path, "-o", f"{tmp_path}/")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "X.mp3")
    assert "the prefix “mstts” is not declared" in done.stderr


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"rest": 5}, "“rounds” is not defined; values are given by variables"),
        (
            {"rest": 5, "rounds": "three"},
            "needs a whole number, not text; check the values of variables",
        ),
        (
            {"rest": 5, "rounds": 2.5},
            "needs a whole number, not a number with decimals; check the values of variables",
        ),
    ],
)
def test_a_number_that_a_template_counts_to_must_be_given(tmp_path, given, says):
    page = (SOUNDS.parent / "docs/ssml.md").read_text("utf-8")
    example = page.partition("    {% for round in range(rounds) %}")[1:]
    path = tmp_path / "my.ssml.jinja"
    body = textwrap.dedent("".join(example).partition("\n\n")[0])
    path.write_text(f"<speak>\n{body}\n</speak>", "utf-8")
    with pytest.raises(ScriptError) as raised:
        _ = Session(path, variables=given).script
    assert str(raised.value) == f"{path}:2: {says}"
    assert "Round 2." in Session(path, variables={"rest": 5, "rounds": 2}).script
