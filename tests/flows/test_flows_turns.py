"""Turns of a conversation: every byte in exactly one, in an order that a reader could have seen."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from analyzer.flows.build import Flows
from analyzer.flows.turns import Hole, turns
from tests.flows.script import MS, START, followed
from tests.playbook import Playbook, Segment

SENT = st.lists(st.tuples(st.booleans(), st.integers(0, 60), st.integers(1, 20)), min_size=1, max_size=14)


def conversation(sent: list[tuple[bool, int, int]], *, kept: int | None = None) -> Flows:
    """Follow a connection on which (client, offset, size) was sent, one segment a millisecond; no ACK says more."""
    p = Playbook()
    p.client.syn()
    p.server.syn()
    for k, (client, at, size) in enumerate(sent):
        data = bytes((at + n) & 0xFF for n in range(size))
        p.at(k + 1).emit(Segment("client" if client else "server", at, data, "P"))
    packets = p.packets
    if kept is None:
        return followed(packets)
    cut = [(time, frame[: 54 + kept] if k > 1 else frame) for k, (time, frame) in enumerate(packets)]
    return followed(cut, wire=[len(frame) for _, frame in packets])


@given(SENT, st.none() | st.integers(0, 20))
def test_each_side_is_told_whole_and_in_order(sent: list[tuple[bool, int, int]], kept: int | None) -> None:
    """The parts of a side's turns lie end to end, from its first byte to its last one, captured or not."""
    flows = conversation(sent, kept=kept)
    for client in (True, False):
        held = {
            o for c, at, size in sent if c == client for o in range(at, at + min(size, 99 if kept is None else kept))
        }
        known = {o for c, at, size in sent if c == client for o in range(at, at + size)}
        position = 0
        for turn in (turn for turn in turns(flows, 0) if turn.client == client):
            assert turn.low == position
            size = 0
            for part in turn.parts():
                low, high = (part.start, part.end) if isinstance(part, Hole) else part
                assert low == position < high
                position = high
                inside = set(range(low, high))
                if isinstance(part, Hole):
                    assert not inside & held
                    assert inside <= known if part.cut_frame is not None else not inside & known
                else:
                    assert inside <= held
                    assert turn.stream.read(low, high - low) == bytes(o & 0xFF for o in range(low, high))
                    size += high - low
            assert (turn.high, turn.size) == (position, size)
        assert position == (max(known) + 1 if known else 0)


@given(SENT)
def test_the_order_is_that_in_which_bytes_became_readable(sent: list[tuple[bool, int, int]]) -> None:
    """Byte by byte: a byte is readable once it and all captured bytes before it on its side have been seen."""
    first: dict[tuple[bool, int], int] = {}
    for k, (client, at, size) in enumerate(sent):
        for offset in range(at, at + size):
            first.setdefault((client, offset), k)
    readable: list[tuple[int, bool, int]] = []
    for side in (True, False):
        reached = -1
        for offset in sorted(o for c, o in first if c == side):
            reached = max(reached, first[side, offset])
            readable.append((reached, side, offset))
    expected = [(side, offset) for _, side, offset in sorted(readable, key=lambda r: (r[0], r[2]))]
    told = list(turns(conversation(sent), 0))
    shown = [
        (turn.client, offset)
        for turn in told
        for part in turn.parts()
        if not isinstance(part, Hole)
        for offset in range(*part)
    ]
    assert shown == expected
    assert all(a.client != b.client for a, b in pairwise(told)), "neighbours of a side are one turn"


def test_frames_and_time_of_a_turn() -> None:
    """Of the bytes it holds: the second segment came first."""
    (turn,) = turns(conversation([(True, 5, 5), (True, 0, 5)]), 0)
    assert (turn.first_frame, turn.last_frame, turn.time) == (3, 4, START + MS)
    assert (turn.low, turn.high, turn.size) == (0, 10, 10)


def test_nothing_was_said() -> None:
    p = Playbook()
    p.handshake()
    assert list(turns(followed(p.packets), 0)) == []
