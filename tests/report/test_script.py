"""The page's script as text: what it says can be translated, and its parts are those that the page has."""

from __future__ import annotations

import re
from collections import Counter

from analyzer.report.render import INDEX_SCRIPTS, INDEX_STYLES, page_script, script_messages
from tests.conftest import ROOT

ASSETS = ROOT / "analyzer" / "report" / "assets"
DECLARED = re.compile(r"^(?:async )?(?:function|const|let) (\w+)", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'])//[^\n]*", re.DOTALL)


def test_what_the_script_says_are_literals() -> None:
    """A text that is put together while the page runs cannot be found by those who translate it."""
    for path in sorted((ASSETS / "js").glob("*.js")):
        code = COMMENT.sub("", path.read_text("utf-8"))
        calls = re.findall(r"(?<!function )\bsay\(\s*(.)", code)
        assert set(calls) <= {'"'}, path.name
        assert not re.findall(r'\bsay\(\s*"(?:[^"\\]|\\.)*"\s*\+', code), path.name


def test_all_that_the_script_says_is_found() -> None:
    calls = re.findall(r'\bsay\(\s*"', page_script())
    assert len(calls) >= len(script_messages()) > 0
    for text in script_messages():
        named = re.findall(r"\{(\w+)\}", text)
        assert re.findall(r"\{(.*?)\}", text) == named  # arguments are names, nothing else


def test_every_part_is_in_the_page() -> None:
    assert {path.stem for path in (ASSETS / "js").glob("*.js")} == set(INDEX_SCRIPTS)
    assert {path.stem for path in (ASSETS / "css").glob("*.css")} == set(INDEX_STYLES)


def test_no_two_parts_of_the_script_share_a_name() -> None:
    """All parts are in one function: of two functions with one name, the later would take the place of the other."""
    sources = [(ASSETS / "js" / f"{part}.js").read_text("utf-8") for part in INDEX_SCRIPTS]
    names = [name for source in sources for name in DECLARED.findall(source)]
    assert "offerFilter" in names
    assert [name for name, times in Counter(names).items() if times > 1] == []
