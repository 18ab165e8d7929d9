"""Analyses made by hand, with everything a report has to show: no parser is involved, so a test of the page is one.

:func:`rich` is a normal afternoon: two visits, a redirect, a 404, a 503, a lost SYN, a reset, a repeated lookup, ARP,
TLS 1.3 with its certificate encrypted, and unknown values with and without reasons. :func:`hostile` is the same with
every captured text replaced by an attack. :func:`empty` has nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import MISSING, fields, replace
from typing import Any

import numpy as np

from analyzer.analysis import Analysis, Throughput
from analyzer.decode.table import Flag
from analyzer.flows.model import CLOSES, HANDSHAKE_WHYS, HANDSHAKES, Connections, Label, Segments
from analyzer.problems import Problem
from analyzer.schema import (
    ArpRow,
    CaptureRow,
    Certificate,
    Comment,
    DnsAnswer,
    DnsFlags,
    DnsRow,
    FindingRow,
    HttpRow,
    IcmpRow,
    Informational,
    InterfaceRow,
    Ledger,
    Step,
    TcpRow,
    TlsAlert,
    TlsRow,
    VisitPhases,
    VisitRow,
    WebSocketMessage,
    WebSocketRow,
)

START = 1_700_000_000_000_000_000  # 2023-11-14T22:13:20Z
MS = 1_000_000
CLIENT, WEB, API, RESOLVER = "10.0.0.5", "192.0.2.80", "2001:db8::443", "10.0.0.1"

ATTACKS = (
    "</script><script>alert(1)</script>",
    '"><svg onload=alert(2)>',
    "{{7*7}}{% raw %}",
    "\u202egnp.exe\u2066 \x00\x1b[31m\udcff",
    '<span style="background:url(http://evil.example/a.png)">x</span><img src=http://evil.example/b onerror=alert(3)>',
    "javascript:alert(4)//'`${alert(5)}",
    "A" * 65_536,
    "<!--<script>\u2028\u2029-->]]>",
)
"""Texts that a capture may hold because somebody wants them to be in the report."""


class Prepared(Connections):
    """Connections whose rows are given instead of drawn from columns."""

    __slots__ = ("ends", "prepared")

    def __init__(self, rows: list[TcpRow]) -> None:
        columns: dict[str, np.ndarray] = {
            f.name: np.array([-1 if (v := getattr(row, f.name)) is None else v for row in rows], np.int64)
            for f in fields(TcpRow)
            if f.type in ("int", "int | None")
        }
        for f in fields(TcpRow):
            if f.type in ("float", "float | None"):
                columns[f.name] = np.array(
                    [np.nan if (v := getattr(row, f.name)) is None else v for row in rows], np.float64
                )
        columns["handshake"] = np.array([HANDSHAKES.index(row.handshake) for row in rows], np.uint8)
        whys = [HANDSHAKE_WHYS.index(row.handshake_why or "") for row in rows]
        columns["handshake_why"] = np.array(whys, np.uint8)
        columns["close"] = np.array([CLOSES.index(row.close) for row in rows], np.uint8)
        columns["end_time"] = np.array([row.start_time + round(row.duration_ms * MS) for row in rows], np.int64)
        self.ends = sorted({end for row in rows for end in (row.client, row.server)})
        client = np.array([self.ends.index(row.client) for row in rows], np.int32)
        server = np.array([self.ends.index(row.server) for row in rows], np.int32)
        super().__init__(client, server, np.zeros((0, 17), np.uint8), columns)
        self.prepared = rows

    def row(self, stream: int) -> TcpRow:
        return self.prepared[stream]

    def rows(self) -> Iterator[TcpRow]:
        return iter(self.prepared)

    def drawn(self) -> Iterator[tuple[type[TcpRow], list[Sequence[Any]]]]:
        if self.prepared:
            values = ([getattr(row, f.name) for f in fields(TcpRow)] for row in self.prepared)
            yield TcpRow, list(zip(*values, strict=True))

    def rows_of(self, streams: Collection[int]) -> dict[int, TcpRow]:
        return {stream: self.prepared[stream] for stream in streams}

    def host(self, host_id: int) -> str:
        return self.ends[host_id]


LETTERS = {"S": Flag.SYN, "F": Flag.FIN, "R": Flag.RST, "P": Flag.PSH, "A": Flag.ACK}


def segments(streams: Iterable[list[tuple[int, float, str, str, int, int, int, int]]]) -> Segments:
    """Make segments from (frame, ms, ">" or "<", flag letters, seq, ack, length, label) lists, one a stream."""
    lists = list(streams)
    flat = [segment for stream in lists for segment in stream]
    return Segments(
        first=np.cumsum([0, *(len(stream) for stream in lists)]).astype(np.int64),
        frame=np.array([s[0] for s in flat], np.int64),
        time=np.array([START + round(s[1] * MS) for s in flat], np.int64),
        from_client=np.array([s[2] == ">" for s in flat], np.bool_),
        flags=np.array([sum(LETTERS[letter] for letter in s[3]) for s in flat], np.uint16),
        seq=np.array([s[4] for s in flat], np.int64),
        ack=np.array([s[5] for s in flat], np.int64),
        length=np.array([s[6] for s in flat], np.uint32),
        window=np.full(len(flat), 64240, np.uint32),
        label=np.array([s[7] for s in flat], np.uint16),
    )


def tcp(stream: int, **given: object) -> TcpRow:
    """Make a connection; counts are 0 and the rest unknown unless given."""
    values: dict[str, object] = {}
    for f in fields(TcpRow):
        values[f.name] = None if "None" in str(f.type) else 0 if f.type in ("int", "float") else ""
    values |= {
        "stream": stream,
        "client": CLIENT,
        "client_port": 50_000 + stream,
        "server": WEB,
        "server_port": 80,
        "client_by": "syn",
        "first_frame": 1,
        "last_frame": 2,
        "start_time": START,
        "duration_ms": 0.0,
        "application": "http1",
        "handshake": "complete",
        "syn_frames": (),
        "synack_frames": (),
        "close": "none",
        "client_state": "ESTABLISHED",
        "server_state": "ESTABLISHED",
        "conn_state": "SF",
        "history": "ShADadFf",
    }
    return TcpRow(**(values | given))  # type: ignore[arg-type]


def http(stream: int, index: int, at: float, **given: object) -> HttpRow:
    """Make a transaction that starts ``at`` ms after the capture's start."""
    values: dict[str, object] = {f.name: None if f.default is MISSING else f.default for f in fields(HttpRow)}
    values |= {
        "stream": stream,
        "index": index,
        "http_version": "1.1",
        "decrypted": False,
        "method": "GET",
        "scheme": "http",
        "host": "shop.example",
        "target": "/",
        "url": "http://shop.example/",
        "status": 200,
        "reason": "OK",
        "informational": (),
        "request_frames": (10 + index, 10 + index),
        "response_frames": (12 + index, 14 + index),
        "request_time": START + round(at * MS),
        "request_headers": (("Host", "shop.example"), ("User-Agent", "curl/8.5.0"), ("Cookie", "id=[masked]")),
        "response_headers": (("Server", "nginx"), ("Content-Type", "text/html")),
        "response_body_bytes": 5120,
        "content_type": "text/html",
        "framing": "content_length",
        "send_ms": 0.4,
        "wait_ms": 41.0,
        "receive_ms": 12.5,
        "total_ms": 53.9,
        "set_cookies": (),
        "pipelined": False,
        "request_missing_bytes": 0,
        "response_missing_bytes": 0,
        "outcome": "complete",
    }
    return HttpRow(**(values | given))  # type: ignore[arg-type]


def dns(number: int, at: float, name: str, **given: object) -> DnsRow:
    """Make an answered lookup of an A record."""
    values: dict[str, object] = {
        "query_frame": number,
        "response_frame": number + 1,
        "query_time": START + round(at * MS),
        "transport": "udp",
        "client": CLIENT,
        "client_port": 40_000 + number,
        "server": RESOLVER,
        "server_port": 53,
        "id": 4660,
        "qname": name,
        "qname_unicode": name,
        "qtype": "A",
        "qclass": "IN",
        "rcode": "NOERROR",
        "flags": DnsFlags(False, False, True, True, False, False),
        "attempts": 1,
        "query_frames": (number,),
        "answers": (DnsAnswer(name, "A", 300, WEB),),
        "addresses": (WEB,),
        "cname_chain": (),
        "authority_count": 0,
        "additional_count": 1,
        "edns_udp_size": 1232,
        "latency_ms": 18.0,
        "outcome": "answered",
        "duplicate_responses": 0,
        "source": "unknown",
        "step": None,
    }
    return DnsRow(**(values | given))  # type: ignore[arg-type]


def _tls() -> tuple[TlsRow, ...]:
    tls13 = TlsRow(
        stream=3,
        transport="tcp",
        client_hello_frame=60,
        server_hello_frame=62,
        finished_frame=64,
        sni="api.example",
        version="TLSv1.3",
        client_versions=("TLSv1.3", "TLSv1.2"),
        alpn_offered=("h2", "http/1.1"),
        alpn=None,
        ciphers_offered=("TLS_AES_128_GCM_SHA256",),
        cipher="TLS_AES_128_GCM_SHA256",
        group="x25519",
        signature=None,
        resumption="none",
        early_data=False,
        hello_retry=False,
        client_certificate_requested=None,
        certificates=(),
        handshake_ms=46.2,
        round_trips=1,
        handshake_history="CSOXYFf",
        alerts=(),
        ja3="e7d705a3286e19ea42f587b344ee6865",
        ja3s=None,
        ja4=None,
        ech=False,
        decrypted=False,
        decrypted_why="no_secret",
        outcome="established",
        client_hello_time=START + 2_041 * MS,
        server_hello_time=START + 2_081 * MS,
        finished_time=START + 2_087 * MS,
        certificates_why="encrypted",
        frames=(60, 62, 64),
    )
    leaf = Certificate(
        "CN=old.example",
        "CN=old.example",
        ("old.example",),
        "2020-01-01T00:00:00Z",
        "2021-01-01T00:00:00Z",
        "01",
        "RSA 2048",
        "sha256WithRSAEncryption",
        "ab" * 32,
        True,
    )
    failed = replace(
        tls13,
        stream=4,
        sni="old.example",
        version="TLSv1.2",
        certificates=(leaf,),
        certificates_why=None,
        handshake_ms=None,
        handshake_why="failed",
        finished_time=None,
        finished_frame=None,
        outcome="failed",
        alerts=(TlsAlert(75, "client", "fatal", "certificate_expired"),),
        client_hello_time=START + 3_000 * MS,
        server_hello_time=START + 3_040 * MS,
    )
    return tls13, failed


def _requests() -> tuple[HttpRow, ...]:
    return (
        http(
            0,
            0,
            3_085.0,
            status=301,
            reason="Moved Permanently",
            location="http://shop.example/start",
            dns_ms=3_024.0,
            connect_ms=40.0,
            blocked_ms=0.2,
            total_ms=3_118.1,
            tls_why="plain",
            response_body_bytes=178,
            set_cookies=("id",),
        ),
        http(0, 1, 3_142.0, target="/start", url="http://shop.example/start", dns_why="reused", connect_why="reused"),
        http(
            0,
            2,
            3_210.0,
            target="/missing.png",
            url="http://shop.example/missing.png",
            status=404,
            reason="Not Found",
            content_type="image/png",
        ),
        http(
            1,
            0,
            3_350.0,
            target="/cart",
            url="http://shop.example/cart",
            method="POST",
            status=503,
            reason="Service Unavailable",
            informational=(Informational(29, 100),),
            connect_ms=1_040.0,
            wait_ms=980.0,
            wait_network_ms=40.0,
            wait_server_ms=940.0,
            total_ms=2_032.9,
        ),
        http(
            2,
            0,
            4_500.0,
            target="/api/reset",
            url="http://shop.example/api/reset",
            status=None,
            reason=None,
            response_frames=None,
            response_headers=(),
            response_body_bytes=None,
            content_type=None,
            wait_ms=None,
            wait_why="aborted",
            receive_ms=None,
            total_ms=0.4,
            outcome="aborted",
            outcome_why="aborted",
        ),
    )


def _visits() -> tuple[VisitRow, ...]:
    first = VisitRow(
        visit=1,
        url="http://shop.example/",
        final_url="http://shop.example/start",
        start_time=START + 1 * MS,
        duration_ms=4_600.0,
        arp_rows=(0,),
        dns_rows=(0,),
        tcp_streams=(0, 1, 2),
        tls_rows=(),
        http_rows=(0, 1, 2, 3, 4),
        redirects=1,
        requests=5,
        failed_requests=3,
        bytes=20_658,
        phases=VisitPhases(0.4, 3_024.0, 40.0, None, 0.4, 41.0, 12.5, 80.0),
        steps=(
            Step(
                "dns",
                (3, 4, 5),
                START + 1 * MS,
                3_024.0,
                "step.dns.retry",
                {
                    "client": CLIENT,
                    "server": RESOLVER,
                    "name": "shop.example",
                    "addresses": (WEB,),
                    "attempts": 2,
                    "latency_ms": 3_024.0,
                },
                None,
            ),
            Step("arp", (), None, None, "step.arp.absent.cached", {}, "cached"),
            Step(
                "tcp",
                (6, 7, 8),
                START + 3_030 * MS,
                40.0,
                "step.tcp",
                {"client": CLIENT, "server": WEB, "server_port": 80, "connect_ms": 40.0},
                None,
            ),
            Step("tls", (), None, None, "step.tls.absent.plain", {}, "plain"),
            Step(
                "redirect",
                (12, 14),
                START + 3_126 * MS,
                None,
                "step.redirect",
                {"host": "shop.example", "status": 301, "location": "http://shop.example/start"},
                None,
            ),
            Step(
                "close",
                (31, 32),
                START + 3_400 * MS,
                80.0,
                "step.close.three_way",
                {"closed_by": "client", "close_ms": 80.0},
                None,
            ),
        ),
    )
    second = VisitRow(
        visit=2,
        url="https://api.example/",
        final_url=None,
        start_time=START + 2_000 * MS,
        duration_ms=None,
        arp_rows=(),
        dns_rows=(1,),
        tcp_streams=(3,),
        tls_rows=(0,),
        http_rows=(),
        redirects=0,
        requests=None,
        failed_requests=None,
        bytes=48_213,
        phases=VisitPhases(None, 18.0, 41.0, 46.2, None, None, None, None),
        steps=(
            Step("request", (), None, None, "step.request.absent.encrypted", {}, "encrypted"),
            Step("close", (), None, None, "step.close.absent.open", {}, "open"),
        ),
        requests_why="encrypted",
    )
    return first, second


def _findings() -> tuple[FindingRow, ...]:
    return (
        FindingRow(
            "HTTP-CLIENT-ERROR",
            "warning",
            "http",
            "client",
            "HTTP-CLIENT-ERROR",
            {"method": "GET", "target": "/missing.png", "host": "shop.example", "status": 404, "reason": "Not Found"},
            None,
            "http",
            2,
            0,
            (12, 14, 16),
            "frame.number in {12, 14, 16}",
            "RFC 9110 section 15.5",
        ),
        FindingRow(
            "DNS-RETRY",
            "warning",
            "dns",
            "resolver",
            "DNS-RETRY",
            {"name": "shop.example", "server": RESOLVER, "attempts": 2, "latency_ms": 3_024.0},
            3_000.0,
            "dns",
            0,
            None,
            (3, 4, 5),
            "frame.number in {3..5}",
            "RFC 1035",
        ),
        FindingRow(
            "TCP-SYN-LOST",
            "warning",
            "tcp",
            "network",
            "TCP-SYN-LOST",
            {"client": CLIENT, "server": WEB, "server_port": 80, "attempts": 2, "loss_ms": 1_000.0},
            1_000.0,
            "tcp",
            1,
            1,
            (20, 21),
            "frame.number in {20..21}",
            "RFC 9293",
        ),
        FindingRow(
            "TCP-RESET",
            "error",
            "tcp",
            "server",
            "TCP-RESET",
            {"client": CLIENT, "server": WEB, "server_port": 80, "by": "server", "stream": 2},
            None,
            "tcp",
            2,
            2,
            (44,),
            "frame.number == 44",
            "RFC 9293 section 3.5.3",
        ),
        FindingRow(
            "NOT-IN-THE-CATALOGUE",
            "info",
            "visit",
            "unknown",
            "NOT-IN-THE-CATALOGUE",
            {"number": 7},
            None,
            "visits",
            1,
            None,
            (),
            "",
            "",
        ),
    )


def _connections() -> tuple[list[TcpRow], Segments]:
    lost = int(Label.RETRANSMISSION)
    rows = [
        tcp(
            0,
            start_time=START + 3_030 * MS,
            duration_ms=450.0,
            first_frame=6,
            last_frame=33,
            syn_frame=6,
            syn_frames=(6,),
            synack_frame=7,
            synack_frames=(7,),
            ack_frame=8,
            connect_ms=40.0,
            initial_rtt_ms=40.0,
            server_leg_ms=39.6,
            client_leg_ms=0.4,
            client_mss=1460,
            server_mss=1460,
            client_window_scale=7,
            server_window_scale=7,
            sack_permitted=True,
            close="three_way",
            closed_by="client",
            close_ms=80.0,
            client_state="TIME_WAIT",
            server_state="CLOSED",
            client_packets=9,
            server_packets=16,
            client_bytes=240,
            server_bytes=16_000,
            client_unique_bytes=240,
            server_unique_bytes=16_000,
        ),
        tcp(
            1,
            start_time=START + 2_300 * MS,
            duration_ms=2_100.0,
            syn_frame=20,
            syn_frames=(20, 21),
            synack_frame=22,
            synack_frames=(22,),
            ack_frame=23,
            connect_ms=1_040.0,
            syn_loss_ms=1_000.0,
            client_retransmissions=1,
            client_packets=4,
            server_packets=2,
            conn_state="S1",
        ),
        tcp(
            2,
            start_time=START + 4_460 * MS,
            duration_ms=60.0,
            syn_frame=40,
            syn_frames=(40,),
            synack_frame=41,
            synack_frames=(41,),
            ack_frame=42,
            connect_ms=38.0,
            close="reset",
            rst_frame=44,
            rst_by="server",
            client_state="CLOSED",
            server_state="CLOSED",
            conn_state="RSTR",
            client_packets=3,
            server_packets=2,
        ),
        tcp(
            3,
            server=API,
            client="2001:db8::5",
            server_port=443,
            application="tls",
            start_time=START + 2_000 * MS,
            duration_ms=1_400.0,
            connect_ms=41.0,
            client_packets=20,
            server_packets=40,
            server_unique_bytes=48_213,
        ),
        tcp(
            4,
            server_port=443,
            application="tls",
            start_time=START + 2_960 * MS,
            duration_ms=90.0,
            connect_ms=40.0,
            client_packets=3,
            server_packets=3,
        ),
        tcp(
            5,
            server_port=8080,
            application="unknown",
            start_time=START + 5_000 * MS,
            duration_ms=3_000.0,
            handshake="no_synack",
            syn_frame=80,
            syn_frames=(80, 81),
            client_state="SYN_SENT",
            server_state="LISTEN",
            conn_state="S0",
            client_packets=2,
        ),
        tcp(
            6,
            server_port=81,
            application="unknown",
            start_time=START + 5_100 * MS,
            duration_ms=0.4,
            handshake="refused",
            syn_frame=90,
            syn_frames=(90,),
            rst_frame=91,
            rst_by="server",
            close="reset",
            client_state="CLOSED",
            server_state="CLOSED",
            conn_state="REJ",
            client_packets=1,
            server_packets=1,
        ),
        tcp(
            7,
            server_port=22,
            application="unknown",
            client_by="port",
            start_time=START,
            duration_ms=8_000.0,
            handshake="midstream",
            conn_state="OTH",
            history="",
            client_packets=5,
            server_packets=0,
        ),
    ]
    first = [
        (6, 3030.0, ">", "S", 0, 0, 0, 0),
        (7, 3069.6, "<", "SA", 0, 1, 0, 0),
        (8, 3070.0, ">", "A", 1, 1, 0, 0),
        (10, 3085.0, ">", "PA", 1, 1, 80, 0),
        (12, 3126.0, "<", "PA", 1, 81, 400, 0),
        (13, 3126.4, ">", "A", 81, 401, 0, 0),
        *[(14 + n, 3127.0 + n, "<", "A", 401 + 1460 * n, 81, 1460, 0) for n in range(12)],
        (28, 3140.0, ">", "A", 81, 17921, 0, 0),
        (29, 3150.0, "<", "PA", 16461, 81, 1460, lost),
        (31, 3900.0, ">", "FA", 81, 17921, 0, 0),
        (32, 3940.0, "<", "FA", 17921, 82, 0, 0),
        (33, 3940.4, ">", "A", 82, 17922, 0, 0),
    ]
    streams = [
        first,
        [
            (20, 2300.0, ">", "S", 0, 0, 0, 0),
            (21, 3300.0, ">", "S", 0, 0, 0, lost),
            (22, 3339.0, "<", "SA", 0, 1, 0, 0),
            (23, 3340.0, ">", "A", 1, 1, 0, 0),
        ],
        [
            (40, 4460.0, ">", "S", 0, 0, 0, 0),
            (41, 4497.0, "<", "SA", 0, 1, 0, 0),
            (42, 4498.0, ">", "A", 1, 1, 0, 0),
            (43, 4500.0, ">", "PA", 1, 1, 90, 0),
            (44, 4520.0, "<", "RA", 1, 91, 0, 0),
        ],
        [(55, 2000.0, ">", "S", 0, 0, 0, 0), (56, 2040.0, "<", "SA", 0, 1, 0, 0), (57, 2041.0, ">", "A", 1, 1, 0, 0)],
        [(70, 2960.0, ">", "S", 0, 0, 0, 0), (71, 3000.0, "<", "SA", 0, 1, 0, 0)],
        [(80, 5000.0, ">", "S", 0, 0, 0, 0), (81, 8000.0, ">", "S", 0, 0, 0, lost)],
        [(90, 5100.0, ">", "S", 0, 0, 0, 0), (91, 5100.4, "<", "RA", 0, 1, 0, 0)],
        [(95, 8000.0, ">", "PA", 1, 1, 50, 0)],
    ]
    return rows, segments(streams)


def capture(**given: object) -> CaptureRow:
    """Make the capture's own row: 100 packets, one of them malformed."""
    values: dict[str, object] = {
        "file": "captures/afternoon.pcapng",
        "sha256": "9f3c" * 16,
        "format": "pcapng",
        "compression": None,
        "byte_order": "little",
        "size_bytes": 61_234,
        "packets": 100,
        "start_time": START,
        "end_time": START + 8_000 * MS,
        "duration_ms": 8_000.0,
        "interfaces": (
            InterfaceRow("eth0", "ETHERNET", None, "1e-09 s", 3),
            InterfaceRow(None, "RAW", 96, "1e-06 s", None),
        ),
        "comments": (Comment(None, "recorded at the client"), Comment(7, "this is the one")),
        "vantage": "client",
        "vantage_why": "the server's part of the handshake is the longer one",
        "ledger": Ledger(98, 4, 70, 20, 4, 0, 0, 0, {"802.11": 1}, {"IPv4 header cut": 1}, 2, False, 0),
    }
    return CaptureRow(**(values | given))  # type: ignore[arg-type]


def rich() -> Analysis:
    """Return an analysis that has one of everything."""
    rows, lines = _connections()
    mac, router = "02:00:00:00:00:05", "02:00:00:00:00:01"
    arp = (
        ArpRow(
            1, 2, START, "request", mac, CLIENT, RESOLVER, router, 1, (1,), 0.4, "answered", None, None, START + 400_000
        ),
        ArpRow(
            50,
            None,
            START + 4_000 * MS,
            "request",
            mac,
            CLIENT,
            "10.0.0.77",
            None,
            3,
            (50, 51, 52),
            None,
            "unanswered",
            None,
            12,
        ),
        ArpRow(
            None,
            53,
            None,
            "unsolicited_reply",
            None,
            None,
            RESOLVER,
            "02:00:00:00:00:66",
            0,
            (),
            None,
            "not_applicable",
            router,
            None,
            START + 4_500 * MS,
        ),
    )
    lookups = (
        dns(3, 1.0, "shop.example", attempts=2, query_frames=(3, 4), response_frame=5, latency_ms=3_024.0),
        dns(53, 1_980.0, "api.example", qtype="AAAA", answers=(DnsAnswer("api.example", "AAAA", 60, API),)),
        dns(58, 2_500.0, "no-such.example", rcode="NXDOMAIN", answers=(), addresses=()),
        dns(
            66,
            2_600.0,
            "silent.example",
            rcode=None,
            response_frame=None,
            answers=(),
            addresses=(),
            latency_ms=None,
            attempts=3,
            query_frames=(66, 67, 68),
            outcome="no_answer",
        ),
    )
    icmp = (
        IcmpRow(
            "echo",
            84,
            85,
            START + 6_000 * MS,
            CLIENT,
            WEB,
            7,
            1,
            64,
            57,
            56,
            12.1,
            "answered",
            8,
            0,
            "echo",
            None,
            None,
            None,
        ),
        IcmpRow(
            "error",
            86,
            None,
            START + 6_100 * MS,
            RESOLVER,
            CLIENT,
            None,
            None,
            64,
            None,
            56,
            None,
            "error",
            3,
            1,
            "host unreachable",
            5,
            80,
            None,
        ),
    )
    flow = np.zeros(80, np.int64)
    flow[[0, 20, 30, 31, 32, 45, 60]] = (400, 5_000, 9_000, 16_000, 8_000, 1_200, 300)
    return Analysis(
        capture=capture(),
        arp=arp,
        dns=lookups,
        connections=Prepared(rows),
        segments=lines,
        tls=_tls(),
        http=_requests(),
        websocket=_sockets(),
        icmp=icmp,
        visits=_visits(),
        findings=_findings(),
        throughput=Throughput(START, 100 * MS, flow, (flow > 0).astype(np.int64)),
        problems=(
            Problem("IP-HEADER-CUT", "ip", "the header is cut short", 99, 14),
            Problem("LIMIT-REACHED", "http", "limit"),
        ),
        problem_counts={"IP-HEADER-CUT": 1, "LIMIT-REACHED": 12},
        masked=3,
    )


def hostile() -> Analysis:
    """Return :func:`rich` with an attack in every place where a capture's text can be."""
    analysis = rich()
    texts = iter(ATTACKS * 100)

    def attack() -> str:
        return next(texts)

    analysis.capture = replace(
        analysis.capture,
        file=attack() + "/" + attack(),
        interfaces=tuple(replace(i, name=attack(), link_type=attack()) for i in analysis.capture.interfaces),
        comments=tuple(Comment(n, text) for n, text in enumerate(ATTACKS)),
        ledger=replace(analysis.capture.ledger, malformed={attack(): 1}, unsupported={attack(): 1}),
        partial=True,
        partial_why=attack(),
        vantage_why=attack(),
    )
    for n in range(len(ATTACKS)):
        analysis.http += tuple(
            replace(
                row,
                method=ATTACKS[n],
                host=ATTACKS[n],
                target=ATTACKS[n],
                url=ATTACKS[n],
                reason=ATTACKS[n],
                location=ATTACKS[n],
                content_type=ATTACKS[n],
                server=ATTACKS[n],
                outcome="malformed",
                outcome_why=ATTACKS[n],
                request_headers=tuple((text, text) for text in ATTACKS),
                response_headers=tuple((text, text) for text in ATTACKS),
            )
            for row in _requests()[:1]
        )
        analysis.dns += (
            dns(
                3,
                10.0 + n,
                ATTACKS[n],
                qname_unicode=ATTACKS[n],
                qtype=ATTACKS[n],
                rcode=ATTACKS[n],
                server=ATTACKS[n],
                answers=(DnsAnswer(ATTACKS[n], ATTACKS[n], 1, ATTACKS[n]),),
            ),
        )
        leaf = Certificate(
            ATTACKS[n],
            ATTACKS[n],
            (ATTACKS[n],),
            ATTACKS[n],
            ATTACKS[n],
            ATTACKS[n],
            ATTACKS[n],
            ATTACKS[n],
            ATTACKS[n],
            False,
        )
        analysis.tls += (
            replace(
                _tls()[1],
                sni=ATTACKS[n],
                version=ATTACKS[n],
                cipher=ATTACKS[n],
                alpn=ATTACKS[n],
                certificates=(leaf,),
                alerts=(TlsAlert(1, "client", "fatal", ATTACKS[n]),),
            ),
        )
        analysis.findings += (
            FindingRow(
                ATTACKS[n],
                "error",
                ATTACKS[n],
                ATTACKS[n],
                "HTTP-SERVER-ERROR",
                {"host": ATTACKS[n], "method": ATTACKS[n], "target": ATTACKS[n], "status": 500, "reason": ATTACKS[n]},
                5.0,
                ATTACKS[n],
                0,
                None,
                (1,),
                "frame.number == 1",
                ATTACKS[n],
            ),
            FindingRow(
                "X", "error", "http", "server", ATTACKS[n], {ATTACKS[n]: ATTACKS[n]}, None, None, None, None, (), "", ""
            ),
        )
        analysis.visits += (
            replace(
                _visits()[0],
                visit=10 + n,
                url=ATTACKS[n],
                final_url=attack(),
                http_rows=(5 + n,),
                dns_rows=(4 + n,),
                steps=(
                    Step(
                        "dns",
                        (1,),
                        START,
                        1.0,
                        "step.dns",
                        {"name": ATTACKS[n], "server": ATTACKS[n], "addresses": ATTACKS},
                        None,
                    ),
                    Step(ATTACKS[n], (), None, None, ATTACKS[n], {}, ATTACKS[n]),
                ),
            ),
        )
        analysis.icmp += (replace(analysis.icmp[1], meaning=ATTACKS[n]),)
        analysis.websocket += (_attacked(analysis.websocket[1], ATTACKS[n]),)
        analysis.problems += (Problem(ATTACKS[n], ATTACKS[n], ATTACKS[n], 1, 1),)
    analysis.problem_counts = dict.fromkeys(ATTACKS, 5)
    return analysis


def _sockets() -> tuple[WebSocketRow, ...]:
    """Return a connection that is still open, one closed with trouble, and one that broke the rules."""
    messages = (
        WebSocketMessage(67, START + 3000 * MS, "client", "text", 23, '{"subscribe": "prices"}', 1, 23),
        WebSocketMessage(
            68, START + 3000 * MS + 40 * MS, "server", "text", 5200, '{"prices": [' + "1, " * 1300, 2, 900, True
        ),
        WebSocketMessage(69, START + 4000 * MS, "server", "binary", 65_536, None, 3, 65_536),
        WebSocketMessage(70, START + 5000 * MS, "server", "ping", 4, None, 1, 4),
        WebSocketMessage(71, START + 5000 * MS, "client", "pong", 4, None, 1, 4),
        WebSocketMessage(72, START + 6000 * MS, "server", "text", 40, "cut h", 1, 40, False, "lost"),
        WebSocketMessage(73, START + 7000 * MS, "server", "close", 14, "1011 out of memory", 1, 14),
    )
    open_ = WebSocketRow(3, 0, 66, None, (), None, None, None, (), 2, 3, url="ws://shop.example/quiet", accept="right",
                         outcome_why="capture_end")  # fmt: skip
    closed = WebSocketRow(3, 0, 66, "prices.v2", ("permessage-deflate; client_max_window_bits=15",), "server", 1011,
                          "out of memory", messages, 1, 3, "ws://shop.example/prices", 73, "right",
                          "permessage-deflate; client_max_window_bits=15", 23, 70_776, 23, 66_476, 0, 12, 5,
                          "closed", "not_answered")  # fmt: skip
    broken = replace(closed, accept="wrong", closed_by=None, close_code=None, close_reason=None, close_frame=None,
                     outcome="malformed", outcome_why="unmasked", compression=None, extensions=(),
                     messages=(replace(messages[0], why="unmasked"),), messages_left_out=0)  # fmt: skip
    return open_, closed, broken


def _attacked(row: WebSocketRow, attack: str) -> WebSocketRow:
    """Return a connection on which every text is an attack."""
    said = tuple(replace(m, text=attack, from_=attack, opcode=attack, why=attack) for m in row.messages)
    return replace(
        row,
        subprotocol=attack,
        close_reason=attack,
        url=attack,
        extensions=(attack,),
        compression=attack,
        accept=attack,
        closed_by=attack,
        outcome=attack,
        outcome_why=attack,
        messages=said,
    )


def empty() -> Analysis:
    """Return the analysis of a capture without packets."""
    return Analysis(
        capture=capture(
            packets=0,
            start_time=None,
            end_time=None,
            duration_ms=None,
            interfaces=(),
            comments=(),
            ledger=Ledger(0, 0, 0, 0, 0, 0, 0, 0, {}, {}, 0, False, 0),
            vantage="unknown",
            vantage_why="",
        ),
        arp=(),
        dns=(),
        connections=Prepared([]),
        segments=segments([]),
        tls=(),
        http=(),
        websocket=(),
        icmp=(),
        visits=(),
        findings=(),
        throughput=Throughput(0, 1, np.zeros(0, np.int64), np.zeros(0, np.int64)),
    )
