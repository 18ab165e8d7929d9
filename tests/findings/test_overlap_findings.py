"""TCP-OVERLAP-CONFLICT: where the same positions held different bytes, with both copies as evidence."""

from __future__ import annotations

from pathlib import Path

from analyzer.findings.thresholds import MAX_FRAMES
from analyzer.sentences import finding_text, sentence
from tests.playbook import Segment
from tests.visits.scene import Scene, answer, found, get


def test_both_copies_are_the_evidence(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    (request,) = p.at(50).client.prepare(get("/harmless"))
    p.emit(request)
    p.at(51).emit(Segment("client", 0, get("/forbidde"), "PA"))
    p.at(90).server.send(answer())
    p.at(95).client.ack()
    (hit,) = found(scene.analysis(tmp_path), "TCP-OVERLAP-CONFLICT")
    assert (hit.severity, hit.layer, hit.blame) == ("warning", "tcp", "unknown")
    assert (hit.frames, hit.display_filter) == ((4, 5), "frame.number in {4..5}")
    assert (hit.table, hit.row, hit.stream) == ("tcp", 0, 0)
    told = {name: hit.args[name] for name in ("by", "conflicting_bytes", "client", "server", "server_port")}
    assert told == {
        "by": "client",
        "conflicting_bytes": 7,  # harmless and forbidde share the r
        "client": "10.0.0.1",
        "server": "10.0.0.2",
        "server_port": 80,
    }
    text = sentence(hit.title_key, hit.args)
    assert text == "The client sent 7 B again with different contents (10.0.0.1 to 10.0.0.2 port 80)"
    assert "--stream 0" in finding_text(hit.title_key, hit.args).advice


def test_repeated_as_it_was(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    (request,) = p.at(50).client.prepare(get("/"))
    p.emit(request)
    p.at(350).resend([request])
    assert found(scene.analysis(tmp_path), "TCP-OVERLAP-CONFLICT") == []


def test_both_sides_of_several_connections(tmp_path: Path) -> None:
    scene = Scene()
    for number, sides in enumerate((("client",), ("client", "server"), ("server",))):
        p = scene.connection(client_port=40000 + number)
        p.at(200 * number).handshake()
        for at, data in ((50, b"AAAA"), (60, b"B" * (4 - number))):
            for side in sides:
                p.at(200 * number + at).emit(Segment(side, 0, data))
    hits = found(scene.analysis(tmp_path), "TCP-OVERLAP-CONFLICT")
    told = [(hit.stream, hit.args["by"], hit.args["conflicting_bytes"]) for hit in hits]
    assert sorted(told, key=str) == [(0, "client", 4), (1, "client and the server", 6), (2, "server", 2)]
    (worst,) = [hit for hit in hits if hit.stream == 1]
    assert "The client and the server sent 6 B" in sentence(worst.title_key, worst.args)


def test_evidence_is_bounded_and_keeps_the_copies_together(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    for k in range(100):
        p.at(50 + k).emit(Segment("client", 4 * k, b"AAAA"))
    for k in range(100):
        p.at(200 + k).emit(Segment("client", 4 * k, b"BBBB"))
    (hit,) = found(scene.analysis(tmp_path), "TCP-OVERLAP-CONFLICT")
    assert len(hit.frames) == MAX_FRAMES
    firsts = {frame for frame in hit.frames if frame < 104}
    assert {frame + 100 for frame in firsts} == set(hit.frames) - firsts
    assert hit.args["conflicting_bytes"] == 400
