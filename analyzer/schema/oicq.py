"""Row of the ``oicq`` table: the classic header of QQ over UDP, recognised by its port and first byte."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OicqRow:
    """One command with its answer, or one that needs none.

    There is no public specification: what the fields mean is what Wireshark's OICQ dissector says, and that a datagram
    is OICQ at all is concluded from its port (8000) and its first and last byte (``recognised_by``).
    """

    request_frame: int | None
    reply_frame: int | None
    time: int
    reply_time: int | None
    client: str
    client_port: int
    server: str
    server_port: int
    version: int
    command: int
    command_name: str
    sequence: int
    qq: str | None
    attempts: int
    request_frames: tuple[int, ...]
    latency_ms: float | None
    outcome: str  # answered | unanswered | unsolicited | not_applicable
    recognised_by: str
