"""What an MP3's Info frame says: its length, and the padding that the encoder added."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_DECODER_DELAY = 529  # samples that every decoder adds to the encoder's delay
_INFO_END = 44  # “Info” is within this many bytes of the first frame
_LOOKED_AT_BYTES = 500


def edges(path: Path) -> tuple[int, int]:
    """Return how many samples per channel the encoder added before and after the sound.

    pedalboard decodes them too; players leave them out.
    """
    header = _info_header(path)
    if header[120:122] not in (b"LA", b"La"):  # LAME, Lavc, Lavf
        return 0, 0
    delay, padding = divmod(int.from_bytes(header[141:144], "big"), 4096)
    return delay + _DECODER_DELAY, max(0, padding - _DECODER_DELAY)


def tells_length(path: Path) -> bool:
    """Whether an MP3 has an Info frame with the number of its frames."""
    return bool(int.from_bytes(_info_header(path)[4:8], "big") & 1)


def _info_header(path: Path) -> bytes:
    """Return the first frame of an MP3 from “Info” on; nothing if it is not an Info frame."""
    with path.open("rb") as file:
        tag = file.read(10)
        if tag[:3] == b"ID3":  # its size is in four times seven bits
            file.seek(10 + sum(byte << 7 * place for place, byte in enumerate(reversed(tag[6:]))))
        else:
            file.seek(0)
        frame = file.read(_LOOKED_AT_BYTES)
    info = max(frame.find(b"Info", 0, _INFO_END), frame.find(b"Xing", 0, _INFO_END))
    return frame[info:] if info >= 0 else b""
