"""Write the pages that the program itself makes: ``python scripts/docs.py``.

``docs/findings.md`` is made from the rules, ``docs/explain.md`` by the command ``analyze explain`` from samples. With
``--check`` nothing is written, and the exit code is 1 where a page would change.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from analyzer.findings.listing import Listed, Text, listed
from analyzer.findings.run import RULES
from analyzer.sentences import phrase
from analyzer.sentences.story import STORY

ROOT = Path(__file__).resolve().parent.parent

EXPLAINED = (
    ("A first visit", ("samples/first-visit.pcapng",)),
    ("A resolver asks its way down the tree of names", ("samples/dns-iterative.pcapng",)),
    ("Lost packets", ("samples/loss.pcapng",)),
)
"""Heading → arguments of ``analyze explain``."""

LANGUAGES = (("en", "English"), ("zh", "中文"))


def _say(key: str, **args: object) -> str:
    return phrase(STORY[key], f"story.{key}", args)


def findings() -> str:
    """Return the page of all findings."""
    rules = [listed(rule) for rule in RULES]
    lines = [f"# {_say('rules.doc.title')}", "", _say("rules.doc.opening", rules=len(rules)), ""]
    for layer in dict.fromkeys(rule.layer for rule in rules):
        lines += [f"## {layer}", ""]
        for rule in rules:
            if rule.layer == layer:
                lines += _rule(rule)
    return "\n".join(lines)


def _rule(rule: Listed) -> Iterator[str]:
    severity, blame = _say(f"severity.{rule.severity}").capitalize(), _say(f"blame.{rule.blame}")
    yield from (f"### {rule.code}", "")
    yield from (f"{severity} · blames {blame} · {rule.reference}", "")
    for text in rule.texts:
        yield from _text(text)
    for threshold in rule.thresholds:
        yield f"- `{threshold.name}` = {threshold.value}: {threshold.reason}"
    if rule.thresholds:
        yield ""


def _text(text: Text) -> Iterator[str]:
    name = "" if text.variant is None else f"*{text.variant}*: "
    yield from (f"{name}**{text.title}**  ", f"{text.why}  ", text.advice, "")


def explain() -> str:
    """Return the page of stories, in each language."""
    lines = [
        "# What happened, told by the program",
        "",
        "Made by `analyze explain` from captures of this repository (`make docs`).",
        "",
    ]
    for heading, arguments in EXPLAINED:
        lines += [f"## {heading}", ""]
        for lang, name in LANGUAGES:
            options = (*arguments, *(() if lang == "en" else ("--lang", lang)))
            lines += [f"### {name}", "", "```", f"$ analyze explain {' '.join(options)}"]
            lines += [*told(options).splitlines(), "```", ""]
    return "\n".join(lines)


def told(arguments: tuple[str, ...]) -> str:
    """Return what ``analyze explain`` prints, run in the root of the repository."""
    from analyzer.cli import run

    out = io.StringIO()
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        with contextlib.redirect_stdout(out):
            code = run(["explain", *arguments])
    finally:
        os.chdir(before)
    if code:
        raise SystemExit(f"analyze explain {' '.join(arguments)} ended with {code}")
    return out.getvalue()


PAGES = {"findings.md": findings, "explain.md": explain}
"""Page of docs/ → what makes it."""


def main(argv: list[str]) -> int:
    """Write all pages; return the exit code."""
    stale = 0
    for name, make in PAGES.items():
        path, text = ROOT / "docs" / name, make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        if "--check" in argv:
            print(f"docs/{name} is not up to date: make docs")
            stale += 1
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
