"""What a request was for: a page, a part of one, a form that was sent, or what a script wanted.

Told by what came (the type of the answer) and by what browsers say of themselves: Accept, X-Requested-With, and Fetch
Metadata, which they only send to secure sites and to the machine itself.

Sources: RFC 9110 section 12.5.1 (Accept), W3C Fetch Metadata section 2 (Sec-Fetch-Dest, Sec-Fetch-User), RFC 6455
section 4.1 (Origin of a WebSocket).
"""

from __future__ import annotations

from analyzer.schema import HttpRow

_SHEET = "text/css"
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
"""What a form of a page may be sent as (WHATWG HTML section 4.10.21.6)."""
_SEE_PAGE = (302, 303)
"""How a form that was sent is answered, so that the page behind it can be loaded again without sending it twice."""
_PAGES = ("text/html", "application/xhtml+xml")
_PART_TYPES = ("text/css", "image/", "font/", "application/font", "text/javascript", "application/javascript")
_PART_ENDINGS = ("css", "js", "png", "svg")


def path_of(row: HttpRow) -> str:
    """Return what was asked for without its parameters, which differ from call to call."""
    return (row.target or "").partition("?")[0]


def _of_script(name: str, value: str) -> bool:
    """Say whether a field of a request tells that a script asks, for a piece of a page perhaps."""
    key = name.lower()
    return key == "x-requested-with" or (key == "sec-fetch-dest" and value == "empty")


def is_page(row: HttpRow) -> bool:
    """Say whether a request is for a page: by what came or, when the answer names no type (304), what was wanted.

    The icon of a site is none, though the answer that there is no icon may be a page.
    """
    if path_of(row) == "/favicon.ico":
        return False
    if row.content_type is not None:
        if row.content_type not in _PAGES:
            return False
        return row.referer is None or not any(_of_script(*field) for field in row.request_headers)
    return any(name.lower() == "accept" and value.startswith(_PAGES) for name, value in row.request_headers)


def is_sheet(row: HttpRow) -> bool:
    """Say whether a request was for a style sheet: by what came or, when the answer names no type (304), its name."""
    return row.content_type == _SHEET or (row.content_type is None and path_of(row).endswith(".css"))


def is_part(row: HttpRow) -> bool:
    """Say whether a request looks like a part of a page: its type, or its well-known name."""
    path = path_of(row).rpartition("/")[2]
    part = (row.content_type or "").startswith(_PART_TYPES)
    return part or path == "favicon.ico" or path.rpartition(".")[2] in _PART_ENDINGS


def by_hand(row: HttpRow, page: bool) -> bool:
    """Say whether a person asked for what fills the window: the browser says so, or a form was sent for a page."""
    if row.method != "POST" and not page:
        return False
    fields = {name.lower(): value.lower() for name, value in row.request_headers}
    if fields.get("sec-fetch-dest", "document") != "document" or "x-requested-with" in fields:
        return False  # a frame, or a script
    if "sec-fetch-user" in fields:
        return True
    if row.method != "POST" or fields.get("content-type", "").partition(";")[0].strip() not in _FORMS:
        return False
    # A script rarely is sent on to a page; what it wants is not one.
    return fields.get("accept", "*/*").startswith(_PAGES if row.status not in _SEE_PAGE else (*_PAGES, "*/*"))


def origin(row: HttpRow) -> str | None:
    """Return the origin of the page that opens a WebSocket, which has no Referer (RFC 6455 section 4.1, point 8)."""
    if row.upgrade is None or row.upgrade.lower() != "websocket":
        return None
    return next((f"{value}/" for name, value in row.request_headers if name.lower() == "origin"), None)
