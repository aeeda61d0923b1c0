"""Sessions of regions as far as they can be known without a voice.

Texts are taken from the library's files and worded for a side here, a second time. Speech is given
plausible lengths, sounds their real ones.
"""

from __future__ import annotations

import functools
import itertools
import re
import tomllib
import wave
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from voiceguide import script, ssml, timeline
from voiceguide.options import chosen
from voiceguide.script import Request
from voiceguide.ssml import Script, Sound, Speech
from voiceguide.timeline import Event, Timeline

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "scripts"
SOUNDS = ROOT / "sounds"
SSML = "http://www.w3.org/2001/10/synthesis"
MS_PER_CHARACTER = 80
"""What espeak-ng needs at 120 words a minute; a calm narrator reads no faster."""
HOLD_S = {"gentle": 30, "standard": 45, "deep": 60}
MINUTE_MS = 60_000
ROLLER = "foam-roller"
UPRIGHT = {"en": r"\bstand", "de": r"\b(steh|stell dich|stell oder)"}
OPEN_EYES = {
    "en": r"eyes.* open|open.* eyes",
    "de": r"augen.* (offen|auf)|offen.* augen|öffne.* augen",
}


@dataclass(frozen=True)
class Texts:
    """The files of a language, as they are written."""

    regions: dict[str, dict]
    wording: dict
    methods: dict[str, dict]

    def phrases_for(self, method: str) -> dict[str, list[str]]:
        """Return the phrases that a session by this method may say; its own take others' places."""
        phrases = self.wording["phrases"]
        suffixes = {name: "_" + name.replace("-", "_") for name in self.methods}
        common = [key for key in phrases if not key.endswith(tuple(suffixes.values()))]
        own = suffixes[method]
        return {key: phrases.get(key + own, phrases[key]) for key in common}


@dataclass(frozen=True)
class Part:
    """A chapter with what is heard in it."""

    title: str
    begin_ms: int
    end_ms: int
    events: list[Event]


@dataclass(frozen=True)
class Turn:
    """An area, on one side of the body."""

    area: dict
    side: str | None


@dataclass(frozen=True)
class Made:
    """A session, and the texts that it was made of."""

    asked: Request
    texts: Texts
    text: str
    parsed: Script
    timeline: Timeline
    turns: list[Turn]
    """What is treated, in order."""

    @property
    def region(self) -> dict:
        """The file of the region."""
        return self.texts.regions[self.asked.target]

    @property
    def method(self) -> dict:
        """The entry of the method."""
        return self.texts.methods[str(self.asked.options.method)]

    @property
    def rolled(self) -> list[Turn]:
        """The turns before which the roller comes."""
        return [
            turn
            for turn in self.turns
            if self.asked.options.prepare and ROLLER in turn.area["place"]
        ]

    @property
    def firsts(self) -> list[Turn]:
        """The first turn of each area."""
        return list({turn.area["id"]: turn for turn in reversed(self.turns)}.values())

    @property
    def silent(self) -> bool:
        """Whether only the names of chapters are spoken."""
        return self.asked.options.guidance == "tones"

    @functools.cached_property
    def chapters(self) -> list[Part]:
        """All chapters, in order."""
        return [
            Part(
                one.title,
                one.begin_ms,
                one.end_ms,
                [e for e in self.timeline.events if one.begin_ms <= e.begin_ms < one.end_ms],
            )
            for one in self.timeline.chapters
        ]

    def parts(self, key: str) -> list[Part]:
        """Return the chapters of this kind, one a turn if they are about a place."""
        name = self.texts.wording["chapters"][key]
        return [part for part in self.chapters if part.title.split(": ")[-1] == name]

    @property
    def warnings(self) -> list[str]:
        """What is said before anything that is treated is pressed, each once."""
        return list(dict.fromkeys(text for turn in self.turns for text in turn.area["warnings"]))

    @property
    def pressure(self) -> list[str] | None:
        """How hard to press if it is less than the level says in all that is treated."""
        limits = [turn.area["pressure"] for turn in self.turns]
        return limits[0] if all(limit == limits[0] for limit in limits) else None

    def limit(self, turn: Turn) -> list[str]:
        """Return how hard to press, where it differs from area to area; else nothing."""
        if len({str(one.area["pressure"]) for one in self.turns}) == 1:
            return []
        usual: list[str] = self.texts.wording["phrases"][f"pressure_{self.asked.options.level}"]
        return list(turn.area["pressure"] or usual)

    def mobilize(self, turn: Turn) -> list[str]:
        """Return the texts that explain the movement."""
        return self.method.get("mobilize") or turn.area["mobilize"]

    def reminders(self, turn: Turn) -> list[str]:
        """Return the variants that remind of the movement."""
        own = self.method.get("mobilize_again") or turn.area["mobilize_again"]
        return [*own, *self.texts.wording["phrases"]["move_again"]]

    def phrases(self, side: str | None) -> dict[str, list[list[str]]]:
        """Return the variants of each phrase: all forms that one may have, worded and filled in."""
        areas = list(dict.fromkeys(turn.area["name"] for turn in self.turns))
        rounds = len(holds(self.parts("press")[0].events))
        rounds -= self.asked.options.method == ROLLER  # it rolls before the first

        def forms(variant: str) -> list[str]:
            text = for_side(variant, side).replace("<rounds>", str(rounds))
            text = text.replace("<region>", self.region["spoken"])
            text = text.replace("<tool>", self.method["spoken"])
            if "<round>" in text:
                return [text.replace("<round>", str(one)) for one in range(1, rounds + 1)]
            return [text.replace("<area>", area) for area in areas]

        phrases = self.texts.phrases_for(str(self.asked.options.method))
        return {key: [forms(variant) for variant in variants] for key, variants in phrases.items()}


@functools.cache
def texts_of(language: str) -> Texts:
    """Read the files of a shipped language."""

    def toml(path: Path) -> dict:
        return tomllib.loads(path.read_text("utf-8"))

    folder = SCRIPTS / language
    known = toml(folder / "muscles.toml")
    muscles = {muscle["id"]: muscle for muscle in known["muscles"]}
    regions = {path.stem: toml(path) for path in sorted(folder.glob("regions/*.toml"))}
    for region in regions.values():
        for area in region["areas"]:
            muscle = muscles[area["muscle"]]
            area["cautions"] = muscle["cautions"]
            area["pressure"] = known["pressure"].get(muscle.get("pressure"))
            parts = [known["doctor"][part] for part in muscle["doctor"]]
            area["warnings"] = [*itertools.chain(*parts), *region.get("cautions", [])]
    return Texts(
        regions,
        toml(folder / "phrases.toml"),
        {method["id"]: method for method in toml(folder / "methods.toml")["methods"]},
    )


def request(target: str, part: str = "whole", **options: object) -> Request:
    """Ask for a session, or for a part of one, as a track of a playlist is."""
    return Request(target, chosen(options), part)


def made(asked: Request) -> Made:
    """Make the session of a region, a method and an area (or "all") that are named."""
    texts = texts_of(asked.options.language)
    areas = texts.regions[asked.target]["areas"]
    treated = [
        area
        for area in areas
        if asked.options.area in (area["id"], "all") and asked.options.method in area["place"]
    ]
    text = script.write(asked).text
    parsed = ssml.parse(text, name="session", folders=[SOUNDS])
    return Made(
        asked,
        texts,
        text,
        parsed,
        timeline.collect(timeline.resolve(parsed.root, length_ms)),
        [Turn(area, side) for area in treated for side in sides(area, asked.options.side)],
    )


def sides(area: dict, asked: str) -> list[str | None]:
    """Return the sides on which an area is treated."""
    if not area["two_sided"]:
        return [None]
    return ["left", "right"] if asked == "both" else [asked]


def length_ms(cue: Speech | Sound) -> int:
    """Return how long a clip may last."""
    if isinstance(cue, Speech):
        return 200 + round(MS_PER_CHARACTER * len(cue.text) / cue.style.rate)
    return round(_sound_ms(cue.path) / cue.speed)


@functools.cache
def _sound_ms(path: Path) -> float:
    with wave.open(str(path)) as file:
        return 1000 * file.getnframes() / file.getframerate()


def spoken(events: Iterable[Event]) -> list[str]:
    """Return what is said."""
    return [event.text for event in events if event.kind == "speech"]


def sounds(events: Iterable[Event], name: str) -> list[int]:
    """Return when a sound begins."""
    return [event.begin_ms for event in events if event.source == name]


def holds(events: Iterable[Event]) -> list[tuple[int, int]]:
    """Return when each hold begins and ends, by its tones."""
    events = list(events)
    return list(zip(sounds(events, "start.wav"), sounds(events, "end.wav"), strict=True))


def for_side(text: str, side: str | None) -> str:
    """Word a text for a side."""
    return re.sub(r"\{(.*?)\|(.*?)\}", r"\2" if side == "right" else r"\1", text)


def worded(texts: Iterable[str], side: str | None) -> list[str]:
    """Return the sentences of texts, worded for a side."""
    one_sided = [for_side(text, side) for text in texts]
    return [sentence for text in one_sided for sentence in re.split(r"(?<=[.!?…]) ", text)]


def has_run(texts: list[str], run: list[str]) -> bool:
    """Whether ``run`` is said in ``texts`` without anything between."""
    return any(texts[at : at + len(run)] == run for at in range(len(texts)))


def paragraphs(text: str) -> list[str]:
    """Return the texts of a script that are said at once, in their order."""
    parts = etree.fromstring(text.encode()).iterfind(".//*")
    names = (f"{{{SSML}}}p", f"{{{SSML}}}speak")
    return [
        " ".join(part.itertext())
        for part in parts
        if part.tag in names and (part.tag == names[0] or not len(part))
    ]
