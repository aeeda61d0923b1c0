"""What a user reads."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import webvtt
from conftest import voiceguide

from voiceguide import doctor, library
from voiceguide.session import sample, voices
from voiceguide.voices import pace

SCRIPTS = Path(__file__).parents[1] / "scripts"
COMMANDS = [
    "regions", "methods", "voices", "script", "render", "play", "playlist", "serve", "phrases",
    "record", "doctor",
]  # fmt: skip


def test_help_is_there_at_once():
    command = [sys.executable, "-X", "importtime", "-m", "voiceguide", "--help"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Usage" in shown.stdout
    imported = {line.rpartition("|")[2].strip() for line in shown.stderr.splitlines()}
    assert "voiceguide.cli" in imported
    assert not imported & {"numpy", "pydantic", "pedalboard", "jinja2"}


def test_libraries_for_dates_are_loaded_where_a_script_says_one(ssml, tmp_path):
    """They take a tenth of a second and 7 MB."""

    def imported(body: str) -> set[str]:
        command = [sys.executable, "-X", "importtime", "-m", "voiceguide"]
        command += ["render", str(ssml(body)), "-o", str(tmp_path / "my.wav")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}

    names = {"babel", "num2words"}
    plain = imported('<p>Hold it for 30 s, 3 times: 6/10.</p><audio src="bell.wav"/>')
    assert "voiceguide.ssml.say_as" in plain
    assert not plain & names
    date = '<say-as interpret-as="date" format="mdy">5/1/2024</say-as>'
    assert names <= imported(f"<p>On {date}.</p>")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    shown = voiceguide(command, "--help").stdout
    assert f"voiceguide {command}" in shown[shown.index("Example") :]


def test_wrong_usage_is_status_2():
    assert voiceguide("render").returncode == 2
    assert voiceguide("render", "calf", "--side", "up").returncode == 2
    assert voiceguide("sing").returncode == 2


@pytest.mark.parametrize("language", library.languages())
def test_regions_and_methods_are_listed_on_80_columns(language):
    regions = voiceguide("regions", "--language", language)
    methods = voiceguide("methods", "--language", language)
    assert regions.returncode == methods.returncode == 0
    for word in ("calf", "neck", "lower-back", "upper-calf", "soleus", "neck-pain"):
        assert word in regions.stdout
    names = [line.split()[0] for line in methods.stdout.splitlines() if line[0] != " "]
    assert names == ["trigger-tool", "fascia-ball", "thumb", "foam-roller"]
    for line in (regions.stdout + methods.stdout).splitlines():
        assert len(line) <= 80
        assert line == line.rstrip()


@pytest.mark.parametrize("language", library.languages())
def test_regions_and_methods_as_json_have_what_other_programs_rely_on(language):
    methods = json.loads(voiceguide("methods", "--language", language, "--format", "json").stdout)
    regions = json.loads(voiceguide("regions", "--language", language, "--format", "json").stdout)
    for method in methods:
        assert set(method) == {"id", "name", "summary", "for_whom"}
        assert all(method.values())
    ids = {method["id"] for method in methods}
    assert len(regions) == 23
    elsewhere = {f"{region['id']}/{area['id']}" for region in regions for area in region["areas"]}
    for region in regions:
        keys = {"id", "name", "summary", "natural_ms", "names", "complaints", "areas"}
        assert set(region) == keys
        for area in region["areas"]:
            assert set(area) == {"id", "name", "anatomy", "two_sided", "methods"}
            assert set(area["methods"]) <= ids
            assert area["methods"]
        for treated in region["complaints"].values():
            assert treated
            assert {area for area in treated if "/" not in area} <= {
                area["id"] for area in region["areas"]
            }
            assert {area for area in treated if "/" in area} <= elsewhere


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("regions --format xml", "--format xml: must be text, json or markdown"),
        ("script calf --side lefft", "--side lefft: must be left, right or both"),
        ("script calf --level 3", "--level 3: must be gentle, standard or deep"),
        ("render calf --id3 9", "--id3 9: must be 2.4 or 2.3"),
        ("diary --export xls", "--export xls: must be csv or json"),
        ("plan neck --weeks two", "--weeks two: must be a whole number"),
    ],
)
def test_a_value_that_an_option_does_not_have_is_answered_with_those_that_it_has(wrong, says):
    done = voiceguide(*wrong.split())
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"voiceguide: {says}\n")


def test_voices_lists_those_of_a_language():
    shown = voiceguide("voices", "--language", "de").stdout
    assert "German" in shown
    assert "French" not in shown
    nobody = voiceguide("voices", "--language", "zxx")
    assert nobody.returncode == 1
    assert "zxx" in nobody.stderr


def test_languages_that_begin_with_the_same_letters_are_others():
    assert {tag for voice in voices("ko") for tag in voice.languages} == {"ko"}, "not Konkani, kok"
    assert "en-gb-scotland" in {tag for voice in voices("EN-gb") for tag in voice.languages}


def test_a_language_is_the_same_in_capitals():
    with sample(None, "DE-at") as capitals, sample(None, "de-AT") as usual:
        assert capitals.script == usual.script.replace("de-AT", "DE-at")
    assert pace.norm("EN-us") == pace.norm("en-US")
    assert pace.norm("EN-us")[0].startswith("Sit on the floor")


def test_a_sample_in_a_language_with_an_odd_sign_is_no_broken_script():
    with sample(None, 'de-"<') as odd:
        assert odd.script.startswith('<speak xml:lang="de-&quot;&lt;">')


def test_samples_of_voices_are_not_written_where_none_is_asked_for(tmp_path):
    done = voiceguide("voices", "-o", tmp_path / "x.wav")
    says = "voiceguide: --output needs --sample: it is where samples are written\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", says)


def test_doctor_finds_everything_well():
    done = voiceguide("doctor")
    assert done.returncode == 0, done.stdout
    parts = [line.split()[1] for line in done.stdout.splitlines()]
    assert parts == [
        "settings",
        "texts",
        "kinds",
        "sounds",
        "voice",
        "encoder",
        "output",
        "cache",
        "speaker",
    ]
    assert re.search(r"espeak|nsss|sapi", done.stdout, re.IGNORECASE)


def test_doctor_says_what_does_not_work_and_how_to_mend_it(tmp_path):
    import os

    (tmp_path / "file").touch()
    environment = {**os.environ, "VOICEGUIDE_CACHE_DIR": str(tmp_path / "file")}
    done = voiceguide("doctor", env=environment)
    assert done.returncode == 1
    assert re.search(r"FAIL  cache .*set VOICEGUIDE_CACHE_DIR", done.stdout)


@pytest.mark.parametrize(
    ("settings", "part", "says"),
    [
        (
            'side = "lefft"',
            "settings",
            r"settings\.toml:1: side lefft: must be left, right or both",
        ),
        ("side = ", "settings", r"settings\.toml:1: is not valid TOML"),
        ('bed = "nope.wav"', "settings", r"bed nope\.wav: no such file"),
        (
            '[words]\nstpo = ["halt"]\nstop = [\n"enough", "halt!"]',
            "settings",
            r"l:2: .* unknown command “stpo”; did you mean stop.\n.*l:4: .* stop: “halt!”",
        ),
        ('voice = "nobody"', "voice", r"no voice “nobody” here"),
        ('library = "/nope"', "texts", r"library /nope is not a folder"),
        ('language = "fr"', "texts", r"no texts in language “fr”; available: de, en"),
    ],
)
def test_doctor_says_what_is_wrong_with_the_settings(tmp_path, monkeypatch, settings, part, says):
    (tmp_path / "settings.toml").write_text(settings, "utf-8")
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path))
    found = itertools.takewhile(lambda one: one.part != "encoder", doctor.examine())
    (wrong,) = [one for one in found if not one.works]
    assert wrong.part == part
    assert re.search(says, wrong.says)


def test_doctor_goes_on_where_there_are_no_texts_in_a_language():
    done = voiceguide("doctor", "--language", "qq")
    assert done.returncode == 1
    assert done.stderr == ""
    assert re.search(r"FAIL  texts .*no texts in language “qq”; available: .*en", done.stdout)
    assert "ok    sounds" in done.stdout


# A folder of one's own


SHIN = """
name = "Shin"
spoken = "your shin"
summary = "Knots beside the shin bone"
cautions = ["Never press the bone."]

[complaints]
shin-splints = ["front-of-shin"]

[[areas]]
id = "front-of-shin"
name = "the front of the shin"
anatomy = "tibialis anterior"
two_sided = true
cautions = ["Stay off the edge of the bone."]
find = ["Sit with your {left|right} knee bent.", "Feel the muscle beside the bone."]
mobilize = ["Lift your {left|right} toes."]
mobilize_again = ["Lift them.", "Toes up.", "Once more."]
stretch = ["Kneel on your {left|right} instep."]

[areas.place]
thumb = ["Lay your thumb beside the bone."]
"""


@pytest.fixture
def own(tmp_path):
    """Write a file of the user's own folder; give the folder."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / "texts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return tmp_path / "texts"

    return write


def shipped(name: str) -> str:
    return (SCRIPTS / name).read_text("utf-8")


def test_a_region_without_a_summary_is_listed_by_its_name(own):
    text = SHIN.replace("Knots beside the shin bone", "")
    listed = voiceguide("regions", "--library", own("en/regions/instep.toml", text)).stdout
    assert "instep" in [line.strip() for line in listed.splitlines()]


def test_an_own_folder_adds_a_region(own):
    folder = own("en/regions/instep.toml", SHIN.replace("shin-splints", "instep-pain"))
    listed = json.loads(voiceguide("regions", "--library", folder, "--format", "json").stdout)
    assert {"calf", "instep"} <= {region["id"] for region in listed}
    for target in ("instep", "instep-pain"):
        shown = voiceguide("script", target, "--library", folder, "--side", "left").stdout
        assert "Sit with your left knee bent." in shown
        assert "Lay your thumb beside the bone." in shown
    assert "no region or complaint “instep”" in voiceguide("script", "instep").stderr


@pytest.mark.slow
def test_an_own_folder_goes_before_what_is_shipped(own):
    text = shipped("en/regions/calf.toml").replace("Let your breath stay calm", "Hum a tune")
    folder = own("en/regions/calf.toml", text)
    shown = voiceguide("script", "calf", "--library", folder, "--side", "left").stdout
    assert "Hum a tune while the ankle moves." in shown
    assert "Hum a tune" not in voiceguide("script", "calf", "--side", "left").stdout
    own("kinds/massage/thumb.ssml.jinja", "<speak>{{ method.name }} only.</speak>")
    done = voiceguide("script", "calf", "--library", folder, "--method", "thumb")
    assert done.stdout.split("  ")[-1] == "Thumb only.\n"


@pytest.mark.slow
def test_an_own_folder_adds_a_language(own):
    for name in ("methods.toml", "phrases.toml"):
        folder = own(f"fr/{name}", shipped(f"en/{name}"))
    own("fr/regions/shin.toml", SHIN.replace("Lay your thumb beside the bone", "Pose le pouce"))
    listed = voiceguide("regions", "--library", folder, "--language", "fr").stdout
    assert "shin-splints" in listed
    assert "calf" not in listed
    made = voiceguide("script", "shin", "--library", folder, "--language", "fr", "--format", "json")
    timeline = json.loads(made.stdout)
    assert timeline["language"] == "fr"
    assert "Pose le pouce." in said(timeline)
    assert "available: de, en, fr" in voiceguide(
        "regions", "--library", folder, "--language", "qq"
    ).stderr  # fmt: skip


def test_what_is_wrong_in_an_own_folder_is_told_with_file_and_line_while_the_rest_works(own):
    two_wrong = SHIN.replace('spoken = "your shin"\n', "").replace("find =", "fnd =")
    wrong = {
        "shin": (SHIN.replace('name = "Shin"\n', ""), ["1: name: is missing"]),
        "knee": (
            SHIN.replace("true", '"both"'),
            ["14: areas.front-of-shin.two_sided: must be true or false"],
        ),
        "hand": (
            SHIN.replace('["front-of-shin"]', '["back"]'),
            ["8: complaints.shin-splints #1: unknown area “back”; available: front-of-shin"],
        ),
        "hip": (
            two_wrong,
            [
                "1: spoken: is missing",
                "9: areas.front-of-shin.find: is missing",
                "15: areas.front-of-shin: unknown key “fnd”; did you mean “find”?",
            ],
        ),
    }
    for name, (text, _) in wrong.items():
        folder = own(f"en/regions/{name}.toml", text)
    listed = voiceguide("regions", "--library", folder, "--format", "json")
    assert listed.returncode == 1
    ids = {region["id"] for region in json.loads(listed.stdout)}
    assert {"calf", "neck"} <= ids
    assert ids.isdisjoint(wrong)
    examined = voiceguide("doctor", "--library", folder)
    assert examined.returncode == 1
    for name, (_, says) in wrong.items():
        told = "\n".join(f"{folder}/en/regions/{name}.toml:{line}" for line in says) + "\n"
        assert told in listed.stderr
        assert told in examined.stdout
        assert voiceguide("script", name, "--library", folder).stderr == f"voiceguide: {told}"
    assert voiceguide("script", "calf-pain", "--library", folder, "--check").returncode == 0


def test_doctor_tells_of_all_files_that_are_wrong_at_once(own):
    own("en/methods.toml", "[[methods]]\n" + shipped("en/methods.toml"))
    own("en/phrases.toml", shipped("en/phrases.toml").replace('name = "English"', "name = 3"))
    folder = own("en/regions/shin.toml", SHIN.replace('name = "Shin"\n', ""))
    examined = voiceguide("doctor", "--library", folder)
    assert examined.returncode == 1
    told = [line.rpartition("/")[2] for line in examined.stdout.splitlines() if "toml:" in line]
    assert told == [
        "shin.toml:1: name: is missing", "methods.toml:1: methods #1.id: is missing",
        "methods.toml:1: methods #1.name: is missing",
        "methods.toml:1: methods #1.summary: is missing",
        "methods.toml:1: methods #1.for_whom: is missing",
        "methods.toml:1: methods #1.spoken: is missing",
        "phrases.toml:8: language_name: must be text, not a number",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["Calf Cramps", "calf-cramps"])
def test_a_complaint_may_be_written_as_people_write_it(name):
    shown = voiceguide("script", name, "--side", "left", "--area", "all")
    assert shown.stdout == voiceguide("script", "calf-cramps", "--side", "left").stdout
    assert "upper calf" in shown.stdout
    assert "lower calf" not in shown.stdout


def test_a_phrase_that_one_language_lacks_is_told_with_file_and_key(own):
    phrases = re.sub(r"^roll = ", "rolled = ", shipped("en/phrases.toml"), flags=re.MULTILINE)
    folder = own("en/phrases.toml", phrases)
    done = voiceguide("script", "calf", "--library", folder, "--prepare")
    assert done.returncode == 1
    assert re.search(r"phrases\.toml: phrases\.roll is missing", done.stderr)
    assert voiceguide("script", "calf", "--library", folder, "--check").returncode == 0


def test_doctor_lists_what_a_language_lacks(own):
    phrases = shipped("en/phrases.toml").replace('settle = "Settle in"', "")
    phrases = re.sub(r"^(hold|release_thumb) = ", r"\1_x = ", phrases, flags=re.MULTILINE)
    own("fr/phrases.toml", phrases)
    methods = shipped("en/methods.toml")
    own("fr/methods.toml", methods[: methods.index('[[methods]]\nid = "foam-roller"')])
    muscles = shipped("en/muscles.toml")
    own("fr/muscles.toml", muscles[: muscles.index('[[muscles]]\nid = "big-toe-muscles"')])
    for path in (SCRIPTS / "en/regions").glob("*.toml"):
        text = path.read_text("utf-8").replace('"big-toe-muscles"', '"sole-muscles"')
        folder = own(f"fr/regions/{path.name}", text)
    (folder / "fr/regions/knee.toml").unlink()
    calf = shipped("en/regions/calf.toml")
    own("fr/regions/calf.toml", calf[: calf.rindex("[[areas]]")].replace("calf-cramps", "cramps"))
    neck = re.sub(r"^fascia-ball = \[.*?^\]", "", shipped("en/regions/neck.toml"), count=1,
                  flags=re.MULTILINE | re.DOTALL)  # fmt: skip
    own("fr/regions/neck.toml", neck)

    done = voiceguide("doctor", "--language", "fr", "--library", folder)
    assert done.returncode == 1
    lacking = re.findall(rf"^FAIL  texts     {folder}/(.* is missing)$", done.stdout, re.MULTILINE)
    assert sorted(lacking) == [
        "fr/methods.toml: the method foam-roller is missing",
        "fr/muscles.toml: the muscle big-toe-muscles is missing",
        "fr/phrases.toml: chapters.settle is missing",
        "fr/phrases.toml: phrases.hold is missing",
        "fr/phrases.toml: phrases.release_thumb is missing",
        "fr/regions/calf.toml: complaints.calf-cramps is missing",
        "fr/regions/calf.toml: the area lower-calf is missing",
        "fr/regions/knee.toml is missing",
        "fr/regions/neck.toml: areas.base-of-skull.place.fascia-ball is missing",
        "kinds/breathing/fr.toml is missing",
        "kinds/massage/fr.toml is missing",
    ]
    wrong = "foot.toml: complaints.heel-pain: calf/lower-calf: no area “lower-calf” in calf"
    assert wrong in done.stdout  # what leads to a place that is missing is reported with it
    assert done.stdout.count("FAIL") == 1 + len(lacking)


def test_doctor_lists_what_the_listeners_own_english_lacks(own):
    phrases = re.sub("^hold = ", "held = ", shipped("en/phrases.toml"), flags=re.MULTILINE)
    line = phrases[: phrases.index("This session is for <region>")].count("\n") + 1
    phrases = phrases.replace("This session is for <region>", "This session is for <regoin>", 1)
    folder = own("en/phrases.toml", phrases)
    path = folder / "en/phrases.toml"
    what = "phrases.welcome #1: <regoin> is not filled in here; did you mean <region>?"
    assert list(library.missing("en", folder)) == [
        f"{path}: phrases.hold is missing",
        f"{path}:{line}: {what}",
    ]
    own("kinds/massage/thumb.ssml.jinja", "")  # which may fill in what it likes
    assert list(library.missing("en", folder)) == [f"{path}: phrases.hold is missing"]


def test_a_language_without_muscles_lacks_one_file(own):
    folder = own("fr/phrases.toml", shipped("en/phrases.toml"))
    lacking = [one for one in library.missing("fr", folder) if "/muscles.toml" in one]
    assert lacking == [f"{folder}/fr/muscles.toml is missing"]


def test_what_a_language_lacks_is_told_with_the_folder_where_it_belongs(own):
    folder = own("en/regions/instep.toml", SHIN.replace("shin-splints", "instep-pain"))
    assert list(library.missing("de", folder)) == [f"{folder}/de/regions/instep.toml is missing"]


@pytest.mark.parametrize("language", library.languages())
def test_no_shipped_language_lacks_anything(language):
    assert list(library.missing(language)) == []


# Scripts


def test_script_as_ssml_plays_as_the_session_itself(tmp_path):
    path = tmp_path / "calf.ssml"
    path.write_text(voiceguide("script", "calf", "--format", "ssml").stdout, "utf-8")
    from_file = json.loads(voiceguide("script", path, "--format", "json").stdout)
    itself = json.loads(voiceguide("script", "calf", "--format", "json").stdout)
    assert from_file == {**itself, "title": from_file["title"]}


def test_script_as_json_has_what_other_programs_rely_on(calf):
    assert set(calf.timeline) == {
        "title", "language", "duration_ms", "chapters", "events", "marks",
    }  # fmt: skip
    assert calf.timeline["language"] == "en"
    for event in calf.timeline["events"]:
        assert set(event) == {
            "kind", "begin_ms", "end_ms", "text", "source", "gain_db", "words",
        }  # fmt: skip
        assert event["kind"] in ("speech", "sound", "bed")
        assert (event["text"] is None) != (event["source"] is None)
        assert 0 <= event["begin_ms"] < event["end_ms"] <= calf.timeline["duration_ms"]
    begins = [event["begin_ms"] for event in calf.timeline["events"]]
    assert begins == sorted(begins)
    kinds = {"hold", "move", "stretch", "inhale", "exhale", "side"}
    for mark in calf.timeline["marks"]:
        assert set(mark) == {"kind", "begin_ms", "end_ms", "label"}
        assert 0 <= mark["begin_ms"] < mark["end_ms"] <= calf.timeline["duration_ms"]
    assert {mark["kind"] for mark in calf.timeline["marks"]} == kinds
    chapters = calf.timeline["chapters"]
    assert chapters[0]["begin_ms"] == 0
    assert chapters[-1]["end_ms"] == calf.timeline["duration_ms"]
    for before, after in itertools.pairwise(chapters):
        assert before["end_ms"] == after["begin_ms"]


def said(timeline: dict) -> list[str]:
    return [event["text"] for event in timeline["events"] if event["kind"] == "speech"]


def test_script_as_text_has_every_sentence_under_its_chapter(calf):
    shown = voiceguide("script", "calf").stdout
    assert [line.split("  ", 1)[1] for line in shown.splitlines() if "  " in line] == said(
        calf.timeline
    )
    for chapter in calf.timeline["chapters"]:
        assert f"\n\n{chapter['title']}\n" in shown


def test_script_as_vtt_is_read_by_a_library_made_for_it(calf, tmp_path):
    path = tmp_path / "calf.vtt"
    path.write_text(voiceguide("script", "calf", "--format", "vtt").stdout, "utf-8")
    captions = list(webvtt.read(path))
    assert [caption.text for caption in captions] == said(calf.timeline)
    speech = [event for event in calf.timeline["events"] if event["kind"] == "speech"]
    for caption, event in zip(captions, speech, strict=True):
        hours, minutes, seconds = caption.start.split(":")
        at_s = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        assert at_s == pytest.approx(event["begin_ms"] / 1000, abs=0.0005)


def test_script_as_lrc_has_every_sentence_with_its_time(calf):
    shown = voiceguide("script", "calf", "--format", "lrc").stdout
    lines = re.findall(r"^\[(\d+):(\d\d)\.(\d\d)\](.+)$", shown, re.MULTILINE)
    assert [re.sub(r"<[\d:.]+>", "", text) for *_, text in lines] == said(calf.timeline)
    begins = [event["begin_ms"] for event in calf.timeline["events"] if event["kind"] == "speech"]
    times = [int(m) * 60_000 + int(s) * 1000 + int(c) * 10 for m, s, c, _ in lines]
    assert times == [begin // 10 * 10 for begin in begins]
