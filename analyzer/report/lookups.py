"""One lookup as the page lists it: what was asked, what came of it, and why something is not known.

Each cell is made of what it depends on, so that a long table makes it once for all lookups that share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analyzer import dns_words
from analyzer.protocols.dns import table as columns_of
from analyzer.report import cells
from analyzer.report.cells import Cell, Clock, Column, Row, marked
from analyzer.report.escape import Prose, safe
from analyzer.report.protocol_words import first_of, word
from analyzer.report.wording import message, say
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

MAX_ANSWERS = 4
"""Answers written out of one lookup."""

MAX_ANSWER = 100
"""Characters shown of one answer, so that a long text does not push the other columns off the page."""


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


def own_failures(rows: Sequence[DnsRow]) -> NDArray[np.bool_]:
    """Return (n,) which lookups failed and are nobody else's: a resolver's own question fails with its client's."""
    return failed_lookups(rows) & columns_of.one_of(rows, "caused_by", (None,))


def result_codes(rows: Sequence[DnsRow]) -> list[str]:
    """Return the response code of every row, or else its outcome."""
    codes, outcomes = columns_of.column(rows, "rcode"), columns_of.column(rows, "outcome")
    return [outcome if code is None else code for code, outcome in zip(codes, outcomes, strict=True)]


def meaning(code: str) -> str:
    """Explain a response code, or an outcome without one."""
    if code in OUTCOMES:
        return say(MEANINGS[code]) if code in MEANINGS else ""
    return Prose(dns_words.explain(code))


def lookup_columns() -> tuple[Column, ...]:
    """Return the columns of the table of lookups."""
    return (
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


def lookup_row(n: int, row: DnsRow, clock: Clock) -> Row:
    failed = dns_failed(row)
    return Row(
        f"dns-{n + 1}",
        (
            Cell(str(n + 1)),
            clock.cell(row.query_time, "not_captured"),
            name_cell(row.qname, row.qname_unicode),
            type_cell(row.qtype),
            result_cell(row.outcome if row.rcode is None else row.rcode, failed),
            answers_cell(row),
            latency_unknown(row) if row.latency_ms is None else cells.ms(row.latency_ms),
            queries_cell(row),
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
            frames=frames_of(row),
        ),
    )


def name_cell(name: str, decoded: str) -> Cell:
    """Return a name, and how it is written in other scripts; the root has none."""
    if not name:
        return Cell(say("(root)"))
    return Cell(safe(name if decoded in ("", name) else f"{name} ({decoded})"))


def type_cell(qtype: str) -> Cell:
    """Return a record type, explained where somebody points at it."""
    return Cell(safe(qtype, 40), title=dns_words.explain_type(qtype))


def result_cell(code: str, failed: bool) -> Cell:
    """Return a response code, or an outcome without one."""
    return Cell(safe(word(OUTCOMES, code), 60), tone="bad" if failed else "good", title=meaning(code))


def frames_of(row: DnsRow) -> tuple[int | None, ...]:
    """Return the frames that prove a lookup."""
    return (*row.query_frames, row.response_frame, *row.duplicate_frames)


def queries_cell(row: DnsRow) -> Cell:
    """Count how often a question was sent, and lead to the lookup that brought nothing before it."""
    sent = cells.count(row.attempts, bad=row.attempts > 1)
    if row.retry_of is None:
        return sent
    before = row.retry_of + 1
    return replace(sent, link=f"dns-{before}", why=say("after lookup {n}, which brought nothing", n=before))


def answers_cell(row: DnsRow) -> Cell:
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


def latency_unknown(row: DnsRow) -> Cell:
    """Say why it is not known how long a lookup took."""
    if row.query_time is not None and row.response_time is not None:
        return cells.unknown("clock")
    return cells.unknown("unanswered" if row.outcome == "no_answer" else "not_captured")
