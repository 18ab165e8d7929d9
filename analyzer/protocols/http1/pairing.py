"""Which response answers which request on one connection, whole or full of holes.

Rules:

1. Responses come in the order of their requests (RFC 9112 section 9.3.2), so without holes it is first in, first
   out; 1xx answers belong to the oldest open request and do not close it.
2. A response never answers a request that was sent after it.
3. After a hole that may have swallowed responses, order alone proves nothing. Where requests wait for one another
   (no pipelining), the newest request sent before the response is the one it answers, and the older open ones lost
   theirs in the hole. Where several open requests were pipelined, or a request behind the newest may have been lost
   as well, nothing is proved and nothing is paired.
   Where only requests were lost, the answers show it: one comes while no request is open. Where one was already open
   then, it was pipelined behind the lost one, and as many answers as are due by then are given to nobody.
   All that is by clocks and the order of frames. Where acknowledgement numbers are known they decide instead
   (:mod:`analyzer.protocols.http1.proof`): behind a hole a response is given to the only request it can answer, or to
   a fresh one that it follows directly; and in the end what counting proves (:mod:`analyzer.protocols.http1.tally`).
4. CONNECT with a 2xx, and a 101 where one side named a protocol to change to, end HTTP on the connection; a request
   that may bring this about is a barrier that requests behind it are not read across before it is decided. Plain HTTP
   inside a CONNECT tunnel is read on.
5. Bytes that are no message are skipped up to the next proved one. Where they stand in the place of a request or
   of a response they take that place, so that the others keep theirs.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from analyzer.problems import Problem
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import resync, status, tally
from analyzer.protocols.http1.exchange import Exchange, is_junk, moment, sent_before
from analyzer.protocols.http1.grammar import NO_FIELDS
from analyzer.protocols.http1.messages import Nothing, Reader, Request, Response
from analyzer.protocols.http1.proof import Proof
from analyzer.protocols.http1.requests import Requests

UNASKED = frozenset({400, 408})
"""Statuses that a server may send though no request is open (RFC 9110 section 15.5.9)."""
OPEN_LOOKED_AT = 64
"""Most open requests among which a response after a hole is given its own; no client waits for more, and a hostile
one could make the search quadratic."""


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
        self._doubted = False  # it once did
        self._swallowed = False  # it has swallowed one: it began where a response was due
        self._held: Proof | None = None  # see _proof
        self._asked = False  # for it
        self._forgone = False  # since the last pair, an answer was given to nobody, or a request was given up
        self._base = self._requests.start  # offset up to which requests are answered
        self._group: int | None = None  # where the first 1xx before the next response began
        self._pulled = 0  # requests taken so far
        self._awaited = 0  # answers due before it is known again whose the next one is; requests were lost
        self._counted = 0  # requests that are among those
        self._cursor = self._stream.start
        self._previous_end: int | None = None  # when the previous response ended
        self._previous: Exchange | None = None  # the one it belongs to
        self._switched = False
        self._met: list[Exchange] = []

    @property
    def _proof(self) -> Proof | None:
        """What acknowledgement numbers prove; most connections never ask."""
        if not self._asked:
            self._held, self._asked = Proof.of(self._conversation), True
        return self._held

    def run(self) -> list[Exchange]:
        """Return every exchange in the order it was met; requests come in the order they were sent."""
        while not self._switched and not self._full():
            self._cursor = self._reader.skip_blanks(self._cursor)
            found = self._reader.response(self._cursor)
            if isinstance(found, Response) and self._answers_nothing(found):
                found = Nothing.JUNK
            if isinstance(found, Response) and self._unsure and self._out_of_place(found):
                self._resynchronise(found.start + 1)
            elif isinstance(found, Response):
                self._respond(found)
            elif found is Nothing.END or not self._skip(found):
                break
        while not self._switched and not self._full() and self._pull() is not None:
            pass
        if self._full():
            self._report_full()
        if self._doubted and self._proof is not None:
            self._met = tally.settle(self._met, self._conversation, self._proof)
        self._mark_lost()
        self._drop_unanswered_junk()
        return [exchange for exchange in self._met if not exchange.dropped]

    def _drop_unanswered_junk(self) -> None:
        """Leave out junk that got no answer, unless there is nothing else: its bytes stand in the problems."""
        silent = [exchange for exchange in self._met if is_junk(exchange) and exchange.response is None]
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
        self._pulled += 1
        exchange = Exchange(request)
        before = self._open[-1] if self._open else None
        if before is not None and not is_junk(before) and before.request is not None:
            exchange.pipelined = request.frame == before.request.frame or (  # it cannot have waited
                self._proof is not None and not request.after_hole and self._proof.together(before.request, request)
            )
        self._open.append(exchange)
        self._met.append(exchange)
        return exchange

    def _candidates(self, when: tuple[int, int], told: int | None = None) -> list[Exchange]:
        """Return the open exchanges whose requests were sent before ``when``, at most OPEN_LOOKED_AT + 1 of them.

        Args:
            told: how far the server had the client's stream then; a request before that was sent, whatever clocks say.
        """
        reach = -1 if told is None else told
        while (request := self._next_request()) is not None and (sent_before(request, when) or request.end <= reach):
            self._pull()
        while self._open and self._open[0].why is not None:
            self._forgone = True
            self._requests.release(self._open.popleft().request)
        most = OPEN_LOOKED_AT + 1 if self._unsure else 2
        return [
            e
            for e in islice(self._open, most)
            if e.request is not None and (sent_before(e.request, when) or e.request.end <= reach)
        ]

    def _answered(self, response: Response) -> Exchange | None:
        """Return the open exchange that a response answers, None when none is proved."""
        code, told = response.status, None
        interim = code is not None and status.is_interim(code)
        candidates = self._candidates(moment(response))
        if (self._unsure or not self._plain(candidates)) and self._proof is not None:
            told = self._proof.server_had(response)
            candidates = self._candidates(moment(response), told)
        if self._awaited:
            if not interim:
                self._in_doubt()
            return None
        if len(candidates) > 1 and code is not None and code < 400 and is_junk(candidates[0]):
            self._close(candidates.pop(0))  # a server answers junk with an error or not at all
        if not candidates:
            return None
        if told is not None and self._proof is not None:
            return self._proved(candidates, response, interim=interim)
        if self._unsure and (len(candidates) > 1 or self._hole_behind(candidates[0])):
            return self._newest(candidates)
        request = candidates[0].request
        assert request is not None
        if request.after_hole and not self._is_its_turn(request):
            if not self._unsure and not interim:
                self._awaited, self._counted = len(self._open), self._pulled  # and one for a lost request: this one
            return None
        return candidates[0]

    def _plain(self, candidates: list[Exchange]) -> bool:
        """Tell whether the oldest open request is the first candidate, and none was lost before it."""
        if not candidates or candidates[0] is not self._open[0] or candidates[0].request is None:
            return False
        return self._begun() and not candidates[0].request.after_hole

    def _begun(self) -> bool:
        """Tell whether no request can have been sent before those that were read."""
        return self._conversation.client.from_start or self._previous is not None

    # ── behind a hole, by acknowledgement numbers ────────────────────────────────────────────────────────────────

    def _proved(self, candidates: list[Exchange], response: Response, *, interim: bool) -> Exchange | None:
        """Return the exchange that a response is known to answer by order, or by acknowledgement numbers."""
        proof, first = self._proof, candidates[0].request
        assert proof is not None
        assert first is not None
        if not self._unsure and not first.after_hole and (self._begun() or proof.may_answer(response, first)):
            return candidates[0]
        self._doubted = True
        begin = response.start if self._group is None else self._group
        found = proof.fresh_one(list(islice(reversed(self._open), OPEN_LOOKED_AT + 1)), response, begin)
        found = found or proof.only_one(candidates, response, self._base, swallowed=self._swallowed)
        if found is None:
            self._unsure = self._unsure or not interim
            return None
        for exchange in self._open:
            if exchange is found:
                break
            exchange.why = exchange.why or "lost"
        return found

    def _out_of_place(self, response: Response) -> bool:
        """Tell whether what was found behind a hole is text in a body: all that was asked has its answer."""
        client = self._conversation.client
        if not client.from_start or response.status in UNASKED:
            return False
        told = None if self._proof is None else self._proof.server_had(response)
        if self._candidates(moment(response), told) or client.missing(self._base, client.end if told is None else told):
            return False
        return not self._forgone

    # ── behind a hole, by clocks and frames ──────────────────────────────────────────────────────────────────────

    def _in_doubt(self) -> None:
        """Count off an answer to one of several requests of which some were lost; after the last all is in order."""
        self._awaited += self._pulled - self._counted - 1
        self._counted = self._pulled
        if self._awaited <= 0:
            self._settle()

    def _settle(self) -> None:
        """Give up the requests that are open: their answers were met, and nobody knows which they are."""
        self._awaited = 0
        for exchange in self._open:
            exchange.why = exchange.why or "lost"

    def _is_its_turn(self, request: Request) -> bool:
        """Tell whether requests that were lost right before this one have had their answers.

        Not while it was sent before the previous answer ended: it was pipelined behind them. And where no answer was
        lost, the lost requests' own must have been met: one without a request, or that of a request whose rest the
        hole swallowed.
        """
        if self._previous_end is not None and request.time < self._previous_end:
            return False
        if self._unsure:
            return True
        last = self._previous
        return last is not None and (last.request is None or last.request.stop is not None)

    def _newest(self, candidates: list[Exchange]) -> Exchange | None:
        """Return the newest of several open exchanges after a hole, unless they did not wait for one another, or
        another request may have been lost behind it."""
        newest = candidates[-1].request
        pipelined = len(candidates) > OPEN_LOOKED_AT or any(e.pipelined for e in candidates)
        if self._previous_end is not None and newest is not None:
            pipelined = pipelined or newest.time < self._previous_end
        if pipelined or self._hole_behind(candidates[-1]):
            # One of them is answered; that it is not the oldest is all the later responses need to know.
            candidates[0].why = "lost"
            return None
        for exchange in candidates[:-1]:
            exchange.why = "lost"
        return candidates[-1]

    def _hole_behind(self, exchange: Exchange) -> bool:
        """Tell whether bytes of the client were lost between a request, the newest, and the one read after it."""
        if exchange.request is None:
            return False
        client, later = self._conversation.client, self._next_request()
        return client.missing(exchange.request.end, client.end if later is None else later.start) > 0

    # ── responses ────────────────────────────────────────────────────────────────────────────────────────────────

    def _answers_nothing(self, response: Response) -> bool:
        """Tell whether what could be a status line without code stands where no response is due."""
        if response.status is not None:
            return False
        candidates = self._candidates((response.frame, response.time))
        return not candidates or is_junk(candidates[0])

    def _respond(self, response: Response) -> None:
        if self._junk_before:
            response.note("junk_before")
            self._junk_before = False
        exchange = self._answered(response)
        if response.status is not None and status.is_interim(response.status):
            (self._early if exchange is None else exchange.informational).append(response)
            self._group = response.start if self._group is None else self._group
            self._go_on(response)
            return
        if exchange is None:
            exchange = Exchange(why=self._why_no_request(response))
            self._met.append(exchange)
            self._forgone = True
        else:
            self._close(exchange)
            self._unsure = self._swallowed = self._forgone = False
            self._base = self._base if exchange.request is None else exchange.request.end
        exchange.response, self._group = response, None
        self._previous = exchange
        exchange.informational[:0] = self._early
        self._early = []
        if response.cut is None:
            self._lay_out(response, exchange.request)
        self._go_on(response)
        if exchange.request is None and response.missing and self._proof is not None:
            self._unsure = True  # its request may have been a HEAD: other responses are missing then, and no body
        self._note_switch(exchange, response)
        if not self._switched:
            self._note_pipelining(exchange)

    def _close(self, exchange: Exchange) -> None:
        """Take an exchange, and those before it, from the open ones."""
        while self._open:
            taken = self._open.popleft()
            self._requests.release(taken.request)
            if taken is exchange:
                break

    def _lay_out(self, response: Response, request: Request | None) -> None:
        method = None if request is None else request.method
        self._reader.lay_out(response, method)
        if response.body is None or response.body.framing != "until_close":
            return
        # A server that names no length must close; if the client went on asking, the next proved response ends this.
        if (later := self._next_request()) is None or sent_before(later, (response.frame, response.time)):
            return
        after = resync.next_response(self._stream, response.head_end)
        while after is not None:
            if (carried := self._stream.at(after)) is not None and sent_before(later, carried):
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
        found = self._stream.end if found is None else found
        inside = resync.response_inside(self._stream, low, found)
        self._cursor = found if inside is None else inside
        if self._stream.missing(low, self._cursor) > 0:
            self._unsure, self._group = True, None
            if self._awaited:
                self._settle()

    def _note_pipelining(self, exchange: Exchange) -> None:
        """Look at the requests sent while this response was still under way."""
        ended = self._previous_end
        if ended is None or exchange.request is None:
            return
        for waiting in reversed(self._open):
            if waiting is self._waiting:
                break  # it, and those before it, were marked at an earlier response
            waiting.pipelined = waiting.request is None or self._did_not_wait(waiting.request, exchange)
        self._waiting = self._open[-1] if self._open else None
        while (request := self._next_request()) is not None and request.time < ended:
            if (pulled := self._pull()) is not None:
                pulled.pipelined = self._did_not_wait(request, exchange)

    def _did_not_wait(self, request: Request, exchange: Exchange) -> bool:
        """Tell whether a request that was recorded before the end of a response was sent before it, too."""
        if self._proof is None or exchange.response is None:
            return True
        return self._proof.waited(request, exchange.response) is not True

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

    def _why_no_request(self, response: Response) -> str:
        client = self._conversation.client
        if not client.heard:
            return "one_direction"
        if not client.from_start and not any(e.request for e in self._met):
            return "before_capture"
        told = None if self._proof is None else self._proof.server_had(response)
        missing = client.missing(client.start, client.end if told is None or self._unsure else told)
        return "lost" if self._unsure or missing else "unsolicited"

    def _skip(self, why: Nothing) -> bool:
        """Leave a hole or junk behind; False at the end."""
        low = self._cursor
        if why is Nothing.HOLE:
            self._swallowed = True
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
            if is_junk(exchange):
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
        if not self._stream.heard:
            return
        last = max((e.response.end for e in self._met if e.response is not None), default=self._stream.start)
        hole = self._stream.missing(last, self._stream.end) > 0
        unpaired = [e.response for e in self._met if e.request is None and e.response is not None and e.why == "lost"]
        for exchange in self._open:
            if exchange.response is not None:
                continue  # given to it in the end
            # An answer that nobody could be given after a hole may be this one's.
            maybe = unpaired and exchange.request and sent_before(exchange.request, moment(unpaired[-1]))
            if hole or maybe:
                exchange.why = exchange.why or "lost"
