"""The graphs of a connection, each with its sentence, its small table, and what it leaves out.

Graphs are for the connections that have most to show: those a finding points at, and those with the most data. Their
points share one budget, so that the page stays small however large the capture is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analyzer.flows import quality
from analyzer.flows.model import Connections, Segments
from analyzer.report import cells, graph_throughput, graph_window
from analyzer.report.cells import Cell, Column, Row, Table
from analyzer.report.figures import rtt, sequence
from analyzer.report.figures.marks import KINDS
from analyzer.report.figures.model import Figure
from analyzer.report.figures.view import View, panels, view
from analyzer.report.graph_window import UNSCALED
from analyzer.report.performance import fine_ms
from analyzer.report.sides import SIDES, other, who, whose
from analyzer.report.wording import joined, number, paragraph, plural, say
from analyzer.schema import TcpRow
from analyzer.units import NS_PER_S, human_bytes, human_fine_ms, human_ms

if TYPE_CHECKING:
    from analyzer.flows.quality import Course, RttSamples

MAX_GRAPHED = 40
"""Connections with graphs: each brings four charts that a reader has to open one by one."""

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
        graph_window.graph(row, seen, course, points, scaled),
        graph_throughput.graph(seen),
    )
    return tuple(figure for figure in made if figure is not None)


# ── time and sequence numbers ────────────────────────────────────────────────────────────────────────────────────


def _sequence(row: TcpRow, seen: View, points: int, scaled: bool) -> Figure | None:
    made = sequence.figure(seen, points, scaled=scaled, listed=MAX_LISTED)
    if made is None:
        return None
    sent = joined(
        [
            say(
                "the {side} {bytes} in {segments}",
                side=who(side),
                bytes=human_bytes(int(seen.length[seen.sent(side)].sum())),
                segments=plural(int(seen.sent(side).size), "segment"),
            )
            for side in panels(seen)
        ]
    )
    words = {kind.key: kind.said() for kind in KINDS}
    marked = joined([f"{words[key]} ({number(count)})" for key, count in made.counts.items()])
    summary = say(
        "Who sent what, and when: {sent}, within {took}. Marked: {marked}.",
        sent=sent,
        took=human_ms(seen.span * 1000),
        marked=marked or say("nothing"),
    )
    tables = [_progress(seen)]
    if made.listed:
        tables.insert(0, _marks_table(made))
    return Figure(
        f"fig-sequence-{row.stream}",
        say("Time and sequence numbers"),
        summary,
        made.spec,
        paragraph(_left_out(made, scaled)),
        tuple(tables),
    )


def _left_out(made: sequence.Sequence, scaled: bool) -> Iterator[str]:
    """Say what the graph of sequence numbers leaves out."""
    if made.strokes < made.segments:
        yield say(
            "Showing {shown} strokes for {total} segments: each stands for those that follow one another closely.",
            shown=number(made.strokes),
            total=number(made.segments),
        )
    if made.marks_shown < made.marks_total:
        yield say(
            "Showing {shown} of {total} marks, of each kind some.",
            shown=number(made.marks_shown),
            total=number(made.marks_total),
        )
    if made.hidden:
        yield say("Drawn only after a click on the word under the graph: {words}.", words=joined(made.hidden))
    if not scaled:
        yield say(UNSCALED)
    if len(made.edge_hidden) == 1:
        side = who(other(made.edge_hidden[0]))
        yield say("The edge of the {side}'s window lies too far above the data to be drawn.", side=side)
    elif made.edge_hidden:
        yield say("The edges of both windows lie too far above the data to be drawn.")


def _marks_table(made: sequence.Sequence) -> Table:
    columns = (
        Column(say("Frame"), numeric=True),
        Column(say("Time, s"), numeric=True),
        Column(say("Sent by")),
        Column(say("Mark"), wide=True),
    )
    rows = tuple(
        Row(
            "",
            (
                Cell(str(mark.frame)),
                Cell(f"{mark.seconds:.6f}"),
                Cell(whose(mark.side)),
                Cell(mark.kind.said()),
            ),
        )
        for mark in made.listed
    )
    return Table("", say("Marks"), columns, rows, made.marks_total)


def _progress(seen: View) -> Table:
    """Say how far both sides had come after each tenth of the time."""
    columns = (
        Column(say("After, s"), numeric=True),
        *(Column(say("Sent by the {side}", side=who(side)), numeric=True) for side in SIDES),
        *(Column(say("Acknowledged by the {side}", side=who(other(side))), numeric=True) for side in SIDES),
    )
    since = seen.time.astype(np.float64) - float(seen.start)
    rows = []
    for tenth in range(1, _TENTHS + 1):
        at = seen.span * tenth / _TENTHS
        until = since <= at * NS_PER_S + 1
        sent = [int(seen.length[i[until[i]]].sum()) for i in (seen.sent(side) for side in SIDES)]
        acked = [_highest(seen.ack, i[until[i]]) for i in (seen.answers(side) for side in SIDES)]
        rows.append(Row("", (Cell(f"{at:.6f}"), *map(cells.size, sent), *map(cells.size, acked))))
        if not seen.span:
            break
    return Table("", say("Progress"), columns, tuple(rows), len(rows))


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
    said = [say("{leg}: {trips}", leg=rtt.leg(side), trips=_trips(row, side, have)) for side, have in samples.items()]
    legs = said[0] if len(said) == 1 else say("{first}; {second}", first=said[0], second=said[1])
    delayed = sum(int(np.count_nonzero(have.delayed)) for have in samples.values())
    note = say(
        "Showing {shown} of {total} samples, of each stretch of time the extremes.",
        shown=number(shown),
        total=number(total),
    )
    return Figure(
        f"fig-rtt-{row.stream}",
        say("Round trips"),
        paragraph([say("How long data waited for its acknowledgement. {legs}.", legs=legs), *_held_back(delayed)]),
        spec,
        note if shown < total else "",
        (_rtt_table(seen, samples),),
    )


def _trips(row: TcpRow, side: str, have: RttSamples) -> str:
    """Sum up one leg in the words of the connection's columns, which leave out what was held back."""
    count = getattr(row, f"{side}_rtt_samples")
    low, half, most = (getattr(row, f"{side}_rtt_{name}_ms") for name in ("min", "p50", "p95"))
    if not count or low is None:
        return say("{samples}, all of them held back", samples=plural(int(have.ms.size), "sample"))
    return say(
        "{samples}, at least {low}, half of them at most {half}, 95 % at most {most}",
        samples=plural(count, "sample"),
        low=human_fine_ms(low),
        half=human_fine_ms(half),
        most=human_fine_ms(most),
    )


def _held_back(count: int) -> Iterator[str]:
    if count:
        acks = plural(count, "acknowledgement")
        yield say("Hollow: {acks} that the receiver seems to have held back.", acks=acks)


def _rtt_table(seen: View, samples: Mapping[str, RttSamples]) -> Table:
    """List the slowest round trips, in order of time."""
    found = [
        (have.time[k], side, int(have.data_frame[k]), int(have.ack_frame[k]), float(have.ms[k]), bool(have.delayed[k]))
        for side, have in samples.items()
        for k in np.argsort(-have.ms, kind="stable")[:MAX_LISTED].tolist()
    ]
    slowest = sorted(sorted(found, key=lambda sample: -sample[4])[:MAX_LISTED], key=lambda sample: sample[0])
    columns = (
        Column(say("Time, s"), numeric=True),
        Column(say("Way"), wide=True),
        Column(say("Data in frame"), numeric=True),
        Column(say("ACK in frame"), numeric=True),
        Column(say("Round trip"), numeric=True),
        Column(say("ACK held back")),
    )
    rows = tuple(
        Row(
            "",
            (
                Cell(f"{(int(time) - seen.start) / NS_PER_S:.6f}"),
                Cell(rtt.leg(side)),
                Cell(str(data)),
                Cell(str(ack)),
                fine_ms(ms),
                Cell(say("yes") if delayed else say("no")),
            ),
        )
        for time, side, data, ack, ms, delayed in slowest
    )
    return Table("", say("The slowest round trips"), columns, rows, sum(int(have.ms.size) for have in samples.values()))
