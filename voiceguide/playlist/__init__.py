"""The sessions of a region -> a folder of MP3 files with M3U8, XSPF and a podcast feed.

The folder contains these files; NN counts from 01, so that names sort in the order of the playlist:

    NN-NAME.mp3             a track, with title, album, number, cover, chapters and words
    NN-NAME.vtt             its transcript, WebVTT
    NN-NAME.chapters.json   its chapters, as Podcasting 2.0 has them
    cover.png
    FOLDER.m3u8, FOLDER.xspf, named after the folder
    feed.xml                if the web address of the folder is known
    whole-session.mp3       then too: all that is treated, as one more episode of the feed

The lists are made from the files' tags, so that a program that serves such a folder can make them
for its own address. They are written with ElementTree: feedgen supports the tags of iTunes, but not
those of Podcasting 2.0, and depends on lxml, for what are five elements here.

    folder     the files of a playlist, and which of them a mounted phone or card needs
    track      the file of a track -> what its tags say
    lists      tracks -> M3U8 and XSPF
    podcast    tracks -> the feed, and chapters
    writing    sessions -> the tracks and lists of a folder
    course     sessions over weeks -> a playlist a week, a calendar and a page to print
    transfer   any folders -> copies on a card, each completely or not at all
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from voiceguide import script
from voiceguide.errors import RequestError, UsageError, option
from voiceguide.export import cover
from voiceguide.files import alone
from voiceguide.options import Options, chosen, taking
from voiceguide.plan import fit, plan
from voiceguide.playlist.folder import (
    COVER,
    FEED,
    WHOLE,
    copy,
    files,
)
from voiceguide.playlist.lists import m3u8, xspf
from voiceguide.playlist.podcast import chapters, check_address, feed, podcast_guid
from voiceguide.playlist.track import Track, marks, read, tracks, whole
from voiceguide.playlist.writing import WantedTrack, now, numbered, write
from voiceguide.script import Request
from voiceguide.session import Session

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping

    from voiceguide.options import Value
    from voiceguide.script.subject import TrackPlan

__all__ = [
    "COVER",
    "FEED",
    "Playlist",
    "Track",
    "chapters",
    "copy",
    "feed",
    "files",
    "m3u8",
    "marks",
    "podcast_guid",
    "read",
    "tracks",
    "whole",
    "xspf",
]


class Playlist:
    """The sessions of a region or kind, in order; for a region: preparation, areas, closing.

    >>> playlist = Playlist("neck", minutes=30)
    >>> playlist.export("output/neck")
    """

    @taking(Options)
    def __init__(self, target: str, /, options: Options) -> None:
        """Prepare a playlist; nothing is made until it is needed.

        ``target`` is a region, a complaint or a kind. The options are those of ``Session``;
        ``minutes`` is the exact length of all tracks together. An area that the method does not
        suit is treated with the deepest method that does. Raises a VoiceguideError.
        """
        self.target = target
        self.about = script.about(Request(target, options), with_files=True)
        self.title = self.about.title
        self._options = options
        given = {**options.chosen(), "minutes": None}
        for name in (*given, *options.variables):
            if name in self.about.fixed:
                what = "each track of a playlist has its own; leave it out"
                raise UsageError(f"{option(name)}: {what}")
        self._requests = [
            Request(target, _of_track(one, given, options.variables), one.part, one.title)
            for one in self.about.tracks
        ]

    @cached_property
    def sessions(self) -> list[Session]:
        """The sessions of the tracks, in order; for a given length, as many areas as fit."""
        length_ms = self._options.length_ms
        if length_ms is None:
            plans = [plan(request) for request in self._requests]
        else:
            plans = fit(self._requests, length_ms)
        channels = max(one.channels for one in plans)
        return [Session.of(replace(one, least_channels=channels)) for one in plans]

    def export(  # noqa: PLR0913 (each is a fact of its own)
        self,
        folder: str | os.PathLike[str],
        progress: Callable[[float], None] | None = None,
        *,
        url: str | None = None,
        email: str | None = None,
        id3: Literal["2.4", "2.3"] = "2.4",
        waiting: Callable[[], object] = lambda: None,
    ) -> Path:
        """Write the playlist into a ``folder`` of its own, and return the path of the M3U8.

        A track is only made if it is missing, damaged, or was made from something else; our tracks
        that no longer belong to the playlist are removed. The lists are written last. ``url`` is
        the web address of the folder; without it, there is no feed, as apps could not follow its
        links. ``email`` is the address in the feed to which directories of podcasts write.
        ``progress`` is called now and then with the fraction that is done, from 0 to 1. ``id3`` is
        the version of the tags. While another program writes into the folder, ``waiting`` is
        called, and this waits. Raises a VoiceguideError; finished tracks stay, and need not be made
        again.
        """
        if url is not None:
            check_address(url)
        subject = self.about.region or self.target
        entries = [
            WantedTrack(stem, session, replace(session.tags, date=now(), id3=id3))
            for stem, session in zip(self._stems(), self.sessions, strict=True)
        ]
        with alone(Path(folder), waiting):
            picture = cover.titled(subject, self.title)
            return write(
                Path(folder),
                numbered(entries),
                picture,
                url,
                progress,
                whole=self._whole(id3) if url else None,
                email=email,
            )

    @property
    def name(self) -> str:
        """The name for its folder: the target, and the options that differ from the defaults."""
        return "-".join([self.target, *self._options.names()])

    def _whole(self, id3: Literal["2.4", "2.3"]) -> WantedTrack | None:
        """Return one session of all areas, or of as many as fit.

        None for a kind without any, and where tracks have methods, but no session has one for all.
        """
        if not self.about.whole:
            return None
        given = self._options.chosen()
        if self._options.minutes is None:
            given = {"area": "all", **given}
        session = Session(self.target, **given)
        try:
            return WantedTrack(
                WHOLE, session, replace(session.tags, track="0", date=now(), id3=id3)
            )
        except RequestError:
            return None

    def _stems(self) -> list[str]:
        names = [track.name for track in self.about.tracks]
        names = [*names[: len(self.sessions) - 1], names[-1]]
        return [f"{number:02}-{name}" for number, name in enumerate(names, 1)]


def _of_track(
    track: TrackPlan, given: Mapping[str, Any], variables: Mapping[str, Value]
) -> Options:
    """Return the options of a track: what is given for all, and its own."""
    values = {**given, **track.options, "variables": {**variables, **track.variables}}
    if track.options.get("bed") == "none" and "bed_level" not in track.options:
        values.pop("bed_level", None)  # it is for those that have one
    return chosen(values)
