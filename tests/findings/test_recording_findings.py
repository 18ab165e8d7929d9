"""Findings about how a capture was recorded: one direction, gaps, copies, a clock that jumps, offload."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.pipeline import analyze
from analyzer.sentences import sentence
from tests import build
from tests.playbook import Playbook
from tests.visits.scene import Scene, answer, found, get

CODES = ("CAPTURE-ONE-WAY", "CAPTURE-GAPS", "CAPTURE-DUPLICATES", "CAPTURE-CLOCK", "CAPTURE-OFFLOAD")


def told(analysis: Analysis) -> set[str]:
    return {f.code for f in analysis.findings} & set(CODES)


def written(folder: Path, packets: list[tuple[int, bytes]]) -> Analysis:
    """Analyze packets in this order, whatever their times."""
    path = folder / "written.pcap"
    path.write_bytes(build.pcap_file(packets, nanoseconds=True))
    return analyze(str(path))


def exchange(scene: Scene, ms: float = 0, *, port: int = 40000, size: int = 20 * 1460) -> Playbook:
    p = scene.exchange(ms, get("/"), answer(size=size), client_port=port)
    p.at(ms + 500).close()
    return p


def side(p: Playbook, address: str) -> None:
    """Keep only what one address sent."""
    raw = bytes(map(int, address.split(".")))
    p.packets = [(when, data) for when, data in p.packets if data[26:30] == raw]


def test_a_good_recording(tmp_path: Path) -> None:
    scene = Scene()
    exchange(scene)
    exchange(scene, 1000, port=40001)
    assert told(scene.analysis(tmp_path)) == set()


# ── one direction ────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_the_client_was_recorded(tmp_path: Path) -> None:
    scene = Scene()
    side(exchange(scene), "10.0.0.1")
    exchange(scene, 1000, port=40001)
    (finding,) = found(scene.analysis(tmp_path), "CAPTURE-ONE-WAY")
    assert (finding.severity, finding.blame, finding.table) == ("note", "capture", "tcp")
    assert (finding.args["connections"], finding.args["total"], finding.args["heard"]) == (1, 2, "client")
    assert sentence(finding.title_key, finding.args) == (
        "Only one direction of 1 connection was recorded (of 2 in all)"
    )


def test_only_the_server_was_recorded(tmp_path: Path) -> None:
    scene = Scene()
    side(exchange(scene), "10.0.0.2")
    (finding,) = found(scene.analysis(tmp_path), "CAPTURE-ONE-WAY")
    assert finding.args["heard"] == "server"


def test_a_server_that_never_answered_is_no_missing_direction(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    for ms in (0, 1000, 3000):
        p.at(ms).client.syn(delivered=False)
    assert told(scene.analysis(tmp_path)) == set()


# ── gaps ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_arrived_and_was_not_recorded(tmp_path: Path) -> None:
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/film"))
    p.at(90).server.send(answer(size=1000))
    p.at(91).server.send(b"x" * 2920, captured=False)
    after = p.at(92).server.send(b"x" * 1000)
    p.at(93).client.ack()
    (finding,) = found(scene.analysis(tmp_path), "CAPTURE-GAPS")
    assert (finding.severity, finding.args["missing_bytes"], finding.frames) == ("note", 2920, tuple(after))
    assert sentence(finding.title_key, finding.args).startswith("2.92 kB that arrived were not recorded (")


def test_what_was_lost_and_repaired_is_no_gap(tmp_path: Path) -> None:
    """Lost before the recorder, and sent again: everything is in the capture."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    lost, later = p.server.prepare(b"x" * 2920)
    p.at(90).emit(later)
    p.at(91).client.ack()
    p.at(300).emit(lost)
    p.at(301).client.ack()
    assert told(scene.analysis(tmp_path)) == set()


def test_what_a_snap_length_cut_off_is_no_gap(tmp_path: Path) -> None:
    """Every packet is there, each with its first 100 bytes: another finding."""
    scene = Scene()
    p = exchange(scene)
    path = tmp_path / "short.pcap"
    packets = [(when, data[:100], len(data)) for when, data in p.packets]
    path.write_bytes(build.pcap_file(packets, nanoseconds=True, snaplen=100))
    assert told(analyze(str(path))) == set()


def test_what_nobody_acknowledged_is_no_gap(tmp_path: Path) -> None:
    """It did not arrive either: the network lost it."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    later = p.server.prepare(b"x" * 2920)[1]
    p.at(90).emit(later)
    p.at(91).client.ack()
    assert told(scene.analysis(tmp_path)) == set()


# ── copies ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_recorded_twice(tmp_path: Path) -> None:
    scene = Scene()
    p = exchange(scene)
    copies = [(when + 5_000, data) for when, data in p.packets[3:9]]
    packets = sorted([*p.packets, *copies], key=lambda packet: packet[0])
    (finding,) = found(written(tmp_path, packets), "CAPTURE-DUPLICATES")
    assert (finding.severity, finding.args["packets"], finding.table) == ("note", len(finding.frames), "capture")
    assert finding.args["packets"] >= 3


def test_one_packet_twice_is_no_habit(tmp_path: Path) -> None:
    scene = Scene()
    p = exchange(scene)
    when, data = p.packets[4]
    packets = sorted([*p.packets, (when + 5_000, data)], key=lambda packet: packet[0])
    assert told(written(tmp_path, packets)) == set()


# ── the clock ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_files_put_together_in_the_wrong_order(tmp_path: Path) -> None:
    scene = Scene()
    first, second = exchange(scene), exchange(scene, 60_000, port=40001)
    analysis = written(tmp_path, [*second.packets, *first.packets])
    (finding,) = found(analysis, "CAPTURE-CLOCK")
    edge = len(second.packets)
    assert (finding.severity, finding.frames) == ("note", (edge, edge + 1))
    assert (finding.args["count"], finding.args["back_ms"]) == (1, 60_540)
    assert "jump backwards 1 time, by up to 1 min 1 s" in sentence(finding.title_key, finding.args)


@pytest.mark.parametrize(("back", "asked"), [(60_000, 1), (60_000, 2), (0, 1)])
def test_silence_by_a_clock_that_was_set_is_none(tmp_path: Path, back: float, asked: int) -> None:
    """The question comes after the clock ran back a minute: the capture's latest time is no time that it waited."""
    scene, later = Scene(), Scene()
    exchange(scene, 60_000)
    exchange(later, 60_000 - back, port=50000)
    later.lookup(60_000 - back, "shop.example", after=None, asked=(0, 1000)[:asked])
    if not back:
        exchange(later, 70_000, port=50001)
    analysis = written(tmp_path, [*scene.ordered(), *later.ordered()])
    silent = [finding.severity for finding in analysis.findings if finding.code == "DNS-NO-ANSWER"]
    assert silent == ([] if back and asked == 1 else ["error"])


def test_packets_a_moment_out_of_order_are_how_recorders_work(tmp_path: Path) -> None:
    scene = Scene()
    p = exchange(scene)
    packets = list(p.packets)
    packets[3], packets[4] = packets[4], packets[3]
    assert told(written(tmp_path, packets)) == set()


# ── offload ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_offload(tmp_path: Path) -> None:
    """Both sides take 1460 bytes; one packet holds 4380: the card will cut it into three."""
    scene = Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/"))
    p.mss = 4380
    large = p.at(90).server.send(b"x" * 4380)
    p.at(91).client.ack()
    analysis = scene.analysis(tmp_path)
    (finding,) = found(analysis, "CAPTURE-OFFLOAD")
    assert (finding.severity, finding.frames) == ("info", tuple(large))
    assert (finding.args["largest_bytes"], finding.args["mss_bytes"], finding.args["segments"]) == (4380, 1460, 1)
    assert "1 packet is larger than the two sides agreed on" in sentence(finding.title_key, finding.args)


def test_the_receiver_s_limit_counts(tmp_path: Path) -> None:
    """A side may send what the other one takes, also if it takes less itself (RFC 9293 section 3.7.1)."""
    scene = Scene()
    p = scene.connection(mss=1460)
    p.client.syn()
    p.mss = 536
    p.at(40).server.syn()
    p.at(41).client.ack()
    p.mss = 1460
    p.at(90).server.send(b"x" * 1460)
    p.at(91).client.ack()
    assert told(scene.analysis(tmp_path)) == set()
    p.at(100).client.send(b"x" * 1000)
    assert told(scene.analysis(tmp_path)) == {"CAPTURE-OFFLOAD"}


def test_packets_without_a_time_are_no_jump(tmp_path: Path) -> None:
    """pcapng's simple packets have no time; they are not from 1970."""
    scene = Scene()
    p = exchange(scene)
    packets = [(0 if number in (3, 7) else when, data) for number, (when, data) in enumerate(p.packets)]
    assert told(written(tmp_path, packets)) == set()


def test_a_silence_by_a_clock_that_was_set_is_none(tmp_path: Path) -> None:
    """Two minutes pass between the request and the end of the capture, but only because recordings were joined."""
    scene, other = Scene(), Scene()
    p = scene.connection()
    p.handshake()
    p.at(50).client.send(get("/never"))
    p.at(90).server.ack()
    later = exchange(other, 120_000, port=40001)
    ordered = written(tmp_path, [*p.packets, *later.packets])
    assert [f.title_key for f in found(ordered, "HTTP-NO-RESPONSE")] == ["HTTP-NO-RESPONSE.silent"]
    joined = written(tmp_path, [*later.packets, *p.packets])
    assert found(joined, "HTTP-NO-RESPONSE") == []
    assert found(joined, "VISIT-FAILED") == [], "nor is it told as a visit that got no answer"
