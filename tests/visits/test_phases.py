"""Phases of scripted transactions, their times worked out by hand from the script's clock (milliseconds)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.flows.build import Flows, follow
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.schema import HttpRow, TlsRow
from analyzer.visits.lookups import Lookup
from analyzer.visits.model import Facts
from analyzer.visits.phases import with_phases
from tests import build
from tests.visits.scene import Scene, answer, check, get, hello


def phases(row: HttpRow) -> tuple[float | None, ...]:
    """Return (connect, blocked, send, wait, receive)."""
    return row.connect_ms, row.blocked_ms, row.send_ms, row.wait_ms, row.receive_ms


def test_blocked_send_wait_receive(tmp_path: Path) -> None:
    """Ready at 40, first byte at 55, last request byte at 60, answer from 130 to 150: nothing between is lost."""
    scene = Scene()
    p = scene.connection(mss=100)
    p.handshake()
    first, second = p.client.prepare(get("/a", Cookie="c" * 100))
    p.at(55).emit(first)
    p.at(60).emit(second)
    p.at(100).server.ack()
    head, *rest = p.server.prepare(answer(size=200))
    p.at(130).emit(head)
    p.at(150).resend(rest)
    (row,) = scene.analysis(tmp_path).http
    assert phases(row) == (40, 15, 5, 70, 20)
    assert (row.wait_network_ms, row.wait_loss_ms, row.wait_server_ms) == (40, 0, 30)
    assert row.total_ms == 150
    assert (row.dns_ms, row.dns_why) == (None, "not_captured")
    assert (row.tls_ms, row.tls_why) == (None, "plain")


def test_second_request_waits_for_the_first(tmp_path: Path) -> None:
    """Asked 10 ms after the previous answer was complete; dns, connect and tls were paid for before."""
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    p.at(110).client.send(get("/b"))
    p.at(160).server.send(answer())
    _, row = scene.analysis(tmp_path).http
    assert phases(row) == (None, 10, 0, 50, 0)
    assert row.total_ms == 60


def test_a_pause_is_not_charged(tmp_path: Path) -> None:
    """Three seconds after the last answer somebody clicks: that is no part of what the request took."""
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    p.at(3100).client.send(get("/b"))
    p.at(3160).server.send(answer())
    _, row = scene.analysis(tmp_path).http
    assert phases(row) == (None, None, 0, 60, 0)
    assert row.total_ms == 60


def test_a_pause_of_just_a_second_is_charged(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    p.at(1100).client.send(get("/b"))
    p.at(1160).server.send(answer())
    _, row = scene.analysis(tmp_path).http
    assert row.blocked_ms == 1000


def test_middle_segment_of_a_request_lost(tmp_path: Path) -> None:
    """The first of two segments is repeated after 300 ms; the last one, which arrived, was sent only once."""
    scene = Scene()
    p = scene.connection(mss=100)
    p.handshake()
    lost, last = p.client.prepare(get("/a", Cookie="c" * 100))
    p.at(50).emit(lost, delivered=False)
    p.at(50).emit(last)
    p.at(90).server.ack()
    p.at(350).emit(lost)
    p.at(390).server.ack()
    p.at(400).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert phases(row)[2:] == (0, 350, 0)
    assert (row.wait_loss_ms, row.wait_network_ms, row.wait_server_ms) == (300, 40, 10)


def test_head_of_the_response_late(tmp_path: Path) -> None:
    """The second segment was there at 140, the first (repeated) at 440: 300 of the 390 ms are loss."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.ack()
    head, second = p.server.prepare(answer(size=2000))
    p.at(140).emit(second)
    p.at(140).client.ack()
    p.at(440).emit(head)
    p.at(440).client.ack()
    (row,) = scene.analysis(tmp_path).http
    assert phases(row)[2:] == (0, 390, 0)
    assert (row.wait_loss_ms, row.wait_network_ms, row.wait_server_ms) == (300, 40, 50)


def test_download_stalled_by_a_hole(tmp_path: Path) -> None:
    """From 110 on the third segment waits for the second, which comes at 500; the whole takes until 510."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    first, lost, third, fourth = p.server.prepare(answer(size=5000))
    p.at(100).emit(first)
    p.at(110).emit(third)
    p.at(110).client.ack()
    p.at(500).emit(lost)
    p.at(510).emit(fourth)
    p.at(510).client.ack()
    (row,) = scene.analysis(tmp_path).http
    assert phases(row)[2:] == (0, 50, 410)
    assert (row.receive_loss_ms, row.receive_window_ms) == (390, 0)


def test_download_stopped_by_the_receivers_window(tmp_path: Path) -> None:
    """The client's window is shut from 120 to 620; that is 500 of the 540 ms the download took."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    first, second = p.server.prepare(answer(size=2000))
    p.at(100).emit(first)
    p.client.window = 0
    p.at(120).client.ack()
    p.client.window = 64240
    p.at(620).client.ack()
    p.at(640).emit(second)
    p.at(640).client.ack()
    (row,) = scene.analysis(tmp_path).http
    assert phases(row)[2:] == (0, 50, 540)
    assert (row.receive_loss_ms, row.receive_window_ms) == (0, 500)


def test_window_shut_before_the_answer_began(tmp_path: Path) -> None:
    """Shut at 60, before the first byte at 100 (a probe that fits), opened at 300: 200 ms of the download."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.client.window = 0
    p.at(60).client.ack()
    first, second = p.server.prepare(answer(size=2000))
    p.at(100).emit(first)
    p.client.window = 64240
    p.at(300).client.ack()
    p.at(320).emit(second)
    (row,) = scene.analysis(tmp_path).http
    assert (row.receive_ms, row.receive_window_ms) == (220, 200)


def test_early_answer_ends_the_sending(tmp_path: Path) -> None:
    """The server refuses (413) at 100 while the upload goes on until 200: sending counts to 100, waiting is 0."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    body = b"POST /up HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4000\r\n\r\n" + b"u" * 4000
    first, second, third = p.client.prepare(body)
    p.at(50).emit(first)
    p.at(60).emit(second)
    p.at(100).server.send(answer(413, 5))
    p.at(200).emit(third)
    p.at(240).server.ack()
    (row,) = scene.analysis(tmp_path).http
    assert row.status == 413
    assert phases(row)[2:] == (50, 0, 0)


def test_seen_at_the_server(tmp_path: Path) -> None:
    """At the server no network lies before the answer: the 80 ms are the server's. The handshake shows 40 ms."""
    scene = Scene()
    p = scene.connection(vantage="server")
    p.handshake()
    p.at(60).client.send(get("/a"))
    p.at(140).server.send(answer())
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert analysis.capture.vantage == "server"
    assert (row.connect_ms, row.wait_ms) == (40, 80)
    assert (row.wait_network_ms, row.wait_loss_ms, row.wait_server_ms) == (0, 0, 80)


def test_seen_in_the_middle(tmp_path: Path) -> None:
    """From here it is 20 ms to the server and back; what lies between here and the client is not in the 80 ms."""
    scene = Scene()
    p = scene.connection(vantage="middle")
    p.handshake()
    p.at(60).client.send(get("/a"))
    p.at(140).server.send(answer())
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert analysis.capture.vantage == "middle"
    assert (row.wait_ms, row.wait_network_ms, row.wait_server_ms) == (80, 20, 60)


def test_request_in_the_syn_is_not_paid_twice(tmp_path: Path) -> None:
    """TCP Fast Open: the request leaves with the SYN at 0 and is answered at 100: 100 ms in all, not 140."""
    scene = Scene()
    p = scene.connection()
    request = get("/fast")
    p.client.syn_sent = True
    (opening,) = p.client.prepare(request, flags="S")
    scene.add(0, _with_sequence(request))
    p.client.arrived.append((0, len(request)))
    p.at(40).server.syn()
    p.at(40).client.ack()
    p.at(100).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert opening.offset == 0
    assert (row.request_time, row.response_time) == (p.ns(0), p.ns(100))
    assert phases(row) == (0, 0, 0, 100, 0)
    assert row.total_ms == 100


def _with_sequence(data: bytes) -> bytes:
    """A SYN that carries data: its first byte has the number after the SYN's own."""
    return build.eth(build.ip4(build.tcp(data, seq=1000, flags="S", options=build.mss(1460))))


def test_without_an_answer(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.ack()
    p.at(100).server.rst()
    (row,) = scene.analysis(tmp_path).http
    assert phases(row) == (40, 10, 0, 50, None), "until the reset, 50 ms after the request"
    assert (row.wait_why, row.total_ms) == (row.outcome_why, 100)


def test_many_requests_on_one_connection(tmp_path: Path) -> None:
    """Each of 300 requests: 5 ms after the previous answer, 20 ms of waiting, none of another's time."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    for k in range(300):
        p.at(45 + 25 * k).client.send(get(f"/{k}"))
        p.at(65 + 25 * k).server.send(answer())
    rows = scene.analysis(tmp_path).http
    assert len(rows) == 300
    assert {phases(row)[1:] for row in rows} == {(5, 0, 20, 0)}
    assert rows[299].total_ms == pytest.approx(25)


def test_clock_that_runs_backwards(tmp_path: Path) -> None:
    """The ACK of the handshake bears an earlier time than the SYN: connecting took nobody knows how long."""
    scene = Scene()
    p = scene.exchange(100, get("/a"), answer())
    times = [when for when, _ in p.packets]
    times[2] = times[0] - 1_000_000
    p.packets[:] = list(zip(times, (data for _, data in p.packets), strict=True))
    path = tmp_path / "back.pcap"
    path.write_bytes(build.pcap_file(p.packets, nanoseconds=True))
    analysis = analyze(str(path))
    check(analysis)
    (row,) = analysis.http
    assert (row.connect_ms, row.connect_why, row.wait_ms) == (None, "clock", 60)


def test_tunnel_is_no_part_of_the_request_that_opened_it(tmp_path: Path) -> None:
    """CONNECT asked at 50, answered at 90; the TLS handshake inside begins at 100 and belongs to what comes then."""
    scene = Scene()
    p = scene.connection(server_port=3128)
    p.handshake()
    p.at(50).client.send(b"CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n")
    p.at(90).server.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    p.at(100).client.send(hello("shop.example"))
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert [session.sni for session in analysis.tls] == ["shop.example"]
    assert phases(row) == (40, 10, 0, 40, 0)
    assert (row.tls_ms, row.tls_why, row.total_ms) == (None, "plain", 90)


# ── requests inside TLS: rows as the decryption of a session gives them ──────────────────────────────────────────────


@pytest.mark.parametrize(
    ("hello", "finished", "expected"),
    [
        (50, 130, (40, 80, 10)),  # the request leaves 10 ms after the handshake
        (50, 170, (40, 90, 0)),  # early data (RFC 8446 section 2.3): it leaves before the handshake is over
        (20, 130, (20, 110, 10)),  # the ClientHello travels with the SYN's data or close behind (RFC 7413)
    ],
)
def test_inside_tls(
    tmp_path: Path, hello: float, finished: float, expected: tuple[float | None, float | None, float | None]
) -> None:
    """Connected from 0 to 40, asked at 140, answered at 200: what of connect and TLS came before the request."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(140).client.send(get("/a"))
    p.at(200).server.send(answer())
    facts, flows = _facts(scene, tmp_path)
    session = _session(tmp_path, client_hello_time=p.ns(hello), finished_time=p.ns(finished))
    http = tuple(replace(row, decrypted=True) for row in facts.http)
    owed = {0: Lookup((), None, "cached")}
    (row,) = with_phases(replace(facts, http=http, tls=(session,)), flows, owed).http
    assert (row.connect_ms, row.tls_ms, row.blocked_ms) == expected
    assert (row.wait_ms, row.total_ms) == (60, sum(part or 0 for part in expected) + 60)
    assert row.phase_frames.tls == (4, 4 if finished > 140 else 5)


def _facts(scene: Scene, folder: Path) -> tuple[Facts, Flows]:
    """Return what the phases are made from, for a scene of plain HTTP."""
    analysis = scene.analysis(folder)
    flows = follow(decode(open_capture(str(folder / "scene.pcap"), Options(), None), Options(), None))
    a = analysis
    return Facts(a.capture, a.arp, a.dns, flows.connections, a.tls, a.http, a.icmp, flows.segments), flows


def _session(folder: Path, *, client_hello_time: int, finished_time: int) -> TlsRow:
    """Return a session with these times; its frames are 4 and 5."""
    scene = Scene()
    p = scene.connection(server_port=443)
    p.handshake()
    p.at(50).client.send(hello("shop.example"))
    (found,) = scene.analysis(folder).tls
    return replace(
        found,
        client_hello_time=client_hello_time,
        finished_time=finished_time,
        handshake_ms=(finished_time - client_hello_time) / 1e6,
        client_hello_frame=4,
        finished_frame=5,
    )
