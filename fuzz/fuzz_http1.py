"""Coverage-guided fuzzing of HTTP/1 from the bytes to the JSON text: no bytes, holes or cuts may raise or hang.

Run: ``python fuzz/fuzz_http1.py -max_total_time=60`` (needs atheris).

The first bytes of an input choose how the rest is cut into turns: for each turn a byte with side, hole and length, and
whether a fragment stands before it that leads somewhere: to cookies, forms, codings, credentials or a WebSocket.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

with atheris.instrument_imports(include=["analyzer.protocols", "analyzer.masking", "analyzer.export.columns"]):
    from analyzer.export import columns
    from analyzer.masking import mask_rows
    from analyzer.masking_messages import mask_messages
    from analyzer.protocols.detect import application
    from analyzer.protocols.http1.session import transactions
    from analyzer.protocols.websocket import session as websocket

from tests.http1.talk import Hole, Turn, conversation

FRAGMENTS = (
    b"",
    b"GET /?a=1&token=%2541;x HTTP/1.1\r\nHost: a\r\n",
    b"POST /f HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ",
    b"POST /f HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"POST /f HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n",
    b"Cookie: a=b; c; =d\r\nAuthorization: Basic ",
    b"GET /c HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
    b"HTTP/1.1 101 S\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Max-Age=-1; Expires=Mon, 01 Jan 2020 00:00:00 GMT; SameSite=x\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 40\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\x03",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: br, deflate\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 30\r\n\r\n\x28\xb5\x2f\xfd",
    b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n\x89PNG\r\n\x1a\n",
    b'--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n',
    b"\x81\x85\0\0\0\0hello\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\x88\x82\0\0\0\0\x03\xe8",
    b"\r\n\r\n",
)


def turns_of(data: atheris.FuzzedDataProvider) -> list[Turn]:
    """Make a conversation of whatever is there."""
    turns: list[Turn] = []
    while data.remaining_bytes() and len(turns) < 64:
        kind = data.ConsumeIntInRange(0, 255)
        part = FRAGMENTS[data.ConsumeIntInRange(0, len(FRAGMENTS) - 1)]
        part += data.ConsumeBytes(data.ConsumeIntInRange(0, 400))
        turns.append(("c" if kind & 1 else "s", Hole(part) if kind & 14 == 14 else part))
    return turns


def one_input(raw: bytes) -> None:
    """Parse one input, hold the rows to what is always true, mask them and write them."""
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
    for low, high in (("request_offset", "request_end_offset"), ("response_offset", "response_end_offset")):
        spans = sorted((getattr(r, low), getattr(r, high)) for r in rows if getattr(r, low) is not None)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
    spoken = websocket.connections(talk, rows)
    shown, _ = mask_rows(rows)
    again, _ = mask_rows(shown)
    assert again == shown
    messages, _ = mask_messages(spoken)
    for text in (*columns.texts(shown), *columns.texts(messages)):
        text.encode("utf-8", "surrogatepass")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
