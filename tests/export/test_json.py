"""The JSON document is valid, deterministic, and safe with any text."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.export.json import pieces

any_text = st.text(st.characters(exclude_categories=()))  # lone surrogates too
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=12,
)


def whole(text: str) -> str:
    """Join surrogate pairs, as every JSON reader does (RFC 8259 section 7)."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def joined(value: Any) -> Any:
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [joined(item) for item in value]
    if isinstance(value, dict):
        return {whole(key): joined(item) for key, item in value.items()}
    return value


@given(st.dictionaries(any_text, values, max_size=5))
def test_reads_back_as_it_was(document: dict[str, Any]) -> None:
    text = "".join(pieces(document))
    text.encode("utf-8")
    assert json.loads(text) == joined(document)


def test_a_row_is_a_line() -> None:
    document = {"a": 1, "empty": [], "rows": [{"x": "ü"}, {"x": None}], "end": {}}
    text = "".join(pieces(document))
    assert text == '{\n"a": 1,\n"empty": [],\n"rows": [\n{"x": "ü"},\n{"x": null}\n],\n"end": {}\n}\n'


def test_rows_may_come_one_by_one() -> None:
    rows = [{"x": 1}, {"x": 2}]
    assert "".join(pieces({"empty": iter([]), "rows": iter(rows)})) == "".join(pieces({"empty": [], "rows": rows}))


def test_an_empty_document() -> None:
    assert "".join(pieces({})) == "{}\n"


def test_lone_surrogates_are_escaped() -> None:
    assert "".join(pieces({"x": "a\udcff"})) == '{\n"x": "a\\udcff"\n}\n'


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_no_number_that_json_does_not_know(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        "".join(pieces({"x": [{"y": number}]}))
