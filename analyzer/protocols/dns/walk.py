"""A resolver's own walk through the tree of names: which question of a client it was for, and which zone spoke.

Rules:

* A resolver shows by what it does: it is asked with RD set, and itself asks others without. The walk of one whose
  clients and servers see different addresses of it is not recognised.
* Who serves a zone is known from referrals: their NS records, with the addresses they tell (glue) or that the resolver
  looked up. A root server is also known by answering for ``.`` or by referring to a top-level domain.
* The zone that answered is told by the SOA record of a "no", by the NS records beside an authoritative answer, or is
  the longest known zone of that server above the name; otherwise it stays unknown.
* A question of the walk belongs to a client's question that was open when it was asked, if it is about that name, a
  part of it (minimised names, keys of zones above it), a name that it leads to, or a name server met on the way. Of
  several, the same name counts first, then the one asked first. Looking up name servers may go on after the answer.

Sources: RFC 1034 sections 4.3.2 and 5.3.3 (the algorithms of servers and resolvers), RFC 9156 (minimised names),
RFC 8109 (priming), RFC 4035 section 4.2 (DS and DNSKEY on the way).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from analyzer.protocols.dns.rows import Exchange
from analyzer.protocols.dns.table import DnsRows
from analyzer.schema import DnsRow, filled
from analyzer.units import NS_PER_S

MAX_LABELS = 16
"""Parents of a name that are noted; resolvers minimise no further than ten (RFC 9156 section 2.3)."""
OPEN_QUESTIONS = 8
"""Client questions noted for one name; more that wait for the same name at once are retries of each other."""
AFTER_NS = 2 * NS_PER_S
"""How long after its answer a question still explains lookups of name servers, which resolvers do at leisure."""
ZONES_OF_A_SERVER = 64
"""Zones noted for one server; hosters have more, but not within one walk."""
ROOT = "."


def tie(exchanges: Mapping[int, Exchange], rows: DnsRows) -> None:
    """Fill in ``zone``, ``referral``, ``step`` and ``caused_by`` of the rows of resolvers' walks (in the rows).

    Args:
        exchanges: those of the rows that are no plain lookups (which are all recursive, over UDP), by their numbers.
        rows: the table.
    """
    asked, asking = set(rows.plain_servers), set()
    for row in rows.others.values():
        if row.flags.rd:
            asked.add(row.server)
        elif row.query_frame is not None:
            asking.add(row.client)
    if not asking:
        return
    walk = _Walk(rows, asked & asking)
    looked_at = list(exchanges)
    if walk.resolvers & rows.plain_servers:
        mine = np.flatnonzero(rows.where("server", walk.resolvers.__contains__)).tolist()
        looked_at = sorted({*looked_at, *mine})
        rows.pick(mine)
    for number in looked_at:
        row = rows[number]
        if row.transport not in ("udp", "tcp"):
            continue
        if row.flags.rd:
            if row.server in walk.resolvers and row.query_time is not None:
                walk.ask(number, row)
        else:
            walk.step(exchanges[number], row)


def above(name: str) -> Iterator[str]:
    """Give a name and those above it, up to the root."""
    for _ in range(MAX_LABELS):
        if name in ("", ROOT):
            break
        yield name
        name = name.partition(".")[2]
    yield ROOT


class _Walk:
    """What was learned so far: who serves what, and what clients wait for. Grows by a bounded part with each row."""

    def __init__(self, rows: Sequence[DnsRow], resolvers: set[str]) -> None:
        self.resolvers = resolvers
        self._rows = rows
        self._zones: dict[str, dict[str, None]] = {}  # server → zones
        self._served_by: dict[str, dict[str, None]] = {}  # name of a server → zones
        self._wanted: dict[tuple[str, str], deque[tuple[int, bool]]] = {}  # resolver, name → (row, is a name server)

    def ask(self, number: int, row: DnsRow) -> None:
        """Note a client's question."""
        self._want(row.server, row.qname, number, server=False)

    def step(self, exchange: Exchange, row: DnsRow) -> None:
        """Read one question of a walk and what came back."""
        cause = self._cause(row) if row.client in self.resolvers else None
        response = exchange.response
        zone = referral = None
        if response is not None and response.error is None:
            if response.name_servers and row.rcode == "NOERROR":
                referral = response.referral
                self._refer(str(referral), response.name_servers, response.glue)
            zone = self._zone(exchange, row, referral)
            self._learn(row, zone)
            if cause is not None:
                for target in row.cname_chain:
                    self._want(row.client, target, cause, server=False)
                for name in response.name_servers:
                    self._want(row.client, name, cause, server=True)
        filled(row, zone=zone, referral=referral, caused_by=cause, step=_step(row, zone))

    def _want(self, resolver: str, name: str, number: int, *, server: bool) -> None:
        for part in above(name):
            waiting = self._wanted.setdefault((resolver, part), deque(maxlen=OPEN_QUESTIONS))
            if (number, server) not in waiting:
                waiting.append((number, server))

    def _cause(self, row: DnsRow) -> int | None:
        if row.query_time is None:
            return None
        found: list[tuple[bool, bool, int]] = []
        for number, server in self._wanted.get((row.client, row.qname), ()):
            client = self._rows[number]
            begin, end = client.query_time or 0, client.response_time
            grace = AFTER_NS if server else 0
            if begin <= row.query_time and (end is None or row.query_time <= end + grace):
                found.append((client.qname != row.qname, server, number))
        return min(found)[2] if found else None

    def _refer(self, zone: str, names: Sequence[str], glue: Sequence[tuple[str, str]]) -> None:
        for name in names:
            _note(self._served_by, name, zone)
        for name, address in glue:
            if name in names:
                _note(self._zones, address, zone)

    def _learn(self, row: DnsRow, zone: str | None) -> None:
        """Note the addresses of name servers, and the zone of a server that showed it."""
        if zone is not None:
            _note(self._zones, row.server, zone)
        if row.addresses:
            for served in self._served_by.get(row.qname, ()):
                for address in row.addresses:
                    _note(self._zones, address, served)

    def _zone(self, exchange: Exchange, row: DnsRow, referral: str | None) -> str | None:
        """Return the zone that a server answered from."""
        response = exchange.response
        assert response is not None
        if response.zone is not None:
            return response.zone
        below = referral or row.qname
        known = self._zones.get(row.server, {})
        if row.flags.aa:
            if row.qtype in ("NS", "SOA", "DNSKEY") and row.answers and row.answers[0].name == row.qname:
                return row.qname  # what stands at the top of a zone only
            if response.referral is not None and response.referral in above(row.qname):
                return response.referral
            return next((zone for zone in above(below) if zone in known), None)
        if referral is None:
            return None
        zone = next((zone for zone in above(below) if zone in known and zone != referral), None)
        return ROOT if zone is None and "." not in referral else zone


def _note(table: dict[str, dict[str, None]], key: str, zone: str) -> None:
    zones = table.setdefault(key, {})
    if len(zones) < ZONES_OF_A_SERVER:
        zones[zone] = None


def _step(row: DnsRow, zone: str | None) -> str | None:
    """Say which kind of server answered, by its zone; as the row alone tells where that is unknown."""
    if zone is None or row.step is None:
        return row.step
    if zone == ROOT:
        return "root"
    return "authoritative" if "." in zone else "tld"
