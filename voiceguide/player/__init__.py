"""Blocks -> loudspeaker, with controls.

``source`` (what is spoken) and ``recorded`` (a file) give audio from any place on, with a ``score``
of what is known of it. ``player`` is the transport, ``loudspeaker`` what it plays to, through a
``device``. ``keys``, ``screen``, ``mpris`` and ``awake`` are its surroundings; ``loop`` holds all
together.
"""
