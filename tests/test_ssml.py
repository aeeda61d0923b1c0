"""SSML as it is read: what is spoken, what is silent, and what is refused with its line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from voiceguide import ssml
from voiceguide.errors import ScriptError
from voiceguide.ssml import Cue, Group, Mark, Pause, Script, Sound, Speech, SyncBase, Timing

SOUNDS = Path(__file__).parents[1] / "sounds"
NAMESPACES = 'xmlns="http://www.w3.org/2001/10/synthesis" xmlns:vg="urn:voiceguide" xmlns:o="urn:o"'


def read(body: str, *folders: Path) -> Script:
    """Read a script whose body begins on line 1."""
    text = f'<speak version="1.1" xml:lang="en" {NAMESPACES}>{body}</speak>'
    return ssml.parse(text, name="my.ssml", folders=[*folders, SOUNDS])


def shown(cue: Cue) -> object:
    """Give what matters of a cue: a text, a pause (~ where elastic), a sound, a mark, a group."""
    match cue:
        case Speech(text):
            return text
        case Pause(ms, elastic):
            return f"~{ms}" if elastic else ms
        case Sound(_, source):
            return f"<{source}>"
        case Mark(name):
            return f"#{name}"
        case Group(kind, children):
            return (kind, *map(shown, children))


def cues(body: str) -> list[object]:
    return [shown(cue) for cue in read(body).root.children]


def style(body: str) -> ssml.Style:
    (speech,) = (cue for cue in ssml.walk(read(body).root) if isinstance(cue, Speech))
    return speech.style


def timing(attributes: str) -> Timing:
    (group,) = read(f"<media {attributes}>Hello.</media>").root.children
    return group.timing


def problems(text: str, *folders: Path) -> list[str]:
    """Give the lines of the error that a script gives."""
    with pytest.raises(ScriptError) as raised:
        read(text, *folders)
    return str(raised.value).splitlines()


# Speech, and the gaps between


def test_text_is_one_speech_with_single_spaces():
    assert cues("\n  Breathe\n\t in.  And   out.\n") == ["Breathe in. And out."]


def test_a_gap_is_implied_where_a_sentence_or_paragraph_ends_and_more_follows():
    assert cues("<s>One.</s><s>Two.</s>") == ["One.", "~400", "Two."]
    assert cues("<p>One.</p><p>Two.</p>") == ["One.", "~1500", "Two."]
    assert cues("<p><s>One.</s> <s>Two.</s></p>Three.") == [
        "One.", "~400", "Two.", "~1500", "Three.",
    ]  # fmt: skip


def test_no_gap_is_implied_before_the_first_word_or_after_the_last():
    assert cues("<p> </p><s/><p><s>One.</s></p>  <p> </p>") == ["One."]


@pytest.mark.parametrize("written", ['<break time="5s"/>', "<break strength='none'/>"])
def test_a_written_break_takes_the_place_of_the_gap(written):
    first, pause, second = cues(f"<p>One.</p>{written}<p>Two.</p>")
    assert (first, second) == ("One.", "Two.")
    assert pause in (5000, "~0")


def test_a_sound_takes_the_place_of_the_gap():
    assert cues('<s>One.</s><audio src="bell.wav"/><s>Two.</s>') == ["One.", "<bell.wav>", "Two."]


def test_a_mark_does_not_take_the_place_of_the_gap():
    assert cues('<p>One.</p><mark name="x"/><p>Two.</p>') == ["One.", "#x", "~1500", "Two."]


def test_breaks_of_each_strength_are_elastic_and_timed_ones_exact():
    strengths = {"none": 0, "x-weak": 200, "weak": 400, "medium": 800, "strong": 1500}
    for strength, ms in (strengths | {"x-strong": 3000}).items():
        assert cues(f'<break strength="{strength}"/>') == [f"~{ms}"]
    assert cues("<break/>") == ["~800"]
    assert cues('<break strength="x-strong" time="250ms"/>') == [250]


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("5s", 5000), ("1.5s", 1500), (".5s", 500), ("2.s", 2000), ("250ms", 250), ("0s", 0),
        ("2min", 120_000), ("1h", 3_600_000), (" 3s ", 3000), ("0.0005s", 1), ("0.3ms", 0),
    ],
)  # fmt: skip
def test_times_are_read_to_the_millisecond(written, ms):
    assert cues(f'<break time="{written}"/>') == [ms]


@pytest.mark.parametrize("silent", ["…", " — ", "?!", "„“", "(.)", "<s>.</s>", "\u00a0"])
def test_punctuation_alone_is_not_spoken(silent):
    assert cues(f"<s>One.</s>{silent}<s>Two.</s>") == ["One.", "~400", "Two."]


def test_what_has_a_sign_to_say_is_spoken():
    assert cues("<s>1 + 1</s><s>+</s><s>…5</s>") == ["1 + 1", "~400", "+", "~400", "…5"]


def test_characters_of_xml_and_of_every_script_come_through():
    assert cues("Salt &amp; &lt;water&gt; &#252; <![CDATA[<b>]]>") == ["Salt & <water> ü <b>"]
    assert cues("Füße, 足, قدم, 👣") == ["Füße, 足, قدم, 👣"]


def test_comments_desc_and_metadata_are_silent_and_break_nothing():
    assert cues("Press <!-- not --> and <?php x?> hold.") == ["Press and hold."]
    assert cues("<metadata><o:a>no</o:a></metadata><meta name='x' content='y'/>Hold.") == ["Hold."]
    assert cues('<audio src="no.wav"><desc>a bell</desc>Ding.</audio>') == ["Ding."]


def test_elements_of_other_namespaces_pass_on_what_they_contain():
    assert cues('Press <o:b o:x="1">the <o:i>calf</o:i></o:b> now.') == ["Press the calf now."]
    assert cues('<o:x><s>One.</s><break time="1s"/></o:x>Two.') == ["One.", 1000, "Two."]


def test_elements_of_other_namespaces_pass_on_what_they_contain_in_a_par_too():
    assert cues("<par><o:x><media>One.</media></o:x></par>") == [("par", ("seq", "One."))]


def test_a_script_without_a_namespace_is_read_too():
    script = ssml.parse("<speak><p>One.</p></speak>", name="my.ssml", folders=[], language="de")
    assert [shown(cue) for cue in script.root.children] == ["One."]
    assert script.language == "de"


def test_the_title_and_language_are_those_of_the_script():
    title = '<title xmlns="http://purl.org/dc/elements/1.1/">Calf &amp; foot</title>'
    script = ssml.parse(
        f'<speak {NAMESPACES} xml:lang="de-AT"><metadata>{title}</metadata>Ja.</speak>'.encode(),
        name="my.ssml",
        folders=[],
    )
    assert script.title == "Calf & foot"
    assert script.language == "de-AT"
    assert style("Hello.").language == "en"
    assert read("Hello.").title is None


def test_bytes_are_read_in_the_encoding_that_they_name():
    text = '<?xml version="1.0" encoding="iso-8859-1"?><speak>Füße</speak>'
    script = ssml.parse(text.encode("iso-8859-1"), name="my.ssml", folders=[])
    assert [shown(cue) for cue in script.root.children] == ["Füße"]


# Style


def test_a_language_holds_for_what_it_is_written_on_and_no_more():
    root = read(
        '<s>One</s><s xml:lang="de">Zwei <o:x xml:lang="fr">trois</o:x></s><s>four</s>'
    ).root
    speeches = [cue for cue in ssml.walk(root) if isinstance(cue, Speech)]
    assert [(speech.text, speech.style.language) for speech in speeches] == [
        ("One", "en"),
        ("Zwei", "de"),
        ("trois", "fr"),
        ("four", "en"),
    ]


def test_a_change_of_style_ends_a_speech_without_a_gap():
    assert cues('Press <prosody rate="slow">slowly</prosody> down.') == ["Press", "slowly", "down."]


@pytest.mark.parametrize(
    ("attribute", "field", "value"),
    [
        ('rate="50%"', "rate", 0.5),
        ('rate="+20%"', "rate", 1.2),
        ('rate="-20%"', "rate", 0.8),
        ('rate="1.5%"', "rate", 0.015),
        ('rate="medium"', "rate", 1.0),
        ('pitch="+2st"', "pitch_st", 2.0),
        ('pitch="-1.5st"', "pitch_st", -1.5),
        ('pitch="+100%"', "pitch_st", 12.0),
        ('pitch="-50%"', "pitch_st", -12.0),
        ('pitch="default"', "pitch_st", 0.0),
        ('volume="+6dB"', "gain_db", 6.0),
        ('volume="-3.5dB"', "gain_db", -3.5),
        ('volume="default"', "gain_db", 0.0),
    ],
)
def test_prosody_is_read(attribute, field, value):
    assert getattr(style(f"<prosody {attribute}>Hello.</prosody>"), field) == pytest.approx(value)


@pytest.mark.parametrize(
    ("attribute", "field", "words"),
    [
        ("rate", "rate", ["x-slow", "slow", "medium", "fast", "x-fast"]),
        ("pitch", "pitch_st", ["x-low", "low", "medium", "high", "x-high"]),
        ("volume", "gain_db", ["silent", "x-soft", "soft", "medium", "loud", "x-loud"]),
    ],
)
def test_the_words_of_prosody_rise_from_least_to_most(attribute, field, words):
    styles = [style(f'<prosody {attribute}="{word}">Hello.</prosody>') for word in words]
    values = [getattr(one, field) for one in styles]
    assert values == sorted(set(values))


def test_prosody_in_prosody_adds_up():
    inner = '<prosody rate="50%" pitch="+1st" volume="-3dB">Hello.</prosody>'
    nested = style(f'<prosody rate="80%" pitch="+2st" volume="-2dB">{inner}</prosody>')
    assert nested.rate == pytest.approx(0.4)
    assert nested.pitch_st == pytest.approx(3)
    assert nested.gain_db == pytest.approx(-5)


# Sounds


def test_a_sound_is_found_in_the_first_folder_that_has_it(tmp_path):
    shutil.copy(SOUNDS / "tick.wav", tmp_path / "bell.wav")
    (sound, other) = read('<audio src="bell.wav"/><audio src="tick.wav"/>', tmp_path).root.children
    assert sound.path == (tmp_path / "bell.wav").resolve()
    assert other.path == SOUNDS / "tick.wav"
    assert (sound.source, sound.speed) == ("bell.wav", 1.0)


def test_a_sound_may_lie_in_a_folder_below(tmp_path):
    (tmp_path / "beds").mkdir()
    shutil.copy(SOUNDS / "tick.wav", tmp_path / "beds/rain & wind.wav")
    assert not read('<audio src="beds/rain &amp; wind.wav"/>', tmp_path).warnings


def test_a_sound_has_its_speed_and_level():
    (group,) = read(
        '<audio src="bell.wav" speed="50%" soundLevel="-6dB">Ding.</audio>'
    ).root.children
    (sound,) = group.children
    assert sound.speed == 0.5
    assert group.timing.gain_db == -6


@pytest.mark.parametrize(
    "source",
    ["no.wav", "", "http://example.com/a.wav", "file:///etc/hostname", "data:audio/wav;base64,AA"],
)
def test_a_sound_that_is_not_there_speaks_its_text_with_a_warning(source):
    script = read(f'<s>One.</s>\n<audio src="{source}"><s>Ding.</s><s>Dong.</s></audio>')
    texts = [shown(cue) for cue in script.root.children]
    assert texts == ["One.", "~400", "Ding.", "~400", "Dong."]
    (warning,) = script.warnings
    assert warning.startswith(f"my.ssml:2: no sound {source!r}")


def test_the_text_of_a_sound_may_lie_in_an_element_of_another_namespace():
    assert cues('<audio src="no.wav"><o:x>Ding.</o:x></audio>') == ["Ding."]


@pytest.mark.parametrize(
    "content",
    [
        "", " ", "<desc>a bell</desc>", "…", "<!-- x -->",
        "<s>…</s>",
        "<metadata/>",
    ],
)  # fmt: skip
def test_a_sound_that_is_not_there_and_has_no_text_is_an_error(content):
    (problem,) = problems(f'\n<audio src="no.wav">{content}</audio>')
    assert problem.startswith("my.ssml:2: there is no sound 'no.wav' in ")
    assert str(SOUNDS) in problem


@pytest.mark.parametrize("trick", ["../bell.wav", "a/../../bell.wav", "{outside}", "link.wav"])
def test_no_sound_is_taken_from_outside_the_folders(tmp_path, trick):
    inside = tmp_path / "inside"
    (inside / "a").mkdir(parents=True)
    outside = tmp_path / "bell.wav"
    shutil.copy(SOUNDS / "bell.wav", outside)
    (inside / "link.wav").symlink_to(outside)
    source = trick.format(outside=outside)
    text = f'<speak><audio src="{source}"/></speak>'
    with pytest.raises(ScriptError, match=f"my.ssml:1: there is no sound '{re.escape(source)}'"):
        ssml.parse(text, name="my.ssml", folders=[inside])


def test_a_sound_with_an_endless_name_is_an_error_with_its_line():
    assert problems(f'<audio src="{"a" * 5000}.wav"/>')[0].startswith("my.ssml:1: there is no")


def test_each_sound_that_is_not_there_is_warned_of_once():
    depth = 6
    nested = '<audio src="no.wav">' * depth + "Ding." + "</audio>" * depth
    assert len(read(nested).warnings) == depth


def test_a_problem_in_the_text_of_a_sound_that_is_not_there_is_reported_once():
    (problem,) = problems('<audio src="no.wav"><blink/>Ding.</audio>')
    assert "more" not in problem


# Marks, par, seq and media


def test_a_mark_stands_where_it_is_written():
    assert cues('One <mark name="chapter:Two"/> two') == ["One", "#chapter:Two", "two"]


def test_groups_hold_what_is_written_in_them():
    body = """
      <par>
        <media><audio src="bell.wav"/></media>
        <seq><!-- x --><media><speak><p>One.</p><p>Two.</p></speak></media><desc>no</desc></seq>
      </par>"""
    seq = ("seq", ("seq", "One.", "~1500", "Two."))
    assert cues(body) == [("par", ("seq", "<bell.wav>"), seq)]


def test_a_timing_that_is_not_written_is_none():
    assert timing("") == Timing()


def test_every_timing_attribute_is_read():
    written = (
        'xml:id="intro" begin="1.5s" end="9s" dur="4s" repeatCount="2.5" repeatDur="10s" '
        'soundLevel="-6dB" fadeInDur="300ms" fadeOutDur="2s" vg:pan="-0.5"'
    )
    assert timing(written) == Timing(
        id="intro",
        begin=1500,
        end=9000,
        dur_ms=4000,
        repeat_count=2.5,
        repeat_dur_ms=10_000,
        gain_db=-6.0,
        fade_in_ms=300,
        fade_out_ms=2000,
        pan=-0.5,
    )
    for kind in ("par", "seq"):
        (group,) = read(f"<{kind} {written}/>").root.children
        assert group.timing == timing(written)


@pytest.mark.parametrize(
    ("written", "point"),
    [
        ("-2s", -2000),
        ("+250ms", 250),
        ("intro.end", SyncBase("intro", "end", 0)),
        ("intro.begin+1.5s", SyncBase("intro", "begin", 1500)),
        ("intro.end - 2s", SyncBase("intro", "end", -2000)),
        ("first-part.end-1s", SyncBase("first-part", "end", -1000)),
        ("a.end.begin+1s", SyncBase("a.end", "begin", 1000)),
    ],
)
def test_begin_and_end_are_offsets_or_hang_on_another_element(written, point):
    assert timing(f'begin="{written}"').begin == point
    assert timing(f'end="{written}"').end == point


# What is refused


@pytest.mark.parametrize(
    ("element", "says"),
    [
        ('<break time="5"/>', "<break time='5'>: must be a time such as 1.5s"),
        ('<break time="-5s"/>', "without a sign"),
        ('<break time="+5s"/>', "without a sign"),
        ('<break time="5 minutes"/>', "<break time='5 minutes'>"),
        ('<break time=""/>', "<break time=''>"),
        ('<break strength="huge"/>', "strength='huge' is none of none, x-weak"),
        ('<prosody rate="swift">x</prosody>', "<prosody rate='swift'>: must be a number"),
        ('<prosody rate="-100%">x</prosody>', "must be more than 0%"),
        ('<prosody rate="0%">x</prosody>', "must be more than 0%"),
        ('<prosody pitch="up">x</prosody>', "must be \\+2st, -10%, or one of x-low"),
        ('<prosody pitch="-100%">x</prosody>', "<prosody pitch='-100%'>"),
        ('<prosody volume="11">x</prosody>', "must be a number followed by dB"),
        ('<audio src="bell.wav" speed="0%"/>', "must lie between 10% and 1000%"),
        ('<audio src="bell.wav" speed="fast"/>', "<audio speed='fast'>"),
        ('<audio src="bell.wav" soundLevel="loud"/>', "<audio soundLevel='loud'>"),
        ("<mark/>", "<mark> needs a name"),
        ('<media begin="soon"/>', "must be a time .1.5s., or another element's"),
        ('<media begin="x.middle"/>', "<media begin='x.middle'>"),
        ('<media begin="x.end+soon"/>', "<media begin='x.end.soon'>"),
        ('<media end="1"/>', "<media end='1'>"),
        ('<par dur="-1s"/>', "<par dur='-1s'>"),
        ('<seq repeatCount="0"/>', "<seq repeatCount='0'>: must be more than 0"),
        ('<seq repeatCount="-1"/>', "must be more than 0"),
        ('<seq repeatCount="nan"/>', "must be a number"),
        ('<seq repeatDur="long"/>', "<seq repeatDur='long'>"),
        ('<media soundLevel="6"/>', "must be a number followed by dB"),
        ('<media fadeInDur="x"/>', "<media fadeInDur='x'>"),
        ('<media fadeOutDur="x"/>', "<media fadeOutDur='x'>"),
        ('<media vg:pan="2"/>', "<media pan='2'>: must lie between -1"),
        ('<media vg:pan="left"/>', "<media pan='left'>: must be a number"),
        ("<blink>x</blink>", "<blink> is not an element of SSML 1.1, nor par, seq or media"),
        ("<par><p>x</p></par>", "<par> takes par, seq and media, not <p>"),
        ('<seq><audio src="bell.wav"/></seq>', "<seq> takes par, seq and media, not <audio>"),
        ("<par>x</par>", "text in <par> belongs in <media><speak>"),
        ("<seq><media/>x</seq>", "text in <seq> belongs in <media><speak>"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(element, says):
    (problem,) = problems(f"<p>One.</p>\n\n{element}\n<p>Two.</p>")
    assert re.match(rf"my\.ssml:3: .*{says}", problem), problem


def test_all_problems_of_a_script_are_reported_at_once():
    found = problems('<blink/>\n<break time="x"/>\n<audio src="no.wav"/>\n<blink/><mark/>')
    assert [problem.split(": ")[0] for problem in found] == [
        "my.ssml:1", "my.ssml:2", "my.ssml:3", "my.ssml:4",
    ]  # fmt: skip
    assert re.search(r"\(and 1 more like it\)$", found[0])


def test_a_line_is_right_far_into_a_long_script():
    assert problems("\n" * 70_000 + "<blink/>")[0].startswith("my.ssml:70001: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<speak>\n<p>One.</speak>", 2),
        ("<speak>\n\nA & B</speak>", 3),
        ("<speak>&nbsp;</speak>", 1),
        ("", 1),
        ("Hello.", 1),
        ("<speak/>\n<speak/>", 2),
        ("<speak>" + "<s>" * 300 + "</s>" * 300 + "</speak>", 1),
    ],
    ids=["open element", "lone &", "entity of HTML", "empty", "no XML", "two roots", "too deep"],
)
def test_what_is_not_well_formed_is_refused_with_its_line(text, line):
    with pytest.raises(ScriptError, match=f"^my.ssml:{line}: not well-formed XML: "):
        ssml.parse(text, name="my.ssml", folders=[])


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"<speak>\xff</speak>", b"<speak>\x00</speak>"])
def test_bytes_that_are_no_text_are_refused(data):
    with pytest.raises(ScriptError, match=r"my.ssml:1: not well-formed XML"):
        ssml.parse(data, name="my.ssml", folders=[])


def test_another_root_is_refused():
    with pytest.raises(ScriptError, match=r"^my.ssml:2: the root is <html>, but must be <speak>"):
        ssml.parse("\n<html/>", name="my.ssml", folders=[])


def test_entities_are_not_expanded(tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    dtd = f'<!DOCTYPE speak [<!ENTITY a "aloud"><!ENTITY b SYSTEM "{secret.as_uri()}">]>'
    with pytest.raises(ScriptError) as raised:
        ssml.parse(f"{dtd}\n<speak>&a;\n&b;</speak>", name="my.ssml", folders=[])
    first, second = str(raised.value).splitlines()
    assert first.startswith("my.ssml:2: entity &a; is not known")
    assert second.startswith("my.ssml:3: entity &b; is not known")
    assert "secret.txt" not in str(raised.value)


@pytest.mark.parametrize("place", ["<speak>&a9;</speak>", '<speak><mark name="&a9;"/></speak>'])
def test_a_billion_laughs_are_refused(place):
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    text = f'<!DOCTYPE speak [<!ENTITY a0 "ha">{laughs}]>{place}'
    with pytest.raises(ScriptError, match=r"my.ssml:1: "):
        ssml.parse(text, name="my.ssml", folders=[])
