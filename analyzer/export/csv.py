"""CSV: a file for each table that has rows, for spreadsheets and for tools that read nothing else.

Rules: RFC 4180 (commas, quotes doubled, CRLF), UTF-8, a line of names first, in the order of the tables' contract.
What is unknown is empty. Instants are RFC 3339, durations milliseconds; lists and rows inside a row are JSON. Text of
a capture that a spreadsheet would take for a formula (it begins with ``= + - @``, a tab, CR or NUL) gets an apostrophe
in front; numbers stay numbers. Control characters but tab, CR and LF are written by name: many readers end at NUL, and
terminals obey others.

Source: RFC 4180; OWASP, "CSV Injection".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from analyzer.export.batches import ALL_TABLES, column_batches, nonempty
from analyzer.export.json import encoded
from analyzer.schema import plain
from analyzer.text import visible
from analyzer.units import rfc3339

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")
"""Beginnings that make a spreadsheet run a cell, or skip to one."""

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


NAMES = tuple(f"{name}.csv" for name, _ in ALL_TABLES)
"""All files that a capture can have."""


def files(analysis: Analysis) -> Iterator[tuple[str, Iterator[str]]]:
    """Give each file's name and its text in pieces; tables without rows have none."""
    return nonempty((f"{name}.csv", _table(analysis, name)) for name, _ in ALL_TABLES)


def _table(analysis: Analysis, name: str) -> Iterator[str]:
    for number, (shape, columns) in enumerate(column_batches(analysis, name)):
        written = [list(map(instant if at in shape.instants else cell, column)) for at, column in enumerate(columns)]
        heading = f"{line(shape.names)}" if number == 0 else ""
        yield heading + "".join(map(line, zip(*written, strict=True)))


def line(cells: Sequence[str]) -> str:
    """Return one record."""
    return ",".join(cells) + "\r\n"


def instant(value: int | None) -> str:
    """Write an instant (ns)."""
    return rfc3339(value) or ""


def cell(value: Any) -> str:
    """Write one value of a row, quoted where it has to be."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return quoted(guarded(value) if isinstance(value, str) else encoded(plain(value)))


def guarded(text: str) -> str:
    """Return a text that no spreadsheet runs."""
    safe = f"'{text}" if text.startswith(FORMULA) else text
    return safe if safe.isascii() and safe.isprintable() else _CONTROLS.sub(lambda found: visible(found[0]), safe)


def quoted(text: str) -> str:
    """Quote a text where a comma, a quote or a line break demands it."""
    if '"' in text or "," in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text
