"""What the tests of imperfect captures share: messages, the run with what must always hold, and times by the script."""

from __future__ import annotations

import math
from pathlib import Path

from analyzer.analysis import Analysis
from analyzer.pipeline import analyze
from analyzer.schema import HttpRow
from tests import build
from tests.playbook import Playbook

Packets = list[tuple[int, bytes]]


def get(path: str, extra: str = "") -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: shop.example\r\n{extra}\r\n".encode()


def answer(status: int, size: int, phrase: str = "X") -> bytes:
    return f"HTTP/1.1 {status} {phrase}\r\nContent-Length: {size}\r\n\r\n".encode() + b"b" * size


def run(book: Playbook | Packets, folder: Path, *, cut: int = 0, snaplen: int = 262144) -> Analysis:
    """Write the capture, analyze it, and hold every row to what must always be true.

    Args:
        book: a script, or its packets when something was done to them.
        cut: bytes missing at the end of the file.
        snaplen: bytes recorded of each packet.
    """
    packets = book.packets if isinstance(book, Playbook) else book
    whole = build.pcap_file(packets, nanoseconds=True, snaplen=snaplen)
    path = folder / "capture.pcap"
    path.write_bytes(whole[: len(whole) - cut])
    analysis = analyze(str(path))
    assert analysis.problem_counts.get("PARSER-FAILED") is None
    for row in analysis.http:
        parts = (row.dns_ms, row.connect_ms, row.tls_ms, row.blocked_ms, row.send_ms, row.wait_ms, row.receive_ms)
        if row.total_ms is not None:
            assert math.isclose(sum(p for p in parts if p is not None), row.total_ms, abs_tol=0.001)
        if row.wait_ms is not None and row.wait_server_ms is not None:
            split = (row.wait_network_ms or 0) + (row.wait_loss_ms or 0) + row.wait_server_ms
            assert math.isclose(split, row.wait_ms, abs_tol=0.001)
    return analysis


def facts(analysis: Analysis) -> list[tuple[str | None, int | None, str]]:
    return [(row.target, row.status, row.outcome) for row in analysis.http]


def times(row: HttpRow) -> tuple[float | None, ...]:
    """Return (first request byte, last request byte, first response byte, last response byte) in ms of the script."""
    moments = (row.request_time, row.request_end_time, row.response_time, row.response_end_time)
    return tuple(None if moment is None else (moment - Playbook.ns(0)) / 1e6 for moment in moments)
