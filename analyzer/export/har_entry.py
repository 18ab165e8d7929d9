"""One entry of an HTTP Archive: a row of the http table in HAR's words.

Rules:

* HAR writes -1 where we write null. ``blocked``, ``dns``, ``connect`` and ``ssl`` are -1 when they do not apply or are
  not known; ``send``, ``wait`` and ``receive`` must not be negative and are 0 then, and ``_null_why`` says so.
* ``connect`` includes ``ssl``; ``time`` is the sum of all that are not -1, without ``ssl``.
* ``startedDateTime`` is when the first of the request's own phases began: what was waited before its first byte is
  counted back from there. HAR has ``blocked`` first, in our order it is the last before the request; the sum is the
  same.

Sources: the HAR 1.2 specification (Jan Odvarko); the ``_`` fields that Chromium's developer tools
read: ``_connectionId``, ``_initiator``, ``_resourceType``, ``_transferSize``, ``_webSocketMessages``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from analyzer.export.har_address import uri
from analyzer.export.har_messages import UNKNOWN, request, response
from analyzer.provenance import stream_filter
from analyzer.schema import HttpRow, PhaseFrames, PhaseTrust, TlsRow, WebSocketMessage, WebSocketRow
from analyzer.units import NS_PER_MS, NS_PER_S, rfc3339

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

OPCODES: Mapping[str, int] = {"continuation": 0, "text": 1, "binary": 2, "close": 8, "ping": 9, "pong": 10}
"""Opcode of a WebSocket message → its number (RFC 6455 section 5.2)."""

MAX_MS = 2**63 / NS_PER_MS
"""The longest time between two instants that a capture can hold; what is longer, or NaN, is no duration."""

_BEFORE = ("blocked_ms", "tls_ms", "connect_ms", "dns_ms")
_PARTS = ("wait_network_ms", "wait_loss_ms", "wait_server_ms", "wait_server_min_ms")
_RECEIVED = ("receive_loss_ms", "receive_window_ms")
_WHYS = (
    ("blocked", "blocked_why"),
    ("dns", "dns_why"),
    ("connect", "connect_why"),
    ("ssl", "tls_why"),
    ("wait", "wait_why"),
)
_FACTS = (
    "background",
    "cache",
    "last_modified",
    "saved_bytes",
    "compression_missed_bytes",
    "authentication",
    "hsts",
    "third_party",
    "cdn",
    "upgrade",
)

_DESTINATIONS: Mapping[str, str] = {
    "document": "document",
    "iframe": "document",
    "frame": "document",
    "style": "stylesheet",
    "script": "script",
    "image": "image",
    "font": "font",
    "audio": "media",
    "video": "media",
    "track": "texttrack",
    "manifest": "manifest",
    "empty": "fetch",
    "websocket": "websocket",
}
"""``Sec-Fetch-Dest`` (W3C Fetch Metadata) → resource type of the developer tools."""

_BY_TYPE: Mapping[str, str] = {"image": "image", "font": "font", "audio": "media", "video": "media"}
_SCRIPTS = frozenset({"text/javascript", "application/javascript", "application/x-javascript"})


@dataclass(frozen=True, slots=True)
class Context:
    """What an entry needs beside its own row."""

    analysis: Analysis
    pages: Mapping[int, str]  # row number → id of its page
    tls: Mapping[int, TlsRow]  # by stream
    spoken: Mapping[tuple[int, int], WebSocketRow]  # by (stream, index of the handshake's transaction)
    addresses: dict[int, str]  # host number → address, filled as they are met

    @classmethod
    def of(cls, analysis: Analysis, pages: Mapping[int, str]) -> Context:
        """Return the context of an analysis."""
        return cls(
            analysis,
            pages,
            {row.stream: row for row in analysis.tls},
            {(row.stream, row.handshake_index): row for row in analysis.websocket},
            {},
        )

    def server(self, stream: int) -> str:
        """Return the address of a connection's server."""
        host = int(self.analysis.connections.server_host[stream])
        if host not in self.addresses:
            self.addresses[host] = self.analysis.connections.host(host)
        return self.addresses[host]

    def port(self, stream: int, scheme: str) -> str:
        """Return the address of the port that a connection leads to, without a path."""
        host = self.server(stream)
        number = int(self.analysis.connections.columns["server_port"][stream])
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{number}"


def milliseconds(value: float | None) -> float | None:
    """Return a duration to the nanosecond; None when it is unknown or no duration at all."""
    return round(value, 6) if value is not None and 0 <= value <= MAX_MS else None


def started(context: Context, row: HttpRow) -> int:
    """Return when a request's own phases began (ns); the capture's start where the request has no time."""
    if row.request_time is None:
        return context.analysis.capture.start_time or 0
    before = sum(milliseconds(getattr(row, name)) or 0.0 for name in _BEFORE)
    return row.request_time - round(before * NS_PER_MS)


def entry(context: Context, number: int) -> dict[str, Any]:
    """Return the entry of a row of the http table, ready for JSON.

    Args:
        number: of a row whose request is in the capture.
    """
    row = context.analysis.http[number]
    times = timings(row)
    remarks: list[str] = []
    address = row.url
    if address is None:
        address = context.port(row.stream, "https" if row.wrong_scheme == "https_on_http" else row.scheme or "http")
        remarks.append("The request cannot be read; its address is that of the port it was sent to.")
    if row.request_time is None:
        remarks.append("The capture does not say when this was asked; it is placed at the capture's start.")
    out: dict[str, Any] = {
        "startedDateTime": rfc3339(started(context, row)),
        "time": round(sum(times[name] for name in _SUMMED if times[name] > 0), 6),
        "request": request(row, address),
        "response": response(row),
        "cache": {},
        "timings": times,
        "serverIPAddress": context.server(row.stream),
        "connection": str(row.stream),
        "_connectionId": str(row.stream),
    }
    if number in context.pages:
        out["pageref"] = context.pages[number]
    if remarks:
        out["comment"] = " ".join(remarks)
    if (kind := resource_type(row)) is not None:
        out["_resourceType"] = kind
    if (cause := _initiator(context, row)) is not None:
        out["_initiator"] = cause
    if row.decrypted and row.stream in context.tls:
        out["_securityDetails"] = _security(context.tls[row.stream])
    if (spoken := context.spoken.get((row.stream, row.index))) is not None:
        out["_webSocketMessages"] = [_message(message) for message in spoken.messages]
    return out | _evidence(number, row)


# ── times ────────────────────────────────────────────────────────────────────────────────────────────────────────

_SUMMED = ("blocked", "dns", "connect", "send", "wait", "receive")


def timings(row: HttpRow) -> dict[str, float]:
    """Return HAR's timings of a request in ms; finite, and -1 only where HAR allows it."""
    connect, ssl = milliseconds(row.connect_ms), milliseconds(row.tls_ms)
    both = connect if ssl is None else round((connect or 0.0) + ssl, 6)
    optional = {
        "blocked": milliseconds(row.blocked_ms),
        "dns": milliseconds(row.dns_ms),
        "connect": both,
        "ssl": ssl,
    }
    out: dict[str, float] = {name: UNKNOWN if value is None else value for name, value in optional.items()}
    for name in ("send", "wait", "receive"):
        out[name] = milliseconds(getattr(row, f"{name}_ms")) or 0.0
    return out


# ── what HAR has no field for ────────────────────────────────────────────────────────────────────────────────────


def resource_type(row: HttpRow) -> str | None:
    """Return what kind of thing was asked for, in Chromium's words; None where nothing tells."""
    if (row.upgrade or "").lower() == "websocket":
        return "websocket"
    for name, value in row.request_headers:
        key = name.lower()
        if key == "sec-fetch-dest" and value in _DESTINATIONS:
            return _DESTINATIONS[value]
        if key == "x-requested-with" and value.lower() == "xmlhttprequest":
            return "xhr"
    kind = row.content_type or ""
    if kind == "text/css":
        return "stylesheet"
    if kind in _SCRIPTS:
        return "script"
    return _BY_TYPE.get(kind.partition("/")[0])


def _initiator(context: Context, row: HttpRow) -> dict[str, Any] | None:
    """Return the request that caused this one; its kind of cause is HAR's "other", since no script was seen."""
    rows = context.analysis.http
    if row.initiator is None or not 0 <= row.initiator < len(rows):
        return None
    cause = rows[row.initiator]
    address = uri(cause.url, cause.scheme or "http") if cause.url else ""
    return {"type": "other", "url": address, "_row": row.initiator + 1, "_status": cause.status or 0}


def _security(row: TlsRow) -> dict[str, Any]:
    out: dict[str, Any] = {"protocol": row.version or "", "_cipher": row.cipher, "_sni": row.sni, "_alpn": row.alpn}
    if row.certificates:
        leaf = row.certificates[0]
        out |= {"subjectName": leaf.subject, "issuer": leaf.issuer}
        out |= {"_notBefore": leaf.not_before, "_notAfter": leaf.not_after}
    return out


def _message(message: WebSocketMessage) -> dict[str, Any]:
    out: dict[str, Any] = {
        "type": "send" if message.from_ == "client" else "receive",
        "time": message.time / NS_PER_S,
        "opcode": OPCODES.get(message.opcode, UNKNOWN),
        "data": message.text or "",
        "_frame": message.frame,
        "_bytes": message.bytes,
    }
    if message.why is not None:
        out["_why"] = message.why
    return out


_PHASES = tuple(f.name for f in fields(PhaseFrames))
_TRUSTED = tuple(f.name for f in fields(PhaseTrust))


def _present(values: PhaseFrames | PhaseTrust, names: tuple[str, ...]) -> dict[str, Any]:
    shown = ((name, getattr(values, name)) for name in names)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in shown if value is not None}


def _evidence(number: int, row: HttpRow) -> dict[str, Any]:
    """Return our own facts: where they were seen, how far they can be trusted, what is missing."""
    frames = (("request", row.request_frames), ("response", row.response_frames))
    reasons = ((name, getattr(row, column)) for name, column in _WHYS)
    out: dict[str, Any] = {
        "_row": number + 1,
        "_outcome": row.outcome,
        "_outcome_why": row.outcome_why,
        "_frames": {name: list(pair) for name, pair in frames if pair is not None},
        "_display_filter": stream_filter(row.stream),
        "_phase_frames": _present(row.phase_frames, _PHASES),
        "_trust": _present(row.phase_trust, _TRUSTED),
        "_vantage": row.vantage,
        "_null_why": {name: why for name, why in reasons if why is not None},
        "_wait": {name.removeprefix("wait_"): milliseconds(getattr(row, name)) for name in _PARTS},
        "_receive": {name.removeprefix("receive_"): milliseconds(getattr(row, name)) for name in _RECEIVED},
        "_missing": {"request_bytes": row.request_missing_bytes, "response_bytes": row.response_missing_bytes},
        "_keep_alive": row.keep_alive,
        "_pipelined": row.pipelined,
    }
    if row.informational:
        out["_informational"] = [{"frame": told.frame, "status": told.status} for told in row.informational]
    known = ((name, getattr(row, name)) for name in _FACTS)
    return out | {f"_{name}": value for name, value in known if value is not None}
