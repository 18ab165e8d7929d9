"""HTTP status codes over time: a row for each code, fields of equal length, fuller where more answers came.

The rows are integers with words beside them, never the codes themselves. Colours are those of the classes in the bar
chart; each field has an outline, since a pale one would not stand out by itself, and says its number when pointed at.
"""

from __future__ import annotations

from typing import Any

from analyzer import http_status
from analyzer.report.escape import figure_text
from analyzer.report.figures.status import COLOURS
from analyzer.report.figures.style import INK, axis, layout, tint
from analyzer.report.statuses import HeatCell, HeatFact
from analyzer.report.wording import plural, say

ROW = 24
"""Pixels of a row."""

PALE = 0.35
"""How full the colour of a single answer is, between nothing and one."""


def figure(heat: HeatFact) -> dict[str, Any]:
    """Return the map as a plotly figure."""
    rows = len(heat.codes)
    most = max(cell.count for cell in heat.cells)
    left, right = heat.start, heat.start + heat.columns * heat.step
    return {
        "data": [_class(heat, klass, most) for klass in dict.fromkeys(map(http_status.status_class, heat.codes))],
        "layout": layout(
            ROW * rows + 70,
            xaxis=axis(
                say("seconds since the first packet"),
                range=[left - 0.01 * (right - left), right + 0.01 * (right - left)],
                showgrid=False,
                nticks=6,
            ),
            yaxis=axis(
                tickmode="array",
                tickvals=list(range(rows)),
                ticktext=[str(code) for code in heat.codes],
                range=[rows - 0.4, -0.6],
                showgrid=False,
                fixedrange=True,
            ),
            shapes=[_outlines(heat)],
        ),
    }


def _class(heat: HeatFact, klass: str, most: int) -> dict[str, Any]:
    """Return the rows of one class as a trace."""
    rows = [row for row, code in enumerate(heat.codes) if http_status.status_class(code) == klass]
    numbers: list[list[int | None]] = [[None] * heat.columns for _ in range(rows[0], rows[-1] + 1)]
    words: list[list[list[str]]] = [[["", ""]] * heat.columns for _ in numbers]
    for cell in heat.cells:
        if cell.row in rows:
            numbers[cell.row - rows[0]][cell.column] = cell.count
            words[cell.row - rows[0]][cell.column] = [cell.first, _said(heat, cell)]
    return {
        "type": "heatmap",
        "name": klass,
        "z": numbers,
        "customdata": words,
        "hovertemplate": "%{customdata[1]}<extra></extra>",
        "hoverongaps": False,
        "x0": round(heat.start + heat.step / 2, 6),
        "dx": heat.step,
        "y0": rows[0],
        "dy": 1,
        "zmin": 0,
        "zmax": most,
        "colorscale": [[0, tint(COLOURS[klass], PALE)], [1, COLOURS[klass]]],
        "showscale": False,
    }


def _said(heat: HeatFact, cell: HeatCell) -> str:
    code = heat.codes[cell.row]
    return figure_text(
        say(
            "{code} {name}: {answers} from {begin} to {end} s",
            code=code,
            name=http_status.name(code),
            answers=plural(cell.count, "answer"),
            begin=edge(heat, cell.column),
            end=edge(heat, cell.column + 1),
        )
    )


def edge(heat: HeatFact, column: int) -> str:
    """Write the left edge of a field in seconds."""
    return f"{heat.start + column * heat.step:.3f}".rstrip("0").rstrip(".")


def _outlines(heat: HeatFact) -> dict[str, Any]:
    """Return the fields' outlines as one shape: one is drawn as fast as a thousand."""
    parts = []
    for cell in heat.cells:
        left = heat.start + cell.column * heat.step
        parts.append(f"M{left:.9g},{cell.row - 0.5}H{left + heat.step:.9g}V{cell.row + 0.5}H{left:.9g}Z")
    return {
        "type": "path",
        "path": "".join(parts),
        "xref": "x",
        "yref": "y",
        "layer": "above",
        "fillcolor": "rgba(0,0,0,0)",
        "line": {"width": 1, "color": INK},
    }
