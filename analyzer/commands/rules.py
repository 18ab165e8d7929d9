"""``analyze rules``: all kinds of findings, or one of them in full."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer

from analyzer.commands.base import Language, LanguageOption, Work, new_app
from analyzer.errors import UsageError

app = new_app()


class Form(StrEnum):
    """Formats of ``--format``."""

    text = "text"
    json = "json"


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of one call."""

    code: str | None
    lang: str
    form: Form
    color: bool


@app.command()
def rules(
    code: Annotated[
        str | None, typer.Argument(metavar="CODE", show_default=False, help="The code of one finding: TCP-LOSS.")
    ] = None,
    lang: LanguageOption = Language.en,
    form: Annotated[Form, typer.Option("--format", help="text, or json for programs.")] = Form.text,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours in the terminal.")] = False,
) -> Work:
    """List what can be found in a capture: each code with its severity, whom it blames, and what it says."""
    return partial(show, Asked(code, lang.value, form, not no_color))


def show(asked: Asked) -> int:
    """Print the list of rules, or one of them.

    Raises:
        UsageError: there is no rule of that code.
    """
    from analyzer.findings.listing import listed
    from analyzer.findings.run import RULES

    chosen = [listed(rule, asked.lang) for rule in RULES if asked.code is None or rule.code == asked.code.upper()]
    if not chosen:
        raise UsageError(f"there is no rule {asked.code}{_meant(asked.code or '')}; analyze rules lists them all")
    if asked.form is Form.json:
        import json
        from dataclasses import asdict

        print(json.dumps([asdict(rule) for rule in chosen], ensure_ascii=False, indent=2))
        return 0
    from analyzer.rules_text import every, one
    from analyzer.terminal import console, print_lines
    from analyzer.text_ladder import MAX_WIDTH, PIPE_WIDTH

    out = console(sys.stdout, color=asked.color)
    width = min(out.width, MAX_WIDTH) if out.is_terminal else PIPE_WIDTH
    print_lines(every(chosen, asked.lang, width) if asked.code is None else one(chosen[0], asked.lang, width), out)
    return 0


def _meant(code: str) -> str:
    """Name the codes that somebody may have meant."""
    from difflib import get_close_matches

    from analyzer.findings.run import RULES

    near = get_close_matches(code.upper(), [rule.code for rule in RULES])
    return f" (perhaps {' or '.join(near)})" if near else ""
