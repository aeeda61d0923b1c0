"""espeak-ng's reading of a text: what it would say, in IPA, without speaking."""

from __future__ import annotations

import ctypes
import functools
import os
import re
from typing import TYPE_CHECKING

from voiceguide.errors import VoiceError
from voiceguide.languages import primary
from voiceguide.phonemes import for_espeak

if TYPE_CHECKING:
    from collections.abc import Iterator

_SYNCHRONOUS = 2  # of speak_lib.h, as all numbers here: samples go to a callback
UTF8 = 1
PHONEMES = 0x100  # text in [[ ]] is phonemes
IPA = 2
_FLAGS = re.compile(r"\([^)]+\)")  # around words that it reads in another language: (en) … (de)
_CLAUSE_END = re.compile(r"([.,;:!?…])[\"'”’“»)]*(?:\s+\S?)?$")
_VOICES = {"en": "en-us"}
"""Of the default voices of languages, those that are called otherwise."""
_SENTENCE_ENDS = (".", "!", "?")
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
_ignore = _CALLBACK(lambda *_: 0)
"""Takes samples; espeak-ng keeps it, so it stays as long as the process."""


@functools.cache
def loaded() -> ctypes.CDLL:
    """Return espeak-ng of the wheel; it is begun once in a process: it crashes if begun anew.

    Raises VoiceError if it cannot read its data.
    """
    import espeakng_loader

    espeak = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path()
    if espeak.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data), 0) < 0:
        raise VoiceError(f"espeak-ng cannot read its data in {data}")
    espeak.espeak_TextToPhonemes.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    espeak.espeak_TextToPhonemes.restype = ctypes.c_char_p
    espeak.espeak_SetSynthCallback(_ignore)
    return espeak


def read_marks(*, marked: bool) -> None:
    """Let text in [[ ]] be phonemes or not: TextToPhonemes keeps the flag of the last synthesis."""
    flags = UTF8 | (PHONEMES if marked else 0)
    loaded().espeak_Synth(b" ", 2, 0, 0, 0, flags, None, None)


def clauses(text: str, mode: int) -> Iterator[tuple[str, str, str]]:
    """Yield each clause as it sounds and as it is written, and the first letter of the next one.

    espeak-ng reads that letter too. ``mode`` is ``IPA``, and what can be added to it.
    """
    buffer = ctypes.create_string_buffer(text.encode())
    begin = ctypes.addressof(buffer)
    left = ctypes.c_void_p(begin)
    while left.value is not None:
        first = left.value - begin
        ipa = loaded().espeak_TextToPhonemes(ctypes.byref(left), UTF8, mode) or b""
        last = None if left.value is None else left.value - begin
        read = buffer.value[first:last].decode(errors="ignore")
        end = len(read) if last is None else -1
        yield ipa.decode(), read[:end], read[end:]


class Espeak:
    """espeak-ng, for phonemes only; it serves one thread at a time."""

    def __init__(self) -> None:
        self._espeak = loaded()

    def ipa(self, text: str, language: str) -> str:
        """Return a text in IPA, as the default voice of a language says it.

        Words may already be in IPA, within [[ ]]. Raises VoiceError for an unknown language.
        """
        voice = _VOICES.get(language.lower(), language)
        return " ".join(self.sentences(for_espeak(text, language), voice))

    def sentences(self, text: str, voice: str) -> list[str]:
        """Return the sentences of a text in IPA, with their punctuation.

        ``voice`` is one of espeak-ng's, such as "en-us". What stands in [[ ]] is in its mnemonics
        (see ``voiceguide.phonemes.for_espeak``), and is read in its context. Raises
        VoiceError for an unknown voice.
        """
        sentences = [""]
        for ipa, end in self._clauses(text, voice):
            if sentences[-1].endswith(_SENTENCE_ENDS):
                sentences.append("")
            sentences[-1] = f"{sentences[-1]} {ipa}{'.' if end == '…' else end}".strip()
        return [sentence for sentence in sentences if sentence]

    def _clauses(self, text: str, voice: str) -> Iterator[tuple[str, str]]:
        """Yield each clause in IPA, with the punctuation that ends it."""
        names = (voice.lower().replace("_", "-"), primary(voice))
        if all(self._espeak.espeak_SetVoiceByName(name.encode()) for name in names):
            raise VoiceError(f"espeak-ng has no voice for “{voice}”")
        read_marks(marked=True)
        for ipa, written, behind in clauses(text, IPA):
            end = _CLAUSE_END.search(written + behind)
            clause = " ".join(_FLAGS.sub("", ipa).split())
            if clause:
                yield clause, end[1] if end else ""
