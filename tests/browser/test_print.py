"""The page on paper, and the reader's own clock."""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from analyzer.report.render import render
from tests.report import fixture

pytestmark = pytest.mark.browser

A4_WIDTH = 695
"""CSS pixels between the margins of an A4 page: 210 mm less 2 × 13 mm, at 96 to the inch."""


@cache
def rich() -> str:
    return render(fixture.rich())


@cache
def seven_visits() -> str:
    analysis = fixture.rich()
    one = analysis.visits[0]
    analysis.visits = tuple(replace(one, visit=n + 1, duration_ms=100.0 * (n + 1)) for n in range(7))
    return render(analysis)


def on_paper(page: Any, selector: str) -> bool:
    return bool(page.evaluate(f"(document.querySelector('{selector}')?.getClientRects().length ?? 0) > 0"))


def texts_by_page(pdf: bytes) -> list[int]:
    """Return how many pieces of text each page of a PDF shows (ISO 32000-1 section 9.4.3: the operators Tj and TJ)."""
    out = []
    for found in re.finditer(rb"/Type /Page\b(?!s)", pdf):
        start = pdf.rindex(b" obj", 0, found.start())
        contents = re.search(rb"/Contents (\d+) 0 R", pdf[start : pdf.index(b"endobj", found.start())])
        assert contents is not None
        stream = re.search(rb"(?:^|\n)" + contents[1] + rb" 0 obj.*?stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
        assert stream is not None
        out.append(len(re.findall(rb"T[jJ]\b", zlib.decompress(stream[1]))))
    return out


def test_paper_has_the_first_screen_the_findings_and_the_visits(visit: Any) -> None:
    page = visit(rich(), width=A4_WIDTH, theme="dark").page
    page.emulate_media(media="print", color_scheme="dark")
    for selector in (".file h1", ".cards", ".quality", "#findings .finding:last-of-type", "#visit-1", "#visit-2"):
        assert on_paper(page, selector), selector
    for selector in (".sections", "#search", "#timeline", "#connections", "#protocols", "#tables", "#about", "#help"):
        assert not on_paper(page, selector), selector
    assert "9f3c" * 16 in page.inner_text(".meta")  # the whole hash
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"


def test_on_paper_findings_come_before_visits_and_folds_are_open(visit: Any) -> None:
    page = visit(rich(), width=A4_WIDTH).page
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = false")
    page.emulate_media(media="print")
    top = "document.querySelector('{}').getBoundingClientRect().top"
    assert page.evaluate(f"{top.format('#findings')} < {top.format('#visits')}")
    assert on_paper(page, "#visit-2 .journey > li")


def test_on_paper_an_opened_connection_comes_last_and_without_its_closed_folds(visit: Any) -> None:
    page = visit(rich(), width=A4_WIDTH).page
    page.evaluate("document.querySelector('.conn:has(details.data)').open = true")
    page.emulate_media(media="print")
    tops = page.evaluate(
        "['#summary', '#findings', '#visits', '#connections']"
        ".map((one) => document.querySelector(one).getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)
    assert on_paper(page, ".conn[open] .conn-body")
    assert page.locator("details.data:not([open])").count() > 0
    assert page.locator("details.data:not([open]):visible").count() == 0


def test_nothing_is_cut_at_the_edge_of_the_paper(visit: Any) -> None:
    page = visit(rich(), width=A4_WIDTH).page
    page.emulate_media(media="print")
    outside = page.evaluate(
        f"""[...document.querySelectorAll("main *, .top *")].filter((one) => {{
            const box = one.getBoundingClientRect();
            return box.width && !one.closest(".hidden, svg") && (box.left < -0.5 || box.right > {A4_WIDTH} + 0.5);
        }}).map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert outside == []


def test_no_page_of_the_pdf_is_empty(visit: Any) -> None:
    page = visit(rich()).page
    texts = texts_by_page(page.pdf(format="A4", prefer_css_page_size=True))
    assert 2 <= len(texts) <= 8
    assert min(texts) >= 5


def test_of_many_visits_five_go_on_paper_and_it_says_which(visit: Any) -> None:
    page = visit(seven_visits(), width=A4_WIDTH).page
    assert not on_paper(page, ".on-paper")
    page.emulate_media(media="print")
    assert [n for n in range(1, 8) if on_paper(page, f"#visit-{n}")] == [3, 4, 5, 6, 7]
    assert "of 7 visits, the 5 that failed or took longest" in page.inner_text(".on-paper")


def test_the_visits_that_go_on_paper_are_unfolded_for_it_and_no_others(visit: Any) -> None:
    page = visit(seven_visits(), width=A4_WIDTH).page
    opened = "[...document.querySelectorAll('details.visit')].filter((fold) => fold.open).map((fold) => fold.id)"
    assert page.evaluate(opened) == ["visit-1", "visit-2"]
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(opened) == [f"visit-{n}" for n in range(1, 8)]
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(opened) == ["visit-1", "visit-2"]
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = false")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert page.evaluate(opened) == [f"visit-{n}" for n in range(3, 8)]


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        # 2023-11-14T22:13:20Z: in Shanghai the next day (UTC+8), in New York still standard time (UTC-5).
        ("Asia/Shanghai", "your time 2023-11-15 06:13:20 UTC+08:00"),
        ("America/New_York", "your time 17:13:20 UTC−05:00"),
        ("UTC", ""),
    ],
)
def test_the_reader_s_own_time_stands_beside_utc(chromium: Any, tmp_path: Any, zone: str, shown: str) -> None:
    path = tmp_path / "report.html"
    path.write_text(rich(), encoding="utf-8")
    context = chromium.new_context(timezone_id=zone)
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.inner_text(".meta .when").startswith("2023-11-14 22:13:20.000 UTC")
    assert page.inner_text(".meta .local").strip() == shown
    context.close()
