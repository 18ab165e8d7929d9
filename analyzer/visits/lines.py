"""What the phases of requests need to know of their connection: where it was recorded, its handshake, its round trip.

The round trip is the quickest between the recorder and the server: the handshake's leg or, where it was quicker, data's
(MEASURES "Phases of a request"). One that is too quick for the handshake's path is a middlebox's, not the server's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analyzer.flows.model import Segments
from analyzer.units import NS_PER_MS
from analyzer.visits import vantage
from analyzer.visits.model import Facts

QUICK_ACK_NS = NS_PER_MS
FAR_NS = 20 * NS_PER_MS
"""Something acknowledged in under a millisecond is not :data:`FAR_NS` away: a middlebox near the recorder did it."""


@dataclass(frozen=True, slots=True)
class Line:
    """What the phases need to know of a connection.

    Attributes:
        place: where it was recorded, as :func:`analyzer.visits.vantage.place` says.
        round_trip: ns, the quickest between the recorder and the server; None when the handshake does not show it.
        begin, ready: ns, first SYN and the ACK that completes the handshake; None when that time is not known.
        frames: of these two; why: the reason of an unknown time.
        holes: bytes of it are missing from the capture.
    """

    place: str
    round_trip: int | None
    begin: int
    ready: int | None
    frames: tuple[int, int]
    why: str | None
    holes: bool


_COLUMNS = (
    "connect_ms",
    "server_leg_ms",
    "client_rtt_min_ms",
    "syn_frame",
    "ack_frame",
    "client_missing_bytes",
    "server_missing_bytes",
)


def lines(facts: Facts, streams: Sequence[int]) -> dict[int, Line]:
    """Draw up what is known of some connections, a column at a time."""
    at = np.array(streams, np.int64)
    c = facts.connections.columns
    columns = {name: c[name][at] for name in _COLUMNS}
    starts = c["start_time"][at].astype(np.int64)
    later = np.flatnonzero(c["syn_frame"][at].astype(np.int64) > c["first_frame"][at].astype(np.int64))
    for k in later.tolist():  # the recorder has something before the SYN
        starts[k] = _time(facts.segments, streams[k], int(columns["syn_frame"][k]))
    where = vantage.places(facts.connections, at)
    values = zip(where, starts.tolist(), *(column.tolist() for column in columns.values()), strict=True)
    return {stream: _line(*known) for stream, known in zip(streams, values, strict=True)}


def _time(segments: Segments, stream: int, frame: int) -> int:
    """Return when a frame of a stream was seen (ns)."""
    part = segments.of(stream)
    return int(segments.time[part][np.searchsorted(segments.frame[part], frame)])


def _line(
    where: str,
    start: int,
    connect: float,
    server_leg: float,
    rtt: float,
    syn: int,
    ack: int,
    client_missing: int,
    server_missing: int,
) -> Line:
    known = connect >= 0  # NaN is not
    why = None if known else "before_capture" if syn < 0 else "not_captured" if ack < 0 else "clock"
    leg = round(server_leg * NS_PER_MS) if server_leg >= 0 else None
    if leg is not None and 0 <= rtt * NS_PER_MS < leg and not (leg >= FAR_NS and rtt * NS_PER_MS < QUICK_ACK_NS):
        leg = round(rtt * NS_PER_MS)
    ready = start + round(connect * NS_PER_MS) if known else None
    return Line(where, leg, start, ready, (syn, ack), why, client_missing > 0 or server_missing > 0)


def turned(line: Line) -> Line:
    """Return a connection as seen by rows whose client is the side that did not open it."""
    where = {"client": "server", "server": "client"}.get(line.place, line.place)
    return replace(line, place=where, round_trip=None)
