"""The waterfall in a browser: the breakdown beside a bar, and the view by connection."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from analyzer.report.render import render
from tests.report import fixture

if TYPE_CHECKING:
    from tests.browser.conftest import Opener

FIRST = "#http-1"
"""DNS 3,024 ms, TCP 40 ms, Wait 41 ms (tests/report/fixture.py)."""


@cache
def rich() -> str:
    return render(fixture.rich())


@cache
def hostile() -> str:
    return render(fixture.hostile())


def lines(page: Any) -> list[str]:
    """Return the lines of the breakdown, "" where it is not shown."""
    return page.evaluate(
        """() => {
            const pop = document.getElementById("breakdown");
            return pop.hidden ? [] : [...pop.querySelectorAll("tr")].map(
                (row) => [...row.cells].map((cell) => cell.textContent.trim()).join(" "));
        }"""
    )  # type: ignore[no-any-return]


def still(page: Any) -> None:
    """Scroll to the first request, at once."""
    page.evaluate(f"document.querySelector('{FIRST}').scrollIntoView({{block: 'center', behavior: 'instant'}})")


def test_hover_breaks_a_bar_down(visit: Opener) -> None:
    seen = visit(rich())
    page = seen.page
    still(page)
    assert lines(page) == []
    high = page.evaluate("document.documentElement.scrollHeight")
    page.hover(f"{FIRST} .wf-bar")
    shown = lines(page)
    assert "DNS 3.02 s" in shown
    assert "TCP 40 ms" in shown
    assert "TLS not encrypted" in shown
    assert "Wait 41 ms" in shown
    assert shown[-1] == "In all 3.12 s"
    assert page.evaluate("document.documentElement.scrollHeight") == high  # nothing moved
    box, bar = page.locator("#breakdown").bounding_box(), page.locator(f"{FIRST} .wf-bar").bounding_box()
    assert box["y"] >= bar["y"] + bar["height"] or box["y"] + box["height"] <= bar["y"]  # beside it, not on it
    page.hover("#breakdown")  # it stays while one reads it
    page.wait_for_timeout(300)
    assert lines(page) == shown
    page.keyboard.press("Escape")
    assert lines(page) == []
    page.hover(f"{FIRST} .wf-bar")
    page.hover(f"{FIRST} .req-name")
    seen.until("document.getElementById('breakdown').hidden")
    seen.assert_clean()


def test_the_keyboard_s_focus_does_the_same(visit: Opener) -> None:
    seen = visit(rich())
    page = seen.page
    page.focus("#visit-1 .wf-path a:last-of-type")
    page.keyboard.press("Tab")  # to the first request's row
    assert page.evaluate("document.activeElement.parentElement.id") == "http-1"
    assert "DNS 3.02 s" in lines(page)
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") == "breakdown"
    page.keyboard.press("Escape")
    assert lines(page) == []
    assert page.evaluate("document.activeElement.getAttribute('aria-describedby')") is None
    page.keyboard.press("Tab")
    assert "TCP 1.04 s" in lines(page)  # the request that began next, on a connection of its own
    page.focus("#search")
    assert lines(page) == []
    seen.assert_clean()


def test_a_tap_shows_it_and_a_second_one_opens_the_row(visit: Opener) -> None:
    seen = visit(rich())
    context = visit.browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True, reduced_motion="reduce")
    visit.contexts.append(context)
    page = context.new_page()
    page.goto(seen.page.url)
    still(page)
    page.tap(f"{FIRST} .wf-bar")
    assert "TCP 40 ms" in lines(page)
    assert not page.evaluate(f"document.querySelector('{FIRST}').open")
    box = page.locator("#breakdown").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    page.tap(f"{FIRST} .req-name")
    assert page.evaluate(f"document.querySelector('{FIRST}').open")
    assert lines(page) == []


@pytest.mark.parametrize("script", [True, False])
def test_requests_and_connections_take_turns(visit: Opener, script: bool) -> None:
    page = visit(rich(), script=script).page
    requests, lanes = page.locator("#visit-1 .wf-requests"), page.locator("#visit-1 .wf-lanes")
    assert (requests.is_visible(), lanes.is_visible()) == (True, False)
    page.locator("#visit-1").get_by_label("Connections", exact=True).check()
    assert (requests.is_visible(), lanes.is_visible()) == (False, True)
    assert lanes.locator(".lane").count() == 3  # streams 0, 1 and 2
    assert "3 requests" in lanes.locator(".lane").filter(has_text="Stream 0").inner_text()
    page.locator("#visit-1").get_by_label("Requests", exact=True).check()
    assert (requests.is_visible(), lanes.is_visible()) == (True, False)


def test_a_request_on_a_lane_leads_to_its_row(visit: Opener) -> None:
    seen = visit(rich())
    page = seen.page
    page.locator("#visit-1").get_by_label("Connections", exact=True).check()
    asked = page.locator("#visit-1 .wf-lanes a[href='#http-4']")
    asked.focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    assert "TCP 1.04 s" in lines(page)
    page.keyboard.press("Enter")
    seen.until("document.querySelector('#http-4').open")
    assert page.locator("#http-4").is_visible()
    assert not page.locator("#visit-1 .wf-lanes").is_visible()
    seen.assert_clean()


def test_attacks_stay_text_in_the_breakdown(visit: Opener) -> None:
    seen = visit(hostile())
    page = seen.page
    page.evaluate("for (const fold of document.querySelectorAll('.visit')) fold.open = true")
    bars = page.locator(".wf-requests .wf-bar")
    assert bars.count() > 3
    for at in range(min(bars.count(), 14)):
        bars.nth(at).evaluate(
            "(bar) => bar.dispatchEvent(new PointerEvent('pointerover', {bubbles: true, pointerType: 'mouse'}))"
        )
        assert lines(page)
        assert page.evaluate("document.querySelectorAll('#breakdown :is(script, img, a, iframe)').length") == 0
    seen.assert_clean()


@pytest.mark.parametrize("width", [320, 390, 1000, 1440])
def test_numbers_of_the_axis_do_not_touch(visit: Opener, width: int) -> None:
    page = visit(rich(), width=width).page
    overlaps = page.evaluate(
        """() => [...document.querySelectorAll(".visit[open] .wf-axis")].flatMap((axis) => {
            const edge = axis.closest(".panel").getBoundingClientRect();
            const shown = [...axis.querySelectorAll("text")].map((text) => text.getBoundingClientRect())
                .filter((box) => box.width > 0);
            return shown.filter((box, at) => box.left < edge.left || box.right > edge.right
                || (at > 0 && box.left < shown[at - 1].right + 2)).map((box) => [box.left, box.right]);
        })"""
    )
    assert overlaps == []
