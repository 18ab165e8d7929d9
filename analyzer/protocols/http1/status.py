"""What a status code means for the message that carries it (the words for people are in analyzer.http_status).

Sources: RFC 9110 section 15; RFC 9112 section 6.3, cases 1 and 2 (messages without a body).
"""

from __future__ import annotations

SWITCHING = 101


def is_interim(status: int) -> bool:
    """Tell whether a response announces another one to come: 1xx but for 101, which ends HTTP on the connection."""
    return 100 <= status < 200 and status != SWITCHING


def has_no_body(status: int, method: bytes | None) -> bool:
    """Tell whether a response ends with its head whatever its fields say."""
    if method == b"HEAD" or 100 <= status < 200 or status in (204, 304):
        return True
    return method == b"CONNECT" and status // 100 == 2
