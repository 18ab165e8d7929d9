"""What a wait and a download were made of: lost packets, the receiver's window, and the rest.

Works on the segments of one response at a time, found by frame number (segments of a stream are in frame order), so
that the work stays proportional to the traffic however many requests share a connection.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.build import Flows
from analyzer.flows.model import DOUBLED, Label
from analyzer.schema import HttpRow
from analyzer.units import NS_PER_MS

MAX_WINDOW_EVENTS = 10_000
"""Zero-window segments looked at for one response."""
_NOT_SENT_AGAIN = Label.KEEP_ALIVE | Label.CAPTURED_TWICE


class Splitter:
    """Splits the waits and downloads of HTTP rows; remembers the stream it looked at last."""

    def __init__(self, flows: Flows) -> None:
        self._flows = flows
        self._stream = -1
        self._shut = np.zeros(0, np.int64)  # segments with which the client closed its window
        self._shut_at = np.zeros(0, np.int64)  # when (ns)
        self._client = np.zeros(0, np.int64)  # all segments of the client, when it ever closed its window

    def _between(self, stream: int, first: int, last: int) -> slice:
        """Return the segments of a stream from frame ``first`` to frame ``last``, both included."""
        s = self._flows.segments
        whole = s.of(stream)
        # In the type of the column: searchsorted would convert all of it otherwise.
        low, high = np.searchsorted(s.frame[whole], np.array([first, last + 1], s.frame.dtype))
        return slice(whole.start + int(low), whole.start + int(high))

    def request_loss_ms(self, row: HttpRow, sent: int) -> float:
        """Return the time from the end of the request's first transmission to the one that got through.

        The one that got through is the last before the server acknowledged all of the request, or answered.

        Args:
            sent: ns, when the last byte of the request was first sent.
        """
        if row.request_frames is None or row.response_frames is None or row.response_time is None:
            return 0.0
        if row.request_offset is None or row.request_end_offset is None:
            return 0.0
        s, part = self._flows.segments, self._between(row.stream, row.request_frames[0], row.response_frames[0])
        client, time = s.from_client[part], s.time[part]
        begin = s.seq[part] - 1
        carries = client & (begin < row.request_end_offset) & (begin + s.length[part] > row.request_offset)
        carries &= ((s.label[part] & _NOT_SENT_AGAIN) == 0) & (s.verdicts(part) != DOUBLED)
        carries &= time <= row.response_time
        if np.count_nonzero(carries) < 2:
            return 0.0
        covers = ~client & ((s.flags[part] & Flag.ACK) != 0) & (s.ack[part] - 1 >= row.request_end_offset)
        covers &= time >= sent
        confirmed = int(time[covers][0]) if covers.any() else row.response_time
        through = time[carries & (time <= confirmed)]
        return max(int(through.max()) - sent, 0) / NS_PER_MS if through.size else 0.0

    def head_loss_ms(self, row: HttpRow) -> float:
        """Return how long later bytes of the response were there before its first byte was."""
        if row.response_offset is None or row.response_end_offset is None or row.response_time is None:
            return 0.0
        server = self._flows.stream(row.stream, client=False)
        early = server.first_in(row.response_offset, row.response_end_offset)
        return max(row.response_time - early[1], 0) / NS_PER_MS if early is not None else 0.0

    def receive(self, row: HttpRow, end: int) -> dict[str, float]:
        """Return how much of the download waited for a hole to be filled, and for the receiver's window.

        Args:
            end: ns, when the response was whole.
        """
        assert row.response_time is not None
        out = {"receive_loss_ms": 0.0, "receive_window_ms": 0.0}
        if end == row.response_time or row.response_offset is None or row.response_end_offset is None:
            return out
        server = self._flows.stream(row.stream, client=False)
        times = server.times(row.response_offset, row.response_end_offset)
        total = (end - row.response_time) / NS_PER_MS
        out["receive_loss_ms"] = min(_stalled_ns(times, row.response_time) / NS_PER_MS, total)
        shut = self._shut_ns(row.stream, row.response_time, end) / NS_PER_MS
        out["receive_window_ms"] = min(shut, total - out["receive_loss_ms"])
        return out

    def _shut_ns(self, stream: int, begin: int, end: int) -> int:
        """Return how long in [begin, end] the client's window was zero: from saying so to its next other segment."""
        s = self._flows.segments
        if stream != self._stream:
            part = s.of(stream)
            closed = np.flatnonzero(s.from_client[part] & ((s.label[part] & Label.ZERO_WINDOW) != 0))
            self._stream, self._shut = stream, closed + part.start
            self._shut_at = s.time[self._shut]
            self._client = np.flatnonzero(s.from_client[part]) + part.start if closed.size else closed
        if not self._shut.size:
            return 0
        first = max(int(np.searchsorted(self._shut_at, begin)) - 1, 0)  # it may have been shut before
        last = min(int(np.searchsorted(self._shut_at, end)), first + MAX_WINDOW_EVENTS)
        total = 0
        for at in self._shut[first:last].tolist():
            since = int(s.time[at])
            if since >= end:
                break
            after = int(np.searchsorted(self._client, at, "right"))
            until = int(s.time[self._client[after]]) if after < self._client.size else end
            total += max(min(until, end) - max(since, begin), 0)
        return total


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
