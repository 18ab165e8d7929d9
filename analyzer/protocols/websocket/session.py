"""The entry point: the WebSocket connection that a switched exchange opened, as a row.

``from`` of a message, and the ``client_…`` and ``server_…`` columns, name the side of the HTTP exchange: the client
is who asked for the switch. ``client_messages`` and ``client_bytes`` count text and binary messages; pings, pongs and
closes are only listed. How it ended (``outcome``):

========= ==================================================================================================
closed    at least one side sent a close frame; with why ``not_answered``, the other never did
reset     the TCP connection was reset without a close frame
cut       the TCP connection was closed without a close frame
open      still open when the capture ended
malformed a side broke the protocol: why names the first rule broken (:data:`violations.VIOLATIONS`), or what was wrong
          with the handshake: ``old_version``, ``bad_key``, ``subprotocol_not_offered``, ``extension_not_offered``,
          ``bad_extension``
========= ==================================================================================================

With why ``lost`` or ``one_direction``, a close frame may lie among the bytes that were not captured. ``close_code`` is
that of the first close frame; 1005 when it names none, and 1006 when the connection ended without one, as the RFC
counts them.

Sources: RFC 6455 sections 4 and 7.1.5, RFC 7692.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analyzer.flows.stream import ByteStream
from analyzer.problems import Problem, ProblemLog
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import session as http1
from analyzer.protocols.websocket.frames import COMPRESSED, Prover
from analyzer.protocols.websocket.handshake import Agreement, agreement
from analyzer.protocols.websocket.messages import CHECKED_TEXT, KEPT_MESSAGES
from analyzer.protocols.websocket.side import Side
from analyzer.schema import HttpRow, WebSocketMessage, WebSocketRow

ABNORMAL = 1006
"""What an end without a close frame counts as (RFC 6455 section 7.1.5)."""


def connections(conversation: Conversation, rows: Sequence[HttpRow]) -> list[WebSocketRow]:
    """Return the WebSocket connection of a TCP connection, none when its HTTP did not switch to it.

    Args:
        rows: its transactions, with stream offsets. Where they have none (the sides were guessed wrong), the
            conversation is turned and read again.
    """
    opening = next((row for row in rows if row.upgrade is not None and _switches(row, conversation)), None)
    if opening is None:
        return []
    conversation, request_end, response_end = _placed(conversation, opening)
    last = b"" if response_end is None else conversation.server.read(response_end - 4, 4)
    agreed = agreement(opening, whole=last.replace(b"\r", b"").endswith(b"\n\n"))
    client = Side(conversation.client, request_end, name="client", agreed=agreed, budget=conversation.budget)
    server = Side(conversation.server, response_end, name="server", agreed=agreed, budget=conversation.budget)
    if agreed.flaw != "old_version":  # drafts before version 13 have other frames
        client.read()
        server.read()
    _report(conversation, client, server)
    return [_row(conversation, opening, agreed, client, server, request_end, response_end)]


def _switches(row: HttpRow, conversation: Conversation) -> bool:
    """Tell whether HTTP ended with a switch to WebSocket.

    A client sends no frame before it has the answer (RFC 6455 section 4.1): where frames follow its request, the
    answer was a yes, though it was not captured. The field is a list of names (RFC 9110 section 7.8).
    """
    if not any(word.strip().lower() == "websocket" for word in (row.upgrade or "").split(",")):
        return False
    if row.outcome == "switched":
        return row.status == 101
    end = row.request_end_offset
    prover = Prover(conversation.client, masked=True, reserved=COMPRESSED)
    return row.status is None and end is not None and prover.proves(end)


def _placed(conversation: Conversation, opening: HttpRow) -> tuple[Conversation, int | None, int | None]:
    """Return the conversation as it was read, and where each side's part of the handshake ended in its stream."""
    if opening.response_end_offset is not None or opening.status is None:
        return conversation, opening.request_end_offset, opening.response_end_offset
    problems = conversation.problems
    facing, met = http1.exchanges(replace(conversation, problems=ProblemLog()))  # they were reported before
    request, response = met[opening.index].request, met[opening.index].response
    return (
        replace(facing, problems=problems),
        None if request is None else request.end,
        None if response is None else response.end,
    )


def _report(conversation: Conversation, *sides: Side) -> None:
    """Say what was not read."""
    for side in sides:
        which = f"the {side.name} of stream {conversation.stream}"
        if side.said.limited is not None:
            text = f"the WebSocket messages of {which} unfold to too much; from one on, only what was sent is counted"
            conversation.problems.add(Problem("LIMIT-REACHED", "websocket", text, side.said.limited))
        if side.said.unchecked is not None:
            text = f"{which} sent more than {CHECKED_TEXT} bytes of text; of the rest only the beginnings are read"
            conversation.problems.add(Problem("LIMIT-REACHED", "websocket", text, side.said.unchecked))
        if side.stopped is None:
            continue
        if side.stopped == "limit":
            code, text = "LIMIT-REACHED", f"{which} sent more than {side.frames} WebSocket frames; the rest is not read"
        elif side.stopped == "lost":
            code = "WEBSOCKET-LOST"
            text = (
                f"behind missing bytes, no WebSocket frame of {which} can be proved; {side.unread} bytes are not read"
            )
        else:
            code = "WEBSOCKET-MALFORMED"
            text = f"what {which} sent is no longer WebSocket; {side.unread} bytes are not read"
        conversation.problems.add(Problem(code, "websocket", text, side.stopped_frame))


def _row(
    conversation: Conversation,
    opening: HttpRow,
    agreed: Agreement,
    client: Side,
    server: Side,
    request_end: int | None,
    response_end: int | None,
) -> WebSocketRow:
    closes = [(side.said.close, side) for side in (client, server) if side.said.close is not None]
    first = min(closes, key=lambda pair: pair[0].frame) if closes else None
    outcome, why = _outcome(conversation, agreed, client, server)
    code = None if first is None else first[0].code
    if first is None and why == "no_close_frame":
        code = ABNORMAL
    messages = _listed(client, server)
    frames = opening.response_frames or opening.request_frames
    return WebSocketRow(
        stream=conversation.stream,
        handshake_index=opening.index,
        opened_frame=frames[0] if frames is not None else conversation.first_frame,
        subprotocol=agreed.subprotocol,
        extensions=agreed.extensions,
        closed_by=None if first is None else first[1].name,
        close_code=code,
        close_reason=None if first is None else first[0].reason,
        messages=messages,
        client_messages=client.said.count,
        server_messages=server.said.count,
        url=_url(opening.url),
        close_frame=None if first is None else first[0].frame,
        accept=agreed.accept,
        compression=agreed.compression,
        client_bytes=client.said.bytes,
        server_bytes=server.said.bytes,
        client_transferred_bytes=client.said.transferred,
        server_transferred_bytes=server.said.transferred,
        client_missing_bytes=_missing(conversation.client, request_end),
        server_missing_bytes=_missing(conversation.server, response_end),
        messages_left_out=client.said.total + server.said.total - len(messages),
        outcome=outcome,
        outcome_why=why,
    )


def _missing(stream: ByteStream, start: int | None) -> int:
    return stream.missing(stream.start if start is None else start, stream.end)


def _url(url: str | None) -> str | None:
    """Return the address as a WebSocket client writes it (RFC 6455 section 3)."""
    if url is None or not url.startswith(("http://", "https://")):
        return url
    return "ws" + url.removeprefix("http")


def _outcome(conversation: Conversation, agreed: Agreement, client: Side, server: Side) -> tuple[str, str | None]:
    """Return how the connection ended and why, in the words of the module's table."""
    broken = [side.said.broken for side in (client, server) if side.said.broken is not None]
    if broken:
        return "malformed", min(broken, key=lambda b: b.frame).word
    if agreed.flaw is not None:
        return "malformed", agreed.flaw
    unseen = not len(conversation.client) or not len(conversation.server)
    unknown = client.stopped or server.stopped or ("one_direction" if unseen else None)  # a close may lie there
    both = client.said.close is not None and server.said.close is not None
    if client.said.close is not None or server.said.close is not None:
        if both or not conversation.closed:
            return "closed", None
        return "closed", unknown or "not_answered"
    reset = conversation.client.reset or conversation.server.reset
    if reset or conversation.client.finished or conversation.server.finished or conversation.closed:
        return "reset" if reset else "cut", unknown or "no_close_frame"
    return "open", unknown or "capture_end"


def _listed(client: Side, server: Side) -> tuple[WebSocketMessage, ...]:
    """Return the first messages of both sides, in the order they were seen, and the closes whatever their place."""
    placed: list[tuple[int, int, WebSocketMessage]] = []
    for number, side in enumerate((client, server)):
        reached = 0
        for message in side.said.kept:  # a side's own order stands, though a repeated segment has a later frame
            reached = max(reached, message.frame)
            placed.append((reached, number, message))
    placed.sort(key=lambda p: p[:2])
    ordered = [message for _, _, message in placed]
    late = [message for message in ordered[KEPT_MESSAGES:] if message.opcode == "close"]
    return tuple(ordered[:KEPT_MESSAGES] + late)
