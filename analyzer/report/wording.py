"""The report's own words - headings, labels, connecting sentences - in the language that is spoken.

Statements about traffic come from :mod:`analyzer.sentences`; this is for everything else on the page. Rules:

* The English text is written where it is used, as a literal: ``say("{shown} of {total}", shown=3, total=9)``. The
  script that keeps the catalogues (``scripts/messages.py``) finds the literals; a text kept in a table is marked with
  :func:`message` there, and said with :func:`say` when it is used, since a table is made before a language is known.
* A sentence is one message with arguments, never glued from pieces: other languages order their words differently.
  Two texts for two cases are better than a text with a switch inside.
* Arguments pass :func:`analyzer.report.escape.safe` unless they are :class:`~analyzer.report.escape.Prose` already.
* Two meanings of one English word get a context: ``say("Open", "state")``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from analyzer import sentences
from analyzer.language import SOURCE, current, filled, translated
from analyzer.report.escape import Prose, safe
from analyzer.units import human_count

if TYPE_CHECKING:
    from markupsafe import Markup

CONTEXT = "report"
"""Context of the report's messages in the catalogues; one with a context of its own is ``report.state``."""

COUNT = "report.count"
"""Context of counted things, ``{n} requests``."""

SCRIPT = "report.script"
"""Context of what the page's script says."""


def message(text: str, context: str = "") -> str:
    """Mark a text of a table as a message; return it as it is."""
    return text


def say(text: str, context: str = "", /, **args: object) -> Prose:
    """Return a message in the language that is spoken, its arguments filled in and safe to show.

    Args:
        text: English, a literal (or what :func:`message` has marked); names of arguments in braces.
        context: tells meanings of one English text apart.
        args: numbers, display text (:class:`Prose`), or captured values, which become display text.
    """
    template = translated(text, f"{CONTEXT}.{context}" if context else CONTEXT)
    return Prose(filled(template, {name: _word(value) for name, value in args.items()}) if args else template)


def say_html(text: str, context: str = "", /, **args: object) -> Markup:
    """Do as :func:`say` does, for a message with marked-up arguments (``Markup``); all else is escaped."""
    from markupsafe import Markup, escape

    template = str(escape(translated(text, f"{CONTEXT}.{context}" if context else CONTEXT)))
    words = {name: str(value if hasattr(value, "__html__") else escape(_word(value))) for name, value in args.items()}
    return Markup(filled(template, words))


def _word(value: object) -> str:
    return value if isinstance(value, Prose) else safe(value)


def number(value: int) -> Prose:
    """Write a count for people, thousands apart by a narrow space."""
    return Prose(human_count(value))


def plural(amount: int, one: str, many: str | None = None) -> Prose:
    """Return ``1 request`` or ``3 requests``; the words are literals."""
    words = many or f"{one}s"
    if current() == SOURCE:
        return Prose(f"{number(amount)} {one if amount == 1 else words}")
    return Prose(filled(translated(f"{{n}} {words}", COUNT), {"n": number(amount)}))


def listed(parts: Iterable[str | None]) -> Prose:
    """Join what is there with commas, as the language writes them."""
    return Prose(sentences.word("comma").join(part for part in parts if part))


def joined(parts: Sequence[str]) -> Prose:
    """Join phrases as a person would: ``a``, ``a and b``, ``a, b and c``."""
    if len(parts) < 2:
        return Prose(*parts)
    return say("{first} and {last}", first=listed(parts[:-1]), last=Prose(parts[-1]))


_STOPS = ("\u3002", "\uff01", "\uff1f")
"""Full-width full stop, exclamation and question mark: they bring the space behind them."""


def paragraph(said: Iterable[str]) -> Prose:
    """Put whole sentences one behind the other."""
    out = ""
    for sentence in said:
        out += sentence if not out or out.endswith(_STOPS) else f" {sentence}"
    return Prose(out)
