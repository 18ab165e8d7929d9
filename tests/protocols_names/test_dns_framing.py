"""DNS messages in TCP streams: chunking in three ways, holes, and what is no DNS."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.flows.stream import ByteStream, memory_stream
from analyzer.protocols.base import Conversation
from analyzer.protocols.dns.framing import tcp_dns_messages
from analyzer.protocols.dns.messages import parse
from tests.protocols_names.wire import RESPONSE, A, message, pointer, question, record

QUERIES = [message([question(f"host{i}.example.com")], ident=i) for i in range(3)]
REPLIES = [
    message([question(f"host{i}.example.com")], [record(pointer(12), A, bytes(4))], ident=i, flags=RESPONSE)
    for i in range(3)
]


def framed(payload: bytes) -> bytes:
    """Put a message behind its length (RFC 1035 section 4.2.2)."""
    return struct.pack("!H", len(payload)) + payload


def conversation(client: ByteStream, server: ByteStream | None = None) -> Conversation:
    """Return a connection to port 53."""
    return Conversation(2, client, server or memory_stream([]), ("10.0.0.1", 40000), ("10.0.0.53", 53))


def pieces(data: bytes, size: int, first_frame: int = 1) -> list[tuple[int, bytes, int, int]]:
    """Cut data into segments of ``size``; the frame number grows with each, the time is frame * 10."""
    return [
        (at, data[at : at + size], first_frame + i, (first_frame + i) * 10)
        for i, at in enumerate(range(0, len(data), size))
    ]


WIRE = b"".join(map(framed, QUERIES))


@pytest.mark.parametrize("size", [1, 2, 3, 33, len(framed(QUERIES[0])), len(WIRE)])
def test_chunking_changes_only_frames(size: int) -> None:
    found = tcp_dns_messages(conversation(memory_stream(pieces(WIRE, size))))
    assert [one.payload for one in found] == QUERIES
    ends = [sum(len(framed(q)) for q in QUERIES[: i + 1]) for i in range(3)]
    assert [one.frame for one in found] == [-(-end // size) for end in ends]
    assert all(one.time == one.frame * 10 and one.stream == 2 and not one.cut for one in found)


def test_both_directions_in_capture_order() -> None:
    client = memory_stream([(0, framed(QUERIES[0]), 4, 40), (len(framed(QUERIES[0])), framed(QUERIES[1]), 6, 60)])
    server = memory_stream([(0, framed(REPLIES[0]), 5, 50), (len(framed(REPLIES[0])), framed(REPLIES[1]), 7, 70)])
    found = tcp_dns_messages(conversation(client, server))
    assert [(one.frame, one.source, one.destination_port) for one in found] == [
        (4, "10.0.0.1", 53),
        (5, "10.0.0.53", 40000),
        (6, "10.0.0.1", 53),
        (7, "10.0.0.53", 40000),
    ]


def test_the_frame_is_the_one_that_completed_the_message() -> None:
    data = framed(QUERIES[0])
    swapped = memory_stream([(0, data[:10], 3, 30), (10, data[10:20], 9, 90), (20, data[20:], 4, 40)])
    (found,) = tcp_dns_messages(conversation(swapped))
    assert (found.frame, found.time) == (9, 90)


def without(data: bytes, low: int, high: int, size: int) -> ByteStream:
    """Return a stream with the hole [low, high), the rest in segments of ``size``."""
    head = pieces(data[:low], size)
    tail = [(at + high, part, frame, time) for at, part, frame, time in pieces(data[high:], size, len(head) + 2)]
    return memory_stream(head + tail, end=len(data))


def test_a_hole_inside_a_message_costs_only_that_message() -> None:
    one = len(framed(QUERIES[0]))
    talk = conversation(without(WIRE, one + 20, one + 24, 1000))
    found = tcp_dns_messages(talk)
    assert [(d.payload, d.cut) for d in found] == [(QUERIES[0], False), (QUERIES[1][:18], True), (QUERIES[2], False)]
    assert talk.problems.counts == {"DNS-TCP-FRAMING": 1}


def test_after_a_lost_length_the_next_segment_that_proves_itself() -> None:
    one = len(framed(QUERIES[0]))
    talk = conversation(without(WIRE, one, 2 * one, one))
    assert [d.payload for d in tcp_dns_messages(talk)] == [QUERIES[0], QUERIES[2]]
    (problem,) = talk.problems
    assert problem.offset == one


def test_after_a_lost_length_without_proof_the_rest_is_lost() -> None:
    one = len(framed(QUERIES[0]))
    talk = conversation(without(WIRE, one, one + 1, 1000))
    assert [d.payload for d in tcp_dns_messages(talk)] == [QUERIES[0]]
    assert talk.problems.counts == {"DNS-TCP-FRAMING": 1}


def test_a_beginning_that_was_not_captured() -> None:
    tail = b"\x77" * 9
    stream = memory_stream([(0, tail, 1, 10), (9, framed(QUERIES[1]), 2, 20)], from_start=False)
    assert [d.payload for d in tcp_dns_messages(conversation(stream))] == [QUERIES[1]]


def test_a_last_message_without_its_end() -> None:
    talk = conversation(memory_stream([(0, WIRE[:-5], 1, 10)]))
    found = tcp_dns_messages(talk)
    assert [d.cut for d in found] == [False, False, True]
    assert parse(found[2].payload, cut=True).qname in ("", "host2.example.com")
    assert talk.problems.counts == {"DNS-TCP-FRAMING": 1}


@pytest.mark.parametrize("data", [b"\0" * 5000, b"SSH-2.0-OpenSSH_9.6\r\n" * 3, b"\0", b"\0\x0b" + bytes(11)])
def test_no_dns(data: bytes) -> None:
    talk = conversation(memory_stream(pieces(data, 100)))
    assert [d.cut for d in tcp_dns_messages(talk)] in ([], [True])
    assert talk.problems.counts["DNS-TCP-FRAMING"] == 1


def test_empty() -> None:
    assert tcp_dns_messages(conversation(memory_stream([]))) == []


@given(
    st.lists(st.tuples(st.integers(0, 30), st.binary(max_size=60)), max_size=12),
    st.booleans(),
)
def test_any_bytes_with_any_holes(parts: list[tuple[int, bytes]], from_start: bool) -> None:
    at, held = 0, []
    for frame, (gap, data) in enumerate(parts, 1):
        at += gap
        held.append((at, data, frame, frame * 10))
        at += len(data)
    talk = conversation(memory_stream(held, end=at, from_start=from_start))
    for found in tcp_dns_messages(talk):
        assert 1 <= found.frame <= len(parts)
        assert found.time == found.frame * 10
        assert len(found.payload) >= 12
