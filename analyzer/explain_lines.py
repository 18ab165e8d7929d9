"""What all parts of a story are made with: who tells it, and lines of (text, style) broken to a width.

Nothing here knows a terminal: who prints the lines decides about colours.

Source of the line breaking: Unicode Standard Annex #14, classes ID, OP and CL, as far as Chinese and Latin need them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len, set_cell_size

from analyzer import vendors
from analyzer.analysis import Analysis
from analyzer.provenance import frames_filter, runs
from analyzer.report.secrets import masked, masked_args
from analyzer.sentences import phrase, word
from analyzer.sentences.story import STORY
from analyzer.text import display
from analyzer.text_ladder import Span, TextLine

FRAMES_SHOWN = 6
"""Runs of frames written out beside a step; its filter has them all."""

URL_LIMIT = 200
"""Characters shown of an address."""

GAP = "  "
DIM, BOLD = "dim", "bold"

_MAC = re.compile("[0-9a-f]{2}(?::[0-9a-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class Teller:
    """What all parts of a story need: the tables, the language, and the columns of a line."""

    analysis: Analysis
    lang: str
    width: int
    told: set[str] = field(default_factory=set)  # details told before, which are not told again

    def say(self, key: str, **args: object) -> str:
        """Say an entry of :data:`analyzer.sentences.story.STORY`."""
        return phrase(STORY[key], f"story.{key}", args, self.lang)

    def lines(self, text: str, style: str = "", left: str = "", left_style: str = DIM) -> Iterator[TextLine]:
        """Break a text to the width, with ``left`` before its first line and as much room before the others."""
        room = cell_len(left)
        for number, part in enumerate(broken(text, max(self.width - room, 16))):
            yield Span(" " * room if number else left, left_style), Span(part, style)


def with_makers(args: Mapping[str, object], teller: Teller) -> dict[str, object]:
    """Return arguments with secrets masked, and beside each hardware address who made the card, where it is known."""
    safe = masked_args(args, teller.analysis.options)
    return {name: _with_maker(value) if isinstance(value, str) else value for name, value in safe.items()}


def _with_maker(text: str) -> str:
    maker = vendors.name(text) if _MAC.fullmatch(text) else None
    return text if maker is None else f"{text} ({maker})"


def address(url: str, teller: Teller) -> str:
    """Return a URL as it is shown: masked, safe, and not too long."""
    return display(masked(url, teller.analysis.options), URL_LIMIT)


def evidence(frames: Sequence[int], teller: Teller) -> str:
    """Return ``frames 3, 7–9 · frame.number in {3, 7..9}``."""
    parts = runs(frames)
    listed = word("comma", teller.lang).join(str(a) if a == b else f"{a}–{b}" for a, b in parts)
    if len(parts) > FRAMES_SHOWN:
        words = teller.say("frames.many", count=len(set(frames)), first=parts[0][0], last=parts[-1][1])
    else:
        words = teller.say("frames.several" if len(set(frames)) > 1 else "frames", frames=listed)
    return f"{words} · {frames_filter(frames)}"


def paragraph(sentences: Iterable[str], lang: str) -> str:
    """Put sentences one behind the other."""
    return ("" if lang == "zh" else " ").join(sentences)


_OPEN, _CLOSE = "（“‘《「‹", "，。、；：！？）”’》」›…"
_WIDE = "\u2e80-\u303f\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef"
_UNITS = re.compile(
    rf"\d[\d.,]* (?:ms|s|min|h|B|kB|MB|GB|TB|%)[.,;:)]*(?![^\s{_CLOSE}{_WIDE}])[{_CLOSE}]*|"
    rf"[{_OPEN}]*(?:[^\s{_OPEN}{_CLOSE}{_WIDE}]+|[{_WIDE}](?<![{_OPEN}{_CLOSE}]))[{_CLOSE}]*|\s+|[{_OPEN}{_CLOSE}]+"
)
"""What a line is not broken within: a number with its unit, a word of Latin, one wide character, with its marks."""


def broken(text: str, width: int) -> list[str]:
    """Break a text into lines of at most ``width`` cells: at spaces, and beside any Chinese character.

    A line neither begins with a closing mark nor ends with an opening one, unless nothing else fits.
    """
    lines = [""]
    for unit in _UNITS.findall(text):
        if cell_len(lines[-1]) + cell_len(unit.rstrip()) > width and lines[-1]:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
        if unit.isspace():
            lines[-1] += " " if lines[-1] else ""
            continue
        while cell_len(lines[-1]) + cell_len(unit) > width:
            head = set_cell_size(unit, width)
            head = head if unit.startswith(head) else head[:-1]  # half a wide character became a space
            if not head:
                break
            lines[-1] = head
            unit = unit[len(head) :]
            lines.append("")
        lines[-1] += unit
    return [line.rstrip() for line in lines if line.strip()] or [""]


def padded(text: str, width: int) -> str:
    """Fill a text up to a number of cells."""
    return text + " " * max(width - cell_len(text), 0)


def cut(text: str, width: int) -> str:
    """Shorten a text to a number of cells."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"
