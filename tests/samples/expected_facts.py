"""How a fact of samples/expected/*.json is held against a row of a table.

A fact is a value the row must have, or one of: ``{"between": [low, high]}`` (a number within, ends included),
``{"length": n}`` (a list of n), ``{"status": [100]}`` (a list of objects whose key of that name has these values).
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
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


def step_words(visit: dict[str, Any]) -> list[str]:
    """Write the steps of a journey as the facts do: its name, and behind a colon why it is absent.

    That a client had its address before the capture began is true of every visit but one, and not repeated here.
    """
    words = (step["step"] + (f":{step['absent_why']}" if step["absent_why"] else "") for step in visit["steps"])
    return [word for word in words if not word.startswith("dhcp:")]


@dataclass(frozen=True, slots=True)
class Paired:
    """Expected visits beside those that were found, in order of time, and the addresses of those that stay alone."""

    pairs: list[tuple[dict[str, Any], dict[str, Any]]]
    missing: list[str]
    surplus: list[str]


def pair_visits(facts: list[dict[str, Any]], found: list[dict[str, Any]]) -> Paired:
    """Put each expected visit beside the one that was found: the longest common order of their addresses.

    One that ``may_be_missing`` is passed over when it is not there: whether a name that only a tool looked up is a
    thing that a person did can be seen either way.
    """
    found = sorted(found, key=lambda visit: visit["start_time"])
    wanted, there = ([visit["url"] for visit in visits] for visits in (facts, found))
    blocks = SequenceMatcher(None, wanted, there, autojunk=False).get_matching_blocks()
    pairs = [(left + k, right + k) for left, right, size in blocks for k in range(size)]
    lonely = [fact for at, fact in enumerate(facts) if at not in {left for left, _ in pairs}]
    return Paired(
        [(facts[left], found[right]) for left, right in pairs],
        [fact["url"] for fact in lonely if not fact.get("may_be_missing")],
        [url for at, url in enumerate(there) if at not in {right for _, right in pairs}],
    )
