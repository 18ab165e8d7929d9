"""Downloads that stood still: where no hole shows why, a lost last packet looks like a server that paused."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.schema import HttpRow
from tests.playbook import Segment
from tests.visits.scene import Scene, answer, get


def paused(folder: Path, ms: float, **facts: object) -> HttpRow:
    """An answer in three segments, the last of them ``ms`` after the second."""
    scene = Scene()
    p = scene.connection(**facts)
    p.handshake()
    p.at(50).client.send(get("/a"))
    first, second, last = p.server.prepare(answer(size=4000))
    p.at(90).resend([first, second])
    p.at(91).client.ack()
    p.emit(last, captured=False, delivered=False)
    p.at(90 + ms).emit(last)
    p.client.ack()
    (row,) = scene.analysis(folder).http
    assert (row.outcome, row.receive_ms) == ("complete", ms)
    return row


@pytest.mark.parametrize(("ms", "word"), [(199, "measured"), (200, "bounded"), (1000, "bounded")])
def test_last_packet_lost_before_the_recorder(tmp_path: Path, ms: float, word: str) -> None:
    """Sent at 90 and lost, sent again after a timeout, of which the shortest in use is 200 ms: nothing shows that."""
    row = paused(tmp_path, ms)
    assert (row.receive_loss_ms, row.phase_trust.receive_loss) == (0, word)
    assert row.phase_trust.receive == "measured"


def test_hole_that_was_filled(tmp_path: Path) -> None:
    """The second segment is late, and the third shows it: 300 ms of loss, measured."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    first, second, last = p.server.prepare(answer(size=4000))
    p.at(90).resend([first, last])
    p.at(390).emit(second)
    p.at(390).client.ack()
    (row,) = scene.analysis(tmp_path).http
    assert (row.receive_ms, row.receive_loss_ms, row.phase_trust.receive_loss) == (300, 300, "measured")


def test_window_that_was_shut(tmp_path: Path) -> None:
    """It stood still for the client's window, and that is known."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    first, second, last = p.server.prepare(answer(size=4000))
    p.at(90).resend([first, second])
    p.at(91).emit(Segment("client", p.client.sent, b"", "A", 0))
    p.at(500).client.ack()
    p.at(541).emit(last)
    p.at(541).client.ack()
    (row,) = scene.analysis(tmp_path).http
    assert (row.receive_ms, row.receive_window_ms) == (451, 409)
    assert (row.receive_loss_ms, row.phase_trust.receive_loss) == (0, "measured")


def test_slow_but_steady(tmp_path: Path) -> None:
    """A segment every 100 ms, 400 ms in all: no timeout fits between two."""
    scene = Scene()
    p = scene.connection(mss=500)
    p.handshake()
    p.at(50).client.send(get("/a"))
    for k, segment in enumerate(p.server.prepare(answer(size=2400))):
        p.at(90 + 100 * k).emit(segment)
    p.client.ack()
    (row,) = scene.analysis(tmp_path).http
    assert row.receive_ms == 400
    assert row.phase_trust.receive_loss == "measured"
