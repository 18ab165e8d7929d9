"""Writes ``hostile.pcapng``: a capture in which everything that anybody can write is an attack.

Run ``python -m tests.hostile.make``. The same script gives the same bytes: times, keys and serial numbers are fixed,
and Ed25519 signs without chance (RFC 8032). A test holds script and file equal.

Nothing here is broken more than it has to be: lengths and checksums are right, so that the attacks are read, and shown.
"""

from __future__ import annotations

import datetime
import ipaddress
import struct
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from tests import build
from tests.playbook import START_NS, Playbook

HERE = Path(__file__).resolve().parent
FILE = HERE / "hostile.pcapng"

SCRIPT = "</script><script>alert(1)</script>"
SVG = '"><svg onload=alert(2)>'
TEMPLATE = "{{7*7}}{% raw %}${7*7}"
FORMULA = '=HYPERLINK("http://evil.example/f","x")'
COMMAND = "@SUM(1+1)*cmd|'/C calc'!A0"
SPAN = '<span style="background:url(http://evil.example/x)">'
LINK = "<a href='http://evil.example/a'>go</a>"
IMAGE = "<img src=http://evil.example/i onerror=alert(3)>"
ADDRESS = "javascript:alert(4)"
BACKWARDS = "\u202egnp.exe\u2066"
ANSI = "\x1b[31mred\x1b]0;owned\x07\x9b1m"
NOTHING = "nul\0nul"
COMMENT = "<!--<script>\u2028\u2029]]>"
ATTACKS = (SCRIPT, SVG, TEMPLATE, FORMULA, COMMAND, SPAN, LINK, IMAGE, ADDRESS, BACKWARDS, ANSI, NOTHING, COMMENT)

LONG = SVG + "A" * 65_536
"""More than anybody reads, and more than one TCP segment holds."""

FILE_NAME = f"{SVG}{TEMPLATE}{BACKWARDS}\x1b[31m=1+1<b>.pcapng"
"""A file name, too, is written by somebody else; without the slash and NUL that none can have."""

CLIENT, SERVER, RESOLVER, ROUTER = "10.0.0.1", "10.0.0.2", "10.0.0.53", "10.0.0.254"
MS = 1_000_000
Packets = list[tuple[int, bytes]]


def at(ms: float) -> int:
    return START_NS + round(ms * MS)


def udp(payload: bytes, source: str, sport: int, destination: str, dport: int) -> bytes:
    away = source in (CLIENT, "0.0.0.0")
    macs = {} if away else {"src": build.MAC_B, "dst": build.MAC_A}
    datagram = build.udp(payload, sport=sport, dport=dport)
    return build.eth(build.ip4(datagram, src=source, dst=destination, proto=17), **macs)


# ── names and leases ─────────────────────────────────────────────────────────────────────────────────────────────


def label(text: str) -> bytes:
    """Return a label of up to 63 bytes, without a dot: it would only be text."""
    raw = text.encode()[:63]
    return bytes([len(raw)]) + raw


def name(text: str) -> bytes:
    return label(text) + label("evil") + label("example") + b"\0"


def strings(text: str) -> bytes:
    raw = text.encode()[:255]
    return bytes([len(raw)]) + raw


def record(rtype: int, data: bytes) -> bytes:
    return b"\xc0\x0c" + struct.pack(">HHIH", rtype, 1, 300, len(data)) + data


def lookups() -> Packets:
    """A, TXT and CNAME for each attack; every third is an error, every fifth gets no answer."""
    out: Packets = []
    for n, attack in enumerate(ATTACKS):
        for k, rtype in enumerate((1, 16)):
            ident, port, time = 256 + 2 * n + k, 50_000 + 2 * n + k, at(10 + 20 * n + 5 * k)
            question = name(attack) + struct.pack(">HH", rtype, 1)
            query = struct.pack(">HHHHHH", ident, 0x0100, 1, 0, 0, 0) + question
            out.append((time, udp(query, CLIENT, port, RESOLVER, 53)))
            if n % 5 == 4:
                continue
            alias = name(ATTACKS[n - 1])
            answers = [record(5, alias), record(1, ipaddress.IPv4Address(SERVER).packed)]
            if rtype == 16:
                answers = [record(16, strings(attack) + strings(ATTACKS[n - 2]))]
            failed = n % 3 == 2
            flags, count = (0x8183, 0) if failed else (0x8180, len(answers))
            response = struct.pack(">HHHHHH", ident, flags, 1, count, 0, 0) + question
            response += b"" if failed else b"".join(answers)
            out.append((time + 2 * MS, udp(response, RESOLVER, 53, CLIENT, port)))
    return out


def lease() -> Packets:
    """DHCP with host name, domain, vendor class and message (RFC 2132 sections 3.14, 3.17, 9.9, 9.13)."""
    mac = build.mac(build.MAC_A)

    def message(op: int, kind: int, yours: str, *options: tuple[int, str]) -> bytes:
        head = struct.pack(">BBBBIHH", op, 1, 6, 0, 0x51515151, 0, 0)
        head += ipaddress.IPv4Address("0.0.0.0").packed + ipaddress.IPv4Address(yours).packed + bytes(8)
        head += mac.ljust(16, b"\0") + SVG.encode().ljust(64, b"\0") + SPAN.encode().ljust(128, b"\0")
        body = b"\x63\x82\x53\x63" + bytes([53, 1, kind])
        for code, text in options:
            raw = text.encode()[:200]
            body += bytes([code, len(raw)]) + raw
        return head + body + b"\xff"

    names = [(12, attack) for attack in (SVG, BACKWARDS, ANSI)]
    out: Packets = []
    for n, host in enumerate(names):
        start = 400 + 20 * n
        out += [
            (at(start), udp(message(1, 1, "0.0.0.0", host, (60, SPAN)), "0.0.0.0", 68, "255.255.255.255", 67)),
            (at(start + 2), udp(message(2, 2, CLIENT, (15, TEMPLATE), (56, SCRIPT)), ROUTER, 67, CLIENT, 68)),
            (at(start + 4), udp(message(1, 3, "0.0.0.0", host, (60, SPAN)), "0.0.0.0", 68, "255.255.255.255", 67)),
            (at(start + 6), udp(message(2, 6, "0.0.0.0", (56, SCRIPT)), ROUTER, 67, CLIENT, 68)),
        ]
    return out


# ── web ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def header(text: str) -> bytes:
    """Return text as it can stand in a header field: without line ends, which there are none of in the attacks."""
    return text.encode()


def target(text: str) -> bytes:
    return text.encode().replace(b" ", b"%20")


def exchange(p: Playbook, ms: float, request: bytes, response: bytes | None) -> None:
    p.at(ms).client.send(request)
    p.at(ms + 1).server.ack()
    if response is not None:
        p.at(ms + 400).server.send(response)
        p.at(ms + 401).client.ack()


def web() -> Packets:
    """Each attack is host, target, fields, form, cookie, file name, reason, type and place; four on a connection."""
    out: Packets = []
    for first in range(0, len(ATTACKS), 4):
        start = 1000 + 1000 * first
        p = Playbook(client_port=40_000 + first, rtt_ms=4)
        p.at(start).handshake()
        for n, attack in enumerate(ATTACKS[first : first + 4], first):
            asks(p, 1010 + 1000 * n, n, attack)
        p.at(start + 3950)
        if first % 8:
            p.server.rst()
        else:
            p.close(by="server")
        out += p.packets
    return out + long_values() + upload() + socket()


def asks(p: Playbook, ms: float, n: int, attack: str) -> None:
    """GET, answered with one of five codes, and POST, which at last gets no answer."""
    text, path = header(attack), target(attack)
    fields = b"Host: %b.example\r\nUser-Agent: %b\r\nReferer: http://%b/\r\nX-%d: %b\r\nCookie: %b=secret\r\n" % (
        text, text, text, n, text, text,
    )  # fmt: skip
    answer = b"HTTP/1.1 %d %b\r\nServer: %b\r\nContent-Type: %b\r\nLocation: /%b\r\nETag: %b\r\n" % (
        (200, 302, 404, 500, 503)[n % 5], text, text, text, path, text,
    )  # fmt: skip
    answer += b"Set-Cookie: %b=secret; Path=/%b\r\nContent-Length: %d\r\n\r\n%b" % (text, path, len(text), text)
    exchange(p, ms, b"GET /%b?q=%b HTTP/1.1\r\n%b\r\n" % (path, path, fields), answer)
    form = b"name=%b&%b=1" % (path, path)
    typed = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n" % len(form)
    exchange(
        p, ms + 440, b"POST /%b HTTP/1.1\r\n%b%b\r\n%b" % (path, fields, typed, form), None if n % 4 == 3 else answer
    )


def long_values() -> Packets:
    p = Playbook(client_port=41_000, rtt_ms=4)
    p.at(15_000).handshake()
    request = b"GET /long HTTP/1.1\r\nHost: long.example\r\nX-Long: %b\r\n\r\n" % header(LONG)
    response = b"HTTP/1.1 500 %b\r\nX-Long: %b\r\nContent-Length: 0\r\n\r\n" % (header(SPAN), header(LONG))
    exchange(p, 15_010, request, response)
    p.at(15_900).close()
    return p.packets


def upload() -> Packets:
    p = Playbook(client_port=41_001, rtt_ms=4)
    p.at(16_000).handshake()
    parts = b"".join(
        b'--b\r\nContent-Disposition: form-data; name="f%d"; filename="%b"\r\nContent-Type: %b\r\n\r\n%b\r\n'
        % (n, header(attack).replace(b'"', b"'"), header(attack), header(attack))
        for n, attack in enumerate(ATTACKS)
    )
    body = parts + b"--b--\r\n"
    request = b"POST /upload HTTP/1.1\r\nHost: up.example\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    request += b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    exchange(p, 16_010, request, b"HTTP/1.1 413 %b\r\nContent-Length: 0\r\n\r\n" % header(SCRIPT))
    p.at(16_900).close()
    return p.packets


def frame(opcode: int, payload: bytes, *, client: bool) -> bytes:
    """One WebSocket frame (RFC 6455 section 5.2); the client's mask is zero, so that the attack is on the wire."""
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + struct.pack(">H", size)
    masked = bytes([length[0] | 0x80]) + length[1:] + bytes(4) if client else length
    return bytes([0x80 | opcode]) + masked + payload


def socket() -> Packets:
    p = Playbook(client_port=41_002, rtt_ms=4)
    p.at(17_000).handshake()
    asked = b"GET /%b HTTP/1.1\r\nHost: ws.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" % target(SVG)
    asked += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    asked += b"Sec-WebSocket-Protocol: %b\r\n\r\n" % header(SVG)
    told = b"HTTP/1.1 101 %b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" % header(SPAN)
    told += b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: %b\r\n\r\n" % header(SVG)
    exchange(p, 17_010, asked, told)
    for n, attack in enumerate(ATTACKS):
        p.at(17_500 + 20 * n).client.send(frame(1, attack.encode(), client=True))
        p.at(17_510 + 20 * n).server.send(frame(1, (attack * 3).encode(), client=False))
    p.at(17_900).server.send(frame(9, SVG.encode(), client=False))
    p.at(17_910).server.send(frame(8, struct.pack(">H", 1011) + SPAN.encode(), client=False))
    p.at(17_920).close()
    return p.packets


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def certificate(text: str, serial: int) -> bytes:
    """Return a certificate whose every name is the attack; it has expired when the capture begins."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    short = "".join(text.split("\0"))[:60]
    kinds = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME, NameOID.ORGANIZATIONAL_UNIT_NAME, NameOID.LOCALITY_NAME)
    names = x509.Name([x509.NameAttribute(kind, short) for kind in kinds])
    plain = short.encode("ascii", "replace").decode()
    made = (
        x509.CertificateBuilder()
        .subject_name(names)
        .issuer_name(names)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2021, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(plain)]), critical=False)
    )
    return made.sign(key, None).public_bytes(serialization.Encoding.DER)


def vector(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


def handshake(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + vector(body, 3)


def tls_record(kind: int, data: bytes) -> bytes:
    return bytes([kind, 3, 3]) + vector(data, 2)


def extension(number: int, data: bytes) -> bytes:
    return struct.pack(">H", number) + vector(data, 2)


def tls() -> Packets:
    """TLS 1.2 in clear (RFC 5246): server name, ALPN, certificate; a fatal alert, or silence, ends it."""
    out: Packets = []
    for n, (attack, named) in enumerate(((SVG, SCRIPT), (SPAN, SVG), (BACKWARDS + ANSI, TEMPLATE + BACKWARDS + ANSI))):
        p = Playbook(client_port=42_000 + n, server_port=443, rtt_ms=4)
        p.at(20_000 + 200 * n).handshake()
        text = attack.encode()
        random = bytes(range(32))
        extensions = extension(0, vector(b"\0" + vector(text, 2), 2)) + extension(16, vector(vector(text, 1), 2))
        body = b"\3\3" + random + b"\0" + vector(b"\xc0\x2b", 2) + vector(b"\0", 1) + vector(extensions, 2)
        p.at(20_010 + 200 * n).client.send(tls_record(22, handshake(1, body)))
        p.at(20_011 + 200 * n).server.ack()
        hello = b"\3\3" + random + b"\0" + b"\xc0\x2b" + b"\0" + vector(extension(16, vector(vector(text, 1), 2)), 2)
        chain = vector(vector(certificate(named, 7 + n), 3), 3)
        flight = handshake(2, hello) + handshake(11, chain) + handshake(14, b"")
        p.at(20_050 + 200 * n).server.send(tls_record(22, flight))
        p.at(20_051 + 200 * n).client.ack()
        p.at(20_060 + 200 * n).client.send(tls_record(21, b"\2" + bytes([(42, 48, 45)[n % 3]])))
        p.at(20_070 + 200 * n).close()
        out += p.packets
    return out


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────────────────────


def neighbours() -> Packets:
    """ARP, answered and not; ICMP errors that quote an attack; pings that carry one."""
    asked = build.arp(1, build.MAC_A, CLIENT, "00:00:00:00:00:00", SERVER)
    told = build.arp(2, build.MAC_B, SERVER, build.MAC_A, CLIENT)
    vain = build.arp(1, build.MAC_A, CLIENT, "00:00:00:00:00:00", ROUTER)
    broadcast = "ff:ff:ff:ff:ff:ff"
    out: Packets = [
        (at(0), build.eth(asked, dst=broadcast, ethertype=0x0806)),
        (at(1), build.eth(told, src=build.MAC_B, dst=build.MAC_A, ethertype=0x0806)),
        *((at(2 + 1000 * k), build.eth(vain, dst=broadcast, ethertype=0x0806)) for k in range(3)),
    ]
    for n, attack in enumerate(ATTACKS):
        datagram = build.ip4(build.udp(attack.encode(), sport=5000 + n, dport=7000), proto=17)
        out.append((at(25_000 + 10 * n), build.eth(datagram)))
        quote = build.ip4(build.icmp4(3, 3, 0, datagram), src=SERVER, dst=CLIENT, proto=1)
        out.append((at(25_001 + 10 * n), build.eth(quote, src=build.MAC_B, dst=build.MAC_A)))
        ping = build.ip4(build.icmp4(8, 0, n, attack.encode()), proto=1)
        out.append((at(25_500 + 10 * n), build.eth(ping)))
    return out


def option(code: int, text: str) -> bytes:
    return build.pcapng_option(code, text.encode())


def resolved() -> bytes:
    """A Name Resolution Block: what the recorder calls the addresses."""
    records = b""
    for attack in (SVG, SPAN, BACKWARDS, ANSI):
        value = ipaddress.IPv4Address(SERVER).packed + attack.encode() + b"\0"
        records += struct.pack("<HH", 1, len(value)) + value + b"\0" * (-len(value) % 4)
    return build.pcapng_block(4, records + b"\0\0\0\0")


def capture() -> bytes:
    """Return the whole file."""
    packets = sorted(neighbours() + lookups() + lease() + web() + tls(), key=lambda packet: packet[0])
    section = b"".join(option(1, attack) for attack in ATTACKS) + option(2, SVG) + option(3, SPAN) + option(4, SCRIPT)
    interface = option(2, SVG + BACKWARDS) + option(3, SPAN + ANSI) + option(1, SCRIPT)
    blocks = [build.pcapng_section(options=section), build.pcapng_interface(options=interface), resolved()]
    for n, packet in enumerate(packets):
        comment = option(1, ATTACKS[n % len(ATTACKS)]) if n % 20 == 0 else b""
        blocks.append(build.pcapng_packet(packet, options=comment))
    return b"".join(blocks)


if __name__ == "__main__":
    FILE.write_bytes(capture())
