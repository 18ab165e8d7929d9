"""``analyze evidence``: the packets that findings cite, a small pcapng file for each finding.

The files are those of the report, numbered as there: masked in the same way, each packet with a comment that names the
finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from analyzer.commands.base import Work, complain, new_app, reading
from analyzer.commands.streams import CaptureArgument
from analyzer.errors import UsageError
from analyzer.text import display
from analyzer.units import human_bytes

app = new_app()


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one call."""

    folder: Path
    finding: int | None
    reveal: bool
    color: bool


@app.command(
    epilog="Headers are whole, payloads are cut, and secrets in the heads of HTTP messages are overwritten with x, "
    "unless --reveal is given: then packets are as they were captured."
)
def evidence(
    capture: CaptureArgument,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="DIR", show_default=False, help="The folder to write into.")
    ],
    finding: Annotated[
        int | None,
        typer.Option("--finding", metavar="N", min=1, show_default=False, help="Only of the report's finding N."),
    ] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Write packets as they were captured.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours in the terminal.")] = False,
) -> Work:
    """Write the packets that findings cite, a small pcapng file for each finding."""
    return partial(write, capture, Asked(Path(output), finding, reveal, not no_color))


def write(capture: str, asked: Asked) -> int:
    """Write the files and list them.

    Raises:
        CaptureError: the capture cannot be read.
        UsageError: there is no such finding.
        ExportError: a file cannot be written.
    """
    from analyzer.export.files import write_atomic
    from analyzer.findings.model import ranked
    from analyzer.options import Options
    from analyzer.pipeline import analyze
    from analyzer.report.evidence import evidence_file
    from analyzer.terminal import ProgressBar

    with ProgressBar(capture, color=asked.color) as progress, reading(capture):
        result = analyze(capture, Options(reveal=asked.reveal), progress)
    findings = ranked(result.findings)
    if asked.finding is not None and asked.finding > len(findings):
        raise UsageError(f"{display(capture)}: there is no finding {asked.finding}; there are {len(findings)}")
    written = 0
    for number, finding in enumerate(findings, 1):
        if asked.finding is not None and number != asked.finding:
            continue
        file = evidence_file(result, number, finding)
        if file is None:
            complain(f"{capture}: finding {number} ({finding.code}) has no packets to write")
            continue
        name, data = file
        path = write_atomic(asked.folder / name, data)
        print(f"{display(str(path))}  {len(result.evidence.of(finding))} of {len(finding.frames)} frames, "
              f"{human_bytes(len(data))}")  # fmt: skip
        written += 1
    if not findings:
        complain(f"{capture}: there are no findings")
    return 0 if written or not findings else UsageError.exit_code
