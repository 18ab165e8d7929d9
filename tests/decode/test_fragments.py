"""Datagrams are put together from fragments in any order, and only within bounds."""

from __future__ import annotations

import struct
from itertools import pairwise
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.decode.fragments import TIMEOUT_NS
from analyzer.decode.table import Kind
from analyzer.options import Limits, Options
from tests.build import eth, ip4, ip6, tcp, udp
from tests.decode.index_of import table_of

DATAGRAM = udp(bytes(range(200)) * 3, sport=53, dport=5353)


def v4(
    start: int, stop: int, *, data: bytes = DATAGRAM, ident: int = 7, proto: int = 17, src: str = "10.0.0.1"
) -> bytes:
    more = 1 if stop < len(data) else 0
    return eth(ip4(data[start:stop], proto=proto, ident=ident, flags=more, frag=start // 8, src=src))


def v6(start: int, stop: int, *, data: bytes = DATAGRAM, ident: int = 7, proto: int = 17) -> bytes:
    more = 1 if stop < len(data) else 0
    head = struct.pack(">BBHI", proto, 0, start | more, ident)
    return eth(ip6(data[start:stop], next_header=44, extensions=head, proto=255), ethertype=0x86DD)


def test_the_last_piece_to_arrive_carries_the_datagram() -> None:
    table = table_of([v4(0, 200), v4(400, 608), v4(200, 400)])
    assert table.kind.tolist() == [Kind.FRAGMENT, Kind.FRAGMENT, Kind.UDP]
    assert (table.sport[2], table.dport[2]) == (53, 5353)
    assert table.payload(2) == DATAGRAM[8:]
    assert table.payload(2, 100, 5) == DATAGRAM[108:113]
    assert dict(table.rebuilt) == {2: DATAGRAM}
    assert table.payload_at[2] == 8


def test_ipv6_with_an_extension_header_behind_the_fragment_header() -> None:
    data = b"\x06\x00" + bytes(6) + tcp(b"abcdefgh" * 4, sport=9, dport=10, options=b"\1" * 4)
    table = table_of([v6(0, 24, data=data, proto=60), v6(24, len(data), data=data, proto=60)])
    assert table.kind.tolist() == [Kind.FRAGMENT, Kind.TCP]
    assert (table.sport[1], table.proto[1], table.payload(1)) == (9, 6, b"abcdefgh" * 4)
    assert table.tcp_options(1) == b"\1" * 4


@given(
    cuts=st.sets(st.integers(1, 75), max_size=6),
    order=st.randoms(use_true_random=False),
    doubled=st.booleans(),
    version=st.sampled_from([4, 6]),
)
@settings(max_examples=60, deadline=None)
def test_any_cutting_in_any_order(cuts: set[int], order: Random, doubled: bool, version: int) -> None:
    edges = [0, *(cut * 8 for cut in sorted(cuts)), len(DATAGRAM)]
    build = v4 if version == 4 else v6
    pieces = [build(a, b) for a, b in pairwise(edges)]
    if len(pieces) == 1:
        return
    order.shuffle(pieces)
    # Each piece twice but the last: repetitions change nothing.
    packets = [p for piece in pieces[:-1] for p in [piece] * (2 if doubled else 1)] + pieces[-1:]
    table = table_of(packets)
    assert table.kind.tolist() == [Kind.FRAGMENT] * (len(packets) - 1) + [Kind.UDP]
    assert table.payload(len(packets) - 1) == DATAGRAM[8:]


def test_incomplete_stays_a_fragment_even_with_ports() -> None:
    table = table_of([v4(0, 200), v4(400, 608)])
    assert table.kind.tolist() == [Kind.FRAGMENT, Kind.FRAGMENT]
    assert table.sport.tolist() == [0, 0]
    assert table.host(int(table.src[0])) == "10.0.0.1"


def test_identification_protocol_and_address_keep_datagrams_apart() -> None:
    first, last = v4(0, 200), v4(200, 608)
    others = [v4(200, 608, ident=8), v4(200, 608, proto=6), v4(200, 608, src="10.0.0.9")]
    table = table_of([first, *others, last])
    assert table.kind.tolist() == [Kind.FRAGMENT] * 4 + [Kind.UDP]


def test_two_datagrams_interleaved() -> None:
    table = table_of([v4(0, 200), v4(0, 200, ident=8), v4(200, 608, ident=8), v4(200, 608)])
    assert table.kind.tolist() == [Kind.FRAGMENT, Kind.FRAGMENT, Kind.UDP, Kind.UDP]
    assert table.payload(2) == table.payload(3) == DATAGRAM[8:]


def test_overlap_keeps_what_came_first_and_is_reported() -> None:
    evil = bytes(200) + b"\xff" * 408
    table = table_of([v4(0, 240), v4(200, 608, data=evil)])
    assert table.payload(1)[192:232] == DATAGRAM[200:240]
    assert table.payload(1)[232:] == b"\xff" * 368
    assert [problem.code for problem in table.problems] == ["IP-FRAGMENT-OVERLAP"]
    assert table.problems[0].frame == 2


def test_too_old() -> None:
    late = table_of([v4(0, 200), v4(200, 608)], times=[0, TIMEOUT_NS + 1])
    in_time = table_of([v4(0, 200), v4(200, 608)], times=[0, TIMEOUT_NS])
    assert late.kind.tolist() == [Kind.FRAGMENT, Kind.FRAGMENT]
    assert in_time.kind.tolist() == [Kind.FRAGMENT, Kind.UDP]


def test_the_oldest_is_given_up_when_too_many_wait() -> None:
    options = Options(limits=Limits(datagrams_waiting=2))
    packets = [v4(0, 200, ident=number) for number in (1, 2, 3)] + [v4(200, 608, ident=number) for number in (3, 2, 1)]
    table = table_of(packets, options=options)
    assert table.kind.tolist() == [Kind.FRAGMENT] * 3 + [Kind.UDP, Kind.UDP, Kind.FRAGMENT]
    assert [problem.code for problem in table.problems] == ["LIMIT-REACHED"]


def test_a_piece_past_the_longest_datagram_is_left_out() -> None:
    table = table_of([eth(ip4(bytes(1400), proto=1, frag=8189))])
    assert table.kind.tolist() == [Kind.FRAGMENT]
    assert [problem.code for problem in table.problems] == ["IP-FRAGMENT-TOO-LONG"]


def test_fragments_cut_by_snaplen_are_not_put_together_but_the_first_shows_its_ports() -> None:
    first, second = v4(0, 200), v4(200, 608)
    table = table_of([first[:100], second], wire=[len(first), len(second)])
    assert table.kind.tolist() == [Kind.UDP, Kind.FRAGMENT]
    assert (table.sport[0], table.payload_cap[0], table.payload_len[0]) == (53, 100 - 42, 192)


def test_fragments_without_data_and_a_broken_rest() -> None:
    table = table_of(
        [eth(ip4(b"", proto=17, flags=1)), v4(0, 200, proto=6), v4(200, 204, data=DATAGRAM[:204], proto=6)]
    )
    assert table.kind.tolist() == [Kind.FRAGMENT, Kind.FRAGMENT, Kind.TCP]
    short = table_of([eth(ip4(b"12345678", proto=6, flags=1)), eth(ip4(b"12", proto=6, frag=1))])
    assert short.kind.tolist() == [Kind.FRAGMENT, Kind.MALFORMED]
    assert short.malformed == {"packet ends inside the TCP header": 1}


def test_a_fragmented_tunnel_with_fragments_inside() -> None:
    inner = [ip4(DATAGRAM[:304], proto=17, ident=5, flags=1), ip4(DATAGRAM[304:], proto=17, ident=5, frag=38)]
    outer = [
        eth(ip4(packet[start:stop], proto=4, ident=number, flags=1 if stop < len(packet) else 0, frag=start // 8))
        for number, packet in enumerate(inner)
        for start, stop in ((0, 160), (160, len(packet)))
    ]
    table = table_of(outer)
    assert table.kind.tolist() == [Kind.FRAGMENT] * 3 + [Kind.UDP]
    assert table.payload(3) == DATAGRAM[8:]
