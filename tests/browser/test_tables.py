"""Tables and grids in a real Chromium: the filter's language, sorting, columns, copying, CSV, focus, anchors."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from analyzer.report.escape import safe
from analyzer.report.render import render
from analyzer.units import human_bytes, human_ms
from tests.browser.conftest import Opener, Visit
from tests.conftest import SAMPLES
from tests.report import fixture
from tests.report.test_tables import MANY, many

pytestmark = pytest.mark.browser


def script(*names: str) -> str:
    """Return parts of the page's script."""
    return "\n".join(
        files("analyzer.report").joinpath("assets", "js", f"{name}.js").read_text("utf-8") for name in names
    )


# ── the language ─────────────────────────────────────────────────────────────────────────────────────────────────

ROW = {
    "host": "shop.example", "status": "503", "method": "POST", "stream": "3", "proto": "http", "severity": "error",
    "dur": "250.000", "frames": "100 120-125", "from": "1.300000", "to": "1.500000", "text": "post /cart 503 250 ms",
}  # fmt: skip
QUERIES = [
    ("", True), ("cart", True), ("CART", True), ("basket", False), ("-basket", True), ("-cart", False),
    ('"/cart 503"', True), ('"/cart  503"', False), ("cart 503", True), ("cart basket", False),
    ("host:shop", True), ("host:SHOP.example", True), ("host:other", False), ("host:other,shop", True),
    ("-host:shop", False), ('host:"shop.example"', True), ("host:", True),
    ("status:5xx", True), ("status:4xx", False), ("status:503", True), ("status:50", False), ("status:404,503", True),
    ("status:>=500", True), ("status:>503", False), ("status:500-599", True), ("status:4xx,5xx", True),
    ("method:post", True), ("method:pos", False), ("method:get,post", True),
    ("stream:3", True), ("stream:33", False), ("stream:1,3", True), ("stream:2-4", True),
    ("proto:http", True), ("-proto:dns", True), ("proto:dns,http", True),
    ("finding:error", True), ("severity:error", True), ("finding:note", False), ("finding:any", True),
    ("dur:>200ms", True), ("dur:>250ms", False), ("dur:>=250ms", True), ("dur:<1s", True), ("dur:<250", False),
    ("dur:200ms", True), ("dur:300", False), ("dur:0.2s-0.3s", True), ("dur:100-200ms", False), ("dur:>0.1m", False),
    ("frame:120", True), ("frame:119", False), ("frame:100-110", True), ("frame:101-119", False),
    ("frame:124-200", True),
    ("frame:>125", False), ("frame:>124", True), ("frame:7,100", True),
    ("time:>1.2s", True), ("time:>1.5", False), ("time:<1.3s", False), ("time:1.2-1.4", True),
    ("time:1.6-1.9", False),
    ("time:1.4s", True), ("time:1250ms", False), ("time:1200-1400ms", True),
    ("colour:red", False), ("-colour:red", True), ("dur:soon", True), ("status:5xx host:other", False),
]  # fmt: skip
NOTHING = [("host:a", False), ("-host:a", True), ("dur:<1s", False), ("time:<9s", False), ("frame:1-9", False)]


@pytest.fixture(scope="module")
def blank(chromium: Any) -> Any:
    """Give an empty page."""
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def answers(blank: Any, queries: list[str], row: dict[str, str]) -> list[bool]:
    found: list[bool] = blank.evaluate(
        "(() => {"
        + script("query")
        + f"""
        const row = {json.dumps(row)};
        const value = (term) => term.field ? row[FIELDS[term.field]] ?? "" : row.text;
        const holds = (query) => parseQuery(query).terms.every(
            (term) => fitter(term)(value(term), row.to ?? "") !== term.not);
        return {json.dumps(queries)}.map(holds);
        }})()"""
    )
    return found


@pytest.mark.parametrize(("row", "table"), [(ROW, QUERIES), ({"text": "x"}, NOTHING)], ids=["full", "blank"])
def test_the_language(blank: Any, row: dict[str, str], table: list[tuple[str, bool]]) -> None:
    queries = [query for query, _ in table]
    assert dict(zip(queries, answers(blank, queries, row), strict=True)) == dict(table)


def test_what_is_not_understood_is_told(blank: Any) -> None:
    found = blank.evaluate(
        "(() => {" + script("query") + 'return parseQuery("colour:red dur:soon http://x 10.0.0.1:80 fe80::1 x:"); })()'
    )
    assert found["unknown"] == ["colour", "x"]
    assert found["wrong"] == ["dur:soon"]
    assert [term["words"] for term in found["terms"]] == [["colour:red"], ["http://x"], ["10.0.0.1:80"], ["fe80::1"]]


def test_what_is_read_in_a_way_of_its_own_is_told(blank: Any) -> None:
    found = blank.evaluate(
        "(() => {" + script("query") + 'return parseQuery("status: dur:500ms,1s-2s dur:>5ms -host: method:get"); })()'
    )
    assert found["bare"] == ["status", "host"]
    assert found["least"] == ["500ms"]
    assert [term["field"] for term in found["terms"]] == ["dur", "dur", "method"]


def test_numbers_are_written_as_everywhere(blank: Any) -> None:
    """The script's words for durations and sizes are those of analyzer.units."""
    times = [0, 0.0004, 0.35, 9.99, 9.996, 12.3, 999.4, 999.6, 4210, 59_990, 59_996, 185_000, 3_600_000, 7_320_000]
    times += [172_740_000, 172_800_000, 180_000_000, 63_068_400_000, 63_072_000_000, 615_660_180_000]
    sizes = [0, 812, 999, 1000, 16_400, 999_499, 999_500, 1_070_000_000, 5_000_000_000_000]
    found = blank.evaluate(
        "(() => { const say = (text, { n }) => text.replace('{n}', n);"
        + script("columns")
        + f"return [{times}.map(durationText), {sizes}.map(sizeText)]; }})()"
    )
    assert found == [[human_ms(time) for time in times], [human_bytes(count) for count in sizes]]


def test_what_is_written_once_is_read_everywhere(blank: Any) -> None:
    found = blank.evaluate(
        "(() => { const say = (text) => text;"
        + script("columns")
        + """const data = { rows: 3, columns: [{ label: "Time", as: "instant", steps: [5, -2, 7] },
            { label: "From", cells: ["a", "b"], at: [0, 1, 0] }, { label: "To", like: 1, at: [1, 0, 1] }],
            marks: { from: 0, to: { steps: [1, 1, 1] } } };
        return completed(data); })()"""
    )
    time, _, last = found["columns"]
    assert time == {"label": "Time", "as": "instant", "numbers": [5, 3, 10]}
    assert last == {"label": "To", "like": 1, "cells": ["a", "b"], "at": [1, 0, 1]}
    assert found["marks"] == {"from": 0, "to": {"numbers": [1, 2, 3]}}


# ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def long_page() -> str:
    return render(many())


@cache
def rich_page() -> str:
    return render(fixture.rich())


def open_grid(visit: Opener, html: str, ident: str, fragment: str = "", width: int = 1440) -> Visit:
    opened = visit(html, width=width, fragment=fragment or f"#{ident}")
    opened.until(f"document.querySelector('#{ident}').closest('.table-box').querySelector('.grid .grid-row') !== null")
    return opened


GRID = "document.querySelector('#http-table').closest('.table-box').querySelector('.grid')"


def test_a_grid_shows_few_rows_of_many_and_scrolls(visit: Opener) -> None:
    opened = open_grid(visit, long_page(), "http-table")
    page = opened.page
    grid = page.locator("#http-table ~ .grid")
    assert grid.get_attribute("role") == "grid"
    assert grid.get_attribute("aria-rowcount") == str(MANY + 1)
    assert page.evaluate(f"{GRID}.querySelectorAll('*').length") < 2000
    page.evaluate(f"{GRID}.scrollTop = 1e9")
    opened.until(f"{GRID}.textContent.includes('{MANY}')")
    last = page.evaluate(f"[...{GRID}.querySelectorAll('.grid-row')].at(-1).getAttribute('aria-rowindex')")
    assert last == str(MANY + 1)
    assert page.evaluate(f"{GRID}.querySelectorAll('*').length") < 2000
    opened.assert_clean()


def test_a_grid_of_hostile_rows_is_text(visit: Opener) -> None:
    opened = open_grid(visit, render(many(name="hostile")), "http-table")
    page = opened.page
    page.evaluate(f"{GRID}.scrollTop = 4000")
    opened.until(f"Number({GRID}.querySelector('.grid-body .grid-row:last-child').getAttribute('aria-rowindex')) > 100")
    assert page.evaluate(f"{GRID}.querySelectorAll('script, img, svg, iframe, span').length") == 0
    shown = page.evaluate(f"{GRID}.textContent")
    assert any(attack in shown for attack in ("<svg onload=alert(2)>", "{{7*7}}", "<script>alert(1)</script>"))
    page.fill("#search", '"><svg')
    page.locator("#http-table ~ .grid .grid-head").get_by_role("button", name="URL").click()
    page.wait_for_timeout(300)
    opened.assert_clean()


def test_without_scripts_the_first_rows_are_there(visit: Opener) -> None:
    opened = visit(long_page(), script=False)
    assert opened.page.locator("#http-table ~ .scroll tbody tr").count() == 50
    assert opened.page.locator("#http-table ~ .more").is_visible()


def test_keys_move_the_focus_in_a_grid(visit: Opener) -> None:
    opened = open_grid(visit, long_page(), "http-table")
    page = opened.page

    def place() -> tuple[str, str]:
        row, column = page.evaluate(
            "[document.activeElement.closest('[aria-rowindex]')?.getAttribute('aria-rowindex'),"
            " document.activeElement.closest('[aria-colindex]')?.getAttribute('aria-colindex')]"
        )
        return row, column

    page.locator("#http-table ~ .grid [tabindex='0']").focus()
    assert page.locator("#http-table ~ .grid [tabindex='0']").count() == 1
    assert place() == ("2", "1")
    for key, expected in (
        ("ArrowDown", ("3", "1")), ("ArrowRight", ("3", "2")), ("End", ("3", "14")), ("Home", ("3", "1")),
        ("Control+End", (str(MANY + 1), "14")), ("Control+Home", ("2", "1")), ("ArrowUp", ("1", "1")),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert place() == expected, key
    page.keyboard.press("ArrowDown")
    page.keyboard.press("PageDown")
    assert int(place()[0]) > 10
    assert page.locator("#http-table ~ .grid [tabindex='0']").count() == 1


def test_a_grid_is_filtered_with_the_rest_of_the_page(visit: Opener) -> None:
    opened = open_grid(visit, long_page(), "http-table")
    page = opened.page
    fifth = MANY // 5  # the fixture has five requests; one is a POST that got 503
    for query, expected in (("status:503 method:post", fifth), ("status:404,503", 2 * fifth), ("missing.png", fifth)):
        page.fill("#search", query)
        opened.until(f"{GRID}.getAttribute('aria-rowcount') === '{expected + 1}'")
    page.fill("#search", "host:nowhere.example")
    opened.until("document.querySelector('#http-table').parentElement.classList.contains('is-empty')")
    note = page.locator("#http-table ~ .nothing")
    assert "No row matches the filter" in note.inner_text()
    note.locator("button").click()
    opened.until(f"{GRID}.getAttribute('aria-rowcount') === '{MANY + 1}'")
    assert page.input_value("#search") == ""
    page.fill("#search", "colour:red")
    opened.until("document.querySelector('#search-count').textContent.includes('no field “colour”')")


def test_a_filter_looks_at_what_rows_say_not_at_their_buttons(visit: Opener) -> None:
    opened = visit(rich_page())
    clipboard(opened)
    page = opened.page
    said = "document.querySelector('#search-count').textContent"
    shown = "[...document.querySelectorAll('.visit')].filter((row) => !row.hidden).map((row) => row.id)"
    button = page.locator("#visit-1 .v-filter button.copy")
    assert button.inner_text() == "Copy filter"
    button.click()
    opened.until("document.querySelector('#visit-1 .v-filter button.copy').textContent === 'Copied'")
    for query in ("copy", "copied"):
        page.fill("#search", query)
        page.keyboard.press("Enter")
        assert page.evaluate(said).startswith("0 of "), query
    page.fill("#search", '"in wireshark:" "step by step"')  # before and after buttons
    page.keyboard.press("Enter")
    assert page.evaluate(shown) == ["visit-1", "visit-2"]


def test_an_anchor_of_a_row_that_only_the_grid_has(visit: Opener) -> None:
    opened = open_grid(visit, long_page(), "http-table", f"#http-{MANY - 100}")
    opened.until(f"{GRID}.querySelector('.found') !== null")
    assert opened.page.evaluate(f"{GRID}.querySelector('.found').textContent").startswith(str(MANY - 100))
    assert opened.page.evaluate("document.activeElement.closest('.found') !== null")
    opened.page.evaluate("location.hash = 'http-2000'")
    opened.until(f"{GRID}.querySelector('.found')?.textContent.startsWith('2000')")
    box = opened.page.locator(".grid-row.found").bounding_box()
    assert 0 < box["y"] < 900


def test_a_grid_is_sorted_by_its_numbers(visit: Opener) -> None:
    opened = open_grid(visit, long_page(), "http-table")
    page = opened.page
    head = page.locator("#http-table ~ .grid .grid-head").get_by_role("button", name="Total")
    first = f'{GRID}.querySelector(\'.grid-body [aria-rowindex="2"] [aria-colindex="10"]\').textContent'
    head.click()
    opened.until(f"{first} === '0.40 ms'")
    page.locator("#http-table ~ .grid .grid-head").get_by_role("button", name="Total").click()
    opened.until(f"{first} === '3.12 s'")
    assert page.locator("#http-table ~ .grid [aria-sort='descending']").inner_text().startswith("Total")


# ── real tables ──────────────────────────────────────────────────────────────────────────────────────────────────

HOSTILE = ('=HYPERLINK("http://evil.example")', "+1", "-2+3", "@SUM(A1)", 'a "quoted", text', "plain", "-", "x\ny")


def hostile_page() -> str:
    """Return a page whose table of problems has cells that a spreadsheet would run."""
    given = fixture.rich()
    problem = replace(given.problems[0]) if given.problems else None
    assert problem is not None
    problems = tuple(replace(problem, message=text, frame=n + 8) for n, text in enumerate(HOSTILE))
    return render(replace(given, problems=problems))


def saved(opened: Visit, ident: str) -> tuple[str, list[list[str]]]:
    with opened.page.expect_download() as waiting:
        opened.page.locator(f"#{ident} ~ .table-tools").get_by_role("button", name="CSV").click()
    text = Path(waiting.value.path()).read_text("utf-8")
    return waiting.value.suggested_filename, list(csv.reader(io.StringIO(text, newline="")))


def test_csv_of_hostile_cells(visit: Opener) -> None:
    opened = visit(hostile_page(), fragment="#problems-table")
    name, lines = saved(opened, "problems-table")
    assert name.replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert name.endswith(".csv")
    said = [line[4] for line in lines[1:]]
    for text, cell in zip(HOSTILE, said, strict=True):
        shown = safe(text)
        assert cell == (f"'{shown}" if text[0] in "=+-@" else shown)
    assert [line[2] for line in lines[1:]] == [str(n + 8) for n in range(len(HOSTILE))]


def test_csv_is_what_is_shown_with_numbers_as_numbers(visit: Opener) -> None:
    opened = visit(rich_page(), fragment="#http-table")
    page = opened.page
    page.fill("#search", "status:404,503")
    opened.until("document.querySelectorAll('#http-table ~ .scroll tbody tr:not([hidden])').length === 2")
    page.locator("#http-table ~ .table-tools summary").click()
    page.locator("#http-table ~ .table-tools label", has_text="Type").locator("input").uncheck()
    _, lines = saved(opened, "http-table")
    assert "Type" not in lines[0]
    assert "Total (ms)" in lines[0]
    assert "Body (B)" in lines[0]
    assert [line[lines[0].index("Status")] for line in lines[1:]] == ["404", "503"]
    assert [float(line[lines[0].index("Total (ms)")]) for line in lines[1:]] == [53.9, 2032.9]
    assert [line[lines[0].index("Body (B)")] for line in lines[1:]] == ["5120", "5120"]
    opened.assert_clean()


def test_what_has_a_number_to_sort_by_but_says_more_is_saved_as_it_says(visit: Opener) -> None:
    opened = visit(rich_page(), fragment="#dns-table")
    _, lines = saved(opened, "dns-table")
    rows = "[...document.querySelectorAll('#dns-table ~ .scroll tbody tr')]"
    frames = opened.page.evaluate(f"{rows}.map((row) => [...row.cells].at(-1).textContent)")
    assert any("–" in text or "," in text for text in frames)
    assert [line[-1] for line in lines[1:]] == frames


def test_a_table_is_sorted_by_value_not_by_text(visit: Opener) -> None:
    opened = visit(rich_page(), fragment="#http-table")
    page = opened.page
    column = page.evaluate(
        "[...document.querySelectorAll('#http-table ~ .scroll th')].findIndex(h => h.textContent === 'Total')"
    )
    cells = f"[...document.querySelectorAll('#http-table ~ .scroll tbody tr')].map(r => r.cells[{column}].textContent)"
    before = page.evaluate(cells)
    head = page.locator("#http-table ~ .scroll th button", has_text="Total")
    head.click()
    assert page.evaluate(cells) == ["0.40 ms", "54 ms", "54 ms", "2.03 s", "3.12 s"]
    assert page.locator("#http-table ~ .scroll th[aria-sort='ascending']").inner_text().startswith("Total")
    head.click()
    assert page.evaluate(cells) == ["3.12 s", "2.03 s", "54 ms", "54 ms", "0.40 ms"]
    head.click()
    assert page.evaluate(cells) == before


def test_columns_can_be_hidden_but_not_all(visit: Opener) -> None:
    opened = visit(rich_page(), fragment="#frames-table")
    page = opened.page
    page.locator("#frames-table ~ .table-tools summary").click()
    for name in ("Count", "Note", "Frames"):
        page.locator("#frames-table ~ .table-tools label", has_text=name).locator("input").click()
    visible = "[...document.querySelectorAll('#frames-table ~ .scroll th:not([hidden])')].map((h) => h.textContent)"
    assert page.evaluate(visible) == ["Frames"]
    page.keyboard.press("Escape")
    assert page.locator("#frames-table ~ .table-tools details[open]").count() == 0


# ── copying ──────────────────────────────────────────────────────────────────────────────────────────────────────


def clipboard(opened: Visit) -> None:
    """Catch what is copied: a page from a file has no right to the real clipboard."""
    opened.page.evaluate(
        "Object.defineProperty(navigator, 'clipboard',"
        " { value: { writeText: async (text) => { window.copied = text; } }, configurable: true })"
    )


def test_the_filter_of_a_row_is_copied_by_key_and_by_button(visit: Opener) -> None:
    opened = open_grid(visit, render(packet_analysis()), "packets-table")
    clipboard(opened)
    page = opened.page
    page.locator("#packets-table ~ .grid [tabindex='0']").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("f")
    opened.until("window.copied === 'frame.number == 2'")
    opened.until("document.querySelector('.announcer').textContent === 'Copied: frame.number == 2'")
    page.locator("#packets-table ~ .grid [aria-rowindex='6'] [aria-colindex='3']").hover()
    opened.until("!document.querySelector('.row-copy').hidden")
    page.locator(".row-copy").click()
    opened.until("window.copied === 'frame.number == 5'")
    assert page.locator(".row-copy").count() == 1


def test_the_button_stays_with_the_row_that_is_pointed_at_while_the_page_scrolls(visit: Opener) -> None:
    opened = visit(rich_page(), fragment="#http-table")
    clipboard(opened)
    page = opened.page
    row = page.locator("#http-table ~ .scroll tbody tr").nth(2)
    row.locator("td").nth(2).hover()
    opened.until("!document.querySelector('.row-copy').hidden")
    before = row.bounding_box()["y"]
    page.evaluate(
        """window.turns = [];
        new MutationObserver(() => window.turns.push(document.querySelector('.row-copy').hidden))
            .observe(document.querySelector('.row-copy'), {attributeFilter: ['hidden']});"""
    )
    page.mouse.wheel(0, 2)  # less than a row is high: the pointer is over the same one
    opened.until("window.turns.length > 1 && window.turns[0]")
    opened.until("!document.querySelector('.row-copy').hidden", seconds=10)
    moved, button = row.bounding_box(), page.locator(".row-copy").bounding_box()
    assert before - moved["y"] == pytest.approx(2, abs=0.5)
    assert button["y"] + button["height"] / 2 == pytest.approx(moved["y"] + min(moved["height"], 34) / 2, abs=1)


def test_filters_of_frames_and_streams(visit: Opener) -> None:
    opened = visit(rich_page())
    clipboard(opened)
    for frames, stream, expected in (
        ("3 7-9", "", "frame.number in {3, 7..9}"), ("3", "1", "frame.number == 3"),
        ("7-9", "", "frame.number in {7..9}"),
        ("", "4", "tcp.stream eq 4"), ("", "1 3", "tcp.stream in {1, 3}"),
    ):  # fmt: skip
        opened.page.evaluate(
            """([frames, stream]) => {
                const row = document.querySelector('#http-table ~ .scroll tbody tr');
                row.dataset.frames = frames;
                row.dataset.stream = stream;
                row.focus();
                window.copied = '';
            }""",
            [frames, stream],
        )
        opened.page.keyboard.press("f")
        opened.until(f"window.copied === {json.dumps(expected)}")


def test_rows_are_copied_as_a_spreadsheet_takes_them(visit: Opener) -> None:
    opened = visit(rich_page(), fragment="#frames-table")
    clipboard(opened)
    opened.page.locator("#frames-table ~ .table-tools").get_by_role("button", name="Copy rows").click()
    opened.until("Boolean(window.copied)")
    lines = opened.page.evaluate("window.copied").split("\r\n")
    assert lines[0] == "Frames\tCount\tNote"
    assert lines[1].split("\t")[0] == "TCP"


# ── packets ──────────────────────────────────────────────────────────────────────────────────────────────────────


@cache
def packet_analysis() -> Any:
    from analyzer.pipeline import analyze

    return analyze(str(sorted(SAMPLES.glob("*.pcapng"))[0]))


def test_a_frame_that_no_ladder_has_is_found_among_the_packets(visit: Opener) -> None:
    analysis = packet_analysis()
    html = render(analysis)
    frame = next(n for n in range(1, analysis.capture.packets + 1) if f'id="frame-{n}"' not in html)
    opened = open_grid(visit, html, "packets-table", f"#frame-{frame}")
    opened.until("document.querySelector('.grid-row.found') !== null")
    assert opened.page.locator(".grid-row.found [aria-colindex='1']").inner_text() == str(frame)
    assert opened.page.evaluate("document.querySelectorAll('.grid [id]').length") == 0
    opened.assert_clean()


def test_the_toolbar_and_the_grid_fit_a_phone(visit: Opener) -> None:
    opened = open_grid(visit, long_page(), "http-table", width=390)
    assert opened.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    sizes = opened.page.evaluate(
        "[...document.querySelectorAll('.table-tools button, .table-tools summary')]"
        ".map((button) => button.getBoundingClientRect().height)"
    )
    assert min(size for size in sizes if size) >= 24  # WCAG 2.2, 2.5.8
