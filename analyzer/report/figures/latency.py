"""How long things took: the empirical distribution of each kind of waiting, on a logarithmic axis.

A curve's height at x is the share of cases that took at most x. The three marks are p50, p95 and p99, named at the left
edge; their values stand in the legend, so that they can be read without pointing at anything.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

from analyzer.report.escape import figure_text
from analyzer.report.figures.style import BLUE, GREEN, INK, ORANGE, PURPLE, SKY, axis, layout
from analyzer.report.figures.view import legend
from analyzer.report.latencies import LatencyFact
from analyzer.report.wording import number, say
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

SHARES = (5, 25, 50, 75, 90, 95, 99, 100)
"""Percent of the cases that the table behind the chart gives the time of."""

MAX_DECADES = 5
"""Powers of ten that each have a tick on a phone's screen; of more, every second one has."""


def figure(latencies: Sequence[LatencyFact]) -> dict[str, Any]:
    """Return the distributions as a plotly figure."""
    data = [trace for fact in latencies for trace in (_curve(fact), _marks(fact))]
    lows = [max(fact.values[0], FLOOR_MS) for fact in latencies if fact.values]
    highs = [max(fact.values[-1], FLOOR_MS) for fact in latencies if fact.values]
    marks = ticks(min(lows, default=1.0), max(highs, default=1000.0))
    return {
        "data": data,
        "layout": layout(
            320,
            showlegend=True,
            legend=legend()
            | {"title": {"text": say("what (how many): p50 · p95 · p99"), "side": "top", "font": {"size": 12}}},
            margin={"l": 60, "r": 24, "t": 12, "b": 52},
            xaxis=axis(
                say("time, logarithmic"),
                type="log",
                range=[round(math.log10(marks[0]) - 0.02, 4), round(math.log10(marks[-1]) + 0.02, 4)],
                tickmode="array",
                tickvals=marks,
                ticktext=[tick_text(value) for value in marks],
                tickangle=0,
            ),
            yaxis=axis(
                range=[0, 105],
                tickmode="array",
                tickvals=[25, 50, 75],
                ticktext=["25 %", "50 %", "75 %"],
                fixedrange=True,
            ),
            shapes=[_line(percent) for percent in (50, 95, 99)],
            annotations=[_name(50, 9), _name(95, -9), _name(99, 9)],
        ),
    }


def _curve(fact: LatencyFact) -> dict[str, Any]:
    colour, dash, _ = STYLES.get(fact.key, (INK, "solid", "circle"))
    name = say(
        "{what} ({n}): {p50} · {p95} · {p99}",
        what=fact.label,
        n=number(fact.count),
        p50=human_ms(fact.p50),
        p95=human_ms(fact.p95),
        p99=human_ms(fact.p99),
    )
    # "%{y:.1f}" is where plotly writes a number.
    hover = say("{what}: {share} % took at most {time} ms", what=fact.label, share="%{y:.1f}", time="%{x:.3g}")
    return {
        "type": "scatter",
        "mode": "lines",
        "name": figure_text(name),
        # From the bottom edge: before the first case none was over.
        "x": [max(value, FLOOR_MS) for value in (fact.values[:1] + fact.values)],
        "y": [0.0, *(round(share * 100, 4) for share in fact.fractions)],
        "line": {"shape": "hv", "width": 2, "color": colour, "dash": dash},
        "hovertemplate": f"{figure_text(hover)}<extra></extra>",
        "legendgroup": fact.key,
    }


def _marks(fact: LatencyFact) -> dict[str, Any]:
    colour, _, symbol = STYLES.get(fact.key, (INK, "solid", "circle"))
    marks = [(50, fact.p50), (95, fact.p95), (99, fact.p99)]
    words = [
        say("{what}: p{percent} is {time}", what=fact.label, percent=percent, time=human_ms(value))
        for percent, value in marks
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": figure_text(fact.label),
        "x": [max(value, FLOOR_MS) for _, value in marks],
        "y": [percent for percent, _ in marks],
        "customdata": [["", figure_text(text)] for text in words],
        "hovertemplate": "%{customdata[1]}<extra></extra>",
        "marker": {"symbol": symbol, "size": 9, "color": colour, "line": {"width": 1, "color": INK}},
        "legendgroup": fact.key,
        "showlegend": False,
    }


def _line(percent: int) -> dict[str, Any]:
    """Return the thin line that a percentile lies on, from edge to edge."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": "y",
        "y0": percent,
        "y1": percent,
        "layer": "below",
        "line": {"width": 1, "color": "rgba(128,128,128,0.55)", "dash": "dot"},
    }


def _name(percent: int, up: int) -> dict[str, Any]:
    """Return a percentile's name just above or below the right end of its line."""
    return {
        "text": f"p{percent}",
        "xref": "paper",
        "x": 1,
        "xanchor": "right",
        "yref": "y",
        "y": percent,
        "yshift": up,
        "showarrow": False,
        "font": {"size": 11},
    }


def ticks(low: float, high: float) -> list[float]:
    """Return round times from at or below ``low`` to at or above ``high``: two at least, and no more than fit.

    Up to one power of ten apart they are 1, 2 and 5; beyond, powers of ten; of many, every second one.
    """
    if high <= low * 10:
        exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
        steps = [10.0**power * factor for power in exponents for factor in (1, 2, 5)]
        first = max(at for at, value in enumerate(steps) if value <= low * (1 + 1e-9))
        last = max(min(at for at, value in enumerate(steps) if value >= high * (1 - 1e-9)), first + 1)
        return [float(f"{value:.0e}") for value in steps[first : last + 1]]
    start, end = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    step = 1 if end - start <= MAX_DECADES else 2
    return [float(f"1e{power}") for power in range(start, end + step, step)]


def tick_text(value: float) -> str:
    """Write a round time in ms: 5 µs, 100 µs, 20 ms, 1 s."""
    if value >= 1000:
        return f"{value / 1000:g} s"
    return f"{value:g} ms" if value >= 1 else f"{round(value * 1000):g} µs"


def at_share(fact: LatencyFact, percent: int) -> float:
    """Return the time that this share of the cases was over in; percentiles of the table exactly, others as drawn."""
    exact = {50: fact.p50, 95: fact.p95, 99: fact.p99}
    at = bisect_left(fact.fractions, percent / 100 - 1e-9)
    return exact.get(percent, fact.values[min(at, len(fact.values) - 1)])
