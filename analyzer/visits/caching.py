"""What a cache saved: the size of the body that a 304 stands for, where something in the capture tells it.

A 304 says that the copy of the client is still good. How large that copy is, tells, in this order:

1. an earlier 200 for the same URL with the same ETag, whoever asked for it: an ETag names one version of a resource;
2. an earlier 200 for the same URL to the same client, unless its ETag or Last-Modified speaks of another version;
3. Content-Length in the 304 itself: if a server sends it, it is the size that the 200 would have had.

Sizes are those of the body as transferred, which is what did not have to be transferred again. Without any of the three
the saving is unknown.

Source: RFC 9110 sections 8.6, 8.8, 13 and 15.4.5, RFC 9111 section 4.3.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from analyzer.schema import HttpRow, filled
from analyzer.visits.model import Facts

VERSIONS_KEPT = 32
"""Answers remembered of one URL; a resource that changed more often is found by none of the old ones anyway."""


class _Copy(NamedTuple):
    """One whole answer: when it had come, to whom, which version it was, how large."""

    ended: int
    client: int
    etag: str | None
    last_modified: str | None
    size: int


def header(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return the first value of a header field of a row, by its name in lower case; None without one."""
    return next((value for key, value in headers if key.lower() == name), None)


_TAG = re.compile(r'"[^"]*"')


def _tags(value: str | None) -> tuple[str, ...]:
    """Return the ETags of a field for weak comparison (RFC 9110 section 8.8.3.2); ``*`` names no version.

    Some servers forget the quotes: then the value is the tag.
    """
    if value is None or value.strip() in ("", "*"):
        return ()
    return tuple(_TAG.findall(value)) or (value.strip(),)


def with_savings(facts: Facts) -> tuple[HttpRow, ...]:
    """Return the http rows with ``saved_bytes`` filled in."""
    rows = facts.http
    hits = [at for at, row in enumerate(rows) if row.status == 304 and row.url]
    if not hits:
        return tuple(rows)
    wanted = {rows[at].url for at in hits}
    clients = facts.connections.client_host
    copies: dict[str, list[_Copy]] = defaultdict(list)
    for row in rows:
        if row.url in wanted and (copy := _copy(row, int(clients[row.stream]))) is not None:
            copies[row.url or ""].append(copy)
    for kept in copies.values():
        kept.sort(key=attrgetter("ended"))
    out = list(rows)
    for at in hits:
        row = rows[at]
        saved = _saved(row, int(clients[row.stream]), copies.get(row.url or "", ()))
        if saved is not None:
            out[at] = filled(row, saved_bytes=saved)
    return tuple(out)


def _copy(row: HttpRow, client: int) -> _Copy | None:
    whole = row.status == 200 and row.method == "GET" and row.outcome == "complete"
    if not whole or row.response_end_time is None or row.response_body_bytes is None:
        return None
    tag = next(iter(_tags(row.etag)), None)
    return _Copy(row.response_end_time, client, tag, row.last_modified, row.response_body_bytes)


def _saved(row: HttpRow, client: int, copies: Sequence[_Copy]) -> int | None:
    """Return the size of the body that a 304 stands for, None when nothing tells it."""
    tags = _tags(row.etag) or _tags(header(row.request_headers, "if-none-match"))
    modified = row.last_modified or header(row.request_headers, "if-modified-since")
    before = _before(copies, row.request_time)
    for copy in before:
        if copy.etag is not None and copy.etag in tags:
            return copy.size
    for copy in before:
        other = (tags and copy.etag is not None) or _differ(modified, copy.last_modified)
        if copy.client == client and not other:
            return copy.size
    told = header(row.response_headers, "content-length")
    return int(told) if told is not None and told.isdecimal() and len(told) < 16 and int(told) > 0 else None


def _before(copies: Sequence[_Copy], when: int | None) -> list[_Copy]:
    """Return the newest copies that were there at a moment, newest first."""
    there = len(copies) if when is None else bisect_right(copies, when, key=attrgetter("ended"))
    return list(reversed(copies[max(there - VERSIONS_KEPT, 0) : there]))


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one.strip() != other.strip()
