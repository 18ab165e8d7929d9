"""Which kind of credentials a request carries, without keeping them.

A field of a form counts as a password by its name, when its value is more than a switch (``show_password=1``).

Sources: RFC 9110 section 11, RFC 7617 (Basic), RFC 7616 (Digest), RFC 6750 (Bearer), RFC 4559 (Negotiate), MS-NTHT
(NTLM).
"""

from __future__ import annotations

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


def holds_password(field: Parameter) -> bool:
    """Tell whether a form field carries a password."""
    if not is_password(field.name) or field.filename is not None:
        return False
    value = field.value
    if value is None:
        return field.bytes > 0
    width = value.isdigit() and len(value) < 5 and field.name.lower() == "pw"  # of a page or picture
    return value.lower() not in SWITCHES and not width
