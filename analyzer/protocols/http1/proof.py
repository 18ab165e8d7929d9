"""What acknowledgement numbers prove about requests and responses; they depend on no clock and no order of frames.

A segment says how far its sender had the other side's stream when it was sent (RFC 9293 section 3.4). So

* a response that was sent before the server had a request does not answer it;
* a request that was sent before the client had an answer did not wait for it: it was pipelined;
* a client that waits, or sends a batch and then waits for all of its answers, has every answer to what it sent before
  when it goes on. The first request of such a batch is *fresh*, and what the server sends next, from just where the
  client had the server's stream, answers it: whatever was lost before.

A client that sends the next request whenever one of several answers comes in can look, where enough is missing, like
one that waits. :mod:`analyzer.protocols.http1.tally` finds the contradiction where the capture holds one.
"""

from __future__ import annotations

from analyzer.protocols.base import Conversation
from analyzer.protocols.http1.exchange import Exchange, is_junk
from analyzer.protocols.http1.messages import Request, Response

REFUSED = 400
"""From here on a status may answer a request that the server did not read to the end of its head (RFC 9110 section
15.5)."""


class Proof:
    """Answers from the acknowledgement numbers of one connection."""

    def __init__(self, conversation: Conversation) -> None:
        self._client, self._server = conversation.client, conversation.server
        self._had: dict[int, int] = {}  # by offset in the client's stream; asked again and again after a hole

    @classmethod
    def of(cls, conversation: Conversation) -> Proof | None:
        """Return what can be asked; None where the numbers are unknown, or (in a made-up file) tell nothing."""
        client, server = conversation.client, conversation.server
        if not (client.has_acks and server.has_acks and len(client) and len(server)):
            return None
        told = server.acknowledged(server.end)
        return cls(conversation) if told is not None and 0 < told <= client.end + 1 else None

    # ── one message ──────────────────────────────────────────────────────────────────────────────────────────────

    def server_had(self, response: Response) -> int | None:
        """Return how far the server had the client's stream when it began a response."""
        told = self._server.acknowledged(response.start)
        return None if told is None else min(told, self._client.end)  # a FIN counts as one more

    def client_had(self, offset: int) -> int | None:
        """Return how far the client had the server's stream when it sent the byte at ``offset``."""
        known = self._had.get(offset)
        if known is None:
            told = self._client.acknowledged(offset)
            known = self._had[offset] = -1 if told is None else told
        return None if known < 0 else known

    def may_answer(self, response: Response, request: Request) -> bool:
        """Tell whether the server had a request when it answered: its head, or for an error any of it."""
        told = self.server_had(response)
        return told is None or _covers(told, request, response)

    # ── two messages ─────────────────────────────────────────────────────────────────────────────────────────────

    def waited(self, request: Request, response: Response) -> bool | None:
        """Tell whether the client had the whole of a response when it sent a request, None when unknown."""
        had = self.client_had(request.start)
        return None if had is None or response.stop is not None else had >= response.end

    def together(self, before: Request, request: Request) -> bool:
        """Tell whether the client got nothing new between two requests: the second did not wait."""
        first, second = self.client_had(before.start), self.client_had(request.start)
        return first is not None and second is not None and second <= first

    def fresh(self, request: Request, before: Request | None) -> bool:
        """Tell whether all that the client sent before a request was answered when it sent it.

        Args:
            before: the request right before it, None when none is known.
        """
        had = self.client_had(request.start)
        if had is None:
            return False
        if request.start == 0 and self._client.from_start:
            return True
        if had <= self._server.start:
            return False
        if before is not None and not request.after_hole:
            last = self.client_had(before.end - 1)
            if last is not None and last < had:
                return True
        told = self._server.acknowledged(had - 1)
        return told is not None and told >= request.start

    def begins_at(self, request: Request, start: int) -> bool:
        """Tell whether ``start`` is how far the client had the server's stream when it sent a request's first or last
        byte (there may have been a 100 between)."""
        return start in (self.client_had(request.start), self.client_had(request.end - 1))

    # ── behind a hole ────────────────────────────────────────────────────────────────────────────────────────────

    def fresh_one(self, latest: list[Exchange], response: Response, begin: int) -> Exchange | None:
        """Return the open exchange with a fresh request that a response follows directly.

        Args:
            latest: open exchanges, the latest first.
            begin: where the response begins, or the first 1xx before it.
        """
        told = self.server_had(response)
        if told is None:
            return None
        for exchange, before in zip(latest, [*latest[1:], None], strict=True):
            request = exchange.request
            if request is None or is_junk(exchange) or not _covers(told, request, response):
                continue
            if self.begins_at(request, begin):
                if self.fresh(request, None if before is None else before.request):
                    return exchange
            elif (had := self.client_had(request.start)) is not None and had < begin:
                break
        return None

    def only_one(
        self, candidates: list[Exchange], response: Response, base: int, *, swallowed: bool
    ) -> Exchange | None:
        """Return the only open exchange whose request the server had, where no other request can have been lost.

        Args:
            candidates: the oldest open exchanges.
            base: offset up to which the client's requests are answered.
            swallowed: a message was lost where the response to the oldest one was due; unless that was a 100, it is
                not this one.
        """
        found = [e.request for e in candidates if e.request is not None and self.may_answer(response, e.request)][:2]
        told, client = self.server_had(response), self._client
        if (
            len(found) != 1
            or told is None
            or not client.from_start
            or (swallowed and b"expect" not in found[0].headers)
        ):
            return None
        request = found[0]
        if client.missing(min(base, request.start), told) != client.missing(request.head_end, request.end):
            return None
        return next(e for e in candidates if e.request is request)


def _covers(told: int, request: Request, response: Response) -> bool:
    """Tell whether so much of the client's stream holds as much of a request as a response needs."""
    refused = response.status is None or response.status >= REFUSED
    return told > request.start if refused or request.cut is not None else told >= request.head_end


def eligible(proof: Proof, response: Response, requests: list[Request]) -> int:
    """Return how many of some requests, from the first on, the server had when it began a response."""
    told = proof.server_had(response)
    if told is None:
        return len(requests)
    low, high = 0, len(requests)
    while low < high:
        middle = (low + high) // 2
        if _covers(told, requests[middle], response):
            low = middle + 1
        else:
            high = middle
    return low
