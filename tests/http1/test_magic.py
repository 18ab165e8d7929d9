"""The type that the first bytes show: signatures as the formats' specifications give them, and files made by others."""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import sys
import tarfile
import wave
import zipfile
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.http1.magic import LOOK_BYTES, media_type


def zipped(*names: str, first: bytes = b"text") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, first)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("page.html")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"page"))
    return out.getvalue()


def sound() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", "none"))
        file.writeframes(bytes(100))
    return out.getvalue()


def portable_executable() -> bytes:
    """PE format, section "MS-DOS stub": the offset of the signature stands at 0x3c."""
    return b"MZ" + bytes(58) + struct.pack("<I", 0x80) + bytes(64) + b"PE\0\0" + bytes(20)


def box(brand: bytes) -> bytes:
    return struct.pack(">I", 20) + b"ftyp" + brand + bytes(4) + b"isom"


MADE = [
    ("image/png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
    ("image/jpeg", b"\xff\xd8\xff\xe0\0\x10JFIF"),
    ("image/gif", b"GIF89a\1\0\1\0"),
    ("image/webp", b"RIFF\x24\0\0\0WEBPVP8 "),
    ("image/bmp", b"BM" + struct.pack("<IHHII", 70, 0, 0, 54, 40)),
    ("image/vnd.microsoft.icon", b"\0\0\1\0\1\0\x10\x10"),
    ("image/avif", box(b"avif")),
    ("image/svg+xml", b'<svg xmlns="http://www.w3.org/2000/svg">'),
    ("image/svg+xml", b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg width="1">'),
    ("application/pdf", b"%PDF-1.7\n%\xe2\xe3"),
    ("application/gzip", zlib.compress(b"x", wbits=31)),
    ("application/x-bzip2", bz2.compress(b"x")),
    ("application/x-xz", lzma.compress(b"x")),
    ("application/zstd", zstandard.compress(b"x")),
    ("application/x-tar", tarred()),
    ("application/zip", zipped("page.html")),
    ("application/zip", b"PK\5\6" + bytes(18)),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", zipped("word/document.xml")),
    ("application/epub+zip", zipped("mimetype", first=b"application/epub+zip")),
    ("application/vnd.oasis.opendocument.text", zipped("mimetype", first=b"application/vnd.oasis.opendocument.text")),
    ("application/java-archive", zipped("META-INF/MANIFEST.MF")),
    ("font/woff2", b"wOF2\0\1\0\0"),
    ("font/ttf", b"\0\1\0\0\0\x0f\0\x80"),
    ("audio/wav", sound()),
    ("audio/mpeg", b"ID3\4\0"),
    ("audio/mpeg", b"\xff\xfb\x90\x64" + bytes(100)),
    ("application/ogg", b"OggS\0\2"),
    ("video/mp4", box(b"isom")),
    ("video/webm", b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\xf7\x81\1\x42\x82\x84webm"),
    ("video/mp2t", (b"\x47" + bytes(187)) * 3),
    ("application/x-elf", b"\x7fELF\2\1\1"),
    ("application/vnd.microsoft.portable-executable", portable_executable()),
    ("application/java-vm", b"\xca\xfe\xba\xbe\0\0\0\x34"),
    ("application/wasm", b"\0asm\1\0\0\0"),
    ("application/x-shockwave-flash", b"CWS\x0a\x12\x34"),
    ("application/x-httpd-php", b"<?php echo 1;"),
    ("text/html", b"<!DOCTYPE html><html>"),
    ("text/html", b"\xef\xbb\xbf \r\n\t<HTML lang=en>"),
    ("text/html", b"<!-- page --><p>"),
    ("application/xml", b'<?xml version="1.0"?><note>'),
    ("application/rss+xml", b'<?xml version="1.0"?>\n<rss version="2.0">'),
    ("application/json", b'{"status": "ok"}'),
    ("application/json", b' [ {"a": 1},'),
    ("application/json", b"[1, 2, 3]"),
    ("application/json", b"{}"),
    ("text/x-shellscript", b"#!/bin/sh\nrm -rf x\n"),
    ("text/x-script.python", b"#!/usr/bin/env python3\n"),
    ("text/plain", b"body { color: red }"),
    ("text/plain", b"[section]\nname=value\n"),
    ("text/plain", b"[12:30:01] started\n"),
    ("text/plain", "Grüße, 你好".encode()),
    ("text/plain", "Grüße, 你好".encode()[:-1]),  # cut in the middle of a character
    ("text/plain", "价格和库存".encode("gb18030") * 20),
    ("text/plain", b"BZh is how bzip2 files begin"),
    ("text/plain", b"MZ and PK are initials"),
    ("text/plain", b"\xff\xfeh\0i\0"),
]


@pytest.mark.parametrize(("kind", "data"), MADE, ids=[f"{kind}-{number}" for number, (kind, _) in enumerate(MADE)])
def test_shown_by_the_first_bytes(kind: str, data: bytes) -> None:
    assert media_type(data) == kind
    assert media_type(data.ljust(LOOK_BYTES, b" " if kind.startswith(("text", "image/svg")) else b"\0")) == kind or (
        kind in ("application/json", "text/plain", "application/zip")
    )


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\1\2\3 plain binary", b"\x80\x81\xfe", b"RIFF1234XXXX\0"])
def test_nothing_is_shown(data: bytes) -> None:
    assert media_type(data) is None


def test_programs_of_this_machine() -> None:
    kinds = {media_type(Path(sys.executable).resolve().read_bytes()[:LOOK_BYTES])}
    kinds.add(media_type(Path(zlib.__file__).read_bytes()[:LOOK_BYTES]) if hasattr(zlib, "__file__") else "none")
    assert kinds & {"application/x-elf", "application/x-mach-binary", "application/vnd.microsoft.portable-executable"}


@given(st.binary(max_size=600))
def test_any_bytes_give_a_type_or_none(data: bytes) -> None:
    kind = media_type(data)
    assert kind is None or kind.count("/") == 1
    assert media_type(data + b"\0" * LOOK_BYTES) == media_type((data + b"\0" * LOOK_BYTES)[:LOOK_BYTES])
