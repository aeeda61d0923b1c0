"""Tables in the documentation that are made from the library.

``VOICEGUIDE_WRITE_DOCUMENTS=1 python -m pytest tests/test_documents.py`` makes them anew.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from conftest import voiceguide

DOCS = Path(__file__).parents[1] / "docs"
COMMAND = "VOICEGUIDE_WRITE_DOCUMENTS=1 python -m pytest tests/test_documents.py"


def made_anew(text: str) -> str:
    """Put between each pair of markers what the command that they name prints."""

    def printed(block: re.Match[str]) -> str:
        done = voiceguide(*block[2].split())
        assert done.returncode == 0, done.stderr
        return f"{block[1]}\n{done.stdout}{block[3]}"

    return re.sub(r"(<!-- voiceguide (.*?) -->)\n.*?(<!-- end -->)", printed, text, flags=re.DOTALL)


def test_the_table_of_regions_is_what_the_library_holds():
    path = DOCS / "regions.md"
    written = path.read_text("utf-8")
    new = made_anew(written)
    if os.environ.get("VOICEGUIDE_WRITE_DOCUMENTS"):
        path.write_text(new, "utf-8")
    elif new != written:
        pytest.fail(f"docs/regions.md is stale; make it anew:\n    {COMMAND}")
    for command in ("methods --format markdown", "regions --format markdown"):
        assert f"<!-- voiceguide {command} -->\n|" in new


def test_every_region_area_complaint_and_method_is_in_the_table():
    table = (DOCS / "regions.md").read_text("utf-8")
    for region in json.loads(voiceguide("regions", "--format", "json").stdout):
        names = [region["id"], *region["complaints"], *(area["id"] for area in region["areas"])]
        assert all(f"`{name}`" in table for name in names), region["id"]
    for method in json.loads(voiceguide("methods", "--format", "json").stdout):
        assert f"| `{method['id']}` |" in table


def test_the_sentence_that_the_architecture_follows_is_in_the_library_and_in_the_script():
    followed = (DOCS / "architecture.md").read_text("utf-8")
    sentence = re.search(r'find = \["(.*?)", …\]', followed)
    assert sentence is not None
    calf = (DOCS.parent / "scripts/en/regions/calf.toml").read_text("utf-8")
    assert f'find = [\n    "{sentence[1]}",\n' in calf
    spoken = re.search(r"<s>(.*?) …</s>", followed)
    assert spoken is not None
    assert spoken[1] in voiceguide("script", "calf", "--side", "left").stdout
