"""One direction of HTTP/1.x: the message at an offset, or why there is none.

A head is complete, or cut: by a hole (``lost``), by the end of the stream (``end``), by the limit on its size
(``limit``). A cut head still gives its start line and the fields that were captured whole; how long its body was is
then unknown. A start line that was not captured whole gives no message.

Sources: RFC 9112 sections 2.1 to 5, RFC 1945 section 4.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from analyzer.flows.stream import ByteStream
from analyzer.options import Limits
from analyzer.problems import Problem, ProblemLog
from analyzer.protocols.http1 import framing, grammar, resync, status
from analyzer.protocols.http1.framing import Body
from analyzer.protocols.http1.grammar import NO_FIELDS, Fields
from analyzer.protocols.http1.window import Window

_HEAD_END = re.compile(rb"\n\r?\n")
_BLANKS = re.compile(rb"[\r\n]*")

MILD_FLAWS = frozenset({"bad_request_line", "bad_version", "bad_header", "junk_before"})
"""Broken rules that leave no doubt what the message says; a flaw that does, or a missing part, is told instead."""


class Nothing(Enum):
    """Why no message starts at an offset."""

    END = "end"  # the stream ends here, perhaps inside a start line
    HOLE = "hole"  # bytes of the start line, or all, were not captured
    JUNK = "junk"  # what is here is no start line


@dataclass(slots=True)
class Message:
    """What requests and responses share.

    Attributes:
        start: offset of the first byte of the start line.
        head_end: one past the blank line (or past what was captured of a cut head).
        cut: None | lost | end | limit.
        end: one past the body, as far as known.
        flaw: what breaks the rules, in a short word; None when all is well. See :meth:`note`.
        odd_version: the start line names a version that is neither 1.0 nor 1.1.
        stop: why the message is not known to its end: None | lost | end | malformed.
        frame, time: of the first byte.
    """

    start: int
    head_end: int
    headers: Fields
    version: str
    frame: int
    time: int
    cut: str | None = None
    flaw: str | None = None
    odd_version: bool = False
    body: Body | None = None
    last: tuple[int, int] | None = None  # (frame, time) that completed it, once asked for

    def note(self, flaw: str | None) -> None:
        """Remember the first flaw, or the first that is not mild."""
        if flaw is not None and (self.flaw is None or (self.flaw in MILD_FLAWS and flaw not in MILD_FLAWS)):
            self.flaw = flaw

    @property
    def trailers(self) -> Fields:
        """Fields behind a chunked body; they are not merged into the headers (RFC 9110 section 6.5.1)."""
        return NO_FIELDS if self.body is None or self.body.trailers is None else self.body.trailers

    @property
    def end(self) -> int:
        """One past the last byte known to belong to the message."""
        return self.head_end if self.body is None else self.body.end

    @property
    def missing(self) -> int:
        """Bytes inside the body that were not captured."""
        return 0 if self.body is None else self.body.missing

    def completed(self, stream: ByteStream) -> tuple[int, int]:
        """Return (frame, time) of the segment after which the message was whole."""
        if self.last is None:
            self.last = stream.last_in(self.start, self.end) or (self.frame, self.time)
        return self.last

    @property
    def stop(self) -> str | None:
        """Why the message is not known to its end, None when it is."""
        if self.cut is not None:
            return "malformed" if self.cut == "limit" else self.cut
        return None if self.body is None else self.body.stop


@dataclass(slots=True)
class Request(Message):
    """A request; ``method`` is None for bytes that are none but stand where one should."""

    method: bytes | None = None
    target: bytes | None = None
    after_hole: bool = False  # requests before it may have been lost

    @property
    def may_switch(self) -> bool:
        """Whether what follows on the connection may be another protocol."""
        return self.method == b"CONNECT" or b"upgrade" in self.headers


@dataclass(slots=True)
class Response(Message):
    """A response; ``status`` is None for HTTP/0.9, a status line without code, or bytes that are no response."""

    status: int | None = None
    reason: bytes = b""


@dataclass(slots=True)
class Reader:
    """Reads the messages of one direction at offsets that the caller chooses."""

    stream: ByteStream
    limits: Limits
    problems: ProblemLog
    window: Window = field(init=False)

    def __post_init__(self) -> None:
        self.window = Window(self.stream)

    def report(self, code: str, message: str, frame: int | None, offset: int) -> None:
        """Note a problem of our reading."""
        self.problems.add(Problem(code, "http", message, frame, offset))

    def skip_blanks(self, offset: int) -> int:
        """Return the offset behind any CR and LF before a start line (RFC 9112 section 2.2)."""
        if offset >= self.stream.end:
            return offset
        while True:
            buffer, at = self.window.get(offset, 1)
            if at >= len(buffer):
                return offset
            found = _BLANKS.match(buffer, at)
            assert found is not None  # the pattern matches nothing too
            offset += found.end() - at
            if found.end() < len(buffer):
                return offset

    def _absent(self, offset: int) -> Nothing:
        return Nothing.END if offset >= self.stream.end else Nothing.HOLE

    def _first_line(self, offset: int) -> tuple[bytes, int | None]:
        """Return the line at ``offset`` without its end, and the offset behind it (None when it is cut)."""
        size = 512
        while True:
            buffer, at = self.window.get(offset, size)
            end = buffer.find(b"\n", at, at + self.limits.header_bytes)
            if end >= 0:
                return buffer[at:end].removesuffix(b"\r"), offset + end + 1 - at
            if len(buffer) - at < size or size >= self.limits.header_bytes:
                return buffer[at : at + self.limits.header_bytes], None
            size *= 4

    def _read_head(self, made: Message, line_end: int) -> None:
        """Read the fields of a message whose first line ends at ``line_end``, and where its head ends."""
        offset, size = made.start, 1024
        while True:
            buffer, at = self.window.get(offset, size)
            # From one byte before the first line's end, so that a head without fields is found too.
            found = _HEAD_END.search(buffer, at + line_end - offset - 1, at + self.limits.header_bytes)
            if found is not None:
                made.head_end = offset + found.end() - at
                begin = at + line_end - offset
                quick = grammar.plain_fields(buffer[begin : found.start()], self.limits.headers)
                if grammar.has_controls(buffer[at : begin if quick is not None else found.start() + 1]):
                    made.note("bad_header")
                if quick is not None:
                    made.headers = quick
                else:
                    self._take_fields(made, buffer[begin : found.start()])
                return
            have = len(buffer) - at
            if have >= self.limits.header_bytes:
                made.cut, have = "limit", self.limits.header_bytes
                break
            if have < size:
                made.cut = "end" if offset + have >= self.stream.end else "lost"
                break
            size = min(size * 4, self.limits.header_bytes)
        made.head_end = offset + have
        text = buffer[at + line_end - offset : at + have]
        self._take_fields(made, text[: max(text.rfind(b"\n"), 0)])
        self._note_cut(made)

    def _take_fields(self, made: Message, text: bytes) -> None:
        lines = [line.removesuffix(b"\r") for line in text.split(b"\n")] if text else []
        made.headers, left_out, bad = grammar.fields(lines, self.limits.headers)
        if bad:
            made.note("bad_header")
        if left_out:
            said = f"{left_out} header lines are no fields or beyond the limit"
            self.report("HTTP-HEADER-LINES", said, made.frame, made.start)

    def _note_cut(self, made: Message) -> None:
        if made.cut == "limit":
            text = f"a message head is longer than {self.limits.header_bytes} bytes"
            self.report("LIMIT-REACHED", text, made.frame, made.start)

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────

    def request(self, offset: int) -> Request | Nothing:
        """Read the request at ``offset`` with its body laid out."""
        if offset >= self.stream.end:
            return Nothing.END
        carried = self.stream.at(offset)
        if carried is None:
            return self._absent(offset)
        text, line_end = self._first_line(offset)
        frame, time = carried
        if line_end is None:
            return self._cut_request(offset, text, frame, time)
        line = grammar.request_line(text)
        if line is None:
            return Nothing.JUNK
        made = Request(offset, line_end, NO_FIELDS, line.version, frame, time, method=line.method, target=line.target)
        made.flaw, made.odd_version = line.flaw, line.odd_version
        if line.version == "0.9":
            if not self._field_follows(line_end):
                return made
            made.note("bad_request_line")  # HTTP/0.9 has no fields: the version was forgotten
        self._read_head(made, line_end)
        if made.cut is None:
            self._lay_out_request(made)
        return made

    def _field_follows(self, offset: int) -> bool:
        """Tell whether a header field stands at ``offset`` (a client that forgot the version sends some)."""
        buffer, at = self.window.get(offset, 130)
        return grammar.FIELD.match(buffer, at) is not None

    def _cut_request(self, offset: int, text: bytes, frame: int, time: int) -> Request | Nothing:
        """Make what can be made of a request line that was not captured whole: a method at most."""
        end = offset + len(text)
        method = grammar.could_be_request(text)
        if method is None:
            return self._absent(end) if len(text) <= grammar.METHOD_BYTES and text.isalpha() else Nothing.JUNK
        cut = "limit" if len(text) >= self.limits.header_bytes else "end" if end >= self.stream.end else "lost"
        made = Request(offset, end, NO_FIELDS, "", frame, time, cut=cut, method=method)
        self._note_cut(made)
        return made

    def _lay_out_request(self, made: Request) -> None:
        told = framing.length(made.headers, request=True, version=made.version)
        made.note(told.flaw)
        if told.kind == "none" or self._body_was_not_sent(made):
            made.body = Body("none", made.head_end, made.head_end)
        elif told.kind == "chunked":
            made.body = framing.chunked(self.window, made.head_end)
        else:
            size = self._likely(told, made.head_end, resync.request_at)
            made.body = framing.by_length(self.stream, made.head_end, size)

    def _body_was_not_sent(self, made: Request) -> bool:
        """Tell whether a client that asked ``Expect: 100-continue`` was refused and went on with another request."""
        if b"100-continue" not in made.headers.elements(b"expect"):
            return False
        return resync.request_at(self.stream, made.head_end)

    def _likely(self, told: framing.Length, start: int, proved: Callable[[ByteStream, int], bool]) -> int:
        """Choose among lengths that contradict: the one after which the stream ends or a message is proved."""
        if not told.others:
            return told.size
        for size in (told.size, *told.others):
            if start + size == self.stream.end or (
                start + size < self.stream.end and proved(self.stream, start + size)
            ):
                return size
        return told.size

    # ── responses ────────────────────────────────────────────────────────────────────────────────────────────────

    def response(self, offset: int) -> Response | Nothing:
        """Read the head of the response at ``offset``; :meth:`lay_out` gives it its body once its request is known."""
        if offset >= self.stream.end:
            return Nothing.END
        carried = self.stream.at(offset)
        if carried is None:
            return self._absent(offset)
        text, line_end = self._first_line(offset)
        line = grammar.status_line(text)
        if line is None:
            if line_end is None and b"HTTP/".startswith(text[:5].upper()):
                return self._absent(offset + len(text))
            return Nothing.JUNK
        frame, time = carried
        end = offset + len(text)
        if line.status is None and line_end is None:
            return self._absent(end)
        if line.status is None and line_end is not None and not self._field_follows(line_end):
            return Nothing.JUNK
        made = Response(offset, end, NO_FIELDS, line.version, frame, time, status=line.status, reason=line.reason)
        made.flaw, made.odd_version = line.flaw, line.odd_version
        if line_end is None:
            made.cut = "limit" if len(text) >= self.limits.header_bytes else "end" if end >= self.stream.end else "lost"
            self._note_cut(made)
        else:
            self._read_head(made, line_end)
        return made

    def _answers_head(self, offset: int) -> bool:
        """Tell whether the next response begins, with a segment of its own, where a body would."""
        return bool(self.stream.piece_starts(offset, offset + 1)) and resync.response_at(self.stream, offset)

    def lay_out(self, made: Response, method: bytes | None, *, until: int | None = None) -> None:
        """Lay out a response's body.

        Args:
            made: the response, its head complete.
            method: of the request it answers, None when unknown.
            until: offset where the next response is proved, for a body that lasts until the connection closes.

        A response whose request was not captured may answer HEAD: its length then says nothing about what follows.
        """
        start = made.head_end
        if made.status is not None and status.has_no_body(made.status, method):
            made.body = Body("none", start, start)
            return
        told = framing.length(made.headers, request=False, version=made.version)
        made.note(told.flaw)
        if method is None and (told.kind == "chunked" or told.size) and self._answers_head(start):
            made.body = Body("none", start, start)
        elif told.kind == "chunked":
            made.body = framing.chunked(self.window, start)
            if made.version == "1.0" and made.body.stop == "malformed" and made.body.end == start:
                made.body = framing.until_close(self.stream, start, until)  # the field is there, the coding is not
        elif told.kind == "content_length":
            made.body = framing.by_length(self.stream, start, self._likely(told, start, resync.response_at))
        else:
            made.body = framing.until_close(self.stream, start, until)
