"""The timeline as a figure: lanes of bars, failures marked ✕ and in words, and a throughput strip below.

A lane of which not all bars are drawn has one more row, shaded by how many of all its events began when; clicking it
filters the page by that time, so that the tables show them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from analyzer.report import cells
from analyzer.report.cells import Cell, Column, Row, Table
from analyzer.report.escape import Prose, figure_text
from analyzer.report.figures.model import Figure
from analyzer.report.figures.style import (
    BLUE,
    DARK,
    GREEN,
    GREY,
    GRID,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    axis,
    layout,
    shades,
    tint,
)
from analyzer.report.timeline import WORD_LETTERS, Density, Item, Lane, TimelineFact
from analyzer.report.wording import joined, listed, message, number, plural, say

MAX_WORDS = 60
"""Failures named beside their ✕; the others, and those without room, say it on hover and in their row."""

MAX_LISTED = 200
"""Rows of the table below the chart: failures first, then the longest; the sections have the rest."""

COLOURS = {"ARP": PURPLE, "DNS": SKY, "TCP": GREY, "TLS": ORANGE, "HTTP": GREEN, "other": BLUE}
PATTERNS = {"ARP": "x", "DNS": ".", "TCP": "", "TLS": "/", "HTTP": "", "other": "-"}
NAMES = {"other": message("other")}
"""Lanes whose name is a word; the others are named like their protocol."""

ROW_PIXELS = 15
STRIP_PIXELS = 84
LATE = 0.9
"""A failure after this share of the axis needs a wider margin for its word."""

LANE_GAP = 0.6
"""Rows left free between lanes."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """A lane with the place of its first row from the top."""

    lane: Lane
    top: float

    @property
    def height(self) -> int:
        """Rows it takes, with the one that counts everything."""
        return self.lane.rows + (self.lane.density is not None)


def drawn(fact: TimelineFact) -> Figure | None:
    """Return the timeline with its words and its table; None when there is nothing to draw."""
    if not fact.lanes and not fact.strip.seconds:
        return None
    dense = joined([_name(lane.name) for lane in fact.lanes if lane.density is not None])
    return Figure(
        "fig-timeline",
        say("Timeline"),
        _summary(fact),
        figure(fact),
        say(
            "Not every bar of {lanes} is drawn: the shaded row below counts all of them; a click shows that time.",
            lanes=dense,
        )
        if dense
        else "",
        (_table(fact),) if fact.lanes else (),
        say("A failure is marked ✕. A bar leads to its row.") if fact.lanes else "",
    )


def _summary(fact: TimelineFact) -> Prose:
    if not fact.lanes:
        return say("Throughput over time; nothing here has a beginning and an end of its own.")
    return say(
        "Everything on one time axis: {lanes}; {failures}.",
        lanes=listed(f"{_name(lane.name)} {number(lane.total)}" for lane in fact.lanes),
        failures=plural(fact.failures, "failure"),
    )


def _name(lane: str) -> str:
    return say(NAMES[lane]) if lane in NAMES else lane


def figure(fact: TimelineFact) -> dict[str, Any]:
    """Return the timeline as a plotly figure."""
    span = fact.end - fact.begin
    placed = list(_placed(fact))
    data = [_bars(part.lane, part.top) for part in placed]
    data += [_shaded(part, part.lane.density) for part in placed if part.lane.density is not None]
    marks = [(item, part.top + item.row) for part in placed for item in part.lane.items if item.failure]
    if marks:
        crowded = {anchor for part in placed for anchor in _crowded(part.lane, span)}
        data.append(_failures(marks, crowded))
    data.append(_strip(fact))
    rows = sum(part.height + LANE_GAP for part in placed)
    floor = round(1 - rows * ROW_PIXELS / (rows * ROW_PIXELS + STRIP_PIXELS + 24), 4) if placed else 1.0
    late = any(item.end > fact.begin + LATE * span for item, _ in marks)
    return {
        "data": data,
        "layout": layout(
            int(rows * ROW_PIXELS) + STRIP_PIXELS + 90,
            dragmode=False,  # dragging chooses a range of the whole page; the script does that
            margin={"l": 72, "r": 100 if late else 16, "t": 12, "b": 44},
            barmode="overlay",
            bargap=0.15,
            xaxis=axis(
                say("seconds since the first packet"),
                range=[fact.begin - 0.01 * span, fact.end + 0.03 * span],
                anchor="y2",
                tickangle=0,
            ),
            yaxis=axis(
                domain=[floor, 1.0],
                range=[rows - 0.5, -0.8],
                tickmode="array",
                tickvals=[part.top + (part.height - 1) / 2 for part in placed],
                ticktext=[_name(part.lane.name) for part in placed],
                showgrid=False,
                fixedrange=True,
            ),
            yaxis2=axis("Mbit/s", domain=[0.0, max(floor - 0.06, 0.05)], rangemode="tozero", nticks=3, fixedrange=True),
            shapes=[_border(part.top - LANE_GAP / 2 - 0.5) for part in placed[1:]]
            + [_outline(fact, part) for part in placed if part.lane.density is not None],
        ),
    }


def _placed(fact: TimelineFact) -> Iterator[_Placed]:
    """Give the lanes from the top down."""
    top = 0.0
    for lane in fact.lanes:
        part = _Placed(lane, top)
        yield part
        top += part.height + LANE_GAP


def _border(y: float) -> dict[str, Any]:
    """Return the line between two lanes."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": y,
        "y1": y,
        "line": {"width": 1, "color": GRID},
    }


def _outline(fact: TimelineFact, part: _Placed) -> dict[str, Any]:
    """Return the frame around a row that counts: its palest shades would have no edge."""
    y = part.top + part.lane.rows
    line = {"width": 1, "color": INK}
    return {"type": "rect", "x0": fact.begin, "x1": fact.end, "y0": y - 0.4, "y1": y + 0.4, "line": line}


def _bars(lane: Lane, top: float) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": _name(lane.name),
        "base": [item.start for item in lane.items],
        "x": [round(item.end - item.start, 9) for item in lane.items],
        "y": [top + item.row for item in lane.items],
        "customdata": [[item.anchor, figure_text(item.words)] for item in lane.items],
        "hovertemplate": "%{customdata[1]}<extra></extra>",
        "marker": {
            "color": COLOURS[lane.name],
            "line": {"width": 1, "color": INK},
            "pattern": {
                "shape": PATTERNS[lane.name],
                "size": 5,
                "solidity": 0.3,
                "bgcolor": COLOURS[lane.name],
                "fgcolor": DARK,
            },
        },
        "width": 0.8,
    }


def _shaded(part: _Placed, density: Density) -> dict[str, Any]:
    """Return the row that counts all of a lane's events; shades are logarithmic, words have the numbers."""
    y = part.top + part.lane.rows
    most = math.log1p(max(density.counts))
    edges = [round(density.begin + k * density.width, 9) for k in range(len(density.counts) + 1)]
    return {
        "type": "heatmap",
        "name": _name(part.lane.name),
        "x": edges,
        "y": [y - 0.4, y + 0.4],
        "z": [[round(math.log1p(count) / most, 4) if count else None for count in density.counts]],
        "text": [_bin_words(part.lane.name, density, edges)],
        "customdata": [[f"t={low:.6f}-{high:.6f}" for low, high in pairwise(edges)]],
        "hovertemplate": "%{text}<extra></extra>",
        "hoverongaps": False,
        "zmin": 0,
        "zmax": 1,
        "zsmooth": False,
        "showscale": False,
        "colorscale": shades(COLOURS[part.lane.name]),
    }


def _bin_words(lane: str, density: Density, edges: list[float]) -> list[str]:
    out = []
    for k, (count, failed) in enumerate(zip(density.counts, density.failures, strict=True)):
        words = ""
        if count:
            words = say(
                "{lane}: {began} began between {low} and {high} s, {failures}",
                lane=Prose(_name(lane)),
                began=number(count),
                low=Prose(f"{edges[k]:.4g}"),
                high=Prose(f"{edges[k + 1]:.4g}"),
                failures=plural(failed, "failure"),
            )
        out.append(figure_text(words))
    return out


def _crowded(lane: Lane, span: float) -> set[str]:
    """Return the failures whose word would lie over the next bar of their row."""
    out: set[str] = set()
    last: dict[int, Item] = {}
    for item in lane.items:
        before = last.get(item.row)
        if before is not None and before.failure and item.start < before.end + before.room(span):
            out.add(before.anchor)
        last[item.row] = item
    return out


def _failures(marks: list[tuple[Item, float]], crowded: set[str]) -> dict[str, Any]:
    named = [item for item, _ in marks if item.anchor not in crowded][:MAX_WORDS]
    said = {item.anchor for item in named}
    words = [figure_text(item.failure, WORD_LETTERS) if item.anchor in said else "" for item, _ in marks]
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": say("failures"),
        "x": [item.end for item, _ in marks],
        "y": [y for _, y in marks],
        "text": words,
        "textposition": "middle right",
        "textfont": {"size": 11},
        "cliponaxis": False,
        "customdata": [[item.anchor, f"{figure_text(item.words)} – {figure_text(item.failure)}"] for item, _ in marks],
        "hovertemplate": "✕ %{customdata[1]}<extra></extra>",
        "marker": {"symbol": "x", "size": 9, "color": VERMILLION, "line": {"width": 1, "color": INK}},
    }


def _strip(fact: TimelineFact) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": say("throughput"),
        "x": list(fact.strip.seconds),
        "y": list(fact.strip.mbit),
        "yaxis": "y2",
        "line": {"shape": "hv", "width": 1, "color": BLUE},
        "fill": "tozeroy",
        "fillcolor": tint(BLUE),
        "hovertemplate": "%{x:.3f} s: %{y:.3f} Mbit/s<extra></extra>",
    }


def _table(fact: TimelineFact) -> Table:
    """Return the bars as a table: the chart for who cannot see it or uses no mouse."""
    items = [item for lane in fact.lanes for item in lane.items]
    chosen = sorted(items, key=lambda item: (not item.failure, item.start - item.end))[:MAX_LISTED]
    rows = [
        Row(
            "",
            (
                Cell(_name(item.lane)),
                Cell(item.words, link=item.anchor),
                Cell(f"{item.start:.3f} s", value=round(item.start, 9), unit="s"),
                cells.ms((item.end - item.start) * 1000),
                Cell(Prose(f"✕ {item.failure}"), tone="bad") if item.failure else Cell(""),
            ),
        )
        for item in sorted(chosen, key=lambda item: (item.start, item.end, item.anchor))
    ]
    columns = (
        Column(say("Lane")),
        Column(say("What")),
        Column(say("Start"), numeric=True),
        Column(say("Took"), numeric=True),
        Column(say("Failure")),
    )
    caption = (
        say("Bars of the timeline, failures and the longest")
        if fact.total > MAX_LISTED
        else say("Bars of the timeline")
    )
    return Table("timeline-table", caption, columns, tuple(rows), fact.total)
