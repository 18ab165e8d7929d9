"""Findings about WebSocket connections: handshakes that should have failed, and ends that were not goodbyes."""

from __future__ import annotations

from collections.abc import Iterator

from analyzer import close_codes
from analyzer.findings.model import Hit, Rule
from analyzer.schema import WebSocketRow
from analyzer.visits.model import Facts

_NOT_KNOWN = frozenset({"lost", "limit", "malformed", "one_direction"})
"""Reasons for which a close frame may exist that was not read."""
_SERVER_CODES = frozenset({1011, 1012, 1013, 1014})
FIRST_FREE_CODE = 3000
"""From here on codes belong to libraries and applications, which use them for ordinary goodbyes too."""


def _args(facts: Facts, row: WebSocketRow) -> dict[str, object]:
    server = facts.connections.host(int(facts.connections.server_host[row.stream]))
    return {
        "url": row.url or server,
        "close_code": row.close_code,
        "by": row.closed_by,
        "count": row.client_messages + row.server_messages,
    }


def bad_accept(facts: Facts) -> Iterator[Hit]:
    """The server's answer to the key is wrong or missing: a client must give up (RFC 6455 section 4.1)."""
    for at, row in enumerate(facts.websocket):
        if row.accept in ("wrong", "missing"):
            variant = "missing" if row.accept == "missing" else None
            yield Hit(_args(facts, row), (row.opened_frame,), "websocket", at, row.stream, variant=variant)


def closed_abnormally(facts: Facts) -> Iterator[Hit]:
    """The connection ended without a close frame, or with one that names trouble."""
    c = facts.connections
    for at, row in enumerate(facts.websocket):
        if row.outcome_why in _NOT_KNOWN or row.close_code is None or row.close_code in close_codes.FINE:
            continue
        silent = row.close_frame is None
        frames: tuple[int | None, ...] = (row.opened_frame, row.close_frame)
        if silent:
            end = c.number("rst_frame", row.stream) or c.number("server_fin_frame", row.stream)
            frames = (
                row.opened_frame,
                *(m.frame for m in row.messages[-1:]),
                end or c.number("client_fin_frame", row.stream),
            )
        reset = row.outcome == "reset"
        yield Hit(
            _args(facts, row),
            frames,
            "websocket",
            at,
            row.stream,
            severity="note" if row.close_code >= FIRST_FREE_CODE else None,
            blame="server" if row.close_code in _SERVER_CODES else None,
            variant="reset" if reset else "silent" if silent else None,
        )


RULES: tuple[Rule, ...] = (
    Rule("WS-BAD-ACCEPT", "warning", "http", "server", "RFC 6455 section 4.2.2", bad_accept),
    Rule("WS-CLOSED-ABNORMALLY", "warning", "http", "unknown", "RFC 6455 section 7.1", closed_abnormally),
)
