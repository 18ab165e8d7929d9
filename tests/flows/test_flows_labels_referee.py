"""tshark as the oracle for labels, segment by segment: the scripts, some playbooks, and every bundled sample.

Deliberately not compared: PORT_REUSED on a SYN-ACK (tshark says it of a second SYN-ACK with another number; a
connection is not used again by that), and CAPTURED_TWICE, which tshark does not know.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.flows.build import follow
from analyzer.options import Options
from tests import build
from tests.conftest import SAMPLES
from tests.flows.script import labels_of, packets_of, script
from tests.flows.test_flows_labels import SCRIPTS
from tests.playbook import Playbook

pytestmark = [
    pytest.mark.referee,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed"),
]

FIELDS = {
    "retransmission": "RETRANSMISSION",
    "fast_retransmission": "FAST_RETRANSMISSION",
    "spurious_retransmission": "SPURIOUS_RETRANSMISSION",
    "out_of_order": "OUT_OF_ORDER",
    "duplicate_ack": "DUPLICATE_ACK",
    "lost_segment": "LOST_SEGMENT",
    "ack_lost_segment": "ACKED_UNSEEN",
    "zero_window": "ZERO_WINDOW",
    "zero_window_probe": "ZERO_WINDOW_PROBE",
    "zero_window_probe_ack": "ZERO_WINDOW_PROBE_ACK",
    "window_full": "WINDOW_FULL",
    "window_update": "WINDOW_UPDATE",
    "keep_alive": "KEEP_ALIVE",
    "keep_alive_ack": "KEEP_ALIVE_ACK",
}


def tshark_labels(path: Path) -> dict[int, set[str]]:
    """Ask tshark; its ``retransmission`` also stands beside the fast and the spurious kind."""
    columns = [part for name in FIELDS for part in ("-e", f"tcp.analysis.{name}")]
    done = subprocess.run(
        [
            *("tshark", "-n", "-2", "-r", str(path), "-o", "tcp.check_checksum:FALSE"),
            *("-Y", "tcp && !icmp && !icmpv6", "-T", "fields", "-e", "frame.number", *columns),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    out = {}
    for line in done.stdout.splitlines():
        frame, *values = line.split("\t")
        names = {name for name, value in zip(FIELDS.values(), values, strict=True) if value}
        if names & {"FAST_RETRANSMISSION", "SPURIOUS_RETRANSMISSION"}:
            names.discard("RETRANSMISSION")
        out[int(frame)] = names
    return out


def our_labels(path: Path) -> dict[int, set[str]]:
    flows = follow(decode(open_capture(str(path), Options()), Options()))
    return {frame: labels & set(FIELDS.values()) for frame, labels in labels_of(flows).items()}


def differences(path: Path) -> dict[int, tuple[set[str], set[str]]]:
    ours, theirs = our_labels(path), tshark_labels(path)
    assert ours.keys() == theirs.keys()
    return {frame: (ours[frame], theirs[frame]) for frame in ours if ours[frame] != theirs[frame]}


def test_scripts(tmp_path: Path) -> None:
    packets = [p for k, text in enumerate(SCRIPTS.values()) for p in packets_of(script(text), client_port=20000 + k)]
    path = tmp_path / "scripts.pcap"
    path.write_bytes(build.pcap_file(packets, nanoseconds=True))
    names = [name for name, text in SCRIPTS.items() for _ in script(text)]
    assert {names[frame - 1]: pair for frame, pair in differences(path).items()} == {}


def books() -> Iterator[tuple[str, Playbook]]:
    book = Playbook(rtt_ms=40)
    book.handshake()
    request = book.client.prepare(b"GET / HTTP/1.1\r\n\r\n")
    book.at(50).resend(request, delivered=False)
    book.at(350).resend(request, delivered=False)
    book.at(950).resend(request)
    book.at(990).server.ack()
    book.at(1000).server.send(b"HTTP/1.1 204 No Content\r\n\r\n")
    book.client.ack()
    book.at(1100).close()
    yield "request lost twice", book

    book = Playbook(rtt_ms=30, client_isn=2**32 - 500, server_isn=2**32 - 3000)
    book.handshake()
    book.at(40).client.send(b"x" * 1000)
    book.at(70).server.ack()
    parts = book.server.prepare(b"y" * 14600)
    for at, k in enumerate((0, 1, 3, 4, 5, 2, 6, 8, 7, 9, 9)):
        book.at(80 + at).emit(parts[k])
        book.client.ack()
    book.at(200).close()
    yield "reordered through the wrap", book

    book = Playbook(rtt_ms=30)
    book.handshake()
    parts = book.server.prepare(b"z" * 20000)
    for k, part in enumerate(parts):
        book.at(40 + k).emit(part, captured=k not in (3, 7, 8))
        book.client.ack()
    book.at(120).close(by="server")
    yield "segments the recorder missed", book


@pytest.mark.parametrize(("name", "book"), list(books()), ids=lambda v: v if isinstance(v, str) else "")
def test_playbooks(name: str, book: Playbook, tmp_path: Path) -> None:
    path = tmp_path / "book.pcap"
    path.write_bytes(book.pcap())
    assert differences(path) == {}


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.pcap*")), ids=lambda path: path.name)
def test_samples(path: Path) -> None:
    assert differences(path) == {}
