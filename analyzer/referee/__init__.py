"""The referee: our tables held against tshark's answers about the same capture, value by value.

Both sides' answers are turned into the same form - facts, a value per key (``(stream,)``, ``(frame,)`` ...) and kind
(``tcp.endpoints``) - so that comparing them knows no protocol. A fact that only one side has is a difference too.
:mod:`~analyzer.referee.ask` talks to tshark, :mod:`~analyzer.referee.theirs` and :mod:`~analyzer.referee.ours` make
the facts. Nothing else in the package needs tshark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from analyzer.referee.ask import TsharkNotFoundError, ask, find_tshark
from analyzer.text import display

if TYPE_CHECKING:
    from analyzer.analysis import Analysis
    from analyzer.referee.facts import Facts

__all__ = ["Comparison", "TsharkNotFoundError", "compare", "differences", "find_tshark", "report_lines", "verify"]

TOLERANCE_MS = 0.0015
"""Times agree within this: tshark prints initial_rtt and dns.time with nine digits, computed in doubles."""


@dataclass(slots=True)
class Comparison:
    """How far two sides agree on one kind of fact.

    Attributes:
        differences: (key, ours, theirs); None where a side has no such fact.
    """

    kind: str
    agree: int = 0
    differences: list[tuple[tuple[object, ...], object, object]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Facts that were compared."""
        return self.agree + len(self.differences)


def verify(path: str, analysis: Analysis | None = None) -> list[Comparison]:
    """Compare our tables with tshark's answers; analyze the capture first when no analysis is given.

    Raises:
        TsharkNotFoundError: tshark is not installed.
        CaptureError: the capture cannot be read, by us or by tshark.
    """
    tshark = find_tshark()
    if analysis is None:
        from analyzer.options import Options
        from analyzer.pipeline import analyze

        analysis = analyze(path, Options(reveal=True))  # tshark masks nothing
    return compare(path, analysis, tshark)


def compare(path: str, analysis: Analysis, tshark: str) -> list[Comparison]:
    """Ask this tshark about the capture and compare, one :class:`Comparison` per kind of fact, sorted by kind."""
    from analyzer.referee.ours import our_facts
    from analyzer.referee.theirs import tshark_facts

    return differences(our_facts(analysis), tshark_facts(ask(path, tshark), tshark))


def differences(ours: Facts, theirs: Facts) -> list[Comparison]:
    """Compare two sets of facts; every key of either side counts once."""
    out: list[Comparison] = []
    for kind in sorted(ours.keys() | theirs.keys()):
        mine, other = ours.get(kind, {}), theirs.get(kind, {})
        comparison = Comparison(kind)
        for key in mine | other:
            a, b = mine.get(key), other.get(key)
            if _same(a, b):
                comparison.agree += 1
            else:
                comparison.differences.append((key, a, b))
        out.append(comparison)
    return out


def _same(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=TOLERANCE_MS)
    return a == b


def report_lines(path: str, comparisons: Iterable[Comparison], show: int = 3) -> Iterator[str]:
    """Yield what a person reads: agreement per kind, then the first ``show`` differences of each."""
    rows = list(comparisons)
    agree, total = sum(row.agree for row in rows), sum(row.total for row in rows)
    yield f"{display(path, 1000)}: tshark agrees on {agree} of {total} facts ({_percent(agree, total)})"
    for row in rows:
        yield f"  {row.kind:<22} {row.agree:>7} / {row.total:<7} {_percent(row.agree, row.total):>9}"
        for key, ours, theirs in row.differences[:show]:
            where = " ".join(display(part, 60) for part in key)
            yield f"      {where}: ours {display(ours, 80)}, tshark's {display(theirs, 80)}"
        if len(row.differences) > show > 0:
            yield f"      … and {len(row.differences) - show} more"


def _percent(agree: int, total: int) -> str:
    return f"{100 * agree / total:.2f} %" if total else "nothing to compare"
