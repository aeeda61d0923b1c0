"""The script that is written for a request, the listener's own texts and templates included.

What every session must carry is in test_whole_body.py.
"""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from jinja2 import Environment, nodes
from sessions import ROOT, SOUNDS, Made, holds, made, paragraphs, request, spoken, texts_of, worded

from voiceguide import Session, files, library, script, ssml
from voiceguide.errors import LibraryError, RequestError, ScriptError
from voiceguide.script import kind
from voiceguide.script.template import Phrases, sentences
from voiceguide.ssml import Speech

TEMPLATE = "kinds/massage/trigger-tool.ssml.jinja"
REGIONS = texts_of("en").regions
PHRASES: dict[str, list[str]] = texts_of("en").wording["phrases"]


def write(**options: object) -> str:
    return str(script.write(request(**{"target": "calf", **options})).text)


def session(**options: object) -> Made:
    calf = {"target": "calf", "area": "upper-calf", "method": "trigger-tool"}
    return made(request(**calf | options))


# What was written before

PRINTS = """
import sys
from voiceguide import Session
print(Session("calf", side="left", seed=41).script)
print("jinja2" in sys.modules, file=sys.stderr)
"""


def test_what_was_written_before_is_there_without_templates_and_is_the_same():
    first, again = (
        subprocess.run([sys.executable, "-c", PRINTS], capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    assert (first.stderr, again.stderr) == ("True\n", "False\n")
    assert again.stdout == first.stdout
    assert "left calf" in first.stdout


def test_what_was_chosen_for_a_length_is_written_once_for_all_lengths_and_voices():
    """A script is kept without these options: templates of ours may not look at them."""
    unseen = {"minutes", "length_s", "max_length", "voice", "rate", "bed", "bed_level", "mono"}
    templates = sorted((ROOT / "scripts").rglob("*.jinja"))
    assert len(templates) > 2
    for path in templates:
        names = Environment(autoescape=True).parse(path.read_text("utf-8")).find_all(nodes.Name)
        assert not unseen & {one.name for one in names}, path
    for target in ("calf", "breathing"):
        asked = request(target, minutes=12)
        choice = script.choices(asked)[0][-1]
        other = request(target, minutes=7, voice="pyttsx3", rate=140, bed="rain", mono=True)
        assert kind.write(other, choice) == kind.write(asked, choice)


def test_own_texts_are_said_although_others_were_written_before(tmp_path, monkeypatch):
    before = write(seed=42)
    calf = (ROOT / "scripts" / "en" / "regions" / "calf.toml").read_text("utf-8")
    own = tmp_path / "scripts" / "en" / "regions" / "calf.toml"
    own.parent.mkdir(parents=True)
    own.write_text(calf.replace("your {left|right} ", "the {left|right} "), "utf-8")
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path))
    after = write(seed=42)
    assert "your left knee" in before
    assert "your left knee" not in after
    assert "the left knee" in after


def test_a_kept_script_is_written_again_when_a_text_of_the_package_has_changed(
    tmp_path, monkeypatch
):
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    monkeypatch.setattr(files, "_PACKAGE", tmp_path / "voiceguide")
    before = write(seed=44)
    calf = tmp_path / "scripts" / "en" / "regions" / "calf.toml"
    calf.write_text(calf.read_text("utf-8").replace("your {left|right} ", "the {left|right} "))
    after = write(seed=44)
    assert "your left knee" in before
    assert "your left knee" not in after


def test_a_kept_script_that_is_damaged_is_written_again(tmp_path, monkeypatch):
    monkeypatch.setenv("VOICEGUIDE_CACHE_DIR", str(tmp_path))
    text = write(seed=43)
    (kept,) = (tmp_path / "scripts").rglob("*.json")
    kept.write_bytes(kept.read_bytes().replace(b"knee", b"neck"))
    assert write(seed=43) == text


# Requests


@pytest.mark.parametrize("region", sorted(REGIONS))
def test_without_an_area_the_first_is_treated_and_with_all_every_one_in_turn(region):
    first, *others = (f" {area['name']}." for area in REGIONS[region]["areas"])
    alone, together = write(target=region), write(target=region, area="all")
    assert first in alone
    assert not any(other in alone for other in others)
    places = [together.index(name) for name in (first, *others)]
    assert places == sorted(places)


def test_a_complaint_gives_the_session_of_its_region_or_of_the_area_it_names():
    assert write(target="calf-pain") == write(target="calf")
    assert write(target="radiating-back-pain") == write(target="lower-back", area="buttock")
    assert write(target="radiating-back-pain") != write(target="lower-back")


def test_without_a_method_the_deepest_that_suits_is_taken():
    assert write(target="calf") == write(target="calf", method="trigger-tool")
    assert write(target="jaw") == write(target="jaw", method="thumb")
    assert write(target="head", area="all") == write(target="head", area="all", method="thumb")


@pytest.mark.parametrize("language", ["en", "de"])
def test_beginners_get_the_fascia_ball_unless_they_name_a_method(language):
    begun = write(target="calf", level="gentle", language=language)
    ball = {"en": "your fascia ball", "de": "deinen Faszienball"}[language]
    assert ball in begun
    assert begun == write(target="calf", level="gentle", language=language, method="fascia-ball")
    tool = write(target="calf", level="gentle", language=language, method="trigger-tool")
    assert ball not in tool
    for area in ("base-of-skull", "top-of-shoulder"):
        track = script.write(request("neck", "treat", level="gentle", area=area), {})
        assert "your fascia ball" in track.text


def test_of_all_areas_those_are_rolled_out_that_a_roller_suits():
    text = write(target="foot", area="all", method="thumb", prepare=True)
    titles = re.findall('name="chapter:(.*?)"', text)
    assert titles.count("Left: Roll out") == titles.count("Right: Roll out") == 1
    assert titles.count("Left: Find the spot") == titles.count("Right: Find the spot") == 2


def test_the_same_request_gives_the_same_text_and_another_seed_another():
    texts = [write(seed=seed) for seed in range(10)]
    assert texts == [write(seed=seed) for seed in range(10)]
    assert len(set(texts)) == 10


def test_all_variants_of_a_phrase_are_said_before_any_comes_again():
    variants = PHRASES["soften"]
    for seed in range(10):
        long = script.write(request("calf", area="all", seed=seed), {"rounds": 10}).text
        said = [text for text in paragraphs(long) if text in variants]
        assert len(said) > 2 * len(variants)
        for at in range(0, len(said), len(variants)):
            bag = said[at : at + len(variants)]
            assert len(set(bag)) == len(bag)


@pytest.mark.parametrize(
    ("level", "rounds", "hold_s"), [("gentle", 6, 30), ("standard", 5, 45), ("deep", 4, 60)]
)
def test_a_spot_is_held_for_the_rounds_of_a_level(level, rounds, hold_s):
    one = session(level=level, side="left")
    held = holds(one.parts("press")[0].events)
    assert [end - begin for begin, end in held] == [hold_s * 1000] * rounds


@pytest.mark.parametrize(("side", "other"), [("left", "right"), ("right", "left")])
def test_a_side_is_treated_in_the_words_for_it(side, other):
    text = "Lift your {left|right} leg with the {right|left} hand. Rest."
    assert sentences(text, side) == [
        f"Lift your {side} leg with the {other} hand.", "Rest.",
    ]  # fmt: skip
    said = " ".join(paragraphs(write(side=side)))
    texts = REGIONS["calf"]["areas"][0]["find"]
    worded_so, otherwise = worded(texts, side), worded(texts, other)
    assert worded_so != otherwise
    assert all(sentence in said for sentence in worded_so)
    assert not any(one in said for one in otherwise if one not in worded_so)


def test_no_variant_of_a_phrase_is_picked_twice_in_a_row():
    variants = ["One.", "Two.", "Three."]
    for seed in range(30):
        phrases = Phrases({"rest": variants, "halt": ["Stop."]}, seed, lambda _: "phrases.toml")
        picked = [phrases.pick("rest") for _ in range(30)]
        assert all(one != other for one, other in itertools.pairwise(picked))
        assert all(sorted(picked[at : at + 3]) == sorted(variants) for at in range(0, 30, 3))
        assert [phrases.pick("halt") for _ in range(3)] == ["Stop."] * 3


def test_one_who_knows_the_place_hears_fewer_words_in_the_same_protocol():
    full, brief, tones = (session(guidance=guidance) for guidance in ("full", "brief", "tones"))
    words = [len(" ".join(spoken(one.timeline.events)).split()) for one in (full, brief, tones)]
    assert words[0] > 1.2 * words[1]
    assert words[1] > 10 * words[2]
    assert full.timeline.duration_ms > brief.timeline.duration_ms > tones.timeline.duration_ms
    count = [one.text.count("start.wav") for one in (full, brief, tones)]
    assert len(set(count)) == 1


@pytest.mark.parametrize("squeeze", [3, 7])
def test_a_squeezed_session_leaves_out_nothing_that_keeps_from_harm(squeeze):
    asked = request("calf")
    long, terse = (
        " ".join(paragraphs(script.write(asked, {"squeeze": one}).text)) for one in (0, squeeze)
    )
    assert len(terse) < 0.9 * len(long)
    area = REGIONS["calf"]["areas"][0]
    for text in (*PHRASES["never"], *area["warnings"], *area["cautions"]):
        assert text in terse
    for name in ("stop_short" if squeeze == 7 else "stop", "doctor"):
        assert PHRASES[name][0] in terse
    assert "out of ten" in terse


def test_the_words_on_pressure_follow_the_level_unless_the_muscle_bears_less():
    levels = ("gentle", "standard", "deep")
    said = [" ".join(paragraphs(write(level=level))) for level in levels]
    for level, words in zip(levels, said, strict=True):
        (pressure,) = PHRASES[f"pressure_{level}"]
        assert [pressure in other for other in said].count(True) == 1
        assert pressure in words
        assert re.search("out of ten", pressure)
    for region in ("head", "jaw", "hand"):
        limit = REGIONS[region]["areas"][0]["pressure"]
        assert " ".join(limit) in " ".join(paragraphs(write(target=region, level="deep")))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"target": "calv"}, "did you mean calves"),
        ({"area": "toe"}, "no area “toe” in calf; available: upper-calf, lower-calf"),
        ({"method": "laser"}, "no method “laser”; “voiceguide methods” lists them"),
        ({"level": "brutal"}, "level brutal: must be gentle, standard or deep"),
        ({"side": "up"}, "side up: must be left, right or both"),
        ({"seed": -1}, "seed -1: must be 0 or more"),
        ({"colour": "red"}, "unknown option “colour”"),
        ({"sied": "left"}, "unknown option “sied”; did you mean “?side"),
        ({"guidance": "much"}, "guidance much: must be full, brief or tones"),
        ({"explain": "why"}, "explain why: "),
        ({"library": "/nowhere"}, "library /nowhere is not a folder"),
        (
            {"target": "jaw", "method": "trigger-tool"},
            "Trigger tool does not suit the cheek; suitable: thumb$",
        ),
        (
            {"target": "foot", "area": "front-of-sole", "method": "foam-roller"},
            "does not suit the front of the sole; suitable: fascia-ball, thumb, trigger-tool$",
        ),
        (
            {"target": "jaw", "method": "thumb", "prepare": True},
            "prepare: Foam roller does not suit the cheek",
        ),
        ({"method": "foam-roller", "prepare": True}, "prepare: Foam roller is already the method"),
    ],
)
def test_a_request_that_cannot_be_met_names_the_option(options, says):
    with pytest.raises(RequestError, match=says):
        write(**options)


# The user's own scripts


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a file of the user's own scripts folder; return its path."""
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path))

    def put(name: str, text: str) -> Path:
        path = tmp_path / "scripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    return put


def own_calf(name: str = "Calf", spoken: str = "your calf", caution: str = "Take care.") -> str:
    """Return the shipped calf region with another name and a caution of its own."""
    text = (ROOT / "scripts/en/regions/calf.toml").read_text("utf-8")
    for old, new in (
        ('name = "Calf"', f"name = {name!r}"),
        ('spoken = "your calf"', f"spoken = {spoken!r}"),
        ("[complaints]", f"cautions = [{caution!r}]\n\n[complaints]"),
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


def test_the_users_protocol_is_that_of_every_method(own):
    own(
        "kinds/massage/session.ssml.jinja",
        "<speak>{{ method.name }} on {{ region.spoken }}</speak>",
    )
    for method in library.load("en").methods.values():
        assert write(method=method.id) == f"<speak>{method.name} on your calf</speak>"


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("template", "line", "says"),
    [
        ("<speak>\n{{ 1 / 0 }}</speak>", 2, "ZeroDivisionError"),
        ("<speak>\n\n{{ nothing }}</speak>", 3, "“nothing” is not defined$"),
        ("{{ region.heart }}", 1, "“heart” is not defined$"),
        ("{{ wording.chapters.nothing }}", 1, "nothing"),
        ("\n{% if %}", 2, "Expected an expression"),
        ("\n{% for x in %}{% endfor %}", 2, "Expected an expression"),
        ("{% for n in range(10000000) %}{% endfor %}", 1, "OverflowError"),
        ("\n{{ pick('area') | sentences }}", 2, "the template gives no value for <area>"),
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
    says = r"trigger-tool\.ssml\.jinja: template no\.jinja is missing"
    with pytest.raises(ScriptError, match=says):
        write()


def test_a_method_without_a_template_of_its_own_takes_that_of_the_kind(own):
    for name in ("methods.toml", "regions/calf.toml"):
        text = (ROOT / "scripts/en" / name).read_text("utf-8")
        own(f"en/{name}", text.replace("trigger-tool", "laser"))
    assert write(method="laser") == write()
    own("kinds/massage/laser.ssml.jinja", "<speak>{{ method.id }}</speak>")
    assert write(method="laser") == "<speak>laser</speak>"


def test_a_method_that_does_not_suit_an_area_is_refused(own):
    methods = (ROOT / "scripts/en/methods.toml").read_text("utf-8")
    own("en/methods.toml", methods.replace('"trigger-tool"', '"laser"'))
    with pytest.raises(RequestError, match=r"does not suit the upper calf.*trigger-tool"):
        write(method="laser")


def test_a_method_says_a_phrase_of_its_own_instead_of_the_common_one(own):
    phrases = (ROOT / "scripts/en/phrases.toml").read_text("utf-8")
    own("en/phrases.toml", phrases + 'goodbye_fascia_ball = ["Farewell, ball."]\n')
    assert "Farewell, ball." in paragraphs(write(method="fascia-ball"))
    for method in ("thumb", "trigger-tool", "foam-roller"):
        assert "Farewell, ball." not in write(method=method)
        assert set(PHRASES["goodbye"]) & set(paragraphs(write(method=method)))


def test_a_phrase_that_is_missing_is_named(own):
    phrases = (ROOT / "scripts/en/phrases.toml").read_text("utf-8")
    own("en/phrases.toml", re.sub(r"^hold = \[", "held = [", phrases, count=1, flags=re.MULTILINE))
    with pytest.raises(LibraryError, match=r"phrases\.toml: phrases\.hold is missing"):
        write()


@pytest.mark.slow
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
    with pytest.raises(ScriptError, match=r"SecurityError|“parse_file” is not defined"):
        write()


def test_a_variable_that_a_template_does_not_use_is_a_warning(tmp_path):
    path = tmp_path / "my.ssml.jinja"
    path.write_text("<speak>{% for _ in range(2) %}Hi.{% endfor %}{{ rounds }}</speak>", "utf-8")
    session = Session(path, variables={"rounds": "2", "rouns": "4"})
    assert [str(one) for one in session.warnings] == [f"{path} uses no variable “rouns”"]
    path.write_text('<speak>Hi.{% include "other.jinja" %}</speak>', "utf-8")
    (tmp_path / "other.jinja").write_text("{{ rouns }}", "utf-8")
    assert not list(Session(path, variables={"rouns": "4"}).warnings)
