"""The three graphs of a connection, each with its sentence, its small table, and what it leaves out.

Graphs are for the connections that have most to show: those a finding points at, and those with the most data. Their
points share one budget, so that the page stays small however large the capture is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analyzer.flows import quality
from analyzer.flows.model import Connections, Segments
from analyzer.report.cells import Cell, Column, Row, Table
from analyzer.report.escape import Prose
from analyzer.report.figures import rtt, sequence, window
from analyzer.report.figures.marks import KINDS
from analyzer.report.figures.model import Figure
from analyzer.report.figures.view import SIDES, View, other, panels, view
from analyzer.report.performance import fine_ms
from analyzer.report.wording import joined, number, plural
from analyzer.schema import TcpRow
from analyzer.units import NS_PER_MS, NS_PER_S, human_bytes, human_ms

if TYPE_CHECKING:
    from analyzer.flows.quality import Course, RttSamples

MAX_GRAPHED = 40
"""Connections with graphs: each brings three charts that a reader has to open one by one."""

MAX_CITED_GRAPHED = 20
"""Of these, at most so many because a finding points at them; the rest are those with the most data."""

MIN_DATA_SEGMENTS = 3
"""A graph of less says nothing that the ladder does not."""

MIN_SAMPLES = 2
"""Round trips that make a graph; a single one is a number in the table."""

MAX_LINE_POINTS = 4000
"""Points of one line: four to a pixel column of a wide screen, so that nothing is lost before one zooms in."""

MIN_LINE_POINTS = 400
"""Points of one line, however many connections share the budget."""

MAX_POINTS_IN_ALL = 150_000
"""Points of all lines of a page, about 20 bytes each."""

LINES = 10
"""Lines of one connection's graphs at most: strokes, two staircases, two windows, in both directions."""

MAX_LISTED = 24
"""Rows of a graph's table."""

_TENTHS = 10


def chosen(connections: Connections, segments: Segments, cited: set[int]) -> tuple[int, ...]:
    """Return the streams that get graphs, in order: some that findings point at, then those with the most data."""
    volume = np.asarray(connections.columns["client_unique_bytes"], np.int64) + np.asarray(
        connections.columns["server_unique_bytes"], np.int64
    )
    rich = np.flatnonzero(volume > 0)
    # More candidates than places, since some have all their data in one or two segments.
    rich = rich[np.argsort(-volume[rich], kind="stable")][: 4 * MAX_GRAPHED]
    wanted = [stream for stream in sorted(cited, key=lambda s: -int(volume[s])) if _enough(segments, stream)]
    wanted = wanted[:MAX_CITED_GRAPHED]
    for stream in rich.tolist():
        if len(wanted) >= MAX_GRAPHED:
            break
        if stream not in cited and _enough(segments, stream):
            wanted.append(stream)
    return tuple(sorted(wanted))


def _enough(segments: Segments, stream: int) -> bool:
    return int(np.count_nonzero(segments.length[segments.of(stream)])) >= MIN_DATA_SEGMENTS


def line_points(graphed: int) -> int:
    """Return how many points each line may have when so many connections have graphs."""
    return max(MIN_LINE_POINTS, min(MAX_LINE_POINTS, MAX_POINTS_IN_ALL // (LINES * max(graphed, 1))))


def courses(segments: Segments, stream: int) -> dict[str, Course]:
    """Return what each side's data went through: sender → course."""
    server, client = quality.courses(segments, stream)
    return {"client": client, "server": server}


def graphs(row: TcpRow, segments: Segments, course: Mapping[str, Course], points: int) -> tuple[Figure, ...]:
    """Draw up the graphs of a connection that have something to show.

    Args:
        row: the connection; segments: of the whole capture.
        course: sender → its course.
        points: at most so many in each line, and symbols in each graph.
    """
    seen = view(segments, row.stream)
    scaled = row.client_isn is not None and row.server_isn is not None  # both SYNs were captured
    made = (
        _sequence(row, seen, points, scaled),
        _rtt(row, seen, course, points),
        _window(row, seen, course, points, scaled),
    )
    return tuple(figure for figure in made if figure is not None)


UNSCALED = (
    "How large the windows are is not known, because a SYN, which tells their scale, is not in this capture: "
    "they are not drawn."
)


# ── time and sequence numbers ────────────────────────────────────────────────────────────────────────────────────


def _sequence(row: TcpRow, seen: View, points: int, scaled: bool) -> Figure | None:
    made = sequence.figure(seen, points, scaled=scaled, listed=MAX_LISTED)
    if made is None:
        return None
    sent = joined(
        [
            f"the {side} {human_bytes(int(seen.length[seen.sent(side)].sum()))} in "
            f"{plural(int(seen.sent(side).size), 'segment')}"
            for side in panels(seen)
        ]
    )
    words = {kind.key: kind.words for kind in KINDS}
    marked = joined([f"{words[key]} ({number(count)})" for key, count in made.counts.items()])
    notes = []
    if made.strokes < made.segments:
        notes.append(
            f"Showing {number(made.strokes)} strokes for {number(made.segments)} segments: each stands for those that "
            "follow one another closely."
        )
    if made.marks_shown < made.marks_total:
        notes.append(f"Showing {number(made.marks_shown)} of {number(made.marks_total)} marks, of each kind some.")
    if made.hidden:
        notes.append(f"Drawn only after a click on the word under the graph: {joined(made.hidden)}.")
    if not scaled:
        notes.append(UNSCALED)
    if made.edge_hidden:
        whose = "The edges of both windows lie"
        if len(made.edge_hidden) == 1:
            whose = f"The edge of the {other(made.edge_hidden[0])}'s window lies"
        notes.append(f"{whose} too far above the data to be drawn.")
    tables = [_progress(seen)]
    if made.listed:
        tables.insert(0, _marks_table(made))
    return Figure(
        f"fig-sequence-{row.stream}",
        "Time and sequence numbers",
        Prose(f"Who sent what, and when: {sent}, within {human_ms(seen.span * 1000)}. Marked: {marked or 'nothing'}."),
        made.spec,
        Prose(" ".join(notes)),
        tuple(tables),
    )


def _marks_table(made: sequence.Sequence) -> Table:
    columns = (
        Column("Frame", numeric=True),
        Column("Time, s", numeric=True),
        Column("Sent by"),
        Column("Mark", wide=True),
    )
    rows = tuple(
        Row(
            "",
            (
                Cell(str(mark.frame)),
                Cell(f"{mark.seconds:.6f}"),
                Cell(f"the {mark.side}"),
                Cell(Prose(mark.kind.words)),
            ),
        )
        for mark in made.listed
    )
    return Table("", "Marks", columns, rows, made.marks_total)


def _progress(seen: View) -> Table:
    """Say how far both sides had come after each tenth of the time."""
    columns = (
        Column("After, s", numeric=True),
        *(Column(f"Sent by the {side}", numeric=True) for side in SIDES),
        *(Column(f"Acknowledged by the {other(side)}", numeric=True) for side in SIDES),
    )
    since = seen.time.astype(np.float64) - float(seen.start)
    rows = []
    for tenth in range(1, _TENTHS + 1):
        at = seen.span * tenth / _TENTHS
        until = since <= at * NS_PER_S + 1
        sent = [int(seen.length[i[until[i]]].sum()) for i in (seen.sent(side) for side in SIDES)]
        acked = [_highest(seen.ack, i[until[i]]) for i in (seen.answers(side) for side in SIDES)]
        rows.append(
            Row("", (Cell(f"{at:.6f}"), *(Cell(human_bytes(n)) for n in sent), *(Cell(human_bytes(n)) for n in acked)))
        )
        if not seen.span:
            break
    return Table("", "Progress", columns, tuple(rows), len(rows))


def _highest(ack: NDArray[np.int64], at: NDArray[np.int64]) -> int:
    """Return how many bytes of data some acknowledgements cover; the SYN counts as one that is none."""
    return max(int(ack[at].max()) - 1, 0) if at.size else 0


# ── round trips ──────────────────────────────────────────────────────────────────────────────────────────────────


def _rtt(row: TcpRow, seen: View, course: Mapping[str, Course], points: int) -> Figure | None:
    samples = {side: course[side].rtt for side in SIDES if side in course and course[side].rtt.ms.size}
    total = sum(int(have.ms.size) for have in samples.values())
    if total < MIN_SAMPLES:
        return None
    made = rtt.figure(seen, samples, {"client": row.server_leg_ms, "server": row.client_leg_ms}, points)
    if made is None:
        return None
    spec, shown = made
    said = [f"{rtt.LEGS[side]}: {_trips(row, side, have)}" for side, have in samples.items()]
    delayed = sum(int(np.count_nonzero(have.delayed)) for have in samples.values())
    notes = [f"Showing {number(shown)} of {number(total)} samples, of each stretch of time the extremes."]
    return Figure(
        f"fig-rtt-{row.stream}",
        "Round trips",
        Prose(f"How long data waited for its acknowledgement. {'; '.join(said)}." + _held_back(delayed)),
        spec,
        Prose(notes[0]) if shown < total else "",
        (_rtt_table(seen, samples),),
    )


def _trips(row: TcpRow, side: str, have: RttSamples) -> str:
    """Sum up one leg in the words of the connection's columns, which leave out what was held back."""
    count = getattr(row, f"{side}_rtt_samples")
    low, half, most = (getattr(row, f"{side}_rtt_{name}_ms") for name in ("min", "p50", "p95"))
    if not count or low is None:
        return f"{plural(int(have.ms.size), 'sample')}, all of them held back"
    return (
        f"{plural(count, 'sample')}, at least {fine_ms(low)}, half of them at most {fine_ms(half)}, "
        f"95 % at most {fine_ms(most)}"
    )


def _held_back(count: int) -> str:
    if not count:
        return ""
    return f" Hollow: {plural(count, 'acknowledgement')} that the receiver seems to have held back."


def _rtt_table(seen: View, samples: Mapping[str, RttSamples]) -> Table:
    """List the slowest round trips, in order of time."""
    found = [
        (have.time[k], side, int(have.data_frame[k]), int(have.ack_frame[k]), float(have.ms[k]), bool(have.delayed[k]))
        for side, have in samples.items()
        for k in np.argsort(-have.ms, kind="stable")[:MAX_LISTED].tolist()
    ]
    slowest = sorted(sorted(found, key=lambda sample: -sample[4])[:MAX_LISTED], key=lambda sample: sample[0])
    columns = (
        Column("Time, s", numeric=True),
        Column("Way", wide=True),
        Column("Data in frame", numeric=True),
        Column("ACK in frame", numeric=True),
        Column("Round trip", numeric=True),
        Column("ACK held back"),
    )
    rows = tuple(
        Row(
            "",
            (
                Cell(f"{(int(time) - seen.start) / NS_PER_S:.6f}"),
                Cell(rtt.LEGS[side]),
                Cell(str(data)),
                Cell(str(ack)),
                Cell(fine_ms(ms)),
                Cell("yes" if delayed else "no"),
            ),
        )
        for time, side, data, ack, ms, delayed in slowest
    )
    return Table("", "The slowest round trips", columns, rows, sum(int(have.ms.size) for have in samples.values()))


# ── window and bytes in flight ───────────────────────────────────────────────────────────────────────────────────


def _window(row: TcpRow, seen: View, course: Mapping[str, Course], points: int, scaled: bool) -> Figure | None:
    made = window.figure(seen, course, points, scaled=scaled)
    if made is None:
        return None
    said = []
    for side, closed in made.closed.items():
        most = int(course[side].flight.bytes.max())
        words = f"At most {human_bytes(most)} of the {side}'s data were on their way at once"
        allowed = course[side].window.bytes
        if scaled and allowed.size:
            least, top = int(allowed.min()), int(allowed.max())
            span = human_bytes(top) if least == top else f"between {human_bytes(least)} and {human_bytes(top)}"
            words += f", while the {other(side)} allowed {span}"
        if closed:
            lasted = sum(stretch.end - stretch.start for stretch in closed) / NS_PER_MS
            words += (
                f"; it closed its window {plural(len(closed), 'time')}, for {human_ms(lasted)} in all, and nothing "
                "might be sent"
            )
        said.append(f"{words}.")
    losses = sum(len(course[side].episodes) + course[side].more_episodes for side in made.closed)
    if losses:
        said.append(f"{plural(losses, 'loss', 'losses')}, shaded.")
    notes = []
    if made.far:
        what = [f"what the {other(side)} allowed ({human_bytes(least)} or more)" for side, least in made.far.items()]
        notes.append(f"Not drawn, because it lies too far above: {joined(what)}.")
    if made.shades_shown < made.shades_total:
        notes.append(
            f"Showing {number(made.shades_shown)} of {number(made.shades_total)} shaded stretches, the longest."
        )
    if not scaled:
        notes.append(UNSCALED)
    return Figure(
        f"fig-window-{row.stream}",
        "Window and bytes in flight",
        Prose(" ".join(said)),
        made.spec,
        Prose(" ".join(notes)),
        (_window_table(seen, made, course),),
    )


def _window_table(seen: View, made: window.Windows, course: Mapping[str, Course]) -> Table:
    """List the moments with most in flight, and the shaded stretches, in order of time."""
    found: list[tuple[int, str, str, str, str]] = []  # time ns, what, side, how much, frames
    for side in made.closed:
        flight = course[side].flight
        peak = int(flight.bytes.argmax())
        found.append(
            (
                int(flight.time[peak]),
                "most in flight",
                f"the {side}",
                human_bytes(int(flight.bytes[peak])),
                str(int(flight.frame[peak])),
            )
        )
        for stretch in made.closed[side][:MAX_LISTED]:
            ends = "" if stretch.end_frame is None else f"–{stretch.end_frame}"
            took = human_ms((stretch.end - stretch.start) / NS_PER_MS)
            found.append((stretch.start, "window closed", f"the {other(side)}", took, f"{stretch.frame}{ends}"))
        for episode in course[side].episodes[:MAX_LISTED]:
            took = human_ms((episode.end_time - episode.start_time) / NS_PER_MS)
            frames = ", ".join(map(str, episode.frames[:4]))
            found.append((int(episode.start_time), "data lost", f"the {side}", took, frames))
    found.sort(key=lambda item: item[0])
    columns = (
        Column("Time, s", numeric=True),
        Column("What", wide=True),
        Column("Whose"),
        Column("How much", numeric=True),
        Column("Frames"),
    )
    rows = tuple(
        Row(
            "",
            (
                Cell(f"{(time - seen.start) / NS_PER_S:.6f}"),
                Cell(what),
                Cell(whose),
                Cell(amount),
                Cell(frames),
            ),
        )
        for time, what, whose, amount, frames in found[:MAX_LISTED]
    )
    return Table("", "Moments", columns, rows, made.shades_total + len(made.closed))
