"""The pipeline's own rules: packets without a clock, captures of nothing, and parsers that fail."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from analyzer import pipeline
from analyzer.analysis import Analysis
from analyzer.errors import CaptureError
from analyzer.export.json import dumps
from analyzer.pipeline import analyze
from analyzer.protocols.base import Conversation
from analyzer.report.render import render
from tests import build
from tests.conftest import SAMPLES
from tests.playbook import START_NS
from tests.visits.scene import Scene, answer, check, get


def scene() -> Scene:
    """Two connections with one request each."""
    made = Scene()
    made.exchange(0, get("/one"), answer())
    made.exchange(500, get("/two"), answer(), client_port=40001)
    return made


def write(folder: Path, data: bytes) -> str:
    path = folder / "capture"
    path.write_bytes(data)
    return str(path)


def simple_block(data: bytes) -> bytes:
    """A Simple Packet Block (type 3): a packet without interface and without time."""
    return build.pcapng_block(3, struct.pack("<I", len(data)) + data)


def shown(analysis: Analysis) -> str:
    """The analysis must also be fit to be written down."""
    assert dumps(analysis)
    return render(analysis)


def head() -> bytes:
    return build.pcapng_section() + build.pcapng_interface(snaplen=262144)


def test_packets_without_a_time_among_others(tmp_path: Path) -> None:
    packets = scene().ordered()
    blocks = [build.pcapng_packet(packet) for packet in packets]
    blocks.insert(3, simple_block(build.eth(build.ip4(build.udp(b"hi", sport=1, dport=2), proto=17))))
    analysis = analyze(write(tmp_path, head() + b"".join(blocks)))
    check(analysis)
    capture = analysis.capture
    assert (capture.packets, capture.ledger.total) == (13, 13)
    assert (capture.start_time, capture.end_time, capture.duration_ms) == (START_NS, START_NS + 600_000_000, 600)
    assert analysis.throughput.start_time == START_NS
    assert int(analysis.throughput.packets.sum()) == 12, "those that have a time"
    assert [row.target for row in analysis.http] == ["/one", "/two"]
    shown(analysis)
    assert "1970-01-01" not in dumps(analysis)


def test_no_packet_has_a_time(tmp_path: Path) -> None:
    blocks = [simple_block(data) for _, data in scene().ordered()]
    analysis = analyze(write(tmp_path, head() + b"".join(blocks)))
    check(analysis)
    capture = analysis.capture
    assert (capture.packets, capture.start_time, capture.end_time, capture.duration_ms) == (12, None, None, None)
    assert analysis.throughput.packets.size == 0
    assert [(row.target, row.status) for row in analysis.http] == [("/one", 200), ("/two", 200)]
    shown(analysis)


def test_times_that_run_backwards(tmp_path: Path) -> None:
    """The same packets, each with the time of its mirror image."""
    packets = scene().ordered()
    times = [when for when, _ in packets][::-1]
    data = build.pcap_file(zip(times, (data for _, data in packets), strict=True), nanoseconds=True)
    analysis = analyze(write(tmp_path, data))
    check(analysis)
    assert analysis.capture.duration_ms == 600
    assert int(analysis.throughput.packets.sum()) == 12
    assert [(row.target, row.status) for row in analysis.http] == [("/one", 200), ("/two", 200)]
    shown(analysis)


def test_zero_packets(tmp_path: Path) -> None:
    for data in (build.pcap_file([]), head()):
        analysis = analyze(write(tmp_path, data))
        capture = analysis.capture
        assert (capture.packets, capture.start_time, capture.duration_ms) == (0, None, None)
        assert (capture.vantage, capture.vantage_why) == ("unknown", "no TCP handshake")
        assert (analysis.visits, analysis.findings, analysis.http) == ((), (), ())
        shown(analysis)


def test_only_arp(tmp_path: Path) -> None:
    made = Scene()
    made.arp(0, 1, build.MAC_A, "10.0.0.1", "00:00:00:00:00:00", "10.0.0.2")
    made.arp(3, 2, build.MAC_B, "10.0.0.2", build.MAC_A, "10.0.0.1")
    analysis = made.analysis(tmp_path)
    assert (analysis.capture.ledger.arp, len(analysis.arp), analysis.visits) == (2, 1, ())
    assert analysis.arp[0].latency_ms == 3
    shown(analysis)


def test_one_packet(tmp_path: Path) -> None:
    made = Scene()
    made.connection().client.syn()
    analysis = made.analysis(tmp_path)
    assert (analysis.capture.duration_ms, len(analysis.connections)) == (0, 1)
    shown(analysis)


def test_why_partial(tmp_path: Path) -> None:
    """The reason is the reader's own sentence about where it stopped."""
    analysis = scene().analysis(tmp_path, cut=10)
    capture = analysis.capture
    assert capture.partial
    assert capture.partial_why == [p.message for p in analysis.problems if p.layer == "capture"][-1]
    whole = scene().analysis(tmp_path)
    assert (whole.capture.partial, whole.capture.partial_why) == (False, None)


def test_a_packed_capture_that_breaks_off_says_so_rather_than_what_that_broke(tmp_path: Path) -> None:
    packed = gzip.compress((SAMPLES / "loss.pcapng").read_bytes(), mtime=0)
    path = tmp_path / "cut.pcapng.gz"
    path.write_bytes(packed[: len(packed) // 2])
    capture = analyze(str(path)).capture
    assert (capture.partial, capture.partial_why) == (True, "the gzip stream ends early")
    assert capture.packets > 0


def test_every_cut_gives_a_partial_result(tmp_path: Path) -> None:
    """Cut anywhere behind its header, the file still gives what stands before the cut."""
    whole = build.pcap_file(scene().ordered(), nanoseconds=True)
    for size in range(24, len(whole), 37):
        analysis = analyze(write(tmp_path, whole[:size]))
        check(analysis)
        assert analysis.capture.ledger.total == analysis.capture.packets


@pytest.mark.parametrize("size", [0, 3, 23])
def test_no_capture_at_all(tmp_path: Path, size: int) -> None:
    with pytest.raises(CaptureError):
        analyze(write(tmp_path, build.pcap_file([])[:size]))


def test_stages_are_told(tmp_path: Path) -> None:
    told: list[str] = []
    path = write(tmp_path, build.pcap_file(scene().ordered()))
    analyze(path, progress=lambda stage, _: told.append(stage))
    assert [stage for at, stage in enumerate(told) if stage not in told[:at]][-3:] == [
        "connections",
        "messages",
        "link",
    ]


# ── a parser with a bug ──────────────────────────────────────────────────────────────────────────────────────────


def break_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the HTTP parser fail on the first connection only."""
    good = pipeline.http1.transactions

    def transactions(talk: Conversation) -> object:
        if talk.stream == 0:
            raise ZeroDivisionError("a bug")
        return good(talk)

    monkeypatch.setattr(pipeline.http1, "transactions", transactions)


def test_a_bug_costs_one_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANALYZER_DEBUG", raising=False)
    break_http(monkeypatch)
    analysis = analyze(write(tmp_path, build.pcap_file(scene().ordered(), nanoseconds=True)))
    assert [row.target for row in analysis.http] == ["/two"]
    assert len(analysis.connections) == 2
    (problem,) = [p for p in analysis.problems if p.code == "PARSER-FAILED"]
    assert (problem.layer, problem.frame) == ("http", 1)
    assert "TCP stream 0" in problem.message
    assert "HTTP parser" in problem.message
    assert "ZeroDivisionError" in problem.message
    assert analysis.capture.problem_counts["PARSER-FAILED"] == 1
    shown(analysis)


def test_a_bug_is_loud_when_debugging(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANALYZER_DEBUG", "1")
    break_http(monkeypatch)
    with pytest.raises(ZeroDivisionError):
        analyze(write(tmp_path, build.pcap_file(scene().ordered(), nanoseconds=True)))


@pytest.mark.parametrize("protocol", ["arp", "dns", "icmp"])
def test_a_bug_costs_one_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, protocol: str) -> None:
    monkeypatch.delenv("ANALYZER_DEBUG", raising=False)

    def exchanges(*_: object) -> object:
        raise IndexError("a bug")

    monkeypatch.setattr(getattr(pipeline, protocol), "exchanges", exchanges)
    analysis = analyze(write(tmp_path, build.pcap_file(scene().ordered(), nanoseconds=True)))
    assert [row.target for row in analysis.http] == ["/one", "/two"]
    assert analysis.problem_counts["PARSER-FAILED"] == 1


def test_an_interrupt_is_no_bug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def transactions(_: Conversation) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline.http1, "transactions", transactions)
    with pytest.raises(KeyboardInterrupt):
        analyze(write(tmp_path, build.pcap_file(scene().ordered())))
