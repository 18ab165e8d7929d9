"""The catalogue of sentences: every statement the analyzer makes about traffic, in plain English.

Rows carry a key and arguments, never a finished sentence, so that the report, the terminal and a later
translation all speak from here. Rules:

* A template names its arguments in braces. An argument whose name ends in ``_ms`` is written as a duration, in
  ``_bytes`` as a size, in ``_share`` (0 to 1) as a percentage; lists are joined; None becomes ``unknown``.
* ``{attempts:query|queries}`` writes the number and the fitting noun: ``1 query``, ``3 queries``.
* Arguments come from captures: each passes :func:`analyzer.text.display`, so what comes out is safe to show as text
  (markup is escaped by whoever makes markup).
* ``{status_meaning}`` is the plain sentence that explains the argument ``status``; ``{close_name}`` and
  ``{close_meaning}`` do that for ``close_code``, the code that a WebSocket was closed with.
* A key that is not in the catalogue gives the key and its arguments, never an exception.

To add a sentence, add an entry to the module of this package for its kind: ``steps`` (of journeys), ``reasons`` (codes
that say why), or the layer of a finding (``web`` and ``browsing`` are about HTTP). A finding's ``title_key`` is its
code, or its code and a variant (``TCP-RESET.polite``), which falls back to the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from analyzer import close_codes, dns_words, http_status
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
from analyzer.text import display
from analyzer.units import human_bytes, human_ms

__all__ = ["FINDINGS", "MAX_LISTED", "STEPS", "WHY", "FindingText", "fill", "finding_text", "sentence", "why"]

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

    def __missing__(self, key: str) -> _Word:
        return _Word("unknown")


def _word(name: str, value: object) -> _Word:
    if value is None:
        return _Word("unknown")
    if isinstance(value, bool):
        return _Word("yes" if value else "no")
    if isinstance(value, int | float):
        if value != value or value in (float("inf"), float("-inf")):
            return _Word("unknown")
        if name.endswith("_ms"):
            return _Word(human_ms(float(value)))
        if name.endswith("_bytes"):
            return _Word(human_bytes(int(value)))
        if name.endswith("_share"):
            return _Word(f"{value * 100:.0f} %" if value >= 0.1 else f"{value * 100:.1f} %")
        return _Word(f"{value:g}" if isinstance(value, float) else str(value))
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else list(dict.fromkeys(map(str, value)))
        text = ", ".join(display(item) for item in items[:MAX_LISTED])
        return _Word(text + (f" and {len(items) - MAX_LISTED} more" if len(items) > MAX_LISTED else "") or "nothing")
    return _Word(display(value))


def fill(template: str, args: Mapping[str, object]) -> str:
    """Put arguments into a template by the module's rules; what is missing is ``unknown``."""
    words = _Arguments({str(name): _word(str(name), value) for name, value in args.items()})
    status = args.get("status")
    if isinstance(status, int):
        if not args.get("reason"):  # RFC 9112 section 4: it may be absent, and says nothing that the code does not
            words["reason"] = _Word(http_status.name(status))
        words.setdefault("status_meaning", _Word(http_status.explain(status)))
    rcode = args.get("rcode")
    if isinstance(rcode, str):
        words.setdefault("rcode_meaning", _Word(dns_words.explain(rcode)))
    close = args.get("close_code")
    if isinstance(close, int):
        words.setdefault("close_name", _Word(close_codes.name(close)))
        words.setdefault("close_meaning", _Word(close_codes.explain(close)))
    return template.format_map(words)


def _bare(key: str, args: Mapping[str, object]) -> str:
    """Say what is known of a key that has no sentence."""
    words = ", ".join(f"{display(name)}: {_word(str(name), value)}" for name, value in args.items())
    return display(key) + (f" ({words})" if words else "")


def sentence(key: str, args: Mapping[str, object]) -> str:
    """Return the sentence of a step's key or the title of a finding's, filled with its arguments.

    Args:
        key: of :data:`STEPS`, or a finding's ``title_key``.
        args: values by name; see the module's rules for how they are written.

    Returns:
        Safe display text. For a key without an entry, the key and its arguments.
    """
    counted, instead = WITHOUT.get(key, ("", key))
    template = STEPS.get(instead if counted and args.get(counted) == 0 else key)
    if template is not None:
        return fill(template, args)
    if ".absent." in key:
        step, reason = key.removeprefix("step.").split(".absent.", 1)
        return f"No {display(step)}: {why(reason)}."
    text = _finding(key)
    return _bare(key, args) if text is None else fill(text.title, args)


def finding_text(title_key: str, args: Mapping[str, object]) -> FindingText:
    """Return a finding's three texts, filled; ``why`` and ``advice`` are empty for a key without an entry."""
    text = _finding(title_key)
    if text is None:
        return FindingText(_bare(title_key, args), "", "")
    return FindingText(fill(text.title, args), fill(text.why, args), fill(text.advice, args))


def _finding(key: str) -> FindingText | None:
    return FINDINGS.get(key) or FINDINGS.get(key.split(".", 1)[0])


def why(reason: str | None) -> str:
    """Say a reason code in words: ``cached`` → "already known from before, so nobody had to ask"."""
    if reason is None:
        return "not known from this capture"
    return WHY.get(reason, display(reason).replace("_", " "))
