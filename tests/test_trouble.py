"""What can go wrong: each gives status 1, one or two lines that help, and no half file."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import FRAMES_PER_MS, needs, voiceguide

from voiceguide import Session
from voiceguide.errors import VoiceError
from voiceguide.voices import Utterance
from voiceguide.voices.cache import ClipCache
from voiceguide.voices.clip import Clip
from voiceguide.voices.pyttsx3 import Pyttsx3
from voiceguide.voices.voice import Voice

pytestmark = pytest.mark.slow
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals and permissions of POSIX")


def fails(folder: Path, *arguments: object, says: str, status: int = 1, **options: object) -> str:
    """Run a command that must fail as promised, and leave nothing in ``folder``."""
    before = sorted(folder.rglob("*"))
    done = voiceguide(*arguments, **options)
    assert done.returncode == status, done
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert 1 <= len(done.stderr.strip().splitlines()) <= 2
    assert re.search(says, done.stderr), done.stderr
    assert sorted(folder.rglob("*")) == before
    return done.stderr


def test_an_unknown_region_is_answered_with_near_ones(tmp_path):
    fails(tmp_path, "render", "calv", "-o", tmp_path, says="no region.*“calv”.*did you mean calves")


def test_an_unknown_area_or_method_is_answered_with_those_there_are(tmp_path):
    fails(tmp_path, "render", "calf", "--area", "toe", "-o", tmp_path, says="upper-calf")
    fails(tmp_path, "render", "calf", "--method", "x", "-o", tmp_path, says="voiceguide methods")


def test_a_method_that_does_not_suit_is_answered_with_those_that_do(tmp_path):
    says = "Trigger tool does not suit the cheek; suitable: thumb"
    fails(tmp_path, "render", "tinnitus", "--method", "trigger-tool", "-o", tmp_path, says=says)
    arguments = ("--area", "front-of-sole", "--method", "foam-roller")
    says = "Foam roller does not suit .*; suitable: fascia-ball, thumb, trigger-tool"
    fails(tmp_path, "render", "foot", *arguments, "-o", tmp_path, says=says)


def test_a_roller_that_does_not_suit_before_a_method_is_refused_and_the_option_named(tmp_path):
    says = "prepare: Foam roller does not suit the cheek; leave it out"
    fails(tmp_path, "render", "jaw", "--prepare", "-o", tmp_path, says=says)


@pytest.mark.parametrize("name", ["none", "n" * 5000], ids=["missing", "too long"])
def test_a_library_that_is_no_folder_is_refused(tmp_path, name):
    library = tmp_path / name
    says = f"{name} is not a folder"
    fails(tmp_path, "render", "calf", "--library", library, "-o", tmp_path, says=says)
    fails(tmp_path, "regions", "--library", library, says=says)
    requests = tmp_path / "requests.jsonl"
    requests.write_text(json.dumps({"target": "calf", "library": str(library)}), "utf-8")
    fails(tmp_path, "catalogue", requests, "-o", tmp_path, says="requests.jsonl:1: library")


def test_a_voice_with_a_name_that_no_file_can_have_is_refused(tmp_path):
    for name in ("n" * 5000, "n" * 5000 + ".onnx", "n/" * 3000):
        fails(tmp_path, "render", "calf", "--voice", name, "-o", tmp_path, says="nnn|n/n/")


@POSIX
def test_streams_that_are_closed_do_no_harm(tmp_path, ssml):
    script, path = ssml("Hello."), tmp_path / "x.wav"
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        path.unlink(missing_ok=True)
        command = f'exec "$0" -m voiceguide render "$1" -o "$2" {closed}'
        done = subprocess.run(["sh", "-c", command, sys.executable, script, path], check=False)
        assert done.returncode == 0, closed
        assert path.read_bytes()[:4] == b"RIFF"
    command = ["sh", "-c", 'exec "$0" -m voiceguide script - <&-', sys.executable]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "voiceguide: standard input:1:1: is empty\n"


@POSIX
def test_names_that_are_not_utf_8_are_said_readably(tmp_path, ssml):
    path = os.fsencode(tmp_path) + b"/s\xff.ssml"
    Path(os.fsdecode(path)).write_bytes(ssml("Hello.").read_bytes())
    done = voiceguide("render", os.fsdecode(path), "-o", f"{tmp_path}/out/")
    assert done.returncode == 0, done.stderr
    assert [os.fsencode(one.name) for one in (tmp_path / "out").iterdir()] == [b"s\xff.mp3"]
    fails(tmp_path, "script", os.fsdecode(path), "--voice", "\udcff", says=r"\\udcff")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("1" * 5000, "settings.toml: has a number with too many digits"),
        ("[" * 3000 + "]" * 3000, "settings.toml: has lists or tables nested too deeply"),
    ],
)
def test_settings_that_no_reader_takes_are_refused(tmp_path, value, says):
    (tmp_path / "settings.toml").write_text(f"minutes = {value}")
    environment = {**os.environ, "VOICEGUIDE_CONFIG_DIR": str(tmp_path)}
    fails(tmp_path, "render", "calf", says=says, status=2, env=environment)


def test_a_rate_out_of_range_is_refused(tmp_path):
    fails(
        tmp_path,
        "render",
        "calf",
        "--rate",
        5,
        "-o",
        tmp_path,
        says="--rate 5: .*80 and 450",
        status=2,
    )


def test_a_missing_voice_is_named_and_where_to_look(tmp_path):
    says = "no voice “nobody”.*voiceguide voices"
    fails(tmp_path, "render", "calf", "--voice", "nobody", "-o", tmp_path, says=says)
    says = "no voice “.*nobody”.*voiceguide voices"
    fails(tmp_path, "render", "calf", "--voice", "en-us+nobody", "-o", tmp_path, says=says)


def test_a_language_without_a_voice_is_named(tmp_path, ssml):
    script = ssml('<p xml:lang="zxx">Hello.</p>')
    says = "no voice for the language “zxx”"
    fails(tmp_path, "render", script, "-o", tmp_path / "x.mp3", says=says)


def test_an_unknown_suffix_is_refused_before_any_work(tmp_path):
    says = r"“.xyz” files; use one of .mp3"
    fails(tmp_path, "render", "calf", "-o", tmp_path / "calf.xyz", says=says)


@POSIX
def test_a_folder_that_cannot_be_written(tmp_path, ssml):
    script = ssml("Hello.")
    says = "cannot be written: .*-o"
    fails(tmp_path, "render", script, "-o", "/proc/nowhere/x.mp3", says=says)
    (tmp_path / "file").touch()
    fails(tmp_path, "render", script, "-o", tmp_path / "file" / "x.mp3", says=says)


def no_larger_than(most_bytes: int) -> dict[str, object]:
    """Let no file grow beyond ``most_bytes``, as on a full disk: options for a process."""
    resource = pytest.importorskip("resource")
    limit = (most_bytes, most_bytes)
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)}


@POSIX
@pytest.mark.parametrize("suffix", ["mp3", "wav", "flac", "ogg", "m4b", "opus"])
def test_a_full_disk(tmp_path, ssml, suffix):
    tones = '<par><media repeatCount="40"><audio src="inhale.wav"/></media></par>'
    path = tmp_path / f"x.{suffix}"
    says = "cannot be written: File too large.*-o"
    script = ssml(f"Hello. {tones}")
    fails(tmp_path, "render", script, "-o", path, says=says, **no_larger_than(100_000))


@POSIX
def test_a_full_disk_where_the_engine_writes(tmp_path, ssml):
    script = ssml("Never said before.")  # so it is in no cache
    says = "“Never said before.” cannot be spoken: .*File too large"
    fails(tmp_path, "script", script, says=says, **no_larger_than(10_000))


def own_library(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, text: str) -> None:
    path = folder / "config" / "scripts" / name
    path.parent.mkdir(parents=True)
    path.write_text(text, "utf-8")
    monkeypatch.setenv("VOICEGUIDE_CONFIG_DIR", str(folder / "config"))


def test_a_broken_toml_file_is_named_with_its_line(tmp_path, monkeypatch):
    own_library(monkeypatch, tmp_path, "en/regions/calf.toml", 'name = "Calf\n')
    says = r"calf\.toml:1: is not valid TOML: text must end with a quotation mark"
    fails(tmp_path, "render", "calf", "-o", tmp_path / "x.mp3", says=says)
    assert voiceguide("script", "neck", "--format", "ssml").returncode == 0


def test_a_template_that_raises_is_named_with_its_line(tmp_path, monkeypatch):
    template = "<speak>\n{{ 1 / 0 }}</speak>"
    own_library(monkeypatch, tmp_path, "kinds/massage/trigger-tool.ssml.jinja", template)
    says = r"trigger-tool\.ssml\.jinja:2: ZeroDivisionError"
    fails(tmp_path, "render", "calf", "-o", tmp_path / "x.mp3", says=says)


def test_a_phrase_that_the_engine_cannot_speak_is_named_with_its_line_and_column(tmp_path, ssml):
    script = ssml("Hello.\n<break/>\n<s>★</s>")
    says = r"my\.ssml:3:4: “★” cannot be spoken: the engine makes no sound for it: reword"
    fails(tmp_path, "render", script, "-o", tmp_path / "x.mp3", says=says)


def test_a_script_that_is_missing_or_empty(tmp_path):
    fails(tmp_path, "render", tmp_path / "no.ssml", says=r"no\.ssml: cannot be read")
    (tmp_path / "empty.ssml").touch()
    fails(tmp_path, "render", tmp_path / "empty.ssml", says=r"empty\.ssml:1:1: is empty")


def test_an_old_file_stays_whole_when_a_render_fails(tmp_path, ssml):
    path = tmp_path / "x.mp3"
    assert voiceguide("render", ssml("Hello."), "-o", path).returncode == 0
    old = path.read_bytes()
    script = ssml('Hello. <par dur="100ms"><media><speak>Much too long.</speak></media></par>')
    fails(tmp_path, "render", script, "-o", path, says="there is room for 0.100 s")
    assert path.read_bytes() == old


@POSIX
@pytest.mark.parametrize("after_s", [0.3, 0.6, 0.9, 1.2])
def test_killed_while_it_renders_it_leaves_no_file_and_no_process(tmp_path, after_s):
    path = tmp_path / "calf.mp3"
    environment = {**os.environ, "VOICEGUIDE_CACHE_DIR": str(tmp_path / "cache")}
    options = ("calf", "--side=left", "--minutes=6", "--mono", "--guidance=brief", "-o", str(path))
    command = [sys.executable, "-m", "voiceguide", "render", *options]
    with subprocess.Popen(command, env=environment) as process:
        time.sleep(after_s)
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert not path.exists()
    assert voiceguide("render", *options, env=environment).returncode == 0


@POSIX
def test_ended_politely_it_cleans_up(tmp_path):
    environment = {**os.environ, "VOICEGUIDE_CACHE_DIR": str(tmp_path / "cache")}
    path = tmp_path / "out" / "calf.mp3"
    command = [sys.executable, "-m", "voiceguide", "render", "calf", "-o", str(path)]
    for number in (signal.SIGTERM, signal.SIGINT):
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as process:
            time.sleep(0.8)
            process.send_signal(number)
            _, said = process.communicate(timeout=60)
        assert process.returncode not in (0, None)
        assert b"Traceback" not in said
        assert not path.parent.exists() or not list(path.parent.iterdir())


@POSIX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("slow_s", [0, 0.1], ids=["idle", "busy"])
def test_a_signal_within_a_destructor_is_not_lost(number, slow_s):
    code = f"""
import os, threading, time
from voiceguide import cli

start = threading.Thread.start

def start_slowly(thread):
    start(thread)
    time.sleep({slow_s})

threading.Thread.start = start_slowly

class Ended:
    def __del__(self):
        os.kill(os.getpid(), {number:d})
        for _ in range(1000): pass

def app(**_):
    Ended()
    time.sleep(5)
    print("went on")

cli.app = app
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, b"", b"")


# The engine, in trouble for real: its process is stopped or killed while it works.


def utterance(text: str) -> Utterance:
    return Utterance(text, "en", None, 140, 0.0)


@POSIX
def test_an_engine_that_hangs_is_replaced_and_the_phrase_is_spoken():
    engine = Pyttsx3(limit_s=1)
    try:
        engine.speak(utterance("Hello."))
        os.kill(engine._child.process.pid, signal.SIGSTOP)
        begin = time.monotonic()
        assert engine.speak(utterance("Hello again.")).samples.size > 10_000
        assert 1 <= time.monotonic() - begin < 30  # the child is stopped for good
    finally:
        engine.close()


@POSIX
def test_an_engine_that_crashes_is_replaced_and_the_phrase_is_spoken():
    engine = Pyttsx3()
    try:
        engine.speak(utterance("Hello."))
        os.kill(engine._child.process.pid, signal.SIGKILL)
        assert engine.speak(utterance("Hello again.")).samples.size > 10_000
    finally:
        engine.close()


@POSIX
def test_an_engine_that_never_answers_is_given_up_with_an_error(tmp_path, monkeypatch):
    (tmp_path / "pyttsx3.py").write_text("import time\ntime.sleep(600)", "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    engine = Pyttsx3(limit_s=1)
    with pytest.raises(VoiceError, match=r"did not answer in 1 s, and so did a new one"):
        engine.speak(utterance("A"))


def test_a_damaged_clip_is_noticed_and_made_anew(tmp_path):
    text = utterance("This clip will be damaged.")
    with Voice(Pyttsx3, ClipCache(tmp_path)) as voice:
        whole = voice.clip(text).tobytes()
    (entry,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    good = entry.read_bytes()
    damages = [b"", good[:100], good[:-960], good[:5000] + b"\xff\xff" + good[5002:]]
    for damaged in damages:
        entry.write_bytes(damaged)
        with Voice(Pyttsx3, ClipCache(tmp_path)) as voice:
            again = voice.clip(text)
        assert abs(len(again.tobytes()) - len(whole)) < 0.05 * len(whole)
        assert len(entry.read_bytes()) > 0.95 * len(good)
        assert entry.read_bytes().endswith(again.tobytes())


def test_a_clip_that_was_lost_and_is_spoken_anew_has_its_new_length(tmp_path):
    class Engine(Pyttsx3):
        """Says it several times."""

        times = 1

        def speak(self, utterance):
            spoken = super().speak(utterance)
            longer = np.tile(spoken.samples, self.times)
            return spoken._replace(samples=longer, words=())

    text, cache = utterance("One, two, three."), tmp_path / "clips"
    for Engine.times in (1, 3):
        with Voice(Engine, ClipCache(cache)) as voice:
            first_ms = voice.length_ms(text)
            (entry,) = [path for path in cache.rglob("*") if path.is_file()]
            entry.write_bytes(entry.read_bytes()[:-960])  # damaged; its length is still known
            voice._memory.clear()
            clip = voice.clip(text)
        with Voice(Engine, ClipCache(cache)) as voice:
            assert voice.length_ms(text) == len(clip) // FRAMES_PER_MS
    assert first_ms < 0.5 * len(clip) / FRAMES_PER_MS


def test_a_clip_of_which_the_length_is_needed_is_in_use(tmp_path):
    text = utterance("Needed every day.")
    with Voice(Pyttsx3, ClipCache(tmp_path / "clips")) as voice:
        voice.length_ms(text)
    (entry,) = [path for path in (tmp_path / "clips").rglob("*") if path.is_file()]
    os.utime(entry, (0, 0))
    with Voice(Pyttsx3, ClipCache(tmp_path / "clips")) as voice:
        voice.length_ms(text)
    assert entry.stat().st_mtime > time.time() - 60


def test_a_warm_cache_needs_no_engine(tmp_path):
    text = utterance("Spoken only once.")
    with Voice(Pyttsx3, ClipCache(tmp_path)) as voice:
        clip = voice.clip(text)

    class Mute(Pyttsx3):
        def speak(self, utterance):
            raise AssertionError(utterance)

    with Voice(Mute, ClipCache(tmp_path)) as voice:
        assert (voice.clip(text) == clip).all()


def test_a_cache_that_cannot_be_written_does_not_stop_a_render(tmp_path, ssml):
    (tmp_path / "file").touch()
    environment = {**os.environ, "VOICEGUIDE_CACHE_DIR": str(tmp_path / "file" / "cache")}
    path = tmp_path / "x.mp3"
    assert voiceguide("render", ssml("Hello."), "-o", path, env=environment).returncode == 0
    assert path.stat().st_size > 5000


def test_a_cache_that_has_grown_too_large_loses_what_was_used_longest_ago(tmp_path):
    cache = ClipCache(tmp_path)
    with Voice(Pyttsx3, cache) as voice:
        clip = Clip(voice.clip(utterance("Hello.")))
    for number in range(5):
        cache.write(f"{number}0", clip)
        os.utime(tmp_path / f"{number}0" / f"{number}0.clip", (number, number))
    cache.prune(most_bytes=3 * (clip.samples.nbytes + 60))
    left = sorted(path.stem for path in tmp_path.rglob("*.clip") if len(path.stem) == 2)
    assert left == ["30", "40"]


def test_two_hundred_phrases_are_all_spoken_whole():
    """pyttsx3 would lose one now and then; a lost one is silent, a cut one too short."""
    engine = Pyttsx3()
    lengths: dict[str, list[int]] = {}
    try:
        for number in range(200):
            text = ("Half way.", "Let the breath come in.")[number % 2]
            rate = 140 + number % 3
            spoken = engine.speak(Utterance(text, "en", None, rate, 0.0))
            lengths.setdefault(f"{text} {rate}", []).append(spoken.samples.size)
    finally:
        engine.close()
    for sizes in lengths.values():
        assert min(sizes) > 0.97 * max(sizes)


def test_no_traceback_where_the_reader_of_the_output_has_gone():
    needs("bash")
    command = f"set -o pipefail; {sys.executable} -m voiceguide script calf --format ssml | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("<speak")


def test_a_session_raises_the_same_errors(tmp_path):
    from voiceguide import VoiceguideError

    with pytest.raises(VoiceguideError, match="did you mean calves"):
        Session("calv").export(tmp_path / "x.mp3")
    with pytest.raises(VoiceguideError, match="side"):
        Session("calf", side="up")
    with pytest.raises(VoiceguideError, match="speed"):
        Session("calf", speed=3)


@POSIX
@pytest.mark.parametrize("killed", [False, True])
def test_no_temporary_files_are_left(tmp_path, ssml, killed):
    folder = tmp_path / "tmp"
    folder.mkdir()
    environment = {
        **os.environ,
        "TMPDIR": str(folder),
        "VOICEGUIDE_CACHE_DIR": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-m", "voiceguide", "script", str(ssml("Hello. " * 500))]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        if killed:
            while not list(folder.glob("voiceguide-*")):  # not a file with which Python tries it
                time.sleep(0.01)
            process.kill()
    deadline = time.monotonic() + 30
    while list(folder.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)  # an orphaned child first has to notice
    assert list(folder.iterdir()) == []


def test_what_a_killed_run_left_goes_though_nothing_is_spoken(tmp_path, ssml, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    left = tmp_path / "tmp/voiceguide-run-0123456789abcdef"
    left.mkdir(parents=True)
    (left / "phrase.wav").write_bytes(b"RIFF")
    done = voiceguide("render", ssml('<audio src="bell.wav"/>'), "-o", tmp_path / "my.wav")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "tmp").iterdir()) == []


def test_targets_that_would_be_one_file_are_refused(tmp_path):
    says = "two sessions would both be written to .*calf.mp3"
    fails(tmp_path, "render", "calf", "calf", "-o", f"{tmp_path}/", says=says)
    says = "x.mp3 is one file; for several targets, give -o a folder"
    fails(tmp_path, "render", "calf", "neck", "-o", tmp_path / "x.mp3", says=says)


def test_where_nothing_can_be_written_is_told_before_targets_are_looked_at(tmp_path, ssml):
    cannot_be_spoken = ssml("<break time='x'/>")
    says = "x.mp3 is one file; for several targets, give -o a folder"
    fails(tmp_path, "render", "calf", cannot_be_spoken, "-o", tmp_path / "x.mp3", says=says)
    says = "x.mp5: cannot write “.mp5” files; use one of .mp3, .wav, .flac, .ogg, .opus, .m4b, "
    fails(tmp_path, "render", cannot_be_spoken, "-o", tmp_path / "x.mp5", says=says)


def test_a_wrong_target_is_found_before_another_is_rendered(tmp_path, ssml):
    fails(
        tmp_path, "render", ssml("Hello."), "calv", "-o", f"{tmp_path}/", says="did you mean calves"
    )


def test_an_option_of_regions_is_refused_for_a_script(tmp_path, ssml):
    fails(
        tmp_path,
        "render",
        ssml("Hello."),
        "--side",
        "left",
        says="--side only applies to regions and kinds",
    )


def test_a_script_in_which_nothing_is_heard_is_refused(tmp_path, ssml):
    path = ssml("<p/>")
    says = f"{path}: the script is empty: it has no text, sound or pause"
    for suffix in ("mp3", "wav"):
        fails(tmp_path, "render", path, "-o", tmp_path / f"x.{suffix}", says=says)


def test_a_long_text_without_a_break_is_spoken_whole(ssml):
    """espeak-ng itself crashes on 18,000 characters at once."""
    short = Session(ssml("The leg is heavy. " * 20, "short.ssml"), rate=450)
    long = Session(ssml("The leg is heavy. " * 1100, "long.ssml"), rate=450)
    assert long.timeline.duration_ms == pytest.approx(55 * short.timeline.duration_ms, rel=0.05)


@POSIX
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_standard_output_that_is_full():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "voiceguide", "regions"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "voiceguide: standard output: No space left on device\n"
