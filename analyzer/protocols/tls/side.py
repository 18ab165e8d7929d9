"""One direction of a TLS connection: what that side said, as events with their frames.

Rules: handshake messages are put together across records. What a side sends after its ChangeCipherSpec is encrypted
(TLS 1.2 and lower): the first such handshake record is its Finished. In TLS 1.3 everything after the ServerHello has
the type of application data. An event's ``done`` is the frame that completes the *record* its last byte is in: no
receiver can use a record before it is whole, and Wireshark shows it there. It never goes backwards inside a
direction. Every walk ends: see the limits below.

Sources: RFC 8446 sections 2, 4, 5; RFC 5246 sections 6.2, 7; letters: MEASURES (Zeek's ``ssl_history``).
"""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.flows.stream import ByteStream
from analyzer.options import Limits
from analyzer.problems import Problem, ProblemLog
from analyzer.protocols.tls import handshake, ssl2
from analyzer.protocols.tls.handshake import ClientHello, ServerHello
from analyzer.protocols.tls.names import alert_level, alert_name
from analyzer.protocols.tls.records import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    HEARTBEAT,
    Record,
    RecordWalk,
    closing_alert,
)

APPLICATION_RECORDS = 16
"""Application data records in a row after which a direction is no longer walked, but for a closing alert. An
encrypted server flight of TLS 1.3 has five to eight; what comes later says nothing about the handshake."""

AFTER_FINISHED = 4
"""The same for a side whose Finished was seen (TLS 1.2 and lower): nothing but alerts can follow."""

EARLY_RECORDS = 256
"""The same for a client that offers early data, whose Finished comes after it (servers allow 16 kB to 64 kB)."""

MAX_EVENTS = 200
"""Handshake messages, alerts and the like kept of one direction; a full handshake with client certificate has 12."""

MAX_RECORDS = 1000
"""Records walked of one direction at most. The longest message that is kept (256 kB) fills 512 of the smallest
records peers may ask for (RFC 6066 section 4: 512 bytes); beyond this somebody is playing with us."""

MIN_FRAGMENT = 256
"""Shortest plausible first piece of a hello that does not fit its record; an encrypted Finished is below 120."""

Seen = tuple[int, int]
"""(frame, time in ns)"""

_LETTERS = {
    0: "H",
    1: "C",
    2: "S",
    4: "T",
    5: "E",
    6: "J",  # HelloRetryRequest of drafts up to 21
    8: "O",
    11: "X",
    12: "K",
    13: "R",
    14: "N",
    15: "Y",
    16: "G",
    20: "F",
    21: "W",
    22: "U",
    23: "A",
    24: "P",
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something one side said.

    Attributes:
        letter: of the handshake history, upper case.
        start, end: stream offsets, with the record header where the event is a whole record.
        first, done: when its first byte was seen, and when it was whole.
        size: bytes of the record body, or of the message.
    """

    letter: str
    start: int
    end: int
    first: Seen
    done: Seen
    size: int


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. An encrypted one has the description ``encrypted`` and no code."""

    frame: int
    level: str
    description: str
    code: int | None


class Side:
    """Reads one direction.

    Attributes:
        events: handshake messages, ChangeCipherSpec, alerts, the first application data; in order.
        application: the first application data records (at most :data:`EARLY_RECORDS`).
        client_hellos, server_hellos: with their events, retries first.
        certificates: DER, of a readable Certificate message; ``chain_cut`` when it held more or was broken.
        key_exchange: body of a ServerKeyExchange.
        finished: the first encrypted handshake record after this side's ChangeCipherSpec (TLS 1.2 and lower).
        lost: a hole hides part of what this side said before it fell silent about the handshake.
        first_kind, first_version: of the first record; None when there is none.
        stopped: why reading ended, see :class:`RecordWalk`, or ``enough`` or ``limit``.
    """

    def __init__(self, stream: ByteStream, start: int, limits: Limits, problems: ProblemLog) -> None:
        self.stream, self.start = stream, start
        self.events: list[Event] = []
        self.application: list[Event] = []
        self.alerts: list[Alert] = []
        self.client_hellos: list[tuple[ClientHello, Event]] = []
        self.server_hellos: list[tuple[ServerHello, Event]] = []
        self.certificates: list[bytes] = []
        self.chain_cut = False
        self.key_exchange: bytes | None = None
        self.changed = False
        self.finished: Event | None = None
        self.lost = False
        self.records = 0
        self.first_kind: int | None = None
        self.first_version: int | None = None
        self.ssl2 = False
        self.stopped: str | None = None
        self._limits, self._problems = limits, problems
        self._walk = RecordWalk(stream, start)
        self._latest: Seen = (0, 0)
        self._pending = b""
        self._pending_at = start
        self._deaf = False
        self._in_a_row = 0

    @property
    def letters(self) -> set[str]:
        """The history letters this side has."""
        return {event.letter for event in self.events}

    def read(self) -> None:
        """Walk this direction until it has nothing more to say about the session."""
        self._read_ssl2()
        for record in self._walk:
            if self.first_kind is None:
                self.first_kind, self.first_version = record.kind, record.version
            self.records += 1
            if record.after_hole:
                self._hole(record.start)
            self._record(record)
            if self.stopped is not None:
                break
        else:
            self.stopped = self._walk.stopped
            if self.stopped in ("hole", "cut") or (self.stopped == "not_tls" and self._pending):
                self._hole(self._walk.position)
        self._leave_pending()
        if self.stopped == "enough":
            alert = closing_alert(self.stream, self._walk.position)
            if alert is not None:
                self._alert(alert)

    def _record(self, record: Record) -> None:
        kind = record.kind
        if kind == APPLICATION_DATA:
            self._application(record)
            return
        self._in_a_row = 0
        if kind == HANDSHAKE:
            self._handshake(record)
        elif kind == CHANGE_CIPHER_SPEC:
            self._add("I", record)
            self.changed = True
        elif kind == ALERT:
            self._alert(record)
        elif kind == HEARTBEAT:
            self._add("B", record)
        if len(self.events) >= MAX_EVENTS or self.records >= MAX_RECORDS:
            self.stopped = "limit"
            self._report("TLS-LIMIT", "the handshake of one side is too long to be one and is not read further", record)

    def _application(self, record: Record) -> None:
        self._in_a_row += 1
        allowed = APPLICATION_RECORDS if self.finished is None else AFTER_FINISHED
        if self.client_hellos and self.client_hellos[-1][0].early_data:
            allowed = EARLY_RECORDS
        event = self._event("D", record.start, record.end)
        if not self.application:
            self.events.append(event)
        if len(self.application) < EARLY_RECORDS:
            self.application.append(event)
        if self._in_a_row >= allowed:
            self.stopped = "enough"

    def _handshake(self, record: Record) -> None:
        size = record.end - record.body
        if self.changed and not self._plain_after_change(record):
            if self.finished is None:
                self.finished = self._add("F", record)
            return
        if self._deaf:
            return
        body = self._walk.read(record.body, size)
        carried = len(self._pending)
        if not carried:
            self._pending_at = record.start
        data = self._pending + body if carried else body
        done = self._done(record.start, record.end)
        at = 0
        while len(data) - at >= 4 and len(self.events) < MAX_EVENTS:
            length = int.from_bytes(data[at + 1 : at + 4])
            if data[at] not in _LETTERS or length > self._limits.message_bytes:
                self._refuse(data[at], length, record)
                return
            if len(data) - at - 4 < length:
                break
            end = record.body + at + 4 + length - carried
            self._message(data[at], data[at + 4 : at + 4 + length], self._pending_at, end, done)
            at += 4 + length
            self._pending_at = end
        self._pending = data[at:] if at else data
        if len(body) < size:  # a hole inside: what follows is not the rest of this message
            self._hole(record.body + len(body))

    def _refuse(self, kind: int, length: int, record: Record) -> None:
        """Give up reading handshake messages: not plain text, or beyond the limit."""
        self._deaf, self._pending = True, b""
        if kind in _LETTERS and not self.lost:
            self._report("TLS-LIMIT", f"a handshake message of {length} bytes is longer than is read", record)
        elif self.client_hellos or self.server_hellos:
            self._report("TLS-MALFORMED", f"handshake message of unknown type {kind}", record)

    def _plain_after_change(self, record: Record) -> bool:
        """Tell whether a handshake record after ChangeCipherSpec is plain: a hello that follows a HelloRetryRequest.

        RFC 8446 appendix D.4: in compatibility mode both sides may send a ChangeCipherSpec before these.
        """
        head = self._walk.read(record.body, 6)
        size = record.end - record.body
        if len(head) < 6 or head[0] not in (1, 2) or head[4] != 3 or head[5] > 3:
            return False
        length = int.from_bytes(head[1:4]) + 4
        return length == size or MIN_FRAGMENT <= size < length < 1 << 17

    def _message(self, kind: int, body: bytes, start: int, end: int, done: Seen) -> None:
        letter = _LETTERS[kind]
        if kind == 2:
            hello = handshake.server_hello(body)
            if hello is None:
                return self._malformed("ServerHello", start)
            event = self._event("J" if hello.retry else "S", start, end, done)
            self.server_hellos.append((hello, event))
            if not hello.complete:
                self._malformed("ServerHello", start, event)
        elif kind == 1:
            offer = handshake.client_hello(body)
            if offer is None:
                return self._malformed("ClientHello", start)
            event = self._event(letter, start, end, done)
            self.client_hellos.append((offer, event))
            if not offer.complete:
                self._malformed("ClientHello", start, event)
        else:
            event = self._event(letter, start, end, done)
            if kind == 11 and not self.certificates:
                self.certificates, whole = handshake.certificate_list(body)
                self.chain_cut = not whole
            elif kind == 12 and self.key_exchange is None:
                self.key_exchange = body
        self.events.append(event)
        return None

    def _alert(self, record: Record) -> None:
        event = self._add("L", record)
        body = self._walk.read(record.body, min(record.end - record.body, 16))
        plain = len(body) == record.end - record.body and len(body) % 2 == 0 and not (self.changed and len(body) > 2)
        if not plain or body[0] not in (1, 2):
            self.alerts.append(Alert(event.done[0], "unknown", "encrypted", None))
            return
        for i in range(0, len(body), 2):
            level, code = body[i], body[i + 1]
            self.alerts.append(Alert(event.done[0], alert_level(level), alert_name(code), code))

    def _read_ssl2(self) -> None:
        """Read a hello in the SSL 2.0 form at the very start, if there is one."""
        head = self._walk.read(self.start, 13)
        size = ssl2.client_hello_size(head)
        if size is not None:
            hello = ssl2.client_hello(self._walk.read(self.start, size))
            event = self._event("C", self.start, self.start + size)
            self.client_hellos.append((hello, event))
        else:
            answer = (
                ssl2.server_hello(self._walk.read(self.start, 2048)) if len(head) == 13 and head[0] & 0x80 else None
            )
            if answer is None:
                return
            size, certificate = answer
            event = self._event("S", self.start, self.start + size)
            self.server_hellos.append((ServerHello(0x0002), event))
            self.certificates = [certificate] if certificate else []
        self.ssl2 = True
        self.events.append(event)
        self._walk.position = self.start + size

    def _leave_pending(self) -> None:
        """Read what there is of a hello whose end was not captured; it still may name the server."""
        data, self._pending = self._pending, b""
        if len(data) < 4 + 34 or data[0] not in (1, 2):
            return
        event = self._event("C" if data[0] == 1 else "S", self._pending_at, self._pending_at + len(data))
        if data[0] == 1 and not self.client_hellos:
            offer = handshake.client_hello(data[4:])
            if offer is not None:
                offer.complete = False
                self.client_hellos.append((offer, event))
                self.events.append(event)
        elif data[0] == 2 and not self.server_hellos:
            hello = handshake.server_hello(data[4:])
            if hello is not None:
                hello.complete = False
                self.server_hellos.append((hello, event))
                self.events.append(event)

    def _hole(self, offset: int) -> None:
        """Take note that bytes before ``offset`` are missing."""
        if self.changed or self._in_a_row:
            return
        if not self.lost:
            seen = self.stream.at(offset)
            self._problems.add(
                Problem(
                    "TLS-LOST",
                    "tls",
                    "bytes of the handshake are missing from the capture",
                    seen[0] if seen else None,
                    offset,
                )
            )
        self.lost = True
        self._leave_pending()

    def _add(self, letter: str, record: Record) -> Event:
        event = self._event(letter, record.start, record.end)
        self.events.append(event)
        return event

    def _event(self, letter: str, start: int, end: int, done: Seen | None = None) -> Event:
        first = self.stream.at(start) or self.stream.first_in(start, end) or self._latest
        return Event(letter, start, end, first, done or self._done(start, end), end - start)

    def _done(self, start: int, end: int) -> Seen:
        """Return when bytes [start, end) had all been seen (as far as they were captured), never going backwards."""
        last = self.stream.at(end - 1)
        if last is None or last != self.stream.at(start):
            last = self.stream.last_in(start, end) or last or self._latest
        if last[0] > self._latest[0]:
            self._latest = last
        return self._latest

    def _malformed(self, what: str, start: int, event: Event | None = None) -> None:
        frame = event.done[0] if event else None
        self._problems.add(Problem("TLS-MALFORMED", "tls", f"a {what} does not keep to its own lengths", frame, start))

    def _report(self, code: str, message: str, record: Record) -> None:
        seen = self.stream.at(record.start)
        self._problems.add(Problem(code, "tls", message, seen[0] if seen else None, record.start))
