"""The content of a WebSocket message, of any length: its beginning, its size, and whether it is UTF-8.

Source: RFC 6455 section 8.1 (text that is not UTF-8).
"""

from __future__ import annotations

import codecs

KEPT_TEXT = 4096
"""Bytes of a text that are kept."""


class Content:
    """What is known of a message's content, piece by piece.

    Attributes:
        size: bytes so far.
        valid: it is UTF-8 so far (always, when it need not be text).
    """

    __slots__ = ("_decoder", "_head", "_wanted", "size", "valid")

    def __init__(self, *, text: bool, checked: bool) -> None:
        self._wanted = KEPT_TEXT if text else 0
        self._head = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")() if text and checked else None
        self.size, self.valid = 0, True

    def add(self, piece: bytes, *, last: bool = False) -> None:
        """Take the next bytes."""
        self.size += len(piece)
        if len(self._head) < self._wanted:
            self._head += piece[: self._wanted - len(self._head)]
        if self._decoder is not None:
            try:
                self._decoder.decode(piece, last)
            except UnicodeDecodeError:
                self.valid, self._decoder = False, None

    def skip(self, size: int) -> None:
        """Count bytes that are not looked at; whether the whole is UTF-8 is not known from here on."""
        self.size += size
        self._decoder = None

    def text(self, *, whole: bool) -> str | None:
        """Return the beginning of a text; a character that the cut went through is left out."""
        if not self._wanted or (not self._head and not whole):
            return None
        ended = whole and self.size <= self._wanted
        return codecs.utf_8_decode(self._head, "backslashreplace", ended)[0]
