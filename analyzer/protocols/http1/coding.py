"""The size of a body's content behind its content coding, found without keeping the content.

Only gzip, deflate and zstd are decoded here (what the standard library and a dependency read); for others, or when
bytes are missing, or beyond a limit, the size is unknown. Output is produced in small pieces and thrown away, so a
bomb costs time up to a bound and no memory.

Sources: RFC 9110 section 8.4, RFC 1950 to 1952, RFC 8878.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import IO, Protocol, cast

from analyzer.flows.stream import ByteStream
from analyzer.protocols.http1.framing import Body
from analyzer.protocols.http1.grammar import Fields

ENCODED_LIMIT = 16 << 20
"""Longest coded body that is decoded for its size: pages and scripts are far below, downloads come compressed as
they are."""

DECODED_LIMIT = 256 << 20
"""Most bytes a body may unfold to before its size is given up (gzip reaches 1000:1, real pages 5:1)."""

_PIECE = 64 << 10
_UNFOLDS = f"a coded body unfolds to more than {DECODED_LIMIT} bytes"

_SAME = {b"x-gzip": b"gzip", b"x-deflate": b"deflate", b"x-zstd": b"zstd"}
_KNOWN = (b"gzip", b"deflate", b"zstd")


class LimitError(Exception):
    """The content is longer than ENCODED_LIMIT, or unfolds beyond DECODED_LIMIT; says which."""


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


def codings(headers: Fields) -> list[bytes]:
    """Return the codings in the order they were applied, without ``identity`` and ``chunked``."""
    words = [*headers.elements(b"content-encoding"), *headers.elements(b"transfer-encoding")]
    names = [_SAME.get(word, word) for word in words]
    return [name for name in names if name not in (b"identity", b"chunked", b"none", b"utf-8")]


def is_coded(headers: Fields) -> bool:
    """Tell whether the content is coded in a way that is decoded here."""
    found = codings(headers)
    return len(found) == 1 and found[0] in _KNOWN


def decoded_size(stream: ByteStream, body: Body, headers: Fields) -> int | None:
    """Return the size of the content after its codings; None when it cannot be known.

    Raises:
        LimitError: it is longer than :data:`ENCODED_LIMIT`, or unfolds to more than :data:`DECODED_LIMIT`.
    """
    if body.stop is not None or body.missing or body.content is None:
        return None
    found = codings(headers)
    if not found or not body.content:
        return body.content
    if len(found) > 1 or found[0] not in _KNOWN or body.ranges is None:
        return None
    if body.content > ENCODED_LIMIT:
        raise LimitError(f"a coded body of more than {ENCODED_LIMIT} bytes is not unfolded")
    pieces = _read(stream, body.ranges)
    return _zstd_size(pieces) if found[0] == b"zstd" else _inflated_size(pieces, gzip=found[0] == b"gzip")


def _read(stream: ByteStream, ranges: tuple[tuple[int, int], ...]) -> Iterator[bytes]:
    for start, size in ranges:
        position, end = start, start + size
        while position < end:
            piece = stream.read(position, min(_PIECE, end - position))
            if not piece:
                return
            yield piece
            position += len(piece)


def _inflated_size(pieces: Iterator[bytes], *, gzip: bool) -> int | None:
    """Count what a gzip (possibly of several members) or deflate body unfolds to; None when it is broken.

    ``deflate`` is zlib's format, but servers exist that send the bare stream (RFC 9110 section 8.4.1.2).
    """
    total = 0
    inflater: _Inflater | None = None
    for piece in pieces:
        data = piece
        while data:
            if inflater is None:
                zlib_header = data[0] & 0x0F == 8 and len(data) > 1 and (data[0] << 8 | data[1]) % 31 == 0
                inflater = zlib.decompressobj(31 if gzip else 15 if zlib_header else -15)
            try:
                total += len(inflater.decompress(data, _PIECE))
            except zlib.error:
                return None
            if total > DECODED_LIMIT:
                raise LimitError(_UNFOLDS)
            if inflater.eof:
                data = inflater.unused_data
                if not gzip or data[:1] not in (b"\x1f", b""):
                    return total  # padding behind the end is ignored
                inflater = None
                if not data:
                    break
            else:
                data = inflater.unconsumed_tail
    return total if inflater is None else None


def _zstd_size(pieces: Iterator[bytes]) -> int | None:
    import zstandard

    total = 0
    reader = zstandard.ZstdDecompressor(max_window_size=8 << 20).stream_reader(
        cast(IO[bytes], _Source(pieces)), read_size=_PIECE, read_across_frames=True
    )
    try:
        while part := reader.read(_PIECE):
            total += len(part)
            if total > DECODED_LIMIT:
                raise LimitError(_UNFOLDS)
    except zstandard.ZstdError:
        return None
    return total


class _Source:
    """Pieces as a file to read from; may give less than asked, never more than a piece."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, empty at the end."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        size = len(self._rest) if size < 0 else size
        out, self._rest = self._rest[:size], self._rest[size:]
        return out
