"""Microphone -> what a player is told to do, offline.

Takes what a microphone hears and what the loudspeaker plays at the same time. Finds short words and
knocks in what is near, and steers a player by them. While somebody may be speaking, the session is
soft. Nothing that is heard is stored or sent.

    words       commands.toml and the settings file -> what can be said in a language
    moonshine   a short sound -> how likely each of some texts is what was said
    spotter     a short sound -> the command that it is, or none
    near        microphone and loudspeaker -> in how many bands something near is heard
    listener    blocks of microphone and loudspeaker -> sounds that begin, commands, knocks
    microphone  the microphone, and what was played meanwhile
    breath      what is heard -> how many breaths a minute
    hands_free  what is heard -> the player: softer for a while, then what was asked for
"""
