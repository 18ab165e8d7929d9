"""What every protocol parser here is given and what it gives back.

A parser is sans-io: it gets a :class:`Conversation` (two byte streams with their facts) or datagrams, and returns
frozen rows and problems. It reads no file, knows no clock, and never raises on any bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from analyzer.flows.ends import NOBODY, End
from analyzer.flows.stream import ByteStream
from analyzer.options import Limits
from analyzer.problems import ProblemLog
from analyzer.protocols.budget import Budget


@dataclass(slots=True)
class Conversation:
    """One TCP connection as a parser sees it.

    Attributes:
        stream: Wireshark's ``tcp.stream``.
        client, server: what each side sent.
        client_address, server_address: endpoints as (address text, port).
        first_frame, last_frame, last_time: of the connection.
        capture_end_time: ns, time of the capture's last packet.
        closed: both sides finished, or a reset was seen.
        limits: the bounds in force.
        problems: where what could not be read is reported.
        budget: what unfolding bodies may still cost; one for all conversations of a capture.
        find_ends: gives what :meth:`ends` returns; asked only where somebody wants to know, and once.
    """

    stream: int
    client: ByteStream
    server: ByteStream
    client_address: tuple[str, int]
    server_address: tuple[str, int]
    first_frame: int = 1
    last_frame: int = 1
    last_time: int = 0
    capture_end_time: int = 0
    closed: bool = False
    limits: Limits = field(default_factory=Limits)
    problems: ProblemLog = field(default_factory=ProblemLog)
    budget: Budget = field(default_factory=Budget)
    find_ends: Callable[[], tuple[End, ...]] = lambda: NOBODY
    _ends: tuple[End, ...] | None = field(default=None, init=False)

    def ends(self) -> tuple[End, ...]:
        """Return each side's first FIN and the first reset, in the order of frames."""
        if self._ends is None:
            self._ends = self.find_ends()
        return self._ends


class Datagram(NamedTuple):
    """One UDP datagram (or one message of a TCP stream) as a parser sees it."""

    frame: int
    time: int
    source: str
    source_port: int
    destination: str
    destination_port: int
    payload: bytes
    cut: bool = False  # captured shorter than it was
    stream: int | None = None  # tcp.stream when it came over TCP
    vlan: int | None = None  # outermost VLAN id, where somebody asked for it
