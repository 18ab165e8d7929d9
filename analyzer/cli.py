"""The command line: ``analyze CAPTURE…`` and its subcommands.

Rules: ``analyze capture.pcapng`` needs no subcommand; a first argument that is the name of a subcommand
(:data:`COMMANDS`) is that subcommand, and a file of that name is reached as ``./verify``. Every capture is tried,
whatever became of the one before; the exit code is the worst of all, in the order of
:data:`analyzer.commands.base.EXIT_ORDER`. Errors are one line on standard error. Nothing heavy is imported before it
is used, so that ``analyze --help`` stays instant.

Exit codes: see :mod:`analyzer.errors`; here come 6 (``--fail-on``), 7 (``--strict``).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analyzer.commands.base import (
    EXIT_FINDINGS,
    EXIT_ORDER,
    EXIT_PARTIAL,
    Format,
    Language,
    Library,
    Severity,
    Work,
    as_bad_as,
    complain,
    new_app,
    reading,
)
from analyzer.errors import AnalyzerError, ExportError, UsageError
from analyzer.language import SOURCE
from analyzer.version import __version__

if TYPE_CHECKING:
    from analyzer.analysis import Analysis
    from analyzer.export.outputs import Output


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one call of ``analyze``."""

    formats: Sequence[str] = ()
    output: str | None = None
    reveal: bool = False
    open_report: bool = False
    quiet: bool = False
    color: bool = True
    fail_on: str | None = None
    strict: bool = False
    lang: str = SOURCE
    plotly: str = Library.inline


def _version(wanted: bool) -> None:
    if wanted:
        print(f"analyze {__version__}")
        raise typer.Exit


main_app = new_app(completion=True)


@main_app.command(
    epilog="Other commands, each with --help: analyze batch (many captures, with an index), analyze evidence (the "
    "packets findings cite), analyze explain (what happened, step by step), analyze follow (what a connection "
    "carried), analyze ladder (its segments, one by one), analyze objects (the files it carried), analyze rules (all "
    "kinds of findings), analyze verify (compare with tshark).",
)
def analyze(
    captures: Annotated[
        list[str],
        typer.Argument(metavar="CAPTURE", show_default=False, help="pcap or pcapng files; - is standard input."),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR|FILE|-",
            show_default=False,
            help="Where to write: a folder, a file (one capture, one format), or - for standard output. "
            "Without it: the folder reports.",
        ),
    ] = None,
    formats: Annotated[
        list[Format] | None,
        typer.Option(
            "-f",
            "--format",
            show_default=False,
            help="html (the default), json, jsonl, csv, parquet, har or zeek; may be repeated.",
        ),
    ] = None,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show cookies, credentials and tokens instead of masking them.")
    ] = False,
    open_report: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print nothing but errors.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours in the terminal.")] = False,
    fail_on: Annotated[
        Severity | None,
        typer.Option("--fail-on", show_default=False, help="Exit with 6 on findings of this severity or worse."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 7 when a capture could be read only in part.")
    ] = False,
    lang: Annotated[
        Language, typer.Option("--lang", help="Language of the HTML report: English or Chinese.")
    ] = Language.en,
    plotly: Annotated[
        Library,
        typer.Option(
            "--plotly",
            help="Where the library that draws the charts goes: into each report (inline), or once into the folder "
            "assets beside them (shared; smaller by 5 MB each).",
        ),
    ] = Library.inline,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> Work:
    """Rebuild what happened in packet captures and write a report that opens offline."""
    asked = Asked(
        [form.value for form in formats or ()],
        output,
        reveal,
        open_report,
        quiet,
        not no_color,
        fail_on,
        strict,
        lang.value,
        plotly.value,
    )
    return partial(analyze_all, captures, asked)


def analyze_all(captures: Sequence[str], asked: Asked) -> int:
    """Analyze each capture, whatever became of the one before; return the worst exit code.

    Raises:
        UsageError: the options contradict each other.
    """
    from analyzer.export.outputs import plan

    plans = plan(captures, asked.output, asked.formats)
    if asked.plotly == Library.shared and any(
        output.path is None and output.format == Format.html for outputs in plans for output in outputs
    ):
        raise UsageError("--plotly shared needs a folder: standard output holds one document")
    worst = 0
    for capture, outputs in zip(captures, plans, strict=True):
        try:
            code = _verdict(_one(capture, outputs, asked), capture, asked)
        except AnalyzerError as error:
            complain(error)
            code = error.exit_code
        worst = max(worst, code, key=EXIT_ORDER.index)
    return worst


def _one(capture: str, outputs: Sequence[Output], asked: Asked) -> Analysis:
    """Analyze one capture, write its outputs and print its summary.

    Raises:
        AnalyzerError: the capture cannot be read or an output cannot be written.
    """
    from analyzer.options import Options
    from analyzer.pipeline import analyze as analyze_capture
    from analyzer.terminal import ProgressBar, print_summary

    with ProgressBar(capture, enabled=not asked.quiet, color=asked.color) as progress:
        with reading(capture):
            result = analyze_capture(capture, Options(reveal=asked.reveal), progress)
        for output in outputs:
            progress(f"writing {output.format}", 0.0)
            _write(result, output, asked)
    written = [output.path for output in outputs if output.path is not None]
    if written and not asked.quiet:
        print_summary(result, written, sys.stdout, color=asked.color)
    if asked.open_report:
        _open([output.path for output in outputs if output.format == Format.html and output.path is not None])
    return result


def _write(result: Analysis, output: Output, asked: Asked) -> None:
    """Write one output.

    Raises:
        ExportError: it cannot be written.
        BrokenPipeError: who reads standard output has gone away.
    """
    from analyzer.batch.store import Store
    from analyzer.export.files import reason, write_atomic, write_folder
    from analyzer.export.outputs import FOLDERS, SHARED
    from analyzer.writing import document, folder, names

    name = "standard output" if output.path is None else str(output.path)
    try:
        if output.path is None:
            sys.stdout.flush()
            for piece in document(result, output.format, asked.lang):
                sys.stdout.buffer.write(piece.encode("utf-8", "backslashreplace"))
            sys.stdout.buffer.flush()
        elif output.format in FOLDERS:
            parts = folder(result, output.format, output.capture)
            write_folder(output.path, parts, names(output.format, output.capture), keep=output.format in SHARED)
        else:
            shared = "" if asked.plotly == Library.shared else None
            if output.format == Format.html and shared is not None:
                Store(str(output.path.parent)).share_library()
            write_atomic(output.path, document(result, output.format, asked.lang, shared))
    except BrokenPipeError:
        raise
    except MemoryError:
        raise ExportError(f"{name}: there is not enough memory to write it") from None
    except OSError as error:
        raise ExportError(f"{name}: cannot be written: {reason(error)}") from error


def _verdict(result: Analysis, capture: str, asked: Asked) -> int:
    """Return the exit code that the policy options give to a capture that was analyzed."""
    if asked.fail_on is not None:
        bad = as_bad_as(asked.fail_on)
        found = sum(row.severity in bad for row in result.findings)
        if found:
            complain(f"{capture}: findings of severity {' or '.join(bad)}: {found} (--fail-on)")
            return EXIT_FINDINGS
    if asked.strict and result.capture.partial:
        complain(f"{capture}: read only in part: {result.capture.partial_why or 'the file ends early'} (--strict)")
        return EXIT_PARTIAL
    return 0


def _open(reports: Sequence[Path]) -> None:
    import webbrowser

    for report in reports:
        if not webbrowser.open(report.resolve().as_uri()):
            complain(f"{report}: no browser could be started")
            return


COMMANDS: dict[str, str] = {
    "batch": "analyzer.commands.batch",
    "evidence": "analyzer.commands.evidence",
    "explain": "analyzer.commands.explain",
    "follow": "analyzer.commands.follow",
    "ladder": "analyzer.commands.ladder",
    "objects": "analyzer.commands.objects",
    "rules": "analyzer.commands.rules",
    "verify": "analyzer.commands.verify",
}
"""Subcommands by name, each with the module that has its ``app``: imported when it is called for."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code.

    Args:
        arguments: what follows the program's name.

    Raises:
        BrokenPipeError, OSError: standard output cannot be written.
    """
    rest = list(arguments)
    app, program = main_app, "analyze"
    if rest and rest[0] in COMMANDS:
        program = f"analyze {rest[0]}"
        app = import_module(COMMANDS[rest.pop(0)]).app
    try:
        # Outside its standalone mode typer returns what the command returned, or the code of an Exit.
        work: Work | int | None = app(args=rest, prog_name=program, standalone_mode=False)
        return work() if callable(work) else int(work or 0)
    except typer.TyperException as error:
        complain(f"{error.format_message().replace('Value error, ', '').rstrip('.')} (try '{program} --help')")
        return error.exit_code
    except AnalyzerError as error:
        complain(error)
        return error.exit_code
