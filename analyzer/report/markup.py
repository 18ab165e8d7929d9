"""Rows of tables and lines of ladders as HTML: a page has thousands, and calls of the template engine add up.

Every value passes :func:`_text`, which does what the engine does to each ``{{ … }}``: display text, then escaped.
Nothing else of the page is written in Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import TYPE_CHECKING

from analyzer.report.cells import Cell, Mark, Row, Table
from analyzer.report.escape import shown
from analyzer.report.grid import FIELDS
from analyzer.report.ladder_svg import Ladder, Line

if TYPE_CHECKING:
    from markupsafe import Markup


def _text(value: object) -> str:
    """Return a value as text of an element or of a quoted attribute."""
    told = shown(value)
    return str(told) if hasattr(told, "__html__") else escape(str(told))


def _attribute(name: str, value: object) -> str:
    return f' {name}="{_text(value)}"' if value else ""


def mark(known: Mark) -> Markup:
    """Return the attributes by which the page's filter finds a row."""
    from markupsafe import Markup

    return Markup(_mark(known))


def _mark(known: Mark) -> str:
    return " data-row" + "".join(_attribute(f"data-{name}", getattr(known, field)) for field, name in FIELDS.items())


# ── tables ───────────────────────────────────────────────────────────────────────────────────────────────────────


def rows(table: Table, reach: Callable[[str], str]) -> Markup:
    """Return the rows of a table that can be filtered and linked to.

    Args:
        reach: gives for an anchor the one that exists.
    """
    from markupsafe import Markup

    kinds = [column.kind for column in table.columns]
    return Markup("\n".join(f"{_row(row)}{_cells(row, kinds, reach)}</tr>" for row in table.rows))


def _row(row: Row) -> str:
    return f'<tr{_attribute("id", row.anchor)} tabindex="-1"{_mark(row.mark)}>'


def small_rows(table: Table, reach: Callable[[str], str]) -> Markup:
    """Return the rows of a small table, which nobody filters; arguments as of :func:`rows`."""
    from markupsafe import Markup

    kinds = ["n" if column.numeric else "" for column in table.columns]
    return Markup("\n".join(f"<tr>{_cells(row, kinds, reach)}</tr>" for row in table.rows))


def _cells(row: Row, kinds: list[str], reach: Callable[[str], str]) -> str:
    return "".join([_cell(cell, kind, reach) for cell, kind in zip(row.cells, kinds, strict=True)])


def _cell(cell: Cell, kind: str, reach: Callable[[str], str]) -> str:
    text = _text(cell.text)
    if cell.link:
        text = f'<a href="#{_text(reach(cell.link))}">{text}</a>'
    elif cell.href:
        text = f'<a class="file-link" href="{_text(cell.href)}">{text}</a>'
    if cell.bar:
        text = f"{_small_bar(cell.bar)} {text}"
    if cell.why:
        text += f" <small>{_text(cell.why)}</small>"
    told = f' data-v="{_text(cell.value)}"' if cell.told else ""
    tone = f"{kind} {cell.tone}" if kind and cell.tone else kind or cell.tone
    return f"<td{_attribute('class', tone)}{told}{_attribute('title', cell.title)}>{text}</td>"


def _small_bar(pieces: tuple[tuple[str, float, float], ...]) -> str:
    rects = [
        f'<rect class="ph ph-{_text(phase)}" x="{left}%" width="{width}%" height="11"/>'
        for phase, left, width in pieces
    ]
    return f'<svg class="small-bar" width="84" height="11" aria-hidden="true">{"".join(rects)}</svg>'


# ── ladders ──────────────────────────────────────────────────────────────────────────────────────────────────────


def ladder_lines(drawn: Ladder) -> Markup:
    """Return the lines of a ladder."""
    from markupsafe import Markup

    return Markup("\n".join(_line(line) for line in drawn.lines))


def _line(line: Line) -> str:
    return f'<g class="{" ".join(_names(line))}"{_place(line)}>{"".join(_parts(line))}</g>'


def _names(line: Line) -> Iterator[str]:
    yield {"segment": "seg"}.get(line.kind, line.kind)
    if line.tone:
        yield _text(line.tone)


def _place(line: Line) -> str:
    ident = f' id="frame-{_text(line.frame)}"' if line.kind == "segment" else ""
    return f'{ident} transform="translate(0 {_text(line.y)})"'


def _parts(line: Line) -> Iterator[str]:
    if line.kind == "idle":
        yield f'<use href="#ld-idle"/><text class="ld-r">{_text(line.note)}</text>'
        return
    yield f'<text class="ld-t">{_text(line.time)}</text>'
    if line.delta:
        yield f'<text class="ld-d">{_text(line.delta)}</text>'
    yield f'<text class="ld-m">{_text(line.frame)}</text>'
    if line.kind == "run":
        yield f'<use href="#ld-box"/><text class="ld-r">⋯ {_text(line.note)}</text>'
        return
    yield f'<use href="#ld-{"right" if line.from_client else "left"}"/>'
    yield f'<text class="ld-l"><tspan class="ld-f">{_text(line.flags)}</tspan> {_text(line.detail)}</text>'
    if line.note:
        yield f'<text class="ld-n">{_text(line.note)}</text>'
