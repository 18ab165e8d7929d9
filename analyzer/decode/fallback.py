"""Encapsulations that are unwrapped packet by packet: everything the vectors do not read.

Each function reads one or more headers of one packet and says where the next header starts and which one it is; the
inner packet then goes back to the vectors. So nothing here knows TCP, and a tunnel costs a few microseconds.

Rules
    1. A :class:`Packet` never reads past the captured end: it raises :class:`NeedMoreData`, which becomes a row cut by
       snaplen. A header against its own rules raises :class:`MalformedError`.
    2. ``None`` means: right, but nothing inside that is read here. The row stays what it was.
    3. A UDP port alone is weak evidence: each tunnel checks the bits its RFC fixes, and declines otherwise.

Sources stand at each function. Offsets are needed, not objects; that is why these headers are read directly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from analyzer.decode import layer
from analyzer.errors import MalformedError, NeedMoreData, WireError

MAX_GRE_ROUTES = 64
MAX_GTP_EXTENSIONS = 16
MAX_LABELS = 32
MAX_TLVS = 64
MAX_PRESENCE_WORDS = 32
LINK_BYTES = 512
"""Bytes of a packet that link-layer addresses are looked for in (a radiotap header is rarely above 64)."""

ByteOrder = Literal["big", "little"]


class Step(NamedTuple):
    """Where the next header starts (from the packet's first byte), which it is, and where the packet ends at most."""

    layer: int
    at: int
    wire: int | None = None


class Packet:
    """One packet with a reading position; offsets are relative to ``at``.

    Attributes:
        view: captured bytes from the packet's first byte.
        at: where the header starts.
        wire: where the packet ends on the wire.
    """

    __slots__ = ("at", "view", "wire")

    def __init__(self, view: memoryview, at: int, wire: int) -> None:
        self.view = view
        self.at = at
        self.wire = wire

    def number(self, offset: int, size: int, order: ByteOrder = "big") -> int:
        """Read an unsigned number of ``size`` bytes; raise NeedMoreData past the captured end."""
        start = self.at + offset
        stop = start + size
        if stop > len(self.view):
            raise NeedMoreData(stop - len(self.view))
        return int.from_bytes(self.view[start:stop], order)

    def u8(self, offset: int) -> int:
        """Read one byte."""
        return self.number(offset, 1)

    def u16(self, offset: int) -> int:
        """Read two bytes, network order."""
        return self.number(offset, 2)

    def step(self, next_layer: int, size: int, length: int | None = None) -> Step:
        """Go on ``size`` bytes from here; the rest is ``length`` bytes at most."""
        start = self.at + size
        return Step(next_layer, start, None if length is None else start + max(length, 0))

    def moved(self, size: int) -> Packet:
        """Return this packet, ``size`` bytes on."""
        return Packet(self.view, self.at + size, self.wire)


class NotReadError(WireError):
    """The header is right, but what it holds cannot be read; the row is booked as unsupported with this reason."""


Unwrap = Callable[[Packet], Step | None]

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


def ppp_hdlc(packet: Packet) -> Step | None:
    """Read PPP in HDLC framing, or Cisco HDLC, which shares the link type (LINKTYPE_PPP_HDLC)."""
    return cisco_hdlc(packet) if packet.u8(0) in (0x0F, 0x8F) else ppp(packet)


def ppp_with_direction(packet: Packet) -> Step | None:
    """Skip the direction byte of LINKTYPE_PPP_WITH_DIR (204)."""
    return ppp(packet.moved(1))


def ppp_pppd(packet: Packet) -> Step | None:
    """Read LINKTYPE_PPP_PPPD (166): the direction stands where the address byte was."""
    return ppp(packet.moved(2)) if packet.u8(1) == 0x03 else ppp(packet.moved(1))


def cisco_hdlc(packet: Packet) -> Step | None:
    """Read Cisco HDLC: address, control, then an Ethernet type, where 0x8035 is SLARP and not reverse ARP."""
    kind = packet.u16(2)
    return None if kind == layer.RARP else packet.step(kind, 4)


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
    return wlan(inner) or _swapped_wlan(inner)


def _swapped_wlan(packet: Packet) -> Step | None:
    first, second = packet.u8(0), packet.u8(1)
    return _wlan_data(packet, second, first)


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


def wlan(packet: Packet) -> Step | None:
    """Read an IEEE 802.11 header (clause 9.2); only unencrypted data frames hold LLC."""
    return _wlan_data(packet, packet.u8(0), packet.u8(1))


def _wlan_data(packet: Packet, control: int, flags: int, pad: bool = False) -> Step | None:
    if control & 0x0F != 0x08 or control & 0x40:
        return None
    if flags & 0x40:
        raise NotReadError("802.11 data is encrypted")
    size = 24 + (6 if flags & 0x03 == 0x03 else 0)
    if control & 0x80 == 0:
        return packet.step(layer.LLC, size + (-size % 4 if pad else 0))
    qos = packet.number(size, 2, "little")
    size += 2 + (4 if flags & 0x80 else 0)
    size += -size % 4 if pad else 0
    if qos & 0x0080:
        # Of an A-MSDU the first subframe is read: destination, source, length.
        return packet.step(layer.LLC, size + 14, packet.u16(size + 12))
    if qos & 0x0100 and packet.u16(size) != 0xAAAA:
        # The bit means a mesh header only between mesh stations, so LLC in the right place has to agree.
        mesh = 6 + (packet.u8(size) & 0x03) * 6
        if packet.u16(size + mesh) == 0xAAAA:
            size += mesh
    return packet.step(layer.LLC, size)


def radiotap(packet: Packet) -> Step | None:
    """Skip a radiotap header; its flags say whether the 802.11 header is padded to four bytes."""
    size = packet.number(2, 2, "little")
    if size < 8:
        raise MalformedError("radiotap", 2, f"header length {size} below 8")
    pad = False
    present = packet.number(4, 4, "little")
    at = 8
    word = present
    for _ in range(MAX_PRESENCE_WORDS):
        if not word & 0x80000000:
            break
        word = packet.number(at, 4, "little")
        at += 4
    if present & 0x02:
        at = (at + 7 & ~7) + 8 if present & 0x01 else at
        pad = at < size and bool(packet.u8(at) & 0x20)
    inner = packet.moved(size)
    return _wlan_data(inner, inner.u8(0), inner.u8(1), pad)


def prism(packet: Packet) -> Step | None:
    """Skip a Prism header, or the AVS header that some drivers put under the same link type."""
    if packet.number(0, 4) in (0x80211001, 0x80211002):
        return wlan(packet.moved(packet.number(4, 4)))
    size = packet.number(4, 4, "little")
    if size > len(packet.view):
        size = packet.number(4, 4)
    return wlan(packet.moved(size))


def avs(packet: Packet) -> Step | None:
    """Skip an AVS header (LINKTYPE_IEEE802_11_AVS)."""
    return wlan(packet.moved(packet.number(4, 4)))


def ppi(packet: Packet) -> Step | None:
    """Skip a Per-Packet Information header; it names the link type inside."""
    inner = packet.number(4, 4, "little")
    return packet.step(layer.LINK + inner, packet.number(2, 2, "little")) if inner <= 0xFFFF else None


def frame_relay(packet: Packet) -> Step | None:
    """Read frame relay: a Q.922 address, then RFC 2427 encapsulation or Cisco's Ethernet type."""
    size = next((n for n in (1, 2, 3, 4) if packet.u8(n - 1) & 1), 0)
    if size < 2:
        raise MalformedError("frame relay", 0, "address field does not end")
    if packet.u8(size) != 0x03:
        kind = packet.u16(size)
        return packet.step(kind, size + 2) if kind >= 0x0600 else None
    size += 1
    if packet.u8(size) == 0:
        size += 1
    nlpid = packet.u8(size)
    if nlpid == 0x80:
        return _bridged(packet, size + 1)
    found = {0xCC: layer.IPV4, 0x8E: layer.IPV6}.get(nlpid)
    return None if found is None else packet.step(found, size + 1)


def _bridged(packet: Packet, size: int) -> Step | None:
    """Read a SNAP header (RFC 2427 section 4): an Ethernet type, or a bridged Ethernet frame with or without FCS."""
    oui, kind = packet.number(size, 3), packet.u16(size + 3)
    if oui == 0:
        return packet.step(kind, size + 5)
    return packet.step(layer.ETHERNET, size + 5) if oui == 0x0080C2 and kind in (1, 7) else None


def fddi(packet: Packet) -> Step | None:
    """Read an FDDI header: frame control, destination, source, then LLC in data frames."""
    return packet.step(layer.LLC, 13) if packet.u8(0) & 0xF0 == 0x50 else None


def token_ring(packet: Packet) -> Step | None:
    """Read an IEEE 802.5 header; the first bit of the source announces routing information."""
    if packet.u8(1) & 0xC0 != 0x40:
        return None
    routing = packet.u8(14) & 0x1F if packet.u8(8) & 0x80 else 0
    return packet.step(layer.LLC, 14 + routing)


def slip(packet: Packet) -> Step | None:
    """Skip the 16 bytes that BSD puts before each SLIP packet; compressed headers are left alone."""
    return packet.step(layer.IP, 16) if packet.u8(16) >> 4 in (4, 6) else None


def nflog(packet: Packet) -> Step | None:
    """Find the payload among NFLOG's fields (LINKTYPE_NFLOG); lengths are in the recorder's byte order."""
    family = packet.u8(0)
    found = {2: layer.IPV4, 10: layer.IPV6}.get(family)
    if found is None:
        return None
    at = 4
    for _ in range(MAX_TLVS):
        length, kind = packet.number(at, 2, "little"), packet.number(at + 2, 2, "little")
        if length > 0xFF and not length & 0xFF:
            length, kind = packet.u16(at), packet.u16(at + 2)
        if length < 4:
            raise MalformedError("nflog", at, f"field length {length} below 4")
        if kind & 0x7FFF == 9:
            return packet.step(found, at + 4, length - 4)
        at += length + -length % 4
    return None


def ipnet(packet: Packet) -> Step | None:
    """Skip Solaris's 24 bytes (LINKTYPE_IPNET); the second names the family."""
    found = {2: layer.IPV4, 26: layer.IPV6}.get(packet.u8(1))
    return None if found is None else packet.step(found, 24)


def pktap(packet: Packet) -> Step | None:
    """Skip Apple's PKTAP header; it names the link type inside."""
    size, record, inner = (packet.number(at, 4, "little") for at in (0, 4, 8))
    if record != 1 or size < 12 or inner > 0xFFFF:
        return None
    return packet.step(layer.LINK + inner, size)


def switch_tag(size: int) -> Unwrap:
    """Return a reader of Ethernet with a DSA tag of ``size`` bytes between addresses and type."""

    def read(packet: Packet) -> Step | None:
        kind = packet.u16(12 + size)
        return packet.step(kind if kind >= 0x0600 else layer.LLC, 14 + size)

    return read


def fixed(size: int, next_layer: int) -> Unwrap:
    """Return a reader of a header of fixed size that says nothing of use."""
    return lambda packet: packet.step(next_layer, size)


def typed(type_at: int, size: int) -> Unwrap:
    """Return a reader of a header of fixed size with an Ethernet type at ``type_at``."""
    return lambda packet: packet.step(packet.u16(type_at), size)


UNWRAP: dict[int, Unwrap] = {
    layer.PPPOE: pppoe,
    layer.MPLS: mpls,
    layer.MPLS_UPSTREAM: mpls,
    layer.TRANSPARENT_ETHERNET: fixed(0, layer.ETHERNET),
    layer.PPP: ppp,
    0x88E7: backbone,
    0x8903: fabric_path,
    layer.IP_PROTOCOL + 4: ip_in_ip,
    layer.IP_PROTOCOL + 41: ip_in_ip,
    layer.IP_PROTOCOL + 47: gre,
    layer.IP_PROTOCOL + 97: ether_ip,
    layer.IP_PROTOCOL + 137: mpls,
    layer.UDP_PORT + 1701: l2tp,
    layer.UDP_PORT + 2152: gtp_u,
    layer.UDP_PORT + 3544: teredo,
    layer.UDP_PORT + 4341: lisp,
    layer.UDP_PORT + 4789: vxlan,
    layer.UDP_PORT + 4790: vxlan_gpe,
    layer.UDP_PORT + 5072: ayiya,
    layer.UDP_PORT + 5247: capwap_data,
    layer.UDP_PORT + 6081: geneve,
    layer.LINK + 6: token_ring,
    layer.LINK + 8: slip,
    layer.LINK + 9: ppp,
    layer.LINK + 10: fddi,
    layer.LINK + 11: fixed(0, layer.LLC),
    layer.LINK + 50: ppp_hdlc,
    layer.LINK + 51: pppoe,
    layer.LINK + 100: fixed(0, layer.LLC),
    layer.LINK + 104: cisco_hdlc,
    layer.LINK + 105: wlan,
    layer.LINK + 107: frame_relay,
    layer.LINK + 119: prism,
    layer.LINK + 127: radiotap,
    layer.LINK + 138: typed(16, 18),
    layer.LINK + 149: pktap,
    layer.LINK + 163: avs,
    layer.LINK + 166: ppp_pppd,
    layer.LINK + 192: ppi,
    layer.LINK + 204: ppp_with_direction,
    layer.LINK + 226: ipnet,
    layer.LINK + 239: nflog,
    layer.LINK + 240: fixed(4, layer.ETHERNET),
    layer.LINK + 258: pktap,
    layer.LINK + 284: switch_tag(4),
    layer.LINK + 285: switch_tag(8),
}
"""Which function reads which header; numbers as in :mod:`analyzer.decode.layer`."""

NAMES: dict[int, str] = {
    layer.PPPOE: "PPPoE",
    layer.MPLS: "MPLS",
    layer.MPLS_UPSTREAM: "MPLS",
    layer.IP_PROTOCOL + 47: "GRE",
    layer.LINK + 9: "PPP",
    layer.LINK + 105: "802.11",
    layer.LINK + 127: "radiotap",
}


def name(number: int) -> str:
    """Return what a header is called in a reason."""
    if number in NAMES:
        return NAMES[number]
    if number >= layer.UDP_PORT:
        return "UDP tunnel"
    if number >= layer.IP_PROTOCOL:
        return "IP tunnel"
    return "link" if number >= layer.LINK else f"0x{number:04x}"


def wireless_addresses(link_type: int, packet: bytes) -> tuple[bytes | None, bytes | None]:
    """Return (source, destination) of an 802.11 frame, with or without radiotap; (None, None) for anything else.

    Source: IEEE 802.11 clause 9.3.2.1.2, the address fields by To DS and From DS.
    """
    size = 0
    if link_type == 127 and len(packet) >= 4:
        size = int.from_bytes(packet[2:4], "little")
    elif link_type != 105:
        return None, None
    frame = packet[size:]
    if len(frame) < 24 or frame[0] & 0x0C == 0x04:
        return None, None
    first, second, third, fourth = frame[4:10], frame[10:16], frame[16:22], frame[24:30]
    to_ds, from_ds = bool(frame[1] & 1), bool(frame[1] & 2)
    destination = third if to_ds else first
    source = (fourth if to_ds else third) if from_ds else second
    return source, destination
