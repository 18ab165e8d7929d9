"""How long things took: the empirical distribution of each kind of waiting, on a logarithmic axis.

A curve's height at x is the share of cases that took at most x. The three marks are p50, p95 and p99.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from analyzer.report.escape import figure_text
from analyzer.report.figures.style import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, axis, layout
from analyzer.report.protocols import LatencyFact
from analyzer.units import human_ms

FLOOR_MS = 0.001
"""Durations below a microsecond (and measured zeros) are drawn here: a logarithmic axis has no zero."""

STYLES = {
    "dns": (SKY, "dot", "circle"),
    "connect": (ORANGE, "dash", "square"),
    "tls": (PURPLE, "dashdot", "diamond"),
    "wait": (GREEN, "solid", "triangle-up"),
    "receive": (BLUE, "longdash", "cross"),
}


def figure(latencies: Sequence[LatencyFact]) -> dict[str, Any]:
    """Return the distributions as a plotly figure."""
    data: list[dict[str, Any]] = []
    for fact in latencies:
        colour, dash, symbol = STYLES.get(fact.key, (INK, "solid", "circle"))
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": figure_text(f"{fact.label} ({fact.count})"),
                "x": [max(value, FLOOR_MS) for value in fact.values],
                "y": [round(share * 100, 4) for share in fact.fractions],
                "line": {"shape": "hv", "width": 2, "color": colour, "dash": dash},
                "hovertemplate": f"{figure_text(fact.label)}: %{{y:.1f}} % took at most %{{x:.3g}} ms<extra></extra>",
                "legendgroup": fact.key,
            }
        )
        marks = [(50, fact.p50), (95, fact.p95), (99, fact.p99)]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": figure_text(fact.label),
                "x": [max(value, FLOOR_MS) for _, value in marks],
                "y": [percent for percent, _ in marks],
                "customdata": [
                    ["", figure_text(f"{fact.label}: p{percent} is {human_ms(value)}")] for percent, value in marks
                ],
                "hovertemplate": "%{customdata[1]}<extra></extra>",
                "marker": {"symbol": symbol, "size": 9, "color": colour, "line": {"width": 1, "color": INK}},
                "legendgroup": fact.key,
                "showlegend": False,
            }
        )
    lows = [max(fact.values[0], FLOOR_MS) for fact in latencies if fact.values]
    highs = [max(fact.values[-1], FLOOR_MS) for fact in latencies if fact.values]
    span = [math.floor(math.log10(min(lows))), math.ceil(math.log10(max(highs)) + 0.1)] if lows else [0, 3]
    low, high = span[0], max(span[1], span[0] + 1)
    return {
        "data": data,
        "layout": layout(
            340,
            showlegend=True,
            legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "xanchor": "left"},
            margin={"l": 60, "r": 16, "t": 56, "b": 48},
            xaxis=axis(
                "time, logarithmic",
                type="log",
                range=[low, high],
                tickmode="array",
                tickvals=[10.0**k for k in range(low, high + 1)],
                ticktext=[_power(k) for k in range(low, high + 1)],
                tickangle=0,
            ),
            yaxis=axis(
                range=[0, 103],
                tickmode="array",
                tickvals=[25, 50, 75, 95],
                ticktext=["25 %", "50 %", "75 %", "95 %"],
                fixedrange=True,
            ),
        ),
    }


def _power(exponent: int) -> str:
    """Write a power of ten milliseconds: 1 µs, 100 µs, 10 ms, 1 s."""
    if exponent >= 3:
        return f"{10 ** (exponent - 3)} s"
    return f"{10**exponent} ms" if exponent >= 0 else f"{10 ** (exponent + 3)} µs"
