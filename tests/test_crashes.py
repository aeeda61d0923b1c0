"""What is left of files when a run is killed, or the disk fails, in the middle of writing them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import needs

POINTS = Path(__file__).parent / "benchmarks" / "crash_points.py"


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="LD_PRELOAD is of Linux")
def test_no_crash_breaks_a_file_and_the_next_run_mends_all():
    """A sample of what the benchmark tries at every point."""
    needs("gcc")
    cases = ["render wav", "playlist", "copy to a card again", "places", "catalogue again",
             "download resumed"]  # fmt: skip
    command = [sys.executable, POINTS, "--every", "14", *cases]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (counts,) = re.findall(r"^(\d+) points, (\d+) runs, 0 wrong$", done.stdout, re.MULTILINE)
    assert int(counts[0]) >= 12
    assert int(counts[1]) == 4 * int(counts[0])
