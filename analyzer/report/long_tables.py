"""The tables of requests and of connections where they are long: the same columns, drawn from columns.

Each says the same as the row-by-row table beside which it stands (a test compares them); what differs is the cost: a
cell is made once for all rows that share it, and numbers are left to the page's script to write.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from operator import add, attrgetter

from analyzer.addresses import endpoint
from analyzer.flows.model import Connections
from analyzer.report import cells
from analyzer.report.cells import MAX_GRID_ROWS, Cell, Clock, Grid, Numbers, Texts
from analyzer.report.escape import safe
from analyzer.report.grid import US_PER_MS, coded, instants
from analyzer.report.request_facts import remarks
from analyzer.report.requests import (
    frames_words,
    interval,
    limited,
    outcome_text,
    outcome_tone,
    outcome_word,
    reason,
    status_text,
    tone,
    total_ms,
)
from analyzer.report.wording import listed
from analyzer.schema import HttpRow
from analyzer.units import NS_PER_MS


def http_grid(rows: Sequence[HttpRow], clock: Clock) -> Grid:
    """Return the requests column by column, in the order of the table's columns."""
    rows = rows[:MAX_GRID_ROWS]
    totals = [total_ms(row) for row in rows]
    spans = list(map(interval, rows))
    endings = _endings(rows)
    columns: tuple[Texts | Numbers, ...] = (
        Numbers(range(1, len(rows) + 1), "plain", link="http"),
        instants([row.request_time for row in rows], clock, cells.unknown("not_captured")),
        _texts(rows, "method", "not_captured"),
        _coded(rows, lambda row: row.url or row.target, lambda row: cells.text(row.url or row.target, "not_captured")),
        coded(endings, lambda n: _status(rows[n])),
        _texts(rows, "content_type", None),
        Numbers([row.response_body_bytes for row in rows], "bytes"),
        _limited(rows, "wait"),
        _limited(rows, "wait_server"),
        Numbers(_us(totals), "ms", US_PER_MS),
        Numbers([row.stream for row in rows], "plain", link="stream"),
        coded(endings, lambda n: _outcome(rows[n])),
        _coded(rows, _REMARKED, lambda row: Cell(listed(remarks(row)))),
        Texts([frames_words(row) for row in rows]),
    )
    marks: dict[str, Texts | Numbers | int] = {
        "host": coded([row.host for row in rows], lambda n: Cell(safe(rows[n].host or ""))),
        "status": coded([row.status for row in rows], lambda n: Cell(str(rows[n].status or ""))),
        "method": 2,
        "stream": 10,
        "proto": Texts(["http"]),
        "dur": 9,
        "from": instants([start for start, _ in spans], clock),
        "to": instants([end for _, end in spans], clock),
        "frames": 13,
    }
    return Grid(len(rows), columns, marks, "http")


def _coded(rows: Sequence[HttpRow], key: Callable[[HttpRow], Hashable], make: Callable[[HttpRow], Cell]) -> Texts:
    return coded(map(key, rows), lambda n: make(rows[n]))


def _texts(rows: Sequence[HttpRow], name: str, why: str | None) -> Texts:
    value = attrgetter(name)
    return _coded(rows, value, lambda row: cells.text(value(row), why))


def _endings(rows: Sequence[HttpRow]) -> list[Hashable]:
    """Return what the words on each request's end depend on: with trouble, on so much that it is a case of its own."""
    whole = attrgetter("status", "reason", "outcome_why", "background", "wrong_scheme")
    return [whole(row) if row.outcome == "complete" else n for n, row in enumerate(rows)]


def _status(row: HttpRow) -> Cell:
    return Cell(status_text(row), tone=tone(row), title=reason(row))


def _outcome(row: HttpRow) -> Cell:
    return Cell(outcome_word(row), tone=outcome_tone(row), title=outcome_text(row))


_REMARKED = attrgetter(
    "background",
    "request_missing_bytes",
    "response_missing_bytes",
    "informational",
    "saved_bytes",
    "compression_missed_bytes",
    "authentication",
    "third_party",
    "pipelined",
    "cookies_set",
    "set_cookies",
)
"""What the column "Worth knowing" depends on."""


def _limited(rows: Sequence[HttpRow], name: str) -> Numbers:
    """Return a column of durations; those that are limits say so, and unknown ones why."""
    values = list(map(attrgetter(f"{name}_ms"), rows))
    whys = list(map(attrgetter(f"{name}_why"), rows)) if name == "wait" else [None] * len(rows)
    trusts = map(attrgetter(f"phase_trust.{name}"), rows)
    odd: dict[int, Cell] = {}
    reasons = {why: cells.unknown(why) for why in set(whys)}
    for n, (value, why, trust) in enumerate(zip(values, whys, trusts, strict=True)):
        if value is None and why is not None:
            odd[n] = reasons[why]
        elif value is not None and trust == "bounded":
            shown = cells.ms(value)
            odd[n] = Cell(limited(rows[n], name, value), value=shown.value)
    return Numbers(_us(values), "ms", US_PER_MS, odd=odd)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _us(values: Iterable[float | None]) -> list[int | None]:
    """Return milliseconds as whole microseconds."""
    return [None if value is None else round(value * US_PER_MS) for value in values]


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────

_TOLD = (
    *("client", "client_port", "server", "server_port", "conn_state", "client_packets", "server_packets"),
    *("client_unique_bytes", "server_unique_bytes", "client_missing_bytes", "server_missing_bytes"),
    *("client_sent_again", "server_sent_again", "client_out_of_order", "server_out_of_order"),
    *("client_duplicate_acks", "server_duplicate_acks", "client_zero_windows", "server_zero_windows"),
    *("start_time", "duration_ms", "first_frame", "last_frame"),
)
"""Fields of a connection that its row is made of."""


def tcp_grid(connections: Connections, clock: Clock) -> Grid:
    """Return the connections column by column, in the order of the table's columns."""
    count = min(len(connections), MAX_GRID_ROWS)
    told = zip(*connections.outlines(lambda *values: values, _TOLD, range(count)).values(), strict=True)
    of = dict(zip(_TOLD, told, strict=True))

    def both(name: str) -> list[int]:
        return list(map(add, of[f"client_{name}"], of[f"server_{name}"]))

    def ends(side: str) -> Texts:
        keys = list(zip(of[side], of[f"{side}_port"], strict=True))
        return coded(keys, lambda n: Cell(safe(endpoint(*keys[n]))))

    starts = of["start_time"]
    lasts = [start + round(ms * NS_PER_MS) for start, ms in zip(starts, of["duration_ms"], strict=True)]
    # Of two neighbours there is nothing between; else the frames between may be another connection's: the stream tells.
    ends_of = zip(of["first_frame"], of["last_frame"], strict=True)
    spans = [span if span[1] - span[0] < 2 else () for span in ends_of]
    columns: tuple[Texts | Numbers, ...] = (
        Numbers(range(count), "plain", link="stream"),
        ends("client"),
        ends("server"),
        coded(of["conn_state"], lambda n: Cell(safe(of["conn_state"][n]))),
        Numbers(of["client_packets"], "count"),
        Numbers(of["server_packets"], "count"),
        Numbers(of["client_unique_bytes"], "bytes"),
        Numbers(of["server_unique_bytes"], "bytes"),
        Numbers(both("missing_bytes"), "bytes"),
        _bad(both("sent_again")),
        _bad(both("out_of_order")),
        Numbers(both("duplicate_acks"), "count"),
        _bad(both("zero_windows")),
    )
    marks: dict[str, Texts | Numbers | int] = {
        "host": coded(of["server"], lambda n: Cell(safe(of["server"][n]))),
        "stream": 0,
        "proto": Texts(["tcp"]),
        "dur": Numbers(_us(of["duration_ms"]), "ms", US_PER_MS),
        "from": instants(starts, clock),
        "to": instants(lasts, clock),
        "frames": coded(spans, lambda n: Cell("-".join(map(str, sorted(set(spans[n])))))),
    }
    return Grid(count, columns, marks, "stream", 0)


def _bad(values: list[int]) -> Numbers:
    """Return a column of counts in which anything but zero stands out."""
    return Numbers(values, "count", odd={n: cells.count(value, bad=True) for n, value in enumerate(values) if value})
