"""Hostile input: never an exception, never more work than the bytes are worth."""

from __future__ import annotations

import gzip
import itertools
import zlib
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.flows.stream import ByteStream, memory_stream
from analyzer.options import Limits
from analyzer.protocols.detect import application
from analyzer.protocols.http1 import coding, framing, resync
from analyzer.protocols.http1.grammar import Fields
from analyzer.protocols.http1.session import transactions
from analyzer.protocols.http1.window import Window
from tests.http1.talk import CLIENT, SERVER, Conversation, Hole, Turn, conversation
from tests.http1.test_vectors import timeless

FRAGMENTS = [
    b"GET / HTTP/1.1\r\n", b"GET /\r\n", b"POST /x HTTP/1.1\r\n", b"HEAD / HTTP/1.0\r\n", b"CONNECT a:1 HTTP/1.1\r\n",
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 404\r\n", b"HTTP/1.1 100 Continue\r\n", b"HTTP/1.1 101 S\r\n",
    b"HTTP/1.1 304 N\n",
    b"Content-Length: 5\r\n", b"Content-Length: 99999999999999999999\r\n", b"Content-Length: -1\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Upgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n",
    b"Content-Encoding: gzip\r\n", b" folded\r\n", b"\r\n", b"\n", b"\r", b"hello", b"5\r\nhello\r\n", b"0\r\n\r\n",
    b"ffffffffffffffffffff\r\n", b"7fffffffffffffff\r\n", b"0", b"\x00", b"\xff\xfe", b":", b"\x16\x03\x01", b"H",
]  # fmt: skip

pieces = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=12)), max_size=12).map(b"".join)
turns_of = st.lists(
    st.builds(
        lambda side, data, hole: (side, Hole(data) if hole else data),
        st.sampled_from(["c", "s"]),
        pieces,
        st.integers(0, 6).map(lambda n: n == 0),
    ),
    max_size=8,
)


@given(
    turns_of,
    st.sampled_from([None, 1, 3, 7]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=400, deadline=None)
def test_arbitrary_bytes_never_raise(
    turns: list[Turn], segment: int | None, finished: bool, reset: bool, from_start: bool
) -> None:
    talk = conversation(turns, segment=segment, finished=finished, reset=reset, from_start=from_start)
    application(talk)
    rows = transactions(talk)
    assert [row.index for row in rows] == list(range(len(rows)))
    for row in rows:
        assert row.outcome in (
            "complete", "no_response", "not_captured", "truncated", "aborted", "malformed", "switched",
        )  # fmt: skip
        assert row.outcome in ("complete", "switched") or row.outcome_why
        assert row.request_frames is not None or row.response_frames is not None
        for first, last in filter(None, (row.request_frames, row.response_frames)):
            assert first <= last
        # A row never claims more than there is, nor the same bytes twice.
        assert (row.response_body_bytes or 0) <= max(talk.server.end, talk.client.end)
        assert row.response_missing_bytes <= (row.response_body_bytes or 0)
    for low, high in (("request_offset", "request_end_offset"), ("response_offset", "response_end_offset")):
        spans = sorted((getattr(r, low), getattr(r, high)) for r in rows if getattr(r, low) is not None)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


bodies = st.binary(max_size=40)
paths = st.text("abcxyz/?=&", max_size=10)


@st.composite
def exchanges(draw: st.DrawFn) -> list[Turn]:
    """A well-formed keep-alive conversation."""
    turns: list[Turn] = []
    for _ in range(draw(st.integers(1, 4))):
        method = draw(st.sampled_from([b"GET", b"HEAD", b"POST"]))
        body = draw(bodies) if method == b"POST" else b""
        head = method + b" /" + draw(paths).encode() + b" HTTP/1.1\r\nHost: a\r\n"
        turns.append(("c", head + b"Content-Length: %d\r\n\r\n" % len(body) + body))
        status = draw(st.sampled_from([200, 404, 304, 503]))
        content = draw(bodies)
        line = b"HTTP/1.1 %d X\r\n" % status
        silent = method == b"HEAD" or status == 304
        if draw(st.booleans()):
            size = max(1, draw(st.integers(1, 9)))
            chunks = [content[i : i + size] for i in range(0, len(content), size)]
            coded = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"
            turns.append(("s", line + b"Transfer-Encoding: chunked\r\n\r\n" + (b"" if silent else coded)))
        else:
            turns.append(("s", line + b"Content-Length: %d\r\n\r\n" % len(content) + (b"" if silent else content)))
    return turns


@given(exchanges(), st.integers(1, 50))
@settings(max_examples=150, deadline=None)
def test_cutting_into_segments_changes_nothing(turns: list[Turn], segment: int) -> None:
    whole = transactions(conversation(turns))
    cut = transactions(conversation(turns, segment=segment))
    assert [timeless(row) for row in cut] == [timeless(row) for row in whole]
    assert len(whole) == len(turns) // 2
    assert all(row.outcome == "complete" for row in whole)
    statuses = [int(data.split(b" ")[1]) for side, data in turns if side == "s"]
    assert [row.status for row in whole] == statuses


class Counting:
    """A stream of one direction that counts the bytes asked of it; bodies are not even there."""

    def __init__(self, data: bytes, *, piece: int = 1460, first_frame: int = 2) -> None:
        self.asked = 0
        self.calls = 0
        starts = list(range(0, len(data), piece))
        parts = [
            (low, data[low : low + piece], first_frame + i, (first_frame + i) * 1000) for i, low in enumerate(starts)
        ]
        plain = memory_stream(parts, finished=True)
        inner = plain._read

        def read(number: int, skip: int, size: int) -> bytes:
            self.calls += 1
            self.asked += size
            return inner(number, skip, size)

        plain._read = read
        self.stream: ByteStream = plain


def talk_of(client: ByteStream, server: ByteStream, **how: Any) -> Conversation:
    return Conversation(0, client, server, CLIENT, SERVER, closed=True, **how)


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_a_large_body_is_not_read() -> None:
    size = 50_000_000
    server = Counting(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size), piece=65_536)
    rows = transactions(talk_of(memory_stream([(0, GET, 1, 0)]), server.stream))
    assert rows[0].response_body_bytes == size
    assert server.asked < 20_000


def test_a_million_tiny_chunks_are_read_once() -> None:
    count = 1_000_000
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * count + b"0\r\n\r\n"
    server = Counting(data)
    rows = transactions(talk_of(memory_stream([(0, GET, 1, 0)]), server.stream))
    assert (rows[0].response_decoded_bytes, rows[0].outcome) == (count, "complete")
    assert server.asked < 1.2 * len(data)


def test_many_pipelined_requests_are_read_about_once() -> None:
    count = 20_000
    client, server = Counting(GET * count), Counting(b"HTTP/1.1 204 N\r\nX: y\r\n\r\n" * count, first_frame=10**6)
    rows = transactions(talk_of(client.stream, server.stream))
    assert len(rows) == count
    assert {row.status for row in rows} == {204}
    assert client.asked < 1.5 * len(GET) * count
    assert server.asked < 1.5 * server.stream.end


def test_an_endless_head_is_given_up_at_the_limit() -> None:
    data = b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 5_000_000
    server = Counting(data)
    talk = talk_of(memory_stream([(0, GET, 1, 0)]), server.stream)
    (row,) = transactions(talk)
    assert (row.status, row.outcome, row.outcome_why) == (200, "malformed", "header_limit")
    assert any(p.code == "LIMIT-REACHED" for p in talk.problems)
    assert server.asked < 2 * len(data)


def test_junk_is_searched_about_once() -> None:
    data = b"HTTP/1.1\r\n" * 300_000  # the mark everywhere, a message nowhere
    server = Counting(data, piece=10)
    transactions(talk_of(memory_stream([(0, GET, 1, 0)]), server.stream))
    assert server.asked < 3 * len(data)


def test_too_many_transactions_are_said() -> None:
    turns: list[Turn] = [("c", GET), ("s", b"HTTP/1.1 204 N\r\n\r\n")] * 5
    talk = conversation(turns, limits=Limits(transactions_per_stream=3))
    assert len(transactions(talk)) == 3
    assert [p.code for p in talk.problems] == ["LIMIT-REACHED"]


def test_too_many_header_lines_are_said() -> None:
    turns: list[Turn] = [("c", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 9 + b"\r\n"), ("s", b"HTTP/1.1 204 N\r\n\r\n")]
    talk = conversation(turns, limits=Limits(headers=4))
    (row,) = transactions(talk)
    assert len(row.request_headers) == 4
    assert [p.code for p in talk.problems] == ["HTTP-HEADER-LINES"]


def coded(encoding: str, body: bytes, **how: Any) -> int | None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding.encode(), len(body))
    (row,) = transactions(conversation([("c", GET), ("s", head + body)], **how))
    return row.response_decoded_bytes


PAGE = b"<p>hello</p>" * 1000


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(PAGE)),
        ("x-gzip", gzip.compress(PAGE[:500]) + gzip.compress(PAGE[500:])),  # two members, RFC 1952 section 2.2
        ("deflate", zlib.compress(PAGE)),
        ("deflate", zlib.compress(PAGE)[2:-4]),  # the bare stream that old servers send
        ("zstd", zstandard.compress(PAGE)),
        ("identity", PAGE),
    ],
)
def test_decoded_size(encoding: str, body: bytes) -> None:
    assert coded(encoding, body) == len(PAGE)
    assert coded(encoding, body, segment=100) == len(PAGE)


@pytest.mark.parametrize(("encoding", "body"), [("gzip", b"no gzip"), ("gzip", gzip.compress(PAGE)[:-9]), ("br", b"x")])
def test_decoded_size_is_unknown(encoding: str, body: bytes) -> None:
    assert coded(encoding, body) is None


def test_a_bomb_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "DECODED_LIMIT", 1 << 20)
    for encoding, body in (("gzip", gzip.compress(bytes(8 << 20))), ("zstd", zstandard.compress(bytes(8 << 20)))):
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding.encode(), len(body))
        talk = conversation([("c", GET), ("s", head + body)])
        (row,) = transactions(talk)
        assert row.response_decoded_bytes is None
        assert [p.code for p in talk.problems] == ["LIMIT-REACHED"]


def test_a_long_coded_body_is_not_unfolded_and_the_reader_told(monkeypatch: pytest.MonkeyPatch) -> None:
    body = gzip.compress(PAGE)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    for limit, size, codes in ((len(body), len(PAGE), []), (len(body) - 1, None, ["LIMIT-REACHED"])):
        monkeypatch.setattr(coding, "ENCODED_LIMIT", limit)
        talk = conversation([("c", GET), ("s", head + body)])
        (row,) = transactions(talk)
        assert row.response_decoded_bytes == size
        assert [p.code for p in talk.problems] == codes


def test_chunked_gzip_is_decoded_across_chunks() -> None:
    body = gzip.compress(PAGE)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 7]), body[i : i + 7]) for i in range(0, len(body), 7))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    (row,) = transactions(conversation([("c", GET), ("s", head + chunks + b"0\r\n\r\n")]))
    assert (row.response_body_bytes, row.response_decoded_bytes) == (len(chunks) + 5, len(PAGE))


def test_resync_finds_messages_at_block_edges() -> None:
    response = b"HTTP/1.1 404 Not Found\r\nX: y\r\n\r\n"
    request = b"GET /" + b"x" * 3400 + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    for block in (2 * resync.RESPONSE_BYTES, 2 * resync.REQUEST_BYTES, resync.BLOCK, 3 * resync.BLOCK):
        for distance in (block - 1, block - 20, block // 2 - 1, block // 2 + 1, block + 1):
            for data, search in ((response, resync.next_response), (request, resync.next_request)):
                stream = memory_stream([(0, bytes(distance), 1, 0), (distance, data, 2, 1)])
                assert search(stream, 0) == distance


def test_many_responses_without_length_are_read_about_once() -> None:
    # Each ends where the next is proved, because the client went on asking.
    count = 2000
    requests = [(i * len(GET), GET, 2 * i + 1, (2 * i + 1) * 1000) for i in range(count)]
    reply = b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n" + b"y" * 200
    replies = [(i * len(reply), reply, 2 * i + 2, (2 * i + 2) * 1000) for i in range(count)]
    server = memory_stream(replies, finished=True)
    asked = 0
    inner = server._read

    def read(number: int, skip: int, size: int) -> bytes:
        nonlocal asked
        asked += size
        return inner(number, skip, size)

    server._read = read
    rows = transactions(talk_of(memory_stream(requests, finished=True), server))
    assert {(row.status, row.response_body_bytes) for row in rows} == {(200, 200)}
    assert asked < 20 * len(reply) * count


def test_window_reads_forward_in_growing_blocks() -> None:
    data = Counting(bytes(1_000_000))
    window = Window(data.stream)
    for offset in range(0, 1_000_000, 50):
        window.get(offset, 50)
    assert data.asked < 1_100_000


@pytest.mark.parametrize(
    ("value", "kind", "size", "flaw"),
    [
        (b"5", "content_length", 5, None),
        (b"+5", "until_close", 0, "bad_length"),
        (b"-5", "until_close", 0, "bad_length"),
        (b"0x5", "until_close", 0, "bad_length"),
        (b"5, 5", "content_length", 5, None),
        (b"5, 6", "content_length", 5, "conflicting_lengths"),
        (b"", "until_close", 0, "bad_length"),
    ],
)
def test_length_values(value: bytes, kind: str, size: int, flaw: str | None) -> None:
    told = framing.length(Fields([(b"Content-Length", value)]), request=False)
    assert (told.kind, told.size, told.flaw) == (kind, size, flaw)
