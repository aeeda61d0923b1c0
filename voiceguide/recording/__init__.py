"""Sessions -> phrases to record -> recordings, in a voice of one's own.

Takes sessions, and a microphone. Gives a folder with the list of what the sessions say, each phrase
once, and a recording of each, checked. ``voiceguide.voices.recordings`` is the engine that speaks
with them. This stage comes after the sessions, since it asks them what they say.

    phrases     sessions -> phrases.csv, and a sheet to read from
    recorder    phrases one after the other, through the microphone
"""
