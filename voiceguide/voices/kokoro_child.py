"""The process in which Kokoro speaks; its arguments are the model and the folder of its voices."""

from __future__ import annotations

import base64
import ctypes
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from voiceguide.child import Asker, serve
from voiceguide.errors import VoiceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Sound = np.ndarray[Any, np.dtype[np.float32]]
"""Mono, shape (frames,), within ±1, at RATE_HZ."""

RATE_HZ = 24_000
STYLES = (510, 1, 256)  # a row for each number of tokens, as float32
PAD = 0
VOICES = {False: "en-us", True: "en"}
"""espeak-ng's, for American and British."""
TOKENS = {
    character: number
    for first, characters in {
        1: ";:,.!?",
        9: '—…"()“” \u0303ʣʥʦʨᵝ\uab67AI',
        31: "O",
        33: "Q",
        35: "ST",
        39: "W",
        41: "Yᵊabcdef",
        50: "hijklmnopqrstuvwxyzɑɐɒæ",
        75: "βɔɕç",
        80: "ɖðʤə",
        85: "ɚɛɜ",
        90: "ɟ",
        92: "ɡ",
        99: "ɥ",
        101: "ɨɪʝ",
        110: "ɯɰŋɳɲɴø",
        118: "ɸθœ",
        123: "ɹ",
        125: "ɾɻ",
        128: "ʁɽʂʃʈʧ",
        135: "ʊʋ",
        138: "ʌɣɤ",
        142: "χʎ",
        147: "ʒʔ",
        156: "ˈˌː",
        162: "ʰ",
        164: "ʲ",
        169: "↓",
        171: "→↗↘",
        177: "ᵻ",
    }.items()
    for number, character in enumerate(characters, first)
}
"""The model's alphabet (config.json of Kokoro-82M 1.0)."""

TIE = "^"
"""What joins the letters of one phoneme in espeak's IPA."""
JOINED = {"d^ʒ": "ʤ", "t^ʃ": "ʧ", "a^ɪ": "I", "a^ʊ": "W", "e^ɪ": "A", "ɔ^ɪ": "Y"}
"""The model has one letter for each of these."""
OTHERS = {
    "ʔn\u0329": "tᵊn",
    "ə^l": "ᵊl",
    "\u0303": "",
    "e": "A",
    "r": "ɹ",
    "x": "k",
    "ç": "k",
    "ɐ": "ə",
    "ɬ": "l",
    "ʔ": "t",
    "ʲ": "",
}
AMERICAN = {
    "ɚ": "əɹ",
    "o^ʊ": "O",
    "ə^ʊ": "O",
    "ɜːɹ": "ɜɹ",
    "ɜː": "ɜɹ",
    "ɪ^ə": "iə",
    "ɾ": "T",
    "ː": "",
}
BRITISH = {"e^ə": "ɛː", "i^ə": "ɪə", "ə^ʊ": "Q", "o^ʊ": "Q", "ɚ": "ə", "ɾ": "t"}
SYLLABIC = "\u0329"  # below the consonant

PAUSES = ";:,.!?—…"
SENTENCE_ENDS = ".!?…"
DASHES = str.maketrans("–―", "——")

ESPEAK_SYNCHRONOUS = 2
ESPEAK_UTF8 = 1
ESPEAK_PHONEMES = 0x100  # text in [[ ]] is phonemes
ESPEAK_IPA = 0x02
ESPEAK_TIED = 0x80  # the character that ties is in the bits from 8 on

MOST_LETTERS = 100
"""How many letters of its alphabet the model gets at once: 8 s at 120 words a minute. It takes 510,
but each second of speech needs 180 MB of memory (measured)."""
MOST_THREADS = 4  # one sentence gains nothing from more
NORM_WPM = 176
NORM = ("Sit on the floor, lean back on your hands, and let your leg rest on the ball.", 5.44)
"""The text for measuring a voice's pace, and how many seconds its 16 words last at 176 words a
minute as heard, so that a rate means the same for every voice."""
PACES = (0.4, 2.5)
"""The plausible range of a voice's pace; outside, the measurement failed."""
GAPS_S = {True: 0.33, False: 0.16}
"""The gaps after a sentence, and within a long one, at 176 words per minute (as for Piper)."""
AUDIBLE = 0.01  # of the peak
MARGIN_S = 0.02  # kept at both ends, so that no sound's beginning or end is cut


class Piece(NamedTuple):
    """What the model speaks at once."""

    letters: str
    is_end: bool
    """Whether a sentence ends with it."""


class Clause(NamedTuple):
    """What espeak-ng takes in at once: up to a comma, or another such sign."""

    ipa: str
    pause: str
    """The sign at its end; "" if there is none."""


class Espeak:
    """The espeak-ng of the wheel, for phonemes only."""

    def __init__(self) -> None:
        import espeakng_loader

        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = os.fsencode(espeakng_loader.get_data_path())
        if self._library.espeak_Initialize(ESPEAK_SYNCHRONOUS, 0, data, 0) < 0:
            raise VoiceError(f"espeak-ng cannot read its data in {os.fsdecode(data)}")
        self._next_phonemes = self._library.espeak_TextToPhonemes
        self._next_phonemes.restype = ctypes.c_char_p
        self._next_phonemes.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]

    def clauses(self, text: str, voice: str, *, marked: bool) -> Iterator[Clause]:
        """Yield the clauses of a text; ``marked`` is whether it has phonemes within [[ ]]."""
        self._library.espeak_SetVoiceByName(voice.encode())
        # An option that only speech sets, so a space is spoken.
        flags = ESPEAK_UTF8 | (ESPEAK_PHONEMES if marked else 0)
        self._library.espeak_Synth(b" ", 2, 0, 0, 0, flags, None, None)
        content = text.translate(DASHES).encode()
        buffer = ctypes.create_string_buffer(content)
        begin = ctypes.addressof(buffer)
        at = ctypes.c_void_p(begin)
        mode = ESPEAK_IPA | ESPEAK_TIED | ord(TIE) << 8
        while at.value is not None:
            first = at.value - begin
            ipa = self._next_phonemes(ctypes.byref(at), ESPEAK_UTF8, mode) or b""
            # It has read the first character of the next clause too.
            last = None if at.value is None else at.value - begin
            read = content[first:last].decode(errors="ignore")
            if last is not None:
                read = read[:-1]
            signs = [sign for sign in re.sub(r".*\w", "", read, flags=re.DOTALL) if sign in PAUSES]
            yield Clause(ipa.decode().strip(), signs[0] if signs else "")


def letters(ipa: str, *, british: bool) -> str:
    """Return espeak's IPA, with its ties, in the model's alphabet."""
    for old, new in {**JOINED, **(BRITISH if british else AMERICAN), **OTHERS}.items():
        ipa = ipa.replace(old, new)
    ipa = re.sub(rf"(\w){SYLLABIC}", r"ᵊ\1", ipa).replace(TIE, "")
    ipa = ipa.replace("o", "ɔ")
    return "".join(letter for letter in ipa if letter in TOKENS)


def pieces(clauses: Iterable[Clause], *, british: bool) -> Iterator[Piece]:
    """Yield sentences in the model's alphabet; long ones in parts, each as long as possible.

    Phrases of one to three words are spoken as they are, with a full stop if they have no sign.
    Nothing else sounds better with am_michael, by Distill-MOS of ten phrases at 120 words a minute:
    as they are 3.91, without a sign 3.76, with “!” 3.90; the style for 15 tokens 3.92, for 30 3.87,
    60 3.80, 100 3.88, 200 3.78; slower (0.85) 3.81, faster (1.2) 3.80; cut from a longer text at
    the pause, behind it 3.86, before it 3.69. The judge marks down what is short: whole sentences
    have 4.53, and 1.2 s of the same 3.91 (their beginning) or 4.01 (their end).
    """
    sentence: list[str] = []
    for clause in clauses:
        spoken = letters(clause.ipa, british=british)
        if spoken:
            sentence.append(f"{spoken}{clause.pause}")
        if sentence and clause.pause in SENTENCE_ENDS:  # "" is in it too
            yield from _parts(sentence)
            sentence = []
    if sentence:
        yield from _parts(sentence)


def _parts(sentence: list[str]) -> Iterator[Piece]:
    fragments = [part for clause in sentence for part in _lines(clause)]
    part = fragments[0]
    for fragment in fragments[1:]:
        if len(part) + 1 + len(fragment) > MOST_LETTERS:
            yield Piece(part, is_end=False)
            part = fragment
        else:
            part = f"{part} {fragment}"
    ended = part if part[-1] in PAUSES else f"{part}."
    yield Piece(ended, is_end=True)


def _lines(clause: str) -> Iterator[str]:
    """Yield a clause; a long one in parts that end between words."""
    while len(clause) > MOST_LETTERS:
        at = clause.rfind(" ", 1, MOST_LETTERS)
        at = MOST_LETTERS if at < 0 else at
        yield clause[:at]
        clause = clause[at:].lstrip()
    if clause:
        yield clause


class Speaker:
    """A model, and espeak-ng."""

    def __init__(self, asker: Asker) -> None:
        """Load the model; raises VoiceError."""
        model, styles = map(Path, asker.arguments)
        self._name = model.name
        self._styles = styles
        try:
            self._load(model)
        except Exception as error:
            raise VoiceError(
                f"{model} cannot be loaded: {error or type(error).__name__}"
            ) from error
        self._espeak = Espeak()

    def _load(self, model: Path) -> None:
        import onnxruntime

        # One thread a core would leave none for the encoder, and the arena would keep the memory of
        # the longest sentence. The number of threads does not change the sound (measured).
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(MOST_THREADS, os.cpu_count() or 1)
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        names = {given.name for given in self._session.get_inputs()}
        [self._tokens] = names - {"style", "speed"}  # "tokens" or "input_ids"

    def speak(
        self, text: str, *, marked: bool, rate: int, style: str, pace: float
    ) -> dict[str, object]:
        """Return 16 bit samples in base64, and their rate; raises VoiceError.

        ``marked`` is whether the text has espeak's phonemes within [[ ]].
        """
        slower = NORM_WPM / rate
        parts: list[Sound] = []
        try:
            for piece in self._pieces(text, style, marked=marked):
                parts += [
                    self._synthesize(piece.letters, style, pace / slower),
                    silence(GAPS_S[piece.is_end] * slower),
                ]
        except Exception as error:
            raise VoiceError(f"{self._name} failed: {error or type(error).__name__}") from error
        samples = np.concatenate(parts[:-1] or [silence(0)])
        pcm = np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        return {"pcm": base64.b64encode(pcm).decode(), "rate_hz": RATE_HZ}

    def pace(self, style: str) -> float:
        """Return the speed at which a voice has the standard pace; raises VoiceError."""
        text, norm_s = NORM
        try:
            [piece] = self._pieces(text, style, marked=False)
            heard_s = self._synthesize(piece.letters, style, 1.0).size / RATE_HZ - 2 * MARGIN_S
        except Exception as error:
            raise VoiceError(f"{self._name} failed: {error or type(error).__name__}") from error
        pace = heard_s / norm_s
        return pace if PACES[0] <= pace <= PACES[1] else 1.0

    def _pieces(self, text: str, style: str, *, marked: bool) -> list[Piece]:
        british = style.startswith("b")
        clauses = self._espeak.clauses(text, VOICES[british], marked=marked)
        return list(pieces(clauses, british=british))

    def _synthesize(self, spoken: str, style: str, speed: float) -> Sound:
        """Return speech without silence at its ends."""
        tokens = [TOKENS[letter] for letter in spoken]
        rows = np.fromfile(self._styles / f"{style}.bin", "<f4").reshape(STYLES)
        given = {
            self._tokens: np.array([[PAD, *tokens, PAD]], np.int64),
            "style": rows[len(tokens)],
            "speed": np.array([speed], np.float32),
        }
        return trimmed(self._session.run(None, given)[0].reshape(-1))


def silence(seconds: float) -> Sound:
    """Return silence."""
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def trimmed(samples: Sound) -> Sound:
    """Return speech without silence at its ends, but for a short margin."""
    levels = np.abs(samples)
    loud = np.flatnonzero(levels > AUDIBLE * levels.max(initial=0.0))
    if not loud.size:
        return samples[:0]
    margin = round(MARGIN_S * RATE_HZ)
    return samples[max(0, loud[0] - margin) : loud[-1] + 1 + margin]


if __name__ == "__main__":
    serve(Speaker)
