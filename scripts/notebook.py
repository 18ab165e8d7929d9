"""Write docs/notebook.ipynb: the Python interface, executed on the samples: ``python -m scripts.notebook``.

``--check`` writes nothing and fails where what the cells print has changed. Figures are kept as plotly's own data,
which notebooks draw; nothing in the file depends on the machine or the time.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PATH = ROOT / "docs" / "notebook.ipynb"

CELLS: tuple[tuple[str, str], ...] = (
    (
        "markdown",
        "# A capture in a notebook\n\nOne call analyzes a capture; what happened is there as pandas DataFrames, as "
        "plotly figures, and as the report.",
    ),
    ("code", 'import analyzer\n\nanalysis = analyzer.analyze("../samples/status-codes.pcapng")\nanalysis'),
    (
        "markdown",
        "Every table is an attribute. Instants are `datetime64[ns, UTC]`, counts `Int64` with `<NA>` for what is "
        "unknown, durations milliseconds with `NaN`.",
    ),
    ("code", 'analysis.http.nlargest(5, "wait_ms")[["status", "method", "url", "wait_ms"]].round(1)'),
    ("code", 'analysis.http.groupby("status")["wait_ms"].agg(["count", "median", "max"]).round(1)'),
    ("markdown", "Which frames prove it? Each row knows them, and each finding has a display filter for Wireshark."),
    ("code", 'analysis.findings.loc[analysis.findings["severity"] == "error", ["code", "title", "frames"]]'),
    ("markdown", "Tables are linked by `stream` and by row numbers: here, over which connections slow requests went."),
    (
        "code",
        'tcp = analysis.tcp.set_index("stream")[["initial_rtt_ms", "close"]]\n'
        'slow = analysis.http[analysis.http["wait_ms"] > 500]\n'
        'slow.join(tcp, on="stream")[["url", "stream", "initial_rtt_ms", "wait_ms", "close"]].round(1)',
    ),
    ("markdown", "The figures of the report are plotly figures."),
    ("code", "analysis.figures()[:3]"),
    ("code", 'analysis.figure("latency")'),
    ("markdown", "The report itself, in English or Chinese:"),
    (
        "code",
        "import tempfile\nfrom pathlib import Path\n\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        '    path = analysis.report(Path(folder) / "status-codes.html", lang="zh")\n'
        "    print(path.name, path.stat().st_size > 1_000_000)",
    ),
    (
        "markdown",
        "Many captures: `analyze batch lab/ -f parquet -o results/` writes one dataset, which pandas, Polars, DuckDB "
        "and Spark read; see [batch.md](batch.md).",
    ),
)


def executed() -> dict[str, Any]:
    """Return the notebook with what its cells give."""
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.v4.new_notebook()
    makers = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    for number, (kind, text) in enumerate(CELLS):
        cell = makers[kind](text)
        cell["id"] = f"cell-{number}"
        book.cells.append(cell)
    os.environ["PLOTLY_RENDERER"] = "plotly_mimetype"
    where = {"metadata": {"path": str(PATH.parent)}}
    NotebookClient(book, timeout=120, kernel_name="python3", resources=where).execute()
    for cell in book.cells:
        cell["metadata"] = {}
    book["metadata"] = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    plain: dict[str, Any] = json.loads(nbformat.writes(book))
    return plain


def written(book: dict[str, Any]) -> str:
    """Return a notebook as the text of its file."""
    return json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main(argv: list[str]) -> int:
    """Execute the notebook and write it, or compare; return the exit code."""
    text = written(executed())
    if "--check" in argv:
        same = PATH.exists() and PATH.read_text("utf-8") == text
        print("docs/notebook.ipynb is up to date" if same else "docs/notebook.ipynb: the cells give something else now")
        return 0 if same else 1
    PATH.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
