"""The session that is written for a request: what the domain page says it must carry.

Texts are taken from the library's files and worded for a side here, a second time. Speech is given
plausible lengths, sounds their real ones.
"""

from __future__ import annotations

import functools
import itertools
import re
import tomllib
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree

from voiceguide import library, script, ssml, timeline
from voiceguide.errors import LibraryError, RequestError, ScriptError
from voiceguide.script import Request
from voiceguide.ssml import Script, Sound, Speech
from voiceguide.timeline import Event, Timeline

ROOT = Path(__file__).parents[1]
SOUNDS = ROOT / "sounds"
TEMPLATE = "sessions/trigger-tool.ssml.jinja"
SSML = "http://www.w3.org/2001/10/synthesis"
MS_PER_CHARACTER = 65
"""What espeak-ng needs at 140 words a minute; a calm narrator reads no faster."""
HOLD_S = {"gentle": 30, "standard": 45, "deep": 60}
MINUTE_MS = 60_000
SAFETY_WORDS = (
    "sharp", "electric", "numb", "ease off", "stop", "bruises", "wounds", "inflamed", "swollen",
    "doctor", "pregnant", "blood thinners", "thrombosis", "brittle bones", "cancer", "injury",
    "operation", "fever", "loss of feeling or strength", "scale from one to ten",
)  # fmt: skip


def toml(name: str) -> dict:
    return tomllib.loads((ROOT / "scripts/en" / name).read_text("utf-8"))


REGIONS = {
    path.stem: toml(f"regions/{path.name}") for path in (ROOT / "scripts/en/regions").glob("*.toml")
}
WORDING = toml("phrases.toml")
PHRASES: dict[str, list[str]] = WORDING["phrases"]
AREAS = [(region, area["id"]) for region in sorted(REGIONS) for area in REGIONS[region]["areas"]]
REQUESTS = [
    Request(target=region, area=area, side=side, level=level, seed=seed)
    for region, area in AREAS
    for side in ("left", "right", "both")
    for level in HOLD_S
    for seed in (0, 7)
]
everywhere = pytest.mark.parametrize(
    "asked",
    REQUESTS,
    ids=lambda asked: f"{asked.target}-{asked.area}-{asked.side}-{asked.level}-{asked.seed}",
)


@dataclass(frozen=True)
class Part:
    """A chapter with what is heard in it."""

    begin_ms: int
    end_ms: int
    events: list[Event]


@dataclass(frozen=True)
class Made:
    """A session as far as it can be known without a voice."""

    text: str
    parsed: Script
    timeline: Timeline


def length_ms(cue: Speech | Sound) -> int:
    if isinstance(cue, Speech):
        return 200 + MS_PER_CHARACTER * len(cue.text)
    return round(sound_ms(cue.path) / cue.speed)


@functools.cache
def sound_ms(path: Path) -> float:
    with wave.open(str(path)) as file:
        return 1000 * file.getnframes() / file.getframerate()


def write(**options: object) -> str:
    asked = script.request(**{"target": "calf", **options})
    return script.render(asked, library.load("en"))


def made(asked: Request) -> Made:
    return made_as(asked.model_dump_json())


@functools.cache
def made_as(asked: str) -> Made:
    """Make a session once, by its request as JSON."""
    text = script.render(Request.model_validate_json(asked), library.load("en"))
    parsed = ssml.parse(text, name="session", folders=[SOUNDS])
    return Made(text, parsed, timeline.collect(timeline.resolve(parsed.root, length_ms)))


def spoken(events: Iterable[Event]) -> list[str]:
    return [event.cue.text for event in events if event.kind == "speech"]


def sounds(events: list[Event], name: str) -> list[int]:
    return [event.begin_ms for event in events if getattr(event.cue, "source", None) == name]


def chapters(session: Made, key: str) -> list[Part]:
    """Give the chapters of this kind, one a side."""
    return [
        Part(
            chapter.begin_ms,
            chapter.end_ms,
            [
                event
                for event in session.timeline.events
                if chapter.begin_ms <= event.begin_ms < chapter.end_ms
            ],
        )
        for chapter in session.timeline.chapters
        if chapter.title.split(": ")[-1] == WORDING["chapters"][key]
    ]


def holds(events: Iterable[Event]) -> list[tuple[int, int]]:
    """Give when each hold begins and ends, by its tones."""
    return list(zip(sounds(events, "start.wav"), sounds(events, "end.wav"), strict=True))


def area_of(asked: Request) -> dict:
    return next(area for area in REGIONS[asked.target]["areas"] if area["id"] == asked.area)


def sides_of(asked: Request) -> list[str | None]:
    if not area_of(asked)["two_sided"]:
        return [None]
    return ["left", "right"] if asked.side == "both" else [asked.side]


def worded(texts: list[str], side: str | None) -> list[str]:
    """Give the sentences of texts, worded for a side."""
    which = 2 if side == "right" else 1
    one_sided = [re.sub(r"\{(.*?)\|(.*?)\}", rf"\{which}", text) for text in texts]
    return [sentence for text in one_sided for sentence in re.split(r"(?<=[.!?]) ", text)]


def xpath(text: str, path: str) -> list:
    return etree.fromstring(text.encode()).xpath(path, namespaces={"s": SSML})


def picked(text: str, key: str) -> list[str]:
    """Give the variants of a phrase that a script has, in their order."""
    forms = {}
    for variant in PHRASES[key]:
        with_side = re.sub(r"\\{(.*?)\\\|(.*?)\\}", r"(\1|\2)", re.escape(variant))
        forms[variant] = re.compile(re.sub("<.*?>", "[^.]+", with_side))
    parts = xpath(text, "//s:p | //s:speak[not(*)]")
    whole = [" ".join(part.itertext()) for part in parts]
    return [variant for said in whole for variant, form in forms.items() if form.fullmatch(said)]


def has_run(texts: list[str], run: list[str]) -> bool:
    """Tell whether ``run`` is said in ``texts`` without anything between."""
    return any(texts[at : at + len(run)] == run for at in range(len(texts)))


# The protocol, for every area, side and level


@everywhere
def test_a_session_can_be_read_and_all_its_speech_fits(asked):
    session = made(asked)
    assert not session.parsed.warnings
    assert session.parsed.language == "en"
    assert session.parsed.title == REGIONS[asked.target]["name"]
    assert not re.search(r"[<>{}|]|None|Undefined", " ".join(spoken(session.timeline.events)))


@everywhere
def test_holds_and_the_stretch_last_exactly_as_long_as_the_level_says(asked):
    session = made(asked)
    lasting = []
    for press, stretch in zip(
        chapters(session, "press"), chapters(session, "stretch"), strict=True
    ):
        rounds = len(holds(press.events))
        assert rounds >= 3
        assert {end - begin for begin, end in holds(press.events)} == {HOLD_S[asked.level] * 1000}
        assert [end - begin for begin, end in holds(stretch.events)] == [60_000]
        lasting += [f"{HOLD_S[asked.level]}s"] * rounds + ["60s"]
    assert xpath(session.text, "//s:par[s:media/s:audio/@src='start.wav']/@dur") == lasting


@everywhere
def test_a_hold_is_paced_halved_and_ticked_out(asked):
    events = made(asked).timeline.events
    for begin, end in holds(events):
        held = [event for event in events if begin <= event.begin_ms < end]
        half = (begin + end) // 2
        assert sounds(held, "half.wav") == [half]
        words = [event.begin_ms - half for event in held if event.kind == "speech"]
        assert any(0 <= late_ms <= 1000 for late_ms in words)
        assert sounds(held, "tick.wav") == [end - before for before in (3000, 2000, 1000)]
        breaths = sorted(sounds(held, "inhale.wav") + sounds(held, "exhale.wav"))
        assert len(breaths) >= 4
        gaps = [later - earlier for earlier, later in itertools.pairwise(breaths)]
        assert gaps == ([4000, 6000] * len(breaths))[: len(gaps)]


@everywhere
def test_each_hold_of_the_alternation_is_followed_by_ten_seconds_of_movement(asked):
    moves = "//s:par[@dur='10s']//s:s/text()"
    moved = xpath(made(asked).text, moves)
    for side, press in zip(sides_of(asked), chapters(made(asked), "press"), strict=True):
        rounds = len(holds(press.events))
        reminders, moved = moved[:rounds], moved[rounds:]
        assert len(reminders) == rounds
        assert set(reminders) <= set(worded(area_of(asked)["mobilize_again"], side))
        assert [text for text in spoken(press.events) if text in reminders] == reminders
        assert all(one != other for one, other in itertools.pairwise(reminders))
    assert moved == []


@everywhere
def test_holding_and_moving_alternate_for_about_five_minutes_a_side(asked):
    for press in chapters(made(asked), "press"):
        first, _ = holds(press.events)[0]
        _, last = holds(press.events)[-1]
        assert last + 10_000 - first >= 4 * MINUTE_MS
        assert press.end_ms - press.begin_ms <= 6 * MINUTE_MS


@everywhere
def test_each_side_that_is_asked_for_has_its_chapters(asked):
    titles = {key: WORDING["chapters"][key] for key in WORDING["chapters"]}
    expected = [titles["settle"], titles["safety"]]
    for side in sides_of(asked):
        before = f"{WORDING['sides'][side]}: " if side else ""
        expected += [before + titles[key] for key in ("find", "press", "stretch")]
    found = [chapter.title for chapter in made(asked).timeline.chapters]
    assert found == [*expected, titles["close"]]
    assert len(found) >= 5
    assert made(asked).timeline.chapters[0].begin_ms == 0


@everywhere
def test_every_text_of_the_area_is_said_in_words_for_its_side(asked):
    area = area_of(asked)
    for number, side in enumerate(sides_of(asked)):
        said = {
            key: spoken(chapters(made(asked), key)[number].events)
            for key in ("find", "press", "stretch")
        }
        assert has_run(said["stretch"], worded(area["stretch"], side))
        if number == 0:  # the other side is done as before
            assert has_run(said["find"], worded(area["find"], side))
            assert has_run(said["find"], worded(area["place"]["trigger-tool"], side))
            assert has_run(said["press"], worded(area["mobilize"], side))


@everywhere
def test_nothing_is_said_in_words_for_the_other_side(asked):
    area = area_of(asked)
    texts = [*area["find"], *area["cautions"], *area["place"]["trigger-tool"], *area["stretch"]]
    texts += [*area["mobilize"], *area["mobilize_again"], *itertools.chain(*PHRASES.values())]
    for number, side in enumerate(sides_of(asked)):
        known = "|".join(
            re.sub("<.*?>", ".+", re.escape(sentence).replace(r"\<", "<").replace(r"\>", ">"))
            for sentence in worded(texts, side)
        )
        for key in ("find", "press", "stretch"):
            for sentence in spoken(chapters(made(asked), key)[number].events):
                assert re.fullmatch(known, sentence), sentence


@everywhere
def test_the_listener_is_warned_before_the_first_pressure(asked):
    session = made(asked)
    first_hold, _ = holds(session.timeline.events)[0]
    (safety,) = chapters(session, "safety")
    assert safety.end_ms < first_hold
    warned = " ".join(spoken(safety.events)).lower()
    for caution in worded(REGIONS[asked.target]["cautions"], None):
        assert caution.lower() in warned
    for words in SAFETY_WORDS:
        assert re.search(words, warned), words
    place = spoken(chapters(session, "find")[0].events)
    assert has_run(place, worded(area_of(asked)["cautions"], sides_of(asked)[0]))
    (close,) = chapters(session, "close")
    farewell = " ".join(spoken(close.events))
    assert re.search("physical therapist", farewell)
    assert re.search("come back|do so again|return", farewell)


@everywhere
def test_no_two_phrases_are_said_at_once(asked):
    events = [event for event in made(asked).timeline.events if event.kind == "speech"]
    for earlier, later in itertools.pairwise(events):
        assert earlier.end_ms <= later.begin_ms, (earlier.cue.text, later.cue.text)


@everywhere
def test_no_phrase_is_said_in_the_same_words_twice_in_a_row(asked):
    picks = {key: picked(made(asked).text, key) for key in PHRASES}
    assert len(picks["hold"]) >= 2
    assert len(picks["half_time"]) >= 3
    for key, variants in picks.items():
        if len(PHRASES[key]) > 1:
            assert all(one != other for one, other in itertools.pairwise(variants)), key


# Requests


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_without_an_area_the_first_is_treated_and_with_all_every_one_in_turn(region):
    first, *others = (area["name"] for area in REGIONS[region]["areas"])
    alone, together = write(target=region), write(target=region, area="all")
    assert first in alone
    assert not any(other in alone for other in others)
    places = [together.index(f" {name}.") for name in (first, *others)]
    assert places == sorted(places)


def test_a_complaint_gives_the_session_of_its_region():
    assert write(target="calf-pain") == write(target="calf")


def test_the_same_request_gives_the_same_text_and_another_seed_another():
    texts = [write(seed=seed) for seed in range(10)]
    assert texts == [write(seed=seed) for seed in range(10)]
    assert len(set(texts)) == 10


def test_all_variants_of_a_phrase_are_said_before_any_comes_again():
    for seed in range(10):
        variants = picked(write(area="all", seed=seed), "soften")
        for at in range(0, len(variants), 5):
            assert len(set(variants[at : at + 5])) == len(variants[at : at + 5])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"target": "calv"}, "did you mean calf"),
        ({"area": "toe"}, "no area “toe” in calf; there are: upper-calf, lower-calf"),
        ({"method": "laser"}, "no method “laser”; there are: trigger-tool"),
        ({"level": "brutal"}, "level = 'brutal': .*gentle"),
        ({"side": "up"}, "side = 'up': .*left"),
        ({"seed": -1}, "seed = -1: "),
        ({"colour": "red"}, "colour = 'red': "),
    ],
)
def test_a_request_that_cannot_be_met_names_the_option(options, says):
    with pytest.raises(RequestError, match=says):
        write(**options)


# The user's own scripts


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a file of the user's own scripts folder; give its path."""
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path))

    def put(name: str, text: str) -> Path:
        path = tmp_path / "scripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return put


def own_calf(name: str = "Calf", spoken: str = "your calf", caution: str = "Take care.") -> str:
    """Give the shipped calf region with another name and a first caution."""
    text = (ROOT / "scripts/en/regions/calf.toml").read_text("utf-8")
    for old, new in (
        ('name = "Calf"', f"name = {name!r}"),
        ('spoken = "your calf"', f"spoken = {spoken!r}"),
        ("cautions = [", f"cautions = [{caution!r},"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_the_users_template_goes_before_the_shipped_one(own):
    own(
        TEMPLATE,
        "<speak>{{ region.name }}, {{ level }}: {{ pick('goodbye') | length > 9 }}</speak>",
    )
    assert write(level="deep") == "<speak>Calf, deep: True</speak>"


def test_the_users_macros_go_before_the_shipped_ones(own):
    cues = (ROOT / "scripts/cues.ssml.jinja").read_text("utf-8")
    own("cues.ssml.jinja", cues.replace('src="tick.wav"', 'src="bell.wav"'))
    assert "tick.wav" not in write()


def test_signs_of_xml_in_a_region_are_spoken_and_not_obeyed(own):
    caution = 'Keep "calm" & press <break time="9s"/> less.'
    own("en/regions/calf.toml", own_calf("Calf & <shin>", "your calf & shin < knee", caution))
    parsed = ssml.parse(write(), name="session", folders=[SOUNDS])
    texts = [cue.text for cue in ssml.walk(parsed.root) if isinstance(cue, Speech)]
    assert parsed.title == "Calf & <shin>"
    assert any("your calf & shin < knee" in text for text in texts)
    assert caution in texts


def test_what_is_filled_into_a_phrase_is_not_looked_into(own):
    own("en/regions/calf.toml", own_calf(spoken="your <b>calf</b> and <tool>"))
    assert "your &lt;b&gt;calf&lt;/b&gt; and &lt;tool&gt;" in write()


@pytest.mark.parametrize(
    ("template", "line", "says"),
    [
        ("<speak>\n{{ 1 / 0 }}</speak>", 2, "ZeroDivisionError"),
        ("<speak>\n\n{{ nothing }}</speak>", 3, "'nothing' is undefined"),
        ("{{ region.heart }}", 1, "has no attribute 'heart'"),
        ("{{ wording.chapters.nothing }}", 1, "nothing"),
        ("\n{% if %}", 2, "Expected an expression"),
        ("\n{% for x in %}{% endfor %}", 2, "Expected an expression"),
        ("{% for n in range(10000000) %}{% endfor %}", 1, "OverflowError"),
        ("\n{{ pick('area') | sentences }}", 2, "nothing is known for <area>"),
        ("{{ region.areas[0].find | sentences }}", 1, "needs a side"),
        ("{% macro m() %}{{ m() }}{% endmacro %}\n{{ m() }}", 1, "RecursionError"),
    ],
)
def test_a_template_that_fails_is_named_with_its_line(own, template, line, says):
    path = own(TEMPLATE, template)
    with pytest.raises((ScriptError, LibraryError), match=says) as raised:
        write()
    if isinstance(raised.value, ScriptError):
        assert str(raised.value).startswith(f"{path}:{line}: ")


def test_a_macro_that_fails_is_named_with_its_own_line(own):
    path = own("mine.jinja", "{% macro fail() %}\n{{ 1 / 0 }}\n{% endmacro %}")
    own(TEMPLATE, "{% import 'mine.jinja' as mine %}\n{{ mine.fail() }}")
    with pytest.raises(ScriptError, match=f"^{re.escape(str(path))}:2: ZeroDivisionError"):
        write()


def test_a_template_that_is_missing_is_named(own):
    own(TEMPLATE, "{% import 'no.jinja' as no %}")
    says = r"ssml\.jinja: template no\.jinja is missing, beside it and in scripts/"
    with pytest.raises(ScriptError, match=says):
        write()
    methods = (ROOT / "scripts/en/methods.toml").read_text("utf-8")
    own("en/methods.toml", methods.replace('"trigger-tool"', '"fascia-ball"'))
    with pytest.raises(ScriptError, match=r"sessions/fascia-ball\.ssml\.jinja is missing"):
        write(method="fascia-ball")


def test_a_method_that_does_not_suit_an_area_is_refused(own):
    methods = (ROOT / "scripts/en/methods.toml").read_text("utf-8")
    own("en/methods.toml", methods.replace('"trigger-tool"', '"laser"'))
    with pytest.raises(RequestError, match=r"does not suit the upper calf.*trigger-tool"):
        write(method="laser")


def test_a_phrase_that_is_missing_is_named(own):
    phrases = (ROOT / "scripts/en/phrases.toml").read_text("utf-8")
    own("en/phrases.toml", re.sub(r"^hold = \[", "held = [", phrases, count=1, flags=re.MULTILINE))
    with pytest.raises(LibraryError, match=r"phrases\.toml: phrases\.hold is missing"):
        write()


@pytest.mark.parametrize(
    "trick",
    [
        "{{ ''.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ pick.__self__ }}",
        "{{ pick.__globals__ }}",
        "{{ region.__init__.__globals__ }}",
        "{{ region['__class__'] }}",
        "{{ region | attr('__class__') }}",
        "{{ '{0.__class__}'.format(region) }}",
        "{{ wording.phrases.clear() }}",
        "{{ wording.phrases.update(hold=[]) }}",
        "{{ treatments.append(1) }}",
        "{% include '/etc/hostname' %}",
        "{% include '../../../../../../../../etc/hostname' %}",
    ],
)
def test_a_template_reaches_nothing_beyond_what_it_is_given(own, trick):
    own(TEMPLATE, trick)
    with pytest.raises(ScriptError):
        write()


@pytest.mark.parametrize("model", ["region", "method", "wording", "treatments[0][0]"])
def test_a_template_runs_no_code_of_its_own(own, tmp_path, model):
    made_by_pickle = tmp_path / "made"
    pickled = f"cos\nmkdir\n(S'{made_by_pickle}'\ntR."
    call = "parse_raw(data, content_type='application/pickle', allow_pickle=true)"
    own(TEMPLATE, f"{{% set data = {pickled!r}.encode() %}}{{{{ {model}.{call} }}}}")
    with pytest.raises(ScriptError):
        write()
    assert not made_by_pickle.exists()


def test_a_template_reads_no_files(own, tmp_path):
    (tmp_path / "own.json").write_text("{}")
    own(TEMPLATE, f"{{{{ region.parse_file('{tmp_path / 'own.json'}') }}}}")
    with pytest.raises(ScriptError, match=r"SecurityError|UndefinedError"):
        write()
