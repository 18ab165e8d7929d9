"""The throughput of a connection as a graph with its sentence and its table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from analyzer.report import cells
from analyzer.report.cells import Cell, Column, Row, Table
from analyzer.report.figures import throughput
from analyzer.report.figures.model import Figure
from analyzer.report.figures.throughput import Pause, Rate, rate_words
from analyzer.report.figures.view import View
from analyzer.report.ladder import IDLE_MS
from analyzer.report.sides import SIDES, who
from analyzer.report.wording import paragraph, plural, say
from analyzer.units import NS_PER_MS, NS_PER_S, human_bytes, human_ms

MAX_STRETCHES = 24
"""Stretches of time in the table: those in which most was sent."""


def graph(seen: View) -> Figure | None:
    """Draw up the graph; None where there is no data, or no time in which it was sent."""
    span = int(seen.span * NS_PER_S)
    width = throughput.width_of(span)
    found = throughput.rates(seen, width)
    if not found or span <= 0:
        return None
    idle = throughput.pauses(seen, int(IDLE_MS * NS_PER_MS))
    return Figure(
        f"fig-throughput-{seen.stream}",
        say("Throughput"),
        paragraph([*_speeds(found, span, width), *_idle(seen, idle)]),
        throughput.figure(seen, found, width),
        say("Payload only; each bar stands for {width}.", width=human_ms(width / NS_PER_MS)),
        (_table(found, width),),
    )


def _speeds(found: Mapping[str, Rate], span: int, width: int) -> Iterator[str]:
    """Say for each side how fast its new data went, on average and at most, and what was repeated."""
    for side, rate in found.items():
        peak = int(rate.new.argmax())
        words = say(
            "The {side} sent {new} of new data: {mean} on average over {span}, at most {most} (in the {width} from "
            "{start} s on).",
            side=who(side),
            new=human_bytes(int(rate.new.sum())),
            mean=rate_words(int(rate.new.sum()), max(span, width)),
            span=human_ms(span / NS_PER_MS),
            most=rate_words(int(rate.new[peak]), width),
            width=human_ms(width / NS_PER_MS),
            start=f"{peak * width / NS_PER_S:g}",
        )
        yield words
        again = int(rate.repeated.sum())
        if again:
            yield say("It sent {repeated} that it had sent before.", repeated=human_bytes(again))


def _idle(seen: View, idle: tuple[Pause, ...]) -> Iterator[str]:
    """Say when nobody sent data, and for how long."""
    if not idle:
        yield say("No pause between data lasted as long as {least}.", least=human_ms(IDLE_MS))
        return
    longest = max(idle, key=lambda pause: pause.end - pause.start)
    yield say(
        "Nobody sent data in {pauses} of {least} or more, together {took}; the longest, {most}, began at {start} s "
        "(after frame {frame}).",
        pauses=plural(len(idle), "pause"),
        least=human_ms(IDLE_MS),
        took=human_ms(sum(pause.end - pause.start for pause in idle) / NS_PER_MS),
        most=human_ms((longest.end - longest.start) / NS_PER_MS),
        start=f"{(longest.start - seen.start) / NS_PER_S:.3f}",
        frame=longest.frame,
    )


def _table(found: Mapping[str, Rate], width: int) -> Table:
    """List the stretches of time in which most was sent, in order of time."""
    sides = [side for side in SIDES if side in found]
    sent = sum(found[side].new + found[side].repeated for side in sides)
    used = np.flatnonzero(sent)
    most = np.sort(used[np.argsort(-np.asarray(sent)[used], kind="stable")[:MAX_STRETCHES]])
    columns = [Column(say("From, s"), numeric=True)]
    for side in sides:
        columns.append(Column(say("New data of the {side}", side=who(side)), numeric=True))
        columns.append(Column(say("Rate"), numeric=True))
        columns.append(Column(say("Sent before"), numeric=True))
    rows = []
    for k in most.tolist():
        shown = [Cell(f"{k * width / NS_PER_S:g}")]
        for side in sides:
            new, again = int(found[side].new[k]), int(found[side].repeated[k])
            shown += [cells.size(new), _rate(new, width), cells.size(again)]
        rows.append(Row("", tuple(shown)))
    return Table("", say("Busiest stretches of time"), tuple(columns), tuple(rows), int(used.size))


def _rate(amount: int, ns: int) -> Cell:
    return Cell(rate_words(amount, ns), value=round(amount * NS_PER_S / ns, 3), unit="B/s")
