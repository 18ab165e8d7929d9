"""What ended the wait for an answer that never came: a FIN or RST of either side, or the end of the capture.

Who sends a request and then closes has given up; who is asked and then closes will not answer. The first FIN or RST in
a later packet than the end of the request ends the wait, whoever sent it. (One in the request's own last packet is the
client's way to say that it was all, and so is a FIN of its own right behind it.) Without any, the client was still
waiting when the capture ended: it waited at least until then. But no client waits for hours: where the capture goes on
for longer than :data:`PATIENCE_NS`, only what the connection itself shows counts, its last packet.

Source: RFC 9293 section 3.6, RFC 9112 section 9.6.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from analyzer.decode.table import Flag
from analyzer.flows.groups import key
from analyzer.protocols.http1.outcome import LAST_WORD_NS
from analyzer.schema import HttpRow
from analyzer.units import NS_PER_S
from analyzer.visits.model import Facts

PATIENCE_NS = 300 * NS_PER_S
"""Browsers give up on a silent server after five minutes at the latest."""


class Ending(NamedTuple):
    """When and with which frame a wait ended; ``seen``: a FIN or RST ended it, else it may have gone on."""

    time: int
    frame: int
    seen: bool


def read(facts: Facts, last: tuple[int, int] | None) -> dict[int, Ending]:
    """Return for the rows whose whole request was never answered what ended the wait.

    Args:
        last: (time ns, frame) of the capture's latest packet; None when no packet has a time.

    Returns:
        By the row's number; rows of whose wait nothing can be said are left out.
    """
    asked = [(at, row.stream, row.request_frames[1]) for at, row in enumerate(facts.http) if _unanswered(row)]  # type: ignore[index]
    if not asked:
        return {}
    s = facts.segments
    found = np.flatnonzero((s.flags & (Flag.FIN | Flag.RST)) != 0)
    owner = np.searchsorted(s.first, found, "right") - 1
    _, streams, frames = np.array(asked, np.int64).T
    places = np.searchsorted(key(owner, s.frame[found].astype(np.int64)), key(streams, frames), "right")
    out: dict[int, Ending] = {}
    for (at, stream, _), place in zip(asked, places.tolist(), strict=True):
        if place < found.size and owner[place] == stream and _last_word(facts, facts.http[at], int(found[place])):
            place += 1
        if place < found.size and owner[place] == stream:
            segment = found[place]
            out[at] = Ending(int(s.time[segment]), int(s.frame[segment]), True)
        elif (ending := _end_of_capture(facts, facts.http[at], last)) is not None:
            out[at] = ending
    return out


def _last_word(facts: Facts, row: HttpRow, segment: int) -> bool:
    """Say whether a FIN only says that the client will ask nothing more (:mod:`analyzer.protocols.http1.outcome`)."""
    s, asked = facts.segments, row.request_end_time
    if asked is None or not s.from_client[segment] or s.flags[segment] & Flag.RST:
        return False
    return int(s.time[segment]) - asked <= LAST_WORD_NS


def _unanswered(row: HttpRow) -> bool:
    return row.response_time is None and row.outcome in ("no_response", "aborted") and row.request_frames is not None


def _end_of_capture(facts: Facts, row: HttpRow, last: tuple[int, int] | None) -> Ending | None:
    """Return the latest moment that a wait is known to have gone on to, None without one."""
    asked = row.request_end_time or row.request_time
    if asked is None or last is None:
        return None
    if last[0] - asked <= PATIENCE_NS:
        return Ending(*last, False)
    s, part = facts.segments, facts.segments.of(row.stream)
    time, frame = int(s.time[part][-1]), int(s.frame[part][-1])
    return Ending(time, frame, False) if time > asked else None
