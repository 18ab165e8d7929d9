"""No secret that the report masks is in any evidence, however it was cut into segments.

All secrets of these captures are spelled with Q, Z and J, and nothing else in their payloads is: one such byte that is
kept gives a secret away.
"""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.evidence.heads import covered
from analyzer.masking import MASKED
from tests import build
from tests.evidence.cited import analyzed, cite, data
from tests.playbook import Playbook, Segment

LETTERS = b"QZJ"
REQUEST = (
    b"POST /login?user=ann&token=QZJQQZ&page=2 HTTP/1.1\r\n"
    b"Host: shop.example\r\n"
    b"Cookie: sid=ZQJZQ; theme=dark-QZ\r\n"
    b"Authorization: Basic QZQZJJ==\r\n"
    b"X-Api-Key: JJZQ\r\n"
    b"Referer: http://ann:QJQJ@shop.example/a?password=ZZQJ\r\n"
    b"Content-Length: 22\r\n"
    b"\r\n"
)
SHOWN_REQUEST = (
    b"POST /login?user=ann&token=xxxxxx&page=2 HTTP/1.1\r\n"
    b"Host: shop.example\r\n"
    b"Cookie: sid=xxxxx; theme=xxxxxxx\r\n"
    b"Authorization: Basic xxxxxxxx\r\n"
    b"X-Api-Key: xxxx\r\n"
    b"Referer: http://ann:xxxx@shop.example/a?password=xxxx\r\n"
    b"Content-Length: 22\r\n"
    b"\r\n"
)
BODY = b"user=ann&password=QZJZ"
RESPONSE = (
    b"HTTP/1.1 200 OK\r\n"
    b"Set-Cookie: sid=QQZZ; Path=/; HttpOnly\r\n"
    b"Location: /home#access_token=JZJZ\r\n"
    b"Content-Length: 5\r\n"
    b"\r\n"
)
SHOWN_RESPONSE = (
    b"HTTP/1.1 200 OK\r\n"
    b"Set-Cookie: sid=xxxx; Path=/; HttpOnly\r\n"
    b"Location: /home#access_token=xxxx\r\n"
    b"Content-Length: 5\r\n"
    b"\r\n"
)
ANSWER = b"QZQZJ"


def spoken(*requests: bytes, port: int = 40_000) -> tuple[Playbook, list[int], list[int]]:
    """Return a conversation whose two messages are cut into the given segments, and the frames that carry them."""
    p = Playbook(client_port=port, rtt_ms=1)
    p.handshake()
    asked = [frame for part in requests for frame in p.client.send(part)]
    p.server.ack()
    told = p.server.send(RESPONSE + ANSWER)
    p.client.ack()
    return p, asked, told


def test_every_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection for each place at which the request can be cut in two, and one for each of the response."""
    cite(monkeypatch)
    whole = REQUEST + BODY
    packets: list[tuple[int, bytes]] = []
    asked: list[list[int]] = []
    told: list[list[int]] = []
    for cut in range(1, len(whole)):
        p, frames, _ = spoken(whole[:cut], whole[cut:], port=10_000 + cut)
        asked.append([len(packets) + frame for frame in frames])
        packets += p.packets
    for cut in range(1, len(RESPONSE + ANSWER)):
        p = Playbook(client_port=20_000 + cut, rtt_ms=1)
        p.handshake()
        p.client.send(whole)
        p.server.ack()
        frames = p.server.send((RESPONSE + ANSWER)[:cut]) + p.server.send((RESPONSE + ANSWER)[cut:])
        told.append([len(packets) + frame for frame in frames])
        packets += p.packets
    analysis = analyzed(tmp_path, build.pcap_file(packets, nanoseconds=True))
    assert len(analysis.evidence.packets) == len(packets)
    for frame in analysis.evidence.packets:
        assert not set(data(analysis, frame)) & set(LETTERS), frame
    for pair in asked:
        assert b"".join(data(analysis, frame) for frame in pair) == SHOWN_REQUEST
    for pair in told:
        assert b"".join(data(analysis, frame) for frame in pair) == SHOWN_RESPONSE
    assert all(len(packet.data) <= packet.wire for packet in analysis.evidence.packets.values())


def test_byte_by_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cite(monkeypatch)
    p, asked, told = spoken(*(bytes([byte]) for byte in REQUEST + BODY))
    analysis = analyzed(tmp_path, p.pcap())
    assert b"".join(data(analysis, frame) for frame in asked) == SHOWN_REQUEST
    assert b"".join(data(analysis, frame) for frame in told) == SHOWN_RESPONSE


def test_sent_again_in_other_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cite(monkeypatch)
    p, asked, _ = spoken(REQUEST)
    again = p.emit(Segment("client", 20, REQUEST[20:90]))
    analysis = analyzed(tmp_path, p.pcap())
    assert data(analysis, asked[0]) == SHOWN_REQUEST
    assert data(analysis, again[0]) == SHOWN_REQUEST[20:90]


def test_a_copy_that_says_something_else_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another secret, moved by a byte, at the place of the first one: by position it would be shown."""
    cite(monkeypatch)
    p, asked, _ = spoken(REQUEST)
    other = REQUEST.replace(b"user=ann&token=QZJQQZ", b"user=a&token=QZJQQZQZ")
    assert len(other) == len(REQUEST)
    copy = p.emit(Segment("client", 0, other))
    analysis = analyzed(tmp_path, p.pcap())
    assert data(analysis, asked[0]) == SHOWN_REQUEST
    assert data(analysis, copy[0]) == b""


def test_shown_as_captured_when_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cite(monkeypatch)
    p, asked, told = spoken(REQUEST, BODY)
    analysis = analyzed(tmp_path, p.pcap(), reveal=True)
    assert data(analysis, asked[0]) == REQUEST
    assert data(analysis, asked[1]) == BODY
    assert data(analysis, told[0]) == RESPONSE + ANSWER
    assert [packet.data for packet in analysis.evidence.packets.values()] == [packet for _, packet in p.packets]


HEADS = (
    b"GET / HTTP/1.1\r\nHost: a.example\r\nX-Token:\r\n QZQZ\r\n\r\n",  # folded
    b"GET / HTTP/1.1\nHost: a.example\nCookie: QZ=QZ\n\n",  # bare line feeds
    b"GET / HTTP/1.1\r\nHost: a.example\r\nCookie : sid=QZQ\r\n\r\n",  # a blank before the colon
    b"GET / HTTP/1.1\r\nHost: a.example\r\nQZQZ password QZ\r\n\r\n",  # no field at all
    b"GET / HTTP/1.1\r\nHost: a.example\r\nCookie: sid=\xc3\xa9QZ\xff; b=QZ\r\n\r\n",  # no ASCII
    b"GET /a b?token=QZQZ HTTP/1.1\r\nHost: a.example\r\n\r\n",  # a blank in the target
    b"GET /?name=password&value=QZQZ HTTP/1.1\r\nHost: a.example\r\n\r\n",  # one field names the other
    b"GET /?u=http%3A%2F%2Fb.example%2F%3Ftoken%3DQZQZ HTTP/1.1\r\nHost: a.example\r\n\r\n",  # a URL in a URL
    b"GET /?token=QZ;QZ&a=1 HTTP/1.1\r\nHost: u:QZ@a.example\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.example\r\nX-A: {\"password\": \"QZQ; b\", 'token': 'ZZZ'}\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a.example\r\nCookie: a=xx; b=; c=QZ;QZ; d\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: a=QZ; QZ=QZ\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 401 token=QZQZ\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nSet-Cookie: a=QZ, b=ZQ; Path=/QZ?token=Q\r\nContent-Length: 0\r\n\r\n",
)


def masked_names(text: bytes) -> bytes:
    """Cookies' names are shown in the report, too; here one is spelled like a secret."""
    return text.replace(b"QZ=", b"").replace(b"Path=/QZ", b"")


@pytest.mark.parametrize("head", HEADS, ids=range(len(HEADS)))
def test_odd_heads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    cite(monkeypatch)
    p = Playbook(rtt_ms=1)
    p.handshake()
    is_response = head.startswith(b"HTTP")
    frames = p.client.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n" if is_response else head)
    p.server.ack()
    frames += p.server.send(head if is_response else b"HTTP/1.1 204 No\r\n\r\n")
    p.client.ack()
    analysis = analyzed(tmp_path, p.pcap())
    kept = b"".join(data(analysis, frame) for frame in frames)
    assert not set(masked_names(kept)) & set(LETTERS), kept
    assert b"HTTP/1.1" in kept or b"x" in kept


@given(st.lists(st.tuples(st.text("ab=; x[]m", max_size=4), st.text("QZ=; a[", min_size=1, max_size=5)), max_size=4))
def test_what_was_masked_is_covered(parts: list[tuple[str, str]]) -> None:
    """Whatever stands around secrets, also the same text as in them: not one byte of a secret is left."""
    raw, shown, secret = "", "", []
    for plain, hidden in parts:
        raw += plain + hidden
        shown += plain + MASKED
        secret += [False] * len(plain) + [True] * len(hidden)
    out = covered(raw.encode(), shown)
    assert len(out) == len(raw)
    for was, now, is_secret in zip(raw.encode(), out, secret, strict=True):
        assert now == ord("x") if is_secret and raw != shown else now in (was, ord("x"))


def test_bodies_and_unknown_data_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cite(monkeypatch)
    http = build.tcp(REQUEST + BODY, seq=1, flags="PA")
    packets = [
        build.eth(build.ip4(build.udp(b"QZJQZJQZJ", sport=5000, dport=6000), proto=17)),
        build.eth(build.ip4(build.udp(b"QZJ" * 9, sport=5000, dport=53), proto=17)),
        build.eth(build.ip4(build.udp(b"QZJ" * 99, sport=68, dport=67), proto=17)),
        build.eth(build.ip4(build.udp(b"\x02QZJ" * 9, sport=8000, dport=8000), proto=17)),
        build.eth(build.ip4(build.tcp(b"QZJ secret", dport=9999, flags="PA"))),
        build.eth(build.ip4(build.icmp4(8, 0, 1, b"QZJ"), proto=1)),
        build.eth(build.ip4(build.icmp4(3, 1, 0, build.ip4(http)), proto=1)),
        build.eth(build.ip6(build.icmp6(1, 0, 0, build.ip6(http)), next_header=58), ethertype=0x86DD),
        build.eth(build.ip4(b"QZJQZJQZ", proto=17, flags=1)),
        build.eth(build.ip4(b"QZJQZJQZ", proto=17, frag=1)),
        build.eth(build.ip4(b"QZJ", proto=200)),
        build.eth(b"QZJ" * 20, ethertype=0x88CC),
        build.eth(b"QZJ" * 20, ethertype=20),
        build.eth(build.arp(1, "02:00:00:00:00:01", "10.0.0.1", "00:00:00:00:00:00", "10.0.0.2") + b"QZJ" * 6,
                  ethertype=0x0806),
        build.eth(build.ip4(build.ip4(http), proto=4)),
        build.eth(build.ip4(b"\1\2\3", proto=6)),
        b"QZJ",
    ]  # fmt: skip
    packets += [packet + b"QZJQZJ" for packet in packets]  # behind the end of the IP packet: padding, or a leak
    analysis = analyzed(tmp_path, build.pcap_file([(n + 1, packet) for n, packet in enumerate(packets)]))
    assert len(analysis.evidence.packets) == len(packets)
    for frame, packet in analysis.evidence.packets.items():
        assert not set(packet.data) & set(LETTERS), (frame, packet.data)
        assert packet.wire == len(packets[frame - 1])


def test_what_a_packet_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cite(monkeypatch)
    query = bytes.fromhex("00010100000100000000000003777777076578616d706c65000001 0001".replace(" ", ""))
    icmp = build.icmp4(3, 3, 0, build.ip4(build.udp(b"payload"), proto=17))
    packets = [
        (build.eth(build.ip4(build.udp(query), proto=17)), None),
        (build.eth(build.ip4(build.udp(query), proto=17), vlan=5), None),
        (build.eth(build.arp(2, "02:00:00:00:00:01", "10.0.0.1", "02:00:00:00:00:02", "10.0.0.2"),
                   ethertype=0x0806), None),
        (build.eth(build.ip4(icmp, proto=1)), 14 + 20 + 8 + 20 + 8),
        (build.eth(build.ip4(build.tcp(b"unknown", dport=9999, flags="PA"), options=b"\1\1\1\0")), 14 + 24 + 20),
        (build.eth(build.ip4(b"12345678", proto=17, frag=2), vlan=(7, 8)), 14 + 8 + 20),
        (build.eth(bytes(6) + b"\x08\x00" + build.ip4(b"12345678", proto=17, frag=2), ethertype=0x893F), 14 + 8 + 20),
    ]  # fmt: skip
    analysis = analyzed(tmp_path, build.pcap_file([(n + 1, packet) for n, (packet, _) in enumerate(packets)]))
    for frame, (packet, size) in enumerate(packets, 1):
        assert analysis.evidence.packets[frame].data == packet[:size], frame


def hello(*records: bytes) -> bytes:
    return b"".join(struct.pack(">BHH", record[0], 0x0303, len(record) - 1) + record[1:] for record in records)


def test_of_tls_the_clear_handshake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cite(monkeypatch)
    random = bytes(range(32))
    body = b"\x03\x03" + random + b"\0" + b"\0\2\x13\x01" + b"\1\0" + b"\0\0"
    client_hello = b"\x01" + len(body).to_bytes(3, "big") + body
    server_body = b"\x03\x03" + random + b"\0" + b"\x13\x01" + b"\0" + b"\0\0"
    server_hello = b"\x02" + len(server_body).to_bytes(3, "big") + server_body
    p = Playbook(server_port=443, rtt_ms=1)
    p.handshake()
    asked = p.client.send(hello(b"\x16" + client_hello))
    p.server.ack()
    told = p.server.send(hello(b"\x16" + server_hello, b"\x14\1", b"\x17QZJQZJ"))
    p.client.ack()
    later = p.client.send(hello(b"\x14\1", b"\x17" + b"QZJ" * 9))
    later += p.client.send(hello(b"\x17" + b"QZJ" * 9))
    analysis = analyzed(tmp_path, p.pcap())
    assert data(analysis, asked[0]) == hello(b"\x16" + client_hello)
    assert data(analysis, told[0]) == hello(b"\x16" + server_hello, b"\x14\1") + b"\x17\x03\x03\0\6"
    assert data(analysis, later[0]) == hello(b"\x14\1") + b"\x17\x03\x03\0\x1b"
    assert data(analysis, later[1]) == b""
