"""Which requests of a visit went to another site than its own.

A site is a registrable domain: the part of a name that somebody can buy, one label more than a public suffix such as
``com``, ``co.uk`` or ``github.io`` (https://publicsuffix.org; browsers draw the same line). The visit's own sites are
that of the address it began with and that of the page it ended at. Addresses written as numbers, and names of one
label (``intranet``), are sites of their own.

The list of suffixes is only read when the ends of two names agree so far that nothing else can tell them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import cast

from analyzer.schema import HttpRow, VisitRow, filled
from analyzer.visits.grouping import split


def with_parties(rows: Sequence[HttpRow], visits: Sequence[VisitRow]) -> tuple[HttpRow, ...]:
    """Return the rows with ``third_party`` set for those that went to another site than their visit's own.

    Args:
        rows: as the parsers draw them, their own party until somebody knows better.
    """
    out = list(rows)
    same = Sites().same
    for visit in visits:
        if len(visit.http_rows) < 2:
            continue
        own = {split(url).hostname or "" for url in (visit.url, visit.final_url or visit.url)}
        strange = {
            host
            for host in {rows[at].host for at in visit.http_rows}
            if host and host not in own and not any(same(host, name) for name in own if name)
        }
        for at in visit.http_rows if strange else ():
            if rows[at].host in strange:
                out[at] = filled(rows[at], third_party=True)
    return tuple(out)


class Sites:
    """Tells whether two hosts are of one site; reads the list of public suffixes when it first needs it."""

    def __init__(self) -> None:
        self._registrable: Callable[[str], str | None] | None = None

    def same(self, one: str, other: str) -> bool:
        """Say whether two host names (lower case, without port) belong to one site."""
        if one == other:
            return True
        if _is_address(one) or _is_address(other):
            return False
        ends = one.rsplit(".", 2)[-2:]
        if len(ends) < 2 or ends != other.rsplit(".", 2)[-2:]:
            return False  # a registrable domain has two labels at least
        site = self.of(one)
        return site is not None and site == self.of(other)

    def of(self, host: str) -> str | None:
        """Return the registrable domain of a name, None for a public suffix itself."""
        if self._registrable is None:
            self._registrable = cache(_rule())
        return self._registrable(host)


@cache
def _rule() -> Callable[[str], str | None]:
    """Return what finds a registrable domain. The list takes 0.1 s to read: once in a process of many captures."""
    from publicsuffixlist import PublicSuffixList

    return cast("Callable[[str], str | None]", PublicSuffixList().privatesuffix)


def _is_address(host: str) -> bool:
    return host.startswith("[") or ":" in host or host.replace(".", "").isdecimal()
