"""A Piper model in two parts: one makes frames of a text, the other decodes them, in windows.

Decoding a sentence takes most of the memory: 40 MB for each second (measured). The decoder is a
stack of convolutions (HiFi-GAN, https://arxiv.org/abs/2010.05646), so how a frame sounds only
depends on the frames near it. A window that is decoded with those sounds as it does in the whole
sentence (25 phrases had equal samples of 16 bit), and memory hardly grows with the sentence.

The parts are cut from the model's file, without reading the weights
(https://protobuf.dev/programming-guides/encoding/).
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from voiceguide.voices import neural_child

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import onnxruntime

    Array = np.ndarray[Any, np.dtype[Any]]

DURATIONS = "/Ceil_output_0"
"""The tensor that has the length of each sound, in all models that Piper's training exports."""
WINDOW = 160
"""How many frames a window has at most: 1.9 s of a voice with 22,050 samples a second.

A calf session of en_US-joe-medium takes 393 MB at most, all processes together; with whole
sentences 571 (PSS). With smaller windows, more frames are decoded twice."""
REACH = 14
"""How many frames on each side are decoded with a window. Needed are 11 with models of medium
quality (measured; with 10, samples differ by 1e-6), and 14 with high ones (by their layers)."""
AT_ONCE = 2
"""How many phrases are spoken at once, each by one thread: less work than two threads on one."""
_FIRST = b"/dec/conv_pre/"
"""The name of the decoder's first node begins with it, in what Piper's training exports."""

# The numbers of fields (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto)
_GRAPH = 7  # of ModelProto
_NODE, _WEIGHT, _INPUT, _OUTPUT = 1, 5, 11, 12  # of GraphProto
_TAKES, _GIVES, _NODE_NAME = 1, 2, 3  # of NodeProto
_WEIGHT_NAME = 8  # of TensorProto
_NAME, _FLOATS = 1, b"\x12\x04\x0a\x02\x08\x01"  # of ValueInfoProto: a tensor of float32
_VARINT, _SIZED, _FIXED = 0, 2, {1: 8, 5: 4}  # the kinds of fields, and the bytes of fixed ones


class Windowed:
    """A model that decodes in windows; it is run as the whole model is."""

    def __init__(
        self, encoder: onnxruntime.InferenceSession, decoder: onnxruntime.InferenceSession
    ) -> None:
        self._encoder = encoder
        self._decoder = decoder
        self._frames, *self._others = (given.name for given in decoder.get_inputs())

    def run(self, _: None, given: Mapping[str, Array]) -> list[Array]:
        """Return the samples, and the frames of each sound if they are known."""
        frames, *made = self._encoder.run(None, given)
        others = dict(zip(self._others, made, strict=False))
        parts = [self._decoded(frames, others, *window) for window in _windows(frames)]
        return [np.concatenate(parts, axis=-1), *made[len(others) :]]

    def _decoded(self, frames: Array, others: Mapping[str, Array], begin: int, end: int) -> Array:
        """Return the samples of the frames from ``begin`` to ``end``."""
        first = max(0, begin - REACH)
        near = frames[..., first : end + REACH]
        samples: Array
        [samples] = self._decoder.run(None, {self._frames: near, **others})
        hop = samples.shape[-1] // near.shape[-1]
        return samples[..., (begin - first) * hop : (end - first) * hop]


def _windows(frames: Array) -> Iterator[tuple[int, int]]:
    """Return where windows begin and end: as few as possible, about as long as each other."""
    edges = np.linspace(0, frames.shape[-1], 1 - -frames.shape[-1] // WINDOW, dtype=int).tolist()
    return itertools.pairwise(edges)


def load(model: Path, folder: Path) -> Windowed | onnxruntime.InferenceSession:
    """Load a model, in two parts if it has them; files are put into ``folder`` meanwhile.

    Raises what onnxruntime raises.
    """
    paths = folder / "encoder.onnx", folder / "decoder.onnx"
    try:
        _cut(model, *paths)
        return Windowed(*map(partial(neural_child.session, threads=1), paths))
    except Exception:  # noqa: BLE001 (another kind of model, or a broken one: that is said below)
        return neural_child.load(model, folder, DURATIONS, threads=1)
    finally:
        for path in paths:
            path.unlink(missing_ok=True)


class _Field(NamedTuple):
    """A field of Protocol Buffers."""

    number: int
    content: memoryview
    whole: memoryview
    """With what stands before the content."""


def _cut(model: Path, encoder: Path, decoder: Path) -> None:
    """Write the parts of a model into files; raises ValueError if it has no such decoder."""
    fields = list(_fields(memoryview(model.read_bytes())))
    [graph] = (field.content for field in fields if field.number == _GRAPH)
    rest = [field.whole for field in fields if field.number != _GRAPH]
    parts: dict[int, list[_Field]] = {_NODE: [], _WEIGHT: [], _INPUT: [], _OUTPUT: []}
    for field in _fields(graph):
        parts.get(field.number, []).append(field)
    nodes = parts[_NODE]
    first = next(
        (at for at, node in enumerate(nodes) if _name(node, _NODE_NAME).startswith(_FIRST)), 0
    )
    if not first:
        raise ValueError("no decoder")
    made = dict.fromkeys(_names(nodes[:first], _GIVES))
    taken = dict.fromkeys(_names(nodes[first:], _TAKES))
    between = [name for name in taken if name in made]  # the frames come first
    outputs = [field for field in parts[_OUTPUT] if _name(field, _NAME) not in made]
    durations = [name for name in made if name == DURATIONS.encode()]
    _write(
        encoder,
        rest,
        [
            *(field.whole for field in (*nodes[:first], *parts[_INPUT])),
            *(
                one.whole
                for one in parts[_WEIGHT]
                if not _name(one, _WEIGHT_NAME).startswith(b"dec.")
            ),
            *(_value(_OUTPUT, name) for name in (*between, *durations)),
        ],
    )
    _write(
        decoder,
        rest,
        [
            *(field.whole for field in (*nodes[first:], *outputs)),
            *(one.whole for one in parts[_WEIGHT] if _name(one, _WEIGHT_NAME) in taken),
            *(_value(_INPUT, name) for name in between),
        ],
    )


def _write(path: Path, rest: Iterable[memoryview], graph: Sequence[bytes | memoryview]) -> None:
    with path.open("wb") as file:
        file.writelines(rest)
        file.write(neural_child.head(_GRAPH, sum(map(len, graph))))
        file.writelines(graph)


def _value(number: int, name: bytes) -> bytes:
    """Return an input or output of a graph: a tensor of floats."""
    return neural_child.field(number, neural_child.field(_NAME, name) + _FLOATS)


def _name(field: _Field, number: int) -> bytes:
    """Return a name within a field; b"" if it has none."""
    return next(iter(_names([field], number)), b"")


def _names(fields: Iterable[_Field], number: int) -> Iterator[bytes]:
    """Yield the names with a number within fields."""
    for field in fields:
        for inner in _fields(field.content):
            if inner.number == number:
                yield bytes(inner.content)


def _fields(content: memoryview) -> Iterator[_Field]:
    """Yield the fields that have a length, and those that are a number, with it as no content."""
    at = 0
    while at < len(content):
        begin = at
        tag, at = _number(content, at)
        kind = tag & 7
        size = 0
        if kind == _SIZED:
            size, at = _number(content, at)
        elif kind == _VARINT:
            _, at = _number(content, at)
        else:
            at += _FIXED[kind]
        end = at + size
        yield _Field(tag >> 3, content[at:end], content[begin:end])
        at = end


def _number(content: memoryview, at: int) -> tuple[int, int]:
    """Return a number of any length, and where it ends."""
    found = shift = 0
    while True:
        byte = content[at]
        found |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte <= 0x7F:  # noqa: PLR2004 (the highest bit says that more follows)
            return found, at
