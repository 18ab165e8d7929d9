"""Rows of the ``http`` and ``websocket`` tables (RFC 9110, 9112, 6455)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Informational:
    """One 1xx answer that preceded the final one."""

    frame: int
    status: int


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie that a response sets (RFC 6265 section 4.1, RFC 6265bis); its value is not kept."""

    name: str
    secure: bool
    http_only: bool
    same_site: str | None  # strict | lax | none, None when it does not say
    persistent: bool  # Expires or Max-Age in the future: it outlives the browser
    deleted: bool  # Max-Age or Expires in the past: the server takes it back
    domain: str | None
    path: str | None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One form field, percent-decoded; the values of secret-like names are masked like every secret."""

    place: str  # query | body
    name: str
    value: str | None  # None when it is not shown; why says the reason
    bytes: int  # length of the value as sent; what is known of it where why is cut, lost or limit
    filename: str | None = None  # of an uploaded file, as the client named it
    why: str | None = None  # binary | long | file: not shown · cut | lost: not captured to its end · limit: not read so


@dataclass(frozen=True, slots=True)
class PhaseFrames:
    """The two frames that each phase of a request lies between; None where it has none."""

    dns: tuple[int, int] | None = None
    connect: tuple[int, int] | None = None
    tls: tuple[int, int] | None = None
    blocked: tuple[int, int] | None = None
    send: tuple[int, int] | None = None
    wait: tuple[int, int] | None = None
    receive: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class PhaseTrust:
    """How far each number can be trusted: measured | bounded | not_measurable.

    ``bounded`` is a limit: what the client waited was at least that (seen away from the client), what the server took
    was at most that. The ``…_why`` columns say why something is not measurable.
    """

    dns: str = "not_measurable"
    connect: str = "not_measurable"
    tls: str = "not_measurable"
    blocked: str = "not_measurable"
    send: str = "not_measurable"
    wait: str = "not_measurable"
    receive: str = "not_measurable"
    wait_network: str = "not_measurable"
    wait_loss: str = "not_measurable"
    wait_server: str = "not_measurable"
    receive_loss: str = "not_measurable"
    receive_window: str = "not_measurable"


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
    blocked_why: str | None = None  # idle: nothing was in the way, the client had nothing to send yet
    vantage: str = "unknown"  # where this connection was recorded: client | server | middle | unknown
    wait_server_min_ms: float | None = None  # from the server's bare ACK of the request: it took at least this
    phase_frames: PhaseFrames = PhaseFrames()
    phase_trust: PhaseTrust = PhaseTrust()
    last_modified: str | None = None
    saved_bytes: int | None = None  # what a 304 saved: the size of the body it stands for, where it is known
    # unknown_coding | broken | incomplete | missing_bytes | truncated | part | limit, None where the size is known
    response_decoded_why: str | None = None
    content_type_seen: str | None = None  # media type that the first bytes of the body show
    compression_missed_bytes: int | None = None  # what gzip would have saved of text sent as it is
    authentication: str | None = None  # basic | digest | bearer | negotiate | ntlm | form | other
    cookies_sent: tuple[str, ...] = ()  # names
    cookies_set: tuple[Cookie, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    hsts: str | None = None  # Strict-Transport-Security as sent
    third_party: bool | None = None  # another site than the visit's own; None without request, which is no visit's
    cdn: str | None = None  # the delivery network that the response's own headers name
    # poll | long_poll | event_stream | websocket: nobody waits for it to be over; None for ordinary requests
    background: str | None = None
    # lost | end | malformed: why this side is not known to its end; None when it is, or when there is none of it
    request_cut: str | None = None
    response_cut: str | None = None
    # https_on_http | http_on_https: what the client spoke, and on a port for what; None when both sides agree
    wrong_scheme: str | None = None
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
    opcode: str  # text | binary | close | ping | pong | continuation | reserved
    bytes: int  # of the message, unfolded where it was compressed
    text: str | None  # the first 4 KiB of a text; of a close, its code and reason; of a ping or pong, if it is text
    fragments: int = 1
    transferred_bytes: int | None = None  # as sent, without frame headers
    compressed: bool = False
    why: str | None = None  # what is wrong with it, or why its content is not known


@dataclass(frozen=True, slots=True)
class WebSocketRow:
    """One WebSocket connection; ``client`` is the side that sent the HTTP request.

    ``…_messages`` and ``…_bytes`` count text and binary messages; pings, pongs and closes are only listed. The words
    of ``outcome`` and ``outcome_why`` are explained in :mod:`analyzer.protocols.websocket.session`.
    """

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
    url: str | None = None
    close_frame: int | None = None
    accept: str | None = None  # Sec-WebSocket-Accept: right | wrong | missing | not_captured
    compression: str | None = None  # permessage-deflate as agreed
    client_bytes: int = 0  # of all messages, unfolded
    server_bytes: int = 0
    client_transferred_bytes: int = 0  # payloads as sent
    server_transferred_bytes: int = 0
    client_missing_bytes: int = 0
    server_missing_bytes: int = 0
    messages_left_out: int = 0  # beyond the limit on those listed
    outcome: str = "open"  # closed | reset | cut | open | malformed
    outcome_why: str | None = None
