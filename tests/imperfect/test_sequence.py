"""Sequence numbers at their worst: used again, wrapped, probed, and sent twice with different bytes.

Recorded at the client, 40 ms from the server; the handshake runs from 0 to 40 ms in frames 1 to 3.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.imperfect.script import answer, facts, get, run, times
from tests.playbook import Playbook, Segment


def test_the_same_ports_for_a_second_connection(tmp_path: Path) -> None:
    """The first one's end was not recorded, nor its last answer; ten seconds later the ports serve again."""
    first = Playbook(rtt_ms=40)
    first.handshake()
    first.at(50).client.send(get("/one"))
    first.at(110).server.send(answer(200, 5))
    first.at(110).client.ack()
    first.at(200).client.send(get("/never-answered"))
    second = Playbook(rtt_ms=40, client_isn=77_000_000, server_isn=5)
    second.at(10_000).handshake()
    second.at(10_050).client.send(get("/two"))
    second.at(10_120).server.send(answer(404, 6))
    second.at(10_200).close()
    analysis = run(first.packets + second.packets, tmp_path)
    assert facts(analysis) == [
        ("/one", 200, "complete"),
        ("/never-answered", None, "no_response"),
        ("/two", 404, "complete"),
    ]
    assert [(row.stream, row.index) for row in analysis.http] == [(0, 0), (0, 1), (1, 0)]
    two = analysis.http[2]
    assert times(two) == (10_050, 10_050, 10_120, 10_120)
    assert (two.connect_ms, two.wait_ms) == (40, 70)
    assert (two.request_frames, two.response_frames) == ((11, 11), (12, 12))


@pytest.mark.parametrize("before", range(1, 60, 7))
def test_the_numbers_wrap_inside_a_header(tmp_path: Path, before: int) -> None:
    """2^32 is passed so many bytes into both heads, which come in segments of 20 bytes."""
    isn = 2**32 - 1 - before
    p = Playbook(rtt_ms=40, mss=20, client_isn=isn, server_isn=isn)
    p.handshake()
    p.at(50).client.send(get("/wrapped"))
    requests = len(p.packets) - 3
    p.at(90).server.ack()
    head = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-9/90\r\nContent-Length: 10\r\n\r\n"
    p.at(100).server.send(head + b"b" * 10)
    p.at(101).client.ack()
    p.at(150).client.send(get("/next"))
    p.at(200).server.send(answer(404, 30))
    p.at(250).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/wrapped", 206, "complete"), ("/next", 404, "complete")]
    assert analysis.http[0].request_frames == (4, 3 + requests)
    assert [times(row) for row in analysis.http] == [(50, 50, 100, 100), (150, 150, 200, 200)]
    assert [(row.request_missing_bytes, row.response_missing_bytes) for row in analysis.http] == [(0, 0), (0, 0)]
    assert analysis.http[0].response_headers[0] == ("Content-Range", "bytes 0-9/90")


@pytest.mark.parametrize("probe", [b"\0", b"\n", b""], ids=["a zero byte", "the last byte again", "no byte"])
def test_keep_alive_bytes_between_requests(tmp_path: Path, probe: bytes) -> None:
    """While nothing is asked for, the client probes with the byte before its next one (RFC 9293 section 3.8.4)."""
    p = Playbook(rtt_ms=40)
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(110).server.send(answer(200, 5))
    p.at(110).client.ack()
    for moment in (10_000, 20_000):
        p.at(moment).emit(Segment("client", p.client.sent - 1, probe, "A"))
        p.at(moment + 40).server.ack()
    p.at(30_000).emit(Segment("server", p.server.sent - 1, probe, "A"))
    p.at(30_000).client.ack()
    p.at(31_000).client.send(get("/b"))  # frame 13
    p.at(31_080).server.send(answer(404, 6))
    p.at(31_200).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/a", 200, "complete"), ("/b", 404, "complete")]
    second = analysis.http[1]
    assert (second.request_frames, second.response_frames) == ((13, 13), (14, 14))
    assert times(second) == (31_000, 31_000, 31_080, 31_080)
    assert (second.wait_ms, second.wait_loss_ms) == (80, 0)
    assert second.request_missing_bytes == 0
    assert "HTTP-JUNK" not in analysis.problem_counts


def test_a_segment_sent_again_with_other_bytes(tmp_path: Path) -> None:
    """The first copy says 200, the second, 300 ms later and as long, 500. What came first counts, and is said."""
    p = Playbook(rtt_ms=40)
    p.handshake()
    p.at(50).client.send(get("/a"))
    told = answer(200, 20)
    p.at(100).server.send(told)
    p.at(100).client.ack()
    p.at(400).emit(Segment("server", 0, told.replace(b" 200 ", b" 500 ")))
    p.at(400).client.ack()
    p.at(450).client.send(get("/b"))
    p.at(500).server.send(answer(404, 6))
    p.at(600).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/a", 200, "complete"), ("/b", 404, "complete")]
    first = analysis.http[0]
    assert (first.response_frames, first.response_body_bytes) == ((5, 5), 20)
    assert times(first) == (50, 50, 100, 100), "what came later changes no time"
    assert [f.code for f in analysis.findings if f.code == "TCP-OVERLAP-CONFLICT"] == ["TCP-OVERLAP-CONFLICT"]


def test_segments_that_overlap_in_part_and_differ(tmp_path: Path) -> None:
    """The second segment begins 20 bytes before the first one ends, inside the head, and disagrees about them."""
    p = Playbook(rtt_ms=40)
    p.handshake()
    p.at(50).client.send(get("/a"))
    told = b"HTTP/1.1 200 OK\r\nX-Which: first\r\nContent-Length: 8\r\n\r\nbody1234"
    split = told.index(b"first") + len(b"first")
    other = told.replace(b"first", b"other")
    p.server.prepare(told)
    p.at(100).emit(Segment("server", 0, told[:split]))
    p.at(101).emit(Segment("server", split - 20, other[split - 20 :]))
    p.at(101).client.ack()
    p.at(150).client.send(get("/b"))
    p.at(200).server.send(answer(404, 6))
    p.at(300).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/a", 200, "complete"), ("/b", 404, "complete")]
    first = analysis.http[0]
    assert ("X-Which", "first") in first.response_headers
    assert (first.response_body_bytes, first.response_missing_bytes) == (8, 0)
    assert (first.response_frames, times(first)) == ((5, 6), (50, 50, 100, 101))
    assert any(f.code == "TCP-OVERLAP-CONFLICT" for f in analysis.findings)


def test_the_later_half_first_and_overlapping(tmp_path: Path) -> None:
    """Out of order and overlapping: the head's end came before its beginning, which says other things of the middle."""
    p = Playbook(rtt_ms=40)
    p.handshake()
    p.at(50).client.send(get("/a"))
    told = b"HTTP/1.1 200 OK\r\nX-Which: first\r\nContent-Length: 8\r\n\r\nbody1234"
    middle = told.index(b"X-Which")
    p.server.prepare(told)
    p.at(100).emit(Segment("server", middle, told[middle:]))
    p.at(104).emit(Segment("server", 0, told.replace(b"first", b"other")))
    p.at(104).client.ack()
    p.at(300).close()
    (row,) = run(p, tmp_path).http
    assert (row.status, row.outcome, row.response_body_bytes) == (200, "complete", 8)
    assert ("X-Which", "first") in row.response_headers, "first captured, though it lies later"
    assert times(row) == (50, 50, 104, 104), "the first byte and the whole were there at 104 ms only"
    assert row.response_frames == (6, 6)
