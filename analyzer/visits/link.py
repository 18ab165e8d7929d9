"""Visits: the drafts of :mod:`grouping`, each linked to its rows in all tables, its phases and its steps."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.problems import ProblemLog
from analyzer.schema import HttpRow, Later, VisitPhases, VisitRow
from analyzer.units import NS_PER_MS
from analyzer.visits import attempts, grouping, journey, outcomes, placing, waste
from analyzer.visits.known import Known, Sent
from analyzer.visits.lookups import Lookup
from analyzer.visits.model import Facts


@dataclass(slots=True)
class Linked:
    """A visit with everything it touched, before it becomes a row.

    Attributes:
        main: the connection the visit began on; None when none was tried.
        lookup: per stream, what the connection owes to DNS.
        dns: rows of all lookups that were waited for.
        arp_resolver, ndp_resolver: rows waited for by the first question for a name; arp_server, ndp_server: by others.
        lease: row of the dhcp table, in the first visit of its client; lease_why: why that has none.
        tcp: gives what the journey tells of a connection.
    """

    draft: grouping.Draft
    streams: tuple[int, ...]
    main: int | None
    lookup: dict[int, Lookup]
    dns: tuple[int, ...]
    arp_resolver: tuple[int, ...]
    arp_server: tuple[int, ...]
    ndp_resolver: tuple[int, ...]
    ndp_server: tuple[int, ...]
    lease: int | None
    lease_why: str | None
    tcp: journey.Openings
    known: Known


def visits(
    facts: Facts, owed: dict[int, Lookup], problems: ProblemLog | None = None
) -> tuple[list[VisitRow], dict[int, int]]:
    """Return the ``visits`` table, and for http rows that another one caused, which one.

    Args:
        owed: per stream what its connection owes to DNS, from :func:`analyzer.visits.lookups.owed`.
        problems: told when there are more failed attempts than become visits.
    """
    drafts = grouping.group(facts)
    taken = {row for found in owed.values() for row in (*found.rows, *found.also)}
    tried = attempts.attempts(facts, taken, problems)
    drafts = placing.placed(drafts, tried, facts)
    if not drafts:
        return [], {}
    tcp = journey.Openings(facts.connections)
    known = Known(facts)
    spent = waste.Spent(facts)
    rows = [_row(number, _link(draft, facts, owed, known, tcp), facts, spent) for number, draft in enumerate(drafts, 1)]
    return rows, {at: cause for draft in drafts for at, cause in draft.initiators.items()}


def _link(
    draft: grouping.Draft,
    facts: Facts,
    owed: dict[int, Lookup],
    known: Known,
    tcp: journey.Openings,
) -> Linked:
    """Collect the connections, lookups and ARP exchanges of a draft."""
    c = facts.connections
    if draft.attempt is None:
        streams = _streams(draft, facts)
        lookup = {s: owed[s] for s in streams if s in owed and s in draft.fresh}
        used = {row for found in lookup.values() if found.ms is not None for row in (*found.rows, *found.also)}
        main: int | None = streams[0]
    else:
        streams = tuple(draft.attempt.streams)
        lookup, used = {}, set(draft.attempt.dns)
        main = streams[0] if streams else None
    for attempt in draft.attempts:
        used.update(attempt.dns)
        streams += tuple(attempt.streams)
    dns = tuple(sorted(used))
    mac = None if main is None else c.words["client_mac"].get(main)
    found = _neighbours(draft, facts, known, streams, dns, mac) if known.asks(draft.client) else _NOBODY
    lease, lease_why = known.lease_of(draft.client, draft.start, mac)
    return Linked(draft, streams, main, lookup, dns, *found, lease, lease_why, tcp, known)


def _streams(draft: grouping.Draft, facts: Facts) -> tuple[int, ...]:
    """Return the connections that a draft's rows came on, in order of time."""
    if len(draft.http) == 1 and not draft.tls:
        return (facts.http[draft.http[0]].stream,)
    events = [(facts.http[at].request_time or 0, facts.http[at].stream) for at in draft.http]
    events += [(facts.tls[at].client_hello_time or 0, facts.tls[at].stream) for at in draft.tls]
    return tuple(dict.fromkeys(stream for _, stream in sorted(events)))


Rows = tuple[int, ...]
_NOBODY: tuple[Rows, Rows, Rows, Rows] = (), (), (), ()


def _neighbours(
    draft: grouping.Draft, facts: Facts, known: Known, streams: Rows, dns: Rows, mac: str | None
) -> tuple[Rows, Rows, Rows, Rows]:
    """Return the ARP rows waited for on the way to a resolver, and to a server; then the NDP rows likewise."""
    c = facts.connections
    begun = c.columns["syn_frame"]
    macs = c.words["server_mac"]
    dialled = [
        (int(c.columns["start_time"][s]), macs.get(s), None)
        for s in streams
        if (s in draft.fresh or draft.attempts) and begun[s] >= 0
    ]
    # The first question may have waited for the way to a resolver far off; the others only for the resolver itself.
    asked: list[Sent] = [(facts.dns[at].query_time or 0, None, facts.dns[at].server) for at in dns]
    if asked:
        asked.append((min(asked)[0], None, None))
    arp_resolver, ndp_resolver = known.waited_for(draft.client, mac, asked)
    arp_server, ndp_server = known.waited_for(draft.client, mac, dialled)
    return arp_resolver, arp_server, ndp_resolver, ndp_server


def _row(number: int, v: Linked, facts: Facts, spent: waste.Spent) -> VisitRow:
    draft, c = v.draft, facts.connections
    rows = [facts.http[at] for at in draft.http]
    arp = tuple(sorted(v.arp_resolver + v.arp_server)) if v.arp_resolver or v.arp_server else ()
    ndp = tuple(sorted(v.ndp_resolver + v.ndp_server)) if v.ndp_resolver or v.ndp_server else ()
    start = _begin(v, facts, arp, ndp)
    readable = bool(rows)
    nothing = draft.attempt is not None
    encrypted_only = not nothing and (not rows or (draft.tls and not any(row.decrypted for row in rows)))
    failed_only = bool(draft.tls) and not draft.chain and all(facts.tls[at].outcome == "failed" for at in draft.tls)
    chain = [facts.http[at] for at in draft.chain]
    redirects = sum(row.status in grouping.REDIRECTS for row in chain[:-1]) + (
        1 if chain and _left_for_tls(chain[-1], v, facts) else 0
    )
    counted = nothing or (readable and not draft.tls)
    duration = max(draft.until - start, 0) / NS_PER_MS
    who, key, args, step, why = outcomes.judged(v, facts, duration)
    wasted, saved = waste.accounts(v, facts, spent)
    return VisitRow(
        visit=number,
        url=draft.url,
        final_url=_final_url(chain, v, facts),
        start_time=start,
        duration_ms=duration,
        arp_rows=arp,
        dns_rows=v.dns,
        tcp_streams=v.streams,
        tls_rows=tuple(draft.tls),
        http_rows=tuple(draft.http),
        redirects=redirects,
        requests=len(rows) if counted else None,
        failed_requests=outcomes.failed_requests(draft, draft.http, facts) if counted else None,
        bytes=sum(
            int(c.columns["client_unique_bytes"][s]) + int(c.columns["server_unique_bytes"][s])
            for s in (v.streams if draft.tls else ())
        )
        + (sum((row.response_body_bytes or 0) + (row.request_body_bytes or 0) for row in rows) if not draft.tls else 0),
        phases=_phases(v, facts),
        steps=Later(journey.steps, v, facts),
        requests_why=("no_session" if failed_only else "encrypted") if encrypted_only else None,
        background=sum(row.background is not None for row in rows),
        dhcp_rows=() if v.lease is None else (v.lease,),
        ndp_rows=ndp,
        failed_step=step,
        failed_why=why,
        blame=who,
        blame_key=key,
        blame_args=args,
        waste=outcomes.spent(wasted, why),
        savings=saved,
    )


def _begin(v: Linked, facts: Facts, arp: tuple[int, ...], ndp: tuple[int, ...]) -> int:
    """Return when the first packet for a visit was seen (ns)."""
    draft, c = v.draft, facts.connections
    begins = [draft.start, *(attempt.begin for attempt in draft.attempts)]
    if v.main is not None and v.main in draft.fresh and c.number("syn_frame", v.main) is not None:
        begins.append(int(c.columns["start_time"][v.main]))
    begins += [t for at in v.dns if (t := facts.dns[at].query_time) is not None]
    begins += [t for at in arp if (t := facts.arp[at].request_time) is not None]
    begins += [t for at in ndp if (t := facts.ndp[at].request_time) is not None]
    return min(begins)


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
    if len(rows) == 1 and not v.draft.tls:
        return _phases_of_one(v, facts, rows[0])

    # A request may leave before its connection is ready (fast open): then its row has the part that was waited for.
    opened = {row.stream: row.connect_ms for row in rows if row.index == 0}
    streams = list(dict.fromkeys([row.stream for row in rows] + [facts.tls[at].stream for at in v.draft.tls[:1]]))
    last = v.main if not rows else rows[-1].stream
    looked_up = [looked.ms for s in streams if (looked := v.lookup.get(s)) is not None]
    if v.draft.attempt is not None:
        looked_up = [_longest(facts, v.draft.attempt)]
    one = len(rows) == 1
    return VisitPhases(
        arp_ms=_found_ms(v, facts),
        dns_ms=_total(looked_up),
        connect_ms=_total([opened.get(s, c.ms("connect_ms", s)) for s in streams if s in v.draft.fresh]),
        tls_ms=_total([facts.tls[at].handshake_ms for at in v.draft.tls[:1]]),
        send_ms=rows[0].send_ms if one else _total([row.send_ms for row in rows]),
        wait_ms=rows[0].wait_ms if one else _total([row.wait_ms for row in rows]),
        receive_ms=rows[0].receive_ms if one else _total([row.receive_ms for row in rows]),
        close_ms=None if last is None else c.ms("close_ms", last),
    )


def _phases_of_one(v: Linked, facts: Facts, row: HttpRow) -> VisitPhases:
    """Return the phases of a chain that is one request, as most are."""
    c, fresh = facts.connections, row.stream in v.draft.fresh
    looked = v.lookup.get(row.stream)
    return VisitPhases(
        arp_ms=_found_ms(v, facts),
        dns_ms=None if looked is None else looked.ms,
        connect_ms=None if not fresh else row.connect_ms if row.index == 0 else c.ms("connect_ms", row.stream),
        tls_ms=None,
        send_ms=row.send_ms,
        wait_ms=row.wait_ms,
        receive_ms=row.receive_ms,
        close_ms=c.ms("close_ms", row.stream),
    )


def _found_ms(v: Linked, facts: Facts) -> float | None:
    """Return how long hardware addresses were looked for; None when nothing had to be."""
    arp, ndp = v.arp_resolver + v.arp_server, v.ndp_resolver + v.ndp_server
    if not arp and not ndp:
        return None
    return _total([facts.arp[at].latency_ms for at in arp] + [facts.ndp[at].latency_ms for at in ndp])


def _total(values: list[float | None]) -> float | None:
    """Add up what is known; None when nothing is."""
    if not values:
        return None
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _longest(facts: Facts, attempt: attempts.Attempt) -> float | None:
    """Return how long the slowest lookup of an attempt took; they run side by side."""
    return max((ms for at in attempt.dns if (ms := facts.dns[at].latency_ms) is not None), default=None)
