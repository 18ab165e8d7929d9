"""Rows of the ``http`` and ``websocket`` tables (RFC 9110, 9112, 6455)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Informational:
    """One 1xx answer that preceded the final one."""

    frame: int
    status: int


@dataclass(frozen=True, slots=True)
class HttpRow:
    """One transaction: a request, its 1xx answers and its final response; either side may be missing.

    Frame pairs are (first, last). Header lists keep order and repetition. What a parser draws is unmasked; secrets
    go in :func:`analyzer.masking.mask_rows`, before the row becomes part of an analysis. ``*_offset`` give the
    position in the reassembled stream, so that retransmissions of exactly these bytes can be found. The phases are
    null until :mod:`analyzer.visits.phases` fills them.
    """

    stream: int
    http_version: str | None  # 0.9 | 1.0 | 1.1 | 2 | 3
    http_stream: int | None
    index: int
    decrypted: bool
    method: str | None
    scheme: str | None
    host: str | None
    target: str | None
    url: str | None
    status: int | None
    reason: str | None
    informational: tuple[Informational, ...]
    request_frames: tuple[int, int] | None
    response_frames: tuple[int, int] | None
    request_time: int | None
    request_end_time: int | None
    response_time: int | None
    response_end_time: int | None
    request_headers: tuple[tuple[str, str], ...]
    response_headers: tuple[tuple[str, str], ...]
    request_body_bytes: int | None
    response_body_bytes: int | None
    response_decoded_bytes: int | None
    content_type: str | None
    content_encoding: str | None
    framing: str | None  # content_length | chunked | until_close | none | stream   (of the response)
    blocked_ms: float | None
    dns_ms: float | None
    connect_ms: float | None
    tls_ms: float | None
    send_ms: float | None
    wait_ms: float | None
    receive_ms: float | None
    total_ms: float | None
    wait_network_ms: float | None
    wait_loss_ms: float | None
    wait_server_ms: float | None
    receive_loss_ms: float | None
    receive_window_ms: float | None
    server: str | None
    user_agent: str | None
    referer: str | None
    location: str | None
    set_cookies: tuple[str, ...]
    etag: str | None
    cache: str | None  # hit_304 | conditional | no_store
    keep_alive: bool | None
    pipelined: bool
    upgrade: str | None
    initiator: int | None
    request_missing_bytes: int
    response_missing_bytes: int
    outcome: str  # complete | no_response | not_captured | truncated | aborted | malformed | switched
    outcome_why: str | None = None
    dns_why: str | None = None
    connect_why: str | None = None
    tls_why: str | None = None
    wait_why: str | None = None
    request_offset: int | None = None
    request_end_offset: int | None = None
    response_offset: int | None = None
    response_end_offset: int | None = None


@dataclass(frozen=True, slots=True)
class WebSocketMessage:
    """One message of a WebSocket connection."""

    frame: int
    time: int
    from_: str  # client | server   (written as "from")
    opcode: str
    bytes: int
    text: str | None


@dataclass(frozen=True, slots=True)
class WebSocketRow:
    """One WebSocket connection."""

    stream: int
    handshake_index: int
    opened_frame: int
    subprotocol: str | None
    extensions: tuple[str, ...]
    closed_by: str | None
    close_code: int | None
    close_reason: str | None
    messages: tuple[WebSocketMessage, ...]
    client_messages: int
    server_messages: int
