"""The table of an index's page: a row a capture, with what captures are compared, sorted and picked by.

Rules:

* A name leads to the capture's report, and nothing else leads out of the page: the link is a path that this program
  has made of safe names (:func:`analyzer.batch.plan.jobs`), and is not written where it does not look like one, since
  what is done is read back from records that anybody may have changed.
* Every capture has a row, whatever became of it. More than :data:`MAX_MARKUP_ROWS` rows are drawn as a grid.
* A column in which no capture has anything is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import quote

from analyzer.batch.summary import PHASES
from analyzer.batch.task import Outcome
from analyzer.findings.model import SEVERITIES
from analyzer.report import cells, grid
from analyzer.report.cells import Cell, Column, Mark, Row, Table
from analyzer.report.escape import Prose, safe
from analyzer.report.findings import ICONS, severity_word
from analyzer.report.requests import phases
from analyzer.report.wording import message, number, say
from analyzer.text import is_file_name
from analyzer.units import human_bytes, human_ms

MAX_MARKUP_ROWS = 300
"""Rows of a real table: with their 16 columns and small bars some 8,000 elements, which a browser lays out at once."""

MAX_TOLD = 400
"""Characters shown of why a capture could not be read; the index as JSON has all."""

STATUSES = {"ok": message("ok"), "partial": message("in part"), "failed": message("failed")}
_STATUS_TONES = {"partial": "warn", "failed": "bad"}
SEVERITY_TONES = {"error": "bad", "warning": "warn"}


@dataclass(frozen=True, slots=True)
class _Words:
    """What is said the same way of every capture, said once."""

    phases: Mapping[str, Prose]
    severities: Mapping[str, Prose]
    statuses: Mapping[str, Prose]


def table(outcomes: Sequence[Outcome]) -> Table:
    """Draw up the table of all captures, in the order of the index."""
    words = _Words(
        {phase: Prose(label) for phase, label, _ in phases()},
        {severity: severity_text(severity) for severity in SEVERITIES},
        {status: say(text) for status, text in STATUSES.items()},
    )
    columns, rows = _without_empty(_columns(), [_row(n, one, words) for n, one in enumerate(outcomes, 1)])
    whole = Table("captures-table", say("All captures"), columns, tuple(rows), len(rows))
    if len(rows) <= MAX_MARKUP_ROWS:
        return whole
    return replace(whole, rows=whole.rows[: grid.PREVIEW_ROWS], grid=grid.of_rows(rows[: cells.MAX_GRID_ROWS]))


def aside(table: Table) -> list[int]:
    """Return the columns that are hidden until somebody wants them: the filter looks into them all the same."""
    return [at for at, column in enumerate(table.columns) if column.label == say("Codes")]


def severity_text(severity: str) -> Prose:
    """Return a severity as it is shown: ``▲ error``."""
    return say("{icon} {severity}", icon=Prose(ICONS[severity]), severity=severity_word(severity))


def own_path(path: object) -> Prose:
    """Return a link to a result of ours, relative and percent-encoded; empty for anything else."""
    if not isinstance(path, str) or not all(map(is_file_name, path.split("/"))):
        return Prose("")
    return Prose(quote(path))


def link_of(one: Outcome) -> Prose:
    """Return the link to a capture's report; without one, to its document."""
    outputs: Mapping[str, object] = one["outputs"]
    return own_path(outputs.get("html") or outputs.get("json") or outputs.get("jsonl"))


def reason(one: Outcome) -> Prose:
    """Say why a capture could not be read, or not to its end, and where in the file; empty for one that was read."""
    if not one["error"]:
        return Prose("")
    error = safe(one["error"], MAX_TOLD)
    if one["offset"] is None:
        return error
    return say("{error} (at byte {offset})", error=error, offset=number(one["offset"]))


def _columns() -> list[Column]:
    return [
        Column(say("Capture"), wide=True, title=say("leads to the report")),
        Column(say("Status")),
        Column(say("Worst finding"), wide=True),
        Column(say("Failures"), numeric=True, title=say("requests that failed")),
        Column(
            say("Wait p95"),
            numeric=True,
            title=say("19 of 20 requests had to wait no longer for their answer"),
        ),
        Column(say("Where time went"), title=say("all requests together; sorted by their sum")),
        Column(say("Start"), numeric=True, title="UTC"),
        Column(say("Span"), numeric=True, title=say("from the first packet to the last")),
        Column(say("Packets"), numeric=True),
        Column(say("Size"), numeric=True),
        Column(say("Connections"), numeric=True),
        Column(say("Visits"), numeric=True),
        Column(say("Problems"), numeric=True, title=say("what could not be read")),
        Column(say("Hosts"), wide=True, title=say("those that were asked most")),
        Column(say("Codes"), wide=True, title=say("of its findings")),
        Column("SHA-256"),
    ]


def _without_empty(columns: list[Column], rows: list[Row]) -> tuple[tuple[Column, ...], list[Row]]:
    kept = [at for at in range(len(columns)) if at not in _OPTIONAL or any(_says(row.cells[at]) for row in rows)]
    if len(kept) == len(columns):
        return tuple(columns), rows
    return tuple(columns[at] for at in kept), [replace(row, cells=tuple(row.cells[at] for at in kept)) for row in rows]


def _says(cell: Cell) -> bool:
    return bool(cell.why) or cell.text not in ("", cells.DASH)


_OPTIONAL = (2, 3, 5, 12, 13, 14, 15)
"""Columns left out where they are empty: findings, failures, where time went, problems, hosts, codes, digests."""


def _row(n: int, one: Outcome, words: _Words) -> Row:
    start = one["start_time"]
    return Row(
        f"capture-{n}",
        (
            Cell(safe(one["capture"]), href=link_of(one)),
            Cell(words.statuses[one["status"]], tone=_STATUS_TONES.get(one["status"], ""), title=reason(one)),
            _worst(one, words),
            _rare(one["failures"], bad=True),
            cells.ms(one["wait_p95_ms"]),
            _time(one["phases_ms"], words),
            cells.unknown() if start is None else Cell(_instant(start), title=safe(start), value=_seconds(start)),
            cells.ms(one["duration_ms"]),
            cells.count(one["packets"]),
            cells.size(one["size_bytes"]),
            cells.count(one["connections"]),
            cells.count(one["visits"]),
            _rare(one["problems"]),
            Cell(Prose(", ".join(safe(host) for host in one["hosts"]))),
            Cell(Prose(" ".join(safe(code) for code in one["codes"]))),
            _digest(one["sha256"]),
        ),
        _mark(one),
    )


def _mark(one: Outcome) -> Mark:
    present = [severity for severity in SEVERITIES if one["findings"][severity]]
    return Mark(
        host=Prose(" ".join(safe(host) for host in one["hosts"])),
        status=one["status"],
        severity=" ".join(present),
        duration="" if one["duration_ms"] is None else f"{one['duration_ms']:.3f}",
        code=Prose(" ".join(safe(code) for code in one["codes"])),
        day=day_of(one),
    )


def day_of(one: Outcome) -> Prose:
    """Return the day (UTC) on which a capture begins, ``2026-11-22``; empty where that is unknown."""
    return Prose("") if one["start_time"] is None else safe(one["start_time"][:10])


def _instant(text: str) -> Prose:
    """Shorten an instant to seconds: ``2026-11-22 01:57:11``."""
    return safe(f"{text[:10]} {text[11:19]}")


def _seconds(text: str) -> float | None:
    """Return an instant in seconds since 1970, to sort by; None for a text that is none, as in a changed record."""
    try:
        whole = datetime.fromisoformat(f"{text[:19]}+00:00").timestamp()
        return round(whole + float(f"0{text[19:].rstrip('Z')}"), 6)
    except ValueError:
        return None


def _rare(amount: int | None, bad: bool = False) -> Cell:
    """Return a number that is zero of most captures: nothing is shown then, and it is sorted as zero."""
    return cells.count(amount, bad=bad) if amount or amount is None else Cell("", value=0)


def _digest(sha256: str | None) -> Cell:
    return cells.unknown() if sha256 is None else Cell(safe(sha256[:12]), title=safe(sha256))


def _worst(one: Outcome, words: _Words) -> Cell:
    """Return the worst finding, its severity first; of a capture that has none, why it could not be read.

    Sorted by how bad it is: a capture of which nothing is known comes first.
    """
    worst: dict[str, str] | None = one["worst"]
    if worst is None:
        why = reason(one)
        return Cell("", why, value=-1) if why else Cell("")
    severity = worst["severity"]
    return Cell(
        words.severities[severity],
        safe(worst["title"]),
        tone=SEVERITY_TONES.get(severity, ""),
        title=safe(worst["code"]),
        value=SEVERITIES.index(severity),
    )


def _time(spent: Mapping[str, float], words: _Words) -> Cell:
    """Return where the time of all requests went: a bar, and the largest part of it in words."""
    total = sum(spent.values())
    if total <= 0:
        return Cell("")
    pieces, left = [], 0.0
    for phase in PHASES:
        width = round(100 * spent.get(phase, 0.0) / total, 1)
        if width:
            pieces.append((phase, round(left, 1), width))
            left += width
    largest = max(PHASES, key=lambda phase: spent.get(phase, 0.0))
    share = round(100 * spent[largest] / total)
    told = (f"{words.phases[phase]} {human_ms(spent[phase])}" for phase in PHASES if spent.get(phase))
    return Cell(
        say("{phase} {share} %", phase=words.phases[largest], share=share),
        title=Prose(", ".join(told)),
        value=round(total, 3),
        unit="ms",
        bar=tuple(pieces),
    )


def size_text(outcomes: Sequence[Outcome]) -> str:
    """Return the size of all captures together."""
    return human_bytes(sum(one["size_bytes"] or 0 for one in outcomes))
