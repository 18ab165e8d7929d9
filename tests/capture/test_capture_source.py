"""Opening: what a file is, where it comes from, compression, and one clear line for everything else."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
import sys
import threading
import zlib
from pathlib import Path

import pytest
import zstandard

from analyzer.capture import source
from analyzer.capture.source import open_capture
from analyzer.errors import CaptureError, CorruptCaptureError, LimitExceededError, UnsupportedFormatError
from analyzer.options import Limits, Options
from tests.build import pcap_file, pcapng_file
from tests.capture.reading import codes, packets, read

ROWS = [(1_700_000_000_000_000_000 + n * 1000, bytes([n]) * (n % 50), n % 50) for n in range(200)]
CAPTURE = pcap_file(ROWS)


def test_digest_and_size_are_of_the_file_on_disk(tmp_path: Path) -> None:
    packed = gzip.compress(CAPTURE)
    path = tmp_path / "looks-like.png"
    path.write_bytes(packed)
    index = open_capture(str(path), Options())
    assert index.sha256 == hashlib.sha256(packed).hexdigest()
    assert index.size_bytes == len(packed)
    assert (index.compression, index.format, index.path) == ("gzip", "pcap", str(path))
    assert packets(index) == ROWS


def test_large_file_is_mapped_and_hashed_beside(tmp_path: Path) -> None:
    data = pcap_file([(n * 1000, bytes(1400)) for n in range(4000)])
    path = tmp_path / "large"
    path.write_bytes(data)
    done: list[float] = []
    index = open_capture(str(path), Options(), lambda what, share: done.append(share))
    assert index.data.mapping is not None
    assert index.sha256 == hashlib.sha256(data).hexdigest()
    assert len(index) == 4000
    assert done[-1] == 1.0
    path.unlink()
    assert index.data.read(int(index.offset[-1]), 9) == bytes(9)


@pytest.mark.parametrize("form", ["gzip", "zstd"])
@pytest.mark.parametrize("capture", [CAPTURE, pcapng_file(ROWS)])
def test_compressed(form: str, capture: bytes) -> None:
    packed = gzip.compress(capture) if form == "gzip" else zstandard.compress(capture)
    index = read(packed)
    assert index.compression == form
    assert packets(index) == ROWS
    assert not index.truncated
    assert index.problems == ()


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_several_members(form: str) -> None:
    compress = gzip.compress if form == "gzip" else zstandard.compress
    parts = [CAPTURE[n : n + 700] for n in range(0, len(CAPTURE), 700)]
    skipped = b"" if form == "gzip" else struct.pack("<II", 0x184D2A51, 5) + b"notes"
    index = read(skipped.join(compress(part) for part in parts))
    assert packets(index) == ROWS
    assert not index.truncated


def test_gzip_padded_with_zeros() -> None:
    index = read(gzip.compress(CAPTURE) + bytes(1024))
    assert packets(index) == ROWS
    assert index.problems == ()


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_something_else_behind_the_stream(form: str) -> None:
    packed = gzip.compress(CAPTURE) if form == "gzip" else zstandard.compress(CAPTURE)
    index = read(packed + b"something else")
    assert packets(index) == ROWS
    assert codes(index) == [f"{form.upper()}-TRAILING"]
    assert index.problems[0].offset == len(packed)
    assert not index.truncated


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_stream_cut_at_every_byte(form: str) -> None:
    """What was unpacked before the cut is read."""
    packer = zlib.compressobj(wbits=31) if form == "gzip" else zstandard.ZstdCompressor().compressobj()
    flush = zlib.Z_SYNC_FLUSH if form == "gzip" else zstandard.COMPRESSOBJ_FLUSH_BLOCK
    half = len(CAPTURE) // 2
    first = packer.compress(CAPTURE[:half]) + packer.flush(flush)
    packed = first + packer.compress(CAPTURE[half:]) + packer.flush()
    counts = []
    for cut in range(4, len(packed), 7):
        try:
            index = read(packed[:cut])
        except CorruptCaptureError:
            counts.append(-1)
            continue
        assert index.truncated
        assert f"{form.upper()}-CUT" in codes(index)
        assert packets(index) == ROWS[: len(index)]
        counts.append(len(index))
        if cut >= len(first):
            assert len(index) >= 90
    assert counts == sorted(counts)


def test_damaged_gzip_keeps_what_came_before() -> None:
    packed = bytearray(gzip.compress(CAPTURE))
    packed[-8] ^= 0xFF  # the checksum: all data came before it
    index = read(bytes(packed))
    assert packets(index) == ROWS
    assert codes(index) == ["GZIP-BAD"]
    assert index.truncated


def test_limit_on_unfolded_bytes() -> None:
    with pytest.raises(LimitExceededError, match="limit decompressed_bytes"):
        read(gzip.compress(CAPTURE), Limits(decompressed_bytes=1000))


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_bomb(form: str) -> None:
    """80 MB of zeros: gzip packs them about 1000:1, zstd far more."""
    zeros = bytes(80 << 20)
    packed = gzip.compress(zeros) if form == "gzip" else zstandard.compress(zeros)
    with pytest.raises(LimitExceededError, match="limit decompression_ratio"):
        read(packed, Limits(decompression_ratio=100))
    with pytest.raises(LimitExceededError, match="limit decompression_ratio"):
        read(packed)


STANDARD_INPUTS = [CAPTURE, gzip.compress(CAPTURE)]


@pytest.mark.parametrize("data", STANDARD_INPUTS)
def test_standard_input(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    index = open_capture("-", Options())
    assert packets(index) == ROWS
    assert index.sha256 == hashlib.sha256(data).hexdigest()
    assert (index.path, index.size_bytes) == ("-", len(data))


def test_standard_input_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(CAPTURE)))
    with pytest.raises(LimitExceededError, match="standard input: it gives more than 100 bytes"):
        open_capture("-", Options(limits=Limits(decompressed_bytes=100)))


def test_standard_input_is_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    controller, terminal = os.openpty()
    with os.fdopen(controller, "rb", buffering=0), os.fdopen(terminal, "r") as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        with pytest.raises(CaptureError, match="it is a terminal"):
            open_capture("-", Options())


def test_standard_input_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CaptureError, match="standard input: it is closed"):
        open_capture("-", Options())


def test_named_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(CAPTURE,))
    writer.start()
    index = open_capture(str(pipe), Options())
    writer.join()
    assert packets(index) == ROWS


OTHER_FILES = {
    "an HTML page": b"\n<!DOCTYPE HTML>\n<html>",
    "an XML document": b"<?xml version='1.0'?><a/>",
    "an ETL trace: convert it with etl2pcapng": struct.pack("<III", 65536, 72, 65000) + bytes(60)
    + b"\x02\x00\x02\xc0" + bytes(200),
    "a Solaris snoop capture": b"snoop\0\0\0" + struct.pack(">II", 2, 4),
    "a Microsoft Network Monitor 2 capture": b"GMBU\0\x02\1\0",
    "an Endace ERF capture": (bytes(8) + struct.pack(">BBHHH", 2, 4, 36, 0, 16) + bytes(20)) * 4,
    "a PDF document": b"%PDF-1.7\n",
    "a ZIP archive: unpack it first": b"PK\x03\x04\x14\0",
    "a PNG image": b"\x89PNG\r\n\x1a\n",
    "a JSON document": b'{"a": 1}\n',
    "a HAR file": b'{\n "log": {"version": "1.2"}}',
    "a TLS key log": b"CLIENT_RANDOM 00 11\n",
    "a text file": b"0000  45 00 00 54\n",
    "xz-compressed: unpack it first": b"\xfd7zXZ\0\0",
    "a tar archive: unpack it first": b"name".ljust(257, b"\0") + b"ustar\x0000",
    "not a capture: it begins with nothing but zero bytes": bytes(100),
    "not a capture: it begins with the bytes 80 81 82 00": b"\x80\x81\x82\0",
}  # fmt: skip


@pytest.mark.parametrize("what", OTHER_FILES)
def test_other_files_are_named(what: str) -> None:
    with pytest.raises(UnsupportedFormatError) as caught:
        read(OTHER_FILES[what])
    assert caught.value.reason.startswith(f"this is {what}")
    assert caught.value.exit_code == 3


def test_compressed_other_file() -> None:
    with pytest.raises(UnsupportedFormatError, match="what the gzip file holds is a tar archive"):
        read(gzip.compress(OTHER_FILES["a tar archive: unpack it first"]))
    with pytest.raises(UnsupportedFormatError, match="compressed twice"):
        read(gzip.compress(zstandard.compress(CAPTURE)))
    with pytest.raises(UnsupportedFormatError, match="the gzip file holds an empty file"):
        read(gzip.compress(b""))
    with pytest.raises(CorruptCaptureError, match="the gzip stream ends early before anything was unpacked at byte 12"):
        read(gzip.compress(CAPTURE)[:12])


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.pcap"
    path.touch()
    with pytest.raises(UnsupportedFormatError) as caught:
        open_capture(str(path), Options())
    assert str(caught.value) == f"{path}: the file is empty"


@pytest.mark.parametrize("size", [1, 3, 4, 23])
def test_header_cut_short(size: int) -> None:
    with pytest.raises(CorruptCaptureError, match="cut short"):
        read(CAPTURE[:size])


def test_what_is_no_file(tmp_path: Path) -> None:
    for path, reason in {
        str(tmp_path): "it is a directory, not a capture",
        str(tmp_path / "none"): "there is no such file",
        "/dev/null": "it is a device or socket, not a file",
        "a\0b": "this is not a path",
        str(tmp_path / ("n" * 300)): "file name too long",
    }.items():
        with pytest.raises(CaptureError) as caught:
            open_capture(path, Options())
        assert caught.value.reason == reason
        assert "\0" not in str(caught.value)


def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.pcap"
    path.write_bytes(CAPTURE)

    def refuse(*_arguments: object, **_named: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(source.Path, "open", refuse)
    with pytest.raises(CaptureError, match="it may not be read"):
        open_capture(str(path), Options())


def test_no_room_for_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(source, "unpack", full)
    with pytest.raises(CaptureError, match="there is no room for a temporary copy"):
        read(gzip.compress(CAPTURE))
