"""Each sample's analysis against what its script did and its servers logged (samples/expected/*.json)."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from analyzer.pipeline import analyze
from tests.samples.expected_facts import Paired, mismatch, pair_visits, row_mismatches, step_words

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
NAMES = sorted(path.stem for path in SAMPLES.glob("*.pcapng"))
IN_TIME = {
    "arp": "request_time",
    "ndp": "request_time",
    "dns": "query_time",
    "http": "request_time",
    "icmp": "time",
    "dhcp": "start_time",
}
VISIT_COLUMNS = frozenset({"url", "final_url", "requests", "failed_requests", "redirects", "failed_step"})
ORDERED = {"tcp": "stream", "tls": "stream", "websocket": "stream"}


@cache
def expected(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((SAMPLES / "expected" / f"{name}.json").read_text(encoding="utf-8"))
    return facts


@cache
def document(name: str) -> dict[str, Any]:
    return analyze(str(SAMPLES / f"{name}.pcapng")).document()


def rows(name: str, table: str) -> list[dict[str, Any]]:
    """Rows of a table in the order of the expected facts: by time, or by stream."""
    found: list[dict[str, Any]] = document(name)[table]
    key = IN_TIME.get(table) or ORDERED[table]
    return sorted(found, key=lambda row: row["reply_time"] if row[key] is None else row[key])


def cases(section: str) -> list[tuple[str, str]]:
    return [(name, table) for name in NAMES for table in expected(name)[section]]


@pytest.mark.parametrize("name", NAMES)
def test_capture(name: str) -> None:
    capture = document(name)["capture"]
    assert row_mismatches(expected(name)["capture"], capture) == []
    ledger = capture["ledger"]
    assert ledger["decoded"] == expected(name)["capture"]["packets"]
    assert capture["comments"], "the sample says in a comment what it shows"


@pytest.mark.parametrize(("name", "table"), cases("counts"))
def test_counts(name: str, table: str) -> None:
    facts = expected(name)["counts"][table]
    found = rows(name, table)
    assert len(found) == facts["rows"]
    for column, counts in facts.items():
        if column != "rows":
            values = ("null" if row[column] is None else str(row[column]) for row in found)
            assert Counter(values) == Counter(counts), column


@pytest.mark.parametrize(("name", "table"), cases("rows"))
def test_rows(name: str, table: str) -> None:
    facts = expected(name)["rows"][table]
    found = rows(name, table)
    assert len(found) == len(facts)
    wrong = {
        at: bad for at, (fact, row) in enumerate(zip(facts, found, strict=True)) if (bad := row_mismatches(fact, row))
    }
    assert wrong == {}


@pytest.mark.parametrize("name", NAMES)
def test_right_status_on_right_url(name: str) -> None:
    """The heart of it, said once more by itself: (connection, method, target, status) in order of time."""
    facts = expected(name)["rows"].get("http", [])
    wanted = [(fact["stream"], fact["method"], fact["target"], fact["status"]) for fact in facts]
    found = [(row["stream"], row["method"], row["target"], row["status"]) for row in rows(name, "http")]
    assert [row for row in found if row[1:] != (None, None, None)] == wanted


@pytest.mark.parametrize("name", NAMES)
def test_findings(name: str) -> None:
    found = document(name)["findings"]
    codes = {finding["code"] for finding in found}
    for fact in expected(name)["findings"]:
        assert any(not row_mismatches(fact, finding) for finding in found), fact
    assert codes.isdisjoint(expected(name)["no_findings"])


@pytest.mark.parametrize("name", NAMES)
def test_no_false_alarm(name: str) -> None:
    """Precision: whatever is said to be a warning or an error is one of those that a careful person would name."""
    facts = expected(name)
    assert facts["findings_complete"]
    known = {fact["code"] for fact in facts["findings"]} | set(facts["may_find"])
    loud = {found["code"] for found in document(name)["findings"] if found["severity"] in ("warning", "error")}
    assert loud <= known


def visits(name: str) -> Paired:
    return pair_visits(expected(name)["visits"], document(name)["visits"])


@pytest.mark.parametrize("name", NAMES)
def test_visits(name: str) -> None:
    """One visit for each thing that was done, in order of time, and no other."""
    paired = visits(name)
    assert (paired.missing, paired.surplus) == ([], [])
    wrong = [
        (fact["url"], bad)
        for fact, found in paired.pairs
        if (bad := row_mismatches({key: value for key, value in fact.items() if key in VISIT_COLUMNS}, found))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_requests_of_visits(name: str) -> None:
    """The targets each visit asked for, in order of time."""
    http = document(name)["http"]
    for fact, found in visits(name).pairs:
        asked = [http[at] for at in sorted(found["http_rows"], key=lambda at: http[at]["request_time"])]
        targets = [row["target"] for row in asked]
        wanted = fact.get("http", [])
        assert (len(targets) if isinstance(wanted, int) else targets) == wanted, fact["url"]


@pytest.mark.parametrize("name", NAMES)
def test_journeys(name: str) -> None:
    """The steps of each visit, in order; one that is absent with the reason: ``dns``, ``arp:cached``."""
    wrong = [
        (fact["url"], words, fact["steps"])
        for fact, found in visits(name).pairs
        if "steps" in fact and (words := step_words(found)) != fact["steps"]
    ]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_was_unreadable(name: str) -> None:
    assert document(name)["problems"] == []


def test_comparison_can_fail() -> None:
    assert mismatch(1, True) is not None
    assert mismatch(None, 0) is not None
    assert mismatch({"between": [1, 2]}, 3) is not None
    assert mismatch({"between": [1, 2]}, None) is not None
    assert mismatch({"length": 2}, [1]) is not None
    assert mismatch({"status": [100]}, [{"status": 103}]) is not None
    assert row_mismatches({"a": {"between": [1, 2]}, "b": {"length": 0}}, {"a": 1.5, "b": []}) == []


def test_pairing_can_fail() -> None:
    def visit(url: str, when: int = 0, **more: object) -> dict[str, Any]:
        return {"url": url, "start_time": when, **more}

    facts = [visit("a"), visit("b", may_be_missing=True), visit("c")]
    paired = pair_visits(facts, [visit("d", 3), visit("a", 1)])
    assert [found["url"] for _, found in paired.pairs] == ["a"]
    assert (paired.missing, paired.surplus) == (["c"], ["d"])
    assert pair_visits(facts, [visit("c", 1), visit("a", 2)]).surplus
