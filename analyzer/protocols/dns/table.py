"""The ``dns`` table: rows, of which those of plain lookups are there as columns and become objects when asked for.

Rules: it behaves as a tuple of rows. A column holds numbers, or places in a list of the values that occur; most have
few. Whoever wants one field of all rows asks for the column (:func:`column`, :func:`where`) and then for the few rows
he needs (:func:`chosen`), so that a hundred thousand lookups that are as they should be never become objects.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice, pairwise
from operator import attrgetter
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from analyzer.protocols.dns.lifetimes import LONGEST_S, lifetime_s
from analyzer.schema import DnsAnswer, DnsRow, maker
from analyzer.units import NS_PER_MS

Ints = NDArray[np.int64]
NONE = -1
"""Stands for an unknown number in a column."""
ROWS_AT_ONCE = 4096
"""Rows made in one go where somebody wants them all."""

_row = maker(DnsRow)
_answer = maker(DnsAnswer)


@dataclass(slots=True)
class Coded:
    """A column of values that come again: ``codes`` are places in ``values``."""

    values: list[Any]
    codes: Ints

    def of(self, which: Ints) -> list[Any]:
        """Return the values of some rows."""
        return list(map(self.values.__getitem__, self.codes[which].tolist()))


@dataclass(slots=True)
class Constant:
    """A column of one value."""

    value: Any

    def of(self, which: Ints) -> list[Any]:
        """Return the value as often as there are rows."""
        return [self.value] * int(which.size)


@dataclass(slots=True)
class Numbers:
    """A column of numbers; :data:`NONE` is unknown where there can be no such number."""

    values: Ints
    optional: bool = False

    def of(self, which: Ints) -> list[int | None]:
        """Return the numbers of some rows."""
        found: list[int | None] = self.values[which].tolist()
        if self.optional:
            return [None if value == NONE else value for value in found]
        return found


@dataclass(slots=True)
class Durations:
    """Milliseconds from one instant to another (ns)."""

    begin: Ints
    end: Ints

    def of(self, which: Ints) -> list[float]:
        """Return the durations of some rows."""
        return [ns / NS_PER_MS for ns in (self.end[which] - self.begin[which]).tolist()]


@dataclass(slots=True)
class Lists:
    """A column of tuples of numbers: those of row i are ``values[first[i] : first[i + 1]]``."""

    first: Ints
    values: Ints

    def of(self, which: Ints) -> list[tuple[int, ...]]:
        """Return the tuples of some rows."""
        begin, end = self.first[which], self.first[which + 1]
        if not int((end - begin).sum()):
            return [()] * int(which.size)
        counts = end - begin
        after = np.cumsum(counts)
        values = self.values[np.repeat(begin - after + counts, counts) + np.arange(int(after[-1]))].tolist()
        return [tuple(values[low:high]) for low, high in pairwise([0, *after.tolist()])]


@dataclass(slots=True)
class Answers:
    """The answers of rows, one row's after the other.

    Attributes:
        first: (m + 1,) where those of each row begin.
        names, kinds, data: the values that occur; name, kind, datum: (f,) places in them.
        ttl: (f,) seconds.
    """

    first: Ints
    names: list[str]
    kinds: list[str]
    data: list[str]
    name: Ints
    kind: Ints
    datum: Ints
    ttl: Ints

    def flat(self, which: Ints) -> tuple[Ints, list[int]]:
        """Return the places of the answers of some rows, and how many each row has."""
        counts = self.first[which + 1] - self.first[which]
        starts = np.cumsum(counts) - counts
        return np.repeat(self.first[which] - starts, counts) + np.arange(int(counts.sum())), counts.tolist()

    def of(self, which: Ints) -> list[tuple[DnsAnswer, ...]]:
        """Return the answers of some rows."""
        at, counts = self.flat(which)
        made = map(
            _answer,
            map(self.names.__getitem__, self.name[at].tolist()),
            map(self.kinds.__getitem__, self.kind[at].tolist()),
            self.ttl[at].tolist(),
            map(self.data.__getitem__, self.datum[at].tolist()),
        )
        return [tuple([next(made) for _ in range(count)]) for count in counts]


Column = Coded | Constant | Numbers | Durations | Lists | Answers


class DnsRows(Sequence[DnsRow]):
    """Rows of the ``dns`` table, in the order of their first frames.

    Attributes:
        columns: of the plain lookups, a column for each field.
        plain: (m,) their numbers in the table, ascending; plain_servers: whom they asked.
        others: the rows that are objects from the start, by their numbers, ascending.
    """

    def __init__(self, columns: dict[str, Column], plain: Ints, others: Iterable[tuple[int, DnsRow]]) -> None:
        self.columns = columns
        self.plain = plain
        self.others = dict(others)
        self._rows: list[DnsRow | None] = [None] * (int(plain.size) + len(self.others))
        for at, row in self.others.items():
            self._rows[at] = row
        self._fields: dict[str, list[Any]] = {}
        servers = columns.get("server")
        self.plain_servers: frozenset[str] = frozenset(servers.values if isinstance(servers, Coded) else ())

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple | list | DnsRows):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Iterator[DnsRow]:
        for low in range(0, len(self), ROWS_AT_ONCE):
            yield from self.pick(range(low, min(low + ROWS_AT_ONCE, len(self))))

    @overload
    def __getitem__(self, at: int) -> DnsRow: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[DnsRow, ...]: ...
    def __getitem__(self, at: int | slice) -> DnsRow | tuple[DnsRow, ...]:
        if isinstance(at, slice):
            return tuple(self.pick(range(*at.indices(len(self)))))
        row = self._rows[at]
        return self.pick([at % len(self)])[0] if row is None else row

    def pick(self, numbers: Sequence[int]) -> list[DnsRow]:
        """Return the rows with these numbers; those that are not objects yet are made in one go."""
        rows = self._rows
        missing = [at for at in numbers if rows[at] is None]
        if missing:
            which = np.searchsorted(self.plain, np.array(missing, np.int64))
            made = map(_row, *(self.columns[name].of(which) for name in FIELDS))
            for at, one in zip(missing, made, strict=True):
                rows[at] = one
        return [row for at in numbers if (row := rows[at]) is not None]

    def field(self, name: str) -> list[Any]:
        """Return the values of one field in all rows."""
        found = self._fields.get(name)
        if found is None:
            found = self.columns[name].of(np.arange(self.plain.size)) if self.columns else []
            if self.others:
                found = self._with_others(found, list(map(attrgetter(name), self.others.values())))
            self._fields[name] = found
        return found

    def _with_others(self, values: list[Any], others: list[Any]) -> list[Any]:
        out: list[Any] = []
        taken = iter(values)
        for at, value in zip(self.others, others, strict=True):
            out.extend(islice(taken, at - len(out)))
            out.append(value)
        out.extend(taken)
        return out

    def where(self, name: str, wanted: Callable[[Any], object]) -> NDArray[np.bool_]:
        """Return (n,) for which rows a field is as wanted; each value of a coded column is looked at once."""
        out = np.zeros(len(self), np.bool_)
        if self.plain.size:
            column = self.columns[name]
            if isinstance(column, Constant):
                out[self.plain] = bool(wanted(column.value))
            elif isinstance(column, Coded):
                out[self.plain] = np.array([bool(wanted(value)) for value in column.values], np.bool_)[column.codes]
            else:
                out[self.plain] = [bool(wanted(value)) for value in column.of(np.arange(self.plain.size))]
        get = attrgetter(name)
        for at, row in self.others.items():
            out[at] = bool(wanted(get(row)))
        return out


FIELDS = tuple(field.name for field in fields(DnsRow))


def column(rows: Sequence[DnsRow], name: str) -> list[Any]:
    """Return one field of all rows."""
    return rows.field(name) if isinstance(rows, DnsRows) else list(map(attrgetter(name), rows))


def where(rows: Sequence[DnsRow], name: str, wanted: Callable[[Any], object]) -> NDArray[np.bool_]:
    """Return (n,) for which rows a field is as wanted."""
    if isinstance(rows, DnsRows):
        return rows.where(name, wanted)
    return np.fromiter((bool(wanted(getattr(row, name))) for row in rows), np.bool_, len(rows))


def one_of(rows: Sequence[DnsRow], name: str, values: Collection[Any]) -> NDArray[np.bool_]:
    """Return (n,) for which rows a field has one of these values."""
    return where(rows, name, values.__contains__)


def chosen(rows: Sequence[DnsRow], wanted: NDArray[np.bool_]) -> list[tuple[int, DnsRow]]:
    """Return the wanted rows with their numbers.

    Args:
        wanted: (n,) bool.
    """
    numbers = np.flatnonzero(wanted).tolist()
    return picked(rows, numbers)


def picked(rows: Sequence[DnsRow], numbers: Sequence[int]) -> list[tuple[int, DnsRow]]:
    """Return the rows with these numbers, with them."""
    if isinstance(rows, DnsRows):
        return list(zip(numbers, rows.pick(numbers), strict=True))
    return [(at, rows[at]) for at in numbers]


def answer_types(rows: Sequence[DnsRow]) -> set[str]:
    """Return the record types that occur in answers."""
    found = {answer.type for _, row in _objects(rows) for answer in row.answers}
    if isinstance(rows, DnsRows) and isinstance(column_ := rows.columns.get("answers"), Answers):
        found.update(column_.kinds)
    return found


def latencies(rows: Sequence[DnsRow]) -> NDArray[np.float64]:
    """Return (n,) milliseconds from question to answer, NaN where there is no such time."""
    if not isinstance(rows, DnsRows):
        return np.array([np.nan if row.latency_ms is None else row.latency_ms for row in rows], np.float64)
    out = np.full(len(rows), np.nan)
    column = rows.columns.get("latency_ms")
    if isinstance(column, Durations):
        out[rows.plain] = (column.end - column.begin) / NS_PER_MS
    for at, row in rows.others.items():
        out[at] = np.nan if row.latency_ms is None else row.latency_ms
    return out


def answer_counts(rows: Sequence[DnsRow]) -> Ints:
    """Return (n,) how many answers each row has."""
    if not isinstance(rows, DnsRows):
        return np.array([len(row.answers) for row in rows], np.int64)
    out = np.zeros(len(rows), np.int64)
    column = rows.columns.get("answers")
    if isinstance(column, Answers):
        out[rows.plain] = np.diff(column.first)
    for at, row in rows.others.items():
        out[at] = len(row.answers)
    return out


def lifetimes(rows: Sequence[DnsRow]) -> Ints:
    """Return (n,) the seconds that all answers of each row may be kept, 0 without any (see :func:`lifetime_s`)."""
    out = np.zeros(len(rows), np.int64)
    column = rows.columns.get("answers") if isinstance(rows, DnsRows) else None
    if isinstance(rows, DnsRows) and isinstance(column, Answers):
        some = np.diff(column.first) > 0
        if some.any():
            out[rows.plain[some]] = np.minimum.reduceat(kept(column.ttl), column.first[:-1][some])
    for at, row in _objects(rows):
        out[at] = lifetime_s(row.answers)
    return out


def kept(ttl: Ints) -> Ints:
    """Return times to live as they are meant: one with its top bit set is none (RFC 2181 section 8)."""
    return np.where(ttl > LONGEST_S, 0, ttl)


def instants(rows: Sequence[DnsRow], name: str) -> tuple[Ints, NDArray[np.bool_]]:
    """Return (n,) the times of a field, 0 where there is none, and (n,) where there is one."""
    out, known = np.zeros(len(rows), np.int64), np.zeros(len(rows), np.bool_)
    column = rows.columns.get(name) if isinstance(rows, DnsRows) else None
    if isinstance(rows, DnsRows) and isinstance(column, Numbers):
        out[rows.plain], known[rows.plain] = column.values, True
    for at, row in _objects(rows):
        value = getattr(row, name)
        if value is not None:
            out[at], known[at] = value, True
    return out, known


def codes(rows: Sequence[DnsRow], name: str) -> Ints:
    """Return (n,) numbers that are equal where the values of a field are."""
    seen: dict[Any, int] = {}
    out = np.zeros(len(rows), np.int64)
    column = rows.columns.get(name) if isinstance(rows, DnsRows) else None
    if isinstance(rows, DnsRows) and isinstance(column, Coded):
        numbers = np.array([seen.setdefault(value, len(seen)) for value in column.values], np.int64)
        out[rows.plain] = numbers[column.codes]
    for at, row in _objects(rows):
        out[at] = seen.setdefault(getattr(row, name), len(seen))
    return out


def _objects(rows: Sequence[DnsRow]) -> Iterable[tuple[int, DnsRow]]:
    """Give the rows that are in no column, with their numbers."""
    return rows.others.items() if isinstance(rows, DnsRows) else enumerate(rows)
