"""What is installed, what is promised about it, and how it is checked."""

from __future__ import annotations

import email
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from conftest import needs
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = (ROOT / "pyproject.toml").read_text("utf-8")
TEXTS = [
    "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "examples/README.md", "docs/architecture.md",
    "docs/ssml.md", "docs/regions.md",
]  # fmt: skip


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Return the package as it is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", ROOT],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as file:
        yield file


def test_the_wheel_has_all_that_a_session_and_the_page_need(wheel):
    held = set(wheel.namelist())
    for name in ("scripts/en/regions/calf.toml", "scripts/cues.ssml.jinja", "sounds/bell.wav",
                 "phone/page/page.js", "phone/page/index.html.jinja", "export/body.svg",
                 "py.typed", "__main__.py"):  # fmt: skip
        assert f"voiceguide/{name}" in held
    for folder, inside in (("voiceguide", ""), ("scripts", "scripts/"), ("sounds", "sounds/")):
        for path in (ROOT / folder).rglob("*"):
            name = path.relative_to(ROOT / folder).as_posix()
            if path.is_file() and "__pycache__" not in name:
                assert f"voiceguide/{inside}{name}" in held
    assert not [name for name in held if re.search(r"^(tests|examples|output|docs)/|\.pyc$", name)]


def test_the_wheel_is_for_every_python_from_3_11_on(wheel):
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    told = email.message_from_bytes(wheel.read(name))
    assert told["Requires-Python"] == ">=3.11"
    versions = {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13, 14)}
    assert versions | {"Typing :: Typed"} <= set(told.get_all("Classifier"))


def test_each_dependency_has_its_reason():
    listed = PROJECT[PROJECT.index("dependencies = [") : PROJECT.index("[project.scripts]")]
    named = re.findall(r'^ *(?:\w+ = \[)?"([\w.-]+?)[>\[].*?"\]?,?(.*)$', listed, re.MULTILINE)
    assert len(named) > 40
    assert [name for name, why in named if not re.match(r"  # \w", why)] == []


def test_the_workflow_runs_on_three_systems_and_four_pythons():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    jobs = workflow["jobs"]
    matrix = jobs["newcomer"]["strategy"]["matrix"]
    assert [name.partition("-")[0] for name in matrix["os"]] == ["ubuntu", "macos", "windows"]
    assert matrix["python"] == ["3.11", "3.12", "3.13", "3.14"]
    for job in jobs.values():
        assert {"runs-on", "steps", "timeout-minutes"} <= set(job)
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert {"ruff check .", "mypy", "python .ci/newcomer.py --tests", ".ci/run everything"} <= {
        *runs
    }
    for path in re.findall(r"\.ci/[\w.]+", " ".join(runs)):
        assert (ROOT / path).is_file()


def test_the_hooks_are_tools_of_the_environment():
    [one] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    assert one["repo"] == "local"
    assert [hook["id"] for hook in one["hooks"]] == ["ruff", "ruff-format", "mypy"]
    tools = {re.split(r"[>\[]", tool)[0] for tool in tomllib.loads(PROJECT)["project"][
        "optional-dependencies"]["dev"]}  # fmt: skip
    for hook in one["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"].split()[:2] == ["python", "-m"]
        assert hook["entry"].split()[2] in tools


@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
def test_the_readmes_commands_are_those_that_ci_runs():
    sys.path.insert(0, str(ROOT / ".ci"))
    import newcomer

    render, tests = newcomer.commands()
    assert render.endswith("&& .venv/bin/voiceguide render calf")
    assert tests.endswith("&& .venv/bin/python -m pytest")
    windows = newcomer.as_on_windows(tests)
    assert windows.endswith(
        '&& .venv\\Scripts\\pip install -e ".[test]" && .venv\\Scripts\\python -m pytest'
    )
    assert "python3 " not in windows


def test_the_script_of_ci_can_be_read():
    needs("bash")
    assert subprocess.run(["bash", "-n", ROOT / ".ci/run"], check=False).returncode == 0


def test_the_changelog_ends_with_the_version_of_the_package_or_what_comes_next():
    headings = re.findall(
        r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert headings[0] == "Unreleased"
    assert headings[1] == tomllib.loads(PROJECT)["project"]["version"]
    assert headings[-1] == "0.1.0"


@pytest.mark.parametrize("name", TEXTS)
def test_links_lead_to_files_that_are_there(name):
    text = (ROOT / name).read_text("utf-8")
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert ((ROOT / name).parent / link).exists(), link


def test_the_lock_file_has_allowed_versions_of_all_that_is_needed_by_their_hashes():
    lock = (ROOT / "requirements-lock.txt").read_text("utf-8")
    pins = re.findall(r"(?m)^([a-z0-9-]+)==([^\s;]+)(.*(?:\\\n    .*)+)$", lock)
    assert len(pins) == len(re.findall(r"(?m)^\S", lock))  # nothing else: no address, no option
    assert "platform_release" not in lock  # a kernel such as 6.1.0-13-amd64 makes pip 24 fail
    assert all("--hash=sha256:" in rest for _, _, rest in pins)
    project = tomllib.loads(PROJECT)["project"]
    extras = project["optional-dependencies"]
    needed = project["dependencies"] + [
        one
        for name in ("natural", "piper", "kokoro", "phone", "av", "mpris", "cluster", "listen")
        for one in extras[name]
    ]
    for one in map(Requirement, needed):
        name = one.name.lower().replace("_", "-")
        versions = [version for pinned, version, _ in pins if pinned == name]
        if name != "voiceguide":
            assert versions, name
        assert all(one.specifier.contains(version) for version in versions), (name, versions)
