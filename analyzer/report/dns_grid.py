"""The table of lookups where it is long: the same columns as :mod:`analyzer.report.protocols_dns` draws row by row.

It is drawn from the columns of the ``dns`` table: a cell is made once for all rows that share it, numbers are left to
the page's script to write, and only lookups that are not as they should be are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from analyzer.protocols.dns import table as columns_of
from analyzer.report import cells
from analyzer.report.cells import MAX_GRID_ROWS, Cell, Clock, Grid, Numbers, Texts, marked
from analyzer.report.escape import safe
from analyzer.report.grid import US_PER_MS, coded, first_places, instants
from analyzer.report.lookups import (
    answers_cell,
    failed_lookups,
    frames_of,
    latency_unknown,
    name_cell,
    queries_cell,
    result_cell,
    result_codes,
    type_cell,
)
from analyzer.schema import DnsRow


def dns_grid(rows: Sequence[DnsRow], clock: Clock) -> Grid:
    """Return the lookups column by column, in the order of the table's columns."""
    count = min(len(rows), MAX_GRID_ROWS)

    def of(name: str) -> list[Any]:
        return columns_of.column(rows, name)[:count]

    names = list(zip(of("qname"), of("qname_unicode"), strict=True))
    types, servers, transports, streams = of("qtype"), of("server"), of("transport"), of("stream")
    failed = failed_lookups(rows)[:count].tolist()
    given = result_codes(rows)[:count]
    asked, answered = of("query_time"), of("response_time")
    first = [asked[n] if asked[n] is not None else answered[n] for n in range(count)]
    last = [answered[n] if answered[n] is not None else first[n] for n in range(count)]
    frames, known = _frames(rows, of)
    columns: tuple[Texts | Numbers, ...] = (
        Numbers(range(1, count + 1), "plain"),
        instants(asked, clock, cells.unknown("not_captured")),
        coded(names, lambda n: name_cell(*names[n])),
        coded(types, lambda n: type_cell(types[n])),
        coded(list(zip(given, failed, strict=True)), lambda n: result_cell(given[n], failed[n])),
        _answers(rows, of),
        _latencies(rows, count),
        _queries(rows, of("attempts"), of("retry_of")),
        coded(servers, lambda n: Cell(safe(servers[n]))),
        coded(transports, lambda n: Cell(safe(transports[n]))),
        frames,
    )
    marks: dict[str, Texts | Numbers | int] = {
        "host": coded([qname for qname, _ in names], lambda n: Cell(safe(names[n][0]))),
        "stream": coded(streams, lambda n: "" if streams[n] is None else str(streams[n])),
        "proto": Texts(["dns"]),
        "severity": coded(failed, lambda n: "error" if failed[n] else ""),
        "dur": 6,
        "from": instants(first, clock),
        "to": instants(last, clock),
        "frames": known,
    }
    return Grid(count, columns, marks, "dns")


def _answers(rows: Sequence[DnsRow], of: Callable[[str], list[Any]]) -> Texts:
    """Return the answers; rows that were told the same by the same aliases share a cell."""
    told = [tuple((one.type, one.data) for one in answer) for answer in of("answers")]
    reasons = zip(*map(of, _WITHOUT), strict=True)
    keys = [
        (answer, chain) if answer else (frame is None, *reason)
        for answer, chain, frame, reason in zip(told, of("cname_chain"), of("response_frame"), reasons, strict=True)
    ]
    told_of = dict(columns_of.picked(rows, sorted(first_places(keys).values())))  # in one go: rows are dear one by one
    return coded(keys, lambda n: answers_cell(told_of[n]))


_WITHOUT = ("flags", "retried_over_tcp", "referral", "rcode", "opcode")
"""What it depends on, beside whether there is a response, why a lookup has no answer."""


def _latencies(rows: Sequence[DnsRow], count: int) -> Numbers:
    times = columns_of.latencies(rows)[:count]
    odd = {n: latency_unknown(row) for n, row in columns_of.chosen(rows, np.isnan(times))}
    known = np.where(np.isnan(times), 0.0, times * US_PER_MS)
    values: list[int | None] = known.round().astype(np.int64).tolist()
    for n in odd:
        values[n] = None
    return Numbers(values, "ms", US_PER_MS, odd=odd)


def _queries(rows: Sequence[DnsRow], attempts: list[int], before: list[int | None]) -> Numbers:
    odd = [n for n, (sent, row) in enumerate(zip(attempts, before, strict=True)) if sent > 1 or row is not None]
    return Numbers(attempts, "count", odd={n: queries_cell(row) for n, row in columns_of.picked(rows, odd)})


def _frames(rows: Sequence[DnsRow], of: Callable[[str], list[Any]]) -> tuple[Texts, Texts]:
    """Return the frames as they are shown, and as the filter knows them."""
    shown: list[Cell | str] = []
    known: list[Cell | str] = []
    twice = of("duplicate_frames")
    for n, (asked, answer) in enumerate(zip(of("query_frames"), of("response_frame"), strict=True)):
        if len(asked) == 1 and answer is not None and not twice[n] and asked[0] < answer:
            side_by_side = answer == asked[0] + 1
            shown.append(f"{asked[0]}–{answer}" if side_by_side else f"{asked[0]}, {answer}")
            known.append(f"{asked[0]}-{answer}" if side_by_side else f"{asked[0]} {answer}")
        else:
            row = rows[n]
            shown.append(cells.frames([*row.query_frames[:6], row.response_frame]).text)
            known.append(marked(frames=frames_of(row)).frames)
    return Texts(shown), Texts(known)
