"""A connection with one plain exchange is read in one go, and gives what pairing gives."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.options import Limits
from analyzer.problems import ProblemLog
from analyzer.protocols.base import Conversation
from analyzer.protocols.http1 import lone
from analyzer.protocols.http1.exchange import Exchange
from analyzer.protocols.http1.messages import Message
from analyzer.protocols.http1.pairing import Pairing
from tests.http1.talk import Hole, Turn, conversation
from tests.http1.vectors import VECTORS, Vector

GET = b"GET /a?b=c HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nServer: x\r\n\r\nbody"


def facts(message: Message | None) -> list[object]:
    """Return everything a message holds; its fields as lines, because they know no equality."""
    if message is None:
        return []
    skipped = ("headers", "last", "body")
    held = [getattr(message, name) for kind in type(message).__mro__ for name in getattr(kind, "__slots__", ())
            if name not in skipped]  # fmt: skip
    body = message.body
    told = None if body is None else (body.framing, body.start, body.end, body.content, body.missing, body.stop)
    return [*held, message.headers.lines, told, message.end, message.stop]


def same(talk: Conversation) -> bool:
    """Hold the two readings together; tell whether there were two."""
    problems = ProblemLog()
    only = lone.exchange(replace(talk, problems=problems))
    if only is None:
        return False
    others = ProblemLog()
    (other,) = Pairing(replace(talk, problems=others)).run()
    for one, two, stream in (
        (only.request, other.request, talk.client),
        (only.response, other.response, talk.server),
    ):
        assert facts(one) == facts(two)
        assert one is not None
        assert two is not None
        assert one.completed(stream) == two.completed(stream)
    rest = ("informational", "switched", "why", "pipelined", "dropped")
    assert [getattr(only, name) for name in rest] == [getattr(other, name) for name in rest]
    assert list(problems) == list(others) == []
    return True


@pytest.mark.parametrize("vector", VECTORS, ids=[vector.name for vector in VECTORS])
@pytest.mark.parametrize("segment", [None, 1, 7])
def test_every_vector_it_takes_is_paired_the_same(vector: Vector, segment: int | None) -> None:
    same(conversation(vector.turns, segment=segment))
    same(conversation(vector.turns, segment=segment, finished=False))


@pytest.mark.parametrize(
    "turns",
    [
        [("c", GET), ("s", OK)],
        [("c", b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"), ("s", OK[:-4])],
        [("c", GET), ("s", b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 9\r\n\r\n")],
        [("c", b"GET / HTTP/1.0\r\nA: b\r\n\r\n"), ("s", b"HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n")],
    ],
)  # fmt: skip
def test_plain_exchanges_are_taken(turns: list[Turn]) -> None:
    assert same(conversation(turns))
    assert same(conversation(turns, segment=5))


@pytest.mark.parametrize(
    "turns",
    [
        [("c", GET), ("s", OK + b"x")],
        [("c", GET), ("s", OK[:-1])],
        [("c", GET), ("s", Hole(OK))],
        [("c", Hole(GET)), ("s", OK)],
        [("c", GET + GET), ("s", OK)],
        [("c", GET), ("s", b"HTTP/1.1 100 Continue\r\n\r\n" + OK)],
        [("c", GET), ("s", b"HTTP/1.1 200 OK\r\n\r\nuntil the end")],
        [("c", b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx"), ("s", OK)],
        [("c", GET.replace(b"Accept: */*", b"Upgrade: websocket")), ("s", OK)],
        [("c", GET.replace(b"Accept: ", b"Accept : ")), ("s", OK)],
        [("c", b"\r\n" + GET), ("s", OK)],
        [("s", OK), ("c", GET)],
    ],
)
def test_anything_else_is_left_to_pairing(turns: list[Turn]) -> None:
    assert lone.exchange(conversation(turns)) is None


PARTS = st.lists(
    st.sampled_from(
        [GET, OK, GET[:-2], OK[:-4], b"\r\n", b"\n", b"x", b"HEAD / HTTP/1.1\r\n", b"A: b\r\n", b" fold\r\n", b"\r",
         b"HTTP/1.1 204 No Content\r\n", b"Content-Length: 4\r\n", b"Content-Length: 0\r\n\r\n", b"\0", b":\r\n"]
    ),
    max_size=5,
).map(b"".join)  # fmt: skip


@given(PARTS | st.just(GET), PARTS | st.just(OK), st.integers(1, 80), st.booleans())
def test_random_pieces_give_the_same(asked: bytes, told: bytes, segment: int, finished: bool) -> None:
    same(conversation([("c", asked), ("s", told)], segment=segment, finished=finished))


def test_too_many_fields_are_left_to_pairing() -> None:
    assert lone.exchange(conversation([("c", GET), ("s", OK)], limits=Limits(headers=1))) is None


def test_an_exchange_is_what_it_gives() -> None:
    assert isinstance(lone.exchange(conversation([("c", GET), ("s", OK)])), Exchange)
