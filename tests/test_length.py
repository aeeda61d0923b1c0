"""A session lasts exactly as long as was asked for."""

from __future__ import annotations

import itertools
import random
import re

import pytest
from conftest import FRAMES_PER_MS, decode, voiceguide

from voiceguide import Session, mixer, script, ssml
from voiceguide import timeline as timelines
from voiceguide.errors import RequestError, ScriptError
from voiceguide.plan import open_voice

pytestmark = pytest.mark.slow


def holds(session: Session) -> int:
    sources = [event.source for event in session.timeline.events]
    return sources.count("start.wav")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("region", "level"), [("calf", "standard"), ("neck", "deep"), ("lower-back", "gentle")]
)
def test_any_length_between_the_shortest_and_the_longest_is_met(region, level):
    with pytest.raises(RequestError) as refused:
        _ = Session(region, level=level, minutes=1).script
    minutes, seconds = re.search(r"shortest possible is (\d+):(\d\d)", str(refused.value)).groups()
    shortest_ms = (int(minutes) * 60 + int(seconds)) * 1000
    rng = random.Random(region)
    for _ in range(3):
        asked_ms = rng.randrange(shortest_ms, 50 * 60_000 if level == "deep" else 40 * 60_000)
        session = Session(region, level=level, minutes=asked_ms / 60_000)
        assert session.timeline.duration_ms == asked_ms


@pytest.mark.parametrize(
    ("region", "minutes", "options"),
    [
        ("hand", 11, {"guidance": "brief", "method": "fascia-ball"}),
        ("jaw", 14, {"guidance": "tones"}),
        ("calf", 22, {"explain": True, "prepare": True}),
        ("radiating-back-pain", 40, {"prepare": True, "method": "fascia-ball"}),
    ],
)
def test_a_length_is_met_whatever_else_is_asked_for(region, minutes, options):
    session = Session(region, minutes=minutes, **options)
    assert session.timeline.duration_ms == minutes * 60_000


@pytest.mark.parametrize("level", ["gentle", "standard", "deep"])
def test_without_a_length_a_session_lasts_what_the_manual_says(level):
    def minutes(**options: object) -> float:
        return Session("calf", level=level, **options).timeline.duration_ms / 60_000

    both = minutes()
    assert 13 < both < 16
    assert 11 < minutes(side="left") < 13
    assert 3.3 < minutes(prepare=True) - both < 4.3
    assert 0.8 < minutes(explain=True) - both < 1.4


def test_the_shortest_length_that_is_named_can_be_had():
    refused = voiceguide("script", "calf", "--minutes", 2)
    assert refused.returncode == 1
    said = r"calf cannot be 2:00 long; the shortest possible is (\S+), or (\S+) with --side left\n"
    both, left = re.fullmatch(f"voiceguide: {said}", refused.stderr).groups()
    assert Session("calf", minutes=both).timeline.duration_ms == _ms(both)
    assert Session("calf", minutes=left, side="left").timeline.duration_ms == _ms(left)
    with pytest.raises(RequestError) as error:
        _ = Session("calf", minutes=2).script
    shortest_ms, one_side_ms = (*error.value.nearest_ms, error.value.one_side_ms)
    assert 0 <= _ms(both) - shortest_ms < 1000
    assert 0 <= _ms(left) - one_side_ms < 1000
    session = Session("calf", minutes=shortest_ms / 60_000)
    assert session.timeline.duration_ms == shortest_ms


def _ms(clock: str) -> int:
    minutes, seconds = clock.split(":")
    return (int(minutes) * 60 + int(seconds)) * 1000


def test_a_decoded_file_has_exactly_so_many_samples(tmp_path):
    path = tmp_path / "calf.mp3"
    done = voiceguide("render", "calf", "--side", "left", "--minutes", "8:20", "-o", path)
    assert done.returncode == 0, done.stderr
    assert len(decode(path)) == 500_000 * FRAMES_PER_MS


@pytest.mark.parametrize(
    ("region", "minutes", "options"),
    [
        ("calf", 3, {"side": "left"}),
        ("neck", 4, {"side": "right", "language": "de"}),
        ("calf", 5.5, {}),
        ("hip", 7, {"guidance": "brief"}),
    ],
)
def test_short_and_long_sessions_hold_and_stretch_for_half_a_minute_at_least(
    region, minutes, options
):
    session = Session(region, minutes=minutes, voice="pyttsx3", **options)
    marks = session.timeline.marks
    assert session.timeline.duration_ms == minutes * 60_000
    for kind in ("hold", "stretch"):
        lasting = [mark.end_ms - mark.begin_ms for mark in marks if mark.kind == kind]
        assert len(lasting) >= (1 if "side" in options else 2)
        assert min(lasting) >= 30_000


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("region", ["foot", "groin", "knee", "back-thigh", "upper-arm"])
def test_where_most_is_to_be_said_five_minutes_are_enough_or_three_for_a_side(region, language):
    for side, minutes in (("both", 5), ("left", 3)):
        session = Session(region, language=language, side=side, minutes=minutes)
        assert session.timeline.duration_ms == minutes * 60_000


def test_fixed_times_stay_and_longer_sessions_have_more_rounds():
    short, long = Session("calf", minutes=15), Session("calf", minutes=19)
    for session in (short, long):
        starts = [e.begin_ms for e in session.timeline.events if source(e) == "start.wav"]
        ends = [e.begin_ms for e in session.timeline.events if source(e) == "end.wav"]
        lengths = {end - start for start, end in zip(starts, ends, strict=True)}
        assert lengths == {45_000, 60_000}
    assert holds(long) > holds(short)


def source(event) -> str | None:
    return event.source


def test_a_long_session_treats_more_areas():
    names = [chapter.title for chapter in Session("calf", minutes=35).timeline.chapters]
    assert names.count("Left: Find the spot") == 2


def test_a_script_from_elsewhere_is_fitted_by_its_elastic_pauses_alone(ssml):
    body = 'One.<break time="2s"/>Two.<break strength="x-strong"/>'
    body += 'Three.<break strength="strong"/>Four.'
    plain = Session(ssml(body)).timeline
    asked_ms = plain.duration_ms + 1234
    fitted = Session(ssml(body), minutes=asked_ms / 60_000).timeline
    assert fitted.duration_ms == asked_ms
    gaps = [
        [after.begin_ms - before.end_ms for before, after in itertools.pairwise(t.events)]
        for t in (plain, fitted)
    ]
    assert gaps[0] == [2000, 3000, 1500]
    assert gaps[1][0] == 2000
    assert gaps[1][1] == pytest.approx(3000 * (1 + 1234 / 4500), abs=25)


def test_a_length_that_cannot_be_had_is_answered_with_the_nearest(ssml):
    script = ssml('One.<break strength="x-strong"/>Two.')
    with pytest.raises(RequestError, match=r"cannot be 1:00 long; the longest possible is 0:0\d$"):
        _ = Session(script, minutes=1).timeline
    with pytest.raises(RequestError, match=r"cannot be 0:01 long; the shortest possible is 0:0\d$"):
        _ = Session(script, minutes="0:01").timeline


@pytest.mark.parametrize(
    "body",
    [
        """<par end="a.end"><media xml:id="a"><break strength="x-strong"/></media>
        <media>Hello there my friend now.</media></par><break strength="x-strong"/>End.""",
        '<break strength="x-strong"/><media begin="-2s">Hello.</media><break strength="x-strong"/>',
    ],
    ids=["speech in a pause", "speech before the end of one"],
)
def test_pauses_shrink_as_far_as_what_hangs_on_them_allows(ssml, body):
    script = ssml(body)
    natural_ms = Session(script).timeline.duration_ms
    for length_ms in (natural_ms, natural_ms - 300, natural_ms + 700):
        assert Session(script, minutes=length_ms / 60_000).timeline.duration_ms == length_ms
    with pytest.raises(RequestError, match="shortest possible is"):
        Session(script, minutes=0.02).prepare()


LONG = "Let us begin with a long sentence that takes quite some time to be said by anybody."


@pytest.mark.parametrize(
    "body",
    [
        f"""<par><media xml:id="a"><speak>{LONG}</speak></media>
        <media begin="a.end-4.5s"><audio src="bell.wav"/></media></par>""",
        f"""<par><media xml:id="a"><speak><break strength="strong"/>{LONG}</speak></media>
        <media begin="a.end-5.5s"><audio src="bell.wav"/></media></par>""",
    ],
    ids=["a bell within speech", "a bell within speech after a pause"],
)
def test_what_begins_before_the_end_of_speech_is_fitted_too(ssml, body):
    script = ssml(body + 9 * '<break strength="x-strong"/>Now.')
    natural_ms = Session(script).timeline.duration_ms
    for length_ms in (natural_ms - 10_000, natural_ms, natural_ms + 9000):
        assert Session(script, minutes=length_ms / 60_000).timeline.duration_ms == length_ms


def test_a_script_in_which_nothing_is_heard_has_no_length(ssml):
    with pytest.raises(ScriptError, match="the script is empty"):
        Session(ssml(""), minutes=1).prepare()


@pytest.mark.parametrize("wrong", ["soon", "1:75", "-3", "0", "9999", "nan", ""])
def test_what_is_no_length_is_refused(wrong):
    done = voiceguide("script", "calf", "--minutes", wrong)
    assert done.returncode == 2
    assert "--minutes" in done.stderr
    assert "Traceback" not in done.stderr


def test_little_is_spoken_that_is_not_heard(tmp_path, monkeypatch):
    """What is far too long is known to be, before it is spoken."""
    monkeypatch.setenv("VOICEGUIDE_CACHE_DIR", str(tmp_path))
    session = Session("foot", minutes=5)
    heard = {utterance for _, utterance in session.utterances}
    spoken = [path for path in (tmp_path / "clips").rglob("*") if path.is_file()]
    assert 20 < len(heard) <= len(spoken) < 3 * len(heard), len(spoken)


def test_what_was_chosen_for_a_length_is_not_searched_again(monkeypatch):
    def written() -> tuple[int, object]:
        count = 0

        def counted(*args: object) -> object:
            nonlocal count
            count += 1
            return write(*args)

        with monkeypatch.context() as patched:
            patched.setattr(script, "write", counted)
            made = Session("calf", minutes="9:41", seed=7).timeline
        return count, made

    write = script.write
    first, timeline = written()
    assert written() == (1, timeline)
    assert first > 3
    request = Session("calf", minutes="9:41", seed=7).request
    with open_voice(request.options) as voice:
        stages = (ssml, timelines, mixer)
        kept = script.KeptChoice([request], request.options.length_ms, voice.engine_id, stages)
    before = kept.read()
    assert before.choice["areas"] == 1
    for lengths_ms in (before.lengths_ms[::-1], before.lengths_ms[1:]):  # others were spoken
        kept.write(before.choice, 0.9, lambda: lengths_ms)  # noqa: B023 (asked at once)
        assert written() == (first + 1, timeline)
        assert kept.read() == before
