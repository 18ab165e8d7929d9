"""The ``dns`` table as JSON text, straight from its columns.

The text of a row is that of :mod:`analyzer.export.columns`; rows that are objects anyway go through that. A value that
comes again and again (a name, a set of flags, a list of addresses) is encoded once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, islice

import numpy as np
from numpy.typing import NDArray

from analyzer.export.columns import Texts, column_texts, objects, texts
from analyzer.protocols.dns.table import (
    NONE,
    Answers,
    Coded,
    Column,
    Constant,
    DnsRows,
    Durations,
    Ints,
    Lists,
    Numbers,
)
from analyzer.schema import DnsRow, layout
from analyzer.units import NS_PER_S, second

ROWS_AT_ONCE = 1024
"""Rows whose text is in memory at a time: some megabyte."""

SMALL = 65_536
"""Numbers below this (ports, ids, sizes) come again and again."""
_SMALL = [*map(str, range(SMALL)), "null"]
"""Their texts; the last is that of :data:`NONE`."""

_Writer = Callable[[Ints], Texts]
"""Gives the text of a column for some of the plain lookups."""


def batches(rows: DnsRows) -> Iterator[list[str]]:
    """Yield the JSON text of each row, many rows at a time."""
    shape = layout(DnsRow)
    assert shape is not None
    names, writers = _writers(shape.names, rows) if rows.plain.size else ([], [])
    others = texts(rows.others.values())
    places = np.array(list(rows.others), np.int64)
    for low in range(0, len(rows), ROWS_AT_ONCE):
        high = min(low + ROWS_AT_ONCE, len(rows))
        first, last = np.searchsorted(rows.plain, (low, high)).tolist()
        made: list[str] = []
        if last > first:
            which = np.arange(first, last)
            found = objects(names, [writer(which) for writer in writers])
            made = [found] * which.size if isinstance(found, str) else found
        here = places[np.searchsorted(places, low) : np.searchsorted(places, high)]
        yield _mixed(made, others, (here - low).tolist()) if here.size else made


def _mixed(made: list[str], others: Iterator[str], places: list[int]) -> list[str]:
    """Put the next of the other texts to their places among those made."""
    out: list[str] = []
    taken = iter(made)
    for place in places:
        out.extend(islice(taken, place - len(out)))
        out.append(next(others))
    out.extend(taken)
    return out


def _writers(names: Sequence[str], rows: DnsRows) -> tuple[list[str], list[_Writer]]:
    """Return what writes the columns; neighbours with the same codes (those of the question) are one column.

    The text of such a column has the other names in it, and the name is that of the first.
    """
    titles: list[str] = []
    writers: list[_Writer] = []
    for _, some in groupby(names, lambda name: _codes(name, rows.columns[name])):
        first, *rest = some
        columns = [rows.columns[name] for name in (first, *rest)]
        titles.append(first)
        if not rest:
            writers.append(_writer(first, columns[0]))
            continue
        made = [_listed(column.values) for column in columns if isinstance(column, Coded)]
        begin = ["", *(f', "{name}": ' for name in rest)]
        pieces = (zip(begin, values, strict=True) for values in zip(*made, strict=True))
        joined = ["".join(map("".join, pairs)) for pairs in pieces]
        writers.append(_coded(joined, columns[0].codes if isinstance(columns[0], Coded) else np.zeros(0, np.int64)))
    return titles, writers


def _codes(name: str, column: Column) -> int | str:
    return id(column.codes) if isinstance(column, Coded) else name


def _writer(name: str, column: Column) -> _Writer:
    if isinstance(column, Constant):
        (text,) = _listed([column.value])
        return lambda which: text
    if isinstance(column, Coded):
        return _coded(_listed(column.values), column.codes)
    if isinstance(column, Numbers):
        if name.endswith("_time"):
            return lambda which: _instants(column.values[which])
        return _optional(column.values) if column.optional else lambda which: _numbers(column.values[which])
    if isinstance(column, Durations):
        return lambda which: list(map(float.__repr__, column.of(which)))
    return _lists(column) if isinstance(column, Lists) else _answers(column)


def _listed(values: list[object]) -> list[str]:
    found = column_texts(values) if values else []
    return [found] * len(values) if isinstance(found, str) else found


def _numbers(values: Ints) -> Texts:
    first = values[:1]
    if (values == first).all():
        return str(int(first[0]))
    if int(values.min()) >= 0 and int(values.max()) < SMALL:
        return list(map(_SMALL.__getitem__, values.tolist()))
    return list(map(str, values.tolist()))


def _coded(made: list[str], all_codes: Ints) -> _Writer:
    def write(which: Ints) -> Texts:
        codes = all_codes[which]
        if codes.size and (codes == codes[0]).all():
            return made[int(codes[0])]
        return list(map(made.__getitem__, codes.tolist()))

    return write


def _optional(values: Ints) -> _Writer:
    def write(which: Ints) -> Texts:
        some = values[which]
        if (some == NONE).all():
            return "null"
        if int(some.max()) < SMALL:
            return list(map(_SMALL.__getitem__, some.tolist()))
        return ["null" if value == NONE else str(value) for value in some.tolist()]

    return write


def _instants(values: Ints) -> list[str]:
    seconds, rest = np.divmod(values, NS_PER_S)
    different, codes = np.unique(seconds, return_inverse=True)
    heads = [f'"{second(value)}.' for value in different.tolist()]
    return [f'{heads[code]}{ns:09d}Z"' for code, ns in zip(codes.tolist(), rest.tolist(), strict=True)]


def _lists(column: Lists) -> _Writer:
    def write(which: Ints) -> Texts:
        first = column.first
        begin, end = first[which], first[which + 1]
        if not (end > begin).any():
            return "[]"
        values = list(map(str, column.values[int(begin[0]) : int(end[-1])].tolist()))  # rows side by side
        start = int(begin[0])
        return [
            f"[{values[low]}]" if high - low == 1 else f"[{', '.join(values[low:high])}]"
            for low, high in zip((begin - start).tolist(), (end - start).tolist(), strict=True)
        ]

    return write


def _answers(column: Answers) -> _Writer:
    """Write answers: what begins one (name and type) and what ends it (data) are encoded once."""
    pairs, codes = np.unique(column.name * (len(column.kinds) + 1) + column.kind, return_inverse=True)
    names, kinds = _listed(list(column.names)), _listed(list(column.kinds))
    heads = [
        f'{{"name": {names[pair // (len(kinds) + 1)]}, "type": {kinds[pair % (len(kinds) + 1)]}, "ttl": '
        for pair in pairs.tolist()
    ]
    tails = [f', "data": {text}}}' for text in _listed(list(column.data))]
    head_codes: NDArray[np.int64] = codes.astype(np.int64)

    def write(which: Ints) -> Texts:
        at, counts = column.flat(which)
        if not at.size:
            return "[]"
        flat = zip(head_codes[at].tolist(), column.ttl[at].tolist(), column.datum[at].tolist(), strict=True)
        made = iter([f"{heads[head]}{ttl}{tails[data]}" for head, ttl, data in flat])
        return [f"[{', '.join(islice(made, count))}]" if count else "[]" for count in counts]

    return write
