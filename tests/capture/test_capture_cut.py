"""Properties: any file cut anywhere, any bytes at all, and what is written is what is read."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from analyzer.capture import tlv
from analyzer.errors import CaptureError
from tests.build import (
    Packet,
    pcap_file,
    pcapng_block,
    pcapng_file,
    pcapng_interface,
    pcapng_option,
    pcapng_packet,
    pcapng_section,
)
from tests.capture.reading import packets, read

T = 1_700_000_000_123_456_000
HEADER, SIDE, PACKET = "header", "side", "packet"
PARTS: dict[str, list[tuple[str, bytes]]] = {
    "pcap": [(HEADER, pcap_file([])), *((PACKET, pcap_file([(T, bytes(n))])[24:]) for n in (0, 3, 60, 1, 14))],
    "pcap, other order": [
        (HEADER, pcap_file([], big_endian=True)),
        *((PACKET, pcap_file([(T, bytes(n))], big_endian=True)[24:]) for n in (5, 0, 33)),
    ],
    "pcapng": [
        (HEADER, pcapng_section()),
        (SIDE, pcapng_interface()),
        (PACKET, pcapng_packet((T, b"abc"))),
        (SIDE, pcapng_block(4, bytes(8))),
        (PACKET, pcapng_packet((T, b""))),
        (PACKET, pcapng_packet((T, bytes(33)), options=pcapng_option(1, b"a comment"))),
        (SIDE, pcapng_section(big_endian=True)),
        (SIDE, pcapng_interface(big_endian=True)),
        (PACKET, pcapng_packet((T, bytes(5)), big_endian=True)),
        (PACKET, pcapng_block(3, struct.pack(">I", 5) + b"12345", big_endian=True)),
    ],
}
"""Files in the parts that a cut between leaves whole."""
WHOLE = {name: b"".join(part for _, part in parts) for name, parts in PARTS.items()}


@pytest.mark.parametrize("name", PARTS)
def test_cut_at_every_byte(name: str) -> None:
    """The packets that are whole before the cut are read, no other; the cut is noticed and accounted for."""
    whole = WHOLE[name]
    everything = packets(read(whole))
    assert len(everything) == sum(kind == PACKET for kind, _ in PARTS[name])
    for cut in range(len(whole)):
        end, complete, last = 0, 0, 0
        for kind, part in PARTS[name]:
            end += len(part)
            if end > cut:
                break
            last = end
            complete += kind == PACKET
        if last == 0:
            with pytest.raises(CaptureError):
                read(whole[:cut])
            continue
        index = read(whole[:cut])
        assert packets(index) == everything[:complete]
        assert index.bytes_unread == cut - last
        assert index.truncated == (cut != last)
        assert [problem.offset for problem in index.problems] == [last] * index.truncated


TIMES = st.integers(0, 2**32 - 1).flatmap(
    lambda seconds: st.integers(0, 999_999_999).map(lambda nanos: seconds * 10**9 + nanos)
)
PACKETS: st.SearchStrategy[list[Packet]] = st.lists(
    st.tuples(TIMES, st.binary(max_size=80), st.integers(0, 2**32 - 1)), max_size=12
)


@given(PACKETS, st.booleans(), st.booleans())
def test_pcap_round_trip(rows: list[tuple[int, bytes, int]], big_endian: bool, nanoseconds: bool) -> None:
    unit = 1 if nanoseconds else 1000
    index = read(pcap_file(rows, big_endian=big_endian, nanoseconds=nanoseconds))
    assert packets(index) == [(time // unit * unit, data, wire) for time, data, wire in rows]
    assert not index.truncated


@given(PACKETS, st.booleans(), st.sampled_from([None, 0, 3, 6, 7, 9, 0x80, 0x80 | 10, 0x80 | 30]))
def test_pcapng_round_trip(rows: list[tuple[int, bytes, int]], big_endian: bool, ticks: int | None) -> None:
    index = read(pcapng_file(rows, big_endian=big_endian, ticks=ticks))
    resolution = 6 if ticks is None else ticks
    per_second = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    expected = [(time * per_second // 10**9 * 10**9 // per_second, data, wire) for time, data, wire in rows]
    assert packets(index) == expected
    assert not index.truncated


MAGICS = [b"", *(whole[:4] for whole in WHOLE.values()), b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\x4d\x3c\xb2\xa1"]


@settings(max_examples=200)
@given(st.sampled_from(MAGICS), st.binary(max_size=300))
@example(b"", b"")
def test_garbage_raises_nothing_else(magic: bytes, rest: bytes) -> None:
    try:
        index = read(magic + rest)
    except CaptureError as error:
        text = str(error)
    else:
        text = ""
        assert int((index.offset + index.caplen).max(initial=0)) <= len(magic + rest)
    assert "\n" not in text


@settings(max_examples=300)
@given(
    st.sampled_from(sorted(PARTS)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_changed_bytes_raise_nothing_else(name: str, changes: list[tuple[float, int]]) -> None:
    data = bytearray(WHOLE[name])
    for place, value in changes:
        data[int(place * len(data))] = value
    try:
        index = read(bytes(data))
    except CaptureError:
        return
    assert int((index.offset + index.caplen).max(initial=0)) <= len(data)
    assert not len(index) or int(index.interface.max()) < len(index.interfaces)
    assert 0 <= index.bytes_unread <= len(data)


@given(
    st.lists(st.lists(st.tuples(st.integers(1, 3), st.binary(max_size=9)), max_size=4), max_size=5),
    st.booleans(),
    st.binary(max_size=7),
)
def test_options_of_many_blocks_are_those_of_each(
    lists: list[list[tuple[int, bytes]]], big_endian: bool, junk: bytes
) -> None:
    """Finding an option in many blocks at once gives what reading block by block gives, also behind junk."""
    order = ">" if big_endian else "<"
    raws = [b"".join(pcapng_option(code, value, big_endian=big_endian) for code, value in one) + junk for one in lists]
    data = np.frombuffer(b"".join(raws), np.uint8)
    end = np.cumsum([len(raw) for raw in raws], dtype=np.int64) if raws else np.zeros(0, np.int64)
    start = end - np.array([len(raw) for raw in raws], np.int64)
    row, offset, length, bad = tlv.find(data, start, end, 1, order)
    found = [(int(r), data[o : o + n].tobytes()) for r, o, n in zip(row, offset, length, strict=True)]
    single = [tlv.options(raw, order) for raw in raws]
    assert found == [(n, value) for n, (one, _) in enumerate(single) for code, value in one if code == 1]
    assert bad.tolist() == [n for n, (_, sound) in enumerate(single) if not sound]
