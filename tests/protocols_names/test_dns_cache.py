"""What is remembered of messages is what reading them anew would give, whatever came before."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from analyzer.protocols.dns.cache import Messages
from analyzer.protocols.dns.messages import Message, parse
from tests.protocols_names.wire import (
    AAAA,
    CNAME,
    NS,
    QUERY,
    RESPONSE,
    SOA,
    A,
    message,
    name,
    opt,
    pointer,
    question,
    record,
)

SAID = (
    "flags", "rcode", "qname", "qtype", "qclass", "questions", "authority_count", "additional_count", "edns_udp_size",
    "dnssec_ok", "zone", "referral", "name_servers", "glue", "chain", "error", "error_offset", "odd", "dropped",
)  # fmt: skip
ALIAS = 12 + len(question("www.example.com")) + 12
"""Where the alias's data starts in the answers below."""


def answered(ttl: int, host: bytes, *, ident: int = 1, tail: list[bytes] | None = None, flags: int = RESPONSE) -> bytes:
    """An alias and an address whose owner is a pointer to the alias's data, as servers write them."""
    records = [
        record(pointer(12), CNAME, name("edge.cdn.test"), ttl=ttl),
        record(pointer(ALIAS), A if len(host) == 4 else AAAA, host, ttl=ttl),
    ]
    return message([question("www.example.com")], records, None, tail, ident=ident, flags=flags)


def denied(ttl: int, minimum: int) -> bytes:
    data = name("ns.example") + name("admin.example") + bytes(16) + minimum.to_bytes(4, "big")
    return message([question("no.example")], None, [record(name("example"), SOA, data, ttl=ttl)], flags=RESPONSE | 3)


def referred() -> bytes:
    authority = [record(name("example"), NS, name("ns.example"))]
    return message(
        [question("a.example")], None, authority, [record(name("ns.example"), A, b"\xc0\0\2\1")], flags=0x8000
    )


def check(messages: Messages, payload: bytes) -> None:
    found, answers, negative = messages.read(payload)
    fresh = parse(payload)
    assert [getattr(found, one) for one in SAID] == [getattr(fresh, one) for one in SAID]
    assert (answers, negative) == (fresh.answers, fresh.negative_ttl)


payloads = st.one_of(
    st.builds(
        answered,
        st.integers(0, 2**32 - 1),
        st.sampled_from([bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]), bytes(15) + b"\1"]),
        ident=st.integers(0, 0xFFFF),
        tail=st.sampled_from([None, [opt()], [opt(512)], [opt(1232, 1)], [record(b"\0", A, b"\1\2\3\4")]]),
        flags=st.sampled_from([RESPONSE, RESPONSE | 0x0400, RESPONSE | 2]),
    ),
    st.builds(denied, st.integers(0, 900), st.sampled_from([60, 300])),
    st.just(referred()),
    st.builds(lambda ident: message([question("www.example.com")], None, None, [opt()], ident=ident, flags=QUERY),
              st.integers(0, 0xFFFF)),
)  # fmt: skip


@st.composite
def broken(draw: st.DrawFn) -> bytes:
    """One of them, with a few bytes changed or its end missing."""
    payload = bytearray(draw(payloads))
    for _ in range(draw(st.integers(0, 3))):
        payload[draw(st.integers(0, len(payload) - 1))] = draw(st.sampled_from([0, 1, 0x0C, 0x20, 0x29, 0xC0, 0xFF]))
    return bytes(payload[: draw(st.integers(len(payload) - 4, len(payload)))])


@given(st.lists(st.one_of(payloads, broken()), min_size=2, max_size=12))
def test_as_if_each_were_read_anew(sequence: list[bytes]) -> None:
    messages = Messages()
    for payload in sequence:
        check(messages, payload)


@given(st.integers(0, 0xFFFF))
@example(0x0161)
def test_a_name_that_borrows_letters_from_a_ttl(ttl: int) -> None:
    """The second owner points into the first record's TTL: it changes with it, so it must not be remembered."""
    head = question("a.example")
    place = 12 + len(head) + 2 + 4 + 2  # the lower half of the TTL
    messages = Messages()
    for number in (0x0162, ttl, 0x0163):
        records = [record(pointer(12), A, b"\0\0\0\0", ttl=number), record(pointer(place), A, b"\1\2\3\4")]
        check(messages, message([head], records, flags=RESPONSE))


def test_what_is_the_same_is_shared() -> None:
    """Only the answers of two messages of one shape are made anew."""
    messages = Messages()
    first = messages.read(answered(300, b"\x0a\0\0\1"))
    second = messages.read(answered(299, b"\x0a\0\0\2", ident=2))
    assert first[0] is second[0]
    assert [answer.ttl for answer in second[1]] == [299, 299]
    assert [answer.data for answer in second[1]] == ["edge.cdn.test", "10.0.0.2"]


def test_a_chain_is_told_of_a_message_alone() -> None:
    assert parse(answered(300, b"\x0a\0\0\1")).chain == ("edge.cdn.test",)
    assert Message().chain == ()


def test_a_name_made_of_the_id() -> None:
    """Compression lets a name point into the header: what it says changes with the id."""
    messages = Messages()
    for ident in (0x0161, 0x0162):
        check(
            messages, message([question("a.example")], [record(pointer(0), A, bytes(4))], ident=ident, flags=RESPONSE)
        )
        check(messages, message([pointer(0) + bytes((0, 1, 0, 1))], ident=ident))
