"""``analyze batch PATH…``: many captures into one folder of results with an index.

Exit codes: 0 when every capture was analyzed (also in part), 5 when some failed, 2 for wrong options or a scheduler
that is not there, 3 when there is nothing to analyze, 4 when the results cannot be written at all; 6 and 7 as of one
capture.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analyzer.commands.base import (
    EXIT_FINDINGS,
    EXIT_PARTIAL,
    Format,
    Language,
    Library,
    Severity,
    Work,
    as_bad_as,
    complain,
    new_app,
)
from analyzer.errors import BatchError, UsageError
from analyzer.export.outputs import STANDARD

if TYPE_CHECKING:
    from analyzer.batch.log import Log
    from analyzer.batch.plan import Job, Settings
    from analyzer.batch.sources import Found
    from analyzer.batch.store import Store
    from analyzer.batch.task import Outcome

app = new_app()

DEFAULT_OUTPUT = "reports"


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one call."""

    formats: tuple[str, ...]
    output: str
    jobs: int | None
    scheduler: str | None
    resume: bool
    timeout: float
    memory: int | None
    recursive: bool
    pattern: str | None
    lang: str
    plotly: str
    reveal: bool
    fail_on: str | None
    strict: bool
    json_log: bool
    quiet: bool
    color: bool


@app.command()
def batch(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH",
            show_default=False,
            help="Captures, folders, globs, zip and tar archives, URLs (s3://…), or @LIST, a file with a path a line.",
        ),
    ],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="DIR", help="Folder (or URL) of the results.")
    ] = DEFAULT_OUTPUT,
    formats: Annotated[
        list[Format] | None,
        typer.Option("-f", "--format", show_default=False, help="html (the default) and others; may be repeated."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("-j", "--jobs", min=1, show_default=False, help="Local processes; as many as there are cores."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", show_default=False, help="A Dask scheduler: tcp://host:8786."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume/--fresh", help="Keep what is done already, or analyze everything again.")
    ] = True,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, metavar="S", help="Seconds for one capture.")] = 600,
    memory: Annotated[
        int | None,
        typer.Option(
            "--memory",
            min=50,
            metavar="MB",
            show_default=False,
            help="MB that one capture may need.",
        ),
    ] = None,
    recursive: Annotated[bool, typer.Option("-r", "--recursive", help="Enter folders below.")] = False,
    pattern: Annotated[
        str | None,
        typer.Option("--glob", metavar="PATTERN", show_default=False, help="Take the files of folders that fit this."),
    ] = None,
    lang: Annotated[
        Language, typer.Option("--lang", help="Language of the reports: English or Chinese.")
    ] = Language.en,
    plotly: Annotated[
        Library, typer.Option("--plotly", help="The charts' library: one file for all reports, or inside each.")
    ] = Library.shared,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show secrets instead of masking them.")] = False,
    fail_on: Annotated[
        Severity | None,
        typer.Option("--fail-on", show_default=False, help="Exit with 6 when there are findings this bad or worse."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 7 when a capture could be read only in part.")
    ] = False,
    json_log: Annotated[bool, typer.Option("--json-log", help="Keep the log as JSON, a line a capture.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but what stops the batch.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours in the terminal.")] = False,
) -> Work:
    """Analyze many captures, each on its own, and write an index of all."""
    asked = Asked(
        tuple(dict.fromkeys(form.value for form in formats or [Format.html])),
        output,
        jobs,
        scheduler,
        resume,
        timeout,
        memory,
        recursive,
        pattern,
        lang.value,
        plotly.value,
        reveal,
        fail_on,
        strict,
        json_log,
        quiet,
        not no_color,
    )
    return partial(analyze_batch, paths, asked)


def analyze_batch(paths: Sequence[str], asked: Asked) -> int:
    """Do the batch; return the exit code.

    Raises:
        UsageError: the options contradict each other, or the scheduler cannot be used. CaptureError: there is nothing
            to analyze. ExportError: the results cannot be written.
    """
    if asked.scheduler is not None and asked.jobs is not None:
        raise UsageError("--jobs starts local processes; with --scheduler its workers do the work")
    if asked.output == STANDARD:
        raise UsageError("-o -: a batch writes into a folder, not to standard output")
    if not asked.output:
        raise UsageError("-o: the name of a folder is needed")
    if not math.isfinite(asked.timeout):
        raise UsageError(f"--timeout {asked.timeout}: a number of seconds is needed")
    from analyzer.batch import fetch, index, index_page
    from analyzer.batch.inputs import as_path, find
    from analyzer.batch.interrupts import interrupted_once
    from analyzer.batch.log import print_table
    from analyzer.batch.plan import RECORDS, Settings, folders_of, jobs, keep_captures
    from analyzer.batch.sources import Search, is_url
    from analyzer.batch.store import Store

    began = time.monotonic()
    output = as_path(asked.output)
    output = output if is_url(output) else str(Path(output).resolve())
    found = find(paths, Search(asked.recursive, asked.pattern, output))
    store, planned = Store(output), jobs(found.sources)
    settings = Settings(
        output,
        asked.formats,
        asked.reveal,
        asked.lang,
        asked.plotly == Library.shared,
        asked.timeout,
        asked.memory,
        not asked.resume,
    )
    keep_captures(planned, settings)
    for note in found.notes if not asked.quiet else ():
        complain(note)
    with store.held(f"{RECORDS}/lock"), interrupted_once():
        try:
            outcomes, log = _outcomes(planned, found, settings, store, asked)
        finally:
            fetch.sweep(settings.run)
            store.sweep(RECORDS, folders_of(planned))
        store.write("index.json", index.json_text(outcomes))
        store.write("index.csv", index.csv_text(outcomes))
        store.write("index.html", index_page.html_text(outcomes, asked.lang))
    if not asked.quiet:
        place = f"{asked.output.rstrip('/')}/index.html"
        print_table(outcomes, found, log, place, time.monotonic() - began, asked.color)
    return _verdict(outcomes, asked)


def _verdict(outcomes: Sequence[Outcome], asked: Asked) -> int:
    """Return the exit code: of captures that failed, else what the policy options give; say each reason."""
    codes = []
    if failed := sum(one["status"] == "failed" for one in outcomes):
        complain(f"captures that failed: {failed} of {len(outcomes)}")
        codes.append(BatchError.exit_code)
    if asked.fail_on is not None:
        bad = as_bad_as(asked.fail_on)
        if found := sum(any(one["findings"][severity] for severity in bad) for one in outcomes):
            complain(f"captures with findings of severity {' or '.join(bad)}: {found} (--fail-on)")
            codes.append(EXIT_FINDINGS)
    if asked.strict and (partial := sum(one["status"] == "partial" for one in outcomes)):
        complain(f"captures read only in part: {partial} (--strict)")
        codes.append(EXIT_PARTIAL)
    return codes[0] if codes else 0


def _outcomes(
    planned: Sequence[Job], found: Found, settings: Settings, store: Store, asked: Asked
) -> tuple[list[Outcome], Log]:
    """Analyze the captures; return their outcomes, and what counted them."""
    from analyzer.batch.log import logging_to
    from analyzer.batch.run import results

    if "html" in settings.formats and settings.shared:
        store.share_library()
    log_path = None if store.remote else Path(store.root, "batch.jsonl" if asked.json_log else "batch.log")
    workers = min(asked.jobs or _cores(), len(planned))
    with logging_to(log_path, len(planned), as_json=asked.json_log, quiet=asked.quiet, color=asked.color) as log:
        log.noted(found.notes)
        log.left_aside(found.skipped)
        try:
            return results(planned, settings, workers, asked.scheduler, log), log
        except KeyboardInterrupt:
            complain(f"{log.done.total()} of {len(planned)} captures are done; the same command goes on from there")
            raise


def _cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
