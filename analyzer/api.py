"""The Python interface: one call, and what happened as DataFrames, figures, and a report.

>>> import analyzer
>>> analysis = analyzer.analyze("capture.pcapng")  # doctest: +SKIP
>>> analysis.http.nlargest(5, "wait_ms")[["url", "status", "wait_ms"]]  # doctest: +SKIP
>>> analysis.figure("timeline")  # doctest: +SKIP

Rules: a table is made when it is first asked for, and kept. Instants are ``datetime64[ns, UTC]``, counts ``Int64``
(``<NA>`` for what is unknown), durations float64 milliseconds (NaN for unknown), flags ``boolean``, text ``string``;
columns with rows or lists inside hold Python objects. Nothing here needs or blocks an event loop, so all works in a
notebook. The value holds no open file and can be pickled.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.errors import UsageError
from analyzer.language import LANGUAGES, SOURCE
from analyzer.schema import TABLES
from analyzer.text import display

if TYPE_CHECKING:
    import pandas
    from plotly.graph_objects import Figure

    from analyzer.analysis import Analysis as Result
    from analyzer.options import Options
    from analyzer.schema import CaptureRow

MAX_TITLE = 400
"""Characters of a finding's title: what stands in it comes from packets."""

_TOLD = "findings, told"

MAX_NAMED = 8
"""Figures named in an error: those of the whole capture come first."""


def analyze(path: str | os.PathLike[str], options: Options | None = None) -> Analysis:
    """Analyze one capture.

    Args:
        path: a pcap or pcapng file, perhaps compressed; ``-`` reads standard input.
        options: what to show and how far to go; defaults when None.

    Raises:
        CaptureError: the file as a whole cannot be read.
    """
    from analyzer.pipeline import analyze as run

    return Analysis(run(os.fspath(path), options), Path(path).resolve())


class Analysis:
    """What happened in one capture.

    Attributes:
        result: the rows behind the tables (:class:`analyzer.analysis.Analysis`), for programs that want no pandas.
    """

    __slots__ = ("_drawn", "_frames", "_source", "result")

    def __init__(self, result: Result, source: Path | None = None) -> None:
        self.result = result
        self._source = source
        self._frames: dict[str, pandas.DataFrame] = {}
        self._drawn: dict[str, dict[str, Any]] | None = None

    def frame(self, table: str) -> pandas.DataFrame:
        """Return a table as a DataFrame, a column for each field of its row, in the contract's order.

        Raises:
            UsageError: there is no such table.
        """
        _must_be_a_table(table)
        if table not in self._frames:
            self._frames[table] = self.result.frame(table)
        return self._frames[table]

    def rows(self, table: str) -> Iterator[Any]:
        """Give the rows of a table as frozen dataclasses.

        Raises:
            UsageError: there is no such table.
        """
        _must_be_a_table(table)
        return self.result.rows(table)

    @property
    def capture(self) -> CaptureRow:
        """The file itself: format, times, interfaces, what was and was not read."""
        return self.result.capture

    @property
    def arp(self) -> pandas.DataFrame:
        """Who asked whom for which hardware address."""
        return self.frame("arp")

    @property
    def ndp(self) -> pandas.DataFrame:
        """The same for IPv6, and routers."""
        return self.frame("ndp")

    @property
    def dhcp(self) -> pandas.DataFrame:
        """Addresses handed out."""
        return self.frame("dhcp")

    @property
    def dns(self) -> pandas.DataFrame:
        """Lookups: a question, its repetitions, and its answer."""
        return self.frame("dns")

    @property
    def tcp(self) -> pandas.DataFrame:
        """Connections."""
        return self.frame("tcp")

    @property
    def tls(self) -> pandas.DataFrame:
        """Encrypted sessions."""
        return self.frame("tls")

    @property
    def http(self) -> pandas.DataFrame:
        """Requests and their responses."""
        return self.frame("http")

    @property
    def websocket(self) -> pandas.DataFrame:
        """WebSocket connections and their messages."""
        return self.frame("websocket")

    @property
    def icmp(self) -> pandas.DataFrame:
        """Pings and errors."""
        return self.frame("icmp")

    @property
    def pings(self) -> pandas.DataFrame:
        """Runs of ping, with their losses."""
        return self.frame("pings")

    @property
    def traceroutes(self) -> pandas.DataFrame:
        """Ways to a destination, hop by hop."""
        return self.frame("traceroutes")

    @property
    def oicq(self) -> pandas.DataFrame:
        """Commands of QQ's classic protocol."""
        return self.frame("oicq")

    @property
    def visits(self) -> pandas.DataFrame:
        """What a person did: a visit and all that belongs to it."""
        return self.frame("visits")

    @property
    def findings(self) -> pandas.DataFrame:
        """What is worth knowing, worst first; beside the columns of the table, ``title`` says it in a sentence."""
        if _TOLD not in self._frames:
            self._frames[_TOLD] = self._told()
        return self._frames[_TOLD]

    def _told(self) -> pandas.DataFrame:
        import pandas

        from analyzer import sentences
        from analyzer.report.secrets import masked_args

        frame, options = self.frame("findings").copy(), self.result.options
        rows = ((row.title_key, masked_args(row.args, options)) for row in self.result.findings)
        titles = [display(sentences.finding_text(key, args, SOURCE).title, MAX_TITLE) for key, args in rows]
        frame.insert(frame.columns.get_loc("severity") + 1, "title", pandas.array(titles, dtype="string"))
        return frame

    def document(self) -> dict[str, Any]:
        """Return everything as JSON-ready values, as ``-f json`` writes it."""
        return self.result.document()

    def figures(self) -> tuple[str, ...]:
        """Return the names of the figures that this capture gives something to draw for."""
        return tuple(self._specs())

    def figure(self, name: str = "timeline") -> Figure:
        """Return a figure of the report as a plotly figure, which shows itself in a notebook.

        Args:
            name: of :meth:`figures`: "timeline", "status", "latency", or of a connection: "sequence-3" for stream 3.

        Raises:
            UsageError: there is no such figure for this capture.
        """
        from plotly.graph_objects import Figure

        specs = self._specs()
        if name not in specs:
            some = [*(known for known in specs if not known[-1].isdigit()), *list(specs)[:MAX_NAMED]]
            named = ", ".join(dict.fromkeys(some[:MAX_NAMED])) or "none"
            more = f", … ({len(specs)} in all: figures())" if len(specs) > MAX_NAMED else ""
            raise UsageError(f"there is no figure {name!r}; there are: {named}{more}")
        return Figure(specs[name])

    def _specs(self) -> dict[str, dict[str, Any]]:
        """Draw all figures, once."""
        from analyzer.report.data import page

        if self._drawn is None:
            facts = page(self.result)
            graphs = (graph for row in facts.connections.rows for graph in row.graphs)
            self._drawn = {
                **{name: figure.spec for name, figure in facts.figures.items()},
                **{graph.ident.removeprefix("fig-"): graph.spec for graph in graphs},
            }
        return self._drawn

    def report(self, path: str | os.PathLike[str], lang: str = SOURCE) -> Path:
        """Write the HTML report; return its path.

        Args:
            lang: "en" or "zh".

        Raises:
            UsageError: there is no such language, or the report would replace the capture. ExportError: it cannot be
                written.
        """
        from analyzer.export.files import write_atomic
        from analyzer.report.render import render

        if lang not in LANGUAGES:
            raise UsageError(f"there is no language {lang!r}; there are: {', '.join(LANGUAGES)}")
        if self._source is not None and Path(path).resolve() == self._source:
            raise UsageError(f"{display(str(path))}: the report would replace the capture")
        return write_atomic(path, render(self.result, lang))

    def __repr__(self) -> str:
        counts = ", ".join(f"{name} {size}" for name, size in self._sizes().items() if size)
        return (
            f"<Analysis of {self.result.capture.file!r}: {self.result.capture.packets} packets; {counts or 'nothing'}>"
        )

    def _sizes(self) -> dict[str, int]:
        sized = {name: len(getattr(self.result, name)) for name, _ in TABLES if name != "tcp"}
        return {**sized, "tcp": len(self.result.connections)}

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the sentences of the report's first screen, and the sizes of the tables."""
        from analyzer.report.overview import cards

        told = "".join(
            f"<tr><th style='text-align:left;vertical-align:top'>{html.escape(card.question)}</th>"
            f"<td style='text-align:left'>{'<br>'.join(html.escape(line.sentence) for line in card.lines)}</td></tr>"
            for card in cards(self.result)
        )
        sizes = ", ".join(f"{name} {size}" for name, size in self._sizes().items() if size)
        return (
            f"<table><caption style='text-align:left'><b>{html.escape(Path(self.result.capture.file).name)}</b>: "
            f"{self.result.capture.packets} packets</caption><tbody>{told}</tbody></table>"
            f"<p>Tables: {html.escape(sizes or 'all empty')}</p>"
        )


def _must_be_a_table(name: str) -> None:
    names = [known for known, _ in TABLES]
    if name not in names:
        raise UsageError(f"there is no table {name!r}; there are: {', '.join(names)}")
