"""What is wrong on the local network in the shared captures, labelled by hand with tshark; everything else is healthy.

Two machines poison others (the captures say so in their names), two DHCP servers differ, one pool is worn out, a
neighbour is spoofed, and some hosts ask in vain for machines or servers that are not there. Broadcasts of machines
whose unicast traffic the recorder cannot hear are no alarm.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.errors import AnalyzerError
from analyzer.pipeline import analyze

pytestmark = pytest.mark.shared

ALARMS: dict[str, list[tuple[str, tuple[int, ...]]]] = {
    # 192.168.0.26 is asked for in 14, 15, 16 and never says a word
    "ipfixprobe-inputs-arp.pcap": [("ARP-UNANSWERED", (14, 15, 16))],
    # 192.168.10.1, ten times; its neighbour .9 answers
    "nDPI-capwap.pcap": [("ARP-UNANSWERED", (7, 9, 13, 14, 15, 16, 17, 196, 305, 397))],
    # .1 is claimed by the router and by the attacker in turn
    "samples-arp欺骗攻击.pcap": [("ARP-CONFLICT", (1, 4))],
    # .113, whose unicast replies are recorded, asks for .70 in vain at the end
    "samples-arp欺骗攻击v2.pcap": [
        ("ARP-CONFLICT", (1, 5)),
        ("ARP-CONFLICT", (3, 4)),
        ("ARP-UNANSWERED", (22, 23, 24)),
    ],
    # the old default router of the host: 19 solicitations, no advertisement
    "samples-dhcpv6-ipv6.pcap": [("NDP-UNANSWERED", (2, 17))],
    # 192.16.1.1 and 6.6.6.6 offer their own networks
    "samples-dhcp_request_单播续租报文和广播续租报文.pcapng": [
        ("DHCP-NO-ANSWER", (20, 21, 22, 23)),  # the lease is lost, and the new one is of the other network
        ("DHCP-SERVERS", (2, 3)),
    ],
    # hundreds of made-up clients; the server has nothing left
    "samples-dhcp耗尽攻击(mac_改变）.pcap": [("DHCP-SERVERS", (2, 4, 5, 12, 14, 16)), ("DHCP-REFUSED", ())],
    # five Discovers of the machine that shares its network; what a phone sends to it is recorded
    "nDPI-iphone.pcap": [("DHCP-NO-ANSWER", (2, 12, 13, 14, 24))],
    # fe80::1 answered for itself; from frame 33 on somebody else claims it every five seconds
    "packetlife-ipv6_neighbor_spoofing.pcap": [("NDP-CONFLICT", (2, 33))],
}
"""Capture → (code, some of its frames) of every warning and error about ARP, NDP and DHCP."""


@pytest.mark.parametrize("group", ["arp", "dhcp", "icmp", "ipv6", "labs", "mixed"])
def test_alarms(shared_captures: Path, group: str) -> None:
    compared = 0
    for oracle in sorted((shared_captures / group).glob("*.tshark.json")):
        path = oracle.with_name(oracle.name.removesuffix(".tshark.json"))
        try:
            analysis = analyze(str(path))
        except AnalyzerError:  # what is no capture has no findings
            continue
        alarms = [
            f for f in analysis.findings if f.layer in ("arp", "ndp", "dhcp") and f.severity in ("error", "warning")
        ]
        wanted = ALARMS.get(path.name, [])
        assert [f.code for f in alarms] == [code for code, _ in wanted], path.name
        for finding, (_, frames) in zip(alarms, wanted, strict=True):
            assert set(frames) <= set(finding.frames), path.name
        compared += 1
    assert compared > 0
