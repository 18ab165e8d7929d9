"""What a resolver asked other name servers for its clients, as indented lists: below a lookup's step, and in all.

The rules for how far in a line stands are those of :mod:`analyzer.walks`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analyzer.report.escape import Prose, safe
from analyzer.report.wording import say
from analyzer.schema import DnsRow, Step
from analyzer.sentences import phrase
from analyzer.sentences.story import STORY
from analyzer.walks import asked_for, caused, tree

MAX_WALKS = 100
"""Walks listed on the page; the table of lookups has the questions of all."""


@dataclass(frozen=True, slots=True)
class WalkLine:
    """One question of a walk, and how far in it stands."""

    depth: int
    text: str


@dataclass(frozen=True, slots=True)
class WalkFact:
    """All that a resolver asked for one question of a client."""

    question: str
    link: str
    lines: tuple[WalkLine, ...]


def _say(key: str, **args: object) -> str:
    return phrase(STORY[key], f"story.{key}", args)


def _lines(rows: Sequence[DnsRow]) -> tuple[WalkLine, ...]:
    return tuple(WalkLine(depth, Prose(text)) for depth, text in tree(rows, _say))


def walks(rows: Sequence[DnsRow]) -> tuple[WalkFact, ...]:
    """List the walks of the capture, in the order of the questions that they were made for."""
    out = []
    for at, asked in sorted(caused(rows).items())[:MAX_WALKS]:
        row = rows[at]
        words = say(
            "For {client}, which asked {server} for {name} ({type}):",
            client=row.client,
            server=row.server,
            name=row.qname,
            type=safe(row.qtype, 40),
        )
        out.append(WalkFact(words, f"dns-{at + 1}", _lines([rows[child] for child in asked])))
    return tuple(out)


def walk_of(step: Step, rows: Sequence[DnsRow]) -> tuple[WalkLine, ...]:
    """Return what was asked for the lookups of a step; nothing where no resolver's questions are in the capture."""
    return _lines(asked_for(step, rows))
