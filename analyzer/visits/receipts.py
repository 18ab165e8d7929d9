"""When the server's TCP said that it had a whole request, before the answer to it came.

A server's program may take long to answer; its TCP acknowledges what arrived within half a second at most (RFC 9293
section 3.8.6.3). Such an acknowledgement that is not part of the answer - a bare one, or one that travels with earlier
bytes, like a 100 or 103 - proves that the request was there. What follows it is the server's own time. Of a request
whose end is not known (:func:`end_unknown`) no acknowledgement says that it covers all of it.

Found for all requests at once: acknowledgement numbers of a direction only grow, so the first that covers a position is
a binary search in their running maximum.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.groups import FURTHEST, key, ranges
from analyzer.flows.model import Segments
from analyzer.schema import HttpRow

_BATCH = 1 << 19
"""Segments looked at together (whole connections), so that temporary columns stay small next to the capture."""


def end_unknown(row: HttpRow) -> bool:
    """Tell whether a hole, or bytes that break the rules, hide where the request ends."""
    return row.request_cut in ("lost", "malformed")


def read(segments: Segments, rows: Sequence[HttpRow]) -> list[int | None]:
    """Return for each row when the server first acknowledged its whole request, None without proof before the answer.

    Args:
        rows: of the ``http`` table, those of a stream together.

    Returns:
        ns, the recorder's clock.
    """
    out: list[int | None] = [None] * len(rows)
    asked = [(at, *place) for at, row in enumerate(rows) if (place := _place(row)) is not None]
    if not asked:
        return out
    at, stream, need, frame, offset = np.array(asked, np.int64).T
    fresh = np.append(True, stream[1:] != stream[:-1])
    run = np.cumsum(fresh)
    total = np.cumsum(np.where(fresh, np.diff(segments.first)[stream], 0))
    low = 0
    while low < at.size:
        # As many whole connections as fit; one that is larger than a batch stands alone.
        done = int(total[low - 1]) if low else 0
        high = max(int(np.searchsorted(total, done + _BATCH, "right")), low + 1)
        high = int(np.searchsorted(run, run[high - 1], "right"))
        part = slice(low, high)
        for row, time in _found(segments, at[part], stream[part], need[part], frame[part], offset[part]):
            out[row] = time
        low = high
    return out


def _place(row: HttpRow) -> tuple[int, int, int, int] | None:
    """Return (stream, acknowledgement number, first frame and offset of the answer); None when one is not known."""
    if row.request_end_offset is None or row.response_frames is None or row.response_offset is None:
        return None
    if not 0 <= row.request_end_offset < FURTHEST or end_unknown(row):
        return None
    return row.stream, row.request_end_offset + 1, row.response_frames[0], row.response_offset


def _found(
    segments: Segments,
    at: NDArray[np.int64],
    stream: NDArray[np.int64],
    need: NDArray[np.int64],
    frame: NDArray[np.int64],
    offset: NDArray[np.int64],
) -> list[tuple[int, int]]:
    """Return (row, time ns) of the requests of some streams that were acknowledged before their answer."""
    streams, owner = np.unique(stream, return_inverse=True)
    first = segments.first
    index = ranges(first[streams], first[streams + 1])
    of = np.repeat(np.arange(streams.size), first[streams + 1] - first[streams])
    says = ~segments.from_client[index] & ((segments.flags[index] & Flag.ACK) != 0)
    index, of = index[says], of[says]
    keys = key(of, np.clip(segments.ack[index], 0, FURTHEST))
    np.maximum.accumulate(keys, out=keys)
    place = np.searchsorted(keys, key(owner, need))
    within = place < keys.size
    place[~within] = 0
    if not keys.size:
        return []
    found = index[place]
    # In the place of the answer's first byte or behind it there is nothing but the answer.
    before = segments.seq[found] - 1 + segments.length[found] <= offset
    good = within & (of[place] == owner) & (segments.frame[found] < frame) & before
    return list(zip(at[good].tolist(), segments.time[found[good]].tolist(), strict=True))
