"""Nine imperfect captures, from the packets to the tables: right status on the right URL, times where they belong.

Every capture is a script (tests/playbook.py); the expected times are worked out from its clock by hand. Unless said
otherwise they are taken at the client, 40 ms from the server, the handshake running from 0 to 40 ms.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.imperfect.script import answer, facts, get, run, times
from tests.playbook import Playbook


def test_slow_body(tmp_path: Path) -> None:
    """The first byte comes after 60 ms, the last after 3 s: a slow download is not a slow server."""
    p = Playbook(rtt_ms=40)
    p.handshake()
    p.at(50).client.send(get("/film"))
    p.at(90).server.ack()
    body = answer(200, 4 * 1460)
    p.at(110).server.send(body[:1460])
    p.at(110).client.ack()
    p.at(1110).server.send(body[1460:2920])
    p.at(1110).client.ack()
    p.at(3110).server.send(body[2920:])
    p.at(3110).client.ack()
    p.at(3120).close()
    (row,) = run(p, tmp_path).http
    assert (row.url, row.status, row.outcome) == ("http://shop.example/film", 200, "complete")
    assert times(row) == (50, 50, 110, 3110)
    assert row.request_frames == (4, 4)
    assert row.response_frames == (6, 12)  # 6, ack 7, 8, ack 9, and 10 to 12 carry the rest
    assert (row.connect_ms, row.blocked_ms, row.send_ms, row.wait_ms, row.receive_ms) == (40, 10, 0, 60, 3000)
    assert (row.wait_network_ms, row.wait_loss_ms, row.wait_server_ms) == (40, 0, 20)
    assert row.response_body_bytes == 5840


def test_request_lost_twice(tmp_path: Path) -> None:
    """Sent at 50 ms, again at 350 and 950: only the third arrives. The 900 ms are the network's."""
    p = Playbook(rtt_ms=40)
    p.handshake()
    segments = p.client.prepare(get("/order"))
    for moment in (50, 350):
        p.at(moment).resend(segments, delivered=False)
    p.at(950).resend(segments)
    p.at(990).server.ack()
    p.at(1000).server.send(answer(201, 10))
    p.at(1000).client.ack()
    p.at(1100).close()
    (row,) = run(p, tmp_path).http
    assert (row.target, row.status, row.outcome) == ("/order", 201, "complete")
    assert times(row) == (50, 50, 1000, 1000)
    assert row.request_frames == (4, 4)
    assert row.wait_ms == 950
    assert (row.wait_loss_ms, row.wait_network_ms, row.wait_server_ms) == (900, 40, 10)


def test_two_response_segments_swapped(tmp_path: Path) -> None:
    """The head comes after the second segment; the next exchange must not shift."""
    p = Playbook(rtt_ms=40)
    p.handshake()
    p.at(50).client.send(get("/first"))
    p.at(90).server.ack()
    head, second, third = p.server.prepare(answer(200, 3 * 1460 - 60))
    p.at(150).emit(second)
    p.at(150).client.ack()
    p.at(155).emit(head)
    p.at(155).client.ack()
    p.at(156).emit(third)
    p.at(156).client.ack()
    p.at(200).client.send(get("/second"))
    p.at(260).server.send(answer(404, 5))
    p.at(260).client.ack()
    p.at(300).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/first", 200, "complete"), ("/second", 404, "complete")]
    first, second_row = analysis.http
    assert times(first) == (50, 50, 155, 156), "the first byte is the head's, though a later one was seen before"
    assert first.response_frames == (8, 10)
    assert first.wait_ms == 105
    assert first.wait_loss_ms == 5, "the second segment had been there for 5 ms"
    assert (first.receive_ms, first.response_missing_bytes) == (1, 0)
    assert times(second_row) == (200, 200, 260, 260)
    assert (second_row.connect_ms, second_row.connect_why) == (None, "reused")
    assert not second_row.pipelined


def test_missing_body_segment_and_a_later_404(tmp_path: Path) -> None:
    """One segment of the body was sent and acknowledged, but not recorded: it is counted, and the 404 stays put."""
    p = Playbook(rtt_ms=40)
    p.handshake()
    p.at(50).client.send(get("/page"))
    p.at(90).server.ack()
    segments = p.server.prepare(answer(200, 4 * 1460))
    for moment, segment in zip((100, 101, 102, 103, 104), segments, strict=True):
        p.at(moment).emit(segment, captured=segment is not segments[2])
    p.at(105).client.ack()
    p.at(200).client.send(get("/missing.css"))
    p.at(250).server.send(answer(404, 9))
    p.at(250).client.ack()
    p.at(300).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/page", 200, "complete"), ("/missing.css", 404, "complete")]
    page, missing = analysis.http
    assert (page.response_missing_bytes, page.response_body_bytes, page.outcome_why) == (1460, 5840, "lost")
    assert page.response_decoded_bytes is None
    assert times(page) == (50, 50, 100, 104)
    assert (missing.response_missing_bytes, missing.wait_ms) == (0, 50)
    assert analysis.connections.row(0).server_missing_bytes == 1460


def test_three_pipelined_requests(tmp_path: Path) -> None:
    """Three requests in one segment, three answers in order, the second without a body."""
    p = Playbook(rtt_ms=40)
    p.handshake()
    p.at(50).client.send(get("/a") + b"HEAD /b HTTP/1.1\r\nHost: shop.example\r\n\r\n" + get("/c"))
    p.at(90).server.ack()
    p.at(100).server.send(answer(200, 3))
    p.at(120).server.send(b"HTTP/1.1 302 Found\r\nLocation: /d\r\nContent-Length: 900\r\n\r\n" + answer(500, 4))
    p.at(120).client.ack()
    p.at(200).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/a", 200, "complete"), ("/b", 302, "complete"), ("/c", 500, "complete")]
    assert [row.pipelined for row in analysis.http] == [False, True, True]
    assert [row.request_frames for row in analysis.http] == [(4, 4)] * 3
    assert [row.response_frames for row in analysis.http] == [(6, 6), (7, 7), (7, 7)]
    assert [row.wait_ms for row in analysis.http] == [50, 70, 70]
    assert [row.response_body_bytes for row in analysis.http] == [3, 0, 4]


def test_file_cut_inside_its_last_packet(tmp_path: Path) -> None:
    """The recorder died while it wrote the second answer's last segment."""
    p = Playbook(rtt_ms=40)
    p.handshake()
    p.at(50).client.send(get("/one"))
    p.at(100).server.send(answer(200, 7))
    p.at(100).client.ack()
    p.at(150).client.send(get("/two"))
    p.at(210).server.send(answer(200, 2 * 1460))
    analysis = run(p, tmp_path, cut=30)
    assert analysis.capture.partial
    assert analysis.capture.packets in (9, 10), "the packet that was cut may be there in part"
    assert facts(analysis) == [("/one", 200, "complete"), ("/two", 200, "truncated")]
    two = analysis.http[1]
    assert two.outcome_why == "capture_end"
    assert times(two)[:3] == (150, 150, 210)
    assert two.response_decoded_bytes is None
    assert any(problem.layer == "capture" for problem in analysis.problems)


def test_expect_100_continue(tmp_path: Path) -> None:
    """The body waits for the 100; sending lasts from the head to the body, and the 100 is not the answer."""
    p = Playbook(rtt_ms=40)
    p.handshake()
    head = b"PUT /upload HTTP/1.1\r\nHost: shop.example\r\nExpect: 100-continue\r\nContent-Length: 2000\r\n\r\n"
    p.at(50).client.send(head)
    p.at(90).server.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    p.at(91).client.send(b"u" * 2000)
    p.at(131).server.ack()
    p.at(151).server.send(b"HTTP/1.1 201 Created\r\nLocation: /upload\r\nContent-Length: 0\r\n\r\n")
    p.at(151).client.ack()
    p.at(200).client.send(get("/upload"))
    p.at(240).server.send(answer(200, 2))
    p.at(250).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/upload", 201, "complete"), ("/upload", 200, "complete")]
    put, read = analysis.http
    assert (put.method, read.method) == ("PUT", "GET")
    assert [(i.frame, i.status) for i in put.informational] == [(5, 100)]
    assert times(put) == (50, 91, 151, 151)
    assert put.request_frames == (4, 7)
    assert (put.request_body_bytes, put.send_ms, put.wait_ms, put.receive_ms) == (2000, 41, 60, 0)


def test_capture_starting_mid_connection(tmp_path: Path) -> None:
    """Recording began inside the first answer's body: what is left of it is no message, and the rest pairs."""
    p = Playbook(rtt_ms=40)
    p.recording = False
    p.handshake()
    p.at(50).client.send(get("/before"))
    segments = p.server.prepare(answer(200, 4000))
    p.at(100).emit(segments[0])
    p.recording = True
    p.at(101).emit(segments[1])
    p.at(102).emit(segments[2])
    p.at(102).client.ack()
    p.at(150).client.send(get("/after"))
    p.at(210).server.send(answer(403, 6))
    p.at(210).client.ack()
    p.at(250).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/after", 403, "complete")]
    (row,) = analysis.http
    assert row.request_frames == (4, 4)
    assert times(row) == (150, 150, 210, 210)
    assert (row.wait_ms, row.connect_ms, row.connect_why) == (60, None, "before_capture")
    connection = analysis.connections.row(0)
    assert (connection.handshake, connection.client, connection.application) == ("midstream", "10.0.0.1", "http1")


def test_two_lost_syns(tmp_path: Path) -> None:
    """SYNs at 0, 1 and 3 s, only the third is answered: the user waited 3.04 s, though a round trip takes 40 ms."""
    p = Playbook(rtt_ms=40)
    p.at(0).client.syn(delivered=False)
    p.at(1000).client.syn(delivered=False)
    p.at(3000)
    p.handshake()
    p.at(3050).client.send(get("/late"))
    p.at(3110).server.send(answer(200, 1))
    p.at(3110).client.ack()
    p.at(3200).close()
    analysis = run(p, tmp_path)
    assert facts(analysis) == [("/late", 200, "complete")]
    (row,) = analysis.http
    connection = analysis.connections.row(0)
    assert (connection.connect_ms, connection.syn_loss_ms, connection.initial_rtt_ms) == (3040, 3000, 40)
    assert (connection.syn_frame, connection.syn_frames) == (1, (1, 2, 3))
    assert (row.connect_ms, row.blocked_ms, row.wait_ms) == (3040, 10, 60)
    assert row.total_ms == pytest.approx(3040 + 10 + 60)
