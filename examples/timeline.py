"""What is said and when, and how much of it is speech: python examples/timeline.py [TARGET]."""

import sys

from voiceguide import Session

target = sys.argv[1] if len(sys.argv) > 1 else "neck"
session = Session(target, guidance="brief", side="left")
timeline = session.timeline  # all is spoken for it, for nothing here is guessed
speech = [event for event in timeline.events if event.kind == "speech"]

for chapter in timeline.chapters:
    print(f"{chapter.begin_ms / 1000:7.1f} s  {chapter.title}")
    for event in speech:
        if chapter.begin_ms <= event.begin_ms < chapter.end_ms:
            print(f"{event.begin_ms / 1000:7.1f} s      {event.text}")

spoken_ms = sum(event.end_ms - event.begin_ms for event in speech)
print(f"Speech takes {spoken_ms / timeline.duration_ms:.0%} of {timeline.duration_ms} ms.")
