"""Blocks -> loudspeaker, with controls.

Takes a session's events as they become known, or a file that was rendered. Plays them through a
loudspeaker, with pause, seeking, skipping by chapter and longer holds, none of which clicks. A
session is spoken and mixed while it plays, about a second and a half ahead of what is heard; of a
file, its chapters, words and tones are read from its tags.

    source      a session as it is spoken -> audio from any place on
    file        a rendered file -> the same
    live        events and chapters as far as they are known; where holds and sentences are
    player      the transport: a source -> blocks for a device, cut and faded where one skips
    device      what a device is, and the table of devices, found by name
    miniaudio_device, simpleaudio_device    a device each
    loudspeaker a device that is opened, watched, and found again where it is lost
    keys        the terminal -> what is to be done
    mpris       headset buttons and desktops -> the same (Linux)
    screen      what is heard -> the terminal
    awake       keeps the machine from going to sleep
    loop        holds them together until all was heard

Another device is one file, and one line in ``device.DEVICES``; a package adds its own by an entry
point of the group ``voiceguide.devices`` (see ``voiceguide.tables``).
"""
