"""A finding's packets as a pcapng file, each with a comment that names the finding.

One section, one interface block for each interface that packets came from (with its link type and the resolution of its
times), one enhanced packet block per packet. The frame it had in the capture is in its comment, since the file numbers
its packets from 1. Nothing of the capture's own words goes in: no comments, no names of interfaces. The same packets
give the same bytes.

Source: draft-ietf-opsawg-pcapng, sections 3.5 (options), 4.1 (SHB), 4.2 (IDB), 4.3 (EPB).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from analyzer.evidence.model import Packet
from analyzer.text import display, file_name
from analyzer.units import NS_PER_S
from analyzer.version import __version__

_SECTION, _INTERFACE, _PACKET = 0x0A0D0D0A, 1, 6
_MAGIC = 0x1A2B3C4D
_UNKNOWN_LENGTH = -1
_END, _COMMENT, _APPLICATION, _RESOLUTION = 0, 1, 4, 9
_NANOSECONDS = 9
COMMENT_CHARACTERS = 200
"""Of a comment: Wireshark shows it on one line."""
NAME_CHARACTERS = 60
"""Of a file name."""


def capsule(packets: Sequence[Packet], about: str) -> bytes:
    """Return a pcapng file.

    Args:
        packets: in the order of frames.
        about: what each packet's comment says behind its frame.
    """
    interfaces = sorted({_interface(packet) for packet in packets})
    numbers = {interface: number for number, interface in enumerate(interfaces)}
    section = struct.pack("<IHHq", _MAGIC, 1, 0, _UNKNOWN_LENGTH)
    blocks = [_block(_SECTION, section, [(_APPLICATION, f"capture-analyzer {__version__}".encode())])]
    blocks += [_described(link_type, exponent) for _, link_type, exponent in interfaces]
    for packet in packets:
        interface = _interface(packet)
        blocks.append(_packet(packet, numbers[interface], interface[2], about))
    return b"".join(blocks)


def capsule_name(number: int, code: str) -> str:
    """Return a safe file name, ``finding-3-TCP-SYN-LOST.pcapng``."""
    return file_name(f"finding-{number}-{code[:NAME_CHARACTERS]}").replace("..", ".") + ".pcapng"


def _interface(packet: Packet) -> tuple[int, int, int]:
    """Return what an interface block is about: number, link type, and the power of ten that its clock counts in."""
    exponent = next((k for k in range(_NANOSECONDS) if 10**k == packet.ticks_per_second), _NANOSECONDS)
    return packet.interface, packet.link_type, exponent


def _described(link_type: int, exponent: int) -> bytes:
    return _block(_INTERFACE, struct.pack("<HHI", link_type, 0, 0), [(_RESOLUTION, bytes([exponent]))])


def _packet(packet: Packet, interface: int, exponent: int, about: str) -> bytes:
    ticks = (packet.time * 10**exponent // NS_PER_S) & 0xFFFF_FFFF_FFFF_FFFF
    head = struct.pack("<IIIII", interface, ticks >> 32, ticks & 0xFFFF_FFFF, len(packet.data), packet.wire)
    comment = display(f"frame {packet.frame}: {about}", COMMENT_CHARACTERS)
    return _block(_PACKET, head + _padded(packet.data), [(_COMMENT, comment.encode())])


def _block(kind: int, body: bytes, options: Iterable[tuple[int, bytes]]) -> bytes:
    written = [struct.pack("<HH", code, len(value)) + _padded(value) for code, value in options]
    whole = body + b"".join(written) + struct.pack("<HH", _END, 0)
    size = struct.pack("<I", len(whole) + 12)
    return struct.pack("<I", kind) + size + whole + size


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
