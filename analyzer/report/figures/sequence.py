"""Time and sequence numbers of a connection: what was sent, what was acknowledged, and how far the window allowed.

Each segment is an upright stroke from its first to its last byte at the moment it was recorded. The staircase below is
the highest acknowledgement the other side had sent, the one above the edge of its window: nothing may be sent beyond
it. The gap between strokes and lower staircase is what is on its way. A steady slope is a steady rate; a stroke
further down is something sent again.

Sources: RFC 9293 sections 3.4 and 3.8.6 (sequence numbers, windows); the shape of the graph is Shepard's ("TCP packet
trace analysis", MIT/LCS/TR-494, 1991).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer import sentences
from analyzer.flows.seq import MAX_WINDOW
from analyzer.report.escape import Prose
from analyzer.report.figures import marks, thin
from analyzer.report.figures.style import ORANGE, PURPLE
from analyzer.report.figures.view import COLOURS, POINT, View, axis_of, frame_of_graph, panels
from analyzer.report.sides import other, who
from analyzer.report.wording import say

MAX_MARKS = 1000
"""Symbols drawn: SVG markers cost a tenth of a millisecond each, and more than this is a cloud."""

HEADROOM = 0.6
"""How far above the data, in shares of its height, the window's edge is followed; beyond, the data would be a line."""


LEGEND = 1001
"""Place of the first kind of mark in the legend, behind the lines, which have 1000."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A segment with a mark, for the table: ``side`` sent it."""

    frame: int
    seconds: float
    side: str
    kind: marks.Kind


@dataclass(frozen=True, slots=True)
class Sequence:
    """The graph and what it leaves out.

    Attributes:
        strokes, segments: strokes drawn, and data segments they stand for.
        marks_shown, marks_total: symbols drawn, and all there are.
        counts: key of a kind of mark → how many segments have it; listed: the first of them for a table.
        edge_hidden: sides whose allowance is too far above the data to be drawn.
        hidden: words of the marks that are drawn only when asked for.
    """

    spec: dict[str, Any]
    strokes: int
    segments: int
    marks_shown: int
    marks_total: int
    counts: dict[str, int]
    listed: tuple[Marked, ...]
    edge_hidden: tuple[str, ...]
    hidden: tuple[str, ...]


def figure(view: View, points: int, *, scaled: bool, listed: int) -> Sequence | None:
    """Draw up the graph; None for a connection without data.

    Args:
        points: at most so many points in each line (strokes and staircases), and symbols.
        scaled: whether the windows are known in bytes (the SYNs told their scale); if not, no edge is drawn.
        listed: how many marks to list.
    """
    shown = panels(view)
    if not shown:
        return None
    lines: list[dict[str, Any]] = []
    ranges: dict[str, tuple[float, float]] = {}
    hidden: list[str] = []
    strokes = segments = 0
    for side in shown:
        axis = axis_of(shown, side)
        first = side == shown[0]
        sent = view.sent(side)
        drawn, count = _strokes(view, side, sent, axis, points)
        strokes, segments = strokes + count, segments + int(sent.size)
        low, high = int(view.seq[sent].min()), int((view.seq[sent] + view.length[sent]).max())
        acked, edge = _staircases(
            view, side, axis, points, scaled=scaled, top=high, limit=high + (high - low) * HEADROOM
        )
        if edge is None and scaled and acked is not None:
            hidden.append(side)
        top = max([high, *(y for y in (edge["y"] if edge else ()) if y <= high + (high - low) * HEADROOM)])
        pad = max((top - low) * 0.06, 1.0)
        ranges[side] = (low - pad, top + pad)
        for trace in (edge, acked, drawn):
            if trace is not None:
                trace["showlegend"] = first or not any(t["name"] == trace["name"] for t in lines)
                lines.append(trace)
    symbols, held = _marks(view, shown, ranges, min(points, MAX_MARKS))
    spec = {
        "data": lines + symbols,
        "layout": frame_of_graph(
            view, shown, {side: say("byte sent by the {side}", side=who(side)) for side in shown}, ranges
        ),
    }
    return Sequence(
        spec,
        strokes,
        segments,
        sum(len(trace["x"]) for trace in symbols),
        sum(int(found.size) for _, found in held),
        {kind.key: int(found.size) for kind, found in held},
        _list(view, held, listed),
        tuple(hidden),
        tuple(kind.said() for kind, _ in held if kind.quiet),
    )


def _strokes(view: View, side: str, sent: NDArray[np.int64], axis: str, points: int) -> tuple[dict[str, Any], int]:
    """Return the data of a side as upright strokes, several in one where there are more than fit, and their number."""
    room = max(points // 3, 1)
    low, high = view.seq[sent], view.seq[sent] + view.length[sent]
    time, frame = view.time[sent], view.frame[sent]
    if sent.size > room:
        bins = thin.stretches(time, room)
        order = np.lexsort((time, bins))
        heads = np.flatnonzero(np.diff(bins[order], prepend=-1))
        low, high = np.minimum.reduceat(low[order], heads), np.maximum.reduceat(high[order], heads)
        time, frame = time[order][heads], frame[order][heads]
    named = _named(view, sent) if sent.size <= room else frame.tolist()
    x: list[float | None] = []
    y: list[int | None] = []
    frames: list[int | str | None] = []
    for at, first, last, number in zip(view.seconds(time), low.tolist(), high.tolist(), named, strict=True):
        x += (at, at, None)
        y += (first, last, None)
        frames += (number, number, None)
    told = {**POINT, "side": who(side)}
    words = (
        say("from frame {frame}: byte {y} of the {side} at {x} s", **told)
        if sent.size > room
        else say("frame {frame}: byte {y} of the {side} at {x} s", **told)
    )
    trace = {
        "type": "scatter",
        "mode": "lines",
        "name": say("data of the {side}", side=who(side)),
        "x": x,
        "y": y,
        "yaxis": axis,
        "customdata": frames,
        "line": {"width": 2, "color": COLOURS[side]},
        "hovertemplate": f"{words}<extra></extra>",
    }
    return trace, int(time.size)


def _staircases(
    view: View, side: str, axis: str, points: int, *, scaled: bool, top: int, limit: float
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the lines of what the other side acknowledged and of what its window allowed, None where not drawn."""
    told = view.answers(side)
    told = told[view.ack[told] <= top + MAX_WINDOW]
    if not told.size:
        return None, None
    told_by = {**POINT, "side": who(other(side))}
    # An old acknowledgement that comes late takes nothing back.
    acks = np.maximum.accumulate(view.ack[told])
    edges = view.ack[told] + view.window[told]
    acked = _staircase(view, told, acks, axis, points)
    acked |= {
        "name": say("acknowledged"),
        "legendgroup": "acknowledged",
        "line": {"shape": "hv", "width": 1.5, "color": ORANGE, "dash": "solid"},
        "hovertemplate": say("frame {frame}: the {side} acknowledged up to {y} at {x} s", **told_by)
        + "<extra></extra>",
    }
    if not scaled or int(edges.min()) > limit:
        return acked, None
    edge = _staircase(view, told, edges, axis, points)
    edge |= {
        "name": say("edge of the receiver's window"),
        "legendgroup": "edge",
        "line": {"shape": "hv", "width": 1.5, "color": PURPLE, "dash": "dash"},
        "hovertemplate": say("frame {frame}: the {side} allowed up to {y} at {x} s", **told_by) + "<extra></extra>",
    }
    return acked, edge


def _staircase(view: View, told: NDArray[np.int64], value: NDArray[np.int64], axis: str, points: int) -> dict[str, Any]:
    steps = thin.changes(value)
    kept = steps[thin.extremes(view.time[told[steps]], value[steps], points)]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": view.seconds(view.time[told[kept]]),
        "y": value[kept].tolist(),
        "yaxis": axis,
        "customdata": _named(view, told[kept]),
    }


def _named(view: View, at: NDArray[np.int64]) -> list[int | str]:
    """Return the frames of some segments for hovering, followed by the words of their marks if they have any.

    A line is nearer to the pointer than the symbol on it, as plotly reckons, so it has to say the same.
    """
    out: list[int | str] = view.frame[at].tolist()
    comma = sentences.word("comma")
    for kind, found in marks.present(view.flags[at], view.label[at]):
        words = kind.said()
        for k in found.tolist():
            out[k] = f"{out[k]}{comma}{words}"
    return out


def _marks(
    view: View, shown: tuple[str, ...], ranges: dict[str, tuple[float, float]], limit: int
) -> tuple[list[dict[str, Any]], list[tuple[marks.Kind, NDArray[np.int64]]]]:
    """Return the symbols, a trace for each kind and panel, and for each kind all segments that have it.

    The rare kinds come last, so that they lie above the others; the legend keeps the order of :data:`marks.KINDS`.
    """
    held = list(marks.present(view.flags, view.label))
    out: list[dict[str, Any]] = []
    reached = {side: _reached(view, side, ranges[side]) for side in shown}
    count = sum(found.size for _, found in held)
    for (kind, found), room in zip(held, thin.shares([found.size for _, found in held], limit), strict=True):
        picked = found[thin.evenly(int(found.size), room)]
        name = Prose(f"{kind.said()} ({found.size})") if found.size > 1 else kind.said()
        for by_client in (True, False):
            mine = picked[view.from_client[picked] == by_client]
            if not mine.size:
                continue
            sender = "client" if by_client else "server"
            own = sender if not kind.answers else other(sender)
            panel = own if own in shown else shown[0]
            out.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": name,
                    "legendgroup": kind.key,
                    "showlegend": not any(trace["legendgroup"] == kind.key for trace in out),
                    "legendrank": LEGEND + marks.KINDS.index(kind),
                    "visible": "legendonly" if kind.quiet else True,
                    "x": view.seconds(view.time[mine]),
                    "y": _heights(view, kind, mine, panel, own, reached[panel], ranges[panel]),
                    "yaxis": axis_of(shown, panel),
                    "customdata": view.frame[mine].tolist(),
                    "marker": marks.marker(kind, count),
                    "cliponaxis": False,
                    "hovertemplate": say(
                        "frame {frame}, sent by the {side} at {x} s: {mark}",
                        frame=POINT["frame"],
                        x=POINT["x"],
                        side=who(sender),
                        mark=kind.said(),
                    )
                    + "<extra></extra>",
                }
            )
    out.sort(key=lambda trace: -len(trace["x"]))
    return out, held


def _reached(view: View, side: str, limits: tuple[float, float]) -> NDArray[np.int64]:
    """Return (n,) int64: how far a side's data had come at each segment."""
    mine = (view.from_client == (side == "client")) & (view.length > 0)
    ends = np.where(mine, view.seq + view.length, int(limits[0]))
    return np.asarray(np.maximum.accumulate(ends), np.int64)


def _heights(
    view: View,
    kind: marks.Kind,
    at: NDArray[np.int64],
    panel: str,
    own: str,
    reached: NDArray[np.int64],
    limits: tuple[float, float],
) -> list[int]:
    """Return where on a panel some marks lie: at the end of the segment, or at what it acknowledges.

    A reset's own number proves nothing, and a mark of a side without a panel has no number there: both lie at the
    height that the panel's data had reached. Nothing lies outside of the panel.
    """
    if kind.key == "rst" or panel != own:
        value = reached[at]
    elif kind.answers:
        value = view.ack[at]
    else:
        value = view.seq[at] + view.length[at]
    low, high = limits
    out: list[int] = np.clip(value, int(low), int(high)).tolist()
    return out


def _list(view: View, held: list[tuple[marks.Kind, NDArray[np.int64]]], limit: int) -> tuple[Marked, ...]:
    """List the first marks of a connection, each kind getting its share, in order of frames."""
    out = [
        Marked(
            int(view.frame[i]),
            view.seconds(view.time[i : i + 1])[0],
            "client" if view.from_client[i] else "server",
            kind,
        )
        for (kind, found), room in zip(held, thin.shares([found.size for _, found in held], limit), strict=True)
        for i in found[:room].tolist()
    ]
    return tuple(sorted(out, key=lambda mark: mark.frame))
