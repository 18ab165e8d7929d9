"""TCP options of handshake segments, read for many segments at once.

Source: RFC 9293 section 3.1 (kinds 0-2), RFC 7323 (3 window scale, 8 timestamps), RFC 2018 (4 SACK permitted),
RFC 8684 (30 multipath), RFC 7413 (34 fast open). An option whose length lies ends the reading of that segment, keeping
what came before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import PacketTable

OPTION_BYTES = 40
"""A TCP header is at most 60 bytes (4-bit length in words), 20 of them fixed."""
_END, _NOP, _MSS, _SCALE, _SACK_OK, _TIMESTAMPS, _MULTIPATH, _FAST_OPEN = 0, 1, 2, 3, 4, 8, 30, 34
_MAX_SHIFT = 14  # RFC 7323 section 2.3: a larger shift is to be read as 14


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


def read(table: PacketTable, rows: NDArray[np.int64]) -> SynOptions:
    """Read the options of some packet table rows (all of them TCP)."""
    n = rows.size
    out = SynOptions(np.full(n, -1, np.int64), np.full(n, -1, np.int64), *(np.zeros(n, np.bool_) for _ in range(4)))
    offset = table.index.offset[rows]
    order = np.argsort(offset, kind="stable")
    for span in table.index.data.spans(offset[order]):
        _walk(_gather(table, rows[order[span]]), out, order[span])
    return out


def _gather(table: PacketTable, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return (n, 40) uint8 option bytes, zero (end of options) where there are none or they were cut."""
    header = table.tcp_header[rows].astype(np.int64)
    at = table.payload_at[rows].astype(np.int64) - header + 20
    size = np.clip(np.minimum(header - 20, table.index.caplen[rows].astype(np.int64) - at), 0, OPTION_BYTES)
    column = np.arange(OPTION_BYTES)
    inside = column < size[:, None]
    place = np.where(inside, (table.index.offset[rows] + at)[:, None] + column, 0)
    data = table.index.data.array
    raw = np.where(inside, data[place], 0).astype(np.uint8) if data.size else np.zeros(place.shape, np.uint8)
    if table.rebuilt:
        for i, row in enumerate(rows.tolist()):
            if row in table.rebuilt:
                own = table.tcp_options(row)[:OPTION_BYTES]
                raw[i] = 0
                raw[i, : len(own)] = np.frombuffer(own, np.uint8)
    return raw


def _walk(raw: NDArray[np.uint8], out: SynOptions, places: NDArray[np.int64]) -> None:
    """Step through the options of all segments side by side, one option a round."""
    active = np.arange(raw.shape[0])
    position = np.zeros(raw.shape[0], np.int64)
    for _ in range(OPTION_BYTES):
        active = active[position[active] < OPTION_BYTES]
        kind = raw[active, position[active]]
        active, kind = active[kind != _END], kind[kind != _END]
        if not active.size:
            return
        here = position[active]
        length = raw[active, np.minimum(here + 1, OPTION_BYTES - 1)].astype(np.int64)
        length[kind == _NOP] = 1
        good = (kind == _NOP) | ((length >= 2) & (here + length <= OPTION_BYTES))
        active, kind, here, length = active[good], kind[good], here[good], length[good]
        at = places[active]
        mss = (kind == _MSS) & (length == 4)
        out.mss[at[mss]] = (raw[active[mss], here[mss] + 2].astype(np.int64) << 8) | raw[active[mss], here[mss] + 3]
        scale = (kind == _SCALE) & (length == 3)
        out.scale[at[scale]] = np.minimum(raw[active[scale], here[scale] + 2], _MAX_SHIFT)
        out.sack[at[kind == _SACK_OK]] = True
        out.timestamps[at[(kind == _TIMESTAMPS) & (length == 10)]] = True
        out.multipath[at[kind == _MULTIPATH]] = True
        out.fast_open[at[kind == _FAST_OPEN]] = True
        position[active] = here + length
