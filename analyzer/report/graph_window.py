"""Window and bytes in flight of a connection as a graph with its sentences and its table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from analyzer.report.cells import Cell, Column, Row, Table
from analyzer.report.figures import window
from analyzer.report.figures.model import Figure
from analyzer.report.figures.view import View
from analyzer.report.sides import other, who, whose
from analyzer.report.wording import joined, message, number, paragraph, plural, say
from analyzer.schema import TcpRow
from analyzer.units import NS_PER_MS, NS_PER_S, human_bytes, human_ms

if TYPE_CHECKING:
    from analyzer.flows.quality import Course

MAX_MOMENTS = 24
"""Moments in the table, the first ones."""

UNSCALED = message(
    "How large the windows are is not known, because a SYN, which tells their scale, is not in this capture: "
    "they are not drawn."
)


def graph(row: TcpRow, seen: View, course: Mapping[str, Course], points: int, scaled: bool) -> Figure | None:
    made = window.figure(seen, course, points, scaled=scaled)
    if made is None:
        return None
    return Figure(
        f"fig-window-{row.stream}",
        say("Window and bytes in flight"),
        paragraph(_window_words(made, course, scaled)),
        made.spec,
        paragraph(_window_notes(made, scaled)),
        (_window_table(seen, made, course),),
    )


def _window_words(made: window.Windows, course: Mapping[str, Course], scaled: bool) -> Iterator[str]:
    """Say how much was in flight, what was allowed, and when nothing was."""
    for side, closed in made.closed.items():
        most = human_bytes(int(course[side].flight.bytes.max()))
        allowed = course[side].window.bytes
        if scaled and allowed.size:
            least, top = int(allowed.min()), int(allowed.max())
            span = human_bytes(top)
            if least < top:
                span = say("between {least} and {most}", least=human_bytes(least), most=human_bytes(top))
            yield say(
                "At most {most} of the {side}'s data were on their way at once, while the {other} allowed {span}.",
                most=most,
                side=who(side),
                other=who(other(side)),
                span=span,
            )
        else:
            yield say("At most {most} of the {side}'s data were on their way at once.", most=most, side=who(side))
        if closed:
            lasted = sum(stretch.end - stretch.start for stretch in closed) / NS_PER_MS
            yield say(
                "The {other} closed its window {times}, for {took} in all, and nothing might be sent.",
                other=who(other(side)),
                times=plural(len(closed), "time"),
                took=human_ms(lasted),
            )
    losses = sum(len(course[side].episodes) + course[side].more_episodes for side in made.closed)
    if losses:
        yield plural(losses, "loss, shaded.", "losses, shaded.")


def _window_notes(made: window.Windows, scaled: bool) -> Iterator[str]:
    """Say what the graph of windows leaves out."""
    if made.far:
        what = [
            say("what the {side} allowed ({bytes} or more)", side=who(other(side)), bytes=human_bytes(least))
            for side, least in made.far.items()
        ]
        yield say("Not drawn, because it lies too far above: {what}.", what=joined(what))
    if made.shades_shown < made.shades_total:
        yield say(
            "Showing {shown} of {total} shaded stretches, the longest.",
            shown=number(made.shades_shown),
            total=number(made.shades_total),
        )
    if not scaled:
        yield say(UNSCALED)


def _window_table(seen: View, made: window.Windows, course: Mapping[str, Course]) -> Table:
    """List the moments with most in flight, and the shaded stretches, in order of time."""
    found: list[tuple[int, str, str, str, str]] = []  # time ns, what, side, how much, frames
    for side in made.closed:
        flight = course[side].flight
        peak = int(flight.bytes.argmax())
        found.append(
            (
                int(flight.time[peak]),
                say("most in flight"),
                whose(side),
                human_bytes(int(flight.bytes[peak])),
                str(int(flight.frame[peak])),
            )
        )
        for stretch in made.closed[side][:MAX_MOMENTS]:
            ends = "" if stretch.end_frame is None else f"–{stretch.end_frame}"
            took = human_ms((stretch.end - stretch.start) / NS_PER_MS)
            found.append((stretch.start, say("window closed"), whose(other(side)), took, f"{stretch.frame}{ends}"))
        for episode in course[side].episodes[:MAX_MOMENTS]:
            took = human_ms((episode.end_time - episode.start_time) / NS_PER_MS)
            frames = ", ".join(map(str, episode.frames[:4]))
            found.append((int(episode.start_time), say("data lost"), whose(side), took, frames))
    found.sort(key=lambda item: item[0])
    columns = (
        Column(say("Time, s"), numeric=True),
        Column(say("What"), wide=True),
        Column(say("Whose")),
        Column(say("How much")),
        Column(say("Frames")),
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
        for time, what, whose, amount, frames in found[:MAX_MOMENTS]
    )
    return Table("", say("Moments"), columns, rows, made.shades_total + len(made.closed))
