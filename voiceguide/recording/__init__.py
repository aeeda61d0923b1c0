"""Sessions -> phrases to record -> recordings in your own voice.

Takes sessions and a microphone. Gives a folder with a list of what the sessions say, each phrase
once, and a checked recording of each. ``voiceguide.voices.recordings`` is the engine that speaks
with them. This stage comes after sessions, since it asks them what they say.

    phrases     sessions -> phrases.csv, and a sheet to read from
    recorder    records phrases one by one, with the microphone
"""
