"""Problems: what went wrong while *reading*, as data.

A :class:`Problem` is about our reading of the capture (a broken header, a limit hit); a finding is about the
traffic. They never mix. Problems are grouped by code so that a million broken packets stay a bounded list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_PROBLEMS_PER_CODE = 100
"""Examples kept for each code; the rest is only counted. A reader needs examples, not all of a million rows."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that could not be read as it stands.

    Attributes:
        code: stable, upper case, e.g. ``PCAP-CUT-PACKET``, ``DNS-MALFORMED``, ``LIMIT-REACHED``.
        layer: "capture", "link", "arp", "ip", "tcp", "udp", "icmp", "dns", "tls", "http", "visits".
        message: one plain sentence.
        frame: 1-based frame number, or None when it concerns the file.
        offset: byte offset, in the file for layer "capture", else in the message; or None.
    """

    code: str
    layer: str
    message: str
    frame: int | None = None
    offset: int | None = None


class ProblemLog:
    """Collects problems with a bound per code, and counts all of them."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._kept: list[Problem] = []
        self.counts: dict[str, int] = {}
        self.extend(problems)

    def add(self, problem: Problem, times: int = 1) -> None:
        """Keep a problem, unless its code has enough examples; count it ``times`` times."""
        seen = self.counts.get(problem.code, 0)
        self.counts[problem.code] = seen + times
        if seen < MAX_PROBLEMS_PER_CODE:
            self._kept.append(problem)

    def extend(self, problems: Iterable[Problem]) -> None:
        """Add each of several problems."""
        for problem in problems:
            self.add(problem)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)
