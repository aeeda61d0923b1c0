"""The command: ``voiceguide``, or ``python -m voiceguide``."""

import atexit
import gc
import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing to clean up while loading
# Nearly all objects last to the end. Looking for others takes a tenth of starting up at the default
# of 700, and what is left at the end goes with the process: 0.06 s of a render of half a second.
gc.set_threshold(200_000)
atexit.register(gc.freeze)

from voiceguide.cli import main  # noqa: E402 (this import is slow)

if __name__ == "__main__":
    main()
