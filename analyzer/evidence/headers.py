"""How many bytes of a packet are headers for sure, and nothing that anybody typed.

Rules. What is not read here is not believed: an unknown link layer has no header, an unknown protocol ends at the
header before it. A quoted packet (ICMP) ends behind its own headers. Lengths come from the packet and are bounded by
it.

Sources: IEEE 802.3 clause 3, IEEE 802.1Q clause 9, the LINKTYPE_ registry of tcpdump.org, RFC 791 section 3.1,
RFC 8200 sections 3 and 4.5, RFC 826, RFC 792, RFC 1256 section 3, RFC 4443, RFC 4861 section 4.
"""

from __future__ import annotations

from analyzer.decode.link import MAX_HEADERS, TAG_SIZES

ICMP4, TCP, UDP, ICMP6 = 1, 6, 17, 58
_IPV4, _IPV6 = 0x0800, 0x86DD
_LINK_TYPE_AT = {1: (12, 14), 113: (14, 16), 276: (0, 20)}
"""Link type → where its Ethernet type stands, and where its header ends."""
_BARE_IP = frozenset({12, 14, 101, 228, 229})
_LOOPBACK = frozenset({0, 108})
_FRAGMENT_HEADER = 44
_TRANSPORT = {TCP: 20, UDP: 8, ICMP4: 8, ICMP6: 8}
"""Protocol → bytes that its header has at least."""
_ERRORS = {ICMP4: frozenset({3, 4, 5, 11, 12}), ICMP6: frozenset({1, 2, 3, 4})}
"""ICMP messages that quote a packet behind their first eight bytes."""
_ICMP4_SIZES = {13: 20, 14: 20, 17: 12, 18: 12}
"""Timestamps and address masks; everything else counts with eight bytes."""
_ICMP4_ROUTERS, _MAX_ROUTERS = 9, 255
_NDP_OPTIONS_AT = {133: 8, 134: 16, 135: 24, 136: 24, 137: 40}
_REDIRECTED_HEADER = 4
_MLD = frozenset({130, 131, 132})


def outer(link_type: int, packet: bytes, *, transport: bool) -> int:
    """Return where link and network header end; with ``transport`` the first bytes of TCP, UDP or ICMP count, too."""
    at, bare = _link(link_type, packet)
    return min(at + (ip(packet[at:], transport=transport) if bare else 0), len(packet))


def _link(link_type: int, packet: bytes) -> tuple[int, bool]:
    """Return where the link header ends, and whether an IP header follows."""
    if link_type in _BARE_IP:
        return 0, True
    if link_type in _LOOPBACK:
        return 4, packet[4:5] >= b"\x40"
    if link_type not in _LINK_TYPE_AT:
        return 0, False
    where, at = _LINK_TYPE_AT[link_type]
    if len(packet) < at:
        return 0, False
    kind = int.from_bytes(packet[where : where + 2], "big")
    for _ in range(MAX_HEADERS):
        size = TAG_SIZES.get(kind)
        if size is None or len(packet) < at + size:
            break
        at += size
        kind = int.from_bytes(packet[at - 2 : at], "big")
    return at, kind in (_IPV4, _IPV6)


def ip(packet: bytes, *, transport: bool) -> int:
    """Return the size of the IP header that a packet starts with (0 for none), perhaps with what follows it."""
    version = packet[0] >> 4 if packet else 0
    if version == 4 and len(packet) >= 20:
        size, protocol = (packet[0] & 15) * 4, packet[9]
        first = not int.from_bytes(packet[6:8], "big") & 0x3FFF  # neither a later fragment nor one of several
        if size < 20:
            return 0
        end = int.from_bytes(packet[2:4], "big")
    elif version == 6 and len(packet) >= 40:
        size, protocol, first = 40, packet[6], True
        end = 40 + int.from_bytes(packet[4:6], "big")
        if protocol == _FRAGMENT_HEADER:
            return min(48, len(packet))
    else:
        return 0
    more = _transport(packet[size:], protocol) if transport and first else 0
    return min(size + more, max(end, size), len(packet))


def _transport(payload: bytes, protocol: int) -> int:
    least = _TRANSPORT.get(protocol, 0)
    if protocol == TCP and len(payload) > 12:
        return max((payload[12] >> 4) * 4, least)
    return least


def arp(message: bytes) -> int:
    """Return the size of an ARP message: what comes behind it is padding."""
    return min(8 + 2 * (message[4] + message[5]), len(message)) if len(message) >= 8 else len(message)


def icmp(message: bytes, protocol: int) -> int:
    """Return how much of an ICMP message is its own: the data of a ping are not, nor those of a quoted packet."""
    kind = message[0] if message else 0
    if protocol in _ERRORS and kind in _ERRORS[protocol]:
        return min(8 + ip(message[8:], transport=True), len(message))
    size = 8
    if protocol == ICMP4:
        size = _ICMP4_SIZES.get(kind, 8)
        if kind == _ICMP4_ROUTERS and len(message) >= 8:
            size = 8 + min(message[4], _MAX_ROUTERS) * message[5] * 4
    elif kind in _NDP_OPTIONS_AT:
        size = _options(message, _NDP_OPTIONS_AT[kind])
    elif kind in _MLD:
        size = 24
    return min(size, len(message))


def _options(message: bytes, at: int) -> int:
    """Return where the options of a neighbour message end, or one begins that quotes a packet."""
    while at + 2 <= len(message):
        size = message[at + 1] * 8
        if not size or message[at] == _REDIRECTED_HEADER:
            break
        at += size
    return at
