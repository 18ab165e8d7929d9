#!/usr/bin/env python3
"""Captures that are hard on whoever follows TCP: a million half-open connections, ten million empty segments.

usage: python3 benchmarks/make_tcp.py flood|endless|lossy COUNT FILE

* ``flood``: COUNT SYNs, each from another address and port, to one server, and no answer;
* ``endless``: one connection on which the two sides acknowledge each other COUNT times, without a byte of data;
* ``lossy``: one connection with COUNT data segments of 100 bytes and their ACKs, each tenth segment sent twice.

Packets are Ethernet, IPv4 and TCP headers without payload bytes (``lossy`` is cut by a snap length of 54), checksums
zero; a tenth of a millisecond apart.
"""

from __future__ import annotations

import argparse
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RECORD = np.dtype(
    [
        ("seconds", "<u4"), ("nanoseconds", "<u4"), ("caplen", "<u4"), ("wirelen", "<u4"),
        ("macs", "V12"), ("ethertype", ">u2"),
        ("version", "u1"), ("tos", "u1"), ("total", ">u2"), ("ident", ">u2"), ("fragment", ">u2"),
        ("ttl", "u1"), ("protocol", "u1"), ("checksum", ">u2"), ("source", ">u4"), ("target", ">u4"),
        ("sport", ">u2"), ("dport", ">u2"), ("seq", ">u4"), ("ack", ">u4"), ("offset", "u1"), ("flags", "u1"),
        ("window", ">u2"), ("tcp_checksum", ">u2"), ("urgent", ">u2"),
    ]
)  # fmt: skip
HEADERS = 54
START = 1_700_000_000
STEP_NS = 100_000
CLIENT, SERVER = 0x0A000001, 0xC0000201
SYN, ACK, PSH = 0x02, 0x10, 0x08
AT_ONCE = 1 << 20

Column = NDArray[np.generic] | int


def records(first: int, count: int, **columns: Column) -> NDArray[np.void]:
    """Return packets ``first`` to ``first + count`` as records; ``length`` is their payload on the wire."""
    out = np.zeros(count, RECORD)
    length = columns.pop("length", 0)
    time = (first + np.arange(count, dtype=np.int64)) * STEP_NS
    out["seconds"], out["nanoseconds"] = START + time // 10**9, time % 10**9
    out["caplen"], out["wirelen"] = HEADERS, HEADERS + np.asarray(length)
    out["macs"] = np.frombuffer(bytes.fromhex("020000000001020000000002"), "V12")[0]
    out["ethertype"], out["version"], out["ttl"], out["protocol"] = 0x0800, 0x45, 64, 6
    out["total"] = 40 + np.asarray(length)
    out["ident"], out["fragment"] = (first + np.arange(count)) & 0xFFFF, 0x4000
    out["offset"] = 0x50
    for name, values in columns.items():
        out[name] = values
    return out


def flood(number: NDArray[np.int64]) -> dict[str, Column]:
    """Return the columns of one SYN after the other, each of a connection of its own."""
    ports = 50_000
    return {
        "source": 0x0B000000 + number // ports, "sport": 1024 + number % ports, "target": SERVER, "dport": 80,
        "seq": number * 7919 & 0xFFFFFFFF, "flags": SYN, "window": 64240,
    }  # fmt: skip


def turns(number: NDArray[np.int64]) -> dict[str, Column]:
    """Return the addresses of segments that the two sides of one connection send in turn, the client first."""
    up = number % 2 == 0
    return {
        "source": np.where(up, CLIENT, SERVER), "target": np.where(up, SERVER, CLIENT),
        "sport": np.where(up, 40_000, 80), "dport": np.where(up, 80, 40_000), "window": 64240,
    }  # fmt: skip


def endless(number: NDArray[np.int64]) -> dict[str, Column]:
    """Return the columns of empty segments that never end."""
    return {**turns(number), "seq": 1000, "ack": 1000, "flags": ACK}


def lossy(number: NDArray[np.int64]) -> dict[str, Column]:
    """Return the columns of data and ACKs in turn; each tenth segment is followed by itself."""
    pair, up = number // 2, number % 2 == 0
    sent = pair - pair // 10  # after nine new segments an old one
    base = 1000
    top = (base + (sent + 1) * 100) & 0xFFFFFFFF
    return {
        **turns(number),
        "seq": np.where(up, (base + sent * 100) & 0xFFFFFFFF, base),
        "ack": np.where(up, base, top),
        "flags": np.where(up, ACK | PSH, ACK),
        "length": np.where(up, 100, 0),
    }


KINDS = {"flood": flood, "endless": endless, "lossy": lossy}


def write(kind: str, count: int, path: Path) -> None:
    """Write a capture of COUNT packets (pcap, nanoseconds)."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, HEADERS, 1))
        for first in range(0, count, AT_ONCE):
            size = min(AT_ONCE, count - first)
            number = first + np.arange(size, dtype=np.int64)
            file.write(records(first, size, **KINDS[kind](number)).tobytes())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make a capture that is hard on whoever follows TCP.")
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("count", type=int)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    write(arguments.kind, arguments.count, arguments.file)
