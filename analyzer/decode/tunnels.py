"""Packets inside packets: PPP, PPPoE, MPLS, and what IP and UDP carry.

A UDP port alone is weak evidence: each tunnel over UDP checks the bits its RFC fixes, and declines otherwise. Sources
stand at each function. Offsets are needed, not objects; that is why these headers are read directly.
"""

from __future__ import annotations

from analyzer.decode import layer
from analyzer.decode.unwrap import NotReadError, Packet, Step
from analyzer.decode.wireless import wlan, wlan_swapped
from analyzer.errors import MalformedError

MAX_GRE_ROUTES = 64
MAX_GTP_EXTENSIONS = 16
MAX_LABELS = 32
"""Bounds on repeated parts of one header; real ones have one or two."""

PPP_PROTOCOLS = {0x0021: layer.IPV4, 0x0057: layer.IPV6, 0x0281: layer.MPLS, 0x0283: layer.MPLS}


def ppp(packet: Packet) -> Step | None:
    """Read PPP with or without address and control, protocol field whole or compressed (RFC 1661, RFC 1662)."""
    at = 2 if packet.number(0, 2) == 0xFF03 else 0
    protocol = packet.u8(at)
    size = 1
    if not protocol & 1:
        protocol = packet.u16(at)
        size = 2
    if protocol in (0x002D, 0x002F):
        raise NotReadError("PPP with Van Jacobson TCP/IP header compression")
    found = PPP_PROTOCOLS.get(protocol)
    return None if found is None else packet.step(found, at + size)


def pppoe(packet: Packet) -> Step | None:
    """Read a PPPoE session header (RFC 2516 section 4); code 0 is session data."""
    if packet.u8(1) != 0:
        return None
    length = packet.u16(4)
    inner = ppp(packet.moved(6))
    return None if inner is None else Step(inner.layer, inner.at, packet.at + 6 + length)


def mpls(packet: Packet) -> Step | None:
    """Pop MPLS labels to the bottom of the stack (RFC 3032); what follows is told by its first nibble."""
    for label in range(MAX_LABELS):
        if packet.u8(label * 4 + 2) & 1:
            inner = packet.moved(label * 4 + 4)
            nibble = inner.u8(0) >> 4
            if nibble in (4, 6):
                return inner.step(layer.IP, 0)
            return pseudowire(inner)
    raise MalformedError("mpls", 0, f"more than {MAX_LABELS} labels")


def pseudowire(packet: Packet) -> Step | None:
    """Find an Ethernet frame under MPLS, after a control word (RFC 4448 section 4.6) or at once.

    Nothing in the packet says which it is; a known Ethernet type in the right place does.
    """
    for skip in (4, 0) if packet.u8(0) >> 4 == 0 else (0,):
        kind = packet.u16(skip + 12)
        if kind in _PLAUSIBLE_TYPES:
            return packet.step(layer.ETHERNET, skip)
    return None


_PLAUSIBLE_TYPES = frozenset(
    (
        layer.IPV4,
        layer.ARP,
        layer.RARP,
        layer.IPV6,
        0x8100,
        0x88A8,
        layer.MPLS,
        layer.MPLS_UPSTREAM,
        layer.PPPOE,
        0x8863,
    )
)


def gre(packet: Packet) -> Step | None:
    """Read GRE (RFC 2784, RFC 2890, RFC 1701 routing), its PPTP form (RFC 2637), and what Cisco puts inside."""
    flags = packet.u16(0)
    protocol = packet.u16(2)
    if flags & 0x07 == 1:
        size = 8 + (4 if flags & 0x1000 else 0) + (4 if flags & 0x0080 else 0)
        length = packet.u16(4)
        if protocol != layer.PPP or not length:
            return None
        inner = ppp(packet.moved(size))
        return None if inner is None else Step(inner.layer, inner.at, packet.at + size + length)
    size = 4 + (4 if flags & 0xC000 else 0) + (4 if flags & 0x2000 else 0) + (4 if flags & 0x1000 else 0)
    if flags & 0x4000:
        size = _gre_routing(packet, size)
    if protocol == 0x88BE:
        # ERSPAN type II has a sequence number and a header of its own, type I neither.
        return packet.step(layer.ETHERNET, size + 8 if flags & 0x1000 else size)
    if protocol == 0x22EB:
        return _erspan3(packet, size)
    if protocol == 0x883E:
        # WCCP version 2 puts a redirect header of four bytes before the packet.
        return packet.step(layer.IP, size if packet.u8(size) >> 4 == 4 else size + 4)
    if protocol == layer.TRANSPARENT_ETHERNET:
        return packet.step(layer.ETHERNET, size)
    if protocol == layer.PPP:
        return ppp(packet.moved(size))
    return packet.step(protocol, size) if protocol >= 0x0600 else None


def _gre_routing(packet: Packet, size: int) -> int:
    """Skip source route entries (RFC 1701): family, offset, length, address; the last is all zero."""
    for _ in range(MAX_GRE_ROUTES):
        length = packet.u8(size + 3)
        family = packet.u16(size)
        size += 4 + length
        if not family and not length:
            return size
    raise MalformedError("gre", 0, f"more than {MAX_GRE_ROUTES} source route entries")


def _erspan3(packet: Packet, size: int) -> Step | None:
    """Read ERSPAN type III: 12 bytes, 8 more when the last bit says so; frame type 0 is Ethernet, 2 is IP."""
    last = packet.u16(size + 10)
    frame_type = last >> 10 & 0x1F
    after = size + (20 if last & 1 else 12)
    if frame_type == 0:
        return packet.step(layer.ETHERNET, after)
    return packet.step(layer.IP, after) if frame_type == 2 else None


def ether_ip(packet: Packet) -> Step | None:
    """Read EtherIP (RFC 3378): version 3 in the first nibble, then a frame."""
    return packet.step(layer.ETHERNET, 2) if packet.u8(0) >> 4 == 3 else None


def ip_in_ip(packet: Packet) -> Step | None:
    """Another IP header follows at once (RFC 2003, RFC 4213)."""
    return packet.step(layer.IP, 0)


def vxlan(packet: Packet) -> Step | None:
    """Read VXLAN (RFC 7348 section 5): the I flag must be set."""
    return packet.step(layer.ETHERNET, 8) if packet.u8(0) & 0x08 else None


def vxlan_gpe(packet: Packet) -> Step | None:
    """Read VXLAN-GPE: the P flag says that the fourth byte names the next header."""
    flags = packet.u8(0)
    if not flags & 0x08:
        return None
    found = {1: layer.IPV4, 2: layer.IPV6, 3: layer.ETHERNET}.get(packet.u8(3) if flags & 0x04 else 3)
    return None if found is None else packet.step(found, 8)


def geneve(packet: Packet) -> Step | None:
    """Read Geneve (RFC 8926 section 3.4): version 0, options, then what the protocol type says."""
    first = packet.u8(0)
    if first >> 6:
        return None
    size = 8 + (first & 0x3F) * 4
    protocol = packet.u16(2)
    if protocol == layer.TRANSPARENT_ETHERNET:
        return packet.step(layer.ETHERNET, size)
    return packet.step(protocol, size) if protocol >= 0x0600 else None


def gtp_u(packet: Packet) -> Step | None:
    """Read GTP-U version 1 (3GPP TS 29.281 section 5): only message 255 carries a user packet."""
    flags = packet.u8(0)
    if flags >> 5 != 1 or not flags & 0x10 or packet.u8(1) != 255:
        return None
    length = packet.u16(2)
    size = 8
    if flags & 0x07:
        size = 12
        following = packet.u8(11) if flags & 0x04 else 0
        for _ in range(MAX_GTP_EXTENSIONS):
            if not following:
                break
            units = packet.u8(size)
            if not units:
                raise MalformedError("gtp", size, "extension header of length zero")
            size += units * 4
            following = packet.u8(size - 1)
    nibble = packet.u8(size) >> 4
    return packet.step(layer.IP, size, 8 + length - size) if nibble in (4, 6) else None


def teredo(packet: Packet) -> Step | None:
    """Read Teredo (RFC 4380 section 5.1.1): authentication and origin may come before the IPv6 packet."""
    size = 0
    if packet.u16(size) == 0x0001:
        size += 13 + packet.u8(size + 2) + packet.u8(size + 3)
    if packet.u16(size) == 0x0000:
        size += 8
    if packet.u8(size) >> 4 != 6:
        return None
    # The IPv6 packet fills the datagram up to trailers, so a length beyond it means something else on this port.
    fits = packet.at + size + 40 + packet.u16(size + 4) <= packet.wire
    return packet.step(layer.IPV6, size) if fits else None


def l2tp(packet: Packet) -> Step | None:
    """Read an L2TP data message (RFC 2661 section 3.1), which holds PPP."""
    flags = packet.u16(0)
    if flags & 0x8000 or flags & 0x000F != 2:
        return None
    size = 2 + (2 if flags & 0x4000 else 0) + 4 + (4 if flags & 0x0800 else 0)
    if flags & 0x0200:
        size += 2 + packet.u16(size)
    return ppp(packet.moved(size))


def capwap_data(packet: Packet) -> Step | None:
    """Read a CAPWAP data header (RFC 5415 section 4.3) over plain 802.11 or 802.3; fragments are left alone."""
    if packet.u8(0) != 0:
        return None
    size = (packet.u8(1) >> 3) * 4
    flags = packet.u16(2)
    if flags & 0x0080:
        return None
    if not flags & 0x0100:
        return packet.step(layer.ETHERNET, size)
    # The WBID says 802.11 (1). Cisco swaps the two bytes of its frame control field, and everybody else does not.
    inner = packet.moved(size)
    return wlan(inner) or wlan_swapped(inner)


def lisp(packet: Packet) -> Step | None:
    """Read a LISP data header (RFC 9300 section 5): eight bytes, then IP, whose nibble has to agree."""
    return packet.step(layer.IP, 8) if packet.u8(8) >> 4 in (4, 6) else None


def ayiya(packet: Packet) -> Step | None:
    """Read AYIYA (draft-massar-v6ops-ayiya-02): identity and signature, then what "next header" says; 1 is forward."""
    identity, signature = packet.u8(0) >> 4, packet.u8(1) >> 4
    if packet.u8(2) & 0x0F != 1:
        return None
    size = 8 + (1 << identity) + signature * 4
    return packet.step(layer.IP, size) if packet.u8(3) in (4, 41) and packet.u8(size) >> 4 in (4, 6) else None


def backbone(packet: Packet) -> Step | None:
    """Read an 802.1ah service tag: its number, the customer's two addresses, then an Ethernet type."""
    return packet.step(packet.u16(16), 18)


def fabric_path(packet: Packet) -> Step | None:
    """Skip Cisco FabricPath's tag; the whole inner frame follows."""
    return packet.step(layer.ETHERNET, 2)
