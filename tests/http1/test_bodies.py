"""What the table says of a response's content: its size, why that is unknown, its type, what compression would save."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from random import Random
from typing import Any

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import bodies, coding, compression, session
from analyzer.protocols.http1.grammar import Fields
from analyzer.schema import HttpRow
from tests.http1.talk import Hole, Turn, conversation

GET = b"GET /page HTTP/1.1\r\nHost: shop.example\r\nAccept-Encoding: gzip, br\r\n\r\n"
PAGE = b"<!doctype html>\n" + b"".join(b"<p>hello, number %d</p>\n" % (n * n) for n in range(1000))


def talk(body: bytes | list[bytes], *fields: bytes, status: int = 200, asked: bytes = GET, **how: Any) -> Conversation:
    """One response whose body is by length, whatever of it was captured."""
    parts = [body] if isinstance(body, bytes) else body
    head = [b"HTTP/1.1 %d X" % status, b"Content-Length: %d" % sum(map(len, parts)), *fields]
    turns: list[Turn] = [("c", asked), ("s", b"\r\n".join(head) + b"\r\n\r\n"), *(("s", part) for part in parts)]
    return conversation(turns, **how)


def row(body: bytes | list[bytes], *fields: bytes, **how: Any) -> HttpRow:
    (only,) = session.transactions(talk(body, *fields, **how))
    return only


def told(only: HttpRow) -> tuple[int | None, str | None, str | None]:
    return only.response_decoded_bytes, only.response_decoded_why, only.content_type_seen


def chunked(body: bytes, size: int) -> bytes:
    cut = [body[low : low + size] for low in range(0, len(body), size)]
    return b"".join(b"%x;e=1\r\n%s\r\n" % (len(part), part) for part in cut) + b"0\r\nTrailer: x\r\n\r\n"


# ── its size, or why it is unknown ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        (b"identity", bytes),
        (b"gzip", gzip.compress),
        (b"deflate", zlib.compress),
        (b"br", brotli.compress),
        (b"zstd", zstandard.compress),
        (b"br, gzip", lambda data: gzip.compress(brotli.compress(data))),
    ],
)
def test_size_behind_the_codings(encoding: bytes, encode: Callable[[bytes], bytes]) -> None:
    for how in ({}, {"segment": 100}):
        assert told(row(encode(PAGE), b"Content-Encoding: " + encoding, **how)) == (len(PAGE), None, "text/html")
    turns: list[Turn] = [
        ("c", GET),
        ("s", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: " + encoding + b"\r\n\r\n"),
        ("s", chunked(encode(PAGE), 900)),
    ]
    (only,) = session.transactions(conversation(turns, segment=333))
    assert told(only) == (len(PAGE), None, "text/html")


def test_a_transfer_coding_comes_off_before_the_content_coding() -> None:
    body = chunked(gzip.compress(brotli.compress(PAGE)), 70)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    (only,) = session.transactions(conversation([("c", GET), ("s", head + body)]))
    assert told(only) == (len(PAGE), None, "text/html")


GZIPPED = gzip.compress(PAGE)


@pytest.mark.parametrize(
    ("body", "fields", "how", "expected"),
    [
        (b"", (), {}, (0, None, None)),
        (b"\x1f\x9d\x90abc", (b"Content-Encoding: compress",), {}, (None, "unknown_coding", None)),
        (PAGE, (b"Content-Encoding: gzip",), {}, (None, "broken", None)),
        (GZIPPED[:-9], (b"Content-Encoding: gzip",), {}, (None, "incomplete", "text/html")),
        (GZIPPED[:-8] + bytes(8), (b"Content-Encoding: gzip",), {}, (None, "broken", "text/html")),
        (GZIPPED[20:], (b"Content-Encoding: gzip",), {"status": 206}, (None, "part", None)),
        (GZIPPED, (b"Content-Encoding: gzip",), {"status": 206}, (len(PAGE), None, "text/html")),
        ([PAGE[:700], Hole(PAGE[700:800]), PAGE[800:]], (), {}, (None, "missing_bytes", "text/html")),
        ([Hole(PAGE[:10]), PAGE[10:]], (), {}, (None, "missing_bytes", None)),
        (
            [GZIPPED[:600], Hole(GZIPPED[600:900]), GZIPPED[900:]],
            (b"Content-Encoding: gzip",),
            {},
            (None, "missing_bytes", "text/html"),
        ),
    ],
)
def test_why_it_is_unknown(
    body: bytes | list[bytes], fields: tuple[bytes, ...], how: dict[str, Any], expected: tuple[object, ...]
) -> None:
    assert told(row(body, *fields, **how)) == expected


def test_a_message_that_is_not_known_to_its_end() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n"
    (only,) = session.transactions(conversation([("c", GET), ("s", head + PAGE)], finished=False))
    assert told(only) == (None, "truncated", "text/html")
    (cut_head,) = session.transactions(conversation([("c", GET), ("s", b"HTTP/1.1 200 OK\r\nServer: x\r\n")]))
    assert told(cut_head) == (None, "truncated", None)
    (unanswered,) = session.transactions(conversation([("c", GET)], finished=False))
    assert told(unanswered) == (None, None, None)


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────


def codes(conversation: Conversation) -> list[str]:
    return [problem.code for problem in conversation.problems]


def test_all_bodies_of_a_capture_share_a_budget() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(GZIPPED) + GZIPPED
    turns: list[Turn] = [("c", GET), ("s", answer)] * 6
    whole = conversation(turns)
    whole.budget.unfolded_bytes = len(PAGE) * 5 // 2
    rows = session.transactions(whole)
    size = len(PAGE)
    assert [r.response_decoded_bytes for r in rows] == [size, size, None, None, None, None]
    assert [r.response_decoded_why for r in rows] == [None, None, "limit", "limit", "limit", "limit"]
    assert codes(whole) == ["LIMIT-REACHED"]


def test_the_budget_goes_from_one_connection_to_the_next() -> None:
    first, second = talk(GZIPPED, b"Content-Encoding: gzip"), talk(GZIPPED, b"Content-Encoding: gzip")
    second.budget = first.budget
    before = first.budget.unfolded_bytes
    session.transactions(first)
    session.transactions(second)
    assert before - second.budget.unfolded_bytes == 2 * len(PAGE)


def test_a_bomb_is_given_up_and_its_type_still_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coding, "DECODED_LIMIT", 1 << 20)
    bomb = b"<html>" + bytes(8 << 20)
    for encoding, body in ((b"gzip", gzip.compress(bomb)), (b"br", brotli.compress(bomb, quality=4))):
        one = talk(body, b"Content-Encoding: " + encoding)
        (only,) = session.transactions(one)
        assert told(only) == (None, "limit", "text/html")
        assert codes(one) == ["LIMIT-REACHED"]


# ── its bytes ────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.binary(max_size=9000), st.integers(1, 5000), st.integers(1, 3000))
def test_content_of_chunks(body: bytes, size: int, segment: int) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    facing, (exchange,) = session.exchanges(
        conversation([("c", GET), ("s", head + chunked(body, size))], segment=segment)
    )
    assert exchange.response is not None
    assert exchange.response.body is not None
    assert b"".join(bodies.content(facing.server, exchange.response.body)) == body


@pytest.mark.parametrize("size", [300, 6000])
def test_content_ends_at_a_hole(size: int) -> None:
    """Nothing from behind a hole is moved up to what stands before it, in a chunk or between two."""
    sent = chunked(PAGE, size)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for at in (0, 2, 10, 5000, sent.index(b"\r\n", 6050), sent.index(b"\r\n", 6050) + 1):
        turns: list[Turn] = [("c", GET), ("s", head + sent[:at]), ("s", Hole(sent[at : at + 3])), ("s", sent[at + 3 :])]
        facing, (exchange,) = session.exchanges(conversation(turns))
        assert exchange.response is not None
        assert exchange.response.body is not None
        held = b"".join(bodies.content(facing.server, exchange.response.body))
        assert PAGE.startswith(held)
        assert len(held) >= at * 0.9 - 20
        assert not bodies.whole(exchange.response.body)


# ── what compression would have saved ────────────────────────────────────────────────────────────────────────────


def missed(body: bytes, *fields: bytes, **how: Any) -> int | None:
    return row(body, *fields, **how).compression_missed_bytes


HTML = b"Content-Type: text/html"


def test_missed_is_about_what_gzip_saves() -> None:
    text = b"".join(b"line %d: nothing to see here, go on to the next one\n" % number for number in range(300))
    saved = len(text) - len(gzip.compress(text, compression.LEVEL))
    assert missed(text, HTML) == pytest.approx(saved, abs=100)
    longer = text * 20  # more than the sample: the rest is taken to compress alike
    saved = len(longer) - len(gzip.compress(longer, compression.LEVEL))
    assert missed(longer, HTML) == pytest.approx(saved, rel=0.15)


@pytest.mark.parametrize(
    ("fields", "how"),
    [
        ((HTML, b"Content-Encoding: gzip"), {}),
        ((b"Content-Type: image/png",), {}),
        ((b"Content-Type: text/event-stream",), {}),
        ((HTML,), {"status": 206}),
        ((HTML,), {"asked": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"}),
        ((HTML,), {"asked": b"GET / HTTP/1.1\r\nAccept-Encoding: br, gzip;q=0\r\n\r\n"}),
        ((HTML,), {"asked": b"GET / HTTP/1.1\r\nAccept-Encoding: identity\r\n\r\n"}),
    ],
)
def test_nothing_was_missed_where_the_question_does_not_arise(fields: tuple[bytes, ...], how: dict[str, Any]) -> None:
    body = GZIPPED if len(fields) > 1 else PAGE
    assert missed(body, *fields, **how) is None


def test_what_counts_as_missed() -> None:
    assert missed(PAGE[: compression.LEAST_BYTES - 1], HTML) is None
    assert (missed(PAGE[: compression.LEAST_BYTES], HTML) or 0) > 500
    assert (missed(PAGE) or 0) > 15_000  # no type named: the first bytes show HTML
    assert (missed(PAGE, b"Content-Type: application/ld+json; charset=x") or 0) > 15_000
    assert missed(Random(1).randbytes(5000), b"Content-Type: text/plain") == 0


@pytest.mark.parametrize(
    ("value", "allowed"),
    [
        (b"gzip", True),
        (b"GZIP, deflate", True),
        (b"deflate, x-gzip;q=0.5", True),
        (b"*", True),
        (b"gzip; q=0", False),
        (b"gzip;q=0.000", False),
        (b"gzip;q=0.001", True),
        (b"br", False),
        (b"", False),
    ],
)
def test_accept_encoding(value: bytes, allowed: bool) -> None:
    """RFC 9110 sections 12.4.2 (a weight of 0 means not acceptable) and 12.5.3."""
    assert compression.takes_gzip(Fields([(b"Accept-Encoding", value)])) is allowed


def test_samples_are_bounded_and_that_is_said_once() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nContent-Length: %d\r\n\r\n" % len(PAGE) + PAGE
    turns: list[Turn] = [("c", GET), ("s", answer)] * 5
    one = conversation(turns)
    one.budget.sampled_bytes = 2 * compression.SAMPLE_BYTES + 5
    assert [r.compression_missed_bytes is None for r in session.transactions(one)] == [False, False, True, True, True]
    assert codes(one) == ["LIMIT-REACHED"]
