"""DNS messages in a TCP stream: a two-byte length before each (RFC 1035 section 4.2.2, RFC 7766).

Rules: a hole inside a message costs that message only, because its length is known; a hole over a length costs the
rest of that direction, because nothing in DNS marks where a message starts. No message is shorter than its header,
so a shorter length means that this is no DNS (or no longer), and reading stops there. Each case is a Problem.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.flows.stream import ByteStream
from analyzer.problems import Problem
from analyzer.protocols.base import Conversation, Datagram
from analyzer.protocols.dns.messages import HEADER_BYTES

_BLOCK = 128 << 10
"""Bytes asked of the stream at a time: twice the longest message, so little is read twice."""

Place = tuple[int, int, bytes, bool]  # start and end offset in the stream, bytes, cut


def tcp_dns_messages(conversation: Conversation) -> list[Datagram]:
    """Cut both directions of a connection into DNS messages, in capture order.

    A message's frame and time are those of the segment that completed it, as in Wireshark. A message with missing
    bytes holds what was captured before the hole and is marked ``cut``; its frame is the last that carried any.
    """
    out: list[Datagram] = []
    for stream, source, destination in (
        (conversation.client, conversation.client_address, conversation.server_address),
        (conversation.server, conversation.server_address, conversation.client_address),
    ):
        for start, end, payload, cut in _messages(stream, conversation):
            seen = stream.last_in(start, end)
            if seen is not None:
                out.append(Datagram(*seen, *source, *destination, payload, cut, conversation.stream))
    out.sort(key=lambda datagram: datagram.frame)
    return out


def _messages(stream: ByteStream, conversation: Conversation) -> Iterator[Place]:
    position = stream.start
    while position < stream.end:
        block = stream.read(position, _BLOCK)
        used = 0
        while used + 2 <= len(block):
            size = block[used] << 8 | block[used + 1]
            if size < HEADER_BYTES:
                _stop(conversation, stream, position + used, f"a length of {size} is too short for a DNS message")
                return
            if used + 2 + size > len(block):
                break
            yield position + used, position + used + 2 + size, block[used + 2 : used + 2 + size], False
            used += 2 + size
        if used:
            position += used
            continue
        # not one whole message from here on: a hole, the end, or (never) a block shorter than a message
        if len(block) < 2:
            _stop(conversation, stream, position, "the length of a DNS message was not captured")
            return
        end = position + 2 + (block[0] << 8 | block[1])
        if len(block) >= 2 + HEADER_BYTES:
            yield position, min(end, stream.end), block[2:], True
        _note(conversation, stream, position, "a DNS message was not captured whole")
        position = end


def _stop(conversation: Conversation, stream: ByteStream, offset: int, why: str) -> None:
    lost = stream.end - offset
    _note(conversation, stream, offset, f"{why}; the {lost} bytes from here on cannot be read as messages")


def _note(conversation: Conversation, stream: ByteStream, offset: int, message: str) -> None:
    side = "client" if stream is conversation.client else "server"
    seen = stream.first_in(max(offset - 1, 0), stream.end)
    frame = seen[0] if seen is not None else conversation.first_frame
    text = f"TCP stream {conversation.stream}, from the {side}: {message}"
    conversation.problems.add(Problem("DNS-TCP-FRAMING", "dns", text, frame, offset))
