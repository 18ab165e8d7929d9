"""Messages and record data: hand-built bytes, an independent writer (dnspython) and hostile input."""

from __future__ import annotations

import struct

import dns.message
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.dns.cache import Messages
from analyzer.protocols.dns.messages import ODD_RECORDS, parse, text_budget
from analyzer.schema import DnsAnswer
from tests.protocols_names.wire import (
    AAAA,
    CNAME,
    MX,
    NS,
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


def test_a_query_by_hand() -> None:
    found = parse(
        bytes.fromhex(
            "db42 0100 0001 0000 0000 0001 03777777 0c6e6f72746865617374 6572 6e 03656475 00 0001 0001"
        ).replace(b"\x0cnortheastern", b"\x0cnortheastern")
        + opt(4096)
    )
    assert (found.qname, found.qtype, found.qclass) == ("www.northeastern.edu", 1, 1)
    assert (found.response, found.rcode, found.edns_udp_size, found.error) == (False, None, 4096, None)


def test_a_response_with_a_chain() -> None:
    payload = message(
        [question("www.Example.COM")],
        [
            record(pointer(12), CNAME, b"\x03cdn" + pointer(16), ttl=300),
            record(b"\x03CDN" + pointer(16), A, bytes([192, 0, 2, 1])),
            record(pointer(12), AAAA, bytes.fromhex("20010db8000000000000000000000001")),
        ],
        [record(pointer(16), NS, b"\x02ns" + pointer(16))],
        [opt(512, extended_rcode=1)],
        flags=RESPONSE | 3,
    )
    found = parse(payload)
    assert found.answers == (
        DnsAnswer("www.example.com", "CNAME", 300, "cdn.example.com"),
        DnsAnswer("cdn.example.com", "A", 60, "192.0.2.1"),
        DnsAnswer("www.example.com", "AAAA", 60, "2001:db8::1"),
    )
    assert (found.authority_count, found.additional_count) == (1, 1)
    assert found.rcode == 19  # 1 << 4 | 3, RFC 6891 section 6.1.3
    assert (found.referral, found.edns_udp_size, found.error, found.odd) == ("example.com", 512, None, ())


WHOLE = message(
    [question("example.com", MX)],
    [record(pointer(12), MX, b"\0\x0a\x04mail" + pointer(12)), record(pointer(12), TXT, b"\x03abc")],
    [record(pointer(12), NS, b"\x02ns" + pointer(12))],
    [opt()],
    flags=RESPONSE,
)


@pytest.mark.parametrize("size", range(len(WHOLE)))
def test_cut_at_any_byte(size: int) -> None:
    found = parse(WHOLE[:size])
    whole = parse(WHOLE)
    assert found.error is not None
    assert found.error_offset is not None
    assert found.answers == whole.answers[: len(found.answers)]
    assert found.qname in ("", "example.com")


def test_counts_of_a_cut_message_are_believed() -> None:
    assert parse(WHOLE[:40], cut=True).additional_count == 1
    assert parse(WHOLE[:40]).additional_count == 0


@pytest.mark.parametrize("counts", [(1, 65535, 0, 0), (65535, 0, 0, 0), (1, 1, 65535, 65535)])
def test_lying_counts(counts: tuple[int, int, int, int]) -> None:
    payload = message([question("a.b")], [record(pointer(12), A, b"\1\2\3\4")], flags=RESPONSE, counts=counts)
    found = parse(payload)
    assert found.error is not None
    assert found.qname == "a.b"


def test_no_question() -> None:
    found = parse(message([], flags=RESPONSE | 1))
    assert (found.qname, found.qtype, found.rcode, found.error) == ("", None, 1, None)


def test_the_first_of_several_questions() -> None:
    payload = message([question("a.b"), question("c.d", AAAA)], [record(pointer(12), A, b"\1\2\3\4")], flags=RESPONSE)
    found = parse(payload)
    assert (found.qname, found.questions, found.answers[0].data) == ("a.b", 2, "1.2.3.4")


def test_mdns_class_bit() -> None:
    payload = message([question("a.local", A, 0x8001)])
    assert parse(payload, multicast=True).qclass == 1
    assert parse(payload).qclass == 0x8001


IPV4 = bytes([192, 0, 2, 9])

# type, data, text: written by hand from the RFC of each type
RDATA = [
    ("A", IPV4, "192.0.2.9"),
    ("A", IPV4 + b"\0", r"\# 5 c000020900"),
    ("AAAA", bytes(15) + b"\1", "::1"),
    ("AAAA", bytes(10) + b"\xff\xff" + IPV4, "::ffff:192.0.2.9"),
    ("PTR", name("host.example"), "host.example"),
    ("PTR", name("host.example") + b"x", r"\# 15 04686f7374076578616d706c650078"),
    ("SOA", name("ns.a") + name("mail.a") + struct.pack("!5I", 1, 2, 3, 4, 5), "ns.a mail.a 1 2 3 4 5"),
    ("MX", b"\0\x0a" + name("mx.a"), "10 mx.a"),
    ("TXT", b"\x07v=spf1 \x04-all\x00", '"v=spf1 " "-all" ""'),
    ("TXT", b'\x04a"\\\xff', r'"a\"\\\255"'),
    ("TXT", b"\x05abc", r"\# 4 05616263"),
    ("SRV", struct.pack("!3H", 0, 5, 5060) + name("sip.a"), "0 5 5060 sip.a"),
    ("NAPTR", b"\0\x64\0\x0a\1u\7E2U+sip\x00" + name("."), '100 10 "u" "E2U+sip" "" .'),
    ("CAA", b"\x00\x05issueca.example.net", '0 issue "ca.example.net"'),
    ("DS", struct.pack("!HBB", 60485, 5, 1) + b"\x2b\xb1", "60485 5 1 2bb1"),  # RFC 4034 section 5.4, shortened
    ("DNSKEY", struct.pack("!HBB", 257, 3, 8) + b"\x03\x01\x00\x01", "257 3 8 AwEAAQ=="),
    (
        "RRSIG",
        struct.pack("!HBBIIIH", 1, 5, 3, 86400, 1048354263, 1045762263, 2642) + name("example.com") + b"\xa2\x03",
        "A 5 3 86400 20030322173103 20030220173103 2642 example.com ogM=",  # RFC 4034 section 3.3
    ),
    (
        "NSEC",  # RFC 4034 section 4.3: A MX RRSIG NSEC TYPE1234
        name("host.example.com")
        + bytes.fromhex("0006 400100000003 041b 000000000000000000000000000000000000000000000000000020"),
        "host.example.com A MX RRSIG NSEC TYPE1234",
    ),
    ("SVCB", b"\0\0" + name("foo.example.com"), "0 foo.example.com"),  # RFC 9460 appendix D.1
    ("HTTPS", b"\0\1\0", "1 ."),
    ("SVCB", b"\0\x10" + name("foo.example.com") + b"\0\3\0\2\0\x35", "16 foo.example.com port=53"),
    (
        "HTTPS",
        b"\0\1\0" + b"\0\1\0\6\2h2\2h3" + b"\0\4\0\4" + IPV4 + b"\0\5\0\2\1\2" + b"\2\x9b\0\5hello",
        "1 . alpn=h2,h3 ipv4hint=192.0.2.9 ech=AQI= key667=hello",
    ),
    ("SVCB", b"\0\1\0" + b"\0\3\0\2\0\1\0\1\0\3\2h2", r"\# 16 00010000030002000100010003026832"),  # wrong order
    ("SVCB", b"\0\1\0" + b"\0\1\0\4\3h2", r"\# 10 0001000001000403" + "6832"),  # short ALPN
    (
        "LOC",  # RFC 1876 section 4's cambridge-net: 42 21 54 N 71 06 18 W -24m 30m, default precisions
        bytes.fromhex("00 33 16 13 89172dd0 70be15f0 0098 8d20".replace(" ", "")),
        "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m",
    ),
    ("TLSA", b"\3\1\1\xab\xcd", "3 1 1 abcd"),
    ("TYPE65280", b"\xde\xad", r"\# 2 dead"),
]


@pytest.mark.parametrize(("rtype", "data", "text"), RDATA)
def test_record_data(rtype: str, data: bytes, text: str) -> None:
    number = dns.rdatatype.from_text(rtype)
    found = parse(message([question("a.b")], [record(pointer(12), number, data)], flags=RESPONSE))
    assert [(a.type, a.data) for a in found.answers] == [(rtype, text)]
    assert found.error is None
    assert bool(found.odd) == (text.startswith(r"\#") and rtype != "TYPE65280")


SAME_WORDS = ("A", "NS", "SOA", "MX", "SRV", "DS", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "TLSA", "SSHFP")


@given(st.sampled_from(SAME_WORDS), st.binary(min_size=1, max_size=60))
def test_record_data_against_dnspython(rtype: str, data: bytes) -> None:
    """Where an independent reader accepts the data, it gives the same words."""
    number = dns.rdatatype.from_text(rtype)
    try:
        theirs = dns.rdata.from_wire(dns.rdataclass.IN, number, data, 0, len(data)).to_text()
    except Exception:  # noqa: BLE001 - whatever it raises, it has no opinion
        return
    found = parse(message([question("a.b")], [record(pointer(12), number, data)], flags=RESPONSE))
    ours = found.answers[0].data
    if "\\" in theirs or "\\" in ours:
        return  # names with odd bytes: we escape less (a zone file's special characters are none here)
    words = [word.rstrip(".").lower() or "." for word in theirs.split()]
    assert "".join(word.lower() for word in ours.split()) == "".join(words)


WRITTEN = [
    ("MX", "10 mail.example."),
    ("TXT", '"v=spf1 -all" "second"'),
    ("SRV", "0 5 5060 sip.example."),
    ("SOA", "ns.example. admin.example. 1 7200 900 1209600 300"),
    ("NS", "ns.example."),
    ("PTR", "host.example."),
    ("CAA", '0 issue "ca.example"'),
    ("NAPTR", '100 10 "u" "E2U+sip" "!^.*$!sip:a@example!" .'),
    ("DS", "60485 8 2 " + "ab" * 32),
    ("DNSKEY", "257 3 13 AwEAAaz/tAm8yTn4Mfeh"),
    ("RRSIG", "A 13 2 300 20261201000000 20261101000000 60485 example. AwEAAaz/tAm8yTn4Mfeh"),
    ("NSEC", "b.example. A MX RRSIG NSEC"),
    ("NSEC3", "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG"),
    ("NSEC3PARAM", "1 0 0 -"),
    ("TLSA", "3 1 1 " + "cd" * 32),
    ("HTTPS", '1 . alpn="h2,h3" port="8443" ipv4hint="192.0.2.1"'),
    ("SVCB", "0 svc.example."),
]


@pytest.mark.parametrize(("rtype", "text"), WRITTEN)
def test_records_written_by_dnspython(rtype: str, text: str) -> None:
    """An independent writer makes the bytes; order of types, quotes and the final dot of names are a zone file's."""
    number = dns.rdatatype.from_text(rtype)
    data = dns.rdata.from_text(dns.rdataclass.IN, number, text).to_wire()
    found = parse(message([question("a.b")], [record(pointer(12), number, data)], flags=RESPONSE))
    keep = rtype in ("TXT", "CAA", "NAPTR")
    expected = [word.rstrip(".") or "." for word in (text if keep else text.replace('"', "")).split(" ")]
    given_words = found.answers[0].data.split(" ")
    assert (sorted(given_words) if rtype == "NSEC3" else given_words) == (
        sorted(expected) if rtype == "NSEC3" else expected
    )
    assert found.odd == ()


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    for payload in (data, WHOLE[:12] + data):
        found = parse(payload)
        assert found.error is None or found.error_offset is not None
        for answer in found.answers:
            assert answer.name.isprintable()
            assert answer.data.isprintable()


@given(st.data())
def test_any_record_data(data: st.DataObject) -> None:
    rtype = data.draw(st.sampled_from([*range(1, 66), 99, 256, 257]))
    raw = data.draw(st.binary(max_size=60))
    found = parse(message([question("a.b")], [record(pointer(12), rtype, raw)], flags=RESPONSE))
    assert found.error is None
    assert len(found.answers) == 1
    assert found.answers[0].data.isprintable()


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_one_wrong_byte(position: int, value: int) -> None:
    broken = WHOLE[:position] + bytes([value]) + WHOLE[position + 1 :]
    assert len(parse(broken).answers) <= 65535


def test_repeated_bytes_give_one_value() -> None:
    messages = Messages()
    first = messages.read(message([question("a.b")], ident=1))[0]
    assert messages.read(message([question("a.b")], ident=2))[0] is first
    assert messages.read(message([question("a.b")], ident=3), multicast=True)[0] is not first


def test_compression_does_not_blow_up() -> None:
    """Each answer stands for 2,000 characters in 14 bytes; only a bounded part is kept, all are counted."""
    long = b"".join(b"\x3f" + b"\xff" * 63 for _ in range(3)) + b"\0"
    payload = message(
        [long + struct.pack("!HH", 1, 1)], [record(pointer(12), CNAME, pointer(12))] * 4000, flags=RESPONSE
    )
    found = parse(payload)
    kept = sum(len(answer.name) + len(answer.data) for answer in found.answers)
    assert kept <= text_budget(len(payload)) + 3000
    assert len(found.answers) + found.dropped == 4000
    assert found.error is None


def test_many_unreadable_records_are_not_walked() -> None:
    payload = message([question("a.b")], [record(pointer(12), CNAME, b"\xff")] * 500, flags=RESPONSE)
    found = parse(payload)
    assert len(found.odd) == ODD_RECORDS
    assert len(found.answers) == 500


def test_a_message_written_by_dnspython() -> None:
    text = """id 1
opcode QUERY
rcode NOERROR
flags QR RD RA
;QUESTION
example.com. IN HTTPS
;ANSWER
example.com. 300 IN HTTPS 1 . alpn="h2,h3" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"
example.com. 300 IN CAA 0 issue "letsencrypt.org"
;AUTHORITY
example.com. 3600 IN SOA ns.example.com. admin.example.com. 1 2 3 4 5
;ADDITIONAL
"""
    found = parse(dns.message.from_text(text).to_wire())
    assert [answer.data for answer in found.answers] == [
        "1 . alpn=h2,h3 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1",
        '0 issue "letsencrypt.org"',
    ]
    assert (found.authority_count, found.qtype, found.error) == (1, 65, None)
    assert SOA == 6
