"""What following TCP gives: segments sorted by connection, and one row of columns per connection.

Connections (possibly millions) stay columns; :meth:`Connections.row` draws one for a reader. The bits of ``labels``
are Wireshark's analysis words as MEASURES.md defines them.
"""

from __future__ import annotations

from enum import IntFlag

class Label(IntFlag):
    """What Wireshark would say about a segment (bits of ``Segments.label``)."""

    LOST_SEGMENT = 0x0001  # previous segment not captured
    RETRANSMISSION = 0x0002
    FAST_RETRANSMISSION = 0x0004
    SPURIOUS_RETRANSMISSION = 0x0008
    OUT_OF_ORDER = 0x0010
    DUPLICATE_ACK = 0x0020
    ACKED_UNSEEN = 0x0040
    ZERO_WINDOW = 0x0080
    ZERO_WINDOW_PROBE = 0x0100
    ZERO_WINDOW_PROBE_ACK = 0x0200
    WINDOW_FULL = 0x0400
    WINDOW_UPDATE = 0x0800
    KEEP_ALIVE = 0x1000
    KEEP_ALIVE_ACK = 0x2000
    PORT_REUSED = 0x4000
    CAPTURED_TWICE = 0x8000  # second opinion: the same packet recorded twice, not sent twice
