"""Arrow's types for the rows of the schema, and their values as Arrow takes them.

A field's annotation gives its type, as in :mod:`analyzer.export.schema_json`: text, 64-bit integers and floats,
booleans; an instant is a timestamp in nanoseconds UTC; a tuple is a list, a row inside a row a struct, a pair of texts
(header fields) a struct of ``name`` and ``value``. Only the arguments of sentences, whose values are of any type, are
JSON text.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.export.json import encoded
from analyzer.schema import plain

if TYPE_CHECKING:
    import pyarrow


class Kind(NamedTuple):
    """An Arrow type, and what makes a value of it (None: the value is one already)."""

    type: pyarrow.DataType
    make: Callable[[Any], Any] | None = None


@cache
def kinds(row_type: type) -> tuple[tuple[str, Kind], ...]:
    """Return the name and kind of each field of a row type that is written.

    Raises:
        TypeError: a field's annotation has no Arrow type.
    """
    import pyarrow

    hints = typing.get_type_hints(row_type)
    out = []
    for field in fields(row_type):
        if field.name.endswith("_offset"):  # positions for our own use, in no export
            continue
        instant = field.name == "time" or field.name.endswith("_time")
        kind = Kind(pyarrow.timestamp("ns", tz="UTC")) if instant else kind_of(hints[field.name])
        out.append((field.name.rstrip("_"), kind))
    return tuple(out)


def kind_of(hint: Any) -> Kind:
    """Return the kind of an annotation.

    Raises:
        TypeError: there is none.
    """
    import pyarrow

    simple = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float64(), bool: pyarrow.bool_()}
    if hint in simple:
        return Kind(simple[hint], _text if hint is str else None)
    if isinstance(hint, type) and is_dataclass(hint):
        return _struct(hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return _optional(kind_of(inner))
    if origin is tuple and arguments == (str, str):
        pair = pyarrow.struct([("name", pyarrow.string()), ("value", pyarrow.string())])
        return Kind(pair, lambda value: {"name": _text(value[0]), "value": _text(value[1])})
    if origin in (tuple, Sequence):
        return _list(kind_of(arguments[0]))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return Kind(pyarrow.string(), lambda value: encoded(plain(value)))
    raise TypeError(f"no Arrow type for {hint!r}")


def _text(value: str) -> str:
    """Return text that UTF-8 can carry; a lone surrogate becomes an escape."""
    return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")


def _optional(kind: Kind) -> Kind:
    make = kind.make
    return kind if make is None else Kind(kind.type, lambda value: None if value is None else make(value))


def _list(item: Kind) -> Kind:
    import pyarrow

    make = item.make
    return Kind(pyarrow.list_(item.type), list if make is None else lambda value: [make(one) for one in value])


def _struct(row_type: type) -> Kind:
    import pyarrow

    from analyzer.schema import layout

    parts, shape = kinds(row_type), layout(row_type)
    assert shape is not None

    def make(row: Any) -> dict[str, Any]:
        values = zip(parts, shape.values(row), strict=True)
        return {name: value if kind.make is None else kind.make(value) for (name, kind), value in values}

    return Kind(pyarrow.struct([(name, kind.type) for name, kind in parts]), make)


def schema(row_type: type) -> pyarrow.Schema:
    """Return the Arrow schema of a table."""
    import pyarrow

    return pyarrow.schema([(name, kind.type) for name, kind in kinds(row_type)])


def record_batch(row_type: type, columns: Sequence[Sequence[Any]]) -> pyarrow.RecordBatch:
    """Turn columns of Python values (:func:`analyzer.export.batches.column_batches`) into Arrow's."""
    import pyarrow

    arrays = [
        pyarrow.array(column if kind.make is None else list(map(kind.make, column)), kind.type)
        for (_, kind), column in zip(kinds(row_type), columns, strict=True)
    ]
    return pyarrow.RecordBatch.from_arrays(arrays, schema=schema(row_type))
