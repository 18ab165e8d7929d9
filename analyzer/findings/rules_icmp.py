"""Findings about what routers and hosts report by ICMP."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from itertools import chain

from analyzer.findings.model import Hit, Rule, grouped
from analyzer.findings.thresholds import UNINVITED
from analyzer.protocols.dns.table import column
from analyzer.protocols.icmp import MAX_HOP
from analyzer.schema import IcmpRow
from analyzer.visits.model import Facts
from analyzer.visits.traceroutes import probing as probing_rows

TIME_EXCEEDED = {4: 11, 6: 3}
UNREACHABLE = {4: 3, 6: 1}
NOT_TAKEN = {4: (2, 3), 6: (4,)}
"""Codes of "protocol" and "port unreachable": the machine was reached, no program takes what was sent."""
REDIRECT = {4: 5, 6: 137}
DNS_PORT = 53
NETBIOS_NAMES = 137
"""Windows asks every address it talks to for its name (RFC 1002 section 4.2.18), and hardly any answers."""
LENT_PORTS = 32768
"""From here on systems lend ports to programs that ask for any (Linux; IANA and the rest: from 49152)."""


def _version(row: IcmpRow) -> int:
    return 6 if ":" in row.source else 4


def too_big(row: IcmpRow) -> bool:
    """Say whether an error asks for smaller packets: the way a path's size is found (RFC 1191, RFC 8201)."""
    return row.kind == "error" and ((row.type, row.code) == (3, 4) if _version(row) == 4 else row.type == 2)


def is_group(address: str) -> bool:
    """Say whether an address is multicast or the broadcast address."""
    try:
        return address == "255.255.255.255" or ip_address(address).is_multicast
    except ValueError:
        return False


def _answers(facts: Facts) -> frozenset[int | None]:
    """Return the frames of DNS responses."""
    again = chain.from_iterable(column(facts.dns, "duplicate_frames"))
    return frozenset(chain(column(facts.dns, "response_frame"), again)) - {None}


def unreachable(facts: Facts) -> Iterator[Hit]:
    """A router or host that says packets do not arrive; one finding for each sender, destination and reason.

    Notes are: a late DNS answer that is refused (its program had given up, or had another answer), a port that was lent
    to a program and given back, Windows asking for names, a single refused datagram (somebody asked whether a service
    is there), strangers from everywhere that try one port after the other, and a router that takes no multicast. "Too
    big" is another finding, and what a traceroute gets belongs to the trace.
    """
    answers = _answers(facts) if facts.icmp else frozenset()
    probing = probing_rows(facts.traceroutes)
    traced = {row.quoted_destination for row in facts.icmp if _out_of_time(row)}
    groups = grouped(
        ((row.source, row.quoted_destination or row.destination, row.meaning), at)
        for at, row in enumerate(facts.icmp)
        if row.kind == "error" and row.type == UNREACHABLE[_version(row)] and not too_big(row) and at not in probing
    )
    for (source, destination, meaning), rows in groups.items():
        found = [facts.icmp[at] for at in rows]
        late = all(row.quoted_frame in answers or _from_resolver(row) for row in found)
        first = found[0]
        here = source == destination and first.code in NOT_TAKEN[_version(first)]
        gone = here and all(row.quoted_protocol == "udp" and (row.quoted_port or 0) >= LENT_PORTS for row in found)
        once = here and len(found) == 1 and first.quoted_protocol == "udp"
        asked = here and all(row.quoted_protocol == "udp" and row.quoted_port == NETBIOS_NAMES for row in found)
        probed = here and _uninvited(found)
        mild = late or gone or once or asked or probed or (here and destination in traced) or is_group(destination)
        args: dict[str, object] = {
            "source": source,
            "destination": destination,
            "meaning": meaning,
            "count": len(rows),
            "sender": first.destination,
            "senders": len({row.destination for row in found}),
            "ports": len({row.quoted_port for row in found}),
        }
        yield Hit(
            args,
            tuple(row.request_frame for row in found),
            "icmp",
            rows[0],
            first.quoted_stream,
            severity="note" if mild else None,
            variant="late" if late else "gone" if gone else "probed" if probed else "refused" if here else None,
        )


def _uninvited(found: list[IcmpRow]) -> bool:
    """Tell whether datagrams that were refused came from many sides of the internet, to many ports."""
    senders = {row.destination for row in found}
    ports = {row.quoted_port for row in found}
    many = len(senders) > UNINVITED and len(ports) > UNINVITED
    return many and all(row.quoted_protocol == "udp" for row in found) and all(map(_is_public, senders))


def _is_public(address: str) -> bool:
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


def _from_resolver(row: IcmpRow) -> bool:
    return row.quoted_protocol == "udp" and row.quoted_source_port == DNS_PORT


def _out_of_time(row: IcmpRow) -> bool:
    return row.kind == "error" and row.type == TIME_EXCEEDED[_version(row)] and row.code == 0


def loop(facts: Facts) -> Iterator[Hit]:
    """Packets that were sent with an ordinary TTL and never arrived: routers send them round in a circle."""
    groups = grouped(
        ((row.destination, row.quoted_destination), at)
        for at, row in enumerate(facts.icmp)
        if _out_of_time(row) and row.quoted_ttl is not None and row.quoted_ttl > MAX_HOP
    )
    for (sender, destination), rows in groups.items():
        found = [facts.icmp[at] for at in rows]
        args: dict[str, object] = {
            "sender": sender,
            "destination": destination,
            "routers": list(dict.fromkeys(row.source for row in found)),
            "ttl": max(row.quoted_ttl or 0 for row in found),
            "count": len(rows),
        }
        yield Hit(args, _with_quoted(found), "icmp", rows[0], found[0].quoted_stream)


def path_size(facts: Facts) -> Iterator[Hit]:
    """A router whose next link takes only smaller packets than were sent."""
    groups = grouped(
        ((row.source, row.destination, row.quoted_destination), at) for at, row in enumerate(facts.icmp) if too_big(row)
    )
    for (router, sender, destination), rows in groups.items():
        found = [facts.icmp[at] for at in rows]
        mtu = min((row.mtu for row in found if row.mtu is not None), default=None)
        args: dict[str, object] = {
            "router": router,
            "sender": sender,
            "destination": destination,
            "mtu": mtu,
            "count": len(rows),
        }
        variant = None if mtu is not None else "unsaid"
        yield Hit(args, _with_quoted(found), "icmp", rows[0], found[0].quoted_stream, variant=variant)


def redirect(facts: Facts) -> Iterator[Hit]:
    """A router that was sent what another router on the same link should have got."""
    groups = grouped(
        ((row.source, row.destination, row.gateway), at)
        for at, row in enumerate(facts.icmp)
        if row.type == REDIRECT[_version(row)]
    )
    for (router, sender, gateway), rows in groups.items():
        found = [facts.icmp[at] for at in rows]
        destinations = list(dict.fromkeys(row.quoted_destination for row in found if row.quoted_destination))
        args: dict[str, object] = {
            "router": router,
            "sender": sender,
            "gateway": gateway,
            "destination": destinations or None,
            "count": len(rows),
        }
        direct = gateway is not None and destinations == [gateway]
        yield Hit(args, _with_quoted(found), "icmp", rows[0], variant="direct" if direct else None)


def traced(facts: Facts) -> Iterator[Hit]:
    """Somebody looked for the way to a host: nothing is wrong, and the way is worth seeing."""
    for route in facts.traceroutes:
        answered = [hop for hop in route.hops if hop.routers]
        args: dict[str, object] = {
            "source": route.source,
            "destination": route.destination,
            "protocol": route.protocol,
            "hops": len(route.hops),
            "answered": len(answered),
            "silent": len(route.hops) - len(answered),
            "latency_ms": min(route.hops[-1].latencies_ms, default=None),
        }
        frames = tuple(frame for hop in answered for frame in hop.frames)
        row = route.rows[0] if route.rows else None
        whole = "whole" if len(answered) == len(route.hops) else None
        yield Hit(args, frames, "icmp", row, variant=whole if route.reached else "lost")


def _with_quoted(rows: Iterable[IcmpRow]) -> tuple[int | None, ...]:
    return tuple(frame for row in rows for frame in (row.request_frame, row.quoted_frame))


RULES: tuple[Rule, ...] = (
    Rule("ICMP-UNREACHABLE", "warning", "icmp", "network", "RFC 792", unreachable, ("UNINVITED",)),
    Rule("ICMP-LOOP", "warning", "icmp", "network", "RFC 1812 section 5.3.1", loop),
    Rule("ICMP-PMTU", "note", "icmp", "network", "RFC 1191 section 3", path_size),
    Rule("ICMP-REDIRECT", "note", "icmp", "network", "RFC 1812 section 5.2.7.2", redirect),
    Rule("ICMP-TRACEROUTE", "info", "icmp", "client", "RFC 792", traced),
)
