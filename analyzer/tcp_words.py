"""What is out of the ordinary about a TCP connection, and the second opinion on its segments, in plain words."""

from __future__ import annotations

from collections.abc import Mapping

DEVIATIONS: dict[str, str] = {}
"""Code of a deviation (``tcp.deviations``) → one sentence, with ``{names}`` of its arguments."""


def deviation(code: str, args: Mapping[str, object]) -> str:
    """Say in one sentence what a deviation was."""
    template = DEVIATIONS.get(code, code.replace("_", " "))
    return template.format_map({name: str(value) for name, value in args.items()})
