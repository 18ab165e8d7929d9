"""Captures and a way to run the command line inside the test process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from analyzer.__main__ import main
from tests.build import eth, ip4, pcap_file, tcp, udp

SECOND = 1_000_000_000


@dataclass(frozen=True)
class Result:
    """What one call of ``analyze`` gave."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


Analyze = Callable[..., Result]


@pytest.fixture
def analyze(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Analyze:
    """Run ``analyze`` with these arguments, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Result:
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in err
        return Result(code, out, err)

    return run


def visit() -> bytes:
    """One request, answered 200, on a connection opened and closed: 9 packets."""
    client, server = {"sport": 40000, "dport": 80}, {"sport": 80, "dport": 40000}
    request = b"GET /index.html HTTP/1.1\r\nHost: shop.example\r\n\r\n"
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    after, done = 1001 + len(request), 5001 + len(response)
    segments = (
        (True, tcp(seq=1000, flags="S", **client)),
        (False, tcp(seq=5000, ack=1001, flags="SA", **server)),
        (True, tcp(seq=1001, ack=5001, flags="A", **client)),
        (True, tcp(request, seq=1001, ack=5001, flags="PA", **client)),
        (False, tcp(response, seq=5001, ack=after, flags="PA", **server)),
        (True, tcp(seq=after, ack=done, flags="FA", **client)),
        (False, tcp(seq=done, ack=after + 1, flags="A", **server)),
        (False, tcp(seq=done, ack=after + 1, flags="FA", **server)),
        (True, tcp(seq=after + 1, ack=done + 1, flags="A", **client)),
    )
    hosts = ("10.0.0.1", "10.0.0.2")
    return pcap_file(
        (SECOND + number * 10_000_000, eth(ip4(segment, src=hosts[not up], dst=hosts[up])))
        for number, (up, segment) in enumerate(segments)
    )


def unanswered() -> bytes:
    """A SYN and two repetitions that nobody answers."""
    syn = eth(ip4(tcp(seq=1000, flags="S", sport=40000, dport=80)))
    return pcap_file([(SECOND, syn), (2 * SECOND, syn), (4 * SECOND, syn)])


def lookup(label: bytes) -> bytes:
    """A DNS query for a one-label name that gets no answer, and 10 s later another packet."""
    question = bytes([len(label)]) + label + b"\0" + b"\0\1\0\1"
    query = b"\x12\x34\x01\x00\0\1\0\0\0\0\0\0" + question
    packet = eth(ip4(udp(query, sport=40000, dport=53), proto=17))
    other = eth(ip4(udp(b"x", sport=9, dport=9), proto=17))
    return pcap_file([(SECOND, packet), (2 * SECOND, packet), (12 * SECOND, other)])


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A small capture of one visit."""
    path = tmp_path / "visit.pcap"
    path.write_bytes(visit())
    return path
