"""Who ended a connection, and what that made of the exchanges on it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from analyzer.flows.ends import End
from analyzer.protocols.http1.session import transactions
from tests.http1.talk import Turn, conversation

MS = 1_000_000
GET = b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
ASKED: list[Turn] = [("c", GET)]  # frame 1, at 1 ms
BEGUN: list[Turn] = [("c", GET), ("s", HEAD), ("s", b"x" * 40)]  # frames 1 to 3, a millisecond apart
WHOLE: list[Turn] = [("c", GET), ("s", HEAD), ("s", b"x" * 40), ("s", b"x" * 60)]


def fin(side: str, frame: int, ms: float) -> End:
    return End(side, frame, round(ms * MS))


def rst(side: str, frame: int, ms: float) -> End:
    return End(side, frame, round(ms * MS), reset=True)


def told(turns: list[Turn], *ends: End) -> tuple[str, str | None]:
    talk = conversation(turns, finished=any(not e.reset for e in ends), reset=any(e.reset for e in ends))
    talk = replace(talk, find_ends=lambda: ends)
    (row,) = transactions(talk)
    return row.outcome, row.outcome_why


@pytest.mark.parametrize(
    ("turns", "ends", "expected"),
    [
        # No answer: whoever ended it first.
        (ASKED, (fin("client", 2, 1001), fin("server", 3, 12_000)), ("no_response", "client_closed")),
        (ASKED, (fin("server", 2, 30), fin("client", 3, 31)), ("no_response", "server_closed")),
        (ASKED, (rst("client", 2, 1001),), ("aborted", "client_closed")),
        (ASKED, (rst("server", 2, 30),), ("aborted", "server_closed")),
        # A client that says at once that this was its last word waits on (RFC 9112 section 9.6).
        (ASKED, (fin("client", 1, 1), fin("server", 2, 500)), ("no_response", "server_closed")),
        (ASKED, (fin("client", 2, 1.1),), ("no_response", "capture_end")),
        # The beginning of an answer.
        (BEGUN, (fin("server", 4, 4), fin("client", 5, 5)), ("truncated", "server_closed")),
        (BEGUN, (fin("client", 4, 4), fin("server", 5, 5)), ("truncated", "client_closed")),
        (BEGUN, (fin("client", 4, 4), rst("client", 5, 5)), ("truncated", "client_closed")),
        (BEGUN, (rst("server", 4, 4),), ("aborted", "server_closed")),
        # All of it was recorded, but the client had gone before its end: its system throws the rest away.
        (WHOLE, (fin("client", 3, 3), rst("client", 5, 5)), ("aborted", "client_closed")),
        (WHOLE, (rst("client", 3, 3),), ("aborted", "client_closed")),
        # It had all when it hung up, with whatever.
        (WHOLE, (rst("client", 5, 5),), ("complete", None)),
        (WHOLE, (fin("client", 5, 5), rst("client", 6, 6)), ("complete", None)),
        # It closed its own direction and read on: nothing was thrown away.
        (WHOLE, (fin("client", 2, 2), fin("server", 5, 5)), ("complete", None)),
    ],
)
def test_who_ended_it(turns: list[Turn], ends: tuple[End, ...], expected: tuple[str, str | None]) -> None:
    assert told(turns, *ends) == expected


@pytest.mark.parametrize(
    ("turns", "after_ms", "expected"),
    [
        (ASKED, 5_000, ("no_response", "capture_end")),
        (BEGUN, 5_000, ("truncated", "capture_end")),
        (ASKED, 3_600_000, ("no_response", "silence")),
        (BEGUN, 3_600_000, ("truncated", "silence")),
    ],
)
def test_nobody_ended_it(turns: list[Turn], after_ms: float, expected: tuple[str, str]) -> None:
    """A capture that goes on for an hour did not end before the answer came."""
    talk = replace(conversation(turns, finished=False), capture_end_time=round(after_ms * MS))
    (row,) = transactions(talk)
    assert (row.outcome, row.outcome_why) == expected


@pytest.mark.parametrize("after_ms", [0, 3_600_000])
def test_a_body_until_the_close_whose_close_was_not_recorded(after_ms: int) -> None:
    turns: list[Turn] = [("c", GET), ("s", b"HTTP/1.0 200 OK\r\n\r\nsome"), ("s", b" text")]
    talk = conversation(turns, finished=False)
    (row,) = transactions(replace(talk, capture_end_time=talk.last_time + after_ms * MS))
    assert (row.outcome, row.outcome_why, row.framing) == ("truncated", "end_unseen", "until_close")


def test_sides_that_were_guessed_wrong_are_turned() -> None:
    """The side that seemed the server asked, and closed first."""
    turns: list[Turn] = [("s", GET), ("c", HEAD + b"x" * 40)]
    ends = (fin("server", 3, 500), fin("client", 4, 501))
    talk = replace(conversation(turns, from_start=False), find_ends=lambda: ends)
    (row,) = transactions(talk)
    assert (row.method, row.outcome, row.outcome_why) == ("GET", "truncated", "client_closed")


@pytest.mark.parametrize(
    ("request_line", "host", "url"),
    [
        (b"CONNECT / HTTP/1.1", "www.google.com", "http://www.google.com/"),
        (b"CONNECT example.org:443 HTTP/1.1", "example.org", "example.org:443"),
        (b"CONNECT [2001:db8::1]:443 HTTP/1.1", "[2001:db8::1]", "[2001:db8::1]:443"),
    ],
)
def test_the_host_of_connect(request_line: bytes, host: str, url: str) -> None:
    """Only host and port are a target of CONNECT (RFC 9110 section 9.3.6); a path names nobody."""
    talk = conversation([("c", request_line + b"\r\nHost: www.google.com\r\n\r\n"), ("s", b"HTTP/1.1 400 No\r\n\r\n")])
    (row,) = transactions(talk)
    assert (row.host, row.url) == (host, url)
