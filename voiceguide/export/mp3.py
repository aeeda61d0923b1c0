"""PCM -> MP3 by LAME, with the Info frame that gives an MP3's length to the sample.

lameenc does not write this frame, which comes before the audio. Its fields are those of the “Mp3
Info Tag rev 1” (http://gabriel.mp3-tech.org/mp3infotag.html).
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING

import lameenc
from mutagen.mp3 import MP3

from voiceguide.audio.grid import RATE_HZ
from voiceguide.export.encoder import KBIT_PER_S
from voiceguide.export.tags import tag_id3

if TYPE_CHECKING:
    from voiceguide.export.tags import Tags
    from voiceguide.timeline import Timeline

_QUALITY = 7
"""LAME's fastest setting, a third faster than its default; at these bit rates, its noise is masked
just as well (tests/benchmarks/compare_encoders.py)."""

_FRAMES = 1152  # samples a channel in an MP3 frame (MPEG-1, layer III)
_DELAY = 576  # LAME's, in samples
_INFO_AT = {1: 21, 2: 36}  # the Info header follows the empty side information
_FIELDS = 0b1111  # has frames, bytes, a seek table and quality
_CONSTANT_RATE, _48_KHZ = 1, 2 << 6
_STEREO_MODE = {1: 0 << 2, 2: 3 << 2}  # mono, joint
_VBR_QUALITY = 4  # LAME's default, written at a constant rate too
_CRC = 0xA001  # CRC-16, polynomial 0x8005 with its bits reversed


class Encoder:
    """Writes 48,000 Hz, 16 bit to a file as MP3; ``close`` completes it."""

    def __init__(self, file: IO[bytes], channels: int) -> None:
        """Start at the beginning of a seekable file."""
        kbit_per_s = KBIT_PER_S[channels]
        self._file, self._channels = file, channels
        self._frame_bytes = kbit_per_s * 1000 // 8 * _FRAMES // RATE_HZ
        self._samples = self._bytes = 0
        self._lame = lameenc.Encoder()
        self._lame.silence()
        self._lame.set_in_sample_rate(RATE_HZ)
        self._lame.set_out_sample_rate(RATE_HZ)
        self._lame.set_channels(channels)
        self._lame.set_bit_rate(kbit_per_s)
        self._lame.set_quality(_QUALITY)
        file.write(bytes(self._frame_bytes))  # the place of the Info frame

    def write(self, block: bytes) -> None:
        """Encode a block (interleaved); raises OSError."""
        self._put(self._lame.encode(block))
        self._samples += len(block) // (2 * self._channels)

    def close(self) -> None:
        """Write what LAME still holds, and the Info frame; raises OSError."""
        self._put(self._lame.encode(b"") + self._lame.flush())
        self._file.seek(self._frame_bytes)
        header = self._file.read(4)
        self._file.seek(0)
        self._file.write(self._info_frame(header))

    def _put(self, encoded: bytes | bytearray) -> None:
        self._bytes += len(encoded)
        self._file.write(encoded)

    def _info_frame(self, header: bytes) -> bytes:
        frames = self._bytes // self._frame_bytes
        padding = frames * _FRAMES - _DELAY - self._samples
        file_bytes = (self._frame_bytes + self._bytes).to_bytes(4, "big")
        begin = _INFO_AT[self._channels]
        info = b"".join((
            header.ljust(begin, b"\0"),
            b"Info",
            _FIELDS.to_bytes(4, "big"),
            frames.to_bytes(4, "big"),
            file_bytes,
            bytes(percent * 256 // 100 for percent in range(100)),
            (100 - 10 * _VBR_QUALITY - _QUALITY).to_bytes(4, "big"),
            b"LAME3.100",
            _CONSTANT_RATE.to_bytes(1, "big"),
            bytes(10),  # lowpass, peak, ReplayGain and switches of LAME: not told
            KBIT_PER_S[self._channels].to_bytes(1, "big"),
            (_DELAY << 12 | padding).to_bytes(3, "big"),
            (_48_KHZ | _STEREO_MODE[self._channels]).to_bytes(1, "big"),
            bytes(3),  # gain and preset: none
            file_bytes,
            bytes(2),  # no checksum of the sound
        ))  # fmt: skip
        return (info + checksum(info).to_bytes(2, "big")).ljust(self._frame_bytes, b"\0")


def encoder(file: IO[bytes], channels: int) -> Encoder:
    """Return an encoder that writes MP3 to a file."""
    return Encoder(file, channels)


def tag(file: IO[bytes], tags: Tags, timeline: Timeline) -> None:
    """Write tags, chapters and words into a file of the format."""
    tag_id3(MP3, file, tags, timeline)


def checksum(content: bytes) -> int:
    """Return the CRC-16 that ends an Info header."""
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_CRC if crc & 1 else 0)
    return crc
