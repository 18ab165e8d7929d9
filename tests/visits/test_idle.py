"""When a request was blocked, and when its client simply had nothing to send (times of the script's clock, ms)."""

from __future__ import annotations

from pathlib import Path

from analyzer.schema import HttpRow
from tests.playbook import Playbook
from tests.visits.scene import Scene, answer, get


def of(scene: Scene, folder: Path, target: str) -> HttpRow:
    (row,) = [row for row in scene.analysis(folder).http if row.target == target]
    return row


def after_a_pause(scene: Scene) -> Playbook:
    """On the first connection, free since 100, something more is asked for at 400 and answered at 450."""
    p = scene.exchange(0, get("/a"), answer())
    p.at(400).client.send(get("/b"))
    p.at(450).server.send(answer())
    return p


def test_two_connections_were_free(tmp_path: Path) -> None:
    """The other one has been free since 80: there was no queue, so 300 ms are nobody's wait."""
    scene = Scene()
    after_a_pause(scene)
    scene.exchange(0, get("/c"), answer(), client_port=40001, took=40)
    row = of(scene, tmp_path, "/b")
    assert (row.blocked_ms, row.blocked_why, row.total_ms) == (None, "idle", 50)


def test_a_connection_opened_ahead_was_free(tmp_path: Path) -> None:
    """Nothing was sent on it before 900; a browser opens connections ahead of need."""
    scene = Scene()
    after_a_pause(scene)
    q = scene.connection(client_port=40001)
    q.at(20).handshake()
    q.at(900).client.send(get("/c"))
    q.at(950).server.send(answer())
    assert of(scene, tmp_path, "/b").blocked_why == "idle"


def test_a_single_connection(tmp_path: Path) -> None:
    scene = Scene()
    after_a_pause(scene)
    row = of(scene, tmp_path, "/b")
    assert (row.blocked_ms, row.blocked_why, row.total_ms) == (300, None, 350)


def test_the_other_one_was_at_work(tmp_path: Path) -> None:
    """It answers only at 300: until then the client may have queued for either."""
    scene = Scene()
    after_a_pause(scene)
    scene.exchange(0, get("/c"), answer(), client_port=40001, took=260)
    assert of(scene, tmp_path, "/b").blocked_ms == 300


def test_the_other_one_was_used_in_between(tmp_path: Path) -> None:
    scene = Scene()
    after_a_pause(scene)
    q = scene.exchange(0, get("/c"), answer(), client_port=40001, took=40)
    q.at(200).client.send(get("/d"))
    q.at(250).server.send(answer())
    assert of(scene, tmp_path, "/b").blocked_ms == 300


def test_the_other_one_was_closed(tmp_path: Path) -> None:
    scene = Scene()
    after_a_pause(scene)
    q = scene.exchange(0, get("/c"), answer(), client_port=40001, took=40)
    q.at(150).server.fin()
    assert of(scene, tmp_path, "/b").blocked_ms == 300


def test_another_server_another_client(tmp_path: Path) -> None:
    scene = Scene()
    after_a_pause(scene)
    scene.exchange(0, get("/c"), answer(), client_port=40001, server="10.0.0.3", took=40)
    scene.exchange(0, get("/d"), answer(), client="10.0.0.7", took=40)
    scene.exchange(0, get("/e"), answer(), client_port=40002, server_port=8080, took=40)
    assert of(scene, tmp_path, "/b").blocked_ms == 300


def test_a_pause_of_more_than_a_second_says_why(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    p.at(3100).client.send(get("/b"))
    p.at(3160).server.send(answer())
    row = of(scene, tmp_path, "/b")
    assert (row.blocked_ms, row.blocked_why) == (None, "idle")
