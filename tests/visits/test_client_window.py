"""A client that has no room keeps the server from answering: that is not the server's time.

Times are worked out by hand from the script's clock (milliseconds); the recorder is near the client, 40 ms from the
server. The request leaves at 50 and is acknowledged at 90.
"""

from __future__ import annotations

from pathlib import Path

from analyzer.schema import HttpRow
from analyzer.visits.trust import at_most
from tests.playbook import Segment
from tests.visits.scene import Scene, alarms, answer, get


def asked(folder: Path, shut: float, opened: float | None, answered: float, *, acked: bool = True) -> HttpRow:
    """The window is zero from ``shut`` to ``opened`` (None: it stays so), and the answer begins at ``answered``."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    events = [(shut, "shut"), (answered, "answered")]
    events += [(opened, "opened")] * (opened is not None) + [(90, "acked")] * acked
    for when, what in sorted((when, what) for when, what in events if when is not None):
        if what == "shut":
            p.at(when).emit(Segment("client", p.client.sent, b"", "A", 0))
        elif what == "opened":
            p.at(when).client.ack()
        elif what == "acked":
            p.at(when).server.ack()
        else:
            p.at(when).server.send(answer())
    analysis = scene.analysis(folder)
    (row,) = analysis.http
    assert ("HTTP-SLOW-SERVER", "warning") not in alarms(analysis) or (row.wait_server_min_ms or 0) >= 500
    return row


def test_answered_as_soon_as_there_is_room(tmp_path: Path) -> None:
    """Shut from 51 to 2051; the answer comes one round trip after that. The server may have had it ready at 51."""
    row = asked(tmp_path, 51, 2051, 2091)
    assert (row.wait_ms, row.wait_server_ms, row.wait_server_min_ms) == (2041, 2001, None)
    assert row.phase_trust.wait_server == "bounded"
    assert at_most(row, "wait_server")


def test_slow_all_the_same(tmp_path: Path) -> None:
    """Shut from 51 to 2051, the server knows at 2091 at the latest: the 900 ms after that are its own."""
    row = asked(tmp_path, 51, 2051, 2991)
    assert (row.wait_server_ms, row.wait_server_min_ms) == (2901, 900)
    assert row.phase_trust.wait_server == "bounded"


def test_open_again_before_the_request_arrived(tmp_path: Path) -> None:
    """Shut from 51 to 52: the server had the request at 90, and knew of the room at 92."""
    row = asked(tmp_path, 51, 52, 692)
    assert (row.wait_server_ms, row.wait_server_min_ms) == (602, 600)


def test_never_acknowledged(tmp_path: Path) -> None:
    row = asked(tmp_path, 51, 300, 400, acked=False)
    assert (row.wait_server_min_ms, row.phase_trust.wait_server) == (None, "bounded")


def test_shut_when_the_answer_came(tmp_path: Path) -> None:
    """A first byte that is sent to try whether there is room."""
    row = asked(tmp_path, 60, None, 1000)
    assert (row.wait_server_min_ms, row.phase_trust.wait_server) == (None, "bounded")


def test_shut_before_the_request(tmp_path: Path) -> None:
    """From the answer before until 20 ms into the wait: it held the server up as well."""
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    p.at(110).emit(Segment("client", p.client.sent, b"", "A", 0))
    p.at(120).emit(Segment("client", p.client.sent, get("/b"), "PA", 0))
    p.client.sent += len(get("/b"))
    p.at(160).server.ack()
    p.at(700).client.ack()
    p.at(740).server.send(answer())
    _, row = scene.analysis(tmp_path).http
    assert (row.wait_ms, row.wait_server_min_ms, row.phase_trust.wait_server) == (620, None, "bounded")


def test_shut_and_open_before_the_request(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    p.at(110).emit(Segment("client", p.client.sent, b"", "A", 0))
    p.at(115).client.ack()
    p.at(120).client.send(get("/b"))
    p.at(160).server.ack()
    p.at(740).server.send(answer())
    _, row = scene.analysis(tmp_path).http
    assert (row.wait_server_ms, row.wait_server_min_ms, row.phase_trust.wait_server) == (580, 580, "measured")
