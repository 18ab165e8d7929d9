"""Words that the tables of several protocols share: what stands for a code of the analysis, the first of many things.

A table of words maps codes to messages marked with :func:`analyzer.report.wording.message`, because it is made before
a language is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from analyzer import sentences
from analyzer.language import SOURCE, current, translated
from analyzer.report.escape import Prose, safe
from analyzer.report.wording import listed, say


def word(table: Mapping[str, str], code: str | None) -> Prose:
    """Return what stands for a code in a table of messages; the code itself where it has no entry."""
    known = table.get(code or "")
    return safe(code or "") if known is None else say(known)


def spoken(text: str) -> Prose:
    """Return a term of the decoders (an ICMP message's meaning, a command's name), each part before a colon by itself.

    They are messages of :data:`analyzer.sentences.SPOKEN_CONTEXT`; what is not one of them stays as it is.
    """
    if current() == SOURCE:
        return safe(text)
    pieces = text.split(": ")
    said = [translated(piece, sentences.SPOKEN_CONTEXT) for piece in pieces]
    return safe(("：" if current() == "zh" and said != pieces else ": ").join(said))


def first_of(items: Iterable[str], most: int) -> Prose:
    """List the first items, and say how many more there are."""
    every = list(items)
    shown = listed(every[:most])
    more = len(every) - most
    return say("{items} and {more} more", items=shown, more=more) if more > 0 else shown
