"""One JSON document of everything the analyzer knows: the tables of the schema, in their order.

Rules: UTF-8; deterministic; no NaN or Infinity (they are no JSON, RFC 8259 section 6, and a row never holds one);
text as it is, except lone surrogates, which UTF-8 cannot carry and which are written as ``\\udXXX`` escapes
(RFC 8259 section 8.2), so the document stays valid whatever was captured.

The document is made in pieces - an object per line, a row per line - so that a capture with a million rows needs no
second copy of everything (write :func:`parts` as they come), and so that two documents can be compared with ``diff``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

_BETWEEN = ",\n"
_SURROGATES = re.compile("[\ud800-\udfff]")
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(", ", ": ")).encode


def encoded(value: Any) -> str:
    """Encode one JSON-ready value on one line; lone surrogates become escapes.

    Raises:
        ValueError: a number is NaN or infinite.
    """
    return _safe(_encode(value))


def _safe(text: str) -> str:
    return text if text.isascii() else _SURROGATES.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


def pieces(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the document's text piece by piece: a line for each member, and for each row of a table.

    Args:
        document: JSON-ready values; tables are lists of rows, or iterators over them.

    Raises:
        ValueError: a value is NaN or infinite.
    """
    return _lines(
        (name, map(encoded, value) if isinstance(value, list | Iterator) else encoded(value))
        for name, value in document.items()
    )


def _lines(members: Iterable[tuple[str, str | Iterator[str]]]) -> Iterator[str]:
    """Lay out a document whose values are text already, tables an iterator over the text of their rows."""
    opening = "{\n"
    for name, value in members:
        yield f"{opening}{encoded(name)}: "
        opening = ",\n"
        if isinstance(value, str):
            yield value
            continue
        separator = "[\n"
        for rows in value:
            yield separator
            yield rows
            separator = _BETWEEN
        yield "[]" if separator == "[\n" else "\n]"
    yield "\n}\n" if opening == ",\n" else "{}\n"


def parts(analysis: Analysis) -> Iterator[str]:
    """Yield the text of :func:`dumps` in pieces, each row made when it is its turn."""
    return _lines(
        (name, rows_text(analysis, name) if isinstance(value, Iterator) else encoded(value))
        for name, value in analysis.members().items()
    )


def row_batches(analysis: Analysis, name: str) -> Iterator[list[str]]:
    """Yield the text of each row of a member that is a table, many rows at a time; fit for UTF-8."""
    from analyzer.export import columns, dns_columns
    from analyzer.protocols.dns.table import DnsRows

    if name == "tcp":
        made = columns.drawn(analysis.connections.drawn())
    elif name == "dns" and isinstance(analysis.dns, DnsRows):
        made = dns_columns.batches(analysis.dns)
    else:
        made = columns.batches(analysis.problems if name == "problems" else analysis.rows(name))
    return (list(map(_safe, rows)) for rows in made)


def rows_text(analysis: Analysis, name: str) -> Iterator[str]:
    """Yield the text of the rows of a member that is a table, many rows at a time, as they stand in the list."""
    return map(_BETWEEN.join, row_batches(analysis, name))


def dumps(analysis: Analysis) -> str:
    """Return an analysis as one JSON document, keys in the order of the tables' contract."""
    return "".join(parts(analysis))
