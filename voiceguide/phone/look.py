"""How a published site looks: site.toml -> name, logo, text, links and colors that can be read."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from voiceguide.files import is_file
from voiceguide.library.toml import validated
from voiceguide.phone.choices import PAGE

if TYPE_CHECKING:
    from PIL.Image import Image

NAME = "voiceguide"
"""What a site is called that has no name of its own."""

GROUND = "#16323a"
"""What is behind the icon, as on covers."""

_LIGHT_GROUND, _DARK_GROUND = "#f5f2ec", "#0e2026"  # as in page.css
_INK, _QUIET = "#17323a", "#4c6168"
_SEEN, _READ = 3.0, 4.5
"""The least contrast of what is seen and of what is read, by WCAG 2.2 (1.4.11 and 1.4.3)."""
_LINEAR = 0.04045
"""Below this, sRGB is linear; the formula is that of WCAG's relative luminance."""
_LOGOS = (".svg", ".png", ".jpg", ".jpeg")
_MOST_LOGO_BYTES = 500_000
_ICON_COLORS = 128
"""Enough for our own icon, a part of every first view: with these it takes 2.5 kB, not 6.1."""
_EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
_ADDRESS = re.compile(r"(https?://|mailto:|tel:)\S+|(?![\w+.-]*:)[^\s/][^\s]*")


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colors such as #17565f, from 1 to 21, as WCAG defines it."""
    lighter, darker = sorted(map(_luminance, (one, other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = [part / 255 for part in bytes.fromhex(color[1:])]
    red, green, blue = (p / 12.92 if p <= _LINEAR else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def seen_on(ground: str, color: str) -> str:
    """Return a color, changed as little as needed to be seen on a ground."""
    toward = 255 if _luminance(ground) < _luminance("#777777") else 0
    parts = bytes.fromhex(color[1:])
    for step in range(101):
        mixed = bytes(round(part + (toward - part) * step / 100) for part in parts)
        if contrast(f"#{mixed.hex()}", ground) >= _SEEN:
            break
    return f"#{mixed.hex()}"


def _color(written: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", written):
        raise ValueError("must be a color such as #17565f")
    return written.lower()


def _light(color: str) -> str:
    if min(contrast(color, _INK), contrast(color, _QUIET)) < _READ:
        raise ValueError("is too dark to read on; take a light color such as #f5f2ec")
    return color


def _address(written: str) -> str:
    if not _ADDRESS.fullmatch(written):
        raise ValueError("must be an address such as https://example.org/imprint or imprint.html")
    return written


def _email(written: str) -> str:
    if not _EMAIL.fullmatch(written):
        raise ValueError("must be an address such as info@example.org")
    return written


def _name(written: str) -> str:
    if not written.strip() or not written.isprintable():
        raise ValueError("must be a line of text")
    return written.strip()


def _by_language(given: object) -> object:
    return {"": given} if isinstance(given, str) else given


def _logo(written: Path, info: ValidationInfo) -> Path:
    path = Path(info.context["folder"]) / written if info.context else written
    if path.suffix.lower() not in _LOGOS:
        raise ValueError(f"must be a picture: {', '.join(_LOGOS)}")
    if not is_file(path):
        raise ValueError(f"{path} is not there")
    if path.stat().st_size > _MOST_LOGO_BYTES:
        raise ValueError(f"{path} is larger than {_MOST_LOGO_BYTES // 1000} kB; make it smaller")
    try:
        _opened(path, 64)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a picture: {error}") from error
    return path


Color = Annotated[str, AfterValidator(_color)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Link(_Section):
    """A link below the page, such as to an imprint."""

    text: str
    address: Annotated[str, AfterValidator(_address)]


class Look(_Section):
    """What site.toml may say."""

    name: Annotated[str, AfterValidator(_name)] = NAME
    logo: Annotated[Path, AfterValidator(_logo)] | None = None
    """A picture beside site.toml."""
    text: Annotated[dict[str, str], BeforeValidator(_by_language)] = {}
    """Paragraphs above the body, by language; "" is for all."""
    accent: Color | None = None
    """The color of buttons, and of the place that is chosen."""
    background: Annotated[Color, AfterValidator(_light)] = _LIGHT_GROUND
    """The color behind everything, by day; by night it stays dark."""
    links: list[Link] = []
    email: Annotated[str, AfterValidator(_email)] | None = None
    """Where directories of podcasts write; anyone who reads the feeds sees it."""

    def paragraphs(self, language: str) -> list[str]:
        """Return the text in a language."""
        text = self.text.get(language, self.text.get("", ""))
        return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]

    def css(self) -> str:
        """Return the colors as a style sheet; each can be read and seen where it is used."""
        rules = []
        for ground in (self.background, _DARK_GROUND):
            colors = {"ground": ground}
            if self.accent is not None:
                color = seen_on(ground, self.accent)
                colors |= {"accent": color, "lit": color, "on-accent": _letters_on(color)}
            said = "; ".join(f"--{name}: {color}" for name, color in colors.items())
            rules.append(f":root {{ {said} }}")
        by_day, by_night = rules
        return f"{by_day}\n@media (prefers-color-scheme: dark) {{\n  {by_night}\n}}\n"

    def icon(self, size_px: int, room: float) -> bytes:
        """Return a square PNG of the logo, which takes ``room`` of its width, such as 0.8."""
        from PIL import Image

        ground = GROUND if self.logo is None else self.background
        whole = Image.new("RGB", (size_px, size_px), ground)
        most = round(size_px * room)
        logo = _opened(self.logo or PAGE / "icon.svg", most)
        logo.thumbnail((most, most))
        place = ((size_px - logo.width) // 2, (size_px - logo.height) // 2)
        whole.paste(logo, place, logo)
        content = io.BytesIO()
        icon = whole.quantize(_ICON_COLORS) if self.logo is None else whole
        icon.save(content, "PNG", optimize=True)
        return content.getvalue()


def read(path: Path | None, **given: Any) -> Look:
    """Return what a site.toml says; ``given`` takes the place of what is in it.

    Without ``path``, all is as it is by default. Raises LibraryError with a line for each mistake.
    """
    if path is None:
        return Look(**given)
    found = validated(Look, path, context={"folder": path.parent})
    return found.model_copy(update=given)


def _letters_on(color: str) -> str:
    return max("#ffffff", "#000000", key=lambda letters: contrast(letters, color))


def _opened(picture: Path, size_px: int) -> Image:
    """Return a picture; one that is drawn is ``size_px`` wide. Raises OSError and ValueError."""
    from PIL import Image

    content = picture.read_bytes()
    if picture.suffix.lower() == ".svg":
        import resvg_py

        content = resvg_py.svg_to_bytes(svg_string=content.decode("utf-8"), width=size_px)
    return Image.open(io.BytesIO(content)).convert("RGBA")
