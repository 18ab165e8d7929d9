"""Messages that end where one does not expect it, and holes exactly where they hurt.

Recorded at the client, 40 ms from the server; the handshake runs from 0 to 40 ms in frames 1 to 3.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.imperfect.script import answer, facts, get, run, times
from tests.playbook import Playbook, Segment


def opened() -> Playbook:
    p = Playbook(rtt_ms=40)
    p.handshake()
    return p


def cut_at(p: Playbook, data: bytes, *places: int) -> list[Segment]:
    """Cut what the server sends into segments at the given places."""
    edges = [0, *places, len(data)]
    begin = p.server.sent
    p.server.prepare(data)
    return [Segment("server", begin + low, data[low:high]) for low, high in pairwise(edges)]


def test_answers_without_bodies_in_a_pipeline(tmp_path: Path) -> None:
    """HEAD, 204 and 304 name lengths of bodies that never come (RFC 9112 section 6.3); nothing may slip."""
    p = opened()
    ask = b" HTTP/1.1\r\nHost: shop.example\r\n"
    p.at(50).client.send(
        b"HEAD /head" + ask + b"\r\n"
        b"GET /none" + ask + b"\r\n"
        b"GET /same" + ask + b'If-None-Match: "x"\r\n\r\n'
        b"GET /body" + ask + b"\r\n"
    )
    p.at(90).server.ack()
    told = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"
        b"HTTP/1.1 204 No Content\r\nContent-Length: 50\r\n\r\n"
        b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 700\r\n\r\n'
        b"HTTP/1.1 203 Other\r\nContent-Length: 3\r\n\r\nend"
    )
    p.at(100).server.send(told)
    p.at(100).client.ack()
    p.at(200).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [(f"/{path}", status, "complete") for path, status in
                               (("head", 200), ("none", 204), ("same", 304), ("body", 203))]  # fmt: skip
    assert [row.response_body_bytes for row in analysis.http] == [0, 0, 0, 3]
    assert [row.pipelined for row in analysis.http] == [False, True, True, True]
    assert [(row.request_frames, row.response_frames) for row in analysis.http] == [((4, 4), (6, 6))] * 4
    assert analysis.http[2].cache == "hit_304"
    assert "HTTP-JUNK" not in analysis.problem_counts


@pytest.mark.parametrize("place", [4, 9, 16, 25, 40, 48, 57])
def test_chunked_with_trailers(tmp_path: Path, place: int) -> None:
    """Chunk extensions, two trailer fields, cut anywhere; the next answer begins right behind the blank line."""
    p = opened()
    p.at(50).client.send(get("/chunks"))
    coded = b'5;name="a b"\r\nhello\r\n6\r\n world\r\n0;last\r\nX-Sum: 12\r\nX-Time: 0.5\r\n\r\n'
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Time\r\n\r\n"
    for moment, segment in zip((100, 130), cut_at(p, head + coded, len(head) + place), strict=True):
        p.at(moment).emit(segment)
    p.at(131).client.ack()
    p.at(150).client.send(get("/next"))
    p.at(200).server.send(answer(410, 4))
    p.at(300).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/chunks", 200, "complete"), ("/next", 410, "complete")]
    first = analysis.http[0]
    assert (first.framing, first.response_body_bytes, first.response_decoded_bytes) == ("chunked", len(coded), 11)
    assert (first.response_frames, times(first)) == ((5, 6), (50, 50, 100, 130))
    assert ("X-Sum", "12") not in first.response_headers, "a trailer is no header"
    assert times(analysis.http[1]) == (150, 150, 200, 200)


def test_101_ends_http_on_the_connection(tmp_path: Path) -> None:
    """What follows the 101 is WebSocket, though its text spells HTTP, at the start of a segment."""
    p = opened()
    p.at(50).client.send(
        b"GET /chat HTTP/1.1\r\nHost: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    accept = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"  # RFC 6455 section 1.3
    p.at(100).server.send(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + accept + b"\r\n"
    )
    text = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    p.at(150).server.send(bytes([0x81, len(text)]))
    p.at(151).server.send(text)
    asked = get("/not-a-request")
    p.at(200).client.send(bytes([0x81, 0x80 | len(asked)]) + b"\0\0\0\0" + asked)  # masked with zeros
    p.at(300).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/chat", 101, "switched")]
    (row,) = analysis.http
    assert (row.upgrade, row.request_frames, row.response_frames) == ("websocket", (4, 4), (5, 5))
    assert times(row) == (50, 50, 100, 100)
    (talk,) = analysis.websocket
    assert (talk.client_messages, talk.server_messages, talk.accept) == (1, 1, "right")
    assert [(m.from_, m.bytes) for m in talk.messages] == [("server", len(text)), ("client", len(asked))]


# ── holes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hole_exactly_at_a_head(tmp_path: Path) -> None:
    """The segment with the second answer's whole head is missing, its body is there: whose body it is, is not known."""
    p = opened()
    p.at(50).client.send(get("/one"))
    p.at(100).server.send(answer(200, 5))  # 5
    p.at(100).client.ack()
    p.at(150).client.send(get("/two"))  # 7
    told = answer(302, 500)
    head, body = cut_at(p, told, told.index(b"\r\n\r\n") + 4)
    p.at(200).emit(head, captured=False)
    p.at(200).emit(body)  # 8
    p.at(201).client.ack()
    p.at(250).client.send(get("/three"))  # 10
    p.at(300).server.send(answer(404, 6))  # 11
    p.at(400).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/one", 200, "complete"), ("/two", None, "not_captured"), ("/three", 404, "complete")]
    two, three = analysis.http[1:]
    assert (two.outcome_why, two.response_frames, two.wait_ms) == ("lost", None, None)
    assert times(three) == (250, 250, 300, 300)
    assert (three.request_frames, three.response_frames) == ((10, 10), (11, 11))
    assert analysis.connections.row(0).server_missing_bytes == len(head.data)


def test_a_hole_exactly_at_a_chunk_size_line(tmp_path: Path) -> None:
    """Of three chunks the segment with the second one's size line is missing: how long it was, nobody knows."""
    p = opened()
    p.at(50).client.send(get("/chunks"))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10\r\n" + b"c" * 16 + b"\r\n"
    told = head + chunk * 3 + b"0\r\n\r\n"
    second = len(head) + len(chunk)
    segments = cut_at(p, told, second, second + 4)
    for moment, segment in zip((100, 101, 102), segments, strict=True):
        p.at(moment).emit(segment, captured=segment is not segments[1])
    p.at(103).client.ack()
    p.at(150).client.send(get("/next"))
    p.at(200).server.send(answer(404, 6))
    p.at(300).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/chunks", 200, "truncated"), ("/next", 404, "complete")]
    first = analysis.http[0]
    assert (first.outcome_why, first.response_decoded_bytes, first.framing) == ("lost", None, "chunked")
    assert first.response_body_bytes == len(chunk), "as far as it is known"
    assert first.response_frames == (5, 5)
    assert times(analysis.http[1]) == (150, 150, 200, 200)


def test_a_hole_inside_a_chunk_is_skipped_exactly(tmp_path: Path) -> None:
    """The same with the data of the second chunk missing and its size line there: nothing is in doubt."""
    p = opened()
    p.at(50).client.send(get("/chunks"))
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10\r\n" + b"c" * 16 + b"\r\n"
    told = head + chunk * 3 + b"0\r\n\r\n"
    data = len(head) + len(chunk) + 4
    segments = cut_at(p, told, data, data + 16)
    for segment in segments:
        p.at(100).emit(segment, captured=segment is not segments[1])
    p.at(103).client.ack()
    p.at(150).client.send(get("/next"))
    p.at(200).server.send(answer(404, 6))
    p.at(300).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/chunks", 200, "complete"), ("/next", 404, "complete")]
    first = analysis.http[0]
    assert (first.response_body_bytes, first.response_missing_bytes) == (3 * len(chunk) + 5, 16)
    assert (first.outcome_why, first.response_decoded_bytes) == ("lost", None)


def boundary(p: Playbook, lost_from: int, lost_to: int) -> tuple[bytes, bytes]:
    """Three exchanges, the first two answers (200 and 302) in one go, of which bytes [lost_from, lost_to) counted from
    the boundary between them were not captured; the third is a 404."""
    first, second = answer(200, 400), answer(302, 300)
    p.at(50).client.send(get("/one"))
    p.at(60).client.send(get("/two"))
    told = first + second
    at = len(first)
    for moment, segment in zip((100, 101, 102), cut_at(p, told, at + lost_from, at + lost_to), strict=True):
        p.at(moment).emit(segment, captured=moment != 101)
    p.at(103).client.ack()
    p.at(150).client.send(get("/three"))
    p.at(200).server.send(answer(404, 6))
    p.at(300).close()
    return first, second


def test_a_hole_that_ends_at_the_boundary(tmp_path: Path) -> None:
    """The last 100 bytes of the first body are missing, the second answer begins right behind the hole."""
    p = opened()
    _, second = boundary(p, -100, 0)
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/one", 200, "complete"), ("/two", 302, "complete"), ("/three", 404, "complete")]
    assert [row.response_missing_bytes for row in analysis.http] == [100, 0, 0]
    assert analysis.http[0].outcome_why == "lost"
    assert [row.response_body_bytes for row in analysis.http] == [400, 300, 6]
    assert analysis.http[1].response_frames == (7, 7)
    assert times(analysis.http[1]) == (60, 60, 102, 102)
    assert len(second) == analysis.http[1].response_end_offset - analysis.http[1].response_offset  # type: ignore[operator]


def test_a_hole_that_is_the_whole_second_message(tmp_path: Path) -> None:
    """From boundary to boundary: the first answer is whole, the 404 belongs to the third request."""
    p = opened()
    first, second = answer(200, 400), answer(302, 300)
    p.at(50).client.send(get("/one"))
    p.at(100).server.send(first)
    p.at(100).client.ack()
    p.at(110).client.send(get("/two"))
    p.at(140).server.send(second, captured=False)
    p.at(141).client.ack()
    p.at(150).client.send(get("/three"))
    p.at(200).server.send(answer(404, 6))
    p.at(300).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/one", 200, "complete"), ("/two", None, "not_captured"), ("/three", 404, "complete")]
    assert analysis.http[1].outcome_why == "lost"
    assert [row.response_missing_bytes for row in analysis.http] == [0, 0, 0]
    assert analysis.connections.row(0).server_missing_bytes == len(second)
    assert times(analysis.http[2]) == (150, 150, 200, 200)


@pytest.mark.parametrize("behind", [1, 10, 30])
def test_a_hole_over_the_boundary(tmp_path: Path, behind: int) -> None:
    """The end of the first body and the beginning of the second head are missing; the second request was pipelined.

    The first answer's end is known by its length, so the hole holds the beginning of another one: the second's. The 404
    is the third answer, and three requests were sent.
    """
    p = opened()
    boundary(p, -50, behind)
    analysis = run(p, tmp_path)
    assert facts(analysis) == [
        ("/one", 200, "complete"),
        ("/two", None, "not_captured"),
        ("/three", 404, "complete"),
    ]
    assert [row.outcome_why for row in analysis.http] == ["lost", "lost", None]
    assert [row.response_missing_bytes for row in analysis.http] == [50, 0, 0]
    assert not [f for f in analysis.findings if f.code == "HTTP-NO-RESPONSE"]
