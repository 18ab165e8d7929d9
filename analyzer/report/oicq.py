"""QQ's classic protocol as a table: one row per command with its answer."""

from __future__ import annotations

from collections.abc import Sequence

from analyzer.addresses import endpoint
from analyzer.report import cells
from analyzer.report.cells import MAX_TABLE_ROWS, Cell, Clock, Column, Mark, Row, Table
from analyzer.report.escape import Prose, safe
from analyzer.schema import OicqRow

OUTCOMES = {
    "answered": ("answered", ""),
    "unanswered": ("no answer", "no answer of the server was captured"),
    "unsolicited": ("unconfirmed", "the server sent it, and no confirmation of the client was captured"),
}
"""Outcome → what is shown, and longer words for it."""


def oicq_table(rows: Sequence[OicqRow], clock: Clock) -> Table:
    """List the commands in the order of their first frames."""
    columns = (
        Column("#", numeric=True),
        Column("Time", numeric=True),
        Column("Client"),
        Column("Server"),
        Column("Given by", title="who sent the command; the other side answers"),
        Column("Command", wide=True),
        Column("Sequence", numeric=True),
        Column("QQ number"),
        Column("Version"),
        Column("Took", numeric=True),
        Column("Sent", numeric=True, title="how often the command was sent"),
        Column("Outcome"),
        Column("Frames"),
    )
    shown = tuple(_row(n, row, clock) for n, row in enumerate(rows[:MAX_TABLE_ROWS]))
    return Table("oicq-table", "QQ (OICQ) commands", columns, shown, len(rows))


def _row(n: int, row: OicqRow, clock: Clock) -> Row:
    return Row(
        f"oicq-{n + 1}",
        (
            Cell(str(n + 1)),
            clock.cell(row.time),
            Cell(safe(endpoint(row.client, row.client_port))),
            Cell(safe(endpoint(row.server, row.server_port))),
            Cell(safe(row.sent_by)),
            Cell(safe(f"{row.command_name} ({row.command})")),
            Cell(str(row.sequence)),
            cells.text(row.qq, "not_captured"),
            Cell(f"0x{row.version:04x}"),
            cells.ms(row.latency_ms),
            Cell(str(row.attempts)),
            _outcome(row),
            cells.frames([*row.request_frames[:6], row.reply_frame]),
        ),
        Mark(host=safe(row.server), proto="oicq"),
    )


def _outcome(row: OicqRow) -> Cell:
    words, longer = OUTCOMES.get(row.outcome, (safe(row.outcome), ""))
    return Cell(Prose(words), title=Prose(longer))
