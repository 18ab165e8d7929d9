"""Who was sent unicast frames by whom, of a few stations that somebody wants to know about.

A recorder that heard one frame on its way to a station would have heard another one, too. Only where all come from one
sender this may be the recorder itself, which hears what it sends and nothing else that the station gets.

Sources: IEEE 802.3 clause 3 (both addresses are the first twelve bytes of every frame).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from analyzer.decode.gather import gather
from analyzer.decode.hops import LINK_ETHERNET, mac_text
from analyzer.decode.table import PacketTable

STATIONS = np.dtype([("to_high", ">u2"), ("to_low", ">u4"), ("from_high", ">u2"), ("from_low", ">u4")])


def receivers(table: PacketTable, macs: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Return, for those of some hardware addresses that were sent a unicast frame, one or two senders of such frames.

    Args:
        table: the packets.
        macs: the addresses in question.
    """
    wanted = np.array(sorted(int(mac.replace(":", ""), 16) for mac in macs if len(mac) == 17), np.int64)
    if not wanted.size:
        return {}
    index = table.index
    ethernet = np.array([i.link_type == LINK_ETHERNET for i in index.interfaces] or [False], np.bool_)
    rows = np.flatnonzero(ethernet[index.interface] & (index.caplen >= STATIONS.itemsize))
    starts = index.offset[rows].astype(np.int64)
    to_mac, from_mac = np.zeros(rows.size, np.int64), np.zeros(rows.size, np.int64)
    for span in index.data.spans(starts):
        header = gather(index.data.array, starts[span], STATIONS)
        to_mac[span] = header["to_high"].astype(np.int64) << 32 | header["to_low"]
        from_mac[span] = header["from_high"].astype(np.int64) << 32 | header["from_low"]
    found = np.isin(to_mac, wanted) & (from_mac != to_mac)  # a poisoned host may speak to itself
    if not found.any():
        return {}
    order = np.lexsort((from_mac[found], to_mac[found]))
    receiver, sender = to_mac[found][order], from_mac[found][order]
    first = np.flatnonzero(np.diff(receiver, prepend=-1))
    last = np.append(first[1:], receiver.size) - 1
    return {
        mac_text(mac): tuple(map(mac_text, dict.fromkeys(pair)))
        for mac, *pair in zip(receiver[first].tolist(), sender[first].tolist(), sender[last].tolist(), strict=True)
    }
