"""What authors write: regions, methods and phrases, shipped or the user's own."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from voiceguide import library
from voiceguide.errors import LibraryError, RequestError
from voiceguide.library import Region
from voiceguide.script import sentences

SCRIPTS = Path(__file__).parents[1] / "scripts"
REGION_FILES = sorted(SCRIPTS.glob("*/regions/*.toml"))
WORDING_FILES = sorted(SCRIPTS.glob("*/phrases.toml"))
MOST_WORDS = 25

FOOT = """
name = "Foot"
spoken = "your foot"
summary = "Knots in the sole"
complaints = ["heel-pain"]
cautions = ["Never press a numb foot."]

[[areas]]
id = "sole"
name = "the sole"
anatomy = "flexor digitorum brevis"
two_sided = true
cautions = ["Spare the heel bone."]
find = ["Feel along your {left|right} sole."]
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


def shipped(path: Path) -> Region:
    return library.load(path.parents[1].name).region(path.stem)


def texts_of(region: Region) -> list[str]:
    """Give all that a listener may hear of a region."""
    found = [f"{region.spoken}.", *region.cautions]
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


def test_every_method_says_what_it_is_and_for_whom():
    for method in library.load("en").methods.values():
        assert method.name
        assert method.summary
        assert method.for_whom
        assert method.spoken
        assert (SCRIPTS / "sessions" / f"{method.id}.ssml.jinja").is_file()


# Finding


def test_a_complaint_leads_to_its_region():
    assert library.load("en").region("stiff-neck").id == "neck"


@pytest.mark.parametrize(
    ("wrong", "near"), [("calv", "calf"), ("lowerback", "lower-back"), ("stif-neck", "stiff-neck")]
)
def test_a_near_miss_is_answered_with_what_was_meant(wrong, near):
    with pytest.raises(RequestError, match=f"“{wrong}”; did you mean .*{near}"):
        library.load("en").region(wrong)


def test_what_is_like_nothing_is_answered_with_all_there_is():
    with pytest.raises(RequestError, match=r"there are: calf, .*calf-pain.*neck"):
        library.load("en").region("qqqq")


def test_unknown_areas_methods_and_languages_are_answered_alike():
    texts = library.load("en")
    with pytest.raises(RequestError, match="no area “uper-calf” in calf; did you mean upper-calf"):
        texts.region("calf").area("uper-calf")
    with pytest.raises(RequestError, match="no method “triger-tool”; did you mean trigger-tool"):
        texts.method("triger-tool")
    with pytest.raises(RequestError, match=r"no texts in language “qq”; there are: .*en"):
        library.load("qq")


@pytest.mark.parametrize(
    "trick", ["../en", "en/../en", "en/", "./en", "..", ".", "", "/etc", "en\n", "en\0", "sessions"]
)
def test_a_language_is_no_path(trick):
    with pytest.raises(RequestError, match="no texts in language"):
        library.load(trick)


# The user's own files


def test_the_users_region_is_there_beside_the_shipped_ones(own):
    own("en/regions/foot.toml", FOOT)
    texts = library.load("en")
    assert texts.region("foot").name == "Foot"
    assert texts.region("heel-pain").id == "foot"
    assert {"calf", "foot", "neck"} <= {region.id for region in texts.regions()}


def test_the_users_region_goes_before_the_shipped_one(own):
    own("en/regions/calf.toml", FOOT.replace('"Foot"', '"My calf"'))
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
    own("tlh/regions/foot.toml", FOOT)
    assert "tlh" in library.languages()
    assert library.load("tlh").region("foot").spoken == "your foot"
    assert "foot" not in library.load("en").region_files


# What is wrong is named


WRONG = {
    "a missing name": ('name = "Foot"\n', "", "name: Field required"),
    "a missing text of an area": ('mobilize = ["Bend your toes."]', "", r"areas\.0\.mobilize: "),
    "a missing table": (
        '[areas.place]\ntrigger-tool = ["Stand on the tool."]',
        "",
        "areas.0.place",
    ),
    "a wrong type": ("two_sided = true", 'two_sided = "both"', r"areas\.0\.two_sided: .*bool"),
    "a text for a list": ('["Bend your toes."]', '"Bend."', r"areas\.0\.mobilize: .*list"),
    "an empty list": ('["Bend your toes."]', "[]", r"areas\.0\.mobilize: .*at least 1"),
    "an empty text": ('["Bend your toes."]', '[" "]', r"areas\.0\.mobilize\.0: is empty"),
    "too few reminders": (', "Once more."', "", r"areas\.0\.mobilize_again: .*at least 3"),
    "an unknown key": ("complaints =", "complains =", "complains: Extra"),
    "an unknown key of an area": ("find =", 'fnd = ["x"]\nfind =', r"areas\.0\.fnd: Extra"),
    "an id with a space": ('id = "sole"', 'id = "the sole"', r"areas\.0\.id: "),
    "a complaint with a capital": ('"heel-pain"', '"Heel"', r"complaints\.0: "),
    "a long summary": ("in the sole", "x" * 61, "summary: .*60"),
    "a lone brace": ("{left|right} sole", "{left sole", r"areas\.0\.find\.0: has a brace"),
    "no choice": ("{left|right} sole", "{left} sole", r"areas\.0\.find\.0: has a brace"),
    "three sides": ("{left|right} sole", "{a|b|c} sole", r"areas\.0\.find\.0: has a brace"),
    "nested braces": ("{left|right} sole", "{a|{b|c}} sole", r"areas\.0\.find\.0: has a brace"),
    "a side in a caution": ("a numb foot", "a {left|right} foot", r"cautions\.0: cannot have"),
    "a side in a name": ('"the sole"', '"the {left|right} sole"', r"areas\.0\.name: cannot have"),
    "sides where there are none": (
        "two_sided = true",
        "two_sided = false",
        r"areas\.0: has no two sides, but says “Feel along your \{left\|right\} sole.”",
    ),
    "broken TOML": ('name = "Foot"', 'name = "Foot', r"is not valid TOML.*line 2"),
    "a key twice": ('name = "Foot"', 'name = "Foot"\nname = "Feet"', r"is not valid TOML.*line 3"),
}


@pytest.mark.parametrize(("old", "new", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_region_is_named_with_its_key_and_others_still_load(own, old, new, says):
    assert old in FOOT
    path = own("en/regions/foot.toml", FOOT.replace(old, new))
    texts = library.load("en")
    with pytest.raises(LibraryError, match=says) as raised:
        texts.region("foot")
    assert str(raised.value).startswith(f"{path}: ")
    problems: list[LibraryError] = []
    assert {"calf", "neck"} <= {region.id for region in texts.regions(problems)}
    assert list(map(str, problems)) == [str(raised.value)]
    assert texts.region("stiff-neck").id == "neck"


def test_several_mistakes_are_counted(own):
    own("en/regions/foot.toml", 'name = "Foot"')
    with pytest.raises(LibraryError, match=r"foot\.toml: spoken: Field required \(and 3 more\)"):
        library.load("en").region("foot")


def test_a_file_that_is_not_utf_8_is_named(own):
    path = own("en/regions/foot.toml", FOOT.replace("Foot", "Füße").encode("latin-1"))
    with pytest.raises(LibraryError, match=f"{re.escape(str(path))}: is not valid TOML in UTF-8"):
        library.load("en").region("foot")


def test_a_file_that_cannot_be_read_is_named(own):
    path = own("en/regions/foot.toml", FOOT)
    path.unlink()
    path.mkdir()
    with pytest.raises(LibraryError, match=f"{re.escape(str(path))}: cannot be read"):
        library.load("en").region("foot")


def test_wrong_phrases_and_methods_are_named_with_their_key(own):
    phrases = own("en/phrases.toml", 'language_name = "English"\n[sides]\n[chapters]\n')
    with pytest.raises(LibraryError, match=f"{re.escape(str(phrases))}: phrases: Field required"):
        _ = library.load("en").wording
    phrases.write_text(phrases.read_text() + '[phrases]\nhold = ["Stay {there."]', "utf-8")
    with pytest.raises(
        LibraryError, match=rf"{re.escape(str(phrases))}: phrases\.hold\.0: has a brace"
    ):
        _ = library.load("en").wording
    methods = own("en/methods.toml", '[[methods]]\nid = "thumb"\n')
    with pytest.raises(
        LibraryError, match=rf"{re.escape(str(methods))}: methods\.0\.name: Field required"
    ):
        _ = library.load("en").methods


def test_a_language_without_phrases_says_which_file_is_missing(own):
    own("qq/regions/foot.toml", FOOT)
    assert "qq" not in library.languages()
    with pytest.raises(LibraryError, match=r"phrases\.toml is missing in .*qq"):
        _ = library.load("qq").wording


def test_a_region_is_called_as_its_file(own):
    path = own("en/regions/foot.toml", 'id = "knee"' + FOOT)
    with pytest.raises(LibraryError, match=f"{re.escape(str(path))}: id"):
        library.load("en").region("foot")


def test_two_areas_with_one_name_are_refused(own):
    own("en/regions/foot.toml", FOOT + FOOT[FOOT.index("[[areas]]") :])
    with pytest.raises(LibraryError, match="sole"):
        library.load("en").region("foot")
