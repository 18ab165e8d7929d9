"""The report in the eyes of axe-core: no violation of WCAG 2.2 AA or of its best practices, in any state of the page.

axe-core is one of the programs that ``scripts/npm.sh`` installs for ``make test``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser import pages
from tests.browser.conftest import Opener, Visit
from tests.conftest import ROOT

pytestmark = pytest.mark.browser

AXE = ROOT / ".venv" / "web" / "node_modules" / "axe-core" / "axe.min.js"

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

RUN = """async (rules) => {
    const options = {runOnly: {type: "tag", values: rules}, resultTypes: ["violations"], preload: false};
    const {violations, passes} = await axe.run(document, options);
    const told = violations.map(({id, nodes}) => [id, nodes.length, nodes.slice(0, 3).map((n) => n.target.join(" "))]);
    return [told, passes.length];
}"""


@pytest.fixture(scope="module")
def axe() -> str:
    """Source of axe-core."""
    if not Path(AXE).is_file():
        pytest.skip(f"axe-core is not at {AXE.relative_to(ROOT)}: run scripts/npm.sh .venv/web")
    return AXE.read_text("utf-8")


def violations(opened: Visit) -> list[Any]:
    found, passed = opened.page.evaluate(RUN, RULES)
    assert passed > 15  # rules that found something to look at
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize(("lang", "first", "second"), [("en", "light", "dark"), ("zh", "dark", "light")])
@pytest.mark.parametrize("name", pages.FOUR)
def test_no_violation(visit: Opener, axe: str, name: str, lang: str, first: str, second: str) -> None:
    """Each theme is seen folded in one language and unfolded in the other."""
    opened = visit(pages.html(name, lang), theme=first)
    opened.page.evaluate(axe)  # by the debugger, which the page's policy does not bind
    assert violations(opened) == []
    opened.page.keyboard.press("t")
    opened.until(f"getComputedStyle(document.documentElement).colorScheme === '{second}'")
    opened.page.evaluate(pages.OPEN_ALL)
    assert violations(opened) == []
    opened.assert_clean()


def test_no_violation_where_every_chart_is_drawn_and_the_help_is_open(visit: Opener, axe: str) -> None:
    opened = visit(pages.html("loss"), width=390)
    opened.page.evaluate(axe)
    opened.draw_everything()
    assert violations(opened) == []
    opened.page.keyboard.press("?")
    assert violations(opened) == []


def test_a_violation_is_seen(visit: Opener, axe: str) -> None:
    opened = visit(pages.html("loss"))
    opened.page.evaluate(axe)
    opened.page.evaluate("document.getElementById('theme').removeAttribute('aria-label')")
    opened.page.evaluate("document.getElementById('theme').removeAttribute('title')")
    assert [found[0] for found in violations(opened)] == ["button-name"]
