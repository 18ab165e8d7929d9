"""Counts pings as ``ping`` does in its last lines: sent, received, lost, and how long the round trips took.

Rules:

* A series is everything one sender asked one destination for with one id, so one run of ``ping``; Windows uses the same
  id for every run.
* A request that was recorded twice (a mirror port that copies both ways, a recorder on both sides of a router) counts
  once, and is answered when one of its sightings is.
* The reply to a request sent within :data:`WAIT_MS` of the capture's end may have come later: it is pending, not lost.
* Echo requests that a traceroute sent are no pings: their routers answer instead of their destination.

Source: the statistics of iputils' ping(8), whose "mdev" is the root of (mean of squares - square of the mean).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt
from statistics import fmean, median

from analyzer.schema import IcmpRow, PingSeries, maker
from analyzer.units import ms_between

WAIT_MS = 1000.0
"""Longest round trip waited for at the end of a capture: the interval of ping, and far longer than paths take."""
COPY_MS = 100.0
"""Two sightings of one packet are this close together; a sequence number comes back after seconds at the earliest."""

_Key = tuple[str, str, int]
_series = maker(PingSeries)


@dataclass(slots=True)
class _Run:
    """A series while it is counted: its requests by sequence number, sightings of one request together."""

    asked: list[_Asked] = field(default_factory=list)
    latest: dict[int | None, _Asked] = field(default_factory=dict)
    duplicates: int = 0
    foreign: int = 0


@dataclass(slots=True)
class _Asked:
    """One request with all its sightings, and its round trip."""

    rows: list[int]
    time: int
    bytes: int
    latency_ms: float | None
    answered: bool
    failed: bool
    replies: int


def series(
    rows: Sequence[IcmpRow], end: int | None = None, apart: Collection[int] = frozenset()
) -> tuple[PingSeries, ...]:
    """Return the ping series of a capture in the order of their first requests.

    Args:
        rows: the ``icmp`` table.
        end: time of the capture's last packet (ns), None where nobody knows.
        apart: row numbers of echo requests that are no pings.
    """
    runs: dict[_Key, _Run] = {}
    for at, row in enumerate(rows):
        if row.kind != "echo" or row.id is None or at in apart:
            continue
        key = (row.source, row.destination, row.id)
        if row.request_frame is not None:
            _ask(runs.setdefault(key, _Run()), at, row)
        elif key in runs:
            _answer_again(runs[key], row)
    return tuple(_counted(key, run, end) for key, run in runs.items())


def _ask(run: _Run, at: int, row: IcmpRow) -> None:
    before = run.latest.get(row.sequence)
    if before is not None and before.bytes == row.bytes and (ms_between(before.time, row.time) or 0.0) < COPY_MS:
        before.rows.append(at)
        before.failed |= row.outcome == "error"
        before.replies += row.outcome == "answered"
        if row.outcome == "answered" and not before.answered:
            before.answered, before.latency_ms = True, row.latency_ms
        return
    answered = row.outcome == "answered"
    one = _Asked([at], row.time, row.bytes, row.latency_ms, answered, row.outcome == "error", int(answered))
    run.asked.append(one)
    run.latest[row.sequence] = one


def _answer_again(run: _Run, row: IcmpRow) -> None:
    """Count a reply beyond the first; one for each sighting of the request is the same reply recorded again."""
    request = run.latest.get(row.sequence)
    if request is None or not request.answered:
        run.foreign += request is not None
        return
    request.replies += 1
    run.duplicates += request.replies > len(request.rows)


def _counted(key: _Key, run: _Run, end: int | None) -> PingSeries:
    source, destination, ident = key
    rows: list[int] = []
    lost: list[int] = []
    times: list[float] = []
    received = pending = errors = 0
    for one in run.asked:
        rows += one.rows
        if one.latency_ms is not None:
            times.append(one.latency_ms)
        if one.answered:
            received += 1
        elif one.failed:
            errors += 1
        elif (left := ms_between(one.time, end)) is None or left >= WAIT_MS:
            lost += one.rows
        else:
            pending += 1
    sent = len(run.asked)
    gaps = [ms for a, b in pairwise(run.asked) if (ms := ms_between(a.time, b.time)) is not None]
    return _series(
        source,
        destination,
        ident,
        tuple(rows),
        tuple(lost),
        run.asked[0].time,
        sent,
        received,
        pending,
        errors,
        run.duplicates,
        run.foreign,
        (sent - pending - received) / (sent - pending) if sent > pending else None,
        min(times, default=None),
        fmean(times) if times else None,
        max(times, default=None),
        deviation(times),
        median(gaps) if gaps else None,
    )


@dataclass(frozen=True, slots=True)
class Tally:
    """Runs of ping counted together: what the tables, the account and the findings say of them.

    Attributes:
        sent: requests whose answer the capture could have shown, so without the pending ones.
        lost: of them, those without a reply, as ping counts them; ``errors`` of these an error answered.
        lost_share: 0 to 1; None when none was sent early enough.
    """

    sent: int
    received: int
    lost: int
    errors: int
    pending: int
    foreign: int

    @property
    def lost_share(self) -> float | None:
        return self.lost / self.sent if self.sent else None

    @property
    def silent(self) -> int:
        """Return how many nothing answered, not even an error."""
        return self.lost - self.errors


def tally(runs: Sequence[PingSeries]) -> Tally:
    """Count some runs as one."""
    pending, received = sum(run.pending for run in runs), sum(run.received for run in runs)
    sent = sum(run.sent for run in runs) - pending
    foreign, errors = sum(run.foreign for run in runs), sum(run.errors for run in runs)
    return Tally(sent, received, sent - received, errors, pending, foreign)


def deviation(times: Iterable[float]) -> float | None:
    """Return the root of (mean of squares - square of the mean), computed around the mean; None without values."""
    values = list(times)
    if not values:
        return None
    mean = fmean(values)
    return sqrt(fmean((value - mean) ** 2 for value in values))
