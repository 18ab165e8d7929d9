"""Secrets out of what is shown: credentials, cookies and tokens become ``[masked]``, everything around them stays.

Rules: the name of a secret is kept (a reader must see *that* a cookie was sent), its value is not. A cookie keeps its
name and its flags, an ``Authorization`` its scheme, a URL everything but its password and the values of parameters
with secret-like names, also in a URL that it carries as a parameter. Masking errs on the side of hiding: names are
matched as words inside longer names (``X-Auth-Token``, ``reset_password``), and every header is searched for URLs.
Masking twice changes nothing.

Sources: RFC 9110 section 11.6 (credentials), RFC 6265 (cookies), RFC 6750 section 2.3 (tokens in URLs), RFC 3986
section 3.2.1 (passwords in URLs).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import is_, is_not
from urllib.parse import unquote

from analyzer.schema import FindingRow, HttpRow, Parameter, Step, VisitRow, changed
from analyzer.secret_names import is_secret

MASKED = "[masked]"

_CREDENTIALS = frozenset({"authorization", "proxy-authorization"})
_CHALLENGES = frozenset({"authentication-info", "proxy-authentication-info"})
_COOKIES = frozenset({"cookie", "cookie2", "set-cookie", "set-cookie2"})

_SECRET_HEADER = re.compile(
    r"(?:^|[-_.])(?:api[-_]?key|apikey|auth|authorization|authentication|token|tokens|secret|password|passwd|pwd|"
    r"session|sessionid|sid|csrf|xsrf|credential|credentials|signature|access[-_]?key|private[-_]?key|ticket|jwt|"
    r"assertion|otp|nonce|pass)(?:[-_.]|$)|token$|secret$|password$|apikey$|sessionid$",
    re.IGNORECASE,
)
_NOT_SECRET_HEADERS = frozenset(
    {"sec-websocket-key", "sec-websocket-accept", "public-key-pins", "www-authenticate", "proxy-authenticate"}
)

_SCHEME = re.compile(r"(?:Basic|Bearer|Digest|Negotiate|NTLM)\s+\S", re.IGNORECASE)
_BEARER_PROTOCOL = re.compile(r"authorization|bearer|token", re.IGNORECASE)
# The user ends at the first colon, the host begins after the last "@" (RFC 3986 section 3.2; a password with either in
# it should be percent-encoded, but need not be).
_USERINFO = re.compile(r"//([^/?#@:\s]*):[^/?#\s]*@")
_AUTHORITY = re.compile(r"(?!mailto:)([^/?#@:\s]*):[^/?#\s]*@([^/?#@\s]*)", re.IGNORECASE)
_PATH_PART = re.compile(r"[^/;&]+")
_NAME_MARKS = re.compile(r"[?/\s\"'<(,]")
REMEMBERED = 2048
"""Longest text whose masked form is remembered: what comes again and again is shorter, and long ones would fill the
memory."""
MAX_NESTED = 3
"""URLs inside URLs that are looked into; a login page that returns to a login page is one deep."""
_COOKIE_FLAGS = frozenset(
    {
        "expires",
        "max-age",
        "domain",
        "path",
        "secure",
        "httponly",
        "samesite",
        "partitioned",
        "priority",
        "version",
        "comment",
    }
)


def _mask_part(part: str, depth: int) -> str:
    """Mask the value of ``name=value`` when the name sounds like a secret, and secrets inside the value otherwise."""
    name, equals, value = part.partition("=")
    if equals and value and is_secret(_NAME_MARKS.split(name)[-1]):
        return f"{name}={MASKED}"
    return name + equals + _mask_nested(value, depth) if equals else _mask_nested(part, depth)


def _mask_nested(value: str, depth: int) -> str:
    """Mask the secrets of a URL that stands as a value in another; one in percent-encoding is hidden as a whole."""
    if depth >= MAX_NESTED or not ("=" in value or "%" in value):
        return value
    shown = _mask(value, depth + 1) if "=" in value else value
    plain = unquote(shown) if "%" in shown else shown
    return MASKED if plain != shown and _mask(plain, depth + 1) != plain else shown


def _mask_parameters(query: str, depth: int) -> str:
    """Mask values in ``a=1&token=x``; separators are ``&`` and ``;``, the latter also in the middle of a secret."""
    parts = re.split(r"([&;])", query)
    secret = False
    for at in range(0, len(parts), 2):
        part = parts[at]
        if secret and parts[at - 1] == ";" and part.strip() and "=" not in part:
            parts[at] = MASKED
            continue
        parts[at] = _mask_part(part, depth)
        secret = parts[at].endswith(f"={MASKED}")
    return "".join(parts)


def mask_url(url: str) -> str:
    """Mask the password and secret-like parameters of a URL or request target; anything else comes back as it was.

    Also takes a text with URLs in it, such as the value of a header.
    """
    if not ("=" in url or "@" in url or "%" in url):
        return url  # nothing in it has a value, and this is most of what is asked
    return _remembered(url) if len(url) <= REMEMBERED else _mask(url, 0)


@lru_cache(maxsize=16384)
def _remembered(url: str) -> str:
    return _mask(url, 0)


def _mask(url: str, depth: int) -> str:
    if "@" in url:
        url = _USERINFO.sub(lambda match: f"//{match[1]}:{MASKED}@", url)
        if (authority := _AUTHORITY.fullmatch(url)) is not None:  # the target of CONNECT
            return f"{authority[1]}:{MASKED}@{authority[2]}"
    rest, hash_mark, fragment = url.partition("#")
    path, question, query = rest.partition("?")
    path = _PATH_PART.sub(lambda match: _mask_part(match[0], depth), path)
    return path + question + _mask_parameters(query, depth) + hash_mark + _mask_parameters(fragment, depth)


def _mask_cookie(value: str) -> str:
    """Mask the value of every ``name=value``; a nameless cookie is all value."""
    parts = []
    for part in value.split(";"):
        name, equals, secret = part.partition("=")
        if equals:
            parts.append(f"{name}={MASKED}" if secret.strip() else part)
        else:
            parts.append(f"{part[: len(part) - len(part.lstrip())]}{MASKED}" if part.strip() else part)
    return ";".join(parts)


def _mask_set_cookie(value: str) -> str:
    """Mask the first pair, keep the attributes; an unknown attribute with a value is masked too."""
    first, semicolon, rest = value.partition(";")
    parts = []
    for part in rest.split(";"):
        name, equals, secret = part.partition("=")
        known = name.strip().lower() in _COOKIE_FLAGS
        parts.append(part if known or not equals or not secret.strip() else f"{name}={MASKED}")
    return _mask_cookie(first) + semicolon + ";".join(parts)


def _mask_credentials(value: str) -> str:
    """Keep the scheme (``Basic``, ``Bearer``) and hide the rest; a value of one word is all secret."""
    scheme, space, rest = value.strip().partition(" ")
    return f"{scheme} {MASKED}" if space and rest.strip() else MASKED


def mask_header(name: str, value: str) -> str:
    """Return a header's value as it may be shown."""
    rule = _rule(name) if len(name) <= REMEMBERED else _rule.__wrapped__(name)
    if rule is None and not ("=" in value or "@" in value or "%" in value) and value[:1] not in _BEGINS_A_SCHEME:
        return value  # most headers: nothing in it has a value
    if not value.strip() or value == MASKED:
        return value
    if rule is not None:
        return rule(value)
    return MASKED if _SCHEME.match(value.strip()) else mask_url(value)


_BEGINS_A_SCHEME = frozenset("BbDdNn \t\r\n\f\v")
"""What a value that may be credentials begins with: the first letters of the schemes, and blanks."""


@lru_cache(maxsize=4096)
def _rule(name: str) -> Callable[[str], str] | None:
    """Return how the values of a header are masked, None for one that is only searched for URLs and credentials."""
    key = name.strip().lower()
    if key in _CREDENTIALS:
        return _mask_credentials
    if key in _COOKIES:
        return _mask_set_cookie if key.startswith("set-") else _mask_cookie
    if key in _NOT_SECRET_HEADERS:
        return str
    if key == "sec-websocket-protocol":
        return _mask_subprotocol
    return _mask_all if key in _CHALLENGES or _SECRET_HEADER.search(key) is not None else None


def _mask_all(value: str) -> str:
    return MASKED


def _mask_subprotocol(value: str) -> str:
    """Mask the names of subprotocols where one is a token: browsers can put one nowhere else."""
    return MASKED if _BEARER_PROTOCOL.search(value) or _SCHEME.match(value.strip()) else mask_url(value)


def _mask_headers(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[tuple[str, str], ...], int]:
    """Return header fields as they may be shown, the same ones where nothing is to hide, and how many were masked."""
    shown = [mask_header(name, value) for name, value in headers]
    count = sum(hidden != value for hidden, (_, value) in zip(shown, headers, strict=True))
    if not count:
        return headers, 0
    return tuple((name, hidden) for (name, _), hidden in zip(headers, shown, strict=True)), count


def _only_adds_host(row: HttpRow) -> bool:
    """Say whether a row's URL is its target behind scheme and host: what is secret in it is in the target, too."""
    url, target = row.url or "", row.target or ""
    return target.startswith("/") and url.endswith(target) and "@" not in url[: -len(target)]


def _mask_parameter(field: Parameter) -> Parameter:
    """Mask a form field by its name; in the value of another, and in a name without value, what is secret in a URL."""
    name, value = mask_url(field.name), field.value
    if value:
        hide = value != MASKED and (is_secret(field.name) or _SCHEME.match(value) is not None)
        value = MASKED if hide else mask_url(value)
    return field if value == field.value and name == field.name else changed(field, name=name, value=value)


def _mask_form(fields: tuple[Parameter, ...]) -> tuple[tuple[Parameter, ...], int]:
    """Return form fields as they may be shown, and how many of the body's were masked (the target is counted)."""
    shown = tuple(map(_mask_parameter, fields))
    return shown, sum(new is not old and new.place == "body" for new, old in zip(shown, fields, strict=True))


def mask_row(row: HttpRow) -> tuple[HttpRow, int]:
    """Return a row as it may be shown, and how many of its values were masked.

    A secret in the target is one, though it stands in the URL and among the form fields as well; the columns drawn
    from headers are counted with their header.
    """
    asked, in_request = _mask_headers(row.request_headers)
    told, in_response = _mask_headers(row.response_headers)
    masked: dict[str, object] = {}
    for name, value in (("target", row.target), ("referer", row.referer), ("location", row.location), ("url", row.url)):
        if value is None or (name == "url" and "target" not in masked and row.target and _only_adds_host(row)):
            continue
        if (hidden := mask_url(value)) != value:
            masked[name] = hidden
    count = in_request + in_response + ("target" in masked or "url" in masked)
    if row.parameters:
        masked["parameters"], in_form = _mask_form(row.parameters)
        count += in_form
    if not count and not masked:
        return row, 0
    return changed(row, request_headers=asked, response_headers=told, **masked), count


def mask_rows(rows: list[HttpRow]) -> tuple[list[HttpRow], int]:
    """Return rows as they may be shown, and how many values were masked in all."""
    out = []
    total = 0
    for row in rows:
        shown, count = mask_row(row)
        out.append(shown)
        total += count
    return out, total


def _mask_args(args: Mapping[str, object]) -> Mapping[str, object]:
    """Mask the texts among a sentence's arguments (they are URLs, targets and names); the same when none has any."""
    shown = {
        key: hidden for key, value in args.items() if isinstance(value, str) and (hidden := mask_url(value)) != value
    }
    return {**args, **shown} if shown else args


def _mask_step(step: Step) -> Step:
    shown = _mask_args(step.sentence_args)
    return step if shown is step.sentence_args else changed(step, sentence_args=shown)


def mask_visits(rows: Iterable[VisitRow]) -> list[VisitRow]:
    """Return visits as they may be shown: their addresses and the arguments of their sentences."""
    return list(map(_mask_visit, rows))


def _mask_visit(row: VisitRow) -> VisitRow:
    url, final = mask_url(row.url), None if row.final_url is None else mask_url(row.final_url)
    steps = tuple(map(_mask_step, row.steps))
    if url == row.url and final == row.final_url and all(map(is_, steps, row.steps)):
        return row
    return changed(row, url=url, final_url=final, steps=steps)


def mask_findings(rows: Iterable[FindingRow]) -> list[FindingRow]:
    """Return findings as they may be shown: the arguments of their titles."""
    return [changed(row, args=_mask_args(row.args)) for row in rows]
