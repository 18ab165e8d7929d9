"""HAR's ``content.compression``: bytes that a coding saved, where it saved any."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.export.archives import archive, complaints
from tests.visits.scene import Scene, get

TEXT = b"hello hello hello hello " * 20


def chunked(body: bytes, size: int) -> bytes:
    """Cut a body into chunks (RFC 9112 section 7.1)."""
    parts = (body[low : low + size] for low in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def content(folder: Path, body: bytes, *fields: bytes) -> dict[str, Any]:
    scene = Scene()
    head = b"".join(field + b"\r\n" for field in (b"HTTP/1.1 200 OK", b"Content-Type: text/plain", *fields))
    scene.exchange(0, get("/"), head + b"\r\n" + body)
    made = archive(scene.analysis(folder))
    assert complaints(made) == []
    (entry,) = made["entries"]
    found: dict[str, Any] = entry["response"]["content"]
    return found


@pytest.mark.parametrize(("size", "lines"), [(480, 5 + 2 + 5), (10, 48 * 5 + 5)])
def test_chunk_lines_are_no_compression(tmp_path: Path, size: int, lines: int) -> None:
    """They make the body longer than its 480 bytes: nothing was saved, and a negative saving says nothing."""
    body = chunked(TEXT, size)
    assert len(body) == 480 + lines
    shown = content(tmp_path, body, b"Transfer-Encoding: chunked")
    assert shown["size"] == 480
    assert "compression" not in shown


def test_saved_in_spite_of_chunks(tmp_path: Path) -> None:
    packed = gzip.compress(TEXT, mtime=0)
    body = chunked(packed, 20)
    shown = content(tmp_path, body, b"Transfer-Encoding: chunked", b"Content-Encoding: gzip")
    assert (shown["size"], shown["compression"]) == (480, 480 - len(body))
    assert shown["compression"] > 0


def test_nothing_coded(tmp_path: Path) -> None:
    shown = content(tmp_path, TEXT, b"Content-Length: 480")
    assert (shown["size"], shown["compression"]) == (480, 0)


def test_coding_that_made_it_longer(tmp_path: Path) -> None:
    packed = gzip.compress(b"a", mtime=0)
    shown = content(tmp_path, packed, b"Content-Encoding: gzip", b"Content-Length: %d" % len(packed))
    assert shown["size"] == 1
    assert "compression" not in shown
