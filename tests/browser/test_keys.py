"""The report without a mouse: every key of its help does what the help says, and none while somebody types."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser import pages
from tests.browser.conftest import Opener

pytestmark = pytest.mark.browser

FOCUSED_ROW = "(document.activeElement.closest('[data-row]') ?? {}).id ?? ''"

SECTIONS = ("summary", "timeline", "visits", "connections", "protocols", "findings", "tables", "about")


def test_numbers_lead_to_the_sections_in_the_order_of_the_header(visit: Opener) -> None:
    opened = visit(pages.html("loss"))
    page = opened.page
    for number, section in enumerate(SECTIONS, start=1):
        page.keyboard.press(str(number))
        opened.until(f"location.hash === '#{section}'")
        top, bar = page.evaluate(
            f"""[document.getElementById('{section}').getBoundingClientRect().top,
                 document.querySelector('.top').getBoundingClientRect().bottom]"""
        )
        assert bar - 1 <= top < 900, section
    page.keyboard.press("9")
    assert page.evaluate("location.hash") == "#about"


def test_rows_are_walked_through_in_their_order_without_those_folded_or_filtered_away(visit: Opener) -> None:
    page = visit(pages.html("loss"), fragment="#connections").page
    page.keyboard.press("j")
    walked = []
    for _ in range(4):
        walked.append(page.evaluate(FOCUSED_ROW))
        page.keyboard.press("j")
    assert walked == ["stream-0", "stream-1", "stream-2", "stream-3"]
    page.fill("#search", "stream:1")
    page.keyboard.press("Enter")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("4")
    page.keyboard.press("j")
    assert page.evaluate(FOCUSED_ROW) == "stream-1"
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.closest('#visits') !== null")  # the row before it that is in sight


def test_a_focused_row_is_in_sight_and_tab_comes_back_to_it(visit: Opener) -> None:
    page = visit(pages.html("dns-trouble"), fragment="#findings").page
    page.keyboard.press("j")
    page.keyboard.press("j")
    second: str = page.evaluate(FOCUSED_ROW)
    assert second == "finding-2"
    top, bar = page.evaluate(
        """[document.activeElement.getBoundingClientRect().top,
            document.querySelector('.top').getBoundingClientRect().bottom]"""
    )
    assert bar <= top < 900
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") != second
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == second
    page.keyboard.press("j")
    assert page.evaluate(f"document.getElementById('{second}').tabIndex") == -1  # one row at a time


def test_what_an_address_names_has_the_focus_when_the_page_is_there(visit: Opener) -> None:
    """A browser follows an address by itself when a page has loaded, and takes the focus from what cannot have it."""
    opened = visit(pages.html("loss"), fragment="#stream-1")
    opened.until("document.readyState === 'complete'")
    opened.page.wait_for_timeout(100)
    assert opened.page.evaluate(FOCUSED_ROW) == "stream-1"


def keep(page: Any) -> list[str]:
    """Return what keys could have changed."""
    state: list[str] = page.evaluate(
        """[location.hash, document.documentElement.dataset.theme ?? '', String(document.getElementById('help').open),
            document.activeElement.id]"""
    )
    return state


def test_no_key_is_taken_from_who_types_reads_the_help_or_gives_the_browser_an_order(visit: Opener) -> None:
    page = visit(pages.html("loss")).page
    page.focus("#search")
    before = keep(page)
    page.keyboard.type("t?4jkf/")
    assert page.input_value("#search") == "t?4jkf/"
    assert keep(page)[1:] == before[1:]
    page.keyboard.press("Escape")
    assert page.input_value("#search") == ""
    before = keep(page)
    for key in ("Control+j", "Alt+4", "Meta+t", "Control+f"):
        page.evaluate(
            """(key) => { const [modifier, letter] = key.split('+');
                document.dispatchEvent(new KeyboardEvent('keydown', {key: letter, bubbles: true, cancelable: true,
                    ctrlKey: modifier === 'Control', altKey: modifier === 'Alt', metaKey: modifier === 'Meta'})); }""",
            key,
        )
    assert keep(page) == before
    page.keyboard.press("?")
    before = keep(page)
    for key in "4jt":
        page.keyboard.press(key)
    assert keep(page) == before


def test_escape_shows_everything_again(visit: Opener) -> None:
    """A filter and a range of seconds, as an address brings them."""
    page = visit(pages.html("loss"), fragment="#q=stream%3A1&t=0.3-1.5").page
    hidden = "[...document.querySelectorAll('[data-row]')].filter((row) => row.hidden).length"
    assert page.evaluate(hidden) > 0
    page.keyboard.press("Escape")
    assert page.evaluate(hidden) == 0
    assert page.evaluate("location.hash") in ("", "#")


def test_f_copies_the_display_filter_of_the_row(visit: Opener) -> None:
    """Wireshark: frames 43 to 73 are the whole of stream 1, its two SYNs first."""
    opened = visit(pages.html("loss"), fragment="#stream-1")
    page = opened.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.keyboard.press("f")
    opened.until("navigator.clipboard.readText().then((text) => text !== '')")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(("tcp.stream eq 1", "frame.number in {43"))
    opened.assert_clean()


def test_printing_unfolds_and_folds_again(visit: Opener) -> None:
    page = visit(pages.html("loss")).page
    state = "[...document.querySelectorAll('.visit')].map((fold) => fold.open)"
    before = page.evaluate(state)
    assert False in before
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(state) == [True] * 5
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(state) == before


def test_keys_pressed_faster_than_the_page_moves_lead_to_the_same_row(visit: Opener) -> None:
    page = visit(pages.html("loss")).page
    page.emulate_media(reduced_motion="no-preference")
    page.evaluate(
        """for (const key of ['4', 'j'])
            document.dispatchEvent(new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true}))"""
    )
    page.wait_for_timeout(300)  # the browser tells of the new address only now
    assert page.evaluate(FOCUSED_ROW) == "stream-0"
    page.keyboard.press("3")
    page.keyboard.press("4")
    page.keyboard.press("j")
    assert page.evaluate(FOCUSED_ROW) == "stream-0"


def test_a_row_reached_by_key_stays_in_sight_while_the_page_grows(visit: Opener) -> None:
    """Charts above it are drawn late and take more room than was kept for them."""
    opened = visit(pages.html("loss"), fragment="#connections")
    page = opened.page
    for key in ("j", "j", "Enter", "j"):
        page.keyboard.press(key)
    assert page.evaluate(FOCUSED_ROW) == "stream-2"
    opened.until("[...document.querySelectorAll('#stream-1 .plot-area')].some((area) => area.dataset.drawn)")
    page.evaluate("document.querySelector('#stream-1 .conn-body').style.paddingBottom = '600px'")
    in_sight = """(() => { const box = document.activeElement.getBoundingClientRect();
        const bar = document.querySelector('.top').getBoundingClientRect().bottom;
        return box.bottom <= innerHeight && box.top >= bar; })()"""
    opened.until(in_sight, seconds=5)
    assert page.evaluate(FOCUSED_ROW) == "stream-2"
    page.mouse.wheel(0, -3000)  # who moves on is not pulled back
    opened.until(f"!{in_sight}", seconds=5)
    page.evaluate("document.querySelector('#stream-1 .conn-body').style.paddingBottom = '700px'")
    page.wait_for_timeout(200)
    assert not page.evaluate(in_sight)


def test_leaving_the_filter_gives_the_focus_back(visit: Opener) -> None:
    page = visit(pages.html("loss"), fragment="#connections").page
    page.keyboard.press("j")
    page.keyboard.press("/")
    page.keyboard.type("status:404")
    page.keyboard.press("Escape")
    assert page.evaluate(FOCUSED_ROW) == "stream-0"
    page.reload()
    page.focus("#help-open")
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") == "main"
