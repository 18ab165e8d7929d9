"""A resolver's walk from the root: who answered from which zone, and which client's question it was for.

The zones are those of RFC 1034's examples in spirit: the root refers to ``example``, that to ``shop.example``. The
resolver minimises names (RFC 9156) and asks for its root servers first (RFC 8109).
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.base import Datagram
from analyzer.protocols.dns.session import exchanges
from analyzer.schema import DnsRow
from tests.protocols_names import wire

CLIENT, RESOLVER, ROOT, TLD, HOST = "10.0.0.1", "10.0.0.53", "192.0.2.1", "192.0.2.2", "192.0.2.3"
AA, REFERRAL, PLAIN = 0x8400, 0x8000, 0x0000
DNSKEY = 48


def address(text: str) -> bytes:
    return bytes(map(int, text.split(".")))


def ns(zone: str, server: str) -> bytes:
    return wire.record(wire.name(zone), wire.NS, wire.name(server))


def a(name: str, host: str) -> bytes:
    return wire.record(wire.name(name), wire.A, address(host))


def soa(zone: str, minimum: int = 300) -> bytes:
    data = wire.name(f"ns.{zone}") + wire.name("admin.example") + bytes(16) + minimum.to_bytes(4, "big")
    return wire.record(wire.name(zone), wire.SOA, data, ttl=900)


class Talk:
    """Datagrams in order; each has the next frame."""

    def __init__(self) -> None:
        self.datagrams: list[Datagram] = []

    def say(self, ms: float, payload: bytes, source: tuple[str, int], destination: tuple[str, int]) -> None:
        self.datagrams.append(Datagram(len(self.datagrams) + 1, round(ms * 1e6), *source, *destination, payload))

    def ask(self, ms: float, name: str, qtype: int = wire.A, *, ident: int = 1) -> None:
        self.say(ms, wire.message([wire.question(name, qtype)], ident=ident), (CLIENT, 40000), (RESOLVER, 53))

    def answer(self, ms: float, name: str, host: str, *, ident: int = 1) -> None:
        payload = wire.message([wire.question(name)], [a(name, host)], ident=ident, flags=wire.RESPONSE)
        self.say(ms, payload, (RESOLVER, 53), (CLIENT, 40000))

    def walk(
        self,
        ms: float,
        server: str,
        name: str,
        qtype: int = wire.A,
        *,
        answers: list[bytes] | None = None,
        authority: list[bytes] | None = None,
        glue: list[bytes] | None = None,
        flags: int = REFERRAL,
    ) -> None:
        """A question of the resolver and its answer 5 ms later."""
        question, ident = [wire.question(name, qtype)], len(self.datagrams)
        port = 50000 + ident
        self.say(ms, wire.message(question, ident=ident, flags=PLAIN), (RESOLVER, port), (server, 53))
        back = wire.message(question, answers, authority, glue, ident=ident, flags=flags)
        self.say(ms + 5, back, (server, 53), (RESOLVER, port))

    def rows(self) -> list[DnsRow]:
        return exchanges(self.datagrams)


def whole_walk() -> Talk:
    talk = Talk()
    talk.ask(0, "www.shop.example")
    talk.walk(1, ROOT, ".", wire.NS, answers=[ns(".", "a.root")], glue=[a("a.root", ROOT)], flags=AA)
    talk.walk(10, ROOT, "example", authority=[ns("example", "ns.example")], glue=[a("ns.example", TLD)])
    talk.walk(20, TLD, "shop.example", authority=[ns("shop.example", "ns.shop.example")],
              glue=[a("ns.shop.example", HOST)])  # fmt: skip
    talk.walk(30, HOST, "www.shop.example", answers=[a("www.shop.example", "10.0.0.2")], flags=AA)
    talk.walk(40, HOST, "ns.shop.example", wire.AAAA, authority=[soa("shop.example")], flags=AA)
    talk.answer(50, "www.shop.example", "10.0.0.2")
    return talk


def test_from_the_root_to_the_host() -> None:
    told = [(row.qname, row.step, row.zone, row.referral, row.caused_by) for row in whole_walk().rows()]
    assert told == [
        ("www.shop.example", "recursive", None, None, None),
        (".", "root", ".", None, 0),
        ("example", "root", ".", "example", 0),
        ("shop.example", "tld", "example", "shop.example", 0),
        ("www.shop.example", "authoritative", "shop.example", None, 0),
        ("ns.shop.example", "authoritative", "shop.example", None, 0),
    ]


def test_how_long_a_no_may_be_kept() -> None:
    """The smaller of the SOA record's own time (900) and its last number (300): RFC 2308 section 5."""
    assert whole_walk().rows()[5].negative_ttl == 300


def test_two_clients_at_once() -> None:
    """Each question of the walk is for the client that waits for that name; before and after, for nobody."""
    talk = Talk()
    talk.walk(0, HOST, "early.example", answers=[a("early.example", "10.0.0.9")], flags=AA)
    talk.ask(10, "one.example", ident=1)
    talk.ask(11, "two.example", ident=2)
    talk.walk(20, HOST, "two.example", answers=[a("two.example", "10.0.0.2")], flags=AA)
    talk.walk(21, HOST, "one.example", answers=[a("one.example", "10.0.0.1")], flags=AA)
    talk.answer(40, "one.example", "10.0.0.1", ident=1)
    talk.walk(50, HOST, "one.example", answers=[a("one.example", "10.0.0.1")], flags=AA)
    talk.walk(60, HOST, "other.test", answers=[a("other.test", "10.0.0.1")], flags=AA)
    assert [row.caused_by for row in talk.rows()] == [None, None, None, 2, 1, None, None]


def test_alias_in_another_zone() -> None:
    """The host answers with an alias only; the resolver goes on with the other name."""
    talk = Talk()
    talk.ask(0, "www.shop.example")
    alias = wire.record(wire.name("www.shop.example"), wire.CNAME, wire.name("edge.cdn.test"))
    talk.walk(10, HOST, "www.shop.example", answers=[alias], flags=AA)
    talk.walk(20, ROOT, "test", authority=[ns("test", "ns.test")], glue=[a("ns.test", TLD)])
    talk.walk(30, TLD, "edge.cdn.test", answers=[a("edge.cdn.test", "10.0.0.7")], flags=AA)
    told = [(row.step, row.zone, row.caused_by) for row in talk.rows()]
    assert told[2:] == [("root", ".", 0), ("tld", "test", 0)]


def test_name_server_without_glue() -> None:
    """Its address is looked up first; what it then answers is of the zone that it was named for."""
    talk = Talk()
    talk.ask(0, "www.shop.example")
    talk.walk(10, TLD, "shop.example", authority=[ns("shop.example", "ns.hoster.test")])
    talk.walk(20, "192.0.2.9", "ns.hoster.test", answers=[a("ns.hoster.test", HOST)], flags=AA)
    talk.walk(30, HOST, "www.shop.example", answers=[a("www.shop.example", "10.0.0.2")], flags=AA)
    told = [(row.caused_by, row.zone) for row in talk.rows()]
    assert told[2:] == [(0, None), (0, "shop.example")]


def test_keys_on_the_way() -> None:
    talk = Talk()
    talk.ask(0, "www.shop.example")
    key = wire.record(wire.name("example"), DNSKEY, b"\1\1\3\x0dkey")
    talk.walk(10, TLD, "example", DNSKEY, answers=[key], flags=AA)
    row = talk.rows()[1]
    assert (row.caused_by, row.zone, row.step) == (0, "example", "tld")


def test_nothing_is_made_up_for_a_tool() -> None:
    """Somebody asks a server directly: no resolver in the capture, so no cause."""
    talk = Talk()
    talk.walk(10, HOST, "www.shop.example", answers=[a("www.shop.example", "10.0.0.2")], flags=AA)
    (row,) = talk.rows()
    assert (row.step, row.zone, row.caused_by) == ("authoritative", None, None)


@given(st.permutations(range(13)))
def test_any_order(order: list[int]) -> None:
    """Datagrams in any order of frames: nothing raises, and a cause is a question of the client."""
    talk = whole_walk()
    shuffled = [talk.datagrams[at]._replace(frame=frame) for frame, at in enumerate(order[: len(talk.datagrams)], 1)
                if at < len(talk.datagrams)]  # fmt: skip
    rows = exchanges(shuffled)
    assert all(row.caused_by is None or rows[row.caused_by].flags.rd for row in rows)
