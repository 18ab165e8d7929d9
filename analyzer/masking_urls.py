"""Secrets out of URLs, request targets, and the values that stand in headers, forms and queries.

A URL keeps everything but its password and the values of parameters with secret-like names, also in a URL that it
carries as a parameter. Values need not be URLs: programs send JSON, GraphQL and tokens in all of these places, so what
:mod:`analyzer.masking_text` finds goes too. A value in percent-encoding that hides a secret is hidden as a whole.
Masking twice changes nothing.

Sources: RFC 3986 section 3.2.1 (passwords in URLs), RFC 6750 section 2.3 (tokens in URLs).
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import unquote

from analyzer.masking_text import MASKED, may_hold, search
from analyzer.secret_names import is_secret

# The user ends at the first colon, the host begins after the last "@" (RFC 3986 section 3.2; a password with either in
# it should be percent-encoded, but need not be).
_USERINFO = re.compile(r"//([^/?#@:\s]*):[^/?#\s]*@")
_PEOPLE = r"(?!(?:mailto|sips?|xmpp|acct|cid|mid):)"
_AUTHORITY = re.compile(_PEOPLE + r"([^/?#@:\s]*):[^/?#\s]*@([^/?#@\s]*)", re.IGNORECASE)
_AUTHORITY_AS_PATH = re.compile(
    r"((?:^|(?<!/)/)" + _PEOPLE + r"[^/?#@:\s]*):(?!//|\[masked\]@)[^/?#\s]*@(?=[^/?#@\s]+(?::\d|[/?#]|$))"
)
"""The target of CONNECT where a path should stand, as in the address made of it."""
_PATH_PART = re.compile(r"[^/;&]+")
_NAME_MARKS = re.compile(r"[?/\"'<(,]|\s+(?=\S)")
REMEMBERED = 2048
"""Longest text whose masked form is remembered: what comes again and again is shorter, and long ones would fill the
memory."""
MAX_NESTED = 3
"""URLs inside URLs that are looked into; a login page that returns to a login page is one deep."""
ROUNDS = 4
"""How often a text in which something was found is looked at again: what is masked may have hidden where a name
begins. Two rounds settle everything that is not made to need more."""
_ADDRESS = re.compile(r"[^\s\"'<>\\]{8,}+")


def mask_url(url: str) -> str:
    """Mask what is secret in a URL, a request target, or a value with such in it; else it stays as it was."""
    if not ("=" in url or "@" in url or "%" in url or '"' in url or "eyJ" in url):
        return url  # nothing in it has a value, and this is most of what is asked
    return _remembered(url) if len(url) <= REMEMBERED else _settled(url)


def mask_value(value: str) -> str:
    """Mask what is secret in a value of a header or form: as :func:`mask_url`, and what looks like ``name: value``."""
    if ":" in value or " " in value or "<" in value:
        return _remembered(value) if len(value) <= REMEMBERED else _settled(value)
    return mask_url(value)


def mask_text(text: str) -> tuple[str, int]:
    """Return a message's text as it may be shown, and how many values in it were masked.

    What was hidden may have kept a name beside it from being seen, so a text that changed is looked through again.
    """
    total = 0
    for _ in range(ROUNDS):
        text, count = _search(text)
        total += count
        if not count:
            break
    return text, total


def _search(text: str) -> tuple[str, int]:
    text, count = search(text, message=True)
    if "%" in text or "://" in text:
        parts = []
        reached = 0
        for found in _ADDRESS.finditer(text):
            if (shown := mask_url(found[0])) != found[0]:
                parts += [text[reached : found.start()], shown]
                reached = found.end()
                count += 1
        text = "".join(parts) + text[reached:]
    return text, count


@lru_cache(maxsize=16384)
def _remembered(text: str) -> str:
    return _settled(text)


def _settled(text: str) -> str:
    if "+" not in text and not may_hold(text):
        return text
    for _ in range(ROUNDS):
        shown = _mask(text, 0)
        if shown == text:
            break
        text = shown
    return text


def _mask(url: str, depth: int) -> str:
    if "@" in url:
        url = _USERINFO.sub(lambda match: f"//{match[1]}:{MASKED}@", url)
        if (authority := _AUTHORITY.fullmatch(url)) is not None:  # the target of CONNECT
            return f"{authority[1]}:{MASKED}@{authority[2]}"
        if "://" not in url.partition("?")[0] or url.count(":") > 1:
            url = _AUTHORITY_AS_PATH.sub(lambda match: f"{match[1]}:{MASKED}@", url)
    if "=" in url or "%" in url:
        rest, hash_mark, fragment = url.partition("#")
        path, question, query = rest.partition("?")
        path = _PATH_PART.sub(lambda match: _mask_part(match[0], depth), path)
        url = path + question + _mask_parameters(query, depth) + hash_mark + _mask_parameters(fragment, depth)
    return search(url, message=False)[0]


def _mask_parameters(query: str, depth: int) -> str:
    """Mask values in ``a=1&token=x``; separators are ``&`` and ``;``, the latter also in the middle of a secret."""
    if not query:
        return query
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


def _mask_part(part: str, depth: int) -> str:
    """Mask the value of ``name=value`` when the name sounds like a secret, and secrets inside the value otherwise."""
    name, equals, value = part.partition("=")
    if not equals:
        return _mask_nested(part, depth)
    if value and is_secret(name if len(name) <= 64 and name.isalnum() else _NAME_MARKS.split(name)[-1]):
        return f"{name}={MASKED}"
    return name + equals + _mask_nested(value, depth)


def _mask_nested(value: str, depth: int) -> str:
    """Mask the secrets of a URL that stands as a value in another; one in percent-encoding is hidden as a whole."""
    if depth >= MAX_NESTED or not ("=" in value or "%" in value):
        return value
    shown = _mask(value, depth + 1) if "=" in value else value
    plain = unquote(shown) if "%" in shown else shown
    return MASKED if plain != shown and _mask(plain, depth + 1) != plain else shown
