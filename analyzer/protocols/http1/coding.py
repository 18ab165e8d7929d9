"""Content and transfer codings taken off: gzip, deflate, br, zstd, and lists of them.

Rules:

* Codings are applied in the order they are named, content codings before transfer codings, and come off in reverse
  (RFC 9110 section 8.4). ``chunked`` is none of them: :mod:`analyzer.protocols.http1.bodies` takes it off.
* A stream gives what it can before it says that it is ``broken`` or ``incomplete``. What follows its proper end is
  ignored, as browsers do; behind brotli it counts as broken, because the library does not say where the end was.
* Output comes in small pieces, so a bomb needs no memory. All of it, of every coding in a list, is charged to a
  :class:`Meter`, so that a bomb inside a bomb takes no time either. So are the further gzip members and zstd frames
  of a body: a million empty ones are a bomb that unfolds to nothing.

Sources: RFC 9110 section 8.4, RFC 1950 to 1952, RFC 7932, RFC 8878, RFC 9659 (zstd's window in HTTP).
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from analyzer.protocols.http1.grammar import Fields

ENCODED_LIMIT = 16 << 20
"""Longest coded body that an analysis unfolds for its size: pages and scripts are far below, downloads come compressed
as they are."""

DECODED_LIMIT = 256 << 20
"""Most bytes a body may unfold to before it is given up (gzip reaches 1000:1, real pages 5:1)."""

CODINGS_LIMIT = 4
"""Most codings of one body that are taken off; two are rare, and more are only meant to take time."""

MEMBER_COST = 16 << 10
"""What a further gzip member or zstd frame is charged: about the time of unfolding as many bytes."""

JOINED_BYTES = 16 << 10
"""Pieces are joined to at least so many bytes before they are inflated: an inflater is copied (40 kB) before each, so
that what is good of a broken piece is not lost, and a body may come in chunks of a few bytes."""

ZSTD_WINDOW = 8 << 20
"""Largest window a zstd body may ask for (RFC 9659 section 3)."""

OUTPUT_BYTES = 64 << 10
"""Most bytes of a piece of output (brotli takes up to half more; of zstd see ZSTD_INPUT)."""

ZSTD_INPUT = 512
"""Bytes given to zstd at a time: it knows no limit on output, and four bytes can become 128 kB. So at most 16 MB."""

BROTLI_INPUT = 256
"""Bytes given to brotli at a time: what it made of the last ones is lost when they turn out to be broken."""

_SAME = {b"x-gzip": b"gzip", b"x-deflate": b"deflate", b"x-zstd": b"zstd", b"brotli": b"br"}
_NOTHING = frozenset({b"identity", b"chunked", b"none", b"utf-8", b"binary", b"7bit", b"8bit"})

Pieces = Iterator[bytes]


class LimitError(Exception):
    """The content unfolds beyond what its meter allows; says to how much."""


class CodingError(Exception):
    """The coded stream cannot be read to its end.

    Attributes:
        why: ``broken`` (it breaks the rules of its coding) or ``incomplete`` (it ends before its own end).
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Meter:
    """Counts what unfolding costs, in bytes.

    Attributes:
        spent: so far.
        most: beyond this a LimitError is raised.
    """

    __slots__ = ("most", "spent")

    def __init__(self, most: int) -> None:
        self.most, self.spent = most, 0

    def charge(self, size: int) -> None:
        """Charge ``size`` bytes.

        Raises:
            LimitError: that is more than is left.
        """
        self.spent += size
        if self.spent > self.most:
            raise LimitError(f"a coded body unfolds to more than {self.most} bytes")


def codings(headers: Fields) -> list[bytes]:
    """Return the codings in the order they were applied, without those that change nothing and ``chunked``."""
    if b"content-encoding" not in headers and b"transfer-encoding" not in headers:
        return []
    words = [*headers.elements(b"content-encoding"), *headers.elements(b"transfer-encoding")]
    names = [word.partition(b";")[0].rstrip() for word in words]
    return [_SAME.get(name, name) for name in names if name not in _NOTHING]


def known(names: list[bytes]) -> bool:
    """Tell whether these codings can be taken off."""
    return len(names) <= CODINGS_LIMIT and all(name in _DECODERS for name in names)


def decoded(pieces: Pieces, names: list[bytes], meter: Meter) -> Pieces:
    """Yield the content behind codings.

    Args:
        pieces: the coded bytes in order.
        names: the codings in the order they were applied; all :func:`known`.
        meter: is charged with every byte that a coding unfolds to.

    Raises:
        CodingError: the stream is broken or incomplete; what could be decoded came before.
        LimitError: the meter's limit is reached.
    """
    for name in reversed(names):
        pieces = _DECODERS[name](pieces, meter)
    return pieces


# ── gzip and deflate ─────────────────────────────────────────────────────────────────────────────────────────────


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...
    def copy(self) -> _Inflater: ...


def _joined(pieces: Pieces) -> Pieces:
    """Yield the same bytes in pieces of JOINED_BYTES or more, but for the last.

    Raises:
        CodingError: as the pieces do; what came before is yielded first.
    """
    waiting: list[bytes] = []
    size = 0
    broken: CodingError | None = None
    try:
        for piece in pieces:
            waiting.append(piece)
            size += len(piece)
            if size >= JOINED_BYTES:
                yield b"".join(waiting) if len(waiting) > 1 else piece
                waiting, size = [], 0
    except CodingError as error:
        broken = error
    if waiting:
        yield b"".join(waiting)
    if broken is not None:
        raise broken


def _inflated(inflater: _Inflater, data: bytes, meter: Meter) -> Pieces:
    """Yield what a piece unfolds to, as far as it can be read."""
    while data and not inflater.eof:
        before = inflater.copy()
        try:
            out = inflater.decompress(data, OUTPUT_BYTES)
        except zlib.error:
            yield from _saved(before, data, meter)
            raise CodingError("broken") from None
        data = inflater.unconsumed_tail
        meter.charge(len(out))
        if out:
            yield out


def _saved(inflater: _Inflater, data: bytes, meter: Meter) -> Pieces:
    """Yield what was good of a piece that is broken somewhere: halving it finds the byte."""
    while data:
        half = data[: (len(data) + 1) // 2]
        before = inflater.copy()
        try:
            out = inflater.decompress(half, OUTPUT_BYTES)
        except zlib.error:
            if len(half) == 1:
                return
            inflater, data = before, half
            continue
        data = inflater.unconsumed_tail + data[len(half) :]
        meter.charge(len(out))
        if out:
            yield out


def _gunzip(pieces: Pieces, meter: Meter) -> Pieces:
    """Read gzip members, one behind the other (RFC 1952 section 2.2)."""
    inflater: _Inflater | None = None
    began = False
    for piece in _joined(pieces):
        data = piece
        while data:
            if inflater is None:
                if began:
                    if data[:1] != b"\x1f":
                        return  # padding behind the last member
                    meter.charge(MEMBER_COST)
                began = True
                inflater = zlib.decompressobj(31)
            yield from _inflated(inflater, data, meter)
            data = inflater.unused_data
            if not inflater.eof:
                break
            inflater = None
    if inflater is not None or not began:
        raise CodingError("incomplete")


def _unzlib(pieces: Pieces, meter: Meter) -> Pieces:
    """Read ``deflate``: zlib's format, though servers exist that send the bare stream (RFC 9110 section 8.4.1.2)."""
    inflater: _Inflater | None = None
    start = b""
    for piece in _joined(pieces):
        data = piece
        if inflater is None:
            start = data = start + piece
            if len(start) < 2:
                continue
            has_header = start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0
            inflater = zlib.decompressobj(15 if has_header else -15)
        yield from _inflated(inflater, data, meter)
        if inflater.eof:
            return
    raise CodingError("incomplete")


# ── brotli and zstd ──────────────────────────────────────────────────────────────────────────────────────────────


def _unbrotli(pieces: Pieces, meter: Meter) -> Pieces:
    import brotli

    decoder = brotli.Decompressor()
    for piece in pieces:
        for low in range(0, len(piece), BROTLI_INPUT):
            data = piece[low : low + BROTLI_INPUT]
            while True:
                try:
                    out: bytes = decoder.process(data, output_buffer_limit=OUTPUT_BYTES)
                except brotli.error:
                    raise CodingError("broken") from None
                meter.charge(len(out))
                if out:
                    yield out
                if decoder.is_finished() or decoder.can_accept_more_data():
                    break
                data = b""
            if decoder.is_finished():
                return
    raise CodingError("incomplete")


def _unzstd(pieces: Pieces, meter: Meter) -> Pieces:
    """Read zstd frames, one behind the other (RFC 8878 section 3); skippable frames give nothing."""
    import zstandard

    machine = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW)
    frame: zstandard.ZstdDecompressionObj | None = None
    began = False
    for piece in pieces:
        for low in range(0, len(piece), ZSTD_INPUT):
            data = piece[low : low + ZSTD_INPUT]
            while data:
                if frame is None:
                    if began:
                        if data[0] != 0x28 and data[0] & 0xF0 != 0x50:
                            return  # no frame begins like that (RFC 8878 sections 3.1.1 and 3.1.2)
                        meter.charge(MEMBER_COST)
                    began = True
                    frame = machine.decompressobj()
                try:
                    out = frame.decompress(data)
                except zstandard.ZstdError:
                    raise CodingError("broken") from None
                meter.charge(len(out))
                if out:
                    yield out
                if not frame.eof:
                    break
                data, frame = frame.unused_data, None
    if frame is not None or not began:
        raise CodingError("incomplete")


_DECODERS: dict[bytes, Callable[[Pieces, Meter], Pieces]] = {
    b"gzip": _gunzip,
    b"deflate": _unzlib,
    b"br": _unbrotli,
    b"zstd": _unzstd,
}
