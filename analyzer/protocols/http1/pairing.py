"""Which response answers which request on one connection, whole or full of holes.

Rules:

1. Responses come in the order of their requests (RFC 9112 section 9.3.2), so without holes it is first in, first
   out; 1xx answers belong to the oldest open request and do not close it.
2. A response never answers a request that was sent after it.
3. After a hole that may have swallowed responses, order alone proves nothing. Where requests wait for one another
   (no pipelining), the newest request sent before the response is the one it answers, and the older open ones lost
   theirs in the hole. Where several open requests were pipelined, nothing is proved and nothing is paired.
4. CONNECT with a 2xx, and a 101 where one side named a protocol to change to, end HTTP on the connection; a request
   that may bring this about is a barrier that requests behind it are not read across before it is decided. Plain HTTP
   inside a CONNECT tunnel is read on.
5. Bytes that are no message are skipped up to the next proved one. Where they stand in the place of a request or
   of a response they take that place, so that the others keep theirs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import islice

from analyzer.problems import Problem
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import grammar, resync, status
from analyzer.protocols.http1.grammar import NO_FIELDS
from analyzer.protocols.http1.messages import Message, Nothing, Reader, Request, Response

OPEN_LOOKED_AT = 64
"""Most open requests among which a response after a hole is given its own; no client waits for more, and a hostile
one could make the search quadratic."""


@dataclass(slots=True)
class Exchange:
    """One request with its answers; either side may be missing.

    Attributes:
        informational: 1xx responses before the final one.
        switched: HTTP ends with this exchange.
        why: what is known of a missing side: ``lost``, ``before_capture``, ``one_direction``, ``unsolicited``.
        pipelined: the request began before the previous response ended.
        dropped: neither side turned out to be HTTP.
    """

    request: Request | None = None
    response: Response | None = None
    informational: list[Response] = field(default_factory=list)
    switched: bool = False
    why: str | None = None
    pipelined: bool = False
    dropped: bool = False


class Requests:
    """The client's side: requests in order, read only as far as they are known to be HTTP."""

    def __init__(self, conversation: Conversation) -> None:
        self._reader = Reader(conversation.client, conversation.limits, conversation.problems)
        self._stream = conversation.client
        self._cursor = self._stream.start
        self._synchronous = self._stream.from_start
        self._hole = False
        self._next: Request | None = None
        self._ended = False
        self.barrier: Request | None = None

    def peek(self) -> Request | None:
        """Return the next request without taking it, None at the end."""
        if self._next is None and not self._ended:
            self._next = self._read()
            self._ended = self._next is None
        return self._next

    def take(self) -> Request:
        """Take the request that :meth:`peek` returned."""
        request = self._next
        assert request is not None
        self._next = None
        if request.may_switch:
            self.barrier = request
        return request

    def _read(self) -> Request | None:
        while True:
            self._cursor = self._reader.skip_blanks(self._cursor)
            found = self._reader.request(self._cursor)
            if isinstance(found, Request) and not self._synchronous and not _likely(found):
                found = Nothing.JUNK
            if isinstance(found, Request):
                return self._accept(found)
            if found is Nothing.END:
                return None
            if (junk := self._skip(found)) is not None:
                return junk

    def _accept(self, request: Request) -> Request:
        request.after_hole, self._hole = self._hole, False
        self._synchronous = True
        self._cursor = request.end
        if request.stop in ("lost", "malformed"):
            self._resynchronise(request.end)
        return request

    def _resynchronise(self, low: int) -> None:
        """Go on at the next request that can be proved."""
        found = resync.next_request(self._stream, low)
        self._cursor = self._stream.end if found is None else found
        self._hole = self._hole or self._stream.missing(low, self._cursor) > 0
        self._synchronous = False

    def _skip(self, why: Nothing) -> Request | None:
        """Leave a hole or junk behind; junk in the place of a request is returned as one without method."""
        low = self._cursor
        in_place = why is Nothing.JUNK and self._synchronous and self.barrier is None
        near = resync.request_behind(self._stream, low) if in_place else None
        if near is not None:
            self._cursor = near
        else:
            self._resynchronise(low + 1 if why is Nothing.JUNK else low)
        if why is Nothing.JUNK:
            carried = self._stream.at(low)
            self._reader.report("HTTP-JUNK", "bytes that are no request were skipped", carried and carried[0], low)
            if in_place and carried is not None:
                return Request(low, self._cursor, NO_FIELDS, "", carried[0], carried[1], flaw="not_http")
        return None


class Pairing:
    """Walks the responses and gives each its request."""

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._stream = conversation.server
        self._reader = Reader(conversation.server, conversation.limits, conversation.problems)
        self._requests = Requests(conversation)
        self._open: deque[Exchange] = deque()
        self._early: list[Response] = []  # 1xx without an open request
        self._junk_before = False  # the first response stands behind junk
        self._waiting: Exchange | None = None  # the last one marked as pipelined behind a response
        self._unsure = False  # a hole may have swallowed responses
        self._cursor = self._stream.start
        self._previous_end: int | None = None  # when the previous response ended
        self._switched = False
        self._met: list[Exchange] = []

    def run(self) -> list[Exchange]:
        """Return every exchange in the order it was met; requests come in the order they were sent."""
        while not self._switched and not self._full():
            self._cursor = self._reader.skip_blanks(self._cursor)
            found = self._reader.response(self._cursor)
            if isinstance(found, Response) and self._answers_nothing(found):
                found = Nothing.JUNK
            if isinstance(found, Response):
                self._respond(found)
            elif found is Nothing.END or not self._skip(found):
                break
        while not self._switched and not self._full() and self._pull() is not None:
            pass
        if self._full():
            self._report_full()
        self._mark_lost()
        self._drop_unanswered_junk()
        return [exchange for exchange in self._met if not exchange.dropped]

    def _drop_unanswered_junk(self) -> None:
        """Leave out junk that got no answer, unless there is nothing else: its bytes stand in the problems."""
        silent = [exchange for exchange in self._met if _is_junk(exchange) and exchange.response is None]
        if len(silent) < len(self._met):
            for exchange in silent:
                exchange.dropped = True

    def _full(self) -> bool:
        return len(self._met) >= self._conversation.limits.transactions_per_stream

    def _report_full(self) -> None:
        limit, stream = self._conversation.limits.transactions_per_stream, self._conversation.stream
        text = f"stream {stream} reached the limit of {limit} HTTP transactions; what follows is left out"
        self._conversation.problems.add(Problem("LIMIT-REACHED", "http", text, self._conversation.first_frame))

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _next_request(self) -> Request | None:
        """Return the request that would be pulled next; none behind a barrier."""
        requests = self._requests
        if requests.barrier is not None and not self._unsure and self._cursor < self._stream.end:
            return None
        return requests.peek()

    def _pull(self) -> Exchange | None:
        """Take the next request; None at the end or behind a barrier."""
        if self._next_request() is None:
            return None
        request = self._requests.take()
        exchange = Exchange(request)
        before = self._open[-1] if self._open else None
        if before is not None and not _is_junk(before) and before.request is not None:
            exchange.pipelined = request.frame == before.request.frame  # it cannot have waited
        self._open.append(exchange)
        self._met.append(exchange)
        return exchange

    def _candidates(self, moment: tuple[int, int]) -> list[Exchange]:
        """Return the open exchanges whose requests were sent before ``moment``, at most OPEN_LOOKED_AT + 1 of them."""
        while (request := self._next_request()) is not None and _sent_before(request, moment):
            self._pull()
        while self._open and self._open[0].why is not None:
            self._open.popleft()
        most = OPEN_LOOKED_AT + 1 if self._unsure else 2
        return [e for e in islice(self._open, most) if e.request is not None and _sent_before(e.request, moment)]

    def _answered(self, moment: tuple[int, int], code: int | None) -> Exchange | None:
        """Return the open exchange that a response beginning at ``moment`` answers, None when none is proved."""
        candidates = self._candidates(moment)
        if len(candidates) > 1 and code is not None and code < 400 and _is_junk(candidates[0]):
            self._close(candidates.pop(0))  # a server answers junk with an error or not at all
        if not candidates:
            return None
        if self._unsure and len(candidates) > 1:
            return self._newest(candidates)
        request = candidates[0].request
        assert request is not None
        if request.after_hole and self._previous_end is not None and request.time < self._previous_end:
            return None  # pipelined behind requests that were not captured: whose answer this is cannot be known
        return candidates[0]

    def _newest(self, candidates: list[Exchange]) -> Exchange | None:
        """Return the newest of several open exchanges after a hole, unless they did not wait for one another."""
        if len(candidates) > OPEN_LOOKED_AT or any(e.pipelined for e in candidates):
            # One of them is answered; that it is not the oldest is all the later responses need to know.
            candidates[0].why = "lost"
            return None
        for exchange in candidates[:-1]:
            exchange.why = "lost"
        return candidates[-1]

    # ── responses ────────────────────────────────────────────────────────────────────────────────────────────────

    def _answers_nothing(self, response: Response) -> bool:
        """Tell whether what could be a status line without code stands where no response is due."""
        if response.status is not None:
            return False
        candidates = self._candidates((response.frame, response.time))
        return not candidates or _is_junk(candidates[0])

    def _respond(self, response: Response) -> None:
        moment = (response.frame, response.time)
        if self._junk_before:
            response.note("junk_before")
            self._junk_before = False
        exchange = self._answered(moment, response.status)
        if response.status is not None and status.is_interim(response.status):
            (self._early if exchange is None else exchange.informational).append(response)
            self._go_on(response)
            return
        if exchange is None:
            exchange = Exchange(why=self._why_no_request())
            self._met.append(exchange)
        else:
            self._close(exchange)
            self._unsure = False
        exchange.response = response
        exchange.informational[:0] = self._early
        self._early = []
        if response.cut is None:
            self._lay_out(response, exchange.request)
        self._go_on(response)
        self._note_switch(exchange, response)
        if not self._switched:
            self._note_pipelining(exchange)

    def _close(self, exchange: Exchange) -> None:
        """Take an exchange, and those before it, from the open ones."""
        while self._open and self._open[0] is not exchange:
            self._open.popleft()
        self._open.popleft()
        if exchange.request is self._requests.barrier:
            self._requests.barrier = None

    def _lay_out(self, response: Response, request: Request | None) -> None:
        method = None if request is None else request.method
        self._reader.lay_out(response, method)
        if response.body is None or response.body.framing != "until_close":
            return
        # A server that names no length must close; if the client went on asking, the next proved response ends this.
        if (later := self._next_request()) is None or _sent_before(later, (response.frame, response.time)):
            return
        after = resync.next_response(self._stream, response.head_end)
        while after is not None:
            if (carried := self._stream.at(after)) is not None and _sent_before(later, carried):
                self._reader.lay_out(response, method, until=after)
                return
            after = resync.next_response(self._stream, after + 1)

    def _go_on(self, response: Response) -> None:
        self._cursor = response.end
        if response.stop in ("lost", "malformed"):
            self._resynchronise(response.end)
        self._previous_end = response.completed(self._stream)[1]

    def _resynchronise(self, low: int) -> None:
        found = resync.next_response(self._stream, low)
        self._cursor = self._stream.end if found is None else found
        if self._stream.missing(low, self._cursor) > 0:
            self._unsure = True

    def _note_pipelining(self, exchange: Exchange) -> None:
        """Look at the requests sent while this response was still under way."""
        ended = self._previous_end
        if ended is None or exchange.request is None:
            return
        for waiting in reversed(self._open):
            if waiting is self._waiting:
                break  # it, and those before it, were marked at an earlier response
            waiting.pipelined = True
        self._waiting = self._open[-1] if self._open else None
        while (request := self._next_request()) is not None and request.time < ended:
            if (pulled := self._pull()) is not None:
                pulled.pipelined = True

    def _note_switch(self, exchange: Exchange, response: Response) -> None:
        request = exchange.request
        method = None if request is None else request.method
        connected = method == b"CONNECT" and response.status is not None and response.status // 100 == 2
        if response.status != status.SWITCHING and not connected:
            return
        if not connected and b"upgrade" not in response.headers and (request is None or not request.may_switch):
            response.note("bad_upgrade")
            return
        exchange.switched = True
        tunnelled = connected and request is not None and resync.request_at(self._conversation.client, request.end)
        self._switched = not tunnelled

    def _why_no_request(self) -> str:
        client = self._conversation.client
        if not len(client):
            return "one_direction"
        if not client.from_start and not any(e.request for e in self._met):
            return "before_capture"
        return "lost" if self._unsure or client.missing(client.start, client.end) else "unsolicited"

    def _skip(self, why: Nothing) -> bool:
        """Leave a hole or junk behind; False at the end."""
        low = self._cursor
        if why is Nothing.HOLE:
            self._resynchronise(low)
            return self._cursor < self._stream.end
        carried = self._stream.at(low)
        assert carried is not None
        # Midstream, the first bytes are likely the rest of a body: they answer nothing.
        candidates = self._candidates(carried) if self._stream.from_start or self._met else []
        if candidates and (request := candidates[0].request) is not None and request.version == "0.9":
            self._answer_09(candidates[0], low, carried)
            return False
        near = resync.response_behind(self._stream, low) if self._stream.from_start or self._met else None
        if near is not None:
            self._cursor = near
            self._junk_before = self._previous_end is None and self._stream.read(near - 1, 1) == b"\n"
        else:
            self._resynchronise(low + 1)
        self._reader.report("HTTP-JUNK", "bytes that are no response were skipped", carried[0], low)
        if candidates and not self._unsure and self._takes_a_place():
            exchange = candidates[0]
            self._close(exchange)
            if _is_junk(exchange):
                exchange.dropped = True
            else:
                spelled = self._stream.read(low, 5).upper() == b"HTTP/"
                flaw = "bad_status_line" if spelled else "not_http"
                exchange.response = Response(low, self._cursor, NO_FIELDS, "", *carried, flaw=flaw)
        return self._cursor < self._stream.end

    def _takes_a_place(self) -> bool:
        """Tell whether skipped bytes stand for a response: not where the next response has only one open request."""
        following = self._stream.at(self._cursor)
        return following is None or len(self._candidates(following)) > 1

    def _answer_09(self, exchange: Exchange, low: int, carried: tuple[int, int]) -> None:
        """Take everything as the body of an HTTP/0.9 response (RFC 1945 section 4.1)."""
        self._close(exchange)
        exchange.response = Response(low, low, NO_FIELDS, "0.9", *carried)
        self._reader.lay_out(exchange.response, exchange.request.method if exchange.request else None)
        self._cursor = self._stream.end

    def _mark_lost(self) -> None:
        """Say of requests still open that their answers lie in a hole, where there is one behind the last answer.

        A side of which nothing at all was recorded has no hole: the capture shows one direction.
        """
        if not len(self._stream) and not self._stream.from_start:
            return
        last = max((e.response.end for e in self._met if e.response is not None), default=self._stream.start)
        hole = self._stream.missing(last, self._stream.end) > 0
        unpaired = [e.response for e in self._met if e.request is None and e.response is not None and e.why == "lost"]
        for exchange in self._open:
            # An answer that nobody could be given after a hole may be this one's.
            maybe = unpaired and exchange.request and _sent_before(exchange.request, _moment(unpaired[-1]))
            if hole or maybe:
                exchange.why = exchange.why or "lost"


def _moment(message: Message) -> tuple[int, int]:
    return message.frame, message.time


def _is_junk(exchange: Exchange) -> bool:
    return exchange.request is not None and exchange.request.method is None


def _likely(request: Request) -> bool:
    """Tell whether a request line found where none need be (midstream) is one: nothing in it may be odd."""
    odd = request.odd_version or request.flaw == "bad_version"
    return request.method in grammar.METHODS and request.version in ("1.0", "1.1") and not odd


def _sent_before(request: Request, moment: tuple[int, int]) -> bool:
    """Tell whether a request began before ``moment`` (frame, time).

    Recorders with several queues swap neighbours, and some files are not sorted: only a request that is later both by
    its frame and by its time is held to be later.
    """
    frame, time = moment
    return request.frame <= frame or request.time <= time
