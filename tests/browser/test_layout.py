"""What the report looks like, as facts that hold on every machine: nothing is cut, overlaps or sticks out.

Pictures of whole sections change with a font's version and say nothing about why; these facts name the words that are
wrong. They are gathered in the page by ``tests/web/layout.js`` and ``contrast.js``, with every fold closed and open.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from analyzer.report.render import render
from tests.browser import pages
from tests.browser.conftest import Opener, Visit
from tests.conftest import ROOT
from tests.report import fixture

pytestmark = pytest.mark.browser

NONE: dict[str, list[str]] = {"cut": [], "outside": [], "overlap": [], "empty": []}

WIDE, NARROW = 1440, 390


@cache
def html(name: str) -> str:
    return render(getattr(fixture, name)())


@cache
def gathered(name: str) -> str:
    """Return the function, as JavaScript, that gathers facts in the page."""
    text = (ROOT / "tests" / "web" / f"{name}.js").read_text("utf-8")
    return text.strip().removesuffix(";")


def facts(opened: Visit, width: int) -> dict[str, Any]:
    opened.page.set_viewport_size({"width": width, "height": 900})
    opened.page.wait_for_timeout(150)  # charts follow the window
    found: dict[str, Any] = opened.page.evaluate(gathered("layout"))
    return found


def dim(opened: Visit) -> list[str]:
    found: list[str] = opened.page.evaluate(gathered("contrast"))
    return found


def overflow(opened: Visit) -> list[str]:
    """Return what sticks out of the page to the right: elements beyond the window not inside a scrolling box."""
    found: list[str] = opened.page.evaluate(
        """() => {
            if (document.documentElement.scrollWidth <= window.innerWidth) return [];
            const out = [];
            for (const node of document.querySelectorAll('body *')) {
                const box = node.getBoundingClientRect();
                if (box.right > window.innerWidth + 1 && !node.closest('.scroll, .sections, svg')) {
                    out.push(`${node.tagName}.${node.getAttribute('class')} ${Math.round(box.right)}`);
                }
            }
            return out.length ? out.slice(0, 8) : [`page is ${document.documentElement.scrollWidth} wide`];
        }"""
    )
    return found


@pytest.mark.parametrize("name", pages.FOUR)
def test_every_word_has_its_place(visit: Opener, name: str) -> None:
    opened = visit(pages.html(name), WIDE)
    for _ in ("closed", "open"):
        for width in (WIDE, NARROW):
            assert facts(opened, width) == NONE
            assert overflow(opened) == []
        assert dim(opened) == []
        opened.page.keyboard.press("t")  # dark
        assert dim(opened) == []
        opened.page.keyboard.press("t")
        opened.page.evaluate(pages.OPEN_ALL)
    opened.assert_clean()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_word_has_its_place_on_the_smallest_and_the_widest_screen(visit: Opener, lang: str) -> None:
    """320 CSS pixels are also 1280 at four times the size (WCAG 2.2, 1.4.10); 3840 a screen of 4k."""
    opened = visit(pages.html("status-codes", lang), WIDE)
    opened.page.evaluate(pages.OPEN_ALL)
    for width in (320, 3840):
        assert facts(opened, width) == NONE
        assert overflow(opened) == []


FAULTY = """<!doctype html><body><header class="top"></header><main>
<section id="a"><h2>First</h2><p style="width:40px;overflow:hidden;white-space:nowrap">words that are cut off here</p>
<p style="width:40px;overflow:hidden;white-space:nowrap;text-overflow:ellipsis" title="words told on hover">words told
on hover</p><div style="overflow:auto;width:60px;white-space:nowrap">a box that scrolls to its end</div></section>
<section id="b"><h2>Second</h2><p>one line of words</p><p style="margin-top:-25px">another on top of it</p>
<p style="position:absolute;left:2000px;color:#ccc">far away and pale</p><p>{}</p></section>
<section id="c"><h2>Nothing but a title</h2></section></main></body>"""


def test_faults_are_seen(visit: Opener) -> None:
    opened = visit(FAULTY.format("more words " * 5), script=True)
    found = facts(opened, WIDE)
    assert found["cut"] == ["words that are cut off here <a p>"]
    assert found["outside"] == ["far away and pale <b p>"]
    assert [fault.partition(" by ")[0] for fault in found["overlap"]] == [
        "one line of words <b p> / another on top of it <b p>"
    ]
    assert found["empty"] == ["c"]
    assert len(overflow(opened)) == 1
    assert [fault.partition(" ")[0] for fault in dim(opened)] == ["P.null"]


@pytest.mark.parametrize("name", ["rich", "hostile"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_cards_stand_side_by_side_where_there_is_room(visit: Opener, name: str, theme: str) -> None:
    opened = visit(html(name), 1440, theme)
    opened.draw_everything()
    background = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = sum(int(part) for part in background.removeprefix("rgb(").rstrip(")").split(",")) < 200
    assert dark == (theme == "dark")
    for width, rows, columns in ((1440, 1, 4), (900, 2, 2), (390, 4, 1), (320, 4, 1)):
        opened.page.set_viewport_size({"width": width, "height": 850})
        opened.page.wait_for_timeout(250)  # charts follow the window
        assert overflow(opened) == []
        cards = [opened.page.locator(".card").nth(n).bounding_box() for n in range(4)]
        assert len({round(card["y"]) for card in cards}) == rows
        assert len({round(card["x"]) for card in cards}) == columns
        assert all(card["height"] >= 80 for card in cards)


def test_wide_tables_fit_a_wide_screen(visit: Opener) -> None:
    opened = visit(html("rich"))
    hidden = opened.page.evaluate(
        "(() => { const box = document.querySelector('#websocket-panel .scroll');"
        " return box.scrollWidth - box.clientWidth; })()"
    )
    assert hidden <= 0
