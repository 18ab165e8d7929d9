"""How the report came about: the file, its recorder, what was left out of the page, and what its words mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

from analyzer.analysis import Analysis
from analyzer.findings.thresholds import MAX_FRAMES
from analyzer.report.cells import MAX_GRID_ROWS, MAX_TABLE_ROWS, Table
from analyzer.report.connections import Room, room_for
from analyzer.report.escape import Prose, safe
from analyzer.report.figures.sequence import MAX_MARKS
from analyzer.report.findings import MAX_FINDINGS
from analyzer.report.glossary import Group, glossary
from analyzer.report.graphs import MAX_CITED_GRAPHED, MAX_GRAPHED, MAX_LINE_POINTS
from analyzer.report.ladder import MAX_LADDER_ROWS
from analyzer.report.request_facts import MAX_LISTED
from analyzer.report.tables import problems_table
from analyzer.report.timeline import MAX_BARS
from analyzer.report.trust import recorded_why
from analyzer.report.visits import MAX_VISITS
from analyzer.report.waterfall import MAX_WATERFALL_ROWS
from analyzer.report.wording import listed, message, number, say
from analyzer.schema import CaptureRow, InterfaceRow
from analyzer.text import DISPLAY_LIMIT

MAX_INTERFACES = 20
"""Interfaces of the recorder listed; nobody records at more."""

MAX_COMMENTS = 50
"""Comments of the file shown."""


@dataclass(frozen=True, slots=True)
class AboutFact:
    """How the report came about: the file, limits, problems, definitions."""

    capture: tuple[tuple[str, str], ...]
    comments: tuple[tuple[str, str], ...]
    masked: str
    limits: tuple[tuple[str, str], ...]
    problems: Table
    problem_kinds: tuple[tuple[str, int], ...]
    glossary: tuple[Group, ...]


def about_facts(analysis: Analysis) -> AboutFact:
    """Draw up what is told about the file and this page."""
    capture = analysis.capture
    rows = [
        (say("File"), safe(capture.file)),
        (say("SHA-256"), safe(capture.sha256, 64)),
        (say("Format"), _format(capture)),
        (say("Recorded"), recorded_why(capture.vantage_why) or say("unknown where")),
    ]
    for n, interface in enumerate(capture.interfaces[:MAX_INTERFACES]):
        rows.append((safe(interface.name, 80) if interface.name else say("interface {n}", n=n), _interface(interface)))
    return AboutFact(
        capture=tuple(rows),
        comments=tuple(
            (
                say("the file") if comment.frame is None else say("frame {frame}", frame=comment.frame),
                safe(comment.text),
            )
            for comment in capture.comments[:MAX_COMMENTS]
        ),
        masked=_masked(analysis),
        limits=_limits(room_for(len(analysis.connections))),
        problems=problems_table(analysis),
        problem_kinds=tuple((safe(code, 60), count) for code, count in sorted(analysis.problem_counts.items())),
        glossary=glossary(analysis),
    )


def _format(capture: CaptureRow) -> Prose:
    if capture.byte_order == "big":
        return say("{format}, big endian", format=capture.format)
    if capture.byte_order == "little":
        return say("{format}, little endian", format=capture.format)
    return safe(f"{capture.format}, {capture.byte_order}")


def _interface(interface: InterfaceRow) -> Prose:
    """Say what an interface recorded: its kind of link, how much of a packet, its clock, what it lost."""
    kept = say("at most {n} B of a packet", n=interface.snaplen) if interface.snaplen else say("whole packets")
    drops = say("drops not stated") if interface.drops is None else say("{n} dropped", n=number(interface.drops))
    time = say("time in {unit}", unit=_ticks(interface.time_resolution))
    return listed((safe(interface.link_type), kept, time, drops))


def _masked(analysis: Analysis) -> Prose:
    if analysis.options.reveal:
        return say("Nothing is masked: secrets were asked to be shown (--reveal).")
    if analysis.masked == 1:
        return say("1 secret value is masked (cookies, credentials, tokens).")
    return say("{n} secret values are masked (cookies, credentials, tokens).", n=number(analysis.masked))


def _ticks(resolution: str) -> Prose:
    """Write a clock's resolution in words: ``1e-09 s`` → ``nanoseconds``."""
    try:
        numerator, _, denominator = resolution.removesuffix(" s").partition("/")
        exponent = math.log10(float(numerator) / float(denominator or 1))
    except (ValueError, ZeroDivisionError):
        return safe(resolution)
    unit = _UNITS.get(round(exponent)) if abs(exponent - round(exponent)) < 1e-6 else None
    return safe(resolution) if unit is None else say(unit)


_UNITS = {
    0: message("seconds"),
    -3: message("milliseconds"),
    -6: message("microseconds"),
    -9: message("nanoseconds"),
}
"""Exponent of a clock's resolution → its unit."""


def _limits(room: Room) -> tuple[tuple[Prose, Prose], ...]:
    """Name the caps of the page itself, so that nothing is left out in silence."""
    return (
        (say("Rows of a table"), say("{n}; as a grid {grid}", n=number(MAX_TABLE_ROWS), grid=number(MAX_GRID_ROWS))),
        (say("Visits"), number(MAX_VISITS)),
        (say("Requests in one waterfall"), number(MAX_WATERFALL_ROWS)),
        (say("Cookies or fields of a request"), number(MAX_LISTED)),
        (
            say("Connections"),
            say(
                "the first {n} and {cited} that findings point at",
                n=number(room.listed),
                cited=number(room.cited),
            ),
        ),
        (
            say("Ladders"),
            say(
                "the first {n} connections and {cited} that findings point at",
                n=number(room.ladders),
                cited=number(room.cited),
            ),
        ),
        (say("Lines of a ladder"), number(MAX_LADDER_ROWS)),
        (
            say("Graphs"),
            say(
                "{n} connections: the largest, and up to {cited} that findings point at",
                n=number(MAX_GRAPHED),
                cited=number(MAX_CITED_GRAPHED),
            ),
        ),
        (
            say("Points of a line in a graph"),
            say("{n}, fewer where many connections have graphs", n=number(MAX_LINE_POINTS)),
        ),
        (say("Marks in a graph"), number(MAX_MARKS)),
        (say("Bars on the timeline"), number(sum(MAX_BARS.values()))),
        (say("Findings"), number(MAX_FINDINGS)),
        (say("Frames cited by one finding"), number(MAX_FRAMES)),
        (say("Characters of a captured value"), number(DISPLAY_LIMIT)),
    )
