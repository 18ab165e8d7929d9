"""What a list of packets says of each: who to whom, which protocol, how long, and why it could not be read.

A copy of a few columns of the packet table, small enough to stay in an analysis when the capture is closed: 30 bytes
a frame, of :data:`MAX_PACKETS` frames at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import PacketTable

MAX_PACKETS = 200_000
"""Frames kept, the first ones: as many as the report lists; 6 MB."""


@dataclass(frozen=True, slots=True)
class Packets:
    """Columns over the first frames of a capture; row ``i`` is frame ``i + 1``.

    Attributes:
        total: frames that the capture has.
        time: (n,) int64 ns, 0 where a packet has none; length: (n,) uint32, bytes on the wire.
        kind: (n,) uint8 of :class:`analyzer.decode.table.Kind`; proto: (n,) uint8, IP protocol.
        src, dst: (n,) int32, index into ``hosts``, -1 without an IP address; hosts: (h, 17) uint8 as in the packet
            table, those that occur.
        sport, dport: (n,) uint16.
        reasons: row -> why a frame is unsupported or malformed.
    """

    total: int
    time: NDArray[np.int64]
    length: NDArray[np.uint32]
    kind: NDArray[np.uint8]
    proto: NDArray[np.uint8]
    src: NDArray[np.int32]
    dst: NDArray[np.int32]
    hosts: NDArray[np.uint8]
    sport: NDArray[np.uint16]
    dport: NDArray[np.uint16]
    reasons: Mapping[int, str]

    def __len__(self) -> int:
        return int(self.time.size)


def packets(table: PacketTable, limit: int = MAX_PACKETS) -> Packets:
    """Return what a list of packets says of the first frames."""
    kept = slice(0, limit)
    src, dst = table.src[kept], table.dst[kept]
    used, places = np.unique(np.concatenate([src, dst]), return_inverse=True)
    if used.size and used[0] < 0:  # no address stays -1
        used, places = used[1:], places - 1
    hosts = places.reshape(-1).astype(np.int32)
    return Packets(
        len(table),
        table.index.time[kept].copy(),
        table.index.wirelen[kept].copy(),
        table.kind[kept].copy(),
        table.proto[kept].copy(),
        hosts[: src.size],
        hosts[src.size :],
        table.hosts[used],
        table.sport[kept].copy(),
        table.dport[kept].copy(),
        {row: reason for row, reason in table.reasons.items() if row < limit},
    )
