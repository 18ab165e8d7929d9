"""Polling and long polling: a client that asks one address again and again for news.

Rows of one client, host, method and path (the parameters often are counters) form a series, in order of time.

* *Polling*: at least :data:`POLLS` requests at a steady period, and between an answer and the next request the client
  does nothing for a while: a timer, not a program that asks as fast as it can.
* *Long polling*: the server keeps the request until there is news, or for long, and the client asks again at once. So
  it looks like a slow server; what tells them apart is that the address says so, or that such waits end without news,
  or last longer than people would bear.

Not looked at: downloads in pieces (206, large bodies), redirects, and answers that were pages or their parts when it
comes to long polling.

Source: RFC 6202 (known issues and best practices of long polling), sections 2 and 5.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from statistics import median

from analyzer.schema import HttpRow
from analyzer.units import NS_PER_MS
from analyzer.visits.asking import path_of
from analyzer.visits.grouping import REDIRECTS
from analyzer.visits.model import Facts, Found, Series

POLLS = 5
"""With four equal pauses between five requests a timer is more likely than a person."""
POLL_LEAST_MS = 250.0
"""Timers of pages run from fractions of a second to minutes; what comes faster is one burst of requests."""
POLL_SWING_SHARE = 0.25
"""A timer in a browser is late by some of its period when the page is busy, and the network adds its own."""
POLL_STEADY_SHARE = 0.75
"""One pause in four may be different: the page was hidden, or a person clicked."""
POLL_PAUSE_SHARE = 0.1
"""A program that asks again as soon as it has the answer pauses for less of the period than this."""
POLL_BODY_BYTES = 64_000
"""News is small; what is larger is a file that is fetched in pieces, or watched."""
NEWS_BYTES = 1000
"""An answer that is as long as the one before and not longer than this most likely says the same again."""
LONG_POLLS = 3
"""Two long waits at one address may be a slow report asked for twice."""
LONG_POLL_MS = 1000.0
"""Servers hold a long poll for seconds up to half a minute (RFC 6202 section 5.5)."""
LONG_POLL_SURE_MS = 10_000.0
"""A person has given up after ten seconds; a program that waits that long again and again waits for news."""
ASKED_AGAIN_MS = 1000.0
"""A long poll is asked again at once; a second is a busy page."""

_NAMED = re.compile(
    r"transport=(?:polling|long_?polling)|(?:^|[/?&._-])(?:long[-_]?poll(?:ing)?|comet|cometd|bayeux|getupdates)"
    r"(?=$|[/?&=._-])",
    re.IGNORECASE,
)
"""Addresses that are made to wait for news: socket.io, SignalR, CometD, Telegram, and those that say so."""
_POLL = re.compile(r"(?:^|[/?&._-])poll(?:ing)?(?=$|[/?&=._-])", re.IGNORECASE)
"""Addresses that most likely are; a page with a poll in it may be called so as well."""
_PAGES = ("text/html", "application/xhtml", "text/css", "text/javascript", "application/javascript", "image/", "font/")


_NO_NEWS = REDIRECTS | {206}
"""Answers that are no news: pieces of a file, and that it is elsewhere."""


def polls(facts: Facts) -> list[Series]:
    """Return every series of polling or long polling, in the order of their first rows."""
    clients, servers = facts.connections.client_host, facts.connections.server_host
    asked = [
        ((row.stream if row.host is None else row.host, row.method, path_of(row)), at)
        for at, row in enumerate(facts.http)
        if row.request_time is not None and row.method in ("GET", "POST")
    ]
    often = {key for key, count in Counter(key for key, _ in asked).items() if count > 1}
    again: dict[tuple[int | str, str | None, str], Found] = {}
    for key, at in asked:
        if key in often:
            again.setdefault(key, []).append((at, facts.http[at]))
    out: list[Series] = []
    for some in again.values():
        if len(some) < LONG_POLLS and not _says_so(some):
            continue
        ends: dict[tuple[int, int], Found] = {}
        for at, row in some:
            ends.setdefault((int(clients[row.stream]), int(servers[row.stream])), []).append((at, row))
        for found in ends.values():
            found.sort(key=lambda pair: pair[1].request_time or 0)
            one = _long(found) or _short(found)
            if one is not None:
                out.append(one)
    return out


def held_by_name(row: HttpRow) -> bool:
    """Say whether a request waited long at an address that is made to wait for news: a long poll, though only one."""
    return (row.wait_ms or 0.0) >= LONG_POLL_MS and _NAMED.search(_beginning(row)) is not None


def _beginning(row: HttpRow) -> str:
    """Return as much of a target as is searched for a name."""
    return (row.target or "")[:1000]


def _says_so(found: Found) -> bool:
    target = _beginning(found[0][1])
    return (_NAMED.search(target) or _POLL.search(target)) is not None


def _pause_ms(before: HttpRow, row: HttpRow) -> float | None:
    """Return how long a client did nothing between an answer and its next request, opening a connection aside."""
    ended = before.response_end_time or before.response_time
    if ended is None or row.request_time is None:
        return None
    opening = sum(part or 0.0 for part in (row.dns_ms, row.connect_ms, row.tls_ms))
    return (row.request_time - ended) / NS_PER_MS - opening


def _pauses(found: Found) -> list[float]:
    pairs = pairwise(found)
    return [pause for (_, before), (_, row) in pairs if (pause := _pause_ms(before, row)) is not None]


def _nothing_new(before: HttpRow | None, row: HttpRow) -> bool:
    """Say whether an answer brought nothing: by its status, its empty body, or by being small and like the last one."""
    if row.status in (204, 304) or row.response_body_bytes == 0:
        return True
    size = row.response_body_bytes
    if before is None or size is None or size > NEWS_BYTES or size != before.response_body_bytes:
        return False
    return row.etag is None or row.etag == before.etag


def _empty_share(found: Found) -> float | None:
    answered = sum(row.status is not None for _, row in found)
    return len(without_news(found)) / answered if answered else None


def without_news(found: Found) -> list[int]:
    """Return the rows of a series whose answers brought nothing new."""
    answered = [(at, row) for at, row in found if row.status is not None]
    before = [None, *(row for _, row in answered[:-1])]
    return [at for (at, row), last in zip(answered, before, strict=True) if _nothing_new(last, row)]


def _small(found: Found) -> bool:
    """Say whether the answers are small, and whole: no download in pieces."""
    sizes = [row.response_body_bytes or 0 for _, row in found]
    sent = [row.request_body_bytes or 0 for _, row in found]
    other = sum(row.status in _NO_NEWS for _, row in found)
    return max(median(sizes), median(sent)) <= POLL_BODY_BYTES and 2 * other < len(found)


def _short(found: Found) -> Series | None:
    """Return a series of polling by a timer, None when it is none."""
    if len(found) < POLLS or not _small(found):
        return None
    times = [row.request_time or 0 for _, row in found]
    periods = [(later - earlier) / NS_PER_MS for earlier, later in pairwise(times)]
    period = median(periods)
    if period < POLL_LEAST_MS:
        return None
    steady = sum(abs(each - period) <= POLL_SWING_SHARE * period for each in periods)
    pauses = _pauses(found)
    if steady < POLL_STEADY_SHARE * len(periods) or not pauses or median(pauses) < POLL_PAUSE_SHARE * period:
        return None
    return Series(found, False, period, _empty_share(found))


def _long(found: Found) -> Series | None:
    """Return a series of long polling, None when it is none."""
    says_so = _says_so(found)
    # Without an answer nobody knows whether there was no news, or no server.
    waits = [row.wait_ms for _, row in found if row.wait_ms is not None and row.status is not None]
    held = [wait for wait in waits if wait >= LONG_POLL_MS]
    if len(waits) < (2 if says_so else LONG_POLLS) or 2 * len(held) <= len(waits) or not _small(found):
        return None
    answered = [row for _, row in found if row.status is not None]
    failed = sum((row.status or 0) >= 400 for row in answered)
    if 2 * failed > len(answered):
        return None
    if not says_so and any((row.content_type or "").startswith(_PAGES) for row in answered):
        return None
    pauses = _pauses(found)
    if 2 * sum(pause <= ASKED_AGAIN_MS for pause in pauses) <= len(pauses):
        return None
    without = any(row.status in (204, 304) or row.response_body_bytes == 0 for row in answered)
    if not (says_so or without or max(held) >= LONG_POLL_SURE_MS):
        return None
    return Series(found, True, median(held), _empty_share(found))
