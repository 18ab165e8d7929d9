"""Rows of a table as JSON text, a column at a time.

The text of a row is that of :func:`analyzer.schema.plain`, encoded; only the way there is another. An encoder that is
handed a row at a time spends most of its time on the names of a hundred fields; here a batch of rows is turned into
columns, each column is encoded by one call, and a template that holds the names (and the values that are the same in
all rows) puts each row together. So it is with rows inside rows: the steps of all visits of a batch are one table.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, repeat
from typing import Any, cast

from analyzer.schema import Later, Layout, layout, plain
from analyzer.units import NS_PER_S, second

ROWS_AT_ONCE = 512
"""Enough to spread the cost of a column over many rows, few enough to hold their text in memory."""

_MARK = "\0"
"""Stands between the encoded values of a column: text holds none, because JSON escapes it (RFC 8259 section 7)."""

_list = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(_MARK, ": ")).encode
_one = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(", ", ": ")).encode
_NOTHING = frozenset({type(None)})
_SCALARS = frozenset({str, int, float, bool, type(None)})

Texts = str | list[str]
"""The values of a column as JSON text; one text when all are the same."""


def texts(rows: Iterable[Any]) -> Iterator[str]:
    """Yield the JSON text of each row.

    Args:
        rows: dataclass rows, all of one type.

    Raises:
        ValueError: a value is NaN or infinite.
    """
    return chain.from_iterable(batches(rows))


def batches(rows: Iterable[Any]) -> Iterator[list[str]]:
    """Yield what :func:`texts` does, many rows at a time."""
    taken = iter(rows)
    while batch := list(islice(taken, ROWS_AT_ONCE)):
        yield _listed(_rows(batch), len(batch))


def drawn(tables: Iterable[tuple[type, Sequence[Sequence[Any]]]]) -> Iterator[list[str]]:
    """Yield the JSON text of the rows of tables that are there as columns, a list for each table.

    Args:
        tables: batches of rows: the type of row, and for each of its fields the values.
    """
    for kind, columns in tables:
        shape = layout(kind)
        assert shape is not None
        chosen = [column for column, kept in zip(columns, shape.written, strict=True) if kept]
        made = of_columns(shape, chosen)
        yield _listed(made, len(columns[0]))


def of_columns(shape: Layout, columns: Iterable[Sequence[Any]]) -> Texts:
    """Encode a table that is there as columns: the values of each field of its layout, as many in each."""
    encoded = [_instants(column) if at in shape.instants else column_texts(column) for at, column in enumerate(columns)]
    return objects(shape.names, encoded)


def _rows(rows: Sequence[Any]) -> Texts:
    """Encode rows of one type."""
    shape = layout(cast(Hashable, type(rows[0])))
    assert shape is not None
    return of_columns(shape, zip(*map(shape.values, rows), strict=True))


def objects(names: Sequence[str], columns: Sequence[Texts]) -> Texts:
    """Put encoded columns together to objects."""
    literals: list[str] = []
    varying: list[list[str]] = []
    text = "{"
    for at, (name, column) in enumerate(zip(names, columns, strict=True)):
        text += f"{', ' if at else ''}{_one(name)}: "
        if isinstance(column, str):
            text += column
        else:
            literals.append(text)
            varying.append(column)
            text = ""
    return _filled([*literals, text + "}"], varying)


def _filled(literals: Sequence[str], columns: Sequence[Sequence[str]]) -> Texts:
    """Set a value of each column at a time between texts that are always the same (one more than there are columns)."""
    if not columns:
        return literals[0]
    between = (part for pair in zip(map(repeat, literals), columns, strict=False) for part in pair)
    return list(map("".join, zip(*between, repeat(literals[-1]), strict=False)))


def _instants(values: Sequence[int | None]) -> Texts:
    known = [value for value in values if value is not None]
    if not known:
        return "null"
    made = [f'"{second(value // NS_PER_S)}.{value % NS_PER_S:09d}Z"' for value in known]
    if len(made) == len(values):
        return made
    given = iter(made)
    return ["null" if value is None else next(given) for value in values]


def column_texts(values: Sequence[Any]) -> Texts:
    """Encode the values of a column."""
    kinds = set(map(type, values))
    if kinds <= _SCALARS:
        return _scalars(values, kinds)
    if len(kinds) == 1:
        kind = next(iter(kinds))
        if kind is tuple or kind is list:
            return _lists(values)
        if kind is Later:
            return _lists(list(map(tuple, values)))
        if kind is dict:
            return _mappings(values)
        if layout(kind) is not None:
            return _rows(values)
    return _mixed(values, kinds)


def _scalars(values: Sequence[Any], kinds: set[type]) -> Texts:
    first = values[0]
    # Of floats, 0.0 equals -0.0 and is written otherwise.
    if len(kinds) == 1 and (first or float not in kinds) and values.count(first) == len(values):
        return _one(first)
    return _list(values)[1:-1].split(_MARK)


def _lists(values: Sequence[Sequence[Any]]) -> Texts:
    """Encode a column of lists: all their items as one column, then each list from its own."""
    flat = list(chain.from_iterable(values))
    if not flat:
        return "[]"
    sizes = list(map(len, values))
    alike = sizes.count(sizes[0]) == len(sizes)
    items = _pairs(flat) or column_texts(flat)
    if isinstance(items, str):
        if alike:
            return f"[{', '.join([items] * sizes[0])}]"
        items = _listed(items, len(flat))
    if alike:  # such as the first and the last frame
        literals = ["[", *[", "] * (sizes[0] - 1), "]"]
        return _filled(literals, [items[at :: sizes[0]] for at in range(sizes[0])])
    given = iter(items)
    return [f"[{', '.join(islice(given, size))}]" for size in sizes]


def _pairs(flat: list[Any]) -> list[str] | None:
    """Encode tuples of text of which most come again and again (header fields); None for anything else."""
    if type(flat[0]) is not tuple:
        return None
    try:
        different = list(dict.fromkeys(flat))
    except TypeError:  # something inside cannot be hashed
        return None
    if len(different) == len(flat) or set(map(type, chain.from_iterable(different))) != {str}:
        return None
    made = dict(zip(different, _listed(column_texts(different), len(different)), strict=True))
    return list(map(made.__getitem__, flat))


def _listed(made: Texts, size: int) -> list[str]:
    return [made] * size if isinstance(made, str) else made


def _mappings(values: Sequence[Mapping[str, Any]]) -> Texts:
    """Encode a column of dicts: those with the same keys are a table."""
    groups: dict[tuple[Any, ...], list[int]] = {}
    for at, value in enumerate(values):
        groups.setdefault(tuple(value), []).append(at)
    out = [""] * len(values)
    for keys, places in groups.items():
        columns = zip(*(values[at].values() for at in places), strict=True)
        made = objects([str(key) for key in keys], [column_texts(column) for column in columns])
        for at, text in zip(places, _listed(made, len(places)), strict=True):
            out[at] = text
    return out


def _mixed(values: Sequence[Any], kinds: set[type]) -> Texts:
    """Encode a column of values of several types, each type on its own; what is of none known here goes by itself."""
    out: list[str] = [""] * len(values)
    for kind in kinds:
        places = [at for at, value in enumerate(values) if type(value) is kind]
        chosen = [values[at] for at in places]
        known = kind in _SCALARS or kind in (tuple, list, dict, Later) or layout(kind) is not None
        made = column_texts(chosen) if known else [_one(plain(value)) for value in chosen]
        for at, text in zip(places, _listed(made, len(places)), strict=True):
            out[at] = text
    return out
