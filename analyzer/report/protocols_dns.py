"""DNS on the page: what was asked and answered, counted and one by one, and what each server was like.

Whatever is counted is counted over columns (:mod:`analyzer.protocols.dns.table`): of a hundred thousand lookups only
those that are listed become objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer import dns_words
from analyzer.protocols.dns import table as columns_of
from analyzer.report import cells
from analyzer.report.cells import MAX_TABLE_ROWS, Cell, Clock, Column, Elsewhere, Row, Table, marked
from analyzer.report.dns_grid import dns_grid
from analyzer.report.escape import safe
from analyzer.report.grid import PREVIEW_ROWS
from analyzer.report.latencies import percentile
from analyzer.report.lookups import OUTCOMES, failed_lookups, lookup_columns, lookup_row, meaning, result_codes
from analyzer.report.protocol_words import word
from analyzer.report.wording import plural, say
from analyzer.schema import DnsRow

MAX_BARS = 20
"""Bars drawn of one kind; what is rarer than the twentieth is in the table."""

MAX_TYPES = 8
"""Record types with a column of their own in the table of results; the others are counted together."""

MAX_SERVERS = 20
"""Servers with a line of their own; a resolver that walks down the tree of names asks thousands."""


@dataclass(frozen=True, slots=True)
class CountFact:
    """A word, how often it occurred, its part of the largest in percent, and what it means."""

    word: str
    count: int
    percent: float
    meaning: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class DnsFact:
    """Everything of the DNS panel: the lookups in a sentence, counted by result and by type, by server, and listed.

    Attributes:
        results: result × type, without rows when there is only one result or one type: the bars say the same.
    """

    summary: str
    codes: tuple[CountFact, ...]
    types: tuple[CountFact, ...]
    results: Table
    servers: Table
    lookups: Table


def dns_fact(rows: Sequence[DnsRow], clock: Clock) -> DnsFact:
    """Draw up the DNS panel."""
    counted = Counter(_results(rows))
    by_code: Counter[str] = Counter()
    by_type: Counter[str] = Counter()
    for (code, qtype), count in counted.items():
        by_code[code] += count
        by_type[qtype] += count
    return DnsFact(
        dns_sentence(rows),
        _bars(by_code, {code: meaning(code) for code in by_code}, judged=True),
        _bars(by_type, {qtype: dns_words.explain_type(qtype) for qtype in by_type}),
        _results_table(counted, by_code, by_type),
        servers_table(rows),
        _lookups_table(rows, clock),
    )


# ── what came of it ──────────────────────────────────────────────────────────────────────────────────────────────


def _results(rows: Sequence[DnsRow]) -> list[tuple[str, str]]:
    """Return (response code or else outcome, record type) of every row."""
    return list(zip(result_codes(rows), columns_of.column(rows, "qtype"), strict=True))


def repeated_lookups(rows: Sequence[DnsRow]) -> NDArray[np.bool_]:
    """Return (n,) which questions were sent more than once."""
    return columns_of.where(rows, "attempts", lambda attempts: attempts > 1)


def dns_sentence(rows: Sequence[DnsRow]) -> str:
    """Sum up the lookups in a sentence; empty without any."""
    if not rows:
        return ""
    lookups = plural(len(rows), "lookup")
    bad, again = int(failed_lookups(rows).sum()), int(repeated_lookups(rows).sum())
    if bad and again:
        return say(
            "{lookups}, {bad} of them without a usable answer, {again} asked more than once.",
            lookups=lookups,
            bad=bad,
            again=again,
        )
    if bad:
        return say("{lookups}, {bad} of them without a usable answer.", lookups=lookups, bad=bad)
    if again:
        return say("{lookups}, all answered, {again} asked more than once.", lookups=lookups, again=again)
    return say("{lookups}, all answered.", lookups=lookups)


def _bars(counter: Counter[str], meanings: Mapping[str, str], judged: bool = False) -> tuple[CountFact, ...]:
    """Return the most frequent words; where they are ``judged``, all but NOERROR stand out."""
    most = max(counter.values(), default=1)
    return tuple(
        CountFact(
            safe(word(OUTCOMES, code), 40),
            count,
            round(count / most * 100, 1),
            meanings[code],
            "bad" if judged and code not in ("NOERROR", "unsolicited", "answered") else "",
        )
        for code, count in _ranked(counter)[:MAX_BARS]
    )


def _ranked(counter: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


def _results_table(counted: Counter[tuple[str, str]], by_code: Counter[str], by_type: Counter[str]) -> Table:
    """Count results by record type, both by how frequent they are."""
    types = [qtype for qtype, _ in _ranked(by_type)]
    own, rest = types[:MAX_TYPES], types[MAX_TYPES:]
    columns = [Column(say("Result"))]
    columns += [Column(safe(qtype, 20), numeric=True, title=dns_words.explain_type(qtype)) for qtype in own]
    columns += [Column(say("other types"), numeric=True)] if rest else []
    rows = []
    if len(by_code) > 1 and len(types) > 1:
        for code, _ in _ranked(by_code)[:MAX_BARS]:
            numbers = [counted[code, qtype] for qtype in own]
            numbers += [sum(counted[code, qtype] for qtype in rest)] if rest else []
            first = Cell(safe(word(OUTCOMES, code), 40), title=meaning(code))
            rows.append(Row("", (first, *(cells.count(number) for number in numbers)), marked(proto="dns")))
    return Table(
        "dns-results",
        say("Results by record type"),
        tuple(columns),
        tuple(rows),
        len(by_code),
        elsewhere=Elsewhere.NOWHERE,
    )


# ── whom they asked ──────────────────────────────────────────────────────────────────────────────────────────────


def servers_table(rows: Sequence[DnsRow]) -> Table:
    """Say of each server how often it was asked, how often in vain, and how long it took; the busiest first."""
    columns = (
        Column(say("Asked"), title=say("the server, or the group that a question was put to")),
        Column(say("Lookups"), numeric=True),
        Column(say("Without a usable answer"), numeric=True),
        Column(say("Asked more than once"), numeric=True),
        Column("p50", numeric=True, title=say("half of them were at most this long")),
        Column("p95", numeric=True, title=say("95 of 100 were at most this long")),
        Column(say("Longest"), numeric=True),
    )
    numbers = columns_of.codes(rows, "server")
    _, first, counts = np.unique(numbers, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))[:MAX_SERVERS]
    names = columns_of.column(rows, "server")
    failed, again, took = failed_lookups(rows), repeated_lookups(rows), columns_of.latencies(rows)
    lines = []
    for at in order.tolist():
        mine = numbers == numbers[first[at]]
        times = np.sort(took[mine & ~np.isnan(took)])
        lines.append(
            Row(
                "",
                (
                    Cell(safe(names[int(first[at])])),
                    cells.count(int(counts[at])),
                    cells.count(int(failed[mine].sum()), bad=True),
                    cells.count(int(again[mine].sum())),
                    *(_percentile(times, q) for q in (50, 95, 100)),
                ),
                marked(proto="dns", host=names[int(first[at])]),
            )
        )
    return Table(
        "dns-servers",
        say("Servers that were asked"),
        columns,
        tuple(lines),
        int(counts.size),
        elsewhere=Elsewhere.NOWHERE,
    )


def _percentile(times: NDArray[np.float64], q: int) -> Cell:
    return cells.ms(percentile(times, q)) if times.size else cells.unknown("not_captured")


def _lookups_table(rows: Sequence[DnsRow], clock: Clock) -> Table:
    long = len(rows) > MAX_TABLE_ROWS
    shown = rows[: PREVIEW_ROWS if long else MAX_TABLE_ROWS]
    lines = tuple(lookup_row(n, row, clock) for n, row in enumerate(shown))
    grid = dns_grid(rows, clock) if long else None
    return Table("dns-table", say("DNS lookups"), lookup_columns(), lines, len(rows), grid)
