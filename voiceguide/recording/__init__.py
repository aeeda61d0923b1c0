"""Sessions -> phrases to record -> recordings, in a voice of one's own.

Takes sessions, and gives the list of what they say (``phrases``): each phrase once, and the
name of its recording. ``recorder`` takes such a list and a microphone, and gives the
recordings, checked. ``voiceguide.voices.recordings`` is the engine that speaks with them.

It comes after the sessions, since it asks them what they say.
"""
