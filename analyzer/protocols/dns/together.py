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

from collections.abc import Sequence

from analyzer.protocols.dns.lifetimes import lifetime_s
from analyzer.schema import DnsRow, filled
from analyzer.units import NS_PER_S

RETRY_NS = 10 * NS_PER_S
"""Resolver libraries give up on a server after five seconds or less; what is asked later is a new attempt."""
RACE_NS = NS_PER_S // 4
"""Sooner than this no library gives up on a server; what is asked meanwhile was meant to be asked beside it."""
LOOKED_BACK = 8
"""Questions for one name looked at, latest first; no more run side by side (two servers, three types, retries)."""
_FAILED = frozenset({"SERVFAIL", "REFUSED", "NOTIMP", "FORMERR"})
_UNICAST = ("udp", "tcp")
_raced = vars(DnsRow)["raced_with"].__set__  # as filled() does, quicker, for the one that is common


def tie(rows: Sequence[DnsRow]) -> None:
    """Fill in the four columns (in the rows), which are in the order of their first frames."""
    before: dict[tuple[str, str], list[int]] = {}
    addresses: dict[tuple[str, str, str], tuple[str, ...]] = {}
    for number, row in enumerate(rows):
        name = row.qname
        if row.addresses and row.response_time is not None:
            where = row.server, name, row.qtype
            seen = addresses.get(where)
            if seen != row.addresses:
                addresses[where] = row.addresses
                if seen is not None:
                    filled(row, rotation="order" if sorted(seen) == sorted(row.addresses) else "addresses")
        asked = row.query_time
        if asked is None:
            continue
        key = row.client, name
        earlier = before.get(key)
        if earlier is None:
            before[key] = [number]
        else:
            if row.transport in _UNICAST:
                _compare(rows, row, asked, earlier)
            earlier.append(number)
            if len(earlier) > LOOKED_BACK:
                del earlier[0]


def _compare(rows: Sequence[DnsRow], row: DnsRow, asked: int, earlier: list[int]) -> None:
    raced: list[int] = []
    retry = valid = None
    for number in reversed(earlier):
        other = rows[number]
        since, answered = other.query_time or 0, other.response_time
        under_way = answered is None or answered > asked
        if other.qtype == row.qtype:
            in_vain = under_way or other.rcode in _FAILED or (other.flags.tc and not other.addresses)
            if retry is None and in_vain and asked - since <= RETRY_NS and other.retried_over_tcp is None:
                if under_way and other.server != row.server and asked - since < RACE_NS:
                    raced.append(number)  # nobody waited for the first to fail
                else:
                    retry = number
            elif valid is None and not in_vain and other.answers and other.server == row.server:
                until = (answered or 0) + lifetime_s(other.answers) * NS_PER_S
                valid = number if asked < until else None
        elif under_way and asked - since <= RETRY_NS:
            raced.append(number)
    if raced and retry is None and valid is None:
        _raced(row, tuple(raced[::-1]))
    elif raced or retry is not None or valid is not None:
        filled(row, raced_with=tuple(reversed(raced)), retry_of=retry, still_valid=valid)
