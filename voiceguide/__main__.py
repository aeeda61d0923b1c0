"""The command: ``voiceguide``, or ``python -m voiceguide``."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing to clean up while loading

from voiceguide.cli import main  # noqa: E402 (this import is slow)

if __name__ == "__main__":
    main()
