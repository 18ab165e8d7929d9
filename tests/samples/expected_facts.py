"""How a fact of samples/expected/*.json is held against a row of a table.

A fact is a value the row must have, or one of: ``{"between": [low, high]}`` (a number within, ends included),
``{"length": n}`` (a list of n), ``{"status": [100]}`` (a list of objects whose key of that name has these values).
"""

from __future__ import annotations

from typing import Any


def mismatch(fact: Any, value: Any) -> str | None:
    """Say what is wrong with a value, or None when it is as expected."""
    if not isinstance(fact, dict):
        return None if fact == value and type(fact) is type(value) else f"{value!r} instead of {fact!r}"
    ((kind, wanted),) = fact.items()
    if kind == "between":
        low, high = wanted
        fine = isinstance(value, int | float) and low <= value <= high
        return None if fine else f"{value!r} is not between {low} and {high}"
    if kind == "length":
        return None if len(value) == wanted else f"{value!r} has not {wanted} entries"
    found = [entry[kind] for entry in value]
    return None if found == wanted else f"{kind} {found!r} instead of {wanted!r}"


def row_mismatches(facts: dict[str, Any], row: dict[str, Any]) -> list[str]:
    """Compare every fact about a row; return one sentence for each that is wrong."""
    wrong = ((column, mismatch(fact, row[column])) for column, fact in facts.items())
    return [f"{column}: {what}" for column, what in wrong if what]
