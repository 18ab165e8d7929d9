"""What a connection is called after HTTP changed it to another protocol."""

from __future__ import annotations

from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.protocols.http1.session import switched_to, transactions
from tests.http1.talk import Turn, conversation
from tests.playbook import Playbook

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"


def asked(protocol: str) -> bytes:
    return f"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n".encode()


def agreed(protocol: str) -> bytes:
    return f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n\r\n".encode()


def analysis(turns: list[Turn], folder: Path) -> Analysis:
    """Play turns on one connection, 10 ms apart, and analyze the capture."""
    book = Playbook(rtt_ms=10)
    book.handshake()
    for n, (side, data) in enumerate(turns):
        book.at(50 + 10 * n)
        (book.client if side == "c" else book.server).send(data)
    book.at(50 + 10 * len(turns)).close()
    path = folder / "talk.pcap"
    path.write_bytes(book.pcap())
    return analyze(str(path), Options())


@pytest.mark.parametrize(
    ("turns", "application", "rows"),
    [
        ([("c", asked("h2c")), ("s", agreed("h2c")), ("c", PREFACE), ("s", SETTINGS)], "http2", [(101, "switched")]),
        ([("c", PREFACE), ("s", SETTINGS)], "http2", []),
        (
            [("c", asked("h2c")), ("s", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")],
            "http1",
            [(200, "complete")],
        ),
        ([("c", asked("own/1")), ("s", agreed("own/1")), ("c", b"\x01\x02")], "http1", [(101, "switched")]),
    ],
    ids=["h2c", "prior knowledge", "h2c refused", "another protocol"],
)
def test_application_of_the_connection(
    turns: list[Turn], application: str, rows: list[tuple[int, str]], tmp_path: Path
) -> None:
    result = analysis(turns, tmp_path)
    assert [(row.status, row.outcome) for row in result.http] == rows
    assert [row.application for row in result.connections.rows()] == [application]


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [("h2c", "http2"), ("H2C, websocket", "http2"), ("TLS/1.0, HTTP/1.1", "tls"), ("websocket", None)],
)
def test_what_a_101_turns_to(protocol: str, expected: str | None) -> None:
    talk = conversation([("c", asked(protocol)), ("s", agreed(protocol)), ("c", b"\x16\x03\x01")])
    assert switched_to(transactions(talk)) == expected


def test_tls_by_upgrade_is_read(tmp_path: Path) -> None:
    # RFC 2817 section 3; the hello is a record with the beginning of a ClientHello.
    hello = b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03" + bytes(32) + b"\x00\x00\x04\x13\x01\x00\xff\x01\x00"
    result = analysis([("c", asked("TLS/1.0")), ("s", agreed("TLS/1.0, HTTP/1.1")), ("c", hello)], tmp_path)
    assert [row.outcome for row in result.http] == ["switched"]
    assert len(result.tls) == 1
