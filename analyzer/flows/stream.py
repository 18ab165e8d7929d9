"""One direction of a connection as bytes in order, with holes kept out of band.

Invariants of a :class:`ByteStream`:

* pieces are sorted by offset and never overlap; each byte belongs to the piece (so the frame and time) that is
  credited with carrying it first;
* a hole is only ever a distance between two pieces (or up to ``end``): nothing stands in for missing bytes;
* bytes are read from the capture when asked for, never copied before.

Prints as ``[data 0-1460) (hole 1460-2920) [data 2920-4000)`` so that failures read themselves.
Offset 0 is the first byte after the SYN; without a SYN it is the first byte seen.

Parsers ask for one offset after the other, mostly near the last one. So a page of pieces is kept as Python numbers
around the offset asked for last, and most questions are answered from it; whole-stream questions go to the columns.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes [start, end) that were sent but not captured.

    Attributes:
        before_frame: the frame that carried the byte before the hole, None at the start.
        after_frame: the frame that carried the byte after the hole, None at the end.
    """

    start: int
    end: int
    before_frame: int | None
    after_frame: int | None


class PieceReader(Protocol):
    """Reads captured bytes of a piece."""

    def __call__(self, piece: int, skip: int, size: int) -> bytes:
        """Return up to ``size`` bytes of piece number ``piece`` after its first ``skip`` bytes."""


Acks = Callable[[int], int]
"""Gives the acknowledgement that the segment of piece number so-and-so bears, as an offset in the peer's stream; below
zero when it bears none."""
Column = NDArray[np.int64] | list[int]
Columns = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

PAGE = 256
"""Pieces turned into Python numbers at a time; a stream given as lists is one page."""

HELD_BYTES = 4096
"""A piece up to this size is read whole when any of it is, and held: its beginning, head and body are asked for in
turn. A larger one (a super-segment) may be a body nobody asks for."""

_FAR = 1 << 62


class ByteStream:
    """One direction of one connection, reassembled.

    Attributes:
        start: offset of the first byte that is known to exist (0 unless bytes before the capture are known of).
        end: one past the last byte known to exist: captured, acknowledged by the peer, or before the FIN.
        finished: this side's FIN was seen, so nothing follows ``end``.
        reset: the connection was reset; nothing follows either.
        from_start: the SYN was seen, so offset 0 really is the first byte of the stream.
        heard: any packet of this side was captured, with data or without.
        has_acks: :meth:`acknowledged` may know something.
    """

    __slots__ = (
        "_acks",
        "_breaks",
        "_columns",
        "_count",
        "_first",
        "_frames",
        "_held",
        "_held_at",
        "_high",
        "_highs",
        "_low",
        "_lows",
        "_read",
        "_sums",
        "_times",
        "end",
        "finished",
        "from_start",
        "has_acks",
        "heard",
        "reset",
        "start",
    )

    def __init__(
        self,
        starts: Column,
        ends: Column,
        frames: Column,
        times: Column,
        read: PieceReader,
        *,
        end: int | None = None,
        finished: bool = False,
        reset: bool = False,
        from_start: bool = True,
        heard: bool | None = None,
        acks: Acks | None = None,
    ) -> None:
        """Take pieces that already satisfy the invariants.

        Args:
            starts, ends: (m,) int64 stream offsets of the pieces. Short columns may come as lists.
            frames: (m,) int64, 1-based frame that carried each piece.
            times: (m,) int64 ns, when that frame was seen.
            read: gives a piece's bytes.
            end: see the class; never below ``ends[-1]``.
            heard: when None, what there is of data, SYN and FIN tells it.
            acks: what the segments of the pieces acknowledge; None when nobody knows (decrypted data).
        """
        self._read = read
        self._columns: Columns | None = None
        self._breaks: NDArray[np.int64] | None = None
        self._sums: NDArray[np.int64] | None = None
        self._held_at, self._held = -1, b""
        # The page: pieces from number _first on, which answer for offsets in [_low, _high).
        self._first, self._low, self._high = 0, _FAR, -_FAR
        self._lows: list[int] = []
        self._highs: list[int] = []
        self._frames: list[int] = []
        self._times: list[int] = []
        self._count = len(starts)
        if isinstance(starts, list):
            assert isinstance(ends, list)
            assert isinstance(frames, list)
            assert isinstance(times, list)
            self._lows, self._highs, self._frames, self._times = starts, ends, frames, times
            self._low, self._high = -_FAR, _FAR
        else:
            self._columns = tuple(np.asarray(column, np.int64) for column in (starts, ends, frames, times))  # type: ignore[assignment]
        last = int(ends[-1]) if self._count else 0
        self.end = last if end is None or end < last else end
        self.start = min(0, int(starts[0])) if self._count else 0
        self.finished, self.reset, self.from_start = finished, reset, from_start
        self.heard = self._count > 0 or from_start or finished if heard is None else heard
        self._acks, self.has_acks = acks, acks is not None

    def __repr__(self) -> str:
        words, position = [], self.start
        for low, high in self.runs():
            if low > position:
                words.append(f"(hole {position}-{low})")
            words.append(f"[data {low}-{high})")
            position = high
        if self.end > position:
            words.append(f"(hole {position}-{self.end})")
        return " ".join(words) or "(empty)"

    def __len__(self) -> int:
        return self._count

    # ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _at(self, offset: int) -> int:
        """Return where in the page the last piece lies that begins at or before ``offset``; -1 before the first."""
        if not self._low <= offset < self._high:
            self._turn(int(self.pieces()[0].searchsorted(offset, "right")) - 1)
        return bisect_right(self._lows, offset) - 1

    def _turn(self, piece: int) -> None:
        """Take the page around a piece, most of it behind: reading goes on."""
        first = max(piece - PAGE // 8, 0)
        last = first + PAGE
        starts, ends, frames, times = self.pieces()
        self._first = first
        self._lows, self._highs = starts[first:last].tolist(), ends[first:last].tolist()
        self._frames, self._times = frames[first:last].tolist(), times[first:last].tolist()
        self._low = self._lows[0] if first else -_FAR
        self._high = int(starts[last]) if last < self._count else _FAR

    def _piece_bytes(self, k: int, skip: int, size: int) -> bytes:
        """Return bytes of the piece at position ``k`` of the page."""
        piece = self._first + k
        if self._held_at == piece:
            return self._held[skip : skip + size]
        whole = self._highs[k] - self._lows[k]
        if whole > HELD_BYTES:
            return self._read(piece, skip, size)
        self._held_at, self._held = piece, self._read(piece, 0, whole)
        return self._held[skip : skip + size]

    # ── questions about an offset ────────────────────────────────────────────────────────────────────────────────

    def read(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` contiguous captured bytes from ``offset``; stops at a hole, empty inside one."""
        k = self._at(offset)
        if k < 0 or size <= 0 or (have := self._highs[k] - offset) <= 0:
            return b""
        if size <= have:
            return self._piece_bytes(k, offset - self._lows[k], size)
        parts, position, want = [], offset, size
        while want > 0 and k >= 0 and (have := self._highs[k] - position) > 0:
            part = self._piece_bytes(k, position - self._lows[k], min(want, have))
            if not part:
                break
            parts.append(part)
            position += len(part)
            want -= len(part)
            k = self._at(position)
        return b"".join(parts)

    def at(self, offset: int) -> tuple[int, int] | None:
        """Return (frame, time in ns) that carried the byte at ``offset``; None when it was not captured."""
        k = self._at(offset)
        return None if k < 0 or offset >= self._highs[k] else (self._frames[k], self._times[k])

    def acknowledged(self, offset: int) -> int | None:
        """Return how far this side had the peer's stream when it sent the byte at ``offset``; None when unknown.

        It is the acknowledgement (RFC 9293 section 3.4) of the segment that carried the byte. A byte that was not
        captured was sent with the number of the last captured one before it, or a higher one: that is returned.
        """
        if self._acks is None:
            return None
        k = self._at(offset)
        if k < 0 or (told := self._acks(self._first + k)) < 0:
            return None
        return told

    def next_captured(self, offset: int) -> int | None:
        """Return the first captured offset at or after ``offset``, None when nothing follows."""
        k = self._at(offset)
        if k >= 0 and offset < self._highs[k]:
            return offset
        if k + 1 < len(self._lows):
            return self._lows[k + 1]
        return self._high if self._high < _FAR else None

    def run_end(self, offset: int) -> int:
        """Return where the captured run holding ``offset`` ends; ``offset`` itself when that byte is missing."""
        k = self._at(offset)
        if k < 0 or offset >= self._highs[k]:
            return offset
        last = self._last_of_runs()
        return int(self.pieces()[1][last[last.searchsorted(self._first + k)]])

    # ── questions about a range ──────────────────────────────────────────────────────────────────────────────────

    def _span(self, low: int, high: int) -> tuple[int, int]:
        """Return the pieces, from and up to, that hold bytes of [low, high)."""
        k = self._at(low)
        if k < 0 or low >= self._highs[k]:
            k += 1
        i = self._first + k
        if high <= low:
            return i, i
        if high <= self._high:
            return i, max(self._first + bisect_left(self._lows, high), i)
        return i, max(int(self.pieces()[0].searchsorted(high, "left")), i)

    def first_in(self, low: int, high: int) -> tuple[int, int] | None:
        """Return (frame, time) of the earliest-seen captured byte in [low, high), None without one."""
        return self._extreme(low, high, earliest=True)

    def last_in(self, low: int, high: int) -> tuple[int, int] | None:
        """Return (frame, time) of the latest-seen captured byte in [low, high): when the range was whole."""
        return self._extreme(low, high, earliest=False)

    def _extreme(self, low: int, high: int, *, earliest: bool) -> tuple[int, int] | None:
        """Return (frame, time) of a range's first or last piece in time; those of one instant were captured in order
        of their frames."""
        i, j = self._span(low, high)
        if i >= j:
            return None
        if j - self._first <= len(self._lows):
            a, b = i - self._first, j - self._first
            if b - a == 1:
                return self._frames[a], self._times[a]
            seen = zip(self._times[a:b], self._frames[a:b], strict=True)
            time, frame = min(seen) if earliest else max(seen)
            return frame, time
        _, _, all_frames, all_times = self.pieces()
        times = all_times[i:j]
        ties = np.flatnonzero(times == (times.min() if earliest else times.max()))
        frames = all_frames[i:j][ties]
        k = i + int(ties[frames.argmin() if earliest else frames.argmax()])
        return int(all_frames[k]), int(all_times[k])

    def missing(self, low: int, high: int) -> int:
        """Return how many bytes of [low, high) were not captured."""
        if high <= low:
            return 0
        i, j = self._span(low, high)
        if i >= j:
            return high - low
        if j - self._first <= len(self._lows) and j - i <= 4:
            a, b = i - self._first, j - self._first
            held = sum(self._highs[a:b]) - sum(self._lows[a:b])
            first, last = self._lows[a], self._highs[b - 1]
        else:
            starts, ends, _, _ = self.pieces()
            if self._sums is None:  # bytes held before each piece: any range is then answered at once
                self._sums = np.concatenate(([0], np.cumsum(ends - starts)))
            held = int(self._sums[j] - self._sums[i])
            first, last = int(starts[i]), int(ends[j - 1])
        return high - low - (held - max(low - first, 0) - max(last - high, 0))

    def frames(self, low: int, high: int) -> NDArray[np.int64]:
        """Return the frames that carried bytes of [low, high), in stream order."""
        i, j = self._span(low, high)
        return self.pieces()[2][i:j]

    def times(self, low: int, high: int) -> NDArray[np.int64]:
        """Return when the pieces of [low, high) were seen (ns), in stream order."""
        i, j = self._span(low, high)
        return self.pieces()[3][i:j]

    def piece_starts(self, low: int, high: int) -> list[int]:
        """Return the offsets in [low, high) at which a captured segment begins (for resynchronising)."""
        starts = self.pieces()[0]
        i, j = starts.searchsorted((low, high))
        return starts[i:j].tolist()  # type: ignore[no-any-return]

    # ── the whole stream ─────────────────────────────────────────────────────────────────────────────────────────

    def pieces(self) -> Columns:
        """Return (starts, ends, frames, times ns) of all pieces in stream order, each (m,) int64."""
        if self._columns is None:
            given = (self._lows, self._highs, self._frames, self._times)
            starts, ends, frames, times = (np.array(column, np.int64) for column in given)
            self._columns = starts, ends, frames, times
        return self._columns

    def runs(self) -> Iterator[tuple[int, int]]:
        """Yield each contiguous captured run as (start, end)."""
        starts, ends, _, _ = self.pieces()
        last = self._last_of_runs()
        first = np.concatenate(([0], last[:-1] + 1)) if last.size else last
        yield from zip(starts[first].tolist(), ends[last].tolist(), strict=True)

    def _last_of_runs(self) -> NDArray[np.int64]:
        """Return the piece that each run ends with; found once, because parsers ask at every message."""
        if self._breaks is None:
            starts, ends, _, _ = self.pieces()
            inner = np.flatnonzero(starts[1:] != ends[:-1])
            self._breaks = np.append(inner, starts.size - 1) if starts.size else inner
        return self._breaks

    def gaps(self, low: int | None = None, high: int | None = None) -> list[Gap]:
        """Return the holes inside [low, high) (the whole stream by default), in order."""
        low = self.start if low is None else low
        high = self.end if high is None else high
        starts, ends, frames, _ = self.pieces()
        out: list[Gap] = []
        position, before = low, None
        i, j = self._span(low, high)
        edges: list[int] = []
        if j > i:
            edges = [i, *(np.flatnonzero(starts[i + 1 : j] != ends[i : j - 1]) + i + 1).tolist()]
        for k in edges:
            if starts[k] > position:
                before = int(frames[k - 1]) if k > 0 else None
                out.append(
                    Gap(
                        position if k == i else int(ends[k - 1]),
                        int(starts[k]),
                        before,
                        int(frames[k]),
                    )
                )
            position = int(starts[k]) + 1
        last = int(ends[j - 1]) if j > 0 else low
        if high > max(last, low):
            out.append(Gap(max(last, low), high, int(frames[j - 1]) if j > 0 else None, None))
        return out


def memory_stream(
    pieces: Iterable[tuple[int, bytes, int, int]],
    *,
    end: int | None = None,
    finished: bool = False,
    reset: bool = False,
    from_start: bool = True,
) -> ByteStream:
    """Make a stream from (offset, bytes, frame, time) pieces that do not overlap (decrypted data, tests).

    Nothing is known of acknowledgements.
    """
    held = sorted((p for p in pieces if p[1]), key=lambda p: p[0])
    starts = np.array([p[0] for p in held], np.int64)
    ends = starts + np.array([len(p[1]) for p in held], np.int64)
    frames = np.array([p[2] for p in held], np.int64)
    times = np.array([p[3] for p in held], np.int64)
    return ByteStream(
        starts,
        ends,
        frames,
        times,
        lambda piece, skip, size: held[piece][1][skip : skip + size],
        end=end,
        finished=finished,
        reset=reset,
        from_start=from_start,
    )
