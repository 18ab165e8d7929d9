"""Every frame has a name, and dpkt sees the same addresses, ports and lengths as the vectors."""

from __future__ import annotations

import socket
from pathlib import Path

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.decode.table import Kind, PacketTable
from analyzer.decode.traffic import traffic
from analyzer.options import Options
from tests import build
from tests.conftest import SAMPLES


def table_of(tmp_path: Path, *packets: bytes) -> PacketTable:
    path = tmp_path / "traffic.pcap"
    path.write_bytes(build.pcap_file([(i * 1000, p) for i, p in enumerate(packets)]))
    return decode(open_capture(str(path), Options()), Options())


def test_names_and_counts(tmp_path: Path) -> None:
    stp = bytes.fromhex("0180c2000000 020000000001 0026 424203 0000000000") + bytes(38)
    lldp = bytes.fromhex("0180c200000e 020000000001 88cc") + bytes(46)
    igmp = build.eth(build.ip4(b"\x16\x00\x00\x00\xe0\x00\x00\xfb", dst="224.0.0.251", proto=2))
    strange = bytes.fromhex("020000000002 020000000001 9999") + bytes(46)
    ntp = build.eth(build.ip4(build.udp(bytes(48), sport=50000, dport=123), proto=17))
    odd = build.eth(build.ip4(build.udp(b"x", sport=40001, dport=40002), proto=17))
    tcp = build.eth(build.ip4(build.tcp()))
    named = traffic(table_of(tmp_path, stp, lldp, lldp, igmp, strange, ntp, odd, tcp))
    assert named == {
        "LLDP": 2,
        "STP": 1,
        "IGMP": 1,
        "EtherType 0x9999": 1,
        "NTP": 1,
        "other UDP": 1,
        "TCP": 1,
    }


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_any_bytes_add_up(tmp_path_factory: pytest.TempPathFactory, packets: list[bytes]) -> None:
    table = table_of(tmp_path_factory.mktemp("t"), *packets)
    assert sum(traffic(table).values()) == len(packets)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.pcapng")), ids=lambda p: p.stem)
def test_dpkt_agrees(path: Path) -> None:
    """dpkt, which decodes packet by packet, is a second opinion on what the vectors found."""
    table = decode(open_capture(str(path), Options()), Options())
    compared = 0
    for row in range(len(table)):
        raw = table.index.data.read(int(table.index.offset[row]), int(table.index.caplen[row]))
        ip = dpkt.ethernet.Ethernet(raw).data
        if not isinstance(ip, dpkt.ip.IP | dpkt.ip6.IP6) or table.kind[row] not in (Kind.TCP, Kind.UDP):
            continue
        family = socket.AF_INET if isinstance(ip, dpkt.ip.IP) else socket.AF_INET6
        assert table.host(int(table.src[row])) == socket.inet_ntop(family, ip.src)
        assert table.host(int(table.dst[row])) == socket.inet_ntop(family, ip.dst)
        assert (table.sport[row], table.dport[row]) == (ip.data.sport, ip.data.dport)
        assert table.payload(row) == bytes(ip.data.data)
        if isinstance(ip.data, dpkt.tcp.TCP):
            assert (table.seq[row], table.ack[row], table.window[row]) == (ip.data.seq, ip.data.ack, ip.data.win)
            assert table.tcp_options(row) == ip.data.opts
        compared += 1
    assert compared == int(((table.kind == Kind.TCP) | (table.kind == Kind.UDP)).sum())
