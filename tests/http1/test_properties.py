"""What must hold of any conversation, however it was cut into segments and whatever of it was not captured."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.flows.stream import ByteStream, memory_stream
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1.session import transactions
from analyzer.schema import HttpRow
from tests.http1.talk import CLIENT, SERVER, Hole, conversation
from tests.http1.test_vectors import timeless

MS = 1_000_000


@dataclass(frozen=True)
class Message:
    """One message and where its body lies in it."""

    data: bytes
    body: bytes


def chunked(content: bytes, size: int, trailer: bytes) -> bytes:
    chunks = b"".join(
        b"%x\r\n%s\r\n" % (len(content[i : i + size]), content[i : i + size]) for i in range(0, len(content), size)
    )
    return chunks + b"0\r\n" + trailer + b"\r\n"


# Bodies that do not look like messages: what does, is another test's.
contents = st.binary(max_size=120).map(lambda raw: raw.replace(b"HTTP", b"----"))


@st.composite
def exchanges(draw: st.DrawFn) -> list[tuple[Message, Message]]:
    """Requests /0, /1 … each answered by the status 210 + its number."""
    out = []
    for number in range(draw(st.integers(1, 6))):
        content = draw(contents) if draw(st.booleans()) else b""
        ask = b"POST" if content else draw(st.sampled_from([b"GET", b"DELETE"]))
        length = b"Content-Length: %d\r\n" % len(content) if content else b""
        request = b"%s /%d HTTP/1.1\r\nHost: a.example\r\n%s\r\n" % (ask, number, length)
        told, content_back = b"HTTP/1.1 %d X\r\nServer: s\r\n" % status_of(f"/{number}"), draw(contents)
        if draw(st.booleans()):
            body = chunked(content_back, draw(st.integers(1, 50)), draw(st.sampled_from([b"", b"X-T: 1\r\n"])))
            told += b"Transfer-Encoding: chunked\r\n\r\n"
        else:
            body = content_back
            told += b"Content-Length: %d\r\n\r\n" % len(body)
        out.append((Message(request + content, content), Message(told + body, body)))
    return out


def status_of(target: str) -> int:
    return 210 + int(target[1:])


cuts = st.lists(st.integers(1, 80), min_size=1, max_size=12) | st.just([500])


def cut(data: bytes, sizes: list[int]) -> Iterable[bytes]:
    """Cut into segments of the given sizes, again and again."""
    at, number = 0, 0
    while at < len(data):
        size = sizes[number % len(sizes)]
        yield data[at : at + size]
        at, number = at + size, number + 1


def played(
    talk: list[tuple[Message, Message]], sizes: list[int], lost: set[int], *, ahead: int = 0, server_too: bool = True
) -> tuple[Conversation, dict[str, list[tuple[int, int]]]]:
    """Play exchanges; segments whose number is in ``lost`` were not captured.

    Args:
        ahead: how many requests the client sends before the answer to an earlier one is complete (pipelining).
        server_too: whether the server's segments get lost, too.

    Returns:
        The conversation, and per side (c, s) the ranges of its stream that were captured.
    """
    parts: dict[str, list[tuple[int, bytes, int, int]]] = {"c": [], "s": []}
    reached = {"c": 0, "s": 0}
    number = frame = 0
    turns = sorted(
        [(at, "c", ask) for at, (ask, _) in enumerate(talk)]
        + [(at + ahead, "s", told) for at, (_, told) in enumerate(talk)],
        key=lambda turn: turn[:2],
    )
    for _, side, message in turns:
        for data in cut(message.data, sizes):
            number += 1
            if number not in lost or (side == "s" and not server_too):
                frame += 1
                parts[side].append((reached[side], data, frame, number * MS))
            reached[side] += len(data)
    streams = [memory_stream(parts[side], end=reached[side], finished=True) for side in "cs"]
    held = {side: [(at, at + len(data)) for at, data, _, _ in parts[side]] for side in "cs"}
    return Conversation(0, *streams, CLIENT, SERVER, closed=True), held


@given(exchanges(), cuts)
@settings(max_examples=150)
def test_however_it_is_cut_it_says_the_same(talk: list[tuple[Message, Message]], sizes: list[int]) -> None:
    whole = transactions(conversation([turn for ask, told in talk for turn in (("c", ask.data), ("s", told.data))]))
    cut_up = transactions(played(talk, sizes, set())[0])
    assert [timeless(row) for row in cut_up] == [timeless(row) for row in whole]
    assert [row.outcome for row in whole] == ["complete"] * len(talk)
    assert [(row.target, row.status) for row in whole] == [(f"/{i}", status_of(f"/{i}")) for i in range(len(talk))]
    assert [row.response_body_bytes for row in whole] == [len(told.body) for _, told in talk]


def unheld(held: list[tuple[int, int]], low: int, high: int) -> int:
    """Count the bytes of [low, high) that are in no captured range: the slow and sure way."""
    return sum(not any(a <= at < b for a, b in held) for at in range(low, high))


def check_places(rows: list[HttpRow], client: ByteStream, server: ByteStream) -> None:
    """Messages of one side do not overlap, follow each other, and lie inside the stream."""
    for side, stream in (("request", client), ("response", server)):
        spans = [(getattr(r, f"{side}_offset"), getattr(r, f"{side}_end_offset")) for r in rows]
        known = [span for span in spans if span[0] is not None]
        assert all(low <= high for low, high in known)
        assert all(before[1] <= after[0] for before, after in pairwise(sorted(known)))
        assert all(stream.start <= low and high <= stream.end for low, high in known)
    asked = [row.request_offset for row in rows if row.request_offset is not None]
    assert asked == sorted(asked), "rows come in the order of their requests"


@given(exchanges(), cuts, st.sets(st.integers(1, 40), max_size=12), st.sampled_from([0, 0, 1, 2, 9]))
@settings(max_examples=600)
def test_holes_are_holes_and_no_status_lands_on_another_url(
    talk: list[tuple[Message, Message]], sizes: list[int], lost: set[int], ahead: int
) -> None:
    # Where pipelined requests, or their answers, are lost one behind the other, they look like requests that waited for
    # one another: nobody could know. So one request is lost then.
    conversed, held = played(talk, sizes, set(sorted(lost)[:1]) if ahead else lost, ahead=ahead, server_too=not ahead)
    rows = transactions(conversed)
    check_places(rows, conversed.client, conversed.server)
    for row in rows:
        if row.target is not None and row.status is not None:
            assert row.status == status_of(row.target), "the one thing that must not happen"
        for side, key in (("request", "c"), ("response", "s")):
            end, body = getattr(row, f"{side}_end_offset"), getattr(row, f"{side}_body_bytes")
            if end is not None and body is not None:
                assert getattr(row, f"{side}_missing_bytes") == unheld(held[key], end - body, end)
        if row.response_missing_bytes:
            assert row.response_decoded_bytes is None, "a size is not known of bytes that were not seen"
        if row.outcome == "complete" and row.outcome_why is None:
            begin, end = row.response_offset, row.response_end_offset
            assert begin is not None
            assert end is not None
            assert not unheld(held["s"], begin, end)
    statuses = [row.status for row in rows if row.status is not None]
    assert statuses == sorted(statuses), "answers stay in order, none is told twice"
    assert len(statuses) == len(set(statuses))


def told(number: int) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status_of(f"/{number}")


def asked(number: int) -> bytes:
    return b"GET /%d HTTP/1.1\r\nHost: a.example\r\n\r\n" % number


def test_the_answer_and_the_next_request_lost() -> None:
    """What comes then may answer the lost request (it does), so it is not given to the one before."""
    turns = [
        ("c", asked(0)),
        ("s", Hole(told(0))),
        ("c", Hole(asked(1))),
        ("s", told(1)),
        ("c", asked(2)),
        ("s", told(2)),
    ]
    rows = transactions(conversation(turns))
    assert [(row.target, row.status, row.outcome_why) for row in rows] == [
        ("/0", None, "lost"),
        (None, 211, "lost"),
        ("/2", 212, None),
    ]


def test_the_first_of_two_pipelined_requests_lost() -> None:
    """Two answers and one request: which of them is its own, the capture does not show."""
    turns = [("c", Hole(asked(0))), ("c", asked(1)), ("s", told(0)), ("s", told(1)), ("c", asked(2)), ("s", told(2))]
    rows = transactions(conversation(turns))
    assert sorted((row.target or "", row.status or 0) for row in rows) == [("", 210), ("", 211), ("/1", 0), ("/2", 212)]
    assert next(row for row in rows if row.target == "/1").outcome == "not_captured"


def test_a_request_with_its_end_lost_still_has_its_answer() -> None:
    """The hole is the rest of the first request, not another one."""
    head = b"POST /0 HTTP/1.1\r\nHost: a.example\r\n"
    turns = [("c", head), ("c", Hole(b"Content-Length: 3\r\n\r\nabc")), ("s", told(0)), ("c", asked(1)), ("s", told(1))]
    rows = transactions(conversation(turns))
    assert [(row.target, row.status) for row in rows] == [("/0", 210), ("/1", 211)]
