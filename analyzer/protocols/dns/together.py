"""What the questions of one client have to do with each other: repeated elsewhere, raced, asked too early, rotated.

Rules, each about rows of one client and one name:

* ``retry_of``: the same type was asked under another number, port or server, at most :data:`RETRY_NS` before, and had
  brought nothing by now (no answer, or a failure that says nothing about the name).
* ``raced_with``: rows still under way when this question was sent: the other family of addresses (A beside AAAA), or
  the same question to another server. A row that is retried is not raced.
* ``still_valid``: the answer that the client had got before, whose time to live was not over yet.
* ``rotation``: how the addresses differ from the answer before, of the same server: only by their ``order`` (round
  robin), or by the ``addresses`` themselves; null where nothing changed or nothing is known.

Sources: RFC 1035 section 7.2 (servers tried in turn), RFC 8305 section 3 (both families at once), RFC 1794 (rotation),
RFC 1034 section 3.6 (times to live).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzer.protocols.dns.outline import Outline, runs
from analyzer.protocols.dns.table import NONE
from analyzer.units import NS_PER_S

RETRY_NS = 10 * NS_PER_S
"""Resolver libraries give up on a server after five seconds or less; what is asked later is a new attempt."""
RACE_NS = NS_PER_S // 4
"""Sooner than this no library gives up on a server; what is asked meanwhile was meant to be asked beside it."""
LOOKED_BACK = 8
"""Questions for one name looked at, latest first; no more run side by side (two servers, three types, retries)."""
ROTATIONS = (None, "order", "addresses")

Ints = NDArray[np.int64]


@dataclass(slots=True)
class Together:
    """Columns over n rows.

    Attributes:
        retry_of, still_valid: (n,) rows, :data:`NONE` without one.
        raced_first: (n + 1,), raced: row i is raced with the rows ``raced[raced_first[i] : raced_first[i + 1]]``.
        rotation: (n,) index into :data:`ROTATIONS`.
    """

    retry_of: Ints
    still_valid: Ints
    raced_first: Ints
    raced: Ints
    rotation: Ints


def compare(rows: Outline, addresses: list[tuple[str, ...]]) -> Together:
    """Compare each row with those before it.

    Args:
        addresses: what ``rows.addresses`` are numbers of.
    """
    size = rows.client.size
    retry, valid = np.full(size, NONE, np.int64), np.full(size, NONE, np.int64)
    which = np.flatnonzero(rows.was_asked)
    order, same = runs(rows.client[which], rows.name[which])
    which = which[order]
    depth = _depths(same)
    pairs: list[tuple[Ints, Ints]] = []
    for back in range(1, LOOKED_BACK + 1):
        at = np.flatnonzero(depth >= back)
        if not at.size:
            break
        row, other = which[at], which[at - back]
        unicast = rows.unicast[row]
        pairs.append(_step(rows, row[unicast], other[unicast], retry, valid))
    row = np.concatenate([pair[0] for pair in pairs]) if pairs else np.zeros(0, np.int64)
    other = np.concatenate([pair[1] for pair in pairs]) if pairs else row
    in_order = np.lexsort((other, row))
    first = np.concatenate(([0], np.cumsum(np.bincount(row, minlength=size))))
    return Together(retry, valid, first, other[in_order], _rotation(rows, addresses))


def _depths(same: NDArray[np.bool_]) -> Ints:
    """Return for each place how many before it belong to the same run."""
    places = np.arange(same.size)
    return places - np.maximum.accumulate(np.where(same, 0, places))


def _step(rows: Outline, row: Ints, other: Ints, retry: Ints, valid: Ints) -> tuple[Ints, Ints]:
    """Compare rows with others, one for each, that were asked before; return which race which."""
    since = rows.asked[row] - rows.asked[other]
    answered = rows.answered[other]
    under_way = ~rows.was_answered[other] | (answered > rows.asked[row])
    alike = rows.qtype[row] == rows.qtype[other]
    in_vain = under_way | rows.failed[other] | rows.cut[other]
    same_server = rows.server[row] == rows.server[other]
    again = alike & (retry[row] == NONE) & in_vain & (since <= RETRY_NS) & ~rows.over_tcp[other]
    beside = again & under_way & ~same_server & (since < RACE_NS)  # nobody waited for the first to fail
    retry[row[again & ~beside]] = other[again & ~beside]
    good = alike & ~again & (valid[row] == NONE) & ~in_vain & (rows.answers[other] > 0) & same_server
    good &= rows.asked[row] < answered + rows.lifetime[other] * NS_PER_S
    valid[row[good]] = other[good]
    raced = beside | (~alike & under_way & (since <= RETRY_NS))
    return row[raced], other[raced]


def _rotation(rows: Outline, addresses: list[tuple[str, ...]]) -> Ints:
    """Compare the addresses of each answer with those that the same server gave before."""
    out = np.zeros(rows.client.size, np.int64)
    which = np.flatnonzero((rows.addresses != NONE) & rows.was_answered)
    if not which.size:
        return out
    order, same = runs(rows.server[which], rows.name[which], rows.qtype[which])
    which = which[order]
    sets: dict[tuple[str, ...], int] = {}
    sorted_as = np.array([sets.setdefault(tuple(sorted(one)), len(sets)) for one in addresses], np.int64)
    now, before = rows.addresses[which][1:], rows.addresses[which][:-1]
    differ = same[1:] & (now != before)
    out[which[1:][differ]] = np.where(sorted_as[now[differ]] == sorted_as[before[differ]], 1, 2)
    return out
