"""What the findings about TCP share: columns to ask first, names of both ends, a hit about a connection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.findings.model import Hit
from analyzer.findings.thresholds import CLOCK_BACK_MS, ONE_RECORDING_NS
from analyzer.schema import TcpRow
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts

Streams = NDArray[np.int64]


def said(facts: Facts, column: str, names: tuple[str, ...], name: str) -> NDArray[np.bool_]:
    """Return (connections,) bool: where a column of codes has a word."""
    return np.asarray(facts.connections.columns[column] == names.index(name))


def count(facts: Facts, column: str) -> Streams:
    """Return (connections,) int64: a column of numbers."""
    return np.asarray(facts.connections.columns[column], np.int64)


def millis(facts: Facts, column: str) -> NDArray[np.float64]:
    """Return (connections,) float64 ms: a column of durations, 0 where it is unknown."""
    return np.nan_to_num(np.asarray(facts.connections.columns[column], np.float64))


def streams_of(facts: Facts, segments: NDArray[np.int64]) -> Streams:
    """Return the stream of each of some segments (indices into ``facts.segments``)."""
    return np.asarray(np.searchsorted(facts.segments.first, segments, side="right") - 1, np.int64)


def ends(row: TcpRow) -> dict[str, object]:
    """Return the arguments that name a connection."""
    return {"client": row.client, "server": row.server, "server_port": row.server_port, "stream": row.stream}


def hit(row: TcpRow, frames: Sequence[int | None], args: dict[str, object], **more: object) -> Hit:
    """Make a hit about a connection."""
    return Hit({**ends(row), **args}, tuple(frames), "tcp", row.stream, row.stream, **more)  # type: ignore[arg-type]


def pair(facts: Facts, stream: int) -> tuple[int, int, int]:
    """Return (client, server, port) of a connection: what makes several of them one trouble."""
    c = facts.connections
    return int(c.client_host[stream]), int(c.server_host[stream]), int(c.columns["server_port"][stream])


def holes(facts: Facts, side: str) -> Streams:
    """Return (connections,) int64: bytes of a side whose segments are not in the capture, although later ones are.

    What a snap length cut off segments that are there does not count.
    """
    s, low = facts.segments, facts.segments.first[:-1]
    missing = count(facts, f"{side}_missing_bytes")
    if not missing.any():
        return missing
    mine = (s.from_client == (side == "client")) & ((s.flags & Flag.RST) == 0)
    begin = np.where(mine, s.seq + ((s.flags & Flag.SYN) != 0), np.iinfo(np.int64).max)
    end = np.where(mine, s.seq + s.length, np.iinfo(np.int64).min)
    reached, first = np.maximum.reduceat(end, low), np.minimum.reduceat(begin, low)
    span = np.where(reached > first, reached - first, 0)
    hole = np.minimum(missing, np.maximum(span - count(facts, f"{side}_unique_bytes"), 0))
    return np.where(count(facts, f"{side}_packets") > 0, hole, missing)  # of a side never heard all is missing


def jumps(facts: Facts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the clock ran back from one TCP packet to the next, beyond what a recorder's queues explain.

    Returns:
        (j, 2) int64, the frames before and after; (j,) int64 ns, how far it went back.
    """
    s = facts.segments
    time = np.zeros(int(s.frame.max(initial=0)) + 1, np.int64)
    time[s.frame] = s.time
    frame = np.flatnonzero(time)  # others are no TCP, or have no time
    back = time[frame[:-1]] - time[frame[1:]]
    at = np.flatnonzero(back >= CLOCK_BACK_MS * NS_PER_MS)
    return np.stack([frame[at], frame[at + 1]], axis=1), back[at]


def doubtful_silence(facts: Facts) -> set[int]:
    """Return the connections whose silence is known only by a clock that was set, or from recordings put together."""
    silent = sorted({row.stream for row in facts.http if row.outcome_why == "silence"})
    if not silent or jumps(facts)[1].size:
        return set(silent)
    times = np.sort(facts.segments.time)
    last = np.asarray(facts.connections.columns["end_time"], np.int64)[silent]
    after = times[np.minimum(np.searchsorted(times, last, "right"), times.size - 1)]
    return {stream for stream, pause in zip(silent, (after - last).tolist(), strict=True) if pause > ONE_RECORDING_NS}


def paced(facts: Facts) -> bool:
    """Say whether the recorder's times are its own: nobody is to be accused of slowness by them."""
    return facts.capture.clock_step_ms is not None
