"""One connection's segments as the graphs need them, and what the graphs have in common.

Time runs from the connection's first packet, as in its ladder. Each direction that carries data has a panel of its
own, the client's above; a direction without data has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.model import Segments
from analyzer.report.escape import Prose
from analyzer.report.figures.style import BLUE, GREEN, axis, layout
from analyzer.report.sides import SIDES
from analyzer.report.wording import say
from analyzer.units import NS_PER_S

COLOURS = {"client": BLUE, "server": GREEN}
"""Of what each side sends; the line's pattern or the symbol differs as well."""

POINT = {"frame": Prose("%{customdata}"), "x": Prose("%{x:.6f}"), "y": Prose("%{y}")}
"""Arguments of a point's words that plotly fills in: the frame, when, and how much."""

ONE_PANEL, TWO_PANELS = 300, 460
"""Pixels of the drawing itself; the script adds what the legend needs."""

GAP = 0.08
SMALL_PANEL, EVEN_PANEL, LOPSIDED = 0.3, 0.46, 4.0
"""Shares of the height: the side that sends this many times less gets the small panel."""


_ANSWER = int(Flag.ACK | Flag.RST)


@dataclass(frozen=True, slots=True)
class View:
    """The segments of one connection, in capture order: columns of :class:`analyzer.flows.model.Segments`.

    Attributes:
        start: ns, the first segment; span: seconds from there to the latest one.
    """

    stream: int
    start: int
    span: float
    frame: NDArray[np.int32]
    time: NDArray[np.int64]
    from_client: NDArray[np.bool_]
    flags: NDArray[np.uint16]
    seq: NDArray[np.int64]
    ack: NDArray[np.int64]
    length: NDArray[np.int64]
    window: NDArray[np.int64]
    label: NDArray[np.uint16]

    def seconds(self, time: NDArray[np.int64]) -> list[float]:
        """Return instants as seconds since the connection's first packet, to the microsecond."""
        out: list[float] = np.round((time.astype(np.float64) - float(self.start)) / NS_PER_S, 6).tolist()
        return out

    def sent(self, side: str) -> NDArray[np.int64]:
        """Return the segments with payload of a side."""
        return np.flatnonzero((self.from_client == (side == "client")) & (self.length > 0))

    def answers(self, side: str) -> NDArray[np.int64]:
        """Return the segments of the other side that acknowledge what a side sent."""
        acks = (self.flags & _ANSWER) == int(Flag.ACK)
        return np.flatnonzero((self.from_client != (side == "client")) & acks)


def view(segments: Segments, stream: int) -> View:
    """Take one connection's segments."""
    part = segments.of(stream)
    time = segments.time[part]
    start = int(time[0]) if time.size else 0  # as the ladder counts; a clock that is set back goes below zero
    return View(
        stream,
        start,
        (int(time.max()) - start) / NS_PER_S if time.size else 0.0,
        segments.frame[part],
        time,
        segments.from_client[part],
        segments.flags[part],
        segments.seq[part],
        segments.ack[part],
        segments.length[part].astype(np.int64),
        segments.window[part].astype(np.int64),
        segments.label[part],
    )


def panels(view: View) -> tuple[str, ...]:
    """Return the sides that sent data, client first."""
    return tuple(side for side in SIDES if view.sent(side).size)


def domains(view: View, shown: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Return which part of the height each panel has, from and to."""
    if len(shown) < 2:
        return dict.fromkeys(shown, (0.0, 1.0))
    volume = {side: float(view.length[view.sent(side)].sum()) for side in shown}
    top = EVEN_PANEL
    if volume["server"] > LOPSIDED * volume["client"]:
        top = SMALL_PANEL
    elif volume["client"] > LOPSIDED * volume["server"]:
        top = 1 - GAP - SMALL_PANEL
    return {"client": (round(1 - top, 4), 1.0), "server": (0.0, round(1 - top - GAP, 4))}


def axis_of(shown: tuple[str, ...], side: str) -> str:
    """Return plotly's name of a panel's vertical axis."""
    return "y2" if side == "server" and len(shown) == 2 else "y"


def frame_of_graph(
    view: View, shown: tuple[str, ...], titles: Mapping[str, str], ranges: dict[str, tuple[float, float]]
) -> dict[str, Any]:
    """Return the layout: a common time axis, and a vertical axis with its title and range for each panel."""
    early = min(int(view.time.min()) - view.start, 0) / NS_PER_S if view.time.size else 0.0
    edge = max(view.span, 1e-6)
    margin = 0.02 * (edge - early)
    places = domains(view, shown)
    vertical = {
        "yaxis2" if axis_of(shown, side) == "y2" else "yaxis": axis(
            titles[side], domain=list(places[side]), range=list(ranges[side]), nticks=6 if len(shown) == 1 else 4
        )
        for side in shown
    }
    return layout(
        TWO_PANELS if len(shown) == 2 else ONE_PANEL,
        barmode="overlay",
        showlegend=True,
        legend=legend(),
        xaxis=axis(
            say("seconds since the connection's first packet"),
            range=[early - margin, edge + margin],
            anchor="y2" if len(shown) == 2 else "y",
        ),
        **vertical,
    )


def legend() -> dict[str, Any]:
    """Return a legend under the graph; the script makes the figure higher by what it needs."""
    return {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yref": "container",
        "yanchor": "bottom",
        "bgcolor": "rgba(0,0,0,0)",
        "itemsizing": "constant",
    }
