"""How long somebody waited for an answer that never came: until a side ended it, or the capture did."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from tests.playbook import Playbook
from tests.visits.scene import Scene, answer, get


def asked(scene: Scene) -> Playbook:
    """A request at 50 ms, acknowledged at 90, without an answer."""
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.ack()
    return p


def waited(analysis: Analysis) -> tuple[float | None, str, tuple[int, int] | None]:
    """Return (wait, trust, frames) of the first row."""
    row = analysis.http[0]
    return row.wait_ms, row.phase_trust.wait, row.phase_frames.wait


@pytest.mark.parametrize(("by", "how"), [("client", "fin"), ("server", "fin"), ("client", "rst"), ("server", "rst")])
def test_until_a_side_ends_it(tmp_path: Path, by: str, how: str) -> None:
    """The first FIN or RST is at 1050, the other side's at 12000: a second was waited, in frames 4 to 6."""
    scene = Scene()
    p = asked(scene)
    first, second = (p.client, p.server) if by == "client" else (p.server, p.client)
    p.at(1050)
    getattr(first, how)()
    p.at(12_000)
    second.fin()
    analysis = scene.analysis(tmp_path)
    assert waited(analysis) == (1000, "measured", (4, 6))
    row = analysis.http[0]
    assert (row.total_ms, row.receive_ms) == (1050, None)
    assert (row.wait_network_ms, row.wait_server_ms, row.wait_server_min_ms) == (None, None, None)
    assert analysis.visits[0].duration_ms == 1050


def test_until_the_capture_ends(tmp_path: Path) -> None:
    """Another machine's packet at 4050 is the capture's last: nobody had given up by then."""
    scene = Scene()
    asked(scene)
    scene.lookup(4050, "other.example", after=None, client="10.0.0.9")
    assert waited(scene.analysis(tmp_path)) == (4000, "bounded", (4, 6))


def test_nobody_waits_for_hours(tmp_path: Path) -> None:
    """The capture goes on for an hour, the connection only until 2050: that long was waited, and nobody knows more."""
    scene = Scene()
    asked(scene).at(2050).client.ack()
    scene.lookup(3_600_000, "other.example", after=None, client="10.0.0.9")
    assert waited(scene.analysis(tmp_path)) == (2000, "bounded", (4, 6))


def test_closed_together_with_the_request(tmp_path: Path) -> None:
    """A FIN in the request's own packet says that it was all, not that nobody waits for the answer."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"), flags="FPA")
    p.at(90).server.ack()
    p.at(1050).server.rst()
    assert waited(scene.analysis(tmp_path)) == (1000, "measured", (4, 6))


def test_ended_before_it_was_asked(tmp_path: Path) -> None:
    """The server closed at 1000; the request sent into that at 1100 was thrown back with a reset at 1140."""
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    p.at(1000).server.fin()
    p.at(1100).client.send(get("/b"), delivered=False)
    p.at(1140).server.rst()
    row = scene.analysis(tmp_path).http[1]
    assert (row.wait_ms, row.phase_trust.wait) == (40, "measured")


def test_each_on_its_own_connection(tmp_path: Path) -> None:
    """Two connections that end at 500 and 800: each request waits for its own."""
    scene = Scene()
    for k, end in enumerate((500, 800)):
        p = scene.connection(client_port=40000 + k)
        p.at(k).handshake()
        p.at(50 + k).client.send(get(f"/{k}"))
        p.at(end).client.fin()
    assert [row.wait_ms for row in scene.analysis(tmp_path).http] == [450, 749]


def test_not_captured_is_not_unanswered(tmp_path: Path) -> None:
    """The client acknowledges an answer that the recorder missed: nobody can say when it came."""
    scene = Scene()
    p = asked(scene)
    p.at(300).server.send(answer(), captured=False)
    p.at(300).client.ack()
    p.at(2000).client.fin()
    analysis = scene.analysis(tmp_path)
    assert analysis.http[0].outcome == "not_captured"
    assert waited(analysis) == (None, "not_measurable", None)
