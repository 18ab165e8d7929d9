"""Which connection a command is about: the one that ``--stream`` names, or the only one there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from analyzer.addresses import endpoint
from analyzer.errors import UsageError

if TYPE_CHECKING:
    from analyzer.flows.model import Connections

CaptureArgument = Annotated[
    str, typer.Argument(metavar="CAPTURE", show_default=False, help="A pcap or pcapng file; - is standard input.")
]
StreamOption = Annotated[
    int | None,
    typer.Option(
        "--stream",
        metavar="N",
        min=0,
        show_default=False,
        help="The connection, by Wireshark's tcp.stream; may be left out where there is only one.",
    ),
]
LISTED = 3
"""Connections named when somebody has to choose; the line stays a line."""


def choose(capture: str, connections: Connections, asked: int | None) -> int:
    """Return the stream a command is about.

    Args:
        capture: the file as the user named it.
        connections: all of the capture.
        asked: value of ``--stream``, None without.

    Raises:
        UsageError: there is no such connection, none at all, or more than one to choose from.
    """
    total = len(connections)
    if not total:
        raise UsageError(f"{capture}: there is no TCP connection in it")
    if asked is not None:
        if not 0 <= asked < total:
            known = "its only TCP connection is stream 0" if total == 1 else f"it has streams 0 to {total - 1}"
            raise UsageError(f"{capture}: there is no stream {asked}; {known}")
        return asked
    if total == 1:
        return 0
    first = "; ".join(_named(connections, stream) for stream in range(min(total, LISTED)))
    more = "" if total <= LISTED else "; …"
    raise UsageError(f"{capture}: it has {total:,} TCP connections, choose one with --stream N ({first}{more})")


def _named(connections: Connections, stream: int) -> str:
    row = connections.row(stream)
    client, server = endpoint(row.client, row.client_port), endpoint(row.server, row.server_port)
    return f"{stream}: {client} → {server}"
