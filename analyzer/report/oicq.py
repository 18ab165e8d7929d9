"""QQ's classic protocol as a table: one row per command with its answer."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.addresses import endpoint
from analyzer.report import cells
from analyzer.report.cells import MAX_GRID_ROWS, Cell, Clock, Column, Row, Table, marked
from analyzer.report.escape import safe
from analyzer.report.protocol_words import spoken
from analyzer.report.sides import who
from analyzer.report.wording import message, say
from analyzer.schema import OicqRow

OUTCOMES = {
    "answered": (message("answered"), ""),
    "unanswered": (message("no answer"), message("no answer of the server was captured")),
    "unsolicited": (
        message("unconfirmed"),
        message("the server sent it, and no confirmation of the client was captured"),
    ),
}
"""Outcome → what is shown, and longer words for it."""


def oicq_table(rows: Sequence[OicqRow], clock: Clock) -> Table:
    """List the commands in the order of their first frames."""
    columns = (
        Column("#", numeric=True),
        Column(say("Time"), numeric=True),
        Column(say("Client")),
        Column(say("Server")),
        Column(say("Given by"), title=say("who sent the command; the other side answers")),
        Column(say("Command"), wide=True),
        Column(say("Sequence"), numeric=True),
        Column(say("QQ number")),
        Column(say("Version")),
        Column(say("Took"), numeric=True),
        Column(say("Sent"), numeric=True, title=say("how often the command was sent")),
        Column(say("Outcome")),
        Column(say("Frames")),
    )
    shown = tuple(_row(n, row, clock) for n, row in enumerate(rows[:MAX_GRID_ROWS]))
    return Table("oicq-table", say("QQ (OICQ) commands"), columns, shown, len(rows))


def _row(n: int, row: OicqRow, clock: Clock) -> Row:
    return Row(
        f"oicq-{n + 1}",
        (
            Cell(str(n + 1)),
            clock.cell(row.time),
            Cell(safe(endpoint(row.client, row.client_port))),
            Cell(safe(endpoint(row.server, row.server_port))),
            Cell(who(row.sent_by)),
            Cell(say("{name} ({number})", name=spoken(row.command_name), number=row.command)),
            Cell(str(row.sequence)),
            cells.text(row.qq, "not_captured"),
            Cell(f"0x{row.version:04x}"),
            cells.ms(row.latency_ms),
            cells.count(row.attempts),
            _outcome(row),
            cells.frames([*row.request_frames[:6], row.reply_frame]),
        ),
        marked(
            clock,
            host=row.server,
            proto="oicq",
            duration_ms=row.latency_ms,
            start=row.time,
            end=row.reply_time,
            frames=(*row.request_frames, row.reply_frame, *row.reply_frames),
        ),
    )


def _outcome(row: OicqRow) -> Cell:
    words, longer = OUTCOMES.get(row.outcome, ("", ""))
    return Cell(say(words) if words else safe(row.outcome), title=say(longer) if longer else "")
