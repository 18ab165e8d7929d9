"""Addresses for HAR: whatever stood in a request becomes a URI that other programs can read.

Rules: what is a URI stays as it is, to the letter. A character that has no place in that part of a URI is
percent-encoded; ``%`` stays where two hexadecimal digits follow. An address without a scheme (CONNECT names only host
and port) gets one. Reading a query undoes all that.

Source: RFC 3986 sections 2 and 3, appendix A.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, unquote_plus

MAX_QUERY_FIELDS = 1000
"""Fields of one query listed; more are noise made to be noise, and the address has them all."""

_CHARACTERS = r"[\w.~!$&'()*+,;=:@/-]"  # of a path: unreserved, sub-delims, pchar and the slash
_PLAIN = re.compile(
    rf"[a-z][a-z0-9+.-]*://[\w.~-]+(?::[0-9]+)?(?:/{_CHARACTERS}*)?(?:\?(?:{_CHARACTERS}|\?)*)?",
    re.IGNORECASE | re.ASCII,
)
_SUB_DELIMS = "!$&'()*+,;="
_SPLIT = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*)://)?([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?", re.DOTALL)
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NAME, _PATH, _QUERY = _SUB_DELIMS, f"{_SUB_DELIMS}:@/", f"{_SUB_DELIMS}:@/?"


def uri(text: str, scheme: str = "http") -> str:
    """Return an address as a URI.

    Args:
        text: an absolute address as captured; any text.
        scheme: what an address without one gets.
    """
    if _PLAIN.fullmatch(text):
        return text
    found = _SPLIT.fullmatch(text)
    assert found is not None  # every part may be empty, and the last takes the rest
    own, authority, path, query, fragment = found.groups()
    out = f"{own or scheme}://{_authority(authority)}{_encoded(path, _PATH)}"
    if query is not None:
        out += "?" + _encoded(query[1:], _QUERY)
    return out if fragment is None else f"{out}#{_encoded(fragment[1:], _QUERY)}"


def _encoded(text: str, allowed: str) -> str:
    """Percent-encode what is not allowed; lone surrogates as the bytes they would have in UTF-8."""
    return quote(_PERCENT.sub("%25", text), safe=f"{allowed}%", errors="surrogatepass")


def _authority(text: str) -> str:
    user, at, rest = text.rpartition("@")
    host, colon, port = rest.rpartition(":")
    if not colon or (port and not (port.isascii() and port.isdigit())):
        host, colon, port = rest, "", ""
    shown = host if _literal(host) else _encoded(host, _NAME)
    return (f"{_encoded(user, _NAME + ':')}@" if at else "") + shown + colon + port


def _literal(host: str) -> bool:
    """Tell whether a host is an IPv6 literal."""
    if not (host.startswith("[") and host.endswith("]")):
        return False
    try:
        ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        return False
    return "%" not in host


def query_fields(address: str) -> list[tuple[str, str]]:
    """Return the decoded fields of an address's query, in their order."""
    query = address.partition("#")[0].partition("?")[2]
    if not query:
        return []
    pairs = (part.partition("=") for part in query.split("&", MAX_QUERY_FIELDS)[:MAX_QUERY_FIELDS] if part)
    return [(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs]
