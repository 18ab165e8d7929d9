"""What else is in a capture: every frame counted under the name of its protocol, also those nobody here reads further.

Rows are grouped by number (EtherType, IP protocol, UDP port) with numpy; only one frame of each group is looked at.
Names of EtherTypes and IP protocols are dpkt's (they are IANA's numbers); of UDP services, the few a lab capture
shows, are IANA's service names. A name is what the numbers promise; the bytes may be something else.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Kind, PacketTable

UDP_SERVICES: dict[int, str] = {
    53: "DNS",
    67: "DHCP",
    68: "DHCP",
    69: "TFTP",
    88: "Kerberos",
    123: "NTP",
    137: "NBNS",
    138: "NetBIOS datagrams",
    161: "SNMP",
    162: "SNMP",
    389: "CLDAP",
    443: "QUIC",
    500: "IKE",
    514: "syslog",
    520: "RIP",
    546: "DHCPv6",
    547: "DHCPv6",
    1812: "RADIUS",
    1900: "SSDP",
    3478: "STUN",
    4500: "IPsec NAT traversal",
    5060: "SIP",
    5353: "mDNS",
    5355: "LLMNR",
    8000: "OICQ",
}
"""UDP port → service (IANA service names; 8000 is where OICQ servers listen)."""
_LINKTYPE_ETHERNET = 1
_FIRST_ETHERTYPE = 0x0600  # IEEE 802.3: smaller numbers are lengths


def traffic(table: PacketTable) -> dict[str, int]:
    """Return protocol name → frames, most frequent first; the counts add up to the number of frames."""
    counts: Counter[str] = Counter()
    kind = table.kind
    for name, code in (("ARP", Kind.ARP), ("TCP", Kind.TCP), ("ICMP", Kind.ICMP), ("IP fragments", Kind.FRAGMENT)):
        counts[name] = int((kind == code).sum())
    _udp(table, np.flatnonzero(kind == Kind.UDP), counts)
    protocols, many = np.unique(table.proto[kind == Kind.OTHER_IP], return_counts=True)
    for number, count in zip(protocols.tolist(), many.tolist(), strict=True):
        counts[_names("ip", "IP_PROTO_").get(number, f"IP protocol {number}")] += count
    _non_ip(table, np.flatnonzero(kind == Kind.NON_IP), counts)
    counts["not decoded"] = int(((kind == Kind.UNSUPPORTED) | (kind == Kind.MALFORMED)).sum())
    return {name: count for name, count in counts.most_common() if count}


def _udp(table: PacketTable, rows: NDArray[np.int64], counts: Counter[str]) -> None:
    """Count UDP by the service one of its ports is known for."""
    left = rows
    for port, name in UDP_SERVICES.items():
        hit = (table.sport[left] == port) | (table.dport[left] == port)
        counts[name] += int(hit.sum())
        left = left[~hit]
    counts["other UDP"] += int(left.size)


def _non_ip(table: PacketTable, rows: NDArray[np.int64], counts: Counter[str]) -> None:
    """Count frames without IP by EtherType; IEEE 802.3 frames by what dpkt finds in an example of each kind."""
    index = table.index
    links = np.array([i.link_type for i in index.interfaces] or [_LINKTYPE_ETHERNET])
    whole = index.caplen[rows] >= 17
    ethernet = (links[np.minimum(index.interface[rows], links.size - 1)] == _LINKTYPE_ETHERNET) & whole
    for interface, count in zip(*np.unique(index.interface[rows[~ethernet]], return_counts=True), strict=True):
        counts[f"other {index.interfaces[int(interface)].link_name}"] += int(count)
    rows = rows[ethernet]
    if not rows.size:
        return
    data, at = index.data.array, index.offset[rows]
    kinds = (data[at + 12].astype(np.int64) << 8) | data[at + 13]
    length = kinds < _FIRST_ETHERTYPE
    kinds[length] = -1 - data[at[length] + 14].astype(np.int64)  # IEEE 802.2: the destination service access point
    distinct, examples, many = np.unique(kinds, return_index=True, return_counts=True)
    for number, example, count in zip(distinct.tolist(), examples.tolist(), many.tolist(), strict=True):
        row = int(rows[example])
        packet = index.data.read(int(index.offset[row]), int(index.caplen[row]))
        known = None if number < 0 else _names("ethernet", "ETH_TYPE_").get(number)
        counts[known or _ask_dpkt(packet) or (f"EtherType 0x{number:04x}" if number >= 0 else "IEEE 802.2")] += count


@cache
def _names(module: str, prefix: str) -> dict[int, str]:
    """Return number → name from dpkt's constants (the first name a number has)."""
    from importlib import import_module

    source: ModuleType = import_module(f"dpkt.{module}")
    out: dict[int, str] = {}
    for constant, number in vars(source).items():
        if constant.startswith(prefix) and isinstance(number, int):
            out.setdefault(number, constant.removeprefix(prefix).replace("_", " "))
    return out


def _ask_dpkt(packet: bytes) -> str | None:
    """Return the name of the layer above Ethernet and LLC as dpkt sees it, None when it sees only bytes."""
    from dpkt import dpkt, ethernet

    try:
        layer = ethernet.Ethernet(packet).data
        while isinstance(layer, dpkt.Packet) and type(layer).__name__ == "LLC" and isinstance(layer.data, dpkt.Packet):
            layer = layer.data
    except Exception:  # noqa: BLE001 - dpkt raises many kinds on hostile bytes, and a name is only a courtesy
        return None
    return type(layer).__name__ if isinstance(layer, dpkt.Packet) else None
