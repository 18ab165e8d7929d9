"""The two messages of an entry: a row's request and response in HAR's words.

Rules:

* ``headersSize`` is what lies in the stream between the start of the message and its body, first line and blank line
  included; ``bodySize`` is the body as transferred, chunk sizes included, and 0 for 304. What is not known is -1.
* ``compression`` is left out where the body as transferred is longer than its content: chunk sizes saved nothing.
* A request without a response has one with status 0, and ``_error`` says in words why; so it does beside a response
  that is not whole.
* Header values, cookies and fields are those of the table: masked there, or not.

Sources: the HAR 1.2 specification; RFC 6265 sections 4.1 and 4.2 (cookies).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from analyzer import sentences
from analyzer.export.har_address import query_fields, uri
from analyzer.schema import HttpRow

UNKNOWN = -1
"""What HAR writes for sizes and times that are not known or do not apply."""

VERSIONS: Mapping[str | None, str] = {
    "0.9": "HTTP/0.9",
    "1.0": "HTTP/1.0",
    "1.1": "HTTP/1.1",
    "2": "http/2.0",
    "3": "h3",
    None: "unknown",
}
"""HTTP version → as Chromium writes it."""


def request(row: HttpRow, url: str) -> dict[str, Any]:
    """Return HAR's ``request``.

    Args:
        url: what was asked for, the row's own where it has one.
    """
    address = uri(url, row.scheme or "http")
    asked = [field for field in row.parameters if field.place == "query"]
    out: dict[str, Any] = {
        "method": row.method or "",
        "url": address,
        "httpVersion": _version(row),
        "cookies": [_pair(name, value) for name, value in _sent_cookies(row)],
        "headers": _headers(row.request_headers),
        "queryString": [_pair(field.name, field.value) for field in asked]
        or [_pair(name, value) for name, value in query_fields(address)],
        "headersSize": headers_size(row.request_offset, row.request_end_offset, row.request_body_bytes),
        "bodySize": UNKNOWN if row.request_body_bytes is None else row.request_body_bytes,
    }
    if address != url:
        out["_url"] = url
    if row.request_body_bytes:
        out["postData"] = _post_data(row)
    return out


def response(row: HttpRow) -> dict[str, Any]:
    """Return HAR's ``response``."""
    if row.status is None:
        return {
            "status": 0,
            "statusText": "",
            "httpVersion": _version(row),
            "cookies": [],
            "headers": _headers(row.response_headers),
            "content": {"size": 0, "mimeType": "x-unknown"},
            "redirectURL": "",
            "headersSize": UNKNOWN,
            "bodySize": UNKNOWN,
            "_transferSize": UNKNOWN,
            "_error": _error(row),
        }
    head = headers_size(row.response_offset, row.response_end_offset, row.response_body_bytes)
    body = 0 if row.status == 304 else UNKNOWN if row.response_body_bytes is None else row.response_body_bytes
    out: dict[str, Any] = {
        "status": row.status,
        "statusText": row.reason or "",
        "httpVersion": _version(row),
        "cookies": list(_set_cookies(row)),
        "headers": _headers(row.response_headers),
        "content": _content(row, body),
        "redirectURL": row.location or "",
        "headersSize": head,
        "bodySize": body,
        "_transferSize": head + body if head >= 0 and body >= 0 else UNKNOWN,
    }
    if row.outcome not in ("complete", "switched"):
        out["_error"] = _error(row)
    return out


def _content(row: HttpRow, body: int) -> dict[str, Any]:
    kind = next((value for name, value in row.response_headers if name.lower() == "content-type"), None)
    size = row.response_decoded_bytes
    out: dict[str, Any] = {"size": UNKNOWN if size is None else size, "mimeType": kind or "x-unknown"}
    if size is not None and 0 < body <= size:
        out["compression"] = size - body
    if row.content_type_seen is not None:
        out["_mimeTypeSeen"] = row.content_type_seen
    return out


def _error(row: HttpRow) -> str:
    return f"{row.outcome}: {sentences.why(row.outcome_why)}" if row.outcome_why else row.outcome


def _version(row: HttpRow) -> str:
    return VERSIONS.get(row.http_version) or f"HTTP/{row.http_version}"


def headers_size(start: int | None, end: int | None, body: int | None) -> int:
    """Return the bytes of a message before its body; -1 when it is not known where the body begins.

    Args:
        start, end: of the message in its stream.
        body: its body's size as transferred, None when there was none to be seen.
    """
    if start is None or end is None or body is None or end - start < body:
        return UNKNOWN
    return end - start - body


def _headers(headers: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in headers]


def _pair(name: str, value: str | None) -> dict[str, str]:
    return {"name": name, "value": value} if value is not None else {"name": name, "value": "", "comment": "not shown"}


def _post_data(row: HttpRow) -> dict[str, Any]:
    kind = next((value for name, value in row.request_headers if name.lower() == "content-type"), "")
    sent = [field for field in row.parameters if field.place == "body"]
    out: dict[str, Any] = {"mimeType": kind, "params": [_pair(field.name, field.value) for field in sent]}
    if sent and kind.lower().startswith("application/x-www-form-urlencoded") and all(f.value is not None for f in sent):
        from urllib.parse import urlencode

        out["text"] = urlencode([(f.name, f.value or "") for f in sent], errors="replace")
        out["comment"] = "written again from the decoded fields"
    return out


# ── cookies ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _sent_cookies(row: HttpRow) -> list[tuple[str, str]]:
    """Return the pairs of the Cookie fields, values as they are shown (RFC 6265 section 4.2.1)."""
    out = []
    for name, value in row.request_headers:
        if name.lower() == "cookie":
            for part in value.split(";"):
                if part.strip():
                    key, equals, secret = part.strip().partition("=")
                    out.append((key, secret) if equals else ("", key))
    return out


def _set_cookies(row: HttpRow) -> Iterable[dict[str, Any]]:
    """Yield the cookies of a response: flags as the table has them, values as the headers show them."""
    if not row.cookies_set:
        return
    values: dict[str, list[str]] = {}
    for name, value in row.response_headers:
        if name.lower() == "set-cookie":
            key, equals, secret = value.partition(";")[0].partition("=")
            values.setdefault(key.strip() if equals else "", []).append(secret.strip() if equals else key.strip())
    for cookie in row.cookies_set:
        held = values.get(cookie.name)
        out: dict[str, Any] = {"name": cookie.name, "value": held.pop(0) if held else ""}
        out |= {key: value for key, value in (("path", cookie.path), ("domain", cookie.domain)) if value is not None}
        out |= {"httpOnly": cookie.http_only, "secure": cookie.secure}
        if cookie.same_site is not None:
            out["sameSite"] = cookie.same_site.capitalize()
        yield out | {"_persistent": cookie.persistent, "_deleted": cookie.deleted}
