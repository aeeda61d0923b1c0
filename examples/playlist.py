"""A playlist of the hand that lasts exactly 15 minutes: python examples/playlist.py [FOLDER]."""

import sys

from voiceguide import Playlist

folder = sys.argv[1] if len(sys.argv) > 1 else "output/hand"
playlist = Playlist("hand", minutes=15, method="thumb")
print(playlist.export(folder))  # the M3U8, which lies beside its tracks
for track in playlist.sessions:
    print(f"{track.timeline.duration_ms / 1000:8.3f} s  {track.title}")
