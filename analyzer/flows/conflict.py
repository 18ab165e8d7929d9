"""Bytes of a stream that were sent twice with different contents.

Rules:

* the copy that counts is the one reassembly credits: the first that was captured (:mod:`analyzer.flows.reassembly`);
* every captured byte of a later copy is compared with it; equal bytes are an ordinary retransmission: nothing is said;
* the one byte of a keep-alive is no data (many stacks send a zero there, RFC 9293 section 3.8.4), nor is any single
  byte that the other side had acknowledged before: neither is compared. A zero-window probe's byte is data, and is;
* packets that look like one recorded twice are compared too: only then are they known to be the same;
* a byte that differs in two later copies counts twice.

Which copy the receiver used cannot be seen: stacks differ (RFC 9293 section 3.10.7.4 keeps what arrived first, some
keep the later one), and that is what makes such overlaps a way past inspection.

Only segments of which a byte is credited to another one are looked at. A captured byte is compared at most once, so the
work grows with the bytes that came again, however the segments lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag, PacketTable
from analyzer.flows.groups import ranges
from analyzer.flows.model import Label
from analyzer.flows.reassembly import Pieces
from analyzer.flows.segments import Sorted
from analyzer.problems import Problem
from analyzer.schema import TcpConflict

MAX_COMPARED_BYTES = 1 << 30
"""Repeated bytes compared; more of them is a capture that was recorded twice, which takes seconds and shows nothing."""
MAX_PAIRS = 1 << 26
"""Pairs of copies compared: only segments cut into single bytes, which no real sender does, make more of them."""
MAX_ROWS_PER_STREAM = 100
"""Conflicts described for each connection; the counts are complete, and nobody reads more examples of one attack."""
MAX_ROWS = 10_000
"""Conflicts described for a capture, for the same reason."""
_BATCH_BYTES = 1 << 18
"""Repeated bytes compared in one go; bounds the temporary columns, because a pair of copies shares at least a byte."""
_SHORT = 64
"""Copies that share fewer bytes are compared all at once by position; longer ones one by one, which is then cheaper."""

_COLUMNS = ("client_conflicting_bytes", "server_conflicting_bytes")

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Conflicts:
    """``columns`` of the ``tcp`` table; ``rows``: stream -> its conflicts in capture order; ``problems``: limits."""

    columns: dict[str, NDArray[np.generic]]
    rows: dict[int, tuple[TcpConflict, ...]]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """Segments with bytes that differ: their index, who is credited with the first of those, its offset, how many."""

    segment: Ints
    credited: Ints
    position: Ints
    count: Ints

    @staticmethod
    def together(parts: list[_Found]) -> _Found:
        columns = zip(*((p.segment, p.credited, p.position, p.count) for p in parts), strict=True)
        return _Found(*(np.concatenate(column) for column in columns))


def find(table: PacketTable, s: Sorted, pieces: Pieces, label: NDArray[np.uint16]) -> Conflicts:
    """Compare every byte that came again with the one that came first.

    Args:
        label: (n,) uint16 of Label.

    Returns:
        ``client_conflicting_bytes`` and ``server_conflicting_bytes``, (streams,) int64 by sender; and the rows.
    """
    again, repeated = _repeating(table, s, pieces, label)
    problems: tuple[Problem, ...] = ()
    parts: list[_Found] = []
    if again.size:
        copies = _Copies(table, s, pieces, again)
        total = np.cumsum(repeated)
        fits = (total <= MAX_COMPARED_BYTES) & (np.cumsum(copies.pairs) <= MAX_PAIRS)
        kept = int(fits.sum())
        if kept < again.size:
            left = int(repeated[kept:].sum())
            text = f"{left:,} bytes that were sent again were not compared with what was sent first"
            problems = (Problem("LIMIT-REACHED", "tcp", text, int(s.rows[again[kept]]) + 1),)
        parts = [found for part in _batches(total[:kept]) if (found := copies.compare(part)).segment.size]
    if not parts:
        return Conflicts({name: np.zeros(s.groups.count, np.int64) for name in _COLUMNS}, {}, problems)
    found = _Found.together(parts)
    owner, by_client = s.groups.of[found.segment], s.client[found.segment]
    columns: dict[str, NDArray[np.generic]] = {}
    for name, own in zip(_COLUMNS, (by_client, ~by_client), strict=True):
        counted = np.bincount(owner[own], weights=found.count[own], minlength=s.groups.count)
        columns[name] = counted.astype(np.int64)
    rows = _rows(s, found, owner)
    left_out = found.segment.size - sum(map(len, rows.values()))
    if left_out:
        text = (
            f"{left_out:,} more segments conflict with bytes sent before; the counts include them, the list does not"
            f" (at most {MAX_ROWS_PER_STREAM} in a connection, {MAX_ROWS:,} in a capture)"
        )
        problems += (Problem("LIMIT-REACHED", "tcp", text),)
    return Conflicts(columns, rows, problems)


def _repeating(table: PacketTable, s: Sorted, pieces: Pieces, label: NDArray[np.uint16]) -> tuple[Ints, Ints]:
    """Return the segments of which captured bytes are credited to another one, and how many bytes of each."""
    data = (s.length > 0) & ((label & Label.KEEP_ALIVE) == 0)
    captured = np.where(data, table.payload_cap[s.rows], 0).astype(np.int64)
    if int(captured.sum()) == int(pieces.size.sum(dtype=np.int64)):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    # Sizes below 2^53 are exact as floats.
    captured -= np.bincount(pieces.segment, weights=pieces.size, minlength=captured.size).astype(np.int64)
    captured[(s.length == 1) & ((label & Label.SPURIOUS_RETRANSMISSION) != 0)] = 0  # a keep-alive that comes late
    again = np.flatnonzero(captured > 0)
    return again, captured[again]


def _batches(total: Ints) -> Iterator[slice]:
    """Cut segments, given their repeated bytes summed up, into runs of :data:`_BATCH_BYTES`; one alone may be more."""
    low = 0
    while low < total.size:
        before = int(total[low - 1]) if low else 0
        high = max(int(np.searchsorted(total, before + _BATCH_BYTES, "right")), low + 1)
        yield slice(low, high)
        low = high


class _Copies:
    """Repeating segments, and for each the pieces that are credited with its bytes.

    Every captured byte is credited to somebody, so the pieces of a direction cover its repeating segments without a
    hole. The directions in question are laid one behind the other on one axis, so that one search serves them all.

    Attributes:
        pairs: (k,) int64, pieces that share bytes with each repeating segment (itself among them, where it has some).
    """

    def __init__(self, table: PacketTable, s: Sorted, pieces: Pieces, again: Ints) -> None:
        used, rank = np.unique(s.groups.of[again] * 2 + s.client[again], return_inverse=True)
        low, high = pieces.first[used], pieces.first[used + 1]
        index = ranges(low, high)
        begin = pieces.start[low]
        span = pieces.start[high - 1] + pieces.size[high - 1] - begin
        shift = np.cumsum(span) - span - begin  # no overflow: a sequence number advances by less than 2^31 a segment
        axis = np.repeat(shift, high - low)
        self._again, self._credited = again, pieces.segment[index].astype(np.int64)
        self._payloads = payloads = _Payloads(table, s.rows[self._credited], s.rows[again])
        self._shift = shift[rank.reshape(-1)]
        self._start = s.seq[again] - 1 + ((s.flags[again] & Flag.SYN) != 0) + self._shift
        self._end = self._start + table.payload_cap[s.rows[again]]
        self._place = payloads.places(s.rows[again]) - self._start
        self._piece_start = pieces.start[index] + axis
        self._piece_end = self._piece_start + pieces.size[index]
        self._piece_place = payloads.places(s.rows[self._credited]) + pieces.skip[index] - self._piece_start
        self._first = np.searchsorted(self._piece_end, self._start, "right")
        self.pairs = np.searchsorted(self._piece_start, self._end, "left") - self._first

    def compare(self, part: slice) -> _Found:
        """Compare some of the segments with what is credited; return those that differ."""
        first = self._first[part]
        piece = ranges(first, first + self.pairs[part])
        owner = np.repeat(np.arange(part.start, part.stop), self.pairs[part])
        other = self._credited[piece] != self._again[owner]
        piece, owner = piece[other], owner[other]
        position = np.maximum(self._start[owner], self._piece_start[piece])
        size = np.minimum(self._end[owner], self._piece_end[piece]) - position
        count, at = self._payloads.compare(self._place[owner] + position, self._piece_place[piece] + position, size)
        self._payloads.release()
        hit = np.flatnonzero(count)
        heads = np.flatnonzero(np.diff(owner[hit], prepend=-1))
        lead = hit[heads]  # the first pair that differs of each segment
        total = np.add.reduceat(count[hit], heads) if hit.size else hit
        position = position[lead] + at[lead] - self._shift[owner[lead]]
        return _Found(self._again[owner[lead]], self._credited[piece[lead]], position, total)


class _Payloads:
    """Payload bytes by place: a position in the file, or behind its end in what was put together from fragments."""

    def __init__(self, table: PacketTable, *rows: Ints) -> None:
        self._table, self._data = table, table.index.data
        self._size = self._data.array.size
        known = np.fromiter(sorted(table.rebuilt), np.int64, len(table.rebuilt))
        self._rebuilt = known[np.isin(known, np.concatenate(rows))] if known.size else known
        parts = [table.rebuilt[row] for row in self._rebuilt.tolist()]
        self._extra = np.frombuffer(b"".join(parts), np.uint8)
        self._extra_at = self._size + np.concatenate(([0], np.cumsum([len(part) for part in parts]))).astype(np.int64)

    def places(self, rows: Ints) -> Ints:
        """Return where the payload of each row begins."""
        base = self._table.index.offset[rows]
        if self._rebuilt.size:
            rank = np.searchsorted(self._rebuilt, rows)
            inside = self._rebuilt[np.minimum(rank, self._rebuilt.size - 1)] == rows
            base = np.where(inside, self._extra_at[rank], base)
        return np.asarray(base + self._table.payload_at[rows])

    def release(self) -> None:
        """Hand back the pages that were looked into."""
        self._data.release(0, self._size)

    def compare(self, one: Ints, other: Ints, size: Ints) -> tuple[Ints, Ints]:
        """Return how many of ``size`` bytes from ``one`` and from ``other`` differ, and which is the first (else 0)."""
        count, first = np.zeros(size.size, np.int64), np.zeros(size.size, np.int64)
        short = np.flatnonzero(size < _SHORT)
        if short.size:
            a, b, n = one[short], other[short], size[short]
            hits = np.flatnonzero(self._gather(ranges(a, a + n)) != self._gather(ranges(b, b + n)))
            pair = np.repeat(np.arange(short.size), n)[hits]
            count[short] = np.bincount(pair, minlength=short.size)
            lead = np.flatnonzero(np.diff(pair, prepend=-1))
            first[short[pair[lead]]] = hits[lead] - (np.cumsum(n) - n)[pair[lead]]
        long = np.flatnonzero(size >= _SHORT)
        for k, a, b, n in zip(*(x.tolist() for x in (long, one[long], other[long], size[long])), strict=True):
            left, right = self._read(a, n), self._read(b, n)
            if left != right:
                differs = np.flatnonzero(np.frombuffer(left, np.uint8) != np.frombuffer(right, np.uint8))
                count[k], first[k] = differs.size, differs[0]
        return count, first

    def _gather(self, places: Ints) -> NDArray[np.uint8]:
        if not self._extra.size:
            return self._data.array[places]
        out = np.zeros(places.size, np.uint8)
        behind = places >= self._size
        out[~behind] = self._data.array[places[~behind]]
        out[behind] = self._extra[places[behind] - self._size]
        return out

    def _read(self, place: int, size: int) -> bytes:
        if place >= self._size:
            return self._extra[place - self._size : place - self._size + size].tobytes()
        return self._data.read(place, size)


def _rows(s: Sorted, found: _Found, owner: Ints) -> dict[int, tuple[TcpConflict, ...]]:
    """Describe the first conflicts of each connection, in capture order."""
    heads = np.diff(owner, prepend=-1) != 0
    place = np.arange(owner.size)
    rank = place - np.maximum.accumulate(np.where(heads, place, 0))
    out: dict[int, list[TcpConflict]] = {}
    for k in np.flatnonzero(rank < MAX_ROWS_PER_STREAM)[:MAX_ROWS].tolist():
        segment = int(found.segment[k])
        row = TcpConflict(
            int(s.rows[segment]) + 1,
            int(s.rows[found.credited[k]]) + 1,
            "client" if s.client[segment] else "server",
            int(found.position[k]),
            int(found.count[k]),
        )
        out.setdefault(int(owner[k]), []).append(row)
    return {stream: tuple(rows) for stream, rows in out.items()}
