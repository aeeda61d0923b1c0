"""The page on scripts, row by row: what docs/ssml.md says of an element is what a listener gets."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from conftest import FRAMES_PER_MS, decode
from pedalboard.io import AudioFile

from voiceguide import Session, mixer, ssml, timeline
from voiceguide.errors import ScriptError, VoiceguideError
from voiceguide.files import MAX_SCRIPT_BYTES
from voiceguide.script.child import LIMITS
from voiceguide.ssml import Sound, Speech, Style, WantedVoice, xml
from voiceguide.ssml.elements import ATTRIBUTES
from voiceguide.voices.pyttsx3 import Pyttsx3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE = Path(__file__).parents[1] / "docs" / "ssml.md"
SOUNDS = Path(__file__).parents[1] / "sounds"
EXAMPLES = Path(__file__).parents[1] / "examples"
NAMESPACES = 'xmlns="http://www.w3.org/2001/10/synthesis" xmlns:vg="urn:voiceguide" xmlns:o="urn:o"'

TICK_AND_ONE = [("tick.wav", 0, 0.1), ("One.", 0.1, 1.1)]


# The page


class Row(NamedTuple):
    element: str
    attribute: str
    values: tuple[str, ...]
    """The words and examples that it gives."""
    verdict: str


def table(heading: str) -> Iterator[list[str]]:
    """Return the rows, cell by cell, of all tables of the page that have this heading."""
    inside = False
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.removeprefix("|").removesuffix("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif " | ".join(cells) == heading:
            inside = True
        elif inside and not set(line) <= set("|- "):
            yield cells


@cache
def rows() -> dict[tuple[str, str], Row]:
    found: dict[tuple[str, str], Row] = {}
    for element, attribute, values, done in table("element | attribute | values | what is done"):
        key = (element.strip("`"), attribute.strip("`"))
        verdict = re.match(r"\*\*(done|ignored|ignored with a warning|refused)\*\*: \S", done)
        assert verdict, f"{key}: {done}"
        assert key not in found, f"{key} is there twice"
        found[key] = Row(*key, tuple(re.findall(r"`([^`]+)`", values)), verdict[1])
    return found


# What is heard of a script


def length_ms(cue: Speech | Sound) -> int:
    """Sounds are as long as they are; each word takes a second."""
    return mixer.sound_ms(cue) if isinstance(cue, Sound) else 1000 * len(cue.text.split())


def parse(script: str) -> ssml.Script:
    if not script.startswith("<speak"):
        script = f'<speak xml:lang="en">{script}</speak>'
    text = script.replace("<speak", f"<speak {NAMESPACES}", 1)
    return ssml.parse(text, name="my.ssml", folders=[SOUNDS], lexicons=[EXAMPLES])


def heard(script: str) -> dict[str, object]:
    """Return all that a listener gets of a script, times in seconds; or why it is refused."""
    try:
        parsed = parse(script)
        played = timeline.collect(
            timeline.resolve(parsed.root, length_ms, utterance=lambda cue: cue, name="my.ssml")
        )
    except ScriptError as error:
        return {"refused": str(error)}
    got: dict[str, list[object]] = {
        name: [] for name in ("events", "gains", "pans", "ramps", "styles", "phonemes", "clips")
    }
    for event in played.events:
        cue = event.plays
        name = cue.text if isinstance(cue, Speech) else cue.source
        got["events"].append((name, event.begin_ms / 1000, event.end_ms / 1000))
        got["gains"].append(event.gain_db)
        got["pans"].append(event.pan)
        got["ramps"] += [
            (ramp.begin_ms / 1000, ramp.end_ms / 1000, ramp.rising) for ramp in event.ramps
        ]
        if isinstance(cue, Speech):
            got["styles"].append(cue.style)
            got["phonemes"].append(cue.phonemes)
        else:
            got["clips"].append((cue.speed, cue.clip_begin_ms, cue.clip_end_ms))
    return got | {
        "lasts": played.duration_ms / 1000,
        "title": parsed.title,
        "language": parsed.language,
        "chapters": [(part.title, part.begin_ms / 1000) for part in played.chapters],
        "marks": [
            (mark.kind, mark.label, mark.begin_ms / 1000, mark.end_ms / 1000)
            for mark in played.marks
        ],
        "channels": mixer.channels(parsed.root),
    }


def warnings(script: str) -> tuple[str, ...]:
    return parse(script).warnings


# A case for each row


class Case(NamedTuple):
    """A script, and what is to be heard of it."""

    script: str
    expected: dict[str, object]
    same_as: str | None = None
    """A script that sounds the same; of what is ignored, that without the attribute."""


def case(script: str, *, same_as: str | None = None, **expected: object) -> Case:
    return Case(script, expected, same_as)


def styled(attribute: str, **style: object) -> Case:
    """A prosody, emphasis or voice, and the style in which its word is spoken."""
    element = attribute.partition(" ")[0]
    return case(
        f"<{attribute}>One.</{element}>",
        events=[("One.", 0, 1)],
        styles=[Style("en", **style)],
        gains=[style.get("gain_db", 0.0)],
    )


def holding(element: str, attribute: str) -> str:
    """Write an element with an attribute around a sound and a word."""
    if element == "speak":
        return f'<speak xml:lang="en" {attribute}><audio src="tick.wav"/>One.</speak>'
    return f'<{element} {attribute}><audio src="tick.wav"/>One.</{element}>'


SPEAKING = ("speak", "p", "s", "token", "w", "voice", "lang")
IN_GERMAN = {
    (element, "xml:lang"): case(
        f'<{element} xml:lang="de">Ja.</{element}>',
        events=[("Ja.", 0, 1)],
        styles=[Style("de", WantedVoice())] if element == "voice" else [Style("de")],
        language="de" if element == "speak" else "en",
    )
    for element in SPEAKING
}
IGNORED_EVERYWHERE = {
    (element, attribute): case(holding(element, f'{attribute}="{value}"'), events=TICK_AND_ONE)
    for element in SPEAKING
    for attribute, value in {
        "xml:id": "intro",
        "xml:base": "beds/",
        "onlangfailure": "ignoretext",
    }.items()
}

TIMED = {
    "par": "<par {}><media>{}</media></par>",
    "seq": "<seq {}><media>{}</media></seq>",
    "media": "<media {}>{}</media>",
}
BELL = '<audio src="bell.wav"/>'  # 2.5 s
TICK = '<audio src="tick.wav"/>'  # 0.1 s


def timed_cases(kind: str) -> dict[str, Case]:
    """Return a case for each attribute of par, seq or media; they mean the same on all three."""

    def of(attribute: str, value: str, content: str = BELL) -> str:
        return TIMED[kind].format(f'{attribute}="{value}"', content)

    three_bells = [("bell.wav", 0, 2.5), ("bell.wav", 2.5, 5), ("bell.wav", 5, 6)]
    return {
        "xml:id": case(
            f'<par>{of("xml:id", "intro")}<media begin="intro.end+1s">{TICK}</media></par>',
            events=[("bell.wav", 0, 2.5), ("tick.wav", 3.5, 3.6)],
        ),
        "begin": case("One." + of("begin", "1.5s"), events=[("One.", 0, 1), ("bell.wav", 2.5, 5)]),
        "end": case(
            of("end", "1s") + "One.",
            events=[("bell.wav", 0, 1), ("One.", 1, 2)],
            ramps=[(0.99, 1, False)],
        ),
        "dur": case(of("dur", "4s") + "One.", events=[("bell.wav", 0, 2.5), ("One.", 4, 5)]),
        "repeatCount": case(of("repeatCount", "2.4"), events=three_bells, lasts=6),
        "repeatDur": case(of("repeatDur", "6s"), events=three_bells, lasts=6),
        "soundLevel": case(of("soundLevel", "-6dB", BELL + "One."), gains=[-6, -6]),
        "fadeInDur": case(of("fadeInDur", "1s"), ramps=[(0, 1, True)]),
        "fadeOutDur": case(of("fadeOutDur", "1s"), ramps=[(1.5, 2.5, False)]),
        "vg:pan": case(of("vg:pan", "-0.5"), pans=[-0.5], channels=2),
    }


CASES: dict[tuple[str, str], Case] = {
    **IN_GERMAN,
    **IGNORED_EVERYWHERE,
    ("speak", ""): case(
        "<speak>One.<media><speak>Two.</speak></media></speak>",
        events=[("One.", 0, 1), ("Two.", 1, 2)],
    ),
    ("speak", "version"): case('<speak version="1.0">One.</speak>', events=[("One.", 0, 1)]),
    ("speak", "startmark"): case(
        '<speak startmark="begin">One.<mark name="begin"/>Two.</speak>',
        events=[("One.", 0, 1), ("Two.", 1, 2)],
    ),
    ("speak", "endmark"): case(
        '<speak endmark="end">One.<mark name="end"/>Two.</speak>',
        events=[("One.", 0, 1), ("Two.", 1, 2)],
    ),
    ("p", ""): case("<p>One.</p><p>Two.</p>", events=[("One.", 0, 1), ("Two.", 2.5, 3.5)]),
    ("s", ""): case("<s>One.</s><s>Two.</s>", events=[("One.", 0, 1), ("Two.", 1.4, 2.4)]),
    ("token", ""): case("One <token>more</token> word.", events=[("One more word.", 0, 3)]),
    ("token", "role"): case('<token role="noun">One.</token>', events=[("One.", 0, 1)]),
    ("w", ""): case("One <w>more</w> word.", events=[("One more word.", 0, 3)]),
    ("w", "role"): case('<w role="noun">One.</w>', events=[("One.", 0, 1)]),
    ("break", ""): case("One.<break/>Two.", events=[("One.", 0, 1), ("Two.", 1.8, 2.8)]),
    ("break", "time"): case(
        'One.<break strength="x-weak" time="5s"/>Two.', events=[("One.", 0, 1), ("Two.", 6, 7)]
    ),
    ("break", "strength"): case(
        'One.<break strength="strong"/>Two.', events=[("One.", 0, 1), ("Two.", 2.5, 3.5)]
    ),
    ("prosody", ""): case(
        '<prosody rate="80%"><prosody rate="50%" volume="-2dB">One.</prosody></prosody>',
        events=[("One.", 0, 1)],
        styles=[Style("en", rate=0.4, gain_db=-2)],
    ),
    ("prosody", "rate"): styled('prosody rate="x-slow"', rate=0.6),
    ("prosody", "pitch"): styled('prosody pitch="high"', pitch_st=3),
    ("prosody", "volume"): styled('prosody volume="soft"', gain_db=-6),
    ("prosody", "contour"): styled('prosody contour="(0%,+20Hz)"'),
    ("prosody", "range"): styled('prosody range="x-low"'),
    ("prosody", "duration"): styled('prosody duration="3s"'),
    ("emphasis", ""): styled("emphasis", rate=0.9, gain_db=1.5),
    ("emphasis", "level"): styled('emphasis level="reduced"', rate=1.1, gain_db=-3),
    ("voice", ""): styled("voice", voice=WantedVoice()),
    ("voice", "name"): styled('voice name="Alice gmw/de"', voice=WantedVoice(("Alice", "gmw/de"))),
    ("voice", "language"): styled(
        'voice language="fr-FR"', voice=WantedVoice(languages=("fr-FR",))
    ),
    ("voice", "languages"): styled(
        'voice languages="en:de fr"', voice=WantedVoice(languages=("en", "fr"))
    ),
    ("voice", "gender"): styled('voice gender="male"', voice=WantedVoice(gender="male")),
    ("voice", "variant"): styled('voice variant="2"', voice=WantedVoice(variant=2)),
    ("voice", "age"): styled('voice age="30"', voice=WantedVoice()),
    ("voice", "required"): styled('voice required="gender"', voice=WantedVoice()),
    ("voice", "ordering"): styled('voice ordering="gender languages"', voice=WantedVoice()),
    ("voice", "onvoicefailure"): styled(
        'voice onvoicefailure="priorityselect"', voice=WantedVoice()
    ),
    ("lang", ""): case(
        'One <lang xml:lang="de">zwei</lang> three.',
        events=[("One", 0, 1), ("zwei", 1, 2), ("three.", 2, 3)],
        styles=[Style("en"), Style("de"), Style("en")],
    ),
    ("sub", ""): case('The <sub alias="World Wide Web">WWW</sub>.', events=[
        ("The World Wide Web.", 0, 4),
    ]),
    ("sub", "alias"): case('<sub alias="One.">1.</sub>', events=[("One.", 0, 1)]),
    ("say-as", ""): case(
        'You are <say-as interpret-as="ordinal">3</say-as>.', events=[("You are third.", 0, 3)]
    ),
    ("say-as", "interpret-as"): case(
        '<say-as interpret-as="ordinal">3</say-as>', events=[("third", 0, 1)]
    ),
    ("say-as", "format"): case(
        '<say-as interpret-as="date" format="dmy">2/3/2025</say-as>',
        events=[("March second twenty twenty-five", 0, 4)],
    ),
    ("say-as", "detail"): case(
        '<say-as interpret-as="date" format="dmy" detail="1">2/3/2025</say-as>',
        events=[("March second twenty twenty-five", 0, 4)],
    ),
    ("phoneme", ""): case(
        'A <phoneme alphabet="x-espeak" ph="t@m\'A:t@U">tomato</phoneme>.',
        events=[("A tomato.", 0, 2)],
        phonemes=["A [[təmˈɑːtəʊ]]."],
    ),
    ("phoneme", "ph"): case(
        '<phoneme alphabet="x-espeak" ph="t@m\'A:t@U">tomato</phoneme>',
        events=[("tomato", 0, 1)],
        phonemes=["[[təmˈɑːtəʊ]]"],
    ),
    ("phoneme", "alphabet"): case(
        '<phoneme ph="a" alphabet="x-espeak">tomato</phoneme>', phonemes=["[[æ]]"]
    ),
    ("phoneme", "type"): case(
        '<phoneme alphabet="x-espeak" ph="a" type="ruby">tomato</phoneme>', phonemes=["[[æ]]"]
    ),
    ("audio", ""): case(
        'One.<audio src="bell.wav">Ding.</audio>Two.',
        events=[("One.", 0, 1), ("bell.wav", 1, 3.5), ("Two.", 3.5, 4.5)],
    ),
    ("audio", "src"): case('<audio src="bell.wav"/>', events=[("bell.wav", 0, 2.5)]),
    ("audio", "clipBegin"): case(
        '<audio src="bell.wav" clipBegin="500ms"/>',
        events=[("bell.wav", 0, 2)],
        clips=[(1, 500, None)],
    ),
    ("audio", "clipEnd"): case(
        '<audio src="bell.wav" clipBegin="500ms" clipEnd="1.75s"/>',
        events=[("bell.wav", 0, 1.25)],
        clips=[(1, 500, 1750)],
    ),
    ("audio", "repeatCount"): case(
        '<audio src="tick.wav" repeatCount="2.5"/>',
        events=[("tick.wav", 0, 0.1), ("tick.wav", 0.1, 0.2), ("tick.wav", 0.2, 0.25)],
        lasts=0.25,
    ),
    ("audio", "repeatDur"): case(
        '<audio src="bell.wav" repeatDur="4s" repeatCount="5"/>',
        events=[("bell.wav", 0, 2.5), ("bell.wav", 2.5, 4)],
        lasts=4,
    ),
    ("audio", "soundLevel"): case(
        '<audio src="bell.wav" soundLevel="+3.5dB"/>', events=[("bell.wav", 0, 2.5)], gains=[3.5]
    ),
    ("audio", "speed"): case(
        '<audio src="bell.wav" speed="200%"/>',
        events=[("bell.wav", 0, 1.25)],
        clips=[(2, 0, None)],
    ),
    **{
        ("audio", attribute): case(
            f'<audio src="bell.wav" {attribute}="1"/>', events=[("bell.wav", 0, 2.5)]
        )
        for attribute in ("fetchtimeout", "fetchhint", "maxage", "maxstale")
    },
    ("mark", ""): case('One <mark name="here"/> more.', events=[("One", 0, 1), ("more.", 1, 2)]),
    ("mark", "name"): case(
        'One.<mark name="chapter:Breathe"/>Two.',
        events=[("One.", 0, 1), ("Two.", 1, 2)],
        chapters=[("Breathe", 1)],
        marks=[],
    ),
    ("desc", ""): case(
        '<audio src="no.wav"><desc>a bell</desc>Ding.</audio>',
        same_as='<audio src="no.wav">Ding.</audio>',
        events=[("Ding.", 0, 1)],
    ),
    ("desc", "xml:lang"): case(
        '<audio src="bell.wav"><desc xml:lang="de">eine Glocke</desc></audio>',
        events=[("bell.wav", 0, 2.5)],
    ),
    **{(kind, attribute): one for kind in TIMED for attribute, one in timed_cases(kind).items()},
    ("par", ""): case(
        f"<par><media>One.</media><media>{BELL}</media><seq><media>Two.</media></seq></par>Three.",
        events=[("One.", 0, 1), ("bell.wav", 0, 2.5), ("Two.", 0, 1), ("Three.", 2.5, 3.5)],
    ),
    ("seq", ""): case(
        f"<seq><media>One.</media><media>{BELL}</media><par><media>Two.</media></par></seq>",
        events=[("One.", 0, 1), ("bell.wav", 1, 3.5), ("Two.", 3.5, 4.5)],
    ),
    ("media", "vg:waits"): case(
        f'<par><media>One two.</media><media begin="1s" vg:waits="true">{TICK}</media></par>',
        events=[("One two.", 0, 2), ("tick.wav", 2, 2.1)],
    ),
    ("media", ""): case(
        f'One.<p>Two.<media begin="1s">{BELL} <break time="1s"/> Three.</media></p>',
        events=[("One.", 0, 1), ("Two.", 1, 2), ("bell.wav", 3, 5.5), ("Three.", 6.5, 7.5)],
    ),
    ("metadata", ""): case(
        '<metadata><title xmlns="http://purl.org/dc/elements/1.1/">Calf</title></metadata>One.',
        events=[("One.", 0, 1)],
        title="Calf",
    ),
    ("meta", ""): case(
        '<meta name="author" content="me"/>One.', same_as="One.", events=[("One.", 0, 1)]
    ),
    **{
        ("meta", attribute): case(f'<meta {attribute}="x"/>One.', events=[("One.", 0, 1)])
        for attribute in ("name", "http-equiv", "content")
    },
    **{
        ("lexicon", attribute): case(
            f'<lexicon {also} uri="words.pls" xml:id="words"/>'
            '<lookup ref="words">A psoas.</lookup>',
            events=[("A psoas.", 0, 2)],
            phonemes=["A [[ˈsoʊəs]]."],
        )
        for attribute, also in {
            "": "", "uri": "", "xml:id": "", "type": 'type="x"', "fetchtimeout": 'fetchtimeout="x"',
            "maxage": 'maxage="x"', "maxstale": 'maxstale="x"',
        }.items()
    },
    **{
        ("lookup", attribute): case(
            '<lexicon uri="words.pls" xml:id="words"/>A <lookup ref="words">psoas</lookup> psoas.',
            events=[("A psoas psoas.", 0, 3)],
            phonemes=["A [[ˈsoʊəs]] psoas."],
        )
        for attribute in ("", "ref")
    },
    ("of another namespace", ""): case(
        'One <o:b>more <break time="1s"/></o:b> word.', events=[("One more", 0, 2), ("word.", 3, 4)]
    ),
    ("any", "of another namespace"): case(
        '<p o:colour="red">One.</p>', same_as="<p>One.</p>", events=[("One.", 0, 1)]
    ),
    ("any", "any other"): case(
        '<p colour="red">One.</p>', same_as="<p>One.</p>", events=[("One.", 0, 1)]
    ),
    ("any other", ""): case("One.<blink>Two.</blink>"),
}  # fmt: skip


def without(script: str, element: str, attribute: str) -> str:
    """Take the first attribute of this name, on this element, out of a script."""
    changed, times = re.subn(
        rf'(<{element}\b[^>]*?) {attribute}="[^"]*"', r"\1", script, count=1, flags=re.DOTALL
    )
    assert times == 1, f"{script} has no {attribute} on {element}"
    return changed


def test_every_element_and_attribute_that_is_read_has_a_row():
    known = {(element, "") for element in ATTRIBUTES}
    known |= {(element, name) for element, names in ATTRIBUTES.items() for name in names}
    assert known - set(rows()) == set()
    assert {key for key in rows() if key[0] in ATTRIBUTES} - known == set()


def test_every_row_has_a_case_and_every_case_a_row():
    assert set(rows()) - set(CASES) == set()
    assert set(CASES) - set(rows()) == set()


@pytest.mark.parametrize("key", CASES, ids=" ".join)
def test_what_the_table_says_is_what_is_heard(key):
    row, (script, expected, same_as) = rows()[key], CASES[key]
    got = heard(script)
    if row.verdict == "refused":
        assert re.match(r"my\.ssml:1:\d+: <blink> is not an element of SSML 1\.1", got["refused"])
        return
    assert {name: got.get(name, got) for name in expected} == expected
    if same_as is None and row.attribute:
        same_as = without(script, row.element, row.attribute)
    baseline = heard(same_as) if same_as else {}
    if row.verdict != "done":
        assert got == baseline, "it makes a difference"
    elif row.attribute:
        assert got != baseline, "it makes no difference"
    known = warnings(same_as) if same_as and "refused" not in baseline else ()
    added = set(warnings(script)) - set(known)
    if row.verdict == "ignored with a warning":
        (warning,) = added
        assert ("colour" if row.element == "any" else row.attribute or row.element) in warning
    else:
        assert added == set(), "it is warned of"


# The values that it names

SAID = {
    "date": '<say-as interpret-as="date">2/3/2025</say-as>',
    "time": '<say-as interpret-as="time">2:30pm</say-as>',
    "mdy": '<say-as interpret-as="date" format="mdy">2/3/2025</say-as>',
    "dmy": '<say-as interpret-as="date" format="dmy">2/3/2025</say-as>',
    "ymd": '<say-as interpret-as="date" format="ymd">2025-3-2</say-as>',
    "ym": '<say-as interpret-as="date" format="ym">2025-3</say-as>',
    "my": '<say-as interpret-as="date" format="my">3/2025</say-as>',
    "md": '<say-as interpret-as="date" format="md">2/3</say-as>',
    "dm": '<say-as interpret-as="date" format="dm">2/3</say-as>',
    "y": '<say-as interpret-as="date" format="y">2025</say-as>',
    "m": '<say-as interpret-as="date" format="m">3</say-as>',
    "d": '<say-as interpret-as="date" format="d">2</say-as>',
    "hms12": '<say-as interpret-as="time" format="hms12">2:30pm</say-as>',
    "hms24": '<say-as interpret-as="time" format="hms24">14:30</say-as>',
}
"""A say-as of these kinds and formats, each with what suits it."""

VALUES = [
    (*key, value) for key, row in rows().items() if key[0] in ATTRIBUTES for value in row.values
]


@pytest.mark.parametrize(("element", "attribute", "value"), [one for one in VALUES if one[1]])
def test_every_value_that_the_table_names_is_taken(element, attribute, value):
    script = CASES[element, attribute].script
    taken = re.sub(
        rf'(<{element}\b[^>]*? {attribute}=")[^"]*', lambda start: start[1] + value, script, count=1
    )
    if element == "say-as":
        taken = SAID.get(value, taken)
    if value.startswith("ask."):
        taken += '<media xml:id="ask">Where?</media>'
    if value == "end:hold":
        taken = '<mark name="hold:"/>' + taken
    assert len(warnings(taken)) == len(warnings(script))


@pytest.mark.parametrize(
    ("attribute", "meaning"),
    [
        ("rate", {"x-slow": 0.6, "slow": 0.8, "medium": 1, "fast": 1.25, "x-fast": 1.6}),
        ("rate", {"default": 1, "80%": 0.8, "+10%": 1.1}),
        ("pitch_st", {"x-low": -6, "low": -3, "medium": 0, "high": 3, "x-high": 6}),
        ("pitch_st", {"default": 0, "+2st": 2, "-50%": -12}),
        ("gain_db", {"silent": -120, "x-soft": -12, "soft": -6, "medium": 0, "loud": 4}),
        ("gain_db", {"x-loud": 6, "default": 0, "+6dB": 6}),
    ],
)
def test_the_words_of_prosody_mean_what_the_table_says(attribute, meaning):
    name = {"rate": "rate", "pitch_st": "pitch", "gain_db": "volume"}[attribute]
    for value, number in meaning.items():
        (style,) = heard(f'<prosody {name}="{value}">One.</prosody>')["styles"]
        assert getattr(style, attribute) == pytest.approx(number), value


def test_the_levels_of_emphasis_mean_what_the_table_says():
    levels = {"strong": (0.85, 3), "moderate": (0.9, 1.5), "none": (1, 0), "reduced": (1.1, -3)}
    for level, (rate, gain_db) in levels.items():
        (style,) = heard(f'<emphasis level="{level}">One.</emphasis>')["styles"]
        assert (style.rate, style.gain_db) == (rate, gain_db)


def test_a_pitch_in_hertz_is_ignored_with_a_warning():
    script = '<prosody pitch="+20Hz">One.</prosody>'
    assert heard(script) == heard("One.")
    assert "Hz is ignored" in warnings(script)[0]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("<sub>WWW</sub>", "<sub> needs an alias"),
        ("<say-as>3</say-as>", "<say-as> needs interpret-as"),
        ('<phoneme alphabet="x-espeak">tomato</phoneme>', "<phoneme> needs ph"),
        ("<mark/>", "<mark> needs a name"),
        ('<mark name="chapter:"/>', "<mark> needs a name, and a chapter a title"),
        ('<audio src="no.wav"/>', "no sound 'no.wav' in "),
        ('<audio src="bell.wav" clipBegin="2s" clipEnd="1s"/>', "its clipEnd before its clipBegin"),
        ('<audio src="bell.wav" speed="1001%"/>', "between 10% and 1000%"),
        ('<media soundLevel="+41dB">One.</media>', "between -120dB and +40dB"),
        ('<media xml:id="a"/><media xml:id="a"/>', "the id “a” is used twice"),
        ("<par>One.</par>", "text in <par> belongs in <media><speak>"),
        ("<seq><p>One.</p></seq>", "<seq> takes par, seq and media, not <p>"),
    ],
)
def test_what_the_table_says_is_refused_is_refused(script, says):
    assert says in heard(script)["refused"]


def test_another_kind_of_say_as_or_phoneme_is_ignored_with_a_warning():
    for script, what in [
        ('<say-as interpret-as="currency">$42</say-as>', "interpret-as='currency'"),
        ('<say-as interpret-as="ordinal">$42</say-as>', "“$42” cannot be said as ordinal"),
        ('<phoneme alphabet="ipa" ph="ʘ">$42</phoneme>', "<phoneme> cannot be read"),
        ('<phoneme alphabet="x-sampa" ph="x">$42</phoneme>', "alphabet='x-sampa'"),
        ('<phoneme alphabet="x-espeak" ph="ü">$42</phoneme>', "<phoneme> cannot be read"),
    ]:
        assert heard(script) == heard("$42")
        (warning,) = warnings(script)
        assert what in warning


@pytest.mark.parametrize("element", ["prosody", "emphasis", "audio", "media", "sub"])
def test_a_language_is_ignored_where_the_warning_says_so(element):
    needed = {"audio": ' src="no.wav"', "sub": ' alias="Ja."'}.get(element, "")
    script = f'<{element}{needed} xml:lang="de">Ja.</{element}>'
    (style,) = heard(script)["styles"]
    ignored = any("xml:lang" in warning for warning in warnings(script))
    assert ignored == (style.language == "en")


# What the page shows besides


def test_the_example_of_the_page_is_heard_as_the_page_says():
    blocks = re.findall(r"```xml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (example,) = (block for block in blocks if "<par>" in block)
    lengths_ms = {"Where is it tight?": 2000, "Rest there, and breathe.": 2500, "Good.": 1000}
    root = ssml.parse(example, name="my.ssml", folders=[SOUNDS]).root
    played = timeline.collect(
        timeline.resolve(
            root,
            lambda cue: lengths_ms[cue.text] if isinstance(cue, Speech) else mixer.sound_ms(cue),
        )
    )
    shown = [
        [
            f"{event.begin_ms / 1000:.1f}",
            f"{event.end_ms / 1000:.1f}",
            event.text or event.source,
        ]
        for event in played.events
    ]
    assert shown == list(table("from | to | what"))


def test_the_marks_of_the_page_are_as_the_page_says():
    blocks = re.findall(r"```xml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (example,) = (block for block in blocks if "hold:" in block)
    got = heard(re.sub(r' xmlns="[^"]*"', "", example))
    assert got["chapters"] == [("Press", 0)]
    shown = [
        [kind, label, f"{begin:.1f}", f"{end:.1f}"] for kind, label, begin, end in got["marks"]
    ]
    assert shown == list(table("kind | label | begins | ends"))


@pytest.mark.parametrize("kind", ["hold", "move", "stretch", "inhale", "exhale", "side"])
def test_every_kind_of_mark_of_the_page_begins_and_ends(kind):
    rows = table("kind | what the listener does | what players do")
    assert kind in [named for row in rows for named in re.findall(r"`(\w+)`", row[0])]
    script = f'One.<mark name="{kind}:"/>Two.<mark name="end:{kind}"/>Three.'
    assert heard(script)["marks"] == [(kind, None, 1, 2)]


def test_the_breaks_of_the_page_last_as_long_as_the_page_says():
    strengths = "none | x-weak | weak | medium | strong | x-strong"
    ((_, *lengths),) = table(f"strength | {strengths}")
    for strength, length in zip(strengths.split(" | "), lengths, strict=True):
        lasts = heard(f'<break strength="{strength}"/>')["lasts"]
        assert lasts == float(length.removesuffix(" s"))


def test_the_message_of_the_page_is_the_one_that_an_author_gets():
    (message,) = re.findall(r"^    (my\.ssml:.*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert heard('<speak>\n\n\n  <break time="30"/></speak>')["refused"] == message


def test_the_limits_of_the_page_are_kept():
    limits = dict(table("what | limit"))
    assert limits["size of a script"] == f"{MAX_SCRIPT_BYTES // 1_000_000} MB"
    assert limits["elements"] == f"{xml.MAX_ELEMENTS:,}"
    assert limits["lines of text"] == f"{xml.MAX_LINES:,}"
    assert limits["depth"].startswith(f"{xml.MAX_DEPTH} ")
    (events,) = (limit for what, limit in limits.items() if what.startswith("events"))
    assert events == f"{timeline.MAX_EVENTS:,}"
    assert limits["length"].startswith(f"{timeline.MAX_MS // 3_600_000} hours")
    assert limits["CPU time for a template"] == f"{LIMITS.cpu_s:g} s"
    memory = f"{LIMITS.memory_bytes // 1_000_000} MB"
    assert limits["memory for a template"].startswith(memory)
    assert limits["what a template writes"] == limits["size of a script"]


@pytest.mark.parametrize("suffix", ["wav", "aiff", "flac", "ogg", "mp3"])
def test_a_sound_of_every_format_of_the_page_lasts_as_long_as_it_is(suffix, tmp_path):
    path = tmp_path / f"tone.{suffix}"
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    with AudioFile(str(path), "w", samplerate=44_100, num_channels=2) as file:
        file.write(np.stack([tone, tone]).astype(np.float32))
    (sound,) = ssml.parse(
        f'<speak><audio src="{path.name}"/></speak>', name="my.ssml", folders=[tmp_path]
    ).root.children
    assert mixer.sound_ms(sound) == 1000


# With a real voice


@pytest.fixture
def spoken(tmp_path: Path) -> Callable[[str], np.ndarray]:
    """Render a script to the end; return what is heard."""

    def render(body: str) -> np.ndarray:
        path = tmp_path / "my.ssml"
        path.write_text(f'<speak {NAMESPACES} xml:lang="en">{body}</speak>', "utf-8")
        return decode(Session(path).export(tmp_path / "my.wav"))

    return render


def warned(body: str, tmp_path: Path) -> tuple[str, ...]:
    """Return the warnings of a whole session, those about voices too."""
    path = tmp_path / "my.ssml"
    path.write_text(f'<speak {NAMESPACES} xml:lang="en">{body}</speak>', "utf-8")
    return Session(path).warnings


def median_pitch_hz(samples: np.ndarray) -> float:
    """Return the median pitch of voiced speech, from its autocorrelation."""
    rate_hz, size = 1000 * FRAMES_PER_MS, 4096
    found = []
    for begin in range(0, len(samples) - size, size // 2):
        part = samples[begin : begin + size] * np.hanning(size)
        spectrum = np.abs(np.fft.rfft(part, 2 * size)) ** 2
        likeness = np.fft.irfft(spectrum)[:size]
        shortest, longest = rate_hz // 400, rate_hz // 60
        period = shortest + int(likeness[shortest:longest].argmax())
        if likeness[0] > 1 and likeness[period] > 0.4 * likeness[0]:
            found.append(rate_hz / period)
    return float(np.median(found))


def seconds(samples: np.ndarray) -> float:
    return len(samples) / 1000 / FRAMES_PER_MS


SENTENCE = "Breathe slowly in, and slowly out again."


def test_a_man_speaks_lower_than_a_woman(spoken):
    woman, man = (
        median_pitch_hz(spoken(f'<voice gender="{gender}">{SENTENCE}</voice>'))
        for gender in ("female", "male")
    )
    assert 70 < man < 140
    assert 160 < woman < 300


def test_a_voice_of_another_name_or_variant_speaks(spoken):
    calm = median_pitch_hz(spoken(SENTENCE))
    named = median_pitch_hz(spoken(f'<voice name="Alice en-us+f3">{SENTENCE}</voice>'))
    second = median_pitch_hz(spoken(f'<voice variant="8">{SENTENCE}</voice>'))
    assert named > 1.4 * calm
    assert abs(second / calm - 1) > 0.05


@pytest.mark.parametrize("written", ['lang xml:lang="de"', 'voice languages="de"'])
def test_german_is_read_by_a_german_voice(spoken, written):
    words = "Guten Morgen, Herr Schmidt."
    element = written.partition(" ")[0]
    german = spoken(f"<{written}>{words}</{element}>")
    like = spoken(f'<speak xml:lang="de">{words}</speak>')
    english = spoken(words)
    assert seconds(german) == pytest.approx(seconds(like), abs=0.005)
    assert abs(seconds(german) - seconds(english)) > 0.1


def test_a_german_voice_says_numbers_in_german(spoken):
    number = spoken('<voice languages="de">3–5 Minuten.</voice>')
    like = spoken('<speak xml:lang="de">Drei bis fünf Minuten.</speak>')
    assert seconds(number) == pytest.approx(seconds(like), abs=0.005)


def test_phonemes_are_what_is_heard(spoken):
    word = seconds(spoken("tomorrow"))
    same = seconds(spoken('<phoneme alphabet="x-espeak" ph="t@m\'0roU">tomorrow</phoneme>'))
    other = seconds(spoken('<phoneme alphabet="x-espeak" ph="b\'a">tomorrow</phoneme>'))
    ipa = seconds(spoken('<phoneme ph="təˈmɒɹəʊ">tomorrow</phoneme>'))
    assert ipa == pytest.approx(same, abs=0.02)
    assert same == pytest.approx(word, abs=0.1)
    assert other < word - 0.15


def test_characters_take_longer_than_the_word(spoken):
    word = seconds(spoken("cat"))
    letters = seconds(spoken('<say-as interpret-as="characters">cat</say-as>'))
    assert letters > 1.5 * word


def test_a_number_takes_longer_digit_by_digit(spoken):
    year = seconds(spoken('<say-as interpret-as="cardinal">7000</say-as>'))
    digits = seconds(spoken('<say-as interpret-as="telephone">7000</say-as>'))
    assert digits > 1.2 * year


@pytest.mark.parametrize(
    "wanted", ['name="Alice"', 'name="en-us+nobody"', 'languages="xx"', 'name="Al" languages="xx"']
)
def test_a_voice_that_is_not_here_is_replaced_with_a_warning(wanted, spoken, tmp_path):
    body = f"One. <voice {wanted}>Two.</voice>"
    (warning,) = warned(body, tmp_path)
    assert re.match(r"my\.ssml:1:\d+: no voice matches ", Path(warning).name)
    assert seconds(spoken(body)) > 0.5


def test_a_language_that_no_voice_speaks_is_an_error_with_its_place(spoken):
    with pytest.raises(VoiceguideError, match=r"my\.ssml:1:\d+: .*“xx”"):
        spoken('<lang xml:lang="xx">One.</lang>')


def test_a_language_is_not_taken_for_one_that_begins_alike():
    engine = Pyttsx3()
    try:
        voices = {voice.id: voice.languages for voice in engine.voices()}
        norwegian = engine.choose(WantedVoice(), "no")
    finally:
        engine.close()
    assert norwegian is None or "nog" not in voices[norwegian.partition("+")[0]]
