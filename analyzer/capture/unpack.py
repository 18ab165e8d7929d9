"""Unfolding compressed captures: gzip and zstd, as streams, within the limits.

Rules. Never more than a few megabytes are in memory: output goes to a file as it comes. A stream that ends early or
is damaged gives what came before it. Files of several members (or frames) are one stream. The ratio of output to
input is watched, so a bomb is refused long before it fills the disk.

Sources: RFC 1952 (gzip; section 2.2 members), RFC 8878 (zstd; section 3.1 frames).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from analyzer.capture.detect import GZIP
from analyzer.capture.records import Progress
from analyzer.errors import LimitExceededError
from analyzer.options import Limits
from analyzer.problems import Problem

_OUT_BYTES = 4 << 20
_RATIO_FROM = 64 << 20  # below this a ratio says nothing: ten zero pages pack to a few bytes
_GZIP_IN_BYTES = 64 << 10
_ZSTD_IN_BYTES = 2048
"""Input given to zstd at a time. A block of 4 bytes can unfold to 128 KiB, so this bounds one answer to 64 MiB."""


@dataclass(slots=True)
class Meter:
    """Watches how much came in and went out.

    Attributes:
        total: compressed size, for progress.
    """

    path: str
    limits: Limits
    total: int
    progress: Progress | None = None
    read: int = 0
    written: int = 0

    def take(self, source: IO[bytes], size: int) -> bytes:
        """Read and count up to ``size`` compressed bytes; empty at the end."""
        data = source.read(size)
        self.read += len(data)
        return data

    def check(self) -> None:
        """Raise LimitExceededError when the output is beyond a limit."""
        limits = self.limits
        if self.written > limits.decompressed_bytes:
            reason = f"it unfolds to more than {limits.decompressed_bytes} bytes (limit decompressed_bytes)"
            raise LimitExceededError(self.path, reason)
        if self.written > _RATIO_FROM and self.written > limits.decompression_ratio * max(self.read, 1):
            reason = f"it unfolds to more than {limits.decompression_ratio} times its size (limit decompression_ratio)"
            raise LimitExceededError(self.path, reason)


def unpack(form: str, source: IO[bytes], sink: IO[bytes], meter: Meter) -> Problem | None:
    """Unfold a compressed file into another.

    Args:
        form: :data:`analyzer.capture.detect.GZIP` or ``ZSTD``.
        source: the compressed file, at its beginning.
        sink: where the bytes go.
        meter: watches the limits.

    Returns:
        What was wrong with the stream, if anything; all that could be unfolded before it is in ``sink``.

    Raises:
        LimitExceededError: a limit of ``meter`` was hit.
    """
    pieces = _gzip(source, meter) if form == GZIP else _zstd(source, meter)
    for piece in pieces:
        if isinstance(piece, Problem):
            return piece
        meter.written += len(piece)
        meter.check()
        sink.write(piece)
        if meter.progress is not None and meter.total:
            meter.progress("unpacking", min(meter.read / meter.total, 1.0))
    return None


def _fault(code: str, message: str, offset: int) -> Problem:
    return Problem(code, "capture", message, None, offset)


def _gzip(source: IO[bytes], meter: Meter) -> Iterator[bytes | Problem]:
    """Unfold member after member; the last thing given is a Problem when the stream is not sound."""
    data = b""
    while True:
        stream = zlib.decompressobj(wbits=31)
        while not stream.eof:
            data = data or meter.take(source, _GZIP_IN_BYTES)
            if not data:
                yield stream.flush()
                yield _fault("GZIP-CUT", "the gzip stream ends early", meter.read)
                return
            before = stream.copy()
            try:
                piece = stream.decompress(data, _OUT_BYTES)
            except zlib.error as error:
                yield from _until_fault(before, data)
                yield _fault("GZIP-BAD", f"the gzip stream is damaged ({error})", meter.read)
                return
            data = stream.unconsumed_tail
            yield piece
        data = stream.unused_data.lstrip(b"\0")  # tapes and some devices pad with zeros
        while len(data) < 2 and (more := meter.take(source, _GZIP_IN_BYTES)):
            data = (data + more).lstrip(b"\0")
        if not data:
            return
        if not data.startswith(b"\x1f\x8b"):
            yield _fault("GZIP-TRAILING", "other data follows the gzip stream; it was not read", meter.read - len(data))
            return


def _until_fault(stream: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """Give what a damaged piece still unfolds to, byte by byte up to the fault."""
    pieces = bytearray()
    try:
        for at in range(len(data)):
            pieces += stream.decompress(data[at : at + 1])
    except zlib.error:
        pass
    yield bytes(pieces)


def _zstd(source: IO[bytes], meter: Meter) -> Iterator[bytes | Problem]:
    """Unfold frame after frame; the last thing given is a Problem when the stream is not sound."""
    import zstandard

    data = b""
    while True:
        stream = zstandard.ZstdDecompressor().decompressobj()
        while not stream.eof:
            data = data or meter.take(source, _ZSTD_IN_BYTES)
            if not data:
                yield _fault("ZSTD-CUT", "the zstd stream ends early", meter.read)
                return
            try:
                piece = stream.decompress(data)
            except zstandard.ZstdError as error:
                yield _fault("ZSTD-BAD", f"the zstd stream is damaged ({error})", meter.read)
                return
            data = b""
            yield piece
        data = stream.unused_data
        while len(data) < 4 and (more := meter.take(source, _ZSTD_IN_BYTES)):
            data += more
        if not data:
            return
        if data[:4] != b"\x28\xb5\x2f\xfd" and data[1:4] != b"\x2a\x4d\x18":  # a frame, or one to skip
            yield _fault("ZSTD-TRAILING", "other data follows the zstd stream; it was not read", meter.read - len(data))
            return
