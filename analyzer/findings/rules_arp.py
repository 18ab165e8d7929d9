"""Findings about ARP: nobody answers, more than one does, too many ask, or the gateway is another machine now."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analyzer.findings.model import Hit, Rule, grouped, most
from analyzer.findings.neighbours import (
    SHARED_MACS,
    Asker,
    Claim,
    addresses_taken,
    checks,
    claims,
    evidence,
    frames,
    heard,
    moved,
    owners,
    reached,
    scanning,
    turns,
)
from analyzer.findings.thresholds import (
    ARP_ATTEMPTS,
    ARP_SLOW_MS,
    ARP_STORM_ALL,
    ARP_STORM_ALL_SECONDS,
    ARP_STORM_ASKER,
    ARP_STORM_ASKER_SECONDS,
    ARP_STORM_REPEATS,
    PROXY_ADDRESSES,
    SCAN_TARGETS,
    TAKEN_OVER_NS,
)
from analyzer.schema import ArpRow
from analyzer.units import NS_PER_S
from analyzer.visits.model import Facts

UNASKED = ("gratuitous", "announcement", "unsolicited_reply")
Numbered = list[tuple[int, ArpRow]]


def unanswered(facts: Facts) -> Iterator[Hit]:
    """Repeated questions for hardware addresses that nobody answered; one finding for each asker.

    One who asks for many absent hosts is looking for hosts (a note), and for one whose unicast traffic is not in the
    capture the answers would not be either (a note, and the capture's fault). What ARP-SCAN says is not said twice, and
    a DHCP server's checks before an offer are to stay unanswered.
    """
    silent = [
        (at, row)
        for at, row in enumerate(facts.arp)
        if row.kind == "request" and row.outcome == "unanswered" and row.attempts >= ARP_ATTEMPTS
    ]
    if not silent:
        return
    checking = checks(facts)
    silent = [(at, row) for at, row in silent if row.attempts - len(checking(row)) >= ARP_ATTEMPTS]
    there, scanners = heard(facts), scanning(facts.arp)
    reached_ones = reached(facts, 2) - {gateway.mac for gateway in facts.capture.gateways}
    for (asker, _), found in grouped(((row.asker_ip, row.vlan), (at, row)) for at, row in silent).items():
        rows = [row for _, row in found]
        if (rows[0].asker_mac, rows[0].vlan) in scanners:
            continue
        targets = sorted({row.target_ip or "?" for row in rows})
        is_heard = asker in there or rows[0].asker_mac in reached_ones
        args: dict[str, object] = {
            "target_ip": targets[0] if len(targets) == 1 else targets,
            "asker_ip": asker,
            "attempts": sum(row.attempts for row in rows),
        }
        yield Hit(
            args,
            frames(rows),
            "arp",
            found[0][0],
            severity=None if is_heard and len(targets) <= SCAN_TARGETS else "note",
            blame=None if is_heard else "capture",
            variant=None if is_heard else "unheard",
        )


def conflict(facts: Facts) -> Iterator[Hit]:
    """Several hardware addresses claiming one IP address; one finding for each address.

    Where the claims alternate, or follow each other within a second, both are there. Where one ends before the other
    begins the address moved, which is a note (of a gateway's, ARP-GATEWAY-CHANGED says it). Addresses that routers
    share on purpose are left out; a machine that answers for many addresses may do so for others (proxy ARP, RFC
    1027), which makes it a warning.
    """
    contested: set[tuple[int | None, str]] = set()
    for row in facts.arp:
        if row.conflict is not None:
            contested.update((row.vlan, ip) for ip in (row.target_ip, row.asker_ip) if ip)
    if not contested:
        return
    answers: dict[str, set[str]] = {}
    for row in facts.arp:
        if row.answer_mac is not None and row.target_ip is not None:
            answers.setdefault(row.answer_mac, set()).add(row.target_ip)
    gateways = {address for address, _ in _gateway_changes(facts)}
    for (_, address), found in sorted(claims(facts.arp, contested).items(), key=lambda item: item[1][:1]):
        macs = owners(found)
        if len(macs) < 2 or address == "0.0.0.0" or any(mac.startswith(SHARED_MACS) for mac in macs):
            continue
        one_by_one = moved(found)
        if one_by_one and address in gateways:
            continue
        proxy = any(len(answers.get(mac, ())) >= PROXY_ADDRESSES for mac in macs)
        yield Hit(
            {"target_ip": address, "macs": macs, "first": macs[0], "last": macs[-1]},
            evidence(found),
            "arp",
            found[0].row,
            severity="note" if one_by_one else "warning" if proxy else None,
            variant="moved" if one_by_one else None,
        )


def _gateway_changes(facts: Facts) -> Iterator[tuple[str, list[Claim]]]:
    """Yield (IP, claims) of each gateway whose hardware address changed between packets that it was handed."""
    known = [gateway for gateway in facts.capture.gateways if gateway.version == 4 and gateway.ip is not None]
    addresses = {gateway.ip for gateway in known}
    if not addresses:
        return
    keys = {(row.vlan, ip) for row in facts.arp for ip in (row.asker_ip, row.target_ip) if ip and ip in addresses}
    for (_, address), found in sorted(claims(facts.arp, keys).items(), key=lambda item: item[1][:1]):
        macs = owners(found)
        if len(macs) < 2 or any(mac.startswith(SHARED_MACS) for mac in macs):
            continue
        used = [gateway for gateway in facts.capture.gateways if gateway.ip == address or gateway.mac in macs]
        start, end = min(g.first_time for g in used), max(g.last_time for g in used)
        if any(start <= after.time <= end for _, after in turns(found)):
            yield address, found


def gateway_changed(facts: Facts) -> Iterator[Hit]:
    """The gateway's address belongs to other hardware than before, while packets were handed to it.

    Where it goes back and forth there are two who claim it at once, which is said in other words.
    """
    yield from _taken_over(facts)
    for address, found in _gateway_changes(facts):
        macs = owners(found)
        handed = {g.mac: g for g in facts.capture.gateways if g.mac in macs and g.version == 4}
        users = list(dict.fromkeys(host for g in handed.values() for host in g.hosts))
        packets = [frame for g in handed.values() for frame in (g.frames[0], g.frames[-1])]
        args: dict[str, object] = {
            "ip": address,
            "first": macs[0],
            "last": macs[-1],
            "macs": macs,
            "hosts": users,
            "packets": sum(g.packets for mac, g in handed.items() if mac != macs[0]),
        }
        contested = len(turns(found)) >= len(macs)
        proof = (*evidence(found), *packets)
        yield Hit(args, proof, "arp", found[0].row, variant="contested" if contested else None)


def _taken_over(facts: Facts) -> Iterator[Hit]:
    """Gateways whose former hardware address never spoke by ARP, but packets between the same hosts went there before.

    What the new one says unasked, just before it is handed them, tells whose place it takes.
    """
    by_mac = {gateway.mac: gateway for gateway in facts.capture.gateways if gateway.version == 4}
    for new in by_mac.values():
        old = by_mac.get(new.took_over or "")
        if old is None or any(gateway.mac.startswith(SHARED_MACS) for gateway in (old, new)):
            continue
        keys = {(row.vlan, row.target_ip) for row in facts.arp if row.kind in UNASKED and row.target_ip}
        for (_, address), found in claims(facts.arp, keys).items():
            unasked = [claim for claim in found if facts.arp[claim.row].kind in UNASKED]
            last = next((claim for claim in reversed(unasked) if claim.time <= new.first_time), None)
            earliest = max(old.first_time, new.first_time - TAKEN_OVER_NS)
            if last is None or last.time < earliest or owners(found) != [new.mac] or (old.ip or address) != address:
                continue
            args: dict[str, object] = {
                "ip": address,
                "first": old.mac,
                "last": new.mac,
                "macs": [old.mac, new.mac],
                "hosts": list(new.hosts),
                "packets": new.packets,
            }
            proof = (old.frames[0], old.frames[-1], last.frame, new.frames[0], new.frames[-1])
            yield Hit(args, proof, "arp", last.row)


def address_taken(facts: Facts) -> Iterator[Hit]:
    """A host asked whether an address is free, and it is not (RFC 5227 section 2.1.1)."""
    return addresses_taken(facts.arp, "arp")


def slow(facts: Facts) -> Iterator[Hit]:
    """Answers that came late; one finding for each asker and target.

    Not where the first question was a DHCP server's check before an offer: nobody had the address yet.
    """
    late = [
        (at, row)
        for at, row in enumerate(facts.arp)
        if row.kind == "request" and row.latency_ms is not None and row.latency_ms >= ARP_SLOW_MS
    ]
    if not late:
        return
    checking = checks(facts)
    late = [(at, row) for at, row in late if not checking(row)]
    for (asker, target), found in grouped(((row.asker_ip, row.target_ip), (at, row)) for at, row in late).items():
        rows = [row for _, row in found]
        worst = most(row.latency_ms for row in rows)
        args: dict[str, object] = {
            "asker_ip": asker,
            "target_ip": target,
            "latency_ms": worst,
            "attempts": max(row.attempts for row in rows),
            "count": len(rows),
        }
        retried = any(row.attempts > 1 for row in rows)
        yield Hit(args, frames(rows), "arp", found[0][0], cost_ms=worst, variant="retry" if retried else None)


def _askers(facts: Facts) -> dict[Asker, Numbered]:
    """Return the rows of each asker that broadcasts; those of one question repeated and answered count, too."""
    return grouped(
        ((row.asker_mac, row.vlan), (at, row))
        for at, row in enumerate(facts.arp)
        if row.request_time is not None and row.outcome != "malformed"
    )


def scan(facts: Facts) -> Iterator[Hit]:
    """One asker goes through many addresses; one finding for each asker. Where it is a storm, that is said."""
    scanners = scanning(facts.arp)
    storming = {asker for asker, _, _ in _storms(facts)} if scanners else set()
    for asker, found in scanners.items():
        if asker in storming:
            continue
        rows = [row for _, row in found]
        args: dict[str, object] = {
            "asker_ip": rows[0].asker_ip,
            "asker_mac": asker[0],
            "targets": len({row.target_ip for row in rows}),
            "answered": len({row.target_ip for row in rows if row.outcome == "answered"}),
        }
        yield Hit(args, frames(rows), "arp", found[0][0])


def _times(found: Numbered) -> NDArray[np.int64]:
    """Return when the requests of some rows were sent; those between the first and the last spread evenly."""
    once = [row.request_time or 0 for _, row in found if row.attempts < 2]
    parts = [
        np.linspace(row.request_time or 0, row.last_request_time or 0, row.attempts).astype(np.int64)
        for _, row in found
        if row.attempts > 1
    ]
    return np.sort(np.concatenate((np.array(once, np.int64), *parts)))


def _longest(times: NDArray[np.int64], rate: int) -> tuple[int, int]:
    """Return (seconds, requests in them) of the longest run of seconds with at least ``rate`` requests each."""
    if times.size < rate:
        return 0, 0
    seconds = (times - times[0]) // NS_PER_S
    busy, count = np.unique(seconds, return_counts=True)
    busy, count = busy[count >= rate], count[count >= rate]
    if not busy.size:
        return 0, 0
    starts = np.flatnonzero(np.diff(busy, prepend=busy[0] - 2) > 1)
    lengths = np.diff(np.append(starts, busy.size))
    at = int(lengths.argmax())
    return int(lengths[at]), int(count[starts[at] : starts[at] + lengths[at]].sum())


def _storms(facts: Facts) -> list[tuple[Asker, tuple[int, int], Numbered]]:
    """Return (asker, (seconds, requests), rows) of each storm; MAC None where many make it together."""
    out, everybody = [], []
    for asker, found in _askers(facts).items():
        everybody += found
        if sum(row.attempts for _, row in found) < ARP_STORM_ASKER * ARP_STORM_ASKER_SECONDS:
            continue
        longest = _longest(_times(found), ARP_STORM_ASKER)
        if longest[0] >= ARP_STORM_ASKER_SECONDS:
            out.append((asker, longest, found))
    for vlan, found in grouped((row.vlan, (at, row)) for at, row in everybody).items():
        longest = _longest(_times(found), ARP_STORM_ALL)
        if longest[0] >= ARP_STORM_ALL_SECONDS and not any(asker[1] == vlan for asker, _, _ in out):
            out.append(((None, vlan), longest, found))
    return out


def storm(facts: Facts) -> Iterator[Hit]:
    """More broadcasts than a network takes, for seconds on end.

    Where one asker goes through many addresses it is mostly a router whose hosts are scanned from outside: a note.
    """
    for (mac, _), (seconds, count), found in _storms(facts):
        rows = [row for _, row in found]
        targets = len({row.target_ip for row in rows})
        many = mac is not None and sum(row.attempts for row in rows) < ARP_STORM_REPEATS * targets
        args: dict[str, object] = {
            "asker_mac": mac,
            "asker_ip": rows[0].asker_ip if mac is not None else None,
            "seconds": seconds,
            "requests": count,
            "rate": round(count / seconds),
            "askers": len({row.asker_mac for row in rows}),
            "targets": targets,
        }
        yield Hit(
            args,
            frames(rows),
            "arp",
            found[0][0],
            severity="note" if many else None,
            variant="many" if many else None if mac is not None else "all",
        )


RULES: tuple[Rule, ...] = (
    Rule("ARP-CONFLICT", "error", "arp", "network", "RFC 5227", conflict, ("MOVE_NS", "PROXY_ADDRESSES"), timed=True),
    Rule(
        "ARP-ADDRESS-TAKEN",
        "error",
        "arp",
        "network",
        "RFC 5227 section 2.1.1",
        address_taken,
        ("PROBE_DEFENCE_NS",),
        timed=True,
    ),
    Rule(
        "ARP-GATEWAY-CHANGED", "warning", "arp", "network", "RFC 826", gateway_changed, ("TAKEN_OVER_NS",), timed=True
    ),
    Rule("ARP-UNANSWERED", "warning", "arp", "network", "RFC 826", unanswered, ("ARP_ATTEMPTS", "SCAN_TARGETS")),
    Rule(
        "ARP-STORM",
        "warning",
        "arp",
        "network",
        "RFC 826",
        storm,
        ("ARP_STORM_ASKER", "ARP_STORM_ASKER_SECONDS", "ARP_STORM_ALL", "ARP_STORM_ALL_SECONDS", "ARP_STORM_REPEATS"),
        timed=True,
    ),
    Rule("ARP-SCAN", "note", "arp", "client", "RFC 826", scan, ("ARP_SCAN_TARGETS", "ARP_SCAN_NS"), timed=True),
    Rule("ARP-SLOW", "note", "arp", "network", "RFC 826", slow, ("ARP_SLOW_MS",), timed=True),
)
