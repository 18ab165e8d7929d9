"""The index of a batch as a page: ``index.html``, in the shell of the reports and under the same policy.

What it says comes from the outcomes alone, as ``index.json`` does: the same captures give the same bytes. Names,
hosts and errors come from captures and file systems; they pass :func:`analyzer.report.escape.safe`. Captures that
failed are on the first screen and in the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analyzer.batch import index
from analyzer.batch.index_facets import (
    MAX_SAME,
    MAX_SAME_FOLDED,
    MAX_SHARED,
    Facets,
    SameFact,
    SharedFact,
    facets,
    same,
    shared,
)
from analyzer.batch.index_facts import marked, told
from analyzer.batch.index_rows import STATUSES, link_of, reason, size_text, table
from analyzer.batch.task import Outcome
from analyzer.language import SOURCE, speaking
from analyzer.report import cells
from analyzer.report.cells import Cell, Column, Row, Table
from analyzer.report.escape import Prose, safe
from analyzer.report.render import render_index
from analyzer.report.requests import phases
from analyzer.report.wording import joined, message, number, paragraph, plural, say
from analyzer.version import __version__

if TYPE_CHECKING:
    from markupsafe import Markup

MAX_FAILED = 8
"""Captures named on the card of what failed; the table has all of them."""

MAX_WORST = 5
"""Captures with the most errors that are named; sorting the table gives them all."""

COMPARED = {
    "packets": message("Packets"),
    "duration_ms": message("Span"),
    "connections": message("Connections"),
    "requests": message("Requests"),
    "wait_p50_ms": message("Wait (p50)"),
    "wait_p95_ms": message("Wait (p95)"),
    "failures": message("Failed requests"),
}
"""What the percentiles are told of (:data:`analyzer.batch.index.COMPARED`), in words (messages)."""

_ACROSS = message("Half of the captures have at most p50, 95 % at most p95, and 99 % at most p99")


@dataclass(frozen=True, slots=True)
class IndexHeader:
    """What the header says of the batch; ``first`` and ``last`` are empty where no capture has a time."""

    title: Prose
    first: Prose
    last: Prose
    packets: Prose
    size: str
    version: str


@dataclass(frozen=True, slots=True)
class FailedFact:
    """A capture that failed, was read in part, or has errors: its row, how it went, and why or what was wrong."""

    name: Prose
    anchor: str
    status: str
    word: Prose
    reason: Prose


@dataclass(frozen=True, slots=True)
class IndexPage:
    """Everything on the page."""

    header: IndexHeader
    totals: Prose
    failed: tuple[FailedFact, ...]
    failed_total: int
    failed_words: Prose
    worst: tuple[FailedFact, ...]
    same: tuple[SameFact, ...]
    same_more: tuple[SameFact, ...]
    same_folded: int
    same_cut: Prose
    shared: tuple[SharedFact, ...]
    shared_more: tuple[SharedFact, ...]
    percentiles: Table
    facets: tuple[Facets, ...]
    captures: Table
    facts: Markup
    phases: tuple[tuple[str, str, str], ...]
    reports: bool

    def reach(self, link: str) -> str:
        """Return an anchor that exists: every row has its own."""
        return link


def html_text(outcomes: Sequence[Outcome], lang: str = SOURCE) -> str:
    """Return ``index.html`` (text; write it as UTF-8).

    Raises:
        KeyError: there is no such language.
    """
    with speaking(lang):
        return render_index(index_page(outcomes), lang)


def index_page(outcomes: Sequence[Outcome]) -> IndexPage:
    """Draw up the page, in the language that is spoken."""
    totals = index.totals(outcomes)
    common, equal = shared(totals), same(outcomes)
    captures = marked(table(outcomes), outcomes)
    return IndexPage(
        header=_header(outcomes, totals),
        totals=_sentences(outcomes, totals),
        failed=tuple(_failed(outcomes))[:MAX_FAILED],
        failed_total=totals["failed"] + totals["partial"],
        failed_words=_failed_words(totals),
        worst=_worst(outcomes),
        same=equal[:MAX_SAME],
        same_more=equal[MAX_SAME : MAX_SAME + MAX_SAME_FOLDED],
        same_folded=max(len(equal) - MAX_SAME, 0),
        same_cut=_groups_cut(len(equal)),
        shared=common[:MAX_SHARED],
        shared_more=common[MAX_SHARED:],
        percentiles=_percentiles(totals["percentiles"]),
        facets=facets(outcomes),
        captures=captures,
        facts=told(outcomes, captures),
        phases=_phases(outcomes),
        reports=any(link_of(one) for one in outcomes),
    )


def _header(outcomes: Sequence[Outcome], totals: dict[str, Any]) -> IndexHeader:
    first = min((one["start_time"] for one in outcomes if one["start_time"]), default=None)
    last = max((one["end_time"] for one in outcomes if one["end_time"]), default=None)
    return IndexHeader(
        title=plural(totals["captures"], "capture"),
        first=_minute(first),
        last=_minute(last),
        packets=plural(totals["packets"], "packet"),
        size=size_text(outcomes),
        version=__version__,
    )


def _minute(text: str | None) -> Prose:
    return Prose("") if text is None else safe(f"{text[:10]} {text[11:16]}")


def _sentences(outcomes: Sequence[Outcome], totals: dict[str, Any]) -> Prose:
    """Say how many captures there are, how reading them went, and what they hold."""
    parts = []
    if totals["ok"]:
        parts.append(plural(totals["ok"], "was analyzed in full", "were analyzed in full"))
    if totals["partial"]:
        parts.append(plural(totals["partial"], "in part", "in part"))
    if totals["failed"]:
        parts.append(plural(totals["failed"], "failed", "failed"))
    whole = plural(totals["captures"], "capture")
    said = [
        say("Of {captures}, {parts}.", captures=whole, parts=joined(parts))
        if len(parts) > 1
        else say("{captures}: {parts}.", captures=whole, parts=joined(parts)),
    ]
    if totals["same_content"]:
        said.append(
            plural(
                totals["same_content"],
                "of them repeats the content of another.",
                "of them repeat the content of others.",
            )
        )
    said.append(
        say(
            "Together they hold {packets} in {size}.",
            packets=plural(totals["packets"], "packet"),
            size=size_text(outcomes),
        )
    )
    return paragraph(said)


def _groups_cut(total: int) -> Prose:
    """Say how many groups of captures with the same content are on the card; empty where all are."""
    most = MAX_SAME + MAX_SAME_FOLDED
    if total <= most:
        return Prose("")
    return say("showing {shown} of {total}; the table has all of them", shown=most, total=number(total))


def _failed(outcomes: Sequence[Outcome]) -> list[FailedFact]:
    """Return the captures that failed, then those that were read in part."""
    return [
        FailedFact(safe(one["capture"], 120), f"capture-{n}", status, say(STATUSES[status]), reason(one))
        for status in ("failed", "partial")
        for n, one in enumerate(outcomes, 1)
        if one["status"] == status
    ]


def _worst(outcomes: Sequence[Outcome]) -> tuple[FailedFact, ...]:
    """Return the captures with the most findings that are errors, each with its worst; then failed requests count."""
    bad = [(n, one) for n, one in enumerate(outcomes, 1) if one["findings"]["error"] and one["worst"]]
    bad.sort(key=lambda item: (-item[1]["findings"]["error"], -(item[1]["failures"] or 0), item[0]))
    return tuple(
        FailedFact(
            safe(one["capture"], 120),
            f"capture-{n}",
            "failed",
            plural(one["findings"]["error"], "error"),
            safe(one["worst"]["title"]),
        )
        for n, one in bad[:MAX_WORST]
    )


def _failed_words(totals: dict[str, Any]) -> Prose:
    if totals["failed"]:
        return plural(totals["failed"], "capture could not be analyzed.", "captures could not be analyzed.")
    if totals["partial"]:
        return say("No capture failed, but not all could be read to their end.")
    return say("Nothing: every capture was analyzed in full.")


def _percentiles(told: dict[str, dict[str, Any]]) -> Table:
    """Return the table of percentiles across captures."""
    columns = (
        Column(say("Of a capture")),
        *(Column(f"p{share}", numeric=True, title=_at_most(share)) for share in index.SHARES),
    )
    rows = [_compared(name, told[name]) for name in index.COMPARED if told[name]["captures"]]
    return Table(
        "percentiles",
        say(_ACROSS),
        columns,
        tuple(rows),
        len(rows),
    )


def _at_most(share: int) -> Prose:
    return say("{share} % of the captures have at most this", share=share)


def _compared(name: str, values: dict[str, Any]) -> Row:
    form = cells.ms if name.endswith("_ms") else cells.count
    shares: list[Cell] = [form(values[f"p{share}"]) for share in index.SHARES]
    captures = plural(values["captures"], "capture has such a number", "captures have such a number")
    return Row("", (Cell(say(COMPARED[name]), title=captures), *shares))


def _phases(outcomes: Sequence[Outcome]) -> tuple[tuple[str, str, str], ...]:
    """Return the phases that some capture's bar shows."""
    seen = {phase for one in outcomes for phase in one["phases_ms"]}
    return tuple(phase for phase in phases() if phase[0] in seen)
