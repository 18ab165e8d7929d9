"""The report of the hostile capture in a real Chromium: every attack is seen, none does anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.language import LANGUAGES
from analyzer.pipeline import analyze
from analyzer.report.render import page_script, render
from tests.browser.conftest import Opener, Visit
from tests.browser.test_report import overflow
from tests.hostile.make import COMMAND, FORMULA, LINK, SCRIPT, SPAN, SVG, TEMPLATE

pytestmark = pytest.mark.browser

FOREIGN = """() => ({
    elements: [...document.querySelectorAll("img, iframe, object, embed, base, meta[http-equiv=refresh]")].map(
        (node) => node.outerHTML.slice(0, 99)),
    scripts: [...document.scripts].filter((s) => !s.type && !s.src).map((s) => s.textContent.length),
    sources: document.querySelectorAll("script[src], link").length,
    handlers: [...document.querySelectorAll("*")].filter((node) =>
        node.getAttributeNames().some((name) => name.startsWith("on"))).map((node) => node.outerHTML.slice(0, 99)),
    styles: [...document.querySelectorAll("[style]")].filter((node) =>
        /evil|https?:/.test(node.getAttribute("style"))).map((node) => node.outerHTML.slice(0, 99)),
    links: [...document.querySelectorAll("[href], [*|href], [src], [action]")].filter((node) =>
        !node.closest(".plot-area .heatmaplayer")).map((node) =>  // plotly draws a map as a picture of its own
        node.getAttribute("href") || node.getAttribute("xlink:href") || node.getAttribute("src") || "?").filter((to) =>
        !/^#/.test(to) && !/^data:application\\/octet-stream;base64,[A-Za-z0-9+\\/=]*$/.test(to)),
})"""
"""What could only come from captured text."""

UNSEEN = """() => {
    const unseen = /[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]/;
    const found = unseen.test(document.title) ? ["title"] : [];
    for (const node of document.querySelectorAll("body *")) {
        if (node.closest("script, style")) continue;
        for (const name of node.getAttributeNames()) {
            if (unseen.test(node.getAttribute(name))) found.push(`${node.tagName} ${name}`);
        }
        for (const child of node.childNodes) {
            if (child.nodeType === Node.TEXT_NODE && unseen.test(child.data)) found.push(node.tagName);
        }
    }
    return found.slice(0, 9);
}"""
"""Controls and characters that turn the direction of text, anywhere in text or attributes."""


def hover(opened: Visit) -> None:
    """Move over every chart: what it says then comes from captured text."""
    page = opened.page
    for area in page.locator(".plot-area").all():
        if area.is_visible():
            area.scroll_into_view_if_needed()
            box = area.bounding_box()
            for share in (0.1, 0.3, 0.5, 0.7, 0.9):
                for height in (0.25, 0.6):
                    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * height)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_attack_is_seen_and_does_nothing(visit: Opener, hostile: Path, lang: str) -> None:
    opened = visit(render(analyze(str(hostile)), lang))
    opened.draw_everything()
    hover(opened)
    page = opened.page
    opened.assert_clean()
    found = page.evaluate(FOREIGN)
    assert len(found["scripts"]) <= 2  # ours, and plotly
    assert len(page_script()) in found["scripts"]
    assert {name: value for name, value in found.items() if name != "scripts" and value} == {}
    assert page.evaluate(UNSEEN) == []
    text = page.inner_text("body")
    for attack in (SCRIPT, SVG, TEMPLATE, FORMULA, COMMAND, SPAN, LINK):
        assert attack in text, attack
    assert "⟨U+202E⟩gnp.exe" in text
    assert "⟨U+001B⟩[31m" in text
    assert "⟨U+0000⟩" in text
    for attack in (SVG, SCRIPT, f'host:"{SPAN}"', "(((", "\\", "status:[a-z]*"):
        page.fill("#filter, input[type=search]", attack)
        page.wait_for_timeout(400)
    opened.assert_clean()


def test_an_attack_in_the_address_does_nothing(visit: Opener, hostile: Path) -> None:
    html = render(analyze(str(hostile)))
    for fragment in ("#q=%3Csvg%20onload%3Dalert(9)%3E&t=a-b", "#%22%3E%3Cimg src=x onerror=alert(9)%3E", "#t=1-1e999"):
        opened = visit(html, fragment=fragment)
        opened.page.wait_for_timeout(300)
        opened.assert_clean()


def test_the_page_is_the_same_without_scripts(visit: Opener, hostile: Path) -> None:
    opened = visit(render(analyze(str(hostile))), script=False)
    assert SVG in opened.page.inner_text("#findings")
    for width in (1440, 390):
        opened.page.set_viewport_size({"width": width, "height": 900})
        assert overflow(opened) == []
    assert opened.requests == []
    assert opened.dialogs == []
