"""Records of many DNS messages at once, as columns: where they are, and what of them differs from answer to answer.

Rules: all messages lie in one array of bytes, and positions are places in it. Nothing is read past the end of a
message; what runs over it makes the message one that is not plain. Names are stepped over, not read.

Sources: RFC 1035 section 4.1, RFC 6891 section 6.1, RFC 2308 section 5.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.decode.gather import gather
from analyzer.protocols.dns.messages import HEADER_BYTES
from analyzer.protocols.dns.strings import Ints, Mask

LARGEST = 1500
"""Bytes of a message looked at here: over UDP larger ones come in fragments and are rare."""
UNKNOWN = -1
"""No EDNS, no time to live."""
OPT = 41
_A, _SOA, _AAAA = 1, 6, 28
_RECORD_BYTES, _SOA_BYTES = 10, 22


@dataclass(slots=True)
class Records:
    """The records of responses: which response, its section (0 answer, 1 authority, 2 additional), where it is."""

    message: Ints
    section: Ints
    number: Ints
    kind: Ints
    at: Ints  # of its type
    size: Ints  # of its data

    def take(self, which: Mask | Ints) -> Records:
        return Records(
            self.message[which],
            self.section[which],
            self.number[which],
            self.kind[which],
            self.at[which],
            self.size[which],
        )


def big_endian(data: NDArray[np.uint8], at: Ints, width: int) -> Ints:
    """Read big-endian numbers."""
    out = np.zeros(at.size, np.int64)
    for place in range(width):
        out = out << 8 | data[at + place]
    return out


def skip_names(data: NDArray[np.uint8], at: Ints, end: Ints, *, pointers: bool) -> tuple[Ints, Mask]:
    """Step over names; return where they end, and which are names (as far as their labels tell)."""
    at, good = at.copy(), np.ones(at.size, np.bool_)
    todo = np.arange(at.size)
    while todo.size:
        inside = at[todo] < end[todo]
        good[todo[~inside]] = False
        todo = todo[inside]
        length = data[at[todo]]
        pointer = (length >= 0xC0) if pointers else np.zeros(todo.size, np.bool_)
        good[todo[(length > 63) & ~pointer]] = False
        at[todo] += np.where(pointer, 2, length.astype(np.int64) + 1)
        todo = todo[(length > 0) & (length <= 63)]
    return at, good


def walk(data: NDArray[np.uint8], head: NDArray[np.void], at: Ints, end: Ints, plain: Mask) -> Records:
    """Step from record to record of responses; what runs over the end is not plain."""
    answers = head["answers"].astype(np.int64)
    authorities = answers + head["authorities"]
    total = authorities + head["additionals"]
    parts: list[Records] = []
    at = at.copy()
    number = 0
    while True:
        here = np.flatnonzero(plain & (total > number))
        if not here.size:
            break
        place, good = skip_names(data, at[here], end[here], pointers=True)
        good &= place + _RECORD_BYTES <= end[here]
        plain[here[~good]] = False
        here, place = here[good], place[good]
        size = big_endian(data, place + 8, 2)
        at[here] = place + _RECORD_BYTES + size
        fits = at[here] <= end[here]
        plain[here[~fits]] = False
        section = (number >= answers[here]).astype(np.int64) + (number >= authorities[here])
        kind = big_endian(data, place, 2)
        parts.append(Records(here, section, np.full(here.size, number), kind, place, size).take(fits))
        number += 1
    if not parts:
        nothing = np.zeros(0, np.int64)
        return Records(nothing, nothing, nothing, nothing, nothing, nothing)
    fields = ("message", "section", "number", "kind", "at", "size")
    found = Records(*(np.concatenate([getattr(part, name) for part in parts]) for name in fields))
    return found.take(np.argsort(found.message, kind="stable"))


def _first_of(records: Records, chosen: Mask) -> tuple[Ints, Ints]:
    """Return each response that has a chosen record, and the place of the first of them."""
    at = np.flatnonzero(chosen)
    message, first = np.unique(records.message[at], return_index=True)
    return message, at[first]


def options(data: NDArray[np.uint8], records: Records, count: int) -> tuple[Ints, Mask, Ints]:
    """Return UDP size, DO bit and upper bits of the response code of the first OPT record of each response."""
    edns, wants = np.full(count, UNKNOWN, np.int64), np.zeros(count, np.bool_)
    upper = np.zeros(count, np.int64)
    message, first = _first_of(records, records.kind == OPT)
    place = records.at[first]
    edns[message] = big_endian(data, place + 2, 2)
    upper[message] = data[place + 4]
    wants[message] = data[place + 6] >= 0x80
    return edns, wants, upper


def without_options(data: NDArray[np.uint8], records: Records, said: Ints, end: Ints) -> Ints:
    """Take an OPT record at the very end out of responses (its count too); return where they end now."""
    out = end.copy()
    at = np.flatnonzero(records.kind == OPT)
    message = np.append(records.message, UNKNOWN)
    at = at[message[at + 1] != message[at]]  # the last of its response
    at = at[records.at[at] + _RECORD_BYTES + records.size[at] == end[message[at]]]
    at = at[data[records.at[at] - 1] == 0]
    data[said[message[at]] + HEADER_BYTES - 1] -= 1
    out[message[at]] = records.at[at] - 1
    return out


def negative_ttls(data: NDArray[np.uint8], records: Records, ttl: Ints, count: int) -> Ints:
    """Return how long a "no" may be kept: the lesser of the first SOA record's time to live and its minimum."""
    out = np.full(count, UNKNOWN, np.int64)
    soa = (records.section == 1) & (records.kind == _SOA) & (records.size >= _SOA_BYTES)
    message, first = _first_of(records, soa)
    minimum = big_endian(data, records.at[first] + _RECORD_BYTES + records.size[first] - 4, 4)
    out[message] = np.minimum(ttl[first], minimum)
    return out


def _is_address(records: Records) -> Mask:
    four, sixteen = (records.kind == _A) & (records.size == 4), (records.kind == _AAAA) & (records.size == 16)
    return np.asarray((records.section == 0) & (four | sixteen), np.bool_)


def addresses_of(data: NDArray[np.uint8], records: Records) -> tuple[Ints, list[bytes]]:
    """Return the number of each answer's address, and the addresses."""
    out = np.full(records.at.size, UNKNOWN, np.int64)
    packed: list[bytes] = []
    chosen = _is_address(records)
    for width in (4, 16):
        at = np.flatnonzero(chosen & (records.size == width))
        raw = gather(data, records.at[at] + _RECORD_BYTES, np.dtype((np.void, width)))
        different, number = np.unique(raw, return_inverse=True)
        out[at] = number + len(packed)
        packed += [one.tobytes() for one in different]
    return out, packed


def variable(records: Records) -> list[tuple[Ints, Ints]]:
    """Return what differs between responses of one shape: where it begins, and its bytes."""
    option = records.kind == OPT
    lives = records.at[~option] + 4
    options, addresses = records.take(option), records.take(_is_address(records))
    return [
        (lives, np.full(lives.size, 4)),
        (options.at + 2, np.full(options.at.size, 6)),
        (options.at + _RECORD_BYTES, options.size),
        (addresses.at + _RECORD_BYTES, addresses.size),
    ]


def blank(data: NDArray[np.uint8], records: Records, said: Ints) -> None:
    """Set what differs between responses of one shape to zero."""
    data[said] = data[said + 1] = 0
    for start, size in variable(records):
        least = int(size.min(initial=LARGEST))
        for place in range(int(size.max(initial=0))):
            data[(start if place < least else start[size > place]) + place] = 0
