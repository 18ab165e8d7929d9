"""A resolver's walk down the tree of names (root, top-level domain, authoritative server), as a tree of sentences.

Rules: the rows are those that :mod:`analyzer.protocols.dns.walk` found to be asked for one question of a client
(``caused_by``); each stands one step further in for each label that the zone which answered
has more than the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from analyzer.protocols.dns import table
from analyzer.schema import DnsRow, Step

MAX_BRANCHES = 12
"""Questions told of one walk; a name behind a few aliases takes as many, a resolver in trouble asks hundreds."""

MAX_DEPTH = 5
"""Steps further in; names with more labels are not read as a tree."""

WALKED = "step.dns.asked."
"""Beginning of the keys of remarks that tell of a walk; where it stands as a tree they are left out."""

_WHO = frozenset({"root", "tld", "authoritative"})

Say = Callable[..., str]
"""Gives an entry of :data:`analyzer.sentences.story.STORY`: ``say("walk.root")``."""

Branch = tuple[int, str]
"""How far in a sentence stands, and the sentence."""


def asked_for(step: Step, rows: Sequence[DnsRow]) -> list[DnsRow]:
    """Return the rows that a resolver asked for the lookups of a step; none where its questions are not captured."""
    if step.step != "dns" or not step.frames:
        return []
    frames = set(step.frames)
    asked = {at for at, frame in enumerate(table.column(rows, "query_frame")) if frame in frames}
    return [row for _, row in table.chosen(rows, table.one_of(rows, "caused_by", asked))]


def caused(rows: Sequence[DnsRow]) -> dict[int, list[int]]:
    """Return the rows that were asked for each row, in their order."""
    found: dict[int, list[int]] = {}
    for at, row in table.chosen(rows, table.where(rows, "caused_by", lambda cause: cause is not None)):
        if row.caused_by is not None:
            found.setdefault(row.caused_by, []).append(at)
    return found


def tree(rows: Sequence[DnsRow], say: Say) -> Iterator[Branch]:
    """Give a sentence for each question of a walk."""
    labels = [_labels(row.zone) for row in rows[:MAX_BRANCHES]]
    first = min((number for number in labels if number is not None), default=0)
    depth = 0
    for row, number in zip(rows, labels, strict=False):
        depth = depth if number is None else min(number - first, MAX_DEPTH)
        yield depth, _branch(row, say)
    if len(rows) > MAX_BRANCHES:
        yield 0, say("there.more", more=len(rows) - MAX_BRANCHES)


def _labels(zone: str | None) -> int | None:
    """Return how deep in the tree a zone is: 0 for the root, None when the zone is not known."""
    return None if zone is None else len(zone.strip(".").split(".")) if zone.strip(".") else 0


def _branch(row: DnsRow, say: Say) -> str:
    who = row.step if row.step in _WHO else "other"
    args: dict[str, object] = {
        "who": say(f"walk.who.{who}", server=row.server, zone=row.zone),
        "name": row.qname.strip(".") or say("walk.root"),
        "type": row.qtype,
        "latency_ms": row.latency_ms,
    }
    if row.rcode is None:
        return say("walk.unanswered", attempts=row.attempts, **args)
    if row.rcode != "NOERROR":
        return say("walk.failed", rcode=row.rcode, **args)
    if row.referral is not None:
        return say("walk.referred", referral=row.referral, **args)
    if row.answers:
        return say("walk.answered", answers=[one.data for one in row.answers], **args)
    return say("walk.empty", **args)
