"""The timeline that other programs get, as a table.

voiceguide script my.ssml --format json | python examples/events.py
"""

import json
import sys

session = json.load(sys.stdin)
print(f"{session['title']} ({session['language']}), {session['duration_ms']} ms")
for event in session["events"]:
    heard = event["text"] or event["source"]
    print(f"{event['begin_ms']:8} {event['end_ms']:8}  {event['kind']:6}  {heard}")
