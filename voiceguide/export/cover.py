"""A region -> a cover: the outline of the body, the region highlighted, and a title for feeds."""

from __future__ import annotations

import functools
import hashlib
import io
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import resvg_py

from voiceguide.files import Store, cache_folder

if TYPE_CHECKING:
    from collections.abc import Callable

FEED_PX = 3000
"""The side that podcast directories ask for; at least 1,400."""

IN_FILE_PX = 600
"""The side of the picture inside an audio file: 20 kB, sharp on the screen of a phone."""

CARD_PX = (1200, 630)
"""Width and height of the picture beside a link: what most programs that show one ask for."""

STYLE = """
.ground { fill: #16323a }
.outline { fill: #3d6670 }
.region { fill: none }
.lit { fill: #ffb454 }
.title { fill: #f4efe4; font-family: Lato; font-weight: bold }
"""

_BODY = Path(__file__).with_name("body.svg")
_SVG = "{http://www.w3.org/2000/svg}"
_MARGIN = 0.07  # a fraction of the picture, on its longer side
_TITLED = 0.2  # the height of the title's part, of that of the picture
_LETTER = 0.1  # the most that a letter is high, likewise
_CARD_LETTER_PX = 64
_CARD_LETTERS, _CARD_LINES = 18, 4  # that there is room for beside the body
_BOLD = {"font-family": "Lato", "font-weight": "bold"}
_EM_PER_LETTER = 0.6  # the mean width of Lato's bold letters, rounded up


@functools.lru_cache(maxsize=32)
def png(region_id: str, size_px: int) -> bytes:
    """Return a square PNG of the body with a region highlighted, or none if it is unknown."""
    picture = _picture(region_id, "")
    return _kept(f"{size_px}{picture}", lambda: _drawn(picture, size_px, size_px))


def titled(region_id: str, title: str) -> bytes:
    """Return the cover of a feed: the same with a title, 3,000 px wide.

    It is RGB without transparency, as podcast directories want it.
    """
    picture = _picture(region_id, title)
    return _kept(picture, lambda: _opaque(_drawn(picture, FEED_PX, FEED_PX)))


def card(region_id: str, title: str, name: str) -> bytes:
    """Return a PNG of 1,200 × 630 px that messages show beside a link (https://ogp.me).

    It shows the body with the region highlighted, a ``title``, and the ``name`` of the site.
    """
    width, height = CARD_PX
    body = _body(region_id)
    across, up = (float(number) for number in body.attrib["viewBox"].split()[2:])
    scale = height * (1 - 2 * _MARGIN) / up
    body.attrib |= {"width": f"{across * scale}", "height": f"{up * scale}"}
    body.attrib |= {"x": f"{height * _MARGIN}", "y": f"{height * _MARGIN}"}
    picture = ET.Element(f"{_SVG}svg", viewBox=f"0 0 {width} {height}")
    ET.SubElement(
        picture, f"{_SVG}rect", {"class": "ground", "width": f"{width}", "height": f"{height}"}
    )
    picture.append(body)
    begin = across * scale + 2 * height * _MARGIN
    lines = textwrap.wrap(title, _CARD_LETTERS, max_lines=_CARD_LINES, placeholder=" …")
    top = height / 2 - (len(lines) - 1) / 2 * _CARD_LETTER_PX * 1.2
    for number, line in enumerate([*lines, name]):
        is_name = number == len(lines)
        size = _CARD_LETTER_PX * (0.5 if is_name else 1)
        at = {"x": f"{begin}", "y": f"{top + number * _CARD_LETTER_PX * 1.2}"}
        looks = {"class": "lit" if is_name else "title", "font-size": f"{size}"}
        text = ET.SubElement(picture, f"{_SVG}text", {**looks, **at, **_BOLD})
        text.text = textwrap.shorten(line, 2 * _CARD_LETTERS, placeholder=" …")
    drawing = ET.tostring(picture, encoding="unicode")
    return _kept(drawing, lambda: _drawn(drawing, *CARD_PX))


def _body(region_id: str) -> ET.Element:
    """Return the drawing of the body, with a region highlighted."""
    body = ET.fromstring(_BODY.read_bytes())  # noqa: S314 (our own drawing)
    for shape in body.iter():
        if shape.get("data-region") == region_id:
            shape.set("class", "lit")
    return body


def _picture(region_id: str, title: str) -> str:
    """Return the SVG."""
    body = _body(region_id)
    width, height = (float(number) for number in body.attrib["viewBox"].split()[2:])
    room = 1 - _TITLED if title else 1
    side = max(width, height / room) / (1 - 2 * _MARGIN)
    body.attrib |= {"width": f"{width}", "height": f"{height}"}
    body.attrib |= {"x": f"{(side - width) / 2}", "y": f"{(side * room - height) / 2}"}
    picture = ET.Element(f"{_SVG}svg", viewBox=f"0 0 {side} {side}")
    ground = {"class": "ground", "width": f"{side}", "height": f"{side}"}
    ET.SubElement(picture, f"{_SVG}rect", ground)
    picture.append(body)
    if title:
        letter = min(_LETTER, (1 - 2 * _MARGIN) / (_EM_PER_LETTER * len(title))) * side
        below = {"x": f"{side / 2}", "y": f"{side * (1 - _TITLED / 2)}", "text-anchor": "middle"}
        text = ET.SubElement(
            picture, f"{_SVG}text", {"class": "title", "font-size": f"{letter}", **below}
        )
        text.text = title
    return ET.tostring(picture, encoding="unicode")


def _kept(made_of: str, draw: Callable[[], bytes]) -> bytes:
    """Return what ``draw`` draws; what was drawn once is taken from the cache."""
    drawn = Store(cache_folder() / "covers", ".png")
    name = hashlib.blake2b(f"{STYLE}{made_of}".encode(), digest_size=20).hexdigest()
    found = drawn.read(name)
    if found is None:
        found = draw()
        drawn.write(name, found)
    return found


def _drawn(picture: str, width_px: int, height_px: int) -> bytes:
    import font_lato

    return resvg_py.svg_to_bytes(
        svg_string=picture,
        width=width_px,
        height=height_px,
        style_sheet=STYLE,
        skip_system_fonts=True,
        font_files=[str(Path(font_lato.font_directory) / "Lato-Bold.ttf")],
    )


def _opaque(png: bytes) -> bytes:
    """Return a PNG without its channel for transparency."""
    from PIL import Image

    whole = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(whole, "PNG")
    return whole.getvalue()
