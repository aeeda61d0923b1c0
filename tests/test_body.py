"""What is said of each muscle before it is pressed, and by which names places are found."""

from __future__ import annotations

import json
import re
from collections import defaultdict

import pytest
from conftest import FRAMES_PER_MS, decode, voiceguide
from lxml import etree
from sessions import request

from voiceguide import Playlist, Session, library, script
from voiceguide.errors import LibraryError, RequestError
from voiceguide.library import checks

LANGUAGES = library.languages()

CONTRAINDICATIONS = {
    "everywhere": {
        "en": (
            "thrombosis", "blood thinners", "bleeding", "pregnancy", "osteoporosis", "cortisone",
            "cancer", "recent injury or surgery", "fever", "numbness or weakness", "diabetes",
            "implants", "bruises, wounds, inflamed, swollen or numb places",
        ),
        "de": (
            "Thrombose", "Blutverdünnern", "Blutungsneigung", "Schwangerschaft", "Osteoporose",
            "Kortison auf Dauer", "Krebs", "frischer Verletzung oder Operation", "Fieber",
            "Taubheit oder Schwäche", "Diabetes", "Implantat", "künstlichem Gelenk",
            "blaue Flecken, Wunden oder entzündete, geschwollene oder taube Stellen",
        ),
    },
    "head and neck": {
        "en": (
            "rheumatoid arthritis", "unstable neck", "narrowed neck arteries", "fainting",
            "double vision", "new severe headache", "stiff neck with fever", "throat",
        ),
        "de": (
            "[Rr]heuma", "instabil", "verengten Halsarterien", "Ohnmacht", "Doppelbild",
            "neuem starkem Kopfschmerz", "steifem Nacken mit Fieber", "Kehle",
        ),
    },
    "lower back": {
        "en": (
            "weakness or numbness in a leg", "between your legs", "bladder or bowel", "tearing",
            "spine", "kidneys",
        ),
        "de": (
            "Schwäche oder Taubheit im Bein", "zwischen den Beinen", "Blase oder Darm", "reißend",
            "Wirbelsäule", "Nieren",
        ),
    },
    "chest": {
        "en": ("[Cc]hest pressure or pain", "an arm", "jaw", "breath"),
        "de": ("Druck oder Schmerz in der Brust", "Arm", "Kiefer", "Atem"),
    },
    "leg": {
        "en": (
            "warm, red, swollen or newly painful leg", "varicose veins", "hollow behind the knee",
        ),
        "de": ("warmes, rotes, geschwollenes oder frisch schmerzendes Bein", "Krampfadern",
               "Kniekehle"),
    },
    "arm": {
        "en": ("cold or pale fingers", "beats like a pulse", "crook of the elbow"),
        "de": ("kalten oder blassen Fingern", "pochend", "Ellenbeuge"),
    },
    "foot": {
        "en": ("newly painful leg", "varicose veins", "diabetes", "numb foot"),
        "de": ("frisch schmerzendes Bein", "Krampfadern", "Diabetes", "tauben Füßen"),
    },
    "groin": {
        "en": ("hard bulge", "testicle", "crease of the groin"),
        "de": ("harten Beule", "Hodenschmerz", "Leistenbeuge"),
    },
    "jaw": {
        "en": ("jaw that is locked or swollen", "hearing loss"),
        "de": ("Kiefer, der blockiert oder geschwollen ist", "Hörverlust"),
    },
}  # fmt: skip
"""What the domain page asks a session to say, by part of the body."""

CONCERNS = {
    "head": ["head and neck"],
    "jaw": ["head and neck", "jaw"],
    "neck": ["head and neck"],
    "shoulder": ["head and neck", "chest"],
    "shoulder-blade": ["chest"],
    "chest": ["chest"],
    "upper-back": ["chest"],
    "upper-arm": ["arm"],
    "forearm": ["arm"],
    "outer-elbow": ["arm"],
    "inner-elbow": ["arm"],
    "hand": ["arm"],
    "lower-back": ["lower back"],
    "buttock": ["lower back"],
    "hip": ["lower back", "leg"],
    "groin": ["leg", "groin"],
    "outer-thigh": ["leg"],
    "front-thigh": ["leg"],
    "back-thigh": ["leg"],
    "knee": ["leg"],
    "calf": ["leg"],
    "shin": ["leg"],
    "foot": ["foot"],
}

NAMES = {
    "sciatica": "lower-back", "IT band": "outer-thigh", "carpal tunnel": "hand", "TMJ": "jaw",
    "traps": "neck", "glutes": "buttock", "quads": "front-thigh", "pecs": "chest",
    "stiff neck": "neck", "forehead": "head", "buttock": "buttock", "foot": "foot",
    "back": "lower-back", "lats": "shoulder-blade", "shins": "shin", "upper back": "upper-back",
    "hamstrings": "back-thigh", "levator scapulae": "neck", "piriformis": "buttock",
    "leg": "front-thigh", "arm": "upper-arm", "tennis elbow": "outer-elbow",
    "plantar fasciitis": "foot", "tension headache": "head",
    "Nackenschmerzen": "neck", "Rücken": "lower-back", "Wade": "calf", "Ischias": "lower-back",
    "Tennisarm": "outer-elbow", "Kopfschmerzen": "head", "Gesäß": "buttock", "Brust": "chest",
    "Schienbein": "shin", "Schläfe": "head", "Spannungskopfschmerz": "head", "Ferse": "foot",
    "Karpaltunnel": "hand", "Mausarm": "forearm", "Hüfte": "hip", "Zähneknirschen": "jaw",
    "paraspinals": "upper-back", "erector spinae": "upper-back", "back of the shoulder": "shoulder",
    "pain radiating into the shoulder": "neck", "tingling fingers": "hand", "text neck": "neck",
    "pec": "chest", "lat": "shoulder-blade", "low back pain": "lower-back", "outer hip": "hip",
    "Rückenstrecker": "upper-back", "Schienbeinschmerzen": "shin", "Nackenverspannung": "neck",
    "Oberseite der Schulter": "neck", "Oberschenkel vorne": "front-thigh",
}  # fmt: skip
"""Everyday words of both languages, and the region that each leads to."""

CAUSES = {
    "plantar-fasciitis": ["arch", "upper-calf", "lower-calf"],
    "tension-headache": ["base-of-skull", "top-of-shoulder", "cheek", "temple"],
    "shoulder-pain": ["flat-of-the-blade", "outer-shoulder", "top-of-shoulder", "back-of-shoulder"],
    "tennis-elbow": ["wrist-extensors", "thumb-side", "back-of-upper-arm"],
    "knee-pain": [
        "middle-of-front-thigh", "inner-above-knee", "outer-above-knee", "upper-inner-calf",
    ],
    "leg-pain": ["deep-buttock", "outer-back-thigh", "upper-calf", "middle-of-front-thigh"],
    "arm-pain": [
        "flat-of-the-blade", "front-of-upper-arm", "back-of-upper-arm", "back-of-forearm",
    ],
}  # fmt: skip
"""Complaints and the areas that they lead to, the cause first."""


def said(target: str, **options: object) -> str:
    """Return all that a session says."""
    text = script.write(request(target, **options)).text
    return " ".join(" ".join(etree.fromstring(text.encode()).itertext()).split())


# What is said of a muscle


def test_every_region_has_its_contraindications_listed_here():
    assert CONCERNS.keys() == library.load("en").region_files.keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("region", CONCERNS)
def test_a_session_says_every_contraindication_of_its_region_before_the_first_hold(
    region, language
):
    text = script.write(request(region, area="all", language=language)).text
    heard = " ".join(re.sub(r"<[^>]*>", " ", text.partition('"start.wav"')[0]).split())
    for part in ["everywhere", *CONCERNS[region]]:
        for words in CONTRAINDICATIONS[part][language]:
            assert re.search(words, heard), (part, words)


@pytest.mark.parametrize(
    ("complaint", "parts"),
    [
        ("plantar-fasciitis", ["foot", "leg"]), ("tension-headache", ["head and neck", "jaw"]),
        ("shoulder-pain", ["chest", "head and neck"]), ("arm-pain", ["chest", "arm"]),
        ("leg-pain", ["leg", "lower back"]), ("sciatica", ["leg", "lower back"]),
    ],
)  # fmt: skip
def test_a_complaint_says_the_contraindications_of_all_regions_on_its_way(complaint, parts):
    heard = said(complaint, area="all")
    for part in parts:
        for words in CONTRAINDICATIONS[part]["en"]:
            assert re.search(words, heard), (part, words)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_muscle_has_one_limit_in_every_region(language):
    limit = {"en": r"(three|four|five|six) (?:out of ten )?at most", "de": r"höchstens (\w+)"}[
        language
    ]
    limits, cautions = defaultdict(set), defaultdict(set)
    for region in library.load(language).regions():
        for area in region.areas:
            heard = said(region.id, area=area.id, side="left", language=language)
            found = re.findall(limit, heard)
            limits[area.anatomy].add(found[0] if found else None)
            cautions[area.anatomy].add(tuple(area.cautions))
    assert {anatomy: heard for anatomy, heard in limits.items() if len(heard) > 1} == {}
    assert {anatomy: texts for anatomy, texts in cautions.items() if len(texts) > 1} == {}
    four = {"en": "four", "de": "vier"}[language]
    assert limits["masseter"] == limits["temporalis"] == limits["levator scapulae"] == {four}
    assert limits["gastrocnemius"] == {{"en": "six", "de": "sechs"}[language]}


def test_a_muscle_has_the_same_limit_in_every_language():
    limits = [
        {
            (region.id, area.id): (area.muscle, muscles.muscle(area.muscle).pressure)
            for region in texts.regions()
            for area in region.areas
        }
        for texts in map(library.load, LANGUAGES)
        for muscles in [texts.muscles]
    ]
    assert all(one == limits[0] for one in limits)


def test_a_limit_of_one_area_is_said_with_it_where_others_bear_more():
    heard = said("neck", area="all", side="left", method="fascia-ball")
    assert heard.count("four at most") == 2  # of the base of the skull, and of the corner
    assert "six" in heard  # the level's, for the top of the shoulder
    alone = said("neck", area="base-of-skull", side="left")
    assert alone.count("four at most") == 1
    assert "six" not in alone


def test_a_session_only_says_the_warnings_of_what_it_treats():
    assert "chest pressure or pain" not in said("shoulder", area="top-of-shoulder")
    assert "rheumatoid arthritis" not in said("shoulder", area="outer-shoulder")
    assert "chest pressure or pain" in said("shoulder", area="outer-shoulder")
    assert "a knee that is swollen, locks" in said("knee", area="upper-inner-calf")


def test_a_warning_is_said_once_in_a_session_of_many_muscles():
    heard = said("leg-pain", area="all")
    assert heard.count("newly painful leg") == 1
    assert heard.count("bladder or bowel trouble") == 1


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("region", CONCERNS)
def test_every_track_of_a_playlist_says_what_its_muscles_must_be_spared(region, language):
    texts = library.load(language)
    phrases, muscles = texts.wording.phrases, texts.muscles
    for track in script.about(request(region, language=language)).tracks:
        options = {**track.options, "language": language}
        heard = said(region, part=track.part, **options)
        areas = texts.find(region).region.areas
        if "area" in options:
            areas = [area for area in areas if area.id == options["area"]]
        needed = list(phrases["doctor"])
        if track.part != "close":
            needed += phrases["never"]
        for area in areas:
            needed += [
                text for one in muscles.muscle(area.muscle).doctor for text in muscles.doctor[one]
            ]
        if track.part == "treat":
            (area,) = areas
            needed += [
                *area.cautions,
                *phrases["stop"],
                *(area.pressure or phrases["pressure_standard"]),
            ]
        missing = [text for text in needed if text not in heard]
        assert missing == [], track.name


# Finding


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_an_everyday_word_of_any_language_leads_to_its_region_in_every_language(name, language):
    texts = library.load(language)
    for spelled in (name, name.upper(), name.replace(" ", "-"), name.replace(" ", "")):
        assert texts.find(spelled).region.id == NAMES[name]


@pytest.mark.parametrize("language", LANGUAGES)
def test_umlauts_may_be_written_in_any_way(language):
    texts = library.load(language)
    for name in ("Gesäß", "Gesaess", "Gesass", "gesäss", "GESA\u0308SS"):
        assert texts.find(name).region.id == "buttock"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_names_files_leads_somewhere_and_to_one_place(language):
    texts = library.load(language)
    for place, names in texts.names.places.items():
        expected = texts.find(place)
        for name in names:
            found = texts.find(name)
            assert (found.region.id, found.areas) == (expected.region.id, expected.areas), name
    words = [word.casefold() for names in texts.names.places.values() for word in names]
    assert len(words) == len(set(words))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_area_is_a_target(language):
    texts = library.load(language)
    for region in texts.regions():
        for area in region.areas:
            found = texts.find(area.id)
            if area.id not in texts.region_files:
                assert [one.id for one in found.areas] == [area.id]
                _, bare = area.name.split(" ", 1)
                for name in (area.name, bare):
                    assert [one.id for one in texts.find(name).areas] == [area.id]
    assert "the lower calf" in said("lower-calf").lower()
    assert "the upper calf" not in said("lower-calf").lower()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("complaint", CAUSES)
def test_a_complaint_leads_through_its_regions_the_cause_first(complaint, language):
    areas = [area.id for area in library.load(language).find(complaint).areas]
    assert areas == CAUSES[complaint]


def test_a_session_of_a_complaint_treats_the_cause_and_bears_its_name():
    heard = Session("plantar fasciitis", area="all", side="left", method="foam-roller")
    assert heard.title == "Plantar fasciitis: Foam roller"
    text = said("Plantarfasziitis", area="all", side="left", method="foam-roller").lower()
    places = [text.index(name) for name in ("the arch of the foot", "the upper calf", "the lower")]
    assert places == sorted(places)
    assert Session("Tennisarm", language="de").title.startswith("Tennisarm: ")


def test_a_session_of_a_complaint_names_the_regions_that_it_treats_and_no_others():
    heard = said("tension headache")
    assert "your head." in heard
    assert "your jaw." not in heard
    heard = said("arm pain", language="de")
    assert "dein Schulterblatt" in heard
    assert "Unterarms" not in heard
    assert "your shoulder blade, your upper arm, and your forearm" in said("arm pain", area="all")


def test_the_playlist_of_a_complaint_has_a_track_for_each_area_on_its_way():
    about = script.about(request("Spannungskopfschmerz"))
    assert about.title == "Tension headache"
    assert [track.name for track in about.tracks[1:-1]] == CAUSES["tension-headache"]
    track = script.write(request("tension headache", "treat", area="cheek")).text
    assert "jaw that is locked or swollen" in track
    assert "four at most" in track


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "name",
    [
        "nausea",
        "Dizzy",
        "vertigo",
        "Übelkeit",
        "schwindel",
        "Schwindelgefühl",
        "chest pain",
        "Numbness",
        "Taubheit",
        "tingling",
        "Kribbeln",
    ],
)
def test_what_belongs_to_a_doctor_gets_no_session(name, language):
    with pytest.raises(RequestError, match=f"“{name}” belongs to a doctor, not to a session"):
        library.load(language).find(name)


def test_the_command_line_sends_dizziness_to_a_doctor():
    done = voiceguide("render", "Schwindel")
    assert done.returncode == 1
    assert "belongs to a doctor, not to a session" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("wrong", ["sciatika", "tennis elbo", "Kopfschmertzen", "plantar fascitis"])
def test_a_mistake_gets_three_names_at_most_and_they_lead_somewhere(wrong):
    texts = library.load("en")
    with pytest.raises(RequestError, match="did you mean ") as raised:
        texts.find(wrong)
    offered = str(raised.value).partition("did you mean ")[2].removesuffix("?").split(" or ")
    assert 1 <= len(offered) <= 3
    assert len({(texts.find(one).region.id, *map(str, texts.find(one).areas)) for one in offered}) \
        == len(offered)  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("Faszienball", "fascia-ball"), ("tennis ball", "fascia-ball"), ("Daumen", "thumb"),
        ("Rolle", "foam-roller"), ("foamroller", "foam-roller"), ("TRIGGERTOOL", "trigger-tool"),
    ],
)  # fmt: skip
def test_a_method_is_found_by_any_of_its_names(name, method, language):
    assert library.load(language).method(name).id == method
    assert said("calf", method=name, language=language) == said(
        "calf", method=method, language=language
    )


def test_an_unknown_method_gets_near_names_or_where_all_are_listed():
    texts = library.load("en")
    with pytest.raises(RequestError, match="did you mean trigger-tool"):
        texts.method("triger-tol")
    with pytest.raises(RequestError, match="no method “qqqq”; “voiceguide methods” lists them"):
        texts.method("qqqq")


# Several targets in one session


def test_several_targets_make_one_session_that_treats_each():
    heard = said("neck+jaw").lower()
    assert "your neck and your jaw" in heard
    assert heard.index("the base of the skull") < heard.index("the cheek")
    assert "rheumatoid arthritis" in heard
    assert "hearing loss" in heard
    assert said("Nacken+Kiefer", language="de").startswith("Nacken und Kiefer")


def test_targets_that_share_no_method_are_refused_with_a_reason():
    with pytest.raises(RequestError, match="does not suit the cheek, and a session has one method"):
        said("shoulder-blade+jaw")
    with pytest.raises(RequestError, match="no region or complaint “qqqq”"):
        said("neck+qqqq")


def test_an_area_must_be_in_each_of_several_targets(tmp_path):
    args = ("neck", "calf", "--as-one", "--area", "lower-calf", "-o", tmp_path / "both.mp3")
    done = voiceguide("render", *args)
    assert done.returncode == 1
    assert done.stderr.startswith("voiceguide: no area “lower-calf” in neck; available: ")
    with pytest.raises(RequestError, match="no area “lower-calf” in neck"):
        _ = Playlist("neck+calf", area="lower-calf").sessions
    assert said("upper-calf+calf", area="lower-calf").startswith("Calf")


@pytest.mark.slow
def test_several_targets_are_rendered_as_one_file_of_the_length_that_was_asked_for(tmp_path):
    path = tmp_path / "both.wav"
    done = voiceguide("render", "neck", "jaw", "--as-one", "--minutes", "20", "-o", path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(path)
    assert len(decode(path)) == 20 * 60_000 * FRAMES_PER_MS


def test_the_list_of_regions_has_their_everyday_words():
    regions = {
        one["id"]: one for one in json.loads(voiceguide("regions", "--format", "json").stdout)
    }
    assert "hamstrings" in regions["back-thigh"]["names"]
    assert regions["foot"]["complaints"]["plantar-fasciitis"] == [
        "arch", "calf/upper-calf", "calf/lower-calf",
    ]  # fmt: skip
    assert "also called" in voiceguide("regions", "--language", "de").stdout


# Muscles and names of the user's own


KNEECAP = """
name = "Kneecap"
spoken = "your kneecap"
summary = "Knots above the kneecap"

[[areas]]
id = "above"
name = "the place above"
muscle = "my-muscle"
two_sided = true
find = ["Feel above your {left|right} knee."]
mobilize = ["Bend it."]
mobilize_again = ["Bend.", "Straighten.", "Once more."]
stretch = ["Kneel."]

[areas.place]
thumb = ["Press."]
"""
MUSCLE = """
[doctor]
kneecap = ["Ask someone first."]

[[muscles]]
id = "my-muscle"
anatomy = "articularis genus"
doctor = ["kneecap", "leg"]
pressure = "light"
cautions = ["Spare the bone."]
"""


@pytest.fixture
def own(tmp_path):
    """Write a file of a library of the user's own; give its folder."""

    def write(name: str, text: str) -> None:
        path = tmp_path / "en" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    write("regions/kneecap.toml", KNEECAP)
    return write


def test_a_muscle_of_the_users_own_brings_its_limit_and_its_warnings(own, tmp_path):
    own("muscles.toml", MUSCLE)
    own("names.toml", '[places]\nkneecap = ["patella"]')
    heard = said("Patella", library=str(tmp_path))
    for words in ("Ask someone first.", "varicose veins", "Spare the bone.", "five at most"):
        assert words in heard
    assert "varicose" in said("calf", library=str(tmp_path))


@pytest.mark.parametrize(
    ("place", "says"),
    [("claf/upper-calf", "no region “claf”; did you mean calf"),
     ("calf/uper-calf", "no area “uper-calf” in calf; did you mean upper-calf")],
)  # fmt: skip
def test_a_complaint_through_a_place_that_is_not_there_is_a_mistake(own, tmp_path, place, says):
    own("muscles.toml", MUSCLE)
    complaint = f'\n[complaints]\nkneecap-pain = ["above", "{place}"]\n\n[[areas]]'
    own("regions/kneecap.toml", KNEECAP.replace("\n[[areas]]", complaint))
    texts = library.load("en", tmp_path)
    with pytest.raises(LibraryError, match=says):
        texts.find("kneecap-pain")
    (problem,) = checks.problems(texts)
    assert f"kneecap.toml: complaints.kneecap-pain: {place}: {says.partition(';')[0]}" in str(
        problem
    )


def test_what_else_is_wrong_is_told_beside_an_unknown_muscle(own, tmp_path):
    text = KNEECAP.replace("two_sided = true", 'two_sided = "both"').replace(
        "stretch =", "strech ="
    )
    own("regions/kneecap.toml", text.replace("cautions = ", "x = "))
    (problem,) = checks.problems(library.load("en", tmp_path))
    wrong = [line.partition("kneecap.toml:")[2] for line in str(problem).splitlines()]
    assert wrong == [
        "6: areas.above: no muscle “my-muscle”; did you mean thumb-muscles or sole-muscles?",
        "6: areas.above.stretch: is missing",
        "10: areas.above.two_sided: must be true or false",
        "14: areas.above: unknown key “strech”; did you mean “stretch” or “stretch_alone”?",
    ]


def test_a_mistake_in_the_muscles_is_told_once_and_hides_no_other(own, tmp_path):
    own("muscles.toml", MUSCLE.replace("pressure =", "presure ="))
    own("regions/kneecap.toml", KNEECAP.replace("two_sided = true", 'two_sided = "both"'))
    own("methods.toml", "")
    texts = library.load("en", tmp_path)
    told = [line.replace(f"{tmp_path}/en/", "") for line in map(str, checks.problems(texts))]
    assert told == [
        "regions/kneecap.toml:10: areas.above.two_sided: must be true or false",
        "muscles.toml:9: muscles.my-muscle: unknown key “presure”; did you mean “pressure”?",
        "methods.toml:1: methods: is missing",
    ]
    listed = voiceguide("regions", "--library", tmp_path)
    assert listed.returncode == 1
    assert listed.stderr.count("presure") == 1


def test_everyday_words_for_what_there_is_not_are_a_mistake(own, tmp_path):
    own("muscles.toml", MUSCLE)
    own("names.toml", '[places]\nkneecap = ["patella"]\nqqq = ["x"]\n[methods]\nthum = ["y"]\n')
    problems = checks.problems(library.load("en", tmp_path))
    assert [str(one).replace(f"{tmp_path}/en/", "") for one in problems] == [
        "names.toml:3: places.qqq: no region, area or complaint “qqq”",
        "names.toml:5: methods.thum: no method “thum”; did you mean thumb?",
    ]


def test_an_unknown_muscle_or_warning_is_a_mistake_with_its_place(own, tmp_path):
    texts = library.load("en", tmp_path)
    with pytest.raises(LibraryError, match=r"kneecap.toml:6: areas.above: no muscle “my-muscle”"):
        texts.find("kneecap")
    own("muscles.toml", MUSCLE.replace('"leg"', '"lag"'))
    with pytest.raises(
        LibraryError, match="my-muscle: no warnings or pressure “lag”; did you mean"
    ):
        library.load("en", tmp_path).find("kneecap")
    own("muscles.toml", MUSCLE)
    own("regions/kneecap.toml", KNEECAP.replace("two_sided", 'cautions = ["No."]\ntwo_sided'))
    with pytest.raises(LibraryError, match="cautions belongs to the muscle, in muscles"):
        library.load("en", tmp_path).find("kneecap")
