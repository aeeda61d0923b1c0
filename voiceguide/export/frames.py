"""Frames of an MP3: taken out of what an encoder wrote, and laid into a file anew.

A frame is a header, side information, and a room for main data. Its own data need not lie in that
room: “main_data_begin” says how many bytes before it they begin, up to 511 (the bit reservoir;
ISO 11172-3, 2.4.2.7). So what two encoders wrote cannot simply be put one after the other. Here,
frames are taken out of their rooms and laid into new ones, each as early as it may begin.

That always fits for frames of an encoder that began with them: it had nothing to borrow from, and
here a frame never begins later than there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLES = 1152
"""What a frame plays, in samples per channel (MPEG-1, layer III)."""

_HEADER_BYTES = 4
_SIDE_BYTES = {1: 17, 2: 32}  # by channels
_PARTS_AT = {1: 18, 2: 20}  # the bit of the side information where its parts begin
_PART_BITS = 59  # one channel of one granule, of which a frame has two
_MOST_BEGIN = 511  # nine bits

_BIT_RATES = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbit/s
_RATE_AT, _48_KHZ = 4, 1 << 2  # in the third byte of a header
_SYNC, _LAYER_3 = 0xFF, 0xFB  # the first two: MPEG-1, no checksum
_ORIGINAL = 1 << 2  # in the fourth, as are the modes
_MONO, _JOINT, _MID_AND_SIDE = 3 << 6, 1 << 6, 2 << 4

_GAIN = slice(21, 29)  # in a part: its gain, in steps of a fourth root of 2
_WINDOWS = slice(33, 56)  # whether its windows are others than long ones, and which
_STARTING, _SHORT, _STOPPING = 1, 2, 3  # their types
_ROOT_OF_2 = 2  # in steps of that gain


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames that lie in no file."""

    heads: NDArray[np.uint8]
    """A row for each, its header and side information; main_data_begin is 0."""
    data: list[bytes]
    """The main data of each."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.data)

    def part(self, begin: int, end: int | None = None) -> Frames:
        """Return the frames from ``begin`` to before ``end``."""
        return Frames(self.heads[begin:end], self.data[begin:end])


def frame_bytes(kbit_per_s: int) -> int:
    """Return how long a frame is at 48,000 Hz."""
    return kbit_per_s * 3  # 24 ms


def read(encoded: bytes, channels: int, kbit_per_s: int) -> Frames:
    """Return the frames of what an encoder wrote from its beginning on, at a constant rate."""
    head_bytes = _HEADER_BYTES + _SIDE_BYTES[channels]
    rows = np.frombuffer(encoded, np.uint8).reshape(-1, frame_bytes(kbit_per_s))
    heads, rooms = rows[:, :head_bytes].copy(), rows[:, head_bytes:]
    begins = np.arange(len(rows)) * rooms.shape[1] - (heads[:, 4:6] @ np.array((256, 1)) >> 7)
    bits = np.unpackbits(heads[:, _HEADER_BYTES:], axis=1)
    parts = bits[:, _PARTS_AT[channels] :].reshape(len(rows), 2 * channels, _PART_BITS)
    lengths = parts[:, :, :12] @ (1 << np.arange(12)[::-1])
    ends = begins + (lengths.sum(axis=1) + 7) // 8
    heads[:, 4] = 0
    heads[:, 5] &= 0x7F
    stream = rooms.tobytes()
    return Frames(heads, [stream[a:b] for a, b in zip(begins.tolist(), ends.tolist(), strict=True)])


def header(channels: int, kbit_per_s: int, modes: int = 0) -> bytes:
    """Return the header of a frame: MPEG-1, layer III, 48,000 Hz, mono or joint stereo."""
    rate = _BIT_RATES.index(kbit_per_s) << _RATE_AT
    mode = {1: _MONO, 2: _JOINT}[channels]
    return bytes((_SYNC, _LAYER_3, rate | _48_KHZ, mode | modes | _ORIGINAL))


def silence(count: int, channels: int, kbit_per_s: int) -> Frames:
    """Return frames that play nothing, and have no main data."""
    head = header(channels, kbit_per_s).ljust(_HEADER_BYTES + _SIDE_BYTES[channels], b"\0")
    return Frames(np.tile(np.frombuffer(head, np.uint8), (count, 1)), [b""] * count)


def centred(mono: Frames, kbit_per_s: int) -> Frames:
    """Return frames of two channels, at another rate, that play in both what mono ones do.

    The middle, (left + right) / √2, is the mono channel √2 as loud; the side has no data.
    """
    bits = np.unpackbits(mono.heads[:, _HEADER_BYTES:], axis=1)
    parts = bits[:, _PARTS_AT[1] :].reshape(-1, 2, _PART_BITS)
    both = np.zeros((len(mono), 2, 2, _PART_BITS), np.uint8)  # by granule and channel
    both[:, :, 0] = parts
    gains = np.packbits(parts[:, :, _GAIN], axis=2) + np.uint8(_ROOT_OF_2)
    both[:, :, 0, _GAIN] = np.unpackbits(gains, axis=2)
    both[:, :, 1, _WINDOWS] = parts[:, :, _WINDOWS]
    side = np.zeros((len(mono), 8 * _SIDE_BYTES[2]), np.uint8)
    shared = bits[:, 14:18]  # which scale factors the second granule shares with the first
    side[:, 12:16] = shared
    side[:, _PARTS_AT[2] :] = both.reshape(len(mono), -1)
    heads = np.empty((len(mono), _HEADER_BYTES + _SIDE_BYTES[2]), np.uint8)
    heads[:, :_HEADER_BYTES] = list(header(2, kbit_per_s, _MID_AND_SIDE))
    heads[:, _HEADER_BYTES:] = np.packbits(side, axis=1)
    return Frames(heads, mono.data)


def meet(before: Frames, after: Frames) -> bool:
    """Whether the last frame of one encoder and the first of another overlap as one's own do.

    The second half of a window and the first of the next are both short or both long.
    """
    falling, rising = _windows(before.heads[-1]), _windows(after.heads[0])
    short_end = np.isin(falling[1], (_STARTING, _SHORT))
    return bool((short_end == np.isin(rising[0], (_SHORT, _STOPPING))).all())


def _windows(head: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the types of a frame's windows, by granule and channel; 0 for long ones."""
    side = np.unpackbits(head[_HEADER_BYTES:])
    channels = len(side) // (4 * _PART_BITS) + 1
    flags = side[_PARTS_AT[channels] :].reshape(2, channels, _PART_BITS)[:, :, _WINDOWS]
    types: NDArray[np.int64] = flags[:, :, 0] * (flags[:, :, 1:3] @ np.array((2, 1)))
    return types


class Writer:
    """Lays frames into a file, one after another."""

    def __init__(self, file: IO[bytes], channels: int, kbit_per_s: int) -> None:
        """Begin where the file is."""
        self._file = file
        self._room = frame_bytes(kbit_per_s) - _HEADER_BYTES - _SIDE_BYTES[channels]
        self._heads: list[NDArray[np.uint8]] = []
        self._begins: list[int] = []  # these have heads, but are not written yet
        self._data = bytearray()  # what lies in their rooms, from the first on

    def fits(self, data: list[bytes]) -> bool:
        """Whether frames with this main data fit behind the ones before."""
        end, room = len(self._data), len(self._begins) * self._room
        for one in data:
            end = max(end, room - _MOST_BEGIN) + len(one)
            room += self._room
            if end > room:
                return False
        return True

    def write(self, frames: Frames) -> None:
        """Lay frames behind the ones before; raises OSError, and ValueError if they do not fit."""
        if not self.fits(frames.data):
            raise ValueError("what a frame plays does not fit before its end")
        room = len(self._begins) * self._room  # of the next frame
        for data in frames.data:
            begin = max(len(self._data), room - _MOST_BEGIN)
            self._data += bytes(begin - len(self._data))
            self._data += data
            self._begins.append(room - begin)
            room += self._room
        self._heads.append(frames.heads)
        self._put(max(len(self._data), room - _MOST_BEGIN) // self._room)

    def close(self) -> None:
        """Write what is still held, without closing the file; raises OSError."""
        self._put(len(self._begins))

    def _put(self, count: int) -> None:
        """Write the first frames: nothing more can come into their rooms."""
        if not count:
            return
        heads = np.concatenate(self._heads)
        size = count * self._room
        rooms = np.frombuffer(bytes(self._data[:size]).ljust(size, b"\0"), np.uint8)
        rows = np.concatenate((heads[:count], rooms.reshape(count, -1)), axis=1)
        begins = np.array(self._begins[:count])
        rows[:, 4] = begins >> 1
        rows[:, 5] |= ((begins & 1) << 7).astype(np.uint8)
        self._file.write(rows.tobytes())
        self._heads = [heads[count:]]
        del self._begins[:count], self._data[:size]
