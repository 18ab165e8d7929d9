"""Every sample against what its servers wrote about it: requests, statuses, bytes and times.

What nginx (1.22) counts, as its log shows and its source says (ngx_http_log_module, ngx_http_variables):

* ``$bytes_sent`` is everything sent for a request, its own ``100 Continue`` and the frames of a tunnel included;
  ``$body_bytes_sent`` is that without the (final) header, so a ``100 Continue`` counts as body there. Chunk-size lines
  and trailers count as body, as in ``response_body_bytes``.
* ``$request_length`` is what has been read of the request when the line is written. An answer that needs no body
  (``return 307``) is logged before the body is read.
* ``$request_time`` runs from the first bytes of the request being read to the line being written, which is when the
  last byte was handed to the kernel, not when it arrived. Both ends are cut to whole milliseconds, and nginx looks at
  the clock once per round of its event loop: 1 ms of difference is the log's own.

Servers and recorders ran on one clock. The way between client and server takes 12 ms each way.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from analyzer.analysis import Analysis
from analyzer.options import Options
from analyzer.pipeline import analyze
from analyzer.schema import HttpRow

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
LINE = re.compile(
    r"(?P<msec>\d+\.\d{3}) connection=(?P<connection>\S+)/(?P<count>\d+) (?P<scheme>\w+) "
    r'"(?P<method>\S+) (?P<target>\S+) HTTP/1\.1" status=(?P<status>\d+) body=(?P<body>\d+) '
    r"seconds=(?P<seconds>[\d.]+) sent=(?P<sent>\d+) length=(?P<length>\d+) upstream=(?P<upstream>.+) "
    r"client=192\.0\.2\.10:(?P<port>\d+) host=(?P<host>\S+)"
)
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BY_SERVER = frozenset({307, 308})
"""Answers of the samples that nginx gives without reading the request's body."""
UNREAD = {"redirects-and-cache": ("/orders",)}
"""Targets with a fixed answer of 200, which nginx gives in the same way."""
WAY_MS = 12.0
INITIAL_WINDOW = 10 * 1448
"""What leaves at once when a server hands it over (RFC 6928, with timestamps in every segment)."""
SEGMENT = 1448
TOLERANCE_MS = 1.0
LOG_MS = 1.0
"""The log's own uncertainty: the difference of two instants that were cut to milliseconds."""

LOGGED = {
    "arp": 2, "dhcp-lease": 1, "dns-trouble": 1, "first-visit": 2, "loss": 5, "plain-visit": 14, "polling": 16,
    "redirects-and-cache": 26, "status-codes": 24, "two-visits": 12, "web-app": 57, "web-app-server": 57,
}  # fmt: skip
"""Requests over plain HTTP in each log (``grep -c ' http "'``)."""
TIMED = LOGGED | {"plain-visit": 10, "redirects-and-cache": 23, "web-app": 47, "web-app-server": 52}
"""So many of them have a time that can be compared: all but tunnels, answers that queued behind others (/js/shop.js and
the pictures of plain-visit, /js/app.js, /widget.js and three pictures of web-app, /js/shop.js and a picture, twice, of
redirects-and-cache), the one of 26 kB, and the one in brotli."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of a server's log."""

    by_nginx: bool
    port: int
    index: int
    method: str
    target: str
    status: int
    body: int
    sent: int
    length: int
    host: str
    end_ns: int
    time_ms: float

    @property
    def start_ns(self) -> int:
        return self.end_ns - round(self.time_ms * 1e6)


@cache
def log(name: str) -> tuple[Logged, ...]:
    """Return what the servers logged over plain HTTP, in order."""
    lines = (SAMPLES / "expected" / f"{name}.log").read_text(encoding="utf-8").splitlines()
    found = [match for line in lines if (match := LINE.fullmatch(line)) is not None]
    assert len(found) == sum(" seconds=" in line for line in lines), "a line in another format"
    return tuple(
        Logged(
            by_nginx=match["connection"].isdigit(),
            port=int(match["port"]),
            index=int(match["count"]) - 1,
            method=match["method"],
            target=match["target"],
            status=int(match["status"]),
            body=int(match["body"]),
            sent=int(match["sent"]),
            length=int(match["length"]),
            host=match["host"],
            end_ns=int(match["msec"].replace(".", "")) * 10**6,
            time_ms=float(match["seconds"]) * 1e3,
        )
        for match in found
        if match["scheme"] == "http"
    )


@cache
def analysis(name: str) -> Analysis:
    """Analyze a sample without masking: targets are compared as sent."""
    return analyze(str(SAMPLES / f"{name}.pcapng"), Options(reveal=True))


@cache
def rows(name: str) -> dict[tuple[int, int], HttpRow]:
    """Return (client's port, number on the connection) → row."""
    port = {row.stream: row.client_port for row in analysis(name).rows("tcp")}
    return {(port[row.stream], row.index): row for row in analysis(name).http}


def pairs(name: str) -> list[tuple[Logged, HttpRow]]:
    return [(line, rows(name)[line.port, line.index]) for line in log(name)]


NAMES = sorted(path.stem for path in SAMPLES.glob("*.pcapng") if log(path.stem))


def test_logs_are_those_that_were_counted() -> None:
    assert {name: len(log(name)) for name in NAMES} == LOGGED


@pytest.mark.parametrize("name", NAMES)
def test_the_same_requests_and_no_other(name: str) -> None:
    assert rows(name).keys() == {(line.port, line.index) for line in log(name)}
    for line, row in pairs(name):
        assert (row.method, row.target, row.status) == (line.method, line.target, line.status)
        if any(field.lower() == "host" for field, _ in row.request_headers):
            assert row.host == line.host


@pytest.mark.parametrize("name", NAMES)
def test_bytes_of_answers(name: str) -> None:
    """Body and whole answer, to the byte."""
    sent_by_server = {row.client_port: row.server_unique_bytes for row in analysis(name).rows("tcp")}
    for line, row in pairs(name):
        assert row.response_offset is not None
        assert row.response_end_offset is not None
        head_and_body = row.response_end_offset - row.response_offset
        body = row.response_body_bytes or 0
        if row.status == 101 and line.by_nginx:  # logged when the tunnel ends, and all that went through it is in it
            assert line.index == 0
            assert (line.sent, line.body) == (sent_by_server[line.port], line.sent - head_and_body)
            continue
        interim = len(CONTINUE) if line.by_nginx and [i.status for i in row.informational] == [100] else 0
        assert (head_and_body + interim, body + interim) == (line.sent, line.body), line


@pytest.mark.parametrize("name", NAMES)
def test_bytes_of_requests(name: str) -> None:
    for line, row in pairs(name):
        assert row.request_offset is not None
        assert row.request_end_offset is not None
        unread = (row.request_body_bytes or 0) if row.status in BY_SERVER or row.target in UNREAD.get(name, ()) else 0
        assert row.request_end_offset - row.request_offset - unread == line.length, line


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────


def shares_the_line(row: HttpRow, others: list[HttpRow]) -> bool:
    """Tell whether another connection's long answer arrived while this one was on its way: they queue for one line."""
    assert row.response_time is not None
    sent = row.response_time - WAY_MS * 1e6
    return any(
        other.stream != row.stream
        and other.response_time is not None
        and other.response_end_time is not None
        and other.response_time <= row.response_time
        and other.response_end_time >= sent
        and (other.response_body_bytes or 0) > SEGMENT
        for other in others
    )


def comparable(line: Logged, row: HttpRow) -> bool:
    """Tell whether the log's time is about the exchange itself, and ends when its last byte leaves.

    Not so: a tunnel is logged when it ends; an answer beyond the initial window is logged when it is handed to the
    kernel, but its last bytes leave when acknowledgements come; brotli's work (1.5 ms here) is done within one round of
    the event loop, in which nginx's clock stands still.
    """
    tunnel = row.status == 101 and line.by_nginx
    return not tunnel and line.sent <= INITIAL_WINDOW and row.content_encoding != "br"


def at_client(line: Logged, row: HttpRow, others: list[HttpRow]) -> float | None:
    """Return what the server took by a recording at the client, or None where that is not what the log says.

    Comparable is sending and waiting without the network's round trip and losses. Not comparable are answers that
    queued behind others on the 20 Mbit/s line (that wait is the network's), and the arrival of answers of more than
    a segment: the log ends when they are handed to the kernel.
    """
    if not comparable(line, row) or shares_the_line(row, others):
        return None
    assert row.send_ms is not None
    assert row.wait_ms is not None
    assert row.wait_network_ms is not None
    assert row.receive_ms is not None
    arrival = row.receive_ms if line.sent <= SEGMENT else 0.0
    return row.send_ms + row.wait_ms - row.wait_network_ms - (row.wait_loss_ms or 0.0) + arrival


def at_server(line: Logged, row: HttpRow, others: list[HttpRow]) -> float | None:
    """Return what the server took by a recording at the server: first byte of the request to last of the answer."""
    if not comparable(line, row):
        return None
    assert row.request_time is not None
    assert row.response_end_time is not None
    return (row.response_end_time - row.request_time) / 1e6


@pytest.mark.parametrize("name", NAMES)
def test_times(name: str) -> None:
    """Within 1 ms of ``$request_time`` (and the log's own millisecond) wherever the two mean the same."""
    measure = {"client": at_client, "server": at_server}[analysis(name).capture.vantage]
    others = list(rows(name).values())
    ours = [(line, measure(line, row, others)) for line, row in pairs(name)]
    compared = [(line, ms) for line, ms in ours if ms is not None]
    assert len(compared) == TIMED[name]
    wrong = [(line, ms) for line, ms in compared if abs(ms - line.time_ms) > TOLERANCE_MS + LOG_MS]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_instants(name: str) -> None:
    """The request was read 12 ms after it left the client, or as it reached the server; a lost one, when sent again."""
    way = {"client": WAY_MS, "server": 0.0}[analysis(name).capture.vantage]
    for line, row in pairs(name):
        assert row.request_time is not None
        lost = row.wait_loss_ms or 0.0
        late = (line.start_ns - row.request_time) / 1e6 - lost - way
        assert -LOG_MS <= late <= TOLERANCE_MS + LOG_MS, line


@pytest.mark.parametrize("name", NAMES)
def test_parts_add_up_to_what_was_compared(name: str) -> None:
    for _, row in pairs(name):
        parts = (row.send_ms, row.wait_ms, row.receive_ms)
        assert None not in parts
        assert row.request_time is not None
        assert row.response_end_time is not None
        assert sum(parts) == pytest.approx((row.response_end_time - row.request_time) / 1e6, abs=1e-3)  # type: ignore[arg-type]


def test_tunnels_last_as_long_as_their_chats() -> None:
    """nginx logs a tunnel when it ends, which is when both close frames have passed."""
    name = "web-app-server"
    port = {row.stream: row.client_port for row in analysis(name).rows("tcp")}
    time_ms = {line.port: line.time_ms for line in log(name) if line.status == 101}
    chats = analysis(name).websocket
    assert len(chats) == len(time_ms) == 3
    for chat in chats:
        opened = rows(name)[port[chat.stream], chat.handshake_index].request_time
        assert opened is not None
        lasted = (chat.messages[-1].time - opened) / 1e6
        assert abs(lasted - time_ms[port[chat.stream]]) <= TOLERANCE_MS + LOG_MS


def test_both_ends_of_the_same_requests() -> None:
    """The same exchanges seen twice: what arrives at one end left the other at least 12 ms before."""
    client, server = rows("web-app"), rows("web-app-server")
    assert client.keys() == server.keys()
    for key, near in client.items():
        far = server[key]
        assert (near.method, near.target, near.status, near.request_headers, near.response_headers) == (
            far.method, far.target, far.status, far.request_headers, far.response_headers,
        )  # fmt: skip
        assert near.request_time is not None
        assert far.request_time is not None
        assert near.response_time is not None
        assert far.response_time is not None
        up, down = far.request_time - near.request_time, near.response_time - far.response_time
        assert WAY_MS <= up / 1e6 <= WAY_MS + 2  # a full segment takes 0.6 ms on the line
        assert WAY_MS <= down / 1e6 <= WAY_MS + 20  # answers queue behind each other
        assert near.wait_ms is not None
        assert far.wait_ms is not None
        assert near.wait_ms >= far.wait_ms + 2 * WAY_MS or near.request_body_bytes  # a body is sent in between
