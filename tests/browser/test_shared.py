"""Reports that share one plotly.js: drawn from the file beside them, readable without it, locked in both cases."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from analyzer.report.plotly_library import plotly_script, shared_path
from analyzer.report.render import render
from tests.browser.conftest import Opener
from tests.report import fixture

pytestmark = pytest.mark.browser


@cache
def html() -> str:
    return render(fixture.rich(), shared="")


def put(folder: Path, script: str) -> Path:
    """Put a script where the reports look for plotly.js."""
    path = folder / shared_path()
    path.parent.mkdir()
    path.write_text(script, encoding="utf-8")
    return path


def test_the_charts_are_drawn_from_the_file_beside_the_report(visit: Opener, tmp_path: Path) -> None:
    path = put(tmp_path, plotly_script())
    opened = visit(html())
    opened.draw_everything()
    assert opened.page.locator("#fig-timeline svg.main-svg").count() >= 1
    assert opened.requests == [path.as_uri()]
    assert opened.messages == []
    assert opened.page.evaluate("window.violations") == []


def test_without_the_file_the_page_says_so_and_works(visit: Opener) -> None:
    opened = visit(html(), fragment="#t=1-2")
    page = opened.page
    page.locator("#fig-timeline").scroll_into_view_if_needed()
    opened.until("document.querySelector('#fig-timeline .plot-area').dataset.missing === 'yes'")
    words = page.inner_text("#fig-timeline")
    assert f"This chart is not drawn: {shared_path()} is missing beside the report." in words
    assert page.locator("#range-chip").is_visible()
    page.fill("#range-from", "2")
    page.fill("#range-to", "3")
    page.locator("#range-to").press("Enter")
    assert page.url.endswith("#t=2-3")
    page.keyboard.press("Escape")
    page.fill("#search", "status:503")
    opened.until("location.hash.startsWith('#q=')")
    assert [message for message in opened.messages if "ERR_FILE_NOT_FOUND" not in message] == []
    assert page.evaluate("window.violations") == []


def test_a_script_in_the_markup_may_load_nothing(visit: Opener, tmp_path: Path) -> None:
    """Only the page's own script may: an address that got into the markup, whatever the way, stays dead."""
    put(tmp_path, plotly_script()).with_name("other.js").write_text("document.title = 'run';")
    broken = html().replace("</body>", '<script src="assets/other.js"></script></body>')
    opened = visit(broken)
    opened.until("window.violations.length > 0")
    page = opened.page
    assert any("script-src" in violation for violation in page.evaluate("window.violations"))
    assert page.title() != "run"
