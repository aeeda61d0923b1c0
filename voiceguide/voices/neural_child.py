"""What the processes of Piper and Kokoro share: loading a model, and speech with its words."""

from __future__ import annotations

import base64
import contextlib
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from voiceguide.errors import VoiceError
from voiceguide.voices import times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import onnxruntime

    Samples = np.ndarray[Any, np.dtype[np.float32]]
    """Mono, shape (frames,), within ±1."""

THREADS = 2
"""On any machine: with another number, the last bits of a sum may be others."""
FIX = "; get it again, or choose another --voice"
"""What helps if a model cannot be loaded."""
_AUDIBLE = 0.03  # of the peak
_SILENCE_S = 0.06  # longer than those within words
_GRAPH, _OUTPUT, _NAME = 7, 12, 1  # the numbers of the fields in ModelProto, GraphProto, ValueInfo


@contextlib.contextmanager
def explained(what: str, fix: str = "") -> Iterator[None]:
    """Raise VoiceError for any error: what went wrong, and why."""
    try:
        yield
    except Exception as error:
        raise VoiceError(f"{what}: {str(error) or type(error).__name__}{fix}") from error


def load(
    model: Path, folder: Path, durations: str, threads: int = THREADS
) -> onnxruntime.InferenceSession:
    """Load a model; its second output are the durations of its sounds, if it has such a tensor.

    ``durations`` is the tensor's name. What follows in a file of Protocol Buffers is added to what
    came before (https://protobuf.dev/programming-guides/encoding/#last-one-wins): a copy of the
    model in ``folder`` gets another output, without reading it. Raises what onnxruntime raises.
    """
    copy = folder / model.name
    try:
        shutil.copyfile(model, copy)
        with copy.open("ab") as file:
            file.write(field(_GRAPH, field(_OUTPUT, field(_NAME, durations.encode()))))
        with contextlib.suppress(Exception):  # without that tensor, it is refused
            return session(copy, threads)
    finally:
        copy.unlink(missing_ok=True)
    return session(model, threads)


def session(model: Path, threads: int = THREADS) -> onnxruntime.InferenceSession:
    """Load a model as it is, to run with so many threads; raises what onnxruntime raises."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(model), sess_options=options, providers=["CPUExecutionProvider"]
    )


def field(number: int, content: bytes) -> bytes:
    """Return a field of Protocol Buffers, of a number up to 15."""
    return head(number, len(content)) + content


def head(number: int, size: int) -> bytes:
    """Return what stands before the content of a field that has ``size`` bytes."""
    found = [number << 3 | 2]
    while size > 0x7F:  # noqa: PLR2004 (seven bits in each byte)
        found.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((*found, size))


class Speech:
    """Speech that grows, and when its sounds are heard."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._parts: list[Samples] = []
        self._frames = 0
        self._sounds: list[times.Sound] = []

    def pause(self, seconds: float) -> None:
        """Add silence, and the end of a word."""
        if self._parts:
            self._append(np.zeros(round(seconds * self._rate_hz), np.float32))
            self._sounds.append(times.Sound(" ", self._now_s, self._now_s))

    def add(self, samples: Samples, sounds: Iterable[tuple[str, float]]) -> None:
        """Add speech; ``sounds`` are phonemes and their durations in s, from its beginning on."""
        at_s = self._now_s
        for ipa, lasts_s in sounds:
            self._sounds.append(times.Sound(ipa, at_s, at_s + lasts_s))
            at_s += lasts_s
        self._append(samples)

    def answer(self, text: str, ipa: Callable[[str], str]) -> dict[str, object]:
        """Return 16 bit samples in base64, their rate, and the words of the text and their times.

        ``ipa`` returns how a word alone sounds.
        """
        samples = np.concatenate(self._parts or [np.zeros(0, np.float32)])
        pcm = np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        return {
            "pcm": base64.b64encode(pcm).decode(),
            "rate_hz": self._rate_hz,
            "words": times.at_onsets(times.of_sounds(text, self._sounds, ipa), self._onsets_ms()),
        }

    def _onsets_ms(self) -> list[float]:
        """Return where sound begins after silence."""
        found: list[float] = []
        begin = 0
        for part in self._parts:
            levels = np.abs(part)
            loud = np.flatnonzero(levels > _AUDIBLE * levels.max(initial=0.0))
            silent = np.diff(loud, prepend=-self._rate_hz) > _SILENCE_S * self._rate_hz
            found += ((begin + loud[silent]) / self._rate_hz * 1000).tolist()
            begin += part.size
        return found

    @property
    def _now_s(self) -> float:
        return self._frames / self._rate_hz

    def _append(self, samples: Samples) -> None:
        self._parts.append(samples)
        self._frames += samples.size
