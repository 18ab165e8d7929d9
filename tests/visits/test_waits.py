"""Waits taken apart: which round trip, what loss cost, what the server's own acknowledgement proves, whose turn it was.

All times are worked out by hand from the script's clock (milliseconds); the recorder is near the client unless said
otherwise, 40 ms from the server.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.pipeline import analyze
from analyzer.schema import HttpRow
from analyzer.visits import receipts
from tests import build
from tests.playbook import Playbook
from tests.visits.scene import Scene, answer, check, get

Waits = tuple[float | None, float | None, float | None, float | None]


def waits(row: HttpRow) -> Waits:
    """Return (network, loss, server, server at least)."""
    return row.wait_network_ms, row.wait_loss_ms, row.wait_server_ms, row.wait_server_min_ms


def opened(scene: Scene, **facts: object) -> Playbook:
    """A connection whose handshake is done at 40."""
    p = scene.connection(**facts)
    p.handshake()
    return p


# ── which round trip ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_quickest_round_trip_counts(tmp_path: Path) -> None:
    """The SYN/ACK was held up (200 ms); the first request was acknowledged in 40, so 40 are the network's."""
    scene = Scene()
    p = scene.connection(rtt_ms=200)
    p.handshake()
    p.at(210).client.send(get("/a"))
    p.at(250).server.ack()
    p.at(300).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert row.connect_ms == 200
    assert waits(row) == (40, 0, 50, 50)


def test_a_slow_acknowledgement_does_not_excuse_the_server(tmp_path: Path) -> None:
    """Acknowledged after 70 of the 100 ms: at least the 30 after that are its own, at most 60 (less the path)."""
    scene = Scene()
    p = opened(scene)
    p.at(50).client.send(get("/a"))
    p.at(120).server.ack()
    p.at(150).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert waits(row) == (40, 0, 60, 30)


def test_an_answer_faster_than_the_handshake(tmp_path: Path) -> None:
    """The acknowledgement travels with the answer, after 30 ms: all of them are the network's."""
    scene = Scene()
    p = opened(scene)
    p.at(50).client.send(get("/a"))
    p.at(80).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert waits(row) == (30, 0, 0, None)


# ── what the server's acknowledgement proves ─────────────────────────────────────────────────────────────────────────


def test_acknowledged_in_part(tmp_path: Path) -> None:
    """The acknowledgement at 50 covers the first segment only, that at 130 all of the request, which ended at 60."""
    scene = Scene()
    p = opened(scene, mss=100)
    first, second = p.client.prepare(get("/a", Cookie="c" * 100))
    p.at(50).emit(first)
    p.at(50).server.ack()
    p.at(60).emit(second)
    p.at(130).server.ack()
    p.at(200).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert (row.send_ms, row.wait_ms) == (10, 140)
    assert row.wait_server_min_ms == 70


@pytest.mark.parametrize(("acked", "word"), [(590, "measured"), (591, "bounded")])
def test_acknowledged_late(tmp_path: Path, acked: float, word: str) -> None:
    """A TCP says within 500 ms that it has something; 540 ms after the request, less 40 for the path, is the limit."""
    scene = Scene()
    p = opened(scene)
    p.at(50).client.send(get("/a"))
    p.at(acked).server.ack()
    p.at(800).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert waits(row) == (40, 0, 710, 800 - acked)
    assert row.phase_trust.wait_server == word


@pytest.mark.parametrize(("took", "word"), [(540, "measured"), (541, "bounded")])
def test_never_acknowledged(tmp_path: Path, took: float, word: str) -> None:
    scene = Scene()
    scene.exchange(0, get("/a"), answer(), took=took)
    (row,) = scene.analysis(tmp_path).http
    assert (row.wait_server_ms, row.phase_trust.wait_server) == (took - 40, word)


def test_acknowledgements_of_another_connection(tmp_path: Path) -> None:
    """The body is never acknowledged to its end; what the server says on the other connection is about that one."""
    scene = Scene()
    p = opened(scene, mss=200)
    first, second = p.client.prepare(
        b"POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 300\r\n\r\n" + b"b" * 300
    )
    p.at(50).emit(first)
    q = scene.connection(client_port=40001)
    q.at(55).handshake()
    q.at(96).client.send(get("/b", Cookie="c" * 1000))
    q.at(140).server.ack()
    p.at(150).server.send(answer(413))
    p.at(160).emit(second, delivered=False)
    q.at(200).server.send(answer())
    analysis = scene.analysis(tmp_path)
    assert [row.target for row in analysis.http] == ["/a", "/b"]
    assert receipts.read(analysis.segments, analysis.http) == [None, p.ns(140)]


def test_an_answer_is_no_acknowledgement_of_its_own(tmp_path: Path) -> None:
    """Its second segment overtook the first: that the request had arrived by then proves nothing about working time."""
    scene = Scene()
    p = opened(scene)
    p.at(50).client.send(get("/a"))
    head, second = p.server.prepare(answer(size=2000))
    p.at(140).emit(second)
    p.at(150).emit(head)
    (row,) = scene.analysis(tmp_path).http
    assert waits(row) == (40, 10, 50, None)


def test_never_above_what_is_left(tmp_path: Path) -> None:
    """Acknowledged after 10 ms already, by something on the way: the 110 ms after that lie behind it."""
    scene = Scene()
    p = opened(scene)
    p.at(50).client.send(get("/a"))
    p.at(60).server.ack()
    p.at(170).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert row.wait_network_ms == 10, "the quickest round trip"
    assert (row.wait_server_ms, row.wait_server_min_ms) == (110, 110)


@pytest.mark.parametrize(("acked", "expected"), [(50.2, (400, 0, 200, None)), (52, (2, 0, 598, 598))])
def test_acknowledged_by_a_middlebox(tmp_path: Path, acked: float, expected: Waits) -> None:
    """SYN/ACK after 400 ms, and the request is acknowledged after 0.2: not by a server that far away.

    After 2 ms it may have been one that was slow to begin with (a radio that woke up).
    """
    scene = Scene()
    p = scene.connection(rtt_ms=400)
    p.handshake()
    p.at(450).client.send(get("/a"))
    p.at(400 + acked).server.ack()
    p.at(1050).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert waits(row) == expected
    assert row.phase_trust.wait_server == ("bounded" if acked < 51 else "measured")


@pytest.mark.parametrize(
    ("acked", "word"),
    [(None, "bounded"), (140, "bounded"), (100, "measured")],
)
def test_upload(tmp_path: Path, acked: float | None, word: str) -> None:
    """Three segments leave at 50 and queue on a slow line: how long, only an acknowledgement within 50 ms tells."""
    scene = Scene()
    p = opened(scene)
    body = b"x" * 4000
    p.at(50).client.send(b"PUT /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4000\r\n\r\n" + body)
    if acked is not None:
        p.at(acked).server.ack()
    p.at(200).server.send(answer(201))
    (row,) = scene.analysis(tmp_path).http
    assert waits(row) == (40, 0, 110, None if acked is None else 200 - acked)
    assert row.phase_trust.wait_server == word


def test_interim_answer_proves_the_request(tmp_path: Path) -> None:
    """103 at 100 comes with the acknowledgement; the final answer at 400 is what was waited for (RFC 8297)."""
    scene = Scene()
    p = opened(scene)
    p.at(50).client.send(get("/a"))
    (hint,) = p.at(100).server.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
    (final,) = p.at(400).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert [(i.status, i.frame) for i in row.informational] == [(103, hint)]
    assert (row.status, row.wait_ms, row.phase_frames.wait) == (200, 350, (4, final))
    assert waits(row) == (40, 0, 310, 300)


# ── loss ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_request_lost_and_repeated(tmp_path: Path) -> None:
    """Sent at 50, again at 350 and 950, acknowledged at 990, answered at 1000: 900 ms of loss, 10 of the server."""
    scene = Scene()
    p = opened(scene)
    segments = p.client.prepare(get("/a"))
    p.at(50).resend(segments, delivered=False)
    p.at(350).resend(segments, delivered=False)
    p.at(950).resend(segments)
    p.at(990).server.ack()
    p.at(1000).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert (row.send_ms, row.wait_ms) == (0, 950)
    assert waits(row) == (40, 900, 10, 10)


def test_request_repeated_after_it_had_arrived(tmp_path: Path) -> None:
    """Acknowledged at 90; the repeat at 350 was not what the server answered: nothing is loss."""
    scene = Scene()
    p = opened(scene)
    segments = p.client.prepare(get("/a"))
    p.at(50).resend(segments)
    p.at(90).server.ack()
    p.at(350).resend(segments)
    p.at(400).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert waits(row) == (40, 0, 310, 310)


def test_repeat_that_the_server_reports_as_needless(tmp_path: Path) -> None:
    """Its acknowledgement was lost; that of the repeat says (DSACK, RFC 2883) that the first copy had arrived."""
    scene = Scene()
    p = opened(scene)
    request = get("/a")
    segments = p.client.prepare(request)
    p.at(50).resend(segments)
    p.at(350).resend(segments)
    end = 1_001 + len(request)
    duplicate = build.tcp(
        sport=80, dport=40000, seq=9_000_001, ack=end, flags="A", options=build.sack((1_001, end))
    )  # reports what it already had
    scene.add(390, build.eth(build.ip4(duplicate, src="10.0.0.2", dst="10.0.0.1"), src=build.MAC_B, dst=build.MAC_A))
    p.at(400).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert waits(row) == (40, 0, 310, 10)


def test_same_packet_recorded_twice_is_no_loss(tmp_path: Path) -> None:
    """A mirror port shows the request twice, 50 µs apart (same IP identification)."""
    scene = Scene()
    p = opened(scene)
    p.at(50).client.send(get("/a"))
    p.packets.append((p.ns(50.05), p.packets[-1][1]))
    p.at(150).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert waits(row) == (40, 0, 60, None)


# ── whose turn it was ────────────────────────────────────────────────────────────────────────────────────────────────


def test_pipelined(tmp_path: Path) -> None:
    """Both asked at 50; answered at 150 and 250. The second was not blocked, it queued: its 200 ms are a limit."""
    scene = Scene()
    p = opened(scene)
    p.at(50).client.send(get("/a"))
    p.at(50).client.send(get("/b"))
    p.at(90).server.ack()
    p.at(150).server.send(answer())
    p.at(250).server.send(answer())
    first, second = scene.analysis(tmp_path).http
    assert (first.pipelined, first.wait_why, first.phase_trust.wait_server) == (False, None, "measured")
    assert waits(first) == (40, 0, 60, 60)
    assert (second.pipelined, second.wait_why, second.blocked_ms) == (True, "pipelined", None)
    assert (second.wait_ms, second.total_ms) == (200, 200)
    assert waits(second) == (40, 0, 160, None)
    assert (second.phase_trust.wait, second.phase_trust.wait_server) == ("measured", "bounded")


def test_many_pipelined_in_one_segment(tmp_path: Path) -> None:
    scene = Scene()
    p = opened(scene)
    p.at(50).client.send(b"".join(get(f"/{k}") for k in range(5)))
    for k in range(5):
        p.at(100 + 10 * k).server.send(answer())
    rows = scene.analysis(tmp_path).http
    assert [row.wait_ms for row in rows] == [50, 60, 70, 80, 90]
    assert [row.wait_why for row in rows] == [None] + ["pipelined"] * 4
    assert [row.blocked_ms for row in rows] == [10, None, None, None, None]


def test_expect_continue(tmp_path: Path) -> None:
    """The head at 50, 100 at 110, the body from 120 to 130, the answer at 200: sending took 80, 60 of them waiting."""
    scene = Scene()
    p = opened(scene, mss=500)
    head = b"PUT /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 800\r\nExpect: 100-continue\r\n\r\n"
    p.at(50).client.send(head)
    p.at(90).server.ack()
    (interim,) = p.at(110).server.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    first, last = p.client.prepare(b"b" * 800)
    p.at(120).emit(first)
    (ended,) = p.at(130).emit(last)
    p.at(170).server.ack()
    (final,) = p.at(200).server.send(answer(201))
    (row,) = scene.analysis(tmp_path).http
    assert [(i.status, i.frame) for i in row.informational] == [(100, interim)]
    assert (row.send_ms, row.phase_frames.send) == (80, (4, ended))
    assert (row.wait_ms, row.phase_frames.wait) == (70, (ended, final))
    assert waits(row) == (40, 0, 30, 30)
    assert row.total_ms == 40 + 10 + 80 + 70


def test_refused_before_the_body_was_sent(tmp_path: Path) -> None:
    """417 instead of 100: the client never sends the body, and there is nothing early about the answer."""
    scene = Scene()
    p = opened(scene)
    head = b"PUT /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 800\r\nExpect: 100-continue\r\n\r\n"
    p.at(50).client.send(head)
    p.at(130).server.send(answer(417))
    p.at(130).client.send(get("/b"))
    p.at(190).server.send(answer())
    first, second = scene.analysis(tmp_path).http
    assert (first.status, first.send_ms, first.wait_ms, first.wait_why) == (417, 0, 80, None)
    assert (second.status, second.blocked_ms, second.wait_ms) == (200, 0, 60)


def test_early_answer(tmp_path: Path) -> None:
    """413 at 100 while the body is under way until 200: no wait, no server's share; the next turn begins at 200."""
    scene = Scene()
    p = opened(scene, mss=200)
    body = b"POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 400\r\n\r\n" + b"b" * 400
    first, second, third = p.client.prepare(body)
    p.at(50).emit(first)
    p.at(60).emit(second)
    (refused,) = p.at(100).server.send(answer(413))
    p.at(200).emit(third)
    p.at(240).server.ack()
    p.at(260).client.send(get("/b"))
    p.at(320).server.send(answer())
    early, later = scene.analysis(tmp_path).http
    assert (early.send_ms, early.wait_ms, early.wait_why, early.receive_ms) == (50, 0, "early", 0)
    assert (early.phase_frames.send, early.phase_frames.wait) == ((4, refused), (refused, refused))
    assert waits(early) == (None, None, None, None)
    assert early.phase_trust.wait_server == "not_measurable"
    assert (later.blocked_ms, later.wait_ms) == (60, 60)


def test_connect_to_a_proxy(tmp_path: Path) -> None:
    """What the proxy took to reach the far server, 100 ms after its acknowledgement, is its own time to this client."""
    scene = Scene()
    p = opened(scene, server_port=3128)
    p.at(50).client.send(b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n")
    p.at(90).server.ack()
    p.at(190).server.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    (row,) = scene.analysis(tmp_path).http
    assert (row.outcome, row.wait_ms) == ("switched", 140)
    assert waits(row) == (40, 0, 100, 100)


def test_switched_to_websocket(tmp_path: Path) -> None:
    """101 is final (RFC 9110 section 15.2.2): it ends the wait, and what follows is no part of the request."""
    scene = Scene()
    p = opened(scene)
    ask = get("/chat", Connection="Upgrade", Upgrade="websocket")
    p.at(50).client.send(ask)
    p.at(120).server.send(b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    p.at(5000).server.send(b"\x81\x02hi")
    (row,) = scene.analysis(tmp_path).http
    assert (row.status, row.wait_ms, row.receive_ms, row.total_ms) == (101, 70, 0, 120)


def test_reused_after_a_long_silence(tmp_path: Path) -> None:
    """A minute later: nobody queued for a minute, and the connection was paid for before."""
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    p.at(60_000).client.send(get("/b"))
    p.at(60_070).server.send(answer())
    _, row = scene.analysis(tmp_path).http
    assert (row.blocked_ms, row.phase_frames.blocked, row.phase_trust.blocked) == (None, None, "not_measurable")
    assert (row.wait_ms, row.total_ms, waits(row)) == (70, 70, (40, 0, 30, None))


def test_after_an_exchange_whose_end_was_not_seen(tmp_path: Path) -> None:
    """The first answer was not captured: when the second request's turn came is not known."""
    scene = Scene()
    p = opened(scene)
    p.at(50).client.send(get("/a"))
    p.at(100).server.send(answer(), captured=False)
    p.at(120).client.send(get("/b"))
    p.at(200).server.send(answer())
    first, second = scene.analysis(tmp_path).http
    assert (first.outcome, first.wait_ms, first.wait_why) == ("not_captured", None, "lost")
    assert (second.blocked_ms, second.wait_ms) == (None, 80)


def test_answer_without_its_request(tmp_path: Path) -> None:
    """The request fell into a hole: what can be told is how long the answer took to arrive."""
    scene = Scene()
    p = opened(scene)
    p.at(50).client.send(get("/a"), captured=False)
    head, rest = p.server.prepare(answer(size=2000))
    p.at(120).emit(head)
    p.at(150).emit(rest)
    (row,) = scene.analysis(tmp_path).http
    assert (row.outcome, row.send_ms, row.wait_ms, row.wait_why) == ("not_captured", None, None, "no_request")
    assert (row.connect_ms, row.receive_ms, row.total_ms) == (40, 30, 70)


@pytest.mark.parametrize(("failed", "asked"), [(True, 1060), (False, 60)])
def test_connection_attempt_that_failed_before(tmp_path: Path, failed: bool, asked: float) -> None:
    """A first attempt, to another port, is refused: it belongs to no request, and the lookup is still paid for."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=20)
    if failed:
        refused = scene.connection(client_port=39999, server_port=8080)
        refused.at(20).client.syn()
        refused.at(60).server.rst()
    p = scene.connection()
    p.at(asked).handshake()
    p.at(asked + 40).client.send(get("/a"))
    p.at(asked + 100).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert (row.dns_ms, row.connect_ms, row.total_ms) == (20, 40, 120)


def test_clock_set_back_during_the_wait(tmp_path: Path) -> None:
    """The answer bears an earlier time than its request: how long was waited nobody knows."""
    scene = Scene()
    p = scene.exchange(100, get("/a"), answer())
    times = [when for when, _ in p.packets]
    times[4] = times[0]
    path = tmp_path / "back.pcap"
    path.write_bytes(build.pcap_file(list(zip(times, (d for _, d in p.packets), strict=True)), nanoseconds=True))
    analysis = analyze(str(path))
    check(analysis)
    (row,) = analysis.http
    assert (row.status, row.wait_ms, row.wait_why, waits(row)) == (200, None, "clock", (None,) * 4)
