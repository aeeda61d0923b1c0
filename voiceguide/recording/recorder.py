"""Records phrases one by one with the microphone, on a terminal."""

from __future__ import annotations

import contextlib
import io
import threading
import time
import wave
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from voiceguide.audio.grid import RATE_HZ
from voiceguide.errors import RequestError, VoiceguideError
from voiceguide.files import write_bytes
from voiceguide.recording import phrases
from voiceguide.voices import Spoken
from voiceguide.voices.clip import finish
from voiceguide.voices.recordings import Recordings, digest_in
from voiceguide.voices.takes import LONGEST_S, SHORTEST_MS, Take, take

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from voiceguide.recording.phrases import Phrase

_QUIET_DBFS = -40.0  # the louder parts of speech; at a hand's breadth, they are at −30 to −15
_NOISY_DB = 20.0  # from the room to the louder parts; with less, the room is heard between words
_BUFFER_MS = 50
_KEY_S = 0.3  # the sound of the key that began it
_METER_S = 0.1
_METER_DB = 60
_BEFORE = "Enter: record   s: skip   b: back   q: quit   > "
_BEHIND = "Enter: keep   p: play   r: again   s: skip   q: quit   > "
_NOTHING = "Enter: again   s: skip   q: quit   > "


def run(folder: Path, names: Sequence[str] = ()) -> None:
    """Record the phrases of the list in ``folder`` that have no recording yet; save what is kept.

    With ``names`` (or numbers in the list), record these instead. Raises a VoiceguideError if the
    list, a phrase or the microphone is missing.
    """
    listed = phrases.read(folder)
    numbers = {one.name: number for number, one in enumerate(listed, 1)}
    waiting = [_named(name, listed) for name in names] or _missing(folder, listed)
    console = Console(highlight=False, markup=False, emoji=False)
    if not waiting:
        console.print(f"All {len(listed)} phrases are recorded.")
        return
    with contextlib.closing(Microphone()) as microphone:
        console.print(
            f"{len(waiting)} of {len(listed)} phrases to record. Leave a second of silence before "
            "and after each."
        )
        at = 0
        while 0 <= at < len(waiting):
            phrase = waiting[at]
            where = ": ".join(filter(None, (phrase.session, phrase.chapter)))
            console.rule(Text(f"{numbers[phrase.name]} of {len(listed)}   {where}"), align="left")
            console.print(Padding(Text(phrase.text, style="bold"), (1, 4)))
            step = _record(folder, phrase, microphone, console)
            if step is None:
                break
            at = max(0, at + step)
    left = len(_missing(folder, listed))
    console.print(
        f"{len(listed) - left} of {len(listed)} phrases are recorded in {folder}."
        + (" Run the command again to continue." if left else "")
    )


class Microphone:
    """The system's default microphone: mono, 48,000 Hz. It listens until it is closed."""

    def __init__(self) -> None:
        try:
            from voiceguide.player.miniaudio_device import microphone
        except ImportError as error:
            raise VoiceguideError(f"miniaudio cannot be loaded ({error})") from error
        self._blocks: list[bytes] | None = None
        self._bytes_left = 0
        self.level_dbfs = -np.inf
        self._device = microphone(self._hear, RATE_HZ, _BUFFER_MS)

    def begin(self) -> None:
        """Keep what is heard from now on, for at most LONGEST_S seconds."""
        self._bytes_left = 2 * LONGEST_S * RATE_HZ
        self._blocks = []

    @property
    def has_ended(self) -> bool:
        """Whether the limit is reached and no more is kept."""
        return not self._bytes_left

    def end(self) -> NDArray[np.float32]:
        """Return what was heard since ``begin``, within ±1, shape (1, frames)."""
        blocks, self._blocks = self._blocks or [], None
        samples = np.frombuffer(b"".join(blocks), dtype=np.int16)
        return (samples.astype(np.float32) / np.float32(32768))[None]

    def close(self) -> None:
        """Let go of the microphone."""
        self._device.close()

    def _hear(self, block: bytes) -> None:
        heard = np.frombuffer(block, dtype=np.int16).astype(np.float64) / 32768
        self.level_dbfs = 20 * np.log10(max(1e-5, np.abs(heard).max(initial=0.0)))
        blocks = self._blocks
        if blocks is not None and self._bytes_left:
            blocks.append(block[: self._bytes_left])
            self._bytes_left -= len(blocks[-1])


def _record(folder: Path, phrase: Phrase, microphone: Microphone, console: Console) -> int | None:
    """Record a phrase; return by how many phrases to move on, None to quit."""
    match _ask(console, _BEFORE, "sbq"):
        case "s":
            return 1
        case "b":
            return -1
        case "q":
            return None
    while True:
        samples = _take(microphone, console)
        taken = take(samples, RATE_HZ)
        is_phrase = taken.samples.size >= SHORTEST_MS * RATE_HZ // 1000
        clip = finish(Spoken(taken.samples, RATE_HZ)) if is_phrase else None
        length_s = samples.shape[1] / RATE_HZ
        console.print(f"{length_s:.1f} s: {_judge(taken, length_s)}")
        answer = "p"
        while answer == "p":
            answer = _ask(console, _NOTHING if clip is None else _BEHIND, "prsq")
            if answer == "p" and clip is not None:
                _play(clip.samples)
        if answer == "q":
            return None
        if answer == "s":
            return 1
        if answer == "" and clip is not None:
            _save(folder, phrase, samples)
            return 1


def _take(microphone: Microphone, console: Console) -> NDArray[np.float32]:
    time.sleep(_KEY_S)
    begin = time.monotonic()
    microphone.begin()
    with _meter(microphone, console):
        _line("")
    samples = microphone.end()
    if not samples.size and time.monotonic() - begin > 1:
        raise VoiceguideError("the microphone stopped sending sound; connect it again")
    return samples


@contextlib.contextmanager
def _meter(microphone: Microphone, console: Console) -> Iterator[None]:
    """Show the level during a recording."""
    ended = threading.Event()

    def show() -> None:
        while True:
            part = min(1.0, max(0.0, 1 + microphone.level_dbfs / _METER_DB))
            bar = "#" * round(20 * part)
            line = f"\rRecording [{bar:<20}]   Enter stops it "
            if microphone.has_ended:
                line = f"\rStopped: a phrase lasts at most {LONGEST_S} s.".ljust(len(line))
            console.file.write(line)
            console.file.flush()
            if ended.wait(_METER_S):
                return

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _judge(taken: Take, length_s: float) -> str:
    """Return an assessment of length and level."""
    if not taken.samples.size:
        return "silence; is it the right microphone, and is it on?"
    if taken.samples.size < SHORTEST_MS * RATE_HZ // 1000:
        return "too short for a phrase; stop after the last word"
    faults = []
    if length_s >= LONGEST_S:
        faults.append(f"stopped after {LONGEST_S} s: speak faster")
    if taken.clipped:
        faults.append("too loud, and cut off: move away, or turn the microphone down")
    if taken.speech_dbfs < _QUIET_DBFS:
        faults.append("quiet: move closer, or turn the microphone up")
    if taken.speech_dbfs - taken.floor_dbfs < _NOISY_DB:
        faults.append("the room is loud: find a quieter one, or move closer")
    return "; ".join(faults) or f"good ({taken.speech_dbfs:.0f} dB, room {taken.floor_dbfs:.0f} dB)"


def _save(folder: Path, phrase: Phrase, samples: NDArray[np.float32]) -> None:
    """Save a recording; it replaces an older one if that is a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE_HZ)
        writer.writeframes((samples[0] * 32768).astype("<i2").tobytes())
    old = Recordings(str(folder)).files.get(digest_in(phrase.name) or "")
    path = old if old and old.suffix.lower() == ".wav" else folder / f"{phrase.name}.wav"
    write_bytes(path, file.getvalue())


def _play(clip: NDArray[np.int16]) -> None:
    """Play a clip as it will be heard in a session."""
    import miniaudio

    from voiceguide.player.miniaudio_device import backends

    ended = threading.Event()

    def frames() -> Generator[NDArray[np.int16], int, None]:
        wanted = yield clip[:0]
        at = 0
        while at < len(clip):
            block = clip[at : at + wanted]
            at += len(block)
            wanted = yield block
        ended.set()

    reader = frames()
    next(reader)
    try:
        with miniaudio.PlaybackDevice(
            nchannels=1,
            sample_rate=RATE_HZ,
            buffersize_msec=_BUFFER_MS,
            backends=backends(),
            app_name="voiceguide",
        ) as device:
            device.start(reader)
            ended.wait(len(clip) / RATE_HZ + 2)
            time.sleep(2 * _BUFFER_MS / 1000)  # what is still in the device
    except miniaudio.MiniaudioError as error:
        raise VoiceguideError(f"no loudspeaker can be opened ({error}): connect one") from error


def _ask(console: Console, question: str, letters: str) -> str:
    """Return one of ``letters``, or "" for just Enter; the end of the input means "q"."""
    while True:
        console.file.write(question)
        answer = _line("q\n").strip().lower()[:1]
        if answer in letters:  # "" is in every string
            return answer


def _line(at_end: str) -> str:
    try:
        return input()
    except EOFError:
        return at_end


def _missing(folder: Path, listed: list[Phrase]) -> list[Phrase]:
    """Return the phrases without a recording, or with a bad one."""
    recordings = Recordings(str(folder))
    paths = {one.name: recordings.files.get(digest_in(one.name) or "") for one in listed}
    return [one for one in listed if (path := paths[one.name]) is None or recordings.verdict(path)]


def _named(name: str, listed: list[Phrase]) -> Phrase:
    if name.isdecimal() and 1 <= int(name) <= len(listed):
        return listed[int(name) - 1]
    digest = digest_in(name.rpartition(".")[0] or name)
    for one in listed:
        if digest is not None and digest == digest_in(one.name):
            return one
    raise RequestError(f"{name} is not in the list; give the name or number of a phrase")
