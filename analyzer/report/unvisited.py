"""What belongs to no visit: how many rows of each table, and links to the first ones."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.analysis import Analysis
from analyzer.report.wording import number, say


@dataclass(frozen=True, slots=True)
class UnvisitedFact:
    """The rows of a table that belong to no visit: how many, and links to the first ones."""

    table: str
    count: str
    links: tuple[tuple[str, str], ...]  # anchor (empty for none), text
    more: str


LISTED_ROWS = 12
"""Rows in no visit that are named; the tables and the JSON document have the rest."""
_ANCHORS = {"tcp": ("stream", 0), "arp": ("arp", 1), "dns": ("dns", 1), "tls": ("tls", 1), "http": ("http", 1)}
"""Table → how the anchor of a row begins, and from which number rows are counted there."""


def unvisited(analysis: Analysis) -> list[UnvisitedFact]:
    """Return the rows that belong to no visit, by table."""
    out = []
    for one in analysis.capture.unvisited:
        kind, first = _ANCHORS.get(one.table, ("", 1))
        shown = [row + first for row in one.rows[:LISTED_ROWS]]
        links = tuple((f"{kind}-{row}" if kind else "", str(row)) for row in shown)
        more = one.count - len(links)
        words = say("and {more} more", more=number(more)) if more > 0 else ""
        out.append(UnvisitedFact(one.table, number(one.count), links, words))
    return out
