"""A session of the calf as an MP3: python examples/calf.py [FILE]."""

import sys

from voiceguide import Session, VoiceguideError

path = sys.argv[1] if len(sys.argv) > 1 else "output/calf.mp3"
session = Session("calf", side="left", level="gentle")
try:
    session.export(path, progress=lambda done: print(f"\r{done:4.0%}", end="", file=sys.stderr))
except VoiceguideError as error:  # it says what is wrong, where, and what to do
    sys.exit(f"\n{error}")
print(file=sys.stderr)
print(f"{path}: {session.title}, {session.timeline.duration_ms / 60_000:.1f} minutes")
