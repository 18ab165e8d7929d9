"""HTTP status codes as bars, grouped and patterned by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analyzer.report.escape import figure_text
from analyzer.report.figures.style import BLUE, DARK, GREEN, GREY, INK, ORANGE, VERMILLION, axis, layout
from analyzer.report.statuses import StatusFact
from analyzer.report.wording import plural, say
from analyzer.units import round_number

MAX_CODES = 60
"""Bars drawn; there are 62 registered codes, and only a hostile capture shows more."""

COLOURS = {"1xx": GREY, "2xx": GREEN, "3xx": BLUE, "4xx": ORANGE, "5xx": VERMILLION, "other": GREY}
PATTERNS = {"1xx": ".", "2xx": "", "3xx": "-", "4xx": "/", "5xx": "x", "other": "+"}


def figure(statuses: Sequence[StatusFact]) -> dict[str, Any]:
    """Return the status codes as a plotly figure; the x axis is the codes' positions, never the codes themselves."""
    data = []
    shown = list(statuses)[:MAX_CODES]
    for klass in COLOURS:
        at = [n for n, fact in enumerate(shown) if fact.klass == klass]
        if at:
            data.append(
                {
                    "type": "bar",
                    "name": klass,
                    "x": at,
                    "y": [shown[n].count for n in at],
                    "text": [str(shown[n].count) for n in at],
                    "textposition": "outside",
                    "cliponaxis": False,
                    "customdata": [[shown[n].first, _said(shown[n])] for n in at],
                    "hovertemplate": "%{customdata[1]}<extra></extra>",
                    "marker": {
                        "color": COLOURS[klass],
                        "line": {"width": 1, "color": INK},
                        "pattern": {
                            "shape": PATTERNS[klass],
                            "size": 6,
                            "solidity": 0.3,
                            "bgcolor": COLOURS[klass],
                            "fgcolor": DARK,
                        },
                    },
                    "width": 0.7,
                }
            )
    most = max((fact.count for fact in shown), default=1)
    return {
        "data": data,
        "layout": layout(
            260,
            barmode="overlay",
            xaxis=axis(
                say("status code"),
                tickmode="array",
                tickvals=list(range(len(shown))),
                ticktext=[str(fact.code) for fact in shown],
                range=[-0.6, max(len(shown), 3) - 0.4],
                showgrid=False,
                fixedrange=True,
            ),
            yaxis=axis(say("answers"), range=[0, most * 1.18], dtick=_step(most), fixedrange=True),
        ),
    }


def _step(most: int) -> int:
    """Return the smallest of 1, 2, 5, 10, 20 … that leaves no more than five lines below the highest bar."""
    return round_number(-(-most // 5))


def _said(fact: StatusFact) -> str:
    answers = plural(fact.count, "answer")
    return figure_text(say("{code} {name}: {answers}", code=fact.code, name=fact.name, answers=answers))
