"""Findings about HTTP and TLS: where each rule fires, with its exact evidence, and near misses."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.sentences import sentence
from tests.visits.scene import Scene, alarms, answer, found, get, hello


@pytest.mark.parametrize(
    ("status", "code", "severity"),
    [
        (400, "HTTP-CLIENT-ERROR", "warning"),
        (404, "HTTP-CLIENT-ERROR", "warning"),
        (499, "HTTP-CLIENT-ERROR", "warning"),
        (500, "HTTP-SERVER-ERROR", "error"),
        (503, "HTTP-SERVER-ERROR", "error"),
    ],
)
def test_errors(tmp_path: Path, status: int, code: str, severity: str) -> None:
    scene = Scene()
    scene.exchange(0, get("/gone?x=1"), answer(status))
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.title_key) == (code, severity, code)
    assert (finding.frames, finding.display_filter) == ((4, 5), "frame.number in {4..5}")
    assert (finding.table, finding.row, finding.stream) == ("http", 0, 0)
    told = {name: finding.args[name] for name in ("method", "target", "host", "status", "reason")}
    assert told == {"method": "GET", "target": "/gone?x=1", "host": "shop.example", "status": status, "reason": "X"}
    assert finding.cost_ms == 100


@pytest.mark.parametrize("status", [200, 204, 301, 304, 399])
def test_no_errors(tmp_path: Path, status: int) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), answer(status, 0))
    told = [(f.code, f.severity) for f in scene.analysis(tmp_path).findings]
    assert told == ([("HTTP-CACHE", "info")] if status == 304 else [])


def test_the_same_again_is_counted(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/poll?t=0"), answer(503))
    for k in range(1, 4):
        p.at(1000 * k).client.send(get(f"/poll?t={k}"))
        p.at(1000 * k + 50).server.send(answer(503))
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.title_key, finding.args["count"]) == ("HTTP-SERVER-ERROR.many", 4)
    assert finding.frames == (4, 5, 7, 8, 9, 10, 11, 12)
    assert "4 times" in sentence(finding.title_key, finding.args)


def test_missing_icon_is_a_note(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/favicon.ico"), answer(404))
    (finding,) = scene.analysis(tmp_path).findings
    assert finding.severity == "note"


def test_login_asked_for_and_met(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/secret"), answer(401))
    p.at(200).client.send(get("/secret", Authorization="Basic x"))
    p.at(250).server.send(answer())
    assert [f.severity for f in found(scene.analysis(tmp_path), "HTTP-CLIENT-ERROR")] == ["note"]


def test_login_asked_for_and_not_met(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/secret"), answer(401))
    assert alarms(scene.analysis(tmp_path)) == [("HTTP-CLIENT-ERROR", "warning")]


def test_answer_without_its_request(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.recording = False
    p.handshake()
    p.at(50).client.send(get("/"))
    p.recording = True
    p.at(90).server.send(answer(404))
    (finding,) = scene.analysis(tmp_path).findings
    assert sentence(finding.title_key, finding.args).endswith("a request that was not captured")
    assert finding.frames == (1,)


# ── HTTP-SLOW-SERVER ─────────────────────────────────────────────────────────────────────────────────────────────


def test_slow_server(tmp_path: Path) -> None:
    """600 ms of waiting, 40 of them the network's; the server had acknowledged the request after 40."""
    scene = Scene()
    scene.exchange(0, get("/report"), answer(), took=600, acked=40)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.blame) == ("HTTP-SLOW-SERVER", "warning", "server")
    assert (finding.cost_ms, finding.args["server_ms"], finding.args["wait_ms"]) == (560, 560, 600)
    assert finding.frames == (4, 6)


def test_slow_but_never_acknowledged(tmp_path: Path) -> None:
    """No TCP keeps silent about a request for 860 ms: where it, or what was said of it, was held up nobody knows."""
    scene = Scene()
    scene.exchange(0, get("/report"), answer(), took=900)
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert (row.wait_server_ms, row.wait_server_min_ms, row.phase_trust.wait_server) == (860, None, "bounded")
    assert analysis.findings == ()


def test_slow_for_certain_though_the_handshake_was_not_seen(tmp_path: Path) -> None:
    """At least the 620 ms from the server's acknowledgement to its answer were its own."""
    scene = Scene()
    p = scene.connection()
    p.recording = False
    p.handshake()
    p.recording = True
    p.at(50).client.send(get("/report"))
    p.at(90).server.ack()
    p.at(710).server.send(answer())
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert (row.wait_server_ms, row.wait_server_min_ms, row.phase_trust.wait_server) == (660, 620, "bounded")
    (finding,) = analysis.findings
    assert (finding.code, finding.cost_ms, finding.args["server_ms"]) == ("HTTP-SLOW-SERVER", 620, 620)


def test_almost_slow(tmp_path: Path) -> None:
    """530 ms, of which the server's are 490."""
    scene = Scene()
    scene.exchange(0, get("/report"), answer(), took=530)
    assert scene.analysis(tmp_path).findings == ()


def test_lost_request_is_not_the_servers(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    segments = p.client.prepare(get("/report"))
    p.at(50).resend(segments, delivered=False)
    p.at(1050).resend(segments)
    p.at(1100).server.send(answer())
    assert scene.analysis(tmp_path).findings == ()


def test_slow_page_seen_from_the_middle(tmp_path: Path) -> None:
    """Half way the handshake shows 20 ms to the server and back: the other 880 were spent there."""
    scene = Scene()
    scene.exchange(0, get("/report"), answer(), took=900, acked=20, vantage="middle")
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.cost_ms) == ("HTTP-SLOW-SERVER", 880)


# ── HTTP-NO-RESPONSE ─────────────────────────────────────────────────────────────────────────────────────────────


def test_closed_without_an_answer(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.ack()
    p.at(95).server.fin()
    p.at(95).client.fin()
    p.at(135).server.ack()
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.blame) == ("HTTP-NO-RESPONSE", "error", "server")
    assert finding.frames == (4, 6), "the request, and the server's FIN"


def test_reset_by_the_server(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.rst()
    (finding,) = found(scene.analysis(tmp_path), "HTTP-NO-RESPONSE")
    assert (finding.severity, finding.frames) == ("error", (4, 5))


def test_client_gave_up(tmp_path: Path) -> None:
    """The server had acknowledged the request; the client did not want to wait."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.ack()
    p.at(300).client.rst()
    (finding,) = found(scene.analysis(tmp_path), "HTTP-NO-RESPONSE")
    assert (finding.severity, finding.blame) == ("warning", "client")


def test_client_had_no_choice(tmp_path: Path) -> None:
    """The request was never acknowledged, however often it was sent."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    segments = p.client.prepare(get("/a"))
    for ms in (50, 350, 950, 2150):
        p.at(ms).resend(segments, delivered=False)
    p.at(4500).client.rst()
    (finding,) = found(scene.analysis(tmp_path), "HTTP-NO-RESPONSE")
    assert (finding.severity, finding.blame) == ("error", "unknown")


def test_sent_into_a_closing_connection(tmp_path: Path) -> None:
    """The server's idle timeout and the next request crossed: the client asks again on a new connection."""
    scene = Scene()
    p = scene.exchange(0, get("/"), answer())
    p.at(5000).server.fin()
    p.at(5001).client.send(get("/next"), delivered=False)
    p.at(5041).server.rst()
    (finding,) = found(scene.analysis(tmp_path), "HTTP-NO-RESPONSE")
    assert finding.severity == "warning"


def test_capture_ends_before_the_answer(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.ack()
    assert scene.analysis(tmp_path).findings == ()


def test_only_one_direction_recorded(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.send(answer())
    p.at(91).client.ack()
    p.at(200).close()
    p.packets = [(when, data) for when, data in p.packets if data[26:30] == bytes([10, 0, 0, 1])]
    assert scene.analysis(tmp_path).findings == ()


def test_answer_lost_by_the_recorder(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.send(answer(), captured=False)
    p.at(91).client.ack()
    p.at(200).close()
    assert found(scene.analysis(tmp_path), "HTTP-NO-RESPONSE") == []


# ── TLS-ALERT ────────────────────────────────────────────────────────────────────────────────────────────────────


def refuse(scene: Scene, ms: float, level: int, **facts: object) -> None:
    """A ClientHello answered by an alert: protocol_version (70), of a level (2 is fatal; RFC 8446 section 6)."""
    p = scene.connection(server_port=443, **facts)
    p.at(ms).handshake()
    p.at(ms + 40).client.send(hello("shop.example"))
    p.at(ms + 80).server.send(bytes([0x15, 3, 3, 0, 2, level, 70]))
    p.at(ms + 80).server.fin()


def test_alert(tmp_path: Path) -> None:
    scene = Scene()
    refuse(scene, 0, 2)
    refuse(scene, 500, 2, client_port=40001)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("TLS-ALERT", "error", (4, 5, 10, 11))
    assert finding.args == {"sni": "shop.example", "alert": "protocol_version", "by": "server", "count": 2}


def test_warning_alert(tmp_path: Path) -> None:
    scene = Scene()
    refuse(scene, 0, 1)
    assert found(scene.analysis(tmp_path), "TLS-ALERT") == []
