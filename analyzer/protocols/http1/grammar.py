"""What a line of HTTP/1.x may look like: request line, status line, header fields, numbers in them.

Two strengths. *Lenient* reading takes what servers and browsers take in the field: any token as a method, runs of
spaces, bare LF, a missing phrase, a status line of an odd version (RFC 9112 sections 2.2, 3 and 4 allow these), and
also what the RFC calls invalid where its meaning can still be told; then the ``flaw`` names the rule that is broken.
*Strict* patterns stand for proof: after a hole nothing is believed that does not look exactly like the start of a
message. All patterns are linear: no repetition can be split in two ways.

Sources: RFC 9110 sections 5.5 and 5.6.2, RFC 9112 sections 2 to 5, RFC 1945 section 4.1 (HTTP/0.9).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, KeysView
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from analyzer.text import decode

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
_WELL_VERSIONED = re.compile(rb"HTTP/\d\.\d(?!\d)")
_ODD_IN_TARGET = re.compile(rb"[\x00-\x20\x7f]")
_STATUS = re.compile(rb"(HTTP/(\d{1,3})\.(\d{1,3})|ICY)([\x00-\x20]+)(\d{3})(?!\d)[ \t]*", re.IGNORECASE)
_SPELLED = re.compile(rb"HTTP/(?:(\d)\.(\d)(?!\d))?", re.IGNORECASE)

FIELD_NAME_BYTES = 128
"""Longest field name that is believed."""

FIELD = re.compile(TOKEN + rb"{1,%d}:" % FIELD_NAME_BYTES)
"""The beginning of a header field."""

_PLAIN_FIELD = re.compile(rb"(" + TOKEN + rb"+):([\t\x20-\x7e\x80-\xff]*)\r?")

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

_TOKEN_BYTES = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_FIELD_BYTES = bytes(b for b in range(256) if b in b"\t\n\r" or (b >= 32 and b != 127))

CHUNK_LINE = re.compile(rb"[ \t]*([0-9A-Fa-f]+)[ \t]*(?:;[^\n]*)?\r?\n")
"""Chunk size with extensions, which are skipped (RFC 9112 section 7.1)."""


Line = tuple[bytes, bytes, bytes, tuple[str, str]]
"""A header field: its name as sent, its value without surrounding blanks, its name in lower case, and name and value as
text. Most lines come again and again, so they are read once (:func:`_plain_line`) and shared."""

REMEMBERED_BYTES = 512
"""Longest header line that is remembered; longer ones are mostly cookies, which differ, and would fill the memory."""


def _line(name: bytes, value: bytes) -> Line:
    return name, value, name.lower(), (decode(name), decode(value))


class Fields:
    """Header fields in order, repetitions kept, and found by name in lower case."""

    __slots__ = ("_by_name", "_lines")

    def __init__(self, lines: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._take([_line(name, value) for name, value in lines])

    @classmethod
    def of(cls, lines: list[Line]) -> Fields:
        """Return fields of lines that were read already."""
        made = cls.__new__(cls)
        made._take(lines)
        return made

    def _take(self, lines: list[Line]) -> None:
        self._lines = lines
        self._by_name: dict[bytes, Line] = {line[2]: line for line in reversed(lines)}  # the first of each name

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, name: bytes) -> bool:
        return name in self._by_name

    @property
    def lines(self) -> tuple[tuple[bytes, bytes], ...]:
        """(name as sent, value without surrounding blanks) of each field."""
        return tuple((line[0], line[1]) for line in self._lines)

    @property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """The same as text."""
        return tuple([line[3] for line in self._lines])

    def names(self) -> KeysView[bytes]:
        """Return the different names in lower case, in no order."""
        return self._by_name.keys()

    def values(self, name: bytes) -> list[bytes]:
        """Return every value of a field."""
        found = self._by_name.get(name)
        if found is None:
            return []
        if len(self._by_name) == len(self._lines):
            return [found[1]]
        return [line[1] for line in self._lines if line[2] == name]

    def first(self, name: bytes) -> bytes | None:
        """Return the first value of a field, None without one."""
        found = self._by_name.get(name)
        return None if found is None else found[1]

    def text(self, name: bytes) -> str | None:
        """Return the first value of a field as text, None without one."""
        found = self._by_name.get(name)
        return None if found is None else found[3][1]

    def elements(self, name: bytes) -> list[bytes]:
        """Return the elements of a comma-separated list field, lower case, over all its repetitions."""
        if name not in self._by_name:
            return []
        return [
            word for value in self.values(name) for part in value.split(b",") if (word := part.strip(b" \t").lower())
        ]


NO_FIELDS = Fields()
"""What a message without header fields has."""


@dataclass(frozen=True, slots=True)
class RequestLine:
    """``version`` is ``0.9``, ``1.0`` or ``1.1``; ``odd_version`` when the line names another one.

    ``flaw`` is bad_version | bad_request_line, None when all is well.
    """

    method: bytes
    target: bytes
    version: str
    odd_version: bool = False
    flaw: str | None = None


@dataclass(frozen=True, slots=True)
class StatusLine:
    """``version`` is ``1.0`` or ``1.1``; ``odd_version`` when the line names another one (or is SHOUTcast's ICY).

    ``flaw`` is bad_version | bad_status_line; ``status`` is None where the line has no code of three digits.
    """

    status: int | None
    reason: bytes
    version: str
    odd_version: bool = False
    flaw: str | None = None


def _version(major: bytes | None, minor: bytes | None) -> tuple[str, bool]:
    """Map to the version whose rules apply: 1.0, or 1.1 for anything later (RFC 9110 section 2.5)."""
    if major is None or minor is None:
        return "1.0", True
    odd = (major, minor) not in ((b"1", b"0"), (b"1", b"1"))
    return ("1.0" if int(major) < 1 or (int(major) == 1 and int(minor) == 0) else "1.1"), odd


def request_line(line: bytes) -> RequestLine | None:
    """Read a request line (without its line end); None when it is none.

    A line without version is HTTP/0.9, and believed only with a registered method: any two words would do otherwise.
    Where the target has spaces, everything up to the version is taken for it, so that nothing is lost.
    """
    found = _METHOD.match(line)
    if found is None:
        return None
    method, rest = found.group(), line[found.end() :].strip(b" \t")
    cut = max(rest.rfind(b" "), rest.rfind(b"\t"))
    last = _VERSION.match(rest, cut + 1)
    if last is None and method not in METHODS:
        return None
    if last is None:
        well = method == b"GET" and rest and not _ODD_IN_TARGET.search(rest)  # RFC 1945 section 5.1 knows only GET
        return RequestLine(method, rest, "0.9", not rest, None if well else "bad_request_line")
    version, odd = _version(last[1], last[2])
    target = rest[: max(cut, 0)].rstrip(b" \t")
    flaw = None
    if not target or _ODD_IN_TARGET.search(target):
        flaw = "bad_request_line"
    elif not _WELL_VERSIONED.match(rest, cut + 1):
        flaw = "bad_version"
    return RequestLine(method, target, version, odd, flaw)


def could_be_request(line: bytes) -> bytes | None:
    """Return the method when a cut line begins like a request (``GET /some/path…``), else None."""
    found = _METHOD.match(line)
    return found.group() if found is not None and found.group() in METHODS else None


def status_line(line: bytes) -> StatusLine | None:
    """Read a status line (without its line end); None when it is none.

    A line that begins with ``HTTP/`` and has no code of three digits is one without status.
    """
    found = _STATUS.match(line)
    if found is None:
        spelled = _SPELLED.match(line)
        if spelled is None:
            return None
        return StatusLine(None, b"", *_version(spelled[1], spelled[2]), flaw="bad_status_line")
    version, odd = ("1.0", True) if found[2] is None else _version(found[2], found[3])
    flaw = None
    if found[4].strip(b" \t"):
        flaw = "bad_status_line"
    elif found[2] is not None and not _WELL_VERSIONED.match(line):
        flaw = "bad_version"
    return StatusLine(int(found[5]), line[found.end() :].rstrip(b" \t"), version, odd, flaw)


def has_controls(head: bytes) -> bool:
    """Tell whether a head holds control characters that no field may (RFC 9110 section 5.5), or a CR without LF."""
    return bool(head.translate(None, _FIELD_BYTES)) or head.count(b"\r") != head.count(b"\r\n")


def plain_fields(text: bytes, most: int) -> Fields | None:
    """Read header fields that are all written as they should be; None when :func:`fields` must look.

    Args:
        text: the lines with their ends, but for the last one's.
        most: fields kept.
    """
    lines = [
        _plain_line(line) if len(line) <= REMEMBERED_BYTES else _read_plain_line(line) for line in text.split(b"\n")
    ]
    return None if None in lines or len(lines) > most else Fields.of(cast(list[Line], lines))


def _read_plain_line(line: bytes) -> Line | None:
    """Read a field line of a token, a colon, and a value without control characters; None for anything else."""
    found = _PLAIN_FIELD.fullmatch(line)
    return None if found is None else _line(found[1], found[2].strip(b" \t"))


_plain_line = lru_cache(maxsize=8192)(_read_plain_line)


def fields(lines: list[bytes], most: int) -> tuple[Fields, int, bool]:
    """Read header fields.

    Folded lines are joined with one space (RFC 9112 section 5.2). A line without a colon is no field and is
    left out; blanks before the colon are dropped, as servers in the field do.

    Args:
        lines: without line ends.
        most: fields kept.

    Returns:
        The fields, how many lines were left out (no colon, or beyond ``most``), and whether a line breaks the rules of
        RFC 9112 section 5: no field, or a name that is no token (blanks before the colon make it none).
    """
    kept: list[tuple[bytes, list[bytes]]] = []
    left_out = 0
    bad = False
    folding = False  # a fold continues the line before it only if that line was kept
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            if folding:
                kept[-1][1].append(line.strip(b" \t"))
            else:
                left_out += 1
                bad = bad or len(kept) < most
            continue
        name, colon, value = line.partition(b":")
        whole = bool(colon) and bool(name.strip())
        folding = whole and len(kept) < most
        if folding:
            kept.append((name, [value.strip(b" \t")]))
        else:
            left_out += 1
            bad = bad or not whole
    bad = bad or bool(b"".join([name for name, _ in kept]).translate(None, _TOKEN_BYTES))
    joined = (
        (name.rstrip(b" \t"), parts[0] if len(parts) == 1 else b" ".join(filter(None, parts))) for name, parts in kept
    )
    return Fields(joined), left_out, bad
