"""What visits ask again and again of the whole capture, drawn up once: neighbours found, leases, who was heard."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np

from analyzer.decode.table import Flag
from analyzer.protocols.dns.table import chosen, where
from analyzer.schema import ArpRow, DnsRow, NdpRow
from analyzer.units import NS_PER_MS
from analyzer.visits.model import Facts

ARP_BEFORE_NS = 100 * NS_PER_MS
"""The packet that waits for an ARP answer leaves right after it; a later packet did not wait."""


@dataclass(slots=True)
class Asked:
    """The answered ARP exchanges of one asker, in the order of their replies; each is charged to one visit only."""

    times: list[int] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    macs: list[str | None] = field(default_factory=list)
    targets: list[str | None] = field(default_factory=list)
    charged: set[int] = field(default_factory=set)

    def take(self, when: int, next_hop: str | None, target: str | None) -> list[int]:
        """Return the exchanges that a packet sent at ``when`` (ns) waited for, not yet charged.

        Args:
            next_hop: the hardware address that the packet went to, where it is known: another one's is no reason.
            target: the only address that can have been asked for, where it is known.
        """
        low, high = bisect_left(self.times, when - ARP_BEFORE_NS), bisect_right(self.times, when)
        found = [at for at in range(low, high) if self.rows[at] not in self.charged]
        if next_hop is not None:
            found = [at for at in found if self.macs[at] in (None, next_hop)]
        if target is not None:
            found = [at for at in found if self.targets[at] == target]
        rows = [self.rows[at] for at in found]
        self.charged.update(rows)
        return rows


def _answered(rows: Iterable[ArpRow | NdpRow], by_mac: bool) -> dict[str, Asked]:
    """Return per asker (its IP address or its hardware address) the exchanges that were answered."""
    answered = [
        (row.reply_time, at, asker, row)
        for at, row in enumerate(rows)
        if row.outcome == "answered"
        and row.reply_time is not None
        and (asker := row.asker_mac if by_mac else row.asker_ip)
    ]
    out: dict[str, Asked] = defaultdict(Asked)
    for when, at, asker, row in sorted(answered, key=itemgetter(0, 1)):
        one = out[asker]
        one.times.append(when)
        one.rows.append(at)
        one.macs.append(row.answer_mac)
        one.targets.append(row.target_ip)
    return out


def _ended(facts: Facts) -> dict[int, int]:
    """Return when the first FIN or RST of each connection that has one was recorded (ns)."""
    s = facts.segments
    found = np.flatnonzero((s.flags & (Flag.FIN | Flag.RST)) != 0)
    owner = np.searchsorted(s.first, found, "right") - 1
    streams, first = np.unique(owner, return_index=True)
    return dict(zip(streams.tolist(), s.time[found[first]].tolist(), strict=True))


Sent = tuple[int, str | None, str | None]


class Known:
    """Answers what every visit asks.

    Attributes:
        heard: addresses that asked, or were asked for, on the local network.
        asked_on: dns row → the questions that a resolver asked because of it.
        ended: stream → ns, its first FIN or RST.
    """

    def __init__(self, facts: Facts) -> None:
        self._arp = _answered(facts.arp, by_mac=False)
        # A question may come from the host's link-local address: its hardware address is the same for all of them.
        self._ndp = _answered(facts.ndp, by_mac=True)
        self.heard = {ip for row in facts.arp for ip in (row.asker_ip, row.target_ip) if ip}
        self.heard |= {ip for found in facts.ndp for ip in (found.asker_ip, found.target_ip) if ip}
        self._leases: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for at, row in enumerate(facts.dhcp):
            if row.outcome == "bound" and row.address:
                self._leases[row.address].append((row.answer_time or row.start_time, at))
        for some in self._leases.values():
            some.sort()
        self.ended = _ended(facts)
        self._askers = {row.client_mac for row in facts.dhcp}
        self._told: set[int] = set()
        self._met: set[str] = set()
        self.asked_on: dict[int, list[DnsRow]] = {}
        for _, one in chosen(facts.dns, where(facts.dns, "caused_by", lambda cause: cause is not None)):
            if one.caused_by is not None:
                self.asked_on.setdefault(one.caused_by, []).append(one)

    def asks(self, client: str) -> bool:
        """Say whether a client may have waited for a neighbour's answer at all."""
        return client in self._arp or (":" in client and bool(self._ndp))

    def waited_for(self, client: str, mac: str | None, sent: Sequence[Sent]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return the ARP and the NDP rows that packets of a client waited for.

        Args:
            mac: of the client, where it is known.
            sent: of each packet the time (ns), the next hop, and the address asked for, each None where not known.
        """
        arp, ndp = self._arp.get(client), self._ndp.get(mac) if mac else None
        if arp is None and ndp is None:
            return (), ()
        in_time = sorted(sent, key=itemgetter(0))
        found = [row for packet in in_time for row in arp.take(*packet)] if arp else []
        others = [row for packet in in_time for row in ndp.take(*packet)] if ndp and ":" in client else []
        return tuple(sorted(found)), tuple(sorted(others))

    def lease_of(self, client: str, when: int, mac: str | None = None) -> tuple[int | None, str | None]:
        """Return the lease that a client's address is from, where no visit told it yet; or why there is none.

        The reason is only given for the first visit of a client, and where the recorder could have heard the request.

        Args:
            mac: of the client, where it is known: what others asked for is not its own.
        """
        leases = self._leases.get(client)
        if leases:
            at = bisect_right(leases, (when, 1 << 62)) - 1
            if at >= 0 and leases[at][1] not in self._told:
                self._told.add(leases[at][1])
                self._met.add(client)
                return leases[at][1], None
        if client in self._met:
            return None, None
        self._met.add(client)
        others = bool(self._askers) and (mac is None or mac not in self._askers)
        if client in self.heard and not others:
            return None, "before_capture"
        return None, "not_captured" if others else None
