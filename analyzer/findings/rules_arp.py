"""Findings about ARP: nobody answers, or more than one does.

On a switched network a recorder hears everybody's broadcast requests but not the unicast replies to others. So an
unanswered request means something only for a host whose unicast traffic the capture shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from analyzer.findings.model import Hit, Rule, grouped
from analyzer.findings.thresholds import ARP_ATTEMPTS, MOVE_NS, PROXY_ADDRESSES, SCAN_TARGETS
from analyzer.schema import ArpRow
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


def _frames(rows: list[ArpRow]) -> tuple[int | None, ...]:
    return tuple(frame for row in rows for frame in (*row.request_frames, row.reply_frame))


def _heard(facts: Facts) -> set[str]:
    """Return the addresses whose unicast traffic is in the capture: what they begin, or with more than one other.

    A host seen with one other only may be a neighbour of the recorder, whose dealings with the rest are not seen.
    """
    c = facts.connections
    heard = {c.host(host) for host in set(c.client_host.tolist())}
    heard.update(row.client for row in facts.dns if row.transport in ("udp", "tcp"))
    heard.update(row.source for row in facts.icmp if row.kind == "echo")
    others: dict[str, set[str]] = {}
    pairs = {(int(a), int(b)) for a, b in zip(c.client_host.tolist(), c.server_host.tolist(), strict=True)}
    for client, server in pairs:
        others.setdefault(c.host(server), set()).add(c.host(client))
    for row in facts.arp:
        if row.outcome == "answered" and row.asker_ip and row.target_ip:
            others.setdefault(row.asker_ip, set()).add(row.target_ip)
            others.setdefault(row.target_ip, set()).add(row.asker_ip)
    return heard | {address for address, them in others.items() if len(them) > 1}


def unanswered(facts: Facts) -> Iterator[Hit]:
    """Repeated questions for hardware addresses that nobody answered; one finding for each asker.

    One who asks for many absent hosts is looking for hosts (a note), and for one whose unicast traffic is not in the
    capture the answers would not be either (a note, and the capture's fault).
    """
    silent = [
        (at, row)
        for at, row in enumerate(facts.arp)
        if row.kind == "request" and row.outcome == "unanswered" and row.attempts >= ARP_ATTEMPTS
    ]
    if not silent:
        return
    heard = _heard(facts)
    for (asker, _), found in grouped(((row.asker_ip, row.vlan), (at, row)) for at, row in silent).items():
        rows = [row for _, row in found]
        targets = sorted({row.target_ip or "?" for row in rows})
        there = asker in heard
        args: dict[str, object] = {
            "target_ip": targets[0] if len(targets) == 1 else targets,
            "asker_ip": asker,
            "attempts": sum(row.attempts for row in rows),
        }
        yield Hit(
            args,
            _frames(rows),
            "arp",
            found[0][0],
            severity=None if there and len(targets) <= SCAN_TARGETS else "note",
            blame=None if there else "capture",
            variant=None if there else "unheard",
        )


Claim = tuple[int, str, int]
"""When, by which MAC, in which row of the arp table."""


def _claims(facts: Facts, addresses: set[tuple[int | None, str]]) -> dict[tuple[int | None, str], list[Claim]]:
    """Return who claimed each of these (VLAN, address), in order of time."""
    out: dict[tuple[int | None, str], list[Claim]] = {key: [] for key in addresses}
    for at, row in enumerate(facts.arp):
        sides = ((row.request_time, row.asker_mac, row.asker_ip), (row.reply_time, row.answer_mac, row.target_ip))
        for when, mac, address in sides:
            if when is not None and mac is not None and address is not None and (row.vlan, address) in out:
                out[row.vlan, address].append((when, mac, at))
    for claims in out.values():
        claims.sort()
    return out


def conflict(facts: Facts) -> Iterator[Hit]:
    """Several hardware addresses claiming one IP address; one finding for each address.

    Where the claims alternate, or follow each other within a second, both are there. Where one ends before the other
    begins the address moved, which is a note. Addresses that routers share on purpose are left out; a machine that
    answers for many addresses may do so for others (proxy ARP, RFC 1027), which makes it a warning.
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
    for (_, address), claims in sorted(_claims(facts, contested).items(), key=lambda item: item[1][:1]):
        macs = list(dict.fromkeys(mac for _, mac, _ in claims))
        if len(macs) < 2 or address == "0.0.0.0" or any(mac.startswith(SHARED_MACS) for mac in macs):
            continue
        turns = [(a, b) for a, b in pairwise(claims) if a[1] != b[1]]
        moved = len(turns) < len(macs) and all(b[0] - a[0] > MOVE_NS for a, b in turns)
        proxy = any(len(answers.get(mac, ())) >= PROXY_ADDRESSES for mac in macs)
        # The evidence: the claims on both sides of each change, the first and the last.
        cited = [claims[0], *(claim for turn in turns for claim in turn), claims[-1]]
        frames = tuple(_claim_frame(facts.arp[at], mac, address) for _, mac, at in cited)
        args: dict[str, object] = {"target_ip": address, "macs": macs, "first": macs[0], "last": macs[-1]}
        yield Hit(
            args,
            frames,
            "arp",
            claims[0][2],
            severity="note" if moved else "warning" if proxy else None,
            variant="moved" if moved else None,
        )


def _claim_frame(row: ArpRow, mac: str, address: str) -> int | None:
    """Return the frame in which a MAC claimed an address."""
    replied = row.answer_mac == mac and row.target_ip == address and row.reply_frame is not None
    return row.reply_frame if replied else row.request_frame


RULES: tuple[Rule, ...] = (
    Rule("ARP-CONFLICT", "error", "arp", "network", "RFC 5227", conflict),
    Rule("ARP-UNANSWERED", "warning", "arp", "network", "RFC 826", unanswered),
)
