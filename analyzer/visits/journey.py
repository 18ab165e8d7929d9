"""The journey of a visit: the steps of "what happens when you type a URL", in the order they really had.

The steps of the main chain are told connection by connection: name, hardware address, connection, encryption, request,
answer, where that sent the client; then what else was fetched, what went on in the background, and the end. A step that
is not there says why, in the place it would have had. Each step is drawn in one of the ``steps_…`` modules. Sentence
keys and their arguments belong to :mod:`analyzer.sentences`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.schema import Step
from analyzer.visits.grouping import REDIRECTS
from analyzer.visits.model import Facts
from analyzer.visits.steps_connection import Openings, closing, encryption, failed_openings, opening
from analyzer.visits.steps_names import absent, asked, lease, lookups, neighbours
from analyzer.visits.steps_web import background, objects, redirect, request, response

if TYPE_CHECKING:
    from analyzer.visits.link import Linked

__all__ = ["Openings", "steps"]


def steps(v: Linked, facts: Facts) -> tuple[Step, ...]:
    """Return the steps of a visit, in order of time."""
    if v.draft.attempt is not None:
        return tuple(_failed(v, facts))
    out = lease(v, facts)
    shown: set[int] = set()
    for row in (facts.http[at] for at in v.draft.chain):
        if row.stream not in shown:
            out += _way_there(v, facts, row.stream, shown)
            if row.method != "CONNECT":
                out.append(absent("tls", "plain", {}))
        out += [request(row, v, facts), response(row, facts)]
        if row.status in REDIRECTS and row.location:
            out.append(redirect(row))
    if v.draft.tls:
        out += _encrypted(v, facts, shown)
    out += _beside(v, facts, shown)
    out.append(objects(v, facts))
    out += background(v, facts)
    last = facts.http[v.draft.chain[-1]].stream if v.draft.chain and not v.draft.tls else v.streams[-1]
    out.append(closing(v, last))
    return tuple(_in_time(out))


def _way_there(v: Linked, facts: Facts, stream: int, shown: set[int]) -> list[Step]:
    """Return the steps up to an open connection; why there was no lookup is only told of the first one."""
    first = not shown
    shown.add(stream)
    out: list[Step] = []
    found = v.lookup.get(stream)
    if first:
        out += neighbours(v, facts, resolver=True)
    if first or (found is not None and found.ms is not None):
        out += lookups(v, facts, stream)
    if first:
        out += neighbours(v, facts, resolver=False)
    out.append(opening(v, stream))
    return out


def _encrypted(v: Linked, facts: Facts, shown: set[int]) -> list[Step]:
    """Return the steps of the first encrypted connection, inside which nothing can be read."""
    at = v.draft.tls[0]
    out = [] if facts.tls[at].stream in shown else _way_there(v, facts, facts.tls[at].stream, shown)
    out.append(encryption(v, facts, at))
    failed = all(facts.tls[one].outcome == "failed" for one in v.draft.tls)
    return out + [absent(step, "failed" if failed else "encrypted", {}) for step in ("request", "response")]


def _beside(v: Linked, facts: Facts, shown: set[int]) -> list[Step]:
    """Return the lookups for connections beside the main chain, and what was tried in vain."""
    out: list[Step] = []
    if len(v.lookup) > len(shown):
        for stream, found in v.lookup.items():
            if stream not in shown and found.ms is not None:
                out += asked(found.rows + found.also, facts, v, found.ms)
    for attempt in v.draft.attempts:
        if attempt.failed_rows:
            out += asked(attempt.failed_rows, facts, v, None)
    return out + failed_openings(v, [stream for attempt in v.draft.attempts for stream in attempt.streams], facts)


def _failed(v: Linked, facts: Facts) -> list[Step]:
    """Return the steps of a visit that ended before anything could be asked."""
    attempt = v.draft.attempt
    assert attempt is not None
    out = lease(v, facts) + neighbours(v, facts, resolver=True)
    if v.dns:
        out += asked(v.dns, facts, v, None)
    else:
        out.append(absent("dns", attempt.dns_why or "not_captured", {"name": v.draft.name}))
    if attempt.streams:
        out += neighbours(v, facts, resolver=False)
        out += failed_openings(v, attempt.streams, facts)
    else:
        out.append(absent("tcp", "failed", {}))
    return [*_in_time(out), absent("request", "failed", {}), absent("response", "failed", {})]


def _in_time(steps: list[Step]) -> list[Step]:
    """Put steps in order of time; one without a time stays behind the step it was told after."""
    latest = 0
    ordered = True
    keys = []
    for step in steps:
        now = latest if step.time is None else step.time
        ordered = ordered and now >= latest
        latest = now
        keys.append(now)
    if ordered:
        return steps
    return [steps[at] for at in sorted(range(len(steps)), key=keys.__getitem__)]
