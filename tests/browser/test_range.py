"""The range of seconds that filters the page: dragged over the timeline, typed below it, given in the address."""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from analyzer.report.render import render
from tests.browser.conftest import Opener, Visit
from tests.report import fixture

pytestmark = pytest.mark.browser

END = 7.0
"""Seconds from the first packet to the last thing that happens in the rich fixture: a WebSocket's close."""


@cache
def html() -> str:
    return render(fixture.rich())


def drawn(visit: Opener, width: int = 1440, fragment: str = "") -> Visit:
    """Open the report and wait for its timeline."""
    opened = visit(html(), width=width, fragment=fragment)
    opened.page.locator("#fig-timeline").scroll_into_view_if_needed()
    opened.until("document.querySelector('#fig-timeline .plot-area').dataset.drawn === 'yes'")
    return opened


def drag(page: Any, low: float, high: float) -> None:
    """Drag over the timeline between two shares of its width."""
    box = page.locator("#fig-timeline .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + low * box["width"], box["y"] + 40)
    page.mouse.down()
    for share in (0.5, 1.0):
        page.mouse.move(box["x"] + (low + share * (high - low)) * box["width"], box["y"] + 44)
    page.mouse.up()


def span(page: Any) -> tuple[float, float] | None:
    """Return the range in the address."""
    found = re.search(r"#t=([0-9.]+)-([0-9.]+)$", page.url)
    return (float(found[1]), float(found[2])) if found else None


def ticks(page: Any) -> tuple[float, float]:
    """Return (seconds at the left edge of the plot, seconds a pixel), as the labels under the axis say it."""
    box = page.locator("#fig-timeline .nsewdrag").first.bounding_box()
    marks = page.evaluate(
        """[...document.querySelectorAll('#fig-timeline .xtick text')].map((text) => {
            const box = text.getBoundingClientRect();
            return [Number(text.textContent), box.left + box.width / 2];
        })"""
    )
    (first, left), (last, right) = min(marks), max(marks)
    scale = (last - first) / (right - left)
    return first - (left - box["x"]) * scale, scale


def test_dragging_chooses_the_seconds_under_the_pointer(visit: Opener) -> None:
    opened = drawn(visit)
    page = opened.page
    left, scale = ticks(page)
    box = page.locator("#fig-timeline .nsewdrag").first.bounding_box()
    drag(page, 0.3, 0.5)
    chosen = span(page)
    assert chosen is not None
    for share, second in zip((0.3, 0.5), chosen, strict=True):
        assert second == pytest.approx(left + share * box["width"] * scale, abs=4 * scale)
    band = page.locator(".range-band").bounding_box()
    assert band["x"] == pytest.approx(box["x"] + 0.3 * box["width"], abs=3)
    assert band["width"] == pytest.approx(0.2 * box["width"], abs=4)
    edges = page.evaluate("getComputedStyle(document.querySelector('.range-band')).borderInlineWidth")
    assert edges == "2px"  # the fill alone is too pale to be told from the ground
    assert page.locator("#range-chip").inner_text() == f"{chosen[0]:.3f} s – {chosen[1]:.3f} s ✕"
    opened.assert_clean()


def test_dragging_backwards_is_the_same_range(visit: Opener) -> None:
    page = drawn(visit).page
    drag(page, 0.3, 0.5)
    forwards = span(page)
    page.locator("#range-chip").click()
    assert span(page) is None
    assert not page.locator("#range-chip").is_visible()
    assert not page.locator(".range-band").is_visible()
    drag(page, 0.5, 0.3)
    assert span(page) == forwards


def test_a_click_is_no_range_and_leads_to_the_row(visit: Opener) -> None:
    opened = drawn(visit)
    page = opened.page
    bar = page.locator("#fig-timeline .bars .point").last.bounding_box()
    page.mouse.move(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    page.mouse.click(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    opened.until("/^#[a-z]+-[0-9]+$/.test(location.hash)")
    assert not page.locator("#range-chip").is_visible()


def test_typing_a_range_needs_no_mouse(visit: Opener) -> None:
    page = visit(html()).page
    page.locator("#range-from").focus()
    page.keyboard.type("2.5")
    page.keyboard.press("Tab")
    page.keyboard.type("1")  # in the wrong order: what is meant is clear
    page.keyboard.press("Enter")
    assert span(page) == (1.0, 2.5)
    assert page.input_value("#range-from") == "1"
    assert page.input_value("#range-to") == "2.5"
    page.keyboard.press("Escape")
    assert span(page) is None
    assert page.input_value("#range-from") == ""
    page.fill("#range-from", "3")
    page.keyboard.press("Enter")
    low, high = span(page) or (0.0, 0.0)
    assert (low, high >= END) == (3.0, True)  # up to the end, whatever that is
    page.locator("#range-clear").click()
    assert span(page) is None
    assert page.evaluate("document.activeElement.id") == "range-from"


def test_a_range_in_the_address_is_restored_beside_a_filter(visit: Opener) -> None:
    opened = drawn(visit, fragment="#q=proto%3Adns&t=1-2.5")
    page = opened.page
    assert page.input_value("#search") == "proto:dns"
    assert (page.input_value("#range-from"), page.input_value("#range-to")) == ("1", "2.5")
    assert page.locator("#range-chip").is_visible()
    assert page.locator(".range-band").is_visible()
    page.evaluate("location.hash = 't=2-3'")
    opened.until("document.getElementById('range-chip').textContent.startsWith('2.000 s – 3.000 s')")
    assert page.input_value("#search") == ""
    page.keyboard.press("Escape")
    assert not page.locator("#range-chip").is_visible()


@pytest.mark.parametrize(
    ("given", "kept", "fields"),
    [
        ("5-1", "1-5", ("1", "5")),
        ("1e-7-2.50", "0-2.5", ("1e-7", "2.5")),
        ("1.5000004-1e0", "1-1.5", ("1", "1.5000004")),
        ("-1-.5e+1", "0-5", ("0", "5")),  # what lies before the capture is cut off
        ("2-2", "", ("", "")),
        ("1.2.3-4", "", ("", "")),
        ("1e999-4", "", ("", "")),
        ("1", "", ("", "")),
        (".-1", "", ("", "")),
    ],
)
def test_an_address_gives_two_numbers_in_order_or_no_range(
    visit: Opener, given: str, kept: str, fields: tuple[str, str]
) -> None:
    page = visit(html(), fragment=f"#t={given}").page
    assert page.url.partition("#")[2] == (f"t={kept}" if kept else "")
    assert (page.input_value("#range-from"), page.input_value("#range-to")) == fields
    assert page.locator("#range-chip").is_visible() is bool(kept)
    page.reload()  # what the page wrote, it reads
    assert page.url.partition("#")[2] == (f"t={kept}" if kept else "")


def test_clearing_the_filter_ends_the_range_wherever_it_is_shown(visit: Opener) -> None:
    page = visit(html(), fragment="#q=host%3Anowhere.example&t=1-2").page
    page.get_by_role("button", name="Show everything").first.click()
    assert page.input_value("#search") == ""
    assert not page.locator("#range-chip").is_visible()
    assert (page.input_value("#range-from"), page.input_value("#range-to")) == ("", "")
    assert page.locator("#range-clear").is_disabled()
    assert page.locator("[data-row][hidden]").count() == 0
    assert page.evaluate("document.activeElement.id") == "search"


def test_zooming_to_the_range_and_back(visit: Opener) -> None:
    opened = drawn(visit, fragment="#t=2-3")
    page = opened.page
    before, whole = ticks(page)
    page.locator("#range-zoom").click()
    opened.until(f"{FIRST_TICK} >= 1.9")
    left, scale = ticks(page)
    assert 1.9 < left < 2.0
    assert scale < whole / 3
    band, box = page.locator(".range-band").bounding_box(), page.locator("#fig-timeline .nsewdrag").first.bounding_box()
    assert band["width"] > 0.85 * box["width"]
    page.keyboard.press("t")  # another theme draws the chart anew, and keeps what the reader looks at
    page.wait_for_timeout(300)
    assert ticks(page)[0] == pytest.approx(left, abs=0.01)
    page.locator("#range-whole").click()
    opened.until(f"{FIRST_TICK} < 1")
    assert ticks(page)[0] == pytest.approx(before, abs=0.01)


FIRST_TICK = (
    "Math.min(...[...document.querySelectorAll('#fig-timeline .xtick text')].map((t) => Number(t.textContent)))"
)

ROWS = """
([selector, low, high]) => {
    const out = {inside: 0, outside: 0, wrong: []};
    for (const row of document.querySelectorAll(`${selector} [data-row][data-from]`)) {
        const inside = Number(row.dataset.from) <= high && Number(row.dataset.to ?? row.dataset.from) >= low;
        const holds = [...row.querySelectorAll('[data-row]')].some((inner) => !inner.hidden);
        out[inside ? 'inside' : 'outside'] += 1;
        if (row.hidden !== !(inside || holds)) out.wrong.push(row.id || row.textContent.trim().slice(0, 40));
    }
    return out;
}
"""


def test_rows_outside_the_range_go_and_those_inside_stay(visit: Opener) -> None:
    page = visit(html(), fragment="#t=2.2-3").page
    found = page.evaluate(ROWS, ["body", 2.2, 3.0])
    assert found["wrong"] == []
    shown, total = map(int, re.findall("[0-9]+", page.inner_text("#search-count")))
    assert shown <= total
    assert total == page.locator("[data-row]").count()


def test_clicking_what_is_only_counted_chooses_its_time(visit: Opener) -> None:
    analysis = fixture.rich()
    analysis.dns = tuple(fixture.dns(n, float(n), f"h{n}.example", latency_ms=0.5) for n in range(2000))
    opened = visit(render(analysis))
    page = opened.page
    page.locator("#fig-timeline").scroll_into_view_if_needed()
    opened.until("document.querySelector('#fig-timeline .plot-area').dataset.drawn === 'yes'")
    shaded = page.locator("#fig-timeline .heatmaplayer image").bounding_box()
    left, scale = ticks(page)
    box = page.locator("#fig-timeline .nsewdrag").first.bounding_box()
    x = box["x"] + (1.01 - left) / scale
    page.mouse.move(x, shaded["y"] + shaded["height"] / 2)
    page.mouse.click(x, shaded["y"] + shaded["height"] / 2)
    opened.until("location.hash.startsWith('#t=')")
    assert span(page) == (1.0, 1.02)  # 8 s in 400 bins
    opened.assert_clean()


@pytest.mark.parametrize("section", ["visits", "connections", "protocols", "findings", "tables"])
def test_every_section_is_filtered(visit: Opener, section: str) -> None:
    page = visit(html()).page
    outside = 0
    for low, high in ((0, 1), (2.2, 3), (6, 8)):
        page.fill("#range-from", str(low))
        page.fill("#range-to", str(high))
        page.locator("#range-to").press("Enter")
        found = page.evaluate(ROWS, [f"#{section}", low, high])
        assert found["wrong"] == []
        outside += found["outside"]
    assert outside > 0


@pytest.mark.parametrize("width", [390, 320])
def test_a_narrow_timeline_stays_readable(visit: Opener, width: int) -> None:
    page = drawn(visit, width=width).page
    boxes = page.evaluate(
        """[...document.querySelectorAll('#fig-timeline .ytick text')].map((text) => {
            const box = text.getBoundingClientRect();
            return [text.textContent, box.left, box.right];
        })"""
    )
    names = [name for name, _, _ in boxes]
    assert names[:6] == ["ARP", "DNS", "TCP", "TLS", "HTTP", "other"]
    assert all(0 <= left < right <= width for _, left, right in boxes)
    edges = page.evaluate(
        """[...document.querySelectorAll('#fig-timeline .xtick text')].map((text) => {
            const box = text.getBoundingClientRect();
            return [box.left, box.right];
        })"""
    )
    assert 3 <= len(edges) <= 8
    assert all(right + 4 < left for (_, right), (left, _) in pairwise(edges))
    drag(page, 0.2, 0.6)
    assert span(page) is not None
    chip = page.locator("#range-chip").bounding_box()
    assert 0 <= chip["x"] < chip["x"] + chip["width"] <= width


def test_the_table_below_lists_the_bars_with_links(visit: Opener) -> None:
    opened = visit(html())
    page = opened.page
    page.locator("#fig-timeline details.data > summary").click()
    rows = page.locator("#fig-timeline details.data tbody tr")
    assert rows.count() == 24  # 3 + 4 + 8 + 2 + 5 + 2, as the lanes say
    lost = rows.filter(has_text="✕ no answer").first
    lost.get_by_role("link").click()
    opened.until("/^#(arp|dns|stream)-[0-9]+$/.test(location.hash)")


OUTSIDE = r"20\.000 s – 30\.000 s is outside the capture \(0\.000 s – [0-9.]+ s\)"


def test_a_range_outside_the_capture_is_refused_with_the_reason(visit: Opener) -> None:
    page = visit(html(), fragment="#t=20-30").page
    assert re.fullmatch(OUTSIDE, page.inner_text("#search-count"))
    hidden = "[...document.querySelectorAll('[data-row]')].filter((row) => row.hidden).length"
    assert page.evaluate(hidden) == 0
    assert not page.locator("#range-chip").is_visible()
    page.fill("#range-from", "20")
    page.fill("#range-to", "30")
    page.keyboard.press("Enter")
    assert re.fullmatch(OUTSIDE, page.inner_text("#search-count"))
    assert page.input_value("#range-from") == "20"  # to be corrected
    page.fill("#range-to", "20")
    page.keyboard.press("Enter")
    assert page.inner_text("#search-count") == "a range needs two different times"
    page.fill("#range-from", "-3")
    page.fill("#range-to", "1")
    page.keyboard.press("Enter")
    assert (page.input_value("#range-from"), page.input_value("#range-to")) == ("0", "1")
    assert span(page) == (0.0, 1.0)
    page.locator("#range-clear").click()
    assert page.inner_text("#search-count") == ""


def test_where_nothing_is_left_it_is_said_what_left_nothing(visit: Opener) -> None:
    page = visit(html(), fragment="#t=6.5-6.9").page
    note = page.locator("#findings > .nothing")
    assert note.inner_text() == "Nothing here lies in the range of time. Show all times"
    page.fill("#search", "status:404")
    page.keyboard.press("Enter")
    assert note.inner_text() == "No row in the range of time matches the filter. Show everything"
    note.get_by_role("button").click()
    assert not page.locator("#range-chip").is_visible()
    assert (page.input_value("#search"), page.input_value("#range-from")) == ("", "")
    page.fill("#search", "status:299")
    page.keyboard.press("Enter")
    assert note.inner_text() == "No row matches the filter. Clear the filter"


@pytest.mark.parametrize("way", ["Escape", "#range-chip", "#range-clear"])
def test_showing_all_times_ends_the_zoom_to_the_range(visit: Opener, way: str) -> None:
    opened = drawn(visit, fragment="#t=2-3")
    page = opened.page
    before, _ = ticks(page)
    page.locator("#range-zoom").click()
    opened.until(f"{FIRST_TICK} >= 1.9")
    if way == "Escape":
        page.keyboard.press(way)
    else:
        page.locator(way).click()
    opened.until(f"{FIRST_TICK} < 1", seconds=5)
    assert ticks(page)[0] == pytest.approx(before, abs=0.01)
    assert span(page) is None
