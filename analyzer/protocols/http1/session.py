"""The entry point: all HTTP/1.x transactions of one connection as rows.

A parser of what was seen, not of what should have been sent: it never raises on any bytes, and its cost is linear in
the bytes of heads and chunk-size lines (bodies are skipped, not read).
"""

from __future__ import annotations

from dataclasses import replace

from analyzer.flows.stream import ByteStream
from analyzer.problems import ProblemLog
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import grammar, lone, resync
from analyzer.protocols.http1.exchange import Exchange
from analyzer.protocols.http1.pairing import Pairing
from analyzer.protocols.http1.rows import row
from analyzer.protocols.http1.status import SWITCHING
from analyzer.schema import HttpRow, filled

RECORD_HEADER = 5


def transactions(conversation: Conversation, scheme: str = "http") -> list[HttpRow]:
    """Return the transactions of a connection in the order of their requests.

    Args:
        conversation: both directions; ``limits`` bound heads, fields and transactions.
        scheme: ``https`` when the streams are decrypted TLS.

    Returns:
        Rows without phases; a response without request stands where it began. What could not be read is reported to
        ``conversation.problems``.
    """
    facing, met = exchanges(conversation)
    met.reverse()
    rows: list[HttpRow] = []
    while met:  # what was read is let go as it is told: a connection may have a hundred thousand exchanges
        rows.append(row(met.pop(), len(rows), facing, scheme))
    if facing is conversation:
        return rows
    # Offsets count in the client's or server's stream; here they would be looked up in the wrong one.
    return [
        replace(r, request_offset=None, request_end_offset=None, response_offset=None, response_end_offset=None)
        for r in rows
    ]


def answers_to_tls(conversation: Conversation) -> list[HttpRow]:
    """Return the transactions of a connection on which the client began TLS and the server answers in plain HTTP.

    The ClientHello takes the place of the request (``not_http``); what the client sends behind it (an alert, mostly) is
    no part of that. That it is no request is no problem of our reading: it was read as what it is.
    """
    problems = ProblemLog()
    rows = transactions(replace(conversation, problems=problems))
    for problem in problems:
        if problem.code != "HTTP-JUNK":
            conversation.problems.add(problem)
    for asked in rows[:1]:
        if asked.wrong_scheme is not None and asked.request_offset is not None:
            _end_with_record(asked, asked.request_offset, conversation.client)
    return rows


def _end_with_record(asked: HttpRow, start: int, stream: ByteStream) -> None:
    """Let a request end where its TLS record does: a header of five bytes tells (RFC 8446 section 5.1)."""
    head = stream.read(start, RECORD_HEADER)
    end = start + RECORD_HEADER + int.from_bytes(head[3:5])
    last = stream.last_in(start, end)
    if (
        len(head) == RECORD_HEADER
        and last is not None
        and asked.request_frames
        and end <= (asked.request_end_offset or 0)
    ):
        first = asked.request_frames[0]
        filled(asked, request_end_offset=end, request_end_time=last[1], request_frames=(first, max(first, last[0])))


def exchanges(conversation: Conversation) -> tuple[Conversation, list[Exchange]]:
    """Return the exchanges of a connection, and the conversation as it was read: turned round where sides were wrong.

    Offsets of the messages are those of the streams of the conversation returned.
    """
    only = lone.exchange(conversation)
    if only is not None:
        return conversation, [only]
    facing = _facing_right(conversation)
    return facing, Pairing(facing).run()


def switched_to(rows: list[HttpRow]) -> str | None:
    """Return the application that a connection changed to with a 101: http2 (h2c, RFC 7540 section 3.2) or tls.

    TLS by Upgrade is RFC 2817. None when it stayed what it was, or changed to something else.
    """
    for told in rows:
        if told.outcome == "switched" and told.status == SWITCHING and told.upgrade is not None:
            wanted = told.upgrade.partition(",")[0].strip().lower()
            return "http2" if wanted == "h2c" else "tls" if wanted.startswith("tls/") else None
    return None


def _facing_right(conversation: Conversation) -> Conversation:
    """Turn a connection round on which the side that opened it answers.

    So it is when the opening was not seen and the sides were guessed wrong, and with tunnels that connect backwards.
    """
    client, server = conversation.client, conversation.server
    low = client.next_captured(client.start)
    if low is None or grammar.could_be_request(client.read(low, grammar.METHOD_BYTES)) is not None:
        return conversation
    if grammar.request_line(client.read(low, 4096).lstrip().partition(b"\n")[0].rstrip()):
        return conversation
    first_answer = resync.next_response(client, low)
    if first_answer is None or resync.next_request(client, low) is not None:
        return conversation
    if len(server) and resync.next_request(server, server.start) is None:
        return conversation
    return replace(
        conversation,
        client=server,
        server=client,
        client_address=conversation.server_address,
        server_address=conversation.client_address,
        find_ends=lambda: tuple(end.turned() for end in conversation.ends()),
    )
