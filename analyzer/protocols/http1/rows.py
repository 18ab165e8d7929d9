"""From a paired exchange to a row of the ``http`` table.

``request_body_bytes`` and ``response_body_bytes`` are message bodies as transferred: of a chunked body with its
chunk-size lines and trailers, as servers log it; ``response_decoded_bytes`` is the content behind transfer and
content codings. Outcomes and their reasons (``outcome_why``) are those of :mod:`analyzer.protocols.http1.outcome`.
Of CONNECT only a target that names a host and a port is one (RFC 9110 section 9.3.6); else the Host field tells.

Sources: RFC 9110 sections 7.1 and 15, RFC 9112 sections 3.2, 3.3 and 9.3.
"""

from __future__ import annotations

from typing import Any

from analyzer.flows.stream import ByteStream
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import bodies, cookies, credentials, delivery, forms, wrong_scheme
from analyzer.protocols.http1.exchange import Exchange
from analyzer.protocols.http1.grammar import NO_FIELDS
from analyzer.protocols.http1.messages import Message, Request
from analyzer.protocols.http1.outcome import outcome
from analyzer.schema import HttpRow, Informational
from analyzer.text import decode

DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def text(raw: bytes | None) -> str | None:
    """Decode a value that may be absent."""
    return None if raw is None else decode(raw)


# ── where it went ────────────────────────────────────────────────────────────────────────────────────────────────


def split_authority(authority: str) -> tuple[str, str]:
    """Split ``user@host:port`` into (host in lower case, ``:port`` or empty); IPv6 literals keep their brackets."""
    authority = authority.rpartition("@")[2]
    if authority.startswith("["):
        literal, bracket, rest = authority.partition("]")
        return (literal + bracket).lower(), rest if rest.startswith(":") else ""
    host, _, port = authority.partition(":")
    return host.lower().rstrip("."), f":{port}" if port else ""


def _server_authority(conversation: Conversation, scheme: str) -> tuple[str, str]:
    address, port = conversation.server_address
    host = f"[{address}]" if ":" in address else address
    return host, "" if DEFAULT_PORTS.get(scheme) == port else f":{port}"


def locate(conversation: Conversation, request: Request, scheme: str) -> tuple[str | None, str | None, str | None]:
    """Return (scheme, host without port, URL) of a request (RFC 9112 section 3.3).

    The host comes from an absolute target, else the Host field, else the server's address; of CONNECT from its target.
    """
    if request.method is None or request.target is None:
        return None, None, None
    target = decode(request.target)
    if request.method == b"CONNECT" and "/" not in target:
        host, port = split_authority(target)
        return None, host or None, f"{host}{port}" if host else None
    name, separator, rest = target.partition("://")
    if separator and name.isalnum() and name.isascii():
        authority, slash, path = _split_path(rest)
        host, port = split_authority(authority)
        user = authority.rpartition("@")[0]
        shown = f"{user}@{host}{port}" if user else f"{host}{port}"
        return name.lower(), host or None, f"{name.lower()}://{shown}{slash}{path}"
    field = request.headers.first(b"host")
    host, port = split_authority(decode(field)) if field else ("", "")
    if not host:
        host, port = _server_authority(conversation, scheme)
    if port == f":{DEFAULT_PORTS.get(scheme)}":
        port = ""
    path = "" if target == "*" else target if target.startswith("/") else f"/{target}"
    return scheme, host, f"{scheme}://{host}{port}{path}"


def _split_path(rest: str) -> tuple[str, str, str]:
    for at, letter in enumerate(rest):
        if letter in "/?#":
            return rest[:at], letter, rest[at + 1 :]
    return rest, "", ""


# ── derived columns ──────────────────────────────────────────────────────────────────────────────────────────────


def keep_alive(exchange: Exchange) -> bool | None:
    """Tell whether the connection stays open by what both sides said (RFC 9112 section 9.3); None without response."""
    response = exchange.response
    if response is None or response.status is None:
        return None
    if response.body is not None and response.body.framing == "until_close":
        return False
    for message in (response, exchange.request):
        if message is None:
            continue
        words = {
            *message.headers.elements(b"connection"),
            *message.headers.elements(b"proxy-connection"),
        }
        if b"close" in words or (message.version != "1.1" and b"keep-alive" not in words):
            return False
    return True


def cache(exchange: Exchange) -> str | None:
    """Return hit_304, conditional or no_store; None when a cache played no visible part (RFC 9110 section 13, 9111)."""
    request, response = exchange.request, exchange.response
    if response is not None and response.status == 304:
        return "hit_304"
    if request is not None and (b"if-none-match" in request.headers or b"if-modified-since" in request.headers):
        return "conditional"
    if response is not None and b"no-store" in response.headers.elements(b"cache-control"):
        return "no_store"
    return None


def _upgrade(exchange: Exchange) -> bytes | None:
    """Return the protocol switched to or, if it was not, the one asked for."""
    for message in (exchange.response if exchange.switched else None, exchange.request):
        if message is not None and (value := message.headers.first(b"upgrade")) is not None:
            return value
    return None


def _body_bytes(message: Message | None) -> int | None:
    if message is None or message.body is None:
        return None
    return message.body.end - message.body.start


def _placed(prefix: str, message: Message | None, stream: ByteStream) -> dict[str, Any]:
    """Return the columns that say where and when a message was."""
    if message is None:
        return {
            f"{prefix}_frames": None,
            f"{prefix}_time": None,
            f"{prefix}_end_time": None,
            f"{prefix}_offset": None,
            f"{prefix}_end_offset": None,
        }
    last = message.completed(stream)
    return {
        f"{prefix}_frames": (message.frame, max(message.frame, last[0])),  # a file need not be sorted by time
        f"{prefix}_time": message.time,
        f"{prefix}_end_time": last[1],
        f"{prefix}_offset": message.start,
        f"{prefix}_end_offset": message.end,
    }


def row(exchange: Exchange, index: int, conversation: Conversation, scheme: str) -> HttpRow:
    """Draw the row of an exchange; the phases and the initiator are left to the layers above."""
    request, response = exchange.request, exchange.response
    asked = request.headers if request is not None else NO_FIELDS
    told = response.headers if response is not None else NO_FIELDS
    version = (request.version if request is not None else "") or (response.version if response is not None else "")
    shown_scheme, host, url = (None, None, None) if request is None else locate(conversation, request, scheme)
    result, why = outcome(exchange, conversation)
    content = bodies.look(conversation, request, response)
    asked_with = () if request is None else forms.parameters(request, conversation)
    set_by = () if response is None else cookies.set_by(told, response.time)
    return HttpRow(
        stream=conversation.stream,
        http_version=version or None,
        http_stream=None,
        index=index,
        decrypted=scheme == "https",
        method=text(request.method) if request is not None else None,
        scheme=shown_scheme,
        host=host,
        target=text(request.target) if request is not None else None,
        url=url,
        status=response.status if response is not None else None,
        reason=(decode(response.reason) or None) if response is not None else None,
        informational=tuple(Informational(r.frame, r.status) for r in exchange.informational if r.status is not None),
        **_placed("request", request, conversation.client),
        **_placed("response", response, conversation.server),
        request_headers=asked.texts,
        response_headers=told.texts,
        request_body_bytes=_body_bytes(request),
        response_body_bytes=_body_bytes(response),
        response_decoded_bytes=content.size,
        response_decoded_why=content.why,
        content_type=bodies.media_type(told),
        content_type_seen=content.seen,
        compression_missed_bytes=content.missed,
        content_encoding=told.text(b"content-encoding"),
        framing=response.body.framing if response is not None and response.body is not None else None,
        blocked_ms=None,
        dns_ms=None,
        connect_ms=None,
        tls_ms=None,
        send_ms=None,
        wait_ms=None,
        receive_ms=None,
        total_ms=None,
        wait_network_ms=None,
        wait_loss_ms=None,
        wait_server_ms=None,
        receive_loss_ms=None,
        receive_window_ms=None,
        server=told.text(b"server"),
        user_agent=asked.text(b"user-agent"),
        referer=asked.text(b"referer"),
        location=told.text(b"location"),
        set_cookies=tuple(cookie.name for cookie in set_by),
        etag=told.text(b"etag"),
        cache=cache(exchange),
        keep_alive=keep_alive(exchange),
        pipelined=exchange.pipelined,
        upgrade=text(_upgrade(exchange)),
        initiator=None,
        request_missing_bytes=0 if request is None else request.missing,
        response_missing_bytes=0 if response is None else response.missing,
        outcome=result,
        outcome_why=why,
        request_cut=None if request is None else request.stop,
        response_cut=None if response is None else response.stop,
        last_modified=told.text(b"last-modified"),
        authentication=credentials.kind(asked, asked_with),
        cookies_sent=cookies.sent(asked),
        cookies_set=set_by,
        parameters=asked_with,
        hsts=told.text(b"strict-transport-security"),
        third_party=None if request is None else False,  # until visits.sites knows better
        cdn=delivery.network(told),
        wrong_scheme=None
        if scheme == "https"
        else wrong_scheme.of(request, response, conversation.client, conversation.server),
    )
