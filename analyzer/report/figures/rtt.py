"""Round trips over time: how long each piece of data waited for its acknowledgement.

A recorder between the two sides measures two legs, and never both at once: the acknowledgement of what the *client*
sent has travelled recorder → server → recorder, that of what the *server* sent recorder → client → recorder. A receiver
may hold its acknowledgement back for up to half a second in case it has something to send along (a delayed ACK, RFC
9293 section 3.8.6.3): such samples are drawn hollow, since they say more of the receiver than of the way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from analyzer.report.escape import Prose
from analyzer.report.figures import thin
from analyzer.report.figures.style import INK, axis, layout
from analyzer.report.figures.view import COLOURS, View, legend
from analyzer.report.sides import SIDES
from analyzer.report.wording import message, say

if TYPE_CHECKING:
    from analyzer.flows.quality import RttSamples

MAX_SAMPLES = 1000
"""Symbols drawn: of more, the lowest and the highest of each stretch of time."""

FLOOR_MS = 0.001
"""A logarithmic axis has no zero: a round trip below a microsecond is drawn here."""

WIDE = 20.0
"""With the largest sample this many times the smallest, a linear axis would hide the small ones."""

LEGS = {"client": message("recorder → server → recorder"), "server": message("recorder → client → recorder")}
"""Who sent the data → the way that its acknowledgement measures."""


def leg(side: str) -> Prose:
    """Say which way the acknowledgements of a side's data measure."""
    return say(LEGS[side])


FRAMES = {"data": Prose("%{customdata[0]}"), "ack": Prose("%{customdata[1]}"), "took": Prose("%{y:.3f} ms")}
"""Arguments of a sample's words that plotly fills in."""

SYMBOLS = {"client": "circle", "server": "square"}
DASHES = {"client": "dash", "server": "dot"}
HEIGHT = 260


def figure(
    view: View,
    samples: Mapping[str, RttSamples],
    legs_ms: Mapping[str, float | None],
    limit: int = MAX_SAMPLES,
) -> tuple[dict[str, Any], int] | None:
    """Draw up the graph; None without samples.

    Args:
        samples: sender of the data → its samples.
        legs_ms: sender → the same leg during the handshake, in ms, None when unknown.
        limit: symbols at most.

    Returns:
        The figure, and how many samples it shows.
    """
    kinds = [
        (side, delayed, np.flatnonzero(samples[side].delayed == delayed))
        for side in SIDES
        if side in samples
        for delayed in (False, True)
    ]
    kinds = [kind for kind in kinds if kind[2].size]
    if not kinds:
        return None
    legs = {side: value for side in SIDES if (value := legs_ms.get(side)) is not None}
    values = np.concatenate([*(samples[side].ms[found] for side, _, found in kinds), [*legs.values()]])
    least, most = float(values.min()), float(values.max())
    logarithmic = most >= WIDE * max(least, FLOOR_MS)
    low = FLOOR_MS if logarithmic else 0.0
    data: list[dict[str, Any]] = []
    shown = 0
    for (side, delayed, found), room in zip(
        kinds, thin.shares([kind[2].size for kind in kinds], min(limit, MAX_SAMPLES)), strict=True
    ):
        have = samples[side]
        kept = found[thin.peaks(have.time[found], have.ms[found], room)]
        shown += int(kept.size)
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": say("{leg}, ACK held back ({count})", leg=leg(side), count=found.size)
                if delayed
                else say("{leg} ({count})", leg=leg(side), count=found.size),
                "x": view.seconds(have.time[kept]),
                "y": np.round(np.maximum(have.ms[kept], low), 4).tolist(),
                "customdata": np.stack((have.data_frame[kept], have.ack_frame[kept]), axis=1).tolist(),
                "marker": {
                    "symbol": f"{SYMBOLS[side]}{'-open' if delayed else ''}",
                    "size": 7,
                    "color": COLOURS[side],
                    "line": {"width": 1.5 if delayed else 0.75, "color": COLOURS[side] if delayed else INK},
                },
                "hovertemplate": f"{_words(delayed)}<extra></extra>",
            }
        )
    edge = max(view.span, 1e-6)
    for side, value in legs.items():
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": say("handshake: {leg}", leg=leg(side)),
                "x": [0, round(edge, 6)],
                "y": [round(max(value, low), 4)] * 2,
                "line": {"width": 1.5, "color": COLOURS[side], "dash": DASHES[side]},
                "hovertemplate": say("{leg} during the handshake: {took}", leg=leg(side), took=FRAMES["took"])
                + "<extra></extra>",
            }
        )
    vertical = _logarithmic(least, most) if logarithmic else axis(say("round trip"), **_linear(most))
    return {
        "data": data,
        "layout": layout(
            HEIGHT,
            showlegend=True,
            legend=legend(),
            xaxis=axis(say("seconds since the connection's first packet"), range=[-0.02 * edge, 1.02 * edge]),
            yaxis=vertical,
        ),
    }, shown


def _words(delayed: bool) -> Prose:
    """Say a sample in words; plotly puts its numbers in."""
    if delayed:
        return say("frame {data} acknowledged by frame {ack} after {took}, ACK held back", **FRAMES)
    return say("frame {data} acknowledged by frame {ack} after {took}", **FRAMES)


def _linear(high: float) -> dict[str, Any]:
    return {"range": [0, max(high, FLOOR_MS) * 1.08], "nticks": 6, "ticksuffix": " ms"}


def _logarithmic(low: float, high: float) -> dict[str, Any]:
    """Return an axis with the powers of ten between two durations, and 2 and 5 between those where there are few."""
    first, last = math.floor(math.log10(max(low, FLOOR_MS))), math.ceil(math.log10(max(high, FLOOR_MS * 10)))
    steps = (1, 2, 5) if last - first <= 2 else (1,)
    ticks = [step * 10.0**power for power in range(first, last + 1) for step in steps if step == 1 or power < last]
    return axis(
        say("round trip"),
        type="log",
        range=[first - 0.05, last + 0.05],
        tickmode="array",
        tickvals=ticks,
        ticktext=[_word(tick) for tick in ticks],
    )


def _word(ms: float) -> str:
    return f"{ms / 1000:g} s" if ms >= 1000 else f"{ms:g} ms" if ms >= 0.1 else f"{ms * 1000:g} µs"
