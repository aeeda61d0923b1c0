"""A short sound -> how likely each of some texts is what was said, by Moonshine's smallest model.

The model writes down English. It is asked how likely it is to write each text, with a capital or
without, with any sign at the end or none; and what it would write, of all that can be written.
"""

from __future__ import annotations

import importlib.util
import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from voiceguide.errors import VoiceguideError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
_NO_LETTER = re.compile(r"[^\w' ]+")


class Judgement(NamedTuple):
    """What was said, as far as one can tell."""

    likely: NDArray[np.float64]
    """Of each text, ln of how likely it is."""
    written: str
    """What it most likely is, of all that can be written, in small letters; "" if nothing is."""
    written_likely: float
    """Of that, ln of how likely it is."""


class Moonshine:
    """Knows some texts."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Load the model. Raises VoiceguideError if it is missing."""
        folder = _folder()
        try:
            import onnxruntime
        except ImportError as error:
            raise _missing("onnxruntime") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(folder / f"{part}.ort", options)
            for part in ("encoder_model", "decoder_model_merged")
        )
        self._tokens = _tokens((folder / "tokenizer.bin").read_bytes())
        number = {token: at for at, token in enumerate(self._tokens)}
        self._ends = [number[sign.encode()] for sign in _SIGNS] + [_END]
        cases = [(one[:1].upper() + one[1:], one[:1].lower() + one[1:]) for one in texts]
        self._said = [_encoded(text, number) for both in cases for text in both]
        longest = max(map(len, self._said), default=0)
        self._given = np.full((len(self._said), longest + 1), _END, np.int64)
        for row, tokens in zip(self._given, self._said, strict=True):
            row[: len(tokens) + 1] = [_BEGIN, *tokens]

    def judge(self, samples: NDArray[np.float32]) -> Judgement:
        """Return what a sound most likely is: mono at 16 kHz, within ±1, at most some seconds."""
        sound = samples[None]
        mask = np.ones(sound.shape, np.int64)
        heard = self._encoder.run(None, {"input_values": sound, "attention_mask": mask})[0]
        after = self._after(heard, len(samples), self._given)
        likely = [
            sum(row[at, token] for at, token in enumerate(tokens))
            + np.logaddexp.reduce(row[len(tokens), self._ends])
            for row, tokens in zip(after, self._said, strict=True)
        ]
        both = np.reshape(likely, (-1, 2))
        return Judgement(np.logaddexp(both[:, 0], both[:, 1]), *self._written(heard, len(samples)))

    def _written(self, heard: NDArray[np.float32], length: int) -> tuple[str, float]:
        """Return what is most likely written, and ln of how likely that is."""
        tokens, likely = [_BEGIN], 0.0
        while len(tokens) <= _LONGEST:
            after = self._after(heard, length, np.array([tokens]))[0, -1]
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
        self, heard: NDArray[np.float32], length: int, tokens: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Return ln of how likely each token comes after each of the given; shape (…, tokens)."""
        rows = len(tokens)
        given: dict[str, Any] = {
            "input_ids": tokens,
            "encoder_hidden_states": np.repeat(heard, rows, axis=0),
            "encoder_attention_mask": np.ones((rows, length), np.int64),
            "use_cache_branch": np.array([False]),
        }
        for one in self._decoder.get_inputs():
            if one.name not in given:  # what was kept of tokens before: nothing
                _, heads, _, size = one.shape
                given[one.name] = np.zeros((rows, heads, 0, size), np.float32)
        scores: NDArray[np.float32] = self._decoder.run(["logits"], given)[0]
        scores -= scores.max(axis=-1, keepdims=True)
        scores -= np.log(np.exp(scores).sum(axis=-1, keepdims=True))
        return scores


def _folder() -> Path:
    """Return where the model is: in the wheel of moonshine-voice, whose code is not needed."""
    found = importlib.util.find_spec("moonshine_voice")
    for place in (found and found.submodule_search_locations) or ():
        folder = Path(place) / "assets" / "tiny-en"
        if (folder / "encoder_model.ort").is_file():
            return folder
    raise _missing("moonshine-voice")


def _missing(what: str) -> VoiceguideError:
    return VoiceguideError(f"listening needs {what}: pip install 'voiceguide[listen]'")


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


def _encoded(text: str, number: dict[bytes, int]) -> Sequence[int]:
    """Return the tokens of a text: of two that stand side by side, the earliest is made first."""
    parts = [sign.encode() for sign in f" {text}".replace(" ", _SPACE)]
    while True:
        pairs = [number.get(one + other, _NONE) for one, other in pairwise(parts)]
        if min(pairs, default=_NONE) == _NONE:
            return [number.get(part, 0) for part in parts]
        at = pairs.index(min(pairs))
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
