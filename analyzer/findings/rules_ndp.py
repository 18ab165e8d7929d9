"""Findings about IPv6 neighbours: nobody answers, an address is taken or contested, several routers call."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer.findings.model import Hit, Rule, grouped
from analyzer.findings.neighbours import (
    SHARED_MACS,
    Claim,
    addresses_taken,
    claims,
    evidence,
    frames,
    heard,
    heard_macs,
    moved,
    owners,
    taken,
)
from analyzer.findings.thresholds import ARP_ATTEMPTS, NDP_ANNOUNCED_NS, SCAN_TARGETS
from analyzer.visits.model import Facts


def unanswered(facts: Facts) -> Iterator[Hit]:
    """Repeated questions for neighbours that nobody answered; one finding for each asker. As for ARP, one who asks for
    many absent hosts is looking for hosts, and of one who is not heard the answers would not be, either (notes).
    """
    silent = [
        (at, row)
        for at, row in enumerate(facts.ndp)
        if row.kind == "solicitation" and row.outcome == "unanswered" and row.attempts >= ARP_ATTEMPTS
    ]
    if not silent:
        return
    there = heard(facts)
    macs = heard_macs(facts, there)
    # A host has several IPv6 addresses and asks with one or another.
    hosts = grouped(((row.asker_mac or row.asker_ip, row.vlan), (at, row)) for at, row in silent)
    for (mac, _), found in hosts.items():
        rows = [row for _, row in found]
        targets = sorted({row.target_ip or "?" for row in rows})
        askers = list(dict.fromkeys(row.asker_ip for row in rows))
        is_heard = mac in macs or any(asker in there for asker in askers)
        args: dict[str, object] = {
            "target_ip": targets[0] if len(targets) == 1 else targets,
            "asker_ip": askers[0] if len(askers) == 1 else askers,
            "attempts": sum(row.attempts for row in rows),
        }
        yield Hit(
            args,
            frames(rows),
            "ndp",
            found[0][0],
            severity=None if is_heard and len(targets) <= SCAN_TARGETS else "note",
            blame=None if is_heard else "capture",
            variant=None if is_heard else "unheard",
        )


def address_taken(facts: Facts) -> Iterator[Hit]:
    """A host asked whether an address is free, and it is not (RFC 4862 section 5.4)."""
    return addresses_taken(facts.ndp, "ndp")


def conflict(facts: Facts) -> Iterator[Hit]:
    """Several hardware addresses claiming one IPv6 address; one finding for each address.

    One after the other is a moved address (a note), unless the new owner goes on to claim it unasked. Addresses that
    routers share on purpose are left out, and so are those that a probe found taken, which NDP-ADDRESS-TAKEN says.
    """
    told = {(row.vlan, row.target_ip) for row in facts.ndp if taken(row)}
    contested = {
        (row.vlan, row.target_ip)
        for row in facts.ndp
        if row.conflict is not None and row.target_ip and row.kind != "probe" and (row.vlan, row.target_ip) not in told
    }
    if not contested:
        return
    for (_, address), found in sorted(claims(facts.ndp, contested).items(), key=lambda item: item[1][:1]):
        macs = owners(found)
        if len(macs) < 2 or any(mac.startswith(SHARED_MACS) for mac in macs):
            continue
        one_by_one = moved(found) and not _insists(facts, found)
        yield Hit(
            {"target_ip": address, "macs": macs, "first": macs[0], "last": macs[-1]},
            evidence(found),
            "ndp",
            found[0].row,
            severity="note" if one_by_one else None,
            variant="moved" if one_by_one else None,
        )


def _insists(facts: Facts, found: list[Claim]) -> bool:
    """Return whether the last owner claims an address unasked for longer than who moved it does."""
    times = [c.time for c in found if c.mac == found[-1].mac and facts.ndp[c.row].kind == "unsolicited"]
    return bool(times) and times[-1] - times[0] > NDP_ANNOUNCED_NS


def routers(facts: Facts) -> Iterator[Hit]:
    """Several routers offer themselves as the way out; one finding for each network."""
    calls = []
    for at, row in enumerate(facts.ndp):
        router = row.asker_ip if row.kind == "router_advertisement" else row.answer_ip
        if row.kind.startswith("router_") and row.outcome_why is None and row.lifetime_s and router:
            calls.append((row.vlan, (at, router, row)))
    for found in grouped(calls).values():
        names = list(dict.fromkeys(router for _, router, _ in found))
        if len(names) < 2:
            continue
        first = {router: row for _, router, row in reversed(found)}
        prefixes = list(dict.fromkeys(p.prefix for _, _, row in found for p in row.prefixes))
        cited = tuple(
            row.request_frame if row.kind == "router_advertisement" else row.reply_frame for row in first.values()
        )
        yield Hit({"routers": names, "count": len(names), "prefixes": prefixes}, cited, "ndp", found[0][0])


RULES: tuple[Rule, ...] = (
    Rule(
        "NDP-ADDRESS-TAKEN",
        "error",
        "ndp",
        "network",
        "RFC 4862 section 5.4",
        address_taken,
        ("PROBE_DEFENCE_NS",),
        timed=True,
    ),
    Rule(
        "NDP-CONFLICT",
        "warning",
        "ndp",
        "network",
        "RFC 4861 section 7.2",
        conflict,
        ("MOVE_NS", "PROBE_DEFENCE_NS", "NDP_ANNOUNCED_NS"),
        timed=True,
    ),
    Rule(
        "NDP-UNANSWERED",
        "warning",
        "ndp",
        "network",
        "RFC 4861 section 7.2.2",
        unanswered,
        ("ARP_ATTEMPTS", "SCAN_TARGETS"),
    ),
    Rule("NDP-ROUTERS", "note", "ndp", "network", "RFC 4861 section 6.2", routers),
)
