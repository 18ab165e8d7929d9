"""Puts the ``dns`` table together: plain lookups as columns, the others as rows, and what shows when they are compared.

Rules: rows are in the order of their first frames. Times to live, retries, races, rotations and resolvers' walks are
found over all rows, whatever way each was read.

Source: RFC 7766 section 5 (a cut answer is asked for again over TCP).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import chain

import numpy as np

from analyzer.protocols.dns import together, walk
from analyzer.protocols.dns.names import to_unicode
from analyzer.protocols.dns.outline import FAILED, Outline, Vocabulary, Words, from_copies, merged, of_rows
from analyzer.protocols.dns.plain import Plain
from analyzer.protocols.dns.rdata import ipv4_text, ipv6_text
from analyzer.protocols.dns.records import UNKNOWN
from analyzer.protocols.dns.registry import RCODES, class_name, rcode_name, type_name
from analyzer.protocols.dns.rows import AA, ALL_FLAGS, Exchange
from analyzer.protocols.dns.strings import WORD, Strings
from analyzer.protocols.dns.table import (
    NONE,
    Answers,
    Coded,
    Column,
    Constant,
    DnsRows,
    Durations,
    Ints,
    Lists,
    Numbers,
    kept,
)
from analyzer.schema import DnsRow, filled
from analyzer.units import NS_PER_S

TCP_RETRY_NS = 10 * NS_PER_S
"""A client that got a cut answer opens a connection at once, and gives up on it within seconds."""

_COMMON: dict[str, object] = {
    "transport": "udp",
    "attempts": 1,
    "outcome": "answered",
    "duplicate_responses": 0,
    "step": "recursive",
    "stream": None,
    "outcome_why": None,
    "duplicate_frames": (),
    "zone": None,
    "referral": None,
    "caused_by": None,
    "conflicting_frames": (),
    "retried_over_tcp": None,
    "opcode": "query",
}
"""What all plain lookups have in common."""


def table(exchanges: Sequence[Exchange], rows: Sequence[DnsRow], plain: Plain | None) -> DnsRows:
    """Return the table.

    Args:
        exchanges, rows: the same, in the order of their first frames; the rows are filled in.
        plain: the other lookups, in the order of theirs.
    """
    first = np.array([row.query_frames[0] if row.query_frames else row.response_frame for row in rows], np.int64)
    if plain is None:
        places, other_places = np.zeros(0, np.int64), np.arange(first.size)
    else:
        places = np.arange(plain.query.size) + np.searchsorted(first, plain.query + 1)
        other_places = np.arange(first.size) + np.searchsorted(plain.query + 1, first)
    numbers = other_places.tolist()
    _tie_retries(list(zip(numbers, rows, strict=True)))
    words = Vocabulary()
    outline = of_rows(rows, exchanges, words)
    columns: dict[str, Column] = {}
    if plain is not None:
        columns, mine = _columns(plain, words)
        outline = merged(mine, places, outline, other_places)
    copies = from_copies(outline)
    beside = together.compare(outline, list(words.addresses.known))
    for number, row in zip(numbers, rows, strict=True):
        _fill(row, number, beside, bool(copies[number]))
    if plain is not None:
        authoritative = plain.flags & AA != 0
        source = np.where(authoritative, 2, copies[places].astype(np.int64))
        columns["source"] = Coded(["unknown", "cache", "authoritative"], source)
        columns["retry_of"] = Numbers(beside.retry_of[places], optional=True)
        columns["still_valid"] = Numbers(beside.still_valid[places], optional=True)
        columns["rotation"] = Coded(list(together.ROTATIONS), beside.rotation[places])
        columns["raced_with"] = _raced(beside, places)
    out = DnsRows(columns, places, zip(numbers, rows, strict=True))
    walk.tie(dict(zip(numbers, exchanges, strict=True)), out)
    return out


def _tie_retries(rows: list[tuple[int, DnsRow]]) -> None:
    """Note where a question was asked again over TCP because its answer was cut (RFC 7766 section 5)."""
    cut = [row for _, row in rows if row.flags.tc and row.transport == "udp" and row.response_time is not None]
    if not cut:
        return
    over_tcp: dict[tuple[str, str, str, str], list[tuple[int, int]]] = {}
    for number, row in rows:
        if row.transport == "tcp" and row.query_time is not None:
            over_tcp.setdefault((row.client, row.server, row.qname, row.qtype), []).append((row.query_time, number))
    for row in cut:
        since = row.response_time or 0
        again = over_tcp.get((row.client, row.server, row.qname, row.qtype), [])
        at = bisect_left(again, since, key=lambda one: one[0])
        if at < len(again) and again[at][0] - since <= TCP_RETRY_NS:
            filled(row, retried_over_tcp=again[at][1])


def _fill(row: DnsRow, number: int, beside: together.Together, copy: bool) -> None:
    """Write what comparing showed into a row."""
    if copy:
        filled(row, source="cache")
    retry, valid = int(beside.retry_of[number]), int(beside.still_valid[number])
    low, high = int(beside.raced_first[number]), int(beside.raced_first[number + 1])
    rotation = together.ROTATIONS[int(beside.rotation[number])]
    if high > low:
        filled(row, raced_with=tuple(beside.raced[low:high].tolist()))
    if retry != NONE:
        filled(row, retry_of=retry)
    if valid != NONE:
        filled(row, still_valid=valid)
    if rotation is not None:
        filled(row, rotation=rotation)


def _raced(beside: together.Together, places: Ints) -> Lists:
    counts = beside.raced_first[places + 1] - beside.raced_first[places]
    first = np.concatenate(([0], np.cumsum(counts)))
    at = np.repeat(beside.raced_first[places] - first[:-1], counts) + np.arange(int(first[-1]))
    return Lists(first, beside.raced[at])


def _columns(plain: Plain, words: Vocabulary) -> tuple[dict[str, Column], Outline]:
    """Return the columns of plain lookups, without what comparing shows, and their outline."""
    qnames = [name for name, _, _ in plain.questions]
    kinds = [type_name(kind) for _, kind, _ in plain.questions]
    client, server = (_hosts(plain, column) for column in (plain.client, plain.server))
    answers = _answers(plain)
    addresses = _tuples(plain, answers)
    rcodes = _rcodes(plain)
    size = plain.query.size
    columns: dict[str, Column] = {name: Constant(value) for name, value in _COMMON.items()}
    columns |= {
        "query_frame": Numbers(plain.query + 1),
        "response_frame": Numbers(plain.response + 1),
        "query_time": Numbers(plain.query_time),
        "client": client,
        "client_port": Numbers(plain.client_port),
        "server": server,
        "server_port": Numbers(plain.server_port),
        "id": Numbers(plain.id),
        "qname": Coded(qnames, plain.question),
        "qname_unicode": Coded(list(map(to_unicode, qnames)), plain.question),
        "qtype": Coded(kinds, plain.question),
        "qclass": Coded([class_name(group) for _, _, group in plain.questions], plain.question),
        "rcode": rcodes,
        "flags": Coded(list(ALL_FLAGS), plain.flags >> 4 & 0x7F),
        "query_frames": Lists(np.arange(size + 1), plain.query + 1),
        "answers": answers,
        "addresses": addresses,
        "cname_chain": Coded([message.chain for message in plain.shapes], plain.shape),
        "authority_count": Numbers(plain.authorities),
        "additional_count": Numbers(plain.additionals),
        "edns_udp_size": Numbers(plain.edns, optional=True),
        "latency_ms": Durations(plain.query_time, plain.response_time),
        "response_time": Numbers(plain.response_time),
        "dnssec_ok": Coded([False, True], plain.wants_signatures.astype(np.int64)),
        "negative_ttl": Numbers(plain.negative_ttl, optional=True),
    }
    said = words.said.of([(name, kind) for name, kind, _ in plain.questions])
    known = words.addresses.of(addresses.values)
    counts = np.diff(plain.first)
    first_ttl, lifetime = _least(plain, plain.ttl), _least(plain, kept(plain.ttl))
    outline = Outline(
        words.hosts.of(client.values)[client.codes],
        words.hosts.of(server.values)[server.codes],
        words.names.of(qnames)[plain.question],
        words.types.of(kinds)[plain.question],
        said[plain.question],
        plain.query_time,
        plain.response_time,
        np.ones(size, np.bool_),
        np.ones(size, np.bool_),
        np.ones(size, np.bool_),
        np.array([code in FAILED for code in rcodes.values], np.bool_)[rcodes.codes],
        np.zeros(size, np.bool_),
        plain.flags & AA != 0,
        np.zeros(size, np.bool_),
        counts,
        lifetime,
        np.where(counts > 0, first_ttl, NONE),
        np.where(addresses.codes == 0, NONE, known[addresses.codes]),
    )
    return columns, outline


def _hosts(plain: Plain, column: Ints) -> Coded:
    different, codes = np.unique(column, return_inverse=True)
    return Coded([plain.hosts[host] for host in different.tolist()], codes.astype(np.int64))


def _rcodes(plain: Plain) -> Coded:
    different, codes = np.unique(plain.rcode, return_inverse=True)
    return Coded([RCODES.get(code) or rcode_name(code) for code in different.tolist()], codes.astype(np.int64))


def _answers(plain: Plain) -> Answers:
    """Put answers together: names, types and most data from the shapes, addresses from the responses."""
    names, kinds, data = Words[str](), Words[str](), Words[str]()
    used = np.unique(plain.shape)
    parts = [plain.shapes[at].answers for at in used.tolist()]
    flat = list(chain.from_iterable(parts))
    begin = np.cumsum([0, *map(len, parts)])[:-1]
    at = np.repeat(begin[np.searchsorted(used, plain.shape)], np.diff(plain.first)) + plain.number
    name = names.of([answer.name for answer in flat])[at]
    kind = kinds.of([answer.type for answer in flat])[at]
    datum = data.of([answer.data for answer in flat])[at]
    addresses = data.of([ipv4_text(raw) if len(raw) == 4 else ipv6_text(raw) for raw in plain.addresses])
    variable = plain.address != UNKNOWN
    datum[variable] = addresses[plain.address[variable]]
    return Answers(plain.first, list(names.known), list(kinds.known), list(data.known), name, kind, datum, plain.ttl)


def _tuples(plain: Plain, answers: Answers) -> Coded:
    """Return the addresses of each lookup; the first value has none."""
    variable = plain.address != UNKNOWN
    owner = np.repeat(np.arange(plain.query.size), np.diff(plain.first))
    counts = np.bincount(owner[variable], minlength=plain.query.size)
    some = np.flatnonzero(counts)
    codes = np.zeros(plain.query.size, np.int64)
    values: list[tuple[str, ...]] = [()]
    if some.size:
        counts = counts[some]
        words = answers.datum[variable]
        strings = Strings(words.astype(np.uint64), np.cumsum(counts) - counts, counts, counts * WORD)
        different, group, _ = strings.groups()
        codes[some] = group + 1
        data = answers.data
        for low, count in zip(strings.first[different].tolist(), counts[different].tolist(), strict=True):
            values.append(tuple([data[at] for at in words[low : low + count].tolist()]))
    return Coded(values, codes)


def _least(plain: Plain, ttl: Ints) -> Ints:
    """Return the least time to live of each lookup's answers (``ttl``, one for each), 0 without any."""
    some = np.diff(plain.first) > 0
    out = np.zeros(some.size, np.int64)
    if some.any():
        out[some] = np.minimum.reduceat(ttl, plain.first[:-1][some])
    return out
