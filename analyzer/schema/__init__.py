"""The tables: what the analyzer knows about a capture, as frozen rows.

Field order is the order of the JSON document. Instants are int nanoseconds since the epoch (field names ending
in ``_time``, or ``time``), durations float milliseconds (``_ms``), unknown is None. :func:`plain` turns a row into
JSON-ready values; nothing else in the package invents a column.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import fields, is_dataclass, make_dataclass
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, cast

from analyzer.schema.arp import ArpRow
from analyzer.schema.capture import CaptureRow, Comment, Gateway, InterfaceRow, Ledger
from analyzer.schema.dhcp import DhcpOffer, DhcpRow
from analyzer.schema.dns import DnsAnswer, DnsFlags, DnsRow
from analyzer.schema.http import (
    Cookie,
    HttpRow,
    Informational,
    Parameter,
    PhaseFrames,
    PhaseTrust,
    WebSocketMessage,
    WebSocketRow,
)
from analyzer.schema.icmp import IcmpRow, PingSeries, TracerouteHop, TracerouteRow
from analyzer.schema.later import Later
from analyzer.schema.ndp import NdpPrefix, NdpRow
from analyzer.schema.oicq import OicqRow
from analyzer.schema.tcp import TcpConflict, TcpOpinion, TcpRow
from analyzer.schema.tls import Certificate, TlsAlert, TlsRow
from analyzer.schema.visits import FindingRow, Remark, Step, Unvisited, VisitPhases, VisitRow, Waste
from analyzer.units import rfc3339

__all__ = [
    "TABLES",
    "ArpRow",
    "CaptureRow",
    "Certificate",
    "Comment",
    "Cookie",
    "DhcpOffer",
    "DhcpRow",
    "DnsAnswer",
    "DnsFlags",
    "DnsRow",
    "FindingRow",
    "Gateway",
    "HttpRow",
    "IcmpRow",
    "Informational",
    "InterfaceRow",
    "Later",
    "Ledger",
    "NdpPrefix",
    "NdpRow",
    "OicqRow",
    "Parameter",
    "PhaseFrames",
    "PhaseTrust",
    "PingSeries",
    "Remark",
    "Step",
    "TcpConflict",
    "TcpOpinion",
    "TcpRow",
    "TlsAlert",
    "TlsRow",
    "TracerouteHop",
    "TracerouteRow",
    "Unvisited",
    "VisitPhases",
    "VisitRow",
    "Waste",
    "WebSocketMessage",
    "WebSocketRow",
    "changed",
    "filled",
    "layout",
    "maker",
    "plain",
]

TABLES: tuple[tuple[str, type], ...] = (
    ("arp", ArpRow),
    ("ndp", NdpRow),
    ("dhcp", DhcpRow),
    ("dns", DnsRow),
    ("tcp", TcpRow),
    ("tls", TlsRow),
    ("http", HttpRow),
    ("websocket", WebSocketRow),
    ("icmp", IcmpRow),
    ("pings", PingSeries),
    ("traceroutes", TracerouteRow),
    ("oicq", OicqRow),
    ("visits", VisitRow),
    ("findings", FindingRow),
)
"""Table name and row type, in the order of the JSON document."""


Row = TypeVar("Row")


class Layout(NamedTuple):
    """How to write a row type: its fields in one C call, their names, and which of them (by position) are instants."""

    values: Callable[[Any], tuple[Any, ...]]
    names: tuple[str, ...]
    instants: tuple[int, ...]
    written: tuple[bool, ...]  # for every field of the type, whether it is written


@cache
def layout(row_type: Hashable) -> Layout | None:
    """Return the layout of a row type, None for other types."""
    if not is_dataclass(row_type):
        return None
    written = [f.name for f in fields(row_type) if not f.name.endswith("_offset")]
    getter = attrgetter(*written)
    return Layout(
        getter if len(written) > 1 else lambda row: (getter(row),),
        tuple(name.rstrip("_") for name in written),
        tuple(at for at, name in enumerate(written) if name == "time" or name.endswith("_time")),
        tuple(f.name in written for f in fields(row_type)),
    )


@cache
def _writers(row_type: Hashable) -> tuple[Callable[[Any], tuple[Any, ...]], dict[str, Callable[[Any, Any], None]]]:
    """Return what reads all fields of a slotted row type, and what sets each of them."""
    names = [f.name for f in fields(cast(type, row_type))]
    return attrgetter(*names), {name: getattr(row_type, name).__set__ for name in names}


def changed(row: Row, **values: Any) -> Row:
    """Return a copy of a row with other values in some fields.

    Does what :func:`dataclasses.replace` does for frozen, slotted rows of more than one field, several times faster:
    tables have tens of thousands of rows of a hundred fields.

    Raises:
        KeyError: there is no such field.
    """
    read, setters = _writers(cast(Hashable, type(row)))
    out = object.__new__(type(row))
    for setter, value in zip(setters.values(), read(row), strict=True):
        setter(out, value)
    for name, value in values.items():
        setters[name](out, value)
    return out


def filled(row: Row, **values: Any) -> Row:
    """Set fields of a row that is still being put together, and return the same row.

    For the steps between a parser and the finished analysis, which alone hold the rows then: a copy for each of them
    would cost more than what they find out. Whoever got a row from an analysis uses :func:`changed`.

    Raises:
        KeyError: there is no such field.
    """
    _, setters = _writers(cast(Hashable, type(row)))
    for name, value in values.items():
        setters[name](row, value)
    return row


def maker(row_type: type[Row]) -> Callable[..., Row]:
    """Return what makes rows of a frozen, slotted type from the values of all its fields, in their order.

    The constructor of a frozen dataclass sets each field through ``object.__setattr__``; five times quicker is to fill
    a twin with the same slots that is not frozen, and to turn that into the row.
    """
    names = [f.name for f in fields(cast(type, row_type))]
    twin = make_dataclass(row_type.__name__, names, slots=True)

    def make(*values: Any) -> Row:
        row = twin(*values)
        row.__class__ = row_type
        return cast(Row, row)

    return make


_AS_IT_IS = frozenset({str, int, float, bool, type(None)})


def plain(value: Any) -> Any:
    """Turn a row (or anything inside one) into dicts, lists, text and numbers ready for JSON.

    Instants become RFC 3339 text with nanoseconds; tuples become lists; NaN does not occur in rows.
    """
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    if kind is tuple or kind is list or kind is Later:
        return [item if type(item) in _AS_IT_IS else plain(item) for item in value]
    plan = layout(cast(Hashable, kind))
    if plan is not None:
        values = list(plan.values(value))
        for at in plan.instants:
            values[at] = rfc3339(values[at])
        return {
            name: item if type(item) in _AS_IT_IS else plain(item)
            for name, item in zip(plan.names, values, strict=True)
        }
    if isinstance(value, Mapping):
        return {str(key): item if type(item) in _AS_IT_IS else plain(item) for key, item in value.items()}
    return value
