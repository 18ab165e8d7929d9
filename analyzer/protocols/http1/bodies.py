"""The content of a message's body: its bytes in order, and what can be said of them at a glance.

A body is laid out by :mod:`analyzer.protocols.http1.framing` and read here, in pieces and only as far as somebody asks.
A hole ends what can be read: what stands behind it is not moved up to it. ``whole`` tells beforehand whether there is
one. :func:`look` finds what the table says of a response's content, reading an uncoded body's first bytes only and a
coded one to its end.

Why the size of the content is not known (``response_decoded_why``):

============== ==============================================================================================
unknown_coding a coding that is not read here, or more of them than anybody uses
broken         the coded bytes break the rules of their coding
incomplete     the body is whole, but the coded stream in it goes on
missing_bytes  bytes inside the body were not captured
truncated      the message is not known to its end (``outcome`` says why)
part           the response is a part (206) of a coded whole, which cannot be decoded alone
limit          it is longer than what is unfolded, of one body or of all of the capture
============== ==============================================================================================

Sources: RFC 9110 sections 8.3, 8.4 and 14.4, RFC 9112 sections 6 and 7.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analyzer.flows.stream import ByteStream
from analyzer.problems import Problem
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import coding, compression, grammar, magic
from analyzer.protocols.http1.framing import CHUNK_LINE_BYTES, Body
from analyzer.protocols.http1.grammar import Fields
from analyzer.protocols.http1.messages import Request, Response
from analyzer.protocols.http1.window import Window
from analyzer.text import decode

PIECE_BYTES = 64 << 10
"""Most bytes read at a time."""

SMALL_CHUNK = 4096
"""Chunks up to this size are read together with the lines around them."""

PARTIAL_CONTENT = 206


@dataclass(frozen=True, slots=True)
class Look:
    """What the table says of a response's content.

    Attributes:
        size: bytes behind all codings, None when unknown.
        why: it is unknown, see the module's table.
        seen: media type that the first bytes show.
        missed: bytes that gzip would have saved, None where the question does not arise.
    """

    size: int | None = None
    why: str | None = None
    seen: str | None = None
    missed: int | None = None


NOTHING = Look()
EMPTY = Look(size=0)


def media_type(headers: Fields) -> str | None:
    """Return the media type that a message claims, in lower case and without parameters."""
    value = headers.first(b"content-type")
    return None if value is None else decode(value.partition(b";")[0].strip()).lower() or None


def whole(body: Body) -> bool:
    """Tell whether all of a body is there to be read."""
    return body.stop is None and not body.missing


def why_not_whole(body: Body) -> str | None:
    """Return the word of the module's table for a body that is not :func:`whole`, None for one that is."""
    return "truncated" if body.stop is not None else "missing_bytes" if body.missing else None


# ── its bytes ────────────────────────────────────────────────────────────────────────────────────────────────────


def content(stream: ByteStream, body: Body) -> Iterator[bytes]:
    """Yield a body's content, the chunked coding taken off, up to the first hole."""
    if body.framing == "chunked":
        yield from _chunks(stream, body)
    elif body.framing != "none":
        yield from _run(stream, body.start, body.end)


def _run(stream: ByteStream, position: int, end: int) -> Iterator[bytes]:
    while position < end:
        piece = stream.read(position, min(PIECE_BYTES, end - position))
        if not piece:
            return
        yield piece
        position += len(piece)


def _chunks(stream: ByteStream, body: Body) -> Iterator[bytes]:
    """Yield the data of chunks (RFC 9112 section 7.1); framing has checked what stands between them."""
    window, position = Window(stream), body.start
    while position < body.end:
        buffer, at = window.get(position, 32)
        found = grammar.CHUNK_LINE.match(buffer, at, at + CHUNK_LINE_BYTES)
        if found is None:
            buffer, at = window.get(position, CHUNK_LINE_BYTES)
            found = grammar.CHUNK_LINE.match(buffer, at, at + CHUNK_LINE_BYTES)
            if found is None:
                return
        digits = found[1].lstrip(b"0")
        if not digits or len(digits) > 15:
            return
        position += found.end() - at
        end = min(position + int(digits, 16), body.end)
        if end - position <= SMALL_CHUNK:
            buffer, at = window.get(position, end - position)
            piece = buffer[at : at + end - position]
            if piece:
                yield piece
            position += len(piece)
        else:
            for piece in _run(stream, position, end):
                yield piece
                position += len(piece)
        if position < end:
            return  # a hole
        buffer, at = window.get(position, 2)
        position += 2 if buffer[at : at + 1] == b"\r" else 1


def first_pieces(pieces: Iterator[bytes], size: int) -> list[bytes]:
    """Take pieces from the beginning of what is yielded until they hold ``size`` bytes, or there are no more."""
    taken: list[bytes] = []
    while size > 0 and (piece := next(pieces, b"")):
        taken.append(piece)
        size -= len(piece)
    return taken


# ── a look at it ─────────────────────────────────────────────────────────────────────────────────────────────────


def look(conversation: Conversation, request: Request | None, response: Response | None) -> Look:
    """Return what the table says of a response's content; limits that were hit become problems."""
    if response is None:
        return NOTHING
    body = response.body
    if body is None:
        return Look(why="truncated")
    if body.start == body.end:
        return EMPTY if body.stop is None else Look(why=why_not_whole(body))
    names = coding.codings(response.headers)
    if names:
        return _look_coded(conversation, response, body, names)
    stream = conversation.server
    if body.framing == "chunked":
        start = b"".join(first_pieces(content(stream, body), magic.LOOK_BYTES))
    else:
        start = stream.read(body.start, min(magic.LOOK_BYTES, body.end - body.start))
    seen = magic.media_type(start)
    if not whole(body):
        return Look(why=why_not_whole(body), seen=seen)
    missed = None
    if body.content and body.content >= compression.LEAST_BYTES and request is not None:
        kind = media_type(response.headers) or seen
        if response.status != PARTIAL_CONTENT and compression.would_help(kind, request.headers):
            missed = compression.missed(content(stream, body), body.content, conversation)
    return Look(body.content, None, seen, missed)


def _look_coded(conversation: Conversation, response: Response, body: Body, names: list[bytes]) -> Look:
    if not coding.known(names):
        return Look(why="unknown_coding")
    size, why, start = 0, why_not_whole(body), b""
    budget = conversation.budget
    if why is None and body.content is not None and body.content > coding.ENCODED_LIMIT:
        why = "limit"
        _report(conversation, response, f"a coded body of more than {coding.ENCODED_LIMIT} bytes is not unfolded")
    if budget.unfolded_bytes <= 0:
        return Look(why=why or "limit")
    meter = coding.Meter(min(coding.DECODED_LIMIT, budget.unfolded_bytes))
    try:
        for piece in coding.decoded(content(conversation.server, body), names, meter):
            size += len(piece)
            if len(start) < magic.LOOK_BYTES:
                start += piece[: magic.LOOK_BYTES]
            elif why is not None:
                break  # its size will not be known
    except coding.CodingError as error:
        why = why or ("part" if response.status == PARTIAL_CONTENT else error.why)
    except coding.LimitError as limit:
        if budget.unfolded_bytes >= coding.DECODED_LIMIT:
            _report(conversation, response, str(limit))
        why = why or "limit"
    budget.unfolded_bytes -= meter.spent
    if budget.unfolded_bytes <= 0 and not budget.unfolded_told:
        budget.unfolded_told = True
        text = "the coded bodies of this capture unfold to more than is read; sizes of those from here on are not known"
        _report(conversation, response, text)
    return Look(None if why else size, why, magic.media_type(start))


def _report(conversation: Conversation, response: Response, text: str) -> None:
    conversation.problems.add(Problem("LIMIT-REACHED", "http", text, response.frame, response.start))
