"""Which file each output goes to: the rules of ``-o`` and ``-f``, decided before anything is analyzed.

Rules: without ``-o`` the outputs go into the folder ``reports``; ``-o -`` is standard output, for one capture and
one format; ``-o NAME`` is a file for one capture and one format, unless NAME is a folder or ends in a slash; else a
folder (and a mistake where NAME ends like a file: ``-o all.html``). Names are made from the captures' whole file
names, made safe (:func:`analyzer.text.file_name`), and no two captures of one call share one. Some formats are a folder
of files (``csv``, ``zeek``), one a dataset that captures share (``parquet``). An output never replaces a capture that
is being read.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from analyzer.errors import UsageError
from analyzer.text import display, file_name, numbered

FORMATS = ("html", "json", "jsonl", "csv", "parquet", "har", "zeek")
"""Formats an analysis can be written in, the default first; also their file name suffixes."""

FOLDERS = {"csv": ".csv", "parquet": ".parquet", "zeek": ".log"}
"""Those of them that are a folder with a file for each table, and the ending of its files."""

SHARED = ("parquet",)
"""Those of them that are one folder for all captures, who have parts of it."""

DEFAULT_FOLDER = "reports"
STANDARD = "-"
STDIN_NAME = "stdin"
"""Name of an output for a capture that came from standard input."""


@dataclass(frozen=True, slots=True)
class Output:
    """One file or folder (or standard output, when ``path`` is None) to be written in one format.

    Attributes:
        capture: safe name of the capture, by which a dataset of several captures keeps them apart.
    """

    format: str
    path: Path | None
    capture: str = STDIN_NAME


def output_names(captures: Sequence[str]) -> list[str]:
    """Return a name per capture, without the format's suffix: its full file name made safe.

    ``a.pcap`` and ``a.pcapng`` stay apart because the whole name is kept. Captures of one name in different folders
    are numbered in the order given (``a.pcap``, ``a.pcap-2``); names that differ only in case count as the same,
    because some file systems think so.
    """
    stems = (STDIN_NAME if capture == STANDARD else file_name(PurePath(capture).name) for capture in captures)
    return list(numbered(stems, "{}-{}", fold=str.casefold))


def plan(captures: Sequence[str], output: str | None, formats: Sequence[str]) -> list[list[Output]]:
    """Decide the outputs of each capture, in the order of ``captures``.

    Args:
        captures: paths as given; ``-`` is standard input.
        output: the value of ``-o``, None when it was not given.
        formats: of :data:`FORMATS`; empty means the one that a file named by ``output`` has as its suffix, else HTML.

    Raises:
        UsageError: the options contradict each other, or an output would replace a capture.
    """
    if sum(capture == STANDARD for capture in captures) > 1:
        raise UsageError("standard input (-) can be read only once")
    suffix = PurePath(output or "").suffix[1:].lower()
    wanted = list(dict.fromkeys(formats)) or [suffix if suffix in FORMATS and not _is_folder(output) else FORMATS[0]]
    single = len(captures) == 1 and len(wanted) == 1
    if output == STANDARD:
        if not single:
            raise UsageError("-o - takes one capture and one format: standard output holds one document")
        if wanted[0] in FOLDERS:
            raise UsageError(f"-f {wanted[0]} writes several files: name a folder, standard output holds one document")
        return [[Output(wanted[0], None)]]
    if output is not None and single and not _is_folder(output):
        plans = [[Output(wanted[0], Path(output), output_names(captures)[0])]]
    else:
        if suffix in FORMATS and not _is_folder(output):
            raise UsageError(f"-o {display(output)}: a file takes one capture and one format; for more, name a folder")
        folder = Path(output or DEFAULT_FOLDER)
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{display(str(folder))} is a file; several outputs need a folder")
        plans = [
            [Output(form, folder / placed(name, form), name) for form in wanted] for name in output_names(captures)
        ]
    _keep_captures_safe(captures, plans)
    return plans


def placed(name: str, form: str) -> str:
    """Return where below the folder of all outputs a capture's goes."""
    return form if form in SHARED else f"{name}.{form}"


def _is_folder(output: str | None) -> bool:
    """Tell whether ``-o`` names a folder: it ends in a slash or is one already."""
    return output is not None and (output.endswith(("/", os.sep)) or Path(output).is_dir())


def _keep_captures_safe(captures: Sequence[str], plans: Sequence[Sequence[Output]]) -> None:
    inputs = [Path(capture).resolve() for capture in captures if capture != STANDARD]
    for outputs in plans:
        for output in outputs:
            if output.path is not None and output.path.resolve() in inputs:
                raise UsageError(f"{display(str(output.path))}: the output would replace the capture")
