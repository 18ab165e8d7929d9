"""Packet indexes straight from packets, so that these tests do not depend on reading files."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analyzer.capture.model import Interface, PacketBytes, PacketIndex
from analyzer.decode.decode import decode
from analyzer.decode.table import PacketTable
from analyzer.options import Options

MARKER = b"\xee" * 7
"""Stands between packets, as record headers do: a read past a packet's end would see it."""


def index_of(
    packets: Sequence[bytes],
    link_types: int | Sequence[int] = 1,
    *,
    wire: Sequence[int] | None = None,
    times: Sequence[int] | None = None,
) -> PacketIndex:
    """Lay packets into one buffer and index them.

    Args:
        packets: captured bytes.
        link_types: one for all, or one per packet.
        wire: lengths on the wire; the captured lengths when None.
        times: ns; 0, 1, 2 ... when None.
    """
    data = bytearray()
    offsets = []
    for packet in packets:
        data += MARKER
        offsets.append(len(data))
        data += packet
    per_packet = [link_types] * len(packets) if isinstance(link_types, int) else list(link_types)
    kinds = sorted(set(per_packet)) or [1]
    sizes = [len(packet) for packet in packets]
    array = np.frombuffer(bytes(data), dtype=np.uint8)
    return PacketIndex(
        path="test",
        format="pcap",
        compression=None,
        byte_order="little",
        sha256="",
        size_bytes=len(data),
        data=PacketBytes(array),
        offset=np.array(offsets, dtype=np.int64),
        caplen=np.array(sizes, dtype=np.uint32),
        wirelen=np.array(sizes if wire is None else wire, dtype=np.uint32),
        time=np.array(range(len(packets)) if times is None else times, dtype=np.int64),
        interface=np.array([kinds.index(kind) for kind in per_packet], dtype=np.uint16),
        interfaces=tuple(Interface(kind, f"TYPE{kind}") for kind in kinds),
    )


def table_of(
    packets: Sequence[bytes],
    link_types: int | Sequence[int] = 1,
    *,
    wire: Sequence[int] | None = None,
    times: Sequence[int] | None = None,
    options: Options | None = None,
) -> PacketTable:
    """Decode packets given as bytes."""
    return decode(index_of(packets, link_types, wire=wire, times=times), options or Options())
