"""The critical path of a visit: the chain of requests that determined when it ended.

It is walked backwards, from the request that was over last to what it had waited for, and so on. Rules:

* A request waits for the request that named it, a redirect or a page: for its end, or, where it was sent before that
  one was over, for the first bytes of its answer.
* One on a connection that was used before waits for the request before it there, unless the client had nothing to send
  (``blocked_why``) or sent it without waiting (``pipelined``).
* Of several, it waited for the one that was ready last. Where the capture names none, the path begins.
* Polls, event streams and WebSockets determine nothing, unless there is nothing else; neither does what was asked for
  when the visit was over.

Sources: RFC 9110 sections 10.1.3 (Referer) and 15.4 (redirects), RFC 9112 section 9.3 (one answer after the other).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analyzer.report.requests import interval
from analyzer.schema import HttpRow
from analyzer.units import NS_PER_MS

REDIRECT, PAGE, CONNECTION = "redirect", "page", "connection"
"""Why a request waited for another: that one led to it, named it, or was before it on its connection."""


CLOSE_NS = NS_PER_MS
"""How far an end may lie behind that of the visit to be its end: phases are rounded."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A request on the critical path.

    Attributes:
        number: of its row in the ``http`` table.
        cause: number of the row that it waited for, None at the beginning of the path.
        why: :data:`REDIRECT` | :data:`PAGE` | :data:`CONNECTION`, empty at the beginning.
    """

    number: int
    cause: int | None = None
    why: str = ""


def critical_path(requests: Sequence[tuple[int, HttpRow]], over: int | None = None) -> tuple[Wait, ...]:
    """Return the critical path of a visit's requests, in the order of time; nothing where no time is known.

    Args:
        requests: (row number in the ``http`` table, row).
        over: ns, when the visit was over; None where that is not known.
    """
    ends = {number: end for number, row in requests if (end := interval(row)[1]) is not None}
    rows = {number: row for number, row in requests if number in ends}
    waited_for = [number for number, row in rows.items() if row.background is None] or list(rows)
    if over is not None:
        waited_for = [number for number in waited_for if ends[number] <= over + CLOSE_NS] or waited_for
    if not waited_for:
        return ()
    on = {(row.stream, row.index): number for number, row in rows.items()}
    path: list[Wait] = []
    at: int | None = max(waited_for, key=lambda number: (ends[number], number))
    seen: set[int] = set()
    while at is not None and at not in seen:
        seen.add(at)
        found = [(ready, why != CONNECTION, cause, why) for cause, why, ready in _causes(at, rows, ends, on)]
        _, _, cause, why = max(found, default=(0, False, None, ""))
        path.append(Wait(at, cause, why))
        at = cause
    return tuple(reversed(path))


def _causes(
    number: int, rows: Mapping[int, HttpRow], ends: Mapping[int, int], on: Mapping[tuple[int, int], int]
) -> Iterator[tuple[int, str, int]]:
    """Yield (number, why, ns when it was ready) of each request that a request may have waited for."""
    row = rows[number]
    sent = row.request_time
    if sent is None:
        return
    cause = row.initiator
    if cause is not None and cause in rows and cause != number:
        one = rows[cause]
        began = one.response_time if one.response_time is not None else one.request_time
        ready = ends[cause] if ends[cause] <= sent else began
        if ready is not None and ready <= sent:
            led = one.location is not None and one.status is not None and 300 <= one.status < 400
            yield cause, REDIRECT if led else PAGE, ready
    before = on.get((row.stream, row.index - 1))
    queued = row.index > 0 and not row.pipelined and row.blocked_why is None and row.blocked_ms is not None
    if queued and before is not None and ends[before] <= sent:
        yield before, CONNECTION, ends[before]
