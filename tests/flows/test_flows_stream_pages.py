"""A stream of more pieces than a page holds answers like one that looks at every byte; so does one made of lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.flows.stream import PAGE, ByteStream

DATA = bytes(range(251)) * 200


class Model:
    """Every byte by itself: which piece has it, and nothing else."""

    def __init__(self, pieces: list[tuple[int, int]], times: list[int], end: int) -> None:
        self.owner = {at: k for k, (low, high) in enumerate(pieces) for at in range(low, high)}
        self.times, self.end = times, end

    def at(self, offset: int) -> tuple[int, int] | None:
        k = self.owner.get(offset)
        return None if k is None else (k + 1, self.times[k])

    def read(self, offset: int, size: int) -> bytes:
        out = bytearray()
        while len(out) < size and offset + len(out) in self.owner:
            out.append(DATA[offset + len(out)])
        return bytes(out)

    def next_captured(self, offset: int) -> int | None:
        return next((at for at in range(offset, self.end + 1) if at in self.owner), None)

    def missing(self, low: int, high: int) -> int:
        return sum(at not in self.owner for at in range(low, high))

    def seen(self, low: int, high: int) -> list[tuple[int, int]]:
        """(time, frame) of every byte of the range, in order."""
        return sorted({(self.times[k], k + 1) for at in range(low, high) if (k := self.owner.get(at)) is not None})


@st.composite
def streams(draw: st.DrawFn) -> tuple[ByteStream, Model]:
    """Many small pieces with some holes; times are not in order."""
    sizes = draw(st.lists(st.integers(1, 40), min_size=1, max_size=8))
    gaps = draw(st.lists(st.sampled_from([0, 0, 0, 0, 3]), min_size=1, max_size=9))
    jitter = draw(st.lists(st.integers(0, 9), min_size=1, max_size=7))
    count = draw(st.sampled_from([0, 1, 5, PAGE - 1, PAGE, 2 * PAGE + 7]))
    pieces, at = [], 0
    for k in range(count):
        at += gaps[k % len(gaps)]
        pieces.append((at, at + sizes[k % len(sizes)]))
        at = pieces[-1][1]
    times = [k // 3 * 5 + jitter[k % len(jitter)] for k in range(count)]
    columns = [[low for low, _ in pieces], [high for _, high in pieces], list(range(1, count + 1)), times]

    def read(piece: int, skip: int, size: int) -> bytes:
        low, high = pieces[piece]
        assert skip >= 0
        assert low + skip + size <= high, "never asked beyond the piece"
        return DATA[low + skip : low + skip + size]

    end = at + draw(st.integers(0, 5))
    if draw(st.booleans()):
        return ByteStream(*columns, read, end=end), Model(pieces, times, end)
    return ByteStream(*(np.array(c, np.int64) for c in columns), read, end=end), Model(pieces, times, end)


@given(streams(), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 300)), max_size=25))
@settings(max_examples=150)
def test_answers_like_one_that_looks_at_every_byte(
    pair: tuple[ByteStream, Model], asked: list[tuple[float, int]]
) -> None:
    stream, model = pair
    for share, size in asked:  # near and far in any order, so that pages are turned both ways
        low = int(share * (model.end + 2))
        high = min(low + size, model.end)
        assert stream.at(low) == model.at(low)
        assert stream.read(low, size) == model.read(low, size)
        assert stream.next_captured(low) == model.next_captured(low)
        assert stream.missing(low, high) == model.missing(low, high)
        seen = model.seen(low, high)
        assert stream.first_in(low, high) == ((seen[0][1], seen[0][0]) if seen else None)
        assert stream.last_in(low, high) == ((seen[-1][1], seen[-1][0]) if seen else None)
        assert sorted(stream.frames(low, high).tolist()) == sorted({frame for _, frame in seen})
    assert len(stream) == len(model.times)
    assert stream.missing(0, model.end) == model.missing(0, model.end)


@pytest.mark.parametrize("far", [1 << 61, 1 << 62, (1 << 63) - 1])
def test_offsets_beyond_everything(far: int) -> None:
    stream = ByteStream([0], [5], [1], [0], lambda piece, skip, size: b"hello"[skip : skip + size])
    assert (stream.at(far), stream.read(far, 9), stream.next_captured(far)) == (None, b"", None)
