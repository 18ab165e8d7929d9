"""Findings about connections: each rule where it fires, with its exact evidence, and a near miss where it must not."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.sentences import sentence
from tests import build
from tests.flows.talk import talk
from tests.playbook import Playbook
from tests.visits.scene import Scene, alarms, answer, found, get


def syns(scene: Scene, *moments: float, **facts: object) -> Playbook:
    """SYNs that nobody answers."""
    p = scene.connection(**facts)
    for ms in moments:
        p.at(ms).client.syn(delivered=False)
    return p


# ── TCP-SYN-UNANSWERED ───────────────────────────────────────────────────────────────────────────────────────────


def test_unanswered(tmp_path: Path) -> None:
    scene = Scene()
    syns(scene, 0, 1000, 3000)
    analysis = scene.analysis(tmp_path)
    (finding,) = analysis.findings
    assert (finding.code, finding.severity, finding.layer) == ("TCP-SYN-UNANSWERED", "error", "tcp")
    assert (finding.frames, finding.display_filter) == ((1, 2, 3), "frame.number in {1..3}")
    assert (finding.table, finding.row, finding.stream, finding.cost_ms) == ("tcp", 0, 0, 3000)
    told = {name: finding.args[name] for name in ("client", "server", "server_port", "attempts")}
    assert told == {"client": "10.0.0.1", "server": "10.0.0.2", "server_port": 80, "attempts": 3}
    assert "3 times" in sentence(finding.title_key, finding.args)


def test_one_syn_is_not_enough(tmp_path: Path) -> None:
    scene = Scene()
    syns(scene, 0)
    assert scene.analysis(tmp_path).findings == ()


def test_unanswered_but_reported_by_icmp(tmp_path: Path) -> None:
    """The router says why: that is the finding."""
    scene = Scene()
    p = syns(scene, 0, 1000)
    scene.icmp_error(1010, "10.0.0.254", 3, 1, p.packets[1][1], to="10.0.0.1")
    analysis = scene.analysis(tmp_path)
    assert alarms(analysis) == [("ICMP-UNREACHABLE", "warning")]


def test_one_finding_for_one_target(tmp_path: Path) -> None:
    """A browser opens six connections at once to a dead server: one trouble."""
    scene = Scene()
    for number in range(6):
        syns(scene, number, 1000 + number, client_port=40000 + number)
    (finding,) = scene.analysis(tmp_path).findings
    assert finding.frames == tuple(range(1, 13))
    assert (finding.args["attempts"], finding.args["connections"]) == (12, 6)


def test_another_address_of_the_name_answered(tmp_path: Path) -> None:
    """The first of two addresses is dead; the client goes on with the second one: slow, not broken."""
    scene = Scene()
    scene.lookup(0, "shop.example", "10.0.0.2")
    scene.lookup(1, "shop.example", "10.0.0.3", port=50001)
    syns(scene, 30, 1030)
    scene.exchange(2000, get("/"), answer(), server="10.0.0.3", client_port=40001)
    assert alarms(scene.analysis(tmp_path)) == [("TCP-SYN-UNANSWERED", "warning")]


def test_scan_is_one_note(tmp_path: Path) -> None:
    scene = Scene()
    for number in range(50):
        syns(scene, number, 1000 + number, server_port=1000 + number)
    analysis = scene.analysis(tmp_path)
    (finding,) = analysis.findings
    assert (finding.title_key, finding.severity) == ("TCP-SYN-UNANSWERED.scan", "note")
    assert (finding.args["targets"], finding.args["ports"], finding.args["servers"]) == (50, 50, 1)
    assert len(finding.frames) == 60, "bounded"
    assert "50 ports" in sentence(finding.title_key, finding.args)


def test_scanner_sends_each_target_one_syn(tmp_path: Path) -> None:
    """As nmap does: what one SYN cannot prove for a program that connects, many targets prove for a scanner."""
    scene = Scene()
    for number in range(50):
        syns(scene, number, server_port=1000 + number)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.title_key, finding.severity, finding.args["targets"]) == ("TCP-SYN-UNANSWERED.scan", "note", 50)


def test_one_side_of_many_connections_is_no_scan(tmp_path: Path) -> None:
    """The recorder heard only the client: it went on after its SYN, so it was answered."""
    scene = Scene()
    for number in range(50):
        p = scene.connection(server_port=1000 + number)
        p.at(number).client.syn(delivered=False)
        p.at(number + 20).client.send(b"x", delivered=False)
    assert found(scene.analysis(tmp_path), "TCP-SYN-UNANSWERED") == []


def test_just_enough_targets_for_single_findings(tmp_path: Path) -> None:
    scene = Scene()
    for number in range(20):
        syns(scene, number, 1000 + number, server_port=1000 + number)
    assert len(found(scene.analysis(tmp_path), "TCP-SYN-UNANSWERED")) == 20


def test_server_down_for_many_clients(tmp_path: Path) -> None:
    scene = Scene()
    for number in range(30):
        syns(scene, number, 1000 + number, client=f"10.0.1.{number + 1}", server_port=443)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.title_key, finding.severity) == ("TCP-SYN-UNANSWERED.clients", "error")
    assert finding.args["clients"] == 30


def test_probed_by_strangers(tmp_path: Path) -> None:
    scene = Scene()
    for number in range(30):
        syns(scene, number, 1000 + number, client=f"10.0.1.{number + 1}", server_port=20 + number % 5)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.title_key, finding.severity) == ("TCP-SYN-UNANSWERED.probed", "note")
    assert (finding.args["clients"], finding.args["ports"]) == (30, 5)


# ── TCP-REFUSED ──────────────────────────────────────────────────────────────────────────────────────────────────


def refused(scene: Scene, ms: float, **facts: object) -> Playbook:
    p = scene.connection(**facts)
    p.at(ms).client.syn()
    p.at(ms + 1).server.rst()
    return p


def test_refused(tmp_path: Path) -> None:
    scene = Scene()
    refused(scene, 0, server_port=8080)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("TCP-REFUSED", "error", (1, 2))
    assert finding.display_filter == "frame.number in {1..2}"
    assert (finding.args["server"], finding.args["server_port"]) == ("10.0.0.2", 8080)


def test_refused_on_ipv6_and_served_on_ipv4_of_the_same_machine(tmp_path: Path) -> None:
    """A program tries 127.0.0.2 before 127.0.0.1 (as others try ::1): nobody notices."""
    scene = Scene()
    refused(scene, 0, client="127.0.0.1", server="127.0.0.2")
    scene.exchange(2, get("/"), answer(), client="127.0.0.1", server="127.0.0.1", client_port=40001)
    analysis = scene.analysis(tmp_path)
    assert [(f.code, f.severity) for f in analysis.findings] == [("TCP-REFUSED", "note")]


def test_refused_while_another_site_works(tmp_path: Path) -> None:
    """A connection to something else on the same port is no way round."""
    scene = Scene()
    refused(scene, 0)
    scene.exchange(2, get("/", "other.example"), answer(), server="10.0.0.9", client_port=40001)
    assert alarms(scene.analysis(tmp_path)) == [("TCP-REFUSED", "error")]


def test_connection_that_works_is_not_refused(tmp_path: Path) -> None:
    scene = Scene()
    scene.exchange(0, get("/"), answer()).at(200).close()
    assert scene.analysis(tmp_path).findings == ()


# ── TCP-SYN-LOST ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_syn_lost(tmp_path: Path) -> None:
    scene = Scene()
    p = syns(scene, 0, 1000)
    p.at(3000).handshake()
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("TCP-SYN-LOST", "warning", (1, 2, 3, 4))
    assert (finding.cost_ms, finding.args["loss_ms"], finding.args["attempts"]) == (3000, 3000, 3)


def test_syn_repeated_within_milliseconds(tmp_path: Path) -> None:
    """Recorded twice, or an odd stack: nothing was lost that anybody felt."""
    scene = Scene()
    p = syns(scene, 0)
    p.at(30).handshake()
    assert scene.analysis(tmp_path).findings == ()


# ── TCP-RESET ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_server_resets_instead_of_answering(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/a"))
    p.at(90).server.rst()
    (finding,) = found(scene.analysis(tmp_path), "TCP-RESET")
    assert (finding.severity, finding.blame, finding.frames) == ("error", "server", (5,))
    assert finding.args["by"] == "server"


def test_client_resets_in_the_middle(tmp_path: Path) -> None:
    """Somebody pressed stop: the answer is cut short, by the client's own will."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/film"))
    p.at(90).server.send(answer(size=9000)[:2000])
    p.at(95).client.rst()
    (finding,) = found(scene.analysis(tmp_path), "TCP-RESET")
    assert (finding.severity, finding.blame) == ("warning", "client")


@pytest.mark.parametrize("by", ["client", "server"])
def test_reset_after_everything_was_answered(tmp_path: Path, by: str) -> None:
    scene = Scene()
    p = scene.exchange(0, get("/"), answer())
    p.at(300)
    (p.client if by == "client" else p.server).rst()
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.title_key) == ("TCP-RESET", "note", "TCP-RESET.polite")
    assert finding.frames == (7,)


def test_polite_resets_of_one_server_are_one_note(tmp_path: Path) -> None:
    scene = Scene()
    for number in range(5):
        p = scene.exchange(1000 * number, get("/"), answer(), client_port=40000 + number)
        p.at(1000 * number + 300).client.rst()
    (finding,) = found(scene.analysis(tmp_path), "TCP-RESET")
    assert (finding.args["count"], finding.frames) == (5, (7, 14, 21, 28, 35))
    assert "5 connections" in sentence(finding.title_key, finding.args)


def test_reset_that_throws_data_away(tmp_path: Path) -> None:
    """No HTTP: the client had sent 100 bytes more than the server's RST acknowledges."""
    scene = Scene()
    p = scene.connection(server_port=7777)
    p.handshake()
    p.at(50).client.send(b"\1" * 100)
    p.at(90).server.send(b"\2" * 100)
    p.at(91).client.ack()
    p.at(100).client.send(b"\3" * 100, delivered=False)
    p.at(110).server.rst()
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("TCP-RESET", "warning", (8,))


def test_reset_after_the_close(tmp_path: Path) -> None:
    """The client says goodbye and leaves; the server's last words meet a RST. Nobody minds."""
    scene = Scene()
    p = scene.connection(server_port=7777)
    p.handshake()
    p.at(50).client.send(b"\1" * 100)
    p.at(90).server.send(b"\2" * 100)
    p.at(91).client.fin()
    p.at(131).server.send(b"\2" * 30, delivered=False)
    p.at(132).server.rst()
    assert [(f.code, f.severity) for f in scene.analysis(tmp_path).findings] == [("TCP-RESET", "note")]


# ── TCP-LOSS ─────────────────────────────────────────────────────────────────────────────────────────────────────


def download(scene: Scene, again: float, *, times: int = 6, ident: int | None = None) -> list[int]:
    """A download of 40 segments; ``times`` of them are seen once more ``again`` ms later. Returns their frames."""
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/film"))
    segments = p.server.prepare(answer(size=40 * 1460 - 80))
    repeated, ms = [], 100.0
    for number, segment in enumerate(segments):
        p.at(ms).emit(segment)
        if number % 5 == 2 and len(repeated) < times:
            ms += again
            repeated += p.at(ms).emit(segment)
            if ident is not None:
                p.packets[-1] = p.packets[-2][0] + round(again * 1e6), p.packets[-2][1]
        ms += 10
    p.at(ms).client.ack()
    return repeated


def test_loss(tmp_path: Path) -> None:
    scene = Scene()
    repeated = download(scene, 250)
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.severity, finding.frames) == ("TCP-LOSS", "warning", tuple(repeated))
    assert finding.args["retransmissions"] == 6
    assert finding.args["loss_share"] == 6 / 46
    assert finding.args["by"] == "server"
    assert finding.cost_ms == 6 * 250


def one_repair(scene: Scene, after: float, *, times: int = 1) -> None:
    """A page whose second segment is lost before it reaches the client, ``times`` times; timers repair it."""
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/page"))
    segments = p.server.prepare(answer(size=3 * 1460 - 80))
    p.at(100).emit(segments[0])
    p.at(100).resend(segments[1:2], delivered=False)
    p.at(101).emit(segments[2])
    for k in range(times):
        p.at(100 + after * (k + 1)).resend(segments[1:2])
    p.at(140 + after * times).client.ack()


def test_one_loss_that_cost_a_second(tmp_path: Path) -> None:
    scene = Scene()
    one_repair(scene, 1300)
    (finding,) = found(scene.analysis(tmp_path), "TCP-LOSS")
    assert (finding.severity, finding.args["retransmissions"], finding.args["by"]) == ("warning", 1, "server")
    assert finding.cost_ms is not None
    assert 1290 <= finding.cost_ms <= 1310


def test_one_loss_that_cost_less(tmp_path: Path) -> None:
    scene = Scene()
    one_repair(scene, 900)
    assert found(scene.analysis(tmp_path), "TCP-LOSS") == []


def test_what_was_sent_three_times_is_told_once(tmp_path: Path) -> None:
    scene = Scene()
    one_repair(scene, 1300, times=2)
    analysis = scene.analysis(tmp_path)
    assert [f.code for f in analysis.findings if f.code in ("TCP-LOSS", "TCP-BACKOFF")] == ["TCP-BACKOFF"]


def test_a_few_repeats_are_no_rate(tmp_path: Path) -> None:
    scene = Scene()
    download(scene, 250, times=3)
    assert scene.analysis(tmp_path).findings == ()


@pytest.mark.parametrize("ident", [None, 1])
def test_recorded_twice_is_no_loss(tmp_path: Path, ident: int | None) -> None:
    """The copy comes after a tenth of a millisecond, with its own or with the same IP identification."""
    scene = Scene()
    download(scene, 0.1, ident=ident)
    assert alarms(scene.analysis(tmp_path)) == []


def test_what_the_receiver_got_twice_was_not_lost(tmp_path: Path) -> None:
    """Of twelve segments that were sent again the client reports six as duplicates (RFC 2883)."""
    text = "C S 0 0 0 @0\nS SA 0 1 0 @40\nC A 1 1 0 @40\nC PA 1 1 10 @50\n"
    repairs, frame, ms = [], 4, 100
    for number in range(12):
        low, high = 1 + 1000 * number, 1001 + 1000 * number
        text += f"S PA {low} 11 1000 @{ms}\nS PA {low} 11 1000 @{ms + 250}\n"
        text += f"C A 11 {high} 0 @{ms + 290}" + (f" sack={low}-{high}\n" if number % 2 else "\n")
        repairs += [] if number % 2 else [frame + 2]
        frame, ms = frame + 3, ms + 400
    scene = Scene()
    scene.packets = [said.packet() for said in talk(text)]
    (finding,) = found(scene.analysis(tmp_path), "TCP-LOSS")
    assert finding.frames == tuple(repairs)
    assert (finding.args["retransmissions"], finding.args["loss_share"]) == (6, 6 / 18)
    assert finding.cost_ms == 6 * 250


def test_a_slow_answer_to_a_syn_is_no_loss(tmp_path: Path) -> None:
    """A path of 1.2 s: the client's timer is too quick, and the server answers both SYNs."""
    text = "C S 0 0 0 @0\nC S 0 0 0 @1000\nS SA 0 1 0 @1200\nC A 1 1 0 @1200.1\nS SA 0 1 0 @{}\nC A 1 1 0 @2200.1\n"
    for again, expected in ((2200, 0), (2190, 0), (1500, 1)):
        scene = Scene()
        scene.packets = [said.packet() for said in talk(text.format(again))]
        assert len(found(scene.analysis(tmp_path), "TCP-SYN-LOST")) == expected


def test_loss_before_the_recorder(tmp_path: Path) -> None:
    """Seen at the receiver: the lost segments are missing at first; each wait begins when the hole shows."""
    scene = Scene()
    p = scene.connection(vantage="server")
    p.handshake()
    p.at(50).client.send(b"POST /up HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 43800\r\n\r\n")
    segments = p.client.prepare(b"u" * 30 * 1460)
    repeated, ms = [], 100.0
    for number, segment in enumerate(segments):
        if number % 5 == 2:
            continue
        p.at(ms).emit(segment)
        if number % 5 == 3:
            ms += 300
            repeated += p.at(ms).emit(segments[number - 1])
        ms += 10
    p.at(ms).server.send(answer())
    (finding,) = scene.analysis(tmp_path).findings
    assert (finding.code, finding.args["by"]) == ("TCP-LOSS", "client")
    assert finding.frames == tuple(repeated)
    assert finding.cost_ms == 6 * 300


def test_repeated_syns_are_no_data(tmp_path: Path) -> None:
    scene = Scene()
    syns(scene, 0, 1000, 3000, 7000, 15000, 31000, 63000)
    assert alarms(scene.analysis(tmp_path)) == [("TCP-SYN-UNANSWERED", "error")]


def test_repeats_to_a_receiver_that_has_gone(tmp_path: Path) -> None:
    """The client took all it wanted, closed and vanished; the server repeats its last words for a minute."""
    scene = Scene()
    p = scene.exchange(0, get("/"), answer())
    p.at(200).client.fin()
    (last,) = p.server.prepare(b"bye")
    for ms in (240, 500, 1000, 2000, 4000, 8000, 16000):
        p.at(ms).emit(last, delivered=False)
    assert found(scene.analysis(tmp_path), "TCP-LOSS") == []


def test_findings_are_bounded(tmp_path: Path) -> None:
    """A thousand clients, each refused by two servers: at most 200 findings a code, none of them heavy."""
    scene = Scene()
    for number in range(1000):
        source = f"10.{number // 200}.{number % 200}.9"
        for server in range(2):
            refused(
                scene, number, client=source, server=f"10.9.{number // 200}.{number % 200}", client_port=2000 + server
            )
    analysis = scene.analysis(tmp_path)
    assert len(found(analysis, "TCP-REFUSED")) == 200
    assert max(len(finding.frames) for finding in analysis.findings) <= 60


def test_nothing_on_a_healthy_capture(tmp_path: Path) -> None:
    scene = Scene()
    scene.arp(0, 1, build.MAC_A, "10.0.0.1", "00:00:00:00:00:00", "10.0.0.2")
    scene.arp(1, 2, build.MAC_B, "10.0.0.2", build.MAC_A, "10.0.0.1")
    scene.lookup(2, "shop.example")
    scene.exchange(30, get("/"), answer()).at(300).close()
    assert scene.analysis(tmp_path).findings == ()
