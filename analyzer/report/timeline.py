"""The timeline's facts: everything with a beginning and an end, in lanes, packed so that bars do not hide each other.

Times are seconds since the capture's first packet. Where there is more than can be drawn, failures come first, then
what took longest; the number left out is part of the facts.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from analyzer.addresses import endpoint
from analyzer.analysis import Analysis
from analyzer.flows.model import HANDSHAKES
from analyzer.report.cells import Clock
from analyzer.report.connections import cut_off, unanswered
from analyzer.report.icmp import failed_icmp
from analyzer.report.protocols import dns_failed
from analyzer.report.requests import pieces, status_text, tone, total_ms
from analyzer.units import NS_PER_MS, NS_PER_S, human_ms
from analyzer.visits.traceroutes import probing

MAX_BARS = {"ARP": 150, "DNS": 600, "TCP": 1200, "TLS": 350, "HTTP": 1100, "other": 100}
"""Bars drawn in each lane, 3,500 in all: plotly draws those in a third of a second, 20,000 in three."""

MAX_ROWS = {"ARP": 2, "DNS": 5, "TCP": 12, "TLS": 4, "HTTP": 12, "other": 2}
"""Sub-rows of each lane; what does not fit lies over the bar that ends first."""

MAX_STRIP_BINS = 1000
"""Points of the throughput strip: one a pixel."""

WORD_ROOM, LETTER_ROOM = 0.012, 0.007
"""Shares of the axis that a failure's ✕ needs, and each letter of the word beside it."""

WORD_LETTERS = 24
"""Letters written of a failure; its bar's words have them all."""

LANES = ("ARP", "DNS", "TCP", "TLS", "HTTP", "other")


@dataclass(frozen=True, slots=True)
class Item:
    """Something that took time; ``failure`` is a word, empty when all went well."""

    lane: str
    start: float
    end: float
    anchor: str
    words: str
    failure: str = ""
    row: int = 0

    def room(self, span: float) -> float:
        """Return how many seconds of an axis of ``span`` seconds the ✕ and its word need; 0 where all went well."""
        letters = min(len(self.failure), WORD_LETTERS)
        return (WORD_ROOM + LETTER_ROOM * letters) * span if letters else 0.0


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane of the timeline: its bars packed into ``rows`` sub-rows, and how many there are in all."""

    name: str
    items: tuple[Item, ...]
    rows: int
    total: int


@dataclass(frozen=True, slots=True)
class Strip:
    """Throughput: left edges of the bins in seconds, Mbit/s in each, and the width of a bin in ms."""

    seconds: tuple[float, ...]
    mbit: tuple[float, ...]
    bin_ms: float


@dataclass(frozen=True, slots=True)
class TimelineFact:
    """The whole timeline."""

    lanes: tuple[Lane, ...]
    strip: Strip
    duration: float

    @property
    def shown(self) -> int:
        """Bars drawn."""
        return sum(len(lane.items) for lane in self.lanes)

    @property
    def total(self) -> int:
        """Bars that exist."""
        return sum(lane.total for lane in self.lanes)


def timeline(analysis: Analysis, clock: Clock) -> TimelineFact:
    """Draw up the timeline of a capture."""
    sources: dict[str, list[Item]] = {
        "ARP": _arp(analysis, clock),
        "DNS": _dns(analysis, clock),
        "TLS": _tls(analysis, clock),
        "HTTP": _http(analysis, clock),
        "other": _other(analysis, clock),
    }
    span = (analysis.capture.duration_ms or 0.0) / 1000
    lanes = []
    for name in LANES:
        if name == "TCP":
            items, total = _tcp(analysis, clock)
        else:
            items, total = sources[name], len(sources[name])
        if total:
            lanes.append(_pack(name, _choose(items, MAX_BARS[name]), total, span))
    return TimelineFact(tuple(lanes), _strip(analysis, clock), span)


def _choose(items: Sequence[Item], limit: int) -> list[Item]:
    """Keep failures first, then the longest; in time order."""
    kept = sorted(items, key=lambda item: (not item.failure, item.start - item.end))[:limit]
    return sorted(kept, key=lambda item: (item.start, item.end, item.anchor))


def _pack(name: str, items: Sequence[Item], total: int, span: float) -> Lane:
    """Give each item the first sub-row that is free when it starts; a failure keeps room for its word."""
    limit = MAX_ROWS[name]
    busy: list[tuple[float, int]] = []  # (end, row) of rows in use
    free: list[int] = []
    used = 0
    out = []
    for item in items:
        while busy and busy[0][0] <= item.start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if free:
            row = heapq.heappop(free)
        elif used < limit:
            row, used = used, used + 1
        else:
            row = heapq.heappop(busy)[1]
        heapq.heappush(busy, (item.end + item.room(span), row))
        out.append(Item(item.lane, item.start, item.end, item.anchor, item.words, item.failure, row))
    return Lane(name, tuple(out), max(used, 1), total)


def _item(
    lane: str, clock: Clock, start: int | None, end: int | None, anchor: str, words: str, failure: str = ""
) -> Iterable[Item]:
    low = clock.seconds(start if start is not None else end)
    high = clock.seconds(end if end is not None else start)
    if low is not None and high is not None:
        yield Item(lane, round(low, 9), round(max(high, low), 9), anchor, words, failure)


def _after(start: int | None, ms: float | None) -> int | None:
    return None if start is None else start + round((ms or 0.0) * NS_PER_MS)


def _arp(analysis: Analysis, clock: Clock) -> list[Item]:
    out: list[Item] = []
    for n, row in enumerate(analysis.arp):
        silent = row.outcome == "unanswered" and row.kind != "probe"
        failure = "conflict" if row.conflict else "no answer" if silent else ""
        words = f"ARP {row.target_ip or 'unknown'}: {row.answer_mac or row.outcome.replace('_', ' ')}"
        end = row.reply_time if row.reply_time is not None else _after(row.request_time, row.latency_ms)
        out += _item("ARP", clock, row.request_time, end, f"arp-{n + 1}", words, failure)
    return out


def _dns(analysis: Analysis, clock: Clock) -> list[Item]:
    out: list[Item] = []
    for n, row in enumerate(analysis.dns):
        failed = dns_failed(row) and row.caused_by is None  # a resolver's own question fails with its client's
        failure = (row.rcode if row.rcode not in (None, "NOERROR") else "no answer") if failed else ""
        words = f"DNS {row.qname} {row.qtype}: {human_ms(row.latency_ms)}"
        end = row.response_time if row.response_time is not None else _after(row.query_time, row.latency_ms)
        out += _item("DNS", clock, row.query_time, end, f"dns-{n + 1}", words, failure or "")
    return out


def _tls(analysis: Analysis, clock: Clock) -> list[Item]:
    out: list[Item] = []
    for row in analysis.tls:
        failure = (row.alerts[0].description if row.alerts else "failed") if row.outcome == "failed" else ""
        words = f"TLS {row.sni or 'unnamed'} {row.version or ''}: {human_ms(row.handshake_ms)}"
        end = row.finished_time if row.finished_time is not None else row.server_hello_time
        out += _item("TLS", clock, row.client_hello_time, end, f"stream-{row.stream}", words, failure)
    return out


def _http(analysis: Analysis, clock: Clock) -> list[Item]:
    out: list[Item] = []
    for n, row in enumerate(analysis.http):
        parts = pieces(row)
        if not parts:
            continue
        failure = status_text(row) if tone(row) in ("bad", "warn") else ""
        words = f"{row.method or '?'} {row.host or ''}{row.target or ''} {status_text(row)}: {human_ms(total_ms(row))}"
        out += _item("HTTP", clock, parts[0][1], parts[-1][2], f"http-{n + 1}", words, failure)
    return out


def _other(analysis: Analysis, clock: Clock) -> list[Item]:
    out: list[Item] = []
    failed = set(failed_icmp(analysis.icmp, probing(analysis.traceroutes)))
    for n, row in enumerate(analysis.icmp):
        said = {"unanswered": "no answer", "error": row.meaning.rpartition(": ")[2]}
        failure = said.get(row.outcome, "") if n in failed else ""
        words = f"ICMP {row.source} to {row.destination}: {row.meaning}"
        out += _item("other", clock, row.time, _after(row.time, row.latency_ms), f"icmp-{n + 1}", words, failure)
    return out


def _tcp(analysis: Analysis, clock: Clock) -> tuple[list[Item], int]:
    """Choose among the connections by column, since there may be a million, and draw up only those."""
    table = analysis.connections
    total = len(table)
    if not total:
        return [], 0
    handshake = np.asarray(table.columns["handshake"])
    refused = handshake == HANDSHAKES.index("refused")
    silent = unanswered(table)
    reset = cut_off(table)
    starts = np.asarray(table.columns["start_time"], np.int64)
    duration = np.asarray(table.columns["end_time"], np.int64) - starts
    order = np.lexsort((-duration, ~(refused | silent | reset)))[: MAX_BARS["TCP"]]
    out: list[Item] = []
    for stream in sorted(order.tolist()):
        start = int(starts[stream])
        failure = "refused" if refused[stream] else "no answer" if silent[stream] else "reset" if reset[stream] else ""
        row = table.row(stream)
        words = f"TCP {endpoint(row.client, row.client_port)} to {endpoint(row.server, row.server_port)}"
        words += f": {human_ms(row.duration_ms)}"
        out += _item("TCP", clock, start, _after(start, row.duration_ms), f"stream-{stream}", words, failure)
    return out, total


def _strip(analysis: Analysis, clock: Clock) -> Strip:
    """Turn bytes per bin into Mbit/s, joining bins until there are few enough to draw."""
    flow = analysis.throughput
    counts = np.asarray(flow.bytes, np.int64)
    if not counts.size or flow.bin_ns <= 0:
        return Strip((), (), 0.0)
    fold = -(-counts.size // MAX_STRIP_BINS)
    padded = np.zeros(-(-counts.size // fold) * fold, np.int64)
    padded[: counts.size] = counts
    sums = padded.reshape(-1, fold).sum(axis=1)
    width = flow.bin_ns * fold
    first = clock.seconds(flow.start_time) or 0.0
    seconds = first + np.arange(sums.size) * (width / NS_PER_S)
    mbit = sums * 8 / (width / NS_PER_S) / 1e6
    return Strip(tuple(seconds.round(6).tolist()), tuple(mbit.round(6).tolist()), width / NS_PER_MS)
