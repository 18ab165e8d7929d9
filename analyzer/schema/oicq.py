"""Row of the ``oicq`` table: the classic header of QQ over UDP, recognised by its port and first and last byte."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OicqRow:
    """One command with its answer, or one without.

    There is no public specification: what the fields mean is what Wireshark's OICQ dissector says, and that a datagram
    is OICQ at all is concluded from its port (8000) and its first and last byte (``recognised_by``).

    The server is the side with port 8000. Both sides give commands: a message that somebody wrote comes from the server
    (``sent_by``), and the client's confirmation is its answer. What the server sent and nobody is seen to confirm has
    outcome ``unsolicited``.
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
    qq: str | None  # the user's number; all but its last two digits masked unless revealed
    attempts: int
    request_frames: tuple[int, ...]
    latency_ms: float | None  # from the first attempt
    outcome: str  # answered | unanswered | unsolicited
    recognised_by: str  # port_start_end | port_start: the datagram was cut before its last byte
    sent_by: str = "client"  # client | server: who gave the command
    reply_frames: tuple[int, ...] = ()
