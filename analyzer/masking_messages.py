"""Secrets out of WebSocket connections: their addresses, subprotocols, messages and the reasons they were closed for.

Texts of messages have no grammar of their own: see :mod:`analyzer.masking_text`.
"""

from __future__ import annotations

from analyzer.masking_headers import mask_header
from analyzer.masking_urls import mask_text, mask_url
from analyzer.schema import WebSocketMessage, WebSocketRow, changed

__all__ = ["mask_messages", "mask_text"]


def mask_messages(rows: list[WebSocketRow]) -> tuple[list[WebSocketRow], int]:
    """Return WebSocket connections as they may be shown, and how many values were masked in all."""
    out, total = [], 0
    for row in rows:
        shown, count = _mask_connection(row)
        out.append(shown)
        total += count
    return out, total


def _mask_connection(row: WebSocketRow) -> tuple[WebSocketRow, int]:
    values: dict[str, object] = {}
    if row.url is not None and (url := mask_url(row.url)) != row.url:
        values["url"] = url
    if row.subprotocol is not None:
        told = mask_header("sec-websocket-protocol", row.subprotocol)  # where browsers can put a token
        if told != row.subprotocol:
            values["subprotocol"] = told
    extensions = tuple([mask_header("sec-websocket-extensions", value) for value in row.extensions])
    if extensions != row.extensions:
        values["extensions"] = extensions
    if row.compression is not None:
        agreed = mask_header("sec-websocket-extensions", row.compression)
        if agreed != row.compression:
            values["compression"] = agreed
    total = len(values)
    if row.close_reason is not None:
        reason, count = mask_text(row.close_reason)
        values |= {"close_reason": reason} if count else {}
    messages, count = _mask_each(row.messages)  # the reason stands in its message too, and is counted there
    if count:
        values["messages"] = messages
    return (changed(row, **values) if values else row), total + count


def _mask_each(messages: tuple[WebSocketMessage, ...]) -> tuple[tuple[WebSocketMessage, ...], int]:
    out, total = [], 0
    for message in messages:
        if message.text is not None:
            text, count = mask_text(message.text)
            if count:
                message, total = changed(message, text=text), total + count
        out.append(message)
    return tuple(out), total
