"""A process that answers: what hangs, crashes or takes too much there harms nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from voiceguide.child import Child, Limits, cores
from voiceguide.errors import LibraryError, VoiceError

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")

SCRIPT = """
import os, sys, time
from voiceguide.child import serve
from voiceguide.errors import LibraryError

class Work:
    def __init__(self, asker):
        print("a library prints this")
        self.asker = asker
        self.said = 0

    def echo(self, what):
        print("and this")
        self.said += 1
        return [what, self.said, self.asker.arguments]

    def keep(self):
        (self.asker.folder / "kept.txt").write_text("kept")
        return str(self.asker.folder)

    def pid(self):
        return os.getpid()

    def after(self, seconds, what):
        time.sleep(seconds)
        return [what, os.getpid()]

    def unfit(self):
        return object()

    def wrong(self):
        raise LibraryError("the library is wrong")

    def odd(self):
        return {}["key"]

    def crash(self):
        os._exit(3)

    def sleep(self):
        time.sleep(60)

    def compute(self, seconds):
        begin = time.process_time()
        while time.process_time() - begin < seconds:
            pass
        return seconds

    def fill(self, size):
        return len(bytearray(size))

serve(Work, at_once=int(sys.argv[-1]) if sys.argv[-1].isdigit() else 1)
"""


@pytest.fixture
def child(tmp_path):
    """Return what starts a process; those that were started are ended."""
    script = tmp_path / "work.py"
    script.write_text(SCRIPT)
    started = []

    def start(*arguments: str, **given) -> Child:
        made = Child(script, *arguments, name="the worker", failure=VoiceError, **given)
        started.append(made)
        return made

    yield start
    for one in started:
        one.close()


def test_it_answers_and_what_libraries_print_does_not_come_between(child):
    one = child("a", "b")
    assert one.ask(10, do="echo", what="ä\n\ud800") == ["ä\n\ud800", 1, ["a", "b"]]
    assert one.ask(10, do="echo", what="x" * 500_000) == ["x" * 500_000, 2, ["a", "b"]]


def test_errors_of_ours_are_raised_as_what_they_are_and_others_as_the_failure(child):
    one = child()
    with pytest.raises(LibraryError, match=r"^the library is wrong$"):
        one.ask(10, do="wrong")
    with pytest.raises(VoiceError, match="'key'"):
        one.ask(10, do="odd")
    assert one.ask(10, do="echo", what="")[1] == 1  # by the same process


def test_one_that_crashes_or_hangs_is_replaced_and_asked_once_more(child):
    one = child()
    first = one.ask(10, do="pid")
    with pytest.raises(VoiceError, match=r"^the worker crashed, and so did a new one; try “voice"):
        one.ask(10, do="crash")
    with pytest.raises(VoiceError, match=r"^the worker did not answer in 1 s, and so did "):
        one.ask(1, do="sleep")
    assert one.ask(10, do="pid") != first
    with pytest.raises(VoiceError, match=r"^the worker crashed$"):
        child(tries=1).ask(10, do="crash")


def test_two_are_answered_at_once_and_each_gets_its_own(child):
    one = child("2", at_once=2)
    one.ask(10, do="pid")
    with ThreadPoolExecutor(8) as pool:
        begin = time.monotonic()
        asked = [pool.submit(one.ask, 10, do="after", seconds=0.5, what=at) for at in range(8)]
        assert [answer.result()[0] for answer in asked] == list(range(8))
        assert 1.9 < time.monotonic() - begin < 3.5  # four times half a second, not eight times
        late, early = (pool.submit(one.ask, 10, do="after", seconds=s, what=s) for s in (1.5, 0.1))
        assert early.result()[0] == 0.1
        assert not late.done()  # it was asked first, and holds up nothing
        assert late.result()[0] == 1.5


def test_what_is_asked_beside_one_that_crashes_is_asked_again(child):
    one = child("2", at_once=2)
    one.ask(10, do="pid")
    with ThreadPoolExecutor(2) as pool:
        beside = pool.submit(one.ask, 10, do="after", seconds=1, what="said")
        time.sleep(0.3)
        with pytest.raises(VoiceError, match="the worker crashed"):
            one.ask(10, do="crash")
        assert beside.result()[0] == "said"


def test_of_two_that_are_answered_one_ends_the_process_as_it_would_alone(child):
    one = child("2", at_once=2, tries=1)
    one.ask(10, do="pid")
    with pytest.raises(VoiceError, match="the worker crashed"):
        one.ask(10, do="unfit")


@POSIX
def test_one_that_answers_two_is_told_to_end_and_ends_at_once(child):
    one = child("2", at_once=2, tries=1)
    folder = Path(one.ask(10, do="keep"))
    assert folder.is_dir()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(one.ask, 20, do="after", seconds=15, what="said")
        time.sleep(0.3)
        process = one.process
        process.terminate()
        process.wait(5)
        with pytest.raises(VoiceError, match="the worker crashed"):
            asked.result()
    assert not folder.exists()


@POSIX
def test_an_interrupted_thread_leaves_others_their_answers(child):
    one = child("2", at_once=2, tries=1)
    one.ask(10, do="pid")
    said = []

    def beside():
        time.sleep(0.3)  # the other one reads for both
        said.append(one.ask(10, do="after", seconds=2, what="said")[0])

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    thread = threading.Thread(target=beside, daemon=True)
    thread.start()
    try:
        signal.setitimer(signal.ITIMER_REAL, 1)
        with pytest.raises(KeyboardInterrupt):
            one.ask(10, do="after", seconds=5, what="not heard")
    finally:
        signal.signal(signal.SIGALRM, before)
    thread.join(10)
    assert said == ["said"]


def test_a_restart_waits_for_all_answers(child):
    one = child("2", at_once=2)
    first = one.ask(10, do="pid")
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(one.ask, 10, do="after", seconds=1, what=at) for at in range(2)]
        time.sleep(0.3)
        restarts = [pool.submit(one.restart) for _ in range(2)]
        assert [answer.result() for answer in asked] == [[0, first], [1, first]]
        assert [restart.result() for restart in restarts] == [None, None]
    assert one.ask(10, do="pid") != first


def test_what_is_closed_answers_no_more(child):
    one = child()
    one.ask(10, do="pid")
    process = one.process
    one.close()
    assert process.poll() is not None
    with pytest.raises(VoiceError, match=r"^the worker was closed$"):
        one.ask(10, do="pid")


@POSIX
def test_a_request_has_its_own_time_to_compute_however_long_that_takes(child):
    one = child(limits=Limits(cpu_s=1))
    for _ in range(3):  # more than one request may take, together
        assert one.ask(60, do="compute", seconds=0.5) == 0.5
    pid = one.ask(60, do="pid")
    says = r"^the worker needed more than 1 s of computing time$"  # and no second try
    with pytest.raises(VoiceError, match=says):
        one.ask(60, do="compute", seconds=30)
    assert one.ask(60, do="pid") != pid


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of memory are Linux's")
def test_memory_is_limited(child):
    one = child(limits=Limits(memory_bytes=200_000_000))
    assert one.ask(10, do="fill", size=100_000_000) == 100_000_000
    with pytest.raises(VoiceError, match="MemoryError"):
        one.ask(10, do="fill", size=300_000_000)
    assert one.ask(10, do="fill", size=100_000_000) == 100_000_000


@pytest.mark.slow
@POSIX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_its_folder_is_its_own_and_goes_with_it_and_with_the_one_who_asks(tmp_path, child, number):
    one = child()
    folder = Path(one.ask(10, do="keep"))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert folder.name.startswith("voiceguide-")
    one.close()
    assert not folder.exists()
    asks = (
        "import pathlib, sys, time; from voiceguide.child import Child; "
        "one = Child(pathlib.Path(sys.argv[1]), name='', failure=RuntimeError); "
        "print(one.ask(20, do='keep'), one.process.pid, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", asks, str(tmp_path / "work.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
        folder, pid = asking.stdout.readline().split()
        asking.send_signal(number)
    until = time.monotonic() + 10
    while Path(folder).exists() or psutil.pid_exists(int(pid)):
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("allowed", "threads"), [("1", 1), ("2", 2), ("9", 3), ("0", 1), ("4,2", None), (None, None)]
)
def test_as_many_threads_work_as_there_are_cores_or_as_are_allowed(monkeypatch, allowed, threads):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if allowed is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", allowed)
    assert cores(3) == (min(3, os.cpu_count() or 1) if threads is None else threads)
