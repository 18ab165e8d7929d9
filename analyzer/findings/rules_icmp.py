"""Findings about what routers and hosts report by ICMP."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from analyzer.findings.model import Hit, Rule, grouped
from analyzer.schema import IcmpRow
from analyzer.visits.model import Facts

TIME_EXCEEDED = {4: 11, 6: 3}
UNREACHABLE = {4: 3, 6: 1}
NOT_TAKEN = {4: (2, 3), 6: (4,)}
"""Codes of "protocol" and "port unreachable": the machine was reached, no program takes what was sent."""
TOO_BIG = (4, 3, 4)
"""Version, type and code of "fragmentation needed", by which a path's size is found (RFC 1191)."""


def _version(row: IcmpRow) -> int:
    return 6 if ":" in row.source else 4


def _is_group(address: str) -> bool:
    """Say whether an address is multicast or the broadcast address."""
    try:
        return address == "255.255.255.255" or ip_address(address).is_multicast
    except ValueError:
        return False


def unreachable(facts: Facts) -> Iterator[Hit]:
    """A router or host that says packets do not arrive; one finding for each sender, destination and reason.

    A host that refuses a late DNS answer (its program had given up, or had another answer) lost nothing; the refusal
    at the end of a traceroute is what it was looking for; a router that takes no multicast, or names the size it
    takes, says so for information: notes.
    """
    answers = {f for row in facts.dns for f in (row.response_frame, *row.duplicate_frames) if f is not None}
    traced = {
        row.quoted_destination for row in facts.icmp if row.kind == "error" and row.type == TIME_EXCEEDED[_version(row)]
    }
    groups = grouped(
        ((row.source, row.quoted_destination or row.destination, row.meaning), at)
        for at, row in enumerate(facts.icmp)
        if row.kind == "error" and row.type == UNREACHABLE[_version(row)]
    )
    for (source, destination, meaning), rows in groups.items():
        found = [facts.icmp[at] for at in rows]
        late = all(row.quoted_frame in answers for row in found)
        first = found[0]
        here = source == destination and first.code in NOT_TAKEN[_version(first)]
        size = (_version(first), first.type, first.code) == TOO_BIG
        mild = late or size or (here and destination in traced) or _is_group(destination)
        args: dict[str, object] = {
            "source": source,
            "destination": destination,
            "meaning": meaning,
            "count": len(rows),
            "sender": first.destination,
        }
        yield Hit(
            args,
            tuple(row.request_frame for row in found),
            "icmp",
            rows[0],
            first.quoted_stream,
            severity="note" if mild else None,
            variant="late" if late else "too_big" if size else "refused" if here else None,
        )


RULES: tuple[Rule, ...] = (Rule("ICMP-UNREACHABLE", "warning", "icmp", "network", "RFC 792", unreachable),)
