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
from analyzer.protocols.http1.grammar import Fields
from analyzer.protocols.http1.window import Window

_HEAD_END = re.compile(rb"\n\r?\n")
_BLANKS = re.compile(rb"[\r\n]*")


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
        flaw: the first thing that breaks the rules, in a short word; None when all is well.
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
    body: Body | None = None
    last: tuple[int, int] | None = None  # (frame, time) that completed it, once asked for

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
    """A response; ``status`` is None for an HTTP/0.9 response or bytes that are no response."""

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

    def _head(self, offset: int, line_end: int) -> tuple[list[bytes], int, str | None]:
        """Return the field lines of the head at ``offset``, the offset behind it, and how it was cut."""
        size = 1024
        while True:
            buffer, at = self.window.get(offset, size)
            # From one byte before the first line's end, so that a head without fields is found too.
            found = _HEAD_END.search(buffer, at + line_end - offset - 1, at + self.limits.header_bytes)
            if found is not None:
                return self._lines(buffer[at + line_end - offset : found.start()]), offset + found.end() - at, None
            have = len(buffer) - at
            if have >= self.limits.header_bytes:
                cut, have = "limit", self.limits.header_bytes
                break
            if have < size:
                cut = "end" if offset + have >= self.stream.end else "lost"
                break
            size = min(size * 4, self.limits.header_bytes)
        text = buffer[at + line_end - offset : at + have]
        whole = text.rfind(b"\n")
        return self._lines(text[: max(whole, 0)]), offset + have, cut

    @staticmethod
    def _lines(text: bytes) -> list[bytes]:
        return [line.removesuffix(b"\r") for line in text.split(b"\n")] if text else []

    def _fields(self, lines: list[bytes], frame: int, offset: int) -> Fields:
        headers, left_out = grammar.fields(lines, self.limits.headers)
        if left_out:
            self.report(
                "HTTP-HEADER-LINES", f"{left_out} header lines are no fields or beyond the limit", frame, offset
            )
        return headers

    def _note_cut(self, message: Message) -> None:
        if message.cut == "limit":
            text = f"a message head is longer than {self.limits.header_bytes} bytes"
            self.report("LIMIT-REACHED", text, message.frame, message.start)

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
        made = Request(offset, line_end, Fields(), line.version, frame, time, method=line.method, target=line.target)
        made.flaw = "bad_version" if line.odd_version else None
        if line.version == "0.9" and not self._field_follows(line_end):
            return made
        lines, made.head_end, made.cut = self._head(offset, line_end)
        made.headers = self._fields(lines, frame, offset)
        self._note_cut(made)
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
        made = Request(offset, end, Fields(), "", frame, time, cut=cut, method=method)
        self._note_cut(made)
        return made

    def _lay_out_request(self, made: Request) -> None:
        told = framing.length(made.headers, request=True, version=made.version)
        made.flaw = made.flaw or told.flaw
        if told.kind == "none" or self._body_was_not_sent(made):
            made.body = Body("none", made.head_end, made.head_end)
        elif told.kind == "chunked":
            made.body = framing.chunked(self.window, made.head_end, keep_ranges=False)
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
        made = Response(
            offset, offset + len(text), Fields(), line.version, frame, time, status=line.status, reason=line.reason
        )
        made.flaw = "bad_version" if line.odd_version else None
        if line_end is None:
            end = offset + len(text)
            made.cut = "limit" if len(text) >= self.limits.header_bytes else "end" if end >= self.stream.end else "lost"
        else:
            lines, made.head_end, made.cut = self._head(offset, line_end)
            made.headers = self._fields(lines, frame, offset)
        self._note_cut(made)
        return made

    def lay_out(self, made: Response, method: bytes | None, *, until: int | None = None, decode: bool = False) -> None:
        """Lay out a response's body.

        Args:
            made: the response, its head complete.
            method: of the request it answers, None when unknown.
            until: offset where the next response is proved, for a body that lasts until the connection closes.
            decode: keep the positions of chunks for :mod:`analyzer.protocols.http1.coding`.
        """
        start = made.head_end
        if made.status is not None and status.has_no_body(made.status, method):
            made.body = Body("none", start, start)
            return
        told = framing.length(made.headers, request=False, version=made.version)
        made.flaw = made.flaw or told.flaw
        if told.kind == "chunked":
            made.body = framing.chunked(self.window, start, keep_ranges=decode)
        elif told.kind == "content_length":
            made.body = framing.by_length(self.stream, start, self._likely(told, start, resync.response_at))
        else:
            made.body = framing.until_close(self.stream, start, until)
