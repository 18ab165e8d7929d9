"""What reading a capture gives: where each packet lies, when it was seen, and what the file says of itself.

A :class:`PacketIndex` is columns over the file's (decompressed) bytes: no packet is copied. Frame ``n`` of Wireshark
is row ``n - 1`` everywhere in this package.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analyzer.problems import Problem


@dataclass(frozen=True, slots=True)
class Interface:
    """One capture interface (the only one, for classic pcap).

    Attributes:
        link_type: LINKTYPE_ number as in the file (masked to 16 bits; see capture/linktypes.py for names).
        snaplen: bytes kept of each packet at most, None when unlimited or unknown.
        ticks_per_second: timestamp resolution, e.g. 1_000_000.
        drops: packets the recorder says it lost, None when it does not say.
    """

    link_type: int
    link_name: str
    snaplen: int | None = None
    ticks_per_second: int = 1_000_000
    name: str | None = None
    description: str | None = None
    drops: int | None = None


@dataclass(frozen=True, slots=True)
class Secrets:
    """A Decryption Secrets Block, kept for TLS (secrets type 0x544c534b is an NSS key log)."""

    secrets_type: int
    data: bytes


SPAN_BYTES = 32 << 20
"""Bytes of the file looked at before its pages are handed back: scattered reads would come to map all of it."""
SPAN_COUNT = 1 << 16
"""Positions looked at in one go, which bounds the temporary columns of a vectorised read."""


class Descriptor:
    """An own descriptor of the capture's file, closed when the last reader lets go of it."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = os.dup(number)

    def __del__(self) -> None:
        os.close(self.number)


@dataclass(slots=True)
class PacketBytes:
    """The (decompressed) bytes of a capture as one read-only array, backed by a file mapping where possible.

    Attributes:
        array: (size,) uint8, read-only.
        mapping: the mmap behind ``array``, or None when the bytes live in memory.
        descriptor: of the mapped file. A read of a few bytes through a mapping makes the system map their whole
            neighbourhood (up to megabytes), so scattered small reads go through the descriptor instead.
    """

    array: NDArray[np.uint8]
    mapping: mmap.mmap | None = None
    descriptor: Descriptor | None = None

    def release(self, start: int, stop: int) -> None:
        """Tell the system that pages of [start, stop) are not needed for now; they can be read again."""
        if self.mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
            last = stop // mmap.PAGESIZE * mmap.PAGESIZE
            if last > first:
                self.mapping.madvise(mmap.MADV_DONTNEED, first, last - first)

    def spans(self, starts: NDArray[np.int64]) -> Iterator[slice]:
        """Cut ascending positions into runs that lie close together, handing the pages of each back after its turn.

        Args:
            starts: (n,) int64, ascending file positions that will be read through ``array``.
        """
        low = 0
        while low < starts.size:
            begin = int(starts[low])
            high = int(np.searchsorted(starts, begin + SPAN_BYTES, side="right"))
            high = min(max(high, low + 1), low + SPAN_COUNT)
            yield slice(low, high)
            self.release(begin, int(starts[high - 1]) + SPAN_BYTES)
            low = high

    def read(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes at ``offset`` as bytes."""
        if self.descriptor is not None:
            return os.pread(self.descriptor.number, size, offset)
        return self.array[offset : offset + size].tobytes()


@dataclass(slots=True)
class PacketIndex:
    """Columns over the packets of one capture, in file order, and the file's own facts.

    Attributes:
        data: the capture's bytes; ``offset`` points into it.
        offset: (n,) int64, where the packet's first captured byte lies in ``data``.
        caplen: (n,) uint32, captured bytes (never beyond the end of ``data``).
        wirelen: (n,) uint32, bytes on the wire.
        time: (n,) int64, ns since the epoch (0 for pcapng Simple Packet Blocks, which have none).
        interface: (n,) uint16, index into ``interfaces``.
        comments: (frame or None, text) for packet, section and interface comments.
        names: (address text, name) of name resolution blocks.
        size_bytes: size of the file as it lies on disk (compressed size when compressed).
        truncated: the file ends inside a record or block, or a length lies; what came before is here.
        bytes_unread: bytes of the (decompressed) file that could not be read as packets.
    """

    path: str
    format: str  # pcap | pcapng
    compression: str | None  # gzip | zstd
    byte_order: str  # little | big
    sha256: str
    size_bytes: int
    data: PacketBytes
    offset: NDArray[np.int64]
    caplen: NDArray[np.uint32]
    wirelen: NDArray[np.uint32]
    time: NDArray[np.int64]
    interface: NDArray[np.uint16]
    interfaces: tuple[Interface, ...]
    comments: tuple[tuple[int | None, str], ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    secrets: tuple[Secrets, ...] = ()
    problems: tuple[Problem, ...] = ()
    truncated: bool = False
    bytes_unread: int = 0
    application: str | None = None
    extra: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.offset.size)
