"""What a line of HTTP/1.x may look like: request line, status line, header fields, numbers in them.

Two strengths. *Lenient* reading takes what servers and browsers take in the field (RFC 9112 section 2.2, 3 and 4
allow it): any token as a method, runs of spaces, spaces inside the target, bare LF, a missing phrase, a status
line of an odd version. *Strict* patterns stand for proof: after a hole nothing is believed that does not look
exactly like the start of a message. All patterns are linear: no repetition can be split in two ways.

Sources: RFC 9110 sections 5.5 and 5.6.2, RFC 9112 sections 2 to 5, RFC 1945 section 4.1 (HTTP/0.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"

METHODS = frozenset(
    b"GET POST PUT DELETE HEAD OPTIONS TRACE CONNECT PATCH PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK SEARCH "
    b"REPORT MKACTIVITY CHECKOUT CHECKIN MERGE UNCHECKOUT MKWORKSPACE VERSION-CONTROL BASELINE-CONTROL LABEL UPDATE "
    b"ORDERPATCH ACL BIND UNBIND REBIND LINK UNLINK MKCALENDAR MKREDIRECTREF UPDATEREDIRECTREF PURGE QUERY "
    b"NOTIFY SUBSCRIBE UNSUBSCRIBE M-SEARCH M-POST SOURCE RPC_IN_DATA RPC_OUT_DATA RPC_CONNECT BCOPY BDELETE BMOVE "
    b"BPROPFIND BPROPPATCH POLL CCM_POST".split()
)
"""Methods of the IANA registry, of UPnP, and those seen of old Microsoft servers. Used as evidence only; any token
is a method."""

METHOD_BYTES = 40
"""Longest method believed; the longest registered one has 17 letters."""

_METHOD = re.compile(TOKEN + rb"{1,%d}(?=[ \t]|\Z)" % METHOD_BYTES)
_VERSION = re.compile(rb"HTTP/(?:(\d{1,3})\.(\d{1,3})\Z)?", re.IGNORECASE)
_STATUS = re.compile(rb"(HTTP/(\d{1,3})\.(\d{1,3})|ICY)[ \t]+(\d{3})(?!\d)[ \t]*", re.IGNORECASE)

FIELD = re.compile(TOKEN + rb"{1,128}:")
"""The beginning of a header field."""

STRICT_REQUEST = re.compile(
    rb"("
    + TOKEN
    + rb"{1,%d}) [^\x00-\x20\x7f]{1,3500} HTTP/1\.[01]\r?\n(?=\r?\n|" % METHOD_BYTES
    + TOKEN
    + rb"{1,128}:)"
)
"""A request line with a field (or the end of the head) behind it; group 1 must be one of METHODS."""

STRICT_RESPONSE = re.compile(rb"HTTP/1\.[01] [1-5]\d\d(?: [^\r\n\x00]{0,500})?\r?\n(?=\r?\n|" + TOKEN + rb"{1,128}:)")
"""A status line with a field (or the end of the head) behind it."""

STRICT_STATUS_ONLY = re.compile(rb"HTTP/1\.[01] [1-5]\d\d(?: [^\r\n\x00]{0,500})?(?:\r?\n)?\Z")
"""A status line cut by a hole or by the end of what was captured."""

REQUEST_MARK, RESPONSE_MARK = b" HTTP/1.", b"HTTP/1."
"""What every strict match contains: a block without it need not be looked at closely."""

CHUNK_LINE = re.compile(rb"[ \t]*([0-9A-Fa-f]+)[ \t]*(?:;[^\n]*)?\r?\n")
"""Chunk size with extensions, which are skipped (RFC 9112 section 7.1)."""


class Fields:
    """Header fields in order, repetitions kept, and found by name in lower case.

    Attributes:
        lines: (name as sent, value without surrounding blanks).
    """

    __slots__ = ("_by_name", "lines")

    def __init__(self, lines: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.lines = tuple(lines)
        self._by_name: dict[bytes, list[bytes]] = {}
        for name, value in self.lines:
            self._by_name.setdefault(name.lower(), []).append(value)

    def __len__(self) -> int:
        return len(self.lines)

    def __contains__(self, name: bytes) -> bool:
        return name in self._by_name

    def values(self, name: bytes) -> list[bytes]:
        """Return every value of a field."""
        return self._by_name.get(name, [])

    def first(self, name: bytes) -> bytes | None:
        """Return the first value of a field, None without one."""
        found = self._by_name.get(name)
        return None if found is None else found[0]

    def elements(self, name: bytes) -> list[bytes]:
        """Return the elements of a comma-separated list field, lower case, over all its repetitions."""
        found = self._by_name.get(name)
        if found is None:
            return []
        return [word for value in found for part in value.split(b",") if (word := part.strip(b" \t").lower())]


@dataclass(frozen=True, slots=True)
class RequestLine:
    """``version`` is ``0.9``, ``1.0`` or ``1.1``; ``odd_version`` when the line names another one."""

    method: bytes
    target: bytes
    version: str
    odd_version: bool = False


@dataclass(frozen=True, slots=True)
class StatusLine:
    """``version`` is ``1.0`` or ``1.1``; ``odd_version`` when the line names another one (or is SHOUTcast's ICY)."""

    status: int
    reason: bytes
    version: str
    odd_version: bool = False


def _version(major: bytes | None, minor: bytes | None) -> tuple[str, bool]:
    """Map to the version whose rules apply: 1.0, or 1.1 for anything later (RFC 9110 section 2.5)."""
    if major is None or minor is None:
        return "1.0", True
    odd = (major, minor) not in ((b"1", b"0"), (b"1", b"1"))
    return ("1.0" if int(major) < 1 or (int(major) == 1 and int(minor) == 0) else "1.1"), odd


def request_line(line: bytes) -> RequestLine | None:
    """Read a request line (without its line end); None when it is none.

    A line without version is HTTP/0.9, and believed only with a registered method: any two words would do otherwise.
    """
    found = _METHOD.match(line)
    if found is None:
        return None
    method, rest = found.group(), line[found.end() :].strip(b" \t")
    cut = max(rest.rfind(b" "), rest.rfind(b"\t"))
    last = _VERSION.match(rest, cut + 1)
    if last is not None:
        version, odd = _version(last[1], last[2])
        return RequestLine(method, rest[: max(cut, 0)].rstrip(b" \t"), version, odd)
    if method not in METHODS:
        return None
    return RequestLine(method, rest, "0.9", odd_version=not rest)


def could_be_request(line: bytes) -> bytes | None:
    """Return the method when a cut line begins like a request (``GET /some/path…``), else None."""
    found = _METHOD.match(line)
    return found.group() if found is not None and found.group() in METHODS else None


def status_line(line: bytes) -> StatusLine | None:
    """Read a status line (without its line end); None when it is none."""
    found = _STATUS.match(line)
    if found is None:
        return None
    version, odd = ("1.0", True) if found[2] is None else _version(found[2], found[3])
    return StatusLine(int(found[4]), line[found.end() :].rstrip(b" \t"), version, odd)


def fields(lines: list[bytes], most: int) -> tuple[Fields, int]:
    """Read header fields.

    Folded lines are joined with one space (RFC 9112 section 5.2). A line without a colon is no field and is
    left out; blanks before the colon are dropped, as servers in the field do.

    Args:
        lines: without line ends.
        most: fields kept.

    Returns:
        The fields, and how many lines were left out (no colon, or beyond ``most``).
    """
    kept: list[tuple[bytes, list[bytes]]] = []
    left_out = 0
    folding = False  # a fold continues the line before it only if that line was kept
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            if folding:
                kept[-1][1].append(line.strip(b" \t"))
            else:
                left_out += 1
            continue
        name, colon, value = line.partition(b":")
        folding = bool(colon) and bool(name.strip()) and len(kept) < most
        if folding:
            kept.append((name.rstrip(b" \t"), [value.strip(b" \t")]))
        else:
            left_out += 1
    joined = ((name, parts[0] if len(parts) == 1 else b" ".join(filter(None, parts))) for name, parts in kept)
    return Fields(joined), left_out
