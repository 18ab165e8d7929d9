#!/usr/bin/env python3
"""Captures for the HTTP benchmark: many short transactions, and one body of a gigabyte.

usage: python3 benchmarks/make_http.py short|kept|download|upload COUNT FILE

* ``short``: COUNT connections with one request and one answer each - a DNS question and its answer, a handshake, a
  request as a browser writes it, an answer of one segment with the fields that servers send, a close: twelve packets;
* ``download``: one connection, one GET, an answer of COUNT bytes in full segments, every second one acknowledged;
* ``upload``: one connection, one PUT of COUNT bytes, a short answer;
* ``kept``: one connection with COUNT requests and answers, one after the other.

Made like the page loads of ``make_big.py``; beside FILE stands FILE.json with what is in it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from make_big import ACK, MSS, PSH, RTT_US, TCP, PageLoad, Traffic, write

STATUSES = (b"200 OK",) * 88 + (b"304 Not Modified",) * 5 + (b"404 Not Found",) * 4 + (b"302 Found",) * 2 + (
    b"503 Service Unavailable",
)  # fmt: skip
KINDS = (b"text/html; charset=utf-8", b"application/json", b"text/css", b"image/png")
AT_ONCE = 12
"""Connections open side by side."""


class Talk(PageLoad):
    """One connection; what is said on it is left to the callers."""

    def say(self, from_client: bool, text: bytes) -> None:
        """Send a text in as few segments as it takes."""
        for low in range(0, len(text), MSS):
            part = text[low : low + MSS]
            self.traffic.texts.append((self.packet(from_client, PSH | ACK, len(part)), 0, part))

    def short(self, number: int) -> None:
        """One request and its answer, both acknowledged."""
        rng = self.traffic.rng
        status = STATUSES[int(rng.integers(len(STATUSES)))]
        self.say(True, self._request(number, post=number % 20 == 7))
        self.now += RTT_US
        self.packet(False, ACK)
        self.now += int(rng.integers(50, 30_000))
        self.say(False, self._answer(number, status, int(rng.integers(20, 900))))
        self.now += 30
        self.packet(True, ACK)
        self.traffic.statuses[status.split()[0].decode()] += 1

    def _request(self, number: int, *, post: bool) -> bytes:
        body = b"user=student%d&comment=hello+world&csrf=%032x" % (number, number) if post else b""
        more = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n" % len(body) if post else b""
        return (
            b"%s /shop/item-%d.html?id=%d&lang=en HTTP/1.1\r\nHost: %s\r\n"
            b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
            b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
            b"Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\n"
            b"Referer: http://%s/shop/\r\nCookie: session=%032x; theme=dark\r\n%s\r\n%s"
        ) % (b"POST" if post else b"GET", number, number, self.host, self.host, number, more, body)

    def _answer(self, number: int, status: bytes, size: int) -> bytes:
        code = status[:3]
        body = b"" if code == b"304" else b"x" * size
        more = b"Location: http://%s/shop/new-%d\r\n" % (self.host, number) if code == b"302" else b""
        more += b"Set-Cookie: visit=%08x; Path=/; HttpOnly; SameSite=Lax\r\n" % number if number % 5 == 0 else b""
        length = b"" if code == b"304" else b"Content-Length: %d\r\n" % size
        return (
            b"HTTP/1.1 %s\r\nDate: Tue, 04 Nov 2025 10:00:00 GMT\r\nServer: nginx/1.24.0\r\nContent-Type: %s\r\n%s"
            b'Last-Modified: Mon, 03 Nov 2025 09:00:00 GMT\r\nETag: "%x-%x"\r\nCache-Control: max-age=60\r\n'
            b"Vary: Accept-Encoding\r\n%sConnection: keep-alive\r\n\r\n%s"
        ) % (status, KINDS[number % len(KINDS)], length, number, size, more, body)

    def bulk(self, from_client: bool, head: bytes, size: int) -> None:
        """A head and a body of ``size`` bytes in full segments, every second one acknowledged."""
        me, other = (self.client, self.server) if from_client else (self.server, self.client)
        total = len(head) + size
        number = np.arange(-(-total // MSS))
        length = np.minimum(total - number * MSS, MSS)
        time = self.now + number * 12 + (number // 40) * 300
        acks = np.append(number[1:-1:2], number[-1])
        first = self.traffic.add(
            time=time, kind=TCP, source=me.address, destination=other.address, sport=me.port, dport=other.port,
            seq=(me.seq + number * MSS) & 0xFFFFFFFF, ack=other.seq, flags=ACK, length=length,
        )  # fmt: skip
        self.traffic.add(
            time=time[acks] + 4, kind=TCP, source=other.address, destination=me.address, sport=other.port,
            dport=me.port, seq=other.seq, ack=(me.seq + np.minimum((acks + 1) * MSS, total)) & 0xFFFFFFFF, flags=ACK,
            length=np.zeros(acks.size, np.int64),
        )  # fmt: skip
        self.traffic.texts.append((first, 0, head))
        me.seq = (me.seq + total) & 0xFFFFFFFF
        self.now = int(time[-1]) + 1000


def short(traffic: Traffic, count: int) -> None:
    """COUNT connections, :data:`AT_ONCE` of them side by side."""
    lanes = [int(start) for start in traffic.rng.integers(0, 200_000, AT_ONCE)]
    for number in range(count):
        lane = lanes.index(min(lanes))
        talk = Talk(traffic, lanes[lane])
        talk.resolve()
        talk.open()
        talk.short(number)
        talk.now += 1000
        talk.close()
        lanes[lane] = talk.now + int(traffic.rng.integers(1000, 10_000))


def kept(traffic: Traffic, count: int) -> None:
    """One connection with COUNT requests and answers."""
    talk = Talk(traffic, 0)
    talk.resolve()
    talk.open()
    for number in range(count):
        talk.now += 500
        talk.short(number)
    talk.close()


def _one(traffic: Traffic, size: int, *, upload: bool) -> None:
    talk = Talk(traffic, 0)
    talk.resolve()
    talk.open()
    if upload:
        talk.bulk(True, b"PUT /backup.img HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n" % (talk.host, size), size)
        talk.now += RTT_US
        talk.say(False, b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
    else:
        talk.say(True, b"GET /film.mp4 HTTP/1.1\r\nHost: %s\r\n\r\n" % talk.host)
        talk.now += RTT_US
        head = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: %d\r\n\r\n" % size
        talk.bulk(False, head, size)
    traffic.statuses["201" if upload else "200"] += 1
    talk.close()


def download(traffic: Traffic, size: int) -> None:
    """One answer of SIZE bytes."""
    _one(traffic, size, upload=False)


def upload(traffic: Traffic, size: int) -> None:
    """One request with a body of SIZE bytes."""
    _one(traffic, size, upload=True)


MADE = {"short": short, "download": download, "upload": upload, "kept": kept}


def make(kind: str, count: int, path: Path) -> dict[str, object]:
    """Make a capture; return (and write to ``path.json``) what is in it."""
    traffic = Traffic(np.random.default_rng(1))
    MADE[kind](traffic, count)
    truth: dict[str, object] = {
        "packets": traffic.rows, "connections": traffic.connections, "dns": traffic.questions,
        "requests": traffic.statuses.total(), "statuses": dict(sorted(traffic.statuses.items())),
    }  # fmt: skip
    write(traffic, path)
    path.with_name(path.name + ".json").write_text(json.dumps(truth, indent=1) + "\n")
    return truth


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make a capture for the HTTP benchmark.")
    parser.add_argument("kind", choices=MADE)
    parser.add_argument("count", type=int, help="connections, requests, or bytes of the body")
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    print(make(arguments.kind, arguments.count, arguments.file))
