"""The process in which Kokoro speaks; its arguments are the model and the folder of its voices."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from voiceguide.child import Asker, serve
from voiceguide.voices import espeak, neural_child, pace

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

ESPEAK_TIED = 0x80  # the character that ties is in the bits from 8 on

MOST_LETTERS = 100
"""How many letters of its alphabet the model gets at once: 8 s at 120 words a minute. It takes 510,
but twice as many letters need 220 MB more of memory (332 and 550 MB in all; measured)."""
GAPS_S = {True: 0.33, False: 0.16}
"""The gaps after a sentence, and within a long one, at 176 words per minute (as for Piper)."""
GAPS_WPM = 176
DURATIONS = "/encoder/Clip_output_0"
"""The tensor that has the length of each letter, in frames."""
FRAME_S = 0.025
AUDIBLE = 0.01  # of the peak
MARGIN_S = 0.02  # kept at both ends, so that no sound's beginning or end is cut


class Batch(NamedTuple):
    """What the model speaks at once."""

    letters: str
    is_end: bool
    """Whether a sentence ends with it."""


class Clause(NamedTuple):
    """What espeak-ng takes in at once: up to a comma, or another such sign."""

    ipa: str
    pause: str
    """The sign at its end; "" if there is none."""


def read(text: str, voice: str, *, marked: bool) -> Iterator[Clause]:
    """Yield the clauses of a text; ``marked`` is whether it has phonemes within [[ ]]."""
    espeak.loaded().espeak_SetVoiceByName(voice.encode())
    espeak.read_marks(marked=marked)
    mode = espeak.IPA | ESPEAK_TIED | ord(TIE) << 8
    for ipa, written, _ in espeak.clauses(text.translate(DASHES), mode):
        behind = re.sub(r".*\w", "", written, flags=re.DOTALL)
        yield Clause(ipa.strip(), next((sign for sign in behind if sign in PAUSES), ""))


def letters(ipa: str, *, british: bool) -> str:
    """Return espeak's IPA, with its ties, in the model's alphabet."""
    for old, new in {**JOINED, **(BRITISH if british else AMERICAN), **OTHERS}.items():
        ipa = ipa.replace(old, new)
    ipa = re.sub(rf"(\w){SYLLABIC}", r"ᵊ\1", ipa).replace(TIE, "")
    ipa = ipa.replace("o", "ɔ")
    return "".join(letter for letter in ipa if letter in TOKENS)


def pieces(clauses: Iterable[Clause], *, british: bool) -> Iterator[Batch]:
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


def _parts(sentence: list[str]) -> Iterator[Batch]:
    fragments = [part for clause in sentence for part in _lines(clause)]
    part = fragments[0]
    for fragment in fragments[1:]:
        if len(part) + 1 + len(fragment) > MOST_LETTERS:
            yield Batch(part, is_end=False)
            part = fragment
        else:
            part = f"{part} {fragment}"
    ended = part if part[-1] in PAUSES else f"{part}."
    yield Batch(ended, is_end=True)


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
        model, self._styles = map(Path, asker.arguments)
        self._name = model.name
        with neural_child.explained(f"{model} cannot be loaded", neural_child.FIX):
            self._session = neural_child.load(model, asker.folder, DURATIONS)
            names = {given.name for given in self._session.get_inputs()}
            [self._tokens] = names - {"style", "speed"}  # "tokens" or "input_ids"
        espeak.loaded()  # here it says what is wrong, if anything is

    def speak(
        self, text: str, *, marked: bool, rate: int, style: str, lasts_s: list[float]
    ) -> dict[str, object]:
        """Return an answer as of ``neural_child.Speech``; raises VoiceError.

        ``marked`` is whether the text has espeak's phonemes within [[ ]]; ``lasts_s`` is what
        ``paces`` returned.
        """
        speed = 1 / pace.scale(rate, "en", lasts_s)
        speech = neural_child.Speech(RATE_HZ)
        gap_s = 0.0
        with neural_child.explained(f"{self._name} failed"):
            for piece in self._pieces(text, style, marked=marked):
                speech.pause(gap_s)
                speech.add(*self._synthesize(piece.letters, style, speed))
                gap_s = GAPS_S[piece.is_end] * GAPS_WPM / rate

            def ipa(word: str) -> str:
                pieces = self._pieces(word, style, marked=marked)
                return "".join(piece.letters for piece in pieces)

            return speech.answer(text, ipa)

    def paces(self, style: str) -> list[float]:
        """Return how fast a voice is (``pace.measured``); raises VoiceError."""

        def lasts_s(text: str, scale: float) -> float:
            pieces = self._pieces(text, style, marked=False)
            return sum(
                pace.heard_s(self._synthesize(piece.letters, style, 1 / scale)[0], RATE_HZ)
                for piece in pieces
            )

        with neural_child.explained(f"{self._name} failed"):
            return pace.measured("en", lasts_s)

    def _pieces(self, text: str, style: str, *, marked: bool) -> list[Batch]:
        british = style.startswith("b")
        return list(pieces(read(text, VOICES[british], marked=marked), british=british))

    def _synthesize(
        self, spoken: str, style: str, speed: float
    ) -> tuple[Sound, list[tuple[str, float]]]:
        """Return speech without silence at its ends, and each letter and how long it lasts, in s.

        There are no letters if that is not known. The first one begins with the sound, which at a
        slow pace is long before the model's own padding ends.
        """
        tokens = [TOKENS[letter] for letter in spoken]
        rows = np.fromfile(self._styles / f"{style}.bin", "<f4").reshape(STYLES)
        given = {
            self._tokens: np.array([[PAD, *tokens, PAD]], np.int64),
            "style": rows[len(tokens)],
            "speed": np.array([speed], np.float32),
        }
        said, *others = self._session.run(None, given)
        begin, end = audible(said.reshape(-1))
        sounds: list[tuple[str, float]] = []
        for lengths in others:
            padding, first, *rest = (lengths.reshape(-1) * FRAME_S).tolist()
            first_s = max(0.0, padding + first - begin / RATE_HZ)
            sounds = list(zip((*spoken, ""), (first_s, *rest), strict=True))
        return said.reshape(-1)[begin:end], sounds


def audible(samples: Sound) -> tuple[int, int]:
    """Return where speech begins and ends, in frames, with a short margin; both 0 for silence."""
    levels = np.abs(samples)
    loud = np.flatnonzero(levels > AUDIBLE * levels.max(initial=0.0))
    if not loud.size:
        return 0, 0
    margin = round(MARGIN_S * RATE_HZ)
    return max(0, int(loud[0]) - margin), int(loud[-1]) + 1 + margin


if __name__ == "__main__":
    serve(Speaker)
