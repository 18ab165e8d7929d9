"""Holes: right status on the right URL, nothing invented, missing bytes counted exactly."""

from __future__ import annotations

from typing import Any

import pytest

from analyzer.options import Limits
from analyzer.protocols.http1.session import exchanges, transactions
from tests.http1.talk import Hole, Turn, conversation


def get(path: str) -> bytes:
    return f"GET /{path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def answer(status: int, body: bytes = b"") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def facts(turns: list[Turn], **how: Any) -> list[tuple[str | None, int | None, str, str | None]]:
    rows = transactions(conversation(turns, **how))
    return [(row.target, row.status, row.outcome, row.outcome_why) for row in rows]


def test_hole_in_a_body_by_length_is_skipped_exactly() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n"
    turns: list[Turn] = [
        ("c", get("big")),
        ("s", head + b"x" * 1000),
        ("s", Hole(b"x" * 1460)),
        ("s", b"x" * 540),
        ("c", get("gone")),
        ("s", answer(404)),
    ]
    rows = transactions(conversation(turns))
    assert [(r.target, r.status, r.outcome, r.outcome_why) for r in rows] == [
        ("/big", 200, "complete", "lost"),
        ("/gone", 404, "complete", None),
    ]
    assert (rows[0].response_missing_bytes, rows[0].response_body_bytes) == (1460, 3000)
    assert rows[0].response_decoded_bytes is None


def test_hole_over_the_end_of_a_body_and_the_next_head() -> None:
    # The second response begins inside the hole, so it cannot be read; the third is proved, and answers the request
    # that was sent last.
    turns: list[Turn] = [
        ("c", get("1")),
        ("s", answer(200, b"x" * 100)[:60]),
        ("s", Hole(answer(200, b"x" * 100)[60:])),
        ("c", get("2")),
        ("s", Hole(answer(500, b"secret"))),
        ("c", get("3")),
        ("s", answer(404)),
    ]
    assert facts(turns) == [
        ("/1", 200, "complete", "lost"),
        ("/2", None, "not_captured", "lost"),
        ("/3", 404, "complete", None),
    ]


def test_hole_inside_a_head_keeps_the_status_and_finds_the_next() -> None:
    response = answer(301, b"y" * 50)
    turns: list[Turn] = [
        ("c", get("1")),
        ("s", response[:25]),
        ("s", Hole(response[25:])),
        ("c", get("2")),
        ("s", answer(404)),
    ]
    assert facts(turns) == [("/1", 301, "truncated", "lost"), ("/2", 404, "complete", None)]


def test_hole_at_a_chunk_size_line() -> None:
    body = b"5\r\nhello\r\n", b"5\r\nworld\r\n", b"0\r\n\r\n"
    turns: list[Turn] = [
        ("c", get("1")),
        ("s", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body[0]),
        ("s", Hole(body[1])),
        ("s", body[2]),
        ("c", get("2")),
        ("s", answer(404)),
    ]
    rows = transactions(conversation(turns))
    assert [(r.target, r.status, r.outcome, r.outcome_why) for r in rows] == [
        ("/1", 200, "truncated", "lost"),
        ("/2", 404, "complete", None),
    ]


def test_hole_inside_a_chunk_is_skipped_exactly() -> None:
    turns: list[Turn] = [
        ("c", get("1")),
        ("s", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123"),
        ("s", Hole(b"456789")),
        ("s", b"abcdef\r\n0\r\n\r\n"),
        ("c", get("2")),
        ("s", answer(404)),
    ]
    rows = transactions(conversation(turns))
    assert [(r.status, r.outcome, r.response_missing_bytes) for r in rows] == [
        (200, "complete", 6),
        (404, "complete", 0),
    ]


def test_hole_at_a_message_boundary() -> None:
    turns: list[Turn] = [
        ("c", get("1")),
        ("s", answer(200)),
        ("c", get("2")),
        ("s", Hole(answer(201))),
        ("c", get("3")),
        ("s", answer(202)),
    ]
    assert facts(turns) == [
        ("/1", 200, "complete", None),
        ("/2", None, "not_captured", "lost"),
        ("/3", 202, "complete", None),
    ]


def test_lost_request_leaves_its_response_without_one() -> None:
    turns: list[Turn] = [
        ("c", get("1")),
        ("s", answer(200)),
        ("c", Hole(get("2"))),
        ("s", answer(404)),
        ("c", get("3")),
        ("s", answer(202)),
    ]
    assert facts(turns) == [
        ("/1", 200, "complete", None),
        (None, 404, "not_captured", "lost"),
        ("/3", 202, "complete", None),
    ]


def test_hole_among_pipelined_responses_proves_nothing() -> None:
    turns: list[Turn] = [
        ("c", get("1") + get("2") + get("3")),
        ("s", answer(200)),
        ("s", Hole(answer(201))),
        ("s", answer(202)),
    ]
    rows = facts(turns)
    assert rows[0] == ("/1", 200, "complete", None)
    assert (None, 202, "not_captured", "lost") in rows, "202 could answer /2 or /3"
    assert {row[:2] for row in rows[1:]} == {("/2", None), ("/3", None), (None, 202)}


def test_body_text_that_looks_like_a_response_is_not_one() -> None:
    body = b"HTTP/1.1 500 Fake\r\nContent-Length: 0\r\n\r\n"
    turns: list[Turn] = [
        ("c", get("1")),
        ("s", f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()),
        ("s", body),
        ("c", get("2")),
        ("s", answer(404)),
    ]
    assert facts(turns) == [("/1", 200, "complete", None), ("/2", 404, "complete", None)]


def test_midstream_the_rest_of_a_body_is_no_message() -> None:
    turns: list[Turn] = [
        ("s", b"tail of a picture"),
        ("c", get("1")),
        ("s", answer(404)),
    ]
    assert facts(turns, from_start=False) == [("/1", 404, "complete", None)]


def test_midstream_response_without_its_request() -> None:
    turns: list[Turn] = [("s", answer(200, b"abc")), ("c", get("1")), ("s", answer(404))]
    assert facts(turns, from_start=False) == [
        (None, 200, "not_captured", "before_capture"),
        ("/1", 404, "complete", None),
    ]


def test_sides_guessed_wrong_are_turned_round() -> None:
    turns: list[Turn] = [("s", get("1")), ("c", answer(404))]
    talk = conversation(turns, from_start=False)
    (row,) = transactions(talk)
    assert (row.target, row.status, row.request_frames, row.response_frames) == ("/1", 404, (1, 1), (2, 2))
    assert row.url == "http://a/1"


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([("c", get("1")), ("c", get("2"))], [("/1", None, "not_captured", "one_direction")]),
        ([("s", answer(200)), ("s", answer(404))], [(None, 200, "not_captured", "one_direction")]),
    ],
)
def test_one_direction(turns: list[Turn], expected: list[Any]) -> None:
    talk = conversation(turns, from_start=False, finished=False)
    rows = [(row.target, row.status, row.outcome, row.outcome_why) for row in transactions(talk)]
    assert rows[: len(expected)] == expected
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"finished": True}, ("no_response", "closed")),
        ({"finished": False}, ("no_response", "capture_end")),
        ({"finished": False, "reset": True}, ("aborted", "reset")),
    ],
)
def test_request_without_response(how: dict[str, bool], expected: tuple[str, str]) -> None:
    turns: list[Turn] = [("c", get("0")), ("s", answer(200)), ("c", get("1"))]
    assert facts(turns, **how)[1] == ("/1", None, *expected)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"finished": True}, ("truncated", "closed")),
        ({"finished": False}, ("truncated", "capture_end")),
        ({"finished": False, "reset": True}, ("aborted", "reset")),
    ],
)
def test_response_broken_off(how: dict[str, bool], expected: tuple[str, str]) -> None:
    turns: list[Turn] = [("c", get("1")), ("s", answer(200, b"x" * 100)[:-1])]
    assert facts(turns, **how) == [("/1", 200, *expected)]


def test_a_response_before_its_request_is_unsolicited() -> None:
    turns: list[Turn] = [
        ("s", b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
        ("c", get("1")),
    ]
    assert facts(turns) == [(None, 408, "not_captured", "unsolicited"), ("/1", None, "no_response", "closed")]


def test_unclosed_body_without_length_ends_where_the_next_answer_is_proved() -> None:
    turns: list[Turn] = [
        ("c", get("1")),
        ("s", b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nno length"),
        ("c", get("2")),
        ("s", answer(404)),
    ]
    rows = transactions(conversation(turns))
    assert [(r.target, r.status, r.response_body_bytes) for r in rows] == [("/1", 200, 9), ("/2", 404, 0)]


def test_acknowledged_but_never_seen_at_the_end() -> None:
    turns: list[Turn] = [("c", get("1")), ("s", answer(200, b"x" * 10)), ("c", get("2")), ("s", Hole(answer(200)))]
    assert facts(turns) == [("/1", 200, "complete", None), ("/2", None, "not_captured", "lost")]


def test_socks_before_http_leaves_the_pairing_alone() -> None:
    turns: list[Turn] = [
        ("c", b"\x05\x01\x00"),
        ("s", b"\x05\x00"),
        ("c", b"\x05\x01\x00\x01\x0a\x00\x00\x02\x00\x50"),
        ("s", b"\x05\x00\x00\x01\x0a\x00\x00\x02\x00\x50"),
        ("c", get("1")),
        ("s", answer(404)),
    ]
    assert facts(turns) == [("/1", 404, "complete", None)]


def test_frames_and_times() -> None:
    turns: list[Turn] = [
        ("c", b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n"),  # frame 1, 1 ms
        ("s", b"HTTP/1.1 100 Continue\r\n\r\n"),  # frame 2
        ("c", b"body"),  # frame 3
        ("s", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n"),  # frame 4
        ("s", b"abcdef"),  # frame 5
    ]
    (row,) = transactions(conversation(turns))
    assert (row.request_frames, row.response_frames) == ((1, 3), (4, 5))
    assert (row.request_time, row.request_end_time) == (1_000_000, 3_000_000)
    assert (row.response_time, row.response_end_time) == (4_000_000, 5_000_000)
    assert [(i.frame, i.status) for i in row.informational] == [(2, 100)]
    assert (row.request_offset, row.request_end_offset) == (0, len(turns[0][1]) + 4)
    assert (row.response_offset, row.response_end_offset) == (25, 25 + len(turns[3][1]) + 6)


def test_pipelining_is_a_matter_of_time() -> None:
    waited: list[Turn] = [("c", get("1")), ("s", answer(200)), ("c", get("2")), ("s", answer(404))]
    hasty: list[Turn] = [
        ("c", get("1")),
        ("s", answer(200, b"xx")[:-1]),
        ("c", get("2")),
        ("s", b"x"),
        ("s", answer(404)),
    ]
    assert [row.pipelined for row in transactions(conversation(waited))] == [False, False]
    assert [row.pipelined for row in transactions(conversation(hasty))] == [False, True]


def test_a_response_to_head_whose_request_was_not_captured_has_no_body() -> None:
    # Its Content-Length is what GET would have brought; the next response stands where that would be.
    turns: list[Turn] = [
        ("s", b"HTTP/1.1 302 Found\r\nContent-Length: 689\r\n\r\n"),
        ("s", answer(200, b"x" * 689)),
        ("s", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ("s", answer(404)),
    ]
    rows = transactions(conversation(turns, from_start=False, finished=False))
    assert [(r.status, r.framing, r.response_body_bytes) for r in rows] == [
        (302, "none", 0),
        (200, "content_length", 689),
        (200, "none", 0),
        (404, "content_length", 0),
    ]


def test_pipelined_are_all_that_did_not_wait() -> None:
    turns: list[Turn] = [
        ("c", get("1")),
        ("c", get("2")),
        ("c", get("3") + get("4")),
        ("s", answer(200)),
        ("c", get("5")),
        ("s", answer(201) + answer(202) + answer(203) + answer(204)),
        ("c", get("6")),
        ("s", answer(205)),
    ]
    rows = transactions(conversation(turns))
    assert [(row.status, row.pipelined) for row in rows] == [
        (200, False),
        (201, True),
        (202, True),
        (203, True),
        (204, True),
        (205, False),
    ]


@pytest.mark.parametrize("segment", [None, 1], ids=["whole", "byte by byte"])
def test_trailers_are_kept_apart(segment: int | None) -> None:
    body = b"3\r\nabc\r\n0\r\nX-Sum: 9\r\nX-Fold: a\r\n b\r\n\r\n"
    turns: list[Turn] = [
        ("c", b"PUT /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body),
        ("s", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body),
        ("c", get("2")),
        ("s", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    ]
    _, (first, second) = exchanges(conversation(turns, segment=segment))
    for message in (first.request, first.response):
        assert message is not None
        assert message.trailers.lines == ((b"X-Sum", b"9"), (b"X-Fold", b"a b"))
        assert b"x-sum" not in message.headers
    assert second.response is not None
    assert not second.response.trailers.lines


def test_what_is_missing_is_told_before_a_rule_that_is_merely_broken() -> None:
    odd = b"GET /1 HTTP/1.1\r\nHost : a\r\n\r\n"
    assert facts([("c", odd)]) == [("/1", None, "no_response", "closed")]
    assert facts([("c", odd), ("s", answer(200, b"x" * 100)[:-1])]) == [("/1", 200, "truncated", "closed")]
    assert facts([("c", odd), ("s", answer(200))]) == [("/1", 200, "malformed", "bad_header")]


def test_a_limit_on_the_head_is_told() -> None:
    turns: list[Turn] = [("c", b"GET /1 HTTP/1.1\r\nX: " + b"y" * 5000 + b"\r\n\r\n"), ("s", answer(200))]
    talk = conversation(turns, limits=Limits(header_bytes=1000))
    assert [(row.outcome, row.outcome_why) for row in transactions(talk)] == [("malformed", "header_limit")]
    assert [problem.code for problem in talk.problems] == ["LIMIT-REACHED"]
