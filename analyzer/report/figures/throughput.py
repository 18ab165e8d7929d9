"""Throughput of a connection: how many new bytes each side sent in each stretch of time, and how many once more.

*New* is payload that no earlier segment of the side carried: summed over time, that is what the other side can use (its
goodput). *Repeated* is payload that had been carried before. Together they are what was sent; headers are left out, and
so are keep-alive bytes, which are no data, and what the recorder wrote down twice.

Stretches of time are equally long, and a round number of milliseconds or seconds, so that neighbours compare.

Sources: RFC 2647 section 3.17 (goodput), RFC 9293 section 3.8.4 (keep-alives).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.table import Flag
from analyzer.flows.model import Label
from analyzer.flows.reassembly import fresh
from analyzer.report.escape import Prose
from analyzer.report.figures.style import INK, VERMILLION
from analyzer.report.figures.view import COLOURS, View, axis_of, frame_of_graph, panels
from analyzer.report.sides import who
from analyzer.report.wording import say
from analyzer.units import NS_PER_MS, NS_PER_S, human_bytes, human_ms, round_number

MAX_BINS = 100
"""Stretches of time: bars of a few pixels on a wide screen, of three on a phone."""

MIN_WIDTH = NS_PER_MS
"""Shorter stretches hold a segment or none, whose rate would say nothing."""

_UNITS = ((1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s"))


@dataclass(frozen=True, slots=True)
class Rate:
    """What one side sent in each stretch of time.

    Attributes:
        new, repeated: (bins,) int64 bytes; frame: (bins,) int64, the first with data in it, 0 without.
    """

    new: NDArray[np.int64]
    repeated: NDArray[np.int64]
    frame: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pause:
    """A time without data from either side, in ns; ``frame`` is the last one before it."""

    frame: int
    start: int
    end: int


def width_of(span: int) -> int:
    """Return how long a stretch of time is when ``span`` has to be cut up: 1, 2 or 5 times a power of ten; all ns."""
    return MIN_WIDTH * round_number(-(-span // (MIN_WIDTH * MAX_BINS)))


def counted(view: View) -> NDArray[np.bool_]:
    """Tell which segments carry data that was sent: no keep-alives, and nothing that was only recorded twice."""
    skipped = (view.label & int(Label.KEEP_ALIVE | Label.CAPTURED_TWICE)) != 0
    return np.asarray((view.length > 0) & ~skipped)


def rates(view: View, width: int) -> dict[str, Rate]:
    """Return side → what it sent in each stretch of ``width`` ns, for the sides that sent data."""
    bins = int(view.span * NS_PER_S) // width + 1
    data = counted(view)
    out = {}
    for side in panels(view):
        mine = np.flatnonzero(data & (view.from_client == (side == "client")))
        if not mine.size:
            continue
        start = view.seq[mine] + ((view.flags[mine] & Flag.SYN) != 0)  # data on a SYN begins behind it
        new = fresh(start, start + view.length[mine])
        # What a clock that was set back puts before the start belongs to the first stretch.
        at = np.clip((view.time[mine] - view.start) // width, 0, bins - 1)
        frame = np.zeros(bins, np.int64)
        frame[at[::-1]] = view.frame[mine][::-1]
        again = view.length[mine] - new
        out[side] = Rate(_sums(at, new, bins), _sums(at, again, bins), frame)
    return out


def _sums(at: NDArray[np.int64], values: NDArray[np.int64], bins: int) -> NDArray[np.int64]:
    out = np.zeros(bins, np.int64)
    np.add.at(out, at, values)
    return out


def pauses(view: View, least: int) -> tuple[Pause, ...]:
    """Return the times of at least ``least`` ns between data in which no side sent any, in order."""
    data = np.flatnonzero(counted(view))
    gaps = np.diff(view.time[data])
    return tuple(
        Pause(int(view.frame[data[k]]), int(view.time[data[k]]), int(view.time[data[k + 1]]))
        for k in np.flatnonzero(gaps >= least).tolist()
    )


def rate_words(amount: float, ns: int) -> str:
    """Write bytes in a time as a rate: ``1.20 MB/s``."""
    return f"{human_bytes(round(amount * NS_PER_S / max(ns, 1)))}/s"


def figure(view: View, found: Mapping[str, Rate], width: int) -> dict[str, Any]:
    """Draw up the graph: bars of new data, and on top of each what was repeated.

    Args:
        found: as :func:`rates` returns it, not empty; width: ns of a stretch.
    """
    shown = tuple(found)
    data: list[dict[str, Any]] = []
    ranges: dict[str, tuple[float, float]] = {}
    titles: dict[str, str] = {}
    for side in shown:
        rate, axis = found[side], axis_of(shown, side)
        top = float((rate.new + rate.repeated).max()) * NS_PER_S / width
        factor, unit = next(((f, u) for f, u in _UNITS if top >= f), _UNITS[-1])
        scale = NS_PER_S / width / factor
        ranges[side] = (0.0, max(top / factor, 1e-9) * 1.08)
        titles[side] = say("{unit} from the {side}", unit=Prose(unit), side=who(side))
        data.append(_bars(rate.new, rate, width, scale, axis) | _look_of_new(side, width, unit))
        if rate.repeated.any():
            bars = _bars(rate.repeated, rate, width, scale, axis) | _look_of_repeated(width, unit)
            bars["base"] = np.round(rate.new[rate.repeated > 0] * scale, 4).tolist()
            bars["showlegend"] = not any(trace["legendgroup"] == "repeated" for trace in data)
            data.append(bars)
    return {"data": data, "layout": frame_of_graph(view, shown, titles, ranges)}


def _bars(amount: NDArray[np.int64], rate: Rate, width: int, scale: float, axis: str) -> dict[str, Any]:
    """Return the stretches in which something was sent as bars from their beginning to their end."""
    at = np.flatnonzero(amount)
    return {
        "type": "bar",
        "x": np.round(at * (width / NS_PER_S), 6).tolist(),
        "y": np.round(amount[at] * scale, 4).tolist(),
        "width": width / NS_PER_S,
        "offset": 0,
        "yaxis": axis,
        "customdata": rate.frame[at].tolist(),
    }


def _point(width: int, unit: str) -> dict[str, Prose]:
    """Return the arguments of a bar's words, some of which plotly fills in."""
    return {
        "rate": Prose(f"%{{y:.4~g}} {unit}"),
        "x": Prose("%{x}"),
        "width": Prose(human_ms(width / NS_PER_MS)),
        "frame": Prose("%{customdata}"),
    }


def _look_of_new(side: str, width: int, unit: str) -> dict[str, Any]:
    words = say("{rate} of new data in the {width} from {x} s on (first: frame {frame})", **_point(width, unit))
    return {
        "name": say("new data of the {side}", side=who(side)),
        "legendgroup": side,
        "marker": {"color": COLOURS[side], "line": {"width": 0.5, "color": INK}},
        "hovertemplate": f"{words}<extra></extra>",
    }


def _look_of_repeated(width: int, unit: str) -> dict[str, Any]:
    words = say("{rate} of repeated data in the {width} from {x} s on (first: frame {frame})", **_point(width, unit))
    return {
        "name": say("data sent before"),
        "legendgroup": "repeated",
        "marker": {
            "color": "rgba(0,0,0,0)",
            "line": {"width": 1, "color": VERMILLION},
            "pattern": {"shape": "x", "size": 6, "solidity": 0.4, "bgcolor": "rgba(0,0,0,0)", "fgcolor": VERMILLION},
        },
        "hovertemplate": f"{words}<extra></extra>",
    }
