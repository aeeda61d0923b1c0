"""What comes out of the loudspeaker: a real PulseAudio server, whose null sinks are recorded."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from conftest import decode, needs, voiceguide
from loudspeaker import (
    FRAMES_PER_MS,
    LIMIT_S,
    LOUD,
    Recording,
    Server,
    Terminal,
    first_sound_ms,
    place_ms,
    steps,
)

from voiceguide.mixer import Window
from voiceguide.player.player import Player
from voiceguide.player.source import LiveSession
from voiceguide.timeline import End, Opening

NAMESPACE = 'xmlns="http://www.w3.org/2001/10/synthesis"'
BODY = """<mark name="chapter:One"/><audio src="chime.wav"/><s>Hello there.</s>
<mark name="chapter:Two"/><s>The second.</s><mark name="hold:"/><par dur="4s">
<media><audio src="half.wav"/></media>
<media begin="500ms"><speak>Stay quite still.</speak></media>
<media begin="3s"><audio src="tick.wav"/></media></par>
<mark name="end:hold"/><audio src="bell.wav"/>
<mark name="chapter:Three"/><s>And this is how it ends.</s>"""
SINKS = ("one", "two", "three")
ROUNDING = 2 / 32768
PERIOD_MS = 300
"""What a device takes at once: if nothing is ready after a key, it is silent for so long."""
HAS_SIMPLEAUDIO = sys.version_info < (3, 12) and importlib.util.find_spec("simpleaudio") is not None


@pytest.fixture(scope="module")
def server():
    """Start a server that all share, with sinks for sessions that play at the same time."""
    needs("pulseaudio", "parec", "pactl")
    with tempfile.TemporaryDirectory(prefix="vg") as folder:  # a short path
        server = Server(Path(folder), SINKS)
        yield server
        server.check()
        server.kill()


@pytest.fixture(scope="module")
def sinks(server, tmp_path_factory):
    """Record all sinks from now on: until a recorder runs steadily, seconds pass."""
    folder = tmp_path_factory.mktemp("heard")
    recordings = [Recording(server, folder / f"{sink}.raw", sink) for sink in SINKS]
    yield recordings
    for recording in recordings:
        recording.end()


@pytest.fixture
def one(sinks):
    return sinks[0]


@pytest.fixture
def two(sinks):
    return sinks[1]


@pytest.fixture
def own_server():
    """Start a server that may be killed."""
    needs("pulseaudio", "parec", "pactl")
    with tempfile.TemporaryDirectory(prefix="vg") as folder:
        server = Server(Path(folder))
        yield server
        server.kill()


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Return a script, and what it sounds like as a file (its clips are in the cache then)."""
    folder = tmp_path_factory.mktemp("rendered")
    script = folder / "my.ssml"
    script.write_text(f'<speak version="1.1" xml:lang="en" {NAMESPACE}>{BODY}</speak>', "utf-8")
    done = voiceguide("render", script, "-o", folder / "my.wav")
    assert done.returncode == 0, done.stderr
    return script, decode(folder / "my.wav")


@functools.cache
def events(script: Path, kind: str) -> list[dict]:
    found = json.loads(voiceguide("script", script, "--format", "json").stdout)["events"]
    return [event for event in found if event["kind"] == kind]


def part(samples: np.ndarray, begin_ms: int, end_ms: int) -> np.ndarray:
    return samples[begin_ms * FRAMES_PER_MS : end_ms * FRAMES_PER_MS]


@pytest.fixture(scope="module")
def start_ms(calf) -> float:
    """How long this machine takes to show the calf session, whose clips are in the cache."""
    assert calf.path.exists()
    taken_ms = []
    for _ in range(2):
        begin = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "voiceguide", "script", "calf"], check=True, capture_output=True
        )  # a process of its own, as a listener starts
        taken_ms.append(1000 * (time.monotonic() - begin))
    return min(taken_ms)


def test_a_session_begins_at_once_and_is_what_is_rendered(server, one, calf, start_ms):
    """It is heard when its script could just be read. Others may have the processor once."""
    limit_ms = start_ms + 500
    for _attempt in range(5):
        begin = one.here()
        terminal = Terminal(server, "calf", "--seed", "0")  # else, it has today's words
        terminal.watch(3)
        process = psutil.Process(terminal.process.pid)
        family = [process, *process.children(recursive=True)]
        used, began = sum(process.cpu_times()[:2]), time.monotonic()
        terminal.watch(7)
        used = (sum(process.cpu_times()[:2]) - used) / (time.monotonic() - began)
        size = sum(one.memory_info().rss for one in family)
        delay_ms = first_sound_ms(terminal, one, begin)
        terminal.press("q")
        assert terminal.end() == 0
        if delay_ms < limit_ms and used < 0.1:
            break
    assert delay_ms < limit_ms
    assert used < 0.1  # of one core
    assert size < 150e6
    heard = one.since(begin)
    speech = [event for event in calf.timeline["events"] if event["kind"] == "speech"]
    spoken = [(one["begin_ms"], one["end_ms"]) for one in speech if one["end_ms"] < 9000]
    assert len(spoken) > 1
    places = [place_ms(heard, part(calf.samples, *times)) for times in spoken]
    late_ms = [place - times[0] for (place, _), times in zip(places, spoken, strict=True)]
    assert min(alike for _, alike in places) > 0.98  # MP3 is not the same to the sample
    assert max(late_ms) - min(late_ms) < 1


def test_the_first_sound_is_heard_soon_though_nothing_was_spoken_yet(
    server, one, tmp_path, monkeypatch, start_ms
):
    limit_ms = start_ms + 1000
    delays_ms = []
    for attempt in range(3):
        monkeypatch.setitem(server.env, "VOICEGUIDE_CACHE_DIR", str(tmp_path / str(attempt)))
        begin = one.here()
        terminal = Terminal(server, "neck", "--quiet")
        terminal.watch(2)
        delays_ms.append(first_sound_ms(terminal, one, begin))
        terminal.press("q")
        assert terminal.end() == 0
        if delays_ms[-1] < limit_ms:
            break
    assert min(delays_ms) < limit_ms, delays_ms


def stopped_voices(process: psutil.Process) -> list[psutil.Process]:
    """Stop the processes that speak, as soon as there are any; return them.

    One that has the command line of its parent is its copy still, for which the parent waits.
    """
    until = time.monotonic() + LIMIT_S
    ours = process.cmdline()
    while not (voices := [one for one in process.children() if one.cmdline() != ours]):
        assert time.monotonic() < until
        time.sleep(0.002)
    for child in voices:
        child.send_signal(signal.SIGSTOP)
    return voices


@pytest.mark.slow
def test_the_bell_is_heard_before_the_voice_can_say_anything(
    server, one, ssml, tmp_path, monkeypatch
):
    monkeypatch.setitem(server.env, "VOICEGUIDE_CACHE_DIR", str(tmp_path / "empty"))
    script = ssml('<audio src="bell.wav"/><s>Hello there.</s>')
    begin = one.here()
    terminal = Terminal(server, script)
    process = psutil.Process(terminal.process.pid)
    voices = stopped_voices(process)
    while np.abs(one.since(begin)).max() < LOUD:
        assert process.children() == voices, "another voice has taken over"
        terminal.watch(0.1)
    for child in voices:
        child.send_signal(signal.SIGCONT)
    assert terminal.end() == 0
    rendered = voiceguide("render", script, "-o", tmp_path / "it.wav", env=server.env)
    assert rendered.returncode == 0
    said = part(decode(tmp_path / "it.wav"), 2500, 3200)
    assert place_ms(one.since(begin), said)[1] > 0.99


def test_what_is_heard_is_what_is_rendered_on_either_device(server, one, two, rendered):
    script, reference = rendered
    assert HAS_SIMPLEAUDIO or not os.environ.get("CI") or sys.version_info >= (3, 12)
    if HAS_SIMPLEAUDIO:
        config = "pcm.!default { type pulse }\nctl.!default { type pulse }\n"
        Path(server.env["HOME"], ".asoundrc").write_text(config)
        begin_other = two.here()
        other = Terminal(server, script, "--device", "simpleaudio", "--quiet", sink="two")
    begin = one.here()
    done = voiceguide("play", script, env={**server.env, "PULSE_SINK": "one"})
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    shown = [line.split(maxsplit=1)[1] for line in done.stderr.splitlines()]
    assert shown[:4] == ["One", "Hello there.", "Two", "The second."]
    assert shown[4:] == ["Stay quite still.", "Three", "And this is how it ends."]
    heard = [one.since(begin)]
    if HAS_SIMPLEAUDIO:
        assert (other.end(), other.shown) == (0, b"")
        heard.append(two.since(begin_other))
    for samples in heard:  # sample by sample: no gap, no drift
        at = round(place_ms(samples, reference)[0] * FRAMES_PER_MS)
        assert np.abs(samples[at : at + len(reference)] - reference).max() < 0.01


if sys.version_info >= (3, 12):

    @pytest.mark.parametrize("option", ["--device", "--player"])
    def test_simpleaudio_is_explained_where_it_cannot_be_had(ssml, option):
        done = voiceguide("play", ssml("Hello."), option, "simpleaudio")
        assert done.returncode == 1
        assert "use miniaudio, or Python 3.11" in done.stderr


def test_random_pauses_skips_and_repeats_never_click_and_lose_nothing(server, one, rendered):
    script, reference = rendered
    choose = random.Random(5)
    begin = one.here()
    terminal = Terminal(server, script)
    terminal.until("Hello")
    pressed, paused = [], False
    for _ in range(20):
        chapter = terminal.shown[-2000:]
        key = choose.choice([" ", "\x1b[C", "\x1b[D", "\x1b[D", "n", "p", "r", "+"])
        key = " " if paused else "p" if b"Three" in chapter else key
        paused = key == " " and not paused
        terminal.press(key, choose.uniform(0.7, 1.0))
        pressed.append((one.here() - begin, paused))
    terminal.press("\x1b[D\x1b[Dpnrp", 0.5)  # within one fade
    terminal.press("q")
    assert terminal.end() == 0
    heard = one.since(begin)
    assert steps(heard) <= steps(reference) + ROUNDING
    for at, silent in pressed:  # what was heard in the end, until the next key
        piece = heard[at - 150 * FRAMES_PER_MS : at - 50 * FRAMES_PER_MS]
        if silent:
            assert np.abs(piece).max() == 0
        elif np.abs(piece).max() > LOUD:
            assert place_ms(reference, piece)[1] > 0.999


def until(text: str, *terminals: Terminal) -> None:
    for terminal in terminals:
        terminal.until(text)


def press(keys: str, *terminals: Terminal) -> None:
    for terminal in terminals:
        terminal.press(keys)


def test_keys_steer_scripts_and_files_alike(server, one, two, rendered, tmp_path):
    """A start delay, then space, +, m and an arrow, on a script and on the MP3 made of it."""
    script, reference = rendered
    assert voiceguide("render", script, "-o", tmp_path / "my.mp3").returncode == 0
    begins = one.here(), two.here()
    delay = ("--start-delay", "2500ms")
    spoken = Terminal(server, script, *delay)
    recorded = Terminal(server, tmp_path / "my.mp3", *delay, sink="two")
    until("Hello there", spoken, recorded)
    time.sleep(0.5)  # later, a busy machine would pause within the next sentence
    press(" ", spoken, recorded)
    until("paused", spoken, recorded)
    time.sleep(1.3)
    press(" ", spoken, recorded)
    until("Stay quite still", spoken, recorded)
    press("+", spoken, recorded)
    until("15 s more", spoken, recorded)
    press("m", spoken, recorded)
    until("tones off", spoken)
    until("The tones of a finished file cannot be muted", recorded)
    time.sleep(0.8)
    press("\x1b[C", spoken, recorded)
    assert (spoken.end(), recorded.end()) == (0, 0)
    said_ms = [event["begin_ms"] for event in events(script, "speech")]
    tick = next(event for event in events(script, "sound") if event["source"] == "tick.wav")
    ticks = []
    for recording, begin in zip((one, two), begins, strict=True):
        heard = recording.since(begin)
        assert steps(heard) <= steps(reference) + ROUNDING
        places = [place_ms(heard, part(reference, ms + 200, ms + 500)) for ms in said_ms]
        assert min(alike for _, alike in places) > 0.98, places
        hello, second, still, last = (place for place, _ in places)
        begin_ms = round(hello) - said_ms[0] - 200
        assert begin_ms > 2500
        tone = part(heard, begin_ms - 2500, begin_ms - 50)
        assert np.abs(tone).max() > 0.02  # it ends the delay
        assert 900 < second - hello - (said_ms[1] - said_ms[0]) < 6000  # the pause
        longer_ms = last - still - (said_ms[3] - said_ms[2])
        assert -2 <= longer_ms - (15_000 - 10_000) <= 2 + PERIOD_MS  # a busy machine finds it late
        tick_ms = round(last) - 200 - said_ms[3] + tick["begin_ms"]
        ticks.append(np.abs(part(heard, tick_ms, tick_ms + 100)).max())
    assert ticks[0] < LOUD < ticks[1]


def test_every_kind_of_rendered_file_has_its_chapters_and_holds(server, sinks, rendered, tmp_path):
    script, reference = rendered
    paths = [tmp_path / f"my.{form}" for form in ("wav", "flac", "ogg")]
    for path in paths:
        assert voiceguide("render", script, "-o", path).returncode == 0
    begins = [sink.here() for sink in sinks]

    def steered(path: Path, sink: str) -> Terminal:
        terminal = Terminal(server, path, "--from", "Two", sink=sink)
        for keys, shown in (("", "Stay quite"), ("+", "15 s more"), ("n", "how it ends")):
            terminal.press(keys)
            terminal.until(shown)
        return terminal

    with ThreadPoolExecutor() as pool:  # a hold does not wait until another file has come so far
        terminals = list(pool.map(steered, paths, SINKS))
    at_ms = events(script, "speech")[-1]["begin_ms"]
    for terminal, sink, begin in zip(terminals, sinks, begins, strict=True):
        assert terminal.end() == 0
        assert place_ms(sink.since(begin), part(reference, at_ms + 50, at_ms + 500))[1] > 0.98


def test_a_file_takes_no_options_of_sessions_and_must_be_audio(tmp_path):
    path = tmp_path / "my.flac"
    path.write_text("no audio")
    done = voiceguide("play", path, "--quiet")
    assert done.returncode == 1
    assert f"voiceguide: {path}: cannot be played" in done.stderr
    done = voiceguide("play", path, "--level", "deep")
    assert done.returncode == 1
    assert "--level only applies to sessions that are made as they play" in done.stderr
    done = voiceguide("play", tmp_path / "none.mp3")
    assert "none.mp3: cannot be played: No such file" in done.stderr


def test_an_unknown_chapter_is_an_error_that_names_those_there_are(ssml):
    done = voiceguide("play", ssml(BODY), "--from", "four")
    assert done.returncode == 1
    assert "no chapter “four”; the chapters are: One; Two; Three" in done.stderr


def test_a_place_that_cannot_be_reached_is_an_error(server, ssml):
    script = ssml(BODY)
    behind = Terminal(server, script, "--max-length", "5s", "--from", "Three")
    beyond = Terminal(server, script, "--from", "99h", sink="two")
    assert (behind.end(), beyond.end()) == (1, 1)
    assert b"--max-length" in behind.shown
    assert b"it cannot begin at 99:00:00: the session ends at 0:" in beyond.shown
    done = voiceguide("play", script, "--from", "4:75")
    assert done.returncode == 1
    assert "no chapter “4:75” (a time is written 4:30 or 90s)" in done.stderr


@contextlib.contextmanager
def silent_player(chapters: int, comes: threading.Event | None = None, **options: object):
    """Play chapters of a second without a device; all but three come when they may."""

    def items():
        for number in range(chapters):
            if number == 3 and comes is not None:
                comes.wait(10)
            yield Opening(f"Chapter {number}", number * 1000)
        yield End(chapters * 1000)

    window = Window(lambda speech: np.zeros(len(speech.text), np.int16), 1)
    with contextlib.closing(LiveSession("Silence", chapters, lambda _: items(), window)) as source:
        player = Player(source, **options)
        player.wait(5)
        yield player
        player.close()


def goes_to(player: Player, ms: int) -> bool:
    """Wait until something can be heard at ``ms``."""
    until = time.monotonic() + 3
    while player.seeking or player.waiting or player.position_ms != ms:
        if time.monotonic() > until:
            return False
        time.sleep(0.005)
    return True


def test_a_place_far_on_is_prepared_at_once():
    for begin in ("Chapter 900", 900_000):
        with silent_player(1000, begin=begin) as player:
            assert goes_to(player, 900_000)


def test_the_next_chapter_is_sought_through_a_pause_and_there_is_none_behind_the_last():
    comes = threading.Event()
    with silent_player(6, comes) as player:
        for _ in range(4):
            player.next_chapter()
        player.pause()
        player.mute()
        player.play()
        assert player.seeking
        comes.set()
        assert goes_to(player, 4000)
        for _ in range(4):
            player.next_chapter()
        assert goes_to(player, 5000)


def test_keys_in_the_start_delay_begin_where_the_session_is_to_begin():
    for press in (Player.next_chapter, Player.repeat, lambda player: player.skip(10_000)):
        with silent_player(6, delay_ms=9000, begin="Chapter 2") as player:
            assert player.position_ms == -9000
            press(player)
            assert goes_to(player, 2000)


def test_a_key_after_the_mixing_has_failed_does_not_keep_it_from_ending():
    with silent_player(6) as player:
        player.source.block = None  # it fails
        player.seek(4000)
        until = time.monotonic() + 3
        while player.error is None and time.monotonic() < until:
            time.sleep(0.005)
        player.skip(-1000)
        player.pause()
        player.read(1000 * FRAMES_PER_MS)
        assert player.ended.is_set()


def test_q_fades_in_the_last_second_too_and_half_a_character_is_no_end_of_the_keys(
    server, one, rendered
):
    script, reference = rendered
    last = events(script, "speech")[-1]
    begin = one.here()
    terminal = Terminal(server, script, "--from", "Three")
    terminal.until("how it ends")
    terminal.press("\udcff", 0.3)
    terminal.press("q")
    assert terminal.end() == 0
    heard = one.since(begin)
    begin_ms, end_ms = last["begin_ms"], last["end_ms"]
    assert place_ms(heard, part(reference, begin_ms + 50, begin_ms + 300))[1] > 0.99
    assert place_ms(heard, part(reference, end_ms - 400, end_ms))[1] < 0.9
    assert steps(heard) <= steps(reference) + ROUNDING


def test_in_the_background_it_plays_on_and_leaves_the_terminal_alone(server, ssml):
    script = ssml("<s>Hello there.</s>")
    ours, theirs = os.openpty()
    before = termios.tcgetattr(theirs)
    job = f"set -m; {sys.executable} -m voiceguide play {script} --quiet & wait $!"
    shell = subprocess.Popen(
        ["setsid", "--ctty", "sh", "-c", job], env=server.env, stdin=theirs, stderr=theirs
    )
    os.write(ours, b"q q q\n")
    time.sleep(0.8)
    assert termios.tcgetattr(theirs) == before
    assert shell.wait(10) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_a_fade_and_leaves_nothing_behind(server, one, rendered, number):
    script, reference = rendered
    begin = one.here()
    terminal = Terminal(server, script)
    terminal.until("Hello")
    children = psutil.Process(terminal.process.pid).children(recursive=True)
    terminal.process.send_signal(number)
    assert terminal.end() == 128 + number
    assert not any(child.is_running() for child in children)
    assert steps(one.since(begin)) <= steps(reference) + ROUNDING


def test_after_ctrl_z_and_after_a_sleep_the_last_sentence_is_said_again(server, one, rendered):
    """No machine sleeps in a test: its process stands still, as it would."""
    script, reference = rendered
    begin = one.here()
    terminal = Terminal(server, script)
    terminal.until("Hello there")
    terminal.watch(0.6)
    terminal.process.send_signal(signal.SIGTSTP)
    status = psutil.Process(terminal.process.pid)
    for _ in range(40):
        terminal.watch(0.05)
        if status.status() == psutil.STATUS_STOPPED:
            break
    assert status.status() == psutil.STATUS_STOPPED
    assert terminal.is_restored
    time.sleep(0.5)
    terminal.process.send_signal(signal.SIGCONT)
    terminal.watch(1)
    terminal.press("nn")
    terminal.until("how it ends")
    terminal.watch(0.6)
    terminal.process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    terminal.process.send_signal(signal.SIGCONT)
    assert terminal.end() == 0
    heard = one.since(begin)
    sentences = events(script, "speech")
    for number in (0, -1):
        begin_ms = sentences[number]["begin_ms"]
        sentence = part(reference, begin_ms + 50, begin_ms + 300)  # it fades in again
        first, _ = place_ms(heard, sentence)
        heard[round(first * FRAMES_PER_MS) :][: len(sentence)] = 0
        assert place_ms(heard, sentence)[1] > 0.99, "it is heard once"
    begin_ms = sentences[-1]["begin_ms"] + 50
    whole = part(one.since(begin), 0, 60_000)
    assert place_ms(whole, part(reference, begin_ms, sentences[-1]["end_ms"]))[1] > 0.99


def test_a_lost_server_is_waited_for_and_it_goes_on_where_it_was_or_q_ends(
    own_server, rendered, tmp_path
):
    script, reference = rendered
    terminal = Terminal(own_server, script)
    terminal.until("Hello")
    own_server.kill()
    terminal.until("The loudspeaker is gone. Paused at 0:0")
    terminal.watch(6)  # longer than a server takes to restart
    own_server.start()
    recording = Recording(own_server, tmp_path / "again.raw")
    terminal.until("Stay quite still")
    own_server.kill()
    terminal.until("The loudspeaker is gone. Paused at 0:")
    terminal.press("q")
    assert terminal.end() == 0
    assert b"Stopped at 0:" in terminal.shown
    second, *_ = (event for event in events(script, "speech") if event["text"] == "The second.")
    heard = recording.since(0)
    assert place_ms(heard, part(reference, second["begin_ms"], second["end_ms"]))[1] > 0.99
    assert b"Traceback" not in terminal.shown
    for option in [
        ("--device", "miniaudio"),
        *[("--device", "simpleaudio"), ("--player", "simpleaudio")] * HAS_SIMPLEAUDIO,
    ]:
        done = voiceguide("play", script, *option, env=own_server.env)
        assert done.returncode == 1
        assert "no loudspeaker can be opened" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_an_idle_server_is_waited_for_and_one_that_does_not_answer_is_an_error(
    own_server, rendered
):
    script, _ = rendered
    playing = Terminal(own_server, script)  # to a sink that nobody records
    playing.until("Stay quite still")
    assert b"The loudspeaker is gone" not in playing.shown
    own_server.process.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    begun, interrupted = (Terminal(own_server, script, "--quiet") for _ in range(2))
    time.sleep(1.5)
    interrupted.process.send_signal(signal.SIGINT)
    assert interrupted.end() == 128 + signal.SIGINT
    assert begun.end() == 1
    assert b"the sound server does not answer" in begun.shown
    playing.until("The loudspeaker is gone")
    assert time.monotonic() - stopped < 20
    playing.press("q")
    assert playing.end() == 0


def test_an_engine_that_stalls_is_replaced(server, one, ssml, tmp_path, monkeypatch):
    monkeypatch.setitem(server.env, "VOICEGUIDE_CACHE_DIR", str(tmp_path / "empty"))
    script = ssml('<audio src="chime.wav"/><s>Hello there.</s>')
    begin = one.here()
    terminal = Terminal(server, script)
    stopped_voices(psutil.Process(terminal.process.pid))
    terminal.until("preparing")
    assert terminal.end(3 * LIMIT_S) == 0
    rendered = voiceguide("render", script, "-o", tmp_path / "it.wav", env=server.env)
    assert rendered.returncode == 0
    reference, heard = decode(tmp_path / "it.wav"), one.since(begin)
    assert place_ms(heard, part(reference, 1850, 2700))[1] > 0.99
    assert steps(heard) <= steps(reference) + ROUNDING


@pytest.fixture
def bus(server, monkeypatch):
    """Start a session bus of our own."""
    needs("dbus-daemon", "playerctl")
    pytest.importorskip("dbus_fast")
    command = ["dbus-daemon", "--session", "--nofork", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().strip()
        monkeypatch.setitem(server.env, "DBUS_SESSION_BUS_ADDRESS", address)
        yield address
        process.terminate()


@pytest.fixture
def power_manager(bus):
    """Start a stand-in for a desktop's power manager."""
    command = [sys.executable, Path(__file__).with_name("power_manager.py")]
    environment = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": bus}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.terminate()


def test_playerctl_steers_it_and_the_machine_stays_awake(server, one, rendered, power_manager):
    def playerctl(*arguments: str) -> str:
        command = ["playerctl", *arguments]
        return subprocess.run(
            command, env=server.env, check=True, capture_output=True, text=True
        ).stdout.strip()

    script, reference = rendered
    begin = one.here()
    terminal = Terminal(server, script)
    terminal.until("Hello there")
    assert power_manager.stdout.readline() == "stay awake\n"
    assert playerctl("metadata", "title") == "my"
    assert playerctl("metadata", "album") == "One"
    assert playerctl("status") == "Playing"
    assert 1.5 < float(playerctl("position")) < 5
    playerctl("pause")
    assert playerctl("status") == "Paused"
    terminal.watch(1)
    playerctl("position", "1.8")
    playerctl("play")
    terminal.watch(0.8)
    playerctl("next")
    terminal.until("The second")
    terminal.watch(0.7)
    assert playerctl("metadata", "album") == "Two"
    before_s = float(playerctl("position"))
    playerctl("position", "3+")
    assert 2.9 < float(playerctl("position")) - before_s < 4
    playerctl("position", "8.8")
    terminal.until("how it ends")
    terminal.watch(0.7)
    playerctl("previous")
    terminal.watch(0.7)
    assert playerctl("metadata", "album") == "Two"
    playerctl("stop")
    assert terminal.end() == 0
    assert power_manager.stdout.readline() == "sleep again\n"
    heard = one.since(begin)
    assert steps(heard) <= steps(reference) + ROUNDING
    assert np.diff(np.flatnonzero(np.abs(heard) > LOUD)).max() > 700 * FRAMES_PER_MS  # the pause
    hello, second, _, last = (event["begin_ms"] for event in events(script, "speech"))
    pieces = [(hello + 50, hello + 300), (last + 50, last + 300), (second + 50, second + 300)]
    places = [place_ms(heard, part(reference, *piece)) for piece in pieces]
    assert min(alike for _, alike in places) > 0.99, places
    assert places[0][0] < places[1][0]
