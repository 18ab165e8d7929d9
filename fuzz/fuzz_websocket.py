"""Coverage-guided fuzzing of WebSockets: whatever follows a handshake gives a row, never an exception or a hang.

Run: ``python fuzz/fuzz_websocket.py -max_total_time=60`` (needs atheris).

The first bytes choose what was agreed and how the connection was recorded; the rest are frames: written by the rules,
with any payload, or any bytes at all, some of them not captured.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

with atheris.instrument_imports(include=["analyzer.protocols.websocket", "analyzer.masking"]):
    from analyzer.export import columns
    from analyzer.masking_messages import mask_messages
    from analyzer.protocols.http1.session import transactions
    from analyzer.protocols.websocket.session import connections

from tests.http1.talk import Hole, Turn
from tests.websocket.wire import DEFLATED, KEY, RESPONSE, check, frame, played, response

ANSWERS = (
    RESPONSE,
    DEFLATED,
    response("Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover"),
    response("Sec-WebSocket-Extensions: x-other", "Sec-WebSocket-Protocol: chat"),
)
PAYLOADS = (
    b"",
    b"\xf2\x48\xcd\xc9\xc9\x07\x00",  # RFC 7692 section 7.2.3.1
    b"\x03\x00",  # a final block with nothing in it
    b"\x03\xe8",
    b'{"password":"',
    b"CONNECT\npasscode:",
)


def turns_of(data: atheris.FuzzedDataProvider) -> list[Turn]:
    """Make frames, and bytes that are none, of whatever there is."""
    turns: list[Turn] = []
    while data.remaining_bytes() and len(turns) < 64:
        kind = data.ConsumeIntInRange(0, 255)
        payload = PAYLOADS[data.ConsumeIntInRange(0, len(PAYLOADS) - 1)]
        payload += data.ConsumeBytes(data.ConsumeIntInRange(0, 300))
        side = "c" if kind & 1 else "s"
        if kind & 6:
            first = data.ConsumeIntInRange(0, 255)
            mask = KEY if (side == "c") != (kind & 24 == 24) else None
            form = (7 if len(payload) < 126 else 16) if kind & 96 else 64
            part = frame(first & 15, payload, mask=mask, fin=bool(first & 128), rsv=first >> 4 & 7, form=form)
        else:
            part = payload
        turns.append((side, Hole(part) if kind >= 248 else part))
    return turns


def one_input(raw: bytes) -> None:
    """Parse one input, hold the rows to what is always true, mask them and write them."""
    data = atheris.FuzzedDataProvider(raw)
    flags = data.ConsumeIntInRange(0, 255)
    talk = played(
        turns_of(data),
        answer=ANSWERS[flags & 3],
        segment=(None, 1, 2, 7)[flags >> 2 & 3],
        finished=bool(flags & 16),
        reset=bool(flags & 32),
    )
    rows = connections(talk, transactions(talk))
    for row in rows:
        check(row)
    shown, _ = mask_messages(rows)
    again, _ = mask_messages(shown)
    assert again == shown, "masking twice changes nothing"
    for text in columns.texts(shown):
        text.encode("utf-8", "surrogatepass")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
