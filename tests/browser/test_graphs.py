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

DRAWN = "document.querySelectorAll('.conn .plot-area[data-drawn]').length"


@cache
def html() -> str:
    return render(analyze(str(SAMPLES / "loss.pcapng")))


def opened(visit: Opener, **given: Any) -> Visit:
    """Open the report and the connection, and wait for its graphs."""
    out = visit(html(), **given)
    out.page.locator(f"#stream-{LOST_REQUEST} > summary").click()
    areas = out.page.locator(f"#stream-{LOST_REQUEST} .plot-area")
    assert areas.count() == 3
    for number in range(3):
        areas.nth(number).scroll_into_view_if_needed()
    out.until(f"{DRAWN} === 3")
    return out


def test_graphs_wait_until_their_connection_is_opened(visit: Opener) -> None:
    report = visit(html())
    page = report.page
    assert page.locator(".conn .plot-area").count() == 15
    page.evaluate("document.getElementById('connections').scrollIntoView()")
    report.until("document.querySelectorAll('.plot-area[data-drawn]').length >= 1")  # plotly is there
    page.wait_for_timeout(300)
    assert page.evaluate(DRAWN) == 0
    page.locator(f"#stream-{LOST_REQUEST} > summary").click()
    for number in range(3):
        page.locator(f"#stream-{LOST_REQUEST} .plot-area").nth(number).scroll_into_view_if_needed()
    report.until(f"{DRAWN} === 3")  # and no others
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


def test_the_page_stays_small() -> None:
    assert len(html().encode()) - len(plotly_source().encode()) < 450_000
