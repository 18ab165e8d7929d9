"""The innermost packet decides a row: encapsulations and link types that are unwrapped packet by packet."""

from __future__ import annotations

import struct

import pytest

from analyzer.decode.link import LinkAddresses, link_addresses
from analyzer.decode.table import Kind
from analyzer.options import Limits, Options
from tests.build import MAC_A, MAC_B, arp, eth, ip4, ip6, mac, tcp, udp
from tests.decode.index_of import table_of

INNER4 = ip4(tcp(b"inner", sport=1111, dport=2222, flags="PA"), src="192.168.1.1", dst="192.168.1.2", ttl=9)
INNER6 = ip6(tcp(b"inner", sport=1111, dport=2222, flags="PA"), src="fd00::1", dst="fd00::2", hop_limit=9)
FRAME = eth(INNER4)
SNAP = bytes.fromhex("aaaa030000000800")


def over_udp(payload: bytes, port: int, sport: int = 50000) -> bytes:
    return eth(ip4(udp(payload, sport=sport, dport=port), proto=17))


def over_gre(header: str, payload: bytes) -> bytes:
    return eth(ip4(bytes.fromhex(header) + payload, proto=47))


def ppp_in_pppoe(payload: bytes) -> bytes:
    return struct.pack(">BBHH", 0x11, 0, 1, len(payload)) + payload


TUNNELS = {
    "pppoe": eth(ppp_in_pppoe(b"\0\x21" + INNER4), ethertype=0x8864),
    "pppoe-v6": eth(ppp_in_pppoe(b"\0\x57" + INNER6), ethertype=0x8864, vlan=[1, 2]),
    "pppoe-short-protocol": eth(ppp_in_pppoe(b"\x21" + INNER4), ethertype=0x8864),
    "mpls": eth(bytes.fromhex("0001004000002140") + INNER4, ethertype=0x8847),
    "mpls-stack": eth(bytes.fromhex("00010040000121ff") + INNER6, ethertype=0x8847),
    "mpls-ethernet": eth(bytes.fromhex("000121ff") + FRAME, ethertype=0x8847),
    "mpls-control-word": eth(bytes.fromhex("000121ff00000000") + FRAME, ethertype=0x8847),
    "ip-in-ip": eth(ip4(INNER4, proto=4)),
    "6in4": eth(ip4(INNER6, proto=41)),
    "4in6": eth(ip6(INNER4, next_header=4), ethertype=0x86DD),
    "gre": over_gre("00000800", INNER4),
    "gre-v6": over_gre("000086dd", INNER6),
    "gre-all-fields": over_gre("b0000800" + "00000000" + "0000002a" + "00000001", INNER4),
    "gre-routing": over_gre("40000800" + "00000000" + "08000004" + "0a000001" + "00000000", INNER4),
    "gre-ethernet": over_gre("00006558", FRAME),
    "gre-pptp": over_gre("3001880b" + struct.pack(">HHI", len(INNER4) + 4, 7, 1).hex() + "ff030021", INNER4),
    "erspan-1": over_gre("000088be", FRAME),
    "erspan-2": over_gre("100088be" + "00000001" + "1000000000000000", FRAME),
    "erspan-3": over_gre("100022eb" + "00000001" + "20000000" + "00000000" + "00000000", FRAME),
    "wccp": over_gre("0000883e" + "00000000", INNER4),
    "ether-ip": eth(ip4(b"\x30\0" + FRAME, proto=97)),
    "vxlan": over_udp(b"\x08\0\0\0\0\0\x2a\0" + FRAME, 4789),
    "vxlan-gpe": over_udp(b"\x0c\0\0\1\0\0\x2a\0" + INNER4, 4790),
    "geneve": over_udp(b"\x02\0\x65\x58\0\0\x2a\0" + bytes(8) + FRAME, 6081),
    "gtp": over_udp(struct.pack(">BBHI", 0x30, 255, len(INNER4), 9) + INNER4, 2152, 2152),
    "gtp-extension": over_udp(
        struct.pack(">BBHIHBB", 0x34, 255, len(INNER4) + 8, 9, 0, 0, 0x85) + b"\x01\0\0\0" + INNER4, 2152
    ),
    "teredo": over_udp(INNER6, 3544),
    "teredo-headers": over_udp(b"\0\1\0\0" + bytes(9) + b"\0\0" + bytes(6) + INNER6, 40000, 3544),
    "l2tp": over_udp(
        bytes.fromhex("4002") + struct.pack(">HHH", 12 + len(INNER4), 1, 2) + b"\xff\3\0\x21" + INNER4, 1701
    ),
    "lisp": over_udp(bytes(8) + INNER4, 4341),
    "gre-in-gre": over_gre("00000800", ip4(bytes.fromhex("00000800") + INNER4, proto=47)),
    "vxlan-in-mpls-in-vlan": eth(
        b"\0\1\x21\xff" + over_udp(b"\x08" + bytes(7) + FRAME, 4789)[14:], ethertype=0x8847, vlan=3
    ),
    "provider-backbone": eth(bytes(4) + FRAME, ethertype=0x88E7),
    "isl": bytes.fromhex("01000c0000") + bytes(7) + struct.pack(">H", len(FRAME) + 12) + bytes(12) + FRAME,
}


@pytest.mark.parametrize("name", TUNNELS)
def test_inner_tcp_decides(name: str) -> None:
    table = table_of([TUNNELS[name]])
    assert table.kind.tolist() == [Kind.TCP]
    assert (table.sport[0], table.dport[0], table.ttl[0], table.proto[0]) == (1111, 2222, 9, 6)
    assert table.host(int(table.src[0])) in ("192.168.1.1", "fd00::1")
    assert table.payload(0) == b"inner"


WLAN = bytes.fromhex("0801") + bytes(22)
RADIOTAP = bytes.fromhex("000009000200000000")

LINKS = {
    "ppp": (9, b"\xff\x03\0\x21" + INNER4),
    "ppp-bare": (9, b"\0\x21" + INNER4),
    "ppp-hdlc": (50, b"\xff\x03\0\x57" + INNER6),
    "ppp-hdlc-cisco": (50, b"\x0f\0\x08\0" + INNER4),
    "ppp-direction": (204, b"\1\xff\x03\0\x21" + INNER4),
    "ppp-pppd": (166, b"\0\x03\0\x21" + INNER4),
    "cisco-hdlc": (104, b"\x0f\0\x86\xdd" + INNER6),
    "frame-relay": (107, b"\x18\x41\x03\xcc" + INNER4),
    "frame-relay-snap": (107, b"\x18\x41\x03\0\x80\0\0\0\x08\0" + INNER4),
    "frame-relay-bridged": (107, b"\x18\x41\x03\0\x80\0\x80\xc2\0\x07" + FRAME),
    "frame-relay-cisco": (107, b"\x18\x41\x08\0" + INNER4),
    "802.11": (105, WLAN + SNAP + INNER4),
    "802.11-qos": (105, bytes.fromhex("8801") + bytes(24) + SNAP + INNER4),
    "802.11-four-addresses": (105, bytes.fromhex("0803") + bytes(28) + SNAP + INNER4),
    "radiotap": (127, RADIOTAP + WLAN + SNAP + INNER4),
    "radiotap-padded": (127, RADIOTAP[:-1] + b"\x20" + bytes.fromhex("8801") + bytes(26) + SNAP + INNER4),
    "prism": (119, bytes(4) + struct.pack("<I", 144) + bytes(136) + WLAN + SNAP + INNER4),
    "avs": (163, struct.pack(">II", 0x80211001, 64) + bytes(56) + WLAN + SNAP + INNER4),
    "ppi": (192, struct.pack("<BBHI", 0, 0, 8, 105) + WLAN + SNAP + INNER4),
    "fddi": (10, b"\x50" + bytes(12) + SNAP + INNER4),
    "token-ring": (6, b"\x10\x40" + bytes(12) + SNAP + INNER4),
    "token-ring-routed": (6, b"\x10\x40" + bytes(6) + b"\x80" + bytes(5) + b"\x06\x30" + bytes(4) + SNAP + INNER4),
    "slip": (8, bytes(16) + INNER4),
    "nflog": (239, b"\x02\0\0\0" + struct.pack("<HHHH", 5, 1, 0, 0) + struct.pack("<HH", 4 + len(INNER4), 9) + INNER4),
    "ipnet": (226, b"\1\2" + bytes(22) + INNER4),
    "pktap": (258, struct.pack("<III", 108, 1, 1) + bytes(96) + FRAME),
    "atm": (100, SNAP + INNER4),
    "dsa": (284, FRAME[:12] + bytes(4) + FRAME[12:]),
    "edsa": (285, FRAME[:12] + bytes(8) + FRAME[12:]),
}


@pytest.mark.parametrize("name", LINKS)
def test_link_types(name: str) -> None:
    link_type, packet = LINKS[name]
    table = table_of([packet], link_type)
    assert table.kind.tolist() == [Kind.TCP]
    assert table.payload(0) == b"inner"
    assert table.payload_at[0] + 5 <= len(packet)


def test_inner_arp_forgets_the_outer_addresses() -> None:
    message = arp(1, MAC_A, "10.0.0.1", MAC_B, "10.0.0.2")
    table = table_of([over_udp(b"\x08" + bytes(7) + eth(message, ethertype=0x0806), 4789)])
    assert table.kind.tolist() == [Kind.ARP]
    assert (table.src[0], table.dport[0], table.proto[0], table.payload(0)) == (-1, 0, 0, message)


def test_inner_protocol_forgets_the_outer_ports() -> None:
    table = table_of([over_udp(b"\x08" + bytes(7) + eth(ip4(b"", proto=89)), 4789)])
    assert (table.kind[0], table.sport[0], table.dport[0], table.payload_len[0]) == (Kind.OTHER_IP, 0, 0, 0)


@pytest.mark.parametrize(
    ("packet", "kind"),
    [
        (over_udp(b"\0" * 60, 4789), Kind.UDP),
        (over_udp(b"\x08" + bytes(7) + eth(b"?", ethertype=0x88CC), 4789), Kind.UDP),
        (over_udp(b"hello", 2152), Kind.UDP),
        (over_udp(b"", 3544), Kind.UDP),
        (over_udp(b"\x60\0\0\0\xff\xff" + bytes(40), 3544), Kind.UDP),
        (eth(ip4(udp(b"\x08" + bytes(7) + FRAME, sport=4789, dport=53), proto=17)), Kind.UDP),
        (over_gre("00000000", b""), Kind.OTHER_IP),
        (eth(b"\x11\x09" + bytes(4), ethertype=0x8864), Kind.NON_IP),
    ],
)
def test_what_is_no_tunnel_stays_what_it_is(packet: bytes, kind: Kind) -> None:
    table = table_of([packet])
    assert table.kind.tolist() == [kind]
    assert table.problems == ()


def test_a_broken_inside_is_a_problem_of_a_good_outside() -> None:
    table = table_of([eth(ip4(b"\x41" + INNER4[1:], proto=4)), over_udp(b"\x08" + bytes(7) + FRAME[:9], 4789)])
    assert table.kind.tolist() == [Kind.OTHER_IP, Kind.UDP]
    assert [(problem.code, problem.frame) for problem in table.problems] == [
        ("TUNNEL-MALFORMED", 1),
        ("TUNNEL-MALFORMED", 2),
    ]
    assert table.payload(1) == b"\x08" + bytes(7) + FRAME[:9]


def test_a_broken_link_header_is_malformed() -> None:
    table = table_of([eth(b"\x11\0", ethertype=0x8864), b"\0\0\x04\0" + bytes(8)], [1, 127])
    assert table.reasons == {
        0: "packet ends inside the PPPoE header",
        1: "radiotap: header length 4 below 8",
    }


def test_what_cannot_be_read_says_so() -> None:
    table = table_of([bytes.fromhex("0841") + bytes(40), b"\xff\3\0\x2d" + bytes(20)], [105, 9])
    assert table.unsupported == {
        "802.11 data is encrypted": 1,
        "PPP with Van Jacobson TCP/IP header compression": 1,
    }


def test_tunnels_in_tunnels_stop_at_the_limit() -> None:
    packet = INNER4
    for _ in range(5):
        packet = ip4(packet, proto=4)
    deep = table_of([eth(packet)], options=Options(limits=Limits(tunnel_depth=4)))
    assert deep.kind.tolist() == [Kind.OTHER_IP]
    assert [problem.code for problem in deep.problems] == ["LIMIT-REACHED"]
    enough = table_of([eth(packet)], options=Options(limits=Limits(tunnel_depth=5)))
    assert enough.kind.tolist() == [Kind.TCP]


def test_outer_length_bounds_the_inner_packet() -> None:
    # PPPoE says 7 bytes fewer than Ethernet holds: padding, although the inner IP length claims them.
    liar = bytearray(INNER4)
    liar[2:4] = struct.pack(">H", len(INNER4) + 7)
    packet = eth(ppp_in_pppoe(b"\0\x21" + bytes(liar)), ethertype=0x8864) + b"\xee" * 7
    table = table_of([packet])
    assert (table.payload(0), table.payload_len[0]) == (b"inner", 5)


def test_link_addresses() -> None:
    to_ap = bytes.fromhex("0801") + bytes(2) + mac("02:00:00:00:00:aa") + mac(MAC_A) + mac(MAC_B) + bytes(2)
    packets = [
        (1, eth(INNER4)),
        (1, eth(INNER4, vlan=[5, 6])),
        (113, struct.pack(">HHH6s2xH", 4, 1, 6, mac(MAC_A), 0x0800) + INNER4),
        (276, struct.pack(">HHIHBB6s2x", 0x0800, 0, 2, 1, 0, 6, mac(MAC_A)) + INNER4),
        (101, INNER4),
        (105, to_ap + SNAP + INNER4),
        (127, RADIOTAP + to_ap + SNAP + INNER4),
        (1, b"\1\2\3"),
    ]
    table = table_of([packet for _, packet in packets], [kind for kind, _ in packets])
    assert link_addresses(table, range(8)) == [
        LinkAddresses(MAC_A, MAC_B, None),
        LinkAddresses(MAC_A, MAC_B, 5),
        LinkAddresses(MAC_A, None, None),
        LinkAddresses(MAC_A, None, None),
        LinkAddresses(None, None, None),
        LinkAddresses(MAC_A, MAC_B, None),
        LinkAddresses(MAC_A, MAC_B, None),
        LinkAddresses(None, None, None),
    ]
    assert link_addresses(table.index, [1])[0].vlan == 5
