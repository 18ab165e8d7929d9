"""The charts of the protocols section: what each shows in a sentence, and its data as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from analyzer.report import cells
from analyzer.report.cells import MAX_TABLE_ROWS, Cell, Column, Row, Table
from analyzer.report.escape import Prose
from analyzer.report.figures import heat as heat_figure
from analyzer.report.figures import latency as latency_figure
from analyzer.report.figures import status as status_figure
from analyzer.report.figures.model import Figure
from analyzer.report.latencies import LatencyFact
from analyzer.report.protocols import ProtocolsFact
from analyzer.report.statuses import HeatFact, StatusFact
from analyzer.report.wording import listed, number, plural, say
from analyzer.units import human_ms

MAX_CODES_SAID = 20
"""Status codes named in the sentence above their chart: all that most captures have."""

MAX_FIELDS_LISTED = 200
"""Lines of the table behind the map of codes: more is nothing that somebody reads."""


def protocol_figures(proto: ProtocolsFact) -> Iterator[tuple[str, Figure]]:
    """Give the charts by their names in the template; only those that have something to show."""
    if proto.statuses:
        yield "status", _status(proto.statuses)
    if proto.heat is not None:
        yield "heat", _heat(proto.heat)
    if proto.latencies:
        yield "latency", _latency(proto.latencies)


def status_sentence(statuses: Sequence[StatusFact]) -> Prose:
    """Say which codes there were and how often: failures first, and how many codes are left out."""
    ranked = sorted(statuses, key=lambda fact: (fact.code < 400, fact.code))
    shown = listed([f"{fact.count} × {fact.code}" for fact in ranked[:MAX_CODES_SAID]])
    more = len(ranked) - MAX_CODES_SAID
    return say("{codes} and {more} more.", codes=shown, more=more) if more > 0 else say("{codes}.", codes=shown)


def _status(statuses: Sequence[StatusFact]) -> Figure:
    columns = (
        Column(say("Code"), numeric=True),
        Column(say("Name")),
        Column(say("Class")),
        Column(say("Answers"), numeric=True),
        Column(say("When")),
    )
    rows = tuple(
        Row("", (Cell(str(fact.code)), Cell(fact.name), Cell(fact.klass), cells.count(fact.count), Cell(fact.when)))
        for fact in statuses[:MAX_TABLE_ROWS]
    )
    shown = min(len(statuses), status_figure.MAX_CODES)
    return Figure(
        "fig-status",
        say("Status codes"),
        status_sentence(statuses),
        status_figure.figure(statuses),
        note=_left_out(shown, len(statuses)),
        tables=(Table("status-data", say("Answers by status code"), columns, rows, len(statuses)),),
    )


def _left_out(shown: int, total: int) -> str:
    return "" if shown == total else say("Showing {shown} of {total} codes.", shown=shown, total=total)


def _heat(heat: HeatFact) -> Figure:
    most = max(heat.cells, key=lambda cell: cell.count)
    length = human_ms(heat.step * 1000)
    if most.count == 1:
        summary = say("When each code was given, in fields of {length}; none has more than one answer.", length=length)
    else:
        summary = say(
            "When each code was given, in fields of {length}: the fuller the colour, the more answers. The fullest "
            "field has {answers} with code {code}, {begin} to {end} s.",
            length=length,
            answers=plural(most.count, "answer"),
            code=heat.codes[most.row],
            begin=heat_figure.edge(heat, most.column),
            end=heat_figure.edge(heat, most.column + 1),
        )
    columns = (
        Column(say("Code"), numeric=True),
        Column(say("From"), numeric=True),
        Column(say("To"), numeric=True),
        Column(say("Answers"), numeric=True),
    )
    rows = tuple(
        Row(
            "",
            (
                Cell(str(heat.codes[cell.row])),
                *(_edge(heat, column) for column in (cell.column, cell.column + 1)),
                cells.count(cell.count),
            ),
        )
        for cell in heat.cells[:MAX_FIELDS_LISTED]
    )
    return Figure(
        "fig-heat",
        say("Status codes over time"),
        summary,
        heat_figure.figure(heat),
        note=_left_out(len(heat.codes), heat.total),
        tables=(Table("heat-data", say("Fields with answers"), columns, rows, len(heat.cells)),),
    )


def _edge(heat: HeatFact, column: int) -> Cell:
    seconds = heat_figure.edge(heat, column)
    return Cell(f"{seconds} s", value=float(seconds), unit="s")


def _latency(measured: Sequence[LatencyFact]) -> Figure:
    what = listed([say("{what} ({n})", what=Prose(fact.label), n=number(fact.count)) for fact in measured])
    summary = say(
        "Share of cases that took at most a given time: {what}. The symbols on each line are p50, p95 and p99: the "
        "times that 50, 95 and 99 of 100 cases did not exceed.",
        what=what,
    )
    columns = (
        Column(say("Share of cases"), numeric=True),
        *(Column(fact.label, numeric=True, title=fact.meaning) for fact in measured),
    )
    rows = tuple(
        Row(
            "",
            (
                Cell(f"{share} %", value=share, unit="%"),
                *(cells.ms(latency_figure.at_share(fact, share)) for fact in measured),
            ),
        )
        for share in latency_figure.SHARES
    )
    return Figure(
        "fig-latency",
        say("Latency"),
        summary,
        latency_figure.figure(measured),
        tables=(
            Table("latency-data", say("Time within which a share of the cases was over"), columns, rows, len(rows)),
        ),
    )
