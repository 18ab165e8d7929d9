"""What a rule is and how it makes a finding."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from analyzer.findings.thresholds import COST_NOTICED_MS, MAX_FRAMES
from analyzer.provenance import MAX_FILTER_FRAMES, frames_filter, runs
from analyzer.schema import FindingRow
from analyzer.visits.model import Facts

SEVERITIES = ("error", "warning", "note", "info")
"""From worst to mildest; the order findings are listed in."""
GIVEN_AWAY = frozenset({"HTTP-CREDENTIALS-CLEAR", "HTTP-FORM-IN-URL", "HTTP-TYPE-MISMATCH"})
"""Codes that cost no time but harm somebody: they come before others that cost nothing."""
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding.

    Attributes:
        code: stable name; severity, layer, blame, reference: of every finding it makes, unless it says otherwise.
        check: gives a hit per thing found.
        thresholds: names of the constants of :mod:`analyzer.findings.thresholds` that it compares with.
        unless_told: codes that tell the same of a part of it: what shares a frame with one of their findings is left
            out, so that one trouble is told once.
        unless_grave: so is what shares a frame with an error or a warning of any code.
        explained: such a finding tells the same only where it has this share of the cost at least.
        timed: it measures time, so it has nothing to say of a capture whose packets have none.
    """

    code: str
    severity: str
    layer: str
    blame: str
    reference: str
    check: Callable[[Facts], Iterator[Hit]]
    thresholds: tuple[str, ...] = ()
    unless_told: tuple[str, ...] = ()
    unless_grave: bool = False
    explained: float = 0.0
    timed: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing a rule found.

    Attributes:
        frames: the evidence, in any order; None and repetitions are left out.
        variant: which of the code's sentences says it (``TCP-REFUSED.scan``), None for the plain one.
    """

    args: dict[str, object]
    frames: tuple[int | None, ...]
    table: str | None = None
    row: int | None = None
    stream: int | None = None
    cost_ms: float | None = None
    severity: str | None = None
    blame: str | None = None
    variant: str | None = None


def finding(rule: Rule, hit: Hit) -> FindingRow:
    """Draw a finding's row, with the first frames of its evidence; its filter selects all where it can list them."""
    every = sorted({f for f in hit.frames if f is not None})
    frames = tuple(every[:MAX_FRAMES])
    return FindingRow(
        code=rule.code,
        severity=hit.severity or rule.severity,
        layer=rule.layer,
        blame=hit.blame or rule.blame,
        title_key=rule.code if hit.variant is None else f"{rule.code}.{hit.variant}",
        args=hit.args,
        cost_ms=hit.cost_ms,
        table=hit.table,
        row=hit.row,
        stream=hit.stream,
        frames=frames,
        display_filter=frames_filter(every if len(runs(every)) <= MAX_FILTER_FRAMES else frames),
        reference=rule.reference,
    )


def noticed_cost(finding: FindingRow) -> float:
    """Return the milliseconds that a finding cost somebody; 0 for none, and for what nobody would notice."""
    cost = finding.cost_ms or 0.0
    return cost if cost >= COST_NOTICED_MS else 0.0


def rank(finding: FindingRow) -> tuple[int, float, bool, tuple[int, ...], str]:
    """Return what orders findings: severity, then cost, then harm of another kind, then where it was."""
    severity = SEVERITIES.index(finding.severity) if finding.severity in SEVERITIES else len(SEVERITIES)
    return severity, -noticed_cost(finding), finding.code not in GIVEN_AWAY, finding.frames[:1], finding.code


def ranked(findings: Iterable[FindingRow]) -> list[FindingRow]:
    """Return findings in the order that they are told and numbered in, the worst first."""
    return sorted(findings, key=rank)


def grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    """Gather values by key, keys in the order they came."""
    out: dict[K, list[V]] = {}
    for key, value in pairs:
        if key in out:
            out[key].append(value)
        else:
            out[key] = [value]
    return out


def worst(severities: Iterable[str]) -> str:
    """Return the worst of several severities."""
    return min(severities, key=SEVERITIES.index)


def most(values: Iterable[float | None]) -> float | None:
    """Return the largest known value, None without one."""
    return max((value for value in values if value is not None), default=None)
