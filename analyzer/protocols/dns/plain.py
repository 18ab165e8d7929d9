"""Lookups as nearly all are, read as columns: one question over UDP, one answer, nothing wrong with either.

Rules:

* A lookup is plain when its five-tuple and id are those of exactly two datagrams, first a query, then a response to the
  same question, not earlier by the clock; both whole, small, an ordinary query (opcode 0) with RD set, and not cut
  short (TC). Everything else goes through :mod:`session`, which would make the same of the plain ones: what is here is
  only quicker.
* On which VLANs they came makes no difference: what a query and a response have to themselves belongs together even
  where the two directions are seen under different tags, and what comes twice is not plain.
* A response is known by its *shape*: all its bytes but the id, times to live, addresses, and what is in the OPT
  record. Of each shape one is parsed; what differs is read from columns. A name that borrows letters from a place
  that differs is not plain.

Sources: RFC 1035 section 4.1, RFC 6891 section 6.1, RFC 2308 section 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.gather import gather
from analyzer.decode.table import Kind, PacketTable
from analyzer.protocols.dns.messages import HEADER_BYTES, Message, parse
from analyzer.protocols.dns.names import QuestionNames, read_name
from analyzer.protocols.dns.records import (
    LARGEST,
    OPT,
    UNKNOWN,
    Records,
    addresses_of,
    big_endian,
    blank,
    negative_ttls,
    options,
    skip_names,
    variable,
    walk,
    without_options,
)
from analyzer.protocols.dns.strings import WORD, Ints, Mask, Strings, blank_ends, gathered

PORT = 53
MOST_RECORDS = 32
"""Records of a section; more are rare, and reading them one by one costs the same."""
LONGEST_NAME = 255

_HEADER = np.dtype([(name, ">u2") for name in ("id", "flags", "questions", "answers", "authorities", "additionals")])
_KIND = 0xFB00
"""Bits that tell what a message is: QR, opcode, TC, RD."""
_QUERY, _RESPONSE = 0x0100, 0x8100
_OPT_BYTES = 11
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


@dataclass(slots=True)
class Plain:
    """Plain lookups (m of them, in the order of their queries) and their answers (f, one lookup's after the other).

    Attributes:
        query, response: (m,) rows of the packet table; query_time, response_time: (m,) ns.
        hosts: text of host ids; client, server: (m,) host ids; client_port, server_port, id: (m,).
        question: (m,) index into ``questions``: name, type and class that were asked for.
        shape: (m,) index into ``shapes``, one message for each shape of a response (its variable parts are zero).
        flags, authorities, additionals: (m,) of the response; rcode: (m,) with the upper bits of its OPT record.
        edns, wants_signatures: (m,) UDP size (:data:`UNKNOWN` without EDNS) and DO bit, the query's where it has them.
        negative_ttl: (m,) seconds, :data:`UNKNOWN` without an SOA record.
        first: (m + 1,) where the answers of each lookup begin.
        number: (f,) place of the answer in its message; ttl: (f,); address: (f,) index into ``addresses`` (packed), or
            :data:`UNKNOWN` where the data is that of the shape.
    """

    query: Ints
    response: Ints
    query_time: Ints
    response_time: Ints
    hosts: dict[int, str]
    client: Ints
    server: Ints
    client_port: Ints
    server_port: Ints
    id: Ints
    question: Ints
    questions: list[tuple[str, int, int]]
    shape: Ints
    shapes: list[Message]
    flags: Ints
    rcode: Ints
    authorities: Ints
    additionals: Ints
    edns: Ints
    wants_signatures: Mask
    negative_ttl: Ints
    first: Ints
    number: Ints
    ttl: Ints
    address: Ints
    addresses: list[bytes]


def lookups(table: PacketTable) -> Plain | None:
    """Return the plain lookups of a capture, None without any."""
    rows = np.flatnonzero((table.kind == Kind.UDP) & (table.payload_len > 0))
    rows = rows[(table.sport[rows] == PORT) | (table.dport[rows] == PORT)]
    pairs = _pairs(table, rows.astype(np.int64))
    if not pairs.query.size:
        return None
    messages = _messages(table, np.concatenate((pairs.query, pairs.response)))
    return _read(table, pairs, messages)


@dataclass(slots=True)
class _Pairs:
    """Datagrams that may be a query and its response."""

    query: Ints
    response: Ints
    query_head: NDArray[np.void]
    response_head: NDArray[np.void]
    client: Ints
    server: Ints
    client_port: Ints
    server_port: Ints

    def take(self, which: Mask) -> _Pairs:
        return _Pairs(
            self.query[which],
            self.response[which],
            self.query_head[which],
            self.response_head[which],
            self.client[which],
            self.server[which],
            self.client_port[which],
            self.server_port[which],
        )


def _pairs(table: PacketTable, rows: Ints) -> _Pairs:
    """Return pairs of datagrams that have a five-tuple and an id to themselves, and whose headers are plain."""
    head = _heads(table, rows)
    flags = head["flags"].astype(np.int64)
    response = flags >= 0x8000
    src, dst = table.src[rows].astype(np.int64), table.dst[rows].astype(np.int64)
    sport, dport = table.sport[rows].astype(np.int64), table.dport[rows].astype(np.int64)
    client, server = np.where(response, dst, src), np.where(response, src, dst)
    client_port, server_port = np.where(response, dport, sport), np.where(response, sport, dport)
    mixed = np.zeros(rows.size, np.uint64)
    for column in (client, server, client_port << 32 | server_port << 16 | head["id"].astype(np.int64)):
        mixed = (mixed ^ column.astype(np.uint64)) * _MIX
        mixed ^= mixed >> _SHIFT
    order = np.argsort(mixed, kind="stable")
    mixed = mixed[order]
    edges = np.flatnonzero(np.concatenate(([True], mixed[1:] != mixed[:-1], [True])) if rows.size else np.zeros(1))
    two = edges[:-1][np.diff(edges) == 2]
    ask, say = order[two], order[two + 1]
    alike = _plain_heads(head, ask, say) & (head["id"][ask] == head["id"][say])
    for column in (client, server, client_port, server_port):
        alike &= column[ask] == column[say]
    size = table.payload_cap[rows].astype(np.int64)
    whole = (size == table.payload_len[rows]) & (size > HEADER_BYTES) & (size <= LARGEST)
    if table.rebuilt:
        whole &= ~np.isin(rows, np.fromiter(table.rebuilt, np.int64, len(table.rebuilt)))
    alike &= whole[ask] & whole[say]
    alike &= table.index.time[rows[say]] >= table.index.time[rows[ask]]
    ask, say = ask[alike], say[alike]
    in_order = np.argsort(ask)
    ask, say = ask[in_order], say[in_order]
    return _Pairs(
        rows[ask], rows[say], head[ask], head[say], client[ask], server[ask], client_port[ask], server_port[ask]
    )


def _plain_heads(head: NDArray[np.void], ask: Ints, say: Ints) -> Mask:
    query, response = head[ask], head[say]
    plain = ((query["flags"] & _KIND) == _QUERY) & (query["questions"] == 1) & (query["answers"] == 0)
    plain &= (query["authorities"] == 0) & (query["additionals"] <= 1)
    plain &= ((response["flags"] & _KIND) == _RESPONSE) & (response["questions"] == 1)
    for section in ("answers", "authorities", "additionals"):
        plain &= response[section] <= MOST_RECORDS
    return np.asarray(plain, np.bool_)


def _heads(table: PacketTable, rows: Ints) -> NDArray[np.void]:
    """Return the headers; what was not captured of them reads as zero."""
    starts = table.index.offset[rows] + table.payload_at[rows]
    size = table.payload_cap[rows]
    rebuilt = [at for at, row in enumerate(rows.tolist()) if row in table.rebuilt] if table.rebuilt else []
    starts[rebuilt] = table.index.offset[rows[rebuilt]]
    out = np.zeros(rows.size, _HEADER)
    for span in table.index.data.spans(starts):
        out[span] = gather(table.index.data.array, starts[span], _HEADER)
    for at in rebuilt:
        out[at] = np.frombuffer(table.payload(int(rows[at]), 0, HEADER_BYTES).ljust(HEADER_BYTES, b"\0"), _HEADER)[0]
    out["id"][size < 2] = 0
    out["flags"][size < 4] = 0
    return out


def _messages(table: PacketTable, rows: Ints) -> Strings:
    """Copy whole messages out of the capture, in the order of the rows given."""
    order = np.argsort(rows)
    starts = (table.index.offset[rows] + table.payload_at[rows])[order]
    found = gathered(
        table.index.data.array, starts, table.payload_cap[rows][order].astype(np.int64), table.index.data.spans
    )
    back = np.empty_like(order)
    back[order] = np.arange(order.size)
    return found.take(back)


def _read(table: PacketTable, pairs: _Pairs, messages: Strings) -> Plain | None:
    count = pairs.query.size
    data = np.concatenate((messages.words, np.zeros(4, np.uint64))).view(np.uint8)
    start = messages.first * 8
    end = start + messages.sizes
    asked, end_asked = start[:count], end[:count]
    said, end_said = start[count:], end[count:]
    plain = np.ones(count, np.bool_)
    size = _questions(data, asked + HEADER_BYTES, end_asked, plain)
    edns, wants = _query_options(data, pairs, asked + HEADER_BYTES + size, end_asked, plain)
    plain &= said + HEADER_BYTES + size <= end_said
    safe = np.where(plain, size, 1)
    questions = gathered(data, asked + HEADER_BYTES, safe)
    plain &= questions.same(gathered(data, said + HEADER_BYTES, safe))
    records = walk(data, pairs.response_head, said + HEADER_BYTES + size, end_said, plain)
    plain &= ~np.isin(np.arange(count), records.message[(records.kind == OPT) & (records.section < 2)])
    which = np.flatnonzero(plain)
    if not which.size:
        return None
    records = records.take(plain[records.message])
    said_edns, said_wants, upper = options(data, records, count)
    ttl = big_endian(data, records.at + 4, 4)
    negative = negative_ttls(data, records, ttl, count)
    answers = records.section == 0
    address, addresses = addresses_of(data, records.take(answers))
    ends = without_options(data, records, said, end_said)
    blank(data, records, said[which])
    shapes = _shapes(data, said[which], (ends - said)[which])
    chosen, shape, exact = shapes.groups()
    found, places, owner = _parsed(data, said[which[chosen]], shapes.sizes[chosen])
    steady = np.array([not (one.error or one.odd or one.dropped) for one in found], np.bool_)
    steady[owner[places < said[which[chosen]][owner] + HEADER_BYTES]] = False  # a name made of the id, or of counts
    steady[owner[_borrowing(data, records, places, which[chosen])]] = False
    counts = pairs.response_head["answers"].astype(np.int64)
    kept = exact & steady[shape]
    groups, question, same = questions.take(which).groups()
    kept &= same
    names = _names(data, asked[which[groups]] + HEADER_BYTES, size[which[groups]])
    plain[which[~kept]] = False
    chosen_pairs = which[kept]
    keep_answer = plain[records.message[answers]]
    final = pairs.take(plain)
    use = edns[chosen_pairs] != UNKNOWN
    flags = final.response_head["flags"].astype(np.int64)
    return Plain(
        final.query,
        final.response,
        table.index.time[final.query],
        table.index.time[final.response],
        table.host_texts(np.unique(np.concatenate((final.client, final.server))).tolist()),
        final.client,
        final.server,
        final.client_port,
        final.server_port,
        final.query_head["id"].astype(np.int64),
        question[kept],
        names,
        shape[kept],
        found,
        flags,
        flags & 15 | upper[chosen_pairs] << 4,
        final.response_head["authorities"].astype(np.int64),
        final.response_head["additionals"].astype(np.int64),
        np.where(use, edns[chosen_pairs], said_edns[chosen_pairs]),
        np.where(use, wants[chosen_pairs], said_wants[chosen_pairs]),
        negative[chosen_pairs],
        np.concatenate(([0], np.cumsum(counts[chosen_pairs]))),
        records.number[answers][keep_answer],
        ttl[answers][keep_answer],
        address[keep_answer],
        addresses,
    )


def _questions(data: NDArray[np.uint8], at: Ints, end: Ints, plain: Mask) -> Ints:
    """Return the bytes of each question: name, type and class. What has none that can be read is not plain."""
    after, good = skip_names(data, at, end, pointers=False)
    plain &= good & (after - at <= LONGEST_NAME) & (after + 4 <= end)
    return np.asarray(np.where(plain, after + 4 - at, 0))


def _query_options(data: NDArray[np.uint8], pairs: _Pairs, at: Ints, end: Ints, plain: Mask) -> tuple[Ints, Mask]:
    """Return the UDP size and the DO bit of queries; another additional record than an OPT record is not plain."""
    extra = pairs.query_head["additionals"] == 1
    plain &= ~extra | (at + _OPT_BYTES <= end)
    where = np.flatnonzero(extra & plain)
    place = at[where]
    fits = (data[place] == 0) & (big_endian(data, place + 1, 2) == OPT)
    fits &= place + _OPT_BYTES + big_endian(data, place + 9, 2) <= end[where]
    plain[where[~fits]] = False
    edns, wants = np.full(at.size, UNKNOWN, np.int64), np.zeros(at.size, np.bool_)
    edns[where] = big_endian(data, place + 3, 2)
    wants[where] = data[place + 7] >= 0x80
    return edns, wants


def _shapes(data: NDArray[np.uint8], said: Ints, sizes: Ints) -> Strings:
    """Return responses that begin with a word, without what follows their end."""
    words = data.view(np.uint64)
    counts = (sizes + WORD - 1) // WORD
    first = said // WORD
    blank_ends(words, first + counts - 1, sizes)
    return Strings(words, first, counts, sizes)


def _parsed(data: NDArray[np.uint8], starts: Ints, sizes: Ints) -> tuple[list[Message], Ints, Ints]:
    """Parse one response of each shape.

    Returns:
        What each says; where names were read, all together; and in which response each of those is.
    """
    names = QuestionNames()
    found: list[Message] = []
    places: list[int] = []
    lengths: list[int] = []
    view = memoryview(data.data)
    for begin, size in zip(starts.tolist(), sizes.tolist(), strict=True):
        message = parse(view[begin : begin + size].tobytes(), questions_seen=names)
        found.append(message)
        places.extend(message.known)
        lengths.append(len(message.known))
        message.known = {}
    owner = np.repeat(np.arange(len(found)), lengths)
    return found, starts[owner] + np.array(places, np.int64), owner


def _borrowing(data: NDArray[np.uint8], records: Records, places: Ints, parsed: Ints) -> Mask:
    """Return which labels, by their places, overlap something that differs between responses."""
    mine = np.zeros(int(records.message.max(initial=0)) + 1, np.bool_)
    mine[parsed[parsed < mine.size]] = True
    parts = variable(records.take(mine[records.message]))
    start = np.concatenate([begin for begin, _ in parts])
    order = np.argsort(start)
    start, end = start[order], (start + np.concatenate([size for _, size in parts]))[order]
    if not start.size:
        return np.zeros(places.size, np.bool_)
    length = data[np.minimum(places, data.size - 1)].astype(np.int64)
    after = places + np.where(length >= 0xC0, 2, length + 2)
    before = np.searchsorted(start, after) - 1  # the last part that begins before the label's end
    return np.asarray((before >= 0) & (end[before] > places), np.bool_)


def _names(data: NDArray[np.uint8], starts: Ints, sizes: Ints) -> list[tuple[str, int, int]]:
    """Read questions; a name that is asked for with several types is read once."""
    seen: dict[bytes, str] = {}
    out: list[tuple[str, int, int]] = []
    view = memoryview(data.data)
    ends = starts + sizes - 4
    kinds, groups = big_endian(data, ends, 2).tolist(), big_endian(data, ends + 2, 2).tolist()
    for start, end, kind, group in zip(starts.tolist(), ends.tolist(), kinds, groups, strict=True):
        raw = view[start:end].tobytes()
        name = seen.get(raw)
        if name is None:
            name = seen[raw] = read_name(raw, 0, {})[0]
        out.append((name, kind, group))
    return out
