"""Where an attempt that came to nothing belongs: to the visit that tried again with success, or to the page that
wanted a part; and else it is a visit of its own, a failed one.

Evidence: the same client (or, because a machine has an address of each family, the same hardware address) got to the
same name or server soon after; or a page of the same client was being loaded, by a program that loads the parts of
pages.

Source: RFC 8305 section 5 (a client that finds one address dead goes on with the next one).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from operator import attrgetter

from analyzer.units import NS_PER_S
from analyzer.visits.attempts import AGAIN_WITHIN_NS, Attempt, url_of
from analyzer.visits.grouping import MAX_OPEN, TOGETHER_NS, Draft, host_of
from analyzer.visits.model import Facts

FALLBACK_NS = 10 * NS_PER_S
"""A client goes on with the next address within seconds; later is somebody trying anew."""


def placed(drafts: list[Draft], found: list[Attempt], facts: Facts) -> list[Draft]:
    """Return the drafts with what was tried in vain, and those of visits that failed, in order of time.

    Args:
        drafts: in order of time; those that attempts belong to are changed.
        found: in order of time.
    """
    if not found:
        return drafts
    index = _Index(drafts, facts, found)
    own: dict[tuple[str, str], Draft] = {}
    out = list(drafts)
    for attempt in found:
        draft = index.later(attempt)
        if draft is None and (draft := index.beside(attempt)) is not None:
            _waited_for(draft, attempt)
        if draft is not None:
            draft.attempts.append(attempt)
            continue
        keys = [(who, attempt.name) for who in (attempt.client, attempt.mac) if who and attempt.name]
        draft = next((own[key] for key in keys if key in own), None)
        if draft is not None and draft.attempt is not None and attempt.begin - draft.attempt.end <= AGAIN_WITHIN_NS:
            _again(draft, draft.attempt, attempt, facts)
            continue
        draft = _failed(attempt, facts)
        out.append(draft)
        own.update(dict.fromkeys(keys, draft))
    out.sort(key=attrgetter("start"))
    return out


def _waited_for(draft: Draft, attempt: Attempt) -> None:
    """Make a page wait for a part that it wanted from a host that never answered: it is not whole before.

    What is tried when all else is there may be for something else.
    """
    whole = draft.whole or draft.until
    if attempt.why == "unanswered" and attempt.begin <= whole:
        attempt.beside, draft.whole = True, whole
        draft.until = max(draft.until, attempt.end)


def _failed(attempt: Attempt, facts: Facts) -> Draft:
    """Return a visit of which nothing came."""
    draft = Draft(attempt.client, url_of(facts, attempt), attempt.begin, attempt.end, attempt.begin)
    draft.attempt = attempt
    draft.name = attempt.name or (facts.connections.host(attempt.target[0]) if attempt.target else None)
    draft.fresh.update(attempt.streams)
    return draft


def _again(draft: Draft, first: Attempt, attempt: Attempt, facts: Facts) -> None:
    """Add another attempt at the same name, over the other family of addresses perhaps."""
    first.dns = tuple(sorted({*first.dns, *attempt.dns}))
    first.failed_rows = tuple(sorted({*first.failed_rows, *attempt.failed_rows}))
    first.streams += attempt.streams
    first.end = max(first.end, attempt.end)
    if first.step == "dns" and attempt.step == "tcp":  # the name resolved in the end
        first.step, first.why, first.target = attempt.step, attempt.why, attempt.target
        draft.url = url_of(facts, first)
    draft.until = max(draft.until, attempt.end)
    draft.fresh.update(attempt.streams)


class _Index:
    """Finds the visits that attempts may belong to."""

    def __init__(self, drafts: list[Draft], facts: Facts, found: list[Attempt]) -> None:
        names = {attempt.name for attempt in found}
        targets = {attempt.target for attempt in found}
        clients = {attempt.client for attempt in found}
        self._facts = facts
        self._by_name: dict[str, list[Draft]] = defaultdict(list)
        self._by_target: dict[tuple[int, int], list[Draft]] = defaultdict(list)
        self._by_client: dict[str, list[Draft]] = defaultdict(list)
        c = facts.connections
        ports = c.columns["server_port"]
        for draft in drafts:
            if draft.client in clients:
                self._by_client[draft.client].append(draft)
                streams = {facts.http[at].stream for at in draft.http} | {facts.tls[at].stream for at in draft.tls}
                for target in {(int(c.server_host[s]), int(ports[s])) for s in streams}:
                    if target in targets:
                        self._by_target[target].append(draft)
            if (name := host_of(draft.url)) in names and name is not None:
                self._by_name[name].append(draft)

    def later(self, attempt: Attempt) -> Draft | None:
        """Return the visit that got to the same name or server soon after an attempt, or was just getting there."""
        named = self._by_name.get(attempt.name, []) if attempt.name is not None else []
        same = self._by_target.get(attempt.target, []) if attempt.target is not None else []
        for some, any_family in ((named, True), (same, False)):
            first = bisect_left(some, attempt.begin - TOGETHER_NS, key=attrgetter("start"))
            for draft in some[first : first + MAX_OPEN]:
                if draft.start > attempt.end + FALLBACK_NS:
                    break
                mine = draft.client == attempt.client
                if mine or (any_family and attempt.mac is not None and attempt.mac == self._mac(draft)):
                    return draft
        return None

    def _mac(self, draft: Draft) -> str | None:
        rows = [self._facts.http[at].stream for at in draft.http[:1]] + [
            self._facts.tls[at].stream for at in draft.tls[:1]
        ]
        return self._facts.connections.words["client_mac"].get(rows[0]) if rows else None

    def beside(self, attempt: Attempt) -> Draft | None:
        """Return the page of the same client that was being loaded when something was tried in vain."""
        mine = self._by_client.get(attempt.client, [])
        end = bisect_right(mine, attempt.begin, key=attrgetter("start"))
        for draft in reversed(mine[max(end - MAX_OPEN, 0) : end]):
            if attempt.begin - draft.active <= TOGETHER_NS and self._has_parts(draft):
                return draft
        return None

    def _has_parts(self, draft: Draft) -> bool:
        """Say whether a visit is one of a program that loads the parts of a page: a browser calls itself Mozilla."""
        if draft.tls:
            return True
        agents = (self._facts.http[at].user_agent for at in draft.chain)
        return bool(draft.pages) and any((agent or "").startswith("Mozilla/") for agent in agents)
