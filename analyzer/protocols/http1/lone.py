"""The connection that most are: one request in one head, one whole answer, nothing before, between or behind.

Nothing in it needs pairing, so it is read in one go. What is not exactly that (holes, bodies of requests, 1xx,
upgrades, oddities of any kind, clocks that disagree) is left to :mod:`analyzer.protocols.http1.pairing`, which gives
the same where this gives anything: a test holds the two together.
"""

from __future__ import annotations

from analyzer.flows.stream import ByteStream
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import framing, grammar, status
from analyzer.protocols.http1.exchange import Exchange
from analyzer.protocols.http1.framing import Body
from analyzer.protocols.http1.grammar import Fields
from analyzer.protocols.http1.messages import Request, Response

HEAD_BYTES = 4096
"""Longer heads are rare; they are read in steps elsewhere."""

_BLANK = b"\r\n\r\n"
_ELSEWHERE = (b"upgrade", b"content-length", b"transfer-encoding", b"expect")
"""Fields of a request that mean more than a head."""


def exchange(conversation: Conversation) -> Exchange | None:
    """Return the only exchange of a connection; None when it is not plainly one, which says nothing against it."""
    client, server = conversation.client, conversation.server
    if not (client.from_start and server.from_start and 0 < client.end <= HEAD_BYTES) or client.start or server.start:
        return None
    asked = _request(client, conversation.limits.headers)
    if asked is None:
        return None
    told = _response(server, asked.method, conversation.limits.headers)
    if told is None or told.frame <= asked.frame or told.time < asked.completed(client)[1]:
        return None
    return Exchange(asked, told)


def _fields(head: bytes, line_end: int, most: int) -> Fields | None:
    """Return the fields of a head without its blank line; None when anything in it is out of the ordinary."""
    fields = grammar.plain_fields(head[line_end + 1 :], most)
    return None if fields is None or grammar.has_controls(head[: line_end + 1]) else fields


def _request(stream: ByteStream, most: int) -> Request | None:
    block = stream.read(0, stream.end)
    size = len(block)
    if size != stream.end or block.find(b"\n\r\n") != size - 3 or not block.endswith(_BLANK):
        return None
    line_end = block.find(b"\n")
    line = grammar.request_line(block[: line_end - 1]) if block[line_end - 1] == 0x0D else None
    if line is None or line.flaw or line.odd_version or line.version == "0.9" or line.method == b"CONNECT":
        return None
    fields = _fields(block[: size - 3], line_end, most)
    carried = stream.at(0)
    if fields is None or carried is None or any(name in fields for name in _ELSEWHERE):
        return None
    made = Request(0, size, fields, line.version, *carried, method=line.method, target=line.target)
    made.body = Body("none", size, size)
    return made


def _response(stream: ByteStream, method: bytes | None, most: int) -> Response | None:
    block = stream.read(0, HEAD_BYTES)
    blank = block.find(b"\n\r\n")
    line_end = block.find(b"\n")
    if blank < 1 or block[line_end - 1] != 0x0D or block.find(b"\n\n", 0, blank) >= 0:
        return None
    line = grammar.status_line(block[: line_end - 1])
    if line is None or line.status is None or line.flaw or line.odd_version or line.status < 200:
        return None
    fields = _fields(block[:blank], line_end, most)
    carried = stream.at(0)
    if fields is None or carried is None:
        return None
    end = blank + 3
    made = Response(0, end, fields, line.version, *carried, status=line.status, reason=line.reason)
    if status.has_no_body(line.status, method):
        made.body = Body("none", end, end)
    else:
        told = framing.length(fields, request=False, version=line.version)
        if told.kind != "content_length" or told.flaw is not None:
            return None
        made.body = framing.by_length(stream, end, told.size)
    made.completed(stream)
    return made if made.body.stop is None and not made.body.missing and made.end == stream.end else None
