"""No bytes make decoding raise, read past a packet, or lose a frame."""

from __future__ import annotations

import ipaddress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.capture.model import PacketIndex
from analyzer.decode import decode as decoding
from analyzer.decode.fallback import UNWRAP
from analyzer.decode.gather import gather
from analyzer.decode.hosts import HostIds
from analyzer.decode.layer import IP_PROTOCOL, LINK
from analyzer.decode.ledger import ledger
from analyzer.decode.link import STEPS, link_addresses
from analyzer.decode.table import Kind, PacketTable
from analyzer.options import Options
from tests.build import eth, ip4, ip6, tcp
from tests.decode.index_of import index_of, table_of
from tests.decode.test_tunnels import LINKS, TUNNELS

LINK_TYPES = sorted({n - LINK for n in (*UNWRAP, *(n for n, _ in STEPS)) if LINK <= n < IP_PROTOCOL} | {147})
SEEDS = [(1, packet) for packet in TUNNELS.values()] + list(LINKS.values())


def sound(table: PacketTable) -> None:
    """Check what holds for every table, whatever the packets are."""
    index = table.index
    assert ledger(table).total == len(table) == len(index)
    captured = index.caplen.astype(np.int64)
    inside = table.payload_cap > 0
    in_file = np.array([row not in table.rebuilt for row in range(len(table))], dtype=np.bool_)
    ends = table.payload_at.astype(np.int64) + table.payload_cap
    assert (ends[inside & in_file] <= captured[inside & in_file]).all()
    assert (table.payload_at >= 0).all()
    assert (table.payload_cap <= table.payload_len).all()
    has_address = table.src >= 0
    assert (has_address == (table.dst >= 0)).all()
    assert has_address[np.isin(table.kind, (Kind.TCP, Kind.UDP, Kind.ICMP, Kind.OTHER_IP, Kind.FRAGMENT))].all()
    assert not has_address[np.isin(table.kind, (Kind.ARP, Kind.NON_IP))].any()
    assert (table.tcp_header[table.kind != Kind.TCP] == 0).all()
    for row in range(len(table)):
        assert len(table.payload(row)) == table.payload_cap[row]
        assert b"\xee" * 7 not in table.payload(row)
        table.tcp_options(row)
        assert (row in table.reasons) == (table.kind[row] in (Kind.UNSUPPORTED, Kind.MALFORMED))
    link_addresses(table, range(len(table)))


@given(link_type=st.sampled_from(LINK_TYPES), packets=st.lists(st.binary(max_size=120), max_size=5))
@settings(max_examples=150, deadline=None)
def test_any_bytes_under_any_link_type(link_type: int, packets: list[bytes]) -> None:
    sound(table_of([p.replace(b"\xee", b"\xed") for p in packets], link_type))


@given(
    seed=st.sampled_from(SEEDS),
    changes=st.lists(st.tuples(st.integers(0, 150), st.integers(0, 255)), max_size=4),
    cut=st.integers(0, 200),
    extra=st.integers(0, 50),
)
@settings(max_examples=200, deadline=None)
def test_any_change_to_a_good_packet(
    seed: tuple[int, bytes], changes: list[tuple[int, int]], cut: int, extra: int
) -> None:
    link_type, good = seed
    packet = bytearray(good)
    for place, value in changes:
        packet[place % len(packet)] = value if value != 0xEE else 0
    kept = bytes(packet[:cut])
    sound(table_of([kept, good], link_type, wire=[len(kept) + extra, len(good)]))


def test_chunks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    packets = [packet for link_type, packet in SEEDS if link_type == 1] * 3
    whole = table_of(packets)
    monkeypatch.setattr(decoding, "CHUNK", 7)
    seen: list[float] = []
    parts = decoding.decode(index_of(packets), Options(), lambda stage, done: seen.append(done))
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    for name in ("kind", "proto", "sport", "seq", "payload_at", "payload_len", "payload_cap", "ttl", "ip_id"):
        assert getattr(whole, name).tolist() == getattr(parts, name).tolist()
    assert [whole.host(int(h)) for h in whole.src] == [parts.host(int(h)) for h in parts.src]


def test_fragments_meet_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "CHUNK", 1)
    segment = tcp(b"x" * 100, sport=5, dport=6)
    table = table_of([eth(ip4(segment[:64], flags=1)), eth(ip4(segment[64:], frag=8))])
    assert table.kind.tolist() == [Kind.FRAGMENT, Kind.TCP]
    assert table.payload(1) == b"x" * 100


@given(st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), min_size=1, max_size=30))
@settings(max_examples=50, deadline=None)
def test_one_id_per_address(addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address]) -> None:
    packets = [
        eth(ip4(tcp(), src=str(a), dst="10.0.0.1")) if a.version == 4 else eth(ip6(tcp(), src=str(a)), ethertype=0x86DD)
        for a in addresses
    ]
    table = table_of(packets)
    assert [ipaddress.ip_address(table.host(int(h))) for h in table.src] == addresses
    assert len(set(table.src.tolist())) == len(set(addresses))
    assert len({row.tobytes() for row in table.hosts}) == len(table.hosts)


def test_addresses_that_share_a_slot_keep_their_ids() -> None:
    hosts = HostIds()
    many = np.arange(300_000, dtype=np.uint32)
    first = hosts.ids4(many)
    assert np.array_equal(first, hosts.ids4(many))
    assert np.unique(first).size == many.size
    table = hosts.table()
    assert np.array_equal(table[first, 1:5].copy().view(">u4").ravel(), many)


def test_gather_beyond_the_end_of_the_data_reads_zero() -> None:
    layout = np.dtype([("a", ">u2"), ("b", ">u2")])
    data = np.array([1, 2, 3, 4, 5], dtype=np.uint8)
    found = gather(data, np.array([0, 1, 2, 4, 5, 900], dtype=np.int64), layout)
    assert found["a"].tolist() == [0x0102, 0x0203, 0x0304, 0x0500, 0, 0]
    assert found["b"].tolist() == [0x0304, 0x0405, 0x0500, 0, 0, 0]
    assert gather(data[:1], np.array([0], dtype=np.int64), layout)["a"].tolist() == [0x0100]


def test_a_wire_length_below_the_captured_is_not_believed() -> None:
    packet = eth(ip4(tcp(b"hello")))
    table = table_of([packet], wire=[20])
    assert (table.kind[0], table.payload(0)) == (Kind.TCP, b"hello")


def test_an_interface_that_is_not_there_does_not_raise() -> None:
    index: PacketIndex = index_of([eth(ip4(tcp()))])
    index.interface[:] = 9
    assert decoding.decode(index, Options()).kind.tolist() == [Kind.TCP]
