"""Cue tree + clip lengths -> what is heard, in the order of time.

The rules are those of SMIL 3.0's time containers (https://www.w3.org/TR/SMIL3/smil-timing.html),
with two of our own: only an ``end`` cuts speech off, with a warning, and any offset may be
negative. A timeline is made from its beginning on, so that the beginning can play before the rest
has been spoken.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING

from voiceguide import clock, ssml
from voiceguide.errors import Findings, ScriptError, option, shortened
from voiceguide.ssml import Cue, Group, Mark, Pause, Sound, Speech, SyncBase, Timing
from voiceguide.timeline.events import Began, End, Ended, Event, Item, Opening, Ramp
from voiceguide.timeline.nodes import FOREVER, Frame, Node, begins_early_ms, heard_early_ms
from voiceguide.voices.engine import Utterance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from voiceguide.timeline.events import Placed

MAX_MS = 12 * 3_600_000
"""How long a session may last by default."""
MAX_EVENTS = 200_000
"""How many events a session may have; 12 hours of one a second are 43,200."""
_MAX_VISITS = 4 * MAX_EVENTS
"""How often cues may be visited: repetitions can contain much that is never heard."""

_MOST_UNHEARD = 20
"""How many clips that cannot be made are reported: each takes an engine a while."""
_CUT_FADE_MS = 10
"""How long a sound that is cut is faded, so that it does not click."""
_SPEECH_FADE_MS = 100
"""The same for speech: a voice that stops within a syllable should not sound like a fault."""

_CIRCLE = "circular reference: its time depends on itself"


def resolve(  # noqa: PLR0913 (each is part of the question)
    script: Group,
    length_ms: Callable[[Speech | Sound], int],
    *,
    pause_ms: Callable[[Pause, int], int] = lambda pause, _: pause.ms,
    utterance: Callable[[Speech], Utterance] = Utterance.of,
    name: str = "script",
    max_ms: int = MAX_MS,
    problems: Findings | None = None,
    known: Callable[[int], object] = lambda _: None,
) -> Iterator[Item]:
    """Return what is heard in ``script``, item by item, in the order of time.

    ``length_ms`` returns the length of a speech's or sound's clip; it is called as late as
    possible, and raises ScriptError if there is no clip. ``pause_ms`` returns the length of a
    pause, given when it begins, ``utterance`` what an engine says for a speech, which becomes part
    of its event.
    ``known`` is called with a time before which nothing more begins, before it waits for the next
    clip. ``name`` is used in messages; ``problems`` are those that the parser found. If there are
    any, or a clip is missing, references are circular or speech does not fit into a ``dur`` or its
    repetitions, no more items are returned, but the rest of the script is checked; then ScriptError
    is raised with a line for each problem. It is raised at once if the session would exceed
    ``max_ms`` or MAX_EVENTS. Speech that an ``end`` cuts off is faded; the End, which comes last,
    has a warning for it.
    """
    return _Resolver(
        script, length_ms, pause_ms, utterance, name, max_ms, problems or Findings()
    ).items(known)


class _Resolver:
    """Makes a node for every cue, and resolves its begin and end."""

    def __init__(  # noqa: PLR0913 (as for ``resolve``)
        self,
        script: Group,
        length_ms: Callable[[Speech | Sound], int],
        pause_ms: Callable[[Pause, int], int],
        utterance: Callable[[Speech], Utterance],
        name: str,
        max_ms: int,
        problems: Findings,
    ) -> None:
        self._script = script
        self._length_ms = length_ms
        self._pause_ms = pause_ms
        self._utterance = utterance
        self._name = name
        self._max_ms = max_ms
        self._problems = problems
        self._warnings = Findings()
        self._guessing = False
        self._unheard = 0
        self._too_long: set[Speech] = set()
        self._named: dict[str, Node] = {}
        self._home: dict[str, int] = {}  # by id, which child of the root it is in
        self._count = self._visits = self._latest = 0

    def items(self, known: Callable[[int], object]) -> Iterator[Item]:
        """Resolve the root's children one by one; hold back items that a later one may precede."""
        root = Node(self._script, None, 0)
        root.begin = 0
        for index, cue in enumerate(self._script.children):
            root.children.append(Node(cue, root, index))
        early_ms = self._early_ms(root)
        named = set(self._home.values())
        waiting: list[tuple[int, int, Item]] = []
        order = itertools.count()
        for child in root.children:
            end = self._end(child)
            self._latest = max(self._latest, end)
            for item in self._heard(child, Frame()):
                heapq.heappush(waiting, (item.at_ms, next(order), item))
            safe_ms = end - early_ms[child.index]
            while waiting and waiting[0][0] <= safe_ms and not self._problems:
                yield heapq.heappop(waiting)[2]
            if safe_ms > 0 and not self._problems:
                known(int(safe_ms))
            if child.index not in named:
                child.children.clear()  # no longer needed
        if self._problems:
            raise ScriptError("\n".join(self._problems.report(self._name)))
        while waiting:
            yield heapq.heappop(waiting)[2]
        yield End(self._latest, tuple(self._warnings.report(self._name)))

    def _early_ms(self, root: Node) -> list[float]:
        """Return, for each child of the root, how far before its end later ones may begin.

        A reference to another child of the root may lead anywhere; then all nodes are built first.
        """
        home = self._home
        for child in root.children:
            for cue in ssml.walk(child.cue):
                if isinstance(cue, Group) and cue.timing.id is not None:
                    home[cue.timing.id] = child.index
        early_ms: list[float] = []
        sum_ms: float = 0  # each may begin before the one before it: they add up
        for child in reversed(root.children):
            early_ms.append(sum_ms)
            sum_ms += begins_early_ms(child.cue, child.index, home)
        if sum_ms == FOREVER:
            for child in root.children:
                self._build(child)
        return early_ms[::-1]

    def _build(self, node: Node) -> None:
        """Create the nodes below ``node``, once."""
        stack = [] if node.children else [node]
        while stack:
            parent = stack.pop()
            if isinstance(parent.cue, Group):
                if parent.cue.timing.id is not None:
                    self._named[parent.cue.timing.id] = parent
                cues = enumerate(parent.cue.children)
                parent.children = [Node(cue, parent, index) for index, cue in cues]
                stack.extend(parent.children)

    def _begin(self, node: Node) -> int:
        if node.begin is not None:
            return node.begin
        if node.beginning:
            return self._guess(node, _CIRCLE)
        node.beginning = True
        try:
            written = node.cue.timing.begin if isinstance(node.cue, Group) else 0
            node.begin = self._after_others(node, self._point(node, written))
        finally:
            node.beginning = False
        if node.begin < 0 and not self._guessing:
            what = f"begins {-node.begin} ms before the session does: let it begin later"
            self._problems.add(what, node.cue.at)
            node.begin = 0
        return node.begin

    def _after_others(self, node: Node, begin: int) -> int:
        """Return when a node begins, if it waits for the one before it; warn if it does."""
        if not (isinstance(node.cue, Group) and node.cue.timing.waits and node.index):
            return begin
        late_ms = self._end(node.parent.children[node.index - 1]) - begin  # type: ignore[union-attr]
        if late_ms > 0:
            what = "begins later than it says: what comes before it takes longer"
            self._warnings.add(what, node.cue.at)
        return begin + max(0, late_ms)

    def _point(self, node: Node, point: int | SyncBase) -> int:
        """Return the time that a begin or end attribute means."""
        if isinstance(point, SyncBase):
            return self._edge(node, point) + point.offset_ms
        parent = node.parent
        assert parent is not None  # noqa: S101 (the root has its begin)
        if node.index == 0 or parent.cue.kind == "par":  # type: ignore[union-attr]
            return self._begin(parent) + point
        for child in parent.children[parent.placed : node.index]:
            self._end(child)  # in order, so that a long seq does not recurse deeply
            parent.placed = child.index + 1
        return self._end(parent.children[node.index - 1]) + point

    def _edge(self, node: Node, point: SyncBase) -> int:
        other = self._named.get(point.id)
        if other is None:
            if point.id in self._home:  # its node is only built when this is known
                return self._guess(node, _CIRCLE)
            self._guessing = True  # the parser reported it
            return self._latest
        return self._begin(other) if point.edge == "begin" else self._end(other)

    def _end(self, node: Node) -> int:
        if node.end is not None:
            return node.end
        if node.ending:
            return self._guess(node, _CIRCLE)
        node.ending = True
        try:
            node.end = self._begin(node) + self._active_ms(node)
        except RecursionError:
            node.end = self._guess(node, "depends on too long a chain of references")
        finally:
            node.ending = False
        if node.end > self._max_ms:
            longest = clock.in_words(self._max_ms)
            what = f"ends later than {longest}; {option('max_length')} allows more"
            raise self._beyond(node.cue, what)
        return node.end

    def _active_ms(self, node: Node) -> int:
        """Return how long ``node`` lasts, with repetitions and its own end (SMIL 3.0, 5.4.5)."""
        cue = node.cue
        if not isinstance(cue, Group):
            return self._leaf_ms(node, cue)
        timing = cue.timing
        self._build(node)
        node.simple = self._content_ms(node) if timing.dur_ms is None else timing.dur_ms
        lengths: list[float] = []
        if timing.repeat_count is not None:
            lengths.append(node.simple * timing.repeat_count)
        if timing.repeat_dur_ms is not None:
            lengths.append(timing.repeat_dur_ms)
        repeated = bool(lengths)
        if timing.end is not None:
            end = self._point(node, timing.end)
            lengths.append(max(0, end - self._begin(node)))
        if not repeated and (timing.end is None or timing.dur_ms is not None):
            lengths.append(node.simple)
        active_ms = min(lengths)
        node.is_ended = timing.end is not None and end - self._begin(node) <= active_ms
        return round(active_ms)

    def _leaf_ms(self, node: Node, cue: Speech | Sound | Pause | Mark) -> int:
        match cue:
            case Speech() | Sound():
                try:
                    return self._length_ms(cue)
                except ScriptError as error:
                    self._guess(node, str(error))
                    self._unheard += 1
                    if self._unheard > _MOST_UNHEARD:
                        raise self._beyond(cue, "the rest was not tried") from error
                    return 0
            case Pause():
                return self._pause_ms(cue, self._begin(node))
            case Mark():
                return 0

    def _content_ms(self, node: Node) -> int:
        """Return how long the children of ``node`` take together."""
        latest = begin = self._begin(node)
        for child in node.children:
            latest = max(latest, self._end(child))
        return latest - begin

    def _heard(self, node: Node, frame: Frame) -> Iterator[Placed]:
        """Return what is heard of ``node``, as its ancestors shape it."""
        cue = node.cue
        self._visits += 1
        if self._visits > _MAX_VISITS:
            raise self._beyond(cue, "is repeated too often to be timed")
        begin = frame.shift_ms + self._begin(node)
        end = frame.shift_ms + self._end(node)
        if isinstance(cue, Group):
            yield from self._heard_group(node, cue, begin, end, frame)
        elif isinstance(cue, Mark):
            yield from self._marked(cue, begin, frame)
        elif isinstance(cue, Speech):
            guessed = self._guessing and begin >= frame.limit_ms  # no room because of the guess
            if end <= frame.limit_ms:
                yield self._event(begin, end, cue, frame)
            elif frame.cuts_speech:
                self._warnings.add(_cut_off(cue, begin, end, frame.limit_ms), cue.at)
                yield from self._cut(begin, cue, frame, _SPEECH_FADE_MS)
            elif not guessed and cue not in self._too_long:
                self._too_long.add(cue)
                self._problems.add(_too_long(cue, begin, end, frame.limit_ms), cue.at)
        elif isinstance(cue, Sound):
            if end <= frame.limit_ms:
                yield self._event(begin, end, cue, frame)
            else:
                yield from self._cut(begin, cue, frame, _CUT_FADE_MS)

    def _cut(self, begin: int, cue: Speech | Sound, frame: Frame, fade_ms: int) -> Iterator[Event]:
        """Return what is heard of a cue until the limit, faded at its end; nothing after it."""
        if begin < frame.limit_ms:
            end = int(frame.limit_ms)
            fade = Ramp(max(begin, end - fade_ms), end, rising=False)
            yield self._event(begin, end, cue, frame._replace(ramps=(*frame.ramps, fade)))

    def _marked(self, mark: Mark, at_ms: int, frame: Frame) -> Iterator[Placed]:
        """Return what a mark begins or ends."""
        if mark.ends is not None:
            self._tally(mark)
            yield Ended(mark.ends, int(min(at_ms, frame.limit_ms)))  # cut off with its surroundings
        elif at_ms > frame.limit_ms:
            return
        elif mark.chapter is not None:
            self._tally(mark)
            yield Opening(mark.chapter, at_ms)
        elif mark.begins is not None:
            self._tally(mark)
            yield Began(*mark.begins, at_ms)

    def _heard_group(
        self, node: Node, group: Group, begin: int, end: int, frame: Frame
    ) -> Iterator[Placed]:
        timing = group.timing
        ramps = frame.ramps
        if timing.fade_in_ms:
            ramps = (*ramps, Ramp(begin, begin + timing.fade_in_ms, rising=True))
        if timing.fade_out_ms:
            ramps = (*ramps, Ramp(max(begin, end - timing.fade_out_ms), end, rising=False))
        gain_db, pan = frame.gain_db + timing.gain_db, max(-1.0, min(1.0, frame.pan + timing.pan))
        once = timing.repeat_count is None and timing.repeat_dur_ms is None
        until_ms = 0 if once else min(end, frame.limit_ms) - frame.shift_ms
        for again_ms in self._repetitions(node, timing):
            if again_ms and begin + again_ms >= frame.limit_ms + heard_early_ms(node):
                break
            limit_ms, cuts_speech = frame.limit_ms, frame.cuts_speech
            if end <= limit_ms:
                limit_ms, cuts_speech = end, node.is_ended or (cuts_speech and end == limit_ms)
            if timing.dur_ms is not None and begin + again_ms + timing.dur_ms < limit_ms:
                limit_ms, cuts_speech = begin + again_ms + timing.dur_ms, False
            shift_ms, joined = frame.shift_ms + again_ms, node.joined(again_ms, until_ms)
            inner = Frame(shift_ms, limit_ms, cuts_speech, gain_db, pan, ramps, joined)
            for child in node.children:
                yield from self._heard(child, inner)

    def _repetitions(self, node: Node, timing: Timing) -> Iterable[int]:
        """Return when each repetition begins, from the begin of the first."""
        once = timing.repeat_count is None and timing.repeat_dur_ms is None
        if once or node.simple == 0:
            return (0,)
        if not any(isinstance(cue, Speech | Sound | Mark) for cue in ssml.walk(node.cue)):
            return (0,)  # silence needs no repetition
        return range(0, self._end(node) - self._begin(node), node.simple)

    def _event(self, begin: int, end: int, cue: Speech | Sound, frame: Frame) -> Event:
        self._tally(cue)
        gain_db = frame.gain_db + (cue.style.gain_db if isinstance(cue, Speech) else 0.0)
        plays = self._utterance(cue) if isinstance(cue, Speech) else cue
        ramps = tuple(ramp for ramp in frame.ramps if ramp.begin_ms < end and ramp.end_ms > begin)
        return Event(begin, end, plays, gain_db, frame.pan, ramps, joined=frame.joined)

    def _tally(self, cue: Cue) -> None:
        self._count += 1
        if self._count > MAX_EVENTS:
            raise self._beyond(
                cue, f"is event number {self._count:,}, more than a session may have"
            )

    def _guess(self, node: Node, what: str) -> int:
        """Note that a time cannot be known, and return a guess, so that the rest can be checked."""
        self._problems.add(what, node.cue.at)
        self._guessing = True
        return self._latest

    def _beyond(self, cue: Cue, what: str) -> ScriptError:
        """Return the error for an exceeded limit, after which nothing more is checked."""
        self._problems.add(what, cue.at)
        return ScriptError("\n".join(self._problems.report(self._name)))


def _too_long(cue: Speech, begin: int, end: int, limit_ms: float) -> str:
    room = max(0, int(limit_ms) - begin)
    return (
        f"“{shortened(cue.text)}” begins at {begin / 1000:.3f} s and lasts "
        f"{(end - begin) / 1000:.3f} s, but there is room for {room / 1000:.3f} s: "
        "give it more time, or shorten it"
    )


def _cut_off(cue: Speech, begin: int, end: int, limit_ms: float) -> str:
    heard = int(limit_ms) - begin
    if heard <= 0:
        return f"“{shortened(cue.text)}” is not heard: the “end” around it comes before it"
    return (
        f"“{shortened(cue.text)}” lasts {(end - begin) / 1000:.3f} s, but the “end” around it cuts "
        f"it off after {heard / 1000:.3f} s: it is faded"
    )
