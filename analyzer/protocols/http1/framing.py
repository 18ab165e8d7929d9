"""How a body ends: by length, by its last chunk, with the connection, or there is none.

The rule is RFC 9112 section 6.3, read as a receiver does that only watches: where the RFC tells a server to refuse
a message, the message is read by the most likely meaning and its ``flaw`` names what was wrong:
``conflicting_lengths`` (different lengths, or a length beside chunked), ``bad_length`` (one that is no number),
``bad_transfer_encoding`` (no token, chunked twice or, in a request, not last; or in HTTP/1.0, which knows none).

Bodies are never read. A body by length is arithmetic; of a chunked body only the chunk-size lines are looked at,
in blocks, so the cost is linear in the number of chunks and independent of their size. A hole inside the data of a
body or chunk is counted and skipped exactly; a hole where a chunk-size line should be ends what can be known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from analyzer.flows.stream import ByteStream
from analyzer.protocols.http1 import grammar
from analyzer.protocols.http1.grammar import Fields
from analyzer.protocols.http1.window import Window

CHUNK_LINE_BYTES = 4096
"""Longest chunk-size line with extensions that is believed (servers allow 4-16 kB at most; real ones have 3-10)."""

TRAILER_BYTES = 65_536
"""Longest trailer section looked for."""

SIZES_COMPARED = 8
"""Most contradicting lengths that are tried; two are attacks or bugs, thousands are only meant to take time."""

TRAILER_FIELDS = 64
"""Most trailer fields kept; real ones are one or two."""

_CODING = re.compile(grammar.TOKEN + rb"+[ \t]*(?:;|\Z)")
_DIGITS = re.compile(rb"\d{1,19}\Z")
_BLANK_LINE = re.compile(rb"(?:\A|\n)\r?\n")


@dataclass(frozen=True, slots=True)
class Length:
    """What the fields say about a body.

    Attributes:
        kind: content_length | chunked | until_close | none.
        size: bytes, for content_length.
        flaw: conflicting_lengths | bad_length | bad_transfer_encoding, None when all is well.
        others: other sizes that were named (they conflict).
    """

    kind: str
    size: int = 0
    flaw: str | None = None
    others: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """Where a body lies.

    Attributes:
        framing: as ``Length.kind``.
        start, end: stream offsets; ``end`` is one past the last byte that belongs to it as far as known.
        content: bytes of content after the chunked coding is taken off, None when unknown.
        missing: bytes of [start, end) that were not captured.
        stop: why the end is not the body's own: ``lost`` (a hole hides how it goes on), ``end`` (the stream ends
            before), ``malformed``; None when the body is complete (though bytes inside may be missing).
        trailers: fields behind the last chunk, None without any.
    """

    framing: str
    start: int
    end: int
    content: int | None = 0
    missing: int = 0
    stop: str | None = None
    trailers: Fields | None = None


def _codings(headers: Fields) -> tuple[list[bytes], bool]:
    """Return the transfer codings in the order they were applied, and whether one is no token."""
    words = headers.elements(b"transfer-encoding")
    return [word.split(b";")[0].rstrip() for word in words], not all(map(_CODING.match, words))


def _sizes(headers: Fields) -> tuple[list[int], bool]:
    """Return the different sizes named by Content-Length, in order, and whether one was no number."""
    sizes: list[int] = []
    bad = False
    for value in headers.values(b"content-length"):
        for part in value.split(b","):
            word = part.strip(b" \t")
            if not _DIGITS.match(word):
                bad = True
            elif len(sizes) < SIZES_COMPARED and int(word) not in sizes:
                sizes.append(int(word))
    return sizes, bad


def length(headers: Fields, *, request: bool, version: str = "1.1") -> Length:
    """Say how a body ends by the fields alone (RFC 9112 section 6.3, cases 3 to 8).

    Args:
        headers: of the message.
        version: HTTP/1.0 knows no transfer codings; with them its framing is faulty (RFC 9112 section 6.1), and beside
            a length they are not believed.
        request: a request without length has no body; a response without one lasts until the connection closes.
    """
    without = "none" if request else "until_close"
    sizes, bad = _sizes(headers)
    flaw = "bad_length" if bad else None
    if b"transfer-encoding" in headers:
        listed, broken = _codings(headers)
        codings = [word for word in listed if word != b"identity"]
        broken = broken or (bool(codings) and version == "1.0") or codings.count(b"chunked") > 1
        coding_flaw = "bad_transfer_encoding" if broken else None
        if codings and not (version == "1.0" and sizes):
            if codings[-1] == b"chunked":
                # Beside a length it counts, but "ought to be handled as an error" (RFC 9112 section 6.3 case 3).
                return Length("chunked", flaw=coding_flaw or ("conflicting_lengths" if sizes or bad else None))
            # The last coding has to be chunked in a request; a response may also end with the connection.
            return Length(without, flaw="bad_transfer_encoding" if request else coding_flaw)
        flaw = coding_flaw or flaw
    if len(sizes) > 1:
        return Length("content_length", sizes[0], "conflicting_lengths", tuple(sizes[1:]))
    if sizes:
        return Length("content_length", sizes[0], flaw)
    return Length(without, flaw=flaw)


def by_length(stream: ByteStream, start: int, size: int) -> Body:
    """Lay out a body of ``size`` bytes; nothing is read."""
    end = min(start + size, stream.end)
    stop = "end" if start + size > stream.end else None
    content = size if stop is None else end - start
    return Body("content_length", start, end, content, stream.missing(start, end), stop)


def until_close(stream: ByteStream, start: int, end: int | None = None) -> Body:
    """Lay out a body that lasts until the stream ends, or until ``end`` where another message is proved."""
    stop = None if end is not None or stream.finished else "end"
    end = stream.end if end is None else end
    end = max(start, end)
    return Body("until_close", start, end, end - start, stream.missing(start, end), stop)


def chunked(window: Window, start: int) -> Body:
    """Walk a chunked body from chunk to chunk (RFC 9112 section 7.1).

    Args:
        window: over the stream.
        start: offset of the first chunk-size line.
    """
    stream, match = window.stream, grammar.CHUNK_LINE.match
    position, content, stop = start, 0, None
    trailers: Fields | None = None
    while True:
        buffer, at = window.get(position, 32)
        found = match(buffer, at, at + CHUNK_LINE_BYTES)
        if found is None:
            buffer, at = window.get(position, CHUNK_LINE_BYTES)
            found = match(buffer, at, at + CHUNK_LINE_BYTES)
        if found is None:
            have = len(buffer) - at
            if have >= CHUNK_LINE_BYTES or b"\n" in buffer[at:] or not _may_become_chunk_line(buffer[at:]):
                stop = "malformed"
            else:
                stop = "end" if position + have >= stream.end else "lost"
                position = min(position + have, stream.end)
            break
        digits = found[1].lstrip(b"0")
        if len(digits) > 15:
            stop = "malformed"
            break
        size = int(digits or b"0", 16)
        position += found.end() - at
        if size == 0:
            position, stop, trailers = _trailers(window, position)
            break
        if position + size > stream.end:
            content += stream.end - position
            position, stop = stream.end, "end"
            break
        content += size
        position += size
        buffer, at = window.get(position, 2)
        if buffer[at : at + 2] == b"\r\n":
            position += 2
        elif buffer[at : at + 1] == b"\n":
            position += 1
        elif len(buffer) - at < 2 and buffer[at : at + 1] in (b"", b"\r"):
            have = len(buffer) - at
            stop = "end" if position + have >= stream.end else "lost"
            position += have
            break
        else:
            stop = "malformed"
            break
    complete = stop is None
    return Body(
        "chunked",
        start,
        position,
        content if complete else None,
        stream.missing(start, position),
        stop,
        trailers,
    )


def _may_become_chunk_line(rest: bytes) -> bool:
    """Tell whether bytes without a line end are the beginning of a chunk-size line."""
    return rest == b"" or re.match(rb"[ \t]*(?:\Z|[0-9A-Fa-f]+[ \t]*(?:\Z|;|\r\Z))", rest) is not None


def _trailers(window: Window, position: int) -> tuple[int, str | None, Fields | None]:
    """Read the section behind the last chunk; return where it ends, ``stop`` as in :class:`Body`, and its fields."""
    size = 64
    while True:
        buffer, at = window.get(position, size)
        have = min(len(buffer) - at, TRAILER_BYTES)
        found = _BLANK_LINE.search(buffer[at : at + have])
        if found is not None:
            fields = None
            if found.start():
                lines = [line.removesuffix(b"\r") for line in buffer[at : at + found.start()].split(b"\n")]
                fields = grammar.fields(lines, TRAILER_FIELDS)[0] or None
            return position + found.end(), None, fields
        if have >= TRAILER_BYTES:
            return position, "malformed", None
        if have < size:
            break
        size *= 8
    if position + have >= window.stream.end:
        # The last chunk was seen: the content is whole even when the closing blank line is not there.
        return position + have, None if window.stream.finished else "end", None
    return position, "lost", None
