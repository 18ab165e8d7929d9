"""Picks the packets that a traceroute sent out of the packet table: few hops to live, on a way where some ran out.

Only SYNs count of TCP and every datagram of UDP; echo requests are in the ``icmp`` table and need no search.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag, Kind, PacketTable
from analyzer.problems import Problem, ProblemLog
from analyzer.protocols.icmp import MAX_HOP

MAX_TRACES = 500
"""Pairs of hosts searched for; people trace a few, and more is a flood."""

_KINDS = {"tcp": Kind.TCP, "udp": Kind.UDP}

Pair = tuple[str, str, str]
"""Sender, destination and protocol of probes."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One packet sent with few hops to live; ``row`` is its row in the ``icmp`` table where it is an echo request."""

    frame: int
    time: int
    ttl: int
    row: int | None = None


def probes(
    table: PacketTable, pairs: Iterable[Pair], problems: ProblemLog | None = None
) -> dict[Pair, tuple[Probe, ...]]:
    """Return the TCP and UDP probes of each pair in frame order; pairs without any, and those of ICMP, are left out.

    Args:
        table: all packets.
        pairs: whose probes are wanted; :data:`MAX_TRACES` of them at most are looked for.
        problems: told when there are more.
    """
    wanted = [pair for pair in pairs if pair[2] in _KINDS]
    if not wanted:
        return {}
    if len(wanted) > MAX_TRACES and problems is not None:
        text = f"{len(wanted)} pairs of hosts look like traceroutes; the first {MAX_TRACES} are put together"
        problems.add(Problem("LIMIT-REACHED", "icmp", text))
    rows = np.flatnonzero((table.ttl <= MAX_HOP) & (table.ttl > 0) & _may_probe(table))
    ways = table.src[rows].astype(np.int64) << 32 | table.dst[rows]
    order = np.argsort(ways, kind="stable")
    rows, ways = rows[order], ways[order]
    hosts = {host.tobytes(): number for number, host in enumerate(table.hosts)}
    out: dict[Pair, tuple[Probe, ...]] = {}
    for pair in wanted[:MAX_TRACES]:
        source, destination = (hosts.get(_packed(text), -1) for text in pair[:2])
        if source < 0 or destination < 0:
            continue
        low, high = np.searchsorted(ways, (source << 32 | destination, (source << 32 | destination) + 1)).tolist()
        found = rows[low:high]
        found = found[table.kind[found] == _KINDS[pair[2]]]
        if found.size:
            columns = (found + 1, table.index.time[found], table.ttl[found])
            out[pair] = tuple(map(Probe, *(column.tolist() for column in columns)))
    return out


def _may_probe(table: PacketTable) -> NDArray[np.bool_]:
    syn = (table.kind == Kind.TCP) & (table.flags & (Flag.SYN | Flag.ACK) == Flag.SYN)
    return np.asarray(syn | (table.kind == Kind.UDP))


def _packed(text: str) -> bytes:
    """Return an address as a row of the host table."""
    packed = ip_address(text).packed
    return (b"\x04" if len(packed) == 4 else b"\x06") + packed.ljust(16, b"\0")
