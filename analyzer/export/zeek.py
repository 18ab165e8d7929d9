"""Logs with Zeek's field names, for the tools that read those: ``conn.log``, ``dns.log``, ``http.log``, ``ssl.log``.

Rules: Zeek's ASCII format - header lines, fields separated by tabs, ``-`` for unset, ``(empty)`` for an empty set or
text, elements of a set by commas, instants as seconds with six digits, bytes that would break a line (or be taken
for ``-`` and ``(empty)``) as ``\\xNN``. Only fields whose meaning we share are there, and of those only what the
tables know:

* ``uid`` is ours: the same capture gives the same one, no other capture does.
* ``conn.log`` has TCP connections; datagrams are in no table as flows.
* ``orig_ip_bytes`` and ``resp_ip_bytes`` are not kept, so they are unset.
* ``trans_depth`` counts from 1. ``host`` is that of the URL where the request named one.

Sources: Zeek documentation, "Log Formats", and the reference of the records Conn::Info, DNS::Info, HTTP::Info and
SSL::Info.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from analyzer.export.batches import nonempty
from analyzer.protocols.dns.registry import CLASSES, RCODES, TYPES
from analyzer.schema import DnsRow, HttpRow, TcpRow, TlsRow

if TYPE_CHECKING:
    from analyzer.analysis import Analysis

UNSET, EMPTY = "-", "(empty)"
_UNSAFE = re.compile("[\x00-\x1f\x7f\\\\]")
_UNSAFE_IN_SET = re.compile("[\x00-\x1f\x7f\\\\,]")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

Field = tuple[str, str, Any]
"""A field's name, its Zeek type, and its value."""

_SERVICES = {"http1": "http", "tls": "ssl", "websocket": "websocket", "unknown": None}
"""Our name of an application → Zeek's, where they differ."""

_NUMBER = {name: number for number, name in TYPES.items()}
_CLASS_NUMBER = {name: number for number, name in CLASSES.items()}
_RCODE_NUMBER = {name: number for number, name in RCODES.items()}
_ZEEK_CLASSES = {"IN": "C_INTERNET", "CH": "C_CHAOS", "HS": "C_HESIOD", "NONE": "C_NONE", "ANY": "C_ANY"}


def files(analysis: Analysis) -> Iterator[tuple[str, Iterator[str]]]:
    """Give each log's name and its text in pieces; a log without entries is left out, as Zeek does."""
    return nonempty((f"{name}.log", _log(name, rows(analysis))) for name, rows in _LOGS)


def _log(name: str, entries: Iterator[list[Field]]) -> Iterator[str]:
    opened = False
    for entry in entries:
        if not opened:
            opened = True
            yield _opening(name, entry)
        yield "\t".join([written(value, kind) for _, kind, value in entry]) + "\n"


def _opening(name: str, entry: Sequence[Field]) -> str:
    lines = (
        ("#separator \\x09",),
        ("#set_separator", ","),
        ("#empty_field", EMPTY),
        ("#unset_field", UNSET),
        ("#path", name),
        ("#fields", *(field for field, _, _ in entry)),
        ("#types", *(kind for _, kind, _ in entry)),
    )
    return "".join("\t".join(line) + "\n" for line in lines)


def written(value: Any, kind: str) -> str:
    """Write a value of a Zeek type."""
    if value is None:
        return UNSET
    if kind == "time":
        return f"{value // 1_000_000_000}.{value % 1_000_000_000 // 1000:06d}"
    if kind == "interval":
        return f"{value / 1000:.6f}"
    if kind == "bool":
        return "T" if value else "F"
    if kind.startswith(("vector", "set")):
        if not value:
            return EMPTY
        inner = kind.split("[", 1)[1][:-1]
        return ",".join(
            written(item, inner) if inner != "string" else _escaped(str(item), _UNSAFE_IN_SET) for item in value
        )
    return _escaped(str(value), _UNSAFE)


def _escaped(text: str, unsafe: re.Pattern[str]) -> str:
    if not text:
        return EMPTY
    if text in (UNSET, EMPTY):
        return f"\\x{ord(text[0]):02x}{text[1:]}"
    return unsafe.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def uid(*parts: object) -> str:
    """Return an identifier as Zeek's look: ``C`` and 17 letters and digits, from what it stands for."""
    number = int.from_bytes(hashlib.sha256("\0".join(map(str, parts)).encode("utf-8", "replace")).digest()[:13], "big")
    out = ""
    for _ in range(17):
        number, digit = divmod(number, 62)
        out += _DIGITS[digit]
    return f"C{out}"


def _tuple(row: Any) -> list[Field]:
    return [
        ("id.orig_h", "addr", row.client),
        ("id.orig_p", "port", row.client_port),
        ("id.resp_h", "addr", row.server),
        ("id.resp_p", "port", row.server_port),
    ]


def _connections(analysis: Analysis) -> Iterator[list[Field]]:
    for row in analysis.connections.rows():
        yield _connection(row, analysis.capture.sha256)


def _connection(row: TcpRow, sha256: str) -> list[Field]:
    return [
        ("ts", "time", row.start_time),
        ("uid", "string", uid(sha256, row.stream)),
        *_tuple(row),
        ("proto", "enum", "tcp"),
        ("service", "string", _SERVICES.get(row.application, row.application)),
        ("duration", "interval", row.duration_ms),
        ("orig_bytes", "count", row.client_unique_bytes + row.client_missing_bytes),
        ("resp_bytes", "count", row.server_unique_bytes + row.server_missing_bytes),
        ("conn_state", "string", row.conn_state),
        ("missed_bytes", "count", row.client_missing_bytes + row.server_missing_bytes),
        ("history", "string", row.history),
        ("orig_pkts", "count", row.client_packets),
        ("orig_ip_bytes", "count", None),
        ("resp_pkts", "count", row.server_packets),
        ("resp_ip_bytes", "count", None),
    ]


def _lookups(analysis: Analysis) -> Iterator[list[Field]]:
    for row in analysis.dns:
        yield _lookup(row, analysis.capture.sha256)


def _lookup(row: DnsRow, sha256: str) -> list[Field]:
    answered = row.response_frame is not None
    kind = _NUMBER.get(row.qtype, _tail(row.qtype, "TYPE"))
    code = None if row.rcode is None else _RCODE_NUMBER.get(row.rcode, _tail(row.rcode, "RCODE"))
    key = (row.stream,) if row.stream is not None else (row.client, row.client_port, row.server, row.server_port)
    return [
        ("ts", "time", row.query_time if row.query_time is not None else row.response_time),
        ("uid", "string", uid(sha256, *key)),
        *_tuple(row),
        ("proto", "enum", "tcp" if row.transport in ("tcp", "tls", "https") else "udp"),
        ("trans_id", "count", row.id),
        ("rtt", "interval", row.latency_ms),
        ("query", "string", row.qname),
        ("qclass", "count", _CLASS_NUMBER.get(row.qclass, _tail(row.qclass, "CLASS"))),
        ("qclass_name", "string", _ZEEK_CLASSES.get(row.qclass, row.qclass)),
        ("qtype", "count", kind),
        ("qtype_name", "string", row.qtype),
        ("rcode", "count", code),
        ("rcode_name", "string", row.rcode),
        ("AA", "bool", row.flags.aa and answered),
        ("TC", "bool", row.flags.tc),
        ("RD", "bool", row.flags.rd),
        ("RA", "bool", row.flags.ra and answered),
        ("answers", "vector[string]", [answer.data for answer in row.answers] or None),
        ("TTLs", "vector[interval]", [answer.ttl * 1000 for answer in row.answers] or None),
        ("rejected", "bool", answered and row.rcode not in ("NOERROR", "NXDOMAIN", None) and not row.answers),
    ]


def _tail(name: str, prefix: str) -> int | None:
    """Return the number of a name that says it (``TYPE65534``), None for any other."""
    digits = name.removeprefix(prefix)
    return int(digits) if digits.isascii() and digits.isdigit() else None


def _requests(analysis: Analysis) -> Iterator[list[Field]]:
    for row in analysis.http:
        yield _request(row, analysis.connections.row(row.stream), analysis.capture.sha256)


def _request(row: HttpRow, connection: TcpRow, sha256: str) -> list[Field]:
    info = row.informational[-1] if row.informational else None
    return [
        ("ts", "time", row.request_time if row.request_time is not None else row.response_time),
        ("uid", "string", uid(sha256, row.stream)),
        *_tuple(connection),
        ("trans_depth", "count", row.index + 1),
        ("method", "string", row.method),
        ("host", "string", row.host),
        ("uri", "string", row.target),
        ("referrer", "string", row.referer),
        ("version", "string", row.http_version),
        ("user_agent", "string", row.user_agent),
        ("request_body_len", "count", row.request_body_bytes or 0),
        ("response_body_len", "count", row.response_decoded_bytes or row.response_body_bytes or 0),
        ("status_code", "count", row.status),
        ("status_msg", "string", row.reason),
        ("info_code", "count", None if info is None else info.status),
        ("resp_mime_types", "vector[string]", [row.content_type] if row.content_type else None),
    ]


def _sessions(analysis: Analysis) -> Iterator[list[Field]]:
    for row in analysis.tls:
        if row.transport == "tcp":
            yield _session(row, analysis.connections.row(row.stream), analysis.capture.sha256)


def _session(row: TlsRow, connection: TcpRow, sha256: str) -> list[Field]:
    began = row.client_hello_time if row.client_hello_time is not None else row.server_hello_time
    return [
        ("ts", "time", began if began is not None else connection.start_time),
        ("uid", "string", uid(sha256, row.stream)),
        *_tuple(connection),
        ("version", "string", row.version and row.version.replace(".", "")),
        ("cipher", "string", row.cipher),
        ("curve", "string", row.group),
        ("server_name", "string", row.sni),
        ("resumed", "bool", row.resumption not in (None, "none")),
        ("last_alert", "string", row.alerts[-1].description if row.alerts else None),
        ("next_protocol", "string", row.alpn),
        ("established", "bool", row.outcome == "established"),
        ("cert_chain_fps", "vector[string]", [one.sha256 for one in row.certificates] or None),
    ]


_LOGS: tuple[tuple[str, Callable[[Analysis], Iterator[list[Field]]]], ...] = (
    ("conn", _connections),
    ("dns", _lookups),
    ("http", _requests),
    ("ssl", _sessions),
)

NAMES = tuple(f"{name}.log" for name, _ in _LOGS)
"""All files that a capture can have."""
