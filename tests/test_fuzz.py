"""The fuzzer's first inputs; ``python tests/fuzz/fuzz.py --seconds 600`` tries many more."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parent / "fuzz" / "fuzz.py"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_no_input_ends_in_a_traceback_or_hangs(tmp_path):
    """What was found once, the seeds, and what is made of them."""
    command = [sys.executable, FUZZ, "--seconds", "300", "--inputs", "24", "--keep", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"(\w+): 24 inputs, 0 findings", done.stdout) == [
        "ssml", "plain", "templates", "toml", "pls", "manifests", "audio", "commands", "http",
    ]  # fmt: skip
