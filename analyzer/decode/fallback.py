"""Link types that are unwrapped packet by packet, and the table of everything that is.

Each function reads one or more headers of one packet and says where the next header starts and which one it is; the
inner packet then goes back to the vectors. So nothing here knows TCP, and a tunnel costs a few microseconds.
Tunnels are in :mod:`analyzer.decode.tunnels`, 802.11 in :mod:`analyzer.decode.wireless`.

Source: the LINKTYPE_ registry of tcpdump.org, and what stands at each function.
"""

from __future__ import annotations

from analyzer.decode import layer
from analyzer.decode.tunnels import (
    ayiya,
    backbone,
    capwap_data,
    ether_ip,
    fabric_path,
    geneve,
    gre,
    gtp_u,
    ip_in_ip,
    l2tp,
    lisp,
    mpls,
    ppp,
    pppoe,
    teredo,
    vxlan,
    vxlan_gpe,
)
from analyzer.decode.unwrap import Packet, Step, Unwrap, fixed, typed
from analyzer.decode.wireless import avs, prism, radiotap, wlan
from analyzer.errors import MalformedError

MAX_TLVS = 64
"""Fields looked through in one NFLOG header; the kernel writes about ten."""


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
