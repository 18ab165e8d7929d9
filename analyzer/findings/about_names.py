"""What the findings about names (DNS) share: the rows they look at, who waits for a name, a hit about several rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from analyzer.findings.model import Hit, most, worst
from analyzer.protocols.dns.table import chosen, one_of
from analyzer.schema import DnsRow
from analyzer.visits.attempts import MAX_LABELS
from analyzer.visits.model import Facts

ADDRESS_TYPES = ("A", "AAAA", "ANY", "CNAME")
"""Questions somebody waits for with a page or a connection behind it."""
UNASKED_LABELS = ("wpad", "isatap", "localhost", "local")
"""First labels that systems ask for on their own."""
UNICAST = ("udp", "tcp")
GOOD = ("NOERROR", None)

Found = list[tuple[int, DnsRow]]


def rows_of(facts: Facts, wanted: NDArray[np.bool_]) -> Found:
    """Return the wanted ones of the unicast DNS rows, with their numbers.

    Args:
        wanted: (n,) for every row of the table; made from columns, it is quick to pass over a hundred thousand lookups
            that are as they should be.
    """
    return chosen(facts.dns, wanted & one_of(facts.dns, "transport", UNICAST))


def ended(facts: Facts, outcome: str) -> NDArray[np.bool_]:
    """Return (n,) which rows of the table have an outcome."""
    return one_of(facts.dns, "outcome", (outcome,))


def prefixes(name: str) -> Iterator[str]:
    """Give the shorter names that a search list could have made this one from: a.b of a.b.corp.example."""
    labels = name.split(".")
    return (".".join(labels[:count]) for count in range(min(len(labels) - 1, MAX_LABELS), 0, -1))


def background(row: DnsRow) -> bool:
    """Say whether nobody waits for this name.

    Those who ask without wanting recursion, or ask a server that only knows its own zone, are resolvers and tools:
    most names they ask for do not exist.
    """
    if not row.flags.rd or (row.rcode == "NXDOMAIN" and row.flags.aa and not row.flags.ra):
        return True
    labels = row.qname.split(".")
    if row.qtype not in (*ADDRESS_TYPES, "MX", "TXT", "NS", "HTTPS", "SVCB", "CAA") or labels[-1] in ("arpa", "local"):
        return True
    return len(labels) == 1 or labels[0] in UNASKED_LABELS or any(label.startswith("_") for label in labels)


def frames_of(found: Found) -> tuple[int | None, ...]:
    """Return the frames of the queries and the first answers of several rows."""
    return tuple(frame for _, row in found for frame in (*row.query_frames, row.response_frame))


def one_or_all(values: list[str]) -> object:
    """Return the one value that all have, else a list of the different ones."""
    distinct = list(dict.fromkeys(values))
    return distinct[0] if len(distinct) == 1 else distinct


def hit(found: Found, severity: str | None, blame: str | None = None, **more: object) -> Hit:
    """Draw one finding from the rows of one client and name."""
    at, row = found[0]
    cost = most(row.latency_ms for _, row in found)
    args: dict[str, object] = {
        "name": row.qname,
        "qtype": one_or_all([row.qtype for _, row in found]),
        "server": one_or_all([row.server for _, row in found]),
        "client": row.client,
        "rcode": row.rcode,
        "attempts": sum(max(row.attempts, 1) for _, row in found),
        "latency_ms": cost,
        **more,
    }
    return Hit(args, frames_of(found), "dns", at, row.stream, cost, severity=severity, blame=blame)


def milder(severities: list[str | None], default: str) -> str | None:
    """Return the worst severity of several rows, None where that is the rule's own."""
    return worst(severity or default for severity in severities)
