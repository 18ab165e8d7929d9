"""After a hole: which answers the count of requests and responses proves, looking at the whole connection at once.

Responses come in the order of their requests (RFC 9112 section 9.3.2). So each response has a lowest and a highest
place among the requests:

* not before the place behind the one that the response before it answers; and one further where a hole at the end of
  that response has swallowed a whole message (a 1xx answer to ``Expect`` aside);
* not behind what the server had acknowledged, nor behind the place before the one that the next response answers;
* right behind, and right before, where nothing is missing between two responses.

Where both are the same request, it is proved. Where a response was given to a request outside of its places, the
client did not wait as it seemed to, and all that rests on its waiting is taken back.

Places: request number k stands at 2k + 1, the requests that a hole before it may hold all stand at 2k. Two walks over
the responses each way; linear.
"""

from __future__ import annotations

from itertools import pairwise

from analyzer.flows.stream import ByteStream
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1.exchange import Exchange, is_junk
from analyzer.protocols.http1.messages import Request, Response
from analyzer.protocols.http1.proof import Proof, eligible

ROUNDS = 2
"""Walks forth and back: the second carries what the first found at either end to the other."""


def settle(met: list[Exchange], conversation: Conversation, proof: Proof) -> list[Exchange]:
    """Return the exchanges with what the count proves paired, and what it refutes taken apart."""
    asked = [e for e in met if e.request is not None and not e.dropped]
    answered = sorted((e for e in met if _counts(e)), key=_start)
    if not asked or not answered or any(is_junk(e) or e.switched for e in met):
        return met
    slots = _Slots([e.request for e in asked if e.request is not None], conversation)
    number = {id(e): k for k, e in enumerate(asked)}
    given = [number.get(id(e)) for e in answered]
    tally = _Tally(slots, [e.response for e in answered if e.response is not None], given, conversation, proof)
    low, high = tally.bounds([None] * len(given))
    if any(a > b for a, b in zip(low, high, strict=True)):
        return met  # a server that answers more often than it is asked: counting proves nothing
    sure = [a // 2 if a == b and a & 1 else None for a, b in zip(low, high, strict=True)]
    outside = any(k is not None and not a <= 2 * k + 1 <= b for k, a, b in zip(given, low, high, strict=True))
    if outside or tally.went_on_early():
        met = _taken_apart(met, [e for e, k, s in zip(answered, given, sure, strict=True) if k is not None and k != s])
        answered = sorted((e for e in met if _counts(e)), key=_start)
    else:
        low, high = tally.bounds(given)
        if any(a > b for a, b in zip(low, high, strict=True)):
            return met
        sure = [a // 2 if a == b and a & 1 else None for a, b in zip(low, high, strict=True)]
    for exchange, k in zip(answered, sure, strict=True):
        if k is not None and exchange.request is None and asked[k].response is None:
            _give(exchange, asked[k])
    return met


def _counts(exchange: Exchange) -> bool:
    """Tell whether an exchange's response answers a request, seen or not: 408 and 400 may come unasked."""
    response = exchange.response
    if response is None or exchange.dropped:
        return False
    return exchange.request is not None or response.status not in (400, 408)


def _start(exchange: Exchange) -> int:
    return 0 if exchange.response is None else exchange.response.start


def _give(answer: Exchange, asked: Exchange) -> None:
    """Give a response to its request, unless it was read with a body that the request does not allow."""
    request, response = asked.request, answer.response
    assert request is not None
    assert response is not None
    if request.may_switch or (request.method == b"HEAD" and response.end > response.head_end):
        return
    asked.response, asked.why = response, None
    asked.informational += answer.informational
    answer.dropped = True


def _taken_apart(met: list[Exchange], wrong: list[Exchange]) -> list[Exchange]:
    """Return the exchanges with some split into a request and a response that are nobody's."""
    apart = {id(e) for e in wrong}
    out: list[Exchange] = []
    for exchange in met:
        out.append(exchange)
        if exchange.why == "unsolicited":
            exchange.why = "lost"  # it seemed so only because its request had been given another one
        if id(exchange) in apart:
            out.append(Exchange(None, exchange.response, exchange.informational, why="lost"))
            exchange.response, exchange.informational, exchange.why = None, [], "lost"
    return out


class _Slots:
    """The places of requests, and the holes between them.

    Attributes:
        hole: (requests + 1,), requests may be missing before each one, and behind the last.
        must: the same, one is.
    """

    def __init__(self, requests: list[Request], conversation: Conversation) -> None:
        self.requests = requests
        client = conversation.client
        self.hole = [request.after_hole for request in requests]
        self.hole[0] = not client.from_start or client.missing(0, requests[0].start) > 0
        self.hole.append(client.missing(requests[-1].end, client.end) > 0)
        self.must = [client.from_start and client.at(0) is None]
        for request, hole in zip(requests, self.hole[1:], strict=True):
            self.must.append(hole and request.stop is None and client.at(request.end) is None)

    def behind(self, place: int) -> int:
        """Return the lowest place that a request behind the one at ``place`` may have."""
        if not place & 1:
            return place
        k = place // 2 + 1
        return 2 * k if self.hole[k] else 2 * k + 1

    def before(self, place: int) -> int:
        """Return the highest place that a request before the one at ``place`` may have."""
        if not place & 1:
            return place
        k = place // 2
        return 2 * k if self.hole[k] else 2 * k - 1

    def next(self, place: int) -> int:
        """Return the highest place that the very next request may have."""
        if not place & 1:
            return place if place // 2 == len(self.requests) else place + 1
        k = place // 2 + 1
        return 2 * k if self.must[k] else 2 * k + 1 if k < len(self.requests) or not self.hole[k] else 2 * k

    def last(self, place: int) -> int:
        """Return the lowest place that the request right before the one at ``place`` may have."""
        k = place // 2
        if not place & 1:
            return max(place - 1, 0)
        return 2 * k if self.must[k] or (k == 0 and self.hole[0]) else 2 * k - 1


def _follows(server: ByteStream, end: int, start: int) -> bool:
    """Tell whether a response follows one that ended at ``end``, with blank lines or 1xx answers between at most."""
    return end == start or (server.missing(end, start) == 0 and server.read(end, 5).strip() in (b"", b"HTTP/"))


class _Tally:
    """The responses of a connection with what is missing between them."""

    def __init__(
        self,
        slots: _Slots,
        responses: list[Response],
        given: list[int | None],
        conversation: Conversation,
        proof: Proof,
    ) -> None:
        self._slots, self._responses, self._proof = slots, responses, proof
        self._conversation, self._given = conversation, given
        server = conversation.server
        expecting = any(b"expect" in request.headers for request in slots.requests)
        self._close: list[bool] = []  # nothing is missing before this response
        self._more: list[bool] = []  # a whole message is missing before it
        end = 0 if server.from_start else None
        for response, k in zip(responses, given, strict=True):
            self._close.append(end is not None and _follows(server, end, response.start))
            self._more.append(not (end is None or expecting or self._close[-1]) and server.at(end or 0) is None)
            # Of a response to nobody knows what, missing bytes may be no body (HEAD), but other responses.
            known = response.stop is None and (k is not None or not response.missing)
            end = response.end if known else None

    def _highest(self, response: Response) -> int:
        """Return the highest place whose request, or lost request, the server had."""
        requests, client = self._slots.requests, self._conversation.client
        k = eligible(self._proof, response, requests)
        if not self._slots.hole[k]:
            return 2 * k - 1
        told = self._proof.server_had(response)
        reach = client.end if told is None else told
        if k < len(requests):
            reach = min(reach, requests[k].start)
        low = requests[k - 1].end if k else client.start
        return 2 * k if (k == 0 and not client.from_start) or client.missing(low, reach) > 0 else 2 * k - 1

    def bounds(self, given: list[int | None]) -> tuple[list[int], list[int]]:
        """Return the lowest and highest place of each response.

        Args:
            given: request numbers taken for granted, None where nothing is.
        """
        slots, count = self._slots, len(self._responses)
        first = 0 if slots.hole[0] else 1
        low = [first if k is None else 2 * k + 1 for k in given]
        high = [self._highest(r) if k is None else 2 * k + 1 for r, k in zip(self._responses, given, strict=True)]
        if given[0] is None and self._conversation.client.from_start:
            if self._close[0]:
                high[0] = min(high[0], 0 if slots.must[0] else 1)
            elif self._more[0]:
                low[0] = slots.behind(first)
        if not self._fits(low[0]) or min(high) < 0:
            return [1], [0]
        for _ in range(ROUNDS):
            for j in range(1, count):
                lowest = slots.behind(low[j - 1])
                low[j] = max(low[j], slots.behind(lowest) if self._more[j] and self._fits(lowest) else lowest)
                if self._close[j] and self._fits(high[j - 1]):
                    high[j] = min(high[j], slots.next(high[j - 1]))
                if not self._fits(low[j]):
                    return [1], [0]
            for j in range(count - 1, 0, -1):
                highest = slots.before(high[j])
                if self._more[j] and highest >= 0:
                    highest = slots.before(highest)
                high[j - 1] = min(high[j - 1], highest)
                if self._close[j]:
                    low[j - 1] = max(low[j - 1], slots.last(low[j]))
                if high[j - 1] < 0:
                    return [1], [0]
        return low, high

    def _fits(self, place: int) -> bool:
        """Tell whether there is such a place."""
        return 0 <= place <= 2 * len(self._slots.requests) - (0 if self._slots.hole[-1] else 1)

    def went_on_early(self) -> bool:
        """Tell whether the client sent a request after it had got an answer, but not all that it waited for."""
        requests, proof, server = self._slots.requests, self._proof, self._conversation.server
        ends = {k: r.end for r, k in zip(self._responses, self._given, strict=True) if k is not None and r.stop is None}
        for k, (before, request) in enumerate(pairwise(requests)):
            earlier, had = proof.client_had(before.start), proof.client_had(request.start)
            if earlier is None or had is None or had <= earlier:
                continue  # they were sent at once
            if had < ends.get(k, had):
                return True
            if request.after_hole or before.end > before.head_end or server.at(had - 1) is None:
                continue
            told = server.acknowledged(had - 1)
            if told is not None and told < request.start:
                return True
        return False
