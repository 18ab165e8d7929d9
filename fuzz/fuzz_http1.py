"""Coverage-guided fuzzing of the HTTP/1 parser: no bytes, holes or cuts may raise or hang.

Run: ``python fuzz/fuzz_http1.py -max_total_time=60`` (needs atheris).

The first bytes of an input choose how the rest is cut into turns: for each turn a byte with side, hole and length.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

with atheris.instrument_imports(include=["analyzer.protocols"]):
    from analyzer.protocols.detect import application
    from analyzer.protocols.http1.session import transactions

from tests.http1.talk import Hole, Turn, conversation


def turns_of(data: atheris.FuzzedDataProvider) -> list[Turn]:
    """Make a conversation of whatever is there."""
    turns: list[Turn] = []
    while data.remaining_bytes() and len(turns) < 64:
        kind = data.ConsumeIntInRange(0, 255)
        part = data.ConsumeBytes(data.ConsumeIntInRange(0, 400))
        turns.append(("c" if kind & 1 else "s", Hole(part) if kind & 14 == 14 else part))
    return turns


def one_input(raw: bytes) -> None:
    """Parse one input and hold the rows to what is always true."""
    data = atheris.FuzzedDataProvider(raw)
    flags = data.ConsumeIntInRange(0, 15)
    segment = data.ConsumeIntInRange(0, 3) or None
    talk = conversation(
        turns_of(data), segment=segment, finished=bool(flags & 1), reset=bool(flags & 2), from_start=bool(flags & 4)
    )
    application(talk)
    rows = transactions(talk)
    assert [row.index for row in rows] == list(range(len(rows)))
    assert all(row.request_frames or row.response_frames for row in rows)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
