"""A short sound -> how likely each of some texts is what was said, by Moonshine's smallest model.

The model writes down English. It is asked how likely it is to write a text, with a capital or
without, with any sign at the end or none; and what it would write, of all that can be written.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voiceguide.errors import VoiceguideError

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BEGIN, _END = 1, 2
"""The tokens around each text."""
_NONE = 1 << 30
"""The number of what is no token."""
_SIGNS = ".!?,"
_SPACE = "▁"
_LONGEST = 8
"""So many tokens of what it would write are looked at."""
_EMPTY = {"you", "oh", "uh", "um", "ah", "hm", "huh", "yeah", "and"}
"""What it writes where nothing is said."""
_GET = "pip install 'voiceguide[listen]'"
_NO_LETTER = re.compile(r"[^\w' ]+")


class Moonshine:
    """The model, in this process."""

    def __init__(self) -> None:
        """Load it. Raises VoiceguideError if it is missing, or cannot be read."""
        folder = _folder()
        try:
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            options.log_severity_level = 4
            self._encoder, self._decoder = (
                onnxruntime.InferenceSession(folder / f"{part}.ort", options)
                for part in ("encoder_model", "decoder_model_merged")
            )
            self._tokens = _tokens((folder / "tokenizer.bin").read_bytes())
        except ImportError as error:
            raise _missing("onnxruntime") from error
        except Exception as error:  # onnxruntime's are of no other kind
            raise VoiceguideError(f"{folder}: cannot be read; {_GET}") from error
        self._number = {token: at for at, token in enumerate(self._tokens)}
        self._ends = [self._number[sign.encode()] for sign in _SIGNS] + [_END]
        self._nothing = {
            one.name: one.shape for one in self._decoder.get_inputs() if "past" in one.name
        }
        self._rows: dict[str, list[list[int]]] = {}

    def hear(self, samples: NDArray[np.float32]) -> Said:
        """Return what a sound is: mono at 16 kHz, within ±1, of at least a frame (56 ms)."""
        sound = samples[None]
        given = {"input_values": sound, "attention_mask": np.ones(sound.shape, np.int64)}
        return Said(self, self._encoder.run(None, given)[0], len(samples))

    def likely(self, heard: NDArray[np.float32], length: int, text: str) -> float:
        """Return ln of how likely a text is.

        Each is judged alone: by what is judged with it, the model's small numbers are rounded.
        """
        if text not in self._rows:
            cases = {text[:1].upper() + text[1:], text[:1].lower() + text[1:]}
            self._rows[text] = [_encoded(one, self._number) for one in sorted(cases)]
        found = []
        for tokens in self._rows[text]:
            after = self._after(heard, length, [_BEGIN, *tokens])
            end = np.logaddexp.reduce(after[len(tokens), self._ends])
            found.append(sum(after[at, token] for at, token in enumerate(tokens)) + end)
        return float(np.logaddexp.reduce(found))

    def written(self, heard: NDArray[np.float32], length: int) -> tuple[str, float]:
        """Return what is most likely written, and ln of how likely that is."""
        tokens, likely = [_BEGIN], 0.0
        while len(tokens) <= _LONGEST:
            after = self._after(heard, length, tokens)[-1]
            token = int(after.argmax())
            if token in self._ends:
                likely += float(np.logaddexp.reduce(after[self._ends]))
                break
            likely += float(after[token])
            tokens.append(token)
        text = b"".join(self._tokens[token] for token in tokens[1:]).decode("utf-8", "replace")
        written = " ".join(_NO_LETTER.sub("", text.replace(_SPACE, " ").lower()).split())
        return ("" if written in _EMPTY else written), likely

    def _after(
        self, heard: NDArray[np.float32], length: int, tokens: list[int]
    ) -> NDArray[np.float32]:
        """Return ln of how likely each token comes after each of some; shape (some, tokens)."""
        given: dict[str, Any] = {
            name: np.zeros((1, heads, 0, size), np.float32)  # nothing is kept of those before
            for name, (_, heads, _, size) in self._nothing.items()
        }
        given["input_ids"] = np.array([tokens])
        given["encoder_hidden_states"] = heard
        given["encoder_attention_mask"] = np.ones((1, length), np.int64)
        given["use_cache_branch"] = np.array([False])
        scores: NDArray[np.float32] = self._decoder.run(["logits"], given)[0][0]
        scores -= scores.max(axis=-1, keepdims=True)
        scores -= np.log(np.exp(scores).sum(axis=-1, keepdims=True))
        return scores


class Said:
    """What was said, as far as the model can tell."""

    def __init__(self, model: Moonshine, heard: NDArray[np.float32], length: int) -> None:
        """Take what the model has heard of so many samples."""
        self._model, self._heard, self._length = model, heard, length

    def likely(self, text: str) -> float:
        """Return ln of how likely it is that this was said."""
        return self._model.likely(self._heard, self._length, text)

    @cached_property
    def written(self) -> tuple[str, float]:
        """What it most likely is, of all that can be written, and ln of how likely that is.

        It is in small letters, without signs; "" if nothing was said.
        """
        return self._model.written(self._heard, self._length)


def _folder() -> Path:
    """Return where the model is: in the wheel of moonshine-voice, whose code is not needed."""
    found = importlib.util.find_spec("moonshine_voice")
    for place in (found and found.submodule_search_locations) or ():
        folder = Path(place) / "assets" / "tiny-en"
        if folder.is_dir():
            return folder
    raise _missing("moonshine-voice")


def _missing(what: str) -> VoiceguideError:
    return VoiceguideError(f"listening needs {what}: {_GET}")


def _tokens(content: bytes) -> list[bytes]:
    """Return the tokens in a file: each is a length, of one byte or two, and so many bytes."""
    tokens, at = [], 0
    while at < len(content):
        length, at = content[at], at + 1
        if length >= 128:  # noqa: PLR2004 (the low seven bits; the others follow)
            length, at = content[at] * 128 + length - 128, at + 1
        tokens.append(content[at : at + length])
        at += length
    return tokens


def _encoded(text: str, number: dict[bytes, int]) -> list[int]:
    """Return the tokens of a text: of two that stand side by side, the earliest is made first."""
    parts = [sign.encode() for sign in f" {text}".replace(" ", _SPACE)]
    while True:
        pairs = [number.get(one + other, _NONE) for one, other in pairwise(parts)]
        if min(pairs, default=_NONE) == _NONE:
            return [number.get(part, 0) for part in parts]
        at = pairs.index(min(pairs))
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
