"""Cookies as a connection shows them: names sent, names and flags set. Values are never kept.

Read as browsers read them, who take what servers really write: blanks are trimmed, unknown attributes and values that
make no sense are passed over, of an attribute that comes twice the last one counts, Max-Age goes before Expires.

Sources: RFC 6265 sections 4.1, 5.1.1 (dates) and 5.2; RFC 6265bis (draft-ietf-httpbis-rfc6265bis) section 5.6
(cookies without a name, SameSite).
"""

from __future__ import annotations

import re
from calendar import monthrange, timegm

from analyzer.protocols.http1.grammar import Fields
from analyzer.schema import Cookie
from analyzer.text import decode
from analyzer.units import NS_PER_S

COOKIES_KEPT = 200
"""Names told of one request. Browsers keep 180 for a site and send no more."""
DATE_BYTES = 100
"""Longest date read; real ones have 29 letters."""

_DATE_PARTS = re.compile(rb"[^\x09\x20-\x2F\x3B-\x40\x5B-\x60\x7B-\x7E]+")  # what RFC 6265 calls a date-token
_CLOCK = re.compile(rb"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D|\Z)")
_DAY = re.compile(rb"(\d{1,2})(?:\D|\Z)")
_YEAR = re.compile(rb"(\d{2,4})(?:\D|\Z)")
_MONTHS = {word: at for at, word in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_SECONDS = re.compile(rb"-?\d{1,20}\Z")


def sent(headers: Fields) -> tuple[str, ...]:
    """Return the names of the cookies that a request carries, in order; "" for one that is all value.

    Beyond :data:`COOKIES_KEPT`, the last entry says how many more there are.
    """
    if b"cookie" not in headers:
        return ()
    names = []
    for value in headers.values(b"cookie"):
        for pair in value.split(b";"):
            name, equals, _ = pair.partition(b"=")
            if equals:
                names.append(name.strip())
            elif name.strip():
                names.append(b"")
    more = len(names) - COOKIES_KEPT
    told = tuple(map(decode, names[:COOKIES_KEPT]))
    return (*told, f"… (+{more})") if more > 0 else told


def set_by(headers: Fields, time: int) -> tuple[Cookie, ...]:
    """Return the cookies that a response sets.

    Args:
        time: ns, when the response was seen: an Expires before it takes the cookie back.
    """
    if b"set-cookie" not in headers:
        return ()
    return tuple(_cookie(value, time) for value in headers.values(b"set-cookie"))


def _cookie(value: bytes, time: int) -> Cookie:
    """Read one Set-Cookie field (RFC 6265 section 5.2)."""
    pair, _, rest = value.partition(b";")
    name, equals, _ = pair.partition(b"=")
    said: dict[bytes, bytes] = {}
    for attribute in rest.split(b";"):
        key, _, told = attribute.partition(b"=")
        said[key.strip().lower()] = told.strip()
    same_site = said.get(b"samesite", b"").lower()
    ends = _ends(said, time)
    path = said.get(b"path", b"")
    return Cookie(
        name=decode(name.strip()) if equals else "",
        secure=b"secure" in said,
        http_only=b"httponly" in said,
        same_site=same_site.decode() if same_site in (b"strict", b"lax", b"none") else None,
        persistent=ends is not None and ends > 0,
        deleted=ends is not None and ends <= 0,
        domain=decode(said[b"domain"].lstrip(b".").lower()) or None if b"domain" in said else None,
        path=decode(path) if path.startswith(b"/") else None,
    )


def _ends(said: dict[bytes, bytes], time: int) -> float | None:
    """Return after how many seconds a cookie ends, None for one that lives as long as the browser."""
    age = said.get(b"max-age")
    if age is not None and _SECONDS.match(age):
        return int(age)
    date = said.get(b"expires")
    moment = None if date is None else cookie_date(date)
    return None if moment is None else moment - time / NS_PER_S


def cookie_date(raw: bytes) -> int | None:
    """Read a date as browsers do, whatever its format; seconds since 1970 UTC, None when it is none.

    Source: RFC 6265 section 5.1.1.
    """
    clock: tuple[int, int, int] | None = None
    day = month = year = None
    for part in _DATE_PARTS.findall(raw[:DATE_BYTES]):
        if clock is None and (found := _CLOCK.match(part)):
            clock = int(found[1]), int(found[2]), int(found[3])
        elif day is None and (found := _DAY.match(part)):
            day = int(found[1])
        elif month is None and (named := _MONTHS.get(part[:3].lower())):
            month = named
        elif year is None and (found := _YEAR.match(part)):
            year = int(found[1])
    if clock is None or day is None or month is None or year is None:
        return None
    year += 1900 if 70 <= year <= 99 else 2000 if year <= 69 else 0
    if year < 1601 or not 1 <= day <= monthrange(year, month)[1] or clock > (23, 59, 59) or max(clock[1:]) > 59:
        return None
    return timegm((year, month, day, *clock))
