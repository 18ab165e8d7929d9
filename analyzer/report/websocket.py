"""WebSocket connections on the page: a line for each, and below it what was said on it, message by message.

No markup here. Texts come from captures: each is display text, cut at the page's limit, and was masked before it
became part of the analysis.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from analyzer import close_codes
from analyzer.provenance import stream_filter
from analyzer.report import cells
from analyzer.report.cells import MAX_GRID_ROWS, Cell, Clock, Column, Row, Table, marked
from analyzer.report.escape import Prose, safe
from analyzer.report.protocol_words import word
from analyzer.report.wording import listed, message, number, paragraph, plural, say
from analyzer.schema import WebSocketMessage, WebSocketRow
from analyzer.units import human_bytes

MAX_TOLD = 50
"""Connections whose messages are on the page; the exports have those of all."""
MAX_MESSAGES = 200
"""Messages shown of one connection: what a person scrolls through."""
MAX_MESSAGES_TOTAL = 2000
"""Messages on the page in all, as many as one table may have rows."""

BROKEN = {
    "after_close": message("a message after the close frame"),
    "bad_close_code": message("a close code that may not be sent"),
    "bad_close_payload": message("a close frame with half a code"),
    "bad_deflate": message("compressed data that cannot be unfolded"),
    "bad_extension": message("an extension with parameters that make no sense"),
    "bad_key": message("a key in the handshake that is not 16 bytes"),
    "bad_length": message("a length that is not written as it must be"),
    "extension_not_offered": message("an extension that the client did not offer"),
    "fragmented_control": message("a ping, pong or close in parts"),
    "interrupted": message("a new message before the one under way was complete"),
    "invalid_utf8": message("a text that is not UTF-8"),
    "long_control": message("a ping, pong or close of more than 125 bytes"),
    "masked": message("a masked frame from the server"),
    "old_version": message("another version than 13, whose frames are not read"),
    "reserved_bits": message("reserved bits that no agreed extension uses"),
    "reserved_opcode": message("a kind of frame that does not exist"),
    "subprotocol_not_offered": message("a subprotocol that the client did not offer"),
    "unexpected_continuation": message("a continuation of nothing"),
    "unmasked": message("a frame from the client that is not masked"),
}
"""Rule that was broken → what was seen."""

UNKNOWN = {
    "extension": message("coded in a way that is not known here"),
    "limit": message("unfolds to more than is read; counted as sent"),
    "lost": message("bytes of it are missing from the capture"),
    "no_context": message("refers to an earlier message that could not be read"),
    "truncated": message("does not end in this capture"),
}
"""Why a message is not known as a whole."""

KINDS = {
    "text": message("text"),
    "binary": message("binary"),
    "close": message("close"),
    "ping": message("ping"),
    "pong": message("pong"),
    "continuation": message("rest of a message"),
    "reserved": message("not defined"),
}
SIDES = {"client": message("client →"), "server": message("← server")}
HANDSHAKES = {
    "right": (message("right"), "good"),
    "wrong": (message("wrong answer"), "bad"),
    "missing": (message("no answer to the key"), "bad"),
}
ENDINGS = {
    "cut": message("Ended without a goodbye"),
    "reset": message("Cut off by a reset"),
    "open": message("Still open when the capture ended"),
}
"""Outcome of a connection that nobody closed → words."""

CLOSED_BY = {"client": message("The client closed it: {code}"), "server": message("The server closed it: {code}")}
CLOSED_UNSEEN = {
    "client": message("The client closed it; the code is not in the capture"),
    "server": message("The server closed it; the code is not in the capture"),
}
_NOT_READ = {
    "lost": message("Its end may lie in bytes that are missing from the capture."),
    "limit": message("It has more frames than are read."),
    "one_direction": message("Only one direction was recorded."),
}


@dataclass(frozen=True, slots=True)
class SocketFact:
    """What was said on one connection: a title, how much it was, and its first messages."""

    ident: str
    stream: int
    title: str
    summary: str
    messages: Table
    more: str
    display_filter: str


def websocket_table(rows: Sequence[WebSocketRow], clock: Clock) -> Table:
    """List the connections."""
    columns = (
        Column(say("Stream"), numeric=True),
        Column("URL", wide=True),
        Column(say("Handshake"), title=say("does the server's answer fit the client's key?")),
        Column(say("Subprotocol")),
        Column(say("Compression")),
        Column(
            say("Client said"), numeric=True, title=say("texts and binary messages, and their size before compression")
        ),
        Column(
            say("Server said"), numeric=True, title=say("texts and binary messages, and their size before compression")
        ),
        Column(say("How it ended"), wide=True),
        Column(say("Frames"), title=say("the handshake's answer, the close frame")),
    )
    shown = tuple(_row(n, row, clock) for n, row in enumerate(rows[:MAX_GRID_ROWS]))
    return Table("websocket-table", say("WebSocket connections"), columns, shown, len(rows))


def _row(n: int, row: WebSocketRow, clock: Clock) -> Row:
    times = [message.time for message in row.messages]
    return Row(
        f"websocket-{n + 1}",
        (
            Cell(str(row.stream), link=f"stream-{row.stream}"),
            replace(
                cells.text(row.url, "not_captured"),
                link=f"websocket-messages-{n + 1}" if row.messages and n < MAX_TOLD else "",
            ),
            _handshake(row),
            Cell(safe(row.subprotocol)) if row.subprotocol else Cell(say("none"), tone="muted"),
            _compression(row),
            _said(row.client_messages, row.client_bytes, row.client_transferred_bytes, row.client_missing_bytes),
            _said(row.server_messages, row.server_bytes, row.server_transferred_bytes, row.server_missing_bytes),
            Cell(_ending(row), why=_explained(row), tone=_tone(row)),
            cells.frames((row.opened_frame, row.close_frame)),
        ),
        marked(
            clock,
            host=row.url,
            stream=row.stream,
            proto="websocket",
            severity="error" if row.outcome == "malformed" else "",
            start=min(times, default=None),
            end=max(times, default=None),
            frames=(row.opened_frame, row.close_frame, *(message.frame for message in row.messages)),
        ),
    )


def _handshake(row: WebSocketRow) -> Cell:
    if row.accept in HANDSHAKES:
        words, tone = HANDSHAKES[row.accept]
        return Cell(say(words), tone=tone)
    return cells.unknown("not_captured") if row.accept in (None, "not_captured") else Cell(safe(row.accept))


def _compression(row: WebSocketRow) -> Cell:
    if row.compression is None:
        other = ", ".join(row.extensions)
        return Cell(safe(other)) if other else Cell(say("none"), tone="muted")
    name, _, parameters = row.compression.partition(";")
    return Cell(safe(name.strip()), title=safe(parameters.strip()))


def _said(messages: int, size: int, transferred: int, missing: int) -> Cell:
    """Return how many messages, their size, what was sent of it where compression changed it, and what is missing."""
    notes = [human_bytes(size)]
    notes += [say("sent as {size}", size=human_bytes(transferred))] if transferred != size else []
    notes += [say("{size} missing", size=human_bytes(missing))] if missing else []
    return replace(cells.count(messages), why=listed(notes))


def _ending(row: WebSocketRow) -> Prose:
    """Say in a few words how a connection ended."""
    if row.close_code is None:
        if row.closed_by in CLOSED_UNSEEN:
            return say(CLOSED_UNSEEN[row.closed_by])
        return say("The protocol was broken") if row.outcome == "malformed" else word(ENDINGS, row.outcome)
    code = say("{number}, {name}", number=row.close_code, name=Prose(close_codes.name(row.close_code)))
    if row.closed_by in CLOSED_BY:
        return say(CLOSED_BY[row.closed_by], code=code)
    if row.outcome == "malformed":
        return say("The protocol was broken")
    return say("{ending} ({code})", ending=word(ENDINGS, row.outcome), code=code)


def _explained(row: WebSocketRow) -> Prose:
    """Explain an ending in sentences."""
    parts = []
    if row.outcome == "malformed":
        seen = word(BROKEN, row.outcome_why)
        broken = say("The protocol was broken first by {seen}.", seen=seen)
        parts.append(broken if row.closed_by else say("Seen was {seen}.", seen=seen))
    if row.close_code is not None:
        parts.append(Prose(close_codes.explain(row.close_code)))
    if row.close_reason:
        parts.append(say("It said: “{reason}”.", reason=row.close_reason))
    if row.outcome_why == "not_answered":
        parts.append(say("The other side did not answer with a close frame of its own."))
    if row.outcome_why in _NOT_READ:
        parts.append(say(_NOT_READ[row.outcome_why]))
    return paragraph(parts)


def _tone(row: WebSocketRow) -> str:
    if row.outcome == "malformed":
        return "bad"
    if row.close_code is None:
        return ""
    return "good" if row.close_code in close_codes.FINE else "warn"


def said_on(rows: Sequence[WebSocketRow], clock: Clock) -> tuple[SocketFact, ...]:
    """Draw up what was said on the first connections that said anything."""
    out: list[SocketFact] = []
    left = MAX_MESSAGES_TOTAL
    for n, row in enumerate(rows):
        if len(out) >= MAX_TOLD or left <= 0:
            break
        if row.messages:
            fact = _told(n, row, clock, min(MAX_MESSAGES, left))
            left -= len(fact.messages.rows)
            out.append(fact)
    return tuple(out)


def _told(n: int, row: WebSocketRow, clock: Clock, most: int) -> SocketFact:
    columns = (
        Column(say("Frame"), numeric=True, title=say("that the message begins in")),
        Column(say("Time"), numeric=True),
        Column(say("From")),
        Column(say("Text"), wide=True),
        Column(say("Size"), numeric=True),
    )
    shown = row.messages[:most]
    total = len(row.messages) + row.messages_left_out
    lines = tuple(_line(row, message, clock) for message in shown)
    said = plural(row.client_messages + row.server_messages, "message")
    return SocketFact(
        ident=f"websocket-messages-{n + 1}",
        stream=row.stream,
        title=safe(row.url) if row.url else say("stream {n}", n=row.stream),
        summary=listed([said, human_bytes(row.client_bytes + row.server_bytes)]),
        messages=Table(f"websocket-said-{n + 1}", say("What was said, in order"), columns, lines, total),
        more=_more(len(shown), len(row.messages), total),
        display_filter=Prose(f"websocket && {stream_filter(row.stream)}"),
    )


def _line(row: WebSocketRow, message: WebSocketMessage, clock: Clock) -> Row:
    wrong = message.why in BROKEN
    return Row(
        "",
        _cells(message, clock),
        marked(
            clock,
            stream=row.stream,
            proto="websocket",
            severity="error" if wrong else "",
            start=message.time,
            frames=(message.frame,),
        ),
    )


def _more(shown: int, kept: int, total: int) -> str:
    """Say what is left out of a list, and where the rest is."""
    if shown == total:
        return ""
    if shown == kept:
        return say("Showing {shown} of {total}.", shown=number(shown), total=number(total))
    if kept == total:
        return say(
            "Showing {shown} of {total}; the exports have all of them.", shown=number(shown), total=number(total)
        )
    return say(
        "Showing {shown} of {total}; the exports have {kept} of them.",
        shown=number(shown),
        total=number(total),
        kept=number(kept),
    )


def _cells(message: WebSocketMessage, clock: Clock) -> tuple[Cell, ...]:
    kind = word(KINDS, message.opcode)
    if message.fragments > 1:
        kind = say("{kind}, in {n} parts", kind=kind, n=message.fragments)
    folded = message.compressed and message.transferred_bytes not in (None, message.bytes)
    sent = say("sent as {size}", size=human_bytes(message.transferred_bytes)) if folded else ""
    return (
        Cell(str(message.frame)),
        clock.cell(message.time),
        Cell(word(SIDES, message.from_), why=kind),
        _text(message),
        replace(cells.size(message.bytes), why=sent),
    )


def _text(message: WebSocketMessage) -> Cell:
    """Return what was said, with what is wrong with it, or not known of it, behind it."""
    wrong = message.why in BROKEN
    note = _note(message.why)
    tone = "bad" if wrong else ""
    if message.opcode == "close" and message.text:
        code = message.text.split(" ", 1)[0]
        meaning = close_codes.name(int(code)) if code.isascii() and code.isdigit() and len(code) <= 5 else ""
        return Cell(safe(message.text), why=Prose("; ".join(filter(None, (meaning, note)))), tone=tone)
    if message.text:
        return Cell(safe(message.text), why=note, tone=tone)
    empty = say("(empty)")
    if message.text is None:
        shown = cells.DASH if note else say("not text") if message.bytes else empty
        return Cell(shown, why=note, tone=tone or "muted")
    return Cell(empty, why=note, tone=tone)


def _note(why: str | None) -> str:
    if why in BROKEN:
        return say("Against the rules: {what}", what=say(BROKEN[why]))
    return say(UNKNOWN[why]) if why in UNKNOWN else ""
