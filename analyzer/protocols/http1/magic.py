"""The media type that the first bytes of a body show, whatever its header says.

Signatures first, by the first byte; then, for what reads like text, the elements that open an HTML or XML document and
the look of JSON. What reads like text and shows nothing else is ``text/plain``: style sheets and scripts have no
signature. Bytes that show nothing give None, never a guess from their statistics.

Sources: WHATWG MIME Sniffing, sections 6 and 7 (images, audio and video, fonts, archives, HTML, XML, PDF, what counts
as a binary byte); the formats' own specifications for the rest (RFC 8794 EBML, RFC 3302 TIFF, ISO 14496-12 file type
box, APPNOTE.TXT ZIP, PE, ELF); names from the IANA registry where it has one, else as file(1) calls them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

LOOK_BYTES = 512
"""Enough for every signature."""

LEAST_BYTES_OF_UNKNOWN_TEXT = 64
"""Text in an encoding other than UTF-8 is believed from this length on: fewer random bytes may have no binary one."""

_BINARY = bytes((*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)))
"""Binary data bytes (WHATWG section 3)."""

_FULL: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\0\0\1\0", "image/vnd.microsoft.icon"),
    (b"\0\0\2\0", "image/vnd.microsoft.icon"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"8BPS\0\1", "image/vnd.adobe.photoshop"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"%PDF-", "application/pdf"),
    (b"%!PS-Adobe-", "application/postscript"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"\x04\x22\x4d\x18", "application/x-lz4"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed"),
    (b"PK\5\6", "application/zip"),
    (b"!<arch>\ndebian-binary", "application/vnd.debian.binary-package"),
    (b"!<arch>\n", "application/x-archive"),
    (b"\xed\xab\xee\xdb", "application/x-rpm"),
    (b"Cr24", "application/x-chrome-extension"),
    (b"\x7fELF", "application/x-elf"),
    (b"\xfe\xed\xfa\xce", "application/x-mach-binary"),
    (b"\xfe\xed\xfa\xcf", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\0asm", "application/wasm"),
    (b"dex\n0", "application/vnd.android.dex"),
    (b"\x4c\0\0\0\1\x14\2\0", "application/x-ms-shortcut"),
    (b"d8:announce", "application/x-bittorrent"),
    (b"\xa1\xb2\xc3\xd4", "application/vnd.tcpdump.pcap"),
    (b"\xd4\xc3\xb2\xa1", "application/vnd.tcpdump.pcap"),
    (b"\x0a\x0d\x0d\x0a", "application/x-pcapng"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"OTTO", "font/otf"),
    (b"\0\1\0\0\0", "font/ttf"),
    (b"true\0", "font/ttf"),
    (b"ttcf", "font/collection"),
    (b"OggS\0", "application/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"MThd\0\0\0\6", "audio/midi"),
    (b".snd", "audio/basic"),
    (b"#!AMR", "audio/amr"),
    (b"FLV\1", "video/x-flv"),
    (b"\0\0\1\xba", "video/mpeg"),
    (b"\0\0\1\xb3", "video/mpeg"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c", "video/x-ms-asf"),
    (b"#EXTM3U", "application/vnd.apple.mpegurl"),
    (b"WEBVTT", "text/vtt"),
    (b"<?php", "application/x-httpd-php"),
    (b"-----BEGIN ", "application/x-pem-file"),
    (b"BEGIN:VCARD", "text/vcard"),
    (b"BEGIN:VCALENDAR", "text/calendar"),
    (b"\xfe\xff", "text/plain"),
    (b"\xff\xfe", "text/plain"),
)
"""Bytes that a file begins with; where one begins like another, the longer stands first."""


# ── signatures with something between ────────────────────────────────────────────────────────────────────────────

_RIFF = {
    b"WEBP": "image/webp",
    b"WAVE": "audio/wav",
    b"AVI ": "video/x-msvideo",
    b"ACON": "application/x-navi-animation",
}
_BRANDS = {
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"qt  ": "video/quicktime",
    b"3gp4": "video/3gpp",
    b"3gp5": "video/3gpp",
    b"crx ": "image/x-canon-cr3",
}
_OFFICE = {
    b"word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
_MIME_ENTRY = re.compile(rb"mimetype(application/[a-z0-9.+-]{1,80})")
_FLASH_VERSIONS = frozenset(bytes([version]) for version in range(1, 51))
_BITMAP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})


def _riff(data: bytes) -> str | None:
    return _RIFF.get(data[8:12]) if data.startswith(b"RIFF") else None


def _aiff(data: bytes) -> str | None:
    return "audio/aiff" if data.startswith(b"FORM") and data[8:12] in (b"AIFF", b"AIFC") else None


def _zip(data: bytes) -> str | None:
    """Tell the documents that are ZIP archives by the entry that stands first (ODF and EPUB: their type as text)."""
    if not data.startswith(b"PK\3\4"):
        return None
    name = data[30 : 30 + int.from_bytes(data[26:28], "little")]
    if name == b"mimetype":
        # The entry is stored, so its text follows its name (EPUB OCF 3.3 section 4.3; ODF 1.3 part 2 section 3.3).
        found = _MIME_ENTRY.match(data, 30)
        return found[1].decode("ascii") if found is not None else "application/zip"
    for start, kind in _OFFICE.items():
        if name.startswith(start):
            return kind
    if name.startswith(b"META-INF/"):
        return "application/java-archive"
    if name == b"AndroidManifest.xml":
        return "application/vnd.android.package-archive"
    return "application/zip"


def _file_type_box(data: bytes) -> str | None:
    """Tell ISO base media files by their brand (ISO 14496-12 section 4.3, WHATWG section 6.2.1)."""
    if data[4:8] != b"ftyp" or len(data) < 12:
        return None
    return _BRANDS.get(data[8:12], "video/mp4")


def _ebml(data: bytes) -> str | None:
    if not data.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    return "video/webm" if b"\x42\x82\x84webm" in data[:64] else "video/x-matroska"


def _windows_program(data: bytes) -> str | None:
    """Tell a program for DOS or Windows: ``MZ`` alone begins many a text."""
    if not data.startswith(b"MZ") or len(data) < 64:
        return None
    at = int.from_bytes(data[60:64], "little")
    if data[at : at + 4] == b"PE\0\0":
        return "application/vnd.microsoft.portable-executable"
    # Its header may lie behind what is looked at; a DOS header's page count and relocations are then plausible.
    return "application/vnd.microsoft.portable-executable" if at > LOOK_BYTES - 4 and data[2:60].count(0) > 20 else None


def _bitmap(data: bytes) -> str | None:
    ok = data.startswith(b"BM") and len(data) >= 18 and int.from_bytes(data[14:18], "little") in _BITMAP_HEADERS
    return "image/bmp" if ok and data[6:10] == bytes(4) else None


def _mpeg_audio(data: bytes) -> str | None:
    """Tell MPEG audio without a tag, and ADTS, by a frame header whose fields are all allowed (WHATWG 6.2.3)."""
    if len(data) < 4 or data[1] & 0xE0 != 0xE0:
        return None
    if data[1] & 0xF6 == 0xF0:  # layer 0: ADTS (ISO 13818-7 section 6.2)
        return "audio/aac" if data[2] >> 2 & 0xF < 13 else None
    layer, version = data[1] >> 1 & 3, data[1] >> 3 & 3
    rate, sampling = data[2] >> 4, data[2] >> 2 & 3
    return "audio/mpeg" if layer and version != 1 and rate not in (0, 15) and sampling != 3 else None


def _transport_stream(data: bytes) -> str | None:
    """Tell an MPEG transport stream: a sync byte every 188 bytes (ISO 13818-1 section 2.4.3)."""
    return "video/mp2t" if data[188:189] == b"\x47" and data[376:377] == b"\x47" else None


def _java_or_mach(data: bytes) -> str | None:
    """Tell Java classes (major version 45 and up) from Mach-O programs for several machines (a small count)."""
    if not data.startswith(b"\xca\xfe\xba\xbe") or len(data) < 8:
        return None
    return "application/java-vm" if int.from_bytes(data[6:8], "big") >= 45 else "application/x-mach-binary"


def _lzw(data: bytes) -> str | None:
    return "application/x-compress" if data.startswith(b"\x1f\x9d") and data[2:3] > b"\x88" else None


def _bzip2(data: bytes) -> str | None:
    return "application/x-bzip2" if data.startswith(b"BZh") and data[4:10] == b"1AY&SY" else None


def _flash(data: bytes) -> str | None:
    """Tell Flash by a plausible version (SWF specification 19, chapter 2): its letters begin many a word."""
    return "application/x-shockwave-flash" if data[1:3] == b"WS" and data[3:4] in _FLASH_VERSIONS else None


_CHECKS: tuple[tuple[bytes, Callable[[bytes], str | None]], ...] = (
    (b"R", _riff),
    (b"F", _aiff),
    (b"P", _zip),
    (b"\x1a", _ebml),
    (b"M", _windows_program),
    (b"B", _bitmap),
    (b"B", _bzip2),
    (b"F", _flash),
    (b"C", _flash),
    (b"Z", _flash),
    (b"\xff", _mpeg_audio),
    (b"\x47", _transport_stream),
    (b"\xca", _java_or_mach),
    (b"\x1f", _lzw),
    (b"\0", _file_type_box),
)
"""By the first byte (of a file type box: of its size, below 16 MB)."""


def _by_first_byte() -> Mapping[int, tuple[tuple[tuple[bytes, str], ...], tuple[Callable[[bytes], str | None], ...]]]:
    firsts = {signature[0] for signature, _ in _FULL} | {start[0] for start, _ in _CHECKS}
    return {
        first: (
            tuple((signature, kind) for signature, kind in _FULL if signature[0] == first),
            tuple(check for start, check in _CHECKS if start[0] == first),
        )
        for first in firsts
    }


_BY_FIRST_BYTE = _by_first_byte()

# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_HTML = re.compile(
    rb"<(?:!DOCTYPE HTML|HTML|HEAD|SCRIPT|IFRAME|H1|DIV|FONT|TABLE|A|STYLE|TITLE|B|BODY|BR|P|META|LINK|UL|FORM|CENTER)"
    rb"[ >\t\r\n/]|<!--",
    re.IGNORECASE,
)
"""WHATWG section 7.1, and some that today's fragments begin with."""

_XML_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)[\s/>]")
_XML_KINDS = {
    b"svg": "image/svg+xml",
    b"rss": "application/rss+xml",
    b"feed": "application/atom+xml",
    b"html": "application/xhtml+xml",
}
_JSON = re.compile(
    rb'\{\s*(?:"(?:[^"\\\n]|\\.)*(?:"\s*:|\Z)|\}\s*\Z)|\[\s*(?:[{\["]|\]\s*\Z|(?:-?\d[\d.eE+-]*|true|false|null)\s*[,\]])'
)
_SCRIPT = re.compile(rb"#!\s*(?:/\S*/)?(?:env\s+(?:-\S+\s+)*)?([a-z]+)")
_SHELLS = frozenset({b"sh", b"bash", b"dash", b"zsh", b"ksh", b"ash", b"csh", b"tcsh", b"fish"})


def _xml(text: bytes) -> str:
    root = _XML_ROOT.search(text)
    return "application/xml" if root is None else _XML_KINDS.get(root[1].lower(), "application/xml")


def _script(text: bytes) -> str | None:
    found = _SCRIPT.match(text)
    if found is None:
        return None
    return "text/x-shellscript" if found[1] in _SHELLS else f"text/x-script.{found[1].decode('ascii')}"


def _is_text(data: bytes) -> bool:
    """Tell whether bytes read like text: no binary one among them, and UTF-8 or long enough to be no accident."""
    if len(data.translate(None, _BINARY)) != len(data):
        return False
    if data.isascii() or len(data) >= LEAST_BYTES_OF_UNKNOWN_TEXT:
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def _text(data: bytes) -> str | None:
    text = data.removeprefix(b"\xef\xbb\xbf").lstrip(b"\t\n\x0c\r ")
    first = text[:1]
    if first == b"<":
        if text.startswith(b"<?xml"):
            return _xml(text[5:])
        if text[:4].lower() == b"<svg":
            return "image/svg+xml"
        if _HTML.match(text) is not None:
            return "text/html"
    if not _is_text(data):
        return None
    if first in (b"{", b"[") and _JSON.match(text) is not None:
        return "application/json"
    return (_script(text) if text.startswith(b"#!") else None) or "text/plain"


def media_type(beginning: bytes) -> str | None:
    """Return the media type that a decoded body's first bytes show, None when they show none.

    Args:
        beginning: of the content behind its codings; what lies behind :data:`LOOK_BYTES` is not looked at.
    """
    if not beginning:
        return None
    data = beginning[:LOOK_BYTES]
    entry = _BY_FIRST_BYTE.get(data[0])
    if entry is not None:
        for signature, kind in entry[0]:
            if data.startswith(signature):
                return kind
        for check in entry[1]:
            if (shown := check(data)) is not None:
                return shown
    if data[257:263] in (b"ustar\0", b"ustar "):
        return "application/x-tar"
    return _text(data)
