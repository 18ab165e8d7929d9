"""What findings about neighbours share (ARP and IPv6 neighbour discovery): who can be heard, who claimed what when.

On a switched network a recorder hears everybody's broadcast requests but not the unicast replies to others. So an
unanswered request means something only for a host whose unicast traffic the capture shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from typing import TypeVar

from analyzer.findings.model import Hit, grouped
from analyzer.findings.thresholds import ARP_SCAN_NS, ARP_SCAN_TARGETS, MOVE_NS, PROBE_DEFENCE_NS
from analyzer.protocols.dns.table import column, one_of
from analyzer.schema import ArpRow, NdpRow
from analyzer.visits.model import Facts

SHARED_MACS = (
    "00:00:5e:00:01:",
    "00:00:5e:00:02:",
    "00:00:0c:07:ac:",
    "00:00:0c:9f:f",
    "00:07:b4:",
    "02:bf:",
    "03:bf:",
)
"""Addresses that routers and clusters share on purpose: VRRP and CARP (RFC 9568), HSRP, GLBP, load balancing."""

Row = ArpRow | NdpRow
RowT = TypeVar("RowT", ArpRow, NdpRow)
Asker = tuple[str | None, int | None]
"""(MAC, VLAN)."""
ASKED = ("answered", "unanswered")


def frames(rows: Iterable[Row]) -> tuple[int | None, ...]:
    """Return the frames of exchanges."""
    return tuple(frame for row in rows for frame in (*row.request_frames, row.reply_frame))


def checks(facts: Facts) -> Callable[[ArpRow], tuple[int, ...]]:
    """Return what tells which requests of an exchange only checked that nobody has an address.

    That is a DHCP server before it offers the address (RFC 2131 section 2.2): silence is what it hopes for.
    """
    offers: dict[tuple[str | None, str | None], list[tuple[int, int]]] = grouped(
        ((offer.server, offer.address), (row.discover_frame, offer.frame))
        for row in facts.dhcp
        for offer in row.offers
        if row.discover_frame is not None and offer.server and offer.address
    )

    def checking(row: ArpRow) -> tuple[int, ...]:
        spans = offers.get((row.asker_ip, row.target_ip), ()) if offers else ()
        return tuple(frame for frame in row.request_frames if any(low < frame < high for low, high in spans))

    return checking


def heard(facts: Facts) -> set[str]:
    """Return the addresses whose unicast traffic is in the capture.

    Where one host has part in everything that was said between two, the recorder is beside it, and the others are heard
    only as far as they talk to it. Else that is who begins something, or talks with more than one other: a host seen
    with one other only may be a neighbour of the recorder, whose dealings with the rest are not seen.
    """
    c = facts.connections
    ids = {(int(a), int(b)) for a, b in zip(c.client_host.tolist(), c.server_host.tolist(), strict=True)}
    names = {number: c.host(number) for pair in ids for number in pair}
    begun = {(names[client], names[server]) for client, server in ids}
    unicast = one_of(facts.dns, "transport", ("udp", "tcp")).tolist()
    begun.update(compress(zip(column(facts.dns, "client"), column(facts.dns, "server"), strict=True), unicast))
    begun.update((row.source, row.destination) for row in facts.icmp if row.kind == "echo")
    met = {
        (row.asker_ip, row.target_ip)
        for row in _exchanges(facts)
        if row.outcome == "answered" and row.kind != "router_solicitation" and row.asker_ip and row.target_ip
    }
    pairs = {frozenset(pair) for pair in begun | met}
    if len(pairs) > 1 and len(beside := frozenset.intersection(*pairs)) == 1:
        return set(beside)
    others: dict[str, set[str]] = {}
    for one, other in {(names[a], names[b]) for a, b in ids} | met:
        others.setdefault(other, set()).add(one)
    for one, other in met:
        others.setdefault(one, set()).add(other)
    return {client for client, _ in begun} | {address for address, them in others.items() if len(them) > 1}


def _exchanges(facts: Facts) -> tuple[Row, ...]:
    return (*facts.arp, *facts.ndp)


def heard_macs(facts: Facts, there: set[str]) -> set[str]:
    """Return the hardware addresses of hosts that are heard (see :func:`heard`), as far as they are known.

    Those of gateways are none: what hosts hand to a gateway says nothing of the gateway's own talks.
    """
    c = facts.connections
    macs = {mac for stream, mac in c.words.get("client_mac", {}).items() if c.host(int(c.client_host[stream])) in there}
    for row in _exchanges(facts):
        if row.outcome == "answered" and row.asker_mac and row.asker_ip in there:
            macs.add(row.asker_mac)
    return (macs | reached(facts, 2)) - {gateway.mac for gateway in facts.capture.gateways}


def reached(facts: Facts, senders: int) -> set[str]:
    """Return the hardware addresses of those who asked in vain, but were sent unicast frames by so many others.

    One may be the recorder, whose frames are recorded wherever they go; what a second one sends came by by itself.
    """
    return {mac for mac, them in facts.receivers.items() if len(them) >= senders}


def scanning(rows: Iterable[RowT]) -> dict[Asker, list[tuple[int, RowT]]]:
    """Return the askers that ask for many different addresses within a short time, with all their questions."""
    asked = grouped(
        ((row.asker_mac, row.vlan), (at, row))
        for at, row in enumerate(rows)
        if row.kind in ("request", "solicitation") and row.request_time is not None and row.outcome in ASKED
    )
    return {
        asker: found
        for asker, found in asked.items()
        if len(found) >= ARP_SCAN_TARGETS and _burst([row for _, row in found]) >= ARP_SCAN_TARGETS
    }


def _burst(asked: Sequence[Row]) -> int:
    """Return the most different addresses asked for within :data:`ARP_SCAN_NS`."""
    window: dict[str | None, int] = {}
    start = best = 0
    for row in asked:
        window[row.target_ip] = window.get(row.target_ip, 0) + 1
        while (row.request_time or 0) - (asked[start].request_time or 0) > ARP_SCAN_NS:
            oldest = asked[start].target_ip
            window[oldest] -= 1
            if not window[oldest]:
                del window[oldest]
            start += 1
        best = max(best, len(window))
    return best


def scanners(facts: Facts) -> set[str]:
    """Return the IP addresses of machines that go through the addresses of their network."""
    them = {*scanning(facts.arp), *scanning(facts.ndp)}
    gateways = {gateway.mac for gateway in facts.capture.gateways}
    return {
        row.asker_ip
        for row in _exchanges(facts)
        if row.asker_ip and row.asker_mac not in gateways and (row.asker_mac, row.vlan) in them
    }


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """Somebody said that an address is its own: when, by which MAC, in which row and frame."""

    time: int
    mac: str
    row: int
    frame: int | None


Key = tuple[int | None, str]
"""(VLAN, address)."""


def claims(rows: Iterable[Row], addresses: set[Key]) -> dict[Key, list[Claim]]:
    """Return who claimed each of these addresses, in order of time."""
    out: dict[Key, list[Claim]] = {key: [] for key in addresses}
    for at, row in enumerate(rows):
        if row.outcome in ("malformed", "invalid"):
            continue
        asked = (row.request_time, row.asker_mac, row.asker_ip, row.request_frame)
        for when, mac, address, frame in (asked, (row.reply_time, row.answer_mac, row.target_ip, row.reply_frame)):
            if when is not None and mac is not None and address is not None and (row.vlan, address) in out:
                out[row.vlan, address].append(Claim(when, mac, at, frame))
    for found in out.values():
        found.sort(key=lambda claim: (claim.time, claim.mac, claim.row))
    return out


def turns(found: list[Claim]) -> list[tuple[Claim, Claim]]:
    """Return the pairs of claims between which an address changed hands."""
    return [(a, b) for a, b in pairwise(found) if a.mac != b.mac]


def owners(found: list[Claim]) -> list[str]:
    """Return the MACs that claimed an address, in order of their first claim."""
    return list(dict.fromkeys(claim.mac for claim in found))


def moved(found: list[Claim]) -> bool:
    """Return whether each owner of an address ended before the next one began, and not within a moment."""
    changes = turns(found)
    return len(changes) < len(owners(found)) and all(b.time - a.time > MOVE_NS for a, b in changes)


def evidence(found: list[Claim]) -> tuple[int | None, ...]:
    """Return the frames of the first claim, of both sides of each change, and of the last."""
    cited = [found[0], *(claim for change in turns(found) for claim in change), found[-1]]
    return tuple(claim.frame for claim in cited)


def taken(row: Row) -> bool:
    """Return whether a probe found its address in use: somebody else has it, and said so while it was asked for."""
    if row.kind != "probe" or row.conflict is None or row.request_time is None:
        return False
    if row.outcome == "answered":
        return True
    last = row.last_request_time if row.last_request_time is not None else row.request_time
    return row.conflict_time is not None and row.request_time <= row.conflict_time <= last + PROBE_DEFENCE_NS


def addresses_taken(rows: Iterable[Row], table: str) -> Iterator[Hit]:
    """Give a hit for each address that a probe found in use, and each asker."""
    found = [(at, row) for at, row in enumerate(rows) if taken(row)]
    for (address, owner, asker), some in grouped(
        ((row.target_ip, row.conflict, row.asker_mac), (at, row)) for at, row in found
    ).items():
        args: dict[str, object] = {"target_ip": address, "owner": owner, "asker_mac": asker}
        yield Hit(args, (*frames(row for _, row in some), some[0][1].conflict_frame), table, some[0][0])
