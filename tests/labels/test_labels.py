"""Findings of severity warning or error on captures that were labelled by hand: no miss, no false alarm."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from analyzer.findings.run import RULES
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.schema import FindingRow
from tests.conftest import SHARED
from tests.labels.table import LABELS, Label, Wanted

AT_LEAST = 30
"""Captures that have to be labelled; about a third of them healthy, so that false alarms can show."""
LOUD = ("error", "warning")


@cache
def loud(capture: str) -> tuple[FindingRow, ...]:
    """The findings of severity warning or error in a shared capture."""
    found = analyze(str(SHARED / capture), Options()).findings
    return tuple(finding for finding in found if finding.severity in LOUD)


def leaves(value: object) -> Iterator[str]:
    """The single values in an argument."""
    if isinstance(value, list | tuple | set):
        for item in value:
            yield from leaves(item)
    else:
        yield str(value)


def fits(finding: FindingRow, wanted: Wanted) -> bool:
    """Whether a finding is the one that is wanted."""
    if finding.code != wanted.code or (wanted.frames and not set(wanted.frames) & set(finding.frames)):
        return False
    return wanted.about is None or any(wanted.about in leaves(value) for value in finding.args.values())


def missed(label: Label) -> list[Wanted]:
    return [wanted for wanted in label.expected if not any(fits(f, wanted) for f in loud(label.capture))]


def false_alarms(label: Label) -> list[str]:
    return [
        f"{f.code} {f.severity} frames {f.frames[:8]} {f.args}"
        for f in loud(label.capture)
        if f.code not in label.tolerated and not any(fits(f, wanted) for wanted in label.expected)
    ]


def test_the_table_is_sound() -> None:
    """Every capture once, every code one that exists, healthy ones among them."""
    names = [label.capture for label in LABELS]
    assert len(set(names)) == len(names) >= AT_LEAST
    assert sum(not label.expected for label in LABELS) >= AT_LEAST // 3
    known = {rule.code for rule in RULES}
    named = {wanted.code for label in LABELS for wanted in label.expected}
    named.update(code for label in LABELS for code in label.tolerated)
    assert sorted(named - known) == []
    assert [label.capture for label in LABELS if {w.code for w in label.expected} & set(label.tolerated)] == []


@pytest.mark.shared
@pytest.mark.parametrize("label", LABELS, ids=lambda label: label.capture)
def test_what_was_labelled_is_found_and_nothing_else(label: Label, shared_captures: Path) -> None:
    assert (shared_captures / label.capture).is_file(), "a labelled capture is gone"
    assert (missed(label), false_alarms(label)) == ([], []), label.about


@pytest.mark.shared
def test_precision_and_recall(shared_captures: Path) -> None:
    """Over all labelled captures together; printed, because the numbers are the promise."""
    wanted = sum(len(label.expected) for label in LABELS)
    misses = sum(len(missed(label)) for label in LABELS)
    alarms = sum(len(false_alarms(label)) for label in LABELS)
    hits = wanted - misses
    precision, recall = hits / max(hits + alarms, 1), hits / wanted
    print(f"{len(LABELS)} captures, {wanted} findings wanted: precision {precision:.3f}, recall {recall:.3f}")
    assert (precision, recall) == (1.0, 1.0), f"{misses} missed, {alarms} false"
