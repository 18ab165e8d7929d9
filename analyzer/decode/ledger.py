"""The ledger: every frame booked exactly once, so that nothing disappears without a trace."""

from __future__ import annotations

import numpy as np

from analyzer.decode.table import Kind, PacketTable
from analyzer.schema import Ledger


def ledger(table: PacketTable) -> Ledger:
    """Return how many frames ended where; ``total`` equals ``len(table)``."""
    counts = np.bincount(table.kind, minlength=len(Kind)).tolist()
    decoded = (Kind.ARP, Kind.TCP, Kind.UDP, Kind.ICMP, Kind.OTHER_IP, Kind.NON_IP)
    return Ledger(
        decoded=sum(counts[kind] for kind in decoded),
        arp=counts[Kind.ARP],
        tcp=counts[Kind.TCP],
        udp=counts[Kind.UDP],
        icmp=counts[Kind.ICMP],
        other_ip=counts[Kind.OTHER_IP],
        non_ip=counts[Kind.NON_IP],
        fragments=counts[Kind.FRAGMENT],
        unsupported=dict(table.unsupported),
        malformed=dict(table.malformed),
        cut_by_snaplen=int(np.count_nonzero(table.index.caplen < table.index.wirelen)),
        truncated_file=table.index.truncated,
        bytes_unread=table.index.bytes_unread,
    )
