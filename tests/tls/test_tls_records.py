"""The record layer: headers, holes, resynchronising, and how little of a long stream is read."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.flows.stream import ByteStream, memory_stream
from analyzer.protocols.tls.records import MAX_BODY, RecordWalk, closing_alert, is_header
from tests.tls.vectors import record


def stream(*pieces: tuple[int, bytes], end: int | None = None) -> ByteStream:
    return memory_stream([(at, data, i + 1, i + 1) for i, (at, data) in enumerate(pieces)], end=end)


def walk(source: ByteStream, start: int = 0) -> tuple[list[tuple[int, int, int, bool]], str | None]:
    walker = RecordWalk(source, start)
    found = [(r.kind, r.start, r.end, r.after_hole) for r in walker]
    return found, walker.stopped


@pytest.mark.parametrize(
    ("head", "good"),
    [
        ("1603010200", True),
        ("1503030002", True),
        ("1703030000", True),  # empty application data is allowed
        ("1603030000", False),  # an empty handshake record is not
        ("1803030003", True),
        ("1303030001", False),
        ("1903030001", False),
        ("1604030001", False),
        ("1603050001", False),
        ("1703034800", True),
        ("1703034801", False),
        ("16030300", False),
    ],
)
def test_headers(head: str, good: bool) -> None:
    assert is_header(bytes.fromhex(head)) is good
    assert MAX_BODY == 0x4800


A, B, C = record(22, b"a" * 100), record(20, b"\x01"), record(23, b"c" * 50)


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 1000])
def test_segments_do_not_matter(cut: int) -> None:
    data = A + B + C
    pieces = [(at, data[at : at + cut]) for at in range(0, len(data), cut)]
    assert walk(stream(*pieces)) == ([(22, 0, 105, False), (20, 105, 111, False), (23, 111, 166, False)], "end")


def test_a_stream_that_ends_inside_a_header_or_a_body() -> None:
    assert walk(stream((0, A + B[:3]))) == ([(22, 0, 105, False)], "cut")
    assert walk(stream((0, A + C[:30]))) == ([(22, 0, 105, False), (23, 105, 160, False)], "end")


def test_something_else_in_the_stream_stops_the_walk() -> None:
    assert walk(stream((0, A + b"HTTP/1.1 400 Bad Request"))) == ([(22, 0, 105, False)], "not_tls")


def test_a_hole_inside_a_body_is_stepped_over_by_its_length() -> None:
    data = A + B
    assert walk(stream((0, data[:20]), (60, data[60:]))) == ([(22, 0, 105, False), (20, 105, 111, False)], "end")


def test_after_a_lost_header_the_walk_goes_on_at_a_segment_that_begins_with_a_record() -> None:
    data = A + B + C + B
    # the header of B and a part of it are lost; then a segment in the middle of C, then one at the last B
    pieces = stream((0, data[:105]), (130, data[130:166]), (166, data[166:]))
    assert walk(pieces) == ([(22, 0, 105, False), (20, 166, 172, True)], "end")


def test_a_segment_that_only_looks_like_a_record_is_not_taken() -> None:
    false = b"\x16\x03\x03\x00\x10" + b"x" * 40  # says 16 bytes, but no record follows
    assert walk(stream((0, A), (200, false))) == ([(22, 0, 105, False)], "hole")


def test_bulk_data_is_skipped_without_reading_it() -> None:
    """One gigabyte of application data in 16 kB records: sixteen of them may not cost more than their headers."""
    size = 16384
    head = b"\x17\x03\x03\x40\x00"
    records = 1 << 16
    unit = size + len(head)
    read = 0

    def reader(piece: int, skip: int, want: int) -> bytes:
        nonlocal read
        read += want
        return (head + bytes(size))[skip : skip + want]

    starts = np.arange(records, dtype=np.int64) * unit
    source = ByteStream(starts, starts + unit, starts // unit + 1, starts, reader)
    walker = RecordWalk(source, 0)
    for record_found, _ in zip(walker, range(16), strict=False):
        assert record_found.kind == 23
    assert read <= 17 * 2048
    assert len(source) * unit > 1 << 30


def test_closing_alert() -> None:
    alert = record(21, bytes(26))
    data = C * 30 + alert
    found = closing_alert(stream((0, data)), 55)
    assert found is not None
    assert (found.kind, found.start, found.end) == (21, 30 * 55, len(data))
    assert closing_alert(stream((0, data + b"x")), 55) is None
    assert closing_alert(stream((0, data[:-1])), 55) is None
    assert closing_alert(stream((0, data)), len(data) - 5) is None  # it was walked already
    assert closing_alert(stream((0, data), end=len(data) + 10), 55) is None  # the end was not captured
    assert closing_alert(stream((0, b"")), 0) is None


@given(st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=60)), max_size=8))
def test_arbitrary_pieces_never_raise_and_always_end(pieces: list[tuple[int, bytes]]) -> None:
    at, held = 0, []
    for gap, data in pieces:
        held.append((at + gap, data))
        at += gap + len(data)
    source = stream(*held, end=at + 5)
    found, stopped = walk(source)
    assert stopped in ("end", "cut", "hole", "not_tls")
    assert all(low[2] <= high[1] for low, high in pairwise(found))
    closing_alert(source, 0)


@given(st.lists(st.sampled_from([A, B, C]), max_size=20), st.integers(1, 60), st.sets(st.integers(0, 40)))
def test_with_holes_only_true_records_are_found(records: list[bytes], cut: int, lost: set[int]) -> None:
    data = b"".join(records)
    borders, at = set(), 0
    for one in records:
        borders.add((one[0], at, at + len(one)))
        at += len(one)
    pieces = [(low, data[low : low + cut]) for i, low in enumerate(range(0, len(data), cut)) if i not in lost]
    if 0 in lost:
        return
    found, _ = walk(stream(*pieces, end=len(data)))
    assert {item[:3] for item in found} <= borders
