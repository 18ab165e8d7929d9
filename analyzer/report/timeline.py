"""The timeline's facts: everything with a beginning and an end, in lanes, packed so that bars do not hide each other.

Times are seconds since the capture's first packet. A lane with more events than can be drawn shows failures first, then
what took longest, and has a row that counts all of them over time: nothing is out of sight.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analyzer.analysis import Analysis
from analyzer.report.cells import Clock
from analyzer.report.timeline_events import Events, events
from analyzer.units import NS_PER_S

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

MAX_DENSITY_BINS = 400
"""Bins of the row that counts a crowded lane's events: each some two pixels wide on a wide screen."""


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
class Density:
    """How many events began in each bin of the axis, and how many of them failed; times in seconds."""

    begin: float
    width: float
    counts: tuple[int, ...]
    failures: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane of the timeline.

    Attributes:
        items: its bars, packed into ``rows`` sub-rows; total, failures: how many there are in all.
        density: all of its events over time, where not all are drawn.
    """

    name: str
    items: tuple[Item, ...]
    rows: int
    total: int
    failures: int
    density: Density | None = None


@dataclass(frozen=True, slots=True)
class Strip:
    """Throughput: left edges of the bins in seconds, and Mbit/s in each."""

    seconds: tuple[float, ...]
    mbit: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TimelineFact:
    """The whole timeline; ``begin`` and ``end`` are where its axis does, in seconds."""

    lanes: tuple[Lane, ...]
    strip: Strip
    begin: float
    end: float

    @property
    def shown(self) -> int:
        """Bars drawn."""
        return sum(len(lane.items) for lane in self.lanes)

    @property
    def total(self) -> int:
        """Bars that exist."""
        return sum(lane.total for lane in self.lanes)

    @property
    def failures(self) -> int:
        """Events that failed, drawn or not."""
        return sum(lane.failures for lane in self.lanes)

    @property
    def first(self) -> str:
        """The axis's beginning for people to type, rounded outwards to a millisecond."""
        return _typed(math.floor(self.begin * 1000))

    @property
    def last(self) -> str:
        """The axis's end for people to type, rounded outwards to a millisecond."""
        return _typed(math.ceil(self.end * 1000))


def _typed(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}".rstrip("0").rstrip(".")


def timeline(analysis: Analysis, clock: Clock) -> TimelineFact:
    """Draw up the timeline of a capture."""
    found = {name: lane for name, lane in events(analysis).items() if len(lane)} if clock.start is not None else {}
    span = (analysis.capture.duration_ms or 0.0) / 1000
    begin = min([0.0, *(_seconds(int(lane.starts.min()), clock) for lane in found.values())])
    end = max([span, begin + 1e-6, *(_seconds(int(lane.ends.max()), clock) for lane in found.values())])
    lanes = tuple(_lane(name, lane, clock, begin, end) for name, lane in found.items())
    return TimelineFact(lanes, _strip(analysis, clock), begin, end)


def _seconds(time_ns: int, clock: Clock) -> float:
    return round(clock.seconds(time_ns) or 0.0, 9)


def _lane(name: str, lane: Events, clock: Clock, begin: float, end: float) -> Lane:
    """Choose what is drawn of a lane, describe only that, and count all of it where it is not all."""
    items = []
    for k in _choose(lane, MAX_BARS[name]):
        anchor, words, failure = lane.describe(int(lane.rows[k]))
        times = _seconds(int(lane.starts[k]), clock), _seconds(int(lane.ends[k]), clock)
        items.append(Item(name, *times, anchor, words, failure))
    packed, rows = _pack(items, MAX_ROWS[name], end - begin)
    crowded = len(lane) > len(packed)
    density = _density(lane, clock, begin, end) if crowded else None
    return Lane(name, packed, rows, len(lane), int(lane.failed.sum()), density)


def _choose(lane: Events, limit: int) -> list[int]:
    """Keep failures first, then the longest; in time order."""
    kept = np.lexsort((lane.starts - lane.ends, ~lane.failed))[:limit]
    return [int(kept[k]) for k in np.lexsort((kept, lane.ends[kept], lane.starts[kept]))]


def _pack(items: Sequence[Item], limit: int, span: float) -> tuple[tuple[Item, ...], int]:
    """Give each item the first sub-row that is free when it starts; a failure keeps room for its word."""
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
        out.append(replace(item, row=row))
    return tuple(out), max(used, 1)


def _density(lane: Events, clock: Clock, begin: float, end: float) -> Density:
    """Count the events that began in each bin of the axis."""
    width = (end - begin) / MAX_DENSITY_BINS
    at = ((lane.starts - (clock.start or 0)) / NS_PER_S - begin) / width
    bins = np.clip(at.astype(np.int64), 0, MAX_DENSITY_BINS - 1)
    counts = np.bincount(bins, minlength=MAX_DENSITY_BINS)
    failures = np.bincount(bins[lane.failed], minlength=MAX_DENSITY_BINS)
    return Density(begin, width, tuple(counts.tolist()), tuple(failures.tolist()))


def _strip(analysis: Analysis, clock: Clock) -> Strip:
    """Turn bytes per bin into Mbit/s, joining bins until there are few enough to draw."""
    flow = analysis.throughput
    counts = np.asarray(flow.bytes, np.int64)
    if not counts.size or flow.bin_ns <= 0:
        return Strip((), ())
    fold = -(-counts.size // MAX_STRIP_BINS)
    padded = np.zeros(-(-counts.size // fold) * fold, np.int64)
    padded[: counts.size] = counts
    sums = padded.reshape(-1, fold).sum(axis=1)
    width = flow.bin_ns * fold / NS_PER_S
    first = clock.seconds(flow.start_time) or 0.0
    seconds = first + np.arange(sums.size) * width
    mbit = sums * 8 / width / 1e6
    return Strip(tuple(seconds.round(6).tolist()), tuple(mbit.round(6).tolist()))
