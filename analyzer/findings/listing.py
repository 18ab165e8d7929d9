"""What the rules are, for people: the thresholds they compare with, and their sentences with names in place of values.

A threshold's reason is the text below it in :mod:`analyzer.findings.thresholds`; it is read from that module's source,
so that it stands in one place, beside the number.
"""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from analyzer.findings import thresholds as constants
from analyzer.findings.model import Rule
from analyzer.language import SOURCE, current, translated
from analyzer.sentences import FINDINGS
from analyzer.units import human_bytes, human_ms

_TOUCHING = re.compile("(?<=[\u4e00-\u9fff])(?=‹)|(?<=›)(?=[\u4e00-\u9fff])")
_FIELD = re.compile(r"\{(\w+)(?::([^{}|]*)\|([^{}|]*))?\}")


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that rules compare with, as it is written for people, and why it is this one."""

    name: str
    value: str
    reason: str


@cache
def thresholds() -> dict[str, Threshold]:
    """Return all thresholds by name, in the order they are written down."""
    body = ast.parse(inspect.getsource(constants)).body
    found: dict[str, Threshold] = {}
    for node, below in pairwise(body):
        name = _assigned(node)
        if name is not None and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            reason = " ".join(str(below.value.value).split())
            found[name] = Threshold(name, _written(name, getattr(constants, name)), reason)
    return found


def _assigned(node: ast.stmt) -> str | None:
    """Return the name of a constant that a statement defines, None when it does not."""
    target = (
        node.targets[0] if isinstance(node, ast.Assign) else node.target if isinstance(node, ast.AnnAssign) else None
    )
    return target.id if isinstance(target, ast.Name) and target.id.isupper() else None


def _written(name: str, value: object) -> str:
    """Write a constant with the unit that its name tells of."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if name.endswith("_MS"):
            return human_ms(float(value))
        if name.endswith("_NS"):
            return human_ms(value / 1e6)
        if name.endswith("_BYTES"):
            return human_bytes(int(value))
        if name.endswith("_SHARE"):
            return f"{value * 100:g} %"
        return f"{value:g}" if isinstance(value, float) else f"{value:,}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {held}".strip() for key, held in value.items())
    if isinstance(value, tuple | list | set | frozenset):
        return ", ".join(map(str, sorted(value, key=str) if isinstance(value, set | frozenset) else value))
    return str(value)


def readable(template: str, lang: str | None = None) -> str:
    """Write a template with the names of its arguments where the values will stand: ``‹host› answered ‹status›``."""
    text = _FIELD.sub(lambda field: f"‹{field[1]}›" + (f" {field[3]}" if field[3] else ""), template)
    return text if current(lang) == SOURCE else _TOUCHING.sub(" ", text)


@dataclass(frozen=True, slots=True)
class Text:
    """What a rule says, in one of its variants (None: the plain one), with names in place of values."""

    variant: str | None
    title: str
    why: str
    advice: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A rule as it is listed for people and programs; the texts are in one language."""

    code: str
    severity: str
    layer: str
    blame: str
    reference: str
    texts: tuple[Text, ...]
    thresholds: tuple[Threshold, ...]


def listed(rule: Rule, lang: str | None = None) -> Listed:
    """Return a rule with its texts and thresholds in a language."""
    known = thresholds()
    used = (known[name] for name in rule.thresholds)
    numbers = tuple(
        Threshold(one.name, one.value, translated(one.reason, f"threshold.{one.name}", lang)) for one in used
    )
    return Listed(rule.code, rule.severity, rule.layer, rule.blame, rule.reference, _texts(rule.code, lang), numbers)


def title_of(code: str, lang: str | None = None) -> str:
    """Return what the findings with a code say, with names in place of values; a code that is not known, as it is."""
    texts = _texts(code, lang)
    return texts[0].title if texts else code


def _texts(code: str, lang: str | None) -> tuple[Text, ...]:
    """Return the texts of a code, the plain ones first."""
    keys = [key for key in FINDINGS if key.split(".", 1)[0] == code]
    keys.sort(key=lambda key: key != code)  # a stable sort: the others stay as they are written down
    return tuple(_text(key, lang) for key in keys)


def _text(key: str, lang: str | None) -> Text:
    text, (_, _, variant) = FINDINGS[key], key.partition(".")
    parts = (("title", text.title), ("why", text.why), ("advice", text.advice))
    said = [readable(translated(words, f"{key}.{part}", lang), lang) for part, words in parts]
    return Text(variant or None, *said)
