"""``analyze explain``: what happened in a capture, told in the terminal step by step."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from analyzer.commands.base import Language, LanguageOption, Work, new_app, reading
from analyzer.commands.streams import CaptureArgument
from analyzer.errors import UsageError

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

app = new_app()


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one call."""

    visit: int | None
    lang: str
    reveal: bool
    color: bool


@app.command()
def explain(
    capture: CaptureArgument,
    visit: Annotated[
        int | None,
        typer.Option(
            "--visit",
            metavar="N",
            min=1,
            show_default=False,
            help="One visit alone, by its number in the list; without it, the story of the whole capture.",
        ),
    ] = None,
    lang: LanguageOption = Language.en,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show cookies, credentials and tokens instead of masking them.")
    ] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours in the terminal.")] = False,
) -> Work:
    """Tell what happened when somebody typed an address: each step with its time, its frames and one plain sentence."""
    return partial(tell, capture, Asked(visit, lang.value, reveal, not no_color))


def tell(capture: str, asked: Asked) -> int:
    """Print the story of a capture.

    Raises:
        CaptureError: the capture cannot be read.
        UsageError: there is no such visit.
    """
    from analyzer.explain_text import document
    from analyzer.options import Options
    from analyzer.pipeline import analyze
    from analyzer.terminal import ProgressBar, console, print_lines
    from analyzer.text_ladder import MAX_WIDTH, PIPE_WIDTH

    with ProgressBar(capture, color=asked.color) as progress, reading(capture):
        result = analyze(capture, Options(reveal=asked.reveal), progress)
    _check(capture, result, asked.visit)
    out = console(sys.stdout, color=asked.color)
    width = min(out.width, MAX_WIDTH) if out.is_terminal else PIPE_WIDTH
    print_lines(document(result, visit=asked.visit, lang=asked.lang, width=width), out)
    return 0


def _check(capture: str, result: Analysis, visit: int | None) -> None:
    """Raise UsageError for a visit that is not there."""
    total = len(result.visits)
    if visit is None or visit <= total:
        return
    known = "there are no visits in it" if not total else "it has one" if total == 1 else f"it has visits 1 to {total}"
    raise UsageError(f"{capture}: there is no visit {visit}; {known}")
