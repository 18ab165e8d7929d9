"""``analyze follow``: what the two sides of a connection sent, in the order they sent it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Annotated

import typer

from analyzer.commands.base import Work, complain, new_app, reading
from analyzer.commands.streams import CaptureArgument, StreamOption, choose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.flows.build import Flows
    from analyzer.flows.turns import Turn
    from analyzer.schema import TcpRow

app = new_app()


class Side(StrEnum):
    """Whose bytes are shown."""

    client = "client"
    server = "server"
    both = "both"


class Form(StrEnum):
    """How bytes are shown."""

    text = "text"
    hex = "hex"
    raw = "raw"


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one call."""

    stream: int | None
    side: Side
    form: Form
    color: bool

    @property
    def sides(self) -> tuple[bool, ...]:
        """Return True for the client and False for the server, as far as they are asked for."""
        return {Side.client: (True,), Side.server: (False,), Side.both: (True, False)}[self.side]


@app.command(
    epilog="Cookies, passwords and tokens are shown as they were sent: this command is about the bytes. Where bytes "
    "came twice with different contents, those that were recorded first are shown, and a line says so.",
)
def follow(
    capture: CaptureArgument,
    stream: StreamOption = None,
    side: Annotated[Side, typer.Option("--side", help="Whose bytes.")] = Side.both,
    form: Annotated[
        Form,
        typer.Option(
            "--as",
            help="text: control characters are made visible. hex: a hex dump. raw: the bytes themselves and nothing "
            "else, also to a terminal, where they may do anything; what is missing is said on standard error.",
        ),
    ] = Form.text,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours in the terminal.")] = False,
) -> Work:
    """Show what both sides of one TCP connection sent, turn by turn, like Wireshark's Follow TCP Stream."""
    return partial(show, capture, Asked(stream, side, form, not no_color))


def show(capture: str, asked: Asked) -> int:
    """Write what was sent on one connection to standard output.

    Raises:
        CaptureError: the capture cannot be read.
        UsageError: there is no such connection, or more than one to choose from.
        OSError: standard output cannot be written.
    """
    from analyzer.flows.turns import turns

    flows = _followed(capture, asked)
    stream = choose(capture, flows.connections, asked.stream)
    row = flows.connections.row(stream)
    told = (turn for turn in turns(flows, stream) if turn.client in asked.sides)
    first = next(told, None)
    if first is None:
        who = "neither side sent" if asked.side == Side.both else f"the {asked.side} did not send"
        complain(f"{capture}: {who} any data on stream {stream}")
        return 0
    chosen = chain((first,), told)
    if asked.form == Form.raw:
        _write_raw(capture, row, chosen, asked)
    else:
        _write_lines(row, chosen, asked)
    return 0


def _followed(capture: str, asked: Asked) -> Flows:
    """Read a capture as far as its connections."""
    from analyzer.capture.source import open_capture
    from analyzer.decode.decode import decode
    from analyzer.flows import build
    from analyzer.options import Options
    from analyzer.terminal import ProgressBar

    options = Options()
    with ProgressBar(capture, color=asked.color) as progress, reading(capture):
        index = open_capture(capture, options, progress)
        table = decode(index, options, progress)
        progress("connections", 0.0)
        flows = build.follow(table)
    if index.truncated:
        complain(f"{capture}: only a part of this capture could be read")
    return flows


def _write_lines(row: TcpRow, turns: Iterator[Turn], asked: Asked) -> None:
    from analyzer.follow_text import ANSI, Colors, document
    from analyzer.terminal import console

    out = console(sys.stdout, color=asked.color)
    painted = out.is_terminal and not out.no_color and out.color_system is not None
    for part in document(row, turns, dump=asked.form == Form.hex, colors=ANSI if painted else Colors()):
        sys.stdout.write(part)
    sys.stdout.flush()


def _write_raw(capture: str, row: TcpRow, turns: Iterator[Turn], asked: Asked) -> None:
    from analyzer.follow_text import Raw

    raw = Raw(turns)
    sys.stdout.flush()
    sys.stdout.buffer.writelines(raw)
    sys.stdout.buffer.flush()
    if remarks := raw.remarks(row, asked.sides):
        complain(f"{capture}: {remarks}")
