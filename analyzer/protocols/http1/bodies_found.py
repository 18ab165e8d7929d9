"""The bodies of a connection as things of their own: where each came from, and how its bytes are read.

A response's body, a request's, or a file inside a request's multipart body. Bodies without content are none. Nothing is
read here before somebody asks for it.

Sources: RFC 6266 section 4 (Content-Disposition), RFC 7578 section 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from analyzer.flows.stream import ByteStream
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import bodies, bodies_multipart, coding, disposition
from analyzer.protocols.http1.exchange import Exchange
from analyzer.protocols.http1.framing import Body
from analyzer.protocols.http1.messages import Message
from analyzer.protocols.http1.rows import locate, text

RATIO_LIMIT = 200
"""Beyond :data:`coding.DECODED_LIMIT`, a coded body may unfold to this many times its size: logs reach 30:1, only what
is made to fill disks 1000:1."""


@dataclass(frozen=True, slots=True)
class Found:
    """One body.

    Attributes:
        kind: response | request | part (a file of a multipart request).
        stream: of the connection.
        frames: (first, last) of its message.
        method, url, host, status: of the exchange, unmasked.
        filename: that the message or part itself gives, None without.
        declared: media type by the header.
        codings: content and transfer codings, in the order they were applied; those of a part are empty.
        transferred: bytes of the body in the stream; of a part unknown.
        missing: bytes of it that were not captured.
        size: bytes of its content behind the chunked coding, None when unknown.
        why: its bytes are not all there: ``closed`` (its sender closed or reset the connection too early), or a word
            of :mod:`analyzer.protocols.http1.bodies`; None when they are.
        part: number of the part, counted from 0 among all parts of the body.
    """

    kind: str
    stream: int
    frames: tuple[int, int]
    method: str | None
    url: str | None
    host: str | None
    status: int | None
    filename: str | None
    declared: str | None
    codings: tuple[bytes, ...]
    transferred: int | None
    missing: int
    size: int | None
    why: str | None
    bytes_: ByteStream
    body: Body
    boundary: bytes | None = None
    part: int | None = None

    @property
    def known(self) -> bool:
        """Tell whether all its codings can be taken off."""
        return coding.known(list(self.codings))

    def pieces(self, *, raw: bool = False) -> Iterator[bytes]:
        """Yield its content in pieces.

        Args:
            raw: leave content codings on; they stay on as well where they are not :attr:`known`.

        Raises:
            CodingError, LimitError: see :func:`analyzer.protocols.http1.coding.decoded`.
        """
        coded = bodies.content(self.bytes_, self.body)
        if raw or not self.codings or not self.known:
            return coded
        most = max(coding.DECODED_LIMIT, RATIO_LIMIT * (self.size or 0))
        return coding.decoded(coded, list(self.codings), coding.Meter(most))

    def files(self) -> Iterator[tuple[Found, bodies_multipart.Part]]:
        """Yield the files in a multipart body, each to be read before the next (fields without file name are none)."""
        if self.boundary is None:
            return
        for number, part in enumerate(bodies_multipart.parts(self.pieces(), self.boundary)):
            if (name := text(disposition.of_part(part.headers)[1])) is None:
                continue
            yield (
                replace(
                    self,
                    kind="part",
                    filename=name,
                    declared=bodies.media_type(part.headers),
                    codings=(),
                    transferred=None,
                    missing=0,
                    size=None,
                    why=None,
                    boundary=None,
                    part=number,
                ),
                part,
            )


def found(conversation: Conversation, exchanges: list[Exchange], scheme: str, *, requests: bool) -> Iterator[Found]:
    """Yield the bodies of a connection in the order of its exchanges.

    Args:
        conversation: as :func:`analyzer.protocols.http1.session.exchanges` returns it, turned round where needed.
        exchanges: from there too.
        scheme: ``http`` or ``https``.
        requests: those of requests too, each before the response.
    """
    for exchange in exchanges:
        request, response = exchange.request, exchange.response
        _, host, url = (None, None, None) if request is None else locate(conversation, request, scheme)
        method = None if request is None else text(request.method)
        status = None if response is None else response.status
        sides: list[tuple[str, Message | None, ByteStream]] = [("response", response, conversation.server)]
        if requests:
            sides.insert(0, ("request", request, conversation.client))
        for kind, message, stream in sides:
            if message is None or message.body is None or _is_empty(message.body):
                continue
            body, headers = message.body, message.headers
            last = message.completed(stream)[0]
            yield Found(
                kind,
                conversation.stream,
                (message.frame, max(message.frame, last)),
                method,
                url,
                host,
                status,
                text(disposition.of_message(headers)),
                bodies.media_type(headers),
                tuple(coding.codings(headers)),
                body.end - body.start,
                body.missing,
                body.content,
                _why(body, stream),
                stream,
                body,
                bodies_multipart.boundary(headers) if kind == "request" else None,
            )


def _why(body: Body, stream: ByteStream) -> str | None:
    if body.stop == "end" and (stream.finished or stream.reset):
        return "closed"
    return bodies.why_not_whole(body)


def _is_empty(body: Body) -> bool:
    return body.framing == "none" or (body.stop is None and not body.content)
