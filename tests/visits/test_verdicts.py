"""What counts as failed and as slow, row by row."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from analyzer.visits import verdicts
from tests.report.fixture import http

ROW = http(0, 0, 0.0)
GAVE_UP: dict[str, Any] = {"outcome": "no_response", "outcome_why": "client_closed", "status": None}


def row(**columns: Any) -> Any:
    return replace(ROW, **{"outcome": "complete", "outcome_why": None, "status": 200, **columns})


@pytest.mark.parametrize(
    ("columns", "failed", "unknown"),
    [
        ({}, None, None),
        ({"status": 404}, "client_error", None),
        ({"status": 503}, "server_error", None),
        ({"status": 301}, None, None),
        ({"outcome": "complete", "outcome_why": "lost"}, None, None),
        ({"outcome": "switched", "status": 101}, None, None),
        ({"outcome": "malformed", "outcome_why": "bad_version"}, None, None),
        ({"outcome": "malformed", "outcome_why": "bad_chunk"}, "malformed", None),
        ({"outcome": "malformed", "outcome_why": "bad_version", "status": None}, "malformed", None),
        ({"outcome": "no_response", "outcome_why": "server_closed", "status": None}, "no_answer", None),
        ({"outcome": "aborted", "outcome_why": "server_closed", "status": None}, "no_answer", None),
        ({"outcome": "no_response", "outcome_why": "silence", "status": None}, "no_answer", None),
        (GAVE_UP, "gave_up", None),
        ({"outcome": "no_response", "outcome_why": "capture_end", "status": None}, None, "waiting"),
        ({"outcome": "truncated", "outcome_why": "server_closed"}, "cut_off", None),
        ({"outcome": "aborted", "outcome_why": "server_closed"}, "cut_off", None),
        ({"outcome": "truncated", "outcome_why": "silence"}, "cut_off", None),
        ({"outcome": "truncated", "outcome_why": "client_closed"}, "left", None),
        ({"outcome": "truncated", "outcome_why": "capture_end"}, None, "receiving"),
        ({"outcome": "truncated", "outcome_why": "lost"}, None, "lost"),
        ({"outcome": "truncated", "outcome_why": "end_unseen"}, None, None),
        ({"outcome": "not_captured", "outcome_why": "lost", "status": None}, None, "answer"),
        ({"outcome": "not_captured", "outcome_why": "lost", "request_frames": None, "method": None}, None, "request"),
        # Whoever holds a request open on purpose may end it; the server's end of it is a failure all the same.
        ({"outcome": "truncated", "outcome_why": "client_closed", "background": "event_stream"}, None, None),
        ({"outcome": "truncated", "outcome_why": "server_closed", "background": "event_stream"}, "cut_off", None),
        ({**GAVE_UP, "background": "long_poll"}, None, None),
        ({**GAVE_UP, "background": "poll"}, "gave_up", None),
    ],
)
def test_failed_or_unknown(columns: dict[str, Any], failed: str | None, unknown: str | None) -> None:
    made = row(**columns)
    assert (verdicts.failure(made), verdicts.unknown(made)) == (failed, unknown)


@pytest.mark.parametrize(
    ("columns", "waited"),
    [
        ({"total_ms": 300.0, "blocked_ms": 100.0}, 200.0),
        ({"total_ms": 300.0, "blocked_ms": None}, 300.0),
        ({"total_ms": 300.0, "background": "long_poll"}, None),
        ({"total_ms": None}, None),
        ({"total_ms": 0.0, "blocked_ms": None}, None),
        ({"total_ms": 300.0, "request_frames": None, "method": None}, None),
    ],
)
def test_waited(columns: dict[str, Any], waited: float | None) -> None:
    assert verdicts.waited_ms(row(**columns)) == waited


def test_slowest_first_and_the_first_of_equals() -> None:
    rows = [row(total_ms=total, blocked_ms=None) for total in (5.0, None, 9.0, 9.0)]
    assert verdicts.slowest_requests(rows) == [(9.0, 2), (9.0, 3), (5.0, 0)]


@pytest.mark.parametrize(
    ("host", "url", "said"),
    [
        ("h.example", "http://h.example/a:90", "h.example"),
        ("h.example", "http://h.example:8080/a", "h.example:8080"),
        ("h.example", "http://me:secret@h.example:8080?a=1", "h.example:8080"),
        ("h.example", "h.example:443", "h.example:443"),
        ("[2001:db8::1]", "http://[2001:db8::1]:8080/", "[2001:db8::1]:8080"),
        ("[2001:db8::1]", "http://[2001:db8::1]/", "[2001:db8::1]"),
        ("h.example", None, "h.example"),
        (None, None, None),
    ],
)
def test_the_port_is_part_of_a_name_where_it_is_unusual(host: str | None, url: str | None, said: str | None) -> None:
    assert verdicts.authority(row(host=host, url=url)) == said


@pytest.mark.parametrize(
    ("framing", "values", "promised"),
    [
        ("content_length", ("5000",), 5000),
        ("content_length", ("5000", "5000"), 5000),
        ("content_length", ("5000", "6000"), None),
        ("content_length", ("9" * 30,), None),
        ("chunked", ("5000",), None),
        ("content_length", (), None),
    ],
)
def test_promised(framing: str, values: tuple[str, ...], promised: int | None) -> None:
    headers = tuple(("Content-Length", value) for value in values)
    assert verdicts.promised_bytes(row(framing=framing, response_headers=headers)) == promised


def test_the_end_of_the_capture_is_no_answer_that_took_long() -> None:
    waiting = {"outcome": "no_response", "outcome_why": "capture_end", "status": None, "total_ms": 5000.0}
    assert verdicts.slowest_requests([row(**waiting), row(total_ms=3.0)]) == [(3.0, 1)]
