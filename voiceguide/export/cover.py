"""A region -> a cover: the outline of the body with the region highlighted."""

from __future__ import annotations

import functools
from pathlib import Path
from xml.etree import ElementTree as ET

import resvg_py

SIZE_PX = 1400
"""The side of the square; the minimum of podcast directories."""

IN_FILE_PX = 600
"""The side of the picture inside an audio file: 20 kB, sharp on the screen of a phone."""

STYLE = """
.ground { fill: #16323a }
.outline { fill: #3d6670 }
.region { fill: none }
.lit { fill: #ffb454 }
"""

_BODY = Path(__file__).with_name("body.svg")
_SVG = "{http://www.w3.org/2000/svg}"
_MARGIN = 0.07  # a fraction of the picture, on its longer side


@functools.lru_cache(maxsize=32)
def png(region_id: str, size_px: int = SIZE_PX) -> bytes:
    """Return a square PNG of the body with a region highlighted, or none if it is unknown."""
    body = ET.fromstring(_BODY.read_bytes())  # noqa: S314 (our own drawing)
    for shape in body.iter():
        if shape.get("data-region") == region_id:
            shape.set("class", "lit")
    width, height = (float(number) for number in body.attrib["viewBox"].split()[2:])
    side = max(width, height) / (1 - 2 * _MARGIN)
    body.attrib |= {"width": f"{width}", "height": f"{height}"}
    body.attrib |= {"x": f"{(side - width) / 2}", "y": f"{(side - height) / 2}"}
    picture = ET.Element(f"{_SVG}svg", viewBox=f"0 0 {side} {side}")
    ground = {"class": "ground", "width": f"{side}", "height": f"{side}"}
    ET.SubElement(picture, f"{_SVG}rect", ground)
    picture.append(body)
    return resvg_py.svg_to_bytes(
        svg_string=ET.tostring(picture, encoding="unicode"),
        width=size_px,
        height=size_px,
        style_sheet=STYLE,
        skip_system_fonts=True,
    )
