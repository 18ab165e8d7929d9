"""Which packets of a request or an answer were sent again because they were lost.

How long that took is in the phases (``wait_loss_ms``, ``receive_loss_ms``); here are the frames, to show it by. Packets
that were only late, recorded twice, or repeated without need repaired nothing.
"""

from __future__ import annotations

from analyzer.flows.model import DOUBLED, NEEDLESS, NOTHING_NEW, REORDERED, TWICE, Label, Segments
from analyzer.schema import HttpRow

MAX_FRAMES = 64
"""Frames that a step names; nobody looks at more."""
_NO_LOSS = (NEEDLESS, REORDERED, TWICE, DOUBLED)
_AGAIN = NOTHING_NEW & ~Label.KEEP_ALIVE


def sent_again(s: Segments, row: HttpRow, request: bool) -> tuple[int, ...]:
    """Return the frames that repeat bytes of a request, or else of its answer, in order."""
    begin, end = (
        (row.request_offset, row.request_end_offset) if request else (row.response_offset, row.response_end_offset)
    )
    if begin is None or end is None:
        return ()
    part = s.of(row.stream)
    first = s.seq[part] - 1
    mine = (s.from_client[part] == request) & (first < end) & (first + s.length[part] > begin) & (s.length[part] > 0)
    mine &= ((s.label[part] & _AGAIN) != 0) & ((s.label[part] & Label.CAPTURED_TWICE) == 0)
    verdict = s.verdicts(part)
    for needless in _NO_LOSS:
        mine &= verdict != needless
    return tuple(int(frame) for frame in s.frame[part][mine][:MAX_FRAMES])
