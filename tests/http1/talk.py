"""Conversations in memory: who said what, in turns, as bytes with frames and times."""

from __future__ import annotations

from collections.abc import Iterable

from analyzer.flows.stream import ByteStream, memory_stream
from analyzer.options import Limits
from analyzer.protocols.base import Conversation

CLIENT, SERVER = ("10.0.0.1", 40000), ("10.0.0.2", 80)

Turn = tuple[str, bytes]
"""("c" or "s", what that side sent in one go)."""


class Hole(bytes):
    """Bytes of a turn that were sent but not captured."""


def conversation(
    turns: Iterable[tuple[str, bytes]],
    *,
    segment: int | None = None,
    finished: bool = True,
    reset: bool = False,
    from_start: bool = True,
    server_address: tuple[str, int] = SERVER,
    limits: Limits | None = None,
) -> Conversation:
    """Play turns in order; every segment is one frame, frames are a millisecond apart.

    Args:
        turns: a turn of class :class:`Hole` was not captured (it takes no frame but its place in the stream).
        segment: cut turns into segments of this size; one segment a turn when None.
        finished: both sides closed after the last turn; False is a connection still open when the capture ended.
    """
    pieces: dict[str, list[tuple[int, bytes, int, int]]] = {"c": [], "s": []}
    reached = {"c": 0, "s": 0}
    frame = 0
    for side, data in turns:
        if isinstance(data, Hole):
            reached[side] += len(data)
            continue
        step = segment or max(len(data), 1)
        for low in range(0, len(data), step):
            part = data[low : low + step]
            frame += 1
            pieces[side].append((reached[side], part, frame, frame * 1_000_000))
            reached[side] += len(part)

    def stream(side: str) -> ByteStream:
        return memory_stream(pieces[side], end=reached[side], finished=finished, reset=reset, from_start=from_start)

    last = frame * 1_000_000
    return Conversation(
        stream=0,
        client=stream("c"),
        server=stream("s"),
        client_address=CLIENT,
        server_address=server_address,
        last_frame=frame,
        last_time=last,
        capture_end_time=last,
        closed=finished or reset,
        limits=limits or Limits(),
    )
