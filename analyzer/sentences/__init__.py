"""The catalogue of sentences: every statement the analyzer makes about traffic, in plain English.

Rows carry a key and arguments, never a finished sentence, so that the report, the terminal and a later
translation all speak from here. Rules:

* A template names its arguments in braces. An argument whose name ends in ``_ms`` is written as a duration, in
  ``_bytes`` as a size, in ``_share`` (0 to 1) as a percentage; lists are joined; None becomes ``unknown``.
* ``{attempts:query|queries}`` writes the number and the fitting noun: ``1 query``, ``3 queries``.
* Arguments come from captures: each passes :func:`analyzer.text.display`, so what comes out is safe to show as text
  (markup is escaped by whoever makes markup).
* ``{status_meaning}`` is the plain sentence that explains the argument ``status``; ``{close_name}`` and
  ``{close_meaning}`` do that for ``close_code``, the code that a WebSocket was closed with; ``{flaw_meaning}`` is the
  reason ``flaw`` in words.
* A key that is not in the catalogue gives the key and its arguments, never an exception.
* Everything takes a language (``lang``), English by default; :mod:`analyzer.language` has the translations, kept under
  the key (``step.dns``, ``why.cached``) or the key and the part (``TCP-LOSS.advice``). A translation uses the
  arguments that the English sentence uses, none twice as a noun: ``{attempts}`` there is the number alone.

To add a sentence, add an entry to the module of this package for its kind: ``steps`` (of journeys), ``reasons`` (codes
that say why), or the layer of a finding (``web`` and ``browsing`` are about HTTP). A finding's ``title_key`` is its
code, or its code and a variant (``TCP-RESET.polite``), which falls back to the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer import close_codes, dns_words, http_status
from analyzer.language import SOURCE, current, filled, translated
from analyzer.sentences.arp import ARP
from analyzer.sentences.browsing import BROWSING
from analyzer.sentences.capture import CAPTURE
from analyzer.sentences.dhcp import DHCP
from analyzer.sentences.dns import DNS
from analyzer.sentences.icmp import ICMP
from analyzer.sentences.ndp import NDP
from analyzer.sentences.reasons import WHY
from analyzer.sentences.steps import STEPS, WITHOUT
from analyzer.sentences.tcp import TCP
from analyzer.sentences.tls import TLS
from analyzer.sentences.visit import VISIT
from analyzer.sentences.web import WEB
from analyzer.sentences.words import CLAUSES, PHRASED, SPOKEN, WORDS
from analyzer.text import display
from analyzer.units import human_bytes, human_ms

__all__ = [
    "FINDINGS",
    "MAX_LISTED",
    "SPOKEN_CONTEXT",
    "STEPS",
    "WHY",
    "FindingText",
    "fill",
    "finding_text",
    "phrase",
    "sentence",
    "why",
    "word",
]

SPOKEN_CONTEXT = "word.spoken"
"""Context of the words that arguments of :data:`analyzer.sentences.words.SPOKEN` may be."""

MAX_LISTED = 4
"""Items of a list argument written out; a sentence with more is not read."""


@dataclass(frozen=True, slots=True)
class FindingText:
    """What a finding says: the statement, why it matters, and what to try."""

    title: str
    why: str
    advice: str


FINDINGS: dict[str, FindingText] = {
    key: FindingText(*texts)
    for part in (CAPTURE, ARP, NDP, DHCP, DNS, ICMP, TCP, TLS, WEB, BROWSING, VISIT)
    for key, texts in part.items()
}
"""Finding code → its texts."""


class _Word(str):
    """Text of an argument that knows how to count nouns."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if "|" not in spec:
            return str(self)
        one, many = spec.split("|", 1)
        return f"{self} {one if self == '1' else many}"


class _Arguments(dict[str, _Word]):
    """Arguments of a sentence; a missing one is unknown."""

    __slots__ = ("lang",)

    def __init__(self, lang: str | None) -> None:
        self.lang = lang

    def __missing__(self, key: str) -> _Word:
        return _Word(word("unknown", self.lang))


def word(key: str, lang: str | None = None) -> str:
    """Return a word or joint of :data:`analyzer.sentences.words.WORDS`."""
    return translated(WORDS[key], f"word.{key}", lang)


def _word(name: str, value: object, lang: str | None = None) -> _Word:
    if value is None:
        return _Word(word("unknown", lang))
    if isinstance(value, bool):
        return _Word(word("yes" if value else "no", lang))
    if isinstance(value, int | float):
        if value != value or value in (float("inf"), float("-inf")):
            return _Word(word("unknown", lang))
        if name.endswith("_ms"):
            return _Word(human_ms(float(value)))
        if name.endswith("_bytes"):
            return _Word(human_bytes(int(value)))
        if name.endswith("_share"):
            return _Word(f"{value * 100:.0f} %" if value >= 0.1 else f"{value * 100:.1f} %")
        return _Word(f"{value:g}" if isinstance(value, float) else str(value))
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else list(dict.fromkeys(map(str, value)))
        comma = word("comma.clauses" if name in CLAUSES else "comma", lang)
        return _Word(_listed([_text(name, item, lang) for item in items], comma, lang))
    return _Word(_text(name, value, lang))


def _text(name: str, value: object, lang: str | None) -> str:
    """Write a value that is neither number nor list: words of this program in the language, all else as it is."""
    if current(lang) == SOURCE or not (name in SPOKEN or (name in PHRASED and " " in str(value))):
        return display(value)
    pieces = str(value).split(": ")
    said = [translated(piece, SPOKEN_CONTEXT, lang) for piece in pieces]
    return display("：".join(said) if current(lang) == "zh" and said != pieces else ": ".join(said))


def _listed(items: list[str], comma: str, lang: str | None) -> str:
    """Join as many items as are read, and say how many there are besides."""
    text = comma.join(items[:MAX_LISTED])
    if len(items) > MAX_LISTED:
        more = {"items": _Word(text), "more": _Word(str(len(items) - MAX_LISTED))}
        text = filled(word("more", lang), more, lang)
    return text or word("nothing", lang)


def fill(template: str, args: Mapping[str, object], lang: str | None = None) -> str:
    """Put arguments into a template by the module's rules; what is missing is ``unknown``.

    Args:
        template: in the language ``lang``: of a catalogue it comes from :func:`analyzer.language.translated`.
    """
    words = _Arguments(lang)
    words.update((str(name), _word(str(name), value, lang)) for name, value in args.items())
    status = args.get("status")
    if isinstance(status, int):
        if not args.get("reason"):  # RFC 9112 section 4: it may be absent, and says nothing that the code does not
            words["reason"] = _Word(http_status.name(status))
        words.setdefault("status_meaning", _Word(http_status.explain(status, lang)))
    rcode = args.get("rcode")
    if isinstance(rcode, str):
        words.setdefault("rcode_meaning", _Word(dns_words.explain(rcode, lang)))
    close = args.get("close_code")
    if isinstance(close, int):
        words.setdefault("close_name", _Word(close_codes.name(close, lang)))
        words.setdefault("close_meaning", _Word(close_codes.explain(close, lang)))
    if isinstance(args.get("flaw"), str):
        words.setdefault("flaw_meaning", _Word(why(str(args["flaw"]), lang)))
    return filled(template, words, lang)


def phrase(text: str, context: str, args: Mapping[str, object], lang: str | None = None) -> str:
    """Translate a template of the code and fill it.

    Args:
        text: the English template; context: the key it is kept under.
    """
    return fill(translated(text, context, lang), args, lang)


def _bare(key: str, args: Mapping[str, object]) -> str:
    """Say what is known of a key that has no sentence."""
    words = ", ".join(f"{display(name)}: {_word(str(name), value)}" for name, value in args.items())
    return display(key) + (f" ({words})" if words else "")


def sentence(key: str, args: Mapping[str, object], lang: str | None = None) -> str:
    """Return the sentence of a step's key or the title of a finding's, filled with its arguments.

    Args:
        key: of :data:`STEPS`, or a finding's ``title_key``.
        args: values by name; see the module's rules for how they are written.
        lang: of :data:`analyzer.language.LANGUAGES`.

    Returns:
        Safe display text. For a key without an entry, the key and its arguments.
    """
    spoken = next((instead for counted, instead in WITHOUT.get(key, ()) if args.get(counted) == 0), key)
    template = STEPS.get(spoken)
    if template is not None:
        return phrase(template, spoken, args, lang)
    if ".absent." in key:
        step, reason = key.removeprefix("step.").split(".absent.", 1)
        return phrase(WORDS["absent"], "word.absent", {"step": step, "why": why(reason, lang)}, lang)
    found = _finding(key)
    return _bare(key, args) if found is None else phrase(FINDINGS[found].title, f"{found}.title", args, lang)


def finding_text(title_key: str, args: Mapping[str, object], lang: str | None = None) -> FindingText:
    """Return a finding's three texts, filled; ``why`` and ``advice`` are empty for a key without an entry."""
    found = _finding(title_key)
    if found is None:
        return FindingText(_bare(title_key, args), "", "")
    text = FINDINGS[found]
    return FindingText(
        phrase(text.title, f"{found}.title", args, lang),
        phrase(text.why, f"{found}.why", args, lang),
        phrase(text.advice, f"{found}.advice", args, lang),
    )


def _finding(key: str) -> str | None:
    """Return the key of a finding's texts: its own, or that of its code."""
    code = key.split(".", 1)[0]
    return key if key in FINDINGS else code if code in FINDINGS else None


def why(reason: str | None, lang: str | None = None) -> str:
    """Say a reason code in words: ``cached`` → "already known from before, so nobody had to ask"."""
    if reason is None:
        return word("not_known", lang)
    text = WHY.get(reason)
    return display(reason).replace("_", " ") if text is None else translated(text, f"why.{reason}", lang)
