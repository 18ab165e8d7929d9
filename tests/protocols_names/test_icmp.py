"""ICMP: echo pairs, errors and what they quote, words."""

from __future__ import annotations

import struct
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.problems import ProblemLog
from analyzer.protocols.icmp import exchanges
from analyzer.protocols.icmp_quotes import IcmpMessage, Quote, Quoted, read_quote
from analyzer.protocols.icmp_words import meaning
from tests.build import icmp4, icmp6, ip4, ip6, tcp, udp, with_checksum

A, B, R = "10.0.0.1", "10.0.0.2", "10.0.0.254"
SIX_A, SIX_B = "2001:db8::1", "2001:db8::2"
DATA = b"abcdefgh" * 7


def seen(*packets: tuple[float, str, str, bytes], ttl: int = 64) -> list[IcmpMessage]:
    """Return (ms, source, destination, bytes) as frames 1, 2, 3 ...; an address with a colon makes it ICMPv6."""
    return [
        IcmpMessage(frame, round(ms * 1e6), src, dst, 58 if ":" in src else 1, ttl, len(data), data)
        for frame, (ms, src, dst, data) in zip(count(1), packets, strict=False)
    ]


def echo(kind: int, ident: int = 1, sequence: int = 1, data: bytes = DATA) -> bytes:
    """Return an echo request (8) or reply (0)."""
    return icmp4(kind, 0, struct.pack(">HH", ident, sequence), data)


def test_request_and_reply() -> None:
    (row,) = exchanges(seen((0, A, B, echo(8, 3, 9)), (1.25, B, A, echo(0, 3, 9))))
    assert (row.kind, row.request_frame, row.reply_frame, row.outcome) == ("echo", 1, 2, "answered")
    assert (row.source, row.destination, row.id, row.sequence, row.latency_ms) == (A, B, 3, 9, 1.25)
    assert (row.bytes, row.ttl, row.reply_ttl, row.type, row.code) == (64, 64, 64, 8, 0)
    assert row.meaning == "echo request"


def test_ipv6() -> None:
    ask, answer = (icmp6(kind, 0, struct.pack(">HH", 5, 6), DATA) for kind in (128, 129))
    ask, answer = with_checksum(ask, SIX_A, SIX_B, 58), with_checksum(answer, SIX_B, SIX_A, 58)
    (row,) = exchanges(seen((0, SIX_A, SIX_B, ask), (2, SIX_B, SIX_A, answer)))
    assert (row.outcome, row.id, row.sequence, row.latency_ms) == ("answered", 5, 6, 2.0)


def test_every_request_is_a_row_and_the_last_is_answered() -> None:
    rows = exchanges(seen((0, A, B, echo(8)), (1, A, B, echo(8)), (2, B, A, echo(0)), (3, B, A, echo(0))))
    assert [(row.request_frame, row.reply_frame, row.outcome) for row in rows] == [
        (1, None, "unanswered"),
        (2, 3, "answered"),
        (None, 4, "answered"),
    ]
    assert (rows[2].source, rows[2].destination, rows[2].latency_ms) == (A, B, None)


@pytest.mark.parametrize(
    "reply",
    [(1, B, A, echo(0, 2)), (1, B, A, echo(0, 1, 2)), (1, B, A, echo(0, data=b"x" * 56)), (1, B, "10.0.0.9", echo(0))],
    ids=["id", "sequence", "other data (a tunnel)", "other asker"],
)
def test_what_is_no_reply(reply: tuple[float, str, str, bytes]) -> None:
    first, second = exchanges(seen((0, A, B, echo(8)), reply))
    assert (first.outcome, first.reply_frame, second.request_frame) == ("unanswered", None, None)


def test_a_shortened_reply_is_one() -> None:
    (row,) = exchanges(seen((0, A, B, echo(8)), (1, B, A, echo(0, data=DATA[:20]))))
    assert row.outcome == "answered"


def test_a_group_is_answered_by_a_host() -> None:
    rows = exchanges(seen((0, A, "10.0.0.255", echo(8)), (1, B, A, echo(0)), (2, R, A, echo(0))))
    assert [(row.request_frame, row.reply_frame) for row in rows] == [(1, 2), (None, 3)]


def test_an_error_ends_an_echo() -> None:
    request = echo(8, 3, 9)
    error = icmp4(3, 1, 0, ip4(request, src=A, dst=B, proto=1)[:28])
    first, second = exchanges(seen((0, A, B, request), (3000, R, A, error)))
    assert (first.outcome, first.reply_frame) == ("error", None)
    assert (second.kind, second.request_frame, second.quoted_frame, second.outcome) == ("error", 2, 1, "error")
    assert second.meaning == "destination unreachable: host unreachable"
    assert second.hop is None


@pytest.mark.parametrize(("kind", "outcome"), [(3, "error"), (4, "unanswered"), (5, "unanswered"), (11, "error")])
def test_advice_does_not_end_an_echo(kind: int, outcome: str) -> None:
    """A redirect's packet is sent on (RFC 792); after a source quench it may have been."""
    request = echo(8, 3, 9)
    advice = icmp4(kind, 1, bytes([10, 0, 0, 2]), ip4(request, src=A, dst=B, proto=1)[:28])
    first, second = exchanges(seen((0, A, B, request), (1, R, A, advice)))
    assert (first.outcome, second.kind, second.quoted_frame) == (outcome, "error", 1)


def test_traceroute_hops() -> None:
    messages: list[IcmpMessage] = []
    for hop in (1, 2, 3):
        request = echo(8, 3, hop)
        error = icmp4(11, 0, 0, ip4(request, src=A, dst=B, proto=1, ttl=1)[:28])
        messages += [
            IcmpMessage(2 * hop, hop, A, B, 1, hop, len(request), request),
            IcmpMessage(2 * hop + 1, hop, f"10.9.{hop}.1", A, 1, 64, len(error), error),
        ]
    rows = exchanges(messages)
    assert [(row.source, row.hop, row.quoted_frame) for row in rows if row.kind == "error"] == [
        ("10.9.1.1", 1, 2),
        ("10.9.2.1", 2, 4),
        ("10.9.3.1", 3, 6),
    ]


def test_an_ordinary_ttl_is_no_hop() -> None:
    request = echo(8, 3, 1)
    error = icmp4(11, 0, 0, ip4(request, src=A, dst=B, proto=1, ttl=1)[:28])
    rows = exchanges(seen((0, A, B, request), (1, R, A, error)))
    assert (rows[1].hop, rows[1].quoted_frame) == (None, 1)


def test_quotes_are_resolved() -> None:
    probe = ip4(udp(b"x" * 30, sport=33000, dport=33434), src=A, dst=B, proto=17, ident=77)
    asked: list[Quote] = []

    def resolve(quote: Quote) -> Quoted:
        asked.append(quote)
        return Quoted(None, 5, 4)

    (row,) = exchanges(seen((0, R, A, icmp4(11, 0, 0, probe[:28]))), resolve)
    assert asked == [Quote(A, B, 17, 33000, 33434, None, 77, 1)]
    assert (row.quoted_frame, row.hop) == (5, 4)


def test_a_quoted_tcp_segment_has_its_sequence_number() -> None:
    segment = ip4(tcp(sport=40000, dport=80, seq=0xDEADBEEF), src=A, dst=B, ident=9)
    (message,) = seen((0, R, A, icmp4(3, 13, 0, segment[:28])))
    assert read_quote(message) == Quote(A, B, 6, 40000, 80, 0xDEADBEEF, 9, 1)


def test_a_quote_over_ipv6_with_an_extension() -> None:
    hop_by_hop = bytes([17, 0, 1, 4, 0, 0, 0, 0])
    packet = ip6(hop_by_hop + udp(b"", sport=1, dport=2), src=SIX_A, dst=SIX_B, next_header=0)
    (message,) = seen((0, SIX_B, SIX_A, icmp6(1, 4, 0, packet)))
    assert read_quote(message) == Quote(SIX_A, SIX_B, 17, 1, 2, None, None, 1)


@pytest.mark.parametrize("size", [0, 10, 19])
def test_a_quote_that_is_too_short(size: int) -> None:
    (message,) = seen((0, R, A, icmp4(3, 3, 0, ip4(udp(b""), proto=17)[:size])))
    assert read_quote(message) is None
    (row,) = exchanges([message])
    assert (row.kind, row.quoted_frame) == ("error", None)


def test_other_messages() -> None:
    rows = exchanges(seen((0, SIX_A, "ff02::1", icmp6(135, 0)), (1, A, "224.0.0.2", icmp4(10, 0))))
    assert [(row.kind, row.outcome, row.meaning) for row in rows] == [
        ("other", "not_applicable", "neighbor solicitation"),
        ("other", "not_applicable", "router solicitation"),
    ]


@pytest.mark.parametrize(
    ("protocol", "kind", "code", "words"),
    [
        (1, 3, 3, "destination unreachable: port unreachable"),
        (1, 11, 0, "time exceeded: TTL expired in transit"),
        (58, 1, 4, "destination unreachable: port unreachable"),
        (58, 2, 0, "packet too big"),
        (1, 200, 7, "type 200, code 7"),
        (58, 3, 9, "time exceeded, code 9"),
    ],
)
def test_words(protocol: int, kind: int, code: int, words: str) -> None:
    assert meaning(protocol, kind, code) == words


@pytest.mark.parametrize("size", range(9))
def test_short_messages(size: int) -> None:
    problems = ProblemLog()
    rows = exchanges(seen((0, A, B, echo(8)[:size])), None, problems)
    assert problems.counts == ({"ICMP-SHORT": 1} if size < 4 else {})
    assert len(rows) == (size > 0)


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=80)), max_size=12))
def test_any_bytes(parts: list[tuple[bool, bytes]]) -> None:
    packets = [(i, SIX_A if six else A, SIX_B if six else B, data) for i, (six, data) in enumerate(parts)]
    rows = exchanges(seen(*packets), lambda quote: Quoted(1, quote.error_frame, 3))
    frames = [f for row in rows for f in (row.request_frame, row.reply_frame) if f is not None]
    assert sorted(frames) == [i + 1 for i, (_, data) in enumerate(parts) if data]


def test_a_quote_along_a_source_route() -> None:
    """The header names the next stop, the option the far end; the packet is searched for by its header."""
    route = bytes([137, 7, 4]) + bytes([192, 0, 2, 1])
    probe = ip4(udp(b"", sport=1, dport=2), src=A, dst=B, proto=17, ident=7, options=route)
    (message,) = seen((0, R, A, icmp4(3, 5, 0, probe)))
    assert read_quote(message) == Quote(A, "192.0.2.1", 17, 1, 2, None, 7, 1, stop=B)
    (row,) = exchanges([message])
    assert (row.quoted_destination, row.quoted_source, row.quoted_protocol) == ("192.0.2.1", A, "udp")
    assert (row.quoted_source_port, row.quoted_port) == (1, 2)


@pytest.mark.parametrize(
    ("source", "message", "mtu"),
    [
        (R, icmp4(3, 4, 1400), 1400),  # RFC 1191 section 4: the low 16 bits of the second word
        (R, icmp4(3, 4, 0), None),  # a router older than that
        (R, icmp4(3, 3, 1400), None),
        (SIX_B, icmp6(2, 0, 1280), 1280),  # RFC 4443 section 3.2: all of the second word
        (SIX_B, icmp6(3, 0, 1280), None),
    ],
)
def test_next_mtu(source: str, message: bytes, mtu: int | None) -> None:
    (row,) = exchanges(seen((0, source, SIX_A if ":" in source else A, message)))
    assert row.mtu == mtu


def test_router_of_a_redirect() -> None:
    """RFC 792: the second word; RFC 4861 section 4.5: the target address, and the destination behind it."""
    target, destination = bytes.fromhex("fe80" + "0" * 27 + "1"), bytes.fromhex("20010db8" + "0" * 23 + "9")
    four, six = exchanges(
        seen(
            (0, R, A, icmp4(5, 1, bytes([10, 0, 0, 253]), ip4(udp(b""), src=A, dst=B, proto=17))),
            (1, SIX_B, SIX_A, icmp6(137, 0, 0, target + destination)),
        )
    )
    assert (four.gateway, four.quoted_destination) == ("10.0.0.253", B)
    assert (six.gateway, six.quoted_destination, six.kind) == ("fe80::1", "2001:db8::9", "other")


def test_time_since_the_quoted_ping() -> None:
    request = ip4(echo(8), src=A, dst=B, proto=1)
    first, error = exchanges(seen((0, A, B, echo(8)), (2.5, R, A, icmp4(11, 0, 0, request[:28])), ttl=3))
    assert (first.outcome, error.quoted_frame, error.quoted_ms, error.hop) == ("error", 1, 2.5, 3)


def test_a_ping_in_a_circle_has_no_hop() -> None:
    """Seen with 64, 62 ... 2 hops to live: that was no traceroute."""
    packets = [IcmpMessage(n + 1, n * 1000, A, B, 1, ttl, 64, echo(8)) for n, ttl in enumerate(range(64, 0, -2))]
    error = IcmpMessage(99, 10**6, R, A, 1, 64, 36, icmp4(11, 0, 0, ip4(echo(8), src=A, dst=B, proto=1)[:28]))
    row = exchanges([*packets, error])[-1]
    assert (row.quoted_frame, row.quoted_ttl, row.hop) == (32, 64, None)


def test_the_same_ping_a_minute_later_is_another_packet() -> None:
    """A monitor that always sends the same ping, and then a traceroute that looks like it."""
    first = IcmpMessage(1, 0, A, B, 1, 64, 64, echo(8))
    probe = IcmpMessage(2, 60 * 10**9, A, B, 1, 1, 64, echo(8))
    quoted = ip4(echo(8), src=A, dst=B, proto=1)[:28]
    error = IcmpMessage(3, 60 * 10**9 + 10**6, R, A, 1, 64, 36, icmp4(11, 0, 0, quoted))
    row = exchanges([first, probe, error])[-1]
    assert (row.quoted_frame, row.quoted_ttl, row.hop) == (2, 1, 1)
