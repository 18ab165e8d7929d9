"""Holes: inside a payload they are skipped exactly; at a header, reading goes on only where a frame is proved."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from analyzer.protocols.http1.session import transactions
from analyzer.protocols.websocket.session import connections
from tests.http1.talk import Hole
from tests.websocket.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PING,
    TEXT,
    frame,
    masked,
    played,
    row,
    said,
)  # fmt: skip


def test_a_hole_in_a_payload_is_skipped_exactly() -> None:
    sent = masked(TEXT, b"A" * 300)
    found = row([("c", sent[:100]), ("c", Hole(sent[100:200])), ("c", sent[200:] + masked(TEXT, b"next"))])
    first, second = found.messages
    assert (first.text, first.bytes, first.why) == ("A" * 92, 300, "lost")  # header 4, key 4: 92 bytes before the hole
    assert (second.text, second.why) == ("next", None)
    assert (found.client_missing_bytes, found.outcome, found.outcome_why) == (100, "cut", "no_close_frame")


def test_a_hole_at_the_masking_key() -> None:
    """The length was seen, so the next frame is known; the payload cannot be read without its key."""
    sent = masked(TEXT, b"secret")
    found = row([("c", sent[:3]), ("c", Hole(sent[3:5])), ("c", sent[5:] + masked(TEXT, b"next"))])
    assert [(m.text, m.bytes, m.why) for m in found.messages] == [(None, 6, "lost"), ("next", 4, None)]


def test_a_hole_at_a_header_and_frames_that_prove_themselves() -> None:
    parts = [("s", frame(TEXT, f"message {n} of ten".encode())) for n in range(10)]
    parts[4] = ("s", Hole(parts[4][1]))
    found = row(parts)
    assert [m.text for m in found.messages] == [f"message {n} of ten" for n in range(10) if n != 4]
    assert (found.server_missing_bytes, found.outcome_why) == (2 + len("message 4 of ten"), "no_close_frame")


def test_a_close_that_ends_the_stream_proves_itself() -> None:
    found = row([("c", masked(TEXT, b"one")), ("c", Hole(masked(TEXT, b"two"))), ("c", masked(CLOSE, b"\x03\xe8bye"))])
    assert said(found) == [("client", "text", "one"), ("client", "close", "1000 bye")]
    assert (found.outcome, found.close_code) == ("closed", 1000)


def test_what_cannot_be_proved_is_not_read() -> None:
    """One frame that ends with its segment may be chance; that nothing more is known of the side is said."""
    talk = played([("s", frame(TEXT, b"one")), ("s", Hole(frame(TEXT, b"two"))), ("s", frame(TEXT, b"three"))])
    (found,) = connections(talk, transactions(talk))
    assert said(found) == [("server", "text", "one")]
    assert (found.outcome, found.outcome_why, found.close_code) == ("cut", "lost", None)
    assert talk.problems.counts == {"WEBSOCKET-LOST": 1}
    (problem,) = talk.problems
    assert problem.frame == 4
    assert "7 bytes are not read" in problem.message


def test_a_message_that_began_in_the_hole() -> None:
    found = row([("s", Hole(frame(TEXT, b"begun ", fin=False))), ("s", frame(CONTINUATION, b"and ", fin=False)),
                 ("s", frame(CONTINUATION, b"ended")), ("s", frame(TEXT, b"whole"))])  # fmt: skip
    assert [(m.opcode, m.text, m.why, m.fragments) for m in found.messages] == [
        ("continuation", None, "lost", 2),
        ("text", "whole", None, 1),
    ]
    assert found.outcome == "cut"


def test_a_message_that_is_open_at_the_hole() -> None:
    found = row([("s", frame(TEXT, b"begun ", fin=False)), ("s", Hole(frame(CONTINUATION, b"ended"))),
                 ("s", frame(TEXT, b"next")), ("s", frame(TEXT, b"one"))])  # fmt: skip
    assert [(m.text, m.why) for m in found.messages] == [("begun ", "lost"), ("next", None), ("one", None)]
    assert found.outcome == "cut"


def test_random_bytes_prove_nothing() -> None:
    """Masked payloads look like noise: a hundred thousand segments of it hold no frame."""
    noise = random.Random(6455)
    parts = [noise.randbytes(noise.randint(20, 60)) for _ in range(100_000)]
    turns = [("c", Hole(masked(BINARY, b"".join(parts), fin=False)[:9])), *(("c", part) for part in parts)]
    found = row(turns)
    assert found.messages == ()
    assert found.outcome_why == "lost"


def test_proofs_are_bounded() -> None:
    """Segments full of tiny frames that end nowhere near a segment's end: each is tried, but not for ever."""
    part = masked(PING) * 256 + b"\x00" * 3
    talk = played([("c", Hole(b"??")), *(("c", part) for _ in range(20_000))])
    (found,) = connections(talk, transactions(talk))
    assert (found.messages, found.outcome_why) == ((), "lost")
    assert talk.problems.counts["WEBSOCKET-LOST"] == 1


def test_after_the_hole_at_the_very_start() -> None:
    found = row([("c", Hole(masked(PING))), *(("c", masked(TEXT, b"x" * n)) for n in range(1, 5))])
    assert [m.bytes for m in found.messages] == [1, 2, 3, 4]


SIZES = st.lists(st.integers(0, 500), min_size=1, max_size=12)


@given(SIZES, st.data())
def test_nothing_is_invented_whatever_is_missing(sizes: list[int], data: st.DataObject) -> None:
    """What is read of a stream with holes was sent: in its order, with its size, and no text that was not."""
    texts = [f"{n}:".encode() + b"t" * size for n, size in enumerate(sizes)]
    frames = [masked(TEXT, text) for text in texts]
    whole = b"".join(frames)
    cuts = sorted(data.draw(st.sets(st.integers(1, max(len(whole) - 1, 1)), max_size=8)) | {0, len(whole)})
    pieces = [whole[low:high] for low, high in itertools.pairwise(cuts)]
    lost = data.draw(st.lists(st.booleans(), min_size=len(pieces), max_size=len(pieces)))
    found = row([("c", Hole(piece) if gone else piece) for piece, gone in zip(pieces, lost, strict=True)])
    sent = iter(texts)
    for message in found.messages:
        original = next(text for text in sent if len(text) == message.bytes or message.why == "truncated")
        assert original.decode().startswith(message.text or "")
        assert message.why in (None, "lost", "truncated")
        if message.why is None:
            assert message.text == original.decode()
    assert found.client_missing_bytes == sum(len(p) for p, gone in zip(pieces, lost, strict=True) if gone)
    if not any(lost):
        assert [m.text for m in found.messages] == [text.decode() for text in texts]
