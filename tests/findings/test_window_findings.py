"""Findings about receive windows: closed ones that somebody waited for, and ones too small for the path."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.schema import FindingRow
from analyzer.sentences import finding_text, sentence
from tests.playbook import Playbook, Segment
from tests.visits.scene import Scene, alarms, answer, found, get

FULL = answer(size=40 * 1460)


def window(side: str, book: Playbook, size: int) -> list[int]:
    """Acknowledge everything and offer so much room."""
    me = book.client if side == "client" else book.server
    return book.emit(Segment(side, me.sent, b"", "A", size))


def download(scene: Scene, *, shut: float, again: bytes = b"more", probe: bool = False) -> tuple[Playbook, list[int]]:
    """The client takes a part of an answer, closes its window for some milliseconds, and opens it again."""
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/film"))
    p.at(100).server.send(FULL[:14600])
    frames = window("client", p.at(101), 0)
    if probe:
        p.at(101 + shut / 2).emit(Segment("server", p.server.sent, b"x", "A"), delivered=False)
    frames += window("client", p.at(101 + shut), 64000)
    if again:
        p.at(102 + shut).server.send(FULL[14600:])
        p.at(142 + shut).client.ack()
    return p, frames


def only(analysis: object, code: str) -> FindingRow:
    (finding,) = found(analysis, code)  # type: ignore[arg-type]
    return finding


def test_zero_window(tmp_path: Path) -> None:
    scene = Scene()
    _, frames = download(scene, shut=400)
    analysis = scene.analysis(tmp_path)
    finding = only(analysis, "TCP-ZERO-WINDOW")
    assert (finding.severity, finding.blame, finding.cost_ms) == ("warning", "client", 400)
    assert finding.frames == tuple(frames)
    assert (finding.args["times"], finding.args["by"], finding.args["other"]) == (1, "client", "server")
    assert sentence(finding.title_key, finding.args) == (
        "The client had no room for more data for 400 ms (10.0.0.1 to 10.0.0.2 port 80)"
    )


def test_two_times_are_added_up(tmp_path: Path) -> None:
    scene = Scene()
    p, frames = download(scene, shut=300)
    frames += window("client", p.at(1000), 0)
    frames += window("client", p.at(1150), 64000)
    p.at(1151).server.send(b"x" * 1460)
    finding = only(scene.analysis(tmp_path), "TCP-ZERO-WINDOW")
    assert (finding.cost_ms, finding.args["times"], finding.frames) == (450, 2, tuple(frames))


def test_zero_window_for_a_moment(tmp_path: Path) -> None:
    """It opened again within a round trip: busy, no more."""
    scene = Scene()
    download(scene, shut=60)
    assert alarms(scene.analysis(tmp_path)) == []


def test_zero_window_when_nothing_more_was_to_come(tmp_path: Path) -> None:
    """Nobody had anything to send: nobody waited."""
    scene = Scene()
    download(scene, shut=4000, again=b"")
    assert found(scene.analysis(tmp_path), "TCP-ZERO-WINDOW") == []


def test_zero_window_that_never_opens(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).server.send(b"x" * 1460)
    window("client", p.at(51), 0)
    for ms in (300, 700, 1500):
        p.at(ms).emit(Segment("server", p.server.sent, b"x", "A"), delivered=False)
        window("client", p.at(ms + 1), 0)
    finding = only(scene.analysis(tmp_path), "TCP-ZERO-WINDOW")
    assert (finding.title_key, finding.cost_ms, finding.blame) == ("TCP-ZERO-WINDOW.stuck", 1449, "client")
    assert "1.45 s" in finding_text(finding.title_key, finding.args).why


def test_a_reset_has_no_window(tmp_path: Path) -> None:
    """Systems put 0 there; the segment ends the connection."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/"))
    p.at(90).server.send(answer())
    p.at(91).client.ack()
    p.at(200).emit(Segment("client", p.client.sent, b"", "RA", 0))
    assert found(scene.analysis(tmp_path), "TCP-ZERO-WINDOW") == []


def test_once_for_a_client_and_a_server(tmp_path: Path) -> None:
    scene = Scene()
    download(scene, shut=400)
    p = scene.connection(client_port=40001)
    p.at(2000).handshake()
    p.at(2050).server.send(b"x" * 1460)
    window("client", p.at(2051), 0)
    window("client", p.at(2251), 60000)
    p.at(2252).server.send(b"x" * 1460)
    finding = only(scene.analysis(tmp_path), "TCP-ZERO-WINDOW")
    assert (finding.cost_ms, finding.args["connections"], finding.stream) == (600, 2, 0)


def upload(scene: Scene, room: int, rounds: int, *, rtt: float = 100) -> Playbook:
    """A server sends as much as the window allows, waits for the ACK a round trip later, and goes on."""
    p = scene.connection(rtt_ms=rtt, vantage="server")
    p.client.window = room
    p.handshake()
    p.at(rtt + 10).client.send(get("/film"))
    p.server.prepare(b"")
    ms = rtt + 20
    for _ in range(rounds):
        p.at(ms).server.send(b"x" * room)
        ms += rtt
        p.at(ms).client.ack()
    return p


def test_window_limit_without_scaling(tmp_path: Path) -> None:
    """20 rounds of 11,680 bytes (eight segments, all that fits), each a round trip of 100 ms."""
    scene = Scene()
    upload(scene, 8 * 1460, 20)
    finding = only(scene.analysis(tmp_path), "TCP-WINDOW-LIMIT")
    assert (finding.title_key, finding.severity, finding.blame) == ("TCP-WINDOW-LIMIT.unscaled", "note", "client")
    assert (finding.args["window_bytes"], finding.args["sent_bytes"]) == (8 * 1460, 20 * 8 * 1460)
    assert finding.cost_ms == pytest.approx(1900, abs=120)
    assert "233 kB" not in finding_text(finding.title_key, finding.args).advice
    assert finding.frames[0] == 1


def test_a_large_window_is_no_limit(tmp_path: Path) -> None:
    """The same rounds, but the window has room for far more: the network (or the sender) sets the pace."""
    scene = Scene()
    p = scene.connection(rtt_ms=100, vantage="server")
    p.handshake()
    ms = 120.0
    for _ in range(20):
        p.at(ms).server.send(b"x" * 8 * 1460)
        ms += 100
        p.at(ms).client.ack()
    assert found(scene.analysis(tmp_path), "TCP-WINDOW-LIMIT") == []


def test_a_short_transfer_is_no_matter(tmp_path: Path) -> None:
    scene = Scene()
    upload(scene, 8 * 1460, 4)
    assert found(scene.analysis(tmp_path), "TCP-WINDOW-LIMIT") == []
