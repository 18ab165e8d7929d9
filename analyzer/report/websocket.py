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
from analyzer.report.cells import MAX_TABLE_ROWS, Cell, Clock, Column, Mark, Row, Table
from analyzer.report.escape import Prose, safe
from analyzer.report.wording import number, plural
from analyzer.schema import WebSocketMessage, WebSocketRow
from analyzer.units import human_bytes

MAX_TOLD = 50
"""Connections whose messages are on the page; the exports have those of all."""
MAX_MESSAGES = 200
"""Messages shown of one connection: what a person scrolls through."""
MAX_MESSAGES_TOTAL = 2000
"""Messages on the page in all, as many as one table may have rows."""

BROKEN = {
    "after_close": "a message after the close frame",
    "bad_close_code": "a close code that may not be sent",
    "bad_close_payload": "a close frame with half a code",
    "bad_deflate": "compressed data that cannot be unfolded",
    "bad_extension": "an extension with parameters that make no sense",
    "bad_key": "a key in the handshake that is not 16 bytes",
    "bad_length": "a length that is not written as it must be",
    "extension_not_offered": "an extension that the client did not offer",
    "fragmented_control": "a ping, pong or close in parts",
    "interrupted": "a new message before the one under way was complete",
    "invalid_utf8": "a text that is not UTF-8",
    "long_control": "a ping, pong or close of more than 125 bytes",
    "masked": "a masked frame from the server",
    "old_version": "another version than 13, whose frames are not read",
    "reserved_bits": "reserved bits that no agreed extension uses",
    "reserved_opcode": "a kind of frame that does not exist",
    "subprotocol_not_offered": "a subprotocol that the client did not offer",
    "unexpected_continuation": "a continuation of nothing",
    "unmasked": "a frame from the client that is not masked",
}
"""Rule that was broken → what was seen."""

UNKNOWN = {
    "extension": "coded in a way that is not known here",
    "limit": "unfolds to more than is read; counted as sent",
    "lost": "bytes of it are missing from the capture",
    "no_context": "refers to an earlier message that could not be read",
    "truncated": "does not end in this capture",
}
"""Why a message is not known as a whole."""

KINDS = {"continuation": "rest of a message", "reserved": "not defined"}
SIDES = {"client": "client →", "server": "← server"}
HANDSHAKES = {
    "right": ("right", "good"),
    "wrong": ("wrong answer", "bad"),
    "missing": ("no answer to the key", "bad"),
    "not_captured": (cells.DASH, "muted"),
}
_NOT_READ = {
    "capture_end": "",
    "lost": "Its end may lie in bytes that are missing from the capture.",
    "limit": "It has more frames than are read.",
    "one_direction": "Only one direction was recorded.",
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


def websocket_table(rows: Sequence[WebSocketRow]) -> Table:
    """List the connections."""
    columns = (
        Column("Stream", numeric=True),
        Column("URL", wide=True),
        Column("Handshake", title="does the server's answer fit the client's key?"),
        Column("Subprotocol"),
        Column("Compression"),
        Column("Client said", numeric=True, title="texts and binary messages, and their size before compression"),
        Column("Server said", numeric=True, title="texts and binary messages, and their size before compression"),
        Column("How it ended", wide=True),
        Column("Frames", title="the handshake's answer, the close frame"),
    )
    shown = tuple(_row(n, row) for n, row in enumerate(rows[:MAX_TABLE_ROWS]))
    return Table("websocket-table", "WebSocket connections", columns, shown, len(rows))


def _row(n: int, row: WebSocketRow) -> Row:
    handshake, tone = HANDSHAKES.get(row.accept or "not_captured", (safe(row.accept), ""))
    ending = _ending(row)
    return Row(
        f"websocket-{n + 1}",
        (
            Cell(str(row.stream), link=f"stream-{row.stream}"),
            replace(
                cells.text(row.url, "not_captured"),
                link=f"websocket-messages-{n + 1}" if row.messages and n < MAX_TOLD else "",
            ),
            Cell(handshake, tone=tone),
            Cell(safe(row.subprotocol)) if row.subprotocol else Cell("none", tone="muted"),
            _compression(row),
            _said(row.client_messages, row.client_bytes, row.client_transferred_bytes, row.client_missing_bytes),
            _said(row.server_messages, row.server_bytes, row.server_transferred_bytes, row.server_missing_bytes),
            Cell(Prose(ending), why=Prose(_explained(row)), tone=_tone(row)),
            cells.frames((row.opened_frame, row.close_frame)),
        ),
        Mark(stream=str(row.stream), proto="websocket"),
    )


def _compression(row: WebSocketRow) -> Cell:
    if row.compression is None:
        other = ", ".join(row.extensions)
        return Cell(safe(other)) if other else Cell("none", tone="muted")
    name, _, parameters = row.compression.partition(";")
    return Cell(safe(name.strip()), title=safe(parameters.strip()))


def _said(messages: int, size: int, transferred: int, missing: int) -> Cell:
    """Return how many messages, their size, what was sent of it where compression changed it, and what is missing."""
    notes = [human_bytes(size)]
    if transferred != size:
        notes.append(f"sent as {human_bytes(transferred)}")
    if missing:
        notes.append(f"{human_bytes(missing)} missing")
    return Cell(number(messages), why=Prose(", ".join(notes)))


def _ending(row: WebSocketRow) -> str:
    """Say in a few words how a connection ended."""
    who = f"The {safe(row.closed_by)}" if row.closed_by else ""
    code = "" if row.close_code is None else f"{row.close_code}, {close_codes.name(row.close_code)}"
    if row.closed_by and row.close_code is not None:
        return f"{who} closed it: {code}"
    if row.closed_by:
        return f"{who} closed it; the code is not in the capture"
    words = {
        "cut": "Ended without a goodbye",
        "reset": "Cut off by a reset",
        "open": "Still open when the capture ended",
    }
    if row.outcome == "malformed":
        return "The protocol was broken"
    return words.get(row.outcome, safe(row.outcome)) + (f" ({code})" if code else "")


def _explained(row: WebSocketRow) -> str:
    """Explain an ending in sentences."""
    parts = []
    if row.outcome == "malformed":
        seen = BROKEN.get(row.outcome_why or "", safe(row.outcome_why))
        parts.append(f"The protocol was broken first by {seen}." if row.closed_by else f"Seen was {seen}.")
    if row.close_code is not None:
        parts.append(close_codes.explain(row.close_code))
    if row.close_reason:
        parts.append(f"It said: “{safe(row.close_reason)}”.")
    if row.outcome_why == "not_answered":
        parts.append("The other side did not answer with a close frame of its own.")
    parts.append(_NOT_READ.get(row.outcome_why or "", ""))
    return " ".join(filter(None, parts))


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
    columns = [
        Column("Frame", numeric=True, title="that the message begins in"),
        Column("Time", numeric=True),
        Column("From"),
        Column("Text", wide=True),
        Column("Size", numeric=True),
    ]
    shown = row.messages[:most]
    total = len(row.messages) + row.messages_left_out
    lines = tuple(Row("", _cells(message, clock), Mark(stream=str(row.stream), proto="websocket")) for message in shown)
    said = plural(row.client_messages + row.server_messages, "message")
    return SocketFact(
        ident=f"websocket-messages-{n + 1}",
        stream=row.stream,
        title=safe(row.url or f"stream {row.stream}"),
        summary=Prose(f"{said}, {human_bytes(row.client_bytes + row.server_bytes)}"),
        messages=Table(f"websocket-said-{n + 1}", Prose("What was said, in order"), tuple(columns), lines, total),
        more=Prose(_more(len(shown), len(row.messages), total)),
        display_filter=Prose(f"websocket && {stream_filter(row.stream)}"),
    )


def _more(shown: int, kept: int, total: int) -> str:
    """Say what is left out of a list, and where the rest is."""
    if shown == total:
        return ""
    rest = "the exports have all of them" if kept == total else f"the exports have {number(kept)} of them"
    return f"Showing {number(shown)} of {number(total)}{'' if shown == kept else f'; {rest}'}."


def _cells(message: WebSocketMessage, clock: Clock) -> tuple[Cell, ...]:
    kind = KINDS.get(message.opcode, safe(message.opcode))
    parts = f", in {message.fragments} parts" if message.fragments > 1 else ""
    folded = message.compressed and message.transferred_bytes not in (None, message.bytes)
    return (
        Cell(str(message.frame)),
        clock.cell(message.time),
        Cell(SIDES.get(message.from_, safe(message.from_)), why=Prose(kind + parts)),
        _text(message),
        Cell(
            human_bytes(message.bytes), why=Prose(f"sent as {human_bytes(message.transferred_bytes)}") if folded else ""
        ),
    )


def _text(message: WebSocketMessage) -> Cell:
    """Return what was said, with what is wrong with it, or not known of it, behind it."""
    wrong = message.why in BROKEN
    note = BROKEN.get(message.why or "") or UNKNOWN.get(message.why or "", "")
    note = f"{'Against the rules: ' if wrong else ''}{note}" if note else ""
    if message.opcode == "close" and message.text:
        code = message.text.split(" ", 1)[0]
        meaning = close_codes.name(int(code)) if code.isascii() and code.isdigit() and len(code) <= 5 else ""
        return Cell(
            safe(message.text), why=Prose("; ".join(filter(None, (meaning, note)))), tone="bad" if wrong else ""
        )
    if message.text is None:
        shown = cells.DASH if note else "(empty)" if not message.bytes else "not text"
        return Cell(shown, why=Prose(note), tone="muted" if not wrong else "bad")
    return Cell(safe(message.text) if message.text else "(empty)", why=Prose(note), tone="bad" if wrong else "")
