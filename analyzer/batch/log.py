"""What a batch says while it runs: a bar with rate and estimate, a line for each capture in a log, a table at the end.

The log is a file beside the results (``batch.log``, or ``batch.jsonl`` with one JSON object a line); on a terminal the
bar stands on standard error, else a line is printed for every capture that did not go well. Names and reasons come from
captures: they pass :func:`analyzer.text.display`.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from analyzer.batch import index
from analyzer.batch.index_titles import severity_of, weight
from analyzer.batch.sources import Found
from analyzer.batch.task import Outcome
from analyzer.errors import ExportError
from analyzer.terminal import console
from analyzer.text import display
from analyzer.units import human_ms

if TYPE_CHECKING:
    from rich.progress import Progress

SHOWN = 10
"""Kinds of findings listed at the end, the gravest first; the index has all."""


@dataclass(slots=True)
class Log:
    """Tells of each capture as it is done."""

    total: int
    file: TextIO | None
    as_json: bool
    quiet: bool
    bar: Progress | None = None
    task: Any = None
    done: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    gone: int = 0

    def __call__(self, outcome: Outcome, kept: bool, gone: int) -> None:
        """Tell of one capture, whether it was done before, and how many earlier results went."""
        self.done[outcome["status"]] += 1
        self.kept += kept
        self.gone += gone
        said = display(outcome["error"], 600) if outcome["error"] else _counted(outcome["packets"], "packet")
        said += " (done before)" if kept else ""
        line = f"{outcome['status']:7} {display(outcome['capture'], 300)}: {said}"
        self._keep(line, n=self.done.total(), of=self.total, kept=kept, **outcome)
        if self.bar is not None:
            self.bar.update(self.task, advance=1, failed=self.done["failed"])
        if outcome["status"] == "failed" and not self.quiet:
            text = f"analyze: {display(outcome['capture'], 300)}: {display(outcome['error'], 600)}"
            (self.bar.console.print(text) if self.bar is not None else print(text, file=sys.stderr, flush=True))

    def left_aside(self, names: Sequence[str]) -> None:
        """Name the files that are no captures in the log: a submission of another kind is not to be lost."""
        for name in names:
            self._keep(f"aside   {display(name, 300)}: no capture", left_aside=name)

    def noted(self, notes: Sequence[str]) -> None:
        """Keep in the log what could not be looked into."""
        for note in notes:
            self._keep(f"note    {note}", note=note)

    @property
    def named(self) -> str:
        """Say where the files are named that were left aside."""
        return "" if self.file is None else f" (named in {Path(self.file.name).name})"

    def _keep(self, said: str, **facts: Any) -> None:
        """Write a line, as text or as JSON, if there is a log."""
        if self.file is None:
            return
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"time": now, **facts}) if self.as_json else f"{now} {said}"
        try:
            self.file.write(line + "\n")
            self.file.flush()
        except OSError as error:  # a full disk: the captures have their own words for it, and the index may still fit
            print(f"analyze: the log cannot be written: {error.strerror}", file=sys.stderr, flush=True)
            with contextlib.suppress(OSError):
                self.file.close()
            self.file = None


@contextlib.contextmanager
def logging_to(path: Path | None, total: int, *, as_json: bool, quiet: bool, color: bool) -> Iterator[Log]:
    """Give what tells of the captures; with ``path`` it keeps a log there.

    Raises:
        ExportError: the log cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = None if path is None else stack.enter_context(path.open("a", encoding="utf-8"))
        except OSError as error:
            raise ExportError(f"{display(str(path))}: cannot be written: {error.strerror}") from error
        log = Log(total, file, as_json, quiet)
        if not quiet and sys.stderr.isatty():
            log.bar = stack.enter_context(_bar(color))
            log.task = log.bar.add_task("analyzing", total=total, failed=0)
        yield log


def _bar(color: bool) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class Rate(TextColumn):
        """Captures a second."""

        def __init__(self) -> None:
            super().__init__("{task.speed}")

        def render(self, task: Any) -> Any:
            from rich.text import Text

            return Text("" if task.speed is None else f"{task.speed:.1f}/s")

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[failed]} failed"),
        console=console(sys.stderr, color=color),
        transient=True,
    )


def print_table(outcomes: Sequence[Outcome], found: Found, log: Log, place: str, seconds: float, color: bool) -> None:
    """Print how the batch went, in the order in which a person asks; what failed was told of as it did.

    Args:
        found: what was left aside; log: what was told of each capture; place: the index, in the user's own words.
    """
    out, totals = console(sys.stdout, color=color), index.totals(outcomes)
    words = {"ok": "ok", "partial": "read in part", "failed": "failed"}
    ways = ", ".join(f"{totals[status]} {said}" for status, said in words.items() if totals[status])
    rate = f", {len(outcomes) / seconds:.1f} captures/s" if seconds > 0 and len(outcomes) > 1 and not log.kept else ""
    out.print(
        f"{_counted(len(outcomes), 'capture')}: {ways}; {_counted(totals['packets'], 'packet')} "
        f"in {human_ms(seconds * 1000)}{rate}"
    )
    if log.kept:
        out.print(f"  {log.kept:6d}  of them done before, and not analyzed again (--fresh does)")
    if log.gone:
        why = "of other bytes, of another version, or with other masking"
        out.print(f"  {log.gone:6d}  earlier {_plural(log.gone, 'result')} removed: {why}")
    codes: dict[str, int] = totals["codes"]
    grave = sorted(codes, key=lambda code: (weight(code), -codes[code]))
    for code in grave[:SHOWN]:
        severity = f" ({severity_of(code)})" if severity_of(code) else ""
        out.print(f"  {codes[code]:6d}  {_plural(codes[code], 'capture')} with {display(code, 60)}{severity}")
    if len(grave) > SHOWN:
        out.print(f"          and {_counted(len(grave) - SHOWN, 'more kind')} of findings, in the index")
    if others := len(found.skipped):
        out.print(f"  {others:6d}  other {_plural(others, 'file')}, no captures: left aside{log.named}")
    if found.folders:
        what = "folder below was" if found.folders == 1 else "folders below were"
        out.print(f"  {found.folders:6d}  {what} not entered (--recursive does)")
    if found.twice:
        out.print(f"  {found.twice:6d}  {_plural(found.twice, 'file')} named or linked more than once")
    out.print(f"Index: {place}")


def _counted(amount: int, what: str) -> str:
    return f"{amount} {_plural(amount, what)}"


def _plural(amount: int, what: str) -> str:
    return what if amount == 1 else f"{what}s"
