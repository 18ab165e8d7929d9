"""The timeline as a figure: lanes of bars, failures marked ✕ and in words, and a throughput strip below."""

from __future__ import annotations

from typing import Any

from analyzer.report.escape import figure_text
from analyzer.report.figures.style import BLUE, DARK, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILLION, axis, layout
from analyzer.report.timeline import WORD_LETTERS, Item, Lane, TimelineFact

MAX_WORDS = 60
"""Failures named beside their ✕; the others, and those without room, say it on hover and in their row."""

COLOURS = {"ARP": PURPLE, "DNS": SKY, "TCP": GREY, "TLS": ORANGE, "HTTP": GREEN, "other": BLUE}
PATTERNS = {"ARP": "x", "DNS": ".", "TCP": "", "TLS": "/", "HTTP": "", "other": "-"}
ROW_PIXELS = 15
STRIP_PIXELS = 84
LATE = 0.9
"""A failure after this share of the axis needs a wider margin for its word."""

LANE_GAP = 0.6
"""Rows left free between lanes."""


def figure(fact: TimelineFact) -> dict[str, Any]:
    """Return the timeline as a plotly figure."""
    ticks: list[float] = []
    names: list[str] = []
    lines: list[float] = []
    data: list[dict[str, Any]] = []
    marks: list[tuple[Item, float]] = []
    crowded: set[str] = set()
    top = 0.0
    for lane in fact.lanes:
        data.append(_bars(lane, top))
        marks += [(item, top + item.row) for item in lane.items if item.failure]
        crowded |= _crowded(lane, fact.duration)
        ticks.append(top + (lane.rows - 1) / 2)
        names.append(lane.name)
        top += lane.rows + LANE_GAP
        lines.append(top - LANE_GAP / 2 - 0.5)
    edge = max(fact.duration, max((item.end for lane in fact.lanes for item in lane.items), default=0.0), 1e-6)
    if marks:
        data.append(_failures(marks, crowded))
    data.append(_strip(fact))
    height = int(top * ROW_PIXELS) + STRIP_PIXELS + 90
    lanes_part = top * ROW_PIXELS / (top * ROW_PIXELS + STRIP_PIXELS + 24)
    floor = round(1 - lanes_part, 4) if fact.lanes else 1.0
    late = any(item.end > LATE * edge for item, _ in marks)
    return {
        "data": data,
        "layout": layout(
            height,
            margin={"l": 72, "r": 100 if late else 16, "t": 12, "b": 44},
            barmode="overlay",
            bargap=0.15,
            xaxis=axis("seconds since the first packet", range=[-0.01 * edge, edge * 1.03], anchor="y2"),
            yaxis=axis(
                domain=[floor, 1.0],
                range=[top - 0.5, -0.8],
                tickmode="array",
                tickvals=ticks,
                ticktext=names,
                showgrid=False,
                fixedrange=True,
            ),
            yaxis2=axis("Mbit/s", domain=[0.0, max(floor - 0.06, 0.05)], rangemode="tozero", nticks=3, fixedrange=True),
            shapes=[
                {
                    "type": "line",
                    "xref": "paper",
                    "x0": 0,
                    "x1": 1,
                    "y0": y,
                    "y1": y,
                    "line": {"width": 1, "color": "rgba(128,128,128,0.25)"},
                }
                for y in lines[:-1]
            ],
        ),
    }


def _bars(lane: Lane, top: float) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": lane.name,
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
        "name": "failures",
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
        "name": "throughput",
        "x": list(fact.strip.seconds),
        "y": list(fact.strip.mbit),
        "yaxis": "y2",
        "line": {"shape": "hv", "width": 1, "color": BLUE},
        "fill": "tozeroy",
        "fillcolor": "rgba(0,114,178,0.25)",
        "hovertemplate": "%{x:.3f} s: %{y:.3f} Mbit/s<extra></extra>",
    }
