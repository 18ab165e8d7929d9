"""DNS on the page: what was asked and answered, counted and one by one, and what each server was like.

Whatever is counted is counted over columns (:mod:`analyzer.protocols.dns.table`): of a hundred thousand lookups only
those that are listed become objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analyzer import dns_words
from analyzer.protocols.dns import table as columns_of
from analyzer.report import cells
from analyzer.report.cells import MAX_TABLE_ROWS, Cell, Clock, Column, Row, Table, marked
from analyzer.report.escape import Prose, safe
from analyzer.report.latencies import percentile
from analyzer.report.protocol_words import first_of, word
from analyzer.report.wording import message, plural, say
from analyzer.schema import DnsAnswer, DnsRow

MULTICAST = ("mdns", "llmnr")
"""Transports on which a question is put to all neighbours."""

OUTCOMES = {
    "no_answer": message("no answer"),
    "malformed": message("malformed"),
    "unsolicited": message("answer without a question"),
    "answered": message("answered"),
}
"""Outcome of a lookup without a response code → words."""

MEANINGS = {
    "no_answer": message("The question was sent, and no answer to it was captured."),
    "malformed": message("The message breaks the rules of the protocol and could not be read."),
    "unsolicited": message("The answer came, and the question was not captured."),
}
"""The same in a sentence."""

MAX_BARS = 20
"""Bars drawn of one kind; what is rarer than the twentieth is in the table."""

MAX_TYPES = 8
"""Record types with a column of their own in the table of results; the others are counted together."""

MAX_SERVERS = 20
"""Servers with a line of their own; a resolver that walks down the tree of names asks thousands."""

MAX_ANSWERS = 4
"""Answers written out of one lookup."""

MAX_ANSWER = 100
"""Characters shown of one answer, so that a long text does not push the other columns off the page."""


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
        _bars(by_code, {code: _meaning(code) for code in by_code}, judged=True),
        _bars(by_type, {qtype: dns_words.explain_type(qtype) for qtype in by_type}),
        _results_table(counted, by_code, by_type),
        servers_table(rows),
        _lookups_table(rows, clock),
    )


# ── what came of it ──────────────────────────────────────────────────────────────────────────────────────────────


def _results(rows: Sequence[DnsRow]) -> list[tuple[str, str]]:
    """Return (response code or else outcome, record type) of every row."""
    codes, outcomes = columns_of.column(rows, "rcode"), columns_of.column(rows, "outcome")
    found = [outcome if code is None else code for code, outcome in zip(codes, outcomes, strict=True)]
    return list(zip(found, columns_of.column(rows, "qtype"), strict=True))


def _result(row: DnsRow) -> str:
    return row.outcome if row.rcode is None else row.rcode


def _meaning(code: str) -> str:
    """Explain a response code, or an outcome without one."""
    if code in OUTCOMES:
        return say(MEANINGS[code]) if code in MEANINGS else ""
    return Prose(dns_words.explain(code))


def dns_failed(row: DnsRow) -> bool:
    """Return whether a lookup gave nobody an answer to work with.

    A question to all neighbours is answered by who has the name, and by nobody else: silence is no failure (RFC 6762
    section 6, RFC 4795 section 2.3).
    """
    if row.outcome == "no_answer" and row.transport in MULTICAST:
        return False
    return row.outcome in ("no_answer", "malformed") or row.rcode not in (None, "NOERROR")


def failed_lookups(rows: Sequence[DnsRow]) -> NDArray[np.bool_]:
    """Return (n,) which lookups failed, as :func:`dns_failed` says it of one, without making rows of them."""
    bad = columns_of.one_of(rows, "outcome", ("no_answer", "malformed"))
    bad |= ~columns_of.one_of(rows, "rcode", (None, "NOERROR"))
    quiet = columns_of.one_of(rows, "outcome", ("no_answer",)) & columns_of.one_of(rows, "transport", MULTICAST)
    return bad & ~quiet


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
            first = Cell(safe(word(OUTCOMES, code), 40), title=_meaning(code))
            rows.append(Row("", (first, *(cells.count(number) for number in numbers)), marked(proto="dns")))
    return Table("dns-results", say("Results by record type"), tuple(columns), tuple(rows), len(by_code))


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
    return Table("dns-servers", say("Servers that were asked"), columns, tuple(lines), int(counts.size))


def _percentile(times: NDArray[np.float64], q: int) -> Cell:
    return cells.ms(percentile(times, q)) if times.size else cells.unknown("not_captured")


# ── one by one ───────────────────────────────────────────────────────────────────────────────────────────────────


def _lookups_table(rows: Sequence[DnsRow], clock: Clock) -> Table:
    columns = (
        Column("#", numeric=True),
        Column(say("Start"), numeric=True),
        Column(say("Name"), wide=True),
        Column(say("Type")),
        Column(say("Result")),
        Column(say("Answers"), wide=True),
        Column(say("Took"), numeric=True),
        Column(say("Queries"), numeric=True, title=say("how often the question was sent")),
        Column(say("Asked")),
        Column(say("Via")),
        Column(say("Frames")),
    )
    shown = tuple(_lookup(n, row, clock) for n, row in enumerate(rows[:MAX_TABLE_ROWS]))
    return Table("dns-table", say("DNS lookups"), columns, shown, len(rows))


def _lookup(n: int, row: DnsRow, clock: Clock) -> Row:
    failed = dns_failed(row)
    name = row.qname if row.qname_unicode in ("", row.qname) else f"{row.qname} ({row.qname_unicode})"
    return Row(
        f"dns-{n + 1}",
        (
            Cell(str(n + 1)),
            clock.cell(row.query_time, "not_captured"),
            Cell(safe(name) if name else say("(root)")),
            Cell(safe(row.qtype, 40), title=dns_words.explain_type(row.qtype)),
            Cell(
                safe(word(OUTCOMES, _result(row)), 60),
                tone="bad" if failed else "good",
                title=_meaning(_result(row)),
            ),
            _answers(row),
            cells.ms(row.latency_ms, None if row.latency_ms is not None else _no_latency_why(row)),
            _queries(row),
            Cell(safe(row.server)),
            Cell(safe(row.transport)),
            cells.frames([*row.query_frames[:6], row.response_frame]),
        ),
        marked(
            clock,
            host=row.qname,
            proto="dns",
            stream=row.stream,
            severity="error" if failed else "",
            duration_ms=row.latency_ms,
            start=row.query_time if row.query_time is not None else row.response_time,
            end=row.response_time,
            frames=(*row.query_frames, row.response_frame, *row.duplicate_frames),
        ),
    )


def _queries(row: DnsRow) -> Cell:
    """Count how often a question was sent, and lead to the lookup that brought nothing before it."""
    sent = cells.count(row.attempts, bad=row.attempts > 1)
    if row.retry_of is None:
        return sent
    before = row.retry_of + 1
    return replace(sent, link=f"dns-{before}", why=say("after lookup {n}, which brought nothing", n=before))


def _answers(row: DnsRow) -> Cell:
    """List the answers; without any, say where the server sent the asker instead, or that there is none.

    A name can exist without a record of the type asked for (NODATA, RFC 2308 section 2.2), a server refers to those
    that know (RFC 1034 section 4.3.1), and what is too long for a datagram is left out (TC, RFC 2181 section 9).
    """
    if row.answers:
        return cells.text(_records(row))
    if row.flags.tc and row.response_frame is not None:
        if row.retried_over_tcp is None:
            return Cell(say("cut off: too long for UDP (TC)"))
        at = row.retried_over_tcp + 1
        return Cell(say("cut off (TC); asked again over TCP in row {n}", n=at), link=f"dns-{at}")
    if row.referral is not None and row.rcode == "NOERROR":
        return Cell(say("referred to the servers of {zone}", zone=row.referral))
    return cells.unknown("no_record" if row.rcode == "NOERROR" and row.opcode == "query" else None)


def _records(row: DnsRow) -> Prose:
    """Write out answers: the aliases that the name led through, and then what lies at their end."""
    if not row.cname_chain:
        return first_of(map(_record, row.answers), MAX_ANSWERS)
    path = [f"CNAME {safe(_cut(name))}" for name in row.cname_chain[:MAX_ANSWERS]]
    path += ["…"] if len(row.cname_chain) > MAX_ANSWERS else []
    ends = [_record(answer) for answer in row.answers if answer.type != "CNAME"]
    return Prose(" → ".join([*path, first_of(ends, MAX_ANSWERS)] if ends else path))


def _record(answer: DnsAnswer) -> str:
    return f"{safe(answer.type, 40)} {safe(_cut(answer.data))}"


def _cut(data: str) -> str:
    return data if len(data) <= MAX_ANSWER else f"{data[: MAX_ANSWER - 1]}…"


def _no_latency_why(row: DnsRow) -> str:
    if row.query_time is not None and row.response_time is not None:
        return "clock"
    return "unanswered" if row.outcome == "no_answer" else "not_captured"
