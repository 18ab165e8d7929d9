"""What comparing lookups with each other needs to know of each of them, as columns.

Rows: plain lookups and others, in the order of the table. Texts are numbers here: equal text, equal number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from analyzer.protocols.dns.lifetimes import lifetime_s
from analyzer.protocols.dns.rows import AA, Exchange
from analyzer.protocols.dns.table import NONE
from analyzer.schema import DnsRow

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

Word = TypeVar("Word")

UNICAST = ("udp", "tcp")
FAILED = frozenset({"SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"})
"""Answers that say nothing about the name."""


class Words(Generic[Word]):
    """Numbers for values, in the order they are met."""

    def __init__(self) -> None:
        self.known: dict[Word, int] = {}

    def __call__(self, value: Word) -> int:
        """Return the number of a value."""
        return self.known.setdefault(value, len(self.known))

    def of(self, values: Sequence[Word]) -> Ints:
        """Return the numbers of values."""
        known = self.known
        return np.array([known.setdefault(value, len(known)) for value in values], np.int64)


@dataclass(slots=True)
class Outline:
    """Columns over n rows.

    Attributes:
        client, server, name, qtype: (n,) numbers for texts.
        said: (n,) number for what was answered about: name and type in the response.
        asked, answered: (n,) ns; was_asked, was_answered: (n,) whether there is such a time.
        unicast, failed, cut, authoritative: (n,) bool; ``cut``: TC, and no address came.
        over_tcp: (n,) asked again over TCP.
        answers: (n,) how many; lifetime: (n,) seconds that all of them may be kept; first_ttl: (n,) the least time to
            live, as it was sent, in the first response (a zone transfer has more), :data:`NONE` without answers.
        addresses: (n,) number for the tuple of addresses, :data:`NONE` without any.
    """

    client: Ints
    server: Ints
    name: Ints
    qtype: Ints
    said: Ints
    asked: Ints
    answered: Ints
    was_asked: Mask
    was_answered: Mask
    unicast: Mask
    failed: Mask
    cut: Mask
    authoritative: Mask
    over_tcp: Mask
    answers: Ints
    lifetime: Ints
    first_ttl: Ints
    addresses: Ints


@dataclass(slots=True)
class Vocabulary:
    """The numbers of texts, the same for all rows."""

    hosts: Words[str] = field(default_factory=Words)
    names: Words[str] = field(default_factory=Words)
    types: Words[str] = field(default_factory=Words)
    said: Words[tuple[str, int | None] | None] = field(default_factory=Words)
    addresses: Words[tuple[str, ...]] = field(default_factory=Words)


def of_rows(rows: Sequence[DnsRow], exchanges: Sequence[Exchange], words: Vocabulary) -> Outline:
    """Return the columns of rows that are objects."""

    def numbers(value: Callable[[DnsRow], int]) -> Ints:
        return np.array([value(row) for row in rows], np.int64)

    def mask(value: Callable[[DnsRow], object]) -> Mask:
        return np.array([bool(value(row)) for row in rows], np.bool_)

    return Outline(
        words.hosts.of([row.client for row in rows]),
        words.hosts.of([row.server for row in rows]),
        words.names.of([row.qname for row in rows]),
        words.types.of([row.qtype for row in rows]),
        words.said.of([(e.response.qname, e.response.qtype) if e.response else None for e in exchanges]),
        numbers(lambda row: row.query_time or 0),
        numbers(lambda row: row.response_time or 0),
        mask(lambda row: row.query_time is not None),
        mask(lambda row: row.response_time is not None),
        mask(lambda row: row.transport in UNICAST),
        mask(lambda row: row.rcode in FAILED),
        mask(lambda row: row.flags.tc and not row.addresses),
        np.array([e.response is None or bool(e.response.flags & AA) for e in exchanges], np.bool_),
        mask(lambda row: row.retried_over_tcp is not None),
        numbers(lambda row: len(row.answers)),
        numbers(lambda row: lifetime_s(row.answers)),
        np.array([min((answer.ttl for answer in e.answers), default=NONE) for e in exchanges], np.int64),
        numbers(lambda row: words.addresses(row.addresses) if row.addresses else NONE),
    )


def merged(one: Outline, places: Ints, other: Outline, other_places: Ints) -> Outline:
    """Put the rows of two outlines into one, each at its place."""
    if not other_places.size:
        return one
    size = places.size + other_places.size
    columns = []
    for name in Outline.__slots__:
        mine, theirs = getattr(one, name), getattr(other, name)
        column = np.zeros(size, mine.dtype)
        column[places], column[other_places] = mine, theirs
        columns.append(column)
    return Outline(*columns)


def runs(*keys: Ints) -> tuple[Ints, Mask]:
    """Sort rows by keys, in their order where those are equal.

    Returns:
        (n,) the order; (n,) whether the row at this place has the same keys as the one before it.
    """
    order = np.lexsort(keys[::-1])
    same = np.ones(order.size, np.bool_)
    same[:1] = False
    for key in keys:
        ordered = key[order]
        same[1:] &= ordered[1:] == ordered[:-1]
    return order.astype(np.int64), same


def from_copies(rows: Outline) -> Mask:
    """Return (n,) which answers came from a copy: the same server gave a higher TTL for the same question before.

    An answer with the AA bit is none.
    """
    out = np.zeros(rows.client.size, np.bool_)
    which = np.flatnonzero(~rows.authoritative & (rows.first_ttl != NONE))
    if not which.size:
        return out
    order, same = runs(rows.server[which], rows.said[which])
    which = which[order]
    ttl = rows.first_ttl[which]
    group = np.cumsum(~same)
    highest = np.maximum.accumulate((group << 33) + ttl) - (group << 33)
    out[which[1:]] = same[1:] & (ttl[1:] < highest[:-1])
    return out
