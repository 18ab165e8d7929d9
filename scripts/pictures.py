"""Draw the pictures of ``docs/report.md``: reports of the samples, opened in Chromium as a reader would open them.

``python -m scripts.pictures [NAME...]`` draws all, or those that are named, into ``docs/pictures/``. Each is a piece of
a report, cut out where something begins and not higher than a page shows, and reduced to a palette, which text and flat
colours survive unseen at a third of the size. Fonts differ between machines, so pictures are drawn anew where the
report's looks have changed, not on every machine.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image

from analyzer.pipeline import analyze
from analyzer.report.render import render

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "pictures"

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
COLOURS = 128
"""Of a picture's palette: smoothed letters in two or three colours and a dozen of phases need no more."""
DRAWN = 30.0
"""Seconds that charts may take to be drawn."""


def nothing(page: Any) -> None:
    """Leave the page as it opens."""


def opened(*anchors: str) -> Callable[[Any], None]:
    """Open folds, and nothing else of the lists they stand in."""

    def do(page: Any) -> None:
        page.evaluate("for (const fold of document.querySelectorAll('main details')) fold.open = false")
        for anchor in anchors:
            page.evaluate(
                "(id) => { for (let n = document.getElementById(id); n; n = n.parentElement) n.open = true }", anchor
            )

    return do


def filtered(words: str, anchor: str) -> Callable[[Any], None]:
    """Type into the filter, and look at a section."""

    def do(page: Any) -> None:
        page.fill("#search", words)
        page.keyboard.press("Enter")
        page.evaluate("document.activeElement.blur()")
        page.evaluate(
            "(id) => document.getElementById(id).scrollIntoView({block: 'start', behavior: 'instant'})", anchor
        )
        page.evaluate("scrollBy({top: -document.querySelector('.top').offsetHeight - 8, behavior: 'instant'})")

    return do


WINDOW = "window"


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: of which sample, from where on, and what was done before."""

    name: str
    sample: str
    start: str
    """Selector of what the picture begins with; empty for the page's own top, WINDOW for the window as it is."""
    end: str = ""
    """Selector of what it ends with; as much as is asked for where it is empty."""
    height: int = 900
    """Of the picture at most, in pixels."""
    width: int = 1440
    theme: str = "light"
    lang: str = "en"
    before: Callable[[Any], None] = nothing


PICTURES = (
    Picture("first-screen", "status-codes", "", "#summary", 640),
    Picture("first-screen-dark-phone", "status-codes", "", "#summary", 900, width=390, theme="dark"),
    Picture("first-screen-zh", "loss", "", "#summary", 640, lang="zh"),
    Picture("timeline", "web-app", "#timeline", "#timeline", 900),
    Picture("journey", "first-visit", "#visit-1", "#visit-1", 860),
    Picture("waterfall", "plain-visit", "#visit-1 .wf", "#visit-1 .wf", 620, before=opened("visit-1", "http-2")),
    Picture("ladder", "handshake-and-close", "#stream-2", "#stream-2 .ladder", 1200, before=opened("stream-2")),
    Picture("graphs-dark", "loss", "#fig-sequence-4", "#fig-sequence-4", 620, theme="dark", before=opened("stream-4")),
    Picture("protocols", "status-codes", "#protocols", "#protocols", 980),
    Picture("finding", "loss", "#findings", "#finding-1", 420),
    Picture("filter", "status-codes", WINDOW, "", 620, before=filtered("status:5xx dur:>20ms", "visits")),
    Picture("connection-phone", "loss", "#stream-1", "#stream-1", 900, width=390, before=opened("stream-1")),
)


@cache
def report(sample: str, lang: str) -> str:
    """Return a sample's report."""
    return render(analyze(str(ROOT / "samples" / f"{sample}.pcapng")), lang)


def draw_charts(page: Any, start: str, end: str) -> None:
    """Wait until the charts between two places are drawn."""
    page.evaluate(
        """async ([start, end, seconds]) => {
            const pick = (selector) => selector ? document.querySelector(selector) : null;
            const first = pick(start), last = pick(end) || pick(start);
            const within = (area) => first && last && (last.contains(area) || first.contains(area));
            const until = performance.now() + seconds * 1000;
            for (const area of document.querySelectorAll('.plot-area')) {
                if (!within(area) || !area.checkVisibility()) continue;
                area.scrollIntoView({block: 'center', behavior: 'instant'});
                while (!area.dataset.drawn && performance.now() < until) await new Promise((go) => setTimeout(go, 50));
            }
        }""",
        [start, end, DRAWN],
    )


def cut_out(page: Any, picture: Picture) -> bytes:
    """Return the piece of a page that a picture shows, as a PNG."""
    if picture.start == WINDOW:
        return bytes(page.screenshot(clip={"x": 0, "y": 0, "width": picture.width, "height": picture.height}))
    box = page.evaluate(
        """([start, end]) => {
            scrollTo({top: 0, behavior: 'instant'});
            const first = start && document.querySelector(start), last = end && document.querySelector(end);
            if ((start && !first) || (end && !last)) throw new Error(`the page has no ${first ? end : start}`);
            const top = first ? first.getBoundingClientRect().top + scrollY - 12 : 0;
            const bottom = last ? last.getBoundingClientRect().bottom + scrollY + 12 : Infinity;
            if (first) document.querySelector('.top').style.position = 'static'; // it would lie over the piece
            return [Math.max(top, 0), Math.min(bottom, document.documentElement.scrollHeight)];
        }""",
        [picture.start, picture.end],
    )
    page.wait_for_timeout(300)
    height = min(box[1] - box[0], picture.height)
    clip = {"x": 0, "y": box[0], "width": picture.width, "height": height}
    shot: bytes = page.screenshot(full_page=True, clip=clip, animations="disabled")
    return shot


def write(picture: Picture, shot: bytes) -> int:
    """Write a picture with a palette; return its size."""
    image = Image.open(io.BytesIO(shot)).convert("RGB")
    small = image.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    path = FOLDER / f"{picture.name}.png"
    small.save(path, optimize=True)
    return path.stat().st_size


def main(names: list[str]) -> int:
    """Draw pictures; return the exit code."""
    from playwright.sync_api import sync_playwright

    path = next((found for name in CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        print("no Chromium on this machine (apt-get install chromium)", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    total = 0
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as work:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for picture in PICTURES:
            if names and picture.name not in names:
                continue
            source = Path(work, "report.html")
            source.write_text(report(picture.sample, picture.lang), "utf-8")
            page = browser.new_page(
                viewport={"width": picture.width, "height": 900}, color_scheme=picture.theme, reduced_motion="reduce"
            )
            page.goto(source.as_uri())
            picture.before(page)
            draw_charts(page, picture.start, picture.end)
            size = write(picture, cut_out(page, picture))
            page.close()
            total += size
            print(f"{picture.name}.png  {size / 1000:.0f} kB")
        browser.close()
    print(f"{total / 1000:.0f} kB in all")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
