"""HTTP status codes: how often each was given, what it means, and when: from its first answer to its last.

An answer counts where its first byte arrives; where that is not known, where its request was sent. An interim answer
(1xx) has a frame but no instant of its own, so it counts where its request was sent. For the map of codes over time the
capture is divided into equal fields of a round length; the fewer the codes, the less there is to cut: of more than
:data:`MAX_HEAT_ROWS` codes those of failures stay first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from analyzer import http_status
from analyzer.report.cells import Clock, Mark, marked
from analyzer.report.requests import request_anchor
from analyzer.report.wording import say
from analyzer.schema import HttpRow
from analyzer.units import round_number

HEAT_FIELDS = 40
"""Fields that the time from the first answer to the last is divided into, at most: on a phone each has seven pixels."""

MAX_HEAT_ROWS = 24
"""Codes on the map; more rows do not fit on a screen, and captures that are not made up have fewer."""


@dataclass(frozen=True, slots=True)
class StatusFact:
    """One status code: how often, what it means, where it first happened, and from when to when.

    Attributes:
        klass: ``2xx`` and so on; first: anchor of its first request; when: its first and last instant in words.
        mark: what the filter knows of it.
    """

    code: int
    name: str
    klass: str
    explained: str
    count: int
    first: str
    when: str = ""
    mark: Mark = field(default_factory=Mark)


@dataclass(frozen=True, slots=True)
class HeatCell:
    """The answers with one code in one field of time; ``first`` is the anchor of the first of their requests."""

    row: int
    column: int
    count: int
    first: str


@dataclass(frozen=True, slots=True)
class HeatFact:
    """When which codes were given.

    Attributes:
        codes: of the rows, ascending; total: how many codes there are.
        start, step: seconds: the left edge of the first field, and the length of each; columns: how many fields.
        cells: those with answers.
    """

    codes: tuple[int, ...]
    total: int
    start: float
    step: float
    columns: int
    cells: tuple[HeatCell, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its code, when it came (ns), the anchor of its request, and its frames."""

    code: int
    time: int | None
    anchor: str
    frames: tuple[int, ...]


def answers(rows: Sequence[HttpRow]) -> list[Answer]:
    """Return the answers to all requests, interim ones too."""
    out = []
    for n, row in enumerate(rows):
        anchor = request_anchor(n)
        sent = row.request_end_time if row.request_end_time is not None else row.request_time
        out += [Answer(early.status, sent, anchor, (early.frame,)) for early in row.informational]
        if row.status is not None:
            time = row.response_time if row.response_time is not None else sent
            out.append(Answer(row.status, time, anchor, row.response_frames or ()))
    return out


def statuses(given: Sequence[Answer], clock: Clock) -> tuple[StatusFact, ...]:
    """Count status codes, interim ones too, in order of code."""
    by_code: dict[int, list[Answer]] = {}
    for answer in given:
        by_code.setdefault(answer.code, []).append(answer)
    return tuple(_fact(code, by_code[code], clock) for code in sorted(by_code))


def _fact(code: int, given: list[Answer], clock: Clock) -> StatusFact:
    times = [answer.time for answer in given if answer.time is not None]
    first, last = min(times, default=None), max(times, default=None)
    return StatusFact(
        code,
        http_status.name(code),
        http_status.status_class(code),
        http_status.explain(code),
        len(given),
        given[0].anchor,
        _when(first, last, clock),
        marked(
            clock,
            status=code,
            proto="http",
            start=first,
            end=last,
            frames=[frame for answer in given for frame in answer.frames],
        ),
    )


def _when(first: int | None, last: int | None, clock: Clock) -> str:
    """Say from when to when a code was given; empty when that is not known."""
    if clock.seconds(first) is None:
        return ""
    if clock.text(first) == clock.text(last):
        return say("at {time}", time=clock.text(first))
    return say("from {first} to {last}", first=clock.text(first), last=clock.text(last))


def heat(given: Sequence[Answer], clock: Clock) -> HeatFact | None:
    """Map the codes over time; None where the answers came at one instant, or nearly so."""
    timed = [(answer, at) for answer in given if (at := clock.seconds(answer.time)) is not None]
    if len(timed) < 2:
        return None
    early, late = min(at for _, at in timed), max(at for _, at in timed)
    step = field_length(late - early)
    start = math.floor(early / step) * step
    counted = {answer.code: 0 for answer, _ in timed}
    for answer, _ in timed:
        counted[answer.code] += 1
    codes = sorted(sorted(counted, key=lambda code: (code < 400, -counted[code], code))[:MAX_HEAT_ROWS])
    row_of = {code: row for row, code in enumerate(codes)}
    found: dict[tuple[int, int], list[str]] = {}
    for answer, at in timed:
        if answer.code in row_of:
            found.setdefault((row_of[answer.code], int((at - start) / step + 1e-9)), []).append(answer.anchor)
    columns = max(column for _, column in found) + 1
    if len({column for _, column in found}) < 2:
        return None
    cells = tuple(HeatCell(row, column, len(at), at[0]) for (row, column), at in sorted(found.items()))
    return HeatFact(tuple(codes), len(counted), round(start, 6), step, columns, cells)


def field_length(span: float) -> float:
    """Return the shortest round length (1, 2, 5 times a power of ten) of which :data:`HEAT_FIELDS` last a span.

    Not below a millisecond, which is what the page writes instants to.
    """
    return round_number(math.ceil(span * 1000 / HEAT_FIELDS * (1 - 1e-9))) / 1000
