"""The process in which Piper speaks; its argument is the model."""

from __future__ import annotations

import base64
import json
import os
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from voiceguide.child import Asker, serve
from voiceguide.errors import VoiceError

if TYPE_CHECKING:
    from voiceguide.voices.espeak import Espeak

NORM_WPM = 140
NORMS = {
    "en": ("Sit on the floor, lean back on your hands, and let your leg rest on the ball.", 5.44),
    "de": ("Setz dich hin, stütz dich auf die Hände, und lass das Bein auf dem Ball ruhen.", 5.07),
}
"""The text for measuring a voice's pace, and how many seconds espeak-ng's calm voice takes for it
at 140 words per minute (measured), so that a rate means the same for every voice."""
COUNTING = ("1 2 3 4 5 6 7 8 9 10", 3.75)
"""The same for all other languages: the median of twenty (measured)."""
PACES = (0.4, 2.5)
"""The plausible range of a voice's pace, relative to Piper's; outside, the measurement failed."""
GAP_S = 0.33
"""The gap between sentences at 140 words per minute, as long as espeak-ng's (measured)."""
AUDIBLE = 0.01  # of the peak
MOST_THREADS = 4  # one sentence gains nothing from more


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
        self._paces: dict[int | None, float] = {}

    def _load(self, model: Path) -> None:
        import onnxruntime
        from piper import PiperVoice
        from piper.config import PiperConfig

        # PiperVoice.load takes no options: one thread a core would leave none for the encoder, and
        # the arena would keep the memory of the longest sentence.
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = min(MOST_THREADS, os.cpu_count() or 1)
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
        self, text: str, rate: int, speaker: int | None, phonemes: str | None = None
    ) -> dict[str, object]:
        """Return 16 bit samples in base64, and their rate; raises VoiceError.

        ``phonemes`` is the text with espeak's mnemonics in [[ ]].
        """
        slower = NORM_WPM / rate
        try:
            text = text.replace("[[", "[ [")  # Piper takes text in [[ ]] for phonemes
            if phonemes and self._config.phoneme_type == "espeak":
                text = self._in_ipa(phonemes)
            samples = self._synthesize(text, speaker, slower * self._pace(speaker), GAP_S * slower)
        except Exception as error:
            raise VoiceError(f"{self._name} failed: {error or type(error).__name__}") from error
        pcm = np.rint(samples * 32767).astype("<i2").tobytes()
        return {"pcm": base64.b64encode(pcm).decode(), "rate_hz": self._config.sample_rate}

    def _in_ipa(self, phonemes: str) -> str:
        """Return a text with each of its sentences in IPA, a line each, as Piper takes it.

        Piper would read what stands between phonemes as if it were alone, and stress its last word.
        """
        from voiceguide.voices.espeak import Espeak

        self._espeak = self._espeak or Espeak()
        sentences = self._espeak.sentences(phonemes, self._config.espeak_voice)
        return "\n".join(f"[[{unicodedata.normalize('NFD', one)}]]" for one in sentences)

    def _pace(self, speaker: int | None) -> float:
        """Return the factor for the length scale at which a speaker has the standard pace."""
        if speaker not in self._paces:
            language = self._config.espeak_voice.partition("-")[0]
            text, norm_s = NORMS.get(language, COUNTING)
            # without noise in their widths, phonemes always have the same length
            samples = self._synthesize(text, speaker, 1.0, 0.0, noise_w_scale=0.0)
            levels = np.abs(samples)
            loud = np.flatnonzero(levels > AUDIBLE * levels.max(initial=0.0))
            heard_s = (loud[-1] - loud[0] + 1) / self._config.sample_rate if loud.size else 0.0
            pace = norm_s / heard_s if heard_s else 1.0
            self._paces[speaker] = pace if PACES[0] <= pace <= PACES[1] else 1.0
        return self._paces[speaker]

    def _synthesize(
        self,
        text: str,
        speaker: int | None,
        slower: float,
        gap_s: float,
        noise_w_scale: float | None = None,
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        from piper.config import SynthesisConfig

        settings = SynthesisConfig(
            speaker_id=speaker,
            length_scale=self._config.length_scale * slower,
            noise_w_scale=noise_w_scale,
            normalize_audio=False,  # sentence by sentence, it would be uneven
        )
        gap = np.zeros(round(gap_s * self._config.sample_rate), np.float32)
        parts: list[np.ndarray[Any, np.dtype[np.float32]]] = []
        for line in text.split("\n"):
            for chunk in self._voice.synthesize(line, settings):
                parts += [chunk.audio_float_array, gap]
        return np.concatenate(parts[:-1] or [gap[:0]])


if __name__ == "__main__":
    serve(Speaker)
