"""What became of an exchange, and why: the columns ``outcome`` and ``outcome_why`` of the ``http`` table.

============ ==================================================================================================
complete     the exchange went to its end; with why ``lost``, bytes inside a body were not captured; with why
             ``request_cut`` the answer is whole, but the request stops before its end
switched     HTTP ended here: 101, or 2xx to CONNECT
malformed    a message breaks the rules: why names the flaw (below)
truncated    a message is not known to its end: a side closed before (``client_closed``, ``server_closed``), it was
             still coming (``capture_end``), nothing more came for long (``silence``), it lasts until the connection
             closes and no close was recorded (``end_unseen``), or the packets are missing (``lost``)
aborted      a reset came before the exchange was over (``client_closed``, ``server_closed``), or the client had gone
             when the answer came, and its system threw that away (``client_closed``)
no_response  none was sent as far as can be seen: ``client_closed``, ``server_closed``, ``capture_end``, ``silence``
not_captured the other side exists, or must, but is not in the capture: ``lost``, ``one_direction``,
             ``before_capture``; ``unsolicited`` for a response that no request asked for
============ ==================================================================================================

``client_closed`` and ``server_closed`` name the side whose FIN or reset came first (:mod:`analyzer.flows.ends`).
``closed`` and ``reset`` stand for them where that is not known. A client's FIN within :data:`LAST_WORD_NS` of its
request is no giving up: it says only that it will ask nothing more (RFC 9112 section 9.6, RFC 9293 section 3.6).

Flaws that leave in doubt what a message says win over all other outcomes but ``switched``: ``not_http`` (bytes that
are no HTTP where a message is due), ``bad_status_line``, ``conflicting_lengths``, ``bad_length``,
``bad_transfer_encoding``, ``bad_chunk``, ``header_limit`` (a head longer than is read), ``bad_upgrade`` (a 101 that
names no protocol). Those that do not are told of an exchange that is else complete: ``bad_request_line``,
``bad_version``, ``bad_header`` (a line that is no field, or control characters), ``junk_before``.

Sources: RFC 9112 sections 6.3, 8 and 9.
"""

from __future__ import annotations

from analyzer.flows.stream import ByteStream
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1.exchange import Exchange
from analyzer.protocols.http1.messages import MILD_FLAWS, Message, Request, Response
from analyzer.units import NS_PER_MS, NS_PER_S

LAST_WORD_NS = 10 * NS_PER_MS
"""Programs that ask one thing and say so (``nc -N``) close their direction at once; nobody gives up this soon."""
SILENT_NS = 60 * NS_PER_S
"""Servers and browsers wait a minute for one another at most (nginx's timeouts, for one); a connection on which
nothing moves for longer, while the recording goes on, is not merely cut by the recording's end."""


def _flaw(exchange: Exchange, *, mild: bool) -> str | None:
    """Return the first flaw; those of :data:`MILD_FLAWS` only when asked for."""
    for message in (exchange.request, exchange.response):
        if message is None:
            continue
        if message.flaw is not None and (message.flaw in MILD_FLAWS) == mild:
            return message.flaw
        if mild:
            continue
        if message.cut == "limit":
            return "header_limit"
        if message.stop == "malformed":
            return "bad_chunk"
    return None


def _ended(exchange: Exchange, conversation: Conversation) -> tuple[bool, str] | None:
    """Return whether the connection ended by a reset, and the word for who ended it; None when nobody did.

    Both are those of the first FIN or reset that was more than a client's last word.
    """
    request, answered = exchange.request, exchange.response
    for end in conversation.ends():
        if end.side == "client" and not end.reset and request is not None:
            soon = end.time - request.completed(conversation.client)[1] <= LAST_WORD_NS
            if soon and (answered is None or end.frame < answered.frame):
                continue
        return end.reset, f"{end.side}_closed"
    return None


def _broken_off(exchange: Exchange, conversation: Conversation, stream: ByteStream, what: str) -> tuple[str, str]:
    """Say why nothing more came on a stream; ``what`` is the outcome when it was no reset."""
    ended = _ended(exchange, conversation)
    if ended is not None:
        return ("aborted" if ended[0] else what), ended[1]
    # The columns of the connection may know less than its streams (a test's, or one inside another protocol).
    if not conversation.ends():
        if stream.reset and not stream.finished:
            return "aborted", "reset"
        if stream.finished or conversation.closed:
            return what, "closed"
    if conversation.capture_end_time - conversation.last_time > SILENT_NS:
        return what, "silence"
    return what, "capture_end"


def _unfinished(exchange: Exchange, message: Message, conversation: Conversation) -> tuple[str, str]:
    """Say why a message is not known to its end."""
    if message.stop == "lost":
        return "truncated", "lost"
    answer = isinstance(message, Response)
    stream = conversation.server if answer else conversation.client
    result, why = _broken_off(exchange, conversation, stream, "truncated")
    if why in ("capture_end", "silence") and message.body is not None and message.body.framing == "until_close":
        return result, "end_unseen"
    return result, why


def _without_response(exchange: Exchange, conversation: Conversation) -> tuple[str, str]:
    request, server = exchange.request, conversation.server
    assert request is not None
    if exchange.why is not None:
        return "not_captured", exchange.why
    if not server.heard:
        return "not_captured", "one_direction"
    if request.stop is not None:
        return _unfinished(exchange, request, conversation)
    return _broken_off(exchange, conversation, server, "no_response")


def _thrown_away(exchange: Exchange, conversation: Conversation) -> bool:
    """Tell whether the client had gone before the answer was over, and its system reset the connection for that."""
    response = exchange.response
    assert response is not None
    if not conversation.server.reset:
        return False
    by_client = [end for end in conversation.ends() if end.side == "client"]
    if not any(end.reset for end in by_client):
        return False
    return by_client[0].frame < response.completed(conversation.server)[0]


def outcome(exchange: Exchange, conversation: Conversation) -> tuple[str, str | None]:
    """Return what became of an exchange and why, in the words of the module's table."""
    request, response = exchange.request, exchange.response
    if exchange.switched:
        return "switched", None
    if (flaw := _flaw(exchange, mild=False)) is not None:
        return "malformed", flaw
    if response is None:
        return _without_response(exchange, conversation)
    if request is None:
        return "not_captured", exchange.why or "lost"
    if response.stop is not None:
        return _unfinished(exchange, response, conversation)
    if request.stop is not None and request.stop != "end":
        return "truncated", "lost"
    if _thrown_away(exchange, conversation):
        return "aborted", "client_closed"
    if (flaw := _flaw(exchange, mild=True)) is not None:
        return "malformed", flaw
    if request.missing or response.missing:
        return "complete", "lost"
    return "complete", "request_cut" if request.stop is not None and not _asked_first(request) else None


def _asked_first(request: Request) -> bool:
    """Tell whether a client asked before it sent a body, and then sent none (RFC 9110 section 10.1.1)."""
    body = request.body
    return body is not None and body.end == body.start and b"100-continue" in request.headers.elements(b"expect")
