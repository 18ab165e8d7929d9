"""Plain lookups read as columns give the rows, and the text, that reading every datagram by itself gives."""

from __future__ import annotations

import random
import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analyzer.capture.source import open_capture
from analyzer.decode.decode import decode
from analyzer.decode.table import PacketTable
from analyzer.export import columns, dns_columns
from analyzer.options import Options
from analyzer.problems import ProblemLog
from analyzer.protocols import collect
from analyzer.protocols.dns import plain
from analyzer.protocols.dns.messages import parse
from analyzer.protocols.dns.session import exchanges
from analyzer.protocols.dns.strings import gathered
from analyzer.protocols.dns.table import answer_counts, chosen, codes, column, instants, latencies, lifetimes, one_of
from tests import build
from tests.protocols_names.wire import (
    AAAA,
    CNAME,
    NS,
    QUERY,
    RESPONSE,
    SOA,
    TXT,
    A,
    message,
    name,
    opt,
    pointer,
    question,
    record,
)

NAMES = ("www.example.com", "WWW.example.com", "example.com", "xn--bcher-kva.example", "a.b.c.d.e.f", ".")
UPDATE = 0x2800  # the opcode of RFC 2136
CLIENTS = ("10.0.0.1", "10.0.0.2", "2001:db8::1")
SERVERS = ("10.0.0.53", "10.0.0.54", "2001:db8::53")
Packet = tuple[str, int, str, int, bytes]
Sent = tuple[int, int | None, Packet]  # time in ns, VLAN
LIVES = (0, 5, 60, 300, 0x7FFFFFFF, 0x80000000, 0x8000003C, 2**32 - 1)


def cookie(size: int, value: int) -> bytes:
    return record(
        b"\0", 41, struct.pack("!HH", 10, size) + bytes([value]) * size, ttl=0x8000 * (value & 1), rclass=1232
    )


def records(rng: random.Random, asked: str, qtype: int) -> list[bytes]:
    """Answers as servers write them: an alias, addresses whose owner is a pointer to its data, or some text."""
    ttl = rng.choice(LIVES)
    owner, out, offset = pointer(12), [], 12 + len(question(asked))
    for hop in range(rng.choice((0, 0, 1, 2))):
        data = rng.choice((name(f"edge{hop}.cdn.test"), b"\3cdn" + pointer(12), name("Edge.Test")))
        out.append(record(owner, CNAME, data, ttl=ttl))
        offset += len(owner) + 10
        owner = pointer(offset)
        offset += len(data)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        ttl = ttl if rng.random() < 0.8 else rng.choice(LIVES)
        if qtype == A:
            out.append(record(owner, A, bytes((192, 0, 2, rng.randrange(4))), ttl=ttl))
        elif qtype == AAAA:
            out.append(record(owner, AAAA, b"\x20\x01\x0d\xb8" + bytes(11) + bytes([rng.randrange(4)]), ttl=ttl))
        else:
            out.append(record(owner, TXT, b"\4text", ttl=ttl))
    return out


def response(rng: random.Random, asked: str, qtype: int, ident: int) -> bytes:
    answers = records(rng, asked, qtype)
    flags = RESPONSE | rng.choice((0, 0, 0, 0, 2, 3, 0x0400, 0x0200, 0x0020, UPDATE))
    authority = []
    if not answers:
        data = name("ns.example") + pointer(12) + bytes(16) + rng.choice((30, 900)).to_bytes(4, "big")
        authority = [record(name("example"), SOA, data, ttl=rng.choice((10, 600)))]
    elif rng.random() < 0.2:
        authority = [record(pointer(12), NS, name("ns.example"))]
    extra = rng.choice(
        ([], [opt()], [opt(512, 1)], [cookie(8, ident & 3)], [opt(), record(pointer(12), A, b"\1\2\3\4")])
    )
    return message([question(asked, qtype)], answers, authority, extra, ident=ident, flags=flags)


def traffic(rng: random.Random) -> list[Packet]:
    """Lookups of few hosts with few numbers, so that they meet; some repeated, odd, or with a byte changed."""
    out: list[Packet] = []
    for _ in range(rng.randrange(1, rng.choice((14, 14, 60)))):
        at = rng.randrange(2)
        family = at if rng.random() < 0.8 else 2
        client, server = CLIENTS[family], SERVERS[family]
        port, ident = rng.choice((53, 40000, 40001, 40002)), rng.randrange(6)
        asked, qtype = rng.choice(NAMES), rng.choice((A, A, AAAA, TXT))
        query = message(
            [question(asked, qtype)],
            additional=rng.choice(([], [opt()], [cookie(8, ident)], [record(name("x"), A, b"\1\2\3\4")])),
            ident=ident,
            flags=QUERY if rng.random() < 0.9 else rng.choice((0, QUERY | UPDATE)),
        )
        pair = [(client, port, server, 53, query), (server, 53, client, port, response(rng, asked, qtype, ident))]
        chance = rng.random()
        if chance < 0.1:
            pair = pair[::-1]
        elif chance < 0.2:
            pair = rng.choice((pair[:1], pair[1:], [pair[0], *pair], [*pair, pair[1]]))
        out += [mangled(rng, packet) for packet in pair]
    return out


def mangled(rng: random.Random, packet: Packet) -> Packet:
    payload = bytearray(packet[4])
    chance = rng.random()
    if chance < 0.1:
        payload[rng.randrange(len(payload))] = rng.choice((0, 1, 12, 41, 63, 64, 0xC0, 0xFF, rng.randrange(256)))
    elif chance < 0.15:
        payload = payload[: rng.randrange(1, len(payload))]
    elif chance < 0.2:
        payload += bytes(rng.randrange(1, 9))
    return (*packet[:4], bytes(payload))


def recorded(rng: random.Random, packets: list[Packet]) -> list[Sent]:
    """Give packets times and VLANs: in some captures the clock is set back, in some are copies of packets, or networks
    whose hosts have the same addresses."""
    times = [rng.randrange(10_000_000) * 1000 * rng.choice((1, 1000)) for _ in packets]
    if rng.random() < 0.7:
        times.sort()
    vlans = rng.choice(((None,), (None,), (7,), (7, 8), (None, 7, 8)))
    vlan = rng.choice(vlans)
    out: list[Sent] = []
    for time, packet in zip(times, packets, strict=True):
        vlan = vlan if rng.random() < 0.7 else rng.choice(vlans)
        out.append((time, vlan, packet))
        if rng.random() < 0.1:
            out.append((time + rng.choice((0, 10_000, 999_999, 1_000_000)), rng.choice(vlans), packet))
    return out


def table_of(sent: list[Sent], snaplen: int) -> PacketTable:
    frames = []
    for time, vlan, (source, sport, destination, dport, payload) in sent:
        whole = build.udp(payload, sport=sport, dport=dport)
        if ":" in source:
            frame = build.eth(
                build.ip6(whole, src=source, dst=destination, next_header=17), ethertype=0x86DD, vlan=vlan
            )
        else:
            frame = build.eth(build.ip4(whole, src=source, dst=destination, proto=17), vlan=vlan)
        frames.append((time, frame[:snaplen], len(frame)))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "dns.pcap"
        path.write_bytes(build.pcap_file(frames))
        index = open_capture(str(path), Options(), None)
        return decode(index, Options(), None)


@given(st.randoms(use_true_random=False), st.sampled_from((65535, 65535, 65535, 100)))
def test_as_one_by_one(rng: random.Random, snaplen: int) -> None:
    table = table_of(recorded(rng, traffic(rng)), snaplen)
    end = int(table.index.time.max())
    slow_problems, quick_problems = ProblemLog(), ProblemLog()
    slow = tuple(exchanges(collect.with_vlans(table, collect.datagrams(table)), slow_problems, end))
    read = plain.lookups(table)
    datagrams = collect.with_vlans(table, collect.datagrams(table, read))
    quick = exchanges(datagrams, quick_problems, end, read)
    assert list(quick.others.values()) == [row for at, row in enumerate(slow) if at in quick.others]
    for field in ("client", "qname", "still_valid", "query_frames", "raced_with", "response_time"):
        assert column(quick, field) == column(slow, field)
    assert answer_counts(quick).tolist() == answer_counts(slow).tolist()
    assert lifetimes(quick).tolist() == lifetimes(slow).tolist()
    assert str(latencies(quick)) == str(latencies(slow))
    assert [one.tolist() for one in instants(quick, "query_time")] == [
        one.tolist() for one in instants(slow, "query_time")
    ]
    numbers = codes(quick, "qname").tolist()
    assert (
        len(set(zip(numbers, column(slow, "qname"), strict=True)))
        == len(set(numbers))
        == len(set(column(slow, "qname")))
    )
    mask = one_of(quick, "rcode", ("NXDOMAIN", None))
    assert mask.tolist() == one_of(slow, "rcode", ("NXDOMAIN", None)).tolist()
    text = [row for batch in dns_columns.batches(quick) for row in batch]
    assert text == list(columns.texts(slow))
    assert chosen(quick, mask) == chosen(slow, mask)
    assert quick == slow
    assert list(quick_problems) == list(slow_problems)


def pair(asked: bytes, said: bytes) -> list[Packet]:
    return [("10.0.0.1", 40000, "10.0.0.53", 53, asked), ("10.0.0.53", 53, "10.0.0.1", 40000, said)]


def plain_pairs(*packets: Packet) -> int:
    return plain_of([(1000 * at, None, packet) for at, packet in enumerate(packets)])


def plain_of(sent: list[Sent]) -> int:
    read = plain.lookups(table_of(sent, 65535))
    return 0 if read is None else int(read.query.size)


def test_what_is_plain() -> None:
    """One query and one response to it; a repeated, cut, malformed or contradicting one is read by itself."""
    query = message([question("example.com")], additional=[opt()], ident=7)
    address = record(pointer(12), A, b"\xc0\0\2\1")
    said = message([question("example.com")], [address], None, [opt()], ident=7, flags=RESPONSE)
    assert plain_pairs(*pair(query, said)) == 1
    assert plain_pairs(*pair(query, said), *pair(query, said)) == 0
    assert plain_pairs(*pair(query, said)[::-1]) == 0
    assert plain_pairs(*pair(query, said[:-1])) == 0
    assert plain_pairs(*pair(query, message([question("other.com")], [address], ident=7, flags=RESPONSE))) == 0
    assert plain_pairs(*pair(query, message([question("example.com")], ident=7, flags=RESPONSE | 0x0200))) == 0
    assert plain_pairs(*pair(query, message([question("example.com")], ident=7, flags=0x8080))) == 0


def test_what_is_plain_of_clocks_vlans_and_copies() -> None:
    query, said = pair(message([question("example.com")]), message([question("example.com")], flags=RESPONSE))
    assert plain_of([(1000, 7, query), (1000, 8, said)]) == 1
    assert plain_of([(1000, None, query), (999, None, said)]) == 0  # no latency
    assert plain_of([(1000, 7, query), (2000, 7, said), (1000, 8, query), (2000, 8, said)]) == 0
    assert plain_of([(1000, None, query), (2000, None, query), (3000, None, said)]) == 0
    update = message([question("example.com")], flags=QUERY | UPDATE)
    assert plain_pairs(*pair(update, message([question("example.com")], flags=RESPONSE | UPDATE))) == 0


def test_names_made_of_what_differs_are_not_plain() -> None:
    """A name whose letters are the id, or a time to live, says something else in each response."""
    query = message([question("example.com")], ident=2)
    of_the_id = record(pointer(1), A, b"\xc0\0\2\1")  # a label of two octets, the flags
    said = message([question("example.com")], [of_the_id], ident=2, flags=RESPONSE)
    assert not parse(said).error
    assert plain_pairs(*pair(query, said)) == 0
    life = 12 + len(question("example.com")) + 2 + 4
    first = record(pointer(12), A, b"\xc0\0\2\1", ttl=0x01610000)
    said = message([question("example.com")], [first, record(pointer(life), A, bytes(4))], ident=2, flags=RESPONSE)
    assert [answer.name for answer in parse(said).answers] == ["example.com", "a"]
    assert plain_pairs(*pair(query, said)) == 0


def test_hashes_only_propose() -> None:
    """Strings are equal by their bytes: sizes and order count, and so does a zero at the end."""
    data = np.frombuffer(b"abcdefgh12345678" + b"12345678abcdefgh" + b"abcdefgh12345678" + b"ab\0" + b"ab", np.uint8)
    starts, sizes = np.array([0, 16, 32, 48, 51]), np.array([16, 16, 16, 3, 2])
    found = gathered(data, starts, sizes)
    _, group, exact = found.groups()
    assert exact.all()
    assert [int(one) for one in group == group[0]] == [1, 0, 1, 0, 0]
    assert group[3] != group[4]
    other = gathered(data, starts[[1, 0, 0, 3, 4]], sizes[[1, 0, 0, 3, 4]])
    assert found.same(other).tolist() == [False, False, True, True, True]
