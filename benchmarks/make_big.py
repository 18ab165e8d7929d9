#!/usr/bin/env python3
"""Make a big capture of bulk HTTP/1.1: page loads over kept connections, as a recorder near the clients would see them.

usage: python3 benchmarks/make_big.py [--size 1G] [--seed 1] [FILE]

Each page load: a DNS question and its answer, a handshake, a page and some pictures it refers to, one after the
other on the same connection, answers of 10 kB to 1 MB (three of four with Content-Length, the rest chunked) in
segments of 1,448 bytes, a three-way close. On a third of the connections the client acknowledges every second
segment, on the others each one, as today's Linux does while the window grows; that makes 1.2 million packets of a
gigabyte. On one connection in a hundred something is lost: a segment of an answer (missing, duplicate ACKs,
retransmitted one round trip later) or a request (sent twice). Many connections overlap.
Times, sizes and ports are random but the same for the same seed. Checksums are zero.

The capture is a classic little-endian pcap with microseconds. Beside it, FILE.json says what is in it: packets,
connections, DNS questions, and how many requests got which status. FILE defaults to a folder in the user's cache.

How: each connection is a few numpy rows per message; all rows are sorted by time; then the file is written in pieces,
headers scattered into a buffer that is already full of filler, and the few bytes of text put where they belong.
"""

from __future__ import annotations

import argparse
import json
import struct
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from places import big_capture

MSS = 1448
SERVER_NET, CLIENT_NET = 0xC6336400, 0xC0000200  # 198.51.100.0/24, 192.0.2.0/24 (RFC 5737)
RESOLVER = 0xC0000235  # 192.0.2.53
FIN, SYN, PSH, ACK = 1, 2, 8, 16
RTT_US = 20_000
SEGMENT_US = 12  # a gigabit
PIECE = 32_768  # packets written at a time
CHUNK = 16_384  # bytes in a chunk of a chunked body
STATUSES = ("200 OK",) * 96 + ("404 Not Found",) * 3 + ("503 Service Unavailable",)
COLUMNS = ("time", "kind", "source", "destination", "sport", "dport", "seq", "ack", "flags", "length")
TCP, TCP_SYN, UDP = 0, 1, 2
HEADER = np.array([14 + 20 + 32, 14 + 20 + 40, 14 + 20 + 8])  # bytes before the payload, by kind


@dataclass(slots=True)
class Traffic:
    """Rows so far (a list of column blocks), and texts to put into payloads: (row, offset in payload, bytes)."""

    rng: np.random.Generator
    blocks: list[NDArray[np.int64]] = field(default_factory=list)
    texts: list[tuple[int, int, bytes]] = field(default_factory=list)
    rows: int = 0
    size: int = 24
    wanted: int = 0
    connections: int = 0
    questions: int = 0
    statuses: Counter[str] = field(default_factory=Counter)

    def add(self, **columns: NDArray[np.int64] | int) -> int:
        """Append rows (arrays or one value for all); return the number of the first."""
        size = max(np.size(value) for value in columns.values())
        block = np.empty((len(COLUMNS), size), np.int64)
        for at, name in enumerate(COLUMNS):
            block[at] = columns[name]
        self.blocks.append(block)
        first, self.rows = self.rows, self.rows + size
        self.size += int((HEADER[block[1]] + block[9] + 16).sum())
        return first


@dataclass(slots=True)
class Side:
    """One side of a connection: its address and its next sequence number."""

    address: int
    port: int
    seq: int


class PageLoad:
    """One connection with its requests, written into the traffic as it goes."""

    def __init__(self, traffic: Traffic, start: int) -> None:
        rng = traffic.rng
        number = traffic.connections
        traffic.connections += 1
        self.traffic = traffic
        self.now = start
        # 60,000 ports of each of 100 clients: no five-tuple comes twice within a gigabyte
        self.client = Side(CLIENT_NET + 100 + number % 100, 2000 + number // 100 % 60_000, int(rng.integers(2**32)))
        self.server = Side(SERVER_NET + 1 + int(rng.integers(200)), 80, int(rng.integers(2**32)))
        self.host = f"www{self.server.address & 255}.example".encode()
        self.trouble = ("answer", "request")[number // 100 % 2] if number % 100 == 20 else None
        self.ack_every = 2 if number % 3 == 0 else 1

    def packet(self, from_client: bool, flags: int, length: int = 0, kind: int = TCP, at: int | None = None) -> int:
        """Add one packet of this connection; advance its sender's sequence number."""
        me, other = (self.client, self.server) if from_client else (self.server, self.client)
        row = self.traffic.add(
            time=self.now if at is None else at, kind=kind, source=me.address, destination=other.address,
            sport=me.port, dport=other.port, seq=me.seq, ack=other.seq if flags & ACK else 0, flags=flags,
            length=length,
        )  # fmt: skip
        me.seq = me.seq + length + bool(flags & (SYN | FIN)) & 0xFFFFFFFF
        return row

    def resolve(self) -> None:
        """A question to the resolver and its answer."""
        labels = b"".join(bytes((len(part),)) + part for part in self.host.split(b".")) + b"\0"
        number = int(self.traffic.rng.integers(65536))
        question = labels + struct.pack("!HH", 1, 1)
        record = struct.pack("!HHHIHI", 0xC00C, 1, 1, 300, 4, self.server.address)
        port = 1024 + int(self.traffic.rng.integers(60_000))
        asked = struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + question
        answered = struct.pack("!6H", number, 0x8180, 1, 1, 0, 0) + question + record
        for at, text, ends in (
            (self.now, asked, (self.client.address, RESOLVER)),
            (self.now + 5000, answered, (RESOLVER, self.client.address)),
        ):
            asking = ends[1] == RESOLVER
            row = self.traffic.add(
                time=at, kind=UDP, source=ends[0], destination=ends[1], sport=port if asking else 53,
                dport=53 if asking else port, seq=0, ack=0, flags=0, length=len(text),
            )  # fmt: skip
            self.traffic.texts.append((row, 0, text))
        self.traffic.questions += 1
        self.now += 5100

    def open(self) -> None:
        """SYN, SYN/ACK, ACK."""
        self.packet(True, SYN, kind=TCP_SYN)
        self.now += RTT_US
        self.packet(False, SYN | ACK, kind=TCP_SYN)
        self.now += 30
        self.packet(True, ACK)

    def close(self) -> None:
        """FIN, FIN/ACK, ACK."""
        self.packet(True, FIN | ACK)
        self.now += RTT_US
        self.packet(False, FIN | ACK)
        self.now += 30
        self.packet(True, ACK)

    def exchange(self, number: int, lose: str | None) -> None:
        """One request and its answer."""
        rng = self.traffic.rng
        status = STATUSES[int(rng.integers(len(STATUSES)))]
        size = int(10_000 * 100 ** rng.random())
        self.now += int(rng.integers(100, 20_000))
        page = b"/page/%d/" % self.traffic.connections
        target = page + b"image-%d.png?size=%d" % (number, size) if number else page
        referer = b"Referer: http://%s%s\r\n" % (self.host, page) if number else b""  # as browsers do
        request = (
            b"GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: benchmark/1.0\r\nAccept: */*\r\n%s"
            b"Accept-Encoding: identity\r\nCookie: session=%032x\r\n\r\n"
        ) % (target, self.host, referer, self.traffic.connections)
        before = self.client.seq
        row = self.packet(True, PSH | ACK, len(request))
        self.traffic.texts.append((row, 0, request))
        if lose == "request":
            self.now += 220_000
            self.client.seq = before
            self.traffic.texts.append((self.packet(True, PSH | ACK, len(request)), 0, request))
        self.now += RTT_US
        self.packet(False, ACK)
        self.now += int(rng.integers(50, 30_000))
        kind = b"image/png" if number else b"text/html"
        self.answer(status, kind, size, chunked=int(rng.integers(4)) == 0, lose=lose == "answer")
        self.traffic.statuses[status.split()[0]] += 1

    def answer(self, status: str, kind: bytes, size: int, *, chunked: bool, lose: bool) -> None:
        """The head and a body of ``size`` bytes, in full segments, with their ACKs."""
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
        head = (b"HTTP/1.1 %s\r\nServer: benchmark\r\nContent-Type: %s\r\nCache-Control: no-store\r\n%s\r\n\r\n") % (
            status.encode(),
            kind,
            framing,
        )
        texts = [(0, head)]
        total = len(head) + size
        if chunked:
            at = len(head)
            for start in range(0, size, CHUNK):
                part = min(CHUNK, size - start)
                line = b"%x\r\n" % part if start == 0 else b"\r\n%x\r\n" % part
                texts.append((at, line))
                at += len(line) + part
            texts.append((at, b"\r\n0\r\n\r\n"))
            total = at + 7
        first = self.segments(total, lose=lose)
        for offset, text in texts:
            while text:
                room = MSS - offset % MSS
                self.traffic.texts.append((first + offset // MSS, offset % MSS, text[:room]))
                offset, text = offset + room, text[room:]

    def segments(self, total: int, *, lose: bool) -> int:
        """Add data segments and ACKs; return the row of the first segment. Rows are in stream order, not in time."""
        count = -(-total // MSS)
        number = np.arange(count)
        length = np.full(count, MSS)
        length[-1] = total - MSS * (count - 1)
        time = self.now + number * SEGMENT_US + (number // 40) * 300
        end = (self.server.seq + np.minimum((number + 1) * MSS, total)) & 0xFFFFFFFF
        acks = number[self.ack_every - 1 :: self.ack_every]
        if acks[-1] != count - 1:
            acks = np.append(acks, count - 1)
        ack_time, ack_value = time[acks] + 4, end[acks]
        if lose:
            lost = count // 2
            seen_again = time[lost] + RTT_US + 4000
            behind = acks >= lost  # until the hole is filled, the client repeats the ACK for what comes before it
            ack_value = np.where(behind & (ack_time < seen_again), end[lost - 1], ack_value)
            time[lost] = seen_again
            tail = max(int(seen_again), int(time[-1])) + 4
            acks, ack_time, ack_value = np.append(acks, -1), np.append(ack_time, tail), np.append(ack_value, end[-1])
        first = self.traffic.add(
            time=time, kind=TCP, source=self.server.address, destination=self.client.address, sport=self.server.port,
            dport=self.client.port, seq=(self.server.seq + number * MSS) & 0xFFFFFFFF, ack=self.client.seq,
            flags=np.where(number == count - 1, PSH | ACK, ACK), length=length,
        )  # fmt: skip
        self.traffic.add(
            time=ack_time, kind=TCP, source=self.client.address, destination=self.server.address,
            sport=self.client.port, dport=self.server.port,
            seq=self.client.seq, ack=ack_value, flags=ACK, length=np.zeros(len(acks), np.int64),
        )  # fmt: skip
        self.server.seq = int(end[-1])
        self.now = int(max(time.max(), ack_time.max())) + 10
        return first

    def play(self) -> int:
        """The whole page load; return when it ended (µs)."""
        self.resolve()
        self.open()
        requests = 1 + int(self.traffic.rng.geometric(0.3))
        for number in range(requests):
            if self.traffic.size >= self.traffic.wanted:
                break
            self.exchange(number, self.trouble if number == 0 else None)
        self.now += 1000
        self.close()
        return self.now


def generate(size: int, seed: int) -> Traffic:
    """Make page loads, some ten of them under way at any time, until the capture has the wanted size (bytes)."""
    traffic = Traffic(np.random.default_rng(seed), wanted=size)
    lanes = [int(start) for start in traffic.rng.integers(0, 200_000, 12)]
    while traffic.size < traffic.wanted:
        lane = lanes.index(min(lanes))
        lanes[lane] = PageLoad(traffic, lanes[lane]).play() + int(traffic.rng.integers(1000, 100_000))
    return traffic


def _big(value: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
    """Columns of big-endian bytes, (n, size)."""
    return np.ascontiguousarray(value.astype(f">u{size}")).view(np.uint8).reshape(-1, size)


def headers(rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Record, Ethernet, IPv4 and TCP or UDP headers of each row, (n, 16 + 74); only HEADER[kind] + 16 are meant."""
    time, kind, source, destination, sport, dport, seq, ack, flags, length = rows
    out = np.zeros((rows.shape[1], 16 + 74), np.uint8)
    frame = HEADER[kind] + length
    record = np.stack([time // 1_000_000 + 1_767_225_600, time % 1_000_000, frame, frame], 1).astype("<u4")
    out[:, :16] = np.ascontiguousarray(record).view(np.uint8)
    upward = (source >> 8) == CLIENT_NET >> 8
    out[:, 16:28] = np.frombuffer(bytes.fromhex("020000000001" "020000000002"), np.uint8)  # fmt: skip
    out[upward, 21], out[upward, 27] = 2, 1
    out[:, 28:30] = 8, 0
    out[:, 30] = 0x45
    out[:, 32:34] = _big(frame - 14, 2)
    out[:, 34:36] = _big(np.arange(rows.shape[1]) & 0xFFFF, 2)
    out[:, 36] = 0x40
    out[:, 38] = 64
    out[:, 39] = np.where(kind == UDP, 17, 6)
    out[:, 42:46] = _big(source, 4)
    out[:, 46:50] = _big(destination, 4)
    out[:, 50:52] = _big(sport, 2)
    out[:, 52:54] = _big(dport, 2)
    udp, tcp, syn = kind == UDP, kind != UDP, kind == TCP_SYN
    out[udp, 54:56] = _big(length + 8, 2)[udp]
    body = out[:, 54:]
    words = np.concatenate([_big(seq, 4), _big(ack, 4)], 1)
    body[tcp, :8] = words[tcp]
    body[tcp, 8] = np.where(kind == TCP_SYN, 10 << 4, 8 << 4)[tcp]
    body[tcp, 9] = flags[tcp]
    body[tcp, 10:12] = _big(np.full(rows.shape[1], 502), 2)[tcp]
    stamp = np.concatenate([_big(time // 1000 & 0xFFFFFFFF, 4), _big(np.maximum(time // 1000 - 20, 0), 4)], 1)
    plain = kind == TCP
    body[plain, 16:20] = 1, 1, 8, 10
    body[plain, 20:28] = stamp[plain]
    body[syn, 16:24] = 2, 4, 5, 180, 4, 2, 8, 10  # MSS 1460, SACK permitted, timestamps
    body[syn, 24:32] = stamp[syn]
    body[syn, 32:36] = 1, 3, 3, 7  # window scale 7
    return out


def write(traffic: Traffic, path: Path) -> None:
    """Sort the rows by time and write the capture, appearing under its name only when complete."""
    rows = np.concatenate(traffic.blocks, axis=1)
    traffic.blocks.clear()
    order = np.argsort(rows[0], kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    texts = sorted((int(place[row]), offset, text) for row, offset, text in traffic.texts)
    filler = traffic.rng.integers(0, 256, 1 << 20, dtype=np.uint8)
    unfinished = path.with_name(path.name + ".part")
    at = 0
    with unfinished.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        for start in range(0, len(order), PIECE):
            piece = rows[:, order[start : start + PIECE]]
            head_size = 16 + HEADER[piece[1]]
            size = head_size + piece[9]
            begin = np.cumsum(size) - size
            buffer = np.resize(filler, int(size.sum()))
            made = headers(piece)
            for kind, width in enumerate(HEADER + 16):
                chosen = np.flatnonzero(piece[1] == kind)
                buffer[begin[chosen, None] + np.arange(width)] = made[chosen, :width]
            payload = begin + head_size
            while at < len(texts) and texts[at][0] < start + PIECE:
                row, offset, text = texts[at]
                into = int(payload[row - start]) + offset
                buffer[into : into + len(text)] = np.frombuffer(text, np.uint8)
                at += 1
            out.write(buffer.data)
    unfinished.rename(path)


def byte_size(text: str) -> int:
    """Read ``50M`` or ``1G`` (powers of ten)."""
    factor = {"k": 10**3, "M": 10**6, "G": 10**9}.get(text[-1:], 1)
    return int(float(text.rstrip("kMG")) * factor)


def make(path: Path, size: int, seed: int = 1) -> dict[str, object]:
    """Make a capture of about ``size`` bytes; return (and write to ``path.json``) what is in it."""
    traffic = generate(size, seed)
    truth: dict[str, object] = {
        "packets": traffic.rows, "connections": traffic.connections, "dns": traffic.questions,
        "requests": traffic.statuses.total(), "statuses": dict(sorted(traffic.statuses.items())), "seed": seed,
    }  # fmt: skip
    write(traffic, path)
    path.with_name(path.name + ".json").write_text(json.dumps(truth, indent=1) + "\n")
    return truth


def main() -> None:
    """Make one capture as the command line says."""
    parser = argparse.ArgumentParser(description="Make a big capture of bulk HTTP.")
    parser.add_argument("--size", default="1G", help="about how many bytes: 50M, 1G (default 1G)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("file", nargs="?", type=Path, help="default: bulk-SIZE.pcap in the user's cache folder")
    arguments = parser.parse_args()
    path = arguments.file or big_capture(arguments.size)
    truth = make(path, byte_size(arguments.size), arguments.seed)
    print(f"{path}: {path.stat().st_size:,} bytes, {truth}")


if __name__ == "__main__":
    main()
