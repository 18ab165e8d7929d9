"""TLS sessions: both directions of a connection in, one row of the ``tls`` table out.

Rules and theory. The row is built from two :class:`Side` values, each read on its own; what they said is merged by
the frame in which it was complete. From then on application data may flow:

* TLS 1.2 and lower, full handshake: the server's Finished; resumed: the client's (the server finishes first there).
  Both are encrypted, so it is the first handshake record after that side's ChangeCipherSpec.
* TLS 1.3: the client's Finished, which is encrypted too: its first record of type application data after the
  server's flight. One exactly as long as an encrypted alert is taken for that: a Finished is never so short.

Where the server answers in another protocol, ``handshake_why`` says so: ``plain_http`` when it is HTTP/1.x (https was
asked of a port for http; its answer is then a row of the ``http`` table) or an error page without a status line,
``not_tls`` when it is anything else.

A session is resumed (TLS 1.2) when the server goes from its hello to ChangeCipherSpec without a certificate or
ServerHelloDone. Sources: RFC 8446 sections 2 and 4, RFC 5246 section 7.3, RFC 5077 section 3, RFC 6066.
"""

from __future__ import annotations

import re

from analyzer.flows.stream import ByteStream
from analyzer.problems import Problem
from analyzer.protocols.base import Conversation
from analyzer.protocols.tls.certificates import certificate, is_read
from analyzer.protocols.tls.ciphers import ssl2_name, suite_name
from analyzer.protocols.tls.fingerprint import ja3, ja3s, ja4
from analyzer.protocols.tls.handshake import (
    MAX_CERTIFICATES,
    ClientHello,
    KeyExchange,
    ServerHello,
    server_key_exchange,
)
from analyzer.protocols.tls.names import draft_number, group_name, is_grease, version_name
from analyzer.protocols.tls.records import ALERT, HANDSHAKE, HEADER, RecordWalk, is_header
from analyzer.protocols.tls.side import Alert, Event, Side
from analyzer.protocols.tls.ssl2 import HEAD, client_hello_size
from analyzer.schema import Certificate, TlsAlert, TlsRow
from analyzer.text import decode
from analyzer.units import ms_between

TLS12, TLS13 = 0x0303, 0x0304

HARMLESS = (0, 90)
"""Alerts that break nothing off in TLS 1.3: close_notify and user_canceled (RFC 8446 section 6.1)."""

SEGMENTS_SEARCHED = 64
"""Segments of each side searched for a hello that does not stand first; SMTP with STARTTLS has five before it."""

SEARCHED_BYTES = 256 << 10
"""How far into a side the search goes at most."""

CLIENT_HELLO, SERVER_HELLO = 1, 2

PROXY_LINE = 107
"""Longest header line of the PROXY protocol, version 1."""

PROXY_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"

_PLAIN_HTTP = re.compile(
    rb"HTTP/1\.[01] [1-5]\d\d(?=[ \r\n]|\Z)"
    rb"|(?i:<(?:!doctype +html|html|head|title|body|center|h[1-6]|p)[ \t\r\n>])"
)
"""A status line; or an error page without one, from a server that takes what it does not know for HTTP/0.9."""

TAG, SHORT_TAG = 16, 8
"""Bytes of an authentication tag, and of that of the CCM_8 suites (RFC 8446 section 5.2)."""


def session(conversation: Conversation) -> TlsRow | None:
    """Read the TLS session that begins where the connection (or its capture) does.

    Returns:
        The row, or None when this is not TLS. Never raises; what could not be read is told in the conversation's
        problems.
    """
    client_at, client_other = _beginning(conversation.client)
    if client_other:
        return None
    server_at, server_other = _beginning(conversation.server)
    if client_at is None and (server_at is None or server_other):
        return None
    client = _read(conversation, conversation.client, client_at)
    server = _read(conversation, conversation.server, server_at)
    if not (_has_hello(client, server) or _middle(client) or _middle(server)):
        return None
    if server_other and not client.client_hellos:
        return None  # the server speaks something else, and no ClientHello says that TLS was wanted
    return _Session(conversation, client, server, server_other).row()


def session_at(conversation: Conversation, client_offset: int, server_offset: int) -> TlsRow | None:
    """Read a TLS session that begins inside a connection (after STARTTLS, or CONNECT through a proxy).

    Args:
        client_offset, server_offset: where the first record of each side is expected, as stream offsets.

    Returns:
        The row, or None when no hello is found there.
    """
    client = _read(conversation, conversation.client, client_offset)
    server = _read(conversation, conversation.server, server_offset)
    if not _has_hello(client, server):
        return None
    return _Session(conversation, client, server, _speaks_other(conversation.server, server_offset)).row()


def session_inside(conversation: Conversation) -> TlsRow | None:
    """Find and read a TLS session that begins inside a connection: after STARTTLS, CONNECT or a SOCKS handshake.

    A ClientHello is looked for where segments of the client begin, among its first :data:`SEGMENTS_SEARCHED`; the
    server's answer where one of its segments begins with a handshake or alert record.

    Returns:
        The row, or None when there is no ClientHello.
    """
    client_at = _hello_at(conversation.client, CLIENT_HELLO)
    if client_at is None:
        return None
    server_at = _hello_at(conversation.server, SERVER_HELLO)
    return session_at(conversation, client_at, conversation.server.end if server_at is None else server_at)


def _hello_at(stream: ByteStream, kind: int) -> int | None:
    """Return the first of a side's segments that begins with a record of a hello (or, of a server, an alert)."""
    first = stream.next_captured(stream.start)
    if first is None:
        return None
    starts = stream.piece_starts(first, first + SEARCHED_BYTES)[:SEGMENTS_SEARCHED]
    for start in [first + _proxy_header(stream, first), *starts]:
        head = stream.read(start, HEADER + 6)
        if not is_header(head[:HEADER]):
            continue
        if head[0] == HANDSHAKE and head[5:6] == bytes([kind]) and head[9:10] == b"\x03":
            return start
        if head[0] == ALERT and kind == SERVER_HELLO and head[3:5] == b"\x00\x02" and head[5] in (1, 2):
            return start
    return None


def _beginning(stream: ByteStream) -> tuple[int | None, bool]:
    """Find where the records of a side begin.

    Returns:
        The offset (None without one), and whether the side provably begins with something other than TLS.
    """
    first = stream.next_captured(stream.start)
    if first is None:
        return None, False
    first += _proxy_header(stream, first)
    head = stream.read(first, HEAD)
    if is_header(head[:HEADER]) or client_hello_size(head) is not None:
        return first, False
    if stream.from_start and stream.at(0) is not None:
        if head[:1] and head[0] & 0x80 and len(head) > 2 and head[2] == 4:
            return first, False  # perhaps an SSL 2.0 ServerHello
        return None, True
    return RecordWalk(stream, first).find(first), False


def _proxy_header(stream: ByteStream, offset: int) -> int:
    """Return the size of a PROXY protocol header (HAProxy, versions 1 and 2) at ``offset``, 0 without one."""
    head = stream.read(offset, PROXY_LINE)
    if head.startswith(b"PROXY "):
        return head.find(b"\r\n") + 2 if b"\r\n" in head else 0
    if head.startswith(PROXY_SIGNATURE) and len(head) >= 16:
        return 16 + int.from_bytes(head[14:16])
    return 0


def _speaks_other(stream: ByteStream, offset: int) -> bool:
    head = stream.read(offset, HEADER)
    return len(head) == HEADER and not is_header(head)


def _answers_in_http(stream: ByteStream) -> bool:
    """Tell whether a server's first bytes are a status line or an error page: its port knows nothing of TLS."""
    first = stream.next_captured(stream.start)
    return first is not None and _PLAIN_HTTP.match(stream.read(first, 32)) is not None


def _read(conversation: Conversation, stream: ByteStream, start: int | None) -> Side:
    side = Side(stream, stream.end if start is None else start, conversation.limits, conversation.problems)
    side.read()
    return side


def _has_hello(*sides: Side) -> bool:
    return any(side.client_hellos or side.server_hellos for side in sides)


def _middle(side: Side) -> bool:
    """Tell whether a side whose beginning is missing carries records beyond doubt."""
    missing = not side.stream.from_start or side.start > 0
    return missing and side.records > 0 and RecordWalk(side.stream, side.start).is_record(side.start)


class _Session:
    """Puts the two sides together; each method answers for a few columns of the row."""

    def __init__(self, conversation: Conversation, client: Side, server: Side, answered_other: bool) -> None:
        if not client.client_hellos and (server.client_hellos or client.server_hellos):
            client, server = server, client  # the connection's sides were guessed, the hellos prove the roles
        self.conversation, self.client, self.server = conversation, client, server
        self.answered_other = answered_other
        self.offer: ClientHello | None = None
        self.offered: Event | None = None
        if client.client_hellos:
            self.offer, self.offered = client.client_hellos[0]
        self.answer: ServerHello | None = None
        self.answered: Event | None = None
        if server.server_hellos:
            self.answer, self.answered = server.server_hellos[-1]
        self.is_13 = self.answer is not None and _is_13(self.answer.negotiated)
        self.cipher = self._cipher()
        self.resumption = self._resumption()
        self.alert_instead = False
        self.finished = self._finished()
        self.outcome = self._outcome()

    def row(self) -> TlsRow:
        """Draw the row."""
        offer, answer = self.offer, self.answer
        merged = self._merged()
        chain = self._certificates()
        exchange = self._key_exchange()
        began = self.offered.first[1] if self.offered else None
        ended = self.finished.done if self.finished else None
        duration = ms_between(began, ended[1] if ended else None)
        name = offer.sni if offer else None
        return TlsRow(
            stream=self.conversation.stream,
            transport="tcp",
            client_hello_frame=self.offered.done[0] if self.offered else None,
            server_hello_frame=self.answered.done[0] if self.answered else None,
            finished_frame=ended[0] if ended else None,
            sni=decode(name) if name else None,
            version=self._version(),
            client_versions=_client_versions(offer) if offer else (),
            alpn_offered=tuple(decode(protocol) for protocol in offer.alpn) if offer else (),
            alpn=decode(answer.alpn) if answer and answer.alpn is not None else None,
            ciphers_offered=tuple(map(ssl2_name if offer.ssl2 else suite_name, offer.ciphers)) if offer else (),
            cipher=self.cipher,
            group=group_name(answer.key_share) if answer and answer.key_share is not None else exchange.group,
            signature=exchange.signature,
            resumption=self.resumption,
            early_data=bool(offer and offer.early_data),
            hello_retry=any(hello.retry for hello, _ in self.server.server_hellos),
            client_certificate_requested=self._certificate_requested(),
            certificates=chain,
            handshake_ms=duration,
            round_trips=self._round_trips(merged),
            handshake_history="".join(e.letter if own else e.letter.lower() for e, own in merged),
            alerts=self._alerts(),
            ja3=ja3(offer) if offer else None,
            ja3s=ja3s(answer) if answer else None,
            ja4=ja4(offer) if offer else None,
            ech=bool(offer and offer.ech),
            decrypted=False,
            decrypted_why="no_keys",
            outcome=self.outcome,
            client_hello_time=began,
            server_hello_time=self.answered.first[1] if self.answered else None,
            finished_time=ended[1] if ended else None,
            handshake_why=self._handshake_why() if duration is None else None,
            certificates_why=None if chain else self._certificates_why(),
            frames=self._frames(merged),
        )

    def _merged(self) -> list[tuple[Event, bool]]:
        """Return the events of both sides in the order in which they were complete, with True for the client's."""
        both = [(event, True) for event in self.client.events] + [(event, False) for event in self.server.events]
        both.sort(key=lambda item: item[0].done[0])
        return both

    def _cipher(self) -> str | None:
        return suite_name(self.answer.cipher) if self.answer and self.answer.cipher is not None else None

    def _version(self) -> str | None:
        if self.answer is not None:
            return "TLSv1.3" if self.is_13 else version_name(self.answer.negotiated)
        if self.outcome == "midstream":
            # since TLS 1.3 hides behind 1.2 only lower numbers in a record header say something
            seen = {side.first_version for side in (self.client, self.server)} - {None}
            if len(seen) == 1 and max(seen) < TLS12:  # type: ignore[type-var,operator]
                return version_name(seen.pop() or 0)
        return None

    def _resumption(self) -> str | None:
        answer, offer = self.answer, self.offer
        if answer is None:
            return None
        if self.is_13:
            return "psk" if answer.psk else "none"
        said = {event.letter for event in self.server.events}
        if said & set("XKNR"):
            return "none"
        echoed = bool(offer and offer.session_id and offer.session_id == answer.session_id)
        # without the client's side, a server that goes straight on to ChangeCipherSpec has resumed something
        if not echoed and not (self.server.changed and not self.server.lost):
            return None
        return "ticket" if offer and offer.ticket_bytes else "session_id"

    def _finished(self) -> Event | None:
        """Return the event after which application data may flow, None when it was not seen."""
        if self.is_13:
            return self._finished_13()
        if self.answer is None:
            return None
        return self.client.finished if self.resumption in ("session_id", "ticket") else self.server.finished

    def _finished_13(self) -> Event | None:
        if self.answered is None:
            return None
        tag = SHORT_TAG if (self.cipher or "").endswith("CCM_8_SHA256") else TAG
        early = self.offer is not None and self.offer.early_data
        flight = self.answered
        if early and self.server.application:
            flight = self.server.application[0]
        after = [event for event in self.client.application if event.first[0] > flight.done[0]]
        if early:
            ends = [i for i, event in enumerate(after) if event.size == HEADER + 4 + 1 + tag]  # EndOfEarlyData
            after = after[ends[0] + 1 :] if ends else after
        if not after:
            return None
        if after[0].size == HEADER + 2 + 1 + tag and not early:
            self.alert_instead = True
            return None
        said = self.client.client_hellos[-1][1].end if self.client.client_hellos else self.client.start
        return None if self.client.stream.missing(said, after[0].start) else after[0]

    def _data_flowed(self) -> bool:
        """Tell whether application data proves that the handshake ended well, though its end was not seen."""
        if self.alert_instead or not _has_hello(self.client, self.server):
            return False
        if self.answer is not None and not self.is_13:
            return bool(self.client.application or self.server.application)
        early = self.offer is not None and self.offer.early_data
        return not early and any(event.size > HEADER + 2 + 1 + TAG for event in self.client.application)

    def _outcome(self) -> str:
        if self.finished is not None or self._data_flowed():
            return "established"
        if self.alert_instead or self.answered_other or self._broken_off():
            return "failed"
        return "incomplete" if _has_hello(self.client, self.server) else "midstream"

    def _broken_off(self) -> bool:
        if not _has_hello(self.client, self.server):
            return False
        return any(
            alert.code is None or (alert.code not in HARMLESS if self.is_13 else alert.level == "fatal")
            for alert in self.client.alerts + self.server.alerts
        )

    def _handshake_why(self) -> str | None:
        """Say why the handshake has no duration."""
        if self.outcome == "failed":
            if self.answered_other:
                return "plain_http" if _answers_in_http(self.conversation.server) else "not_tls"
            return "alert"
        sides = (self.client, self.server)
        if self.offered is None or self.outcome == "midstream":
            if not (self.conversation.client.from_start or self.conversation.server.from_start):
                return "before_capture"
            return "not_captured" if len(self.client.stream) == 0 else "lost"
        if any(len(side.stream) == 0 < side.stream.end for side in sides):
            return "not_captured"
        if self.outcome == "established" or any(side.stream.missing(side.start, side.stream.end) for side in sides):
            return "lost"
        if self.conversation.client.reset or self.conversation.server.reset:
            return "reset"
        return "closed" if self.conversation.closed else "capture_ended"

    def _certificate_requested(self) -> bool | None:
        if self.answer is None or self.is_13:
            return None
        said = {event.letter for event in self.server.events}
        if "R" in said:
            return True
        return False if "N" in said or self.resumption in ("session_id", "ticket") else None

    def _key_exchange(self) -> KeyExchange:
        body = self.server.key_exchange
        if body is None or self.answer is None or self.cipher is None:
            return KeyExchange()
        return server_key_exchange(body, self.cipher, self.answer.negotiated)

    def _certificates(self) -> tuple[Certificate, ...]:
        rows = tuple(certificate(der) for der in self.server.certificates)
        frame = next((event.done[0] for event in self.server.events if event.letter == "X"), None)
        if self.server.chain_cut:
            full = len(rows) == MAX_CERTIFICATES
            self._report(
                "TLS-LIMIT" if full else "TLS-MALFORMED",
                f"only the first {MAX_CERTIFICATES} certificates of a chain are kept"
                if full
                else "a Certificate message does not keep to its own lengths",
                frame,
            )
        if not all(map(is_read, rows)):
            self._report("TLS-CERTIFICATE", "a certificate cannot be read as X.509; only its fingerprint is", frame)
        return rows

    def _certificates_why(self) -> str:
        if self.resumption in ("session_id", "ticket", "psk"):
            return "resumed"
        if self.is_13:
            return "encrypted"
        cipher = self.cipher or ""
        if "_anon_" in cipher or cipher.startswith(("TLS_PSK", "TLS_DHE_PSK", "TLS_ECDHE_PSK", "TLS_KRB5")):
            return "not_applicable"
        if self.outcome == "failed" and not self.server.lost:
            return "not_applicable"  # it never came to a certificate
        if self.server.lost or self.server.stream.missing(self.server.start, self.server.stream.end):
            return "lost"
        return "before_capture" if self.outcome == "midstream" else "not_captured"

    def _round_trips(self, merged: list[tuple[Event, bool]]) -> int | None:
        """Count the times the server answered the client, up to the end of the handshake."""
        if self.finished is None or self.offered is None:
            return None
        turns, waiting = 0, False
        for event, own in merged:
            if event.done[0] > self.finished.done[0]:
                break
            if event.letter not in "DL":
                turns += waiting and not own
                waiting = own
        return turns

    def _alerts(self) -> tuple[TlsAlert, ...]:
        said: list[tuple[Alert, str]] = [(alert, "client") for alert in self.client.alerts]
        said += [(alert, "server") for alert in self.server.alerts]
        said.sort(key=lambda item: item[0].frame)
        return tuple(TlsAlert(alert.frame, who, alert.level, alert.description) for alert, who in said)

    def _frames(self, merged: list[tuple[Event, bool]]) -> tuple[int, ...]:
        """Return the frames of handshake messages and alerts; of TLS 1.3 also the encrypted ones."""
        events = [(event, own) for event, own in merged if event.letter != "D"]
        if self.is_13:
            last = self.finished.done[0] if self.finished else None
            hidden = [event for event in self.server.application if last is None or event.done[0] < last]
            events += [(event, False) for event in hidden]
            if self.finished:
                events.append((self.finished, True))
            elif self.alert_instead:
                events += [(event, True) for event in self.client.application[:1]]
        out: set[int] = set()
        for event, own in events:
            if event.first[0] == event.done[0]:
                out.add(event.first[0])
            else:
                stream = (self.client if own else self.server).stream
                out.update(stream.frames(event.start, event.end).tolist())
        return tuple(sorted(out))

    def _report(self, code: str, message: str, frame: int | None) -> None:
        self.conversation.problems.add(Problem(code, "tls", message, frame))


def _is_13(version: int) -> bool:
    return version == TLS13 or draft_number(version) is not None


def _client_versions(offer: ClientHello) -> tuple[str, ...]:
    listed = [version_name(version) for version in offer.versions if not is_grease(version)]
    return tuple(listed) if listed else (version_name(offer.version),)
