"""Write the recorder's pcap as a pcapng that says what it shows and nothing about the machine it was made on.

dumpcap and editcap put the processor, the kernel and the program into the section header; these samples are to be
the same wherever they are made. So tcpdump's classic pcap (nanoseconds) is written anew: section header with a
comment, one interface, the TLS secrets where there are some, one enhanced packet block per packet, and the
recorder's drop count. Format: draft-ietf-opsawg-pcapng, sections 4.1-4.7.
"""

from __future__ import annotations

import struct
from pathlib import Path

NANOSECOND_MAGIC = 0xA1B23C4D
TLS_KEY_LOG = 0x544C534B


def _block(kind: int, body: bytes) -> bytes:
    size = 12 + len(body)
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _options(*options: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<HH", code, len(data)) + _padded(data) for code, data in options) + bytes(4)


def convert(pcap: Path, pcapng: Path, *, comment: str, interface: str, key_log: bytes = b"", drops: int = 0) -> int:
    """Rewrite a nanosecond little-endian pcap as pcapng; return the number of packets.

    Raises:
        ValueError: the input is not what tcpdump writes here.
    """
    data = pcap.read_bytes()
    magic, _, _, _, _, snaplen, link_type = struct.unpack_from("<IHHiIII", data)
    if magic != NANOSECOND_MAGIC:
        raise ValueError(f"{pcap}: not a nanosecond little-endian pcap")
    out = [
        _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + _options((1, comment.encode()))),
        _block(1, struct.pack("<HHI", link_type, 0, snaplen) + _options((2, interface.encode()), (9, b"\x09"))),
    ]
    if key_log:
        out.append(_block(10, struct.pack("<II", TLS_KEY_LOG, len(key_log)) + _padded(key_log)))
    at, count, stamp = 24, 0, 0
    while at < len(data):
        seconds, nanoseconds, captured, wire = struct.unpack_from("<IIII", data, at)
        stamp = seconds * 10**9 + nanoseconds
        packet = data[at + 16 : at + 16 + captured]
        body = struct.pack("<IIIII", 0, stamp >> 32, stamp & 0xFFFFFFFF, captured, wire) + _padded(packet)
        out.append(_block(6, body))
        at += 16 + captured
        count += 1
    statistics = struct.pack("<III", 0, stamp >> 32, stamp & 0xFFFFFFFF)
    out.append(_block(5, statistics + _options((4, struct.pack("<Q", count)), (5, struct.pack("<Q", drops)))))
    pcapng.write_bytes(b"".join(out))
    return count
