"""The languages the analyzer speaks: English, in which its sentences are written, and those it has a catalogue of.

A message is found by its context (the key of a sentence, ``step.dns.retry`` or ``TCP-LOSS.advice``) and its English
text, so that one English text may have two translations. Rules:

* English needs no catalogue: nothing is read and nothing imported for it.
* A message that a catalogue does not have stays English; a test holds the catalogues complete.
* Catalogues are GNU gettext's (``locale/<folder>/LC_MESSAGES/analyzer.po``, and the ``.mo`` that is made of it by
  ``scripts/messages.py``), read with the standard library.
* Who draws up a whole document in one language says so once (:func:`speaking`), instead of handing the language through
  every function; a function that is given none speaks the language in force. Each thread and task has its own.
* Chinese puts no space between its own characters, and one between them and Latin letters or digits. Translations
  leave it out beside an argument, because nobody knows what will stand there; :func:`woven` puts it in.

Sources: GNU gettext manual, sections "Contexts" and "MO Files"; W3C "Requirements for Chinese Text
Layout" section 3.2.3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from itertools import zip_longest
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gettext import NullTranslations

SOURCE = "en"
"""The language that the sentences in the code are written in."""

FOLDERS = {"zh": "zh_CN"}
"""Language → folder of its catalogue."""

LANGUAGES = (SOURCE, *FOLDERS)

DOMAIN = "analyzer"
"""Name of the catalogues' files."""

LOCALE = Path(__file__).parent / "locale"

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_APART = re.compile("[\\s\u2010-\u206f\u3000-\u303f\uff00-\uffef]")
"""What stands beside a Chinese character without a space: spaces, dashes and quotes, full-width punctuation."""


_SPOKEN: ContextVar[str] = ContextVar("language", default=SOURCE)


@contextmanager
def speaking(lang: str) -> Iterator[None]:
    """Speak a language in all that is said inside; what is said lazily must be said before the end.

    Raises:
        KeyError: there is no such language.
    """
    if lang not in LANGUAGES:
        raise KeyError(lang)
    before = _SPOKEN.set(lang)
    try:
        yield
    finally:
        _SPOKEN.reset(before)


def current(lang: str | None = None) -> str:
    """Return a language that was asked for, or the one in force (:func:`speaking`), which is English at first."""
    return _SPOKEN.get() if lang is None else lang


def translated(text: str, context: str, lang: str | None = None) -> str:
    """Return a message of the code in a language.

    Args:
        text: the English text, as it is written in the code.
        context: the key it is kept under.
        lang: of :data:`LANGUAGES`; None for the one in force.

    Raises:
        KeyError: there is no such language.
    """
    spoken = current(lang)
    return text if spoken == SOURCE else _catalogue(spoken).pgettext(context, text)


@cache
def _catalogue(lang: str) -> NullTranslations:
    from gettext import GNUTranslations

    with (LOCALE / FOLDERS[lang] / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
        return GNUTranslations(file)


def filled(template: str, words: Mapping[str, str], lang: str | None = None) -> str:
    """Put words into a template of a language, by the rules of its writing.

    Args:
        lang: of :data:`LANGUAGES`; None for the one in force.
    """
    return template.format_map(words) if current(lang) == SOURCE else woven(template, words)


def woven(template: str, words: Mapping[str, str]) -> str:
    """Put words into a template as ``str.format_map`` does, with a space where Chinese meets another script."""
    pieces: list[str] = []
    for literal, name, spec in _parsed(template):
        pieces.append(literal)
        if name is not None:
            pieces.append(format(words[name], spec))
    return joined(pieces)


def joined(pieces: Iterable[str]) -> str:
    """Join pieces of text, with a space between two where Chinese meets another script."""
    out: list[str] = []
    last = ""
    parts = [piece for piece in pieces if piece]
    for piece, after in zip_longest(parts, parts[1:], fillvalue=""):
        if piece == " " and _HAN.match(last) and _HAN.match(after):
            continue  # it was to part two values that are Latin in English
        if piece:
            if last and bool(_HAN.match(last)) != bool(_HAN.match(piece)) and not _apart(last, piece[0]):
                out.append(" ")
            out.append(piece)
            last = piece[-1]
    return "".join(out)


def _apart(left: str, right: str) -> bool:
    return bool(_APART.match(left) or _APART.match(right))


@cache
def _parsed(template: str) -> tuple[tuple[str, str | None, str], ...]:
    """Return (text before, argument or None, its format) of a template's parts; there are some hundred templates."""
    return tuple((literal, name, spec or "") for literal, name, spec, _ in Formatter().parse(template))
