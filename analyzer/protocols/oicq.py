"""OICQ, the classic protocol of QQ over UDP port 8000: its header, command by command.

Source: observed traffic, and the names of Wireshark's OICQ dissector; there is no public specification.
"""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.protocols.base import Datagram
from analyzer.schema import OicqRow

PORTS = (8000,)
"""The port that QQ's servers listen on."""


def exchanges(datagrams: Iterable[Datagram]) -> list[OicqRow]:
    """Turn OICQ datagrams into rows ordered by their first frame."""
    return []
