"""IEEE 802.11, and the headers that recorders put before it.

Only unencrypted data frames hold anything that is read here: LLC, and IP in it. Management and control frames are
no IP; encrypted data is booked as such, because otherwise a reader wonders where the traffic went.

Sources: IEEE 802.11 clause 9.2 and 9.3, radiotap.org, the LINKTYPE_ registry of tcpdump.org.
"""

from __future__ import annotations

from analyzer.decode import layer
from analyzer.decode.unwrap import NotReadError, Packet, Step
from analyzer.errors import MalformedError

MAX_PRESENCE_WORDS = 32
"""Words of flags in a radiotap header; hardware with many antennas has a handful."""


def wlan(packet: Packet) -> Step | None:
    """Read an IEEE 802.11 header (clause 9.2); only unencrypted data frames hold LLC."""
    return _wlan_data(packet, packet.u8(0), packet.u8(1))


def wlan_swapped(packet: Packet) -> Step | None:
    """Read an 802.11 header whose frame control bytes are swapped, as Cisco puts it into CAPWAP."""
    return _wlan_data(packet, packet.u8(1), packet.u8(0))


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
