"""A real Chromium, and a page that records everything it does wrong."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
    window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
"""


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    """Start one browser for this folder's tests; skip, visibly, where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()


@dataclass
class Visit:
    """An open report and what happened in it."""

    page: Any
    requests: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)

    def draw_everything(self) -> None:
        """Scroll through the page, open every fold, and wait until every chart is drawn."""
        self.page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
        self.page.evaluate(
            """async () => {
                for (const area of document.querySelectorAll('.plot-area')) {
                    area.scrollIntoView({block: 'center', behavior: 'instant'});
                    await new Promise((done) => setTimeout(done, 60));
                }
            }"""
        )
        self.until("[...document.querySelectorAll('.plot-area')].every((area) => area.dataset.drawn)", seconds=240)

    def until(self, condition: str, seconds: float = 60.0) -> None:
        """Wait until a condition holds (Playwright's own wait needs eval, which the page's policy forbids)."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(condition):
            assert time.monotonic() < end, f"never true: {condition}"
            self.page.wait_for_timeout(25)

    def assert_clean(self) -> None:
        """Nothing left the page, nothing was blocked, nothing was said."""
        assert self.requests == []
        assert self.messages == []
        assert self.dialogs == []
        assert self.page.evaluate("window.violations") == []


class Opener:
    """Opens reports in fresh pages."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.browser, self.folder, self.contexts = browser, folder, []  # type: ignore[var-annotated]

    def __call__(
        self, html: str, width: int = 1440, theme: str = "light", script: bool = True, fragment: str = ""
    ) -> Visit:
        path = self.folder / f"report-{len(self.contexts)}.html"
        path.write_text(html, encoding="utf-8")
        return self.open(path, width, theme, script, fragment)

    def open(
        self, path: Path, width: int = 1440, theme: str = "light", script: bool = True, fragment: str = ""
    ) -> Visit:
        """Open a page that is a file already."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=theme,
            java_script_enabled=script,
            reduced_motion="reduce",
        )
        self.contexts.append(context)
        page = context.new_page()
        visit = Visit(page)
        own = path.as_uri()
        page.on("request", lambda r: None if r.url.split("#")[0] == own else visit.requests.append(r.url[:200]))
        page.on("console", lambda m: visit.messages.append(f"{m.type}: {m.text}"))
        page.on("pageerror", lambda e: visit.messages.append(f"error: {e}"))
        page.on("dialog", lambda d: (visit.dialogs.append(d.message), d.dismiss()))
        if script:
            page.add_init_script(WATCH)
        page.goto(own + fragment)
        return visit


@pytest.fixture
def visit(chromium: Any, tmp_path: Path) -> Iterator[Opener]:
    """Give a function that opens a report's HTML."""
    opener = Opener(chromium, tmp_path)
    yield opener
    for context in opener.contexts:
        context.close()
