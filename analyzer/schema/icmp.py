"""Row of the ``icmp`` table (RFC 792, RFC 4443)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IcmpRow:
    """One echo request with its reply, or one other ICMP message.

    For errors, ``request_frame`` is the error's own frame, ``quoted_stream``/``quoted_frame`` say which packet it is
    about, and ``quoted_destination`` where that packet was going (also when the packet itself was not captured).
    """

    kind: str  # echo | error | other
    request_frame: int | None
    reply_frame: int | None
    time: int
    source: str
    destination: str
    id: int | None
    sequence: int | None
    ttl: int | None
    reply_ttl: int | None
    bytes: int
    latency_ms: float | None
    outcome: str  # answered | unanswered | error
    type: int
    code: int
    meaning: str
    quoted_stream: int | None
    quoted_frame: int | None
    hop: int | None
    quoted_destination: str | None = None
