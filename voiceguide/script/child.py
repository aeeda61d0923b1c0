"""The process in which templates are rendered that are not our own, so that it can be stopped.

Work and answer are JSON, on standard input and output.
"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path

from voiceguide import library
from voiceguide.errors import VoiceguideError
from voiceguide.script import Request, render_region, render_source

MAX_MEMORY_BYTES = 200_000_000
"""What all data of the process may take, where the system keeps to it (Linux does)."""

MAX_CPU_S = 10


def main() -> None:
    """Render one template."""
    work = json.load(sys.stdin)
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY_BYTES, most))
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (MAX_CPU_S, most))  # should its asker be killed
    asked = Request.model_validate_json(work["asked"])
    try:
        if "source" in work:
            script = render_source(work["source"], work["name"], Path(work["folder"]), asked)
        else:
            texts = library.load(asked.language, asked.library)
            script = render_region(asked, texts, **work["choice"])
        answer = {"script": script}
    except VoiceguideError as error:
        answer = {"error": str(error), "kind": type(error).__name__}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
