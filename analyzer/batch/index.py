"""The index of a batch: every capture that was found, whatever became of it, as JSON and CSV.

``index.json`` is ``{"schema_version", "analyzer_version", "captures": [entry, …], "totals": {…}}``; an entry has the
capture's name, its summary (:mod:`analyzer.batch.summary`) and the paths of its results. ``index.csv`` has a line a
capture with the same numbers, flat. Neither says when or on what machine the batch ran: the same captures give the
same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from analyzer.batch.summary import PHASES, percentile
from analyzer.batch.task import Outcome
from analyzer.export.csv import cell, line
from analyzer.findings.model import SEVERITIES
from analyzer.version import SCHEMA_VERSION, __version__

COMPARED = ("packets", "duration_ms", "connections", "requests", "wait_p50_ms", "wait_p95_ms", "failures")
"""Numbers of which the percentiles over all captures are told."""

SHARES = (50, 95, 99)

_FLAT = (
    *("capture", "status", "error", "offset", "sha256", "size_bytes", "format", "packets", "start_time", "end_time"),
    *("duration_ms", "connections", "visits", "requests", "lookups", "wait_p50_ms", "wait_p95_ms", "failures"),
    "problems",
)


def totals(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return what is told of the batch as a whole."""
    statuses = Counter(one["status"] for one in outcomes)
    codes: Counter[str] = Counter()
    for one in outcomes:
        codes.update(one["codes"].keys())
    return {
        "captures": len(outcomes),
        "ok": statuses["ok"],
        "partial": statuses["partial"],
        "failed": statuses["failed"],
        "packets": sum(one["packets"] or 0 for one in outcomes),
        "same_content": sum(count - 1 for count in Counter(_digests(outcomes)).values()),
        "codes": dict(sorted(codes.items(), key=lambda item: (-item[1], item[0]))),
        "percentiles": {name: _percentiles(one[name] for one in outcomes) for name in COMPARED},
    }


def _digests(outcomes: Iterable[Outcome]) -> Iterator[str]:
    return (one["sha256"] for one in outcomes if one["sha256"])


def _percentiles(values: Iterable[float | None]) -> dict[str, float | int | None]:
    known = sorted(value for value in values if value is not None)
    return {"captures": len(known), **{f"p{share}": percentile(known, share) for share in SHARES}}


def json_text(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield ``index.json``, a line for each capture."""
    told = totals(outcomes)
    yield "{\n"
    for name, value in {"schema_version": SCHEMA_VERSION, "analyzer_version": __version__, "totals": told}.items():
        yield f"{json.dumps(name)}: {json.dumps(value)},\n"
    yield '"captures": [\n' + ",\n".join(map(json.dumps, outcomes)) + "\n]\n}\n"


def csv_text(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield ``index.csv``."""
    phases = [f"{phase}_ms" for phase in PHASES]
    findings = [f"{severity}_findings" for severity in SEVERITIES]
    yield line([*_FLAT, *findings, "worst", "hosts", *phases, "outputs"])
    for one in outcomes:
        worst = one["worst"]
        yield line(
            [
                *(cell(one[name]) for name in _FLAT),
                *(cell(one["findings"][severity]) for severity in SEVERITIES),
                cell(None if worst is None else f"{worst['code']}: {worst['title']}"),
                cell(" ".join(one["hosts"])),
                *(cell(one["phases_ms"].get(phase)) for phase in PHASES),
                cell(" ".join(one["outputs"].values())),
            ]
        )
