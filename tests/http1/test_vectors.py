"""Every vector three ways: whole, byte by byte, with bytes behind it (garbage, and another exchange)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from analyzer.protocols.detect import application
from analyzer.protocols.http1.session import transactions
from analyzer.schema import HttpRow
from tests.http1.talk import Turn, conversation
from tests.http1.vectors import VECTORS, Vector

NAMES = [vector.name for vector in VECTORS]

NEXT: list[Turn] = [
    ("c", b"DELETE /next HTTP/1.1\r\nHost: next.example\r\n\r\n"),
    ("s", b"HTTP/1.1 410 Gone\r\nContent-Length: 3\r\n\r\nbye"),
]


def hold(rows: list[HttpRow], expected: list[dict[str, Any]]) -> None:
    """Compare the columns that a vector names."""

    def column(row: HttpRow, name: str) -> Any:
        return tuple(i.status for i in row.informational) if name == "interim" else getattr(row, name)

    assert [{name: column(row, name) for name in want} for row, want in zip(rows, expected, strict=True)] == expected


def timeless(row: HttpRow) -> dict[str, Any]:
    """Return a row without what depends on the cutting into segments."""
    out = asdict(row)
    for name in ("request_frames", "response_frames", "informational"):
        del out[name]
    return {k: v for k, v in out.items() if not k.endswith("_time")}


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_whole(vector: Vector) -> None:
    hold(transactions(conversation(vector.turns)), vector.rows)


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_byte_by_byte(vector: Vector) -> None:
    whole = transactions(conversation(vector.turns))
    bytewise = transactions(conversation(vector.turns, segment=1))
    hold(bytewise, vector.rows)
    assert [timeless(row) for row in bytewise] == [timeless(row) for row in whole]


@pytest.mark.parametrize("vector", [v for v in VECTORS if not v.last], ids=[v.name for v in VECTORS if not v.last])
def test_with_another_exchange_behind(vector: Vector) -> None:
    rows = transactions(conversation([*vector.turns, *NEXT]))
    hold(
        rows,
        [*vector.rows, {"method": "DELETE", "url": "http://next.example/next", "status": 410, "index": len(rows) - 1}],
    )


def takes_no_more(vector: Vector) -> bool:
    """Tell whether bytes behind a vector are not more of its last body, nor evidence of how long that is."""
    if any(row.get("outcome_why") == "conflicting_lengths" for row in vector.rows):
        return False
    return not vector.last or any(row.get("outcome") == "switched" for row in vector.rows)


GARBAGE = {
    "bytes": b"\x00\xff no message, no line end",
    "lines": b"GARBAGE\r\nContent-Length: 3\r\n\r\nabc\r\n",
    "a status line without code": b"HTTP/1.1 oops\r\nX: y\r\n\r\n",
}


@pytest.mark.parametrize("garbage", list(GARBAGE.values()), ids=list(GARBAGE))
@pytest.mark.parametrize("segment", [None, 1], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("vector", [v for v in VECTORS if takes_no_more(v)], ids=lambda v: v.name)
def test_garbage_behind_changes_nothing(vector: Vector, segment: int | None, garbage: bytes) -> None:
    alone = [timeless(row) for row in transactions(conversation(vector.turns, segment=segment))]
    for sides in ("s", "c", "sc", "cs"):
        behind: list[Turn] = [(side, garbage) for side in sides]
        rows = transactions(conversation([*vector.turns, *behind], segment=segment))
        assert [timeless(row) for row in rows] == alone, sides


@pytest.mark.parametrize("name", ["CONNECT switches", "upgrade to WebSocket", "plain HTTP inside a tunnel"])
def test_another_protocol_is_no_problem(name: str) -> None:
    talk = conversation(next(vector.turns for vector in VECTORS if vector.name == name))
    transactions(talk)
    assert not list(talk.problems)


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_is_recognised_on_any_port(vector: Vector) -> None:
    assert application(conversation(vector.turns, server_address=("10.0.0.2", 61234))) == "http1"
