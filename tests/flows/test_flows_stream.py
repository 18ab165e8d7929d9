"""ByteStream against a naive model: a dictionary from offset to (byte, frame, time)."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from analyzer.flows.stream import ByteStream, Gap, memory_stream


@dataclass
class Model:
    """Byte by byte: what is held, who carried it, and where the stream is known to end."""

    held: dict[int, tuple[int, int, int]]  # offset -> (byte, frame, time)
    starts: list[int]
    start: int
    end: int

    def run_end(self, offset: int) -> int:
        while offset in self.held:
            offset += 1
        return offset

    def holes(self, low: int, high: int) -> list[Gap]:
        out, position = [], low
        while position < high:
            if position in self.held:
                position += 1
                continue
            stop = position
            while stop < high and stop not in self.held:
                stop += 1
            before = [o for o in self.held if o < position]
            after = self.held[stop][1] if stop in self.held and stop < high else None
            out.append(Gap(position, stop, self.held[max(before)][1] if before else None, after))
            position = stop
        return out


@st.composite
def streams(draw: st.DrawFn) -> tuple[ByteStream, Model]:
    position = draw(st.integers(-5, 5))
    pieces, held, starts = [], {}, []
    for k in range(draw(st.integers(0, 6))):
        position += draw(st.sampled_from([0, 0, 1, 7]))
        data = bytes(draw(st.integers(1, 5)) * [k + 65])
        time = draw(st.integers(0, 4))
        frame = 10 * time + k  # frames are numbered in the order of time, here
        pieces.append((position, data, frame, time))
        starts.append(position)
        for j, byte in enumerate(data):
            held[position + j] = (byte, frame, time)
        position += len(data)
    last = position if pieces else 0
    end = max(last + draw(st.integers(0, 4)), 0)
    start = min(0, pieces[0][0]) if pieces else 0
    return memory_stream(pieces, end=end), Model(held, starts, start, end)


OFFSET = st.integers(-8, 60)


@given(streams(), OFFSET, st.integers(-2, 40))
def test_read_stops_at_holes(both: tuple[ByteStream, Model], offset: int, size: int) -> None:
    stream, model = both
    stop = min(model.run_end(offset), offset + max(size, 0))
    assert stream.read(offset, size) == bytes(model.held[o][0] for o in range(offset, stop))


@given(streams(), OFFSET)
def test_single_offsets(both: tuple[ByteStream, Model], offset: int) -> None:
    stream, model = both
    assert stream.run_end(offset) == model.run_end(offset)
    assert stream.at(offset) == (model.held[offset][1:] if offset in model.held else None)
    assert stream.next_captured(offset) == min((o for o in model.held if o >= offset), default=None)


@given(streams(), OFFSET, OFFSET)
def test_ranges(both: tuple[ByteStream, Model], low: int, high: int) -> None:
    stream, model = both
    inside = [model.held[o] for o in range(low, high) if o in model.held]
    when = [(time, frame) for _, frame, time in inside]
    assert stream.missing(low, high) == max(high - low, 0) - len(inside)
    assert stream.first_in(low, high) == (min(when)[::-1] if when else None)
    assert stream.last_in(low, high) == (max(when)[::-1] if when else None)
    assert stream.frames(low, high).tolist() == list(dict.fromkeys(frame for _, frame, _ in inside))
    assert stream.times(low, high).tolist() == [t for _, t in dict.fromkeys((f, t) for _, f, t in inside)]
    assert stream.piece_starts(low, high) == [o for o in model.starts if low <= o < high]


@given(streams(), OFFSET, OFFSET)
def test_gaps(both: tuple[ByteStream, Model], low: int, high: int) -> None:
    stream, model = both
    assert stream.gaps(low, high) == model.holes(low, high)
    assert stream.gaps() == model.holes(model.start, model.end)
    assert (stream.start, stream.end) == (model.start, model.end)


@given(streams())
def test_runs_cover_what_is_held(both: tuple[ByteStream, Model]) -> None:
    stream, model = both
    runs = list(stream.runs())
    assert [o for low, high in runs for o in range(low, high)] == sorted(model.held)
    assert all(high < low for (_, high), (low, _) in pairwise(runs))
    assert len(stream) == len(model.starts)


def test_it_prints_its_holes() -> None:
    stream = memory_stream([(0, b"x" * 1460, 1, 1), (2920, b"y" * 80, 2, 2)], end=3500)
    assert repr(stream) == "[data 0-1460) (hole 1460-2920) [data 2920-3000) (hole 3000-3500)"
    assert repr(memory_stream([])) == "(empty)"
    assert repr(memory_stream([(5, b"ab", 1, 1)])) == "(hole 0-5) [data 5-7)"


def test_an_end_below_the_last_byte_is_not_believed() -> None:
    assert memory_stream([(0, b"abc", 1, 1)], end=2).end == 3


def test_frames_of_one_instant_count_in_capture_order() -> None:
    stream = memory_stream([(0, b"a", 7, 5), (1, b"b", 3, 5), (2, b"c", 5, 5)])
    assert stream.first_in(0, 3) == (3, 5)
    assert stream.last_in(0, 3) == (7, 5)
