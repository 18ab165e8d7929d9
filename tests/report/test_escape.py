"""The locks on the page's doors."""

from __future__ import annotations

import base64
import hashlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.report.escape import Prose, figure_text, policy, safe, script_hash, script_json, script_text, shown
from tests.report.fixture import ATTACKS
from tests.report.pages import Page

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON)
def test_json_survives_a_script_element(value: object) -> None:
    page = Page(f'<script type="application/json">{script_json(value)}</script><p>after</p>')
    assert len(page.scripts) == 1
    assert json.loads(page.scripts[0][1]) == value
    assert page.text == "after"


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_has_no_nan(value: float) -> None:
    with pytest.raises(ValueError):
        script_json({"x": value})


@pytest.mark.parametrize("attack", ATTACKS)
def test_figure_text_has_nothing_plotly_acts_on(attack: str) -> None:
    text = figure_text(attack)
    assert not set("<>") & set(text)
    assert len(text) < 1000


def test_figure_text_escapes_ampersands_too() -> None:
    assert figure_text("a&lt;b") == "a&amp;lt;b"


def test_script_text_cannot_end_its_element() -> None:
    source = "x = '</script><!--';\r\ny = 1;\rz = 2;"
    page = Page(f"<script>{script_text(source)}</script>")
    assert page.scripts == [("", "x = '<\\/script><\\!--';\ny = 1;\nz = 2;")]


def test_hash_is_of_the_exact_text() -> None:
    digest = base64.b64encode(hashlib.sha256(b"alert(1)").digest()).decode()
    assert script_hash("alert(1)") == f"'sha256-{digest}'"
    assert f"script-src 'sha256-{digest}';" in policy(["alert(1)"])
    assert "script-src 'none';" in policy([])


def test_every_value_has_words() -> None:
    assert [shown(value) for value in (None, math.nan, math.inf, 3, 2.5, "x\x00")] == [
        "unknown", "unknown", "unknown", 3, 2.5, "x⟨U+0000⟩",
    ]  # fmt: skip
    assert shown(Prose("p" * 500)) == "p" * 500
    assert str(shown("p" * 500)).endswith("… (+200)")
    assert shown(safe("p" * 500)) == safe("p" * 500)


def test_a_page_may_let_its_own_script_load_others() -> None:
    assert "'strict-dynamic'" not in policy(["alert(1)"])
    assert f"script-src {script_hash('alert(1)')} 'strict-dynamic';" in policy(["alert(1)"], loading=True)
    assert "script-src 'none';" in policy([], loading=True)
