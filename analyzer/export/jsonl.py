"""One JSON object a line: each row with the name of its table, for programs that read a stream.

``{"table": "http", "row": {…}}``; the first line is the capture, whose row also has the version of the schema. The
text of a row is that of the JSON document (:mod:`analyzer.export.json`), so a line never holds a line break. Source of
the form: JSON Lines (UTF-8, one value a line, each line ended by a line feed).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from analyzer.export.json import encoded, row_batches
from analyzer.schema import TABLES, plain
from analyzer.version import SCHEMA_VERSION, __version__

if TYPE_CHECKING:
    from analyzer.analysis import Analysis


def parts(analysis: Analysis) -> Iterator[str]:
    """Yield the lines, many at a time."""
    about = {"schema_version": SCHEMA_VERSION, "analyzer_version": __version__, **plain(analysis.capture)}
    yield f'{{"table": "capture", "row": {encoded(about)}}}\n'
    for name in (*dict(TABLES), "problems"):
        opening = f'{{"table": "{name}", "row": '
        for rows in row_batches(analysis, name):
            yield "".join([f"{opening}{row}}}\n" for row in rows])
