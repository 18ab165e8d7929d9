"""One direction of a connection as bytes in order, with holes kept out of band.

Invariants of a :class:`ByteStream`:

* pieces are sorted by offset and never overlap; each byte belongs to the piece (so the frame and time) that is
  credited with carrying it first;
* a hole is only ever a distance between two pieces (or up to ``end``): nothing stands in for missing bytes;
* bytes are read from the capture when asked for, never copied before.

Prints as ``[data 0-1460) (hole 1460-2920) [data 2920-4000)`` so that failures read themselves.
Offset 0 is the first byte after the SYN; without a SYN it is the first byte seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


class ByteStream:
    """One direction of one connection, reassembled.

    Attributes:
        start: offset of the first byte that is known to exist (0 unless bytes before the capture are known of).
        end: one past the last byte known to exist: captured, acknowledged by the peer, or before the FIN.
        finished: this side's FIN was seen, so nothing follows ``end``.
        reset: the connection was reset; nothing follows either.
        from_start: the SYN was seen, so offset 0 really is the first byte of the stream.
    """

    __slots__ = (
        "_breaks",
        "_ends",
        "_frames",
        "_read",
        "_starts",
        "_times",
        "end",
        "finished",
        "from_start",
        "reset",
        "start",
    )

    def __init__(
        self,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        frames: NDArray[np.int64],
        times: NDArray[np.int64],
        read: PieceReader,
        *,
        end: int | None = None,
        finished: bool = False,
        reset: bool = False,
        from_start: bool = True,
    ) -> None:
        """Take pieces that already satisfy the invariants.

        Args:
            starts, ends: (m,) int64 stream offsets of the pieces.
            frames: (m,) int64, 1-based frame that carried each piece.
            times: (m,) int64 ns, when that frame was seen.
            read: gives a piece's bytes.
            end: see the class; never below ``ends[-1]``.
        """
        self._starts, self._ends, self._frames, self._times, self._read = starts, ends, frames, times, read
        self._breaks: NDArray[np.int64] | None = None
        last = int(ends[-1]) if ends.size else 0
        self.end = last if end is None else max(end, last)
        self.start = min(0, int(starts[0])) if starts.size else 0
        self.finished, self.reset, self.from_start = finished, reset, from_start

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
        return int(self._starts.size)

    def _piece(self, offset: int) -> int | None:
        i = int(self._starts.searchsorted(offset, "right")) - 1
        return i if i >= 0 and offset < self._ends[i] else None

    def pieces(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return (starts, ends, frames, times ns) of all pieces in stream order, each (m,) int64."""
        return self._starts, self._ends, self._frames, self._times

    def runs(self) -> Iterator[tuple[int, int]]:
        """Yield each contiguous captured run as (start, end)."""
        last = self._last_of_runs()
        first = np.concatenate(([0], last[:-1] + 1)) if last.size else last
        yield from zip(self._starts[first].tolist(), self._ends[last].tolist(), strict=True)

    def _last_of_runs(self) -> NDArray[np.int64]:
        """Return the piece that each run ends with; found once, because parsers ask at every message."""
        if self._breaks is None:
            inner = np.flatnonzero(self._starts[1:] != self._ends[:-1])
            self._breaks = np.append(inner, self._starts.size - 1) if self._starts.size else inner
        return self._breaks

    def run_end(self, offset: int) -> int:
        """Return where the captured run holding ``offset`` ends; ``offset`` itself when that byte is missing."""
        i = self._piece(offset)
        if i is None:
            return offset
        last = self._last_of_runs()
        return int(self._ends[last[last.searchsorted(i)]])

    def next_captured(self, offset: int) -> int | None:
        """Return the first captured offset at or after ``offset``, None when nothing follows."""
        i = int(self._ends.searchsorted(offset, "right"))
        return max(int(self._starts[i]), offset) if i < self._starts.size else None

    def piece_starts(self, low: int, high: int) -> list[int]:
        """Return the offsets in [low, high) at which a captured segment begins (for resynchronising)."""
        i, j = np.searchsorted(self._starts, [low, high])
        return [int(x) for x in self._starts[i:j]]

    def read(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` contiguous captured bytes from ``offset``; stops at a hole, empty inside one."""
        i = self._piece(offset)
        if i is None or size <= 0:
            return b""
        parts, position, want = [], offset, size
        while want > 0 and i < self._starts.size and self._starts[i] <= position:
            skip = position - int(self._starts[i])
            part = self._read(i, skip, min(want, int(self._ends[i]) - position))
            if not part:
                break
            parts.append(part)
            position += len(part)
            want -= len(part)
            i += 1
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def at(self, offset: int) -> tuple[int, int] | None:
        """Return (frame, time in ns) that carried the byte at ``offset``; None when it was not captured."""
        i = self._piece(offset)
        return None if i is None else (int(self._frames[i]), int(self._times[i]))

    def first_in(self, low: int, high: int) -> tuple[int, int] | None:
        """Return (frame, time) of the earliest-seen captured byte in [low, high), None without one."""
        return self._extreme(low, high, earliest=True)

    def last_in(self, low: int, high: int) -> tuple[int, int] | None:
        """Return (frame, time) of the latest-seen captured byte in [low, high): when the range was whole."""
        return self._extreme(low, high, earliest=False)

    def _extreme(self, low: int, high: int, *, earliest: bool) -> tuple[int, int] | None:
        i, j = self._span(low, high)
        if i >= j:
            return None
        times = self._times[i:j]
        ties = np.flatnonzero(times == (times.min() if earliest else times.max()))
        frames = self._frames[i:j][ties]  # frames of one instant are in the order they were captured
        k = i + int(ties[frames.argmin() if earliest else frames.argmax()])
        return int(self._frames[k]), int(self._times[k])

    def _span(self, low: int, high: int) -> tuple[int, int]:
        """Return the pieces, from and up to, that hold bytes of [low, high)."""
        i = int(self._ends.searchsorted(low, "right"))
        return i, max(int(self._starts.searchsorted(high, "left")), i) if high > low else i

    def frames(self, low: int, high: int) -> NDArray[np.int64]:
        """Return the frames that carried bytes of [low, high), in stream order."""
        i, j = self._span(low, high)
        return self._frames[i:j]

    def times(self, low: int, high: int) -> NDArray[np.int64]:
        """Return when the pieces of [low, high) were seen (ns), in stream order."""
        i, j = self._span(low, high)
        return self._times[i:j]

    def missing(self, low: int, high: int) -> int:
        """Return how many bytes of [low, high) were not captured."""
        if high <= low:
            return 0
        i, j = self._span(low, high)
        held = np.minimum(self._ends[i:j], high) - np.maximum(self._starts[i:j], low)
        return high - low - int(held.sum())

    def gaps(self, low: int | None = None, high: int | None = None) -> list[Gap]:
        """Return the holes inside [low, high) (the whole stream by default), in order."""
        low = self.start if low is None else low
        high = self.end if high is None else high
        out: list[Gap] = []
        position, before = low, None
        i, j = self._span(low, high)
        edges: list[int] = []
        if j > i:
            edges = [i, *(np.flatnonzero(self._starts[i + 1 : j] != self._ends[i : j - 1]) + i + 1).tolist()]
        for k in edges:
            if self._starts[k] > position:
                before = int(self._frames[k - 1]) if k > 0 else None
                out.append(
                    Gap(
                        position if k == i else int(self._ends[k - 1]),
                        int(self._starts[k]),
                        before,
                        int(self._frames[k]),
                    )
                )
            position = int(self._starts[k]) + 1
        last = int(self._ends[j - 1]) if j > 0 else low
        if high > max(last, low):
            out.append(Gap(max(last, low), high, int(self._frames[j - 1]) if j > 0 else None, None))
        return out


def memory_stream(
    pieces: Iterable[tuple[int, bytes, int, int]],
    *,
    end: int | None = None,
    finished: bool = False,
    reset: bool = False,
    from_start: bool = True,
) -> ByteStream:
    """Make a stream from (offset, bytes, frame, time) pieces that do not overlap (decrypted data, tests)."""
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
