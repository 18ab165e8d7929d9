"""What hardware addresses tell of gateways: packets that somebody passed on, and stations that took over from others.

Rules:

* A host that finds its neighbours by ARP, and sends packets for an address that nobody asked for to a station that ARP
  knows by another address, hands them to a gateway. It may have looked a second address of that station up before the
  capture began; so the answers must show that a router passed them on: their TTL is none that systems begin with.
* A gateway took over from another one when packets of one station, from one host to another, were handed to the first
  and from a moment on to the second.

Sources: RFC 1122 section 3.3.1 (next hop), RFC 1812 section 5.3.1 (TTL); initial values of the TTL: RFC 1700 (64), and
the defaults of systems.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.hops import Hops, keys
from analyzer.decode.table import PacketTable
from analyzer.schema import ArpRow

FIRST_TTLS = (1, 2, 30, 32, 60, 64, 128, 200, 255)
"""Values that packets set out with; the smallest ones are meant for the own link."""

MAC_TEXT = 17
"""Characters of an Ethernet address; ARP has others for other networks."""

Mask = NDArray[np.bool_]


def passed_on(table: PacketTable, hops: Hops, arp: Sequence[ArpRow]) -> Mask:
    """Return (hops,) bool: packets that were handed to a station for an address which is not its own."""
    found = np.zeros(len(hops), np.bool_)
    sound = [row for row in arp if row.outcome != "malformed"]
    askers = {row.asker_ip for row in sound if row.kind == "request" and row.outcome == "answered"}
    known = {row.answer_mac for row in sound} | {row.asker_mac for row in sound if row.asker_ip != "0.0.0.0"}
    if not askers:
        return found
    asks = _hosts(table, askers)
    named = _hosts(table, {ip for row in sound for ip in (row.asker_ip, row.target_ip)})
    stations = np.array(
        sorted(int(mac.replace(":", ""), 16) for mac in known if mac and len(mac) == MAC_TEXT), np.int64
    )
    found = asks[hops.src] & ~named[hops.dst] & np.isin(hops.to_mac, stations)
    routed = ~np.isin(table.ttl[hops.first], FIRST_TTLS)
    back = keys(hops.from_mac[routed], hops.dst[routed], hops.src[routed])
    return np.asarray(found & np.isin(keys(hops.to_mac, hops.src, hops.dst), back))


def _hosts(table: PacketTable, addresses: Iterable[str | None]) -> Mask:
    """Return (hosts,) bool: which hosts have one of some IPv4 addresses."""
    numbers = [int(IPv4Address(ip)) for ip in addresses if ip]
    own = table.hosts[:, 1:5].copy().view(">u4")[:, 0]
    return np.asarray((table.hosts[:, 0] == 4) & np.isin(own, np.array(numbers, np.uint32)))


def took_over(hops: Hops, away: NDArray[np.intp]) -> dict[int, int]:
    """Return which station took over from which: hardware addresses as numbers, the new one's first.

    Args:
        away: the hops that lead to gateways.
    """
    pair = keys(hops.from_mac[away], hops.src[away], hops.dst[away])
    order = np.lexsort((hops.first[away], pair))
    pair, rows = pair[order], away[order]
    before, after = rows[:-1], rows[1:]
    changed = (pair[:-1] == pair[1:]) & (hops.last[before] < hops.first[after])
    changed &= hops.to_mac[before] != hops.to_mac[after]
    return dict(zip(hops.to_mac[after[changed]].tolist(), hops.to_mac[before[changed]].tolist(), strict=True))
