"""Voice-guided audio sessions for trigger point self-massage.

>>> from voiceguide import Session
>>> Session("calf").export("output/calf.mp3")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from voiceguide.errors import VoiceguideError

if TYPE_CHECKING:
    from voiceguide.playlist import Playlist
    from voiceguide.session import Session

__all__ = ["Playlist", "Session", "VoiceguideError", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import a class when it is first used, so that ``voiceguide --help`` stays fast."""
    if name == "Session":
        from voiceguide.session import Session

        return Session
    if name == "Playlist":
        from voiceguide.playlist import Playlist

        return Playlist
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
