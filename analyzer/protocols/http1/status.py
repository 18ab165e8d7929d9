"""Status codes: their registered phrases and what they mean for the message that carries them.

Sources: IANA HTTP Status Code Registry; RFC 9110 section 15; RFC 9112 section 6.3 (codes without a body).
"""

from __future__ import annotations

PHRASES: dict[int, str] = {
    100: "Continue",
    101: "Switching Protocols",
    102: "Processing",
    103: "Early Hints",
    200: "OK",
    201: "Created",
    202: "Accepted",
    203: "Non-Authoritative Information",
    204: "No Content",
    205: "Reset Content",
    206: "Partial Content",
    207: "Multi-Status",
    208: "Already Reported",
    226: "IM Used",
    300: "Multiple Choices",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    305: "Use Proxy",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    411: "Length Required",
    412: "Precondition Failed",
    413: "Content Too Large",
    414: "URI Too Long",
    415: "Unsupported Media Type",
    416: "Range Not Satisfiable",
    417: "Expectation Failed",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    423: "Locked",
    424: "Failed Dependency",
    425: "Too Early",
    426: "Upgrade Required",
    428: "Precondition Required",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    451: "Unavailable For Legal Reasons",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
    506: "Variant Also Negotiates",
    507: "Insufficient Storage",
    508: "Loop Detected",
    510: "Not Extended",
    511: "Network Authentication Required",
}

CLASSES: dict[int, str] = {1: "informational", 2: "successful", 3: "redirection", 4: "client error", 5: "server error"}

SWITCHING = 101


def phrase(status: int | None) -> str | None:
    """Return the registered phrase of a status code, None for an unregistered one."""
    return None if status is None else PHRASES.get(status)


def status_class(status: int) -> str | None:
    """Return the class of a status code in words (``client error``), None outside 100-599."""
    return CLASSES.get(status // 100)


def is_interim(status: int) -> bool:
    """Tell whether a response announces another one to come: 1xx but for 101, which ends HTTP on the connection."""
    return 100 <= status < 200 and status != SWITCHING


def has_no_body(status: int, method: bytes | None) -> bool:
    """Tell whether a response ends with its head whatever its fields say (RFC 9112 section 6.3, cases 1 and 2)."""
    return (
        method == b"HEAD" or 100 <= status < 200 or status in (204, 304) or (method == b"CONNECT" and status // 100 == 2)
    )
