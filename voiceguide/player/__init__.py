"""Blocks -> loudspeaker, with controls.

Takes a session's events as they become known, or a rendered file. Plays them through a loudspeaker,
with pause, seeking, skipping by chapter and longer holds, all without clicks. A session is spoken
and mixed while it plays, about a second and a half ahead of what is heard; the chapters, words and
marks of a file are read from its tags.

    source      a session, as it is spoken -> audio from any position
    file        a rendered file -> the same
    live        events, chapters and marks as far as they are known; holds and sentences at a time
    player      the transport: a source -> blocks for a device, with fades at every jump
    volume      louder, softer, soft for a while; answers over everything
    device      what a device is, and the table of devices, found by name
    miniaudio_device, simpleaudio_device    one device each
    loudspeaker an open device, watched, and reopened if it is lost
    keys        keys on the terminal -> commands
    mpris       headset buttons and desktops -> commands (Linux)
    screen      what is heard -> the terminal
    places      where sessions were stopped, for --resume
    awake       keeps the machine from going to sleep
    play, loop  connect all of these until the end

Another device is one file, and one line in ``device.DEVICES``; a package adds its own by an entry
point of the group ``voiceguide.devices`` (see ``voiceguide.tables``).
"""
