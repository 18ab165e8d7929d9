"""Findings about QQ's classic protocol: its header names the user and the command to everybody on the way."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.model import Hit, Rule
from analyzer.visits.model import Facts


def clear(facts: Facts) -> Iterator[Hit]:
    """QQ numbers and commands in clear text, all of a capture in one finding; numbers are counted, never named."""
    if not facts.oicq:
        return
    args: dict[str, object] = {
        "messages": sum(len(row.request_frames) + len(row.reply_frames) for row in facts.oicq),
        "users": len({row.qq for row in facts.oicq if row.qq is not None}),
        "clients": len({row.client for row in facts.oicq}),
        "servers": sorted({row.server for row in facts.oicq}),
    }
    frames = tuple(row.request_frame for row in facts.oicq)
    yield Hit(args, frames, "oicq", 0)


RULES: tuple[Rule, ...] = (Rule("OICQ-CLEAR", "note", "oicq", "client", "no public specification", clear),)
