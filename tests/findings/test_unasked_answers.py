"""Answers that nobody asked for, and what errors cost: only what somebody waited for."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.report.overview import cards
from analyzer.sentences import finding_text, sentence
from analyzer.visits.verdicts import failure, unknown
from tests.visits.scene import Scene, alarms, answer, found, get


def closing(status: int) -> bytes:
    """What a server says when it closes a connection that lay idle (RFC 9110 section 15.5.9)."""
    return answer(status, 0, Connection="close")


def idle_close(folder: Path, status: int = 408, *, used: bool = True, connections: int = 1) -> Analysis:
    """A connection that is closed after a minute; before that it had one good exchange, or none."""
    scene = Scene()
    for k in range(connections):
        p = scene.connection(client_port=40000 + k)
        p.at(k).handshake()
        if used:
            p.at(50 + k).client.send(get("/a"))
            p.at(90 + k).server.send(answer())
            p.at(90 + k).client.ack()
        p.at(60_090 + k).server.send(closing(status))
        p.at(60_090 + k).close(by="server")
    return scene.analysis(folder)


@pytest.mark.parametrize("status", [400, 408])
@pytest.mark.parametrize("used", [True, False])
def test_idle_close_is_no_error(tmp_path: Path, status: int, used: bool) -> None:
    analysis = idle_close(tmp_path, status, used=used)
    row = analysis.http[-1]
    assert (row.status, row.outcome_why) == (status, "unsolicited")
    assert alarms(analysis) == []
    assert (failure(row), unknown(row)) == (None, None)
    (finding,) = found(analysis, "HTTP-CLIENT-ERROR")
    assert (finding.severity, finding.cost_ms, finding.blame) == ("note", None, "unknown")
    assert sentence(finding.title_key, finding.args) == f"10.0.0.2 sent {status} X that nobody had asked for"


def test_words(tmp_path: Path) -> None:
    """Nothing in them says that a request is missing from the capture."""
    (finding,) = found(idle_close(tmp_path), "HTTP-CLIENT-ERROR")
    text = finding_text(finding.title_key, finding.args)
    assert "not captured" not in text.title + text.why + text.advice
    assert "close a connection" in text.why


def test_many(tmp_path: Path) -> None:
    (finding,) = found(idle_close(tmp_path, connections=3), "HTTP-CLIENT-ERROR")
    assert finding.args["count"] == 3
    assert sentence(finding.title_key, finding.args).endswith("that nobody had asked for, 3 times")


@pytest.mark.parametrize(("used", "counted"), [(True, "1 HTTP request"), (False, "1 HTTP answer")])
def test_first_screen(tmp_path: Path, used: bool, counted: str) -> None:
    """It is no request, was not waited for, and has not failed."""
    what, slow, failed, _ = cards(idle_close(tmp_path, used=used))
    assert counted in what.lines[0].sentence
    assert ("GET /a" in slow.lines[0].sentence) == used
    assert "A request" not in slow.lines[0].sentence
    assert failed.tone == "good"
    assert not any("408" in line.sentence or "not in this capture" in line.sentence for line in failed.lines)


def test_unasked_server_error(tmp_path: Path) -> None:
    """A 503 is an error whoever asked."""
    (finding,) = found(idle_close(tmp_path, 503), "HTTP-SERVER-ERROR")
    assert finding.severity == "error"
    assert sentence(finding.title_key, finding.args).endswith("nobody had asked for")


def test_kept_apart_from_requests_that_were_not_captured(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection(client_port=41000)
    p.recording = False
    p.handshake()
    p.at(50).client.send(get("/"))
    p.recording = True
    p.at(90).server.send(answer(408))
    p.at(90).client.ack()
    q = scene.connection()
    q.at(100).handshake()
    q.at(60_000).server.send(closing(408))
    titles = {sentence(f.title_key, f.args) for f in found(scene.analysis(tmp_path), "HTTP-CLIENT-ERROR")}
    assert titles == {
        "10.0.0.2 answered 408 X to a request that was not captured",
        "10.0.0.2 sent 408 X that nobody had asked for",
    }


# ── what errors cost ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pause_of_the_client_costs_nothing(tmp_path: Path) -> None:
    """The connection lay ready from 100 to 210; the 404 took the 40 ms after that."""
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    p.at(210).client.send(get("/b"))
    p.at(250).server.send(answer(404))
    analysis = scene.analysis(tmp_path)
    assert analysis.http[1].target == "/b"
    (finding,) = found(analysis, "HTTP-CLIENT-ERROR")
    assert finding.cost_ms == 40


def test_costs_add_up(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/a"), answer())
    for k in range(3):
        p.at(200 * k + 210).client.send(get("/b"))
        p.at(200 * k + 250 + k).server.send(answer(503))
    (finding,) = found(scene.analysis(tmp_path), "HTTP-SERVER-ERROR")
    assert finding.cost_ms == 40 + 41 + 42
