"""The grid, and audio files -> samples.

Takes files of any sample rate and number of channels. Gives their samples at the rate of the mix,
48,000 Hz: floats within ±1, shape (channels, frames), window by window, so that an hour of music
takes no more memory than a second.

    grid      48 frames are one millisecond; the levels of speech
    header    what a file is by its content, and whether it is within the limits
    decoder   a file at its own rate, decoded in a process that can be ended
    reader    a file in windows (``AudioReader``); a part of one, mono, at a speed (``Excerpt``)
    mp3       what an MP3's Info frame says about its length

Voices read recordings with it; the mixer reads tones, music and beds.
"""
