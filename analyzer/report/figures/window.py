"""Bytes in flight against the window: what a side had on its way, and what the other side allowed.

While the line of bytes in flight touches the window, the receiver decides how fast it goes; far below it, the sender
or the network does. Stretches of a closed window and of loss are shaded, each with its own pattern.

Source: RFC 9293 section 3.8.6 (windows), RFC 7661 section 1 (what is in flight).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.report.figures import thin
from analyzer.report.figures.style import GREY, PURPLE, VERMILLION, tint
from analyzer.report.figures.view import COLOURS, POINT, View, axis_of, frame_of_graph, panels
from analyzer.report.sides import other, who
from analyzer.report.wording import say
from analyzer.units import NS_PER_MS, NS_PER_S, human_ms

if TYPE_CHECKING:
    from analyzer.flows.quality import Course, Episode

MAX_SHADES = 200
"""Shaded stretches drawn in one graph, the longest first."""

FAR_ABOVE = 3.0
"""A window that never comes down to this many times the bytes in flight is out of the graph, which would be flat."""

FILLS = {side: tint(colour) for side, colour in COLOURS.items()}


@dataclass(frozen=True, slots=True)
class Closed:
    """A stretch of time during which a receiver's window was closed; ``end_frame`` is None when it stayed closed."""

    frame: int
    end_frame: int | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Windows:
    """The graph and what it leaves out.

    Attributes:
        closed: side whose data had to wait → stretches of the other side's closed window.
        shades_shown, shades_total: shaded stretches drawn, and all there are.
        far: sides whose allowance is far above what was in flight, with the smallest of it in bytes.
    """

    spec: dict[str, Any]
    closed: dict[str, tuple[Closed, ...]]
    shades_shown: int
    shades_total: int
    far: dict[str, int]


def closed_windows(view: View, side: str) -> tuple[Closed, ...]:
    """Return the stretches in which the receiver of a side's data kept its window closed.

    Not those that begin after the side's FIN: nothing waits for them.
    """
    told = np.flatnonzero(
        (view.from_client != (side == "client"))
        & ((view.flags & (Flag.SYN | Flag.RST)) == 0)
        & ((view.flags & Flag.ACK) != 0)
    )
    if not told.size:
        return ()
    shut = view.window[told] == 0
    begins = np.flatnonzero(shut & ~np.append(False, shut[:-1]))
    ends = np.flatnonzero(~shut & np.append(False, shut[:-1]))
    last = int(view.time.max())
    fins = np.flatnonzero((view.from_client == (side == "client")) & ((view.flags & Flag.FIN) != 0))
    out = []
    for k, begin in enumerate(begins.tolist()):
        at, end = int(told[begin]), int(told[ends[k]]) if k < ends.size else None
        if fins.size and at > fins[0]:
            break
        out.append(
            Closed(
                int(view.frame[at]),
                None if end is None else int(view.frame[end]),
                int(view.time[at]),
                last if end is None else int(view.time[end]),
            )
        )
    return tuple(out)


def figure(view: View, courses: Mapping[str, Course], points: int, *, scaled: bool) -> Windows | None:
    """Draw up the graph; None when nothing was ever in flight.

    Args:
        courses: sender → its course; points: at most so many in each line.
        scaled: whether the windows are known in bytes; if not, they are not drawn.
    """
    shown = tuple(side for side in panels(view) if side in courses and courses[side].flight.bytes.size)
    most = {side: int(courses[side].flight.bytes.max()) for side in shown}
    shown = tuple(side for side in shown if most[side] > 0)
    if not shown:
        return None
    lines: list[dict[str, Any]] = []
    shades: list[dict[str, Any]] = []
    ranges: dict[str, tuple[float, float]] = {}
    closed = {side: closed_windows(view, side) for side in shown}
    far: dict[str, int] = {}
    drawn = 0
    total = sum(len(closed[side]) + len(courses[side].episodes) for side in shown)
    for side in shown:
        axis, course, peak = axis_of(shown, side), courses[side], most[side]
        lines.append(_flight(view, side, course, axis, points))
        allowed = course.window.bytes
        top = float(peak)
        if scaled and allowed.size:
            least = int(allowed.min())
            if least > FAR_ABOVE * peak:
                far[side] = least
            else:
                line = _window(view, side, course, axis, points)
                line["showlegend"] = not any(trace["name"] == line["name"] for trace in lines)
                lines.append(line)
                top = max(top, min(float(allowed.max()), FAR_ABOVE * peak))
        ranges[side] = (0.0, top * 1.08)
        for made in (
            _closed_bars(view, side, closed[side], axis, ranges[side][1], MAX_SHADES // (2 * len(shown))),
            _loss_bars(view, side, course.episodes, axis, ranges[side][1], MAX_SHADES // (2 * len(shown))),
        ):
            if made is not None:
                made["showlegend"] = not any(trace["name"] == made["name"] for trace in shades)
                shades.append(made)
                drawn += len(made["x"])
    titles = {side: say("bytes from the {side}", side=who(side)) for side in shown}
    spec = {"data": shades + lines, "layout": frame_of_graph(view, shown, titles, ranges)}
    return Windows(spec, closed, drawn, total, far)


def _flight(view: View, side: str, course: Course, axis: str, points: int) -> dict[str, Any]:
    kept = thin.extremes(course.flight.time, course.flight.bytes, points)
    return {
        "type": "scatter",
        "mode": "lines",
        "name": say("in flight from the {side}", side=who(side)),
        "x": view.seconds(course.flight.time[kept]),
        "y": course.flight.bytes[kept].tolist(),
        "yaxis": axis,
        "customdata": course.flight.frame[kept].tolist(),
        "line": {"shape": "hv", "width": 1.5, "color": COLOURS[side]},
        "fill": "tozeroy",
        "fillcolor": FILLS[side],
        "hovertemplate": say("frame {frame}: {y} bytes on their way at {x} s", **POINT) + "<extra></extra>",
    }


def _window(view: View, side: str, course: Course, axis: str, points: int) -> dict[str, Any]:
    steps = thin.changes(course.window.bytes)
    kept = steps[thin.extremes(course.window.time[steps], course.window.bytes[steps], points)]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": say("allowed by the receiver"),
        "legendgroup": "allowed",
        "x": view.seconds(course.window.time[kept]),
        "y": course.window.bytes[kept].tolist(),
        "yaxis": axis,
        "customdata": course.window.frame[kept].tolist(),
        "line": {"shape": "hv", "width": 1.5, "color": PURPLE, "dash": "dash"},
        "hovertemplate": say(
            "frame {frame}: the {side} allowed {y} bytes at {x} s", **{**POINT, "side": who(other(side))}
        )
        + "<extra></extra>",
    }


def _closed_bars(
    view: View, side: str, closed: tuple[Closed, ...], axis: str, top: float, room: int
) -> dict[str, Any] | None:
    longest = sorted(closed, key=lambda stretch: stretch.start - stretch.end)[:room]
    return _bars(
        view,
        [(stretch.start, stretch.end) for stretch in longest],
        [
            say(
                "frame {frame}: the {side}'s window is closed for {took}",
                frame=stretch.frame,
                side=who(other(side)),
                took=human_ms((stretch.end - stretch.start) / NS_PER_MS),
            )
            for stretch in longest
        ],
        axis,
        top,
        {"name": say("window closed"), "legendgroup": "closed", "marker": _shade(GREY, "/")},
    )


def _loss_bars(
    view: View, side: str, episodes: tuple[Episode, ...], axis: str, top: float, room: int
) -> dict[str, Any] | None:
    longest = sorted(episodes, key=lambda episode: episode.start_time - episode.end_time)[:room]
    return _bars(
        view,
        [(episode.start_time, episode.end_time) for episode in longest],
        [
            say(
                "frame {frame}: data of the {side} was lost; sending it again cost {took}",
                frame=episode.frames[0] if episode.frames else say("unknown"),
                side=who(side),
                took=human_ms(episode.cost_ms),
            )
            for episode in longest
        ],
        axis,
        top,
        {"name": say("loss"), "legendgroup": "loss", "marker": _shade(VERMILLION, "x")},
    )


def _shade(colour: str, pattern: str) -> dict[str, Any]:
    return {
        "color": "rgba(0,0,0,0)",
        "line": {"width": 1, "color": colour},
        "pattern": {"shape": pattern, "size": 6, "solidity": 0.25, "bgcolor": "rgba(0,0,0,0)", "fgcolor": colour},
    }


def _bars(
    view: View, spans: list[tuple[int, int]], words: Sequence[str], axis: str, top: float, look: dict[str, Any]
) -> dict[str, Any] | None:
    """Return stretches of time as bars over the whole height of a panel."""
    if not spans:
        return None
    start: NDArray[np.int64] = np.array([a for a, _ in spans], np.int64)
    width = [round((b - a) / NS_PER_S, 6) for a, b in spans]
    return {
        "type": "bar",
        "x": view.seconds(start),
        "y": [round(top, 3)] * len(spans),
        "width": width,
        "offset": 0,
        "yaxis": axis,
        "customdata": words,
        "hovertemplate": "%{customdata}<extra></extra>",
        **look,
    }
