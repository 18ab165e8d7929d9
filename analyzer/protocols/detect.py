"""Which application protocol a TCP connection carries, by its first bytes; ports only break ties.

Every signature is a statement about bytes at the beginning of a direction (or, for what may start later, of one of
its first segments), so a protocol is found on any port, and a port without its protocol is ``unknown``. Looking
costs a few short reads.

Names: http1, http2, tls, dns, ssh, rtsp, sip, smtp, ftp, pop3, imap, smb, bittorrent, socks, unknown.
``websocket`` is decided later, by the http1 exchange that switches to it.

Sources: RFC 9112 (HTTP/1.1), RFC 9113 section 3.4 (HTTP/2 preface), RFC 8446 section 5.1 and RFC 5246 appendix E
(TLS, SSLv2 hello), RFC 1035 section 4.2.2 (DNS over TCP), RFC 4253 section 4.2 (SSH), RFC 7826 (RTSP), RFC 3261 (SIP),
RFC 5321, 959, 1939, 9051 (greetings), RFC 1928 (SOCKS).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from analyzer.flows.stream import ByteStream
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import grammar, resync

LOOK_BYTES = 24
"""Enough for every fixed signature."""

LINE_BYTES = 2048
"""A request line is looked at this far for its version."""

SEGMENTS_SEARCHED = 24
"""Segments of each direction searched for an HTTP message that does not stand first (midstream, behind a proxy's
greeting, after bytes that were not captured)."""

DNS_PORTS = frozenset({53, 5353})

_HTTP_RESPONSE = re.compile(rb"(?:HTTP/\d{1,2}\.\d{1,2}|ICY) {1,3}\d{3}", re.IGNORECASE)
_SPELLED = re.compile(rb"(?P<http>HTTP)|(?P<rtsp>RTSP)|(?P<sip>SIP)")

_COMMON_METHODS = (b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELETE ", b"OPTIONS ")
_COMMON_REQUEST = re.compile(rb"[A-Z]+ [^\x00-\x20\x7f]{1,1500} HTTP/1\.[01]\r?\n")

_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"PRI * HTTP/2.0\r\n", "http2"),
    (b"SSH-", "ssh"),
    (b"RTSP/1.0 ", "rtsp"),
    (b"RTSP/2.0 ", "rtsp"),
    (b"SIP/2.0 ", "sip"),
    (b"\x13BitTorrent protocol", "bittorrent"),
    (b"+OK ", "pop3"),
    (b"* OK ", "imap"),
)
"""First bytes of either direction that leave no doubt."""


def _is_tls(head: bytes) -> bool:
    """A TLS record header with a believable length, or the hello of SSLv2 clients."""
    if len(head) >= 5 and head[0] in (20, 21, 22, 23) and head[1] == 3 and head[2] <= 4:
        size = head[3] << 8 | head[4]
        if not 0 < size <= 16_384 + 2048:
            return False
        return head[0] != 22 or len(head) < 6 or head[5] in (0, 1, 2, 4, 11, 12, 13, 14, 15, 16, 20) or size >= 40
    if (
        len(head) >= 11
        and head[0] & 0x80
        and head[2] == 1
        and head[3:5] in (b"\0\x02", b"\x03\0", b"\x03\1", b"\x03\2", b"\x03\3")
    ):
        size, ciphers, session, challenge = (head[i] << 8 | head[i + 1] for i in (0, 5, 7, 9))
        return ciphers % 3 == 0 and size & 0x7FFF == 9 + ciphers + session + challenge
    return False


def _is_dns(head: bytes, known_port: bool) -> bool:
    """A two-byte length and a message header with few, believable counts."""
    if len(head) < 14:
        return False
    size, flags, questions, answers, authority, additional = (head[i] << 8 | head[i + 1] for i in (0, 4, 6, 8, 10, 12))
    opcode, reserved = flags >> 11 & 15, flags & 0x40
    if size < 12 or opcode > 6 or reserved or questions > 1:
        return False
    if known_port:
        return questions + answers + authority + additional > 0
    return (
        questions == 1
        and not answers
        and not authority
        and additional <= 1
        and flags & 0x8000 == 0
        and 17 <= size <= 512
    )


def _request_kind(stream: ByteStream, offset: int) -> str | None:
    """Return http1, rtsp or sip for a request line at ``offset``, None when there is none."""
    text = stream.read(offset, LINE_BYTES)
    line, newline, _ = text.lstrip(b"\r\n").partition(b"\n")
    method = grammar.could_be_request(line)
    if newline:
        last = line.rstrip().rpartition(b" ")[2]
        named = _SPELLED.match(last)
        if named is not None and b"/" in last:
            kind = named.lastgroup
            return (
                "http1"
                if kind == "http" and grammar.request_line(line.removesuffix(b"\r"))
                else kind
                if kind != "http"
                else None
            )
        return "http1" if method == b"GET" and line[4:5] == b"/" else None
    # The line is longer than what was looked at, or cut: a known method and a target must do.
    return "http1" if method is not None and line[len(method) + 1 :][:1] in (b"/", b"h", b"*") else None


def _greeting(head: bytes, server_port: int) -> str | None:
    if head[:4] in (b"220 ", b"220-"):
        return "ftp" if server_port in (20, 21) or b"FTP" in head.upper() else "smtp"
    if head[:1] == b"\0" and head[4:8] in (b"\xffSMB", b"\xfeSMB", b"\xfdSMB"):
        return "smb"
    return None


def _is_socks(client: bytes, server: bytes) -> bool:
    if client[:1] == b"\x05" and len(client) >= 3 and server[:1] == b"\x05" and len(server) >= 2:
        return client[1] + 2 <= max(len(client), 3) and (server[1] in client[2 : 2 + client[1]] or server[1] == 0xFF)
    return (
        client[:1] == b"\x04" and client[1:2] in (b"\1", b"\2") and server[:1] == b"\0" and server[1:2] in (b"Z", b"[")
    )


def _first(stream: ByteStream) -> tuple[int, bytes] | None:
    offset = stream.next_captured(stream.start)
    return None if offset is None else (offset, stream.read(offset, LOOK_BYTES))


def _searched(stream: ByteStream, proves: Callable[[ByteStream, int], bool]) -> bool:
    starts = stream.piece_starts(stream.start, min(stream.end, stream.start + (1 << 20)))
    return any(proves(stream, start) for start in starts[:SEGMENTS_SEARCHED])


def _by_head(conversation: Conversation, stream: ByteStream, offset: int, head: bytes) -> str | None:
    """Judge one direction by its first bytes."""
    if head.startswith(_COMMON_METHODS) and _COMMON_REQUEST.match(stream.read(offset, LINE_BYTES)):
        return "http1"  # what nearly all of it looks like, without asking for everything else first
    for prefix, name in _PREFIXES:
        if head.startswith(prefix[: len(head)]) and len(head) >= min(len(prefix), 4):
            return name
    if _HTTP_RESPONSE.match(head.lstrip(b"\r\n")):
        return "http1"
    if _is_tls(head):
        return "tls"
    if (greeting := _greeting(head, conversation.server_address[1])) is not None:
        return greeting
    ports = {conversation.client_address[1], conversation.server_address[1]}
    if _is_dns(head, bool(ports & DNS_PORTS)):
        return "dns"
    return _request_kind(stream, offset)


def application(conversation: Conversation) -> str:
    """Return the application protocol of a connection, ``unknown`` when no signature fits.

    Both directions are judged by their first bytes, the client's first; then their first segments are searched for
    HTTP that does not stand at the beginning (midstream, or behind the handshake of a proxy).
    """
    heads: list[bytes] = []
    for stream in (conversation.client, conversation.server):
        found = _first(stream)
        heads.append(found[1] if found is not None else b"")
        if found is not None and (name := _by_head(conversation, stream, *found)) is not None:
            return name
    for stream in (conversation.client, conversation.server):
        if len(stream) and (_searched(stream, resync.request_at) or _searched(stream, resync.response_at)):
            return "http1"
    return "socks" if _is_socks(*heads) else "unknown"
