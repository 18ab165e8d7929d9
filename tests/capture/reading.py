"""Reads bytes as a capture, the way the tests of this folder need it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from analyzer.capture.model import PacketIndex
from analyzer.capture.source import open_capture
from analyzer.options import Limits, Options


def read(data: bytes, limits: Limits | None = None) -> PacketIndex:
    """Write bytes to a file with a meaningless name and open it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        return open_capture(str(path), Options(limits=limits or Limits()))


def packets(index: PacketIndex) -> list[tuple[int, bytes, int]]:
    """List (time in ns, captured bytes, length on the wire) of every row."""
    rows = zip(index.time, index.offset, index.caplen, index.wirelen, strict=True)
    return [(int(t), index.data.read(int(o), int(c)), int(w)) for t, o, c, w in rows]


def codes(index: PacketIndex) -> list[str]:
    """List the codes of the problems."""
    return [problem.code for problem in index.problems]
