"""The command: ``voiceguide``, or ``python -m voiceguide``."""

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing to clean up while the commands are loaded

from voiceguide.cli import main  # noqa: E402 (that is what takes long)

if __name__ == "__main__":
    main()
