"""Audio files -> samples at their own rate, in a process of its own where they may be hostile.

A decoder that loops for ever cannot be stopped from Python, not even by Ctrl+C. So whatever is not
one of the program's own sounds is decoded by a child process with limits on time and memory.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from pedalboard.io import AudioFile, ReadableAudioFile

from voiceguide import files
from voiceguide.audio import header, mp3
from voiceguide.child import Asker, Child, Limits, serve
from voiceguide.errors import SoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LIMITS = Limits(cpu_s=10, memory_bytes=1_000_000_000)
"""CPU time and memory for an answer; a window takes a thousandth of this time."""
WALL_S = 120.0
"""How long an answer may take on a busy machine."""

_HISTORY = 32 * 1152
"""What libsndfile decodes before what is wanted. It begins four frames before by itself, but a
frame of few bits leans on more of them."""
_SKIPPED_AT_ONCE = 1 << 16
"""JUCE, which decodes any MP3, misses the target of a seek by up to two frames (48 ms, measured).
So it decodes from the beginning instead, at about 400 times the speed of the sound."""
_SKIPPED_IN_ALL = 1 << 25
"""The most for one answer: twelve minutes, decoded in about two seconds."""
_MOST_OPEN = 64
"""Files; what was closed is opened again when it is needed."""


class Facts(NamedTuple):
    """What is known of a file once it is open."""

    form: header.Form
    channels: int
    rate_hz: int
    frames: int


class Source:
    """An audio file that is read in parts, at its own rate; reading in order is fastest."""

    def __init__(self, path: Path) -> None:
        """Open a file of any format in ``header``; raises SoundError."""
        self._path, self._key = path, next(_keys)
        self._decoder: _Here | _Apart = _here if _is_ours(path) else _apart
        self.facts = self._decoder.facts(self._key, str(path))

    def read(self, begin: int, count: int) -> NDArray[np.float32]:
        """Return frames, shape (channels, frames), fewer at the end; raises SoundError."""
        while not self._decoder.go(self._key, str(self._path), begin):
            pass
        return self._decoder.read(self._key, str(self._path), begin, count)

    def close(self) -> None:
        """Close the file."""
        self._decoder.close(self._key)


class _Here:
    """Decodes in this process; the files that were used last stay open.

    A key stands for a file and the place where it is being read.
    """

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}
        self._using = threading.Lock()

    def facts(self, key: int, path: str) -> Facts:
        """Return what is known of a file; raises SoundError, as all of these do."""
        with self._used(key, path) as file:
            return file.facts

    def go(self, key: int, path: str, target: int) -> bool:
        """Go towards a frame; return whether it is reached."""
        with self._used(key, path) as file:
            return file.go(target)

    def read(self, key: int, path: str, begin: int, count: int) -> NDArray[np.float32]:
        """Return frames, shape (channels, frames), fewer at the end."""
        with self._used(key, path) as file:
            return file.read(begin, count)

    def close(self, key: int) -> None:
        with self._using:
            if key in self._open:
                self._open.pop(key).file.close()

    @contextlib.contextmanager
    def _used(self, key: int, path: str) -> Iterator[_Open]:
        with self._using, _readable(path):
            self._open[key] = file = self._open.pop(key, None) or _Open(Path(path))
            if len(self._open) > _MOST_OPEN:
                self._open.pop(next(iter(self._open))).file.close()
            yield file


class _Apart:
    """The same in a process that can be ended; each request says all that a new one needs."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._child: Child | None = None

    def facts(self, key: int, path: str) -> Facts:
        return Facts(*self._ask(path, do="facts", key=key))

    def go(self, key: int, path: str, target: int) -> bool:
        return bool(self._ask(path, do="go", key=key, target=target))

    def read(self, key: int, path: str, begin: int, count: int) -> NDArray[np.float32]:
        channels, name = self._ask(path, do="read_to", key=key, begin=begin, count=count)
        samples = np.fromfile(name, dtype=np.float32).reshape(channels, -1)
        Path(name).unlink()
        return samples

    def close(self, key: int) -> None:
        if self._child is not None:
            with contextlib.suppress(SoundError):  # it has ended
                self._child.ask(WALL_S, do="close", key=key)

    def end(self) -> None:
        """End the process."""
        if self._child is not None:
            self._child.close()

    def _ask(self, path: str, *, do: str, **work: object) -> Any:
        with self._starting:
            if self._child is None:
                self._child = Child(
                    Path(__file__), name="decoding", failure=_failure, limits=LIMITS, tries=1
                )
        name = f"{path}: decoding it"
        return self._child.ask(WALL_S, do=do, name=name, path=path, **work)


class Service(_Here):
    """What the process answers: as in this process, but samples go through a file."""

    def __init__(self, asker: Asker) -> None:
        super().__init__()
        self._folder = asker.folder
        self._names = map(str, itertools.count())

    def read_to(self, key: int, path: str, begin: int, count: int) -> tuple[int, str]:
        """Write samples into a file of their own; return their channels and its path."""
        samples = self.read(key, path, begin, count)
        name = self._folder / next(self._names)
        with _readable(path):
            samples.astype(np.float32, copy=False).tofile(name)
        return len(samples), str(name)


class _Open:
    """A file that is open, and where it is being read."""

    def __init__(self, path: Path) -> None:
        """Check the header of a file, then open it; raises OSError or ValueError."""
        form, channels, rate_hz, _ = header.read(path)
        self.file = _opened(path, form)
        self._in_order = form == "MP3" and not isinstance(self.file, _Indexed)
        self._first, padding = mp3.edges(path) if self._in_order else (0, 0)
        self._at = -self._first
        frames = max(0, int(self.file.frames) - self._first - padding)
        self.facts = Facts(form, int(self.file.num_channels), int(self.file.samplerate), frames)
        if (self.facts.channels, self.facts.rate_hz) != (channels, rate_hz):
            raise ValueError(f"it is {form}, but its header is damaged")

    def go(self, target: int) -> bool:
        """Seek to a frame; an MP3 may need several calls. Return whether it is reached."""
        if not self._in_order:
            if self._at != target:
                self.file.seek(target)
                self._at = target
            return True
        if self._at > target:
            self.file.seek(0)
            self._at = -self._first
        most = self._at + _SKIPPED_IN_ALL
        while self._at < min(target, most):
            skipped = self.file.read(min(_SKIPPED_AT_ONCE, target - self._at)).shape[1]
            if not skipped:  # it ends before
                return True
            self._at += skipped
        return self._at == target

    def read(self, begin: int, count: int) -> NDArray[np.float32]:
        """Return frames, shape (channels, frames), fewer at the end."""
        while not self.go(begin):
            pass
        if self._at < begin:
            return np.zeros((self.facts.channels, 0), dtype=np.float32)
        samples: NDArray[np.float32] = self.file.read(count)
        self._at += samples.shape[1]
        return samples


class _Indexed:
    """An MP3 whose Info frame is right, with pedalboard's interface; seeking takes 3 ms.

    libsndfile leaves out what the encoder added before and after the sound.
    """

    def __init__(self, path: Path) -> None:
        """Open it; raises RuntimeError."""
        from soundfile import SoundFile

        self._file = SoundFile(path)
        self.samplerate, self.num_channels = self._file.samplerate, self._file.channels
        self.frames = self._file.frames
        self._at = 0

    def read(self, count: int) -> NDArray[np.float32]:
        """Return the next frames, shape (channels, frames), fewer at the end."""
        before = max(0, self._at - _HISTORY)
        self._file.seek(before)  # it does so after each read too
        samples: NDArray[np.float32] = self._file.read(
            self._at + count - before, dtype="float32", always_2d=True
        )[self._at - before :]
        self._at += len(samples)
        return samples.T

    def seek(self, position: int) -> None:
        """Seek to the frame ``position``."""
        self._at = position

    def close(self) -> None:
        """Close it."""
        self._file.close()


class _Counted:
    """An MP3 whose header does not say how long it is, with pedalboard's interface.

    pedalboard guesses the length from the bit rate of the beginning, and stops reading there.
    """

    def __init__(self, path: Path) -> None:
        """Open it and count its frames, which takes 0.6 ms per minute; raises DecodeError."""
        import miniaudio  # slow to load, and for few files

        self._path = str(path)
        info = miniaudio.mp3_get_file_info(self._path)
        self.samplerate, self.num_channels = info.sample_rate, info.nchannels
        self.frames = info.num_frames
        self.seek(0)

    def read(self, count: int) -> NDArray[np.float32]:
        """Return the next frames, shape (channels, frames), fewer at the end; raises ValueError."""
        import miniaudio

        parts = [np.zeros((0, self.num_channels), dtype=np.float32)]
        while count:
            try:
                part = np.frombuffer(self._stream.send(min(count, _SKIPPED_AT_ONCE)), np.float32)
            except StopIteration:
                break
            except miniaudio.MiniaudioError as error:
                raise ValueError(str(error)) from error
            parts.append(part.reshape(-1, self.num_channels))
            count -= len(parts[-1])
        return np.concatenate(parts).T

    def seek(self, position: int) -> None:
        """Seek to the frame ``position``."""
        import miniaudio

        self._stream = miniaudio.stream_file(
            self._path, miniaudio.SampleFormat.FLOAT32, self.num_channels, self.samplerate,
            _SKIPPED_AT_ONCE, seek_frame=position,
        )  # fmt: skip

    def close(self) -> None:
        """Close it."""
        self._stream.close()


def _opened(path: Path, form: header.Form) -> ReadableAudioFile | _Indexed | _Counted:
    """Open a file so that its ``frames`` is right; raises OSError, RuntimeError or ValueError."""
    if str(path).encode(errors="replace") != os.fsencode(path):  # decoders take nothing else
        raise ValueError("its name, or that of its folder, is not UTF-8; rename it")
    if form == "MP3" and mp3.tells_size(path):
        return _Indexed(path)
    if form == "MP3" and not mp3.tells_length(path):
        import miniaudio

        with contextlib.suppress(miniaudio.DecodeError):
            return _Counted(path)
    return AudioFile(str(path))


@contextlib.contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        what: object = error.strerror if isinstance(error, OSError) and error.strerror else error
        if "supported format" in str(error):
            what = header.KNOWN
        elif isinstance(error, MemoryError):
            what = "it needs too much memory"
        raise SoundError(f"{path}: cannot be read as audio: {what}") from error


def _failure(what: str) -> SoundError:
    return SoundError(f"{what}; convert the file to WAV or FLAC")


def _is_ours(path: Path) -> bool:
    """Whether a file is one of the program's own sounds."""
    return any(path.is_relative_to(folder) for folder in files.folders("sounds")[-1:])


_keys = itertools.count()
_here = _Here()
_apart = _Apart()
atexit.register(_apart.end)


if __name__ == "__main__":
    serve(Service)
