"""The small vocabulary that facts for the page are written in: cells, tables, and words for what is unknown.

No markup here; a template turns a :class:`Table` into a ``<table>`` whose rows can be filtered and linked to, or,
where it has more than :data:`MAX_TABLE_ROWS` rows, into a grid (:mod:`analyzer.report.grid`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from analyzer import sentences
from analyzer.provenance import frames_text, runs
from analyzer.report.escape import Prose, safe
from analyzer.report.wording import number, say
from analyzer.units import NS_PER_S, human_bytes, human_ms, rfc3339

MAX_TABLE_ROWS = 2000
"""Rows of one real HTML table: a browser lays out 2,000 × 10 cells in about a second; more are drawn as a grid."""

MAX_GRID_ROWS = 200_000
"""Rows of one grid, whose data are all in the page: what a browser reads in a second; the exports have the rest."""

DASH = "–"


@dataclass(frozen=True, slots=True)
class Cell:
    """One value to show.

    Attributes:
        text: what is shown.
        why: for an unknown value, the reason, shown beside it.
        link: anchor inside the page, made of letters and integers only.
        tone: "", "bad", "warn", "good", "muted".
        title: longer words for hover and screen readers.
        value: the number that the text is written from, for sorting and for CSV; None where the text says it all.
        unit: of the value: "ms", "B", "s".
        href: another file, for a page that lists files: a relative path made of our own safe names only.
        bar: a small bar before the text: (phase, left, width) of its pieces, in percent.
    """

    text: str
    why: str = ""
    link: str = ""
    tone: str = ""
    title: str = ""
    value: float | None = None
    unit: str = ""
    href: str = ""
    bar: tuple[tuple[str, float, float], ...] = ()

    @property
    def told(self) -> bool:
        """Whether the value has to be told beside the text: it has a unit, or words around it."""
        return self.value is not None and bool(self.unit or not self.text.isdigit())


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: its heading, whether it holds numbers, and what it means."""

    label: str
    numeric: bool = False
    title: str = ""
    wide: bool = False

    @property
    def kind(self) -> str:
        """Return "n" for numbers, "w" for wide text, "" else."""
        return "n" if self.numeric else "w" if self.wide else ""


@dataclass(frozen=True, slots=True)
class Mark:
    """What the page's filter knows of a row; empty text means the row has no such property.

    Attributes:
        stream: streams, with spaces between; duration: ms; start, end: seconds since the first packet.
        frames: what a display filter selects, ``3 7-9``: numbers and ranges, with spaces between.
        severity, code: may be several, with spaces between; code (of findings) and day only where rows are captures.
    """

    host: str = ""
    status: str = ""
    method: str = ""
    stream: str = ""
    proto: str = ""
    severity: str = ""
    duration: str = ""
    start: str = ""
    end: str = ""
    frames: str = ""
    code: str = ""
    day: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its anchor (``http-7``; empty for none), its cells, and what the filter knows of it."""

    anchor: str
    cells: tuple[Cell, ...]
    mark: Mark = field(default_factory=Mark)


@dataclass(frozen=True, slots=True)
class Texts:
    """A grid's column of cells that come again.

    Attributes:
        cells: those that occur; one with nothing but text to it may be that text (safe to show). Two columns that share
            this very list take its room once.
        at: for each row a place in ``cells``; without it, each row has the cell at its own place, or all have the one.
    """

    cells: Sequence[Cell | str]
    at: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Numbers:
    """A grid's column of numbers, which the page's script writes for people.

    Attributes:
        values: whole numbers, None where it is unknown; a ``range`` costs nothing.
        form: how they are written: "plain", "count", "ms", "bytes", "seconds", "instant".
        per: how many of the numbers make one of the form's unit: 1000 for microseconds in the form "ms".
        link: word of the anchors ``stream-7`` that the numbers lead to.
        odd: the cells of rows for which the number is not all there is to say.
    """

    values: Sequence[int | None]
    form: str
    per: int = 1
    link: str = ""
    odd: Mapping[int, Cell] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grid:
    """The data of a long table, column by column.

    Attributes:
        total: rows it has.
        columns: as those of the table.
        marks: what the filter knows of the rows, under the names of its fields (``host``, ``dur``, ``from`` …): a
            column, or the number of a shown column that says the same.
        anchor: word of the rows' anchors; row n is ``anchor-(first + n)``.
        first: number in the anchor of the first row.
    """

    total: int
    columns: tuple[Texts | Numbers, ...]
    marks: Mapping[str, Texts | Numbers | int]
    anchor: str = ""
    first: int = 1


class Elsewhere(Enum):
    """Where the rows are that a page leaves out."""

    EXPORTS = auto()
    CAPTURE = auto()
    NOWHERE = auto()


@dataclass(frozen=True, slots=True)
class Table:
    """A table ready to be drawn; ``total`` counts the rows that exist, ``rows`` those that are shown.

    A table that has a ``grid`` is drawn as one; its ``rows`` are the first few, for browsers without scripts. Where the
    others are is ``elsewhere``.
    """

    ident: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    total: int
    grid: Grid | None = None
    elsewhere: Elsewhere = Elsewhere.EXPORTS

    @property
    def rest(self) -> Prose:
        """Say how many rows are left out, and where they are."""
        shown, total = number(self.shown), number(self.total)
        if self.elsewhere is Elsewhere.EXPORTS:
            return say("showing {shown} of {total}; the exports have all of them", shown=shown, total=total)
        if self.elsewhere is Elsewhere.CAPTURE:
            return say("showing {shown} of {total}; the capture file has all of them", shown=shown, total=total)
        return say("showing {shown} of {total}", shown=shown, total=total)

    @property
    def shown(self) -> int:
        """How many rows are in the page."""
        return len(self.rows) if self.grid is None else self.grid.total

    @property
    def cut(self) -> bool:
        """Whether rows are left out."""
        return self.total > self.shown

    @property
    def units(self) -> tuple[str, ...]:
        """The unit of each column's values, empty where they have none."""
        return tuple(next((row.cells[at].unit for row in self.rows if row.cells[at].unit), "") for at in self._places)

    @property
    def _places(self) -> range:
        return range(len(self.columns))


def text(value: object, why: str | None = None, tone: str = "") -> Cell:
    """Return a cell for a value; None and empty text are unknown, with the reason in words."""
    if value is None or value == "":
        return unknown(why)
    return Cell(safe(value), tone=tone)


def unknown(why: str | None = None) -> Cell:
    """Return a cell for something that cannot be known from this capture."""
    return Cell(DASH, why=Prose(sentences.why(why)) if why else "", tone="muted", title=say("unknown"))


def ms(value: float | None, why: str | None = None, tone: str = "") -> Cell:
    """Return a duration cell."""
    return unknown(why) if value is None else Cell(human_ms(value), tone=tone, value=round(value, 6), unit="ms")


def size(value: int | None, why: str | None = None) -> Cell:
    """Return a size cell."""
    return unknown(why) if value is None else Cell(human_bytes(value), value=value, unit="B")


def count(value: int | None, bad: bool = False) -> Cell:
    """Return a number cell; with ``bad``, anything but zero stands out."""
    if value is None:
        return unknown()
    return Cell(number(value), tone="bad" if bad and value else "", value=value)


def frames(numbers: Iterable[int | None]) -> Cell:
    """Return a cell of frame numbers; absent ones are left out."""
    known = [n for n in numbers if n is not None]
    return Cell(Prose(frames_text(known, 4)), value=min(known)) if known else unknown()


def marked(
    clock: Clock | None = None,
    *,
    host: object = "",
    status: object = "",
    method: object = "",
    stream: int | Iterable[int] | None = None,
    proto: str = "",
    severity: str = "",
    duration_ms: float | None = None,
    start: int | None = None,
    end: int | None = None,
    frames: Iterable[int | None] = (),
) -> Mark:
    """Return what the filter knows of a row.

    Args:
        clock: turns ``start`` and ``end`` (ns) into seconds; without it they are left out. An end that is not known
            is the start.
        host, status, method: captured values; None is left out.
        frames: those that prove the row, in any order; more than :data:`MAX_MARK_RUNS` runs are left out, and the row
            is selected by its stream.
    """
    streams = () if stream is None else (stream,) if isinstance(stream, int) else tuple(stream)
    times = [None if clock is None else clock.seconds(instant) for instant in (start, start if end is None else end)]
    parts = runs({n for n in frames if n is not None})
    return Mark(
        host="" if host is None else safe(host),
        status="" if status is None else safe(status, 20),
        method="" if method is None else safe(method, 40),
        stream=" ".join(map(str, streams)),
        proto=proto,
        severity=severity,
        duration="" if duration_ms is None else f"{duration_ms:.3f}",
        start="" if times[0] is None else f"{times[0]:.6f}",
        end="" if times[1] is None else f"{times[1]:.6f}",
        frames=" ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts) if len(parts) <= MAX_MARK_RUNS else "",
    )


MAX_MARK_RUNS = 40
"""Runs of frames in a row's filter; a longer filter is nothing that somebody reads or types."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Writes instants as seconds since the capture's first packet."""

    start: int | None

    def seconds(self, time_ns: int | None) -> float | None:
        """Return seconds since the start, None when either is unknown."""
        return None if time_ns is None or self.start is None else (time_ns - self.start) / NS_PER_S

    def text(self, time_ns: int | None) -> str:
        """Return ``1.203 s``, or a dash."""
        seconds = self.seconds(time_ns)
        return DASH if seconds is None else f"{seconds:.3f} s"

    def cell(self, time_ns: int | None, why: str | None = None) -> Cell:
        """Return a cell for an instant."""
        seconds = self.seconds(time_ns)
        at = None if seconds is None else round(seconds, 9)
        return (
            unknown(why) if time_ns is None else Cell(self.text(time_ns), "", "", "", rfc3339(time_ns) or "", at, "s")
        )
