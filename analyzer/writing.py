"""An analysis in any of the formats, as the files that it consists of.

A format is one document (``html``, ``json``, ``jsonl``, ``har``), a folder of files (``csv``, ``zeek``), or a dataset
that several captures share (``parquet``). Nothing is written here: the command line writes to files, a batch to a
store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from analyzer.language import SOURCE

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

Pieces = bytes | str | Iterable[str]
"""What a file holds: bytes, text, or text in pieces."""


def document(result: Analysis, form: str, lang: str = SOURCE, shared: str | None = None) -> Iterable[str]:
    """Return the one document of a format, in pieces: a capture of a million connections has gigabytes of JSON.

    Args:
        lang, shared: of the HTML report, see :func:`analyzer.report.render.render`.

    Raises:
        KeyError: the format is no document.
    """
    if form == "html":
        from analyzer.report.render import render

        return [render(result, lang, shared)]
    if form == "json":
        from analyzer.export import json

        return json.parts(result)
    if form == "jsonl":
        from analyzer.export import jsonl

        return jsonl.parts(result)
    if form == "har":
        from analyzer.export import har

        return har.parts(result)
    raise KeyError(form)


def folder(result: Analysis, form: str, capture: str) -> Iterator[tuple[str, Pieces]]:
    """Give the files of a format that is a folder: path inside it, and content.

    Args:
        capture: name of the capture, safe as part of a path; a dataset keeps captures apart by it.

    Raises:
        KeyError: the format is no folder.
    """
    if form == "csv":
        from analyzer.export import csv

        return csv.files(result)
    if form == "zeek":
        from analyzer.export import zeek

        return zeek.files(result)
    if form == "parquet":
        from analyzer.export import parquet

        return parquet.files(result, capture)
    raise KeyError(form)


def names(form: str, capture: str) -> Sequence[str]:
    """Return the paths of all files that a format that is a folder can have.

    Raises:
        KeyError: the format is no folder.
    """
    if form == "csv":
        from analyzer.export import csv

        return csv.NAMES
    if form == "zeek":
        from analyzer.export import zeek

        return zeek.NAMES
    if form == "parquet":
        from analyzer.export import parquet

        return parquet.paths(capture)
    raise KeyError(form)
