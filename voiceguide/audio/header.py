"""What an audio file is, by its content, before anything decodes it.

A name proves nothing: pyttsx3 writes WAV into x.mp3, and a decoder of MP3 finds noise in it. Nor
does a header: one with 3,585 channels keeps a decoder busy for ever. So the kind of a file is told
from its first bytes, and what its header says is checked before a decoder sees it.

The headers are those of RIFF/RF64 (EBU Tech 3306), AIFF-C, FLAC (RFC 9639), Vorbis I and MPEG audio
(ISO 11172-3).
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

Form: TypeAlias = Literal["WAV", "AIFF", "FLAC", "OGG", "MP3"]
"""The formats that are read; OGG is Vorbis in it."""

MOST_CHANNELS = 8
RATES_HZ = (1_000, 768_000)
"""From a telephone's recording, slowed down, to the best converter."""
LONGEST_S = 7 * 24 * 3600
"""A week: as long as the longest session."""

KNOWN = "it is not WAV, FLAC, OGG (Vorbis), MP3 or AIFF; convert it to one of these"

_FOREIGN = (
    (4, b"ftyp", "MP4 or M4A"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (WMA)"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
    (0, b"caff", "Core Audio (CAF)"),
    (0, b"MThd", "MIDI: notes, not sound"),
    (0, b".snd", "Sun audio (AU)"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio (APE)"),
    (0, b"#!AMR", "AMR"),
    (0, b"DSD ", "DSD"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf9", "AAC"),
    (0, b"ADIF", "AAC"),
    (8, b"AVI ", "a film (AVI)"),
)  # fmt: skip
"""Where other formats have which bytes, and what people call them."""
_IN_OGG = ((b"OpusHead", "Opus"), (b"\x7fFLAC", "FLAC in OGG"), (b"Speex   ", "Speex"))

_MOST_CHUNKS = 10_000
_FIRST_BYTES = 4096
_SOUGHT_BYTES = 1 << 16
"""How far into a file, after its tag, the first frame of an MP3 may be."""
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_BITS = (8, 16, 24, 32, 64)
_AIFF_KINDS = (b"NONE", b"twos", b"sowt", b"fl32", b"FL32", b"fl64", b"FL64", b"in24", b"in32")

_KBIT = {  # by the bits of version and layer, MPEG 1 or 2; from the second of each table on
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}  # fmt: skip
_MPEG_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


class Header(NamedTuple):
    """What a file says of itself."""

    form: Form
    channels: int
    rate_hz: int
    frames: int | None
    """None where only decoding tells."""


def read(path: Path) -> Header:
    """Return what an audio file is, and what its header says.

    Raises OSError if it cannot be read, ValueError with what is wrong and what to do if it is in no
    format that is known, or says what cannot be.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is not a file")
    size = status.st_size
    with path.open("rb") as file:
        begin = after_tag(file)
        file.seek(begin)
        head = file.read(_FIRST_BYTES)
        if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
            header = _wav(file, size)
        elif head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
            header = _aiff(file, size)
        elif head[:4] == b"fLaC":
            header = _flac(head)
        elif head[:4] == b"OggS":
            header = _ogg(head)
        else:
            for at, magic, name in _FOREIGN:
                if head[at : at + len(magic)] == magic:
                    raise ValueError(f"it is {name}; convert it to WAV, FLAC, OGG or MP3")
            file.seek(begin)
            header = _mp3(file.read(_SOUGHT_BYTES))
    _check(header)
    return header


def _check(header: Header) -> None:
    """Raise ValueError if what a file says of itself is beyond the limits."""
    if not 1 <= header.channels <= MOST_CHANNELS:
        what = f"it has {header.channels:,} channels, but may have {MOST_CHANNELS} at most"
        raise ValueError(what)
    if not RATES_HZ[0] <= header.rate_hz <= RATES_HZ[1]:
        raise ValueError(
            f"its sample rate is {header.rate_hz:,} Hz, not from {RATES_HZ[0]:,} to {RATES_HZ[1]:,}"
        )
    if header.frames is not None and header.frames > LONGEST_S * header.rate_hz:
        raise ValueError("it says that it is longer than a week")


def after_tag(file: BinaryIO) -> int:
    """Return where a file begins after an ID3 tag; its size is in four times seven bits."""
    tag = file.read(10)
    if tag[:3] != b"ID3" or len(tag) < 10:  # noqa: PLR2004 (the size of its header)
        return 0
    return 10 + sum((byte & 127) << 7 * place for place, byte in enumerate(reversed(tag[6:])))


def _chunks(
    file: BinaryIO, size: int, order: Literal["little", "big"]
) -> Iterator[tuple[bytes, int, bytes]]:
    """Return the name, size and first bytes of each chunk of a RIFF or IFF file."""
    at = 12
    for _ in range(_MOST_CHUNKS):
        if at + 8 > size:
            return
        file.seek(at)
        name, length = file.read(4), int.from_bytes(file.read(4), order)
        yield name, length, file.read(min(length, 40))
        at += 8 + length + length % 2
    raise ValueError(f"it has more than {_MOST_CHUNKS:,} chunks")


def _wav(file: BinaryIO, size: int) -> Header:
    form = data = None
    for name, length, content in _chunks(file, size, "little"):
        if name == b"fmt ":
            if form is not None:
                raise ValueError("it has two headers; save it again")
            form = content
        elif name == b"data":
            data = length
            if length in (0, 0xFFFF_FFFF):  # as much as there is: it was streamed, or is RF64
                data = None
                break
    if form is None or len(form) < 16:  # noqa: PLR2004 (the shortest)
        raise ValueError("its header is damaged: it does not say how it is sampled")
    codec, channels, rate_hz = _uint(form, 0, 2), _uint(form, 2, 2), _uint(form, 4, 4)
    block, bits = _uint(form, 12, 2), _uint(form, 14, 2)
    if codec == _EXTENSIBLE:
        codec = _uint(form, 24, 2)
    if codec not in (_PCM, _FLOAT):
        raise ValueError(f"it is WAV, but compressed (codec {codec:#x}); convert it to 16 bit PCM")
    _check_bits(bits)
    if block and block != channels * bits // 8:
        raise ValueError("its header is damaged: its numbers contradict each other")
    frame = channels * bits // 8
    frames = None if data is None or not frame else min(data, size) // frame
    return Header("WAV", channels, rate_hz, frames)


def _aiff(file: BinaryIO, size: int) -> Header:
    form = None
    for name, _, content in _chunks(file, size, "big"):
        if name == b"COMM":
            if form is not None:
                raise ValueError("it has two headers; save it again")
            form = content
    if form is None or len(form) < 18:  # noqa: PLR2004 (the shortest)
        raise ValueError("its header is damaged: it does not say how it is sampled")
    kind = form[18:22] or b"NONE"
    if kind not in _AIFF_KINDS:
        shown = kind.decode("ascii", "replace").strip()
        raise ValueError(f"it is AIFF, but compressed ({shown}); convert it to WAV")
    channels = int.from_bytes(form[:2], "big")
    frames = int.from_bytes(form[2:6], "big")
    bits = int.from_bytes(form[6:8], "big")
    _check_bits(bits)
    if channels <= MOST_CHANNELS and frames * channels * bits // 8 > size:
        raise ValueError("its header is damaged: it says that it is longer than the file")
    return Header("AIFF", channels, _extended(form[8:18]), frames)


def _flac(head: bytes) -> Header:
    facts = int.from_bytes(head[18:26], "big")  # rate 20, channels 3, bits 5, frames 36
    frames = facts & (1 << 36) - 1
    return Header("FLAC", (facts >> 41 & 7) + 1, facts >> 44, frames or None)


def _ogg(head: bytes) -> Header:
    packet = head[27 + head[26] :] if len(head) > 27 else b""  # noqa: PLR2004 (of a page's header)
    if packet[:7] == b"\x01vorbis":
        return Header("OGG", _uint(packet, 11, 1), _uint(packet, 12, 4), None)
    for magic, name in _IN_OGG:
        if packet.startswith(magic):
            raise ValueError(f"it is {name}; convert it to WAV, FLAC, OGG (Vorbis) or MP3")
    raise ValueError(KNOWN)


def _mp3(content: bytes) -> Header:
    """Return what the first frame says that another one of its kind follows."""
    at = content.find(b"\xff")
    while 0 <= at < len(content) - 4:
        first = _frame(content[at : at + 4])
        if first is not None:
            length, header = first
            second = content[at + length : at + length + 4]
            after = _frame(second)
            if not second or (after is not None and after[1].rate_hz == header.rate_hz):
                return header
        at = content.find(b"\xff", at + 1)
    raise ValueError(KNOWN)


def _frame(four: bytes) -> tuple[int, Header] | None:
    """Return the length in bytes of an MPEG audio frame and what it says; None if it is none."""
    if len(four) < 4 or four[0] != 0xFF or four[1] & 0xE0 != 0xE0:  # noqa: PLR2004 (its header)
        return None
    version, layer = four[1] >> 3 & 3, 4 - (four[1] >> 1 & 3)
    index, rate = four[2] >> 4, four[2] >> 2 & 3
    rates = _MPEG_HZ.get(version)
    if rates is None or not 1 <= layer <= 3 or not 1 <= index <= 14 or rate == 3:  # noqa: PLR2004
        return None
    first_version = version == 3  # noqa: PLR2004 (MPEG 1)
    bits_s = _KBIT[1 if first_version else 2, layer][index - 1] * 1000
    padding = four[2] >> 1 & 1
    if layer == 1:
        length = (12 * bits_s // rates[rate] + padding) * 4
    else:
        samples = 1152 if first_version or layer == 2 else 576  # noqa: PLR2004 (the second layer)
        length = samples // 8 * bits_s // rates[rate] + padding
    channels = 1 if four[3] >> 6 == 3 else 2  # noqa: PLR2004 (mono)
    return length, Header("MP3", channels, rates[rate], None)


def _check_bits(bits: int) -> None:
    if bits not in _BITS:
        raise ValueError(f"it has {bits} bits a sample, not 8, 16, 24 or 32; convert it to 16 bit")


def _uint(content: bytes, at: int, size: int) -> int:
    return int.from_bytes(content[at : at + size], "little")


def _extended(ten: bytes) -> int:
    """Return a positive number in 80 bits, as AIFF writes its sample rate."""
    exponent = int.from_bytes(ten[:2], "big") - 16383
    if not 0 <= exponent < 63:  # noqa: PLR2004 (bits of its fraction)
        return 0
    return int.from_bytes(ten[2:], "big") >> 63 - exponent
