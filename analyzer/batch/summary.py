"""What the index says of one capture: the few numbers by which captures are compared, sorted and picked.

A summary is made of JSON-ready values, so that it is the record of a capture that is done and its row in
``index.json`` at the same time. It names no time of this run: the same capture gives the same summary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analyzer import sentences
from analyzer.findings.model import SEVERITIES
from analyzer.report.secrets import masked_args
from analyzer.text import display
from analyzer.units import nearest_rank, rfc3339
from analyzer.visits import verdicts

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

PHASES = ("blocked", "dns", "connect", "tls", "send", "wait", "receive")
MAX_HOSTS = 5
"""Hosts named of a capture: enough to find it again by one of them."""


def summary(analysis: Analysis) -> dict[str, Any]:
    """Return the summary of a capture that could be read, at least in part."""
    capture = analysis.capture
    waits = sorted(row.wait_ms for row in analysis.http if row.wait_ms is not None and row.background is None)
    counts = Counter(row.severity for row in analysis.findings)
    return {
        "status": "partial" if capture.partial else "ok",
        "error": capture.partial_why if capture.partial else None,
        "offset": None,
        "sha256": capture.sha256,
        "size_bytes": capture.size_bytes,
        "format": capture.format,
        "packets": capture.packets,
        "start_time": rfc3339(capture.start_time),
        "end_time": rfc3339(capture.end_time),
        "duration_ms": capture.duration_ms,
        "connections": len(analysis.connections),
        "visits": len(analysis.visits),
        "requests": sum(map(verdicts.asked, analysis.http)),
        "lookups": len(analysis.dns),
        "hosts": [display(name, 80) for name in verdicts.hosts(analysis.http, analysis.tls)[:MAX_HOSTS]],
        "wait_p50_ms": percentile(waits, 50),
        "wait_p95_ms": percentile(waits, 95),
        "phases_ms": _phases(analysis),
        "failures": sum(verdicts.failure(row) is not None for row in analysis.http),
        "findings": {severity: counts[severity] for severity in SEVERITIES},
        "codes": dict(sorted(Counter(row.code for row in analysis.findings).items())),
        "worst": _worst(analysis),
        "problems": sum(analysis.problem_counts.values()),
    }


def failed(error: str, offset: int | None = None, **known: Any) -> dict[str, Any]:
    """Return the summary of a capture that could not be analyzed, with the same fields."""
    empty: dict[str, Any] = dict.fromkeys(FIELDS)
    counts = {"findings": dict.fromkeys(SEVERITIES, 0), "codes": {}, "hosts": [], "phases_ms": {}}
    return {**empty, **counts, "status": "failed", "error": display(error, 1000), "offset": offset, **known}


def percentile(ordered: Sequence[float], share: int) -> float | None:
    """Return the nearest-rank percentile of sorted values; None of none."""
    return ordered[nearest_rank(len(ordered), share)] if ordered else None


def _phases(analysis: Analysis) -> dict[str, float]:
    sums = {
        phase: sum(getattr(row, f"{phase}_ms") or 0.0 for row in analysis.http if row.background is None)
        for phase in PHASES
    }
    return {phase: round(value, 3) for phase, value in sums.items() if value}


def _worst(analysis: Analysis) -> dict[str, str] | None:
    """Return the first of the worst findings; they come in order of their severity, then cost."""
    if not analysis.findings:
        return None
    row = min(analysis.findings, key=lambda one: SEVERITIES.index(one.severity))
    args = masked_args(row.args, analysis.options)
    return {
        "severity": row.severity,
        "code": row.code,
        "title": display(sentences.finding_text(row.title_key, args).title, 200),
    }


FIELDS = (
    *("status", "error", "offset", "sha256", "size_bytes", "format", "packets", "start_time", "end_time"),
    *("duration_ms", "connections", "visits", "requests", "lookups", "hosts", "wait_p50_ms", "wait_p95_ms"),
    *("phases_ms", "failures", "findings", "codes", "worst", "problems"),
)
"""Names of a summary's fields, in their order."""
