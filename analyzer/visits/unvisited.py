"""Rows that belong to no visit: what was recorded and is nobody's page, each table's count and first row numbers.

Only tables that visits link are listed. A connection that carries names (DNS over TCP) counts as visited with them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analyzer.schema import Unvisited, VisitRow
from analyzer.visits.model import Facts

MAX_LISTED = 1000
"""Row numbers listed of one table; a flood has millions, and the count says so."""
_LINKED = (
    ("arp", "arp_rows"),
    ("ndp", "ndp_rows"),
    ("dhcp", "dhcp_rows"),
    ("dns", "dns_rows"),
    ("tcp", "tcp_streams"),
    ("tls", "tls_rows"),
    ("http", "http_rows"),
)
"""Table, and the column of a visit that names its rows."""


def unvisited(facts: Facts, visits: Sequence[VisitRow]) -> tuple[Unvisited, ...]:
    """Return for each table that has such rows those that no visit names."""
    sizes = {
        "arp": len(facts.arp),
        "ndp": len(facts.ndp),
        "dhcp": len(facts.dhcp),
        "dns": len(facts.dns),
        "tcp": len(facts.connections),
        "tls": len(facts.tls),
        "http": len(facts.http),
    }
    out = []
    for table, column in _LINKED:
        named = {at for visit in visits for at in getattr(visit, column)}
        if table == "tcp":
            looked_up = {at for visit in visits for at in visit.dns_rows}
            named |= {stream for at in looked_up if (stream := facts.dns[at].stream) is not None}
        missing = np.ones(sizes[table], np.bool_)
        missing[np.fromiter((at for at in named if at < sizes[table]), np.int64)] = False
        rows = np.flatnonzero(missing)
        if rows.size:
            out.append(Unvisited(table, int(rows.size), tuple(rows[:MAX_LISTED].tolist())))
    return tuple(out)
