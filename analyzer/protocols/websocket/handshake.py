"""What a WebSocket handshake agreed on, and whether it was right.

The server proves that it understood by hashing the client's key with a fixed text; it may choose one of the offered
subprotocols, and extensions among the offered ones. Only ``permessage-deflate`` is understood here; with any other
extension the reserved bits of frames mean something that is not known.

Sources: RFC 6455 sections 4.1, 4.2 and 9.1, RFC 7692 section 7.1.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass

from analyzer.schema import HttpRow

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""The fixed text of RFC 6455 section 1.3."""
VERSION = "13"
DEFLATE = "permessage-deflate"
MAX_EXTENSIONS = 16
"""Extensions kept of a handshake; real ones have one."""

_FLAGS = ("server_no_context_takeover", "client_no_context_takeover")
_BITS = ("server_max_window_bits", "client_max_window_bits")
# A quoted value may hold separators (RFC 9110 section 5.6.4); an unclosed quote goes to the end.
_EXTENSION = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*+(?:"|\Z))+')
_PARAMETER = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*+(?:"|\Z))+')

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Deflate:
    """Agreed parameters of permessage-deflate: does each side keep its window from message to message?

    The agreed window sizes are not needed: a full window reads what was made with a smaller one.
    """

    client_keeps: bool = True
    server_keeps: bool = True


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the handshake says.

    Attributes:
        accept: right | wrong | missing | not_captured.
        extensions: as the server wrote them.
        compression: permessage-deflate as agreed, in words; None without it.
        reserved_known: what reserved bits mean is known: no other extension, and the response was seen.
        flaw: what else breaks the rules of the handshake, in a word; None when all is well.
    """

    subprotocol: str | None
    extensions: tuple[str, ...]
    accept: str
    deflate: Deflate | None
    compression: str | None
    reserved_known: bool
    flaw: str | None


def accept_value(key: str) -> str:
    """Return the Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1((key.strip() + GUID).encode(), usedforsecurity=False).digest()).decode()


def agreement(row: HttpRow, *, whole: bool) -> Agreement:
    """Read the handshake of a switched exchange.

    Args:
        whole: the response's head was captured to its end, so that what is not in it was not sent.
    """
    asked, told = row.request_headers, row.response_headers
    key, accept = _first(asked, "sec-websocket-key"), _first(told, "sec-websocket-accept")
    extensions = _elements(told, "sec-websocket-extensions", _EXTENSION)[:MAX_EXTENSIONS]
    deflate, others, flaw = _deflate(extensions)
    subprotocol = _first(told, "sec-websocket-protocol")
    if asked:
        flaw = _asked_flaw(asked, key) or _chosen_flaw(asked, extensions, subprotocol) or flaw
    return Agreement(
        subprotocol=subprotocol,
        extensions=extensions,
        accept=_verdict(key, accept, whole),
        deflate=deflate,
        compression=next((words for words in extensions if _name(words) == DEFLATE), None) if deflate else None,
        reserved_known=whole and not others,
        flaw=flaw,
    )


def _first(headers: Headers, name: str) -> str | None:
    return next((value.strip() for key, value in headers if key.lower() == name), None)


def _elements(headers: Headers, name: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    """Return the elements of a list field over all its repetitions."""
    values = (value for key, value in headers if key.lower() == name)
    return tuple(text for value in values for part in pattern.findall(value) if (text := part.strip()))


def _name(extension: str) -> str:
    return extension.partition(";")[0].strip().lower()


def _verdict(key: str | None, accept: str | None, whole: bool) -> str:
    if accept is None:
        return "missing" if whole else "not_captured"
    if key is None:
        return "not_captured"
    return "right" if accept == accept_value(key) else "wrong"


def _asked_flaw(asked: Headers, key: str | None) -> str | None:
    """Say what is wrong with the request: another version, or a key that is not 16 bytes (RFC 6455 section 4.1)."""
    if _first(asked, "sec-websocket-version") != VERSION:
        return "old_version"
    try:
        return None if len(base64.b64decode(key or "", validate=True)) == 16 else "bad_key"
    except (binascii.Error, ValueError):
        return "bad_key"


def _chosen_flaw(asked: Headers, extensions: tuple[str, ...], subprotocol: str | None) -> str | None:
    """Say when the server chose something that was not offered; the client must fail the connection then."""
    if subprotocol is not None:
        offers = {text.strip() for value in _values(asked, "sec-websocket-protocol") for text in value.split(",")}
        if subprotocol not in offers:
            return "subprotocol_not_offered"
    offered = {_name(text) for text in _elements(asked, "sec-websocket-extensions", _EXTENSION)}
    return "extension_not_offered" if any(_name(text) not in offered for text in extensions) else None


def _values(headers: Headers, name: str) -> list[str]:
    return [value for key, value in headers if key.lower() == name]


def _deflate(extensions: tuple[str, ...]) -> tuple[Deflate | None, bool, str | None]:
    """Return permessage-deflate as agreed, whether there are other extensions, and what is wrong with it."""
    found: Deflate | None = None
    others, flaw = False, None
    for text in extensions:
        if _name(text) != DEFLATE or found is not None:
            others = True
            continue
        names: list[str] = []
        for part in _PARAMETER.findall(text)[1:]:
            name, equals, value = (word.strip().strip('"') for word in part.partition("="))
            bits = name in _BITS and value.isascii() and value.isdigit() and 8 <= int(value[:3]) <= 15
            if name in names or not (bits or (name in _FLAGS and not equals)):
                flaw = "bad_extension"
            names.append(name)
        found = Deflate(_FLAGS[1] not in names, _FLAGS[0] not in names)
    return found, others, flaw
