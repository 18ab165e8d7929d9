"""A made-up language: every message stands in ⟦ ⟧, so that what never passed the catalogue is seen at once.

``with pseudo(monkeypatch): html = render(analysis, "zh")``, then :func:`bare` gives the words of a piece of the page
that stand outside the brackets: data, or English that nobody can translate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser

import pytest

from analyzer import language

LEFT, RIGHT = "⟦", "⟧"
SEEN = ("title", "aria-label", "placeholder", "alt")
"""Attributes that a reader sees or hears."""
DATA = {"code", "kbd", "script", "style"}
"""Elements that hold data, never words."""


class Brackets:
    """A catalogue that has every message."""

    def pgettext(self, context: str, text: str) -> str:
        return f"{LEFT}{text}{RIGHT}"


@contextmanager
def pseudo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Speak the made-up language instead of Chinese."""
    with monkeypatch.context() as patched:
        patched.setattr(language, "_catalogue", lambda lang: Brackets())
        yield


def piece(html: str, start: str, end: str) -> str:
    """Return the page from one mark to the next."""
    at = html.index(start)
    return html[at : html.index(end, at + len(start))]


class _Texts(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._data = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._data += tag in DATA
        self.texts += [value for name, value in attrs if name in SEEN and value]

    def handle_endtag(self, tag: str) -> None:
        self._data -= tag in DATA

    def handle_data(self, data: str) -> None:
        if not self._data:
            self.texts.append(data)


def outside(text: str) -> str:
    """Return what of a text stands outside all brackets."""
    while True:
        less = re.sub(f"{LEFT}[^{LEFT}{RIGHT}]*{RIGHT}", " ", text)
        if less == text:
            return text
        text = less


def bare(html: str) -> set[str]:
    """Return the words of a piece of the page that passed no catalogue: of three letters and more, lower-case ones."""
    words: set[str] = set()
    for text in _Texts(html).texts:
        words.update(re.findall(r"(?<![\w./:@-])[A-Z]?[a-z]{2,}(?![\w/:@-]|\.\w)", outside(text)))
    return words
