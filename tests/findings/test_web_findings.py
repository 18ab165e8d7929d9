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
    findings = scene.analysis(tmp_path).findings
    assert [f.code for f in findings if f.layer == "http" or f.blame == "server"] == []
    assert {f.blame for f in findings} <= {"network"}


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
    assert [f.code for f in scene.analysis(tmp_path).findings] == ["CAPTURE-ONE-WAY"]


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


# ── who ended it, and how much had come ──────────────────────────────────────────────────────────────────────────


def page_of(size: int, came: int) -> bytes:
    """The beginning of an answer: ``came`` of ``size`` bytes of its body."""
    whole = answer(size=size)
    return whole[: len(whole) - size + came]


def test_a_client_that_times_out_says_goodbye(tmp_path: Path) -> None:
    """As ``curl -m 1`` does it: a FIN, no reset, while the server says nothing for eleven seconds more."""
    scene = Scene()
    p = scene.connection(server_port=18080)
    p.handshake()
    p.at(40).client.send(get("/never"))
    p.at(80).server.ack()
    p.at(1040).client.fin()
    p.at(1080).server.ack()
    p.at(12_000).server.fin()
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert (row.outcome, row.outcome_why) == ("no_response", "client_closed")
    (finding,) = analysis.findings
    assert (finding.title_key, finding.severity, finding.blame) == ("HTTP-NO-RESPONSE.gave_up", "warning", "server")
    assert (finding.args["waited_ms"], finding.frames) == (1000, (4, 6)), "the request, and the client's FIN"


def test_an_answer_that_comes_when_the_client_is_gone(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(40).client.send(get("/late"))
    p.at(80).server.ack()
    p.at(1040).client.fin()
    p.at(2240).server.send(answer(size=70))
    p.at(2241).client.rst()
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert (row.status, row.outcome, row.outcome_why) == (200, "aborted", "client_closed")
    (finding,) = found(analysis, "HTTP-NO-RESPONSE")
    assert (finding.title_key, finding.severity, finding.frames) == ("HTTP-NO-RESPONSE.late", "warning", (4, 6, 7))
    assert (finding.args["waited_ms"], finding.args["late_ms"]) == (1000, 1200)
    assert found(analysis, "HTTP-CUT-SHORT") == found(analysis, "TCP-RESET") == []


def test_a_beacon_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody has lost patience after 30 ms."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(40).client.send(get("/beacon"))
    p.at(60).server.ack()
    p.at(70).client.fin()
    p.at(80).server.fin()
    (finding,) = found(scene.analysis(tmp_path), "HTTP-NO-RESPONSE")
    assert finding.severity == "note"


def test_a_client_whose_last_word_was_its_request_still_waits(tmp_path: Path) -> None:
    """Its FIN comes with the request; it is the server that closes without an answer."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(40).client.send(get("/a"))
    p.at(40).client.fin()
    p.at(80).server.ack()
    p.at(500).server.fin()
    analysis = scene.analysis(tmp_path)
    assert (analysis.http[0].outcome_why, analysis.http[0].wait_ms) == ("server_closed", 460)
    (finding,) = found(analysis, "HTTP-NO-RESPONSE")
    assert (finding.severity, finding.blame, finding.frames) == ("error", "server", (4, 7))


def test_the_server_sends_less_than_it_promised(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/a"), page_of(5000, 1000), server_port=18080)
    p.at(120).server.fin()
    p.at(121).client.fin()
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.title_key, finding.severity, finding.blame) == ("HTTP-CUT-SHORT", "error", "server")
    told = {name: finding.args[name] for name in ("came_bytes", "promised_bytes", "by")}
    assert told == {"came_bytes": 1000, "promised_bytes": 5000, "by": "server"}
    assert finding.frames == (4, 5, 7), "the request, the answer, and the server's FIN"


def test_chunks_without_their_end(tmp_path: Path) -> None:
    scene = Scene()
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    p = scene.exchange(0, get("/a"), head + b"5\r\nhello\r\n")
    p.at(120).server.rst()
    (finding,) = found(scene.analysis(tmp_path), "HTTP-CUT-SHORT")
    assert (finding.title_key, finding.severity, finding.args["came_bytes"]) == ("HTTP-CUT-SHORT.open", "error", 10)


def test_a_download_that_somebody_stops(tmp_path: Path) -> None:
    """``^C``: what counts is what the client had acknowledged when it left, not what was still under way."""
    scene = Scene()
    p = scene.exchange(0, get("/big.iso"), page_of(9_000_000, 1000))
    p.at(200).client.fin()
    p.at(201).server.send(b"b" * 500)
    p.at(202).client.rst()
    analysis = scene.analysis(tmp_path)
    (row,) = analysis.http
    assert (row.outcome, row.outcome_why, row.response_body_bytes) == ("truncated", "client_closed", 1500)
    (finding,) = analysis.findings
    assert (finding.title_key, finding.severity, finding.blame) == ("HTTP-CUT-SHORT.client", "note", "client")
    assert (finding.args["came_bytes"], finding.args["promised_bytes"]) == (1000, 9_000_000)


def test_answers_cut_short_again_and_again_are_counted(tmp_path: Path) -> None:
    scene = Scene()
    for n in range(3):
        p = scene.exchange(1000 * n, get(f"/a?{n}"), page_of(5000, 100 * n), client_port=40000 + n)
        p.at(1000 * n + 120).server.fin()
    (finding,) = found(scene.analysis(tmp_path), "HTTP-CUT-SHORT")
    assert (finding.title_key, finding.args["count"]) == ("HTTP-CUT-SHORT.many", 3)


def test_a_body_until_the_close_is_whole_where_no_close_was_recorded(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a"), b"HTTP/1.0 200 OK\r\n\r\nsome text")
    analysis = scene.analysis(tmp_path)
    assert analysis.http[0].outcome_why == "end_unseen"
    assert analysis.findings == ()


def test_the_capture_ends_within_an_answer(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a"), page_of(5000, 1000))
    analysis = scene.analysis(tmp_path)
    assert (analysis.http[0].outcome_why, analysis.findings) == ("capture_end", ())


def test_an_answer_stalls_for_the_rest_of_the_capture(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a"), page_of(5000, 1000))
    scene.exchange(600_000, get("/b"), answer(), client_port=40001)
    (finding,) = found(scene.analysis(tmp_path), "HTTP-CUT-SHORT")
    assert (finding.title_key, finding.severity) == ("HTTP-CUT-SHORT.stalled", "warning")


def test_a_year_between_two_recordings_is_no_silence(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/a"), page_of(5000, 1000))
    scene.exchange(365 * 86_400_000, get("/b"), answer(), client_port=40001)
    assert found(scene.analysis(tmp_path), "HTTP-CUT-SHORT") == []


def test_an_event_stream_lasts_until_somebody_leaves(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
    scene = Scene()
    p = scene.exchange(0, get("/events"), head + b"data: 0\n\n")
    for ms in range(600, 7000, 500):
        p.at(ms).server.send(b"data: 1\n\n")
        p.at(ms).client.ack()
    p.at(7500).client.fin()
    p.at(7600).server.send(b"data: 1\n\n")
    p.at(7600).client.rst()
    analysis = scene.analysis(tmp_path)
    assert analysis.http[0].background == "event_stream"
    assert alarms(analysis) == []


# ── how things are called ────────────────────────────────────────────────────────────────────────────────────────


def test_junk_is_not_missing(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, b"OPTIONSHTTP/1.1\r\nHost: shop.example\r\n\r\n", answer(400))
    analysis = scene.analysis(tmp_path)
    (finding,) = found(analysis, "HTTP-CLIENT-ERROR")
    assert sentence(finding.title_key, finding.args).endswith("400 X to a message that is no HTTP request")
    (note,) = found(analysis, "HTTP-MALFORMED")
    assert (note.severity, note.blame, note.frames) == ("note", "client", (4, 5))


def test_the_port_is_named_where_it_is_not_the_usual_one(tmp_path: Path) -> None:
    scene = Scene()
    for port in (80, 18080, 18081):
        host = "127.0.0.1" if port == 80 else f"127.0.0.1:{port}"
        scene.exchange(0, get("/", host), answer(500), server_port=port, client_port=40000 + port)
    named = sorted(str(f.args["host"]) for f in scene.analysis(tmp_path).findings)
    assert named == ["127.0.0.1", "127.0.0.1:18080", "127.0.0.1:18081"]
