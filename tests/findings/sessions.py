"""TLS sessions for rules to look at: rows as a parser draws them, on connections that are in a capture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from analyzer.findings.model import Rule, finding
from analyzer.findings.run import RULES
from analyzer.schema import Certificate, FindingRow, TlsRow
from analyzer.visits.model import Facts
from tests.playbook import MS, START_NS
from tests.visits.scene import Scene, hello

NAME = "shop.example"
IN_2023 = START_NS
"""2023-11-14T22:13:20Z, when the playbook's captures begin."""
YEAR_NS = 365 * 86400 * 1_000_000_000


def certificate(**fields: Any) -> Certificate:
    """A certificate that nobody can find fault with in 2023."""
    made = Certificate(
        subject=f"CN={NAME}",
        issuer="CN=R3,O=Let's Encrypt,C=US",
        san=(NAME, f"www.{NAME}"),
        not_before="2023-10-01T00:00:00Z",
        not_after="2023-12-30T00:00:00Z",
        serial="01",
        key="RSA 2048",
        signature="sha256WithRSAEncryption",
        sha256="aa" * 32,
        self_signed=False,
    )
    return replace(made, **fields)


def session(stream: int = 0, **fields: Any) -> TlsRow:
    """A full TLS 1.2 handshake without a fault; its frames are those of :func:`facts`."""
    first = 8 * stream
    start = IN_2023 + stream * 1000 * MS
    made = TlsRow(
        stream=stream,
        transport="tcp",
        client_hello_frame=first + 4,
        server_hello_frame=first + 5,
        finished_frame=first + 7,
        sni=NAME,
        version="TLSv1.2",
        client_versions=("TLSv1.2",),
        alpn_offered=(),
        alpn=None,
        ciphers_offered=(),
        cipher="TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        group="x25519",
        signature="rsa_pss_rsae_sha256",
        resumption="none",
        early_data=False,
        hello_retry=False,
        client_certificate_requested=False,
        certificates=(certificate(),),
        handshake_ms=82.0,
        round_trips=2,
        handshake_history="",
        alerts=(),
        ja3=None,
        ja3s=None,
        ja4=None,
        ech=False,
        decrypted=False,
        decrypted_why="no_keys",
        outcome="established",
        client_hello_time=start + 41 * MS,
        server_hello_time=start + 82 * MS,
        finished_time=start + 123 * MS,
    )
    return replace(made, **fields)


def facts(folder: Path, *rows: TlsRow, port: int = 443) -> Facts:
    """Facts with these rows, each on a connection of eight packets with round trips of 40 ms, one second apart."""
    scene = Scene()
    for number in range(max(row.stream for row in rows) + 1):
        p = scene.connection(client_port=40000 + number, server_port=port)
        p.at(1000 * number).handshake()
        p.at(1000 * number + 41).client.send(hello(NAME))
        p.at(1000 * number + 82).server.send(b"\x16\x03\x03\x00\x04\x02\x00\x00\x00")
        p.at(1000 * number + 83).client.send(b"\x14\x03\x03\x00\x01\x01")
        p.at(1000 * number + 123).server.send(b"\x14\x03\x03\x00\x01\x01")
        p.at(1000 * number + 124).client.ack()
    analysis = scene.analysis(folder)
    assert analysis.capture.packets == 8 * len(analysis.connections)
    return Facts(analysis.capture, (), (), analysis.connections, tuple(rows), (), (), analysis.segments)


def rule(code: str) -> Rule:
    """Return the rule of a code."""
    return next(rule for rule in RULES if rule.code == code)


def judged(folder: Path, code: str) -> Callable[..., list[FindingRow]]:
    """Return what judges sessions by the rule of a code."""

    def judge(*rows: TlsRow, port: int = 443) -> list[FindingRow]:
        return [finding(rule(code), hit) for hit in rule(code).check(facts(folder, *rows, port=port))]

    return judge


def later(row: TlsRow, years: float) -> TlsRow:
    """Move a session in time."""
    moved = round(years * YEAR_NS)
    times = ("client_hello_time", "server_hello_time", "finished_time")
    return replace(row, **{name: getattr(row, name) + moved for name in times})
