"""A chart as the page holds it: its data for the script, and in words and numbers what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from analyzer.report.cells import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart.

    Attributes:
        ident: id on the page, letters and at the end perhaps a number (``fig-rtt-3``).
        title: short name; summary: what it shows, in a sentence or two with numbers.
        spec: the chart in plotly's schema, JSON-ready.
        note: what is left out or must be known to read it; empty for nothing.
        tables: the most telling of its data, for readers who cannot or do not want to see it.
        hint: what the drawn chart's marks mean; said only where a script draws it.
    """

    ident: str
    title: str
    summary: str
    spec: dict[str, Any]
    note: str = ""
    tables: tuple[Table, ...] = ()
    hint: str = ""

    @property
    def data_ident(self) -> str:
        """Return the id of the element with the data; a number stays at the end."""
        word, dash, number = self.ident.rpartition("-")
        return f"{word}-data-{number}" if dash and number.isdigit() else f"{self.ident}-data"
