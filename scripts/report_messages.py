"""Find what the HTML report says: the messages in its Python modules, its templates, and its script.

A message is a literal that ``say``, ``say_html``, ``message`` or ``plural`` is called with (see
:mod:`analyzer.report.wording`). A call of ``say`` with anything else is for a text that ``message`` has marked.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from jinja2 import nodes

from analyzer import batch, report
from analyzer.report.render import _environment, script_messages
from analyzer.report.wording import CONTEXT, COUNT, SCRIPT

SAYING = ("say", "say_html", "message")
COUNTING = "plural"


def report_messages() -> Iterator[tuple[str, str]]:
    """Give (context, English text) of every message of the report, each once."""
    yield from dict.fromkeys((*of_modules(), *of_templates(), *((SCRIPT, text) for text in script_messages())))


def of_modules() -> Iterator[tuple[str, str]]:
    """Give the messages in the modules of the report and of a batch's index."""
    for path in (
        *sorted(Path(report.__file__).parent.rglob("*.py")),
        *sorted(Path(batch.__file__).parent.glob("index_*.py")),
    ):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield from _message(node.func.id, [getattr(arg, "value", None) for arg in node.args])


def of_templates() -> Iterator[tuple[str, str]]:
    """Give the messages in the report's templates."""
    environment = _environment()
    for name in environment.list_templates():
        assert environment.loader is not None
        source, _, _ = environment.loader.get_source(environment, name)
        for call in environment.parse(source).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name):
                yield from _message(call.node.name, [getattr(arg, "value", None) for arg in call.args])


def _message(function: str, args: list[object]) -> Iterator[tuple[str, str]]:
    """Give the message of a call, from the values of its positional arguments (None: no literal)."""
    if function in SAYING and args and isinstance(args[0], str):
        context = args[1] if len(args) > 1 and isinstance(args[1], str) else ""
        yield f"{CONTEXT}.{context}" if context else CONTEXT, args[0]
    elif function == COUNTING and len(args) > 1 and isinstance(args[1], str):
        many = args[2] if len(args) > 2 and isinstance(args[2], str) else f"{args[1]}s"
        yield COUNT, f"{{n}} {many}"
