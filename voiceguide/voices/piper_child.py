"""The process in which Piper speaks; its argument is the model."""

from __future__ import annotations

import base64
import json
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from voiceguide.child import Asker, serve
from voiceguide.errors import VoiceError

if TYPE_CHECKING:
    from voiceguide.voices.espeak import Espeak

NORMS = {
    "en": "Sit on the floor, lean back on your hands, and let your leg rest on the ball. "
    "Breathe in through the nose, and out slowly through the mouth. "
    "Step back with the treated leg into a wide lunge, and push the hips forward.",
    "de": "Setz dich hin, stütz dich auf die Hände, und lass das Bein auf dem Ball ruhen. "
    "Atme durch die Nase ein, und langsam durch den Mund wieder aus. "
    "Such mit den Fingern die empfindliche Stelle, und leg den Ball darunter.",
}
"""What a voice says to have its pace measured, so that a rate means the same for every voice."""
COUNTING = "1 2 3 4 5 6 7 8 9 10", 10.9
"""The same for all other languages, and for how many words it counts: at what is 150 words a minute
elsewhere, it lasts 4.4 s (the median of twenty languages, spoken by espeak-ng; measured)."""
UNKNOWN_WPM = 160
"""The pace of a voice that says nothing when it is measured."""
GAP_S = 0.385
"""The gap between sentences at 150 words per minute, as long as espeak-ng's (measured)."""
LEAST_SCALE = 0.2
"""Faster, a model drops sounds."""
AUDIBLE = 0.01  # of the peak
THREADS = 2
"""On any machine: with another number, the last bits of a sum are others."""
NOISE = 0.0
"""Without noise a phrase is always the same: onnxruntime cannot be seeded for each phrase."""

Samples: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


class Speaker:
    """A model, and the natural pace of its speakers."""

    def __init__(self, asker: Asker) -> None:
        """Load the model; raises VoiceError."""
        model = Path(asker.arguments[0])
        self._name = model.name
        try:
            self._load(model)
        except Exception as error:
            raise VoiceError(
                f"{model} cannot be loaded: {error or type(error).__name__}"
            ) from error
        self._espeak: Espeak | None = None

    def _load(self, model: Path) -> None:
        import onnxruntime
        from piper import PiperVoice
        from piper.config import PiperConfig

        # PiperVoice.load takes no options; the arena would keep the memory of the longest sentence.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._config = PiperConfig.from_dict(
            json.loads(model.with_name(f"{model.name}.json").read_text("utf-8"))
        )
        self._voice = PiperVoice(
            onnxruntime.InferenceSession(
                str(model), sess_options=options, providers=["CPUExecutionProvider"]
            ),
            self._config,
            download_dir=model.parent,
        )

    def speak(
        self,
        text: str,
        rate: int,
        lasts_s: list[float],
        speaker: int | None,
        phonemes: str | None = None,
    ) -> dict[str, object]:
        """Return 16 bit samples in base64, and their rate; raises VoiceError.

        ``lasts_s`` is what ``paces`` returned. ``phonemes`` is the text with espeak's mnemonics in
        [[ ]].
        """
        try:
            text = text.replace("[[", "[ [")  # Piper takes text in [[ ]] for phonemes
            if phonemes and self._config.phoneme_type == "espeak":
                text = self._in_ipa(phonemes)
            parts = self._synthesize(text, speaker, self._slower(rate, lasts_s))
        except Exception as error:
            raise VoiceError(f"{self._name} failed: {error or type(error).__name__}") from error
        gap = np.zeros(round(GAP_S * 150 / rate * self._config.sample_rate), np.float32)
        samples = np.concatenate([piece for part in parts for piece in (part, gap)][:-1] or [gap])
        pcm = np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        return {"pcm": base64.b64encode(pcm).decode(), "rate_hz": self._config.sample_rate}

    def paces(self, speaker: int | None) -> list[float]:
        """Return how long the text for measuring lasts at length scales of 1 and 2, in seconds.

        Raises VoiceError.
        """
        text, words = self._norm()
        try:
            lasts_s = [
                sum(map(self._heard_s, self._synthesize(text, speaker, slower)))
                for slower in (1.0, 2.0)
            ]
        except Exception as error:
            raise VoiceError(f"{self._name} failed: {error or type(error).__name__}") from error
        if not 0 < lasts_s[0] < lasts_s[1]:
            lasts_s = [60 * words / UNKNOWN_WPM, 120 * words / UNKNOWN_WPM]
        return lasts_s

    def _norm(self) -> tuple[str, float]:
        """Return the text for measuring, and for how many words it counts."""
        text = NORMS.get(self._config.espeak_voice.partition("-")[0])
        return COUNTING if text is None else (text, len(text.split()))

    def _slower(self, rate: int, lasts_s: list[float]) -> float:
        """Return the length scale for a rate; how long speech lasts is linear in it (measured)."""
        once_s, twice_s = lasts_s
        wanted_s = 60 * self._norm()[1] / rate
        return max(LEAST_SCALE, 1 + (wanted_s - once_s) / (twice_s - once_s))

    def _in_ipa(self, phonemes: str) -> str:
        """Return a text with each of its sentences in IPA, a line each, as Piper takes it.

        Piper would read what stands between phonemes as if it were alone, and stress its last word.
        """
        from voiceguide.voices.espeak import Espeak

        self._espeak = self._espeak or Espeak()
        sentences = self._espeak.sentences(phonemes, self._config.espeak_voice)
        return "\n".join(f"[[{unicodedata.normalize('NFD', one)}]]" for one in sentences)

    def _heard_s(self, samples: Samples) -> float:
        levels = np.abs(samples)
        loud = np.flatnonzero(levels > AUDIBLE * levels.max(initial=0.0))
        return (loud[-1] - loud[0] + 1) / self._config.sample_rate if loud.size else 0.0

    def _synthesize(self, text: str, speaker: int | None, slower: float) -> list[Samples]:
        """Return the sentences of a text."""
        from piper.config import SynthesisConfig

        settings = SynthesisConfig(
            speaker_id=speaker,
            length_scale=self._config.length_scale * slower,
            noise_scale=NOISE,
            noise_w_scale=NOISE,
            normalize_audio=False,  # sentence by sentence, it would be uneven
        )
        return [
            chunk.audio_float_array
            for line in text.split("\n")
            for chunk in self._voice.synthesize(line, settings)
        ]


if __name__ == "__main__":
    serve(Speaker)
