"""What all commands share: how they are declared, how they complain, and what a broken input becomes.

A command only reads its arguments and gives back the work to do (:data:`Work`): typer has its own ideas about
interrupts and broken pipes, so nothing runs inside it.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated

import typer

from analyzer.errors import CaptureError
from analyzer.text import display

EXIT_FINDINGS = 6
EXIT_PARTIAL = 7
EXIT_ORDER = (0, EXIT_PARTIAL, EXIT_FINDINGS, 3, 2, 5, 4, 1)
"""Exit codes of one capture from mildest to worst: what could not be done outweighs what was found."""

LINE_LIMIT = 1000
"""Characters of an error line; a path may be long, a line must end."""

Work = Callable[[], int]
"""What a command gives back: the work to do, which returns the exit code."""


class Language(StrEnum):
    """Languages of ``--lang``; the same as :data:`analyzer.language.LANGUAGES`."""

    en = "en"
    zh = "zh"


class Format(StrEnum):
    """Formats of ``-f``; the same names as :data:`analyzer.export.outputs.FORMATS`."""

    html = "html"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    har = "har"
    zeek = "zeek"


class Library(StrEnum):
    """Where a report has the library that draws its charts: ``--plotly``."""

    inline = "inline"
    shared = "shared"


class Severity(StrEnum):
    """Severities of ``--fail-on``, worst first."""

    error = "error"
    warning = "warning"
    note = "note"


def as_bad_as(severity: str) -> tuple[str, ...]:
    """Return a severity of ``--fail-on`` and those that are worse."""
    severities = [one.value for one in Severity]
    return tuple(severities[: severities.index(severity) + 1])


LanguageOption = Annotated[Language, typer.Option("--lang", help="Language of the sentences: English or Chinese.")]


def new_app(*, completion: bool = False) -> typer.Typer:
    """Return an empty command."""
    return typer.Typer(add_completion=completion, rich_markup_mode=None, pretty_exceptions_enable=False)


def complain(line: object) -> None:
    """Print one error line."""
    print(f"analyze: {display(line, LINE_LIMIT)}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def reading(capture: str) -> Iterator[None]:
    """Guard the reading part of the work: what the system refuses becomes a CaptureError."""
    try:
        yield
    except MemoryError:
        raise CaptureError(capture, "there is not enough memory to analyze it") from None
    except OSError as error:
        raise CaptureError(capture, error.strerror or type(error).__name__) from error
