#!/usr/bin/env python3
"""A capture for the DNS benchmark: what a resolver of a school or an office hears on an ordinary day.

usage: python3 benchmarks/make_dns.py PAIRS FILE [--seed 1]

PAIRS questions and their answers, two UDP datagrams each. Sixty clients look up names of a few thousand sites; some
sites are wanted far more often than others. Each lookup is a race of A and AAAA, with a question for HTTPS from every
second client. Most sites stand behind one to three CNAMEs with one to four addresses, which rotate from answer to
answer; times to live count down while the resolver's copy grows old. Three of four clients send EDNS, some of them with
a cookie. In between: names that do not exist (with the zone's SOA), names without such an address, reverse names, MX
and TXT, and one answer in a thousand that never comes and is asked for again.

Identifiers, ports and times are random, but the same for the same seed. The capture is a classic little-endian pcap
with microseconds; FILE.json beside it says what is in it.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

A, CNAME, SOA, PTR, MX, TXT, AAAA, HTTPS = 1, 5, 6, 12, 15, 16, 28, 65
SITES, CLIENTS = 4000, 60
RESOLVERS = (0xC0000235, 0xC0000236)  # 192.0.2.53 and .54 (RFC 5737)
CLIENT_NET = 0xC0000240
EPOCH = 1_767_225_600
QUESTION = b"\xc0\x0c"
"""A pointer to the name asked for, which always begins at offset 12."""
WORDS = (
    "shop",
    "news",
    "mail",
    "cdn",
    "static",
    "api",
    "img",
    "login",
    "video",
    "maps",
    "wiki",
    "docs",
    "play",
    "data",
)
ZONES = ("example", "example.com", "example.net", "example.org", "test")


def wire(name: str) -> bytes:
    """Return a name as it is sent."""
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split(".")) + b"\0"


@dataclass(slots=True)
class Site:
    """A name, where it leads to, and when the resolver fetched it."""

    name: str
    chain: list[str]
    addresses: list[int]
    ttl: int
    https: bool
    fetched: float = -1e9
    answers: Counter[int] = field(default_factory=Counter)


def sites(rng: random.Random) -> list[Site]:
    """Make the sites, the most wanted first."""
    made = []
    for number in range(SITES):
        name = f"{rng.choice(WORDS)}{number}.{rng.choice(WORDS)}-{number // 3}.{rng.choice(ZONES)}"
        hops = rng.choices((0, 1, 2, 3), (40, 35, 18, 7))[0]
        chain = [f"{rng.choice(WORDS)}-{number}-{hop}.edge{rng.randrange(40)}.cdn.example.net" for hop in range(hops)]
        addresses = [0xC6336400 + rng.randrange(256) for _ in range(rng.choice((1, 1, 1, 2, 2, 4)))]
        made.append(Site(name, chain, addresses, rng.choice((20, 60, 300, 300, 3600)), rng.random() < 0.3))
    return made


def record(owner: bytes, rtype: int, ttl: int, data: bytes) -> bytes:
    """Return one resource record."""
    return owner + struct.pack("!HHIH", rtype, 1, ttl, len(data)) + data


def opt(cookie: bytes) -> bytes:
    """Return an OPT record, with a cookie (RFC 7873) where there is one."""
    data = struct.pack("!HH", 10, len(cookie)) + cookie if cookie else b""
    return b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(data)) + data


def answers(site: Site, qtype: int, now: float) -> list[bytes]:
    """Return the answer section for a site that exists."""
    if now - site.fetched > site.ttl:
        site.fetched = now
    ttl = site.ttl - int(now - site.fetched)
    out, owner, offset = [], QUESTION, 12 + len(wire(site.name)) + 4
    for target in site.chain:
        data = wire(target)
        out.append(record(owner, CNAME, ttl, data))
        offset += len(owner) + 10
        owner = struct.pack("!H", 0xC000 | offset)
        offset += len(data)
    turn = site.answers[qtype]
    site.answers[qtype] += 1
    turned = site.addresses[turn % len(site.addresses) :] + site.addresses[: turn % len(site.addresses)]
    if qtype == A:
        out += [record(owner, A, ttl, struct.pack("!I", address)) for address in turned]
    elif qtype == AAAA and site.addresses[0] % 2:
        out += [record(owner, AAAA, ttl, b"\x20\x01\x0d\xb8" + struct.pack("!3I", 0, 0, one)) for one in turned]
    elif qtype == HTTPS and site.https:
        hints = struct.pack("!HH", 4, 4 * len(turned)) + b"".join(struct.pack("!I", one) for one in turned)
        out.append(record(owner, HTTPS, ttl, b"\0\1\0" + b"\0\1\0\6\2h3\2h2" + hints))
    elif qtype == MX:
        out = [record(QUESTION, MX, ttl, struct.pack("!H", 10 * n) + b"\4mail" + QUESTION) for n in (1, 2)]
    elif qtype == TXT:
        text = b"v=spf1 ip4:198.51.100.0/24 -all"
        out = [record(QUESTION, TXT, ttl, bytes((len(text),)) + text)]
    return out


def denial(zone: str, ttl: int) -> bytes:
    """Return the SOA record that says how long a "no" may be kept (RFC 2308)."""
    data = (
        wire(f"ns1.{zone}") + wire(f"hostmaster.{zone}") + struct.pack("!5I", 2_026_010_101, 7200, 900, 1_209_600, 300)
    )
    return record(wire(zone), SOA, ttl, data)


class Traffic:
    """Datagrams so far, and what they hold."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.sites = sites(self.rng)
        self.cookies = [self.rng.randbytes(8) for _ in range(CLIENTS)]
        self.weights = [1 / (rank + 3) for rank in range(SITES)]
        self.packets: list[tuple[float, int, int, int, int, bytes]] = []
        self.rcodes: Counter[str] = Counter()
        self.rows = 0

    def lookup(self, now: float) -> None:
        """Let one client look up something, with all the questions that belong to it."""
        rng = self.rng
        client = rng.randrange(CLIENTS)
        kind = rng.random()
        if kind < 0.03:
            name = f"{rng.randrange(256)}.100.51.198.in-addr.arpa"
            known = rng.random() < 0.5
            data = [record(QUESTION, PTR, 3600, wire(f"host{rng.randrange(256)}.example.net"))] if known else []
            self.ask(now, client, name, PTR, data, "" if known else "100.51.198.in-addr.arpa")
            return
        if kind < 0.07:
            name = f"{rng.choice(WORDS)}-{rng.randrange(100_000)}.{rng.choice(ZONES[1:])}"
            for qtype in (A, AAAA):
                self.ask(now, client, name, qtype, [], ".".join(name.split(".")[1:]))
            return
        site = rng.choices(self.sites, self.weights)[0]
        if kind < 0.09:
            qtypes: tuple[int, ...] = (rng.choice((MX, TXT)),)
        else:
            qtypes = (A, AAAA, HTTPS) if client % 2 else (A, AAAA)
        for qtype in qtypes:
            self.ask(now, client, site.name, qtype, answers(site, qtype, now), None)
            now += 15e-6

    def ask(self, now: float, client: int, name: str, qtype: int, found: list[bytes], denied: str | None) -> None:
        """Add a question and its answer; ``denied`` names the zone in which the name is not."""
        rng = self.rng
        cookie = self.cookies[client] if client % 8 == 1 else b""
        edns = opt(cookie) if client % 4 else b""
        number, port = rng.randrange(65536), 1024 + rng.randrange(64_000)
        question = wire(name) + struct.pack("!HH", qtype, 1)
        me, resolver = CLIENT_NET + client, RESOLVERS[client % 8 == 7]
        query = struct.pack("!6H", number, 0x0100, 1, 0, 0, bool(edns)) + question + edns
        self.packets.append((now, me, port, resolver, 53, query))
        if rng.random() < 0.001:
            now += 5.0
            self.packets.append((now, me, port, resolver, 53, query))
        rcode = 3 if denied and not found else 0
        authority = [] if found else [denial(denied or ".".join(name.split(".")[1:]), rng.randrange(1, 300))]
        tail = opt(cookie + cookie[::-1]) if edns else b""
        head = struct.pack("!6H", number, 0x8180 | rcode, 1, len(found), len(authority), bool(tail))
        later = now + (rng.uniform(3e-4, 9e-4) if rng.random() < 0.8 else rng.uniform(0.005, 0.12))
        self.packets.append((later, resolver, 53, me, port, head + question + b"".join(found + authority) + tail))
        self.rcodes["NXDOMAIN" if rcode else "NOERROR"] += 1
        self.rows += 1


def datagram(packet: tuple[float, int, int, int, int, bytes]) -> bytes:
    """Return the record of one datagram over Ethernet and IPv4."""
    time, source, sport, destination, dport, payload = packet
    size = len(payload)
    seconds = int(time)
    up = dport == 53
    return (
        struct.pack("<4I", EPOCH + seconds, int((time - seconds) * 1e6), size + 42, size + 42)
        + bytes((2, 0, 0, 0, 0, 1 if up else 2, 2, 0, 0, 0, 0, 2 if up else 1, 8, 0))
        + struct.pack("!BBHHHBBHII", 0x45, 0, size + 28, 0, 0x4000, 64, 17, 0, source, destination)
        + struct.pack("!4H", sport, dport, size + 8, 0)
        + payload
    )


def make(pairs: int, path: Path, seed: int = 1) -> dict[str, object]:
    """Make a capture; return (and write to ``path.json``) what is in it."""
    traffic = Traffic(seed)
    now = 0.0
    while traffic.rows < pairs:
        traffic.lookup(now)
        now += traffic.rng.expovariate(40)
    traffic.packets.sort(key=lambda packet: packet[0])
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        out.writelines(map(datagram, traffic.packets))
    unfinished.rename(path)
    truth: dict[str, object] = {
        "packets": len(traffic.packets),
        "dns": traffic.rows,
        "rcodes": dict(sorted(traffic.rcodes.items())),
    }
    path.with_name(path.name + ".json").write_text(json.dumps(truth, indent=1) + "\n")
    return truth


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make a capture for the DNS benchmark.")
    parser.add_argument("pairs", type=int, help="questions, each with its answer")
    parser.add_argument("file", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    print(make(arguments.pairs, arguments.file, arguments.seed))
