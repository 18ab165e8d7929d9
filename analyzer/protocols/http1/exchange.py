"""One request with its answers: what pairing makes, and what rows are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, field

from analyzer.protocols.http1.messages import Message, Request, Response


@dataclass(slots=True)
class Exchange:
    """One request with its answers; either side may be missing.

    Attributes:
        informational: 1xx responses before the final one.
        switched: HTTP ends with this exchange.
        why: what is known of a missing side: ``lost``, ``before_capture``, ``one_direction``, ``unsolicited``.
        pipelined: the request began before the previous response ended.
        dropped: neither side turned out to be HTTP, or its response was given to its request later.
    """

    request: Request | None = None
    response: Response | None = None
    informational: list[Response] = field(default_factory=list)
    switched: bool = False
    why: str | None = None
    pipelined: bool = False
    dropped: bool = False


def is_junk(exchange: Exchange) -> bool:
    """Tell whether bytes that are no request stand in the place of one."""
    return exchange.request is not None and exchange.request.method is None


def moment(message: Message) -> tuple[int, int]:
    """Return (frame, time in ns) of a message's first byte."""
    return message.frame, message.time


def sent_before(request: Request, when: tuple[int, int]) -> bool:
    """Tell whether a request began before ``when`` (frame, time).

    Recorders with several queues swap neighbours, and some files are not sorted: only a request that is later both by
    its frame and by its time is held to be later.
    """
    frame, time = when
    return request.frame <= frame or request.time <= time
