"""From a capture file to ARP, DNS and ICMP messages, and the search for quoted packets."""

from __future__ import annotations

from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.decode.table import PacketTable
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.protocols import arp as arp_exchanges
from analyzer.protocols import icmp as icmp_exchanges
from analyzer.protocols.collect import arp_messages, datagrams, icmp_messages, resolver, with_vlans
from analyzer.protocols.icmp_quotes import Quote
from tests.build import arp, eth, icmp4, icmp6, ip4, ip6, pcap_file, tcp, udp
from tests.protocols_names.wire import RESPONSE, A, message, pointer, question, record

HOST, ROUTER = "02:00:00:00:00:01", "02:00:00:00:00:02"
QUERY_BYTES = message([question("example.com")])
REPLY_BYTES = message([question("example.com")], [record(pointer(12), A, bytes(4))], flags=RESPONSE)


def table_of(tmp_path: Path, *packets: bytes | tuple[bytes, int]) -> PacketTable:
    """Decode packets (or (bytes, length on the wire)) one millisecond apart."""
    path = tmp_path / "made.pcap"
    rows = [(i * 1_000_000, p, len(p)) if isinstance(p, bytes) else (i * 1_000_000, *p) for i, p in enumerate(packets)]
    path.write_bytes(pcap_file(rows))
    return decode(open_capture(str(path), Options()), Options())


def dns(payload: bytes, sport: int, dport: int) -> bytes:
    """Return a UDP packet."""
    return eth(ip4(udp(payload, sport=sport, dport=dport), proto=17))


def test_arp_with_vlan(tmp_path: Path) -> None:
    table = table_of(
        tmp_path,
        eth(arp(1, HOST, "10.0.0.1", "00:00:00:00:00:00", "10.0.0.2"), ethertype=0x0806, vlan=42),
        eth(arp(2, ROUTER, "10.0.0.2", HOST, "10.0.0.1"), ethertype=0x0806, vlan=42),
        dns(QUERY_BYTES, 40000, 53),
    )
    (row,) = arp_exchanges.exchanges(arp_messages(table))
    assert (row.vlan, row.request_frame, row.reply_frame, row.latency_ms) == (42, 1, 2, 1.0)


def test_the_vlan_of_datagrams(tmp_path: Path) -> None:
    """Tagged by 802.1Q, not at all, and tagged again; the name servers are the same."""
    packet = ip4(udp(QUERY_BYTES, sport=40000, dport=53), proto=17)
    table = table_of(tmp_path, eth(packet, vlan=10), eth(packet), eth(packet, vlan=4094))
    assert [found.vlan for found in with_vlans(table, datagrams(table))] == [10, None, 4094]


def test_dns_on_two_vlans_through_the_whole_program(tmp_path: Path) -> None:
    """Two networks with the same addresses: the answer of VLAN 20 is none to the question on VLAN 10."""
    packets = []
    for vlan, last in ((20, 99), (10, 9)):
        said = message([question("example.com")], [record(pointer(12), A, bytes([10, 0, 0, last]))], flags=RESPONSE)
        packets.append(eth(ip4(udp(said, sport=53, dport=40000), src="10.0.0.2", dst="10.0.0.1", proto=17), vlan=vlan))
    asked = eth(ip4(udp(QUERY_BYTES, sport=40000, dport=53), src="10.0.0.1", dst="10.0.0.2", proto=17), vlan=10)
    path = tmp_path / "vlans.pcap"
    path.write_bytes(pcap_file([(n * 10_000_000 + 10**18, p, len(p)) for n, p in enumerate([asked, *packets])]))
    analysis = analyze(str(path))
    assert [(row.query_frame, row.response_frame) for row in analysis.dns] == [(1, 3), (None, 2)]
    assert "DNS-CONFLICTING" not in {finding.code for finding in analysis.findings}


@pytest.mark.parametrize(("sport", "dport"), [(40000, 53), (53, 40000), (5353, 5353), (40000, 5355)])
def test_dns_by_port(tmp_path: Path, sport: int, dport: int) -> None:
    (found,) = datagrams(table_of(tmp_path, dns(b"anything", sport, dport)))
    assert (found.frame, found.time, found.payload) == (1, 0, b"anything")
    assert (found.source, found.source_port, found.destination, found.destination_port) == (
        "10.0.0.1",
        sport,
        "10.0.0.2",
        dport,
    )


def test_dns_on_another_port_must_be_perfect(tmp_path: Path) -> None:
    table = table_of(
        tmp_path,
        dns(QUERY_BYTES, 40000, 5300),
        dns(REPLY_BYTES, 5300, 40000),
        dns(QUERY_BYTES + b"x", 40000, 5300),
        dns(QUERY_BYTES[:-1], 40000, 5300),
        dns(QUERY_BYTES, 137, 137),
        dns(b"\0" * 40, 40000, 5300),
        dns(b"", 40000, 53),
    )
    assert [found.frame for found in datagrams(table)] == [1, 2]


def test_a_datagram_cut_by_the_capture(tmp_path: Path) -> None:
    whole = dns(REPLY_BYTES, 53, 40000)
    (found,) = datagrams(table_of(tmp_path, (whole[:60], len(whole))))
    assert found.cut
    assert found.payload == REPLY_BYTES[:18]


def test_nothing_to_collect(tmp_path: Path) -> None:
    table = table_of(tmp_path, eth(ip4(tcp(b"GET"))))
    assert (arp_messages(table), datagrams(table), icmp_messages(table)) == ([], [], [])


def test_icmp_of_both_versions(tmp_path: Path) -> None:
    table = table_of(
        tmp_path,
        eth(ip4(icmp4(8, 0, b"\0\1\0\2", b"x" * 300), proto=1, ttl=9)),
        eth(ip6(icmp6(128, 0, b"\0\1\0\2"), src="2001:db8::1", dst="2001:db8::2", next_header=58), ethertype=0x86DD),
    )
    four, six = icmp_messages(table)
    assert (four.protocol, four.ttl, four.size, four.source, len(four.payload)) == (1, 9, 308, "10.0.0.1", 256)
    assert (six.protocol, six.size, six.destination) == (58, 8, "2001:db8::2")


def test_quoted_packets_are_found(tmp_path: Path) -> None:
    probes = [ip4(udp(b"x", sport=40000, dport=33434 + i), proto=17, ident=i + 1, ttl=i + 1) for i in range(3)]
    syn = ip4(tcp(sport=40000, dport=80, seq=1000), ttl=7)
    again = ip4(tcp(sport=40000, dport=80, seq=1000), ttl=8)
    error = icmp4(11, 0, 0, probes[1][:28])
    table = table_of(
        tmp_path,
        *map(eth, probes),
        eth(syn),
        eth(again),
        eth(ip4(error, src="10.0.0.254", dst="10.0.0.1", proto=1)),
        eth(ip4(icmp4(3, 1, 0, syn[:28]), src="10.0.0.254", dst="10.0.0.1", proto=1)),
        eth(syn),
        eth(ip4(icmp4(3, 3, 0, ip4(udp(b"", dport=9), proto=17)[:28]), src="10.0.0.2", dst="10.0.0.1", proto=1)),
    )
    rows = icmp_exchanges.exchanges(icmp_messages(table), resolver(table, lambda frame: frame * 10))
    assert [(row.quoted_frame, row.quoted_stream, row.hop) for row in rows] == [
        (2, None, 2),
        (5, 50, None),  # the last transmission before the error
        (None, None, None),
    ]
    assert resolver(table)(Quote("192.0.2.1", "10.0.0.2", 17, 1, 2, None, 1, 9)).frame is None


ROUTE = bytes([137, 11, 8, 10, 2, 3, 2, 192, 0, 2, 9])
"""A strict source route (RFC 791 section 3.1) with one stop left, to 192.0.2.9."""


def test_ping_along_a_source_route(tmp_path: Path) -> None:
    """Request and reply go through a router each; the pair is that of the two ends."""
    back = ROUTE[:7] + bytes([10, 0, 0, 1])
    mark = b"\0\1\0\1"
    table = table_of(
        tmp_path,
        eth(ip4(icmp4(8, 0, mark, b"data"), src="10.0.0.1", dst="10.2.3.3", proto=1, options=ROUTE)),
        eth(ip4(icmp4(0, 0, mark, b"data"), src="192.0.2.9", dst="10.2.3.2", proto=1, options=back)),
    )
    assert [message.destination for message in icmp_messages(table)] == ["192.0.2.9", "10.0.0.1"]
    (row,) = icmp_exchanges.exchanges(icmp_messages(table))
    assert (row.source, row.destination, row.reply_frame) == ("10.0.0.1", "192.0.2.9", 2)


def test_error_about_a_packet_along_a_source_route(tmp_path: Path) -> None:
    sent = ip4(udp(b"x", sport=5, dport=6), src="10.0.0.1", dst="10.2.3.3", proto=17, ident=7, options=ROUTE)
    table = table_of(tmp_path, eth(sent), eth(ip4(icmp4(3, 5, 0, sent), src="10.0.0.9", dst="10.0.0.1", proto=1)))
    (row,) = icmp_exchanges.exchanges(icmp_messages(table), resolver(table))
    assert (row.quoted_frame, row.quoted_destination, row.quoted_ms) == (1, "192.0.2.9", 1.0)


@given(st.binary(max_size=40), st.integers(0, 8))
def test_any_options(options: bytes, cut: int) -> None:
    """Whatever stands in the options, the other end stays what the header says or one of theirs."""
    packet = eth(ip4(icmp4(8, 0, 1, b"data"), src="10.0.0.1", dst="10.0.0.2", proto=1, options=options))
    whole = pcap_file([(0, packet[: len(packet) - cut], len(packet))])
    with NamedTemporaryFile(suffix=".pcap") as file:
        file.write(whole)
        file.flush()
        (found,) = icmp_messages(decode(open_capture(file.name, Options()), Options()))
    padded = options + b"\0" * 3
    stops = {".".join(map(str, padded[at : at + 4])) for at in range(len(options))}
    assert found.destination in {"10.0.0.2", *stops}
