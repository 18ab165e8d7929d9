"""Reports in a real Chromium: silent, locked, readable, usable by mouse, keyboard and without scripts."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.report.render import render
from tests.browser import pages
from tests.browser.conftest import Opener
from tests.browser.test_layout import overflow
from tests.conftest import SAMPLES
from tests.report import fixture

pytestmark = pytest.mark.browser

CAPTURES = sorted(SAMPLES.glob("*.pcapng"))


@cache
def html(name: str) -> str:
    return render(getattr(fixture, name)())


def test_there_are_samples() -> None:
    assert CAPTURES, f"no samples in {SAMPLES}"


@pytest.mark.parametrize("name", ["rich", "hostile", "empty"])
def test_nothing_leaves_and_nothing_is_blocked(visit: Opener, name: str) -> None:
    opened = visit(html(name))
    opened.draw_everything()
    opened.assert_clean()
    assert opened.page.locator(".plot-area[data-drawn] svg.main-svg").count() >= (0 if name == "empty" else 3)


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.stem)
def test_the_report_of_each_sample_is_clean(visit: Opener, path: Path) -> None:
    opened = visit(pages.html(path.stem))
    opened.draw_everything()
    opened.assert_clean()
    assert overflow(opened) == []


def test_an_attack_is_seen_and_does_nothing(visit: Opener) -> None:
    opened = visit(html("hostile"))
    opened.draw_everything()
    page = opened.page
    for number in range(page.locator(".plot-area").count()):
        page.locator(".plot-area").nth(number).scroll_into_view_if_needed()
        box = page.locator(".plot-area").nth(number).bounding_box()
        for share in (0.1, 0.3, 0.5, 0.7, 0.9):  # hover labels are drawn from captured text, too
            page.mouse.move(box["x"] + box["width"] * share, box["y"] + 60)
    opened.assert_clean()
    assert page.evaluate("document.querySelectorAll('img, iframe, object, embed').length") == 0
    assert "<svg onload=alert(2)>" in page.inner_text("#findings")
    assert "{{7*7}}" in page.inner_text("#findings")


def test_no_way_to_send_the_chart_anywhere(visit: Opener) -> None:
    opened = visit(html("rich"))
    opened.draw_everything()
    titles = opened.page.evaluate(
        "[...document.querySelectorAll('.modebar-btn')].map((b) => b.dataset.title + b.getAttribute('aria-label'))"
    )
    assert titles  # there is a bar
    assert [t for t in titles if any(word in t.lower() for word in ("share", "cloud", "edit", "plotly"))] == []


def test_without_scripts_everything_but_the_charts_is_readable(visit: Opener) -> None:
    opened = visit(html("rich"), script=False)
    page = opened.page
    for words in ("What happened", "97 % of it (3.02 s) went into looking up the name", "Capture quality"):
        assert page.get_by_text(words).first.is_visible()
    assert page.locator("#finding-1 h3").is_visible()
    assert "The server reset the connection" in page.inner_text("#finding-1")
    assert page.locator("#visit-1 .wf-bar rect").first.is_visible()
    page.locator("#stream-0 > summary").click()  # a native fold
    assert page.locator("#stream-0 svg.ladder").is_visible()
    assert page.get_by_text("TIME_WAIT (inferred)").first.is_visible()
    assert page.locator("#dns-table").is_visible()
    assert not page.locator("#search").is_visible()
    assert not page.locator("button.copy").first.is_visible()
    charts = page.locator("figure.plot").count()
    assert charts >= 3
    assert page.get_by_text("This chart is drawn by a script").count() == charts
    assert opened.requests == []


def visible_rows(page: Any, selector: str) -> int:
    return int(page.evaluate("(s) => [...document.querySelectorAll(s)].filter((r) => !r.hidden).length", selector))


FILTERS = (
    ("status:5xx", "#visits .req", 1),
    ("status:404", "#visits .req", 1),
    ("-status:404 method:get", "#visits .req", 3),
    ("method:POST dur:>2s", "#visits .req", 1),
    ("dur:<1ms", "#visits .req", 1),
    ("stream:1", "#connections .conn", 1),
    ("host:api.example proto:dns", "#dns-panel tr[data-row]", 1),
    ("finding:error", "#findings .finding", 1),
    ('"no such words"', "#findings .finding", 0),
    ("nxdomain", "#dns-panel tr[id]", 1),
    ("-proto:dns", "#dns-panel tr[data-row]", 0),
    ("unknown:word", "#dns-panel tr[data-row]", 0),
)


def test_filter(visit: Opener) -> None:
    opened = visit(html("rich"))
    page = opened.page
    everything = visible_rows(page, "[data-row]")
    for query, selector, rows in FILTERS:
        page.fill("#search", query)
        opened.until("document.getElementById('search-count').textContent !== ''")
        assert visible_rows(page, selector) == rows, query
        page.keyboard.press("Escape")
        assert visible_rows(page, "[data-row]") == everything
        assert page.inner_text("#search-count") == ""


def test_a_filter_in_the_address_is_restored(visit: Opener) -> None:
    page = visit(html("rich"), fragment="#q=status%3A503").page
    assert page.input_value("#search") == "status:503"
    assert visible_rows(page, "#visits .req") == 1


def test_a_link_opens_the_row_it_leads_to(visit: Opener) -> None:
    opened = visit(html("rich"))
    page = opened.page
    page.locator("#card-slow a").first.click()
    opened.until("document.getElementById('http-1').open")
    assert page.locator("#http-1 .shares").is_visible()
    assert page.locator("#http-1").bounding_box()["y"] > 0
    page.goto(page.url.split("#")[0] + "#stream-2")
    opened.until("document.getElementById('stream-2').open")
    assert page.locator("#stream-2 svg.ladder").is_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_the_title_of_what_a_link_leads_to_is_in_sight(visit: Opener, width: int) -> None:
    """Long details must not push their own title under the bar at the top, on a small screen least of all."""
    opened = visit(html("rich"), width=width)
    for anchor in opened.page.evaluate("[...document.querySelectorAll('details.req[id]')].map((row) => row.id)"):
        opened.page.evaluate(f"location.hash = '{anchor}'")
        opened.until(f"document.getElementById('{anchor}').open")
        opened.page.wait_for_timeout(50)
        top, bar = opened.page.evaluate(
            f"""[document.querySelector('#{anchor} summary').getBoundingClientRect().top,
                 document.querySelector('.top').getBoundingClientRect().bottom]"""
        )
        assert bar <= top < 900, anchor


def test_clicking_a_bar_goes_to_its_row(visit: Opener) -> None:
    opened = visit(html("rich"))
    opened.draw_everything()
    page = opened.page
    page.locator("#fig-status").scroll_into_view_if_needed()
    bar = page.locator("#fig-status .bars .point").last.bounding_box()
    page.mouse.move(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    page.mouse.click(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    opened.until("location.hash === '#http-4'")  # the 503


def test_keys(visit: Opener) -> None:
    opened = visit(html("rich"))
    page = opened.page
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("t1?")  # typing is typing
    assert page.input_value("#search") == "t1?"
    assert not page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") != "search"
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("t")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.keyboard.press("4")
    opened.until("location.hash === '#connections'")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.closest('[data-row]').id") == "stream-0"
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    assert page.evaluate("document.getElementById('stream-1').open")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.closest('[data-row]').id") == "stream-0"


def test_copying_a_display_filter(visit: Opener) -> None:
    opened = visit(html("rich"))
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#finding-2 button.copy").click()
    opened.until("document.querySelector('#finding-2 button.copy').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == "frame.number in {3..5}"


def test_charts_follow_the_theme(visit: Opener) -> None:
    opened = visit(html("rich"))
    opened.draw_everything()
    ink = "getComputedStyle(document.querySelector('#fig-timeline .xtick text')).fill"
    before = opened.page.evaluate(ink)
    opened.page.keyboard.press("t")
    opened.until(f"{ink} !== '{before}'")


def test_the_first_screen_is_there_before_any_chart(visit: Opener) -> None:
    """Plotly's five megabytes are only compiled once the page has been painted."""
    opened = visit(html("rich"))
    order = opened.page.evaluate(
        """() => new Promise((done) => {
            const painted = performance.getEntriesByName('first-contentful-paint')[0];
            const wait = () => document.querySelector('.plot-area[data-drawn]')
                ? done([painted ? painted.startTime : null, performance.now()]) : setTimeout(wait, 20);
            wait();
        })"""
    )
    assert order[0] is None or order[0] < order[1]
    assert opened.page.evaluate("document.querySelectorAll('script[src]').length") == 0


def test_the_filter_says_how_it_reads_what_is_typed(visit: Opener) -> None:
    opened = visit(html("rich"))
    page = opened.page
    for query, told in (("dur:500ms", "“dur:500ms” means at least 500ms"), ("status:", "“status:” needs a value")):
        page.fill("#search", query)
        page.keyboard.press("Enter")
        assert told in page.inner_text("#search-count")


def test_an_address_that_names_nothing_says_so(visit: Opener) -> None:
    opened = visit(html("rich"), fragment="#frame-9999")
    assert opened.page.inner_text(".announcer") == "This page shows no frame 9999."
    opened.page.evaluate("location.hash = 'nowhere'")
    opened.until("document.querySelector('.announcer').textContent === 'This page has no place called “nowhere”.'")
    opened.until("document.querySelector('.announcer').textContent === ''", seconds=10)  # it is not read out later


def test_a_finding_gone_to_begins_below_the_header(visit: Opener) -> None:
    opened = visit(pages.html("loss"))
    page = opened.page
    page.locator("#card-why a[href^='#finding-']").first.click()
    opened.until("document.activeElement.id === 'finding-1'")
    page.wait_for_timeout(500)
    top, bar = page.evaluate(
        """[document.getElementById('finding-1').getBoundingClientRect().top,
            document.querySelector('.top').getBoundingClientRect().bottom]"""
    )
    assert bar <= top < bar + 40
    assert page.locator(".sections .here").get_attribute("href") == "#findings"


def test_the_line_about_the_file_stays_one_beside_a_range(visit: Opener) -> None:
    """A small step of the layout, and everything below the header moves."""
    opened = visit(pages.html("loss"))
    height = "document.querySelector('.top').getBoundingClientRect().height"
    before = opened.page.evaluate(height)
    opened.page.evaluate("location.hash = 't=0.3-1.5'")
    opened.until("!document.getElementById('range-chip').hidden")
    assert opened.page.evaluate(height) == before


def test_the_triangle_of_the_headers_stands_inside_their_box(visit: Opener) -> None:
    """Outside, a marker is drawn left of its text, over the edge of the box."""
    page = visit(html("rich"), fragment="#http-1").page
    place, inner, box = page.evaluate(
        """(() => { const summary = document.querySelector('#http-1 .headers > summary');
            return [getComputedStyle(summary).listStylePosition, summary.getBoundingClientRect().left,
                    summary.closest('.req-body').getBoundingClientRect().left]; })()"""
    )
    assert place == "inside"
    assert inner > box
