"""Putting IP datagrams together from their fragments.

Rules
    1. The frame that completes a datagram carries it, as in Wireshark: the piece that arrived last, in file order.
    2. Where pieces overlap, the bytes that arrived first stay; an overlap that is not a plain repetition is reported.
       A piece that adds nothing is not kept, so memory and time stay in proportion to the bytes captured.
    3. Pieces are kept as positions in the capture, not as bytes. :class:`Rebuilt` puts a datagram together when it
       is asked for, so a capture full of fragments does not lie in memory twice.
    4. A datagram is given up 60 seconds after its first piece (RFC 8200 section 4.5; RFC 1122 section 3.3.2 allows 60
       to 120), when too many wait, and when a piece reaches past the longest datagram there is.

Sources: RFC 791 section 3.2, RFC 815, RFC 8200 section 4.5, RFC 1858 (hostile fragments).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.gather import Bytes
from analyzer.options import Limits
from analyzer.problems import Problem, ProblemLog

TIMEOUT_NS = 60_000_000_000
"""How long a datagram may take from its first piece to its last (RFC 8200 section 4.5)."""

Key = tuple[int, ...]
"""What pieces of one datagram have in common: version, source, destination, identification, IPv4's protocol."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One fragment's data: ``size`` bytes at ``position`` of ``data``, for ``offset`` of the datagram."""

    data: Bytes
    position: int
    offset: int
    size: int


@dataclass(slots=True)
class _Waiting:
    """A datagram of which pieces are missing.

    Invariant: ``starts``/``ends`` are the covered ranges, sorted, disjoint and never touching.
    """

    first_time: int
    pieces: list[Piece] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    total: int | None = None
    proto: int | None = None

    def cover(self, start: int, stop: int) -> int:
        """Mark a range as covered; return how many of its bytes were new."""
        low = bisect_left(self.ends, start)
        high = low
        before = 0
        new_start, new_stop = start, stop
        while high < len(self.starts) and self.starts[high] <= stop:
            before += max(min(self.ends[high], stop) - max(self.starts[high], start), 0)
            new_start = min(new_start, self.starts[high])
            new_stop = max(new_stop, self.ends[high])
            high += 1
        self.starts[low:high] = [new_start]
        self.ends[low:high] = [new_stop]
        return stop - start - before

    @property
    def complete(self) -> bool:
        return self.total is not None and self.starts[:1] == [0] and self.ends[0] >= self.total


@dataclass(frozen=True, slots=True)
class Datagram:
    """A datagram whose pieces are all there.

    Attributes:
        pieces: in order of arrival.
        size: bytes.
        proto: protocol of the first byte (from the first fragment, which alone may be believed: RFC 8200).
    """

    pieces: tuple[Piece, ...]
    size: int
    proto: int

    def assemble(self) -> NDArray[np.uint8]:
        """Return (size,) uint8: for every byte the piece that arrived first."""
        out = np.zeros(self.size, dtype=np.uint8)
        # Written last to first, so that what arrived earlier has the last word.
        for piece in reversed(self.pieces):
            size = min(piece.size, self.size - piece.offset)
            if size > 0:
                out[piece.offset : piece.offset + size] = piece.data[piece.position : piece.position + size]
        return out


class Rebuilt(Mapping[int, bytes]):
    """Row -> bytes of the datagram put together there, read from the capture whenever asked for."""

    def __init__(self, capture: Bytes) -> None:
        self._capture = capture
        self._places: dict[int, tuple[NDArray[np.int64], int]] = {}
        self._bytes: dict[int, bytes] = {}

    def keep(self, row: int, datagram: Datagram) -> None:
        """Remember which datagram a row carries; the innermost wins, as in all columns."""
        self._places.pop(row, None)
        self._bytes.pop(row, None)
        if all(piece.data is self._capture for piece in datagram.pieces):
            # Three numbers a piece instead of objects: a capture of fragments has millions.
            places = [(piece.position, piece.offset, piece.size) for piece in datagram.pieces]
            self._places[row] = np.array(places, dtype=np.int64), datagram.size
        else:
            self._bytes[row] = datagram.assemble().tobytes()

    def __getitem__(self, row: int) -> bytes:
        if row in self._bytes:
            return self._bytes[row]
        places, size = self._places[row]
        pieces = tuple(Piece(self._capture, *place) for place in places.tolist())
        return Datagram(pieces, size, 0).assemble().tobytes()

    def __contains__(self, row: object) -> bool:
        return row in self._places or row in self._bytes

    def __iter__(self) -> Iterator[int]:
        return iter(sorted((*self._places, *self._bytes)))

    def __len__(self) -> int:
        return len(self._places) + len(self._bytes)


class Reassembler:
    """Takes fragments in file order, gives back datagrams as they become complete."""

    def __init__(self, limits: Limits, problems: ProblemLog) -> None:
        self._limits = limits
        self._problems = problems
        self._waiting: dict[Key, _Waiting] = {}

    def add(self, key: Key, frame: int, time: int, piece: Piece, more: bool, proto: int) -> Datagram | None:
        """Take one fragment.

        Args:
            key: see :data:`Key`.
            frame: 1-based, for problems.
            time: ns.
            piece: its data.
            more: whether others follow it in the datagram.
            proto: protocol of the datagram's first byte, according to this fragment.

        Returns:
            The datagram this fragment completes, or None.
        """
        stop = piece.offset + piece.size
        if stop > self._limits.datagram_bytes:
            longest = self._limits.datagram_bytes
            text = f"A fragment ends at byte {stop} of its datagram, past the {longest} an IP datagram may have."
            self._problems.add(Problem("IP-FRAGMENT-TOO-LONG", "ip", text, frame))
            return None
        waiting = self._find(key, frame, time)
        new = waiting.cover(piece.offset, stop)
        if new:
            waiting.pieces.append(piece)
        if 0 < new < piece.size:
            text = "A fragment overlaps others without repeating them; the bytes that arrived first are used."
            self._problems.add(Problem("IP-FRAGMENT-OVERLAP", "ip", text, frame))
        if not more and waiting.total is None:
            waiting.total = stop
        if piece.offset == 0 and waiting.proto is None:
            waiting.proto = proto
        if not waiting.complete:
            return None
        del self._waiting[key]
        return Datagram(tuple(waiting.pieces), waiting.total or 0, proto if waiting.proto is None else waiting.proto)

    def _find(self, key: Key, frame: int, time: int) -> _Waiting:
        waiting = self._waiting.get(key)
        if waiting is not None and time - waiting.first_time <= TIMEOUT_NS:
            return waiting
        self._waiting.pop(key, None)
        if len(self._waiting) >= self._limits.datagrams_waiting:
            self._waiting.pop(next(iter(self._waiting)))
            text = f"More than {self._limits.datagrams_waiting} datagrams wait for fragments; the oldest is given up."
            self._problems.add(Problem("LIMIT-REACHED", "ip", text, frame))
        waiting = self._waiting[key] = _Waiting(time)
        return waiting
