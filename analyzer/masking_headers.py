"""Secrets out of header fields: the name of one stays (a reader must see *that* a cookie was sent), its value goes.

A cookie keeps its name and its flags, an ``Authorization`` its scheme. Fields whose names sound like secrets
(:mod:`analyzer.secret_names`) are hidden, and every other one is searched for what is secret in it.

Sources: RFC 9110 section 11.6 (credentials), RFC 6265 sections 4.1 and 5.2 (cookies), RFC 6455 section 11.5 and the
IANA registry of WebSocket subprotocols.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from operator import ne

from analyzer.masking_text import HARMLESS, MASKED, may_hold
from analyzer.masking_urls import REMEMBERED, mask_url, mask_value
from analyzer.secret_names import is_secret

_CREDENTIALS = frozenset({"authorization", "proxy-authorization"})
_CHALLENGES = frozenset({"authentication-info", "proxy-authentication-info"})
_PLAIN = frozenset({"sec-websocket-key", "sec-websocket-accept", "www-authenticate", "proxy-authenticate"})
"""Fields that are shown as they are: nothing in them opens anything."""

_PLAIN_VALUE = re.compile(
    r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT|(?:W/)?\"(?!eyJ)[\w-]{0,64}\"|\d*"
)
"""Dates, entity tags and numbers: much of what is new in every message."""
_SCHEME = re.compile(r"(?:Basic|Bearer|Digest|Negotiate|NTLM|ApiKey|DPoP)\s+\S", re.IGNORECASE)
_SCHEME_NAMES = (
    "basic bearer digest dpop gnap hoba mutual negotiate ntlm kerberos oauth privatetoken scram-sha-1 scram-sha-256 "
    "vapid concealed aws aws4-hmac-sha256 aws4-ecdsa-p256-sha256 apikey api-key token googlelogin sharedkey "
    "sharedkeylite sharedaccesssignature hawk signature hmac mac jwt key session splunk passport wsse pveapitoken "
    "client-id geniekey discogs mediabrowser snowflake bot eg1-hmac-sha256 tc3-hmac-sha256 goog4-rsa-sha256"
)
_SCHEMES = frozenset(_SCHEME_NAMES.split())
"""First words of credentials that say how they are meant: IANA's registry, and what large services use."""


@lru_cache(maxsize=4096)
def _rule(name: str) -> Callable[[str], str] | None:
    """Return how the values of a header are masked, None for one that is only searched."""
    key = name.strip().lower()
    if key in _CREDENTIALS:
        return _mask_credentials
    if key in _PLAIN:
        return str
    if key == "sec-websocket-protocol":
        return _mask_subprotocols
    if key in ("set-cookie", "set-cookie2"):
        return mask_set_cookie
    if not (is_secret(name) or is_secret(key) or key in _CHALLENGES):
        return None
    return _mask_cookie if "cookie" in key else _mask_all


def mask_header(name: str, value: str) -> str:
    """Return a header's value as it may be shown."""
    rule = _rule(name) if len(name) <= REMEMBERED else _rule.__wrapped__(name)
    if rule is None and (_PLAIN_VALUE.fullmatch(value) or ("+" not in value and not may_hold(value))):
        return value  # most headers
    if not value.strip() or value == MASKED:
        return value
    if rule is not None:
        return rule(value)
    return MASKED if _SCHEME.match(value.strip()) else mask_value(value)


def mask_headers(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[tuple[str, str], ...], int]:
    """Return header fields as they may be shown, the same ones where nothing is to hide, and how many were masked."""
    shown = tuple(
        [
            _short_field(field)
            if len(field[1]) <= SHORT
            else _long_field(field)
            if len(field[1]) <= LONG
            else _mask_field(field)
            for field in headers
        ]
    )
    count = sum(map(ne, shown, headers))
    return (shown, count) if count else (headers, 0)


def _mask_field(field: tuple[str, str]) -> tuple[str, str]:
    """Return a header field as it may be shown, the same one where nothing is to hide."""
    name, value = field
    hidden = mask_header(name, value)
    return field if hidden == value else (name, hidden)


SHORT, LONG = 512, 8192
"""Longest header values of which is remembered what is shown of them: many short ones, and some of the long ones that
come with every answer (Content-Security-Policy)."""
_short_field = lru_cache(maxsize=8192)(_mask_field)
_long_field = lru_cache(maxsize=256)(_mask_field)


def _mask_all(value: str) -> str:
    return value if value.strip().lower() in HARMLESS else MASKED


def _mask_credentials(value: str) -> str:
    """Keep the scheme (``Basic``, ``Bearer``) and hide the rest; a value without one is all secret."""
    words = value.split(None, 1)
    return f"{words[0]} {MASKED}" if len(words) == 2 and words[0].lower() in _SCHEMES else MASKED


# ── cookies ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _mask_cookie(value: str) -> str:
    """Mask the value of every ``name=value``; a nameless cookie is all value."""
    parts = []
    for part in value.split(";"):
        name, equals, secret = part.partition("=")
        if equals:
            parts.append(f"{mask_url(name)}={MASKED}" if secret.strip() else part)
        else:
            parts.append(f"{part[: len(part) - len(part.lstrip())]}{MASKED}" if part.strip() else part)
    return ";".join(parts)


_FLAGS = frozenset({"secure", "httponly", "partitioned", "discard"})
_DATE = re.compile(
    r"\"?(?:[a-z]{3,9},?\s+)?(?:\d{1,2}[-\s][a-z]{3,9}[-\s]\d{2,4}\s+\d{1,2}:\d{2}(?::\d{2})?"
    r"|[a-z]{3,9}\s+\d{1,2}\s+(?:\d{4}\s+)?\d{1,2}:\d{2}:\d{2}(?:\s+\d{4})?)(?:\s+(?:gmt|utc|z)?(?:[+-]\d{1,4})?)?\"?",
    re.IGNORECASE,
)
_HOST = re.compile(
    r"\"?(?:\.?(?:[a-z0-9_-]{1,63}\.){1,32}[a-z0-9-]{1,63}\.?|localhost|\[?[0-9a-f:.]*:[0-9a-f:.]*\]?)\"?",
    re.IGNORECASE,
)
_PATH = re.compile(r"\"?/[^\s,\"]*\"?")
_ALLOWED = {
    "expires": re.compile(rf"(?:{_DATE.pattern}|-?\d{{1,10}}|session)", re.IGNORECASE),
    "max-age": re.compile(r"\"?-?\d{1,20}\"?"),
    "domain": _HOST,
    "path": _PATH,
    "samesite": re.compile(r"\"?(?:strict|lax|none)\"?", re.IGNORECASE),
    "priority": re.compile(r"low|medium|high", re.IGNORECASE),
    "version": re.compile(r"\"?\d{1,2}\"?"),
    "port": re.compile(r"\"[\d, ]{0,40}\""),
}
"""Attribute of a cookie → values that are what it is for; anything else may be a second cookie or a slip."""
_LONGEST = {"domain": 255, "path": REMEMBERED}
_NEXT_COOKIE = re.compile(r",(?=\s{0,8}[^\s,;=]{1,256}\s{0,8}=)")


def mask_set_cookie(value: str) -> str:
    """Mask the first pair, and what is no attribute, or no value that one can have.

    Some programs fold several fields into one, with commas: behind one, another cookie begins.
    """
    first, semicolon, rest = value.partition(";")
    attributes = []
    for part in rest.split(";"):
        own, *others = _NEXT_COOKIE.split(part)
        attributes.append(",".join([_mask_attribute(own), *map(_mask_cookie, others)]))
    return _mask_cookie(first) + semicolon + ";".join(attributes)


def _mask_attribute(part: str) -> str:
    name, equals, value = part.partition("=")
    key, plain = name.strip().lower(), value.strip()
    if not equals:
        return part if key in _FLAGS or not key else f"{part[: len(part) - len(part.lstrip())]}{MASKED}"
    if not plain or plain == MASKED:
        return part if key in _ALLOWED or key in _FLAGS or not plain else f"{mask_url(name)}={MASKED}"
    allowed = _ALLOWED.get(key)
    if allowed is not None and len(plain) <= _LONGEST.get(key, 100) and allowed.fullmatch(plain) is not None:
        return f"{name}={mask_url(value)}"
    return f"{name}={MASKED}" if key in _ALLOWED or key in _FLAGS else f"{mask_url(name)}={MASKED}"


def mask_cookie_path(path: str) -> str:
    """Return a cookie's path as it may be shown."""
    return mask_url(path) if path == MASKED or (len(path) <= REMEMBERED and _PATH.fullmatch(path)) else MASKED


def mask_cookie_domain(domain: str) -> str:
    """Return a cookie's domain as it may be shown: a name of one word is none (RFC 6265 section 5.3)."""
    return domain if domain == MASKED or (len(domain) <= 255 and _HOST.fullmatch(domain)) else MASKED


# ── subprotocols of WebSockets ───────────────────────────────────────────────────────────────────────────────────

_TOKEN_WORDS = re.compile(r"authorization|bearer|token|jwt|secret|api-?key", re.IGNORECASE)
_SUBPROTOCOL = re.compile(
    r"(?:[A-Z]?[a-z]{1,24}\d{0,2}|v?\d{1,4}|[A-Z]{1,6})(?:[._/+:-](?:[A-Z]?[a-z]{1,24}\d{0,2}|v?\d{1,4}|[a-z]?\d{1,2}[a-z]{1,3}|[A-Z]{1,6}))*"
)
"""Names made of words and versions, as registered ones are: ``v12.stomp``, ``graphql-transport-ws``, ``ocpp1.6``."""


def _mask_subprotocols(value: str) -> str:
    """Mask what is no name of a subprotocol: browsers can put a token nowhere else. Behind "token", one follows."""
    if _SCHEME.match(value.strip()):
        return MASKED
    parts = value.split(",")
    hidden = False
    for at, part in enumerate(parts):
        name = part.strip()
        tells = _TOKEN_WORDS.search(name) is not None
        if name and (tells or hidden or len(name) > 80 or _SUBPROTOCOL.fullmatch(name) is None):
            parts[at] = f"{part[: len(part) - len(part.lstrip())]}{MASKED}"
        hidden = tells and _SUBPROTOCOL.fullmatch(name) is not None
    return ",".join(parts)
