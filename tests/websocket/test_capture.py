"""WebSockets in whole captures: times, visits, findings, masking, and the words in other tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.sentences import finding_text
from tests.conftest import SAMPLES
from tests.playbook import Playbook
from tests.visits.scene import Scene, alarms, answer, found, get
from tests.websocket.wire import CLOSE, PING, REQUEST, TEXT, frame, masked, response

MINUTES = 60_000


def opened(scene: Scene, *, reply: bytes | None = None, request: bytes = REQUEST) -> Playbook:
    """A connection with its handshake: asked at 40 ms, answered at 80 ms."""
    book = scene.connection()
    book.at(0).handshake()
    book.at(40).client.send(request)
    book.at(80).server.send(response() if reply is None else reply)
    book.at(81).client.ack()
    return book


def long_one() -> Scene:
    scene = Scene()
    book = opened(scene)
    for minute in range(1, 10):
        book.at(minute * MINUTES).server.send(frame(TEXT, b"still here"))
        book.at(minute * MINUTES + 1).client.send(masked(PING))
    book.at(10 * MINUTES).client.send(masked(CLOSE, b"\x03\xe8"))
    book.at(10 * MINUTES + 40).server.send(frame(CLOSE, b"\x03\xe8"))
    book.at(10 * MINUTES + 80).close()
    return scene


def test_its_long_life_is_no_download(tmp_path: Path) -> None:
    """Ten minutes of messages are not the time that the handshake took, nor the duration of the visit."""
    analysis = long_one().analysis(tmp_path)
    (http,), (socket,), (visit,) = analysis.http, analysis.websocket, analysis.visits
    assert (http.outcome, http.status, http.response_body_bytes) == ("switched", 101, 0)
    assert http.wait_ms == pytest.approx(40)
    assert http.receive_ms == 0
    assert http.total_ms == pytest.approx(80)
    assert visit.duration_ms == pytest.approx(80)
    assert visit.failed_requests == 0
    assert (socket.client_messages, socket.server_messages, socket.outcome) == (0, 9, "closed")
    assert [m.time for m in socket.messages][:1] == [Playbook.ns(MINUTES)]
    assert analysis.connections.row(0).application == "websocket"
    assert alarms(analysis) == []


def test_what_follows_meanwhile_is_another_visit(tmp_path: Path) -> None:
    scene = long_one()
    scene.exchange(5 * MINUTES, get("/later", host="other.example"), answer(), client_port=40001)
    analysis = scene.analysis(tmp_path)
    assert [visit.url for visit in analysis.visits] == ["http://server.example.com/chat", "http://other.example/later"]


ENDS = {
    "normal": (b"\x03\xe8", None),
    "going away": (b"\x03\xe9", None),
    "no code": (b"", None),
    "internal error": (b"\x03\xf3", ("warning", "server", "WS-CLOSED-ABNORMALLY")),
    "policy": (b"\x03\xf0", ("warning", "unknown", "WS-CLOSED-ABNORMALLY")),
    "the application's own": (b"\x0f\xa1", ("note", "unknown", "WS-CLOSED-ABNORMALLY")),
}


@pytest.mark.parametrize("name", ENDS)
def test_closed_with_a_code(tmp_path: Path, name: str) -> None:
    payload, expected = ENDS[name]
    scene = Scene()
    book = opened(scene)
    book.at(100).server.send(frame(CLOSE, payload))
    book.at(140).client.send(masked(CLOSE, payload))
    book.at(180).close(by="server")
    analysis = scene.analysis(tmp_path)
    hits = found(analysis, "WS-CLOSED-ABNORMALLY")
    assert [(f.severity, f.blame, f.title_key) for f in hits] == ([expected] if expected else [])
    if expected:
        (finding,) = hits
        assert (finding.table, finding.row, finding.stream) == ("websocket", 0, 0)
        assert finding.frames == (5, 7)  # the answer, the close
        text = finding_text(finding.title_key, finding.args)
        assert text.title.startswith(f"The server closed the WebSocket ws://server.example.com/chat with code "
                                     f"{int.from_bytes(payload, 'big')} (")  # fmt: skip
        assert "unknown" not in text.title + text.why + text.advice


def ended(tmp_path: Path, how: str) -> Analysis:
    scene = Scene()
    book = opened(scene)
    book.at(100).server.send(frame(TEXT, b"hi"))
    book.at(140).client.ack()
    if how == "reset":
        book.at(200).server.rst()
    elif how == "cut":
        book.at(200).close(by="server")
    elif how == "lost":
        book.at(150).server.send(frame(TEXT, b"hi"), captured=False)
        book.at(200).close(by="server")
    return scene.analysis(tmp_path)


@pytest.mark.parametrize(
    ("how", "outcome", "code", "title"),
    [
        ("reset", ("reset", "no_close_frame"), 1006, "WS-CLOSED-ABNORMALLY.reset"),
        ("cut", ("cut", "no_close_frame"), 1006, "WS-CLOSED-ABNORMALLY.silent"),
        ("lost", ("cut", "lost"), None, None),
        ("open", ("open", "capture_end"), None, None),
    ],
)
def test_ended_without_a_close(
    tmp_path: Path, how: str, outcome: tuple[str, str], code: int | None, title: str | None
) -> None:
    """What was not captured may have been the goodbye: then nothing is held against anybody."""
    analysis = ended(tmp_path, how)
    (row,) = analysis.websocket
    assert ((row.outcome, row.outcome_why), row.close_code, row.closed_by) == (outcome, code, None)
    assert [f.title_key for f in found(analysis, "WS-CLOSED-ABNORMALLY")] == ([title] if title else [])


@pytest.mark.parametrize(
    ("accept", "title"),
    [(b"Sec-WebSocket-Accept: bm9uc2Vuc2U=\r\n", "WS-BAD-ACCEPT"), (b"", "WS-BAD-ACCEPT.missing")],
)
def test_a_wrong_accept(tmp_path: Path, accept: bytes, title: str) -> None:
    scene = Scene()
    opened(scene, reply=response(accept=accept))
    (finding,) = found(scene.analysis(tmp_path), "WS-BAD-ACCEPT")
    assert (finding.title_key, finding.severity, finding.blame, finding.frames) == (title, "warning", "server", (5,))
    assert "unknown" not in finding_text(title, finding.args).title


def test_secrets_in_messages_are_masked_and_counted(tmp_path: Path) -> None:
    scene = Scene()
    book = opened(scene, request=REQUEST.replace(b"/chat", b"/chat?token=s3cr3t"))
    book.at(100).client.send(masked(TEXT, b'{"login":"ann","password":"s3cr3t"}'))
    analysis = scene.analysis(tmp_path)
    assert "s3cr3t" not in repr(analysis.websocket)
    assert analysis.websocket[0].messages[0].text == '{"login":"ann","password":"[masked]"}'
    assert analysis.masked >= 2
    shown = analyze(str(tmp_path / "scene.pcap"), Options(reveal=True))
    assert shown.websocket[0].messages[0].text == '{"login":"ann","password":"s3cr3t"}'


def test_a_lost_segment_that_came_again_changes_only_the_frame(tmp_path: Path) -> None:
    scene = Scene()
    book = opened(scene)
    first = book.at(100).server.prepare(frame(TEXT, b"first"))
    second = book.server.prepare(frame(TEXT, b"second"))
    book.resend(first, captured=False, delivered=False)
    book.at(101).resend(second)
    book.at(141).client.ack()
    book.at(300).resend(first)
    (row,) = scene.analysis(tmp_path).websocket
    assert [(m.text, m.frame) for m in row.messages] == [("first", 9), ("second", 7)]
    assert row.server_missing_bytes == 0


def test_the_sample(tmp_path: Path) -> None:
    """What the sample's script says: a text each way, a close each way, code 1000."""
    analysis = analyze(str(SAMPLES / "status-codes.pcapng"))
    (row,) = analysis.websocket
    assert [(m.from_, m.opcode, m.text) for m in row.messages] == [
        ("client", "text", "Hello"),
        ("server", "text", "Hello"),
        ("client", "close", "1000"),
        ("server", "close", "1000"),
    ]
    assert (row.accept, row.outcome, row.close_code) == ("right", "closed", 1000)
