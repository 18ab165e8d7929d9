"""TCP options, read for many segments at once: those of a SYN, timestamps, and SACK blocks.

An option whose length lies ends the reading of that segment, keeping what came before. Bytes are looked at
``SPAN_COUNT`` segments at a time, whatever is asked for.

Source: RFC 9293 section 3.1 (kinds 0-2), RFC 7323 (3 window scale, 8 timestamps), RFC 2018 (4 SACK permitted, 5 SACK
blocks), RFC 8684 (30 multipath), RFC 7413 (34 fast open).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.gather import gather
from analyzer.decode.table import PacketTable

OPTION_BYTES = 40
"""A TCP header is at most 60 bytes (4-bit length in words), 20 of them fixed."""
MAX_BLOCKS = 4
"""SACK blocks that fit into the options (RFC 2018 section 3); three beside timestamps."""
_END, _NOP, _MSS, _SCALE, _SACK_OK, _SACK, _TIMESTAMPS, _MULTIPATH, _FAST_OPEN = 0, 1, 2, 3, 4, 5, 8, 30, 34
_MAX_SHIFT = 14  # RFC 7323 section 2.3: a larger shift is to be read as 14
_TIMED = np.array([_NOP, _NOP, _TIMESTAMPS, 10], np.uint8)  # RFC 7323 appendix A
_RAW = np.dtype([("bytes", np.uint8, OPTION_BYTES)])


@dataclass(slots=True)
class SynOptions:
    """Options of segments; (n,) each.

    Attributes:
        mss: int64, -1 without; scale: int64 shift, -1 without.
        sack, timestamps, multipath, fast_open: bool.
    """

    mss: NDArray[np.int64]
    scale: NDArray[np.int64]
    sack: NDArray[np.bool_]
    timestamps: NDArray[np.bool_]
    multipath: NDArray[np.bool_]
    fast_open: NDArray[np.bool_]


@dataclass(slots=True)
class Timestamps:
    """Timestamp options of segments; (n,) each.

    Attributes:
        present: bool; value, echo: uint32 TSval and TSecr as sent, 0 without.
    """

    present: NDArray[np.bool_]
    value: NDArray[np.uint32]
    echo: NDArray[np.uint32]


@dataclass(slots=True)
class SackBlocks:
    """SACK blocks of segments, the first option of that kind.

    Attributes:
        count: (n,) uint8, blocks there are, 0 without.
        left, right: (n, 4) uint32, first sequence number of each block and the one after its last; 0 past ``count``.
    """

    count: NDArray[np.uint8]
    left: NDArray[np.uint32]
    right: NDArray[np.uint32]


def read(table: PacketTable, rows: NDArray[np.int64]) -> SynOptions:
    """Read what SYNs agree on from the options of some packet table rows (all of them TCP)."""
    n = rows.size
    out = SynOptions(np.full(n, -1, np.int64), np.full(n, -1, np.int64), *(np.zeros(n, np.bool_) for _ in range(4)))
    for raw, size, places in _raw(table, rows):
        for active, kind, length, here in _each(raw, size):
            at = places[active]
            mss = (kind == _MSS) & (length == 4)
            out.mss[at[mss]] = _number(raw, active[mss], here[mss] + 2, 2)
            scale = (kind == _SCALE) & (length == 3)
            out.scale[at[scale]] = np.minimum(raw[active[scale], here[scale] + 2], _MAX_SHIFT)
            out.sack[at[kind == _SACK_OK]] = True
            out.timestamps[at[(kind == _TIMESTAMPS) & (length == 10)]] = True
            out.multipath[at[kind == _MULTIPATH]] = True
            out.fast_open[at[kind == _FAST_OPEN]] = True
    return out


def timestamps(table: PacketTable, rows: NDArray[np.int64]) -> Timestamps:
    """Read the timestamps of some packet table rows (all of them TCP). Source: RFC 7323 section 3.2."""
    n = rows.size
    out = Timestamps(np.zeros(n, np.bool_), np.zeros(n, np.uint32), np.zeros(n, np.uint32))
    for raw, size, places in _raw(table, rows):
        for active, kind, length, here in _each(raw, size):
            hit = (kind == _TIMESTAMPS) & (length == 10)
            at, active, here = places[active[hit]], active[hit], here[hit]
            out.present[at] = True
            out.value[at], out.echo[at] = _number(raw, active, here + 2, 4), _number(raw, active, here + 6, 4)
    return out


def sack_blocks(table: PacketTable, rows: NDArray[np.int64]) -> SackBlocks:
    """Read the SACK blocks of some packet table rows (all of them TCP). Source: RFC 2018 section 3."""
    n = rows.size
    out = SackBlocks(np.zeros(n, np.uint8), np.zeros((n, MAX_BLOCKS), np.uint32), np.zeros((n, MAX_BLOCKS), np.uint32))
    for raw, size, places in _raw(table, rows):
        for active, kind, length, here in _each(raw, size):
            hit = (kind == _SACK) & (length >= 10) & (length % 8 == 2)
            hit &= out.count[places[active]] == 0
            at, active, here, count = places[active[hit]], active[hit], here[hit], (length[hit] - 2) // 8
            out.count[at] = count
            for k in range(int(count.max()) if count.size else 0):
                held = count > k
                out.left[at[held], k] = _number(raw, active[held], here[held] + 2 + 8 * k, 4)
                out.right[at[held], k] = _number(raw, active[held], here[held] + 6 + 8 * k, 4)
    return out


def _raw(
    table: PacketTable, rows: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]]:
    """Yield (raw, size, places), a bounded number of segments at a time: the option bytes of ``rows[places]``.

    Raw is (n, 40) uint8, zero (end of options) past ``size``: where the options end or were cut.
    """
    offset = table.index.offset[rows]
    order = np.argsort(offset, kind="stable")
    for span in table.index.data.spans(offset[order]):
        yield *_gather(table, rows[order[span]]), order[span]


def _gather(table: PacketTable, rows: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    header = table.tcp_header[rows].astype(np.int64)
    at = table.payload_at[rows].astype(np.int64) - header + 20
    size = np.clip(np.minimum(header - 20, table.index.caplen[rows].astype(np.int64) - at), 0, OPTION_BYTES)
    place = np.where(size > 0, table.index.offset[rows] + at, 0)
    raw: NDArray[np.uint8] = gather(table.index.data.array, place, _RAW).view(np.uint8).reshape(-1, OPTION_BYTES)
    raw[np.arange(OPTION_BYTES) >= size[:, None]] = 0
    if table.rebuilt:
        for i, row in enumerate(rows.tolist()):
            if row in table.rebuilt:
                own = table.tcp_options(row)[:OPTION_BYTES]
                raw[i] = 0
                raw[i, : len(own)] = np.frombuffer(own, np.uint8)
                size[i] = len(own)
    return raw, size


def _each(
    raw: NDArray[np.uint8], size: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]]:
    """Step through the options of all segments side by side, one option a round.

    Yields (active, kind, length, here): which segments have one more option, its kind, its length with kind and
    length byte, and where in the options it begins.
    """
    active = np.arange(raw.shape[0])
    position = np.zeros(raw.shape[0], np.int64)
    timed = np.flatnonzero((size >= 12) & (raw[:, :4] == _TIMED).all(axis=1))
    if timed.size:  # how nearly every segment with timestamps begins: one round instead of three
        position[timed] = 12
        yield timed, np.full(timed.size, _TIMESTAMPS, np.uint8), np.full(timed.size, 10), np.full(timed.size, 2)
    for _ in range(OPTION_BYTES):
        active = active[position[active] < OPTION_BYTES]
        kind = raw[active, position[active]]
        active, kind = active[kind != _END], kind[kind != _END]
        if not active.size:
            return
        here = position[active]
        length = raw[active, np.minimum(here + 1, OPTION_BYTES - 1)].astype(np.int64)
        length[kind == _NOP] = 1
        good = (kind == _NOP) | ((length >= 2) & (here + length <= size[active]))
        active, kind, here, length = active[good], kind[good], here[good], length[good]
        position[active] = here + length
        real = kind != _NOP
        yield active[real], kind[real], length[real], here[real]


def _number(raw: NDArray[np.uint8], segment: NDArray[np.int64], at: NDArray[np.int64], size: int) -> NDArray[np.uint32]:
    """Return (k,) uint32: the big-endian numbers of ``size`` bytes at some places, which must lie inside."""
    out = np.zeros(segment.size, np.uint32)
    for k in range(size):
        out = (out << np.uint32(8)) | raw[segment, at + k]
    return out
