"""Text from hostile bytes: everything a person reads of a capture passes here.

Rules: bytes that are no text are shown as ``\\xNN``; control characters (C0, DEL, C1), line and paragraph
separators, bidirectional controls and invisible characters are shown by name (``⟨U+202E⟩``); long text is cut
visibly. Nothing here knows HTML: markup is escaped by the template engine.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache

DISPLAY_LIMIT = 300
"""Characters shown of one value; more is a page nobody reads, and the full value is in the exports."""

# C0 and C1 controls, DEL, soft hyphen, Arabic letter mark, combining grapheme joiner, Hangul fillers, Mongolian
# vowel separator, zero width and bidi controls, separators, word joiners, interlinear marks, tags, variation
# selectors, lone surrogates. Unicode Standard Annex #9 (bidi) and Technical Report #36 (visual spoofing).
_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)


_INVISIBLE_IN_LINES = re.compile(_INVISIBLE.pattern.replace("\x00-\x1f", "\x00-\x08\x0b-\x1f"))
"""The same without tab and line feed."""


def decode(raw: bytes) -> str:
    """Turn bytes into text without losing or inventing anything: UTF-8, other bytes as ``\\xNN``."""
    return raw.decode("utf-8", "backslashreplace")


def visible(text: str) -> str:
    """Make control, bidirectional and invisible characters visible as ``⟨U+XXXX⟩``."""
    return _INVISIBLE.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", text)


def visible_lines(text: str) -> str:
    """Do as :func:`visible` does, but for long text shown line by line: tabs and line feeds stay, and the other ASCII
    controls become their one-character pictures (``␛``, Unicode block 2400), since binary data is full of them.

    Args:
        text: may come from bytes decoded with ``surrogateescape`` (the fastest way where few bytes are text); bytes
            that are no text become ``\\xNN``.
    """
    return _INVISIBLE_IN_LINES.sub(lambda match: _name(match[0]), text)


@cache
def _name(char: str) -> str:
    """Return how an invisible character, or a byte that is no text, is shown; there are some five thousand."""
    code = ord(char)
    if code < 0x20 or code == 0x7F:
        return "␡" if code == 0x7F else chr(0x2400 + code)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"⟨U+{code:04X}⟩"


def display(value: object, limit: int = DISPLAY_LIMIT) -> str:
    """Return safe display text for any value from a capture.

    Args:
        value: bytes, str or anything else (turned into str).
        limit: characters kept; the rest is announced as ``… (+N)``.
    """
    if type(value) is str and len(value) <= limit and value.isascii() and value.isprintable():
        return value  # most values are: nothing in it could be invisible
    text = decode(value) if isinstance(value, bytes) else str(value)
    more = len(text) - limit
    shown = visible(text[:limit])
    return f"{shown}… (+{more})" if more > 0 else shown


def file_name(text: str, fallback: str = "capture") -> str:
    """Return a safe file name: letters and digits of any script, ``._-``, no leading dot or dash.

    It has at most 100 characters and 180 bytes of UTF-8, is normalized (NFC: some systems store names decomposed), and
    is no device of Windows. Everything else becomes an underscore: separators, controls, bidirectional marks, symbols.
    """
    name = "".join(char if _named(char) else " " for char in unicodedata.normalize("NFC", text))
    name = re.sub(" +", "_", name)[-100:].encode()[-180:].decode("utf-8", "ignore").lstrip("._-") or fallback
    if name.split(".")[0].upper() in RESERVED_NAMES:
        name = f"_{name}"[:100]
    return name


def is_file_name(text: str) -> bool:
    """Tell whether a text is made as file names of ours are, of whatever length."""
    return bool(text) and text[0] not in ".-" and all(map(_named, text))


def _named(char: str) -> bool:
    """Tell whether a character may stand in a file name: vowel signs, too, which some scripts need to be read."""
    known = char.isalnum() or char in "._-" or unicodedata.category(char) in ("Mn", "Mc")
    return known and not _INVISIBLE.match(char)


def numbered(
    names: Iterable[str], pattern: str, taken: Iterable[str] = (), fold: Callable[[str], str] = str
) -> Iterator[str]:
    """Give names of which no two are the same, by numbers behind those that were taken before.

    Args:
        pattern: how name and number (from 2) are put together, ``{}-{}``.
        taken: names that nobody may have; fold: what makes names the same (``str.casefold``: some file systems do not
            know capital letters).
    """
    there, last = set(map(fold, taken)), dict[str, int]()
    for base in names:
        name, number = base, last.get(base, 1)
        while fold(name) in there:
            number += 1
            name = pattern.format(base, number)
        last[base] = number
        there.add(fold(name))
        yield name


RESERVED_NAMES = {
    *("CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"),
    *(f"{port}{digit}" for port in ("COM", "LPT") for digit in "123456789¹²³"),
}
"""Devices of Windows, with any ending and in any case; it takes the superscript digits of Latin-1 for digits, too."""
