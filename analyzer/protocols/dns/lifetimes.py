"""How long records may be kept.

Source: RFC 1034 section 3.6 (time to live), RFC 2181 section 8 (31 bits; a value with its top bit set means 0).
"""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.schema import DnsAnswer

LONGEST_S = 0x7FFF_FFFF
"""The highest time to live there is."""


def lifetime_s(answers: Iterable[DnsAnswer]) -> int:
    """Return the seconds that all of some records may be kept: the least time to live of them, 0 without records."""
    return min([answer.ttl if answer.ttl <= LONGEST_S else 0 for answer in answers], default=0)
