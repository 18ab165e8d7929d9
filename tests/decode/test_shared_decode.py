"""Every frame of the shared captures is booked where tshark's layers put it.

The oracle beside each capture counts frames by protocol path (``eth:ethertype:ip:tcp:http``). Frames are compared
by the innermost of ARP, TCP, UDP and ICMP in the path; what an ICMP error quotes does not count.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.decode.ledger import ledger
from analyzer.decode.table import Kind
from analyzer.errors import CaptureError
from analyzer.options import Options

pytestmark = pytest.mark.shared

MAIN_GROUPS = ("labs", "http1", "dns", "tcp", "tls", "arp", "icmp", "mixed")
RARE_GROUPS = ("ipv6", "fragments", "tunnels", "linktypes", "dhcp", "pcapng", "pcap-formats", "quic", "http2", "oicq")

DIFFERENCES = {
    "PcapPlusPlus-tcp-reassembly.pcap": "sFlow samples seven packets in one datagram; a row holds one, here the UDP",
    "tcpflow-simson.pcap": "snaplen cuts every TCP header after its ports; tshark names the layer but has no stream",
    "sv-ipv6-evasion-ipv6-malformed-fragments-26-frag-26.pcap": "a datagram too short for TCP; no stream in tshark",
    "sv-ipv6-evasion-ipv6-malformed-fragments-28-frag-28.pcap": "a datagram too short for ICMPv6",
    "zeek-ipv6-mobility-dst-opts.pcap": "tshark stops at an option of wrong length, which does not hide what follows",
    "libpcap-AH-IPcomp-IPv6.pcap": "IPComp: tshark inflates the payload",
    "russo-eth_dot1ad_etype_9200.pcapng": "tag type 0x9200 is read here and not in tshark 4.0",
    "tcpdump-bigtcp-ipv4-geneve-ipv6.pcap": "BIG TCP: UDP length zero is offload here, an error in tshark 4.0",
    "tcpdump-bigtcp-ipv4-vxlan-ipv4.pcap": "the same",
    "packetlife-PPP_TCP_compression.pcap": "Van Jacobson compression is counted as unsupported",
    "samples-mesh_assoc_truncated.pcapng": "one mesh frame with an aggregate inside",
    "tcpdump-dsa-high-vid.pcap": "link type 284 is not known to tshark 4.0",
    "tcpdump-edsa-high-vid.pcap": "link type 285 is not known to tshark 4.0",
}
"""Captures that differ, and why. Each must still differ, or its line goes."""

NAMES = {"arp": Kind.ARP, "tcp": Kind.TCP, "udp": Kind.UDP, "icmp": Kind.ICMP, "icmpv6": Kind.ICMP}


def expected(paths: dict[str, int]) -> Counter[Kind]:
    counts: Counter[Kind] = Counter()
    for path, frames in paths.items():
        kind = Kind.NON_IP
        for layer in path.split(":"):
            if layer in ("ip", "ipv6", "sctp"):
                kind = Kind.OTHER_IP
            kind = NAMES.get(layer, kind)
            if kind in (Kind.ICMP, Kind.ARP):
                break
        counts[kind] += frames
    return counts


def captures(folder: Path, groups: tuple[str, ...]) -> list[Path]:
    return [path for group in groups for path in sorted((folder / group).glob("*.tshark.json"))]


@pytest.mark.parametrize(("groups", "least"), [(MAIN_GROUPS, 700), (RARE_GROUPS, 300)], ids=["main", "rare"])
def test_kinds_agree_with_tshark(shared_captures: Path, groups: tuple[str, ...], least: int) -> None:
    wrong: list[str] = []
    seen = 0
    for oracle in captures(shared_captures, groups):
        name = oracle.name.removesuffix(".tshark.json")
        said = json.loads(oracle.read_text(encoding="utf-8"))
        try:
            table = decode(open_capture(str(oracle.with_name(name)), Options()), Options())
        except CaptureError:
            continue  # what cannot be opened is the capture layer's to test
        seen += 1
        ours = Counter(Kind(kind) for kind in table.kind.tolist())
        theirs = expected(said["protocol_paths"])
        kinds = (Kind.ARP, Kind.TCP, Kind.UDP, Kind.ICMP)
        same = all(ours[kind] == theirs[kind] for kind in kinds)
        if same == (name in DIFFERENCES):
            wrong.append(f"{oracle.parent.name}/{name}: ours {dict(ours)}, tshark {dict(theirs)}")
        assert ledger(table).total == len(table)
    assert seen >= least
    assert wrong == []


def test_stream_frames_are_the_tcp_rows(shared_captures: Path) -> None:
    ours = theirs = 0
    for oracle in captures(shared_captures, MAIN_GROUPS):
        name = oracle.name.removesuffix(".tshark.json")
        said = json.loads(oracle.read_text(encoding="utf-8"))
        if name in DIFFERENCES and not name.startswith("tcpflow"):
            continue
        try:
            table = decode(open_capture(str(oracle.with_name(name)), Options()), Options())
        except CaptureError:
            continue
        frames = sum(stream["frames"] for stream in said["tcp"])
        assert int((table.kind == Kind.TCP).sum()) == frames, name
        ours += int((table.kind == Kind.TCP).sum())
        theirs += frames
    assert ours == theirs > 50_000
