"""Detection by bytes: each signature found on any port, and nothing found in bytes that are none of them."""

from __future__ import annotations

import pytest

from analyzer.protocols.detect import application
from tests.http1.talk import Hole, Turn, conversation

CLIENT_HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(32)
# 46 bytes: ClientHello 3.1, 21 bytes of ciphers, no session, 16 bytes of challenge (RFC 5246 appendix E.2)
SSLV2_HELLO = bytes.fromhex("802e0103010015000000100100800700c00300800600400200800400800000") + bytes(17)
# 29 bytes: www.example A? IN (RFC 1035 section 4.2.2)
DNS_QUERY = bytes.fromhex("001d123401000001000000000000 03777777076578616d706c6500 00010001")


@pytest.mark.parametrize(
    ("turns", "name"),
    [
        ([("c", CLIENT_HELLO)], "tls"),
        ([("s", bytes.fromhex("160303007a020000760303") + bytes(40))], "tls"),
        ([("c", bytes.fromhex("1703030045") + bytes(69))], "tls"),
        ([("c", SSLV2_HELLO)], "tls"),
        ([("c", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))], "http2"),
        ([("s", b"SSH-2.0-OpenSSH_9.6\r\n")], "ssh"),
        ([("c", DNS_QUERY)], "dns"),
        ([("c", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")], "http1"),
        ([("s", b"HTTP/1.0 404 Not Found\r\n\r\n")], "http1"),
        ([("c", b"GET /" + b"long" * 800)], "http1"),
        ([("c", b"OPTIONS rtsp://a/b RTSP/1.0\r\nCSeq: 1\r\n\r\n")], "rtsp"),
        ([("c", b"INVITE sip:b@example SIP/2.0\r\nVia: x\r\n\r\n")], "sip"),
        ([("s", b"220 mail.example ESMTP\r\n"), ("c", b"EHLO a\r\n")], "smtp"),
        ([("s", b"220 FTP server\r\n")], "ftp"),
        ([("s", b"+OK ready\r\n")], "pop3"),
        ([("s", b"* OK IMAP4rev1\r\n")], "imap"),
        ([("c", b"\x05\x01\x00"), ("s", b"\x05\x00")], "socks"),
        ([("c", b"\x00\x00\x00\x54\xffSMBr" + bytes(20))], "smb"),
        # HTTP that does not stand first
        ([("c", b"\x05\x01\x00"), ("s", b"\x05\x00"), ("c", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")], "http1"),
        ([("s", b"rest of a body"), ("s", b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n")], "http1"),
        ([("s", Hole(bytes(1460))), ("s", b"zzzz"), ("s", b"HTTP/1.1 304 Not Modified\r\nDate: x\r\n\r\n")], "http1"),
        # none of them
        ([("c", b"hello\r\n"), ("s", b"hello yourself\r\n")], "unknown"),
        ([("c", b"GET out of here\r\n")], "unknown"),
        ([("c", b"\x16\x03\x01\xff\xff")], "unknown"),
        ([("c", bytes(200))], "unknown"),
        ([], "unknown"),
    ],
)
def test_by_bytes_on_an_odd_port(turns: list[Turn], name: str) -> None:
    assert application(conversation(turns, server_address=("10.0.0.2", 61234))) == name


@pytest.mark.parametrize("port", [80, 443, 8080])
def test_the_port_alone_says_nothing(port: int) -> None:
    talk = conversation([("c", b"\xfe" + bytes(range(200, 100, -1)))], server_address=("10.0.0.2", port))
    assert application(talk) == "unknown"


def test_dns_answer_is_believed_on_its_own_port_only() -> None:
    answer = bytes.fromhex("0040123481800001000100000000") + bytes(52)
    assert application(conversation([("s", answer)], server_address=("10.0.0.2", 53))) == "dns"
    assert application(conversation([("s", answer)], server_address=("10.0.0.2", 61234))) == "unknown"
