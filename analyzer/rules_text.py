"""The rules as text for the terminal: all of them in a list by layer, or one in full.

Lines are (text, style), broken to a width, as in :mod:`analyzer.explain_lines`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from analyzer.explain_lines import broken, padded
from analyzer.findings.listing import Listed
from analyzer.sentences import phrase
from analyzer.sentences.story import STORY
from analyzer.terminal import SEVERITY_STYLES
from analyzer.text_ladder import Span, TextLine

_DIM, _BOLD = "dim", "bold"
_INDENT = "  "
_SIDE_BY_SIDE = 48
"""Columns for what a rule says, from which on it stands beside the code; in less, below it."""


def _say(lang: str, key: str, **args: object) -> str:
    return phrase(STORY[key], f"story.{key}", args, lang)


def _lines(text: str, width: int, left: str = "", style: str = "") -> Iterator[TextLine]:
    room = cell_len(left)
    for number, part in enumerate(broken(text, max(width - room, 16))):
        yield Span(" " * room if number else left, _DIM), Span(part, style)


def every(rules: Sequence[Listed], lang: str, width: int) -> Iterator[TextLine]:
    """Give all rules, layer by layer: code, severity, blame, and what it says."""
    yield from _lines(f"{_say(lang, 'rules.opening', rules=len(rules))}", width)
    code = max(len(rule.code) for rule in rules)
    for layer in dict.fromkeys(rule.layer for rule in rules):
        yield ()
        yield (Span(layer, _BOLD),)
        for rule in rules:
            if rule.layer == layer:
                yield from _row(rule, code, lang, width)
    yield ()
    yield from _lines(_say(lang, "rules.more"), width, style=_DIM)


def _row(rule: Listed, code: int, lang: str, width: int) -> Iterator[TextLine]:
    severity = padded(_say(lang, f"severity.{rule.severity}"), 9)
    left = f"{_INDENT}{rule.code:<{code}}{_INDENT}"
    blame = f"{padded(_say(lang, f'blame.{rule.blame}'), 16)}{_INDENT}"
    room = cell_len(left) + cell_len(severity) + cell_len(blame)
    head = (Span(left), Span(severity, SEVERITY_STYLES.get(rule.severity, "")), Span(blame, _DIM))
    title = rule.texts[0].title
    if width - room < _SIDE_BY_SIDE:
        yield head
        yield from _lines(title, width, _INDENT * 2)
        return
    for number, part in enumerate(broken(title, width - room)):
        yield (*head, Span(part)) if number == 0 else (Span(" " * room), Span(part))


def one(rule: Listed, lang: str, width: int) -> Iterator[TextLine]:
    """Give one rule in full: what it says in each variant, why, what to try, and the numbers it compares with."""
    yield (Span(rule.code, _BOLD),)
    facts = (
        ("severity", _say(lang, f"severity.{rule.severity}")),
        ("layer", rule.layer),
        ("blame", _say(lang, f"blame.{rule.blame}")),
        ("reference", rule.reference),
    )
    label = max(cell_len(_say(lang, f"rules.{key}")) for key, _ in facts)
    for key, value in facts:
        yield from _lines(value, width, f"{_INDENT}{padded(_say(lang, f'rules.{key}'), label)}{_INDENT}")
    for text in rule.texts:
        yield ()
        if text.variant is not None:
            yield (Span(_say(lang, "rules.variant", variant=text.variant), _BOLD),)
        for key, words in (("title", text.title), ("why", text.why), ("advice", text.advice)):
            yield from _lines(_say(lang, f"rules.{key}"), width, _INDENT, _DIM)
            yield from _lines(words, width, _INDENT * 2)
    if rule.thresholds:
        yield ()
        yield (Span(_say(lang, "rules.thresholds"), _BOLD),)
        for threshold in rule.thresholds:
            yield from _lines(f"{threshold.name} = {threshold.value}", width, _INDENT)
            yield from _lines(threshold.reason, width, _INDENT * 2, _DIM)
