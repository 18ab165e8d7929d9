"""Secrets that are found wherever they stand: in JSON, STOMP, query form, XML, or prose; whole texts or cut ones.

A text has no grammar of its own here (it may be cut, or JSON inside a JSON string), so it is searched for what holds
secrets in any of them: values behind a name that sounds like one (quoted, bracketed or bare), values behind a sibling
that names them (``"name":"password","value":"…"``), elements of XML, credentials behind the word of their scheme, JSON
Web Tokens, and passwords in URLs. Names stay, values go. Like all masking it errs on the side of hiding, and masking
twice changes nothing. Work is linear in the length of a text.

Sources: RFC 8259 section 7 (strings), RFC 6750 section 2.1 (Bearer), RFC 7519 section 3 (JSON Web Token), STOMP 1.2,
RFC 7395 (XMPP in WebSocket messages), RFC 6120 section 6.4 (SASL in XMPP).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from analyzer.secret_names import is_password, is_secret

MASKED = "[masked]"

_NAME = r"(?:[\w.$@\[\]-]|\\{1,7}u[0-9a-fA-F]{4})"
_PAIR = re.compile(
    rf"""(?<![\w.$@\[\]-])(?:(?P<quote>\\{{0,7}}["'])(?P<quoted>{_NAME}{{1,64}}+)(?P=quote)\s*+|"""
    r"""(?P<bare>[\w.$@\[\]-]{1,64}+)[ \t]{0,4})(?P<is>:|=>?)(?P<blank>\s*+)"""
)
"""A name with what makes the following its value; a quote may be escaped, as in JSON inside a JSON string."""
_OPENING = re.compile(r"""\\{0,7}["']""")
_BRACKET = re.compile(r"""\\*["\[\]{}]""")
_BARE = {":": re.compile(r"[^,;}\])\r\n\"'<>]*"), "=": re.compile(r"[^\s,;&}\])\"'<>\\]*")}
_BARE_IN_URL = re.compile(r"[^,;&}\])\r\n\"'<>]*")
_LINE = re.compile(r"[^\r\n]*")
_PORT = re.compile(r"\d{2,5}(?=[/?#,\s]|\Z)")
"""``auth:8080`` is a host and its port."""
HARMLESS = frozenset({"", "true", "false", "null", "none", "undefined"})
"""Values that hide nothing behind any name, in lower case."""
_CODE = re.compile(r"\d{1,4}")
"""What stands behind "code" in messages is a status; one that opens something is longer."""

_SIBLING = re.compile(
    r"""(?P<quote>\\{0,7}["'])(?:(?P<of>name|key|field|id|param|property)|type|method|op|action|event|cmd|command)"""
    r"""(?P=quote)\s*+:\s*+(?P=quote)(?P<name>[\w.$@\[\]-]{1,64}+)(?P=quote)\s*+,\s*+"""
    r"""(?P=quote)(?:value|val|payload|params|args|arguments|data|body|content)(?P=quote)\s*+:\s*+""",
    re.IGNORECASE,
)
_SIBLING_BEHIND = re.compile(
    r"""(?P<quote>\\{0,7}["'])(?:value|val|data|content)(?P=quote)\s*+:\s*+(?P=quote)(?!\[masked\])"""
    r"""(?P<value>[^"'\\]{1,512}+)(?P=quote)\s*+,\s*+(?P=quote)(?:name|key|field|id|param|property)(?P=quote)\s*+:\s*+"""
    r"""(?P=quote)(?P<name>[\w.$@\[\]-]{1,64}+)(?P=quote)""",
    re.IGNORECASE,
)
_ATTRIBUTE = re.compile(
    r"""\b(?:name|key)=(["'])(?P<name>[\w.$@\[\]-]{1,64}+)\1\s{1,8}value=(["'])(?!\[masked\])(?P<value>[^"'<>]{1,512})"""
)
_LOGS_IN = frozenset({"auth", "authenticate", "authentication", "authorize", "authorization"})
_CALL = re.compile(r"""\[(?P<quote>\\{0,7}["'])(?P<name>[\w-]{1,32}+)(?P=quote)\s*+,\s*+(?=\\{0,7}["'])""")
_ELEMENT = re.compile(r"<(?:[\w-]{1,32}+:)?(?P<name>[\w.-]{1,64}+)(?P<attributes>[^<>]{0,512}+)>(?P<value>[^<]++)")
_COMMAND = re.compile(r"(?m)^(PASS|AUTH)([ \t]{1,8})(?!\w{1,64}=[^=\s]|\[masked\])[^\r\n]++")

_SCHEME = re.compile(
    r"\b((?i:Bearer|Basic|Negotiate|NTLM|Digest|ApiKey|Token|JWT)[ \t]{1,4})(?=[a-z.]{0,64}[^a-z.\s])[\w.~+/=-]{6,}+"
)
_SCHEME_WORD = re.compile(r"(?:bearer|basic|negotiate|ntlm|digest|apikey|token|jwt)[ \t]")
_JWT = re.compile(r"(?<![\w-])eyJ[\w-]{6,}+\.[\w-]{4,}+(?:\.[\w-]*+){0,3}+")
_USERINFO = re.compile(r"(//|\\/\\/)([^\s/@:\"']{0,64}+):(?!\[masked\]@)[^\s/\"']{1,128}@")


_STEMS = re.compile(
    r"a(?:uth|ssertion)|b(?:asic|earer)|c(?:ode|v[vc]|srf|ookie|redential|ontrase|ard|c[-_]?n|reditcard)|"
    r"d(?:igest|pop)|eyj|h(?:mac|ash|otp)|jwt|ke(?:y|nnwort)|m(?:acaroon|dp|otdepasse)|n(?:once|tlm|egotiate)|otp|"
    r"p(?:ass|w|swd?|in|arola)|s(?:ecret|ess|id|aml|ig|so|sn|enha)|t(?:oken|icket|otp)|w(?:result|achtwoord)|x(?:srf|mpp)"
)
"""What every text with a secret in it contains, unless escapes hide it: a quick way past all the others."""


def may_hold(text: str) -> bool:
    """Say whether a text may hold a secret; where not, :func:`search` would find none."""
    return "@" in text or "%" in text or "\\" in text or _STEMS.search(text.casefold()) is not None


def search(text: str, *, message: bool) -> tuple[str, int]:
    """Mask what is secret in a text whatever its form.

    Args:
        text: any.
        message: it is a whole message of a program, in which a line may be a header field or a command; otherwise a
            value that stands in a header, a form or a URL.

    Returns:
        The text as it may be shown, and how many values in it were masked.
    """
    count = 0
    if not may_hold(text):
        return text, 0
    if '"' in text or "'" in text:
        text, count = _mask_siblings(text)  # before the names in them go
    if ":" in text or "=" in text:
        text, more = _mask_values(text, message)
        count += more
    if _SCHEME_WORD.search(text.casefold()) is not None:
        text, more = _SCHEME.subn(rf"\g<1>{MASKED}", text)
        count += more
    for needed, pattern, instead in _PLAIN:
        if needed in text:
            text, more = pattern.subn(instead, text)
            count += more
    if "<" in text and ">" in text:
        text, more = _each(_ELEMENT, text, _is_secret_element)
        count += more
    if message and ("PASS" in text or "AUTH" in text):
        text, more = _COMMAND.subn(rf"\g<1>\g<2>{MASKED}", text)
        count += more
    return text, count


_PLAIN = (
    ("eyJ", _JWT, MASKED),
    ("@", _USERINFO, rf"\g<1>\g<2>:{MASKED}@"),
)
"""(what must stand in a text, pattern, what is shown instead)."""


def _mask_values(text: str, message: bool) -> tuple[str, int]:
    """Mask what stands behind names that sound like secrets."""
    parts: list[str] = []
    reached = at = count = 0
    while (found := _PAIR.search(text, at)) is not None:
        at = found.end()
        name = found["quoted"] or found["bare"]
        if not is_secret(name):
            continue
        low, high = _value(text, found, message)
        value = text[low:high]
        at = max(at, high)
        if _is_plain(value):
            continue
        if name.lower() == "code" and _CODE.fullmatch(value.strip()):
            continue
        parts += [text[reached:low], MASKED]
        reached = high
        count += 1
    return "".join(parts) + text[reached:], count


def _value(text: str, found: re.Match[str], message: bool) -> tuple[int, int]:
    """Return where a value lies: without its quotes, or with its brackets; to the end where it has none."""
    at = found.end()
    opening = _OPENING.match(text, at)
    if opening is not None:
        return opening.end(), _closing_quote(text, opening.end(), opening[0])
    if text.startswith(MASKED, at):
        return at, at + len(MASKED)
    if text[at : at + 1] in ("{", "["):
        return at, _closing_bracket(text, at)
    bare = found["bare"]
    if bare is not None and ("\n" in found["blank"] or "\r" in found["blank"]):
        return at, at  # the next line
    if bare is not None and found["is"] == ":":
        if not found["blank"] and _PORT.match(text, at) and not is_password(bare) and "pin" not in bare.lower():
            return at, at
        line = text.rfind("\n", 0, found.start()) + 1
        if not text[line : found.start()].strip() and (message or found["blank"]):  # a header field
            return at, _end(_LINE, text, at)
    if not message and found["is"] == ":":
        return at, _end(_BARE_IN_URL, text, at)
    return at, _end(_BARE[found["is"][0]], text, at)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _closing_quote(text: str, at: int, opening: str) -> int:
    """Return where a quoted value ends: before the next such quote that is not escaped further."""
    most, quote = len(opening) - 1, opening[-1]
    while (end := text.find(quote, at)) >= 0:
        escapes = end - at - len(text[at:end].rstrip("\\"))
        if escapes <= most:
            return end - escapes
        at = end + 1
    return len(text)


def _closing_bracket(text: str, at: int) -> int:
    """Return where a bracketed value ends, brackets inside strings not counted."""
    depth, inside = 0, -1  # how far the quote of the string one is in is escaped
    for found in _BRACKET.finditer(text, at):
        escapes, mark = len(found[0]) - 1, found[0][-1]
        if mark == '"':
            inside = escapes if inside < 0 else -1 if escapes <= inside else inside
        elif inside < 0:
            depth += 1 if mark in "[{" else -1
            if depth == 0:
                return found.end()
    return len(text)


# ── values that something beside them names ──────────────────────────────────────────────────────────────────────


def _mask_siblings(text: str) -> tuple[str, int]:
    """Mask values of which another member, attribute or the first word of a call says what they are."""
    text, count = _mask_behind(_SIBLING, text, _names_secret, _is_plain)
    for pattern in (_SIBLING_BEHIND, _ATTRIBUTE):
        text, more = _each(pattern, text, _has_secret_name)
        count += more
    text, more = _mask_behind(_CALL, text, _logs_in, _is_hidden)  # ["auth","…"], as programs write events
    return text, count + more


def _sibling_value(text: str, at: int) -> tuple[int, int]:
    opening = _OPENING.match(text, at)
    if opening is not None:
        return opening.end(), _closing_quote(text, opening.end(), opening[0])
    if text.startswith(MASKED, at):
        return at, at + len(MASKED)
    return at, _closing_bracket(text, at) if text[at : at + 1] in ("{", "[") else _end(_BARE[":"], text, at)


def _mask_behind(
    pattern: re.Pattern[str], text: str, names: Callable[[re.Match[str]], bool], plain: Callable[[str], bool]
) -> tuple[str, int]:
    """Mask the value behind every match that names a secret, unless there is nothing to hide in it."""
    parts: list[str] = []
    reached = at = count = 0
    while (found := pattern.search(text, at)) is not None:
        at = found.end()
        if not names(found):
            continue
        low, high = _sibling_value(text, at)
        if not plain(text[low:high]):
            parts += [text[reached:low], MASKED]
            reached = at = high
            count += 1
    return "".join(parts) + text[reached:], count


def _names_secret(found: re.Match[str]) -> bool:
    """Tell whether one member says of its sibling that it is a secret."""
    return is_secret(found["name"]) if found["of"] else _logs_in(found)


def _logs_in(found: re.Match[str]) -> bool:
    return found["name"].lower() in _LOGS_IN


def _is_plain(value: str) -> bool:
    return value.strip().lower() in HARMLESS or value == MASKED


def _is_hidden(value: str) -> bool:
    return value in ("", MASKED)


def _has_secret_name(found: re.Match[str]) -> bool:
    return is_secret(found["name"])


def _is_secret_element(found: re.Match[str]) -> bool:
    """Say whether an element of XML holds a secret; SASL's exchange is one whatever the element is called."""
    value = found["value"].strip()
    if _is_plain(value):
        return False
    return is_secret(found["name"]) or "xmpp-sasl" in found["attributes"]


def _each(pattern: re.Pattern[str], text: str, hide: Callable[[re.Match[str]], bool]) -> tuple[str, int]:
    """Mask the group ``value`` of every match that is to be hidden."""
    parts: list[str] = []
    reached = count = 0
    for found in pattern.finditer(text):
        if hide(found):
            parts += [text[reached : found.start("value")], MASKED]
            reached = found.end("value")
            count += 1
    return "".join(parts) + text[reached:], count
