"""Scripts as the SSML 1.1 recommendation and Google's documentation show them.

The words, names and sounds are ours; how the elements stand in one another is theirs, and so is
what is to be heard. Each word takes a second, unless a real voice speaks.
"""

from __future__ import annotations

import re
import wave
from pathlib import Path

import numpy as np
import pytest
from conftest import FRAMES_PER_MS, decode, onset_ms

from voiceguide import Session, mixer, ssml, timeline
from voiceguide.errors import ScriptError
from voiceguide.ssml import Sound, Speech, Style, WantedVoice

SOUNDS = Path(__file__).parents[1] / "sounds"
SSML = 'version="1.1" xmlns="http://www.w3.org/2001/10/synthesis"'
HEADER = (
    f'<?xml version="1.0"?>\n<speak {SSML} xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://www.w3.org/2001/10/synthesis '
    'http://www.w3.org/TR/speech-synthesis11/synthesis.xsd" xml:lang="en-US">'
)
DOCUMENT_TYPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE speak PUBLIC '
    '"-//W3C//DTD SYNTHESIS 1.0//EN" "http://www.w3.org/TR/speech-synthesis/synthesis.dtd">\n'
)


def tone(path: Path, length_ms: int, rate_hz: int = 16_000, channels: int = 2) -> Path:
    """Make a sound of a length."""
    at = np.arange(length_ms * rate_hz // 1000) / rate_hz
    samples = np.rint(8000 * np.sin(2 * np.pi * 440 * at)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(np.repeat(samples, channels).tobytes())
    return path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Path:
    """Hold the sounds of the examples; the script lies there too."""
    tone(tmp_path / "wave.wav", 3000)
    tone(tmp_path / "gong.wav", 2000, rate_hz=44_100, channels=1)
    tone(tmp_path / "rain.wav", 5000, rate_hz=22_050)
    tone(tmp_path / "pop.wav", 500)
    return tmp_path


def parse(script: str, folder: Path) -> ssml.Script:
    """Read an example: a whole script, or what stands in one."""
    if "<speak" not in script[:400]:
        script = f"{HEADER}{script}</speak>"
    return ssml.parse(script, name="my.ssml", folders=[folder, SOUNDS])


def length_ms(cue: Speech | Sound) -> int:
    return mixer.sound_ms(cue) if isinstance(cue, Sound) else 1000 * len(cue.text.split())


def whole(script: str, folder: Path) -> timeline.Timeline:
    root = parse(script, folder).root
    return timeline.collect(timeline.resolve(root, length_ms, name="my.ssml"))


def heard(script: str, folder: Path) -> list[tuple[str, float, float]]:
    """Return what is heard, and from when to when, in seconds."""
    return [
        (
            event.text or event.source,
            event.begin_ms / 1000,
            event.end_ms / 1000,
        )
        for event in whole(script, folder).events
    ]


def words(script: str, folder: Path) -> list[str]:
    return [name for name, _, _ in heard(script, folder)]


def styles(script: str, folder: Path) -> list[tuple[str, Style]]:
    cues = ssml.walk(parse(script, folder).root)
    return [(cue.text, cue.style) for cue in cues if isinstance(cue, Speech)]


def warnings(script: str, folder: Path) -> list[str]:
    """Return the warnings, without their places."""
    return [re.sub(r"^my\.ssml:\d+:\d+: ", "", one) for one in parse(script, folder).warnings]


# SSML 1.1: the document


@pytest.mark.parametrize(
    "head",
    [
        HEADER,
        f"<speak {SSML}>",
        '<speak version="1.0">',
        f"{DOCUMENT_TYPE}<speak {SSML}>",
    ],
    ids=["schema", "namespace", "neither", "document type"],
)
def test_every_head_of_the_recommendation_is_read(head, folder):
    assert heard(f"{head}Good evening.</speak>", folder) == [("Good evening.", 0, 2)]
    assert warnings(f"{head}Good evening.</speak>", folder) == []


def test_a_paragraph_may_be_in_another_language(folder):
    script = '<p>I cannot read Greek.</p><p xml:lang="el">Δεν διαβάζω ελληνικά.</p>'
    assert [(text, style.language) for text, style in styles(script, folder)] == [
        ("I cannot read Greek.", "en-US"),
        ("Δεν διαβάζω ελληνικά.", "el"),
    ]
    assert heard(script, folder)[1] == ("Δεν διαβάζω ελληνικά.", 5.5, 8.5)


def test_start_and_end_marks_are_ignored_with_warnings(folder):
    script = f"""<speak {SSML} xml:lang="en" startmark="from" endmark="to">
      <audio src="pop.wav"/><mark name="from"/><audio src="gong.wav"/><mark name="to"/>
      <audio src="wave.wav"/></speak>"""
    assert heard(script, folder) == [("pop.wav", 0, 0.5), ("gong.wav", 0.5, 2.5),
                                     ("wave.wav", 2.5, 5.5)]  # fmt: skip
    assert set(warnings(script, folder)) == {
        "<speak startmark> is not supported: it is ignored",
        "<speak endmark> is not supported: it is ignored",
    }


def test_what_stands_in_a_lookup_is_spoken_where_the_lexicon_is_missing(folder):
    script = """
      <lexicon uri="http://example.com/plants.pls" xml:id="plants"/>
      <lexicon uri="http://example.com/birds.pls" xml:id="birds" type="application/pls+xml"/>
      <lookup ref="plants"> Yarrow grows here. <lookup ref="birds">A wren sings.</lookup></lookup>
      Nothing else."""
    assert words(script, folder) == ["Yarrow grows here. A wren sings. Nothing else."]
    assert [one.partition(":")[0] for one in warnings(script, folder)] == [
        "no lexicon 'http",
        "no lexicon 'http",
    ]


def test_metadata_is_silent_and_gives_the_title(folder):
    script = """
      <meta http-equiv="Cache-Control" content="no-cache"/>
      <meta name="seeAlso" content="http://example.com/about.xml"/>
      <metadata>
        <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
                 xmlns:dc="http://purl.org/dc/elements/1.1/">
          <rdf:Description rdf:about="http://example.com/evening.ssml" dc:language="en">
            <dc:title>An evening at rest</dc:title>
            <dc:creator><rdf:Seq><rdf:li>Ada</rdf:li><rdf:li>Ben</rdf:li></rdf:Seq></dc:creator>
          </rdf:Description>
        </rdf:RDF>
      </metadata>
      Lie down."""
    assert heard(script, folder) == [("Lie down.", 0, 2)]
    assert parse(script, folder).title == "An evening at rest"
    assert warnings(script, folder) == []


# SSML 1.1: structure and pronunciation


def test_sentences_of_a_paragraph_follow_each_other(folder):
    script = "<p><s>This is the first one.</s><s>Here comes another.</s></p>"
    assert heard(script, folder) == [
        ("This is the first one.", 0, 5),
        ("Here comes another.", 5.4, 8.4),
    ]


def test_tokens_are_spoken_as_words_of_their_sentence(folder):
    plain = "The <w>lead</w> singer and the <token role='x:metal'>lead</token> pipe."
    assert words(plain, folder) == ["The lead singer and the lead pipe."]
    assert warnings(plain, folder) == []


def test_tokens_that_touch_are_words_of_their_own(folder):
    script = '<speak xml:lang="zh"><token>上海市</token><token>长途汽车</token>到了。</speak>'
    assert words(script, folder) == ["上海市 长途汽车 到了。"]


def test_what_is_said_instead_is_heard(folder):
    script = """
      <sub alias="Royal Botanic Gardens">RBG</sub>
      <!-- by its sound -->
      <sub alias="しんおおさか" xml:lang="ja">新大阪</sub>"""
    assert " ".join(words(script, folder)) == "Royal Botanic Gardens しんおおさか"


def test_phonemes_of_unknown_alphabets_leave_their_content(folder):
    script = (
        '<phoneme alphabet="ipa" ph="p&#x259;&#x2C8;te&#x26A;t&#x259;&#x28A;">potato</phoneme>'
        '<phoneme alphabet="x-JEITA" ph="ポテト"> chips</phoneme>'
    )
    assert words(script, folder) == ["potato chips"]
    assert [one.partition(" is ")[0] for one in warnings(script, folder)] == [
        "<phoneme alphabet='x-jeita'>",
    ]


def test_foreign_words_are_in_their_language(folder):
    script = """
      The Spanish for bread is <w xml:lang="es">pan</w>.
      She likes her rice <lang xml:lang="it">molto morbido</lang>."""
    assert [(text, style.language) for text, style in styles(script, folder)] == [
        ("The Spanish for bread is", "en-US"),
        ("pan.", "es"),
        ("She likes her rice", "en-US"),
        ("molto morbido.", "it"),
    ]


# SSML 1.1: prosody and style


def test_voices_are_wanted_by_kind_and_by_name(folder):
    script = """
      <voice gender="female" languages="en-US" required="languages gender">Row,
      row your boat,</voice>
      <!-- another one like her -->
      <voice gender="female" variant="2">gently down the stream.</voice>
      <voice name="Zoe" required="name">I sing along.</voice>"""
    assert styles(script, folder) == [
        (
            "Row, row your boat,",
            Style("en-US", WantedVoice(languages=("en-US",), gender="female")),
        ),
        ("gently down the stream.", Style("en-US", WantedVoice(gender="female", variant=2))),
        ("I sing along.", Style("en-US", WantedVoice(names=("Zoe",)))),
    ]
    assert heard(script, folder)[-1] == ("I sing along.", 8, 11)


def test_a_voice_within_a_voice_holds_until_it_ends(folder):
    script = """<voice gender="male">He begins,
      <voice gender="female">she answers,</voice> he ends.</voice>"""
    genders = [(text, style.voice.gender) for text, style in styles(script, folder)]
    assert genders == [("He begins,", "male"), ("she answers,", "female"), ("he ends.", "male")]


def test_emphasis_stands_out(folder):
    script = """What a <emphasis>small</emphasis> mouse,
      and a <emphasis level="strong">tiny</emphasis> hole!"""
    plain, moderate, _, strong, _ = [style for _, style in styles(script, folder)]
    assert plain == Style("en-US")
    assert strong.gain_db > moderate.gain_db > 0
    assert strong.rate < moderate.rate < 1
    assert " ".join(words(script, folder)) == "What a small mouse, and a tiny hole!"


def test_breaks_are_as_long_as_they_say(folder):
    script = """Breathe in <break/> and let go.
      Say yes or wait. <break time="3s"/>
      I heard nothing! <break strength="weak"/> Once more."""
    assert heard(script, folder) == [
        ("Breathe in", 0, 2),
        ("and let go. Say yes or wait.", 2.8, 9.8),
        ("I heard nothing!", 12.8, 15.8),
        ("Once more.", 16.2, 18.2),
    ]


def test_a_rate_is_a_part_of_the_usual_one_and_a_contour_is_ignored(folder):
    script = """A cup costs <prosody rate="90%">$3</prosody>.
      <prosody contour="(0%,+20Hz) (10%,+30%) (40%,+10Hz)">good evening</prosody>"""
    assert styles(script, folder)[1] == ("$3.", Style("en-US", rate=0.9))
    assert styles(script, folder)[2] == ("good evening", Style("en-US"))
    assert warnings(script, folder) == []


# SSML 1.1: sounds


def test_a_sound_is_heard_where_it_stands(folder):
    script = 'Speak after the tone. <audio src="pop.wav"/>'
    assert heard(script, folder) == [("Speak after the tone.", 0, 4), ("pop.wav", 4, 4.5)]


def test_the_content_of_a_sound_is_heard_only_if_it_is_missing(folder):
    script = """<audio src="gong.wav">Where do you want to go?</audio>
      <audio src="greeting.wav"><emphasis>Welcome</emphasis> to the garden.</audio>
      <audio src="a.au"><audio src="pop.wav">Pop.</audio></audio>"""
    assert heard(script, folder) == [
        ("gong.wav", 0, 2),
        ("Welcome", 2, 3),
        ("to the garden.", 3, 6),
        ("pop.wav", 6, 6.5),
    ]
    assert warnings(script, folder) == [
        "no sound 'greeting.wav': its text is spoken instead",
        "no sound 'a.au': its text is spoken instead",
    ]


@pytest.mark.parametrize(
    ("attributes", "played_s"),
    [
        ('clipBegin="1s"', [2]),
        ('clipBegin="500ms" clipEnd="2s"', [1.5]),
        ('clipEnd="60s"', [3]),
        ('repeatCount="2"', [3, 3]),
        ('repeatCount="2.5"', [3, 3, 1.5]),
        ('repeatDur="7s"', [3, 3, 1]),
        ('repeatDur="2s"', [2]),
        ('clipBegin="1s" clipEnd="2s" repeatCount="4"', [1, 1, 1, 1]),
        ('clipEnd="1s" repeatCount="10" repeatDur="2.5s"', [1, 1, 0.5]),
        ('repeatCount="2" repeatDur="60s"', [3, 3]),
        ('speed="150%"', [2]),
        ('speed="50%" clipBegin="1s" repeatCount="2"', [4, 4]),
    ],
)
def test_a_sound_is_trimmed_and_repeated(attributes, played_s, folder):
    played = heard(f'<audio src="wave.wav" {attributes}/>', folder)
    assert [end - begin for _, begin, end in played] == pytest.approx(played_s)
    assert [begin for _, begin, _ in played] == pytest.approx([0, *np.cumsum(played_s[:-1])])


def test_a_sound_has_its_level(folder):
    script = """<audio src="pop.wav" soundLevel="-6dB"/> <audio src="pop.wav"/>
      <audio src="pop.wav" soundLevel="+4.5dB" repeatCount="2"/>"""
    assert [event.gain_db for event in whole(script, folder).events] == [-6, 0, 4.5, 4.5]


def test_a_mark_is_not_heard(folder):
    script = 'Move from <mark name="left"/> here, to <mark name="right"/> there!'
    assert heard(script, folder) == [
        ("Move from", 0, 2),
        ("here, to", 2, 4),
        ("there!", 4, 5),
    ]
    assert whole(script, folder).chapters == ()


def test_a_description_is_never_spoken(folder):
    script = """<audio src="brook.wav">You would hear a brook now.
        <desc>water over stones</desc></audio>
      <audio src="gong.wav"><desc xml:lang="de">ein Gong</desc></audio>"""
    assert heard(script, folder) == [
        ("You would hear a brook now.", 0, 6),
        ("gong.wav", 6, 8),
    ]


# SSML 1.1: the examples of its appendix


def test_messages_are_read_out(folder):
    script = """<p>
        <s>You have two new letters.</s>
        <s>The first is from Ann Lee and came at <break/> 9:15am.</s>
        <s>It is about <prosody rate="80%">lunch on Sunday</prosody></s>
      </p>"""
    assert heard(script, folder) == [
        ("You have two new letters.", 0, 5),
        ("The first is from Ann Lee and came at", 5.4, 14.4),
        ("9:15am.", 15.2, 16.2),
        ("It is about", 16.6, 19.6),
        ("lunch on Sunday", 19.6, 22.6),
    ]


MUSIC = """
  <p><voice gender="male">
    <s>Tonight we hear what is new.</s>
    <s>This is what the papers say.</s>
  </voice></p>
  <p><voice gender="female">Her songs are about the sea.</voice></p>
  <p><voice gender="male">Listen to this. <audio src="wave.wav"/> Do you like it?</voice></p>"""


def test_two_voices_announce_music(folder):
    assert heard(MUSIC, folder) == [
        ("Tonight we hear what is new.", 0, 6),
        ("This is what the papers say.", 6.4, 12.4),
        ("Her songs are about the sea.", 13.9, 19.9),
        ("Listen to this.", 21.4, 24.4),
        ("wave.wav", 24.4, 27.4),
        ("Do you like it?", 27.4, 31.4),
    ]
    genders = [style.voice.gender for _, style in styles(MUSIC, folder)]
    assert genders == ["male", "male", "female", "male", "male"]


def test_a_foreign_title_is_named(folder):
    script = """<p>The book is called <phoneme alphabet="ipa"
        ph="&#x2C8;l&#x251; &#x2C8;k&#x251;za">La casa</phoneme>
        (The house), <voice languages="it" gender="female">La casa</voice>,
        and was written by <sub alias="somebody">N. N.</sub></p>"""
    assert heard(script, folder) == [
        ("The book is called La casa (The house),", 0, 8),
        ("La casa,", 8, 10),
        ("and was written by somebody", 10, 15),
    ]


# Google's examples of speech


def test_the_first_example_has_a_bit_of_everything(folder):
    script = """<speak>
      These are <say-as interpret-as="characters">ABC</say-as> examples.
      I wait <break time="3s"/>.
      I play a tune <audio src="https://example.com/tune.mp3">no tune was found</audio>.
      I count: <say-as interpret-as="cardinal">10</say-as>.
      You are <say-as interpret-as="ordinal">10</say-as> in the queue.
      One by one, ten is <say-as interpret-as="characters">10</say-as>.
      I know the <sub alias="World Health Organization">WHO</sub>.
      <p><s>Here is one sentence.</s><s>Here is one more.</s></p>
    </speak>"""
    said = " ".join(words(script, folder)).replace(" . ", ". ")
    assert said == (
        "These are A, B, C examples. I wait I play a tune no tune was found. I count: 10. "
        "You are tenth in the queue. One by one, ten is 1, 0. I know the World Health "
        "Organization. Here is one sentence. Here is one more."
    )
    (_, _, waits), (_, goes_on, _), *_ = heard(script, folder)
    assert goes_on - waits == 3
    assert "'https://example.com/tune.mp3'" in warnings(script, folder)[0]


def test_steps_are_kept_apart_by_breaks(folder):
    script = """<speak>Step 1, stand up. <break time="200ms"/> Step 2, sit down.
      Step 3, stand again. <break strength="weak"/> Step 4, rest.</speak>"""
    assert heard(script, folder) == [
        ("Step 1, stand up.", 0, 4),
        ("Step 2, sit down. Step 3, stand again.", 4.2, 12.2),
        ("Step 4, rest.", 12.6, 15.6),
    ]


BIRTHDAY = "April twenty-third nineteen eighty-seven"


@pytest.mark.parametrize(
    ("attributes", "written", "said"),
    [
        ('interpret-as="telephone"', "1800-303-4545", "1 8 0 0, 3 0 3, 4 5 4 5"),
        ('interpret-as="verbatim"', "xyz", "x, y, z"),
        ('interpret-as="spell-out"', "xyz", "x, y, z"),
        ('interpret-as="characters"', "dog", "d, o, g"),
        ('interpret-as="cardinal"', "54321", "54321"),
        ('interpret-as="ordinal"', "1", "first"),
        ('interpret-as="ordinal"', "22", "twenty-second"),
        ('interpret-as="time" format="hms12"', "4:45pm", "4:45 PM"),
        ('interpret-as="date" format="dm"', "23-4", "April twenty-third"),
        ('interpret-as="date" format="dmy" detail="2"', "23-4-1987", BIRTHDAY),
        ('interpret-as="date" format="yyyymmdd" detail="1"', "1987-04-23", BIRTHDAY),
        ('interpret-as="date" format="yyyymmdd"', "19870423", BIRTHDAY),
        ('interpret-as="date" format="dmy"', "23-4-87", BIRTHDAY),
        ('interpret-as="date" format="y"', "69", "nineteen sixty-nine"),
        ('interpret-as="date" format="y"', "68", "twenty sixty-eight"),
        ('interpret-as="time" format="hms24"', "16:45", "16:45"),
        ('interpret-as="time" format="hms12"', "8:00:00am", "8:00 AM"),
    ],
)
def test_say_as_gives_the_words_that_google_gives(attributes, written, said, folder):
    script = f"<speak><say-as {attributes}>\n {written}\n</say-as></speak>"
    assert words(script, folder) == [said]
    assert warnings(script, folder) == []


@pytest.mark.parametrize(
    ("attributes", "written"),
    [
        ("interpret-as='currency'", "$17.05"),
        ('interpret-as="fraction"', "3+1/4"),
        ('interpret-as="expletive"', "oh dear"),
        ('interpret-as="unit"', "3 metre"),
        ('interpret-as="duration" format="h:m"', "2:15"),
    ],
)
def test_kinds_that_are_not_known_are_spoken_as_they_are_written(attributes, written, folder):
    script = f"<speak><say-as {attributes}>{written}</say-as></speak>"
    assert words(script, folder) == [written]
    assert "is unknown: it is spoken as written" in warnings(script, folder)[0]


@pytest.mark.parametrize(
    ("attributes", "written", "right"),
    [
        ('interpret-as="date" format="md"', "May 1", ["may1", "mayfirst"]),
        ('interpret-as="date" format="dm"', "1 May", ["1may", "mayfirst"]),
        ('interpret-as="date"', "May 5", ["may5", "mayfifth"]),
        ('interpret-as="telephone"', "1-800-CALM", ["1800calm"]),
        ('interpret-as="cardinal"', "12<o:b xmlns:o='urn:o'>34</o:b>", ["1234"]),
    ],
)
def test_say_as_leaves_nothing_out(attributes, written, right, folder):
    said = words(f"<speak><say-as {attributes}>{written}</say-as></speak>", folder)
    assert re.sub(r"\W", "", "".join(said)).lower() in right


def test_a_cardinal_with_decimals_keeps_them(folder):
    script = '<speak><say-as interpret-as="cardinal">3.141</say-as></speak>'
    assert words(script, folder) == ["3.141"]


def test_a_sound_of_google_has_a_description_and_words(folder):
    script = """<speak><audio src="cat.ogg"><desc>a cat</desc> MEOW (no sound) </audio></speak>"""
    assert words(script, folder) == ["MEOW (no sound)"]
    present = script.replace("cat.ogg", "pop.wav")
    assert heard(present, folder) == [("pop.wav", 0, 0.5)]


def test_prosody_is_slower_and_two_semitones_lower(folder):
    script = '<speak><prosody rate="slow" pitch="-2st">Do you feel it?</prosody></speak>'
    assert styles(script, folder) == [("Do you feel it?", Style("en", rate=0.8, pitch_st=-2))]


@pytest.mark.parametrize("level", ["strong", "moderate", "none", "reduced"])
def test_every_level_of_emphasis_is_taken(level, folder):
    script = f'<speak><emphasis level="{level}">Now this matters</emphasis></speak>'
    assert words(script, folder) == ["Now this matters"]
    assert warnings(script, folder) == []


def test_a_voice_of_a_language_and_gender_speaks_within_a_sentence(folder):
    script = """<speak>Then he asked, <voice language="fr-FR" gender="female">tu viens avec
      moi</voice><break time="250ms"/> and smiled.</speak>"""
    (_, (french, style), _) = styles(script, folder)
    assert french == "tu viens avec moi"
    assert "fr-FR" in style.voice.languages or style.language == "fr-FR"
    assert style.voice.gender == "female"
    assert warnings(script, folder) == []
    assert heard(script, folder)[2] == ("and smiled.", 7.25, 9.25)


# Google's examples of time


def test_a_par_starts_its_media_when_they_say(folder):
    script = """<speak><par>
      <media xml:id="question" begin="0.5s"><speak>Who baked this bread?</speak></media>
      <media xml:id="answer" begin="question.end+2.0s"><speak>The fox baked it.</speak></media>
      <media begin="answer.end-0.2s" soundLevel="-6dB"><audio src="pop.wav"/></media>
      <media repeatCount="3" soundLevel="+2.28dB" fadeInDur="2s" fadeOutDur="0.2s">
        <audio src="wave.wav"/></media>
    </par></speak>"""
    assert heard(script, folder) == [
        ("wave.wav", 0, 3),
        ("Who baked this bread?", 0.5, 4.5),
        ("wave.wav", 3, 6),
        ("wave.wav", 6, 9),
        ("The fox baked it.", 6.5, 10.5),
        ("pop.wav", 10.3, 10.8),
    ]
    first, _, _, last, _, pop = whole(script, folder).events
    assert (first.gain_db, last.gain_db, pop.gain_db) == (2.28, 2.28, -6)
    assert first.ramps == (timeline.Ramp(0, 2000, rising=True),)
    assert last.ramps == (timeline.Ramp(8800, 9000, rising=False),)
    assert whole(script, folder).duration_ms == 10_800


def test_the_order_within_a_par_does_not_matter(folder):
    media = [
        '<media xml:id="a" begin="0.5s"><speak>One two.</speak></media>',
        '<media xml:id="b" begin="a.end+1s"><speak>Three.</speak></media>',
        '<media begin="b.begin"><audio src="pop.wav"/></media>',
    ]
    forth, back = (
        sorted(heard(f"<speak><par>{''.join(order)}</par></speak>", folder))
        for order in (media, media[::-1])
    )
    assert forth == back == [("One two.", 0.5, 2.5), ("Three.", 3.5, 4.5), ("pop.wav", 3.5, 4)]


def test_a_seq_plays_its_media_one_after_the_other(folder):
    script = """<speak><seq>
      <media begin="0.5s"><speak>Who baked this bread?</speak></media>
      <media begin="2.0s"><speak>The fox baked it.</speak></media>
      <media soundLevel="-6dB"><audio src="pop.wav"/></media>
      <media repeatCount="3" soundLevel="+2.28dB" fadeInDur="2s" fadeOutDur="0.2s">
        <audio src="wave.wav"/></media>
    </seq></speak>"""
    assert heard(script, folder) == [
        ("Who baked this bread?", 0.5, 4.5),
        ("The fox baked it.", 6.5, 10.5),
        ("pop.wav", 10.5, 11),
        ("wave.wav", 11, 14),
        ("wave.wav", 14, 17),
        ("wave.wav", 17, 20),
    ]
    *_, first, _, last = whole(script, folder).events
    assert first.ramps == (timeline.Ramp(11_000, 13_000, rising=True),)
    assert last.ramps == (timeline.Ramp(19_800, 20_000, rising=False),)


BACKGROUND = """<speak {ssml} xml:lang="en"><par>
  <media xml:id="words" begin="2s"><speak>Let your shoulders sink.</speak></media>
  <media repeatCount="10" end="words.end+1s" soundLevel="-12dB" fadeInDur="1s" fadeOutDur="1.5s">
    <audio src="rain.wav"/></media>
</par>Good night.</speak>"""


def test_music_lies_under_speech_and_fades_out_after_it(folder):
    script = BACKGROUND.format(ssml=SSML)
    assert heard(script, folder) == [
        ("rain.wav", 0, 5),
        ("Let your shoulders sink.", 2, 6),
        ("rain.wav", 5, 7),
        ("Good night.", 7, 9),
    ]
    first, _, last, _ = whole(script, folder).events
    assert first.gain_db == last.gain_db == -12
    assert timeline.Ramp(0, 1000, rising=True) in first.ramps
    assert timeline.Ramp(5500, 7000, rising=False) in last.ramps


def test_a_negative_offset_begins_before_the_end_of_another(folder):
    script = """<speak><par>
      <media xml:id="question"><speak>How does your left foot feel?</speak></media>
      <media begin="question.end-2.0s" xml:id="hint"><audio src="gong.wav"/></media>
      <media begin="hint.begin-500ms" end="question.end"><audio src="rain.wav"/></media>
    </par></speak>"""
    assert heard(script, folder) == [
        ("How does your left foot feel?", 0, 6),
        ("rain.wav", 3.5, 6),
        ("gong.wav", 4, 6),
    ]


def test_offsets_of_a_par_count_from_its_begin(folder):
    script = """<speak>Wait here.<par>
      <media begin="1s" end="3s"><audio src="rain.wav"/></media>
      <media end="1500ms"><audio src="rain.wav"/></media>
    </par></speak>"""
    assert heard(script, folder)[1:] == [("rain.wav", 2, 3.5), ("rain.wav", 3, 5)]


def test_containers_nest_and_refer_across(folder):
    script = """<speak><seq>
      <par xml:id="opening">
        <media xml:id="hello"><speak>Hello there.</speak></media>
        <seq begin="hello.begin+1s">
          <media><audio src="pop.wav"/></media>
          <media begin="0.5s"><audio src="pop.wav"/></media>
        </seq>
      </par>
      <par begin="1s">
        <media begin="opening.begin+8s"><audio src="gong.wav"/></media>
        <media><speak>Lie down now.</speak></media>
      </par>
    </seq></speak>"""
    assert heard(script, folder) == [
        ("Hello there.", 0, 2),
        ("pop.wav", 1, 1.5),
        ("pop.wav", 2, 2.5),
        ("Lie down now.", 3.5, 6.5),
        ("gong.wav", 8, 10),
    ]


@pytest.mark.parametrize(
    ("attributes", "played_s"),
    [
        ('repeatCount="2"', [3, 3]),
        ('repeatDur="1s"', [1]),
        ('repeatCount="3" repeatDur="4s"', [3, 1]),
        ('end="2s"', [2]),
        ('repeatCount="4" end="7s"', [3, 3, 1]),
    ],
)
def test_media_are_repeated_and_limited(attributes, played_s, folder):
    script = f'<speak><par><media {attributes}><audio src="wave.wav"/></media></par></speak>'
    assert [end - begin for _, begin, end in heard(script, folder)] == pytest.approx(played_s)


@pytest.mark.parametrize(
    ("written", "begin_s"),
    [("2.5s", 2.5), ("+2.5s", 2.5), ("250ms", 0.25), ("1min", 60), ("0.5h", 1800), ("0", 0)],
)
def test_an_offset_has_each_unit_of_smil(written, begin_s, folder):
    assert ("pop.wav", begin_s, begin_s + 0.5) in heard(beginning(written), folder)


@pytest.mark.parametrize(("written", "begin_s"), [("2", 2), ("2.5", 2.5), ("a.end+2", 5)])
def test_an_offset_without_a_unit_is_in_seconds(written, begin_s, folder):
    assert ("pop.wav", begin_s, begin_s + 0.5) in heard(beginning(written), folder)


def beginning(written: str) -> str:
    """Write a par in which a sound begins when it is ``written``, beside three words."""
    return f"""<speak><par><media xml:id="a"><speak>One two three.</speak></media>
      <media begin="{written}"><audio src="pop.wav"/></media></par></speak>"""


# What is in the wrong place


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('<par><audio src="pop.wav"/></par>', "<par> takes par, seq and media, not <audio>"),
        ("<par><speak>Hi.</speak></par>", "<par> takes par, seq and media, not <speak>"),
        ('<seq><break time="1s"/></seq>', "<seq> takes par, seq and media, not <break>"),
        ("<seq><p>Hi.</p></seq>", "<seq> takes par, seq and media, not <p>"),
        ("<par>Hi.</par>", "text in <par> belongs in <media><speak>…</speak></media>"),
        ("<pause/>", "<pause> is not an element of SSML 1.1, nor par, seq or media"),
        ("<P>Hi.</P>", "<P> is not an element of SSML 1.1, nor par, seq or media"),
        ('<media begin="tea.end">Hi.</media>', "no element has the xml:id “tea”"),
        ('<break time="5"/>', "<break time='5'>: must be a time such as 1.5s, 250ms, 2min or 1h"),
        ("<emphasis level='big'>Hi.</emphasis>", "must be one of strong, moderate, none, reduced"),
    ],
)
def test_what_is_in_the_wrong_place_is_named_with_line_and_column(body, says, folder):
    with pytest.raises(ScriptError) as raised:
        parse(f"<speak>\n  {body}</speak>", folder)
    assert re.match(r"my\.ssml:2:\d+: ", str(raised.value))
    assert says in str(raised.value)


def test_an_unknown_attribute_is_ignored_with_a_warning_that_names_it(folder):
    script = """<speak>
<p colour="red">Hi.</p>
<break tme="5s"/><media start="1s">Ho.</media></speak>"""
    assert list(parse(script, folder).warnings) == [
        "my.ssml:2:1: <p> has no attribute “colour”: it is ignored",
        "my.ssml:3:1: <break> has no attribute “tme”: it is ignored",
        "my.ssml:3:18: <media> has no attribute “start”: it is ignored",
    ]


@pytest.mark.parametrize(
    "body",
    [
        '<break time="1s">Hi.</break>',
        '<mark name="here">Hi.</mark>',
        '<meta name="a" content="b">Hi.</meta>',
        '<say-as interpret-as="ordinal">2<audio src="pop.wav"/></say-as>',
        '<say-as interpret-as="characters">?!</say-as>',
        '<phoneme alphabet="x-espeak" ph="\'aI"/>',
        '<phoneme alphabet="x-espeak" ph="a]]b">Hi.</phoneme>',
    ],
)
def test_what_is_not_heard_is_warned_of_or_refused(body, folder):
    try:
        parsed = parse(f"<speak>{body}</speak>", folder)
    except ScriptError:
        return
    cues = list(ssml.walk(parsed.root))
    sounds = [cue for cue in cues if isinstance(cue, Sound)]
    phonemes = [cue for cue in cues if isinstance(cue, Speech) and cue.phonemes]
    plain = [cue for cue in cues if isinstance(cue, Speech) and not cue.phonemes]
    kept = phonemes if "phoneme" in body else sounds if "audio" in body else plain
    assert parsed.warnings or kept


# With a real voice, to the end


def rendered(script: str, folder: Path) -> tuple[timeline.Timeline, np.ndarray]:
    path = folder / "my.ssml"
    path.write_text(script, "utf-8")
    session = Session(path)
    return session.timeline, decode(session.export(folder / "my.wav"))


def test_music_under_speech_is_rendered_as_it_is_timed(folder):
    played, samples = rendered(BACKGROUND.format(ssml=SSML), folder)
    assert len(samples) == played.duration_ms * FRAMES_PER_MS
    speech = [event for event in played.events if event.kind == "speech"]
    rain = [event for event in played.events if event.kind == "sound"]
    assert (speech[0].begin_ms, rain[0].begin_ms) == (2000, 0)
    assert rain[-1].end_ms == speech[1].begin_ms == speech[0].end_ms + 1000
    assert onset_ms(samples, speech[1].begin_ms) == pytest.approx(speech[1].begin_ms, abs=10)
    under = np.abs(samples[1000 * FRAMES_PER_MS : 1900 * FRAMES_PER_MS]).max()
    end_ms = rain[-1].end_ms
    faded = np.abs(samples[(end_ms - 50) * FRAMES_PER_MS : end_ms * FRAMES_PER_MS]).max()
    assert 0.05 < under < 0.08
    assert faded < 0.01


def test_voices_and_music_are_rendered_as_they_are_timed(folder):
    played, samples = rendered(f'<speak {SSML} xml:lang="en">{MUSIC}</speak>', folder)
    assert len(samples) == played.duration_ms * FRAMES_PER_MS
    assert [event.kind for event in played.events] == ["speech"] * 4 + ["sound", "speech"]
    for event in played.events[1:4]:
        assert onset_ms(samples, event.begin_ms) == pytest.approx(event.begin_ms, abs=10)
