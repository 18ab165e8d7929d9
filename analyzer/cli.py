"""The command line: ``analyze CAPTURE…`` and its subcommands.

Rules: ``analyze capture.pcapng`` needs no subcommand; a first argument that is the name of a subcommand
(:data:`COMMANDS`) is that subcommand, and a file of that name is reached as ``./verify``. Every capture is tried,
whatever became of the one before; the exit code is the worst of all (:data:`EXIT_ORDER`). Errors are one line on
standard error. Nothing heavy is imported before it is used, so that ``analyze --help`` stays instant.

Exit codes: see :mod:`analyzer.errors`; here come 6 (``--fail-on``), 7 (``--strict``).
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analyzer.errors import AnalyzerError, CaptureError, ExportError
from analyzer.text import display
from analyzer.version import __version__

if TYPE_CHECKING:
    from analyzer.analysis import Analysis
    from analyzer.export.outputs import Output

EXIT_FINDINGS = 6
EXIT_PARTIAL = 7
EXIT_ORDER = (0, EXIT_PARTIAL, EXIT_FINDINGS, 3, 2, 5, 4, 1)
"""Exit codes of one capture from mildest to worst: what could not be done outweighs what was found."""

LINE_LIMIT = 1000
"""Characters of an error line; a path may be long, a line must end."""


class Format(StrEnum):
    """Formats of ``-f``; the same names as :data:`analyzer.export.outputs.FORMATS`."""

    html = "html"
    json = "json"


class Severity(StrEnum):
    """Severities of ``--fail-on``, worst first."""

    error = "error"
    warning = "warning"
    note = "note"


SEVERITIES = tuple(severity.value for severity in Severity)

Work = Callable[[], int]
"""What a command gives back: the work to do. Typer only reads the arguments; it has its own ideas about
interrupts and broken pipes, so nothing runs inside it."""


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


def _app(*, completion: bool = False) -> typer.Typer:
    return typer.Typer(add_completion=completion, rich_markup_mode=None, pretty_exceptions_enable=False)


def _error(line: object) -> None:
    print(f"analyze: {display(line, LINE_LIMIT)}", file=sys.stderr, flush=True)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"analyze {__version__}")
        raise typer.Exit


main_app = _app(completion=True)
verify_app = _app()


@main_app.command(
    epilog="Other commands: analyze verify CAPTURE... (compare with tshark; see analyze verify --help).",
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
        typer.Option("-f", "--format", show_default=False, help="html (the default) or json; may be repeated."),
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
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> Work:
    """Rebuild what happened in packet captures and write a report that opens offline."""
    asked = Asked(
        [form.value for form in formats or ()], output, reveal, open_report, quiet, not no_color, fail_on, strict
    )
    return partial(analyze_all, captures, asked)


def analyze_all(captures: Sequence[str], asked: Asked) -> int:
    """Analyze each capture, whatever became of the one before; return the worst exit code.

    Raises:
        UsageError: the options contradict each other.
    """
    from analyzer.export.outputs import plan

    worst = 0
    for capture, outputs in zip(captures, plan(captures, asked.output, asked.formats), strict=True):
        try:
            code = _verdict(_one(capture, outputs, asked), capture, asked)
        except AnalyzerError as error:
            _error(error)
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
        with _reading(capture):
            result = analyze_capture(capture, Options(reveal=asked.reveal), progress)
        for output in outputs:
            progress(f"writing {output.format}", 0.0)
            _write(result, output)
    written = [output.path for output in outputs if output.path is not None]
    if written and not asked.quiet:
        print_summary(result, written, sys.stdout, color=asked.color)
    if asked.open_report:
        _open([output.path for output in outputs if output.format == Format.html and output.path is not None])
    return result


@contextlib.contextmanager
def _reading(capture: str) -> Iterator[None]:
    """Guard the reading part of the work: what the system refuses becomes a CaptureError."""
    try:
        yield
    except MemoryError:
        raise CaptureError(capture, "there is not enough memory to analyze it") from None
    except OSError as error:
        raise CaptureError(capture, error.strerror or type(error).__name__) from error


def _write(result: Analysis, output: Output) -> None:
    """Write one output.

    Raises:
        ExportError: it cannot be written.
        BrokenPipeError: who reads standard output has gone away.
    """
    from analyzer.export.files import write_atomic

    name = "standard output" if output.path is None else str(output.path)
    try:
        text = _document(result, output.format)
        if output.path is not None:
            write_atomic(output.path, text)
            return
        sys.stdout.flush()
        sys.stdout.buffer.writelines(piece.encode("utf-8", "backslashreplace") for piece in text)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except MemoryError:
        raise ExportError(f"{name}: there is not enough memory to write it") from None
    except OSError as error:
        raise ExportError(f"{name}: cannot be written: {error.strerror or type(error).__name__}") from error


def _document(result: Analysis, form: str) -> Iterable[str]:
    """Return a document in pieces: a capture of a million connections has gigabytes of JSON."""
    if form == Format.json:
        from analyzer.export.json import parts

        return parts(result)
    from analyzer.report.render import render

    return [render(result)]


def _verdict(result: Analysis, capture: str, asked: Asked) -> int:
    """Return the exit code that the policy options give to a capture that was analyzed."""
    if asked.fail_on is not None:
        bad = SEVERITIES[: SEVERITIES.index(asked.fail_on) + 1]
        found = sum(row.severity in bad for row in result.findings)
        if found:
            _error(f"{capture}: findings of severity {' or '.join(bad)}: {found} (--fail-on)")
            return EXIT_FINDINGS
    if asked.strict and result.capture.partial:
        _error(f"{capture}: read only in part: {result.capture.partial_why or 'the file ends early'} (--strict)")
        return EXIT_PARTIAL
    return 0


def _open(reports: Sequence[Path]) -> None:
    import webbrowser

    for report in reports:
        if not webbrowser.open(report.resolve().as_uri()):
            _error(f"{report}: no browser could be started")
            return


@verify_app.command()
def verify(
    captures: Annotated[list[str], typer.Argument(metavar="CAPTURE", show_default=False, help="pcap or pcapng files.")],
    fail_under: Annotated[
        float | None,
        typer.Option(
            "--fail-under",
            metavar="PERCENT",
            min=0,
            max=100,
            show_default=False,
            help="Exit with 6 below this agreement.",
        ),
    ] = None,
    show: Annotated[int, typer.Option("--show", metavar="N", min=0, help="Differences shown of each kind.")] = 3,
) -> Work:
    """Compare our tables with what tshark says about the same captures, value by value."""
    return partial(verify_all, captures, fail_under, show)


def verify_all(captures: Sequence[str], fail_under: float | None, show: int) -> int:
    """Print for each capture how far tshark agrees; return the worst exit code.

    Raises:
        AnalyzerError: tshark cannot be found.
    """
    from analyzer.referee import find_tshark, report_lines
    from analyzer.referee import verify as compare_with_tshark

    find_tshark()  # missing is said once, not for each capture
    worst = 0
    for capture in captures:
        try:
            with _reading(capture):
                comparisons = compare_with_tshark(capture)
            code = 0
        except AnalyzerError as error:
            _error(error)
            code = error.exit_code
        else:
            for line in report_lines(capture, comparisons, show):
                print(line)
            agree, total = sum(c.agree for c in comparisons), sum(c.total for c in comparisons)
            if fail_under is not None and 100 * agree < fail_under * total:
                code = EXIT_FINDINGS
        worst = max(worst, code, key=EXIT_ORDER.index)
    return worst


COMMANDS: dict[str, typer.Typer] = {"verify": verify_app}
"""Subcommands by name."""


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
        app = COMMANDS[rest.pop(0)]
    try:
        # Outside its standalone mode typer returns what the command returned, or the code of an Exit.
        work: Work | int | None = app(args=rest, prog_name=program, standalone_mode=False)
        return work() if callable(work) else int(work or 0)
    except typer.TyperException as error:
        _error(f"{error.format_message().replace('Value error, ', '').rstrip('.')} (try '{program} --help')")
        return error.exit_code
    except AnalyzerError as error:
        _error(error)
        return error.exit_code
