"""The index of a batch in a browser: picked, sorted, followed to a report, and nothing from outside that acts."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from analyzer.batch.index_page import html_text
from tests.batch import outcomes
from tests.browser.conftest import Opener, Visit
from tests.browser.pages import FOUR, OPEN_ALL
from tests.browser.test_accessibility import AXE, violations
from tests.browser.test_layout import NARROW, NONE, WIDE, dim, facts, overflow
from tests.conftest import ROOT, SAMPLES

pytestmark = pytest.mark.browser

SHOWN = "[...document.querySelectorAll('#captures tbody tr:not([hidden])')].map((row) => row.cells[0].textContent)"
COUNT = "document.getElementById('search-count').textContent"
GRID_ROWS = "Number(document.querySelector('.grid').getAttribute('aria-rowcount')) - 1"
GRID_NAMES = "[...document.querySelectorAll('.grid-body [aria-colindex=\"1\"]')].map((cell) => cell.textContent)"
FIRST_ROW = 'document.querySelector(\'.grid-row[aria-rowindex="2"] [aria-colindex="1"]\').textContent'


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of four samples, one of which has a name that needs care, and of a file that is no capture."""
    place = tmp_path_factory.mktemp("batch")
    (place / "lab").mkdir()
    for name in FOUR:
        shutil.copy(SAMPLES / f"{name}.pcapng", place / "lab")
    (place / "lab" / "loss.pcapng").rename(place / "lab" / "<b>loss & more?#.pcapng")
    (place / "lab" / "broken.pcap").write_bytes(b"this is no capture")
    command = [sys.executable, "-m", "analyzer", "batch", str(place / "lab"), "-o", str(place / "out"), "-j", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=ROOT)
    assert done.returncode == 5, done.stderr
    assert done.stdout.rstrip().endswith("/out/index.html")
    return place / "out"


@pytest.fixture(scope="module")
def axe() -> str:
    """Source of axe-core."""
    if not AXE.is_file():
        pytest.skip(f"axe-core is not at {AXE.relative_to(ROOT)}: run scripts/npm.sh .venv/web")
    return AXE.read_text("utf-8")


@pytest.fixture(scope="module")
def thousands() -> str:
    return html_text(outcomes.many(5000))


def shown(opened: Visit) -> list[str]:
    names: list[str] = opened.page.evaluate(SHOWN)
    return names


def sort_by(opened: Visit, label: str) -> None:
    opened.page.locator("#captures .sort", has_text=label).click()


def test_captures_are_picked_and_sorted(visit: Opener, batch: Path) -> None:
    opened = visit.open(batch / "index.html")
    everything = shown(opened)
    assert everything == sorted(everything)
    assert len(everything) == 5
    sort_by(opened, "Wait p95")  # 25 ms (two, of which the shorter is dns-trouble), 254 ms, none
    waits = shown(opened)
    assert waits[3:] == ["<b>loss & more?#.pcapng", "broken.pcap"]
    assert waits[0] == "dns-trouble.pcapng"
    sort_by(opened, "Wait p95")
    assert shown(opened)[0] == "<b>loss & more?#.pcapng"
    assert shown(opened)[-1] == "broken.pcap"

    opened.page.locator("#search").fill("finding:error")
    opened.until(f"{COUNT}.startsWith('2 of 5')")
    assert sorted(shown(opened)) == ["dns-trouble.pcapng", "status-codes.pcapng"]
    button = opened.page.locator("[data-term='finding:error']")
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert opened.page.locator("#search").input_value() == ""
    assert len(shown(opened)) == 5

    opened.page.locator("[data-term='status:failed']").click()
    assert shown(opened) == ["broken.pcap"]
    opened.page.locator("[data-term='status:ok']").click()  # in the place of the other
    assert opened.page.locator("#search").input_value() == "status:ok"
    opened.page.locator("[data-term='host:www.shop.example']").click()
    assert opened.page.locator("#search").input_value() == "status:ok host:www.shop.example"
    assert shown(opened) == ["first-visit.pcapng"]
    opened.page.keyboard.press("Escape")
    assert len(shown(opened)) == 5
    opened.assert_clean()


def test_numbers_and_times_are_sorted_in_a_real_table(visit: Opener) -> None:
    days = (5, 1, 9)
    some = [
        outcomes.outcome(n, capture=f"{n}.pcap", start_time=f"2026-11-{day:02d}T08:00:00.000000000Z", failures=n - 1)
        for n, day in enumerate(days, 1)
    ]
    opened = visit(html_text([outcomes.broken("none.pcap"), *some]))
    sort_by(opened, "Start")
    assert shown(opened) == ["2.pcap", "1.pcap", "3.pcap", "none.pcap"]
    sort_by(opened, "Failures")
    assert shown(opened) == ["1.pcap", "2.pcap", "3.pcap", "none.pcap"]
    sort_by(opened, "Failures")
    assert shown(opened) == ["3.pcap", "2.pcap", "1.pcap", "none.pcap"]
    opened.assert_clean()


def test_each_facet_keeps_as_many_rows_as_it_says(visit: Opener, batch: Path) -> None:
    opened = visit.open(batch / "index.html")
    buttons = opened.page.locator("button[data-term]")
    assert buttons.count() > 8
    for n in range(buttons.count()):
        button = buttons.nth(n)
        inside = button.locator(".count")
        count = inside if inside.count() else button.locator("xpath=following-sibling::*[1]")
        button.click()
        assert len(shown(opened)) == int(count.inner_text().split()[0]), button.get_attribute("data-term")
        button.click()
    opened.assert_clean()


def test_the_address_holds_the_filter(visit: Opener, batch: Path) -> None:
    opened = visit.open(batch / "index.html", fragment="#q=status%3Afailed%20code%3Anone")
    assert shown(opened) == []
    opened.page.evaluate("location.hash = 'q=status%3Afailed,ok'")
    opened.until(f"{COUNT}.startsWith('5 of 5')")
    assert "cannot be understood" not in opened.page.evaluate(COUNT)


def test_names_lead_to_reports_that_are_there(visit: Opener, batch: Path) -> None:
    opened = visit.open(batch / "index.html")
    links = opened.page.evaluate("[...document.querySelectorAll('a.file-link')].map((a) => a.href)")
    assert len(links) == 4
    for link in links:
        assert Path(unquote(urlsplit(link).path)).parent == batch
        assert Path(unquote(urlsplit(link).path)).is_file()
    opened.assert_clean()
    row = opened.page.locator("#captures tr", has_text="more?#.pcapng")
    row.focus()
    opened.page.keyboard.press("Enter")
    opened.page.wait_for_load_state()
    assert opened.page.locator("h1").text_content() == "<b>loss & more?#.pcapng"
    assert opened.messages == []


def test_without_scripts_everything_can_be_read(visit: Opener, batch: Path) -> None:
    opened = visit.open(batch / "index.html", script=False)
    assert opened.page.locator("#captures tbody tr").count() == 5
    assert "broken.pcap" in opened.page.locator("#card-failed").inner_text()
    assert not opened.page.locator(".facets").is_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_word_has_its_place(visit: Opener, batch: Path, theme: str) -> None:
    opened = visit.open(batch / "index.html", WIDE, theme)
    for width in (WIDE, NARROW, 320):
        assert facts(opened, width) == NONE
        assert overflow(opened) == []
    assert dim(opened) == []


@pytest.mark.parametrize(("width", "theme"), [(WIDE, "light"), (NARROW, "dark")])
def test_no_violation(visit: Opener, batch: Path, axe: str, width: int, theme: str) -> None:
    opened = visit.open(batch / "index.html", width, theme)
    opened.page.evaluate(axe)
    assert violations(opened) == []
    opened.page.locator("[data-term='finding:error']").click()
    opened.page.keyboard.press("?")
    assert violations(opened) == []


def test_thousands_of_captures(visit: Opener, thousands: str, axe: str) -> None:
    opened = visit(thousands)
    opened.page.locator("#captures").scroll_into_view_if_needed()
    opened.until("document.querySelector('.grid-row a.file-link') !== null")
    assert opened.page.evaluate("document.querySelectorAll('*').length") < 5_000
    assert opened.page.evaluate(GRID_ROWS) == 5_000
    opened.page.locator("[data-term='status:failed']").click()
    assert opened.page.evaluate(GRID_ROWS) == 50
    assert opened.page.evaluate(FIRST_ROW) == "lab/broken-0099.pcap"
    opened.page.locator("#search").fill("finding:error day:2026-11-02")
    # errors are in each fifth capture, the day in each 28th; each hundredth failed
    right = [n for n in range(5000) if n % 5 == 0 and n % 28 == 1 and n % 100 != 99]
    opened.until(f"{COUNT}.startsWith('{len(right)} of 5000')")
    assert opened.page.evaluate(GRID_ROWS) == len(right)
    sort_by(opened, "Wait p95")
    slowest = min(right, key=lambda n: (n * 7919) % 1009)
    assert opened.page.evaluate(FIRST_ROW) == f"lab{slowest % 10}/group-{slowest:04d}.pcapng"
    link = opened.page.locator(".grid-row a.file-link").first
    assert link.get_attribute("href") == f"lab{slowest % 10}/group-{slowest:04d}.pcapng.html"
    opened.page.evaluate(axe)
    assert violations(opened) == []
    assert opened.page.evaluate("document.querySelectorAll('*').length") < 5_000
    assert facts(opened, WIDE) == NONE
    opened.assert_clean()


@pytest.mark.parametrize("amount", [1, 400])
def test_names_of_any_script_lead_to_reports(visit: Opener, tmp_path: Path, amount: int) -> None:
    report = tmp_path / "实验" / "а-学生.pcap.html"
    report.parent.mkdir()
    report.write_text("<!doctype html><h1>her report</h1>", "utf-8")
    first = outcomes.outcome(capture="实验/а-学生.pcap", outputs={"html": "实验/а-学生.pcap.html"})
    (tmp_path / "index.html").write_text(html_text([first, *outcomes.many(amount)]), "utf-8")
    opened = visit.open(tmp_path / "index.html")
    opened.page.locator("#captures").scroll_into_view_if_needed()
    opened.page.locator("#captures a.file-link", has_text="学生").click()
    opened.page.wait_for_load_state()
    assert opened.page.locator("h1").text_content() == "her report"


ASKED = {
    "folder:ann": {1, 2},
    "folder:ANN,bob": {1, 2, 3},
    "-folder:any": {4},
    "same:any": {1, 4},
    "-same:any": {2, 3},
    'status:"in part"': {3},
    "status:partial": {3},
    "HTTP-CACHE": {2},
    "http-ca": {2},
    "packets:>500": {3},
    "packets:100-200": {1, 2},
    "failures:0": {1, 3},
    "size:>100kB": {2},
    "size:1-100kB": {1},
    "size:<=1000": {1, 3},
    "wait:>200ms": {2, 3},
    "wait:0.25s-1s": {3},
    "visits:>=2 connections:<9": {2},
    "wait:200ms size:5": {1, 2, 3, 4},
}
"""Query → the captures that it keeps, in a table and in a grid."""


@pytest.mark.parametrize("amount", [0, 400])
def test_the_filter_knows_captures(visit: Opener, amount: int) -> None:
    told = outcomes.outcome
    first = {"packets": 150, "failures": 0, "size_bytes": 1000, "wait_p95_ms": 10.0, "connections": 9}
    some = [
        told(1, capture="ann/1.pcap", visits=1, sha256="a" * 64, **first),
        told(2, capture="ann/2.pcap", visits=2, **first | {"failures": 3, "size_bytes": 100_001, "wait_p95_ms": 201.0}),
        told(3, capture="bob/3.pcap", visits=3, status="partial", error="the file ends inside a block", **first),
        told(4, capture="4.pcap", sha256="a" * 64, packets=1, failures=None, size_bytes=None, wait_p95_ms=None),
    ]
    some[1] |= {"codes": {"HTTP-CACHE": 1, "TCP-LOSS": 2}, "connections": 8}
    some[2] |= {"packets": 501, "size_bytes": 999, "wait_p95_ms": 500.0}
    some[3] |= {"visits": 0, "connections": None}
    opened = visit(html_text([*some, *(outcomes.broken(f"{n}.broken") for n in range(amount))]))
    opened.page.locator("#captures").scroll_into_view_if_needed()
    if amount:
        opened.until("document.querySelector('.grid-row') !== null")
    names = SHOWN if not amount else GRID_NAMES
    for query, kept in ASKED.items():
        opened.page.evaluate("(text) => { location.hash = `q=${encodeURIComponent(text)}`; }", query)
        opened.until(f"document.getElementById('search').value === {json.dumps(query)}")
        found = {int(name[-6]) for name in opened.page.evaluate(names) if name.endswith(".pcap")}
        assert found == kept, query
    assert "“wait:200ms” cannot be understood" in opened.page.evaluate(COUNT)
    opened.assert_clean()


def test_csv_of_captures(visit: Opener) -> None:
    """What is unknown is empty, and a number that is not shown since it is zero is a zero."""
    some = [outcomes.outcome(1, failures=0, problems=2), outcomes.outcome(2, failures=3, problems=0), outcomes.broken()]
    opened = visit(html_text(some))
    with opened.page.expect_download() as waiting:
        opened.page.locator("#captures .table-tools").get_by_role("button", name="CSV").click()
    text = Path(waiting.value.path()).read_text("utf-8")
    lines = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [line["Failures"] for line in lines] == ["0", "3", ""]
    assert [line["Problems"] for line in lines] == ["2", "0", ""]
    assert [line["Packets"] for line in lines] == ["101", "102", ""]
    assert [line["Start"] for line in lines] == ["2026-11-02 08:01:00", "2026-11-03 08:02:00", ""]
    assert "Codes" not in lines[0]


def test_percentiles_have_room_on_a_small_screen(visit: Opener) -> None:
    week, years = 604_800_000.0, 615_660_180_000.0
    some = [outcomes.outcome(n, duration_ms=years if n > 8 else week, wait_p95_ms=80_314.0) for n in range(10)]
    opened = visit(html_text(some), NARROW)
    assert "19.5 years" in opened.page.locator("#card-what").inner_text()
    wide = "((box) => box.scrollWidth - box.clientWidth)(document.querySelector('#card-what .scroll'))"
    for width in (NARROW, 1200):
        opened.page.set_viewport_size({"width": width, "height": 850})
        assert opened.page.evaluate(wide) == 0, width


def test_codes_are_a_column_for_those_who_want_it(visit: Opener) -> None:
    for amount in (20, 400):
        opened = visit(html_text(outcomes.many(amount)))
        opened.page.locator("#captures").scroll_into_view_if_needed()
        opened.until(f"document.querySelector('{'#captures tbody tr' if amount == 20 else '.grid-row'}') !== null")
        assert not opened.page.locator("#captures").get_by_text("TEST-3").first.is_visible()
        opened.page.locator("#captures .column-menu summary").click()
        choice = opened.page.locator("#captures .column-list label", has_text="Codes").locator("input")
        assert not choice.is_checked()
        choice.check()
        opened.page.keyboard.press("Escape")
        opened.page.locator("#captures").get_by_text("TEST-3").first.scroll_into_view_if_needed()
        assert opened.page.locator("#captures").get_by_text("TEST-3").first.is_visible()
        opened.assert_clean()


@pytest.mark.parametrize(("amount", "name"), [(20, "td:first-child"), (400, ".grid-body > .grid-row > :first-child")])
def test_names_stay_in_sight(visit: Opener, amount: int, name: str) -> None:
    opened = visit(html_text(outcomes.many(amount)))
    opened.page.locator("#captures").scroll_into_view_if_needed()
    opened.until(f"document.querySelector('#captures {name}') !== null")
    left = f"document.querySelector('#captures {name}').getBoundingClientRect().left"
    moved = "[...document.querySelectorAll('#captures .scroll, #captures .grid')].map((one) => one.scrollLeft)"
    before = opened.page.evaluate(left)
    opened.page.evaluate(moved.replace("one.scrollLeft", "(one.scrollLeft = 300)"))
    assert 300 in opened.page.evaluate(moved)
    assert opened.page.evaluate(left) == before


@pytest.mark.parametrize("amount", [1, 20])
def test_attacks_are_text_in_a_table_and_in_a_grid(visit: Opener, amount: int) -> None:
    opened = visit(html_text(outcomes.hostile() * amount))
    opened.page.locator("#captures").scroll_into_view_if_needed()
    if amount > 1:
        opened.until("document.querySelector('.grid-row') !== null")
    opened.page.evaluate(OPEN_ALL)
    for button in opened.page.locator("button[data-term]").all():
        button.click()
        button.click()
    for width in (WIDE, NARROW):
        found = facts(opened, width)
        assert {**found, "cut": [] if amount > 1 else found["cut"]} == NONE  # a grid's cells are told by their titles
        assert overflow(opened) == []
    hrefs = opened.page.evaluate("[...document.querySelectorAll('#captures a')].map((a) => a.getAttribute('href'))")
    assert set(hrefs) <= {"x" * 255}
    assert opened.page.title().startswith(f"{26 * amount} captures")
    opened.assert_clean()


def test_on_paper_every_column_has_room(visit: Opener, batch: Path) -> None:
    opened = visit.open(batch / "index.html", 1024)  # A4 on its side, without its margins, at 96 dots an inch
    opened.page.emulate_media(media="print")
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 1024
    assert opened.page.locator("#captures").is_visible()
    assert not opened.page.locator(".facets").is_visible()
