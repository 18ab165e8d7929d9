"""Options of pcapng blocks: code, length, value, padded to 32 bits.

Two ways to read them: one block's options as a list (section and interface headers, a few per file), and one option
of a million packet blocks at once, in step: every round looks at the next option of all blocks that still have one.
A round costs the same for one block as for thousands, so rounds are bounded by :data:`MAX_OPTIONS`.

Source: draft-ietf-opsawg-pcapng, section 3.5.
"""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

END_OF_OPTIONS = 0
COMMENT = 1
MAX_OPTIONS = 256
"""Options looked at in one block. Real blocks have fewer than ten; a hostile one could have millions of empty ones."""


def options(raw: bytes, order: str) -> tuple[list[tuple[int, bytes]], bool]:
    """List the options of one block.

    Args:
        raw: the bytes between the block's fixed part and its trailing length.
        order: ``<`` or ``>``.

    Returns:
        (code, value) in file order, and whether the list was sound: False when a length went beyond the block or
        there were more than :data:`MAX_OPTIONS`.
    """
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 4 <= len(raw):
        code, length = struct.unpack_from(order + "HH", raw, at)
        if code == END_OF_OPTIONS:
            return found, True
        if at + 4 + length > len(raw) or len(found) == MAX_OPTIONS:
            return found, False
        found.append((code, raw[at + 4 : at + 4 + length]))
        at += 4 + length + (-length & 3)
    return found, True


def find(
    data: NDArray[np.uint8], start: NDArray[np.int64], end: NDArray[np.int64], wanted: int, order: str
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Find every option of one code in many blocks.

    Args:
        data: (size,) uint8, the file.
        start, end: (n,) int64, where each block's options begin and end; ``end`` is within the data.
        wanted: the option's code.
        order: byte order of all these blocks.

    Returns:
        row (index into ``start``), offset and length of each value found, ordered by row and place; and the rows whose
        options are unsound or too many, of which the part before the fault was read. All int64.
    """
    header = np.dtype([("code", order + "u2"), ("length", order + "u2")])
    rows = np.flatnonzero(end - start >= 4)
    at, stop = start[rows], end[rows]
    found: list[NDArray[np.int64]] = []
    bad: list[NDArray[np.int64]] = []
    everywhere = np.ndarray((max(data.size - 3, 0),), "V4", data, strides=(1,)) if data.size >= 4 else None
    for _ in range(MAX_OPTIONS):
        if everywhere is None or not rows.size:
            break
        fields = everywhere[at].view(header)
        code, length = fields["code"].astype(np.int64), fields["length"].astype(np.int64)
        ended = code == END_OF_OPTIONS
        beyond = ~ended & (at + 4 + length > stop)
        bad.append(rows[beyond])
        hit = (code == wanted) & ~beyond
        found.append(np.stack([rows[hit], at[hit] + 4, length[hit]]))
        at = at + 4 + ((length + 3) & ~3)
        more = ~ended & ~beyond & (at + 4 <= stop)
        rows, at, stop = rows[more], at[more], stop[more]
    bad.append(rows)
    hits = np.concatenate(found, axis=1) if found else np.zeros((3, 0), np.int64)
    hits = hits[:, np.lexsort((hits[1], hits[0]))]
    return hits[0], hits[1], hits[2], np.sort(np.concatenate(bad))
