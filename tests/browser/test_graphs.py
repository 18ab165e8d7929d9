"""The graphs of a connection in a real Chromium: drawn when somebody looks, legible at any width, and silent."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from analyzer.pipeline import analyze
from analyzer.report.render import plotly_source, render
from tests.browser.conftest import Opener, Visit
from tests.browser.test_report import overflow
from tests.conftest import SAMPLES

pytestmark = pytest.mark.browser

LOST_REQUEST = 2
"""The stream of the sample in which the client's request is lost and sent again."""

GRAPHS = 4
"""Of that connection: sequence numbers, round trips, window, throughput."""

DRAWN = "document.querySelectorAll('.conn .plot-area[data-drawn]').length"


@cache
def html() -> str:
    return render(analyze(str(SAMPLES / "loss.pcapng")))


def opened(visit: Opener, **given: Any) -> Visit:
    """Open the report and the connection, and wait for its graphs."""
    out = visit(html(), **given)
    out.page.locator(f"#stream-{LOST_REQUEST} > summary").click()
    areas = out.page.locator(f"#stream-{LOST_REQUEST} .plot-area")
    assert areas.count() == GRAPHS
    for number in range(GRAPHS):
        areas.nth(number).scroll_into_view_if_needed()
    out.until(f"{DRAWN} === {GRAPHS}")
    return out


def test_graphs_wait_until_their_connection_is_opened(visit: Opener) -> None:
    report = visit(html())
    page = report.page
    assert page.locator(".conn .plot-area").count() == 5 * GRAPHS
    page.evaluate("document.getElementById('connections').scrollIntoView()")
    report.until("document.querySelectorAll('.plot-area[data-drawn]').length >= 1")  # plotly is there
    page.wait_for_timeout(300)
    assert page.evaluate(DRAWN) == 0
    page.locator(f"#stream-{LOST_REQUEST} > summary").click()
    for number in range(GRAPHS):
        page.locator(f"#stream-{LOST_REQUEST} .plot-area").nth(number).scroll_into_view_if_needed()
    report.until(f"{DRAWN} === {GRAPHS}")  # and no others
    report.assert_clean()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_legend_axis_and_marks_have_room(visit: Opener, width: int, theme: str) -> None:
    report = opened(visit, width=width, theme=theme)
    report.page.wait_for_timeout(200)
    assert overflow(report) == []
    for graph in report.page.evaluate(
        """() => [...document.querySelectorAll('.conn .plot-area[data-drawn]')].map((area) => {
            const box = (selector) => area.querySelector(selector).getBoundingClientRect();
            const inside = (node) => node.getBoundingClientRect();
            return {
                bottom: Math.max(...[...area.querySelectorAll('.xtick, .xtitle')].map((n) => inside(n).bottom)),
                legend: box('.legend').top,
                ends: box('.legend').bottom,
                area: area.getBoundingClientRect().bottom,
                right: Math.max(...[...area.querySelectorAll('.legendtext')].map((n) => inside(n).right)),
                edge: area.getBoundingClientRect().right,
            };
        })"""
    ):
        assert graph["legend"] >= graph["bottom"] - 1, "the legend lies under the axis"
        assert graph["ends"] <= graph["area"] + 1
        assert graph["right"] <= graph["edge"] + 1
    report.assert_clean()


def test_legend_and_hover_say_it_in_words(visit: Opener) -> None:
    report = opened(visit)
    page = report.page
    words = page.evaluate("[...document.querySelectorAll('#fig-sequence-2 .legendtext')].map((n) => n.textContent)")
    assert {"retransmission", "SYN (2)", "FIN (2)", "acknowledged", "data of the client"} <= set(words)
    figure = page.locator("#fig-sequence-2")
    figure.scroll_into_view_if_needed()
    name = page.evaluate(
        """() => [...document.querySelectorAll('#fig-sequence-2 .trace.scatter')].findIndex(
            (n) => n.__data__ && n.__data__[0].trace.name === 'retransmission')"""
    )
    point = page.locator("#fig-sequence-2 .trace.scatter").nth(name).locator(".point").first.bounding_box()
    page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    report.until("document.querySelector('#fig-sequence-2 .hovertext') !== null")
    said = page.locator("#fig-sequence-2 .hovertext").first.text_content()
    assert said.startswith("frame 82, ")  # the symbol and the stroke under it say the same
    assert "retransmission" in said
    page.mouse.click(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    report.until("location.hash === '#frame-82'")  # its line in the ladder
    report.assert_clean()


def test_a_folded_graph_takes_the_theme_when_it_is_seen_again(visit: Opener) -> None:
    report = opened(visit)
    page = report.page
    ink = "getComputedStyle(document.querySelector('#fig-sequence-2 .xtick text')).fill"
    before = page.evaluate(ink)
    page.evaluate("document.getElementById('stream-2').open = false")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("t")
    page.evaluate("document.getElementById('stream-2').open = true")
    report.until(f"{ink} !== '{before}'")
    report.assert_clean()


def test_without_scripts_the_facts_are_there(visit: Opener) -> None:
    page = visit(html(), script=False).page
    page.locator("#stream-2 > summary").click()
    row = page.locator("#stream-2")
    for words in (
        "1 segment was sent again (1 by the client, 0 by the server).",
        "acknowledges 1\u202f222\u202f195\u202f436 = ISN + 1 (frame 79)",
        "Who sent what, and when: the client 184 B in 2 segments and the server 14.2 kB in 11 segments",
        "How long data waited for its acknowledgement.",
        "What held each transfer back",
    ):
        assert row.get_by_text(words).first.is_visible(), words
    fold = row.locator("#fig-sequence-2 .data")
    assert not fold.locator("table").first.is_visible()
    fold.locator("summary").click()
    assert fold.get_by_text("retransmission").first.is_visible()


def test_throughput_shows_what_was_sent_again_and_says_it(visit: Opener) -> None:
    report = opened(visit)
    page = report.page
    words = page.evaluate("[...document.querySelectorAll('#fig-throughput-2 .legendtext')].map((n) => n.textContent)")
    assert words == ["new data of the client", "data sent before", "new data of the server"]
    page.locator("#fig-throughput-2").scroll_into_view_if_needed()
    name = page.evaluate(
        """() => [...document.querySelectorAll('#fig-throughput-2 .trace.bars')].findIndex(
            (n) => n.__data__ && n.__data__[0].trace.name === 'data sent before')"""
    )
    bar = page.locator("#fig-throughput-2 .trace.bars").nth(name).locator(".point").first.bounding_box()
    page.mouse.move(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    report.until("document.querySelector('#fig-throughput-2 .hovertext') !== null")
    said = page.locator("#fig-throughput-2 .hovertext").first.text_content()
    assert said == "18.4 kB/s of repeated data in the 5.00 ms from 0.25 s on (first: frame 82)"  # 92 B in 5 ms
    page.mouse.click(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    report.until("location.hash === '#frame-82'")
    report.assert_clean()


def test_who_closed_first_is_two_clicks_away(visit: Opener) -> None:
    """The row says it before anything is opened; inside stand the frames, their filter, and their lines."""
    report = visit(render(analyze(str(SAMPLES / "handshake-and-close.pcapng"))))
    page = report.page
    row = page.locator(".conn", has=page.locator(".c-close", has_text="server first")).first
    row.locator("summary").first.click()
    closing = row.locator(".moments li", has_text="The server closed first.")
    fin = closing.locator(".moment-steps > span", has_text="FIN of the server").locator("a")
    frame = fin.text_content()
    assert frame in closing.locator("code").text_content()
    fin.click()
    assert page.evaluate("location.hash") == f"#frame-{frame}"
    assert page.locator(f"#frame-{frame} .ld-f").text_content().startswith("FIN")
    report.assert_clean()


def test_the_filter_of_a_lost_syn_is_copied(visit: Opener) -> None:
    report = visit(html())
    page = report.page
    page.evaluate(
        "Object.defineProperty(navigator, 'clipboard', {value: {writeText: async (t) => { window.got = t; }}})"
    )
    row = page.locator(".conn", has=page.locator(".moments b", has_text="SYN repeated")).first
    row.locator("summary").first.click()
    row.locator(".moments li", has_text="SYN repeated").locator("button").click()
    report.until("Boolean(window.got)")
    frames = row.locator(".moments li", has_text="SYN repeated").locator("a").all_text_contents()
    assert int(frames[1]) == int(frames[0]) + 1
    assert page.evaluate("window.got") == f"frame.number in {{{frames[0]}..{frames[1]}}}"
    report.assert_clean()


def test_each_line_of_a_ladder_offers_its_filter(visit: Opener) -> None:
    report = visit(html(), fragment="#stream-2")
    page = report.page
    offer = page.locator("#stream-2 .ld-offer code")
    assert offer.count() == 0
    page.locator("#stream-2 .moments a").first.click()  # by a link, as the keyboard does
    report.until("document.querySelector('#stream-2 .ld-offer code') !== null")
    assert offer.text_content() == "frame.number == 78"
    page.locator("#stream-2 .run .ld-r").first.click()
    assert offer.text_content() == "tcp.stream eq 2 and frame.number in {85..103}"
    report.assert_clean()
    report = visit(html(), fragment="#frame-82")  # a link from elsewhere
    offer, page = report.page.locator("#stream-2 .ld-offer code"), report.page
    assert offer.text_content() == "frame.number == 82"
    assert page.locator("#stream-2 .ld-offer button").text_content() == "Copy filter"
    report.assert_clean()


def test_a_state_explains_itself_where_it_is_met(visit: Opener) -> None:
    report = opened(visit)
    page = report.page
    band = page.locator("#stream-2 .st-CLOSE_WAIT, #stream-2 .st-FIN_WAIT_1").first
    state = band.get_attribute("class").split()[1].removeprefix("st-")
    band.locator("rect").hover()
    title = band.locator("title").first.text_content()
    legend = page.locator("#stream-2 .states")
    legend.locator("summary").press("Enter")  # by keyboard
    meaning = legend.locator("dt", has_text=state).locator("xpath=following-sibling::dd[1]")
    assert meaning.is_visible()
    assert title == f"{state}: {meaning.text_content()}"
    report.assert_clean()


@pytest.mark.parametrize("width", [390, 320])
def test_a_ladder_on_a_phone_scrolls_inside_its_box_by_keyboard(visit: Opener, width: int) -> None:
    report = opened(visit, width=width)
    page = report.page
    assert overflow(report) == []
    box = page.locator("#stream-2 .ladder-box")
    assert page.locator("#stream-2 .ld-hint").is_visible()
    box.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    report.until("document.querySelector('#stream-2 .ladder-box').scrollLeft > 20")
    assert page.evaluate("document.documentElement.scrollLeft") == 0
    box.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    time = page.locator("#stream-2 .seg .ld-t").first.bounding_box()
    assert 0 <= time["x"] < width, "the times can be reached"
    report.assert_clean()


def test_the_frame_of_a_focused_line_touches_no_letter(visit: Opener) -> None:
    report = visit(html(), fragment="#stream-2")
    page = report.page
    page.locator("#frame-82").evaluate("(line) => { line.tabIndex = -1; line.focus({focusVisible: true}); }")
    inner, below = page.evaluate(
        """(() => { const line = document.getElementById('frame-82'), style = getComputedStyle(line);
            const reach = parseFloat(style.outlineOffset) + parseFloat(style.outlineWidth);
            const next = line.nextElementSibling.querySelector('text.ld-l, text.ld-r');
            return [parseFloat(style.outlineOffset),
                    next.getBoundingClientRect().top - line.getBoundingClientRect().bottom - reach]; })()"""
    )
    assert inner >= 3
    assert below > -3  # letters stand inside their line's height


def test_the_page_stays_small() -> None:
    assert len(html().encode()) - len(plotly_source().encode()) < 500_000
