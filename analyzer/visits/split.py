"""What a wait and a download were made of: lost packets, the receiver's window, and the rest.

Most connections lose nothing and never close their window: one look at the labels of all segments tells which did, and
only those are looked into. There the segments of one request or answer are found by binary search, so that the work
stays proportional to the traffic however many requests share a connection.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.flows.build import Flows
from analyzer.flows.model import DOUBLED, NEEDLESS, NOTHING_NEW, REORDERED, TWICE, Label, Segments
from analyzer.schema import HttpRow
from analyzer.units import NS_PER_MS

MAX_REPEATS = 256
"""Repeated segments looked at for one request, the latest ones; nobody sends one more often, and where hostile requests
overlap the work would be quadratic without a limit."""
TIMEOUT_NS = 200 * NS_PER_MS
"""The shortest time that common systems wait before they send the last packet of an answer again (Linux's minimum; RFC
6298 section 2.4 asks for a second). A shorter pause is not one of them."""
_NO_REPEAT = (NEEDLESS, REORDERED, TWICE, DOUBLED)
"""Verdicts on segments that repaired nothing: the wait was not for them."""
_FOREVER = np.int64(1 << 61)


class Splitter:
    """Splits the waits and downloads of HTTP rows; remembers the stream it looked at last."""

    def __init__(self, flows: Flows) -> None:
        s = flows.segments
        self._flows = flows
        self._repeats = _repeats(s)
        late = np.flatnonzero(~s.from_client & ((s.label & NOTHING_NEW) != 0))
        shut = np.flatnonzero(s.from_client & ((s.label & Label.ZERO_WINDOW) != 0))
        self._repeated = _streams(s, self._repeats)
        self._disordered = _streams(s, late)
        self._shutting = _streams(s, shut)
        self._stream = -1
        self._begins = self._lasts = self._before = np.zeros(0, np.int64)

    # ── the wait ─────────────────────────────────────────────────────────────────────────────────────────────────

    def request_loss_ns(self, row: HttpRow, sent: int, confirmed: int) -> int:
        """Return the time from the end of the request's first transmission to the one that got through.

        The one that got through is the last before the server acknowledged all of the request, or answered.

        Args:
            sent: ns, when the last byte of the request was first sent.
            confirmed: ns, when the request was acknowledged; the answer's first byte if it was not before that.
        """
        if row.stream not in self._repeated or row.request_frames is None or row.response_frames is None:
            return 0
        if row.request_offset is None or row.request_end_offset is None:
            return 0
        s = self._flows.segments
        whole = s.of(row.stream)
        bounds = np.array([row.request_frames[0], row.response_frames[0] + 1], s.frame.dtype)
        low, high = whole.start + np.searchsorted(s.frame[whole], bounds)
        first, last = np.searchsorted(self._repeats, [low, high])
        again = self._repeats[max(int(first), int(last) - MAX_REPEATS) : last]
        begin = s.seq[again] - 1
        carries = (begin < row.request_end_offset) & (begin + s.length[again] > row.request_offset)
        times = s.time[again[carries]]
        through = times[times <= confirmed]
        return max(int(through.max()) - sent, 0) if through.size else 0

    def head_loss_ns(self, row: HttpRow) -> int:
        """Return how long later bytes of the response were there before its first byte was."""
        if row.stream not in self._disordered or row.response_time is None:
            return 0
        if row.response_offset is None or row.response_end_offset is None:
            return 0
        server = self._flows.stream(row.stream, client=False)
        early = server.first_in(row.response_offset, row.response_end_offset)
        return max(row.response_time - early[1], 0) if early is not None else 0

    def ends_unseen(self, row: HttpRow) -> bool:
        """Tell whether the last byte of a request, as far as its end is known, was not captured."""
        if not row.request_end_offset:
            return True
        return self._flows.stream(row.stream, client=True).at(row.request_end_offset - 1) is None

    def had_room(self, row: HttpRow, since: int, until: int) -> int | None:
        """Return when the client last said that it has room for an answer, if its window was zero in between.

        Args:
            since, until: ns, what is looked at.

        Returns:
            ns; ``until`` when the window was zero then, None when it never was.
        """
        if row.stream not in self._shutting or (row.request_offset is None and not row.decrypted):
            return None
        self._look_at(row.stream)
        at = int(np.searchsorted(self._begins, until, "right")) - 1
        if at < 0:
            return None
        opened = int(self._begins[at] + self._lasts[at])
        return min(opened, until) if opened > since else None

    # ── the download ─────────────────────────────────────────────────────────────────────────────────────────────

    def receive_ns(self, row: HttpRow, end: int) -> tuple[int, int]:
        """Return how much of the download waited for a hole to be filled, and for the receiver's window (ns).

        Args:
            end: ns, when the response was whole.
        """
        begin = row.response_time
        if begin is None or end <= begin or row.response_offset is None or row.response_end_offset is None:
            return 0, 0
        loss = window = 0
        if row.stream in self._disordered:
            server = self._flows.stream(row.stream, client=False)
            times = server.times(row.response_offset, row.response_end_offset)
            loss = min(_stalled_ns(times, begin), end - begin)
        if row.stream in self._shutting:
            self._look_at(row.stream)
            window = min(self._shut_until(end) - self._shut_until(begin), end - begin - loss)
        return loss, max(window, 0)

    def paused(self, row: HttpRow) -> bool:
        """Tell whether an answer stood still for as long as a server waits before it repeats a last packet."""
        if row.response_offset is None or row.response_end_offset is None:
            return False
        server = self._flows.stream(row.stream, client=False)
        times = np.sort(server.times(row.response_offset, row.response_end_offset))
        return bool((np.diff(times) >= TIMEOUT_NS).any())

    def _look_at(self, stream: int) -> None:
        """Find the times in which the client's window was zero: from saying so to its next segment."""
        if stream == self._stream:
            return
        s = self._flows.segments
        part = s.of(stream)
        mine = np.flatnonzero(s.from_client[part])
        times = s.time[part][mine]
        closed = np.flatnonzero((s.label[part][mine] & Label.ZERO_WINDOW) != 0)
        reopened = np.append(times, _FOREVER)[closed + 1]
        begins = np.maximum.accumulate(times[closed])  # a clock that ran backwards does not count twice
        self._stream, self._begins = stream, begins
        self._lasts = np.minimum(np.maximum(reopened - begins, 0), np.append(begins[1:], _FOREVER) - begins)
        self._before = np.cumsum(self._lasts) - self._lasts

    def _shut_until(self, time: int) -> int:
        """Return for how long the window had been zero in all, up to a moment (ns)."""
        at = int(np.searchsorted(self._begins, time, "right")) - 1
        if at < 0:
            return 0
        return int(self._before[at]) + min(time - int(self._begins[at]), int(self._lasts[at]))


def _repeats(s: Segments) -> NDArray[np.int64]:
    """Return (k,) int64 index, ascending: segments of clients that repeat data and may have repaired a loss."""
    labels = NOTHING_NEW & ~Label.KEEP_ALIVE
    again = np.flatnonzero(s.from_client & ((s.label & labels) != 0) & ((s.label & Label.CAPTURED_TWICE) == 0))
    return again[~np.isin(again, s.judged[np.isin(s.verdict, _NO_REPEAT)])] if s.judged.size else again


def _streams(s: Segments, index: NDArray[np.int64]) -> frozenset[int]:
    """Return the streams that some segments belong to."""
    return frozenset(np.unique(np.searchsorted(s.first, index, "right") - 1).tolist())


def _stalled_ns(times: NDArray[np.int64], since: int) -> int:
    """Return how long, after ``since``, bytes were held back because an earlier byte was still missing.

    Args:
        times: (m,) int64 ns, when each piece was first seen, in stream order.
    """
    if times.size < 2:
        return 0
    later = np.minimum.accumulate(times[::-1])[::-1][1:]
    late = times[:-1] > later
    if not late.any():
        return 0
    total, reach = 0, since
    for begin, stop in sorted(zip(later[late].tolist(), times[:-1][late].tolist(), strict=True)):
        total += max(stop - max(begin, reach), 0)
        reach = max(reach, stop)
    return total
