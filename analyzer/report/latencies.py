"""How long people wait, as distributions: never a mean alone, which one slow case moves and nobody has experienced.

Percentiles are nearest-rank: a value that was really measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.analysis import Analysis
from analyzer.protocols.dns import table as dns_rows
from analyzer.report import cells
from analyzer.report.cells import Cell, Column, Row, Table, marked
from analyzer.report.requests import durations
from analyzer.report.wording import message, say
from analyzer.units import nearest_rank

MAX_CURVE_POINTS = 1000
"""Points drawn of one latency curve; more differ by less than a pixel."""

Floats = NDArray[np.float64]

KINDS: dict[str, tuple[str, str]] = {
    "dns": (message("DNS lookup"), message("first query to first answer")),
    "connect": (message("TCP connect"), message("first SYN to the ACK that completes the handshake")),
    "tls": (message("TLS handshake"), message("ClientHello until data may flow")),
    "wait": (message("HTTP wait"), message("last byte of the request to first byte of the response")),
    "receive": (
        message("HTTP download"),
        message("first to last byte of the response, where it took more than one packet"),
    ),
}
"""What is waited for → its name, and what is measured."""

PROTOCOLS = {"dns": "dns", "connect": "tcp", "tls": "tls", "wait": "http", "receive": "http"}
"""What is waited for → the protocol that the filter knows it by."""


@dataclass(frozen=True, slots=True)
class LatencyFact:
    """One distribution of durations in ms: sorted values (thinned for drawing) and its percentiles."""

    key: str
    label: str
    meaning: str
    count: int
    values: tuple[float, ...]
    fractions: tuple[float, ...]
    p50: float
    p95: float
    p99: float


def latencies(analysis: Analysis) -> tuple[LatencyFact, ...]:
    """Return the distributions of what people wait for; those without a value are left out."""
    spent = [durations(row) for row in analysis.http]
    samples = {
        "dns": dns_rows.latencies(analysis.dns),
        "connect": np.asarray(analysis.connections.columns["connect_ms"], np.float64),
        "tls": _floats([row.handshake_ms for row in analysis.tls]),
        "wait": _floats([phases["wait"] for phases in spent]),
        "receive": _floats([phases["receive"] or None for phases in spent]),
    }
    out = []
    for key, values in samples.items():
        known = np.sort(values[~np.isnan(values)])
        if known.size:
            out.append(_latency(key, known))
    return tuple(out)


def _floats(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _latency(key: str, values: Floats) -> LatencyFact:
    """Thin a sorted sample to what can be drawn."""
    n = int(values.size)
    picks = np.unique(np.linspace(0, n - 1, min(n, MAX_CURVE_POINTS)).round().astype(np.int64))
    p50, p95, p99 = (percentile(values, q) for q in (50, 95, 99))
    label, meaning = KINDS[key]
    return LatencyFact(
        key,
        say(label),
        say(meaning),
        n,
        tuple(values[picks].round(6).tolist()),
        tuple(((picks + 1) / n).round(6).tolist()),
        p50,
        p95,
        p99,
    )


def percentile(values: Floats, q: int) -> float:
    """Return a nearest-rank percentile of a sorted sample that is not empty."""
    return float(values[nearest_rank(int(values.size), q)])


def latency_table(measured: Sequence[LatencyFact]) -> Table:
    """List the percentiles of each distribution, with the shortest and the longest."""
    columns = (
        Column(say("What"), wide=True, title=say("and, below it, from when to when")),
        Column(say("How many"), numeric=True),
        Column(say("Shortest"), numeric=True),
        Column("p50", numeric=True, title=say("half of them were at most this long")),
        Column("p95", numeric=True, title=say("95 of 100 were at most this long")),
        Column("p99", numeric=True, title=say("99 of 100 were at most this long")),
        Column(say("Longest"), numeric=True),
    )
    rows = tuple(
        Row(
            "",
            (
                Cell(fact.label, why=fact.meaning),
                cells.count(fact.count),
                cells.ms(fact.values[0]),
                cells.ms(fact.p50),
                cells.ms(fact.p95),
                cells.ms(fact.p99),
                cells.ms(fact.values[-1]),
            ),
            marked(proto=PROTOCOLS[fact.key]),
        )
        for fact in measured
    )
    return Table("latency", say("How long things took"), columns, rows, len(rows))
