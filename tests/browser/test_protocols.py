"""The charts of the protocols section in a browser: readable on a phone, and a field leads to its request."""

from __future__ import annotations

import pytest

from analyzer.report.render import render
from tests.browser.conftest import Opener
from tests.report import fixture


def test_a_phone_shows_marks_on_the_axis_and_whole_words(visit: Opener) -> None:
    opened = visit(render(fixture.rich()), width=390, fragment="#latency-panel")
    opened.draw_everything()
    marks = opened.page.evaluate(
        "[...document.querySelectorAll('#fig-latency .xtick text')].map((mark) => mark.textContent)"
    )
    assert marks == ["10 ms", "100 ms", "1 s", "10 s"]
    cut = opened.page.evaluate(
        """() => {
            const right = document.querySelector('#fig-latency .plot-area').getBoundingClientRect().right;
            return [...document.querySelectorAll('#fig-latency .legendtext, #fig-latency .xtick text')]
                .filter((word) => word.getBoundingClientRect().right > right + 1).map((word) => word.textContent);
        }"""
    )
    assert cut == []
    opened.assert_clean()


def test_one_duration_has_two_marks(visit: Opener) -> None:
    analysis = fixture.rich()
    analysis.http, analysis.tls = (), ()
    analysis.dns = (fixture.dns(1, 0.0, "a.example", latency_ms=40.0),)
    analysis.connections.columns["connect_ms"][:] = float("nan")
    opened = visit(render(analysis), width=390)
    opened.draw_everything()
    marks = opened.page.evaluate("document.querySelectorAll('#fig-latency .xtick text').length")
    assert marks >= 2


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_field_of_the_map_leads_to_its_first_request(visit: Opener, theme: str) -> None:
    opened = visit(render(fixture.rich()), theme=theme)
    opened.page.evaluate("document.getElementById('fig-heat').scrollIntoView({block: 'center'})")
    opened.until("document.querySelector('#fig-heat .plot-area').dataset.drawn")
    # 301 was given first, and is the third code: its field is the leftmost of the third row.
    box = opened.page.evaluate(
        """() => {
            const box = document.querySelector('#fig-heat .nsewdrag').getBoundingClientRect();
            return [box.left, box.top, box.width, box.height];
        }"""
    )
    x, y = box[0] + 0.025 * box[2], box[1] + 0.5 * box[3]
    opened.page.mouse.move(x - 30, y)
    opened.page.mouse.move(x, y, steps=4)
    opened.until("document.querySelector('#fig-heat .hoverlayer .hovertext')")
    said = opened.page.evaluate("document.querySelector('#fig-heat .hoverlayer .hovertext').textContent")
    assert said.startswith("301 Moved Permanently: 1 answer from 3.08 to 3.09 s")
    opened.page.mouse.click(x, y)
    opened.until("location.hash === '#http-1'")
    opened.assert_clean()
