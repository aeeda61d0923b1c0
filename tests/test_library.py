"""What authors write: regions, methods and phrases, shipped or the user's own."""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path

import pytest
from sessions import request

from voiceguide import Session, library
from voiceguide.cli.targets import complete
from voiceguide.errors import LibraryError, RequestError
from voiceguide.library import Region, checks, kinds
from voiceguide.script.template import sentences
from voiceguide.script.treatment import treatment

SCRIPTS = Path(__file__).parents[1] / "scripts"
REGION_FILES = sorted(SCRIPTS.glob("*/regions/*.toml"))
WORDING_FILES = sorted(SCRIPTS.glob("*/phrases.toml"))
MOST_WORDS = 25

TOES = """
name = "Toes"
spoken = "your toes"
summary = "Knots below the toes"
cautions = ["Never press a numb foot."]

[complaints]
toe-cramps = ["ball"]

[[areas]]
id = "ball"
name = "the ball of the foot"
anatomy = "flexor hallucis brevis"
two_sided = true
cautions = ["Spare the joints."]
find = ["Feel along your {left|right} foot."]
mobilize = ["Bend your toes."]
mobilize_again = ["Bend them.", "Toes down.", "Once more."]
stretch = ["Kneel on your {left|right} toes."]

[areas.place]
trigger-tool = ["Stand on the tool."]
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a file of the user's own scripts folder; give its path."""
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path))

    def write(name: str, text: str | bytes) -> Path:
        path = tmp_path / "scripts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def test_hidden_files_are_no_texts(own):
    own("en/regions/._toes.toml", b"\0\5\x16\7")  # macOS
    own("en/regions/.#toes.toml", "")
    own("kinds/.old/kind.toml", "")
    own(".kept/phrases.toml", "")
    problems = []
    names = [region.id for region in library.load("en").regions(problems)]
    assert "neck" in names
    assert not [name for name in names if "toes" in name]
    assert problems == []
    assert "massage" in kinds.kinds()
    assert library.languages() == ["de", "en"]
    assert complete(".") == []
    assert complete("n") == ["neck"]


def shipped(path: Path) -> Region:
    return library.load(path.parents[1].name).region(path.stem)


def texts_of(region: Region) -> list[str]:
    """Return all that a listener may hear of a region."""
    found = [f"{region.spoken}.", *region.cautions, *(region.pressure or ())]
    for area in region.areas:
        found += [area.name, *area.cautions, *area.find, *area.mobilize, *area.mobilize_again]
        found += [*area.stretch, *(text for texts in area.place.values() for text in texts)]
    return found


def test_there_are_regions():
    assert {"calf", "lower-back", "neck"} <= library.load("en").region_files.keys()
    assert "en" in library.languages()


@pytest.mark.parametrize("path", REGION_FILES, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
class TestEveryShippedRegion:
    def test_names_itself_and_warns(self, path):
        region = shipped(path)
        assert region.id == path.stem
        assert region.name
        assert region.spoken
        assert 0 < len(region.summary) <= 60
        assert region.cautions

    def test_has_one_to_four_areas_with_names_of_their_own(self, path):
        areas = shipped(path).areas
        assert 1 <= len({area.id for area in areas}) == len(areas) <= 4

    def test_says_all_that_a_treatment_needs(self, path):
        region = shipped(path)
        methods = library.load(path.parents[1].name).methods
        for area in region.areas:
            assert len(area.mobilize_again) >= 3
            for texts in (area.cautions, area.find, area.mobilize, area.stretch):
                assert texts
            assert area.place.keys() & methods.keys(), f"no method for {area.name}"
            assert all(area.place.values())

    def test_is_found_by_each_of_its_complaints(self, path):
        language = path.parents[1].name
        for complaint in shipped(path).complaints:
            assert library.load(language).region(complaint).id == path.stem

    @pytest.mark.parametrize("side", ["left", "right"])
    def test_speaks_in_short_finished_sentences(self, path, side):
        for sentence in sentences(texts_of(shipped(path)), side):
            assert len(sentence.split()) <= MOST_WORDS, sentence
            assert not re.search(r"[{}|<>]|TODO|XXX", sentence)
        for text in texts_of(shipped(path)):
            assert text == text.strip()

    def test_ends_each_sentence(self, path):
        region = shipped(path)
        names = {area.name for area in region.areas}
        assert all(text[-1] in ".!?" for text in texts_of(region) if text not in names)


@pytest.mark.parametrize("path", WORDING_FILES, ids=lambda path: path.parent.name)
def test_every_phrase_is_short_and_has_known_placeholders_only(path):
    known = {"<region>", "<area>", "<tool>", "<round>", "<rounds>"}
    for variants in library.load(path.parent.name).wording.phrases.values():
        assert len(set(variants)) == len(variants)
        assert set(re.findall(r"<[^>]*>", " ".join(variants))) <= known
        for sentence in sentences(variants, "left"):
            assert len(sentence.split()) <= MOST_WORDS, sentence
            assert sentence[-1] in ".!?"


@pytest.mark.parametrize("language", library.languages())
def test_every_method_says_what_it_is_and_for_whom(language):
    methods = library.load(language).methods.values()
    assert [method.id for method in methods] == [
        "trigger-tool", "fascia-ball", "thumb", "foam-roller",
    ]  # fmt: skip
    for method in methods:
        assert method.name
        assert method.summary
        assert method.for_whom
        for sentence in sentences([f"{method.spoken}.", *(method.mobilize or ())], "left"):
            assert len(sentence.split()) <= MOST_WORDS
            assert sentence[-1] in ".!?"


@pytest.mark.parametrize("language", library.languages())
def test_what_recurs_has_three_variants_at_least(language):
    phrases = library.load(language).wording.phrases
    always_the_same = {"explain", "stop", "stop_short", "stop_stretch", "doctor"}
    always_the_same |= {"never", "seek_help", "seek_help_short"}
    for key, variants in phrases.items():
        if not key.startswith("pressure_") and key not in always_the_same:
            assert len(variants) >= 3, key


@pytest.mark.parametrize("language", library.languages())
def test_no_tool_is_used_where_it_does_not_suit(language):
    texts = library.load(language)
    jaw = {method for area in texts.region("jaw").areas for method in area.place}
    assert jaw == {"thumb"}
    assert texts.region("head").area("temple").place.keys() == {"thumb"}
    rolled = {
        region.id for region in texts.regions() for area in region.areas
        if "foam-roller" in area.place
    }  # fmt: skip
    assert rolled.isdisjoint({"head", "jaw", "neck", "hand", "inner-elbow", "outer-elbow"})
    assert {"calf", "front-thigh", "back-thigh", "hip"} <= rolled
    chest = {method for area in texts.region("chest").areas for method in area.place}
    assert "foam-roller" not in chest


# Finding


EVERY_PLACE = {
    "head": ["head", "tension-headache", "migraine"],
    "jaw": ["jaw", "jaw-pain", "tinnitus"],
    "neck": ["neck", "neck-pain", "radiating-neck-pain"],
    "shoulder": ["shoulder", "shoulder-pain"],
    "shoulder-blade": ["shoulder-blade", "shoulder-blade-pain"],
    "upper-arm": ["upper-arm", "arm-pain"],
    "forearm": ["forearm", "lower-arm"],
    "outer-elbow": ["outer-elbow", "tennis-elbow"],
    "inner-elbow": ["inner-elbow", "golfers-elbow"],
    "hand": ["hand", "hand-pain", "tingling-hand", "numb-hand"],
    "lower-back": ["lower-back", "lower-back-pain", "radiating-back-pain"],
    "chest": ["chest", "rounded-shoulders"],
    "upper-back": ["upper-back", "pain-between-the-blades"],
    "buttock": ["buttock", "buttock-pain"],
    "shin": ["shin", "shin-pain", "shin-splints"],
    "hip": ["hip", "hip-pain"],
    "groin": ["groin", "groin-pain"],
    "outer-thigh": ["outer-thigh"],
    "front-thigh": ["front-thigh", "leg-pain"],
    "back-thigh": ["back-thigh"],
    "knee": ["knee", "knee-pain"],
    "calf": ["calf", "calf-pain"],
    "foot": ["foot", "foot-pain"],
}
"""The places and complaints of the domain page."""


@pytest.mark.slow
@pytest.mark.parametrize("language", library.languages())
@pytest.mark.parametrize("region", EVERY_PLACE)
def test_every_place_and_complaint_is_found_with_every_method_that_suits(language, region):
    texts = library.load(language)
    for target in EVERY_PLACE[region]:
        found = texts.find(target)
        assert found.region.id == region
        suited = {method for area in found.areas for method in area.place}
        for method in texts.methods:
            asked = request(target, method=method, language=language)
            if method in suited:
                assert treatment(asked, texts).method.id == method
            else:
                with pytest.raises(RequestError, match=r"does not suit .*; suitable: ") as refused:
                    treatment(asked, texts)
                assert set(str(refused.value).split(": ")[-1].split(", ")) == suited


@pytest.mark.parametrize("language", library.languages())
def test_every_complaint_is_in_one_file_and_leads_to_areas(language):
    texts = library.load(language)
    complaints = [name for region in texts.regions() for name in region.complaints]
    assert len(complaints) == len(set(complaints))
    for complaint in complaints:
        assert texts.find(complaint).areas


@pytest.mark.parametrize(
    ("wrong", "near"),
    [
        ("calv", "calves"), ("lowrback", "lower-back"), ("stif-neck", "stiff neck"),
        ("tenis-elbow", "tennis elbow"), ("golfer-elbow", "golfer's elbow"),
        ("migrainne", "migraine"), ("tinitus", "tinnitus"), ("hedache", "headache"),
        ("sholderblade", "shoulder-blade"), ("bak_pain", "back pain"), ("sholder", "shoulder"),
    ],
)  # fmt: skip
def test_a_near_miss_is_answered_with_what_was_meant(wrong, near):
    with pytest.raises(RequestError, match=f"“{wrong}”; did you mean .*{near}"):
        library.load("en").region(wrong)


@pytest.mark.parametrize("language", library.languages())
def test_a_name_without_one_of_its_letters_is_a_near_miss(language):
    texts = library.load(language)
    for name in itertools.chain(*EVERY_PLACE.values()):
        with pytest.raises(RequestError, match=r"did you mean (.*)\?$") as raised:
            texts.region(name[0] + name[2:])
        offered = str(raised.value).partition("did you mean ")[2].removesuffix("?").split(" or ")
        meant = [(found.region.id, found.areas) for found in map(texts.find, offered)]
        found = texts.find(name)
        assert (found.region.id, found.areas) in meant
        assert 1 <= len(offered) <= 3


def test_what_is_like_nothing_is_answered_with_where_all_are_listed():
    with pytest.raises(RequestError) as raised:
        library.load("en").region("qqqq")
    assert str(raised.value) == ("no region or complaint “qqqq”; “voiceguide regions” lists them")


@pytest.mark.parametrize(
    ("language", "name", "region"),
    [
        ("en", "Calf", "calf"), ("en", "tennis elbow", "outer-elbow"),
        ("en", "Tennis-Elbow", "outer-elbow"), ("en", "Golfer's  elbow ", "inner-elbow"),
        ("en", "golfer’s elbow", "inner-elbow"), ("en", "LOWER BACK", "lower-back"),
        ("de", "Wade", "calf"), ("de", "Hüfte", "hip"), ("de", "Huefte", "hip"),
        ("de", "hufte", "hip"), ("de", "Hu\u0308fte", "hip"), ("de", "fuss", "foot"),
        ("de", "FUSS", "foot"), ("de", "unterer rücken", "lower-back"),
        ("de", "Aeusserer Ellenbogen", "outer-elbow"), ("de", "Tennis-Elbow", "outer-elbow"),
        ("en", "lowerback", "lower-back"), ("en", "head ache", "head"),
        ("en", "back_pain", "lower-back"), ("de", "Unterer-Ruecken", "lower-back"),
    ],
)  # fmt: skip
def test_a_region_is_found_by_any_of_its_names_in_any_spelling(language, name, region):
    assert library.load(language).region(name).id == region


def test_an_area_and_a_method_are_found_by_id_and_title_in_any_spelling():
    texts = library.load("de")
    for name in ("upper-calf", "Upper Calf", "die obere Wade"):
        assert texts.region("calf").area(name).id == "upper-calf"
    for name in ("fascia-ball", "Fascia Ball", "faszienball", "FASZIENBALL"):
        assert texts.method(name).id == "fascia-ball"


def test_a_complaint_in_another_spelling_leads_to_its_own_areas():
    texts = library.load("en")
    assert [area.id for area in texts.find("Calf Cramps").areas] == ["upper-calf"]
    assert [area.id for area in texts.find("CALF").areas] == ["upper-calf", "lower-calf"]


def test_an_id_goes_before_the_same_name_in_another_spelling(own):
    own("en/regions/shin.toml", TOES.replace('"Toes"', '"Calf"').replace("toe-cramps", "neck-pain"))
    texts = library.load("en")
    assert texts.region("calf").id == "calf"
    assert texts.region("Calf").id == "calf"
    own("en/regions/wade.toml", TOES.replace("toe-cramps", "toes-of-calf"))
    own("en/regions/zehen.toml", TOES.replace('"Toes"', '"Wade"'))
    assert library.load("en").region("Wade").id == "wade"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "qqqq",
            "; “voiceguide regions” lists them (and shows why 1 of their files cannot be used)",
        ),
        (
            "calff",
            "; did you mean calf or scalp? “voiceguide regions” shows why 1 file cannot be used",
        ),
    ],
)
def test_where_files_that_are_wrong_are_shown_is_told_with_an_unknown_name(own, name, says):
    own("en/regions/toes.toml", TOES.replace("two_sided", "twosided"))
    with pytest.raises(RequestError) as raised:
        library.load("en").region(name)
    assert str(raised.value) == f"no region or complaint “{name}”{says}"


def test_what_has_no_texts_in_a_language_is_told_with_the_file_that_is_missing(own):
    folder = own("en/regions/toes.toml", TOES).parents[2]
    for name in ("toes", "TOES", "ball", "toe-cramps"):
        with pytest.raises(RequestError) as raised:
            library.load("de").region(name)
        missing = folder / "de" / "regions" / "toes.toml"
        assert str(raised.value) == f"“{name}” has no texts in de: {missing} is missing"
    there = own("de/regions/toes.toml", TOES.replace("toe-cramps", "zehenkrampf"))
    with pytest.raises(RequestError) as raised:
        library.load("de").region("toe-cramps")
    says = f"“toe-cramps” has no texts in de: {there}: the complaint toe-cramps is missing"
    assert str(raised.value) == says


def test_everyday_words_for_what_does_not_exist_are_told_with_their_line(own):
    own("en/regions/toes.toml", TOES)
    path = own("en/names.toml", '[places]\ntoes = ["tootsies"]\ntoess = ["piggies"]\n')
    says = f"{path}:3: places.toess: no region, area or complaint “toess”; did you mean toes?"
    for language in ("en", "de"):
        with pytest.raises(LibraryError) as raised:
            library.load(language).region("piggies")
        assert str(raised.value) == says
    assert library.load("en").region("tootsies").id == "toes"
    assert [str(one) for one in checks.problems(library.load("en"))] == [says]


def test_files_that_nothing_reads_are_told_with_what_they_should_be_called(own):
    wrong = {
        "phrases.toml": "; it belongs in the folder of its language, such as en/",
        "regions/toes.toml": "; only kinds/ and the folders of languages, such as en/, are",
        "kind/walk/en.toml": "; only kinds/ and the folders of languages, such as en/, are",
        "walk/kind.toml": "; the folder of a kind belongs in kinds/",
        "En/regions/toes.toml": "; the folder of a language is written en/",
        "en/phrase.toml": "; did you mean phrases.toml?",
        "en/toes.toml": "; a region belongs in en/regions/",
        "en/region/toes.toml": "; regions are in en/regions/",
        "en/regions/toes.toml.txt": "; its name must be toes.toml",
        "kinds/walk.toml": "; a kind has a folder of its own in kinds/",
        "kinds/walk/Kind.toml": "; did you mean kind.toml?",
        "kinds/walk/EN.toml": "; did you mean en.toml?",
        "kinds/walk/session.ssml.jinja.txt": "; its name must be session.ssml.jinja",
    }
    right = ["en/regions/heel.toml", "de/commands.toml", "kinds/walk/kind.toml", "mine.jinja",
             "kinds/walk/de-at.toml", "kinds/walk/parts/a.jinja", "grid.toml", "site/site.toml",
             "en/notes.txt", "README.md", "src/x.toml", "tmp/de/y.toml"]  # fmt: skip
    paths = {str(own(name, "")): says for name, says in wrong.items()}
    for name in right:
        own(name, "")
    assert sorted(library.unread()) == sorted(f"{one} is not read{paths[one]}" for one in paths)


def test_a_method_of_an_area_that_there_is_not_is_told_with_its_line(own):
    path = own("en/regions/toes.toml", TOES + 'foam-rolle = ["Roll."]\n')
    says = "areas.ball.place.foam-rolle: no method “foam-rolle”; did you mean foam-roller?"
    assert [str(one) for one in checks.problems(library.load("en"))] == [f"{path}:23: {says}"]


def test_a_kind_of_session_cannot_be_joined():
    with pytest.raises(RequestError) as raised:
        _ = Session("calf+Breathing").script
    says = "“Breathing” is a kind of session; only regions, areas and complaints can be joined"
    assert str(raised.value) == says


@pytest.mark.parametrize("language", library.languages())
def test_only_the_roller_prepares_and_only_hands_need_no_tool(language):
    methods = library.load(language).methods
    assert [one.id for one in methods.values() if one.prepares] == ["foam-roller"]
    assert [one.id for one in methods.values() if not one.tool] == ["thumb"]


def test_unknown_areas_methods_and_languages_are_answered_alike():
    texts = library.load("en")
    with pytest.raises(RequestError, match="no area “uper-calf” in calf; did you mean upper-calf"):
        texts.region("calf").area("uper-calf")
    with pytest.raises(RequestError, match="no method “triger-tool”; did you mean trigger-tool"):
        texts.method("triger-tool")
    with pytest.raises(RequestError, match=r"no texts in language “qq”; available: .*en"):
        library.load("qq")


@pytest.mark.parametrize(
    "trick", ["../en", "en/../en", "en/", "./en", "..", ".", "", "/etc", "en\n", "en\0", "sessions"]
)
def test_a_language_is_no_path(trick):
    with pytest.raises(RequestError, match="no texts in language"):
        library.load(trick)


# The user's own files


def test_the_users_region_is_there_beside_the_shipped_ones(own):
    own("en/regions/toes.toml", TOES)
    texts = library.load("en")
    assert texts.region("toes").name == "Toes"
    assert texts.region("toe-cramps").id == "toes"
    assert {"calf", "toes", "neck"} <= {region.id for region in texts.regions()}


def test_the_users_region_goes_before_the_shipped_one(own):
    own("en/regions/calf.toml", TOES.replace('"Toes"', '"My calf"'))
    texts = library.load("en")
    assert texts.region("calf").name == "My calf"
    assert [region.id for region in texts.regions()].count("calf") == 1
    assert texts.region("neck").name == "Neck"


def test_the_users_phrases_and_methods_go_before_the_shipped_ones(own):
    phrases = (SCRIPTS / "en/phrases.toml").read_text("utf-8")
    own("en/phrases.toml", phrases.replace('"Keep breathing."', '"Breathe on."'))
    own("en/methods.toml", (SCRIPTS / "en/methods.toml").read_text().replace("Trigger", "Magic"))
    texts = library.load("en")
    assert "Breathe on." in texts.wording.phrases["stretch_late"]
    assert texts.method("trigger-tool").name == "Magic tool"


def test_a_language_of_the_users_own_is_found(own, tmp_path):
    shutil.copytree(SCRIPTS / "en", tmp_path / "scripts/tlh")
    own("tlh/regions/toes.toml", TOES)
    assert "tlh" in library.languages()
    assert library.load("tlh").region("toes").spoken == "your toes"
    assert "toes" not in library.load("en").region_files


def test_a_language_that_does_not_say_how_one_stands_leaves_the_time_to_stand_up(own, tmp_path):
    """It was written before that could be said; by “upright”, the way from the floor is known."""
    shutil.copytree(SCRIPTS / "en", tmp_path / "scripts/tlh")
    phrases = (SCRIPTS / "en/phrases.toml").read_text("utf-8")
    later = r"^(standing|rising|lowering|eyes_open_first|settled) = \[.*?\]\n"
    phrases, found = re.subn(later, "", phrases, flags=re.DOTALL | re.MULTILINE)
    assert found == 5
    own("tlh/phrases.toml", phrases)
    options = {"area": "lower-calf", "side": "left", "method": "thumb"}
    way = r"Stand up slowly[^<]*</s>(?:</?\w+>)*\s*<break time=\"(\d+)s\"/>"
    for language in ("en", "tlh"):
        said = Session("calf", language=language, **options).script
        assert re.findall(way, said) == ["12"], language


def test_a_folder_that_is_named_goes_before_the_users_own(own, tmp_path):
    own("en/regions/toes.toml", TOES)
    named = tmp_path / "named"
    (named / "en/regions").mkdir(parents=True)
    (named / "en/regions/toes.toml").write_text(TOES.replace('"Toes"', '"Other toes"'), "utf-8")
    assert library.load("en", named).region("toes").name == "Other toes"
    assert library.load("en").region("toes").name == "Toes"
    assert {"calf", "toes"} <= library.load("en", named).region_files.keys()
    with pytest.raises(RequestError, match="is not a folder"):
        library.load("en", tmp_path / "none")


# What is wrong is named


WRONG = {
    "a missing name": ('name = "Toes"\n', "", ["1: name: is missing"]),
    "a missing text of an area": (
        'mobilize = ["Bend your toes."]',
        "",
        ["10: areas.ball.mobilize: is missing"],
    ),
    "a missing table": (
        '[areas.place]\ntrigger-tool = ["Stand on the tool."]',
        "",
        ["10: areas.ball.place: is missing"],
    ),
    "a missing id": ('id = "ball"', "", [
        "8: complaints.toe-cramps #1: unknown area “ball”", "10: areas #1.id: is missing",
    ]),
    "a wrong type": (
        "two_sided = true",
        'two_sided = "both"',
        ["14: areas.ball.two_sided: must be true or false"],
    ),
    "a number for a text": ('"Toes"', "3", ["2: name: must be text, not a number"]),
    "a text for a list": (
        '["Bend your toes."]',
        '"Bend."',
        ["17: areas.ball.mobilize: must be a list, not text"],
    ),
    "a text for a table": (
        '[areas.place]\ntrigger-tool = ["Stand on the tool."]',
        'place = "here"',
        ["21: areas.ball.place: must be a table, not text"],
    ),
    "an empty list": (
        '["Bend your toes."]',
        "[]",
        ["17: areas.ball.mobilize: needs at least 1 entry, but has none"],
    ),
    "an empty text": ('["Bend your toes."]', '[" "]', ["17: areas.ball.mobilize #1: is empty"]),
    "too few reminders": (
        ', "Once more."',
        "",
        ["18: areas.ball.mobilize_again: needs at least 3 entries, but has 2"],
    ),
    "an unknown key": (
        "[complaints]",
        "[complains]",
        ["7: unknown key “complains”; did you mean “complaints”?"],
    ),
    "an unknown key of an area": (
        "find =",
        'fnd = ["x"]\nfind =',
        ["16: areas.ball: unknown key “fnd”; did you mean “find”?"],
    ),
    "a key like no other": (
        'name = "Toes"',
        'name = "Toes"\nqqqq = 1',
        ["3: unknown key “qqqq”"],
    ),
    "an id with a space": ('id = "ball"', 'id = "the ball"', [
        "8: complaints.toe-cramps #1: unknown area “ball”; did you mean the ball?",
        "11: areas #1.id: must be lower-case words joined by hyphens: the-ball",
    ]),
    "a complaint with a capital": (
        "toe-cramps =",
        "Cramps =",
        ["8: complaints.Cramps: must be lower-case words joined by hyphens: cramps"],
    ),
    "a complaint without a list": (
        '["ball"]',
        '"ball"',
        ["8: complaints.toe-cramps: must be a list, not text"],
    ),
    "an unknown area in a complaint": (
        '["ball"]',
        '["ball", "heel"]',
        ["8: complaints.toe-cramps #2: unknown area “heel”; available: ball"],
    ),
    "a long summary": (
        "below the toes",
        "x" * 61,
        ["4: summary: may have at most 60 characters, but has 67"],
    ),
    "a lone brace": (
        "{left|right} foot",
        "{left foot",
        ["16: areas.ball.find #1: has a brace outside an alternation {left|right}"],
    ),
    "no choice": (
        "{left|right} foot",
        "{left} foot",
        ["16: areas.ball.find #1: has a brace outside an alternation {left|right}"],
    ),
    "three sides": (
        "{left|right} foot",
        "{a|b|c} foot",
        ["16: areas.ball.find #1: has a brace outside an alternation {left|right}"],
    ),
    "nested braces": (
        "{left|right} foot",
        "{a|{b|c}} foot",
        ["16: areas.ball.find #1: has a brace outside an alternation {left|right}"],
    ),
    "a side in a caution": ("a numb foot", "a {left|right} foot", [
        "5: cautions #1: cannot have {left|right}: it is not spoken for one side",
    ]),
    "a side in a name": ('"the ball', '"the {left|right} ball', [
        "12: areas.ball.name: cannot have {left|right}: it is not spoken for one side",
    ]),
    "sides where there are none": ("two_sided = true", "two_sided = false", [
        ("16: areas.ball.find #1: the area does not have two sides, but this says "
         "“Feel along your {left|right} foot.”"),
        ("19: areas.ball.stretch #1: the area does not have two sides, but this says "
         "“Kneel on your {left|right} toes.”"),
    ]),
    "a quotation mark that is missing": ('name = "Toes"', 'name = "Toes', [
        "2: is not valid TOML: text must end with a quotation mark on the line where it begins",
    ]),
    "quotation marks of a word processor": ('name = "Toes"', "name = “Toes”", [
        '2: is not valid TOML: quotation marks around text must be straight: "…"',
    ]),
    "no quotation marks": ('name = "Toes"', "name = Toes", [
        '2: is not valid TOML: this is not a value; put text in quotation marks: "…"',
    ]),
    "quotation marks of a word processor in a list": ('["Stand on the tool."]', "[„Steh drauf.“]", [
        '22: is not valid TOML: quotation marks around text must be straight: "…"',
    ]),
    "quotation marks in text": ('"the ball of', '"the "ball" of', [
        ("12: is not valid TOML: nothing may follow a value on its line; inside text, write “ ” "
         "for quotation marks"),
    ]),
    "true with a capital": ("two_sided = true", "two_sided = True", [
        "14: is not valid TOML: true and false are written in lower case",
    ]),
    "a list that is not closed before a key": ('foot."]\nmobilize', 'foot.",\nmobilize', [
        "17: is not valid TOML: the list above is missing its final ]",
    ]),
    "a list that is not closed before a table": ('toes."]\n\n', 'toes.",\n\n', [
        "21: is not valid TOML: the list above is missing its final ]",
    ]),
    "a note as elsewhere": ('name = "Toes"', '// ours\nname = "Toes"', [
        "2: is not valid TOML: a line must be KEY = VALUE or [TABLE]; a note begins with #",
    ]),
    "a key with an umlaut": ('name = "Toes"', 'größe = "Toes"', [
        '2: is not valid TOML: a key with other letters than a to z is written "in quotes"',
    ]),
    "a backslash": ("the ball of", "the ball \\o/ of", [
        "12: is not valid TOML: a \\ in text is written twice: \\\\",
    ]),
    "a key twice": ('name = "Toes"', 'name = "Toes"\nname = "Feet"', [
        "3: is not valid TOML: this key is already used",
    ]),
    "a long list twice": ("stretch =", 'find = [\n    "On",\n    "and on",\n]\nstretch =', [
        "19: is not valid TOML: this key is already used",
    ]),
    "a table twice": ("[areas.place]", "[complaints]\n[areas.place]", [
        "21: is not valid TOML: this table is already used",
    ]),
    "a bracket that is missing": ('["Bend your toes."]', '["Bend your toes."', [
        "18: is not valid TOML: a list is missing a comma or its final ]",
    ]),
    "a list that is not closed at the end": ('["Stand on the tool."]', '["Stand on the tool."', [
        "22: is not valid TOML: a list is missing a comma or its final ]",
    ]),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_region_is_named_with_its_line_and_others_still_load(own, old, new, says):
    assert old in TOES
    path = own("en/regions/toes.toml", TOES.replace(old, new))
    texts = library.load("en")
    with pytest.raises(LibraryError) as raised:
        texts.region("toes")
    assert str(raised.value).splitlines() == [f"{path}:{line}" for line in says]
    problems: list[LibraryError] = []
    assert {"calf", "neck"} <= {region.id for region in texts.regions(problems)}
    assert list(map(str, problems)) == [str(raised.value)]
    assert list(map(str, checks.problems(texts))) == [str(raised.value)]
    assert texts.region("stiff-neck").id == "neck"


def test_all_mistakes_of_a_file_are_told_at_once_in_the_order_of_its_lines(own):
    text = TOES
    for old, new in [
        ('spoken = "your toes"\n', ""), ("two_sided = true", "two_sided = false"),
        ("find =", "fnd ="), ('anatomy = "flexor hallucis brevis"', "anatomy = 3"),
        ('["ball"]', '["ball", "heel", "bal"]'), (', "Once more."', ', "{"'),
        ("trigger-tool =", '"Trigger Tool" ='),
    ]:  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    path = own("en/regions/toes.toml", text)
    with pytest.raises(LibraryError) as raised:
        library.load("en").region("toes")
    no_sides = "the area does not have two sides, but this says"
    assert str(raised.value).splitlines() == [
        f"{path}:{line}"
        for line in [
            "1: spoken: is missing",
            "7: complaints.toe-cramps #2: unknown area “heel”; available: ball",
            "7: complaints.toe-cramps #3: unknown area “bal”; did you mean ball?",
            "9: areas.ball.find: is missing",
            "12: areas.ball.anatomy: must be text, not a number",
            f"15: areas.ball.fnd #1: {no_sides} “Feel along your {{left|right}} foot.”",
            "15: areas.ball: unknown key “fnd”; did you mean “find”?",
            "17: areas.ball.mobilize_again #3: has a brace outside an alternation {left|right}",
            f"18: areas.ball.stretch #1: {no_sides} “Kneel on your {{left|right}} toes.”",
            (
                '21: areas.ball.place."Trigger Tool": must be lower-case words joined by hyphens: '
                "trigger-tool"
            ),
        ]
    ]


def test_a_file_full_of_mistakes_is_told_within_reason(own):
    many = "".join(f"wrong-{number} = 1\n" for number in range(5000))
    path = own("en/regions/toes.toml", many + TOES)
    with pytest.raises(LibraryError) as raised:
        library.load("en").region("toes")
    lines = str(raised.value).splitlines()
    assert len(lines) == 101
    assert lines[99].startswith(f"{path}:100: unknown key “wrong-99”")
    assert lines[100] == f"{path}: and 4,900 more mistakes"


def test_a_file_that_is_not_utf_8_is_named(own):
    path = own("en/regions/toes.toml", TOES.replace("your toes", "deine Füße").encode("latin-1"))
    with pytest.raises(LibraryError) as raised:
        library.load("en").region("toes")
    assert str(raised.value) == f"{path}:3: is not UTF-8; save the file in that encoding"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = " + "9" * 5000, ": has a number with too many digits"),
        ("a = " + "[" * 3000 + "]" * 3000, ": has lists or tables nested too deeply"),
        ("a = " + "{a = " * 3000 + "1" + "}" * 3000, ": has lists or tables nested too deeply"),
        ("a" + ".a" * 3000 + " = 1\n" + TOES, ":1: unknown key “a”"),
        ("complaints = " + "[" * 200 + "]" * 200, ":1: complaints: must be a table, not a list"),
        (TOES + "deep" + ".a" * 3000 + " = 1\n", ":23: areas.ball.place.deep: must be a list"),
        ("#" * 1_000_001, ": is larger than 1,000,000 bytes; split it up"),
        ("a = 1\0", ":1: is not valid TOML: "),
        ('a = 1\nb = "\x1b[31m"', ":2: is not valid TOML: illegal character '\\x1b'"),
        ('"\\u001b[31m" = 1\n' + TOES, ":1: unknown key “�[31m”"),
    ],
    ids=[
        "digits", "lists", "tables", "dotted", "many lists", "a deep text", "large", "NUL",
        "escape", "an escape in a key",
    ],
)  # fmt: skip
def test_a_strange_file_is_told_in_clear_lines(own, text, says):
    path = own("en/regions/toes.toml", text)
    with pytest.raises(LibraryError) as raised:
        library.load("en").region("toes")
    lines = str(raised.value).splitlines()
    assert any(line.startswith(f"{path}{says}") for line in lines)
    assert all(line.startswith(str(path)) for line in lines)
    assert all(len(line) < len(str(path)) + 150 for line in lines)
    assert str(raised.value).replace("\n", "").isprintable()
    assert library.load("en").region("calf").id == "calf"


def test_a_file_from_windows_is_read_as_any_other(own):
    path = own("en/regions/toes.toml", b"\xef\xbb\xbf" + TOES.replace("\n", "\r\n").encode())
    assert library.load("en").region("toes").areas[0].find == ["Feel along your {left|right} foot."]
    path.write_bytes(path.read_bytes().replace(b"two_sided", b"twosided"))
    with pytest.raises(LibraryError) as raised:
        library.load("en").region("toes")
    assert str(raised.value).splitlines() == [
        f"{path}:10: areas.ball.two_sided: is missing",
        f"{path}:14: areas.ball: unknown key “twosided”; did you mean “two_sided”?",
    ]


def test_a_file_that_cannot_be_read_is_named(own):
    path = own("en/regions/toes.toml", TOES)
    path.unlink()
    path.mkdir()
    with pytest.raises(LibraryError, match=f"{re.escape(str(path))}: cannot be read"):
        library.load("en").region("toes")


def test_wrong_phrases_and_methods_are_named_with_their_line(own):
    phrases = own("en/phrases.toml", 'language_name = "English"\n[sides]\n[chapters]\n')
    with pytest.raises(LibraryError) as raised:
        _ = library.load("en").wording
    assert str(raised.value) == f"{phrases}:1: phrases: is missing"
    phrases.write_text(phrases.read_text() + '[phrases]\nhold = ["Stay {there."]', "utf-8")
    with pytest.raises(LibraryError) as raised:
        _ = library.load("en").wording
    brace = "has a brace outside an alternation {left|right}"
    assert str(raised.value) == f"{phrases}:5: phrases.hold #1: {brace}"
    methods = own("en/methods.toml", '\n[[methods]]\nid = "thumb"\n')
    with pytest.raises(LibraryError) as raised:
        _ = library.load("en").methods
    assert str(raised.value).splitlines() == [
        f"{methods}:2: methods.thumb.{key}: is missing"
        for key in ("name", "summary", "for_whom", "spoken")
    ]
    assert list(map(str, checks.problems(library.load("en")))) == [
        str(raised.value), f"{phrases}:5: phrases.hold #1: {brace}",
    ]  # fmt: skip


def test_two_methods_with_one_id_are_refused(own):
    shipped_methods = (SCRIPTS / "en/methods.toml").read_text("utf-8")
    own("en/methods.toml", shipped_methods.replace('"fascia-ball"', '"thumb"'))
    with pytest.raises(LibraryError, match=r":2\d: methods.thumb.id: “thumb” is already used$"):
        _ = library.load("en").methods


def test_a_language_without_phrases_says_which_file_is_missing(own):
    own("qq/regions/toes.toml", TOES)
    assert "qq" not in library.languages()
    with pytest.raises(LibraryError, match=r"phrases\.toml is missing in .*qq"):
        _ = library.load("qq").wording


def test_a_region_is_called_as_its_file(own):
    path = own("en/regions/toes.toml", 'id = "knee"' + TOES.replace("cautions", "caution", 1))
    with pytest.raises(LibraryError) as raised:
        library.load("en").region("toes")
    assert str(raised.value).splitlines() == [
        f"{path}:1: id: is the name of the file; leave it out",
        f"{path}:1: cautions: is missing",
        f"{path}:5: unknown key “caution”; did you mean “cautions”?",
    ]
    path = own("en/regions/My Toes.toml", TOES)
    with pytest.raises(LibraryError) as raised:
        library.load("en").region("My Toes")
    what = "must be lower-case words joined by hyphens: my-toes"
    assert str(raised.value) == f"{path}:1: the name of the file: {what}"


def test_two_areas_with_one_name_are_refused(own):
    path = own("en/regions/toes.toml", TOES + TOES[TOES.index("[[areas]]") :])
    with pytest.raises(LibraryError) as raised:
        library.load("en").region("toes")
    assert str(raised.value) == f"{path}:24: areas.ball.id: “ball” is already used"
