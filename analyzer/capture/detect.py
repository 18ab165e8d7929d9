"""What a file is, by its first bytes: a capture, something compressed, or something that is not read.

Names are never looked at. For what is not a capture the answer says what it is, and what to do, when it can tell.

Sources: the magic numbers of the formats named; for ETL the buffer header and the system trace header at byte 72
that begin each trace, for ERF the 16-byte record header (type, length) followed from record to record.
"""

from __future__ import annotations

import struct

from analyzer.capture import pcap, pcapng

HEAD_BYTES = 4096
"""How much of the beginning is looked at."""

PCAP, PCAPNG, GZIP, ZSTD = "pcap", "pcapng", "gzip", "zstd"
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

_OF_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"snoop\0\0\0", "a Solaris snoop capture: convert it with editcap"),
    (b"GMBU", "a Microsoft Network Monitor 2 capture: convert it with editcap"),
    (b"RTSS", "a Microsoft Network Monitor 1 capture: convert it with editcap"),
    (b"iptrace ", "an AIX iptrace capture: convert it with editcap"),
    (b"btsnoop\0", "a Bluetooth btsnoop capture"),
    (b"XCP\0", "a NetXRay or Windows Sniffer capture: convert it with editcap"),
    (b"TRSNIFF data    \x1a", "a DOS Sniffer capture: convert it with editcap"),
    (b"\x7fver", "a WildPackets capture: convert it with editcap"),
    (b"\x05VNF", "a Visual Networks capture: convert it with editcap"),
    (b"ViSiGrAl", "a Visual UpTime capture"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive: unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive: unpack it first"),
)
"""What begins so is a capture that this program does not read, or may hold some."""
_OTHER: tuple[tuple[bytes, str], ...] = (
    *_OF_OTHERS,
    (b"PK\x03\x04", "a ZIP archive: unpack it first"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xfd7zXZ\0", "xz-compressed: unpack it first"),
    (b"BZh", "bzip2-compressed: unpack it first"),
    (b"\x04\x22\x4d\x18", "lz4-compressed: unpack it first"),
    (b"%PDF-", "a PDF document"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x7fELF", "a program (ELF)"),
    (b"MZ", "a Windows program"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: fetch it with git lfs pull"),
)
_TEXT: tuple[tuple[bytes, str], ...] = (
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<head", "an HTML page"),
    (b"<body", "an HTML page"),
    (b"<?xml", "an XML document"),
    (b"client_random ", "a TLS key log"),
    (b"server_handshake_traffic_secret ", "a TLS key log"),
    (b"client_handshake_traffic_secret ", "a TLS key log"),
    (b"# ssl/tls secrets log", "a TLS key log"),
    (b"-----begin ", "a PEM file"),
)


def form(head: bytes) -> str | None:
    """Return :data:`PCAP`, :data:`PCAPNG`, :data:`GZIP` or :data:`ZSTD`; None for anything else."""
    if head[:4] in pcap.MAGICS:
        return PCAP
    if head.startswith(pcapng.MAGIC):
        return PCAPNG
    if head.startswith(_GZIP_MAGIC):
        return GZIP
    return ZSTD if head.startswith(_ZSTD_MAGIC) else None


def is_of_others(head: bytes) -> bool:
    """Tell whether a file is a capture that this program does not read, or an archive that may hold some."""
    return head.startswith(tuple(magic for magic, _ in _OF_OTHERS))


def cut_magic(head: bytes) -> bool:
    """Tell whether a file of less than 4 bytes is the beginning of a capture's magic number."""
    magics = [*pcap.MAGICS, pcapng.MAGIC, _GZIP_MAGIC, _ZSTD_MAGIC]
    return 0 < len(head) < 4 and any(magic.startswith(head) for magic in magics)


def other(head: bytes) -> str:
    """Say what a file that is no capture is, as the end of "this is ...".

    Args:
        head: the first :data:`HEAD_BYTES` of it, at least one byte.
    """
    for magic, what in _OTHER:
        if head.startswith(magic):
            return what
    if head[257:262] == b"ustar":
        return "a tar archive: unpack it first"
    text = _text(head)
    if text is not None:
        return text
    if _is_etl(head):
        return "an ETL trace: convert it with etl2pcapng"
    if not any(head):
        return "not a capture: it begins with nothing but zero bytes"
    if _is_erf(head):
        return "an Endace ERF capture: convert it with editcap"
    return f"not a capture: it begins with the bytes {head[:8].hex(' ')}"


def _text(head: bytes) -> str | None:
    """Say which kind of text this is; None when it is none."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for magic, what in _TEXT:
        if start.startswith(magic):
            return what
    if start.startswith(b"<!--") and b"<html" in start:
        return "an HTML page"
    controls = sum(byte < 32 and byte not in b"\t\n\v\f\r\x1b" for byte in head)
    if controls or not start:
        return None
    try:
        head.decode("utf-8", "strict" if len(head) < HEAD_BYTES else "ignore")
    except UnicodeDecodeError:
        return None
    if start[:1] in b"{[":
        return "a HAR file" if b'"log"' in start[:200] else "a JSON document"
    return "a text file (text2pcap turns a hex dump into a capture)"


def _is_etl(head: bytes) -> bool:
    """A WMI buffer header with a plausible size, then a system trace header: type 1 or 2, flags 0xC0."""
    if len(head) < 76:
        return False
    size, saved, current = struct.unpack_from("<III", head)
    return 1024 <= size <= 64 << 20 and saved <= size and current <= size and head[74] in (1, 2) and head[75] == 0xC0


def _is_erf(head: bytes) -> bool:
    """Three records, or all that are in a short file, with a known type and a length that leads to the next."""
    at = records = 0
    while at + 16 <= len(head) and records < 3:
        kind, _flags, length = struct.unpack_from(">BBH", head, at + 8)
        if not 1 <= kind & 0x7F <= 48 or length < 16:
            return False
        at += length
        records += 1
    return records == 3 or (records > 0 and (at == len(head) or len(head) == HEAD_BYTES))
