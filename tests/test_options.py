"""One model of options: flags, keyword arguments, settings, the environment, and names of files."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import lacks, voiceguide

from voiceguide import Playlist, Session, VoiceguideError
from voiceguide.errors import UsageError
from voiceguide.options import Options

EVERYWHERE = [
    "method", "area", "side", "level", "pace", "guidance", "explain", "prepare", "holds", "ask",
    "language", "library", "bed", "bed_level", "mono", "minutes", "voice", "rate", "seed",
    "max_length",
]  # fmt: skip
"""The options of a session, by the names that other programs rely on."""


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Write the settings file; return its path."""
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(tmp_path))

    def write(text: str) -> Path:
        path = tmp_path / "settings.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def chapters(*arguments: object) -> list[str]:
    """Return the titles of the chapters, of a session that is only written."""
    done = voiceguide("script", *arguments, "--format", "ssml")
    assert done.returncode == 0, done.stderr
    return [line.split('"')[1][8:] for line in done.stdout.splitlines() if "chapter:" in line]


# Keyword arguments


@pytest.mark.parametrize("kind", [Session, Playlist])
def test_every_option_is_a_keyword_argument_that_editors_see(kind):
    parameters = inspect.signature(kind).parameters
    assert [*parameters] == ["target", *EVERYWHERE, "variables"]
    assert parameters["side"].default == "both"
    assert parameters["rate"].annotation == int | None


@pytest.mark.parametrize("kind", [Session, Playlist])
def test_the_target_comes_first_without_its_name_and_the_signature_shows_that(kind):
    target = inspect.signature(kind).parameters["target"]
    assert target.kind is inspect.Parameter.POSITIONAL_ONLY
    says = rf"^{kind.__name__}\.__init__\(\) missing 1 required positional argument: 'target'$"
    with pytest.raises(TypeError, match=says):
        kind(target="calf")


@pytest.mark.slow
def test_a_type_checker_knows_every_argument(tmp_path):
    if importlib.util.find_spec("mypy") is None:  # it comes with the extra “dev”
        lacks("needs mypy")
    script = tmp_path / "mine.py"
    script.write_text(
        "from voiceguide import Playlist, Session\n"
        'Session("calf", side="left", minutes=10, rate=130, library=None)\n'
        'Session("calf", sied="left")\n'
        'Playlist("calf", level="brutal")\n'
        'Session("calf", rate="fast")\n'
        "Session(3)\n",
        "utf-8",
    )
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "mine.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[1]), "PATH": "/usr/bin"},
    )  # fmt: skip
    wrong = [line for line in checked.stdout.splitlines() if line.startswith("mine.py:")]
    lines = [int(line.split(":")[1]) for line in wrong if ": error: " in line]
    assert lines == [3, 4, 5, 6], checked.stdout + checked.stderr
    assert "sied" in wrong[0]


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ({"sied": "left"}, "unknown option “sied”; did you mean side"),
        ({"side": "Left"}, "side Left: must be left, right or both"),
        ({"minutes": "soon"}, "minutes soon: must be minutes, such as 12, 7.5 or 12:30"),
        ({"rate": 20}, "rate 20: must be between 80 and 450"),
        ({"bed_level": 3}, "bed_level needs bed"),
        ({"seed": "x"}, "seed x: must be a whole number"),
        ({"pace": "fast"}, "pace fast: must be box, coherent, calm, 4-7-8, or seconds"),
        ({"pace": "4-7-8", "side": "left"}, "pace does not apply to massage, only to breathing"),
    ],
)
def test_a_wrong_option_is_named_as_an_argument_and_as_a_flag(option, says):
    with pytest.raises(VoiceguideError) as raised:
        Session("calf", **option).prepare()
    assert str(raised.value).startswith(says)
    if "sied" not in option:
        flags = [part for n, v in option.items() for part in (f"--{n.replace('_', '-')}", str(v))]
        said = voiceguide("script", "calf", *flags, "--format", "ssml").stderr
        assert f"--{next(iter(option)).replace('_', '-')}" in said.splitlines()[-1]
        assert "Traceback" not in said


@pytest.mark.parametrize(
    ("name", "says"),
    [("bed_level", "must be a number"), ("rate", "must be a whole number"),
     ("seed", "must be a whole number")],
)  # fmt: skip
def test_what_is_no_number_is_told_the_same_way_wherever_it_is_given(name, says, monkeypatch):
    flag = f"--{name.replace('_', '-')}"
    with pytest.raises(VoiceguideError, match=f"^{name} x: {says}$"):
        Session("calf", bed="rain", **{name: "x"})
    given = voiceguide("script", "calf", "--bed", "rain", flag, "x")
    assert (given.returncode, given.stderr) == (2, f"voiceguide: {flag} x: {says}\n")
    monkeypatch.setenv(f"VOICEGUIDE_{name.upper()}", "x")
    around = voiceguide("script", "calf", "--bed", "rain")
    variable = f"VOICEGUIDE_{name.upper()}"
    assert (around.returncode, around.stderr) == (2, f"voiceguide: {variable}=x: {says}\n")


@pytest.mark.parametrize(
    ("name", "least", "most", "between"),
    [("rate", 80, 450, "80 and 450"), ("bed_level", -40, 20, "-40 and 20")],
)
def test_a_number_is_taken_within_its_range(name, least, most, between):
    for number in (least, most):
        options = Session("calf", bed="rain", **{name: number}).request.options
        assert getattr(options, name) == number
    for number in (least - 1, most + 1):
        says = f"{name} {number}: must be between {between}"
        with pytest.raises(VoiceguideError, match=says):
            Session("calf", bed="rain", **{name: number})
    with pytest.raises(VoiceguideError, match="seed -1: must be 0 or more"):
        Session("calf", seed=-1)


def test_an_option_that_is_none_is_left_out():
    assert Session("breathing", pace=None, rate=None).script == Session("breathing").script


def test_what_is_not_chosen_is_as_the_manual_says():
    options = Session("calf").request.options
    assert vars(options) == {
        "method": None, "area": None, "side": "both", "level": "standard", "pace": None,
        "guidance": "full", "explain": False, "prepare": False, "holds": "fixed", "ask": False,
        "language": "en", "library": None,
        "bed": None, "bed_level": 0, "mono": False, "minutes": None, "voice": None, "rate": None,
        "seed": 0, "max_length": "12h", "variables": {},
    }  # fmt: skip
    assert options.max_ms == 43_200_000
    warned = {150, 210}  # warnings are said as in a conversation
    assert {utterance.rate_wpm for _, utterance in Session("calf").utterances} == warned


def test_a_session_is_shown_in_a_line():
    session = Session("calf", side="left", minutes="12:30")
    assert repr(session) == "Session('calf', side='left', minutes='12:30')"


# The command line


def test_every_option_is_on_the_command_line_with_its_default():
    shown = " ".join(voiceguide("render", "--help").stdout.split())
    for name in EVERYWHERE:
        assert f"--{name.replace('_', '-')} " in shown
    for text in (
        "[default: both]",
        "[default: the voice's calm pace; between 80 and 450]",
        "[default: 0; between -40 and 20]",
        "[default: 0; 0 or more]",
        "[default: the deepest that suits; with --level gentle, the fascia ball]",
    ):
        assert text in shown
    assert "-h, --help" in shown
    assert voiceguide("-h").stdout == voiceguide("--help").stdout
    assert voiceguide("render", "-h").returncode == 0


def test_the_version_is_told():
    from voiceguide import __version__

    assert voiceguide("--version").stdout == f"voiceguide {__version__}\n"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"start_delay_ms": -1000}, "start_delay_ms -1000: must be 0 or more"),
        ({"breath": "folow", "listen": True}, "breath folow: must be paced or follow"),
        ({"breath": "follow"}, "breath follow needs listen: it hears how you breathe"),
    ],
)
def test_a_wrong_argument_of_play_is_named(given, says):
    with pytest.raises(UsageError, match=f"^{says}$"):
        Session("calf").play(**given)


def test_a_file_cannot_begin_before_its_session(tmp_path):
    with pytest.raises(UsageError, match=r"^start_delay_ms -1000: must be 0 or more$"):
        Session("calf").export(tmp_path / "x.mp3", start_delay_ms=-1000)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "wrong",
    [["--side", "up"], ["--sied", "left"], ["--minutes", "soon"], ["--rate", "20"], ["--rate", "x"],
     ["--bed-level", "3"], ["--pace", "fast"], ["--set", "a"], ["--minutes", "99999"]],
)  # fmt: skip
def test_every_mistake_in_an_option_is_wrong_usage(wrong):
    done = voiceguide("script", "calf", *wrong)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_a_switch_can_be_turned_off():
    assert "Why it helps" in chapters("calf", "--explain")
    assert "Why it helps" not in chapters("calf", "--explain", "--no-explain")


# The names of files


def test_a_file_is_named_after_what_was_chosen(tmp_path):
    session = Session(
        "calf", method="thumb", side="left", level="deep", explain=True, language="de", bed="rain",
        mono=True, voice=str(tmp_path / "My Voice"), rate=130, seed=3,
    )  # fmt: skip
    names = "-".join(session.request.options.names())
    assert names == "thumb-left-deep-explain-de-rain-mono-my-voice-130-wpm-seed-3"
    assert list(Options(minutes=12.5, max_length="1h").names()) == ["12.5-min"]
    levels = [Session("calf", bed="rain", bed_level=db).default_path.name for db in (-6, 2.5, 0)]
    assert levels == ["calf-rain-6-db-lower.mp3", "calf-rain-2.5-db-higher.mp3", "calf-rain.mp3"]
    assert Session("calf", side="left").default_path == Path("output/calf-left.mp3")


# Settings and the environment


def test_settings_hold_where_nothing_else_is_said(settings, monkeypatch):
    settings('side = "left"\nexplain = true\n')
    told = chapters("calf")
    assert "Why it helps" in told
    assert "Left: Stretch" in told
    assert "Right: Stretch" not in told
    monkeypatch.setenv("VOICEGUIDE_SIDE", "right")
    assert "Left: Stretch" not in chapters("calf")
    both = chapters("calf", "--side", "both")
    assert {"Left: Stretch", "Right: Stretch", "Why it helps"} <= {*both}


def test_settings_can_be_for_one_language(settings):
    settings('guidance = "brief"\n[de]\nside = "left"\nguidance = "full"\n')
    assert "Right: Stretch" in chapters("calf")
    german = chapters("calf", "--language", "de")
    assert "Links: Dehnen" in german
    assert "Rechts: Dehnen" not in german


def test_settings_that_do_not_apply_to_a_target_do_not_stop_it(settings, tmp_path):
    settings('side = "left"\npace = "box"\nbed_level = -5\n[de]\nbed_level = -3\n')
    assert "Right: Stretch" not in chapters("calf")
    assert "Breathe" in chapters("breathing")
    script = tmp_path / "own.ssml"
    script.write_text(
        '<speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis" xml:lang="en">\n'
        '<mark name="chapter:Mine"/>Hello.</speak>'
    )
    assert chapters(script) == ["Mine"]
    refused = voiceguide("script", "breathing", "--side", "left", "--check")
    assert "--side does not apply to breathing, only to massage" in refused.stderr


def test_a_script_has_its_own_length_whatever_the_settings_say(settings, ssml, monkeypatch):
    settings("minutes = 12\n[variables]\nrounds = 3\n")
    monkeypatch.setenv("VOICEGUIDE_VOICE", "pyttsx3")
    script = ssml('Hello.<break time="3s"/>')
    done = voiceguide("script", script, "--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert "00:00:0" in done.stdout
    template = script.with_suffix(".ssml.jinja")
    template.write_text("<speak>{{ rounds }} times.</speak>", "utf-8")
    done = voiceguide("script", template)
    assert ("3 times." in done.stdout, done.stderr) == (True, "")
    template.write_text("<speak>Twice.</speak>", "utf-8")
    done = voiceguide("script", template)
    assert ("Twice." in done.stdout, done.stderr) == (True, "")
    done = voiceguide("script", template, "--set", "rounds=4")
    assert done.stderr == f"voiceguide: {template} uses no variable “rounds”\n"
    assert '"duration_ms": 720000' in voiceguide("script", "breathing", "--format", "json").stdout
    refused = voiceguide("script", script, "--minutes", "5", "--check")
    assert "cannot be 5:00 long" in refused.stderr


def test_none_takes_back_a_setting(settings):
    settings('bed = "rain"\narea = "all"\n')
    shown = voiceguide("script", "calf", "--format", "json", "--side", "left").stdout
    assert '"source": "rain"' in shown
    assert "the lower calf" in shown.lower()
    taken = voiceguide(
        "script", "calf", "--format", "json", "--side", "left", "--bed", "none", "--area", "none"
    ).stdout
    assert '"duration_ms"' in taken
    assert '"source": "rain"' not in taken
    assert "the lower calf" not in taken.lower()
    assert Session("calf", bed="none") is not None
    assert list(Session("calf", voice="none", rate="none").request.options.chosen()) == []


def test_settings_are_for_the_command_line_alone(settings):
    settings('side = "left"\n')
    assert "Right: Stretch" in Session("calf").script


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('sied = "left"', "unknown option “sied”; did you mean side"),
        ('[de]\nside = "links"', "side links: must be left, right or both"),
        ('side = ["left"]', 'side ["left"]: must be left, right or both'),
        ("side = true", "side true: must be left, right or both"),
        ("[variables]\ncount = [1, 2]", 'variables {"count": [1, 2]}: must be text, not a list'),
        ("side = ", "is not valid TOML"),
    ],
)
def test_wrong_settings_are_told_with_their_file(settings, text, says):
    path = settings(text)
    done = voiceguide("script", "calf", "--format", "ssml")
    assert done.returncode == 2
    assert f"{path}" in done.stderr
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


def test_all_that_is_wrong_in_the_settings_is_told_with_line_and_table(settings, monkeypatch):
    text = 'rate = 3\nsied = "left"\nbed_level = -3\n[de]\nside = "left"\nrate = "fast"\n'
    path = settings(text)
    done = voiceguide("script", "calf")
    assert done.returncode == 2
    assert done.stderr == (
        f"voiceguide: {path}:1: rate 3: must be between 80 and 450\n"
        f"{path}:2: unknown option “sied”; did you mean side or seed?\n"
        f"{path}:6: [de] rate fast: must be a whole number\n"
    )
    settings("")
    monkeypatch.setenv("VOICEGUIDE_SIDE", "lefft")
    monkeypatch.setenv("VOICEGUIDE_LEVEL", "soft")
    says = (
        "voiceguide: VOICEGUIDE_SIDE=lefft: must be left, right or both\n"
        "VOICEGUIDE_LEVEL=soft: must be gentle, standard or deep\n"
    )
    for command in (("script", "calf"), ("config",)):
        assert voiceguide(*command).stderr.endswith(says)
    given = voiceguide("script", "calf", "--side=left", "--level=deep", "--format=ssml")
    assert given.returncode == 0, given.stderr


def test_config_tells_where_each_setting_comes_from(settings, monkeypatch):
    path = settings('side = "left"\n[de]\nrate = 110\n')
    monkeypatch.setenv("VOICEGUIDE_LEVEL", "deep")
    shown = voiceguide("config", "--language", "de").stdout.splitlines()
    assert shown == [
        f"# {path}",
        'side = "left"  # settings file',
        'level = "deep"  # VOICEGUIDE_LEVEL',
        "rate = 110  # settings file",
    ]
    path.unlink()
    monkeypatch.delenv("VOICEGUIDE_LEVEL")
    assert voiceguide("config").stdout == f"# {path}  (does not exist yet)\n"


def test_config_shows_what_is_for_the_language_of_the_environment(settings, monkeypatch):
    settings("[de]\nrate = 110\n")
    monkeypatch.setenv("VOICEGUIDE_LANGUAGE", "de")
    shown = voiceguide("config").stdout.splitlines()[1:]
    assert shown == ['language = "de"  # VOICEGUIDE_LANGUAGE', "rate = 110  # settings file"]


def test_config_shows_settings_as_they_are_written(settings):
    settings("""bed = 'C:\\my "own".mp3'\n[variables]\nrounds = 3\nword = "on"\n""")
    shown = voiceguide("config").stdout.splitlines()[1:]
    assert shown == [
        r'bed = "C:\\my \"own\".mp3"  # settings file',
        'variables = { rounds = 3, word = "on" }  # settings file',
    ]


def test_config_opens_the_settings_with_all_options_in_them(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("EDITOR", f"{sys.executable} -c pass")
    monkeypatch.delenv("VISUAL", raising=False)
    assert voiceguide("config", "--edit").returncode == 0
    text = (tmp_path / "settings.toml").read_text("utf-8")
    assert '# side = "both"' in text
    assert "# Words per minute as heard.  [between 80 and 450]\n" in text
    settings(text.replace('# side = "both"', 'side = "right"'))
    assert "Left: Stretch" not in chapters("calf")


@pytest.mark.skipif(sys.platform != "linux", reason="xdg-open is of Linux")
def test_config_says_if_nothing_opens_the_settings(settings, tmp_path, monkeypatch):
    path = settings("")
    opener = tmp_path / "bin" / "xdg-open"
    opener.parent.mkdir()
    opener.write_text("#!/bin/sh\necho lynx: not found >&2\nexit 3\n", "utf-8")
    opener.chmod(0o755)
    monkeypatch.setenv("PATH", f"{opener.parent}:/usr/bin:/bin")
    for name in ("EDITOR", "VISUAL"):
        monkeypatch.delenv(name, raising=False)
    done = voiceguide("config", "--edit")
    cure = "name an editor, as in EDITOR=nano voiceguide config --edit"
    says = f"voiceguide: {path}: nothing here opens it; {cure}\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", says)
