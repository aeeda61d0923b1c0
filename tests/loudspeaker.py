"""What comes out of the loudspeaker: PulseAudio servers with null sinks, which are recorded."""

from __future__ import annotations

import os
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np

FRAMES_PER_MS = 48
LOUD = 180 / 32768  # −45 dBFS
LIMIT_S = 30


class Server:
    """A PulseAudio server of our own; ``env`` is the environment of its clients.

    The microphone hears what is played into the first sink.
    """

    def __init__(self, folder: Path, sinks: tuple[str, ...] = ("one",)) -> None:
        self._sinks = sinks
        self.env = {**os.environ, "XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
        for name in (
            "PULSE_SERVER",
            "PULSE_SINK",
            "PULSE_SOURCE",
            "DBUS_SESSION_BUS_ADDRESS",
            "DISPLAY",
        ):
            self.env.pop(name, None)
        self.start()

    def start(self) -> None:
        command = ["pulseaudio", "--daemonize=no", "--exit-idle-time=-1", "-n"]
        for sink in self._sinks:
            command += [f"--load=module-null-sink sink_name={sink} rate=48000 channels=2"]
        command += ["--load=module-native-protocol-unix"]
        settings = Path(self.env["HOME"], ".config/pulse/daemon.conf")
        settings.parent.mkdir(parents=True, exist_ok=True)
        # A realtime process that did not sleep for so long, the kernel kills. With shared memory,
        # the server itself ends when clients are killed (an assertion in its memblock.c).
        settings.write_text("rlimit-rttime = -1\nenable-shm = no\n", "utf-8")
        with Path(self.env["HOME"], "server.log").open("wb") as log:
            self.process = subprocess.Popen(command, env=self.env, stdout=log, stderr=log)
        for _ in range(100):
            command = ["pactl", "info"]
            if not subprocess.run(
                command, env=self.env, capture_output=True, check=False
            ).returncode:
                return
            time.sleep(0.05)
        raise RuntimeError("PulseAudio did not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def check(self) -> None:
        """Raise RuntimeError if it has ended by itself, which no test that uses it would say."""
        if self.process.poll() is not None:
            said = Path(self.env["HOME"], "server.log").read_text("utf-8", "replace")
            raise RuntimeError(f"PulseAudio ended ({self.process.returncode}): {said[-2000:]}")


class Recording:
    """What a sink plays: mono, 16 bit, from when the recorder runs steadily."""

    def __init__(self, server: Server, path: Path, sink: str = "one") -> None:
        self._path = path
        command = ["parec", "-d", f"{sink}.monitor", "--latency-msec=20", "--rate=48000"]
        command += ["--channels=1", "--format=s16le"]
        with path.open("wb") as file:
            self._process = subprocess.Popen(command, env=server.env, stdout=file)
        until = time.monotonic() + LIMIT_S
        while self.here() < 500 * FRAMES_PER_MS:  # an idle sink ends a block of up to 2 s first
            time.sleep(0.01)
            if time.monotonic() > until:
                raise RuntimeError("nothing is recorded")

    def here(self) -> int:
        """Return the number of frames so far."""
        return self._path.stat().st_size // 2

    def since(self, begin: int) -> np.ndarray:
        """Return the samples from ``begin`` until about now, within ±1."""
        time.sleep(0.3)
        return np.fromfile(self._path, "<i2", offset=2 * begin) / 32768

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()


class Terminal:
    """``voiceguide play`` on a terminal of its own."""

    def __init__(self, server: Server, *arguments: object, sink: str = "one") -> None:
        self._ours, self._theirs = os.openpty()
        self._before = termios.tcgetattr(self._theirs)
        self.began = time.time()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "voiceguide", "play", *map(str, arguments)],
            env={
                **server.env, "TERM": "xterm", "COLUMNS": "80", "LINES": "24", "PULSE_SINK": sink,
            },
            stdin=self._theirs,
            stdout=self._theirs,
            stderr=self._theirs,
            start_new_session=True,
        )  # fmt: skip
        self.shown = b""

    @property
    def is_restored(self) -> bool:
        return termios.tcgetattr(self._theirs) == self._before

    def press(self, keys: str, wait_s: float = 0.0) -> None:
        os.write(self._ours, keys.encode("utf-8", "surrogateescape"))
        self.watch(wait_s)

    def watch(self, seconds: float) -> None:
        """Read what is shown, for so long or until the command ends."""
        os.set_blocking(self._ours, False)
        until = time.monotonic() + seconds
        while True:
            try:
                self.shown += os.read(self._ours, 65536)
            except OSError:
                time.sleep(0.01)
            if time.monotonic() > until or self.process.poll() is not None:
                return

    def until(self, text: str, limit_s: float = 15) -> None:
        """Watch until ``text`` is shown from now on."""
        seen, until = len(self.shown), time.monotonic() + limit_s
        while text.encode() not in self.shown[seen:]:
            self.watch(0.05)
            assert time.monotonic() < until, self.shown[-500:]

    def end(self, limit_s: float = LIMIT_S) -> int:
        """Wait for the end; return the exit status."""
        self.watch(limit_s)
        if self.process.poll() is None:
            self.process.kill()
            raise AssertionError(f"hangs: {self.shown[-500:]!r}")
        assert self.is_restored, "the terminal was not restored"
        return self.process.returncode


def first_sound_ms(terminal: Terminal, recording: Recording, begin: int) -> float:
    """Return how long after its start a command was heard; at most what the recorder lags too much.

    ``begin`` is what ``recording.here`` gave before.
    """
    time.sleep(0.3)
    end, now = recording.here(), time.time()
    loud = np.flatnonzero(np.abs(recording.since(begin)) > LOUD)
    return (now - terminal.began) * 1000 - (end - begin - loud[0]) / FRAMES_PER_MS


def steps(samples: np.ndarray) -> float:
    """Return the largest step from one sample to the next: a click would be one."""
    return float(np.abs(np.diff(samples)).max())


def place_ms(heard: np.ndarray, part: np.ndarray) -> tuple[float, float]:
    """Return where ``part`` is heard best, in ms, and how well: 1 is exactly."""
    size = 1 << int(np.ceil(np.log2(len(heard) + len(part))))
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(part, size))
    match = np.fft.irfft(spectrum, size)[: len(heard) - len(part) + 1]
    power = np.concatenate([[0], np.cumsum(heard**2)])
    power = np.sqrt(np.maximum(power[len(part) :] - power[: -len(part)], 1e-6))[: len(match)]
    best = int(np.argmax(match / power))
    return best / FRAMES_PER_MS, match[best] / power[best] / np.sqrt((part**2).sum())
