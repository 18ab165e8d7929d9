"""``analyze verify``: hold every table against tshark, value by value."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

import typer

from analyzer.commands.base import EXIT_FINDINGS, EXIT_ORDER, Work, complain, new_app, reading
from analyzer.errors import AnalyzerError

app = new_app()


@app.command()
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
            with reading(capture):
                comparisons = compare_with_tshark(capture)
            code = 0
        except AnalyzerError as error:
            complain(error)
            code = error.exit_code
        else:
            for line in report_lines(capture, comparisons, show):
                print(line)
            agree, total = sum(c.agree for c in comparisons), sum(c.total for c in comparisons)
            if fail_under is not None and 100 * agree < fail_under * total:
                code = EXIT_FINDINGS
        worst = max(worst, code, key=EXIT_ORDER.index)
    return worst
