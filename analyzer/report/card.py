"""What a card of the first screen is made of: sentences, each with the part of the page that proves it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CardLine:
    """A sentence of a card, and the part of the page that proves it.

    Attributes:
        link: an anchor; link_words: what the link leads to, where the sentence stands alone.
        severity: of a finding ("" for other sentences), with its icon and its word.
        terms: (code, anchor in the glossary) of what the sentence names.
    """

    sentence: str
    link: str
    link_words: str
    severity: str = ""
    icon: str = ""
    word: str = ""
    terms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """One of the four cards of the first screen; ``tone`` is info, warn, bad or good."""

    key: str
    question: str
    lines: tuple[CardLine, ...]
    tone: str
