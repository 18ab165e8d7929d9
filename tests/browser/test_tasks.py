"""Three things that readers want from a report, done with nothing but the report; what it takes is counted.

The answers are Wireshark's, or stand in the server's log of the sample. ``docs/report.md`` tells the same counts.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest

from tests.browser import pages
from tests.browser.conftest import Opener, Visit
from tests.conftest import ROOT, SAMPLES

pytestmark = pytest.mark.browser

TOLD = re.compile(r"^\| (?P<task>[^|]+) \| (?P<clicks>\d+) \| (?P<keys>\d+) \|", re.MULTILINE)


class Reader:
    """Somebody with a mouse and a keyboard, who clicks only what can be seen."""

    def __init__(self, opened: Visit) -> None:
        self.opened, self.page = opened, opened.page
        self.clicks = self.keys = 0

    def click(self, what: Any) -> None:
        assert what.is_visible()
        what.click()
        self.clicks += 1

    def press(self, keys: str) -> None:
        for key in keys.split():
            self.page.keyboard.press(key)
            self.keys += 1

    def arrives(self) -> Any:
        """Wait for what the last click led to, and return it; it is in the window."""
        self.opened.until("location.hash.length > 1")
        there = self.page.locator(self.page.evaluate("location.hash"))
        self.opened.until(
            """(() => { const box = document.querySelector(location.hash).getBoundingClientRect();
                return box.top >= 0 && box.top < innerHeight; })()"""
        )
        return there


def told(task: str) -> tuple[int, int]:
    """Return the clicks and the keys that the documentation promises for a task."""
    text = (ROOT / "docs" / "report.md").read_text("utf-8")
    found = {row["task"]: (int(row["clicks"]), int(row["keys"])) for row in TOLD.finditer(text)}
    return found[task]


def tshark(name: str, display_filter: str) -> list[int]:
    """Return the frames that Wireshark's filter selects."""
    if shutil.which("tshark") is None:
        pytest.skip("no tshark on this machine")
    given = [
        "tshark",
        "-r",
        str(SAMPLES / f"{name}.pcapng"),
        "-Y",
        display_filter,
        "-T",
        "fields",
        "-e",
        "frame.number",
    ]
    done = subprocess.run(given, capture_output=True, text=True, check=True, timeout=60)
    return [int(line) for line in done.stdout.split()]


def test_find_the_slowest_request_and_why(visit: Opener) -> None:
    """The server's log: /upstream-silent took a second, all of it in the back end behind the server."""
    reader = Reader(visit(pages.html("status-codes")))
    card = reader.page.locator("#card-slow")
    assert "/upstream-silent" in card.inner_text()  # the name and the reason need no click
    assert "waiting for the first byte of the answer" in card.inner_text()
    reader.click(card.locator("a").first)
    row = reader.arrives()
    said = row.inner_text()
    assert "/upstream-silent" in said
    assert "504" in said
    waited = row.get_by_role("row").filter(has_text="1.02 s").first
    waited.scroll_into_view_if_needed()
    assert waited.is_visible()
    assert (reader.clicks, reader.keys) == told("find the slowest request, and why")


def assert_server_closed_first(row: Any) -> None:
    """Wireshark: of the connection to port 8003, frame 31 is the server's FIN, frame 33 the client's."""
    assert "server first" in row.locator("summary").first.inner_text()
    lines = [row.locator(f"#frame-{frame}") for frame in (31, 33)]
    for line in lines:
        line.scroll_into_view_if_needed()
        assert line.is_visible()
        assert "FIN" in line.text_content()
    upper, lower = (line.bounding_box()["y"] for line in reversed(lines))
    assert lower < upper


def test_prove_that_the_server_closed_first(visit: Opener) -> None:
    reader = Reader(visit(pages.html("handshake-and-close")))
    reader.click(reader.page.locator(".sections").get_by_text("Connections"))
    reader.arrives()
    row = reader.page.locator(".conn").filter(has_text="198.51.100.80:8003").first
    reader.click(row.locator("summary").first)
    assert_server_closed_first(row)
    assert (reader.clicks, reader.keys) == told("prove that the server closed first")


def test_prove_it_with_the_keyboard(visit: Opener) -> None:
    reader = Reader(visit(pages.html("handshake-and-close")))
    reader.press("4 j j j Enter")
    row = reader.page.locator(".conn[open]")
    assert "198.51.100.80:8003" in row.locator("summary").first.inner_text()
    assert_server_closed_first(row)
    assert (reader.clicks, reader.keys) == told("prove it without a mouse")


def test_get_the_display_filter_for_the_lost_syn(visit: Opener) -> None:
    """Wireshark: frame 43 is the SYN that nobody answered, 44 the same once more, 45 the answer to it."""
    reader = Reader(visit(pages.html("loss")))
    reader.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    reader.click(reader.page.locator("#card-why a").filter(has_text="SYN").first)
    finding = reader.arrives()
    reader.click(finding.locator("button.copy").first)
    reader.opened.until(f"document.querySelector('{selector(finding)} button.copy').textContent === 'Copied'")
    copied = reader.page.evaluate("navigator.clipboard.readText()")
    frames = tshark("loss", copied)
    assert 43 in frames
    assert set(frames) <= {43, 44, 45}
    assert (reader.clicks, reader.keys) == told("get the display filter for the lost SYN")


def selector(there: Any) -> str:
    return f"#{there.get_attribute('id')}"
