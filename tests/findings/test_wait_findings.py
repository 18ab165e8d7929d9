"""Findings about waiting: data sent again and again, keep-alives into the void, connections slow to open."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.pipeline import analyze
from analyzer.sentences import finding_text, sentence
from tests import build
from tests.playbook import Playbook, Segment
from tests.visits.scene import Scene, alarms, answer, found, get

# ── TCP-BACKOFF ──────────────────────────────────────────────────────────────────────────────────────────────────


def repeated(scene: Scene, *moments: float, arrives: bool = True) -> tuple[Playbook, list[int]]:
    """A request that is lost, and sent again at each of some moments; the last one arrives."""
    p = scene.connection()
    p.handshake()
    (request,) = p.client.prepare(get("/"))
    frames = p.at(50).emit(request, delivered=False)
    for ms in moments[:-1]:
        frames += p.at(ms).resend([request], delivered=False)
    frames += p.at(moments[-1]).resend([request], delivered=arrives)
    return p, frames


def test_backoff(tmp_path: Path) -> None:
    scene = Scene()
    p, frames = repeated(scene, 350, 950, 2150)
    p.at(2200).server.send(answer())
    p.at(2201).client.ack()
    (finding,) = found(scene.analysis(tmp_path), "TCP-BACKOFF")
    assert (finding.title_key, finding.severity, finding.blame) == ("TCP-BACKOFF", "warning", "network")
    assert (finding.frames, finding.cost_ms, finding.args["sent"]) == (tuple(frames), 2100, 4)
    assert "4 times until it arrived, which took 2.10 s" in sentence(finding.title_key, finding.args)


def test_backoff_until_nobody_listens(tmp_path: Path) -> None:
    scene = Scene()
    _, frames = repeated(scene, 350, 950, 2150, arrives=False)
    (finding,) = found(scene.analysis(tmp_path), "TCP-BACKOFF")
    assert (finding.title_key, finding.severity) == ("TCP-BACKOFF.lost", "warning")
    assert finding.frames == tuple(frames)
    assert "nobody confirmed it" in sentence(finding.title_key, finding.args)


def test_one_repeat_is_ordinary_loss(tmp_path: Path) -> None:
    scene = Scene()
    p, _ = repeated(scene, 1050)
    p.at(1100).server.send(answer())
    p.at(1101).client.ack()
    assert found(scene.analysis(tmp_path), "TCP-BACKOFF") == []


def test_quick_probes_are_no_backoff(tmp_path: Path) -> None:
    """Three transmissions within 300 ms: a sender that probes, not one that doubles its pauses."""
    scene = Scene()
    p, _ = repeated(scene, 150, 350)
    p.at(400).server.send(answer())
    p.at(401).client.ack()
    assert found(scene.analysis(tmp_path), "TCP-BACKOFF") == []


def test_a_client_that_had_left_does_not_wait(tmp_path: Path) -> None:
    """It says goodbye (data and FIN) to a server that is gone: a note, no cost."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    (last,) = p.client.prepare(b"QUIT\r\n", flags="PFA")
    p.at(50).emit(last, delivered=False)
    for ms in (350, 950, 2150):
        p.at(ms).resend([last], delivered=False)
    (finding,) = found(scene.analysis(tmp_path), "TCP-BACKOFF")
    assert (finding.severity, finding.cost_ms) == ("note", None)


def test_backoff_seen_from_one_side(tmp_path: Path) -> None:
    """The answers were not recorded, so whether the data arrived is not said."""
    scene = Scene()
    p, _ = repeated(scene, 350, 950, 2150)
    p.at(2200).server.send(answer())
    p.at(2201).client.ack()
    p.packets = [(when, data) for when, data in p.packets if data[26:30] == bytes([10, 0, 0, 1])]
    analysis = scene.analysis(tmp_path)
    (finding,) = found(analysis, "TCP-BACKOFF")
    assert finding.title_key == "TCP-BACKOFF.unseen"
    assert "not known" in finding_text(finding.title_key, finding.args).why
    assert len(found(analysis, "CAPTURE-ONE-WAY")) == 1


def test_padding_is_no_data_sent_again(tmp_path: Path) -> None:
    """ACKs of 54 bytes in frames of 60, recorded so that the padding looks like six bytes of data."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    for ms in (100, 900, 2000):
        p.at(ms).emit(Segment("client", 0, bytes(6), "A"), delivered=False)
    assert found(scene.analysis(tmp_path), "TCP-BACKOFF") == []


def test_a_closed_window_is_another_finding(tmp_path: Path) -> None:
    """Some systems probe a closed window with the whole segment: the receiver has no room, nothing is lost."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).server.send(b"x" * 1460)
    p.at(51).emit(Segment("client", 0, b"", "A", 0))
    (held,) = p.server.prepare(b"y" * 1000)
    for ms in (300, 900, 2000):
        p.at(ms).emit(held, delivered=False)
        p.at(ms + 1).emit(Segment("client", 0, b"", "A", 0))
    assert found(scene.analysis(tmp_path), "TCP-BACKOFF") == []


# ── TCP-KEEPALIVE-DEAD ───────────────────────────────────────────────────────────────────────────────────────────


def probes(scene: Scene, *moments: float, answered: int = 0) -> tuple[Playbook, list[int]]:
    """An exchange, then keep-alives (empty, one byte back: RFC 9293 section 3.8.4), of which the first are answered."""
    p = scene.exchange(0, get("/"), answer())
    frames = []
    for number, ms in enumerate(moments):
        frame = p.at(ms).emit(Segment("client", p.client.sent - 1, b"", "A"))
        if number < answered:
            p.at(ms + 40).server.ack()
        else:
            frames += frame
    return p, frames


def test_keep_alives_unanswered(tmp_path: Path) -> None:
    scene = Scene()
    p, frames = probes(scene, 10_000, 20_000, 30_000, 40_000, answered=1)
    frames += p.at(50_000).client.rst()
    (finding,) = found(scene.analysis(tmp_path), "TCP-KEEPALIVE-DEAD")
    assert (finding.severity, finding.frames) == ("warning", tuple(frames))
    assert (finding.args["probes"], finding.args["by"], finding.args["other"]) == (3, "client", "server")
    assert "The server no longer answers" in sentence(finding.title_key, finding.args)


def test_keep_alives_answered(tmp_path: Path) -> None:
    scene = Scene()
    probes(scene, 10_000, 20_000, 30_000, 40_000, answered=4)
    assert alarms(scene.analysis(tmp_path)) == []


def test_two_keep_alives_may_be_lost(tmp_path: Path) -> None:
    scene = Scene()
    probes(scene, 10_000, 20_000, answered=0)
    assert found(scene.analysis(tmp_path), "TCP-KEEPALIVE-DEAD") == []


# ── TCP-SLOW-CONNECT ─────────────────────────────────────────────────────────────────────────────────────────────


def opened(scene: Scene, rtt: float, *, answered_after: float, port: int = 40000) -> Playbook:
    p = scene.connection(rtt_ms=rtt, client_port=port)
    p.handshake()
    p.at(rtt + 10).client.send(get("/"))
    p.at(rtt + 10 + answered_after).server.ack()
    p.server.send(answer())
    p.client.ack()
    return p


def test_slow_connect(tmp_path: Path) -> None:
    scene = Scene()
    opened(scene, 600, answered_after=600)
    opened(scene, 700, answered_after=700, port=40001)
    (finding,) = found(scene.analysis(tmp_path), "TCP-SLOW-CONNECT")
    assert (finding.title_key, finding.severity, finding.blame) == ("TCP-SLOW-CONNECT", "note", "network")
    assert (finding.args["opening_ms"], finding.args["connections"], finding.stream) == (700, 2, 1)
    assert finding.cost_ms == 700


def test_slow_connect_although_the_path_is_short(tmp_path: Path) -> None:
    scene = Scene()
    opened(scene, 600, answered_after=20)
    (finding,) = found(scene.analysis(tmp_path), "TCP-SLOW-CONNECT")
    assert (finding.title_key, finding.blame) == ("TCP-SLOW-CONNECT.once", "unknown")
    assert finding.args["later_ms"] == pytest.approx(20, abs=1)


def test_ordinary_connect(tmp_path: Path) -> None:
    scene = Scene()
    opened(scene, 290, answered_after=290)
    assert found(scene.analysis(tmp_path), "TCP-SLOW-CONNECT") == []


def test_a_lost_syn_is_another_finding(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.client.syn(delivered=False)
    p.at(1000).client.syn()
    p.at(1040).server.syn()
    p.client.ack()
    analysis = scene.analysis(tmp_path)
    assert found(analysis, "TCP-SLOW-CONNECT") == []
    assert len(found(analysis, "TCP-SYN-LOST")) == 1


# ── TCP-SYN-FLOOD and strangers ──────────────────────────────────────────────────────────────────────────────────


def half_open(scene: Scene, number: int, *, answers: int) -> None:
    """A SYN that the server answers, again and again, and no ACK."""
    p = scene.connection(client=f"198.51.{number // 250}.{number % 250 + 1}", server_port=443)
    p.at(number).client.syn()
    for again in range(answers):
        p.at(number + 1000 * again + 1).server.syn()


def test_syn_flood(tmp_path: Path) -> None:
    scene = Scene()
    for number in range(120):
        half_open(scene, number, answers=3)
    (finding,) = found(scene.analysis(tmp_path), "TCP-SYN-FLOOD")
    assert (finding.severity, finding.args["attempts"], finding.args["clients"]) == ("warning", 120, 120)
    assert finding.frames[:2] == (1, 2)
    assert "120 connections to 10.0.0.2 port 443 were begun" in sentence(finding.title_key, finding.args)


def test_acks_missing_from_the_capture_are_no_flood(tmp_path: Path) -> None:
    """The server does not repeat its SYN/ACKs: it has got the ACKs that the recorder missed."""
    scene = Scene()
    for number in range(120):
        half_open(scene, number, answers=1)
    assert found(scene.analysis(tmp_path), "TCP-SYN-FLOOD") == []


def test_a_few_half_open_connections_are_no_flood(tmp_path: Path) -> None:
    scene = Scene()
    for number in range(20):
        half_open(scene, number, answers=3)
    assert found(scene.analysis(tmp_path), "TCP-SYN-FLOOD") == []


def test_a_stranger_at_the_door_of_somebody_s_computer(tmp_path: Path) -> None:
    """It browses; from outside somebody tries its port 22 and gets no answer: no service fails."""
    scene = Scene()
    for number in range(6):
        scene.exchange(
            1000 * number, get("/"), answer(), client="192.0.2.7", server="192.0.2.80", client_port=40000 + number
        )
    p = scene.connection(client="203.0.113.9", server="192.0.2.7", server_port=22)
    for ms in (100, 1100, 3100):
        p.at(ms).client.syn(delivered=False)
    analysis = scene.analysis(tmp_path)
    (finding,) = found(analysis, "TCP-SYN-UNANSWERED")
    assert (finding.title_key, finding.severity) == ("TCP-SYN-UNANSWERED.probed", "note")


def knock(scene: Scene, ms: float, host: int, *, open_: bool) -> Playbook:
    p = scene.connection(server=f"10.0.0.{host}", client_port=40000 + host, rtt_ms=1)
    p.at(ms).client.syn()
    if not open_:
        p.at(ms + 1).server.rst()
        return p
    p.at(ms + 1).server.syn()
    p.client.ack()
    p.client.rst()
    return p


def test_who_knocks_at_doors_and_never_enters_is_a_scanner(tmp_path: Path) -> None:
    """nmap asking which of three machines are there (-sn): one door opens, two are closed."""
    scene = Scene()
    for host, open_ in ((10, True), (11, False), (12, False)):
        knock(scene, host, host, open_=open_)
    (finding,) = found(scene.analysis(tmp_path), "TCP-REFUSED")
    assert (finding.title_key, finding.severity, finding.args["targets"]) == ("TCP-REFUSED.scan", "note", 2)


def test_who_enters_one_of_them_is_none(tmp_path: Path) -> None:
    """The same, but with the first machine it talks: two services that it needs are down."""
    scene = Scene()
    for host, open_ in ((10, True), (11, False), (12, False)):
        knock(scene, host, host, open_=open_)
    scene.exchange(1000, get("/"), answer(), client_port=41000)
    assert [f.severity for f in found(scene.analysis(tmp_path), "TCP-REFUSED")] == ["error", "error"]


def test_a_syn_recorded_twice_is_nobody_waiting(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.client.syn(delivered=False)
    p.at(0.1).client.syn(delivered=False)
    assert found(scene.analysis(tmp_path), "TCP-SYN-UNANSWERED") == []


def test_a_silence_in_a_capture_full_of_holes_proves_little(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/"), answer())
    p.at(500).server.send(b"x" * 50_000, captured=False)
    p.at(600).server.send(b"x")
    p.client.ack()
    q = scene.connection(server="10.0.0.9", client_port=40001)
    for ms in (700, 1700, 3700):
        q.at(ms).client.syn(delivered=False)
    (finding,) = found(scene.analysis(tmp_path), "TCP-SYN-UNANSWERED")
    assert finding.severity == "note"


def test_nothing_is_timed_by_a_recorder_that_keeps_its_own_time(tmp_path: Path) -> None:
    """One packet every 500 ms: these times say nothing, so neither do rules about waiting."""
    scene = Scene()
    p, _ = repeated(scene, 350, 950, 2150)
    for ms in range(2200, 4200, 50):
        p.at(ms).server.send(b"x" * 100)
        p.client.ack()
    paced = [(build_time(number), data) for number, (_, data) in enumerate(scene.ordered())]
    path = tmp_path / "paced.pcap"
    path.write_bytes(build.pcap_file(paced, nanoseconds=True))
    codes = {f.code for f in analyze(str(path)).findings}
    assert "CAPTURE-PACED" in codes
    assert not codes & {"TCP-BACKOFF", "TCP-SLOW-CONNECT", "TCP-ZERO-WINDOW", "TCP-WINDOW-LIMIT"}


def build_time(number: int) -> int:
    return 1_700_000_000_000_000_000 + number * 500_000_000
