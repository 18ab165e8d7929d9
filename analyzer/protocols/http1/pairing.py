"""Which response answers which request on one connection, whole or full of holes.

Rules:

1. Responses come in the order of their requests (RFC 9112 section 9.3.2), so without holes it is first in, first
   out; 1xx answers belong to the oldest open request and do not close it.
2. A response never answers a request that was sent after it.
3. After a hole that may have swallowed responses, order alone proves nothing. Where requests wait for one another
   (no pipelining), the newest request sent before the response is the one it answers, and the older open ones lost
   theirs in the hole. Where several open requests were pipelined, nothing is proved and nothing is paired.
4. CONNECT with a 2xx, and 101, end HTTP on the connection; a request that may bring this about is a barrier that
   requests behind it are not read across before it is decided. Plain HTTP inside a CONNECT tunnel is read on.
5. Bytes that are no message are skipped up to the next proved one. Where they stand in place of a request or of
   a response, they take that place, so that the others keep theirs.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from analyzer.problems import Problem
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import resync, status
from analyzer.protocols.http1.messages import Nothing, Reader, Request, Response


@dataclass(slots=True)
class Exchange:
    """One request with its answers; either side may be missing.

    Attributes:
        informational: 1xx responses before the final one.
        switched: HTTP ends with this exchange.
        why: what is known of a missing side: ``lost``, ``before_capture``, ``one_direction``, ``unsolicited``.
        pipelined: the request began before the previous response ended.
    """

    request: Request | None = None
    response: Response | None = None
    informational: list[Response] = field(default_factory=list)
    switched: bool = False
    why: str | None = None
    pipelined: bool = False


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
            if isinstance(found, Request):
                return self._accept(found)
            if found is Nothing.END:
                return None
            junk = self._skip(found)
            if junk is not None:
                return junk
            if self._cursor >= self._stream.end:
                return None

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
        low, in_place = self._cursor, why is Nothing.JUNK and self._synchronous
        self._resynchronise(low + 1 if why is Nothing.JUNK else low)
        if why is Nothing.JUNK:
            carried = self._stream.at(low)
            self._reader.report("HTTP-JUNK", "bytes that are no request were skipped", carried and carried[0], low)
            if in_place and carried is not None:
                return Request(low, self._cursor, (), "", carried[0], carried[1], flaw="not_http")
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
        self._unsure = False  # a hole may have swallowed responses
        self._cursor = self._stream.start
        self._previous_end: int | None = None  # when the previous response ended
        self._switched = False
        self.exchanges: list[Exchange] = []

    def run(self) -> list[Exchange]:
        """Return every exchange in the order it was met; requests come in the order they were sent."""
        while not self._switched and not self._full():
            self._cursor = self._reader.skip_blanks(self._cursor)
            found = self._reader.response(self._cursor)
            if isinstance(found, Response):
                self._respond(found)
            elif found is Nothing.END or not self._skip(found):
                break
        while not self._switched and not self._full() and self._pull() is not None:
            pass
        self._mark_lost()
        return self.exchanges

    def _full(self) -> bool:
        limit = self._conversation.limits.transactions_per_stream
        if len(self.exchanges) < limit:
            return False
        text = f"stream {self._conversation.stream} has more than {limit} HTTP transactions; the rest is left out"
        self._conversation.problems.add(Problem("LIMIT-REACHED", "http", text, self._conversation.first_frame))
        return True

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _pull(self) -> Exchange | None:
        """Take the next request, unless it stands behind a barrier."""
        requests = self._requests
        if requests.barrier is not None and not self._unsure and self._cursor < self._stream.end:
            return None
        request = requests.peek()
        if request is None:
            return None
        exchange = Exchange(requests.take())
        self._open.append(exchange)
        self.exchanges.append(exchange)
        return exchange

    def _pull_before(self, moment: tuple[int, int]) -> None:
        """Take every request that was sent before ``moment`` (frame, time)."""
        while (request := self._requests.peek()) is not None and _sent_before(request, moment):
            if self._pull() is None:
                break

    def _answered(self, moment: tuple[int, int]) -> Exchange | None:
        """Return the open exchange that a response beginning at ``moment`` answers, None when none is proved."""
        self._pull_before(moment)
        while self._open and self._open[0].why is not None:
            self._open.popleft()
        candidates = [e for e in self._open if e.request is not None and _sent_before(e.request, moment)]
        if not candidates:
            return None
        if self._unsure and len(candidates) > 1:
            if _pipelined(candidates):
                return None
            for exchange in candidates[:-1]:
                exchange.why = "lost"
            return candidates[-1]
        request = candidates[0].request
        assert request is not None
        if request.after_hole and self._previous_end is not None and request.time < self._previous_end:
            return None  # pipelined behind requests that were not captured: whose answer this is cannot be known
        return candidates[0]

    # ── responses ────────────────────────────────────────────────────────────────────────────────────────────────

    def _respond(self, response: Response) -> None:
        moment = (response.frame, response.time)
        exchange = self._answered(moment)
        assert response.status is not None
        if status.is_interim(response.status) and response.cut is None:
            response.body = None
            (self._early if exchange is None else exchange.informational).append(response)
            self._cursor = response.end
            return
        if exchange is None:
            exchange = Exchange(why=self._why_no_request())
            self.exchanges.append(exchange)
        else:
            self._close(exchange)
        exchange.response = response
        exchange.informational[:0] = self._early
        self._early = []
        if response.cut is None:
            self._lay_out(response, exchange.request)
        self._go_on(response)
        self._note_pipelining(exchange)
        self._note_switch(exchange, response)

    def _close(self, exchange: Exchange) -> None:
        while self._open and self._open[0] is not exchange:
            self._open.popleft()
        self._open.popleft()
        self._unsure = False
        if exchange.request is self._requests.barrier:
            self._requests.barrier = None

    def _lay_out(self, response: Response, request: Request | None) -> None:
        method = None if request is None else request.method
        decode = response.status is not None
        self._reader.lay_out(response, method, decode=decode)
        if response.body is None or response.body.framing != "until_close":
            return
        # A server that names no length must close; if the client went on asking, the next proved response ends this.
        if (later := self._requests.peek()) is None or self._requests.barrier is not None:
            return
        after = resync.next_response(self._stream, response.head_end)
        while after is not None:
            carried = self._stream.at(after)
            if carried is not None and _sent_before(later, carried) and not _sent_before(later, (response.frame, response.time)):
                self._reader.lay_out(response, method, until=after, decode=decode)
                return
            after = resync.next_response(self._stream, after + 1)

    def _go_on(self, response: Response) -> None:
        self._cursor = response.end
        if response.stop in ("lost", "malformed"):
            self._resynchronise(response.end)
        ended = self._stream.last_in(response.start, response.end)
        self._previous_end = None if ended is None else ended[1]

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
        for waiting in self._open:
            if waiting.request is not None:
                waiting.pipelined = True
        while (request := self._requests.peek()) is not None and request.time < ended:
            pulled = self._pull()
            if pulled is None:
                return
            pulled.pipelined = True

    def _note_switch(self, exchange: Exchange, response: Response) -> None:
        method = None if exchange.request is None else exchange.request.method
        connected = method == b"CONNECT" and response.status is not None and response.status // 100 == 2
        if response.status != status.SWITCHING and not connected:
            return
        exchange.switched = True
        request = exchange.request
        tunnelled = (
            connected and request is not None and resync.request_at(self._conversation.client, request.end)
        )
        self._switched = not tunnelled

    def _why_no_request(self) -> str:
        client = self._conversation.client
        if not len(client):
            return "one_direction"
        if not client.from_start and not any(e.request for e in self.exchanges):
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
        # Before a hole is known of: midstream, the first bytes are likely the rest of a body.
        exchange = self._answered(carried) if self._stream.from_start or self.exchanges else None
        if exchange is not None and exchange.request is not None:
            if exchange.request.version == "0.9":
                self._answer_09(exchange, low, carried)
                return False
            self._resynchronise(low + 1)
            self._close(exchange)
            if exchange.request.method is None:
                self.exchanges.remove(exchange)  # neither side is HTTP
            else:
                exchange.response = Response(low, self._cursor, (), "", *carried, flaw="not_http")
        else:
            self._resynchronise(low + 1)
        self._reader.report("HTTP-JUNK", "bytes that are no response were skipped", carried[0], low)
        return self._cursor < self._stream.end

    def _answer_09(self, exchange: Exchange, low: int, carried: tuple[int, int]) -> None:
        """Take everything as the body of an HTTP/0.9 response (RFC 1945 section 4.1)."""
        self._close(exchange)
        exchange.response = Response(low, low, (), "0.9", *carried)
        self._reader.lay_out(exchange.response, exchange.request.method if exchange.request else None)
        self._cursor = self._stream.end

    def _mark_lost(self) -> None:
        """Say of requests still open that their answers lie in a hole, where there is one behind the last answer."""
        last = max((e.response.end for e in self.exchanges if e.response is not None), default=self._stream.start)
        if not self._stream.missing(last, self._stream.end):
            return
        for exchange in self._open:
            exchange.why = exchange.why or "lost"


def _sent_before(request: Request, moment: tuple[int, int]) -> bool:
    """Tell whether a request began before ``moment`` (frame, time).

    Recorders with several queues swap neighbours, and some files are not sorted: only a request that is later both by
    its frame and by its time is held to be later.
    """
    frame, time = moment
    return request.frame <= frame or request.time <= time


def _pipelined(candidates: list[Exchange]) -> bool:
    """Tell whether open requests are known not to have waited for one another: sent in the same frame, or marked."""
    for earlier, later in zip(candidates, candidates[1:], strict=False):
        if later.pipelined or (earlier.request and later.request and later.request.frame <= earlier.request.frame):
            return True
    return False
