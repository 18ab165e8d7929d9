"""Secrets out of the texts that programs send each other: WebSocket messages in JSON, STOMP, query form, or prose.

A text has no grammar of its own here (it may be cut, or JSON inside a JSON string), so it is searched for what holds
secrets in any of them: values behind a name that sounds like one (quoted, bracketed or bare), credentials behind the
word of their scheme, JSON Web Tokens, and passwords in URLs. Names stay, values go. Like all masking it errs on the
side of hiding, and masking twice changes nothing. Work is linear in the length of a text.

Sources: RFC 8259 section 7 (strings), RFC 6750 section 2.1 (Bearer), RFC 7519 section 3 (JSON Web Token), STOMP 1.2.
"""

from __future__ import annotations

import re

from analyzer.masking import MASKED, mask_header, mask_url
from analyzer.schema import WebSocketMessage, WebSocketRow, changed
from analyzer.secret_names import is_secret

_PAIR = re.compile(
    r"""(?<![\w.$@\[\]-])(?P<quote>\\{0,7}["']|)(?P<name>[\w.$@\[\]-]{1,64}+)(?P=quote)"""
    r"""[ \t]{0,4}(?P<is>[:=])[ \t]{0,4}"""
)
"""A name with what makes the following its value; a quote may be escaped, as in JSON inside a JSON string."""
_OPENING = re.compile(r"""\\{0,7}["']""")
_BRACKET = re.compile(r"""\\*["\[\]{}]""")
_BARE = {":": re.compile(r"[^,;}\])\r\n\"'<>]*"), "=": re.compile(r"[^\s,;&}\])\"'<>\\]*")}
_LINE = re.compile(r"[^\r\n]*")
_HARMLESS = frozenset({"", "true", "false", "null", "none", "undefined"})
_CODE = re.compile(r"\d{1,4}")
"""What stands behind "code" in messages is a status; one that opens something is longer."""

_SCHEME = re.compile(r"\b((?i:Bearer|Basic|Negotiate|NTLM|Digest)[ \t]{1,4})(?=[a-z.]{0,64}[^a-z.\s])[\w.~+/=-]{6,}+")
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{6,}+\.[\w-]{4,}+(?:\.[\w-]*+)?")
_USERINFO = re.compile(r"(//|\\/\\/)([^\s/@:\"']{0,64}+):(?!\[masked\]@)[^\s/\"']{1,128}@")
_ADDRESS = re.compile(r"[^\s\"'<>\\]{8,}+")


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


def mask_text(text: str) -> tuple[str, int]:
    """Return a message's text as it may be shown, and how many values in it were masked."""
    text, count = _mask_values(text)
    for pattern, instead in (
        (_SCHEME, rf"\g<1>{MASKED}"),
        (_JWT, MASKED),
        (_USERINFO, rf"\g<1>\g<2>:{MASKED}@"),
    ):
        text, more = pattern.subn(instead, text)
        count += more
    if "%" in text or "://" in text:
        parts = []
        reached = 0
        for found in _ADDRESS.finditer(text):
            if (shown := mask_url(found[0])) != found[0]:
                parts += [text[reached : found.start()], shown]
                reached = found.end()
                count += 1
        text = "".join(parts) + text[reached:]
    return text, count


def _mask_values(text: str) -> tuple[str, int]:
    """Mask what stands behind names that sound like secrets."""
    parts: list[str] = []
    reached = at = count = 0
    while (found := _PAIR.search(text, at)) is not None:
        at = found.end()
        if not is_secret(found["name"]) and "cookie" not in found["name"].lower():
            continue
        low, high = _value(text, found)
        value = text[low:high]
        at = max(at, high)
        if value.strip().lower() in _HARMLESS or value == MASKED:
            continue
        if found["name"].lower() == "code" and _CODE.fullmatch(value.strip()):
            continue
        parts += [text[reached:low], MASKED]
        reached = high
        count += 1
    return "".join(parts) + text[reached:], count


def _value(text: str, found: re.Match[str]) -> tuple[int, int]:
    """Return where a value lies: without its quotes, or with its brackets; to the end where it has none."""
    at = found.end()
    opening = _OPENING.match(text, at)
    if opening is not None:
        return opening.end(), _closing_quote(text, opening.end(), opening[0])
    if text[at : at + len(MASKED)] == MASKED:
        return at, at + len(MASKED)
    if text[at : at + 1] in ("{", "["):
        return at, _closing_bracket(text, at)
    line = text.rfind("\n", 0, found.start()) + 1
    header = found["is"] == ":" and not text[line : found.start()].strip()
    bare = (_LINE if header else _BARE[found["is"]]).match(text, at)
    return at, at if bare is None else bare.end()


def _closing_quote(text: str, at: int, opening: str) -> int:
    """Return where a quoted value ends: before the next such quote that is not escaped further."""
    most, quote = len(opening) - 1, opening[-1]
    while (end := text.find(quote, at)) >= 0:
        escapes = end - at - len(text[at:end].rstrip("\\"))
        if escapes <= most:
            return end - escapes
        at = end + 1
    return len(text)


def _closing_bracket(text: str, at: int) -> int:
    """Return where a bracketed value ends, brackets inside strings not counted."""
    depth, inside = 0, -1  # how far the quote of the string one is in is escaped
    for found in _BRACKET.finditer(text, at):
        escapes, mark = len(found[0]) - 1, found[0][-1]
        if mark == '"':
            inside = escapes if inside < 0 else -1 if escapes <= inside else inside
        elif inside < 0:
            depth += 1 if mark in "[{" else -1
            if depth == 0:
                return found.end()
    return len(text)
