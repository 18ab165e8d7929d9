"""Addresses as small numbers: each distinct IP address of a capture gets an id.

A direct-mapped cache answers nearly every packet without sorting or hashing in Python: the address picks a slot, and
the slot either holds it or not. Only what misses is made unique and looked up in a dict, so Python runs once per new
address (or per two addresses that fight for a slot), never once per packet.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SLOT_BITS = 16
"""Cache slots, as a power of two: 65,536 slots of 20 bytes stay in the processor's cache, and captures with more
hosts than that fall back to the dict for the rest."""

_MIX = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio: spreads consecutive addresses over the slots
_SHIFT = np.uint64(64 - SLOT_BITS)

Words = NDArray[np.uint64]


class _Family:
    """Ids of one address family; an address is two 64-bit words."""

    def __init__(self) -> None:
        self.high = np.zeros(1 << SLOT_BITS, dtype=np.uint64)
        self.low = np.zeros(1 << SLOT_BITS, dtype=np.uint64)
        self.id = np.full(1 << SLOT_BITS, -1, dtype=np.int32)
        self.known: dict[int, int] = {}  # address as one integer -> id


class HostIds:
    """Numbers addresses in order of being asked about; the same address always gets the same id."""

    def __init__(self) -> None:
        self._v4 = _Family()
        self._v6 = _Family()
        self._count = 0

    def ids4(self, addresses: NDArray[np.uint32]) -> NDArray[np.int32]:
        """Return ids of IPv4 addresses.

        Args:
            addresses: (n,) uint32, the address as a number (10.0.0.1 is 0x0A000001).

        Returns:
            (n,) int32.
        """
        low = addresses.astype(np.uint64)
        return self._ids(self._v4, np.zeros(1, dtype=np.uint64), low)

    def ids6(self, high: Words, low: Words) -> NDArray[np.int32]:
        """Return ids of IPv6 addresses given as their upper and lower 64 bits, each (n,) uint64; (n,) int32."""
        return self._ids(self._v6, high.astype(np.uint64), low.astype(np.uint64))

    def _ids(self, family: _Family, high: Words, low: Words) -> NDArray[np.int32]:
        slot = (((high * np.uint64(31)) ^ low) * _MIX) >> _SHIFT
        ids: NDArray[np.int32] = family.id[slot]
        miss = family.low[slot] != low
        miss |= ids < 0
        if high.size == low.size:
            miss |= family.high[slot] != high
        missing = np.flatnonzero(miss)
        if missing.size:
            ids[missing] = self._learn(family, np.broadcast_to(high, low.shape)[missing], low[missing], slot[missing])
        return ids

    def _learn(self, family: _Family, high: Words, low: Words, slot: Words) -> NDArray[np.int32]:
        order = np.lexsort((low, high))
        new = np.ones(order.size, dtype=np.bool_)
        new[1:] = (low[order[1:]] != low[order[:-1]]) | (high[order[1:]] != high[order[:-1]])
        heads = order[new]
        unique = np.empty(heads.size, dtype=np.int32)
        for place, (upper, lower) in enumerate(zip(high[heads].tolist(), low[heads].tolist(), strict=True)):
            key = upper << 64 | lower
            number = family.known.get(key)
            if number is None:
                number = family.known[key] = self._count
                self._count += 1
            unique[place] = number
        family.high[slot[heads]] = high[heads]
        family.low[slot[heads]] = low[heads]
        family.id[slot[heads]] = unique
        ids = np.empty(order.size, dtype=np.int32)
        ids[order] = unique[np.cumsum(new) - 1]
        return ids

    def table(self) -> NDArray[np.uint8]:
        """Return (h, 17) uint8: version, then the address, zero-filled (see ``PacketTable.hosts``)."""
        table = np.zeros((self._count, 17), dtype=np.uint8)
        for version, family in ((4, self._v4), (6, self._v6)):
            if not family.known:
                continue
            size = 4 if version == 4 else 16
            ids = np.fromiter(family.known.values(), dtype=np.int64, count=len(family.known))
            raw = b"".join(address.to_bytes(size, "big") for address in family.known)
            table[ids, 0] = version
            table[ids, 1 : 1 + size] = np.frombuffer(raw, dtype=np.uint8).reshape(-1, size)
        return table
