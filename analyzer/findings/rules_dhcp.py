"""Findings about addresses handed out by DHCP: nobody answers, a server refuses, or servers contradict each other.

A server's answers are often unicast to a host that has no address yet, so a recorder elsewhere in the network hears
only the questions. An answer that was not recorded means something only where it would have been: for a client that
asks to be answered with a broadcast, one whose unicast traffic the capture shows, or where nobody else is heard.

The rules are about IPv4: hosts ask for a DHCPv6 server on every network, and mostly there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from analyzer.findings.model import Hit, Rule, grouped, most
from analyzer.findings.neighbours import heard, heard_macs, reached
from analyzer.findings.thresholds import (
    DHCP_ATTEMPTS,
    DHCP_LATER_NS,
    DHCP_SLOW_MS,
    DHCP_VERY_SLOW_MS,
    SCAN_TARGETS,
)
from analyzer.schema import DhcpOffer, DhcpRow
from analyzer.visits.model import Facts

Numbered = list[tuple[int, DhcpRow]]

FOR_AN_ADDRESS = ("lease", "reboot", "renewal")


def _rows(facts: Facts) -> Iterator[tuple[int, DhcpRow]]:
    return ((at, row) for at, row in enumerate(facts.dhcp) if row.version == 4)


def _frames(found: Numbered) -> tuple[int, ...]:
    return tuple(frame for _, row in found for frame in row.frames)


def _who(row: DhcpRow) -> str | None:
    """Return how a client is called: its name, else its hardware address."""
    return row.client_name or row.client_mac


def _later(facts: Facts, found: Numbered) -> DhcpRow | None:
    """Return the lease that the same client got soon after, if it got one."""
    last = found[-1][1]
    end = (last.last_time or last.start_time) + DHCP_LATER_NS
    return next(
        (
            row
            for row in facts.dhcp[found[-1][0] + 1 :]
            if row.version == 4
            and row.client_mac == last.client_mac
            and row.outcome == "bound"
            and row.start_time <= end
        ),
        None,
    )


def _near(facts: Facts, row: DhcpRow, macs: set[str]) -> bool:
    """Return whether a client's unicast traffic is in the capture, or it is the only one that is heard at all."""
    if row.client_mac in macs:
        return True
    alone = not len(facts.connections) and not facts.capture.gateways
    alone = alone and all(other.client_mac == row.client_mac for other in facts.dhcp)
    return alone and not any(other.outcome == "answered" for other in facts.arp)


def no_answer(facts: Facts) -> Iterator[Hit]:
    """A client asked again and again, and no server answered; one finding for each client.

    Many clients are one finding: the server is down, or somebody wears it out. One that is not heard, or that was given
    a lease soon after, is a note; and so is one of which only the broadcasts are: it is a stranger in this capture, and
    may have its address from elsewhere (PPPoE). An address in another network than the one that was lost breaks all
    that the client had open, which is a warning.
    """
    silent = [
        (at, row)
        for at, row in _rows(facts)
        if row.outcome == "no_answer" and row.kind in FOR_AN_ADDRESS and row.attempts >= DHCP_ATTEMPTS
    ]
    if not silent:
        return
    macs = heard_macs(facts, heard(facts)) | reached(facts, 1)
    macs -= {gateway.mac for gateway in facts.capture.gateways}
    clients = grouped((row.client_mac, (at, row)) for at, row in silent)
    if len(clients) > SCAN_TARGETS:
        there = any(row.broadcast or _near(facts, row, macs) for _, row in silent)
        args: dict[str, object] = {"clients": len(clients), "attempts": sum(row.attempts for _, row in silent)}
        yield Hit(args, _frames(silent), "dhcp", silent[0][0], severity="warning" if there else "note", variant="many")
        return
    for mac, repeated in clients.items():
        found = _with_rebinding(facts, repeated)
        rows = [row for _, row in found]
        start, end = rows[0].start_time, rows[-1].last_time or rows[-1].start_time
        then = _later(facts, found)
        near = _near(facts, rows[0], macs)
        there = near or rows[0].broadcast
        renewing = all(row.kind == "renewal" for row in rows)
        moved = renewing and then is not None and _elsewhere(rows[0].requested_address, then)
        args = {
            "client": _who(rows[0]),
            "client_mac": mac,
            "attempts": sum(row.attempts for row in rows),
            "waited_ms": (end - start) / 1e6,
            "address": rows[0].requested_address,
            "server": rows[0].server,
            "new_address": None if then is None else then.address,
        }
        yield Hit(
            args,
            _frames(found),
            "dhcp",
            found[0][0],
            severity="note" if not near or (then is not None and not moved) else "warning" if renewing else None,
            blame=None if there else "capture",
            cost_ms=args["waited_ms"] if then is not None else None,  # type: ignore[arg-type]
            variant="moved"
            if moved
            else "later"
            if then is not None
            else "unheard"
            if not there
            else "renewal"
            if renewing
            else None,
        )


def _with_rebinding(facts: Facts, found: Numbered) -> Numbered:
    """Add what a client that could not renew its lease asked everybody at last (RFC 2131 section 4.4.5)."""
    at, last = found[-1]
    if last.kind != "renewal":
        return found
    end = (last.last_time or last.start_time) + DHCP_LATER_NS
    more = [
        (number, row)
        for number, row in enumerate(facts.dhcp[at + 1 :], at + 1)
        if row.client_mac == last.client_mac
        and row.requested_address == last.requested_address
        and (row.version, row.kind, row.outcome) == (4, "renewal", "no_answer")
        and row.start_time <= end
    ]
    return [*found, *more]


def _elsewhere(address: str | None, then: DhcpRow) -> bool:
    """Return whether a lease is for another network than an address is of."""
    if address is None or then.address is None or then.subnet_mask is None:
        return False
    try:
        return ip_address(address) not in ip_network(f"{then.address}/{then.subnet_mask}", strict=False)
    except ValueError:  # a mask with holes
        return False


def refused(facts: Facts) -> Iterator[Hit]:
    """A server said no; one finding for each client, or for each server that refuses many.

    A client that comes from another network is refused its old address and gets a new one at once: a note. So is a
    refusal whose request was not recorded, since what came of it was not, either.
    """
    found = [(at, row) for at, row in _rows(facts) if row.outcome == "refused"]
    clients = grouped((row.client_mac, (at, row)) for at, row in found)
    if len(clients) > SCAN_TARGETS:
        servers = list(dict.fromkeys(row.server for _, row in found if row.server))
        yield Hit({"clients": len(clients), "server": servers}, _frames(found), "dhcp", found[0][0], variant="many")
        return
    for mac, rows in clients.items():
        row = rows[-1][1]
        then = _later(facts, rows)
        unseen = all(one.request_frame is None and one.discover_frame is None for _, one in rows)
        args: dict[str, object] = {
            "client": _who(row),
            "client_mac": mac,
            "server": row.server,
            "address": row.requested_address,
            "reason": row.server_message,
            "new_address": None if then is None else then.address,
            "count": len(rows),
        }
        yield Hit(
            args,
            _frames(rows),
            "dhcp",
            rows[0][0],
            severity="note" if then is not None or unseen else None,
            variant="again" if then is not None else "unseen" if unseen else None,
        )


def servers(facts: Facts) -> Iterator[Hit]:
    """Two servers offer one client different networks, gateways or resolvers; one finding for each pair of servers.

    Different addresses of one network are how servers share the work. But servers that do keep quiet when a client
    chooses the other one's offer: a refusal of it proves that they do not know of each other.
    """
    seen: set[frozenset[str | None]] = set()
    for at, row in _rows(facts):
        offers = {offer.server: offer for offer in reversed(row.offers) if offer.server}
        for name, offer in offers.items():
            other = row.offers[0]
            pair = frozenset((name, other.server))
            what = _differs(other, offer)
            if len(pair) < 2 or not what or pair in seen:
                continue
            seen.add(pair)
            args: dict[str, object] = {
                "client": _who(row),
                "first": other.server,
                "second": name,
                "what": what,
                "first_offer": _told(other),
                "second_offer": _told(offer),
            }
            yield Hit(args, (other.frame, offer.frame), "dhcp", at)
    for (chosen, refusing), found in _refused_choices(facts).items():
        if frozenset((chosen, refusing)) not in seen:
            seen.add(frozenset((chosen, refusing)))
            yield _refuses(facts, chosen, refusing, found)


def _refused_choices(facts: Facts) -> dict[tuple[str, str], Numbered]:
    """Return the clients that one server refused what another one had offered them, by (that one, the refusing one)."""
    out: dict[tuple[str, str], Numbered] = {}
    for at, row in _rows(facts):
        if row.outcome != "refused" or row.server is None or row.request_frame is None:
            continue
        by = {offer.server for offer in row.offers if offer.address == row.requested_address and offer.server}
        if by and row.server not in by:
            out.setdefault((min(by), row.server), []).append((at, row))
    return out


def _refuses(facts: Facts, chosen: str, refusing: str, found: Numbered) -> Hit:
    at, row = found[0]
    told = {offer.server: offer for one in reversed(facts.dhcp) for offer in reversed(one.offers) if one.version == 4}
    args: dict[str, object] = {
        "client": _who(row),
        "first": chosen,
        "second": refusing,
        "address": row.requested_address,
        "count": len(found),
    }
    proof: list[int | None] = [told[server].frame for server in (chosen, refusing) if server in told]
    proof += [offer.frame for offer in row.offers]
    for _, one in found:
        proof += [one.request_frame, one.answer_frame]
    return Hit(args, tuple(proof), "dhcp", at, variant="refusing")


def _network(offer: DhcpOffer) -> str | None:
    if offer.address is None or offer.subnet_mask is None:
        return None
    try:
        return str(ip_network(f"{offer.address}/{offer.subnet_mask}", strict=False))
    except ValueError:  # a mask with holes
        return None


def _differs(one: DhcpOffer, other: DhcpOffer) -> list[str]:
    """Name what two offers contradict each other in; what one of them leaves out is no contradiction."""
    pairs = (
        ("network", _network(one), _network(other)),
        ("gateway", frozenset(one.routers), frozenset(other.routers)),
        ("resolvers", frozenset(one.resolvers), frozenset(other.resolvers)),
    )
    return [name for name, first, second in pairs if first and second and first != second]


def _told(offer: DhcpOffer) -> list[str]:
    return [part for part in (offer.address, *offer.routers, *offer.resolvers) if part]


def slow(facts: Facts) -> Iterator[Hit]:
    """An address that took long to get; one finding for each client."""
    late = [
        (at, row)
        for at, row in _rows(facts)
        if row.outcome == "bound"
        and row.kind in ("lease", "reboot")
        and row.latency_ms is not None
        and row.latency_ms >= DHCP_SLOW_MS
    ]
    for _, found in grouped((row.client_mac, (at, row)) for at, row in late).items():
        worst = most(row.latency_ms for _, row in found)
        at, row = next((at, row) for at, row in found if row.latency_ms == worst)
        args: dict[str, object] = {
            "client": _who(row),
            "server": row.server,
            "address": row.address,
            "latency_ms": worst,
            "attempts": row.attempts,
        }
        severity = "warning" if worst is not None and worst >= DHCP_VERY_SLOW_MS else None
        yield Hit(args, _frames([(at, row)]), "dhcp", at, cost_ms=worst, severity=severity)


def declined(facts: Facts) -> Iterator[Hit]:
    """A client gave an address back because somebody else uses it (RFC 2131 section 3.1, step 5)."""
    found = [(at, row) for at, row in _rows(facts) if row.kind == "decline"]
    for (mac, address), rows in grouped(
        ((row.client_mac, row.requested_address), (at, row)) for at, row in found
    ).items():
        row = rows[0][1]
        args: dict[str, object] = {"client": _who(row), "client_mac": mac, "address": address, "server": row.server}
        yield Hit(args, _frames(rows), "dhcp", rows[0][0])


RULES: tuple[Rule, ...] = (
    Rule(
        "DHCP-NO-ANSWER",
        "error",
        "dhcp",
        "network",
        "RFC 2131 section 4.1",
        no_answer,
        ("DHCP_ATTEMPTS", "DHCP_LATER_NS", "SCAN_TARGETS"),
    ),
    Rule(
        "DHCP-REFUSED",
        "warning",
        "dhcp",
        "server",
        "RFC 2131 section 4.3.2",
        refused,
        ("DHCP_LATER_NS", "SCAN_TARGETS"),
    ),
    Rule("DHCP-SERVERS", "warning", "dhcp", "network", "RFC 2131 section 3.1", servers),
    Rule("DHCP-DECLINED", "warning", "dhcp", "network", "RFC 2131 section 4.4.4", declined),
    Rule(
        "DHCP-SLOW",
        "note",
        "dhcp",
        "server",
        "RFC 2131 section 4.1",
        slow,
        ("DHCP_SLOW_MS", "DHCP_VERY_SLOW_MS"),
        timed=True,
    ),
)
