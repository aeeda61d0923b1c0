"""Blocks -> loudspeaker, with controls.

``source`` gives audio from any place on, ``player`` is the transport, ``device`` the loudspeaker,
``keys`` and ``screen`` are the terminal, and ``loop`` holds them together.
"""
