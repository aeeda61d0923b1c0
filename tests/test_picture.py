"""A session to look at: the picture to scale, its page, and what Jupyter shows."""

from __future__ import annotations

import base64
import io
import re
import wave

import numpy as np
import pytest
import resvg_py
from conftest import decode, voiceguide
from lxml import etree, html
from PIL import Image

from voiceguide import Session, export

SVG = {"s": "http://www.w3.org/2000/svg"}
LEFT, MS_PER_PX, ROW_MS = 80, 50, 60_000
"""Where rows begin, and their scale."""

KNOWN = """<mark name="chapter:Press"/><break time="2s"/>
<par dur="30s">
<media><mark name="hold:upper calf"/></media>
<media begin="5s" dur="4s"><mark name="inhale:"/><audio src="inhale.wav"/></media>
<media begin="9s"><mark name="end:inhale"/><mark name="exhale:"/></media>
<media begin="15s"><mark name="end:exhale"/><audio src="tick.wav"/></media>
</par><mark name="end:hold"/><break time="18s"/>
<mark name="chapter:Stretch"/><mark name="side:left"/><mark name="move:"/><break time="5s"/>
<mark name="end:move"/><mark name="stretch:calf"/><break time="15s"/><mark name="end:stretch"/>"""
"""70 seconds of which every one is known."""
LEN_S = 70

ODD = """<mark name='chapter:Now &lt;b> &amp; "quotes"'/>
<mark name="hold:&lt;i&gt;calf&lt;/i&gt;"/>
<par>
<media><s>The first voice speaks of many things, slowly and at length.</s></media>
<media begin="1s"><s>The second says &lt;b&gt; &amp; "quotes" over it.</s></media>
<media begin="1.5s"><audio src="bell.wav"/></media>
<media begin="2s"><audio src="tick.wav"/></media>
<media begin="58.5s"><s>Breathe.</s></media>
<media begin="61s"><s>Out.</s></media>
</par>"""
TITLE = '<b> & "Calf"'


def drawn(session: Session, title: str = "Title") -> etree._Element:
    """Return the picture as a stranger's program reads it."""
    text = export.captions(session.timeline, "svg", title=title, language=session.language)
    return etree.fromstring(text.encode())


def boxes(picture: etree._Element, kind: str) -> list[tuple[int, float, float]]:
    """Return row, x and width of each rectangle of a kind, in the order of time."""
    return [
        (number, float(box.get("x")), float(box.get("width")))
        for number, row in enumerate(picture.xpath("s:g[@class='row']", namespaces=SVG))
        for box in row.xpath(f"s:g[@class='{kind}']/s:rect", namespaces=SVG)
    ]


def places(begin_ms: int, end_ms: int) -> list[tuple[int, float, float]]:
    """Return where something must be drawn: a rectangle in each of its rows."""
    found = []
    for row in range(begin_ms // ROW_MS, (end_ms - 1) // ROW_MS + 1):
        first, last = max(begin_ms, row * ROW_MS), min(end_ms, (row + 1) * ROW_MS)
        wide = max(1.0, (last - first) / MS_PER_PX)
        found.append((row, round(LEFT + (first - row * ROW_MS) / MS_PER_PX, 2), round(wide, 2)))
    return found


def tooltips(picture: etree._Element, kind: str) -> list[str]:
    """Return what is told of each thing of a kind; what lies in two rows is told in both."""
    return picture.xpath(f"//s:g[@class='{kind}']/s:title/text()", namespaces=SVG)


def said(picture: etree._Element) -> str:
    """Return the words that can be read in the picture."""
    return " ".join(picture.xpath("//s:g[contains(@class, 'said')]/s:text/text()", namespaces=SVG))


def spoken(session: Session) -> list[str]:
    return [event.text for event in session.timeline.events if event.text is not None]


@pytest.fixture(scope="module")
def calf(_own_folders):
    return Session("calf", side="left")


@pytest.fixture(scope="module")
def box(_own_folders):
    return Session("breathing", pace="box", minutes=5)


@pytest.fixture(scope="module")
def back(_own_folders):
    """Two areas, in German, over rain: half an hour."""
    return Session("lower-back", area="all", language="de", bed="rain", bed_level=-6)


@pytest.fixture(scope="module")
def calm(_own_folders):
    return Session("breathing", language="de", minutes=3)


@pytest.fixture
def known(ssml):
    return Session(ssml(KNOWN))


@pytest.fixture
def odd(ssml):
    return Session(ssml(ODD))


# The picture


def test_what_is_known_is_drawn_where_it_is_a_pixel_for_50_ms(known):
    assert known.timeline.duration_ms == LEN_S * 1000
    picture = drawn(known)
    assert boxes(picture, "chapter") == [(0, 80, 1000), (0, 1080, 200), (1, 80, 200)]
    assert boxes(picture, "hold") == [(0, 120, 600)]
    assert boxes(picture, "move") == [(0, 1080, 100)]
    assert boxes(picture, "stretch") == [(0, 1180, 100), (1, 80, 200)]
    assert boxes(picture, "side") == [(0, 1080, 200), (1, 80, 200)]
    assert boxes(picture, "sound") == [(0, 220, 80), (0, 420, 2)]
    assert boxes(picture, "speech") == boxes(picture, "bed") == []
    texts = picture.xpath("//s:text/text()", namespaces=SVG)
    assert {"Press", "Hold: upper calf", "Stretch: calf", "Side: left", "inhale"} <= set(texts)
    assert "1:10 · 1 pixel is 50 ms, a row is 1 minute" in texts
    assert tooltips(picture, "hold") == ["0:02.000 – 0:32.000\nHold: upper calf"]


def test_the_axis_tells_the_time_every_ten_seconds(known):
    rows = drawn(known).xpath("s:g[@class='row']", namespaces=SVG)
    axes = [
        row.xpath("s:g[contains(@class, 'axis')]/s:text/text()", namespaces=SVG) for row in rows
    ]
    assert axes == [
        ["0:00", "0:10", "0:20", "0:30", "0:40", "0:50", "1:00"], ["1:00", "1:10"],
    ]  # fmt: skip
    lines = [row.xpath("s:g[@class='grid']/s:path/@d", namespaces=SVG) for row in rows]
    xs = [[float(re.match(r"M([\d.]+) 0V", line)[1]) for line in row] for row in lines]
    assert xs == [[80, 280, 480, 680, 880, 1080, 1280], [80, 280]]


def test_breath_rises_falls_and_rests(known, box):
    def curves(session: Session, kind: str) -> list[list[tuple[float, float]]]:
        lines = drawn(session).xpath(
            f"//s:g[@class='breath {kind}']/s:path[@class='line']/@d", namespaces=SVG
        )
        points = [re.findall(r"[\d.]+ [\d.]+", line) for line in lines]
        return [[tuple(map(float, point.split())) for point in line] for line in points]

    (rise,), (fall,) = curves(known, "inhale"), curves(known, "exhale")
    assert (rise[0][0], rise[-1][0], fall[0][0], fall[-1][0]) == (220, 300, 300, 420)
    ys = [[y for _, y in line] for line in (rise, fall)]
    assert ys[0] == sorted(ys[0], reverse=True)  # y grows downward
    assert ys[1] == sorted(ys[1])
    assert ys[0][0] - ys[0][-1] == ys[1][-1] - ys[1][0] == 22
    assert curves(known, "rest") == []
    rests = [y for line in curves(box, "rest") for _, y in line]
    assert len(set(rests)) >= 2
    for line in curves(box, "rest"):
        assert len({y for _, y in line}) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["calf", "box", "back"])
def test_everything_of_a_session_is_in_its_picture_to_scale(name, request):
    session = request.getfixturevalue(name)
    picture, whole = drawn(session), session.timeline
    expected: dict[str, list] = {}
    for event in whole.events:
        expected.setdefault(event.kind, []).extend(places(event.begin_ms, event.end_ms))
    for mark in whole.marks:
        if mark.kind in ("hold", "move", "stretch", "side"):
            expected.setdefault(mark.kind, []).extend(places(mark.begin_ms, mark.end_ms))
    for chapter in whole.chapters:
        expected.setdefault("chapter", []).extend(places(chapter.begin_ms, chapter.end_ms))
    assert set(expected) >= {"speech", "sound", "hold", "chapter"}
    for kind, found in expected.items():
        assert sorted(boxes(picture, kind)) == sorted(found), kind
    for kind in ("inhale", "exhale"):
        times = picture.xpath(f"//s:g[@class='breath {kind}']/@data-begin-ms", namespaces=SVG)
        begins = {str(mark.begin_ms) for mark in whole.marks if mark.kind == kind}
        assert set(times) == begins
        assert len(begins) > 5
    assert said(picture) == " ".join(spoken(session))
    told = {one.partition("\n")[2] for one in tooltips(picture, "speech")}
    assert told == set(spoken(session))
    titles = {one.partition("\n")[2] for one in tooltips(picture, "chapter")}
    assert titles == {chapter.title for chapter in whole.chapters}


def test_the_bed_lies_under_all_of_it_and_the_picture_speaks_german(back):
    picture, length_ms = drawn(back), back.timeline.duration_ms
    assert length_ms > 1_400_000
    assert boxes(picture, "bed") == places(0, length_ms)
    assert tooltips(picture, "bed")[0].endswith("\nrain\n−6.0 dB")
    texts = set(picture.xpath("//s:text/text()", namespaces=SVG))
    lanes = {"Kapitel", "Seite", "Übung", "Atem", "Worte", "Töne", "Klangbett"}
    assert texts >= lanes | {"Seite: links", "Seite: rechts", "Halten", "Dehnen", "Bewegen"}
    assert not texts & {"Side: left", "Hold", "Stretch", "Words"}


def test_what_is_heard_at_once_is_drawn_one_below_the_other(odd):
    picture = drawn(odd)
    tops = {}
    for kind in ("speech", "sound"):
        for one in picture.xpath(f"s:g[1]/s:g[@class='{kind}']", namespaces=SVG):
            top = float(one.find("s:rect", SVG).get("y"))
            tops[one.find("s:title", SVG).text.partition("\n")[2]] = top
    first, second = (tops[text] for text in spoken(odd)[:2])
    assert second - first > 5 + 11  # a bar, and a line of words
    assert tops["tick.wav"] > tops["bell.wav"] > second
    assert set(said(picture).split()) == set(" ".join(spoken(odd)).split())


def test_texts_are_escaped_and_what_xml_cannot_hold_is_replaced(odd):
    picture = drawn(odd, TITLE)
    assert picture.get("role") == "img"
    assert picture.get("aria-label").startswith('<b> & "Calf" (')
    texts = picture.xpath("//s:text/text()", namespaces=SVG)
    assert {TITLE, 'Now <b> & "quotes"', "Hold: <i>calf</i>"} <= set(texts)
    assert 'The second says <b> & "quotes" over it.' in said(picture)
    assert not picture.xpath("//*[local-name()='b' or local-name()='i' or local-name()='script']")
    page = html.fromstring(
        "".join(export.captions(odd.timeline, "html", title=TITLE, language="x"))
    )
    assert page.findtext(".//h1") == page.findtext(".//title") == TITLE
    assert not page.xpath("//b | //i | //script")
    drawn(odd, "a bell\x07, a half \ud800, \ufffe")


@pytest.mark.slow
def test_a_script_that_talks_without_end_is_drawn_with_all_its_words(ssml):
    words = " ".join(f"word{number}" for number in range(400))
    long = "Donaudampfschifffahrtsgesellschaft" * 12
    session = Session(ssml(f"<s>{words}</s><break time='30ms'/><s>{long}</s>"), rate=300)
    picture = drawn(session)
    assert said(picture).replace(" ", "") == f"{words}{long}".replace(" ", "")


def test_another_program_draws_it_too(odd):
    text = export.captions(odd.timeline, "svg", title="Title", language="en")
    image = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=text)))).convert("RGB")
    assert image.width == 1300
    assert image.getpixel((3, 3)) == (255, 255, 255)
    assert len({color for _, color in image.getcolors(1 << 20)}) > 20


def test_the_command_prints_it_and_names_it_in_its_help(ssml):
    done = voiceguide("script", ssml(KNOWN), "--format", "svg")
    assert (done.returncode, done.stderr) == (0, "")
    assert etree.fromstring(done.stdout.encode()).tag == "{http://www.w3.org/2000/svg}svg"
    done = voiceguide("script", ssml(KNOWN), "--format", "html")
    assert (done.returncode, done.stdout[:15]) == (0, "<!doctype html>")
    assert "svg or html" in " ".join(voiceguide("script", "--help").stdout.split())


# In a browser


@pytest.fixture
def shown(chromium, tmp_path):
    """Show a session; return the page, and what it asked for and complained of."""
    contexts = []

    def show(session: Session, form: str, **about: object):
        path = tmp_path / f"shown.{form}"
        text = export.captions(session.timeline, form, title=TITLE, language=session.language)
        path.write_text(text, "utf-8")
        contexts.append(chromium.new_context(**about))
        page = contexts[-1].new_page()
        asked, complaints = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda line: complaints.append(line.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri(), wait_until="networkidle")
        assert (asked, complaints) == ([path.as_uri()], [])
        return page

    yield show
    for context in contexts:
        context.close()


COLLISIONS = """() => {
  const texts = [...document.querySelectorAll("svg text")].map(
    (one) => [one.textContent, one.getBoundingClientRect()]);
  const found = texts.filter(([, box]) => box.right > 1300).map(([text]) => text);
  texts.forEach(([text, a], place) => {
    for (const [other, b] of texts.slice(place + 1)) {
      if (Math.min(a.right, b.right) > Math.max(a.left, b.left)
          && Math.min(a.bottom, b.bottom) > Math.max(a.top, b.top) + 2) found.push([text, other]);
    }
  });
  return [texts.length, found];
}"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["calf", "box", "back", "odd"])
def test_no_text_lies_over_another(name, request, shown):
    page = shown(request.getfixturevalue(name), "svg", viewport={"width": 1300, "height": 900})
    count, collisions = page.evaluate(COLLISIONS)
    assert count > 10
    assert collisions == []


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_it_is_light_by_day_and_dark_by_night(odd, shown, scheme, dark):
    for form in ("svg", "html"):
        page = shown(odd, form, color_scheme=scheme, viewport={"width": 1300, "height": 700})
        png = page.locator("svg").first.screenshot()  # what is beside it is dark by itself
        image = np.asarray(Image.open(io.BytesIO(png)).convert("L"), float)
        assert (np.median(image) < 60) == dark
        assert (np.median(image) > 240) != dark
        assert abs(np.median(image) - (image.max() if dark else image.min())) > 180  # the words


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scheme"), [("box", "light"), ("calm", "dark")])
def test_the_page_is_read_on_a_phone(name, scheme, request, shown):
    from axe_core_python.sync_playwright import Axe

    session = request.getfixturevalue(name)
    page = shown(
        session, "html", viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True,
        color_scheme=scheme,
    )  # fmt: skip
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("html").get_attribute("lang") == session.language
    serious = [
        (one["id"], [node["html"][:200] for node in one["nodes"]])
        for one in Axe().run(page)["violations"]
        if one["impact"] in ("serious", "critical", "moderate")
    ]
    assert serious == []
    chapters = page.locator("nav li").all_inner_texts()
    times = [ms // 1000 for ms in (one.begin_ms for one in session.timeline.chapters)]
    assert [re.split(r"\s+", one, maxsplit=1) for one in chapters] == [
        [f"{second // 60}:{second % 60:02}", one.title]
        for second, one in zip(times, session.timeline.chapters, strict=True)
    ]
    lines = page.locator("section li")
    assert lines.locator("span").all_inner_texts() == spoken(session)
    seconds = [
        event.begin_ms // 1000 for event in session.timeline.events if event.text is not None
    ]
    assert lines.locator("time").all_inner_texts() == [f"{s // 60}:{s % 60:02}" for s in seconds]
    page.locator("nav a").nth(1).tap()
    title = session.timeline.chapters[1].title
    assert page.locator("h3:target").inner_text() == title
    assert page.evaluate("scrollY") > 0
    top = page.evaluate("document.querySelector('h3:target').getBoundingClientRect().top")
    assert 0 <= top < 700


def test_on_paper_it_is_no_wider_than_the_page_and_no_row_is_cut(calf, shown):
    page = shown(calf, "html", viewport={"width": 1000, "height": 700}, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    widths = page.locator("svg").evaluate_all(
        "all => all.map((one) => one.getBoundingClientRect().right)"
    )
    assert len(widths) == 13
    assert max(widths) <= 1000
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    inside = page.locator("svg").evaluate_all(
        "all => all.map((o) => getComputedStyle(o).breakInside)"
    )
    assert set(inside) == {"avoid"}


# In Python


def test_jupyter_shows_the_picture_and_plays_the_session(known, tmp_path):
    figure = html.fromstring(known._repr_html_())
    assert len(figure.xpath("//svg//*[contains(@class, 'hold')]")) == 1
    (audio,) = figure.xpath("//audio[@controls]")
    kind, _, content = audio.get("src").partition(";base64,")
    assert kind == "data:audio/mpeg"
    path = tmp_path / "heard.mp3"
    path.write_bytes(base64.b64decode(content))
    heard = decode(path)
    assert len(heard) == LEN_S * 48_000
    assert np.abs(heard[7 * 48_000 : 11 * 48_000]).max() > 0.01  # the tone of breathing in
    assert np.abs(heard[40 * 48_000 : 60 * 48_000]).max() < 0.001


def test_in_a_notebook_it_plays_in_the_browser(known, chromium):
    page = chromium.new_page()
    page.set_content(known._repr_html_())
    page.wait_for_function("document.querySelector('audio').readyState > 0")
    length_s = page.evaluate("document.querySelector('audio').duration")
    assert length_s == pytest.approx(LEN_S, abs=0.1)
    page.close()


@pytest.mark.parametrize(("break_s", "players"), [(600, 1), (600.001, 0)])
def test_more_than_10_minutes_are_not_put_into_a_notebook(ssml, break_s, players):
    session = Session(ssml(f'<mark name="chapter:Rest"/><break time="{break_s}s"/>'))
    shown = session._repr_html_()
    figure = html.fromstring(shown)
    assert len(figure.xpath("//audio")) == players
    assert len(figure.xpath("//svg")) == 1
    assert ("longer than 10 minutes" in figure.text_content()) == (not players)
    assert len(shown) < 10_000_000


def test_samples_are_what_the_file_holds(ssml, tmp_path):
    path = ssml('<media vg:pan="-1"><audio src="tick.wav"/></media><break time="900ms"/>')
    samples = Session(path).samples()
    assert (samples.dtype, samples.shape) == (np.int16, (48_000, 2))  # a tick is 100 ms
    left, right = np.abs(samples.astype(int)).max(axis=0)
    assert left > 1000
    assert right < left / 100
    with wave.open(str(Session(path).export(tmp_path / "same.wav"))) as file:
        assert file.getparams()[:4] == (2, 2, 48_000, 48_000)
        heard = np.frombuffer(file.readframes(48_000), "<i2").reshape(-1, 2)
    assert np.array_equal(samples, heard)
    assert Session(path, mono=True).samples().shape == (48_000, 1)


def test_repr_is_the_line_by_which_it_was_made():
    session = Session("calf", side="left", minutes=10)
    assert repr(session) == "Session('calf', side='left', minutes=10.0)"
    assert repr(eval(repr(session))) == repr(session)  # noqa: S307 (what was just written)
    assert repr(Session("neck")) == "Session('neck')"
