"""The phases of every transaction, from the times of its frames: definitions of MEASURES "Phases of a request".

The phases add up: dns + connect + tls + blocked + send + wait + receive = total, unknown ones counting as nothing; so
do the parts of the wait. Tests assert it for every transaction. A phase that has a number lies between the two frames
of ``phase_frames``; how far the number can be trusted is in :mod:`analyzer.visits.trust`.

Choices beyond the definitions:

* A pause of more than :data:`IDLE_NS` before a request on an open connection is a person reading or a timer, not a
  queue: it is not charged to the request (``idle``; :mod:`analyzer.visits.idle` knows shorter ones). A connection is
  free when the previous answer *and* the previous request are over (an answer may come early).
* A request that left before the connection was ready (TCP Fast Open, RFC 7413; TLS 1.3 early data, RFC 8446 section
  2.3) is charged the connect and TLS time before it.
* TLS that begins behind a request (in a tunnel that CONNECT opened) is no part of that request.
* 1xx answers are not the answer (RFC 9110 section 15.2): the wait runs to the final one. What a client waits for a
  100 before it sends the body (section 10.1.1) lies inside ``send``, which runs from the first to the last byte.
* An answer that comes before the request is complete ends the sending, as far as the user's time goes; there is no wait
  then (``early``), and nobody can say what the server's share was.
* A request that was never answered was waited for until a side ended the connection, or the capture ended: then it was
  waited for at least that long (:mod:`analyzer.visits.endings`). Of such a wait nobody can say what it was made of.
* A pipelined request was sent before the previous answer was over: nothing is ``blocked``, and its wait includes its
  turn in the queue (``pipelined``).
* The wait's network part is one round trip between the recorder and the server: the quickest that the connection saw,
  in its handshake or of data, or this request's own, from its last byte to its acknowledgement. One that was held up
  would hide the server's time; the quickest never makes the server's share too small, and ``wait_server_min_ms``, what
  came after the acknowledgement, says how large it is at least. An acknowledgement that no path as long as the
  handshake's brings back so soon is a middlebox's, and proves nothing about the server. Where the client had no room
  for an answer (its window was zero), the server's own time counts from when it knew that there was room again.
* No phase is negative: where the recorder's clock ran backwards, it is 0 or unknown (``clock``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from analyzer.flows.build import Flows
from analyzer.schema import HttpRow, PhaseFrames, TlsRow, filled
from analyzer.units import NS_PER_MS, NS_PER_S
from analyzer.visits import endings, receipts, trust, vantage
from analyzer.visits.endings import Ending
from analyzer.visits.lines import FAR_NS, QUICK_ACK_NS, Line, lines, turned
from analyzer.visits.lookups import Lookup
from analyzer.visits.model import Facts
from analyzer.visits.split import TIMEOUT_NS, Splitter

IDLE_NS = NS_PER_S
"""A client with a request at hand sends it at once; a longer silence on an open connection is not waiting."""
SMALL_REQUEST_BYTES = 1460
"""A request that fits into one full segment is as quick on the way as the handshake; a larger one queues."""
HELD_SHARE, HELD_NS = 0.25, NS_PER_MS
"""What a larger request's own round trip may be above the quickest one to be called as quick."""
PARTS = ("dns_ms", "connect_ms", "tls_ms", "blocked_ms", "send_ms", "wait_ms", "receive_ms")
"""The phase columns that add up to ``total_ms``."""
_REUSED = {"dns_why": "reused", "connect_why": "reused", "tls_why": "reused"}
Pair = tuple[int, int]


def with_phases(facts: Facts, flows: Flows, owed: dict[int, Lookup], last: Pair | None = None) -> Facts:
    """Return the facts with the phase columns of every HTTP row filled in (in the rows themselves).

    Args:
        facts: http rows of one stream stand together, in the order of their index.
        owed: per stream what its connection owes to DNS.
        last: (time ns, frame) of the capture's latest packet; None when no packet has a time.
    """
    if not facts.http:
        return facts
    tls = {row.stream: row for row in facts.tls}
    known = lines(facts, sorted({row.stream for row in facts.http}))
    acknowledged = receipts.read(facts.segments, facts.http)
    ended = endings.read(facts, last)
    work = _Work(Splitter(flows), trust.Judge(), facts.capture.clock_step_ms is not None)
    done: list[HttpRow] = []
    previous: HttpRow | None = None
    for at, (row, receipt) in enumerate(zip(facts.http, acknowledged, strict=True)):
        before = previous if previous is not None and previous.stream == row.stream else None
        line, under = known[row.stream], _under(row, tls.get(row.stream))
        done.append(work.phases(row, before, line, under, owed.get(row.stream), receipt, ended.get(at)))
        previous = row
    return replace(facts, http=tuple(done))


def _under(row: HttpRow, tls: TlsRow | None) -> TlsRow | None:
    """Return the TLS session that a request travelled in, None when it began only after the request."""
    if tls is None or tls.client_hello_time is None or row.request_time is None:
        return tls
    return tls if tls.client_hello_time <= row.request_time else None


# ── transactions ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Work:
    """Fills in rows, one after the other."""

    split: Splitter
    judge: trust.Judge
    paced: bool  # the recorder's times are its own: nobody is to be accused by them

    def phases(
        self,
        row: HttpRow,
        before: HttpRow | None,
        line: Line,
        tls: TlsRow | None,
        owed: Lookup | None,
        receipt: int | None,
        ended: Ending | None,
    ) -> HttpRow:
        """Return a row with its phases.

        Args:
            before: the row before it on the same connection.
            tls: the session it travelled in.
            receipt: ns, when the server acknowledged all of the request before it answered.
            ended: what ended the wait for an answer that never came.
        """
        if row.request_offset is None and row.request_time is not None and not row.decrypted:
            line = turned(line)
        values: dict[str, Any]
        frames: dict[str, Pair]
        values, frames = _opening(row, line, tls, owed) if row.index == 0 else (dict(_REUSED), {})
        cut_request = receipts.end_unknown(row) or (row.request_missing_bytes > 0 and self.split.ends_unseen(row))
        unsure_server, unsure_loss = True, False
        if row.request_time is None or row.request_frames is None:
            values["wait_why"] = "no_request"
        else:
            _blocked(row, before, line, tls, values, frames)
            unsure_server = self._request(row, line, receipt, ended, values, frames)
        if row.response_time is not None and row.response_frames is not None:
            unsure_loss = self._receive(row, values, frames)
        values["total_ms"] = _total(values.get(part) for part in PARTS)
        values["vantage"] = "unknown" if line.place == vantage.LOCAL else line.place
        values["phase_frames"] = PhaseFrames(**frames)
        first = row.index == 0 and row.request_offset == 0
        unended = ended is not None and not ended.seen
        doubt = trust.Doubt(
            line.place,
            line.holes and not first,
            cut_request,
            _cut_response(row),
            unsure_server,
            unsure_loss,
            unended,
        )
        values["phase_trust"] = self.judge.trust(tuple(values.get(column) is not None for column in _TRUSTED), doubt)
        return filled(row, **values)

    def _request(
        self,
        row: HttpRow,
        line: Line,
        receipt: int | None,
        ended: Ending | None,
        values: dict[str, Any],
        frames: dict[str, Pair],
    ) -> bool:
        """Fill in send and wait; return whether the server's share is only a limit."""
        assert row.request_time is not None
        assert row.request_frames is not None
        begin, sent = row.request_time, max(row.request_end_time or row.request_time, row.request_time)
        first, last = row.request_frames
        answered = row.response_time
        if answered is None or row.response_frames is None or answered < begin:
            values["wait_why"] = "clock" if answered is not None else row.outcome_why or row.outcome
            if ended is not None and ended.time >= sent:
                values["wait_ms"] = (ended.time - sent) / NS_PER_MS
                frames["wait"] = last, ended.frame
        elif answered < sent:
            sent, last = answered, row.response_frames[0]
            values |= {"wait_ms": 0.0, "wait_why": "early"}
            frames["wait"] = last, last
        else:
            values["wait_ms"] = (answered - sent) / NS_PER_MS
            frames["wait"] = last, row.response_frames[0]
        values["send_ms"] = (sent - begin) / NS_PER_MS
        frames["send"] = first, last
        if answered is None or "wait_ms" not in values or "wait_why" in values:
            return True
        if row.pipelined:
            values["wait_why"] = "pipelined"
            receipt = None  # it may have been answered long before its turn came
        return self._split(row, line, sent, answered, receipt, values)

    def _split(
        self, row: HttpRow, line: Line, sent: int, answered: int, receipt: int | None, values: dict[str, Any]
    ) -> bool:
        """Split the wait into loss, network and server; return whether the server's share is only a limit."""
        wait = answered - sent
        if row.request_offset is None:
            repeated = head = 0  # where its bytes are is not known, so neither is what was sent again
        else:
            repeated = min(self.split.request_loss_ns(row, sent, answered if receipt is None else receipt), wait)
            head = min(self.split.head_loss_ns(row), wait - repeated)
            values["wait_loss_ms"] = (repeated + head) / NS_PER_MS
        left = wait - repeated - head
        # The round trip of this very request, as far as it is known.
        own = left if receipt is None else min(max(receipt - sent - repeated, 0), left)
        relayed = own < QUICK_ACK_NS and receipt is not None and (line.round_trip or 0) >= FAR_NS
        if relayed:
            receipt, own = None, left
        network = 0
        if line.round_trip is not None:
            network = min(line.round_trip, own)
            values["wait_network_ms"] = network / NS_PER_MS
        server = left - network
        values["wait_server_ms"] = server / NS_PER_MS
        room = self.split.had_room(row, sent, answered)
        least = left - own
        if room is not None:  # what the server does with the room shows one round trip after the client told of it
            least = min(least, answered - head - room - (own if line.round_trip is None else line.round_trip))
        if receipt is not None and not self.paced and (room is None or least > 0):
            values["wait_server_min_ms"] = least / NS_PER_MS
        late = own - network > trust.ACK_WITHIN_NS
        held = late or relayed or self.paced or _held_up(row, receipt, own, network)
        return line.round_trip is None or row.pipelined or held or room is not None

    def _receive(self, row: HttpRow, values: dict[str, Any], frames: dict[str, Pair]) -> bool:
        """Fill in receive; return whether more of it may have been loss than was seen."""
        assert row.response_time is not None
        assert row.response_frames is not None
        end = max(row.response_end_time or row.response_time, row.response_time)
        values["receive_ms"] = (end - row.response_time) / NS_PER_MS
        frames["receive"] = row.response_frames
        if row.response_offset is None:
            return False
        loss, window = self.split.receive_ns(row, end)
        values["receive_loss_ms"], values["receive_window_ms"] = loss / NS_PER_MS, window / NS_PER_MS
        return end - row.response_time - loss - window >= TIMEOUT_NS and self.split.paused(row)


_TRUSTED = (*PARTS, "wait_network_ms", "wait_loss_ms", "wait_server_ms", "receive_loss_ms", "receive_window_ms")
"""The columns in the order of :class:`analyzer.schema.PhaseTrust`."""


def _total(parts: Iterable[float | None]) -> float | None:
    """Add up the parts that are known; None when none is."""
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _held_up(row: HttpRow, receipt: int | None, own: int, network: int) -> bool:
    """Say whether a request was so large that its end may have queued on the way, and nothing shows that it did not."""
    size = (row.request_end_offset or 0) - (row.request_offset or 0)
    if size <= SMALL_REQUEST_BYTES:
        return False
    return receipt is None or own > network + max(HELD_SHARE * network, HELD_NS)


def idle(row: HttpRow) -> None:
    """Take back that a request was blocked: nothing was in its way, its client had nothing to send."""
    values: dict[str, Any] = {"blocked_ms": None, "blocked_why": "idle"}
    values["total_ms"] = _total(getattr(row, part) for part in PARTS if part != "blocked_ms")
    values["phase_frames"] = replace(row.phase_frames, blocked=None)
    values["phase_trust"] = replace(row.phase_trust, blocked=trust.NOT_MEASURABLE)
    filled(row, **values)


def _cut_response(row: HttpRow) -> bool:
    return row.response_missing_bytes > 0 or row.response_cut is not None or row.outcome == "malformed"


def _opening(
    row: HttpRow, line: Line, tls: TlsRow | None, owed: Lookup | None
) -> tuple[dict[str, Any], dict[str, Pair]]:
    """Return dns, connect and tls of the first transaction of a connection, up to where it used them."""
    values: dict[str, Any] = {"connect_why": line.why, "tls_why": "plain" if tls is None else tls.handshake_why}
    frames: dict[str, Pair] = {}
    if owed is not None:
        values["dns_ms"], values["dns_why"] = owed.ms, owed.why
        if owed.ms is not None and owed.frames is not None:
            frames["dns"] = owed.frames
    asked, asked_in = row.request_time, row.request_frames[0] if row.request_frames is not None else None
    used, used_in = asked, asked_in
    if tls is not None and tls.handshake_ms is not None:
        values["tls_ms"] = tls.handshake_ms
        if tls.client_hello_time is not None and tls.client_hello_frame is not None:
            used, used_in = tls.client_hello_time, tls.client_hello_frame
            last = tls.finished_frame
            if asked is not None and tls.finished_time is not None and asked < tls.finished_time:
                values["tls_ms"], last = max(asked - used, 0) / NS_PER_MS, asked_in
            if last is not None:
                frames["tls"] = used_in, last
    if line.ready is not None:
        end, last = line.ready, line.frames[1]
        if used is not None and used_in is not None and line.begin <= used < end:
            end, last = used, used_in
        values["connect_ms"] = (end - line.begin) / NS_PER_MS
        frames["connect"] = line.frames[0], last
    return values, frames


def _blocked(
    row: HttpRow,
    before: HttpRow | None,
    line: Line,
    tls: TlsRow | None,
    values: dict[str, Any],
    frames: dict[str, Pair],
) -> None:
    """Fill in how long the request waited for its turn on a connection that was there."""
    assert row.request_time is not None
    assert row.request_frames is not None
    first = row.request_frames[0]
    ready, frame = _free(before) if before is not None else _ready(row, line, tls)
    if ready is None or frame is None:
        return
    blocked = row.request_time - ready
    if blocked < 0:
        if before is not None:
            return  # it did not wait for its turn
        blocked, frame = 0, first
    if blocked <= IDLE_NS:
        values["blocked_ms"] = blocked / NS_PER_MS
        frames["blocked"] = frame, first
    else:
        values["blocked_why"] = "idle"


def _ready(row: HttpRow, line: Line, tls: TlsRow | None) -> tuple[int | None, int | None]:
    """Return when, and with which frame, a fresh connection was ready for its first request."""
    if tls is not None:
        return tls.finished_time, tls.finished_frame
    if row.index:
        return None, None
    return line.ready, line.frames[1]


def _free(before: HttpRow) -> tuple[int | None, int | None]:
    """Return when, and with which frame, the exchange before was over; None when its end was not seen."""
    if before.response_end_time is None or before.response_frames is None:
        return None, None
    if before.request_end_time is not None and before.request_end_time > before.response_end_time:
        return before.request_end_time, before.request_frames and before.request_frames[1]
    return before.response_end_time, before.response_frames[1]
