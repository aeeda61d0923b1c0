"""The page for a phone on the same network: choose a session, have it made, hear it, take it along.

Needs the extra ``phone``: pip install 'voiceguide[phone]'.
"""
