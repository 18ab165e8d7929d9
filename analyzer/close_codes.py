"""WebSocket close codes: what each is called and what it means, in one plain sentence.

Sources: RFC 6455 section 7.4, the IANA "WebSocket Close Code Number Registry".
"""

from __future__ import annotations

CODES: dict[int, tuple[str, str]] = {
    1000: ("normal closure", "What the connection was for is done."),
    1001: ("going away", "The server shuts down, or the browser leaves the page."),
    1002: ("protocol error", "The other side broke the rules of the protocol."),
    1003: ("unsupported data", "A message was of a kind that the receiver does not take, such as binary data."),
    1004: ("reserved", "The code has no meaning."),
    1005: ("no code", "The close frame named no reason."),
    1006: ("abnormal closure", "The connection ended without a close frame: it broke, or a side was stopped hard."),
    1007: ("invalid payload data", "A text message was not valid UTF-8."),
    1008: ("policy violation", "A message was against the receiver's rules; it does not say which."),
    1009: ("message too big", "A message was longer than the receiver takes."),
    1010: ("mandatory extension", "The client needs an extension that the server did not agree to."),
    1011: ("internal error", "The server met a condition it was not made for."),
    1012: ("service restart", "The server is restarted; the client may come back."),
    1013: ("try again later", "The server is overloaded; the client may come back later."),
    1014: ("bad gateway", "The server is a gateway and got an invalid answer from the server behind it."),
    1015: ("TLS handshake failed", "The encryption could not be set up."),
}

FINE = frozenset({1000, 1001, 1005})
"""Codes of a connection that ended because it was done."""


def name(code: int) -> str:
    """Return what a close code is called."""
    if code in CODES:
        return CODES[code][0]
    if 3000 <= code <= 3999:
        return "code of a library or framework"
    if 4000 <= code <= 4999:
        return "code of the application"
    return "not a valid code"


def explain(code: int) -> str:
    """Return one plain sentence on what a close code means."""
    if code in CODES:
        return CODES[code][1]
    if 3000 <= code <= 3999:
        return "Libraries and frameworks give this code its meaning; the protocol does not know it."
    if 4000 <= code <= 4999:
        return "Only the application knows what it means: the protocol leaves these codes to it."
    return "No side may send this code."
