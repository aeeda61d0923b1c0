"""The process in which Piper speaks; its argument is the model."""

from __future__ import annotations

import json
import threading
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from voiceguide.child import Asker, serve
from voiceguide.voices import neural_child, pace, piper_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from piper import AudioChunk

    from voiceguide.voices.espeak import Espeak

GAP_S = 0.385
"""The gap between sentences at 150 words per minute, as long as espeak-ng's (measured)."""
NOISE = 0.0
"""Without noise a phrase is always the same: onnxruntime cannot be seeded for each phrase.

Phrases of one to three words are spoken as all others: nothing sounds clearly better. Distill-MOS
of twenty that sessions say, by en_US-joe-medium, finished: as they are 3.59; with a noise scale of
0.333 3.66; at 0.8 of their length 3.64, at 0.65 3.65; cut from a longer text, before its pause
3.56; with a space at both ends 3.55. Of sixteen others: as they are 3.58; with “!” 3.39, “?” 3.44,
“,” 3.36, “;” 3.47, without a sign 3.45; cut from a longer text, behind its pause 3.37, between two
pauses 3.43; the second of two 3.48, the middle of three 3.42. Single phrases are between 2.7 and
4.3, and each way moves them by 0.3 up or down (tests/benchmarks/compare_piper.py).
"""
_EDGES = "^$"
"""What Piper puts before the first and behind the last phoneme of a sentence."""


class Speaker:
    """A model, and the natural pace of its speakers."""

    def __init__(self, asker: Asker) -> None:
        """Load the model; raises VoiceError."""
        model = Path(asker.arguments[0])
        self._name = model.name
        with neural_child.explained(f"{model} cannot be loaded", neural_child.FIX):
            self._load(model, asker.folder)
        self._espeak: Espeak | None = None
        self._reading = threading.Lock()

    def _load(self, model: Path, folder: Path) -> None:
        from piper import PiperVoice
        from piper.config import PiperConfig

        self._config = PiperConfig.from_dict(
            json.loads(model.with_name(f"{model.name}.json").read_text("utf-8"))
        )
        session = piper_model.load(model, folder)
        self._voice = PiperVoice(session, self._config, download_dir=model.parent)

    def speak(
        self,
        text: str,
        rate: int,
        lasts_s: list[float],
        speaker: int | None,
        phonemes: str | None = None,
    ) -> dict[str, object]:
        """Return an answer as of ``neural_child.Speech``; raises VoiceError.

        ``lasts_s`` is what ``paces`` returned. ``phonemes`` is the text with espeak's mnemonics in
        [[ ]].
        """
        marked = bool(phonemes) and self._config.phoneme_type == "espeak"
        said = phonemes if marked and phonemes else text.replace("[[", "[ [")
        scale = pace.scale(rate, self._config.espeak_voice, lasts_s)
        speech = neural_child.Speech(self._config.sample_rate)
        with neural_child.explained(f"{self._name} failed"):
            for chunk in self._synthesize(self._in_ipa(said) if marked else said, speaker, scale):
                speech.pause(GAP_S * 150 / rate)
                speech.add(chunk.audio_float_array, self._sounds(chunk))
            return speech.answer(said, self._ipa)

    def paces(self, speaker: int | None) -> list[float]:
        """Return how fast the speaker is (``pace.measured``); raises VoiceError."""

        def lasts_s(text: str, scale: float) -> float:
            chunks = self._synthesize(text, speaker, scale)
            return sum(
                pace.heard_s(chunk.audio_float_array, self._config.sample_rate) for chunk in chunks
            )

        with neural_child.explained(f"{self._name} failed"):
            return pace.measured(self._config.espeak_voice, lasts_s)

    def _sounds(self, chunk: AudioChunk) -> Iterator[tuple[str, float]]:
        """Yield the phonemes of a sentence, and how long each lasts in s; none if not known."""
        for sound in chunk.phoneme_alignments or ():
            ipa = "" if sound.phoneme in _EDGES else sound.phoneme
            yield ipa, sound.num_samples / self._config.sample_rate

    def _ipa(self, word: str) -> str:
        """Return how a word alone sounds; it may have phonemes in [[ ]]."""
        if "[[" in word:
            word = self._in_ipa(word)
        return "".join(sound for sentence in self._voice.phonemize(word) for sound in sentence)

    def _in_ipa(self, phonemes: str) -> str:
        """Return a text with each of its sentences in IPA, a line each, as Piper takes it.

        Piper would read what stands between phonemes as if it were alone, and stress its last word.
        """
        from voiceguide.voices.espeak import Espeak

        with self._reading:
            self._espeak = self._espeak or Espeak()
            sentences = self._espeak.sentences(phonemes, self._config.espeak_voice)
        return "\n".join(f"[[{unicodedata.normalize('NFD', one)}]]" for one in sentences)

    def _synthesize(self, text: str, speaker: int | None, scale: float) -> Iterator[AudioChunk]:
        """Yield the sentences of a text."""
        from piper.config import SynthesisConfig

        settings = SynthesisConfig(
            speaker_id=speaker,
            length_scale=self._config.length_scale * scale,
            noise_scale=NOISE,
            noise_w_scale=NOISE,
            normalize_audio=False,  # sentence by sentence, it would be uneven
        )
        for line in text.split("\n"):
            yield from self._voice.synthesize(line, settings, include_alignments=True)


if __name__ == "__main__":
    serve(Speaker, at_once=piper_model.AT_ONCE)
