"""Visits: the drafts of :mod:`grouping`, each linked to its ARP, DNS, TCP and TLS rows, its phases and its steps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from operator import itemgetter

from analyzer.schema import HttpRow, VisitPhases, VisitRow
from analyzer.units import NS_PER_MS
from analyzer.visits import grouping, journey
from analyzer.visits.lookups import Lookup
from analyzer.visits.model import Facts
from analyzer.visits.verdicts import failure

ARP_BEFORE_NS = 100 * NS_PER_MS
"""The packet that waits for an ARP answer leaves right after it; a later packet did not wait."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A visit with everything it touched, before it becomes a row.

    Attributes:
        lookup: per stream, what the connection owes to DNS.
        tcp: gives what the journey tells of a connection that some visit was the first to use.
    """

    draft: grouping.Draft
    streams: tuple[int, ...]
    lookup: dict[int, Lookup]
    dns: tuple[int, ...]
    arp: tuple[int, ...]
    tcp: Callable[[int], journey.Opened]

    @property
    def main(self) -> int:
        """The connection the visit began on."""
        return self.streams[0]


def visits(facts: Facts, owed: dict[int, Lookup]) -> tuple[list[VisitRow], dict[int, int]]:
    """Return the ``visits`` table, and for http rows that another one caused, which one.

    Args:
        owed: per stream what its connection owes to DNS, from :func:`analyzer.visits.lookups.owed`.
    """
    drafts = grouping.group(facts)
    asked = _asked(facts)
    fresh = {stream for draft in drafts for stream in draft.fresh}
    tcp = facts.connections.outlines(journey.Opened, journey.Opened._fields, fresh).__getitem__
    rows = [_row(number, _link(draft, facts, owed, asked, tcp), facts) for number, draft in enumerate(drafts, 1)]
    return rows, {at: cause for draft in drafts for at, cause in draft.initiators.items()}


@dataclass(slots=True)
class Asked:
    """The answered ARP exchanges of one asker, in the order of their replies; each is charged to one visit only."""

    times: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    charged: set[int] = field(default_factory=set)

    def take(self, when: int, next_hop: str | None, facts: Facts) -> list[int]:
        """Return the exchanges that a packet sent at ``when`` (ns) waited for, not yet charged.

        Args:
            next_hop: the hardware address that the packet went to, where it is known: another one's is no reason.
        """
        low, high = bisect_left(self.times, when - ARP_BEFORE_NS), bisect_right(self.times, when)
        found = [row for row in self.rows[low:high] if row not in self.charged]
        if next_hop is not None:
            found = [row for row in found if facts.arp[row].answer_mac in (None, next_hop)]
        self.charged.update(found)
        return found


def _asked(facts: Facts) -> dict[str, Asked]:
    """Return per asking address its answered exchanges."""
    answered = [
        (row.reply_time, at, row.asker_ip)
        for at, row in enumerate(facts.arp)
        if row.outcome == "answered" and row.asker_ip and row.reply_time is not None
    ]
    out: dict[str, Asked] = defaultdict(Asked)
    for when, at, asker in sorted(answered):
        out[asker].times.append(when)
        out[asker].rows.append(at)
    return out


def _link(
    draft: grouping.Draft,
    facts: Facts,
    owed: dict[int, Lookup],
    asked: dict[str, Asked],
    tcp: Callable[[int], journey.Opened],
) -> Linked:
    """Collect the connections, lookups and ARP exchanges of a draft."""
    events = [(facts.http[at].request_time or 0, facts.http[at].stream) for at in draft.http]
    events += [(facts.tls[at].client_hello_time or 0, facts.tls[at].stream) for at in draft.tls]
    streams = tuple(dict.fromkeys(stream for _, stream in sorted(events)))
    lookup = {s: owed[s] for s in streams if s in owed and s in draft.fresh}
    dns = tuple(sorted({row for found in lookup.values() if found.ms is not None for row in found.rows}))
    c = facts.connections
    macs = c.words["server_mac"]
    opened = [s for s in streams if s in draft.fresh and c.columns["syn_frame"][s] >= 0]
    waited = [(int(c.columns["start_time"][s]), macs.get(s)) for s in opened]
    waited += [(facts.dns[at].query_time or 0, None) for at in dns]
    arp: list[int] = []
    if draft.client in asked:
        for when, next_hop in sorted(waited, key=itemgetter(0)):
            arp += asked[draft.client].take(when, next_hop, facts)
    return Linked(draft, streams, lookup, dns, tuple(sorted(arp)), tcp)


def _row(number: int, v: Linked, facts: Facts) -> VisitRow:
    draft, c = v.draft, facts.connections
    rows = [facts.http[at] for at in draft.http]
    begins = [draft.start]
    if v.main in draft.fresh and c.number("syn_frame", v.main) is not None:
        begins.append(int(c.columns["start_time"][v.main]))
    begins += [t for at in v.dns if (t := facts.dns[at].query_time) is not None]
    begins += [t for at in v.arp if (t := facts.arp[at].request_time) is not None]
    start = min(begins)
    readable = bool(rows)
    encrypted_only = not rows or (draft.tls and not any(row.decrypted for row in rows))
    failed_only = bool(draft.tls) and not draft.chain and all(facts.tls[at].outcome == "failed" for at in draft.tls)
    chain = [facts.http[at] for at in draft.chain]
    redirects = sum(1 for row in chain[:-1]) + (1 if chain and _left_for_tls(chain[-1], v, facts) else 0)
    return VisitRow(
        visit=number,
        url=draft.url,
        final_url=_final_url(chain, v, facts),
        start_time=start,
        duration_ms=max(draft.until - start, 0) / NS_PER_MS,
        arp_rows=v.arp,
        dns_rows=v.dns,
        tcp_streams=v.streams,
        tls_rows=tuple(draft.tls),
        http_rows=tuple(draft.http),
        redirects=redirects,
        requests=len(rows) if readable and not draft.tls else None,
        failed_requests=sum(failure(row) is not None for row in rows) if readable and not draft.tls else None,
        bytes=sum(
            int(c.columns["client_unique_bytes"][s]) + int(c.columns["server_unique_bytes"][s])
            for s in (v.streams if draft.tls else ())
        )
        + (sum((row.response_body_bytes or 0) + (row.request_body_bytes or 0) for row in rows) if not draft.tls else 0),
        phases=_phases(v, facts),
        steps=journey.steps(v, facts),
        requests_why=("no_session" if failed_only else "encrypted") if encrypted_only else None,
        background=sum(row.background is not None for row in rows),
    )


def _left_for_tls(row: HttpRow, v: Linked, facts: Facts) -> bool:
    """Say whether a redirect was followed into an encrypted connection of this visit."""
    if row.status not in grouping.REDIRECTS or not row.location:
        return False
    target = grouping.split(row.location)
    names = {(facts.tls[at].sni or "").lower() for at in v.draft.tls}
    return target.scheme == "https" and (target.hostname or "") in names


def _final_url(chain: list[HttpRow], v: Linked, facts: Facts) -> str | None:
    if not chain:
        return v.draft.url
    last = chain[-1]
    if last.method == "CONNECT" and v.draft.tls:
        return v.draft.url
    return last.location if _left_for_tls(last, v, facts) else last.url


def _phases(v: Linked, facts: Facts) -> VisitPhases:
    """Add up the phases along the visit's main chain; null when it did not happen or is not known."""
    c = facts.connections
    rows = [facts.http[at] for at in v.draft.chain]

    def total(values: list[float | None]) -> float | None:
        known = [x for x in values if x is not None]
        return sum(known) if known else None

    # A request may leave before its connection is ready (fast open): then its row has the part that was waited for.
    opened = {row.stream: row.connect_ms for row in rows if row.index == 0}
    streams = list(dict.fromkeys([row.stream for row in rows] + [facts.tls[at].stream for at in v.draft.tls[:1]]))
    last = v.main if not rows else rows[-1].stream
    return VisitPhases(
        arp_ms=total([facts.arp[at].latency_ms for at in v.arp]),
        dns_ms=total([found.ms for s in streams if (found := v.lookup.get(s)) is not None]),
        connect_ms=total([opened.get(s, c.ms("connect_ms", s)) for s in streams if s in v.draft.fresh]),
        tls_ms=total([facts.tls[at].handshake_ms for at in v.draft.tls[:1]]),
        send_ms=total([row.send_ms for row in rows]),
        wait_ms=total([row.wait_ms for row in rows]),
        receive_ms=total([row.receive_ms for row in rows]),
        close_ms=c.ms("close_ms", last),
    )
