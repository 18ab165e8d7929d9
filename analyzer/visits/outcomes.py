"""What became of a visit as a whole, where that is more than what became of its requests.

* Redirects that lead in a circle: each of them was answered, and no page ever came.
* A page that waits for a host that never answers is there, but not whole: its parts from there are missing.
* A request that was refused without credentials (401, 407) and repeated with them did not fail: that is how they are
  asked for (RFC 9110 section 11.6).

Everything else is judged by :mod:`analyzer.visits.blame`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from analyzer.schema import HttpRow, Waste
from analyzer.units import NS_PER_MS
from analyzer.visits import blame
from analyzer.visits.attempts import Attempt
from analyzer.visits.grouping import CHALLENGES, REDIRECTS, Draft, host_of
from analyzer.visits.model import Facts
from analyzer.visits.verdicts import failure

if TYPE_CHECKING:
    from analyzer.visits.link import Linked

LOOP = 3
"""An address that redirects this often in one visit leads in a circle; twice it may be to set a cookie."""


def judged(v: Linked, facts: Facts, duration_ms: float) -> blame.Blame:
    """Return who is to blame for a visit; ``duration_ms`` as in :func:`analyzer.visits.blame.of_visit`."""
    chain = [facts.http[at] for at in v.draft.chain]
    if not v.draft.tls and circular(chain):
        args = {"host": chain[-1].host or host_of(v.draft.url), "hops": len(chain), "duration_ms": duration_ms}
        return blame.Blame("server", "blame.http.redirect_loop", args, "response", "redirect_loop")
    found = blame.of_visit(v, facts, duration_ms)
    if found.key == "blame.dns.no_answer":
        return _of_resolvers(found, v, facts)
    if found.step is None and (waited := longest_wait(v.draft)) is not None:
        return blame.Blame("unknown", "blame.waits", _waits(v, waited, duration_ms))
    return found


def _of_resolvers(found: blame.Blame, v: Linked, facts: Facts) -> blame.Blame:
    """Return who is to blame for silence: where several resolvers are silent at once, it may be the way to them."""
    rows = v.draft.attempt.failed_rows if v.draft.attempt is not None else ()
    servers = list(dict.fromkeys(facts.dns[at].server for at in rows))
    if len(servers) < 2:
        return found
    return found._replace(who="unknown", key=f"{found.key}.several", args={**found.args, "servers": servers})


def circular(chain: list[HttpRow]) -> bool:
    """Say whether a chain of redirects goes round in a circle, and ended there."""
    if not chain or chain[-1].status not in REDIRECTS or not chain[-1].location:
        return False
    asked = [row.url for row in chain if row.status in REDIRECTS]
    return asked.count(chain[-1].url) >= LOOP


def spent(wasted: tuple[Waste, ...], why: str | None) -> tuple[Waste, ...]:
    """Return what a visit spent in vain; redirects in a circle lead to no right address."""
    if why != "redirect_loop":
        return wasted
    return tuple(
        replace(one, sentence_key="waste.redirects.loop") if one.kind == "redirects" else one for one in wasted
    )


def longest_wait(draft: Draft) -> Attempt | None:
    """Return the try at a silent host that a page waited for longest, after everything else was there."""
    silent = [one for one in draft.attempts if one.beside and one.why == "unanswered" and one.end > draft.whole]
    return max(silent, key=lambda one: one.end, default=None)


def _waits(v: Linked, waited: Attempt, duration_ms: float) -> dict[str, object]:
    row = v.tcp(waited.streams[0])
    missing_ms = (v.draft.until - v.draft.whole) / NS_PER_MS
    return {
        "client": row.client,
        "server": row.server,
        "server_port": row.server_port,
        "attempts": sum(max(len(v.tcp(stream).syn_frames), 1) for stream in waited.streams),
        "tried_ms": (waited.end - waited.begin) / NS_PER_MS,
        "duration_ms": duration_ms,
        "loaded_ms": max(duration_ms - missing_ms, 0.0),
    }


def failed_requests(draft: Draft, rows: Iterable[int], facts: Facts) -> int:
    """Count those of some rows that failed, without the challenges that the client answered."""
    http = facts.http
    answered = {
        cause
        for at, cause in draft.initiators.items()
        if http[cause].status in CHALLENGES
        and http[at].url == http[cause].url
        and http[at].method == http[cause].method
    }
    return sum(failure(http[at]) is not None for at in rows if at not in answered)
