"""Which kind of credentials a request carries, without keeping them.

A field of a form counts as a password by its name, when its value is more than a switch (``show_password=1``); one
that holds JSON or GraphQL by the names in it.

Sources: RFC 9110 section 11, RFC 7617 (Basic), RFC 7616 (Digest), RFC 6750 (Bearer), RFC 4559 (Negotiate), MS-NTHT
(NTLM).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from analyzer.protocols.http1.grammar import Fields
from analyzer.schema import Parameter
from analyzer.secret_names import is_password

_SCHEMES = {
    b"basic": "basic",
    b"digest": "digest",
    b"bearer": "bearer",
    b"negotiate": "negotiate",
    b"kerberos": "negotiate",
    b"ntlm": "ntlm",
}
SWITCHES = frozenset({"", "0", "1", "true", "false", "on", "off", "yes", "no", "null", "none", "undefined"})
"""Values that switch something: ``remember_password=on`` holds no password."""


def kind(headers: Fields, parameters: Sequence[Parameter]) -> str | None:
    """Return basic, digest, bearer, negotiate, ntlm, form or other; None without credentials."""
    for name in (b"authorization", b"proxy-authorization"):
        value = headers.first(name)
        if value is not None and value.strip():
            return _SCHEMES.get(value.split(None, 1)[0].lower(), "other")
    return "form" if parameters and any(map(holds_password, parameters)) else None


_MEMBER = re.compile(
    r"""(?<![\w.-])\\{0,3}["']?([\w.-]{1,64}+)\\{0,3}["']?\s{0,8}:\s{0,8}\\{0,3}["']([^"'\\]{1,200})"""
)
"""A member of an object or an argument with its text, as JSON and GraphQL write them."""


def _mentions_password(value: str) -> bool:
    """Tell whether a value is a text of its own (JSON, GraphQL) with a password in it."""
    return any(is_password(name) and text.lower() not in SWITCHES for name, text in _MEMBER.findall(value))


def holds_password(field: Parameter) -> bool:
    """Tell whether a form field carries a password, or a text with one in it."""
    value = field.value
    if field.filename is not None:
        return False
    if not is_password(field.name):
        structured = value is not None and ":" in value and ("{" in value or "(" in value)
        return structured and _mentions_password(value or "")
    if value is None:
        return field.bytes > 0
    width = value.isdigit() and len(value) < 5 and field.name.lower() == "pw"  # of a page or picture
    return value.lower() not in SWITCHES and not width
