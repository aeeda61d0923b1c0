"""Text -> clip. An engine speaks; the voice finishes, caches, and works ahead."""

from voiceguide.voices.clip import FRAMES_PER_MS, RATE_HZ, Samples
from voiceguide.voices.engine import Engine, Spoken, Utterance, VoiceInfo
from voiceguide.voices.voice import Voice

__all__ = [
    "FRAMES_PER_MS",
    "RATE_HZ",
    "Engine",
    "Samples",
    "Spoken",
    "Utterance",
    "Voice",
    "VoiceInfo",
]
