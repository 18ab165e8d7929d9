"""The evidence file: read back by our own reader and by tshark; limits; the value itself."""

from __future__ import annotations

import gzip
import io
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer import pipeline
from analyzer.evidence.capsule import capsule, capsule_name
from analyzer.evidence.model import Packet
from analyzer.report.evidence import evidence
from analyzer.report.render import render
from tests import build
from tests.capture.reading import packets, read
from tests.conftest import SAMPLES
from tests.evidence.cited import analyzed, cite, finding
from tests.playbook import Playbook

NS = 1_700_000_000_123_456_789
TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")
ETHER = build.eth(build.ip4(build.udp(b"abc"), proto=17))
RAW = build.ip4(build.udp(b"abcd"), proto=17)


def tshark(file: bytes, folder: Path, *fields: str, options: tuple[str, ...] = ()) -> list[list[str]]:
    """Ask tshark for fields of every packet; it must have nothing to complain about."""
    assert TSHARK is not None
    path = folder / "capsule.pcapng"
    path.write_bytes(file)
    wanted = [word for name in fields for word in ("-e", name)]
    line = [TSHARK, "-n", "-r", str(path), *options, "-T", "fields", *wanted]
    done = subprocess.run(line, capture_output=True, text=True, check=True, timeout=120)
    assert [said for said in done.stderr.splitlines() if "Running as user" not in said] == []
    return [row.split("\t") for row in done.stdout.splitlines()]


def mixed() -> tuple[Packet, ...]:
    return (
        Packet(4, NS, 0, 1, 10**9, len(ETHER), ETHER),
        Packet(9, NS + 1, 3, 101, 10**6, 1500, RAW[:28]),
        Packet(12, NS + 2_000_000_000, 1, 1, 10**3, len(ETHER), ETHER[:15]),
        Packet(13, 0, 1, 1, 1 << 20, 70, b""),
    )


@needs_tshark
@pytest.mark.referee
def test_tshark_reads_it(tmp_path: Path) -> None:
    rows = tshark(
        capsule(mixed(), "TCP-LOSS: something was lost"),
        tmp_path,
        *("frame.comment", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.encap_type", "ip.src"),
    )
    assert [row[0] for row in rows] == [f"frame {n}: TCP-LOSS: something was lost" for n in (4, 9, 12, 13)]
    assert [row[1] for row in rows] == [
        "1700000000.123456789",
        "1700000000.123456000",
        "1700000002.123000000",
        "0.000000000",
    ]
    assert [row[2:4] for row in rows] == [["45", "45"], ["1500", "28"], ["45", "15"], ["70", "0"]]
    assert [row[4:] for row in rows] == [["1", "10.0.0.1"], ["7", "10.0.0.1"], ["1", ""], ["1", ""]]


def test_our_own_reader_reads_it() -> None:
    index = read(capsule(mixed(), "x"))
    assert index.problems == ()
    assert packets(index) == [
        (NS, ETHER, len(ETHER)),
        (NS // 1000 * 1000, RAW[:28], 1500),
        ((NS + 2_000_000_000) // 10**6 * 10**6, ETHER[:15], len(ETHER)),
        (0, b"", 70),
    ]
    assert [i.link_type for i in index.interfaces] == [1, 1, 1, 101]
    assert index.comments == tuple((n + 1, f"frame {packet.frame}: x") for n, packet in enumerate(mixed()))


def test_same_packets_same_bytes() -> None:
    assert capsule(mixed(), "x") == capsule(mixed(), "x")


@pytest.mark.parametrize("text", ["\x1b[31m\x00\u202ered", "a" * 100_000])
def test_comments_are_safe_to_show(text: str) -> None:
    (_, comment), *_ = read(capsule(mixed(), text)).comments
    assert len(comment) < 300
    assert comment.isprintable()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("TCP-SYN-LOST", "finding-3-TCP-SYN-LOST.pcapng"),
        ("../../etc/passwd", "finding-3-._._etc_passwd.pcapng"),
        ('"><svg onload=1>\0\n', "finding-3-_svg_onload_1_.pcapng"),
        ("é" * 500, f"finding-3-{'é' * 60}.pcapng"),
    ],
)
def test_file_names(code: str, name: str) -> None:
    assert capsule_name(3, code) == name


@needs_tshark
@pytest.mark.referee
def test_several_interfaces_of_a_capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two link types, two resolutions, nanoseconds; the second packet was cut by the recorder already."""
    cite(monkeypatch, [finding(2, 3)])
    capture = (
        build.pcapng_section()
        + build.pcapng_interface(link_type=1, ticks=6, options=build.pcapng_option(2, b"eth0"))
        + build.pcapng_interface(link_type=101, ticks=9)
        + build.pcapng_packet((NS, ETHER), ticks=6)
        + build.pcapng_packet((NS, ETHER[:42], 90), ticks=6, options=build.pcapng_option(1, b"private words"))
        + build.pcapng_packet((NS + 7, RAW), interface=1)
    )
    analysis = analyzed(tmp_path, capture)
    file = capsule(analysis.evidence.of(analysis.findings[0]), "x")
    assert b"eth0" not in file
    assert b"private" not in file
    assert tshark(file, tmp_path, "frame.comment", "frame.time_epoch", "frame.len", "frame.cap_len") == [
        ["frame 2: x", "1700000000.123456000", "90", "42"],
        ["frame 3: x", "1700000000.123456796", str(len(RAW)), "28"],
    ]


@needs_tshark
@pytest.mark.referee
def test_a_right_checksum_stays_right_and_a_wrong_one_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is overwritten but not cut is verified by Wireshark: by odd and even lengths."""
    cite(monkeypatch)
    p = Playbook(rtt_ms=1)
    p.handshake()
    frames = []
    for n in range(8):
        pad = b"a" * n
        frames += p.client.send(b"GET /?token=secret" + pad + b" HTTP/1.1\r\nHost: b\r\n\r\n")
        p.server.send(b"HTTP/1.1 204 No\r\nSet-Cookie: s=" + pad + b"1\r\n\r\n")
        p.client.ack()
    wrong = frames[3] - 1
    time, packet = p.packets[wrong]
    p.packets[wrong] = time, packet[:50] + bytes([packet[50] ^ 0x10]) + packet[51:]
    analysis = analyzed(tmp_path, p.pcap())
    file = capsule(tuple(analysis.evidence.packets.values()), "x")
    assert b"secret" not in file
    rows = tshark(
        file, tmp_path, "tcp.checksum.status", "frame.len", "frame.cap_len", options=("-o", "tcp.check_checksum:TRUE")
    )
    assert all(row[1] == row[2] for row in rows)
    assert [n for n, row in enumerate(rows) if row[0] != "1"] == [wrong]


def test_compressed_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = (SAMPLES / "handshake-and-close.pcapng").read_bytes()
    plain = pipeline.analyze(str(SAMPLES / "handshake-and-close.pcapng")).evidence
    assert plain.packets
    assert analyzed(tmp_path, gzip.compress(raw)).evidence == plain

    class Standard:
        buffer = io.BytesIO(raw)

    Standard.buffer.isatty = lambda: False  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stdin", Standard)
    assert pipeline.analyze("-").evidence == plain


def test_the_value_is_small_and_can_be_sent(tmp_path: Path) -> None:
    analysis = pipeline.analyze(str(SAMPLES / "web-app.pcapng"))
    kept = analysis.evidence
    assert pickle.loads(pickle.dumps(kept)) == kept
    assert len(pickle.dumps(kept)) < 2 << 20
    cited = {frame for row in analysis.findings for frame in row.frames}
    assert set(kept.packets) == cited  # nothing else
    assert "evidence" not in analysis.document()


def lost(count: int) -> bytes:
    return build.pcap_file([(NS + n, ETHER) for n in range(count)], nanoseconds=True)


def test_room_for_one_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is counted: 42 bytes of headers and 192 around them, four times in 1000 bytes."""
    cite(monkeypatch, [finding(1, 2, 3, 4, 5, 6)], room=1000)
    analysis = analyzed(tmp_path, lost(6))
    fact = evidence(analysis, 1, analysis.findings[0])
    assert fact is not None
    assert fact.words.startswith("the first 4 of 6 frames, ")
    assert len(analysis.evidence.of(analysis.findings[0])) == 4


def test_the_worst_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cite(monkeypatch, [finding(1, 2, code="A", severity="error"), finding(3, code="B"), finding(4, code="C")], room=702)
    analysis = analyzed(tmp_path, lost(6))
    assert [len(analysis.evidence.of(row)) for row in analysis.findings] == [2, 1, 0]
    fact = evidence(analysis, 3, analysis.findings[2])
    assert fact is not None
    assert not fact.data
    assert fact.words == "No evidence file: the 1.05 MB for such files went to graver findings."
    assert str(fact.words) in render(analysis)


def test_what_is_no_packet_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A custom block is a frame to Wireshark, but no packet."""
    cite(monkeypatch, [finding(1, 2, 99)])
    custom = build.pcapng_block(0x00000BAD, b"\0\0\x7f\xd9words")
    analysis = analyzed(tmp_path, build.pcapng_file([(NS, ETHER)], extra=custom))
    assert [packet.frame for packet in analysis.evidence.of(analysis.findings[0])] == [2]


def test_shown_secrets_are_said_to_be_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cite(monkeypatch, [finding(1, 2)])
    analysis = analyzed(tmp_path, lost(2), reveal=True)
    fact = evidence(analysis, 1, analysis.findings[0])
    assert fact is not None
    assert fact.words.endswith("as captured, nothing is masked")
    assert [packet.data for packet in analysis.evidence.of(analysis.findings[0])] == [ETHER, ETHER]


def test_a_finding_without_frames_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cite(monkeypatch, [finding()])
    analysis = analyzed(tmp_path, lost(1))
    assert evidence(analysis, 1, analysis.findings[0]) is None
    assert 'class="evidence"' not in render(analysis)
