"""WebSocket close codes: what each is called and what it means, in one plain sentence.

Sources: RFC 6455 section 7.4, the IANA "WebSocket Close Code Number Registry".
"""

from __future__ import annotations

from analyzer.language import translated

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


OTHERS: dict[str, tuple[str, str]] = {
    "library": (
        "code of a library or framework",
        "Libraries and frameworks give this code its meaning; the protocol does not know it.",
    ),
    "application": (
        "code of the application",
        "Only the application knows what it means: the protocol leaves these codes to it.",
    ),
    "invalid": ("not a valid code", "No side may send this code."),
}
"""Names and sentences of codes that are in no registry: 3000 to 3999, 4000 to 4999, all others."""


def _kind(code: int) -> str:
    return "library" if 3000 <= code <= 3999 else "application" if 4000 <= code <= 4999 else "invalid"


def name(code: int, lang: str | None = None) -> str:
    """Return what a close code is called."""
    if code in CODES:
        return translated(CODES[code][0], f"close.{code}.name", lang)
    return translated(OTHERS[_kind(code)][0], f"close.{_kind(code)}.name", lang)


def explain(code: int, lang: str | None = None) -> str:
    """Return one plain sentence on what a close code means."""
    if code in CODES:
        return translated(CODES[code][1], f"close.{code}", lang)
    return translated(OTHERS[_kind(code)][1], f"close.{_kind(code)}", lang)
