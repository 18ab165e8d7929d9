"""Input made to take time: the work is counted, never timed.

Counted are the bytes asked of the capture and the calls of functions, Python's and C's, that parsing makes. Four times
the input may take four times the work and a little (:data:`LINEAR`), whatever the input is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from types import FrameType

import pytest

from analyzer.flows.stream import ByteStream, memory_stream
from analyzer.options import Limits
from analyzer.protocols.base import Conversation
from analyzer.protocols.detect import application
from analyzer.protocols.http1.session import transactions
from analyzer.schema import HttpRow
from tests.http1.talk import CLIENT, SERVER

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LINEAR = 4.6
"""Most times the work of an input four times as long."""

Sides = tuple[ByteStream, ByteStream]


def glued(data: bytes, *, piece: int = 1460, first: int = 1, lost: Callable[[int], bool] | None = None) -> ByteStream:
    """One direction in segments of one size, one frame each; ``lost`` tells by number which were not captured."""
    parts = []
    for number, low in enumerate(range(0, len(data), piece)):
        if lost is None or not lost(number):
            frame = first + number
            parts.append((low, data[low : low + piece], frame, frame * 1000))
    return memory_stream(parts, end=len(data), finished=True)


def turns(items: Iterable[bytes], *, first: int = 1, step: int = 2) -> ByteStream:
    """One direction in segments of their own, ``step`` frames apart."""
    parts, at = [], 0
    for number, data in enumerate(items):
        frame = first + step * number
        parts.append((at, data, frame, frame * 1000))
        at += len(data)
    return memory_stream(parts, finished=True)


def backwards(items: list[bytes], *, first: int, step: int = 2) -> ByteStream:
    """The same with frames and times falling: what lies first in the stream was captured last."""
    parts, at = [], 0
    for number, data in enumerate(items):
        frame = first + step * (len(items) - number)
        parts.append((at, data, frame, frame * 1000))
        at += len(data)
    return memory_stream(parts, finished=True)


class Work:
    """Parses a conversation and counts.

    Attributes:
        calls: of functions; asked: bytes read of the streams; rows: what came out.
    """

    def __init__(self, sides: Sides, limits: Limits | None = None) -> None:
        self.calls = self.asked = 0
        for stream in sides:
            self._count(stream)
        talk = Conversation(0, *sides, CLIENT, SERVER, closed=True, limits=limits or Limits())
        sys.setprofile(self._called)
        try:
            application(talk)
            self.rows: list[HttpRow] = transactions(talk)
        finally:
            sys.setprofile(None)
        self.problems = talk.problems

    def _count(self, stream: ByteStream) -> None:
        inner = stream._read

        def read(piece: int, skip: int, size: int) -> bytes:
            self.asked += size
            return inner(piece, skip, size)

        stream._read = read

    def _called(self, frame: FrameType, event: str, arg: object) -> None:
        if event in ("call", "c_call"):
            self.calls += 1


def statuses(rows: list[HttpRow]) -> list[int | None]:
    return [row.status for row in rows]


HOSTILE: dict[str, Callable[[int], Sides]] = {
    "pipelined, never answered": lambda n: (glued(GET * n), glued(b"")),
    "pipelined, answered behind them": lambda n: (glued(GET * n), glued(OK * n, first=10**6)),
    "pipelined, answered before them": lambda n: (glued(GET * n, first=10**6), glued(OK * n)),
    "frames fall while the stream rises": lambda n: (
        backwards([GET] * n, first=1),
        backwards([OK] * n, first=2),
    ),
    "answers in any order of frames": lambda n: (
        turns([GET] * n),
        memory_stream(
            [(i * len(OK), OK, frame, frame * 1000) for i in range(n) for frame in [2 + i * 7919 % (2 * n)]],
            finished=True,
        ),
    ),
    "1xx without end": lambda n: (glued(GET), glued(b"HTTP/1.1 102 P\r\n\r\n" * n + OK, first=2)),
    "1xx that nobody asked for": lambda n: (glued(b""), glued(b"HTTP/1.1 100 C\r\n\r\n" * n + OK)),
    "answers that nobody asked for": lambda n: (glued(b"\0\1" * n), glued(OK * n)),
    "junk lines": lambda n: (glued(GET + b"junk\r\n" * 10 * n), glued(b"junk\r\n" * 10 * n, first=10**6)),
    "junk that begins like a status line": lambda n: (glued(GET * 9), glued(b"HTTP/1.1 xyz\r\n" * n, first=99)),
    "junk before every answer": lambda n: (glued(GET * n), turns([b"junk\r\n", OK] * n, first=10**6)),
    "junk before every request": lambda n: (turns([b"@@@ junk\r\n", GET] * n), turns([OK] * n, first=10**6)),
    "every second answer lost": lambda n: (
        turns([GET] * n),
        glued(OK * n, piece=len(OK), first=2, lost=lambda i: i % 2 == 1),
    ),
    "every second segment lost on both sides": lambda n: (
        glued(GET * n, piece=33, lost=lambda i: i % 2 == 1),
        glued(OK * n, piece=37, first=2, lost=lambda i: i % 2 == 0),
    ),
    "holes at every chunk": lambda n: (
        turns([GET] * n),
        turns([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz"] * n, first=2),
    ),
    "bodies without a length": lambda n: (turns([GET] * n), turns([b"HTTP/1.1 200 OK\r\n\r\nbody"] * n, first=2)),
    "bodies without a length, asked late": lambda n: (
        turns([GET, GET], step=10**7),
        turns([b"HTTP/1.1 200 OK\r\n\r\nbody"] * n, first=2),
    ),
    "upgrades asked for and refused": lambda n: (
        turns([b"GET / HTTP/1.1\r\nUpgrade: x\r\n\r\n"] * n),
        turns([OK] * n, first=2),
    ),
    "HTTP through tunnels": lambda n: (
        turns([b"CONNECT a:1 HTTP/1.1\r\n\r\n"] * n),
        turns([b"HTTP/1.1 200 OK\r\n\r\n"] * n, first=2),
    ),
    "bodies announced and not sent": lambda n: (
        turns([b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9999\r\n\r\n"] * n),
        turns([b"HTTP/1.1 417 X\r\nContent-Length: 0\r\n\r\n"] * n, first=2),
    ),
    "lengths that contradict": lambda n: (
        glued(b"POST / HTTP/1.1\r\nContent-Length: 5, 6\r\n\r\nhello" * n),
        glued(b""),
    ),
    "folded lines": lambda n: (glued((b"GET / HTTP/1.1\r\nA: b\r\n" + b" fold\r\n" * 40 + b"\r\n") * n), glued(b"")),
    "blank lines": lambda n: (glued(b"\r\n" * 50 * n + GET), glued(b"\n" * 50 * n + OK, first=10**6)),
    "HTTP/0.9": lambda n: (turns([b"GET /x\r\n"] * n), turns([b"<p>"] * n, first=2)),
    "cookies and forms": lambda n: (
        glued(b"GET /?" + b"a=1&" * n + b" HTTP/1.1\r\nCookie: " + b"b=2; " * n + b"\r\n\r\n"),
        glued(b"HTTP/1.1 200 OK\r\n" + b"Set-Cookie: c=3; Path=/\r\n" * min(n, 900) + b"\r\n", first=10**6),
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_work_grows_with_the_input(kind: str) -> None:
    few, many = Work(HOSTILE[kind](400)), Work(HOSTILE[kind](1600))
    assert many.calls < LINEAR * few.calls + 500
    assert many.asked < LINEAR * few.asked + 20_000


def test_a_hundred_thousand_requests_without_an_answer() -> None:
    """The limit on transactions is above this, so all of them are rows."""
    count = 100_000
    stream = glued(GET * count)
    rows = transactions(Conversation(0, stream, glued(b""), CLIENT, SERVER, closed=True))
    assert len(rows) == count
    assert {(row.outcome, row.outcome_why) for row in rows} == {("no_response", "closed")}
    assert [row.request_offset for row in rows[:3]] == [0, len(GET), 2 * len(GET)]
    assert rows[-1].request_end_offset == count * len(GET)


def test_a_hundred_thousand_interim_answers_belong_to_one_request() -> None:
    count = 100_000
    answers = b"HTTP/1.1 102 Processing\r\n\r\n" * count + OK
    talk = Conversation(0, glued(GET), glued(answers, first=2), CLIENT, SERVER, closed=True)
    (row,) = transactions(talk)
    assert (row.status, row.outcome, len(row.informational)) == (200, "complete", count)
    assert row.response_offset == len(answers) - len(OK)


def test_a_head_of_fifty_megabytes_is_given_up() -> None:
    """It is read to the limit, then searched once for the next message, which is found."""
    line = b"X-Padding: " + b"y" * 1000 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\n" + line * 50_000
    data = head + bytes(-len(head) % 65_536) + OK  # the next message begins a segment
    work = Work((turns([GET, GET], step=700), glued(data, piece=65_536, first=2)))
    assert (work.rows[0].status, work.rows[0].outcome, work.rows[0].outcome_why) == (200, "malformed", "header_limit")
    assert statuses(work.rows)[1:] == [200]
    assert work.problems.counts["LIMIT-REACHED"] == 1
    assert work.asked < 1.2 * len(data)
    assert work.calls < 100_000


def test_a_million_junk_lines_are_searched_once() -> None:
    junk = b"HTTP/ is not here\r\n" * 1_000_000
    work = Work((glued(GET), glued(junk, piece=65_536, first=2)))
    assert [row.outcome for row in work.rows] == ["malformed"]
    assert work.asked < 1.2 * len(junk)
    assert work.calls < 100_000


def test_ten_thousand_lengths_are_compared_with_few() -> None:
    fields = b"".join(b"Content-Length: %d\r\n" % size for size in range(10_000))
    told = b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n"
    work = Work((glued(GET), glued(told + b"body", first=2)), Limits(headers=20_000))
    (row,) = work.rows
    assert (row.status, row.outcome, row.outcome_why) == (200, "malformed", "conflicting_lengths")
    assert len(row.response_headers) == 10_000
    assert work.asked < 4 * len(told)


def test_a_fold_of_a_hundred_thousand_lines_is_one_field() -> None:
    """Within the limit on heads it is joined, in one go."""
    head = b"GET / HTTP/1.1\r\nA: 0\r\n" + b" 1\r\n" * 60_000 + b"\r\n"
    assert len(head) < Limits().header_bytes
    work = Work((glued(head), glued(OK, first=10**6)))
    (row,) = work.rows
    assert row.request_headers == (("A", "0" + " 1" * 60_000),)
    assert row.status == 200


def test_every_second_segment_missing_pairs_nothing_wrong() -> None:
    """Request i is answered with status 200 + i % 90; of the answers each second one is missing."""
    count = 2000
    asked = [b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(count)]
    told = [b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\nok" % (200 + number % 90) for number in range(count)]
    parts, at = [], 0
    for number, data in enumerate(told):
        if number % 2 == 0:
            parts.append((at, data, 2 * number + 2, (2 * number + 2) * 1000))
        at += len(data)
    talk = Conversation(0, turns(asked), memory_stream(parts, end=at, finished=True), CLIENT, SERVER, closed=True)
    rows = transactions(talk)
    assert [row.target for row in rows] == [f"/{number}" for number in range(count)]
    expected = [200 + number % 90 if number % 2 == 0 else None for number in range(count)]
    # 204 has no body, so the two bytes behind it are junk; 205 and the others are read by their length.
    assert statuses(rows) == expected
    assert {row.outcome for row in rows[1::2]} == {"not_captured"}
