"""Domain names: from wire bytes to text, and from A-labels to what a person typed.

Rules: names come out in lower case (they compare without case, RFC 4343), without the trailing dot, the root as
``.``. A byte that is no visible ASCII is written ``\\DDD``, a dot or backslash inside a label ``\\.`` and ``\\\\``
(RFC 1035 section 5.1). A compression pointer must point backwards of the part of the name that holds it, so every
walk ends; what a pointer leads to is remembered per message, so hostile chains cost linear time in all.

Sources: RFC 1035 sections 2.3.4, 3.1, 4.1.4, 5.1; RFC 3492, 5890 (A-labels); RFC 6762 section 16 (UTF-8 in mDNS).
"""

from __future__ import annotations

import re

from analyzer.errors import MalformedError

MAX_NAME = 255
"""Octets of a whole name on the wire, length octets and root included (RFC 1035 section 2.3.4)."""

MAX_POINTERS = 127
"""Pointers followed in one name: each real one comes after a label, and 255 octets hold 127 labels at most."""

Known = dict[int, tuple[str, int]]
"""Names of one message that were read before: offset -> (text, octets when written out)."""

_ODD = re.compile(rb"[^!-\[\]-~]")
_ODD_CHARACTER = re.compile(r"[^!-~]|[.\\]")
_ESCAPED = re.compile(r"\\(?:([0-9]{3})|(.))", re.DOTALL)


def read_name(data: bytes, offset: int, known: Known) -> tuple[str, int]:
    """Read a name, following compression pointers.

    Args:
        data: the whole message.
        offset: where the name starts.
        known: names read before from this message; new ones are added.

    Returns:
        The name as text and the offset after it.

    Raises:
        MalformedError: reserved label type, more than 255 octets, a pointer that does not point backwards, or the
            end of the message inside a label.
        IndexError: the message ends where a length was expected.

    Source: RFC 1035 section 4.1.4.
    """
    length = data[offset]
    labels: list[bytes] = []
    position = offset
    while length:
        if length >= 0xC0:
            target = (length & 0x3F) << 8 | data[position + 1]
            hit = known.get(target)
            if hit is None or target >= offset:
                return _follow(data, offset, position, labels, known)
            if not labels:
                return hit[0], position + 2
            octets = position - offset + hit[1]
            if octets > MAX_NAME:
                raise MalformedError("dns", offset, "name is longer than 255 octets")
            text = _join(_text(labels), hit[0])
            known[offset] = (text, octets)
            return text, position + 2
        if length > 63:
            raise MalformedError("dns", position, f"reserved label type 0x{length & 0xC0:02x}")
        after = position + 1 + length
        if after - offset >= MAX_NAME:
            raise MalformedError("dns", offset, "name is longer than 255 octets")
        labels.append(data[position + 1 : after])
        position = after
        length = data[position]  # past the end where the label ran past it
    text = _text(labels)
    known[offset] = (text, position - offset + 1)
    return text, position + 1


def remember_suffixes(text: str, offset: int, after: int, known: Known) -> None:
    """Note the suffixes of a name just read from ``[offset, after)``, because answers point into it.

    Does nothing where the text does not show each octet's place: for a compressed or an escaped name.
    """
    octets = after - offset
    if "\\" in text or octets != len(text) + 2:
        return
    while True:
        label, _, text = text.partition(".")
        if not text:
            return
        size = len(label) + 1
        offset += size
        octets -= size
        known[offset] = (text, octets)


class QuestionNames:
    """Names of questions by their bytes, each with what is known of its suffixes: they come again in every answer."""

    LIMIT = 8192
    """Names remembered: at most some ten megabytes."""

    def __init__(self) -> None:
        self._seen: dict[bytes, tuple[str, Known]] = {}

    def get(self, message: bytes) -> tuple[str, int, Known] | None:
        """Return a message's first name, the offset after it, and what is known of it (a copy); None for a new one."""
        end = message.find(b"\0", 12) + 1
        seen = self._seen.get(message[12:end])
        return None if seen is None else (seen[0], end, seen[1].copy())

    def remember(self, message: bytes, text: str, end: int, known: Known) -> None:
        """Note a name just read from offset 12 up to ``end``, if its bytes alone say it (no pointer, no escape)."""
        if "\\" in text or end - 12 != len(text) + 2:
            return
        if len(self._seen) >= self.LIMIT:
            self._seen.clear()
        self._seen[message[12:end]] = (text, known.copy())


def _follow(data: bytes, start: int, pointer: int, head: list[bytes], known: Known) -> tuple[str, int]:
    """Read the part of a name behind its first pointer, remembering every suffix on the way."""
    parts: list[tuple[int, bytes]] = []  # (offset, label), b"" for a pointer that was followed
    size = pointer - start
    bound = start
    hops = 0
    tail: tuple[str, int] | None = None
    position = pointer
    while tail is None:
        length = data[position]
        if length == 0:
            break
        if length >= 0xC0:
            target = (length & 0x3F) << 8 | data[position + 1]
            if target >= bound:
                raise MalformedError("dns", position, f"compression pointer to {target} does not point backwards")
            hops += 1
            if hops > MAX_POINTERS:
                raise MalformedError("dns", position, "more compression pointers than a name can have labels")
            bound = position = target
            parts.append((position, b""))
        elif length > 63:
            raise MalformedError("dns", position, f"reserved label type 0x{length & 0xC0:02x}")
        else:
            size += length + 1
            if size >= MAX_NAME:
                raise MalformedError("dns", start, "name is longer than 255 octets")
            parts.append((position, data[position + 1 : position + 1 + length]))
            position += length + 1
        tail = known.get(position)
    text, octets = tail if tail is not None else (".", 1)
    if size + octets > MAX_NAME:
        raise MalformedError("dns", start, "name is longer than 255 octets")
    for place, label in reversed(parts):
        if label:
            text = _join(_label_text(label), text)
            octets += len(label) + 1
        known[place] = (text, octets)
    if head:
        text = _join(_text(head), text)
        known[start] = (text, octets + pointer - start)
    return text, pointer + 2


def _join(label: str, rest: str) -> str:
    return label if rest == "." else f"{label}.{rest}"


def _text(labels: list[bytes]) -> str:
    raw = b".".join(labels).lower()
    if _ODD.search(raw) is None and raw.count(b".") == len(labels) - 1:
        return raw.decode("ascii")
    return ".".join(map(_label_text, labels)) or "."


def _label_text(label: bytes) -> str:
    return _ODD_CHARACTER.sub(_escape, label.lower().decode("latin-1"))


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    return f"\\{character}" if character in ".\\" else f"\\{ord(character):03d}"


def skip_name(data: bytes, offset: int) -> int:
    """Return the offset after a name without reading it.

    Raises:
        MalformedError: reserved label type. IndexError: the message ends inside the name.
    """
    while True:
        length = data[offset]
        if length == 0:
            return offset + 1
        if length >= 0xC0:
            return offset + 2
        if length > 63:
            raise MalformedError("dns", offset, f"reserved label type 0x{length & 0xC0:02x}")
        offset += length + 1


def split(name: str) -> list[bytes]:
    """Return the labels of a name in text form as bytes; the root has none."""
    labels = [bytearray()]
    position = 0
    for match in _ESCAPED.finditer(name):
        _spread(labels, name[position : match.start()])
        code, character = match.groups()
        labels[-1] += bytes([int(code) & 0xFF]) if code else character.encode("utf-8")
        position = match.end()
    _spread(labels, name[position:])
    return [bytes(label) for label in labels if label]


def _spread(labels: list[bytearray], plain: str) -> None:
    first, *rest = plain.split(".")
    labels[-1] += first.encode("utf-8")
    labels.extend(bytearray(part.encode("utf-8")) for part in rest)


def to_wire(name: str) -> bytes:
    """Write a name in text form as uncompressed wire bytes (case is kept).

    Raises:
        ValueError: a label over 63 octets or a name over 255.
    """
    labels = split(name)
    if any(len(label) > 63 for label in labels):
        raise ValueError("a label has more than 63 octets")
    wire = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    if len(wire) > MAX_NAME:
        raise ValueError("the name has more than 255 octets")
    return wire


def to_unicode(name: str) -> str:
    """Return a name as people write it: A-labels decoded, UTF-8 labels as text.

    A label that does not decode to visible text, or whose U-label would not encode to the same A-label again,
    stays as it is; so nothing invisible and no second spelling can hide behind it.

    Source: RFC 3492, RFC 5890 section 2.3.2.1.
    """
    if "\\" not in name and "xn--" not in name:
        return name
    return ".".join(map(_label_unicode, split(name))) or "."


def _label_unicode(label: bytes) -> str:
    plain = _label_text(label)
    if label.startswith(b"xn--"):
        try:
            text = label[4:].decode("ascii").encode("ascii").decode("punycode")
            same = text.encode("punycode").lower() == label[4:]
        except (ValueError, OverflowError, IndexError):
            return plain
        return text if same and not text.isascii() and _shows(text) else plain
    if label.isascii():
        return plain
    try:
        text = label.decode("utf-8")
    except UnicodeDecodeError:
        return plain
    return text if _shows(text) else plain


def _shows(text: str) -> bool:
    """Return whether each character is visible (spaces pass) and none can be taken for the dot between labels."""
    return text.isprintable() and not any(dot in text for dot in ".\u3002\uff0e\uff61\\")
