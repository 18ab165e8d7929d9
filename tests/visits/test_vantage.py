"""Where the capture was taken, from the two legs of handshakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.visits import vantage
from tests.visits.scene import Scene, answer, get


@pytest.mark.parametrize(
    ("to_server", "to_client", "where"),
    [
        (40.0, 0.1, "client"),
        (0.1, 40.0, "server"),
        (20.0, 20.0, "middle"),
        (40.0, 10.0, "client"),  # four times as long is enough
        (39.9, 10.0, "middle"),
        (10.0, 40.0, "server"),
        (None, 3.0, "unknown"),
        (3.0, None, "unknown"),
    ],
)
def test_near(to_server: float | None, to_client: float | None, where: str) -> None:
    assert vantage.near(to_server, to_client) == where


@pytest.mark.parametrize("where", ["client", "server", "middle"])
def test_of_a_capture(tmp_path: Path, where: str) -> None:
    scene = Scene()
    scene.connection(vantage=where).handshake()
    assert scene.analysis(tmp_path).capture.vantage == where


def test_the_median_decides(tmp_path: Path) -> None:
    """One connection of three was opened at the server's own machine: the other two say client."""
    scene = Scene()
    for number, where in enumerate(("client", "server", "client")):
        scene.connection(vantage=where, client_port=40000 + number).handshake()
    assert scene.analysis(tmp_path).capture.vantage == "client"


def test_local_network(tmp_path: Path) -> None:
    scene = Scene()
    scene.connection(rtt_ms=0.1).handshake()
    capture = scene.analysis(tmp_path).capture
    assert capture.vantage == "unknown"
    assert "both ends are close" in capture.vantage_why


def test_without_a_handshake(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.recording = False
    p.handshake()
    p.recording = True
    p.at(50).client.send(get("/a"))
    p.at(90).server.send(answer())
    capture = scene.analysis(tmp_path).capture
    assert (capture.vantage, capture.vantage_why) == ("unknown", "no complete TCP handshake")
