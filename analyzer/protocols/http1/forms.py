"""Form data in targets and bodies, percent-decoded.

Three kinds of body are read: ``application/x-www-form-urlencoded``, ``multipart/form-data`` (of files, only name and
size) and JSON, the last only where a field of it sounds like a password or key: a login sent by a script is one, most
other JSON is data. JSON is read as such also where it is called urlencoded, which is curl's default. Rules:

* What is not there to the end gives the fields that are; the last one says why it is not whole. Past a hole nothing is
  guessed: of a form cut by one, the fields before it are told.
* ``+`` is a space and ``%XX`` a byte in urlencoded forms only; bytes that are no UTF-8 are shown as ``\\xNN``.
* Limits are the constants below. A form that is longer, or has more fields, is told up to there, and a problem says so.

Sources: RFC 3986 sections 2.1 and 3.4, WHATWG URL section 5.1 (application/x-www-form-urlencoded), RFC 7578
(multipart, whose parts :mod:`bodies_multipart` finds), WHATWG HTML "multipart/form-data encoding algorithm" (names in
quotes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from urllib.parse import unquote_to_bytes

from analyzer.flows.stream import ByteStream
from analyzer.problems import Problem
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import bodies, bodies_multipart, disposition
from analyzer.protocols.http1.framing import Body
from analyzer.protocols.http1.grammar import Fields
from analyzer.protocols.http1.messages import Request
from analyzer.schema import Parameter
from analyzer.secret_names import is_key, is_password
from analyzer.text import decode

FIELDS_KEPT = 200
"""Fields told of one request. The longest forms of real pages have about a hundred; PHP takes 1000."""
VALUE_BYTES = 1024
"""Longest value shown. Longer ones are texts and encoded files that nobody reads in a table."""
NAME_BYTES = 200
"""Longest name shown whole; a field's name has some ten letters."""
FORM_BYTES = 256 << 10
"""Most bytes of an urlencoded or JSON body that are read; logins and searches have hundreds."""
MULTIPART_BYTES = 4 << 20
"""Most bytes of a multipart body in which boundaries are looked for: an upload of a photo fits, one of a film would
cost time for the few small fields behind it."""
JSON_DEPTH = 8
"""Levels of objects looked into for a login; real ones have one to three."""

_SOUNDS_SECRET = re.compile(rb"pass|pwd|secret|token|api_?key|jwt|otp|kennwort|senha|mdp|parola|cvv|cvc", re.IGNORECASE)
"""What the bytes of a JSON body contain at least when one of its fields is a password or key."""
_BEGINS_JSON = re.compile(rb'\s{0,64}(?:\{\s{0,64}["}]|\[\s{0,64}["{\[\]])')
_JSON_PAIR = re.compile(r'"([^"\\]{1,100})"\s{0,20}:\s{0,20}"((?:[^"\\]|\\.){0,2000})"')


def parameters(request: Request, conversation: Conversation) -> tuple[Parameter, ...]:
    """Return the form fields of a request, those of the target first.

    Args:
        conversation: gives the body's bytes, and is told of a limit.
    """
    target, body = request.target, request.body
    asks = target is not None and b"?" in target and request.method != b"CONNECT"
    if not asks and (body is None or body.end == body.start):
        return ()
    found = _Found()
    if asks and target is not None:
        query = target.partition(b"?")[2].partition(b"#")[0]
        found.take(_pairs(query, "query"), FIELDS_KEPT)
    if body is not None and body.end > body.start:
        _body(request.headers, body, conversation.client, found)
    if found.limit is not None:
        text = f"a form is told only in part: {found.limit}"
        conversation.problems.add(Problem("LIMIT-REACHED", "http", text, request.frame, request.start))
    return tuple(found.fields)


class _Found:
    """The fields so far, and which limit cut them short."""

    def __init__(self) -> None:
        self.fields: list[Parameter] = []
        self.limit: str | None = None

    def take(self, more: Iterator[Parameter], most: int) -> None:
        """Take fields up to a number."""
        self.fields += islice(more, most)
        if next(more, None) is not None:
            self.limit = f"more than {most} fields"

    def end(self, why: str | None) -> None:
        """Say of the last field why it is not whole."""
        if why is None or not self.fields or self.fields[-1].place != "body":
            return
        self.fields[-1] = replace(self.fields[-1], value=None, why=why)


def _body(headers: Fields, body: Body, stream: ByteStream, found: _Found) -> None:
    """Read the fields of a body, if it is a form that is not compressed."""
    kind = headers.first(b"content-type")
    if kind is None or any(word != b"identity" for word in headers.elements(b"content-encoding")):
        return
    media = kind.partition(b";")[0].strip().lower()
    if media == b"application/x-www-form-urlencoded":
        raw, why = _content(stream, body, FORM_BYTES)
        if _is_json(raw, why):
            _json(raw, found)
        else:
            found.take(_pairs(raw.strip(b"\r\n"), "body"), FIELDS_KEPT)
            found.end(why)
    elif media == b"multipart/form-data":
        boundary = bodies_multipart.boundary(headers)
        if boundary is None:
            return
        raw, why = _content(stream, body, MULTIPART_BYTES)
        found.take(_parts(raw, boundary, why), FIELDS_KEPT)
    elif media == b"application/json" or media.endswith(b"+json"):
        raw, why = _content(stream, body, FORM_BYTES)
        if _SOUNDS_SECRET.search(raw) is None:
            return
        if not _json(raw, found):
            return
    else:
        return
    if why == "limit":
        found.limit = found.limit or f"its body has more than {len(raw)} bytes"


def _content(stream: ByteStream, body: Body, most: int) -> tuple[bytes, str | None]:
    """Return a body's content up to ``most`` bytes, and why it is not whole (lost | cut | limit), None when it is."""
    raw = b"".join(bodies.first_pieces(bodies.content(stream, body), most + 1))
    if len(raw) > most:
        return raw[:most], "limit"
    if bodies.whole(body):
        return raw, None
    return raw, "lost" if body.missing or body.stop == "lost" else "cut"


# ── one field ────────────────────────────────────────────────────────────────────────────────────────────────────


def _name(raw: bytes) -> str:
    """Decode a name; of a long one both ends, by which secrets are known."""
    half = NAME_BYTES // 2
    return decode(raw) if len(raw) <= NAME_BYTES else f"{decode(raw[:half])}…{decode(raw[-half:])}"


def _field(place: str, name: bytes, value: bytes, size: int) -> Parameter:
    """Make a field of its decoded name and value, and its size as sent."""
    if len(value) > VALUE_BYTES:
        return Parameter(place, _name(name), None, size, None, "long")
    if b"\0" in value:
        return Parameter(place, _name(name), None, size, None, "binary")
    return Parameter(place, _name(name), decode(value), size)


# ── urlencoded ───────────────────────────────────────────────────────────────────────────────────────────────────


def _unescape(raw: bytes) -> bytes:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    return unquote_to_bytes(raw) if b"%" in raw else raw


def _pairs(raw: bytes, place: str) -> Iterator[Parameter]:
    """Yield the fields of ``a=1&b=2``; one without ``=`` has an empty value, an empty one is none."""
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            yield _field(place, _unescape(name), _unescape(value), len(value))


# ── multipart ────────────────────────────────────────────────────────────────────────────────────────────────────


def _parts(raw: bytes, boundary: bytes, why: str | None) -> Iterator[Parameter]:
    """Yield the fields of a multipart body; what lies behind the last delimiter that was read ends for ``why``."""
    pieces = (raw[low : low + bodies.PIECE_BYTES] for low in range(0, len(raw), bodies.PIECE_BYTES))
    for part in bodies_multipart.parts(pieces, boundary):
        name, file = disposition.of_part(part.headers)
        if name is None:
            continue
        value, size = b"", 0
        for piece in part.pieces:
            size += len(piece)
            if len(value) <= VALUE_BYTES:
                value += piece
        left = None if part.complete else why or "cut"
        if file is not None:
            yield Parameter("body", _name(name), None, size, _name(file), left or "file")
        elif left is not None:
            yield Parameter("body", _name(name), None, size, None, left)
        else:
            yield _field("body", name, value, size)


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_json(raw: bytes, why: str | None) -> bool:
    """Tell whether a body that is said to be urlencoded is JSON: curl says so of whatever it is given."""
    if _BEGINS_JSON.match(raw) is None:
        return False
    try:
        json.loads(raw, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return why is not None  # it is not all there
    return True


def _json(raw: bytes, found: _Found) -> bool:
    """Take the fields of a JSON body, if one of them is a password or a key; say whether one is."""
    try:
        document = json.loads(raw, parse_float=str, parse_int=str, parse_constant=str)
        pairs = _leaves(document)
    except (ValueError, RecursionError):  # cut, or no JSON after all; deeper than any program would write it
        text = raw.decode("utf-8", "replace")
        pairs = ((match[1], match[2]) for match in _JSON_PAIR.finditer(text) if _opens(match[1]))
    told = list(islice(pairs, FIELDS_KEPT + 1))
    if not any(_opens(name) for name, _ in told):
        return False
    sizes = ((name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in told)
    found.take((_field("body", name, value, len(value)) for name, value in sizes), FIELDS_KEPT)
    return True


def _opens(name: str) -> bool:
    return is_password(name) or is_key(name)


def _leaves(document: object) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of every text, number and truth value in objects, names joined by dots."""
    open_values: list[tuple[str, object, int]] = [("", document, 0)]
    while open_values:
        path, value, depth = open_values.pop()
        if isinstance(value, dict):
            if depth < JSON_DEPTH:
                inside = [(f"{path}.{key}" if path else str(key), item, depth + 1) for key, item in value.items()]
                open_values += reversed(inside)
        elif isinstance(value, list):
            open_values += [(path, item, depth + 1) for item in reversed(value) if isinstance(item, dict)]
        elif path and value is not None:
            yield path, str(value).lower() if isinstance(value, bool) else str(value)
