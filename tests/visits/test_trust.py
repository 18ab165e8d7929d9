"""How far each number can be trusted, by where the capture was taken: the table of docs/measures.md, row by row."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.visits.trust import at_most
from tests.playbook import Playbook
from tests.visits.scene import Scene, answer, get

NUMBERS = (
    "dns",
    "connect",
    "blocked",
    "send",
    "wait",
    "receive",
    "wait_network",
    "wait_loss",
    "wait_server",
    "receive_loss",
    "receive_window",
)
"""All but TLS, under which nothing is read."""
SEEN_AWAY = dict.fromkeys(NUMBERS, "bounded") | {"wait_server": "measured", "receive_window": "measured"}
EXPECTED = {
    "client": dict.fromkeys(NUMBERS, "measured"),
    "server": SEEN_AWAY,
    "middle": SEEN_AWAY,
}


def words(analysis: Analysis, at: int = 0) -> dict[str, str]:
    """Return what is said of the numbers of one row."""
    return {name: word for name, word in asdict(analysis.http[at].phase_trust).items() if name != "tls"}


@pytest.mark.parametrize("where", ["client", "server", "middle"])
def test_each_vantage(tmp_path: Path, where: str) -> None:
    scene = Scene()
    scene.lookup(0, "shop.example", after=20)
    scene.exchange(30, get("/"), answer(), vantage=where)
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert row.vantage == where
    limits = [name for name, word in words(analysis).items() if word == "bounded" and at_most(row, name)]
    assert limits == [], "what the client waited is at least what was seen elsewhere"
    assert (row.phase_trust.tls, row.tls_why) == ("not_measurable", "plain")
    assert words(analysis) == EXPECTED[where]


def test_local(tmp_path: Path) -> None:
    """Both legs are below 0.2 ms: whichever end the recorder was at, it saw what the other saw."""
    scene = Scene()
    scene.lookup(0, "shop.example", after=20)
    scene.exchange(30, get("/"), answer(), rtt_ms=0.1)
    analysis = scene.analysis(tmp_path)
    assert analysis.http[0].vantage == "unknown"
    assert words(analysis) == dict.fromkeys(NUMBERS, "measured")


def unseen_handshake(scene: Scene, **facts: object) -> Playbook:
    """A connection that was open when the capture began, with one exchange."""
    p = scene.connection(**facts)
    p.recording = False
    p.handshake()
    p.recording = True
    p.at(1060).client.send(get("/"))
    p.at(1120).server.send(answer())
    return p


def test_handshake_not_seen(tmp_path: Path) -> None:
    """Nothing shows the round trip, so all of the wait may be the server's, and it is said to be at most that."""
    scene = Scene()
    unseen_handshake(scene)
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    absent = dict.fromkeys(("dns", "connect", "blocked", "wait_network"), "not_measurable")
    assert row.vantage == "unknown"
    assert (row.wait_ms, row.wait_network_ms, row.wait_server_ms) == (60, None, 60)
    assert [name for name in ("send", "wait", "wait_loss", "wait_server") if at_most(row, name)] == ["wait_server"]
    assert words(analysis) == dict.fromkeys(NUMBERS, "bounded") | absent | {"receive_window": "measured"}


@pytest.mark.parametrize("where", ["client", "server"])
def test_other_connections_tell_where_the_recorder_was(tmp_path: Path, where: str) -> None:
    """Of three handshakes of the same hosts two say the same; the round trip of this connection stays unknown."""
    scene = Scene()
    unseen_handshake(scene)
    for number, told in enumerate((where, where, "middle"), 1):
        scene.exchange(200 * number, get("/"), answer(), vantage=told, client_port=40000 + number)
    analysis = scene.analysis(tmp_path)
    row = next(row for row in analysis.http if row.connect_why == "before_capture")
    assert (row.vantage, row.wait_network_ms) == (where, None)
    assert row.phase_trust.wait == ("measured" if where == "client" else "bounded")
    assert row.phase_trust.wait_server == "bounded"


def test_connections_of_others_tell_nothing(tmp_path: Path) -> None:
    scene = Scene()
    unseen_handshake(scene)
    scene.exchange(200, get("/"), answer(), client="10.0.0.8", server="10.0.0.9")
    analysis = scene.analysis(tmp_path)
    row = next(row for row in analysis.http if row.connect_why == "before_capture")
    assert row.vantage == "unknown"


def test_end_of_the_request_not_captured(tmp_path: Path) -> None:
    """Sending took at least as long as was seen, and the wait began later than that: it is at most what it says."""
    scene = Scene()
    p = scene.connection(mss=200)
    p.handshake()
    first, second = p.client.prepare(
        b"POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 300\r\n\r\n" + b"b" * 300
    )
    p.at(50).emit(first)
    p.at(60).emit(second, captured=False)
    p.at(100).server.ack()
    p.at(150).server.send(answer())
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert row.request_missing_bytes > 0
    assert (row.send_ms, row.wait_ms) == (0, 100)
    said = row.phase_trust
    assert (said.send, said.wait, said.wait_network, said.wait_server) == ("bounded",) * 4
    assert (said.connect, said.receive) == ("measured", "measured")
    assert not at_most(row, "send")
    assert all(at_most(row, name) for name in ("wait", "wait_network", "wait_server"))


def test_middle_of_the_request_not_captured(tmp_path: Path) -> None:
    """First and last byte are there: that others are not changes no time."""
    scene = Scene()
    p = scene.connection(mss=200)
    p.handshake()
    body = b"POST /a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 500\r\n\r\n" + b"b" * 500
    first, second, third = p.client.prepare(body)
    p.at(50).emit(first)
    p.at(55).emit(second, captured=False)
    p.at(60).emit(third)
    p.at(100).server.ack()
    p.at(150).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert row.request_missing_bytes == 200
    assert (row.send_ms, row.wait_ms, row.wait_server_min_ms) == (10, 90, 50)
    assert (row.phase_trust.send, row.phase_trust.wait, row.phase_trust.wait_server) == ("measured",) * 3


def test_answer_cut_by_the_end_of_the_capture(tmp_path: Path) -> None:
    """It took at least as long as was recorded."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    head, second, _ = p.server.prepare(answer(size=4000))
    p.at(100).emit(head)
    p.at(130).emit(second)
    (row,) = scene.analysis(tmp_path).http
    assert (row.outcome, row.receive_ms) == ("truncated", 30)
    said = row.phase_trust
    assert (said.receive, said.receive_loss, said.receive_window) == ("bounded",) * 3
    assert (said.wait, said.wait_server) == ("measured", "measured")


def test_requests_may_be_missing_before_this_one(tmp_path: Path) -> None:
    """Between the two that were seen there was a third: since when the connection was free is not certain."""
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    p.at(110).client.send(get("/lost"), captured=False)
    p.at(160).server.send(answer(), captured=False)
    p.at(200).client.send(get("/b"))
    p.at(260).server.send(answer())
    (row,) = [row for row in scene.analysis(tmp_path).http if row.target == "/b"]
    assert (row.blocked_ms, row.phase_trust.blocked) == (100, "bounded")
    assert at_most(row, "blocked")


def test_without_an_answer(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.ack()
    p.at(100).server.rst()
    analysis = scene.analysis(tmp_path)
    there = {name for name, word in words(analysis).items() if word != "not_measurable"}
    assert there == {"connect", "blocked", "send", "wait"}, "and nobody knows what the wait was made of"
    assert words(analysis)["wait"] == "measured"


@pytest.mark.parametrize("vantage", ["client", "server"])
def test_still_waiting_when_the_capture_ends(tmp_path: Path, vantage: str) -> None:
    """The last packet is the server's acknowledgement at 90: the client waited for 40 ms at least, wherever it is."""
    scene = Scene()
    p = scene.connection(vantage=vantage)
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.ack()
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert (row.wait_ms, words(analysis)["wait"], at_most(row, "wait")) == (40, "bounded", False)


def test_rows_share_what_is_said_of_them(tmp_path: Path) -> None:
    """A table of thousands of rows holds a few of these objects."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    for k in range(50):
        p.at(45 + 25 * k).client.send(get(f"/{k}"))
        p.at(65 + 25 * k).server.send(answer())
    rows = scene.analysis(tmp_path).http
    assert len({id(row.phase_trust) for row in rows}) == 2, "the first, which opened the connection, and the others"


def test_side_that_opened_the_connection_answers(tmp_path: Path) -> None:
    """A tunnel that connects backwards: who opened it is the HTTP server, and the recorder is near it."""
    scene = Scene()
    p = scene.connection(vantage="client")
    p.handshake()
    p.at(60).server.send(get("/"))
    p.at(140).client.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert (row.status, row.vantage, row.wait_ms) == (200, "server", 80)
    assert (row.wait_loss_ms, row.wait_network_ms, row.wait_server_ms) == (None, None, 80)
    assert row.phase_trust.wait_server == "bounded"


def test_recorder_that_swapped_the_syns(tmp_path: Path) -> None:
    """The SYN/ACK stands before the SYN that it answers, 10 µs early: connecting begins with the SYN all the same."""
    scene = Scene()
    p = scene.connection(vantage="server")
    p.at(100).handshake()
    (asked, syn), (answered, syn_ack), ack = p.packets
    p.packets[:] = [(answered - 10_000, syn_ack), (asked, syn), ack]
    p.at(150).client.send(get("/"))
    p.at(210).server.send(answer())
    (row,) = scene.analysis(tmp_path).http
    assert row.phase_frames.connect == (2, 3)
    assert (row.connect_ms, row.blocked_ms, row.total_ms) == (40, 10, 110)
