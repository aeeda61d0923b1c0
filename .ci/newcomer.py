"""The README's commands, in a fresh clone, as someone who has Python and nothing else runs them.

    python .ci/newcomer.py [--tests] [FOLDER]

The first command makes a session. The second, only with --tests, installs what the tests need and
runs them. FOLDER, where the clone, a home and tests.xml, pytest's report, lie, must not exist yet;
a temporary one is used, and removed, unless it is given. It is run by the Python that runs this, on
Linux, macOS and Windows.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETTINGS = re.compile(r"PIP_|SSL_|REQUESTS_|CURL_|.*_proxy$", re.IGNORECASE)
"""What a machine needs in order to install; all else of the environment is left out."""
WINDOWS = os.name == "nt"


def commands() -> tuple[str, str]:
    """Return the README's two commands: the indented lines that begin with a new environment."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (render,) = re.findall(r"^    (python3 -m venv .*render.*)$", readme, re.MULTILINE)
    (tests,) = re.findall(r"^    (python3 -m venv .*pytest)$", readme, re.MULTILINE)
    return render, tests


def as_on_windows(command: str) -> str:
    """Write a command as the README says that it is written on Windows."""
    command = command.replace(".venv/bin/", ".venv\\Scripts\\").replace("'", '"')
    return command.replace("python3 ", f'"{sys.executable}" ', 1)  # py may be another version


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of someone who has nothing but this Python."""
    if WINDOWS:  # nothing runs there without the system's own
        return {name: value for name, value in os.environ.items() if name != "CI"}
    programs, home = folder / "bin", folder / "home"
    programs.mkdir(parents=True)
    home.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    kept = {name: value for name, value in os.environ.items() if SETTINGS.match(name)}
    temporary = {"TMPDIR": os.environ["TMPDIR"]} if "TMPDIR" in os.environ else {}
    return {**kept, **temporary, "PATH": str(programs), "HOME": str(home), "LANG": "C.UTF-8"}


def run(command: str, clone: Path, env: dict[str, str]) -> None:
    """Run a command of the README."""
    print(f"$ {command}", flush=True)
    if WINDOWS:
        subprocess.run(as_on_windows(command), shell=True, cwd=clone, env=env, check=True)  # noqa: S602
    else:
        subprocess.run(["/bin/sh", "-c", command], cwd=clone, env=env, check=True)


def main() -> None:
    """Run the commands; end with the status of the first that fails."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--tests", action="store_true")
    asked = parser.parse_args()
    render, tests = commands()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = (asked.folder or Path(temporary) / "newcomer").resolve()
        env = environment(folder)
        clone = folder / "clone"
        subprocess.run(["git", "clone", "-q", ROOT, clone], check=True)
        try:
            run(render, clone, env)
            made = clone / "output/calf.mp3"
            if not made.is_file() or not made.stat().st_size:
                sys.exit(f"{made} was not made")
            print(f"{made.name}: {made.stat().st_size:,} bytes", flush=True)
            if asked.tests:
                run(f"{tests} -q --junitxml=../tests.xml", clone, env)
        except subprocess.CalledProcessError as error:
            sys.exit(error.returncode)


if __name__ == "__main__":
    main()
