"""SSML as it is read: what is spoken, what is silent, and what is refused with its place."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from voiceguide import ssml
from voiceguide.errors import Position, ScriptError
from voiceguide.ssml import (
    Cue,
    Group,
    Mark,
    Pause,
    Script,
    Sound,
    Speech,
    SyncBase,
    Timing,
    WantedVoice,
    xml,
)

SOUNDS = Path(__file__).parents[1] / "sounds"
NAMESPACES = 'xmlns="http://www.w3.org/2001/10/synthesis" xmlns:vg="urn:voiceguide" xmlns:o="urn:o"'


def read(body: str, *folders: Path) -> Script:
    """Read a script whose body begins on line 1."""
    text = f'<speak version="1.1" xml:lang="en" {NAMESPACES}>{body}</speak>'
    return ssml.parse(text, name="my.ssml", folders=[*folders, SOUNDS])


def shown(cue: Cue) -> object:
    """Return what matters of a cue: a text, a pause (~ where elastic), a sound, a mark, a group."""
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
    """Return the lines of the error that a script gives."""
    with pytest.raises(ScriptError) as raised:
        read(text, *folders)
    return str(raised.value).splitlines()


def refused(document: str | bytes) -> str:
    """Return the error that a whole document gives."""
    with pytest.raises(ScriptError) as raised:
        ssml.parse(document, name="my.ssml", folders=[])
    return str(raised.value)


def places(document: str | bytes) -> list[tuple[object, Position]]:
    """Return what matters of each cue of a whole document, with where it is written."""
    root = ssml.parse(document, name="my.ssml", folders=[SOUNDS]).root
    return [(shown(cue), cue.at) for cue in ssml.walk(root) if not isinstance(cue, Group)]


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


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-8", "utf-16"])
def test_bytes_are_read_in_the_encoding_that_they_name_and_text_as_it_is(encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?><speak>Füße</speak>'
    for document in (text, text.encode(encoding)):
        script = ssml.parse(document, name="my.ssml", folders=[])
        assert [shown(cue) for cue in script.root.children] == ["Füße"]


# Lines and columns


def test_each_cue_knows_the_line_and_column_where_it_is_written():
    document = """<speak>One. <break time="1s"/><audio src="bell.wav"/>
  <mark name="x"/><media>
    <prosody rate="slow">Two.</prosody></media>
</speak>"""
    assert places(document) == [
        ("One.", Position(1, 8)),
        (1000, Position(1, 13)),
        ("<bell.wav>", Position(1, 31)),
        ("#x", Position(2, 3)),
        ("Two.", Position(3, 26)),
    ]


def test_each_group_knows_the_line_and_column_where_it_begins():
    root = read("\n<par>\n <media/>\n  <seq\n begin='1s'><media/></seq>\n</par>").root
    groups = [(cue.kind, cue.at) for cue in ssml.walk(root)][1:]
    assert groups == [
        ("par", Position(2, 1)), ("seq", Position(3, 2)),
        ("seq", Position(4, 3)), ("seq", Position(5, 13)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("<speak>Hold.</speak>", (1, 8)),
        ("<speak>\n\n   Hold.\n</speak>", (3, 4)),
        ("<speak>\n\tHold.</speak>", (2, 2)),
        ("<speak>\r\n\r\n Hold.</speak>", (3, 2)),
        ("<speak>\n<!-- x\n y --> Hold.</speak>", (3, 8)),
        ("<speak>\n<o:x xmlns:o='urn:o'>\n</o:x> Hold.</speak>", (3, 8)),
        ("<speak>\n <p>\n  <s>Hold.</s></p></speak>", (3, 6)),
        ("<speak>\n <![CDATA[Hold.]]></speak>", (2, 11)),
        ("<speak>\n &#72;old.</speak>", (2, 2)),
        ("<?xml version='1.0'?>\n<speak>Hold.</speak>", (2, 8)),
    ],
)
def test_a_text_is_where_its_first_word_is(written, place):
    ((spoken, at),) = places(written)
    assert (spoken, at) == ("Hold.", Position(*place))


def test_a_text_with_elements_in_it_is_where_it_begins():
    document = "<speak>\n Press\n <o:b xmlns:o='urn:o'>the\n calf</o:b>\n now.</speak>"
    assert places(document) == [("Press the calf now.", Position(2, 2))]


def test_an_implied_gap_is_where_the_speech_after_it_is():
    document = "<speak><s>One.</s>\n <s> Two.</s></speak>"
    assert places(document)[1:] == [("~400", Position(2, 6)), ("Two.", Position(2, 6))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_column_counts_characters_and_not_bytes(encoding):
    document = "<speak>\nFüße, 足, قدم, 👣 <mark name='ß足'/>\n 👣👣<break/>足</speak>"
    expected = [
        ("Füße, 足, قدم, 👣", Position(2, 1)),
        ("#ß足", Position(2, 17)),
        ("👣👣", Position(3, 2)),
        ("~800", Position(3, 4)),
        ("足", Position(3, 12)),
    ]
    assert places(document.encode(encoding)) == expected
    assert places(document) == expected


def test_a_column_counts_characters_in_an_old_encoding_too():
    text = '<?xml version="1.0" encoding="iso-8859-1"?>\n<speak>Füße <break/></speak>'
    assert places(text.encode("iso-8859-1"))[1] == ("~800", Position(2, 13))


def test_what_is_wrong_with_an_attribute_is_told_where_its_element_begins():
    assert problems("\n  <media\n    begin='soon'\n/>")[0].startswith(
        "my.ssml:2:3: <media begin='soon'>: "
    )


def test_a_line_and_a_column_are_right_far_into_a_long_script():
    assert problems("\n" * 70_000 + "  <blink/>")[0].startswith("my.ssml:70001:3: ")
    assert problems("\n" + "ü " * 40_000 + "<blink/>")[0].startswith("my.ssml:2:80001: ")


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


@pytest.mark.parametrize("sign", [".", ",", "!", "?!", "…", "...", ")", ").", "”", " :"])
def test_a_sign_after_a_change_of_style_belongs_to_the_words_before(sign):
    body = f"Press <emphasis>hard</emphasis>{sign} Then rest{sign}"
    assert cues(body) == ["Press", f"hard{sign}", f"Then rest{sign}"]
    assert cues(f"<emphasis>Press</emphasis>{sign}") == [f"Press{sign}"]
    assert cues(f"<emphasis>Press</emphasis>{sign}<s>Rest.</s>") == [f"Press{sign}", "Rest."]


def test_a_sign_is_spoken_in_the_style_of_the_words_that_it_belongs_to():
    speeches = read("<prosody rate='50%'>One</prosody>. Two.").root.children
    assert [(speech.text, speech.style.rate) for speech in speeches] == [("One.", 0.5), ("Two.", 1)]
    phoneme = '<phoneme alphabet="x-espeak" ph="w0n">One</phoneme>'
    first, second = read(f"<emphasis>{phoneme}</emphasis>. Two.").root.children
    assert (first.text, first.phonemes) == ("One.", "[[wɒn]].")
    assert (second.text, second.phonemes) == ("Two.", None)


@pytest.mark.parametrize("after", [".5 of it", "(gently)", "“now”", "+ 1"])
def test_what_begins_new_words_does_not_belong_to_those_before(after):
    hard, rest = cues(f"<emphasis>hard</emphasis>{after} rest")
    assert (hard, rest) == ("hard", f"{after} rest")


def test_a_voice_is_wanted_as_it_is_written_and_otherwise_is_the_sessions_own():
    assert style("Hello.").voice is None
    assert style('<voice name=" Anna  Berta ">Hello.</voice>').voice == WantedVoice(
        names=("Anna", "Berta")
    )
    written = '<voice gender="female" variant="2" languages="en-GB de:en">Hello.</voice>'
    assert style(written).voice == WantedVoice(
        languages=("en-GB", "de"), gender="female", variant=2
    )


def test_a_voice_holds_until_its_end_or_another_language():
    german = '<lang xml:lang="de">Zwei</lang>'
    british = '<lang xml:lang="en-GB">three</lang>'
    root = read(f'<voice name="Anna">One {german} {british}</voice> four').root
    assert [(speech.text, speech.style.voice) for speech in root.children] == [
        ("One", WantedVoice(names=("Anna",))),
        ("Zwei", None),
        ("three", WantedVoice(names=("Anna",))),
        ("four", None),
    ]


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
    why = " (nothing is fetched)" if "://" in source else ""
    what = f"no sound {source!r}{why}" if source else "<audio> has no src"
    assert warning == f"my.ssml:2:1: {what}: its text is spoken instead"


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
    says = f"no sound 'no.wav' in {SOUNDS}, and no text to speak instead"
    assert problem == f"my.ssml:2:1: {says}"


def test_a_sound_without_a_name_or_text_is_an_error():
    (problem,) = problems("\n<audio/>")
    assert problem == "my.ssml:2:1: <audio> needs a src, or text to speak instead"


@pytest.mark.parametrize("trick", ["../bell.wav", "a/../../bell.wav", "{outside}", "link.wav"])
def test_no_sound_is_taken_from_outside_the_folders(tmp_path, trick):
    inside = tmp_path / "inside"
    (inside / "a").mkdir(parents=True)
    outside = tmp_path / "bell.wav"
    shutil.copy(SOUNDS / "bell.wav", outside)
    (inside / "link.wav").symlink_to(outside)
    source = trick.format(outside=outside)
    text = f'<speak><audio src="{source}"/></speak>'
    says = f"^my.ssml:1:8: no sound '{re.escape(source)}'"
    with pytest.raises(ScriptError, match=says):
        ssml.parse(text, name="my.ssml", folders=[inside])


def test_a_sound_with_an_endless_name_is_an_error_with_its_place():
    says = problems(f'\n<audio src="{"a" * 5000}.wav"/>')[0]
    assert says.startswith("my.ssml:2:1: no sound")


def test_each_sound_that_is_not_there_is_warned_of_once_with_its_number():
    depth = 6
    nested = '<audio src="no.wav">' * depth + "Ding." + "</audio>" * depth
    (warning,) = read(f"\n{nested}").warnings
    assert warning.startswith("my.ssml:2:1: no sound 'no.wav'")
    assert warning.endswith(" (and 5 more like it)")


def test_warnings_of_each_kind_are_given_once_and_in_the_order_of_the_script():
    missing = '<audio src="no.wav">Ding.</audio>'
    other = '<audio src="other.wav">Dong.</audio>'
    warnings = read(f'\n{missing} {other}\n<break long="x"/>\n{missing}<break long="y"/>').warnings
    says = "its text is spoken instead"
    assert warnings == (
        f"my.ssml:2:1: no sound 'no.wav': {says} (and 1 more like it)",
        f"my.ssml:2:35: no sound 'other.wav': {says}",
        "my.ssml:3:1: <break> has no attribute “long”: it is ignored (and 1 more like it)",
    )


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
    named = f'<media xml:id="{point.id}"/>' if isinstance(point, SyncBase) else "<media/>"
    groups = read(f'{named}<par begin="{written}"/><media end="{written}"/>').root.children
    assert groups[1].timing.begin == point
    assert groups[2].timing.end == point


def test_an_id_may_be_used_before_it_is_written_and_from_anywhere():
    media = '<media begin="inner.end"/><seq><media xml:id="inner" end="outer.begin+1s"/></seq>'
    assert read(f'<par xml:id="outer">{media}</par><media begin="inner.begin"/>')


# What is refused


@pytest.mark.parametrize(
    ("element", "says"),
    [
        ('<break time="5"/>', "<break time='5'>: must be a time such as 1.5s"),
        ('<break time="-5s"/>', "without a sign"),
        ('<break time="5 minutes"/>', "<break time='5 minutes'>"),
        ('<break time=""/>', "<break time=''>"),
        ('<break strength="huge"/>', "<break strength='huge'>: must be one of none, x-weak, weak"),
        ('<prosody rate="swift">x</prosody>', "<prosody rate='swift'>: must be 80%, .10%, or one"),
        ('<prosody rate="-100%">x</prosody>', "must be more than 0%"),
        ('<prosody rate="0%">x</prosody>', "must be more than 0%"),
        ('<prosody pitch="up">x</prosody>', "must be \\+2st, -10%, or one of x-low"),
        ('<prosody pitch="-100%">x</prosody>', "<prosody pitch='-100%'>"),
        ('<prosody volume="11x">x</prosody>', "must be \\+6dB, or one of silent, x-soft"),
        ('<emphasis level="huge">x</emphasis>', "<emphasis level='huge'>: must be one of strong"),
        ('<voice gender="x">x</voice>', "<voice gender='x'>: must be one of female, male, neutral"),
        ('<voice variant="0">x</voice>', "<voice variant='0'>: must be a whole number"),
        ("<sub>WWW</sub>", "<sub> needs an alias"),
        ("<say-as>1</say-as>", "<say-as> needs interpret-as"),
        ("<phoneme>x</phoneme>", "<phoneme> needs ph"),
        ('<audio src="bell.wav" speed="0%"/>', "must be between 10% and 1000%"),
        ('<audio src="bell.wav" speed="fast"/>', "<audio speed='fast'>"),
        ('<audio src="bell.wav" soundLevel="loud"/>', "<audio soundLevel='loud'>"),
        ('<audio src="bell.wav" clipBegin="-1s"/>', "<audio clipBegin='-1s'>: .*without a sign"),
        ('<audio src="bell.wav" clipBegin="1s" clipEnd="1s"/>', "clipEnd before its clipBegin"),
        ('<audio src="bell.wav" repeatCount="0"/>', "<audio repeatCount='0'>: must be more than 0"),
        ("<mark/>", "<mark> needs a name, and a chapter a title"),
        ('<mark name="chapter: "/>', "<mark> needs a name, and a chapter a title"),
        ('<media begin="soon"/>', "must be a time .1.5s., or another element's"),
        ('<media begin="x.middle"/>', "<media begin='x.middle'>"),
        ('<media begin="x.end+soon"/>', "<media begin='x.end.soon'>"),
        ('<media begin="nope.end+1s"/>', "no element has the xml:id “nope”: give it to a par"),
        ('<media end="nope.begin"/>', "no element has the xml:id “nope”: give it to a par"),
        ('<par dur="-1s"/>', "<par dur='-1s'>"),
        ('<seq repeatCount="0"/>', "<seq repeatCount='0'>: must be more than 0"),
        ('<seq repeatCount="-1"/>', "must be more than 0"),
        ('<seq repeatCount="nan"/>', "must be a number"),
        (f'<seq repeatCount="{"9" * 400}"/>', "'9{40}…'>: is too large"),
        ('<seq repeatDur="long"/>', "<seq repeatDur='long'>"),
        ('<media soundLevel="6"/>', "must be a number followed by dB"),
        ('<media fadeInDur="x"/>', "<media fadeInDur='x'>"),
        ('<media fadeOutDur="x"/>', "<media fadeOutDur='x'>"),
        ('<media vg:pan="2"/>', "<media vg:pan='2'>: must be between -1"),
        ('<media vg:waits="yes"/>', "<media vg:waits='yes'>: must be true or false"),
        ('<media vg:pan="left"/>', "<media vg:pan='left'>: must be a number"),
        ('<braek time="5s"/>', r"nor par, seq or media; did you mean <break>\?"),
        ("<blink>x</blink>", "<blink> is not an element of SSML 1.1, nor par, seq or media"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_column(element, says):
    (problem,) = problems(f"<p>One.</p>\n\n{element}\n<p>Two.</p>")
    assert re.match(rf"my\.ssml:3:1: .*{says}", problem), problem
    (problem,) = problems(f"<p>One.</p>\nFüße {element} <p>Two.</p>")
    assert re.match(rf"my\.ssml:2:6: .*{says}", problem), problem


@pytest.mark.parametrize(
    ("group", "place", "says"),
    [
        ("<par>\n <p>x</p></par>", "3:2", "<par> takes par, seq and media, not <p>"),
        ("<par>x</par>", "2:6", "text in <par> belongs in <media><speak>…</speak></media>"),
        (
            "<seq><media/>\n x</seq>",
            "3:2",
            "text in <seq> belongs in <media><speak>…</speak></media>",
        ),
        (
            '<seq><media/><audio src="bell.wav"/></seq>',
            "2:14",
            "<seq> takes par, seq and media, not <audio>",
        ),
        ("<par><o:x><s/></o:x></par>", "2:11", "<par> takes par, seq and media, not <s>"),
    ],
)
def test_what_does_not_belong_in_a_group_is_named_where_it_stands(group, place, says):
    assert problems(f"\n{group}") == [f"my.ssml:{place}: {says}"]


def test_a_double_id_is_an_error_where_it_comes_again():
    body = '<media xml:id="a">One.</media>\n<par>\n <media xml:id="a">Two.</media>\n</par>'
    assert problems(body) == ["my.ssml:3:2: the id “a” is used twice"]
    (problem,) = problems(f'{body}\n<seq xml:id="a"/>')
    assert problem == "my.ssml:3:2: the id “a” is used twice (and 1 more like it)"


def test_all_problems_of_a_script_are_reported_at_once_in_its_order():
    found = problems("""
<media xml:id="a" begin="nope.end"/><blink/>
  <break time="x"/>
<audio src="no.wav"/><seq xml:id="a"><p/></seq>
<blink/><mark/>
""")
    says = [
        "2:1: no element has the xml:id “nope”; available: a",
        "2:37: <blink> is not an element of SSML 1.1, nor par, seq or media (and 1 more like it)",
        "3:3: <break time='x'>: must be a time such as 1.5s, 250ms, 2min or 1h",
        f"4:1: no sound 'no.wav' in {SOUNDS}, and no text to speak instead",
        "4:22: the id “a” is used twice",
        "4:38: <seq> takes par, seq and media, not <p>",
        "5:9: <mark> needs a name, and a chapter a title",
    ]
    assert found == [f"my.ssml:{problem}" for problem in says]


def test_several_problems_of_one_element_are_all_reported():
    (begin, end) = problems("\n<media begin='x' end='y'>Hello.</media>")
    assert begin.startswith("my.ssml:2:1: <media begin='x'>: ")
    assert end.startswith("my.ssml:2:1: <media end='y'>: ")


def test_of_very_many_kinds_of_problems_the_first_are_reported_and_the_others_counted():
    found = problems("\n".join(["", *(f"<blink{number}/>" for number in range(30))]))
    assert [problem.split(": ")[0] for problem in found[:-1]] == [
        f"my.ssml:{line}:1" for line in range(2, 22)
    ]
    assert found[-1] == "my.ssml: and 10 more"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<speak>\n<p>One.</speak>", "2:10: <p> on line 2 is not closed before this end tag"),
        ("<speak>\n\nA & B</speak>", r"3:[34]: is not well-formed XML: .*write &amp;"),
        ("<speak>\n👣 &nbsp;</speak>", "2:3: unknown entity “&nbsp;”: write the character"),
        ('<speak>\n <p a="1" a="2"/></speak>', "2:11: is not well-formed XML: duplicate attribute"),
        ("<speak>\n <o:p/><o:p></speak>", "2:15: <p> on line 2 is not closed before this end tag"),
        ("", "1:1: is empty"),
        ("\n ", "2:2: is empty"),
        ("<!-- Hello. -->", "1:16: has no element"),
        ("Hello.", r"1:1: is not well-formed XML: it must begin with <speak>; .* a \.txt or \.md"),
        ("<speak>\nHi.<break time=“5s”/></speak>", "2:16: .*: quotation marks .* must be straight"),
        ("<speak/>\n<speak/>", "2:1: is not well-formed XML: junk after document element"),
        (
            "<speak>\n" + "<s>" * 300 + "</s>" * 300 + "</speak>",
            "2:448: elements are nested more than 150 deep",
        ),
    ],
    ids=[
        "open element", "lone &", "entity of HTML", "double attribute", "prefix", "empty", "blank",
        "comment", "no XML", "typographic quotation marks", "two roots", "too deep",
    ],
)  # fmt: skip
def test_what_is_not_well_formed_is_refused_with_its_line_and_column(text, says):
    said = refused(text)
    assert re.match(f"my.ssml:{says}", said), said
    assert len(said.splitlines()) == 1


@pytest.mark.slow
def test_what_is_too_large_is_refused():
    assert refused("<speak>" + " " * 10_000_000 + "</speak>") == (
        "my.ssml: 10,000,015 bytes are more than a script may have (10,000,000)"
    )
    assert refused("<speak>\n" + "<s/>" * 300_000 + "</speak>") == (
        "my.ssml:2:1199997: has more than 300,000 elements"
    )


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff\xfe\x00", "my.ssml:1:2: is not well-formed XML: "),
        (b"<speak>\xff</speak>", "my.ssml:1:8: is not UTF-8: byte 0xff; save it as UTF-8"),
        ("<speak>\n Füße</speak>".encode("latin-1"), "my.ssml:2:3: is not UTF-8: byte 0xfc; "),
        (b"<speak>\n\x00</speak>", "my.ssml:2:1: is not well-formed XML: "),
        (b'<?xml version="1.0" encoding="nope"?><speak/>', "my.ssml:1:1: cannot be read: "),
        (b'<?xml version="1.0" encoding="base64"?><speak/>', "my.ssml:1:1: cannot be read: "),
    ],
)
def test_bytes_that_are_no_text_are_refused(data, says):
    assert refused(data).startswith(says)


@pytest.mark.parametrize("root", ["html", "p"])
def test_another_root_is_refused(root):
    assert refused(f"\n  <{root}/>") == f"my.ssml:2:3: the root is <{root}>, but must be <speak>"


@pytest.mark.parametrize(
    "declared", ['<!ENTITY a "aloud">', '<!ENTITY a SYSTEM "{secret}">', '<!ENTITY % a "aloud">']
)
def test_a_script_that_declares_an_entity_is_refused(tmp_path, declared):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    dtd = f"<!DOCTYPE speak [\n{declared.format(secret=secret.as_uri())}]>"
    for used in ("", "&a;"):
        said = refused(f"{dtd}\n<speak>{used}</speak>")
        assert re.fullmatch(
            r"my\.ssml:2:\d+: declares the entity “a”: write its text instead", said
        )


def test_an_entity_that_a_dtd_elsewhere_may_declare_is_not_looked_for(tmp_path):
    dtd = tmp_path / "speak.dtd"
    dtd.write_text('<!ENTITY a "aloud">')
    said = refused(f'<!DOCTYPE speak SYSTEM "{dtd.as_uri()}">\n<speak>Read &a;</speak>')
    assert said == "my.ssml:2:13: unknown entity “&a;”: write the character itself"


@pytest.mark.parametrize("place", ["<speak>&a9;</speak>", '<speak><mark name="&a9;"/></speak>'])
def test_a_billion_laughs_are_refused_at_once(place):
    laughs = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
    said = refused(f'<!DOCTYPE speak [\n<!ENTITY a0 "ha">{laughs}]>{place}')
    assert re.match(r"my\.ssml:2:\d+: declares the entity “a0”", said)


def test_a_long_run_of_speech_goes_on_as_another_after_its_sentence():
    sentence = "Let the leg grow heavy, and breathe."
    parts = cues(" ".join([sentence] * 100))
    assert all(len(part) <= 2000 for part in parts[::2])
    assert all(part.endswith("breathe.") for part in parts[::2])
    assert set(parts[1::2]) == {"~400"}
    assert " ".join(parts[::2]) == " ".join([sentence] * 100)


@pytest.mark.parametrize(
    "words", ["ask Dr. Smith", "z. B. so", "am 13. Tag", "take No. five", "Mrs. Smith knows"]
)
def test_a_long_run_is_not_split_after_an_abbreviation(words):
    for padding in range(1940, 2000, 3):
        text = f"{'let go ' * 400}"[:padding].rsplit(" ", 1)[0] + f" {words}{' and rest' * 20}"
        parts = cues(text)
        assert len(parts) == 2
        assert " ".join(parts) == text
        assert not parts[0].endswith(".")


def test_a_long_run_without_sentences_is_not_torn_by_pauses():
    parts = cues("word " * 1000)
    assert " ".join(parts) == ("word " * 1000).strip()


WHOLE = 1 << 30
MANY = """<?xml version="1.0"?><!-- from here on: é -->
<speak xmlns="http://www.w3.org/2001/10/synthesis" xmlns:dc="http://purl.org/dc/elements/1.1/"
  version="1.1" xml:lang="de">
  <metadata><dc:title> A  title, ü </dc:title></metadata>
  Grüße &amp; more &#8364; text, and a word across <emphasis>many</emphasis> pieces,
  <![CDATA[<raw> & data]]> then 𝄞 <break time="1s"/>
  <p>One. <s>Two,<!-- inside --> three.</s></p> tail
  <par><media xml:id="a"><speak>Left</speak></media>
    <media begin="a.end"><speak>or</speak></media></par>
  <emphasis>costs</emphasis> .5 percent, <emphasis>or</emphasis>!? say [[h@loU]] now
  <foreign xmlns="urn:x">said</foreign> last
</speak> <!-- after -->
"""


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 7, 64, 400])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_script_is_the_same_in_whatever_pieces_it_is_read(encoding, piece, monkeypatch):
    document = MANY.encode(encoding)
    monkeypatch.setattr(xml, "_PIECE_BYTES", WHOLE)
    whole = ssml.parse(document, name="a.ssml", folders=[])
    assert whole.title == "A title, ü"
    monkeypatch.setattr(xml, "_PIECE_BYTES", piece)
    assert ssml.parse(document, name="a.ssml", folders=[]) == whole


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 7, 64])
@pytest.mark.parametrize(
    "wrong",
    [
        MANY.replace("</s>", ""),
        MANY.replace("&amp;", "&uuml;"),
        MANY.replace("&amp;", "& "),
        MANY.replace("</speak> ", ""),
        MANY.replace("1s", "1 day").replace("tail", "<brake/>"),
        MANY.replace("speak", "spoke"),
        "",
        " \n",
        "<speak>",
    ],
)
def test_what_is_wrong_is_told_the_same_in_whatever_pieces(wrong, piece, monkeypatch):
    monkeypatch.setattr(xml, "_PIECE_BYTES", WHOLE)
    whole = refused(wrong)
    monkeypatch.setattr(xml, "_PIECE_BYTES", piece)
    assert refused(wrong) == whole
