"""What an MP3's Info frame says: its length, its size, and the padding that the encoder added."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voiceguide.audio.header import after_tag

if TYPE_CHECKING:
    from pathlib import Path

_DECODER_DELAY = 529  # samples that every decoder adds to the encoder's delay
_INFO_END = 44  # “Info” is within this many bytes of the first frame
_LOOKED_AT_BYTES = 500
_FRAMES, _BYTES = 1, 2  # what is told
_ID3V1_BYTES = 128  # at the end of a file


def edges(path: Path) -> tuple[int, int]:
    """Return how many samples per channel the encoder added before and after the sound.

    pedalboard decodes them too; players leave them out.
    """
    header = _info(path)[1]
    if header[120:122] not in (b"LA", b"La"):  # LAME, Lavc, Lavf
        return 0, 0
    delay, padding = divmod(int.from_bytes(header[141:144], "big"), 4096)
    return delay + _DECODER_DELAY, max(0, padding - _DECODER_DELAY)


def tells_length(path: Path) -> bool:
    """Whether an MP3 has an Info frame with the number of its frames."""
    return bool(_flags(_info(path)[1]) & _FRAMES)


def tells_size(path: Path) -> bool:
    """Whether an MP3 has an Info frame with the number of its frames and its size, which is right.

    So nothing was cut off, and nothing put in between.
    """
    begin, header = _info(path)
    if _flags(header) & (_FRAMES | _BYTES) != _FRAMES | _BYTES:
        return False
    left = path.stat().st_size - begin - int.from_bytes(header[12:16], "big")
    return left in (0, _ID3V1_BYTES)


def _flags(header: bytes) -> int:
    return int.from_bytes(header[4:8], "big")


def _info(path: Path) -> tuple[int, bytes]:
    """Return where an MP3's first frame begins, and what it holds from “Info” on, if it does."""
    with path.open("rb") as file:
        begin = after_tag(file)
        file.seek(begin)
        frame = file.read(_LOOKED_AT_BYTES)
    info = max(frame.find(b"Info", 0, _INFO_END), frame.find(b"Xing", 0, _INFO_END))
    return begin, frame[info:] if info >= 0 else b""
