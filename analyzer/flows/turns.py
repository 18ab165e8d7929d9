"""Who said what, one after the other: both directions of a connection as the turns of a conversation.

Rules:

* a side's bytes stand in stream order, whatever order they were captured in;
* a byte's moment is the frame at which it and everything before it had been seen: bytes that waited for a repeated
  segment come when that one does, as for the program that read them. Bytes that never came hold nothing up;
* the pieces of both sides in the order of those frames are the conversation; neighbours of one side are one turn;
* holes belong to the turn of the byte behind them (the last ones to the side's last turn), and say whether the recorder
  cut a packet short (snapshot length) or never saw it.

Turns are made from columns and carry positions only: bytes are read when somebody asks the stream for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.build import Flows
from analyzer.flows.model import Label
from analyzer.flows.stream import ByteStream

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Hole:
    """Bytes [start, end) of a side that were sent but not captured.

    Attributes:
        before_frame, after_frame: carried the bytes around the hole, None where there are none.
        cut_frame: carried these bytes too, but the recorder kept only its beginning; None when no frame did.
    """

    start: int
    end: int
    before_frame: int | None
    after_frame: int | None
    cut_frame: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side sent until the other one answered.

    Attributes:
        client: it was the client's; stream: its direction.
        low, high: stream offsets of the turn, holes included.
        first_frame, last_frame: the lowest and highest frame that carries its bytes, None without any.
        time: ns, when the first of them was seen, None without any.
        size: captured bytes.
    """

    client: bool
    stream: ByteStream
    low: int
    high: int
    first_frame: int | None
    last_frame: int | None
    time: int | None
    size: int
    _begins: Ints  # captured runs of the turn
    _ends: Ints
    _around: Ints  # frame before the turn, then the first and last frame of each run
    _cuts: tuple[Ints, Ints, Ints]  # what the recorder cut off of this side: begin, end, frame

    def parts(self) -> Iterator[tuple[int, int] | Hole]:
        """Yield, in stream order, captured runs as (start, end) and the holes between them."""
        position, before = self.low, int(self._around[0])
        for k in range(self._begins.size):
            begin, end = int(self._begins[k]), int(self._ends[k])
            first, last = int(self._around[2 * k + 1]), int(self._around[2 * k + 2])
            yield from self._holes(position, begin, before, first)
            yield begin, end
            position, before = end, last
        yield from self._holes(position, self.high, before, 0)

    def _holes(self, low: int, high: int, before: int, after: int) -> Iterator[Hole]:
        """Yield the hole [low, high) in pieces: what was cut off of a frame, and what no frame carried."""
        if low >= high:
            return
        begins, ends, frames = self._cuts
        k = int(ends.searchsorted(low, "right"))
        while low < high:
            begin, end = (int(begins[k]), int(ends[k])) if k < begins.size else (high, high)
            if low < min(begin, high):
                yield Hole(low, min(begin, high), before or None, after or None)
            if begin < high:
                yield Hole(max(low, begin), min(end, high), before or None, after or None, int(frames[k]))
            low, k = end, k + 1


def turns(flows: Flows, stream: int) -> Iterator[Turn]:
    """Yield the turns of a connection in the order they became complete.

    A side of which bytes are known to exist, but none was captured, has one turn without frames at the end.
    """
    sides = [(client, flows.stream(stream, client=client)) for client in (True, False)]
    cuts = [_cuts(flows, stream, client) for client, _ in sides]
    seen = [np.maximum.accumulate(direction.pieces()[2]) for _, direction in sides]
    which = np.repeat([0, 1], [frames.size for frames in seen])
    order = np.argsort(np.concatenate(seen), kind="stable")
    which = which[order]
    rank = order - np.where(which == 1, seen[0].size, 0)  # place among the pieces of its own side
    bounds = np.flatnonzero(np.diff(which, prepend=-1, append=-1))
    reached = [direction.start for _, direction in sides]
    for n in range(bounds.size - 1):
        low, high = int(bounds[n]), int(bounds[n + 1])
        k = int(which[low])
        client, direction = sides[k]
        turn = _turn(client, direction, int(rank[low]), int(rank[high - 1]) + 1, reached[k], cuts[k])
        reached[k] = turn.high
        yield turn
    for k, (client, direction) in enumerate(sides):
        if not len(direction) and _end(direction, cuts[k]) > direction.start:
            yield _turn(client, direction, 0, 0, direction.start, cuts[k])


def _end(stream: ByteStream, cuts: tuple[Ints, Ints, Ints]) -> int:
    """Return where a side ends: what was cut off of its last segment was sent too, whether or not it was answered."""
    return max(stream.end, int(cuts[1][-1])) if cuts[1].size else stream.end


def _turn(client: bool, stream: ByteStream, low: int, high: int, reached: int, cuts: tuple[Ints, Ints, Ints]) -> Turn:
    """Make a turn of the pieces [low, high) of a side, ``reached`` being where its turn before ended."""
    starts, ends, frames, times = (column[low:high] for column in stream.pieces())
    last = np.append(np.flatnonzero(starts[1:] != ends[:-1]), starts.size - 1) if starts.size else np.zeros(0, np.int64)
    first = np.concatenate(([0], last[:-1] + 1)) if last.size else last
    before = int(stream.pieces()[2][low - 1]) if low else 0
    around = np.concatenate(([before], np.stack([frames[first], frames[last]], axis=1).reshape(-1)))
    return Turn(
        client,
        stream,
        reached,
        _end(stream, cuts) if high == len(stream) else int(ends[-1]),
        int(frames.min()) if frames.size else None,
        int(frames.max()) if frames.size else None,
        int(times.min()) if times.size else None,
        int((ends - starts).sum()),
        starts[first],
        ends[last],
        around,
        cuts,
    )


def _cuts(flows: Flows, stream: int, client: bool) -> tuple[Ints, Ints, Ints]:
    """Return (begin, end, frame) of what the recorder cut off of one side's segments, in order and without overlaps."""
    s, part = flows.segments, flows.segments.of(stream)
    kept = flows.table.payload_cap[s.frame[part] - 1].astype(np.int64)
    length = s.length[part].astype(np.int64)
    cut = (s.from_client[part] == client) & (kept < length) & ((s.label[part] & Label.KEEP_ALIVE) == 0)
    start = (s.seq[part] - 1 + ((s.flags[part] & Flag.SYN) != 0))[cut]
    begin, end, frame = start + kept[cut], start + length[cut], s.frame[part][cut].astype(np.int64)
    order = np.argsort(begin, kind="stable")
    begin, end, frame = begin[order], end[order], frame[order]
    begin[1:] = np.maximum(begin[1:], np.maximum.accumulate(end)[:-1])
    new = begin < end
    return begin[new], end[new], frame[new]
