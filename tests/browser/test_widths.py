"""From a small phone to a 4k screen: nothing of the page's frame sticks out, and a wide screen is used."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.report.render import render
from tests.report import fixture

pytestmark = pytest.mark.browser

WIDTHS = (320, 390, 768, 1440, 2560, 3840)

STICKING_OUT = """() => {
    const width = document.documentElement.clientWidth;
    return [...document.querySelectorAll(".top *, #summary *, #findings *, #about *, #help *")].filter((one) => {
        const box = one.getBoundingClientRect();
        if (!box.width || one.closest(".sections, .scroll, .hidden, svg")) return false;
        return box.left < -0.5 || box.right > width + 0.5;
    }).map((one) => one.outerHTML.slice(0, 80));
}"""


def test_nothing_of_the_frame_sticks_out_at_any_width(visit: Any) -> None:
    page = visit(render(fixture.rich())).page
    for fold in ("#about details", "#help"):
        page.evaluate(f"for (const one of document.querySelectorAll('{fold}')) one.open = true")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(STICKING_OUT) == [], width
        # A line of cards, not a column of them in the middle of nothing.
        assert page.evaluate("document.querySelector('.cards').getBoundingClientRect().width") >= 0.7 * width


def test_a_small_screen_shows_what_file_it_is_and_when(visit: Any) -> None:
    page = visit(render(fixture.rich()), width=320).page
    top = page.inner_text(".top")
    for words in ("afternoon.pcapng", "2023-11-14 22:13:20.000 UTC", "100 packets"):
        assert words in top
    assert page.evaluate("document.querySelector('.top').offsetHeight") <= 190  # of the 568 of the smallest phones


def test_on_a_low_screen_the_header_gives_way(visit: Any) -> None:
    """640 by 360 is what is left of 1280 by 720 at 200 % zoom."""
    page = visit(render(fixture.rich()), width=640).page
    page.set_viewport_size({"width": 640, "height": 360})
    page.evaluate("window.scrollTo({top: 2000, behavior: 'instant'})")
    assert page.evaluate("document.querySelector('.top').getBoundingClientRect().bottom") < 0


def test_the_help_begins_at_its_top(visit: Any) -> None:
    page = visit(render(fixture.rich()), width=390).page
    page.keyboard.press("?")
    assert page.evaluate("document.getElementById('help').scrollTop") == 0
    assert page.evaluate("document.activeElement.id") == "help-h"
    page.keyboard.press("Escape")
    assert not page.evaluate("document.getElementById('help').open")
