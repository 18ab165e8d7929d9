"""DNS messages in a TCP stream: a two-byte length before each (RFC 1035 section 4.2.2, RFC 7766).

Rules: a hole inside a message costs that message only, because its length is known. Behind a hole over a length, or
in a connection whose beginning was not captured, nothing in DNS marks where a message starts: reading goes on at the
next segment that starts with one whole, flawless message, because senders start segments with messages. Without such
a segment the rest of that direction is lost. No message is shorter than its header, so a shorter length means that
this is no DNS (or no longer). Each case is a Problem.
"""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.flows.stream import ByteStream
from analyzer.problems import Problem
from analyzer.protocols.base import Conversation, Datagram
from analyzer.protocols.dns.messages import HEADER_BYTES, parse

DNS_TCP_PORTS = (53, 5353, 5355)
"""Ports whose TCP connections carry DNS messages (DNS, mDNS, LLMNR)."""

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
    budget = [2 * (stream.end - stream.start)]
    if not stream.from_start:
        found = _resynchronise(stream, position, budget)
        position = position if found is None else found
    while position < stream.end:
        block = stream.read(position, _BLOCK)
        used = 0
        size = HEADER_BYTES
        while used + 2 <= len(block):
            size = block[used] << 8 | block[used + 1]
            if size < HEADER_BYTES or used + 2 + size > len(block):
                break
            yield position + used, position + used + 2 + size, block[used + 2 : used + 2 + size], False
            used += 2 + size
        if used:
            position += used
            continue
        # no whole message from here on: a hole, the end, or no DNS (a block is longer than any message)
        if len(block) < 2 or size < HEADER_BYTES:
            why = f"a length of {size} is too short for a message" if len(block) >= 2 else "a length was not captured"
            found = _resynchronise(stream, position + 1, budget)
            _note(conversation, stream, position, why, stream.end if found is None else found)
            if found is None:
                return
            position = found
            continue
        end = position + 2 + size
        if len(block) >= 2 + HEADER_BYTES:
            yield position, min(end, stream.end), block[2:], True
        _note(conversation, stream, position, "a message was not captured whole", min(end, stream.end))
        position = end


def _resynchronise(stream: ByteStream, low: int, budget: list[int]) -> int | None:
    """Return the start of the next segment that begins with a whole and flawless message, None without one.

    Args:
        budget: one number, bytes that may still be looked at; keeps the search linear in the stream.
    """
    for start in stream.piece_starts(low, stream.end):
        head = stream.read(start, 2)
        if len(head) < 2 or budget[0] <= 0:
            return None
        size = head[0] << 8 | head[1]
        budget[0] -= HEADER_BYTES
        if size < HEADER_BYTES or start + 2 + size > stream.end:
            continue
        body = stream.read(start + 2, size)
        if len(body) < size or body[4:6] != b"\0\1":
            continue
        budget[0] -= size
        if parse(body).error is None:
            return start
    return None


def _note(conversation: Conversation, stream: ByteStream, offset: int, why: str, end: int) -> None:
    side = "client" if stream is conversation.client else "server"
    seen = stream.first_in(max(offset - 1, 0), stream.end)
    frame = seen[0] if seen is not None else conversation.first_frame
    text = f"DNS over TCP stream {conversation.stream}, from the {side}: {why} ({end - offset} bytes without messages)"
    conversation.problems.add(Problem("DNS-TCP-FRAMING", "dns", text, frame, offset))
