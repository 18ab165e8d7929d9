"""OICQ, the classic protocol of QQ over UDP port 8000: its header, command by command.

Rules:

* A datagram is OICQ when one of its ports is 8000, it begins with :data:`START`, ends with :data:`END` and holds the
  whole header between them. That is a guess by port and two bytes, and every row says so (``recognised_by``).
* The header is a start byte, then version, command and sequence number of 16 bits and the user's number of 32. What
  follows is encrypted.
* A command and its answer have the same command, sequence number and user. Whoever sends it first gives the command;
  what the same side sends again within :data:`AGAIN_NS` is another attempt, what the other side sends is the answer.
* A datagram recorded twice within :data:`COPY_NS` is one attempt (a recorder on both sides of a router).

Source: observed traffic, and the names and numbers that Wireshark's OICQ dissector shows; there is no public
specification.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from analyzer.protocols.base import Datagram
from analyzer.schema import OicqRow
from analyzer.units import ms_between

PORTS = (8000,)
"""The port that QQ's servers listen on."""

START, END = 0x02, 0x03
HEADER = struct.Struct("!BHHHI")

AGAIN_NS = 60_000_000_000
"""Programs repeat a command for some seconds; later, its sequence number has come round (16 bits) or stands still."""
COPY_NS = 5_000_000
"""Two recordings of one datagram are microseconds apart, repetitions a good part of a second."""

COMMANDS = {
    1: "log out",
    2: "keep alive",
    4: "update user information",
    5: "search for a user",
    6: "get user information",
    9: "add a friend without authorisation",
    10: "remove a friend",
    11: "add a friend with authorisation",
    13: "set status",
    18: "confirm a message from the server",
    22: "send message",
    23: "receive message",
    24: "retrieve information",
    26: "reserved",
    28: "remove oneself from a friend's list",
    29: "request a key",
    33: "cell phone",
    34: "log in",
    38: "list friends",
    39: "list friends online",
    41: "cell phone",
    48: "group operation",
    49: "log in (test)",
    60: "group name operation",
    61: "upload groups of friends",
    62: "memo operation",
    88: "download groups of friends",
    92: "get level",
    98: "request log in",
    101: "request extra information",
    103: "signature operation",
    128: "receive system message",
    129: "status of a friend",
    181: "status of friends in a group",
    1015: "withdraw a message",
}


@dataclass(frozen=True, slots=True)
class Header:
    """The readable part of one datagram; ``whole`` is False where the end byte was not captured."""

    version: int
    command: int
    sequence: int
    qq: int
    whole: bool


@dataclass(slots=True)
class _Open:
    """A row while it is being filled: the datagrams of both sides."""

    first: Datagram
    header: Header
    by_client: bool
    latest: int
    sent: list[int] = field(default_factory=list)
    attempts: int = 0
    reply_time: int | None = None
    replies: list[int] = field(default_factory=list)


def parse(payload: bytes, cut: bool = False) -> Header | None:
    """Read the header, None where the bytes are no OICQ.

    Args:
        payload: of a UDP datagram.
        cut: the end of the datagram was not captured.
    """
    if len(payload) < HEADER.size + (not cut) or payload[0] != START or not (cut or payload[-1] == END):
        return None
    _, version, command, sequence, number = HEADER.unpack_from(payload)
    return Header(version, command, sequence, number, not cut)


def exchanges(datagrams: Iterable[Datagram]) -> list[OicqRow]:
    """Turn OICQ datagrams into rows ordered by their first frame; what is none is left out.

    Args:
        datagrams: from or to :data:`PORTS`, in the order of their frames.
    """
    rows: list[_Open] = []
    latest: dict[tuple[object, ...], _Open] = {}
    for datagram in datagrams:
        header = parse(datagram.payload, datagram.cut)
        if header is None:
            continue
        by_client = datagram.destination_port in PORTS
        client = (datagram.source, datagram.source_port, datagram.destination, datagram.destination_port)
        key = (*(client if by_client else (*client[2:], *client[:2])), header.command, header.sequence, header.qq)
        row = latest.get(key)
        if row is None or datagram.time - row.latest > AGAIN_NS:
            row = latest[key] = _Open(datagram, header, by_client, datagram.time)
            rows.append(row)
        _add(row, datagram, by_client)
    return [_row(row) for row in rows]


def _add(row: _Open, datagram: Datagram, by_client: bool) -> None:
    if by_client == row.by_client:
        row.attempts += not row.sent or datagram.time - row.latest > COPY_NS
        row.sent.append(datagram.frame)
    else:
        row.replies.append(datagram.frame)
        if row.reply_time is None:
            row.reply_time = datagram.time
    row.latest = datagram.time


def _row(row: _Open) -> OicqRow:
    first, header = row.first, row.header
    source, destination = (first.source, first.source_port), (first.destination, first.destination_port)
    client, server = (source, destination) if row.by_client else (destination, source)
    silent = "unanswered" if row.by_client else "unsolicited"
    return OicqRow(
        request_frame=row.sent[0],
        reply_frame=row.replies[0] if row.replies else None,
        time=first.time,
        reply_time=row.reply_time,
        client=client[0],
        client_port=client[1],
        server=server[0],
        server_port=server[1],
        version=header.version,
        command=header.command,
        command_name=COMMANDS.get(header.command, f"command {header.command}"),
        sequence=header.sequence,
        qq=str(header.qq),
        attempts=row.attempts,
        request_frames=tuple(row.sent),
        latency_ms=ms_between(first.time, row.reply_time) if row.reply_time is not None else None,
        outcome="answered" if row.replies else silent,
        recognised_by="port_start_end" if header.whole else "port_start",
        sent_by="client" if row.by_client else "server",
        reply_frames=tuple(row.replies),
    )
