"""What is in a packet comes out of its row: fields, lengths, positions, for each link layer read as a vector."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.decode.ledger import ledger
from analyzer.decode.table import Flag, Kind
from tests.build import MAC_A, MAC_B, arp, eth, icmp4, icmp6, ip4, ip6, tcp, udp
from tests.decode.index_of import table_of

SEGMENT = tcp(b"hello", sport=1234, dport=80, seq=0xFFFFFFFF, ack=9, flags="PA", window=512)

BY_HAND = bytes.fromhex(
    "0200000000020200000000010800"  # Ethernet
    "4500003c1c4640004006b1e6ac100a63ac100a0c"  # IPv4: length 60, id 0x1c46, DF, TTL 64, TCP, 172.16.10.99 -> .12
    "c35000500000000a00000000a002721000000000"  # TCP: 50000 -> 80, seq 10, header 40 bytes, SYN, window 29200
    "020405b40402080a001122330000000001030307"  # MSS 1460, SACK permitted, timestamps, scale 7
)


def test_a_syn_written_by_hand() -> None:
    table = table_of([BY_HAND])
    assert table.kind.tolist() == [Kind.TCP]
    assert (table.host(int(table.src[0])), table.host(int(table.dst[0]))) == ("172.16.10.99", "172.16.10.12")
    assert (table.sport[0], table.dport[0], table.seq[0], table.ack[0]) == (50000, 80, 10, 0)
    assert (table.window[0], table.flags[0], table.tcp_header[0]) == (29200, Flag.SYN, 40)
    assert (table.ttl[0], table.ip_id[0], table.proto[0]) == (64, 0x1C46, 6)
    assert (table.payload_at[0], table.payload_len[0], table.payload_cap[0]) == (74, 0, 0)
    assert table.tcp_options(0).hex() == "020405b40402080a001122330000000001030307"


SLL = struct.pack(">HHH8sH", 0, 1, 6, bytes(8), 0x0800)
SLL2 = struct.pack(">HHIHBB8s", 0x0800, 0, 2, 1, 0, 6, bytes(8))


@pytest.mark.parametrize(
    ("link_type", "head"),
    [
        (1, eth(b"")),
        (1, eth(b"", vlan=5)),
        (1, eth(b"", vlan=[5, 6, 7])),
        (1, bytes(12) + bytes.fromhex("88a8000591000006810000070800")),
        (113, SLL),
        (276, SLL2),
        (0, struct.pack("<I", 2)),
        (0, struct.pack(">I", 2)),
        (108, struct.pack(">I", 2)),
        (12, b""),
        (14, b""),
        (101, b""),
        (228, b""),
        (1, bytes(12) + struct.pack(">H", 8 + 45) + bytes.fromhex("aaaa030000000800")),
    ],
)
def test_ipv4_under_each_link_layer(link_type: int, head: bytes) -> None:
    table = table_of([head + ip4(SEGMENT)], link_type)
    assert table.kind.tolist() == [Kind.TCP]
    assert (table.sport[0], table.dport[0], table.seq[0]) == (1234, 80, 0xFFFFFFFF)
    assert table.payload_at[0] == len(head) + 40
    assert table.payload(0) == b"hello"


@pytest.mark.parametrize(
    ("link_type", "head"),
    [
        (1, eth(b"", ethertype=0x86DD)),
        (113, SLL[:-2] + b"\x86\xdd"),
        (276, b"\x86\xdd" + SLL2[2:]),
        *((0, struct.pack("<I", family)) for family in (10, 23, 24, 28, 30)),
        (108, struct.pack(">I", 24)),
        (101, b""),
        (229, b""),
    ],
)
def test_ipv6_under_each_link_layer(link_type: int, head: bytes) -> None:
    table = table_of([head + ip6(SEGMENT, src="2001:db8::a", dst="fe80::1", hop_limit=3)], link_type)
    assert table.kind.tolist() == [Kind.TCP]
    assert (table.host(int(table.src[0])), table.host(int(table.dst[0]))) == ("2001:db8::a", "fe80::1")
    assert (table.ttl[0], table.ip_id[0]) == (3, 0)
    assert table.payload_at[0] == len(head) + 60
    assert table.payload(0) == b"hello"


def test_link_types_of_one_capture_are_told_apart_by_interface() -> None:
    table = table_of([eth(ip4(SEGMENT)), ip4(SEGMENT), eth(ip4(SEGMENT)), SLL + ip4(SEGMENT)], [1, 101, 1, 113])
    assert table.payload_at.tolist() == [54, 40, 54, 56]
    assert {table.payload(row) for row in range(4)} == {b"hello"}


@given(
    sport=st.integers(0, 65535),
    dport=st.integers(0, 65535),
    seq=st.integers(0, 2**32 - 1),
    ack=st.integers(0, 2**32 - 1),
    window=st.integers(0, 65535),
    flags=st.sets(st.sampled_from("FSRPAUEC")),
    options=st.integers(0, 10).map(lambda words: b"\x01" * (4 * words)),
    payload=st.binary(max_size=40),
    padding=st.binary(max_size=8),
    version=st.sampled_from([4, 6]),
)
@settings(max_examples=80, deadline=None)
def test_tcp_fields_come_back(
    sport: int,
    dport: int,
    seq: int,
    ack: int,
    window: int,
    flags: set[str],
    options: bytes,
    payload: bytes,
    padding: bytes,
    version: int,
) -> None:
    letters = "".join(flags)
    segment = tcp(payload, sport=sport, dport=dport, seq=seq, ack=ack, window=window, flags=letters, options=options)
    packet = eth(ip4(segment)) if version == 4 else eth(ip6(segment), ethertype=0x86DD)
    table = table_of([packet + padding])
    bits = dict(zip("FSRPAUEC", (1, 2, 4, 8, 16, 32, 64, 128), strict=True))
    assert (table.sport[0], table.dport[0], table.seq[0], table.ack[0]) == (sport, dport, seq, ack)
    assert (table.window[0], table.flags[0]) == (window, sum(bits[letter] for letter in flags))
    assert (table.tcp_header[0], table.payload(0), table.tcp_options(0)) == (20 + len(options), payload, options)
    assert table.payload_len[0] == table.payload_cap[0] == len(payload)


def test_ethernet_padding_is_no_payload() -> None:
    short = eth(ip4(tcp(b"", flags="A")))
    table = table_of([short.ljust(60, b"\0"), eth(ip4(udp(b"ab"), proto=17)).ljust(60, b"\0") + b"\1\2\3\4"])
    assert table.payload_len.tolist() == [0, 2]
    assert table.payload(1) == b"ab"


def test_total_length_zero_takes_the_length_from_the_wire() -> None:
    packet = bytearray(eth(ip4(tcp(b"x" * 3000, flags="A"))))
    packet[16:18] = b"\0\0"
    table = table_of([bytes(packet[:100])], wire=[len(packet)])
    assert (table.kind[0], table.payload_len[0], table.payload_cap[0]) == (Kind.TCP, 3000, 46)


def test_total_length_beyond_the_packet_is_believed_up_to_the_wire() -> None:
    packet = bytearray(eth(ip4(tcp(b"abc", flags="A"))))
    packet[16:18] = b"\x40\0"
    table = table_of([bytes(packet)])
    assert (table.payload_len[0], table.payload(0)) == (3, b"abc")


def test_ipv4_options_are_stepped_over() -> None:
    table = table_of([eth(ip4(SEGMENT, options=b"\x94\x04\0\0" * 10))])
    assert (table.payload_at[0], table.payload(0)) == (14 + 60 + 20, b"hello")


@pytest.mark.parametrize(
    ("first", "chain"),
    [
        (0, b"\x06\x00" + b"\x01\x04" + bytes(4)),
        (60, b"\x06\x01" + b"\x01\x0c" + bytes(12)),
        (43, b"\x06\x02\x00\x00" + bytes(20)),
        (51, b"\x06\x04" + bytes(22)),
        (44, b"\x06\x00\x00\x00" + bytes(4)),
        (135, b"\x06\x00" + bytes(6)),
        (0, b"\x3c\x00" + bytes(6) + b"\x2b\x00" + bytes(6) + b"\x2c\x00" + bytes(6) + b"\x06\x00" + bytes(6)),
    ],
    ids=["hop-by-hop", "destination", "routing", "authentication", "atomic-fragment", "mobility", "four"],
)
def test_ipv6_extension_headers(first: int, chain: bytes) -> None:
    packet = ip6(SEGMENT, next_header=first, extensions=chain, proto=6)
    table = table_of([eth(packet, ethertype=0x86DD)])
    assert (table.kind[0], table.proto[0], table.payload(0)) == (Kind.TCP, 6, b"hello")
    assert table.payload_at[0] == 14 + 40 + len(chain) + 20


def test_ipv4_authentication_header() -> None:
    table = table_of([eth(ip4(b"\x06\x04" + bytes(22) + SEGMENT, proto=51))])
    assert (table.kind[0], table.proto[0], table.payload(0)) == (Kind.TCP, 6, b"hello")


def test_jumbogram_with_length_zero() -> None:
    segment = tcp(b"x" * 70_000)
    packet = struct.pack(">IHBB", 0x60000000, 0, 0, 64) + bytes(15) + b"\1" + bytes(15) + b"\2"
    packet += struct.pack(">BBBBI", 6, 0, 0xC2, 4, len(segment) + 8) + segment
    table = table_of([packet], 101)
    assert (table.kind[0], table.payload_len[0]) == (Kind.TCP, 70_000)


def test_more_extension_headers_than_are_followed() -> None:
    chain = b"\x3c\x00" + bytes(6)
    table = table_of([eth(ip6(b"", next_header=60, extensions=chain * 400), ethertype=0x86DD)])
    assert table.malformed == {"more than 256 IPv6 extension headers": 1}


def test_udp_length_ends_the_datagram() -> None:
    longer = udp(b"abcdef")
    shorter = longer[:4] + struct.pack(">H", 11) + longer[6:]
    jumbo = longer[:4] + b"\0\0" + longer[6:]
    beyond = longer[:4] + struct.pack(">H", 999) + longer[6:]
    table = table_of([eth(ip4(d, proto=17)) for d in (longer, shorter, jumbo, beyond)])
    assert [table.payload(row) for row in range(4)] == [b"abcdef", b"abc", b"abcdef", b"abcdef"]
    assert table.payload_len.tolist() == [6, 3, 6, 6]


def test_icmp_payload_starts_at_its_header() -> None:
    echo = icmp4(8, 0, 0x12340001, b"ping")
    echo6 = icmp6(128, 0, 0x12340001, b"ping")
    table = table_of([eth(ip4(echo, proto=1)), eth(ip6(echo6, next_header=58), ethertype=0x86DD)])
    assert table.kind.tolist() == [Kind.ICMP, Kind.ICMP]
    assert table.proto.tolist() == [1, 58]
    assert table.payload(0) == echo
    assert table.payload(1)[:2] == b"\x80\x00"


def test_arp_and_reverse_arp() -> None:
    message = arp(1, MAC_A, "10.0.0.1", MAC_B, "10.0.0.2")
    packets = [
        eth(message, ethertype=0x0806),
        eth(message, ethertype=0x0806, vlan=[3, 4]),
        eth(message, ethertype=0x8035),
    ]
    table = table_of(packets)
    assert table.kind.tolist() == [Kind.ARP] * 3
    assert [table.payload(row) for row in range(3)] == [message] * 3
    assert table.src.tolist() == table.dst.tolist() == [-1, -1, -1]
    assert table.proto.tolist() == [0, 0, 0]


def test_other_protocols_and_no_ip() -> None:
    table = table_of(
        [eth(ip4(b"sctp", proto=132)), eth(b"x", ethertype=0x88CC), eth(b"\x42\x42\x03" + bytes(35), ethertype=38)]
    )
    assert table.kind.tolist() == [Kind.OTHER_IP, Kind.NON_IP, Kind.NON_IP]
    assert table.proto.tolist() == [132, 0, 0]
    assert table.host(int(table.src[0])) == "10.0.0.1"
    assert table.src.tolist()[1:] == [-1, -1]


@pytest.mark.parametrize("kept", range(80))
def test_every_snaplen(kept: int) -> None:
    packet = eth(ip4(tcp(b"0123456789", sport=7, dport=8, seq=9, flags="A", options=b"\1" * 16)))
    table = table_of([packet[:kept], packet], wire=[len(packet)] * 2)
    assert table.kind[1] == Kind.TCP
    if kept >= 14 + 20 + 16:
        assert (table.kind[0], table.sport[0], table.dport[0], table.seq[0]) == (Kind.TCP, 7, 8, 9)
        assert table.payload_len[0] == 10
        assert table.payload_cap[0] == max(kept - 70, 0)
        assert table.payload(0) == packet[70:kept]
        assert table.tcp_options(0) == packet[54 : min(kept, 70)]
    else:
        name = "Ethernet" if kept < 14 else "IPv4" if kept < 34 else "TCP"
        assert table.reasons == {0: f"cut by snaplen inside the {name} header"}
    assert ledger(table).cut_by_snaplen == 1


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (eth(b"\x43" + ip4(SEGMENT)[1:]), "IPv4 header length 12 below 20"),
        (eth(b"\x65" + ip4(SEGMENT)[1:]), "version 6 in an IPv4 header"),
        (eth(ip4(SEGMENT)[:2] + b"\0\x13" + ip4(SEGMENT)[4:]), "IPv4 total length below its header length"),
        (eth(ip4(SEGMENT), ethertype=0x86DD), "version 4 in an IPv6 header"),
        (eth(ip4(udp(b"")[:4] + b"\0\5\0\0", proto=17)), "UDP length 5 below 8"),
        (eth(ip4(SEGMENT[:12])), "packet ends inside the TCP header"),
        (eth(ip4(b"\x08", proto=1)), "packet ends inside the ICMP header"),
        (b"", "packet ends inside the Ethernet header"),
        (eth(b"", vlan=2)[:17], "packet ends inside the VLAN tag header"),
        (eth(b"", vlan=[1] * 20), "more than 12 link-layer headers"),
        (eth(b"\0\1\x08", ethertype=0x0806), "packet ends inside the ARP header"),
    ],
)
def test_malformed_says_why(packet: bytes, reason: str) -> None:
    table = table_of([eth(ip4(SEGMENT)), packet, eth(ip4(SEGMENT))])
    assert table.kind.tolist() == [Kind.TCP, Kind.MALFORMED, Kind.TCP]
    assert table.reasons == {1: reason}
    assert table.malformed == {reason: 1}


def test_tcp_header_length_below_twenty_keeps_its_place_but_has_no_payload() -> None:
    segment = bytearray(SEGMENT)
    segment[12] = 0x20
    table = table_of([eth(ip4(bytes(segment)))])
    assert (table.kind[0], table.sport[0], table.payload_len[0], table.payload(0)) == (Kind.TCP, 1234, 0, b"")
    assert [problem.code for problem in table.problems] == ["TCP-HEADER-LENGTH"]


def test_unknown_link_type_is_unsupported_by_name() -> None:
    table = table_of([b"abc", eth(ip4(SEGMENT))], [147, 1])
    assert table.kind.tolist() == [Kind.UNSUPPORTED, Kind.TCP]
    assert table.unsupported == {"link type 147 (TYPE147)": 1}


def test_the_ledger_adds_up() -> None:
    packets = [
        eth(ip4(SEGMENT)),
        eth(ip4(udp(b""), proto=17)),
        eth(arp(1, MAC_A, "1.1.1.1", MAC_B, "1.1.1.2"), ethertype=0x0806),
        eth(b"", ethertype=0x88CC),
        eth(ip4(b"x" * 8, flags=1)),
        b"",
        eth(ip4(b"", proto=89)),
        eth(ip4(icmp4(8, 0), proto=1)),
    ]
    found = ledger(table_of(packets))
    assert (found.tcp, found.udp, found.arp, found.icmp, found.other_ip, found.non_ip) == (1, 1, 1, 1, 1, 1)
    assert (found.fragments, found.decoded, found.total) == (1, 6, 8)
    assert found.malformed == {"packet ends inside the Ethernet header": 1}


def test_no_packets() -> None:
    table = table_of([])
    assert len(table) == 0
    assert table.hosts.shape == (0, 17)
    assert ledger(table).total == 0
