"""Builders of packets and capture files: every test's bytes come from here, with correct lengths and checksums.

Each function returns the bytes of one layer around its payload, so a packet reads from the outside in::

    eth(ip4(tcp(b"GET / HTTP/1.1\\r\\n\\r\\n", sport=40000, dport=80, seq=1, flags="PA")))

``tcp``, ``udp`` and ``icmp6`` cannot know the addresses around them: they leave their checksum zero and ``ip4``/``ip6``
fill it in (RFC 9293 section 3.1, RFC 768, RFC 4443 section 2.3). A checksum that is not zero is left as it is, so a
wrong one can be made; so is the payload of a fragment (see :func:`with_checksum` to fill it in before cutting).
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterable, Sequence

Packet = tuple[int, bytes] | tuple[int, bytes, int]
"""(time in ns, captured bytes) or (time in ns, captured bytes, length on the wire)."""

MAC_A = "02:00:00:00:00:01"
MAC_B = "02:00:00:00:00:02"

ETHERTYPE_IP4, ETHERTYPE_ARP, ETHERTYPE_IP6, ETHERTYPE_VLAN = 0x0800, 0x0806, 0x86DD, 0x8100

FLAG_BITS = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, "A": 0x10, "U": 0x20, "E": 0x40, "C": 0x80, "a": 0x100}


def mac(text: str) -> bytes:
    """Return the six bytes of ``02:00:00:00:00:01``."""
    return bytes.fromhex(text.replace(":", "").replace("-", ""))


def checksum(data: bytes) -> int:
    """Return the Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_checksum(payload: bytes, src: str, dst: str, proto: int) -> bytes:
    """Fill in the checksum of a TCP (6), UDP (17) or ICMPv6 (58) payload where that field is zero."""
    at = {6: 16, 17: 6, 58: 2}.get(proto)
    if at is None or len(payload) < at + 2 or payload[at : at + 2] != b"\0\0":
        return payload
    source, destination = ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed
    if len(source) == 4:
        pseudo = source + destination + struct.pack(">BBH", 0, proto, len(payload))
    else:
        pseudo = source + destination + struct.pack(">IHBB", len(payload), 0, 0, proto)
    value = checksum(pseudo + payload)
    if proto == 17:
        value = value or 0xFFFF  # zero would mean "no checksum" (RFC 768)
    return payload[:at] + struct.pack(">H", value) + payload[at + 2 :]


# ── link ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def eth(
    payload: bytes,
    *,
    src: str = MAC_A,
    dst: str = MAC_B,
    ethertype: int = ETHERTYPE_IP4,
    vlan: int | Sequence[int] | None = None,
) -> bytes:
    """Ethernet II frame; ``vlan`` is one 802.1Q id or several, outermost first. No padding, no FCS."""
    tags = () if vlan is None else (vlan,) if isinstance(vlan, int) else tuple(vlan)
    head = mac(dst) + mac(src)
    for tag in tags:
        head += struct.pack(">HH", ETHERTYPE_VLAN, tag)
    return head + struct.pack(">H", ethertype) + payload


def arp(op: int, sender_mac: str, sender_ip: str, target_mac: str, target_ip: str) -> bytes:
    """ARP for Ethernet and IPv4 (RFC 826); ``op`` 1 is a request, 2 a reply. Wrap with ``ethertype=0x0806``."""
    return (
        struct.pack(">HHBBH", 1, ETHERTYPE_IP4, 6, 4, op)
        + mac(sender_mac)
        + ipaddress.IPv4Address(sender_ip).packed
        + mac(target_mac)
        + ipaddress.IPv4Address(target_ip).packed
    )


# ── network ──────────────────────────────────────────────────────────────────────────────────────────────────────


def ip4(
    payload: bytes,
    *,
    src: str = "10.0.0.1",
    dst: str = "10.0.0.2",
    proto: int = 6,
    ttl: int = 64,
    ident: int = 1,
    flags: int = 0,
    frag: int = 0,
    options: bytes = b"",
) -> bytes:
    """IPv4 packet (RFC 791).

    Args:
        flags: three bits: 2 is Don't Fragment, 1 is More Fragments.
        frag: fragment offset in units of 8 bytes.
        options: padded to a multiple of 4.
    """
    if not frag and not flags & 1:
        payload = with_checksum(payload, src, dst, proto)
    options += b"\0" * (-len(options) % 4)
    words = 5 + len(options) // 4
    head = struct.pack(
        ">BBHHHBBH4s4s",
        0x40 | words,
        0,
        words * 4 + len(payload),
        ident,
        flags << 13 | frag,
        ttl,
        proto,
        0,
        ipaddress.IPv4Address(src).packed,
        ipaddress.IPv4Address(dst).packed,
    )
    head += options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ip6(
    payload: bytes,
    *,
    src: str = "2001:db8::1",
    dst: str = "2001:db8::2",
    next_header: int = 6,
    hop_limit: int = 64,
    extensions: bytes = b"",
    proto: int | None = None,
) -> bytes:
    """IPv6 packet (RFC 8200).

    Args:
        next_header: of the fixed header (the first extension header's number when there are ``extensions``).
        extensions: raw extension headers, chained by the caller.
        proto: what the payload is, for its checksum; ``next_header`` when None.
    """
    payload = with_checksum(payload, src, dst, next_header if proto is None else proto)
    body = extensions + payload
    return (
        struct.pack(">IHBB", 6 << 28, len(body), next_header, hop_limit)
        + ipaddress.IPv6Address(src).packed
        + ipaddress.IPv6Address(dst).packed
        + body
    )


# ── transport ────────────────────────────────────────────────────────────────────────────────────────────────────


def tcp(
    payload: bytes = b"",
    *,
    sport: int = 40000,
    dport: int = 80,
    seq: int = 0,
    ack: int = 0,
    flags: str = "S",
    window: int = 64240,
    options: bytes = b"",
    urgent: int = 0,
) -> bytes:
    """TCP segment (RFC 9293); ``flags`` are letters of FSRPAUECa (a is AE), ``options`` are padded to words."""
    options += b"\x01" * (-len(options) % 4)
    bits = sum(FLAG_BITS[letter] for letter in flags)
    words = 5 + len(options) // 4
    return (
        struct.pack(">HHIIHHHH", sport, dport, seq % 2**32, ack % 2**32, words << 12 | bits, window, 0, urgent)
        + options
        + payload
    )


def mss(value: int) -> bytes:
    """TCP option: maximum segment size."""
    return struct.pack(">BBH", 2, 4, value)


def window_scale(shift: int) -> bytes:
    """TCP option: window scale (RFC 7323)."""
    return struct.pack(">BBB", 3, 3, shift)


def sack_permitted() -> bytes:
    """TCP option: SACK permitted (RFC 2018)."""
    return b"\x04\x02"


def sack(*blocks: tuple[int, int]) -> bytes:
    """TCP option: SACK blocks as (left, right) sequence numbers."""
    return struct.pack(">BB", 5, 2 + 8 * len(blocks)) + b"".join(
        struct.pack(">II", a % 2**32, b % 2**32) for a, b in blocks
    )


def timestamps(value: int, echo: int) -> bytes:
    """TCP option: timestamps (RFC 7323)."""
    return struct.pack(">BBII", 8, 10, value, echo)


def udp(payload: bytes, *, sport: int = 40000, dport: int = 53) -> bytes:
    """UDP datagram (RFC 768). Wrap with ``proto=17``."""
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def icmp4(type: int, code: int, rest: int | bytes = 0, payload: bytes = b"") -> bytes:  # noqa: A002
    """ICMP message (RFC 792): ``rest`` is the second word, as a number or four bytes. Wrap with ``proto=1``."""
    word = rest if isinstance(rest, bytes) else struct.pack(">I", rest)
    body = struct.pack(">BBH", type, code, 0) + word + payload
    return body[:2] + struct.pack(">H", checksum(body)) + body[4:]


def icmp6(type: int, code: int, rest: int | bytes = 0, payload: bytes = b"") -> bytes:  # noqa: A002
    """ICMPv6 message (RFC 4443), checksum filled in by :func:`ip6`. Wrap with ``next_header=58``."""
    word = rest if isinstance(rest, bytes) else struct.pack(">I", rest)
    return struct.pack(">BBH", type, code, 0) + word + payload


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _parts(packet: Packet) -> tuple[int, bytes, int]:
    return packet if len(packet) == 3 else (packet[0], packet[1], len(packet[1]))


def pcap_header(
    *, link_type: int = 1, nanoseconds: bool = False, big_endian: bool = False, snaplen: int = 262144
) -> bytes:
    """The 24 bytes that open a classic pcap file."""
    order = ">" if big_endian else "<"
    magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snaplen, link_type)


def pcap_file(
    packets: Iterable[Packet],
    *,
    link_type: int = 1,
    nanoseconds: bool = False,
    big_endian: bool = False,
    snaplen: int = 262144,
) -> bytes:
    """A classic pcap file. Times below its resolution are cut off; packets are cut to ``snaplen``."""
    order = ">" if big_endian else "<"
    out = [pcap_header(link_type=link_type, nanoseconds=nanoseconds, big_endian=big_endian, snaplen=snaplen)]
    for packet in packets:
        time, data, wire = _parts(packet)
        seconds, nanos = divmod(time, 1_000_000_000)
        data = data[:snaplen]
        fraction = nanos if nanoseconds else nanos // 1000
        out += [struct.pack(order + "IIII", seconds, fraction, len(data), wire), data]
    return b"".join(out)


def pcapng_option(code: int, value: bytes, *, big_endian: bool = False) -> bytes:
    """One pcapng option, padded to 32 bits."""
    order = ">" if big_endian else "<"
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def pcapng_block(block_type: int, body: bytes, *, options: bytes = b"", big_endian: bool = False) -> bytes:
    """One pcapng block; ``options`` (already built) get their end mark."""
    order = ">" if big_endian else "<"
    body += b"\0" * (-len(body) % 4)
    if options:
        body += options + b"\0\0\0\0"
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", block_type) + length + body + length


def pcapng_section(*, options: bytes = b"", big_endian: bool = False) -> bytes:
    """Section Header Block with unspecified section length."""
    order = ">" if big_endian else "<"
    body = struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)
    return pcapng_block(0x0A0D0D0A, body, options=options, big_endian=big_endian)


def pcapng_interface(
    *, link_type: int = 1, snaplen: int = 0, ticks: int | None = 9, options: bytes = b"", big_endian: bool = False
) -> bytes:
    """Interface Description Block; ``ticks`` is the byte of ``if_tsresol`` (9 is ns), None leaves it out (µs)."""
    order = ">" if big_endian else "<"
    resolution = b"" if ticks is None else pcapng_option(9, bytes([ticks]), big_endian=big_endian)
    body = struct.pack(order + "HHI", link_type, 0, snaplen)
    return pcapng_block(1, body, options=resolution + options, big_endian=big_endian)


def pcapng_packet(
    packet: Packet, *, interface: int = 0, ticks: int | None = 9, options: bytes = b"", big_endian: bool = False
) -> bytes:
    """Enhanced Packet Block; ``ticks`` must be that of its interface."""
    order = ">" if big_endian else "<"
    time, data, wire = _parts(packet)
    resolution = 6 if ticks is None else ticks
    per_second = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    stamp = time * per_second // 1_000_000_000
    body = struct.pack(order + "IIIII", interface, stamp >> 32, stamp & 0xFFFFFFFF, len(data), wire) + data
    return pcapng_block(6, body, options=options, big_endian=big_endian)


def pcapng_file(
    packets: Iterable[Packet],
    *,
    link_type: int = 1,
    big_endian: bool = False,
    ticks: int | None = 9,
    snaplen: int = 0,
    section_options: bytes = b"",
    interface_options: bytes = b"",
    extra: bytes = b"",
) -> bytes:
    """A pcapng file of one section with one interface; ``extra`` blocks stand before the packets."""
    return b"".join(
        [
            pcapng_section(options=section_options, big_endian=big_endian),
            pcapng_interface(
                link_type=link_type, snaplen=snaplen, ticks=ticks, options=interface_options, big_endian=big_endian
            ),
            extra,
            *(pcapng_packet(packet, ticks=ticks, big_endian=big_endian) for packet in packets),
        ]
    )
