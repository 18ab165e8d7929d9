"""``analyze ladder``: one connection's ladder in the terminal, segment by segment."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from analyzer.commands.base import Work, new_app, reading
from analyzer.commands.streams import CaptureArgument, StreamOption, choose

DEFAULT_ROWS = 400
"""Rows printed unless more are asked for; the same that the report draws."""

app = new_app()


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one call."""

    stream: int | None
    rows: int
    absolute: bool
    reveal: bool
    color: bool


@app.command()
def ladder(
    capture: CaptureArgument,
    stream: StreamOption = None,
    rows: Annotated[int, typer.Option("--rows", metavar="N", min=1, help="Rows drawn at most.")] = DEFAULT_ROWS,
    absolute: Annotated[
        bool, typer.Option("--absolute", help="Sequence numbers as they were sent, not counted from each side's first.")
    ] = False,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show cookies, credentials and tokens instead of masking them.")
    ] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours in the terminal.")] = False,
) -> Work:
    """Draw one TCP connection: client left, server right, each segment an arrow, beside it the state of both sides."""
    return partial(draw, capture, Asked(stream, rows, absolute, reveal, not no_color))


def draw(capture: str, asked: Asked) -> int:
    """Print the ladder of one connection.

    Raises:
        CaptureError: the capture cannot be read.
        UsageError: there is no such connection, or more than one to choose from.
    """
    from analyzer.options import Options
    from analyzer.pipeline import analyze
    from analyzer.report.notes import notes
    from analyzer.terminal import ProgressBar, console, print_lines
    from analyzer.text_ladder import PIPE_WIDTH, document

    with ProgressBar(capture, color=asked.color) as progress, reading(capture):
        result = analyze(capture, Options(reveal=asked.reveal), progress)
    stream = choose(capture, result.connections, asked.stream)
    out = console(sys.stdout, color=asked.color)
    row = result.connections.row(stream)
    lines = document(
        row,
        result.connections,
        result.segments,
        notes(result, {stream}).get(stream, {}),
        width=out.width if out.is_terminal else PIPE_WIDTH,
        limit=asked.rows,
        absolute=asked.absolute,
        meaning=next((error.meaning for error in result.icmp if error.request_frame == row.unreachable_frame), None),
    )
    print_lines(lines, out)
    return 0
